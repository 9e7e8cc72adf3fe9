//! Strict-Transport-Security that grows: short while HTTPS is new and a mistake must be easy to undo, a year at last.
//!
//! It counts from the moment a certificate of somebody else than our own local authority was served first, kept in
//! `hsts.json`. Under the local authority it stays at five minutes: browsers that trust that authority would else be
//! locked out of the name for a year if it is ever served in another way.

use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use kluis_model::TimeMs;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::authority::write;
use crate::options::HstsOptions;

const DAY_S: u64 = 86_400;
/// Seconds in the first day, and under the local authority.
const FIRST_S: u64 = 300;

/// The header's value at any moment.
pub(crate) struct Hsts {
    options: HstsOptions,
    file: PathBuf,
    since: RwLock<Option<TimeMs>>,
    value: RwLock<HeaderValue>,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    since: TimeMs,
}

impl Hsts {
    /// Reads since when it counts.
    pub(crate) fn open(options: HstsOptions, folder: &Path) -> Self {
        let file = folder.join("hsts.json");
        let bytes = std::fs::read(&file).unwrap_or_default();
        let since = serde_json::from_slice::<Remembered>(&bytes).ok().map(|remembered| remembered.since);
        let value = RwLock::new(HeaderValue::from_static("max-age=0"));
        Self { options, file, since: RwLock::new(since), value }
    }

    /// The value for an answer.
    pub(crate) fn value(&self) -> HeaderValue {
        self.value.read().clone()
    }

    /// Works the value out anew; begins to count when the certificate is not of the local authority.
    pub(crate) fn refresh(&self, is_local: bool, now: TimeMs) {
        if !is_local && self.since.read().is_none() {
            *self.since.write() = Some(now);
            let bytes = serde_json::to_vec(&Remembered { since: now }).unwrap_or_default();
            if let Err(error) = write(&self.file, &bytes, 0o600) {
                // It begins anew after a restart, which is the safe side.
                tracing::warn!(%error, "since when HSTS counts cannot be kept");
            }
        }
        let since = self.since.read().filter(|_| !is_local);
        let text = directive(&self.options, since, now);
        // Invariant: digits and words are valid in a header value.
        if let Ok(value) = HeaderValue::try_from(text) {
            *self.value.write() = value;
        }
    }
}

/// The directives (RFC 6797 §6.1); those that are hard to take back only in full force.
fn directive(options: &HstsOptions, since: Option<TimeMs>, now: TimeMs) -> String {
    let max_age_s = max_age_s(options, since, now);
    let mut text = format!("max-age={max_age_s}");
    if max_age_s > 0 && max_age_s == options.max_age_s {
        if options.includes_subdomains {
            text.push_str("; includeSubDomains");
        }
        if options.is_for_preload {
            text.push_str("; preload");
        }
    }
    text
}

/// Seconds at a moment: five minutes for a day, a day for a week, a week for a month, then in full.
fn max_age_s(options: &HstsOptions, since: Option<TimeMs>, now: TimeMs) -> u64 {
    let full = options.max_age_s;
    if !options.is_ramped {
        return full;
    }
    let Some(since) = since else { return FIRST_S.min(full) };
    let step = match now.since(since).as_secs() / DAY_S {
        0 => FIRST_S,
        1..7 => DAY_S,
        7..30 => 7 * DAY_S,
        _ => full,
    };
    step.min(full)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use kluis_model::{Clock, FixedClock};

    use super::*;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);
    const DAY: Duration = Duration::from_secs(DAY_S);
    const FULL: HstsOptions = HstsOptions {
        max_age_s: 31_536_000,
        is_ramped: true,
        includes_subdomains: true,
        is_for_preload: true,
    };

    #[test]
    fn it_grows_with_the_days_and_a_restart_does_not_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let clock = FixedClock::new(NOW);
        let value = |is_local| {
            let hsts = Hsts::open(FULL, folder.path());
            hsts.refresh(is_local, clock.now());
            hsts.value().to_str().unwrap().to_owned()
        };
        assert_eq!(value(true), "max-age=300", "the local authority starts nothing");
        clock.advance(DAY * 100);
        assert_eq!(value(true), "max-age=300");
        let start = clock.now();
        let full = "max-age=31536000; includeSubDomains; preload";
        for (days, expected) in [
            (0, "max-age=300"),
            (1, "max-age=86400"),
            (6, "max-age=86400"),
            (7, "max-age=604800"),
            (29, "max-age=604800"),
            (30, full),
            (3000, full),
        ] {
            clock.set(start.plus(DAY * days));
            assert_eq!(value(false), expected, "day {days}");
        }
        assert_eq!(value(true), "max-age=300", "back to the local authority");
        clock.set(start.minus(DAY));
        assert_eq!(value(false), "max-age=300", "a clock that was set back");
    }

    #[test]
    fn what_is_configured_is_the_most_that_is_said() {
        let at = |options: &HstsOptions, days: u32| directive(options, Some(NOW), NOW.plus(DAY * days));
        let off = HstsOptions { max_age_s: 0, ..FULL };
        assert_eq!((at(&off, 0), at(&off, 99)), ("max-age=0".into(), "max-age=0".into()));
        let short =
            HstsOptions { max_age_s: 3600, includes_subdomains: false, is_for_preload: false, ..FULL };
        assert_eq!([0, 1, 99].map(|days| at(&short, days)), ["max-age=300", "max-age=3600", "max-age=3600"]);
        let steep = HstsOptions { is_ramped: false, is_for_preload: false, ..FULL };
        assert_eq!(directive(&steep, None, NOW), "max-age=31536000; includeSubDomains");
    }

    #[test]
    fn a_broken_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        for broken in ["", "{}", "x", r#"{"since":1}"#] {
            std::fs::write(folder.path().join("hsts.json"), broken).unwrap();
            let hsts = Hsts::open(FULL, folder.path());
            hsts.refresh(false, NOW);
            assert_eq!(hsts.value(), "max-age=300");
            assert!(std::fs::read_to_string(folder.path().join("hsts.json")).unwrap().contains("2026-11"));
        }
    }
}
