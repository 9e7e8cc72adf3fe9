//! Certificates by ACME (RFC 8555): an account, orders with three kinds of proof, renewal in time (RFC 9773), and patience.
//!
//! [`Keeper::run`] keeps one certificate for a list of names in a folder:
//! `certificate.pem` (key and chain in one file, so that both are replaced at once), `account-….json` (the account and
//! its key), `pending.json` (an order on its way, so that a crash does not order twice) and `state.json` (when to renew
//! or to try again, so that a restart does not forget to wait). Files with keys have mode 0600.

mod client;
mod files;
mod hook;
mod keep;
mod order;
mod schedule;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kluis_model::TimeMs;
use parking_lot::RwLock;
use rustls::sign::CertifiedKey;

pub use self::files::{CERTIFICATE_FILE, RENEW_FILE};
pub use self::keep::Keeper;

/// The protocol name of TLS-ALPN-01 (RFC 8737 §6.2).
pub const ACME_TLS: &[u8] = b"acme-tls/1";
/// Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The rehearsal stage of Let's Encrypt, whose certificates nobody trusts.
pub const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// What to order, from whom, and how to prove that the names are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeOptions {
    /// The address of the directory; https only.
    pub directory: String,
    /// Addresses such as `mailto:beheer@winkel.example`, for the certificate authority.
    pub contact: Vec<String>,
    /// The names of the certificate: host names, or IP addresses where the authority takes them. At most 100.
    pub names: Vec<String>,
    /// How control over the names is proved.
    pub proof: Proof,
    /// The profile of the certificate, from those that the directory lists.
    pub profile: Option<String>,
    /// The account that the authority knows us by already (external account binding).
    pub external_account: Option<ExternalAccount>,
    /// PEM file with the only roots to trust for the directory itself; `None` for the public ones.
    pub root_file: Option<PathBuf>,
    /// Holds the account, the certificate and the state; made when absent, mode 0700.
    pub folder: PathBuf,
}

/// How control over a name is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A file on port 80 (RFC 8555 §8.3).
    Http01,
    /// A certificate of its own on port 443 (RFC 8737).
    TlsAlpn01,
    /// A TXT record (RFC 8555 §8.4), put there and taken away by a program.
    Dns01 {
        /// Called as `HOOK add NAME VALUE` and `HOOK remove NAME VALUE`.
        hook: PathBuf,
        /// How long the record gets to reach all name servers.
        wait: Duration,
    },
}

/// The key of an account that was made at the authority's site (RFC 8555 §7.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    /// The key's identifier.
    pub kid: String,
    /// File with the key in base64url as the authority gives it; readable by its owner only.
    pub key_file: PathBuf,
}

/// Why there is no new certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct AcmeError {
    /// What went wrong, for people; never a key.
    pub text: String,
    /// How long the authority asks to wait.
    pub retry_after: Option<Duration>,
    /// What became of the order.
    pub(crate) order: OrderFate,
}

/// Whether an order can be taken up again after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderFate {
    /// It may still succeed.
    Open,
    /// It is over.
    Dead,
    /// The account is unknown to the authority, so none of its orders can succeed.
    NoAccount,
}

impl AcmeError {
    /// A problem that says nothing about the order.
    pub(crate) fn new(text: impl std::fmt::Display) -> Self {
        Self { text: shortened(&text.to_string()), retry_after: None, order: OrderFate::Open }
    }

    /// The same, but the order is over.
    pub(crate) fn dead(text: impl std::fmt::Display) -> Self {
        Self { order: OrderFate::Dead, ..Self::new(text) }
    }
}

/// Most characters of an error that are kept: authorities quote whole pages.
const ERROR_CHARS_MAX: usize = 600;

/// A text on one line, cut off.
fn shortened(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(ERROR_CHARS_MAX).collect()
}

/// The proofs that wait to be asked for; the HTTP listener and the TLS listener look here.
#[derive(Debug, Default)]
pub struct Challenges {
    tokens: RwLock<HashMap<String, String>>,
    certificates: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl Challenges {
    /// What to answer under `/.well-known/acme-challenge/{token}`, when that token is expected.
    #[must_use]
    pub fn answer(&self, token: &str) -> Option<String> {
        self.tokens.read().get(token).cloned()
    }

    /// The certificate for a handshake that asks for [`ACME_TLS`] and this name, when it is expected.
    #[must_use]
    pub fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.certificates.read().get(&name.to_ascii_lowercase()).cloned()
    }

    pub(crate) fn expect_token(&self, token: &str, answer: &str) {
        self.tokens.write().insert(token.to_owned(), answer.to_owned());
    }

    pub(crate) fn expect_handshake(&self, name: &str, certificate: Arc<CertifiedKey>) {
        self.certificates.write().insert(name.to_ascii_lowercase(), certificate);
    }

    pub(crate) fn clear(&self) {
        self.tokens.write().clear();
        self.certificates.write().clear();
    }
}

/// How renewal stands, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// When the certificate is renewed.
    pub next_renewal: Option<TimeMs>,
    /// When a failed attempt is repeated.
    pub next_try: Option<TimeMs>,
    /// Attempts that failed since the last success.
    pub failures: u32,
    /// What the last attempt said, when it failed.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<TimeMs>,
}
