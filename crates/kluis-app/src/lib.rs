//! Use cases of the vault: every operation on customer data, its grant check and its audit leaf, without HTTP words.
//!
//! A front end (the web server, the command line) holds one [`App`], builds a
//! [`kluis_model::access::Actor`] for whoever is asking and calls a use case. A use case checks
//! the grant, builds one `Unit` with every change and its audit leaf, waits until that unit is
//! durable and only then answers: no audit, no data.
//!
//! Start at [`App::open`], [`App::initialise`] and [`App::unseal`].
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use kluis_crypto::{Keyring, RootKey, ShopKeys};
use kluis_model::register::Register;
use kluis_model::{Clock, Random, ShopId, TimeMs};
use kluis_store::Store;
use parking_lot::RwLock;

mod access_report;
mod audit;
mod audit_file;
mod backup;
mod budget;
mod check;
mod consent;
mod credential;
mod erasures_file;
mod error;
mod export;
mod guard;
mod idempotency;
mod import;
mod import_job;
mod jobs;
mod keys;
mod keys_file;
pub mod limiter;
mod mail;
mod meta;
mod metrics;
mod open;
mod purpose;
mod record;
mod search;
mod status;
mod subject;
#[cfg(test)]
mod testing;
mod token;
mod usage;
mod verify;

// The other half of the use cases, one `impl App` block per file.
pub use access_report::*;
pub use consent::*;
pub use export::*;
pub use idempotency::*;
pub use import::*;
pub use import_job::{ImportJobView, ImportJobs, ImportState, ImportUpload};
pub use search::*;
pub use subject::*;

pub use audit::{AuditEntry, AuditQuery, ConsistencyProof, LogView, Proof};
pub use backup::{BackupReport, CopyReport, RestoreReport};
pub use check::{
    CHECK_LIST_MAX, CHECK_PARTS, CheckDomain, CheckOptions, CheckProblem, CheckResult, CheckSettings,
    CheckState, CheckStep, CheckSummary, CheckView, LastCheck, OwnerPublishes,
};
pub use credential::{CredentialInput, CredentialKindInput, CredentialView, NewCredential};
pub use error::{AppError, Denial, FieldProblem};
pub use jobs::{JobLoop, Pending};
pub use keys::{EpochReport, EpochView, IndexReport, KeyList, SlotView};
pub use kluis_connect as connect;
pub use kluis_store::{Engine, PostgresTls, StoreConfig};
pub use mail::*;
pub use metrics::{MailMetrics, MetricsSnapshot};
pub use open::{AppOptions, FirstCredential, SealWith, UnsealWith};
pub use purpose::{LostField, PurposeChange};
pub use status::{Attention, PublicCounts, PublicStatus, Status, Tone};
pub use usage::UsageLine;
pub use verify::{Finding, FindingKind, VerifyReport};

/// The one shop of this version; every row names it, so that more can come.
pub const SHOP: ShopId = ShopId(1);

/// How far a long operation is; called often, so it must be quick.
pub type Progress<'a> = &'a (dyn Fn(Step) + Send + Sync);

/// One report of a long operation: what it does now and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done: `leaves`, `rows`, `keys`, …
    pub what: &'static str,
    /// How many are done.
    pub done: u64,
    /// How many there are, when known.
    pub total: Option<u64>,
}

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
    /// Notices when another process changed the keyring file.
    pub(crate) watch: keys::Watch,
    /// The purpose register in force; swapped as a whole.
    pub(crate) register: RwLock<Arc<Register>>,
    /// The newest version of it that this process has seen; only a restore goes back.
    pub(crate) register_version: AtomicU64,
    /// Credentials looked up in the last seconds.
    pub(crate) sign_ins: credential::SignIns,
    /// Credentials that guessed too often which values are taken.
    pub(crate) guessers: budget::Guessers,
    /// What happened since the start, in counts.
    pub(crate) metrics: metrics::Metrics,
    /// Counts of the last seconds, for pages that anybody may ask for.
    pub(crate) recent_counts: status::RecentCounts,
    /// What this process signed last of each log.
    pub(crate) checkpoints: audit::CheckpointState,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The randomness.
    pub(crate) random: Arc<dyn Random>,
    /// The audits that go on in this process.
    pub(crate) checks: check::Desk,
    /// Mail in the shop's name.
    pub(crate) mail: mail::MailDesk,
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
    ///
    /// At most once a second this looks whether another process changed the keyring file, so that
    /// no process goes on with a key epoch that is about to be destroyed.
    pub(crate) fn unsealed(&self) -> Result<Arc<Unsealed>, AppError> {
        let held = self.inner.unsealed.read().clone().ok_or(AppError::Sealed)?;
        if self.inner.watch.is_due() && self.refresh_keys()? {
            return self.inner.unsealed.read().clone().ok_or(AppError::Sealed);
        }
        Ok(held)
    }

    /// The keys of one shop, or [`AppError::Sealed`].
    pub(crate) fn keys(&self, shop: ShopId) -> Result<Arc<ShopKeys>, AppError> {
        self.unsealed()?.keyring.shop(shop).ok_or(AppError::NotFound)
    }

    /// The keys of one shop after a look at the keyring file, for when a row names an epoch or
    /// index version that this process has not heard of.
    pub(crate) fn keys_anew(&self, shop: ShopId) -> Result<Arc<ShopKeys>, AppError> {
        self.refresh_keys()?;
        self.unsealed()?.keyring.shop(shop).ok_or(AppError::NotFound)
    }
}
