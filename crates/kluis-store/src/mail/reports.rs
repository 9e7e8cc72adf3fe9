//! Reports of receivers and their sources: rows, how they are written and read.

use std::fmt;

use kluis_model::{JobId, ShopId, TimeMs};

use crate::read::{all, count, first};
use crate::sql::Sql;
use crate::value::{Columns, Value};
use crate::{Store, StoreError, Unit};

const INSERT: Sql = Sql::data(
    "-- insert_mail_report
insert into mail_report (shop, id, key, kind, org, domain, begin_s, end_s, received, messages, classified, named, head,
rows_hash, sources_hash, row_mac, rows)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) on conflict do nothing",
);

const UPDATE: Sql = Sql::data(
    "-- update_mail_report
update mail_report set classified = $3, named = $4, head = $5, rows_hash = $6, sources_hash = $7, row_mac = $8, rows = $9
where shop = $1 and id = $2 and row_mac = $10",
);

const DELETE: Sql = Sql::data("-- delete_mail_report\ndelete from mail_report where shop = $1 and id = $2");

const HAS_KEY: Sql =
    Sql::data("-- find_mail_report_key\nselect id from mail_report where shop = $1 and key = $2");

const FIND: Sql = Sql::data(
    "-- find_mail_report
select shop, id, key, kind, org, domain, begin_s, end_s, received, messages, classified, named, head, rows_hash,
sources_hash, row_mac, rows from mail_report where shop = $1 and id = $2",
);

const NEWEST: Sql = Sql::data(
    "-- newest_mail_reports
select shop, id, key, kind, org, domain, begin_s, end_s, received, messages, classified, named, head, rows_hash,
sources_hash, row_mac from mail_report where shop = $1 and id < $2 order by id desc limit $3",
);

const ENDED: Sql = Sql::data(
    "-- ended_mail_reports
select shop, id, key, kind, org, domain, begin_s, end_s, received, messages, classified, named, head, rows_hash,
sources_hash, row_mac, rows from mail_report
where shop = $1 and kind = $2 and (end_s, id) > ($3, $4) order by end_s, id limit $5",
);

const PAGE: Sql = Sql::data(
    "-- page_mail_reports
select shop, id, key, kind, org, domain, begin_s, end_s, received, messages, classified, named, head, rows_hash,
sources_hash, row_mac, rows from mail_report where shop = $1 and id > $2 order by id limit $3",
);

const OTHERWISE_CLASSIFIED: Sql = Sql::data(
    "-- otherwise_classified_mail_reports
select id from mail_report where shop = $1 and kind = 'dmarc' and classified <> $2 and id > $3 order by id limit $4",
);

const UNNAMED: Sql = Sql::data(
    "-- unnamed_mail_reports
select id from mail_report where shop = $1 and kind = 'dmarc' and named <= 0 and id > $2 order by id limit $3",
);

const BEFORE: Sql = Sql::data(
    "-- mail_reports_before\nselect id from mail_report where shop = $1 and id < $2 order by id limit $3",
);

const REPORTERS: Sql = Sql::data(
    "-- mail_reporters
select org, domain, count(*), cast(sum(messages) as bigint), max(end_s) from mail_report
where shop = $1 and kind = 'dmarc' and end_s >= $2 group by org, domain
order by 4 desc, org, domain limit $3",
);

const TLS_HEADS: Sql = Sql::data(
    "-- mail_tls_heads\nselect head from mail_report where shop = $1 and kind = 'tls' and end_s >= $2 limit $3",
);

const COUNT_SINCE: Sql = Sql::data(
    "-- count_mail_reports\nselect count(*) from mail_report where shop = $1 and kind = $2 and end_s >= $3",
);

const COUNT_RECEIVED: Sql = Sql::data(
    "-- count_mail_reports_received\nselect count(*) from mail_report where shop = $1 and id >= $2",
);

const INSERT_SOURCE: Sql = Sql::data(
    "-- insert_mail_source
insert into mail_source (shop, report, n, day, stream, category, sender, network, messages, passed, dkim, spf,
quarantined, rejected, overridden)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing",
)
.filling("mail_source");

const DELETE_SOURCES: Sql =
    Sql::data("-- delete_mail_sources\ndelete from mail_source where shop = $1 and report = $2");

const SOURCES_OF: Sql = Sql::data(
    "-- mail_sources_of
select n, day, stream, category, sender, network, messages, passed, dkim, spf, quarantined, rejected, overridden
from mail_source where shop = $1 and report = $2 order by n",
);

const SUM_SOURCES: Sql = Sql::data(
    "-- sum_mail_sources
select cast(0 as bigint), day, stream, category, sender, network, cast(sum(messages) as bigint),
cast(sum(passed) as bigint), cast(sum(dkim) as bigint), cast(sum(spf) as bigint), cast(sum(quarantined) as bigint),
cast(sum(rejected) as bigint), cast(sum(overridden) as bigint)
from mail_source where shop = $1 and day >= $2 and day <= $3
group by day, stream, category, sender, network order by day, stream, category, sender, network limit $4",
);

const SUM_REPORTED: Sql = Sql::data(
    "-- sum_mail_reported
select stream, category, org, cast(sum(mail_source.messages) as bigint) from mail_source
join mail_report on mail_report.shop = mail_source.shop and mail_report.id = mail_source.report
where mail_source.shop = $1 and day >= $2 and day <= $3 group by stream, category, org
order by stream, category, org limit $4",
);

const STRAY_SOURCES: Sql = Sql::data(
    "-- stray_mail_sources
select count(*) from mail_source where shop = $1 and not exists
(select 1 from mail_report where mail_report.shop = mail_source.shop and mail_report.id = mail_source.report)",
);

/// The statements of this file.
#[cfg(test)]
pub(crate) const ALL: &[Sql] = &[
    INSERT,
    UPDATE,
    DELETE,
    HAS_KEY,
    FIND,
    NEWEST,
    ENDED,
    PAGE,
    OTHERWISE_CLASSIFIED,
    UNNAMED,
    BEFORE,
    REPORTERS,
    TLS_HEADS,
    COUNT_SINCE,
    COUNT_RECEIVED,
    INSERT_SOURCE,
    DELETE_SOURCES,
    SOURCES_OF,
    SUM_SOURCES,
    SUM_REPORTED,
    STRAY_SOURCES,
];

/// Before and after every id.
const FIRST: JobId = JobId::from_bytes([0; 16]);
const LAST: JobId = JobId::from_bytes([0xff; 16]);

/// A report, without its rows.
#[derive(Clone, PartialEq, Eq)]
pub struct MailReportRow {
    /// The shop.
    pub shop: ShopId,
    /// The id; what came in later has a larger one.
    pub id: JobId,
    /// A digest of what makes it the same report.
    pub key: [u8; 32],
    /// `dmarc`, `tls` or `failure`.
    pub kind: String,
    /// Who reports.
    pub org: String,
    /// About which domain.
    pub domain: String,
    /// Unix seconds.
    pub begin_s: i64,
    /// Unix seconds.
    pub end_s: i64,
    /// When it came in.
    pub received: TimeMs,
    /// Messages in it.
    pub messages: u64,
    /// By what its sources were named.
    pub classified: [u8; 16],
    /// When the names of its servers were looked up; 0 not yet, less than 0: so many failed tries.
    pub named: i64,
    /// JSON without rows.
    pub head: String,
    /// SHA-256 of the sealed rows.
    pub rows_hash: [u8; 32],
    /// Over its rows in `mail_source`.
    pub sources_hash: [u8; 32],
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for MailReportRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailReportRow({} {})", self.kind, self.id)
    }
}

impl MailReportRow {
    fn read_from(row: &mut Columns) -> Result<Self, StoreError> {
        let (shop, id) = (row.shop()?, row.id("id")?);
        row.name_row(id);
        Ok(Self {
            shop,
            id,
            key: row.array("key")?,
            kind: row.text("kind")?,
            org: row.text("org")?,
            domain: row.text("domain")?,
            begin_s: row.int("begin_s")?,
            end_s: row.int("end_s")?,
            received: row.time("received")?,
            messages: row.number("messages")?,
            classified: row.array("classified")?,
            named: row.int("named")?,
            head: row.text("head")?,
            rows_hash: row.array("rows_hash")?,
            sources_hash: row.array("sources_hash")?,
            row_mac: row.array("row_mac")?,
        })
    }

    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        Self::read_from(&mut Columns::of("mail_report", values))
    }

    fn read_with_rows(values: Vec<Value>) -> Result<(Self, Vec<u8>), StoreError> {
        let mut row = Columns::of("mail_report", values);
        let report = Self::read_from(&mut row)?;
        Ok((report, row.bytes("rows")?))
    }
}

/// Messages of one source on one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailSourceRow {
    /// Its number in its report; 0 in sums over reports.
    pub n: u32,
    /// Days since 1970 in UTC.
    pub day: i64,
    /// The stream; empty for none.
    pub stream: String,
    /// What the source is to the shop.
    pub category: String,
    /// The service; empty for none.
    pub sender: String,
    /// The network; empty for none.
    pub network: String,
    /// All messages.
    pub messages: u64,
    /// Passed DMARC.
    pub passed: u64,
    /// With an aligned DKIM signature.
    pub dkim: u64,
    /// With an aligned SPF.
    pub spf: u64,
    /// Treated with suspicion.
    pub quarantined: u64,
    /// Refused.
    pub rejected: u64,
    /// Where the receiver deviated from the policy.
    pub overridden: u64,
}

impl MailSourceRow {
    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("mail_source", values);
        Ok(Self {
            n: row.number("n")?,
            day: row.int("day")?,
            stream: row.text("stream")?,
            category: row.text("category")?,
            sender: row.text("sender")?,
            network: row.text("network")?,
            messages: row.number("messages")?,
            passed: row.number("passed")?,
            dkim: row.number("dkim")?,
            spf: row.number("spf")?,
            quarantined: row.number("quarantined")?,
            rejected: row.number("rejected")?,
            overridden: row.number("overridden")?,
        })
    }
}

/// Who reported about which domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReporterRow {
    /// Who.
    pub org: String,
    /// The domain.
    pub domain: String,
    /// Reports.
    pub reports: u64,
    /// Messages in them.
    pub messages: u64,
    /// The end of the newest one, Unix seconds.
    pub last_s: i64,
}

/// Messages of a stream that one reporter saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReportedRow {
    /// The stream; empty for none.
    pub stream: String,
    /// What the sources are to the shop.
    pub category: String,
    /// Who reports.
    pub org: String,
    /// Messages.
    pub messages: u64,
}

impl Unit {
    /// Adds a report with its sources; conflict `mail_report` when the same report is there.
    pub fn insert_mail_report(&mut self, row: &MailReportRow, rows: &[u8], sources: &[MailSourceRow]) {
        let values = vec![
            row.shop.into(),
            row.id.into(),
            row.key.into(),
            (&row.kind).into(),
            (&row.org).into(),
            (&row.domain).into(),
            row.begin_s.into(),
            row.end_s.into(),
            row.received.into(),
            row.messages.into(),
            row.classified.into(),
            row.named.into(),
            (&row.head).into(),
            row.rows_hash.into(),
            row.sources_hash.into(),
            row.row_mac.into(),
            rows.into(),
        ];
        self.one(INSERT, "mail_report", values);
        self.insert_mail_sources(row, sources);
    }

    /// Replaces what was made of a report and its sources; conflict `mail_report` unless its MAC is `old_mac`.
    pub fn update_mail_report(
        &mut self,
        row: &MailReportRow,
        rows: &[u8],
        sources: &[MailSourceRow],
        old_mac: [u8; 32],
    ) {
        let values = vec![
            row.shop.into(),
            row.id.into(),
            row.classified.into(),
            row.named.into(),
            (&row.head).into(),
            row.rows_hash.into(),
            row.sources_hash.into(),
            row.row_mac.into(),
            rows.into(),
            old_mac.into(),
        ];
        self.one(UPDATE, "mail_report", values);
        self.any(DELETE_SOURCES, vec![row.shop.into(), row.id.into()]);
        self.insert_mail_sources(row, sources);
    }

    fn insert_mail_sources(&mut self, report: &MailReportRow, sources: &[MailSourceRow]) {
        for source in sources {
            let values = vec![
                report.shop.into(),
                report.id.into(),
                source.n.into(),
                source.day.into(),
                (&source.stream).into(),
                (&source.category).into(),
                (&source.sender).into(),
                (&source.network).into(),
                source.messages.into(),
                source.passed.into(),
                source.dkim.into(),
                source.spf.into(),
                source.quarantined.into(),
                source.rejected.into(),
                source.overridden.into(),
            ];
            self.one(INSERT_SOURCE, "mail_source", values);
        }
    }

    /// Forgets a report and its sources.
    pub fn delete_mail_report(&mut self, shop: ShopId, id: JobId) {
        self.any(DELETE_SOURCES, vec![shop.into(), id.into()]);
        self.any(DELETE, vec![shop.into(), id.into()]);
    }
}

impl Store {
    /// Finds the report with a key.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_report_with_key(
        &self,
        shop: ShopId,
        key: [u8; 32],
    ) -> Result<Option<JobId>, StoreError> {
        let rows = self.rows(HAS_KEY, vec![shop.into(), key.into()]).await?;
        first(rows, |row| Columns::of("mail_report", row).id("id"))
    }

    /// Finds a report with its rows.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_report(
        &self,
        shop: ShopId,
        id: JobId,
    ) -> Result<Option<(MailReportRow, Vec<u8>)>, StoreError> {
        let rows = self.rows(FIND, vec![shop.into(), id.into()]).await?;
        first(rows, MailReportRow::read_with_rows)
    }

    /// Returns reports without their rows, newest first, those before an id.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn newest_mail_reports(
        &self,
        shop: ShopId,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<MailReportRow>, StoreError> {
        let values = vec![shop.into(), before.unwrap_or(LAST).into(), limit.into()];
        all(self.rows(NEWEST, values).await?, MailReportRow::read)
    }

    /// Pages through reports of a kind with their rows in the order of the end of their periods, after such an end and
    /// id.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn ended_mail_reports(
        &self,
        shop: ShopId,
        kind: &str,
        after: (i64, JobId),
        limit: u32,
    ) -> Result<Vec<(MailReportRow, Vec<u8>)>, StoreError> {
        let values = vec![shop.into(), kind.into(), after.0.into(), after.1.into(), limit.into()];
        all(self.rows(ENDED, values).await?, MailReportRow::read_with_rows)
    }

    /// Pages through reports with their rows in the order of their ids.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_mail_reports(
        &self,
        shop: ShopId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<(MailReportRow, Vec<u8>)>, StoreError> {
        let rows = self.rows(PAGE, vec![shop.into(), after.unwrap_or(FIRST).into(), limit.into()]).await?;
        all(rows, MailReportRow::read_with_rows)
    }

    /// Names DMARC reports whose sources were named by something else, in the order of their ids.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_reports_otherwise_classified(
        &self,
        shop: ShopId,
        classified: [u8; 16],
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        let values = vec![shop.into(), classified.into(), after.unwrap_or(FIRST).into(), limit.into()];
        all(self.rows(OTHERWISE_CLASSIFIED, values).await?, read_id)
    }

    /// Names DMARC reports whose servers' names were not looked up, in the order of their ids.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn unnamed_mail_reports(
        &self,
        shop: ShopId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        let values = vec![shop.into(), after.unwrap_or(FIRST).into(), limit.into()];
        all(self.rows(UNNAMED, values).await?, read_id)
    }

    /// Names reports that came in before a moment, oldest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_reports_before(
        &self,
        shop: ShopId,
        before: TimeMs,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        let values = vec![shop.into(), first_id_of(before).into(), limit.into()];
        all(self.rows(BEFORE, values).await?, read_id)
    }

    /// Returns who sent DMARC reports whose period ends at or after a moment (Unix seconds), most messages first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_reporters(
        &self,
        shop: ShopId,
        since_s: i64,
        limit: u32,
    ) -> Result<Vec<MailReporterRow>, StoreError> {
        all(self.rows(REPORTERS, vec![shop.into(), since_s.into(), limit.into()]).await?, |row| {
            let mut row = Columns::of("mail_report", row);
            Ok(MailReporterRow {
                org: row.text("org")?,
                domain: row.text("domain")?,
                reports: row.number("count")?,
                messages: row.number("messages")?,
                last_s: row.int("end_s")?,
            })
        })
    }

    /// Returns the heads of TLS reports whose period ends at or after a moment (Unix seconds).
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_tls_heads(
        &self,
        shop: ShopId,
        since_s: i64,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let rows = self.rows(TLS_HEADS, vec![shop.into(), since_s.into(), limit.into()]).await?;
        all(rows, |row| Columns::of("mail_report", row).text("head"))
    }

    /// Counts reports of a kind whose period ends at or after a moment (Unix seconds).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_mail_reports(
        &self,
        shop: ShopId,
        kind: &str,
        since_s: i64,
    ) -> Result<u64, StoreError> {
        let rows = self.rows(COUNT_SINCE, vec![shop.into(), kind.into(), since_s.into()]).await?;
        count(rows)
    }

    /// Counts reports of every kind that came in at or after a moment.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_mail_reports_received(&self, shop: ShopId, since: TimeMs) -> Result<u64, StoreError> {
        let rows = self.rows(COUNT_RECEIVED, vec![shop.into(), first_id_of(since).into()]).await?;
        count(rows)
    }

    /// Returns the sources of a report in their order.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_sources_of(
        &self,
        shop: ShopId,
        report: JobId,
    ) -> Result<Vec<MailSourceRow>, StoreError> {
        all(self.rows(SOURCES_OF, vec![shop.into(), report.into()]).await?, MailSourceRow::read)
    }

    /// Sums sources over reports by day, from the first to the last day.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn sum_mail_sources(
        &self,
        shop: ShopId,
        days: (i64, i64),
        limit: u32,
    ) -> Result<Vec<MailSourceRow>, StoreError> {
        let values = vec![shop.into(), days.0.into(), days.1.into(), limit.into()];
        all(self.rows(SUM_SOURCES, values).await?, MailSourceRow::read)
    }

    /// Sums sources by stream, category and reporter, from the first to the last day.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn sum_mail_reported(
        &self,
        shop: ShopId,
        days: (i64, i64),
        limit: u32,
    ) -> Result<Vec<MailReportedRow>, StoreError> {
        let values = vec![shop.into(), days.0.into(), days.1.into(), limit.into()];
        all(self.rows(SUM_REPORTED, values).await?, |row| {
            let mut row = Columns::of("mail_source", row);
            Ok(MailReportedRow {
                stream: row.text("stream")?,
                category: row.text("category")?,
                org: row.text("org")?,
                messages: row.number("messages")?,
            })
        })
    }

    /// Counts sources without a report, which there never are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn stray_mail_sources(&self, shop: ShopId) -> Result<u64, StoreError> {
        let rows = self.rows(STRAY_SOURCES, vec![shop.into()]).await?;
        count(rows)
    }
}

/// The smallest id of a moment.
pub(super) fn first_id_of(moment: TimeMs) -> JobId {
    JobId::from_parts(moment, [0; 10])
}

pub(super) fn read_id(row: Vec<Value>) -> Result<JobId, StoreError> {
    Columns::of("mail_report", row).id("id")
}
