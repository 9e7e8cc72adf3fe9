//! What arrived as a report and could not be read: rows, how they are written and read.

use kluis_model::{JobId, ShopId, TimeMs};

use super::reports::{first_id_of, read_id};
use crate::read::{all, first};
use crate::sql::Sql;
use crate::value::{Columns, Value};
use crate::{Store, StoreError, Unit};

const INSERT: Sql = Sql::data(
    "-- insert_mail_quarantine
insert into mail_quarantine (shop, id, at, source, reason, size, digest, sealed)
values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
);

const DELETE: Sql =
    Sql::data("-- delete_mail_quarantine\ndelete from mail_quarantine where shop = $1 and id = $2");

const FIND: Sql = Sql::data(
    "-- find_mail_quarantine
select shop, id, at, source, reason, size, digest, sealed from mail_quarantine where shop = $1 and id = $2",
);

const WITH_DIGEST: Sql = Sql::data(
    "-- find_mail_quarantine_digest\nselect id from mail_quarantine where shop = $1 and digest = $2",
);

const NEWEST: Sql = Sql::data(
    "-- mail_quarantines
select shop, id, at, source, reason, size, digest from mail_quarantine where shop = $1 order by id desc limit $2",
);

const SIZE: Sql = Sql::data(
    "-- mail_quarantine_size
select count(*), cast(coalesce(sum(size), 0) as bigint) from mail_quarantine where shop = $1",
);

const BEFORE: Sql = Sql::data(
    "-- mail_quarantine_before\nselect id from mail_quarantine where shop = $1 and id < $2 order by id limit $3",
);

/// The statements of this file.
#[cfg(test)]
pub(crate) const ALL: &[Sql] = &[INSERT, DELETE, FIND, WITH_DIGEST, NEWEST, SIZE, BEFORE];

/// What arrived as a report and could not be read, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailQuarantineRow {
    /// The shop.
    pub shop: ShopId,
    /// The id; what came in later has a larger one.
    pub id: JobId,
    /// When it came in.
    pub at: TimeMs,
    /// How it came in.
    pub source: String,
    /// Why it cannot be read.
    pub reason: String,
    /// Bytes before sealing.
    pub size: u64,
    /// A keyed digest of the bytes.
    pub digest: [u8; 32],
}

impl MailQuarantineRow {
    fn read_from(row: &mut Columns) -> Result<Self, StoreError> {
        let (shop, id) = (row.shop()?, row.id("id")?);
        row.name_row(id);
        Ok(Self {
            shop,
            id,
            at: row.time("at")?,
            source: row.text("source")?,
            reason: row.text("reason")?,
            size: row.number("size")?,
            digest: row.array("digest")?,
        })
    }

    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        Self::read_from(&mut Columns::of("mail_quarantine", values))
    }

    fn read_with_bytes(values: Vec<Value>) -> Result<(Self, Vec<u8>), StoreError> {
        let mut row = Columns::of("mail_quarantine", values);
        let entry = Self::read_from(&mut row)?;
        Ok((entry, row.bytes("sealed")?))
    }
}

impl Unit {
    /// Keeps what could not be read; conflict `mail_quarantine` when the same bytes are there.
    pub fn insert_mail_quarantine(&mut self, row: &MailQuarantineRow, sealed: &[u8]) {
        let values = vec![
            row.shop.into(),
            row.id.into(),
            row.at.into(),
            (&row.source).into(),
            (&row.reason).into(),
            row.size.into(),
            row.digest.into(),
            sealed.into(),
        ];
        self.one(INSERT, "mail_quarantine", values);
    }

    /// Forgets what could not be read; conflict `mail_quarantine` when it is not there.
    pub fn delete_mail_quarantine(&mut self, shop: ShopId, id: JobId) {
        self.one(DELETE, "mail_quarantine", vec![shop.into(), id.into()]);
    }
}

impl Store {
    /// Finds something unreadable with its sealed bytes.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_quarantine(
        &self,
        shop: ShopId,
        id: JobId,
    ) -> Result<Option<(MailQuarantineRow, Vec<u8>)>, StoreError> {
        let rows = self.rows(FIND, vec![shop.into(), id.into()]).await?;
        first(rows, MailQuarantineRow::read_with_bytes)
    }

    /// Finds the id under which the same bytes are kept.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_quarantine_with_digest(
        &self,
        shop: ShopId,
        digest: [u8; 32],
    ) -> Result<Option<JobId>, StoreError> {
        first(self.rows(WITH_DIGEST, vec![shop.into(), digest.into()]).await?, read_id)
    }

    /// Returns what could not be read, newest first, without its bytes.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_quarantines(
        &self,
        shop: ShopId,
        limit: u32,
    ) -> Result<Vec<MailQuarantineRow>, StoreError> {
        all(self.rows(NEWEST, vec![shop.into(), limit.into()]).await?, MailQuarantineRow::read)
    }

    /// Returns how many things could not be read and how many bytes they have.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mail_quarantine_size(&self, shop: ShopId) -> Result<(u64, u64), StoreError> {
        let rows = self.rows(SIZE, vec![shop.into()]).await?;
        let size = first(rows, |row| {
            let mut row = Columns::of("mail_quarantine", row);
            Ok((row.number("count")?, row.number("size")?))
        })?;
        Ok(size.unwrap_or_default())
    }

    /// Names what could not be read and came in before a moment, oldest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_quarantine_before(
        &self,
        shop: ShopId,
        before: TimeMs,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        let values = vec![shop.into(), first_id_of(before).into(), limit.into()];
        all(self.rows(BEFORE, values).await?, read_id)
    }
}
