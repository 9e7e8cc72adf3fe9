//! Reading credentials, tokens, idempotency keys and jobs.

use kluis_model::{CredentialId, JobId, ShopId, SubjectId};

use crate::read::{all, first};
use crate::rows_access::{CredentialRow, IdempotencyRow, JobRow, TokenRow};
use crate::{Store, StoreError, sql};

impl Store {
    /// Finds a credential by the hash of its secret, also a revoked or expired one.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn credential_by_hash(
        &self,
        shop: ShopId,
        secret_hash: [u8; 32],
    ) -> Result<Option<CredentialRow>, StoreError> {
        first(
            self.rows(sql::CREDENTIAL_BY_HASH, vec![shop.into(), secret_hash.into()]).await?,
            CredentialRow::read,
        )
    }

    /// Finds a credential by its id.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn credential(
        &self,
        shop: ShopId,
        id: CredentialId,
    ) -> Result<Option<CredentialRow>, StoreError> {
        first(self.rows(sql::FIND_CREDENTIAL, vec![shop.into(), id.into()]).await?, CredentialRow::read)
    }

    /// Returns every credential, oldest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn credentials(&self, shop: ShopId) -> Result<Vec<CredentialRow>, StoreError> {
        all(self.rows(sql::CREDENTIALS, vec![shop.into()]).await?, CredentialRow::read)
    }

    /// Finds a token by its hash.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn token_by_hash(&self, shop: ShopId, hash: [u8; 32]) -> Result<Option<TokenRow>, StoreError> {
        first(self.rows(sql::TOKEN_BY_HASH, vec![shop.into(), hash.into()]).await?, TokenRow::read)
    }

    /// Returns the tokens of a customer.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn tokens_of(&self, shop: ShopId, subject: SubjectId) -> Result<Vec<TokenRow>, StoreError> {
        all(self.rows(sql::TOKENS_OF, vec![shop.into(), subject.into()]).await?, TokenRow::read)
    }

    /// Finds the answer given under an idempotency key.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn idempotency(
        &self,
        shop: ShopId,
        credential: &str,
        key_hash: [u8; 32],
    ) -> Result<Option<IdempotencyRow>, StoreError> {
        let values = vec![shop.into(), credential.into(), key_hash.into()];
        first(self.rows(sql::FIND_IDEMPOTENCY, values).await?, IdempotencyRow::read)
    }

    /// Finds a job.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn job(&self, shop: ShopId, id: JobId) -> Result<Option<JobRow>, StoreError> {
        first(self.rows(sql::FIND_JOB, vec![shop.into(), id.into()]).await?, JobRow::read)
    }

    /// Returns the jobs of a kind, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn jobs(&self, shop: ShopId, kind: &str, limit: u32) -> Result<Vec<JobRow>, StoreError> {
        all(self.rows(sql::JOBS, vec![shop.into(), kind.into(), limit.into()]).await?, JobRow::read)
    }
}
