//! Use cases on one customer: create, read, look up, update, erase, record an event.

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod abuse_tests;
mod bulk;
mod create;
mod draft;
mod erase;
mod lookup;
mod read;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;
mod update;

use std::sync::Arc;

use kluis_crypto::ShopKeys;
use kluis_model::minimise::Dropped;
use kluis_model::{Actor, FieldName, SubjectId};
use kluis_store::{DekRow, SubjectRow};

use crate::guard::Ask;
use crate::record::Stored;
use crate::{App, AppError};

pub use crate::record::Revealed;
pub use bulk::BULK_MAX;
pub use draft::NewSubject;
pub use erase::{ErasePreview, Erased, ErasureReceiptView, KeptByLaw};

pub(crate) use erase::SHRED;

/// How often a change without an expected version is tried anew when somebody else was first.
pub(crate) const CHANGE_TRIES: u32 = 8;

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The customer.
    pub id: SubjectId,
    /// The version of the row now.
    pub version: u64,
    /// The fields that are stored now.
    pub kept: Vec<FieldName>,
    /// What was not stored, and why.
    pub dropped: Vec<Dropped>,
}

/// A customer from the database with the keys that open it.
pub(crate) struct Loaded {
    pub(crate) keys: Arc<ShopKeys>,
    pub(crate) stored: Stored,
}

impl App {
    /// The customer, checked; that there is none, or that the row does not agree with its seal,
    /// is audited.
    pub(crate) async fn load(&self, actor: &Actor, ask: &Ask<'_>, id: SubjectId) -> Result<Loaded, AppError> {
        match self.store().find_subject_keys(actor.shop, id).await? {
            None => Err(self.failed(actor, ask, "not_found", AppError::NotFound).await),
            Some((row, deks)) => match self.checked(row, deks) {
                Ok(loaded) => Ok(loaded),
                Err(error) => Err(self.audited(actor, ask, error).await),
            },
        }
    }

    /// A row with the keys to open it, checked; looks at the keyring file again when the row is
    /// sealed under a newer epoch than this process knows.
    pub(crate) fn checked(&self, row: SubjectRow, deks: Vec<DekRow>) -> Result<Loaded, AppError> {
        let mut keys = self.keys(row.shop)?;
        if deks.iter().any(|dek| dek.epoch > keys.epoch()) {
            keys = self.keys_anew(row.shop)?;
        }
        let stored = Stored::check(&keys, row, deks)?;
        Ok(Loaded { keys, stored })
    }
}
