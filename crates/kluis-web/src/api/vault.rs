//! The vault itself over HTTP: purposes, status, usage, health, metrics and the API's own description.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use kluis_app::Status;
use kluis_model::TimeMs;
use kluis_model::register::Register;
use serde::Serialize;
use serde_json::{Value, json};

use super::call::Call;
use super::json;
use super::openapi;
use super::problem::Problem;
use super::route::Answered;
use crate::server::CertificateReport;

/// Media types of the purpose register.
pub(crate) const TOML: &[&str] = &["application/toml", "text/plain"];

/// `GET /v1/purposes`
pub(crate) async fn purposes(call: Call) -> Answered {
    let register = call.app().purposes(call.actor()?).await?;
    Ok(json::answer(StatusCode::OK, &described(&register)))
}

/// `PUT /v1/purposes`
pub(crate) async fn set_purposes(call: Call) -> Answered {
    let text = register_text(&call)?;
    let change = call.app().purpose_set(call.actor()?, text).await?;
    Ok(json::answer(StatusCode::OK, &change))
}

/// `POST /v1/purposes/check`
pub(crate) async fn check_purposes(call: Call) -> Answered {
    let text = register_text(&call)?;
    let problems = call.app().purpose_check(text).err().unwrap_or_default();
    let lang = call.lang();
    let told = problems.iter().map(|p| json!({"line": p.line, "path": p.path, "message": p.text.get(lang)}));
    let told: Vec<Value> = told.collect();
    Ok(json::answer(StatusCode::OK, &json!({"problems": told})))
}

fn register_text(call: &Call) -> Result<&str, Problem> {
    std::str::from_utf8(&call.bytes).map_err(|_| Problem::BadRequest("The register is not UTF-8.".into()))
}

fn described(register: &Register) -> Value {
    let purposes = register.purposes().map(|purpose| {
        json!({
            "id": purpose.id,
            "name": purpose.name,
            "basis": purpose.basis,
            "law": purpose.law,
            "class": purpose.class,
            "fields": purpose.fields.iter()
                .map(|used| json!({"field": used.field, "need": used.need}))
                .collect::<Vec<_>>(),
            "recipients": purpose.recipients,
        })
    });
    let fields = register.fields().map(|def| json!({"name": def.name, "kind": def.kind, "label": def.label}));
    json!({
        "purposes": purposes.collect::<Vec<_>>(),
        "fields": fields.collect::<Vec<_>>(),
        "source": register.source(),
    })
}

/// What the vault says of itself, with the certificate of this server.
#[derive(Serialize)]
struct StatusAnswer {
    #[serde(flatten)]
    status: Status,
    certificate: CertificateReport,
}

/// `GET /v1/status`
pub(crate) async fn status(call: Call) -> Answered {
    let mut status = call.app().status(call.actor()?).await?;
    let certificate = call.state.certificate_report();
    status.attention.extend(certificate.attention(call.app().now()));
    Ok(json::answer(StatusCode::OK, &StatusAnswer { status, certificate }))
}

/// `GET /v1/usage`
pub(crate) async fn usage(call: Call) -> Answered {
    let days = call.query()?.number("days", 180, 3650)?;
    let lines = call.app().usage(call.actor()?, days).await?;
    Ok(json::answer(StatusCode::OK, &json!({"days": days, "usage": lines})))
}

/// `GET /healthz`: 200 while the vault can serve, 503 while it is sealed or its database does not answer.
pub(crate) async fn health(call: Call) -> Answered {
    let word = match call.app().is_initialised().await {
        _ if !call.app().is_unsealed() => "sealed",
        Ok(_) => "ok",
        Err(_) => "unavailable",
    };
    let status = if word == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(json::answer(status, &json!({"status": word})))
}

/// `GET /metrics`: the Prometheus text format.
pub(crate) async fn metrics(call: Call) -> Answered {
    let mut text = call.app().metrics(call.actor()?).await?.to_prometheus();
    let state = &call.state;
    text.push_str("# HELP kluis_http_answers_total Answers by the class of their status.\n");
    text.push_str("# TYPE kluis_http_answers_total counter\n");
    for (class, count) in state.traffic.counts().iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "kluis_http_answers_total{{class=\"{}xx\"}} {count}", class + 1);
    }
    let report = state.certificate_report();
    let seconds = |at: Option<TimeMs>| (at.map_or(0, |at| at.0) / 1000).to_string();
    let failed = u8::from(report.last_error.is_some()).to_string();
    let ends_s = report.not_after.0 / 1000;
    let gauges = [
        ("kluis_certificate_not_before_seconds", "From when it is.", seconds(Some(report.not_before))),
        (
            "kluis_certificate_renewal_seconds",
            "When it is renewed; 0 where that is not ours to do.",
            seconds(report.next_renewal),
        ),
        ("kluis_certificate_renewal_failed", "Whether the last attempt to renew it failed.", failed),
        (
            "kluis_certificate_local",
            "Whether it is of the vault's own authority.",
            u8::from(report.is_local).to_string(),
        ),
        ("kluis_connections", "Connections open now.", state.connections.load(Ordering::Relaxed).to_string()),
        ("kluis_certificate_not_after_seconds", "Until when the certificate is valid.", ends_s.to_string()),
    ];
    for (name, help, value) in gauges {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    Ok(json::with_type(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", Body::from(text)))
}

/// `GET /v1/openapi.json`
pub(crate) async fn description(_: Call) -> Answered {
    let mut answer = json::with_type(StatusCode::OK, "application/json", Body::from(openapi::document()));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(answer)
}
