//! Reading customers, their keys, index terms, consents and erasures.

use kluis_model::{FieldKind, ShopId, SubjectId, TimeMs};

use crate::rows::{
    ChangedSubject, ConsentRow, Counts, DekRow, ErasureRow, OutboxRow, SubjectRow, TermRow, UsageRow,
};
use crate::store::{Store, Values};
use crate::value::Columns;
use crate::{StoreError, sql};

/// Before every id.
const FIRST: SubjectId = SubjectId::from_bytes([0; 16]);

impl Store {
    /// Finds a customer.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn find_subject(&self, shop: ShopId, id: SubjectId) -> Result<Option<SubjectRow>, StoreError> {
        first(self.rows(sql::FIND_SUBJECT, vec![shop.into(), id.into()]).await?, SubjectRow::read)
    }

    /// Finds a customer and the keys in one trip.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn find_subject_keys(
        &self,
        shop: ShopId,
        id: SubjectId,
    ) -> Result<Option<(SubjectRow, Vec<DekRow>)>, StoreError> {
        Ok(self.find_subjects_keys(shop, &[id]).await?.pop())
    }

    /// Finds customers and their keys, in the order asked; those that are not there are left out.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn find_subjects_keys(
        &self,
        shop: ShopId,
        ids: &[SubjectId],
    ) -> Result<Vec<(SubjectRow, Vec<DekRow>)>, StoreError> {
        let subjects = ids.iter().map(|id| (sql::FIND_SUBJECT, vec![shop.into(), (*id).into()]));
        let deks = ids.iter().map(|id| (sql::FIND_DEKS, vec![shop.into(), (*id).into()]));
        let mut answers = self.rows_many(subjects.chain(deks).collect()).await?;
        let deks = answers.split_off(ids.len());
        let mut found = Vec::with_capacity(ids.len());
        for (subject, deks) in answers.into_iter().zip(deks) {
            if let Some(row) = first(subject, SubjectRow::read)? {
                found.push((row, all(deks, DekRow::read)?));
            }
        }
        Ok(found)
    }

    /// Finds whose a unique term is.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn find_unique(
        &self,
        shop: ShopId,
        kind: FieldKind,
        version: u8,
        term: [u8; 16],
    ) -> Result<Option<SubjectId>, StoreError> {
        Ok(self.find_unique_many(shop, &[(kind, version, term)]).await?.pop().flatten())
    }

    /// Finds whose unique terms are, in the order asked.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn find_unique_many(
        &self,
        shop: ShopId,
        terms: &[(FieldKind, u8, [u8; 16])],
    ) -> Result<Vec<Option<SubjectId>>, StoreError> {
        let query = |(kind, version, term): &(FieldKind, u8, [u8; 16])| {
            (sql::FIND_UNIQUE, vec![shop.into(), (*kind).into(), (*version).into(), (*term).into()])
        };
        let answers = self.rows_many(terms.iter().map(query).collect()).await?;
        answers
            .into_iter()
            .map(|rows| first(rows, |row| Columns::of("unique_term", row).id("subject")))
            .collect()
    }

    /// Finds the customers that share a term, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn find_bucket(
        &self,
        shop: ShopId,
        kind: FieldKind,
        version: u8,
        bucket: u64,
        limit: u32,
    ) -> Result<Vec<SubjectId>, StoreError> {
        let values =
            vec![shop.into(), kind.into(), version.into(), bucket.cast_signed().into(), limit.into()];
        all(self.rows(sql::FIND_BUCKET, values).await?, |row| Columns::of("bucket_term", row).id("subject"))
    }

    /// Pages through customers by id, with their keys.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_subjects(
        &self,
        shop: ShopId,
        after: Option<SubjectId>,
        limit: u32,
    ) -> Result<Vec<(SubjectRow, Vec<DekRow>)>, StoreError> {
        let after = after.unwrap_or(FIRST);
        let subjects = self.rows(sql::PAGE_SUBJECTS, vec![shop.into(), after.into(), limit.into()]).await?;
        let subjects = all(subjects, SubjectRow::read)?;
        let Some(last) = subjects.last() else { return Ok(Vec::new()) };
        let deks = self.rows(sql::DEKS_BETWEEN, vec![shop.into(), after.into(), last.id.into()]).await?;
        let mut deks = all(deks, DekRow::read)?.into_iter().peekable();
        let mut page = Vec::with_capacity(subjects.len());
        for subject in subjects {
            // Keys without a row are those of customers made or erased meanwhile.
            while deks.next_if(|dek| dek.subject < subject.id).is_some() {}
            let mut own = Vec::new();
            while let Some(dek) = deks.next_if(|dek| dek.subject == subject.id) {
                own.push(dek);
            }
            page.push((subject, own));
        }
        Ok(page)
    }

    /// Names the customers that changed or were erased at or after a moment, oldest change first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn changed_subjects(
        &self,
        shop: ShopId,
        since: TimeMs,
        limit: u32,
    ) -> Result<Vec<ChangedSubject>, StoreError> {
        let rows = self.rows(sql::CHANGED_SUBJECTS, vec![shop.into(), since.into(), limit.into()]).await?;
        all(rows, |row| {
            let mut row = Columns::of("subject", row);
            Ok(ChangedSubject {
                id: row.id("id")?,
                version: row.number("version")?,
                at: row.time("updated")?,
            })
        })
    }

    /// Returns some keys that are wrapped under an epoch.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_deks_of_epoch(
        &self,
        shop: ShopId,
        epoch: u32,
        limit: u32,
    ) -> Result<Vec<DekRow>, StoreError> {
        all(self.rows(sql::DEKS_OF_EPOCH, vec![shop.into(), epoch.into(), limit.into()]).await?, DekRow::read)
    }

    /// Counts the keys that are wrapped under an epoch.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_deks_of_epoch(&self, shop: ShopId, epoch: u32) -> Result<u64, StoreError> {
        count(self.rows(sql::COUNT_DEKS_OF_EPOCH, vec![shop.into(), epoch.into()]).await?)
    }

    /// Pages through keys by customer; every key of the last customer is on the page.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_deks(
        &self,
        shop: ShopId,
        after: Option<SubjectId>,
        limit: u32,
    ) -> Result<Vec<DekRow>, StoreError> {
        let values = vec![shop.into(), after.unwrap_or(FIRST).into(), limit.into()];
        all(self.rows(sql::PAGE_DEKS, values).await?, DekRow::read)
    }

    /// Pages through index terms in the order of their tables, unique terms first, for verification.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_terms(
        &self,
        shop: ShopId,
        after: Option<&TermRow>,
        limit: u32,
    ) -> Result<Vec<TermRow>, StoreError> {
        let unique = match after {
            None => Some((-1_i64, -1_i64, Vec::new())),
            Some(TermRow::Unique { kind, version, term, .. }) => {
                Some((kind.code().into(), (*version).into(), term.to_vec()))
            }
            Some(TermRow::Bucket { .. }) => None,
        };
        let mut terms = Vec::new();
        if let Some((kind, version, term)) = unique {
            let values = vec![shop.into(), kind.into(), version.into(), term.into(), limit.into()];
            terms = all(self.rows(sql::PAGE_UNIQUE_TERMS, values).await?, TermRow::read_unique)?;
        }
        let left = limit.saturating_sub(u32::try_from(terms.len()).unwrap_or(u32::MAX));
        if left > 0 {
            let (kind, version, bucket, subject) = match after {
                Some(TermRow::Bucket { kind, version, bucket, subject }) => {
                    (kind.code().into(), (*version).into(), bucket.cast_signed(), *subject)
                }
                _ => (-1_i64, -1_i64, i64::MIN, FIRST),
            };
            let values =
                vec![shop.into(), kind.into(), version.into(), bucket.into(), subject.into(), left.into()];
            terms.extend(all(self.rows(sql::PAGE_BUCKET_TERMS, values).await?, TermRow::read_bucket)?);
        }
        Ok(terms)
    }

    /// Returns those of the terms that stand in the tables for the customers they name.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn present_terms(&self, shop: ShopId, terms: &[TermRow]) -> Result<Vec<TermRow>, StoreError> {
        let query = |term: &TermRow| match term {
            TermRow::Unique { kind, version, term, .. } => {
                (sql::FIND_UNIQUE, vec![shop.into(), (*kind).into(), (*version).into(), (*term).into()])
            }
            TermRow::Bucket { kind, version, bucket, subject } => {
                let bucket = bucket.cast_signed();
                let values =
                    vec![shop.into(), (*kind).into(), (*version).into(), bucket.into(), (*subject).into()];
                (sql::FIND_BUCKET_TERM, values)
            }
        };
        let answers = self.rows_many(terms.iter().map(query).collect()).await?;
        let mut present = Vec::with_capacity(terms.len());
        for (term, rows) in terms.iter().zip(answers) {
            let owner = first(rows, |row| Columns::of("term", row).id("subject"))?;
            if owner == Some(term.subject()) {
                present.push(term.clone());
            }
        }
        Ok(present)
    }

    /// Returns the consent events of a customer, by purpose and number.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn consents(&self, shop: ShopId, subject: SubjectId) -> Result<Vec<ConsentRow>, StoreError> {
        all(self.rows(sql::CONSENTS, vec![shop.into(), subject.into()]).await?, ConsentRow::read)
    }

    /// Finds the erasure of a customer.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn erasure(&self, shop: ShopId, subject: SubjectId) -> Result<Option<ErasureRow>, StoreError> {
        first(self.rows(sql::FIND_ERASURE, vec![shop.into(), subject.into()]).await?, ErasureRow::read)
    }

    /// Returns the erasures whose keys are not known to be destroyed.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn incomplete_erasures(&self) -> Result<Vec<ErasureRow>, StoreError> {
        all(self.rows(sql::INCOMPLETE_ERASURES, Vec::new()).await?, ErasureRow::read)
    }

    /// Pages through erasures by customer.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_erasures(
        &self,
        shop: ShopId,
        after: Option<SubjectId>,
        limit: u32,
    ) -> Result<Vec<ErasureRow>, StoreError> {
        let values = vec![shop.into(), after.unwrap_or(FIRST).into(), limit.into()];
        all(self.rows(sql::PAGE_ERASURES, values).await?, ErasureRow::read)
    }

    /// Leases due work to `by` for `lease_ms`; no other node gets it meanwhile.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn claim_outbox(
        &self,
        kinds: &[&str],
        now: TimeMs,
        lease_ms: u64,
        by: &str,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let until = now.plus(std::time::Duration::from_millis(lease_ms));
        let claim = |kind: &&str| {
            (sql::CLAIM_OUTBOX, vec![(*kind).into(), now.into(), by.into(), until.into(), limit.into()])
        };
        let mut rows = Vec::new();
        for answer in self.change(kinds.iter().map(claim).collect()).await? {
            rows.extend(all(answer, OutboxRow::read)?);
        }
        Ok(rows)
    }

    /// Counts the work that waits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn outbox_depth(&self) -> Result<u64, StoreError> {
        count(self.rows(sql::COUNT_OUTBOX, Vec::new()).await?)
    }

    /// Returns the usage counters since a day.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn usage(&self, shop: ShopId, since_day: i64) -> Result<Vec<UsageRow>, StoreError> {
        all(self.rows(sql::USAGE, vec![shop.into(), since_day.into()]).await?, UsageRow::read)
    }

    /// Counts what the store holds; takes up to a second in a vault of millions.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counts(&self, shop: ShopId) -> Result<Counts, StoreError> {
        let queries = vec![
            (sql::COUNT_SUBJECTS, vec![shop.into()]),
            (sql::COUNT_ERASURES, vec![shop.into()]),
            (sql::COUNT_LEAVES, Vec::new()),
            (sql::COUNT_CREDENTIALS, vec![shop.into()]),
        ];
        let mut answers = self.rows_many(queries).await?.into_iter();
        let mut next = || count(answers.next().unwrap_or_default());
        Ok(Counts { subjects: next()?, erased: next()?, leaves: next()?, credentials: next()? })
    }

    /// Finds a value of the store as a whole.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        first(self.rows(sql::FIND_META, vec![key.into()]).await?, |row| {
            Columns::of("meta", row).bytes("value")
        })
    }
}

/// Reads every row.
pub(crate) fn all<T>(
    rows: Vec<Values>,
    read: impl Fn(Values) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(read).collect()
}

/// Reads the first row, if there is one.
pub(crate) fn first<T>(
    rows: Vec<Values>,
    read: impl FnOnce(Values) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    rows.into_iter().next().map(read).transpose()
}

/// Reads the answer of a `count`.
pub(crate) fn count(rows: Vec<Values>) -> Result<u64, StoreError> {
    first(rows, |row| Columns::of("count", row).number("count")).map(Option::unwrap_or_default)
}
