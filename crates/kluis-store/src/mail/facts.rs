//! Small facts about mail that last, each under a kind and a name: key changes under way, yesterday's DNS, digests.

use std::fmt;

use kluis_model::{ShopId, TimeMs};

use crate::read::{all, first};
use crate::sql::Sql;
use crate::value::{Columns, Value};
use crate::{Store, StoreError, Unit};

const PUT_NEW: Sql = Sql::data(
    "-- insert_mail_fact
insert into mail_fact (shop, kind, name, updated, version, value, row_mac)
values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
);

const REPLACE: Sql = Sql::data(
    "-- update_mail_fact
update mail_fact set updated = $4, version = $5, value = $6, row_mac = $7
where shop = $1 and kind = $2 and name = $3 and version = $8",
);

const DELETE: Sql =
    Sql::data("-- delete_mail_fact\ndelete from mail_fact where shop = $1 and kind = $2 and name = $3");

const FIND: Sql = Sql::data(
    "-- find_mail_fact
select shop, kind, name, updated, version, value, row_mac from mail_fact
where shop = $1 and kind = $2 and name = $3",
);

const LIST: Sql = Sql::data(
    "-- list_mail_facts
select shop, kind, name, updated, version, value, row_mac from mail_fact
where shop = $1 and kind = $2 order by name limit $3",
);

const PAGE: Sql = Sql::data(
    "-- page_mail_facts
select shop, kind, name, updated, version, value, row_mac from mail_fact
where shop = $1 and (kind, name) > ($2, $3) order by kind, name limit $4",
);

/// The statements of this file.
#[cfg(test)]
pub(crate) const ALL: &[Sql] = &[PUT_NEW, REPLACE, DELETE, FIND, LIST, PAGE];

/// A fact.
#[derive(Clone, PartialEq, Eq)]
pub struct MailFactRow {
    /// The shop.
    pub shop: ShopId,
    /// What kind of fact, such as `rotation`.
    pub kind: String,
    /// Which one of its kind, such as a domain.
    pub name: String,
    /// When it changed last.
    pub updated: TimeMs,
    /// 1 for a new one; each change adds one.
    pub version: u64,
    /// JSON of its kind.
    pub value: String,
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for MailFactRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailFactRow({} {} v{})", self.kind, self.name, self.version)
    }
}

impl MailFactRow {
    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("mail_fact", values);
        Ok(Self {
            shop: row.shop()?,
            kind: row.text("kind")?,
            name: row.text("name")?,
            updated: row.time("updated")?,
            version: row.number("version")?,
            value: row.text("value")?,
            row_mac: row.array("row_mac")?,
        })
    }
}

impl Unit {
    /// Adds a fact of version 1, or replaces the one of the version before; else conflict `mail_fact`.
    pub fn put_mail_fact(&mut self, row: &MailFactRow) {
        let MailFactRow { shop, kind, name, updated, version, value, row_mac } = row;
        let mut values: Vec<Value> = vec![
            (*shop).into(),
            kind.into(),
            name.into(),
            (*updated).into(),
            (*version).into(),
            value.into(),
            (*row_mac).into(),
        ];
        if *version <= 1 {
            self.one(PUT_NEW, "mail_fact", values);
        } else {
            values.push((*version - 1).into());
            self.one(REPLACE, "mail_fact", values);
        }
    }

    /// Forgets a fact.
    pub fn delete_mail_fact(&mut self, shop: ShopId, kind: &str, name: &str) {
        self.any(DELETE, vec![shop.into(), kind.into(), name.into()]);
    }
}

impl Store {
    /// Finds a fact.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_fact(
        &self,
        shop: ShopId,
        kind: &str,
        name: &str,
    ) -> Result<Option<MailFactRow>, StoreError> {
        let rows = self.rows(FIND, vec![shop.into(), kind.into(), name.into()]).await?;
        first(rows, MailFactRow::read)
    }

    /// Returns the facts of a kind in the order of their names.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_facts(
        &self,
        shop: ShopId,
        kind: &str,
        limit: u32,
    ) -> Result<Vec<MailFactRow>, StoreError> {
        all(self.rows(LIST, vec![shop.into(), kind.into(), limit.into()]).await?, MailFactRow::read)
    }

    /// Pages through facts of every kind in the order of kind and name, for verification.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_mail_facts(
        &self,
        shop: ShopId,
        after: Option<&MailFactRow>,
        limit: u32,
    ) -> Result<Vec<MailFactRow>, StoreError> {
        let (kind, name) = after.map_or(("", ""), |row| (row.kind.as_str(), row.name.as_str()));
        let values = vec![shop.into(), kind.into(), name.into(), limit.into()];
        all(self.rows(PAGE, values).await?, MailFactRow::read)
    }
}
