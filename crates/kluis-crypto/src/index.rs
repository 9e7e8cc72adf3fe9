//! The blind index: HMAC terms of match keys, per shop, field kind and key version.

use kluis_model::FieldKind;
pub use kluis_model::IndexUse;
use thiserror::Error;

use crate::digest::MacKey;
use crate::secret::Secret;

/// Why there is no index term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IndexError {
    /// Values of this kind are guessable (a gender, a country): their terms would tell them.
    #[error("values of kind {0} are too easy to guess to be indexed")]
    Guessable(FieldKind),
    /// A full-width term was asked of a bucketed kind, or the other way round.
    #[error("kind {0} is indexed in another way")]
    OtherUse(FieldKind),
    /// The version never existed or is retired.
    #[error("index key version {0} is not live")]
    NotLive(u8),
}

/// Returns how values of a kind may be indexed.
pub fn index_use(kind: FieldKind) -> IndexUse {
    kind.index_use()
}

/// The index keys of one version, one per indexed kind, precomputed.
pub(crate) struct IndexKeys {
    version: u8,
    kinds: Vec<(FieldKind, MacKey)>,
}

impl IndexKeys {
    /// Derives the keys of all indexed kinds from the root of `version`.
    pub(crate) fn new(version: u8, root: &Secret<32>) -> Self {
        let indexed = FieldKind::ALL.into_iter().filter(|kind| index_use(*kind) != IndexUse::None);
        let derive = |kind: FieldKind| {
            let label: [&[u8]; 2] = [b"klantkluis index 1", &[kind.code()]];
            (kind, MacKey::derive(root.expose(), &label))
        };
        Self { version, kinds: indexed.map(derive).collect() }
    }

    /// Returns the version.
    pub(crate) fn version(&self) -> u8 {
        self.version
    }

    /// Returns the whole term of a match key.
    fn term(&self, kind: FieldKind, match_key: &str) -> Result<[u8; 32], IndexError> {
        let found = self.kinds.iter().find(|(known, _)| *known == kind);
        let (_, key) = found.ok_or(IndexError::Guessable(kind))?;
        Ok(key.mac(&[match_key.as_bytes()]))
    }

    /// Returns the 128-bit term of a kind that is looked up exactly.
    pub(crate) fn unique(&self, kind: FieldKind, match_key: &str) -> Result<[u8; 16], IndexError> {
        match index_use(kind) {
            IndexUse::Unique | IndexUse::Exact => {
                let term = self.term(kind, match_key)?;
                Ok(*term.first_chunk::<16>().unwrap_or(&[0; 16]))
            }
            IndexUse::Bucket => Err(IndexError::OtherUse(kind)),
            IndexUse::None => Err(IndexError::Guessable(kind)),
        }
    }

    /// Returns the first `bits` (at most 64) of the term of a bucketed kind.
    pub(crate) fn bucket(&self, kind: FieldKind, match_key: &str, bits: u8) -> Result<u64, IndexError> {
        match index_use(kind) {
            IndexUse::Bucket => {
                let term = self.term(kind, match_key)?;
                let whole = u64::from_be_bytes(*term.first_chunk::<8>().unwrap_or(&[0; 8]));
                Ok(whole.checked_shr(64 - u32::from(bits.min(64))).unwrap_or(0))
            }
            IndexUse::Unique | IndexUse::Exact => Err(IndexError::OtherUse(kind)),
            IndexUse::None => Err(IndexError::Guessable(kind)),
        }
    }
}
