//! A temporary PostgreSQL for tests and benchmarks: made, started, cut, restarted and removed within a folder of its own.
//!
//! It uses the programs that Debian's package `postgresql` puts below `/usr/lib/postgresql`, and panics when something
//! fails: it is for tests only.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests only")]

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use parking_lot::Mutex;

/// A PostgreSQL cluster that ends when it is dropped.
#[derive(Debug)]
pub struct TemporaryPostgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    /// The user PostgreSQL runs as, when we are root: it refuses to be root itself.
    user: Option<String>,
    port: Mutex<u16>,
}

/// Makes and starts a cluster; its writes are as durable as a real one's.
#[must_use]
pub fn temporary_postgres() -> TemporaryPostgres {
    let folder = tempfile::tempdir().unwrap();
    let is_root = std::fs::metadata(folder.path()).unwrap().uid() == 0;
    let user = is_root.then(|| {
        let known = |user: &&str| Command::new("id").arg("-u").arg(user).output().unwrap().status.success();
        let user = ["postgres", "nobody"].into_iter().find(known).expect("no user to run PostgreSQL as");
        user.to_owned()
    });
    if let Some(user) = &user {
        let id = Command::new("id").args(["-u", user]).output().unwrap().stdout;
        let id = String::from_utf8(id).unwrap().trim().parse().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(id), None).unwrap();
    }
    let cluster = TemporaryPostgres { folder, programs: programs(), user, port: Mutex::new(0) };
    let data = cluster.data();
    let options =
        ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"];
    cluster.run("initdb", [OsStr::new("-D"), data.as_os_str()].into_iter().chain(options.map(OsStr::new)));
    cluster.start();
    cluster
}

fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is missing: install the Debian package postgresql")
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    found.sort_by_key(|path| {
        path.components().nth(4).map(|v| v.as_os_str().to_string_lossy().parse().unwrap_or(0))
    });
    found.pop().expect("PostgreSQL is missing: install the Debian package postgresql")
}

impl TemporaryPostgres {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = match &self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={user}"), "--clear-groups"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", "/usr/bin:/bin");
        command
    }

    fn try_run<A: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = A>) -> Output {
        let mut command = self.command(program);
        command.args(arguments).output().unwrap()
    }

    #[track_caller]
    fn run<A: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = A>) {
        let output = self.try_run(program, arguments);
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    #[track_caller]
    fn sql(&self, text: &str) -> Output {
        let port = self.port.lock().to_string();
        self.try_run(
            "psql",
            ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", "postgres", "-qAtc", text],
        )
    }

    /// The folder with everything the cluster writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the URL of a database and makes it if it is not there.
    #[must_use]
    pub fn database_url(&self, name: &str) -> String {
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        let there = self.sql(&format!("select 1 from pg_database where datname = '{name}'"));
        if there.stdout.is_empty() {
            let made = self.sql(&format!("create database {name}"));
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port.lock())
    }

    /// Starts it on the port it had before, at first on a free one, and waits until it answers.
    pub fn start(&self) {
        let mut port = self.port.lock();
        for _ in 0..5 {
            if *port == 0 {
                *port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            }
            let options = format!(
                "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=100 \
                 -c fsync=on -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=64MB \
                 -c logging_collector=off"
            );
            let (data, log) = (self.data(), self.folder.path().join("log"));
            let (data, log) = (data.display().to_string(), log.display().to_string());
            // The server inherits what it is given, so nothing may be a pipe that somebody reads to its end.
            let status = self
                .command("pg_ctl")
                .args(["-D", &data, "-l", &log, "-o", &options, "-w", "-s", "start"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if status.success() {
                return;
            }
            *port = 0;
        }
        panic!(
            "PostgreSQL does not start: {}",
            std::fs::read_to_string(self.folder.path().join("log")).unwrap()
        );
    }

    /// Stops it as an administrator would.
    pub fn stop(&self) {
        self.end("fast");
    }

    /// Ends it as a crash would and starts it again.
    pub fn restart(&self) {
        self.end("immediate");
        self.start();
    }

    fn end(&self, mode: &str) {
        let data = self.data();
        // It may have ended already.
        self.try_run("pg_ctl", ["-D", &data.display().to_string(), "-m", mode, "-w", "-s", "stop"]);
    }

    /// Ends every client's connection, whatever it is doing.
    pub fn cut_connections(&self) {
        let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where pid <> pg_backend_pid() and backend_type = 'client backend'";
        let output = self.sql(cut);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for TemporaryPostgres {
    fn drop(&mut self) {
        self.end("immediate");
    }
}
