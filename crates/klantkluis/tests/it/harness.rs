//! Starts the real program in a fresh folder on either database, stops it gently or with kill -9, runs its commands.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use kluis_store::testing::{TemporaryPostgres, temporary_postgres};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;

/// Longest wait for a start or a stop.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The database under a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Runs a test on both databases.
pub(crate) fn on_both(test: impl Fn(&mut Vault)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut vault = Vault::new(engine);
        vault.start();
        test(&mut vault);
    }
}

/// A vault of its own: folder, settings, database, and the server when it runs.
pub(crate) struct Vault {
    pub engine: Engine,
    pub folder: TempDir,
    pub postgres: Option<TemporaryPostgres>,
    child: Option<Child>,
    port: u16,
}

impl Vault {
    pub(crate) fn new(engine: Engine) -> Self {
        Self::in_folder(engine, &std::env::temp_dir())
    }

    /// A vault in a folder of its own below the named one.
    pub(crate) fn in_folder(engine: Engine, parent: &Path) -> Self {
        let folder = tempfile::tempdir_in(parent).unwrap();
        let port = free_port();
        let postgres = (engine == Engine::Postgres).then(temporary_postgres);
        let vault = Self { engine, folder, postgres, child: None, port };
        vault.write_settings("node1", vault.port, &vault.data());
        vault
    }

    fn write_settings(&self, node: &str, port: u16, data: &Path) -> PathBuf {
        let store = self.postgres.as_ref().map_or(String::new(), |cluster| {
            format!("[store]\nengine = \"postgres\"\nurl = \"{}\"\n", cluster.database_url("kluis"))
        });
        let text = format!(
            "[data]\nfolder = \"{}\"\n[keyring]\nfile = \"{}\"\nkey_file = \"{}\"\n[https]\nlisten = \"127.0.0.1:{port}\"\nhsts_ramp = false\n\
             [http]\nlisten = \"127.0.0.1:{}\"\n[limits]\nrequests_per_minute = 1000000\n[node]\nname = \"{node}\"\n{store}",
            data.display(),
            self.data().join("keyring/keyring").display(),
            self.data().join("root.key").display(),
            free_port(),
        );
        let file = self.folder.path().join(format!("{node}.toml"));
        fs::write(&file, text).unwrap();
        file
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.folder.path().join("node1.toml")
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "it already runs");
        self.child = Some(spawn_server(&self.settings(), self.port, &self.data(), &self.log_file()));
    }

    /// Adds lines to the settings; they count from the next start.
    pub(crate) fn add_settings(&self, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).open(self.settings()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Starts the server, whose certificate may be of anybody, and waits until it takes connections.
    pub(crate) fn start_beside_another_authority(&mut self) {
        assert!(self.child.is_none(), "it already runs");
        self.child = Some(spawn(&self.settings(), &self.log_file()));
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < WAIT_MAX, "no start: {}", fs::read_to_string(self.log_file()).unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts a second node over the same PostgreSQL and keyring.
    pub(crate) fn start_second_node(&self) -> SecondNode {
        let port = free_port();
        let data = self.folder.path().join("data2");
        let settings = self.write_settings("node2", port, &data);
        let child = spawn_server(&settings, port, &data, &self.log_file());
        SecondNode { child, client: Client::new(port, &data.join("tls/ca.pem"), Some(self.secret())) }
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// Ends the server as an operator would, and waits.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        signal(child.id(), "TERM");
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < WAIT_MAX, "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the server with kill -9.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        signal(child.id(), "KILL");
        child.wait().unwrap();
    }

    /// The first staff credential.
    pub(crate) fn secret(&self) -> String {
        fs::read_to_string(self.data().join("first-credential")).unwrap().trim().to_owned()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.port, &self.data().join("tls/ca.pem"), Some(self.secret()))
    }

    /// Where the server answers HTTPS.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server redirects plain HTTP.
    pub(crate) fn http_port(&self) -> u16 {
        let settings = fs::read_to_string(self.settings()).unwrap();
        let (_, http) = settings.split_once("[http]").unwrap();
        http.split('"').nth(1).unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// The running server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Starts a command of the program; its stdin is open.
    pub(crate) fn spawn(&self, words: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_klantkluis"))
            .arg("--config")
            .arg(self.settings())
            .args(["--lang", "en"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a command of the program; `input` goes to its stdin.
    pub(crate) fn run(&self, words: &[&str], input: &str) -> Output {
        let mut child = self.spawn(words);
        // A command that asks nothing may have closed its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must end well and gives its stdout.
    #[track_caller]
    pub(crate) fn cli(&self, words: &[&str], input: &str) -> String {
        let output = self.run(words, input);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {stderr}\n{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command with `--json` and reads its result.
    #[track_caller]
    pub(crate) fn cli_json(&self, words: &[&str], input: &str) -> Value {
        let mut all = vec!["--json"];
        all.extend(words);
        let text = self.cli(&all, input);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Loses the database, as a broken disk would; keyring, key file and certificates stay.
    pub(crate) fn lose_database(&mut self) {
        assert!(self.child.is_none(), "stop it first");
        match &mut self.postgres {
            Some(cluster) => *cluster = temporary_postgres(),
            None => {
                for name in ["data.db", "data.db-wal", "data.db-shm", "keys.db", "keys.db-wal", "keys.db-shm"]
                {
                    // The write-ahead logs are gone after a clean stop.
                    let _ = fs::remove_file(self.data().join(name));
                }
            }
        }
        self.write_settings("node1", self.port, &self.data());
    }

    /// This vault's folder over the database of another.
    pub(crate) fn on_database_of(mut self, mut other: Self) -> Self {
        self.postgres = other.postgres.take();
        self.engine = other.engine;
        self.write_settings("node1", self.port, &self.data());
        self
    }

    /// Creates an invented customer and gives its id.
    #[track_caller]
    pub(crate) fn create(&self, number: u32) -> String {
        let answer = self.client().post("/v1/subjects", &customer(number)).expect(201);
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A second server; ended when dropped.
pub(crate) struct SecondNode {
    child: Child,
    pub client: Client,
}

impl Drop for SecondNode {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An invented customer with nine fields.
pub(crate) fn customer(number: u32) -> Value {
    json!({"fields": {
        "email": format!("klant{number}@voorbeeld.example"),
        "phone": format!("06{:08}", 10_000_000 + number),
        "given_name": "Sanne", "infix": "van der", "surname": format!("Kanariegeel{number}"),
        "street": "Zonnebloemlaan", "house_number": "12",
        "postcode": "1234 ab", "city": "Wijkdorp",
    }})
}

/// A port that no other test of this run gets; below the range from which outgoing connections take theirs.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 10).unwrap() * 1_000;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Whether the server of this data folder serves.
fn answers(port: u16, data: &Path) -> bool {
    let authority = data.join("tls/ca.pem");
    authority.exists()
        && Client::new(port, &authority, None)
            .try_ask("GET", "/healthz", &[], b"")
            .is_ok_and(|a| a.status == 200)
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

fn spawn(settings: &Path, log: &Path) -> Child {
    let log_file = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .arg("--config")
        .arg(settings)
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(log_file.try_clone().unwrap())
        .stderr(log_file)
        .spawn()
        .unwrap()
}

fn spawn_server(settings: &Path, port: u16, data: &Path, log: &Path) -> Child {
    let mut child = spawn(settings, log);
    let begun = Instant::now();
    // Asking over TLS, since a plain connection to a free port of the ephemeral range may meet itself.
    while !answers(port, data) {
        let ended = child.try_wait().unwrap().is_some();
        assert!(!ended && begun.elapsed() < WAIT_MAX, "no start: {}", fs::read_to_string(log).unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}
