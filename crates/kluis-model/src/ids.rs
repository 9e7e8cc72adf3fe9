//! Identifiers as types, so that a subject's id can never stand where a request's id belongs.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::TimeMs;
use crate::wire::{UnknownWord, parse_from};

/// Where random bytes come from; the operating system's generator lives in kluis-crypto.
pub trait Random: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// The number of a shop (tenant and controller); the first shop is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShopId(pub i64);

impl fmt::Display for ShopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ShopId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "shop number";
        text.parse().map(Self).map_err(|_| UnknownWord { expected })
    }
}

/// Sixteen bytes in the layout of a UUID version 7 (RFC 9562 §5.7): ids made later sort later, so inserts stay sequential.
///
/// Written as lower-case hexadecimal with hyphens. `K` says whose id it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K> {
    bytes: [u8; 16],
    of: PhantomData<fn() -> K>,
}

/// Marks the id of a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfSubject {}
/// Marks the id of a credential.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfCredential {}
/// Marks the id of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfRequest {}
/// Marks the id of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfJob {}

/// The id of a person whose data is in the vault.
pub type SubjectId = Id<OfSubject>;
/// The id of a staff or connector credential.
pub type CredentialId = Id<OfCredential>;
/// The id of one request, also the incident number shown with an internal error.
pub type RequestId = Id<OfRequest>;
/// The id of a job.
pub type JobId = Id<OfJob>;

impl<K> Id<K> {
    /// Makes a fresh id from the time and ten random bytes.
    #[must_use]
    pub fn generate(now: TimeMs, random: &dyn Random) -> Self {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        Self::from_parts(now, bytes)
    }

    /// Makes an id from the time (a time before 1970 counts as 1970) and ten random bytes, of which 74 bits are used.
    #[must_use]
    pub fn from_parts(now: TimeMs, random: [u8; 10]) -> Self {
        let ms = u64::try_from(now.0).unwrap_or(0).to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms[2..]);
        bytes[6..].copy_from_slice(&random);
        bytes[6] = (bytes[6] & 0x0f) | 0x70;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self::from_bytes(bytes)
    }

    /// Makes an id from its sixteen bytes, whatever they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { bytes, of: PhantomData }
    }

    /// Returns the sixteen bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// Returns the time in the id, to the millisecond.
    #[must_use]
    pub fn time(&self) -> TimeMs {
        let ms = self.bytes[..6].iter().fold(0, |ms, byte| (ms << 8) | i64::from(*byte));
        TimeMs(ms)
    }

    fn hyphenated(&self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [b'-'; 36];
        let mut at = 0;
        for (n, byte) in self.bytes.iter().enumerate() {
            if matches!(n, 4 | 6 | 8 | 10) {
                at += 1;
            }
            out[at] = DIGITS[usize::from(byte >> 4)];
            out[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        out
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hyphenated()).unwrap_or_default())
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K> FromStr for Id<K> {
    type Err = UnknownWord;

    /// Reads the hyphenated form only; upper-case digits are accepted.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = UnknownWord { expected: "id (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)" };
        let text = text.as_bytes();
        if text.len() != 36 {
            return Err(wrong);
        }
        let mut bytes = [0; 16];
        let mut at = 0;
        for (n, byte) in bytes.iter_mut().enumerate() {
            if matches!(n, 4 | 6 | 8 | 10) {
                if text[at] != b'-' {
                    return Err(wrong);
                }
                at += 1;
            }
            let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let (Some(high), Some(low)) = (digit(text[at]), digit(text[at + 1])) else {
                return Err(wrong);
            };
            *byte = high << 4 | low;
            at += 2;
        }
        Ok(Self::from_bytes(bytes))
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parse_from(from)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_is_uuid_version_7_and_sorts_by_time() {
        let early = SubjectId::from_parts(TimeMs(1_000), [0xff; 10]);
        let late = SubjectId::from_parts(TimeMs(1_001), [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string(), "00000000-03e8-7fff-bfff-ffffffffffff");
        assert_eq!(early.time(), TimeMs(1_000));
        assert_eq!(SubjectId::from_parts(TimeMs(-5), [0; 10]).time(), TimeMs(0));
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for text in [
            "",
            "0",
            "00000000-03e8-7fff-bfff-fffffffffff",
            "00000000-03e8-7fff-bfff-ffffffffffff0",
            "0000000003e8-7fff-bfff-ffffffffffff-",
            "{0000000-03e8-7fff-bfff-ffffffffffff",
            "g0000000-03e8-7fff-bfff-ffffffffffff",
            "+0000000-03e8-7fff-bfff-ffffffffffff",
            "é000000-03e8-7fff-bfff-ffffffffffff",
        ] {
            assert!(text.parse::<SubjectId>().is_err(), "{text}");
        }
        assert!("1.5".parse::<ShopId>().is_err());
        assert!("".parse::<ShopId>().is_err());
    }

    proptest! {
        #[test]
        fn text_round_trips(bytes: [u8; 16]) {
            let id = RequestId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
            prop_assert_eq!(serde_json::from_str::<RequestId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            if let Ok(id) = text.parse::<JobId>() {
                prop_assert_eq!(id.to_string(), text.to_lowercase());
            }
        }
    }
}
