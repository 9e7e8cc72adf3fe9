//! What the web server is started with: addresses, names, certificate source and bounds.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything the server needs besides the vault itself.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Where HTTPS is answered.
    pub https: SocketAddr,
    /// Where plain HTTP is redirected from; `None` listens on HTTPS only.
    pub http: Option<SocketAddr>,
    /// Host names of this server, the one that people type first.
    pub names: Vec<String>,
    /// Where the certificate comes from.
    pub certificate: CertificateSource,
    /// `max-age` of Strict-Transport-Security in seconds; zero sends `max-age=0`, which forgets it.
    pub hsts_max_age_s: u64,
    /// Bounds on what comes in.
    pub limits: Limits,
    /// The shop's name, as pages show it.
    pub shop_name: String,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// An own local authority and a certificate of it, made in this folder on the first start and renewed.
    Own {
        /// Holds `ca.pem`, `ca-key.pem`, `server.pem` and `server-key.pem`.
        folder: PathBuf,
    },
    /// PEM files of somebody else, read again whenever they change.
    Files {
        /// The certificate followed by its intermediates.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

/// Bounds on what comes in from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at the same time; more wait in the listen queue.
    pub connections_max: usize,
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Bytes of an uploaded or streamed body.
    pub upload_bytes_max: usize,
    /// Requests of one credential in a minute.
    pub requests_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            body_bytes_max: 1024 * 1024,
            upload_bytes_max: 1024 * 1024 * 1024,
            requests_per_minute: 6_000,
        }
    }
}
