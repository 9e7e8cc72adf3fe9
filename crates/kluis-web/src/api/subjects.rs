//! One customer over HTTP: create, read, change, find, erase, consent, events, access report, audit trail.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use kluis_app::{AppError, ConsentInput, KeptByLaw, NewSubject, Revealed, Written};
use kluis_model::{FieldName, PiiText, PurposeId, StartEvent, TimeMs};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::call::Call;
use super::etag;
use super::json::{self, Members, Writer};
use super::problem::Problem;
use super::route::Answered;

/// Most customers in one answer of a search.
const HITS_MAX: u32 = 100;

/// A customer as JSON brings them in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInput {
    fields: Members<PiiText>,
    #[serde(default)]
    consents: Vec<ConsentJson>,
    #[serde(default)]
    events: Vec<EventJson>,
}

impl From<CreateInput> for NewSubject {
    fn from(input: CreateInput) -> Self {
        Self {
            fields: input.fields.0,
            consents: input.consents.into_iter().map(ConsentInput::from).collect(),
            events: input.events.into_iter().map(|event| (event.event, event.at)).collect(),
        }
    }
}

/// A consent given or withdrawn.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentJson {
    purpose: String,
    given: bool,
    #[serde(default)]
    at: Option<TimeMs>,
    source: String,
    #[serde(default)]
    text_version: Option<String>,
    #[serde(default)]
    proof: Option<Box<RawValue>>,
}

impl From<ConsentJson> for ConsentInput {
    fn from(input: ConsentJson) -> Self {
        let proof = input.proof.map(|proof| PiiText::from(String::from(Box::<str>::from(proof))));
        Self {
            purpose: input.purpose,
            given: input.given,
            at: input.at,
            source: input.source,
            text_version: input.text_version.unwrap_or_default(),
            proof: proof.unwrap_or_default(),
        }
    }
}

/// Something that happened, from which retention counts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventJson {
    event: StartEvent,
    #[serde(default)]
    at: Option<TimeMs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateInput {
    fields: Members<Option<PiiText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupInput {
    field: String,
    value: PiiText,
    purpose: PurposeId,
    #[serde(default)]
    fields: Option<Vec<FieldName>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchInput {
    text: PiiText,
    purpose: PurposeId,
    #[serde(default)]
    fields: Option<Vec<FieldName>>,
    #[serde(default)]
    limit: Option<u32>,
}

/// `POST /v1/subjects`
pub(crate) async fn create(call: Call) -> Answered {
    let input: CreateInput = call.json()?;
    let key = super::idempotency_key(&call)?;
    let written = call.app().create_once(call.actor()?, input.into(), key.as_ref()).await?;
    let mut answer = written_answer(StatusCode::CREATED, &written);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/subjects/{}", written.id)) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

/// `GET /v1/subjects/{id}`
pub(crate) async fn read(call: Call) -> Answered {
    let id = call.subject()?;
    let query = call.query()?;
    let (purpose, fields) = (query.purpose()?, query.fields()?);
    let shown = call.app().read(call.actor()?, id, &purpose, fields.as_deref()).await?;
    let mut writer = Writer::with_capacity(room(&shown));
    write_revealed(&mut writer, &shown);
    let mut answer = writer.answer(StatusCode::OK);
    answer.headers_mut().extend(etag(shown.version).map(|tag| (header::ETAG, tag)));
    Ok(answer)
}

/// `PATCH /v1/subjects/{id}`
pub(crate) async fn update(call: Call) -> Answered {
    let id = call.subject()?;
    let expected = if_match(&call)?;
    let input: UpdateInput = call.json()?;
    match call.app().update(call.actor()?, id, input.fields.0, expected).await {
        Ok(written) => Ok(written_answer(StatusCode::OK, &written)),
        Err(AppError::Conflict { what }) if what == "version" => Err(Problem::PreconditionFailed),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /v1/subjects/{id}`
pub(crate) async fn erase(call: Call) -> Answered {
    let id = call.subject()?;
    let erased = call.app().erase(call.actor()?, id).await?;
    let body = json!({
        "id": id,
        "erased_at": erased.at,
        "receipt": erased.receipt,
        "kept": kept(&erased.kept),
        "backups_unreadable_from": erased.backups_until,
    });
    Ok(json::answer(StatusCode::OK, &body))
}

/// `GET /v1/subjects/{id}/erasure`
pub(crate) async fn erase_preview(call: Call) -> Answered {
    let id = call.subject()?;
    let preview = call.app().erase_preview(call.actor()?, id).await?;
    let body =
        json!({"id": id, "kept": kept(&preview.kept), "backups_unreadable_from": preview.backups_until});
    Ok(json::answer(StatusCode::OK, &body))
}

/// `GET /v1/subjects/{id}/receipt`
pub(crate) async fn erasure_receipt(call: Call) -> Answered {
    let id = call.subject()?;
    let view = call.app().erasure_receipt(call.actor()?, id).await?;
    let body = json!({
        "id": id, "erased_at": view.at, "receipt": view.receipt, "backups_unreadable_from": view.backups_until,
    });
    Ok(json::answer(StatusCode::OK, &body))
}

/// `POST /v1/subjects/lookup`
pub(crate) async fn lookup(call: Call) -> Answered {
    let input: LookupInput = call.json()?;
    let fields = input.fields.as_deref();
    let matches = call.app().lookup(call.actor()?, &input.field, input.value, &input.purpose, fields).await?;
    Ok(revealed_list("matches", &matches, None))
}

/// `POST /v1/subjects/search`
pub(crate) async fn search(call: Call) -> Answered {
    let input: SearchInput = call.json()?;
    let limit = input.limit.unwrap_or(20);
    if !(1..=HITS_MAX).contains(&limit) {
        return Err(Problem::Unprocessable(format!("limit takes 1 to {HITS_MAX}.").into()));
    }
    let fields = input.fields.as_deref();
    let found = call.app().search(call.actor()?, input.text, &input.purpose, fields, limit as usize).await?;
    Ok(revealed_list("matches", &found.hits, Some(found.more)))
}

/// `POST /v1/subjects/{id}/consents`
pub(crate) async fn consent(call: Call) -> Answered {
    let id = call.subject()?;
    let input: ConsentJson = call.json()?;
    let answer = call.app().consent(call.actor()?, id, input.into()).await?;
    Ok(json::answer(StatusCode::CREATED, &answer))
}

/// `GET /v1/subjects/{id}/consents`
pub(crate) async fn consents(call: Call) -> Answered {
    let views = call.app().consents(call.actor()?, call.subject()?).await?;
    Ok(json::answer(StatusCode::OK, &json!({"consents": views})))
}

/// `POST /v1/subjects/{id}/events`
pub(crate) async fn event(call: Call) -> Answered {
    let id = call.subject()?;
    let input: EventJson = call.json()?;
    let written = call.app().event(call.actor()?, id, input.event, input.at).await?;
    Ok(written_answer(StatusCode::CREATED, &written))
}

/// `GET /v1/subjects/{id}/access`: JSON (GDPR art. 20), or HTML when that is accepted first (art. 15).
pub(crate) async fn access(call: Call) -> Answered {
    let id = call.subject()?;
    let accept = call.header("accept")?.unwrap_or_default();
    let first = accept.split(',').next().unwrap_or_default().trim();
    let is_html = first.starts_with("text/html");
    let report = call.app().access_report(call.actor()?, id).await?;
    let mut answer = if is_html {
        let page =
            zeroize::Zeroizing::new(report.to_html(call.lang(), &call.state.options.shop_name).into_bytes());
        json::with_type(
            StatusCode::OK,
            "text/html; charset=utf-8",
            Body::from(bytes::Bytes::from_owner(page)),
        )
    } else {
        let document = zeroize::Zeroizing::new(report.to_json().to_string().into_bytes());
        json::with_type(StatusCode::OK, "application/json", Body::from(bytes::Bytes::from_owner(document)))
    };
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Accept-Language"));
    Ok(answer)
}

/// `GET /v1/subjects/{id}/audit`
pub(crate) async fn audit(call: Call) -> Answered {
    let id = call.subject()?;
    let limit = call.query()?.number("limit", 100, 1000)?;
    let entries = call.app().audit_of(call.actor()?, id, limit).await?;
    Ok(json::answer(StatusCode::OK, &json!({"entries": entries})))
}

/// The version that `If-Match` asks for; `*` asks for any (RFC 9110 §13.1.1).
fn if_match(call: &Call) -> Result<Option<u64>, Problem> {
    let tag = call.header("if-match")?.ok_or(Problem::PreconditionRequired)?.trim();
    if tag == "*" {
        return Ok(None);
    }
    let quoted = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner.filter(|inner| !inner.contains('"')) else {
        return Err(Problem::BadRequest("If-Match takes the ETag of a read, with its quotes.".into()));
    };
    // A weak tag never matches strongly, and no row has a version that is no number.
    let version = inner.parse().ok().filter(|_| quoted == tag);
    version.map(Some).ok_or(Problem::PreconditionFailed)
}

/// What became of a write.
pub(crate) fn write_written(writer: &mut Writer, written: &Written) {
    writer
        .raw("{\"id\":\"")
        .value_display(written.id)
        .raw("\",\"version\":")
        .number(written.version)
        .raw(",\"kept\":[");
    for (number, field) in written.kept.iter().enumerate() {
        writer.raw(if number == 0 { "" } else { "," }).string(field.as_str());
    }
    writer.raw("],\"dropped\":[");
    for (number, dropped) in written.dropped.iter().enumerate() {
        writer.raw(if number == 0 { "{\"field\":" } else { ",{\"field\":" }).string(&dropped.field);
        writer.raw(",\"reason\":").string(dropped.reason.id()).raw("}");
    }
    writer.raw("]}");
}

fn written_answer(status: StatusCode, written: &Written) -> axum::http::Response<Body> {
    let mut writer = Writer::with_capacity(512);
    write_written(&mut writer, written);
    let mut answer = writer.answer(status);
    answer.headers_mut().extend(etag(written.version).map(|tag| (header::ETAG, tag)));
    answer
}

/// Bytes enough for a shown customer, so that no outgrown copy of a value is left behind.
fn room(shown: &Revealed) -> usize {
    let fields: usize =
        shown.fields.iter().map(|(name, value)| name.as_str().len() + value.expose().len() * 2 + 8).sum();
    let withheld: usize = shown.withheld.iter().map(|(name, _)| name.as_str().len() + 64).sum();
    256 + fields + withheld
}

/// A customer as this actor may see them for this purpose.
pub(crate) fn write_revealed(writer: &mut Writer, shown: &Revealed) {
    writer.raw("{\"id\":\"").value_display(shown.id).raw("\",\"version\":").number(shown.version);
    writer
        .raw(",\"created\":\"")
        .value_display(shown.created)
        .raw("\",\"updated\":\"")
        .value_display(shown.updated);
    writer.raw("\",\"fields\":{");
    for (number, (name, value)) in shown.fields.iter().enumerate() {
        writer.raw(if number == 0 { "" } else { "," }).string(name.as_str()).raw(":").pii(value);
    }
    writer.raw("},\"withheld\":[");
    for (number, (name, denial)) in shown.withheld.iter().enumerate() {
        writer.raw(if number == 0 { "{\"field\":" } else { ",{\"field\":" }).string(name.as_str());
        writer.raw(",\"reason\":").string(denial.id()).raw("}");
    }
    writer.raw("]}");
}

/// Several shown customers, and whether there are more.
pub(crate) fn revealed_list(
    key: &'static str,
    list: &[Revealed],
    more: Option<bool>,
) -> axum::http::Response<Body> {
    let mut writer = Writer::with_capacity(64 + list.iter().map(room).sum::<usize>());
    writer.raw("{").string(key).raw(":[");
    for (number, shown) in list.iter().enumerate() {
        writer.raw(if number == 0 { "" } else { "," });
        write_revealed(&mut writer, shown);
    }
    writer.raw(match more {
        None => "]}",
        Some(true) => "],\"more\":true}",
        Some(false) => "],\"more\":false}",
    });
    writer.answer(StatusCode::OK)
}

fn kept(kept: &[KeptByLaw]) -> serde_json::Value {
    let one = |kept: &KeptByLaw| json!({"purpose": kept.purpose, "law": Cow::from(&kept.law), "until": kept.until, "fields": kept.fields});
    kept.iter().map(one).collect()
}

/// Reads bytes as every body about a customer; for the fuzz target.
#[cfg(fuzzing)]
pub(crate) fn read_any(bytes: &[u8]) {
    let _ = json::parse::<CreateInput>(bytes).map(NewSubject::from);
    let _ = json::parse::<UpdateInput>(bytes);
    let _ = json::parse::<LookupInput>(bytes);
    let _ = json::parse::<SearchInput>(bytes);
    let _ = json::parse::<ConsentJson>(bytes);
    let _ = json::parse::<EventJson>(bytes);
}
