//! The report as SARIF 2.1.0, for code hosts and security dashboards.

use kluis_model::Lang;
use serde_json::{Value, json};

use super::view::{self, FindingView, ProofView, View};
use crate::finding::{Report, Rule, Severity, Snippet};
use crate::rules;

/// The report as SARIF 2.1.0 (OASIS): one result for each finding, its proofs as locations, the gaps as notifications.
#[must_use]
pub fn sarif(report: &Report, lang: Lang) -> Value {
    let view = view::view(report, lang);
    let items: Vec<&FindingView> = view.findings.iter().chain(&view.notes).collect();
    let known: Vec<&Rule> = rules::all().collect();
    let results: Vec<Value> = items.iter().map(|item| result(item, &known, report, &view)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Klantkluis",
                "version": view.version,
                "rules": known.iter().map(|rule| descriptor(rule, lang)).collect::<Vec<_>>(),
            }},
            "language": view.lang,
            "columnKind": "unicodeCodePoints",
            "automationDetails": { "id": format!("https/{}/", uri_part(&view.host)) },
            "invocations": [{
                "executionSuccessful": true,
                "startTimeUtc": timestamp(report),
                "toolExecutionNotifications": notifications(&view),
            }],
            "results": results,
            "properties": properties(report, &view),
        }],
    })
}

/// What a dashboard shows of a rule.
fn descriptor(rule: &Rule, lang: Lang) -> Value {
    let mut help = format!("{}\n\n{}\n", rule.why.get(lang), rule.fix.get(lang));
    for (platform, snippet) in rule.snippets {
        let text = match snippet {
            Snippet::Lines(lines) => lines.trim_matches('\n'),
            Snippet::Say(words) => words.get(lang),
        };
        help.push_str(&format!("\n{}:\n{text}\n", platform.name()));
    }
    json!({
        "id": rule.id,
        "name": rule.id,
        "shortDescription": { "text": rule.title.get(lang) },
        "fullDescription": { "text": rule.why.get(lang) },
        "help": { "text": help },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "tags": ["security", "https"],
            "security-severity": security_severity(rule.severity),
            "source": rule.source,
        },
    })
}

fn result(item: &FindingView, known: &[&Rule], report: &Report, view: &View) -> Value {
    let severity = severity_of(item, report);
    let seen: Vec<String> =
        item.proofs.iter().take(5).map(|proof| format!("{}: {}", proof.place, proof.seen)).collect();
    let mut result = json!({
        "ruleId": item.rule,
        "kind": if severity == Severity::Info { "informational" } else { "fail" },
        "level": level(severity),
        "message": { "text": format!("{} ({})", item.title, seen.join("; ")) },
        "locations": item.proofs.iter().map(|proof| location(proof, view)).collect::<Vec<_>>(),
        "partialFingerprints": { "klantkluisFinding/v1": fingerprint(&[&view.host, &item.rule]) },
        "properties": { "gain": item.gain, "severity": item.severity },
    });
    if let Some(index) = known.iter().position(|rule| rule.id == item.rule) {
        result["ruleIndex"] = json!(index);
    }
    result
}

fn severity_of(item: &FindingView, report: &Report) -> Severity {
    report
        .findings
        .iter()
        .find(|finding| finding.rule == item.rule)
        .map_or(Severity::Info, |finding| finding.severity)
}

/// A place as a URI; a place that is no URL stands as a name, under the URI of the site.
fn location(proof: &ProofView, view: &View) -> Value {
    let url = url::Url::parse(&proof.place).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let uri = url.as_ref().map_or_else(|| format!("https://{}/", uri_part(&view.host)), ToString::to_string);
    json!({
        "physicalLocation": { "artifactLocation": { "uri": uri } },
        "logicalLocations": [{ "fullyQualifiedName": proof.place, "kind": "resource" }],
        "message": { "text": proof.seen },
    })
}

fn notifications(view: &View) -> Vec<Value> {
    view.gaps
        .iter()
        .map(|gap| json!({ "level": "note", "message": { "text": format!("{}: {}", gap.what, gap.why) } }))
        .collect()
}

fn properties(report: &Report, view: &View) -> Value {
    json!({
        "host": view.host,
        "grade": view.grade.letter,
        "score": report.grade.score,
        "shields": view.shields.iter().map(|shield| (shield.id, shield.colour))
            .collect::<std::collections::BTreeMap<_, _>>(),
    })
}

/// `2026-11-24T12:00:00Z`.
fn timestamp(report: &Report) -> String {
    let seconds = report.at.0.rem_euclid(86_400_000) / 1000;
    format!("{}T{:02}:{:02}:{:02}Z", report.at.date(), seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
        Severity::Info => "none",
    }
}

/// A number like a CVSS base score, by which dashboards sort.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}

/// Letters, digits, dots, dashes and colons of a host; anything else becomes a dash.
fn uri_part(host: &str) -> String {
    host.chars()
        .map(|char| if char.is_ascii_alphanumeric() || ".-:[]".contains(char) { char } else { '-' })
        .collect()
}

/// FNV-1a of the parts: names the same finding in two runs, no security property.
fn fingerprint(parts: &[&str]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}
