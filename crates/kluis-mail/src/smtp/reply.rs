//! Replies of SMTP servers (RFC 5321 §4.2) with enhanced codes (RFC 3463): written by ours, read from others in pieces.

use std::borrow::Cow;

/// Bytes of one line of a reply (RFC 5321 §4.5.3.1.5 has 512; some servers are chatty).
pub const REPLY_LINE_BYTES_MAX: usize = 2048;
/// Lines of one reply.
pub const REPLY_LINES_MAX: usize = 64;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Class, subject and detail; `None` where the server gives none.
    pub enhanced: Option<(u16, u16, u16)>,
    /// What it says; lines are separated by LF.
    pub text: Cow<'static, str>,
}

/// Why bytes are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// No code, or no blank or hyphen after it.
    #[error("the answer is not SMTP")]
    NotSmtp,
    /// A line has more than [`REPLY_LINE_BYTES_MAX`] bytes.
    #[error("a line of the reply is too long")]
    LineTooLong,
    /// More than [`REPLY_LINES_MAX`] lines.
    #[error("the reply has too many lines")]
    TooManyLines,
    /// Lines of one reply have different codes (RFC 5321 §4.2.1).
    #[error("the lines of the reply have different codes")]
    CodesDiffer,
}

impl Reply {
    /// A reply with an enhanced code.
    #[must_use]
    pub fn new(code: u16, enhanced: (u16, u16, u16), text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: Some(enhanced), text: text.into() }
    }

    /// A reply without one: greetings, EHLO and intermediate replies have none (RFC 2034 §4).
    #[must_use]
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }

    /// Whether what was asked is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether more is wanted, such as the message after DATA.
    #[must_use]
    pub fn is_intermediate(&self) -> bool {
        (300..400).contains(&self.code)
    }

    /// Whether the same can succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// Whether the same will never succeed.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Adds the reply as it goes over the wire. What is not printable ASCII becomes `?`, so that no text can end a line;
    /// long lines are cut.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').take(REPLY_LINES_MAX).peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { '-' } else { ' ' };
            out.extend_from_slice(format!("{}{separator}", self.code).as_bytes());
            if let Some((class, subject, detail)) = self.enhanced {
                out.extend_from_slice(format!("{class}.{subject}.{detail} ").as_bytes());
            }
            let shown = line.bytes().take(REPLY_LINE_BYTES_MAX - 32);
            out.extend(shown.map(|byte| if (b' '..=b'~').contains(&byte) { byte } else { b'?' }));
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Reads the reply at the beginning of the bytes and says how many it takes; `None` while it is not whole. LF alone
    /// ends a line too.
    ///
    /// # Errors
    /// When the bytes cannot become a reply, as soon as that is known.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, ReplyError> {
        let (mut at, mut reply, mut text) = (0, None::<Self>, String::new());
        for _ in 0..REPLY_LINES_MAX {
            let rest = &bytes[at..];
            let Some(end) = memchr::memchr(b'\n', &rest[..rest.len().min(REPLY_LINE_BYTES_MAX)]) else {
                return match rest.len() {
                    0..REPLY_LINE_BYTES_MAX => Ok(None),
                    _ => Err(ReplyError::LineTooLong),
                };
            };
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            at += end + 1;
            let (code, is_last, says) = split(line)?;
            let (enhanced, says) = enhanced_of(code, says);
            if reply.is_some() {
                text.push('\n');
            }
            text.extend(says.iter().map(|byte| match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '?',
            }));
            match &reply {
                Some(first) if first.code != code => return Err(ReplyError::CodesDiffer),
                Some(_) => {}
                None => reply = Some(Self { code, enhanced, text: Cow::Borrowed("") }),
            }
            if let Some(whole) = reply.as_mut().filter(|_| is_last) {
                whole.text = Cow::Owned(text);
                return Ok(reply.map(|reply| (reply, at)));
            }
        }
        Err(ReplyError::TooManyLines)
    }
}

/// The code of a line, whether it is the last one, and its text.
fn split(line: &[u8]) -> Result<(u16, bool, &[u8]), ReplyError> {
    let code = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let code = code.map(|digits| digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')));
    let code = code.filter(|code| (200..600).contains(code)).ok_or(ReplyError::NotSmtp)?;
    match line.get(3) {
        None => Ok((code, true, &[])),
        Some(b' ') => Ok((code, true, &line[4..])),
        Some(b'-') => Ok((code, false, &line[4..])),
        Some(_) => Err(ReplyError::NotSmtp),
    }
}

/// The enhanced code at the beginning of a text, when it agrees with the code, and the rest.
fn enhanced_of(code: u16, text: &[u8]) -> (Option<(u16, u16, u16)>, &[u8]) {
    let word = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    let mut parts = std::str::from_utf8(word).unwrap_or_default().split('.');
    let mut next = |digits: usize| {
        let part = parts.next()?;
        let is_number = (1..=digits).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| is_number)
    };
    match (next(1), next(3), next(3), parts.next()) {
        (Some(class), Some(subject), Some(detail), None) if class == code / 100 => {
            (Some((class, subject, detail)), text[word.len()..].trim_ascii_start())
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replies_go_out_with_their_codes_on_every_line() {
        assert_eq!(wire(&Reply::plain(220, "post.example ESMTP")), "220 post.example ESMTP\r\n");
        assert_eq!(wire(&Reply::new(550, (5, 7, 1), "Nee.\nNo.")), "550-5.7.1 Nee.\r\n550 5.7.1 No.\r\n");
        assert_eq!(
            wire(&Reply::new(250, (2, 0, 0), "a\r\n250 b\0\u{e9}")),
            "250-2.0.0 a?\r\n250 2.0.0 250 b???\r\n"
        );
        assert_eq!(wire(&Reply::plain(250, "")), "250 \r\n");
    }

    #[test]
    fn replies_of_others_are_read_whole() {
        let read = |text: &str| Reply::read(text.as_bytes()).unwrap().unwrap();
        assert_eq!(read("250 ok\r\n221 x"), (Reply::plain(250, "ok"), 8));
        assert_eq!(read("354\r\n"), (Reply::plain(354, ""), 5));
        assert_eq!(read("250-A\n250-SIZE 9\r\n250 B\r\n"), (Reply::plain(250, "A\nSIZE 9\nB"), 25));
        assert_eq!(read("550 5.1.1 nobody\r\n"), (Reply::new(550, (5, 1, 1), "nobody"), 18));
        for plain in
            ["550 4.1.1 x", "550 5.1 x", "550 5.1.1.1 x", "550 5.1.1234 x", "550 .. x", "550 5.+1.1 x"]
        {
            let (reply, _) = read(&format!("{plain}\r\n"));
            assert_eq!((reply.enhanced, reply.text.as_ref()), (None, &plain[4..]), "{plain}");
        }
        for part in ["", "2", "250", "250 ok", "250-ok\r\n", "250-ok\r\n25"] {
            assert_eq!(Reply::read(part.as_bytes()), Ok(None), "{part}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused_and_bounded() {
        for wrong in
            ["HTTP/1.1 400 Bad\r\n", "25 ok\r\n", "\r\n", "2500 x\r\n", "250_x\r\n", "150 x\r\n", "600 x\r\n"]
        {
            assert_eq!(Reply::read(wrong.as_bytes()), Err(ReplyError::NotSmtp), "{wrong}");
        }
        assert_eq!(Reply::read(b"250-a\r\n251 b\r\n"), Err(ReplyError::CodesDiffer));
        assert_eq!(Reply::read(&[b'2'; REPLY_LINE_BYTES_MAX]), Err(ReplyError::LineTooLong));
        assert_eq!(Reply::read(&b"250-x\r\n".repeat(REPLY_LINES_MAX)), Err(ReplyError::TooManyLines));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            code in 200_u16..600, subject in 0_u16..1000, detail in 0_u16..1000, text in "[ -~]{0,40}(\n[!-~]{1,9}){0,5}"
        ) {
            let reply = Reply::new(code, (code / 100, subject, detail), text.trim_start().to_owned());
            let mut out = Vec::new();
            reply.write(&mut out);
            let length = out.len();
            out.extend_from_slice(b"250 next\r\n");
            for cut in 0..length {
                prop_assert_eq!(Reply::read(&out[..cut]), Ok(None));
            }
            prop_assert_eq!(Reply::read(&out), Ok(Some((reply, length))));
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Some((_, used))) = Reply::read(&bytes) {
                prop_assert!(used <= bytes.len());
            }
        }
    }
}
