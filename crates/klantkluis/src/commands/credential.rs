//! `credential`: who may sign in and which connected system may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kluis_app::{CredentialInput, CredentialKindInput};
use kluis_model::access::{Budget, Mask, OperationSet, Role};
use kluis_model::{CredentialId, FieldName, Operation, PurposeId};
use serde_json::json;

use super::{Context, Outcome, Session};
use crate::args::{CredentialCommand, RoleName};
use crate::talk;

/// Runs `credential …`.
pub(crate) async fn run(context: &Context, session: &Session, command: CredentialCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        CredentialCommand::List => list(context, session).await?,
        CredentialCommand::Revoke { id } => {
            let id: CredentialId = id.parse().context("this is not a credential's id")?;
            app.credential_revoke(actor, id).await?;
            let result = json!({ "revoked": id.to_string() });
            context.done(&result, "De toegangssleutel is ingetrokken.", "The credential is revoked.")?;
        }
        create @ CredentialCommand::Create { .. } => {
            let made = app.credential_create(actor, input(create, app.now())?).await?;
            if context.json {
                talk::print_json(&json!({ "id": made.id.to_string(), "secret": made.secret.expose() }))?;
            } else {
                talk::say(context.text("Wordt maar één keer getoond:", "Shown only once:"));
                talk::print(made.secret.expose())?;
            }
        }
    }
    Ok(Outcome::Good)
}

/// Reads the words of `credential create`.
fn input(command: CredentialCommand, now: kluis_model::TimeMs) -> Result<CredentialInput> {
    let CredentialCommand::Create {
        name,
        role,
        operations,
        purposes,
        fields,
        masks,
        rows_per_hour,
        subjects_per_day,
        days,
    } = command
    else {
        bail!("not a command that makes a credential");
    };
    let kind = match role {
        Some(role) => CredentialKindInput::Staff(match role {
            RoleName::Owner => Role::Owner,
            RoleName::Support => Role::Support,
            RoleName::Auditor => Role::Auditor,
        }),
        None => CredentialKindInput::Connector {
            operations: operation_set(&operations)?,
            purposes: purpose_set(&purposes)?,
            fields: field_set(&fields)?,
            masks: mask_map(&masks)?,
            budget: Budget { rows_per_hour, subjects_per_day },
        },
    };
    let expires = days.map(|days| now.plus(Duration::from_secs(u64::from(days) * 86_400)));
    Ok(CredentialInput { name, kind, expires })
}

fn operation_set(words: &[String]) -> Result<OperationSet> {
    if words.is_empty() {
        bail!("say --role for a person, or --operations and --purposes for a connected system");
    }
    words
        .iter()
        .map(|word| word.parse::<Operation>().with_context(|| format!("unknown operation {word}")))
        .collect()
}

fn purpose_set(words: &[String]) -> Result<BTreeSet<PurposeId>> {
    if words.is_empty() {
        bail!("a connector is bound to purposes: say --purposes, for example --purposes order");
    }
    let ids: Result<BTreeSet<_>, _> = words.iter().map(|word| PurposeId::parse(word)).collect();
    ids.context("a purpose's id is not understood")
}

fn field_set(words: &[String]) -> Result<Option<BTreeSet<FieldName>>> {
    let names: Result<BTreeSet<_>, _> = words.iter().map(|word| FieldName::parse(word)).collect();
    let names = names.context("a field's name is not understood")?;
    Ok((!names.is_empty()).then_some(names))
}

fn mask_map(words: &[String]) -> Result<BTreeMap<FieldName, Mask>> {
    let known: Vec<_> = Mask::ALL.iter().map(|mask| mask.id()).collect();
    let mut masks = BTreeMap::new();
    for word in words {
        let (field, mask) =
            word.split_once('=').context("a mask is written as field=mask, such as phone=last_four")?;
        let mask = mask.parse::<Mask>().with_context(|| format!("the masks are: {}", known.join(", ")))?;
        masks.insert(FieldName::parse(field).context("a field's name is not understood")?, mask);
    }
    Ok(masks)
}

async fn list(context: &Context, session: &Session) -> Result<()> {
    let credentials = session.vault.app.credentials(&session.actor).await?;
    if context.json {
        return talk::print_json(&credentials);
    }
    let mut table = talk::table([
        "id",
        context.text("naam", "name"),
        context.text("soort", "kind"),
        context.text("gemaakt", "made"),
        context.text("ingetrokken", "revoked"),
    ]);
    for credential in &credentials {
        let revoked = credential.revoked.map(|at| at.date()).unwrap_or_default();
        table.add_row([
            credential.id.to_string(),
            credential.name.clone(),
            credential.kind.to_string(),
            credential.created.date(),
            revoked,
        ]);
    }
    talk::print(table.to_string())
}
