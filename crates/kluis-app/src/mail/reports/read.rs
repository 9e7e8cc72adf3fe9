//! Reading reports back: the newest ones in short, one with its rows, and the rows of many for a replay.

use std::collections::HashMap;

use kluis_mail::report::{Known, Row, classify};
use kluis_model::{Actor, JobId, Operation, Outcome};
use kluis_store::MailReportRow;

use super::stored::{self, Body, Naming};
use super::views::{ReportDetail, ReportKind, ReportRows, ReportView, RowView, RowsRead};
use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// Reports in a list at most.
pub const MAIL_REPORTS_MAX: u32 = 500;
/// Reports read in one go with their rows, which may be large.
const PAGE: u32 = 8;
/// Days that a view reaches back at most: to before the first report ever.
pub(super) const DAYS_MAX: u32 = 25_000;
/// A period that ends further in the future than this is not believed.
const FUTURE_S: i64 = 2 * 86_400;
/// After every id.
const LAST: JobId = JobId::from_bytes([0xff; 16]);

impl App {
    /// The newest reports in short, of every kind, those that came in before one of them.
    ///
    /// # Errors
    /// Denied, or `Integrity` when somebody changed one.
    pub async fn mail_reports_list(
        &self,
        actor: &Actor,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<ReportView>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        let keys = self.keys(actor.shop)?;
        let limit = limit.clamp(1, MAIL_REPORTS_MAX);
        let rows = self.store().newest_mail_reports(actor.shop, before, limit).await?;
        let of_row = |row: MailReportRow| {
            let (kind, head) = stored::head(&keys, &row)?;
            Ok(view(row, kind, head))
        };
        rows.into_iter().map(of_row).collect()
    }

    /// A report with its rows. They name servers, some of which are those of persons, so it is on record.
    ///
    /// # Errors
    /// Denied, `NotFound`, or `Integrity` when somebody changed it.
    pub async fn mail_report_rows(&self, actor: &Actor, id: JobId) -> Result<ReportDetail, AppError> {
        let ask = Ask::new(Operation::MailRead);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let (row, sealed) = self.store().mail_report(actor.shop, id).await?.ok_or(AppError::NotFound)?;
        let opened = stored::head(&keys, &row)
            .and_then(|(kind, head)| Ok((kind, head, stored::body(&keys, &row, &sealed)?)));
        let (kind, head, body) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        let done = Done { count: 1, reason: Some("report_read"), detail: Some(row.key), ..Done::default() };
        self.write_leaf(actor, &ask, Outcome::Ok, &done).await?;
        let naming = Naming::of(&self.mail_settings());
        let known = naming.known(&row.domain);
        let mut detail =
            ReportDetail { lines: Vec::new(), tls_report: None, failure: None, view: view(row, kind, head) };
        match body {
            Body::Dmarc { rows, names } => {
                let name = |row: &Row| names.get(&row.source).cloned();
                detail.lines = rows.into_iter().map(|row| line(name(&row), row, &known)).collect();
                detail.lines.sort_by_key(|line| std::cmp::Reverse(line.row.count));
            }
            Body::Tls(report) => detail.tls_report = Some(*report),
            Body::Failure(summary) => detail.failure = Some(summary),
        }
        Ok(detail)
    }

    /// Gives the rows of every DMARC report whose period ends in the last so many days, oldest first, a report at a
    /// time, so that memory does not grow with their number. On record as one reading.
    ///
    /// # Errors
    /// Denied, or `Integrity` when somebody changed one.
    pub async fn mail_rows_since(
        &self,
        actor: &Actor,
        days: u32,
        on_report: &mut (dyn FnMut(&ReportRows) + Send),
    ) -> Result<RowsRead, AppError> {
        let ask = Ask::new(Operation::MailRead);
        self.allow(actor, &ask).await?;
        // Before the first row is shown, as with every other reading.
        let done = Done { reason: Some("reports_read"), ..Done::default() };
        self.write_leaf(actor, &ask, Outcome::Ok, &done).await?;
        let read = self.reports_ended(actor, days, on_report).await;
        match read {
            Ok(read) => Ok(read),
            Err(error) => Err(self.audited(actor, &ask, error).await),
        }
    }

    /// The same for the vault's own jobs, which look every hour and show nobody a row: without a leaf.
    pub(crate) async fn reports_ended(
        &self,
        actor: &Actor,
        days: u32,
        on_report: &mut (dyn FnMut(&ReportRows) + Send),
    ) -> Result<RowsRead, AppError> {
        let keys = self.keys(actor.shop)?;
        let now_s = self.now().0.div_euclid(1_000);
        let first_s = self.first_day(days).saturating_mul(86_400);
        let mut after = (first_s - 1, LAST);
        let mut read = RowsRead::default();
        loop {
            let kind = ReportKind::Dmarc.word();
            let page = self.store().ended_mail_reports(actor.shop, kind, after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(read) };
            after = (last.end_s, last.id);
            for (row, sealed) in &page {
                if row.end_s > now_s + FUTURE_S {
                    return Ok(read);
                }
                let (_, head) = stored::head(&keys, row)?;
                read.reports += 1;
                read.folded += u64::from(head.is_folded);
                let Body::Dmarc { rows, names } = stored::body(&keys, row, sealed)? else { continue };
                read.rows += rows.len() as u64;
                on_report(&ReportRows {
                    id: row.id,
                    org: row.org.clone(),
                    domain: row.domain.clone(),
                    begin_s: row.begin_s,
                    end_s: row.end_s,
                    policy: head.policy,
                    rows,
                    names: names.into_iter().collect::<HashMap<_, _>>(),
                });
            }
        }
    }

    /// The first of the last so many days, in days since 1970-01-01 UTC.
    pub(super) fn first_day(&self, days: u32) -> i64 {
        self.now().day() - i64::from(days.clamp(1, DAYS_MAX)) + 1
    }
}

fn line(ptr: Option<String>, row: Row, known: &Known) -> RowView {
    let who = classify(&row, ptr.as_deref(), known);
    let stream = known.stream_of(&row.header_from).and_then(|at| known.streams.get(at));
    RowView {
        stream: stream.map(|stream| stream.id.clone()).unwrap_or_default(),
        category: who.category,
        sender: who.sender.map(|sender| sender.id),
        ptr,
        row,
    }
}

fn view(row: MailReportRow, kind: ReportKind, head: super::views::ReportHead) -> ReportView {
    ReportView {
        id: row.id,
        kind,
        org: row.org,
        domain: row.domain,
        begin_s: row.begin_s,
        end_s: row.end_s,
        received: row.received,
        messages: row.messages,
        head,
    }
}
