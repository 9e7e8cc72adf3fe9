//! Certificates as the server shows them, and what came of building a path to a trusted root.

use kluis_model::TimeMs;
use serde::{Deserialize, Serialize};

/// Kinds of public keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// RSA or RSA-PSS.
    Rsa,
    /// Elliptic curve.
    Ec,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// DSA.
    Dsa,
    /// Anything else.
    #[default]
    Other,
}

/// A public key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyFacts {
    /// Its kind.
    pub kind: KeyKind,
    /// Bits of the modulus or of the curve.
    pub bits: u32,
    /// Name of the curve: `P-256`, or its object identifier.
    pub curve: Option<String>,
    /// RSA public exponent when it fits 64 bits.
    pub exponent: Option<u64>,
}

/// A signed certificate timestamp (RFC 6962 §3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SctFacts {
    /// The log, hexadecimal.
    pub log_id: String,
    /// When it was logged.
    pub at: TimeMs,
}

/// One certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertFacts {
    /// Whether the DER could be read; if not, everything but `sha256` is empty.
    pub is_readable: bool,
    /// SHA-256 of the DER, hexadecimal.
    pub sha256: String,
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal (TLSA 3 1 1).
    pub spki_sha256: String,
    /// Subject, as RFC 4514 text, at most 300 characters.
    pub subject: String,
    /// Issuer, as RFC 4514 text, at most 300 characters.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// DNS names and addresses of the subject alternative name, lower case, at most 200.
    pub names: Vec<String>,
    /// Whether there is a subject alternative name extension.
    pub has_san: bool,
    /// Begin of validity.
    pub not_before: TimeMs,
    /// End of validity.
    pub not_after: TimeMs,
    /// The key.
    pub key: KeyFacts,
    /// Hash of the signature: `sha256`, `sha1`, `md5`, `none` (Ed25519) or an object identifier.
    pub signature_hash: String,
    /// `ecdsa-with-SHA256` and the like.
    pub signature: String,
    /// Basic constraints CA:TRUE.
    pub is_ca: bool,
    /// Subject equals issuer and the key identifiers do not contradict it.
    pub is_self_issued: bool,
    /// Whether an extended key usage is present, and whether it allows servers.
    pub eku_server: Option<bool>,
    /// Subject key identifier, hexadecimal.
    pub ski: Option<String>,
    /// Authority key identifier, hexadecimal.
    pub aki: Option<String>,
    /// Timestamps in the certificate.
    pub scts: Vec<SctFacts>,
    /// OCSP responders, at most 5.
    pub ocsp_urls: Vec<String>,
    /// Revocation lists, at most 5.
    pub crl_urls: Vec<String>,
    /// Where the issuer's certificate is, at most 5.
    pub issuer_urls: Vec<String>,
    /// TLS feature `status_request` (RFC 7633).
    pub must_staple: bool,
    /// Short-lived under the Baseline Requirements (≤ 10 days; ≤ 7 days from 2026-03-15): no revocation needed.
    pub is_short_lived: bool,
}

/// What came of building a path from the leaf to a trusted root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Trust {
    /// Not tried.
    #[default]
    Unknown,
    /// A path of signatures to a trusted root, valid now. Names are judged apart.
    Trusted,
    /// Trusted once the named intermediate, which the server does not send, is added.
    Incomplete {
        /// Subject of the missing certificate.
        missing: String,
    },
    /// The leaf signed itself.
    SelfSigned,
    /// The path ends at an authority that browsers do not know.
    UnknownIssuer {
        /// The issuer where it ends.
        issuer: String,
    },
    /// A certificate of the path is outside its validity.
    Expired,
    /// A signature is wrong, or the path breaks a rule of RFC 5280.
    Invalid {
        /// What the path builder said.
        why: String,
    },
}

/// What revocation lists say about the leaf.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Revocation {
    /// Not looked at, or no list could be had.
    #[default]
    Unknown,
    /// On no list that was read.
    Good,
    /// Revoked.
    Revoked {
        /// Since when.
        at: TimeMs,
    },
}

/// A stapled OCSP response (RFC 6066 §8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OcspStaple {
    /// Not looked at.
    #[default]
    Unknown,
    /// None came.
    Absent,
    /// One came.
    Present,
}

/// The chain a server shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainFacts {
    /// In the order sent, leaf first, at most 12.
    pub sent: Vec<CertFacts>,
    /// The path that was built, as indexes into `sent`; the root itself is not in it.
    pub path: Vec<u32>,
    /// Whether it leads to trust.
    pub trust: Trust,
    /// Whether the leaf is for the host that was asked.
    pub matches_host: Option<bool>,
    /// Revocation of the leaf.
    pub revocation: Revocation,
    /// Stapled OCSP.
    pub ocsp_staple: OcspStaple,
    /// Timestamps from the TLS extension.
    pub scts_tls: Vec<SctFacts>,
}

impl ChainFacts {
    /// The server's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertFacts> {
        self.sent.first()
    }
}
