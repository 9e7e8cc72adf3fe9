//! Small facts about mail that last, sealed against changes from outside: read, written with a version.

use kluis_crypto::ShopKeys;
use kluis_model::TimeMs;
use kluis_store::{MailFactRow, Unit};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{App, AppError, SHOP};

/// The name of the table in seals.
const TABLE: &str = "mail_fact";
/// Facts of one kind in a list.
const LIST_MAX: u32 = 1_000;

/// A fact with what is needed to replace it.
#[derive(Debug, Clone)]
pub(crate) struct Fact<T> {
    /// Which one of its kind.
    pub(crate) name: String,
    /// What it says.
    pub(crate) value: T,
    /// When it changed last.
    pub(crate) updated: TimeMs,
    /// Pass it to [`App::put_fact`].
    pub(crate) version: u64,
}

impl App {
    /// Reads a fact.
    pub(crate) async fn fact<T: DeserializeOwned>(
        &self,
        kind: &str,
        name: &str,
    ) -> Result<Option<Fact<T>>, AppError> {
        match self.store().mail_fact(SHOP, kind, name).await? {
            Some(row) => Ok(Some(self.open_fact(row)?)),
            None => Ok(None),
        }
    }

    /// Reads the facts of a kind, at most 1,000, in the order of their names.
    pub(crate) async fn facts<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<Fact<T>>, AppError> {
        let rows = self.store().mail_facts(SHOP, kind, LIST_MAX).await?;
        rows.into_iter().map(|row| self.open_fact(row)).collect()
    }

    /// Adds to a unit that a fact is written; `version` is that of the fact that was read, 0 for a new one. The unit
    /// conflicts when somebody else was quicker.
    pub(crate) fn put_fact<T: Serialize>(
        &self,
        unit: &mut Unit,
        (kind, name): (&str, &str),
        value: &T,
        version: u64,
    ) -> Result<(), AppError> {
        let value =
            serde_json::to_string(value).map_err(|_| AppError::integrity(format!("{TABLE} {kind}")))?;
        let mut row = MailFactRow {
            shop: SHOP,
            kind: kind.to_owned(),
            name: name.to_owned(),
            updated: self.now(),
            version: version + 1,
            value,
            row_mac: [0; 32],
        };
        let keys = self.keys(SHOP)?;
        row.row_mac = with_parts(&row, |parts| keys.row_mac(TABLE, parts));
        unit.put_mail_fact(&row);
        Ok(())
    }

    fn open_fact<T: DeserializeOwned>(&self, row: MailFactRow) -> Result<Fact<T>, AppError> {
        let broken = || AppError::integrity(format!("{TABLE} {} {}", row.kind, row.name));
        let keys = self.keys(SHOP)?;
        if !mail_fact_agrees(&keys, &row) {
            return Err(broken());
        }
        let value = serde_json::from_str(&row.value).map_err(|_| broken())?;
        Ok(Fact { name: row.name, value, updated: row.updated, version: row.version })
    }
}

/// Whether nobody changed a fact outside this program.
pub(crate) fn mail_fact_agrees(keys: &ShopKeys, row: &MailFactRow) -> bool {
    with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac))
}

fn with_parts<T>(row: &MailFactRow, act: impl FnOnce(&[&[u8]]) -> T) -> T {
    act(&[
        &row.shop.0.to_be_bytes(),
        row.kind.as_bytes(),
        row.name.as_bytes(),
        &row.updated.0.to_be_bytes(),
        &row.version.to_be_bytes(),
        row.value.as_bytes(),
    ])
}
