//! `export`: bulk export within a purpose, which another person approves first.

use std::io::Write;

use anyhow::{Context as _, Result};
use kluis_app::ExportView;
use kluis_model::JobId;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::subject::{field_names, purpose_id};
use super::{Context, Outcome, Session};
use crate::args::ExportCommand;
use crate::talk;

/// Customers asked for at a time.
const PAGE_ROWS: u32 = 500;

/// Runs `export …`.
pub(crate) async fn run(context: &Context, session: &Session, command: ExportCommand) -> Result<Outcome> {
    let app = &session.vault.app;
    match command {
        ExportCommand::Request { purpose, fields } => {
            let fields = field_names(&fields)?.unwrap_or_default();
            let view = app.export_request(&session.actor, &purpose_id(&purpose)?, &fields).await?;
            show(context, &view)?;
        }
        ExportCommand::Approve { job, i_am_alone } => {
            show(context, &app.export_approve(&session.actor, job_id(&job)?, i_am_alone).await?)?;
        }
        ExportCommand::Show { job } => show(context, &app.export(&session.actor, job_id(&job)?).await?)?,
        ExportCommand::Run { job } => write(context, session, job_id(&job)?).await?,
    }
    Ok(Outcome::Good)
}

fn job_id(text: &str) -> Result<JobId> {
    text.parse().context("this is not a job's id")
}

fn show(context: &Context, view: &ExportView) -> Result<()> {
    if context.json {
        return talk::print_json(view);
    }
    talk::print(format!("{} {} {}", view.id, view.state, view.purpose))
}

/// Writes the approved export as NDJSON to stdout, page after page; each page is on the record first.
async fn write(context: &Context, session: &Session, job: JobId) -> Result<()> {
    let bar = talk::progress(None, context.text("klanten", "customers"));
    let mut after = None;
    loop {
        let page = session.vault.app.export_read(&session.actor, job, after, PAGE_ROWS).await?;
        let mut out = std::io::stdout().lock();
        for row in &page.items {
            let fields: Map<String, Value> = row
                .fields
                .iter()
                .map(|(name, value)| (name.to_string(), value.expose().as_str().into()))
                .collect();
            let line = Zeroizing::new(json!({ "id": row.id.to_string(), "fields": fields }).to_string());
            writeln!(out, "{}", line.as_str()).context("cannot write to stdout")?;
        }
        bar.inc(page.items.len() as u64);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    Ok(())
}
