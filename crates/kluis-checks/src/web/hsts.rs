//! Reads `Strict-Transport-Security` (RFC 6797).

/// Seconds in a year.
pub const YEAR_SECONDS: u64 = 31_536_000;
/// What Mozilla's Observatory asks: six months, as it counts them.
pub const SIX_MONTHS_SECONDS: u64 = 15_552_000;

/// What the header does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HstsState {
    /// There is none.
    #[default]
    Missing,
    /// There is one that browsers ignore: no max-age, a directive twice, bad syntax.
    Invalid,
    /// `max-age=0`: browsers forget the site.
    Off,
    /// Browsers use https for `max_age_seconds`.
    On,
}

/// What the headers of one answer say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hsts {
    /// What browsers do with it: they look at the first header only (RFC 6797 §8.1).
    pub state: HstsState,
    /// `max-age`, 0 when there is none.
    pub max_age_seconds: u64,
    /// `includeSubDomains`.
    pub include_subdomains: bool,
    /// `preload`.
    pub preload: bool,
    /// Whether it was set more than once, as several headers or with a comma.
    pub is_set_twice: bool,
    /// Whether max-age was written in quotes, which is right but which the Observatory does not read.
    pub is_quoted: bool,
}

/// Reads the headers of one answer.
#[must_use]
pub fn parse(values: &[&str]) -> Hsts {
    let Some(first) = values.first() else { return Hsts::default() };
    // Two headers that a proxy joined with a comma are one header with bad syntax to a browser.
    let mut read = read_one(first);
    read.is_set_twice = values.len() > 1 || split_quoted(first, b',').len() > 1;
    read
}

fn read_one(value: &str) -> Hsts {
    let mut read = Hsts { state: HstsState::Invalid, ..Hsts::default() };
    let mut seen: Vec<String> = Vec::new();
    let mut max_age = None;
    for directive in split_quoted(value, b';') {
        let directive = directive.trim();
        if directive.is_empty() {
            continue;
        }
        let (name, argument) = match directive.split_once('=') {
            Some((name, argument)) => (name.trim(), Some(argument.trim())),
            None => (directive, None),
        };
        let name = name.to_ascii_lowercase();
        if !is_token(&name) || seen.contains(&name) || seen.len() >= 32 {
            return read;
        }
        match name.as_str() {
            "max-age" => {
                let written = argument.unwrap_or_default();
                let bare = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                read.is_quoted = bare.is_some();
                let digits = bare.unwrap_or(written);
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return read;
                }
                max_age = Some(digits.parse().unwrap_or(u64::MAX));
            }
            "includesubdomains" if argument.is_none() => read.include_subdomains = true,
            "preload" if argument.is_none() => read.preload = true,
            _ => {}
        }
        seen.push(name);
    }
    if let Some(seconds) = max_age {
        read.max_age_seconds = seconds;
        read.state = if seconds == 0 { HstsState::Off } else { HstsState::On };
    }
    read
}

/// Splits at a byte outside quoted strings.
fn split_quoted(text: &str, at: u8) -> Vec<&str> {
    let (mut parts, mut start, mut in_quotes, mut is_escaped) = (Vec::new(), 0, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_quotes => is_escaped = true,
            b'"' => in_quotes = !in_quotes,
            _ if byte == at && !in_quotes => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(values: &[&str], state: HstsState, seconds: u64) -> Hsts {
        let read = parse(values);
        assert_eq!((read.state, read.max_age_seconds), (state, seconds), "{values:?}");
        read
    }

    #[test]
    fn good_headers_are_read() {
        check(&["max-age=31536000"], HstsState::On, YEAR_SECONDS);
        let full = check(&[" Max-Age=63072000 ; includeSubDomains; preload ;"], HstsState::On, 63_072_000);
        assert!(full.include_subdomains && full.preload && !full.is_set_twice && !full.is_quoted);
        assert!(check(&["max-age=\"31536000\""], HstsState::On, YEAR_SECONDS).is_quoted);
        check(&["foo=\"a;b,c\"; max-age=5"], HstsState::On, 5);
        check(&["max-age=99999999999999999999999"], HstsState::On, u64::MAX);
    }

    #[test]
    fn off_missing_and_broken_headers_do_not_protect() {
        check(&[], HstsState::Missing, 0);
        check(&["max-age=0"], HstsState::Off, 0);
        check(&["max-age=\"0\"; includeSubDomains"], HstsState::Off, 0);
        for broken in [
            "",
            "includeSubDomains",
            "max-age",
            "max-age=",
            "max-age=-1",
            "max-age=1y",
            "max-age=1 000",
            "max-age=5; max-age=6",
            "max-age=5; includeSubDomains; includesubdomains",
            "max age=5",
            "31536000",
            "max-age=\"5",
            "max-age='5'",
            "=5",
            "max-age=5; \u{e9}",
        ] {
            assert_eq!(parse(&[broken]).state, HstsState::Invalid, "{broken}");
        }
    }

    #[test]
    fn twice_is_noticed() {
        assert!(check(&["max-age=5", "max-age=6"], HstsState::On, 5).is_set_twice);
        assert!(check(&["max-age=5, max-age=6"], HstsState::Invalid, 0).is_set_twice);
        assert!(parse(&["max-age=5, ,"]).is_set_twice);
    }

    proptest! {
        #[test]
        fn any_text_is_read(values in proptest::collection::vec("\\PC{0,80}", 0..4)) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let read = parse(&values);
            prop_assert_eq!(read.state == HstsState::On, read.max_age_seconds > 0);
        }
    }
}
