//! Whether a certificate is for a host (RFC 9525 §6), and which of its names nearly is.

use core::net::IpAddr;

/// Whether one of the names, as [`super::read`] gives them, is for the host.
///
/// A wildcard stands for the whole left-most label, exactly one, and needs two labels after it, as browsers want.
/// Addresses match exactly and never through a wildcard. The common name does not count.
#[must_use]
pub fn matches(names: &[String], host: &str) -> bool {
    let host = normal(host);
    if let Ok(address) = host.parse::<IpAddr>() {
        return names.iter().any(|name| name.parse() == Ok(address));
    }
    is_host(&host) && names.iter().any(|name| is_for(&name.to_ascii_lowercase(), &host))
}

/// The name that comes nearest although none is for the host, and why it is not, free of language:
/// `shop.example ≠ www.shop.example`, `*.shop.example ≠ a.b.shop.example`.
///
/// Looks, in this order, for the name with or without `www.`, a wildcard over the bare domain, a wildcard one or more
/// levels too high, and any name of the same registrable domain. `None` when a name matches or none is near.
#[must_use]
pub fn near_miss(names: &[String], host: &str) -> Option<String> {
    let host = normal(host);
    if host.parse::<IpAddr>().is_ok() || !is_host(&host) || matches(names, &host) {
        return None;
    }
    let other = host.strip_prefix("www.").map_or_else(|| format!("www.{host}"), str::to_owned);
    let is_below = |name: &str| {
        let parent = name.strip_prefix("*.");
        parent.is_some_and(|parent| host.strip_suffix(parent).is_some_and(|left| left.ends_with('.')))
    };
    let domain = psl::domain_str(&host);
    let is_related =
        |name: &str| domain.is_some() && psl::domain_str(name.trim_start_matches("*.")) == domain;
    let near = names
        .iter()
        .find(|name| **name == other)
        .or_else(|| names.iter().find(|name| name.strip_prefix("*.") == Some(host.as_str())))
        .or_else(|| names.iter().filter(|name| is_below(name)).max_by_key(|name| name.len()))
        .or_else(|| names.iter().find(|name| is_related(name)))?;
    Some(format!("{near} ≠ {host}"))
}

/// Lower case, without the dot at the end and without the brackets of an address.
fn normal(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| !label.is_empty() && !label.contains('*'))
}

fn is_for(name: &str, host: &str) -> bool {
    let Some(parent) = name.strip_prefix("*.") else { return name == host };
    let has_two_labels = parent.split('.').filter(|label| !label.is_empty()).count() >= 2;
    let rest = host.split_once('.').map(|(_, rest)| rest);
    has_two_labels && is_host(parent) && rest == Some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_that_are_for_the_host() {
        let check = |name: &str, host: &str| assert!(matches(&names(&[name]), host), "{name} {host}");
        check("shop.example", "shop.example");
        check("shop.example", "SHOP.example");
        check("shop.example", "shop.example.");
        check("*.shop.example", "www.shop.example");
        check("*.shop.example", "xn--bcher-kva.shop.example");
        check("192.0.2.1", "192.0.2.1");
        check("2001:db8::1", "[2001:db8:0:0::1]");
        check("2001:db8::1", "2001:DB8::1");
        assert!(matches(&names(&["a.example", "b.example"]), "b.example"));
    }

    #[test]
    fn names_that_are_not_for_the_host() {
        let check = |name: &str, host: &str| assert!(!matches(&names(&[name]), host), "{name} {host}");
        check("shop.example", "www.shop.example");
        check("www.shop.example", "shop.example");
        check("*.shop.example", "shop.example");
        check("*.shop.example", "a.b.shop.example");
        check("*.shop.example", ".shop.example");
        check("*.shop.example", "*.shop.example");
        check("*.example", "shop.example");
        check("*.", "shop");
        check("*", "shop");
        check("**.shop.example", "a.shop.example");
        check("*.*.example", "a.b.example");
        check("w*.shop.example", "www.shop.example");
        check("*w.shop.example", "www.shop.example");
        check("www.*.example", "www.shop.example");
        check("shop.example.", "shop.example");
        check("shop.example\0.attacker.test", "shop.example");
        check("*.0.2.1", "192.0.2.1");
        check("192.0.2.1", "192.0.2.10");
        check("192.0.2.1", "shop.example");
        check("", "");
        check("", "shop.example");
        check("a..example", "a..example");
        assert!(!matches(&[], "shop.example"));
        let long = format!("{}.example", "a.".repeat(130));
        check(&long, &long);
    }

    #[test]
    fn near_misses() {
        let check = |list: &[&str], host: &str, expected: Option<&str>| {
            assert_eq!(near_miss(&names(list), host).as_deref(), expected, "{list:?} {host}");
        };
        check(&["mail.shop.nl", "www.shop.nl"], "shop.nl", Some("www.shop.nl ≠ shop.nl"));
        check(&["shop.nl"], "www.shop.nl", Some("shop.nl ≠ www.shop.nl"));
        check(&["*.shop.nl"], "shop.nl", Some("*.shop.nl ≠ shop.nl"));
        check(&["*.shop.nl", "*.b.shop.nl"], "a.a.b.shop.nl", Some("*.b.shop.nl ≠ a.a.b.shop.nl"));
        check(&["*.shop.nl"], "a.b.shop.nl", Some("*.shop.nl ≠ a.b.shop.nl"));
        check(&["mail.shop.nl"], "shop.nl", Some("mail.shop.nl ≠ shop.nl"));
        check(&["mail.shop.co.uk"], "shop.co.uk", Some("mail.shop.co.uk ≠ shop.co.uk"));
        check(&["other.co.uk"], "shop.co.uk", None);
        check(&["host.example.test"], "shop.nl", None);
        check(&["shop.nl"], "shop.nl", None);
        check(&["*.xshop.nl"], "www.shop.nl", None);
        check(&["192.0.2.2"], "192.0.2.1", None);
        check(&["www."], "", None);
        check(&[], "shop.nl", None);
    }
}
