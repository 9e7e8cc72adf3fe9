//! The second pass: every customer's row, keys, index entries and consents against the replayed logs.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use kluis_crypto::{CellHead, ShopKeys};
use kluis_model::{ClassSet, SubjectFacts, SubjectId};
use kluis_store::{ConsentRow, DekRow, SubjectRow, TermRow, TokenRow};
use tokio::task::JoinSet;

use super::replay::Verdict;
use super::{Check, FindingKind};
use crate::consent::consent_row_matches;
use crate::keys::dek_place;
use crate::record::blobs::{self, TermValue};
use crate::record::terms::{self, IndexTerm};
use crate::record::{row_digest, verify_row};
use crate::token::token_row_matches;
use crate::{AppError, Step};

/// Customers read in one go.
const PAGE: u32 = 500;
/// Index entries read in one go.
const TERMS_PAGE: u32 = 4_000;
/// Groups of customers whose index entries are summed up.
const SUMS: usize = 4_096;
/// Look-ups under way at once.
const AT_ONCE: usize = 16;
/// How often a customer that does not agree is looked at again.
const LOOKS: u32 = 4;

/// What was found about one customer; reported only when it is still so at a second look.
type Doubts = Vec<(FindingKind, String)>;

/// Keyed sums over index entries by group of customers: what the rows list and what the tables hold cancel out.
///
/// The key is random: nobody can make entries up that cancel out.
struct TermSums {
    key: RandomState,
    sums: Vec<u64>,
}

impl TermSums {
    fn new() -> Self {
        Self { key: RandomState::new(), sums: vec![0; SUMS] }
    }

    fn group(&self, subject: SubjectId) -> usize {
        (self.key.hash_one(subject.as_bytes()) as usize) % SUMS
    }

    fn flip(&mut self, subject: SubjectId, term: &IndexTerm) {
        let value = match term.value {
            TermValue::Unique(hash) => (0_u8, u128::from_be_bytes(hash)),
            TermValue::Bucket(bucket) => (1, u128::from(bucket)),
        };
        let group = self.group(subject);
        self.sums[group] ^=
            self.key.hash_one((subject.as_bytes(), term.kind.code(), term.version, value.0, value.1));
    }

    fn agrees(&self, subject: SubjectId) -> bool {
        self.sums[self.group(subject)] == 0
    }
}

impl Check<'_> {
    /// Reads all customers once.
    pub(crate) async fn read_rows(&mut self) -> Result<(), AppError> {
        self.replay.late = true;
        let shop = self.actor.shop;
        let total = self.app.store().counts(shop).await?.subjects;
        let mut sums = TermSums::new();
        let mut after = None;
        loop {
            let page = self.app.store().page_subjects(shop, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.id);
            self.report.rows += page.len() as u64;
            for (row, deks) in &page {
                self.report.keys += deks.len() as u64;
                for term in terms::read(&row.terms).unwrap_or_default() {
                    sums.flip(row.id, &term);
                }
                if !self.doubts(row, deks, None)?.is_empty() {
                    self.suspects.entry(row.id).or_default();
                }
            }
            self.read_attached(&page).await?;
            (self.progress)(Step { what: "rows", done: self.report.rows.min(total), total: Some(total) });
        }
        self.read_terms(&mut sums).await?;
        for id in self.replay.unseen() {
            self.suspects.entry(id).or_default();
        }
        Ok(())
    }

    /// Looks again at whoever did not agree, after reading the logs on; what is still so is a finding.
    pub(crate) async fn look_again(&mut self) -> Result<(), AppError> {
        let mut open: Vec<(SubjectId, Vec<TermRow>)> = self.suspects.drain().collect();
        for look in 0..LOOKS {
            if open.is_empty() {
                return Ok(());
            }
            let mut still = Vec::new();
            for chunk in open.chunks(PAGE as usize) {
                let mut seen = Vec::with_capacity(chunk.len());
                for (id, strays) in chunk {
                    let found = self.app.store().find_subject_keys(self.actor.shop, *id).await?;
                    let row = found.as_ref().map(|(row, _)| row);
                    let entries = self.terms_now(*id, row, strays).await?;
                    seen.push((*id, strays, found, entries));
                }
                // The logs after the rows: whatever was written to a row then is known now.
                self.read_on().await?;
                for (id, strays, found, entries) in seen {
                    let doubts = match &found {
                        Some((row, deks)) => self.doubts(row, deks, Some(&entries))?,
                        None => self.doubts_of_absent(id, &entries),
                    };
                    if !doubts.is_empty() {
                        still.push((id, strays.clone()));
                    }
                    if look + 1 == LOOKS {
                        doubts.into_iter().for_each(|(kind, place)| self.findings.add(kind, place));
                    }
                }
            }
            open = still;
        }
        Ok(())
    }

    /// What does not agree about a customer who is there.
    fn doubts(
        &mut self,
        row: &SubjectRow,
        deks: &[DekRow],
        entries: Option<&[TermRow]>,
    ) -> Result<Doubts, AppError> {
        let id = row.id;
        let place = || format!("subjects {id}");
        let mut doubts = Doubts::new();
        let newest = deks.iter().map(|dek| dek.epoch).max().unwrap_or(0);
        let keys = self.app.keys_knowing(self.actor.shop, newest)?;
        let is_whole = verify_row(&keys, row).is_ok();
        if !is_whole {
            doubts.push((FindingKind::RowChanged, place()));
        }
        let verdict = self.replay.compare(id, row.version, &row_digest(row));
        let kind = match verdict {
            Verdict::Agrees => None,
            Verdict::Unknown | Verdict::Newer => Some(FindingKind::RowUnknown),
            Verdict::Older => Some(FindingKind::RowRolledBack),
            Verdict::Other => Some(FindingKind::RowChanged),
            Verdict::Erased => Some(FindingKind::RowOfErased),
        };
        doubts.extend(kind.map(|kind| (kind, place())));
        doubts_of_keys(&keys, row, deks, &mut doubts);
        if let Some(entries) = entries.filter(|_| is_whole) {
            doubts_of_terms(row, entries, &mut doubts);
        }
        Ok(doubts)
    }

    /// What does not agree about a customer who is not there.
    fn doubts_of_absent(&self, id: SubjectId, entries: &[TermRow]) -> Doubts {
        let mut doubts = Doubts::new();
        if self.replay.expects(id) {
            doubts.push((FindingKind::RowMissing, format!("subjects {id}")));
        }
        if !entries.is_empty() {
            doubts.push((FindingKind::TermForeign, format!("terms of {id}")));
        }
        doubts
    }

    /// Compares the index tables with what the rows list; customers of groups that do not agree are suspects.
    async fn read_terms(&mut self, sums: &mut TermSums) -> Result<(), AppError> {
        let shop = self.actor.shop;
        let mut page: Vec<TermRow> = Vec::new();
        loop {
            page = self.app.store().page_terms(shop, page.last(), TERMS_PAGE).await?;
            self.report.terms += page.len() as u64;
            page.iter().for_each(|entry| sums.flip(entry.subject(), &index_term(entry)));
            if page.len() < TERMS_PAGE as usize {
                break;
            }
        }
        if sums.sums.iter().all(|sum| *sum == 0) {
            return Ok(());
        }
        for id in self.replay.expected() {
            if !sums.agrees(id) {
                self.suspects.entry(id).or_default();
            }
        }
        let mut after: Option<TermRow> = None;
        loop {
            let page = self.app.store().page_terms(shop, after.as_ref(), TERMS_PAGE).await?;
            after = page.last().cloned();
            let is_last = page.len() < TERMS_PAGE as usize;
            self.note_strays(page.into_iter().filter(|entry| !sums.agrees(entry.subject())).collect())
                .await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Remembers the entries that their customer's row does not list.
    async fn note_strays(&mut self, entries: Vec<TermRow>) -> Result<(), AppError> {
        for chunk in entries.chunks(PAGE as usize) {
            let mut ids: Vec<SubjectId> = chunk.iter().map(TermRow::subject).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = self.app.store().find_subjects_keys(self.actor.shop, &ids).await?;
            let rows: HashMap<SubjectId, Vec<IndexTerm>> = found
                .into_iter()
                .map(|(row, _)| (row.id, terms::read(&row.terms).unwrap_or_default()))
                .collect();
            for entry in chunk {
                let is_listed =
                    rows.get(&entry.subject()).is_some_and(|row| row.contains(&index_term(entry)));
                if !is_listed {
                    self.suspects.entry(entry.subject()).or_default().push(entry.clone());
                }
            }
        }
        Ok(())
    }

    /// Those index entries of one customer that stand in the tables now, of what the row lists and of strays.
    async fn terms_now(
        &self,
        id: SubjectId,
        row: Option<&SubjectRow>,
        strays: &[TermRow],
    ) -> Result<Vec<TermRow>, AppError> {
        let listed = row.map(|row| terms::read(&row.terms).unwrap_or_default()).unwrap_or_default();
        let mut asked: Vec<TermRow> = listed.iter().map(|term| term_row(id, term)).collect();
        asked.extend(strays.iter().filter(|stray| !listed.contains(&index_term(stray))).cloned());
        Ok(self.app.store().present_terms(self.actor.shop, &asked).await?)
    }

    /// Consents and tokens of a page of customers, some look-ups at a time.
    async fn read_attached(&mut self, page: &[(SubjectRow, Vec<DekRow>)]) -> Result<(), AppError> {
        let shop = self.actor.shop;
        let keys = self.app.keys(shop)?;
        for chunk in page.chunks(AT_ONCE) {
            let mut looking: JoinSet<Result<Attached, kluis_store::StoreError>> = JoinSet::new();
            for (row, _) in chunk {
                let facts = SubjectFacts::decode(&row.facts).unwrap_or_default();
                let expected: u64 = facts.consents.values().map(|state| u64::from(state.number)).sum();
                let (store, id) = (self.app.store().clone(), row.id);
                looking.spawn(async move {
                    let consents = if expected > 0 { store.consents(shop, id).await? } else { Vec::new() };
                    let tokens = store.tokens_of(shop, id).await?;
                    Ok(Attached { id, expected, consents, tokens })
                });
            }
            while let Some(found) = looking.join_next().await {
                let found = found.map_err(AppError::internal)??;
                self.compare_attached(&keys, &found);
            }
        }
        Ok(())
    }

    fn compare_attached(&mut self, keys: &ShopKeys, found: &Attached) {
        for row in found.consents.iter().filter(|row| !consent_row_matches(keys, row)) {
            let place = format!("consents {} {} {}", row.subject, row.purpose, row.number);
            self.findings.add(FindingKind::ConsentWrong, place);
        }
        // More than expected is a consent that was given after the row was read.
        if (found.consents.len() as u64) < found.expected {
            self.findings.add(FindingKind::ConsentWrong, format!("consents {}", found.id));
        }
        for row in found.tokens.iter().filter(|row| !token_row_matches(keys, row)) {
            self.findings.add(FindingKind::TokenWrong, format!("tokens of {}", row.subject));
        }
    }
}

/// What hangs on one customer.
struct Attached {
    id: SubjectId,
    expected: u64,
    consents: Vec<ConsentRow>,
    tokens: Vec<TokenRow>,
}

/// Every key opens, and every class that has cells has the key of their generation.
fn doubts_of_keys(keys: &ShopKeys, row: &SubjectRow, deks: &[DekRow], doubts: &mut Doubts) {
    for dek in deks {
        if keys.unwrap_dek(&dek_place(dek), dek.epoch, &dek.wrapped).is_err() {
            doubts.push((FindingKind::KeyBroken, format!("deks {} {}", dek.subject, dek.class)));
        }
    }
    let mut reported = ClassSet::EMPTY;
    for cell in blobs::cells(&row.cells).filter_map(Result::ok) {
        let Some(class) = kluis_model::RetentionClass::from_u8(cell.class) else { continue };
        let dek_gen = CellHead::read(cell.sealed).map(|head| head.dek_gen).ok();
        let has_key = deks.iter().any(|dek| dek.class == class && Some(dek.dek_gen) == dek_gen);
        if !has_key && !reported.contains(class) {
            reported = reported.with(class);
            doubts.push((FindingKind::KeyMissing, format!("deks {} {class}", row.id)));
        }
    }
}

/// The index tables hold exactly what the row's own list says.
fn doubts_of_terms(row: &SubjectRow, entries: &[TermRow], doubts: &mut Doubts) {
    let Ok(expected) = terms::read(&row.terms) else { return };
    let found: Vec<IndexTerm> = entries.iter().map(index_term).collect();
    let place = |term: &IndexTerm| format!("terms of {} {}", row.id, term.kind);
    for term in expected.iter().filter(|term| !found.contains(term)) {
        doubts.push((FindingKind::TermMissing, place(term)));
    }
    for term in found.iter().filter(|term| !expected.contains(term)) {
        doubts.push((FindingKind::TermForeign, place(term)));
    }
}

fn term_row(subject: SubjectId, term: &IndexTerm) -> TermRow {
    let (kind, version) = (term.kind, term.version);
    match term.value {
        TermValue::Unique(term) => TermRow::Unique { kind, version, term, subject },
        TermValue::Bucket(bucket) => TermRow::Bucket { kind, version, bucket, subject },
    }
}

fn index_term(row: &TermRow) -> IndexTerm {
    match row {
        TermRow::Unique { kind, version, term, .. } => {
            IndexTerm { kind: *kind, version: *version, value: TermValue::Unique(*term) }
        }
        TermRow::Bucket { kind, version, bucket, .. } => {
            IndexTerm { kind: *kind, version: *version, value: TermValue::Bucket(*bucket) }
        }
    }
}
