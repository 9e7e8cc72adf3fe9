//! The audit log: lines by filter and page, the signed checkpoint, and having the vault verified.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Query;
use kluis_app::{AppError, AuditQuery};
use kluis_model::{Operation, Outcome, SubjectId};
use serde::Deserialize;

use crate::console::answer::{Answer, redirect};
use crate::console::session::Verification;
use crate::console::view::{AuditView, Choice, FieldError, VerifyProblem, VerifyView};
use crate::console::visit::{Posted, Signed};
use crate::console::words::{Words, number};

/// Where errors of these pages go on.
const BACK: &str = "/console/audit";
/// Lines on a page.
const LINES: u32 = 50;
/// How long a verification is waited for before a page says that it goes on.
const VERIFY_WAIT: Duration = Duration::from_secs(2);
/// Seconds after which a page about something that goes on asks again.
const REFRESH_S: u32 = 2;

/// The filter, as the address says it; only ids, no identities.
#[derive(Default, Deserialize)]
pub(crate) struct LogQuery {
    #[serde(default)]
    operation: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    before: String,
}

impl LogQuery {
    /// The address of the page with older lines under the same filter.
    fn older(&self, cursor: &str) -> String {
        let filter =
            [("operation", &*self.operation), ("outcome", &*self.outcome), ("subject", self.subject.trim())];
        let mut pairs: Vec<String> = filter
            .into_iter()
            .filter(|(_, value)| !value.is_empty() && value.bytes().all(is_plain))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.push(format!("before={cursor}"));
        format!("{BACK}?{}", pairs.join("&"))
    }
}

/// Stands in an address as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// `GET /console/audit`
pub(crate) async fn page(signed: Signed, Query(query): Query<LogQuery>) -> Answer {
    let app = &signed.visit.console.state.app;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let (operation, outcome) =
        (query.operation.parse::<Operation>().ok(), query.outcome.parse::<Outcome>().ok());
    let typed = query.subject.trim();
    let subject: Option<SubjectId> = typed.parse().ok();
    let mut view = AuditView {
        operations: choices(&words, "op", Operation::ALL.map(Operation::id), operation.map(Operation::id)),
        outcomes: choices(&words, "outcome", Outcome::ALL.map(Outcome::id), outcome.map(Outcome::id)),
        subject: typed.to_owned(),
        may_verify: signed.actor.grant.allows_operation(Operation::AuditVerify),
        ..AuditView::default()
    };
    if !typed.is_empty() && subject.is_none() {
        let message = words.texts.get("audit-subject-error");
        view.errors.push(FieldError { field: "subject".into(), message });
    } else {
        let before = Some(query.before.clone()).filter(|cursor| !cursor.is_empty());
        let asked = AuditQuery { subject, operation, outcome, before, limit: LINES, ..AuditQuery::default() };
        let entries = app.audit_list(&signed.actor, asked).await.map_err(|error| signed.fail(&error))?;
        let last = entries.last().filter(|_| entries.len() >= LINES as usize);
        view.older =
            last.filter(|entry| entry.cursor.bytes().all(is_plain)).map(|entry| query.older(&entry.cursor));
        view.lines = entries.iter().map(|entry| words.line(entry)).collect();
    }
    match app.checkpoint_public().await {
        Ok(note) => {
            view.checkpoint_size = size_of(&note);
            view.checkpoint = Some(note);
        }
        Err(AppError::NotFound) => {}
        Err(error) => return Err(signed.fail(&error)),
    }
    Ok(signed.page(&signed.frame("audit"), &view))
}

fn choices<const N: usize>(
    words: &Words<'_>,
    group: &str,
    ids: [&'static str; N],
    chosen: Option<&str>,
) -> Vec<Choice> {
    let choice =
        |id: &str| Choice { id: id.to_owned(), label: words.word(group, id), chosen: chosen == Some(id) };
    let mut all = ids.map(choice).to_vec();
    all.sort_by(|a, b| a.label.cmp(&b.label));
    all
}

/// The number of lines under a checkpoint: the second line of its note.
fn size_of(note: &str) -> i64 {
    note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_default()
}

/// `POST /console/audit/verify`: starts a verification and waits a moment for it.
pub(crate) async fn verify(Posted { signed, .. }: Posted) -> Answer {
    let is_running = matches!(signed.session.desk.lock().verification, Some(Verification::Running));
    if is_running {
        return Ok(redirect("/console/audit/verified"));
    }
    if !signed.actor.grant.allows_operation(Operation::AuditVerify) {
        // Refused by the vault itself, which puts it on the record.
        let refused = signed.visit.console.state.app.verify(&signed.actor, &|_| {}).await;
        return Err(refused
            .err()
            .map_or_else(|| signed.visit.wrong_form(), |error| signed.fail_at(&error, BACK)));
    }
    let (app, actor, session) =
        (signed.visit.console.state.app.clone(), signed.actor.clone(), Arc::clone(&signed.session));
    session.desk.lock().verification = Some(Verification::Running);
    let running = tokio::spawn(async move {
        let result = match app.verify(&actor, &|_| {}).await {
            Ok(report) => Verification::Done(app.now(), Arc::new(report)),
            Err(error) => Verification::Failed(Arc::new(error)),
        };
        session.desk.lock().verification = Some(result);
    });
    // Whoever is quick is shown at once; the page of the others asks again.
    let _ = tokio::time::timeout(VERIFY_WAIT, running).await;
    Ok(redirect("/console/audit/verified"))
}

/// `GET /console/audit/verified`
pub(crate) async fn verified(signed: Signed) -> Answer {
    let found = signed.session.desk.lock().verification.clone();
    let mut frame = signed.frame("audit");
    let view = match found {
        None => return Ok(redirect(BACK)),
        Some(Verification::Running) => {
            frame.refresh_s = Some(REFRESH_S);
            VerifyView { running: true, ..VerifyView::default() }
        }
        Some(Verification::Done(at, report)) => VerifyView {
            running: false,
            at: at.0,
            log_lines: number(report.leaves),
            rows: number(report.rows),
            problems: report
                .findings
                .iter()
                .map(|finding| VerifyProblem {
                    text: format!("{} ({})", finding.text.get(signed.visit.lang), finding.place),
                })
                .collect(),
        },
        Some(Verification::Failed(error)) => return Err(signed.fail_at(&error, BACK)),
    };
    Ok(signed.page(&frame, &view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_page_keeps_the_filter_and_nothing_that_does_not_belong_in_an_address() {
        let query = |subject: &str| LogQuery {
            operation: "read".into(),
            subject: subject.into(),
            ..LogQuery::default()
        };
        assert_eq!(query("").older("5.n1.7"), "/console/audit?operation=read&before=5.n1.7");
        assert_eq!(query(" 019a-b ").older("1"), "/console/audit?operation=read&subject=019a-b&before=1");
        assert_eq!(query("a&b=c").older("1"), "/console/audit?operation=read&before=1");
    }

    #[test]
    fn the_size_of_a_checkpoint_is_its_second_line() {
        assert_eq!(size_of("log\n42\nroot\n\n— log x\n"), 42);
        for wrong in ["", "log", "log\nx\n"] {
            assert_eq!(size_of(wrong), 0);
        }
    }
}
