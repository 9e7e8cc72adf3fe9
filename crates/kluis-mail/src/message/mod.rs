//! A message as bytes: its header fields in order with their folding, its body, and files brought to CRLF first.

mod address;

pub use address::{ADDRESSES_MAX, AddressError, Mailbox, mailboxes, uris};

use std::borrow::Cow;

/// Bytes of a header that are read.
pub const HEADER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Fields of a header that are read.
pub const FIELDS_MAX: usize = 5000;

/// A message: nothing is copied, nothing is unfolded.
#[derive(Clone)]
pub struct Message<'a> {
    fields: Vec<Field<'a>>,
    body: &'a [u8],
}

/// A header field.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    raw: &'a [u8],
    /// Bytes of the name, printable ASCII.
    name: usize,
    colon: usize,
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The header has more than [`HEADER_BYTES_MAX`] bytes.
    #[error("the header is longer than 2 MiB")]
    HeaderTooLong,
    /// The header has more than [`FIELDS_MAX`] fields.
    #[error("the header has more than 5000 fields")]
    TooManyFields,
    /// A line of the header is neither a field nor a continuation.
    #[error("line {line} of the header is no field")]
    NoField {
        /// The line, from 1.
        line: usize,
    },
}

impl<'a> Message<'a> {
    /// Splits a message whose lines end with CRLF at its first empty line; a message without one has no body.
    ///
    /// Lone CR and LF are ordinary bytes here (RFC 5322 §2.3 forbids them): see [`with_crlf`] and [`lone_line_end`].
    ///
    /// # Errors
    /// When the header is too large or holds a line that belongs to no field.
    pub fn read(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let (mut at, mut line) = (0, 0);
        while at < bytes.len() {
            let limit = bytes.len().min(HEADER_BYTES_MAX + 2);
            let end = at + line_length(&bytes[at..limit]);
            let text = &bytes[at..end];
            if text == b"\r\n" {
                return Ok(Self { fields, body: &bytes[end..] });
            }
            if end > HEADER_BYTES_MAX {
                return Err(MessageError::HeaderTooLong);
            }
            line += 1;
            if matches!(text[0], b' ' | b'\t') {
                let last = fields.last_mut().ok_or(MessageError::NoField { line })?;
                let from = at - last.raw.len();
                last.raw = &bytes[from..end];
            } else {
                let field = Field::read(text).ok_or(MessageError::NoField { line })?;
                if fields.len() == FIELDS_MAX {
                    return Err(MessageError::TooManyFields);
                }
                fields.push(field);
            }
            at = end;
        }
        Ok(Self { fields, body: &[] })
    }

    /// Returns the fields from top to bottom.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// Returns the fields with a name, in any case, from top to bottom.
    pub fn named<'b>(&'b self, name: &'b str) -> impl DoubleEndedIterator<Item = &'b Field<'a>> {
        self.fields.iter().filter(move |field| field.is(name))
    }

    /// Returns what follows the empty line.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

impl<'a> Field<'a> {
    /// Reads one field with its line ends: a name of printable ASCII (RFC 5322 §2.2), perhaps blanks (§4.5.3), a colon.
    pub(crate) fn read(raw: &'a [u8]) -> Option<Self> {
        let colon = memchr::memchr(b':', raw)?;
        let name = raw[..colon].trim_ascii_end();
        let is_name = !name.is_empty() && name.iter().all(|byte| (0x21..0x7f).contains(byte));
        is_name.then_some(Self { raw, name: name.len(), colon })
    }

    /// Returns the whole field with its line ends; the last field of a cut-off message may have none.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns the name as written, without blanks before the colon.
    #[must_use]
    pub fn name(&self) -> &'a str {
        // Invariant: `read` took only printable ASCII.
        std::str::from_utf8(&self.raw[..self.name]).unwrap_or_default()
    }

    /// Returns what follows the colon, folding and all, without the last line end.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        let value = &self.raw[self.colon + 1..];
        value.strip_suffix(b"\r\n").unwrap_or(value)
    }

    /// Returns the value unfolded (RFC 5322 §2.2.3) and trimmed; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let value: Vec<u8> = self.value().iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
        String::from_utf8_lossy(value.trim_ascii()).into_owned()
    }

    /// Returns whether it has this name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.raw[..self.name].eq_ignore_ascii_case(name.as_bytes())
    }

    /// Returns the length of the name with its colon.
    pub(crate) fn value_begin(&self) -> usize {
        self.colon + 1
    }
}

/// Bytes up to and with the first CRLF, or all.
fn line_length(bytes: &[u8]) -> usize {
    memchr::memmem::find(bytes, b"\r\n").map_or(bytes.len(), |at| at + 2)
}

/// Returns where the first CR without LF or LF without CR is: other programs may see a line end there, so that what
/// one reads is not what another reads.
#[must_use]
pub fn lone_line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr2_iter(b'\r', b'\n', bytes).find(|at| {
        let is_pair = if bytes[*at] == b'\r' {
            bytes.get(at + 1) == Some(&b'\n')
        } else {
            *at > 0 && bytes[at - 1] == b'\r'
        };
        !is_pair
    })
}

/// Brings the line ends of a file to CRLF: lone LF and lone CR become CRLF, and a first line `From …` of a mailbox file
/// is left out. A message from the network needs none of this and must not get it.
#[must_use]
pub fn with_crlf(bytes: &[u8]) -> Cow<'_, [u8]> {
    let bytes = match bytes.strip_prefix(b"From ") {
        Some(rest) => memchr::memchr(b'\n', rest).map_or(bytes, |end| &rest[end + 1..]),
        None => bytes,
    };
    if lone_line_end(bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut from = 0;
    for at in memchr::memchr2_iter(b'\r', b'\n', bytes) {
        if at < from {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(b"\r\n");
        from = at + if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
    }
    out.extend_from_slice(&bytes[from..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_keep_their_order_and_folding() {
        let message = Message::read(b"From : a@b.example\r\nTo:\r\n\tx\r\n y\r\n\r\n\r\nbody").unwrap();
        let [from, to] = message.fields() else { panic!("two fields") };
        assert_eq!(
            (from.name(), from.value(), from.raw()),
            ("From", &b" a@b.example"[..], &b"From : a@b.example\r\n"[..])
        );
        assert_eq!((to.name(), to.value(), to.text().as_str()), ("To", &b"\r\n\tx\r\n y"[..], "x y"));
        assert_eq!(message.body(), b"\r\nbody");
        assert_eq!(message.named("FROM").count(), 1);
    }

    #[test]
    fn a_message_may_lack_parts() {
        for (bytes, fields, body) in [
            (&b""[..], 0, &b""[..]),
            (b"\r\n", 0, b""),
            (b"\r\nx", 0, b"x"),
            (b"A:", 1, b""),
            (b"A:\r\n", 1, b""),
            (b"A:\r\n\r\n", 1, b""),
            (b"A: x\ny\r\n\r\n", 1, b""),
        ] {
            let message = Message::read(bytes).unwrap();
            assert_eq!((message.fields().len(), message.body()), (fields, body), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused_with_its_line() {
        for (bytes, line) in [
            (&b" A: x\r\n"[..], 1),
            (b"A: x\r\nno colon\r\n\r\n", 2),
            (b": x\r\n", 1),
            (b"A B: x\r\n", 1),
            (b"A: x\r\n y\r\n\xc3\xa9: x\r\n", 3),
            (b"A\0: x\r\n", 1),
            (b"\nA: x\r\n", 1),
            (b"From me Mon Jan 1\r\nA: x\r\n", 1),
        ] {
            assert_eq!(Message::read(bytes).err(), Some(MessageError::NoField { line }), "{bytes:?}");
        }
    }

    #[test]
    fn a_header_bomb_is_refused() {
        let many = b"A: x\r\n".repeat(FIELDS_MAX);
        assert_eq!(Message::read(&many).unwrap().fields().len(), FIELDS_MAX);
        let more = b"A: x\r\n".repeat(FIELDS_MAX + 1);
        assert_eq!(Message::read(&more).err(), Some(MessageError::TooManyFields));
        let mut long = b"A: ".to_vec();
        long.resize(HEADER_BYTES_MAX + 1, b'x');
        assert_eq!(Message::read(&long).err(), Some(MessageError::HeaderTooLong));
        let folded = [&b"A: x\r\n"[..], &b" y\r\n".repeat(HEADER_BYTES_MAX / 4)].concat();
        assert_eq!(Message::read(&folded).err(), Some(MessageError::HeaderTooLong));
        let mut fits = b"A: ".to_vec();
        fits.resize(HEADER_BYTES_MAX - 2, b'x');
        fits.extend_from_slice(b"\r\n\r\nbody");
        assert_eq!(Message::read(&fits).unwrap().body(), b"body");
    }

    #[test]
    fn files_are_brought_to_crlf() {
        for (file, wanted) in [
            (&b"A: x\n\nb\n"[..], &b"A: x\r\n\r\nb\r\n"[..]),
            (b"A: x\r\rb\r", b"A: x\r\n\r\nb\r\n"),
            (b"A: x\r\n\nb\r\r\n\n", b"A: x\r\n\r\nb\r\n\r\n\r\n"),
            (b"From a@b.example Mon Jan 1\nA: x\n", b"A: x\r\n"),
            (b"From ", b"From "),
            (b"", b""),
        ] {
            assert_eq!(&*with_crlf(file), wanted, "{file:?}");
        }
        assert!(matches!(with_crlf(b"A: x\r\n\r\nb"), Cow::Borrowed(_)));
        assert_eq!(lone_line_end(b"a\r\nb\r\n"), None);
        for (bytes, at) in [(&b"\n"[..], 0), (b"\r", 0), (b"a\r\n\n", 3), (b"a\r\r\n", 1)] {
            assert_eq!(lone_line_end(bytes), Some(at));
        }
    }

    proptest! {
        #[test]
        fn fields_and_body_are_the_message(bytes in "([A-Z]:[ a]{0,3}\r\n([ \t]x\r\n){0,2}){0,4}(\r\n.{0,9})?") {
            let message = Message::read(bytes.as_bytes()).unwrap();
            let header: Vec<u8> = message.fields().iter().flat_map(|field| field.raw()).copied().collect();
            let blank: &[u8] = if header.len() == bytes.len() { b"" } else { b"\r\n" };
            prop_assert_eq!([&header, blank, message.body()].concat(), bytes.as_bytes());
        }

        #[test]
        fn any_bytes_become_lines_that_end_with_crlf(bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), any::<u8>()], 0..60)) {
            let _ = Message::read(&bytes);
            let once = with_crlf(&bytes).into_owned();
            prop_assert_eq!(lone_line_end(&once), None);
            if !once.starts_with(b"From ") {
                prop_assert_eq!(&*with_crlf(&once), &once[..]);
            }
        }
    }
}
