//! The threat table: what a thief of each thing finds (DESIGN §8), looked for byte by byte.

use std::fs;
use std::path::Path;

use kluis_model::SubjectId;
use serde_json::json;

use crate::harness::{Engine, Vault, customer, on_both};

/// Every value of the invented customer `number` in the spellings in which it could leak.
fn canaries(number: u32) -> Vec<String> {
    let mut found = Vec::new();
    for value in customer(number)["fields"].as_object().unwrap().values() {
        let value = value.as_str().unwrap();
        if value.len() > 4 {
            found.push(value.to_owned());
            found.push(value.to_uppercase());
        }
    }
    found.push(format!("+316{:08}", 10_000_000 + number));
    found.push(format!("kanariegeel{number}"));
    found.push("1234AB".into());
    found
}

/// Files below the folder that hold one of the words, as UTF-8, UTF-16 or base64.
fn files_with(folder: &Path, words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Sockets and files that vanish meanwhile hold nothing to find.
            let Ok(bytes) = fs::read(&path) else { continue };
            read += 1;
            for word in words {
                let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
                if contains(&bytes, word.as_bytes()) || contains(&bytes, &wide) {
                    found.push(format!("{}: {word}", path.display()));
                }
            }
        }
    }
    assert!(read > 3, "no files were read");
    found
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

fn everything(vault: &Vault) -> Vec<std::path::PathBuf> {
    let mut folders = vec![vault.folder.path().to_path_buf()];
    folders.extend(vault.postgres.as_ref().map(|cluster| cluster.folder().to_path_buf()));
    folders
}

#[test]
fn no_value_is_readable_in_any_byte_on_disk_after_a_full_run() {
    on_both(|vault| {
        let client = vault.client();
        let id = vault.create(77);
        let path = format!("/v1/subjects/{id}?purpose=order&fields=email,phone,surname,postcode,street,city");
        client.get(&path).expect(200);
        let lookup = json!({"field": "email", "value": "klant77@voorbeeld.example", "purpose": "order", "fields": ["email"]});
        client.post("/v1/subjects/lookup", &lookup).expect(200);
        let search = json!({"text": "kanariegeel77", "purpose": "customer_service"});
        client.post("/v1/subjects/search", &search).expect(200);
        let consent = json!({"purpose": "newsletter", "given": true, "source": "form", "text_version": "1", "proof": {"ip": "192.0.2.0"}});
        client.post(&format!("/v1/subjects/{id}/consents"), &consent).expect(201);
        client.post("/v1/subjects", &customer(77)).expect(409);
        client.post("/v1/subjects", &json!({"fields": {"email": "klant77@voorbeeld"}})).expect(422);
        client.get(&format!("/v1/subjects/{id}?purpose=newsletter&fields=phone")).expect(403);
        let backup = vault.folder.path().join("vault.age").display().to_string();
        vault.cli(&["backup", &backup], "");
        for state in ["running", "stopped"] {
            if state == "stopped" {
                vault.stop();
            }
            for folder in everything(vault) {
                let found = files_with(&folder, &canaries(77));
                assert!(found.is_empty(), "{state}: {found:#?}");
            }
        }
    });
}

#[test]
fn the_canary_test_would_find_a_leak() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::write(folder.path().join(name), "nothing").unwrap();
    }
    fs::write(folder.path().join("d"), "nothing").unwrap();
    assert!(files_with(folder.path(), &canaries(77)).is_empty());
    fs::write(folder.path().join("leak"), b"\0\0klant77@voorbeeld.example\0").unwrap();
    assert_eq!(files_with(folder.path(), &canaries(77)).len(), 1);
}

#[test]
fn secrets_are_in_files_of_mode_0400_or_0600_and_nowhere_else() {
    use std::os::unix::fs::PermissionsExt;
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let secret = vault.secret();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&vault.data()), 0o700);
    assert_eq!(mode(&vault.data().join("root.key")), 0o400);
    assert_eq!(mode(&vault.data().join("first-credential")), 0o400);
    assert_eq!(mode(&vault.data().join("keyring/keyring")), 0o600);
    fs::remove_file(vault.data().join("first-credential")).unwrap();
    let found = files_with(vault.folder.path(), &[secret]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn database_and_keyring_are_nothing_without_the_root_key() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let id = vault.create(1);
    vault.stop();
    fs::remove_file(vault.data().join("root.key")).unwrap();
    let output = vault.run(&["subject", "show", &id, "--purpose", "order"], "a guessed passphrase\n");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("hint:"), "{stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn no_byte_of_an_erased_customers_keys_is_left() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let (kept, erased) = (vault.create(1), vault.create(2));
    let wrapped_keys = |id: &str| -> Vec<Vec<u8>> {
        let id = id.parse::<SubjectId>().unwrap().as_bytes().to_vec();
        let keys = rusqlite::Connection::open(vault.data().join("keys.db")).unwrap();
        let mut query = keys.prepare("select wrapped from dek where subject = ?1").unwrap();
        let rows = query.query_map([id], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let (living, destroyed) = (wrapped_keys(&kept), wrapped_keys(&erased));
    assert!(!living.is_empty() && !destroyed.is_empty());
    assert!(files_holding(vault.folder.path(), &destroyed) > 0, "the search finds what is there");
    vault.client().ask("DELETE", &format!("/v1/subjects/{erased}"), &[], b"").expect(200);
    assert_eq!(wrapped_keys(&erased), Vec::<Vec<u8>>::new());
    assert_eq!(files_holding(vault.folder.path(), &destroyed), 0, "while it runs");
    assert!(files_holding(vault.folder.path(), &living) > 0, "the other customer's keys are still there");
    vault.stop();
    assert_eq!(files_holding(vault.folder.path(), &destroyed), 0, "after it stopped");
}

/// How many files below the folder hold the key part of one of these wrapped keys.
fn files_holding(folder: &Path, wrapped: &[Vec<u8>]) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += files_holding(&path, wrapped);
        } else if let Ok(bytes) = fs::read(&path) {
            // Sixteen bytes in the middle of the ciphertext: enough to be sure, and whole even across a page.
            count += usize::from(wrapped.iter().any(|key| contains(&bytes, &key[20..36])));
        }
    }
    count
}
