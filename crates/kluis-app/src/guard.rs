//! The gate of every use case: what the actor's grant allows, the audit leaf of what was done, and the leaf of what was refused.

use kluis_model::access::{Actor, ActorKind, PurposeGrant};
use kluis_model::audit::{Leaf, Operation, Outcome};
use kluis_model::register::Register;
use kluis_model::{FieldName, PurposeId, SubjectId};
use kluis_store::{LeafDraft, Unit};

use crate::{App, AppError, Denial};

/// Bytes of field names in one leaf: a leaf that is longer than readers take would spoil the log.
const LEAF_NAMES_BYTES_MAX: usize = 24 * 1024;

/// What an actor asks: the facts a grant check and an audit leaf need.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    /// What is to be done.
    pub(crate) operation: Operation,
    /// For what purpose; reading always names one.
    pub(crate) purpose: Option<&'a PurposeId>,
    /// The fields asked for or written.
    pub(crate) fields: &'a [FieldName],
    /// About whom, when it is about one customer.
    pub(crate) subject: Option<SubjectId>,
}

impl<'a> Ask<'a> {
    /// An operation without purpose, fields or subject.
    pub(crate) fn new(operation: Operation) -> Self {
        Self { operation, purpose: None, fields: &[], subject: None }
    }

    /// The same about one customer.
    pub(crate) fn about(mut self, subject: SubjectId) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The same for a purpose.
    pub(crate) fn purpose(mut self, purpose: &'a PurposeId) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// The same with these fields.
    pub(crate) fn fields(mut self, fields: &'a [FieldName]) -> Self {
        self.fields = fields;
        self
    }
}

/// The result half of an audit leaf.
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    /// Customers or rows concerned.
    pub(crate) count: u64,
    /// Why it went as it did, from a fixed vocabulary.
    pub(crate) reason: Option<&'static str>,
    /// Version and digest of the row that was written.
    pub(crate) row: Option<(u64, [u8; 32])>,
    /// Hash of what the entry is about when that is no customer: a credential's id.
    pub(crate) detail: Option<[u8; 32]>,
}

impl Done {
    /// One customer, nothing written.
    pub(crate) fn one() -> Self {
        Self { count: 1, ..Self::default() }
    }

    /// One row written.
    pub(crate) fn wrote(version: u64, digest: [u8; 32]) -> Self {
        Self { count: 1, row: Some((version, digest)), ..Self::default() }
    }
}

impl App {
    /// Lets an operation pass when the grant includes it; else the refusal is audited and returned.
    ///
    /// A front end asks this before it looks at the input, so that who may not learns nothing from it.
    ///
    /// # Errors
    /// `Denied`, or why the refusal could not be audited.
    pub async fn authorise(
        &self,
        actor: &Actor,
        operation: Operation,
        subject: Option<SubjectId>,
    ) -> Result<(), AppError> {
        if actor.grant.allows_operation(operation) {
            return Ok(());
        }
        let ask = Ask { operation, purpose: None, fields: &[], subject };
        Err(self.deny(actor, &ask, Denial::OperationNotGranted).await)
    }

    /// Lets the ask pass when the grant includes it; else the refusal is audited and returned.
    pub(crate) async fn allow(&self, actor: &Actor, ask: &Ask<'_>) -> Result<(), AppError> {
        match refusal(actor, ask).or_else(|| outside_purposes(actor, ask, &self.register())) {
            None => Ok(()),
            Some(reason) => Err(self.deny(actor, ask, reason).await),
        }
    }

    /// Writes the leaf of a refusal and returns the refusal, or why it could not be written.
    pub(crate) async fn deny(&self, actor: &Actor, ask: &Ask<'_>, reason: Denial) -> AppError {
        let done = Done { reason: Some(reason.id()), ..Done::default() };
        match self.write_leaf(actor, ask, Outcome::Denied, &done).await {
            Ok(()) => AppError::denied(reason),
            Err(error) => error,
        }
    }

    /// Audits an integrity failure as a failed operation and returns it; other errors pass.
    pub(crate) async fn audited(&self, actor: &Actor, ask: &Ask<'_>, error: AppError) -> AppError {
        if !matches!(error, AppError::Integrity { .. }) {
            return error;
        }
        self.inner.metrics.note_integrity(self.now());
        let done = Done { reason: Some("integrity"), ..Done::default() };
        match self.write_leaf(actor, ask, Outcome::Failed, &done).await {
            Ok(()) => error,
            Err(worse) => {
                tracing::error!(%worse, "an integrity failure could not be audited");
                error
            }
        }
    }

    /// Commits a unit that is one leaf and nothing else.
    pub(crate) async fn write_leaf(
        &self,
        actor: &Actor,
        ask: &Ask<'_>,
        outcome: Outcome,
        done: &Done,
    ) -> Result<(), AppError> {
        let mut unit = Unit::new();
        self.add_leaf(&mut unit, actor, ask, outcome, done);
        self.store().commit(unit).await?;
        Ok(())
    }

    /// Adds the leaf of a success to a unit.
    pub(crate) fn add_ok(&self, unit: &mut Unit, actor: &Actor, ask: &Ask<'_>, done: &Done) {
        self.add_leaf(unit, actor, ask, Outcome::Ok, done);
    }

    /// Adds a leaf to a unit.
    pub(crate) fn add_leaf(
        &self,
        unit: &mut Unit,
        actor: &Actor,
        ask: &Ask<'_>,
        outcome: Outcome,
        done: &Done,
    ) {
        // What is refused may name anything; the log is for ever, so it takes our own words only.
        let register = (outcome != Outcome::Ok).then(|| self.register());
        let is_own =
            |field: &FieldName| register.as_ref().is_none_or(|own| own.field(field.as_str()).is_some());
        let purpose = ask.purpose.filter(|id| register.as_ref().is_none_or(|own| own.purpose(id).is_some()));
        let mut room = LEAF_NAMES_BYTES_MAX;
        let fits = |field: &&FieldName| {
            let left = room.checked_sub(field.as_str().len() + 3);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let leaf = Leaf {
            time: self.now(),
            shop: actor.shop,
            actor_kind: actor.kind,
            actor: actor.id.clone(),
            purpose: purpose.cloned(),
            operation: ask.operation,
            fields: ask.fields.iter().filter(|field| is_own(field)).take_while(fits).cloned().collect(),
            count: done.count,
            outcome,
            reason: done.reason.map(str::to_owned),
            subject: ask.subject,
            request: actor.request,
            row_version: done.row.map(|(version, _)| version),
            row_digest: done.row.map(|(_, digest)| digest),
            detail_hash: done.detail,
        };
        self.inner.metrics.count(ask.operation, outcome);
        unit.leaf(leaf_draft(&leaf));
    }
}

/// The store's form of a leaf.
pub(crate) fn leaf_draft(leaf: &Leaf) -> LeafDraft {
    LeafDraft {
        bytes: leaf.encode(),
        subject: leaf.subject,
        actor: leaf.actor.clone(),
        operation: leaf.operation,
        outcome: leaf.outcome,
        shop: leaf.shop,
        detail: None,
        time: leaf.time,
    }
}

/// Refuses to write what belongs to other purposes than those of the grant: without a list of
/// fields a grant means the fields of its purposes, in both directions. What no purpose includes
/// passes, since it is dropped and reported on the way in.
fn outside_purposes(actor: &Actor, ask: &Ask<'_>, register: &Register) -> Option<Denial> {
    if actor.grant.purposes == PurposeGrant::All || ask.purpose.is_some() {
        return None;
    }
    let is_outside = |field: &FieldName| {
        let mut purposes = register.purposes_of(field).peekable();
        purposes.peek().is_some() && !purposes.any(|purpose| actor.grant.allows_purpose(&purpose.id))
    };
    ask.fields.iter().any(is_outside).then_some(Denial::FieldNotGranted)
}

/// Why the grant does not include the ask, if it does not.
pub(crate) fn refusal(actor: &Actor, ask: &Ask<'_>) -> Option<Denial> {
    let grant = &actor.grant;
    if !grant.allows_operation(ask.operation) {
        return Some(Denial::OperationNotGranted);
    }
    // A customer in the portal reaches the own record only.
    let own = ask.subject.is_some_and(|subject| subject.to_string() == actor.id);
    if actor.kind == ActorKind::Subject && !own {
        return Some(Denial::OperationNotGranted);
    }
    if ask.purpose.is_some_and(|purpose| !grant.allows_purpose(purpose)) {
        return Some(Denial::PurposeNotGranted);
    }
    let all_fields = ask.fields.iter().all(|field| grant.allows_field(field));
    (!all_fields).then_some(Denial::FieldNotGranted)
}
