//! Sessions of signed-in people: in memory only, bounded, ended by idleness, age, sign-out or revocation.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kluis_app::{Erased, VerifyReport};
use kluis_model::{PiiText, PurposeId, SubjectId, TimeMs};
use parking_lot::Mutex;

/// Minutes without a request after which a session ends.
pub(crate) const IDLE_MINUTES: i64 = 15;
/// Hours after which a session always ends.
pub(crate) const ABSOLUTE_HOURS: i64 = 12;
/// Sessions at the same time; the one that was idle longest makes room.
const SESSIONS_MAX: usize = 1_024;
/// Searches and receipts one session remembers.
const REMEMBERED_MAX: usize = 8;
const MINUTE_MS: i64 = 60_000;

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing was done for a while.
    Idle,
    /// It was open for too long.
    Absolute,
}

impl Ended {
    /// The word in the address of the sign-in page.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Absolute => "absolute",
        }
    }
}

/// One signed-in person.
pub(crate) struct Session {
    /// The credential, asked again on every request so that a revocation counts at once.
    pub(crate) secret: PiiText,
    /// The token that every form sends back.
    pub(crate) csrf: String,
    begun: TimeMs,
    seen: AtomicI64,
    /// What this person has in hand.
    pub(crate) desk: Mutex<Desk>,
}

/// What lies ready for the next page, so that nothing personal or secret has to be in an address.
#[derive(Default)]
pub(crate) struct Desk {
    /// Key of the message about what was just done.
    pub(crate) notice: Option<&'static str>,
    /// The last searches.
    pub(crate) searches: VecDeque<(String, Search)>,
    /// A new credential that was not shown yet.
    pub(crate) secret: Option<NewSecret>,
    /// Receipts of customers erased by this person.
    pub(crate) receipts: VecDeque<(SubjectId, Erased)>,
    /// What the last file with reports of receivers held.
    pub(crate) taken: Option<super::mail_view::Taken>,
    /// The last verification asked for by this person.
    pub(crate) verification: Option<Verification>,
}

/// A search as typed.
#[derive(Clone)]
pub(crate) struct Search {
    /// What for.
    pub(crate) purpose: PurposeId,
    /// `name` or a field.
    pub(crate) by: String,
    /// What is looked for.
    pub(crate) text: PiiText,
}

/// A credential just made.
pub(crate) struct NewSecret {
    /// Its name.
    pub(crate) name: String,
    /// `staff` or `connector`.
    pub(crate) kind: &'static str,
    /// The secret.
    pub(crate) secret: PiiText,
}

/// A verification that runs or has run.
#[derive(Clone)]
pub(crate) enum Verification {
    /// Still going on.
    Running,
    /// Its result and when it came.
    Done(TimeMs, Arc<VerifyReport>),
    /// It could not be finished; the text is per language.
    Failed(Arc<kluis_app::AppError>),
}

impl Session {
    fn new(secret: PiiText, csrf: String, now: TimeMs) -> Self {
        Self { secret, csrf, begun: now, seen: AtomicI64::new(now.0), desk: Mutex::default() }
    }

    fn end(&self, now: TimeMs) -> Option<Ended> {
        if now.0 - self.begun.0 >= ABSOLUTE_HOURS * 60 * MINUTE_MS {
            return Some(Ended::Absolute);
        }
        let idle = now.0 - self.seen.load(Ordering::Relaxed) >= IDLE_MINUTES * MINUTE_MS;
        idle.then_some(Ended::Idle)
    }

    /// Puts a message on the next page.
    pub(crate) fn notice(&self, key: &'static str) {
        self.desk.lock().notice = Some(key);
    }
}

impl Desk {
    /// Remembers a search under a key; the oldest is forgotten.
    pub(crate) fn remember_search(&mut self, key: String, search: Search) {
        if self.searches.len() >= REMEMBERED_MAX {
            self.searches.pop_front();
        }
        self.searches.push_back((key, search));
    }

    /// The search under a key.
    pub(crate) fn find_search(&self, key: &str) -> Option<Search> {
        self.searches.iter().find(|(known, _)| known == key).map(|(_, search)| search.clone())
    }

    /// Keeps a receipt; the oldest is forgotten.
    pub(crate) fn keep_receipt(&mut self, id: SubjectId, erased: Erased) {
        if self.receipts.len() >= REMEMBERED_MAX {
            self.receipts.pop_front();
        }
        self.receipts.push_back((id, erased));
    }

    /// The receipt of a customer.
    pub(crate) fn find_receipt(&self, id: SubjectId) -> Option<Erased> {
        self.receipts.iter().rev().find(|(known, _)| *known == id).map(|(_, erased)| erased.clone())
    }
}

/// Every open session by the secret in its cookie.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

impl Sessions {
    /// Opens a session under a cookie's value that nobody has.
    pub(crate) fn open(&self, cookie: String, csrf: String, secret: PiiText, now: TimeMs) -> Arc<Session> {
        let session = Arc::new(Session::new(secret, csrf, now));
        let mut all = self.0.lock();
        all.retain(|_, session| session.end(now).is_none());
        if all.len() >= SESSIONS_MAX {
            let oldest = all.iter().min_by_key(|(_, session)| session.seen.load(Ordering::Relaxed));
            if let Some(cookie) = oldest.map(|(cookie, _)| cookie.clone()) {
                all.remove(&cookie);
            }
        }
        all.insert(cookie, session.clone());
        session
    }

    /// The session of a cookie, which counts as used now; `Err` says why it is over.
    pub(crate) fn find(&self, cookie: &str, now: TimeMs) -> Result<Option<Arc<Session>>, Ended> {
        let mut all = self.0.lock();
        let Some(session) = all.get(cookie) else { return Ok(None) };
        if let Some(ended) = session.end(now) {
            all.remove(cookie);
            return Err(ended);
        }
        session.seen.store(now.0, Ordering::Relaxed);
        Ok(Some(session.clone()))
    }

    /// Ends the session of a cookie.
    pub(crate) fn close(&self, cookie: &str) {
        self.0.lock().remove(cookie);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const NOW: TimeMs = TimeMs(1_795_487_820_000);

    fn later(minutes: i64) -> TimeMs {
        TimeMs(NOW.0 + minutes * MINUTE_MS)
    }

    fn open(sessions: &Sessions, cookie: &str, now: TimeMs) -> Arc<Session> {
        sessions.open(cookie.into(), "csrf".into(), "kks_x".into(), now)
    }

    #[test]
    fn a_session_ends_when_idle_and_each_request_keeps_it() {
        let sessions = Sessions::default();
        open(&sessions, "a", NOW);
        assert!(sessions.find("a", later(14)).unwrap().is_some());
        assert!(sessions.find("a", later(28)).unwrap().is_some());
        assert_eq!(sessions.find("a", later(43)).err(), Some(Ended::Idle));
        assert!(sessions.find("a", later(43)).unwrap().is_none(), "it is gone, not only idle");
    }

    #[test]
    fn a_session_ends_after_twelve_hours_however_busy() {
        let sessions = Sessions::default();
        open(&sessions, "a", NOW);
        for minutes in (10..ABSOLUTE_HOURS * 60).step_by(10) {
            assert!(sessions.find("a", later(minutes)).unwrap().is_some(), "{minutes}");
        }
        assert_eq!(sessions.find("a", later(ABSOLUTE_HOURS * 60)).err(), Some(Ended::Absolute));
    }

    #[test]
    fn a_closed_or_unknown_session_is_none() {
        let sessions = Sessions::default();
        open(&sessions, "a", NOW);
        for cookie in ["", "b", "A", "a "] {
            assert!(sessions.find(cookie, NOW).unwrap().is_none(), "{cookie}");
        }
        sessions.close("a");
        sessions.close("a");
        assert!(sessions.find("a", NOW).unwrap().is_none());
    }

    #[test]
    fn the_store_is_bounded_and_the_longest_idle_makes_room() {
        let sessions = Sessions::default();
        for number in 0..SESSIONS_MAX {
            open(&sessions, &format!("s{number}"), TimeMs(NOW.0 + i64::try_from(number).unwrap()));
        }
        let now = TimeMs(NOW.0 + 2_000);
        assert!(sessions.find("s0", now).unwrap().is_some(), "used again");
        open(&sessions, "new", now);
        assert!(sessions.find("s1", now).unwrap().is_none());
        assert!(sessions.find("s0", now).unwrap().is_some());
        assert_eq!(sessions.0.lock().len(), SESSIONS_MAX);
    }

    #[test]
    fn a_desk_remembers_a_few_searches() {
        let mut desk = Desk::default();
        let purpose = PurposeId::parse("order").unwrap();
        for number in 0..20 {
            let search = Search { purpose: purpose.clone(), by: "name".into(), text: "meer".into() };
            desk.remember_search(number.to_string(), search);
        }
        assert_eq!(desk.searches.len(), REMEMBERED_MAX);
        assert!(desk.find_search("19").is_some());
        assert!(desk.find_search("0").is_none());
    }
}
