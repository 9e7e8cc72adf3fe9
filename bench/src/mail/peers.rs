//! The peers from PyPI, in a virtual environment of the bench's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What is installed; the newest that the package index has.
const PACKAGES: &[&str] = &["parsedmarc", "pyspf", "dkimpy", "dnspython"];
const SCRIPT: &str = include_str!("../../peers/mail_peer.py");

/// The interpreter of the environment, which is made when it is not there yet.
fn python() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("bench-venv");
    let (python, done) = (folder.join("bin").join("python"), folder.join("done"));
    if done.exists() {
        return Ok(python);
    }
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    call(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    fs::write(&done, "")?;
    Ok(python)
}

fn call(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// Runs one peer on what stands in a folder.
pub(super) fn run(what: &str, folder: &Path) -> Result<Value> {
    let script = folder.join("peer.py");
    fs::write(&script, SCRIPT)?;
    let seconds = super::SECONDS.to_string();
    let stdout = call(Command::new(python()?).arg(&script).arg(what).arg(folder).arg(seconds))?;
    let last = stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
    serde_json::from_slice(last).with_context(|| format!("{what}: {}", String::from_utf8_lossy(&stdout)))
}

/// A number of its answer.
pub(super) fn number(value: &Value, name: &str) -> Result<f64> {
    value[name].as_f64().with_context(|| format!("{name} in {value}"))
}
