//! Reads security.txt (RFC 9116) and names what is wrong with it.

use jiff::Timestamp;
use kluis_model::TimeMs;
use url::Url;

use super::headers::content_type;
use super::personal::cut;
use crate::facts::{Header, SecurityTxt};

/// Bytes of the file that are read (RFC 9116 §5.4 asks to be suspicious of large ones).
const FILE_BYTES_MAX: usize = 32 * 1024;
/// Fields that are kept.
const FIELDS_MAX: usize = 100;
/// Bytes of a field's value that are kept.
const VALUE_BYTES_MAX: usize = 500;

/// Reads the file (at most 32 KiB of it); the caller fills `url`, `content_type` and `is_top_level`.
#[must_use]
pub fn read_security_txt(text: &str) -> SecurityTxt {
    let mut read = SecurityTxt::default();
    let text = cut(text, FILE_BYTES_MAX).trim_start_matches('\u{feff}');
    let mut is_in_head = false;
    for line in text.lines() {
        let line = line.trim_end();
        if line == "-----BEGIN PGP SIGNED MESSAGE-----" && !read.is_signed {
            read.is_signed = true;
            is_in_head = true;
        } else if line == "-----BEGIN PGP SIGNATURE-----" && read.is_signed {
            break;
        } else if is_in_head {
            // Armor headers (`Hash: SHA512`) end with a blank line (RFC 9580 §7.1).
            is_in_head = !line.is_empty();
        } else {
            read_line(if read.is_signed { line.strip_prefix("- ").unwrap_or(line) } else { line }, &mut read);
        }
    }
    let expires = read.fields.iter().find(|field| field.name == "expires");
    read.expires = expires.and_then(|field| date(&field.value));
    read
}

/// What is wrong with the file, as codes in the manner of `sectxt`: `no_contact`, `no_expire`, `expired` …; empty when it
/// is good or when there is none.
#[must_use]
pub fn problems(file: &SecurityTxt, now: TimeMs) -> Vec<&'static str> {
    if file.url.is_none() {
        return Vec::new();
    }
    let values =
        |name: &'static str| file.fields.iter().filter(move |f| f.name == name).map(|f| f.value.as_str());
    let mut found = Vec::new();
    let mut note = |is_so: bool, code: &'static str| {
        if is_so {
            found.push(code);
        }
    };
    note(values("contact").next().is_none(), "no_contact");
    note(values("contact").any(|value| !is_contact(value)), "bad_contact");
    note(values("expires").next().is_none(), "no_expire");
    note(values("expires").count() > 1, "multi_expire");
    note(values("expires").next().is_some_and(|value| date(value).is_none()), "bad_expire");
    note(file.expires.is_some_and(|expires| expires <= now), "expired");
    note(file.expires.is_some_and(|e| e.since(now).as_secs() > 366 * 24 * 3600), "long_expiry");
    note(values("preferred-languages").count() > 1, "multi_lang");
    note(values("preferred-languages").any(|value| !is_languages(value)), "bad_lang");
    for name in ["encryption", "policy", "acknowledgments", "hiring", "canonical", "csaf"] {
        let is_bad = |value: &str| Url::parse(value).is_err() || value.starts_with("http://");
        note(values(name).any(is_bad), "no_uri");
    }
    let url = file.url.as_deref().unwrap_or_default();
    note(
        values("canonical").next().is_some() && !values("canonical").any(|value| value == url),
        "no_canonical_match",
    );
    note(file.bad_lines > 0, "no_line_separators");
    note(file.is_top_level, "location");
    note(url.starts_with("http://"), "invalid_uri_scheme");
    let (kind, charset) = content_type(&file.content_type);
    note(kind != "text/plain", "invalid_media");
    note(kind == "text/plain" && charset.as_deref().is_some_and(|c| c != "utf-8"), "invalid_charset");
    note(file.fields.iter().any(|field| field.value.is_empty()), "empty_value");
    found.dedup();
    found
}

fn read_line(line: &str, read: &mut SecurityTxt) {
    if line.is_empty() || line.starts_with('#') {
        return;
    }
    let Some((name, value)) = line.split_once(':') else {
        read.bad_lines = read.bad_lines.saturating_add(1);
        return;
    };
    let is_name = !name.is_empty()
        && name.len() <= 60
        && name.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'&;,".contains(&b));
    if !is_name {
        read.bad_lines = read.bad_lines.saturating_add(1);
    } else if read.fields.len() < FIELDS_MAX {
        let value: String = cut(value.trim(), VALUE_BYTES_MAX).chars().filter(|c| !c.is_control()).collect();
        read.fields.push(Header { name: name.to_ascii_lowercase(), value });
    }
}

fn date(text: &str) -> Option<TimeMs> {
    // RFC 3339 wants the `T` and the offset; jiff is more lenient with the first.
    let is_formed = text.len() >= 20 && text.as_bytes().get(10).is_some_and(|b| matches!(b, b'T' | b't'));
    let at: Timestamp = if is_formed { text.parse().ok()? } else { return None };
    Some(TimeMs(at.as_millisecond()))
}

fn is_contact(value: &str) -> bool {
    match value.split_once(':') {
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "mailto" => super::personal::has_email(rest),
            "https" => Url::parse(value).is_ok(),
            "tel" => rest.bytes().filter(u8::is_ascii_digit).count() >= 5,
            "http" => false,
            _ => Url::parse(value).is_ok(),
        },
        None => false,
    }
}

fn is_languages(value: &str) -> bool {
    let is_tag = |tag: &str| {
        let tag = tag.trim();
        tag == "*"
            || tag
                .split('-')
                .next()
                .is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()))
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    value.split(',').all(is_tag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-24T00:00:00Z.
    const NOW: TimeMs = TimeMs(1_795_478_400_000);
    const GOOD: &str = "# hello\nContact: mailto:security@shop.example\nExpires: 2027-05-01T00:00:00Z\n\
                        Preferred-Languages: nl, en\nCanonical: https://shop.example/.well-known/security.txt\n";

    fn found(text: &str) -> SecurityTxt {
        SecurityTxt {
            url: Some("https://shop.example/.well-known/security.txt".to_owned()),
            content_type: "text/plain; charset=utf-8".to_owned(),
            ..read_security_txt(text)
        }
    }

    #[track_caller]
    fn check(text: &str, codes: &[&str]) {
        assert_eq!(problems(&found(text), NOW), codes, "{text}");
    }

    #[test]
    fn a_good_file_has_no_problem() {
        check(GOOD, &[]);
        check(&GOOD.replace('\n', "\r\n"), &[]);
        check("\u{feff}Contact: tel:+31-20-1234567\nexpires: 2027-05-01t00:00:00+02:00\nX-Own: 1\n", &[]);
        let signed = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{GOOD}-----BEGIN PGP SIGNATURE-----\nabc\n"
        );
        check(&signed, &[]);
        assert!(found(&signed).is_signed);
        assert_eq!(problems(&read_security_txt(""), NOW), [""; 0]);
    }

    #[test]
    fn mistakes_are_named() {
        check("", &["no_contact", "no_expire"]);
        check("Contact: security@shop.example\nExpires: 2027-05-01T00:00:00Z", &["bad_contact"]);
        check("Contact: http://shop.example\nExpires: 2027-05-01T00:00:00Z", &["bad_contact"]);
        let with = |line: &str| format!("Contact: https://shop.example/c\n{line}");
        check(&with("Expires: 2026-05-01T00:00:00Z"), &["expired"]);
        check(&with("Expires: 2029-05-01T00:00:00Z"), &["long_expiry"]);
        check(&with("Expires: 1 May 2027"), &["bad_expire"]);
        check(&with("Expires: 2027-05-01 00:00:00Z"), &["bad_expire"]);
        check(&with("Expires: 2027-05-01T00:00:00Z\nExpires: 2027-05-01T00:00:00Z"), &["multi_expire"]);
        let good = |line: &str| with(&format!("Expires: 2027-05-01T00:00:00Z\n{line}"));
        check(&good("Preferred-Languages: nl\nPreferred-Languages: en"), &["multi_lang"]);
        check(&good("Preferred-Languages: Dutch please"), &["bad_lang"]);
        check(&good("Policy: http://shop.example/p"), &["no_uri"]);
        check(&good("Canonical: https://other.example/security.txt"), &["no_canonical_match"]);
        check(&good("just text"), &["no_line_separators"]);
        check(&good("Hiring:"), &["no_uri", "empty_value"]);
    }

    #[test]
    fn place_and_type_are_judged() {
        let mut file = found(GOOD);
        file.content_type = "text/html".to_owned();
        file.is_top_level = true;
        file.url = Some("http://shop.example/security.txt".to_owned());
        assert_eq!(
            problems(&file, NOW),
            ["no_canonical_match", "location", "invalid_uri_scheme", "invalid_media"]
        );
        file = found(GOOD);
        file.content_type = "text/plain; charset=iso-8859-1".to_owned();
        assert_eq!(problems(&file, NOW), ["invalid_charset"]);
    }

    #[test]
    fn an_html_page_is_no_file() {
        let file = found("<!doctype html><html><body style=\"color: red\">Not found: sorry</body></html>");
        assert!(file.bad_lines > 0 && file.fields.is_empty());
    }

    #[test]
    fn giants_are_bounded() {
        let file = read_security_txt(&"Contact: x\n".repeat(1_000_000));
        assert_eq!(file.fields.len(), FIELDS_MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,400}") {
            let file = read_security_txt(&text);
            let _ = problems(&SecurityTxt { url: Some(String::new()), ..file }, NOW);
        }
    }
}
