//! Audits of shops' HTTPS: their rows, how they are written in a unit, and how they are read.

use std::fmt;

use kluis_model::{JobId, ShopId, TimeMs};

use crate::read::{all, first};
use crate::value::{Columns, Value};
use crate::{Store, StoreError, Unit, sql};

/// One audit of one domain, without its report.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckRunRow {
    /// The shop.
    pub shop: ShopId,
    /// The id; later runs have larger ones.
    pub id: JobId,
    /// The audited host, as an A-label.
    pub domain: String,
    /// When it was asked for.
    pub at: TimeMs,
    /// When it changed last.
    pub updated: TimeMs,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// Who asked for it.
    pub created_by: String,
    /// The node that does it.
    pub node: String,
    /// What was asked, as JSON.
    pub options: String,
    /// Grade and counts, or what went wrong, as JSON.
    pub summary: String,
    /// SHA-256 of the report.
    pub report_hash: [u8; 32],
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for CheckRunRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckRunRow({} {})", self.id, self.state)
    }
}

impl CheckRunRow {
    fn read_from(row: &mut Columns) -> Result<Self, StoreError> {
        let (shop, id) = (row.shop()?, row.id("id")?);
        row.name_row(id);
        Ok(Self {
            shop,
            id,
            domain: row.text("domain")?,
            at: row.time("at")?,
            updated: row.time("updated")?,
            state: row.text("state")?,
            created_by: row.text("created_by")?,
            node: row.text("node")?,
            options: row.text("options")?,
            summary: row.text("summary")?,
            report_hash: row.array("report_hash")?,
            row_mac: row.array("row_mac")?,
        })
    }

    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        Self::read_from(&mut Columns::of("check_run", values))
    }

    fn read_with_report(values: Vec<Value>) -> Result<(Self, Vec<u8>), StoreError> {
        let mut row = Columns::of("check_run", values);
        let run = Self::read_from(&mut row)?;
        Ok((run, row.bytes("report")?))
    }
}

impl Unit {
    /// Adds a run without a report; conflict `domain` when one of the same domain is queued or running.
    pub fn insert_check_run(&mut self, row: &CheckRunRow) {
        let values = vec![
            row.shop.into(),
            row.id.into(),
            (&row.domain).into(),
            row.at.into(),
            row.updated.into(),
            (&row.state).into(),
            (&row.created_by).into(),
            (&row.node).into(),
            (&row.options).into(),
            (&row.summary).into(),
            Vec::new().into(),
            row.report_hash.into(),
            row.row_mac.into(),
        ];
        self.one(sql::INSERT_CHECK_RUN, "domain", values);
    }

    /// Changes a run and its report; conflict `check` unless it is in the expected state.
    pub fn update_check_run(&mut self, row: &CheckRunRow, report: &[u8], expected_state: &str) {
        let values = vec![
            row.shop.into(),
            row.id.into(),
            expected_state.into(),
            row.updated.into(),
            (&row.state).into(),
            (&row.summary).into(),
            report.into(),
            row.report_hash.into(),
            row.row_mac.into(),
        ];
        self.one(sql::UPDATE_CHECK_RUN, "check", values);
    }

    /// Forgets all runs but the newest of a domain, and all but the newest of the shop.
    pub fn trim_check_runs(&mut self, shop: ShopId, domain: &str, of_domain_max: u32, of_shop_max: u32) {
        let values = vec![shop.into(), domain.into(), of_domain_max.into()];
        self.any(sql::TRIM_CHECK_RUNS_OF, values);
        self.any(sql::TRIM_CHECK_RUNS, vec![shop.into(), of_shop_max.into()]);
    }
}

impl Store {
    /// Finds a run with its report, which is empty until it is done.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn check_run(
        &self,
        shop: ShopId,
        id: JobId,
    ) -> Result<Option<(CheckRunRow, Vec<u8>)>, StoreError> {
        let rows = self.rows(sql::FIND_CHECK_RUN, vec![shop.into(), id.into()]).await?;
        first(rows, CheckRunRow::read_with_report)
    }

    /// Finds the newest finished run of a domain before another run, with its report.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn check_run_before(
        &self,
        shop: ShopId,
        domain: &str,
        before: JobId,
    ) -> Result<Option<(CheckRunRow, Vec<u8>)>, StoreError> {
        let values = vec![shop.into(), domain.into(), before.into()];
        first(self.rows(sql::CHECK_RUN_BEFORE, values).await?, CheckRunRow::read_with_report)
    }

    /// Returns runs of every domain, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn check_runs(&self, shop: ShopId, limit: u32) -> Result<Vec<CheckRunRow>, StoreError> {
        all(self.rows(sql::CHECK_RUNS, vec![shop.into(), limit.into()]).await?, CheckRunRow::read)
    }

    /// Returns runs of one domain, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn check_runs_of(
        &self,
        shop: ShopId,
        domain: &str,
        limit: u32,
    ) -> Result<Vec<CheckRunRow>, StoreError> {
        let values = vec![shop.into(), domain.into(), limit.into()];
        all(self.rows(sql::CHECK_RUNS_OF, values).await?, CheckRunRow::read)
    }

    /// Returns the runs that are queued or running.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn busy_check_runs(&self, shop: ShopId) -> Result<Vec<CheckRunRow>, StoreError> {
        all(self.rows(sql::BUSY_CHECK_RUNS, vec![shop.into()]).await?, CheckRunRow::read)
    }

    /// Pages through runs with their reports in the order of their ids, for verification.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_check_runs(
        &self,
        shop: ShopId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<(CheckRunRow, Vec<u8>)>, StoreError> {
        let after = after.unwrap_or(JobId::from_bytes([0; 16]));
        let rows = self.rows(sql::PAGE_CHECK_RUNS, vec![shop.into(), after.into(), limit.into()]).await?;
        all(rows, CheckRunRow::read_with_report)
    }
}
