//! Reports of receivers: the list, one report, adding a file, and what could not be read.

use std::sync::Arc;

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use kluis_app::{AppError, Ingested, ReportDetail, ReportKind, ReportSource, ReportView as Stored, RowView};
use kluis_mail::catalogue;
use kluis_mail::report::{Disposition, Evaluated};
use kluis_model::{JobId, Lang, Operation};

use super::BACK;
use crate::console::Console;
use crate::console::answer::{Answer, Refusal, redirect};
use crate::console::mail_view::{
    QuarantineRow, QuarantineView, ReportLine, ReportRow, ReportView, ReportsView, Taken,
};
use crate::console::view::FieldError;
use crate::console::visit::{Posted, Signed, is_same, is_same_origin};
use crate::console::words::number;
use crate::options::REPORT_BYTES_MAX;

/// The list.
const HERE: &str = "/console/phishing/reports";
/// What could not be read.
const QUARANTINE: &str = "/console/phishing/quarantine";
/// Reports in the list.
const LIST_MAX: u32 = 100;
/// Rows of a report that are shown.
const ROWS_MAX: usize = 200;
/// Longest CSRF token that is read from an upload.
const TOKEN_BYTES_MAX: usize = 128;
const MIB: u64 = 1024 * 1024;

/// `GET /console/phishing/reports`
pub(crate) async fn list(signed: Signed) -> Answer {
    let view = list_view(&signed, None).await?;
    Ok(signed.page(&signed.frame("mail-reports"), &view))
}

async fn list_view(signed: &Signed, problem: Option<String>) -> Result<ReportsView, Refusal> {
    let app = &signed.visit.console.state.app;
    let fail = |error: AppError| signed.fail_at(&error, BACK);
    let reports = app.mail_reports_list(&signed.actor, None, LIST_MAX).await.map_err(fail)?;
    let quarantine = app.mail_quarantine_list(&signed.actor).await.map_err(fail)?;
    Ok(ReportsView {
        reports: reports.iter().map(row).collect(),
        file_mib_max: number(REPORT_BYTES_MAX as u64 / MIB),
        errors: problem.into_iter().map(|message| FieldError { field: "file".into(), message }).collect(),
        taken: signed.session.desk.lock().taken.take(),
        may_change: signed.actor.grant.allows_operation(Operation::MailChange),
        quarantine: number(quarantine.len() as u64),
    })
}

fn row(report: &Stored) -> ReportRow {
    ReportRow {
        id: report.id.to_string(),
        kind: report.kind.word().to_owned(),
        org: report.org.clone(),
        domain: report.domain.clone(),
        begin: report.begin_s.saturating_mul(1_000),
        end: report.end_s.saturating_mul(1_000),
        messages: number(report.messages),
    }
}

/// `GET /console/phishing/reports/{id}`
pub(crate) async fn page(Path(id): Path<String>, signed: Signed) -> Answer {
    let id = parse_id(&signed, &id, HERE)?;
    let app = &signed.visit.console.state.app;
    let detail = app.mail_report_rows(&signed.actor, id).await;
    let detail = detail.map_err(|error| signed.fail_at(&error, HERE))?;
    Ok(signed.page(&signed.frame("mail-reports"), &report_view(&detail, signed.visit.lang)))
}

fn report_view(detail: &ReportDetail, lang: Lang) -> ReportView {
    let tls = detail.view.head.tls.filter(|_| detail.view.kind == ReportKind::Tls);
    ReportView {
        report: row(&detail.view),
        rows: detail.lines.iter().take(ROWS_MAX).map(|line| report_line(line, lang)).collect(),
        more: number(detail.lines.len().saturating_sub(ROWS_MAX) as u64),
        problems: detail.view.head.problems.iter().map(|problem| problem.message(lang).to_owned()).collect(),
        tls: tls.map(|tls| (number(tls.successes), number(tls.failures))),
    }
}

fn report_line(line: &RowView, lang: Lang) -> ReportLine {
    let sender = line.sender.and_then(catalogue::find);
    let name = match (sender, &line.ptr) {
        (Some(sender), _) => format!("{} ({})", sender.name, sender.kind.name(lang)),
        (None, Some(ptr)) => ptr.clone(),
        (None, None) => String::new(),
    };
    ReportLine {
        source: line.row.source.to_string(),
        name,
        category: line.category.word(),
        messages: number(line.row.count),
        from: line.row.header_from.clone(),
        dkim: line.row.dkim == Evaluated::Pass,
        spf: line.row.spf == Evaluated::Pass,
        disposition: match line.row.disposition {
            Disposition::Pass => "pass",
            Disposition::None => "none",
            Disposition::Quarantine => "quarantine",
            Disposition::Reject => "reject",
            Disposition::Unknown => "unknown",
        },
    }
}

/// `POST /console/phishing/reports`: the token first, then the file.
pub(crate) async fn upload(State(console): State<Arc<Console>>, signed: Signed, request: Request) -> Answer {
    if !is_same_origin(request.headers(), request.uri()) {
        return Err(signed.visit.wrong_form());
    }
    let Ok(mut parts) = Multipart::from_request(request, &console).await else {
        return Err(signed.visit.wrong_form());
    };
    let is_own = match parts.next_field().await {
        Ok(Some(field)) if field.name() == Some("csrf") => {
            whole(field, TOKEN_BYTES_MAX).await.ok().and_then(|bytes| String::from_utf8(bytes).ok())
        }
        _ => None,
    };
    if !is_own.is_some_and(|token| is_same(&token, &signed.session.csrf)) {
        return Err(signed.visit.wrong_form());
    }
    let received = match parts.next_field().await {
        Ok(Some(field)) if field.name() == Some("file") => {
            let name = field.file_name().unwrap_or_default().to_owned();
            whole(field, REPORT_BYTES_MAX).await.map(|bytes| (name, bytes))
        }
        _ => Err("mail-report-file-error"),
    };
    let (name, bytes) = match received {
        Ok((_, bytes)) if bytes.is_empty() => return again(&signed, "mail-report-file-error").await,
        Ok(received) => received,
        Err(key) => return again(&signed, key).await,
    };
    let app = &console.state.app;
    let ingested = app.mail_ingest(&signed.actor, ReportSource::Api, &name, bytes).await;
    let ingested = ingested.map_err(|error| signed.fail_at(&error, HERE))?;
    signed.session.desk.lock().taken = Some(taken(&ingested, signed.visit.lang));
    Ok(redirect(HERE))
}

/// A part of an upload within its bound, or the key of what is wrong.
async fn whole(mut field: Field<'_>, bytes_max: usize) -> Result<Vec<u8>, &'static str> {
    let mut all = Vec::new();
    loop {
        match field.chunk().await {
            Ok(Some(bytes)) if all.len() + bytes.len() > bytes_max => return Err("mail-report-file-large"),
            Ok(Some(bytes)) => all.extend_from_slice(&bytes),
            Ok(None) => return Ok(all),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err("mail-report-file-large");
            }
            Err(_) => return Err("mail-report-file-error"),
        }
    }
}

async fn again(signed: &Signed, key: &str) -> Answer {
    let view = list_view(signed, Some(signed.visit.texts().get(key))).await?;
    Ok(signed.again(&signed.frame("mail-reports"), &view))
}

fn taken(ingested: &Ingested, lang: Lang) -> Taken {
    Taken {
        new: i64::from(ingested.new),
        known: i64::from(ingested.known),
        tls: i64::from(ingested.tls),
        quarantined: ingested.quarantined.iter().map(|(_, refusal)| refusal.message(lang)).collect(),
        refused: i64::from(ingested.failure_refused),
    }
}

/// `GET /console/phishing/quarantine`
pub(crate) async fn quarantine(signed: Signed) -> Answer {
    let items = signed.visit.console.state.app.mail_quarantine_list(&signed.actor).await;
    let items = items.map_err(|error| signed.fail_at(&error, BACK))?;
    let row = |item: kluis_app::QuarantineView| QuarantineRow {
        id: item.id.to_string(),
        at: item.at.0,
        source: item.source.word().to_owned(),
        reason: item.why.get(signed.visit.lang).to_owned(),
        size: number(item.size),
    };
    let view = QuarantineView {
        items: items.into_iter().map(row).collect(),
        may_change: signed.actor.grant.allows_operation(Operation::MailChange),
    };
    Ok(signed.page(&signed.frame("mail-reports"), &view))
}

/// `GET` of an address that takes a form.
pub(crate) async fn quarantine_of() -> Answer {
    Ok(redirect(QUARANTINE))
}

/// `POST /console/phishing/quarantine/{id}/retry`
pub(crate) async fn retry(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id, QUARANTINE)?;
    let app = &signed.visit.console.state.app;
    let ingested = app.mail_quarantine_retry(&signed.actor, id).await;
    let ingested = ingested.map_err(|error| signed.fail_at(&error, QUARANTINE))?;
    signed.session.desk.lock().taken = Some(taken(&ingested, signed.visit.lang));
    Ok(redirect(HERE))
}

/// `POST /console/phishing/quarantine/{id}/delete`
pub(crate) async fn delete(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id, QUARANTINE)?;
    let deleted = signed.visit.console.state.app.mail_quarantine_delete(&signed.actor, id).await;
    deleted.map_err(|error| signed.fail_at(&error, QUARANTINE))?;
    signed.session.desk.lock().notice = Some("notice-mail-deleted");
    Ok(redirect(QUARANTINE))
}

fn parse_id(signed: &Signed, id: &str, back: &str) -> Result<JobId, Refusal> {
    id.parse().map_err(|_| signed.fail_at(&AppError::NotFound, back))
}
