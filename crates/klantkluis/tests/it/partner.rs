//! Client certificates of partners, with curl and openssl as clients: the credential and the certificate, never one alone.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Engine, Vault};
use crate::pebble::until;

/// A connector's credential: its id and its secret.
fn connector(vault: &Vault, name: &str) -> (String, String) {
    let made = vault.cli_json(
        &["credential", "create", name, "--operations", "create,read,purpose_read", "--purposes", "order"],
        "",
    );
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// Asks with curl: the status and the body.
fn ask(vault: &Vault, secret: Option<&str>, certificate: Option<(&Path, &str)>) -> (String, String) {
    let url = format!("https://localhost:{}/v1/purposes", vault.port());
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-w", "\n%{http_code}", "--resolve", &format!("localhost:{}:127.0.0.1", vault.port())]);
    curl.arg("--cacert").arg(vault.data().join("tls/ca.pem"));
    if let Some((folder, name)) = certificate {
        curl.arg("--cert").arg(folder.join(format!("{name}.pem")));
        curl.arg("--key").arg(folder.join(format!("{name}-key.pem")));
    }
    // The secret goes by a file of settings, as it should anywhere.
    let settings = tempfile::NamedTempFile::new().unwrap();
    if let Some(secret) = secret {
        std::fs::write(settings.path(), format!("header = \"authorization: Bearer {secret}\"\n")).unwrap();
    }
    let output = curl.arg("-K").arg(settings.path()).arg(&url).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

/// What openssl says about a handshake.
fn handshake(vault: &Vault) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{}", vault.port()), "-servername", "localhost"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_partner_needs_its_credential_and_its_certificate() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let out = tempfile::tempdir().unwrap();
    let ((id, secret), (other_id, other_secret)) =
        (connector(&vault, "boekhouder"), connector(&vault, "drukker"));
    assert_eq!(ask(&vault, Some(&secret), None).0, "200");
    assert!(handshake(&vault).contains("No client certificate CA names sent"));
    let folder = out.path().display().to_string();
    let made = vault.cli_json(&["partner", "add", "boekhouder", "--credential", &id, "--out", &folder], "");
    assert_eq!(made["files"].as_array().unwrap().len(), 3);
    vault.cli(&["partner", "add", "drukker", "--credential", &other_id, "--out", &folder], "");
    let own = Some((out.path(), "boekhouder"));
    until("the running server asks for it", || ask(&vault, Some(&secret), own).0 == "200");
    until("the secret alone opens nothing", || ask(&vault, Some(&secret), None).0 == "401");
    let (_, body) = ask(&vault, Some(&secret), None);
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["type"], "urn:klantkluis:problem:certificate-needed");
    assert_eq!(ask(&vault, None, own).0, "401", "the certificate alone opens nothing");
    assert_eq!(ask(&vault, Some(&secret), Some((out.path(), "drukker"))).0, "401", "another partner's");
    assert_eq!(ask(&vault, Some(&other_secret), Some((out.path(), "drukker"))).0, "200");
    assert_eq!(ask(&vault, Some(&vault.secret()), None).0, "200", "who is not bound needs none");
    let asked = handshake(&vault);
    assert!(asked.contains("Klantkluis partners"), "{asked}");
    let denied = vault.cli_json(&["audit", "list", "--actor", &id, "--operation", "sign_in"], "");
    assert!(denied.to_string().contains("certificate_needed"), "{denied}");
    check_renewal_and_end(&vault, &id, &secret, out.path());
    assert_eq!(ask(&vault, Some(&other_secret), Some((out.path(), "drukker"))).0, "200");
    vault.cli(&["verify"], "");
}

/// The old certificate works beside the new one; after the revocation neither does.
fn check_renewal_and_end(vault: &Vault, id: &str, secret: &str, old: &Path) {
    let new = tempfile::tempdir().unwrap();
    let folder = new.path().display().to_string();
    vault.cli(&["partner", "renew", "boekhouder", "--out", &folder, "--days", "30"], "");
    let both = [old, new.path()].map(|folder| Some((folder, "boekhouder")));
    for certificate in both {
        until("old and new work", || ask(vault, Some(secret), certificate).0 == "200");
    }
    let listed = vault.cli(&["partner", "list"], "");
    assert_eq!(listed.matches("works").count(), 3, "{listed}");
    let refused = vault.run(&["partner", "add", "boekhouder", "--credential", id, "--out", &folder], "");
    assert!(!refused.status.success(), "the name is taken");
    vault.cli(&["partner", "revoke", "boekhouder"], "");
    for certificate in both {
        until("neither works", || ask(vault, Some(secret), certificate).0 == "401");
    }
    let listed = vault.cli(&["partner", "list"], "");
    assert_eq!(listed.matches("revoked").count(), 2, "{listed}");
}

#[test]
fn what_is_no_partner_is_refused_with_a_reason() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().display().to_string();
    let (id, secret) = connector(&vault, "boekhouder");
    let credentials = vault.cli_json(&["credential", "list"], "");
    let owner = credentials.as_array().unwrap().iter().find(|one| one["kind"] == "staff").unwrap();
    let owner = owner["id"].as_str().unwrap().to_owned();
    let unknown = "00000000-0000-7000-8000-000000000000".to_owned();
    let cases = [
        ("../x", &id, "letters"),
        ("persoon", &owner, "connector"),
        ("niemand", &unknown, "Not found"),
        ("iemand", &"nonsense".to_owned(), "id"),
    ];
    for (name, credential, says) in cases {
        let output = vault.run(&["partner", "add", name, "--credential", credential, "--out", &folder], "");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && stderr.contains(says), "{name}: {stderr}");
    }
    for words in [["partner", "revoke", "niemand"], ["partner", "list", "x"]] {
        assert_eq!(vault.run(&words, "").status.code(), Some(2));
    }
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "nothing was written");
    assert_eq!(ask(&vault, Some(&secret), None).0, "200", "and nothing was bound");
}
