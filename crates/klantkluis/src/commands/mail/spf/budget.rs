//! `mail spf budget`: how much of the ten look-ups is used, by whom, and what to do.

use anyhow::Result;
use kluis_mail::spf::budget::{Budget, LOOKUPS_MANY, Line, budget};
use kluis_mail::spf::explain::explain;
use kluis_mail::spf::{LOOKUPS_MAX, VOIDS_MAX};
use kluis_model::Lang;
use serde_json::{Value, json};

use super::super::super::Outcome;
use super::super::ask::{addresses, ask, domain};
use super::super::clean;
use super::{answered, faults};
use crate::args_mail_tools::SpfDomainArgs;
use crate::talk;

/// Characters of a bar that is over the limit.
const BAR_MAX: u32 = 24;

pub(super) async fn run(is_json: bool, lang: Lang, args: &SpfDomainArgs) -> Result<Outcome> {
    let domain = domain(&args.domain, lang)?;
    let found = ask(&domain, &args.dns, lang, |answers| explain(&domain, answers)).await?;
    let found = answered(found, lang)?;
    let (budget, faults) = (budget(&found), faults(&found, lang));
    if is_json {
        talk::print_json(&as_json(&domain, &budget))?;
    } else if found.records.len() == 1 && found.error.is_none() {
        for line in as_words(&domain, &budget, lang) {
            talk::print(line)?;
        }
    } else {
        faults.iter().try_for_each(|fault| talk::print(format!("✗ {fault}")))?;
    }
    Ok(Outcome::of_findings(usize::from(!faults.is_empty() || budget.is_broken())))
}

fn as_words(domain: &str, budget: &Budget, lang: Lang) -> Vec<String> {
    let mark = match budget.lookups {
        _ if budget.is_broken() => "✗",
        count if count >= LOOKUPS_MANY => "!",
        _ => "✓",
    };
    let used = budget.lookups.min(BAR_MAX) as usize;
    let free = LOOKUPS_MAX.saturating_sub(budget.lookups) as usize;
    let mut lines = vec![format!(
        "{mark} {domain}  {}{} {} {} {LOOKUPS_MAX} {}",
        "█".repeat(used),
        "░".repeat(free),
        budget.lookups,
        lang.pick("van", "of"),
        lang.pick("opzoekingen gebruikt", "look-ups used")
    )];
    lines.extend(budget.lines.iter().map(|line| line_words(line, lang)));
    if budget.voids > 0 {
        lines.push(format!(
            "  {} {} {} {VOIDS_MAX}",
            lang.pick("waarvan vergeefs:", "of which in vain:"),
            budget.voids,
            lang.pick("van hoogstens", "of at most")
        ));
    }
    if budget.advice.is_empty() {
        lines.push(lang.pick("Er hoeft niets te gebeuren.", "Nothing needs to be done.").to_owned());
        return lines;
    }
    lines.push(String::new());
    lines.push(lang.pick("Wat u kunt doen:", "What you can do:").to_owned());
    lines.extend(budget.advice.iter().map(|advice| format!("  - {}", clean(advice.get(lang)))));
    lines
}

fn line_words(line: &Line, lang: Lang) -> String {
    let used = "█".repeat(line.lookups.min(BAR_MAX) as usize);
    let who = line.sender.map(|sender| format!(" — {}", sender.name)).unwrap_or_default();
    format!(
        "  {:>2} {used:<10} {}{who} ({})",
        line.lookups,
        clean(&line.term),
        addresses(line.v4_addresses, lang)
    )
}

fn as_json(domain: &str, budget: &Budget) -> Value {
    let line = |line: &Line| {
        json!({
            "term": line.term, "service": line.sender.map(|sender| sender.id), "lookups": line.lookups,
            "voids": line.voids, "v4_addresses": line.v4_addresses,
        })
    };
    json!({
        "domain": domain, "lookups": budget.lookups, "lookups_max": LOOKUPS_MAX,
        "voids": budget.voids, "voids_max": VOIDS_MAX,
        "terms": budget.lines.iter().map(line).collect::<Vec<_>>(),
        "advice": budget.advice,
    })
}
