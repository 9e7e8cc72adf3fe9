//! Canonicalisation of header fields and bodies (RFC 6376 §3.4), the body in pieces and with bounded memory.

use kluis_crypto::mail::{MailDigest, MailHash, MailHashKind};

use crate::message::Field;

/// How much a message may change on its way before a signature breaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Canon {
    /// Almost nothing.
    #[default]
    Simple,
    /// Blanks and folding.
    Relaxed,
}

impl Canon {
    /// The word in `c=`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Relaxed => "relaxed",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Simple => Self::Relaxed,
            Self::Relaxed => Self::Simple,
        }
    }
}

/// A body that is brought to its canonical form piece by piece; it holds back only counts, never text.
#[derive(Debug, Clone)]
pub struct BodyCanon {
    canon: Canon,
    /// Line ends that are known but may prove to be the blank end of the body.
    line_ends: u64,
    /// A CR was the last byte.
    has_cr: bool,
    /// Blanks were the last bytes before that.
    has_blank: bool,
    is_empty: bool,
}

/// Line ends handed out at once.
const LINE_ENDS: &[u8] = b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

impl BodyCanon {
    /// Returns the state before the first byte.
    #[must_use]
    pub fn new(canon: Canon) -> Self {
        Self { canon, line_ends: 0, has_cr: false, has_blank: false, is_empty: true }
    }

    /// Takes a piece of the body and hands its canonical bytes to `emit`.
    pub fn update(&mut self, piece: &[u8], emit: &mut impl FnMut(&[u8])) {
        match self.canon {
            Canon::Simple => self.simple(piece, emit),
            Canon::Relaxed => self.relaxed(piece, emit),
        }
    }

    /// Ends the body: one line end stays, and an empty body has one only when simple (RFC 6376 §3.4.3, §3.4.4).
    pub fn finish(mut self, emit: &mut impl FnMut(&[u8])) {
        self.settle_cr(emit);
        if self.canon == Canon::Simple || !self.is_empty {
            emit(b"\r\n");
        }
    }

    fn simple(&mut self, mut piece: &[u8], emit: &mut impl FnMut(&[u8])) {
        let Some(first) = piece.first() else { return };
        if self.has_cr && *first == b'\n' {
            self.has_cr = false;
            self.line_ends += 1;
            piece = &piece[1..];
        } else {
            self.settle_cr(emit);
        }
        let has_cr = piece.ends_with(b"\r");
        let mut text = &piece[..piece.len() - usize::from(has_cr)];
        let mut line_ends = 0;
        while let Some(before) = text.strip_suffix(b"\r\n") {
            text = before;
            line_ends += 1;
        }
        if !text.is_empty() {
            self.settle(emit);
            emit(text);
        }
        self.line_ends += line_ends;
        self.has_cr = has_cr;
    }

    fn relaxed(&mut self, piece: &[u8], emit: &mut impl FnMut(&[u8])) {
        let mut at = 0;
        while let Some(byte) = piece.get(at) {
            if *byte == b'\n' && self.has_cr {
                (self.has_cr, self.has_blank) = (false, false);
                self.line_ends += 1;
                at += 1;
                continue;
            }
            self.settle_cr(emit);
            match byte {
                b'\r' => self.has_cr = true,
                b' ' | b'\t' => self.has_blank = true,
                _ => {
                    self.settle(emit);
                    let end = unchanged_end(piece, at);
                    emit(&piece[at..end]);
                    at = end;
                    continue;
                }
            }
            at += 1;
        }
    }

    /// A CR that no LF followed is text.
    fn settle_cr(&mut self, emit: &mut impl FnMut(&[u8])) {
        if std::mem::take(&mut self.has_cr) {
            self.settle(emit);
            emit(b"\r");
        }
    }

    /// Text follows: what was held back belongs to the body.
    fn settle(&mut self, emit: &mut impl FnMut(&[u8])) {
        self.is_empty = false;
        while self.line_ends > 0 {
            let many = usize::try_from(self.line_ends).unwrap_or(usize::MAX).min(LINE_ENDS.len() / 2);
            emit(&LINE_ENDS[..2 * many]);
            self.line_ends -= many as u64;
        }
        if std::mem::take(&mut self.has_blank) {
            emit(b" ");
        }
    }
}

/// How far bytes from a place on (where text stands) are their own relaxed form.
fn unchanged_end(piece: &[u8], from: usize) -> usize {
    let is_text = |at: usize| piece.get(at).is_some_and(|byte| !b" \t\r".contains(byte));
    let mut at = from;
    while let Some(found) = find_blank(&piece[at..]) {
        let here = at + found;
        at = match piece[here] {
            b' ' if is_text(here + 1) => here + 1,
            b'\r' if piece.get(here + 1) == Some(&b'\n') && is_text(here + 2) => here + 2,
            _ => return here,
        };
    }
    piece.len()
}

/// Where the first blank or CR is. Words are short: the search for long runs is begun only behind as many bytes as most
/// words have.
fn find_blank(bytes: &[u8]) -> Option<usize> {
    const WORD_BYTES: usize = 24;
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let (word, rest) = bytes.split_at(bytes.len().min(WORD_BYTES));
    word.iter().position(is_blank).or_else(|| Some(word.len() + memchr::memchr3(b' ', b'\t', b'\r', rest)?))
}

/// The hash of a canonical body, or of its first bytes (`l=`).
#[derive(Clone)]
pub struct BodyHash {
    canon: BodyCanon,
    sink: Sink,
}

#[derive(Clone)]
struct Sink {
    hash: MailHash,
    left: u64,
    total: u64,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let some = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= some as u64;
        self.hash.update(&bytes[..some]);
    }
}

/// What came out of a body.
pub struct BodyDigest {
    /// The hash.
    pub digest: MailDigest,
    /// Bytes of the whole canonical body.
    pub bytes: u64,
}

impl BodyHash {
    /// Returns the state before the first byte; `limit` is `l=`.
    #[must_use]
    pub fn new(canon: Canon, kind: MailHashKind, limit: Option<u64>) -> Self {
        let sink = Sink { hash: MailHash::new(kind), left: limit.unwrap_or(u64::MAX), total: 0 };
        Self { canon: BodyCanon::new(canon), sink }
    }

    /// Takes a piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        let sink = &mut self.sink;
        self.canon.update(piece, &mut |bytes| sink.take(bytes));
    }

    /// Returns the hash of all pieces.
    #[must_use]
    pub fn finish(self) -> BodyDigest {
        let Self { canon, mut sink } = self;
        canon.finish(&mut |bytes| sink.take(bytes));
        BodyDigest { digest: sink.hash.finish(), bytes: sink.total }
    }
}

/// Hands out the canonical form of a field, with its line end.
pub fn field(canon: Canon, field: &Field<'_>, emit: &mut impl FnMut(&[u8])) {
    match canon {
        Canon::Simple => {
            emit(field.raw());
            if !field.raw().ends_with(b"\r\n") {
                emit(b"\r\n");
            }
        }
        Canon::Relaxed => {
            relaxed_name(field.name(), emit);
            relaxed_value(field.value(), emit);
            emit(b"\r\n");
        }
    }
}

/// Hands out the canonical form of a field whose value has a part left out, without its line end: a signature over
/// itself (RFC 6376 §3.7).
pub fn field_without(
    canon: Canon,
    field: &Field<'_>,
    left_out: &std::ops::Range<usize>,
    emit: &mut impl FnMut(&[u8]),
) {
    let (before, after) = (&field.value()[..left_out.start], &field.value()[left_out.end..]);
    match canon {
        Canon::Simple => {
            emit(&field.raw()[..field.value_begin()]);
            emit(before);
            emit(after);
        }
        Canon::Relaxed => {
            relaxed_name(field.name(), emit);
            relaxed_value(&[before, after].concat(), emit);
        }
    }
}

fn relaxed_name(name: &str, emit: &mut impl FnMut(&[u8])) {
    emit(name.to_ascii_lowercase().as_bytes());
    emit(b":");
}

/// Unfolds, makes one space of blanks, and leaves out those at both ends (RFC 6376 §3.4.2).
pub(super) fn relaxed_value(value: &[u8], emit: &mut impl FnMut(&[u8])) {
    let (mut at, mut has_text) = (0, false);
    let mut has_blank = false;
    while at < value.len() {
        match value[at] {
            b' ' | b'\t' => has_blank = true,
            b'\r' if value.get(at + 1) == Some(&b'\n') => at += 1,
            _ => {
                if has_blank && has_text {
                    emit(b" ");
                }
                let rest = &value[at..];
                let end = memchr::memchr3(b' ', b'\t', b'\r', &rest[1..]).map_or(rest.len(), |end| end + 1);
                emit(&rest[..end]);
                (has_text, has_blank) = (true, false);
                at += end;
                continue;
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::message::Message;

    fn body(canon: Canon, pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut state = BodyCanon::new(canon);
        for piece in pieces {
            state.update(piece, &mut |bytes| out.extend_from_slice(bytes));
        }
        state.finish(&mut |bytes| out.extend_from_slice(bytes));
        out
    }

    fn header(canon: Canon, text: &str) -> String {
        let message = Message::read(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        for found in message.fields() {
            field(canon, found, &mut |bytes| out.extend_from_slice(bytes));
        }
        String::from_utf8(out).unwrap()
    }

    /// The whole body at once, the way RFC 6376 §3.4.4 tells it, and slowly.
    fn relaxed_plainly(text: &[u8]) -> Vec<u8> {
        let text: String = text.iter().map(|byte| char::from(*byte)).collect();
        let mut lines: Vec<String> = Vec::new();
        for line in text.split("\r\n") {
            let mut out = String::new();
            for c in line.chars() {
                match c {
                    ' ' | '\t' if out.ends_with(' ') => {}
                    ' ' | '\t' => out.push(' '),
                    other => out.push(other),
                }
            }
            lines.push(out.strip_suffix(' ').unwrap_or(&out).to_owned());
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let all: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        all.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    }

    /// RFC 6376 §3.4.5.
    #[test]
    fn the_example_of_the_rfc() {
        let text = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(header(Canon::Relaxed, text), "a:X\r\nb:Y Z\r\n");
        assert_eq!(header(Canon::Simple, text), "A: X\r\nB : Y\t\r\n\tZ  \r\n");
        let whole = &text.as_bytes()[text.find("\r\n\r\n").unwrap() + 4..];
        assert_eq!(body(Canon::Relaxed, &[whole]), b" C\r\nD E\r\n");
        assert_eq!(body(Canon::Simple, &[whole]), b" C \r\nD \t E\r\n");
    }

    #[test]
    fn ends_of_bodies() {
        for (text, simple, relaxed) in [
            (&b""[..], &b"\r\n"[..], &b""[..]),
            (b"\r\n", b"\r\n", b""),
            (b"\r\n\r\n\r\n", b"\r\n", b""),
            (b" \t", b" \t\r\n", b""),
            (b" \r\n\t\r\n", b" \r\n\t\r\n", b""),
            (b"x", b"x\r\n", b"x\r\n"),
            (b"x\r\n \r\n\r\n", b"x\r\n \r\n", b"x\r\n"),
            (b"x\r", b"x\r\r\n", b"x\r\r\n"),
            (b"x \r", b"x \r\r\n", b"x \r\r\n"),
            (b"\r\r\n", b"\r\r\n", b"\r\r\n"),
            (b"x\n\n", b"x\n\n\r\n", b"x\n\n\r\n"),
            (b"\nx  y\r\n", b"\nx  y\r\n", b"\nx y\r\n"),
        ] {
            assert_eq!(body(Canon::Simple, &[text]), simple, "{text:?}");
            assert_eq!(body(Canon::Relaxed, &[text]), relaxed, "{text:?}");
        }
    }

    #[test]
    fn a_limit_cuts_the_canonical_body() {
        let hash = |canon, text: &[u8], limit| {
            let mut hash = BodyHash::new(canon, MailHashKind::Sha256, limit);
            hash.update(text);
            hash.finish()
        };
        let cut = hash(Canon::Simple, b"abc\r\nmore\r\n", Some(5));
        assert_eq!(cut.bytes, 11);
        assert_eq!(cut.digest.as_ref(), hash(Canon::Simple, b"abc\r\n", None).digest.as_ref());
        assert_eq!(
            hash(Canon::Relaxed, b"", Some(0)).digest.as_ref(),
            hash(Canon::Relaxed, b"x", Some(0)).digest.as_ref()
        );
    }

    #[test]
    fn a_line_of_50_mb_holds_no_memory() {
        let piece = vec![b' '; 1 << 20];
        let mut state = BodyCanon::new(Canon::Relaxed);
        let mut out = 0;
        for _ in 0..50 {
            state.update(&piece, &mut |bytes| out += bytes.len());
        }
        state.update(b"x", &mut |bytes| out += bytes.len());
        assert_eq!(out, 2);
        assert!(size_of::<BodyCanon>() <= 16);
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(text in "[ a\t\r\n]{0,40}|(\r\n| |\t|ab|\r|\n){0,30}", cuts in proptest::collection::vec(0usize..40, 0..6)) {
            let text = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&text[from..cut]);
                from = cut;
            }
            pieces.push(&text[from..]);
            for canon in [Canon::Simple, Canon::Relaxed] {
                let whole = body(canon, &[text]);
                prop_assert_eq!(&body(canon, &pieces), &whole);
                // A canonical body is its own canonical form.
                prop_assert_eq!(&body(canon, &[&whole]), &whole);
            }
            prop_assert_eq!(body(Canon::Relaxed, &[text]), relaxed_plainly(text));
        }

        #[test]
        fn relaxed_fields_do_not_depend_on_blanks(words in proptest::collection::vec("[a-z\r]{1,5}", 0..6), blanks in proptest::collection::vec("[ \t]{1,3}|\r\n[ \t]{1,2}", 8)) {
            let mut folded = "X:".to_owned();
            for (word, blank) in words.iter().zip(&blanks) {
                folded.push_str(blank);
                folded.push_str(word);
            }
            folded.push_str(" \r\n");
            let plain = format!("x:{}\r\n", words.join(" "));
            // A CR that meets the LF of the folding after it is folding too.
            prop_assume!(!words.iter().any(|word| word.ends_with('\r')));
            prop_assert_eq!(header(Canon::Relaxed, &folded), plain);
        }
    }
}
