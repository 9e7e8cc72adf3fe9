//! Files of a check: saved evidence and an older report. Each has a bound on its size and says what is wrong.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context as _, Result};
use kluis_checks::Report;
use kluis_checks::facts::{EVIDENCE_FORMAT, Evidence};
use kluis_model::Lang;
use serde::Deserialize;

use crate::wire::{Hinted, read_bounded};

/// Most bytes of a file with evidence.
const EVIDENCE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Most bytes of a file with a report.
const REPORT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What `--json --since` adds to a report.
pub(crate) const DIFFERENCE: &str = "difference";

/// The member of evidence that every version has.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: u32,
}

/// Reads saved evidence.
///
/// # Errors
/// When the file is too large, no evidence, or of a newer version.
pub(crate) fn read_evidence(path: &Path, lang: Lang) -> Result<Evidence> {
    let bytes = read_bounded(path, EVIDENCE_BYTES_MAX, lang)?;
    let wrong = |why: &str| {
        Hinted::error(
            format!("{}: {}", path.display(), why),
            lang.pick(
                "maak een nieuw bestand met: klantkluis check DOMEIN --save-evidence BESTAND",
                "make a new file with: klantkluis check DOMAIN --save-evidence FILE",
            ),
        )
    };
    let is_none = lang.pick("dit is geen bewijs van een controle", "this is no evidence of a check");
    let head: Head = serde_json::from_slice(&bytes).map_err(|_| wrong(is_none))?;
    if head.format > EVIDENCE_FORMAT {
        return Err(Hinted::error(
            format!(
                "{}: {}",
                path.display(),
                lang.pick(
                    "dit bewijs is van een nieuwere versie van klantkluis",
                    "this evidence is of a newer version of klantkluis",
                )
            ),
            lang.pick("werk klantkluis bij", "update klantkluis"),
        ));
    }
    if head.format == 0 {
        return Err(wrong(is_none));
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(&format!("{is_none} ({error})")))
}

/// Saves evidence, over a file that is there; others on this computer cannot read it.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn save_evidence(path: &Path, evidence: &Evidence) -> Result<()> {
    let bytes = serde_json::to_vec(evidence).context("cannot write the evidence")?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(&bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a report that `--json` printed before.
///
/// # Errors
/// When the file is too large or no report.
pub(crate) fn read_report(path: &Path, lang: Lang) -> Result<Report> {
    let bytes = read_bounded(path, REPORT_BYTES_MAX, lang)?;
    let report = serde_json::from_slice::<serde_json::Value>(&bytes).and_then(|mut value| {
        if let Some(members) = value.as_object_mut() {
            members.remove(DIFFERENCE);
        }
        serde_json::from_value(value)
    });
    report.map_err(|error| {
        Hinted::error(
            format!(
                "{}: {} ({error})",
                path.display(),
                lang.pick("dit is geen rapport", "this is no report")
            ),
            lang.pick(
                "een rapport om mee te vergelijken maakt: klantkluis --json check DOMEIN",
                "a report to compare with is made by: klantkluis --json check DOMAIN",
            ),
        )
    })
}
