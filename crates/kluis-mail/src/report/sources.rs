//! Who was it: names the source of a row by signature, envelope, server name and network, and says what it means.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use kluis_model::Lang;

use super::aggregate::{AuthResult, Evaluated, ReasonKind, Row};
use crate::catalogue::{self, Sender};
use crate::dns::is_within;

/// A network: an address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network such as 192.0.2.0/24")]
pub struct NetworkError;

impl Network {
    /// The neighbourhood that servers of one owner share: /24 of IPv4, /48 of IPv6.
    #[must_use]
    pub fn around(address: IpAddr) -> Self {
        Self::new(address, if address.is_ipv4() { 24 } else { 48 })
    }

    /// The first `prefix` bits of an address; more bits than it has count as all.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        match address {
            IpAddr::V4(v4) => {
                let prefix = prefix.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Self { address: IpAddr::V4((v4.to_bits() & mask).into()), prefix }
            }
            IpAddr::V6(v6) => {
                let prefix = prefix.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                Self { address: IpAddr::V6((v6.to_bits() & mask).into()), prefix }
            }
        }
    }

    /// Whether an address is inside.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && Self::new(address, self.prefix).address == self.address
    }
}

impl fmt::Display for Network {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| NetworkError)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        if prefix > most {
            return Err(NetworkError);
        }
        Ok(Self::new(address, prefix))
    }
}

/// A stream of mail of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its short name, e.g. `winkel`.
    pub id: String,
    /// The domain of its From addresses, in lower case; names below belong to it too.
    pub domain: String,
}

/// What the shop told about its mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its streams.
    pub streams: Vec<Stream>,
    /// Its own servers.
    pub networks: Vec<Network>,
    /// Ids of services in the catalogue that may mail for it.
    pub services: Vec<String>,
}

impl Known {
    /// Which stream a From domain belongs to: the one with the longest domain that holds it.
    #[must_use]
    pub fn stream_of(&self, header_from: &str) -> Option<usize> {
        let holds = |(_, stream): &(usize, &Stream)| is_within(header_from, &stream.domain);
        let all = self.streams.iter().enumerate();
        all.filter(holds).max_by_key(|(_, stream)| stream.domain.len()).map(|(at, _)| at)
    }

    /// Whether a domain is the shop's.
    fn owns(&self, domain: &str) -> bool {
        self.streams.iter().any(|stream| is_within(domain, &stream.domain))
    }

    fn is_declared(&self, sender: &Sender) -> bool {
        self.services.iter().any(|id| id == sender.id)
    }
}

/// What a source is to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The shop itself: its servers, or mail that it signed or allowed.
    Own,
    /// A service from the catalogue.
    Service,
    /// Somebody who passes the shop's mail on: the signature holds, the server is another.
    Forwarder,
    /// Sends in the shop's name and proves to be somebody, but not that it may.
    Unknown,
    /// Sends in the shop's name and proves nothing.
    Misuse,
}

impl Category {
    /// The word in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Service => "service",
            Self::Forwarder => "forwarder",
            Self::Unknown => "unknown",
            Self::Misuse => "misuse",
        }
    }

    /// The word for people.
    #[must_use]
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Own => lang.pick("uzelf", "yourself"),
            Self::Service => lang.pick("dienst", "service"),
            Self::Forwarder => lang.pick("doorstuurder", "forwarder"),
            Self::Unknown => lang.pick("onbekend", "unknown"),
            Self::Misuse => lang.pick("misbruik", "misuse"),
        }
    }
}

/// What told who it was, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// A server of the shop.
    OwnNetwork,
    /// A signature that holds.
    Dkim,
    /// An envelope domain that allows the server.
    Spf,
    /// The server's name.
    Ptr,
    /// The server's network.
    Network,
    /// Nothing.
    Nothing,
}

/// Who sent a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classified {
    /// What it is to the shop.
    pub category: Category,
    /// Its entry in the catalogue.
    pub sender: Option<&'static Sender>,
    /// What told.
    pub evidence: Evidence,
    /// Whether the shop named this service itself.
    pub is_declared: bool,
}

/// Says who sent a row; `ptr` is the confirmed name of its server (forward and back), if it was looked up.
///
/// A forwarder breaks SPF and keeps the signature: an aligned DKIM that passes where SPF fails. A service that signs
/// for the shop and uses an envelope domain of its own looks alike; it shows by that domain or by its server.
#[must_use]
pub fn classify(row: &Row, ptr: Option<&str>, known: &Known) -> Classified {
    if known.networks.iter().any(|network| network.contains(row.source)) {
        return classified(Category::Own, None, Evidence::OwnNetwork, known);
    }
    let by_spf = passing_spf(row, known).find_map(catalogue::by_spf);
    let by_place = place(row.source, ptr);
    if row.dkim == Evaluated::Pass && row.spf != Evaluated::Pass {
        return signed_elsewhere(row, by_spf, by_place, known);
    }
    let by_dkim = passing_dkim(row, known).find_map(catalogue::by_dkim);
    let found = by_dkim
        .map(|sender| (sender, Evidence::Dkim))
        .or(by_spf.map(|sender| (sender, Evidence::Spf)))
        .or(by_place);
    if let Some((sender, evidence)) = found {
        // Anybody can be a customer of a host: without alignment its name says where, not who.
        let is_telling = row.is_aligned() || !sender.kind.is_shared() || known.is_declared(sender);
        if is_telling {
            return classified(Category::Service, Some(sender), evidence, known);
        }
    }
    let category = if row.is_aligned() {
        Category::Own
    } else if passing_dkim(row, known).next().is_some() || passing_spf(row, known).next().is_some() {
        Category::Unknown
    } else {
        Category::Misuse
    };
    let (sender, evidence) =
        found.map_or((None, Evidence::Nothing), |(sender, evidence)| (Some(sender), evidence));
    classified(category, sender, evidence, known)
}

/// A row with a signature of the shop from a server that its SPF does not allow.
fn signed_elsewhere(
    row: &Row,
    by_spf: Option<&'static Sender>,
    by_place: Option<(&'static Sender, Evidence)>,
    known: &Known,
) -> Classified {
    let is_told = row.reasons.iter().any(|reason| {
        matches!(reason.kind, ReasonKind::Forwarded | ReasonKind::MailingList | ReasonKind::TrustedForwarder)
    });
    if is_told {
        return classified(Category::Forwarder, None, Evidence::Dkim, known);
    }
    let is_sender = |sender: &Sender| !sender.kind.is_shared() || known.is_declared(sender);
    if let Some(sender) = by_spf.filter(|sender| is_sender(sender)) {
        return classified(Category::Service, Some(sender), Evidence::Spf, known);
    }
    if let Some((sender, evidence)) = by_place.filter(|(sender, _)| is_sender(sender)) {
        return classified(Category::Service, Some(sender), evidence, known);
    }
    let passed_on_by = by_spf.or(by_place.map(|(sender, _)| sender));
    classified(Category::Forwarder, passed_on_by, Evidence::Dkim, known)
}

fn classified(
    category: Category,
    sender: Option<&'static Sender>,
    evidence: Evidence,
    known: &Known,
) -> Classified {
    Classified {
        category,
        sender,
        evidence,
        is_declared: sender.is_some_and(|sender| known.is_declared(sender)),
    }
}

/// Domains of signatures that hold and are not the shop's.
fn passing_dkim<'a>(row: &'a Row, known: &'a Known) -> impl Iterator<Item = &'a str> {
    let passing = row.dkim_auth.iter().filter(|auth| auth.result == AuthResult::Pass);
    passing.map(|auth| auth.domain.as_str()).filter(|domain| !domain.is_empty() && !known.owns(domain))
}

/// Envelope domains that allow the server and are not the shop's.
fn passing_spf<'a>(row: &'a Row, known: &'a Known) -> impl Iterator<Item = &'a str> {
    let passing = row.spf_auth.iter().filter(|auth| auth.result == AuthResult::Pass);
    passing.map(|auth| auth.domain.as_str()).filter(|domain| !domain.is_empty() && !known.owns(domain))
}

/// Whose server it is.
fn place(source: IpAddr, ptr: Option<&str>) -> Option<(&'static Sender, Evidence)> {
    let by_name = ptr.and_then(|host| catalogue::by_ptr(&host.to_ascii_lowercase()));
    by_name
        .map(|sender| (sender, Evidence::Ptr))
        .or_else(|| catalogue::by_network(source).map(|sender| (sender, Evidence::Network)))
}
