//! The row of an audit: its seal, what was asked, and what came of it.

use std::collections::BTreeSet;

use kluis_checks::{Part, Report, Severity};
use kluis_crypto::{ShopKeys, sha256};
use kluis_store::CheckRunRow;
use serde::{Deserialize, Serialize};

use super::{CheckProblem, CheckState, CheckSummary};
use crate::AppError;

/// The name under which rows of audits are MACed.
const TABLE: &str = "check_runs";
/// The name under which the token of an owner is made.
const OWNER: &str = "check_owner";
/// Bytes of an owner's token; 128 bits cannot be guessed.
const OWNER_BYTES: usize = 16;
/// Longest report that is kept, in bytes of JSON.
pub(crate) const REPORT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What was asked of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// What is looked at.
    pub(crate) parts: BTreeSet<Part>,
    /// Whether the domain was said to be the shop's own.
    pub(crate) owner_verified: bool,
}

/// What came of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Ended {
    /// A report.
    Summary(CheckSummary),
    /// A reason why there is none.
    Problem(CheckProblem),
    /// It is not over.
    NotYet {},
}

/// Puts the seal on a row and its report.
pub(crate) fn sealed(keys: &ShopKeys, row: &mut CheckRunRow, report: &[u8]) {
    row.report_hash = sha256(report);
    row.row_mac = with_parts(row, |parts| keys.row_mac(TABLE, parts));
}

/// Whether nobody changed the row or its report outside this program.
pub(crate) fn check_run_agrees(keys: &ShopKeys, row: &CheckRunRow, report: &[u8]) -> bool {
    is_whole(keys, row) && sha256(report) == row.report_hash
}

/// Reads a row whose seal agrees.
///
/// # Errors
/// `Integrity`.
pub(crate) fn open(keys: &ShopKeys, row: &CheckRunRow) -> Result<(CheckState, Asked, Ended), AppError> {
    let broken = |column: &str| AppError::integrity(format!("check_runs {} {column}", row.id));
    if !is_whole(keys, row) {
        return Err(broken("row_mac"));
    }
    let state = CheckState::ALL.into_iter().find(|state| state.id() == row.state);
    let state = state.ok_or_else(|| broken("state"))?;
    let asked = serde_json::from_str(&row.options).map_err(|_| broken("options"))?;
    let ended = serde_json::from_str(&row.summary).map_err(|_| broken("summary"))?;
    Ok((state, asked, ended))
}

/// Reads the report of a finished run.
///
/// # Errors
/// `Integrity`.
pub(crate) fn report(keys: &ShopKeys, row: &CheckRunRow, bytes: &[u8]) -> Result<Report, AppError> {
    let broken = || AppError::integrity(format!("check_runs {} report", row.id));
    if !check_run_agrees(keys, row, bytes) {
        return Err(broken());
    }
    serde_json::from_slice(bytes).map_err(|_| broken())
}

/// The report in short.
pub(crate) fn summary(report: &Report) -> CheckSummary {
    let above_info = report.findings.iter().filter(|finding| finding.severity > Severity::Info).count();
    CheckSummary {
        grade: report.grade.letter.clone(),
        score: report.grade.score,
        shields: report.shields.clone(),
        findings: u32::try_from(above_info).unwrap_or(u32::MAX),
    }
}

/// The token by which the owner of a domain is known: the same every time, another for every domain, and of use only
/// for this vault.
pub(crate) fn owner_token(keys: &ShopKeys, domain: &str) -> String {
    let mac = keys.row_mac(OWNER, &[domain.as_bytes()]);
    mac[..OWNER_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_whole(keys: &ShopKeys, row: &CheckRunRow) -> bool {
    with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac))
}

fn with_parts<T>(row: &CheckRunRow, take: impl FnOnce(&[&[u8]]) -> T) -> T {
    take(&[
        &row.shop.0.to_be_bytes(),
        row.id.as_bytes(),
        row.domain.as_bytes(),
        &row.at.0.to_be_bytes(),
        &row.updated.0.to_be_bytes(),
        row.state.as_bytes(),
        row.created_by.as_bytes(),
        row.node.as_bytes(),
        row.options.as_bytes(),
        row.summary.as_bytes(),
        &row.report_hash,
    ])
}
