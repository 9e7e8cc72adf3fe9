//! Searching customers by name: an index in memory of each shop, built after unsealing and dropped on sealing.

mod index;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kluis_model::audit::Operation;
use kluis_model::normalise::name_tokens;
use kluis_model::register::Register;
use kluis_model::{Actor, FieldKind, FieldName, PiiText, PurposeId, ShopId, SubjectId, TimeMs};
use parking_lot::RwLock;
use zeroize::Zeroizing;

use crate::guard::Ask;
use crate::record::{Gate, Revealed};
use crate::subject::Loaded;
use crate::{App, AppError, Denial};
use index::NameIndex;

/// Customers that one step of building or refreshing reads.
const STEP_ROWS: u32 = 1_000;
/// Hits of one search at most.
pub const SEARCH_LIMIT_MAX: usize = 100;
/// Candidates looked at for every hit asked for: some may not be seen for the purpose.
const CANDIDATES_PER_HIT: usize = 4;
/// How long a search waits for an index that is still being built.
const BUILD_WAIT_MAX: Duration = Duration::from_secs(30);
/// How far a refresh reaches back before the last one: clocks of nodes differ, and a change is
/// visible only some time after its own time.
const OVERLAP_MS: i64 = 10_000;
/// Remembered versions at most, about 30 MB; what is beyond is read again.
const TAKEN_MAX: usize = 500_000;

/// What a search found.
#[derive(Debug, Clone)]
pub struct SearchResult {
    /// The best hits that the actor may see for the purpose.
    pub hits: Vec<Revealed>,
    /// Whether there are more.
    pub more: bool,
}

/// The name indexes of all shops; nothing of it is written to disk.
#[derive(Default)]
pub(crate) struct SearchIndex {
    shops: RwLock<HashMap<ShopId, ShopNames>>,
    /// Only one task builds or refreshes at a time.
    step: tokio::sync::Mutex<()>,
}

/// The names of one shop and how far they were read.
struct ShopNames {
    names: NameIndex,
    stage: Stage,
    /// Changes before this moment are in.
    since: TimeMs,
    /// Versions whose names were taken lately, with when: the refresh need not read those again.
    taken: HashMap<SubjectId, (u64, TimeMs)>,
}

impl ShopNames {
    fn took(&mut self, id: SubjectId, version: u64, at: TimeMs) {
        if self.taken.len() < TAKEN_MAX {
            self.taken.insert(id, (version, at));
        }
    }
}

enum Stage {
    /// Customers up to this one are in.
    Building(Option<SubjectId>),
    Ready,
}

impl SearchIndex {
    /// Takes note of a new customer's names; without an index that was begun there is nothing to do.
    pub(crate) fn put<'a>(
        &self,
        shop: ShopId,
        id: SubjectId,
        now: TimeMs,
        fields: impl Iterator<Item = (FieldKind, &'a PiiText)>,
    ) {
        if !self.shops.read().contains_key(&shop) {
            return;
        }
        let mut tokens = tokens_of(fields);
        if let Some(shop) = self.shops.write().get_mut(&shop) {
            shop.names.put(id, &tokens);
            shop.took(id, 1, now);
        }
        wipe(&mut tokens);
    }

    /// Forgets a customer.
    pub(crate) fn remove(&self, shop: ShopId, id: SubjectId) {
        if let Some(shop) = self.shops.write().get_mut(&shop) {
            shop.names.remove(id);
        }
    }

    /// Forgets everything; for sealing.
    pub(crate) fn clear(&self) {
        self.shops.write().clear();
    }

    /// Whether the names of a shop are all in.
    pub(crate) fn is_ready(&self, shop: ShopId) -> bool {
        self.shops.read().get(&shop).is_some_and(|shop| matches!(shop.stage, Stage::Ready))
    }

    /// Whether building was begun.
    fn is_begun(&self, shop: ShopId) -> bool {
        self.shops.read().contains_key(&shop)
    }

    /// How many customers the index of a shop holds.
    #[cfg(test)]
    pub(crate) fn len(&self, shop: ShopId) -> usize {
        self.shops.read().get(&shop).map_or(0, |shop| shop.names.len())
    }

    fn find(&self, shop: ShopId, tokens: &[String], limit: usize) -> Vec<SubjectId> {
        let shops = self.shops.read();
        let hits = shops.get(&shop).map(|shop| shop.names.find(tokens, limit)).unwrap_or_default();
        hits.into_iter().map(|(subject, _)| subject).collect()
    }
}

impl App {
    /// Customers whose name matches every word of the text (equal, beginning, part or a typo), as
    /// far as the actor may see them for the purpose. The text is not on the record.
    ///
    /// # Errors
    /// Denied, `Exhausted`, `Invalid` without a word; `Unavailable` while the index is being built.
    pub async fn search(
        &self,
        actor: &Actor,
        text: PiiText,
        purpose: &PurposeId,
        fields: Option<&[FieldName]>,
        limit: usize,
    ) -> Result<SearchResult, AppError> {
        let ask = Ask::new(Operation::Search).purpose(purpose).fields(fields.unwrap_or_default());
        self.allow(actor, &ask).await?;
        let register = self.register();
        let gate = Gate { actor, register: &register, purpose, fields, now: self.now() };
        let seen = match gate.check().and_then(|()| seen_names(&gate)) {
            Ok(seen) => seen,
            Err(reason) => return Err(self.deny(actor, &ask, reason).await),
        };
        let tokens = Zeroizing::new(name_tokens(text.expose()));
        if tokens.is_empty() {
            return Err(AppError::invalid("text", "Geef een deel van een naam.", "Give a part of a name."));
        }
        let limit = limit.clamp(1, SEARCH_LIMIT_MAX);
        self.wait_for_index(actor.shop).await?;
        let ids = self.inner.search.find(actor.shop, &tokens, limit * CANDIDATES_PER_HIT + 1);
        let rows = self.store().find_subjects_keys(actor.shop, &ids).await?;
        self.forget_missing(actor.shop, &ids, rows.iter().map(|(row, _)| row.id).collect());
        let mut found = Vec::with_capacity(limit + 1);
        for (row, deks) in rows {
            let subject = row.id;
            let answers = |loaded: &Loaded| -> Result<bool, AppError> {
                Ok(gate.is_open_for(&loaded.stored) && seen.answers(&register, loaded, &tokens)?)
            };
            match self.checked(row, deks).and_then(|loaded| Ok((answers(&loaded)?, loaded))) {
                Ok((true, loaded)) => found.push(loaded),
                Ok(_) => {}
                Err(error) => return Err(self.audited(actor, &ask.clone().about(subject), error).await),
            }
            if found.len() > limit {
                break;
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let hits = self.show_all(&gate, &ask, found).await?;
        Ok(SearchResult { hits, more })
    }

    /// Builds the index of a shop by one page, or once it is built takes in what other nodes
    /// changed; `true` when there is nothing left to do now. For the job loop.
    ///
    /// # Errors
    /// `Sealed`, or when the database does not answer.
    pub(crate) async fn search_step(&self, shop: ShopId) -> Result<bool, AppError> {
        let _one = self.inner.search.step.lock().await;
        self.keys(shop)?;
        let begun = self.now();
        let (after, since) = {
            let mut shops = self.inner.search.shops.write();
            let shop = shops.entry(shop).or_insert_with(|| ShopNames {
                names: NameIndex::default(),
                stage: Stage::Building(None),
                since: begun,
                taken: HashMap::new(),
            });
            (
                match shop.stage {
                    Stage::Building(after) => Some(after),
                    Stage::Ready => None,
                },
                shop.since,
            )
        };
        match after {
            Some(after) => self.build_step(shop, after).await,
            None => self.refresh_step(shop, since, begun).await,
        }
    }

    async fn build_step(&self, shop: ShopId, after: Option<SubjectId>) -> Result<bool, AppError> {
        let page = self.store().page_subjects(shop, after, STEP_ROWS).await?;
        let last = page.last().map(|(row, _)| row.id);
        let is_last = page.len() < STEP_ROWS as usize;
        let mut loaded = Vec::with_capacity(page.len());
        for (row, deks) in page {
            loaded.extend(self.checked(row, deks).ok());
        }
        let entries = self.names_of(loaded);
        self.put_names(shop, entries);
        if let Some(shop) = self.inner.search.shops.write().get_mut(&shop) {
            shop.stage = if is_last { Stage::Ready } else { Stage::Building(last) };
            if is_last {
                shop.names.shrink();
            }
        }
        tokio::task::yield_now().await;
        Ok(is_last)
    }

    async fn refresh_step(&self, shop: ShopId, since: TimeMs, begun: TimeMs) -> Result<bool, AppError> {
        let from = TimeMs(since.0.saturating_sub(OVERLAP_MS));
        let mut changed = self.store().changed_subjects(shop, from, STEP_ROWS).await?;
        let is_last = changed.len() < STEP_ROWS as usize;
        let newest = changed.last().map(|change| change.at);
        if let Some(shop) = self.inner.search.shops.read().get(&shop) {
            changed.retain(|change| {
                shop.taken.get(&change.id).is_none_or(|(taken, _)| *taken != change.version)
            });
        }
        let ids: Vec<SubjectId> = changed.iter().map(|change| change.id).collect();
        self.index_ids(shop, &ids).await?;
        if let Some(shop) = self.inner.search.shops.write().get_mut(&shop) {
            // At least a millisecond further, so that a page full of one moment is no endless loop.
            let reached = newest.map_or(begun, |newest| TimeMs(newest.0.saturating_add(OVERLAP_MS)));
            shop.since = if is_last { begun } else { reached.max(TimeMs(since.0.saturating_add(1))) };
            if is_last {
                let oldest = TimeMs(begun.0.saturating_sub(2 * OVERLAP_MS));
                shop.taken.retain(|_, (_, at)| *at >= oldest);
            }
        }
        tokio::task::yield_now().await;
        Ok(is_last)
    }

    /// Reads the names of these customers again.
    pub(crate) async fn index_ids(&self, shop: ShopId, ids: &[SubjectId]) -> Result<(), AppError> {
        if ids.is_empty() || !self.inner.search.is_begun(shop) {
            return Ok(());
        }
        let rows = self.store().find_subjects_keys(shop, ids).await?;
        self.forget_missing(shop, ids, rows.iter().map(|(row, _)| row.id).collect());
        let versions: Vec<_> = rows.iter().map(|(row, _)| (row.id, row.version, row.updated)).collect();
        let mut loaded = Vec::with_capacity(rows.len());
        for (row, deks) in rows {
            loaded.extend(self.checked(row, deks).ok());
        }
        let entries = self.names_of(loaded);
        self.put_names(shop, entries);
        if let Some(shop) = self.inner.search.shops.write().get_mut(&shop) {
            versions.into_iter().for_each(|(id, version, at)| shop.took(id, version, at));
        }
        Ok(())
    }

    /// After a change of a customer; a failure only leaves the index as it was until the next refresh.
    pub(crate) async fn index_changed(&self, shop: ShopId, id: SubjectId) {
        if let Err(error) = self.index_ids(shop, &[id]).await {
            tracing::debug!(%error, "the name index takes a change later");
        }
    }

    /// The name tokens of customers; of an erased one none, which takes it out of the index.
    fn names_of(&self, loaded: Vec<Loaded>) -> Vec<(SubjectId, Vec<String>)> {
        let register = self.register();
        let mut all = Vec::with_capacity(loaded.len());
        for Loaded { keys, stored } in loaded {
            let mut fields: Vec<(FieldKind, PiiText)> = Vec::with_capacity(4);
            let cells = if stored.is_erased() { Vec::new() } else { stored.cells().unwrap_or_default() };
            for cell in cells {
                let Some(def) = register.field(cell.field).filter(|def| is_name(def.kind)) else { continue };
                if !fields.iter().any(|(kind, _)| *kind == def.kind)
                    && let Ok(value) = stored.open(&keys, &cell, &def.name)
                {
                    fields.push((def.kind, value));
                }
            }
            all.push((stored.id(), tokens_of(fields.iter().map(|(kind, value)| (*kind, value)))));
        }
        all
    }

    fn put_names(&self, shop: ShopId, entries: Vec<(SubjectId, Vec<String>)>) {
        if let Some(shop) = self.inner.search.shops.write().get_mut(&shop) {
            for (id, mut tokens) in entries {
                shop.names.put(id, &tokens);
                wipe(&mut tokens);
            }
        }
    }

    fn forget_missing(&self, shop: ShopId, asked: &[SubjectId], mut there: Vec<SubjectId>) {
        if asked.len() == there.len() {
            return;
        }
        there.sort_unstable();
        for id in asked.iter().filter(|id| there.binary_search(id).is_err()) {
            self.inner.search.remove(shop, *id);
        }
    }

    async fn wait_for_index(&self, shop: ShopId) -> Result<(), AppError> {
        let begun = Instant::now();
        while !self.inner.search.is_ready(shop) {
            if begun.elapsed() > BUILD_WAIT_MAX {
                return Err(AppError::Unavailable { what: "the name index is being built".into() });
            }
            self.search_step(shop).await?;
        }
        Ok(())
    }
}

/// The name fields that may be searched by.
struct SeenNames {
    /// Every name field there is, so that the index alone decides.
    is_all: bool,
    fields: Vec<FieldName>,
}

impl SeenNames {
    /// Whether the words match the names that may be seen, and not only others that the index knows.
    fn answers(&self, register: &Register, loaded: &Loaded, words: &[String]) -> Result<bool, AppError> {
        if self.is_all {
            return Ok(true);
        }
        let (mut own, mut done) = (Zeroizing::new(Vec::new()), Vec::with_capacity(4));
        for cell in loaded.stored.cells()? {
            let Some(def) = register.field(cell.field) else { continue };
            if self.fields.contains(&def.name) && !done.contains(&cell.field) {
                done.push(cell.field);
                own.extend(name_tokens(loaded.stored.open(&loaded.keys, &cell, &def.name)?.expose()));
            }
        }
        let mut one = NameIndex::default();
        one.put(loaded.stored.id(), &own);
        Ok(!one.find(words, 1).is_empty())
    }
}

/// Whoever may not see a name for the purpose, or sees only a part of it, may not search by it
/// either: a search by the beginnings of words would give it away letter by letter.
fn seen_names(gate: &Gate<'_>) -> Result<SeenNames, Denial> {
    let purpose = gate.register.purpose(gate.purpose).ok_or(Denial::UnknownPurpose)?;
    let grant = &gate.actor.grant;
    let all = || gate.register.fields().filter(|def| is_name(def.kind));
    if !all().any(|def| purpose.includes(&def.name)) {
        return Err(Denial::FieldNotInPurpose);
    }
    let is_seen =
        |name: &FieldName| purpose.includes(name) && grant.allows_field(name) && grant.mask(name).is_none();
    let fields: Vec<FieldName> = all().map(|def| def.name.clone()).filter(is_seen).collect();
    if fields.is_empty() {
        return Err(Denial::FieldNotGranted);
    }
    Ok(SeenNames { is_all: fields.len() == all().count(), fields })
}

/// Whether values of a kind are searched as names.
fn is_name(kind: FieldKind) -> bool {
    use FieldKind as K;
    matches!(kind, K::GivenName | K::Infix | K::Surname | K::FullName | K::Company)
}

fn tokens_of<'a>(fields: impl Iterator<Item = (FieldKind, &'a PiiText)>) -> Vec<String> {
    let mut tokens = Vec::with_capacity(6);
    for (_, value) in fields.filter(|(kind, _)| is_name(*kind)) {
        tokens.extend(name_tokens(value.expose()));
    }
    tokens
}

fn wipe(tokens: &mut [String]) {
    for token in tokens {
        zeroize::Zeroize::zeroize(token);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kluis_model::{PiiText, PurposeId};

    use crate::SHOP;
    use crate::testing::{Vault, local};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_node_forgets_the_names_of_those_whom_another_erased() {
        let (vault, ids) = Vault::with_customers(3).await;
        let second = vault.second("node2").await;
        while !second.search_step(SHOP).await.unwrap() {}
        assert_eq!(second.inner.search.len(SHOP), 3);
        vault.app.erase(&local(), ids[1]).await.unwrap();
        while !second.search_step(SHOP).await.unwrap() {}
        assert_eq!(second.inner.search.len(SHOP), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_by_another_node_is_taken_although_the_version_before_was() {
        let (vault, ids) = Vault::with_customers(2).await;
        let second = vault.second("node2").await;
        while !second.search_step(SHOP).await.unwrap() {}
        let find = |text: &'static str| {
            let second = second.clone();
            async move {
                let purpose = PurposeId::parse("customer_service").unwrap();
                second.search(&local(), text.into(), &purpose, None, 5).await.unwrap().hits.len()
            }
        };
        for name in ["Zeegroen", "Kobaltblauw"] {
            let change = vec![("surname".to_owned(), Some(PiiText::from(name)))];
            vault.app.update(&local(), ids[0], change, None).await.unwrap();
            while !second.search_step(SHOP).await.unwrap() {}
            assert_eq!(find(name).await, 1, "{name}");
        }
        assert_eq!(find("Zeegroen").await, 0);
    }
}
