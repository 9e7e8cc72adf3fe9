//! The budget of a credential, charged in the same unit as what it pays for.

use kluis_model::{Actor, SubjectId};
use kluis_store::{Charge, StoreError, Unit};

use crate::guard::{Ask, Done};
use crate::{App, AppError, Denial};

impl App {
    /// Adds the charge for showing these customers; a question without an answer costs one row
    /// too, or guessing would be free.
    pub(crate) fn add_charge(&self, unit: &mut Unit, actor: &Actor, subjects: Vec<SubjectId>) {
        let budget = actor.grant.budget;
        let Some(credential) = actor.credential.filter(|_| !budget.is_unlimited()) else { return };
        let rows = u32::try_from(subjects.len()).unwrap_or(u32::MAX).max(1);
        unit.charge(Charge {
            credential,
            now: self.now(),
            rows,
            rows_max: budget.rows_per_hour,
            subjects,
            subjects_max: budget.subjects_per_day,
        });
    }

    /// Waits until a unit is durable; an exhausted budget is audited as a refusal.
    pub(crate) async fn commit_charged(
        &self,
        actor: &Actor,
        ask: &Ask<'_>,
        unit: Unit,
    ) -> Result<(), AppError> {
        match self.store().commit(unit).await {
            Ok(_) => Ok(()),
            Err(StoreError::Budget { retry_after_s }) => {
                let error = self.deny(actor, ask, Denial::BudgetExhausted).await;
                Err(if matches!(error, AppError::Denied { .. }) {
                    AppError::Exhausted { retry_after_s }
                } else {
                    error
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Audits an operation that did not succeed for a reason from a fixed vocabulary, and returns
    /// its error, or why the leaf could not be written.
    pub(crate) async fn failed(
        &self,
        actor: &Actor,
        ask: &Ask<'_>,
        reason: &'static str,
        error: AppError,
    ) -> AppError {
        let done = Done { reason: Some(reason), ..Done::default() };
        match self.write_leaf(actor, ask, kluis_model::Outcome::Failed, &done).await {
            Ok(()) => error,
            Err(worse) => worse,
        }
    }
}
