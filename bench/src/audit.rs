//! The HTTPS audit beside sslscan and testssl.sh on the same servers: planted faults named, and wall time.
//!
//! Servers: nginx with good settings, nginx with planted faults (OPENSSL_CONF at security level 0), gnutls-serv with old
//! ciphers. The peers are Debian's packages `sslscan` and `testssl.sh`; one that is missing is an error.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The name in every certificate here.
const HOST: &str = "winkel.test";
/// Shops audited at the same time in the last line.
const MANY: usize = 100;

/// A planted fault: what it is, our rule, and what the peers print when they name it.
struct Fault {
    what: &'static str,
    rule: &'static str,
    sslscan: &'static [&'static str],
    testssl: &'static [&'static str],
}

const fn fault(
    what: &'static str,
    rule: &'static str,
    sslscan: &'static [&'static str],
    testssl: &'static [&'static str],
) -> Fault {
    Fault { what, rule, sslscan, testssl }
}

/// Faults of the bad nginx. A peer names a fault when its output has one of the patterns.
const NGINX_FAULTS: &[Fault] = &[
    fault("TLS 1.0", "tls10", &["TLSv1.0   enabled"], &["TLS 1      offered"]),
    fault("TLS 1.1", "tls11", &["TLSv1.1   enabled"], &["TLS 1.1    offered"]),
    fault("no TLS 1.3", "no-tls13", &["TLSv1.3   disabled"], &["TLS 1.3    not offered"]),
    fault("null cipher", "null", &["NULL-SHA"], &["NULL ciphers (no encryption)                  offered"]),
    fault("anonymous key exchange", "anon", &["AECDH-AES128-SHA"], &["(no authentication)    offered"]),
    fault("no forward secrecy", "no-pfs", &[], &["No FS"]),
    fault("the worse suite is preferred", "cipher-order", &[], &[]),
    fault("DH of 1024 bits", "dh-1024", &["DHE 1024 bits"], &["(1024 bits)"]),
    fault("RSA key of 1024 bits", "rsa-small", &["RSA Key Strength:    1024"], &["RSA 1024 bits"]),
    fault("SHA-1 signature", "sig-sha1", &["sha1WithRSA", "with-SHA1"], &["SHA1 with"]),
    fault("leaf is an authority", "cert-is-ca", &[], &[]),
    fault("valid too long", "cert-too-long", &[], &["> 398 days", ">= 10 years", "> 5 years"]),
];

/// Faults of the old gnutls-serv.
const GNUTLS_FAULTS: &[Fault] = &[
    fault("TLS 1.0", "tls10", &["TLSv1.0   enabled"], &["TLS 1      offered"]),
    fault(
        "3DES",
        "3des",
        &["3DES_EDE", "DES-CBC3"],
        &["Triple DES Ciphers / IDEA                     offered"],
    ),
    fault("RC4", "rc4", &["RC4_128", "RC4-"], &["RC[2,4] (w/o export)       offered"]),
    fault("no forward secrecy", "no-pfs", &[], &["No FS"]),
];

/// A server that ends when dropped.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs everything and prints one table.
pub(crate) fn run(program: &Path) -> Result<Vec<String>> {
    for peer in ["sslscan", "testssl"] {
        ensure!(
            Command::new(peer).arg("--version").output().is_ok(),
            "{peer} is missing: apt-get install sslscan testssl.sh"
        );
    }
    let mut lines = vec![
        "| server | tool | faults named | of | wall s | missed |".to_owned(),
        "|---|---|---:|---:|---:|---|".to_owned(),
    ];
    let good = nginx(false)?;
    lines.extend(compare(program, "good nginx", &good, &[])?);
    lines.extend(compare(program, "bad nginx", &nginx(true)?, NGINX_FAULTS)?);
    lines.extend(compare(program, "old gnutls-serv", &gnutls()?, GNUTLS_FAULTS)?);
    lines.extend(ours_alone(program, &good)?);
    Ok(lines)
}

/// The three tools on one server.
fn compare(program: &Path, name: &str, server: &Server, faults: &[Fault]) -> Result<Vec<String>> {
    let address = format!("127.0.0.1:{}", server.port);
    let mut lines = Vec::new();
    let begun = Instant::now();
    let report = check(program, server, &["--only", "tls", "--only", "certificate"])?;
    let took = begun.elapsed();
    let rules: Vec<&str> = report["findings"]
        .as_array()
        .context("findings")?
        .iter()
        .filter_map(|f| f["rule"].as_str())
        .collect();
    lines.push(line(name, "klantkluis", faults, took, |fault| rules.contains(&fault.rule)));
    let (text, took) =
        output(Command::new("sslscan").args(["--no-colour", &format!("--sni-name={HOST}"), &address]))?;
    lines.push(line(name, "sslscan", faults, took, |fault| {
        fault.sslscan.iter().any(|word| text.contains(word))
    }));
    let (text, took) = output(Command::new("testssl").args([
        "--color",
        "0",
        "--quiet",
        "--warnings",
        "off",
        "--ip",
        "one",
        &address,
    ]))?;
    lines.push(line(name, "testssl.sh", faults, took, |fault| {
        fault.testssl.iter().any(|word| text.contains(word))
    }));
    Ok(lines)
}

fn line(
    server: &str,
    tool: &str,
    faults: &[Fault],
    took: Duration,
    named: impl Fn(&Fault) -> bool,
) -> String {
    let missed: Vec<&str> = faults.iter().filter(|fault| !named(fault)).map(|fault| fault.what).collect();
    format!(
        "| {server} | {tool} | {} | {} | {:.2} | {} |",
        faults.len() - missed.len(),
        faults.len(),
        took.as_secs_f64(),
        missed.join(", ")
    )
}

fn output(command: &mut Command) -> Result<(String, Duration)> {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().context("a peer does not run")?;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), begun.elapsed()))
}

/// What no peer does: TLS alone by its own clock, the whole audit with pages, and many shops at once.
fn ours_alone(program: &Path, good: &Server) -> Result<Vec<String>> {
    let evidence = good.folder.path().join("evidence.json");
    let begun = Instant::now();
    check(program, good, &["--save-evidence", &evidence.display().to_string()])?;
    let whole = begun.elapsed();
    let facts: Value = serde_json::from_slice(&fs::read(&evidence)?)?;
    let endpoint = &facts["endpoints"][0]["tls"];
    let mut lines = vec![
        format!(
            "| good nginx | klantkluis, TLS part | | | {:.3} | {} connections |",
            ms(&endpoint["took_ms"]) / 1000.0,
            endpoint["connections"]
        ),
        format!(
            "| good nginx | klantkluis, whole audit, 5 pages | | | {:.2} | {} connections |",
            whole.as_secs_f64(),
            facts["connections"]
        ),
    ];
    let hosts: Vec<String> = (0..MANY).map(|number| format!("winkel{number}.test")).collect();
    let mut command = Command::new("/usr/bin/env");
    command.arg(program).arg("check").args(&hosts).args(["--parallel", &MANY.to_string()]);
    for host in &hosts {
        command.args(["--resolve", &format!("{host}:127.0.0.1")]);
    }
    common(&mut command, good);
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut peak_kib = 0;
    let mut files = 0;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak_kib = peak_kib.max(peak.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        files = files.max(fs::read_dir(format!("/proc/{}/fd", child.id())).map_or(0, Iterator::count));
        std::thread::sleep(Duration::from_millis(5));
    }
    lines.push(format!(
        "| good nginx | klantkluis, {MANY} shops at once | | | {:.2} | peak {} MiB, {files} file descriptors |",
        begun.elapsed().as_secs_f64(),
        peak_kib / 1024
    ));
    Ok(lines)
}

fn ms(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn common(command: &mut Command, server: &Server) {
    command
        .args(["--port", &server.port.to_string(), "--http-port", &server.port.to_string(), "--ca"])
        .arg(server.folder.path().join("ca.pem"));
}

/// Audits a server with our program.
fn check(program: &Path, server: &Server, words: &[&str]) -> Result<Value> {
    let mut command = Command::new(program);
    command.args(["check", HOST, "--json", "--resolve", &format!("{HOST}:127.0.0.1")]).args(words);
    common(&mut command, server);
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(output.status.code() != Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn openssl(folder: &Path, words: &[&str]) -> Result<()> {
    let output = Command::new("openssl").args(words).current_dir(folder).output()?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// `ca.pem`, `chain.pem` and `key.pem`: as a shop should have them, or with planted faults.
fn certificate(folder: &Path, is_bad: bool) -> Result<()> {
    let ca =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "900"];
    let ca: Vec<&str> =
        ca.into_iter().chain(["-subj", "/CN=Bench", "-keyout", "ca-key.pem", "-out", "ca.pem"]).collect();
    openssl(folder, &ca)?;
    let (kind, option) =
        if is_bad { ("RSA", "rsa_keygen_bits:1024") } else { ("EC", "ec_paramgen_curve:P-256") };
    openssl(folder, &["genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", "key.pem"])?;
    openssl(folder, &["req", "-new", "-key", "key.pem", "-subj", "/CN=winkel.test", "-out", "leaf.csr"])?;
    let names: Vec<String> = (0..MANY).map(|number| format!("DNS:winkel{number}.test")).collect();
    let authority = if is_bad { "TRUE" } else { "FALSE" };
    fs::write(
        folder.join("leaf.cnf"),
        format!(
            "subjectAltName=DNS:{HOST},{}\nbasicConstraints=critical,CA:{authority}\nextendedKeyUsage=serverAuth\n",
            names.join(",")
        ),
    )?;
    let (hash, days) = if is_bad { ("-sha1", "400") } else { ("-sha256", "60") };
    let sign =
        ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"];
    let sign: Vec<&str> =
        sign.into_iter().chain([hash, "-days", days, "-extfile", "leaf.cnf", "-out", "chain.pem"]).collect();
    openssl(folder, &sign)
}

fn nginx(is_bad: bool) -> Result<Server> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    certificate(folder.path(), is_bad)?;
    let at = folder.path().display().to_string();
    fs::create_dir_all(folder.path().join("site"))?;
    for name in ["index", "product", "inloggen", "winkelwagen", "contact"] {
        let links = "<a href=/product.html>Product</a><a href=/inloggen.html>Inloggen</a>\
                     <a href=/winkelwagen.html>Winkelwagen</a><a href=/contact.html>Contact</a>";
        fs::write(
            folder.path().join(format!("site/{name}.html")),
            format!("<!doctype html><title>{name}</title>{links}"),
        )?;
    }
    let tls = if is_bad {
        openssl(folder.path(), &["dhparam", "-out", "dh.pem", "1024"])?;
        format!(
            "ssl_dhparam {at}/dh.pem; ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_prefer_server_ciphers on; ssl_ciphers \
             AES128-SHA:NULL-SHA:AECDH-AES128-SHA:DHE-RSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0;"
        )
    } else {
        "ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1; ssl_prefer_server_ciphers on; \
         ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256;"
            .to_owned()
    };
    let settings = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; events {{ worker_connections 4096; }}\n\
         http {{ access_log off; types {{ text/html html; }} client_body_temp_path {at}/1; proxy_temp_path {at}/2;\n\
         fastcgi_temp_path {at}/3; uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;\n\
         server {{ listen 127.0.0.1:{port} ssl; root {at}/site; ssl_certificate {at}/chain.pem; ssl_certificate_key {at}/key.pem;\n\
         {tls} }} }}\n"
    );
    fs::write(folder.path().join("nginx.conf"), settings)?;
    fs::write(
        folder.path().join("openssl.cnf"),
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\nCipherString = ALL:eNULL:@SECLEVEL=0\n",
    )?;
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-c", &format!("{at}/nginx.conf"), "-p", &at, "-e", &format!("{at}/error.log")]);
    if is_bad {
        command.env("OPENSSL_CONF", folder.path().join("openssl.cnf"));
    }
    start(folder, port, &mut command)
}

fn gnutls() -> Result<Server> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    certificate(folder.path(), false)?;
    // A second certificate, since the old suites need RSA.
    openssl(
        folder.path(),
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem"],
    )?;
    openssl(
        folder.path(),
        &["req", "-new", "-key", "key.pem", "-subj", "/CN=winkel.test", "-out", "leaf.csr"],
    )?;
    openssl(
        folder.path(),
        &[
            "x509",
            "-req",
            "-in",
            "leaf.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca-key.pem",
            "-CAcreateserial",
            "-sha256",
            "-days",
            "60",
            "-extfile",
            "leaf.cnf",
            "-out",
            "chain.pem",
        ],
    )?;
    let mut command = Command::new("gnutls-serv");
    command.args([
        "--http",
        "--quiet",
        "--port",
        &port.to_string(),
        "--x509certfile",
        "chain.pem",
        "--x509keyfile",
        "key.pem",
    ]);
    command
        .args(["--priority", "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+3DES-CBC:+ARCFOUR-128:+SHA1:+MD5:%COMPAT"]);
    command.current_dir(folder.path());
    start(folder, port, &mut command)
}

fn start(folder: tempfile::TempDir, port: u16, command: &mut Command) -> Result<Server> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("a server does not start")?;
    let server = Server { folder, port, child };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if begun.elapsed() > Duration::from_secs(10) {
            bail!("a server does not answer: {:?}", log(server.folder.path()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(server)
}

fn log(folder: &Path) -> Option<String> {
    let file: PathBuf = folder.join("error.log");
    fs::read_to_string(file).ok()
}
