//! What a small TLS 1.2 client needs to finish a handshake: ECDHE, the PRF, GCM records, RSA key transport.
//!
//! The prober of kluis-net uses it to ask servers what they do after the handshake (renegotiation, tickets). It is no
//! TLS library: it checks no signature and sends no data of anybody. Everything of RFC 5246, 5288, 5289, 7627, 8422.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::{digest, tls_prf};
use kluis_model::Random;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Bytes a GCM record is longer than its text: 8 of the nonce and 16 of the tag.
const OVERHEAD_BYTES: usize = 8 + 16;
/// Bytes of text in one record, RFC 5246 §6.2.1.
const TEXT_BYTES_MAX: usize = 1 << 14;
/// Tries to find a private key; one in 2^32 random strings is none for P-256.
const KEY_TRIES_MAX: u32 = 4;

/// The suites the small client knows: ECDHE with AES-GCM, for RSA and for ECDSA certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls12Suite {
    /// `TLS_ECDHE_*_WITH_AES_128_GCM_SHA256`.
    Aes128GcmSha256,
    /// `TLS_ECDHE_*_WITH_AES_256_GCM_SHA384`.
    Aes256GcmSha384,
}

impl Tls12Suite {
    /// IANA numbers, ECDSA before RSA.
    pub const IDS: [u16; 4] = [0xc02b, 0xc02f, 0xc02c, 0xc030];

    /// Returns the suite with an IANA number.
    #[must_use]
    pub const fn from_iana(id: u16) -> Option<Self> {
        match id {
            0xc02b | 0xc02f => Some(Self::Aes128GcmSha256),
            0xc02c | 0xc030 => Some(Self::Aes256GcmSha384),
            _ => None,
        }
    }

    const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128GcmSha256 => 16,
            Self::Aes256GcmSha384 => 32,
        }
    }

    /// Returns the hash of the handshake messages with the suite's hash function.
    #[must_use]
    pub fn hash(self, transcript: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Aes128GcmSha256 => &digest::SHA256,
            Self::Aes256GcmSha384 => &digest::SHA384,
        };
        digest::digest(algorithm, transcript).as_ref().to_vec()
    }

    /// The PRF of RFC 5246 §5, `N` bytes of it; `None` only for an empty secret.
    fn prf<const N: usize>(self, secret: &[u8], label: &[u8], seed: &[u8]) -> Option<Secret<N>> {
        let algorithm = match self {
            Self::Aes128GcmSha256 => &tls_prf::P_SHA256,
            Self::Aes256GcmSha384 => &tls_prf::P_SHA384,
        };
        let derived = tls_prf::Secret::new(algorithm, secret).and_then(|s| s.derive(label, seed, N)).ok()?;
        Secret::from_slice(derived.as_ref())
    }
}

/// One side's half of an ephemeral ECDH (RFC 8422 §5.4).
pub struct Tls12Share {
    private: PrivateKey,
    public: Vec<u8>,
}

impl Tls12Share {
    /// IANA numbers of the groups: x25519 and secp256r1.
    pub const GROUPS: [u16; 2] = [0x001d, 0x0017];

    /// Makes a key of the group with an IANA number; `None` for a group that is not in [`Self::GROUPS`].
    #[must_use]
    pub fn new(group: u16, random: &dyn Random) -> Option<Self> {
        let algorithm = match group {
            0x001d => &X25519,
            0x0017 => &ECDH_P256,
            _ => return None,
        };
        (0..KEY_TRIES_MAX).find_map(|_| {
            let private =
                PrivateKey::from_private_key(algorithm, Secret::<32>::random(random).expose()).ok()?;
            let public = private.compute_public_key().ok()?.as_ref().to_vec();
            Some(Self { private, public })
        })
    }

    /// Returns the public half as it goes into the ClientKeyExchange.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Agrees with the peer's public half on a premaster secret; `None` when the peer's is not a point of the group.
    #[must_use]
    pub fn agree(&self, peer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let peer = UnparsedPublicKey::new(self.private.algorithm(), peer);
        agreement::agree(&self.private, peer, (), |shared| Ok(Zeroizing::new(shared.to_vec()))).ok()
    }
}

/// What the master secret is bound to.
#[derive(Debug, Clone, Copy)]
pub enum Tls12Binding<'a> {
    /// The two randoms, RFC 5246 §8.1.
    Randoms {
        /// Of the ClientHello.
        client: &'a [u8; 32],
        /// Of the ServerHello.
        server: &'a [u8; 32],
    },
    /// The hash of the handshake up to and with the ClientKeyExchange, RFC 7627 §4.
    Handshake(&'a [u8]),
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls12Side {
    /// We.
    Client,
    /// They.
    Server,
}

/// The master secret of one handshake.
pub struct Tls12Master {
    suite: Tls12Suite,
    secret: Secret<48>,
}

impl Tls12Master {
    /// Derives it; `None` only for an empty premaster secret.
    #[must_use]
    pub fn new(suite: Tls12Suite, premaster: &[u8], binding: Tls12Binding<'_>) -> Option<Self> {
        let secret = match binding {
            Tls12Binding::Randoms { client, server } => {
                suite.prf(premaster, b"master secret", &[*client, *server].concat())
            }
            Tls12Binding::Handshake(hash) => suite.prf(premaster, b"extended master secret", hash),
        }?;
        Some(Self { suite, secret })
    }

    /// Returns the 12 bytes of a Finished message (RFC 5246 §7.4.9) over the hash of the handshake so far.
    #[must_use]
    pub fn finished(&self, side: Tls12Side, handshake_hash: &[u8]) -> Option<[u8; 12]> {
        let label: &[u8] = match side {
            Tls12Side::Client => b"client finished",
            Tls12Side::Server => b"server finished",
        };
        self.suite.prf::<12>(self.secret.expose(), label, handshake_hash).map(|bytes| *bytes.expose())
    }

    /// Returns the keys to write with and to read with (RFC 5246 §6.3).
    #[must_use]
    pub fn records(&self, client: &[u8; 32], server: &[u8; 32]) -> Option<(Tls12Writer, Tls12Reader)> {
        let key_bytes = self.suite.key_bytes();
        // Two keys of at most 32 bytes and two salts of 4.
        let block =
            self.suite.prf::<72>(self.secret.expose(), b"key expansion", &[*server, *client].concat())?;
        let (client_key, rest) = block.expose().split_at_checked(key_bytes)?;
        let (server_key, rest) = rest.split_at_checked(key_bytes)?;
        let (client_salt, rest) = rest.split_first_chunk::<4>()?;
        let server_salt = rest.first_chunk::<4>()?;
        let writer = Tls12Writer(Half::new(self.suite, client_key, *client_salt)?);
        let reader = Tls12Reader(Half::new(self.suite, server_key, *server_salt)?);
        Some((writer, reader))
    }
}

struct Half {
    key: LessSafeKey,
    salt: [u8; 4],
    sequence: u64,
}

impl Half {
    fn new(suite: Tls12Suite, key: &[u8], salt: [u8; 4]) -> Option<Self> {
        let algorithm = match suite {
            Tls12Suite::Aes128GcmSha256 => &AES_128_GCM,
            Tls12Suite::Aes256GcmSha384 => &AES_256_GCM,
        };
        Some(Self { key: LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?), salt, sequence: 0 })
    }

    fn nonce(&self, explicit: [u8; 8]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(&explicit);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Additional data: sequence number, type, version 3.3, length of the text (RFC 5246 §6.2.3.3).
    fn additional(&self, kind: u8, text_bytes: u16) -> [u8; 13] {
        let mut out = [0; 13];
        out[..8].copy_from_slice(&self.sequence.to_be_bytes());
        out[8..11].copy_from_slice(&[kind, 3, 3]);
        out[11..].copy_from_slice(&text_bytes.to_be_bytes());
        out
    }
}

/// Seals records of the client.
pub struct Tls12Writer(Half);

impl Tls12Writer {
    /// Returns the fragment of a record of `kind`; `None` when the text is longer than 16 KiB.
    #[must_use]
    pub fn seal(&mut self, kind: u8, text: &[u8]) -> Option<Vec<u8>> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        // The sequence number as the explicit part never repeats under one key.
        let explicit = self.0.sequence.to_be_bytes();
        let additional = self.0.additional(kind, u16::try_from(text.len()).ok()?);
        let mut sealed = text.to_vec();
        self.0
            .key
            .seal_in_place_append_tag(self.0.nonce(explicit), Aad::from(additional), &mut sealed)
            .ok()?;
        self.0.sequence += 1;
        Some([explicit.as_slice(), &sealed].concat())
    }
}

/// Opens records of the server.
pub struct Tls12Reader(Half);

impl Tls12Reader {
    /// Returns the text of the fragment of a record of `kind`; `None` when it was not sealed for this place.
    #[must_use]
    pub fn open(&mut self, kind: u8, fragment: &[u8]) -> Option<Vec<u8>> {
        if fragment.len() > TEXT_BYTES_MAX + OVERHEAD_BYTES {
            return None;
        }
        let text_bytes = u16::try_from(fragment.len().checked_sub(OVERHEAD_BYTES)?).ok()?;
        let (explicit, sealed) = fragment.split_first_chunk::<8>()?;
        let additional = self.0.additional(kind, text_bytes);
        let mut text = sealed.to_vec();
        let bytes =
            self.0.key.open_in_place(self.0.nonce(*explicit), Aad::from(additional), &mut text).ok()?.len();
        text.truncate(bytes);
        self.0.sequence += 1;
        Some(text)
    }
}

/// Encrypts `text` to an RSA key with the padding of PKCS #1 v1.5 (RFC 5246 §7.4.7.1).
///
/// `spki` is the SubjectPublicKeyInfo of a certificate. Returns `None` when it is no RSA key of 2048 to 8192 bits or
/// the text is too long. Only for asking a server how it treats wrong messages: never for anything secret.
#[must_use]
pub fn rsa_pkcs1_encrypt(spki: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = Pkcs1PublicEncryptingKey::new(PublicEncryptingKey::from_der(spki).ok()?).ok()?;
    let mut out = vec![0; key.ciphertext_size()];
    let bytes = key.encrypt(text, &mut out).ok()?.len();
    out.truncate(bytes);
    Some(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeySize, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};

    use super::*;
    use crate::bytes::unhex;
    use crate::random::SystemRandom;

    /// Gives the same bytes every time.
    struct Fixed(Vec<u8>);

    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.copy_from_slice(&self.0);
        }
    }

    #[test]
    fn prf_known_answers() {
        // Test vectors for TLS 1.2 PRF with SHA-256 and SHA-384 that circulate since the IETF TLS list of 2009.
        let sha256: Secret<100> = Tls12Suite::Aes128GcmSha256
            .prf(
                &unhex("9bbe436ba940f017b17652849a71db35"),
                b"test label",
                &unhex("a0ba9f936cda311827a6f796ffd5198c"),
            )
            .unwrap();
        assert_eq!(
            hex::encode(sha256.expose()),
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af\
             0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
             87347b66"
        );
        let sha384: Secret<148> = Tls12Suite::Aes256GcmSha384
            .prf(
                &unhex("b80b733d6ceefcdc71566ea48e5567df"),
                b"test label",
                &unhex("cd665cf6a8447dd6ff8b27555edb7465"),
            )
            .unwrap();
        assert!(
            hex::encode(sha384.expose())
                .starts_with("7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107")
        );
    }

    #[test]
    fn shares_agree_as_in_rfc_7748() {
        // RFC 7748 §6.1: Bob's key, Alice's public half.
        let bob = Fixed(unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        let alice = unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let share = Tls12Share::new(0x001d, &bob).unwrap();
        assert_eq!(
            hex::encode(share.public()),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
        );
        assert_eq!(
            hex::encode(share.agree(&alice).unwrap()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
        );
    }

    #[test]
    fn both_sides_get_the_same_secret() {
        for group in Tls12Share::GROUPS {
            let (a, b) = (
                Tls12Share::new(group, &SystemRandom).unwrap(),
                Tls12Share::new(group, &SystemRandom).unwrap(),
            );
            assert_eq!(a.agree(b.public()).unwrap(), b.agree(a.public()).unwrap());
            assert!(a.agree(&[]).is_none());
            assert!(a.agree(&b.public()[1..]).is_none());
            assert!(a.agree(&vec![0; b.public().len()]).is_none(), "a point of small order, or none at all");
        }
        assert!(Tls12Share::new(0x0018, &SystemRandom).is_none());
    }

    #[test]
    fn records_open_only_in_their_place() {
        let (client, server) = ([1; 32], [2; 32]);
        for suite in [Tls12Suite::Aes128GcmSha256, Tls12Suite::Aes256GcmSha384] {
            let master = Tls12Master::new(suite, b"premaster", Tls12Binding::Handshake(&[7; 32])).unwrap();
            let (mut writer, _) = master.records(&client, &server).unwrap();
            let keys = || {
                let (writer, _) = master.records(&client, &server).unwrap();
                Tls12Reader(writer.0)
            };
            let (first, second) = (writer.seal(22, b"one").unwrap(), writer.seal(22, b"").unwrap());
            let mut reader = keys();
            assert_eq!(reader.open(22, &first).unwrap(), b"one");
            assert_eq!(reader.open(22, &second).unwrap(), b"");
            assert!(keys().open(22, &second).is_none(), "out of order");
            assert!(keys().open(23, &first).is_none(), "another type");
            for end in 0..first.len() {
                assert!(keys().open(22, &first[..end]).is_none());
            }
            let mut changed = first.clone();
            changed[9] ^= 1;
            assert!(keys().open(22, &changed).is_none());
            assert!(writer.seal(22, &vec![0; TEXT_BYTES_MAX + 1]).is_none());
            assert!(keys().open(22, &vec![0; TEXT_BYTES_MAX + 64]).is_none());
        }
    }

    #[test]
    fn the_binding_and_the_side_matter() {
        let suite = Tls12Suite::Aes128GcmSha256;
        let randoms = Tls12Binding::Randoms { client: &[1; 32], server: &[2; 32] };
        let plain = Tls12Master::new(suite, b"premaster", randoms).unwrap();
        let extended = Tls12Master::new(suite, b"premaster", Tls12Binding::Handshake(&[3; 32])).unwrap();
        let hash = suite.hash(b"messages");
        assert_ne!(plain.finished(Tls12Side::Client, &hash), extended.finished(Tls12Side::Client, &hash));
        assert_ne!(plain.finished(Tls12Side::Client, &hash), plain.finished(Tls12Side::Server, &hash));
        assert!(Tls12Master::new(suite, b"", randoms).is_none());
    }

    #[test]
    fn rsa_key_transport_is_what_the_owner_can_open() {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let spki: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
        let sealed = rsa_pkcs1_encrypt(spki.as_ref(), b"a premaster secret").unwrap();
        let mut out = [0; 256];
        let opened =
            Pkcs1PrivateDecryptingKey::new(private).unwrap().decrypt(&sealed, &mut out).unwrap().to_vec();
        assert_eq!(opened, b"a premaster secret");
        assert!(rsa_pkcs1_encrypt(spki.as_ref(), &[0; 300]).is_none());
        assert!(rsa_pkcs1_encrypt(b"no key", b"x").is_none());
    }
}
