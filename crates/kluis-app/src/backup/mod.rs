//! Backups: the whole store as one encrypted stream, reading one back into an empty store, moving between databases.
//!
//! A backup may be older than an erasure. So a restore first reads it to its end and checks it,
//! then loads it, then erases again whoever the file beside the keyring names, and only then is
//! anything readable. A crash in between is finished when the vault is unsealed again.

use std::io::{Read, Seek, SeekFrom, Write};

use kluis_crypto::backup::{BackupError, decrypt_reader, encrypt_writer};
use kluis_crypto::merkle::Frontier;
use kluis_model::{Actor, Operation, Outcome, TimeMs};
use kluis_store::{DumpRow, ErasureRow, Store, StoreConfig, StoreError, Unit, Value};
use serde::Serialize;

use crate::audit::RestoreMark;
use crate::audit_file::CheckpointLine;
use crate::erasures_file::SignedErasure;
use crate::guard::{Ask, Done};
use crate::{App, AppError, Progress, SHOP, Step, meta};

mod format;
#[cfg(test)]
mod tests;

use format::{Header, Reading, Writing};

/// The table of customers.
const SUBJECTS: &str = "subject";
/// Rows given to the loader in one go.
const CHUNK: usize = 500;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// When it was made.
    pub made: TimeMs,
    /// Rows of all tables.
    pub rows: u64,
    /// Customers.
    pub customers: u64,
    /// The newest key epoch; once it is destroyed the backup cannot be read any more.
    pub epoch: u32,
}

/// What a restore brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// When the backup was made.
    pub made: TimeMs,
    /// Rows of all tables.
    pub rows: u64,
    /// Customers in the backup.
    pub customers: u64,
    /// Customers who were erased after the backup was made and are erased again.
    pub erased_again: u64,
    /// Lines of the erasures file that this vault did not sign; they were not followed.
    pub lines_ignored: u64,
}

/// What was copied to another database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// Rows of all tables.
    pub rows: u64,
    /// Customers.
    pub customers: u64,
    /// The database it stands in now.
    pub engine: &'static str,
}

impl App {
    /// Writes everything but the keyring as one encrypted stream while the vault goes on working.
    ///
    /// # Errors
    /// `Denied`, or when the output or the database fails; what was written then is refused when read.
    pub async fn backup<W: Write + Send>(
        &self,
        actor: &Actor,
        output: W,
        progress: Progress<'_>,
    ) -> Result<BackupReport, AppError> {
        let ask = Ask::new(Operation::Backup);
        self.allow(actor, &ask).await?;
        self.note_missing_erasures().await?;
        self.write_leaf(actor, &ask, Outcome::Ok, &Done::default()).await?;
        let keys = self.keys(actor.shop)?;
        let counts = self.store().counts(actor.shop).await?;
        let header =
            Header { made: self.now(), shop: actor.shop, node: self.node().to_owned(), epoch: keys.epoch() };
        let recipient = self.unsealed()?.keyring.backup_identity().recipient();
        let encrypted = encrypt_writer(&recipient, output).map_err(|error| output_failed(&error))?;
        let mut writing = Writing::begin(encrypted, &header).map_err(|error| output_failed(&error))?;
        let mut stream = self.store().dump_stream().await?;
        while let Some(rows) = stream.next().await? {
            for row in &rows {
                writing.row(row).map_err(|error| output_failed(&error))?;
            }
            let total = Some((counts.subjects + counts.leaves).max(writing.rows()));
            progress(Step { what: "rows", done: writing.rows(), total });
        }
        let (rows, customers) = (writing.rows(), writing.rows_of(SUBJECTS));
        let encrypted = writing.end(&keys).map_err(|error| output_failed(&error))?;
        let mut output = encrypted.finish().map_err(|error| output_failed(&error))?;
        output.flush().map_err(|error| output_failed(&error))?;
        let mut unit = Unit::new();
        unit.set_meta(meta::BACKUP_AT, &header.made.0.to_be_bytes());
        self.store().commit(unit).await?;
        Ok(BackupReport { made: header.made, rows, customers, epoch: header.epoch })
    }

    /// Reads a backup into the empty store of this vault: first to its end to check it, then to
    /// load it; people erased since are erased again before anything can be read.
    ///
    /// # Errors
    /// `Conflict` when the store is not empty, `Invalid` when it is no whole backup of this vault
    /// or its key epoch is destroyed.
    pub async fn restore<R: Read + Seek + Send>(
        &self,
        actor: &Actor,
        mut input: R,
        progress: Progress<'_>,
    ) -> Result<RestoreReport, AppError> {
        self.allow(actor, &Ask::new(Operation::Restore)).await?;
        if !self.store().is_empty().await? {
            return Err(AppError::Conflict { what: "store".into() });
        }
        let (header, rows, customers) = self.check_backup(&mut input, progress)?;
        input.seek(SeekFrom::Start(0)).map_err(|error| input_failed(&error))?;
        self.load_backup(&mut input, rows, progress).await?;
        let (erased_again, lines_ignored) = self.finish_restore(actor).await?;
        let done = Done { count: rows, ..Done::default() };
        self.write_leaf(actor, &Ask::new(Operation::Restore), Outcome::Ok, &done).await?;
        self.load_register().await?;
        self.make_checkpoint_if_grown().await?;
        Ok(RestoreReport { made: header.made, rows, customers, erased_again, lines_ignored })
    }

    /// Reads a backup to its end; gives its header and its numbers of rows and customers.
    fn check_backup<R: Read + Seek>(
        &self,
        input: &mut R,
        progress: Progress<'_>,
    ) -> Result<(Header, u64, u64), AppError> {
        let keys = self.keys(SHOP)?;
        let mut reading = self.open_backup(input)?;
        let header = reading.header().clone();
        let epochs = self.unsealed()?.keyring.epochs(header.shop);
        let is_live = epochs.iter().any(|epoch| epoch.number == header.epoch && epoch.destroyed.is_none());
        if header.shop != SHOP || !is_live {
            return Err(AppError::invalid(
                "backup",
                "Deze back-up is ouder dan de vernietiging van zijn sleutelperiode en niet meer te lezen.",
                "This backup is from before its key epoch was destroyed and can no longer be read.",
            ));
        }
        while reading.next_row()?.is_some() {
            if reading.rows() % 10_000 == 0 {
                progress(Step { what: "check", done: reading.rows(), total: None });
            }
        }
        reading.check_end(&keys)?;
        Ok((header, reading.rows(), reading.rows_of(SUBJECTS)))
    }

    async fn load_backup<R: Read + Send>(
        &self,
        input: &mut R,
        total: u64,
        progress: Progress<'_>,
    ) -> Result<(), AppError> {
        let keys = self.keys(SHOP)?;
        let mut loader = self.store().loader().await?;
        // Until the erasures are replayed no process may read this store.
        let mark = meta::Sealed { version: 1, text: self.now().to_string() };
        let value = Value::Bytes(meta::seal(&keys, meta::RESTORING, &mark));
        loader
            .push(vec![DumpRow { table: "meta", values: vec![Value::Text(meta::RESTORING.into()), value] }])
            .await?;
        let mut reading = self.open_backup(input)?;
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            let row = reading.next_row()?;
            let at_end = row.is_none();
            chunk.extend(row.filter(|row| !is_restoring(row)));
            if chunk.len() >= CHUNK || at_end {
                loader.push(std::mem::take(&mut chunk)).await?;
                progress(Step { what: "rows", done: reading.rows(), total: Some(total) });
            }
            if at_end {
                break;
            }
        }
        // The input may have been changed between the two readings.
        reading.check_end(&keys)?;
        loader.finish().await?;
        Ok(())
    }

    fn open_backup<R: Read>(&self, input: R) -> Result<Reading<impl Read>, AppError> {
        let unsealed = self.unsealed()?;
        let decrypted =
            decrypt_reader(unsealed.keyring.backup_identity(), input).map_err(|error| match error {
                BackupError::OtherVault => AppError::invalid(
                    "backup",
                    "Deze back-up is van een andere kluis of hoort bij een andere sleutelbos.",
                    "This backup is of another vault or belongs to another keyring.",
                ),
                BackupError::Read(error) => input_failed(&error),
                _ => format::damaged(),
            })?;
        Reading::begin(decrypted)
    }

    /// What stands between a loaded store and reading from it: the logs begin anew from where the
    /// backup was, and everybody erased since is erased again.
    async fn finish_restore(&self, actor: &Actor) -> Result<(u64, u64), AppError> {
        self.inner.checkpoints.clear();
        self.inner.search.clear();
        self.inner.sign_ins.clear();
        self.inner.register_version.store(0, std::sync::atomic::Ordering::SeqCst);
        self.mark_restored().await?;
        // What the law protects is decided by the register that was in force.
        self.load_register().await?;
        let (noted, ignored) = self.noted_erasures()?;
        let mut again = 0;
        for erasure in noted {
            let known = self.store().erasure(erasure.receipt.shop, erasure.receipt.subject).await?;
            if known.is_none_or(|known| known.at < erasure.receipt.erased_at)
                && self.erase_noted(actor, erasure).await?
            {
                again += 1;
            }
        }
        self.finish_pending().await?;
        let mut unit = Unit::new();
        unit.set_meta(meta::RESTORING, b"");
        self.store().commit(unit).await?;
        Ok((again, ignored))
    }

    async fn erase_noted(&self, actor: &Actor, erasure: SignedErasure) -> Result<bool, AppError> {
        let receipt = erasure.receipt;
        let row = ErasureRow {
            shop: receipt.shop,
            subject: receipt.subject,
            at: receipt.erased_at,
            classes: receipt.classes,
            receipt: erasure.note,
            backups_until: receipt.backups_unreadable_from,
            epoch: receipt.epoch,
            complete: false,
        };
        self.erase_again(actor, &row).await
    }

    /// Signs into the file outside the database that the logs were set back to where the backup was.
    async fn mark_restored(&self) -> Result<(), AppError> {
        let unsealed = self.unsealed()?;
        for log in self.store().log_names().await? {
            let Some(head) = self.store().log_head(&log).await? else { continue };
            let frontier = Frontier::decode(&head.frontier)
                .map_err(|_| AppError::integrity(format!("log_head {log} frontier")))?;
            let mark = RestoreMark { log: log.clone(), size: head.size, root: frontier.root() };
            let note = unsealed.keyring.note_signer(&log).sign(&mark.encode(self.now()));
            self.append_to_file(&CheckpointLine { log, size: head.size, note })?;
        }
        Ok(())
    }

    /// Finishes a restore that was cut short after loading; called when the vault is unsealed.
    pub(crate) async fn resume_restore(&self) -> Result<(), AppError> {
        let Some(bytes) = self.store().meta(meta::RESTORING).await?.filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        meta::open(&*self.keys(SHOP)?, meta::RESTORING, &bytes)?;
        tracing::warn!("a restore was cut short; it is finished now");
        let actor = self.job_actor("restore");
        self.finish_restore(&actor).await?;
        self.write_leaf(&actor, &Ask::new(Operation::Restore), Outcome::Ok, &Done::default()).await
    }

    /// Copies everything but the keyring to another, empty database.
    ///
    /// # Errors
    /// `Denied`, `Conflict` when the other is not empty, or when either does not answer.
    pub async fn copy_to(
        &self,
        actor: &Actor,
        config: &StoreConfig,
        progress: Progress<'_>,
    ) -> Result<CopyReport, AppError> {
        let ask = Ask::new(Operation::StoreCopy);
        self.allow(actor, &ask).await?;
        self.note_missing_erasures().await?;
        self.write_leaf(actor, &ask, Outcome::Ok, &Done::default()).await?;
        self.make_checkpoint_if_grown().await?;
        let counts = self.store().counts(actor.shop).await?;
        let target = Store::open(config, self.node()).await?;
        let copied = self.copy_rows(&target, counts.subjects + counts.leaves, progress).await;
        target.close().await;
        let (rows, customers) = copied?;
        Ok(CopyReport { rows, customers, engine: target.engine().name() })
    }

    async fn copy_rows(
        &self,
        target: &Store,
        total: u64,
        progress: Progress<'_>,
    ) -> Result<(u64, u64), StoreError> {
        let mut loader = target.loader().await?;
        let mut stream = self.store().dump_stream().await?;
        let (mut done, mut customers) = (0, 0);
        while let Some(rows) = stream.next().await? {
            done += rows.len() as u64;
            customers += rows.iter().filter(|row| row.table == SUBJECTS).count() as u64;
            loader.push(rows).await?;
            progress(Step { what: "rows", done, total: Some(total.max(done)) });
        }
        Ok((loader.finish().await?, customers))
    }
}

/// The row of an earlier restore's mark, which a backup may hold.
fn is_restoring(row: &DumpRow) -> bool {
    row.table == "meta" && matches!(row.values.first(), Some(Value::Text(key)) if key == meta::RESTORING)
}

fn output_failed(error: &std::io::Error) -> AppError {
    AppError::Unavailable { what: format!("the backup cannot be written: {}", error.kind()) }
}

fn input_failed(error: &std::io::Error) -> AppError {
    AppError::Unavailable { what: format!("the backup cannot be read: {}", error.kind()) }
}
