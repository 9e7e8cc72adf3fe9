//! Key epochs: a new key that wraps all data keys, wrapping the live ones anew, destroying the old key.
//!
//! Destroying an epoch makes every backup from before the new wrapping unreadable, and with it
//! whatever those backups hold of erased people. Every step can be repeated: what is wrapped
//! under an older epoch than the newest is found by its number.

use kluis_crypto::{DekPlace, EPOCH_KEEP_MS, EPOCH_PERIOD_MS, Epoch};
use kluis_model::audit::Operation;
use kluis_model::{Actor, ShopId};
use kluis_store::{DekRow, StoreError, Unit};
use serde::Serialize;

use super::{EVERYBODY_KNOWS, change_problem};
use crate::guard::Ask;
use crate::{App, AppError, Progress, Step};

/// Keys wrapped anew in one unit.
const BATCH: u32 = 500;

/// What a change of epoch did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EpochReport {
    /// The number of the epoch that wraps everything now.
    pub epoch: u32,
    /// Data keys that were wrapped anew.
    pub rewrapped: u64,
    /// Epochs whose keys were destroyed.
    pub destroyed: Vec<u32>,
    /// The version of the index key in use; earlier ones are destroyed too.
    pub index_version: u8,
}

impl App {
    /// Begins a new epoch, wraps all live data keys under it and destroys the keys of all earlier
    /// epochs; begun again after an interruption, it goes on where it was. The index key is replaced
    /// with it: under the old one an old backup would still confirm a guessed e-mail address of an
    /// erased customer.
    ///
    /// # Errors
    /// `Denied`, `Integrity` when a data key does not open, or when the store does not answer; the
    /// old epochs are destroyed only when nothing needs them any more.
    pub async fn key_epoch(&self, actor: &Actor, progress: Progress<'_>) -> Result<EpochReport, AppError> {
        self.allow(actor, &Ask::new(Operation::KeyChange)).await?;
        let (mut report, older) = self.new_epoch(actor, progress).await?;
        for epoch in older.iter().filter(|epoch| epoch.destroyed.is_none()) {
            self.destroy_epoch(actor, epoch.number).await?;
            report.destroyed.push(epoch.number);
        }
        report.index_version = self.key_rotate_index(actor, progress).await?.version;
        Ok(report)
    }

    /// The monthly housekeeping: a new epoch and index key when the newest is a month old, and destroying those
    /// that were replaced a month ago.
    pub(crate) async fn keep_epochs(&self, shop: ShopId) -> Result<(), AppError> {
        let actor = self.job_actor("epochs");
        let now = self.now();
        let epochs = self.unsealed()?.keyring.epochs(shop);
        let Some(newest) = epochs.last().copied() else { return Ok(()) };
        let is_due = now.0.saturating_sub(newest.created.0) >= EPOCH_PERIOD_MS;
        if is_due || self.has_old_keys(shop, &epochs).await? {
            self.new_epoch(&actor, &|_| {}).await?;
        }
        let epochs = self.unsealed()?.keyring.epochs(shop);
        for pair in epochs.windows(2) {
            let replaced_ms = now.0.saturating_sub(pair[1].created.0);
            if pair[0].destroyed.is_none() && replaced_ms >= EPOCH_KEEP_MS {
                self.destroy_epoch(&actor, pair[0].number).await?;
            }
        }
        // Last, so that a customer whose row is damaged cannot keep an old epoch alive.
        if is_due || self.keys(shop)?.index_versions().len() > 1 {
            self.key_rotate_index(&actor, &|_| {}).await?;
        }
        Ok(())
    }

    /// Whether an earlier wrapping anew was cut short.
    async fn has_old_keys(&self, shop: ShopId, epochs: &[Epoch]) -> Result<bool, AppError> {
        let older = epochs.len().saturating_sub(1);
        for epoch in epochs[..older].iter().filter(|epoch| epoch.destroyed.is_none()) {
            if self.store().count_deks_of_epoch(shop, epoch.number).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds an epoch unless one is half used, and wraps everything under it; gives the older ones.
    async fn new_epoch(
        &self,
        actor: &Actor,
        progress: Progress<'_>,
    ) -> Result<(EpochReport, Vec<Epoch>), AppError> {
        let shop = actor.shop;
        let epochs = self.unsealed()?.keyring.epochs(shop);
        if self.has_old_keys(shop, &epochs).await? {
            tracing::info!("an interrupted change of key epoch goes on");
        } else {
            self.key_leaf(actor, "epoch_begun", 1).await?;
            let (now, random) = (self.now(), self.random());
            self.change_keyring(|keyring, _, _| {
                keyring.add_epoch(shop, now, random).map_err(change_problem)
            })?;
        }
        // Every process that still wraps under the old epoch has noticed the new one after this.
        tokio::time::sleep(EVERYBODY_KNOWS).await;
        let mut older = self.unsealed()?.keyring.epochs(shop);
        let newest = older.pop().map_or(0, |epoch| epoch.number);
        let mut report = EpochReport { epoch: newest, ..EpochReport::default() };
        for epoch in older.iter().filter(|epoch| epoch.destroyed.is_none()) {
            report.rewrapped += self.rewrap(shop, epoch.number, report.rewrapped, progress).await?;
        }
        self.key_leaf(actor, "epoch_rewrapped", report.rewrapped).await?;
        Ok((report, older))
    }

    /// Wraps all data keys of an epoch under the newest one; gives how many.
    async fn rewrap(
        &self,
        shop: ShopId,
        epoch: u32,
        before: u64,
        progress: Progress<'_>,
    ) -> Result<u64, AppError> {
        let total = before + self.store().count_deks_of_epoch(shop, epoch).await?;
        let mut done = 0;
        loop {
            let rows = self.store().page_deks_of_epoch(shop, epoch, BATCH).await?;
            if rows.is_empty() {
                return Ok(done);
            }
            let rewrapped = rows.iter().map(|row| self.rewrapped(row)).collect::<Result<Vec<_>, _>>()?;
            let mut unit = Unit::new();
            rewrapped.iter().for_each(|row| unit.replace_dek(row));
            match self.store().commit(unit).await {
                Ok(_) => {}
                Err(StoreError::Conflict { .. }) => self.replace_singly(&rewrapped).await?,
                Err(other) => return Err(other.into()),
            }
            done += rows.len() as u64;
            progress(Step { what: "keys", done: before + done, total: Some(total) });
        }
    }

    /// The fallback when somebody of the batch was erased meanwhile: that key is gone and stays gone.
    async fn replace_singly(&self, rows: &[DekRow]) -> Result<(), AppError> {
        for row in rows {
            let mut unit = Unit::new();
            unit.replace_dek(row);
            match self.store().commit(unit).await {
                Ok(_) | Err(StoreError::Conflict { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    fn rewrapped(&self, row: &DekRow) -> Result<DekRow, AppError> {
        let keys = self.keys(row.shop)?;
        let place = dek_place(row);
        let dek = keys.unwrap_dek(&place, row.epoch, &row.wrapped).map_err(|problem| {
            AppError::integrity(format!("deks {} {}: {problem}", row.subject, row.class))
        })?;
        let (epoch, wrapped) = keys.wrap_dek(&dek, &place, self.random());
        Ok(DekRow { epoch, wrapped, ..row.clone() })
    }

    async fn destroy_epoch(&self, actor: &Actor, number: u32) -> Result<(), AppError> {
        let shop = actor.shop;
        // Nothing under the old epoch twice in a row, with time for the slowest in between: a key
        // that somebody is just writing under it would be lost with its customer.
        loop {
            self.rewrap(shop, number, 0, &|_| {}).await?;
            tokio::time::sleep(EVERYBODY_KNOWS).await;
            if self.store().count_deks_of_epoch(shop, number).await? == 0 {
                break;
            }
        }
        self.key_leaf(actor, "epoch_destroyed", 1).await?;
        let now = self.now();
        self.change_keyring(|keyring, _, _| keyring.destroy_epoch(shop, number, now).map_err(change_problem))
    }
}

/// Whose data key a row is.
pub(crate) fn dek_place(row: &DekRow) -> DekPlace {
    DekPlace { shop: row.shop, subject: row.subject, class: row.class, dek_gen: row.dek_gen }
}
