//! Why data may be kept and read: purposes with their legal basis, fields and retention.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::facts::SubjectFacts;
use crate::fields::{FieldName, Text, name_type};
use crate::time::{Period, TimeMs};
use crate::wire::{UnknownWord, parse_from, words};

/// The id of a purpose: `[a-z][a-z0-9_.]{0,63}`, cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurposeId(Arc<str>);
name_type!(PurposeId, "purpose id ([a-z][a-z0-9_.]*, at most 64)");

/// One reason to hold and read data, as the register states it (GDPR art. 5(1)(b), 6, 30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Its id.
    pub id: PurposeId,
    /// What people see.
    pub name: Text,
    /// The legal basis.
    pub basis: LegalBasis,
    /// The law it rests on, as the shop cites it.
    pub law: String,
    /// Why the shop's interest weighs more than the person's; required for a legitimate interest (GDPR art. 6(1)(f)).
    pub balancing: Option<Text>,
    /// The fields it needs.
    pub fields: Vec<FieldUse>,
    /// Who receives the data, as a person is told (GDPR art. 13(1)(e)).
    pub recipients: Vec<String>,
    /// Under which of a subject's keys its copy is sealed.
    pub class: RetentionClass,
    /// How long.
    pub retention: Retention,
}

impl Purpose {
    /// Tells whether the purpose includes a field.
    #[must_use]
    pub fn includes(&self, field: &FieldName) -> bool {
        self.fields.iter().any(|used| used.field == *field)
    }

    /// Tells whether the purpose is live for a subject.
    ///
    /// A contract or legitimate interest is live from the subject's creation, or from its start event once there is
    /// one. A legal obligation waits for its start event. Consent counts only while the newest event gives it;
    /// soft opt-in (Tw 11.7(3)) needs an order and no withdrawal. It ends a retention period after its start.
    #[must_use]
    pub fn live(&self, facts: &SubjectFacts, now: TimeMs) -> Liveness {
        let happened = self.retention.start.time(facts);
        let start = match self.basis {
            LegalBasis::Contract | LegalBasis::LegitimateInterest => Some(happened.unwrap_or(facts.created)),
            LegalBasis::LegalObligation => happened,
            LegalBasis::Consent => match facts.consents.get(&self.id) {
                Some(consent) if consent.given => Some(happened.map_or(consent.at, |at| at.max(consent.at))),
                _ => return Liveness::NoConsent,
            },
            LegalBasis::SoftOptIn => {
                if facts.consents.get(&self.id).is_some_and(|consent| !consent.given) {
                    return Liveness::NoConsent;
                }
                StartEvent::OrderCompleted.time(facts).map(|ordered| happened.unwrap_or(ordered))
            }
        };
        let Some(start) = start else {
            return Liveness::NotStarted;
        };
        if self.retention.start == StartEvent::ConsentWithdrawn {
            return Liveness::Live { until: None };
        }
        let end = start.add(&self.retention.keep);
        if now < end { Liveness::Live { until: Some(end) } } else { Liveness::Ended { at: end } }
    }
}

/// A field a purpose needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldUse {
    /// The field.
    pub field: FieldName,
    /// How much it is needed.
    pub need: Need,
}

/// How much a purpose needs a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The purpose cannot be met without it.
    Required,
    /// The person may leave it out.
    Optional,
}
words!(Need, "need (required, optional)", 2, [(Need::Required, "required"), (Need::Optional, "optional")]);

/// The legal basis of a purpose (GDPR art. 6(1); Tw art. 11.7(3) for soft opt-in).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegalBasis {
    /// Art. 6(1)(b).
    Contract,
    /// Art. 6(1)(c).
    LegalObligation,
    /// Art. 6(1)(a).
    Consent,
    /// Art. 6(1)(f), with a balancing text.
    LegitimateInterest,
    /// Mail about own similar products to existing customers who did not object.
    SoftOptIn,
}
words!(
    LegalBasis,
    "legal basis",
    5,
    [
        (LegalBasis::Contract, "contract"),
        (LegalBasis::LegalObligation, "legal_obligation"),
        (LegalBasis::Consent, "consent"),
        (LegalBasis::LegitimateInterest, "legitimate_interest"),
        (LegalBasis::SoftOptIn, "soft_opt_in"),
    ]
);

/// Which of a subject's keys a copy is sealed under; erasing a class destroys its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RetentionClass {
    /// The customer relation.
    Profile = 0,
    /// What tax law makes a shop keep.
    Tax = 1,
    /// What rests on consent or soft opt-in.
    Marketing = 2,
}
words!(
    RetentionClass,
    "retention class (profile, tax, marketing)",
    3,
    [
        (RetentionClass::Profile, "profile"),
        (RetentionClass::Tax, "tax"),
        (RetentionClass::Marketing, "marketing"),
    ]
);

impl RetentionClass {
    /// Returns the class with a number, 0 to 2.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_u8() == number)
    }

    /// Returns the stable number of the class.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }
}

/// A set of retention classes, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClassSet(u8);

impl ClassSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);
    /// All three classes.
    pub const ALL: Self = Self(0b111);

    /// Returns the set with a class added.
    #[must_use]
    pub const fn with(self, class: RetentionClass) -> Self {
        Self(self.0 | 1 << class.as_u8())
    }

    /// Returns the set with a class taken out.
    #[must_use]
    pub const fn without(self, class: RetentionClass) -> Self {
        Self(self.0 & !(1 << class.as_u8()))
    }

    /// Tells whether the class is in the set.
    #[must_use]
    pub const fn contains(self, class: RetentionClass) -> bool {
        self.0 & 1 << class.as_u8() != 0
    }

    /// Returns the classes that are in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether no class is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the bits: profile 1, tax 2, marketing 4.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Makes a set of bits, unless a bit is unknown.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits <= Self::ALL.0 { Some(Self(bits)) } else { None }
    }

    /// Returns the classes in the set.
    pub fn iter(self) -> impl Iterator<Item = RetentionClass> {
        RetentionClass::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

impl FromIterator<RetentionClass> for ClassSet {
    fn from_iter<I: IntoIterator<Item = RetentionClass>>(classes: I) -> Self {
        classes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// How long a purpose keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// From when the period counts.
    pub start: StartEvent,
    /// The period.
    pub keep: Period,
    /// What happens at its end.
    pub action: RetentionAction,
}

/// The event from which a retention period counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StartEvent {
    /// The subject was created.
    Created = 0,
    /// The customer last signed in, ordered or wrote.
    LastActivity = 1,
    /// The last order was completed.
    OrderCompleted = 2,
    /// The end of the calendar year of the last invoice (AWR art. 52(4)); the event's time is the invoice's date.
    InvoiceYearEnd = 3,
    /// Consent was withdrawn: while it is given there is no end.
    ConsentWithdrawn = 4,
    /// The last complaint or repair was closed.
    ComplaintClosed = 5,
}
words!(
    StartEvent,
    "start event",
    6,
    [
        (StartEvent::Created, "created"),
        (StartEvent::LastActivity, "last_activity"),
        (StartEvent::OrderCompleted, "order_completed"),
        (StartEvent::InvoiceYearEnd, "invoice_year_end"),
        (StartEvent::ConsentWithdrawn, "consent_withdrawn"),
        (StartEvent::ComplaintClosed, "complaint_closed"),
    ]
);

impl StartEvent {
    /// Returns the event with a number, 0 to 5.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_u8() == number)
    }

    /// Returns the stable number of the event.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Returns the moment from which a period counts for a subject, if the event has happened.
    #[must_use]
    pub fn time(self, facts: &SubjectFacts) -> Option<TimeMs> {
        let at = facts.events.get(&self).copied();
        match self {
            Self::Created => Some(facts.created),
            Self::InvoiceYearEnd => at.map(TimeMs::end_of_year_nl),
            Self::LastActivity | Self::OrderCompleted | Self::ConsentWithdrawn | Self::ComplaintClosed => at,
        }
    }
}

/// What happens when a retention period ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetentionAction {
    /// The value goes.
    Delete,
    /// The value is replaced so that nobody can be recognised.
    Anonymise,
    /// The value is made coarser: IP to /24, postcode to four digits, birth date to its year.
    Truncate,
}
words!(
    RetentionAction,
    "retention action (delete, anonymise, truncate)",
    3,
    [
        (RetentionAction::Delete, "delete"),
        (RetentionAction::Anonymise, "anonymise"),
        (RetentionAction::Truncate, "truncate"),
    ]
);

/// Whether a purpose is live for a subject at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Live; until that moment, or without a known end.
    Live {
        /// When it ends, as far as known now.
        until: Option<TimeMs>,
    },
    /// What starts it has not happened.
    NotStarted,
    /// There is no consent, or it was withdrawn.
    NoConsent,
    /// Its retention period is over.
    Ended {
        /// Since when.
        at: TimeMs,
    },
}

impl Liveness {
    /// Tells whether the purpose is live.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live { .. })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::ConsentState;

    const DAY: i64 = 86_400_000;

    fn purpose(basis: LegalBasis, start: StartEvent) -> Purpose {
        Purpose {
            id: PurposeId::parse("p").unwrap(),
            name: Text::new("doel", "purpose"),
            basis,
            law: "AVG".to_owned(),
            balancing: None,
            fields: vec![FieldUse { field: FieldName::parse("email").unwrap(), need: Need::Required }],
            recipients: Vec::new(),
            class: RetentionClass::Profile,
            retention: Retention { start, keep: Period::days(10), action: RetentionAction::Delete },
        }
    }

    fn facts(events: &[(StartEvent, i64)], consent: Option<(bool, i64)>) -> SubjectFacts {
        let mut facts = SubjectFacts::new(TimeMs(0));
        for (event, day) in events {
            facts.apply_event(*event, TimeMs(day * DAY));
        }
        if let Some((given, day)) = consent {
            let state = ConsentState { given, at: TimeMs(day * DAY), number: 1 };
            facts.consents.insert(PurposeId::parse("p").unwrap(), state);
        }
        facts
    }

    fn until(day: i64) -> Liveness {
        Liveness::Live { until: Some(TimeMs(day * DAY)) }
    }

    #[test]
    fn a_contract_is_live_from_creation_and_from_its_event() {
        let order = purpose(LegalBasis::Contract, StartEvent::OrderCompleted);
        let check = |events: &[(StartEvent, i64)], day: i64, expected| {
            assert_eq!(order.live(&facts(events, None), TimeMs(day * DAY)), expected, "{events:?} {day}");
        };
        check(&[], 0, until(10));
        check(&[], 9, until(10));
        check(&[], 10, Liveness::Ended { at: TimeMs(10 * DAY) });
        check(&[(StartEvent::OrderCompleted, 20)], 29, until(30));
        check(&[(StartEvent::OrderCompleted, 20)], 30, Liveness::Ended { at: TimeMs(30 * DAY) });
        check(&[(StartEvent::LastActivity, 20)], 20, Liveness::Ended { at: TimeMs(10 * DAY) });
        check(&[(StartEvent::Created, 20)], 20, Liveness::Ended { at: TimeMs(10 * DAY) });
    }

    #[test]
    fn a_legal_duty_waits_for_its_event() {
        let invoice = purpose(LegalBasis::LegalObligation, StartEvent::InvoiceYearEnd);
        assert_eq!(invoice.live(&facts(&[], None), TimeMs(0)), Liveness::NotStarted);
        assert_eq!(
            invoice.live(&facts(&[(StartEvent::OrderCompleted, 0)], None), TimeMs(0)),
            Liveness::NotStarted
        );
        let year_end = TimeMs(365 * DAY - 3_600_000);
        let end = year_end.add(&Period::days(10));
        let invoiced = facts(&[(StartEvent::InvoiceYearEnd, 5)], None);
        assert_eq!(invoice.live(&invoiced, TimeMs(5 * DAY)), Liveness::Live { until: Some(end) });
        assert_eq!(invoice.live(&invoiced, end), Liveness::Ended { at: end });
    }

    #[test]
    fn consent_counts_only_while_it_is_given() {
        let news = purpose(LegalBasis::Consent, StartEvent::ConsentWithdrawn);
        let soft = purpose(LegalBasis::SoftOptIn, StartEvent::OrderCompleted);
        let timed = purpose(LegalBasis::Consent, StartEvent::LastActivity);
        let check = |purpose: &Purpose, facts: SubjectFacts, day: i64, expected| {
            assert_eq!(purpose.live(&facts, TimeMs(day * DAY)), expected, "{} {day}", purpose.basis);
        };
        check(&news, facts(&[], None), 0, Liveness::NoConsent);
        check(&news, facts(&[], Some((false, 1))), 1, Liveness::NoConsent);
        check(&news, facts(&[], Some((true, 1))), 1_000, Liveness::Live { until: None });
        check(
            &news,
            facts(&[(StartEvent::ConsentWithdrawn, 5)], Some((true, 9))),
            9,
            Liveness::Live { until: None },
        );
        check(&timed, facts(&[], Some((true, 5))), 14, until(15));
        check(&timed, facts(&[(StartEvent::LastActivity, 9)], Some((true, 5))), 18, until(19));
        check(&timed, facts(&[], Some((true, 5))), 15, Liveness::Ended { at: TimeMs(15 * DAY) });
        check(&soft, facts(&[], None), 0, Liveness::NotStarted);
        check(&soft, facts(&[], Some((true, 0))), 0, Liveness::NotStarted);
        check(&soft, facts(&[(StartEvent::OrderCompleted, 3)], None), 3, until(13));
        check(&soft, facts(&[(StartEvent::OrderCompleted, 3)], Some((false, 2))), 3, Liveness::NoConsent);
        check(
            &soft,
            facts(&[(StartEvent::OrderCompleted, 3)], None),
            13,
            Liveness::Ended { at: TimeMs(13 * DAY) },
        );
    }

    #[test]
    fn words_and_numbers_are_closed_lists() {
        for class in RetentionClass::ALL {
            assert_eq!(RetentionClass::from_u8(class.as_u8()), Some(class));
        }
        for event in StartEvent::ALL {
            assert_eq!(StartEvent::from_u8(event.as_u8()), Some(event));
        }
        assert_eq!(
            (RetentionClass::from_u8(3), StartEvent::from_u8(6), ClassSet::from_bits(8)),
            (None, None, None)
        );
        assert!("vital_interest".parse::<LegalBasis>().is_err());
        assert!("Profile".parse::<RetentionClass>().is_err());
        assert!("keep".parse::<RetentionAction>().is_err());
        assert!(PurposeId::parse("Order").is_err());
    }

    proptest! {
        #[test]
        fn class_sets_are_sets(bits in 0..8_u8) {
            let set = ClassSet::from_bits(bits).unwrap();
            prop_assert_eq!(set.bits(), bits);
            prop_assert_eq!(set.iter().collect::<ClassSet>(), set);
            for class in RetentionClass::ALL {
                prop_assert!(set.with(class).contains(class) && !set.without(class).contains(class));
            }
        }
    }
}
