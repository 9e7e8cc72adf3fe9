//! The rows of the threat table that need a thief at work: tampering, an old backup, a leaked connector credential.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Engine, Vault, on_both};

/// Runs SQL against the stopped vault's own database, as a thief with write access would.
fn tamper(vault: &Vault, sqlite: &str, postgres: &str) {
    match &vault.postgres {
        None => {
            let database = rusqlite::Connection::open(vault.data().join("data.db")).unwrap();
            let changed = database.execute(sqlite, []).unwrap();
            assert!(changed > 0, "nothing was changed by: {sqlite}");
        }
        Some(cluster) => {
            let output = Command::new("psql")
                .args([&cluster.database_url("kluis"), "-qAtc", postgres])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[track_caller]
fn findings(vault: &Vault) -> Vec<Value> {
    let output = vault.run(&["--json", "verify"], "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().clone();
    assert_eq!(
        output.status.code(),
        Some(i32::from(!findings.is_empty())),
        "the exit code says whether all is well"
    );
    findings
}

#[test]
fn a_changed_database_is_found_by_verify() {
    let attacks = [
        "delete from subject where id = (select min(id) from subject)",
        "update subject set updated = updated + 1 where id = (select min(id) from subject)",
        "update subject set cells = (select cells from subject order by id desc limit 1) where id = (select min(id) from subject)",
        "delete from leaf where place = (select place from leaf order by place limit 1 offset 2)",
        "delete from leaf where place = (select max(place) from leaf)",
        "delete from unique_term where subject = (select min(id) from subject)",
    ];
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for attack in attacks {
            let mut vault = Vault::new(engine);
            vault.start();
            for number in 0..3 {
                vault.create(number);
            }
            vault.stop();
            assert_eq!(findings(&vault), [] as [Value; 0], "before the attack");
            // PostgreSQL has no min() over bytea before version 18.
            let postgres = attack
                .replace("(select min(id) from subject)", "(select id from subject order by id limit 1)");
            tamper(&vault, attack, &postgres);
            assert!(!findings(&vault).is_empty(), "{engine:?}: not found: {attack}");
        }
    }
}

#[test]
fn a_database_put_back_to_yesterday_is_found_by_verify() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    vault.create(1);
    vault.stop();
    let yesterday = vault.folder.path().join("yesterday");
    fs::create_dir(&yesterday).unwrap();
    for name in ["data.db", "keys.db"] {
        fs::copy(vault.data().join(name), yesterday.join(name)).unwrap();
    }
    vault.start();
    vault.create(2);
    vault.stop();
    for name in ["data.db", "keys.db"] {
        for suffix in ["-wal", "-shm"] {
            // Gone after a clean stop, mostly.
            let _ = fs::remove_file(vault.data().join(format!("{name}{suffix}")));
        }
        fs::copy(yesterday.join(name), vault.data().join(name)).unwrap();
    }
    assert!(!findings(&vault).is_empty(), "the checkpoint file knows a longer log");
}

#[test]
fn an_old_backup_does_not_bring_back_the_erased() {
    on_both(|vault| {
        let kept = vault.create(1);
        let erased = vault.create(2);
        let backup = vault.folder.path().join("old.age").display().to_string();
        vault.cli(&["backup", &backup], "");
        vault.cli(&["subject", "erase", &erased, "--yes"], "");
        vault.cli(&["key", "epoch"], "");
        vault.stop();
        // The thief has the old backup and today's keyring with its key, but not the list of erasures.
        for entry in fs::read_dir(vault.data().join("keyring")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == "erasures") {
                fs::remove_file(path).unwrap();
            }
        }
        vault.lose_database();
        // A restore may refuse such a backup or bring back what can still be read; the erased must stay unreadable.
        let output = vault.run(&["restore", &backup], "");
        if output.status.success() {
            vault.start();
            let client = vault.client();
            let path = format!("/v1/subjects/{erased}?purpose=order&fields=email");
            let answer = client.get(&path);
            assert_ne!(answer.status, 200, "{}", answer.text());
            assert!(!answer.text().contains("voorbeeld.example"));
            let other = client.get(&format!("/v1/subjects/{kept}?purpose=order&fields=email"));
            assert!(!other.text().contains("klant2@"), "{}", other.text());
        }
    });
}

#[test]
fn a_connector_gets_its_purposes_fields_masks_and_budget_only() {
    on_both(|vault| {
        let ids: Vec<String> = (0..4).map(|number| vault.create(number)).collect();
        let words = [
            "credential",
            "create",
            "pakketdienst",
            "--operations",
            "read,create",
            "--purposes",
            "order",
            "--fields",
            "surname,postcode,phone",
            "--masks",
            "phone=last_four",
            "--subjects-per-day",
            "3",
        ];
        let made = vault.cli_json(&words, "");
        let connector = vault.client().with_bearer(Some(made["secret"].as_str().unwrap()));
        let path = |id: &str, purpose: &str, fields: &str| {
            format!("/v1/subjects/{id}?purpose={purpose}&fields={fields}")
        };
        let read = connector.get(&path(&ids[0], "order", "surname,phone")).expect(200).json();
        assert_eq!(read["fields"]["surname"], "Kanariegeel0");
        let phone = read["fields"]["phone"].as_str().unwrap();
        assert!(phone.ends_with("0000") && !phone.contains("3161000"), "masked: {phone}");
        connector.get(&path(&ids[0], "order", "email")).expect(403);
        connector.get(&path(&ids[0], "customer_service", "surname")).expect(403);
        connector.ask("DELETE", &format!("/v1/subjects/{}", ids[0]), &[], b"").expect(403);
        connector.get("/v1/audit").expect(403);
        for id in &ids[1..3] {
            connector.get(&path(id, "order", "surname")).expect(200);
        }
        connector.get(&path(&ids[0], "order", "surname")).expect(200);
        let over = connector.get(&path(&ids[3], "order", "surname")).expect(429);
        assert!(over.header("retry-after").is_some());
        let own = vault
            .client()
            .get(&format!("/v1/audit?actor={}", made["id"].as_str().unwrap()))
            .expect(200)
            .json();
        let denied =
            own["entries"].as_array().unwrap().iter().filter(|entry| entry["outcome"] == "denied").count();
        assert!(denied >= 5, "each refusal is on the record: {own}");
        vault.cli(&["credential", "revoke", made["id"].as_str().unwrap()], "");
        let begun = Instant::now();
        while connector.get(&path(&ids[0], "order", "surname")).status != 401 {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "a revoked credential stops working within seconds"
            );
        }
    });
}

#[test]
fn shares_issued_anew_make_the_old_ones_worthless() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let id = vault.create(1);
    vault.stop();
    let folder = |name: &str| vault.folder.path().join(name).display().to_string();
    vault.cli(&["key", "shares", "-k", "2", "-n", "3", "--folder", &folder("old")], "");
    vault.cli(&["key", "shares", "-k", "2", "-n", "3", "--folder", &folder("new")], "");
    let settings = fs::read_to_string(vault.folder.path().join("node1.toml")).unwrap();
    let by_shares = settings.replace("[https]", "unseal = \"shares\"\n[https]");
    fs::write(vault.folder.path().join("node1.toml"), by_shares).unwrap();
    let two_shares = |name: &str| {
        let mut files: Vec<_> =
            fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert_eq!(files.len(), 3);
        files[..2]
            .iter()
            .map(|file| fs::read_to_string(file).unwrap().trim().to_owned() + "\n")
            .collect::<String>()
    };
    let show = ["subject", "show", &id, "--purpose", "order"];
    let refused = vault.run(&show, &two_shares("old"));
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    let opened = vault.run(&show, &two_shares("new"));
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
}
