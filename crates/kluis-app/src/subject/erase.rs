//! Forgetting a customer: keys destroyed, index emptied, a signed receipt; what the law protects stays and nothing else.

use kluis_crypto::receipt::{self, ErasureReceipt, Kept};
use kluis_crypto::{BufferedRandom, EPOCH_KEEP_MS, EPOCH_PERIOD_MS, ShopKeys};
use kluis_model::audit::Operation;
use kluis_model::register::Register;
use kluis_model::{
    Actor, ClassSet, FieldName, PurposeId, RequestId, RetentionClass, ShopId, StartEvent, SubjectId, TimeMs,
};
use kluis_store::{DekRow, ErasureRow, OutboxRow, StoreError, SubjectRow, Unit};
use serde::Serialize;

use super::{CHANGE_TRIES, Loaded};
use crate::guard::{Ask, Done};
use crate::record::blobs::CellRef;
use crate::record::prepare::{Sealer, row_mac};
use crate::record::stored::broken;
use crate::record::terms::{self, IndexTerm};
use crate::record::{Stored, Tools, row_digest};
use crate::{App, AppError};

/// The kind of outbox item that makes sure that destroyed keys are gone.
pub(crate) const SHRED: &str = "shred";
/// Why nothing at all was kept of a row.
const DAMAGED: &str = "damaged";
/// Until the shred item is due: the committer destroys keys itself, right after the unit.
const SHRED_DELAY_MS: i64 = 10_000;

/// What a law makes the shop keep of a customer who is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptByLaw {
    /// The purpose.
    pub purpose: PurposeId,
    /// The law as the register cites it.
    pub law: String,
    /// Until when; absent when no end is known yet.
    pub until: Option<TimeMs>,
    /// The fields.
    pub fields: Vec<FieldName>,
}

/// What erasing would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasePreview {
    /// What would stay.
    pub kept: Vec<KeptByLaw>,
    /// From when no backup would show what was erased.
    pub backups_until: TimeMs,
}

/// The receipt of an earlier erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasureReceiptView {
    /// The signed receipt as text.
    pub receipt: String,
    /// When it was erased.
    pub at: TimeMs,
    /// From when no backup shows what was erased.
    pub backups_until: TimeMs,
}

/// What erasing did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// The signed receipt as text.
    pub receipt: String,
    /// When.
    pub at: TimeMs,
    /// What stays.
    pub kept: Vec<KeptByLaw>,
    /// From when no backup shows what was erased.
    pub backups_until: TimeMs,
}

/// What is left of a row after erasing.
struct Rest {
    /// The row that stays, unless nothing is protected.
    row: Option<SubjectRow>,
    kept: Vec<KeptByLaw>,
    /// The classes whose keys are destroyed.
    destroyed: ClassSet,
    /// The index entries that go; `None` when the row cannot tell.
    terms: Option<Vec<IndexTerm>>,
}

/// Who is erased and what is left.
struct Target {
    shop: ShopId,
    id: SubjectId,
    version: u64,
    /// The newest key epoch that wraps one of the keys.
    epoch: Option<u32>,
    rest: Rest,
    /// The row did not agree with its seal.
    is_damaged: bool,
}

impl App {
    /// What erasing this customer would leave, and from when backups would be unreadable.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn erase_preview(&self, actor: &Actor, id: SubjectId) -> Result<ErasePreview, AppError> {
        let ask = Ask::new(Operation::Erase).about(id);
        self.allow(actor, &ask).await?;
        let (row, deks) = self.find_to_erase(actor, &ask, id).await?;
        let newest = newest_epoch(&deks);
        let checked = self
            .checked(row, deks)
            .and_then(|loaded| kept_by_law(&self.register(), &loaded.stored, self.now()));
        let kept = match checked {
            // Nothing of a damaged row can be believed, so nothing of it is kept.
            Err(error @ AppError::Integrity { .. }) => {
                self.audited(actor, &ask, error).await;
                Vec::new()
            }
            other => other?,
        };
        let backups_until = self.backups_until(actor.shop, newest)?;
        // On the record as a read: an erasure entry means that something was erased.
        let done = Done { reason: Some("erase_preview"), ..Done::one() };
        let ask = Ask::new(Operation::Read).about(id);
        self.write_leaf(actor, &ask, kluis_model::Outcome::Ok, &done).await?;
        Ok(ErasePreview { kept, backups_until })
    }

    /// The signed receipt of an erasure, as it was given then.
    ///
    /// # Errors
    /// Denied, or `NotFound` when this customer was not erased.
    pub async fn erasure_receipt(
        &self,
        actor: &Actor,
        id: SubjectId,
    ) -> Result<ErasureReceiptView, AppError> {
        let ask = Ask::new(Operation::Erase).about(id);
        self.allow(actor, &ask).await?;
        let row = self.store().erasure(actor.shop, id).await?.ok_or(AppError::NotFound)?;
        let done = Done { reason: Some("erasure_receipt"), ..Done::one() };
        self.write_leaf(actor, &Ask::new(Operation::Read).about(id), kluis_model::Outcome::Ok, &done).await?;
        Ok(ErasureReceiptView { receipt: row.receipt, at: row.at, backups_until: row.backups_until })
    }

    /// Erases a customer: destroys the keys of everything that no law protects, removes every
    /// index term, token and consent proof, and gives a signed receipt. Works on a full disk.
    ///
    /// A row that does not agree with its seal is erased whole: what the law would protect in it
    /// cannot be told from what somebody wrote there.
    ///
    /// # Errors
    /// Denied, or `NotFound`, also when the customer was erased before and nothing was kept.
    pub async fn erase(&self, actor: &Actor, id: SubjectId) -> Result<Erased, AppError> {
        let ask = Ask::new(Operation::Erase).about(id);
        self.allow(actor, &ask).await?;
        let mut tries = 0;
        loop {
            let (row, deks) = self.find_to_erase(actor, &ask, id).await?;
            let now = self.now();
            let target = self.target_of(row, deks, now)?;
            let (erasure, erased) = self.receipt_of(&target, now)?;
            let unit = self.erasing_unit(actor, &ask, &target, &erasure);
            match self.store().commit(unit).await {
                Ok(_) => {
                    self.inner.search.remove(actor.shop, id);
                    self.finish_erasure(&erasure).await;
                    return Ok(erased);
                }
                Err(StoreError::Conflict { .. }) if tries < CHANGE_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Erases again what was erased before a backup was made that is restored now, without a new
    /// receipt; `true` when there was something to erase.
    pub(crate) async fn erase_again(&self, actor: &Actor, erasure: &ErasureRow) -> Result<bool, AppError> {
        let ask = Ask::new(Operation::Erase).about(erasure.subject);
        let found = self.store().find_subject_keys(erasure.shop, erasure.subject).await?;
        let Some((row, deks)) = found else {
            // Keys without a row cannot open anything, but they are not to stay either.
            let mut unit = Unit::new();
            for class in erasure.classes.iter() {
                unit.destroy_dek(erasure.shop, erasure.subject, class);
            }
            unit.insert_erasure(&ErasureRow { complete: true, ..erasure.clone() });
            self.store().commit(unit).await?;
            return Ok(false);
        };
        let target = self.target_of(row, deks, self.now())?;
        let unit = self.erasing_unit(actor, &ask, &target, erasure);
        self.store().commit(unit).await?;
        let mut unit = Unit::new();
        unit.insert_erasure(&ErasureRow { complete: true, ..erasure.clone() });
        self.store().commit(unit).await?;
        Ok(true)
    }

    /// The row and keys of who is to be erased; that there is none is audited.
    async fn find_to_erase(
        &self,
        actor: &Actor,
        ask: &Ask<'_>,
        id: SubjectId,
    ) -> Result<(SubjectRow, Vec<DekRow>), AppError> {
        match self.store().find_subject_keys(actor.shop, id).await? {
            Some(found) => Ok(found),
            None => Err(self.failed(actor, ask, "not_found", AppError::NotFound).await),
        }
    }

    /// What erasing leaves of a row; of one that does not agree with its seal, nothing.
    fn target_of(&self, row: SubjectRow, deks: Vec<DekRow>, now: TimeMs) -> Result<Target, AppError> {
        let (shop, id, version, epoch) = (row.shop, row.id, row.version, newest_epoch(&deks));
        let rest = self.checked(row, deks).and_then(|Loaded { keys, stored }| {
            let register = self.register();
            let tools = Tools { keys: &keys, register: &register, random: self.random(), now };
            rest_of(&tools, &stored)
        });
        let (rest, is_damaged) = match rest {
            Err(AppError::Integrity { .. }) => {
                self.inner.metrics.note_integrity(now);
                (Rest { row: None, kept: Vec::new(), destroyed: ClassSet::ALL, terms: None }, true)
            }
            other => (other?, false),
        };
        Ok(Target { shop, id, version, epoch, rest, is_damaged })
    }

    /// Everything that an erasure changes, as one unit.
    fn erasing_unit(&self, actor: &Actor, ask: &Ask<'_>, target: &Target, erasure: &ErasureRow) -> Unit {
        let Target { shop, id, version, ref rest, is_damaged, .. } = *target;
        let mut unit = Unit::new();
        unit.may_use_reserve();
        let done = match &rest.row {
            Some(row) => {
                unit.update_subject(row, version);
                Done::wrote(row.version, row_digest(row))
            }
            None => {
                unit.delete_subject(shop, id, version);
                Done { reason: is_damaged.then_some(DAMAGED), ..Done::one() }
            }
        };
        match &rest.terms {
            Some(known) => known.iter().for_each(|term| terms::delete(&mut unit, shop, id, term)),
            None => unit.delete_terms(shop, id),
        }
        unit.delete_consents(shop, id);
        unit.delete_tokens(shop, id);
        for class in rest.destroyed.iter() {
            unit.destroy_dek(shop, id, class);
        }
        unit.insert_erasure(erasure);
        self.enqueue_shred_of(&mut unit, shop, id, rest.destroyed);
        self.add_ok(&mut unit, actor, ask, &done);
        unit
    }

    /// The erasure's row and answer with the signed receipt.
    fn receipt_of(&self, target: &Target, now: TimeMs) -> Result<(ErasureRow, Erased), AppError> {
        let Target { shop, id, ref rest, .. } = *target;
        let backups_until = self.backups_until(shop, target.epoch)?;
        let unsealed = self.unsealed()?;
        let epoch = self.keys(shop)?.epoch();
        let kept = rest.kept.iter().map(|kept| Kept { purpose: kept.purpose.clone(), until: kept.until });
        let body = ErasureReceipt {
            shop,
            subject: id,
            erased_at: now,
            classes: rest.destroyed,
            kept: kept.collect(),
            backups_unreadable_from: backups_until,
            epoch,
        };
        let receipt = receipt::sign(&unsealed.keyring, &body);
        let row = ErasureRow {
            shop,
            subject: id,
            at: now,
            classes: rest.destroyed,
            receipt: receipt.clone(),
            backups_until,
            epoch,
            complete: false,
        };
        Ok((row, Erased { receipt, at: now, kept: rest.kept.clone(), backups_until }))
    }

    /// When the newest key epoch that wraps a key of this customer will be destroyed.
    fn backups_until(&self, shop: ShopId, newest: Option<u32>) -> Result<TimeMs, AppError> {
        let unsealed = self.unsealed()?;
        let epochs = unsealed.keyring.epochs(shop);
        let epoch = epochs.iter().find(|epoch| Some(epoch.number) == newest).or(epochs.last());
        let created = epoch.map_or(self.now(), |epoch| epoch.created);
        let due = TimeMs(created.0.saturating_add(EPOCH_PERIOD_MS).saturating_add(EPOCH_KEEP_MS));
        Ok(due.max(self.now()))
    }

    /// Puts the erasure into the file beside the keyring and marks it as complete; what fails here
    /// (a full disk) is finished by the job loop, the erasure itself stands.
    pub(crate) async fn finish_erasure(&self, erasure: &ErasureRow) {
        if let Err(error) = crate::erasures_file::append(&self.inner.keyring_path, erasure) {
            tracing::warn!(%error, "the erasures file cannot be written now; it is tried again later");
            return;
        }
        let mut unit = Unit::new();
        unit.insert_erasure(&ErasureRow { complete: true, ..erasure.clone() });
        if let Err(error) = self.store().commit(unit).await {
            tracing::warn!(%error, "an erasure is not marked as complete yet; it is tried again later");
        }
    }

    /// Lets a unit leave work behind that destroys the keys if a crash comes in between.
    pub(crate) fn enqueue_shred(&self, unit: &mut Unit, stored: &Stored, classes: ClassSet) {
        self.enqueue_shred_of(unit, stored.row.shop, stored.id(), classes);
    }

    /// The same for a customer by id.
    pub(crate) fn enqueue_shred_of(
        &self,
        unit: &mut Unit,
        shop: ShopId,
        subject: SubjectId,
        classes: ClassSet,
    ) {
        if classes.is_empty() {
            return;
        }
        let mut id = [0; 16];
        self.random().fill(&mut id);
        let payload = subject.as_bytes().to_vec();
        let due = TimeMs(self.now().0.saturating_add(SHRED_DELAY_MS));
        unit.enqueue(&OutboxRow { id, shop, kind: SHRED.to_owned(), payload, due });
    }

    /// Destroys the keys of a customer that no cell needs: the end of an erasure or withdrawal that
    /// a crash cut short. Doing it again changes nothing. The payload is that of a shred item.
    pub(crate) async fn shred(&self, shop: ShopId, payload: &[u8]) -> Result<(), AppError> {
        let bytes: [u8; 16] =
            payload.try_into().map_err(|_| AppError::internal("a shred item without a customer"))?;
        let id = SubjectId::from_bytes(bytes);
        let actor = Actor::job(SHRED, shop, RequestId::generate(self.now(), self.random()));
        let mut tries = 0;
        loop {
            let Some((row, deks)) = self.store().find_subject_keys(shop, id).await? else {
                let mut unit = Unit::new();
                for class in RetentionClass::ALL {
                    unit.destroy_dek(shop, id, class);
                }
                self.store().commit(unit).await?;
                break;
            };
            let Loaded { keys, stored } = self.checked(row, deks)?;
            let needed = stored.classes()?;
            if stored.deks().all(|dek| needed.contains(dek.class)) {
                break;
            }
            // The row gets a new version, so that a key that somebody adds meanwhile is safe.
            let unit = self.tidying_unit(&actor, &keys, &stored, needed);
            match self.store().commit(unit).await {
                Ok(_) => break,
                Err(StoreError::Conflict { .. }) if tries < CHANGE_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The same row under a new version, without the keys that none of its cells needs.
    fn tidying_unit(&self, actor: &Actor, keys: &ShopKeys, stored: &Stored, needed: ClassSet) -> Unit {
        let (shop, id) = (stored.row.shop, stored.id());
        let mut row = SubjectRow { version: stored.row.version + 1, ..stored.row.clone() };
        row.row_mac = row_mac(keys, &row);
        let mut unit = Unit::new();
        unit.update_subject(&row, stored.row.version);
        for dek in stored.deks().filter(|dek| !needed.contains(dek.class)) {
            unit.destroy_dek(shop, id, dek.class);
        }
        let done = Done { reason: Some(SHRED), ..Done::wrote(row.version, row_digest(&row)) };
        self.add_ok(&mut unit, actor, &Ask::new(Operation::Update).about(id), &done);
        unit
    }

    /// Before a change is tried again: a key that a crash left behind is in the way of a new one.
    pub(crate) async fn clear_way(&self, actor: &Actor, id: SubjectId, what: &str) -> Result<(), AppError> {
        if what == "dek" { self.shred(actor.shop, id.as_bytes()).await } else { Ok(()) }
    }
}

fn newest_epoch(deks: &[DekRow]) -> Option<u32> {
    deks.iter().map(|dek| dek.epoch).max()
}

/// The purposes that a law protects with the fields there are for them.
fn kept_by_law(register: &Register, stored: &Stored, now: TimeMs) -> Result<Vec<KeptByLaw>, AppError> {
    let cells = stored.cells()?;
    let mut kept = Vec::new();
    for (purpose, until) in register.protected_by_law(&stored.facts, now) {
        let mut fields: Vec<FieldName> = Vec::new();
        for used in &purpose.fields {
            let there = cells.iter().any(|cell| is_copy(cell, purpose.class, &used.field));
            if there {
                fields.push(used.field.clone());
            }
        }
        if !fields.is_empty() {
            kept.push(KeptByLaw { purpose: purpose.id.clone(), law: purpose.law.clone(), until, fields });
        }
    }
    Ok(kept)
}

fn is_copy(cell: &CellRef<'_>, class: RetentionClass, field: &FieldName) -> bool {
    cell.class == class.as_u8() && cell.field == field.as_str()
}

/// The row with only the protected copies, without terms, consents and all but the protecting events.
fn rest_of(tools: &Tools<'_>, stored: &Stored) -> Result<Rest, AppError> {
    let kept = kept_by_law(tools.register, stored, tools.now)?;
    let protecting: Vec<_> = kept
        .iter()
        .filter_map(|kept| tools.register.purpose(&kept.purpose).map(|purpose| (kept, purpose)))
        .collect();
    let nonces = BufferedRandom::new(tools.random);
    let mut sealer = Sealer::new(tools, &nonces, stored.id());
    let mut live = ClassSet::EMPTY;
    for cell in stored.cells()? {
        let stays = protecting
            .iter()
            .find(|(kept, purpose)| kept.fields.iter().any(|field| is_copy(&cell, purpose.class, field)));
        if let Some((_, purpose)) = stays {
            sealer.keep(cell)?;
            live = live.with(purpose.class);
        }
    }
    let destroyed = stored.deks().map(|dek| dek.class).filter(|class| !live.contains(*class)).collect();
    let terms = Some(terms::read(&stored.row.terms).map_err(|_| broken(stored.id(), "terms"))?);
    if live.is_empty() {
        return Ok(Rest { row: None, kept, destroyed, terms });
    }
    let events: Vec<StartEvent> = protecting.iter().map(|(_, purpose)| purpose.retention.start).collect();
    let mut row = SubjectRow {
        version: stored.row.version + 1,
        updated: tools.now.max(stored.row.updated),
        facts: stored.erased_facts(&events).encode(),
        cells: sealer.finish().0,
        terms: terms::write(&[]),
        ..stored.row.clone()
    };
    row.row_mac = row_mac(tools.keys, &row);
    Ok(Rest { row: Some(row), kept, destroyed, terms })
}
