//! A write as data: statements with their values and expectations, audit leaves, counters; applied as a whole or not at all.

use std::borrow::Cow;

use kluis_model::{
    CredentialId, FieldKind, FieldName, JobId, Operation, Outcome, PurposeId, RetentionClass, ShopId,
    SubjectId, TimeMs,
};

use crate::rows::class_bits;
use crate::sql::{self, Sql};
use crate::value::Value;
use crate::{
    CheckpointRow, ConsentRow, CredentialRow, DekRow, ErasureRow, IdempotencyRow, JobRow, OutboxRow,
    StoreError, SubjectRow, TokenRow,
};

/// An audit leaf to be appended to this node's log.
#[derive(Clone)]
pub struct LeafDraft {
    /// The canonical bytes, `kluis_model::Leaf::encode`.
    pub bytes: Vec<u8>,
    /// The shop, as in the bytes.
    pub shop: ShopId,
    /// The subject, as in the bytes.
    pub subject: Option<SubjectId>,
    /// The actor's id, as in the bytes.
    pub actor: String,
    /// The operation, as in the bytes.
    pub operation: Operation,
    /// The outcome, as in the bytes.
    pub outcome: Outcome,
    /// The sealed detail, whose hash is in the bytes.
    pub detail: Option<Vec<u8>>,
    /// The time, as in the bytes.
    pub time: TimeMs,
}

/// Which usage counter: a field read for a purpose by an actor on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// The shop.
    pub shop: ShopId,
    /// The field.
    pub field: FieldName,
    /// The purpose.
    pub purpose: PurposeId,
    /// The actor's id.
    pub actor: String,
    /// Days since 1970 in UTC, `TimeMs::day`.
    pub day: i64,
}

/// What a read costs a credential's budget.
#[derive(Debug, Clone)]
pub struct Charge {
    /// The credential.
    pub credential: CredentialId,
    /// When; decides the hour and the day, in UTC.
    pub now: TimeMs,
    /// The rows read.
    pub rows: u32,
    /// Most rows in an hour.
    pub rows_max: Option<u32>,
    /// The customers read.
    pub subjects: Vec<SubjectId>,
    /// Most distinct customers in a day.
    pub subjects_max: Option<u32>,
}

/// What a statement must change for its unit to hold.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// Exactly one row, else a conflict about this.
    One(Cow<'static, str>),
    /// Any number.
    Any,
}

/// One statement of a unit.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) sql: Sql,
    pub(crate) values: Vec<Value>,
    pub(crate) expect: Expect,
}

impl Step {
    /// What it means that the step did not change what it had to.
    pub(crate) fn conflict(&self) -> StoreError {
        match &self.expect {
            Expect::One(what) => StoreError::conflict(what.clone()),
            Expect::Any => StoreError::Internal(format!("unexpected answer to {}", self.sql.name())),
        }
    }
}

/// A write as data, applied by `Store::commit` as a whole or not at all.
#[derive(Clone, Default)]
pub struct Unit {
    pub(crate) steps: Vec<Step>,
    /// Keys to destroy: on SQLite after everything else is durable.
    pub(crate) destroyed: Vec<(ShopId, SubjectId, RetentionClass)>,
    pub(crate) leaves: Vec<LeafDraft>,
    pub(crate) usage: Vec<(UsageKey, u64)>,
    pub(crate) charges: Vec<Charge>,
    pub(crate) reserve: bool,
    pub(crate) bytes: usize,
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unit({} statements, {} leaves)", self.steps.len(), self.leaves.len())
    }
}

impl Unit {
    /// Makes a unit that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells whether the unit changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.destroyed.is_empty()
            && self.leaves.is_empty()
            && self.usage.is_empty()
            && self.charges.is_empty()
    }

    pub(crate) fn any(&mut self, sql: Sql, values: Vec<Value>) {
        self.push(sql, values, Expect::Any);
    }

    pub(crate) fn one(&mut self, sql: Sql, what: &'static str, values: Vec<Value>) {
        self.push(sql, values, Expect::One(Cow::Borrowed(what)));
    }

    fn push(&mut self, sql: Sql, values: Vec<Value>, expect: Expect) {
        self.bytes += values.iter().map(Value::size).sum::<usize>() + 32;
        self.steps.push(Step { sql, values, expect });
    }

    /// Adds a customer; conflict `subject` when the id is there.
    pub fn insert_subject(&mut self, row: &SubjectRow) {
        let SubjectRow { shop, id, version, created, updated, facts, cells, terms, row_mac } = row;
        let values = vec![
            (*shop).into(),
            (*id).into(),
            (*version).into(),
            (*created).into(),
            (*updated).into(),
            facts.into(),
            cells.into(),
            terms.into(),
            (*row_mac).into(),
        ];
        self.one(sql::INSERT_SUBJECT, "subject", values);
    }

    /// Replaces a customer's row; conflict `version` unless it is there with the expected version.
    pub fn update_subject(&mut self, row: &SubjectRow, expected_version: u64) {
        let SubjectRow { shop, id, version, created: _, updated, facts, cells, terms, row_mac } = row;
        let values = vec![
            (*shop).into(),
            (*id).into(),
            expected_version.into(),
            (*version).into(),
            (*updated).into(),
            facts.into(),
            cells.into(),
            terms.into(),
            (*row_mac).into(),
        ];
        self.one(sql::UPDATE_SUBJECT, "version", values);
    }

    /// Deletes a customer's row; conflict `version` unless it is there with the expected version.
    pub fn delete_subject(&mut self, shop: ShopId, id: SubjectId, expected_version: u64) {
        self.one(sql::DELETE_SUBJECT, "version", vec![shop.into(), id.into(), expected_version.into()]);
    }

    /// Claims a unique index term; a conflict names the field when another customer has it.
    ///
    /// Claiming a term again for the same customer is a conflict too: delete it first.
    pub fn put_unique_term(
        &mut self,
        shop: ShopId,
        kind: FieldKind,
        version: u8,
        term: [u8; 16],
        subject: SubjectId,
        field: &FieldName,
    ) {
        let values = vec![shop.into(), kind.into(), version.into(), term.into(), subject.into()];
        let what = Cow::Owned(field.as_str().to_owned());
        self.push(sql::INSERT_UNIQUE_TERM, values, Expect::One(what));
    }

    /// Deletes every index term of a customer whose row no longer says which there are; reads all terms of all
    /// customers.
    pub fn delete_terms(&mut self, shop: ShopId, subject: SubjectId) {
        self.any(sql::DELETE_UNIQUE_TERMS, vec![shop.into(), subject.into()]);
        self.any(sql::DELETE_BUCKET_TERMS, vec![shop.into(), subject.into()]);
    }

    /// Deletes a unique term if it is the customer's.
    pub fn delete_unique_term(
        &mut self,
        shop: ShopId,
        kind: FieldKind,
        version: u8,
        term: [u8; 16],
        subject: SubjectId,
    ) {
        self.any(
            sql::DELETE_UNIQUE_TERM,
            vec![shop.into(), kind.into(), version.into(), term.into(), subject.into()],
        );
    }

    /// Adds an index term that customers may share; adding it twice changes nothing.
    pub fn put_bucket_term(
        &mut self,
        shop: ShopId,
        kind: FieldKind,
        version: u8,
        bucket: u64,
        subject: SubjectId,
    ) {
        let bucket = bucket.cast_signed();
        self.any(
            sql::INSERT_BUCKET_TERM,
            vec![shop.into(), kind.into(), version.into(), bucket.into(), subject.into()],
        );
    }

    /// Deletes a shared term of a customer.
    pub fn delete_bucket_term(
        &mut self,
        shop: ShopId,
        kind: FieldKind,
        version: u8,
        bucket: u64,
        subject: SubjectId,
    ) {
        let bucket = bucket.cast_signed();
        self.any(
            sql::DELETE_BUCKET_TERM,
            vec![shop.into(), kind.into(), version.into(), bucket.into(), subject.into()],
        );
    }

    /// Deletes every index term of a retired index version.
    pub fn delete_terms_of_version(&mut self, shop: ShopId, version: u8) {
        self.any(sql::DELETE_UNIQUE_VERSION, vec![shop.into(), version.into()]);
        self.any(sql::DELETE_BUCKET_VERSION, vec![shop.into(), version.into()]);
    }

    /// Adds a wrapped key; conflict `dek` when the customer has one of that class.
    pub fn insert_dek(&mut self, row: &DekRow) {
        self.one(sql::INSERT_DEK, "dek", dek_values(row));
    }

    /// Replaces a wrapped key by the same key wrapped anew; conflict `dek` when that generation is not there.
    pub fn replace_dek(&mut self, row: &DekRow) {
        self.one(sql::REPLACE_DEK, "dek", dek_values(row));
    }

    /// Destroys a key beyond recovery, after everything else in the unit is durable.
    pub fn destroy_dek(&mut self, shop: ShopId, subject: SubjectId, class: RetentionClass) {
        self.destroyed.push((shop, subject, class));
        self.bytes += 32;
    }

    /// Adds a consent event; conflict `consent` when its number is taken.
    pub fn insert_consent(&mut self, row: &ConsentRow) {
        let ConsentRow { shop, subject, number, purpose, given, at, source, text_version, proof, row_mac } =
            row;
        let values = vec![
            (*shop).into(),
            (*subject).into(),
            (*number).into(),
            purpose.as_str().into(),
            (*given).into(),
            (*at).into(),
            source.into(),
            text_version.into(),
            proof.into(),
            (*row_mac).into(),
        ];
        self.one(sql::INSERT_CONSENT, "consent", values);
    }

    /// Deletes the consent events of a customer.
    pub fn delete_consents(&mut self, shop: ShopId, subject: SubjectId) {
        self.any(sql::DELETE_CONSENTS, vec![shop.into(), subject.into()]);
    }

    /// Writes an erasure, over an earlier one of the same customer.
    pub fn insert_erasure(&mut self, row: &ErasureRow) {
        let ErasureRow { shop, subject, at, classes, receipt, backups_until, epoch, complete } = row;
        let values = vec![
            (*shop).into(),
            (*subject).into(),
            (*at).into(),
            class_bits(*classes).into(),
            receipt.into(),
            (*backups_until).into(),
            (*epoch).into(),
            (*complete).into(),
        ];
        self.any(sql::PUT_ERASURE, values);
    }

    /// Adds a credential; conflict `credential` when its id or secret is there.
    pub fn insert_credential(&mut self, row: &CredentialRow) {
        let values = vec![
            row.shop.into(),
            row.id.into(),
            (&row.kind).into(),
            (&row.name).into(),
            row.secret_hash.into(),
            (&row.grant).into(),
            row.created.into(),
            row.expires.into(),
            row.revoked.into(),
            row.last_used.into(),
            row.row_mac.into(),
        ];
        self.one(sql::INSERT_CREDENTIAL, "credential", values);
    }

    /// Revokes a credential at `row.revoked`; conflict `credential` when it is not there, was revoked already, or has
    /// another MAC than `old_mac`: the new one would not be for what stands there.
    pub fn revoke_credential(&mut self, row: &CredentialRow, old_mac: [u8; 32]) {
        self.one(
            sql::REVOKE_CREDENTIAL,
            "credential",
            vec![row.shop.into(), row.id.into(), row.revoked.into(), row.row_mac.into(), old_mac.into()],
        );
    }

    /// Replaces a credential's grant; conflict `credential` when it is not there, was revoked, or has another MAC than
    /// `old_mac`, which means that somebody else changed it meanwhile.
    pub fn set_credential_grant(&mut self, row: &CredentialRow, old_mac: [u8; 32]) {
        self.one(
            sql::SET_CREDENTIAL_GRANT,
            "credential",
            vec![row.shop.into(), row.id.into(), (&row.grant).into(), row.row_mac.into(), old_mac.into()],
        );
    }

    /// Notes when a credential was used last.
    pub fn touch_credential(&mut self, id: CredentialId, at: TimeMs) {
        self.any(sql::TOUCH_CREDENTIAL, vec![id.into(), at.into()]);
    }

    /// Adds a token; conflict `token` when it is there.
    pub fn insert_token(&mut self, row: &TokenRow) {
        let values = vec![
            row.shop.into(),
            row.hash.into(),
            row.subject.into(),
            row.field.as_str().into(),
            row.destination.as_ref().into(),
            row.created.into(),
            row.revoked.into(),
            row.row_mac.into(),
        ];
        self.one(sql::INSERT_TOKEN, "token", values);
    }

    /// Deletes a token; conflict `token` when it is not there.
    pub fn revoke_token(&mut self, shop: ShopId, hash: [u8; 32]) {
        self.one(sql::DELETE_TOKEN, "token", vec![shop.into(), hash.into()]);
    }

    /// Deletes the tokens of a customer.
    pub fn delete_tokens(&mut self, shop: ShopId, subject: SubjectId) {
        self.any(sql::DELETE_TOKENS, vec![shop.into(), subject.into()]);
    }

    /// Remembers an answer; conflict `idempotency_key` when the key is used.
    pub fn put_idempotency(&mut self, row: &IdempotencyRow) {
        let values = vec![
            row.shop.into(),
            (&row.credential).into(),
            row.key_hash.into(),
            row.request_digest.into(),
            row.status.into(),
            (&row.response).into(),
            row.at.into(),
        ];
        self.one(sql::INSERT_IDEMPOTENCY, "idempotency_key", values);
    }

    /// Forgets the answers given before a moment.
    pub fn delete_idempotency_before(&mut self, before: TimeMs) {
        self.any(sql::DELETE_IDEMPOTENCY_BEFORE, vec![before.into()]);
    }

    /// Forgets the budget windows that began before a moment.
    pub fn delete_budgets_before(&mut self, before: TimeMs) {
        self.any(sql::DELETE_BUDGETS_BEFORE, vec![before.into()]);
        self.any(sql::DELETE_BUDGET_SUBJECTS_BEFORE, vec![before.into()]);
    }

    /// Adds a job; conflict `job` when it is there.
    pub fn insert_job(&mut self, row: &JobRow) {
        let values = vec![
            row.id.into(),
            row.shop.into(),
            (&row.kind).into(),
            (&row.state).into(),
            (&row.created_by).into(),
            row.created.into(),
            row.updated.into(),
            (&row.params).into(),
            (&row.progress).into(),
            row.row_mac.into(),
        ];
        self.one(sql::INSERT_JOB, "job", values);
    }

    /// Changes a job; conflict `job` unless it is in the expected state.
    pub fn update_job(&mut self, row: &JobRow, expected_state: &str) {
        let values = vec![
            row.id.into(),
            expected_state.into(),
            (&row.state).into(),
            row.updated.into(),
            (&row.params).into(),
            (&row.progress).into(),
            row.row_mac.into(),
        ];
        self.one(sql::UPDATE_JOB, "job", values);
    }

    /// Deletes a job.
    pub fn delete_job(&mut self, id: JobId) {
        self.any(sql::DELETE_JOB, vec![id.into()]);
    }

    /// Adds work to be done later; adding the same id again changes nothing.
    pub fn enqueue(&mut self, row: &OutboxRow) {
        let values =
            vec![row.id.into(), row.shop.into(), (&row.kind).into(), (&row.payload).into(), row.due.into()];
        self.any(sql::INSERT_OUTBOX, values);
    }

    /// Takes finished work away; conflict `outbox` when somebody else holds its lease.
    pub fn complete_outbox(&mut self, id: [u8; 16], lease_by: &str) {
        self.one(sql::DELETE_OUTBOX, "outbox", vec![id.into(), lease_by.into()]);
    }

    /// Sets a value of the store as a whole.
    pub fn set_meta(&mut self, key: &str, value: &[u8]) {
        self.any(sql::PUT_META, vec![key.into(), value.into()]);
    }

    /// Adds to a usage counter.
    pub fn count_usage(&mut self, key: UsageKey, n: u64) {
        self.bytes += 96;
        self.usage.push((key, n));
    }

    /// Charges a budget; the unit fails with `Budget` when it does not suffice.
    pub fn charge(&mut self, charge: Charge) {
        self.bytes += 64 + 16 * charge.subjects.len();
        self.charges.push(charge);
    }

    /// Appends an audit leaf to this node's log.
    pub fn leaf(&mut self, draft: LeafDraft) {
        self.bytes += draft.bytes.len() + draft.detail.as_ref().map_or(0, Vec::len) + 96;
        self.leaves.push(draft);
    }

    /// Adds a signed checkpoint; the same one again changes nothing.
    pub fn insert_checkpoint(&mut self, row: &CheckpointRow) {
        let values = vec![(&row.log).into(), row.size.into(), row.time.into(), (&row.note).into()];
        self.any(sql::INSERT_CHECKPOINT, values);
    }

    /// Lets the unit use the space kept free for erasures when the disk is full.
    pub fn may_use_reserve(&mut self) {
        self.reserve = true;
    }
}

fn dek_values(row: &DekRow) -> Vec<Value> {
    let DekRow { shop, subject, class, dek_gen, epoch, wrapped } = row;
    vec![
        (*shop).into(),
        (*subject).into(),
        class.as_u8().into(),
        (*dek_gen).into(),
        (*epoch).into(),
        wrapped.into(),
    ]
}
