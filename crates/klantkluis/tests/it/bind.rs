//! A BIND of its own on loopback that serves zones of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::free_port;

/// Longest wait for it to answer.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// A running name server; its folder may hold other files of the test.
pub(crate) struct Bind {
    pub folder: TempDir,
    pub port: u16,
    child: Child,
}

impl Drop for Bind {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bind {
    /// Serves the zones: each its name and its records, without SOA and NS.
    pub(crate) fn start(zones: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, zones)
    }

    /// The same in a folder that holds something already.
    pub(crate) fn start_in(folder: TempDir, zones: &[(&str, &str)]) -> Self {
        let at = folder.path();
        let port = free_port();
        let mut settings = format!(
            "options {{ directory \"{0}\"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;\n\
             listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; }};\ncontrols {{ }};\n",
            at.display()
        );
        for (name, records) in zones {
            write(at, name, records);
            settings.push_str(&format!("zone \"{name}\" {{ type primary; file \"{name}.zone\"; }};\n"));
        }
        fs::write(at.join("named.conf"), settings).unwrap();
        let child = spawn(at);
        let bind = Self { folder, port, child };
        bind.wait();
        bind
    }

    /// Serves other records of a zone from now on.
    pub(crate) fn change(&mut self, name: &str, records: &str) {
        write(self.folder.path(), name, records);
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = spawn(self.folder.path());
        self.wait();
    }

    fn wait(&self) {
        let begun = Instant::now();
        let log = self.file("log");
        while !fs::read_to_string(&log).unwrap().contains(" running\n") {
            assert!(begun.elapsed() < WAIT_MAX, "{}", fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What `--dns` takes.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn write(at: &Path, name: &str, records: &str) {
    let head = "$TTL 60\n@ SOA ns.test. root.test. 1 60 60 60 60\n@ NS ns.test.\n";
    fs::write(at.join(format!("{name}.zone")), format!("{head}{records}")).unwrap();
}

fn spawn(at: &Path) -> Child {
    let log = fs::File::create(at.join("log")).unwrap();
    Command::new("/usr/sbin/named")
        .args(["-g", "-n", "1", "-c", "named.conf"])
        .current_dir(at)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("named: {error}; ./test installs it"))
}
