//! Addresses of an envelope (RFC 5321 §4.1.2): read strictly, shown only on purpose.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use kluis_model::PiiText;

/// Bytes of the part before the `@` (RFC 5321 §4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;
/// Bytes of an address without angle brackets (RFC 5321 §4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;

/// An address. `Debug` shows only the domain: the rest is somebody's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: PiiText,
    at: usize,
}

/// Why a text is no address that this server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// The grammar breaks.
    #[error("not an address")]
    Syntax,
    /// It has letters outside ASCII, which need SMTPUTF8 (RFC 6531).
    #[error("an address beyond ASCII")]
    Utf8,
    /// It is too long.
    #[error("an address that is too long")]
    TooLong,
}

impl Address {
    /// Reads `name@domain`, without angle brackets: a dot-string or a quoted string, then a domain or an address literal.
    ///
    /// # Errors
    /// What is wrong with it. Source routes (`@a,@b:c@d`) are no addresses here (RFC 5321 appendix C).
    pub fn parse(text: &[u8]) -> Result<Self, AddressProblem> {
        if !text.is_ascii() {
            return Err(AddressProblem::Utf8);
        }
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressProblem::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| AddressProblem::Syntax)?;
        let (local, domain) = text.rsplit_once('@').ok_or(AddressProblem::Syntax)?;
        if local.len() > LOCAL_BYTES_MAX {
            return Err(AddressProblem::TooLong);
        }
        if !(is_dot_string(local) || is_quoted(local)) || !(is_domain(domain) || is_literal(domain)) {
            return Err(AddressProblem::Syntax);
        }
        Ok(Self { text: PiiText::new(text.to_owned()), at: local.len() })
    }

    /// The whole address, as written.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// What is after the `@`, as written.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text.expose()[self.at + 1..]
    }

    /// Whether it is the same mailbox as another address, by those who ignore case in both halves.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.text.expose().eq_ignore_ascii_case(other)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(***@{})", self.domain())
    }
}

fn is_dot_string(text: &str) -> bool {
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        let is_fine = match byte {
            b'\\' => bytes.next().is_some_and(|next| (b' '..=b'~').contains(&next)),
            b'"' => false,
            _ => (b' '..=b'~').contains(&byte),
        };
        if !is_fine {
            return false;
        }
    }
    text.len() > 2
}

/// Underscores are no letters of a host name, but old mail systems have them.
pub(super) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
pub(super) fn is_literal(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    match inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")) {
        Some(_) => inner[5..].parse::<Ipv6Addr>().is_ok(),
        None => inner.parse::<Ipv4Addr>().is_ok(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_not_shown() {
        for (text, domain) in [
            ("a@b", "b"),
            ("Noor.de+winkel@Winkel.Example", "Winkel.Example"),
            ("\"a b\"@winkel.example", "winkel.example"),
            ("\"a@b\\\"\"@winkel.example", "winkel.example"),
            ("bounce=noor=b.example@winkel.example", "winkel.example"),
            ("a@[192.0.2.1]", "[192.0.2.1]"),
            ("a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("user%elders@winkel.example", "winkel.example"),
        ] {
            let address = Address::parse(text.as_bytes()).unwrap();
            assert_eq!((address.expose(), address.domain()), (text, domain));
            assert_eq!(format!("{address:?}"), format!("Address(***@{domain})"));
        }
        let address = Address::parse(b"DMARC@Winkel.example").unwrap();
        assert!(address.is("dmarc@winkel.EXAMPLE") && !address.is("dmarc@winkel.example.nl"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@b.example", "a".repeat(65));
        let longer = format!("a@{}.example", "b.".repeat(124));
        for (text, problem) in [
            ("", AddressProblem::Syntax),
            ("a", AddressProblem::Syntax),
            ("@b.example", AddressProblem::Syntax),
            ("a@", AddressProblem::Syntax),
            ("a@b@c.example", AddressProblem::Syntax),
            ("@c.example:a@b.example", AddressProblem::Syntax),
            ("a..b@c.example", AddressProblem::Syntax),
            (".a@c.example", AddressProblem::Syntax),
            ("a b@c.example", AddressProblem::Syntax),
            ("a@c example", AddressProblem::Syntax),
            ("a@.example", AddressProblem::Syntax),
            ("a@-c.example", AddressProblem::Syntax),
            ("\"\"@c.example", AddressProblem::Syntax),
            ("\"a@c.example", AddressProblem::Syntax),
            ("\"a\"b\"@c.example", AddressProblem::Syntax),
            ("\"a\\\"@c.example", AddressProblem::Syntax),
            ("a@[192.0.2]", AddressProblem::Syntax),
            ("a@[2001:db8::1]", AddressProblem::Syntax),
            ("a\r\n@c.example", AddressProblem::Syntax),
            ("a\0@c.example", AddressProblem::Syntax),
            ("n\u{f8}rd@c.example", AddressProblem::Utf8),
            (&long, AddressProblem::TooLong),
            (&longer, AddressProblem::TooLong),
        ] {
            assert_eq!(Address::parse(text.as_bytes()), Err(problem), "{text}");
        }
    }
}
