//! Running text: logs, mail, notes; hits are counted by kind, and the first ones named by line.

use std::collections::BTreeMap;

use kluis_discover::detect::{Certainty, Hit, Stream};
use kluis_discover::{Kind, PLACES_MAX, Place, Source, TextFinding, mask};

use crate::Scan;
use crate::input::Input;

/// How often the progress is told, in pieces.
const TELL_EVERY: u32 = 16;

/// Reads text to its end.
pub(crate) fn read(scan: &mut Scan<'_>, input: &mut Input<'_>, source: &mut Source) {
    let mut found = Found::default();
    let mut pieces = 0u32;
    {
        let scanner = core::mem::take(&mut scan.scanner);
        let mut stream = Stream::new(&scanner);
        loop {
            let piece = input.fill();
            if piece.is_empty() {
                break;
            }
            let length = piece.len();
            found.lines(piece);
            stream.feed(piece, |at, hit, value| found.add(at, hit, value));
            input.consume(length);
            pieces += 1;
            if pieces.is_multiple_of(TELL_EVERY) {
                scan.step(input.bytes_read());
            }
        }
        stream.finish(|at, hit, value| found.add(at, hit, value));
        scan.scanner = scanner;
    }
    source.texts = found.findings();
}

/// Hits of one text.
#[derive(Default)]
struct Found {
    kinds: BTreeMap<Kind, TextFinding>,
    /// Where lines begin in the last pieces, for naming hits; the oldest are dropped.
    starts: std::collections::VecDeque<u64>,
    /// The number of the oldest line in `starts`, from 1.
    first_line: u64,
    bytes: u64,
}

/// Lines of which the beginning is remembered.
const LINES_KEPT: usize = 65_536;

impl Found {
    fn lines(&mut self, piece: &[u8]) {
        if self.bytes == 0 && self.starts.is_empty() {
            self.starts.push_back(0);
            self.first_line = 1;
        }
        for at in memchr::memchr_iter(b'\n', piece) {
            self.starts.push_back(self.bytes + at as u64 + 1);
            if self.starts.len() > LINES_KEPT {
                self.starts.pop_front();
                self.first_line += 1;
            }
        }
        self.bytes += piece.len() as u64;
    }

    fn add(&mut self, at: u64, hit: Hit, value: &[u8]) {
        let finding = self.kinds.entry(hit.kind).or_insert_with(|| TextFinding {
            kind: hit.kind,
            certainty: Certainty::Possible,
            count: 0,
            places: Vec::new(),
        });
        finding.count += 1;
        // What is more certain is worth more: it takes the places of what is less.
        if hit.certainty > finding.certainty {
            finding.certainty = hit.certainty;
            finding.places.clear();
        }
        if hit.certainty == finding.certainty && finding.places.len() < PLACES_MAX {
            let before = self.starts.partition_point(|start| *start <= at) as u64;
            let line = self.first_line + before.saturating_sub(1);
            finding.places.push(Place { line, byte: at, sample: mask(hit.kind, value) });
        }
    }

    fn findings(self) -> Vec<TextFinding> {
        self.kinds.into_values().collect()
    }
}
