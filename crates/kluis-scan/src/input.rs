//! Bytes of a file in pieces, as UTF-8, with the first of them looked at before reading begins.

use std::io::{self, Read};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes that are looked at to tell what a file is.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// Bytes of a piece.
const PIECE_BYTES: usize = 256 * 1024;

/// A source with its first bytes at hand.
pub(crate) struct Input<'a> {
    source: Box<dyn Read + 'a>,
    /// What was looked at or read and not yet used.
    buffer: Vec<u8>,
    at: usize,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    is_over: bool,
    bytes: u64,
    /// Why it ended before its time.
    trouble: Option<io::Error>,
}

impl<'a> Input<'a> {
    /// Reads the first bytes.
    pub(crate) fn new(source: impl Read + 'a) -> io::Result<Self> {
        let mut input = Self {
            source: Box::new(source),
            buffer: Vec::new(),
            at: 0,
            decoder: None,
            raw: Vec::new(),
            is_over: false,
            bytes: 0,
            trouble: None,
        };
        input.buffer.resize(HEAD_BYTES, 0);
        let mut length = 0;
        while length < HEAD_BYTES {
            match input.source.read(&mut input.buffer[length..]) {
                Ok(0) => {
                    input.is_over = true;
                    break;
                }
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if length == 0 => return Err(error),
                Err(error) => {
                    (input.is_over, input.trouble) = (true, Some(error));
                    break;
                }
            }
        }
        input.buffer.truncate(length);
        input.bytes = length as u64;
        Ok(input)
    }

    /// The first bytes, before [`Input::decode`] as they are in the file.
    pub(crate) fn head(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Turns UTF-16 and Windows-1252 into UTF-8 from here on; takes the byte order mark away.
    pub(crate) fn decode(&mut self) {
        let head = self.head();
        let (encoding, mark) = match head {
            [0xEF, 0xBB, 0xBF, ..] => (None, 3),
            [0xFF, 0xFE, ..] => (Some(UTF_16LE), 2),
            [0xFE, 0xFF, ..] => (Some(UTF_16BE), 2),
            _ if is_utf_16(head, 1) => (Some(UTF_16LE), 0),
            _ if is_utf_16(head, 0) => (Some(UTF_16BE), 0),
            _ if is_utf_8(head) => (None, 0),
            _ => (Some(WINDOWS_1252), 0),
        };
        self.at += mark;
        if let Some(encoding) = encoding {
            self.decoder = Some(encoding.new_decoder_without_bom_handling());
            let raw = self.buffer.split_off(self.at);
            self.buffer.clear();
            self.at = 0;
            self.push_decoded(&raw, self.is_over);
        }
    }

    /// Bytes that are at hand, after reading more when there are none; empty at the end.
    pub(crate) fn fill(&mut self) -> &[u8] {
        while self.at == self.buffer.len() && !self.is_over {
            self.buffer.clear();
            self.at = 0;
            self.read_piece();
        }
        &self.buffer[self.at..]
    }

    /// Takes bytes that were used.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.buffer.len());
    }

    /// Bytes of the source that were read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Why the source ended before its time, if it did.
    pub(crate) fn trouble(&self) -> Option<&io::Error> {
        self.trouble.as_ref()
    }

    fn read_piece(&mut self) {
        let mut raw = core::mem::take(&mut self.raw);
        raw.resize(PIECE_BYTES, 0);
        let read = loop {
            match self.source.read(&mut raw) {
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.trouble = Some(error);
                    break 0;
                }
            }
        };
        self.is_over = read == 0;
        self.bytes += read as u64;
        if self.decoder.is_some() {
            self.push_decoded(&raw[..read], self.is_over);
        } else {
            self.buffer.extend_from_slice(&raw[..read]);
        }
        self.raw = raw;
    }

    fn push_decoded(&mut self, raw: &[u8], is_last: bool) {
        let Some(decoder) = &mut self.decoder else { return };
        // Invariant: the bound is what the decoder itself says it needs.
        let room = decoder.max_utf8_buffer_length(raw.len()).unwrap_or(raw.len() * 3 + 16);
        let start = self.buffer.len();
        self.buffer.resize(start + room, 0);
        let (_, _, written, _) = decoder.decode_to_utf8(raw, &mut self.buffer[start..], is_last);
        self.buffer.truncate(start + written);
    }
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill();
        let count = piece.len().min(into.len());
        into[..count].copy_from_slice(&piece[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// Whether every second byte is zero, as in Western text in UTF-16.
fn is_utf_16(head: &[u8], zero: usize) -> bool {
    let pairs = head[..head.len().min(4_096)].as_chunks::<2>().0;
    let telling = pairs.iter().filter(|pair| pair[zero] == 0 && pair[1 - zero] != 0).count();
    pairs.len() >= 4 && telling * 10 > pairs.len() * 7
}

/// Whether far more sequences are good UTF-8 than bad: a text with one broken character stays UTF-8.
fn is_utf_8(head: &[u8]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in head.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    bad <= 1 || good > bad.saturating_mul(4)
}

/// Whether bytes are no text: zeros, or many control characters.
pub(crate) fn is_binary(head: &[u8]) -> bool {
    if is_utf_16(head, 0) || is_utf_16(head, 1) || matches!(head, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
        return false;
    }
    let control = head.iter().filter(|byte| matches!(byte, 1..=8 | 14..=26 | 28..=31)).count();
    memchr::memchr(0, head).is_some() || control * 20 > head.len()
}
