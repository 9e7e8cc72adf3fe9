//! Credentials over HTTP: list, make, revoke.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use kluis_app::{CredentialInput, CredentialKindInput};
use kluis_model::{Budget, FieldName, Mask, OperationSet, PurposeId, Role, TimeMs};
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::json::{self, Writer};
use super::problem::Problem;
use super::route::Answered;
use super::tokens::no_content;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Staff,
    Connector,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCredential {
    name: String,
    kind: Kind,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    operations: Option<OperationSet>,
    #[serde(default)]
    purposes: Option<BTreeSet<PurposeId>>,
    #[serde(default)]
    fields: Option<BTreeSet<FieldName>>,
    #[serde(default)]
    masks: Option<BTreeMap<FieldName, Mask>>,
    #[serde(default)]
    budget: Option<BudgetInput>,
    #[serde(default)]
    expires: Option<TimeMs>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct BudgetInput {
    #[serde(default)]
    rows_per_hour: Option<u32>,
    #[serde(default)]
    subjects_per_day: Option<u32>,
}

impl NewCredential {
    /// The input, when the keys of the other kind are absent.
    fn checked(self) -> Result<CredentialInput, Problem> {
        let wrong = |text: &'static str| Problem::Unprocessable(text.into());
        let kind = match self.kind {
            Kind::Staff => {
                let has_rights = self.operations.is_some()
                    || self.purposes.is_some()
                    || self.fields.is_some()
                    || self.masks.is_some()
                    || self.budget.is_some();
                if has_rights {
                    return Err(wrong(
                        "A staff credential has a role; operations, purposes, fields, masks and budget are a connector's.",
                    ));
                }
                CredentialKindInput::Staff(
                    self.role.ok_or_else(|| wrong("A staff credential needs a role."))?,
                )
            }
            Kind::Connector if self.role.is_some() => {
                return Err(wrong("A connector has operations, not a role."));
            }
            Kind::Connector => {
                let budget = self.budget.unwrap_or_default();
                CredentialKindInput::Connector {
                    operations: self.operations.unwrap_or(OperationSet::EMPTY),
                    purposes: self.purposes.unwrap_or_default(),
                    fields: self.fields,
                    masks: self.masks.unwrap_or_default(),
                    budget: Budget {
                        rows_per_hour: budget.rows_per_hour,
                        subjects_per_day: budget.subjects_per_day,
                    },
                }
            }
        };
        Ok(CredentialInput { name: self.name, kind, expires: self.expires })
    }
}

/// `GET /v1/credentials`
pub(crate) async fn list(call: Call) -> Answered {
    let views = call.app().credentials(call.actor()?).await?;
    Ok(json::answer(StatusCode::OK, &json!({"credentials": views})))
}

/// `POST /v1/credentials`
pub(crate) async fn create(call: Call) -> Answered {
    let input: NewCredential = call.json()?;
    let made = call.app().credential_create(call.actor()?, input.checked()?).await?;
    let mut writer = Writer::with_capacity(256);
    writer.raw("{\"id\":\"").value_display(made.id).raw("\",\"secret\":").pii(&made.secret).raw("}");
    Ok(writer.answer(StatusCode::CREATED))
}

/// `DELETE /v1/credentials/{id}`
pub(crate) async fn revoke(call: Call) -> Answered {
    let id = call.id(0)?;
    call.app().credential_revoke(call.actor()?, id).await?;
    Ok(no_content())
}
