//! Putting in a new customer.

use kluis_model::audit::Operation;
use kluis_model::{Actor, PurposeId, SubjectId};
use kluis_store::{StoreError, Unit};

use super::draft::{Draft, draft, written_fields};
use super::{NewSubject, Written};
use crate::guard::{Ask, Done};
use crate::idempotency::{IdempotencyKey, KEY_TAKEN};
use crate::record::{Tools, prepare_create};
use crate::{App, AppError};

impl App {
    /// Puts in a new customer: keeps what has a live purpose, seals it, and says what was dropped.
    ///
    /// # Errors
    /// Denied; `Invalid` with every wrong value; `Conflict` naming the field when somebody else
    /// has the same unique value.
    pub async fn create(&self, actor: &Actor, new: NewSubject) -> Result<Written, AppError> {
        self.create_once(actor, new, None).await
    }

    /// As [`App::create`]; under an idempotency key the answer is stored in the same unit and
    /// given again to the same request, see [`App::idempotent_find`].
    ///
    /// # Errors
    /// As [`App::create`]; `Invalid` when the key was used for another request.
    pub async fn create_once(
        &self,
        actor: &Actor,
        new: NewSubject,
        key: Option<&IdempotencyKey>,
    ) -> Result<Written, AppError> {
        let fields = written_fields(actor, &new.fields);
        let ask = Ask::new(Operation::Create).fields(&fields);
        self.allow(actor, &ask).await?;
        self.allow_also(actor, &new).await?;
        self.check_guesses(actor, &ask).await?;
        if let Some(key) = key
            && let Some(written) = self.written_before(actor, key).await?
        {
            return Ok(written);
        }
        let (keys, register, now) = (self.keys(actor.shop)?, self.register(), self.now());
        let draft = draft(&register, now, new)?;
        let id = SubjectId::generate(now, self.random());
        let tools = Tools { keys: &keys, register: &register, random: self.random(), now };
        let prepared = prepare_create(&tools, id, &draft.facts, draft.minimised.fields(), &draft.consents)?;
        let names = draft.names();
        let ask = ask.about(id).fields(&names);
        let mut unit = Unit::new();
        prepared.add_to(&mut unit);
        self.add_ok(&mut unit, actor, &ask, &Done::wrote(1, prepared.digest));
        let written = Written { id, version: 1, kept: names.clone(), dropped: draft.dropped.clone() };
        if let Some(key) = key {
            self.add_answer(&mut unit, actor, key, &written)?;
        }
        match self.store().commit(unit).await {
            Ok(_) => {
                self.index_draft(actor, id, &draft);
                Ok(written)
            }
            Err(StoreError::Conflict { what }) => self.clashed(actor, key, &what).await,
            Err(error) => Err(error.into()),
        }
    }

    /// A conflict tells that a value is known here, so it is on the record; a conflict of the
    /// idempotency key means that the same request won the race.
    async fn clashed(
        &self,
        actor: &Actor,
        key: Option<&IdempotencyKey>,
        what: &str,
    ) -> Result<Written, AppError> {
        if let Some(key) = key.filter(|_| what == KEY_TAKEN)
            && let Some(written) = self.written_before(actor, key).await?
        {
            return Ok(written);
        }
        Err(self.clash(actor, &Ask::new(Operation::Create), what).await)
    }

    /// What a new customer asks of the grant besides the operation itself.
    pub(crate) async fn allow_also(&self, actor: &Actor, new: &NewSubject) -> Result<(), AppError> {
        for consent in &new.consents {
            let mut ask = Ask::new(Operation::Consent);
            let purpose = PurposeId::parse(&consent.purpose).ok();
            ask.purpose = purpose.as_ref();
            self.allow(actor, &ask).await?;
        }
        if !new.events.is_empty() {
            self.allow(actor, &Ask::new(Operation::Event)).await?;
        }
        Ok(())
    }

    /// Puts the names of a new customer into the index in memory.
    pub(crate) fn index_draft(&self, actor: &Actor, id: SubjectId, draft: &Draft) {
        let names = draft.minimised.fields().iter().map(|field| (field.kind, &field.value));
        self.inner.search.put(actor.shop, id, self.now(), names);
    }
}
