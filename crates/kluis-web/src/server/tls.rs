//! The TLS settings: versions 1.3 and 1.2, hybrid post-quantum key exchange first, no early data, HTTP/2 and HTTP/1.1.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};

/// Sessions that can be resumed without a full handshake.
const SESSIONS_MAX: usize = 4096;

/// Settings that show whichever certificate the resolver gives.
pub(crate) fn config(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // RFC 7627: without the extended master secret a TLS 1.2 session can be bound to another.
    config.require_ems = true;
    // A request that can be replayed is no request of ours.
    config.max_early_data_size = 0;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;

    #[test]
    fn the_hybrid_post_quantum_group_comes_first() {
        let groups = rustls::crypto::aws_lc_rs::default_provider().kx_groups;
        assert_eq!(groups[0].name(), NamedGroup::X25519MLKEM768);
    }
}
