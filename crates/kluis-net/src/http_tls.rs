//! TLS for reading pages: a certificate that is not good is noted, not refused, since nothing secret is ever sent.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The certificates an audit trusts: the public roots and those given with `--ca`.
#[derive(Debug, Clone)]
pub(crate) struct Trusted {
    provider: Arc<CryptoProvider>,
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl Trusted {
    /// The public roots and these.
    pub(crate) fn new(roots: &[CertificateDer<'static>]) -> Self {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        // A root that cannot be read trusts nothing.
        let _ = store.add_parsable_certificates(roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider)).build().ok();
        Self { provider, verifier }
    }

    /// Does a handshake for HTTP and says whether the certificate was trusted and for this host.
    pub(crate) async fn connect<S>(
        &self,
        name: ServerName<'static>,
        stream: S,
    ) -> Result<(TlsStream<S>, bool), String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.connect_for(name, stream, vec![b"http/1.1".to_vec()]).await
    }

    /// The same, with the protocols to offer (ALPN); none for mail.
    pub(crate) async fn connect_for<S>(
        &self,
        name: ServerName<'static>,
        stream: S,
        protocols: Vec<Vec<u8>>,
    ) -> Result<(TlsStream<S>, bool), String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let verifier = self.verifier.clone().ok_or_else(|| "no roots".to_owned())?;
        let noted = Arc::new(Noting { inner: verifier, is_good: Mutex::new(false) });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&noted) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.alpn_protocols = protocols;
        config.resumption = Resumption::disabled();
        let stream =
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|e| e.to_string())?;
        let is_good = *noted.is_good.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((stream, is_good))
    }
}

/// Verifies as browsers do, and notes the result instead of failing.
#[derive(Debug)]
struct Noting {
    inner: Arc<WebPkiServerVerifier>,
    is_good: Mutex<bool>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_good = self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, now).is_ok();
        *self.is_good.lock().unwrap_or_else(PoisonError::into_inner) = is_good;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, signed).or_else(|_| self.note_bad())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, signed).or_else(|_| self.note_bad())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl Noting {
    /// A handshake that is signed wrongly (or with a key that webpki cannot read) is as bad as a bad certificate.
    fn note_bad(&self) -> Result<HandshakeSignatureValid, Error> {
        *self.is_good.lock().unwrap_or_else(PoisonError::into_inner) = false;
        Ok(HandshakeSignatureValid::assertion())
    }
}
