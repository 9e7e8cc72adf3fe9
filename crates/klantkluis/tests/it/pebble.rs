//! Starts the ACME test server Pebble and its DNS beside a vault, each with files and ports of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::client::Client;
use crate::harness::{Vault, free_port};

/// Longest wait for anything.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// A certificate authority that speaks ACME, and a DNS in which every name is this machine.
pub(crate) struct Pebble {
    pub folder: TempDir,
    pub port: u16,
    management: u16,
    dns_management: u16,
    children: Vec<Child>,
}

/// How it behaves.
#[derive(Default)]
pub(crate) struct Manner {
    /// Seconds it takes at most before it looks at a proof.
    pub slow_s: u32,
    /// Whether accounts must be known already.
    pub knows_accounts: bool,
}

/// The key of a known account.
pub(crate) const ACCOUNT_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

impl Pebble {
    /// Starts one that looks at the ports of this vault.
    pub(crate) fn beside(vault: &Vault, manner: &Manner) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port, management, dns, dns_management] = [0; 4].map(|_| free_port());
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.path().join("root.pem"), made.cert.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut config = json!({
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.path().join("root.pem"),
            "privateKey": folder.path().join("key.pem"),
            "httpPort": vault.http_port(),
            "tlsPort": vault.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": manner.knows_accounts,
        });
        if manner.knows_accounts {
            config["externalAccountMACKeys"] = json!({ "kid-1": ACCOUNT_KEY });
        }
        fs::write(folder.path().join("config.json"), json!({ "pebble": config }).to_string()).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let names = Command::new("pebble-challtestsrv")
            .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""])
            .args(["-defaultIPv4", "127.0.0.1", "-dns01", &format!("127.0.0.1:{dns}")])
            .args(["-management", &format!("127.0.0.1:{dns_management}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut command = Command::new("pebble");
        command.arg("-config").arg(folder.path().join("config.json"));
        command.args(["-strict", "-dnsserver", &format!("127.0.0.1:{dns}")]);
        // It refuses some good nonces on purpose, and makes us prove every name every time.
        command.env("PEBBLE_WFE_NONCEREJECT", "5").env("PEBBLE_AUTHZREUSE", "0");
        match manner.slow_s {
            0 => command.env("PEBBLE_VA_NOSLEEP", "1"),
            seconds => command.env("PEBBLE_VA_SLEEPTIME", seconds.to_string()),
        };
        let server = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let made = Self { folder, port, management, dns_management, children: vec![names, server] };
        until("pebble answers", || made.ask(made.port, "/dir").is_some());
        made
    }

    /// The lines of `[acme]` that order here, with more lines.
    pub(crate) fn settings(&self, names: &[&str], more: &str) -> String {
        settings(self.port, &self.root(), names, more)
    }

    /// The root that Pebble's own HTTPS is trusted by.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// The root of the certificates that it issues, in a file.
    pub(crate) fn issuer_root(&self) -> PathBuf {
        let file = self.folder.path().join("issuer.pem");
        fs::write(&file, self.ask(self.management, "/roots/0").unwrap()).unwrap();
        file
    }

    fn ask(&self, port: u16, path: &str) -> Option<Vec<u8>> {
        let client = Client::new(port, &self.root(), None);
        client.try_ask("GET", path, &[], b"").ok().filter(|a| a.status == 200).map(|answer| answer.body)
    }

    /// Tells the DNS something, such as `set-default-ipv4`.
    pub(crate) fn tell_dns(&self, what: &str, body: &str) {
        let url = format!("http://127.0.0.1:{}/{what}", self.dns_management);
        let told = Command::new("curl").args(["-sSf", "-d", body, &url]).status().unwrap();
        assert!(told.success());
    }

    /// A program that puts records into the DNS and takes them away.
    pub(crate) fn dns_hook(&self) -> PathBuf {
        let file = self.folder.path().join("hook");
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = add ]; then what=set-txt; else what=clear-txt; fi\n\
             echo \"$1 $2\" >> {}\n\
             exec curl -sSf -d \"{{\\\"host\\\":\\\"$2.\\\",\\\"value\\\":\\\"$3\\\"}}\" http://127.0.0.1:{}/$what\n",
            self.folder.path().join("hook.log").display(),
            self.dns_management
        );
        fs::write(&file, script).unwrap();
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// What it says of itself.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// How many orders it took.
    pub(crate) fn orders(&self) -> usize {
        self.log().matches("Added order").count()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The lines of `[acme]` that order from a directory on a port of this machine.
pub(crate) fn settings(port: u16, root: &Path, names: &[&str], more: &str) -> String {
    let root = root.display();
    format!(
        "[acme]\ndirectory = \"https://localhost:{port}/dir\"\naccept_terms = true\n\
         contact = \"beheer@winkel.example\"\nnames = {names:?}\nroot_file = \"{root}\"\n{more}\n"
    )
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < WAIT_MAX, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
