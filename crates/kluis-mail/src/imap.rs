//! The client's side of IMAP4rev1 (RFC 3501) without I/O, as much as fetching reports takes: answers are read bounded.

use std::fmt;

/// Bytes of an answer without its literals.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Literals of one answer.
const LITERALS_MAX: usize = 4;
/// Messages that a search may name; the rest comes next time.
pub const UIDS_MAX: usize = 10_000;

/// Reads answers of a server.
pub struct ImapReader {
    input: Vec<u8>,
    literal_bytes_max: usize,
}

/// One answer: its text, in which each literal is left out, and the literals in order.
#[derive(Clone, PartialEq, Eq)]
pub struct ImapAnswer {
    text: Vec<u8>,
    literals: Vec<Vec<u8>>,
}

/// Why there is no talk with this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImapProblem {
    /// A line, a literal or their number is beyond the bounds.
    #[error("the answer of the mailbox is too large")]
    TooLarge,
    /// It is no IMAP.
    #[error("the answer is not IMAP")]
    NotImap,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImapStatus {
    /// It is done.
    Ok,
    /// It cannot be done, for example for a wrong password.
    No,
    /// It was not understood.
    Bad,
}

/// What an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImapEvent {
    /// The end of the command with this tag.
    Done(String, ImapStatus),
    /// More of the command is wanted.
    Continue,
    /// The server's first words, or words about its state.
    State(ImapStatus),
    /// The user is known already.
    PreAuthenticated,
    /// The server ends the talk.
    Bye,
    /// What the server can, in upper case.
    Capability(Vec<String>),
    /// Unique ids that a search found, at most [`UIDS_MAX`].
    Search(Vec<u32>),
    /// Parts of a message.
    Fetch(ImapFetch),
    /// Anything else.
    Other,
}

/// Parts of a message; `Debug` shows none of its text.
#[derive(Clone, PartialEq, Eq)]
pub struct ImapFetch {
    /// Its unique id.
    pub uid: Option<u32>,
    /// Its bytes.
    pub size: Option<u64>,
    /// The message itself.
    pub body: Option<Vec<u8>>,
}

impl fmt::Debug for ImapFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.as_ref().map(Vec::len);
        write!(f, "ImapFetch(uid {:?}, size {:?}, body {bytes:?})", self.uid, self.size)
    }
}

impl fmt::Debug for ImapAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImapAnswer({} bytes, {} literals)", self.text.len(), self.literals.len())
    }
}

impl ImapReader {
    /// A reader that takes literals of at most so many bytes.
    #[must_use]
    pub fn new(literal_bytes_max: usize) -> Self {
        Self { input: Vec::new(), literal_bytes_max }
    }

    /// Takes bytes of the server; call [`ImapReader::read`] before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next answer; `None` while it is not whole.
    ///
    /// # Errors
    /// When an answer is too large, as soon as that is known.
    pub fn read(&mut self) -> Result<Option<ImapAnswer>, ImapProblem> {
        let (mut at, mut text, mut literals) = (0, Vec::new(), Vec::new());
        loop {
            let rest = &self.input[at..];
            let room = LINE_BYTES_MAX - text.len();
            let Some(end) = memchr::memchr(b'\n', &rest[..rest.len().min(room)]) else {
                return if rest.len() < room { Ok(None) } else { Err(ImapProblem::TooLarge) };
            };
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            at += end + 1;
            let Some((before, octets)) = literal(line) else {
                text.extend_from_slice(line);
                self.input.drain(..at);
                return Ok(Some(ImapAnswer { text, literals }));
            };
            let octets = usize::try_from(octets).unwrap_or(usize::MAX);
            if octets > self.literal_bytes_max || literals.len() == LITERALS_MAX {
                return Err(ImapProblem::TooLarge);
            }
            text.extend_from_slice(before);
            match self.input.get(at..at + octets) {
                Some(bytes) => literals.push(bytes.to_vec()),
                None => return Ok(None),
            }
            at += octets;
        }
    }
}

/// `… {123}` at the end of a line: what is before it, and the number.
fn literal(line: &[u8]) -> Option<(&[u8], u64)> {
    let inner = line.strip_suffix(b"}")?;
    let begin = memchr::memrchr(b'{', inner)?;
    let digits = inner[begin + 1..].strip_suffix(b"+").unwrap_or(&inner[begin + 1..]);
    number(digits).map(|octets| (&inner[..begin], octets))
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

impl ImapAnswer {
    /// What it is.
    ///
    /// # Errors
    /// When it is no answer of IMAP.
    pub fn event(mut self) -> Result<ImapEvent, ImapProblem> {
        let text = std::mem::take(&mut self.text);
        let mut words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let first = words.next().ok_or(ImapProblem::NotImap)?;
        if first == b"+" {
            return Ok(ImapEvent::Continue);
        }
        let second = words.next().unwrap_or_default().to_ascii_uppercase();
        let status = match second.as_slice() {
            b"OK" => Some(ImapStatus::Ok),
            b"NO" => Some(ImapStatus::No),
            b"BAD" => Some(ImapStatus::Bad),
            _ => None,
        };
        if first != b"*" {
            let is_tag = first.len() <= 32 && first.iter().all(u8::is_ascii_alphanumeric);
            let tag = String::from_utf8(first.to_vec()).ok().filter(|_| is_tag);
            let done = tag.zip(status).map(|(tag, status)| ImapEvent::Done(tag, status));
            return done.ok_or(ImapProblem::NotImap);
        }
        Ok(match (status, second.as_slice()) {
            (Some(status), _) => ImapEvent::State(status),
            (None, b"PREAUTH") => ImapEvent::PreAuthenticated,
            (None, b"BYE") => ImapEvent::Bye,
            (None, b"CAPABILITY") => ImapEvent::Capability(
                words.map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).collect(),
            ),
            (None, b"SEARCH") => {
                let uids = words.filter_map(|word| u32::try_from(number(word)?).ok());
                ImapEvent::Search(uids.take(UIDS_MAX).collect())
            }
            _ if number(&second).is_some()
                && words.next().is_some_and(|w| w.eq_ignore_ascii_case(b"FETCH")) =>
            {
                ImapEvent::Fetch(self.fetched(&text))
            }
            _ => ImapEvent::Other,
        })
    }

    /// `* 1 FETCH (UID 7 RFC822.SIZE 9 BODY[] {9}`; a short body may be quoted.
    fn fetched(self, text: &[u8]) -> ImapFetch {
        let after = |name: &[u8]| {
            let upper = text.to_ascii_uppercase();
            let at = memchr::memmem::find(&upper, name)? + name.len();
            let digits = text[at..].split(|byte| !byte.is_ascii_digit()).next()?;
            number(digits)
        };
        let quoted = || {
            let at = memchr::memmem::find(text, b"BODY[] \"")? + 8;
            let mut body = Vec::new();
            let mut bytes = text[at..].iter();
            loop {
                match bytes.next()? {
                    b'"' => return Some(body),
                    b'\\' => body.push(*bytes.next()?),
                    byte => body.push(*byte),
                }
            }
        };
        ImapFetch {
            uid: after(b"UID ").and_then(|uid| u32::try_from(uid).ok()),
            size: after(b"RFC822.SIZE "),
            body: self.literals.into_iter().next().or_else(quoted),
        }
    }
}

/// A text between quotes, as a command needs it; `None` when that is not possible (RFC 3501 §4.3).
#[must_use]
pub fn quoted(text: &str) -> Option<String> {
    let is_fine = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_fine.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn events(bytes: &[u8]) -> Vec<ImapEvent> {
        let mut reader = ImapReader::new(100);
        reader.push(bytes);
        let mut found = Vec::new();
        while let Some(answer) = reader.read().unwrap() {
            found.push(answer.event().unwrap());
        }
        found
    }

    fn fetch(uid: Option<u32>, size: Option<u64>, body: Option<&[u8]>) -> ImapEvent {
        ImapEvent::Fetch(ImapFetch { uid, size, body: body.map(<[u8]>::to_vec) })
    }

    #[test]
    fn answers_are_read() {
        let bytes = b"* OK Dovecot ready.\r\n* CAPABILITY IMAP4rev1 auth=PLAIN\r\na1 OK done\r\n+ go on\r\n* SEARCH 3 5 9\r\n\
            * 1 FETCH (UID 3 RFC822.SIZE 12)\r\n* 2 FETCH (UID 5 BODY[] {7}\r\nA: )\r\nx)\r\n* 3 FETCH (BODY[] \"a\\\"b\" UID 9)\r\n\
            * 4 EXISTS\r\n* FLAGS (\\Seen)\r\na2 NO [AUTHENTICATIONFAILED] no\r\na3 BAD x\r\n* PREAUTH x\r\n* BYE x\r\n* SEARCH\r\n";
        assert_eq!(
            events(bytes),
            [
                ImapEvent::State(ImapStatus::Ok),
                ImapEvent::Capability(vec!["IMAP4REV1".into(), "AUTH=PLAIN".into()]),
                ImapEvent::Done("a1".into(), ImapStatus::Ok),
                ImapEvent::Continue,
                ImapEvent::Search(vec![3, 5, 9]),
                fetch(Some(3), Some(12), None),
                fetch(Some(5), None, Some(b"A: )\r\nx")),
                fetch(Some(9), None, Some(b"a\"b")),
                ImapEvent::Other,
                ImapEvent::Other,
                ImapEvent::Done("a2".into(), ImapStatus::No),
                ImapEvent::Done("a3".into(), ImapStatus::Bad),
                ImapEvent::PreAuthenticated,
                ImapEvent::Bye,
                ImapEvent::Search(vec![]),
            ]
        );
    }

    #[test]
    fn answers_are_bounded() {
        let read = |bytes: &[u8]| {
            let mut reader = ImapReader::new(100);
            reader.push(bytes);
            reader.read()
        };
        assert_eq!(read(b"* 1 FETCH (BODY[] {101}\r\n"), Err(ImapProblem::TooLarge));
        assert_eq!(read(b"* 1 FETCH (BODY[] {999999999999999999}\r\n"), Err(ImapProblem::TooLarge));
        assert_eq!(read(&vec![b'x'; LINE_BYTES_MAX]), Err(ImapProblem::TooLarge));
        assert_eq!(read(&b"{0}\r\n".repeat(LITERALS_MAX + 1)), Err(ImapProblem::TooLarge));
        let long = [&b"a {1}\r\nx"[..], &vec![b'x'; LINE_BYTES_MAX]].concat();
        assert_eq!(read(&long), Err(ImapProblem::TooLarge));
        for part in [&b""[..], b"* OK", b"* 1 FETCH (BODY[] {5}\r\nabc", b"* 1 FETCH (BODY[] {5}\r\nabcde)"] {
            assert_eq!(read(part), Ok(None));
        }
        for wrong in ["\r\n", "HTTP/1.1 400 Bad\r\n", "a1\r\n", "a1 YES\r\n", "a\u{e9} OK\r\n"] {
            let answer = read(wrong.as_bytes()).unwrap().unwrap();
            assert_eq!(answer.event(), Err(ImapProblem::NotImap), "{wrong}");
        }
    }

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("a \\ \"b\"").as_deref(), Some("\"a \\\\ \\\"b\\\"\""));
        for wrong in ["a\r\nb", "a\0", "\u{e9}"] {
            assert_eq!(quoted(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn splitting_changes_nothing(cuts in proptest::collection::vec(0_usize..120, 0..10)) {
            let bytes = b"* OK x\r\n* 2 FETCH (UID 5 BODY[] {9}\r\n{3}\r\nab\r\n)\r\n* SEARCH 1\r\na1 OK x\r\n";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut reader, mut found) = (ImapReader::new(100), Vec::new());
            for pair in cuts.windows(2) {
                reader.push(&bytes[pair[0]..pair[1]]);
                while let Some(answer) = reader.read().unwrap() {
                    found.push(answer.event().unwrap());
                }
            }
            prop_assert_eq!(found, events(bytes));
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = ImapReader::new(100);
            reader.push(&bytes);
            while let Ok(Some(answer)) = reader.read() {
                let _ = answer.event();
            }
        }
    }
}
