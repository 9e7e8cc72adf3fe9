//! Mail to the smarthost: one server that is named in the settings, over verified TLS, its connections used again.
//!
//! [`Smarthost`] knows the server, [`SmarthostConnection`] is one talk with it. Nothing of an address or a message is in
//! an error.

mod connection;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kluis_mail::smtp::client::{ClientError, ClientLogin, ClientOptions, TlsWish};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use self::connection::{SendError, SmarthostConnection};

/// For one address to answer.
const CONNECT: Duration = Duration::from_secs(15);
/// Addresses of the smarthost that are tried.
const ADDRESSES_MAX: usize = 4;

/// Which server, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct SmarthostOptions {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: TlsWish,
    /// How we introduce ourselves.
    pub hello: String,
    /// How we sign in.
    pub login: Option<ClientLogin>,
    /// Roots that are trusted besides the public ones.
    pub roots: Vec<CertificateDer<'static>>,
}

/// Why there is no talk with the smarthost.
#[derive(Debug, thiserror::Error)]
pub enum SmarthostError {
    /// Its name has no address.
    #[error("the name of the smarthost cannot be found: {0}")]
    Name(std::io::Error),
    /// None of its addresses answers.
    #[error("the smarthost does not answer: {0}")]
    Connect(std::io::Error),
    /// It is elsewhere, and the talk would be in the clear.
    #[error("the smarthost is not on this machine and the connection would not be encrypted")]
    NotLoopback,
    /// The handshake failed, or its certificate is not good.
    #[error("TLS with the smarthost: {0}")]
    Tls(std::io::Error),
    /// The settings of TLS cannot be used.
    #[error("TLS for the smarthost: {0}")]
    Settings(String),
    /// It says nothing.
    #[error("the smarthost is silent")]
    Silent,
    /// It ended the connection.
    #[error("the smarthost ended the connection")]
    Closed,
    /// It does not talk as it should, or does not want to.
    #[error(transparent)]
    Talk(#[from] ClientError),
}

/// A server that mail is handed to.
#[derive(Clone)]
pub struct Smarthost {
    options: Arc<SmarthostOptions>,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

impl std::fmt::Debug for Smarthost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smarthost({}:{})", self.options.host, self.options.port)
    }
}

impl Smarthost {
    /// Prepares the talk; nothing is sent yet.
    ///
    /// # Errors
    /// `Settings` when the name is none or TLS cannot be set up.
    pub fn new(options: SmarthostOptions) -> Result<Self, SmarthostError> {
        let settings = |error: &dyn std::fmt::Display| SmarthostError::Settings(error.to_string());
        let name = ServerName::try_from(options.host.clone()).map_err(|error| settings(&error))?;
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in &options.roots {
            roots.add(root.clone()).map_err(|error| settings(&error))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| settings(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { options: Arc::new(options), name, tls: Arc::new(tls) })
    }

    /// The host, as it is named in the settings.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.options.host
    }

    /// Begins a talk: connects, protects it, introduces us, signs in.
    ///
    /// # Errors
    /// Why not.
    pub async fn connect(&self) -> Result<SmarthostConnection, SmarthostError> {
        let stream = self.reach().await?;
        // Commands are small and each is waited for.
        let _ = stream.set_nodelay(true);
        let options = &self.options;
        let client =
            ClientOptions { hello: options.hello.clone(), tls: options.tls, login: options.login.clone() };
        SmarthostConnection::begin(stream, client, self.name.clone(), Arc::clone(&self.tls)).await
    }

    async fn reach(&self) -> Result<TcpStream, SmarthostError> {
        let options = &self.options;
        let named = timeout(CONNECT, tokio::net::lookup_host((options.host.as_str(), options.port)));
        let found = named.await.map_err(|_| SmarthostError::Silent)?.map_err(SmarthostError::Name)?;
        let addresses: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
        let is_clear = options.tls == TlsWish::Never;
        if is_clear && !addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
            return Err(SmarthostError::NotLoopback);
        }
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in addresses {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = std::io::ErrorKind::TimedOut.into(),
            }
        }
        Err(SmarthostError::Connect(last))
    }
}
