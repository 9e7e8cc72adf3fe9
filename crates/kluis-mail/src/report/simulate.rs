//! Replays rows of reports under a policy that is not published yet: who would be quarantined or refused.
//!
//! Rows tell domains and outcomes, not messages: the answer is an estimate, and close to the truth where receivers
//! follow the policy.

use core::net::IpAddr;
use std::collections::{BTreeMap, HashMap};

use super::aggregate::{AuthResult, ReasonKind, Row, SpfScope};
use super::sources::{Category, Known, Network, classify};
use crate::dmarc::{Alignment, Policy, Record};

/// Says whether a server may mail for an envelope domain, `None` when it has nothing to say about that domain.
pub type SpfAnswer<'a> = &'a dyn Fn(IpAddr, &str) -> Option<bool>;

/// What would be published.
#[derive(Clone, Copy)]
pub struct Proposed<'a> {
    /// The domain of the record.
    pub domain: &'a str,
    /// The DMARC record.
    pub record: &'a Record,
    /// What a new SPF record says about a server and an envelope domain; `None` to keep the outcome of the report.
    pub spf: Option<SpfAnswer<'a>>,
    /// Whether a name below the domain does not exist, for `np`.
    pub is_nonexistent: &'a dyn Fn(&str) -> bool,
    /// The organizational domain of a domain by the tree walk (RFC 9989 §4.10.2), for relaxed alignment; `None` takes the
    /// public suffix list (RFC 7489 §3.2).
    pub organization: Option<&'a dyn Fn(&str) -> String>,
}

impl core::fmt::Debug for Proposed<'_> {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        to.debug_struct("Proposed")
            .field("domain", &self.domain)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// What would happen to messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// All.
    pub messages: u64,
    /// Would pass DMARC.
    pub passed: u64,
    /// Would fail and be delivered all the same.
    pub delivered: u64,
    /// Would be treated with suspicion.
    pub quarantined: u64,
    /// Would be refused.
    pub rejected: u64,
    /// Of the quarantined and refused: the receiver made an exception before and may again.
    pub excused: u64,
    /// Of those that would fail: without any DKIM signature.
    pub unsigned: u64,
    /// Of those that would fail: signed by another domain only.
    pub foreign: u64,
    /// Of those that would fail: with a signature of the From domain's organization that did not hold.
    pub broken: u64,
}

/// A source and what would happen to its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOutcome {
    /// The stream, by its place in [`Known::streams`].
    pub stream: Option<usize>,
    /// What it is to the shop.
    pub category: Category,
    /// The service's id in the catalogue.
    pub sender: Option<&'static str>,
    /// The neighbourhood of a source that has no name.
    pub network: Option<Network>,
    /// What would happen.
    pub replayed: Replayed,
}

/// Stream, category, service and neighbourhood of a source.
type SourceKey = (Option<usize>, Category, Option<&'static str>, Option<Network>);

/// Replays rows; the sources that would lose most messages come first. Rows of other domains are left out.
pub fn simulate<'r>(
    rows: impl IntoIterator<Item = &'r Row>,
    proposed: &Proposed<'_>,
    known: &Known,
    names: &HashMap<IpAddr, String>,
) -> Vec<SourceOutcome> {
    let mut sources: BTreeMap<SourceKey, Replayed> = BTreeMap::new();
    for row in rows {
        let Some(policy) = policy_for(&row.header_from, proposed) else { continue };
        let who = classify(row, names.get(&row.source).map(String::as_str), known);
        let is_nameless =
            who.sender.is_none() && who.category != Category::Misuse && who.category != Category::Forwarder;
        let key = (
            known.stream_of(&row.header_from),
            who.category,
            who.sender.map(|sender| sender.id),
            is_nameless.then(|| Network::around(row.source)),
        );
        sources.entry(key).or_default().add(row, policy, proposed);
    }
    let mut outcomes: Vec<SourceOutcome> = sources
        .into_iter()
        .map(|((stream, category, sender, network), replayed)| SourceOutcome {
            stream,
            category,
            sender,
            network,
            replayed,
        })
        .collect();
    outcomes.sort_by_key(|outcome| {
        core::cmp::Reverse(outcome.replayed.rejected.saturating_add(outcome.replayed.quarantined))
    });
    outcomes
}

impl std::ops::AddAssign for Replayed {
    fn add_assign(&mut self, other: Self) {
        let Self { messages, passed, delivered, quarantined, rejected, excused, unsigned, foreign, broken } =
            other;
        self.messages = self.messages.saturating_add(messages);
        self.passed = self.passed.saturating_add(passed);
        self.delivered = self.delivered.saturating_add(delivered);
        self.quarantined = self.quarantined.saturating_add(quarantined);
        self.rejected = self.rejected.saturating_add(rejected);
        self.excused = self.excused.saturating_add(excused);
        self.unsigned = self.unsigned.saturating_add(unsigned);
        self.foreign = self.foreign.saturating_add(foreign);
        self.broken = self.broken.saturating_add(broken);
    }
}

impl Replayed {
    fn add(&mut self, row: &Row, policy: Policy, proposed: &Proposed<'_>) {
        let add = |to: &mut u64, count: u64| *to = to.saturating_add(count);
        add(&mut self.messages, row.count);
        if would_pass(row, proposed) {
            return add(&mut self.passed, row.count);
        }
        match signature(row, proposed) {
            Signature::None => add(&mut self.unsigned, row.count),
            Signature::Foreign => add(&mut self.foreign, row.count),
            Signature::Broken => add(&mut self.broken, row.count),
        }
        let (hit, spared) = sampled(row.count, policy, proposed.record);
        match policy {
            Policy::None => add(&mut self.delivered, row.count),
            Policy::Quarantine => {
                add(&mut self.quarantined, hit);
                add(&mut self.delivered, spared);
            }
            Policy::Reject => {
                add(&mut self.rejected, hit);
                // RFC 7489 §6.6.4: what `pct` leaves out of `reject` is quarantined.
                add(&mut self.quarantined, spared);
            }
        }
        let is_excused = row.reasons.iter().any(|reason| {
            matches!(
                reason.kind,
                ReasonKind::Forwarded
                    | ReasonKind::TrustedForwarder
                    | ReasonKind::MailingList
                    | ReasonKind::LocalPolicy
            )
        });
        if is_excused && policy != Policy::None {
            add(&mut self.excused, row.count);
        }
    }
}

/// How many messages `pct` hits and leaves out, rounded to the nearest.
fn sampled(count: u64, policy: Policy, record: &Record) -> (u64, u64) {
    let percent = u128::from(record.percent.unwrap_or(100).min(100));
    if policy == Policy::None || percent == 100 {
        return (count, 0);
    }
    let hit = u64::try_from((u128::from(count) * percent + 50) / 100).unwrap_or(count);
    (hit, count - hit.min(count))
}

/// The policy for a From domain, after `sp`, `np` and `t`; `None` when the record is not about it.
fn policy_for(header_from: &str, proposed: &Proposed<'_>) -> Option<Policy> {
    let policy = if header_from == proposed.domain {
        proposed.record.own()
    } else if header_from.strip_suffix(proposed.domain).is_some_and(|head| head.ends_with('.')) {
        if (proposed.is_nonexistent)(header_from) {
            proposed.record.absent()
        } else {
            proposed.record.below()
        }
    } else {
        return None;
    };
    Some(if proposed.record.is_test { policy.in_test() } else { policy })
}

/// Whether DMARC would pass: with the alignment of the new record, and with what the new SPF record says.
fn would_pass(row: &Row, proposed: &Proposed<'_>) -> bool {
    let is_signed = row.dkim_auth.iter().any(|auth| {
        auth.result == AuthResult::Pass
            && agrees(&auth.domain, &row.header_from, proposed.record.dkim, proposed)
    });
    if is_signed {
        return true;
    }
    row.spf_auth.iter().filter(|auth| auth.scope == SpfScope::MailFrom).any(|auth| {
        let told = proposed.spf.and_then(|spf| spf(row.source, &auth.domain));
        told.unwrap_or(auth.result == AuthResult::Pass)
            && agrees(&auth.domain, &row.header_from, proposed.record.spf, proposed)
    })
}

/// What there is to see of signatures of a message that fails.
enum Signature {
    None,
    Foreign,
    Broken,
}

fn signature(row: &Row, proposed: &Proposed<'_>) -> Signature {
    let mut signatures = row.dkim_auth.iter().filter(|auth| auth.result != AuthResult::None).peekable();
    if signatures.peek().is_none() {
        return Signature::None;
    }
    let is_own = |domain: &str| agrees(domain, &row.header_from, proposed.record.dkim, proposed);
    if signatures.any(|auth| is_own(&auth.domain)) { Signature::Broken } else { Signature::Foreign }
}

/// Whether two domains agree; relaxed by the tree walk or by the public suffix list.
fn agrees(domain: &str, header_from: &str, alignment: Alignment, proposed: &Proposed<'_>) -> bool {
    if domain == header_from {
        return true;
    }
    if alignment == Alignment::Strict || domain.is_empty() {
        return false;
    }
    match proposed.organization {
        Some(organization) => organization(domain) == organization(header_from),
        None => organization(domain)
            .is_some_and(|organization| Some(organization) == self::organization(header_from)),
    }
}

fn organization(domain: &str) -> Option<&str> {
    psl::domain_str(domain)
}
