//! Erasure receipts: what was erased, what the law keeps, and from when backups are unreadable; as a signed note.

use kluis_model::{ClassSet, PurposeId, RetentionClass, ShopId, SubjectId, TimeMs};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::keyring::Keyring;
use crate::note::{NoteError, NoteVerifier, verify_any};

/// The first line of every receipt, so that it can never pass for a checkpoint.
const TITLE: &str = "klantkluis erasure receipt 1";

/// What an erasure did. Holds ids, purposes and times only: nothing else of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureReceipt {
    /// The shop.
    pub shop: ShopId,
    /// The person, by the random id.
    pub subject: SubjectId,
    /// When.
    pub erased_at: TimeMs,
    /// The retention classes whose keys were destroyed.
    #[serde(with = "class_words")]
    pub classes: ClassSet,
    /// What a legal obligation keeps.
    pub kept: Vec<Kept>,
    /// From when no backup shows anything that was erased.
    pub backups_unreadable_from: TimeMs,
    /// The newest key epoch at that time.
    pub epoch: u32,
}

/// A purpose that the law makes the shop keep data for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The purpose.
    pub purpose: PurposeId,
    /// Until when; none when no end is known yet.
    pub until: Option<TimeMs>,
}

/// Why a receipt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// The note is not one, or its signature does not hold.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The signed text is not a receipt.
    #[error("the note is signed, but its text is not an erasure receipt")]
    Format,
}

/// Returns the receipt as a note signed by the vault's key [`Keyring::log_name`].
pub fn sign(keyring: &Keyring, receipt: &ErasureReceipt) -> String {
    // Invariant: the struct has text keys and plain values only, which always serialise.
    let body = serde_json::to_string(receipt).unwrap_or_default();
    keyring.note_signer(keyring.log_name()).sign(&format!("{TITLE}\n{body}\n"))
}

/// Returns the receipt in `note` if one of `verifiers` signed it.
///
/// # Errors
/// When the note is malformed, changed, signed by another key, or no receipt.
pub fn verify(note: &str, verifiers: &[NoteVerifier]) -> Result<ErasureReceipt, ReceiptError> {
    let (text, _) = verify_any(note, verifiers)?;
    let body = text.strip_prefix(TITLE).and_then(|rest| rest.strip_prefix('\n'));
    serde_json::from_str(body.ok_or(ReceiptError::Format)?).map_err(|_| ReceiptError::Format)
}

/// Writes a class set as a list of words.
mod class_words {
    use serde::{Deserializer, Serializer};

    use super::{ClassSet, Deserialize, RetentionClass};

    pub(super) fn serialize<S: Serializer>(classes: &ClassSet, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(classes.iter())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ClassSet, D::Error> {
        Ok(Vec::<RetentionClass>::deserialize(from)?.into_iter().collect())
    }
}
