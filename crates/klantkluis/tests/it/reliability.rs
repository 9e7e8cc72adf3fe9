//! What must hold when things break: kill -9, races, a full disk, a database that goes away, hostile requests.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::harness::{Engine, Vault, customer, on_both};

#[test]
fn forty_parallel_creates_with_one_address_make_one_customer() {
    on_both(|vault| {
        let client = vault.client();
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let tasks: Vec<_> =
                (0..40).map(|_| scope.spawn(|| client.post("/v1/subjects", &customer(9)).status)).collect();
            tasks.into_iter().map(|task| task.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|s| **s == 409).count(), 39, "{statuses:?}");
    });
}

#[test]
fn nothing_acknowledged_is_missing_after_kill_9() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut vault = Vault::new(engine);
        let acknowledged = Mutex::new(BTreeSet::new());
        let next = AtomicU32::new(0);
        for _ in 0..4 {
            vault.start();
            let client = vault.client();
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| create_until(&client, &stop, &next, &acknowledged));
                }
                while acknowledged.lock().unwrap().len() < 5 {
                    std::thread::sleep(Duration::from_millis(5));
                }
                std::thread::sleep(Duration::from_millis(150));
                vault.kill();
                stop.store(true, Ordering::Relaxed);
            });
        }
        vault.start();
        let ids = acknowledged.into_inner().unwrap();
        assert!(ids.len() >= 20, "{} creates were acknowledged", ids.len());
        let client = vault.client();
        for id in &ids {
            client.get(&format!("/v1/subjects/{id}?purpose=order&fields=email")).expect(200);
            let trail = client.get(&format!("/v1/subjects/{id}/audit")).expect(200).json();
            let created = trail["entries"].as_array().unwrap().iter().any(|e| e["operation"] == "create");
            assert!(created, "the create of {id} is in the log");
        }
        assert_eq!(vault.cli_json(&["verify"], "")["findings"], json!([]));
    }
}

fn create_until(
    client: &Client,
    stop: &AtomicBool,
    next: &AtomicU32,
    acknowledged: &Mutex<BTreeSet<String>>,
) {
    while !stop.load(Ordering::Relaxed) {
        let body = customer(next.fetch_add(1, Ordering::Relaxed)).to_string();
        // A connection that breaks under kill -9 acknowledges nothing.
        if let Ok(answer) = client.try_ask("POST", "/v1/subjects", &[], body.as_bytes())
            && answer.status == 201
        {
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            acknowledged.lock().unwrap().insert(id);
        }
    }
}

/// A small file system of its own in memory; unmounted when dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn new(mebibytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = fs::metadata(folder.path()).unwrap();
        let options = format!("size={mebibytes}m,mode=0700,uid={},gid={}", own.uid(), own.gid());
        let status =
            as_root("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).status();
        assert!(status.unwrap().success(), "mounting a small disk needs root or sudo");
        Self { folder }
    }
}

/// The program as root: directly, or through sudo as `./test` does for packages.
fn as_root(program: &str) -> Command {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new(if is_root { program } else { "sudo" });
    if !is_root {
        command.arg(program);
    }
    command
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A busy file system is let go lazily.
        let _ = as_root("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[test]
fn on_a_full_disk_reads_refuse_and_erasure_still_works() {
    let disk = SmallDisk::new(64);
    let mut vault = Vault::in_folder(Engine::Sqlite, disk.folder.path());
    vault.start();
    let id = vault.create(1);
    let other = vault.create(2);
    let filler = disk.folder.path().join("filler");
    let filled = Command::new("dd")
        .args(["if=/dev/zero", "bs=4096", &format!("of={}", filler.display())])
        .output()
        .unwrap();
    assert!(!filled.status.success(), "the disk is full");
    let client = vault.client();
    let path = format!("/v1/subjects/{id}?purpose=order&fields=email");
    let mut refused = false;
    for _ in 0..2000 {
        let answer = client.get(&path);
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{}", answer.text());
            assert!(!answer.text().contains("voorbeeld.example"));
            refused = true;
            break;
        }
    }
    assert!(refused, "a read that cannot be put on the record must be refused");
    client.ask("DELETE", &format!("/v1/subjects/{other}"), &[], b"").expect(200);
    fs::remove_file(filler).unwrap();
    client.get(&path).expect(200);
    let answer = client.get(&format!("/v1/subjects/{other}?purpose=order&fields=email"));
    assert!([403, 404, 410].contains(&answer.status), "{}", answer.text());
    assert_eq!(vault.cli_json(&["verify"], "")["findings"], json!([]));
}

#[test]
fn on_a_read_only_disk_reads_refuse() {
    let disk = SmallDisk::new(64);
    let mut vault = Vault::in_folder(Engine::Sqlite, disk.folder.path());
    vault.start();
    let id = vault.create(1);
    let client = vault.client();
    let path = format!("/v1/subjects/{id}?purpose=order&fields=email");
    client.get(&path).expect(200);
    vault.kill();
    let remount = |how: &str| {
        let status = as_root("mount").args(["-o", how]).arg(disk.folder.path()).status().unwrap();
        assert!(status.success(), "{how}");
    };
    remount("remount,ro");
    let output = vault.run(&["subject", "show", &id, "--purpose", "order"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("voorbeeld.example"));
    remount("remount,rw");
    vault.start();
    client.get(&path).expect(200);
}

#[test]
fn postgresql_may_restart_and_its_connections_may_be_cut() {
    let mut vault = Vault::new(Engine::Postgres);
    vault.start();
    let client = vault.client();
    let acknowledged = Mutex::new(BTreeSet::new());
    let next = AtomicU32::new(0);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| create_until(&client, &stop, &next, &acknowledged));
        }
        let cluster = vault.postgres.as_ref().unwrap();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(100));
            cluster.cut_connections();
        }
        cluster.restart();
        let before = acknowledged.lock().unwrap().len();
        let begun = std::time::Instant::now();
        while acknowledged.lock().unwrap().len() < before + 5 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not come back");
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
    });
    for id in acknowledged.into_inner().unwrap() {
        client.get(&format!("/v1/subjects/{id}?purpose=order&fields=email")).expect(200);
    }
    assert_eq!(vault.cli_json(&["verify"], "")["findings"], json!([]));
}

#[test]
fn hostile_requests_get_a_clear_error() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let client = vault.client();
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let large = format!("{{\"fields\":{{\"note\":\"{}\"}}}}", "x".repeat(2 * 1024 * 1024));
    let many: String = (0..5000).map(|n| format!("\"custom.f{n}\":\"x\",")).collect();
    let cases: Vec<(&str, &str, Vec<u8>, &[u16])> = vec![
        ("not JSON", "application/json", b"{".to_vec(), &[400]),
        ("not UTF-8", "application/json", b"{\"fields\":{\"email\":\"\xff\xfe\"}}".to_vec(), &[400]),
        ("too deep", "application/json", deep.into_bytes(), &[400]),
        ("too large", "application/json", large.into_bytes(), &[413]),
        (
            "too many fields",
            "application/json",
            format!("{{\"fields\":{{{many}\"a\":\"b\"}}}}").into_bytes(),
            &[400, 413, 422],
        ),
        ("unknown key", "application/json", b"{\"felds\":{}}".to_vec(), &[400, 422]),
        (
            "twice the same key",
            "application/json",
            b"{\"fields\":{\"city\":\"a\",\"city\":\"b\"}}".to_vec(),
            &[400, 422],
        ),
        ("wrong type", "text/plain", b"{\"fields\":{}}".to_vec(), &[415]),
        ("a number for a text", "application/json", b"{\"fields\":{\"city\":7}}".to_vec(), &[400, 422]),
        ("NUL", "application/json", b"{\"fields\":{\"given_name\":\"a\\u0000b\"}}".to_vec(), &[400, 422]),
    ];
    for (what, content_type, body, expected) in cases {
        let answer = client.ask("POST", "/v1/subjects", &[("content-type", content_type)], &body);
        assert!(expected.contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        let problem: Value = answer.json();
        assert!(problem["title"].as_str().is_some_and(|t| !t.is_empty()), "{what}: {problem}");
    }
    let long = format!("/v1/subjects/{}", "a".repeat(100_000));
    if let Ok(answer) = client.try_ask("GET", &long, &[], b"") {
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    vault.create(1);
}

#[test]
fn every_route_wants_a_credential_that_may() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let id = vault.create(1);
    let owner = vault.client();
    let nobody = owner.with_bearer(None);
    let made = vault.cli_json(
        &["credential", "create", "smal", "--operations", "export_read", "--purposes", "order"],
        "",
    );
    let narrow = owner.with_bearer(Some(made["secret"].as_str().unwrap()));
    let document = nobody.get("/v1/openapi.json").expect(200).json();
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_public = operation["security"] == json!([]);
            let concrete = concrete_path(path, &id);
            let method = method.to_uppercase();
            let answer = nobody.ask(&method, &concrete, &[], b"");
            assert_eq!(answer.status == 401, !is_public, "{method} {path}: {}", answer.status);
            if !is_public && !path.contains("export") {
                let answer = narrow.ask(&method, &concrete, &[("if-match", "\"1\"")], b"{}");
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
            }
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried} routes were tried");
    let wrong = owner.with_bearer(Some("kks_0000000000000000000000000000000000"));
    wrong.get("/v1/status").expect(401);
}

fn concrete_path(path: &str, id: &str) -> String {
    let mut out = String::new();
    for part in path.split('/').skip(1) {
        out.push('/');
        out.push_str(if !part.starts_with('{') {
            part
        } else if part == "{log}" {
            "node1"
        } else if part == "{id}" {
            id
        } else {
            "1"
        });
    }
    out
}

#[test]
fn a_graceful_stop_finishes_and_the_next_start_is_clean() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let id = vault.create(1);
    vault.stop();
    let wal = fs::metadata(vault.data().join("data.db-wal")).map_or(0, |m| m.len());
    assert_eq!(wal, 0, "a clean stop leaves no write-ahead log");
    vault.start();
    vault.client().get(&format!("/v1/subjects/{id}?purpose=order&fields=email")).expect(200);
}
