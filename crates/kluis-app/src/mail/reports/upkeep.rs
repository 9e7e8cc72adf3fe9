//! The job behind reports: names sources anew when the streams or the catalogue changed, looks names of servers up, forgets.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kluis_model::{JobId, Operation, TimeMs};
use kluis_store::{MailReportRow, StoreError, Unit};
use tokio::sync::watch;

use super::names::Answered;
use super::stored::{self, Body, Draft, Naming};
use crate::guard::{Ask, Done};
use crate::{App, AppError, SHOP};

/// Reports named anew or forgotten in one go.
const BATCH: u32 = 200;
/// Tries to look the names of a report's servers up while the DNS answers about some of them only.
const TRIES_MAX: i64 = 3;
/// How long what cannot be read is kept: it may hold mail of persons.
const QUARANTINE_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// Reports whose names are looked up in one go, and how often in one turn.
const LOOKED_UP: u32 = 20;
const TURN_PAGES: u32 = 10;

impl App {
    /// One turn of the job; ends early when told to stop.
    pub(crate) async fn reports_upkeep(&self, stopped: &watch::Receiver<()>) -> Result<(), AppError> {
        let mut stopped = stopped.clone();
        let turn = async {
            self.name_reports_anew().await?;
            while self.forget_reports().await? > 0 {}
            self.name_servers().await
        };
        // Every step is a unit of its own, so it may end between any two.
        tokio::select! {
            ended = turn => ended,
            _ = stopped.changed() => Ok(()),
        }
    }

    /// Names the sources of reports anew that were named by other streams or another catalogue; gives how many.
    pub(crate) async fn name_reports_anew(&self) -> Result<u64, AppError> {
        let naming = Naming::of(&self.mail_settings());
        let (mut after, mut all) = (None, 0);
        loop {
            let print = naming.print();
            let ids = self.store().mail_reports_otherwise_classified(SHOP, print, after, BATCH).await?;
            let Some(last) = ids.last() else { return Ok(all) };
            after = Some(*last);
            let mut done = 0;
            for id in &ids {
                let Some((row, sealed)) = self.store().mail_report(SHOP, *id).await? else { continue };
                let rewritten = self.rewrite(&naming, &row, &sealed, None).await;
                done += u64::from(self.undamaged(rewritten)?);
            }
            if done > 0 {
                self.upkeep_leaf("reclassified", done).await?;
            }
            all += done;
        }
    }

    /// What is damaged, `verify` tells; others do not wait for it.
    fn undamaged(&self, done: Result<bool, AppError>) -> Result<bool, AppError> {
        match done {
            Err(AppError::Integrity { .. }) => {
                self.inner.metrics.note_integrity(self.now());
                Ok(false)
            }
            other => other,
        }
    }

    /// Names the sources of a report anew, with new names of its servers if given; whether nobody else was quicker.
    async fn rewrite(
        &self,
        naming: &Naming,
        row: &MailReportRow,
        sealed: &[u8],
        looked_up: Option<(BTreeMap<core::net::IpAddr, String>, i64)>,
    ) -> Result<bool, AppError> {
        let keys = self.keys(SHOP)?;
        let (_, head) = stored::head(&keys, row)?;
        let draft = match stored::body(&keys, row, sealed)? {
            Body::Dmarc { rows, names: old } if !head.is_folded => {
                let (names, named) = match looked_up {
                    Some((mut names, named)) => {
                        names.extend(old);
                        (names, named)
                    }
                    None => (old, row.named),
                };
                stored::named_anew((&keys, naming, self.random()), row, rows, names, named)?
            }
            // Its rows were not kept: what was counted stays as it was named then.
            _ => {
                let sources = self.store().mail_sources_of(SHOP, row.id).await?;
                stored::marked(&keys, naming, row, sealed, sources)
            }
        };
        let Draft { row: new, sealed, sources } = draft;
        let mut unit = Unit::new();
        unit.update_mail_report(&new, &sealed, &sources, row.row_mac);
        match self.store().commit(unit).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks the names of servers up for reports that came in since the last turn.
    async fn name_servers(&self) -> Result<(), AppError> {
        let (mut after, mut done) = (None, 0);
        for _ in 0..TURN_PAGES {
            let ids = self.store().unnamed_mail_reports(SHOP, after, LOOKED_UP).await?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for id in ids {
                if self.inner.mail.reports.names.is_silent(self.now()) {
                    break;
                }
                let named = self.name_servers_of(id).await;
                done += u64::from(self.undamaged(named)?);
            }
        }
        if done > 0 {
            self.upkeep_leaf("named", done).await?;
        }
        Ok(())
    }

    /// Looks the names of a report's servers up that nothing else tells about; whether that is kept. While the DNS is
    /// silent, nothing is, and it is tried again later.
    pub(crate) async fn name_servers_of(&self, id: JobId) -> Result<bool, AppError> {
        let Some((row, sealed)) = self.store().mail_report(SHOP, id).await? else { return Ok(false) };
        let settings = self.mail_settings();
        let naming = Naming::of(&settings);
        let keys = self.keys(SHOP)?;
        let Body::Dmarc { rows, names } = stored::body(&keys, &row, &sealed)? else { return Ok(false) };
        let wanted = super::names::wanted(&rows, &names, &naming.known(&row.domain));
        let found = self.inner.mail.reports.names.look_up(wanted, &settings.dns, self.now()).await;
        let named = match found.answered {
            Answered::Nothing => return Ok(false),
            Answered::Some if row.named > 1 - TRIES_MAX => row.named - 1,
            Answered::Some | Answered::All => self.now().0.max(1),
        };
        self.rewrite(&naming, &row, &sealed, Some((found.names, named))).await
    }

    /// Forgets some reports, counts and unreadable things that are older than they are kept; gives how many.
    pub(crate) async fn forget_reports(&self) -> Result<u64, AppError> {
        let kept = self.mail_settings().reports_kept;
        let now = self.now();
        let before = before(now, &kept);
        let unreadable_before = before.max(now.minus(QUARANTINE_KEPT));
        let reports = self.store().mail_reports_before(SHOP, before, BATCH).await?;
        let unreadable = self.store().mail_quarantine_before(SHOP, unreadable_before, BATCH).await?;
        self.forget_sent(before).await?;
        let count = (reports.len() + unreadable.len()) as u64;
        if count == 0 {
            return Ok(0);
        }
        let mut unit = Unit::new();
        reports.iter().for_each(|id| unit.delete_mail_report(SHOP, *id));
        unreadable.iter().for_each(|id| unit.delete_mail_quarantine(SHOP, *id));
        let done = Done { count, reason: Some("expired"), ..Done::default() };
        self.add_ok(&mut unit, &self.job_actor("mail"), &Ask::new(Operation::MailChange), &done);
        match self.store().commit(unit).await {
            Ok(_) => Ok(count),
            // Somebody threw one of them away at the same moment: the next turn sees what is left.
            Err(StoreError::Conflict { .. }) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets counts of what was sent, which name nobody, so without a leaf; looks only once a day.
    async fn forget_sent(&self, before: TimeMs) -> Result<(), AppError> {
        if self.inner.mail.reports.sent_forgotten.swap(before.day(), Ordering::Relaxed) == before.day() {
            return Ok(());
        }
        let mut unit = Unit::new();
        unit.delete_mail_sent_before(SHOP, before.day());
        self.store().commit(unit).await?;
        Ok(())
    }

    async fn upkeep_leaf(&self, reason: &'static str, count: u64) -> Result<(), AppError> {
        let done = Done { count, reason: Some(reason), ..Done::default() };
        let ask = Ask::new(Operation::MailChange);
        self.write_leaf(&self.job_actor("mail"), &ask, kluis_model::Outcome::Ok, &done).await
    }
}

/// The moment from which on things are kept. A calendar period is only added, so the moment is searched for by days.
fn before(now: TimeMs, kept: &kluis_model::Period) -> TimeMs {
    // How long the period is from now on differs by a day or two from how long it was until now.
    now.minus(now.add(kept).since(now))
}
