//! Visits a server as a browser does, with rustls: certificate, resumption, early data, client certificates, ALPN.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kluis_checks::facts::{ClientCertificate, EarlyData};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind,
    ProtocolVersion, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::ask::{Miss, Prober, Weight};
use crate::connect::Stream;

/// Shortest and longest wait for a session ticket after the handshake.
const TICKET_WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Wait for an answer to early data before the handshake is finished.
const EARLY_WAIT: Duration = Duration::from_millis(500);
/// Bytes up to the end of the status in `HTTP/1.1 200`.
const STATUS_BYTES: usize = 12;

/// What visits showed.
#[derive(Debug, Default)]
pub(super) struct Normal {
    /// The chain, leaf first.
    pub(super) chain: Vec<Vec<u8>>,
    /// Whether an OCSP response was stapled.
    pub(super) has_staple: bool,
    /// Whether a certificate of the visitor is wanted.
    pub(super) client_certificate: ClientCertificate,
    /// Whether the second visit resumed the first.
    pub(super) resumed: Option<bool>,
    /// 0-RTT.
    pub(super) early_data: EarlyData,
    /// Application protocols.
    pub(super) alpn: Vec<String>,
}

/// Visits twice: the second time with what the first one was given. Nothing about TLS below 1.2.
pub(super) async fn visit(prober: &Prober<'_>, is_full: bool) -> Result<Normal, Miss> {
    let seen = Arc::new(Seen::default());
    let config = config(&seen, prober, &["http/1.1"])?;
    let mut out = Normal::default();
    let mut first = Visit::start(prober, &config, Weight::Must).await?;
    let begun = Instant::now();
    let mut failed = first.handshake().await;
    if failed == Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) {
        // Speaks only others than HTTP/1.1.
        let config = self::config(&seen, prober, &[])?;
        first = Visit::start(prober, &config, Weight::Must).await?;
        failed = first.handshake().await;
    }
    let wait = (begun.elapsed() * 3).clamp(TICKET_WAIT.0, TICKET_WAIT.1);
    let is_tls13 = first.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    if failed.is_none() && is_tls13 {
        failed = first.tickets(wait).await;
    }
    out.chain = seen.chain();
    out.has_staple = seen.has_staple();
    out.client_certificate = match (seen.was_asked(), &failed) {
        (false, None) => ClientCertificate::None,
        (false, Some(_)) => ClientCertificate::Unknown,
        (true, None) => ClientCertificate::Requested,
        (true, Some(_)) => ClientCertificate::Required,
    };
    out.alpn.extend(first.alpn());
    if let Some(error) = &failed
        && out.client_certificate != ClientCertificate::Required
    {
        prober.gap("handshake", error);
    }
    first.close().await;
    if failed.is_none() && is_full {
        match again(prober, &config, is_tls13).await {
            Ok((resumed, early_data)) => (out.resumed, out.early_data) = (resumed, early_data),
            Err(miss) => prober.gap("resumption", &miss),
        }
    }
    Ok(out)
}

/// Whether HTTP/2 is spoken, for servers whose ALPN is encrypted.
pub(super) async fn speaks_http2(prober: &Prober<'_>) -> Result<bool, Miss> {
    let config = config(&Arc::default(), prober, &["h2"])?;
    let mut visit = Visit::start(prober, &config, Weight::May).await?;
    Ok(visit.handshake().await.is_none() && visit.alpn().as_deref() == Some("h2"))
}

/// The leaf that is shown without a server name, for servers that speak only TLS 1.3.
pub(super) async fn nameless(prober: &Prober<'_>) -> Result<Vec<u8>, Miss> {
    let seen = Arc::new(Seen::default());
    let mut config = (*config(&seen, prober, &["http/1.1"])?).clone();
    config.enable_sni = false;
    let mut visit = Visit::start(prober, &Arc::new(config), Weight::May).await?;
    visit.handshake().await;
    Ok(seen.chain().into_iter().next().unwrap_or_default())
}

async fn again(
    prober: &Prober<'_>,
    config: &Arc<ClientConfig>,
    is_tls13: bool,
) -> Result<(Option<bool>, EarlyData), Miss> {
    let mut visit = Visit::start(prober, config, Weight::May).await?;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nConnection: close\r\n\r\n",
        prober.host,
        prober.gate().user_agent()
    );
    let offered = visit
        .tls
        .early_data()
        .is_some_and(|mut early| io::Write::write_all(&mut early, request.as_bytes()).is_ok());
    let mut status = None;
    if offered {
        // Held back: what is answered before our Finished could be replayed by anybody.
        status = visit.early_status().await;
    }
    if visit.handshake().await.is_some() {
        return Err(Miss::Odd("the second handshake failed"));
    }
    let resumed = visit.tls.handshake_kind().map(|kind| kind == HandshakeKind::Resumed);
    let is_accepted = offered && visit.tls.is_early_data_accepted();
    if is_accepted && status.is_none() {
        status = visit.status().await;
    }
    let early_data = match (is_accepted, status) {
        (false, _) => EarlyData::Refused,
        (true, Some(425)) => EarlyData::TooEarly,
        (true, _) => EarlyData::Accepted,
    };
    visit.close().await;
    Ok((resumed, if is_tls13 { early_data } else { EarlyData::Refused }))
}

/// One connection.
struct Visit {
    stream: Stream,
    tls: ClientConnection,
    step: Duration,
    buffer: Vec<u8>,
}

impl Visit {
    async fn start(prober: &Prober<'_>, config: &Arc<ClientConfig>, weight: Weight) -> Result<Self, Miss> {
        let name = ServerName::try_from(prober.host.to_owned())
            .unwrap_or_else(|_| ServerName::IpAddress(prober.address.ip().into()));
        let tls = ClientConnection::new(Arc::clone(config), name)
            .map_err(|_| Miss::Odd("no handshake can be made"))?;
        let stream = prober.connect(weight).await?;
        Ok(Self { stream, tls, step: prober.gate().step(), buffer: vec![0; 8192] })
    }

    /// Drives the handshake to its end; says why it failed.
    async fn handshake(&mut self) -> Option<Error> {
        let step = self.step;
        let work = async {
            while self.tls.is_handshaking() {
                self.turn().await?;
            }
            self.write().await
        };
        timeout(step, work).await.unwrap_or(Err(Error::General("no answer in time".to_owned()))).err()
    }

    /// Waits for a ticket, or for the server to say that it does not like what it got.
    async fn tickets(&mut self, wait: Duration) -> Option<Error> {
        let work = async {
            while self.tls.tls13_tickets_received() == 0 {
                self.turn().await?;
            }
            Ok(())
        };
        match timeout(wait, work).await {
            Ok(Err(error @ Error::AlertReceived(_))) => Some(error),
            // No ticket, or closed without one: the handshake itself went well.
            _ => None,
        }
    }

    /// Sends hello and early data, and waits a while for an answer without finishing the handshake.
    async fn early_status(&mut self) -> Option<u16> {
        let mut text = Vec::new();
        let work = async {
            self.write().await?;
            while !self.has_status(&mut text) {
                self.read().await?;
                if !self.tls.is_handshaking() && !self.tls.is_early_data_accepted() {
                    break;
                }
            }
            Ok::<_, Error>(())
        };
        // What came in time is looked at.
        let _ = timeout(EARLY_WAIT, work).await;
        status_of(&text)
    }

    /// The status of the answer to early data.
    async fn status(&mut self) -> Option<u16> {
        let step = self.step;
        let mut text = Vec::new();
        let work = async {
            while !self.has_status(&mut text) {
                self.turn().await?;
            }
            Ok::<_, Error>(())
        };
        let _ = timeout(step, work).await;
        status_of(&text)
    }

    /// Takes what can be read; true when the status line is there, or so much else that there is none.
    fn has_status(&mut self, text: &mut Vec<u8>) -> bool {
        let mut piece = [0; 512];
        while let Ok(count @ 1..) = io::Read::read(&mut self.tls.reader(), &mut piece) {
            text.extend_from_slice(&piece[..count]);
            if text.len() >= STATUS_BYTES {
                return true;
            }
        }
        false
    }

    /// Writes what is to be written, then reads once.
    async fn turn(&mut self) -> Result<(), Error> {
        self.write().await?;
        if self.tls.wants_read() { self.read().await } else { Ok(()) }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let general = |text: &str| Error::General(text.to_owned());
        match self.stream.read(&mut self.buffer).await {
            Ok(0) => Err(general("the connection was closed")),
            Err(_) => Err(general("the connection was reset")),
            Ok(count) => {
                let mut bytes = &self.buffer[..count];
                while !bytes.is_empty() {
                    self.tls.read_tls(&mut bytes).map_err(|_| general("the answer is too long"))?;
                    self.tls.process_new_packets()?;
                }
                Ok(())
            }
        }
    }

    async fn write(&mut self) -> Result<(), Error> {
        let mut out = Vec::new();
        while self.tls.wants_write() {
            // Writing to memory does not fail.
            let _ = self.tls.write_tls(&mut out);
        }
        match self.stream.write_all(&out).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Error::General("the connection was reset".to_owned())),
        }
    }

    async fn close(mut self) {
        self.tls.send_close_notify();
        // The other side may be gone.
        let _ = timeout(self.step, self.write()).await;
    }

    fn alpn(&self) -> Option<String> {
        String::from_utf8(self.tls.alpn_protocol()?.to_vec()).ok()
    }
}

fn status_of(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn config(seen: &Arc<Seen>, prober: &Prober<'_>, alpn: &[&str]) -> Result<Arc<ClientConfig>, Miss> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Miss::Odd("no handshake can be made"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(seen) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(seen) as Arc<dyn ResolvesClientCert>);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config.resumption = Resumption::in_memory_sessions(2);
    config.enable_early_data = true;
    config.enable_sni = prober.sni().is_some();
    Ok(Arc::new(config))
}

/// Notes what a server shows and asks for. Everything is accepted, since it is only described: `trust` judges the chain.
#[derive(Debug, Default)]
struct Seen(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    chain: Vec<Vec<u8>>,
    has_staple: bool,
    was_asked: bool,
}

impl Seen {
    fn noted(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain(&self) -> Vec<Vec<u8>> {
        self.noted().chain.clone()
    }

    fn has_staple(&self) -> bool {
        self.noted().has_staple
    }

    fn was_asked(&self) -> bool {
        self.noted().was_asked
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut noted = self.noted();
        noted.chain =
            std::iter::once(end_entity).chain(intermediates).map(|der| der.as_ref().to_vec()).collect();
        noted.has_staple = !ocsp_response.is_empty();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        use SignatureScheme as S;
        vec![
            S::ECDSA_NISTP256_SHA256,
            S::ECDSA_NISTP384_SHA384,
            S::ECDSA_NISTP521_SHA512,
            S::ED25519,
            S::ED448,
            S::RSA_PSS_SHA256,
            S::RSA_PSS_SHA384,
            S::RSA_PSS_SHA512,
            S::RSA_PKCS1_SHA256,
            S::RSA_PKCS1_SHA384,
            S::RSA_PKCS1_SHA512,
            S::RSA_PKCS1_SHA1,
            S::ECDSA_SHA1_Legacy,
        ]
    }
}

impl ResolvesClientCert for Seen {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.noted().was_asked = true;
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
