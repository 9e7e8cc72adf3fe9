//! Bytes of TLS: a cursor that cannot read past the end, and length-prefixed writing.

/// Reads big-endian numbers and length-prefixed bytes; every method is `None` past the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Reads from the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// A number of one byte.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A number of two bytes.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A number of three bytes.
    pub(crate) fn u24(&mut self) -> Option<usize> {
        self.take(3).map(|b| usize::from(b[0]) << 16 | usize::from(b[1]) << 8 | usize::from(b[2]))
    }

    /// A number of eight bytes.
    pub(crate) fn u64(&mut self) -> Option<u64> {
        let bytes = self.take(8)?;
        Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// Bytes behind a length of one byte.
    pub(crate) fn bytes8(&mut self) -> Option<&'a [u8]> {
        let count = self.u8()?;
        self.take(usize::from(count))
    }

    /// Bytes behind a length of two bytes.
    pub(crate) fn bytes16(&mut self) -> Option<&'a [u8]> {
        let count = self.u16()?;
        self.take(usize::from(count))
    }

    /// Bytes behind a length of three bytes.
    pub(crate) fn bytes24(&mut self) -> Option<&'a [u8]> {
        let count = self.u24()?;
        self.take(count)
    }
}

/// Appends what `fill` writes behind its length in two bytes. Longer than 65,535 bytes is cut off.
pub(crate) fn put16(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0, 0]);
    fill(out);
    out.truncate(at + 2 + usize::from(u16::MAX));
    let count = u16::try_from(out.len() - at - 2).unwrap_or(u16::MAX);
    out[at..at + 2].copy_from_slice(&count.to_be_bytes());
}

/// Appends `bytes` behind their length in one byte. Longer than 255 bytes is cut off.
pub(crate) fn put8(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(255)];
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}

/// Appends numbers of two bytes behind the length of all of them in two bytes.
pub(crate) fn put_numbers16(out: &mut Vec<u8>, numbers: &[u16]) {
    put16(out, |out| numbers.iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_at_the_end() {
        let mut cursor = Cursor::new(&[1, 0, 2, 9, 9, 0, 0, 5, 1]);
        assert_eq!(cursor.u8(), Some(1));
        assert_eq!(cursor.bytes16(), Some(&[9, 9][..]));
        let before = cursor;
        assert_eq!(cursor.bytes24(), None);
        assert_eq!(before.rest(), &[0, 0, 5, 1]);
        assert_eq!(Cursor::new(&[]).u8(), None);
        assert_eq!(Cursor::new(&[0]).u16(), None);
        assert_eq!(Cursor::new(&[0; 7]).u64(), None);
        assert_eq!(Cursor::new(&[0, 0, 0, 0, 0, 0, 1, 2]).u64(), Some(258));
    }

    #[test]
    fn lengths_never_lie() {
        let mut out = Vec::new();
        put16(&mut out, |out| out.resize(out.len() + 70_000, 7));
        assert_eq!(out.len(), 2 + 65_535);
        assert_eq!(out[..2], [255, 255]);
        let mut out = Vec::new();
        put8(&mut out, &[1; 300]);
        assert_eq!((out.len(), out[0]), (256, 255));
        let mut out = Vec::new();
        put_numbers16(&mut out, &[0x1301, 2]);
        assert_eq!(out, [0, 4, 0x13, 1, 0, 2]);
    }
}
