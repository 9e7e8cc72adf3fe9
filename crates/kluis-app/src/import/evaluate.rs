//! One record of an import against who is there: a new customer, a change, nothing new, or refused.

use kluis_connect::{ImportItem, RawConsent};
use kluis_crypto::ShopKeys;
use kluis_model::minimise::{Dropped, KeptField, MinimiseReport, minimise, minimise_in};
use kluis_model::normalise::{ValueProblem, match_key};
use kluis_model::register::Register;
use kluis_model::{
    ConsentEvent, Country2, FieldKind, FieldName, IndexUse, PiiText, PurposeId, StartEvent, SubjectFacts,
    SubjectId, TimeMs,
};

use super::report::Refusal;
use crate::AppError;
use crate::consent::{NumberedConsent, apply_event};
use crate::record::change::country_of;
use crate::record::{Change, Edit, Prepared, Stored, Tools, prepare_change, prepare_create};

/// A unique index term: kind, version, hash.
pub(crate) type UniqueTerm = (FieldKind, u8, [u8; 16]);

/// The text version of consents from a file.
const TEXT_VERSION: &str = "import";

/// A record with the terms by which its customer is found.
pub(crate) struct Record {
    pub(crate) item: ImportItem,
    /// Customer number first, then e-mail address; every live index version.
    pub(crate) terms: Vec<UniqueTerm>,
}

/// What is to be done about a record.
pub(crate) enum Verdict {
    Create(Box<Prepared>),
    Update(Box<Change>),
    /// A create whose rows are in a unit.
    Created,
    /// An update whose rows are in a unit.
    Updated,
    Unchanged,
    Refused(Refusal),
}

/// A verdict with what was left out.
pub(crate) struct Evaluated {
    pub(crate) verdict: Verdict,
    pub(crate) fields: Vec<FieldName>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) invalid: Vec<(String, &'static str)>,
}

/// Finds out by which terms a record's customer is found; without a customer number and e-mail
/// address a second run could not find them back, so the record is refused.
pub(crate) fn record_of(keys: &ShopKeys, register: &Register, item: ImportItem) -> Result<Record, Refusal> {
    let mut terms = Vec::with_capacity(2);
    let country = register.default_country();
    for kind in [FieldKind::CustomerNumber, FieldKind::EmailAddress] {
        for (name, value) in &item.fields {
            let Some(def) = register.field(name).filter(|def| def.kind == kind) else { continue };
            match unique_terms(keys, kind, value, country, &mut terms) {
                Ok(()) | Err(ValueProblem::Empty) => {}
                Err(problem) => {
                    let field = Some(def.name.to_string());
                    return Err(Refusal { line: item.line, field, reason: problem.id() });
                }
            }
        }
    }
    if terms.is_empty() {
        return Err(Refusal { line: item.line, field: None, reason: "no_identity" });
    }
    Ok(Record { item, terms })
}

fn unique_terms(
    keys: &ShopKeys,
    kind: FieldKind,
    value: &PiiText,
    country: Country2,
    terms: &mut Vec<UniqueTerm>,
) -> Result<(), ValueProblem> {
    debug_assert_eq!(kind.index_use(), IndexUse::Unique);
    let key = match_key(kind, value.expose(), country)?;
    for version in keys.index_versions() {
        if let Ok(hash) = keys.unique_term(kind, *version, key.expose()) {
            terms.push((kind, *version, hash));
        }
    }
    Ok(())
}

/// Decides about a record; `stored` is the customer it belongs to, if there is one.
pub(crate) fn evaluate(
    tools: &Tools<'_>,
    record: &Record,
    stored: Option<&Stored>,
) -> Result<Evaluated, AppError> {
    match stored {
        Some(stored) => evaluate_known(tools, record, stored),
        None => evaluate_new(tools, record),
    }
}

fn evaluate_new(tools: &Tools<'_>, record: &Record) -> Result<Evaluated, AppError> {
    let mut facts = SubjectFacts::new(tools.now);
    let consents = merge(&mut facts, record, tools.register, tools.now);
    let (minimised, report) = minimise(tools.register, &facts, record.item.fields.clone(), tools.now);
    let kept = minimised.fields();
    let verdict = if kept.is_empty() {
        Verdict::Refused(Refusal { line: record.item.line, field: None, reason: "nothing_to_keep" })
    } else {
        let id = SubjectId::generate(tools.now, tools.random);
        Verdict::Create(Box::new(prepare_create(tools, id, &facts, kept, &consents)?))
    };
    Ok(evaluated(verdict, report))
}

fn evaluate_known(tools: &Tools<'_>, record: &Record, stored: &Stored) -> Result<Evaluated, AppError> {
    let mut facts = stored.facts.clone();
    let consents = merge(&mut facts, record, tools.register, tools.now);
    let country = country_of(tools, stored)?;
    let fields = record.item.fields.clone();
    let (minimised, report) = minimise_in(tools.register, &facts, fields, country, tools.now);
    let mut set: Vec<KeptField> = Vec::new();
    for field in minimised.into_fields() {
        let known = stored.open_any(tools.keys, &field.name)?;
        if known.is_none_or(|known| known != field.value) {
            set.push(field);
        }
    }
    let verdict = if set.is_empty() && consents.is_empty() && facts == stored.facts {
        Verdict::Unchanged
    } else {
        let edit = Edit { set: &set, remove: &[], consents: &consents };
        Verdict::Update(Box::new(prepare_change(tools, stored, &facts, &edit)?))
    };
    let mut done = evaluated(verdict, report);
    done.fields = set.into_iter().map(|field| field.name).collect();
    Ok(done)
}

fn evaluated(verdict: Verdict, report: MinimiseReport) -> Evaluated {
    let invalid = report.problems.into_iter().map(|issue| (issue.field, issue.problem.id()));
    Evaluated { verdict, fields: report.kept, dropped: report.dropped, invalid: invalid.collect() }
}

/// Brings the events and consents of a record into facts, each only when it says something new.
fn merge(
    facts: &mut SubjectFacts,
    record: &Record,
    register: &Register,
    now: TimeMs,
) -> Vec<NumberedConsent> {
    for (event, at) in &record.item.events {
        if matches!(event, StartEvent::Created | StartEvent::ConsentWithdrawn) {
            continue;
        }
        // An event in the future is left out; what started it will be in a later file.
        let _ = apply_event(facts, (*event, Some(*at)), now);
    }
    let mut consents = Vec::new();
    for raw in &record.item.consents {
        if let Some(event) = new_consent(facts, raw, register, now) {
            let number = facts.apply_consent(&event);
            consents.push(NumberedConsent { event, number });
        }
    }
    consents
}

/// A consent of a file as an event, when it says something new. A yes without a date never
/// outranks what is known; a no without a date withdraws what was given.
fn new_consent(
    facts: &SubjectFacts,
    raw: &RawConsent,
    register: &Register,
    now: TimeMs,
) -> Option<ConsentEvent> {
    let purpose = PurposeId::parse(&raw.purpose).ok()?;
    let state = facts.consents.get(&purpose);
    let is_new = match (state, raw.at) {
        (None, None) => raw.given || !needs_consent(register, &purpose),
        (None, Some(_)) => true,
        (Some(state), None) => !raw.given && state.given,
        (Some(state), Some(at)) => at > state.at,
    };
    let event = ConsentEvent {
        purpose,
        given: raw.given,
        at: raw.at.unwrap_or(now),
        source: raw.source.clone(),
        text_version: TEXT_VERSION.to_owned(),
        proof: PiiText::default(),
    };
    (is_new && event.check(register, now).is_ok()).then_some(event)
}

/// Whether a purpose waits for a yes; without one a no says nothing new.
fn needs_consent(register: &Register, purpose: &PurposeId) -> bool {
    register.purpose(purpose).is_none_or(|purpose| purpose.basis == kluis_model::LegalBasis::Consent)
}
