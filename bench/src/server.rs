//! Starts the release binary in a fresh folder, and measures its memory and start time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::Target;

/// Longest wait for the server to answer.
const START_MAX: Duration = Duration::from_secs(60);

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub folder: PathBuf,
    pub port: u16,
    pub started_in: Duration,
}

/// The binary under test, built beside this one.
pub(crate) fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("klantkluis");
    if !path.exists() {
        bail!("{} is not there; build it with: cargo build --release -p klantkluis", path.display());
    }
    Ok(path)
}

/// Writes the settings of a vault in `folder` and returns the file.
pub(crate) fn settings(folder: &Path, port: u16, store: &str) -> Result<PathBuf> {
    let file = folder.join("klantkluis.toml");
    let text = format!(
        "[data]\nfolder = \"{}\"\n[https]\nlisten = \"127.0.0.1:{port}\"\n[http]\nredirect = false\n[limits]\nrequests_per_minute = 100000000\n[log]\nlevel = \"warn\"\n{store}",
        folder.join("data").display()
    );
    fs::write(&file, text)?;
    Ok(file)
}

impl Server {
    /// Starts a server and waits until it answers.
    pub(crate) async fn start(folder: &Path, store: &str) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let file = settings(folder, port, store)?;
        let begun = Instant::now();
        let log = fs::File::create(folder.join("server.log"))?;
        let child = Command::new(binary()?)
            .args(["--config".as_ref(), file.as_os_str(), "serve".as_ref()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Self { child, folder: folder.to_path_buf(), port, started_in: Duration::ZERO };
        while !server.answers().await {
            if begun.elapsed() > START_MAX || server.child.try_wait()?.is_some() {
                bail!("the server did not start: {}", fs::read_to_string(folder.join("server.log"))?);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// Whether `/healthz` answers over TLS.
    async fn answers(&self) -> bool {
        let Ok(target) = self.target() else { return false };
        let Ok(mut connection) = target.connect().await else { return false };
        connection.ask("GET", "/healthz", &[]).await.is_ok_and(|answer| answer.status == 200)
    }

    /// Where the load goes, with the first staff credential.
    pub(crate) fn target(&self) -> Result<Target> {
        let data = self.folder.join("data");
        let secret = fs::read_to_string(data.join("first-credential")).context("the first credential")?;
        Target::new(self.port, &data.join("tls").join("ca.pem"), secret.trim().to_owned())
    }

    /// Peak resident memory so far, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<u64> {
        peak_mib(self.child.id())
    }

    /// CPU seconds used so far (user and system).
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        Ok((ticks(11) + ticks(12)) / 100.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may already be gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Peak resident memory of a process, in MiB.
pub(crate) fn peak_mib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024)
}
