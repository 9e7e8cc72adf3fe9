//! What may stay of what came in, and what may be read for a purpose: the register applied to one subject.

use crate::facts::SubjectFacts;
use crate::fields::{Country2, FieldKind, FieldName, Lang};
use crate::normalise::{ValueProblem, normalise};
use crate::pii::PiiText;
use crate::purposes::{ClassSet, Liveness, PurposeId, RetentionClass};
use crate::register::{FIELDS_MAX, Register};
use crate::time::TimeMs;
use crate::wire::words;

/// The values of one subject that a live purpose needs, normalised. Only [`minimise`] makes one: it is the only thing
/// the store's writers accept, so nothing can be stored without a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimised {
    fields: Vec<KeptField>,
}

impl Minimised {
    /// Returns what stays, in the order of the register.
    #[must_use]
    pub fn fields(&self) -> &[KeptField] {
        &self.fields
    }

    /// Gives what stays out of hand.
    #[must_use]
    pub fn into_fields(self) -> Vec<KeptField> {
        self.fields
    }

    /// Returns the classes in which something stays.
    #[must_use]
    pub fn classes(&self) -> ClassSet {
        self.fields.iter().fold(ClassSet::EMPTY, |classes, field| classes.union(field.classes))
    }
}

/// A value that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptField {
    /// The field.
    pub name: FieldName,
    /// Its kind.
    pub kind: FieldKind,
    /// The canonical value.
    pub value: PiiText,
    /// What is indexed; present for every kind with an index.
    pub match_key: Option<PiiText>,
    /// The classes of the live purposes that need it: one sealed copy for each.
    pub classes: ClassSet,
}

/// What [`minimise`] did. No values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MinimiseReport {
    /// The fields that stay, in the order of the register.
    pub kept: Vec<FieldName>,
    /// What was dropped and why, in the order it came in.
    pub dropped: Vec<Dropped>,
    /// What a purpose needs but is not acceptable as it is; the caller decides whether the rest goes on without it.
    pub problems: Vec<ValueIssue>,
}

/// A field that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The field as it was called, at most 64 bytes.
    pub field: String,
    /// Why.
    pub reason: DropReason,
}

/// A field whose value is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueIssue {
    /// The field as it was called, at most 64 bytes.
    pub field: String,
    /// What is wrong with it.
    pub problem: ValueProblem,
}

/// Why a value does not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The register has no such field.
    UnknownField,
    /// No purpose includes the field.
    NoPurpose,
    /// No purpose that includes the field is live for this subject.
    PurposeNotLive,
    /// There was nothing in it.
    Empty,
}
words!(
    DropReason,
    "reason (unknown_field, no_purpose, purpose_not_live, empty)",
    4,
    [
        (DropReason::UnknownField, "unknown_field"),
        (DropReason::NoPurpose, "no_purpose"),
        (DropReason::PurposeNotLive, "purpose_not_live"),
        (DropReason::Empty, "empty"),
    ]
);

impl DropReason {
    /// Says why, and what to do about it.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::UnknownField => lang.pick(
                "Dit gegeven staat niet in het doelregister.",
                "This field is not in the purpose register.",
            ),
            Self::NoPurpose => lang.pick(
                "Geen enkel doel gebruikt dit gegeven; daarom wordt het niet bewaard.",
                "No purpose uses this field; so it is not stored.",
            ),
            Self::PurposeNotLive => lang.pick(
                "Voor deze klant geldt nu geen doel dat dit gegeven gebruikt (geen toestemming, nog niet begonnen of afgelopen).",
                "No purpose that uses this field is live for this customer (no consent, not started, or ended).",
            ),
            Self::Empty => lang.pick("Er stond niets in.", "There was nothing in it."),
        }
    }
}

/// Normalises what came in and keeps what a live purpose needs; says what became of everything else.
///
/// Phone numbers and postcodes are read by the rules of the record's own country, else of the register's default.
/// A value that does not stay is not looked at further; of a field that comes twice the second is a problem.
#[must_use]
pub fn minimise(
    register: &Register,
    facts: &SubjectFacts,
    raw: Vec<(String, PiiText)>,
    now: TimeMs,
) -> (Minimised, MinimiseReport) {
    minimise_in(register, facts, raw, register.default_country(), now)
}

/// Does the same as [`minimise`] for a record whose country is known from elsewhere, as when one field is changed.
#[must_use]
pub fn minimise_in(
    register: &Register,
    facts: &SubjectFacts,
    raw: Vec<(String, PiiText)>,
    country: Country2,
    now: TimeMs,
) -> (Minimised, MinimiseReport) {
    let country = own_country(register, &raw).unwrap_or(country);
    let live = register.live_classes(facts, now);
    let mut kept: Vec<(usize, KeptField)> = Vec::with_capacity(raw.len().min(FIELDS_MAX));
    let mut report = MinimiseReport::default();
    let mut seen = [false; FIELDS_MAX];
    for (name, value) in raw {
        let Some(place) = register.place(&name) else {
            report.drop(&name, DropReason::UnknownField);
            continue;
        };
        if std::mem::replace(&mut seen[place], true) {
            report.problem(&name, ValueProblem::Duplicate);
            continue;
        }
        let classes = live[place];
        if classes.is_empty() {
            let reason =
                if register.is_used(place) { DropReason::PurposeNotLive } else { DropReason::NoPurpose };
            report.drop(&name, reason);
            continue;
        }
        let def = register.def(place);
        match normalise(def.kind, value.expose(), country) {
            Ok(normal) => kept.push((
                place,
                KeptField {
                    name: def.name.clone(),
                    kind: def.kind,
                    value: normal.value,
                    match_key: normal.match_key,
                    classes,
                },
            )),
            Err(ValueProblem::Empty) => report.drop(&name, DropReason::Empty),
            Err(problem) => report.problem(&name, problem),
        }
    }
    kept.sort_unstable_by_key(|(place, _)| *place);
    let fields: Vec<KeptField> = kept.into_iter().map(|(_, field)| field).collect();
    report.kept = fields.iter().map(|field| field.name.clone()).collect();
    (Minimised { fields }, report)
}

impl MinimiseReport {
    fn drop(&mut self, field: &str, reason: DropReason) {
        self.dropped.push(Dropped { field: shown(field), reason });
    }

    fn problem(&mut self, field: &str, problem: ValueProblem) {
        self.problems.push(ValueIssue { field: shown(field), problem });
    }
}

/// A field's name as it is reported: names come from outside, so they are cut and lose control characters.
fn shown(field: &str) -> String {
    let cut = &field[..field.floor_char_boundary(crate::fields::NAME_BYTES_MAX)];
    if cut.contains(char::is_control) { cut.replace(char::is_control, " ") } else { cut.to_owned() }
}

/// The country that the record itself names.
fn own_country(register: &Register, raw: &[(String, PiiText)]) -> Option<Country2> {
    let is_country = |name: &str| register.field(name).is_some_and(|def| def.kind == FieldKind::Country);
    let (_, value) = raw.iter().find(|(name, _)| is_country(name))?;
    crate::normalise::country_of(value.expose())
}

/// Why a field may not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum ReadRefusal {
    /// The register has no such purpose.
    #[error("unknown purpose")]
    UnknownPurpose,
    /// The purpose does not include the field.
    #[error("the purpose does not include the field")]
    FieldNotInPurpose,
    /// The purpose has not started for this subject, or has ended.
    #[error("the purpose is not live for this subject")]
    NotLive,
    /// The subject gave no consent, or withdrew it.
    #[error("no consent")]
    NoConsent,
}

impl ReadRefusal {
    /// Returns the written word, stable over versions.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::UnknownPurpose => "unknown_purpose",
            Self::FieldNotInPurpose => "field_not_in_purpose",
            Self::NotLive => "purpose_not_live",
            Self::NoConsent => "no_consent",
        }
    }

    /// Says why.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::UnknownPurpose => {
                lang.pick("Dit doel staat niet in het doelregister.", "This purpose is not in the register.")
            }
            Self::FieldNotInPurpose => {
                lang.pick("Dit doel gebruikt dit gegeven niet.", "This purpose does not include this field.")
            }
            Self::NotLive => lang.pick(
                "Dit doel geldt voor deze klant niet: nog niet begonnen of afgelopen.",
                "This purpose is not live for this customer: not started, or ended.",
            ),
            Self::NoConsent => lang.pick(
                "De klant heeft hiervoor geen toestemming gegeven of heeft die ingetrokken.",
                "The customer has not consented to this, or has withdrawn consent.",
            ),
        }
    }
}

/// Tells whether a field of a subject may be read for a purpose, and from the copy of which class.
///
/// # Errors
/// Why it may not.
pub fn may_read(
    register: &Register,
    purpose: &PurposeId,
    field: &FieldName,
    facts: &SubjectFacts,
    now: TimeMs,
) -> Result<RetentionClass, ReadRefusal> {
    let purpose = register.purpose(purpose).ok_or(ReadRefusal::UnknownPurpose)?;
    if !purpose.includes(field) {
        return Err(ReadRefusal::FieldNotInPurpose);
    }
    match purpose.live(facts, now) {
        Liveness::Live { .. } => Ok(purpose.class),
        Liveness::NoConsent => Err(ReadRefusal::NoConsent),
        Liveness::NotStarted | Liveness::Ended { .. } => Err(ReadRefusal::NotLive),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::ConsentState;
    use crate::purposes::StartEvent;
    use crate::register::DEFAULT_REGISTER;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);

    fn register() -> Register {
        Register::parse(DEFAULT_REGISTER).unwrap()
    }

    fn raw(fields: &[(&str, &str)]) -> Vec<(String, PiiText)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), PiiText::from(*value))).collect()
    }

    fn id(text: &str) -> PurposeId {
        PurposeId::parse(text).unwrap()
    }

    fn name(text: &str) -> FieldName {
        FieldName::parse(text).unwrap()
    }

    #[test]
    fn keeps_what_a_purpose_needs_and_says_what_not() {
        let (minimised, report) = minimise(
            &register(),
            &SubjectFacts::new(NOW),
            raw(&[
                ("surname", "Vries"),
                ("shoe_size", "42"),
                ("birth_date", "not even a date"),
                ("email", " Noor@Example.nl "),
                ("note", "  "),
                ("city", "-"),
                ("phone", "06"),
                ("email", "other@example.nl"),
                ("a\nb", "1"),
            ]),
            NOW,
        );
        assert_eq!(report.kept, [name("email"), name("surname")], "in the order of the register");
        let dropped = |field: &str, reason| Dropped { field: field.to_owned(), reason };
        assert_eq!(
            report.dropped,
            [
                dropped("shoe_size", DropReason::UnknownField),
                dropped("birth_date", DropReason::NoPurpose),
                dropped("note", DropReason::Empty),
                dropped("city", DropReason::Empty),
                dropped("a b", DropReason::UnknownField),
            ]
        );
        let problem = |field: &str, problem| ValueIssue { field: field.to_owned(), problem };
        assert_eq!(
            report.problems,
            [problem("phone", ValueProblem::Malformed), problem("email", ValueProblem::Duplicate),]
        );
        let email = &minimised.fields()[0];
        assert_eq!((email.value.expose().as_str(), email.kind), ("noor@example.nl", FieldKind::EmailAddress));
        assert_eq!(email.match_key.as_ref().unwrap().expose(), "noor@example.nl");
        assert_eq!(minimised.classes(), ClassSet::EMPTY.with(RetentionClass::Profile));
        assert!(!format!("{minimised:?}{report:?}").contains("oor@"));
    }

    #[test]
    fn reads_by_the_rules_of_the_own_country() {
        let check = |fields: &[(&str, &str)], expected: &[&str]| {
            let (minimised, report) = minimise(&register(), &SubjectFacts::new(NOW), raw(fields), NOW);
            let values: Vec<_> =
                minimised.fields().iter().map(|field| field.value.expose().as_str()).collect();
            assert_eq!(values, expected, "{report:?}");
        };
        check(
            &[("phone", "0470 12 34 56"), ("postcode", "2000"), ("country", "België")],
            &["+32470123456", "2000", "BE"],
        );
        check(&[("phone", "06 12345678"), ("postcode", "1234ab")], &["+31612345678", "1234AB"]);
        check(&[("postcode", "2000")], &[]);
        check(&[("postcode", "2000"), ("country", "Atlantis")], &[]);
        let country = Country2::BE;
        let (minimised, _) =
            minimise_in(&register(), &SubjectFacts::new(NOW), raw(&[("postcode", "2000")]), country, NOW);
        assert_eq!(minimised.fields()[0].value.expose(), "2000");
    }

    #[test]
    fn what_ended_does_not_stay() {
        let facts = SubjectFacts::new(TimeMs(0));
        let (minimised, report) = minimise(&register(), &facts, raw(&[("email", "a@example.nl")]), NOW);
        assert!(minimised.fields().is_empty() && minimised.classes().is_empty());
        assert_eq!(report.dropped[0].reason, DropReason::PurposeNotLive);
    }

    #[test]
    fn reading_needs_a_live_purpose_that_includes_the_field() {
        let register = register();
        let mut facts = SubjectFacts::new(NOW);
        let check = |facts: &SubjectFacts, purpose: &str, field: &str, expected| {
            assert_eq!(
                may_read(&register, &id(purpose), &name(field), facts, NOW),
                expected,
                "{purpose} {field}"
            );
        };
        check(&facts, "order", "email", Ok(RetentionClass::Profile));
        check(&facts, "order", "note", Err(ReadRefusal::FieldNotInPurpose));
        check(&facts, "marketing", "email", Err(ReadRefusal::UnknownPurpose));
        check(&facts, "newsletter", "email", Err(ReadRefusal::NoConsent));
        check(&facts, "newsletter", "phone", Err(ReadRefusal::FieldNotInPurpose));
        check(&facts, "invoice", "surname", Err(ReadRefusal::NotLive));
        check(&facts, "similar_products", "email", Err(ReadRefusal::NotLive));
        check(&SubjectFacts::new(TimeMs(0)), "order", "email", Err(ReadRefusal::NotLive));
        facts.apply_event(StartEvent::InvoiceYearEnd, NOW);
        check(&facts, "invoice", "surname", Ok(RetentionClass::Tax));
        check(&facts, "invoice", "email", Err(ReadRefusal::FieldNotInPurpose));
        facts.consents.insert(id("newsletter"), ConsentState { given: true, at: NOW, number: 1 });
        check(&facts, "newsletter", "email", Ok(RetentionClass::Marketing));
        for refusal in [
            ReadRefusal::UnknownPurpose,
            ReadRefusal::FieldNotInPurpose,
            ReadRefusal::NotLive,
            ReadRefusal::NoConsent,
        ] {
            assert_ne!(refusal.text(Lang::Nl), refusal.text(Lang::En));
            assert!(!refusal.id().is_empty());
        }
        for reason in DropReason::ALL {
            assert_ne!(reason.text(Lang::Nl), reason.text(Lang::En));
        }
    }

    fn facts() -> impl Strategy<Value = SubjectFacts> {
        let times = || -100..100_i64;
        let events = proptest::collection::vec((1..6_u8, times()), 0..6);
        let consents = proptest::collection::vec((0..9_usize, any::<bool>(), times()), 0..4);
        (times(), events, consents).prop_map(|(created, events, consents)| {
            let at = |months: i64| TimeMs(NOW.0 + months * 30 * 86_400_000);
            let mut facts = SubjectFacts::new(at(created));
            for (event, time) in events {
                facts.apply_event(StartEvent::from_u8(event).unwrap(), at(time));
            }
            for (purpose, given, time) in consents {
                let purpose = register().purposes().nth(purpose).unwrap().id.clone();
                facts.consents.insert(purpose, ConsentState { given, at: at(time), number: 1 });
            }
            facts
        })
    }

    proptest! {
        #[test]
        fn nothing_stays_without_a_live_purpose(facts in facts(), picks in proptest::collection::vec((0..22_usize, 0..6_usize), 0..30)) {
            let register = register();
            let values = ["noor@example.nl", "0612345678", "Noor", "1234AB", "NL", "\u{0}"];
            let names: Vec<String> = register.fields().map(|def| def.name.to_string()).chain(["unknown".to_owned()]).collect();
            let given: Vec<_> = picks.iter().map(|(field, value)| (names[*field].clone(), PiiText::from(values[*value]))).collect();
            let (minimised, report) = minimise(&register, &facts, given.clone(), NOW);
            prop_assert_eq!(report.kept.len() + report.dropped.len() + report.problems.len(), given.len());
            prop_assert_eq!(minimised.fields().len(), report.kept.len());
            for field in minimised.fields() {
                prop_assert!(!field.classes.is_empty());
                prop_assert_eq!(field.classes, register.live_classes_for(&field.name, &facts, NOW));
                let readable = register.purposes().filter_map(|p| may_read(&register, &p.id, &field.name, &facts, NOW).ok());
                prop_assert_eq!(readable.collect::<ClassSet>(), field.classes);
            }
        }
    }
}
