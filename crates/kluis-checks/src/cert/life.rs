//! How long certificates live, and how long they may under the Baseline Requirements of the CA/Browser Forum.

use kluis_model::TimeMs;

const DAY_MS: i64 = 86_400_000;

/// Since when publicly trusted certificates live at most so many days, oldest first (BR §6.3.2 and its history:
/// ballots 193, SC-31 after Apple's rule, SC-081v3).
const LIMITS: [(TimeMs, u32); 5] = [
    (TimeMs(1_519_862_400_000), 825), // 2018-03-01
    (TimeMs(1_598_918_400_000), 398), // 2020-09-01
    (TimeMs(1_773_532_800_000), 200), // 2026-03-15
    (TimeMs(1_805_068_800_000), 100), // 2027-03-15
    (TimeMs(1_868_227_200_000), 47),  // 2029-03-15
];

/// Before 2018-03-01: 39 months.
const OLDEST_DAYS: u32 = 1188;

/// Days of validity as BR §6.3.2 counts them: both ends included, every started day counts. 0 when it ends before it
/// begins.
#[must_use]
pub fn life_days(not_before: TimeMs, not_after: TimeMs) -> u32 {
    let life = not_after.0.saturating_sub(not_before.0).saturating_add(1000);
    if life < 1000 {
        return 0;
    }
    u32::try_from(life.saturating_add(DAY_MS - 1) / DAY_MS).unwrap_or(u32::MAX)
}

/// Days that a certificate issued then may live.
#[must_use]
pub fn br_max_days(not_before: TimeMs) -> u32 {
    LIMITS.iter().rev().find(|(since, _)| *since <= not_before).map_or(OLDEST_DAYS, |(_, days)| *days)
}

/// Whether it is short-lived, so that nobody needs to be able to revoke it: at most 10 days when issued from
/// 2024-03-15 (ballot SC-063), at most 7 days when issued from 2026-03-15 (BR §1.6.1).
#[must_use]
pub fn is_short_lived(not_before: TimeMs, not_after: TimeMs) -> bool {
    const SINCE: TimeMs = TimeMs(1_710_460_800_000);
    const STRICTER_SINCE: TimeMs = TimeMs(1_773_532_800_000);
    let days = life_days(not_before, not_after);
    let days_max = match not_before {
        early if early < SINCE => 0,
        early if early < STRICTER_SINCE => 10,
        _ => 7,
    };
    (1..=days_max).contains(&days)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn at(text: &str) -> TimeMs {
        TimeMs(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn limits_begin_on_their_day() {
        let check = |day: &str, days| assert_eq!(br_max_days(at(&format!("{day}T00:00:00Z"))), days, "{day}");
        check("2015-01-01", 1188);
        check("2018-02-28", 1188);
        check("2018-03-01", 825);
        check("2020-08-31", 825);
        check("2020-09-01", 398);
        check("2026-03-14", 398);
        check("2026-03-15", 200);
        check("2027-03-14", 200);
        check("2027-03-15", 100);
        check("2029-03-14", 100);
        check("2029-03-15", 47);
        check("9999-12-01", 47);
        assert_eq!(br_max_days(at("2026-03-14T23:59:59Z")), 398);
        assert_eq!(br_max_days(TimeMs(i64::MIN)), 1188);
    }

    #[test]
    fn days_are_counted_with_both_ends() {
        let check = |from: &str, to: &str, days| assert_eq!(life_days(at(from), at(to)), days, "{from} {to}");
        check("2026-01-01T00:00:00Z", "2026-03-31T23:59:59Z", 90);
        check("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z", 91);
        check("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 1);
        check("2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", 0);
        check("2026-01-02T00:00:00Z", "2025-01-01T00:00:00Z", 0);
        assert_eq!(life_days(TimeMs(i64::MIN), TimeMs(i64::MAX)), u32::MAX);
        assert_eq!(life_days(TimeMs(i64::MAX), TimeMs(i64::MIN)), 0);
        check("1950-01-01T00:00:00Z", "9999-12-01T23:59:59Z", 2_940_172);
    }

    #[test]
    fn short_lives() {
        let check =
            |from: &str, to: &str, yes| assert_eq!(is_short_lived(at(from), at(to)), yes, "{from} {to}");
        check("2023-01-01T00:00:00Z", "2023-01-02T00:00:00Z", false);
        check("2025-01-01T00:00:00Z", "2025-01-10T23:59:59Z", true);
        check("2025-01-01T00:00:00Z", "2025-01-11T00:00:00Z", false);
        check("2026-05-01T00:00:00Z", "2026-05-07T23:59:59Z", true);
        check("2026-05-01T00:00:00Z", "2026-05-10T00:00:00Z", false);
        check("2026-05-01T00:00:00Z", "2026-04-01T00:00:00Z", false);
    }
}
