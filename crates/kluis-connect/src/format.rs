//! Which format a file has, by its first bytes and, where they leave a doubt, its name.

use crate::error::ConnectError;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text with delimiters and a line of headings.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// A list of JSON objects, or objects after each other over several lines.
    Json,
    /// An Excel workbook.
    Xlsx,
}

impl Format {
    /// Tells the format from the first bytes (as they are in the file) and the file's name.
    ///
    /// # Errors
    /// When the bytes are known to be something else: an old Excel file, a packed file, a PDF.
    pub fn sniff(first: &[u8], name: &str) -> Result<Self, ConnectError> {
        if first.is_empty() {
            return Err(ConnectError::Empty);
        }
        if first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06") {
            let zip = name.len() > 4 && name.as_bytes()[name.len() - 4..].eq_ignore_ascii_case(b".zip");
            return if zip { Err(ConnectError::Packed) } else { Ok(Self::Xlsx) };
        }
        if first.starts_with(b"\xD0\xCF\x11\xE0") {
            return Err(ConnectError::OldExcel);
        }
        let packed: [&[u8]; 5] = [b"\x1F\x8B", b"BZh", b"\xFD7zXZ", b"\x28\xB5\x2F\xFD", b"7z\xBC\xAF"];
        if packed.iter().any(|magic| first.starts_with(magic)) {
            return Err(ConnectError::Packed);
        }
        if first.starts_with(b"%PDF-") || first.starts_with(b"\x89PNG") {
            return Err(ConnectError::NotText);
        }
        Ok(Self::of_text(first))
    }

    /// Tells CSV from JSON; NULs of UTF-16 and a byte order mark are passed over.
    fn of_text(first: &[u8]) -> Self {
        let ink = |byte: &&u8| {
            !matches!(**byte, 0 | b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF)
        };
        match first.iter().find(ink) {
            Some(b'[') => Self::Json,
            Some(b'{') => {
                let line = first.split(|byte| *byte == b'\n').find(|line| line.iter().any(|b| ink(&b)));
                let last = line.and_then(|line| line.iter().rfind(ink));
                let whole_line = last == Some(&b'}') || !first.contains(&b'\n');
                if whole_line { Self::Ndjson } else { Self::Json }
            }
            _ => Self::Csv,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        let check = |bytes: &[u8], name: &str, format: Format| {
            assert_eq!(Format::sniff(bytes, name).unwrap(), format, "{name}");
        };
        check(b"PK\x03\x04...", "a.csv", Format::Xlsx);
        check(b"\xEF\xBB\xBFemail;naam\n", "a", Format::Csv);
        check(b" [ {\"a\":1}]", "a", Format::Json);
        check(b"{\"a\":1}\n{\"a\":2}\n", "a", Format::Ndjson);
        check(b"{\"a\":1}", "a", Format::Ndjson);
        check(b"{\n  \"a\":1\n}", "a", Format::Json);
        check(b"\xFF\xFE{\0\"\0a\0\"\0:\x001\0}\0", "a", Format::Ndjson);
    }

    #[test]
    fn other_files_are_refused_by_name() {
        for (bytes, name, id) in [
            (b"".as_slice(), "a.csv", "empty"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1", "a.xls", "old_excel"),
            (b"\x1F\x8B\x08", "a.csv.gz", "packed"),
            (b"PK\x03\x04", "a.ZIP", "packed"),
            (b"%PDF-1.7", "a.csv", "not_text"),
        ] {
            assert_eq!(Format::sniff(bytes, name).unwrap_err().id(), id);
        }
    }
}
