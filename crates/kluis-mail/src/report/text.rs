//! Texts, numbers and moments as strangers write them: any encoding, any case, several ways to write a date.

use core::net::IpAddr;
use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes of a domain that are kept.
const DOMAIN_BYTES_MAX: usize = 255;

/// Whether bytes were text, and in what way not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded {
    /// Clean.
    Clean,
    /// Some bytes are not in the encoding; they became U+FFFD.
    Replaced,
}

/// The text of an XML file: by its byte order mark, else as UTF-8, else in the encoding that it declares.
pub(super) fn decode_xml(bytes: &[u8]) -> (Cow<'_, str>, Decoded) {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[length..]);
    }
    // XML in UTF-16 without a mark begins with `<` and a zero byte (XML 1.0, appendix F).
    match bytes {
        [b'<', 0, _, 0, ..] => return decode_as(UTF_16LE, bytes),
        [0, b'<', 0, _, ..] => return decode_as(UTF_16BE, bytes),
        _ => {}
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), Decoded::Clean);
    }
    match declared(bytes) {
        Some(encoding) if encoding != UTF_8 => decode_as(encoding, bytes),
        _ => (String::from_utf8_lossy(bytes), Decoded::Replaced),
    }
}

fn decode_as<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> (Cow<'a, str>, Decoded) {
    let (text, is_replaced) = encoding.decode_without_bom_handling(bytes);
    (text, if is_replaced { Decoded::Replaced } else { Decoded::Clean })
}

/// The encoding in `<?xml … encoding="…"?>`; one for two-byte units cannot be true here.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(200)];
    let at = memchr::memmem::find(head, b"encoding")?;
    let rest = &head[at + 8..];
    let open = rest.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let label = &rest[open + 1..];
    let length = label.iter().position(|byte| *byte == rest[open])?;
    let encoding = Encoding::for_label(&label[..length])?;
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { WINDOWS_1252 } else { encoding })
}

/// A domain in lower case without its last dot; of an address only what follows the `@`, so that nobody is named.
pub(super) fn domain(text: &str) -> String {
    let text = text.trim().trim_matches(['<', '>']);
    let text = text.rsplit('@').next().unwrap_or(text);
    let text = cut(text.trim_end_matches('.').trim(), DOMAIN_BYTES_MAX);
    text.to_lowercase()
}

/// The text, at most so many bytes, cut at a character.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A short text for people: no control characters, no addresses (`…@domain`), at most so many bytes.
pub(super) fn note(text: &str, bytes_max: usize) -> String {
    let mut out = String::new();
    for word in cut(text.trim(), bytes_max).split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        match word.rsplit_once('@') {
            Some((before, after)) if !before.is_empty() => {
                out.push_str("…@");
                out.push_str(after);
            }
            _ => out.push_str(word),
        }
    }
    out
}

/// The last part of a file name, to show: no folders, no control characters, at most 200 bytes.
pub(super) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let clean: String = last.chars().filter(|c| !c.is_control() && *c != '\u{fffd}').collect();
    cut(clean.trim(), 200).to_owned()
}

/// An address of a server, also in brackets; an IPv4 address inside IPv6 becomes IPv4.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    let text = text.strip_prefix("IPv6:").unwrap_or(text);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// A moment in Unix seconds: a number (seconds, or milliseconds when it is too large for seconds), or RFC 3339.
pub(super) fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if !whole.is_empty() && whole.len() <= 15 && whole.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = whole.parse().ok()?;
        return Some(if number > 100_000_000_000 { number / 1_000 } else { number });
    }
    rfc3339(text)
}

/// `2024-02-23T00:00:00Z`, `2024-02-23 00:00:00+01:00`, `2024-02-23`.
pub(super) fn rfc3339(text: &str) -> Option<i64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let day = civil_day(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    if bytes.len() == 10 {
        return Some(day * 86_400);
    }
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) || bytes.get(13) != Some(&b':') {
        return None;
    }
    let clock = clock_s(number(11, 13)?, number(14, 16)?, number(17, 19).unwrap_or(0))?;
    let zone = text.get(16..)?.find(['+', '-']).and_then(|at| text.get(16 + at..)).map_or(Some(0), zone_s)?;
    Some(day * 86_400 + clock - zone)
}

/// `Mon, 01 Oct 2018 11:20:27 +0200` (RFC 5322 §3.3), the day of the week may be absent.
pub(super) fn rfc5322(text: &str) -> Option<i64> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_ascii_whitespace();
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?.get(..3)?.to_ascii_lowercase();
    let month = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        .iter()
        .position(|name| *name == month)?;
    let year: i64 = words.next()?.parse().ok()?;
    let days = civil_day(year, i64::try_from(month).ok()? + 1, day)?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let clock = clock_s(clock.next()??, clock.next()??, clock.next().flatten().unwrap_or(0))?;
    let zone = words.next().and_then(zone_s).unwrap_or(0);
    Some(days * 86_400 + clock - zone)
}

fn clock_s(hour: i64, minute: i64, second: i64) -> Option<i64> {
    ((0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second))
        .then_some(hour * 3_600 + minute * 60 + second)
}

/// `+0200`, `-05:30`; names of zones count as UTC.
fn zone_s(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let digits: Vec<i64> =
        text.bytes().skip(1).filter(u8::is_ascii_digit).take(4).map(|byte| i64::from(byte - b'0')).collect();
    let [a, b, c, d] = digits[..] else { return None };
    Some(sign * ((a * 10 + b) * 3_600 + (c * 10 + d) * 60))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar, years 1 to 9999.
fn civil_day(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last; 400 years have 146,097 days.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(moment(" 1538413632 "), Some(1_538_413_632));
        assert_eq!(moment("1538413632.5"), Some(1_538_413_632));
        assert_eq!(moment("1538413632000"), Some(1_538_413_632));
        assert_eq!(moment("2024-02-23T00:00:00Z"), Some(1_708_646_400));
        assert_eq!(moment("2024-02-23T01:00:00.123+01:00"), Some(1_708_646_400));
        assert_eq!(moment("2024-02-23"), Some(1_708_646_400));
        assert_eq!(rfc5322("Mon, 01 Oct 2018 11:20:27 +0200"), Some(1_538_385_627));
        assert_eq!(rfc5322("1 Oct 2018 09:20:27 GMT"), Some(1_538_385_627));
        for wrong in
            ["", "-1", "x", "99999999999999999999", "2024-13-01", "2024-02-23T25:00:00Z", "2024-02-23Tx"]
        {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
        for wrong in
            ["", "1 Okt 2018 09:20:27", "0 Oct 2018 09:20", "Mon, 01 Oct", "é é é é", "1 ééé 2018 09:20"]
        {
            assert_eq!(rfc5322(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn encodings() {
        let declared = b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a>caf\xe9</a>";
        let (text, decoded) = decode_xml(declared);
        assert!(text.contains("café") && decoded == Decoded::Clean);
        let utf16: Vec<u8> = "<a>café</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode_xml(&utf16).0, "<a>café</a>");
        let utf16: Vec<u8> = "\u{feff}<a>café</a>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode_xml(&utf16).0, "<a>café</a>");
        assert_eq!(decode_xml(b"\xef\xbb\xbf<a/>").0, "<a/>");
        assert_eq!(decode_xml(b"<?xml encoding='utf-16'?>\xe9").0, "<?xml encoding='utf-16'?>é");
        assert_eq!(decode_xml(b"<a>\xff</a>").1, Decoded::Replaced);
    }

    #[test]
    fn nobody_is_named() {
        assert_eq!(domain(" Jan.Jansen@Shop.Example. "), "shop.example");
        assert_eq!(domain("<jan@shop.example>"), "shop.example");
        assert_eq!(note("arc=pass jan@shop.example\r\nx", 100), "arc=pass …@shop.example x");
        assert_eq!(file_name("../../etc/pass\u{0}wd"), "passwd");
        assert_eq!(file_name("C:\\x\\y.xml"), "y.xml");
    }

    #[test]
    fn addresses() {
        assert_eq!(address(" [192.0.2.1] "), "192.0.2.1".parse().ok());
        assert_eq!(address("::ffff:192.0.2.1"), "192.0.2.1".parse().ok());
        assert_eq!(address("IPv6:2001:db8::1").unwrap().to_string(), "2001:db8::1");
        for wrong in ["", "192.0.2", "192.0.2.256", "localhost", "1.2.3.4:25", "::g"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
