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

/// Characters of a search that count.
const SEARCH_CHARS_MAX: usize = 60;

/// Names that people use and the table does not.
const NICKNAMES: &[(&str, &str)] = &[
    ("office 365", "microsoft-365"),
    ("office365", "microsoft-365"),
    ("o365", "microsoft-365"),
    ("m365", "microsoft-365"),
    ("exchange online", "microsoft-365"),
    ("g suite", "google-workspace"),
    ("gsuite", "google-workspace"),
    ("webador", "jouwweb"),
    ("magento", "adobe-commerce"),
    ("ses", "amazon-ses"),
];

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

/// The services that a person may mean, the likeliest first: by id, name or domain, also when it is misspelt.
#[must_use]
pub fn search(text: &str, limit: usize) -> Vec<&'static Sender> {
    let wanted: String = text.trim().to_lowercase().chars().take(SEARCH_CHARS_MAX).collect();
    let nickname = NICKNAMES.iter().find(|(nickname, _)| *nickname == wanted);
    let wanted = nickname.map_or(wanted, |(_, id)| (*id).to_owned());
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, &Sender)> =
        all().iter().filter_map(|sender| Some((distance(sender, &wanted)?, sender))).collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().take(limit).map(|(_, sender)| sender).collect()
}

/// How far a service is from what was typed, in tenths of a mistake; `None` when it is something else.
fn distance(sender: &Sender, wanted: &str) -> Option<usize> {
    let name = sender.name.to_lowercase();
    let names = [sender.id, name.as_str()];
    if names.contains(&wanted) {
        return Some(0);
    }
    if names.iter().any(|known| known.starts_with(wanted)) {
        return Some(1);
    }
    let has_name = |domain: &str| {
        domain.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let has_word = wanted.len() >= 3 && names.iter().any(|known| known.contains(wanted));
    if has_word || sender.dkim.iter().chain(&sender.spf).any(|domain| has_name(domain)) {
        return Some(2);
    }
    let words = name.split(|c: char| !c.is_alphanumeric()).chain([sender.id, name.as_str()]);
    let mistakes = words.filter(|word| word.len() >= 3).map(|word| mistakes(word, wanted)).min()?;
    let allowed = if wanted.chars().count() >= 6 { 2 } else { 1 };
    (wanted.chars().count() >= 3 && mistakes <= allowed).then_some(mistakes * 10)
}

/// Letters to put in, leave out, change or swap with their neighbour (optimal string alignment).
fn mistakes(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
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
    fn a_search_forgives_mistakes() {
        for (text, id) in [
            ("mailchimp", "mailchimp"),
            ("Mail Chimp", "mailchimp"),
            ("mailchimb", "mailchimp"),
            ("mialchimp", "mailchimp"),
            ("MailPlus", "spotler"),
            ("outlook.com", "microsoft-365"),
            ("office 365", "microsoft-365"),
            ("google", "google-workspace"),
            ("sendinblue", "brevo"),
        ] {
            assert_eq!(search(text, 1).first().map(|sender| sender.id), Some(id), "{text}");
        }
        for text in ["", " ", "zz", "volstrekt onbekend", "x".repeat(10_000).as_str()] {
            assert!(search(text, 3).is_empty(), "{text:.20}");
        }
        assert_eq!(search("mail", 4).len(), 4);
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
