//! The opened keyring: per shop the key epochs, index keys and MAC roots; the signing key; the backup identity.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kluis_model::{Random, ShopId, TimeMs};
use thiserror::Error;

use crate::aead::Suite;
use crate::backup::BackupIdentity;
use crate::note::{NoteSigner, NoteVerifier};
use crate::secret::Secret;
use crate::shop_keys::ShopKeys;

/// How long an epoch is the newest before the next one is due: 30 days.
pub const EPOCH_PERIOD_MS: i64 = 30 * DAY_MS;
/// How long an epoch is kept after the next one began, and so how old a backup may be to be read: 30 days.
pub const EPOCH_KEEP_MS: i64 = 30 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Most destroyed epochs that are remembered by name; older ones only as numbers below the first.
const DESTROYED_KEPT_MAX: usize = 256;

/// One key epoch, without its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Its number, from 1, never used twice.
    pub number: u32,
    /// When it began.
    pub created: TimeMs,
    /// When its key was destroyed.
    pub destroyed: Option<TimeMs>,
}

/// Why a key change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyringChangeError {
    /// The keyring has no such shop.
    #[error("the keyring has no keys for this shop")]
    UnknownShop,
    /// The shop has keys already.
    #[error("the keyring has keys for this shop already")]
    ShopExists,
    /// There is no such epoch.
    #[error("there is no such key epoch")]
    UnknownEpoch,
    /// The newest epoch wraps all data keys; add another first.
    #[error("the newest key epoch cannot be destroyed; add a new one first")]
    NewestEpoch,
    /// The epoch's key is gone already.
    #[error("the key epoch is destroyed already")]
    Destroyed,
    /// There is no such live index key version.
    #[error("there is no such live index key version")]
    UnknownIndexVersion,
    /// The newest version is the one to keep; add another first.
    #[error("the newest index key version cannot be retired; add a new one first")]
    NewestIndexVersion,
}

/// All keys of a vault, opened, in memory. Every key is zeroised on drop; `Debug` shows none.
#[derive(Clone)]
pub struct Keyring {
    pub(crate) log_name: String,
    pub(crate) shops: BTreeMap<ShopId, Shop>,
    pub(crate) signing: SigningKeys,
    pub(crate) backup: BackupIdentity,
}

/// The stored and the expanded keys of one shop.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) stored: ShopKeyring,
    runtime: Arc<ShopKeys>,
}

/// The stored keys of one shop.
#[derive(Clone)]
pub(crate) struct ShopKeyring {
    pub(crate) suite: Suite,
    /// Ascending by number; the last one has a key.
    pub(crate) epochs: Vec<EpochKey>,
    /// Oldest first, at least one.
    pub(crate) index: Vec<IndexKey>,
    pub(crate) row_mac: Secret<32>,
    pub(crate) tokens: Secret<32>,
    pub(crate) notes: Secret<32>,
}

/// An epoch with its key, until that is destroyed.
#[derive(Clone)]
pub(crate) struct EpochKey {
    pub(crate) epoch: Epoch,
    pub(crate) key: Option<Secret<32>>,
}

/// The root of one version of the blind index.
#[derive(Clone)]
pub(crate) struct IndexKey {
    pub(crate) version: u8,
    pub(crate) key: Secret<32>,
}

/// The signing key in use, and what remains of earlier ones.
#[derive(Clone)]
pub(crate) struct SigningKeys {
    pub(crate) seed: Secret<32>,
    pub(crate) since: TimeMs,
    /// Oldest first; only public keys.
    pub(crate) earlier: Vec<EarlierKey>,
}

/// The public half of a signing key that is no longer used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct EarlierKey {
    pub(crate) public: [u8; 32],
    pub(crate) since: TimeMs,
    pub(crate) until: TimeMs,
}

impl Keyring {
    /// Returns fresh keys for a vault with one shop; `log_name` names the key that signs erasure receipts.
    pub fn generate(shop: ShopId, log_name: &str, now: TimeMs, rng: &dyn Random) -> Self {
        let signing = SigningKeys { seed: Secret::random(rng), since: now, earlier: Vec::new() };
        let stored = ShopKeyring::generate(now, rng);
        Self {
            log_name: crate::note::key_name(log_name),
            shops: BTreeMap::from([(shop, Shop::new(shop, stored))]),
            signing,
            backup: BackupIdentity::generate(rng),
        }
    }

    /// Adds fresh keys for one more shop.
    ///
    /// # Errors
    /// When the shop has keys already.
    pub fn add_shop(
        &mut self,
        shop: ShopId,
        now: TimeMs,
        rng: &dyn Random,
    ) -> Result<(), KeyringChangeError> {
        if self.shops.contains_key(&shop) {
            return Err(KeyringChangeError::ShopExists);
        }
        self.shops.insert(shop, Shop::new(shop, ShopKeyring::generate(now, rng)));
        Ok(())
    }

    /// Returns the name of the key that signs erasure receipts.
    pub fn log_name(&self) -> &str {
        &self.log_name
    }

    /// Returns the shops that have keys here.
    pub fn shop_ids(&self) -> Vec<ShopId> {
        self.shops.keys().copied().collect()
    }

    /// Returns the runtime keys of a shop.
    pub fn shop(&self, shop: ShopId) -> Option<Arc<ShopKeys>> {
        self.shops.get(&shop).map(|known| Arc::clone(&known.runtime))
    }

    /// Chooses the cipher for a shop's new cells; cells under another one stay readable.
    ///
    /// # Errors
    /// When the shop is unknown.
    pub fn set_suite(&mut self, shop: ShopId, suite: Suite) -> Result<(), KeyringChangeError> {
        self.change(shop, |stored| {
            stored.suite = suite;
            Ok(())
        })
    }

    /// Returns a shop's epochs, oldest first; none for an unknown shop.
    pub fn epochs(&self, shop: ShopId) -> Vec<Epoch> {
        let known = self.shops.get(&shop);
        known.map(|known| known.stored.epochs.iter().map(|epoch| epoch.epoch).collect()).unwrap_or_default()
    }

    /// Adds an epoch with a fresh key and returns its number; new data keys are wrapped under it from now on.
    ///
    /// # Errors
    /// When the shop is unknown.
    pub fn add_epoch(
        &mut self,
        shop: ShopId,
        now: TimeMs,
        rng: &dyn Random,
    ) -> Result<u32, KeyringChangeError> {
        self.change(shop, |stored| {
            let number = stored.newest_epoch().saturating_add(1);
            let epoch = Epoch { number, created: now, destroyed: None };
            stored.epochs.push(EpochKey { epoch, key: Some(Secret::random(rng)) });
            Ok(number)
        })
    }

    /// Destroys the key of an epoch, and with it every data key that is wrapped under it only.
    ///
    /// # Errors
    /// When it is the newest epoch, is destroyed already, or does not exist.
    pub fn destroy_epoch(
        &mut self,
        shop: ShopId,
        number: u32,
        now: TimeMs,
    ) -> Result<(), KeyringChangeError> {
        self.change(shop, |stored| {
            if number == stored.newest_epoch() {
                return Err(KeyringChangeError::NewestEpoch);
            }
            let mut epochs = stored.epochs.iter_mut();
            let found = epochs.find(|known| known.epoch.number == number);
            let found = found.ok_or(KeyringChangeError::UnknownEpoch)?;
            found.key.take().ok_or(KeyringChangeError::Destroyed)?;
            found.epoch.destroyed = Some(now);
            stored.forget_old_epochs();
            Ok(())
        })
    }

    /// Returns the time by which the keys that are live now are destroyed when epochs change as planned:
    /// from then on no backup made before `now` shows anything of a person erased at `now`.
    pub fn backups_unreadable_from(&self, shop: ShopId, now: TimeMs) -> Option<TimeMs> {
        let newest = self.shops.get(&shop)?.stored.epochs.last()?.epoch;
        let next = newest.created.0.saturating_add(EPOCH_PERIOD_MS).max(now.0);
        Some(TimeMs(next.saturating_add(EPOCH_KEEP_MS)))
    }

    /// Adds an index key version and returns its number.
    ///
    /// # Errors
    /// When the shop is unknown.
    pub fn add_index_version(&mut self, shop: ShopId, rng: &dyn Random) -> Result<u8, KeyringChangeError> {
        self.change(shop, |stored| {
            let newest = stored.index.last().map_or(0, |known| known.version);
            let live = |version: u8| stored.index.iter().any(|known| known.version == version);
            // Numbers go round after 255; a number in use is skipped.
            let mut following = (1..=u8::MAX).map(|step| newest.wrapping_add(step));
            let free = following.find(|version| *version != 0 && !live(*version));
            let version = free.ok_or(KeyringChangeError::UnknownIndexVersion)?;
            stored.index.push(IndexKey { version, key: Secret::random(rng) });
            Ok(version)
        })
    }

    /// Retires an index key version: terms under it find nothing any more.
    ///
    /// # Errors
    /// When it is the newest version or not live.
    pub fn retire_index_version(&mut self, shop: ShopId, version: u8) -> Result<(), KeyringChangeError> {
        self.change(shop, |stored| {
            let place = stored.index.iter().position(|known| known.version == version);
            let place = place.ok_or(KeyringChangeError::UnknownIndexVersion)?;
            if place + 1 == stored.index.len() {
                return Err(KeyringChangeError::NewestIndexVersion);
            }
            stored.index.remove(place);
            Ok(())
        })
    }

    /// Returns the signer of a log; the key's name is [`crate::note::key_name`] of `log`.
    pub fn note_signer(&self, log: &str) -> NoteSigner {
        NoteSigner::new(log, &self.signing.seed)
    }

    /// Returns the verifiers of a log: the key in use first, then earlier ones, newest first.
    pub fn note_verifiers(&self, log: &str) -> Vec<NoteVerifier> {
        let current = self.note_signer(log).verifier();
        let earlier = self.signing.earlier.iter().rev().map(|key| NoteVerifier::new(log, key.public));
        std::iter::once(current).chain(earlier).collect()
    }

    /// Returns since when the signing key in use is used.
    pub fn signing_since(&self) -> TimeMs {
        self.signing.since
    }

    /// Replaces the signing key; the old public key stays among the verifiers, the old private key is gone.
    pub fn rotate_signing(&mut self, now: TimeMs, rng: &dyn Random) {
        let public = *self.note_signer(&self.log_name).verifier().public();
        self.signing.earlier.push(EarlierKey { public, since: self.signing.since, until: now });
        self.signing.seed = Secret::random(rng);
        self.signing.since = now;
    }

    /// Returns the identity that opens this vault's backups.
    pub fn backup_identity(&self) -> &BackupIdentity {
        &self.backup
    }

    /// Applies a change to a shop's stored keys and expands them again.
    fn change<T>(
        &mut self,
        shop: ShopId,
        change: impl FnOnce(&mut ShopKeyring) -> Result<T, KeyringChangeError>,
    ) -> Result<T, KeyringChangeError> {
        let known = self.shops.get_mut(&shop).ok_or(KeyringChangeError::UnknownShop)?;
        let changed = change(&mut known.stored)?;
        known.runtime = Arc::new(ShopKeys::new(shop, &known.stored));
        Ok(changed)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} shops, ***)", self.shops.len())
    }
}

impl Shop {
    /// Expands stored keys.
    pub(crate) fn new(shop: ShopId, stored: ShopKeyring) -> Self {
        let runtime = Arc::new(ShopKeys::new(shop, &stored));
        Self { stored, runtime }
    }
}

impl ShopKeyring {
    /// Returns fresh keys: epoch 1, index version 1.
    fn generate(now: TimeMs, rng: &dyn Random) -> Self {
        let epoch = Epoch { number: 1, created: now, destroyed: None };
        Self {
            suite: Suite::default(),
            epochs: vec![EpochKey { epoch, key: Some(Secret::random(rng)) }],
            index: vec![IndexKey { version: 1, key: Secret::random(rng) }],
            row_mac: Secret::random(rng),
            tokens: Secret::random(rng),
            notes: Secret::random(rng),
        }
    }

    /// Returns the number of the newest epoch.
    pub(crate) fn newest_epoch(&self) -> u32 {
        self.epochs.last().map_or(0, |known| known.epoch.number)
    }

    /// Forgets the oldest destroyed epochs above the limit, so that the keyring does not grow for ever.
    fn forget_old_epochs(&mut self) {
        let destroyed = self.epochs.iter().filter(|known| known.key.is_none()).count();
        let mut surplus = destroyed.saturating_sub(DESTROYED_KEPT_MAX);
        self.epochs.retain(|known| {
            let forget = known.key.is_none() && surplus > 0;
            surplus -= usize::from(forget);
            !forget
        });
    }
}
