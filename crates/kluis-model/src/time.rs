//! Moments and calendar periods: Unix milliseconds, ISO 8601 durations of years, months, weeks and days, and the clock.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::{UnknownWord, parse_from};

/// Tells the time; the system's clock lives outside the pure crates.
pub trait Clock: Send + Sync {
    /// Returns the present moment.
    fn now(&self) -> TimeMs;
}

/// A clock that stands still until it is moved; for tests and for repeatable demonstrations.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Makes a clock that stands at `now`.
    #[must_use]
    pub const fn new(now: TimeMs) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Puts the clock at `now`, also backwards.
    pub fn set(&self, now: TimeMs) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for FixedClock {
    fn now(&self) -> TimeMs {
        TimeMs(self.0.load(Ordering::SeqCst))
    }
}

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
///
/// Written in RFC 3339, UTC, always three decimals: `2026-11-24T02:37:00.123Z`. Values outside the years −9999 to
/// 9999 are written as the nearest moment inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TimeMs(pub i64);

impl TimeMs {
    /// Returns the moment `by` later, at most the largest there is.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the moment `by` earlier, at least the smallest there is.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns how long after `earlier` this moment is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the moment a calendar period later, counted in UTC: 31 January + P1M = 28 or 29 February.
    ///
    /// Beyond the year 9999 the answer is the last moment of that year.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "the period is borrowed and the sum saturates")]
    pub fn add(self, period: &Period) -> Self {
        self.civil()
            .checked_add(period.span())
            .ok()
            .and_then(|later| Offset::UTC.to_timestamp(later).ok())
            .map_or(Self(Timestamp::MAX.as_millisecond()), |t| Self(t.as_millisecond()))
    }

    /// Returns the same as [`TimeMs::add`].
    #[must_use]
    pub fn add_period(self, period: Period) -> Self {
        self.add(&period)
    }

    /// Returns the first moment of the calendar year after the one in which this moment falls in the Netherlands.
    ///
    /// New Year in the Netherlands is always at UTC+1, so no time zone table is needed.
    #[must_use]
    pub fn end_of_year_nl(self) -> Self {
        const OFFSET: Duration = Duration::from_hours(1);
        let year = self.plus(OFFSET).civil().year();
        Date::new(year.saturating_add(1), 1, 1)
            .ok()
            .and_then(|day| Offset::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok())
            .map_or(Self(Timestamp::MAX.as_millisecond()), |t| Self(t.as_millisecond()).minus(OFFSET))
    }

    /// Returns the calendar date in UTC as `YYYY-MM-DD`.
    #[must_use]
    pub fn date(self) -> String {
        self.civil().date().to_string()
    }

    /// Returns the days since 1970-01-01 in UTC, the unit of the usage counters.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    /// Returns the nearest moment that jiff can hold, whole seconds at the ends.
    fn clamped(self) -> i64 {
        self.0.clamp(Timestamp::MIN.as_second() * 1_000, Timestamp::MAX.as_second() * 1_000)
    }

    fn civil(self) -> DateTime {
        let moment = Timestamp::from_millisecond(self.clamped()).unwrap_or(Timestamp::UNIX_EPOCH);
        Offset::UTC.to_datetime(moment)
    }
}

impl fmt::Display for TimeMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.civil();
        let ms = self.clamped().rem_euclid(1_000);
        let (date, hour, minute, second) = (t.date(), t.hour(), t.minute(), t.second());
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

impl FromStr for TimeMs {
    type Err = UnknownWord;

    /// Reads an RFC 3339 time with any offset; digits below the millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = UnknownWord { expected: "time (RFC 3339, like 2026-11-24T02:37:00.123Z)" };
        if text.len() > 40 || text.contains('[') {
            return Err(wrong);
        }
        let moment: Timestamp = text.parse().map_err(|_| wrong)?;
        Ok(Self(moment.as_millisecond()))
    }
}

impl Serialize for TimeMs {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeMs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parse_from(from)
    }
}

/// A calendar period in ISO 8601: `P7Y`, `P18M`, `P2W`, `P30D`, `P1Y6M`; at most 100 years, no times of day.
///
/// `P0D` is the empty period: "at once".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Period {
    years: u16,
    months: u16,
    weeks: u16,
    days: u16,
}

/// The largest number in front of each unit, so that no part exceeds 100 years.
const PARTS_MAX: [(u8, u16); 4] = [(b'Y', 100), (b'M', 1_200), (b'W', 5_218), (b'D', 36_525)];

impl Period {
    /// Makes a period of whole days, at most 36,525.
    #[must_use]
    pub fn days(days: u16) -> Self {
        Self { days: days.min(36_525), ..Self::default() }
    }

    /// Makes a period of whole years, at most 100.
    #[must_use]
    pub fn years(years: u16) -> Self {
        Self { years: years.min(100), ..Self::default() }
    }

    /// Tells whether the period is empty.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn parts(&self) -> [u16; 4] {
        [self.years, self.months, self.weeks, self.days]
    }

    fn span(&self) -> Span {
        // Invariant: every part is at most 36,525, far inside jiff's limits.
        Span::new().years(self.years).months(self.months).weeks(self.weeks).days(self.days)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P")?;
        for (part, (unit, _)) in self.parts().iter().zip(PARTS_MAX) {
            if *part > 0 {
                write!(f, "{part}{}", char::from(unit))?;
            }
        }
        if self.is_zero() { f.write_str("0D") } else { Ok(()) }
    }
}

impl FromStr for Period {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = UnknownWord { expected: "period (ISO 8601, like P7Y, P18M, P2W or P30D)" };
        let mut rest =
            text.strip_prefix('P').filter(|rest| !rest.is_empty() && rest.len() < 24).ok_or(wrong)?;
        let mut parts = [0; 4];
        let mut next = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let unit = rest.as_bytes().get(digits).copied().ok_or(wrong)?;
            let place = PARTS_MAX.iter().position(|(known, _)| *known == unit).ok_or(wrong)?;
            let number: u16 = rest[..digits].parse().map_err(|_| wrong)?;
            if place < next || number > PARTS_MAX[place].1 {
                return Err(wrong);
            }
            parts[place] = number;
            next = place + 1;
            rest = &rest[digits + 1..];
        }
        let [years, months, weeks, days] = parts;
        Ok(Self { years, months, weeks, days })
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parse_from(from)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> TimeMs {
        text.parse().unwrap()
    }

    #[test]
    fn writes_rfc_3339_with_three_decimals() {
        assert_eq!(TimeMs(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(TimeMs(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(at("2026-11-24T03:37:00.1239+01:00").to_string(), "2026-11-24T02:37:00.123Z");
        assert!(TimeMs(i64::MAX).to_string().starts_with("9999-12-30T"));
        assert!(TimeMs(i64::MIN).to_string().starts_with("-009999-"));
        assert_eq!(at("2026-11-24T23:37:00Z").date(), "2026-11-24");
    }

    #[test]
    fn refuses_what_is_not_a_moment() {
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T02:37:00",
            "2026-13-01T00:00:00Z",
            "now",
            "2026-11-24T02:37:00Z[UTC]",
            "1764000000",
        ] {
            assert!(text.parse::<TimeMs>().is_err(), "{text}");
        }
    }

    #[test]
    fn adds_calendar_periods() {
        let check = |from: &str, period: &str, to: &str| {
            assert_eq!(at(from).add_period(period.parse().unwrap()), at(to), "{from} + {period}");
        };
        check("2026-11-24T02:37:00Z", "P7Y", "2033-11-24T02:37:00Z");
        check("2024-02-29T00:00:00Z", "P1Y", "2025-02-28T00:00:00Z");
        check("2026-01-31T00:00:00Z", "P1M", "2026-02-28T00:00:00Z");
        check("2026-01-31T12:00:00Z", "P2W1D", "2026-02-15T12:00:00Z");
        check("2026-01-31T12:00:00Z", "P0D", "2026-01-31T12:00:00Z");
        assert_eq!(TimeMs(i64::MAX).add(&Period::years(100)).to_string(), TimeMs(i64::MAX).to_string());
    }

    #[test]
    fn refuses_what_is_not_a_period() {
        for text in [
            "", "P", "7Y", "PT1H", "P1Y2", "PY", "P1D1Y", "P1Y1Y", "P-1Y", "P101Y", "P1.5Y", "p7y",
            "P99999D", "P1é",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
        assert!("P0D".parse::<Period>().unwrap().is_zero());
    }

    #[test]
    fn the_year_ends_at_dutch_new_year() {
        let check = |from: &str, to: &str| assert_eq!(at(from).end_of_year_nl(), at(to), "{from}");
        check("2026-06-01T00:00:00Z", "2026-12-31T23:00:00Z");
        check("2026-12-31T22:59:59.999Z", "2026-12-31T23:00:00Z");
        check("2026-12-31T23:00:00Z", "2027-12-31T23:00:00Z");
        assert!(TimeMs(i64::MAX).end_of_year_nl() > at("9999-01-01T00:00:00Z"));
    }

    #[test]
    fn the_clock_stands_still_until_moved() {
        let clock = FixedClock::new(TimeMs(5));
        assert_eq!((clock.now(), clock.now()), (TimeMs(5), TimeMs(5)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), TimeMs(1_005));
        clock.set(TimeMs(1));
        assert_eq!(clock.now(), TimeMs(1));
        assert_eq!(TimeMs(10).since(TimeMs(4)), Duration::from_millis(6));
        assert_eq!(TimeMs(4).since(TimeMs(10)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn moments_round_trip(ms in -60_000_000_000_000_i64..250_000_000_000_000) {
            prop_assert_eq!(TimeMs(ms).to_string().parse::<TimeMs>().unwrap(), TimeMs(ms));
        }

        #[test]
        fn periods_round_trip(years in 0..=100_u16, months in 0..=1_200_u16, weeks in 0..=5_218_u16, days in 0..=36_525_u16) {
            let period = Period { years, months, weeks, days };
            prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
        }

        #[test]
        fn any_moment_can_be_shown_and_moved(ms: i64, days: u16) {
            let later = TimeMs(ms).add(&Period::days(days));
            prop_assert!(!later.to_string().is_empty());
        }
    }
}
