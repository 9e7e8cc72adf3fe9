//! Keys change under a running server: nobody is lost, nobody is found twice, and nothing has to be restarted.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::harness::{Engine, Vault, customer};

/// Longest wait for something that takes seconds.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < WAIT_MAX, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn running(engine: Engine, customers: u32) -> (Vault, Vec<String>) {
    let mut vault = Vault::new(engine);
    vault.start();
    let ids = (0..customers).map(|number| vault.create(number)).collect();
    (vault, ids)
}

/// The customer with this number, found by e-mail address; exactly one.
#[track_caller]
fn found(client: &Client, number: u32) -> String {
    let email = format!("klant{number}@voorbeeld.example");
    let asked = json!({"field": "email", "value": email, "purpose": "order", "fields": ["email", "city"]});
    let answer = client.post("/v1/subjects/lookup", &asked).expect(200).json();
    let matches = answer["matches"].as_array().unwrap();
    assert_eq!(matches.len(), 1, "klant{number}: {answer}");
    assert_eq!(matches[0]["fields"]["email"], email);
    matches[0]["id"].as_str().unwrap().to_owned()
}

fn index_versions(vault: &Vault) -> Vec<u64> {
    let list = vault.cli_json(&["key", "list"], "");
    list["index_versions"].as_array().unwrap().iter().map(|version| version.as_u64().unwrap()).collect()
}

/// Shoppers come and go while the work is done; every answer must be right. Gives how many were created.
fn under_load(vault: &Vault, ids: &[String], work: impl FnOnce()) -> u32 {
    let (is_done, next) = (AtomicBool::new(false), AtomicU32::new(1_000));
    let known = u32::try_from(ids.len()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let client = vault.client();
            while !is_done.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let made = client.post("/v1/subjects", &customer(number)).expect(201).json();
                client.post("/v1/subjects", &customer(number)).expect(409);
                assert_eq!(found(&client, number), made["id"].as_str().unwrap());
                let old = number % known;
                assert_eq!(found(&client, old), ids[old as usize]);
                client.post("/v1/subjects", &customer(old)).expect(409);
                let path = format!("/v1/subjects/{}?purpose=order&fields=surname", ids[old as usize]);
                let read = client.get(&path).expect(200).json();
                assert_eq!(read["fields"]["surname"], format!("Kanariegeel{old}"));
            }
        });
        work();
        is_done.store(true, Ordering::Relaxed);
    });
    next.load(Ordering::Relaxed) - 1_000
}

/// Everybody is found by address and by name, and verify has nothing to say.
#[track_caller]
fn all_is_well(vault: &Vault, ids: &[String], created: u32) {
    let client = vault.client();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(found(&client, u32::try_from(number).unwrap()), *id);
    }
    for number in 1_000..1_000 + created {
        found(&client, number);
    }
    let findings = vault.cli_json(&["verify"], "")["findings"].clone();
    assert_eq!(findings, json!([]));
}

#[test]
fn while_the_index_key_rotates_everybody_is_found_once() {
    let (vault, ids) = running(Engine::Sqlite, 30);
    let created = under_load(&vault, &ids, || {
        std::thread::scope(|scope| {
            let rotation = scope.spawn(|| vault.cli_json(&["key", "rotate", "index"], ""));
            wait_until("two versions live at once", || index_versions(&vault) == [1, 2]);
            assert!(!rotation.is_finished());
            assert_eq!(found(&vault.client(), 3), ids[3]);
            assert_eq!(
                vault.cli_json(
                    &["subject", "find", "--purpose", "order", "--by", "email"],
                    "klant3@voorbeeld.example\n"
                )[0]["id"],
                ids[3]
            );
            assert_eq!(rotation.join().unwrap()["rotated"], "index");
        });
    });
    assert!(created > 5, "{created}");
    assert_eq!(index_versions(&vault), [2]);
    all_is_well(&vault, &ids, created);
}

#[test]
fn a_rotation_of_the_index_key_that_was_killed_goes_on() {
    let (vault, ids) = running(Engine::Sqlite, 5);
    let mut rotation: Child = vault.spawn(&["key", "rotate", "index"]);
    wait_until("two versions live at once", || index_versions(&vault) == [1, 2]);
    rotation.kill().unwrap();
    rotation.wait().unwrap();
    all_is_well(&vault, &ids, 0);
    vault.cli(&["key", "rotate", "index"], "");
    assert_eq!(index_versions(&vault), [2]);
    all_is_well(&vault, &ids, 0);
}

#[test]
fn a_new_epoch_under_a_running_server_loses_nobody() {
    let (vault, ids) = running(Engine::Postgres, 30);
    let created = under_load(&vault, &ids, || {
        let words = vault.cli(&["key", "epoch"], "");
        assert!(words.contains('2'), "{words}");
    });
    assert!(created > 5, "{created}");
    let epochs = vault.cli_json(&["key", "list"], "")["epochs"].clone();
    let destroyed: Vec<_> = epochs.as_array().unwrap().iter().map(|e| !e["destroyed"].is_null()).collect();
    assert_eq!(destroyed, [true, false], "{epochs}");
    all_is_well(&vault, &ids, created);
}

#[test]
fn after_a_new_root_key_a_running_server_follows_the_next_changes() {
    let (mut vault, ids) = running(Engine::Sqlite, 5);
    let old_key = fs::read(vault.data().join("root.key")).unwrap();
    let created = under_load(&vault, &ids, || {
        vault.cli(&["key", "rotate", "root"], "");
        // Needs a server that knows the new root key: it could not read what is wrapped anew.
        vault.cli(&["key", "epoch"], "");
    });
    assert!(created > 5, "{created}");
    assert_ne!(fs::read(vault.data().join("root.key")).unwrap(), old_key);
    assert!(!vault.data().join("root.new").exists());
    all_is_well(&vault, &ids, created);
    let attention = vault.client().get("/v1/status").expect(200).json()["attention"].clone();
    assert!(!attention.to_string().contains("other_root"), "{attention}");

    vault.stop();
    vault.start();
    all_is_well(&vault, &ids, created);
    vault.stop();
    the_old_root_key_opens_nothing(&vault, &old_key, &ids[0]);
}

fn the_old_root_key_opens_nothing(vault: &Vault, old_key: &[u8], id: &str) {
    let key_file = vault.data().join("root.key");
    let new_key = fs::read(&key_file).unwrap();
    let put = |key: &[u8], mode: u32| {
        fs::remove_file(&key_file).unwrap();
        fs::write(&key_file, key).unwrap();
        fs::set_permissions(&key_file, PermissionsExt::from_mode(mode)).unwrap();
    };
    let show = ["subject", "show", id, "--purpose", "order"];
    for (key, mode, what) in [
        (old_key, 0o400, "the old key"),
        (&new_key[..31], 0o400, "a part of the key"),
        (&new_key, 0o440, "a key that others may read"),
    ] {
        put(key, mode);
        let output = vault.run(&show, "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{what}: {stderr}");
        assert!(stderr.contains("hint: ") && output.stdout.is_empty(), "{what}: {stderr}");
    }
    put(&new_key, 0o400);
    assert!(vault.cli(&show, "").contains("klant0@voorbeeld.example"));
}

/// A server that a person opens with a passphrase; ended when dropped.
struct ByHand(Child);

impl ByHand {
    fn start(vault: &Vault, passphrase: &str) -> Self {
        let mut child = vault.spawn(&["serve"]);
        writeln!(child.stdin.take().unwrap(), "{passphrase}").unwrap();
        let server = Self(child);
        let is_up = || {
            vault.data().join("tls/ca.pem").exists()
                && vault.client().try_ask("GET", "/healthz", &[], b"").is_ok_and(|a| a.status == 200)
        };
        wait_until("the server is up", is_up);
        server
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_without_the_new_root_key_loses_nobody_it_said_yes_to() {
    let vault = Vault::new(Engine::Sqlite);
    let (old, new) = ("een kanarie zingt op dinsdag", "vijf andere woorden voor straks");
    vault.cli(&["init", "--passphrase"], &format!("{old}\n{old}\n"));
    let server = ByHand::start(&vault, old);
    let mut acknowledged = vec![(0, vault.create(0))];
    vault.cli(&["key", "rotate", "root"], &format!("{old}\n{new}\n{new}\n"));
    acknowledged.push((1, vault.create(1)));
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let shopper = scope.spawn(|| {
            let (client, mut made) = (vault.client(), Vec::new());
            for number in 1_000.. {
                let answer = client.post("/v1/subjects", &customer(number));
                match answer.status {
                    201 => made.push((number, answer.json()["id"].as_str().unwrap().to_owned())),
                    503 => {}
                    other => panic!("{other}: {}", answer.text()),
                }
                if is_done.load(Ordering::Relaxed) {
                    return made;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            made
        });
        vault.cli(&["key", "epoch"], &format!("{new}\n"));
        is_done.store(true, Ordering::Relaxed);
        acknowledged.extend(shopper.join().unwrap());
    });
    assert!(acknowledged.len() > 5, "it served on for a while");
    let refused = vault.client().get(&format!("/v1/subjects/{}?purpose=order", acknowledged[0].1));
    assert_eq!(refused.status, 503, "it says that it cannot, not that the data is wrong: {}", refused.text());
    drop(server);
    assert_eq!(vault.run(&["status"], &format!("{old}\n")).status.code(), Some(2), "the old passphrase");
    let _server = ByHand::start(&vault, new);
    let client = vault.client();
    for (number, id) in &acknowledged {
        assert_eq!(found(&client, *number), *id);
    }
    assert_eq!(vault.cli_json(&["verify"], &format!("{new}\n"))["findings"], json!([]));
}

#[test]
fn after_a_new_signing_key_old_and_new_checkpoints_hold() {
    let (mut vault, _) = running(Engine::Sqlite, 2);
    let before = vault.cli_json(&["key", "list"], "")["verifier"].clone();
    vault.cli(&["key", "rotate", "signing"], "");
    let after = vault.cli_json(&["key", "list"], "")["verifier"].clone();
    assert_ne!(before, after);
    vault.create(2);
    let served = || vault.client().get("/v1/audit/key").expect(200).json()["verifier"].clone();
    wait_until("the server signs with the new key", || served() == after);
    let keys = vault.client().get("/v1/audit/key").expect(200).json();
    assert_eq!(keys["earlier"], json!([before]), "a stranger can still check what the old key signed");
    vault.client().get("/v1/audit/checkpoint").expect(200);
    let verified: Value = vault.cli_json(&["audit", "verify"], "");
    assert_eq!(verified["findings"], json!([]), "{verified}");
    assert!(verified["checkpoints"].as_u64().unwrap() >= 2, "{verified}");
    vault.stop();
    assert_eq!(vault.cli_json(&["verify"], "")["findings"], json!([]));
}
