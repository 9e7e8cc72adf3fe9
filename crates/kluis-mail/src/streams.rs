//! The shop's mail streams: who sends order mail, newsletters and office mail, with which From domain, keys and services.
//!
//! They stand in `mail.toml`, which `klantkluis mail plan` writes and a person may edit:
//!
//! ```toml
//! version = 1
//! domain = "winkel.example"
//! report_address = "dmarc@rapport.winkel.example"   # where receivers send their reports
//! server = "kluis.winkel.example"                   # the machine with klantkluis, if it receives reports
//! silent = ["oudewinkel.example"]                   # domains of the shop that never send
//!
//! [mta_sts]
//! mode = "testing"                                  # off | testing | enforce
//! mx = ["mx.winkel.example"]
//!
//! [[stream]]
//! id = "winkel"
//! kind = "shop"                                     # shop | newsletter | office
//! from = "bestelling.winkel.example"
//! relay = true                                      # sent by our own relay
//! servers = ["192.0.2.10"]
//! keys = [{ domain = "bestelling.winkel.example", selector = "kk1" }]
//!
//! [[stream]]
//! id = "nieuws"
//! kind = "newsletter"
//! from = "nieuws.winkel.example"
//! services = ["spotler"]                            # ids of the catalogue
//! return_path = "bounce.nieuws.winkel.example"
//! records = [{ name = "s1._domainkey.nieuws.winkel.example", cname = "s1.dienst.example" }]
//! ```

mod read;
#[cfg(test)]
pub(crate) mod tests;
mod write;

use core::net::IpAddr;

use kluis_model::Text;

use crate::mta_sts::{Mode, Policy};
use crate::report::{Known, Network, Stream};

pub use read::{read_address, read_domain, read_selector, read_stream_id};

/// Most streams.
pub const STREAMS_MAX: usize = 20;
/// Most services, servers, keys or records of one stream, silent domains and exchangers.
pub const LIST_MAX: usize = 50;
/// The longest text of a setup, in bytes.
pub const SETUP_BYTES_MAX: usize = 64 * 1024;
/// How long a policy of MTA-STS holds while it is tried out, in seconds: a day.
const TESTING_AGE_S: u64 = 86_400;
/// How long it holds in earnest: 30 days (RFC 8461 §3.2 advises weeks or more).
const ENFORCE_AGE_S: u64 = 2_592_000;

/// What the shop declares about its mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSetup {
    /// The shop's main domain, in lower case as an A-label; it is where customers mail to.
    pub domain: String,
    /// Where receivers send aggregate reports; `None`: nowhere yet.
    pub report_address: Option<String>,
    /// Where receivers send reports about TLS; `None`: to the same address.
    pub tls_report_address: Option<String>,
    /// The name of the machine with klantkluis, when it receives reports or serves the policy of MTA-STS.
    pub server: Option<String>,
    /// What senders must do about TLS (RFC 8461); `None`: nothing is published.
    pub mta_sts: Option<MtaSts>,
    /// Domains of the shop that never send mail.
    pub silent: Vec<String>,
    /// The streams, 1 to 20.
    pub streams: Vec<MailStream>,
}

/// One stream of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailStream {
    /// Its short name, such as `winkel`: lower-case letters, digits and hyphens.
    pub id: String,
    /// What it is for.
    pub kind: StreamKind,
    /// The domain of its From addresses.
    pub from: String,
    /// Ids of services in the catalogue that send it.
    pub services: Vec<String>,
    /// Whether our own relay sends it.
    pub is_relayed: bool,
    /// The shop's own servers that send it.
    pub networks: Vec<Network>,
    /// The keys it is signed with.
    pub keys: Vec<KeyUse>,
    /// The domain of the envelope sender; `None`: that of the service.
    pub return_path: Option<String>,
    /// Records that its services ask the shop to publish, such as an alias for a key.
    pub records: Vec<GivenRecord>,
}

/// A record that a service asks the shop to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenRecord {
    /// Its whole name, in lower case; labels may begin with `_`.
    pub name: String,
    /// Its kind.
    pub kind: GivenKind,
    /// What it holds: a name for an alias, preference and name for an exchanger, text.
    pub value: String,
}

/// Kinds of records that services ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GivenKind {
    /// An alias.
    Cname,
    /// A mail exchanger, such as for bounces.
    Mx,
    /// Text, such as a key.
    Txt,
}

/// What the main domain asks of servers that deliver mail to it (RFC 8461).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MtaSts {
    /// Testing or enforce.
    pub mode: Mode,
    /// Names of its exchangers, perhaps with `*.` in front.
    pub mx: Vec<String>,
}

impl MtaSts {
    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let max_age_s = if self.mode == Mode::Enforce { ENFORCE_AGE_S } else { TESTING_AGE_S };
        Policy { mode: self.mode, mx: self.mx.clone(), max_age_s }
    }

    /// The policy's file, to serve at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt` as `text/plain`.
    #[must_use]
    pub fn policy_text(&self) -> String {
        self.policy().to_text()
    }

    /// The record that announces the policy; its `id` changes exactly when the policy does.
    #[must_use]
    pub fn record(&self) -> String {
        let digest = kluis_crypto::sha256(self.policy_text().as_bytes());
        format!("v=STSv1; id={};", hex::encode(&digest[..8]))
    }
}

/// Something wrong with a setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupProblem {
    /// The line of the text, from 1.
    pub line: Option<u32>,
    /// What is wrong and what is allowed.
    pub text: Text,
}

/// A DKIM key that a stream uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
}

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// Order mail, sent by machines.
    Shop,
    /// Newsletters, sent by software for e-mail marketing.
    Newsletter,
    /// Mail that people write; it may go to mailing lists (RFC 9989 §7.4).
    Office,
}

impl MailStream {
    /// A stream that nobody sends yet.
    #[must_use]
    pub fn new(id: &str, kind: StreamKind, from: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            from: from.to_owned(),
            services: Vec::new(),
            is_relayed: false,
            networks: Vec::new(),
            keys: Vec::new(),
            return_path: None,
            records: Vec::new(),
        }
    }
}

impl MailSetup {
    /// A domain without reports and streams yet; it needs a stream to be written and read back.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            report_address: None,
            tls_report_address: None,
            server: None,
            mta_sts: None,
            silent: Vec::new(),
            streams: Vec::new(),
        }
    }

    /// Reads `mail.toml`.
    ///
    /// # Errors
    /// Everything that is wrong, at most 50 problems.
    pub fn read(toml: &str) -> Result<Self, Vec<SetupProblem>> {
        read::read(toml)
    }

    /// Writes `mail.toml`; reading it gives the same setup.
    #[must_use]
    pub fn to_toml(&self) -> String {
        write::write(self)
    }

    /// What classifying reports needs to know.
    #[must_use]
    pub fn known(&self) -> Known {
        let streams = self.streams.iter();
        Known {
            streams: streams
                .clone()
                .map(|stream| Stream { id: stream.id.clone(), domain: stream.from.clone() })
                .collect(),
            networks: streams.clone().flat_map(|stream| stream.networks.iter().copied()).collect(),
            services: streams.flat_map(|stream| stream.services.iter().cloned()).collect(),
        }
    }

    /// The stream that a From domain belongs to: the one with the longest domain that holds it.
    #[must_use]
    pub fn stream_of(&self, from_domain: &str) -> Option<&MailStream> {
        let holds = |stream: &&MailStream| crate::dns::is_within(from_domain, &stream.from);
        self.streams.iter().filter(holds).max_by_key(|stream| stream.from.len())
    }

    /// Whether an address is one of the shop's own servers.
    #[must_use]
    pub fn owns(&self, address: IpAddr) -> bool {
        self.streams.iter().any(|stream| stream.networks.iter().any(|network| network.contains(address)))
    }
}
