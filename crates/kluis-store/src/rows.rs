//! The rows of the vault as the rest of the program sees them: subjects, keys, consents, erasures, outbox, audit log.

use std::fmt;

use kluis_model::{
    ClassSet, FieldKind, FieldName, Operation, Outcome, PurposeId, RetentionClass, ShopId, SubjectId, TimeMs,
};

use crate::StoreError;
use crate::value::{Columns, Value};

/// One customer: everything about a person in one row, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectRow {
    /// The shop.
    pub shop: ShopId,
    /// The id.
    pub id: SubjectId,
    /// Counts every change, from 1.
    pub version: u64,
    /// When the row was made.
    pub created: TimeMs,
    /// When it changed last.
    pub updated: TimeMs,
    /// Consents and events.
    pub facts: Vec<u8>,
    /// The sealed cells.
    pub cells: Vec<u8>,
    /// The index terms a second time, under the row MAC.
    pub terms: Vec<u8>,
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for SubjectRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectRow({} version {})", self.id, self.version)
    }
}

impl SubjectRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("subject", values);
        let (shop, id) = (row.shop()?, row.id("id")?);
        row.name_row(id);
        Ok(Self {
            shop,
            id,
            version: row.number("version")?,
            created: row.time("created")?,
            updated: row.time("updated")?,
            facts: row.bytes("facts")?,
            cells: row.bytes("cells")?,
            terms: row.bytes("terms")?,
            row_mac: row.array("row_mac")?,
        })
    }
}

/// A wrapped key of one customer and retention class.
#[derive(Clone, PartialEq, Eq)]
pub struct DekRow {
    /// The shop.
    pub shop: ShopId,
    /// The customer.
    pub subject: SubjectId,
    /// The retention class.
    pub class: RetentionClass,
    /// Generation of the key.
    pub dek_gen: u16,
    /// Under which key epoch it is wrapped.
    pub epoch: u32,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

impl fmt::Debug for DekRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DekRow({} {} generation {} epoch {})", self.subject, self.class, self.dek_gen, self.epoch)
    }
}

impl DekRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("dek", values);
        let (shop, subject) = (row.shop()?, row.id("subject")?);
        row.name_row(subject);
        Ok(Self {
            shop,
            subject,
            class: read_class(&mut row)?,
            dek_gen: row.number("dek_gen")?,
            epoch: row.number("epoch")?,
            wrapped: row.bytes("wrapped")?,
        })
    }
}

fn read_class(row: &mut Columns) -> Result<RetentionClass, StoreError> {
    let number = row.number("class")?;
    RetentionClass::from_u8(number).ok_or_else(|| row.damaged("class"))
}

/// A customer that was written or erased, for what keeps itself up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedSubject {
    /// The customer.
    pub id: SubjectId,
    /// The version of the row; 0 for an erasure.
    pub version: u64,
    /// When.
    pub at: TimeMs,
}

/// An index term as it stands in its table, for verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermRow {
    /// A term of a kind that belongs to one customer only.
    Unique {
        /// The kind of field.
        kind: FieldKind,
        /// Version of the index key.
        version: u8,
        /// The term.
        term: [u8; 16],
        /// Whose it is.
        subject: SubjectId,
    },
    /// A term that customers may share.
    Bucket {
        /// The kind of field.
        kind: FieldKind,
        /// Version of the index key.
        version: u8,
        /// The term.
        bucket: u64,
        /// Whose it is.
        subject: SubjectId,
    },
}

impl TermRow {
    /// Returns whose term it is.
    #[must_use]
    pub const fn subject(&self) -> SubjectId {
        match self {
            Self::Unique { subject, .. } | Self::Bucket { subject, .. } => *subject,
        }
    }

    pub(crate) fn read_unique(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("unique_term", values);
        let kind = read_kind(&mut row)?;
        let version = row.number("version")?;
        Ok(Self::Unique { kind, version, term: row.array("term")?, subject: row.id("subject")? })
    }

    pub(crate) fn read_bucket(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("bucket_term", values);
        let kind = read_kind(&mut row)?;
        let version = row.number("version")?;
        Ok(Self::Bucket {
            kind,
            version,
            bucket: row.int("bucket")?.cast_unsigned(),
            subject: row.id("subject")?,
        })
    }
}

fn read_kind(row: &mut Columns) -> Result<FieldKind, StoreError> {
    let code = row.number("kind")?;
    FieldKind::from_code(code).ok_or_else(|| row.damaged("kind"))
}

/// One consent given or withdrawn.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsentRow {
    /// The shop.
    pub shop: ShopId,
    /// The customer.
    pub subject: SubjectId,
    /// Counts the events of one purpose, from 1.
    pub number: u32,
    /// The purpose.
    pub purpose: PurposeId,
    /// Given, or withdrawn.
    pub given: bool,
    /// When.
    pub at: TimeMs,
    /// Where: a form, a telephone call.
    pub source: String,
    /// Version of the text that was agreed to.
    pub text_version: String,
    /// The sealed proof.
    pub proof: Vec<u8>,
    /// Over everything above.
    pub row_mac: [u8; 32],
}

impl fmt::Debug for ConsentRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsentRow({} {} number {})", self.subject, self.purpose, self.number)
    }
}

impl ConsentRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("consent", values);
        let (shop, subject) = (row.shop()?, row.id("subject")?);
        row.name_row(subject);
        Ok(Self {
            shop,
            subject,
            number: row.number("number")?,
            purpose: row.word("purpose")?,
            given: row.int("given")? != 0,
            at: row.time("at")?,
            source: row.text("source")?,
            text_version: row.text("text_version")?,
            proof: row.bytes("proof")?,
            row_mac: row.array("row_mac")?,
        })
    }
}

/// That a customer was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRow {
    /// The shop.
    pub shop: ShopId,
    /// The customer.
    pub subject: SubjectId,
    /// When.
    pub at: TimeMs,
    /// The classes whose keys are destroyed.
    pub classes: ClassSet,
    /// The signed receipt.
    pub receipt: String,
    /// Until when an old backup with the old key epoch could still be read.
    pub backups_until: TimeMs,
    /// The newest key epoch at the time.
    pub epoch: u32,
    /// Whether the keys are destroyed.
    pub complete: bool,
}

impl ErasureRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("erasure", values);
        let (shop, subject) = (row.shop()?, row.id("subject")?);
        row.name_row(subject);
        Ok(Self {
            shop,
            subject,
            at: row.time("at")?,
            classes: read_classes(&mut row)?,
            receipt: row.text("receipt")?,
            backups_until: row.time("backups_until")?,
            epoch: row.number("epoch")?,
            complete: row.int("complete")? != 0,
        })
    }
}

fn read_classes(row: &mut Columns) -> Result<ClassSet, StoreError> {
    let bits: i64 = row.int("classes")?;
    if bits & !0b111 != 0 {
        return Err(row.damaged("classes"));
    }
    Ok(RetentionClass::ALL.into_iter().filter(|class| bits & (1 << class.as_u8()) != 0).collect())
}

/// Returns the number that stands for a set of classes.
pub(crate) fn class_bits(classes: ClassSet) -> i64 {
    classes.iter().map(|class| 1 << class.as_u8()).sum()
}

/// Work to be done later, at least once, by one node at a time.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// The id.
    pub id: [u8; 16],
    /// The shop.
    pub shop: ShopId,
    /// Which job takes it.
    pub kind: String,
    /// What to do; ids only.
    pub payload: Vec<u8>,
    /// Not before.
    pub due: TimeMs,
}

impl fmt::Debug for OutboxRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutboxRow({} due {})", self.kind, self.due)
    }
}

impl OutboxRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("outbox", values);
        Ok(Self {
            id: row.array("id")?,
            shop: row.shop()?,
            kind: row.text("kind")?,
            payload: row.bytes("payload")?,
            due: row.time("due")?,
        })
    }
}

/// How often a field was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The field.
    pub field: FieldName,
    /// For which purpose.
    pub purpose: PurposeId,
    /// By whom.
    pub actor: String,
    /// Days since 1970 in UTC.
    pub day: i64,
    /// How often.
    pub count: u64,
}

impl UsageRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("usage", values);
        Ok(Self {
            field: row.word("field")?,
            purpose: row.word("purpose")?,
            actor: row.text("actor")?,
            day: row.int("day")?,
            count: row.number("count")?,
        })
    }
}

/// What the store holds of one shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Customers.
    pub subjects: u64,
    /// Erased customers.
    pub erased: u64,
    /// Audit leaves in all logs.
    pub leaves: u64,
    /// Credentials that are not revoked.
    pub credentials: u64,
}

/// One entry of an audit log.
#[derive(Clone, PartialEq, Eq)]
pub struct LeafRow {
    /// The log, named after its node.
    pub log: String,
    /// Place in the log, from 0.
    pub seq: u64,
    /// Opaque place among all logs; with `time` the cursor of [`LeafQuery::before`].
    pub place: i64,
    /// The shop.
    pub shop: ShopId,
    /// When.
    pub time: TimeMs,
    /// About whom.
    pub subject: Option<SubjectId>,
    /// By whom.
    pub actor: String,
    /// What.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// The canonical bytes; what the Merkle tree covers.
    pub bytes: Vec<u8>,
    /// The sealed detail.
    pub detail: Option<Vec<u8>>,
}

impl fmt::Debug for LeafRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeafRow({} {} {})", self.log, self.seq, self.operation)
    }
}

impl LeafRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("leaf", values);
        let (log, place) = (row.text("log")?, row.int("place")?);
        let seq = place.cast_unsigned() & SEQ_MASK;
        row.name_row(format_args!("{log} {seq}"));
        Ok(Self {
            log,
            seq,
            place,
            shop: row.shop()?,
            time: row.time("time")?,
            subject: row.find_id("subject")?,
            actor: row.text("actor")?,
            operation: read_operation(&mut row)?,
            outcome: read_outcome(&mut row)?,
            bytes: row.bytes("bytes")?,
            detail: row.find_bytes("detail")?,
        })
    }
}

/// The low bits of a leaf's place are its sequence number in its log.
pub(crate) const SEQ_BITS: u32 = 48;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;

/// Returns the key of leaf `seq` of log number `log`.
pub(crate) fn leaf_place(log: i64, seq: u64) -> i64 {
    (log << SEQ_BITS) | (seq & SEQ_MASK).cast_signed()
}

fn read_operation(row: &mut Columns) -> Result<Operation, StoreError> {
    let number: u8 = row.number("operation")?;
    Operation::from_u8(number).ok_or_else(|| row.damaged("operation"))
}

fn read_outcome(row: &mut Columns) -> Result<Outcome, StoreError> {
    match row.int("outcome")? {
        0 => Ok(Outcome::Ok),
        1 => Ok(Outcome::Denied),
        2 => Ok(Outcome::Failed),
        _ => Err(row.damaged("outcome")),
    }
}

/// Returns the stored number of an outcome.
pub(crate) fn outcome_number(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Denied => 1,
        Outcome::Failed => 2,
    }
}

/// Which leaves to find, newest first. `None` matches all.
#[derive(Debug, Clone)]
pub struct LeafQuery {
    /// The shop.
    pub shop: ShopId,
    /// About this customer.
    pub subject: Option<SubjectId>,
    /// By this actor.
    pub actor: Option<String>,
    /// This operation.
    pub operation: Option<Operation>,
    /// This outcome.
    pub outcome: Option<Outcome>,
    /// Only leaves before this `time` and `place` of a [`LeafRow`]; `(t, i64::MIN)` for all before a moment.
    pub before: Option<(TimeMs, i64)>,
    /// At most so many.
    pub limit: u32,
}

/// How far a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// The number of leaves.
    pub size: u64,
    /// The Merkle frontier, `kluis_crypto::merkle::Frontier::encode`.
    pub frontier: Vec<u8>,
}

/// A signed checkpoint of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// The log.
    pub log: String,
    /// The number of leaves it signs.
    pub size: u64,
    /// When.
    pub time: TimeMs,
    /// The signed note.
    pub note: String,
}

impl CheckpointRow {
    pub(crate) fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("checkpoint", values);
        Ok(Self {
            log: row.text("log")?,
            size: row.number("size")?,
            time: row.time("time")?,
            note: row.text("note")?,
        })
    }
}
