//! Several domains in one go: as many at once as the computer's file descriptors allow, and one line for each.

use std::sync::Arc;

use anyhow::Result;
use kluis_app::CheckDomain;
use kluis_checks::{Colour, Report};
use kluis_net::{AT_ONCE, AuditError, AuditOptions, ConnectionLimit};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Form, Place};
use crate::args::CheckArgs;
use crate::commands::Outcome;
use crate::talk;
use crate::wire::Hinted;

/// Domains in one go.
pub(crate) const DOMAINS_MAX: usize = 100;
/// Descriptors that are left for everything else.
const DESCRIPTORS_KEPT: u32 = 64;
/// Descriptors of an audit besides its connections: two sockets to name servers.
const DESCRIPTORS_OF_DNS: u32 = 2;
/// Descriptors of a process when nothing is known.
const DESCRIPTORS_USUAL: u32 = 1_024;

/// What came of one domain.
type Checked = Result<Report, AuditError>;

/// Checks every domain and prints a table, or a list in JSON.
///
/// # Errors
/// When something was asked that goes with one domain only, or a domain could not be checked.
pub(crate) async fn run(
    place: &Place,
    args: &CheckArgs,
    form: Form,
    domains: Vec<CheckDomain>,
    options: AuditOptions,
) -> Result<Outcome> {
    let lang = place.lang;
    let of_one = matches!(form, Form::Html | Form::Markdown | Form::Sarif)
        || args.save_evidence.is_some()
        || args.since.is_some()
        || args.owner_verified;
    if of_one {
        return Err(Hinted::error(
            lang.pick(
                "--html, --md, --sarif, --save-evidence, --since en --owner-verified gaan over één domein",
                "--html, --md, --sarif, --save-evidence, --since and --owner-verified are about one domain",
            ),
            lang.pick("controleer de domeinen een voor een", "check the domains one by one"),
        ));
    }
    let checked = check_all(place, domains, options, args.parallel).await;
    let failed = checked.iter().filter(|(_, checked)| checked.is_err()).count();
    let findings = checked.iter().filter_map(|(_, checked)| checked.as_ref().ok());
    let findings = findings.map(|report| report.problems().count()).sum();
    if form == Form::Json {
        let list: Vec<Value> =
            checked.iter().map(|(domain, checked)| as_json(place, domain, checked)).collect();
        talk::print_json(&list)?;
    } else {
        print_table(place, &checked)?;
    }
    if failed > 0 {
        return Err(Hinted::error(
            format!(
                "{failed} {} {} {}",
                lang.pick("van", "of"),
                checked.len(),
                lang.pick("domeinen konden niet worden gecontroleerd", "domains could not be checked")
            ),
            lang.pick(
                "vraag ze een voor een op voor wat te doen staat",
                "check them one by one for what to do",
            ),
        ));
    }
    Ok(Outcome::of_findings(findings))
}

async fn check_all(
    place: &Place,
    domains: Vec<CheckDomain>,
    mut options: AuditOptions,
    parallel: u32,
) -> Vec<(CheckDomain, Checked)> {
    let at_once = at_once(parallel, descriptors());
    options.limit = Some(ConnectionLimit::new(at_once * AT_ONCE));
    let (options, places) = (Arc::new(options), Arc::new(Semaphore::new(at_once as usize)));
    let bar = talk::progress(Some(domains.len() as u64), place.lang.pick("domeinen", "domains"));
    let mut tasks = JoinSet::new();
    for (number, domain) in domains.iter().cloned().enumerate() {
        let (options, places, bar) = (options.clone(), places.clone(), bar.clone());
        tasks.spawn(async move {
            // Invariant: the semaphore is never closed.
            let _turn = places.acquire_owned().await;
            let evidence = kluis_net::audit(domain.as_str(), &options, &|_| {}).await;
            let report = evidence.map(|evidence| kluis_checks::judge(&evidence));
            bar.inc(1);
            (number, domain, report)
        });
    }
    let mut checked = Vec::with_capacity(domains.len());
    while let Some(done) = tasks.join_next().await {
        // A panic was already told; its domain is missing from the table.
        checked.extend(done);
    }
    bar.finish_and_clear();
    checked.sort_by_key(|(number, _, _)| *number);
    checked.into_iter().map(|(_, domain, checked)| (domain, checked)).collect()
}

/// Audits at once within the descriptors of this process.
fn at_once(parallel: u32, descriptors: u32) -> u32 {
    let fit = descriptors.saturating_sub(DESCRIPTORS_KEPT) / (AT_ONCE + DESCRIPTORS_OF_DNS);
    parallel.min(fit).max(1)
}

/// How many descriptors this process may have open (proc_pid_limits(5)).
fn descriptors() -> u32 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next());
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(DESCRIPTORS_USUAL)
}

fn as_json(place: &Place, domain: &CheckDomain, checked: &Checked) -> Value {
    match checked {
        Ok(report) => json!({"domain": domain.as_str(), "report": report}),
        Err(error) => json!({
            "domain": domain.as_str(),
            "error": error.message(place.lang),
            "hint": error.hint(place.lang),
        }),
    }
}

fn print_table(place: &Place, checked: &[(CheckDomain, Checked)]) -> Result<()> {
    let lang = place.lang;
    let mut table = talk::table([
        lang.pick("domein", "domain"),
        lang.pick("cijfer", "grade"),
        lang.pick("punten", "points"),
        lang.pick("schilden", "shields"),
        lang.pick("bevindingen", "findings"),
        lang.pick("ergste", "worst"),
    ]);
    for (domain, checked) in checked {
        match checked {
            Ok(report) => table.add_row([
                domain.as_str().to_owned(),
                report.grade.letter.clone(),
                report.grade.score.to_string(),
                report.shields.iter().map(|shield| sign(shield.colour)).collect(),
                report.problems().count().to_string(),
                report
                    .findings
                    .iter()
                    .max_by_key(|f| f.severity)
                    .map_or_else(String::new, |f| f.rule.clone()),
            ]),
            Err(error) => table.add_row([domain.as_str(), "-", "-", "-", "-", error.message(lang).as_str()]),
        };
    }
    talk::print(table.to_string())?;
    Ok(())
}

/// A shield in a table: encryption, integrity and authentication stand side by side.
fn sign(colour: Colour) -> char {
    match colour {
        Colour::Green => '●',
        Colour::Orange => '◐',
        Colour::Red => '○',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audits_at_once_fit_into_the_descriptors() {
        for (parallel, descriptors, expected) in
            [(100, 1_024, 100), (100, 256, 24), (10, 1_048_576, 10), (5, 64, 1), (5, 0, 1), (1, 1_024, 1)]
        {
            assert_eq!(at_once(parallel, descriptors), expected, "{parallel} {descriptors}");
        }
    }

    #[test]
    fn the_descriptors_of_this_process_are_known() {
        assert!(descriptors() >= 64);
    }
}
