//! The second pass: every customer's row, keys, index entries and consents against the replayed logs.

use std::collections::VecDeque;

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
/// Customers whose index entries are read in one go.
const TERMS_PAGE: u32 = 1_000;
/// Look-ups under way at once.
const AT_ONCE: usize = 16;
/// How often a customer that does not agree is looked at again.
const LOOKS: u32 = 4;

/// What was found about one customer; reported only when it is still so at a second look.
type Doubts = Vec<(FindingKind, String)>;

/// Index entries in the order of their customers.
struct TermPages {
    rows: VecDeque<TermRow>,
    after: Option<SubjectId>,
    at_end: bool,
}

impl Check<'_> {
    /// Reads all customers once.
    pub(crate) async fn read_rows(&mut self) -> Result<(), AppError> {
        self.replay.late = true;
        let shop = self.actor.shop;
        let total = self.app.store().counts(shop).await?.subjects;
        let mut terms = TermPages { rows: VecDeque::new(), after: None, at_end: false };
        let mut after = None;
        loop {
            let page = self.app.store().page_subjects(shop, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.id);
            self.report.rows += page.len() as u64;
            for (row, deks) in &page {
                let entries = self.terms_of(&mut terms, row.id).await?;
                self.report.keys += deks.len() as u64;
                self.report.terms += entries.len() as u64;
                if !self.doubts(row, deks, &entries)?.is_empty() {
                    self.suspects.insert(row.id, ());
                }
            }
            self.read_attached(&page).await?;
            (self.progress)(Step { what: "rows", done: self.report.rows.min(total), total: Some(total) });
        }
        while let Some(entry) = self.next_term(&mut terms).await? {
            self.suspects.insert(entry.subject(), ());
        }
        for id in self.replay.unseen() {
            self.suspects.insert(id, ());
        }
        Ok(())
    }

    /// Looks again at whoever did not agree, after reading the logs on; what is still so is a finding.
    pub(crate) async fn look_again(&mut self) -> Result<(), AppError> {
        let mut open: Vec<SubjectId> = self.suspects.drain().map(|(id, ())| id).collect();
        for look in 0..LOOKS {
            if open.is_empty() {
                return Ok(());
            }
            let mut still = Vec::new();
            for chunk in open.chunks(PAGE as usize) {
                let mut seen = Vec::with_capacity(chunk.len());
                for id in chunk {
                    let found = self.app.store().find_subject_keys(self.actor.shop, *id).await?;
                    seen.push((*id, found, self.terms_now(*id).await?));
                }
                // The logs after the rows: whatever was written to a row then is known now.
                self.read_on().await?;
                for (id, found, entries) in seen {
                    let doubts = match &found {
                        Some((row, deks)) => self.doubts(row, deks, &entries)?,
                        None => self.doubts_of_absent(id, &entries),
                    };
                    if !doubts.is_empty() {
                        still.push(id);
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
    fn doubts(&mut self, row: &SubjectRow, deks: &[DekRow], entries: &[TermRow]) -> Result<Doubts, AppError> {
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
        if is_whole {
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

    /// The entries of one customer out of the running pages; entries of customers who are passed
    /// over have no row.
    async fn terms_of(&mut self, pages: &mut TermPages, id: SubjectId) -> Result<Vec<TermRow>, AppError> {
        let mut entries = Vec::new();
        while let Some(entry) = self.next_term(pages).await? {
            if entry.subject() > id {
                pages.rows.push_front(entry);
                break;
            }
            if entry.subject() == id {
                entries.push(entry);
            } else {
                self.suspects.insert(entry.subject(), ());
            }
        }
        Ok(entries)
    }

    async fn next_term(&self, pages: &mut TermPages) -> Result<Option<TermRow>, AppError> {
        if pages.rows.is_empty() && !pages.at_end {
            let mut page = self.app.store().page_terms(self.actor.shop, pages.after, TERMS_PAGE).await?;
            page.sort_by_key(TermRow::subject);
            pages.after = page.last().map(TermRow::subject);
            pages.at_end = page.is_empty();
            pages.rows.extend(page);
        }
        Ok(pages.rows.pop_front())
    }

    /// The index entries of one customer as they are now.
    async fn terms_now(&self, id: SubjectId) -> Result<Vec<TermRow>, AppError> {
        let before = u128::from_be_bytes(*id.as_bytes()).checked_sub(1);
        let before = before.map(|number| SubjectId::from_bytes(number.to_be_bytes()));
        let page = self.app.store().page_terms(self.actor.shop, before, 1).await?;
        Ok(page.into_iter().filter(|entry| entry.subject() == id).collect())
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
