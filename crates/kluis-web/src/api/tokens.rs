//! Tokens over HTTP: a stand-in for one value of one customer at one destination.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use kluis_model::{FieldName, PiiText, PurposeId};
use serde::Deserialize;

use super::call::Call;
use super::json::Writer;
use super::route::Answered;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    field: FieldName,
    #[serde(default)]
    destination: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolve {
    token: PiiText,
    purpose: PurposeId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    token: PiiText,
}

/// `POST /v1/subjects/{id}/tokens`
pub(crate) async fn create(call: Call) -> Answered {
    let id = call.subject()?;
    let input: NewToken = call.json()?;
    let token =
        call.app().token_create(call.actor()?, id, &input.field, input.destination.as_deref()).await?;
    let mut writer = Writer::with_capacity(256);
    writer.raw("{\"token\":").string(&token).raw("}");
    Ok(writer.answer(StatusCode::CREATED))
}

/// `POST /v1/tokens/resolve`
pub(crate) async fn resolve(call: Call) -> Answered {
    let input: Resolve = call.json()?;
    let (id, field, value) =
        call.app().token_resolve(call.actor()?, input.token.expose(), &input.purpose).await?;
    let mut writer = Writer::with_capacity(256 + value.expose().len() * 2);
    writer.raw("{\"id\":\"").value_display(id).raw("\",\"field\":").string(field.as_str());
    writer.raw(",\"value\":").pii(&value).raw("}");
    Ok(writer.answer(StatusCode::OK))
}

/// `POST /v1/tokens/revoke`
pub(crate) async fn revoke(call: Call) -> Answered {
    let input: Revoke = call.json()?;
    call.app().token_revoke(call.actor()?, input.token.expose()).await?;
    Ok(no_content())
}

/// Done, with nothing to say.
pub(crate) fn no_content() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}
