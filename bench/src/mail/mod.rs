//! Mail beside its peers in one run: reports and parsedmarc, SPF and pyspf, DKIM and raw RSA, the relay and its aim.
//!
//! One table, and nothing here decides a test. The peers come from PyPI into `target/bench-venv`, made on the first run.

mod dkim;
mod peers;
mod relay;
mod reports;
mod spf;

use std::path::Path;

use anyhow::Result;

/// Seconds that each rate is measured.
const SECONDS: f64 = 3.0;

/// One line of the table.
pub(crate) struct Line {
    what: &'static str,
    who: String,
    figure: String,
    note: String,
}

impl Line {
    fn new(
        what: &'static str,
        who: impl Into<String>,
        figure: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        Self { what, who: who.into(), figure: figure.into(), note: note.into() }
    }

    /// A number of something a second.
    fn rate(what: &'static str, who: impl Into<String>, per_second: f64, note: impl Into<String>) -> Self {
        Self::new(what, who, format!("{per_second:.0}/s"), note)
    }
}

/// Runs everything and returns the table; `only` names one part, empty for all.
pub(crate) fn run(program: &Path, only: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let wants = |part: &str| only.is_empty() || only == part;
    if wants("spf") {
        lines.extend(spf::run()?);
    }
    if wants("dkim") {
        lines.extend(dkim::run()?);
    }
    if wants("reports") {
        lines.extend(reports::run(program)?);
    }
    if wants("relay") {
        lines.extend(relay::run(program)?);
    }
    let mut table = vec!["| what | who | figure | note |".to_owned(), "|---|---|---:|---|".to_owned()];
    table.extend(lines.iter().map(|line| {
        let Line { what, who, figure, note } = line;
        format!("| {what} | {who} | {figure} | {note} |")
    }));
    Ok(table)
}

/// Steps a second on one core: `step` returns how many it did.
fn rate(mut step: impl FnMut() -> u64) -> f64 {
    // Once to warm up.
    step();
    let begun = std::time::Instant::now();
    let mut count = 0;
    while begun.elapsed().as_secs_f64() < SECONDS {
        count += step();
    }
    count as f64 / begun.elapsed().as_secs_f64()
}
