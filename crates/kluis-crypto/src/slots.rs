//! The ways into a keyring file: a slot holds the root key wrapped under a passphrase, a key file or shares.

use std::collections::BTreeMap;
use std::fmt;

use kluis_model::Random;
use thiserror::Error;

use crate::aead::{AeadKey, Suite, TAG_BYTES};
use crate::bytes::Reader;
use crate::digest::expand;
use crate::keyring_file::RootKey;
use crate::passphrase::{self, Argon2Cost, SALT_BYTES};
use crate::secret::{Secret, SecretText, equal_constant_time};
use crate::shamir::{self, SHARES_MAX};
use crate::share::Share;

/// Most slots of a keyring file: one of each kind.
pub const SLOTS_MAX: usize = SlotKind::ALL.len();

const NONCE_BYTES: usize = 12;
/// Commitment, nonce, wrapped root key, tag.
const WRAPPED_BYTES: usize = 32 + NONCE_BYTES + 32 + TAG_BYTES;

/// What opens a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SlotKind {
    /// A passphrase, through Argon2id.
    Passphrase = 1,
    /// A file of 32 random bytes.
    KeyFile = 2,
    /// Any k of n shares.
    Shares = 3,
}

impl SlotKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Passphrase, Self::KeyFile, Self::Shares];

    /// Returns the word for the kind.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::KeyFile => "key_file",
            Self::Shares => "shares",
        }
    }
}

impl fmt::Display for SlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What a keyring file says about one of its slots, without any secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotDescription {
    /// A passphrase of this cost.
    Passphrase {
        /// What a guess costs.
        cost: Argon2Cost,
    },
    /// A key file.
    KeyFile,
    /// Shares.
    Shares {
        /// The set that is valid now, as it stands on each share.
        set: String,
        /// How many open the slot.
        needed: u8,
        /// How many were issued.
        issued: u8,
    },
}

impl SlotDescription {
    /// Returns the kind of the slot.
    pub const fn kind(&self) -> SlotKind {
        match self {
            Self::Passphrase { .. } => SlotKind::Passphrase,
            Self::KeyFile => SlotKind::KeyFile,
            Self::Shares { .. } => SlotKind::Shares,
        }
    }
}

/// Why a keyring file does not open or cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// Not a keyring file, cut off, or too long.
    #[error("this is not a keyring file, or it is damaged")]
    Malformed,
    /// A format this program does not know.
    #[error("the keyring file was written by a newer version of this program")]
    Version,
    /// The file asks for more work than any keyring needs.
    #[error("the keyring file asks for more memory or time than is allowed")]
    Cost,
    /// The file has no slot of this kind.
    #[error("the keyring file has no slot of kind {0}")]
    NoSlot(SlotKind),
    /// The passphrase is another.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The key file is another.
    #[error("the key file does not belong to this keyring")]
    WrongKeyFile,
    /// The shares do not give the key.
    #[error("the shares do not open this keyring")]
    WrongShares,
    /// Not enough different shares.
    #[error("{given} different shares were given, {needed} are needed")]
    TooFewShares {
        /// How many are needed.
        needed: u8,
        /// How many different ones were given.
        given: u8,
    },
    /// A share was issued in another set than the one that is valid now.
    #[error("a share belongs to another set: shares issued earlier are no longer valid")]
    OtherShareSet,
    /// The numbers of shares asked for make no sense.
    #[error("shares: at least 2 must be needed, and at most 16 can be issued")]
    ShareCount,
    /// The root key is not that of this file.
    #[error("the root key does not belong to this keyring file")]
    WrongRoot,
    /// Bytes of the file were changed.
    #[error("the keyring file was changed by something else than this program")]
    Changed,
    /// A file without a slot could never be opened again.
    #[error("the last way to open the keyring cannot be removed; add another first")]
    LastSlot,
    /// Argon2 got no memory.
    #[error("there is not enough memory to check the passphrase")]
    Memory,
    /// The keyring has outgrown its file.
    #[error("the keyring is larger than its file may be")]
    TooLarge,
}

/// One slot, closed.
#[derive(Clone)]
pub(crate) enum Slot {
    Passphrase { salt: [u8; SALT_BYTES], cost: Argon2Cost, wrapped: [u8; WRAPPED_BYTES] },
    KeyFile { wrapped: [u8; WRAPPED_BYTES] },
    Shares { set: [u8; 4], needed: u8, issued: u8, wrapped: [u8; WRAPPED_BYTES] },
}

impl Slot {
    /// Returns a slot for a passphrase.
    pub(crate) fn passphrase(
        root: &RootKey,
        passphrase: &SecretText,
        cost: Argon2Cost,
        rng: &dyn Random,
    ) -> Result<Self, KeyringError> {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        let key = passphrase::derive(passphrase, &salt, cost)?;
        let mut slot = Self::Passphrase { salt, cost, wrapped: [0; WRAPPED_BYTES] };
        slot.wrap(&key, root, rng);
        Ok(slot)
    }

    /// Returns a slot for a key file.
    pub(crate) fn key_file(root: &RootKey, key: &Secret<32>, rng: &dyn Random) -> Self {
        let mut slot = Self::KeyFile { wrapped: [0; WRAPPED_BYTES] };
        slot.wrap(key, root, rng);
        slot
    }

    /// Returns a slot for shares, and the shares: `needed` of `issued` open it.
    pub(crate) fn shares(
        root: &RootKey,
        (needed, issued): (u8, u8),
        rng: &dyn Random,
    ) -> Result<(Self, Vec<Share>), KeyringError> {
        if needed < 2 || issued < needed || issued > SHARES_MAX {
            return Err(KeyringError::ShareCount);
        }
        let mut set = [0; 4];
        rng.fill(&mut set);
        let key = Secret::random(rng);
        let points = shamir::split(&key, needed, issued, rng);
        let mut slot = Self::Shares { set, needed, issued, wrapped: [0; WRAPPED_BYTES] };
        slot.wrap(&key, root, rng);
        Ok((slot, points.into_iter().map(|point| Share::new(set, point)).collect()))
    }

    /// Returns the root key for a passphrase.
    pub(crate) fn open_passphrase(&self, passphrase: &SecretText) -> Result<RootKey, KeyringError> {
        let Self::Passphrase { salt, cost, .. } = self else {
            return Err(KeyringError::NoSlot(SlotKind::Passphrase));
        };
        self.unwrap(&passphrase::derive(passphrase, salt, *cost)?, KeyringError::WrongPassphrase)
    }

    /// Returns the root key for a key file.
    pub(crate) fn open_key_file(&self, key: &Secret<32>) -> Result<RootKey, KeyringError> {
        let Self::KeyFile { .. } = self else { return Err(KeyringError::NoSlot(SlotKind::KeyFile)) };
        self.unwrap(key, KeyringError::WrongKeyFile)
    }

    /// Returns the root key for enough different shares of the slot's set.
    pub(crate) fn open_shares(&self, shares: &[Share]) -> Result<RootKey, KeyringError> {
        let Self::Shares { set, needed, .. } = self else {
            return Err(KeyringError::NoSlot(SlotKind::Shares));
        };
        let mut points = BTreeMap::new();
        for share in shares {
            if share.set_bytes() != *set {
                return Err(KeyringError::OtherShareSet);
            }
            let point = share.point();
            let earlier = points.insert(share.number(), share.point());
            if earlier.is_some_and(|earlier| earlier.values != point.values) {
                return Err(KeyringError::WrongShares);
            }
        }
        if points.len() < usize::from(*needed) {
            // Invariant: share numbers are 1 to 16, so there are at most 16 different ones.
            return Err(KeyringError::TooFewShares { needed: *needed, given: points.len() as u8 });
        }
        let points: Vec<_> = points.into_values().collect();
        self.unwrap(&shamir::combine(&points), KeyringError::WrongShares)
    }

    /// Returns the kind.
    pub(crate) fn kind(&self) -> SlotKind {
        self.describe().kind()
    }

    /// Returns what may be shown of the slot.
    pub(crate) fn describe(&self) -> SlotDescription {
        match self {
            Self::Passphrase { cost, .. } => SlotDescription::Passphrase { cost: *cost },
            Self::KeyFile { .. } => SlotDescription::KeyFile,
            Self::Shares { set, needed, issued, .. } => {
                SlotDescription::Shares { set: hex::encode(set), needed: *needed, issued: *issued }
            }
        }
    }

    /// Appends the stored form.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head());
        out.extend_from_slice(self.wrapped());
    }

    /// Reads one slot.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, KeyringError> {
        let wrong = KeyringError::Malformed;
        match reader.u8().ok_or(wrong)? {
            1 => {
                let salt = reader.array().ok_or(wrong)?;
                let cost = Argon2Cost::read(reader)?;
                Ok(Self::Passphrase { salt, cost, wrapped: reader.array().ok_or(wrong)? })
            }
            2 => Ok(Self::KeyFile { wrapped: reader.array().ok_or(wrong)? }),
            3 => {
                let set = reader.array().ok_or(wrong)?;
                let (needed, issued) = (reader.u8().ok_or(wrong)?, reader.u8().ok_or(wrong)?);
                if needed < 2 || issued < needed || issued > SHARES_MAX {
                    return Err(wrong);
                }
                Ok(Self::Shares { set, needed, issued, wrapped: reader.array().ok_or(wrong)? })
            }
            _ => Err(wrong),
        }
    }

    /// Returns the stored form up to the wrapped key; the wrap is bound to it.
    fn head(&self) -> Vec<u8> {
        let mut head = vec![self.kind() as u8];
        match self {
            Self::Passphrase { salt, cost, .. } => {
                head.extend_from_slice(salt);
                head.extend_from_slice(&cost.to_bytes());
            }
            Self::KeyFile { .. } => {}
            Self::Shares { set, needed, issued, .. } => {
                head.extend_from_slice(set);
                head.extend_from_slice(&[*needed, *issued]);
            }
        }
        head
    }

    fn wrapped(&self) -> &[u8; WRAPPED_BYTES] {
        match self {
            Self::Passphrase { wrapped, .. } | Self::KeyFile { wrapped } | Self::Shares { wrapped, .. } => {
                wrapped
            }
        }
    }

    /// Wraps `root` under the slot's key and stores it in the slot.
    fn wrap(&mut self, key: &Secret<32>, root: &RootKey, rng: &dyn Random) {
        let head = self.head();
        let (commitment, aead) = slot_keys(key);
        let mut out = [0; WRAPPED_BYTES];
        let (stored_commitment, rest) = out.split_at_mut(32);
        let (nonce, rest) = rest.split_at_mut(NONCE_BYTES);
        let (text, tag) = rest.split_at_mut(32);
        stored_commitment.copy_from_slice(&commitment);
        rng.fill(nonce);
        text.copy_from_slice(root.0.expose());
        tag.copy_from_slice(&aead.seal(nonce, &head, text));
        match self {
            Self::Passphrase { wrapped, .. } | Self::KeyFile { wrapped } | Self::Shares { wrapped, .. } => {
                *wrapped = out;
            }
        }
    }

    /// Returns the root key, `wrong` when the key is another, or `Changed` when the slot was altered.
    fn unwrap(&self, key: &Secret<32>, wrong: KeyringError) -> Result<RootKey, KeyringError> {
        let (commitment, aead) = slot_keys(key);
        let (stored_commitment, rest) = self.wrapped().split_at(32);
        if !equal_constant_time(&commitment, stored_commitment) {
            return Err(wrong);
        }
        let (nonce, rest) = rest.split_at(NONCE_BYTES);
        let mut root = Secret::zeroed();
        let opened = aead.open(nonce, &self.head(), rest.split_at(32), &mut root.expose_mut()[..]);
        opened.map(|()| RootKey(root)).map_err(|_| KeyringError::Changed)
    }
}

/// Returns the commitment to a slot's key, and the cipher under it: no ciphertext opens under two keys.
fn slot_keys(key: &Secret<32>) -> ([u8; 32], AeadKey) {
    let mut commitment = [0; 32];
    expand(key.expose(), &[b"klantkluis slot commitment 1"], &mut commitment);
    let wrap = crate::digest::subkey(key.expose(), &[b"klantkluis slot 1"]);
    (commitment, AeadKey::new(Suite::Aes256GcmSiv, &wrap))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::random::SystemRandom;
    use crate::shamir::Point;

    #[test]
    fn a_forged_share_is_noticed() {
        let root = RootKey::generate(&SystemRandom);
        let (slot, mut shares) = Slot::shares(&root, (2, 3), &SystemRandom).unwrap();
        let forged = Point { x: 1, values: Secret::random(&SystemRandom) };
        shares.push(Share::new(shares[0].set_bytes(), forged));
        assert!(slot.open_shares(&shares[..3]).unwrap() == root);
        // The forged share contradicts the first one, and without that one gives another key.
        assert_eq!(slot.open_shares(&shares).unwrap_err(), KeyringError::WrongShares);
        assert_eq!(slot.open_shares(&shares[1..]).unwrap_err(), KeyringError::WrongShares);
    }

    #[test]
    fn a_slot_is_bound_to_what_it_says() {
        let root = RootKey::generate(&SystemRandom);
        let (slot, shares) = Slot::shares(&root, (3, 5), &SystemRandom).unwrap();
        let mut bytes = Vec::new();
        slot.write(&mut bytes);
        for (needed, issued) in [(2, 5), (3, 6)] {
            let mut changed = bytes.clone();
            changed[5..7].copy_from_slice(&[needed, issued]);
            let changed = Slot::read(&mut Reader::new(&changed)).unwrap();
            assert_eq!(changed.open_shares(&shares).unwrap_err(), KeyringError::Changed);
        }
        for (needed, issued) in [(0, 5), (1, 5), (4, 3), (3, 17)] {
            let mut changed = bytes.clone();
            changed[5..7].copy_from_slice(&[needed, issued]);
            assert!(Slot::read(&mut Reader::new(&changed)).is_err());
        }
    }
}
