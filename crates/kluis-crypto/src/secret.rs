//! Key material and passphrases in memory: zeroised on drop, never printed, compared in constant time.

use std::fmt;

use kluis_model::Random;
use zeroize::{Zeroize, Zeroizing};

/// Holds `N` bytes of key material on the heap, so that moving it leaves no copy on the stack.
///
/// Zeroised on drop; `Debug` prints `***`; equality takes the same time for every content.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Returns a secret filled by `rng`.
    pub fn random(rng: &dyn Random) -> Self {
        let mut bytes = Box::new([0; N]);
        rng.fill(&mut bytes[..]);
        Self(bytes)
    }

    /// Returns a copy of `bytes` as a secret; the caller still has to zeroise its own copy.
    pub fn from_bytes(bytes: &[u8; N]) -> Self {
        Self(Box::new(*bytes))
    }

    /// Returns `bytes` as a secret, or `None` when it is not exactly `N` bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut out = Box::new([0; N]);
        if bytes.len() != N {
            return None;
        }
        out.copy_from_slice(bytes);
        Some(Self(out))
    }

    /// Returns a secret of zeroes for a callee to fill in place.
    pub(crate) fn zeroed() -> Self {
        Self(Box::new([0; N]))
    }

    /// Returns the bytes, for the one call that needs them.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// Returns the bytes to be written in place.
    pub(crate) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Clone for Secret<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        equal_constant_time(&self.0[..], &other.0[..])
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Holds a passphrase: zeroised on drop, `Debug` prints `***`.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes ownership of `text` and wipes it when dropped.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Returns whether `a` and `b` are equal; for equal lengths the time does not depend on the content.
pub(crate) fn equal_constant_time(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_content() {
        let secret = Secret::from_bytes(&[7u8; 32]);
        assert_eq!(format!("{secret:?}"), "***");
        let text = SecretText::new("correct horse battery".to_owned());
        assert_eq!(format!("{text:?}"), "***");
    }

    #[test]
    fn wrong_length_is_refused() {
        assert!(Secret::<32>::from_slice(&[0; 31]).is_none());
        assert!(Secret::<32>::from_slice(&[0; 33]).is_none());
        assert!(Secret::<32>::from_slice(&[]).is_none());
        assert!(Secret::<32>::from_slice(&[1; 32]) == Some(Secret::from_bytes(&[1; 32])));
        assert!(Secret::from_bytes(&[1u8; 4]) != Secret::from_bytes(&[1, 1, 1, 2]));
    }
}
