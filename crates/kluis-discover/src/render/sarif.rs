//! The report as SARIF 2.1.0, so that a build that scans its own test data can show and compare it.

use kluis_model::Lang;
use serde_json::{Value, json};

use super::lines;
use crate::ScanReport;
use crate::detect::Certainty;

/// The report as SARIF (OASIS 2.1.0): a rule for each kind, a result for each place.
#[must_use]
pub fn sarif(report: &ScanReport, from: Certainty, lang: Lang) -> Value {
    let lines = lines(report, from, lang);
    let mut kinds: Vec<_> = lines.iter().map(|line| line.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let rules: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "id": kind.id(),
                "shortDescription": { "text": kind.name(lang) },
                "properties": { "weight": kind.weight() },
            })
        })
        .collect();
    let results: Vec<Value> = lines
        .iter()
        .map(|line| {
            let mut place = json!({ "artifactLocation": { "uri": uri(&line.path) } });
            if let Some(number) = line.line {
                place["region"] = json!({ "startLine": number });
            }
            json!({
                "ruleId": line.kind.id(),
                "level": if line.kind.is_critical() { "error" } else { "warning" },
                "message": { "text": format!("{}: {} ({}×). {}", line.place, line.kind.name(lang), line.count, line.advice) },
                "locations": [{ "physicalLocation": place, "logicalLocations": [{ "fullyQualifiedName": line.place }] }],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "klantkluis scan", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
            "invocations": [{
                "executionSuccessful": report.unread.is_empty(),
                "toolExecutionNotifications": report.unread.iter().map(|unread| json!({
                    "level": "warning",
                    "message": { "text": format!("{}: {}", unread.path, unread.why) },
                })).collect::<Vec<_>>(),
            }],
        }],
    })
}

/// A path as a relative or absolute URI reference (RFC 3986): every byte that means something else is written as `%XX`.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' | b'!' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
