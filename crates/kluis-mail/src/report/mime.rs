//! The little of MIME that finding attachments needs (RFC 2045, 2046, 2231): bounded, never copying what it skips.

use std::borrow::Cow;

use super::text;

/// Bytes of one header field that are looked at.
const FIELD_BYTES_MAX: usize = 8 * 1024;
/// Header lines that are looked at; what follows counts as body.
const HEADER_LINES_MAX: usize = 20_000;

/// A mail or a part of one.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// Type and subtype in lower case; `text/plain` when it does not say.
    pub(crate) kind: String,
    /// The file name it gives, without folders.
    pub(crate) name: Option<String>,
    boundary: Option<String>,
    encoding: Encoding,
    body: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    None,
    Base64,
    QuotedPrintable,
}

/// Reads the header of a mail or part.
pub(crate) fn read(bytes: &[u8]) -> Part<'_> {
    let wanted = ["content-type", "content-transfer-encoding", "content-disposition"];
    let (fields, body) = header(bytes, wanted);
    let [kind, encoding, disposition] = fields;
    let kind = kind.unwrap_or_default();
    let disposition = disposition.unwrap_or_default();
    let name = parameter(&disposition, "filename").or_else(|| parameter(&kind, "name"));
    let word = |value: &str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let encoding = match word(&encoding.unwrap_or_default()).as_str() {
        "base64" => Encoding::Base64,
        "quoted-printable" => Encoding::QuotedPrintable,
        _ => Encoding::None,
    };
    let boundary =
        parameter(&kind, "boundary").filter(|boundary| !boundary.is_empty() && boundary.len() <= 200);
    let kind = word(&kind);
    Part {
        kind: if kind.contains('/') { kind } else { "text/plain".to_owned() },
        name: name.map(|name| text::file_name(&name)).filter(|name| !name.is_empty()),
        boundary,
        encoding,
        body,
    }
}

impl<'a> Part<'a> {
    /// Whether it has parts of its own.
    pub(crate) fn is_multipart(&self) -> bool {
        self.kind.starts_with("multipart/") && self.boundary.is_some()
    }

    /// Its parts, at most one more than `parts_max`.
    pub(crate) fn parts(&self, parts_max: usize) -> Vec<&'a [u8]> {
        let Some(boundary) = &self.boundary else { return Vec::new() };
        let mark = format!("--{boundary}");
        let mut parts = Vec::new();
        let mut open: Option<usize> = None;
        for at in memchr::memmem::find_iter(self.body, mark.as_bytes()) {
            if at > 0 && self.body[at - 1] != b'\n' {
                continue;
            }
            let rest = &self.body[at + mark.len()..];
            let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let is_end = rest.starts_with(b"--");
            // A longer boundary that begins with this one is another boundary.
            if !is_end && !rest[..line].trim_ascii().is_empty() {
                continue;
            }
            if let Some(start) = open.take() {
                parts.push(&self.body[start.min(at)..at]);
                if parts.len() > parts_max {
                    return parts;
                }
            }
            if is_end {
                return parts;
            }
            open = Some((at + mark.len() + line + 1).min(self.body.len()));
        }
        parts.extend(open.map(|start| &self.body[start..]));
        parts
    }

    /// Its content, decoded.
    pub(crate) fn content(&self) -> Cow<'a, [u8]> {
        match self.encoding {
            Encoding::None => Cow::Borrowed(self.body),
            Encoding::Base64 => Cow::Owned(base64(self.body)),
            Encoding::QuotedPrintable => Cow::Owned(quoted_printable(self.body)),
        }
    }
}

/// The first of each wanted header field (names in lower case), unfolded, and the body.
pub(crate) fn header<'a, const N: usize>(
    bytes: &'a [u8],
    wanted: [&str; N],
) -> ([Option<String>; N], &'a [u8]) {
    let mut found = [const { None }; N];
    let mut open: Option<usize> = None;
    let mut at = 0;
    for count in 0.. {
        let rest = &bytes[at..];
        if rest.is_empty() || count >= HEADER_LINES_MAX {
            break;
        }
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest[..length].trim_ascii_end();
        at += length;
        if line.is_empty() {
            break;
        }
        if matches!(line[0], b' ' | b'\t') {
            if let Some(value) = open.and_then(|field| found[field].as_mut()) {
                append(value, line);
            }
            continue;
        }
        open = None;
        let Some(colon) = memchr::memchr(b':', &line[..line.len().min(100)]) else { continue };
        let name = line[..colon].trim_ascii_end();
        let field = wanted.iter().position(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
        if let Some(field) = field.filter(|field| found[*field].is_none()) {
            let mut value = String::new();
            append(&mut value, &line[colon + 1..]);
            found[field] = Some(value);
            open = Some(field);
        }
    }
    (found, &bytes[at..])
}

fn append(value: &mut String, line: &[u8]) {
    let room = FIELD_BYTES_MAX.saturating_sub(value.len());
    let line = &line[..line.len().min(room)];
    if !value.is_empty() {
        value.push(' ');
    }
    value.push_str(String::from_utf8_lossy(line).trim());
}

/// A parameter of a header field; also in pieces (`name*0=`, `name*1=`) and percent-encoded (`name*=utf-8''…`).
fn parameter(field: &str, wanted: &str) -> Option<String> {
    let mut pieces: Vec<(u32, String)> = Vec::new();
    for (name, value) in parameters(field) {
        let Some(tail) = name
            .get(..wanted.len())
            .filter(|head| head.eq_ignore_ascii_case(wanted))
            .map(|_| &name[wanted.len()..])
        else {
            continue;
        };
        if tail.is_empty() {
            return Some(value);
        }
        let Some(tail) = tail.strip_prefix('*') else { continue };
        let (number, is_encoded) = match tail.strip_suffix('*') {
            Some(number) => (number, true),
            None => (tail, tail.is_empty()),
        };
        let number = if number.is_empty() { 0 } else { number.parse().unwrap_or(u32::MAX) };
        let value =
            if is_encoded { percent(if number == 0 { charset_off(&value) } else { &value }) } else { value };
        if pieces.len() < 100 {
            pieces.push((number, value));
        }
    }
    pieces.sort_by_key(|(number, _)| *number);
    (!pieces.is_empty()).then(|| pieces.into_iter().map(|(_, value)| value).collect())
}

/// The parameters behind the first `;`, quotes removed.
fn parameters(field: &str) -> Vec<(String, String)> {
    let mut list = Vec::new();
    let mut rest = field.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.rsplit(';').next().unwrap_or(name).trim().to_owned();
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        list.push((name, value));
        rest = next;
    }
    list
}

/// A quoted text up to its closing quote, and what follows.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            // Only these two are escaped in earnest; other backslashes are of paths that somebody did not escape.
            '\\' if quoted[at + 1..].starts_with(['"', '\\']) => value.extend(chars.next().map(|(_, c)| c)),
            _ => value.push(c),
        }
    }
    (value, "")
}

fn charset_off(value: &str) -> &str {
    value.splitn(3, '\'').nth(2).unwrap_or(value)
}

fn percent(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex_digit(*high) << 4 | hex_digit(*low));
                after
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => 0,
    }
}

/// Base64 (RFC 2045 §6.8): what is not of the alphabet is skipped, padding ends a group.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const OTHER: u8 = 0xff;
    const TABLE: [u8; 256] = {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut table = [OTHER; 256];
        let mut at = 0_u8;
        while at < 64 {
            table[alphabet[at as usize] as usize] = at;
            at += 1;
        }
        table
    };
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut group, mut count) = (0_u32, 0_u8);
    for byte in bytes {
        let value = TABLE[usize::from(*byte)];
        if value == OTHER {
            if *byte == b'=' {
                flush(&mut out, group, count);
                (group, count) = (0, 0);
            }
            continue;
        }
        group = group << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&group.to_be_bytes()[1..]);
            (group, count) = (0, 0);
        }
    }
    flush(&mut out, group, count);
    out
}

/// The bytes of a group that is not full.
fn flush(out: &mut Vec<u8>, group: u32, count: u8) {
    match count {
        2 => out.push((group >> 4 & 0xff) as u8),
        3 => out.extend_from_slice(&(group >> 2 & 0xffff).to_be_bytes()[2..]),
        _ => {}
    }
}

/// Quoted-printable (RFC 2045 §6.7); what is wrong stays as it is.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = match &rest[at + 1..] {
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => after,
            [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex_digit(*high) << 4 | hex_digit(*low));
                after
            }
            after => {
                out.push(b'=');
                after
            }
        };
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_of_all_kinds() {
        let name = |field: &str| parameter(field, "filename");
        assert_eq!(name("attachment; filename=\"a;b\\\"c.xml\"").unwrap(), "a;b\"c.xml");
        assert_eq!(name("attachment;filename=a.xml; size=3").unwrap(), "a.xml");
        assert_eq!(name("attachment; FileName*=utf-8''caf%C3%A9.xml").unwrap(), "café.xml");
        assert_eq!(name("attachment; filename*1=\"b.xml\"; filename*0=\"a!\"").unwrap(), "a!b.xml");
        assert_eq!(name("attachment; filename*0*=utf-8''a%21; filename*1=b").unwrap(), "a!b");
        for wrong in ["", "attachment", "attachment; filename", "attachment; filenamex=1", ";;;=;", "a; é=1"]
        {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_and_boundaries() {
        let mail = b"Content-Type: multipart/mixed;\r\n boundary=\"b\"\r\n\r\npreamble\r\n--b\r\nA: 1\r\n\r\none\r\n--bb\r\n--b\r\n\r\ntwo\r\n--b--\r\n--b\r\nafter";
        let parts = read(mail).parts(10);
        assert_eq!(parts.len(), 2);
        assert!(parts[0].ends_with(b"one\r\n--bb\r\n"));
        assert_eq!(read(parts[1]).content().as_ref(), b"two\r\n");
        let open = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhalf";
        assert_eq!(read(open).parts(10), [b"\nhalf".as_slice()]);
        assert!(!read(b"Content-Type: multipart/mixed\n\nx").is_multipart());
        assert!(!read(b"").is_multipart());
    }

    #[test]
    fn quoted() {
        assert_eq!(quoted_printable(b"a=3D=\r\nb=\nc=zz="), b"a=bc=zz=");
    }

    proptest! {
        #[test]
        fn base64_reads_what_is_written(bytes in proptest::collection::vec(any::<u8>(), 0..200), width in 1_usize..80) {
            let text = STANDARD.encode(&bytes);
            let lines: Vec<String> = text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
            prop_assert_eq!(base64(lines.join("\r\n").as_bytes()), bytes);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), field in ".{0,80}") {
            let part = read(&bytes);
            let _ = (part.parts(5), part.content());
            let _ = (parameter(&field, "name"), parameters(&field), quoted_printable(&bytes));
        }
    }
}
