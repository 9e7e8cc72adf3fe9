//! Changes a DKIM key in safe steps: publish the new one, wait, sign with it, keep the old one, revoke the old one.
//!
//! Every step first looks whether the DNS says what the step before asked for. The caller stores the state that
//! [`Rotation::step`] returns and does what its advice says; asked again, it gives the same advice.

use serde::{Deserialize, Serialize};

use super::key::{self, KeyKind};
use super::signature::is_domain;
use crate::dns::{Answer, Answers, Question, RecordKind};

/// Seconds to wait after the time to live is over, for caches that keep answers longer than they may.
pub const WAIT_MORE_S: u64 = 48 * 60 * 60;
/// Seconds the old key stays published, for mail that is still under way or is checked again.
pub const KEEP_S: u64 = 30 * 24 * 60 * 60;
/// Seconds of a time to live that are believed.
const TTL_S_MAX: u64 = 7 * 24 * 60 * 60;

/// A published key, or one to be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPlace {
    /// The selector.
    pub selector: String,
    /// The record: `v=DKIM1; k=…; p=…`.
    pub record: String,
}

/// A change of keys under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The domain that signs.
    pub domain: String,
    /// The key until now; `None` for the first key of a domain.
    pub old: Option<KeyPlace>,
    /// The key from now on.
    pub new: KeyPlace,
    /// Time to live of the records, or of the answer "there is none", whichever is longer, in seconds.
    pub ttl_s: u64,
    /// How far it is.
    pub stage: Stage,
}

/// How far a change is; times are seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The new record must be published.
    Publish,
    /// It was seen; caches must forget that it was not there.
    Wait {
        /// When it was seen first.
        seen_s: u64,
    },
    /// Mail is signed with the new key; the old record stays.
    Keep {
        /// Since when.
        switched_s: u64,
    },
    /// The old record must be revoked.
    Revoke,
    /// The old key is no longer valid.
    Done,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Publish a record: the new one, or the old one with an empty `p=`.
    Publish {
        /// The name.
        name: String,
        /// The text of the TXT record.
        record: String,
    },
    /// Another key or several records stand at the place of the new key: remove them.
    Remove {
        /// The name.
        name: String,
    },
    /// Do nothing until a time.
    Wait {
        /// Seconds since 1970.
        until_s: u64,
    },
    /// Sign with the new key from now on.
    Switch,
    /// The new record is gone: sign with the old key again, until it is back.
    SwitchBack,
    /// A record that must still be there is gone: publish it again.
    Restore {
        /// The name.
        name: String,
        /// The text of the TXT record.
        record: String,
    },
    /// The DNS did not answer: ask again later.
    AskLater,
    /// Nothing more.
    Nothing,
}

/// Why a change cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// Not a domain or a selector.
    #[error("not a domain or a selector")]
    Name,
    /// Both keys have the same selector: old mail would fail at once.
    #[error("the new key needs a selector of its own")]
    SameSelector,
    /// A record that holds no valid key.
    #[error("a record without a valid key")]
    Record,
}

/// What stands at the place of a key.
enum Published {
    Ours,
    Revoked,
    Nothing,
    Other,
    Unanswered,
}

impl Rotation {
    /// Begins a change.
    ///
    /// # Errors
    /// When a name or a record is not fit.
    pub fn begin(
        domain: &str,
        old: Option<KeyPlace>,
        new: KeyPlace,
        ttl_s: u64,
    ) -> Result<Self, RotationError> {
        let places = || old.iter().chain([&new]);
        if !is_domain(domain) || !domain.contains('.') || !places().all(|place| is_domain(&place.selector)) {
            return Err(RotationError::Name);
        }
        if old.as_ref().is_some_and(|old| old.selector.eq_ignore_ascii_case(&new.selector)) {
            return Err(RotationError::SameSelector);
        }
        if !places().all(|place| public(place.record.as_bytes()).is_some_and(|key| key.is_some())) {
            return Err(RotationError::Record);
        }
        let domain = domain.to_ascii_lowercase();
        Ok(Self { domain, old, new, ttl_s: ttl_s.min(TTL_S_MAX), stage: Stage::Publish })
    }

    /// Returns the selector to sign with; `None` while a first key is not yet ready.
    #[must_use]
    pub fn signs_with(&self) -> Option<&str> {
        match self.stage {
            Stage::Publish | Stage::Wait { .. } => self.old.as_ref().map(|old| old.selector.as_str()),
            Stage::Keep { .. } | Stage::Revoke | Stage::Done => Some(&self.new.selector),
        }
    }

    /// Returns whether a text is the record of the new key, whatever its blanks and the order of its tags.
    #[must_use]
    pub fn is_new_record(&self, text: &str) -> bool {
        public(text.as_bytes()).is_some_and(|found| Some(found) == public(self.new.record.as_bytes()))
    }

    /// Takes the next step that the DNS and the time (seconds since 1970) allow.
    ///
    /// # Errors
    /// The question whose answer is needed; it must not come from a cache.
    pub fn step(&self, now_s: u64, answers: &impl Answers) -> Result<(Self, Advice), Question> {
        let (stage, advice) = match self.stage {
            Stage::Publish => self.publish(now_s, answers)?,
            Stage::Wait { seen_s } => self.wait(seen_s, now_s, answers)?,
            Stage::Keep { switched_s } => self.keep(switched_s, now_s, answers)?,
            Stage::Revoke => self.revoke(answers)?,
            Stage::Done => (Stage::Done, self.watch(answers)?),
        };
        Ok((Self { stage, ..self.clone() }, advice))
    }

    /// The same without the waiting of its stage, for a key that leaked; the DNS is looked at as always.
    #[must_use]
    pub fn without_waiting(&self) -> Self {
        let stage = match self.stage {
            Stage::Wait { .. } => Stage::Wait { seen_s: 0 },
            Stage::Keep { .. } => Stage::Keep { switched_s: 0 },
            other => other,
        };
        Self { stage, ..self.clone() }
    }

    fn publish(&self, now_s: u64, answers: &impl Answers) -> Result<(Stage, Advice), Question> {
        let name = self.name(&self.new);
        Ok(match self.look(&self.new, answers)? {
            Published::Ours => (Stage::Wait { seen_s: now_s }, Advice::Wait { until_s: self.ready_s(now_s) }),
            Published::Nothing => (Stage::Publish, Advice::Publish { name, record: self.new.record.clone() }),
            Published::Other | Published::Revoked => (Stage::Publish, Advice::Remove { name }),
            Published::Unanswered => (Stage::Publish, Advice::AskLater),
        })
    }

    fn wait(&self, seen_s: u64, now_s: u64, answers: &impl Answers) -> Result<(Stage, Advice), Question> {
        let ready_s = self.ready_s(seen_s);
        Ok(match self.look(&self.new, answers)? {
            Published::Ours if now_s >= ready_s => (Stage::Keep { switched_s: now_s }, Advice::Switch),
            Published::Ours => (self.stage, self.hold_old(ready_s, answers)?),
            Published::Unanswered => (self.stage, Advice::AskLater),
            // Gone again: caches may now remember that it is not there, so that the wait begins anew.
            _ => return self.publish(now_s, answers),
        })
    }

    fn keep(&self, switched_s: u64, now_s: u64, answers: &impl Answers) -> Result<(Stage, Advice), Question> {
        match self.look(&self.new, answers)? {
            Published::Ours => {}
            Published::Unanswered => return Ok((self.stage, Advice::AskLater)),
            _ if self.old.is_some() => return Ok((Stage::Publish, Advice::SwitchBack)),
            _ => return Ok((self.stage, self.restore(&self.new))),
        }
        if self.old.is_none() {
            return Ok((Stage::Done, Advice::Nothing));
        }
        let until_s = switched_s.saturating_add(KEEP_S);
        if now_s >= until_s {
            return self.revoke(answers);
        }
        Ok((self.stage, self.hold_old(until_s, answers)?))
    }

    /// Waits, while the record of the old key must be there.
    fn hold_old(&self, until_s: u64, answers: &impl Answers) -> Result<Advice, Question> {
        let Some(old) = &self.old else { return Ok(Advice::Wait { until_s }) };
        Ok(match self.look(old, answers)? {
            Published::Ours => Advice::Wait { until_s },
            Published::Unanswered => Advice::AskLater,
            _ => self.restore(old),
        })
    }

    fn revoke(&self, answers: &impl Answers) -> Result<(Stage, Advice), Question> {
        let Some(old) = &self.old else { return Ok((Stage::Done, Advice::Nothing)) };
        Ok(match self.look(old, answers)? {
            Published::Revoked | Published::Nothing => (Stage::Done, Advice::Nothing),
            Published::Unanswered => (Stage::Revoke, Advice::AskLater),
            Published::Ours | Published::Other => {
                let kind = key::read(old.record.as_bytes()).map_or(KeyKind::Rsa, |found| found.kind);
                (Stage::Revoke, Advice::Publish { name: self.name(old), record: key::revoked(kind) })
            }
        })
    }

    /// Looks whether the key that signs is still published.
    fn watch(&self, answers: &impl Answers) -> Result<Advice, Question> {
        Ok(match self.look(&self.new, answers)? {
            Published::Ours => Advice::Nothing,
            Published::Unanswered => Advice::AskLater,
            _ => self.restore(&self.new),
        })
    }

    fn restore(&self, place: &KeyPlace) -> Advice {
        Advice::Restore { name: self.name(place), record: place.record.clone() }
    }

    /// When every cache has forgotten that the new record was not there. The first key of a domain waits for nothing:
    /// nobody asked for it before, and mail without a signature has none to lose.
    fn ready_s(&self, seen_s: u64) -> u64 {
        if self.old.is_none() {
            return seen_s;
        }
        seen_s.saturating_add(self.ttl_s).saturating_add(WAIT_MORE_S)
    }

    fn name(&self, place: &KeyPlace) -> String {
        format!("{}._domainkey.{}", place.selector, self.domain).to_ascii_lowercase()
    }

    fn look(&self, place: &KeyPlace, answers: &impl Answers) -> Result<Published, Question> {
        let texts = match answers.ask(&self.name(place), RecordKind::Txt)? {
            Answer::Txt(texts) => texts.as_slice(),
            Answer::Failed => return Ok(Published::Unanswered),
            _ => &[],
        };
        Ok(match texts {
            [] => Published::Nothing,
            [text] => match public(text) {
                Some(None) => Published::Revoked,
                Some(found) if Some(&found) == public(place.record.as_bytes()).as_ref() => Published::Ours,
                _ => Published::Other,
            },
            // With several records at one place nobody knows which counts.
            _ => Published::Other,
        })
    }
}

/// The kind and key in a record: `None` when there is no record to read, `Some(None)` when it is revoked.
fn public(record: &[u8]) -> Option<Option<(&'static str, Vec<u8>)>> {
    let found = key::read(record).ok()?;
    Some(found.public.map(|public| (found.kind.word(), public)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashMap;

    use super::*;

    const OLD: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const NEW: &str = "v=DKIM1; k=ed25519; p=sPs07Vu29FpHT/80UXUcYHFOHifD4o2ZlP2+XUh9g6E=";
    const GONE: &str = "v=DKIM1; k=ed25519; p=";
    const OLD_NAME: &str = "a._domainkey.shop.example";
    const NEW_NAME: &str = "b._domainkey.shop.example";
    const DAY_S: u64 = 24 * 60 * 60;

    fn place(selector: &str, record: &str) -> KeyPlace {
        KeyPlace { selector: selector.to_owned(), record: record.to_owned() }
    }

    fn rotation(stage: Stage) -> Rotation {
        let begun = Rotation::begin("Shop.example", Some(place("a", OLD)), place("b", NEW), 3600).unwrap();
        Rotation { stage, ..begun }
    }

    /// Steps with what stands at both places: a text, nothing, or `?` for no answer.
    fn check(before: Stage, now_s: u64, old: &str, new: &str, after: Stage, advice: &Advice) {
        let answer = |text: &str| match text {
            "" => Answer::NoSuchName,
            "?" => Answer::Failed,
            text => Answer::Txt(text.split('|').map(|text| text.as_bytes().to_vec()).collect()),
        };
        let mut answers = HashMap::new();
        answers.insert(Question::new(OLD_NAME, RecordKind::Txt), answer(old));
        answers.insert(Question::new(NEW_NAME, RecordKind::Txt), answer(new));
        let (next, found) = rotation(before).step(now_s, &answers).unwrap();
        assert_eq!((next.stage, &found), (after, advice), "{before:?} at {now_s} with {old:?} and {new:?}");
        let stored = serde_json::to_string(&next).unwrap();
        assert_eq!(serde_json::from_str::<Rotation>(&stored).unwrap(), next);
    }

    #[test]
    fn a_change_goes_through_its_stages() {
        let publish = Advice::Publish { name: NEW_NAME.to_owned(), record: NEW.to_owned() };
        check(Stage::Publish, 10, OLD, "", Stage::Publish, &publish);
        let ready_s = 10 + 3600 + 2 * DAY_S;
        let waiting = Stage::Wait { seen_s: 10 };
        check(Stage::Publish, 10, OLD, NEW, waiting, &Advice::Wait { until_s: ready_s });
        check(waiting, ready_s - 1, OLD, NEW, waiting, &Advice::Wait { until_s: ready_s });
        let keeping = Stage::Keep { switched_s: ready_s };
        check(waiting, ready_s, OLD, NEW, keeping, &Advice::Switch);
        let until_s = ready_s + 30 * DAY_S;
        check(keeping, until_s - 1, OLD, NEW, keeping, &Advice::Wait { until_s });
        let revoke = Advice::Publish { name: OLD_NAME.to_owned(), record: GONE.to_owned() };
        check(keeping, until_s, OLD, NEW, Stage::Revoke, &revoke);
        check(Stage::Revoke, until_s, OLD, NEW, Stage::Revoke, &revoke);
        check(Stage::Revoke, until_s, GONE, NEW, Stage::Done, &Advice::Nothing);
        check(Stage::Revoke, until_s, "", NEW, Stage::Done, &Advice::Nothing);
        check(Stage::Done, until_s, "", NEW, Stage::Done, &Advice::Nothing);
        check(Stage::Done, until_s, "?", "?", Stage::Done, &Advice::AskLater);
        for wrong in ["", GONE, OLD] {
            let restore = Advice::Restore { name: NEW_NAME.to_owned(), record: NEW.to_owned() };
            check(Stage::Done, until_s, "", wrong, Stage::Done, &restore);
        }
    }

    #[test]
    fn a_leaked_key_is_changed_without_waiting_but_not_blindly() {
        let now_s = 400 * DAY_S;
        let hurried = |stage: Stage| rotation(stage).without_waiting().stage;
        let waiting = hurried(Stage::Wait { seen_s: now_s });
        check(waiting, now_s, OLD, NEW, Stage::Keep { switched_s: now_s }, &Advice::Switch);
        check(waiting, now_s, OLD, "?", waiting, &Advice::AskLater);
        let publish = Advice::Publish { name: NEW_NAME.to_owned(), record: NEW.to_owned() };
        check(waiting, now_s, OLD, "", Stage::Publish, &publish);
        let keeping = hurried(Stage::Keep { switched_s: now_s });
        let revoke = Advice::Publish { name: OLD_NAME.to_owned(), record: GONE.to_owned() };
        check(keeping, now_s, OLD, NEW, Stage::Revoke, &revoke);
        check(keeping, now_s, OLD, "", Stage::Publish, &Advice::SwitchBack);
        for stage in [Stage::Publish, Stage::Revoke, Stage::Done] {
            assert_eq!(hurried(stage), stage);
        }
    }

    #[test]
    fn nothing_goes_on_while_the_dns_is_wrong() {
        let waiting = Stage::Wait { seen_s: 10 };
        let keeping = Stage::Keep { switched_s: 10 };
        let late = 100 * DAY_S;
        let remove = Advice::Remove { name: NEW_NAME.to_owned() };
        for wrong in
            [OLD, GONE, "v=spf1 -all", "v=DKIM1; p=AAAA", &format!("{NEW}|{OLD}"), &format!("{NEW}|{NEW}")]
        {
            check(Stage::Publish, late, OLD, wrong, Stage::Publish, &remove);
            check(waiting, late, OLD, wrong, Stage::Publish, &remove);
            check(keeping, late, OLD, wrong, Stage::Publish, &Advice::SwitchBack);
        }
        for stage in [Stage::Publish, waiting, keeping, Stage::Revoke] {
            check(stage, late, "?", "?", stage, &Advice::AskLater);
        }
        let publish = Advice::Publish { name: NEW_NAME.to_owned(), record: NEW.to_owned() };
        check(waiting, late, OLD, "", Stage::Publish, &publish);
        check(keeping, 20, OLD, "", Stage::Publish, &Advice::SwitchBack);
        let restore = Advice::Restore { name: OLD_NAME.to_owned(), record: OLD.to_owned() };
        check(keeping, 20, "", NEW, keeping, &restore);
        check(keeping, 20, GONE, NEW, keeping, &restore);
        check(waiting, 20, "", NEW, waiting, &restore);
        check(keeping, 20, "?", NEW, keeping, &Advice::AskLater);
        // A clock that goes back only waits.
        check(waiting, 0, OLD, NEW, waiting, &Advice::Wait { until_s: 10 + 3600 + 2 * DAY_S });
        check(
            Stage::Wait { seen_s: u64::MAX },
            late,
            OLD,
            NEW,
            Stage::Wait { seen_s: u64::MAX },
            &Advice::Wait { until_s: u64::MAX },
        );
    }

    #[test]
    fn the_selector_that_signs_always_has_its_record() {
        for (stage, selector) in [
            (Stage::Publish, "a"),
            (Stage::Wait { seen_s: 0 }, "a"),
            (Stage::Keep { switched_s: 0 }, "b"),
            (Stage::Revoke, "b"),
            (Stage::Done, "b"),
        ] {
            assert_eq!(rotation(stage).signs_with(), Some(selector));
        }
    }

    #[test]
    fn a_first_key_has_nothing_to_keep() {
        let first = Rotation::begin("shop.example", None, place("b", NEW), u64::MAX).unwrap();
        assert_eq!((first.signs_with(), first.ttl_s), (None, TTL_S_MAX));
        let mut answers = HashMap::new();
        let question = Question::new(NEW_NAME, RecordKind::Txt);
        assert_eq!(first.step(0, &answers), Err(question.clone()));
        answers.insert(question.clone(), Answer::Txt(vec![NEW.replace("; ", ";").into_bytes()]));
        let (waiting, advice) = first.step(7, &answers).unwrap();
        assert_eq!(advice, Advice::Wait { until_s: 7 }, "nobody asked for it before");
        let (keeping, advice) = waiting.step(7, &answers).unwrap();
        assert_eq!((advice, keeping.signs_with()), (Advice::Switch, Some("b")));
        let (done, advice) = keeping.step(7, &answers).unwrap();
        assert_eq!((done.stage, advice), (Stage::Done, Advice::Nothing));
        answers.insert(question, Answer::NoSuchName);
        let restore = Advice::Restore { name: NEW_NAME.to_owned(), record: NEW.to_owned() };
        assert_eq!(keeping.step(7, &answers).unwrap().1, restore);
        assert!(
            first.is_new_record(&NEW.replace(' ', ""))
                && !first.is_new_record(OLD)
                && !first.is_new_record(GONE)
        );
    }

    #[test]
    fn a_change_that_would_break_mail_does_not_begin() {
        for (domain, old, new, wanted) in [
            ("shop", place("a", OLD), place("b", NEW), RotationError::Name),
            ("shop.example", place("a b", OLD), place("b", NEW), RotationError::Name),
            ("shop.example", place("a", OLD), place("", NEW), RotationError::Name),
            ("shop.example", place("a", OLD), place("A", NEW), RotationError::SameSelector),
            ("shop.example", place("a", OLD), place("b", GONE), RotationError::Record),
            ("shop.example", place("a", "v=DKIM1"), place("b", NEW), RotationError::Record),
        ] {
            assert_eq!(Rotation::begin(domain, Some(old), new, 0).err(), Some(wanted));
        }
    }
}
