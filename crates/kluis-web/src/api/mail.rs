//! Mail in the shop's name over HTTP: who sends it, reports, replays, keys, the queue, records to publish, lookalikes.

use axum::http::StatusCode;
use kluis_app::{AppError, MAIL_REPORTS_MAX, MailKeyAlgorithm, MailKeyInput, ReportSource, SimulateInput};
use kluis_mail::advice::PolicyStep;
use kluis_mail::plan;
use kluis_model::JobId;
use kluis_net::LookalikePace;
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::json;
use super::problem::Problem;
use super::route::Answered;

/// The media type of a file with reports, whatever is inside.
pub(crate) const FILE: &[&str] = &["application/octet-stream"];
/// Days back at most: as long as reports can be kept.
pub(crate) const DAYS_MAX: u32 = 400;
/// Days back when nothing is said.
const DAYS: u32 = 30;
/// Bytes of a DMARC or SPF record that is tried.
const RECORD_BYTES_MAX: usize = 1_024;
/// Messages of the queue in a list.
pub(crate) const QUEUE_MAX: u32 = 1_000;
/// Messages of the queue when nothing is said.
const QUEUE: u32 = 100;
/// Reports in a list when nothing is said.
const REPORTS: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    domain: String,
    #[serde(default)]
    selector: Option<String>,
    #[serde(default)]
    algorithm: Option<MailKeyAlgorithm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Simulation {
    policy: PolicyStep,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    record: Option<String>,
    #[serde(default)]
    spf: Option<String>,
    #[serde(default)]
    days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    domain: String,
}

/// The days back that a query asks for.
fn days(call: &Call) -> Result<u32, Problem> {
    call.query()?.number("days", DAYS, DAYS_MAX)
}

/// `GET /v1/mail/overview`
pub(crate) async fn overview(call: Call) -> Answered {
    let overview = call.app().mail_overview(call.actor()?, days(&call)?).await?;
    Ok(json::answer(StatusCode::OK, &overview))
}

/// `GET /v1/mail/sources`
pub(crate) async fn sources(call: Call) -> Answered {
    let view = call.app().mail_sources(call.actor()?, days(&call)?).await?;
    Ok(json::answer(StatusCode::OK, &view))
}

/// `GET /v1/mail/reports`
pub(crate) async fn reports(call: Call) -> Answered {
    let query = call.query()?;
    let limit = query.number("limit", REPORTS, MAIL_REPORTS_MAX)?;
    let before: Option<JobId> = query.parsed("before")?;
    let reports = call.app().mail_reports_list(call.actor()?, before, limit).await?;
    let next = reports.last().filter(|_| reports.len() >= limit as usize).map(|last| last.id);
    Ok(json::answer(StatusCode::OK, &json!({"reports": reports, "next": next})))
}

/// `GET /v1/mail/reports/{id}`
pub(crate) async fn report(call: Call) -> Answered {
    let detail = call.app().mail_report_rows(call.actor()?, call.id(0)?).await?;
    Ok(json::answer(StatusCode::OK, &detail))
}

/// `POST /v1/mail/reports`: everything in the file that is a report is stored when this answers.
pub(crate) async fn ingest(call: Call) -> Answered {
    if call.bytes.is_empty() {
        return Err(Problem::Unprocessable("The file is empty.".into()));
    }
    let bytes = call.bytes.to_vec();
    let taken = call.app().mail_ingest(call.actor()?, ReportSource::Api, "", bytes).await?;
    Ok(json::answer(StatusCode::OK, &taken_json(&taken)))
}

fn taken_json(taken: &kluis_app::Ingested) -> serde_json::Value {
    let quarantined: Vec<serde_json::Value> = taken
        .quarantined
        .iter()
        .map(|(id, refusal)| json!({"id": id, "reason": refusal.to_string()}))
        .collect();
    json!({
        "new": taken.new,
        "known": taken.known,
        "tls": taken.tls,
        "failure_refused": taken.failure_refused,
        "quarantined": quarantined,
    })
}

/// `GET /v1/mail/quarantine`
pub(crate) async fn quarantine(call: Call) -> Answered {
    let items = call.app().mail_quarantine_list(call.actor()?).await?;
    Ok(json::answer(StatusCode::OK, &json!({"quarantine": items})))
}

/// `POST /v1/mail/quarantine/{id}/retry`
pub(crate) async fn retry(call: Call) -> Answered {
    let taken = call.app().mail_quarantine_retry(call.actor()?, call.id(0)?).await?;
    Ok(json::answer(StatusCode::OK, &taken_json(&taken)))
}

/// `DELETE /v1/mail/quarantine/{id}`
pub(crate) async fn delete(call: Call) -> Answered {
    call.app().mail_quarantine_delete(call.actor()?, call.id(0)?).await?;
    Ok(super::tokens::no_content())
}

/// `GET /v1/mail/keys`
pub(crate) async fn keys(call: Call) -> Answered {
    let keys = call.app().mail_keys(call.actor()?).await?;
    Ok(json::answer(StatusCode::OK, &json!({"keys": keys})))
}

/// `POST /v1/mail/keys`
pub(crate) async fn new_key(call: Call) -> Answered {
    let input: NewKey = call.json()?;
    let input = MailKeyInput {
        domain: input.domain,
        selector: input.selector,
        algorithm: input.algorithm.unwrap_or(MailKeyAlgorithm::Rsa2048),
    };
    let key = call.app().mail_key_create(call.actor()?, input).await?;
    Ok(json::answer(StatusCode::CREATED, &key))
}

/// `GET /v1/mail/plan`
pub(crate) async fn plan(call: Call) -> Answered {
    let plan = crate::mail_plan::make(call.app(), call.actor()?).await?;
    let plan = plan.ok_or(AppError::NotFound)?;
    let zone = plan::bind(&plan);
    Ok(json::answer(StatusCode::OK, &json!({"domain": plan.domain, "steps": plan.steps, "zone": zone})))
}

/// `POST /v1/mail/simulate`
pub(crate) async fn simulate(call: Call) -> Answered {
    let input: Simulation = call.json()?;
    let days = input.days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::Unprocessable(format!("The key days takes 1 to {DAYS_MAX}.").into()));
    }
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > RECORD_BYTES_MAX);
    if long(&input.record) || long(&input.spf) {
        let detail = format!("A record has at most {RECORD_BYTES_MAX} bytes.");
        return Err(Problem::Unprocessable(detail.into()));
    }
    let Simulation { policy, domain, record, spf, .. } = input;
    let input = SimulateInput { domain, policy, record, spf, days };
    let outcome = call.app().mail_simulate(call.actor()?, input).await?;
    Ok(json::answer(StatusCode::OK, &outcome))
}

/// `GET /v1/mail/queue`
pub(crate) async fn queue(call: Call) -> Answered {
    let limit = call.query()?.number("limit", QUEUE, QUEUE_MAX)?;
    let status = call.app().mail_queue_status(call.actor()?).await?;
    let messages = call.app().mail_queue_list(call.actor()?, limit).await?;
    Ok(json::answer(StatusCode::OK, &json!({"status": status, "messages": messages})))
}

/// `GET /v1/mail/lookalikes`
pub(crate) async fn lookalikes(call: Call) -> Answered {
    let lookalikes = call.app().lookalikes(call.actor()?).await?;
    let running = call.app().lookalikes_running(call.actor()?).await?;
    Ok(json::answer(StatusCode::OK, &json!({"lookalikes": lookalikes, "running": running})))
}

/// `POST /v1/mail/lookalikes`: begins to look because somebody asks for it.
pub(crate) async fn look(call: Call) -> Answered {
    let input: Look = call.json()?;
    call.app().lookalike_start(call.actor()?, &input.domain, LookalikePace::default()).await?;
    Ok(json::answer(StatusCode::ACCEPTED, &json!({})))
}
