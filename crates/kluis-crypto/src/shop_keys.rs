//! The runtime keys of one shop: everything a request needs, with every key expanded beforehand.

use std::fmt;

use kluis_model::{FieldKind, FieldName, Pii, Random, ShopId, SubjectId};
use thiserror::Error;

use crate::aead::{AeadKey, Suite};
use crate::bytes::Stack;
use crate::cells::{CellHead, OpenError, PiiBytes, open_padded, seal_padded};
use crate::credential::CredentialSecret;
use crate::dek::{self, Dek, DekPlace};
use crate::digest::{MacKey, sha256_parts, subkey};
use crate::index::{IndexError, IndexKeys};
use crate::keyring::ShopKeyring;
use crate::secret::{Secret, equal_constant_time};
use crate::token::Token;

/// Why a wrapped data key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WrapError {
    /// Its epoch's key is destroyed: what it protected is erased.
    #[error("the key epoch of this data key is destroyed; what it sealed is erased")]
    EpochDestroyed,
    /// Changed, moved from another place, or wrapped under a key this keyring never had.
    #[error("the wrapped data key was changed or moved, or belongs to another keyring")]
    Corrupt,
}

/// The keys of one shop in use; made by [`crate::Keyring`], shared behind an `Arc`.
pub struct ShopKeys {
    shop: ShopId,
    suite: Suite,
    newest: u32,
    epochs: Vec<(u32, AeadKey)>,
    index: Vec<IndexKeys>,
    index_versions: Vec<u8>,
    row_mac: MacKey,
    credentials: MacKey,
    tokens: MacKey,
    pairwise: MacKey,
    notes: AeadKey,
}

impl ShopKeys {
    /// Expands the keys of one shop.
    pub(crate) fn new(shop: ShopId, keys: &ShopKeyring) -> Self {
        let kek = |key: &Secret<32>| {
            AeadKey::new(Suite::Aes256GcmSiv, &subkey(key.expose(), &[b"klantkluis kek 1"]))
        };
        let live = keys.epochs.iter();
        let live = live.filter_map(|known| Some((known.epoch.number, kek(known.key.as_ref()?))));
        let index: Vec<_> =
            keys.index.iter().map(|known| IndexKeys::new(known.version, &known.key)).collect();
        let tokens = keys.tokens.expose();
        let notes = subkey(keys.notes.expose(), &[b"klantkluis notes 1"]);
        Self {
            shop,
            suite: keys.suite,
            newest: keys.newest_epoch(),
            epochs: live.collect(),
            index_versions: index.iter().map(IndexKeys::version).collect(),
            index,
            row_mac: MacKey::derive(keys.row_mac.expose(), &[b"klantkluis row 1"]),
            credentials: MacKey::derive(tokens, &[b"klantkluis credential 1"]),
            tokens: MacKey::derive(tokens, &[b"klantkluis token 1"]),
            pairwise: MacKey::derive(tokens, &[b"klantkluis pairwise 1"]),
            notes: AeadKey::new(Suite::Aes256GcmSiv, &notes),
        }
    }

    /// Returns whose keys they are.
    pub fn shop(&self) -> ShopId {
        self.shop
    }

    /// Returns the newest epoch, under which data keys are wrapped.
    pub fn epoch(&self) -> u32 {
        self.newest
    }

    /// Returns the cipher for new cells.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Returns a fresh data key.
    pub fn new_dek(&self, rng: &dyn Random) -> Dek {
        Dek(Secret::random(rng))
    }

    /// Returns the newest epoch and `dek` wrapped under it for `place`.
    pub fn wrap_dek(&self, dek: &Dek, place: &DekPlace, rng: &dyn Random) -> (u32, Vec<u8>) {
        // Invariant: a keyring always has the key of its newest epoch (the codec and every change check it).
        #[expect(clippy::expect_used, reason = "the newest epoch is never destroyed")]
        let kek = self.kek(self.newest).expect("the newest epoch has a key");
        (self.newest, dek::wrap(kek, dek, place, self.newest, rng).to_vec())
    }

    /// Returns the data key that was wrapped for `place` under `epoch`.
    pub fn unwrap_dek(&self, place: &DekPlace, epoch: u32, wrapped: &[u8]) -> Result<Dek, WrapError> {
        let Some(kek) = self.kek(epoch) else {
            let existed = (1..=self.newest).contains(&epoch);
            return Err(if existed { WrapError::EpochDestroyed } else { WrapError::Corrupt });
        };
        dek::unwrap(kek, place, epoch, wrapped).ok_or(WrapError::Corrupt)
    }

    /// Returns the live index key versions, oldest first: write terms of all, look up all.
    pub fn index_versions(&self) -> &[u8] {
        &self.index_versions
    }

    /// Returns the 128-bit index term of a match key of a kind that is looked up exactly.
    ///
    /// # Errors
    /// When the kind is guessable or bucketed, or the version is not live.
    pub fn unique_term(&self, kind: FieldKind, version: u8, match_key: &str) -> Result<[u8; 16], IndexError> {
        self.index_keys(version)?.unique(kind, match_key)
    }

    /// Returns the first `bits` (at most 64) of the index term of a match key of a bucketed kind.
    ///
    /// # Errors
    /// When the kind is guessable or not bucketed, or the version is not live.
    pub fn bucket_term(
        &self,
        kind: FieldKind,
        version: u8,
        match_key: &str,
        bits: u8,
    ) -> Result<u64, IndexError> {
        self.index_keys(version)?.bucket(kind, match_key, bits)
    }

    /// Returns the MAC over the clear columns of a row of `table`, each length-prefixed.
    pub fn row_mac(&self, table: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.row_mac.mac_labelled(table.as_bytes(), parts)
    }

    /// Returns whether `mac` is the MAC of the row; takes the same time wherever it differs.
    pub fn row_mac_matches(&self, table: &str, parts: &[&[u8]], mac: &[u8]) -> bool {
        equal_constant_time(&self.row_mac(table, parts), mac)
    }

    /// Returns what is stored of a credential.
    pub fn credential_hash(&self, secret: &CredentialSecret) -> [u8; 32] {
        self.credentials.mac(&[secret.kind().prefix().as_bytes(), secret.expose()])
    }

    /// Returns what is stored of a token.
    pub fn token_hash(&self, token: &Token) -> [u8; 32] {
        self.tokens.mac(&[token.as_bytes()])
    }

    /// Returns the token of a subject's field for one destination: always the same one, and unlike
    /// that of any other destination, so that two partners cannot join what they received.
    pub fn pairwise_token(&self, subject: SubjectId, field: &FieldName, destination: &str) -> Token {
        let parts: [&[u8]; 3] = [subject.as_bytes(), field.as_str().as_bytes(), destination.as_bytes()];
        let mac = self.pairwise.mac(&parts);
        Token::from_bytes(*mac.first_chunk::<16>().unwrap_or(&[0; 16]))
    }

    /// Returns `plaintext` sealed under a key of the shop for `label` and `id`: job parameters and
    /// other data that belongs to no single subject. What belongs to a subject goes into its cells.
    pub fn seal_note(&self, label: &str, id: &[u8], plaintext: &[u8], rng: &dyn Random) -> Vec<u8> {
        let mut out = Vec::new();
        let aad = self.note_aad(label, id);
        seal_padded(&self.notes, NOTE_HEAD, aad.as_slice(), plaintext, (rng, &mut out));
        out
    }

    /// Returns what [`ShopKeys::seal_note`] sealed for the same `label` and `id`.
    ///
    /// # Errors
    /// When it is malformed, changed, or was sealed for another label, id or shop.
    pub fn open_note(&self, label: &str, id: &[u8], sealed: &[u8]) -> Result<PiiBytes, OpenError> {
        if CellHead::read(sealed)? != NOTE_HEAD {
            return Err(OpenError::Unknown);
        }
        let mut out = Vec::new();
        let aad = self.note_aad(label, id);
        open_padded(&self.notes, NOTE_HEAD, aad.as_slice(), sealed, &mut out)?;
        Ok(Pii::new(out))
    }

    fn note_aad(&self, label: &str, id: &[u8]) -> Stack<64> {
        let mut aad = Stack::new();
        aad.put_part(b"note");
        aad.put_part(&self.shop.0.to_be_bytes());
        aad.put_part(&sha256_parts(&[label.as_bytes(), id]));
        aad
    }

    fn kek(&self, epoch: u32) -> Option<&AeadKey> {
        self.epochs.iter().rev().find(|(number, _)| *number == epoch).map(|(_, key)| key)
    }

    fn index_keys(&self, version: u8) -> Result<&IndexKeys, IndexError> {
        let mut known = self.index.iter();
        known.find(|keys| keys.version() == version).ok_or(IndexError::NotLive(version))
    }
}

/// Notes have no data key, so generation 0.
const NOTE_HEAD: CellHead = CellHead { suite: Suite::Aes256GcmSiv, dek_gen: 0 };

impl fmt::Debug for ShopKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShopKeys({}, ***)", self.shop)
    }
}
