//! What a client sent and nobody used yet: lines of commands, bounded, wiped after use.

use std::fmt;

/// Bytes of a line with a command: RFC 5321 §4.5.3.1.4 has 512; a sign-in may be longer.
const COMMAND_BYTES_MAX: usize = 2048;

/// Bytes that were not used yet. What was used is wiped, since it may be a secret.
#[derive(Default)]
pub(super) struct Input {
    bytes: zeroize::Zeroizing<Vec<u8>>,
    begin: usize,
    /// The line that goes on is too long already: it is dropped up to its end.
    is_overlong: bool,
}

pub(super) enum Line {
    Part,
    Whole(zeroize::Zeroizing<Vec<u8>>),
    TooLong,
    /// It ended with LF alone.
    Lone,
}

impl Input {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.begin > 0 {
            let begin = std::mem::take(&mut self.begin);
            self.bytes.drain(..begin);
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }

    /// Leaves out at most so many bytes and says how many.
    pub(super) fn skip(&mut self, octets: u64) -> u64 {
        let left = self.bytes.len() - self.begin;
        let used = usize::try_from(octets).unwrap_or(usize::MAX).min(left);
        self.begin += used;
        used as u64
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.begin = 0;
        self.is_overlong = false;
    }

    pub(super) fn take_line(&mut self) -> Line {
        let rest = &self.bytes[self.begin..];
        let Some(end) = memchr::memchr(b'\n', rest) else {
            if rest.len() > COMMAND_BYTES_MAX {
                self.is_overlong = true;
            }
            if self.is_overlong {
                self.begin = self.bytes.len();
            }
            return Line::Part;
        };
        let from = self.begin;
        self.begin += end + 1;
        if std::mem::take(&mut self.is_overlong) || end >= COMMAND_BYTES_MAX {
            return Line::TooLong;
        }
        let line = &mut self.bytes[from..from + end];
        let taken = line.strip_suffix(b"\r").map(<[u8]>::to_vec);
        line.fill(0);
        taken.map_or(Line::Lone, |line| Line::Whole(zeroize::Zeroizing::new(line)))
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} bytes)", self.bytes.len() - self.begin)
    }
}
