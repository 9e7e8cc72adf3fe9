//! Brings counts of sources and declared streams together: which stream a source belongs to, which record governs it.

use std::collections::{BTreeMap, BTreeSet};

use kluis_model::Text;
use serde::{Deserialize, Serialize};

use super::Light;
use super::policy::{DomainSeen, Published, SenderSeen, Series, StreamSeen, Unresolved};
use super::words::both;
use crate::catalogue;
use crate::dns::is_within;
use crate::report::Category;
use crate::spf::LOOKUPS_MAX;
use crate::spf::tree::Tree;
use crate::streams::MailSetup;

/// Look-ups of SPF from which on a person should do something.
pub(super) const LOOKUPS_TIGHT: u32 = 8;
/// A sender without a name counts as genuine when it was seen on so many days: waves of misuse are shorter.
const STEADY_DAYS: usize = 4;

/// Messages of one source, by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSeries {
    /// The id of the stream whose From domain it used.
    pub stream: Option<String>,
    /// What it is to the shop.
    pub category: Category,
    /// The service's id in the catalogue.
    pub sender: Option<String>,
    /// The neighbourhood of a source without a name.
    pub network: Option<String>,
    /// Its messages.
    pub series: Series,
}

impl SourceSeries {
    /// A lasting name of it: the id of the service, else its network, else its category.
    #[must_use]
    pub fn id(&self) -> String {
        match (&self.sender, &self.network) {
            (Some(sender), _) => sender.clone(),
            (None, Some(network)) => format!("{}-{network}", self.category.word()),
            (None, None) => self.category.word().to_owned(),
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> Text {
        if let Some(id) = &self.sender {
            let name = catalogue::find(id).map_or(id.as_str(), |sender| sender.name);
            return Text::new(name, name);
        }
        both(|lang| match (&self.network, self.category) {
            (Some(network), Category::Own) => {
                format!("{} ({network})", lang.pick("eigen server", "own server"))
            }
            (Some(network), _) => format!("{} {network}", lang.pick("onbekend netwerk", "unknown network")),
            (None, Category::Own) => lang.pick("eigen servers", "own servers").to_owned(),
            (None, Category::Forwarder) => lang.pick("doorstuurders", "forwarders").to_owned(),
            (None, category) => category.name(lang).to_owned(),
        })
    }

    /// Whether the shop declared it: itself, or a service that it named.
    #[must_use]
    pub fn is_declared(&self, setup: &MailSetup) -> bool {
        let names = |id: &String| setup.streams.iter().any(|stream| stream.services.contains(id));
        match self.category {
            Category::Own => true,
            Category::Service => self.sender.as_ref().is_some_and(names),
            Category::Forwarder | Category::Unknown | Category::Misuse => false,
        }
    }

    /// Whether many send by this service.
    fn is_shared(&self) -> bool {
        self.sender.as_deref().and_then(catalogue::find).is_some_and(|sender| sender.kind.is_shared())
    }

    /// Whether somebody should say what it is: it may be genuine, and nobody declared it.
    fn is_unresolved(&self, setup: &MailSetup, not_ours: &BTreeSet<String>) -> bool {
        if self.is_declared(setup) || not_ours.contains(&self.id()) {
            return false;
        }
        match self.category {
            Category::Service => true,
            Category::Unknown => {
                self.sender.is_some()
                    || self.series.days().filter(|(_, counts)| counts.messages > 0).count() >= STEADY_DAYS
            }
            Category::Own | Category::Forwarder | Category::Misuse => false,
        }
    }
}

/// What else is known: records, since when, who reported, what was answered.
#[derive(Debug, Clone, Default)]
pub struct Governed {
    /// What each domain publishes, and the first day of that policy.
    pub published: BTreeMap<String, (Published, Option<i32>)>,
    /// How many receivers reported about each domain with a record.
    pub reporters: BTreeMap<String, u32>,
    /// Ids ([`SourceSeries::id`]) of sources that are not the shop's, by its own word.
    pub not_ours: BTreeSet<String>,
}

/// Everything that decides, for the domain of the shop and every From domain of its streams.
#[must_use]
pub fn gather(setup: &MailSetup, sources: &[SourceSeries], known: &Governed, today: i32) -> Vec<DomainSeen> {
    let mut domains: Vec<&str> = vec![&setup.domain];
    for stream in &setup.streams {
        if !domains.contains(&stream.from.as_str()) {
            domains.push(&stream.from);
        }
    }
    let streams = streams_seen(setup, sources);
    domains.iter().map(|domain| domain_seen(domain, setup, (&streams, sources), known, today)).collect()
}

/// The streams with the mail of their declared senders, in the order of the setup.
#[must_use]
pub fn streams_seen(setup: &MailSetup, sources: &[SourceSeries]) -> Vec<StreamSeen> {
    let of = |stream: &crate::streams::MailStream| {
        let mut senders: BTreeMap<String, SenderSeen> = BTreeMap::new();
        let mut forwarded = Series::default();
        for source in sources.iter().filter(|source| source.stream.as_deref() == Some(&stream.id)) {
            if source.is_declared(setup) {
                let sender = senders.entry(source.id()).or_insert_with(|| SenderSeen {
                    name: source.name(),
                    series: Series::default(),
                    is_shared: source.is_shared(),
                });
                sender.series.add_all(&source.series);
            } else if source.category == Category::Forwarder {
                forwarded.add_all(&source.series);
            }
        }
        StreamSeen {
            id: stream.id.clone(),
            kind: stream.kind,
            from: stream.from.clone(),
            senders: senders.into_values().collect(),
            forwarded,
        }
    };
    setup.streams.iter().map(of).collect()
}

fn domain_seen(
    domain: &str,
    setup: &MailSetup,
    (streams, sources): (&[StreamSeen], &[SourceSeries]),
    known: &Governed,
    today: i32,
) -> DomainSeen {
    let (published, since) = known.published.get(domain).cloned().unwrap_or((Published::Unanswered, None));
    let is_its = |from: &str| governs(domain, from, known);
    let governed: Vec<StreamSeen> = streams.iter().filter(|stream| is_its(&stream.from)).cloned().collect();
    let mut unresolved: BTreeMap<String, Unresolved> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.is_unresolved(setup, &known.not_ours)) {
        let from = source.stream.as_ref().and_then(|id| setup.streams.iter().find(|stream| stream.id == *id));
        let from = from.map_or(setup.domain.as_str(), |stream| &stream.from);
        if is_its(from) {
            let entry = unresolved.entry(source.id());
            let sender =
                entry.or_insert_with(|| Unresolved { name: source.name(), series: Series::default() });
            sender.series.add_all(&source.series);
        }
    }
    DomainSeen {
        domain: domain.to_owned(),
        published,
        since,
        today,
        streams: governed,
        unresolved: unresolved.into_values().collect(),
        reporters: known.reporters.get(domain).copied().unwrap_or(0),
        report_address: setup.report_address.clone(),
    }
}

/// Whether the record of a domain holds for mail from another: its own, or that of a domain without one.
fn governs(domain: &str, from: &str, known: &Governed) -> bool {
    if domain == from {
        return true;
    }
    match known.published.get(from) {
        Some((Published::Above { domain: above, .. }, _)) => above == domain && is_within(from, domain),
        _ => false,
    }
}

/// What the SPF record of a domain costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpfBudget {
    /// The domain.
    pub domain: String,
    /// Its records; one is right.
    pub records: Vec<String>,
    /// Look-ups of the worst message.
    pub lookups: u32,
    /// How many receivers allow: 10 (RFC 7208 §4.6.4).
    pub lookups_max: u32,
    /// Look-ups that find nothing.
    pub voids: u32,
    /// What costs most, most first.
    pub includes: Vec<SpfInclude>,
    /// IPv4 addresses whose mail passes.
    pub v4_addresses: u64,
    /// Green to 7, amber from 8, red over 10 or with an error.
    pub light: Light,
}

/// What an include costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpfInclude {
    /// Its domain.
    pub domain: String,
    /// The service it belongs to.
    pub sender: Option<String>,
    /// Look-ups, with everything below.
    pub lookups: u32,
}

/// Counts the budget of a domain's record.
#[must_use]
pub fn spf_budget(domain: &str, records: &[String], tree: &Tree) -> SpfBudget {
    let own = tree.branches.iter().filter(|branch| branch.via == domain);
    let mut includes: Vec<SpfInclude> = own
        .map(|branch| SpfInclude {
            domain: branch.domain.clone(),
            sender: catalogue::by_spf(&branch.domain).map(|sender| sender.name.to_owned()),
            lookups: branch.lookups,
        })
        .collect();
    includes.sort_by(|a, b| b.lookups.cmp(&a.lookups).then_with(|| a.domain.cmp(&b.domain)));
    let is_broken = records.len() > 1 || tree.lookups > LOOKUPS_MAX;
    SpfBudget {
        domain: domain.to_owned(),
        records: records.to_vec(),
        lookups: tree.lookups,
        lookups_max: LOOKUPS_MAX,
        voids: tree.voids,
        includes,
        v4_addresses: tree.v4_addresses,
        light: match (records.len(), is_broken, tree.lookups >= LOOKUPS_TIGHT) {
            (0, ..) => Light::Grey,
            (_, true, _) => Light::Red,
            (_, _, true) => Light::Amber,
            _ => Light::Green,
        },
    }
}
