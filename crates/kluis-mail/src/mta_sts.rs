//! Reads records and policies of MTA-STS (RFC 8461), strictly.

/// Bytes of a policy that are read (RFC 8461 §3.2 allows 64 KB).
pub const POLICY_BYTES_MAX: usize = 64 * 1024;
/// Names of exchangers that are kept.
const MX_MAX: usize = 50;
/// A year and a day, in seconds: the longest a policy may hold (RFC 8461 §3.2).
const AGE_MAX_S: u64 = 31_557_600;

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What is asked of senders.
    pub mode: Mode,
    /// Names of exchangers, perhaps with `*.` in front.
    pub mx: Vec<String>,
    /// How long it holds, in seconds.
    pub max_age_s: u64,
}

impl Policy {
    /// Writes the file of a policy (RFC 8461 §3.2).
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("version: STSv1\r\nmode: {}\r\n", self.mode.word());
        for name in &self.mx {
            text.push_str(&format!("mx: {name}\r\n"));
        }
        text.push_str(&format!("max_age: {}\r\n", self.max_age_s));
        text
    }
}

/// What is asked of senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Deliver only over TLS with a good certificate.
    Enforce,
    /// Report what fails, but deliver.
    Testing,
    /// Nothing any more.
    None,
}

impl Mode {
    /// The word in the policy.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// Why it is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StsProblem {
    /// It does not begin with the version.
    #[error("no version STSv1")]
    Version,
    /// `id` is missing or no 1 to 32 letters and digits.
    #[error("no good id")]
    Id,
    /// A line or tag without a name and a value.
    #[error("a line that cannot be read")]
    Line,
    /// A mode that is missing or unknown.
    #[error("no known mode")]
    Mode,
    /// `max_age` is missing or no number up to a year.
    #[error("no good max_age")]
    MaxAge,
    /// No exchanger, though the mode needs one; or one that is no name.
    #[error("no good mx")]
    Mx,
    /// More bytes than are read.
    #[error("too long")]
    TooLong,
}

/// Whether a TXT record is one of MTA-STS (RFC 8461 §3.1).
#[must_use]
pub fn is_record(text: &str) -> bool {
    text.strip_prefix("v=STSv1")
        .is_some_and(|rest| rest.trim_start().starts_with(';') || rest.trim().is_empty())
}

/// Reads a record and returns its id.
///
/// # Errors
/// Why it is of no use.
pub fn record(text: &str) -> Result<String, StsProblem> {
    if !is_record(text) {
        return Err(StsProblem::Version);
    }
    let mut id = None;
    for part in text.split(';').skip(1).map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or(StsProblem::Line)?;
        // The first one counts, as RFC 8461 §3.1 says of the policy.
        if name.trim() == "id" && id.is_none() {
            id = Some(value.trim());
        }
    }
    let is_good =
        |id: &&str| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    id.filter(is_good).map(str::to_owned).ok_or(StsProblem::Id)
}

/// Reads a policy.
///
/// # Errors
/// Why it is of no use.
pub fn policy(text: &[u8]) -> Result<Policy, StsProblem> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(StsProblem::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| StsProblem::Line)?;
    let (mut has_version, mut mode, mut age, mut mx) = (false, None, None, Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(StsProblem::Line)?;
        let value = value.trim();
        match name.trim_end() {
            "version" if value == "STSv1" => has_version = true,
            "version" => return Err(StsProblem::Version),
            "mode" if mode.is_none() => mode = Some(value),
            "max_age" if age.is_none() => age = Some(value),
            "mx" if mx.len() < MX_MAX => mx.push(value.to_ascii_lowercase()),
            // Of a name that stands twice the first counts, and unknown ones are ignored (RFC 8461 §3.2).
            _ => {}
        }
    }
    if !has_version {
        return Err(StsProblem::Version);
    }
    let mode =
        [Mode::Enforce, Mode::Testing, Mode::None].into_iter().find(|known| mode == Some(known.word()));
    let mode = mode.ok_or(StsProblem::Mode)?;
    let is_digits =
        |text: &&str| (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let age = age.filter(is_digits).and_then(|age| age.parse::<u64>().ok()).filter(|age| *age <= AGE_MAX_S);
    let max_age_s = age.ok_or(StsProblem::MaxAge)?;
    if !mx.iter().all(|name| is_name(name)) || (mx.is_empty() && mode != Mode::None) {
        return Err(StsProblem::Mx);
    }
    Ok(Policy { mode, mx, max_age_s })
}

/// Whether a text can stand behind `mx:`: a name, perhaps with `*.` in front.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_strictly() {
        for good in ["v=STSv1; id=20261124T1;", "v=STSv1;id=1", "v=STSv1 ; x=1; id=a;"] {
            assert!(record(good).is_ok(), "{good}");
        }
        for (bad, problem) in [
            ("", StsProblem::Version),
            ("v=STSv2; id=1", StsProblem::Version),
            ("v=STSv10; id=1", StsProblem::Version),
            ("id=1; v=STSv1", StsProblem::Version),
            ("v=STSv1", StsProblem::Id),
            ("v=STSv1; id=", StsProblem::Id),
            ("v=STSv1; id=2026-11-24", StsProblem::Id),
            ("v=STSv1; id=123456789012345678901234567890123", StsProblem::Id),
            ("v=STSv1; hallo", StsProblem::Line),
        ] {
            assert_eq!(record(bad), Err(problem), "{bad}");
        }
    }

    #[test]
    fn policies_are_read_strictly() {
        let read = policy(b"version: STSv1\r\nmode: enforce\r\nmx: MX.winkel.example\r\nmx: *.b.example\r\nmax_age: 604800\r\n");
        let mx = vec!["mx.winkel.example".to_owned(), "*.b.example".to_owned()];
        assert_eq!(read, Ok(Policy { mode: Mode::Enforce, mx, max_age_s: 604_800 }));
        assert!(policy(b"version: STSv1\nmode: none\nmax_age: 0").is_ok());
        for (bad, problem) in [
            ("", StsProblem::Version),
            ("<html><title>404</title>", StsProblem::Line),
            ("mode: enforce\nmx: a.example\nmax_age: 1", StsProblem::Version),
            ("version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1", StsProblem::Version),
            ("version: STSv1\nmx: a.example\nmax_age: 1", StsProblem::Mode),
            ("version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1", StsProblem::Mode),
            ("version: STSv1\nmode: enforce\nmax_age: 1", StsProblem::Mx),
            ("version: STSv1\nmode: enforce\nmx: localhost\nmax_age: 1", StsProblem::Mx),
            ("version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1", StsProblem::Mx),
            ("version: STSv1\nmode: enforce\nmx: a.example", StsProblem::MaxAge),
            ("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1", StsProblem::MaxAge),
            ("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 99999999", StsProblem::MaxAge),
        ] {
            assert_eq!(policy(bad.as_bytes()), Err(problem), "{bad}");
        }
        assert_eq!(policy(&[0xff, 0xfe]), Err(StsProblem::Line));
        assert_eq!(policy(&vec![b'a'; POLICY_BYTES_MAX + 1]), Err(StsProblem::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), text in ".{0,80}") {
            let _ = policy(&bytes);
            let _ = (record(&text), record(&format!("v=STSv1;{text}")), policy(format!("version: STSv1\n{text}").as_bytes()));
        }
    }
}
