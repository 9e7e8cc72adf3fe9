//! What is known about a subject besides the sealed values: when it began, what happened, what was consented to.

use std::collections::BTreeMap;

use crate::fields::Lang;
use crate::pii::PiiText;
use crate::purposes::{LegalBasis, PurposeId, StartEvent};
use crate::register::Register;
use crate::time::TimeMs;

/// The version byte of encoded facts.
const VERSION: u8 = 1;
/// The longest encoding that is read or written, in bytes: room for 200 purposes and more.
pub const FACTS_BYTES_MAX: usize = 32 * 1024;
/// Most consents a subject can have on record, the number of purposes a register may have with some that were retired.
pub const CONSENTS_MAX: usize = 400;

/// The facts that decide which purposes are live for a subject. No personal values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubjectFacts {
    /// When the subject was created.
    pub created: TimeMs,
    /// The newest time of each kind of event; for an invoice the invoice's own date.
    pub events: BTreeMap<StartEvent, TimeMs>,
    /// The newest consent event of each purpose.
    pub consents: BTreeMap<PurposeId, ConsentState>,
}

/// Where consent for one purpose stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentState {
    /// Given, or withdrawn.
    pub given: bool,
    /// When the deciding event happened.
    pub at: TimeMs,
    /// How many consent events this purpose has had for this subject.
    pub number: u32,
}

/// One consent given or withdrawn, with what proves it (GDPR art. 7(1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// For which purpose.
    pub purpose: PurposeId,
    /// Given, or withdrawn.
    pub given: bool,
    /// When.
    pub at: TimeMs,
    /// Through which channel: `checkout`, `portal`, `import:woocommerce`; at most 64 characters.
    pub source: String,
    /// Which text was shown: a version or a hash; at most 64 characters; may be empty when withdrawn.
    pub text_version: String,
    /// JSON with the evidence: truncated IP, form address, double opt-in; at most 4096 bytes.
    pub proof: PiiText,
}

/// Why a consent event is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsentProblem {
    /// The register has no such purpose.
    #[error("unknown purpose")]
    UnknownPurpose,
    /// The purpose does not rest on consent.
    #[error("the purpose does not rest on consent")]
    NotConsentBased,
    /// The event is later than now: it would outrank every withdrawal until then.
    #[error("the event lies in the future")]
    InFuture,
    /// The source or the text version is missing or too long.
    #[error("source or text version missing or too long")]
    Source,
    /// The proof is too long.
    #[error("proof too long")]
    Proof,
}

impl ConsentProblem {
    /// Says what to do about it.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::UnknownPurpose => {
                lang.pick("Dit doel staat niet in het doelregister.", "This purpose is not in the register.")
            }
            Self::NotConsentBased => lang.pick(
                "Dit doel berust niet op toestemming; er valt niets te geven of in te trekken.",
                "This purpose does not rest on consent; there is nothing to give or withdraw.",
            ),
            Self::InFuture => lang.pick("Het tijdstip ligt in de toekomst.", "The time lies in the future."),
            Self::Source => lang.pick(
                "Geef de bron op en bij toestemming ook de tekstversie, elk 1 tot 64 tekens.",
                "Give the source and, with consent, the text version, 1 to 64 characters each.",
            ),
            Self::Proof => lang
                .pick("Het bewijs mag hoogstens 4096 bytes zijn.", "The proof may have at most 4096 bytes."),
        }
    }
}

impl ConsentEvent {
    /// Checks the event against the register and the clock (up to five minutes ahead is clock skew).
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, register: &Register, now: TimeMs) -> Result<(), ConsentProblem> {
        let purpose = register.purpose(&self.purpose).ok_or(ConsentProblem::UnknownPurpose)?;
        if !matches!(purpose.basis, LegalBasis::Consent | LegalBasis::SoftOptIn) {
            return Err(ConsentProblem::NotConsentBased);
        }
        if self.at.0 > now.0.saturating_add(5 * 60_000) {
            return Err(ConsentProblem::InFuture);
        }
        let fits = |text: &str| text.chars().count() <= 64 && !text.contains(char::is_control);
        // Who withdraws need not have read a text: it is as easy as giving (GDPR art. 7(3)).
        let is_missing = self.source.trim().is_empty() || (self.given && self.text_version.trim().is_empty());
        if is_missing || !fits(&self.source) || !fits(&self.text_version) {
            return Err(ConsentProblem::Source);
        }
        if self.proof.expose().len() > 4096 {
            return Err(ConsentProblem::Proof);
        }
        Ok(())
    }
}

/// Why bytes are not encoded facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Longer than [`FACTS_BYTES_MAX`].
    #[error("facts too long")]
    TooLong,
    /// Written by another version.
    #[error("facts of an unknown version")]
    Version,
    /// Cut off, out of order, or followed by more.
    #[error("facts are malformed")]
    Malformed,
}

impl SubjectFacts {
    /// Makes the facts of a subject created now, to which nothing has happened.
    #[must_use]
    pub fn new(created: TimeMs) -> Self {
        Self { created, ..Self::default() }
    }

    /// Takes note of an event; an older one than is known changes nothing. `created` cannot be moved.
    pub fn apply_event(&mut self, event: StartEvent, at: TimeMs) {
        if event != StartEvent::Created {
            self.events.entry(event).and_modify(|known| *known = at.max(*known)).or_insert(at);
        }
    }

    /// Takes note of a consent event and returns its number, 1 for the purpose's first.
    ///
    /// The newest time decides; at equal times withdrawal does. The caller has checked the event, see
    /// [`ConsentEvent::check`]. A deciding withdrawal also is the event [`StartEvent::ConsentWithdrawn`].
    pub fn apply_consent(&mut self, event: &ConsentEvent) -> u32 {
        let (given, at) = (event.given, event.at);
        let state =
            self.consents.entry(event.purpose.clone()).or_insert(ConsentState { given, at, number: 0 });
        state.number = state.number.saturating_add(1);
        if at > state.at || (at == state.at && !given) {
            (state.given, state.at) = (given, at);
        }
        let (decided, number) = (state.given, state.number);
        if !given && !decided {
            self.apply_event(StartEvent::ConsentWithdrawn, at);
        }
        number
    }

    /// Tells whether the newest consent event of a purpose gives consent; absent means no.
    #[must_use]
    pub fn consent_given(&self, purpose: &PurposeId) -> bool {
        self.consents.get(purpose).is_some_and(|state| state.given)
    }

    /// Returns the facts as bytes: version, created, events, consents; numbers big-endian, entries in order.
    ///
    /// Of more than [`CONSENTS_MAX`] consents the surplus is not written.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.events.len() * 9 + self.consents.len() * 32);
        out.push(VERSION);
        out.extend_from_slice(&self.created.0.to_be_bytes());
        out.push(u8::try_from(self.events.len()).unwrap_or(u8::MAX));
        for (event, at) in &self.events {
            out.push(event.as_u8());
            out.extend_from_slice(&at.0.to_be_bytes());
        }
        let count = self.consents.len().min(CONSENTS_MAX);
        out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
        for (purpose, state) in self.consents.iter().take(count) {
            let id = purpose.as_str().as_bytes();
            out.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(id);
            out.push(u8::from(state.given));
            out.extend_from_slice(&state.at.0.to_be_bytes());
            out.extend_from_slice(&state.number.to_be_bytes());
        }
        out
    }

    /// Reads what [`SubjectFacts::encode`] wrote; any other spelling of the same facts is refused.
    ///
    /// # Errors
    /// When the bytes are not exactly one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, FactsError> {
        if bytes.len() > FACTS_BYTES_MAX {
            return Err(FactsError::TooLong);
        }
        let mut rest = Reader(bytes);
        if rest.byte()? != VERSION {
            return Err(FactsError::Version);
        }
        let mut facts = Self::new(rest.time()?);
        for _ in 0..rest.byte()? {
            let event = StartEvent::from_u8(rest.byte()?).ok_or(FactsError::Malformed)?;
            let at = rest.time()?;
            if facts.events.last_key_value().is_some_and(|(last, _)| *last >= event) {
                return Err(FactsError::Malformed);
            }
            facts.events.insert(event, at);
        }
        let count = u16::from_be_bytes(rest.take()?);
        if usize::from(count) > CONSENTS_MAX {
            return Err(FactsError::Malformed);
        }
        for _ in 0..count {
            let (purpose, state) = rest.consent()?;
            if facts.consents.last_key_value().is_some_and(|(last, _)| *last >= purpose) {
                return Err(FactsError::Malformed);
            }
            facts.consents.insert(purpose, state);
        }
        if rest.0.is_empty() { Ok(facts) } else { Err(FactsError::Malformed) }
    }
}

/// The bytes not read yet.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FactsError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(FactsError::Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, FactsError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn time(&mut self) -> Result<TimeMs, FactsError> {
        self.take().map(|bytes| TimeMs(i64::from_be_bytes(bytes)))
    }

    fn consent(&mut self) -> Result<(PurposeId, ConsentState), FactsError> {
        let length = usize::from(self.byte()?);
        let (id, rest) = self.0.split_at_checked(length).ok_or(FactsError::Malformed)?;
        self.0 = rest;
        let id = std::str::from_utf8(id).map_err(|_| FactsError::Malformed)?;
        let purpose = PurposeId::parse(id).map_err(|_| FactsError::Malformed)?;
        let given = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(FactsError::Malformed),
        };
        let at = self.time()?;
        let number = u32::from_be_bytes(self.take()?);
        Ok((purpose, ConsentState { given, at, number }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::register::DEFAULT_REGISTER;

    fn consent(purpose: &str, given: bool, at: i64) -> ConsentEvent {
        ConsentEvent {
            purpose: PurposeId::parse(purpose).unwrap(),
            given,
            at: TimeMs(at),
            source: "checkout".to_owned(),
            text_version: "2026-01".to_owned(),
            proof: PiiText::from("{}"),
        }
    }

    #[test]
    fn the_newest_consent_decides_and_withdrawal_wins_a_tie() {
        let purpose = PurposeId::parse("newsletter").unwrap();
        let mut facts = SubjectFacts::new(TimeMs(0));
        let mut apply = |given: bool, at: i64, number: u32, decided: bool| {
            assert_eq!(facts.apply_consent(&consent("newsletter", given, at)), number);
            assert_eq!(facts.consent_given(&purpose), decided, "{given} {at}");
        };
        apply(true, 10, 1, true);
        apply(false, 5, 2, true);
        apply(false, 10, 3, false);
        apply(true, 10, 4, false);
        apply(true, 9, 5, false);
        apply(true, 11, 6, true);
        assert_eq!(facts.events.get(&StartEvent::ConsentWithdrawn), Some(&TimeMs(10)));
        assert!(!facts.consent_given(&PurposeId::parse("other").unwrap()));
    }

    #[test]
    fn events_only_move_forward() {
        let mut facts = SubjectFacts::new(TimeMs(7));
        facts.apply_event(StartEvent::LastActivity, TimeMs(5));
        facts.apply_event(StartEvent::LastActivity, TimeMs(3));
        facts.apply_event(StartEvent::Created, TimeMs(100));
        assert_eq!(facts.events.iter().collect::<Vec<_>>(), [(&StartEvent::LastActivity, &TimeMs(5))]);
        assert_eq!(facts.created, TimeMs(7));
    }

    #[test]
    fn consent_events_are_checked() {
        let register = Register::parse(DEFAULT_REGISTER).unwrap();
        let now = TimeMs(1_000_000);
        let check = |change: &dyn Fn(&mut ConsentEvent), expected: Result<(), ConsentProblem>| {
            let mut event = consent("newsletter", true, 0);
            change(&mut event);
            assert_eq!(event.check(&register, now), expected, "{event:?}");
        };
        let to = |purpose: &str| PurposeId::parse(purpose).unwrap();
        check(&|_| {}, Ok(()));
        check(&|e| e.purpose = to("similar_products"), Ok(()));
        check(&|e| e.at = TimeMs(now.0 + 300_000), Ok(()));
        check(&|e| e.at = TimeMs(now.0 + 300_001), Err(ConsentProblem::InFuture));
        check(&|e| e.purpose = to("nothing"), Err(ConsentProblem::UnknownPurpose));
        check(&|e| e.purpose = to("order"), Err(ConsentProblem::NotConsentBased));
        check(&|e| e.purpose = to("customer_service"), Err(ConsentProblem::NotConsentBased));
        check(&|e| e.source.clear(), Err(ConsentProblem::Source));
        check(&|e| e.source = "x".repeat(65), Err(ConsentProblem::Source));
        check(&|e| e.source = "a\nb".to_owned(), Err(ConsentProblem::Source));
        check(&|e| e.text_version = " ".to_owned(), Err(ConsentProblem::Source));
        check(&|e| (e.given, e.text_version) = (false, String::new()), Ok(()));
        check(&|e| (e.given, e.source) = (false, String::new()), Err(ConsentProblem::Source));
        check(&|e| e.text_version = "é".repeat(65), Err(ConsentProblem::Source));
        check(&|e| e.proof = PiiText::from("x".repeat(4_097)), Err(ConsentProblem::Proof));
        for problem in
            [ConsentProblem::UnknownPurpose, ConsentProblem::NotConsentBased, ConsentProblem::InFuture]
        {
            assert_ne!(problem.text(Lang::Nl), problem.text(Lang::En));
        }
    }

    #[test]
    fn other_bytes_are_no_facts() {
        let mut facts = SubjectFacts::new(TimeMs(1));
        facts.apply_event(StartEvent::LastActivity, TimeMs(2));
        facts.apply_event(StartEvent::OrderCompleted, TimeMs(3));
        facts.apply_consent(&consent("a", true, 4));
        facts.apply_consent(&consent("b", false, 5));
        let good = facts.encode();
        assert_eq!(SubjectFacts::decode(&good), Ok(facts));
        for cut in 0..good.len() {
            assert!(SubjectFacts::decode(&good[..cut]).is_err(), "{cut}");
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = good.clone();
            bytes[at] = to;
            SubjectFacts::decode(&bytes)
        };
        assert_eq!(changed(0, 2), Err(FactsError::Version));
        assert_eq!(changed(10, 9), Err(FactsError::Malformed), "unknown event");
        assert_eq!(changed(10, 3), Err(FactsError::Malformed), "events out of order");
        assert_eq!(changed(19, 1), Err(FactsError::Malformed), "event twice");
        assert_eq!(changed(37, 0xff), Err(FactsError::Malformed), "too many consents");
        assert_eq!(changed(40, b'c'), Err(FactsError::Malformed), "consents out of order");
        assert_eq!(changed(41, 2), Err(FactsError::Malformed), "neither given nor not");
        let more = [&good[..], &[0]].concat();
        assert_eq!(SubjectFacts::decode(&more), Err(FactsError::Malformed));
        assert_eq!(SubjectFacts::decode(&vec![1; FACTS_BYTES_MAX + 1]), Err(FactsError::TooLong));
        assert_eq!(SubjectFacts::decode(&[]), Err(FactsError::Malformed));
    }

    proptest! {
        #[test]
        fn facts_round_trip(
            created: i64,
            events in proptest::collection::vec((1..6_u8, any::<i64>()), 0..6),
            consents in proptest::collection::vec(("[a-z][a-z0-9_.]{0,63}", any::<bool>(), any::<i64>()), 0..9),
        ) {
            let mut facts = SubjectFacts::new(TimeMs(created));
            for (event, at) in events {
                facts.apply_event(StartEvent::from_u8(event).unwrap(), TimeMs(at));
            }
            for (purpose, given, at) in consents {
                facts.apply_consent(&consent(&purpose, given, at));
            }
            prop_assert_eq!(SubjectFacts::decode(&facts.encode()), Ok(facts));
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Ok(facts) = SubjectFacts::decode(&bytes) {
                prop_assert_eq!(facts.encode(), bytes);
            }
        }
    }
}
