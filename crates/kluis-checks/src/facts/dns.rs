//! What the DNS says about a host.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Whether answers are signed (RFC 4033 §5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnssecState {
    /// Not looked at, or it could not be told.
    #[default]
    Unknown,
    /// Signed, and the signatures lead to the root.
    Secure,
    /// Provably not signed.
    Insecure,
    /// Signed, but the signatures are wrong.
    Bogus,
}

/// A CAA record (RFC 8659).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaaRecord {
    /// Issuer critical flag.
    pub is_critical: bool,
    /// `issue`, `issuewild`, `iodef`, `contactemail` …
    pub tag: String,
    /// The value as text; bytes that are not text as `\xNN`.
    pub value: String,
}

/// A TLSA record (RFC 6698).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsaRecord {
    /// Certificate usage, 0 to 3.
    pub usage: u8,
    /// Selector: 0 whole certificate, 1 public key.
    pub selector: u8,
    /// Matching type: 0 exact, 1 SHA-256, 2 SHA-512.
    pub matching: u8,
    /// The data, hexadecimal.
    pub data: String,
}

/// What the DNS says about a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsFacts {
    /// Whether a name server was asked at all (not for addresses, not with only `--resolve`).
    pub was_asked: bool,
    /// The registrable domain (public suffix list).
    pub domain: String,
    /// A records.
    pub v4: Vec<IpAddr>,
    /// AAAA records.
    pub v6: Vec<IpAddr>,
    /// Names the host is an alias of, in order.
    pub aliases: Vec<String>,
    /// Signatures over the addresses.
    pub dnssec: DnssecState,
    /// The name at which CAA records were found, climbing from the host.
    pub caa_at: Option<String>,
    /// Those records; `None` when it could not be asked.
    pub caa: Option<Vec<CaaRecord>>,
    /// TLSA records for `_443._tcp`.
    pub tlsa: Vec<TlsaRecord>,
    /// Whether those are signed.
    pub tlsa_dnssec: DnssecState,
    /// ALPN ids of the HTTPS record (RFC 9460).
    pub https_alpn: Vec<String>,
    /// Whether the HTTPS record has an `ech` parameter (RFC 9849).
    pub has_ech: bool,
    /// The `www.` sibling, or the name without `www.`, and its addresses.
    pub sibling: Option<(String, Vec<IpAddr>)>,
}
