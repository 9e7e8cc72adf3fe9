//! The audit against servers that wish it ill: each gets a clear finding or error, in bounded time and memory, and nothing it
//! sends reaches a terminal or a page as more than text.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use flate2::{Compression, write::GzEncoder};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::harness::free_port;
use crate::shops::{HOST, findings};

/// Audits at the same time: the slow ones wait and need no processor.
const AT_ONCE: usize = 8;
/// Longest time of one audit, whatever the server does.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Most memory of one audit, in KiB; a debug build needs more than a release.
const MEMORY_MAX_KIB: u64 = 80 * 1024;
/// How long a hostile server keeps a connection that nobody closes.
const PATIENCE: Duration = Duration::from_secs(40);

/// What reaches a handler of HTTP: the path asked for, and the ports of the shop.
struct Asked {
    path: String,
    https: u16,
    http: u16,
}

type Raw = fn(&mut TcpStream) -> std::io::Result<()>;
type Web = fn(&Asked, &mut dyn Write) -> std::io::Result<()>;

/// What stands on a port.
enum Port {
    Closed,
    Raw(Raw),
    Http(Web),
    Tls(Leaf, Web),
}

/// The certificate of a TLS server.
struct Leaf {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    ca: String,
}

/// A hostile shop and what the audit must make of it.
struct Case {
    name: &'static str,
    https: Port,
    http: Port,
    code: i32,
    /// Each is a rule that fires, or stands in a gap or an error.
    says: &'static [&'static str],
}

/// A server that ends when dropped.
struct Server {
    port: u16,
    is_over: Arc<AtomicBool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the one that waits for connections; it may be gone.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Treats every connection to the listener in a thread of its own.
fn serve(listener: TcpListener, treat: impl Fn(TcpStream) + Send + Sync + 'static) -> Server {
    let port = listener.local_addr().unwrap().port();
    let is_over = Arc::new(AtomicBool::new(false));
    let (treat, over) = (Arc::new(treat), is_over.clone());
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            if over.load(Ordering::Relaxed) {
                return;
            }
            tcp.set_read_timeout(Some(PATIENCE)).unwrap();
            tcp.set_write_timeout(Some(PATIENCE)).unwrap();
            let treat = treat.clone();
            std::thread::spawn(move || treat(tcp));
        }
    });
    Server { port, is_over }
}

fn listen() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).unwrap()
}

/// Reads a request's head and gives its path.
fn path_of(stream: &mut dyn Read) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0; 1]);
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16_384 {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head);
    text.split(' ').nth(1).map(str::to_owned)
}

/// Starts what stands on a port; a closed one has no server.
fn start(port: Port, listener: TcpListener, (https, http): (u16, u16)) -> Option<Server> {
    let asked = move |path| Asked { path, https, http };
    match port {
        Port::Closed => None,
        // A peer that hangs up is no fault of the server.
        Port::Raw(raw) => Some(serve(listener, move |mut tcp| drop(raw(&mut tcp)))),
        Port::Http(web) => Some(serve(listener, move |mut tcp| {
            if let Some(path) = path_of(&mut tcp) {
                let _ = web(&asked(path), &mut tcp);
            }
        })),
        Port::Tls(leaf, web) => {
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            let key = provider.key_provider.load_private_key(leaf.key).unwrap();
            let key = CertifiedKey::new(leaf.chain, key);
            let config = ServerConfig::builder_with_provider(Arc::new(provider))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
            let config = Arc::new(config);
            Some(serve(listener, move |tcp| {
                let session = ServerConnection::new(config.clone()).unwrap();
                let mut stream = StreamOwned::new(session, tcp);
                let Some(path) = path_of(&mut stream) else { return };
                if web(&asked(path), &mut stream).is_ok() {
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }))
        }
    }
}

/// What an audit of a hostile server came to.
struct Seen {
    output: Output,
    took: Duration,
    memory_kib: u64,
}

/// Runs the program with its output in files, and watches its time and memory.
fn watched(folder: &Path, words: &[&str]) -> Seen {
    let file = |name: &str| fs::File::create(folder.join(name)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .args(words)
        .env("XDG_STATE_HOME", folder.join("state"))
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(file("stdout"))
        .stderr(file("stderr"))
        .spawn()
        .unwrap();
    let (begun, mut memory_kib) = (Instant::now(), 0);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        let proc = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = proc.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
        memory_kib = memory_kib.max(peak.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        if begun.elapsed() > TIME_MAX * 2 {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let output = Output { status, stdout: read("stdout"), stderr: read("stderr") };
    Seen { output, took: begun.elapsed(), memory_kib }
}

/// Whether a character could steer a terminal, or change how the text around it is read.
fn is_raw(char: char) -> bool {
    (char.is_control() && char != '\n')
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[track_caller]
fn is_clean(name: &str, form: &str, bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    if let Some((at, char)) = text.char_indices().find(|(_, char)| is_raw(*char)) {
        let around: String = text[..at].chars().rev().take(60).collect();
        panic!("{name} {form}: {char:?} after {:?}", around.chars().rev().collect::<String>());
    }
    text
}

/// Audits a hostile shop; everything that is not as wanted is told.
fn audit(case: Case) {
    let folder = tempfile::tempdir().unwrap();
    let ca = match &case.https {
        Port::Tls(leaf, _) => leaf.ca.clone(),
        _ => good(&[HOST]).ca,
    };
    fs::write(folder.path().join("ca.pem"), ca).unwrap();
    let (one, other) = (listen(), listen());
    let port = |port: &Port, listener: &TcpListener| match port {
        Port::Closed => free_port(),
        _ => listener.local_addr().unwrap().port(),
    };
    let ports = (port(&case.https, &one), port(&case.http, &other));
    let _servers = (start(case.https, one, ports), start(case.http, other, ports));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (https, http) = (ports.0.to_string(), ports.1.to_string());
    let resolve = format!("{HOST}:127.0.0.1");
    let words = ["--lang", "en", "--json", "check", HOST, "--resolve", &resolve];
    let more = ["--port", &https, "--http-port", &http, "--ca", &path("ca.pem")];
    let save = ["--save-evidence", &path("evidence.json")];
    let seen = watched(folder.path(), &[&words[..], &more[..], &save[..]].concat());
    let name = case.name;
    let stdout = is_clean(name, "--json", &seen.output.stdout);
    let stderr = is_clean(name, "stderr", &seen.output.stderr);
    let (took, memory) = (seen.took, seen.memory_kib);
    assert!(took < TIME_MAX, "{name}: {took:?}");
    assert!(memory > 0 && memory <= MEMORY_MAX_KIB, "{name}: {memory} KiB");
    assert_eq!(seen.output.status.code(), Some(case.code), "{name}: {stderr}\n{stdout}");
    if case.code == 2 {
        assert!(stdout.is_empty() && stderr.contains("hint: "), "{name}: {stderr}");
        let missing: Vec<_> = case.says.iter().filter(|words| !stderr.contains(**words)).collect();
        assert!(missing.is_empty(), "{name} lacks {missing:?}: {stderr}");
        return;
    }
    assert!(stderr.is_empty(), "{name}: {stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let (rules, gaps) = (findings(&report), report["gaps"].to_string());
    let is_said = |words: &str| rules.iter().any(|(rule, _)| rule == words) || gaps.contains(words);
    let missing: Vec<_> = case.says.iter().filter(|words| !is_said(words)).collect();
    assert!(missing.is_empty(), "{name} lacks {missing:?}: {rules:?} {gaps}");
    every_form_is_clean(name, folder.path());
}

/// Shows the saved evidence in every form and both languages.
fn every_form_is_clean(name: &str, folder: &Path) {
    let evidence = folder.join("evidence.json").display().to_string();
    for form in ["--all", "--html", "--md", "--sarif"] {
        for lang in ["nl", "en"] {
            let seen = watched(folder, &["--lang", lang, "check", "--evidence", &evidence, form]);
            assert!(seen.memory_kib <= MEMORY_MAX_KIB, "{name} {form}: {} KiB", seen.memory_kib);
            let text = is_clean(name, form, &seen.output.stdout);
            assert!(text.contains(HOST), "{name} {form}: {text}");
            let is_markup = matches!(form, "--html" | "--md");
            assert!(!is_markup || !text.to_lowercase().contains("<script"), "{name} {form}");
        }
    }
}

/// A certificate of a new authority, as `change` wants it; then `patch` is applied to its bytes.
fn leaf(names: &[&str], change: impl Fn(&mut CertificateParams), patch: impl Fn(Vec<u8>) -> Vec<u8>) -> Leaf {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Hostile test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let (epoch, day) = (date_time_ymd(1970, 1, 1), Duration::from_secs(86_400));
    (params.not_before, params.not_after) = (epoch + now - day, epoch + now + day * 30);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let der = patch(params.signed_by(&key, &ca).unwrap().der().to_vec());
    Leaf {
        chain: vec![CertificateDer::from(der)],
        key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        ca: ca.pem(),
    }
}

fn good(names: &[&str]) -> Leaf {
    leaf(names, |_| {}, |der| der)
}

/// Replaces bytes by as many others.
fn swap(mut der: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        der.windows(from.len()).enumerate().filter(|(_, part)| part == &from).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "nothing to replace");
    for at in places {
        der[at..at + to.len()].copy_from_slice(to);
    }
    der
}

/// An answer with a body of HTML.
fn html(out: &mut dyn Write, head: &str, body: &[u8]) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\n")?;
    write!(out, "{head}content-length: {}\r\n\r\n", body.len())?;
    out.write_all(body)
}

fn shop(_: &Asked, out: &mut dyn Write) -> std::io::Result<()> {
    html(out, "", b"<!doctype html><title>Winkel</title><h1>Vogels</h1>")
}

fn redirect(out: &mut dyn Write, to: &str) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// Writes one byte each second, for as long as somebody reads.
fn drip(out: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    let begun = Instant::now();
    for byte in bytes.iter().cycle().take_while(|_| begun.elapsed() < PATIENCE) {
        out.write_all(&[*byte])?;
        out.flush()?;
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Reads a client's hello.
fn hello(tcp: &mut TcpStream) -> std::io::Result<usize> {
    tcp.read(&mut [0; 4_096])
}

/// Servers that speak no TLS, or badly.
fn no_tls() -> Vec<Case> {
    let raw = |name, raw: Raw, says| Case { name, https: Port::Raw(raw), http: Port::Closed, code: 2, says };
    vec![
        raw(
            "garbage",
            |tcp| {
                hello(tcp)?;
                tcp.write_all(&[0x13, 0x37, 0x00, 0x99].repeat(1_000))?;
                // A server that closes at once may take back what it sent.
                std::io::copy(tcp, &mut std::io::sink()).map(|_| ())
            },
            &["neither TLS nor HTTP"],
        ),
        raw(
            "endless garbage",
            |tcp| loop {
                tcp.write_all(&[0x9e; 16_384])?;
            },
            &["neither TLS nor HTTP"],
        ),
        raw(
            "one byte per second",
            |tcp| drip(tcp, &[22, 3, 3, 0x3f, 0xff, 2, 0, 0x3f]),
            &["does not answer"],
        ),
        raw(
            "a handshake without end",
            |tcp| {
                hello(tcp)?;
                loop {
                    tcp.write_all(&[&[22, 3, 3, 0x40, 0, 11, 0xff, 0xff, 0xff][..], &[7; 16_380]].concat())?;
                }
            },
            &["neither TLS nor HTTP"],
        ),
        raw(
            "never answers",
            |tcp| {
                std::io::copy(tcp, &mut std::io::sink())?;
                Ok(())
            },
            &["does not answer"],
        ),
        // What was sent and not read makes the system reset the connection.
        raw("reset after the hello", |tcp| tcp.read_exact(&mut [0; 1]), &["closes"]),
        raw("closes at once", |_| Ok(()), &["closes"]),
        raw("SMTP", |tcp| tcp.write_all(b"220 mail.winkel.test ESMTP\r\n"), &["SMTP"]),
        raw("SSH", |tcp| tcp.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n"), &["SSH"]),
        Case {
            name: "HTTP on the port of HTTPS",
            https: Port::Raw(|tcp| {
                hello(tcp)?;
                tcp.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            }),
            http: Port::Closed,
            code: 2,
            says: &["HTTP without TLS"],
        },
        Case {
            name: "an alert and no more",
            https: Port::Raw(|tcp| {
                hello(tcp)?;
                tcp.write_all(&[21, 3, 3, 0, 2, 2, 40])
            }),
            http: Port::Closed,
            code: 1,
            says: &["no-tls12"],
        },
    ]
}

/// A server whose TLS is right and whose HTTP is not.
fn bad_http(name: &'static str, web: Web, says: &'static [&'static str]) -> Case {
    Case { name, https: Port::Tls(good(&[HOST]), web), http: Port::Closed, code: 1, says }
}

/// Servers whose answers are late or no HTTP.
fn no_http() -> Vec<Case> {
    vec![
        bad_http(
            "endless headers",
            |_, out| {
                out.write_all(b"HTTP/1.1 200 OK\r\n")?;
                loop {
                    out.write_all(b"x-soep: vermicelli\r\n")?;
                }
            },
            &["no-page", "headers"],
        ),
        bad_http("garbage instead of HTTP", |_, out| out.write_all(&[0; 5_000]), &["no-page", "not HTTP"]),
        bad_http(
            "headers, one byte per second",
            |_, out| drip(out, b"HTTP/1.1 200 OK\r\nx: y\r\n"),
            &["no-page", "in time"],
        ),
        bad_http(
            "a page, one byte per second",
            |_, out| {
                out.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")?;
                drip(out, b"<p>")
            },
            &["too slowly"],
        ),
    ]
}

/// Servers that send too much.
fn too_much() -> Vec<Case> {
    vec![
        bad_http(
            "a page of 100 MB",
            |_, out| {
                out.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n")?;
                write!(out, "content-length: {}\r\n\r\n", 100 << 20)?;
                (0..100 << 10).try_for_each(|_| out.write_all(&b"<p>".repeat(342)[..1_024]))
            },
            &["page.home"],
        ),
        bad_http(
            "1 GB in a gzip of 1 MB",
            |_, out| {
                let mut member = GzEncoder::new(Vec::new(), Compression::best());
                member.write_all(&vec![b'<'; 1 << 20])?;
                html(out, "content-encoding: gzip\r\n", &member.finish()?.repeat(1_024))
            },
            &["page.home"],
        ),
        bad_http(
            "10,000 cookies",
            |_, out| {
                let cookies: String =
                    (0..10_000).map(|number| format!("set-cookie: k{number}=1\r\n")).collect();
                html(out, &cookies, b"<p>")
            },
            &["no-page", "headers"],
        ),
        bad_http(
            "150 cookies on every page",
            |asked, out| {
                let cookies: String =
                    (0..150).map(|n| format!("set-cookie: sess{n}{}=1\r\n", asked.path.len())).collect();
                html(out, &cookies, b"<a href=/inloggen>Inloggen</a><a href=/winkelwagen>Winkelwagen</a>")
            },
            &["cookie-insecure", "cookie-no-httponly"],
        ),
        bad_http(
            "50,000 elements within each other",
            |_, out| {
                html(
                    out,
                    "",
                    &[b"<div>".repeat(50_000), b"<form action=http://a.test>".repeat(9_000)].concat(),
                )
            },
            &["form-http"],
        ),
    ]
}

/// Servers that send the audit round.
fn redirects() -> Vec<Case> {
    let web = |name, https: Web, http: Web, says| Case {
        name,
        https: Port::Tls(good(&[HOST]), https),
        http: Port::Http(http),
        code: 1,
        says,
    };
    vec![
        web(
            "http to https to http",
            |asked, out| redirect(out, &format!("http://{HOST}:{}{}", asked.http, asked.path)),
            |asked, out| redirect(out, &format!("https://{HOST}:{}{}", asked.https, asked.path)),
            &["redirect-endless", "redirect-downgrade"],
        ),
        web(
            "50 redirects",
            |asked, out| match asked.path.trim_start_matches('/').parse::<u32>().unwrap_or(0) {
                50.. => shop(asked, out),
                hop => redirect(out, &format!("/{}", hop + 1)),
            },
            |asked, out| redirect(out, &format!("https://{HOST}:{}/", asked.https)),
            &["redirect-endless"],
        ),
        web(
            "a redirect that grows",
            |asked, out| {
                redirect(out, &format!("{}/{}", asked.path.trim_end_matches('/'), "a".repeat(4_000)))
            },
            |asked, out| redirect(out, &format!("https://{HOST}:{}/", asked.https)),
            &["redirect-endless"],
        ),
        web(
            "a split answer",
            |asked, out| match asked.path.as_str() {
                "/" => redirect(out, "/a\rset-cookie: PHPSESSID=1\r\n x: y\nset-cookie: PHPSESSID=2"),
                _ => shop(asked, out),
            },
            |asked, out| redirect(out, &format!("https://{HOST}:{}/%0d%0aset-cookie:%20x=3", asked.https)),
            &["no-page", "not HTTP"],
        ),
    ]
}

/// Escapes of terminals and HTML in every place that a shop can write.
const EVIL: &str =
    "\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{200b}<script>alert(1)</script>`![x](http://a.test)";

fn evil_page(asked: &Asked, out: &mut dyn Write) -> std::io::Result<()> {
    // Controls below 0x20 end a header for the reader; the others get through.
    let header: String = EVIL.chars().filter(|char| !char.is_ascii_control()).collect();
    let head = format!(
        "server: nginx/1.2{header}\r\nx-powered-by: PHP/5.6{header}\r\nset-cookie: PHPSESSID{header}=1; path=/{header}\r\n\
         content-security-policy: script-src 'unsafe-inline' {header}; {header}\r\nreferrer-policy: {header}\r\n\
         strict-transport-security: {header}\r\naccess-control-allow-origin: {header}\r\nx-frame-options: {header}\r\n\
         \u{1b}[31mkop: \u{1b}[31m\r\n"
    );
    let quoted = EVIL.replace('<', "&lt;");
    let body = format!(
        "<title>{EVIL}</title><meta name=generator content=\"WordPress 1{quoted}\">\
         <form action=\"http://{HOST}:{}/{quoted}\" method=post><input type=password name=\"{quoted}\"></form>\
         <form action=\"/x\"><input type=email name=\"email{quoted}\"></form>\
         <script src=\"http://cdn.test/{quoted}\"></script><img src=\"http://cdn.test/{quoted}?email={quoted}\">\
         <a href=\"/inloggen/{quoted}\">Inloggen{EVIL}</a><a href=\"/winkelwagen?{quoted}\">Winkelwagen</a>",
        asked.http
    );
    html(out, &head, body.as_bytes())
}

fn evil_texts() -> Vec<Case> {
    let names = |params: &mut CertificateParams| {
        params.distinguished_name.push(DnType::CommonName, EVIL);
        params.distinguished_name.push(DnType::OrganizationName, format!("Soep{EVIL}"));
    };
    let other = |params: &mut CertificateParams| {
        names(params);
        params.subject_alt_names = vec![SanType::DnsName("x[31mx<script>.test".try_into().unwrap())];
    };
    vec![
        Case {
            name: "escapes everywhere",
            https: Port::Tls(leaf(&[HOST], names, |der| der), evil_page),
            http: Port::Http(evil_page),
            code: 1,
            says: &["version-banner", "form-http", "mixed-active", "cookie-insecure", "hsts-invalid"],
        },
        Case {
            name: "escapes in the names of a certificate",
            https: Port::Tls(leaf(&[], other, |der| swap(der, b"x[31mx", b"\x1b[31m\x07")), evil_page),
            http: Port::Closed,
            code: 1,
            says: &["cert-hostname"],
        },
        Case {
            name: "escapes in a banner",
            https: Port::Raw(|tcp| tcp.write_all(format!("220 {EVIL} ESMTP\r\n").as_bytes())),
            http: Port::Closed,
            code: 2,
            says: &["SMTP"],
        },
    ]
}

fn certificates() -> Vec<Case> {
    let case =
        |name, leaf, says| Case { name, https: Port::Tls(leaf, shop), http: Port::Closed, code: 1, says };
    let many = |count: u32| {
        move |params: &mut CertificateParams| {
            let names = (0..count).map(|number| format!("w{number}.winkel.test"));
            let names = names.chain([HOST.to_owned()]);
            params.subject_alt_names = names.map(|name| SanType::DnsName(name.try_into().unwrap())).collect();
        }
    };
    let mut long_chain = good(&[HOST]);
    let own = long_chain.chain[0].clone();
    long_chain.chain = vec![own; 100];
    let mut rubbish = good(&[HOST]);
    rubbish.chain = vec![CertificateDer::from(vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])];
    let serial = [0x7f, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57];
    let negative = [0xff, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57];
    vec![
        case("2,000 names", leaf(&[], many(2_000), |der| der), &["csp-missing"]),
        case("10,000 names", leaf(&[], many(10_000), |der| der), &["no-page"]),
        case(
            "until the year 9999",
            leaf(&[HOST], |params| params.not_after = date_time_ymd(9_999, 12, 31), |der| der),
            &["cert-too-long"],
        ),
        case(
            "a negative number and no subject",
            leaf(
                &[HOST],
                |params| {
                    params.serial_number = Some(SerialNumber::from_slice(&serial));
                    params.distinguished_name = DistinguishedName::new();
                },
                |der| swap(der, &serial, &negative),
            ),
            &["chain-invalid"],
        ),
        case(
            "NUL in a name",
            leaf(
                &["winkel.test", "winkel.test.evil.test"],
                |_| {},
                |der| swap(der, b"winkel.test", b"winkel\0test"),
            ),
            &["cert-hostname"],
        ),
        case("a hundred certificates", long_chain, &[]),
        case("no certificate at all", rubbish, &["chain-invalid"]),
    ]
}

#[test]
fn hostile_servers_get_a_clear_answer_in_bounded_time_and_memory() {
    let begun = Instant::now();
    let cases = [no_tls(), no_http(), too_much(), redirects(), evil_texts(), certificates()];
    let cases = Mutex::new(cases.into_iter().flatten().collect::<Vec<_>>());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().unwrap().pop() else { return };
                    let name = case.name;
                    // What went wrong is printed by the panic itself; the other cases go on.
                    if std::panic::catch_unwind(AssertUnwindSafe(|| audit(case))).is_err() {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner().unwrap(), [] as [&str; 0]);
    assert!(begun.elapsed() < TIME_MAX * 2, "{:?}", begun.elapsed());
}

#[test]
fn a_name_that_is_asked_for_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for name in [EVIL, "\u{1b}[2Jwinkel.test", "winkel\u{202e}.test", "winkel.test\u{9b}31m"] {
        let seen = watched(folder.path(), &["--lang", "en", "check", name]);
        assert_eq!(seen.output.status.code(), Some(2), "{name:?}");
        assert!(seen.output.stdout.is_empty());
        is_clean("a name", "stderr", &seen.output.stderr);
    }
}
