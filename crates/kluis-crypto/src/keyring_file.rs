//! The keyring file: slots that hold the root key, and the keyring sealed under it; every byte is authenticated.
//!
//! Layout: `"klantkluis keyring" version(1) slots(1) slot… commitment(32) length(4) nonce(12) sealed tag(16)`.
//! Everything before the length is the associated data of the sealed part, so a slot cannot be
//! added, removed or altered without the root key. The commitment ties the file to one root key.

use kluis_model::Random;
use zeroize::Zeroizing;

use crate::aead::{AeadKey, Suite, TAG_BYTES};
use crate::bytes::Reader;
use crate::digest::subkey;
use crate::keyring::Keyring;
use crate::keyring_codec;
use crate::passphrase::Argon2Cost;
use crate::secret::{Secret, SecretText, equal_constant_time};
use crate::share::Share;
use crate::slots::{KeyringError, SLOTS_MAX, Slot, SlotDescription, SlotKind};

/// Longest keyring file: 8 MiB. A vault of one shop has about 1 KiB.
pub const KEYRING_BYTES_MAX: usize = 8 << 20;

const MAGIC: &[u8; 18] = b"klantkluis keyring";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

/// The key above all others; lives in memory only. Zeroised on drop, `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct RootKey(pub(crate) Secret<32>);

impl RootKey {
    /// Returns a fresh root key.
    pub fn generate(rng: &dyn Random) -> Self {
        Self(Secret::random(rng))
    }

    fn commitment(&self) -> [u8; 32] {
        *subkey(self.0.expose(), &[b"klantkluis keyring commitment 1"]).expose()
    }

    fn cipher(&self) -> AeadKey {
        AeadKey::new(Suite::Aes256GcmSiv, &subkey(self.0.expose(), &[b"klantkluis keyring 1"]))
    }
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootKey(***)")
    }
}

/// What the slots of a file with a new root key are to be opened by; at least one.
#[derive(Debug, Default)]
pub struct SlotSecrets<'a> {
    /// A passphrase and its cost.
    pub passphrase: Option<(&'a SecretText, Argon2Cost)>,
    /// The 32 bytes of a key file.
    pub key_file: Option<&'a Secret<32>>,
    /// How many shares are needed, and how many are issued.
    pub shares: Option<(u8, u8)>,
}

/// A keyring file in memory, closed.
#[derive(Clone)]
pub struct KeyringFile {
    /// One of a kind at most, ascending by kind.
    slots: Vec<Slot>,
    commitment: [u8; 32],
    /// Nonce, ciphertext, tag.
    sealed: Vec<u8>,
}

impl KeyringFile {
    /// Seals `keyring` under `root`. The file has no slot yet: add one before storing it.
    pub fn create(keyring: &Keyring, root: &RootKey, rng: &dyn Random) -> Self {
        let mut file = Self { slots: Vec::new(), commitment: root.commitment(), sealed: Vec::new() };
        file.seal(&keyring_codec::encode(keyring), root, rng);
        file
    }

    /// Reads the bytes of a file; nothing is opened or authenticated yet.
    ///
    /// # Errors
    /// When it is no keyring file, too long, newer than this program, or asks for too much work.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        let wrong = KeyringError::Malformed;
        if bytes.len() > KEYRING_BYTES_MAX {
            return Err(wrong);
        }
        let mut reader = Reader::new(bytes.strip_prefix(MAGIC).ok_or(wrong)?);
        if reader.u8().ok_or(wrong)? != VERSION {
            return Err(KeyringError::Version);
        }
        let count = usize::from(reader.u8().ok_or(wrong)?);
        if !(1..=SLOTS_MAX).contains(&count) {
            return Err(wrong);
        }
        let slots = (0..count).map(|_| Slot::read(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        if !slots.is_sorted_by(|a, b| a.kind() < b.kind()) {
            return Err(wrong);
        }
        let commitment = reader.array().ok_or(wrong)?;
        let length = reader.u32().ok_or(wrong)? as usize;
        if length != reader.left() || length < NONCE_BYTES + TAG_BYTES {
            return Err(wrong);
        }
        let sealed = reader.take(length).ok_or(wrong)?.to_vec();
        Ok(Self { slots, commitment, sealed })
    }

    /// Returns the bytes to store.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.head();
        // Invariant: `seal` refuses what is longer than KEYRING_BYTES_MAX.
        out.extend_from_slice(&(self.sealed.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.sealed);
        out
    }

    /// Seals a changed keyring under the same root key; the slots stay.
    ///
    /// # Errors
    /// When `root` is not this file's root key, or the keyring is too large.
    pub fn update(
        &mut self,
        keyring: &Keyring,
        root: &RootKey,
        rng: &dyn Random,
    ) -> Result<(), KeyringError> {
        self.open(root)?;
        let plain = keyring_codec::encode(keyring);
        if plain.len() > KEYRING_BYTES_MAX / 2 {
            return Err(KeyringError::TooLarge);
        }
        self.seal(&plain, root, rng);
        Ok(())
    }

    /// Returns what opens the file, without any secret.
    pub fn slots(&self) -> Vec<SlotDescription> {
        self.slots.iter().map(Slot::describe).collect()
    }

    /// Adds a passphrase, instead of an earlier one.
    ///
    /// # Errors
    /// When `root` is not this file's root key, or Argon2 gets no memory.
    pub fn add_passphrase(
        &mut self,
        root: &RootKey,
        passphrase: &SecretText,
        cost: Argon2Cost,
        rng: &dyn Random,
    ) -> Result<(), KeyringError> {
        self.put(Slot::passphrase(root, passphrase, cost, rng)?, root, rng)
    }

    /// Adds a key file, instead of an earlier one.
    ///
    /// # Errors
    /// When `root` is not this file's root key.
    pub fn add_key_file(
        &mut self,
        root: &RootKey,
        key: &Secret<32>,
        rng: &dyn Random,
    ) -> Result<(), KeyringError> {
        self.put(Slot::key_file(root, key, rng), root, rng)
    }

    /// Issues `issued` shares of which any `needed` open the file. Shares issued earlier no longer do.
    ///
    /// # Errors
    /// When the numbers make no sense, or `root` is not this file's root key.
    pub fn add_shares(
        &mut self,
        root: &RootKey,
        needed: u8,
        issued: u8,
        rng: &dyn Random,
    ) -> Result<Vec<Share>, KeyringError> {
        let (slot, shares) = Slot::shares(root, (needed, issued), rng)?;
        self.put(slot, root, rng)?;
        Ok(shares)
    }

    /// Removes a slot, never the last one.
    ///
    /// # Errors
    /// When there is no such slot, it is the last, or `root` is not this file's root key.
    pub fn remove_slot(
        &mut self,
        kind: SlotKind,
        root: &RootKey,
        rng: &dyn Random,
    ) -> Result<(), KeyringError> {
        let place = self.slots.iter().position(|slot| slot.kind() == kind);
        let place = place.ok_or(KeyringError::NoSlot(kind))?;
        if self.slots.len() == 1 {
            return Err(KeyringError::LastSlot);
        }
        let plain = self.open(root)?;
        self.slots.remove(place);
        self.seal(&plain, root, rng);
        Ok(())
    }

    /// Seals `keyring` under another root key, with fresh slots only, and returns the shares if asked for.
    ///
    /// # Errors
    /// When no slot is asked for, the numbers of shares make no sense, or Argon2 gets no memory; the file
    /// is then as before.
    pub fn rotate_root(
        &mut self,
        keyring: &Keyring,
        new: &RootKey,
        secrets: &SlotSecrets<'_>,
        rng: &dyn Random,
    ) -> Result<Vec<Share>, KeyringError> {
        let mut file = Self::create(keyring, new, rng);
        if let Some((passphrase, cost)) = secrets.passphrase {
            file.add_passphrase(new, passphrase, cost, rng)?;
        }
        if let Some(key) = secrets.key_file {
            file.add_key_file(new, key, rng)?;
        }
        let shares = match secrets.shares {
            Some((needed, issued)) => file.add_shares(new, needed, issued, rng)?,
            None => Vec::new(),
        };
        if file.slots.is_empty() {
            return Err(KeyringError::LastSlot);
        }
        *self = file;
        Ok(shares)
    }

    /// Opens the file with a passphrase.
    ///
    /// # Errors
    /// When it is wrong, there is no such slot, or the file was changed.
    pub fn unlock_passphrase(&self, passphrase: &SecretText) -> Result<(RootKey, Keyring), KeyringError> {
        self.unlock(self.slot(SlotKind::Passphrase)?.open_passphrase(passphrase)?)
    }

    /// Opens the file with the 32 bytes of a key file.
    ///
    /// # Errors
    /// When they are wrong, there is no such slot, or the file was changed.
    pub fn unlock_key_file(&self, key: &Secret<32>) -> Result<(RootKey, Keyring), KeyringError> {
        self.unlock(self.slot(SlotKind::KeyFile)?.open_key_file(key)?)
    }

    /// Opens the file with enough shares of the valid set; the same share twice counts once.
    ///
    /// # Errors
    /// When there are too few, one is of another set, they are wrong, or the file was changed.
    pub fn unlock_shares(&self, shares: &[Share]) -> Result<(RootKey, Keyring), KeyringError> {
        self.unlock(self.slot(SlotKind::Shares)?.open_shares(shares)?)
    }

    /// Opens the file with the root key itself, to read it again while the vault is unsealed.
    ///
    /// # Errors
    /// When it is another root key, or the file was changed.
    pub fn unlock_root(&self, root: &RootKey) -> Result<Keyring, KeyringError> {
        keyring_codec::decode(&self.open(root)?)
    }

    fn unlock(&self, root: RootKey) -> Result<(RootKey, Keyring), KeyringError> {
        let keyring = match self.unlock_root(&root) {
            // A slot gave a root key that this file does not commit to: somebody put the slot here.
            Err(KeyringError::WrongRoot) => Err(KeyringError::Changed),
            other => other,
        };
        Ok((root, keyring?))
    }

    fn slot(&self, kind: SlotKind) -> Result<&Slot, KeyringError> {
        self.slots.iter().find(|slot| slot.kind() == kind).ok_or(KeyringError::NoSlot(kind))
    }

    /// Puts a slot in its place and seals the keyring again, because the slots are bound to it.
    fn put(&mut self, slot: Slot, root: &RootKey, rng: &dyn Random) -> Result<(), KeyringError> {
        let plain = self.open(root)?;
        self.slots.retain(|known| known.kind() != slot.kind());
        self.slots.push(slot);
        self.slots.sort_by_key(Slot::kind);
        self.seal(&plain, root, rng);
        Ok(())
    }

    /// Returns everything before the sealed part's length.
    fn head(&self) -> Vec<u8> {
        let mut head = MAGIC.to_vec();
        // Invariant: one slot of a kind at most, so the count fits.
        head.extend_from_slice(&[VERSION, self.slots.len() as u8]);
        self.slots.iter().for_each(|slot| slot.write(&mut head));
        head.extend_from_slice(&self.commitment);
        head
    }

    fn seal(&mut self, plain: &[u8], root: &RootKey, rng: &dyn Random) {
        let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + TAG_BYTES);
        sealed.resize(NONCE_BYTES, 0);
        rng.fill(&mut sealed);
        sealed.extend_from_slice(plain);
        let (nonce, text) = sealed.split_at_mut(NONCE_BYTES);
        let tag = root.cipher().seal(nonce, &self.head(), text);
        sealed.extend_from_slice(&tag);
        self.sealed = sealed;
    }

    fn open(&self, root: &RootKey) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        if !equal_constant_time(&root.commitment(), &self.commitment) {
            return Err(KeyringError::WrongRoot);
        }
        let wrong = KeyringError::Changed;
        let (nonce, rest) = self.sealed.split_at_checked(NONCE_BYTES).ok_or(wrong)?;
        let length = rest.len().checked_sub(TAG_BYTES).ok_or(wrong)?;
        let mut plain = Zeroizing::new(vec![0; length]);
        let opened = root.cipher().open(nonce, &self.head(), rest.split_at(length), &mut plain);
        opened.map(|()| plain).map_err(|_| wrong)
    }
}

impl std::fmt::Debug for KeyringFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyringFile").field("slots", &self.slots()).finish_non_exhaustive()
    }
}
