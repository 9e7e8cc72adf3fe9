//! Connections to servers that the shop named itself: always verified TLS, public roots and those given.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// TLS that trusts the public roots and these, and speaks nothing but TLS 1.2 and 1.3.
///
/// # Errors
/// When TLS cannot be set up, or a given root cannot be read.
pub(crate) fn client_config(roots: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in roots {
        store.add(root.clone())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Connects to a host name or address within a time.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn connect(host: &str, port: u16, within: Duration) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect((host, port));
    let tcp = timeout(within, connecting).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// Does the handshake within a time; the certificate must be for this host.
///
/// # Errors
/// When the certificate is not good, or the handshake fails.
pub(crate) async fn protect(
    config: Arc<ClientConfig>,
    host: &str,
    tcp: TcpStream,
    within: Duration,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a host name"))?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    timeout(within, handshake).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
