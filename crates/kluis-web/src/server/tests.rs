//! The listeners with real sockets on loopback: TLS, redirect, reload, bounds, slow clients, graceful stop.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::Response;
use kluis_model::{CredentialId, TimeMs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::authority::Authority;
use super::certificate::load;
use super::*;

const NOW: TimeMs = TimeMs(1_795_000_000_000);
const QUICK: Timing = Timing {
    handshake: Duration::from_millis(200),
    head: Duration::from_millis(300),
    write: Duration::from_millis(300),
    stop: Duration::from_secs(5),
};

/// A listener over a handler, stopped when dropped.
struct Running {
    address: SocketAddr,
    folder: tempfile::TempDir,
    shown: Arc<Shown>,
    settings: Arc<Settings>,
    stop: watch::Sender<bool>,
    _abort: watch::Sender<bool>,
    listening: tokio::task::JoinHandle<()>,
}

/// Answers `hello` at once, or on `/slow` after a while.
fn hello() -> Handler {
    Arc::new(|request, caller| {
        Box::pin(async move {
            if request.uri().path() == "/slow" {
                tokio::time::sleep(Duration::from_millis(400)).await;
            }
            if request.uri().path() == "/whom" {
                let whom = caller.certificate.map(|shown| shown.thumbprint.to_string());
                return Response::new(Body::from(whom.unwrap_or_else(|| "none".into())));
            }
            if request.uri().path() == "/large" {
                return Response::new(Body::from(vec![b'x'; 64 * 1024 * 1024]));
            }
            Response::new(Body::from("hello"))
        })
    })
}

async fn start(timing: Timing, connections_max: usize) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), &["localhost".to_owned()]);
    let now = system_now();
    let shown = Arc::new(Shown::new(authority.certificate(now).unwrap(), Arc::default(), Arc::default()));
    let settings = Arc::new(Settings::new(shown.clone(), Proofs::TlsAlpn).unwrap());
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let (stop, stop_rx) = watch::channel(false);
    let (abort, abort_rx) = watch::channel(false);
    let listener = TlsListener {
        tcp,
        tls: settings.clone(),
        handler: hello(),
        connections_max,
        timing,
        open: Arc::default(),
    };
    let listening = tokio::spawn(listener.run(Signals { stop: stop_rx, abort: abort_rx }));
    Running { address, folder, shown, settings, stop, _abort: abort, listening }
}

/// Clients check validity against the machine's clock.
fn system_now() -> TimeMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    TimeMs(i64::try_from(since.as_millis()).unwrap())
}

fn client(
    authority: &Path,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) -> std::io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
    let mut buffer = vec![0; 4096];
    let mut got = Vec::new();
    while !got.ends_with(b"hello") {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        got.extend_from_slice(&buffer[..n]);
    }
    Ok(String::from_utf8(got).unwrap())
}

impl Running {
    fn client(&self, versions: &[&'static SupportedProtocolVersion], alpn: &[&[u8]]) -> Arc<ClientConfig> {
        client(&self.folder.path().join("ca.pem"), versions, alpn)
    }
}

#[tokio::test]
async fn both_versions_of_tls_answer_and_the_hybrid_group_is_chosen() {
    let server = start(Timing::default(), 10).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut stream = connect(server.address, server.client(&[version], &[b"http/1.1"])).await.unwrap();
        assert!(ask(&mut stream, "/").await.unwrap().starts_with("HTTP/1.1 200 OK"));
        let session = stream.get_ref().1;
        assert_eq!(session.protocol_version(), Some(version.version));
        if version.version == rustls::ProtocolVersion::TLSv1_3 {
            let group = session.negotiated_key_exchange_group().unwrap().name();
            assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
        }
    }
}

#[tokio::test]
async fn http_2_is_spoken_when_asked_for() {
    let server = start(Timing::default(), 10).await;
    let config = server.client(&[&rustls::version::TLS13], &[b"h2", b"http/1.1"]);
    let mut stream = connect(server.address, config).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    // HEADERS, end of stream and headers: GET, https, /, authority x (RFC 7541, static table).
    bytes.extend([0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x87, 0x84, 0x41, 1, b'x']);
    stream.write_all(&bytes).await.unwrap();
    let mut got = Vec::new();
    let mut buffer = [0; 1024];
    while !got.ends_with(b"hello") {
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(n > 0, "{got:?}");
        got.extend_from_slice(&buffer[..n]);
    }
}

#[tokio::test]
async fn who_does_not_speak_tls_or_stands_still_is_let_go() {
    let server = start(QUICK, 10).await;
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    // An alert or a reset, never an answer.
    let _ = plain.read_to_end(&mut got).await;
    assert!(!got.windows(5).any(|window| window == b"hello"));
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(ended(&mut silent).await, 0, "a silent client is let go");
    let config = server.client(&[&rustls::version::TLS13], &[b"http/1.1"]);
    let mut slow = connect(server.address, config.clone()).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: local").await.unwrap();
    ended(&mut slow).await;
    let mut idle = connect(server.address, config.clone()).await.unwrap();
    ask(&mut idle, "/").await.unwrap();
    ended(&mut idle).await;
    let mut unread = connect(server.address, config.clone()).await.unwrap();
    unread.write_all(b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut after = connect(server.address, config).await.unwrap();
    ask(&mut after, "/").await.unwrap();
}

/// Reads until the server ends the connection, which it must within two seconds.
async fn ended(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> usize {
    let mut got = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut got));
    match reading.await {
        Ok(Ok(n)) => n,
        // A close without a TLS goodbye is an end too.
        Ok(Err(_)) => 0,
        Err(_) => panic!("the connection is still open"),
    }
}

#[tokio::test]
async fn one_connection_more_than_allowed_waits_until_another_ends() {
    let server = start(Timing::default(), 2).await;
    let config = server.client(&[&rustls::version::TLS13], &[b"http/1.1"]);
    let first = connect(server.address, config.clone()).await.unwrap();
    let mut second = connect(server.address, config.clone()).await.unwrap();
    ask(&mut second, "/").await.unwrap();
    let mut third = tokio::spawn(connect(server.address, config));
    let waiting = tokio::time::timeout(Duration::from_millis(150), &mut third).await;
    assert!(waiting.is_err(), "the third has to wait");
    drop(first);
    let mut third = third.await.unwrap().unwrap();
    ask(&mut third, "/").await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_the_running_request_finish_and_takes_no_other() {
    let server = start(Timing::default(), 10).await;
    let config = server.client(&[&rustls::version::TLS13], &[b"http/1.1"]);
    let mut busy = connect(server.address, config.clone()).await.unwrap();
    let mut idle = connect(server.address, config.clone()).await.unwrap();
    ask(&mut idle, "/").await.unwrap();
    let running = tokio::spawn(async move { ask(&mut busy, "/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.send(true).unwrap();
    assert!(running.await.unwrap().unwrap().ends_with("hello"));
    ended(&mut idle).await;
    tokio::time::timeout(Duration::from_secs(2), server.listening).await.unwrap().unwrap();
    assert!(connect(server.address, config).await.is_err());
}

#[tokio::test]
async fn certificate_files_are_taken_over_under_load_and_bad_ones_are_not() {
    let server = start(Timing::default(), 100).await;
    let files = tempfile::tempdir().unwrap();
    let (chain, key) = (files.path().join("chain.pem"), files.path().join("key.pem"));
    let copy = |name: &str, to: &Path| std::fs::copy(server.folder.path().join(name), to).unwrap();
    copy("server.pem", &chain);
    copy("server-key.pem", &key);
    let source = Source::Files { chain: chain.clone(), key: key.clone() };
    server.shown.swap(source.load(NOW).unwrap());
    let every = Duration::from_millis(20);
    let mut watch = Watch::new(source, server.shown.clone());
    let keeping = tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            watch.look(NOW, every).await;
        }
    });
    let config = server.client(&[&rustls::version::TLS13], &[b"http/1.1"]);
    let done = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (config, done, address) = (config.clone(), done.clone(), server.address);
            tokio::spawn(async move {
                let mut count = 0_u32;
                while !done.load(Ordering::Relaxed) {
                    let mut stream = connect(address, config.clone()).await.unwrap();
                    ask(&mut stream, "/").await.unwrap();
                    count += 1;
                }
                count
            })
        })
        .collect();
    let serial = async || {
        // A client of its own: a resumed session would show the certificate of the first one.
        let fresh = server.client(&[&rustls::version::TLS13], &[b"http/1.1"]);
        let stream = connect(server.address, fresh).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let first = serial().await;
    std::fs::write(&chain, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n").unwrap();
    tokio::time::sleep(every * 5).await;
    assert_eq!(serial().await, first, "a bad file leaves the old certificate in force");
    std::fs::remove_file(server.folder.path().join("server.pem")).unwrap();
    Authority::new(server.folder.path(), &["localhost".to_owned()]).certificate(system_now()).unwrap();
    copy("server-key.pem", &key);
    tokio::time::sleep(every * 5).await;
    assert_eq!(serial().await, first, "a key without its certificate is not taken");
    copy("server.pem", &chain);
    let begun = std::time::Instant::now();
    while serial().await == first {
        assert!(begun.elapsed() < Duration::from_secs(5), "the new certificate is not taken over");
        tokio::time::sleep(every).await;
    }
    done.store(true, Ordering::Relaxed);
    for task in load {
        assert!(task.await.unwrap() > 0);
    }
    keeping.abort();
}

#[test]
fn files_that_are_no_certificate_say_so() {
    let folder = tempfile::tempdir().unwrap();
    Authority::new(folder.path(), &["localhost".to_owned()]).certificate(NOW).unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("empty"), "").unwrap();
    std::fs::write(file("large"), vec![b'x'; 300_000]).unwrap();
    let cases = [
        ("absent", "server-key.pem", "absent"),
        ("empty", "server-key.pem", "holds no certificate"),
        ("large", "server-key.pem", "300000 bytes"),
        ("server-key.pem", "server-key.pem", "holds no certificate"),
        ("server.pem", "empty", "holds no private key"),
        ("server.pem", "ca-key.pem", "does not belong"),
        ("server.pem", "server.pem", "holds no private key"),
    ];
    for (chain, key, says) in cases {
        let error = load(&file(chain), &file(key), false).unwrap_err().to_string();
        assert!(error.contains(says), "{chain} {key}: {error}");
    }
}

#[tokio::test]
async fn plain_http_is_redirected_and_nothing_else() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let (stop, stop_rx) = watch::channel(false);
    let (_abort, abort_rx) = watch::channel(false);
    let redirect = Redirect::new(&["winkel.example".to_owned()], 8443);
    let running = tokio::spawn(redirect.run(tcp, QUICK, Signals { stop: stop_rx, abort: abort_rx }));
    let cases = [
        (
            "GET /a?b=c HTTP/1.1\r\nhost: winkel.example\r\n\r\n",
            "308",
            Some("https://winkel.example:8443/a?b=c"),
        ),
        ("HEAD / HTTP/1.1\r\nhost: winkel.example\r\n\r\n", "308", Some("https://winkel.example:8443/")),
        (
            "POST /v1/subjects HTTP/1.1\r\nhost: winkel.example\r\ncontent-length: 1000000\r\n\r\n",
            "308",
            Some("https://winkel.example:8443/v1/subjects"),
        ),
        ("GET / HTTP/1.1\r\nhost: elsewhere.example\r\n\r\n", "400", None),
        ("GET / HTTP/1.1\r\nhost: winkel.example\r\nhost: winkel.example\r\n\r\n", "400", None),
        ("GET / HTTP/1.1\r\n\r\n", "400", None),
        ("nonsense\r\n\r\n", "400", None),
    ];
    for (request, status, location) in cases {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        // A body that is not read may end in a reset after the answer.
        let _ = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut got)).await.unwrap();
        let head = String::from_utf8(got).unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        let found = head.lines().find_map(|line| line.strip_prefix("location: "));
        assert_eq!(found, location, "{request}");
        assert!(head.ends_with("\r\n\r\n") && !head.contains("strict-transport-security"), "{head}");
    }
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(ended(&mut silent).await, 0);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn one_address_cannot_keep_an_authority_from_plain_http() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let (_stop, stop_rx) = watch::channel(false);
    let (_abort, abort_rx) = watch::channel(false);
    let signals = Signals { stop: stop_rx, abort: abort_rx };
    let running = tokio::spawn(Redirect::new(&[], 443).run(tcp, Timing::default(), signals));
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(address).await.unwrap();
    other.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut got = [0; 12];
    tokio::time::timeout(Duration::from_secs(3), other.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(&got, b"HTTP/1.1 308");
    running.abort();
}

/// A client that shows a partner's certificate.
fn partner_client(server: &Running, made: &NewPartner) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server.folder.path().join("ca.pem")).unwrap()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(made.key_pem.as_bytes()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(made.certificate_pem.as_bytes()).unwrap()];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

#[tokio::test]
async fn a_partner_is_asked_for_a_certificate_and_everybody_else_gets_in_too() {
    let server = start(Timing::default(), 10).await;
    let plain = server.client(&[&rustls::version::TLS13], &[]);
    let (known, strange) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let issue = |folder: &tempfile::TempDir| {
        let partners = Partners::new(folder.path());
        let made = partners.issue("koppeling", CredentialId::from_bytes([1; 16]), 30, system_now()).unwrap();
        partners.remember(&made.partner).unwrap();
        made
    };
    let (own, other) = (issue(&known), issue(&strange));
    // Nobody is asked yet: the certificate stays with the client.
    let mut stream = connect(server.address, partner_client(&server, &own)).await.unwrap();
    assert_eq!(ask_whom(&mut stream).await.unwrap(), "none");
    let authority = Partners::new(known.path()).authority(system_now()).unwrap();
    server.settings.trust(authority.as_ref()).unwrap();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut stream = connect(server.address, server.client(&[version], &[])).await.unwrap();
        assert_eq!(ask_whom(&mut stream).await.unwrap(), "none");
    }
    let config = partner_client(&server, &own);
    for _ in 0..2 {
        let mut stream = connect(server.address, config.clone()).await.unwrap();
        assert_eq!(ask_whom(&mut stream).await.unwrap(), own.partner.thumbprint.to_string(), "resumed too");
    }
    // A certificate of another authority ends the handshake; it never counts.
    let whom = match connect(server.address, partner_client(&server, &other)).await {
        Ok(mut stream) => ask_whom(&mut stream).await,
        Err(error) => Err(error),
    };
    assert!(whom.is_err(), "{whom:?}");
    server.settings.trust(None).unwrap();
    let mut stream = connect(server.address, config).await.unwrap();
    assert_eq!(ask_whom(&mut stream).await.unwrap(), "none", "no session of before brings it along");
    let mut stream = connect(server.address, plain).await.unwrap();
    assert_eq!(ask_whom(&mut stream).await.unwrap(), "none");
}

/// Asks the server whose certificate it saw.
async fn ask_whom(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(b"GET /whom HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await?;
    let text = String::from_utf8(got).unwrap();
    Ok(text.rsplit_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn the_acme_protocol_without_a_proof_to_give_is_refused_and_never_speaks_http() {
    let server = start(Timing::default(), 10).await;
    let acme = server.client(&[&rustls::version::TLS13], &[b"acme-tls/1"]);
    let refused = connect(server.address, acme).await;
    assert!(refused.is_err());
    let both = server.client(&[&rustls::version::TLS13], &[b"acme-tls/1", b"http/1.1"]);
    let mut stream = connect(server.address, both).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    ask(&mut stream, "/").await.unwrap();
}
