//! The keyring while the vault runs: reading the file, noticing changes by others, changing it under a lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kluis_crypto::{
    Epoch, KEYRING_BYTES_MAX, Keyring, KeyringChangeError, KeyringError, KeyringFile, RootKey,
};
use kluis_model::audit::{Operation, Outcome};
use kluis_model::{Actor, TimeMs};
use parking_lot::Mutex;
use serde::Serialize;

use crate::guard::{Ask, Done};
use crate::open::keyring_error;
use crate::{App, AppError, Unsealed};

mod epoch;
mod index;
mod slots;
#[cfg(test)]
mod tests;

pub use epoch::EpochReport;
pub(crate) use epoch::dek_place;
pub use index::IndexReport;

/// A process looks at the keyring file at most this often, and so knows a new epoch after it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a new epoch or index version everybody knows it: the interval of looking, and time for
/// what was prepared before to be durable.
pub(crate) const EVERYBODY_KNOWS: Duration =
    if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(3) };

/// How the keyring can be opened and which keys it holds; no key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyList {
    /// The slots that open it.
    pub slots: Vec<SlotView>,
    /// The key epochs, oldest first.
    pub epochs: Vec<EpochView>,
    /// The live versions of the blind index, oldest first.
    pub index_versions: Vec<u8>,
    /// The cipher of new cells.
    pub suite: String,
    /// What a stranger checks this node's checkpoints with.
    pub verifier: String,
    /// Since when the signing key is used.
    pub signing_since: TimeMs,
}

/// One way to open the keyring.
#[derive(Debug, Clone, Serialize)]
pub struct SlotView {
    /// `passphrase`, `key_file` or `shares`.
    pub kind: String,
    /// More about it, for example `3 of 5`.
    pub detail: String,
}

/// A key epoch without its key.
#[derive(Debug, Clone, Serialize)]
pub struct EpochView {
    /// Its number.
    pub number: u32,
    /// When it began.
    pub created: TimeMs,
    /// When its key was destroyed.
    pub destroyed: Option<TimeMs>,
}

impl From<Epoch> for EpochView {
    fn from(epoch: Epoch) -> Self {
        Self { number: epoch.number, created: epoch.created, destroyed: epoch.destroyed }
    }
}

/// Notices that another process changed the keyring file.
#[derive(Default)]
pub(crate) struct Watch {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    looked: Option<Instant>,
    stamp: Option<Stamp>,
    /// The file is sealed with another root key than ours.
    other_root: bool,
}

/// What tells one state of the file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: SystemTime,
    bytes: u64,
    inode: u64,
}

impl Watch {
    /// The present state of the file, if it is there.
    pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Stamp { modified: metadata.modified().ok()?, bytes: metadata.len(), inode })
    }

    /// Remembers the state that the keys in memory come from.
    pub(crate) fn saw(&self, stamp: Option<Stamp>) {
        *self.seen.lock() = Seen { looked: Some(Instant::now()), stamp, other_root: false };
    }

    /// Whether it is time to look again.
    pub(crate) fn is_due(&self) -> bool {
        let every = if cfg!(test) { Duration::from_millis(5) } else { LOOK_EVERY };
        let mut seen = self.seen.lock();
        let due = seen.looked.is_none_or(|at| at.elapsed() >= every);
        if due {
            seen.looked = Some(Instant::now());
        }
        due
    }

    /// Whether the file was sealed anew with a root key that this process does not have.
    pub(crate) fn has_other_root(&self) -> bool {
        self.seen.lock().other_root
    }

    fn differs(&self, stamp: Option<Stamp>) -> bool {
        self.seen.lock().stamp != stamp
    }

    fn set_other_root(&self, stamp: Option<Stamp>) {
        *self.seen.lock() = Seen { looked: Some(Instant::now()), stamp, other_root: true };
    }
}

impl App {
    /// Reads the keyring file again when another process changed it; tells whether keys changed.
    ///
    /// A file that is missing or unreadable for a moment changes nothing: the keys in memory stay.
    pub(crate) fn refresh_keys(&self) -> Result<bool, AppError> {
        let path = &self.inner.keyring_path;
        let stamp = Watch::stamp(path);
        if stamp.is_none() || !self.inner.watch.differs(stamp) {
            return Ok(false);
        }
        let held = self.inner.unsealed.read().clone().ok_or(AppError::Sealed)?;
        let file = KeyringFile::parse(&read_keyring(path)?).map_err(keyring_problem)?;
        match file.unlock_root(&held.root) {
            Ok(keyring) if is_older(&keyring, &held.keyring) => {
                // The keys in memory stay in use; a restart would show what is missing.
                self.inner.metrics.note_integrity(self.now());
                self.inner.watch.saw(stamp);
                tracing::error!("an older keyring file was put in place of ours; it is not used");
                Ok(false)
            }
            Ok(keyring) => {
                let root = held.root.clone();
                *self.inner.unsealed.write() = Some(Arc::new(Unsealed { keyring, root }));
                self.inner.watch.saw(stamp);
                Ok(true)
            }
            Err(_) => {
                tracing::warn!("the keyring was sealed with another root key; restart this node to use it");
                self.inner.watch.set_other_root(stamp);
                Ok(false)
            }
        }
    }

    /// The keys of one shop that know an epoch, after a look at the file when it is newer.
    pub(crate) fn keys_knowing(
        &self,
        shop: kluis_model::ShopId,
        epoch: u32,
    ) -> Result<Arc<kluis_crypto::ShopKeys>, AppError> {
        let keys = self.keys(shop)?;
        if epoch > keys.epoch() { self.keys_anew(shop) } else { Ok(keys) }
    }

    /// Changes the keyring and its file as one step: locked against other processes, read anew,
    /// changed, written whole, then used.
    pub(crate) fn change_keyring<T>(
        &self,
        change: impl FnOnce(&mut Keyring, &mut KeyringFile, &RootKey) -> Result<T, AppError>,
    ) -> Result<T, AppError> {
        let path = &self.inner.keyring_path;
        let _lock = lock(path)?;
        let held = self.inner.unsealed.read().clone().ok_or(AppError::Sealed)?;
        let mut file = KeyringFile::parse(&read_keyring(path)?).map_err(keyring_problem)?;
        let mut keyring = file.unlock_root(&held.root).map_err(keyring_problem)?;
        refuse_older(&keyring, &held.keyring)?;
        let answer = change(&mut keyring, &mut file, &held.root)?;
        file.update(&keyring, &held.root, self.random()).map_err(keyring_problem)?;
        crate::keys_file::replace_secret_file(path, &file.to_bytes())
            .map_err(|error| keyring_error(&error))?;
        let root = held.root.clone();
        *self.inner.unsealed.write() = Some(Arc::new(Unsealed { keyring, root }));
        self.inner.watch.saw(Watch::stamp(path));
        Ok(answer)
    }

    /// How the keyring can be opened and which keys it holds.
    ///
    /// # Errors
    /// `Denied`, `Sealed`, or when the file cannot be read.
    pub async fn key_list(&self, actor: &Actor) -> Result<KeyList, AppError> {
        let ask = Ask::new(Operation::KeyRead);
        self.allow(actor, &ask).await?;
        let unsealed = self.unsealed()?;
        let keys = self.keys(actor.shop)?;
        let file = KeyringFile::parse(&read_keyring(&self.inner.keyring_path)?).map_err(keyring_problem)?;
        self.write_leaf(actor, &ask, Outcome::Ok, &Done::default()).await?;
        Ok(KeyList {
            slots: file.slots().into_iter().map(slots::view).collect(),
            epochs: unsealed.keyring.epochs(actor.shop).into_iter().map(EpochView::from).collect(),
            index_versions: keys.index_versions().to_vec(),
            suite: suite_name(keys.suite()).to_owned(),
            verifier: self.verifier_key()?,
            signing_since: unsealed.keyring.signing_since(),
        })
    }

    /// Writes the leaf of a key change before the change is made: a change without its leaf
    /// cannot happen, a leaf whose change failed can, and is followed by a failed one.
    pub(crate) async fn key_leaf(
        &self,
        actor: &Actor,
        reason: &'static str,
        count: u64,
    ) -> Result<(), AppError> {
        let done = Done { count, reason: Some(reason), ..Done::default() };
        self.write_leaf(actor, &Ask::new(Operation::KeyChange), Outcome::Ok, &done).await
    }
}

/// Nothing is built on a keyring file from before the one in memory.
fn refuse_older(file: &Keyring, held: &Keyring) -> Result<(), AppError> {
    if is_older(file, held) {
        return Err(AppError::integrity("keyring: an older file was put in its place"));
    }
    Ok(())
}

/// Whether a keyring is from before the one in memory: it lacks an epoch, or still has the key of
/// one that was destroyed since.
fn is_older(file: &Keyring, held: &Keyring) -> bool {
    held.shop_ids().into_iter().any(|shop| {
        let (before, after) = (file.epochs(shop), held.epochs(shop));
        let newest = |epochs: &[Epoch]| epochs.last().map_or(0, |epoch| epoch.number);
        let is_back = |known: &Epoch| {
            known.destroyed.is_some()
                && before.iter().any(|epoch| epoch.number == known.number && epoch.destroyed.is_none())
        };
        newest(&before) < newest(&after) || after.iter().any(is_back)
    })
}

/// The cipher's name for people.
pub(crate) fn suite_name(suite: kluis_crypto::Suite) -> &'static str {
    match suite {
        kluis_crypto::Suite::Aes256GcmSiv => "AES-256-GCM-SIV",
        kluis_crypto::Suite::Aes256Gcm => "AES-256-GCM",
        kluis_crypto::Suite::XChaCha20Poly1305 => "XChaCha20-Poly1305",
    }
}

/// The bytes of the keyring file, refused when there are absurdly many.
pub(crate) fn read_keyring(path: &Path) -> Result<Vec<u8>, AppError> {
    use std::io::Read;
    let file = File::open(path).map_err(|error| keyring_error(&error))?;
    let mut bytes = Vec::new();
    let max = KEYRING_BYTES_MAX as u64 + 1;
    file.take(max).read_to_end(&mut bytes).map_err(|error| keyring_error(&error))?;
    Ok(bytes)
}

/// What a keyring problem means for whoever wants to open it.
pub(crate) fn keyring_problem(problem: KeyringError) -> AppError {
    slots::problem(problem)
}

/// A key change that the keyring refused.
pub(crate) fn change_problem(problem: KeyringChangeError) -> AppError {
    match problem {
        KeyringChangeError::UnknownShop => AppError::NotFound,
        other => AppError::Conflict { what: other.to_string() },
    }
}

/// Holds the lock file beside the keyring until dropped; waits while another process holds it.
pub(crate) fn lock(keyring: &Path) -> Result<File, AppError> {
    let file = lock_file(keyring)?;
    file.lock().map_err(|error| keyring_error(&error))?;
    Ok(file)
}

/// The same, or `None` while another process holds it.
pub(crate) fn try_lock(keyring: &Path) -> Result<Option<File>, AppError> {
    let file = lock_file(keyring)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(keyring_error(&error)),
    }
}

fn lock_file(keyring: &Path) -> Result<File, AppError> {
    let mut name = keyring.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let path: PathBuf = keyring.with_file_name(name);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| keyring_error(&error))
}
