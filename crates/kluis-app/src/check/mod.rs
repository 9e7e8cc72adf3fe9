//! Audits of a shop's HTTPS as use cases: ask for one, follow it, read its report and what changed since the last one.
//!
//! An audit runs in the background ([`desk`]), a few at a time and one at a time for each domain, over all nodes. The
//! row of a run says what was asked and what came of it; its report is the newest thing that can be read about the
//! domain. Nothing personal is in it.

mod desk;
mod domain;
mod schedule;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use kluis_checks::report::{Difference, compare};
use kluis_checks::{Part, Report, Shield};
use kluis_model::audit::Operation;
use kluis_model::{Actor, ActorKind, JobId, Outcome, Text, TimeMs};
use kluis_store::{CheckRunRow, StoreError, Unit};
use serde::{Deserialize, Serialize};

pub use self::desk::CheckSettings;
pub(crate) use self::desk::Desk;
pub use self::domain::CheckDomain;
pub use self::schedule::LastCheck;
pub(crate) use self::stored::check_run_agrees;

use self::stored::{Asked, Ended, sealed};
use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// Runs in a list at most.
pub const CHECK_LIST_MAX: u32 = 100;
/// Every part of an audit, in the order of its report.
pub const CHECK_PARTS: [Part; 6] =
    [Part::Tls, Part::Certificate, Part::Dns, Part::Web, Part::Exposed, Part::Mail];
/// Audits that wait or run at once at most, over all nodes.
const BUSY_MAX: usize = 20;
/// Over which time the runs of a shop are counted.
const HOUR_MS: i64 = 3_600_000;

/// What is asked of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOptions {
    /// What is looked at.
    pub parts: BTreeSet<Part>,
    /// Whether the domain is said to be the shop's own: then open files are looked for, after the proof was found.
    pub owner_verified: bool,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { parts: CHECK_PARTS.into(), owner_verified: false }
    }
}

/// Where an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// It waits for its turn.
    Queued,
    /// It goes on.
    Running,
    /// It has a report.
    Done,
    /// It could not be done.
    Failed,
}

impl CheckState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Running, Self::Done, Self::Failed];

    /// The word for programs and for the database.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// How far an audit on this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckStep {
    /// The part at work.
    pub part: Part,
    /// Steps done of this part.
    pub done: u32,
    /// Steps of this part.
    pub total: u32,
}

/// The report in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckSummary {
    /// Letter of the grade.
    pub grade: String,
    /// 0 to 100.
    pub score: u32,
    /// The three shields.
    pub shields: Vec<Shield>,
    /// Findings above info.
    pub findings: u32,
}

/// Why an audit could not be done, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckProblem {
    /// What is wrong.
    pub text: Text,
    /// What to do.
    pub hint: Text,
}

/// An audit as people see it, without its report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckView {
    /// Its id.
    pub id: JobId,
    /// The audited host.
    pub domain: String,
    /// When it was asked for.
    pub at: TimeMs,
    /// When it changed last.
    pub updated: TimeMs,
    /// Where it is.
    pub state: CheckState,
    /// The id of who asked.
    pub asked_by: String,
    /// What is looked at.
    pub parts: BTreeSet<Part>,
    /// Whether the domain was said to be the shop's own.
    pub owner_verified: bool,
    /// What to publish so that this is believed, when it was said.
    pub owner: Option<OwnerPublishes>,
    /// How far it is, when it runs on this node.
    pub step: Option<CheckStep>,
    /// The report in short, once it is done.
    pub summary: Option<CheckSummary>,
    /// Why it could not be done.
    pub problem: Option<CheckProblem>,
}

/// An audit with everything that is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// The audit.
    #[serde(flatten)]
    pub view: CheckView,
    /// Its report, once it is done.
    pub report: Option<Report>,
    /// The finished audit of the same domain before it.
    pub previous: Option<JobId>,
    /// What changed since then.
    pub difference: Option<Difference>,
}

/// What an owner publishes in one of two places to show that a domain is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerPublishes {
    /// The text to publish.
    pub text: String,
    /// The name of the TXT record that may hold it.
    pub record: String,
    /// The address of the file that may hold it.
    pub file: String,
}

impl OwnerPublishes {
    /// What to publish for a domain and a token.
    #[must_use]
    pub fn new(domain: &str, token: &str) -> Self {
        let places = kluis_net::owner_places(domain, token);
        Self { text: places.text, record: places.record, file: places.file }
    }
}

impl App {
    /// Asks for an audit of a domain; it goes on in the background.
    ///
    /// # Errors
    /// Denied, `Invalid` for a domain that is none or may not be audited, `Conflict` while one of the same domain goes
    /// on, `Exhausted` when too many were asked for.
    pub async fn check_start(
        &self,
        actor: &Actor,
        domain: &str,
        options: CheckOptions,
    ) -> Result<CheckView, AppError> {
        let ask = Ask::new(Operation::Check);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let domain = self.auditable(domain)?;
        if options.parts.is_empty() {
            return Err(AppError::invalid("parts", "Kies ten minste één deel.", "Choose at least one part."));
        }
        self.sweep_checks(actor.shop).await?;
        // Counted and put down by one at a time, or many at the same moment would all find room.
        let _alone = self.inner.checks.alone().await;
        self.check_room(actor).await?;
        let now = self.now();
        let asked = Asked { parts: options.parts, owner_verified: options.owner_verified };
        let mut row = CheckRunRow {
            shop: actor.shop,
            id: JobId::generate(now, self.random()),
            domain: domain.as_str().to_owned(),
            at: now,
            updated: now,
            state: CheckState::Queued.id().to_owned(),
            created_by: actor.id.clone(),
            node: self.node().to_owned(),
            options: serde_json::to_string(&asked).map_err(AppError::internal)?,
            summary: "{}".to_owned(),
            report_hash: [0; 32],
            row_mac: [0; 32],
        };
        sealed(&keys, &mut row, b"");
        let mut unit = Unit::new();
        unit.insert_check_run(&row);
        self.add_ok(&mut unit, actor, &ask, &Done { reason: Some("started"), ..Done::default() });
        // Known as ours before anybody can see the row, so that nobody takes it for one that was cut off.
        let place = self.inner.checks.enter(row.id);
        match self.store().commit(unit).await {
            Ok(_) => {}
            Err(StoreError::Conflict { what }) if what == "domain" => {
                return Err(AppError::Conflict { what: "check".into() });
            }
            Err(error) => return Err(error.into()),
        }
        let view = self.check_view(&row)?;
        self.inner.checks.spawn(self.clone(), row, asked, place);
        Ok(view)
    }

    /// The newest audits, of all domains or of one.
    ///
    /// # Errors
    /// Denied, or `Invalid` for a domain that is none.
    pub async fn check_list(
        &self,
        actor: &Actor,
        domain: Option<&str>,
        limit: u32,
    ) -> Result<Vec<CheckView>, AppError> {
        self.allow(actor, &Ask::new(Operation::Check)).await?;
        self.keys(actor.shop)?;
        let limit = limit.clamp(1, CHECK_LIST_MAX);
        let rows = match domain {
            None => self.store().check_runs(actor.shop, limit).await?,
            Some(text) => {
                let domain = parsed(text)?;
                self.store().check_runs_of(actor.shop, domain.as_str(), limit).await?
            }
        };
        rows.iter().map(|row| self.check_view(row)).collect()
    }

    /// Where an audit is, without its report: asked again and again while it goes on, so not put on the record.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn check_state(&self, actor: &Actor, id: JobId) -> Result<CheckView, AppError> {
        let ask = Ask::new(Operation::Check);
        self.allow(actor, &ask).await?;
        self.keys(actor.shop)?;
        let (row, _) = self.store().check_run(actor.shop, id).await?.ok_or(AppError::NotFound)?;
        self.check_view(&row)
    }

    /// An audit with its report and what changed since the one before.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn check_read(&self, actor: &Actor, id: JobId) -> Result<CheckResult, AppError> {
        let ask = Ask::new(Operation::Check);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let (row, bytes) = self.store().check_run(actor.shop, id).await?.ok_or(AppError::NotFound)?;
        let view = self.check_view(&row)?;
        if view.state != CheckState::Done {
            return Ok(CheckResult { view, report: None, previous: None, difference: None });
        }
        let report = match stored::report(&keys, &row, &bytes) {
            Ok(report) => report,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        let before = self.store().check_run_before(actor.shop, &row.domain, id).await?;
        // An older program may have written what this one cannot read: then nothing is compared.
        let before =
            before.and_then(|(row, bytes)| Some((row.id, stored::report(&keys, &row, &bytes).ok()?)));
        let difference = before.as_ref().map(|(_, old)| compare(old, &report));
        let done = Done { reason: Some("read"), ..Done::default() };
        self.write_leaf(actor, &ask, Outcome::Ok, &done).await?;
        Ok(CheckResult { view, report: Some(report), previous: before.map(|(id, _)| id), difference })
    }

    /// The domain, when this server may audit it.
    fn auditable(&self, text: &str) -> Result<CheckDomain, AppError> {
        let domain = parsed(text)?;
        let may_be_private = self.inner.checks.settings().private_networks;
        if domain.is_private() && !may_be_private {
            return Err(AppError::invalid(
                "domain",
                "Dit adres ligt niet op het openbare internet; deze server controleert alleen openbare webwinkels \
                 (zie check.private_networks in klantkluis.toml).",
                "This address is not on the public internet; this server checks public shops only (see \
                 check.private_networks in klantkluis.toml).",
            ));
        }
        Ok(domain)
    }

    /// Refuses when too many audits were asked for in the last hour or go on; the vault's own jobs are not counted.
    async fn check_room(&self, actor: &Actor) -> Result<(), AppError> {
        if actor.kind == ActorKind::Job {
            return Ok(());
        }
        let busy = self.store().busy_check_runs(actor.shop).await?.len();
        if busy >= BUSY_MAX {
            return Err(AppError::Exhausted { retry_after_s: 60 });
        }
        let per_hour = self.inner.checks.settings().per_hour;
        let newest = self.store().check_runs(actor.shop, per_hour).await?;
        let full = newest.len() >= per_hour as usize;
        let room_at = newest.last().map_or(0, |oldest| oldest.at.0.saturating_add(HOUR_MS));
        let wait_ms = room_at.saturating_sub(self.now().0);
        if full && wait_ms > 0 {
            let retry_after_s = u32::try_from(wait_ms / 1_000 + 1).unwrap_or(u32::MAX);
            return Err(AppError::Exhausted { retry_after_s });
        }
        Ok(())
    }

    /// A row as people see it, once its seal agrees.
    fn check_view(&self, row: &CheckRunRow) -> Result<CheckView, AppError> {
        let keys = self.keys(row.shop)?;
        let (state, asked, result) = stored::open(&keys, row)?;
        let (summary, problem) = match result {
            Ended::NotYet {} => (None, None),
            Ended::Summary(summary) => (Some(summary), None),
            Ended::Problem(problem) => (None, Some(problem)),
        };
        Ok(CheckView {
            id: row.id,
            domain: row.domain.clone(),
            at: row.at,
            updated: row.updated,
            state,
            asked_by: row.created_by.clone(),
            parts: asked.parts,
            owner_verified: asked.owner_verified,
            owner: asked
                .owner_verified
                .then(|| OwnerPublishes::new(&row.domain, &stored::owner_token(&keys, &row.domain))),
            step: if state == CheckState::Running { self.inner.checks.step(row.id) } else { None },
            summary,
            problem,
        })
    }
}

fn parsed(text: &str) -> Result<CheckDomain, AppError> {
    CheckDomain::parse(text)
        .map_err(|message| AppError::Invalid(vec![crate::FieldProblem { field: "domain".into(), message }]))
}
