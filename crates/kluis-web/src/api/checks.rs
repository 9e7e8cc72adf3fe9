//! Checks of a shop's HTTPS over HTTP: ask, look, and read the report in the form that is wanted.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use kluis_app::{AppError, CHECK_LIST_MAX, CheckOptions};
use kluis_checks::{Part, Report, report as shown};
use kluis_model::Lang;
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::json;
use super::problem::Problem;
use super::route::Answered;

/// Media type of SARIF (OASIS SARIF 2.1.0, registered with IANA).
pub(crate) const SARIF: &str = "application/sarif+json";
/// What a report in HTML may do when a browser opens it: look as it is meant to.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCheck {
    domain: String,
    #[serde(default)]
    parts: Option<BTreeSet<Part>>,
    #[serde(default)]
    owner_verified: bool,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Markdown,
    Sarif,
    Json,
}

impl Form {
    /// The form of a word.
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "html" => Self::Html,
            "markdown" => Self::Markdown,
            "sarif" => Self::Sarif,
            "json" => Self::Json,
            _ => return None,
        })
    }

    /// The first form that an `Accept` names; HTML when it names none (RFC 9110 §12.5.1, without weights).
    fn accepted(accept: &str) -> Self {
        let types = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
        types
            .filter_map(|media_type| match media_type.to_ascii_lowercase().as_str() {
                "text/html" => Some(Self::Html),
                "text/markdown" => Some(Self::Markdown),
                SARIF => Some(Self::Sarif),
                "application/json" => Some(Self::Json),
                _ => None,
            })
            .next()
            .unwrap_or(Self::Html)
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Sarif => SARIF,
            Self::Json => "application/json",
        }
    }

    fn write(self, report: &Report, lang: Lang) -> Result<String, AppError> {
        let json = |written: Result<String, serde_json::Error>| {
            written.map_err(|error| {
                tracing::error!(%error, "a report cannot be written");
                AppError::Unavailable { what: "the report cannot be written".into() }
            })
        };
        match self {
            Self::Html => Ok(shown::html(report, lang)),
            Self::Markdown => Ok(shown::markdown(report, lang)),
            Self::Sarif => json(serde_json::to_string(&shown::sarif(report, lang))),
            Self::Json => json(serde_json::to_string(report)),
        }
    }
}

/// `POST /v1/checks`
pub(crate) async fn start(call: Call) -> Answered {
    let input: NewCheck = call.json()?;
    let usual = CheckOptions::default();
    let options =
        CheckOptions { parts: input.parts.unwrap_or(usual.parts), owner_verified: input.owner_verified };
    let view = call.app().check_start(call.actor()?, &input.domain, options).await?;
    let mut answer = json::answer(StatusCode::ACCEPTED, &view);
    if let Ok(place) = HeaderValue::try_from(format!("/v1/checks/{}", view.id)) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

/// `GET /v1/checks`
pub(crate) async fn list(call: Call) -> Answered {
    let query = call.query()?;
    let limit = query.number("limit", CHECK_LIST_MAX, CHECK_LIST_MAX)?;
    let checks = call.app().check_list(call.actor()?, query.get("domain"), limit).await?;
    Ok(json::answer(StatusCode::OK, &json!({"checks": checks})))
}

/// `GET /v1/checks/{id}`
pub(crate) async fn show(call: Call) -> Answered {
    let result = call.app().check_read(call.actor()?, call.id(0)?).await?;
    Ok(json::answer(StatusCode::OK, &result))
}

/// `GET /v1/checks/{id}/report`
pub(crate) async fn report(call: Call) -> Answered {
    let query = call.query()?;
    let form = match query.get("format") {
        Some(word) => Form::named(word).ok_or_else(|| {
            Problem::BadRequest("The query parameter format takes html, markdown, sarif or json.".into())
        })?,
        None => Form::accepted(call.header("accept")?.unwrap_or_default()),
    };
    let result = call.app().check_read(call.actor()?, call.id(0)?).await?;
    let report = result.report.ok_or_else(|| AppError::Conflict { what: "state".into() })?;
    let body = Body::from(form.write(&report, call.lang())?);
    let mut answer = json::with_type(StatusCode::OK, form.media_type(), body);
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Language"));
    if form == Form::Html {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_form_is_given_and_html_when_there_is_none() {
        for (accept, form) in [
            ("", Form::Html),
            ("*/*", Form::Html),
            ("text/html,application/xhtml+xml;q=0.9", Form::Html),
            ("image/png, Application/JSON;q=0.5, text/html", Form::Json),
            ("application/sarif+json", Form::Sarif),
            ("text/markdown; charset=utf-8", Form::Markdown),
            ("nonsense", Form::Html),
        ] {
            assert_eq!(Form::accepted(accept), form, "{accept}");
        }
        for word in ["", "HTML", "pdf", "sarif "] {
            assert_eq!(Form::named(word), None, "{word}");
        }
    }
}
