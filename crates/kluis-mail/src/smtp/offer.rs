//! What a server offers a client, and what can happen in their talk.

use std::fmt;

use kluis_crypto::SecretText;
use kluis_model::PiiText;

use super::address::Address;

/// What a server offers one client.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The name of this server.
    pub hostname: String,
    /// Whether TLS protects the connection from the start, can, or cannot.
    pub protection: Protection,
    /// Who signs in.
    pub login: LoginRule,
    /// Bytes of one message, offered as SIZE.
    pub message_bytes_max: usize,
    /// Bytes of a line of a message with its line end.
    pub line_bytes_max: usize,
    /// Recipients of one message; RFC 5321 §4.5.3.1.8 wants at least 100.
    pub recipients_max: usize,
    /// Mistakes after which the talk is ended.
    pub errors_max: u32,
    /// Whether reports of delivery are offered (DSN, RFC 3461).
    pub offers_dsn: bool,
}

/// What protects a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nothing, and there is no certificate either.
    None,
    /// Nothing yet; STARTTLS is offered.
    StartTls,
    /// TLS.
    Tls,
    /// It does not leave this machine; STARTTLS is offered where there is a certificate.
    Loopback {
        /// Whether STARTTLS is offered.
        offers_tls: bool,
    },
}

/// Who signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRule {
    /// Nobody can.
    Never,
    /// Who wants to.
    May,
    /// Whoever sends mail.
    Must,
}

/// What happened. Each of these wants an answer before the talk goes on.
#[derive(Debug)]
pub enum Event {
    /// Do the handshake after sending the output, then call [`super::Session::tls_began`].
    StartTls,
    /// Check it: 235 lets it in, 535 and 454 do not.
    SignIn(SignIn),
    /// MAIL: 250 or a refusal.
    Sender(Sender),
    /// RCPT: 250 or a refusal.
    Recipient(Recipient),
    /// The first DATA or BDAT of a message: 354 or a refusal.
    Data,
    /// The message is whole: 250 means that it will not be lost.
    Message(Vec<u8>),
}

/// A name and a secret.
#[derive(Clone)]
pub struct SignIn {
    /// Who says so.
    pub user: PiiText,
    /// The proof.
    pub secret: SecretText,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn(***)")
    }
}

/// The sender of an envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// `None`: the null sender, of messages that nobody answers.
    pub address: Option<Address>,
    /// The size the client announced, in bytes.
    pub octets: Option<u64>,
    /// Whether it announced bytes beyond ASCII (RFC 6152).
    pub is_8bit: bool,
    /// `RET=HDRS`: a report of delivery holds the header of the message only (RFC 3461 §4.3).
    pub is_header_only: bool,
    /// `ENVID=` as it was given, in xtext.
    pub envelope_id: Option<PiiText>,
}

/// A recipient of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// `None`: the postmaster of this server, without a domain.
    pub address: Option<Address>,
    /// `NOTIFY=` in upper case (RFC 3461 §4.1).
    pub notify: Option<String>,
    /// `ORCPT=` as it was given, in xtext.
    pub original: Option<PiiText>,
}
