//! What every handler of the API and the console reaches, and what the server says about a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use kluis_app::App;
use kluis_crypto::SystemRandom;
use kluis_model::{Random, RequestId, Thumbprint, TimeMs};
use parking_lot::RwLock;

use crate::api::Traffic;
use crate::limiter::Limiter;
use crate::options::WebOptions;
use crate::server::CertificateReport;

/// State of the web server; clones are cheap and share it.
#[derive(Clone)]
pub(crate) struct WebState {
    /// The vault.
    pub(crate) app: App,
    /// What the server was started with.
    pub(crate) options: Arc<WebOptions>,
    /// The certificate shown at this moment.
    pub(crate) certificate: Arc<RwLock<CertificateState>>,
    /// How its renewal stands.
    pub(crate) renewal: Arc<RwLock<Renewal>>,
    /// Counts requests per credential and failures per address.
    pub(crate) limiter: Arc<Limiter>,
    /// Connections open now.
    pub(crate) connections: Arc<AtomicUsize>,
    /// Answers since the start.
    pub(crate) traffic: Arc<Traffic>,
}

impl WebState {
    /// State around a vault, before a certificate is loaded.
    pub(crate) fn new(app: App, options: Arc<WebOptions>) -> Self {
        let limiter = Arc::new(Limiter::new(options.limits.requests_per_minute));
        Self {
            app,
            options,
            certificate: Arc::default(),
            renewal: Arc::default(),
            limiter,
            connections: Arc::default(),
            traffic: Arc::default(),
        }
    }

    /// What people may know about the certificate and its renewal.
    pub(crate) fn certificate_report(&self) -> CertificateReport {
        CertificateReport::new(&self.options.certificate, &self.certificate.read(), &self.renewal.read())
    }

    /// A fresh id for one request.
    pub(crate) fn new_request_id(&self) -> RequestId {
        RequestId::generate(self.app.now(), &SystemRandom)
    }

    /// Fills `out` with randomness of the operating system, for session ids and CSRF tokens.
    pub(crate) fn fill_random(&self, out: &mut [u8]) {
        SystemRandom.fill(out);
    }
}

/// What people may know about the certificate that is shown now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CertificateState {
    /// Names it is valid for.
    pub(crate) names: Vec<String>,
    /// Who issued it.
    pub(crate) issuer: String,
    /// From when it is valid.
    pub(crate) not_before: TimeMs,
    /// Until when it is valid.
    pub(crate) not_after: TimeMs,
    /// Issued by the vault's own authority, which browsers do not know.
    pub(crate) is_local: bool,
}

/// How the renewal of the certificate stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// When it is renewed, where that is ours to do.
    pub(crate) next: Option<TimeMs>,
    /// When a failed attempt is repeated.
    pub(crate) next_try: Option<TimeMs>,
    /// Why the last attempt failed, if it did, and when.
    pub(crate) failed: Option<(String, TimeMs)>,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The address.
    pub(crate) address: SocketAddr,
    /// The client certificate that was proved in the handshake.
    pub(crate) certificate: Option<ShownCertificate>,
}

/// A client certificate of one of our partners, its key proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShownCertificate {
    /// Which.
    pub(crate) thumbprint: Thumbprint,
    /// Until when it is valid; a connection may last longer.
    pub(crate) until: TimeMs,
}

/// The address at the other end of the connection; an extension of every request, beside its [`RequestId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) SocketAddr);
