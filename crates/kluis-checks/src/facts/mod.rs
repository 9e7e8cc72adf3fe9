//! Evidence: everything an audit saw, collected once, saved as JSON and replayed through the rules.
//!
//! Every type reads and writes JSON with a default for each absent member, so evidence of an older version still
//! replays. `None` means that nobody looked or that it could not be told; the reason then stands in `gaps`.

mod cert;
mod dns;
mod mail;
mod tls;
mod web;

use core::net::IpAddr;

use kluis_model::TimeMs;
use serde::{Deserialize, Serialize};

pub use self::cert::{CertFacts, ChainFacts, KeyFacts, KeyKind, OcspStaple, Revocation, SctFacts, Trust};
pub use self::dns::{CaaRecord, DnsFacts, DnssecState, TlsaRecord};
pub use self::mail::{
    DkimFacts, DkimKey, DmarcAt, DmarcFacts, DmarcFound, DmarcOddity, DmarcRemark, DmarcReports, MailFacts,
    MailPolicy, MtaStsFacts, MtaStsPolicy, MxFacts, SmtpFacts, SpfAll, SpfFacts, SpfInclude, SpfNetwork,
    SpfProblem,
};
pub use self::tls::{
    Answer, Bug, CipherOrder, ClientCertificate, DhFacts, EarlyData, KexSignature, Protocol, Reach,
    Resumption, SuiteFacts, TlsFacts,
};
pub use self::web::{
    Cookie, CorsFacts, Exposed, ExposedKind, FieldFacts, FormFacts, Header, Hop, HttpState, OwnerProof, Page,
    PageKind, Redirects, ResourceFacts, ResourceKind, SecurityTxt, WebFacts,
};

/// The version of the evidence format that this program writes.
pub const EVIDENCE_FORMAT: u32 = 1;

/// Everything one audit of one domain saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// [`EVIDENCE_FORMAT`] of the program that wrote it.
    pub format: u32,
    /// What was asked.
    pub target: Target,
    /// When the audit began.
    pub started: TimeMs,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Connections that were made, over all hosts.
    pub connections: u32,
    /// What the DNS says about the domain.
    pub dns: DnsFacts,
    /// One for each address that was looked at; the first is examined in full, others in short.
    pub endpoints: Vec<Endpoint>,
    /// The web layer, as visitors of the shop get it.
    pub web: WebFacts,
    /// Mail that carries the domain's name; `None` when nobody looked.
    pub mail: Option<MailFacts>,
    /// What could not be found out, and why.
    pub gaps: Vec<Gap>,
}

impl Evidence {
    /// The address that was examined in full.
    #[must_use]
    pub fn main_endpoint(&self) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.is_full)
    }
}

/// What was asked to be audited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// The host name in lower case as an A-label (IDNA), or an address.
    pub host: String,
    /// The port of HTTPS.
    pub https_port: u16,
    /// The port of plain HTTP.
    pub http_port: u16,
    /// Whether certificates of other authorities than the public ones were trusted (`--ca`).
    pub has_own_roots: bool,
}

impl Default for Target {
    fn default() -> Self {
        Self { host: String::new(), https_port: 443, http_port: 80, has_own_roots: false }
    }
}

/// One address of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoint {
    /// The host name asked for (SNI).
    pub host: String,
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// Whether all of TLS was examined, or only version, certificate and reachability.
    pub is_full: bool,
    /// What was seen there.
    pub tls: TlsFacts,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            host: String::new(),
            address: IpAddr::from([0, 0, 0, 0]),
            port: 443,
            is_full: false,
            tls: TlsFacts::default(),
        }
    }
}

/// Something that could not be found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gap {
    /// What was tried, as a short id: `dnssec`, `suites.tls12`, `page.checkout`, `exposed`.
    pub what: String,
    /// Why it did not work, in English, without personal data.
    pub why: String,
}

impl Gap {
    /// What was tried and why it did not work.
    #[must_use]
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}
