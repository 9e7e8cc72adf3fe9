//! The queue of the relay: what waits, how long already, and what a person may do about it.

use axum::extract::Path;
use kluis_app::{AppError, MailQueueLine};
use kluis_model::{JobId, Operation};

use super::BACK;
use crate::console::answer::{Answer, Refusal, redirect};
use crate::console::mail_view::{QueueRow, QueueView};
use crate::console::visit::{Posted, Signed};
use crate::console::words::number;

/// This page.
const HERE: &str = "/console/phishing/queue";
/// Messages that are listed.
const LIST_MAX: u32 = 100;

/// `GET /console/phishing/queue`
pub(crate) async fn page(signed: Signed) -> Answer {
    let app = &signed.visit.console.state.app;
    let fail = |error: AppError| signed.fail_at(&error, BACK);
    let status = app.mail_queue_status(&signed.actor).await.map_err(fail)?;
    let lines = app.mail_queue_list(&signed.actor, LIST_MAX).await.map_err(fail)?;
    let view = QueueView {
        waiting: number(status.waiting),
        held: number(status.held),
        oldest: status.oldest.map(|at| at.0),
        bytes: number(status.bytes),
        rows: lines.into_iter().map(row).collect(),
        may_change: signed.actor.grant.allows_operation(Operation::MailChange),
    };
    Ok(signed.page(&signed.frame("phishing"), &view))
}

fn row(line: MailQueueLine) -> QueueRow {
    QueueRow {
        id: line.id.to_string(),
        stream: line.stream,
        receiver: line.receivers.join(", "),
        at: line.at.0,
        due: line.due.0,
        attempts: i64::from(line.attempts),
        last: line.last,
        state: match (line.is_held, line.is_being_sent) {
            (true, _) => "held",
            (false, true) => "sending",
            (false, false) => "waiting",
        },
    }
}

/// `GET` of an address that takes a form.
pub(crate) async fn page_of() -> Answer {
    Ok(redirect(HERE))
}

/// `POST /console/phishing/queue/{id}/retry`
pub(crate) async fn retry(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let done = signed.visit.console.state.app.mail_queue_retry(&signed.actor, Some(id)).await;
    done.map_err(|error| signed.fail_at(&error, HERE))?;
    signed.session.desk.lock().notice = Some("notice-mail-retry");
    Ok(redirect(HERE))
}

/// `POST /console/phishing/queue/{id}/drop`
pub(crate) async fn drop_one(Path(id): Path<String>, Posted { signed, .. }: Posted) -> Answer {
    let id = parse_id(&signed, &id)?;
    let done = signed.visit.console.state.app.mail_queue_drop(&signed.actor, id).await;
    done.map_err(|error| signed.fail_at(&error, HERE))?;
    signed.session.desk.lock().notice = Some("notice-mail-dropped");
    Ok(redirect(HERE))
}

fn parse_id(signed: &Signed, id: &str) -> Result<JobId, Refusal> {
    id.parse().map_err(|_| signed.fail_at(&AppError::NotFound, HERE))
}
