//! The prober against real servers and against hostile ones, all on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

mod fake;
mod hostile;
mod real;
mod trust;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kluis_checks::facts::{Gap, Protocol, TlsFacts};
use kluis_checks::tls::suites::{Suite, find};
use kluis_model::TimeMs;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;

use super::{Depth, probe};
use crate::connect::Gate;
use crate::options::AuditOptions;
use crate::trust::Roots;

/// The name every test server has.
const HOST: &str = "shop.example";
/// How long a server may take to start.
const START: Duration = Duration::from_secs(10);

/// Keys and certificates, made once: a root, and a leaf with an RSA key that openssl made.
struct Pki {
    folder: tempfile::TempDir,
    root: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
}

impl Pki {
    fn get() -> &'static Self {
        static PKI: OnceLock<Pki> = OnceLock::new();
        PKI.get_or_init(Self::make)
    }

    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (root, issuer) = authority("Klantkluis test root");
        run("openssl", &["genrsa", "-out", path("key.pem").to_str().unwrap(), "2048"]);
        let key = KeyPair::from_pem(&fs::read_to_string(path("key.pem")).unwrap()).unwrap();
        let leaf = leaf_of(HOST).signed_by(&key, &issuer).unwrap();
        let other_key = KeyPair::generate().unwrap();
        let other = leaf_of("other.example").signed_by(&other_key, &issuer).unwrap();
        fs::write(path("cert.pem"), leaf.pem()).unwrap();
        fs::write(path("other.pem"), other.pem()).unwrap();
        fs::write(path("other.key"), other_key.serialize_pem()).unwrap();
        Self { root, leaf: leaf.der().clone(), folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn roots(&self) -> Roots {
        Roots::new(std::slice::from_ref(&self.root))
    }
}

fn authority(name: &str) -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap().der().clone();
    (root, Issuer::new(params, key))
}

fn leaf_of(host: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    params.use_authority_key_identifier_extension = true;
    params.not_before = (SystemTime::now() - Duration::from_secs(86_400)).into();
    params.not_after = (SystemTime::now() + Duration::from_secs(60 * 86_400)).into();
    params
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server program, stopped when dropped.
struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a program that `{port}` in the arguments tells where to listen; tries other ports when one is taken.
    fn start(program: &str, args: &[&str], files: &[(&str, &str)]) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let folder = tempfile::tempdir().unwrap();
            let fill = |text: &str| {
                let text = text
                    .replace("{port}", &port.to_string())
                    .replace("{pki}", Pki::get().path("").trim_end_matches('/'));
                text.replace("{dir}", folder.path().to_str().unwrap())
            };
            for (name, text) in files {
                fs::write(folder.path().join(name), fill(text)).unwrap();
            }
            let mut child = Command::new(program)
                .args(args.iter().map(|arg| fill(arg)))
                .env("OPENSSL_CONF", "/dev/null")
                .current_dir(folder.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("{program} must be installed: {error}"));
            if answers(&mut child, port) {
                return Self { child, port, _folder: folder };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("{program} does not start");
    }

    /// `openssl s_server` with the RSA certificate.
    fn openssl(args: &[&str]) -> Self {
        let always = [
            "s_server",
            "-accept",
            "127.0.0.1:{port}",
            "-cert",
            "{pki}/cert.pem",
            "-key",
            "{pki}/key.pem",
            "-www",
        ];
        Self::start("openssl", &[always.as_slice(), args].concat(), &[])
    }

    /// `gnutls-serv` with the RSA certificate.
    fn gnutls(priority: &str, args: &[&str]) -> Self {
        let always = [
            "--http",
            "--port",
            "{port}",
            "--x509certfile",
            "{pki}/cert.pem",
            "--x509keyfile",
            "{pki}/key.pem",
            "--priority",
            priority,
        ];
        Self::start("gnutls-serv", &[always.as_slice(), args].concat(), &[])
    }

    /// nginx with these lines in its `server` block, and more lines around it.
    fn nginx(lines: &str, around: &str) -> Self {
        let config = format!(
            "daemon off; master_process off; worker_processes 1; pid {{dir}}/pid; error_log {{dir}}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; client_body_temp_path {{dir}}/b; proxy_temp_path {{dir}}/p;\n\
             fastcgi_temp_path {{dir}}/f; uwsgi_temp_path {{dir}}/u; scgi_temp_path {{dir}}/s;\n\
             {around}\n\
             server {{ listen 127.0.0.1:{{port}} ssl http2; server_name {HOST};\n\
             ssl_certificate {{pki}}/cert.pem; ssl_certificate_key {{pki}}/key.pem;\n\
             {lines}\n\
             location / {{ return 200 ok; }} }} }}"
        );
        Self::start("nginx", &["-c", "{dir}/nginx.conf", "-p", "{dir}"], &[("nginx.conf", &config)])
    }

    fn address(&self) -> SocketAddr {
        local(self.port)
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn free_port() -> u16 {
    TcpListener::bind(local(0)).unwrap().local_addr().unwrap().port()
}

fn answers(child: &mut Child, port: u16) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < START && child.try_wait().unwrap().is_none() {
        if TcpStream::connect(local(port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A gate for tests: short steps.
fn gate(change: impl FnOnce(&mut AuditOptions)) -> Gate {
    let mut options = AuditOptions { step: Duration::from_secs(5), ..AuditOptions::default() };
    change(&mut options);
    let gate = Gate::new(&options, None);
    gate.own(&[IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    gate
}

fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    TimeMs(i64::try_from(since.as_millis()).unwrap())
}

/// Examines a server in full, with so many connections that nothing is left out.
async fn look(address: SocketAddr) -> (TlsFacts, Vec<Gap>) {
    let gate = gate(|options| options.connections_max = 1000);
    probe(&gate, HOST, address, Depth::Full, &Pki::get().roots(), now()).await
}

/// Whether an accepted suite of a version is like this.
fn has(facts: &TlsFacts, protocol: Protocol, is_wanted: impl Fn(&Suite) -> bool) -> bool {
    facts
        .suites
        .iter()
        .filter(|suite| suite.protocol == protocol)
        .any(|suite| find(suite.id).is_some_and(&is_wanted))
}
