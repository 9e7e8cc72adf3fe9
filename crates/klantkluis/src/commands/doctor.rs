//! `doctor`: looks whether this machine and this vault are in order, and says what to do where not.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::{Context, Outcome};
use crate::{talk, wire};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    text: String,
}

/// Looks at everything and prints a line for each; exit code 1 when something is not in order.
pub(crate) async fn run(context: &Context) -> Result<Outcome> {
    let mut findings = vec![data_folder(context), keyring(context), key_file(context), listener(context)];
    findings.push(database(context).await);
    findings.push(memory());
    let bad = findings.iter().filter(|finding| !finding.ok).count();
    if context.json {
        talk::print_json(&findings)?;
    } else {
        for finding in &findings {
            talk::print(format!(
                "{} {:<10} {}",
                if finding.ok { "ok " } else { "NO " },
                finding.check,
                finding.text
            ))?;
        }
    }
    Ok(Outcome::of_findings(bad))
}

fn finding(check: &'static str, problem: Option<String>, good: impl Into<String>) -> Finding {
    Finding { check, ok: problem.is_none(), text: problem.unwrap_or_else(|| good.into()) }
}

/// Whether others may read the path; the mode when they may.
fn open_mode(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

fn data_folder(context: &Context) -> Finding {
    let folder = &context.config.data.folder;
    let problem = if !folder.exists() {
        Some(format!("{} is not there yet; make a vault with: klantkluis init", folder.display()))
    } else {
        open_mode(folder).map(|mode| format!("{0} has mode {mode:o}; do: chmod 0700 {0}", folder.display()))
    };
    finding("folder", problem, folder.display().to_string())
}

fn keyring(context: &Context) -> Finding {
    let path = context.config.keyring_file();
    let problem = if !path.exists() {
        Some(format!(
            "no keyring at {}; without it nothing can be read. Put its backup there",
            path.display()
        ))
    } else {
        open_mode(&path).map(|mode| format!("{0} has mode {mode:o}; do: chmod 0600 {0}", path.display()))
    };
    finding("keyring", problem, path.display().to_string())
}

fn key_file(context: &Context) -> Finding {
    let path = context.config.key_file();
    if !path.exists() {
        return finding("key file", None, "none: the vault is opened with a passphrase or shares");
    }
    let beside = path.parent() == Some(context.config.data.folder.as_path());
    let is_open = fs::metadata(&path).is_ok_and(|metadata| wire::others_may_read(&path, &metadata));
    let problem = is_open.then(|| format!("others may read {0}; do: chmod 0400 {0}", path.display()));
    let note = if beside {
        " (in the data folder: who steals this disk can read everything; better on another disk)"
    } else {
        ""
    };
    finding("key file", problem, format!("{}{note}", path.display()))
}

fn listener(context: &Context) -> Finding {
    let address = context.config.https.listen;
    // In use is good news when it is our own server; a port we may not have is not.
    let problem = match TcpListener::bind(address) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Some(format!(
            "{address} may not be used by this user; choose a port above 1023 or use the systemd unit"
        )),
        Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => {
            Some(format!("{address} is not an address of this machine; set https.listen"))
        }
        _ => None,
    };
    finding("https", problem, address.to_string())
}

async fn database(context: &Context) -> Finding {
    if !context.config.data.folder.exists() {
        return finding("database", Some("not there yet".into()), "");
    }
    match wire::open(&context.config).await {
        Ok(app) => {
            let answer = app.is_initialised().await;
            app.close().await;
            match answer {
                Ok(true) => finding("database", None, "answers, and holds a vault"),
                Ok(false) => finding(
                    "database",
                    Some("answers, but holds no vault; do: klantkluis init or restore".into()),
                    "",
                ),
                Err(error) => finding("database", Some(error.text(context.lang)), ""),
            }
        }
        Err(error) => finding("database", Some(format!("{error:#}")), ""),
    }
}

/// Argon2id needs 256 MiB to open a keyring that is sealed with a passphrase.
fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let problem = kib.filter(|kib| *kib < 400 * 1024).map(|kib| {
        format!(
            "only {} MiB of memory are free; opening with a passphrase needs 256 MiB for a moment",
            kib / 1024
        )
    });
    finding("memory", problem, kib.map_or_else(|| "unknown".into(), |kib| format!("{} MiB free", kib / 1024)))
}
