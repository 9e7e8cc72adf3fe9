//! What a scan found, in a form that holds no value: places, kinds, shares, masked examples, what was not read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::detect::Certainty;
use crate::{Kind, TableReport};

/// Places of hits in one text that are named.
pub const PLACES_MAX: usize = 20;

/// What a scan found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Everything that was read.
    pub sources: Vec<Source>,
    /// What could not be read, and why; never left out silently.
    pub unread: Vec<Unread>,
    /// Software whose tables were recognised.
    pub platforms: Vec<String>,
}

/// A file or a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its path, or its address without a password; inside of an archive with `!` between.
    pub path: String,
    /// How it was read: `csv`, `sql`, `sqlite`, `text`, …
    pub form: String,
    /// Bytes that were read.
    pub bytes: u64,
    /// Whether it was read to its end; a sample or a truncated file was not.
    pub is_whole: bool,
    /// Tables with something of people in them.
    pub tables: Vec<TableReport>,
    /// Values in running text.
    pub texts: Vec<TextFinding>,
}

/// Values of one kind in a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextFinding {
    /// What.
    pub kind: Kind,
    /// How certain the most certain one is.
    pub certainty: Certainty,
    /// How many.
    pub count: u64,
    /// Where the first ones are, at most 20.
    pub places: Vec<Place>,
}

/// Where in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Byte of the text, from 0.
    pub byte: u64,
    /// What it looks like, masked.
    pub sample: String,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its path.
    pub path: String,
    /// Why, and what to do.
    pub why: String,
}

/// What a leak of everything would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Points: people times the weight of each field.
    pub points: u64,
    /// Points by kind, largest first.
    pub by_kind: Vec<(Kind, u64)>,
    /// About how many people the largest table is about.
    pub people: u64,
}

impl ScanReport {
    /// Whether something was found that counts: a column of a kind, or values in text that are at least this certain.
    #[must_use]
    pub fn has_findings(&self, from: Certainty) -> bool {
        self.sources.iter().any(|source| {
            source.texts.iter().any(|text| text.certainty >= from)
                || source.tables.iter().any(|table| {
                    table.columns.iter().any(|column| {
                        column.verdict.certainty >= from
                            && (column.verdict.kind.is_some() || !column.verdict.also.is_empty())
                    })
                })
        })
    }

    /// The damage of a leak of everything: one value in a text counts for one person.
    #[must_use]
    pub fn damage(&self) -> Damage {
        let mut by_kind: BTreeMap<Kind, u64> = BTreeMap::new();
        let mut people = 0;
        for source in &self.sources {
            for table in &source.tables {
                people = people.max(table.people);
                for column in &table.columns {
                    let kind = column.verdict.kind.or(column.verdict.also.first().map(|(kind, _)| *kind));
                    if let Some(kind) = kind {
                        *by_kind.entry(kind).or_default() += column.damage;
                    }
                }
            }
            for text in source.texts.iter().filter(|text| text.certainty >= Certainty::Likely) {
                *by_kind.entry(text.kind).or_default() += text.count * u64::from(text.kind.weight());
            }
        }
        let mut by_kind: Vec<(Kind, u64)> = by_kind.into_iter().collect();
        by_kind.sort_by_key(|(kind, points)| (core::cmp::Reverse(*points), *kind));
        Damage { points: by_kind.iter().map(|(_, points)| points).sum(), by_kind, people }
    }
}
