//! Reports of receivers, their sources and the small facts about mail are what the vault wrote.

use kluis_model::JobId;
use kluis_store::{MailFactRow, MailReportRow};

use super::{Check, FindingKind};
use crate::AppError;
use crate::mail::{mail_fact_agrees, mail_report_agrees};

/// Reports read in one go; their rows may be large.
const REPORTS_PAGE: u32 = 20;
/// Facts read in one go.
const FACTS_PAGE: u32 = 500;
/// How often a report that does not agree is looked at again: its sources may be named anew at that moment.
const LOOKS: u32 = 3;

impl Check<'_> {
    /// Every report with its rows and its sources, and no source without a report.
    pub(crate) async fn read_mail_reports(&mut self) -> Result<(), AppError> {
        let shop = self.actor.shop;
        let mut after = None;
        loop {
            let page = self.app.store().page_mail_reports(shop, after, REPORTS_PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.id);
            for (row, sealed) in page {
                let id = row.id;
                if !self.report_agrees(row, sealed).await? {
                    self.findings.add(FindingKind::MailWrong, format!("mail_report {id}"));
                }
            }
        }
        let strays = self.app.store().stray_mail_sources(shop).await?;
        if strays > 0 {
            self.findings.add(FindingKind::MailWrong, format!("mail_source, {strays} of no report"));
        }
        Ok(())
    }

    async fn report_agrees(&self, row: MailReportRow, sealed: Vec<u8>) -> Result<bool, AppError> {
        let keys = self.app.keys(self.actor.shop)?;
        let (id, mut seen): (JobId, _) = (row.id, Some((row, sealed)));
        for _ in 0..LOOKS {
            // One that was forgotten meanwhile is no finding.
            let Some((row, sealed)) = seen else { return Ok(true) };
            let sources = self.app.store().mail_sources_of(self.actor.shop, id).await?;
            if mail_report_agrees(&keys, &row, &sealed, &sources) {
                return Ok(true);
            }
            seen = self.app.store().mail_report(self.actor.shop, id).await?;
        }
        Ok(false)
    }

    /// Every small fact about mail.
    pub(crate) async fn read_mail_facts(&mut self) -> Result<(), AppError> {
        let keys = self.app.keys(self.actor.shop)?;
        let mut page: Vec<MailFactRow> = Vec::new();
        loop {
            page = self.app.store().page_mail_facts(self.actor.shop, page.last(), FACTS_PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for row in page.iter().filter(|row| !mail_fact_agrees(&keys, row)) {
                let place = format!("mail_fact {} {}", row.kind, row.name);
                self.findings.add(FindingKind::MailWrong, place);
            }
        }
    }
}
