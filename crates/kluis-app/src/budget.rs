//! The budget of a credential, charged in the same unit as what it pays for.

use std::collections::HashMap;

use kluis_model::{Actor, CredentialId, Outcome, SubjectId, TimeMs};
use kluis_store::{Charge, StoreError, Unit};
use parking_lot::Mutex;

use crate::guard::{Ask, Done};
use crate::{App, AppError, Denial};

/// Credentials remembered at most; above that those whose time is over are forgotten.
const REMEMBERED_MAX: usize = 4_096;

/// Credentials that used up their budget by values that somebody else has already, and until when
/// they write nothing more: "taken" against "put in" is an answer too.
#[derive(Default)]
pub(crate) struct Guessers(Mutex<HashMap<CredentialId, TimeMs>>);

impl Guessers {
    fn add(&self, credential: CredentialId, now: TimeMs, until: TimeMs) {
        let mut all = self.0.lock();
        if all.len() >= REMEMBERED_MAX {
            all.retain(|_, until| now < *until);
        }
        all.insert(credential, until);
    }

    /// Seconds that a credential still waits.
    fn wait_s(&self, credential: CredentialId, now: TimeMs) -> Option<u32> {
        let until = self.0.lock().get(&credential).copied().filter(|until| now < *until)?;
        Some(u32::try_from(until.since(now).as_secs()).unwrap_or(u32::MAX).max(1))
    }
}

impl App {
    /// A value that is taken: on the record, and charged like the look-up that it is. The answer
    /// names the field only.
    pub(crate) async fn clash(&self, actor: &Actor, ask: &Ask<'_>, what: &str) -> AppError {
        let mut unit = Unit::new();
        let done = Done { reason: Some("conflict"), ..Done::default() };
        self.add_leaf(&mut unit, actor, ask, Outcome::Failed, &done);
        self.add_charge(&mut unit, actor, Vec::new());
        match self.commit_charged(actor, ask, unit).await {
            Ok(()) => AppError::Conflict { what: what.to_owned() },
            Err(error) => {
                if let (AppError::Exhausted { retry_after_s }, Some(credential)) = (&error, actor.credential)
                {
                    let wait = std::time::Duration::from_secs(u64::from(*retry_after_s));
                    self.inner.guessers.add(credential, self.now(), self.now().plus(wait));
                }
                error
            }
        }
    }

    /// Refuses a write of a credential whose budget was used up by guessing which values are taken.
    pub(crate) async fn check_guesses(&self, actor: &Actor, ask: &Ask<'_>) -> Result<(), AppError> {
        let credential = actor.credential.filter(|_| !actor.grant.budget.is_unlimited());
        let wait = credential.and_then(|credential| self.inner.guessers.wait_s(credential, self.now()));
        let Some(retry_after_s) = wait else { return Ok(()) };
        match self.deny(actor, ask, Denial::BudgetExhausted).await {
            AppError::Denied { .. } => Err(AppError::Exhausted { retry_after_s }),
            error => Err(error),
        }
    }

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
