//! What is really used: how often each field was read, for which purpose and by whom.

use std::collections::BTreeMap;

use kluis_model::{Actor, FieldName, Operation, PurposeId};
use serde::Serialize;

use crate::guard::Ask;
use crate::{App, AppError};

/// Most days to look back.
const DAYS_MAX: u32 = 3_650;

/// How often a field was read for a purpose by one actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageLine {
    /// The field.
    pub field: FieldName,
    /// The purpose.
    pub purpose: PurposeId,
    /// Who: the id of a credential, or the name of a job or local person.
    pub actor: String,
    /// How often.
    pub count: u64,
}

impl App {
    /// The reads of the last days, today included, added up; nothing about a single customer.
    ///
    /// # Errors
    /// `Denied`, or when the database does not answer.
    pub async fn usage(&self, actor: &Actor, days: u32) -> Result<Vec<UsageLine>, AppError> {
        self.allow(actor, &Ask::new(Operation::Status)).await?;
        let since = self.now().day() - i64::from(days.clamp(1, DAYS_MAX)) + 1;
        let mut sums = BTreeMap::new();
        for row in self.store().usage(actor.shop, since).await? {
            *sums.entry((row.field, row.purpose, row.actor)).or_insert(0) += row.count;
        }
        let line = |((field, purpose, actor), count)| UsageLine { field, purpose, actor, count };
        Ok(sums.into_iter().map(line).collect())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{Vault, local};

    #[tokio::test(flavor = "multi_thread")]
    async fn reads_are_added_up_by_field_purpose_and_actor() {
        let (vault, ids) = Vault::with_customers(2).await;
        let order = PurposeId::parse("order").unwrap();
        let email = [FieldName::parse("email").unwrap()];
        for id in ids {
            vault.app.read(&local(), id, &order, Some(&email)).await.unwrap();
        }
        let lines = vault.app.usage(&local(), 30).await.unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].field.as_str(), lines[0].purpose.as_str(), lines[0].count),
            ("email", "order", 2)
        );
        vault.clock.advance(std::time::Duration::from_secs(86_400 * 3));
        assert_eq!(vault.app.usage(&local(), 2).await.unwrap(), []);
        assert_eq!(vault.app.usage(&local(), 4).await.unwrap().len(), 1);
    }
}
