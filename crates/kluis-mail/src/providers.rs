//! The mailbox providers by which sent mail is counted: large enough that a count says nothing about a person.

/// What is counted under no provider of the table.
pub const OTHER: &str = "overig";

/// Domains of addresses, and the provider they are counted under. Sorted by domain.
///
/// These are the consumer providers of the Netherlands, Belgium and the world by size; a domain of a firm or a family is
/// never here, since counting it would tell who got mail.
const PROVIDERS: &[(&str, &str)] = &[
    ("aol.com", "yahoo.com"),
    ("caiway.nl", "caiway.nl"),
    ("casema.nl", "ziggo.nl"),
    ("chello.nl", "ziggo.nl"),
    ("freeler.nl", "kpnmail.nl"),
    ("gmail.com", "gmail.com"),
    ("gmx.com", "gmx.net"),
    ("gmx.de", "gmx.net"),
    ("gmx.net", "gmx.net"),
    ("googlemail.com", "gmail.com"),
    ("hccnet.nl", "kpnmail.nl"),
    ("hetnet.nl", "kpnmail.nl"),
    ("home.nl", "ziggo.nl"),
    ("hotmail.be", "outlook.com"),
    ("hotmail.co.uk", "outlook.com"),
    ("hotmail.com", "outlook.com"),
    ("hotmail.de", "outlook.com"),
    ("hotmail.fr", "outlook.com"),
    ("hotmail.nl", "outlook.com"),
    ("icloud.com", "icloud.com"),
    ("kpnmail.nl", "kpnmail.nl"),
    ("kpnplanet.nl", "kpnmail.nl"),
    ("live.be", "outlook.com"),
    ("live.com", "outlook.com"),
    ("live.nl", "outlook.com"),
    ("mac.com", "icloud.com"),
    ("me.com", "icloud.com"),
    ("msn.com", "outlook.com"),
    ("multiweb.nl", "ziggo.nl"),
    ("online.nl", "online.nl"),
    ("onsbrabantnet.nl", "online.nl"),
    ("orange.fr", "orange.fr"),
    ("outlook.be", "outlook.com"),
    ("outlook.com", "outlook.com"),
    ("planet.nl", "kpnmail.nl"),
    ("pm.me", "proton.me"),
    ("proton.me", "proton.me"),
    ("protonmail.com", "proton.me"),
    ("quicknet.nl", "ziggo.nl"),
    ("skynet.be", "proximus.be"),
    ("solcon.nl", "solcon.nl"),
    ("t-online.de", "t-online.de"),
    ("tele2.nl", "odido.nl"),
    ("telenet.be", "telenet.be"),
    ("telfort.nl", "kpnmail.nl"),
    ("upcmail.nl", "ziggo.nl"),
    ("versatel.nl", "odido.nl"),
    ("wanadoo.nl", "online.nl"),
    ("web.de", "gmx.net"),
    ("xs4all.nl", "kpnmail.nl"),
    ("yahoo.co.uk", "yahoo.com"),
    ("yahoo.com", "yahoo.com"),
    ("yahoo.de", "yahoo.com"),
    ("yahoo.fr", "yahoo.com"),
    ("ymail.com", "yahoo.com"),
    ("zeelandnet.nl", "zeelandnet.nl"),
    ("ziggo.nl", "ziggo.nl"),
    ("zonnet.nl", "odido.nl"),
];

/// The provider of an address, or [`OTHER`]. Looks at what is behind the last `@`, without regard to case.
#[must_use]
pub fn provider_of(address: &str) -> &'static str {
    let domain = address.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let found = PROVIDERS.binary_search_by(|(known, _)| (*known).cmp(domain.as_str()));
    found.map_or(OTHER, |at| PROVIDERS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_a_provider_is_one_of_its_own_domains_or_well_known() {
        assert!(PROVIDERS.is_sorted_by(|a, b| a.0 < b.0));
        for (domain, provider) in PROVIDERS {
            assert!(
                domain.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
            );
            assert!(!provider.is_empty() && *provider != OTHER);
        }
    }

    #[test]
    fn addresses_are_counted_by_provider_and_firms_by_nothing() {
        for (address, provider) in [
            ("Noor@Gmail.com", "gmail.com"),
            ("a@googlemail.com", "gmail.com"),
            ("a@hotmail.nl", "outlook.com"),
            ("\"a@gmail.com\"@xs4all.nl", "kpnmail.nl"),
            ("a@winkel.example", OTHER),
            ("a@gmail.com.example", OTHER),
            ("a@mail.gmail.com", OTHER),
            ("", OTHER),
            ("gmail.com", "gmail.com"),
        ] {
            assert_eq!(provider_of(address), provider, "{address}");
        }
    }
}
