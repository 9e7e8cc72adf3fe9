//! Counts per minute for whatever listens: requests of a credential, and failed sign-ins from an address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use kluis_model::{CredentialId, TimeMs};
use parking_lot::Mutex;

/// Failed authentications from one address in a minute.
pub const FAILURES_PER_MINUTE: u32 = 60;
/// Failed authentications in a minute, from all addresses together, that are put on the record one
/// by one; beyond it they are counted only, or whoever has many addresses could fill the log.
const NOTED_PER_MINUTE: u32 = 600;
/// Most addresses or credentials remembered in one minute; beyond it nothing new is counted apart.
const KEYS_MAX: usize = 65_536;
const MINUTE_MS: i64 = 60_000;

/// Both counters.
#[derive(Debug)]
pub struct Limiter {
    requests_per_minute: u32,
    requests: Counter<CredentialId>,
    failures: Counter<IpAddr>,
    all_failures: Counter<()>,
}

impl Limiter {
    /// Lets a credential ask so many times in a minute.
    #[must_use]
    pub fn new(requests_per_minute: u32) -> Self {
        Self {
            requests_per_minute,
            requests: Counter::default(),
            failures: Counter::default(),
            all_failures: Counter::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The seconds to wait, when the credential has asked too often in this minute.
    pub fn request(&self, credential: CredentialId, now: TimeMs) -> Result<(), u32> {
        let count = self.requests.add(credential, now);
        if count > self.requests_per_minute { Err(wait_s(now)) } else { Ok(()) }
    }

    /// Tells whether an address may try to sign in.
    ///
    /// # Errors
    /// The seconds to wait, when it has failed too often in this minute.
    pub fn may_try(&self, address: IpAddr, now: TimeMs) -> Result<(), u32> {
        let count = self.failures.get(network(address), now);
        if count >= FAILURES_PER_MINUTE { Err(wait_s(now)) } else { Ok(()) }
    }

    /// Counts a failed authentication from an address; tells whether it is still to be put on the record.
    pub fn failed(&self, address: IpAddr, now: TimeMs) -> bool {
        self.failures.add(network(address), now);
        self.all_failures.add((), now) <= NOTED_PER_MINUTE
    }
}

/// Seconds until the next minute begins, at least 1.
fn wait_s(now: TimeMs) -> u32 {
    let left_ms = MINUTE_MS - now.0.rem_euclid(MINUTE_MS);
    u32::try_from(left_ms / 1000).unwrap_or(60).max(1)
}

/// One customer of a provider has a whole IPv6 /64; an address of IPv4 stands for itself.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
    }
}

/// Counts per key in the minute that runs; a new minute begins with nothing.
#[derive(Debug)]
struct Counter<K>(Mutex<Counts<K>>);

#[derive(Debug)]
struct Counts<K> {
    minute: i64,
    of: HashMap<K, u32>,
}

impl<K> Default for Counter<K> {
    fn default() -> Self {
        Self(Mutex::new(Counts { minute: 0, of: HashMap::new() }))
    }
}

impl<K: Eq + Hash> Counter<K> {
    /// Counts one more and returns the count.
    fn add(&self, key: K, now: TimeMs) -> u32 {
        let mut counts = self.0.lock();
        counts.turn(now);
        if counts.of.len() >= KEYS_MAX && !counts.of.contains_key(&key) {
            return 1;
        }
        let count = counts.of.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    fn get(&self, key: K, now: TimeMs) -> u32 {
        let mut counts = self.0.lock();
        counts.turn(now);
        counts.of.get(&key).copied().unwrap_or(0)
    }
}

impl<K> Counts<K> {
    fn turn(&mut self, now: TimeMs) {
        let minute = now.0.div_euclid(MINUTE_MS);
        if self.minute != minute {
            self.minute = minute;
            self.of.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const NOW: TimeMs = TimeMs(1_795_000_000_000 - 1_795_000_000_000 % MINUTE_MS);

    #[test]
    fn a_credential_waits_for_the_next_minute_and_others_do_not() {
        let limiter = Limiter::new(3);
        let (one, two) = (CredentialId::from_bytes([1; 16]), CredentialId::from_bytes([2; 16]));
        for _ in 0..3 {
            limiter.request(one, NOW).unwrap();
        }
        let late = TimeMs(NOW.0 + 50_000);
        assert_eq!(limiter.request(one, late), Err(10));
        limiter.request(two, late).unwrap();
        limiter.request(one, TimeMs(NOW.0 + MINUTE_MS)).unwrap();
    }

    #[test]
    fn many_addresses_cannot_fill_the_log() {
        let limiter = Limiter::new(1);
        let try_from = |n: u32, at| limiter.failed(IpAddr::from(n.to_be_bytes()), at);
        let noted = (0..5_000).filter(|n| try_from(*n, NOW)).count();
        assert_eq!(noted, NOTED_PER_MINUTE as usize);
        assert!(try_from(1, TimeMs(NOW.0 + MINUTE_MS)), "another minute");
    }

    #[test]
    fn an_address_that_fails_too_often_may_not_try_and_its_neighbour_may() {
        let limiter = Limiter::new(1);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for n in 0..FAILURES_PER_MINUTE {
            limiter.may_try(address("2001:db8::1"), NOW).unwrap();
            limiter.failed(address(&format!("2001:db8::{n:x}")), NOW);
            limiter.failed(address("::ffff:192.0.2.1"), NOW);
        }
        assert_eq!(limiter.may_try(address("2001:db8::ffff"), NOW), Err(60));
        assert_eq!(limiter.may_try(address("192.0.2.1"), NOW), Err(60));
        limiter.may_try(address("2001:db8:0:1::1"), NOW).unwrap();
        limiter.may_try(address("192.0.2.2"), NOW).unwrap();
        limiter.may_try(address("192.0.2.1"), TimeMs(NOW.0 + MINUTE_MS)).unwrap();
    }
}
