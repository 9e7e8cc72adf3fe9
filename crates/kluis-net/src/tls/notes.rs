//! What answers showed besides the question they were asked for.

use std::collections::{BTreeMap, BTreeSet};

use kluis_checks::cert;
use kluis_checks::facts::{DhFacts, Protocol, SctFacts};
use kluis_checks::tls::suites::Suite;
use kluis_checks::tls::{Flight, Hello, groups, suites};
use kluis_crypto::sha256;

/// Finite-field groups that are kept.
const DH_MAX: usize = 16;

/// Everything that was seen so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Accepted suites.
    pub(super) suites: BTreeSet<(Protocol, u32)>,
    /// Finite-field groups.
    pub(super) dh: Vec<DhFacts>,
    /// Curves in TLS 1.2.
    pub(super) groups_tls12: BTreeSet<u16>,
    /// Groups in TLS 1.3.
    pub(super) groups_tls13: BTreeSet<u16>,
    /// Whether compression was taken when offered.
    pub(super) compression: Option<bool>,
    /// RFC 5746, in every version that answered.
    pub(super) secure_renegotiation: Option<bool>,
    /// RFC 7627 in TLS 1.2.
    pub(super) extended_master_secret: Option<bool>,
    /// Whether heartbeats are allowed, when that was offered.
    pub(super) heartbeat: Option<bool>,
    /// Whether a certificate of the client was asked for.
    pub(super) certificate_request: Option<bool>,
    /// Application protocols.
    pub(super) alpn: BTreeSet<String>,
    /// The chain that was shown with the name, by version.
    pub(super) chains: BTreeMap<Protocol, Vec<Vec<u8>>>,
    /// Whether an OCSP response was stapled, when it was asked for.
    pub(super) ocsp: Option<bool>,
    /// Timestamps in the TLS extension.
    pub(super) scts: Vec<SctFacts>,
}

impl Notes {
    /// Accepted suites of one version.
    pub(super) fn accepted(&self, protocol: Protocol) -> Vec<u16> {
        let of_it = self.suites.iter().filter(|(version, _)| *version == protocol);
        of_it.filter_map(|(_, id)| u16::try_from(*id).ok()).collect()
    }

    /// Accepted suites of one version of a kind.
    pub(super) fn accepted_where(&self, protocol: Protocol, is_wanted: impl Fn(&Suite) -> bool) -> Vec<u16> {
        let mut ids = self.accepted(protocol);
        ids.retain(|id| suites::find(u32::from(*id)).is_some_and(&is_wanted));
        ids
    }

    /// Notes what an answer shows. A suite that was not offered shows nothing.
    pub(super) fn take(&mut self, hello: &Hello, flight: &Flight) {
        let Some(server) = &flight.server_hello else { return };
        let Some(protocol) = protocol(server.version).filter(|_| hello.suites.contains(&server.suite)) else {
            return;
        };
        self.suites.insert((protocol, u32::from(server.suite)));
        if protocol == Protocol::Tls13 {
            self.groups_tls13.extend(server.group.filter(|group| hello.groups.contains(group)));
            return;
        }
        if hello.compression.contains(&1) {
            self.compression = Some(self.compression == Some(true) || server.compression == 1);
        }
        if hello.has_extensions {
            self.take_extensions(hello, flight, protocol);
        }
        if flight.is_done {
            let was_asked = self.certificate_request == Some(true);
            self.certificate_request = Some(was_asked || flight.certificate_request);
        }
        if hello.sni.is_some() && !flight.certificates.is_empty() {
            self.chains.entry(protocol).or_insert_with(|| flight.certificates.clone());
        }
        self.take_key_exchange(hello, flight, protocol);
    }

    fn take_extensions(&mut self, hello: &Hello, flight: &Flight, protocol: Protocol) {
        let Some(server) = &flight.server_hello else { return };
        if hello.renegotiation_info.is_some() {
            self.secure_renegotiation = Some(self.secure_renegotiation != Some(false) && server.has(0xFF01));
        }
        if hello.extended_master_secret && protocol == Protocol::Tls12 {
            self.extended_master_secret = Some(self.extended_master_secret != Some(false) && server.has(23));
        }
        if hello.heartbeat {
            self.heartbeat = Some(self.heartbeat == Some(true) || server.has(15));
        }
        if hello.status_request && hello.sni.is_some() {
            self.ocsp = Some(self.ocsp == Some(true) || flight.ocsp_response.is_some());
        }
        if !hello.alpn.is_empty() {
            self.alpn.extend(server.alpn().filter(|name| hello.alpn.contains(name)));
        }
        if self.scts.is_empty() && hello.sni.is_some() {
            self.scts = server.extension(18).map(cert::read_sct_list).unwrap_or_default();
        }
    }

    fn take_key_exchange(&mut self, hello: &Hello, flight: &Flight, protocol: Protocol) {
        let Some(exchange) = &flight.key_exchange else { return };
        if protocol == Protocol::Tls12 {
            self.groups_tls12.extend(exchange.named_group);
        }
        let Some(dh) = &exchange.dh else { return };
        let facts = DhFacts {
            offered_ffdhe: hello.groups.iter().any(|group| (0x0100..=0x01FF).contains(group)),
            bits: dh.bits(),
            name: groups::known_prime(&dh.prime).map(str::to_owned),
            prime_sha256: hex::encode(sha256(&dh.prime)),
        };
        if self.dh.len() < DH_MAX && !self.dh.contains(&facts) {
            self.dh.push(facts);
        }
    }
}

/// The version of a number on the wire.
pub(super) fn protocol(version: u16) -> Option<Protocol> {
    match version {
        0x0300 => Some(Protocol::Ssl3),
        0x0301 => Some(Protocol::Tls10),
        0x0302 => Some(Protocol::Tls11),
        0x0303 => Some(Protocol::Tls12),
        0x0304 => Some(Protocol::Tls13),
        _ => None,
    }
}
