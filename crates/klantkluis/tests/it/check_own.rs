//! The vault's own server under its own audit: nothing to mend, with plain HTTP open or closed, and while HSTS grows.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Engine, Vault};
use crate::shops::findings;

/// Audits a vault's own server with the real program; `more` goes behind the domain.
#[track_caller]
fn audit(vault: &Vault, more: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .args(["--lang", "en", "check", "localhost", "--resolve", "localhost:127.0.0.1", "--port"])
        .arg(vault.port().to_string())
        .args(["--http-port", &vault.http_port().to_string(), "--ca"])
        .arg(vault.data().join("tls/ca.pem"))
        .args(more)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.is_empty(), "{stderr}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// A running vault whose settings were changed.
fn running(from: &str, to: &str) -> Vault {
    let mut vault = Vault::new(Engine::Sqlite);
    let settings = fs::read_to_string(vault.settings()).unwrap();
    assert!(settings.contains(from), "{settings}");
    fs::write(vault.settings(), settings.replace(from, to)).unwrap();
    vault.start();
    vault
}

/// The report of a server that has nothing to mend.
#[track_caller]
fn flawless(vault: &Vault) -> Value {
    let (code, stdout) = audit(vault, &["--json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let problems: Vec<_> = findings(&report).into_iter().filter(|(_, severity)| severity != "info").collect();
    assert_eq!((problems, code), (vec![], Some(0)), "{stdout}");
    let shields = report["shields"].as_array().unwrap();
    assert_eq!(shields.len(), 3);
    assert!(shields.iter().all(|shield| shield["colour"] == "green"), "{shields:?}");
    let letter = report["grade"]["letter"].as_str().unwrap();
    assert!(["A", "A+"].contains(&letter), "{letter}: {stdout}");
    // There is no DNS here, so nothing is known about its mail.
    let gaps = report["gaps"].as_array().unwrap();
    assert!(gaps.iter().all(|gap| gap["what"] == "mail"), "{gaps:?}");
    report
}

#[test]
fn the_vault_has_nothing_to_mend_by_its_own_audit() {
    let contact = "[https]\nsecurity_contact = \"mailto:veilig@winkel.example\"";
    let report = flawless(&running("[https]", contact));
    let passed = report["passed"].as_array().unwrap();
    for rule in ["no-redirect", "hsts-missing", "csp-missing", "tls11", "pq-missing", "cert-hostname"] {
        assert!(passed.iter().any(|id| id == rule), "{rule}: {passed:?}");
    }
}

#[test]
fn a_vault_without_plain_http_has_nothing_to_mend() {
    let contact = "security_contact = \"mailto:veilig@winkel.example\"";
    let vault = running("[http]\n", &format!("{contact}\n[http]\nredirect = false\n"));
    assert!(std::net::TcpStream::connect(("127.0.0.1", vault.http_port())).is_err(), "it is closed");
    flawless(&vault);
}

#[test]
fn while_hsts_grows_the_audit_says_so_and_nothing_else() {
    let contact = "hsts_ramp = true\nsecurity_contact = \"mailto:veilig@winkel.example\"";
    let vault = running("hsts_ramp = false", contact);
    let (code, stdout) = audit(&vault, &["--json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let mut problems = findings(&report);
    problems.retain(|(_, severity)| severity != "info");
    assert_eq!((problems.len(), code), (1, Some(1)), "{problems:?}");
    assert_eq!(problems[0].0, "hsts-short");
    let (_, terminal) = audit(&vault, &[]);
    assert!(terminal.contains("max-age=300"), "{terminal}");
}
