//! Reads what a server sends, piece by piece: records, handshake messages, alerts, SSLv2, or no TLS at all.

use super::key_exchange::KeyExchange;
use super::suites;
use super::wire::Cursor;

/// Bytes of one flight at most.
pub const FLIGHT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one handshake message at most.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// Certificates that are kept at most.
pub const CERTIFICATES_MAX: usize = 12;
/// Bytes in one record at most: RFC 5246 §6.2.3 allows 2048 above the plain limit.
const RECORD_BYTES_MAX: usize = 16_384 + 2048;
/// The random of a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Why reading stopped. What was read before it is still in [`Reader::flight`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlightError {
    /// More than [`FLIGHT_BYTES_MAX`].
    #[error("the server sent more than {FLIGHT_BYTES_MAX} bytes in one flight")]
    TooLong,
    /// A handshake message says it is longer than [`MESSAGE_BYTES_MAX`].
    #[error("a handshake message of {bytes} bytes is too long")]
    MessageTooLong {
        /// What it said.
        bytes: usize,
    },
    /// A record of unknown type, version or length after good ones.
    #[error("a record of type {kind} is not TLS")]
    BadRecord {
        /// Its type byte.
        kind: u8,
    },
    /// A message that is not what its type says.
    #[error("the {message} cannot be read")]
    Malformed {
        /// Which message.
        message: &'static str,
    },
}

/// A ServerHello or HelloRetryRequest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerHello {
    /// The version agreed on; 0x0304 for TLS 1.3.
    pub version: u16,
    /// The version field of the message.
    pub legacy_version: u16,
    /// Random bytes.
    pub random: [u8; 32],
    /// Session id.
    pub session_id: Vec<u8>,
    /// The chosen suite.
    pub suite: u16,
    /// The chosen compression method.
    pub compression: u8,
    /// The group of its key share, or the one that it asks for.
    pub group: Option<u16>,
    /// Whether it is a HelloRetryRequest.
    pub is_retry: bool,
    /// Its extensions, in order.
    pub extensions: Vec<(u16, Vec<u8>)>,
}

impl ServerHello {
    /// Whether it has the extension.
    #[must_use]
    pub fn has(&self, extension: u16) -> bool {
        self.extension(extension).is_some()
    }

    /// The body of an extension.
    #[must_use]
    pub fn extension(&self, extension: u16) -> Option<&[u8]> {
        self.extensions.iter().find(|(kind, _)| *kind == extension).map(|(_, body)| body.as_slice())
    }

    /// The application protocol that was chosen (up to TLS 1.2, where it is not encrypted).
    #[must_use]
    pub fn alpn(&self) -> Option<String> {
        let mut list = Cursor::new(Cursor::new(self.extension(16)?).bytes16()?);
        String::from_utf8(list.bytes8()?.to_vec()).ok()
    }

    fn read(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let legacy_version = cursor.u16()?;
        let mut out = Self { version: legacy_version, legacy_version, ..Self::default() };
        out.random.copy_from_slice(cursor.take(32)?);
        out.is_retry = out.random == RETRY_RANDOM;
        out.session_id = cursor.bytes8().filter(|id| id.len() <= 32)?.to_vec();
        out.suite = cursor.u16()?;
        out.compression = cursor.u8()?;
        if cursor.is_empty() {
            return Some(out);
        }
        let mut extensions = Cursor::new(cursor.bytes16()?);
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            out.extensions.push((kind, extensions.bytes16()?.to_vec()));
        }
        if let Some(version) = out.extension(43) {
            out.version = Cursor::new(version).u16()?;
        }
        out.group = out.extension(51).and_then(|share| Cursor::new(share).u16());
        cursor.is_empty().then_some(out)
    }
}

/// A SERVER-HELLO of SSLv2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ssl2ServerHello {
    /// Its version, 0x0002.
    pub version: u16,
    /// The certificate, when it sends one.
    pub certificate: Vec<u8>,
    /// The kinds it accepts, as three-byte numbers, at most 64.
    pub kinds: Vec<u32>,
    /// Bytes of the connection id.
    pub connection_id: Vec<u8>,
}

/// An alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// 1 warning, 2 fatal.
    pub level: u8,
    /// Which: 40 handshake_failure, 70 protocol_version, 86 inappropriate_fallback …
    pub code: u8,
}

/// A record that is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// Type on the record: 20 to 24.
    pub kind: u8,
    /// Its bytes, without the five of the record's head.
    pub body: Vec<u8>,
}

/// Everything that came so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flight {
    /// The last ServerHello or HelloRetryRequest.
    pub server_hello: Option<ServerHello>,
    /// The certificates, leaf first (up to TLS 1.2), at most [`CERTIFICATES_MAX`].
    pub certificates: Vec<Vec<u8>>,
    /// How many more there were.
    pub certificates_more: u32,
    /// The stapled OCSP response (up to TLS 1.2).
    pub ocsp_response: Option<Vec<u8>>,
    /// ServerKeyExchange.
    pub key_exchange: Option<KeyExchange>,
    /// Whether a client certificate was asked for.
    pub certificate_request: bool,
    /// ServerHelloDone came.
    pub is_done: bool,
    /// A session ticket (up to TLS 1.2): lifetime in seconds, ticket.
    pub ticket: Option<(u32, Vec<u8>)>,
    /// HelloRequests: the server wants to start again.
    pub hello_requests: u32,
    /// ChangeCipherSpec came.
    pub change_cipher_spec: bool,
    /// The first fatal alert, else the first warning.
    pub alert: Option<Alert>,
    /// Heartbeat messages, all bytes after another.
    pub heartbeat: Option<Vec<u8>>,
    /// SERVER-HELLO of SSLv2.
    pub ssl2: Option<Ssl2ServerHello>,
    /// Error of SSLv2: 1 no cipher, 2 no certificate, 4 bad certificate, 6 unsupported certificate.
    pub ssl2_error: Option<u16>,
    /// When it is no TLS: `http`, `ssh`, `smtp`, `pop3`, `imap` or `garbage`. Nothing after it is read.
    pub not_tls: Option<&'static str>,
    /// Records of application data (type 23), encrypted or not.
    pub application_data_records: u32,
    /// Records that are encrypted: after a ServerHello of TLS 1.3, or after ChangeCipherSpec.
    pub encrypted: Vec<Encrypted>,
    /// The handshake messages that are not encrypted, as they came, for the hash of the handshake. HelloRequests are
    /// left out (RFC 5246 §7.4.1.1).
    pub transcript: Vec<u8>,
}

impl Flight {
    /// Whether nothing came that could be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the server has nothing more to say in the clear: done, refused, asks again, goes on encrypted, or is
    /// no TLS server.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_tls13 = self.server_hello.as_ref().is_some_and(|hello| hello.version >= 0x0304);
        self.is_done
            || is_tls13
            || self.change_cipher_spec && self.server_hello.is_some()
            || self.not_tls.is_some()
            || self.ssl2.is_some()
            || self.ssl2_error.is_some()
            || self.alert.is_some_and(|alert| alert.level == 2)
    }
}

/// Reads a flight from bytes in pieces of any size.
#[derive(Debug, Clone)]
pub struct Reader {
    flight: Flight,
    /// Bytes of a record that is not complete.
    buffer: Vec<u8>,
    /// Bytes of a handshake message that is not complete.
    message: Vec<u8>,
    /// First byte of an alert that is not complete.
    alert: Option<u8>,
    bytes: usize,
    is_first: bool,
    version: u16,
    is_encrypted: bool,
    error: Option<FlightError>,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            flight: Flight::default(),
            buffer: Vec::new(),
            message: Vec::new(),
            alert: None,
            bytes: 0,
            is_first: true,
            version: 0,
            is_encrypted: false,
            error: None,
        }
    }

    /// What came so far.
    #[must_use]
    pub fn flight(&self) -> &Flight {
        &self.flight
    }

    /// What came, when nothing more is to be read.
    #[must_use]
    pub fn into_flight(self) -> Flight {
        self.flight
    }

    /// Forgets the flight but goes on in the middle of whatever is not complete, for the next flight of the same
    /// connection. The limits start anew; whether records are encrypted is remembered.
    pub fn next_flight(&mut self) {
        self.flight = Flight::default();
        self.bytes = self.buffer.len() + self.message.len();
    }

    /// Whether bytes are waiting for the rest of their record or message.
    #[must_use]
    pub fn is_in_the_middle(&self) -> bool {
        !self.buffer.is_empty() || !self.message.is_empty() || self.alert.is_some()
    }

    /// Reads on.
    ///
    /// # Errors
    /// [`FlightError`], and the same one for everything after it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FlightError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.is_over() {
            return Ok(());
        }
        let room = FLIGHT_BYTES_MAX - self.bytes.min(FLIGHT_BYTES_MAX);
        let taken = &bytes[..bytes.len().min(room)];
        self.bytes += taken.len();
        self.buffer.extend_from_slice(taken);
        let mut result = self.read_records();
        if result.is_ok() && taken.len() < bytes.len() && !self.is_over() {
            result = Err(FlightError::TooLong);
        }
        self.error = result.err();
        result
    }

    fn read_records(&mut self) -> Result<(), FlightError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        while !self.is_over() {
            match self.read_record(&buffer[at..])? {
                0 => break,
                count => at += count,
            }
        }
        if !self.is_over() {
            buffer.drain(..at);
            self.buffer = buffer;
        }
        Ok(())
    }

    /// Whether nothing more is read: it is no TLS, or SSLv2, of which one message is all there is.
    fn is_over(&self) -> bool {
        self.flight.not_tls.is_some() || self.flight.ssl2.is_some() || self.flight.ssl2_error.is_some()
    }

    /// Reads one record and says how many bytes it took; 0 when it is not complete.
    fn read_record(&mut self, bytes: &[u8]) -> Result<usize, FlightError> {
        let Some(head) = bytes.first_chunk::<5>() else { return Ok(0) };
        if self.is_first {
            // A server hello of any length, or an error of exactly three bytes.
            let is_ssl2 = (head[0] & 0x80 != 0 && head[2] == 4) || head[..3] == [0x80, 3, 0];
            if is_ssl2 {
                return self.read_ssl2(bytes);
            }
            self.flight.not_tls = looks_like(head);
            if self.flight.not_tls.is_some() {
                return Ok(0);
            }
        }
        let count = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if !is_record_head(head) {
            return Err(FlightError::BadRecord { kind: head[0] });
        }
        let Some(body) = bytes.get(5..5 + count) else { return Ok(0) };
        self.is_first = false;
        self.read_body(head[0], body)?;
        Ok(5 + count)
    }

    fn read_body(&mut self, kind: u8, body: &[u8]) -> Result<(), FlightError> {
        if kind == 23 {
            self.flight.application_data_records = self.flight.application_data_records.saturating_add(1);
        }
        let is_encrypted = match kind {
            20 => false,
            23 => true,
            // An alert in the clear is two bytes; encrypted ones have a tag, too.
            21 => body.len() > 4,
            _ => self.is_encrypted,
        };
        if is_encrypted {
            self.flight.encrypted.push(Encrypted { kind, body: body.to_vec() });
            return Ok(());
        }
        match kind {
            20 => {
                self.flight.change_cipher_spec = true;
                // In TLS 1.3 it means nothing (RFC 8446 §5).
                self.is_encrypted = self.version < 0x0304;
            }
            21 => self.read_alert(body),
            22 => {
                self.message.extend_from_slice(body);
                return self.read_messages();
            }
            _ => self.flight.heartbeat.get_or_insert_default().extend_from_slice(body),
        }
        Ok(())
    }

    fn read_alert(&mut self, body: &[u8]) {
        for byte in body {
            let Some(level) = self.alert.take() else {
                self.alert = Some(*byte);
                continue;
            };
            let alert = Alert { level, code: *byte };
            let is_worse = self.flight.alert.is_none_or(|old| old.level != 2 && level == 2);
            if is_worse {
                self.flight.alert = Some(alert);
            }
        }
    }

    fn read_messages(&mut self) -> Result<(), FlightError> {
        let mut message = std::mem::take(&mut self.message);
        let mut rest = message.as_slice();
        while rest.len() >= 4 {
            let count = usize::from(rest[1]) << 16 | usize::from(rest[2]) << 8 | usize::from(rest[3]);
            if count > MESSAGE_BYTES_MAX {
                return Err(FlightError::MessageTooLong { bytes: count });
            }
            let Some(body) = rest.get(4..4 + count) else { break };
            self.read_message(rest[0], body)?;
            if rest[0] != 0 {
                self.flight.transcript.extend_from_slice(&rest[..4 + count]);
            }
            rest = &rest[4 + count..];
        }
        let read = message.len() - rest.len();
        message.drain(..read);
        self.message = message;
        Ok(())
    }

    fn read_message(&mut self, kind: u8, body: &[u8]) -> Result<(), FlightError> {
        let malformed = |message| FlightError::Malformed { message };
        match kind {
            0 => self.flight.hello_requests = self.flight.hello_requests.saturating_add(1),
            2 => {
                let hello = ServerHello::read(body).ok_or(malformed("ServerHello"))?;
                self.version = hello.version;
                self.flight.server_hello = Some(hello);
            }
            4 => {
                let mut cursor = Cursor::new(body);
                let lifetime = cursor.take(4).ok_or(malformed("NewSessionTicket"))?;
                let lifetime = lifetime.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                let ticket = cursor.bytes16().ok_or(malformed("NewSessionTicket"))?;
                self.flight.ticket = Some((lifetime, ticket.to_vec()));
            }
            11 => self.read_certificates(body).ok_or(malformed("Certificate"))?,
            12 => {
                let hello = self.flight.server_hello.as_ref();
                let suite = hello.and_then(|hello| suites::find(u32::from(hello.suite)));
                let (Some(hello), Some(suite)) = (hello, suite) else { return Ok(()) };
                let read = KeyExchange::read(body, hello.version, suite);
                self.flight.key_exchange = Some(read.ok_or(malformed("ServerKeyExchange"))?);
            }
            13 => self.flight.certificate_request = true,
            14 => self.flight.is_done = true,
            22 => {
                let mut cursor = Cursor::new(body);
                let is_ocsp = cursor.u8() == Some(1);
                let response = cursor.bytes24().filter(|_| is_ocsp).ok_or(malformed("CertificateStatus"))?;
                self.flight.ocsp_response = Some(response.to_vec());
            }
            _ => {}
        }
        Ok(())
    }

    fn read_certificates(&mut self, body: &[u8]) -> Option<()> {
        let mut cursor = Cursor::new(body);
        let mut list = Cursor::new(cursor.bytes24()?);
        while !list.is_empty() {
            let certificate = list.bytes24()?;
            if self.flight.certificates.len() < CERTIFICATES_MAX {
                self.flight.certificates.push(certificate.to_vec());
            } else {
                self.flight.certificates_more = self.flight.certificates_more.saturating_add(1);
            }
        }
        cursor.is_empty().then_some(())
    }

    fn read_ssl2(&mut self, bytes: &[u8]) -> Result<usize, FlightError> {
        let count = usize::from(u16::from_be_bytes([bytes[0] & 0x7F, bytes[1]]));
        let Some(body) = bytes.get(2..2 + count) else { return Ok(0) };
        if body.first() == Some(&0) {
            self.flight.ssl2_error = Cursor::new(&body[1..]).u16();
        } else {
            self.flight.ssl2 = Ssl2ServerHello::read(body);
        }
        if self.flight.ssl2.is_none() && self.flight.ssl2_error.is_none() {
            self.flight.not_tls = Some("garbage");
            return Ok(0);
        }
        Ok(2 + count)
    }
}

impl Ssl2ServerHello {
    fn read(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        cursor.take(3)?;
        let version = cursor.u16().filter(|version| *version == 2)?;
        let (certificate, kinds, id) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        let certificate = cursor.take(usize::from(certificate))?.to_vec();
        let kinds = cursor.take(usize::from(kinds))?;
        let kinds =
            kinds.chunks_exact(3).take(64).map(|k| u32::from_be_bytes([0, k[0], k[1], k[2]])).collect();
        let connection_id = cursor.take(usize::from(id))?.to_vec();
        Some(Self { version, certificate, kinds, connection_id })
    }
}

fn is_record_head(head: &[u8; 5]) -> bool {
    let count = usize::from(u16::from_be_bytes([head[3], head[4]]));
    (20..=24).contains(&head[0]) && head[1] == 3 && count <= RECORD_BYTES_MAX
}

/// What the first bytes of a connection look like, when they are no TLS record.
fn looks_like(head: &[u8; 5]) -> Option<&'static str> {
    match head {
        _ if is_record_head(head) => None,
        b"HTTP/" | b"<html" | b"<HTML" | b"<!DOC" | b"<!doc" => Some("http"),
        [b'S', b'S', b'H', b'-', _] => Some("ssh"),
        [b'2', b'2', b'0', b' ' | b'-', _] => Some("smtp"),
        [b'+', b'O', b'K', ..] => Some("pop3"),
        [b'*', b' ', b'O', b'K', _] => Some("imap"),
        _ => Some("garbage"),
    }
}

#[cfg(test)]
#[path = "flight_tests.rs"]
mod tests;
