//! Shops on loopback for the audit: nginx with a good and with a deliberately bad set-up, and certificates by openssl.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::free_port;

/// The name of every shop here.
pub(crate) const HOST: &str = "winkel.test";
/// Longest wait for a server to answer.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// A server of somebody else, ended when dropped.
pub(crate) struct Shop {
    pub folder: TempDir,
    pub https: u16,
    pub http: u16,
    child: Child,
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Shop {
    /// nginx with a server block, whose `@…@` words are filled in, over a folder of files.
    pub(crate) fn nginx(servers: &str, files: &[(&str, &str)], certificate: Certificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (https, http) = (free_port(), free_port());
        certificate.write(folder.path());
        for (name, text) in files {
            let path = folder.path().join("site").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let at = folder.path().display().to_string();
        let servers = servers
            .replace("@folder@", &at)
            .replace("@https@", &https.to_string())
            .replace("@http@", &http.to_string());
        let settings = format!(
            "daemon off; master_process off; worker_processes 1; pid {at}/pid; error_log {at}/error.log warn;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log off; server_tokens off; types {{ text/html html; text/css css; application/javascript js; \
             text/plain txt sql; image/png png; }} default_type text/plain; charset utf-8;\n\
             client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3; \
             uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;\n{servers}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, settings).unwrap();
        // Old protocols and small keys are allowed by the bad shop's own OpenSSL settings only.
        let weak = folder.path().join("openssl.cnf");
        fs::write(
            &weak,
            "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\n\
             CipherString = ALL:COMPLEMENTOFALL:@SECLEVEL=0\nOptions = UnsafeLegacyRenegotiation\n",
        )
        .unwrap();
        let is_weak = servers.contains("SECLEVEL=0");
        let mut command = Command::new("/usr/sbin/nginx");
        command
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"));
        if is_weak {
            command.env("OPENSSL_CONF", &weak);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("nginx: {error}; ./test installs it"));
        let mut shop = Self { folder, https, http, child };
        shop.wait(https);
        shop
    }

    /// Any program that serves TLS on the port it is given.
    pub(crate) fn program(program: &str, arguments: &[&str], certificate: Certificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate.write(folder.path());
        Self::program_in(folder, program, arguments)
    }

    /// The same with a settings file, whose `@…@` words are filled in.
    pub(crate) fn program_with_settings(program: &str, settings: &Path, certificate: Certificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate.write(folder.path());
        let https = free_port();
        let text = fs::read_to_string(settings).unwrap();
        let text = text
            .replace("@folder@", &folder.path().display().to_string())
            .replace("@https@", &https.to_string());
        fs::write(folder.path().join("settings"), text).unwrap();
        Self::spawn(folder, program, &["@folder@/settings"], https)
    }

    /// The same over a folder that holds `ca.pem`, `chain.pem` and `key.pem` already.
    pub(crate) fn program_in(folder: TempDir, program: &str, arguments: &[&str]) -> Self {
        Self::spawn(folder, program, arguments, free_port())
    }

    fn spawn(folder: TempDir, program: &str, arguments: &[&str], https: u16) -> Self {
        let at = folder.path().display().to_string();
        let fill = |word: &&str| word.replace("@folder@", &at).replace("@https@", &https.to_string());
        let child = Command::new(program)
            .args(arguments.iter().map(fill))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; ./test installs it"));
        let mut shop = Self { folder, https, http: free_port(), child };
        shop.wait(https);
        shop
    }

    fn wait(&mut self, port: u16) {
        let begun = Instant::now();
        // A TLS alert or a handshake byte, and not the meeting of a connection with itself, says that it is there.
        while !speaks_tls(port) {
            let ended = self.child.try_wait().unwrap();
            let log = fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
            assert!(ended.is_none() && begun.elapsed() < WAIT_MAX, "no start: {ended:?} {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The authority that issued its certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Audits the shop with the real program.
    pub(crate) fn check(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_klantkluis"))
            .args([
                "check",
                HOST,
                "--resolve",
                &format!("{HOST}:127.0.0.1"),
                "--port",
                &self.https.to_string(),
            ])
            .args(["--http-port", &self.http.to_string(), "--ca"])
            .arg(self.authority())
            .args(words)
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Audits the shop and gives the report; the exit code must agree with it.
    #[track_caller]
    pub(crate) fn report(&self, words: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(words);
        let output = self.check(&all);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {stderr}"));
        let has_findings = findings(&report).iter().any(|(_, severity)| severity != "info");
        assert_eq!(output.status.code(), Some(i32::from(has_findings)), "{stderr}");
        report
    }
}

/// Rule and severity of every finding.
pub(crate) fn findings(report: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let found = report["findings"].as_array().unwrap();
    found.iter().map(|finding| (word(&finding["rule"]), word(&finding["severity"]))).collect()
}

fn speaks_tls(port: u16) -> bool {
    let Ok(mut tcp) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    tcp.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    // A hello of no known version: every TLS server answers it with an alert or closes.
    let is_sent = tcp.write_all(&[22, 3, 1, 0, 4, 1, 0, 0, 0]).is_ok();
    let mut first = [0; 1];
    is_sent && matches!(tcp.read(&mut first), Ok(0) | Ok(1)) && first[0] != 22
}

/// How a shop's certificate is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certificate {
    /// Arguments of `openssl genpkey`.
    pub key: &'static [&'static str],
    /// The hash of its signature.
    pub hash: &'static str,
    /// Its subject alternative names.
    pub names: &'static str,
    /// Days of validity.
    pub days: &'static str,
    /// More lines of its extensions.
    pub extensions: &'static str,
    /// Whether it signs itself.
    pub is_self_signed: bool,
}

impl Certificate {
    /// As a shop should have it.
    pub(crate) const GOOD: Self = Self {
        key: &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        hash: "-sha256",
        names: "DNS:winkel.test,DNS:www.winkel.test",
        days: "60",
        extensions: "",
        is_self_signed: false,
    };

    /// Writes `ca.pem`, `key.pem` and `chain.pem`.
    fn write(self, folder: &Path) {
        let run = |words: &[&str]| {
            let output = Command::new("openssl").args(words).current_dir(folder).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let ca = "[req]\ndistinguished_name = d\nx509_extensions = x\n[d]\n[x]\nbasicConstraints = critical,CA:TRUE\n\
                  keyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash\n";
        fs::write(folder.join("ca.cnf"), ca).unwrap();
        // Each shop's authority has a name of its own, so that one is not taken for another.
        let own_name = folder.file_name().unwrap().to_string_lossy();
        let subject = format!("/CN=Test authority {}", own_name.trim_start_matches('.'));
        run(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ca-key.pem"]);
        run(&[
            "req",
            "-x509",
            "-new",
            "-key",
            "ca-key.pem",
            "-sha256",
            "-days",
            "900",
            "-subj",
            &subject,
            "-config",
            "ca.cnf",
            "-out",
            "ca.pem",
        ]);
        let mut key = vec!["genpkey"];
        key.extend(self.key);
        key.extend(["-out", "key.pem"]);
        run(&key);
        let extensions = format!(
            "subjectAltName = {}\nextendedKeyUsage = serverAuth\n{}",
            self.names,
            if self.extensions.contains("basicConstraints") {
                self.extensions.to_owned()
            } else {
                format!("basicConstraints = critical,CA:FALSE\n{}", self.extensions)
            }
        );
        fs::write(folder.join("leaf.cnf"), &extensions).unwrap();
        run(&["req", "-new", "-key", "key.pem", "-subj", "/CN=winkel.test", "-out", "leaf.csr"]);
        let mut sign =
            vec!["x509", "-req", "-in", "leaf.csr", "-days", self.days, self.hash, "-extfile", "leaf.cnf"];
        if self.is_self_signed {
            sign.extend(["-signkey", "key.pem"]);
        } else {
            sign.extend(["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"]);
        }
        sign.extend(["-out", "chain.pem"]);
        run(&sign);
    }
}
