//! Which mailbox provider a reporter speaks for, so that what was sent there can be compared with what it saw.

use crate::providers::{OTHER, provider_of};

/// Names under which providers report, in lower case, where that is not a domain of theirs.
const REPORTERS: &[(&str, &str)] = &[
    ("1&1 mail & media gmbh", "gmx.net"),
    ("aol", "yahoo.com"),
    ("gmail", "gmail.com"),
    ("gmx", "gmx.net"),
    ("google", "gmail.com"),
    ("google inc.", "gmail.com"),
    ("google.com", "gmail.com"),
    ("kpn", "kpnmail.nl"),
    ("kpn.com", "kpnmail.nl"),
    ("microsoft corp.", "outlook.com"),
    ("oath", "yahoo.com"),
    ("orange", "orange.fr"),
    ("orange france", "orange.fr"),
    ("proton ag", "proton.me"),
    ("protonmail", "proton.me"),
    ("proximus", "proximus.be"),
    ("telenet", "telenet.be"),
    ("vodafoneziggo", "ziggo.nl"),
    ("web.de", "gmx.net"),
    ("yahoo", "yahoo.com"),
    ("yahoo! inc.", "yahoo.com"),
    ("ziggo", "ziggo.nl"),
];

/// The provider that a reporter speaks for, as [`provider_of`] counts it. `Enterprise Outlook` speaks for firms, and is
/// none.
#[must_use]
pub fn provider_of_reporter(org: &str) -> Option<&'static str> {
    let org = org.trim().trim_end_matches('.').to_ascii_lowercase();
    let named = REPORTERS.iter().find(|(name, _)| name.trim_end_matches('.') == org);
    named.map(|(_, provider)| *provider).or_else(|| Some(provider_of(&org)).filter(|found| *found != OTHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reporters_speak_for_providers() {
        for (org, provider) in [
            ("google.com", "gmail.com"),
            ("Outlook.com", "outlook.com"),
            ("Yahoo! Inc.", "yahoo.com"),
            (" WEB.DE", "gmx.net"),
            ("ziggo.nl", "ziggo.nl"),
            ("xs4all.nl", "kpnmail.nl"),
        ] {
            assert_eq!(provider_of_reporter(org), Some(provider), "{org}");
        }
        for org in
            ["", ".", "Enterprise Outlook", "FastMail Pty Ltd", "google.com.example", "overig", "example.net"]
        {
            assert_eq!(provider_of_reporter(org), None, "{org}");
        }
        for (name, provider) in REPORTERS {
            // Proximus took Skynet over; its name is no domain of addresses in the table.
            let domain = if *provider == "proximus.be" { "skynet.be" } else { provider };
            assert_eq!(provider_of(domain), *provider, "{name}");
        }
        assert!(REPORTERS.is_sorted());
    }
}
