//! Use cases of the vault: every operation on customer data, its grant check and its audit leaf, without HTTP words.
//!
//! A front end (the web server, the command line) holds one [`App`], builds a
//! [`kluis_model::access::Actor`] for whoever is asking and calls a use case. A use case checks
//! the grant, builds one `Unit` with every change and its audit leaf, waits until that unit is
//! durable and only then answers: no audit, no data.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kluis_crypto::{Keyring, RootKey, ShopKeys};
use kluis_model::purposes::Register;
use kluis_model::{Clock, Random, ShopId, TimeMs};
use kluis_store::Store;
use parking_lot::RwLock;

mod budget;
mod consent;
mod error;
mod guard;
mod idempotency;
mod open;
mod record;
mod search;
mod subject;

// The other half of the use cases, one `impl App` block per file.

pub use error::{AppError, Denial, FieldProblem};

/// The vault as its front ends see it; clones share one state and are cheap.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

/// What every use case reaches: the store, the keys while unsealed, time and randomness.
pub(crate) struct Inner {
    /// The database behind the committer.
    pub(crate) store: Store,
    /// The keyring file; `erasures` lies beside it.
    pub(crate) keyring_path: PathBuf,
    /// The folder for files a job leaves behind: rejects, exports, spools.
    pub(crate) data_dir: PathBuf,
    /// The name of this node and of its audit log.
    pub(crate) node: String,
    /// The keys while the vault is unsealed; `None` while it is sealed.
    pub(crate) unsealed: RwLock<Option<Arc<Unsealed>>>,
    /// The purpose register in force; swapped as a whole.
    pub(crate) register: RwLock<Arc<Register>>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The randomness.
    pub(crate) random: Arc<dyn Random>,
    /// The name index in RAM.
    pub(crate) search: Arc<search::SearchIndex>,
}

/// The keys of an unsealed vault; replaced as a whole when a key changes, dropped on sealing.
pub(crate) struct Unsealed {
    /// The opened keyring.
    pub(crate) keyring: Keyring,
    /// The root key, kept to seal the keyring file again after a key change.
    pub(crate) root: RootKey,
}

impl App {
    /// The present moment by the clock of this vault.
    #[must_use]
    pub fn now(&self) -> TimeMs {
        self.inner.clock.now()
    }

    /// The name of this node, which is also the name of its audit log.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.inner.node
    }

    /// The folder for files that jobs leave behind.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// The purpose register in force.
    #[must_use]
    pub fn register(&self) -> Arc<Register> {
        Arc::clone(&self.inner.register.read())
    }

    /// Whether the keys are in memory.
    #[must_use]
    pub fn is_unsealed(&self) -> bool {
        self.inner.unsealed.read().is_some()
    }

    /// The database.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The randomness.
    pub(crate) fn random(&self) -> &dyn Random {
        &*self.inner.random
    }

    /// The keys in memory, or [`AppError::Sealed`].
    pub(crate) fn unsealed(&self) -> Result<Arc<Unsealed>, AppError> {
        self.inner.unsealed.read().clone().ok_or(AppError::Sealed)
    }

    /// The keys of one shop, or [`AppError::Sealed`].
    pub(crate) fn keys(&self, shop: ShopId) -> Result<Arc<ShopKeys>, AppError> {
        self.unsealed()?.keyring.shop(shop).ok_or(AppError::NotFound)
    }
}
