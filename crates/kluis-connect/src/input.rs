//! Bytes of a file as UTF-8 or single bytes: sniffs the encoding, turns UTF-16 into UTF-8, decodes cells.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::error::RejectReason;

/// How much of a file is looked at to tell encoding and delimiter, in bytes.
pub(crate) const PREFIX_BYTES: usize = 64 * 1024;

/// A source of bytes that can go back.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// The encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Only ASCII so far: the first other character decides between UTF-8 and Windows-1252.
    Ascii,
    /// UTF-8.
    Utf8,
    /// UTF-16, small end first.
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
    /// Windows-1252, what Excel in Western Europe writes as "CSV".
    Windows1252,
}

impl Encoding {
    /// Tells the encoding of a text from its first bytes, and how long its byte order mark is.
    pub(crate) fn sniff(first: &[u8]) -> (Self, usize) {
        match first {
            [0xEF, 0xBB, 0xBF, ..] => return (Self::Utf8, 3),
            [0xFF, 0xFE, ..] => return (Self::Utf16Le, 2),
            [0xFE, 0xFF, ..] => return (Self::Utf16Be, 2),
            _ => {}
        }
        let pairs = first[..first.len().min(4096)].as_chunks::<2>().0;
        let share = |zero: usize| pairs.iter().filter(|pair| pair[zero] == 0 && pair[1 - zero] != 0).count();
        if share(1) * 10 > pairs.len() * 7 {
            return (Self::Utf16Le, 0);
        }
        if share(0) * 10 > pairs.len() * 7 {
            return (Self::Utf16Be, 0);
        }
        (Self::sniff_bytes(first), 0)
    }

    /// Tells UTF-8 from Windows-1252: a broken UTF-8 file has far more good than bad sequences.
    fn sniff_bytes(first: &[u8]) -> Self {
        let (mut good, mut bad) = (0_usize, 0_usize);
        for chunk in first.utf8_chunks() {
            good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
            bad += usize::from(!chunk.invalid().is_empty());
        }
        let cut_off = first.utf8_chunks().last().is_some_and(|last| !last.invalid().is_empty());
        let bad = bad - usize::from(cut_off && first.len() >= PREFIX_BYTES);
        match (good, bad) {
            (0, 0) => Self::Ascii,
            (good, bad) if good > bad.saturating_mul(4) => Self::Utf8,
            _ => Self::Windows1252,
        }
    }

    /// Returns the text of a cell; an undecided file becomes UTF-8 or Windows-1252 at its first special character.
    pub(crate) fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Cow<'a, str>, RejectReason> {
        match (std::str::from_utf8(bytes), *self) {
            (Ok(text), Self::Ascii) => {
                if !bytes.is_ascii() {
                    *self = Self::Utf8;
                }
                Ok(Cow::Borrowed(text))
            }
            (Ok(text), Self::Utf8) => Ok(Cow::Borrowed(text)),
            // The decoder puts U+FFFD where UTF-16 was broken: a lone surrogate or a half unit at the end.
            (Ok(text), Self::Utf16Le | Self::Utf16Be) if !text.contains('\u{FFFD}') => {
                Ok(Cow::Borrowed(text))
            }
            (_, Self::Windows1252) => Ok(WINDOWS_1252.decode_without_bom_handling(bytes).0),
            (Err(_), Self::Ascii) => {
                *self = Self::Windows1252;
                Ok(WINDOWS_1252.decode_without_bom_handling(bytes).0)
            }
            _ => Err(RejectReason::Encoding),
        }
    }
}

/// The bytes of a file in pieces: as they are, or UTF-16 turned into UTF-8.
pub(crate) struct Input {
    source: Box<dyn ReadSeek + Send>,
    /// UTF-16 as read; empty for other encodings.
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    decoder: Option<Decoder>,
    text: Vec<u8>,
    at: usize,
    end: usize,
    ended: bool,
    bytes_read: u64,
}

impl Input {
    /// Starts after the byte order mark.
    pub(crate) fn new(
        mut source: Box<dyn ReadSeek + Send>,
        encoding: Encoding,
        bom_bytes: usize,
    ) -> io::Result<Self> {
        source.seek(SeekFrom::Start(bom_bytes as u64))?;
        let decoder = match encoding {
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_without_bom_handling()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_without_bom_handling()),
            Encoding::Ascii | Encoding::Utf8 | Encoding::Windows1252 => None,
        };
        let raw = vec![0; if decoder.is_some() { PREFIX_BYTES } else { 0 }];
        let (text, bytes_read) = (vec![0; PREFIX_BYTES], bom_bytes as u64);
        Ok(Self {
            source,
            raw,
            raw_at: 0,
            raw_end: 0,
            decoder,
            text,
            at: 0,
            end: 0,
            ended: false,
            bytes_read,
        })
    }

    /// Returns the bytes at hand, reading more when there are none; empty at the end of the file.
    pub(crate) fn fill(&mut self) -> io::Result<&[u8]> {
        while self.at == self.end && !self.ended {
            (self.at, self.end) = (0, 0);
            match &mut self.decoder {
                None => {
                    self.end = read_some(&mut self.source, &mut self.text)?;
                    self.bytes_read += self.end as u64;
                    self.ended = self.end == 0;
                }
                Some(decoder) => {
                    if self.raw_at == self.raw_end {
                        self.raw_at = 0;
                        self.raw_end = read_some(&mut self.source, &mut self.raw)?;
                        self.bytes_read += self.raw_end as u64;
                    }
                    let last = self.raw_end == 0;
                    let waiting = &self.raw[self.raw_at..self.raw_end];
                    let (_, read, written, _) = decoder.decode_to_utf8(waiting, &mut self.text, last);
                    self.raw_at += read;
                    self.end = written;
                    self.ended = last;
                }
            }
        }
        Ok(&self.text[self.at..self.end])
    }

    /// Marks bytes of [`Input::fill`] as used.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.end);
    }

    /// Returns how many bytes of the file were read.
    pub(crate) const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}

/// Reads at least one byte unless the source has ended.
pub(crate) fn read_some(source: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Reads the first [`PREFIX_BYTES`] of a source and goes back to its start.
pub(crate) fn read_prefix(source: &mut (dyn ReadSeek + Send)) -> io::Result<Vec<u8>> {
    source.seek(SeekFrom::Start(0))?;
    let mut prefix = Vec::with_capacity(PREFIX_BYTES);
    source.take(PREFIX_BYTES as u64).read_to_end(&mut prefix)?;
    source.seek(SeekFrom::Start(0))?;
    Ok(prefix)
}

/// Returns the first part of a text as UTF-8 (or as single bytes, where that is enough to see delimiters).
pub(crate) fn readable(prefix: &[u8], encoding: Encoding, bom_bytes: usize) -> Cow<'_, [u8]> {
    let rest = prefix.get(bom_bytes..).unwrap_or_default();
    let decode = |encoding: &'static encoding_rs::Encoding| {
        let even = &rest[..rest.len() & !1];
        Cow::Owned(encoding.decode_without_bom_handling(even).0.into_owned().into_bytes())
    };
    match encoding {
        Encoding::Utf16Le => decode(UTF_16LE),
        Encoding::Utf16Be => decode(UTF_16BE),
        Encoding::Ascii | Encoding::Utf8 | Encoding::Windows1252 => Cow::Borrowed(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        let check = |bytes: &[u8], expected: (Encoding, usize)| assert_eq!(Encoding::sniff(bytes), expected);
        check(b"\xEF\xBB\xBFnaam", (Encoding::Utf8, 3));
        check(b"\xFF\xFEn\0a\0", (Encoding::Utf16Le, 2));
        check(b"\xFE\xFF\0n\0a", (Encoding::Utf16Be, 2));
        check(b"n\0a\0a\0m\0", (Encoding::Utf16Le, 0));
        check(b"\0n\0a\0a\0m", (Encoding::Utf16Be, 0));
        check("naam,café".as_bytes(), (Encoding::Utf8, 0));
        check(b"naam,caf\xE9", (Encoding::Windows1252, 0));
        check(b"naam,cafe", (Encoding::Ascii, 0));
    }

    #[test]
    fn an_undecided_file_is_decided_by_its_first_special_character() {
        let mut encoding = Encoding::Ascii;
        assert_eq!(encoding.decode(b"Noor").as_deref(), Ok("Noor"));
        assert_eq!(encoding.decode(b"Zo\xEB \x80").as_deref(), Ok("Zoë €"));
        assert_eq!(encoding, Encoding::Windows1252);
        let mut encoding = Encoding::Ascii;
        assert_eq!(encoding.decode("Zoë".as_bytes()).as_deref(), Ok("Zoë"));
        assert_eq!(encoding.decode(b"Zo\xEB"), Err(RejectReason::Encoding));
    }
}
