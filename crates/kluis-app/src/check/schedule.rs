//! Audits that come by themselves: the shop's own domains, again and again, and a word when one got worse.

use std::time::Duration;

use kluis_model::{Actor, JobId, Operation, Text, TimeMs};
use kluis_store::CheckRunRow;
use serde::Serialize;

use super::stored::{self, Ended};
use super::{CheckDomain, CheckOptions, CheckState, CheckSummary};
use crate::guard::Ask;
use crate::status::{Attention, Tone};
use crate::{App, AppError, SHOP};

/// An audit that failed is tried again after so long at the earliest.
const RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// Runs of a domain among which the two newest finished ones are looked for.
const LOOKED_AT: u32 = 10;

/// The newest finished audit of a domain, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastCheck {
    /// Its id.
    pub id: JobId,
    /// The audited host.
    pub domain: String,
    /// When it was asked for.
    pub at: TimeMs,
    /// Letter of the grade.
    pub grade: String,
    /// 0 to 100.
    pub score: u32,
}

impl App {
    /// Starts the audits that are due and marks what was cut off.
    pub(crate) async fn check_due(&self) -> Result<(), AppError> {
        self.sweep_checks(SHOP).await?;
        let settings = self.inner.checks.settings();
        for domain in &settings.domains {
            let newest = self.store().check_runs_of(SHOP, domain.as_str(), 1).await?;
            if newest.first().is_some_and(|run| !self.is_due(run)) {
                continue;
            }
            let actor = self.job_actor("check");
            match self.check_start(&actor, domain.as_str(), CheckOptions::default()).await {
                // Another node, or a person, was quicker.
                Ok(_) | Err(AppError::Conflict { .. }) => {}
                Err(AppError::Invalid(_)) => {
                    tracing::warn!(%domain, "check.domains names what may not be checked; see check.private_networks");
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn is_due(&self, newest: &CheckRunRow) -> bool {
        let usual = newest.at.add(&self.inner.checks.settings().every);
        let due = match newest.state.as_str() {
            "queued" | "running" => return false,
            "failed" => usual.min(newest.at.plus(RETRY_AFTER)),
            _ => usual,
        };
        self.now() >= due
    }

    /// The newest finished audit of the shop: of the first domain in the settings, else of any.
    ///
    /// # Errors
    /// `Denied`, `Sealed`, or when the database does not answer.
    pub async fn last_check(&self, actor: &Actor) -> Result<Option<LastCheck>, AppError> {
        self.allow(actor, &Ask::new(Operation::Check)).await?;
        self.newest_check().await
    }

    /// The newest finished audit of the shop, for pages that have their own gate.
    pub(crate) async fn newest_check(&self) -> Result<Option<LastCheck>, AppError> {
        let runs = match self.inner.checks.settings().domains.first() {
            Some(own) => self.store().check_runs_of(SHOP, own.as_str(), LOOKED_AT).await?,
            None => self.store().check_runs(SHOP, LOOKED_AT).await?,
        };
        Ok(self.finished(&runs)?.into_iter().next())
    }

    /// The grade that anybody may see: of the first domain in the settings.
    pub(crate) async fn public_check(&self) -> Result<Option<LastCheck>, AppError> {
        if self.inner.checks.settings().domains.is_empty() {
            return Ok(None);
        }
        self.newest_check().await
    }

    /// What got worse or could not be audited, of the domains in the settings.
    pub(crate) async fn check_attention(&self) -> Result<Vec<Attention>, AppError> {
        let mut found = Vec::new();
        for domain in &self.inner.checks.settings().domains {
            let runs = self.store().check_runs_of(SHOP, domain.as_str(), LOOKED_AT).await?;
            if runs.first().is_some_and(|run| run.state == CheckState::Failed.id()) {
                found.push(failed(domain));
            }
            if let [now, before, ..] = &self.finished(&runs)?[..]
                && (now.score < before.score || now.grade > before.grade)
            {
                found.push(worse(domain, before, now));
            }
        }
        Ok(found)
    }

    /// The finished ones among runs, in their order.
    fn finished(&self, runs: &[CheckRunRow]) -> Result<Vec<LastCheck>, AppError> {
        let mut finished = Vec::new();
        for row in runs.iter().filter(|row| row.state == CheckState::Done.id()) {
            let keys = self.keys(row.shop)?;
            if let (_, _, Ended::Summary(CheckSummary { grade, score, .. })) = stored::open(&keys, row)? {
                finished.push(LastCheck { id: row.id, domain: row.domain.clone(), at: row.at, grade, score });
            }
        }
        Ok(finished)
    }
}

fn worse(domain: &CheckDomain, before: &LastCheck, now: &LastCheck) -> Attention {
    let points = |check: &LastCheck| format!("{} ({})", check.grade, check.score);
    let (before, now) = (points(before), points(now));
    Attention {
        id: "check_worse",
        tone: Tone::Warn,
        text: Text::new(
            format!("De beveiliging van {domain} ging achteruit: van {before} naar {now}."),
            format!("The security of {domain} got worse: from {before} to {now}."),
        ),
    }
}

fn failed(domain: &CheckDomain) -> Attention {
    Attention {
        id: "check_failed",
        tone: Tone::Warn,
        text: Text::new(
            format!("De laatste controle van {domain} is niet gelukt."),
            format!("The last check of {domain} did not succeed."),
        ),
    }
}
