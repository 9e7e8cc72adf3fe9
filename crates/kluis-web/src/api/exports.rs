//! Exports over HTTP: ask, approve, look, and read the customers as lines of JSON that stream page by page.

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::stream;
use kluis_app::{App, AppError, Page, Revealed};
use kluis_model::{Actor, FieldName, JobId, PurposeId, SubjectId};
use serde::Deserialize;
use serde_json::json;

use super::bulk::NDJSON;
use super::call::Call;
use super::json::{self, Writer};
use super::route::Answered;
use super::subjects::write_revealed;

/// Customers on one page, each page one entry on the record.
const PAGE_ROWS: u32 = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewExport {
    purpose: PurposeId,
    fields: Vec<FieldName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    #[serde(default)]
    alone: bool,
}

/// `GET /v1/exports`
pub(crate) async fn list(call: Call) -> Answered {
    let exports = call.app().exports(call.actor()?).await?;
    Ok(json::answer(StatusCode::OK, &json!({"exports": exports})))
}

/// `POST /v1/exports`
pub(crate) async fn request(call: Call) -> Answered {
    let input: NewExport = call.json()?;
    let export = call.app().export_request(call.actor()?, &input.purpose, &input.fields).await?;
    Ok(json::answer(StatusCode::CREATED, &export))
}

/// `GET /v1/exports/{id}`
pub(crate) async fn show(call: Call) -> Answered {
    let export = call.app().export(call.actor()?, call.id(0)?).await?;
    Ok(json::answer(StatusCode::OK, &export))
}

/// `POST /v1/exports/{id}/approval`
pub(crate) async fn approve(call: Call) -> Answered {
    let id = call.id(0)?;
    let input: Approval = call.json()?;
    let export = call.app().export_approve(call.actor()?, id, input.alone).await?;
    Ok(json::answer(StatusCode::OK, &export))
}

/// `GET /v1/exports/{id}/data`
///
/// An answer that is cut off did not end well; whoever reads it goes on with `after` and the last id.
pub(crate) async fn data(call: Call) -> Answered {
    let id = call.id(0)?;
    let after = call.query()?.parsed("after")?;
    let reading = Reading { app: call.app().clone(), actor: call.actor()?.clone(), id };
    // The first page is read before the answer begins, so that a refusal is a proper problem.
    let first = reading.page(after).await?;
    let pages = stream::unfold(Some((reading, Ok(first))), |state: Option<State>| async move {
        let (reading, page) = state?;
        let page = match page {
            Ok(page) => page,
            Err(after) => match reading.page(Some(after)).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "an export was cut off");
                    return Some((Err(std::io::Error::other("cut off")), None));
                }
            },
        };
        let next = page.next.map(|after| (reading, Err(after)));
        Some((Ok(lines(&page.items)), next))
    });
    Ok(json::with_type(StatusCode::OK, NDJSON, Body::from_stream(pages)))
}

/// Who reads which export.
struct Reading {
    app: App,
    actor: Actor,
    id: JobId,
}

/// The page to send, or after whom to read the next.
type State = (Reading, Result<Page<Revealed>, SubjectId>);

impl Reading {
    async fn page(&self, after: Option<SubjectId>) -> Result<Page<Revealed>, AppError> {
        self.app.export_read(&self.actor, self.id, after, PAGE_ROWS).await
    }
}

fn lines(customers: &[Revealed]) -> Bytes {
    let mut writer = Writer::with_capacity(64 + customers.len() * 768);
    for customer in customers {
        write_revealed(&mut writer, customer);
        writer.raw("\n");
    }
    writer.into_bytes()
}
