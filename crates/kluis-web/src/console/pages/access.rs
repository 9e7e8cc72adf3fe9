//! Credentials of staff and connectors: the list, making one, showing its secret once, revoking.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axum::extract::{Path, Query};
use kluis_app::{AppError, CredentialInput, CredentialKindInput};
use kluis_model::{Budget, CredentialId, FieldName, Mask, Operation, OperationSet, PurposeId, Role};
use serde::Deserialize;

use crate::console::answer::{Answer, Refusal, redirect};
use crate::console::session::NewSecret;
use crate::console::view::{
    Choice, ConnectorNewView, ConnectorsView, FieldChoice, FieldError, RevokeView, SecretView,
};
use crate::console::visit::{Form, Posted, Signed};
use crate::console::words::Words;

/// Where errors of these pages go on.
const BACK: &str = "/console/connectors";
/// Most characters of a name.
const NAME_CHARS_MAX: usize = 80;
/// What a connector may be given; staff matters and keys are not among it.
const CONNECTOR_OPERATIONS: [Operation; 13] = [
    Operation::Create,
    Operation::Read,
    Operation::Lookup,
    Operation::Search,
    Operation::Update,
    Operation::Erase,
    Operation::Access,
    Operation::Consent,
    Operation::Event,
    Operation::Bulk,
    Operation::TokenCreate,
    Operation::TokenResolve,
    Operation::TokenRevoke,
];
/// What a new connector is offered to begin with.
const USUAL_OPERATIONS: [Operation; 2] = [Operation::Create, Operation::Update];

/// `GET /console/connectors`
pub(crate) async fn list(signed: Signed) -> Answer {
    let app = &signed.visit.console.state.app;
    let grant = &signed.actor.grant;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let mut view = ConnectorsView {
        credentials: Vec::new(),
        may_change: grant.allows_operation(Operation::CredentialCreate)
            && grant.allows_operation(Operation::CredentialRevoke),
    };
    if grant.allows_operation(Operation::CredentialRead) {
        let all = app.credentials(&signed.actor).await.map_err(|error| signed.fail(&error))?;
        let now = app.now();
        view.credentials = all.iter().map(|one| words.credential(one, &signed.actor, now)).collect();
        view.credentials.sort_by_key(|one| one.revoked.is_some() || one.expired);
    }
    Ok(signed.page(&signed.frame("connectors"), &view))
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct NewQuery {
    kind: Option<String>,
}

/// `GET /console/connectors/new`
pub(crate) async fn new_page(signed: Signed, Query(query): Query<NewQuery>) -> Answer {
    let kind = if query.kind.as_deref() == Some("staff") { "staff" } else { "connector" };
    let view = form_view(&signed, kind, None);
    Ok(signed.page(&signed.frame("connectors"), &view))
}

/// The form, empty or as sent.
fn form_view(signed: &Signed, kind: &str, form: Option<&Form>) -> ConnectorNewView {
    let register = signed.visit.console.state.app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let sent = |name: &str| form.map_or_else(String::new, |form| form.get(name).to_owned());
    let has = |name: &str, id: &str| form.is_some_and(|form| form.all(name).any(|one| one == id));
    let mut view =
        ConnectorNewView { kind: kind.to_owned(), name: sent("name"), ..ConnectorNewView::default() };
    if kind == "staff" {
        let role = |role: Role| Choice {
            id: role.id().to_owned(),
            label: words.word("role", role.id()),
            chosen: if form.is_some() { has("role", role.id()) } else { role == Role::Support },
        };
        view.roles = Role::ALL.map(role).to_vec();
        return view;
    }
    let purposes = register
        .purposes()
        .map(|purpose| words.purpose_choice(&purpose.id, has("purposes", purpose.id.as_str())));
    view.purposes = purposes.collect();
    let operation = |operation: Operation| Choice {
        id: operation.id().to_owned(),
        label: words.word("do", operation.id()),
        chosen: if form.is_some() {
            has("operations", operation.id())
        } else {
            USUAL_OPERATIONS.contains(&operation)
        },
    };
    view.operations = CONNECTOR_OPERATIONS.map(operation).to_vec();
    let used = register.fields().filter(|def| register.purposes_of(&def.name).next().is_some());
    view.fields = used
        .map(|def| FieldChoice {
            name: def.name.to_string(),
            label: words.field(&def.name),
            chosen: has("fields", def.name.as_str()),
            masks: masks(&words, &sent(&format!("mask.{}", def.name))),
        })
        .collect();
    view.rows_per_hour = sent("rows_per_hour");
    view.subjects_per_day = sent("subjects_per_day");
    view
}

fn masks(words: &Words<'_>, chosen: &str) -> Vec<Choice> {
    let none = Choice { id: String::new(), label: words.texts.get("mask-none"), chosen: chosen.is_empty() };
    let one = |mask: Mask| Choice {
        id: mask.id().to_owned(),
        label: words.word("mask", mask.id()),
        chosen: chosen == mask.id(),
    };
    std::iter::once(none).chain(Mask::ALL.map(one)).collect()
}

/// `POST /console/connectors/new`
pub(crate) async fn create(Posted { signed, form }: Posted) -> Answer {
    let kind = if form.get("kind") == "staff" { "staff" } else { "connector" };
    let mut errors = Vec::new();
    let name = form.get("name").to_owned();
    let mut wrong = |field: &str, key: &str| {
        errors.push(FieldError { field: field.into(), message: signed.visit.texts().get(key) });
    };
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        wrong("name", "form-name");
    }
    let input =
        if kind == "staff" { staff_input(&form, &mut wrong) } else { connector_input(&form, &mut wrong) };
    let made = match input.filter(|_| errors.is_empty()) {
        Some(kind) => {
            let input = CredentialInput { name: name.clone(), kind, expires: None };
            signed.visit.console.state.app.credential_create(&signed.actor, input).await
        }
        None => return Ok(again(&signed, kind, &form, errors)),
    };
    match made {
        Ok(made) => {
            let secret = NewSecret { name, kind, secret: made.secret };
            signed.session.desk.lock().secret = Some(secret);
            Ok(redirect("/console/connectors/secret"))
        }
        Err(AppError::Invalid(problems)) => {
            let lang = signed.visit.lang;
            let error = |problem: &kluis_app::FieldProblem| FieldError {
                field: input_of(&problem.field).to_owned(),
                message: problem.message.get(lang).to_owned(),
            };
            Ok(again(&signed, kind, &form, problems.iter().map(error).collect()))
        }
        Err(error) => Err(signed.fail_at(&error, BACK)),
    }
}

/// The form again with what is wrong in it.
fn again(signed: &Signed, kind: &str, form: &Form, errors: Vec<FieldError>) -> axum::response::Response {
    let mut frame = signed.frame("connectors");
    frame.path = format!("/console/connectors/new?kind={kind}");
    let view = ConnectorNewView { errors, ..form_view(signed, kind, Some(form)) };
    signed.again(&frame, &view)
}

/// The input of the form that a problem of the vault belongs to.
fn input_of(field: &str) -> &str {
    let known = ["name", "purposes", "operations", "rows_per_hour", "subjects_per_day"];
    known.into_iter().find(|known| field.contains(known)).unwrap_or("name")
}

fn staff_input(form: &Form, wrong: &mut impl FnMut(&str, &str)) -> Option<CredentialKindInput> {
    let role = Role::from_str(form.get("role")).ok();
    if role.is_none() {
        wrong("role", "form-role");
    }
    role.map(CredentialKindInput::Staff)
}

fn connector_input(form: &Form, wrong: &mut impl FnMut(&str, &str)) -> Option<CredentialKindInput> {
    let purposes: BTreeSet<PurposeId> =
        form.all("purposes").filter_map(|id| PurposeId::parse(id).ok()).collect();
    let named = |operation: &Operation| form.all("operations").any(|id| id == operation.id());
    let operations =
        CONNECTOR_OPERATIONS.into_iter().filter(named).fold(OperationSet::EMPTY, OperationSet::with);
    let fields: BTreeSet<FieldName> =
        form.all("fields").filter_map(|name| FieldName::parse(name).ok()).collect();
    if purposes.is_empty() {
        wrong("purposes", "form-purposes");
    }
    if operations.is_empty() {
        wrong("operations", "form-operations");
    }
    let mut limit = |name: &str| match form.get(name) {
        "" => None,
        text => match text.replace(['.', ' '], "").parse::<u32>() {
            Ok(number) if number > 0 => Some(number),
            _ => {
                wrong(name, "form-number");
                None
            }
        },
    };
    let budget =
        Budget { rows_per_hour: limit("rows_per_hour"), subjects_per_day: limit("subjects_per_day") };
    let masks = form.masks();
    let fields = (!fields.is_empty()).then_some(fields);
    Some(CredentialKindInput::Connector { operations, purposes, fields, masks, budget })
}

impl Form {
    /// The masks chosen for fields; a field without one is shown whole.
    fn masks(&self) -> BTreeMap<FieldName, Mask> {
        let chosen = self.pairs().filter_map(|(name, value)| Some((name.strip_prefix("mask.")?, value)));
        chosen.filter_map(|(name, value)| Some((FieldName::parse(name).ok()?, value.parse().ok()?))).collect()
    }
}

/// `GET /console/connectors/secret`: shows a new secret once.
pub(crate) async fn secret(signed: Signed) -> Answer {
    let secret = signed.session.desk.lock().secret.take();
    let Some(secret) = secret else {
        let mut frame = signed.frame("connectors");
        let text = signed.visit.texts().get("secret-gone");
        frame.notice = Some(crate::console::view::Notice { tone: "warn", text });
        return Ok(signed.page(&frame, &ConnectorsView { credentials: Vec::new(), may_change: false }));
    };
    let view = SecretView {
        name: secret.name,
        kind: secret.kind.to_owned(),
        secret: secret.secret.expose().clone(),
    };
    Ok(signed.page(&signed.frame("connectors"), &view))
}

/// `GET /console/connectors/{id}/revoke`
pub(crate) async fn revoke_page(signed: Signed, Path(id): Path<String>) -> Answer {
    let id = parse_id(&signed, &id)?;
    let all = signed.visit.console.state.app.credentials(&signed.actor).await;
    let all = all.map_err(|error| signed.fail_at(&error, BACK))?;
    let one = all.into_iter().find(|one| one.id == id && one.revoked.is_none());
    let one = one.ok_or_else(|| signed.fail_at(&AppError::NotFound, BACK))?;
    let view = RevokeView { id: one.id.to_string(), name: one.name, kind: one.kind };
    Ok(signed.page(&signed.frame("connectors"), &view))
}

/// `POST /console/connectors/{id}/revoke`
pub(crate) async fn revoke(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let done = signed.visit.console.state.app.credential_revoke(&signed.actor, id).await;
    done.map_err(|error| signed.fail_at(&error, BACK))?;
    signed.session.notice("notice-revoked");
    Ok(redirect(BACK))
}

fn parse_id(signed: &Signed, id: &str) -> Result<CredentialId, Refusal> {
    id.parse().map_err(|_| signed.fail_at(&AppError::NotFound, BACK))
}
