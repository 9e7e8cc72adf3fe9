//! The three authenticated ciphers behind a suite byte, and one way to seal and open with each.

use aws_lc_rs::aead::{AES_256_GCM, AES_256_GCM_SIV, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::secret::Secret;

/// Bytes of an authentication tag, in every suite.
pub(crate) const TAG_BYTES: usize = 16;
/// Longest nonce of any suite.
pub(crate) const NONCE_BYTES_MAX: usize = 24;

/// An authenticated cipher; its number is stored with everything it sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Suite {
    /// AES-256-GCM-SIV (RFC 8452): a repeated nonce shows only that two plaintexts are equal.
    #[default]
    Aes256GcmSiv = 1,
    /// AES-256-GCM (NIST SP 800-38D), for shops that must use a FIPS-approved mode.
    Aes256Gcm = 2,
    /// XChaCha20-Poly1305, for machines without AES instructions.
    XChaCha20Poly1305 = 3,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 3] = [Self::Aes256GcmSiv, Self::Aes256Gcm, Self::XChaCha20Poly1305];

    /// Returns the stable number of the suite.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Returns the suite with a number.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.as_u8() == number)
    }

    /// Returns the length of the suite's nonce in bytes.
    pub const fn nonce_bytes(self) -> usize {
        match self {
            Self::Aes256GcmSiv | Self::Aes256Gcm => 12,
            Self::XChaCha20Poly1305 => 24,
        }
    }
}

/// A key ready for one suite; the cipher's own library wipes it when dropped.
pub(crate) enum AeadKey {
    AwsLc(LessSafeKey),
    XChaCha(Box<XChaCha20Poly1305>),
}

/// The cipher refused: wrong key, changed bytes, or moved to another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl AeadKey {
    /// Expands `key` for `suite`.
    pub(crate) fn new(suite: Suite, key: &Secret<32>) -> Self {
        match suite {
            Suite::Aes256GcmSiv => aws_lc(&AES_256_GCM_SIV, key),
            Suite::Aes256Gcm => aws_lc(&AES_256_GCM, key),
            Suite::XChaCha20Poly1305 => {
                Self::XChaCha(Box::new(XChaCha20Poly1305::new(Key::from_slice(key.expose()))))
            }
        }
    }

    /// Encrypts `text` in place and returns the tag. `nonce` has the suite's length.
    pub(crate) fn seal(&self, nonce: &[u8], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        let sealed = match self {
            Self::AwsLc(key) => Nonce::try_assume_unique_for_key(nonce)
                .and_then(|nonce| key.seal_in_place_separate_tag(nonce, Aad::from(aad), text))
                .ok()
                .and_then(|tag| tag.as_ref().try_into().ok()),
            Self::XChaCha(key) => {
                key.encrypt_in_place_detached(XNonce::from_slice(nonce), aad, text).ok().map(Into::into)
            }
        };
        // Invariant: sealing fails only for wrong nonce lengths or more than 64 GiB of text;
        // both are fixed or bounded by the callers in this crate.
        #[expect(clippy::expect_used, reason = "lengths are fixed by our own callers")]
        sealed.expect("the text and nonce have lengths the cipher accepts")
    }

    /// Decrypts `sealed` with its `tag` into `out`, which has the same length; on refusal `out` holds nothing useful.
    pub(crate) fn open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        (sealed, tag): (&[u8], &[u8]),
        out: &mut [u8],
    ) -> Result<(), Refused> {
        match self {
            Self::AwsLc(key) => {
                let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Refused)?;
                key.open_separate_gather(nonce, Aad::from(aad), sealed, tag, out).map_err(|_| Refused)
            }
            Self::XChaCha(key) => {
                out.copy_from_slice(sealed);
                let tag: &[u8; TAG_BYTES] = tag.try_into().map_err(|_| Refused)?;
                let (nonce, tag) = (XNonce::from_slice(nonce), tag.into());
                key.decrypt_in_place_detached(nonce, aad, out, tag).map_err(|_| Refused)
            }
        }
    }
}

fn aws_lc(algorithm: &'static Algorithm, key: &Secret<32>) -> AeadKey {
    // Invariant: both algorithms take keys of exactly 32 bytes.
    #[expect(clippy::expect_used, reason = "the key length is a constant")]
    let unbound = UnboundKey::new(algorithm, key.expose()).expect("a key of 32 bytes fits");
    AeadKey::AwsLc(LessSafeKey::new(unbound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::unhex;

    struct Vector {
        suite: Suite,
        key: &'static str,
        nonce: &'static str,
        aad: &'static str,
        text: &'static str,
        sealed: &'static str,
    }

    const VECTORS: [Vector; 5] = [
        // RFC 8452 appendix C.2 (AEAD_AES_256_GCM_SIV).
        Vector {
            suite: Suite::Aes256GcmSiv,
            key: "0100000000000000000000000000000000000000000000000000000000000000",
            nonce: "030000000000000000000000",
            aad: "",
            text: "",
            sealed: "07f5f4169bbf55a8400cd47ea6fd400f",
        },
        Vector {
            suite: Suite::Aes256GcmSiv,
            key: "0100000000000000000000000000000000000000000000000000000000000000",
            nonce: "030000000000000000000000",
            aad: "",
            text: "0100000000000000",
            sealed: "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28",
        },
        Vector {
            suite: Suite::Aes256GcmSiv,
            key: "0100000000000000000000000000000000000000000000000000000000000000",
            nonce: "030000000000000000000000",
            aad: "01",
            text: "0200000000000000",
            sealed: "1de22967237a813291213f267e3b452f02d01ae33e4ec854",
        },
        // The GCM specification (McGrew and Viega), test case 14.
        Vector {
            suite: Suite::Aes256Gcm,
            key: "0000000000000000000000000000000000000000000000000000000000000000",
            nonce: "000000000000000000000000",
            aad: "",
            text: "00000000000000000000000000000000",
            sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
        },
        // draft-irtf-cfrg-xchacha-03 appendix A.3.1.
        Vector {
            suite: Suite::XChaCha20Poly1305,
            key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
            nonce: "404142434445464748494a4b4c4d4e4f5051525354555657",
            aad: "50515253c0c1c2c3c4c5c6c7",
            text: "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620\
                   4920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f722074686520667574757265\
                   2c2073756e73637265656e20776f756c642062652069742e",
            sealed: "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4e\
                     da7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2\
                     383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
        },
    ];

    #[test]
    fn known_answers() {
        for vector in VECTORS {
            let key = Secret::from_slice(&unhex(vector.key)).map(|k| AeadKey::new(vector.suite, &k));
            let Some(key) = key else { panic!("the vector's key has 32 bytes") };
            let (nonce, aad) = (unhex(vector.nonce), unhex(vector.aad));
            let mut text = unhex(vector.text);
            let tag = key.seal(&nonce, &aad, &mut text);
            let sealed = [text.as_slice(), &tag].concat();
            assert_eq!(hex::encode(&sealed), vector.sealed, "{:?}", vector.suite);
            let mut out = vec![0; text.len()];
            assert_eq!(key.open(&nonce, &aad, (&text, &tag), &mut out), Ok(()));
            assert_eq!(out, unhex(vector.text));
            assert_eq!(key.open(&nonce, b"other", (&text, &tag), &mut out), Err(Refused));
            assert_eq!(key.open(&nonce, &aad, (&text, &tag[..15]), &mut out), Err(Refused));
        }
    }
}
