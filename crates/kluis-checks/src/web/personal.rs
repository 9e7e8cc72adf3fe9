//! Personal data in URLs: recognise it and mask it.

use url::{Host, Url};

/// Bytes of a URL that are looked at.
const URL_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a masked URL.
const MASKED_BYTES_MAX: usize = 1024;
/// Parameters of a URL that are looked at.
const PARAMETERS_MAX: usize = 200;

/// The URL without user name, password, fragment and values: parameter values and personal path segments become `*`.
/// At most 1 KiB; text that is no URL loses everything behind `?` and `#`.
#[must_use]
pub fn mask_url(url: &str) -> String {
    let url = cut(url, URL_BYTES_MAX);
    let Ok(parsed) = Url::parse(url) else {
        let plain = url.split(['?', '#']).next().unwrap_or_default();
        let plain: String = plain.chars().filter(|c| !c.is_control()).collect();
        let masked: Vec<&str> =
            plain.split('/').map(|segment| if is_personal(segment) { "*" } else { segment }).collect();
        return cut(&masked.join("/"), MASKED_BYTES_MAX).to_owned();
    };
    let Some(host) = parsed.host_str() else {
        return format!("{}:*", parsed.scheme());
    };
    let mut masked = format!("{}://{host}", parsed.scheme());
    if let Some(port) = parsed.port() {
        masked.push_str(&format!(":{port}"));
    }
    for segment in parsed.path().strip_prefix('/').unwrap_or_default().split('/') {
        masked.push('/');
        masked.push_str(if is_personal(&percent_decoded(segment)) { "*" } else { segment });
    }
    if let Some(query) = parsed.query().filter(|query| !query.is_empty()) {
        let pairs: Vec<String> =
            query.split('&').filter(|p| !p.is_empty()).take(PARAMETERS_MAX).map(masked_pair).collect();
        if !pairs.is_empty() {
            masked.push('?');
            masked.push_str(&pairs.join("&"));
        }
    }
    cut(&masked, MASKED_BYTES_MAX).to_owned()
}

/// Kinds of personal data in a URL: `email`, `phone`, `iban`, `postcode` (with a house number), `bsn`, `name`,
/// `birth_date`. Masked values (`*`) and empty ones are none.
#[must_use]
pub fn personal_in(url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(cut(url, URL_BYTES_MAX)) else { return Vec::new() };
    let mut found: Vec<&'static str> = Vec::new();
    for segment in url.path().split('/').take(PARAMETERS_MAX) {
        let segment = percent_decoded(segment);
        found.extend(kind_of_value(&segment));
    }
    let (mut has_postcode, mut has_house_number) = (false, false);
    let fragment = url.fragment().filter(|f| f.contains('=')).unwrap_or_default().to_owned();
    let pairs = url.query_pairs().chain(url::form_urlencoded::parse(fragment.as_bytes()));
    for (name, value) in pairs.take(PARAMETERS_MAX) {
        let value = value.trim();
        if value.is_empty() || value == "*" {
            if name.contains('@') {
                found.extend(kind_of_value(&name));
            }
            continue;
        }
        found.extend(kind_of_value(value));
        let name = name.to_ascii_lowercase();
        found.extend(kind_by_name(&name, value));
        has_postcode |= is_postcode(value);
        has_house_number |= is_house_number(&name, value);
    }
    if has_postcode && has_house_number {
        found.push("postcode");
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(str::to_owned).collect()
}

/// Whether a URL belongs to another registrable domain than the page (public suffix list); addresses and names
/// without a domain are compared whole.
#[must_use]
pub fn is_third_party(url: &Url, page: &Url) -> bool {
    match (url.host(), page.host()) {
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => {
            let (one, other) = (one.trim_end_matches('.'), other.trim_end_matches('.'));
            one != other
                && match (psl::domain_str(one), psl::domain_str(other)) {
                    (Some(one), Some(other)) => one != other,
                    _ => true,
                }
        }
        (Some(one), Some(other)) => one != other,
        _ => false,
    }
}

/// The start of a text, at most so many bytes, whole characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Whether a text is an IBAN of a SEPA country: length of the country and remainder 1 modulo 97 (ISO 13616).
fn is_iban(text: &str) -> bool {
    const LENGTHS: [(&str, usize); 18] = [
        ("NL", 18),
        ("BE", 16),
        ("DE", 22),
        ("FR", 27),
        ("LU", 20),
        ("GB", 22),
        ("ES", 24),
        ("IT", 27),
        ("AT", 20),
        ("CH", 21),
        ("PL", 28),
        ("PT", 25),
        ("IE", 22),
        ("DK", 18),
        ("SE", 24),
        ("NO", 15),
        ("FI", 18),
        ("CZ", 24),
    ];
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.'))
        .take(40)
        .collect::<String>()
        .to_ascii_uppercase();
    let is_formed =
        LENGTHS.iter().any(|(country, length)| text.starts_with(country) && text.len() == *length)
            && text.bytes().all(|b| b.is_ascii_alphanumeric());
    is_formed && {
        let rest = text.bytes().cycle().skip(4).take(text.len()).fold(0_u32, |sum, b| match b {
            b'0'..=b'9' => (sum * 10 + u32::from(b - b'0')) % 97,
            _ => (sum * 100 + u32::from(b - b'A') + 10) % 97,
        });
        rest == 1
    }
}

/// Whether nine digits pass the 11-test of the citizen service number (Wet algemene bepalingen burgerservicenummer).
fn is_bsn(text: &str) -> bool {
    let digits: Vec<i32> = text
        .bytes()
        .filter(|b| !matches!(b, b' ' | b'.' | b'-'))
        .take(10)
        .map(|b| i32::from(b) - 48)
        .collect();
    if digits.len() != 9 || digits.iter().any(|d| !(0..=9).contains(d)) || digits.iter().all(|d| *d == 0) {
        return false;
    }
    let sum: i32 =
        digits.iter().zip([9, 8, 7, 6, 5, 4, 3, 2, -1]).map(|(digit, weight)| digit * weight).sum();
    sum % 11 == 0
}

/// Whether a text holds an e-mail address; names of files (`logo@2x.png`) and packages (`vue@3.2.1`) are none.
pub(crate) fn has_email(text: &str) -> bool {
    const FILES: [&str; 16] = [
        "png", "jpg", "jpeg", "gif", "webp", "svg", "avif", "ico", "js", "mjs", "css", "json", "map", "woff",
        "woff2", "mp4",
    ];
    text.match_indices('@').take(20).any(|(at, _)| {
        let local = text[..at].bytes().next_back();
        let domain: &str = &text[at + 1..];
        let end = domain
            .bytes()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')))
            .unwrap_or(domain.len());
        let domain = domain[..end].trim_end_matches('.');
        let Some((name, last)) = domain.rsplit_once('.') else { return false };
        local.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-'))
            && !name.is_empty()
            && (2..=24).contains(&last.len())
            && last.bytes().all(|b| b.is_ascii_alphabetic())
            && !FILES.contains(&last.to_ascii_lowercase().as_str())
    })
}

/// A Dutch telephone number as people write it: `+31612345678`, `0031…`, `06…` with ten digits.
fn is_phone_nl(text: &str) -> bool {
    let is_written =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b' ' | b'-' | b'(' | b')' | b'.'));
    let digits: String = text.chars().filter(char::is_ascii_digit).take(20).collect();
    is_written
        && text.len() <= 25
        && match digits
            .strip_prefix("0031")
            .or_else(|| digits.strip_prefix("31").filter(|_| text.trim_start().starts_with(['+', ' '])))
        {
            Some(rest) => rest.trim_start_matches('0').len() == 9,
            None => digits.len() == 10 && digits.starts_with("06"),
        }
}

fn is_postcode(text: &str) -> bool {
    let text: Vec<u8> = text.bytes().filter(|b| *b != b' ').take(8).collect();
    text.len() == 6
        && (b'1'..=b'9').contains(&text[0])
        && text[1..4].iter().all(u8::is_ascii_digit)
        && text[4..].iter().all(u8::is_ascii_alphabetic)
}

fn is_house_number(name: &str, value: &str) -> bool {
    let words =
        ["huisnr", "huisnummer", "housenumber", "house_number", "house-number", "hnr", "nummer", "number"];
    words.iter().any(|word| name.contains(word))
        && value.len() <= 8
        && value.starts_with(|c: char| c.is_ascii_digit())
}

/// What a value is by itself, whatever its parameter is called.
fn kind_of_value(value: &str) -> Option<&'static str> {
    let value = cut(value, 512).trim();
    if has_email(value) {
        Some("email")
    } else if is_iban(value) {
        Some("iban")
    } else if is_phone_nl(value) {
        Some("phone")
    } else {
        is_address(value).then_some("postcode")
    }
}

/// `1234 AB 12`, as one value.
fn is_address(value: &str) -> bool {
    let compact: String = value.chars().filter(|c| *c != ' ').take(12).collect();
    compact.is_ascii()
        && compact.len() >= 7
        && compact.len() <= 11
        && is_postcode(&compact[..6])
        && compact[6..].starts_with(|c: char| c.is_ascii_digit())
}

/// What a value is because of the name of its parameter (lower case).
fn kind_by_name(name: &str, value: &str) -> Option<&'static str> {
    const NAMES: [&str; 19] = [
        "naam",
        "voornaam",
        "achternaam",
        "klantnaam",
        "firstname",
        "first_name",
        "first-name",
        "lastname",
        "last_name",
        "last-name",
        "fullname",
        "full_name",
        "surname",
        "customer_name",
        "customername",
        "billing_first_name",
        "billing_last_name",
        "fname",
        "lname",
    ];
    const PHONES: [&str; 9] = [
        "telefoon",
        "telefoonnummer",
        "phone",
        "phonenumber",
        "phone_number",
        "mobile",
        "mobiel",
        "tel",
        "gsm",
    ];
    let last = name.trim_end_matches(']').rsplit(['[', '.']).next().unwrap_or(name);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_digest = matches!(value.len(), 32 | 40 | 64) && value.bytes().all(|b| b.is_ascii_hexdigit());
    let is_phone = PHONES.contains(&last) && (8..=15).contains(&digits) && digits * 2 > value.len();
    let is_bsn_here =
        ["bsn", "burgerservice", "sofinummer"].iter().any(|word| name.contains(word)) && is_bsn(value);
    if (last == "em" || last.contains("email") || last.contains("e-mail")) && is_digest {
        Some("email")
    } else if is_phone {
        Some("phone")
    } else if is_bsn_here {
        Some("bsn")
    } else if NAMES.contains(&last) && value.chars().any(char::is_alphabetic) {
        Some("name")
    } else if ["geboortedatum", "birthdate", "birthday", "date_of_birth", "dob"].contains(&last)
        && digits >= 6
    {
        Some("birth_date")
    } else {
        None
    }
}

/// Whether a path segment or a parameter's name should not be kept: more is masked here than is reported.
fn is_personal(text: &str) -> bool {
    kind_of_value(text).is_some() || is_bsn(text) || text.contains('@') && has_email(text)
}

fn masked_pair(pair: &str) -> String {
    let (name, has_value) = match pair.split_once('=') {
        Some((name, _)) => (name, true),
        None => (pair, false),
    };
    let is_plain = name.len() <= 60
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.[]%:".contains(&b))
        && !name.is_empty()
        && !is_personal(&percent_decoded(name));
    // A name without a value may well be a value: a session number, an e-mail address.
    let is_short =
        has_value || name.len() <= 20 && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    match (is_plain && is_short, has_value) {
        (true, true) => format!("{name}=*"),
        (true, false) => name.to_owned(),
        (false, _) => "*".to_owned(),
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        match pair.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(url: &str, kinds: &[&str]) {
        assert_eq!(personal_in(url), kinds, "{url}");
    }

    #[test]
    fn personal_data_is_recognised() {
        check("https://shop.example/?email=jan%40mail.example", &["email"]);
        check("https://shop.example/unsubscribe/jan@mail.example/now", &["email"]);
        check("https://shop.example/?jan@mail.example", &["email"]);
        check(
            "https://px.example/tr?ud[em]=b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514",
            &["email"],
        );
        check("https://shop.example/?x=%2B31%206%2012345678", &["phone"]);
        check("https://shop.example/?telefoon=020-1234567", &["phone"]);
        check("https://shop.example/?r=NL91ABNA0417164300", &["iban"]);
        check("https://shop.example/?bsn=111222333", &["bsn"]);
        check("https://shop.example/?postcode=1234AB&huisnummer=12", &["postcode"]);
        check("https://shop.example/?adres=1234+AB+12", &["postcode"]);
        check("https://shop.example/?voornaam=Jan&achternaam=Jansen", &["name"]);
        check("https://shop.example/?geboortedatum=01-02-1980", &["birth_date"]);
        check("https://shop.example/#email=jan@mail.example", &["email"]);
    }

    #[test]
    fn other_data_is_not() {
        for url in [
            "https://cdn.example/logo@2x.png",
            "https://cdn.example/npm/vue@3.2.1/dist/vue.js",
            "https://cdn.example/npm/jquery@3.7.1.min.js",
            "https://shop.example/@52.37,4.89",
            "https://fonts.example/css?family=Inter:wght@400;700",
            "https://shop.example/?email=*&voornaam=",
            "https://shop.example/product/111222333",
            "https://shop.example/?id=111222333",
            "https://shop.example/?r=NL92ABNA0417164300",
            "https://shop.example/?bsn=111222334",
            "https://shop.example/?postcode=1234AB",
            "https://shop.example/?huisnummer=12",
            "https://shop.example/?tel=1&phone=samsung",
            "https://shop.example/?ean=8712345678906",
            "https://shop.example/?ts=1764027102",
            "https://key@sentry.example/1",
            "not a url jan@mail.example",
        ] {
            check(url, &[]);
        }
    }

    #[test]
    fn masks_hide_values() {
        let cases = [
            ("https://u:p@shop.example:8443/a/b?q=shoes&sid=1#x", "https://shop.example:8443/a/b?q=*&sid=*"),
            ("https://shop.example/jan%40mail.example/x", "https://shop.example/*/x"),
            ("https://shop.example/?jan@mail.example", "https://shop.example/?*"),
            ("https://shop.example/?8f14e45fceea167a5a36dedd4bea2543", "https://shop.example/?*"),
            ("https://shop.example/?debug&a[b]=c", "https://shop.example/?debug&a[b]=*"),
            ("https://shop.example/?&&", "https://shop.example/"),
            ("mailto:jan@mail.example", "mailto:*"),
            ("/relative?x=secret", "/relative"),
            ("", ""),
        ];
        for (url, masked) in cases {
            assert_eq!(mask_url(url), masked, "{url}");
        }
    }

    #[test]
    fn third_parties_have_another_registrable_domain() {
        let is_third =
            |one: &str, other: &str| is_third_party(&Url::parse(one).unwrap(), &Url::parse(other).unwrap());
        assert!(!is_third("https://cdn.shop.example/a", "https://www.shop.example/"));
        assert!(!is_third("http://127.0.0.1:1/", "http://127.0.0.1:2/"));
        assert!(is_third("https://shop.example/", "https://other.example/"));
        assert!(is_third("https://a.co.uk/", "https://b.co.uk/"));
        assert!(is_third("https://127.0.0.2/", "https://127.0.0.1/"));
        assert!(is_third("https://localhost/", "https://shop.example/"));
    }

    proptest! {
        #[test]
        fn any_text_is_masked_once(url in "\\PC{0,300}") {
            let once = mask_url(&url);
            prop_assert!(once.len() <= MASKED_BYTES_MAX);
            let _ = personal_in(&url);
        }

        #[test]
        fn no_value_survives(name in "[a-z]{1,8}", value in "[a-zA-Z0-9@.]{12,40}") {
            let masked = mask_url(&format!("https://shop.example/p?{name}={value}"));
            prop_assert!(!masked.contains(&value));
            prop_assert_eq!(mask_url(&masked), masked);
        }
    }
}
