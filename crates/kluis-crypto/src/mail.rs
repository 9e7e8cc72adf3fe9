//! Signatures of mail (DKIM, ARC): RSA PKCS#1 v1.5 and Ed25519 over a hash, making keys, and the forms of keys.
//!
//! SHA-1 is here only so that a verifier can say "this would have matched, but it is too old" (RFC 8301 §3.1).

use std::fmt;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_SHA256, RsaKeyPair, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kluis_model::Random;
use zeroize::Zeroizing;

use crate::secret::{Secret, SecretText};

/// Bits of an RSA key that a verifier must accept at least (RFC 8301 §3.2).
pub const RSA_BITS_MIN: u32 = 1024;
/// Bits of an RSA key that can be checked at most.
pub const RSA_BITS_MAX: u32 = 8192;
/// Bytes of an encoded key that are read.
const KEY_BYTES_MAX: usize = 16 * 1024;
/// `INTEGER 0, AlgorithmIdentifier Ed25519, OCTET STRING { OCTET STRING` before the 32 bytes (RFC 8410 §7).
const ED25519_PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// `SubjectPublicKeyInfo` of Ed25519 before the 32 bytes (RFC 8410 §4).
const ED25519_SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// The object identifier `rsaEncryption`, 1.2.840.113549.1.1.1, with its tag and length.
const RSA_OID: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// A private key that signs mail; `Debug` prints no content, the memory is wiped when dropped.
pub struct MailPrivateKey {
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Which key to make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MailKeyKind {
    /// RSA with 2048 bits: what every receiver understands.
    #[default]
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// Ed25519 (RFC 8463): beside RSA, not instead of it.
    Ed25519,
}

/// Why a key cannot be used. Never contains the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailKeyProblem {
    /// It is no key in any known form.
    #[error("not a key")]
    Format,
    /// RSA with fewer bits than is allowed: 2048 to sign, 1024 to verify.
    #[error("an RSA key that is too small")]
    TooSmall,
    /// RSA with more bits than can be checked.
    #[error("an RSA key that is too large")]
    TooLarge,
    /// The cipher library gave no key.
    #[error("no key could be made")]
    NotMade,
}

impl MailPrivateKey {
    /// Makes a key. An Ed25519 key comes from `rng`; RSA keys come from the generator inside the cipher library, which
    /// takes no other source.
    ///
    /// # Errors
    /// `NotMade` when the library fails.
    pub fn generate(kind: MailKeyKind, rng: &dyn Random) -> Result<Self, MailKeyProblem> {
        let size = match kind {
            MailKeyKind::Rsa2048 => KeySize::Rsa2048,
            MailKeyKind::Rsa3072 => KeySize::Rsa3072,
            MailKeyKind::Ed25519 => return Self::from_seed(&Secret::random(rng)),
        };
        let pair = RsaKeyPair::generate(size).map_err(|_| MailKeyProblem::NotMade)?;
        Self::from_rsa(pair)
    }

    /// Returns the Ed25519 key with a seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// `NotMade` when the library refuses it.
    pub fn from_seed(seed: &Secret<32>) -> Result<Self, MailKeyProblem> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| MailKeyProblem::NotMade)?;
        let mut pkcs8 = Zeroizing::new(Vec::with_capacity(48));
        pkcs8.extend_from_slice(&ED25519_PKCS8_HEAD);
        pkcs8.extend_from_slice(seed.expose());
        Ok(Self { pair: Pair::Ed25519(pair), pkcs8 })
    }

    /// Reads a PKCS#8 document (RFC 5958), or an RSA key as PKCS#1 (RFC 8017 A.1.2).
    ///
    /// # Errors
    /// When it is no such key, or RSA under 2048 bits.
    pub fn from_der(der: &[u8]) -> Result<Self, MailKeyProblem> {
        if der.len() > KEY_BYTES_MAX {
            return Err(MailKeyProblem::TooLarge);
        }
        if let Some(seed) = der.strip_prefix(&ED25519_PKCS8_HEAD).and_then(Secret::from_slice) {
            return Self::from_seed(&seed);
        }
        let pair = RsaKeyPair::from_pkcs8(der).or_else(|first| {
            RsaKeyPair::from_der(der).map_err(|second| {
                // The library's word for a size is the only way to tell a small key from none.
                let is_small = [first, second].iter().any(|error| error.to_string() == "TooSmall");
                if is_small { MailKeyProblem::TooSmall } else { MailKeyProblem::Format }
            })
        })?;
        Self::from_rsa(pair)
    }

    /// Reads a PEM text: `PRIVATE KEY` or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// When it is no such text, or RSA under 2048 bits.
    pub fn from_pem(text: &SecretText) -> Result<Self, MailKeyProblem> {
        let text = text.expose();
        let inside = ["PRIVATE KEY", "RSA PRIVATE KEY"].iter().find_map(|label| {
            let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
            Some(rest.split_once(&format!("-----END {label}-----"))?.0)
        });
        let inside =
            inside.filter(|inside| inside.len() <= 2 * KEY_BYTES_MAX).ok_or(MailKeyProblem::Format)?;
        let mut letters = Zeroizing::new(String::with_capacity(inside.len()));
        letters.extend(inside.chars().filter(|c| !c.is_ascii_whitespace()));
        let der = Zeroizing::new(STANDARD.decode(letters.as_bytes()).map_err(|_| MailKeyProblem::Format)?);
        Self::from_der(&der)
    }

    fn from_rsa(pair: RsaKeyPair) -> Result<Self, MailKeyProblem> {
        let der = AsDer::<Pkcs8V1Der<'static>>::as_der(&pair).map_err(|_| MailKeyProblem::NotMade)?;
        let pkcs8 = Zeroizing::new(der.as_ref().to_vec());
        Ok(Self { pair: Pair::Rsa(pair), pkcs8 })
    }

    /// Returns the PKCS#8 document, for the one place that seals it.
    #[must_use]
    pub fn expose_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Returns the PKCS#8 document as PEM text.
    #[must_use]
    pub fn to_pem(&self) -> SecretText {
        let letters = Zeroizing::new(STANDARD.encode(&*self.pkcs8));
        let mut text = String::with_capacity(letters.len() + letters.len() / 64 + 80);
        text.push_str("-----BEGIN PRIVATE KEY-----\n");
        let mut rest = letters.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = more;
        }
        text.push_str("-----END PRIVATE KEY-----\n");
        SecretText::new(text)
    }

    /// Returns whether it is an Ed25519 key; otherwise it is RSA.
    #[must_use]
    pub fn is_ed25519(&self) -> bool {
        matches!(self.pair, Pair::Ed25519(_))
    }

    /// Returns the public key as a `SubjectPublicKeyInfo` document (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// `NotMade` when the library cannot write it.
    pub fn public_spki(&self) -> Result<Vec<u8>, MailKeyProblem> {
        match &self.pair {
            Pair::Rsa(pair) => AsDer::<PublicKeyX509Der<'static>>::as_der(pair.public_key())
                .map(|der| der.as_ref().to_vec())
                .map_err(|_| MailKeyProblem::NotMade),
            Pair::Ed25519(pair) => Ok([&ED25519_SPKI_HEAD, pair.public_key().as_ref()].concat()),
        }
    }

    /// Returns what stands in `p=` before base64: `SubjectPublicKeyInfo` for RSA (RFC 6376 §3.6.1), 32 bytes for
    /// Ed25519 (RFC 8463 §4.2).
    ///
    /// # Errors
    /// `NotMade` when the library cannot write it.
    pub fn public_record(&self) -> Result<Vec<u8>, MailKeyProblem> {
        match &self.pair {
            Pair::Rsa(_) => self.public_spki(),
            Pair::Ed25519(pair) => Ok(pair.public_key().as_ref().to_vec()),
        }
    }

    /// Signs a SHA-256 hash: RSASSA-PKCS1-v1_5, or Ed25519 over its 32 bytes (RFC 8463 §3). The same hash gives the
    /// same signature. `None` for a hash of another kind.
    #[must_use]
    pub fn sign(&self, hash: &MailDigest) -> Option<Vec<u8>> {
        if hash.0.algorithm() != &digest::SHA256 {
            return None;
        }
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &hash.0, &mut signature).ok()?;
                Some(signature)
            }
            Pair::Ed25519(pair) => Some(pair.try_sign(hash.0.as_ref()).ok()?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for MailPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_ed25519() { "MailPrivateKey(Ed25519 ***)" } else { "MailPrivateKey(RSA ***)" })
    }
}

/// A public key that checks mail.
pub struct MailPublicKey {
    der: Vec<u8>,
    bits: u32,
    is_pkcs1: bool,
    is_ed25519: bool,
}

impl MailPublicKey {
    /// Reads an RSA key as `SubjectPublicKeyInfo`, or as PKCS#1 `RSAPublicKey`. A key of any size is read, so that the
    /// caller can tell its size; [`MailPublicKey::verify`] takes only [`RSA_BITS_MIN`] to [`RSA_BITS_MAX`].
    ///
    /// # Errors
    /// `Format`, or `TooLarge`.
    pub fn rsa(der: &[u8]) -> Result<Self, MailKeyProblem> {
        if der.len() > KEY_BYTES_MAX {
            return Err(MailKeyProblem::TooLarge);
        }
        let inside = rsa_inside_spki(der);
        let is_pkcs1 = inside.is_none();
        let bits = modulus_bits(inside.unwrap_or(der)).ok_or(MailKeyProblem::Format)?;
        if bits > RSA_BITS_MAX {
            return Err(MailKeyProblem::TooLarge);
        }
        // The library reads the bare form fastest.
        Ok(Self { der: inside.unwrap_or(der).to_vec(), bits, is_pkcs1, is_ed25519: false })
    }

    /// Reads an Ed25519 key: its 32 bytes, or a `SubjectPublicKeyInfo` around them.
    ///
    /// # Errors
    /// `Format`.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, MailKeyProblem> {
        let bytes = bytes.strip_prefix(&ED25519_SPKI_HEAD).unwrap_or(bytes);
        if bytes.len() != 32 {
            return Err(MailKeyProblem::Format);
        }
        Ok(Self { der: bytes.to_vec(), bits: 256, is_pkcs1: false, is_ed25519: true })
    }

    /// Returns the bits of the modulus; 256 for Ed25519.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Returns whether an RSA key was written as PKCS#1, which not every receiver reads.
    #[must_use]
    pub fn is_pkcs1(&self) -> bool {
        self.is_pkcs1
    }

    /// Returns whether a signature over a hash is this key's; the hash says whether SHA-256 or SHA-1 was used.
    #[must_use]
    pub fn verify(&self, hash: &MailDigest, signature: &[u8]) -> bool {
        if self.is_ed25519 {
            return hash.0.algorithm() == &digest::SHA256
                && ED25519.verify_sig(&self.der, hash.0.as_ref(), signature).is_ok();
        }
        if self.bits < RSA_BITS_MIN {
            return false;
        }
        let algorithm = if hash.0.algorithm() == &digest::SHA256 {
            &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
        } else {
            &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
        };
        let parsed = ParsedPublicKey::new(algorithm, &self.der);
        parsed.is_ok_and(|key| key.verify_digest_sig(&hash.0, signature).is_ok())
    }
}

/// Which hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailHashKind {
    /// SHA-256.
    Sha256,
    /// SHA-1: never good enough (RFC 8301 §3.1).
    Sha1,
}

/// A hash over bytes that arrive in pieces.
#[derive(Clone)]
pub struct MailHash(digest::Context);

impl MailHash {
    /// Returns the hash of nothing yet.
    #[must_use]
    pub fn new(kind: MailHashKind) -> Self {
        Self(digest::Context::new(match kind {
            MailHashKind::Sha256 => &digest::SHA256,
            MailHashKind::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        }))
    }

    /// Adds `data`.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// Returns the hash of everything added.
    #[must_use]
    pub fn finish(self) -> MailDigest {
        MailDigest(self.0.finish())
    }
}

/// A finished hash.
#[derive(Clone)]
pub struct MailDigest(Digest);

impl AsRef<[u8]> for MailDigest {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// The `RSAPublicKey` inside a `SubjectPublicKeyInfo` of RSA.
fn rsa_inside_spki(der: &[u8]) -> Option<&[u8]> {
    let (info, rest) = element(der, 0x30)?;
    let (algorithm, key) = element(info, 0x30)?;
    let (bits, after) = element(key, 3)?;
    let is_rsa = rest.is_empty() && after.is_empty() && algorithm.starts_with(&RSA_OID);
    bits.strip_prefix(&[0]).filter(|_| is_rsa)
}

/// Bits of the modulus of an `RSAPublicKey` with nothing after it.
fn modulus_bits(der: &[u8]) -> Option<u32> {
    let (pair, rest) = element(der, 0x30)?;
    let (modulus, exponent) = element(pair, 2)?;
    let (_, after) = element(exponent, 2)?;
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let bytes = u32::try_from(modulus.len() - first).ok()?;
    let is_good = rest.is_empty() && after.is_empty() && modulus[0] < 0x80;
    is_good.then(|| bytes * 8 - modulus[first].leading_zeros())
}

/// One DER element with a tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), rest.get(2..)?),
        _ => return None,
    };
    (*found == tag && length <= rest.len()).then(|| rest.split_at(length))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    fn hash(kind: MailHashKind, text: &[u8]) -> MailDigest {
        let mut hash = MailHash::new(kind);
        hash.update(text);
        hash.finish()
    }

    fn check(kind: MailKeyKind, bits: u32) {
        let key = MailPrivateKey::generate(kind, &SystemRandom).unwrap();
        let public = key.public_record().unwrap();
        let read = |bytes: &[u8]| {
            if key.is_ed25519() { MailPublicKey::ed25519(bytes) } else { MailPublicKey::rsa(bytes) }.unwrap()
        };
        let text = hash(MailHashKind::Sha256, b"text");
        let mut signature = key.sign(&text).unwrap();
        for public in [read(&public), read(&key.public_spki().unwrap())] {
            assert_eq!(public.bits(), bits);
            assert!(!public.is_pkcs1());
            assert!(public.verify(&text, &signature));
            assert!(!public.verify(&hash(MailHashKind::Sha256, b"tekst"), &signature));
            assert!(!public.verify(&hash(MailHashKind::Sha1, b"text"), &signature));
            assert!(!public.verify(&text, &signature[1..]));
            assert!(!public.verify(&text, &[]));
        }
        let again = MailPrivateKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.expose_pkcs8(), key.expose_pkcs8());
        assert_eq!(again.sign(&text).unwrap(), signature);
        assert!(key.sign(&hash(MailHashKind::Sha1, b"text")).is_none());
        signature[7] ^= 1;
        assert!(!read(&public).verify(&text, &signature));
        assert!(format!("{key:?}").ends_with("***)"));
    }

    #[test]
    fn every_kind_of_key_signs_and_survives_pem() {
        check(MailKeyKind::Rsa2048, 2048);
        check(MailKeyKind::Rsa3072, 3072);
        check(MailKeyKind::Ed25519, 256);
    }

    /// RFC 8032 §7.1, test 1: the key pair of RFC 8463 appendix A.
    #[test]
    fn the_seed_of_rfc_8032_gives_its_public_key() {
        let seed = STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
        let key = MailPrivateKey::from_seed(&Secret::from_slice(&seed).unwrap()).unwrap();
        let public = STANDARD.encode(key.public_record().unwrap());
        assert_eq!(public, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    }

    #[test]
    fn a_key_as_pkcs1_is_read_and_named() {
        let key = MailPrivateKey::generate(MailKeyKind::Rsa2048, &SystemRandom).unwrap();
        let spki = key.public_spki().unwrap();
        let bare = rsa_inside_spki(&spki).unwrap();
        let public = MailPublicKey::rsa(bare).unwrap();
        assert!(public.is_pkcs1());
        let text = hash(MailHashKind::Sha256, b"text");
        assert!(public.verify(&text, &key.sign(&text).unwrap()));
    }

    #[test]
    fn a_small_key_is_measured_but_never_verifies() {
        let small = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJTocVBq6Za/\
            PlzfV+Py92VaCak19F4WrbVTK5Gg5tW220MCAwEAAQ==";
        let public = MailPublicKey::rsa(&STANDARD.decode(small).unwrap()).unwrap();
        assert_eq!(public.bits(), 512);
        assert!(!public.verify(&hash(MailHashKind::Sha256, b"text"), &[1; 64]));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = MailPrivateKey::generate(MailKeyKind::Rsa2048, &SystemRandom).unwrap();
        let spki = key.public_spki().unwrap();
        let longer = [&spki[..], &[0]].concat();
        let ed25519 = [&ED25519_SPKI_HEAD[..], &[1; 32]].concat();
        let mut other_oid = spki.clone();
        other_oid[14] ^= 1;
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x80],
            &spki[1..],
            &spki[..spki.len() - 1],
            &longer,
            &ed25519,
            &other_oid,
        ] {
            assert_eq!(MailPublicKey::rsa(bad).err(), Some(MailKeyProblem::Format), "{bad:?}");
        }
        assert_eq!(MailPublicKey::rsa(&[0x30; KEY_BYTES_MAX + 1]).err(), Some(MailKeyProblem::TooLarge));
        for bad in [&[][..], &[1; 31], &[1; 33], &spki] {
            assert_eq!(MailPublicKey::ed25519(bad).err(), Some(MailKeyProblem::Format));
        }
        for bad in
            ["", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----"]
        {
            let text = SecretText::new(bad.to_owned());
            assert_eq!(MailPrivateKey::from_pem(&text).err(), Some(MailKeyProblem::Format), "{bad}");
        }
        assert_eq!(MailPrivateKey::from_der(&spki).err(), Some(MailKeyProblem::Format));
    }
}
