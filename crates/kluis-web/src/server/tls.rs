//! The TLS settings: versions 1.3 and 1.2, hybrid post-quantum key exchange first, no early data, HTTP/2 and HTTP/1.1.

use std::sync::Arc;

use kluis_net::acme::ACME_TLS;
use parking_lot::RwLock;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

/// Sessions that can be resumed without a full handshake.
const SESSIONS_MAX: usize = 4096;

/// The settings for new connections; they change when partners come or go.
pub(crate) struct Settings {
    certificates: Arc<dyn ResolvesServerCert>,
    extra_protocol: Option<&'static [u8]>,
    current: RwLock<Arc<ServerConfig>>,
}

/// Which proofs are given in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proofs {
    None,
    TlsAlpn,
}

impl Settings {
    /// Settings that show whichever certificate the resolver gives, and ask for none.
    pub(crate) fn new(
        certificates: Arc<dyn ResolvesServerCert>,
        proofs: Proofs,
    ) -> Result<Self, rustls::Error> {
        let extra_protocol = (proofs == Proofs::TlsAlpn).then_some(ACME_TLS);
        let first = config(certificates.clone(), extra_protocol, None)?;
        Ok(Self { certificates, extra_protocol, current: RwLock::new(Arc::new(first)) })
    }

    /// The settings for a connection that begins now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.current.read().clone()
    }

    /// Asks clients from now on for a certificate of this authority, if they have one; `None` asks nobody.
    ///
    /// No session of before can be resumed: it would bring along a certificate that may have been withdrawn.
    pub(crate) fn trust(&self, authority: Option<&CertificateDer<'static>>) -> Result<(), rustls::Error> {
        let next = config(self.certificates.clone(), self.extra_protocol, authority)?;
        *self.current.write() = Arc::new(next);
        Ok(())
    }
}

fn config(
    certificates: Arc<dyn ResolvesServerCert>,
    extra_protocol: Option<&'static [u8]>,
    partners: Option<&CertificateDer<'static>>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier(partners)?)
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.alpn_protocols.extend(extra_protocol.map(<[u8]>::to_vec));
    // Ours come strongest first; a client's order may be an old habit.
    config.ignore_client_order = true;
    // RFC 7627: without the extended master secret a TLS 1.2 session can be bound to another.
    config.require_ems = true;
    // A request that can be replayed is no request of ours.
    config.max_early_data_size = 0;
    // Sessions stay with us under a random number that works once; tickets sealed with a lasting key would not be
    // forward secret.
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    Ok(config)
}

/// Takes connections without a certificate too. The name of the authority goes into the request, so that a browser,
/// which has no certificate of it, asks its user nothing.
fn verifier(
    partners: Option<&CertificateDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let Some(authority) = partners else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))
}

#[cfg(test)]
mod tests {
    use rustls::{CipherSuite, NamedGroup};

    #[test]
    fn the_hybrid_post_quantum_group_comes_first() {
        let groups = rustls::crypto::aws_lc_rs::default_provider().kx_groups;
        assert_eq!(groups[0].name(), NamedGroup::X25519MLKEM768);
    }

    #[test]
    fn every_suite_is_forward_secret_and_authenticated() {
        let suites = rustls::crypto::aws_lc_rs::default_provider().cipher_suites;
        assert!(suites.len() >= 5);
        for suite in suites {
            let name = format!("{:?}", suite.suite());
            let is_good = name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_");
            assert!(is_good && !name.contains("CBC") && !name.contains("CCM"), "{name}");
            assert_ne!(suite.suite(), CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256);
        }
    }
}
