//! Checks of the shop's HTTPS: ask for one, follow it, read its report and how the grade went over time.

use axum::extract::{Path, Query};
use kluis_app::{AppError, CHECK_LIST_MAX, CheckOptions, CheckResult, CheckView};
use kluis_checks::report::{difference_lines, fragment_context, html};
use kluis_model::{JobId, Lang};
use serde::Deserialize;

use crate::console::answer::{Answer, Refusal, download, redirect};
use crate::console::check_view::{Chart, CheckPage, CheckRow, ChecksView, Publish, tone_of};
use crate::console::view::FieldError;
use crate::console::visit::{Posted, Signed};

/// Where errors of these pages go on.
const BACK: &str = "/console/checks";
/// Seconds after which a check that goes on is looked at again.
const REFRESH_S: u32 = 2;
/// Checks in the list.
const LIST_MAX: u32 = 50;

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// A domain to begin with in the form.
    #[serde(default)]
    domain: String,
}

/// `GET /console/checks`
pub(crate) async fn list(signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let view = ChecksView { domain: asked.domain.chars().take(300).collect(), ..ChecksView::default() };
    Ok(signed.page(&signed.frame("checks"), &with_checks(&signed, view).await?))
}

/// `POST /console/checks`
pub(crate) async fn start(Posted { signed, form }: Posted) -> Answer {
    let options = CheckOptions { owner_verified: form.get("own") == "yes", ..CheckOptions::default() };
    let is_own = options.owner_verified;
    let domain = form.get("domain");
    let app = &signed.visit.console.state.app;
    let message = match app.check_start(&signed.actor, domain, options).await {
        Ok(view) => return Ok(redirect(&format!("{BACK}/{}", view.id))),
        Err(AppError::Invalid(problems)) => {
            problems.first().map(|problem| problem.message.get(signed.visit.lang).to_owned())
        }
        Err(AppError::Conflict { what }) if what == "check" => {
            Some(signed.visit.texts().get("check-error-busy"))
        }
        Err(error) => return Err(signed.fail_at(&error, BACK)),
    };
    let errors = vec![FieldError { field: "domain".into(), message: message.unwrap_or_default() }];
    let domain = domain.chars().take(300).collect();
    let view = ChecksView { domain, is_own, errors, checks: Vec::new() };
    Ok(signed.again(&signed.frame("checks"), &with_checks(&signed, view).await?))
}

async fn with_checks(signed: &Signed, view: ChecksView) -> Result<ChecksView, Refusal> {
    let app = &signed.visit.console.state.app;
    let checks = app.check_list(&signed.actor, None, LIST_MAX).await.map_err(|error| signed.fail(&error))?;
    Ok(ChecksView { checks: checks.iter().map(|check| row(check, None)).collect(), ..view })
}

fn row(check: &CheckView, this: Option<JobId>) -> CheckRow {
    let summary = check.summary.as_ref();
    CheckRow {
        id: check.id.to_string(),
        domain: check.domain.clone(),
        at: check.at.0,
        state: check.state.id(),
        grade: summary.map(|summary| summary.grade.clone()),
        tone: summary.map_or("unknown", |summary| tone_of(&summary.grade)),
        score: summary.map_or(0, |summary| i64::from(summary.score)),
        findings: summary.map_or(0, |summary| i64::from(summary.findings)),
        is_this: this == Some(check.id),
    }
}

/// `GET /console/checks/{id}`
pub(crate) async fn page(Path(id): Path<String>, signed: Signed) -> Answer {
    let id = parse_id(&signed, &id)?;
    let app = &signed.visit.console.state.app;
    let fail = |error: AppError| signed.fail_at(&error, BACK);
    let state = app.check_state(&signed.actor, id).await.map_err(fail)?;
    let result = if state.state.is_over() {
        app.check_read(&signed.actor, id).await.map_err(fail)?
    } else {
        CheckResult { view: state, report: None, previous: None, difference: None }
    };
    let history =
        app.check_list(&signed.actor, Some(&result.view.domain), CHECK_LIST_MAX).await.map_err(fail)?;
    let mut frame = signed.frame("checks");
    if !result.view.state.is_over() {
        frame.refresh_s = Some(REFRESH_S);
    }
    Ok(signed.page(&frame, &check_page(&signed, &result, &history)))
}

fn check_page(signed: &Signed, result: &CheckResult, history: &[CheckView]) -> CheckPage {
    let (lang, view) = (signed.visit.lang, &result.view);
    let history: Vec<CheckRow> = history.iter().map(|check| row(check, Some(view.id))).collect();
    let previous = result.previous.map(|id| id.to_string());
    let previous_at = history.iter().find(|row| Some(&row.id) == previous.as_ref()).map(|row| row.at);
    let part_id = view.step.and_then(|step| serde_json::to_value(step.part).ok());
    let part = part_id.as_ref().and_then(|id| id.as_str()).map(|id| {
        let texts = signed.visit.texts();
        texts.find(&format!("check-part-{id}"), None).unwrap_or_else(|| id.to_owned())
    });
    let percent = |step: kluis_app::CheckStep| i64::from(step.done) * 100 / i64::from(step.total.max(1));
    CheckPage {
        id: view.id.to_string(),
        domain: view.domain.clone(),
        at: view.at.0,
        state: view.state.id(),
        part,
        percent: view.step.map(percent).map(|percent| percent.clamp(0, 100)),
        problem: view.problem.as_ref().map(|problem| sentence(problem.text.get(lang))),
        hint: view.problem.as_ref().map(|problem| sentence(problem.hint.get(lang))),
        owner: view.owner.as_ref().map(|owner| Publish {
            text: owner.text.clone(),
            record: owner.record.clone(),
            file: owner.file.clone(),
        }),
        report: result.report.as_ref().map(|report| fragment_context(report, lang)),
        changes: result.difference.as_ref().map(|d| difference_lines(d, lang)).unwrap_or_default(),
        previous_at,
        previous,
        chart: Chart::of(&history),
        history,
    }
}

/// A text of the program that begins in lower case and has no full stop, as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// `GET /console/checks/{id}/file`: the report as one file that needs nothing else.
pub(crate) async fn file(Path(id): Path<String>, signed: Signed) -> Answer {
    let id = parse_id(&signed, &id)?;
    let app = &signed.visit.console.state.app;
    let result = app.check_read(&signed.actor, id).await.map_err(|error| signed.fail_at(&error, BACK))?;
    let Some(report) = result.report else {
        let error = AppError::Conflict { what: "state".into() };
        return Err(signed.fail_at(&error, BACK));
    };
    let lang: Lang = signed.visit.lang;
    let name = format!("https-{}-{}.html", file_word(&result.view.domain), result.view.at.date());
    Ok(download(&name, "text/html; charset=utf-8", html(&report, lang)))
}

/// A host in a file's name: an IPv6 address has colons, which some systems do not take.
fn file_word(host: &str) -> String {
    host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' }).collect()
}

fn parse_id(signed: &Signed, id: &str) -> Result<JobId, Refusal> {
    id.parse().map_err(|_| signed.fail_at(&AppError::NotFound, BACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_sentences_and_hosts_become_file_names() {
        assert_eq!(sentence("de DNS antwoordt niet"), "De DNS antwoordt niet.");
        assert_eq!(sentence("Klaar."), "Klaar.");
        assert_eq!(sentence(""), ".");
        assert_eq!(file_word("2001:db8::1"), "2001-db8--1");
        assert_eq!(file_word("winkel.example"), "winkel.example");
    }
}
