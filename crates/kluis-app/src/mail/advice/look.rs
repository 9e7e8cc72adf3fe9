//! The look at the DNS of the shop's own domains, what changed in it, and since when each policy holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kluis_mail::advice::{self, DnsChange, DomainDns, PolicyStep, Published};
use kluis_mail::dmarc;
use kluis_mail::dns::RecordKind;
use kluis_mail::plan::{self, PlannedKind, Stage};
use kluis_mail::streams::{KeyUse, MailSetup};
use kluis_model::Actor;
use kluis_net::AuditOptions;

use super::{Known, PolicyFact};
use crate::mail::keys::{MailKeyState, MailKeyView};
use crate::mail::reports::ReportKind;
use crate::{App, AppError};

/// Time for the questions about one domain.
const LOOK_TIME: Duration = Duration::from_secs(20);
/// After so many domains in a row without an answer the rest is not asked: the DNS does not work.
const SILENT_MAX: u32 = 2;
/// Own domains that are looked at.
const DOMAINS_MAX: usize = 60;
/// Pages of reports that are read to find out since when a policy holds.
const PAGES_MAX: usize = 10;
/// Reports in a page.
const PAGE: u32 = 500;

impl App {
    /// Asks the DNS of every own domain; one that does not answer is empty.
    pub(super) async fn look(&self, setup: &MailSetup, keys: &[MailKeyView]) -> BTreeMap<String, DomainDns> {
        let options = self.look_options();
        let mut found = BTreeMap::new();
        let mut silent = 0;
        for (domain, selectors) in domains(setup, keys) {
            if silent >= SILENT_MAX {
                found.insert(domain.clone(), DomainDns { domain, ..DomainDns::default() });
                continue;
            }
            let asked = kluis_net::with_dns(&domain, &options, |answers| {
                advice::snapshot(&domain, &selectors, answers)
            });
            let dns = match asked.await {
                Ok(Some(dns)) => dns,
                Ok(None) => DomainDns { domain: domain.clone(), ..DomainDns::default() },
                Err(error) => {
                    tracing::debug!(%domain, %error, "the DNS of an own domain did not answer");
                    DomainDns { domain: domain.clone(), ..DomainDns::default() }
                }
            };
            silent = if dns.is_unanswered() { silent + 1 } else { 0 };
            found.insert(domain, dns);
        }
        found
    }

    pub(super) fn look_options(&self) -> AuditOptions {
        let options = self.mail_settings().dns.clone();
        AuditOptions { total: options.total.min(LOOK_TIME), ..options }
    }

    /// What changed in the DNS since the last look.
    pub(super) async fn dns_changes(
        &self,
        known: &Known,
        keys: &[MailKeyView],
        now: &BTreeMap<String, DomainDns>,
    ) -> Vec<DnsChange> {
        let owned: Vec<String> = now.keys().cloned().collect();
        let find = |is_planned: &dyn Fn(&str, RecordKind) -> bool| {
            let mut found = Vec::new();
            for (domain, dns) in now {
                if let Some(before) = known.dns.get(domain) {
                    found.extend(advice::changes(&before.value.dns, dns, is_planned, &owned));
                }
            }
            found
        };
        if find(&|_, _| false).is_empty() {
            return Vec::new();
        }
        let planned = self.as_planned(known, keys).await;
        let is_planned = |name: &str, kind: RecordKind| {
            planned.contains(&(name.to_owned(), kind)) || is_advised(known, now, name)
        };
        find(&is_planned)
    }

    /// Names at which the DNS says what the plan wants.
    async fn as_planned(&self, known: &Known, keys: &[MailKeyView]) -> BTreeSet<(String, RecordKind)> {
        let records: Vec<(KeyUse, String)> = keys
            .iter()
            .map(|key| {
                let place = KeyUse { domain: key.domain.clone(), selector: key.selector.clone() };
                (place, key.record.clone())
            })
            .collect();
        let stages: Vec<(String, Stage)> = known
            .policies
            .iter()
            .filter_map(|(domain, fact)| {
                let step = fact.value.step?;
                Some((domain.clone(), Stage { policy: step.policy(), is_test: step.is_test() }))
            })
            .collect();
        let inputs = plan::Inputs { keys: &records, stages: &stages, ..plan::Inputs::default() };
        let plan = plan::make(&known.setup, &inputs);
        let options = self.look_options();
        let asked = kluis_net::with_dns(&known.setup.domain, &options, |answers| plan::diff(&plan, answers));
        // Without an answer nothing counts as planned: better a word too many than one too few.
        let Ok(Some(differences)) = asked.await else { return BTreeSet::new() };
        let differs: BTreeSet<(&str, PlannedKind)> =
            differences.iter().map(|difference| (difference.name.as_str(), difference.record)).collect();
        plan.records()
            .filter(|record| !differs.contains(&(record.name.as_str(), record.kind)))
            .map(|record| {
                let kind = if record.kind == PlannedKind::Mx { RecordKind::Mx } else { RecordKind::Txt };
                (record.name.clone(), kind)
            })
            .collect()
    }

    /// Since when each domain has the policy that is there now. A policy that is seen for the first time is as old as
    /// the reports say.
    pub(super) async fn policies(
        &self,
        actor: &Actor,
        known: &Known,
        dns: &BTreeMap<String, DomainDns>,
    ) -> Result<BTreeMap<String, PolicyFact>, AppError> {
        let mut found = BTreeMap::new();
        for (domain, dns) in dns {
            let before = known.policies.get(domain).map(|fact| &fact.value);
            let Some(step) = step_of(&dns.published()) else {
                // No answer: as it was.
                found.extend(before.map(|before| (domain.clone(), before.clone())));
                continue;
            };
            let is_other = before.is_some_and(|before| before.step != step);
            let advised = before.and_then(|before| before.advised.clone());
            let fact = match before {
                Some(before) if !is_other && before.is_seen_change => before.clone(),
                Some(_) if is_other => PolicyFact { step, since: known.today, is_seen_change: true, advised },
                _ => {
                    let first = before.map_or(known.today, |before| before.since);
                    let reported = self.since_by_reports(actor, domain, step).await?;
                    let since = reported.map_or(first, |reported| reported.min(first));
                    PolicyFact { step, since, is_seen_change: false, advised }
                }
            };
            found.insert(domain.clone(), fact);
        }
        Ok(found)
    }

    /// The first day from which on every report found the policy that is there now.
    async fn since_by_reports(
        &self,
        actor: &Actor,
        domain: &str,
        step: Option<PolicyStep>,
    ) -> Result<Option<i32>, AppError> {
        let Some(step) = step else { return Ok(None) };
        let mut periods: Vec<(i64, bool)> = Vec::new();
        let mut before = None;
        for _ in 0..PAGES_MAX {
            let page = self.mail_reports_list(actor, before, PAGE).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            let of_domain =
                page.iter().filter(|report| report.kind == ReportKind::Dmarc && report.domain == domain);
            periods.extend(of_domain.filter_map(|report| {
                let policy = report.head.policy.policy?;
                let is_test = report.head.policy.is_test.unwrap_or(step.is_test());
                Some((report.begin_s, PolicyStep::of(policy, is_test) == step))
            }));
            if page.len() < PAGE as usize {
                break;
            }
        }
        periods.sort_unstable_by_key(|period| std::cmp::Reverse(*period));
        let same = periods.iter().take_while(|(_, is_same)| *is_same).last();
        Ok(same.and_then(|(begin_s, _)| i32::try_from(begin_s.div_euclid(86_400)).ok()))
    }
}

/// The step of a record; the outer `None` when the DNS did not answer.
#[expect(clippy::option_option, reason = "not answered and no record are different")]
fn step_of(published: &Published) -> Option<Option<PolicyStep>> {
    Some(match published {
        Published::Unanswered => return None,
        Published::Nothing | Published::Several | Published::Unreadable => None,
        Published::Above { step, .. } => Some(*step),
        Published::Own(record) => Some(advice::step_of(record)),
    })
}

/// Whether a DMARC record is the one that was advised.
fn is_advised(known: &Known, now: &BTreeMap<String, DomainDns>, name: &str) -> bool {
    let Some(domain) = name.strip_prefix("_dmarc.") else { return false };
    let advised = known.policies.get(domain).and_then(|fact| fact.value.advised.as_deref());
    let published = now.get(domain).and_then(|dns| dns.dmarc.as_deref());
    let (Some(advised), Some([published])) = (advised, published) else { return false };
    let read = |text: &str| {
        let mut record = dmarc::read(text.as_bytes())?;
        record.remarks.clear();
        Some(record)
    };
    read(advised).is_some() && read(advised) == read(published)
}

/// Every own domain with the selectors to look at: that of the shop, those of the streams, of their keys and envelopes,
/// and those that never send.
fn domains(setup: &MailSetup, keys: &[MailKeyView]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    found.entry(setup.domain.clone()).or_default();
    for stream in &setup.streams {
        found.entry(stream.from.clone()).or_default();
        if let Some(domain) = &stream.return_path {
            found.entry(domain.clone()).or_default();
        }
        for key in &stream.keys {
            found.entry(key.domain.clone()).or_default().insert(key.selector.clone());
        }
    }
    for domain in &setup.silent {
        found.entry(domain.clone()).or_default();
    }
    for key in keys.iter().filter(|key| is_in_use(key)) {
        found.entry(key.domain.clone()).or_default().insert(key.selector.clone());
    }
    let of = |(domain, selectors): (String, BTreeSet<String>)| (domain, selectors.into_iter().collect());
    found.into_iter().take(DOMAINS_MAX).map(of).collect()
}

/// Whether the record of a key must be in the DNS.
pub(super) fn is_in_use(key: &MailKeyView) -> bool {
    matches!(key.state, MailKeyState::Waiting | MailKeyState::Signing | MailKeyState::Kept)
}

/// What the DNS says now, with what it did not answer from the look before.
pub(super) fn filled(now: BTreeMap<String, DomainDns>, known: &Known) -> BTreeMap<String, DomainDns> {
    let one = |(domain, dns): (String, DomainDns)| {
        let dns = match known.dns.get(&domain) {
            Some(before) => dns.or(&before.value.dns),
            None => dns,
        };
        (domain, dns)
    };
    now.into_iter().map(one).collect()
}
