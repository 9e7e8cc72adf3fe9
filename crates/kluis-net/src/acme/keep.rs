//! The loop that keeps one certificate fresh: when to order, when to ask for advice, when to wait, over restarts too.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::CertificateIdentifier;
use kluis_crypto::SystemRandom;
use kluis_model::{Random, TimeMs};
use tokio::time::{sleep, timeout};

use super::client::{Advice, Https, Now};
use super::files::{Files, Held, State};
use super::order::Ordering;
use super::schedule::{self, WAIT_MAX};
use super::{AcmeError, AcmeOptions, Challenges, Progress};

/// How often it is looked whether somebody asks for a renewal.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The longest time for one attempt.
const ATTEMPT_WAIT: Duration = Duration::from_secs(1_200);
/// So many attempts that the end of the program cut short are repeated at once; after more, it is waited as after
/// failures, so that a program that is started over and over orders no faster.
const UNFINISHED_FREE: u32 = 3;

/// Keeps one certificate fresh.
pub struct Keeper {
    options: AcmeOptions,
    files: Files,
    https: Https,
    challenges: Arc<Challenges>,
    now: Now,
    state: State,
    held: Option<Held>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Order,
    Ask,
    Wait(TimeMs),
}

impl Keeper {
    /// Opens the folder. Proofs are put into `challenges`, where the listeners find them.
    ///
    /// # Errors
    /// When the folder cannot be made or the root file cannot be read.
    pub fn open(
        options: AcmeOptions,
        challenges: Arc<Challenges>,
        now: Arc<dyn Fn() -> TimeMs + Send + Sync>,
    ) -> Result<Self, AcmeError> {
        let files = Files::new(&options.folder);
        files.make_folder()?;
        let https = Https::new(options.root_file.as_deref(), now.clone())?;
        let mut state = files.state();
        let held = files.held();
        if state.unfinished >= UNFINISHED_FREE && state.wait_until.is_none_or(|until| until <= now()) {
            state.wait_until = Some(now().plus(schedule::backoff(state.unfinished, chance())));
        }
        Ok(Self { options, files, https, challenges, now, state, held })
    }

    /// How renewal stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let now = (self.now)();
        Progress {
            next_renewal: self.state.renew_at.filter(|_| self.held.is_some()),
            next_try: self.state.wait_until.filter(|until| *until > now),
            failures: self.state.failures,
            last_error: self.state.last_error.clone(),
            last_error_at: self.state.last_error_at,
        }
    }

    /// Keeps the certificate fresh for ever; `told` hears of every change, after a new certificate is in its file.
    pub async fn run(mut self, told: impl Fn(&Progress) + Send) {
        self.plan();
        told(&self.progress());
        loop {
            let is_asked = self.files.take_request();
            match self.next(is_asked) {
                Next::Order => self.attempt().await,
                Next::Ask => self.ask().await,
                Next::Wait(until) => {
                    // Short sleeps: a machine that slept, or whose clock was set, is noticed.
                    sleep(until.since((self.now)()).clamp(Duration::from_millis(50), LOOK_EVERY)).await;
                    continue;
                }
            }
            if let Err(error) = self.files.save_state(&self.state) {
                tracing::error!(%error, "the state of the certificate cannot be kept");
            }
            told(&self.progress());
        }
    }

    /// Fills in when to renew, when that is not known: a first start beside a certificate, or a lost state.
    fn plan(&mut self) {
        if let (Some(held), None) = (&self.held, self.state.renew_at) {
            self.state.renew_at = Some(held.life.renewal(chance()));
        }
    }

    fn next(&self, is_asked: bool) -> Next {
        let (now, state) = ((self.now)(), &self.state);
        let is_due = match &self.held {
            None => true,
            Some(held) => {
                let covers = self.options.names.iter().all(|name| held.names.contains(name));
                let is_elsewhere =
                    state.directory.as_ref().is_some_and(|from| *from != self.options.directory);
                !covers || is_elsewhere || state.renew_at.is_none_or(|at| at <= now)
            }
        };
        let pause = state.wait_until.filter(|until| *until > now);
        match pause {
            _ if is_asked => Next::Order,
            None if is_due => Next::Order,
            Some(until) if is_due => Next::Wait(until),
            _ if state.ask_at.is_none_or(|at| at <= now) => Next::Ask,
            _ => Next::Wait(state.renew_at.into_iter().chain(state.ask_at).min().unwrap_or(now)),
        }
    }

    /// Orders once. The old certificate stays in force unless a whole new one is in its place.
    async fn attempt(&mut self) {
        self.state.unfinished = self.state.unfinished.saturating_add(1);
        let ordered = match self.files.save_state(&self.state) {
            Ok(()) => self.order().await,
            // What cannot be remembered would be repeated without end.
            Err(error) => Err(error),
        };
        self.challenges.clear();
        let now = (self.now)();
        match ordered {
            Ok(held) => {
                tracing::info!(names = ?held.names, until = %held.life.until, "a new certificate is in force");
                self.state = State {
                    directory: Some(self.options.directory.clone()),
                    issued: Some(now),
                    renew_at: Some(held.life.renewal(chance())),
                    ..State::default()
                };
                self.held = Some(held);
            }
            Err(error) => {
                let failures = self.state.failures.saturating_add(1);
                let pause = schedule::wait(failures, error.retry_after, chance());
                tracing::warn!(%error, failures, pause_s = pause.as_secs(), "no new certificate; the old one stays");
                self.state.failures = failures;
                self.state.unfinished = 0;
                self.state.wait_until = Some(now.plus(pause));
                self.state.last_error = Some(error.text);
                self.state.last_error_at = Some(now);
            }
        }
    }

    async fn order(&self) -> Result<Held, AcmeError> {
        let ordering = Ordering {
            options: &self.options,
            files: &self.files,
            https: &self.https,
            challenges: &self.challenges,
        };
        let is_from_here = self.state.directory.as_ref() == Some(&self.options.directory);
        let replaced = self.held.as_ref().filter(|_| is_from_here).map(|held| &held.der);
        let pem = match timeout(ATTEMPT_WAIT, ordering.obtain(replaced)).await {
            Ok(obtained) => obtained?,
            Err(_) => return Err(AcmeError::new("the order took too long")),
        };
        let installed = self.files.install(&pem, &self.options.names, (self.now)());
        // Fetched or useless: either way this order has given all it can.
        self.files.forget_pending();
        installed
    }

    /// Asks the authority when it would like a renewal (RFC 9773), and follows within bounds.
    async fn ask(&mut self) {
        let (now, advice) = ((self.now)(), self.advice().await);
        let retry_after = match &advice {
            // Without advice there is little to hope for soon.
            Ok(None) => Some(WAIT_MAX),
            Ok(Some(advice)) => advice.retry_after,
            Err(error) => {
                tracing::debug!(%error, "no advice on renewal");
                error.retry_after
            }
        };
        self.state.ask_at = Some(now.plus(schedule::ask_again(retry_after)));
        let (Ok(Some(advice)), Some(held)) = (advice, &self.held) else { return };
        if self.state.window == Some(advice.window) && self.state.renew_at.is_some() {
            return;
        }
        let issued = self.state.issued.unwrap_or(held.life.from);
        if let Some(at) = advice.window.moment(held.life, issued, now, chance()) {
            tracing::info!(at = %at, "the certificate authority advises when to renew");
            self.state.renew_at = Some(at);
            self.state.window = Some(advice.window);
        }
    }

    async fn advice(&self) -> Result<Option<Advice>, AcmeError> {
        let Some(held) = &self.held else { return Ok(None) };
        let Some(url) = self.https.directory(&self.options.directory).await?.renewal_info else {
            return Ok(None);
        };
        let id = CertificateIdentifier::try_from(&held.der).map_err(AcmeError::new)?;
        self.https.advice(&url, &id.to_string()).await.map(Some)
    }
}

/// A uniform number.
fn chance() -> u32 {
    let mut bytes = [0; 4];
    SystemRandom.fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use kluis_model::{Clock, FixedClock};

    use super::*;
    use crate::acme::Proof;
    use crate::acme::schedule::Window;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    struct Case {
        folder: tempfile::TempDir,
        clock: Arc<FixedClock>,
    }

    impl Case {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), clock: Arc::new(FixedClock::new(NOW)) }
        }

        fn options(&self) -> AcmeOptions {
            AcmeOptions {
                // Nobody listens on the discard port of loopback.
                directory: "https://127.0.0.1:9/dir".into(),
                contact: Vec::new(),
                names: vec!["winkel.example".into()],
                proof: Proof::Http01,
                profile: None,
                external_account: None,
                root_file: None,
                folder: self.folder.path().to_path_buf(),
            }
        }

        fn open(&self) -> Keeper {
            let clock = self.clock.clone();
            let mut keeper =
                Keeper::open(self.options(), Arc::default(), Arc::new(move || clock.now())).unwrap();
            keeper.plan();
            keeper
        }

        /// Puts a certificate of 90 days into the folder.
        fn hold(&self, name: &str) {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(2026, 11, 18);
            params.not_after = rcgen::date_time_ymd(2027, 2, 16);
            let pem = format!("{}{}", key.serialize_pem(), params.self_signed(&key).unwrap().pem());
            Files::new(self.folder.path()).install(&pem, &[name.to_owned()], NOW).unwrap();
        }

        fn save(&self, state: &State) {
            Files::new(self.folder.path()).save_state(state).unwrap();
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_ordered_at_once() {
        let case = Case::new();
        assert_eq!(case.open().next(false), Next::Order);
        case.hold("elsewhere.example");
        assert_eq!(case.open().next(false), Next::Order, "other names");
        case.hold("winkel.example");
        assert_eq!(case.open().next(false), Next::Ask, "advice is asked for first");
        case.save(&State { directory: Some("https://other.example/".into()), ..State::default() });
        assert_eq!(case.open().next(false), Next::Order, "another authority");
    }

    #[test]
    fn renewal_comes_in_time_without_any_state() {
        let case = Case::new();
        case.hold("winkel.example");
        let at = case.open().state.renew_at.unwrap();
        let from: TimeMs = "2026-11-18T00:00:00Z".parse().unwrap();
        assert!(at >= from.plus(DAY * 57) && at <= from.plus(DAY * 60), "{at}");
        case.save(&State {
            renew_at: Some(NOW.plus(DAY)),
            ask_at: Some(NOW.plus(DAY * 2)),
            ..State::default()
        });
        assert_eq!(case.open().next(false), Next::Wait(NOW.plus(DAY)));
        assert_eq!(case.open().next(true), Next::Order, "somebody asks");
        case.clock.advance(DAY);
        assert_eq!(case.open().next(false), Next::Order);
    }

    #[tokio::test]
    async fn a_failure_waits_longer_each_time_also_over_restarts() {
        let case = Case::new();
        let mut last = Duration::ZERO;
        for failures in 1..5 {
            let mut keeper = case.open();
            assert_eq!(keeper.next(false), Next::Order);
            keeper.attempt().await;
            keeper.files.save_state(&keeper.state).unwrap();
            let progress = case.open().progress();
            assert_eq!((progress.failures, progress.last_error_at), (failures, Some(case.clock.now())));
            assert!(progress.last_error.unwrap().contains("127.0.0.1:9"));
            let until = progress.next_try.unwrap();
            assert_eq!(case.open().next(false), Next::Wait(until));
            let pause = until.since(case.clock.now());
            assert!(pause > last, "{pause:?} after {last:?}");
            last = pause;
            case.clock.set(until);
        }
    }

    #[test]
    fn a_program_that_is_started_over_and_over_orders_no_faster() {
        let case = Case::new();
        case.save(&State { unfinished: UNFINISHED_FREE - 1, ..State::default() });
        assert_eq!(case.open().next(false), Next::Order);
        case.save(&State { unfinished: UNFINISHED_FREE, ..State::default() });
        assert!(
            matches!(case.open().next(false), Next::Wait(until) if until.since(NOW) > Duration::from_secs(600))
        );
    }

    #[tokio::test]
    async fn an_authority_that_gives_no_advice_is_asked_again_later_and_changes_nothing() {
        let case = Case::new();
        case.hold("winkel.example");
        let mut keeper = case.open();
        let before = keeper.state.renew_at;
        keeper.ask().await;
        assert_eq!((keeper.state.renew_at, keeper.state.window), (before, None));
        assert_eq!(keeper.state.ask_at, Some(NOW.plus(Duration::from_secs(6 * 3600))));
        let window = Window { start: NOW, end: NOW.plus(DAY) };
        keeper.state.window = Some(window);
        assert_eq!(keeper.progress().last_error, None, "advice that cannot be had is no trouble");
    }
}
