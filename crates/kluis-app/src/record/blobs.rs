//! The byte layout of a subject row's `cells` and `terms` columns.
//!
//! Both are a format byte, a count and entries with lengths in front, big endian. They are read
//! only after the row MAC was found right, and still never trusted: every length is checked.

/// The layout written by this version.
const FORMAT: u8 = 1;
/// Entries of one blob at most.
pub(crate) const ENTRIES_MAX: usize = 1_024;

/// The blob does not follow its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed blob")]
pub(crate) struct Malformed;

/// One sealed cell in a row: a copy of one field under the key of one retention class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellRef<'a> {
    /// The retention class by number.
    pub(crate) class: u8,
    /// The field name.
    pub(crate) field: &'a str,
    /// How many times the field was written.
    pub(crate) version: u64,
    /// The sealed bytes.
    pub(crate) sealed: &'a [u8],
}

/// Builds a `cells` blob; entries are written in the order they are given.
pub(crate) struct CellsBlob {
    bytes: Vec<u8>,
    count: u16,
}

impl CellsBlob {
    /// An empty blob.
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(1_024);
        bytes.extend_from_slice(&[FORMAT, 0, 0]);
        Self { bytes, count: 0 }
    }

    /// Appends one cell.
    pub(crate) fn push(&mut self, cell: CellRef<'_>) -> Result<(), Malformed> {
        if usize::from(self.count) >= ENTRIES_MAX {
            return Err(Malformed);
        }
        let name = u8::try_from(cell.field.len()).map_err(|_| Malformed)?;
        let sealed = u32::try_from(cell.sealed.len()).map_err(|_| Malformed)?;
        self.bytes.extend_from_slice(&[cell.class, name]);
        self.bytes.extend_from_slice(cell.field.as_bytes());
        self.bytes.extend_from_slice(&cell.version.to_be_bytes());
        self.bytes.extend_from_slice(&sealed.to_be_bytes());
        self.bytes.extend_from_slice(cell.sealed);
        self.count += 1;
        Ok(())
    }

    /// The finished bytes.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes[1..3].copy_from_slice(&self.count.to_be_bytes());
        self.bytes
    }
}

/// Reads a `cells` blob entry by entry; after an error it ends.
pub(crate) fn cells(bytes: &[u8]) -> impl Iterator<Item = Result<CellRef<'_>, Malformed>> {
    Entries::new(bytes, |reader| {
        let class = reader.byte()?;
        let name = reader.byte()?;
        let field = std::str::from_utf8(reader.take(usize::from(name))?).ok()?;
        let version = u64::from_be_bytes(reader.take(8)?.try_into().ok()?);
        let length = u32::from_be_bytes(reader.take(4)?.try_into().ok()?);
        let sealed = reader.take(usize::try_from(length).ok()?)?;
        Some(CellRef { class, field, version, sealed })
    })
}

/// The value of one blind index entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TermValue {
    /// 128 bit, under a unique constraint.
    Unique([u8; 16]),
    /// Truncated or shared by many customers: decrypt and check.
    Bucket(u64),
}

/// One blind index entry of a customer: what the index tables hold, repeated under the row MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term<K> {
    /// The kind of field.
    pub(crate) kind: K,
    /// The version of the index key.
    pub(crate) version: u8,
    /// The keyed hash.
    pub(crate) value: TermValue,
}

/// Writes a `terms` blob; `kind` gives the stable number of a kind.
pub(crate) fn write_terms<K: Copy>(terms: &[Term<K>], kind: impl Fn(K) -> u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3 + terms.len() * 19);
    bytes.push(FORMAT);
    let count = u16::try_from(terms.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&count.to_be_bytes());
    for term in terms {
        match &term.value {
            TermValue::Unique(hash) => {
                bytes.extend_from_slice(&[0, kind(term.kind), term.version]);
                bytes.extend_from_slice(hash);
            }
            TermValue::Bucket(bucket) => {
                bytes.extend_from_slice(&[1, kind(term.kind), term.version]);
                bytes.extend_from_slice(&bucket.to_be_bytes());
            }
        }
    }
    bytes
}

/// Reads a `terms` blob.
pub(crate) fn read_terms<K>(bytes: &[u8], kind: impl Fn(u8) -> Option<K>) -> Result<Vec<Term<K>>, Malformed> {
    Entries::new(bytes, |reader| {
        let unique = reader.byte()?;
        let kind = kind(reader.byte()?)?;
        let version = reader.byte()?;
        let value = match unique {
            0 => TermValue::Unique(reader.take(16)?.try_into().ok()?),
            1 => TermValue::Bucket(u64::from_be_bytes(reader.take(8)?.try_into().ok()?)),
            _ => return None,
        };
        Some(Term { kind, version, value })
    })
    .collect()
}

/// A cursor that never reads past the end.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }
}

/// The entries behind the head of a blob; bytes after the last entry are an error too.
struct Entries<'a, F> {
    reader: Reader<'a>,
    left: Option<u16>,
    read: F,
}

impl<'a, T, F: FnMut(&mut Reader<'a>) -> Option<T>> Entries<'a, F> {
    fn new(bytes: &'a [u8], read: F) -> Self {
        let mut reader = Reader { rest: bytes };
        let head = reader.take(3).filter(|head| head[0] == FORMAT);
        // A wrong head leaves one entry to read from nothing, which is the error.
        let left = head.map(|head| u16::from_be_bytes([head[1], head[2]]));
        if left.is_none() {
            reader.rest = &[];
        }
        Self { reader, left: Some(left.unwrap_or(1)), read }
    }
}

impl<'a, T, F: FnMut(&mut Reader<'a>) -> Option<T>> Iterator for Entries<'a, F> {
    type Item = Result<T, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.left?;
        if left == 0 {
            self.left = None;
            return (!self.reader.rest.is_empty()).then_some(Err(Malformed));
        }
        let entry = (self.read)(&mut self.reader).ok_or(Malformed);
        self.left = entry.is_ok().then_some(left - 1);
        Some(entry)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        let mut blob = CellsBlob::new();
        blob.push(CellRef { class: 0, field: "email", version: 1, sealed: b"sealed" }).unwrap();
        blob.push(CellRef { class: 1, field: "street", version: 9, sealed: b"" }).unwrap();
        blob.into_bytes()
    }

    #[test]
    fn cells_come_back_as_written() {
        let bytes = sample();
        let read: Vec<_> = cells(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0], CellRef { class: 0, field: "email", version: 1, sealed: b"sealed" });
        assert_eq!(read[1].version, 9);
        assert_eq!(cells(&CellsBlob::new().into_bytes()).count(), 0);
    }

    #[test]
    fn a_cut_or_longer_blob_is_refused() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert!(cells(&bytes[..end]).any(|cell| cell.is_err()), "cut at {end}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(cells(&longer).any(|cell| cell.is_err()));
        let mut other = bytes;
        other[0] = 2;
        assert!(cells(&other).any(|cell| cell.is_err()), "another format");
    }

    #[test]
    fn too_many_cells_and_long_names_are_refused() {
        let mut blob = CellsBlob::new();
        for _ in 0..ENTRIES_MAX {
            blob.push(CellRef { class: 0, field: "a", version: 1, sealed: b"" }).unwrap();
        }
        assert!(blob.push(CellRef { class: 0, field: "a", version: 1, sealed: b"" }).is_err());
        let name = "a".repeat(256);
        let cell = CellRef { class: 0, field: &name, version: 1, sealed: b"" };
        assert!(CellsBlob::new().push(cell).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn terms_round_trip(terms in prop::collection::vec((0_u8..9, 1_u8..4, any::<[u8; 16]>(), any::<bool>()), 0..20)) {
            let terms: Vec<_> = terms.into_iter().map(|(kind, version, hash, unique)| {
                let bucket = u64::from_be_bytes(hash[..8].try_into().unwrap());
                let value = if unique { TermValue::Unique(hash) } else { TermValue::Bucket(bucket) };
                Term { kind, version, value }
            }).collect();
            let bytes = write_terms(&terms, |kind| kind);
            prop_assert_eq!(read_terms(&bytes, Some).unwrap(), terms);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = cells(&bytes).count();
            let _ = read_terms(&bytes, Some);
        }
    }
}
