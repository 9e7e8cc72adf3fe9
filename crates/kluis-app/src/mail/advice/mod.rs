//! What to do next: the light of each stream, the next policy, the daily look at the DNS, one digest.
//!
//! The decisions are made in [`kluis_mail::advice`] from data. Here is where the data comes from: counts of reports, what
//! the DNS said at the last look (facts of kind `dns`), since when each policy holds (`policy`), and which senders are
//! not the shop's by its own word (`not_ours`).

mod day;
mod look;
mod overview;
mod simulate;
#[cfg(test)]
mod tests;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kluis_mail::advice::{
    Advice, DomainDns, DomainSeen, Governed, PolicyStep, Series, SourceSeries, advise, gather,
};
use kluis_mail::streams::MailSetup;
use kluis_model::audit::Operation;
use kluis_model::{Actor, TimeMs};
use kluis_store::{StoreError, Unit};
use serde::{Deserialize, Serialize};

pub use views::{
    MailAdviceView, MailDigestView, MailIfReject, MailKeyAge, MailLookalikeView, MailMisuseView,
    MailNextAction, MailOverview, MailSenderView, MailStreamView, SeenChange, SimulateInput, SimulateView,
};

use super::facts::Fact;
use super::reports::SourcesView;
use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// What the DNS said at the last look, by domain.
pub(super) const DNS: &str = "dns";
/// Since when a domain has its policy.
pub(super) const POLICY: &str = "policy";
/// What had to be done, and when it was looked at.
pub(super) const DIGEST: &str = "digest";
/// Senders that are not the shop's.
pub(super) const NOT_OURS: &str = "not_ours";
/// Days of reports that advice looks at: a policy is 30 days old before it changes.
const ADVICE_DAYS: u32 = 60;
/// Characters of the name of a source.
const SOURCE_CHARS_MAX: usize = 100;
/// Sources that may be said not to be the shop's.
const NOT_OURS_MAX: usize = 500;

/// The DNS of a domain at the last look.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DnsFact {
    /// What it said; what was not answered is of an earlier look.
    pub(super) dns: DomainDns,
    /// What changed in the last 30 days, newest first.
    pub(super) changes: Vec<SeenChange>,
}

/// Since when a domain has its policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PolicyFact {
    /// The policy; `None`: no usable record.
    pub(super) step: Option<PolicyStep>,
    /// The first day, in days since 1970-01-01 UTC.
    pub(super) since: i32,
    /// Whether the change to it was seen in the DNS; else reports tell since when it holds.
    #[serde(default)]
    pub(super) is_seen_change: bool,
    /// The record that was advised last.
    pub(super) advised: Option<String>,
}

/// A sender that is not the shop's, by its own word.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct NotOurs {
    at: TimeMs,
}

/// What is known without asking the DNS.
pub(super) struct Known {
    pub(super) setup: Arc<MailSetup>,
    pub(super) dns: BTreeMap<String, Fact<DnsFact>>,
    pub(super) policies: BTreeMap<String, Fact<PolicyFact>>,
    pub(super) not_ours: BTreeSet<String>,
    pub(super) today: i32,
}

impl App {
    /// Asks the DNS of the shop's domains and says what to do about each policy. Nothing is written.
    ///
    /// # Errors
    /// Denied, `Invalid` while no streams are declared, or `Integrity`.
    pub async fn mail_advise(&self, actor: &Actor) -> Result<MailAdviceView, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        let known = self.mail_known().await?.ok_or_else(no_streams)?;
        let keys = self.mail_keys(actor).await?;
        let now = self.look(&known.setup, &keys).await;
        let is_fresh = now.values().any(|dns| !dns.is_unanswered());
        let dns = look::filled(now, &known);
        let sources = self.mail_sources(actor, ADVICE_DAYS).await?;
        let policies = self.policies(actor, &known, &dns).await?;
        let advices = advices(&known, &dns, &policies, &sources);
        let streams = overview::streams(&known, &dns, &keys, &sources, known.today);
        Ok(MailAdviceView { at: self.now(), is_fresh, advices, streams })
    }

    /// Says that a source ([`MailSenderView::id`]) is not the shop's, so that it does not keep a policy from getting
    /// stricter; or takes that back.
    ///
    /// # Errors
    /// Denied, `Invalid` for what is no name of a source.
    pub async fn mail_not_ours(&self, actor: &Actor, source: &str, says: Says) -> Result<(), AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let is_name = !source.is_empty()
            && source.chars().count() <= SOURCE_CHARS_MAX
            && source.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c));
        if !is_name {
            return Err(AppError::invalid(
                "source",
                "Geef de naam van een afzender zoals die in het overzicht staat.",
                "Give the name of a sender as it stands in the overview.",
            ));
        }
        let known = self.facts::<NotOurs>(NOT_OURS).await?;
        let is_there = known.iter().any(|fact| fact.name == source);
        let mut unit = Unit::new();
        let reason = match says {
            Says::NotOurs if is_there => return Ok(()),
            Says::NotOurs => {
                if known.len() >= NOT_OURS_MAX {
                    return Err(AppError::invalid(
                        "source",
                        "Er staan er al te veel.",
                        "There are too many already.",
                    ));
                }
                self.put_fact(&mut unit, (NOT_OURS, source), &NotOurs { at: self.now() }, 0)?;
                "sender_not_ours"
            }
            Says::Nothing => {
                unit.delete_mail_fact(actor.shop, NOT_OURS, source);
                "sender_unknown"
            }
        };
        self.add_ok(&mut unit, actor, &ask, &Done { reason: Some(reason), ..Done::default() });
        match self.store().commit(unit).await {
            // Somebody else said the same.
            Err(StoreError::Conflict { what }) if what == "mail_fact" => Ok(()),
            other => other.map(|_| ()).map_err(AppError::from),
        }
    }

    /// What is known; `None` while no streams are declared.
    async fn mail_known(&self) -> Result<Option<Known>, AppError> {
        let Some(setup) = self.mail_settings().setup.clone() else { return Ok(None) };
        let dns = self.facts::<DnsFact>(DNS).await?;
        let policies = self.facts::<PolicyFact>(POLICY).await?;
        let not_ours = self.facts::<NotOurs>(NOT_OURS).await?;
        Ok(Some(Known {
            setup,
            dns: dns.into_iter().map(|fact| (fact.name.clone(), fact)).collect(),
            policies: policies.into_iter().map(|fact| (fact.name.clone(), fact)).collect(),
            not_ours: not_ours.into_iter().map(|fact| fact.name).collect(),
            today: i32::try_from(self.now().day()).unwrap_or(0),
        }))
    }
}

/// What the shop says about a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It is not the shop's.
    NotOurs,
    /// Nothing any more.
    Nothing,
}

pub(super) fn no_streams() -> AppError {
    AppError::invalid(
        "streams",
        "Er zijn nog geen mailstromen opgegeven. Maak ze met: klantkluis mail plan.",
        "No mail streams are declared yet. Make them with: klantkluis mail plan.",
    )
}

/// Advice for the domain of the shop and for every From domain.
pub(super) fn advices(
    known: &Known,
    dns: &BTreeMap<String, DomainDns>,
    policies: &BTreeMap<String, PolicyFact>,
    sources: &SourcesView,
) -> Vec<Advice> {
    let published = dns
        .iter()
        .map(|(domain, dns)| {
            let since = policies.get(domain).map(|fact| fact.since);
            (domain.clone(), (dns.published(), since))
        })
        .collect();
    let mut reporters: BTreeMap<String, u32> = BTreeMap::new();
    for (domain, orgs) in reporters_of(sources, policies) {
        reporters.insert(domain, u32::try_from(orgs.len()).unwrap_or(u32::MAX));
    }
    let governed = Governed { published, reporters, not_ours: known.not_ours.clone() };
    let seen: Vec<DomainSeen> = gather(&known.setup, &series(sources), &governed, known.today);
    seen.iter().map(advise).collect()
}

/// Who reported about each domain since it has its policy.
fn reporters_of(
    sources: &SourcesView,
    policies: &BTreeMap<String, PolicyFact>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for reporter in &sources.reporters {
        let since = policies.get(&reporter.domain).map_or(0, |fact| i64::from(fact.since));
        if reporter.last_s.div_euclid(86_400) >= since {
            found.entry(reporter.domain.clone()).or_default().insert(reporter.org.to_lowercase());
        }
    }
    found
}

/// The sources as the decisions want them.
pub(super) fn series(sources: &SourcesView) -> Vec<SourceSeries> {
    let of_stream = |stream: &super::reports::StreamSources| {
        let id = (!stream.stream.is_empty()).then(|| stream.stream.clone());
        let of_source = move |source: &super::reports::SourceView| {
            let mut series = Series::default();
            for day in &source.days {
                series.add(i32::try_from(day.day).unwrap_or(0), day.counts);
            }
            SourceSeries {
                stream: id.clone(),
                category: source.category,
                sender: source.sender.clone(),
                network: source.network.clone(),
                series,
            }
        };
        stream.sources.iter().map(of_source).collect::<Vec<_>>()
    };
    sources.streams.iter().flat_map(of_stream).collect()
}
