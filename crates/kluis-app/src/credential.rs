//! Credentials of staff and connectors: making, listing, revoking, and signing in with one.
//!
//! A secret is stored as a keyed hash, so a stolen database confirms no guess; the row carries a
//! MAC, so a grant written by somebody else is not believed; and the leaf of its making and
//! revoking carries the row's digest, so that `verify` finds a revocation that was taken back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kluis_crypto::{CredentialKind, CredentialSecret, ShopKeys, sha256_parts};
use kluis_model::audit::Operation;
use kluis_model::{
    Actor, ActorKind, Budget, CredentialId, FieldName, Grant, Mask, OperationSet, PiiText, PurposeGrant,
    PurposeId, Random, RequestId, Role, Thumbprint, TimeMs,
};
use kluis_store::{CredentialRow, Unit};
use parking_lot::Mutex;
use serde::Serialize;

use crate::guard::{Ask, Done};
use crate::{App, AppError, Denial, FieldProblem, SHOP};

/// How long a looked-up credential is believed; a revocation elsewhere counts after that.
const BELIEVED: Duration = Duration::from_secs(5);
/// Credentials remembered at most; above that all are forgotten.
const REMEMBERED_MAX: usize = 4_096;
/// The last use is written at most this often.
const TOUCH_EVERY: Duration = Duration::from_secs(600);
/// Most characters of a name.
const NAME_CHARS_MAX: usize = 100;
/// Credentials a shop may have that still work.
const WORKING_MAX: usize = 10_000;
/// Certificates one credential may be bound to: the one in use, its successor, and room to spare.
const CERTIFICATES_MAX: usize = 4;
/// How often revoking begins anew when the credential is changed at the same moment.
const REVOKE_TRIES: u32 = 8;
/// A table name for row MACs and digests.
const TABLE: &str = "credentials";

/// What a new credential may do.
#[derive(Debug, Clone)]
pub struct CredentialInput {
    /// Whose it is, as people say it.
    pub name: String,
    /// For a person or for a program.
    pub kind: CredentialKindInput,
    /// When it stops working by itself.
    pub expires: Option<TimeMs>,
}

/// For whom a credential is.
#[derive(Debug, Clone)]
pub enum CredentialKindInput {
    /// A person with a role.
    Staff(Role),
    /// A program with exactly these rights.
    Connector {
        /// Operations; at least one.
        operations: OperationSet,
        /// Purposes; at least one, each in the register.
        purposes: BTreeSet<PurposeId>,
        /// Fields, or all of its purposes.
        fields: Option<BTreeSet<FieldName>>,
        /// How it sees some fields.
        masks: BTreeMap<FieldName, Mask>,
        /// Limits.
        budget: Budget,
    },
}

/// A credential just made; the secret is not kept anywhere else.
#[derive(Debug)]
pub struct NewCredential {
    /// Its id.
    pub id: CredentialId,
    /// The secret, shown once.
    pub secret: PiiText,
}

/// A credential in a list, without anything secret.
#[derive(Debug, Clone, Serialize)]
pub struct CredentialView {
    /// Its id.
    pub id: CredentialId,
    /// `staff` or `connector`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub grant: Grant,
    /// When it was made.
    pub created: TimeMs,
    /// When it ends by itself.
    pub expires: Option<TimeMs>,
    /// When it was revoked.
    pub revoked: Option<TimeMs>,
    /// About when it was used last.
    pub last_used: Option<TimeMs>,
}

impl CredentialView {
    /// Whether it works at a moment.
    #[must_use]
    pub fn works(&self, now: TimeMs) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

/// What an unrevoked row needs besides its keys.
pub(crate) struct NewRow<'a> {
    pub(crate) name: &'a str,
    pub(crate) grant: &'a Grant,
    pub(crate) now: TimeMs,
    pub(crate) expires: Option<TimeMs>,
}

/// Recently looked-up credentials by the hash of their secret.
#[derive(Default)]
pub(crate) struct SignIns {
    known: Mutex<HashMap<[u8; 32], Known>>,
}

#[derive(Clone)]
struct Known {
    id: CredentialId,
    kind: ActorKind,
    name: Arc<str>,
    grant: Arc<Grant>,
    expires: Option<TimeMs>,
    seen: Instant,
    touched: Instant,
}

impl SignIns {
    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.known.lock().clear();
    }

    fn find(&self, hash: &[u8; 32]) -> Option<Known> {
        self.known.lock().get(hash).filter(|known| known.seen.elapsed() < BELIEVED).cloned()
    }

    /// When the last use was written, if that is known.
    fn touched(&self, hash: &[u8; 32]) -> Option<Instant> {
        self.known.lock().get(hash).map(|known| known.touched)
    }

    fn remember(&self, hash: [u8; 32], known: Known) {
        let mut all = self.known.lock();
        if all.len() >= REMEMBERED_MAX {
            all.clear();
        }
        all.insert(hash, known);
    }

    fn forget(&self, hash: &[u8; 32]) {
        self.known.lock().remove(hash);
    }
}

impl App {
    /// The actor behind a credential's secret.
    ///
    /// Every secret costs one hash and, unless it was seen in the last five seconds, one look-up;
    /// what is not a secret at all costs the same.
    ///
    /// # Errors
    /// `Denied` with `NotSignedIn` when it is unknown, revoked or expired, and with `CertificateNeeded` when it is
    /// bound to a certificate.
    pub async fn authenticate(&self, secret: &str, request: RequestId) -> Result<Actor, AppError> {
        self.authenticate_with(secret, None, request).await
    }

    /// The actor behind a credential's secret and the client certificate that the connection proved to hold.
    ///
    /// A credential that is bound to certificates needs both; for any other the certificate means nothing.
    ///
    /// # Errors
    /// As [`App::authenticate`]. The refusal for the want of a certificate is not on the record yet:
    /// [`App::certificate_missing`] puts it there, as often as the front end's rate limit allows.
    pub async fn authenticate_with(
        &self,
        secret: &str,
        certificate: Option<&Thumbprint>,
        request: RequestId,
    ) -> Result<Actor, AppError> {
        let actor = self.holder(secret, request).await?;
        if actor.grant.accepts_certificate(certificate) {
            return Ok(actor);
        }
        self.inner.metrics.count_refused_sign_in();
        Err(AppError::denied(Denial::CertificateNeeded))
    }

    /// Writes the leaf of a sign-in with a good secret but without the certificate it is bound to: it may be stolen.
    ///
    /// # Errors
    /// When the secret is no good, or the leaf cannot be written.
    pub async fn certificate_missing(&self, secret: &str, request: RequestId) -> Result<(), AppError> {
        let actor = self.holder(secret, request).await?;
        let done = Done {
            reason: Some(Denial::CertificateNeeded.id()),
            detail: actor.credential.map(id_hash),
            ..Done::default()
        };
        self.write_leaf(&actor, &Ask::new(Operation::SignIn), kluis_model::Outcome::Denied, &done).await
    }

    /// Whose secret it is.
    async fn holder(&self, secret: &str, request: RequestId) -> Result<Actor, AppError> {
        let keys = self.keys(SHOP)?;
        let parsed: Option<CredentialSecret> = secret.parse().ok();
        let well_formed = parsed.is_some();
        let parsed =
            parsed.unwrap_or_else(|| CredentialSecret::random(CredentialKind::Connector, self.random()));
        let hash = keys.credential_hash(&parsed);
        let known = match self.inner.sign_ins.find(&hash) {
            Some(known) => known,
            None => self.look_up(&keys, hash).await?.ok_or_else(|| self.not_signed_in())?,
        };
        if !well_formed || known.expires.is_some_and(|end| self.now() >= end) {
            return Err(self.not_signed_in());
        }
        Ok(Actor {
            kind: known.kind,
            id: known.id.to_string(),
            name: known.name.to_string(),
            shop: SHOP,
            request,
            grant: known.grant,
            credential: Some(known.id),
        })
    }

    /// Writes the leaf of a failed sign-in; the front end calls it as often as its rate limit allows.
    ///
    /// # Errors
    /// When the leaf cannot be written.
    pub async fn sign_in_failed(&self, request: RequestId) -> Result<(), AppError> {
        let mut actor = self.job_actor("sign_in");
        actor.request = request;
        let done = Done { reason: Some(Denial::NotSignedIn.id()), ..Done::default() };
        let ask = Ask::new(Operation::SignIn);
        self.write_leaf(&actor, &ask, kluis_model::Outcome::Denied, &done).await
    }

    /// Writes the leaf of a person who signed in or out at the console.
    ///
    /// # Errors
    /// When the grant does not include it or the leaf cannot be written.
    pub async fn signed(&self, actor: &Actor, operation: Operation) -> Result<(), AppError> {
        let ask = Ask::new(operation);
        self.allow(actor, &ask).await?;
        self.write_leaf(actor, &ask, kluis_model::Outcome::Ok, &Done::default()).await
    }

    /// Refuses an actor whose credential was revoked or has ended since it signed in; for work that
    /// goes on for long. Who has no credential passes.
    pub(crate) async fn check_still_valid(&self, actor: &Actor) -> Result<(), AppError> {
        let Some(id) = actor.credential else { return Ok(()) };
        let row = self.store().credential(actor.shop, id).await?;
        let holds =
            row.is_some_and(|row| row.revoked.is_none() && row.expires.is_none_or(|end| self.now() < end));
        if holds { Ok(()) } else { Err(self.not_signed_in()) }
    }

    fn not_signed_in(&self) -> AppError {
        self.inner.metrics.count_refused_sign_in();
        AppError::denied(Denial::NotSignedIn)
    }

    async fn look_up(&self, keys: &ShopKeys, hash: [u8; 32]) -> Result<Option<Known>, AppError> {
        let Some(row) = self.store().credential_by_hash(SHOP, hash).await? else { return Ok(None) };
        check_row(keys, &row)?;
        if row.secret_hash != hash || row.revoked.is_some() {
            return Ok(None);
        }
        let touched = self.inner.sign_ins.touched(&hash);
        let is_due = touched.is_none_or(|at| at.elapsed() >= TOUCH_EVERY);
        let was_recent = row.last_used.is_some_and(|at| self.now().since(at) < TOUCH_EVERY);
        if is_due && !was_recent {
            let mut unit = Unit::new();
            unit.touch_credential(row.id, self.now());
            // The time of the last use is a comfort; signing in does not hang on it.
            if let Err(error) = self.store().commit(unit).await {
                tracing::warn!(%error, "the last use of a credential was not written");
            }
        }
        let known = Known {
            id: row.id,
            kind: kind_of(&row.kind)?,
            name: Arc::from(row.name.as_str()),
            grant: Arc::new(grant_of(&row)?),
            expires: row.expires,
            seen: Instant::now(),
            touched: touched.filter(|_| !is_due).unwrap_or_else(Instant::now),
        };
        self.inner.sign_ins.remember(hash, known.clone());
        Ok(Some(known))
    }

    /// Makes a credential.
    ///
    /// # Errors
    /// `Denied`, or `Invalid` with a problem per wrong field.
    pub async fn credential_create(
        &self,
        actor: &Actor,
        input: CredentialInput,
    ) -> Result<NewCredential, AppError> {
        let ask = Ask::new(Operation::CredentialCreate);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let now = self.now();
        let grant = self.grant_from(&input, now)?;
        let working = self.store().credentials(actor.shop).await?;
        if working.iter().filter(|row| row.revoked.is_none()).count() >= WORKING_MAX {
            return Err(AppError::Conflict { what: "too many credentials".into() });
        }
        let kind = match input.kind {
            CredentialKindInput::Staff(_) => CredentialKind::Staff,
            CredentialKindInput::Connector { .. } => CredentialKind::Connector,
        };
        let secret = CredentialSecret::random(kind, self.random());
        let new = NewRow { name: input.name.trim(), grant: &grant, now, expires: input.expires };
        let row = new_row(&keys, &secret, new, self.random())?;
        let mut unit = Unit::new();
        self.add_credential(&mut unit, actor, &row);
        self.store().commit(unit).await?;
        Ok(NewCredential { id: row.id, secret: PiiText::new(secret.to_text().to_string()) })
    }

    /// Every credential, newest first.
    ///
    /// # Errors
    /// `Denied`, or `Integrity` when a row was changed by somebody else.
    pub async fn credentials(&self, actor: &Actor) -> Result<Vec<CredentialView>, AppError> {
        let ask = Ask::new(Operation::CredentialRead);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let rows = self.store().credentials(actor.shop).await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            if let Err(error) = check_row(&keys, &row) {
                return Err(self.audited(actor, &ask, error).await);
            }
            let grant = grant_of(&row)?;
            views.push(CredentialView {
                id: row.id,
                kind: row.kind,
                name: row.name,
                grant,
                created: row.created,
                expires: row.expires,
                revoked: row.revoked,
                last_used: row.last_used,
            });
        }
        views.sort_by_key(|view| std::cmp::Reverse((view.created, view.id)));
        let done = Done { count: views.len() as u64, ..Done::default() };
        self.write_leaf(actor, &ask, kluis_model::Outcome::Ok, &done).await?;
        Ok(views)
    }

    /// Binds a connector's credential to these client certificates; here at once, on other nodes within five seconds.
    ///
    /// The binding is part of the grant, under the row's MAC, and its leaf carries the row's digest.
    ///
    /// # Errors
    /// `Denied`, `NotFound`, `Invalid` for a person's credential or for more than four or no
    /// certificates, `Conflict` when it is revoked or was changed meanwhile.
    pub async fn credential_bind(
        &self,
        actor: &Actor,
        id: CredentialId,
        certificates: BTreeSet<Thumbprint>,
    ) -> Result<(), AppError> {
        let ask = Ask::new(Operation::CredentialCreate);
        self.allow(actor, &ask).await?;
        if !(1..=CERTIFICATES_MAX).contains(&certificates.len()) {
            return Err(AppError::invalid(
                "certificates",
                "Geef 1 tot 4 certificaten.",
                "Give 1 to 4 certificates.",
            ));
        }
        let keys = self.keys(actor.shop)?;
        let mut row = self.store().credential(actor.shop, id).await?.ok_or(AppError::NotFound)?;
        if let Err(error) = check_row(&keys, &row) {
            return Err(self.audited(actor, &ask, error).await);
        }
        if kind_of(&row.kind)? != ActorKind::Connector {
            return Err(AppError::invalid(
                "credential",
                "Een certificaat hoort bij een koppeling, niet bij een persoon.",
                "A certificate belongs to a connector, not to a person.",
            ));
        }
        if row.revoked.is_some() {
            return Err(AppError::Conflict { what: "revoked".into() });
        }
        let grant = Grant { certificates, ..grant_of(&row)? };
        let old_mac = row.row_mac;
        row.grant = serde_json::to_string(&grant).map_err(AppError::internal)?;
        row.row_mac = row_mac(&keys, &row);
        let mut unit = Unit::new();
        unit.set_credential_grant(&row, old_mac);
        let done = Done {
            count: 1,
            reason: Some("certificate_bound"),
            row: Some((1, digest(&row))),
            detail: Some(id_hash(id)),
        };
        self.add_ok(&mut unit, actor, &ask, &done);
        self.store().commit(unit).await?;
        self.inner.sign_ins.forget(&row.secret_hash);
        Ok(())
    }

    /// Revokes a credential; it stops working here at once and on other nodes within five seconds.
    ///
    /// # Errors
    /// `Denied`, `NotFound`, `Conflict` when it is the last owner's, or already revoked.
    pub async fn credential_revoke(&self, actor: &Actor, id: CredentialId) -> Result<(), AppError> {
        let ask = Ask::new(Operation::CredentialRevoke);
        self.allow(actor, &ask).await?;
        for _ in 0..REVOKE_TRIES {
            match self.try_revoke(actor, &ask, id).await {
                Err(AppError::Conflict { what }) if what == "credential" => {}
                other => return other,
            }
        }
        Err(AppError::Conflict { what: "credential".into() })
    }

    /// Revokes what stands there now; conflict `credential` when that changed meanwhile.
    async fn try_revoke(&self, actor: &Actor, ask: &Ask<'_>, id: CredentialId) -> Result<(), AppError> {
        let keys = self.keys(actor.shop)?;
        let mut row = self.store().credential(actor.shop, id).await?.ok_or(AppError::NotFound)?;
        if let Err(error) = check_row(&keys, &row) {
            return Err(self.audited(actor, ask, error).await);
        }
        if row.revoked.is_some() {
            return Err(AppError::Conflict { what: "revoked".into() });
        }
        let old_mac = row.row_mac;
        row.revoked = Some(self.now());
        row.row_mac = row_mac(&keys, &row);
        let mut unit = Unit::new();
        unit.revoke_credential(&row, old_mac);
        let done =
            Done { count: 1, row: Some((2, digest(&row))), detail: Some(id_hash(id)), ..Done::default() };
        self.add_ok(&mut unit, actor, ask, &done);
        self.store().commit(unit).await?;
        self.inner.sign_ins.forget(&row.secret_hash);
        Ok(())
    }

    /// Adds a new credential and its leaf to a unit.
    pub(crate) fn add_credential(&self, unit: &mut Unit, actor: &Actor, row: &CredentialRow) {
        unit.insert_credential(row);
        let done =
            Done { count: 1, row: Some((1, digest(row))), detail: Some(id_hash(row.id)), ..Done::default() };
        self.add_ok(unit, actor, &Ask::new(Operation::CredentialCreate), &done);
    }

    /// The grant that the input describes, checked against the register.
    fn grant_from(&self, input: &CredentialInput, now: TimeMs) -> Result<Grant, AppError> {
        let mut problems = Vec::new();
        let name = input.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
            problems.push(FieldProblem::new(
                "name",
                "Geef een naam van 1 tot 100 tekens.",
                "Give a name of 1 to 100 characters.",
            ));
        }
        if input.expires.is_some_and(|end| end <= now) {
            problems.push(FieldProblem::new(
                "expires",
                "Het einde ligt in het verleden.",
                "The end lies in the past.",
            ));
        }
        let grant = match &input.kind {
            CredentialKindInput::Staff(role) => Grant::of_role(*role),
            CredentialKindInput::Connector { operations, purposes, fields, masks, budget } => {
                self.check_connector(input, &mut problems);
                Grant {
                    role: None,
                    operations: *operations,
                    purposes: PurposeGrant::Only(purposes.clone()),
                    fields: fields.clone(),
                    masks: masks.clone(),
                    budget: *budget,
                    certificates: BTreeSet::new(),
                }
            }
        };
        if problems.is_empty() { Ok(grant) } else { Err(AppError::Invalid(problems)) }
    }

    fn check_connector(&self, input: &CredentialInput, problems: &mut Vec<FieldProblem>) {
        let CredentialKindInput::Connector { operations, purposes, fields, masks, .. } = &input.kind else {
            return;
        };
        let register = self.register();
        if *operations == OperationSet::EMPTY {
            problems.push(FieldProblem::new(
                "operations",
                "Kies minstens een handeling.",
                "Choose at least one operation.",
            ));
        }
        let never = [
            Operation::CredentialCreate,
            Operation::CredentialRevoke,
            Operation::KeyChange,
            Operation::Restore,
            Operation::Init,
            Operation::StoreCopy,
            Operation::PurposeChange,
            Operation::ExportApprove,
        ];
        if never.iter().any(|operation| operations.contains(*operation)) {
            problems.push(FieldProblem::new(
                "operations",
                "Sleutels, toegangen, doelen en goedkeuren zijn voor mensen.",
                "Keys, credentials, purposes and approving are for people.",
            ));
        }
        if purposes.is_empty() {
            problems.push(FieldProblem::new(
                "purposes",
                "Kies minstens een doel.",
                "Choose at least one purpose.",
            ));
        }
        for purpose in purposes.iter().filter(|purpose| register.purpose(purpose).is_none()) {
            problems.push(FieldProblem::new(
                "purposes",
                format!("Het doel {purpose} staat niet in het register."),
                format!("The purpose {purpose} is not in the register."),
            ));
        }
        let named = fields.iter().flatten().map(|field| ("fields", field));
        for (place, field) in named.chain(masks.keys().map(|field| ("masks", field))) {
            if register.field(field.as_str()).is_none() {
                problems.push(FieldProblem::new(
                    place,
                    format!("Het veld {field} staat niet in het register."),
                    format!("The field {field} is not in the register."),
                ));
            }
        }
    }
}

/// A new row with its hash and MAC.
pub(crate) fn new_row(
    keys: &ShopKeys,
    secret: &CredentialSecret,
    new: NewRow<'_>,
    random: &dyn Random,
) -> Result<CredentialRow, AppError> {
    let kind = match secret.kind() {
        CredentialKind::Staff => ActorKind::Staff,
        CredentialKind::Connector | CredentialKind::Session => ActorKind::Connector,
    };
    let mut row = CredentialRow {
        shop: keys.shop(),
        id: CredentialId::generate(new.now, random),
        kind: kind.id().to_owned(),
        name: new.name.to_owned(),
        secret_hash: keys.credential_hash(secret),
        grant: serde_json::to_string(new.grant).map_err(AppError::internal)?,
        created: new.now,
        expires: new.expires,
        revoked: None,
        last_used: None,
        row_mac: [0; 32],
    };
    row.row_mac = row_mac(keys, &row);
    Ok(row)
}

/// The columns under the MAC: all but the last use.
fn parts(row: &CredentialRow) -> [Vec<u8>; 9] {
    let time = |at: Option<TimeMs>| at.map_or_else(Vec::new, |at| at.0.to_be_bytes().to_vec());
    [
        row.shop.0.to_be_bytes().to_vec(),
        row.id.as_bytes().to_vec(),
        row.kind.clone().into_bytes(),
        row.name.clone().into_bytes(),
        row.secret_hash.to_vec(),
        row.grant.clone().into_bytes(),
        row.created.0.to_be_bytes().to_vec(),
        time(row.expires),
        time(row.revoked),
    ]
}

fn row_mac(keys: &ShopKeys, row: &CredentialRow) -> [u8; 32] {
    let parts = parts(row);
    keys.row_mac(TABLE, &parts.each_ref().map(Vec::as_slice))
}

/// The digest of a row that its leaf carries.
pub(crate) fn digest(row: &CredentialRow) -> [u8; 32] {
    let parts = parts(row);
    sha256_parts(&parts.each_ref().map(Vec::as_slice))
}

/// What a leaf says instead of a credential's id.
pub(crate) fn id_hash(id: CredentialId) -> [u8; 32] {
    sha256_parts(&[b"credential", id.as_bytes()])
}

/// Refuses a row that somebody without the keys wrote.
pub(crate) fn check_row(keys: &ShopKeys, row: &CredentialRow) -> Result<(), AppError> {
    let parts = parts(row);
    if keys.row_mac_matches(TABLE, &parts.each_ref().map(Vec::as_slice), &row.row_mac) {
        return Ok(());
    }
    Err(AppError::integrity(format!("credentials {} row_mac", row.id)))
}

fn kind_of(word: &str) -> Result<ActorKind, AppError> {
    word.parse().map_err(|_| AppError::integrity("credentials kind"))
}

fn grant_of(row: &CredentialRow) -> Result<Grant, AppError> {
    read_grant(&row.grant).ok_or_else(|| AppError::integrity(format!("credentials {} grant", row.id)))
}

/// A stored grant. What a role may is what this version says, so that an owner of an older vault may do what is new.
fn read_grant(stored: &str) -> Option<Grant> {
    let stored: Grant = serde_json::from_str(stored).ok()?;
    Some(match stored.role {
        Some(role) => Grant { operations: role.operations(), ..stored },
        None => stored,
    })
}

#[cfg(test)]
mod tests;
