//! Reading one customer for a purpose.

use kluis_model::audit::Operation;
use kluis_model::{Actor, FieldName, PurposeId, SubjectId};
use kluis_store::Unit;

use super::Loaded;
use crate::guard::Ask;
use crate::record::{Gate, Refused, Revealed};
use crate::{App, AppError};

impl App {
    /// The fields of one customer that the actor may see for the purpose; `fields` narrows them,
    /// and a field asked for that may not be seen refuses the whole.
    ///
    /// # Errors
    /// Denied with the reason, `NotFound`, `Exhausted` when the budget is used up, `Integrity`.
    pub async fn read(
        &self,
        actor: &Actor,
        id: SubjectId,
        purpose: &PurposeId,
        fields: Option<&[FieldName]>,
    ) -> Result<Revealed, AppError> {
        self.read_as(actor, Ask::new(Operation::Read).about(id).purpose(purpose), fields).await
    }

    /// Reading under the name of an operation; the ask names customer and purpose.
    pub(crate) async fn read_as(
        &self,
        actor: &Actor,
        ask: Ask<'_>,
        fields: Option<&[FieldName]>,
    ) -> Result<Revealed, AppError> {
        let ask = ask.fields(fields.unwrap_or_default());
        self.allow(actor, &ask).await?;
        let (Some(id), Some(purpose)) = (ask.subject, ask.purpose) else {
            return Err(AppError::internal("a read names a customer and a purpose"));
        };
        let register = self.register();
        let gate = Gate { actor, register: &register, purpose, fields, now: self.now() };
        if let Err(reason) = gate.check() {
            return Err(self.deny(actor, &ask, reason).await);
        }
        let Loaded { keys, stored } = self.load(actor, &ask, id).await?;
        let shown = match gate.reveal(&keys, &stored) {
            Ok(shown) => shown,
            Err(Refused::Denied(reason)) => return Err(self.deny(actor, &ask, reason).await),
            Err(Refused::Broken(error)) => return Err(self.audited(actor, &ask, error).await),
        };
        let mut unit = Unit::new();
        self.add_shown(&mut unit, actor, &ask, &shown);
        self.add_charge(&mut unit, actor, vec![id]);
        self.commit_charged(actor, &ask, unit).await?;
        Ok(shown)
    }

    /// Shows several customers at once: those that may not be seen for the purpose are left out
    /// and the refusal is on the record; everything is one unit.
    pub(crate) async fn show_all(
        &self,
        gate: &Gate<'_>,
        ask: &Ask<'_>,
        found: Vec<Loaded>,
    ) -> Result<Vec<Revealed>, AppError> {
        let (mut unit, mut all) = (Unit::new(), Vec::with_capacity(found.len()));
        for Loaded { keys, stored } in &found {
            match gate.reveal(keys, stored) {
                Ok(shown) => {
                    self.add_shown(&mut unit, gate.actor, ask, &shown);
                    all.push(shown);
                }
                Err(Refused::Denied(reason)) => {
                    let ask = ask.clone().about(stored.id());
                    self.add_denied(&mut unit, gate.actor, &ask, reason);
                }
                Err(Refused::Broken(error)) => {
                    let ask = ask.clone().about(stored.id());
                    return Err(self.audited(gate.actor, &ask, error).await);
                }
            }
        }
        if found.is_empty() {
            let done = crate::guard::Done::default();
            self.add_ok(&mut unit, gate.actor, ask, &done);
        }
        self.add_charge(&mut unit, gate.actor, all.iter().map(|shown| shown.id).collect());
        self.commit_charged(gate.actor, ask, unit).await?;
        Ok(all)
    }
}
