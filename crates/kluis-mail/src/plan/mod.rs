//! Which DNS records belong to the shop's mail streams, in the order in which to publish them, each with its reason.
//!
//! [`make`] plans, [`bind`] and [`paste`] write the plan for a name server or for the form of a provider, [`diff`]
//! compares it with what is published, [`budgets`] counts the look-ups of the planned SPF records.

mod budget;
mod diff;
mod dmarc;
mod print;
mod services;
mod sign;
mod spf;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use kluis_model::Text;
use serde::Serialize;

pub use budget::{Budget, budgets};
pub use diff::{Difference, DifferenceKind, diff};
pub use print::{bind, paste};

use crate::dmarc::Policy;
use crate::streams::{KeyUse, MailSetup};

/// How long a record is remembered when nothing else is said, in seconds: an hour.
pub const TTL_S: u32 = 3600;

/// What a plan is made of besides the streams.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// How long records are remembered, in seconds.
    pub ttl_s: u32,
    /// Keys with the records to publish for them, as far as the shop has them itself.
    pub keys: &'a [(KeyUse, String)],
    /// Domains that are further than the first step of DMARC.
    pub stages: &'a [(String, Stage)],
}

impl Default for Inputs<'_> {
    fn default() -> Self {
        Self { ttl_s: TTL_S, keys: &[], stages: &[] }
    }
}

/// How far a domain is on its way to refusing forged mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// `p`.
    pub policy: Policy,
    /// Whether it is tried out: `t=y` (RFC 9989).
    pub is_test: bool,
}

impl Stage {
    /// The first: receivers only report.
    pub const FIRST: Self = Self { policy: Policy::None, is_test: false };
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The shop's main domain.
    pub domain: String,
    /// What to do, in this order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it is about.
    pub subject: Subject,
    /// The stream it belongs to, if to one.
    pub stream: Option<String>,
    /// What to do.
    pub title: Text,
    /// Why.
    pub why: Text,
    /// The records to publish.
    pub records: Vec<PlannedRecord>,
    /// Files to serve.
    pub files: Vec<PlannedFile>,
    /// What somebody must find out or switch on first.
    pub todo: Vec<Text>,
    /// How long to wait before the next step.
    pub wait: Option<Text>,
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Who may send by address.
    Spf,
    /// Keys of signatures.
    Dkim,
    /// A domain that never sends.
    Silent,
    /// Where reports arrive.
    Reports,
    /// What receivers do with forged mail.
    Dmarc,
    /// Mail to the shop only over TLS.
    MtaSts,
    /// Reports about TLS.
    TlsReports,
}

/// A record to publish.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PlannedRecord {
    /// Its whole name.
    pub name: String,
    /// Its kind.
    pub kind: PlannedKind,
    /// What it holds: text, a name, preference and name.
    pub value: String,
    /// How long it is remembered, in seconds.
    pub ttl_s: u32,
}

/// Kinds of planned records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PlannedKind {
    /// Text.
    Txt,
    /// An alias.
    Cname,
    /// A mail exchanger.
    Mx,
}

impl PlannedKind {
    /// The word in a zone file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Txt => "TXT",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
        }
    }
}

/// A file to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFile {
    /// Where.
    pub url: String,
    /// Its text.
    pub text: String,
}

impl Plan {
    /// All records, in order.
    pub fn records(&self) -> impl Iterator<Item = &PlannedRecord> {
        self.steps.iter().flat_map(|step| &step.records)
    }
}

impl Step {
    fn new(subject: Subject, title: Text, why: Text) -> Self {
        Self {
            subject,
            stream: None,
            title,
            why,
            records: Vec::new(),
            files: Vec::new(),
            todo: Vec::new(),
            wait: None,
        }
    }
}

/// Makes the plan: first what says who may send and signs, then what asks receivers to act on it.
#[must_use]
pub fn make(setup: &MailSetup, inputs: &Inputs<'_>) -> Plan {
    let maker = Maker { setup, inputs };
    let mut steps = Vec::new();
    steps.extend(maker.spf());
    steps.extend(maker.signatures());
    steps.extend(maker.silent());
    steps.extend(maker.reports());
    steps.extend(maker.dmarc());
    steps.extend(maker.mta_sts());
    steps.extend(maker.tls_reports());
    let mut plan = Plan { domain: setup.domain.clone(), steps };
    without_clashes(&mut plan);
    plan
}

/// What the parts of a plan are made from.
struct Maker<'a> {
    setup: &'a MailSetup,
    inputs: &'a Inputs<'a>,
}

impl Maker<'_> {
    fn record(&self, name: &str, kind: PlannedKind, value: impl Into<String>) -> PlannedRecord {
        PlannedRecord { name: name.to_owned(), kind, value: value.into(), ttl_s: self.inputs.ttl_s }
    }

    fn text(&self, name: &str, value: impl Into<String>) -> PlannedRecord {
        self.record(name, PlannedKind::Txt, value)
    }

    /// From domains, each once, in the order of the streams.
    fn domains_of_streams(&self) -> Vec<&str> {
        once(self.setup.streams.iter().map(|stream| stream.from.as_str()))
    }

    /// How long the DNS needs to forget what it knew.
    fn dns_wait(&self) -> Text {
        let minutes = self.inputs.ttl_s.div_ceil(60);
        let (nl, en) = match minutes {
            60 => ("een uur".to_owned(), "an hour".to_owned()),
            0..=90 => (format!("{minutes} minuten"), format!("{minutes} minutes")),
            _ => (format!("{} uur", minutes.div_ceil(60)), format!("{} hours", minutes.div_ceil(60))),
        };
        Text::new(
            format!("Wacht {nl}, of zo lang als de oude records nog gelden."),
            format!("Wait {en}, or as long as the old records still hold."),
        )
    }
}

/// The registered domain (public suffix list), or the name itself.
fn registered(name: &str) -> &str {
    psl::domain_str(name).unwrap_or(name)
}

/// Each item once, in order.
fn once<'a>(items: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

/// What there can be only one of at a name.
#[derive(PartialEq, Eq, Hash)]
enum Only {
    Alias,
    Spf,
    Dmarc,
}

fn only(record: &PlannedRecord) -> Option<Only> {
    match record.kind {
        PlannedKind::Cname => Some(Only::Alias),
        PlannedKind::Mx => None,
        PlannedKind::Txt if crate::spf::version(record.value.as_bytes()).is_some() => Some(Only::Spf),
        PlannedKind::Txt => crate::dmarc::is_record(record.value.as_bytes()).then_some(Only::Dmarc),
    }
}

/// Leaves out records that stand in the plan already, and those that cannot stand beside an earlier one: a name has
/// either an alias or anything else (RFC 1034 §3.6.2), and one record of SPF and of DMARC.
fn without_clashes(plan: &mut Plan) {
    let mut kept: HashMap<String, Vec<PlannedRecord>> = HashMap::new();
    for step in &mut plan.steps {
        for record in std::mem::take(&mut step.records) {
            let others = kept.entry(record.name.clone()).or_default();
            if others.contains(&record) {
                continue;
            }
            let is_alias = record.kind == PlannedKind::Cname;
            let clash = others.iter().find(|other| {
                is_alias
                    || other.kind == PlannedKind::Cname
                    || (only(&record).is_some() && only(&record) == only(other))
            });
            let Some(other) = clash else {
                others.push(record.clone());
                step.records.push(record);
                continue;
            };
            let (name, kind, value) = (&record.name, record.kind.word(), &record.value);
            step.todo.push(Text::new(
                format!(
                    "Bij {name} kan \"{value}\" ({kind}) niet naast \"{}\" ({}) staan; vraag de dienst om een andere naam.",
                    other.value,
                    other.kind.word()
                ),
                format!(
                    "At {name}, \"{value}\" ({kind}) cannot stand beside \"{}\" ({}); ask the service for another name.",
                    other.value,
                    other.kind.word()
                ),
            ));
        }
    }
    plan.steps.retain(|step| !(step.records.is_empty() && step.todo.is_empty() && step.files.is_empty()));
}
