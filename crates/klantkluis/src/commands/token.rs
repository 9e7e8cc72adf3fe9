//! `token`: stand-ins for a field's value that a partner can hold.

use anyhow::{Context as _, Result};
use kluis_model::FieldName;
use serde_json::json;

use super::subject::{purpose_id, subject_id};
use super::{Context, Outcome, Session};
use crate::args::TokenCommand;
use crate::talk;

/// Runs `token …`.
pub(crate) async fn run(context: &Context, session: &Session, command: TokenCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        TokenCommand::Create { id, field, destination } => {
            let field = FieldName::parse(&field).context("this is not a field's name")?;
            let token = app.token_create(actor, subject_id(&id)?, &field, destination.as_deref()).await?;
            if context.json {
                talk::print_json(&json!({ "token": token }))?;
            } else {
                talk::print(token)?;
            }
        }
        TokenCommand::Resolve { purpose } => {
            let token = talk::ask("token")?;
            let (subject, field, value) =
                app.token_resolve(actor, token.expose(), &purpose_id(&purpose)?).await?;
            talk::print_json(&json!({
                "id": subject.to_string(), "field": field, "value": value.expose()
            }))?;
        }
        TokenCommand::Revoke => {
            let token = talk::ask("token")?;
            app.token_revoke(actor, token.expose()).await?;
            context.done(
                &json!({ "revoked": true }),
                "Deze vervangcode is niets meer waard.",
                "This token is worthless now.",
            )?;
        }
    }
    Ok(Outcome::Good)
}
