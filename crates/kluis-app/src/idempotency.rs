//! A request under an idempotency key is done once: its answer is stored in the same unit and given again for 24 hours.

use kluis_crypto::{ShopKeys, sha256_parts};
use kluis_model::minimise::{DropReason, Dropped};
use kluis_model::{Actor, FieldName, SubjectId, TimeMs};
use kluis_store::{IdempotencyRow, Unit};
use serde::{Deserialize, Serialize};

use crate::subject::Written;
use crate::{App, AppError};

/// How long an answer is given again, in milliseconds.
pub(crate) const IDEMPOTENCY_KEEP_MS: i64 = 24 * 3_600_000;
/// What the store calls a key that is used already.
pub(crate) const KEY_TAKEN: &str = "idempotency_key";
/// Longest key in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// The label under which answers are sealed.
const NOTE: &str = "idempotency";
/// The status of a create.
const CREATED: u16 = 201;

/// An idempotency key with the digest of the request it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key as the caller chose it, at most 255 bytes.
    pub key: String,
    /// SHA-256 of the request's body; it is stored keyed only.
    pub digest: [u8; 32],
}

/// An answer given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body; holds no personal data.
    pub body: Vec<u8>,
}

impl App {
    /// The answer that this actor got under a key before, if any.
    ///
    /// # Errors
    /// `Invalid` when the key is too long, or was used for another request.
    pub async fn idempotent_find(
        &self,
        actor: &Actor,
        key: &str,
        digest: [u8; 32],
    ) -> Result<Option<StoredAnswer>, AppError> {
        check_key(key)?;
        let keys = self.keys(actor.shop)?;
        let row = self.store().idempotency(actor.shop, &owner(actor), key_hash(&keys, key)).await?;
        let Some(row) = row.filter(|row| self.now().0 < row.at.0.saturating_add(IDEMPOTENCY_KEEP_MS)) else {
            return Ok(None);
        };
        if row.request_digest != keyed_digest(&keys, digest) {
            return Err(AppError::invalid(
                "idempotency_key",
                "Deze sleutel is al gebruikt voor een ander verzoek.",
                "This key was used for another request.",
            ));
        }
        let broken = || AppError::integrity("idempotency response");
        let body = keys.open_note(NOTE, &place_of(&row), &row.response).map_err(|_| broken())?;
        Ok(Some(StoredAnswer { status: row.status, body: body.into_exposed() }))
    }

    /// What was written under a key before.
    pub(crate) async fn written_before(
        &self,
        actor: &Actor,
        key: &IdempotencyKey,
    ) -> Result<Option<Written>, AppError> {
        let answer = self.idempotent_find(actor, &key.key, key.digest).await?;
        answer.map(|answer| Written::from_json(&answer.body)).transpose()
    }

    /// Stores the answer of a create in its unit.
    pub(crate) fn add_answer(
        &self,
        unit: &mut Unit,
        actor: &Actor,
        key: &IdempotencyKey,
        written: &Written,
    ) -> Result<(), AppError> {
        let keys = self.keys(actor.shop)?;
        let now = self.now();
        // A key that is older than its time is free again.
        unit.delete_idempotency_before(TimeMs(now.0.saturating_sub(IDEMPOTENCY_KEEP_MS)));
        let mut row = IdempotencyRow {
            shop: actor.shop,
            credential: owner(actor),
            key_hash: key_hash(&keys, &key.key),
            request_digest: keyed_digest(&keys, key.digest),
            status: CREATED,
            response: Vec::new(),
            at: now,
        };
        // Sealed: an answer repeats names of fields as the caller wrote them, which may be anything,
        // and nobody who writes to the database may point it to another customer.
        row.response = keys.seal_note(NOTE, &place_of(&row), &written.to_json(), self.random());
        unit.put_idempotency(&row);
        Ok(())
    }
}

/// A write in the shape of the API's answer.
#[derive(Serialize, Deserialize)]
struct WrittenJson {
    id: SubjectId,
    version: u64,
    kept: Vec<FieldName>,
    dropped: Vec<DroppedJson>,
}

#[derive(Serialize, Deserialize)]
struct DroppedJson {
    field: String,
    reason: DropReason,
}

impl Written {
    /// The answer of the API: `{"id","version","kept":[],"dropped":[{"field","reason"}]}`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let dropped =
            |dropped: &Dropped| DroppedJson { field: dropped.field.clone(), reason: dropped.reason };
        let json = WrittenJson {
            id: self.id,
            version: self.version,
            kept: self.kept.clone(),
            dropped: self.dropped.iter().map(dropped).collect(),
        };
        // Only texts and numbers: this always serialises.
        serde_json::to_vec(&json).unwrap_or_default()
    }

    /// Reads what [`Written::to_json`] wrote.
    fn from_json(bytes: &[u8]) -> Result<Self, AppError> {
        let json: WrittenJson =
            serde_json::from_slice(bytes).map_err(|_| AppError::integrity("idempotency response"))?;
        let dropped = |dropped: DroppedJson| Dropped { field: dropped.field, reason: dropped.reason };
        Ok(Self {
            id: json.id,
            version: json.version,
            kept: json.kept,
            dropped: json.dropped.into_iter().map(dropped).collect(),
        })
    }
}

fn check_key(key: &str) -> Result<(), AppError> {
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX || key.contains(char::is_control) {
        return Err(AppError::invalid(
            "idempotency_key",
            "De sleutel moet 1 tot 255 tekens hebben.",
            "The key must have 1 to 255 characters.",
        ));
    }
    Ok(())
}

/// Whose keys they are: two credentials never share one.
fn owner(actor: &Actor) -> String {
    actor
        .credential
        .map_or_else(|| format!("{}:{}", actor.kind, actor.id), |credential| credential.to_string())
}

/// Keyed, because callers make keys of what they have at hand: an order number, an e-mail address.
fn key_hash(keys: &ShopKeys, key: &str) -> [u8; 32] {
    keys.row_mac("idempotency key", &[key.as_bytes()])
}

/// What a stored answer is bound to: every other column of its row.
fn place_of(row: &IdempotencyRow) -> Vec<u8> {
    let (status, at) = (row.status.to_be_bytes(), row.at.0.to_be_bytes());
    let parts: [&[u8]; 5] = [row.credential.as_bytes(), &row.key_hash, &row.request_digest, &status, &at];
    sha256_parts(&parts).to_vec()
}

/// A plain hash of a body would let a thief check guesses of what was in it.
fn keyed_digest(keys: &ShopKeys, digest: [u8; 32]) -> [u8; 32] {
    keys.row_mac("idempotency request", &[&digest])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::SHOP;
    use crate::subject::tests::person;
    use crate::testing::{Vault, local};

    #[tokio::test]
    async fn a_stored_answer_is_sealed_to_its_row_and_its_key_cannot_be_guessed() {
        let vault = Vault::new().await;
        let key = IdempotencyKey { key: "nieuw:noor@zeegroen.example".into(), digest: [1; 32] };
        let new = person(&[("email", "noor@zeegroen.example"), ("noor@zeegroen.example", "x")]);
        let written = vault.app.create_once(&local(), new, Some(&key)).await.unwrap();
        assert_eq!(written.dropped.len(), 1);
        let again = vault.app.idempotent_find(&local(), &key.key, [1; 32]).await.unwrap().unwrap();
        assert_eq!(again.body, written.to_json());
        let keys = vault.app.keys(SHOP).unwrap();
        let guess = sha256_parts(&[b"idempotency", key.key.as_bytes()]);
        assert!(vault.app.store().idempotency(SHOP, &owner(&local()), guess).await.unwrap().is_none());
        let hash = key_hash(&keys, &key.key);
        let row = vault.app.store().idempotency(SHOP, &owner(&local()), hash).await.unwrap().unwrap();
        assert!(!row.response.windows(8).any(|window| window == b"zeegroen"), "no word of the caller's");
        // Another row with the same sealed answer: it is not believed there.
        let other = key_hash(&keys, "other");
        let mut unit = Unit::new();
        unit.put_idempotency(&IdempotencyRow { key_hash: other, ..row });
        vault.app.store().commit(unit).await.unwrap();
        let moved = vault.app.idempotent_find(&local(), "other", [1; 32]).await;
        assert!(matches!(moved, Err(AppError::Integrity { .. })), "{moved:?}");
    }
}
