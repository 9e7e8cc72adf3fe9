//! `audit` and `verify`: who did what, and proof that the record is whole.

use anyhow::{Context as _, Result};
use kluis_app::AuditQuery;
use serde_json::json;

use super::subject::subject_id;
use super::{Context, Outcome, Session};
use crate::args::AuditCommand;
use crate::talk;

/// Runs `audit …`.
pub(crate) async fn run(context: &Context, session: &Session, command: AuditCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        AuditCommand::List { subject, actor: who, operation, limit } => {
            let query = AuditQuery {
                subject: subject.as_deref().map(subject_id).transpose()?,
                actor: who,
                operation: operation
                    .map(|word| word.parse())
                    .transpose()
                    .context("this is not an operation")?,
                limit: limit.try_into().unwrap_or(u32::MAX),
                ..AuditQuery::default()
            };
            list(context, session, query).await?;
        }
        AuditCommand::Verify => return verify(context, session).await,
        AuditCommand::Checkpoint => {
            let note = app.checkpoint(actor).await?;
            if context.json {
                talk::print_json(&json!({ "checkpoint": note }))?;
            } else {
                talk::print(note.trim_end())?;
            }
        }
        AuditCommand::Proof { seq } => talk::print_json(&app.proof(actor, app.node(), seq).await?)?,
    }
    Ok(Outcome::Good)
}

async fn list(context: &Context, session: &Session, query: AuditQuery) -> Result<()> {
    let mut entries = session.vault.app.audit_list(&session.actor, query).await?;
    entries.reverse();
    if context.json {
        return talk::print_json(&entries);
    }
    for entry in &entries {
        let subject = entry.subject.map(|id| id.to_string()).unwrap_or_default();
        let purpose = entry.purpose.as_ref().map(|id| id.to_string()).unwrap_or_default();
        talk::print(format!(
            "{} {:>8} {:<9} {:<16} {:<18} {:<7} {purpose} {subject}",
            entry.time, entry.seq, entry.actor_kind, entry.actor, entry.operation, entry.outcome
        ))?;
    }
    Ok(())
}

/// Runs `verify`: exit code 1 when something does not agree.
pub(crate) async fn verify(context: &Context, session: &Session) -> Result<Outcome> {
    let bar = talk::progress(None, context.text("nagaan", "checking"));
    let report = session.vault.app.verify(&session.actor, &talk::follow(&bar)).await?;
    bar.finish_and_clear();
    if context.json {
        talk::print_json(&report)?;
        return Ok(Outcome::of_findings(report.findings.len()));
    }
    talk::print(format!("{:<14} {}", context.text("logregels", "log entries"), report.leaves))?;
    talk::print(format!("{:<14} {}", context.text("klanten", "customers"), report.rows))?;
    for finding in &report.findings {
        talk::print(format!("! {}: {}", finding.place, finding.text.get(context.lang)))?;
    }
    talk::print(match report.findings.len() {
        0 => context.text("alles klopt", "all is well"),
        _ => context.text(
            "dit klopt niet: iemand heeft de database gewijzigd, of een schijf is kapot",
            "this does not agree: somebody changed the database, or a disk is broken",
        ),
    })?;
    Ok(Outcome::of_findings(report.findings.len()))
}
