//! Servers for tests: pages over HTTP and TLS whose answers are written byte by byte, and name servers.
#![expect(clippy::unwrap_used, reason = "tests")]

pub(crate) mod dns;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kluis_checks::Evidence;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::{AuditError, AuditOptions};

/// The host of most tests.
pub(crate) const HOST: &str = "shop.example";
/// The address of all servers but those that must be another one.
pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A request as a test server got it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `GET`.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// The whole head.
    pub(crate) head: String,
}

impl Asked {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What a test server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Sends these bytes and waits for the next request.
    Keep(Vec<u8>),
    /// Sends these bytes and closes.
    Close(Vec<u8>),
    /// Sends one byte at a time, this often, then closes.
    Drip(Vec<u8>, Duration),
    /// Sends the first bytes, then the second ones until nobody reads them, at most 64 MiB.
    Endless(Vec<u8>, Vec<u8>),
    /// Never answers.
    Silent,
}

impl Reply {
    /// A whole answer with a body.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Self::Keep([head.as_bytes(), body].concat())
    }

    /// A page.
    pub(crate) fn html(body: &str) -> Self {
        Self::new(200, &[("Content-Type", "text/html; charset=utf-8")], body)
    }

    /// A redirect.
    pub(crate) fn to(location: &str) -> Self {
        Self::new(301, &[("Location", location)], "moved")
    }

    /// Nothing there.
    pub(crate) fn none() -> Self {
        Self::new(404, &[("Content-Type", "text/html")], "<p>no such page")
    }
}

/// An authority that signs for test servers.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate.
    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A server's settings with a certificate for these names.
    pub(crate) fn settings(&self, names: &[&str]) -> ServerConfig {
        self.settings_for(names, rustls::ALL_VERSIONS)
    }

    /// The same, for some versions of TLS.
    pub(crate) fn settings_for(
        &self,
        names: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap()
    }
}

/// A server; it ends when dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) at: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<Mutex<u32>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Plain HTTP.
    pub(crate) async fn plain(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(LOCAL, None, reply).await
    }

    /// HTTPS.
    pub(crate) async fn tls(
        settings: ServerConfig,
        reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(LOCAL, Some(settings), reply).await
    }

    /// On an address of choice.
    pub(crate) async fn start(
        ip: IpAddr,
        settings: Option<ServerConfig>,
        reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let acceptor = settings.map(|settings| TlsAcceptor::from(Arc::new(settings)));
        let (asked, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (noted, counted, reply) = (Arc::clone(&asked), Arc::clone(&connections), Arc::new(reply));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let (acceptor, noted, reply) = (acceptor.clone(), Arc::clone(&noted), Arc::clone(&reply));
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &noted, &*reply).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &noted, &*reply).await;
                            }
                        }
                    }
                });
            }
        });
        Self { at, asked, connections, task }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The paths that were asked so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }

    /// Connections that were made so far.
    pub(crate) fn connections(&self) -> u32 {
        *self.connections.lock().unwrap()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    noted: &Mutex<Vec<Asked>>,
    reply: &(dyn Fn(&Asked) -> Reply + Send + Sync),
) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) if head.len() < 65_536 => head.push(byte),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let asked = Asked { method: method.to_owned(), path: path.to_owned(), head: head.clone() };
        noted.lock().unwrap().push(asked.clone());
        if act(&mut stream, reply(&asked)).await.is_none() {
            return;
        }
    }
}

async fn act(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), reply: Reply) -> Option<()> {
    match reply {
        Reply::Keep(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.flush().await.ok()
        }
        Reply::Close(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Reply::Drip(bytes, every) => {
            for byte in bytes {
                stream.write_all(&[byte]).await.ok()?;
                stream.flush().await.ok()?;
                tokio::time::sleep(every).await;
            }
            None
        }
        Reply::Endless(first, then) => {
            stream.write_all(&first).await.ok()?;
            let mut sent = 0;
            while sent < 64 * 1024 * 1024 {
                stream.write_all(&then).await.ok()?;
                sent += then.len();
            }
            None
        }
        Reply::Silent => {
            // Until the other side gives up.
            let mut byte = [0];
            let _ = stream.read(&mut byte).await;
            None
        }
    }
}

/// Options for servers on loopback: names are given, no name server is asked, steps are short.
pub(crate) fn options(https: Option<&Server>, http: Option<&Server>) -> AuditOptions {
    let mut options = AuditOptions {
        resolve: vec![(HOST.to_owned(), LOCAL)],
        step: Duration::from_secs(2),
        total: Duration::from_secs(20),
        ..AuditOptions::default()
    };
    options.https_port = https.map_or(closed_port(), |server| server.at.port());
    options.http_port = http.map_or(closed_port(), |server| server.at.port());
    options
}

/// A port on which nothing listens: bound once, and freed again.
pub(crate) fn closed_port() -> u16 {
    std::net::TcpListener::bind((LOCAL, 0)).unwrap().local_addr().unwrap().port()
}

/// Runs an audit without progress.
pub(crate) async fn run(options: &AuditOptions) -> Result<Evidence, AuditError> {
    crate::audit(HOST, options, &|_| {}).await
}

/// Fails when something takes longer than it may.
pub(crate) async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.unwrap()
}
