//! `mail diff`: what the plan says beside what the DNS says.

use anyhow::Result;
use kluis_mail::plan::{self, Budget, Difference, DifferenceKind, Inputs, Plan};
use kluis_mail::spf::LOOKUPS_MAX;
use kluis_model::Lang;
use serde_json::json;

use super::super::{Context, Outcome, Session};
use super::{ask, clean, plan as planned};
use crate::args_mail::MailDiffArgs;
use crate::talk;

/// Compares what stands in `mail.toml`.
pub(crate) async fn run(context: &Context, args: &MailDiffArgs) -> Result<Outcome> {
    let setup = planned::existing(context, &args.streams)?;
    compare(context, args, &plan::make(&setup, &Inputs::default())).await
}

/// Compares the keys of the vault too.
pub(crate) async fn run_with_keys(
    context: &Context,
    session: &Session,
    args: &MailDiffArgs,
) -> Result<Outcome> {
    let mut setup = planned::existing(context, &args.streams)?;
    let keys = planned::keys(&session.vault.app, &session.actor, &mut setup).await?;
    compare(context, args, &plan::make(&setup, &Inputs { keys: &keys, ..Inputs::default() })).await
}

async fn compare(context: &Context, args: &MailDiffArgs, plan: &Plan) -> Result<Outcome> {
    let lang = context.lang;
    let differences = ask::ask(&plan.domain, &args.dns, lang, |answers| plan::diff(plan, answers)).await?;
    let budgets = ask::ask(&plan.domain, &args.dns, lang, |answers| plan::budgets(plan, answers)).await?;
    if context.json {
        talk::print_json(&json!({
            "domain": plan.domain,
            "records": plan.records().count(),
            "differences": differences,
            "spf": budgets,
        }))?;
    } else {
        for line in differences.iter().flat_map(|difference| words(difference, lang)) {
            talk::print(line)?;
        }
        for line in budgets.iter().filter_map(|budget| budget_words(budget, lang)) {
            talk::print(line)?;
        }
        talk::print(sum(plan, &differences, lang))?;
    }
    let over = budgets.iter().filter(|budget| budget.is_over() || !budget.dead.is_empty()).count();
    Ok(Outcome::of_findings(differences.len() + over))
}

fn words(difference: &Difference, lang: Lang) -> Vec<String> {
    let (mark, what) = match difference.kind {
        DifferenceKind::Missing => ("✗", lang.pick("ontbreekt", "missing")),
        DifferenceKind::Differs => ("✗", lang.pick("anders", "differs")),
        DifferenceKind::Extra => ("!", lang.pick("te veel", "too many")),
        DifferenceKind::Unanswered => ("?", lang.pick("geen antwoord", "no answer")),
    };
    let mut lines = vec![format!("{mark} {what}: {} {}", difference.name, difference.record.word())];
    lines.push(format!("    {} {}", lang.pick("gepland:", "planned:"), difference.planned));
    for text in &difference.published {
        lines.push(format!("    {} {}", lang.pick("in DNS: ", "in DNS: "), clean(text)));
    }
    lines.push(format!("    → {}", clean(difference.text.get(lang))));
    lines.push(String::new());
    lines
}

fn budget_words(budget: &Budget, lang: Lang) -> Option<String> {
    if budget.lookups == 0 && budget.dead.is_empty() {
        return None;
    }
    let mark = if budget.is_over() || !budget.dead.is_empty() { "✗" } else { "✓" };
    let mut line = format!(
        "{mark} SPF {}: {} {} {LOOKUPS_MAX} {}",
        budget.domain,
        budget.lookups,
        lang.pick("van de", "of"),
        lang.pick("opzoekingen", "look-ups")
    );
    if budget.lookups > LOOKUPS_MAX {
        line.push_str(lang.pick(
            "; ontvangers geven het dan op. Geef een stroom een eigen subdomein",
            "; receivers then give up. Give a stream a subdomain of its own",
        ));
    }
    for dead in &budget.dead {
        line.push_str(&format!(
            "; {} {}",
            clean(dead),
            lang.pick(
                "heeft geen SPF-record; haal die include weg",
                "has no SPF record; remove that include"
            )
        ));
    }
    if !budget.is_whole {
        line.push_str(lang.pick("; niet alles gaf antwoord", "; not everything was answered"));
    }
    Some(line)
}

fn sum(plan: &Plan, differences: &[Difference], lang: Lang) -> String {
    let records = plan.records().count();
    let bad: std::collections::BTreeSet<_> = differences
        .iter()
        .map(|difference| (&difference.name, difference.record, &difference.planned))
        .collect();
    if bad.is_empty() {
        return format!(
            "✓ {} {records} {}",
            lang.pick("Alle", "All"),
            lang.pick("records staan in de DNS zoals gepland.", "records are in the DNS as planned.")
        );
    }
    format!(
        "{} {} {records} {}",
        records - bad.len().min(records),
        lang.pick("van de", "of"),
        lang.pick("records staan zoals gepland.", "records are as planned.")
    )
}
