//! Reads request bodies within their bounds of size, time and media type, whole or line by line.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::body::HttpBody as _;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::time::timeout;
use zeroize::Zeroize;

use super::problem::Problem;

/// Longest wait for the next piece of a body.
const PIECE_WAIT: Duration = Duration::from_secs(20);
/// Longest time for a whole body that is not streamed.
const WHOLE_WAIT: Duration = Duration::from_secs(30);
/// Longest time for which a refused body is thrown away before the answer.
const DISCARD_WAIT: Duration = Duration::from_secs(2);
/// Most bytes of a too large body that are thrown away before the answer.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Refuses a body that is not declared as one of these media types.
pub(crate) fn require_type(headers: &HeaderMap, expected: &'static [&'static str]) -> Result<(), Problem> {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media_type, _) = declared.split_once(';').unwrap_or((declared, ""));
    let is_expected = expected.iter().any(|one| media_type.trim().eq_ignore_ascii_case(one));
    if is_expected {
        Ok(())
    } else {
        Err(Problem::MediaType { expected: expected.first().copied().unwrap_or_default() })
    }
}

/// Reads a whole body of at most so many bytes.
pub(crate) async fn whole(mut body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    match timeout(WHOLE_WAIT, read(&mut body, bytes_max)).await.unwrap_or(Err(Problem::Slow)) {
        Err(Problem::TooLarge { bytes_max }) => {
            // A sender that is cut off in the middle would not read the answer.
            discard(&mut body, DISCARD_BYTES_MAX).await;
            Err(Problem::TooLarge { bytes_max })
        }
        read => read,
    }
}

async fn read(body: &mut Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let declared = body.size_hint();
    if declared.lower() > bytes_max as u64 {
        return Err(Problem::TooLarge { bytes_max });
    }
    let Some(first) = next(body).await? else { return Ok(Bytes::new()) };
    if first.len() > bytes_max {
        return Err(Problem::TooLarge { bytes_max });
    }
    if body.is_end_stream() || Some(first.len() as u64) == declared.exact() {
        return Ok(first);
    }
    let expected = usize::try_from(declared.lower()).unwrap_or(0).max(first.len());
    let mut all = zeroize::Zeroizing::new(Vec::with_capacity(expected));
    all.extend_from_slice(&first);
    while let Some(piece) = next(body).await? {
        if all.len() + piece.len() > bytes_max {
            return Err(Problem::TooLarge { bytes_max });
        }
        all.extend_from_slice(&piece);
    }
    Ok(Bytes::from_owner(all))
}

/// Throws away the rest of a refused body, so that its sender reads the answer and may use the connection again.
///
/// Tells whether the body ended within bounds.
pub(crate) async fn discard(body: &mut Body, bytes_max: usize) -> bool {
    if body.is_end_stream() {
        return true;
    }
    let discarding = async {
        let mut left = bytes_max;
        loop {
            match next(body).await {
                Ok(Some(piece)) => left = left.checked_sub(piece.len())?,
                Ok(None) => return Some(()),
                Err(_) => return None,
            }
        }
    };
    timeout(DISCARD_WAIT, discarding).await.ok().flatten().is_some()
}

/// The same body, which ends with an error when the sender pauses for too long.
pub(crate) fn paced(body: Body) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::from_stream(stream::unfold(Some(body), |body| async move {
        let mut body = body?;
        match timeout(PIECE_WAIT, next(&mut body)).await {
            Ok(Ok(Some(piece))) => Some((Ok(piece), Some(body))),
            Ok(Ok(None)) => None,
            Ok(Err(_)) => Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None)),
            Err(_) => Some((Err(io::Error::from(io::ErrorKind::TimedOut)), None)),
        }
    }))
}

/// The next bytes of a body, or `None` at its end.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let Some(frame) = body.frame().await else { return Ok(None) };
        let frame: Frame<Bytes> = frame.map_err(|_| Problem::BadRequest("The body was cut off.".into()))?;
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
}

/// A body read line by line, with a bound on a line and on the whole.
pub(crate) struct Lines {
    body: Body,
    buffer: BytesMut,
    searched: usize,
    left: usize,
    line_bytes_max: usize,
    bytes_max: usize,
    is_ended: bool,
}

impl Lines {
    /// Lines of at most so many bytes, in a body of at most so many.
    pub(crate) fn new(body: Body, line_bytes_max: usize, bytes_max: usize) -> Self {
        let buffer = BytesMut::new();
        Self { body, buffer, searched: 0, left: bytes_max, line_bytes_max, bytes_max, is_ended: false }
    }

    /// The next line without its end, or `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<BytesMut>, Problem> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(self.searched + at + 1);
                self.searched = 0;
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return if line.len() > self.line_bytes_max { Err(self.too_long()) } else { Ok(Some(line)) };
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > self.line_bytes_max {
                return Err(self.too_long());
            }
            if self.is_ended {
                self.searched = 0;
                return Ok((!self.buffer.is_empty()).then(|| self.buffer.split()));
            }
            self.fill().await?;
        }
    }

    /// Throws away what is left, so that a sender who is still sending reads the answer.
    pub(crate) async fn discard_rest(&mut self) {
        discard(&mut self.body, DISCARD_BYTES_MAX).await;
    }

    /// Whether another whole line is there without waiting for the sender.
    pub(crate) fn has_line(&self) -> bool {
        self.buffer[self.searched..].contains(&b'\n')
    }

    async fn fill(&mut self) -> Result<(), Problem> {
        match timeout(PIECE_WAIT, next(&mut self.body)).await.unwrap_or(Err(Problem::Slow))? {
            None => self.is_ended = true,
            Some(piece) => {
                self.left = self
                    .left
                    .checked_sub(piece.len())
                    .ok_or(Problem::TooLarge { bytes_max: self.bytes_max })?;
                self.buffer.extend_from_slice(&piece);
            }
        }
        Ok(())
    }

    fn too_long(&self) -> Problem {
        Problem::TooLarge { bytes_max: self.line_bytes_max }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.buffer.as_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use axum::http::HeaderValue;

    fn pieces(parts: &[&'static str]) -> Body {
        let parts: Vec<_> =
            parts.iter().map(|part| Ok::<_, std::io::Error>(Bytes::from_static(part.as_bytes()))).collect();
        Body::from_stream(stream::iter(parts))
    }

    #[test]
    fn only_the_declared_type_is_taken() {
        let check = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            require_type(&headers, &["application/json"]).is_ok()
        };
        assert!(check("application/json") && check("Application/JSON; charset=utf-8"));
        for other in ["", "text/plain", "application/jsonp", "application/x-www-form-urlencoded", "json"] {
            assert!(!check(other), "{other}");
        }
        assert!(require_type(&HeaderMap::new(), &["application/json"]).is_err());
    }

    #[tokio::test]
    async fn a_whole_body_is_bounded_however_it_arrives() {
        assert_eq!(whole(Body::from("abcd"), 4).await.unwrap(), "abcd");
        assert_eq!(whole(pieces(&["ab", "", "cd"]), 4).await.unwrap(), "abcd");
        assert_eq!(whole(Body::empty(), 4).await.unwrap(), "");
        for body in [Body::from("abcde"), pieces(&["abcde"]), pieces(&["ab", "cde"])] {
            assert!(matches!(whole(body, 4).await, Err(Problem::TooLarge { bytes_max: 4 })));
        }
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::new(pieces(&["a", "b\r\nc", "\n\n", "last"]), 10, 100);
        let mut got = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            got.push(String::from_utf8(line.to_vec()).unwrap());
        }
        assert_eq!(got, ["ab", "c", "", "last"]);
        for (parts, line_max, max) in
            [(&["aaaaa", "a\n"][..], 5, 100), (&["aaaaaa"][..], 5, 100), (&["a\n", "b\n"][..], 5, 3)]
        {
            let mut lines = Lines::new(pieces(parts), line_max, max);
            let ended = loop {
                match lines.next().await {
                    Ok(Some(_)) => {}
                    other => break other,
                }
            };
            assert!(matches!(ended, Err(Problem::TooLarge { .. })), "{parts:?}");
        }
    }
}
