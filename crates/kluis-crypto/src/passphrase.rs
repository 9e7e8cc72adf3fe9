//! Passphrases: Argon2id with the cost stored beside the salt, bounded when it is read from a file.

use argon2::{Algorithm, Argon2, Params, Version};

use crate::bytes::Reader;
use crate::secret::{Secret, SecretText};
use crate::slots::KeyringError;

/// Bytes of a salt.
pub(crate) const SALT_BYTES: usize = 16;
/// Most memory that a file may ask for: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// Most passes that a file may ask for.
const PASSES_MAX: u32 = 16;
/// Most lanes that a file may ask for.
const LANES_MAX: u32 = 16;

/// How much work a guess costs: memory, passes and lanes of Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for Argon2Cost {
    /// 256 MiB, 3 passes, 4 lanes: four times RFC 9106's second recommended option.
    fn default() -> Self {
        Self { memory_kib: 256 * 1024, passes: 3, lanes: 4 }
    }
}

impl Argon2Cost {
    /// Returns the cost, or `None` when it is outside what a keyring file may ask for.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let lanes_fit = (1..=LANES_MAX).contains(&lanes);
        let fits = lanes_fit && (8 * lanes..=MEMORY_KIB_MAX).contains(&memory_kib);
        (fits && (1..=PASSES_MAX).contains(&passes)).then_some(Self { memory_kib, passes, lanes })
    }

    /// Returns a cost of no protection at all, for tests: a guess takes microseconds.
    pub const fn test() -> Self {
        Self { memory_kib: 8, passes: 1, lanes: 1 }
    }

    /// Returns the memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Returns the number of passes.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Returns the number of lanes.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// Returns the stored form.
    pub(crate) fn to_bytes(self) -> [u8; 12] {
        let mut out = [0; 12];
        out[..4].copy_from_slice(&self.memory_kib.to_be_bytes());
        out[4..8].copy_from_slice(&self.passes.to_be_bytes());
        out[8..].copy_from_slice(&self.lanes.to_be_bytes());
        out
    }

    /// Reads the stored form and refuses a cost that would exhaust the machine.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, KeyringError> {
        let mut number = || reader.u32().ok_or(KeyringError::Malformed);
        let (memory_kib, passes, lanes) = (number()?, number()?, number()?);
        Self::new(memory_kib, passes, lanes).ok_or(KeyringError::Cost)
    }
}

/// Returns the key that Argon2id derives from a passphrase.
pub(crate) fn derive(
    passphrase: &SecretText,
    salt: &[u8; SALT_BYTES],
    cost: Argon2Cost,
) -> Result<Secret<32>, KeyringError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32));
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(|_| KeyringError::Cost)?);
    let mut key = Secret::zeroed();
    let derived = argon2.hash_password_into(passphrase.expose().as_bytes(), salt, key.expose_mut());
    derived.map(|()| key).map_err(|_| KeyringError::Memory)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::bytes::unhex;

    /// The reference implementation's test vector (phc-winner-argon2, test.c): Argon2id v1.3,
    /// t=2, m=2¹⁶ KiB, p=1, "password", "somesalt".
    #[test]
    fn argon2id_known_answer() {
        let params = Params::new(1 << 16, 2, 1, Some(32)).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; 32];
        argon2.hash_password_into(b"password", b"somesalt", &mut out).unwrap();
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(out.as_slice(), unhex(expected));
    }

    #[test]
    fn costs_that_exhaust_a_machine_are_refused() {
        for (memory, passes, lanes) in [
            (0, 1, 1),
            (7, 1, 1),
            (15, 1, 2),
            (MEMORY_KIB_MAX + 1, 1, 1),
            (u32::MAX, 1, 1),
            (64, 0, 1),
            (64, 17, 1),
            (64, u32::MAX, 1),
            (64, 1, 0),
            (1024, 1, 17),
            (64, 1, u32::MAX),
        ] {
            assert_eq!(Argon2Cost::new(memory, passes, lanes), None, "{memory} {passes} {lanes}");
        }
        let default = Argon2Cost::default();
        assert_eq!((default.memory_kib(), default.passes(), default.lanes()), (262_144, 3, 4));
        for cost in [default, Argon2Cost::test()] {
            assert_eq!(Argon2Cost::new(cost.memory_kib, cost.passes, cost.lanes), Some(cost));
            assert_eq!(Argon2Cost::read(&mut Reader::new(&cost.to_bytes())), Ok(cost));
        }
        let mut huge = default.to_bytes();
        huge[0] = 0xff;
        assert_eq!(Argon2Cost::read(&mut Reader::new(&huge)), Err(KeyringError::Cost));
        assert_eq!(Argon2Cost::read(&mut Reader::new(&huge[..11])), Err(KeyringError::Malformed));
    }

    #[test]
    fn salt_passphrase_and_cost_all_count() {
        let text = |text: &str| SecretText::new(text.to_owned());
        let base = derive(&text("one"), &[1; 16], Argon2Cost::test()).unwrap();
        let other_cost = Argon2Cost::new(16, 1, 1).unwrap();
        assert!(derive(&text("one"), &[1; 16], Argon2Cost::test()).unwrap() == base);
        assert!(derive(&text("one "), &[1; 16], Argon2Cost::test()).unwrap() != base);
        assert!(derive(&text("one"), &[2; 16], Argon2Cost::test()).unwrap() != base);
        assert!(derive(&text("one"), &[1; 16], other_cost).unwrap() != base);
    }
}
