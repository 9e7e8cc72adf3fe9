//! What comes in about a new customer, normalised and minimised but not yet sealed.

use kluis_model::minimise::{Dropped, Minimised, minimise};
use kluis_model::register::Register;
use kluis_model::{Actor, FieldName, Lang, PiiText, PurposeGrant, StartEvent, SubjectFacts, TimeMs};

use crate::consent::{ConsentInput, NumberedConsent, apply_event};
use crate::{AppError, FieldProblem};

/// Consent and other events of one new customer at most.
const EVENTS_MAX: usize = 200;

/// A customer as a front end passes them in.
#[derive(Debug, Clone, Default)]
pub struct NewSubject {
    /// Values by field name, as typed.
    pub fields: Vec<(String, PiiText)>,
    /// Consents given or withdrawn.
    pub consents: Vec<ConsentInput>,
    /// What happened and when; absent means now.
    pub events: Vec<(StartEvent, Option<TimeMs>)>,
}

/// A new customer of whom only what has a live purpose is left.
pub(crate) struct Draft {
    pub(crate) facts: SubjectFacts,
    pub(crate) minimised: Minimised,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) consents: Vec<NumberedConsent>,
}

impl Draft {
    /// The fields that stay.
    pub(crate) fn names(&self) -> Vec<FieldName> {
        self.minimised.fields().iter().map(|field| field.name.clone()).collect()
    }
}

/// Normalises and minimises a new customer.
///
/// # Errors
/// `Invalid` with every value that is wrong, or when nothing would be left.
pub(crate) fn draft(register: &Register, now: TimeMs, new: NewSubject) -> Result<Draft, AppError> {
    let mut problems = Vec::new();
    if new.consents.len() + new.events.len() > EVENTS_MAX {
        return Err(AppError::invalid("events", "Te veel gebeurtenissen.", "Too many events."));
    }
    let mut facts = SubjectFacts::new(now);
    for event in new.events {
        problems.extend(apply_event(&mut facts, event, now).err());
    }
    let mut consents = Vec::with_capacity(new.consents.len());
    for input in new.consents {
        match input.check(register, now) {
            Ok(event) => {
                let number = facts.apply_consent(&event);
                consents.push(NumberedConsent { event, number });
            }
            Err(problem) => problems.push(problem),
        }
    }
    let (minimised, report) = minimise(register, &facts, new.fields, now);
    problems.extend(report.problems.into_iter().map(|issue| {
        FieldProblem::new(issue.field, issue.problem.text(Lang::Nl), issue.problem.text(Lang::En))
    }));
    if problems.is_empty() && minimised.fields().is_empty() {
        problems.push(FieldProblem::new(
            "fields",
            "Er blijft niets over om te bewaren: geen veld heeft een geldend doel.",
            "Nothing is left to keep: no field has a live purpose.",
        ));
        problems.extend(report.dropped.iter().map(|dropped| {
            FieldProblem::new(
                dropped.field.clone(),
                dropped.reason.text(Lang::Nl),
                dropped.reason.text(Lang::En),
            )
        }));
    }
    if problems.is_empty() {
        Ok(Draft { facts, minimised, dropped: report.dropped, consents })
    } else {
        Err(AppError::Invalid(problems))
    }
}

/// The fields that a grant has to include for these values; what is no field name is dropped later.
pub(crate) fn written_fields<T>(actor: &Actor, fields: &[(String, T)]) -> Vec<FieldName> {
    if actor.grant.fields.is_none() && actor.grant.purposes == PurposeGrant::All {
        return Vec::new();
    }
    fields.iter().filter_map(|(name, _)| FieldName::parse(name).ok()).collect()
}
