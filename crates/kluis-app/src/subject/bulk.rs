//! Putting in many customers in one request: one durable unit, and one by one when some of them clash.

use kluis_model::audit::Operation;
use kluis_model::{Actor, SubjectId};
use kluis_store::{StoreError, Unit};

use super::draft::{Draft, draft, written_fields};
use super::{NewSubject, Written};
use crate::guard::{Ask, Done};
use crate::record::{Prepared, Tools, prepare_create};
use crate::{App, AppError};

/// Customers in one request at most.
pub const BULK_MAX: usize = 1_000;

/// A customer that is ready to be written.
struct Ready {
    id: SubjectId,
    draft: Draft,
    prepared: Prepared,
}

impl Ready {
    fn written(&self) -> Written {
        Written { id: self.id, version: 1, kept: self.draft.names(), dropped: self.draft.dropped.clone() }
    }
}

impl App {
    /// Puts in up to 1,000 customers; the answers come in the order of the input. One that is
    /// refused does not keep the others out.
    ///
    /// # Errors
    /// For the whole: denied, too many, or the database does not answer. For one: as [`App::create`].
    pub async fn bulk_in(
        &self,
        actor: &Actor,
        news: Vec<NewSubject>,
    ) -> Result<Vec<Result<Written, AppError>>, AppError> {
        let mut fields = Vec::new();
        for new in &news {
            fields.extend(written_fields(actor, &new.fields));
        }
        fields.sort_unstable();
        fields.dedup();
        let ask = Ask::new(Operation::Bulk).fields(&fields);
        self.allow(actor, &ask).await?;
        // Lines stream for as long as the sender likes: a revocation in between counts.
        self.check_still_valid(actor).await?;
        self.check_guesses(actor, &ask).await?;
        for new in &news {
            self.allow_also(actor, new).await?;
        }
        if news.len() > BULK_MAX {
            return Err(AppError::invalid(
                "body",
                "Hoogstens 1000 klanten per keer.",
                "At most 1000 customers at once.",
            ));
        }
        let (app, owner) = (self.clone(), actor.clone());
        let ready: Vec<Result<Ready, AppError>> = crate::open::blocking(move || {
            Ok(news.into_iter().map(|new| app.prepare_bulk(&owner, new)).collect())
        })
        .await?;
        let mut unit = Unit::new();
        for one in ready.iter().flatten() {
            self.add_bulk(&mut unit, actor, one);
        }
        match if unit.is_empty() { Ok(()) } else { self.store().commit(unit).await.map(|_| ()) } {
            Ok(()) => {
                let answer = |one: Result<Ready, AppError>| {
                    one.map(|one| {
                        self.index_draft(actor, one.id, &one.draft);
                        one.written()
                    })
                };
                Ok(ready.into_iter().map(answer).collect())
            }
            Err(StoreError::Conflict { .. }) => self.bulk_singly(actor, ready).await,
            Err(error) => Err(error.into()),
        }
    }

    fn prepare_bulk(&self, actor: &Actor, new: NewSubject) -> Result<Ready, AppError> {
        let (keys, register, now) = (self.keys(actor.shop)?, self.register(), self.now());
        let draft = draft(&register, now, new)?;
        let id = SubjectId::generate(now, self.random());
        let tools = Tools { keys: &keys, register: &register, random: self.random(), now };
        let prepared = prepare_create(&tools, id, &draft.facts, draft.minimised.fields(), &draft.consents)?;
        Ok(Ready { id, draft, prepared })
    }

    fn add_bulk(&self, unit: &mut Unit, actor: &Actor, one: &Ready) {
        one.prepared.add_to(unit);
        let names = one.draft.names();
        let ask = Ask::new(Operation::Bulk).about(one.id).fields(&names);
        self.add_ok(unit, actor, &ask, &Done::wrote(1, one.prepared.digest));
    }

    async fn bulk_singly(
        &self,
        actor: &Actor,
        ready: Vec<Result<Ready, AppError>>,
    ) -> Result<Vec<Result<Written, AppError>>, AppError> {
        let mut answers = Vec::with_capacity(ready.len());
        for one in ready {
            let one = match one {
                Ok(one) => one,
                Err(error) => {
                    answers.push(Err(error));
                    continue;
                }
            };
            if let Err(error) = self.check_guesses(actor, &Ask::new(Operation::Bulk)).await {
                answers.push(Err(error));
                continue;
            }
            let mut unit = Unit::new();
            self.add_bulk(&mut unit, actor, &one);
            answers.push(match self.store().commit(unit).await {
                Ok(_) => {
                    self.index_draft(actor, one.id, &one.draft);
                    Ok(one.written())
                }
                Err(StoreError::Conflict { what }) => {
                    Err(self.clash(actor, &Ask::new(Operation::Bulk), &what).await)
                }
                Err(error) => return Err(error.into()),
            });
        }
        Ok(answers)
    }
}
