//! Work in the background: finishing what a crash cut short, checkpoints, name index, key epochs, cleaning up; each job in its own loop.

use std::time::Duration;

use kluis_model::{SubjectId, TimeMs};
use kluis_store::Unit;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::subject::SHRED;
use crate::{App, AppError, SHOP};

/// How long a claimed item is ours.
const LEASE_MS: u64 = 60_000;
/// Items claimed in one go.
const CLAIM: u32 = 100;
/// Keys looked at in one go when sweeping.
const SWEEP_PAGE: u32 = 200;
/// A customer's key that is older than this and has no customer will never have one.
const SWEEP_AFTER: Duration = Duration::from_secs(3_600);
/// How long an idempotency key is remembered.
const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(48 * 3_600);
/// How long budget windows are kept after they began.
const BUDGETS_KEPT: Duration = Duration::from_secs(48 * 3_600);

/// The background jobs while they run; end them with [`JobLoop::stop`].
pub struct JobLoop {
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
}

impl JobLoop {
    /// Lets every job finish what it is doing and waits for it.
    pub async fn stop(mut self) {
        // Without a receiver every job has ended already.
        let _ = self.stop.send(());
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What was finished before serving.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// Erasures whose keys were still there or that were not noted outside the database.
    pub erasures: u64,
    /// Left-over destructions of keys.
    pub shreds: u64,
    /// Erasures that the file beside the keyring did not have.
    pub noted: u64,
}

/// A kind of background work.
#[derive(Debug, Clone, Copy)]
enum Job {
    Outbox,
    Register,
    Checkpoints,
    Erasures,
    Names,
    Epochs,
    Checks,
    CleanUp,
    OrphanKeys,
    MailKeys,
    MailReports,
    MailDay,
}

impl Job {
    const ALL: [Self; 12] = [
        Self::Outbox,
        Self::Register,
        Self::Checkpoints,
        Self::Erasures,
        Self::Names,
        Self::Epochs,
        Self::Checks,
        Self::CleanUp,
        Self::OrphanKeys,
        Self::MailKeys,
        Self::MailReports,
        Self::MailDay,
    ];

    const fn every(self) -> Duration {
        Duration::from_secs(match self {
            Self::Outbox => 1,
            Self::Register | Self::Names => 2,
            Self::Erasures => 10,
            Self::Checks => 30,
            Self::Checkpoints | Self::MailReports => 60,
            Self::Epochs | Self::CleanUp | Self::MailKeys | Self::MailDay => 3_600,
            Self::OrphanKeys => 86_400,
        })
    }

    async fn run(self, app: &App, stopped: &watch::Receiver<()>) -> Result<(), AppError> {
        match self {
            Self::Outbox => app.shred_due().await.map(|_| ()),
            Self::Register => app.load_register().await,
            Self::Checkpoints => app.make_checkpoint_if_grown().await,
            Self::Erasures => app.finish_erasures().await.map(|_| ()),
            Self::Names => app.refresh_names(stopped).await,
            Self::Epochs => app.keep_epochs(SHOP).await,
            Self::Checks => app.check_due().await,
            Self::CleanUp => app.clean_up().await,
            Self::OrphanKeys => app.sweep_keys(stopped).await.map(|_| ()),
            Self::MailKeys => app.mail_keys_due().await,
            Self::MailReports => app.reports_upkeep(stopped).await,
            Self::MailDay => app.mail_day_due().await,
        }
    }
}

impl App {
    /// Starts the background jobs; they pause while the vault is sealed.
    #[must_use]
    pub fn start_jobs(&self) -> JobLoop {
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        for job in Job::ALL {
            tasks.spawn(repeat(self.clone(), job, stopped.clone()));
        }
        JobLoop { stop, tasks }
    }

    /// Finishes what a crash cut short, before anything is served.
    ///
    /// # Errors
    /// When the store does not answer; nothing may be served then.
    pub async fn finish_pending(&self) -> Result<Pending, AppError> {
        let erasures = self.finish_erasures().await?;
        let shreds = self.shred_due().await?;
        let noted = self.note_missing_erasures().await?;
        Ok(Pending { erasures, shreds, noted })
    }

    /// Destroys the keys of erasures that are not complete and marks them so; gives how many.
    async fn finish_erasures(&self) -> Result<u64, AppError> {
        let incomplete = self.store().incomplete_erasures().await?;
        let mut done = 0;
        for erasure in &incomplete {
            match self.shred(erasure.shop, erasure.subject.as_bytes()).await {
                Ok(()) => {
                    self.finish_erasure(erasure).await;
                    done += 1;
                }
                // What is left of one is damaged: `verify` says so, and the others do not wait for it.
                Err(AppError::Integrity { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(done)
    }

    /// Works off the destructions of keys that are due; gives how many.
    async fn shred_due(&self) -> Result<u64, AppError> {
        let mut done = 0;
        loop {
            let claimed =
                self.store().claim_outbox(&[SHRED], self.now(), LEASE_MS, self.node(), CLAIM).await?;
            if claimed.is_empty() {
                return Ok(done);
            }
            for item in &claimed {
                match self.shred(item.shop, &item.payload).await {
                    // The row was damaged meanwhile: it is tried again when the lease is over.
                    Err(AppError::Integrity { .. }) => continue,
                    other => other?,
                }
                let mut unit = Unit::new();
                unit.complete_outbox(item.id, self.node());
                match self.store().commit(unit).await {
                    // Another process of this node was quicker; doing it twice changes nothing.
                    Ok(_) | Err(kluis_store::StoreError::Conflict { .. }) => done += 1,
                    Err(other) => return Err(other.into()),
                }
            }
        }
    }

    /// Builds the name index, then takes in what other nodes changed, step by step until told to stop.
    async fn refresh_names(&self, stopped: &watch::Receiver<()>) -> Result<(), AppError> {
        while !self.search_step(SHOP).await? {
            if stopped.has_changed().unwrap_or(true) {
                break;
            }
        }
        Ok(())
    }

    /// Destroys keys of customers who never came to be: a key is durable before its customer, so a
    /// crash in between leaves it alone. Gives how many.
    async fn sweep_keys(&self, stopped: &watch::Receiver<()>) -> Result<u64, AppError> {
        let (mut after, mut swept) = (None, 0);
        loop {
            let page = self.store().page_deks(SHOP, after, SWEEP_PAGE).await?;
            let Some(last) = page.last() else { return Ok(swept) };
            after = Some(last.subject);
            let mut ids: Vec<SubjectId> = page.iter().map(|dek| dek.subject).collect();
            ids.dedup();
            let there = self.store().find_subjects_keys(SHOP, &ids).await?;
            let mut unit = Unit::new();
            for dek in &page {
                let is_old = self.now().since(dek.subject.time()) > SWEEP_AFTER;
                if is_old && !there.iter().any(|(row, _)| row.id == dek.subject) {
                    unit.destroy_dek(SHOP, dek.subject, dek.class);
                    swept += 1;
                }
            }
            if !unit.is_empty() {
                self.store().commit(unit).await?;
            }
            if stopped.has_changed().unwrap_or(true) {
                return Ok(swept);
            }
            // Nobody waits for this; whoever works goes first.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Forgets old idempotency keys and budget windows.
    async fn clean_up(&self) -> Result<(), AppError> {
        let now: TimeMs = self.now();
        let mut unit = Unit::new();
        unit.delete_idempotency_before(now.minus(IDEMPOTENCY_KEPT));
        unit.delete_budgets_before(now.minus(BUDGETS_KEPT));
        self.store().commit(unit).await?;
        Ok(())
    }
}

/// Runs a job again and again until stopped; a failure is logged and tried again at its next turn.
async fn repeat(app: App, job: Job, mut stopped: watch::Receiver<()>) {
    let mut failing = false;
    loop {
        if app.is_unsealed() {
            let ran = job.run(&app, &stopped).await;
            if matches!(ran, Err(AppError::Integrity { .. })) {
                // For the status page: while it stays so, keys are not wrapped anew or destroyed.
                app.inner.metrics.note_integrity(app.now());
            }
            match ran {
                Ok(()) => failing = false,
                // Once until it works again: a database that is away for an hour is one line.
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(?job, %error, "a background job failed; it is tried again");
                }
                Err(_) => {}
            }
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(job.every()) => {}
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kluis_model::RetentionClass;
    use kluis_store::{DekRow, ErasureRow};

    use super::*;
    use crate::testing::{Vault, local};

    #[tokio::test(flavor = "multi_thread")]
    async fn an_erasure_that_a_crash_cut_short_is_finished_before_serving() {
        let (mut vault, ids) = Vault::with_customers(2).await;
        let (_, deks) = vault.app.store().find_subject_keys(SHOP, ids[0]).await.unwrap().unwrap();
        vault.app.erase(&local(), ids[0]).await.unwrap();
        let erasure = vault.app.store().erasure(SHOP, ids[0]).await.unwrap().unwrap();
        assert!(erasure.complete);
        // As if the machine had stopped before the keys were destroyed and the file was written.
        let mut unit = Unit::new();
        deks.iter().for_each(|dek: &DekRow| unit.insert_dek(dek));
        unit.insert_erasure(&ErasureRow { complete: false, ..erasure });
        vault.app.store().commit(unit).await.unwrap();
        std::fs::remove_file(vault.dir.path().join("erasures")).unwrap();
        vault.reopen().await;
        let pending = vault.app.finish_pending().await.unwrap();
        assert_eq!(pending.erasures, 1);
        assert_eq!(vault.app.finish_pending().await.unwrap().erasures, 0);
        let left = vault.app.store().page_deks(SHOP, None, 10).await.unwrap();
        assert!(left.iter().all(|dek| dek.subject != ids[0] && dek.class == RetentionClass::Profile));
        assert_eq!(vault.app.noted_erasures().unwrap().0.len(), 1);
        assert_eq!(vault.app.verify(&local(), &|_| {}).await.unwrap().findings, []);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_without_a_customer_is_swept_and_others_stay() {
        let (vault, ids) = Vault::with_customers(3).await;
        let (_, deks) = vault.app.store().find_subject_keys(SHOP, ids[0]).await.unwrap().unwrap();
        let orphan = SubjectId::from_parts(crate::testing::BEGIN, [9; 10]);
        let mut unit = Unit::new();
        unit.insert_dek(&DekRow { subject: orphan, ..deks[0].clone() });
        vault.app.store().commit(unit).await.unwrap();
        let (_stop, stopped) = watch::channel(());
        assert_eq!(vault.app.sweep_keys(&stopped).await.unwrap(), 0, "its customer may still come");
        vault.clock.advance(SWEEP_AFTER * 2);
        assert_eq!(vault.app.sweep_keys(&stopped).await.unwrap(), 1);
        assert_eq!(vault.app.store().page_deks(SHOP, None, 10).await.unwrap().len(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn jobs_run_and_stop_and_a_sealed_vault_is_left_alone() {
        let (vault, ids) = Vault::with_customers(3).await;
        let jobs = vault.app.start_jobs();
        vault.app.erase(&local(), ids[2]).await.unwrap();
        for _ in 0..500 {
            if vault.app.status(&local()).await.unwrap().search_ready {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let status = vault.app.status(&local()).await.unwrap();
        assert!(status.search_ready && status.subjects == 2 && status.erased == 1, "{status:?}");
        vault.app.seal();
        assert!(vault.app.public_status().await.unwrap().counts.is_none());
        jobs.stop().await;
        vault.app.close().await;
    }

    /// The server runs use cases in tasks of their own.
    #[test]
    fn use_cases_can_be_spawned() {
        fn is_send<T: Send>(_: impl Fn(&'static App, &'static kluis_model::Actor) -> T) {}
        is_send(|app, actor| app.verify(actor, &|_| {}));
        is_send(|app, actor| app.backup(actor, Vec::new(), &|_| {}));
        is_send(|app, actor| app.restore(actor, std::io::Cursor::new(Vec::new()), &|_| {}));
        is_send(|app, actor| app.key_epoch(actor, &|_| {}));
        is_send(|app, actor| app.key_rotate_index(actor, &|_| {}));
        is_send(|app, actor| app.purpose_set(actor, ""));
        is_send(|app, actor| app.audit_list(actor, crate::AuditQuery::default()));
        is_send(|app, actor| app.proof(actor, "", 0));
        is_send(|app, actor| app.status(actor));
        is_send(|app, actor| app.metrics(actor));
    }
}
