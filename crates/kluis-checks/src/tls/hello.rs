//! Hellos that a client sends: any versions, suites, groups and extensions, as the bytes of TLS records.

use core::net::IpAddr;

use super::suites;
use super::wire::{put_numbers16, put8, put16};

/// Bytes in one record at most (RFC 8446 §5.1).
pub const RECORD_BYTES_MAX: usize = 16_384;

/// A ClientHello, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Version on the record: 0x0301 for everything newer than SSLv3.
    pub record_version: u16,
    /// Version in the message: the highest up to TLS 1.2 (0x0303).
    pub legacy_version: u16,
    /// Random bytes.
    pub random: [u8; 32],
    /// Session id, at most 32 bytes.
    pub session_id: Vec<u8>,
    /// Offered suites, most wanted first.
    pub suites: Vec<u16>,
    /// Offered compression methods.
    pub compression: Vec<u8>,
    /// Server name; left out of the bytes when it is an address (RFC 6066 §3).
    pub sni: Option<String>,
    /// `supported_versions`; with 0x0304 in it a `key_share` goes along, even an empty one.
    pub supported_versions: Vec<u16>,
    /// `supported_groups`.
    pub groups: Vec<u16>,
    /// Shares for TLS 1.3. None at all makes the server ask for the group it wants (HelloRetryRequest).
    pub key_shares: Vec<(u16, Vec<u8>)>,
    /// `signature_algorithms`.
    pub signature_algorithms: Vec<u16>,
    /// Application protocols.
    pub alpn: Vec<String>,
    /// RFC 7627.
    pub extended_master_secret: bool,
    /// RFC 5746: the verify data of the handshake before; empty in a first handshake.
    pub renegotiation_info: Option<Vec<u8>>,
    /// RFC 5077: a ticket; empty to ask for one.
    pub session_ticket: Option<Vec<u8>>,
    /// Asks for a stapled OCSP response.
    pub status_request: bool,
    /// Asks for certificate timestamps.
    pub sct: bool,
    /// RFC 6520: lets the peer send heartbeats.
    pub heartbeat: bool,
    /// `psk_key_exchange_modes` with `psk_dhe_ke`, without which a server sends no tickets in TLS 1.3.
    pub psk_modes: bool,
    /// False for SSLv3 as it was: no extensions at all, whatever the other fields say.
    pub has_extensions: bool,
}

impl Hello {
    /// What a browser of today could send: TLS 1.3 and 1.2, an X25519 share, everything that a good server has.
    ///
    /// The share is the random bytes, which are as good a public key as any for a handshake that goes no further. A
    /// server that prefers the post-quantum hybrid answers with a HelloRetryRequest for it.
    #[must_use]
    pub fn modern(random: [u8; 32]) -> Self {
        Self {
            record_version: 0x0301,
            legacy_version: 0x0303,
            random,
            session_id: random.iter().rev().copied().collect(),
            suites: MODERN_SUITES.to_vec(),
            compression: vec![0],
            sni: None,
            supported_versions: vec![0x0304, 0x0303],
            groups: vec![0x11EC, 0x001D, 0x0017, 0x0018, 0x0019],
            key_shares: vec![(0x001D, random.to_vec())],
            signature_algorithms: SIGNATURE_ALGORITHMS.to_vec(),
            alpn: Vec::new(),
            extended_master_secret: true,
            renegotiation_info: Some(Vec::new()),
            session_ticket: None,
            status_request: true,
            sct: true,
            heartbeat: false,
            psk_modes: true,
            has_extensions: true,
        }
    }

    /// For one version only, from SSLv3 (0x0300, no extensions) to TLS 1.2 (0x0303), with these suites.
    #[must_use]
    pub fn legacy(version: u16, suites: Vec<u16>, random: [u8; 32]) -> Self {
        Self {
            record_version: version.min(0x0301),
            legacy_version: version,
            session_id: Vec::new(),
            suites,
            supported_versions: Vec::new(),
            groups: vec![
                0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x0016, 0x001A, 0x001B, 0x001C, 0x0015, 0x0013,
            ],
            key_shares: Vec::new(),
            signature_algorithms: if version >= 0x0303 { SIGNATURE_ALGORITHMS.to_vec() } else { Vec::new() },
            psk_modes: false,
            has_extensions: version > 0x0300,
            ..Self::modern(random)
        }
    }

    /// The records to send.
    #[must_use]
    pub fn to_records(&self) -> Vec<u8> {
        let handshake = self.handshake();
        let mut out = Vec::with_capacity(handshake.len() + 5);
        for piece in handshake.chunks(RECORD_BYTES_MAX) {
            out.extend_from_slice(&record(22, self.record_version, piece));
        }
        out
    }

    /// The handshake message: type, length, body.
    #[must_use]
    pub fn handshake(&self) -> Vec<u8> {
        let mut out = vec![1, 0, 0, 0];
        out.extend_from_slice(&self.legacy_version.to_be_bytes());
        out.extend_from_slice(&self.random);
        put8(&mut out, &self.session_id[..self.session_id.len().min(32)]);
        put_numbers16(&mut out, &self.suites);
        put8(&mut out, &self.compression);
        if self.has_extensions {
            let before = out.len();
            put16(&mut out, |out| self.put_extensions(out, before));
        }
        let count = out.len() - 4;
        out[1..4].copy_from_slice(&[(count >> 16) as u8, (count >> 8) as u8, count as u8]);
        out
    }

    fn put_extensions(&self, out: &mut Vec<u8>, before: usize) {
        if let Some(name) = self.sni.as_deref().filter(|name| is_name(name)) {
            put_extension(out, 0, |out| {
                put16(out, |out| {
                    out.push(0);
                    put16(out, |out| out.extend_from_slice(name.as_bytes()));
                });
            });
        }
        if self.extended_master_secret {
            put_extension(out, 23, |_| {});
        }
        if let Some(data) = &self.renegotiation_info {
            put_extension(out, 0xFF01, |out| put8(out, data));
        }
        if let Some(ticket) = &self.session_ticket {
            put_extension(out, 35, |out| out.extend_from_slice(ticket));
        }
        if self.heartbeat {
            put_extension(out, 15, |out| out.push(1));
        }
        if self.status_request {
            put_extension(out, 5, |out| out.extend_from_slice(&[1, 0, 0, 0, 0]));
        }
        if self.sct {
            put_extension(out, 18, |_| {});
        }
        if !self.alpn.is_empty() {
            put_extension(out, 16, |out| {
                put16(out, |out| self.alpn.iter().for_each(|name| put8(out, name.as_bytes())));
            });
        }
        self.put_key_extensions(out);
        self.put_padding(out, before);
    }

    fn put_key_extensions(&self, out: &mut Vec<u8>) {
        if !self.groups.is_empty() {
            put_extension(out, 11, |out| put8(out, &[0]));
            put_extension(out, 10, |out| put_numbers16(out, &self.groups));
        }
        if self.supported_versions.contains(&0x0304) || !self.key_shares.is_empty() {
            put_extension(out, 51, |out| {
                put16(out, |out| {
                    for (group, share) in &self.key_shares {
                        out.extend_from_slice(&group.to_be_bytes());
                        put16(out, |out| out.extend_from_slice(share));
                    }
                });
            });
        }
        if self.psk_modes {
            put_extension(out, 45, |out| put8(out, &[1]));
        }
        if !self.supported_versions.is_empty() {
            put_extension(out, 43, |out| {
                let bytes: Vec<u8> = self.supported_versions.iter().flat_map(|v| v.to_be_bytes()).collect();
                put8(out, &bytes[..bytes.len().min(254)]);
            });
        }
        if !self.signature_algorithms.is_empty() {
            put_extension(out, 13, |out| put_numbers16(out, &self.signature_algorithms));
        }
    }

    /// RFC 7685: messages of 256 to 511 bytes make some old servers hang.
    fn put_padding(&self, out: &mut Vec<u8>, before: usize) {
        debug_assert!(out.len() >= before + 2);
        if (256..512).contains(&out.len()) {
            let missing = 512_usize.saturating_sub(out.len() + 4);
            put_extension(out, 21, |out| out.resize(out.len() + missing.max(1), 0));
        }
    }
}

/// One TLS record; `body` is at most [`RECORD_BYTES_MAX`] bytes, more is cut off.
#[must_use]
pub fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 5);
    out.push(kind);
    out.extend_from_slice(&version.to_be_bytes());
    put16(&mut out, |out| out.extend_from_slice(&body[..body.len().min(RECORD_BYTES_MAX)]));
    out
}

/// A CLIENT-HELLO of SSLv2 that offers every kind.
#[must_use]
pub fn ssl2(challenge: [u8; 16]) -> Vec<u8> {
    let kinds = suites::ssl2();
    let mut body = vec![1, 0, 2];
    // Invariant: the table has about a dozen kinds.
    body.extend_from_slice(&((kinds.len() * 3) as u16).to_be_bytes());
    body.extend_from_slice(&[0, 0, 0, 16]);
    for kind in kinds {
        body.extend_from_slice(&kind.to_be_bytes()[1..]);
    }
    body.extend_from_slice(&challenge);
    let mut out = (0x8000 | body.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(&body);
    out
}

/// Whether it may be sent as a server name: not an address, not empty, at most 253 bytes of ASCII.
fn is_name(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    !name.is_empty() && name.len() <= 253 && name.is_ascii() && bare.parse::<IpAddr>().is_err()
}

fn put_extension(out: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&kind.to_be_bytes());
    put16(out, fill);
}

/// Suites of [`Hello::modern`].
const MODERN_SUITES: [u16; 15] = [
    0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D,
    0x002F, 0x0035,
];

/// Signature algorithms that go along by default: everything a server may need, best first, SHA-1 last.
pub const SIGNATURE_ALGORITHMS: [u16; 17] = [
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0808, 0x0809, 0x080A,
    0x080B, 0x0402, 0x0203, 0x0201,
];

#[cfg(test)]
#[path = "hello_tests.rs"]
mod tests;
