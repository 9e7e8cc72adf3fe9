//! Small readers of other response headers: sniffing, referrer, frames, isolation, versions, content types.

use crate::facts::Header;

/// What `Referrer-Policy` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrer {
    /// None given: browsers take `strict-origin-when-cross-origin`.
    Absent,
    /// Nothing, or only to the same site: `no-referrer`, `same-origin`.
    Nothing,
    /// Other sites see the host at most: `strict-origin`, `origin`, `…-when-cross-origin`.
    OriginOnly,
    /// Other sites see whole addresses: `unsafe-url`, `no-referrer-when-downgrade`.
    Everything,
    /// Nothing that browsers know.
    Invalid,
}

/// What `X-Frame-Options` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// None given.
    Absent,
    /// `DENY`.
    Deny,
    /// `SAMEORIGIN`.
    SameOrigin,
    /// `ALLOW-FROM`, which browsers ignore.
    AllowFrom,
    /// Something browsers ignore, also contradictions.
    Invalid,
}

/// Reads `Referrer-Policy`: the last value that browsers know counts (Referrer Policy §8.1).
#[must_use]
pub fn referrer(values: &[&str]) -> Referrer {
    let words = values.iter().flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase());
    let mut found = if values.is_empty() { Referrer::Absent } else { Referrer::Invalid };
    for word in words.take(100) {
        found = match word.as_str() {
            "no-referrer" | "same-origin" => Referrer::Nothing,
            "strict-origin" | "origin" | "strict-origin-when-cross-origin" | "origin-when-cross-origin" => {
                Referrer::OriginOnly
            }
            "unsafe-url" | "no-referrer-when-downgrade" => Referrer::Everything,
            _ => found,
        };
    }
    found
}

/// Reads `X-Frame-Options` (HTML §7.7): different values together are invalid.
#[must_use]
pub fn frames(values: &[&str]) -> Frames {
    let words: Vec<String> = values
        .iter()
        .flat_map(|value| value.split(','))
        .map(|word| word.trim().to_ascii_lowercase())
        .take(20)
        .collect();
    let Some(first) = words.first() else { return Frames::Absent };
    if words.iter().any(|word| word != first) {
        return Frames::Invalid;
    }
    match first.as_str() {
        "deny" => Frames::Deny,
        "sameorigin" => Frames::SameOrigin,
        word if word.starts_with("allow-from") => Frames::AllowFrom,
        _ => Frames::Invalid,
    }
}

/// Whether `X-Content-Type-Options` forbids guessing: its first value is `nosniff` (Fetch §3.5).
#[must_use]
pub fn is_nosniff(values: &[&str]) -> bool {
    values
        .first()
        .and_then(|value| value.split(',').next())
        .is_some_and(|word| word.trim().eq_ignore_ascii_case("nosniff"))
}

/// The token of a structured header such as `Cross-Origin-Opener-Policy: same-origin; report-to="x"` (RFC 9651 §3.3.4).
#[must_use]
pub fn token(value: &str) -> Option<&str> {
    let word = value.split(';').next()?.trim();
    let is_token = word.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:%*/!#$&'+^`|~".contains(&b));
    is_token.then_some(word)
}

/// Type and charset of a `Content-Type`, in lower case: `("text/plain", Some("utf-8"))`.
#[must_use]
pub fn content_type(value: &str) -> (String, Option<String>) {
    let mut parts = value.split(';');
    let kind = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.take(20).filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    (kind, charset)
}

/// Headers that tell which version of which software runs, as (name, value).
#[must_use]
pub fn version_banners(headers: &[Header]) -> Vec<(&str, &str)> {
    // Named by the OWASP Secure Headers Project as headers to remove; those that only name a product are left out.
    const ALWAYS: [&str; 24] = [
        "x-powered-by",
        "x-aspnet-version",
        "x-aspnetmvc-version",
        "x-generator",
        "x-drupal-version",
        "x-php-version",
        "x-powered-cms",
        "x-cms",
        "x-umbraco-version",
        "x-owa-version",
        "x-mod-pagespeed",
        "x-page-speed",
        "microsoftsharepointteamservices",
        "x-litespeed-version",
        "liferay-portal",
        "x-joomla-version",
        "oracle-commerce-cloud-version",
        "x-atg-version",
        "x-django-version",
        "x-jenkins",
        "x-nextjs-version",
        "x-runtime-version",
        "x-version",
        "x-framework",
    ];
    const WITH_NUMBER: [&str; 7] = [
        "server",
        "via",
        "x-varnish-version",
        "x-server",
        "servlet-engine",
        "x-cocoon-version",
        "k-proxy-request",
    ];
    let is_banner = |header: &&Header| {
        let name = header.name.as_str();
        let has_number = has_version(&header.value);
        ALWAYS.contains(&name) && (has_number || name == "x-powered-by") && !header.value.is_empty()
            || WITH_NUMBER.contains(&name) && has_number && name != "via"
    };
    headers.iter().filter(is_banner).map(|h| (h.name.as_str(), h.value.as_str())).take(20).collect()
}

/// Whether a text holds a version: `/1.18.0`, `PHP/8.1`, ` 4.2.1`.
fn has_version(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).enumerate().any(|(at, pair)| {
        let starts = pair[1].is_ascii_digit() && matches!(pair[0], b'/' | b' ' | b'(' | b'v' | b'-');
        starts && (pair[0] == b'/' || bytes[at + 1..].iter().take(8).any(|b| *b == b'.'))
    }) || text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_known_referrer_policy_counts() {
        assert_eq!(referrer(&[]), Referrer::Absent);
        assert_eq!(referrer(&["no-referrer, strict-origin-when-cross-origin"]), Referrer::OriginOnly);
        assert_eq!(referrer(&["same-origin", "bogus"]), Referrer::Nothing);
        assert_eq!(referrer(&["UNSAFE-URL"]), Referrer::Everything);
        assert_eq!(referrer(&["no-referrer-when-downgrade"]), Referrer::Everything);
        for invalid in ["", "origin;", "never", "strict origin"] {
            assert_eq!(referrer(&[invalid]), Referrer::Invalid, "{invalid}");
        }
    }

    #[test]
    fn frame_options_are_read() {
        assert_eq!(frames(&[]), Frames::Absent);
        assert_eq!(frames(&[" deny "]), Frames::Deny);
        assert_eq!(frames(&["SAMEORIGIN", "sameorigin"]), Frames::SameOrigin);
        assert_eq!(frames(&["SAMEORIGIN, DENY"]), Frames::Invalid);
        assert_eq!(frames(&["ALLOW-FROM https://x.example"]), Frames::AllowFrom);
        assert_eq!(frames(&["ALLOWALL"]), Frames::Invalid);
        assert_eq!(frames(&[""]), Frames::Invalid);
    }

    #[test]
    fn sniffing_tokens_and_types() {
        assert!(is_nosniff(&["NoSniff"]) && is_nosniff(&["nosniff, x"]));
        assert!(!is_nosniff(&[]) && !is_nosniff(&["no-sniff"]) && !is_nosniff(&["x", "nosniff"]));
        assert_eq!(token("same-origin; report-to=\"x\""), Some("same-origin"));
        for bad in ["", "\"same-origin\"", "same origin", "?1", "é"] {
            assert_eq!(token(bad), None, "{bad}");
        }
        assert_eq!(
            content_type("Text/Plain; Charset=\"UTF-8\""),
            ("text/plain".into(), Some("utf-8".into()))
        );
        assert_eq!(content_type(""), (String::new(), None));
    }

    #[test]
    fn versions_are_noticed() {
        let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
        for (name, value) in [
            ("server", "nginx/1.18.0"),
            ("server", "Apache/2.4.41 (Ubuntu)"),
            ("x-powered-by", "PHP/7.4.3"),
            ("x-powered-by", "Express"),
            ("x-aspnet-version", "4.0.30319"),
            ("x-generator", "Drupal 9.5"),
        ] {
            assert_eq!(version_banners(&[header(name, value)]), [(name, value)]);
        }
        for (name, value) in [
            ("server", "nginx"),
            ("server", "cloudflare"),
            ("server", "Apache"),
            ("via", "1.1 varnish"),
            ("date", "Tue, 24 Nov 2026 23:31:41 GMT"),
            ("x-generator", ""),
            ("x-version", "blue"),
        ] {
            assert_eq!(version_banners(&[header(name, value)]), [], "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(value in "\\PC{0,100}") {
            let values = [value.as_str()];
            let _ = (referrer(&values), frames(&values), is_nosniff(&values), token(&value), content_type(&value));
            let headers = [Header { name: "server".to_owned(), value }];
            prop_assert!(version_banners(&headers).len() <= 1);
        }
    }
}
