//! What the TLS layer of one address does.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::cert::ChainFacts;

/// Protocol versions, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// SSL 2.0 (1995), prohibited by RFC 6176.
    Ssl2,
    /// SSL 3.0, prohibited by RFC 7568.
    Ssl3,
    /// TLS 1.0, deprecated by RFC 8996.
    Tls10,
    /// TLS 1.1, deprecated by RFC 8996.
    Tls11,
    /// TLS 1.2, RFC 5246.
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

impl Protocol {
    /// All, oldest first.
    pub const ALL: [Self; 6] = [Self::Ssl2, Self::Ssl3, Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// The name people know.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssl2 => "SSLv2",
            Self::Ssl3 => "SSLv3",
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the port did when it was connected to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Reach {
    /// Nobody tried.
    #[default]
    Unknown,
    /// It speaks TLS (any version).
    Tls,
    /// The connection was refused.
    Refused,
    /// Nothing answered in time.
    TimedOut,
    /// The network has no way there.
    Unreachable,
    /// Something answered that is not TLS.
    NotTls {
        /// What it looks like: `http`, `ssh`, `smtp`, `garbage`, `closed`.
        looks_like: String,
    },
}

/// A server's answer to an offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Not asked, or no clear answer.
    #[default]
    Unknown,
    /// The server agreed.
    Accepted,
    /// The server declined.
    Refused,
}

/// One cipher suite that the server accepts in one protocol version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteFacts {
    /// In which version.
    pub protocol: Protocol,
    /// IANA number (SSLv2: three bytes as one number). Everything else about it: `suites::find`.
    pub id: u32,
}

/// Who decides about the suite in one protocol version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CipherOrder {
    /// True: the server takes the first of its own list. False: the client's first. None: one suite, or unclear.
    pub is_by_server: Option<bool>,
    /// Suites in the order in which the server chose them when all were offered, most wanted first.
    pub preferred: Vec<u32>,
}

/// A finite-field Diffie-Hellman group that the server used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DhFacts {
    /// Whether the hello offered the groups of RFC 7919 (a server may answer differently when they are).
    pub offered_ffdhe: bool,
    /// Bits of the prime.
    pub bits: u32,
    /// Its name when it is a well-known group: `ffdhe2048`, `modp1024` (RFC 2409/3526), `apache`, `java768` …
    pub name: Option<String>,
    /// SHA-256 of the prime's bytes, hexadecimal.
    pub prime_sha256: String,
}

/// What the server signs its key exchange with when SHA-1 is all that is offered (TLS 1.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KexSignature {
    /// Signs with SHA-1 (RFC 9155 forbids it).
    pub sha1: Answer,
    /// Signs with SHA-224.
    pub sha224: Answer,
    /// Signs with MD5.
    pub md5: Answer,
}

/// Whether data before the end of the handshake is accepted (0-RTT, RFC 8446 §2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyData {
    /// Not asked or unclear.
    #[default]
    Unknown,
    /// Not offered, or not accepted.
    Refused,
    /// Accepted, but the request was answered 425 Too Early (RFC 8470).
    TooEarly,
    /// Accepted and answered.
    Accepted,
}

/// How sessions are taken up again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resumption {
    /// Whether a second handshake resumed the first.
    pub works: Option<bool>,
    /// Longest ticket lifetime that was announced, in seconds.
    pub ticket_lifetime_s: Option<u32>,
}

/// Implementation bugs with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bug {
    /// CVE-2014-0160.
    Heartbleed,
    /// CVE-2014-0224, early ChangeCipherSpec.
    Ccs,
    /// CVE-2016-9244.
    Ticketbleed,
    /// CVE-2017-13099 and others, Bleichenbacher's oracle.
    Robot,
}

/// Whether the server asks visitors for a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    /// Not looked at.
    #[default]
    Unknown,
    /// No.
    None,
    /// Asked for, but one can go on without.
    Requested,
    /// The handshake fails without.
    Required,
}

/// What the TLS layer of one address does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsFacts {
    /// What the port did.
    pub reach: Reach,
    /// Answer for every version that was asked.
    pub protocols: BTreeMap<Protocol, Answer>,
    /// Accepted suites.
    pub suites: Vec<SuiteFacts>,
    /// Who decides, for each version that has suites.
    pub order: BTreeMap<Protocol, CipherOrder>,
    /// Finite-field groups seen.
    pub dh: Vec<DhFacts>,
    /// Named groups accepted in TLS 1.2 ServerKeyExchange (IANA numbers).
    pub groups_tls12: Vec<u16>,
    /// Named groups accepted in TLS 1.3 (IANA numbers, hybrid post-quantum ones too).
    pub groups_tls13: Vec<u16>,
    /// The group of TLS 1.3 that the server takes when all are offered.
    pub group_preferred: Option<u16>,
    /// Signatures under the key exchange of TLS 1.2.
    pub kex_signature: KexSignature,
    /// Extended master secret in TLS 1.2 (RFC 7627).
    pub extended_master_secret: Option<bool>,
    /// Secure renegotiation in TLS ≤ 1.2 (RFC 5746).
    pub secure_renegotiation: Option<bool>,
    /// Renegotiations a client could start in TLS 1.2 on one connection, counted up to 11.
    pub client_renegotiations: Option<u32>,
    /// TLS compression.
    pub compression: Option<bool>,
    /// Whether a downgrade is noticed (RFC 7507); None when there is no lower version.
    pub fallback_scsv: Option<bool>,
    /// 0-RTT.
    pub early_data: EarlyData,
    /// Session resumption.
    pub resumption: Resumption,
    /// Whether a hello that knows TLS 1.3 makes a server fail that answers without it.
    pub tls13_intolerant: Option<bool>,
    /// Bugs that were tried: true when present.
    pub bugs: BTreeMap<Bug, bool>,
    /// Client certificates.
    pub client_certificate: ClientCertificate,
    /// ALPN protocols accepted.
    pub alpn: Vec<String>,
    /// The chain shown to a visitor who sends the name.
    pub chain: ChainFacts,
    /// SHA-256 (hex) and names of the leaf shown without SNI, when another one.
    pub other_without_sni: Option<(String, Vec<String>)>,
    /// How long the examination took, in milliseconds.
    pub took_ms: u64,
    /// Connections made.
    pub connections: u32,
}

impl TlsFacts {
    /// Whether a version was accepted.
    #[must_use]
    pub fn accepts(&self, protocol: Protocol) -> bool {
        self.protocols.get(&protocol) == Some(&Answer::Accepted)
    }

    /// The newest version that was accepted.
    #[must_use]
    pub fn best(&self) -> Option<Protocol> {
        self.protocols.iter().filter(|(_, answer)| **answer == Answer::Accepted).map(|(p, _)| *p).max()
    }

    /// The oldest version that was accepted.
    #[must_use]
    pub fn worst(&self) -> Option<Protocol> {
        self.protocols.iter().filter(|(_, answer)| **answer == Answer::Accepted).map(|(p, _)| *p).min()
    }
}
