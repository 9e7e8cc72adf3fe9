//! What a policy would do, in numbers that a shop owner understands: `0 bestellingen, 12 nieuwsbrieven (Spotler, DKIM
//! ontbreekt)`.

use std::collections::BTreeMap;

use kluis_model::{Lang, Text};
use serde::Serialize;

use super::gather::SourceSeries;
use super::policy::Series;
use super::words::{both, list};
use crate::report::{Category, Replayed, SourceOutcome};
use crate::streams::{MailSetup, StreamKind};

/// Names in a sentence.
const NAMES_MAX: usize = 3;

/// Why messages would fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Most carry no DKIM signature.
    Unsigned,
    /// Most are signed by another domain only.
    Foreign,
    /// Most carry a signature of the shop that did not hold.
    Broken,
}

impl Why {
    fn of(replayed: Replayed) -> Option<Self> {
        let all = [
            (replayed.unsigned, Self::Unsigned),
            (replayed.foreign, Self::Foreign),
            (replayed.broken, Self::Broken),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).max_by_key(|(count, _)| *count).map(|(_, why)| why)
    }

    /// The reason in few words.
    #[must_use]
    pub fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Unsigned => lang.pick("DKIM ontbreekt", "DKIM is missing"),
            Self::Foreign => lang.pick("DKIM is van een ander domein", "DKIM is of another domain"),
            Self::Broken => lang.pick("DKIM klopt niet", "DKIM does not hold"),
        }
    }
}

/// What would happen to the messages of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImpactLine {
    /// The stream; `None` for a From domain of no stream.
    pub stream: Option<String>,
    /// What the stream is for.
    pub kind: Option<StreamKind>,
    /// What the source is to the shop.
    pub category: Category,
    /// A lasting name of the source ([`SourceSeries::id`]).
    pub source: String,
    /// Its name.
    pub name: Text,
    /// Whether the shop declared it.
    pub is_declared: bool,
    /// Why messages would fail; `None` when none would.
    pub why: Option<Why>,
    /// What would happen.
    #[serde(flatten)]
    pub replayed: Replayed,
}

/// Outcomes of many replays, added up.
#[derive(Debug, Clone, Default)]
pub struct Impact {
    sums: BTreeMap<Key, Replayed>,
}

/// Nothing yet.
#[must_use]
pub fn impact() -> Impact {
    Impact::default()
}

impl Impact {
    /// Adds outcomes; `streams` are the ids of the streams in the order in which they were known.
    pub fn add(&mut self, outcomes: &[SourceOutcome], streams: &[String]) {
        for outcome in outcomes {
            let key = (
                outcome.stream.and_then(|at| streams.get(at)).cloned(),
                outcome.category,
                outcome.sender.map(str::to_owned),
                outcome.network.map(|network| network.to_string()),
            );
            *self.sums.entry(key).or_default() += outcome.replayed;
        }
    }

    /// Adds what a source sent in these days as if every message that failed DMARC were refused: what `p=reject` does
    /// under the records of today. Counts tell not how a signature failed; it counts as missing.
    pub fn add_source(&mut self, source: &SourceSeries, from: i32, to: i32) {
        let counts = source.series.between(from, to);
        if counts.messages == 0 {
            return;
        }
        let rejected = counts.messages.saturating_sub(counts.passed);
        let key = (source.stream.clone(), source.category, source.sender.clone(), source.network.clone());
        *self.sums.entry(key).or_default() += Replayed {
            messages: counts.messages,
            passed: counts.passed,
            rejected,
            unsigned: rejected,
            ..Replayed::default()
        };
    }

    /// All messages.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.sums.values().fold(0, |sum, replayed| sum.saturating_add(replayed.messages))
    }

    /// The lines, those that would lose most first.
    #[must_use]
    pub fn lines(&self, setup: &MailSetup) -> Vec<ImpactLine> {
        let mut lines: Vec<ImpactLine> =
            self.sums.iter().map(|(key, replayed)| line(key, *replayed, setup)).collect();
        lines.sort_by_key(|line| core::cmp::Reverse((hit(line), line.replayed.messages)));
        lines
    }
}

/// Stream, category, service and network of a source.
type Key = (Option<String>, Category, Option<String>, Option<String>);

fn line((stream, category, sender, network): &Key, replayed: Replayed, setup: &MailSetup) -> ImpactLine {
    let source = SourceSeries {
        stream: stream.clone(),
        category: *category,
        sender: sender.clone(),
        network: network.clone(),
        series: Series::default(),
    };
    let declared = stream.as_ref().and_then(|id| setup.streams.iter().find(|stream| stream.id == *id));
    ImpactLine {
        kind: declared.map(|stream| stream.kind),
        category: *category,
        source: source.id(),
        name: source.name(),
        is_declared: source.is_declared(setup),
        why: Why::of(replayed),
        stream: stream.clone(),
        replayed,
    }
}

fn hit(line: &ImpactLine) -> u64 {
    line.replayed.quarantined.saturating_add(line.replayed.rejected)
}

/// What would be lost of the shop's own mail, and how much misuse would be stopped, in one sentence.
#[must_use]
pub fn sentence(lines: &[ImpactLine], setup: &MailSetup) -> Text {
    both(|lang| {
        let mut parts: Vec<String> = Vec::new();
        for kind in [StreamKind::Shop, StreamKind::Newsletter, StreamKind::Office] {
            if setup.streams.iter().any(|stream| stream.kind == kind) {
                let of: Vec<&ImpactLine> =
                    lines.iter().filter(|line| line.is_declared && line.kind == Some(kind)).collect();
                parts.push(part(&of, noun(kind), lang));
            }
        }
        let may_be = |line: &&ImpactLine| {
            !line.is_declared
                && matches!(line.category, Category::Service | Category::Unknown | Category::Forwarder)
        };
        let others: Vec<&ImpactLine> = lines.iter().filter(may_be).filter(|line| hit(line) > 0).collect();
        if !others.is_empty() {
            parts.push(part(&others, UNKNOWN, lang));
        }
        let misuse = lines.iter().filter(|line| line.category == Category::Misuse);
        let stopped = misuse.fold(0_u64, |sum, line| sum.saturating_add(hit(line)));
        let text = format!("{}{}", parts.join(", "), if parts.is_empty() { "" } else { "; " });
        format!("{text}{} {}", counted(stopped, FORGED, lang), lang.pick("tegengehouden", "stopped"))
    })
}

fn part(lines: &[&ImpactLine], noun: Noun, lang: Lang) -> String {
    let lost = lines.iter().fold(0_u64, |sum, line| sum.saturating_add(hit(line)));
    let mut names: Vec<String> = Vec::new();
    for line in lines.iter().filter(|line| hit(line) > 0) {
        let why = line.why.map(|why| format!(", {}", why.words(lang))).unwrap_or_default();
        // Without what the name itself has in brackets: `Spotler (MailPlus)`.
        let name = line.name.get(lang);
        let text = format!("{}{why}", name.split_once(" (").map_or(name, |(name, _)| name));
        if !names.contains(&text) {
            names.push(text);
        }
    }
    let text = counted(lost, noun, lang);
    if names.is_empty() { text } else { format!("{text} ({})", list(&names, NAMES_MAX, lang)) }
}

fn counted(count: u64, noun: Noun, lang: Lang) -> String {
    let word = match (lang, count) {
        (Lang::Nl, 1) => noun[0],
        (Lang::Nl, _) => noun[1],
        (Lang::En, 1) => noun[2],
        (Lang::En, _) => noun[3],
    };
    format!("{} {word}", lang.number(count))
}

/// One and many in Dutch, one and many in English.
type Noun = [&'static str; 4];

const UNKNOWN: Noun = [
    "bericht van onbekenden",
    "berichten van onbekenden",
    "message of unknown senders",
    "messages of unknown senders",
];
const FORGED: Noun = ["vervalst bericht", "vervalste berichten", "forged message", "forged messages"];

fn noun(kind: StreamKind) -> Noun {
    match kind {
        StreamKind::Shop => ["bestelling", "bestellingen", "order message", "order messages"],
        StreamKind::Newsletter => ["nieuwsbrief", "nieuwsbrieven", "newsletter", "newsletters"],
        StreamKind::Office => ["kantoorbericht", "kantoorberichten", "office message", "office messages"],
    }
}
