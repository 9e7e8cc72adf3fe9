//! Compares what the scanner finds with what was planted: precision and recall of each kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kluis_model::Lang;

use super::people::Dice;
use super::tables::{TABLES, TableSpec};
use super::{held_out, texts};
use crate::detect::{Certainty, Scanner};
use crate::{Kind, Table};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// The shop by which the rules were made.
    Known,
    /// Notes and tables that they were never tried on.
    HeldOut,
}

impl Set {
    fn tables(self) -> &'static [TableSpec] {
        match self {
            Self::Known => TABLES,
            Self::HeldOut => held_out::TABLES,
        }
    }
}

/// How a kind came out in running text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Values that a word near them, or their own form, tells.
    pub told: u32,
    /// Those of them that were found as likely or certain.
    pub found: u32,
    /// Values that nothing tells.
    pub bare: u32,
    /// Those of them that were found, if only as possible.
    pub bare_found: u32,
    /// Hits, likely or certain, where nothing of this kind was planted.
    pub wrong: u32,
    /// Hits that are only possible, where nothing of this kind was planted.
    pub wrong_possible: u32,
}

impl Score {
    /// Right hits among the likely and certain ones.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.wrong)
    }

    /// Told values that were found as likely or certain.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.found, self.told)
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

/// Measures running text of so many lines.
#[must_use]
pub fn measure_text(set: Set, seed: u64, lines: usize) -> BTreeMap<Kind, Score> {
    let mut dice = Dice::new(seed);
    let made = match set {
        Set::Known => texts::text(&mut dice, lines),
        Set::HeldOut => texts::text_of(&mut dice, lines, held_out::LINES),
    };
    let mut scores: BTreeMap<Kind, Score> = BTreeMap::new();
    let mut best: Vec<Option<Certainty>> = vec![None; made.planted.len()];
    let mut first = 0;
    Scanner::new().scan(made.text.as_bytes(), |hit| {
        while made.planted.get(first).is_some_and(|planted| planted.end <= hit.start) {
            first += 1;
        }
        let near = made.planted.iter().enumerate().skip(first).take_while(|(_, p)| p.start < hit.end);
        let mut is_right = false;
        for (at, _) in near.filter(|(_, planted)| planted.kind == hit.kind) {
            is_right = true;
            best[at] = best[at].max(Some(hit.certainty));
        }
        let score = scores.entry(hit.kind).or_default();
        if !is_right && hit.certainty > Certainty::Possible {
            score.wrong += 1;
        } else if !is_right {
            score.wrong_possible += 1;
        }
    });
    for (planted, best) in made.planted.iter().zip(best) {
        let score = scores.entry(planted.kind).or_default();
        if planted.is_told {
            score.told += 1;
            score.found += u32::from(best > Some(Certainty::Possible));
        } else {
            score.bare += 1;
            score.bare_found += u32::from(best.is_some());
        }
    }
    scores
}

/// Every column of every table: what it truly holds and what was decided.
#[must_use]
pub fn measure_columns(set: Set, seed: u64, customers: u64) -> Vec<(String, Option<Kind>, Option<Kind>)> {
    let scanner = Scanner::new();
    let mut all = Vec::new();
    for (n, spec) in set.tables().iter().enumerate() {
        let mut dice = Dice::new(seed + n as u64);
        let mut table = Table::new(spec.name, &spec.names(), 2026);
        for n in 0..customers {
            for row in spec.rows(&mut dice, n) {
                table.add(&scanner, row.iter().map(String::as_bytes));
            }
        }
        let report = table.finish();
        for (name, truth) in spec.truth() {
            let decided = report.columns.iter().find(|column| column.name == name);
            all.push((
                format!("{}: {}.{name}", spec.shop, spec.name),
                truth,
                decided.and_then(|c| c.verdict.kind),
            ));
        }
    }
    all
}

/// Columns that were decided wrongly, for people.
#[must_use]
pub fn column_faults(set: Set, seed: u64, customers: u64) -> Vec<String> {
    let word = |kind: Option<Kind>| kind.map_or("nothing", Kind::id);
    measure_columns(set, seed, customers)
        .into_iter()
        .filter(|(_, truth, decided)| truth != decided)
        .map(|(name, truth, decided)| format!("{name} is {}, decided {}", word(truth), word(decided)))
        .collect()
}

/// The tables of `docs/DISCOVERY.md`, from `## Running text` on.
#[must_use]
pub fn markdown(seed: u64, lines: usize, customers: u64) -> String {
    let mut out = String::from("## Running text\n\n");
    texts_markdown(&mut out, Set::Known, seed, lines);
    out.push_str("\n## Columns\n\n");
    columns_markdown(&mut out, Set::Known, seed, customers);
    out.push_str("\n## Held out\n\nNotes and tables that the rules were never tried on.\n\n");
    texts_markdown(&mut out, Set::HeldOut, seed, lines / 4);
    out.push('\n');
    columns_markdown(&mut out, Set::HeldOut, seed, customers);
    let faults = column_faults(Set::HeldOut, seed, customers);
    out.push_str("\nWrong columns of these:\n\n");
    faults.iter().for_each(|fault| out.push_str(&format!("- {fault}\n")));
    out
}

fn texts_markdown(out: &mut String, set: Set, seed: u64, lines: usize) {
    let _ = writeln!(out, "Seed {seed}, {lines} lines.\n");
    out.push_str("| kind | planted | found | wrong | precision | recall | untold: found as possible | possible, wrong |\n");
    out.push_str("|---|---:|---:|---:|---:|---:|---:|---:|\n");
    for (kind, score) in measure_text(set, seed, lines) {
        let untold = if score.bare == 0 {
            "–".to_owned()
        } else {
            format!("{} of {}", score.bare_found, score.bare)
        };
        let rate = |count: u32, rate: f64| if count == 0 { "–".to_owned() } else { format!("{rate:.3}") };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {untold} | {} |",
            kind.name(Lang::En),
            score.told,
            score.found,
            score.wrong,
            rate(score.found + score.wrong, score.precision()),
            rate(score.told, score.recall()),
            score.wrong_possible
        );
    }
}

fn columns_markdown(out: &mut String, set: Set, seed: u64, customers: u64) {
    let columns = measure_columns(set, seed, customers);
    let _ = writeln!(
        out,
        "{} tables, {customers} customers each, {} columns of which {} hold nothing of anybody.\n",
        set.tables().len(),
        columns.len(),
        columns.iter().filter(|(_, truth, _)| truth.is_none()).count()
    );
    out.push_str("| kind | columns | found | wrong |\n|---|---:|---:|---:|\n");
    for kind in Kind::all() {
        let true_ones = columns.iter().filter(|(_, truth, _)| *truth == Some(kind));
        let (count, found) =
            (true_ones.clone().count(), true_ones.filter(|(_, _, d)| *d == Some(kind)).count());
        let wrong = columns.iter().filter(|(_, truth, d)| *truth != Some(kind) && *d == Some(kind)).count();
        if count + wrong > 0 {
            let _ = writeln!(out, "| {} | {count} | {found} | {wrong} |", kind.name(Lang::En));
        }
    }
}
