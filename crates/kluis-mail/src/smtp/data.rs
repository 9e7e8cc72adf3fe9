//! The message after DATA (RFC 5321 §4.5.2) or in chunks (RFC 3030): unstuffed, bounded, and strict about line ends.
//!
//! Only CR LF ends a line. Servers that disagree about that see different messages in the same bytes, and one message
//! can carry another past the first of them (SMTP smuggling). So a message with a lone CR or LF is refused, and where a
//! lenient reader would see its end, the talk ends too.

/// Reads one message.
#[derive(Debug)]
pub struct DataReader {
    kept: Vec<u8>,
    limits: DataLimits,
    /// Bytes of the message so far, kept or not.
    octets: u64,
    /// Bytes of this line so far.
    line: usize,
    at: At,
    problem: Option<DataProblem>,
}

/// Bounds on a message.
#[derive(Debug, Clone, Copy)]
pub struct DataLimits {
    /// Bytes of the whole message.
    pub message_bytes_max: usize,
    /// Bytes of a line with its CR LF; RFC 5321 §4.5.3.1.6 has 1,000.
    pub line_bytes_max: usize,
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataProblem {
    /// A CR without LF or a LF without CR.
    LoneLineEnd,
    /// A NUL.
    Nul,
    /// A line that is too long.
    LineTooLong,
    /// The message is too large.
    TooLarge,
    /// The server takes no more at this moment.
    NoRoom,
}

/// How far the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More is wanted; all bytes were used.
    More,
    /// This was the end of the message; so many bytes were used.
    End(usize),
    /// A lenient reader would see the end of the message here, a strict one does not: the talk must end.
    Disputed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the beginning of a line.
    Begin,
    /// After a dot at the beginning of a line.
    Dot,
    /// After a dot and CR at the beginning of a line.
    DotCr,
    /// Within a line.
    Line,
    /// After a CR within a line.
    Cr,
}

impl DataReader {
    /// A reader of one message.
    #[must_use]
    pub fn new(limits: DataLimits) -> Self {
        Self { kept: Vec::new(), limits, octets: 0, line: 0, at: At::Begin, problem: None }
    }

    /// Reads bytes that follow DATA, up to the end of the message.
    pub fn read_dotted(&mut self, bytes: &[u8]) -> Progress {
        let mut used = 0;
        while used < bytes.len() {
            if self.at == At::Line {
                used += self.take_run(&bytes[used..]);
                if used == bytes.len() {
                    break;
                }
            }
            let byte = bytes[used];
            used += 1;
            match (self.at, byte) {
                (At::Begin, b'.') => self.at = At::Dot,
                (At::Dot, b'\r') => self.at = At::DotCr,
                (At::DotCr, b'\n') if self.problem != Some(DataProblem::LoneLineEnd) => {
                    return Progress::End(used);
                }
                (At::Dot, b'\n') | (At::DotCr, _) => {
                    self.fail(DataProblem::LoneLineEnd);
                    return Progress::Disputed;
                }
                _ => self.take(byte),
            }
        }
        Progress::More
    }

    /// Reads bytes of a chunk.
    pub fn read_chunk(&mut self, bytes: &[u8]) {
        let mut used = 0;
        while used < bytes.len() {
            if self.at == At::Line {
                used += self.take_run(&bytes[used..]);
            }
            if let Some(byte) = bytes.get(used) {
                self.take(*byte);
                used += 1;
            }
        }
    }

    /// The message, which ends with CR LF, or why it is refused.
    ///
    /// # Errors
    /// The first thing that was wrong with it.
    pub fn finish(mut self) -> Result<Vec<u8>, DataProblem> {
        match self.at {
            At::Cr => self.fail(DataProblem::LoneLineEnd),
            // The last chunk may end within a line.
            At::Line => self.kept.extend_from_slice(b"\r\n"),
            At::Begin | At::Dot | At::DotCr => {}
        }
        match self.problem {
            Some(problem) => Err(problem),
            None => Ok(self.kept),
        }
    }

    /// What is wrong with the message so far.
    #[must_use]
    pub fn problem(&self) -> Option<DataProblem> {
        self.problem
    }

    /// Bytes that are kept in memory.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.kept.capacity()
    }

    /// Refuses the message, keeps nothing, and reads on to its end.
    pub fn fail(&mut self, problem: DataProblem) {
        // A lone line end matters more than the rest: it changes where the message ends.
        if self.problem.is_none() || problem == DataProblem::LoneLineEnd {
            self.problem = Some(problem);
        }
        self.kept = Vec::new();
    }

    /// Takes what is within a line up to the next CR, LF or NUL and says how much.
    fn take_run(&mut self, bytes: &[u8]) -> usize {
        let run = memchr::memchr3(b'\r', b'\n', 0, bytes).unwrap_or(bytes.len());
        self.keep(&bytes[..run]);
        run
    }

    fn take(&mut self, byte: u8) {
        match (self.at, byte) {
            (At::Cr, b'\n') => {
                self.keep(b"\r\n");
                self.line = 0;
                self.at = At::Begin;
            }
            // A CR that no LF followed, or a LF without CR: to a lenient reader a line begins here.
            (At::Cr, _) => {
                self.fail(DataProblem::LoneLineEnd);
                self.at = At::Begin;
                self.take_lenient(byte);
            }
            (_, b'\n') => {
                self.fail(DataProblem::LoneLineEnd);
                self.at = At::Begin;
            }
            (_, b'\r') => self.at = At::Cr,
            (_, 0) => {
                self.fail(DataProblem::Nul);
                self.at = At::Line;
            }
            _ => {
                self.keep(&[byte]);
                self.at = At::Line;
            }
        }
    }

    /// The byte after a lone CR: at the beginning of a line, as lenient readers see it.
    fn take_lenient(&mut self, byte: u8) {
        self.at = match byte {
            b'.' => At::Dot,
            b'\r' => At::Cr,
            _ => At::Line,
        };
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.octets = self.octets.saturating_add(bytes.len() as u64);
        self.line = self.line.saturating_add(bytes.len());
        if self.octets > self.limits.message_bytes_max as u64 {
            self.fail(DataProblem::TooLarge);
        } else if self.line > self.limits.line_bytes_max {
            self.fail(DataProblem::LineTooLong);
        }
        if self.problem.is_none() {
            self.kept.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: DataLimits = DataLimits { message_bytes_max: 200, line_bytes_max: 40 };

    /// What is read, and what is left after the end; `None` while more is wanted.
    fn dotted(bytes: &[u8]) -> Option<(Result<Vec<u8>, DataProblem>, usize)> {
        let mut reader = DataReader::new(LIMITS);
        match reader.read_dotted(bytes) {
            Progress::More => None,
            Progress::End(used) => Some((reader.finish(), bytes.len() - used)),
            Progress::Disputed => Some((reader.finish(), usize::MAX)),
        }
    }

    #[test]
    fn a_message_ends_at_the_dot_alone_and_dots_are_unstuffed() {
        for (bytes, message) in [
            (&b".\r\n"[..], &b""[..]),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"a\r\n\r\nb\r\n.\r\n", b"a\r\n\r\nb\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b".a\r\n...\r\n.\r\n", b"a\r\n..\r\n"),
            (b"a.\r\n.\r\n", b"a.\r\n"),
            (b"\xff\x80\r\n.\r\n", b"\xff\x80\r\n"),
        ] {
            assert_eq!(dotted(bytes), Some((Ok(message.to_vec()), 0)), "{bytes:?}");
        }
        assert_eq!(dotted(b"a\r\n.\r\nQUIT\r\n"), Some((Ok(b"a\r\n".to_vec()), 6)));
        for open in [&b""[..], b".", b".\r", b"a", b"a\r\n", b"a\r\n.", b"a.\r\n", b"a\r\n.\r"] {
            assert_eq!(dotted(open), None, "{open:?}");
        }
    }

    #[test]
    fn no_message_is_smuggled() {
        // What lenient servers take for an end of the message, with a command behind it.
        for end in [
            "\n.\n",
            "\n.\r\n",
            "\r\n.\n",
            "\r.\r\n",
            "\r.\r",
            "\r\n.\r",
            "\n.\r",
            "\r.\n",
            "\r\r\n.\n",
            "\n\r\n.\r\n",
            "\r\r.\r\n",
            "\r\r\n.\r\n",
        ] {
            let bytes = format!("Subject: a\r\n\r\nb{end}MAIL FROM:<x@y.example>\r\n.\r\n");
            let (read, left) = dotted(bytes.as_bytes()).unwrap_or((Ok(Vec::new()), 0));
            assert_eq!((read, left), (Err(DataProblem::LoneLineEnd), usize::MAX), "{end:?}");
        }
        // Where nobody sees an end, the message is read to its end and refused.
        for lone in ["a\nb\r\n.\r\n", "a\rb\r\n.\r\n", "a\r\r\nb\r\n.\r\n", "\n\r\n.\r\n"] {
            let (read, _) = dotted(lone.as_bytes()).unwrap_or((Ok(Vec::new()), 0));
            assert_eq!(read, Err(DataProblem::LoneLineEnd), "{lone:?}");
        }
    }

    #[test]
    fn bounds_hold_and_the_end_is_still_found() {
        let line = |length: usize| format!("{}\r\n", "a".repeat(length - 2));
        let end = ".\r\nQUIT";
        assert!(
            dotted(format!("{}{end}", line(40)).as_bytes())
                .is_some_and(|(read, left)| read.is_ok() && left == 4)
        );
        for (bytes, problem) in [
            (line(41), DataProblem::LineTooLong),
            (line(40).repeat(6), DataProblem::TooLarge),
            ("a\0b\r\n".to_owned(), DataProblem::Nul),
            (format!("a\0b\r\n{}", line(40).repeat(6)), DataProblem::Nul),
        ] {
            let read = dotted(format!("{bytes}{end}").as_bytes());
            assert_eq!(read, Some((Err(problem), 4)), "{bytes:?}");
        }
        let mut reader = DataReader::new(LIMITS);
        reader.read_dotted(&line(40).repeat(1000).into_bytes());
        assert_eq!(reader.kept_bytes(), 0, "what is refused is not kept");
    }

    #[test]
    fn chunks_need_no_dots_and_their_line_ends_are_as_strict() {
        let read = |chunks: &[&[u8]]| {
            let mut reader = DataReader::new(LIMITS);
            chunks.iter().for_each(|chunk| reader.read_chunk(chunk));
            reader.finish()
        };
        assert_eq!(read(&[b"a\r", b"\n.\r\n..b"]), Ok(b"a\r\n.\r\n..b\r\n".to_vec()));
        assert_eq!(read(&[]), Ok(Vec::new()));
        assert_eq!(read(&[b"a\r\n.\r\nMAIL FROM:<>\r\n"]), Ok(b"a\r\n.\r\nMAIL FROM:<>\r\n".to_vec()));
        for lone in [&b"a\nb"[..], b"a\rb", b"a\r", b"\n", b"\r\r\n"] {
            assert_eq!(read(&[lone]), Err(DataProblem::LoneLineEnd), "{lone:?}");
        }
        assert_eq!(read(&[b"\0"]), Err(DataProblem::Nul));
        assert_eq!(read(&[&[b'a'; 41]]), Err(DataProblem::LineTooLong));
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => Just(b"\r\n".to_vec()), 2 => Just(b".".to_vec()), 1 => Just(b"\r".to_vec()), 1 => Just(b"\n".to_vec()),
            3 => Just(b"tekst".to_vec()), 1 => Just(vec![0]), 2 => Just(b"\r\n.\r\n".to_vec()), 1 => Just(vec![b'x'; 45]),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn splitting_changes_nothing(bytes in hostile(), cuts in proptest::collection::vec(0_usize..100, 0..12)) {
            let whole = dotted(&bytes);
            let mut reader = DataReader::new(LIMITS);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut parts = None;
            for pair in cuts.windows(2) {
                match reader.read_dotted(&bytes[pair[0]..pair[1]]) {
                    Progress::More => {}
                    Progress::End(used) => {
                        parts = Some((reader.finish(), bytes.len() - pair[0] - used));
                        break;
                    }
                    Progress::Disputed => {
                        parts = Some((reader.finish(), usize::MAX));
                        break;
                    }
                }
            }
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn a_message_survives_stuffing(lines in proptest::collection::vec("[.a-z ]{0,30}", 0..6)) {
            let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let stuffed: String = lines
                .iter()
                .map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") })
                .collect();
            prop_assert_eq!(dotted(format!("{stuffed}.\r\n").as_bytes()), Some((Ok(message.into_bytes()), 0)));
        }
    }
}
