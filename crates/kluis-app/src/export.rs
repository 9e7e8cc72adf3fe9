//! Exports of many customers for one purpose: asked for by one person, approved by another, read in pages.

use kluis_crypto::ShopKeys;
use kluis_model::audit::Operation;
use kluis_model::{Actor, FieldName, JobId, PurposeId, SubjectId, TimeMs};
use kluis_store::{JobRow, StoreError, Unit, UsageKey};
use serde::{Deserialize, Serialize};

use crate::guard::{Ask, Done};
use crate::record::{Gate, Refused, Revealed};
use crate::subject::Loaded;
use crate::{App, AppError, Denial};

/// The kind of job.
const KIND: &str = "export";
/// The name under which rows of jobs are MACed.
const TABLE: &str = "jobs";
/// How long an approved export can be read, in milliseconds.
const READABLE_MS: i64 = 7 * 24 * 3_600_000;
/// Customers on one page at most.
pub const EXPORT_PAGE_MAX: u32 = 1_000;
/// Exports in the list at most.
const LIST_MAX: u32 = 200;

const REQUESTED: &str = "requested";
const APPROVED: &str = "approved";
const DONE: &str = "done";
const EXPIRED: &str = "expired";

/// An export as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportView {
    /// Its id.
    pub id: JobId,
    /// What for.
    pub purpose: PurposeId,
    /// Which fields.
    pub fields: Vec<FieldName>,
    /// `requested`, `approved`, `done` or `expired`.
    pub state: String,
    /// The id of who asked.
    pub asked_by: String,
    /// What people call who asked.
    pub asked_name: String,
    /// When.
    pub asked_at: TimeMs,
    /// The id of who approved.
    pub approved_by: Option<String>,
    /// What people call who approved.
    pub approved_name: Option<String>,
    /// When.
    pub approved_at: Option<TimeMs>,
    /// Whether the same person asked and approved, which is on the record.
    pub alone: bool,
    /// Customers read so far.
    pub rows: u64,
}

/// A page of a longer answer.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// After whom the next page begins; none on the last page.
    pub next: Option<SubjectId>,
}

/// The sealed parameters of a job.
#[derive(Serialize, Deserialize)]
struct Params {
    purpose: PurposeId,
    fields: Vec<FieldName>,
}

/// How far a job is; under the row MAC like everything else.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Progress {
    asked_name: String,
    approved_by: Option<String>,
    approved_name: Option<String>,
    approved_at: Option<TimeMs>,
    alone: bool,
    rows: u64,
}

/// A checked job with its contents.
struct Export {
    row: JobRow,
    params: Params,
    progress: Progress,
}

impl App {
    /// Asks for an export of these fields for a purpose; somebody else has to approve it.
    ///
    /// # Errors
    /// Denied, or `Invalid` without a field.
    pub async fn export_request(
        &self,
        actor: &Actor,
        purpose: &PurposeId,
        fields: &[FieldName],
    ) -> Result<ExportView, AppError> {
        let ask = Ask::new(Operation::ExportRequest).purpose(purpose).fields(fields);
        self.allow(actor, &ask).await?;
        let register = self.register();
        let gate = Gate { actor, register: &register, purpose, fields: Some(fields), now: self.now() };
        if let Err(reason) = gate.check() {
            return Err(self.deny(actor, &ask, reason).await);
        }
        if fields.is_empty() {
            return Err(AppError::invalid("fields", "Kies minstens één veld.", "Choose at least one field."));
        }
        let (keys, now) = (self.keys(actor.shop)?, self.now());
        let params = Params { purpose: purpose.clone(), fields: fields.to_vec() };
        let progress = Progress { asked_name: actor.name.clone(), ..Progress::default() };
        let id = JobId::generate(now, self.random());
        let plain = serde_json::to_vec(&params).map_err(AppError::internal)?;
        let mut row = JobRow {
            id,
            shop: actor.shop,
            kind: KIND.to_owned(),
            state: REQUESTED.to_owned(),
            created_by: actor.id.clone(),
            created: now,
            updated: now,
            params: keys.seal_note(KIND, id.as_bytes(), &plain, self.random()),
            progress: serde_json::to_string(&progress).map_err(AppError::internal)?,
            row_mac: [0; 32],
        };
        row.row_mac = job_mac(&keys, &row);
        let mut unit = Unit::new();
        unit.insert_job(&row);
        self.add_ok(&mut unit, actor, &ask, &Done::default());
        self.store().commit(unit).await?;
        Ok(Export { row, params, progress }.view(now))
    }

    /// Approves an export. Who asked may approve it only as `alone`, which is on the record.
    ///
    /// # Errors
    /// Denied, also when a second person is needed; `NotFound`; `Conflict` when it is not waiting.
    pub async fn export_approve(
        &self,
        actor: &Actor,
        id: JobId,
        alone: bool,
    ) -> Result<ExportView, AppError> {
        let ask = Ask::new(Operation::ExportApprove);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let mut export = self.find_export(actor, &ask, &keys, id).await?;
        let params = Params { purpose: export.params.purpose.clone(), fields: export.params.fields.clone() };
        let ask = ask.purpose(&params.purpose).fields(&params.fields);
        self.allow(actor, &ask).await?;
        let is_same = export.row.created_by == actor.id;
        if is_same && !alone {
            return Err(self.deny(actor, &ask, Denial::SecondPersonNeeded).await);
        }
        let now = self.now();
        export.progress.approved_by = Some(actor.id.clone());
        export.progress.approved_name = Some(actor.name.clone());
        export.progress.approved_at = Some(now);
        export.progress.alone = is_same;
        let mut unit = Unit::new();
        export.change(&keys, &mut unit, (REQUESTED, APPROVED), now)?;
        let done = Done { reason: is_same.then_some("alone"), ..Done::default() };
        self.add_ok(&mut unit, actor, &ask, &done);
        match self.store().commit(unit).await {
            Ok(_) => Ok(export.view(now)),
            Err(StoreError::Conflict { .. }) => Err(AppError::Conflict { what: "state".into() }),
            Err(error) => Err(error.into()),
        }
    }

    /// The exports, newest first. Lists no customer, so it is not on the record.
    ///
    /// # Errors
    /// Denied, when the grant has none of the operations on exports.
    pub async fn exports(&self, actor: &Actor) -> Result<Vec<ExportView>, AppError> {
        self.allow_exports(actor).await?;
        let keys = self.keys(actor.shop)?;
        let rows = self.store().jobs(actor.shop, KIND, LIST_MAX).await?;
        let now = self.now();
        rows.into_iter().map(|row| Ok(Export::check(&keys, row)?.view(now))).collect()
    }

    /// One export.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn export(&self, actor: &Actor, id: JobId) -> Result<ExportView, AppError> {
        self.allow_exports(actor).await?;
        let keys = self.keys(actor.shop)?;
        let ask = Ask::new(Operation::ExportRead);
        Ok(self.find_export(actor, &ask, &keys, id).await?.view(self.now()))
    }

    /// A page of an approved export, for who asked for it: the customers after `after` that may be
    /// seen for the purpose. Every customer on the page is on the record.
    ///
    /// # Errors
    /// Denied, `NotFound`, `Exhausted`; `Conflict` when it is not approved or its time is over.
    pub async fn export_read(
        &self,
        actor: &Actor,
        id: JobId,
        after: Option<SubjectId>,
        limit: u32,
    ) -> Result<Page<Revealed>, AppError> {
        let ask = Ask::new(Operation::ExportRead);
        self.allow(actor, &ask).await?;
        // Pages stream for as long as the reader likes: a revocation in between counts.
        self.check_still_valid(actor).await?;
        let keys = self.keys(actor.shop)?;
        let mut export = self.find_export(actor, &ask, &keys, id).await?;
        let params = Params { purpose: export.params.purpose.clone(), fields: export.params.fields.clone() };
        let ask = ask.purpose(&params.purpose).fields(&params.fields);
        self.allow(actor, &ask).await?;
        if export.row.created_by != actor.id {
            return Err(self.deny(actor, &ask, Denial::OperationNotGranted).await);
        }
        let now = self.now();
        if !export.is_readable(now) {
            return Err(AppError::Conflict { what: "state".into() });
        }
        let register = self.register();
        let gate =
            Gate { actor, register: &register, purpose: &params.purpose, fields: Some(&params.fields), now };
        if let Err(reason) = gate.check() {
            return Err(self.deny(actor, &ask, reason).await);
        }
        let limit = limit.clamp(1, EXPORT_PAGE_MAX);
        let rows = self.store().page_subjects(actor.shop, after, limit).await?;
        let next = rows.last().map(|(row, _)| row.id).filter(|_| rows.len() == limit as usize);
        let mut items = Vec::with_capacity(rows.len());
        for (row, deks) in rows {
            let subject = row.id;
            let shown = self.checked(row, deks).map_err(Refused::Broken);
            match shown.and_then(|Loaded { keys, stored }| gate.reveal(&keys, &stored)) {
                Ok(shown) => items.push(shown),
                Err(Refused::Denied(_)) => {}
                Err(Refused::Broken(error)) => {
                    return Err(self.audited(actor, &ask.clone().about(subject), error).await);
                }
            }
        }
        let mut unit = self.page_unit(actor, &ask, &items);
        export.progress.rows += items.len() as u64;
        let state = export.row.state.clone();
        let reached = if next.is_none() { DONE } else { state.as_str() };
        export.change(&keys, &mut unit, (&state, reached), now)?;
        self.commit_charged(actor, &ask, unit).await?;
        Ok(Page { items, next })
    }

    /// The leaves, usage counts and charge of a page.
    fn page_unit(&self, actor: &Actor, ask: &Ask<'_>, items: &[Revealed]) -> Unit {
        let mut unit = Unit::new();
        let day = self.now().day();
        for shown in items {
            self.add_ok(&mut unit, actor, &ask.clone().about(shown.id), &Done::one());
        }
        if items.is_empty() {
            self.add_ok(&mut unit, actor, ask, &Done::default());
        }
        for field in ask.fields {
            let count =
                items.iter().filter(|shown| shown.fields.iter().any(|(name, _)| name == field)).count();
            if let Some(purpose) = ask.purpose.filter(|_| count > 0) {
                let (field, purpose, name) = (field.clone(), purpose.clone(), actor.id.clone());
                let key = UsageKey { shop: actor.shop, field, purpose, actor: name, day };
                unit.count_usage(key, count as u64);
            }
        }
        self.add_charge(&mut unit, actor, items.iter().map(|shown| shown.id).collect());
        unit
    }

    async fn allow_exports(&self, actor: &Actor) -> Result<(), AppError> {
        let any = [Operation::ExportRequest, Operation::ExportApprove, Operation::ExportRead];
        if any.iter().any(|operation| actor.grant.allows_operation(*operation)) {
            return Ok(());
        }
        self.allow(actor, &Ask::new(Operation::ExportRead)).await
    }

    async fn find_export(
        &self,
        actor: &Actor,
        ask: &Ask<'_>,
        keys: &ShopKeys,
        id: JobId,
    ) -> Result<Export, AppError> {
        let row = self.store().job(actor.shop, id).await?.filter(|row| row.kind == KIND);
        match Export::check(keys, row.ok_or(AppError::NotFound)?) {
            Ok(export) => Ok(export),
            Err(error) => Err(self.audited(actor, ask, error).await),
        }
    }
}

impl Export {
    fn check(keys: &ShopKeys, row: JobRow) -> Result<Self, AppError> {
        let broken = || AppError::integrity(format!("jobs {}", row.id));
        if !job_row_matches(keys, &row) {
            return Err(broken());
        }
        let plain = keys.open_note(KIND, row.id.as_bytes(), &row.params).map_err(|_| broken())?;
        let params = serde_json::from_slice(plain.expose()).map_err(|_| broken())?;
        let progress = serde_json::from_str(&row.progress).map_err(|_| broken())?;
        Ok(Self { row, params, progress })
    }

    fn state(&self, now: TimeMs) -> &str {
        if self.row.state != DONE && self.is_over(now) { EXPIRED } else { &self.row.state }
    }

    /// Whether pages may be read: approved, and not longer ago than an approval lasts, also when
    /// it was read to its end before. Customers who came since would be on the next reading.
    fn is_readable(&self, now: TimeMs) -> bool {
        [APPROVED, DONE].contains(&self.row.state.as_str()) && !self.is_over(now)
    }

    fn is_over(&self, now: TimeMs) -> bool {
        let began = self.progress.approved_at.unwrap_or(self.row.created);
        now.0 > began.0.saturating_add(READABLE_MS)
    }

    /// Puts the new state into a unit, which fails when the state is another than expected.
    fn change(
        &mut self,
        keys: &ShopKeys,
        unit: &mut Unit,
        (from, to): (&str, &str),
        now: TimeMs,
    ) -> Result<(), AppError> {
        self.row.state = to.to_owned();
        self.row.updated = now;
        self.row.progress = serde_json::to_string(&self.progress).map_err(AppError::internal)?;
        self.row.row_mac = job_mac(keys, &self.row);
        unit.update_job(&self.row, from);
        Ok(())
    }

    fn view(&self, now: TimeMs) -> ExportView {
        ExportView {
            id: self.row.id,
            purpose: self.params.purpose.clone(),
            fields: self.params.fields.clone(),
            state: self.state(now).to_owned(),
            asked_by: self.row.created_by.clone(),
            asked_name: self.progress.asked_name.clone(),
            asked_at: self.row.created,
            approved_by: self.progress.approved_by.clone(),
            approved_name: self.progress.approved_name.clone(),
            approved_at: self.progress.approved_at,
            alone: self.progress.alone,
            rows: self.progress.rows,
        }
    }
}

/// Whether nobody changed the row of a job outside this program.
pub(crate) fn job_row_matches(keys: &ShopKeys, row: &JobRow) -> bool {
    with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac))
}

/// The MAC over the columns of a job's row.
pub(crate) fn job_mac(keys: &ShopKeys, row: &JobRow) -> [u8; 32] {
    with_parts(row, |parts| keys.row_mac(TABLE, parts))
}

fn with_parts<T>(row: &JobRow, take: impl FnOnce(&[&[u8]]) -> T) -> T {
    take(&[
        row.id.as_bytes(),
        &row.shop.0.to_be_bytes(),
        row.kind.as_bytes(),
        row.state.as_bytes(),
        row.created_by.as_bytes(),
        &row.created.0.to_be_bytes(),
        &row.updated.0.to_be_bytes(),
        &row.params,
        row.progress.as_bytes(),
    ])
}
