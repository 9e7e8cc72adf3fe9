//! What a cipher suite's number stands for, and how good it is.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Ncsc;
use super::names::NAMES;
use crate::facts::Protocol;

/// How both sides agree on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kx {
    /// Not at all.
    Null,
    /// The client encrypts the key to the server's RSA key.
    Rsa,
    /// Static Diffie-Hellman from the certificate.
    Dh,
    /// Ephemeral Diffie-Hellman, or anonymous.
    Dhe,
    /// Static elliptic-curve Diffie-Hellman from the certificate.
    Ecdh,
    /// Ephemeral elliptic-curve Diffie-Hellman, or anonymous.
    Ecdhe,
    /// A key both know already.
    Psk,
    /// That, and ephemeral Diffie-Hellman.
    DhePsk,
    /// That, and ephemeral elliptic-curve Diffie-Hellman.
    EcdhePsk,
    /// That, and RSA.
    RsaPsk,
    /// A password (RFC 5054).
    Srp,
    /// Kerberos 5.
    Krb5,
    /// The Russian standards.
    Gost,
    /// A password (RFC 8492).
    Eccpwd,
    /// The post-quantum experiment of 2016.
    Cecpq1,
    /// TLS 1.3 agrees on it outside the suite, always ephemerally unless a shared key is used.
    Any,
}

/// How the server shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Not at all.
    Anon,
    /// RSA.
    Rsa,
    /// DSA.
    Dss,
    /// ECDSA or EdDSA.
    Ecdsa,
    /// By knowing a key or password.
    Shared,
    /// Kerberos 5.
    Krb5,
    /// The Russian standards.
    Gost,
    /// TLS 1.3 agrees on it outside the suite.
    Any,
}

/// The cipher itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the names of the ciphers")]
pub enum Cipher {
    Null,
    Rc4,
    Rc2,
    Des,
    TripleDes,
    Idea,
    Seed,
    Aes,
    Camellia,
    Aria,
    Chacha20,
    /// ChaCha20-Poly1305 as drafted in 2013, numbers 0xCC13 to 0xCC15.
    Chacha20Draft,
    Gost89,
    Kuznyechik,
    Magma,
    Sm4,
    Aegis,
}

/// How the cipher is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// No cipher at all.
    Null,
    /// A stream of key bytes (RC4, GOST counter mode, CFB).
    Stream,
    /// Cipher block chaining.
    Cbc,
    /// Galois/counter mode.
    Gcm,
    /// Counter with CBC-MAC, full tag.
    Ccm,
    /// Counter with CBC-MAC, tag of 64 bits.
    Ccm8,
    /// Any other authenticated encryption (Poly1305, AEGIS, MGM).
    OtherAead,
}

/// What notices changes on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mac {
    /// Nothing.
    Null,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA1.
    Sha1,
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA384.
    Sha384,
    /// HMAC-RIPEMD160.
    Ripemd,
    /// Of the Russian standards.
    Gost,
    /// The cipher itself.
    Aead,
}

/// A cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// IANA number; a kind of SSLv2 has three bytes (above 0xFFFF).
    pub id: u32,
    /// IANA name.
    pub name: &'static str,
    /// OpenSSL name; empty when it has none.
    pub openssl: &'static str,
    /// Key exchange.
    pub kx: Kx,
    /// Authentication.
    pub auth: Auth,
    /// Cipher.
    pub cipher: Cipher,
    /// How it is used.
    pub mode: Mode,
    /// Strength of the cipher in bits as SSL Labs counts it: 0 for none, 40 or 56 for export, 112 for 3DES.
    pub bits: u16,
    /// Integrity.
    pub mac: Mac,
    /// One of the suites that SSLv3 and TLS 1.0 had for export from the United States.
    pub is_export: bool,
    /// For TLS 1.3 only.
    pub is_tls13: bool,
}

static TABLE: LazyLock<HashMap<u32, Suite>> =
    LazyLock::new(|| NAMES.iter().map(|&(id, name, openssl)| (id, read(id, name, openssl))).collect());

/// The suite with this number.
#[must_use]
pub fn find(id: u32) -> Option<&'static Suite> {
    TABLE.get(&id)
}

/// The IANA name, or the number as `0x1a1a` when it has none.
#[must_use]
pub fn name(id: u32) -> String {
    find(id).map_or_else(|| format!("{id:#06x}"), |suite| suite.name.to_owned())
}

/// All suites, by number.
pub fn all() -> impl Iterator<Item = &'static Suite> {
    NAMES.iter().filter_map(|(id, ..)| find(*id))
}

/// Suites in one list of [`probe_lists`]; some servers do not read more than this.
pub const PROBE_CHUNK: usize = 64;

/// Every suite that a server could choose in `protocol` (SSLv3 to TLS 1.2), in lists of at most [`PROBE_CHUNK`].
///
/// What web servers really have comes first, so that the later lists usually cost one refusal each.
#[must_use]
pub fn probe_lists(protocol: Protocol) -> Vec<Vec<u16>> {
    let mut ids: Vec<(u8, u16)> = all()
        .filter(|suite| suite.is_for(protocol))
        .filter_map(|suite| Some((suite.rarity(), u16::try_from(suite.id).ok()?)))
        .collect();
    ids.sort_unstable();
    ids.chunks(PROBE_CHUNK).map(|chunk| chunk.iter().map(|(_, id)| *id).collect()).collect()
}

/// The suites of TLS 1.3.
#[must_use]
pub fn tls13() -> Vec<u16> {
    all().filter(|suite| suite.is_tls13).filter_map(|suite| u16::try_from(suite.id).ok()).collect()
}

/// The kinds of SSLv2.
#[must_use]
pub fn ssl2() -> Vec<u32> {
    all().filter(|suite| suite.is_ssl2()).map(|suite| suite.id).collect()
}

impl Suite {
    /// Encrypts nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.cipher == Cipher::Null
    }

    /// Does not show who the server is: anyone in between can be it.
    #[must_use]
    pub fn is_anon(&self) -> bool {
        self.auth == Auth::Anon
    }

    /// Uses RC4 (prohibited by RFC 7465).
    #[must_use]
    pub fn is_rc4(&self) -> bool {
        self.cipher == Cipher::Rc4
    }

    /// Uses RC2.
    #[must_use]
    pub fn is_rc2(&self) -> bool {
        self.cipher == Cipher::Rc2
    }

    /// Uses 3DES (SWEET32).
    #[must_use]
    pub fn is_3des(&self) -> bool {
        self.cipher == Cipher::TripleDes
    }

    /// Uses single DES.
    #[must_use]
    pub fn is_des(&self) -> bool {
        self.cipher == Cipher::Des
    }

    /// Chains blocks and authenticates before encrypting (Lucky 13, POODLE).
    #[must_use]
    pub fn is_cbc(&self) -> bool {
        self.mode == Mode::Cbc
    }

    /// Encrypts and authenticates in one.
    #[must_use]
    pub fn is_aead(&self) -> bool {
        matches!(self.mode, Mode::Gcm | Mode::Ccm | Mode::Ccm8 | Mode::OtherAead)
    }

    /// Has a tag of only 64 bits.
    #[must_use]
    pub fn is_ccm8(&self) -> bool {
        self.mode == Mode::Ccm8
    }

    /// Belongs to SSLv2.
    #[must_use]
    pub fn is_ssl2(&self) -> bool {
        self.id > 0xFFFF
    }

    /// Whoever gets the server's key later cannot read what was recorded earlier.
    #[must_use]
    pub fn has_forward_secrecy(&self) -> bool {
        use Kx::{Any, Cecpq1, Dhe, DhePsk, Eccpwd, Ecdhe, EcdhePsk, Srp};
        matches!(self.kx, Any | Dhe | Ecdhe | DhePsk | EcdhePsk | Cecpq1 | Eccpwd | Srp)
    }

    /// Uses ephemeral Diffie-Hellman over a prime field.
    #[must_use]
    pub fn uses_dhe(&self) -> bool {
        matches!(self.kx, Kx::Dhe | Kx::DhePsk)
    }

    /// Uses ephemeral Diffie-Hellman over an elliptic curve.
    #[must_use]
    pub fn uses_ecdhe(&self) -> bool {
        matches!(self.kx, Kx::Ecdhe | Kx::EcdhePsk)
    }

    /// Lets the client encrypt the key to the server's RSA key (ROBOT, no forward secrecy).
    #[must_use]
    pub fn uses_rsa_transport(&self) -> bool {
        matches!(self.kx, Kx::Rsa | Kx::RsaPsk)
    }

    /// Needs a key or password that visitors of a shop do not have.
    #[must_use]
    pub fn needs_shared_secret(&self) -> bool {
        matches!(self.auth, Auth::Shared | Auth::Krb5) || matches!(self.kx, Kx::Srp | Kx::RsaPsk)
    }

    /// Whether a server could choose it in this version.
    #[must_use]
    pub fn is_for(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Ssl2 => self.is_ssl2(),
            Protocol::Tls13 => self.is_tls13,
            Protocol::Tls12 => !self.is_ssl2() && !self.is_tls13,
            Protocol::Ssl3 | Protocol::Tls10 | Protocol::Tls11 => {
                let is_new = self.is_aead() || matches!(self.mac, Mac::Sha256 | Mac::Sha384);
                !self.is_ssl2() && !self.is_tls13 && (!is_new || self.auth == Auth::Shared && !self.is_aead())
            }
        }
    }

    /// NCSC-NL 2025-05 §3.3.3, §3.3.4 and appendix B. Whatever is on none of its lists is insufficient.
    #[must_use]
    pub fn ncsc(&self) -> Ncsc {
        let is_full_aead = matches!(self.mode, Mode::Gcm | Mode::Ccm | Mode::OtherAead);
        if self.is_tls13 {
            return match self.cipher {
                Cipher::Aes if self.bits == 256 && self.mode == Mode::Gcm => Ncsc::Good,
                Cipher::Chacha20 => Ncsc::Good,
                Cipher::Aes if is_full_aead => Ncsc::Sufficient,
                _ => Ncsc::Insufficient,
            };
        }
        let is_fresh = match self.kx {
            Kx::Ecdhe => matches!(self.auth, Auth::Rsa | Auth::Ecdsa),
            Kx::Dhe => self.auth == Auth::Rsa,
            _ => false,
        };
        if !is_fresh || self.is_export {
            return Ncsc::Insufficient;
        }
        match self.cipher {
            Cipher::Aes | Cipher::Chacha20 if is_full_aead && self.kx == Kx::Ecdhe => Ncsc::Sufficient,
            Cipher::Aes | Cipher::Chacha20 | Cipher::Camellia | Cipher::Aria if is_full_aead => {
                Ncsc::PhaseOut
            }
            Cipher::Aes | Cipher::Camellia | Cipher::Aria
                if matches!(self.mac, Mac::Sha256 | Mac::Sha384) =>
            {
                Ncsc::PhaseOut
            }
            _ => Ncsc::Insufficient,
        }
    }

    /// How seldom web servers have it: 0 for the usual ones, 2 for those nobody has.
    fn rarity(&self) -> u8 {
        let is_usual = matches!(self.kx, Kx::Rsa | Kx::Dhe | Kx::Ecdhe) && self.auth != Auth::Dss;
        match (is_usual && !self.openssl.is_empty(), self.needs_shared_secret()) {
            (true, _) => u8::from(matches!(self.cipher, Cipher::Aria | Cipher::Camellia | Cipher::Seed)),
            (false, false) => 1,
            (false, true) => 2,
        }
    }
}

/// Reads the attributes out of an IANA name.
fn read(id: u32, name: &'static str, openssl: &'static str) -> Suite {
    let (kx_part, cipher_part, mac_part, is_tls13) = split(name);
    let is_export = name.contains("EXPORT");
    let (kx, auth) = if is_tls13 { (Kx::Any, Auth::Any) } else { read_kx(kx_part) };
    let (cipher, mode, mut bits) = read_cipher(cipher_part, mac_part);
    if is_export && bits > 40 {
        bits = if name.contains("EXPORT1024") { 56 } else { 40 };
    }
    let mac = match mode {
        Mode::Gcm | Mode::Ccm | Mode::Ccm8 | Mode::OtherAead => Mac::Aead,
        _ => read_mac(name),
    };
    Suite { id, name, openssl, kx, auth, cipher, mode, bits, mac, is_export, is_tls13 }
}

/// Key exchange, cipher (with what follows it), what follows SSLv2's `_WITH_`, and whether it is for TLS 1.3.
fn split(name: &str) -> (&str, &str, &str, bool) {
    if let Some(kind) = name.strip_prefix("SSL_CK_") {
        let (cipher, mac) = kind.split_once("_WITH_").unwrap_or((kind, ""));
        return ("RSA", cipher, mac, false);
    }
    let rest = name.strip_prefix("TLS_").or_else(|| name.strip_prefix("SSL_")).unwrap_or(name);
    match rest.split_once("_WITH_") {
        Some((kx, cipher)) => (kx, cipher, "", false),
        None => ("", rest, "", true),
    }
}

fn read_kx(part: &str) -> (Kx, Auth) {
    let part = part.trim_end_matches("1024").trim_end_matches("_EXPORT").trim_end_matches("_FIPS");
    match part {
        "RSA" => (Kx::Rsa, Auth::Rsa),
        "DH_DSS" => (Kx::Dh, Auth::Dss),
        "DH_RSA" => (Kx::Dh, Auth::Rsa),
        "DHE_DSS" => (Kx::Dhe, Auth::Dss),
        "DHE_RSA" => (Kx::Dhe, Auth::Rsa),
        "DH_anon" => (Kx::Dhe, Auth::Anon),
        "ECDH_ECDSA" => (Kx::Ecdh, Auth::Ecdsa),
        "ECDH_RSA" => (Kx::Ecdh, Auth::Rsa),
        "ECDHE_ECDSA" => (Kx::Ecdhe, Auth::Ecdsa),
        "ECDHE_RSA" => (Kx::Ecdhe, Auth::Rsa),
        "ECDH_anon" => (Kx::Ecdhe, Auth::Anon),
        "PSK" => (Kx::Psk, Auth::Shared),
        "DHE_PSK" | "PSK_DHE" => (Kx::DhePsk, Auth::Shared),
        "ECDHE_PSK" => (Kx::EcdhePsk, Auth::Shared),
        "RSA_PSK" => (Kx::RsaPsk, Auth::Rsa),
        "SRP_SHA" => (Kx::Srp, Auth::Shared),
        "SRP_SHA_RSA" => (Kx::Srp, Auth::Rsa),
        "SRP_SHA_DSS" => (Kx::Srp, Auth::Dss),
        "KRB5" => (Kx::Krb5, Auth::Krb5),
        "ECCPWD" => (Kx::Eccpwd, Auth::Shared),
        "CECPQ1_RSA" => (Kx::Cecpq1, Auth::Rsa),
        "CECPQ1_ECDSA" => (Kx::Cecpq1, Auth::Ecdsa),
        gost if gost.starts_with("GOST") => (Kx::Gost, Auth::Gost),
        _ => (Kx::Null, Auth::Anon),
    }
}

/// Cipher, mode, strength in bits.
fn read_cipher(part: &str, ssl2_mac: &str) -> (Cipher, Mode, u16) {
    let mode = read_mode(part);
    let bits = if part.contains("_256_") || part.ends_with("_256") { 256 } else { 128 };
    let (cipher, mode, bits) = match part.split('_').next().unwrap_or_default() {
        "AES" => (Cipher::Aes, mode, bits),
        "CAMELLIA" => (Cipher::Camellia, mode, bits),
        "ARIA" => (Cipher::Aria, mode, bits),
        "AEGIS" => (Cipher::Aegis, Mode::OtherAead, bits),
        "SM4" => (Cipher::Sm4, mode, 128),
        "CHACHA20" if part.ends_with("_OLD") => (Cipher::Chacha20Draft, Mode::OtherAead, 256),
        "CHACHA20" => (Cipher::Chacha20, Mode::OtherAead, 256),
        "SEED" => (Cipher::Seed, Mode::Cbc, 128),
        "IDEA" => (Cipher::Idea, Mode::Cbc, 128),
        "RC2" if part.contains("_40_") => (Cipher::Rc2, Mode::Cbc, 40),
        "RC2" if part.contains("_56_") => (Cipher::Rc2, Mode::Cbc, 56),
        "RC2" => (Cipher::Rc2, Mode::Cbc, 128),
        "RC4" if part.contains("_40_") => (Cipher::Rc4, Mode::Stream, 40),
        "RC4" if part.contains("_56_") => (Cipher::Rc4, Mode::Stream, 56),
        "RC4" if part.contains("_64") => (Cipher::Rc4, Mode::Stream, 64),
        "RC4" => (Cipher::Rc4, Mode::Stream, 128),
        "3DES" => (Cipher::TripleDes, Mode::Cbc, 112),
        "DES" if part.contains("EDE3") => (Cipher::TripleDes, Mode::Cbc, 112),
        "DES40" => (Cipher::Des, Mode::Cbc, 40),
        "DES" if part.contains("_40_") => (Cipher::Des, Mode::Cbc, 40),
        "DES" if part.contains("CFB") => (Cipher::Des, Mode::Stream, 56),
        "DES" => (Cipher::Des, Mode::Cbc, 56),
        "28147" => (Cipher::Gost89, Mode::Stream, 256),
        "KUZNYECHIK" if part.contains("MGM") => (Cipher::Kuznyechik, Mode::OtherAead, 256),
        "KUZNYECHIK" => (Cipher::Kuznyechik, Mode::Stream, 256),
        "MAGMA" if part.contains("MGM") => (Cipher::Magma, Mode::OtherAead, 256),
        "MAGMA" => (Cipher::Magma, Mode::Stream, 256),
        // TLS_SHA256_SHA256 (RFC 9150) only authenticates.
        _ => (Cipher::Null, Mode::Null, 0),
    };
    debug_assert!(ssl2_mac.is_empty() || !matches!(mode, Mode::Gcm | Mode::Ccm | Mode::Ccm8));
    (cipher, mode, bits)
}

fn read_mode(part: &str) -> Mode {
    if part.contains("_GCM") {
        Mode::Gcm
    } else if part.contains("_CCM_8") {
        Mode::Ccm8
    } else if part.contains("_CCM") {
        Mode::Ccm
    } else {
        Mode::Cbc
    }
}

fn read_mac(name: &str) -> Mac {
    let name = name.trim_end_matches("_OLD").trim_end_matches("_1");
    match name.rsplit('_').next().unwrap_or_default() {
        "MD5" => Mac::Md5,
        "SHA" => Mac::Sha1,
        "SHA256" => Mac::Sha256,
        "SHA384" => Mac::Sha384,
        "RMD" => Mac::Ripemd,
        "IMIT" | "GOSTR3411" | "OMAC" => Mac::Gost,
        _ => Mac::Null,
    }
}

#[cfg(test)]
#[path = "suites_tests.rs"]
mod tests;
