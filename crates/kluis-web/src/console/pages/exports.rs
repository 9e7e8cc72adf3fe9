//! Exports: one person asks, another approves, who asked fetches the file; every customer in it is on the record.

use axum::body::{Body, Bytes};
use axum::extract::Path;
use futures_util::stream;
use kluis_app::{App, AppError, EXPORT_PAGE_MAX, ExportView, Page, Revealed};
use kluis_model::{Actor, FieldName, JobId, Operation, PurposeId, SubjectId};

use crate::console::answer::{Answer, Refusal, download, redirect};
use crate::console::view::{ExportRow, ExportsView, FieldError};
use crate::console::visit::{Posted, Signed};
use crate::console::words::Words;

/// Where errors of these pages go on.
const BACK: &str = "/console/exports";

/// `GET /console/exports`
pub(crate) async fn list(signed: Signed) -> Answer {
    let view = view(&signed, None, Vec::new()).await?;
    Ok(signed.page(&signed.frame("exports"), &view))
}

async fn view(
    signed: &Signed,
    chosen: Option<&PurposeId>,
    errors: Vec<FieldError>,
) -> Result<ExportsView, Refusal> {
    let app = &signed.visit.console.state.app;
    let grant = &signed.actor.grant;
    let operations = [Operation::ExportRequest, Operation::ExportApprove, Operation::ExportRead];
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let exports = if operations.into_iter().any(|operation| grant.allows_operation(operation)) {
        app.exports(&signed.actor).await.map_err(|error| signed.fail(&error))?
    } else {
        Vec::new()
    };
    Ok(ExportsView {
        exports: exports.iter().map(|export| row(&words, export, &signed.actor)).collect(),
        purposes: words.purposes_of(&signed.actor, chosen),
        errors,
        may_request: grant.allows_operation(Operation::ExportRequest),
    })
}

fn row(words: &Words<'_>, export: &ExportView, actor: &Actor) -> ExportRow {
    let is_own = export.asked_by == actor.id;
    ExportRow {
        id: export.id.to_string(),
        purpose: words.purpose(&export.purpose),
        fields: words.fields(&export.fields),
        state: export.state.clone(),
        asked_by: export.asked_name.clone(),
        asked_at: export.asked_at.0,
        approved_by: export.approved_name.clone(),
        may_approve: export.state == "requested"
            && !is_own
            && actor.grant.allows_operation(Operation::ExportApprove),
        may_fetch: export.state == "approved"
            && is_own
            && actor.grant.allows_operation(Operation::ExportRead),
        is_own,
    }
}

/// `POST /console/exports`: asks for all fields of a purpose that this person may read.
pub(crate) async fn request(Posted { signed, form }: Posted) -> Answer {
    let app = &signed.visit.console.state.app;
    let register = app.register();
    let purpose = PurposeId::parse(form.get("purpose")).ok();
    let known = purpose.as_ref().and_then(|id| register.purpose(id));
    let Some(purpose) = known else {
        let message = signed.visit.texts().get("find-error-purpose");
        let view = view(&signed, None, vec![FieldError { field: "purpose".into(), message }]).await?;
        return Ok(signed.again(&signed.frame("exports"), &view));
    };
    let used = purpose.fields.iter().map(|used| used.field.clone());
    let fields: Vec<FieldName> = used.filter(|name| signed.actor.grant.allows_field(name)).collect();
    let asked = app.export_request(&signed.actor, &purpose.id, &fields).await;
    asked.map_err(|error| signed.fail_at(&error, BACK))?;
    signed.session.notice("notice-export-requested");
    Ok(redirect(BACK))
}

/// `POST /console/exports/{id}/approve`
pub(crate) async fn approve(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let done = signed.visit.console.state.app.export_approve(&signed.actor, id, false).await;
    done.map_err(|error| signed.fail_at(&error, BACK))?;
    signed.session.notice("notice-export-approved");
    Ok(redirect(BACK))
}

/// `POST /console/exports/{id}/file`: a line of JSON per customer, read page by page while it is sent.
pub(crate) async fn file(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let (app, actor) = (signed.visit.console.state.app.clone(), signed.actor.clone());
    // The first page is read before the answer begins, so that a refusal is a page and not half a file.
    let first = app.export_read(&actor, id, None, EXPORT_PAGE_MAX).await;
    let first = first.map_err(|error| signed.fail_at(&error, BACK))?;
    let reading = Reading { app, actor, id, state: State::Ready(first) };
    let body = Body::from_stream(stream::unfold(reading, next_page));
    Ok(download(&format!("export-{id}.ndjson"), "application/x-ndjson", body))
}

/// An export that is being sent.
struct Reading {
    app: App,
    actor: Actor,
    id: JobId,
    state: State,
}

enum State {
    Ready(Page<Revealed>),
    After(SubjectId),
    End,
}

/// The next piece of the file; an error in the middle cuts the transfer off, so nobody takes half a file for a whole.
async fn next_page(mut reading: Reading) -> Option<(Result<Bytes, std::io::Error>, Reading)> {
    let page = match std::mem::replace(&mut reading.state, State::End) {
        State::Ready(page) => page,
        State::After(last) => {
            match reading.app.export_read(&reading.actor, reading.id, Some(last), EXPORT_PAGE_MAX).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "an export was cut off");
                    return Some((Err(std::io::Error::other("export")), reading));
                }
            }
        }
        State::End => return None,
    };
    if let Some(next) = page.next {
        reading.state = State::After(next);
    }
    Some((Ok(lines(&page.items)), reading))
}

/// A line of JSON for each customer.
fn lines(customers: &[Revealed]) -> Bytes {
    let mut out = Vec::with_capacity(customers.len() * 256);
    for customer in customers {
        let fields: serde_json::Map<String, serde_json::Value> = customer
            .fields
            .iter()
            .map(|(name, value)| (name.to_string(), value.expose().as_str().into()))
            .collect();
        let line = serde_json::json!({ "id": customer.id, "version": customer.version, "fields": fields });
        out.extend_from_slice(line.to_string().as_bytes());
        out.push(b'\n');
    }
    Bytes::from(out)
}

fn parse_id(signed: &Signed, id: &str) -> Result<JobId, Refusal> {
    id.parse().map_err(|_| signed.fail_at(&AppError::NotFound, BACK))
}
