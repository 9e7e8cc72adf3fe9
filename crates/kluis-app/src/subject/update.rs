//! Changing a customer: new values, removed fields, and events that move retention periods.

use kluis_model::audit::Operation;
use kluis_model::minimise::minimise_in;
use kluis_model::register::Register;
use kluis_model::{Actor, FieldName, Lang, PiiText, StartEvent, SubjectId, TimeMs};
use kluis_store::{StoreError, Unit};

use super::draft::written_fields;
use super::{CHANGE_TRIES, Loaded, Written};
use crate::consent::apply_event;
use crate::guard::{Ask, Done};
use crate::record::change::country_of;
use crate::record::{Change, Edit, Stored, Tools, prepare_change};
use crate::{App, AppError, FieldProblem};

impl App {
    /// Changes values of a customer; `None` removes a field. With an expected version the change
    /// happens only while the row still has it.
    ///
    /// # Errors
    /// Denied, `NotFound`, `Invalid`; `Conflict` naming `version` or the unique field that clashes.
    pub async fn update(
        &self,
        actor: &Actor,
        id: SubjectId,
        changes: Vec<(String, Option<PiiText>)>,
        expected_version: Option<u64>,
    ) -> Result<Written, AppError> {
        let fields = written_fields(actor, &changes);
        let ask = Ask::new(Operation::Update).about(id).fields(&fields);
        self.allow(actor, &ask).await?;
        self.check_guesses(actor, &ask).await?;
        let mut tries = 0;
        loop {
            let Loaded { keys, stored } = self.load(actor, &ask, id).await?;
            if stored.is_erased() {
                return Err(self.failed(actor, &ask, "erased", AppError::NotFound).await);
            }
            if expected_version.is_some_and(|expected| expected != stored.row.version) {
                let stale = AppError::Conflict { what: "version".into() };
                return Err(self.failed(actor, &ask, "stale_version", stale).await);
            }
            let register = self.register();
            let tools = Tools { keys: &keys, register: &register, random: self.random(), now: self.now() };
            let (change, dropped) = match changed(&tools, &stored, &changes) {
                Ok(changed) => changed,
                Err(error) => return Err(self.audited(actor, &ask, error).await),
            };
            let names = touched(&register, &stored, &changes);
            match self.commit_change(actor, &ask.clone().fields(&names), &stored, &change).await {
                Ok(()) => {
                    self.index_changed(actor.shop, id).await;
                    let version = change.row.version;
                    return Ok(Written { id, version, kept: change.fields, dropped });
                }
                Err(StoreError::Conflict { what })
                    if tries < CHANGE_TRIES
                        && (what == "dek" || (what == "version" && expected_version.is_none())) =>
                {
                    tries += 1;
                    self.clear_way(actor, id, &what).await?;
                }
                Err(StoreError::Conflict { what }) => return Err(self.clash(actor, &ask, &what).await),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Records an event from which retention periods count; copies for what became live are
    /// sealed at once. An older event than is known changes nothing.
    ///
    /// # Errors
    /// Denied, `NotFound`, or `Invalid` when the event lies in the future or is not for recording.
    pub async fn event(
        &self,
        actor: &Actor,
        id: SubjectId,
        event: StartEvent,
        at: Option<TimeMs>,
    ) -> Result<Written, AppError> {
        let ask = Ask::new(Operation::Event).about(id);
        self.allow(actor, &ask).await?;
        let mut tries = 0;
        loop {
            let Loaded { keys, stored } = self.load(actor, &ask, id).await?;
            if stored.is_erased() {
                return Err(self.failed(actor, &ask, "erased", AppError::NotFound).await);
            }
            let register = self.register();
            let tools = Tools { keys: &keys, register: &register, random: self.random(), now: self.now() };
            let mut facts = stored.facts.clone();
            apply_event(&mut facts, (event, at), tools.now)
                .map_err(|problem| AppError::Invalid(vec![problem]))?;
            let change = match prepare_change(&tools, &stored, &facts, &Edit::default()) {
                Ok(change) => change,
                Err(error) => return Err(self.audited(actor, &ask, error).await),
            };
            match self.commit_change(actor, &ask, &stored, &change).await {
                Ok(()) => {
                    let version = change.row.version;
                    return Ok(Written { id, version, kept: change.fields, dropped: Vec::new() });
                }
                Err(StoreError::Conflict { what }) if tries < CHANGE_TRIES => {
                    tries += 1;
                    self.clear_way(actor, id, &what).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Commits a change with its leaf and, when a key goes, the work that makes sure of it.
    pub(crate) async fn commit_change(
        &self,
        actor: &Actor,
        ask: &Ask<'_>,
        stored: &Stored,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut unit = Unit::new();
        change.add_to(&mut unit);
        self.enqueue_shred(&mut unit, stored, change.destroyed);
        self.add_ok(&mut unit, actor, ask, &Done::wrote(change.row.version, change.digest));
        self.store().commit(unit).await.map(|_| ())
    }
}

/// The change that new values make: they are normalised and minimised like those of a new customer.
pub(crate) fn changed(
    tools: &Tools<'_>,
    stored: &Stored,
    changes: &[(String, Option<PiiText>)],
) -> Result<(Change, Vec<kluis_model::minimise::Dropped>), AppError> {
    let new = changes.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
    let country = country_of(tools, stored)?;
    let (minimised, report) = minimise_in(tools.register, &stored.facts, new, country, tools.now);
    if !report.problems.is_empty() {
        let problems = report.problems.into_iter().map(|issue| {
            FieldProblem::new(issue.field, issue.problem.text(Lang::Nl), issue.problem.text(Lang::En))
        });
        return Err(AppError::Invalid(problems.collect()));
    }
    let removed = changes.iter().filter(|(_, value)| value.is_none());
    let remove: Vec<_> = removed.filter_map(|(name, _)| FieldName::parse(name).ok()).collect();
    let edit = Edit { set: minimised.fields(), remove: &remove, consents: &[] };
    let change = prepare_change(tools, stored, &stored.facts, &edit)?;
    if change.fields.is_empty() {
        return Err(AppError::invalid(
            "fields",
            "Er blijft niets over; wis de klant om alles te verwijderen.",
            "Nothing would be left; erase the customer to remove everything.",
        ));
    }
    Ok((change, report.dropped))
}

/// The names of changed fields for the leaf: those that the register or the row knows. Any other
/// name is a word of the caller's, and the log takes none.
fn touched(register: &Register, stored: &Stored, changes: &[(String, Option<PiiText>)]) -> Vec<FieldName> {
    let cells = stored.cells().unwrap_or_default();
    let is_known = |name: &str| register.field(name).is_some() || cells.iter().any(|cell| cell.field == name);
    let known = changes.iter().filter(|(name, _)| is_known(name));
    known.filter_map(|(name, _)| FieldName::parse(name).ok()).collect()
}
