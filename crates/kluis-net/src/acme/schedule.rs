//! When to renew, when to ask again and how long to wait after a failure; pure, with time and chance as parameters.

use std::time::Duration;

use kluis_model::TimeMs;
use serde::{Deserialize, Serialize};

/// The first wait after a failure; Let's Encrypt takes five failed proofs per name and hour.
const BACKOFF_FIRST: Duration = Duration::from_secs(300);
/// The longest wait after a failure.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(86_400);
/// The shortest time between two questions, whatever the authority says (RFC 9773 §4.3).
const ASK_MIN: Duration = Duration::from_secs(60);
/// How long to wait with asking again when the authority does not say (RFC 9773 §4.3.3).
const ASK_USUAL: Duration = Duration::from_secs(6 * 3600);
/// The least time a certificate is used before another early renewal: an authority that always says "now" gets no loop.
const EARLY_MIN: Duration = Duration::from_secs(12 * 3600);

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) from: TimeMs,
    pub(crate) until: TimeMs,
}

/// The window in which an authority would like a renewal (RFC 9773 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) start: TimeMs,
    pub(crate) end: TimeMs,
}

impl Life {
    fn length(self) -> Duration {
        self.until.since(self.from)
    }

    /// When a certificate is renewed that nobody advises about: at two thirds of its life, up to a thirtieth earlier,
    /// so that the servers of a provider do not all come at once. `chance` is uniform.
    pub(crate) fn renewal(self, chance: u32) -> TimeMs {
        self.from.plus(self.length() / 3 * 2).minus(part(self.length() / 30, chance))
    }

    /// The last moment for which advice is followed: a tenth of the life is kept for failures.
    fn latest(self) -> TimeMs {
        self.from.plus(self.length() / 10 * 9)
    }
}

impl Window {
    /// A random moment of the window (RFC 9773 §4.2), clamped: not before now, not so late that failures would let the
    /// certificate end, and not within twelve hours (or a third of its life) of its issue. `None` for a window that is
    /// none.
    pub(crate) fn moment(self, life: Life, issued: TimeMs, now: TimeMs, chance: u32) -> Option<TimeMs> {
        if self.end <= self.start {
            return None;
        }
        let earliest = issued.plus(EARLY_MIN.min(life.length() / 3)).max(now);
        let moment = self.start.plus(part(self.end.since(self.start), chance));
        Some(moment.min(life.latest()).max(earliest))
    }
}

/// How long to wait after so many failures in a row: 5 minutes, doubled each time, at most a day, give or take a fifth.
pub(crate) fn backoff(failures: u32, chance: u32) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let usual = doubled.min(WAIT_MAX);
    (usual / 5 * 4 + part(usual / 5 * 2, chance)).min(WAIT_MAX)
}

/// The wait after a failure for which the authority may have named one: the longer of the two, at most a day.
pub(crate) fn wait(failures: u32, retry_after: Option<Duration>, chance: u32) -> Duration {
    backoff(failures, chance).max(retry_after.unwrap_or_default().min(WAIT_MAX))
}

/// When to ask for advice again: as the authority says, between a minute and a day.
pub(crate) fn ask_again(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or(ASK_USUAL).clamp(ASK_MIN, WAIT_MAX)
}

/// A part of a length of time: none for 0, nearly all of it for the largest number.
fn part(of: Duration, chance: u32) -> Duration {
    let ms = of.as_millis() * u128::from(chance) / (u128::from(u32::MAX) + 1);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: TimeMs = TimeMs(1_795_000_000_000);

    fn life() -> Life {
        Life { from: NOW, until: NOW.plus(DAY * 90) }
    }

    #[test]
    fn without_advice_two_thirds_of_the_life_are_used() {
        assert_eq!(life().renewal(0), NOW.plus(DAY * 60));
        let last = life().renewal(u32::MAX);
        assert!(last >= NOW.plus(DAY * 57) && last < NOW.plus(DAY * 58));
        let ended = Life { from: NOW, until: NOW };
        assert_eq!(ended.renewal(7), NOW);
    }

    #[test]
    fn advice_is_followed_within_bounds() {
        let at = |days: u32| NOW.plus(DAY * days);
        let moment = |start, end, now, chance| Window { start, end }.moment(life(), NOW, now, chance);
        assert_eq!(moment(at(58), at(60), at(1), 0), Some(at(58)));
        assert_eq!(moment(at(58), at(60), at(1), 1 << 31), Some(at(59)));
        assert_eq!(moment(at(58), at(60), at(70), 0), Some(at(70)), "a window that has passed means now");
        assert_eq!(moment(at(88), at(99), at(1), 0), Some(at(81)), "later than the last tenth is too late");
        assert_eq!(moment(at(900), at(990), at(1), 0), Some(at(81)));
        let early = moment(TimeMs(0), TimeMs(1), NOW.plus(DAY / 24), 0);
        assert_eq!(
            early,
            Some(NOW.plus(DAY / 2)),
            "twelve hours at least, or an authority could make us loop"
        );
        assert_eq!(moment(TimeMs(0), TimeMs(1), at(3), 0), Some(at(3)), "revoked: now");
        assert_eq!(moment(at(60), at(60), at(1), 0), None);
        assert_eq!(moment(at(60), at(58), at(1), 0), None);
        let short = Life { from: NOW, until: NOW.plus(Duration::from_secs(6)) };
        let soon = Window { start: TimeMs(0), end: TimeMs(1) }.moment(short, NOW, NOW, 0);
        assert_eq!(soon, Some(NOW.plus(Duration::from_secs(2))));
    }

    #[test]
    fn waits_double_up_to_a_day_and_heed_the_authority() {
        let minutes = |failures| backoff(failures, 1 << 31).as_secs() / 60;
        assert_eq!([1, 2, 3, 4].map(minutes), [5, 10, 20, 40]);
        assert_eq!([9, 10, 40, u32::MAX].map(minutes), [1280, 1440, 1440, 1440]);
        assert_eq!((backoff(1, 0).as_secs(), backoff(0, 0).as_secs()), (240, 240));
        assert!(backoff(1, u32::MAX).as_secs() < 361);
        assert_eq!(wait(1, Some(Duration::from_secs(7200)), 0).as_secs(), 7200);
        assert_eq!(wait(4, Some(Duration::from_secs(1)), 0).as_secs(), 1920);
        assert_eq!(wait(1, Some(Duration::MAX), 0), WAIT_MAX);
    }

    #[test]
    fn advice_is_asked_for_between_every_minute_and_every_day() {
        let ask = |seconds: u64| ask_again(Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!((ask(0), ask(21_600), ask(u64::MAX)), (60, 21_600, 86_400));
        assert_eq!(ask_again(None).as_secs(), 21_600);
    }

    proptest! {
        #[test]
        fn no_advice_makes_it_too_late_or_a_loop(
            start in any::<i64>(), end in any::<i64>(), chance in any::<u32>(), age in 0_u32..81,
        ) {
            let now = NOW.plus(DAY * age);
            let window = Window { start: TimeMs(start), end: TimeMs(end) };
            if let Some(at) = window.moment(life(), NOW, now, chance) {
                prop_assert!(at >= now && at >= NOW.plus(DAY / 2) && at <= NOW.plus(DAY * 81));
            }
        }

        #[test]
        fn no_wait_is_short_or_endless(failures in any::<u32>(), seconds in any::<u64>(), chance in any::<u32>()) {
            let waited = wait(failures, Some(Duration::from_secs(seconds)), chance);
            prop_assert!(waited >= BACKOFF_FIRST / 5 * 4 && waited <= WAIT_MAX);
            prop_assert!(u32::try_from(waited.as_secs()).unwrap() > 0);
        }
    }
}
