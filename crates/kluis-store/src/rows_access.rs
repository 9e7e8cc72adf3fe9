//! The rows about who may do what: credentials, tokens, jobs and idempotency keys.

use std::fmt;

use kluis_model::{CredentialId, FieldName, JobId, ShopId, SubjectId, TimeMs};

use crate::StoreError;
use crate::value::{Columns, Value};

/// A credential of staff or a connector; the secret is hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// The shop.
    pub shop: ShopId,
    /// The id.
    pub id: CredentialId,
    /// `staff` or `connector`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// The keyed hash of the secret.
    pub secret_hash: [u8; 32],
    /// What it may do, as JSON.
    pub grant: String,
    /// When it was made.
    pub created: TimeMs,
    /// When it ends.
    pub expires: Option<TimeMs>,
    /// When it was revoked.
    pub revoked: Option<TimeMs>,
    /// When it was used last, coarsely; not under the row MAC.
    pub last_used: Option<TimeMs>,
    /// Over everything above but `last_used`.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for CredentialRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialRow({} {})", self.id, self.kind)
    }
}

impl CredentialRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("credential", values);
        let (shop, id) = (row.shop()?, row.id("id")?);
        row.name_row(id);
        Ok(Self {
            shop,
            id,
            kind: row.text("kind")?,
            name: row.text("name")?,
            secret_hash: row.array("secret_hash")?,
            grant: row.text("grants")?,
            created: row.time("created")?,
            expires: row.find_time("expires")?,
            revoked: row.find_time("revoked")?,
            last_used: row.find_time("last_used")?,
            row_mac: row.array("row_mac")?,
        })
    }
}

/// A token that stands for one field of one customer; hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The shop.
    pub shop: ShopId,
    /// The keyed hash of the token.
    pub hash: [u8; 32],
    /// Whose value it stands for.
    pub subject: SubjectId,
    /// Which field.
    pub field: FieldName,
    /// For which partner.
    pub destination: Option<String>,
    /// When it was made.
    pub created: TimeMs,
    /// When it was revoked.
    pub revoked: Option<TimeMs>,
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for TokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRow({} {})", self.subject, self.field)
    }
}

impl TokenRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("token", values);
        Ok(Self {
            shop: row.shop()?,
            hash: row.array("hash")?,
            subject: row.id("subject")?,
            field: row.word("field")?,
            destination: row.find_text("destination")?,
            created: row.time("created")?,
            revoked: row.find_time("revoked")?,
            row_mac: row.array("row_mac")?,
        })
    }
}

/// A long piece of work and how far it is.
#[derive(Clone, PartialEq, Eq)]
pub struct JobRow {
    /// The id.
    pub id: JobId,
    /// The shop.
    pub shop: ShopId,
    /// Which work.
    pub kind: String,
    /// A word of its kind.
    pub state: String,
    /// Who asked for it.
    pub created_by: String,
    /// When.
    pub created: TimeMs,
    /// When it changed last.
    pub updated: TimeMs,
    /// Sealed parameters.
    pub params: Vec<u8>,
    /// JSON without personal data.
    pub progress: String,
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for JobRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobRow({} {} {})", self.id, self.kind, self.state)
    }
}

impl JobRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("job", values);
        let id = row.id("id")?;
        row.name_row(id);
        Ok(Self {
            id,
            shop: row.shop()?,
            kind: row.text("kind")?,
            state: row.text("state")?,
            created_by: row.text("created_by")?,
            created: row.time("created")?,
            updated: row.time("updated")?,
            params: row.bytes("params")?,
            progress: row.text("progress")?,
            row_mac: row.array("row_mac")?,
        })
    }
}

/// The answer given under an idempotency key.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// The shop.
    pub shop: ShopId,
    /// Who asked.
    pub credential: String,
    /// Hash of the key.
    pub key_hash: [u8; 32],
    /// Digest of the request.
    pub request_digest: [u8; 32],
    /// The status that was answered.
    pub status: u16,
    /// The sealed or data-free answer.
    pub response: Vec<u8>,
    /// When.
    pub at: TimeMs,
}

impl fmt::Debug for IdempotencyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyRow({} {})", self.credential, self.status)
    }
}

impl IdempotencyRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("idempotency", values);
        Ok(Self {
            shop: row.shop()?,
            credential: row.text("credential")?,
            key_hash: row.array("key_hash")?,
            request_digest: row.array("request_digest")?,
            status: row.number("status")?,
            response: row.bytes("response")?,
            at: row.time("at")?,
        })
    }
}
