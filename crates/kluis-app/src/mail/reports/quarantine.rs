//! What could not be read: kept sealed for a person to look at, tried again, thrown away, forgotten after a month.

use kluis_crypto::PiiBytes;
use kluis_mail::report::Refusal;
use kluis_model::{Actor, JobId, Lang, Operation, Outcome, Text};
use kluis_store::{MailQuarantineRow, StoreError, Unit};

use super::views::{Ingested, QuarantineView, ReportSource};
use crate::error::NO_ROOM_FOR_REPORTS;
use crate::guard::{Ask, Done};
use crate::{App, AppError, FieldProblem};

/// The name of the table in digests.
const TABLE: &str = "mail_quarantine";
/// The label under which bytes are sealed.
const BYTES: &str = "mail-quarantine";
/// Entries at most.
pub(super) const ENTRIES_MAX: u32 = 500;
/// Bytes of all entries.
const ALL_BYTES_MAX: u64 = 256 << 20;
/// Bytes of one entry: a mail as large as the listener takes, and more.
pub(super) const ENTRY_BYTES_MAX: usize = 48 << 20;

impl App {
    /// Keeps bytes that cannot be read; the same bytes are kept once. Gives their id.
    ///
    /// # Errors
    /// `Unavailable` when there is no room, `Invalid` when they are too large to keep.
    pub(super) async fn quarantine(
        &self,
        actor: &Actor,
        source: ReportSource,
        refusal: Refusal,
        bytes: &[u8],
    ) -> Result<JobId, AppError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(AppError::Invalid(vec![FieldProblem::new(
                "file",
                format!("{} Het is ook te groot om te bewaren.", refusal.message(Lang::Nl)),
                format!("{} It is also too large to keep.", refusal.message(Lang::En)),
            )]));
        }
        let keys = self.keys(actor.shop)?;
        let digest = keys.row_mac(TABLE, &[bytes]);
        // Counted and put down by one at a time, or many at the same moment would all find room.
        let _alone = self.inner.mail.reports.alone.lock().await;
        if let Some(id) = self.store().mail_quarantine_with_digest(actor.shop, digest).await? {
            return Ok(id);
        }
        let size = bytes.len() as u64;
        let (entries, all_bytes) = self.store().mail_quarantine_size(actor.shop).await?;
        if entries >= u64::from(ENTRIES_MAX) || all_bytes.saturating_add(size) > ALL_BYTES_MAX {
            return Err(AppError::Unavailable { what: NO_ROOM_FOR_REPORTS.into() });
        }
        let now = self.now();
        let row = MailQuarantineRow {
            shop: actor.shop,
            id: JobId::generate(now, self.random()),
            at: now,
            source: source.word().to_owned(),
            reason: refusal.to_string(),
            size,
            digest,
        };
        let sealed = keys.seal_note(BYTES, &place(&row), bytes, self.random());
        let mut unit = Unit::new();
        unit.insert_mail_quarantine(&row, &sealed);
        let done = Done { count: 1, reason: Some("quarantined"), detail: Some(digest), ..Done::default() };
        self.add_ok(&mut unit, actor, &Ask::new(Operation::MailChange), &done);
        match self.store().commit(unit).await {
            Ok(_) => Ok(row.id),
            // Another process was quicker with the same bytes.
            Err(StoreError::Conflict { what }) if what == TABLE => {
                let there = self.store().mail_quarantine_with_digest(actor.shop, digest).await?;
                there.ok_or(AppError::Conflict { what: TABLE.into() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What could not be read, newest first; at most 500 entries exist.
    ///
    /// # Errors
    /// Denied, `Sealed`, or when the database does not answer.
    pub async fn mail_quarantine_list(&self, actor: &Actor) -> Result<Vec<QuarantineView>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        self.keys(actor.shop)?;
        // A second node may have written beyond the most for a moment.
        let rows = self.store().mail_quarantines(actor.shop, ENTRIES_MAX * 2).await?;
        rows.into_iter().map(view).collect()
    }

    /// The bytes of something that could not be read: perhaps a mail of a person, so its opening is on record.
    ///
    /// # Errors
    /// Denied, `NotFound`, `Integrity` when somebody changed it.
    pub async fn mail_quarantine_open(
        &self,
        actor: &Actor,
        id: JobId,
    ) -> Result<(QuarantineView, PiiBytes), AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let opened = self.quarantined(actor, id).await;
        let (row, bytes) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        let done =
            Done { count: 1, reason: Some("quarantine_read"), detail: Some(row.digest), ..Done::default() };
        self.write_leaf(actor, &ask, Outcome::Ok, &done).await?;
        Ok((view(row)?, bytes))
    }

    /// Takes something in again that could not be read, as a newer program may be able to; when it can, it is no longer
    /// kept apart.
    ///
    /// # Errors
    /// As [`App::mail_ingest`], and `NotFound`.
    pub async fn mail_quarantine_retry(&self, actor: &Actor, id: JobId) -> Result<Ingested, AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let (row, bytes) = self.quarantined(actor, id).await?;
        let source = view(row)?.source;
        let ingested = self.mail_ingest(actor, source, "", bytes.expose().clone()).await?;
        if ingested.quarantined.is_empty() {
            self.forget_quarantined(actor, id).await?;
        }
        Ok(ingested)
    }

    /// Throws something away that could not be read.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn mail_quarantine_delete(&self, actor: &Actor, id: JobId) -> Result<(), AppError> {
        self.allow(actor, &Ask::new(Operation::MailChange)).await?;
        self.keys(actor.shop)?;
        self.forget_quarantined(actor, id).await
    }

    async fn forget_quarantined(&self, actor: &Actor, id: JobId) -> Result<(), AppError> {
        let mut unit = Unit::new();
        unit.delete_mail_quarantine(actor.shop, id);
        let done = Done { count: 1, reason: Some("quarantine_deleted"), ..Done::default() };
        self.add_ok(&mut unit, actor, &Ask::new(Operation::MailChange), &done);
        match self.store().commit(unit).await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict { what }) if what == TABLE => Err(AppError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    async fn quarantined(&self, actor: &Actor, id: JobId) -> Result<(MailQuarantineRow, PiiBytes), AppError> {
        let keys = self.keys(actor.shop)?;
        let (row, sealed) = self.store().mail_quarantine(actor.shop, id).await?.ok_or(AppError::NotFound)?;
        let bytes = keys
            .open_note(BYTES, &place(&row), &sealed)
            .map_err(|_| AppError::integrity(format!("{TABLE} {id}")))?;
        Ok((row, bytes))
    }
}

/// Everything about an entry, so that its sealed bytes open only where they belong.
fn place(row: &MailQuarantineRow) -> Vec<u8> {
    let mut place = row.id.as_bytes().to_vec();
    place.extend_from_slice(&row.digest);
    place.extend_from_slice(&row.at.0.to_be_bytes());
    place.extend_from_slice(&row.size.to_be_bytes());
    place.extend_from_slice(row.source.as_bytes());
    place.push(0);
    place.extend_from_slice(row.reason.as_bytes());
    place
}

fn view(row: MailQuarantineRow) -> Result<QuarantineView, AppError> {
    let source = ReportSource::from_word(&row.source);
    let source = source.ok_or_else(|| AppError::integrity(format!("{TABLE} {} source", row.id)))?;
    // An older program may have known other reasons.
    let why = Refusal::from_text(&row.reason).map_or_else(
        || Text::new(row.reason.clone(), row.reason.clone()),
        |refusal| Text::new(refusal.message(Lang::Nl), refusal.message(Lang::En)),
    );
    Ok(QuarantineView { id: row.id, at: row.at, source, reason: row.reason, why, size: row.size })
}
