//! SHA-256, HKDF-SHA256 and HMAC-SHA256 as the rest of the crate uses them.

use aws_lc_rs::{digest, hkdf, hmac};

use crate::secret::Secret;

/// Returns SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    array32(digest::digest(&digest::SHA256, data).as_ref())
}

/// Returns SHA-256 over `parts`, each prefixed by its length as 8 bytes big endian.
pub fn sha256_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish()
}

/// SHA-256 over bytes that arrive in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Returns the hash of nothing yet.
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Adds `data`, without any separator.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// Returns the hash of everything added.
    pub fn finish(self) -> [u8; 32] {
        array32(self.0.finish().as_ref())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the subkey of `key` for `label`: HKDF-Expand of RFC 5869 §2.3 with `key` as its PRK.
///
/// The extract step is left out as §3.3 allows, because every `key` here is uniformly random.
pub(crate) fn subkey(key: &[u8; 32], label: &[&[u8]]) -> Secret<32> {
    let mut out = Secret::zeroed();
    expand(key, label, out.expose_mut());
    out
}

/// Fills `out` (at most 8160 bytes) with HKDF-Expand of `key` and `label`.
pub(crate) fn expand(key: &[u8; 32], label: &[&[u8]], out: &mut [u8]) {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key);
    let filled = prk.expand(label, OutputLength(out.len())).and_then(|okm| okm.fill(out));
    // Invariant: expanding fails only above 255 × 32 bytes, and every caller asks for 32 or 64.
    #[expect(clippy::expect_used, reason = "the length is fixed by our own callers")]
    filled.expect("HKDF output length is in range");
}

struct OutputLength(usize);

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

/// An HMAC-SHA256 key with both pads hashed beforehand; one call copies the state.
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    /// Returns the MAC key derived from `root` for `label`.
    pub(crate) fn derive(root: &[u8; 32], label: &[&[u8]]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, subkey(root, label).expose()))
    }

    /// Returns HMAC-SHA256 over `parts`, each prefixed by its length as 4 bytes big endian.
    ///
    /// The number of parts comes first, so that no two different lists give the same bytes.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac_chain(None, parts)
    }

    /// Returns [`MacKey::mac`] over `label` followed by `parts`.
    pub(crate) fn mac_labelled(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        self.mac_chain(Some(label), parts)
    }

    fn mac_chain(&self, first: Option<&[u8]>, parts: &[&[u8]]) -> [u8; 32] {
        const STACK_BYTES: usize = 512;
        let count = (parts.len() + usize::from(first.is_some())) as u32;
        let all = first.into_iter().chain(parts.iter().copied());
        let total = all.clone().map(|part| part.len() + 4).sum::<usize>() + 4;
        if total <= STACK_BYTES {
            let mut message = crate::bytes::Stack::<STACK_BYTES>::new();
            message.put(&count.to_be_bytes());
            for part in all {
                message.put(&(part.len() as u32).to_be_bytes());
                message.put(part);
            }
            return array32(hmac::sign(&self.0, message.as_slice()).as_ref());
        }
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&count.to_be_bytes());
        for part in all {
            context.update(&(part.len() as u32).to_be_bytes());
            context.update(part);
        }
        array32(context.sign().as_ref())
    }
}

/// Copies the first 32 bytes of a digest or tag.
fn array32(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(&bytes[..32]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869 appendix A.1, the expand step.
    #[test]
    fn hkdf_expand_known_answer() {
        let prk = crate::bytes::unhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let info = crate::bytes::unhex("f0f1f2f3f4f5f6f7f8f9");
        let mut key = [0; 32];
        key.copy_from_slice(&prk);
        let mut out = [0; 42];
        expand(&key, &[&info], &mut out);
        assert_eq!(
            hex::encode(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    /// RFC 4231 test case 2 through the raw HMAC below [`MacKey`].
    #[test]
    fn hmac_known_answer() {
        let key = MacKey(hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"));
        let tag = hmac::sign(&key.0, b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(tag.as_ref()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// FIPS 180-2 appendix B.1.
    #[test]
    fn sha256_known_answer() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(sha256(b"abc")), expected);
        let mut parts = Sha256::new();
        parts.update(b"a");
        parts.update(b"bc");
        assert_eq!(hex::encode(parts.finish()), expected);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(sha256_parts(&[b"ab", b"c"]), sha256_parts(&[b"a", b"bc"]));
        assert_ne!(sha256_parts(&[b"ab"]), sha256_parts(&[b"ab", b""]));
        let key = MacKey::derive(&[1; 32], &[b"test"]);
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
        assert_ne!(key.mac(&[b"ab"]), key.mac(&[b"ab", b""]));
        assert_ne!(key.mac(&[]), key.mac(&[b""]));
        let long = [9u8; 600];
        assert_ne!(key.mac(&[&long]), key.mac(&[&long[..599], &long[599..]]));
    }

    #[test]
    fn short_and_long_messages_agree() {
        let key = MacKey::derive(&[1; 32], &[b"test"]);
        let mut context = hmac::Context::with_key(&key.0);
        context.update(&[0, 0, 0, 1, 0, 0, 0, 3]);
        context.update(b"abc");
        assert_eq!(&key.mac(&[b"abc"])[..], context.sign().as_ref());
    }
}
