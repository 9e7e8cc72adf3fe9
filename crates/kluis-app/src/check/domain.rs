//! The domain that somebody wants audited: what they typed or pasted, made into one host name.

use std::net::{IpAddr, Ipv6Addr};

use kluis_model::Text;
use url::Host;

/// Longest text that is read as a domain, in bytes; a pasted address may be longer than a name (RFC 1035: 253).
const TEXT_BYTES_MAX: usize = 2_048;
/// Longest host name in bytes (RFC 1035 §2.3.4, without the final dot).
const NAME_BYTES_MAX: usize = 253;
/// Names that never lead to a shop on the public network (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`).
const PRIVATE_NAMES: [&str; 5] = ["localhost", "local", "internal", "home.arpa", "lan"];

/// A host name as an A-label in lower case, or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckDomain(String);

impl CheckDomain {
    /// Reads a domain. A pasted address such as `https://Winkel.example/kassa` gives its host; an international name
    /// becomes an A-label (UTS 46); every spelling of an IPv4 address becomes the usual one.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub fn parse(text: &str) -> Result<Self, Text> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Text::new("Vul een domein in.", "Fill in a domain."));
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(Text::new("Dit domein is te lang.", "This domain is too long."));
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self(address.to_string()));
        }
        let host = host_of(text).ok_or_else(malformed)?;
        let name = match Host::parse(host).map_err(|_| malformed())? {
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
                if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
                    return Err(malformed());
                }
                name
            }
        };
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, when it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// Whether the name by itself says that it is not on the public network; what it leads to is looked at by the
    /// audit, at each connection.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self.address() {
            Some(address) => !kluis_net::is_public(address),
            None => {
                let is_under =
                    |parent: &str| self.0.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
                !self.0.contains('.') || PRIVATE_NAMES.into_iter().any(is_under)
            }
        }
    }
}

impl std::fmt::Display for CheckDomain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn malformed() -> Text {
    Text::new(
        "Dit is geen domein. Vul de naam in zoals in de adresbalk, bijvoorbeeld winkel.example.",
        "This is not a domain. Fill in the name as in the address bar, for example shop.example.",
    )
}

/// The host in a bare name or in an address of the web; nothing when it names a user, a port or another scheme.
fn host_of(text: &str) -> Option<&str> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let rest = if lower.starts_with("https://") {
        &text[8..]
    } else if lower.starts_with("http://") {
        &text[7..]
    } else {
        text
    };
    let host = rest.split(['/', '?', '#']).next()?;
    // A host in an address may be percent-encoded (RFC 3986 §3.2.2); nobody types that.
    (!host.contains(['@', '%'])).then_some(host)
}

/// Letters, digits, hyphens and underscores, as host names in use have them.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type_or_paste_becomes_one_name() {
        for (text, name) in [
            ("winkel.example", "winkel.example"),
            (" Winkel.Example. ", "winkel.example"),
            ("https://www.winkel.example/kassa?x=1#y", "www.winkel.example"),
            ("HTTP://winkel.example", "winkel.example"),
            ("café.example", "xn--caf-dma.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("0x7f.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("a_b.example", "a_b.example"),
        ] {
            assert_eq!(CheckDomain::parse(text).unwrap().as_str(), name, "{text}");
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "aaaaaaaaa.".repeat(25));
        let longer = "a".repeat(TEXT_BYTES_MAX + 1);
        for text in [
            "",
            "  ",
            ".",
            "..",
            "a..b",
            ".example",
            "-a.example",
            "a-.example",
            "a b.example",
            "winkel.example:8443",
            "https://winkel.example:8443/",
            "noor@winkel.example",
            "https://noor:geheim@winkel.example/",
            "ftp://winkel.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "winkel.example\0",
            "winkel\n.example",
            "winkel%2eexample",
            "winkel,example",
            "wink*l.example",
            "[::1",
            "https://::1/",
            "256.1.1.1",
            "1.2.3.4.5",
            "xn--a",
            "xn--\u{e9}.example",
            "\u{202e}elpmaxe.lekniw",
            &long_label,
            &long_name,
            &longer,
        ] {
            let refused = CheckDomain::parse(text);
            assert!(refused.is_err(), "{text:?}: {refused:?}");
        }
    }

    #[test]
    fn names_of_no_public_network_are_known_by_sight() {
        for text in [
            "localhost",
            "winkel",
            "a.localhost",
            "printer.local",
            "db.internal",
            "nas.lan",
            "x.home.arpa",
            "127.0.0.1",
            "10.1.2.3",
            "0x7f.1",
            "169.254.169.254",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[fd00::1]",
        ] {
            assert!(CheckDomain::parse(text).unwrap().is_private(), "{text}");
        }
        for text in ["winkel.example", "mylocalhost.example", "local.example", "1.1.1.1", "[2606:4700::1111]"]
        {
            assert!(!CheckDomain::parse(text).unwrap().is_private(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_a_name_stays_itself(text in "\\PC{0,80}|[a-z0-9.:/\\[\\]@-]{0,80}") {
            if let Ok(domain) = CheckDomain::parse(&text) {
                prop_assert_eq!(CheckDomain::parse(domain.as_str()).unwrap(), domain);
            }
        }
    }
}
