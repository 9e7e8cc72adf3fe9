//! Rotating the blind index key: a second version beside the first, every customer's terms rewritten, the first retired.
//!
//! While both versions live, every write makes terms under both and every look-up asks for both,
//! so nothing is lost or found twice on the way. Where the work stands is read from the rows
//! themselves: after an interruption it goes on with those that still have old terms.

use kluis_crypto::ShopKeys;
use kluis_model::audit::Operation;
use kluis_model::normalise::match_key;
use kluis_model::{Actor, IndexUse, SubjectId};
use kluis_store::{DekRow, StoreError, SubjectRow, Unit};
use serde::Serialize;

use super::{EVERYBODY_KNOWS, change_problem};
use crate::guard::{Ask, Done};
use crate::record::change::country_of;
use crate::record::prepare::row_mac;
use crate::record::terms::{self, FieldTerm, IndexTerm};
use crate::record::{Stored, Tools, row_digest};
use crate::{App, AppError, Progress, Step};

/// Customers rewritten in one unit.
const BATCH: u32 = 200;
/// How often a customer that changes meanwhile is tried again.
const TRIES: u32 = 5;

/// What a rotation of the index key did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexReport {
    /// The version that is used now.
    pub version: u8,
    /// Customers whose terms were rewritten.
    pub rewritten: u64,
    /// Versions that were retired.
    pub retired: Vec<u8>,
}

/// A customer with terms under another version than the newest.
struct Rewritten {
    row: SubjectRow,
    expected_version: u64,
    put: Vec<FieldTerm>,
    delete: Vec<IndexTerm>,
}

impl App {
    /// Adds a version of the index key, rewrites the terms of every customer and retires the
    /// versions before; begun again after an interruption, it goes on where it was.
    ///
    /// # Errors
    /// `Denied`, `Integrity` when a row does not agree with its seal, or when the store fails.
    pub async fn key_rotate_index(
        &self,
        actor: &Actor,
        progress: Progress<'_>,
    ) -> Result<IndexReport, AppError> {
        self.allow(actor, &Ask::new(Operation::KeyChange)).await?;
        let shop = actor.shop;
        if self.keys(shop)?.index_versions().len() < 2 {
            self.key_leaf(actor, "index_version_added", 1).await?;
            let random = self.random();
            self.change_keyring(|keyring, _, _| {
                keyring.add_index_version(shop, random).map_err(change_problem)
            })?;
        } else {
            tracing::info!("an interrupted rotation of the index key goes on");
        }
        tokio::time::sleep(EVERYBODY_KNOWS).await;
        let versions = self.keys(shop)?.index_versions().to_vec();
        let Some((newest, older)) = versions.split_last() else { return Err(AppError::NotFound) };
        let mut report = IndexReport { version: *newest, ..IndexReport::default() };
        report.rewritten = self.rewrite_all(actor, progress).await?;
        self.key_leaf(actor, "index_version_retired", older.len() as u64).await?;
        for version in older {
            let version = *version;
            self.change_keyring(|keyring, _, _| {
                keyring.retire_index_version(shop, version).map_err(change_problem)
            })?;
            report.retired.push(version);
        }
        tokio::time::sleep(EVERYBODY_KNOWS).await;
        // Customers written between their rewriting and the retirement have both: strip the old.
        report.rewritten += self.rewrite_all(actor, &|_| {}).await?;
        Ok(report)
    }

    /// Brings every customer's terms to the newest version; gives how many had others.
    async fn rewrite_all(&self, actor: &Actor, progress: Progress<'_>) -> Result<u64, AppError> {
        let total = self.store().counts(actor.shop).await?.subjects;
        let (mut after, mut seen, mut rewritten) = (None, 0, 0);
        loop {
            let page = self.store().page_subjects(actor.shop, after, BATCH).await?;
            let Some((last, _)) = page.last() else { return Ok(rewritten) };
            after = Some(last.id);
            seen += page.len() as u64;
            rewritten += self.rewrite_page(actor, page).await?;
            progress(Step { what: "index", done: seen.min(total), total: Some(total) });
        }
    }

    async fn rewrite_page(
        &self,
        actor: &Actor,
        page: Vec<(SubjectRow, Vec<DekRow>)>,
    ) -> Result<u64, AppError> {
        let mut changed = Vec::new();
        for (row, deks) in page {
            let id = row.id;
            match self.rewritten_terms(row, deks) {
                Ok(one) => changed.extend(one),
                Err(error) => {
                    let ask = Ask::new(Operation::KeyChange).about(id);
                    return Err(self.audited(actor, &ask, error).await);
                }
            }
        }
        if changed.is_empty() {
            return Ok(0);
        }
        let mut unit = Unit::new();
        changed.iter().for_each(|one| self.add_rewritten(&mut unit, actor, one));
        match self.store().commit(unit).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => {
                for one in &changed {
                    self.rewrite_singly(actor, one.row.id).await?;
                }
            }
            Err(other) => return Err(other.into()),
        }
        Ok(changed.len() as u64)
    }

    /// The fallback when somebody of the batch changed meanwhile.
    async fn rewrite_singly(&self, actor: &Actor, id: SubjectId) -> Result<(), AppError> {
        for _ in 0..TRIES {
            let Some((row, deks)) = self.store().find_subject_keys(actor.shop, id).await? else {
                return Ok(());
            };
            let Some(one) = self.rewritten_terms(row, deks)? else { return Ok(()) };
            let mut unit = Unit::new();
            self.add_rewritten(&mut unit, actor, &one);
            match self.store().commit(unit).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(AppError::Conflict { what: "version".into() })
    }

    fn add_rewritten(&self, unit: &mut Unit, actor: &Actor, one: &Rewritten) {
        let (shop, id) = (one.row.shop, one.row.id);
        unit.update_subject(&one.row, one.expected_version);
        one.delete.iter().for_each(|term| terms::delete(unit, shop, id, term));
        one.put.iter().for_each(|entry| terms::put(unit, shop, id, entry));
        let done =
            Done { reason: Some("index_rewritten"), ..Done::wrote(one.row.version, row_digest(&one.row)) };
        self.add_ok(unit, actor, &Ask::new(Operation::KeyChange).about(id), &done);
    }

    /// The row with terms under the newest version only; `None` when it is so already.
    fn rewritten_terms(&self, row: SubjectRow, deks: Vec<DekRow>) -> Result<Option<Rewritten>, AppError> {
        let keys = self.keys(row.shop)?;
        let newest = keys.index_versions().last().copied().ok_or(AppError::NotFound)?;
        let old =
            terms::read(&row.terms).map_err(|_| AppError::integrity(format!("subjects {} terms", row.id)))?;
        if old.iter().all(|term| term.version == newest) {
            return Ok(None);
        }
        let stored = Stored::check(&keys, row, deks)?;
        let entries = self.newest_terms(&keys, newest, &stored)?;
        let mut row = SubjectRow {
            version: stored.row.version + 1,
            terms: terms::write(&entries),
            ..stored.row.clone()
        };
        row.row_mac = row_mac(&keys, &row);
        let delete =
            old.iter().filter(|term| !entries.iter().any(|entry| entry.term == **term)).copied().collect();
        let put = entries.into_iter().filter(|entry| !old.contains(&entry.term)).collect();
        Ok(Some(Rewritten { row, expected_version: stored.row.version, put, delete }))
    }

    /// The index entries of a customer under one version, from the sealed values.
    fn newest_terms(
        &self,
        keys: &ShopKeys,
        version: u8,
        stored: &Stored,
    ) -> Result<Vec<FieldTerm>, AppError> {
        let register = self.register();
        let tools = Tools { keys, register: &register, random: self.random(), now: self.now() };
        let country = country_of(&tools, stored)?;
        let mut entries: Vec<FieldTerm> = Vec::new();
        let mut done: Vec<&str> = Vec::new();
        for cell in stored.cells()? {
            let Some(def) = register.field(cell.field) else { continue };
            if def.kind.index_use() == IndexUse::None || done.contains(&cell.field) {
                continue;
            }
            done.push(cell.field);
            let value = stored.open(keys, &cell, &def.name)?;
            let Ok(key) = match_key(def.kind, value.expose(), country) else { continue };
            let term = terms::term_of(keys, def.kind, version, key.expose())?;
            let is_new = |term: &IndexTerm| !entries.iter().any(|known| known.term == *term);
            if let Some(term) = term.filter(is_new) {
                entries.push(FieldTerm { term, field: def.name.clone() });
            }
        }
        Ok(entries)
    }
}
