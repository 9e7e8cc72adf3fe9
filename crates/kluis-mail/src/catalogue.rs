//! Who mails for shops: services with the domains of their signatures, envelopes and servers; data in a plain table.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::LazyLock;

use kluis_model::Lang;

use crate::report::Network;

/// What a service does for a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Newsletters and marketing.
    Newsletter,
    /// Sends what other software hands over: order mail, passwords.
    Relay,
    /// Shop software.
    Shop,
    /// Payments.
    Payment,
    /// Parcels and returns.
    Parcel,
    /// Questions of customers.
    Helpdesk,
    /// Invoices and documents.
    Accounting,
    /// Invitations to review.
    Review,
    /// Mail of people, and filters in front of it.
    Office,
    /// Hosting and access.
    Host,
}

impl Kind {
    const ALL: [(&'static str, Self); 10] = [
        ("newsletter", Self::Newsletter),
        ("relay", Self::Relay),
        ("shop", Self::Shop),
        ("payment", Self::Payment),
        ("parcel", Self::Parcel),
        ("helpdesk", Self::Helpdesk),
        ("accounting", Self::Accounting),
        ("review", Self::Review),
        ("office", Self::Office),
        ("host", Self::Host),
    ];

    /// The word in the table and in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// The word for people.
    #[must_use]
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Newsletter => lang.pick("nieuwsbrieven", "newsletters"),
            Self::Relay => lang.pick("verzenddienst", "sending service"),
            Self::Shop => lang.pick("winkelsoftware", "shop software"),
            Self::Payment => lang.pick("betalen", "payments"),
            Self::Parcel => lang.pick("pakketten", "parcels"),
            Self::Helpdesk => lang.pick("klantenservice", "help desk"),
            Self::Accounting => lang.pick("boekhouden", "bookkeeping"),
            Self::Review => lang.pick("beoordelingen", "reviews"),
            Self::Office => lang.pick("kantoormail", "office mail"),
            Self::Host => lang.pick("hosting", "hosting"),
        }
    }

    /// Whether anybody can have mail sent from its servers, so that the server alone says little about who it was.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Office | Self::Host)
    }
}

/// How sure the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Its main domain stood in public documents or records in November 2026; others may be recalled.
    Seen,
    /// From experience; a person should check.
    Recalled,
}

/// A service.
#[derive(Debug, PartialEq, Eq)]
pub struct Sender {
    /// A lasting short name.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// How sure the table is.
    pub certainty: Certainty,
    /// Domains of its own signatures (`d=`), with all names below.
    pub dkim: Vec<&'static str>,
    /// Domains of its envelopes and SPF records, with all names below.
    pub spf: Vec<&'static str>,
    /// Domains of its servers' names, with all names below.
    pub ptr: Vec<&'static str>,
    /// Networks of its servers.
    pub networks: Vec<Network>,
}

/// By which table a domain is looked up.
type ByDomain = HashMap<&'static str, usize>;

struct Catalogue {
    senders: Vec<Sender>,
    by_id: ByDomain,
    by_dkim: ByDomain,
    by_spf: ByDomain,
    by_ptr: ByDomain,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::read);

/// All services.
#[must_use]
pub fn all() -> &'static [Sender] {
    &CATALOGUE.senders
}

/// The service with an id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Sender> {
    CATALOGUE.by_id.get(id).map(|at| &CATALOGUE.senders[*at])
}

/// The service whose signatures have this `d=`, or a name above it.
#[must_use]
pub fn by_dkim(domain: &str) -> Option<&'static Sender> {
    above(&CATALOGUE.by_dkim, domain)
}

/// The service with this envelope domain or name in an SPF record, or a name above it.
#[must_use]
pub fn by_spf(domain: &str) -> Option<&'static Sender> {
    above(&CATALOGUE.by_spf, domain)
}

/// The service whose servers are called like this.
#[must_use]
pub fn by_ptr(host: &str) -> Option<&'static Sender> {
    above(&CATALOGUE.by_ptr, host)
}

/// The service with servers in this network.
#[must_use]
pub fn by_network(address: IpAddr) -> Option<&'static Sender> {
    all().iter().find(|sender| sender.networks.iter().any(|network| network.contains(address)))
}

/// Looks a domain and the names above it up; the domain is in lower case, as all domains of reports are.
fn above(table: &ByDomain, domain: &str) -> Option<&'static Sender> {
    let mut name = domain.trim_end_matches('.');
    loop {
        if let Some(at) = table.get(name) {
            return Some(&CATALOGUE.senders[*at]);
        }
        name = name.split_once('.')?.1;
    }
}

impl Catalogue {
    fn read() -> Self {
        let senders: Vec<Sender> = include_str!("catalogue/senders.txt").lines().filter_map(line).collect();
        let by = |domains: fn(&Sender) -> &[&'static str]| {
            let all = senders.iter().enumerate();
            all.flat_map(|(at, sender)| domains(sender).iter().map(move |domain| (*domain, at))).collect()
        };
        Self {
            by_id: senders.iter().enumerate().map(|(at, sender)| (sender.id, at)).collect(),
            by_dkim: by(|sender| &sender.dkim),
            by_spf: by(|sender| &sender.spf),
            by_ptr: by(|sender| &sender.ptr),
            senders,
        }
    }
}

/// A line of the table, `None` for a remark or an empty line; a test proves that every other line is one.
fn line(text: &'static str) -> Option<Sender> {
    if text.starts_with('#') {
        return None;
    }
    let fields: Vec<&'static str> = text.split('|').collect();
    let [id, name, kind, certainty, dkim, spf, ptr, networks] = fields[..] else { return None };
    let list = |field: &'static str| field.split(',').filter(|domain| !domain.is_empty()).collect();
    Some(Sender {
        id,
        name,
        kind: Kind::ALL.iter().find(|(word, _)| *word == kind)?.1,
        certainty: match certainty {
            "seen" => Certainty::Seen,
            "recall" => Certainty::Recalled,
            _ => return None,
        },
        dkim: list(dkim),
        spf: list(spf),
        ptr: list(ptr),
        networks: networks
            .split(',')
            .filter(|text| !text.is_empty())
            .map(|text| text.parse().ok())
            .collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_line_is_a_sender() {
        let table = include_str!("catalogue/senders.txt");
        for text in table.lines().filter(|text| !text.is_empty() && !text.starts_with('#')) {
            assert!(line(text).is_some(), "{text}");
        }
        assert!(all().len() >= 80, "{}", all().len());
        let ids: HashSet<&str> = all().iter().map(|sender| sender.id).collect();
        assert_eq!(ids.len(), all().len(), "an id stands twice");
        for (_, kind) in Kind::ALL {
            assert!(all().iter().any(|sender| sender.kind == kind), "{kind:?}");
        }
    }

    #[test]
    fn domains_are_domains_and_belong_to_one() {
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for sender in all() {
            assert!(
                !sender.dkim.is_empty() && !sender.spf.is_empty() && !sender.ptr.is_empty(),
                "{}",
                sender.id
            );
            for domain in sender.dkim.iter().chain(&sender.spf).chain(&sender.ptr) {
                let is_domain = domain.contains('.')
                    && domain.split('.').all(|label| {
                        !label.is_empty()
                            && label.bytes().all(|byte| {
                                byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
                            })
                    });
                assert!(is_domain, "{domain}");
                assert_eq!(*owners.entry(domain).or_insert(sender.id), sender.id, "{domain} stands twice");
            }
        }
    }

    #[test]
    fn lookups() {
        assert_eq!(by_dkim("eu-west-1.amazonses.com").unwrap().id, "amazon-ses");
        assert_eq!(by_spf("spf.protection.outlook.com").unwrap().id, "microsoft-365");
        assert_eq!(by_spf("mail5.mcsv.net").unwrap().kind, Kind::Newsletter);
        assert_eq!(by_ptr("mail-it1-f201.google.com.").unwrap().id, "google-workspace");
        assert_eq!(by_network("167.89.69.24".parse().unwrap()).unwrap().id, "sendgrid");
        assert_eq!(find("mollie").unwrap().name, "Mollie");
        for strange in ["", ".", "com", "notgoogle.com", "google.com.evil.example", "xmcsv.net"] {
            assert!(
                by_dkim(strange).is_none() && by_spf(strange).is_none() && by_ptr(strange).is_none(),
                "{strange}"
            );
        }
        assert!(by_network("192.0.2.1".parse().unwrap()).is_none() && find("nobody").is_none());
    }
}
