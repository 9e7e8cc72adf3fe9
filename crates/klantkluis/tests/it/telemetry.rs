//! What the vault tells about itself, metrics and the server's log, holds nobody's data and no secret.

use std::fs;
use std::io::{Read, Write};

use serde_json::json;

use crate::harness::{Engine, Vault, customer};

/// What may stand in neither: values of the invented customers, their ids, and every secret that was made.
fn canaries(vault: &Vault, ids: &[String], secrets: &[String]) -> Vec<String> {
    let mut words = vec![vault.secret(), "192.0.2.77".into(), "kanariegeel".into(), "zonnebloem".into()];
    words.extend(
        ["voorbeeld.example", "wijkdorp", "1234ab", "0610000", "316100000", "sanne"].map(str::to_owned),
    );
    words.extend(secrets.iter().cloned());
    words.extend(ids.iter().cloned());
    words
}

fn found(text: &str, words: &[String]) -> Vec<String> {
    let lower = text.to_lowercase();
    words.iter().filter(|word| lower.contains(&word.to_lowercase())).cloned().collect()
}

/// Everything that a busy day and an attacker bring, right and wrong. Gives the ids and secrets that were made.
fn a_full_day(vault: &Vault) -> (Vec<String>, Vec<String>) {
    let client = vault.client();
    let ids: Vec<String> = (1..4).map(|number| vault.create(number)).collect();
    let id = &ids[0];
    let lookup = json!({"field": "email", "value": "klant1@voorbeeld.example", "purpose": "order", "fields": ["email"]});
    client.post("/v1/subjects/lookup", &lookup).expect(200);
    client.post("/v1/subjects/search", &json!({"text": "kanariegeel", "purpose": "order"})).expect(200);
    client.post("/v1/subjects", &customer(1)).expect(409);
    client
        .post("/v1/subjects", &json!({"fields": {"email": "sanne@voorbeeld", "phone": "0610000"}}))
        .expect(422);
    client.ask("POST", "/v1/subjects", &[], b"{\"fields\":{\"city\":\"Wijkdorp\"").expect(400);
    client.get(&format!("/v1/subjects/{id}?purpose=newsletter&fields=email")).expect(403);
    // Somebody who puts personal data and secrets where they do not belong.
    client.get("/v1/subjects/klant1@voorbeeld.example?purpose=order");
    client.get("/console/klant1@voorbeeld.example?q=Kanariegeel");
    client.with_bearer(Some("klant1@voorbeeld.example")).get("/v1/status").expect(401);
    let consent = json!({"purpose": "newsletter", "given": true, "source": "form", "text_version": "1",
        "proof": {"ip": "192.0.2.77"}});
    client.post(&format!("/v1/subjects/{id}/consents"), &consent).expect(201);
    client.get(&format!("/v1/subjects/{id}/access")).expect(200);
    let token =
        client.post(&format!("/v1/subjects/{id}/tokens"), &json!({"field": "phone", "destination": "post"}));
    let token = token.expect(201).json()["token"].as_str().unwrap().to_owned();
    client.post("/v1/tokens/resolve", &json!({"token": token, "purpose": "order"})).expect(200);
    let lines = format!("{}\n{}\nnonsense Kanariegeel\n", customer(50), customer(1));
    client.ask("POST", "/v1/subjects/bulk", &[("content-type", "application/x-ndjson")], lines.as_bytes());
    let made = vault.cli_json(&["credential", "create", "kassa", "--role", "support"], "");
    let secret = made["secret"].as_str().unwrap().to_owned();
    client.with_bearer(Some(&secret)).get(&format!("/v1/subjects/{id}?purpose=order")).expect(200);
    vault.cli(&["credential", "revoke", made["id"].as_str().unwrap()], "");
    client.ask("DELETE", &format!("/v1/subjects/{}", ids[2]), &[], b"").expect(200);
    (ids, vec![token, secret])
}

/// The settings with everything told that can be told.
fn talkative(vault: &Vault) {
    let settings = fs::read_to_string(vault.settings()).unwrap();
    fs::write(vault.settings(), format!("{settings}\n[log]\nlevel = \"trace\"\n")).unwrap();
}

#[test]
fn metrics_count_and_name_nobody() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let (ids, secrets) = a_full_day(&vault);
    vault.client().with_bearer(None).get("/metrics").expect(401);
    let answer = vault.client().get("/metrics").expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    let named = found(&text, &canaries(&vault, &ids, &secrets));
    assert!(named.is_empty(), "{named:?}\n{text}");
    let mut families = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            families.push(rest.split(' ').next().unwrap().to_owned());
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            let family = name.split('{').next().unwrap();
            assert!(families.iter().any(|known| known == family), "{line} has no TYPE before it");
        }
    }
    let value = |name: &str| {
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("{name}\n{text}")).rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    assert_eq!((value("kluis_subjects"), value("kluis_erased"), value("kluis_sealed")), (3.0, 1.0, 0.0));
    assert!(value("kluis_audit_leaves") > 15.0);
    assert!(value("kluis_certificate_not_after_seconds") > 1.7e9);
    assert!(value("kluis_operations_total{operation=\"create\",outcome=\"ok\"}") >= 3.0, "{text}");
    assert!(value("kluis_http_answers_total{class=\"4xx\"}") >= 5.0, "{text}");
}

#[test]
fn the_log_of_a_talkative_server_names_nobody_and_no_secret() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut vault = Vault::new(engine);
        talkative(&vault);
        vault.start();
        let (ids, secrets) = a_full_day(&vault);
        // Somebody who does not speak TLS, which is worth a line.
        let mut stranger = std::net::TcpStream::connect(("127.0.0.1", vault.port())).unwrap();
        stranger.write_all(b"GET /klant1@voorbeeld.example HTTP/1.1\r\n\r\n").unwrap();
        stranger.read_to_end(&mut Vec::new()).unwrap_or_default();
        vault.stop();
        vault.start();
        vault.stop();
        let log = fs::read_to_string(vault.log_file()).unwrap();
        assert!(log.contains("TRACE") || log.contains("DEBUG"), "it says much: {log:.500}");
        // An id is random and names nobody by itself; an error about one may have it.
        let words = canaries(&vault, &[], &secrets);
        let lines: Vec<_> = log.lines().filter(|line| !found(line, &words).is_empty()).collect();
        assert!(lines.is_empty(), "{engine:?}: {}", lines.join("\n"));
        let root_key: String = fs::read(vault.data().join("root.key"))
            .unwrap()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(!log.contains(&root_key));
        assert!(!ids.is_empty());
    }
}

#[test]
fn the_canaries_would_be_found() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let words = canaries(&vault, &["01a20f78-df63-710c-85a5-e9fe5e6c67e4".into()], &["kkt_x".into()]);
    assert!(found("kluis_subjects 3", &words).is_empty());
    for leak in ["{actor=\"Klant3@Voorbeeld.example\"}", "WIJKDORP", "Bearer kkt_x", &vault.secret()] {
        assert_eq!(found(leak, &words).len(), 1, "{leak}");
    }
}
