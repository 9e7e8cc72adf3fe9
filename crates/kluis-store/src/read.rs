//! Reading customers, their keys, index terms, consents and erasures.

use kluis_model::{FieldKind, ShopId, SubjectId, TimeMs};

use crate::rows::{ConsentRow, Counts, DekRow, ErasureRow, OutboxRow, SubjectRow, TermRow, UsageRow};
use crate::store::{Store, Values};
use crate::value::{Columns, Value};
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

    /// Names the customers that changed at or after a moment, oldest change first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn changed_subjects(
        &self,
        shop: ShopId,
        since: TimeMs,
        limit: u32,
    ) -> Result<Vec<SubjectId>, StoreError> {
        let rows = self.rows(sql::CHANGED_SUBJECTS, vec![shop.into(), since.into(), limit.into()]).await?;
        all(rows, |row| Columns::of("subject", row).id("id"))
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

    /// Pages through index terms by customer, for verification; every term of at most `limit` customers.
    ///
    /// Unique terms and shared terms come together, sorted by customer.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn page_terms(
        &self,
        shop: ShopId,
        after: Option<SubjectId>,
        limit: u32,
    ) -> Result<Vec<TermRow>, StoreError> {
        let after = after.unwrap_or(FIRST);
        let values: Vec<Value> = vec![shop.into(), after.into(), limit.into()];
        let bounds = self
            .rows_many(vec![(sql::UNIQUE_TERM_SUBJECTS, values.clone()), (sql::BUCKET_TERM_SUBJECTS, values)])
            .await?;
        let mut subjects = Vec::new();
        for rows in bounds {
            subjects.extend(all(rows, |row| Columns::of("term", row).id("subject"))?);
        }
        subjects.sort_unstable();
        subjects.dedup();
        let Some(last) = subjects.get((limit as usize).min(subjects.len()).wrapping_sub(1)).copied() else {
            return Ok(Vec::new());
        };
        let range: Vec<Value> = vec![shop.into(), after.into(), SubjectId::into(last)];
        let mut answers = self
            .rows_many(vec![(sql::UNIQUE_TERMS_BETWEEN, range.clone()), (sql::BUCKET_TERMS_BETWEEN, range)])
            .await?
            .into_iter();
        let mut terms = all(answers.next().unwrap_or_default(), TermRow::read_unique)?;
        terms.extend(all(answers.next().unwrap_or_default(), TermRow::read_bucket)?);
        terms.sort_by_key(TermRow::subject);
        Ok(terms)
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
