//! The scenario of a shop's first day: import, find, read for two purposes, withdraw, erase, verify, back up, restore.

use std::fs;
use std::io::BufWriter;

use kluis_connect::demo::{Demo, Flavour};
use kluis_model::TimeMs;
use serde_json::{Value, json};

use crate::harness::{Engine, Vault, customer, on_both};

/// The moment that the generated exports are made at.
const NOW: TimeMs = TimeMs(1_795_000_000_000);

fn write_export(vault: &Vault, rows: u64) -> String {
    let path = vault.folder.path().join("klanten.csv");
    let file = BufWriter::new(fs::File::create(&path).unwrap());
    Demo::new(11, NOW).write_csv(Flavour::WooCommerce, rows, file).unwrap();
    path.display().to_string()
}

#[test]
fn first_day_of_a_shop() {
    on_both(|vault| {
        let export = write_export(vault, 300);
        let dry = vault.cli_json(&["import", &export, "--dry-run"], "");
        assert_eq!(dry["records"], 300, "{dry}");
        assert_eq!(vault.cli_json(&["status"], "")["subjects"], 0, "a dry run writes nothing");
        let report = vault.cli_json(&["import", &export, "--yes"], "");
        assert_eq!(report["created"], 300, "{report}");
        let again = vault.cli_json(&["import", &export, "--yes"], "");
        assert_eq!((&again["created"], &again["unchanged"]), (&json!(0), &json!(300)), "{again}");

        let first = Demo::new(11, NOW).customer(0);
        let email = first.email.expose().clone();
        let found =
            vault.cli_json(&["subject", "find", "--purpose", "customer_service", "--by", "email"], &email);
        let id = found[0]["id"].as_str().unwrap().to_owned();
        reads_stay_within_their_purpose(vault, &id, &email);
        erased_is_gone(vault, &id, &email);

        let verified = vault.cli_json(&["verify"], "");
        assert_eq!(verified["findings"], json!([]), "{verified}");
        backup_brings_back_all_but_the_erased(vault, &id);
    });
}

fn reads_stay_within_their_purpose(vault: &Vault, id: &str, email: &str) {
    let client = vault.client();
    let order =
        client.get(&format!("/v1/subjects/{id}?purpose=order&fields=email,surname")).expect(200).json();
    assert_eq!(order["fields"]["email"], *email);
    let refused = client.get(&format!("/v1/subjects/{id}?purpose=newsletter&fields=email"));
    refused.expect(403);
    let consent =
        json!({"purpose": "newsletter", "given": true, "source": "form", "text_version": "2026-01"});
    client.post(&format!("/v1/subjects/{id}/consents"), &consent).expect(201);
    client.get(&format!("/v1/subjects/{id}?purpose=newsletter&fields=email")).expect(200);
    let withdrawn = json!({"purpose": "newsletter", "given": false, "source": "telephone"});
    client.post(&format!("/v1/subjects/{id}/consents"), &withdrawn).expect(201);
    client.get(&format!("/v1/subjects/{id}?purpose=newsletter&fields=email")).expect(403);
    let trail = client.get(&format!("/v1/subjects/{id}/audit")).expect(200).json();
    let entries = trail["entries"].as_array().unwrap();
    let denied = entries.iter().filter(|e| e["outcome"] == "denied").count();
    assert_eq!(denied, 2, "each refusal is on the record: {trail}");
}

fn erased_is_gone(vault: &Vault, id: &str, email: &str) {
    let receipt = vault.cli(&["subject", "erase", id, "--yes"], "");
    assert!(receipt.contains(id), "{receipt}");
    let client = vault.client();
    let lookup = json!({"field": "email", "value": email, "purpose": "order", "fields": ["email"]});
    let matches = client.post("/v1/subjects/lookup", &lookup).expect(200).json();
    assert_eq!(matches["matches"], json!([]));
    let again = client.get(&format!("/v1/subjects/{id}/receipt")).expect(200).json();
    assert_eq!(
        again["receipt"].as_str().unwrap().trim_end(),
        receipt.trim_end(),
        "the receipt can be had again"
    );
}

fn backup_brings_back_all_but_the_erased(vault: &mut Vault, erased: &str) {
    let kept = vault.create(1);
    let gone = vault.create(2);
    let backup = vault.folder.path().join("vault.age").display().to_string();
    vault.cli(&["backup", &backup], "");
    vault.cli(&["subject", "erase", &gone, "--yes"], "");
    vault.stop();
    vault.lose_database();
    vault.cli(&["restore", &backup], "");
    vault.start();
    let client = vault.client();
    client.get(&format!("/v1/subjects/{kept}?purpose=order&fields=email")).expect(200);
    for id in [erased, &gone] {
        let answer = client.get(&format!("/v1/subjects/{id}?purpose=order&fields=email"));
        assert!([403, 404, 410].contains(&answer.status), "{}", answer.text());
    }
    let verified = vault.cli_json(&["verify"], "");
    assert_eq!(verified["findings"], json!([]), "{verified}");
}

#[test]
fn a_vault_moves_between_the_engines_without_loss() {
    let mut from = Vault::new(Engine::Sqlite);
    from.start();
    let ids: Vec<String> = (0..20).map(|n| from.create(n)).collect();
    let to = Vault::new(Engine::Postgres);
    let url = to.postgres.as_ref().unwrap().database_url("kluis");
    from.stop();
    from.cli(&["store", "copy", "--to", &url], "");
    let mut moved = from.on_database_of(to);
    moved.start();
    for (number, id) in ids.iter().enumerate() {
        let path = format!("/v1/subjects/{id}?purpose=order&fields=email,city");
        let fields = moved.client().get(&path).expect(200).json();
        assert_eq!(fields["fields"]["email"], format!("klant{number}@voorbeeld.example"));
    }
    assert_eq!(moved.cli_json(&["verify"], "")["findings"], json!([]));
}

#[test]
fn a_stale_version_is_refused_and_nothing_is_lost() {
    on_both(|vault| {
        let id = vault.create(1);
        let client = vault.client();
        let path = format!("/v1/subjects/{id}");
        let patch = |etag: &str, city: &str| {
            let body = json!({"fields": {"city": city}}).to_string();
            client.ask("PATCH", &path, &[("if-match", etag)], body.as_bytes())
        };
        let read = client.get(&format!("{path}?purpose=order&fields=city")).expect(200);
        let etag = read.header("etag").unwrap().to_owned();
        patch(&etag, "Nieuwdorp").expect(200);
        patch(&etag, "Ouddorp").expect(412);
        client.ask("PATCH", &path, &[], br#"{"fields":{"city":"Ouddorp"}}"#).expect(428);
        let city = client.get(&format!("{path}?purpose=order&fields=city")).expect(200).json();
        assert_eq!(city["fields"]["city"], "Nieuwdorp");
    });
}

#[test]
fn a_create_is_answered_once_under_its_idempotency_key() {
    on_both(|vault| {
        let client = vault.client();
        let body = customer(5).to_string();
        let key = [("idempotency-key", "bestelling-2026-0001")];
        let first = client.ask("POST", "/v1/subjects", &key, body.as_bytes()).expect(201).json();
        let second = client.ask("POST", "/v1/subjects", &key, body.as_bytes()).expect(201).json();
        assert_eq!(first["id"], second["id"]);
        let other = customer(6).to_string();
        let reused = client.ask("POST", "/v1/subjects", &key, other.as_bytes());
        assert!([409, 422].contains(&reused.status), "{}", reused.text());
    });
}

#[test]
fn two_nodes_over_one_postgresql_serve_the_same_vault() {
    let mut vault = Vault::new(Engine::Postgres);
    vault.start();
    let second = vault.start_second_node();
    let ids: Vec<String> = (0..10)
        .map(|n| {
            let client = if n % 2 == 0 { vault.client() } else { second.client.clone() };
            client.post("/v1/subjects", &customer(n)).expect(201).json()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    for id in &ids {
        let path = format!("/v1/subjects/{id}?purpose=order&fields=email");
        vault.client().get(&path).expect(200);
        second.client.get(&path).expect(200);
    }
    second.client.post("/v1/subjects", &customer(3)).expect(409);
    let logs = vault.client().get("/v1/logs").expect(200).json();
    assert_eq!(logs["logs"].as_array().unwrap().len(), 2, "each node has its own log: {logs}");
    drop(second);
    let verified: Value = vault.cli_json(&["verify"], "");
    assert_eq!(verified["findings"], json!([]), "{verified}");
}
