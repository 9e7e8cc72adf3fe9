//! Checking the whole vault against its audit log and keys, without trusting the database.
//!
//! The logs are read once: each tree is rebuilt from its leaves and compared with head, frontier,
//! stored nodes and every signed checkpoint in the database and in the file outside it, and the
//! leaves are replayed to the newest row digest of every customer. Then every row is read once
//! and compared. A server that goes on working in between is no finding: whoever does not agree
//! is looked at again after the logs were read on.

use std::collections::HashMap;
use std::time::Instant;

use kluis_model::{Actor, Operation, SubjectId, TimeMs};
use kluis_store::{TermRow, Unit};
use serde::Serialize;

use crate::guard::{Ask, Done};
use crate::{App, AppError, Progress, meta};

mod finding;
mod log;
mod mail;
mod mail_reports;
mod others;
mod replay;
mod rows;
#[cfg(test)]
mod tests;

pub use finding::{Finding, FindingKind};

use finding::Findings;
use log::LogCheck;
use replay::Replay;

/// What a verification looked at and found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// When it began.
    pub at: TimeMs,
    /// Audit logs.
    pub logs: u64,
    /// Entries in them.
    pub leaves: u64,
    /// Signed checkpoints, in the database and the file.
    pub checkpoints: u64,
    /// Customers.
    pub rows: u64,
    /// Data keys that were opened.
    pub keys: u64,
    /// Index entries.
    pub terms: u64,
    /// Erasures.
    pub erasures: u64,
    /// Milliseconds it took.
    pub duration_ms: u64,
    /// What does not agree; empty is good.
    pub findings: Vec<Finding>,
    /// Findings beyond the first thousand, counted only.
    pub findings_more: u64,
}

/// What the passes share.
pub(crate) struct Check<'a> {
    app: &'a App,
    actor: &'a Actor,
    progress: Progress<'a>,
    report: VerifyReport,
    findings: Findings,
    replay: Replay,
    logs: Vec<LogCheck>,
    /// Customers that did not agree at first sight, with index entries that their row does not list.
    suspects: HashMap<SubjectId, Vec<TermRow>>,
}

impl App {
    /// Checks logs, rows, keys, index, credentials, consents, erasures and the register.
    ///
    /// # Errors
    /// `Denied`, `Sealed`, or when the database does not answer; what does not agree is a finding.
    pub async fn verify(&self, actor: &Actor, progress: Progress<'_>) -> Result<VerifyReport, AppError> {
        self.verify_parts(actor, progress, Parts::All).await
    }

    /// Checks the logs only: trees, signatures, and that nothing was cut off.
    ///
    /// # Errors
    /// As [`App::verify`].
    pub async fn verify_logs(&self, actor: &Actor, progress: Progress<'_>) -> Result<VerifyReport, AppError> {
        self.verify_parts(actor, progress, Parts::Logs).await
    }

    async fn verify_parts(
        &self,
        actor: &Actor,
        progress: Progress<'_>,
        parts: Parts,
    ) -> Result<VerifyReport, AppError> {
        let ask = Ask::new(Operation::AuditVerify);
        self.allow(actor, &ask).await?;
        self.refresh_keys()?;
        let begun = Instant::now();
        let mut check = Check {
            app: self,
            actor,
            progress,
            report: VerifyReport { at: self.now(), ..VerifyReport::default() },
            findings: Findings::default(),
            replay: Replay::default(),
            logs: Vec::new(),
            suspects: HashMap::new(),
        };
        let read = check.read_logs().await;
        check.part(read)?;
        if parts == Parts::All {
            let read = check.read_rows().await;
            check.part(read)?;
            let read = check.look_again().await;
            check.part(read)?;
            let read = check.read_erasures().await;
            check.part(read)?;
            let read = check.read_credentials().await;
            check.part(read)?;
            let read = check.read_register().await;
            check.part(read)?;
            let read = check.read_checks().await;
            check.part(read)?;
            let read = check.read_mail_keys().await;
            check.part(read)?;
            let read = check.read_mail_reports().await;
            check.part(read)?;
            let read = check.read_mail_facts().await;
            check.part(read)?;
        }
        let Check { mut report, findings, .. } = check;
        (report.findings, report.findings_more) = findings.into_parts();
        report.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let count = report.findings.len() as u64 + report.findings_more;
        let reason = if count == 0 { "no_findings" } else { "findings" };
        let done = Done { count, reason: Some(reason), ..Done::default() };
        let mut unit = Unit::new();
        if parts == Parts::All {
            unit.set_meta(meta::VERIFIED, &[report.at.0.to_be_bytes(), count.to_be_bytes()].concat());
        }
        self.add_ok(&mut unit, actor, &ask, &done);
        match self.store().commit(unit).await {
            // A damaged log may take no entry any more. The report shows nothing of a person, and
            // this is when it is needed.
            Err(error) if count > 0 => {
                tracing::warn!(%error, "the verification could not be put on the record")
            }
            other => drop(other?),
        }
        Ok(report)
    }
}

impl Check<'_> {
    /// A row that cannot even be read is a finding; the part it stands in ends there.
    fn part(&mut self, read: Result<(), AppError>) -> Result<(), AppError> {
        match read {
            Err(AppError::Integrity { what }) => {
                self.findings.add(FindingKind::RowUnreadable, what);
                Ok(())
            }
            other => other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    Logs,
    All,
}
