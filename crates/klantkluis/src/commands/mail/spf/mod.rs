//! `mail spf`: judges, explains, searches, counts and flattens SPF records.

mod budget;
mod eval;
mod explain;
mod flatten;

use anyhow::Result;
use kluis_mail::spf::RecordError;
use kluis_mail::spf::explain::Explained;
use kluis_mail::spf::trace::{problem_words, what_words};
use kluis_model::Lang;

use super::super::Outcome;
use super::ask::no_answer;
use super::clean;
use crate::args_mail_tools::SpfCommand;

pub(super) async fn run(is_json: bool, lang: Lang, command: SpfCommand) -> Result<Outcome> {
    match command {
        SpfCommand::Eval(args) => eval::run(is_json, lang, &args).await,
        SpfCommand::Who(args) => eval::who(is_json, lang, &args).await,
        SpfCommand::Explain(args) => explain::run(is_json, lang, &args).await,
        SpfCommand::Budget(args) => budget::run(is_json, lang, &args).await,
        SpfCommand::Flatten(args) => flatten::run(is_json, lang, &args).await,
    }
}

/// What keeps a record from being read as a whole, in words; empty when it is in order.
fn faults(explained: &Explained, lang: Lang) -> Vec<String> {
    let domain = &explained.domain;
    match (explained.records.as_slice(), &explained.error) {
        ([], _) => {
            vec![format!("{domain} {}", lang.pick("heeft geen SPF-record", "has no SPF record"))]
        }
        ([_], Some(error)) => mistake(&explained.records[0], error, lang),
        ([_], None) => {
            let problems = explained.tree.problems.iter();
            let line = |problem: &kluis_mail::spf::tree::Problem| {
                let what = what_words(problem.what);
                format!("{} ({}): {}", clean(&problem.term), clean(&problem.domain), what.get(lang))
            };
            problems.map(line).collect()
        }
        (several, _) => {
            let count = several.len();
            let mut lines = vec![format!(
                "{domain} {count} {}",
                lang.pick(
                    "SPF-records; er mag er maar één zijn, dus nu telt er geen",
                    "SPF records; there may be only one, so now none counts"
                )
            )];
            lines.extend(several.iter().map(|record| format!("  {}", clean(record))));
            lines
        }
    }
}

/// The record with a mark below the mistake.
fn mistake(record: &str, error: &RecordError, lang: Lang) -> Vec<String> {
    let at = error.span.start;
    let what = problem_words(error.problem);
    let mark = "^".repeat(error.span.len().clamp(1, 60));
    vec![
        format!("{} {}: {}", lang.pick("fout bij teken", "mistake at character"), at + 1, what.get(lang)),
        format!("  {}", clean(record)),
        format!("  {}{mark}", " ".repeat(at.min(255))),
    ]
}

/// Refuses to go on without an answer.
fn answered(explained: Explained, lang: Lang) -> Result<Explained> {
    if explained.records.is_empty() && !explained.tree.is_whole {
        return Err(no_answer(&explained.domain, lang));
    }
    Ok(explained)
}
