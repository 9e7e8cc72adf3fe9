//! Counts rows per day, stream and source while reports are read, in bounded memory.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::aggregate::{AggregateReport, Disposition, Evaluated, ReasonKind, Row};
use super::sources::{Category, Known, Network, classify};

/// Groups that are counted apart; what comes after is counted without its network, then only in the rest.
const GROUPS_MAX: usize = 20_000;
/// Reporters that are counted by name.
const REPORTERS_MAX: usize = 1_000;
/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldKey {
    /// Days since 1970-01-01 UTC of the middle of the report's period.
    pub day: i32,
    /// The stream, by its place in [`Known::streams`]; `None` for a From domain of no stream.
    pub stream: Option<usize>,
    /// What the source is to the shop.
    pub category: Category,
    /// The service's id in the catalogue.
    pub sender: Option<&'static str>,
    /// The neighbourhood of a source that has no name (/24, /48); `None` for others and for misuse.
    pub network: Option<Network>,
}

/// Messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// All.
    pub messages: u64,
    /// Passed DMARC.
    pub passed: u64,
    /// With an aligned DKIM signature that passed.
    pub dkim: u64,
    /// With an aligned SPF that passed.
    pub spf: u64,
    /// Treated with suspicion.
    pub quarantined: u64,
    /// Refused.
    pub rejected: u64,
    /// Where the receiver deviated from the policy for reasons of its own.
    pub overridden: u64,
}

impl Counts {
    /// Adds a row.
    pub fn add(&mut self, row: &Row) {
        let mut add = |to: fn(&mut Self) -> &mut u64, is_so: bool| {
            if is_so {
                let to = to(self);
                *to = to.saturating_add(row.count);
            }
        };
        add(|counts| &mut counts.messages, true);
        add(|counts| &mut counts.passed, row.is_aligned());
        add(|counts| &mut counts.dkim, row.dkim == Evaluated::Pass);
        add(|counts| &mut counts.spf, row.spf == Evaluated::Pass);
        add(|counts| &mut counts.quarantined, row.disposition == Disposition::Quarantine);
        add(|counts| &mut counts.rejected, row.disposition == Disposition::Reject);
        let is_overridden = row.reasons.iter().any(|reason| reason.kind != ReasonKind::SampledOut);
        add(|counts| &mut counts.overridden, is_overridden);
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { messages, passed, dkim, spf, quarantined, rejected, overridden } = other;
        self.messages = self.messages.saturating_add(messages);
        self.passed = self.passed.saturating_add(passed);
        self.dkim = self.dkim.saturating_add(dkim);
        self.spf = self.spf.saturating_add(spf);
        self.quarantined = self.quarantined.saturating_add(quarantined);
        self.rejected = self.rejected.saturating_add(rejected);
        self.overridden = self.overridden.saturating_add(overridden);
    }
}

/// Counts of many reports.
#[derive(Debug, Default)]
pub struct Fold {
    groups: HashMap<FoldKey, Counts>,
    rest: Counts,
    reporters: BTreeSet<String>,
    reports: u64,
}

impl Fold {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a report. `names` are confirmed names of servers; the caller sees to it that none is added twice
    /// ([`AggregateReport::key`]).
    pub fn add(&mut self, report: &AggregateReport, names: &HashMap<IpAddr, String>, known: &Known) {
        self.reports += 1;
        if self.reporters.len() < REPORTERS_MAX {
            self.reporters.insert(report.org.to_lowercase());
        }
        let day = day_of(report);
        for row in &report.rows {
            let who = classify(row, names.get(&row.source).map(String::as_str), known);
            let is_nameless =
                who.sender.is_none() && matches!(who.category, Category::Own | Category::Unknown);
            let key = FoldKey {
                day,
                stream: known.stream_of(&row.header_from),
                category: who.category,
                sender: who.sender.map(|sender| sender.id),
                network: is_nameless.then(|| Network::around(row.source)),
            };
            self.count(key, row);
        }
    }

    fn count(&mut self, key: FoldKey, row: &Row) {
        for key in [key, FoldKey { network: None, ..key }] {
            if let Some(counts) = self.groups.get_mut(&key) {
                return counts.add(row);
            }
            if self.groups.len() < GROUPS_MAX {
                self.groups.entry(key).or_default().add(row);
                return;
            }
        }
        self.rest.add(row);
    }

    /// The groups, in order of day, stream and source.
    #[must_use]
    pub fn groups(&self) -> BTreeMap<FoldKey, Counts> {
        self.groups.iter().map(|(key, counts)| (*key, *counts)).collect()
    }

    /// What found no place in a group.
    #[must_use]
    pub fn rest(&self) -> Counts {
        self.rest
    }

    /// Reports that were added.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.reports
    }

    /// Who reported, at most 1,000 names in lower case.
    #[must_use]
    pub fn reporters(&self) -> &BTreeSet<String> {
        &self.reporters
    }
}

/// The day in the middle of a report's period; moments outside the years 1970 to 9999 count as the nearest day.
fn day_of(report: &AggregateReport) -> i32 {
    let middle = i128::midpoint(i128::from(report.begin_s), i128::from(report.end_s.max(report.begin_s)));
    let day = middle.div_euclid(i128::from(DAY_S)).clamp(0, 2_932_896);
    i32::try_from(day).unwrap_or(0)
}
