//! Signing keys of DKIM: their rows, how they are written in a unit, and how they are read.

use std::fmt;

use kluis_model::{ShopId, TimeMs};

use crate::read::{all, first};
use crate::sql::Sql;
use crate::value::{Columns, Value};
use crate::{Store, StoreError, Unit};

const INSERT: Sql = Sql::data(
    "-- insert_mail_key
insert into mail_key (shop, domain, selector, created, updated, kind, state, public, sealed, row_mac)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
);

const UPDATE: Sql = Sql::data(
    "-- update_mail_key
update mail_key set updated = $4, state = $5, sealed = $6, row_mac = $7
where shop = $1 and domain = $2 and selector = $3 and updated = $8",
);

const DELETE: Sql = Sql::data(
    "-- delete_mail_key\ndelete from mail_key where shop = $1 and domain = $2 and selector = $3 and updated = $4",
);

const FIND: Sql = Sql::data(
    "-- find_mail_key
select shop, domain, selector, created, updated, kind, state, public, sealed, row_mac from mail_key
where shop = $1 and domain = $2 and selector = $3",
);

const LIST: Sql = Sql::data(
    "-- list_mail_keys
select shop, domain, selector, created, updated, kind, state, public, sealed, row_mac from mail_key
where shop = $1 order by domain, selector limit $2",
);

/// The statements of this file.
#[cfg(test)]
pub(crate) const ALL: &[Sql] = &[INSERT, UPDATE, DELETE, FIND, LIST];

/// A signing key of a domain.
#[derive(Clone, PartialEq, Eq)]
pub struct MailKeyRow {
    /// The shop.
    pub shop: ShopId,
    /// `d=`, in lower case.
    pub domain: String,
    /// `s=`, in lower case.
    pub selector: String,
    /// When it was made.
    pub created: TimeMs,
    /// When the row changed last.
    pub updated: TimeMs,
    /// `rsa2048` or `ed25519`.
    pub kind: String,
    /// `usable`, or `revoked` when the private half was destroyed.
    pub state: String,
    /// The record in the DNS.
    pub public: String,
    /// The private half, sealed; empty when it was destroyed.
    pub sealed: Vec<u8>,
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for MailKeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailKeyRow({}/{} {})", self.domain, self.selector, self.state)
    }
}

impl MailKeyRow {
    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("mail_key", values);
        let (shop, domain, selector) = (row.shop()?, row.text("domain")?, row.text("selector")?);
        row.name_row(format_args!("{domain}/{selector}"));
        Ok(Self {
            shop,
            domain,
            selector,
            created: row.time("created")?,
            updated: row.time("updated")?,
            kind: row.text("kind")?,
            state: row.text("state")?,
            public: row.text("public")?,
            sealed: row.bytes("sealed")?,
            row_mac: row.array("row_mac")?,
        })
    }
}

impl Unit {
    /// Adds a key; conflict `mail_key` when its domain and selector are there.
    pub fn insert_mail_key(&mut self, row: &MailKeyRow) {
        let MailKeyRow { shop, domain, selector, created, updated, kind, state, public, sealed, row_mac } =
            row;
        let values = vec![
            (*shop).into(),
            domain.into(),
            selector.into(),
            (*created).into(),
            (*updated).into(),
            kind.into(),
            state.into(),
            public.into(),
            sealed.into(),
            (*row_mac).into(),
        ];
        self.one(INSERT, "mail_key", values);
    }

    /// Changes the state and the private half of a key; conflict `mail_key` unless it changed last at `before`.
    pub fn update_mail_key(&mut self, row: &MailKeyRow, before: TimeMs) {
        let values = vec![
            row.shop.into(),
            (&row.domain).into(),
            (&row.selector).into(),
            row.updated.into(),
            (&row.state).into(),
            (&row.sealed).into(),
            row.row_mac.into(),
            before.into(),
        ];
        self.one(UPDATE, "mail_key", values);
    }

    /// Forgets a key; nothing happens when it changed since it was read.
    pub fn delete_mail_key(&mut self, row: &MailKeyRow) {
        let values = vec![row.shop.into(), (&row.domain).into(), (&row.selector).into(), row.updated.into()];
        self.any(DELETE, values);
    }
}

impl Store {
    /// Finds a key.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_key(
        &self,
        shop: ShopId,
        domain: &str,
        selector: &str,
    ) -> Result<Option<MailKeyRow>, StoreError> {
        let rows = self.rows(FIND, vec![shop.into(), domain.into(), selector.into()]).await?;
        first(rows, MailKeyRow::read)
    }

    /// Returns the keys in the order of their domains and selectors.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_keys(&self, shop: ShopId, limit: u32) -> Result<Vec<MailKeyRow>, StoreError> {
        all(self.rows(LIST, vec![shop.into(), limit.into()]).await?, MailKeyRow::read)
    }
}
