//! Opening the vault: from a closed folder to an unsealed App, and the very first start.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kluis_crypto::{
    Argon2Cost, CredentialKind, CredentialSecret, Keyring, KeyringFile, RootKey, Secret, SecretText, Share,
};
use kluis_model::audit::Operation;
use kluis_model::register::{DEFAULT_REGISTER, Register};
use kluis_model::{Actor, Clock, CredentialId, Grant, PiiText, Random, RequestId, Role};
use kluis_store::{Store, StoreConfig, Unit};
use parking_lot::RwLock;

use crate::guard::{Ask, Done};
use crate::{
    App, AppError, Inner, SHOP, Unsealed, audit, budget, check, credential, keys, meta, metrics, search,
    status,
};

/// Most bytes of a passphrase.
const PASSPHRASE_BYTES_MAX: usize = 1_024;
/// Least characters of a passphrase; Argon2id makes each guess cost a quarter of a gibibyte.
const PASSPHRASE_CHARS_MIN: usize = 12;
/// Most characters of a shop's name.
const SHOP_NAME_CHARS_MAX: usize = 100;

/// Where the vault is and what it runs on.
pub struct AppOptions {
    /// The database.
    pub store: StoreConfig,
    /// The keyring file; `erasures` is kept beside it.
    pub keyring: PathBuf,
    /// The folder for checkpoints and files that jobs leave behind.
    pub data_dir: PathBuf,
    /// The name of this node and of its audit log.
    pub node: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Arc<dyn Random>,
}

/// What the keyring of a new vault is sealed with.
pub enum SealWith {
    /// A passphrase that a person types at every start.
    Passphrase(PiiText),
    /// The 32 bytes of a key file.
    KeyFile([u8; 32]),
}

/// What opens the keyring.
pub enum UnsealWith {
    /// The passphrase.
    Passphrase(PiiText),
    /// The 32 bytes of the key file.
    KeyFile([u8; 32]),
    /// Enough shares, one text each.
    Shares(Vec<PiiText>),
}

/// The credential of the first owner; its secret is shown once and stored hashed.
#[derive(Debug)]
pub struct FirstCredential {
    /// Its id.
    pub id: CredentialId,
    /// The secret.
    pub secret: PiiText,
}

impl App {
    /// Opens the database, brings its schema up to this version and gives a sealed vault.
    ///
    /// # Errors
    /// When the database cannot be opened or belongs to a newer version.
    pub async fn open(options: AppOptions) -> Result<Self, AppError> {
        let store = Store::open(&options.store, &options.node).await?;
        let default = Register::parse(DEFAULT_REGISTER).map_err(|problems| {
            AppError::internal(format!("default register: {} problems", problems.len()))
        })?;
        let inner = Inner {
            store,
            keyring_path: options.keyring,
            data_dir: options.data_dir,
            node: options.node,
            unsealed: RwLock::new(None),
            watch: keys::Watch::default(),
            register: RwLock::new(Arc::new(default)),
            register_version: std::sync::atomic::AtomicU64::default(),
            sign_ins: credential::SignIns::default(),
            guessers: budget::Guessers::default(),
            metrics: metrics::Metrics::default(),
            recent_counts: status::RecentCounts::default(),
            checkpoints: audit::CheckpointState::default(),
            checks: check::Desk::default(),
            mail: crate::mail::MailDesk::default(),
            clock: options.clock,
            random: options.random,
            search: Arc::new(search::SearchIndex::default()),
        };
        let app = Self { inner: Arc::new(inner) };
        if waiting_path(&app.inner.keyring_path).exists()
            && let Some(_lock) = keys::try_lock(&app.inner.keyring_path)?
        {
            app.finish_initialising().await?;
        }
        Ok(app)
    }

    /// Whether the database holds a vault.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_initialised(&self) -> Result<bool, AppError> {
        Ok(self.store().meta(meta::VAULT).await?.is_some())
    }

    /// Whether the keyring file is there; with an empty database it waits for a restore.
    #[must_use]
    pub fn has_keyring(&self) -> bool {
        self.inner.keyring_path.exists()
    }

    /// Makes the keyring, the default register, the first credential, the first leaf and the
    /// first checkpoint; the vault is unsealed afterwards.
    ///
    /// # Errors
    /// `Conflict` when the database holds a vault or the keyring file exists: neither is ever
    /// overwritten.
    pub async fn initialise(&self, seal: SealWith, shop_name: &str) -> Result<FirstCredential, AppError> {
        let shop_name = shop_name.trim();
        if shop_name.is_empty() || shop_name.chars().count() > SHOP_NAME_CHARS_MAX {
            return Err(AppError::invalid(
                "shop_name",
                "Geef een naam van 1 tot 100 tekens.",
                "Give a name of 1 to 100 characters.",
            ));
        }
        // Held until the end: another process that starts meanwhile leaves the new keyring alone.
        let _lock = keys::lock(&self.inner.keyring_path)?;
        if self.is_initialised().await? {
            return Err(AppError::Conflict { what: "vault".into() });
        }
        if self.has_keyring() {
            return Err(AppError::Conflict { what: "keyring".into() });
        }
        let keyring = Keyring::generate(SHOP, self.node(), self.now(), self.random());
        let root = RootKey::generate(self.random());
        let file = KeyringFile::create(&keyring, &root, self.random());
        let (file, root) = self.sealed_with(file, root, seal).await?;
        // Beside its place until the database knows of it: a crash in between leaves either
        // nothing or everything, see `finish_initialising`.
        crate::keys_file::replace_secret_file(&waiting_path(&self.inner.keyring_path), &file.to_bytes())
            .map_err(|error| keyring_error(&error))?;
        *self.inner.unsealed.write() = Some(Arc::new(Unsealed { keyring, root }));
        let made = self.first_unit(shop_name).await;
        if made.is_err() {
            self.seal();
        }
        let first = made?;
        self.finish_initialising().await?;
        self.load_register().await?;
        self.make_checkpoint().await?;
        Ok(first)
    }

    /// Puts the passphrase or key-file slot into a keyring file.
    pub(crate) async fn sealed_with(
        &self,
        mut file: KeyringFile,
        root: RootKey,
        seal: SealWith,
    ) -> Result<(KeyringFile, RootKey), AppError> {
        match seal {
            SealWith::KeyFile(key) => {
                file.add_key_file(&root, &Secret::from_bytes(&key), self.random())
                    .map_err(keys::keyring_problem)?;
                Ok((file, root))
            }
            SealWith::Passphrase(text) => {
                check_passphrase(&text)?;
                let random = Arc::clone(&self.inner.random);
                let passphrase = SecretText::from(text.into_exposed());
                blocking(move || {
                    file.add_passphrase(&root, &passphrase, argon2_cost(), &*random)
                        .map_err(keys::keyring_problem)?;
                    Ok((file, root))
                })
                .await
            }
        }
    }

    /// The first rows of a vault in one unit.
    async fn first_unit(&self, shop_name: &str) -> Result<FirstCredential, AppError> {
        let keys = self.keys(SHOP)?;
        let now = self.now();
        let actor = Actor::local("init", SHOP, RequestId::generate(now, self.random()));
        let mut unit = Unit::new();
        let vault = meta::Sealed { version: 1, text: shop_name.to_owned() };
        unit.set_meta(meta::VAULT, &meta::seal(&keys, meta::VAULT, &vault));
        self.add_ok(&mut unit, &actor, &Ask::new(Operation::Init), &Done::one());
        self.add_register(&mut unit, &actor, 1, DEFAULT_REGISTER)?;
        let secret = CredentialSecret::random(CredentialKind::Staff, self.random());
        let row = credential::new_row(
            &keys,
            &secret,
            credential::NewRow {
                name: "eigenaar / owner",
                grant: &Grant::of_role(Role::Owner),
                now,
                expires: None,
            },
            self.random(),
        )?;
        self.add_credential(&mut unit, &actor, &row);
        self.store().commit(unit).await?;
        Ok(FirstCredential { id: row.id, secret: PiiText::new(secret.to_text().to_string()) })
    }

    /// Finishes or undoes an initialising that was cut short: the keyring takes its place when
    /// the database holds its vault, and is thrown away when it does not.
    async fn finish_initialising(&self) -> Result<(), AppError> {
        let waiting = waiting_path(&self.inner.keyring_path);
        if !waiting.exists() {
            return Ok(());
        }
        let finished = if self.is_initialised().await? && !self.has_keyring() {
            std::fs::rename(&waiting, &self.inner.keyring_path)
        } else {
            std::fs::remove_file(&waiting)
        };
        finished.map_err(|error| keyring_error(&error))
    }

    /// Opens the keyring and reads the register; works over an empty database too, for a restore.
    ///
    /// # Errors
    /// `WrongKey` when the key does not open it, `Unavailable` when there is no keyring file.
    pub async fn unseal(&self, with: UnsealWith) -> Result<(), AppError> {
        let bytes = keys::read_keyring(&self.inner.keyring_path)?;
        let stamp = keys::Watch::stamp(&self.inner.keyring_path);
        let file = KeyringFile::parse(&bytes).map_err(keys::keyring_problem)?;
        let (root, keyring) = open_keyring(file, with).await?;
        self.inner.watch.saw(stamp);
        *self.inner.unsealed.write() = Some(Arc::new(Unsealed { keyring, root }));
        let ready = self.become_ready().await;
        if ready.is_err() {
            self.seal();
        }
        ready
    }

    /// What comes between having the keys and using them.
    async fn become_ready(&self) -> Result<(), AppError> {
        if !self.is_initialised().await? {
            return Ok(());
        }
        self.load_register().await?;
        self.resume_restore().await
    }

    /// Forgets the keys and everything that was derived from plaintext.
    pub fn seal(&self) {
        *self.inner.unsealed.write() = None;
        self.inner.sign_ins.clear();
        self.inner.search.clear();
        self.inner.mail.signer.clear();
    }

    /// Signs a last checkpoint when the log grew, seals, and closes the database.
    pub async fn close(&self) {
        self.inner.checks.stop();
        if self.is_unsealed() {
            let made = self.make_checkpoint_if_grown().await;
            if let Err(error) = made {
                tracing::warn!(%error, "no checkpoint at the stop");
            }
        }
        self.seal();
        self.inner.store.close().await;
    }

    /// The name of the shop, as given when the vault was made.
    ///
    /// # Errors
    /// When sealed or not initialised.
    pub async fn shop_name(&self) -> Result<String, AppError> {
        let keys = self.keys(SHOP)?;
        let bytes = self.store().meta(meta::VAULT).await?.ok_or(AppError::NotFound)?;
        Ok(meta::open(&keys, meta::VAULT, &bytes)?.text)
    }

    /// A job of this vault as an actor, with a request id of its own.
    pub(crate) fn job_actor(&self, name: &str) -> Actor {
        Actor::job(name, SHOP, RequestId::generate(self.now(), self.random()))
    }
}

/// Refuses a passphrase that is too short to protect anything, or absurdly long.
pub(crate) fn check_passphrase(text: &PiiText) -> Result<(), AppError> {
    let text = text.expose();
    if text.chars().count() >= PASSPHRASE_CHARS_MIN && text.len() <= PASSPHRASE_BYTES_MAX {
        return Ok(());
    }
    Err(AppError::invalid(
        "passphrase",
        "Kies een wachtwoordzin van minstens 12 tekens.",
        "Choose a passphrase of at least 12 characters.",
    ))
}

/// What a guess at the passphrase costs.
pub(crate) fn argon2_cost() -> Argon2Cost {
    if cfg!(test) { Argon2Cost::test() } else { Argon2Cost::default() }
}

async fn open_keyring(file: KeyringFile, with: UnsealWith) -> Result<(RootKey, Keyring), AppError> {
    match with {
        UnsealWith::KeyFile(key) => {
            file.unlock_key_file(&Secret::from_bytes(&key)).map_err(keys::keyring_problem)
        }
        UnsealWith::Passphrase(text) => {
            if text.expose().len() > PASSPHRASE_BYTES_MAX {
                return Err(AppError::WrongKey);
            }
            let passphrase = SecretText::from(text.into_exposed());
            blocking(move || file.unlock_passphrase(&passphrase).map_err(keys::keyring_problem)).await
        }
        UnsealWith::Shares(texts) => {
            let mut shares = Vec::new();
            for (place, text) in texts.iter().enumerate() {
                let share: Share = text.expose().parse().map_err(|problem| {
                    let field = format!("share {}", place + 1);
                    AppError::invalid(&field, "Dit deel is verkeerd overgetypt.", &format!("{problem}"))
                })?;
                shares.push(share);
            }
            file.unlock_shares(&shares).map_err(keys::keyring_problem)
        }
    }
}

/// Runs slow arithmetic off the threads that serve.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(AppError::internal)?
}

/// Where a new keyring waits for its vault to be in the database.
fn waiting_path(keyring: &Path) -> PathBuf {
    let mut name = keyring.file_name().unwrap_or_default().to_owned();
    name.push(".first");
    keyring.with_file_name(name)
}

/// The keyring file cannot be read or written.
pub(crate) fn keyring_error(error: &io::Error) -> AppError {
    match error.kind() {
        io::ErrorKind::NotFound => AppError::Unavailable { what: "the keyring file is missing".into() },
        kind => AppError::Unavailable { what: format!("the keyring file: {kind}") },
    }
}
