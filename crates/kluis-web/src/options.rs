//! What the web server is started with: addresses, names, certificate source and bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use kluis_net::acme::AcmeOptions;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Bytes of a file with reports of receivers that the API and the console take at once.
pub(crate) const REPORT_BYTES_MAX: usize = 25 * 1024 * 1024;

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
    /// Holds the own authority, the partners' authority, and what is remembered about the certificate.
    pub tls_folder: PathBuf,
    /// Strict-Transport-Security (RFC 6797).
    pub hsts: HstsOptions,
    /// Whom to tell about a weakness, as `mailto:` or `https:` address; served in security.txt (RFC 9116).
    pub security_contact: Option<String>,
    /// Bounds on what comes in.
    pub limits: Limits,
    /// The shop's name, as pages show it.
    pub shop_name: String,
    /// Where the certificate in force is shown to the other listeners of this process.
    pub shared_certificate: Option<Arc<SharedCertificate>>,
}

/// The certificate in force, for listeners of this process that are not of the web; none until the web server has begun.
#[derive(Debug, Default)]
pub struct SharedCertificate(OnceLock<Arc<dyn ResolvesServerCert>>);

impl SharedCertificate {
    /// Shows this one from now on; only the first counts, which follows every renewal by itself.
    pub(crate) fn share(&self, certificates: Arc<dyn ResolvesServerCert>) {
        // Set already: another server of this process was first.
        let _ = self.0.set(certificates);
    }
}

impl ResolvesServerCert for SharedCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.get()?.resolve(hello)
    }
}

/// What Strict-Transport-Security says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HstsOptions {
    /// `max-age` in seconds once it is in full force; zero sends `max-age=0`, which makes browsers forget it.
    pub max_age_s: u64,
    /// Whether it grows to that from five minutes over thirty days.
    pub is_ramped: bool,
    /// Whether it is for every name below ours too, once in full force.
    pub includes_subdomains: bool,
    /// Whether browsers may ship with it, once in full force.
    pub is_for_preload: bool,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// An own local authority and a certificate of it, made in the TLS folder on the first start and renewed.
    Own,
    /// PEM files of somebody else, read again whenever they change.
    Files {
        /// The certificate followed by its intermediates.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// A certificate authority on the internet, asked by ACME; the own one serves until it has answered.
    Acme(Box<AcmeOptions>),
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
