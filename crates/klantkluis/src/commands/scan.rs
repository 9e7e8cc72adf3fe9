//! `scan`: which personal data is in files and folders; needs no vault and writes nothing but its report.

use anyhow::{Context as _, Result};
use kluis_discover::detect::Certainty;
use kluis_discover::render;
use kluis_model::Lang;
use kluis_scan::ScanOptions;

use super::Outcome;
use crate::args_scan::{From, ScanArgs};
use crate::talk;

/// Scans, and shows what was found.
pub(crate) async fn run(is_json: bool, lang: Lang, args: ScanArgs) -> Result<Outcome> {
    let year = year()?;
    let options = ScanOptions { rows_max: args.rows, ..ScanOptions::new(year) };
    let paths = args.paths.clone();
    let bar = talk::progress_bytes(None, lang.pick("lezen", "reading"));
    let report = tokio::task::spawn_blocking({
        let bar = bar.clone();
        move || {
            kluis_scan::scan(&paths, &options, &mut |step| {
                bar.set_length(step.total);
                bar.set_position(step.done.min(step.total));
            })
        }
    });
    let report = report.await.context("the scan stopped")?;
    bar.finish_and_clear();
    let from = match args.from {
        From::Possible => Certainty::Possible,
        From::Likely => Certainty::Likely,
        From::Certain => Certainty::Certain,
    };
    if is_json {
        talk::print_json(&report)?;
    } else if args.sarif {
        talk::print_json(&render::sarif(&report, from, lang))?;
    } else {
        talk::print(match (args.html, args.markdown, args.csv) {
            (true, ..) => render::html(&report, from, lang),
            (_, true, _) => render::markdown(&report, from, lang),
            (.., true) => render::csv(&report, from, lang),
            _ => render::terminal(&report, from, lang),
        })?;
    }
    if report.sources.is_empty() && !report.unread.is_empty() {
        anyhow::bail!("{}", lang.pick("niets kon worden gelezen", "nothing could be read"));
    }
    Ok(if report.has_findings(from) { Outcome::Findings } else { Outcome::Good })
}

/// The present year in UTC.
fn year() -> Result<u32> {
    let now = jiff::Timestamp::now().to_string();
    now.get(..4).and_then(|year| year.parse().ok()).context("the clock of this machine is wrong")
}
