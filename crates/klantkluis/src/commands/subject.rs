//! `subject` and `consent`: one customer, always for a purpose and on the record.

use anyhow::{Context as _, Result};
use kluis_app::{ConsentInput, Revealed};
use kluis_model::{FieldName, PiiText, PurposeId, StartEvent, SubjectId, TimeMs};
use serde_json::{Map, Value, json};

use super::{Context, Outcome, Session};
use crate::args::{ConsentArgs, ConsentCommand, SubjectCommand};
use crate::talk::{self, Confirmed};

/// Reads a customer's id from the command line.
pub(crate) fn subject_id(text: &str) -> Result<SubjectId> {
    text.parse().context("this is not a customer's id")
}

/// Reads a purpose's id from the command line.
pub(crate) fn purpose_id(text: &str) -> Result<PurposeId> {
    PurposeId::parse(text).context("this is not a purpose's id; list them with: klantkluis purpose list")
}

/// Reads field names; none given means all of the purpose.
pub(crate) fn field_names(names: &[String]) -> Result<Option<Vec<FieldName>>> {
    let parsed: Result<Vec<_>, _> = names.iter().map(|name| FieldName::parse(name)).collect();
    let parsed = parsed.context("a field's name is not understood")?;
    Ok((!parsed.is_empty()).then_some(parsed))
}

fn time(text: Option<&str>) -> Result<Option<TimeMs>> {
    text.map(|text| text.parse().context("--at takes a time such as 2026-11-24T12:00:00Z")).transpose()
}

/// Runs `subject …`.
pub(crate) async fn run(context: &Context, session: &Session, command: SubjectCommand) -> Result<Outcome> {
    match command {
        SubjectCommand::Show { id, purpose, fields } => {
            show(context, session, &id, &purpose, &fields).await?
        }
        SubjectCommand::Find { purpose, by, limit } => {
            return find(context, session, &purpose, by, limit).await;
        }
        SubjectCommand::Erase { id, yes } => return erase(context, session, &id, yes).await,
        SubjectCommand::Access { id, html } => access(context, session, &id, html).await?,
        SubjectCommand::Event { id, event, at } => {
            event_of(context, session, &id, &event, at.as_deref()).await?
        }
    }
    Ok(Outcome::Good)
}

async fn show(
    context: &Context,
    session: &Session,
    id: &str,
    purpose: &str,
    fields: &[String],
) -> Result<()> {
    let fields = field_names(fields)?;
    let app = &session.vault.app;
    let revealed =
        app.read(&session.actor, subject_id(id)?, &purpose_id(purpose)?, fields.as_deref()).await?;
    if context.json {
        return talk::print_json(&json_of(&revealed));
    }
    print_fields(&revealed)
}

fn print_fields(revealed: &Revealed) -> Result<()> {
    for (name, value) in &revealed.fields {
        talk::print(format!("{:<20} {}", name.as_str(), value.expose()))?;
    }
    Ok(())
}

/// The JSON of a revealed customer; the one place of the command line where values leave it.
fn json_of(revealed: &Revealed) -> Value {
    let fields: Map<String, Value> = revealed
        .fields
        .iter()
        .map(|(name, value)| (name.to_string(), value.expose().as_str().into()))
        .collect();
    json!({ "id": revealed.id.to_string(), "version": revealed.version, "fields": fields })
}

async fn find(
    context: &Context,
    session: &Session,
    purpose: &str,
    by: Option<String>,
    limit: usize,
) -> Result<Outcome> {
    let purpose = purpose_id(purpose)?;
    let app = &session.vault.app;
    let asked = match &by {
        Some(field) => talk::ask(field)?,
        None => talk::ask(context.text("Naam, of een deel ervan", "Name, or a part of it"))?,
    };
    let hits = match by {
        Some(field) => app.lookup(&session.actor, &field, asked, &purpose, None).await?,
        None => app.search(&session.actor, asked, &purpose, None, limit).await?.hits,
    };
    if context.json {
        let hits: Vec<Value> = hits.iter().take(limit).map(json_of).collect();
        talk::print_json(&hits)?;
    } else {
        for hit in hits.iter().take(limit) {
            talk::print(hit.id.to_string())?;
            print_fields(hit)?;
        }
        if hits.is_empty() {
            talk::say(context.text("Niemand gevonden.", "Nobody found."));
        }
    }
    Ok(Outcome::Good)
}

async fn erase(context: &Context, session: &Session, id: &str, yes: bool) -> Result<Outcome> {
    let id = subject_id(id)?;
    let app = &session.vault.app;
    if !yes {
        let preview = app.erase_preview(&session.actor, id).await?;
        for kept in &preview.kept {
            talk::say(format!(
                "{} {} ({})",
                context.text("Blijft bewaard voor", "Stays for"),
                kept.purpose,
                kept.law
            ));
        }
        let question = context.text("Deze klant onherroepelijk wissen?", "Erase this customer for good?");
        if talk::confirm(question)? == Confirmed::No {
            talk::hint(context.text(
                "er is niets gewijzigd; geef --yes om zonder vraag te wissen",
                "nothing was changed; give --yes to erase without being asked",
            ));
            return Ok(Outcome::Findings);
        }
    }
    let erased = app.erase(&session.actor, id).await?;
    if context.json {
        talk::print_json(&erased)?;
    } else {
        talk::print(erased.receipt.trim_end())?;
        talk::say(format!(
            "{} {}",
            context.text("Oude back-ups zijn onleesbaar vanaf", "Old backups are unreadable from"),
            erased.backups_until
        ));
    }
    Ok(Outcome::Good)
}

async fn access(context: &Context, session: &Session, id: &str, html: bool) -> Result<()> {
    let report = session.vault.app.access_report(&session.actor, subject_id(id)?).await?;
    if html {
        return talk::print(report.to_html(context.lang, &context.config.shop.name));
    }
    talk::print_json(&report.to_json())
}

async fn event_of(
    context: &Context,
    session: &Session,
    id: &str,
    event: &str,
    at: Option<&str>,
) -> Result<()> {
    let known: Vec<_> = StartEvent::ALL.iter().map(|event| event.id()).collect();
    let event: StartEvent = event.parse().with_context(|| format!("the events are: {}", known.join(", ")))?;
    let written = session.vault.app.event(&session.actor, subject_id(id)?, event, time(at)?).await?;
    if context.json {
        return talk::print_json(&json!({ "id": written.id.to_string(), "version": written.version }));
    }
    talk::print(context.text("vastgelegd", "recorded"))
}

/// Runs `consent …`.
pub(crate) async fn consent(
    context: &Context,
    session: &Session,
    command: ConsentCommand,
) -> Result<Outcome> {
    match command {
        ConsentCommand::Give(args) => change(context, session, args, Given::Yes).await?,
        ConsentCommand::Withdraw(args) => change(context, session, args, Given::No).await?,
        ConsentCommand::List { id } => list(context, session, &id).await?,
    }
    Ok(Outcome::Good)
}

/// Whether consent is given or withdrawn.
#[derive(PartialEq, Eq)]
enum Given {
    Yes,
    No,
}

async fn change(context: &Context, session: &Session, args: ConsentArgs, given: Given) -> Result<()> {
    let input = ConsentInput {
        at: time(args.at.as_deref())?,
        purpose: args.purpose,
        given: given == Given::Yes,
        source: args.source,
        text_version: args.text_version,
        proof: PiiText::default(),
    };
    let answer = session.vault.app.consent(&session.actor, subject_id(&args.id)?, input).await?;
    if context.json {
        return talk::print_json(&json!({ "given": answer.given, "number": answer.number }));
    }
    talk::print(match answer.given {
        true => context.text("toestemming geldt nu", "consent is in force now"),
        false => context.text("geen toestemming nu", "no consent now"),
    })
}

async fn list(context: &Context, session: &Session, id: &str) -> Result<()> {
    let consents = session.vault.app.consents(&session.actor, subject_id(id)?).await?;
    if context.json {
        return talk::print_json(&consents);
    }
    for consent in &consents {
        let state = if consent.given {
            context.text("gegeven", "given")
        } else {
            context.text("ingetrokken", "withdrawn")
        };
        talk::print(format!("{} {:<20} {state} {}", consent.at, consent.purpose, consent.source))?;
    }
    Ok(())
}
