//! A scan over pieces of any size: whatever lies across a border is found as if the whole text were at hand.

use super::{Hit, Memory, REACH, Scanner};

/// Bytes before a piece that are kept as context.
const BEFORE: usize = REACH;

/// A scan that is fed piece by piece; memory is one piece and a kilobyte.
#[derive(Debug)]
pub struct Stream<'a> {
    scanner: &'a Scanner,
    /// Context, what was not scanned yet, and the newest piece.
    buffer: Vec<u8>,
    /// Where scanning goes on in the buffer.
    from: usize,
    /// Which byte of the whole the buffer begins with.
    base: u64,
    memory: Memory,
}

impl<'a> Stream<'a> {
    /// Begins at the first byte.
    #[must_use]
    pub fn new(scanner: &'a Scanner) -> Self {
        Self { scanner, buffer: Vec::new(), from: 0, base: 0, memory: Memory::default() }
    }

    /// Scans a piece. Hits come with their place counted from the first byte of the whole and with their bytes.
    pub fn feed(&mut self, piece: &[u8], mut on_hit: impl FnMut(u64, Hit, &[u8])) {
        self.buffer.extend_from_slice(piece);
        let to = self.buffer.len().saturating_sub(REACH);
        self.scan(to, &mut on_hit);
    }

    /// Scans what is left.
    pub fn finish(mut self, mut on_hit: impl FnMut(u64, Hit, &[u8])) {
        let to = self.buffer.len();
        self.scan(to, &mut on_hit);
    }

    fn scan(&mut self, to: usize, on_hit: &mut dyn FnMut(u64, Hit, &[u8])) {
        let is_last = to == self.buffer.len();
        if to <= self.from && !is_last {
            return;
        }
        let (buffer, base) = (&self.buffer, self.base);
        // A word that goes on past the border is scanned with the next piece.
        let mut stop = to;
        if !is_last {
            let is_inside = |at: usize| super::is_word(buffer[at - 1]) && super::is_word(buffer[at]);
            while stop > self.from && to - stop < REACH / 2 && is_inside(stop) {
                stop -= 1;
            }
            if stop == self.from {
                stop = to;
            }
        }
        let end = self.scanner.scan_part(buffer, self.from, stop, &mut self.memory, &mut |hit| {
            on_hit(base + hit.start as u64, hit, &buffer[hit.start..hit.end]);
        });
        self.from = end.min(self.buffer.len());
        if self.from > BEFORE {
            let gone = self.from - BEFORE;
            self.buffer.drain(..gone);
            self.memory.shift(gone);
            self.from -= gone;
            self.base += gone as u64;
        }
    }
}
