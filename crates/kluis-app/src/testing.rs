//! A vault in a temporary folder for unit tests, with a clock that stands still until it is moved.

#![expect(clippy::expect_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use kluis_crypto::SystemRandom;
use kluis_model::{Actor, FixedClock, PiiText, RequestId, SubjectId, TimeMs};
use kluis_store::StoreConfig;
use tempfile::TempDir;

use crate::{App, AppError, AppOptions, FirstCredential, NewSubject, SHOP, SealWith, UnsealWith};

/// The key file of every vault in tests.
pub(crate) const KEY: [u8; 32] = [7; 32];
/// When tests begin.
pub(crate) const BEGIN: TimeMs = TimeMs(1_790_000_000_000);

/// A vault on SQLite.
pub(crate) struct Vault {
    /// Its folder.
    pub(crate) dir: TempDir,
    /// Unsealed.
    pub(crate) app: App,
    /// Its clock.
    pub(crate) clock: Arc<FixedClock>,
    /// The owner's credential.
    pub(crate) first: FirstCredential,
}

/// Where a vault in this folder is.
pub(crate) fn options(dir: &Path, node: &str, clock: &Arc<FixedClock>) -> AppOptions {
    let store = StoreConfig::Sqlite { data: dir.join("data.db"), keys: dir.join("keys.db"), readers: 2 };
    options_over(store, dir, node, clock)
}

/// The same over any database.
pub(crate) fn options_over(
    store: StoreConfig,
    dir: &Path,
    node: &str,
    clock: &Arc<FixedClock>,
) -> AppOptions {
    AppOptions {
        store,
        keyring: dir.join("keyring"),
        data_dir: dir.to_path_buf(),
        node: node.to_owned(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
    }
}

impl Vault {
    /// A fresh vault, sealed with [`KEY`].
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(FixedClock::new(BEGIN));
        let app = App::open(options(dir.path(), "node1", &clock)).await.expect("opens");
        let first = app.initialise(SealWith::KeyFile(KEY), "Winkel").await.expect("initialises");
        Self { dir, app, clock, first }
    }

    /// A vault with some customers.
    pub(crate) async fn with_customers(count: u32) -> (Self, Vec<SubjectId>) {
        let vault = Self::new().await;
        let mut ids = Vec::new();
        for number in 0..count {
            ids.push(create(&vault.app, number).await);
        }
        (vault, ids)
    }

    /// A second process over the same database and keyring.
    pub(crate) async fn second(&self, node: &str) -> App {
        let app = App::open(options(self.dir.path(), node, &self.clock)).await.expect("opens");
        app.unseal(UnsealWith::KeyFile(KEY)).await.expect("unseals");
        app
    }

    /// Closes the vault and opens it again.
    pub(crate) async fn reopen(&mut self) {
        self.app.close().await;
        self.app = self.second("node1").await;
    }
}

/// The person at the command line.
pub(crate) fn local() -> Actor {
    Actor::local("tester", SHOP, RequestId::from_parts(BEGIN, [1; 10]))
}

/// Creates an invented customer.
pub(crate) async fn create(app: &App, number: u32) -> SubjectId {
    try_create(app, number).await.expect("creates")
}

/// Creates an invented customer, unless there is one with that number.
pub(crate) async fn try_create(app: &App, number: u32) -> Result<SubjectId, AppError> {
    let fields = [
        ("email", format!("klant{number}@voorbeeld.example")),
        ("given_name", "Sanne".to_owned()),
        ("surname", format!("Kanariegeel{number}")),
        ("postcode", "1234 AB".to_owned()),
        ("street", "Zonnebloemlaan".to_owned()),
        ("house_number", "12".to_owned()),
        ("city", "Wijkdorp".to_owned()),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), PiiText::new(value))).collect();
    let new = NewSubject { fields, consents: Vec::new(), events: Vec::new() };
    app.create(&local(), new).await.map(|written| written.id)
}
