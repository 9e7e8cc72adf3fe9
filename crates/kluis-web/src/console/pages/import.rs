//! Importing a file: upload, what would happen, the decision, progress, result; the file is sealed while it comes in.

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use kluis_app::{AppError, ImportJobView as Job, ImportReport, ImportState};
use kluis_model::{FieldName, JobId, Operation, PurposeId};
use std::sync::Arc;

use crate::console::Console;
use crate::console::answer::{Answer, Refusal, download, redirect};
use crate::console::view::{Column, FieldError, ImportJobView, ImportRow, ImportView, Tally};
use crate::console::visit::{Posted, Signed, is_same, is_same_origin};
use crate::console::words::{Words, number};

/// Where errors of these pages go on.
const BACK: &str = "/console/import";
/// Seconds after which the page of a running import asks again.
const REFRESH_S: u32 = 2;
/// Longest CSRF token that is read from an upload.
const TOKEN_BYTES_MAX: usize = 128;
const MIB: u64 = 1024 * 1024;

/// `GET /console/import`
pub(crate) async fn list(signed: Signed) -> Answer {
    let view = list_view(&signed, None).await?;
    Ok(signed.page(&signed.frame("import"), &view))
}

async fn list_view(signed: &Signed, problem: Option<String>) -> Result<ImportView, Refusal> {
    let console = &signed.visit.console;
    let register = console.state.app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let jobs = if signed.actor.grant.allows_operation(Operation::Import) {
        console.imports.list(&signed.actor).await.map_err(|error| signed.fail(&error))?
    } else {
        Vec::new()
    };
    let row = |job: &Job| ImportRow {
        id: job.id.to_string(),
        shape: job.report.as_ref().map_or_else(String::new, |report| shape(&words, report)),
        state: job.state.id().to_owned(),
        at: job.at.0,
        lines: number(job.report.as_ref().map_or(job.progress.records, |report| report.records)),
        created: if job.state == ImportState::Done {
            number(job.report.as_ref().map_or(0, |report| report.created))
        } else {
            0
        },
    };
    Ok(ImportView {
        imports: jobs.iter().map(row).collect(),
        file_mib_max: number(console.upload_bytes_max() / MIB),
        errors: problem.into_iter().map(|message| FieldError { field: "file".into(), message }).collect(),
    })
}

/// `POST /console/import`: the token first, then the file, which goes sealed to disk as it comes in.
pub(crate) async fn upload(State(console): State<Arc<Console>>, signed: Signed, request: Request) -> Answer {
    if !is_same_origin(request.headers(), request.uri()) {
        return Err(signed.visit.wrong_form());
    }
    let Ok(mut parts) = Multipart::from_request(request, &console).await else {
        return Err(signed.visit.wrong_form());
    };
    let is_own = match parts.next_field().await {
        Ok(Some(field)) if field.name() == Some("csrf") => token(field).await,
        _ => None,
    };
    if !is_own.is_some_and(|token| is_same(&token, &signed.session.csrf)) {
        return Err(signed.visit.wrong_form());
    }
    let texts = signed.visit.texts();
    let field = match parts.next_field().await {
        Ok(Some(field))
            if field.name() == Some("file") && field.file_name().is_some_and(|name| !name.is_empty()) =>
        {
            field
        }
        Ok(_) => return again(&signed, texts.get("import-error-none")).await,
        Err(error) => return again(&signed, texts.get(cut_off(error.status()))).await,
    };
    match receive(&console, &signed, field).await {
        Ok(id) => Ok(redirect(&format!("{BACK}/{id}"))),
        Err(Stopped::CutOff(key)) => again(&signed, texts.get(key)).await,
        Err(Stopped::Refused(AppError::Invalid(problems))) => {
            let lang = signed.visit.lang;
            let said =
                problems.first().map_or_else(String::new, |problem| problem.message.get(lang).to_owned());
            again(&signed, said).await
        }
        Err(Stopped::Refused(AppError::Conflict { .. })) => {
            again(&signed, texts.get("import-error-busy")).await
        }
        Err(Stopped::Refused(error)) => Err(signed.fail_at(&error, BACK)),
    }
}

/// Why a file was not taken.
enum Stopped {
    /// It did not come in whole; the key says why.
    CutOff(&'static str),
    /// The vault does not want it.
    Refused(AppError),
}

async fn receive(console: &Console, signed: &Signed, mut field: Field<'_>) -> Result<JobId, Stopped> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let upload = console.imports.upload(&signed.actor, &name, console.upload_bytes_max()).await;
    let mut upload = upload.map_err(Stopped::Refused)?;
    loop {
        match field.chunk().await {
            Ok(Some(bytes)) => upload.write(&bytes).map_err(Stopped::Refused)?,
            Ok(None) => return upload.finish().map_err(Stopped::Refused),
            Err(error) => return Err(Stopped::CutOff(cut_off(error.status()))),
        }
    }
}

fn cut_off(status: StatusCode) -> &'static str {
    if status == StatusCode::PAYLOAD_TOO_LARGE { "import-error-large" } else { "import-error-broken" }
}

/// The token of an upload; None when it is too long to be one.
async fn token(mut field: Field<'_>) -> Option<String> {
    let mut token = Vec::new();
    while let Ok(Some(bytes)) = field.chunk().await {
        token.extend_from_slice(&bytes);
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
    }
    String::from_utf8(token).ok()
}

/// The form again with what is wrong.
async fn again(signed: &Signed, problem: String) -> Answer {
    let view = list_view(signed, Some(problem)).await?;
    Ok(signed.again(&signed.frame("import"), &view))
}

/// `GET /console/import/{id}`
pub(crate) async fn job(signed: Signed, Path(id): Path<String>) -> Answer {
    let id = parse_id(&signed, &id)?;
    let console = &signed.visit.console;
    let job = console.imports.view(&signed.actor, id).await.map_err(|error| signed.fail_at(&error, BACK))?;
    let register = console.state.app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let mut frame = signed.frame("import");
    if matches!(job.state, ImportState::Checking | ImportState::Running) {
        frame.refresh_s = Some(REFRESH_S);
    }
    Ok(signed.page(&frame, &job_view(&words, &job)))
}

fn job_view(words: &Words<'_>, job: &Job) -> ImportJobView {
    let lang = words.texts.lang();
    let goes_on = matches!(job.state, ImportState::Checking | ImportState::Running);
    let progress = &job.progress;
    let mut view = ImportJobView {
        id: job.id.to_string(),
        state: job.state.id().to_owned(),
        lines: number(progress.records),
        percent: goes_on
            .then(|| number((progress.bytes_read.saturating_mul(100) / job.bytes.max(1)).min(100))),
        created: number(progress.created),
        existing: number(progress.updated + progress.unchanged),
        rejected: number(progress.rejected),
        problem: job.problem.as_ref().map(|text| text.get(lang).to_owned()),
        ..ImportJobView::default()
    };
    let Some(report) = &job.report else { return view };
    view.shape = shape(words, report);
    view.columns = columns(words, report);
    if !goes_on {
        view.lines = number(report.records);
        view.created = number(report.created);
        view.existing = number(report.updated + report.unchanged);
        view.rejected = number(report.rejected);
        view.dropped = dropped(words, report);
    }
    view
}

fn columns(words: &Words<'_>, report: &ImportReport) -> Vec<Column> {
    let column = |column: &kluis_app::ImportColumn| Column {
        header: column.header.clone(),
        field: column.field.as_deref().map(|target| target_words(words, target)),
        reason: column.reason.as_deref().map(|id| words.word("import-reason", id)),
    };
    report.columns.iter().map(column).collect()
}

/// What a file was recognised as: a shop's export by its name, anything else in words.
fn shape(words: &Words<'_>, report: &ImportReport) -> String {
    match report.origin.as_str() {
        "preset" => report.shape_name.clone(),
        origin => words.word("import-origin", origin),
    }
}

/// What a column becomes, in words: fields, `consent:purpose` or `event:word`.
fn target_words(words: &Words<'_>, target: &str) -> String {
    if let Some(Ok(purpose)) = target.strip_prefix("consent:").map(PurposeId::parse) {
        return words.texts.with("import-column-consent", "purpose", words.purpose(&purpose));
    }
    if let Some(event) = target.strip_prefix("event:") {
        return words.texts.with("import-column-event", "event", words.word("event", event));
    }
    let name =
        |name: &str| FieldName::parse(name).map_or_else(|_| name.to_owned(), |name| words.field(&name));
    target.split(' ').map(name).collect::<Vec<_>>().join(", ")
}

/// What was left out of the vault, with the reason.
fn dropped(words: &Words<'_>, report: &ImportReport) -> Vec<Tally> {
    let label =
        |field: &str| FieldName::parse(field).map_or_else(|_| field.to_owned(), |name| words.field(&name));
    let without_purpose = report.dropped.iter().map(|one| Tally {
        label: format!("{} ({})", label(&one.field), words.word("import-reason", one.reason.id())),
        count: number(one.count),
    });
    let malformed = report.invalid.iter().map(|one| Tally {
        label: format!("{} ({})", label(&one.field), words.word("import-reason", &one.problem)),
        count: number(one.count),
    });
    without_purpose.chain(malformed).collect()
}

/// `GET /console/import/{id}/rejects`
pub(crate) async fn rejects(signed: Signed, Path(id): Path<String>) -> Answer {
    let id = parse_id(&signed, &id)?;
    let found = signed.visit.console.imports.rejects(&signed.actor, id).await;
    let found = found.map_err(|error| signed.fail_at(&error, BACK))?;
    Ok(download(&format!("geweigerd-{id}.csv"), "text/csv; charset=utf-8", found))
}

/// `POST /console/import/{id}/run`
pub(crate) async fn run(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let started = signed.visit.console.imports.run(&signed.actor, id).await;
    started.map_err(|error| signed.fail_at(&error, BACK))?;
    Ok(redirect(&format!("{BACK}/{id}")))
}

/// `POST /console/import/{id}/discard`
pub(crate) async fn discard(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let done = signed.visit.console.imports.discard(&signed.actor, id).await;
    done.map_err(|error| signed.fail_at(&error, BACK))?;
    signed.session.notice("notice-import-discarded");
    Ok(redirect(BACK))
}

/// `GET` on an address that only takes a form: the import's page.
pub(crate) async fn page_of(_: Signed, Path(id): Path<String>) -> Response {
    match id.parse::<JobId>() {
        Ok(id) => redirect(&format!("{BACK}/{id}")),
        Err(_) => redirect(BACK),
    }
}

fn parse_id(signed: &Signed, id: &str) -> Result<JobId, Refusal> {
    id.parse().map_err(|_| signed.fail_at(&AppError::NotFound, BACK))
}
