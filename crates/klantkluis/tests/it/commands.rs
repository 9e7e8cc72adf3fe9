//! Every command of the command line once, in words and with `--json`: exit codes, hints, and what it promises.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Engine, Vault, on_both};

/// A passphrase of a vault that does not exist.
const PASSPHRASE: &str = "een kanarie zingt op dinsdag";

fn running(engine: Engine) -> Vault {
    let mut vault = Vault::new(engine);
    vault.start();
    vault
}

/// A command that must be refused: exit code 2, no result, what is wrong and what to do.
#[track_caller]
fn refused(vault: &Vault, words: &[&str], input: &str, says: &str) {
    let output = vault.run(words, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
    assert!(stderr.contains("error: ") && stderr.contains("hint: "), "{words:?}: {stderr}");
    assert!(stderr.to_lowercase().contains(says), "{words:?} does not say {says:?}: {stderr}");
}

/// Runs a command in words and as JSON; with `--json` stdout is one document and nothing else.
#[track_caller]
fn both_ways(vault: &Vault, words: &[&str], input: &str) {
    let output = vault.run(words, input);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{words:?}: {stderr}\n{stdout}");
    assert!(stdout.len() + stderr.len() > 2, "{words:?} says nothing");
    vault.cli_json(words, input);
}

#[test]
fn every_command_answers_in_words_and_as_json() {
    let vault = running(Engine::Sqlite);
    let id = vault.create(1);
    let erased = [vault.create(2), vault.create(3)];
    let folder = |name: &str| vault.folder.path().join(name).display().to_string();
    let register = folder("register.toml");
    fs::write(&register, vault.cli(&["purpose", "show"], "")).unwrap();
    let csv = folder("klanten.csv");
    fs::write(&csv, "email,achternaam\nklant9@voorbeeld.example,Kanariegeel9\n").unwrap();
    let twice = format!("{PASSPHRASE}\n{PASSPHRASE}\n");
    let token = |vault: &Vault| {
        let words = ["token", "create", &id, "--field", "email", "--destination", "bezorger"];
        vault.cli(&words, "").trim().to_owned() + "\n"
    };
    let one: &[(&[&str], &str)] = &[
        (&["config", "check"], ""),
        (&["config", "show"], ""),
        (&["doctor"], ""),
        (&["status"], ""),
        (&["verify"], ""),
        (&["certificate", "show"], ""),
        (&["partner", "list"], ""),
        (&["store", "migrate"], ""),
        (&["purpose", "list"], ""),
        (&["purpose", "show"], ""),
        (&["purpose", "check", &register], ""),
        (&["purpose", "set", &register], ""),
        (&["subject", "show", &id, "--purpose", "order", "--fields", "email,city"], ""),
        (&["subject", "find", "--purpose", "order"], "kanariegeel1\n"),
        (&["subject", "find", "--purpose", "order", "--by", "email"], "klant1@voorbeeld.example\n"),
        (&["subject", "event", &id, "order_completed", "--at", "2026-03-01T12:00:00Z"], ""),
        (&["subject", "access", &id], ""),
        (&["consent", "give", &id, "--purpose", "newsletter", "--source", "form", "--text-version", "1"], ""),
        (&["consent", "list", &id], ""),
        (&["consent", "withdraw", &id, "--purpose", "newsletter", "--source", "telephone"], ""),
        (&["token", "create", &id, "--field", "email", "--destination", "bezorger"], ""),
        (&["credential", "create", "balie", "--role", "support"], ""),
        (&["credential", "list"], ""),
        (&["audit", "list", "--limit", "3"], ""),
        (&["audit", "verify"], ""),
        (&["audit", "checkpoint"], ""),
        (&["audit", "proof", "0"], ""),
        (&["export", "request", "--purpose", "order", "--fields", "email"], ""),
        (&["key", "list"], ""),
        (&["key", "rotate", "signing"], ""),
        (&["key", "shares", "-k", "2", "-n", "3"], ""),
        (&["key", "passphrase"], &twice),
        (&["import", &csv, "--dry-run"], ""),
        (&["import", &csv, "--yes"], ""),
        (&["token", "resolve", "--purpose", "order"], &token(&vault)),
    ];
    for (words, input) in one {
        both_ways(&vault, words, input);
    }
    once_each(&vault, &id, &erased, &folder);
    // `check`, `mail`, `partner` and `scan` have files of their own.
    let tried = [
        "backup",
        "check",
        "completions",
        "export",
        "init",
        "mail",
        "man",
        "partner",
        "restore",
        "scan",
        "serve",
    ];
    let known = vault.cli(&["--help"], "");
    let commands = known.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    for command in commands.lines().filter_map(|line| line.split_whitespace().next()) {
        let is_tried = tried.contains(&command) || one.iter().any(|(words, _)| words[0] == command);
        assert!(is_tried || !commands.contains(&format!("  {command} ")), "{command} has no test");
    }
}

/// The commands that work once only, so that each way gets something of its own.
fn once_each(vault: &Vault, id: &str, erased: &[String; 2], folder: &dyn Fn(&str) -> String) {
    vault.cli(&["backup", &folder("a.age")], "");
    assert!(vault.cli_json(&["backup", &folder("b.age")], "")["rows"].as_u64().unwrap() > 3);
    vault.cli(&["key", "backup", &folder("a.keyring")], "");
    vault.cli_json(&["key", "backup", &folder("b.keyring")], "");
    vault.cli(&["key", "shares", "-k", "2", "-n", "2", "--folder", &folder("a.shares")], "");
    let made = vault.cli_json(&["key", "shares", "-k", "2", "-n", "2", "--folder", &folder("b.shares")], "");
    assert_eq!((made["files"].as_array().unwrap().len(), &made["shares"]), (2, &json!([])), "{made}");
    assert!(vault.cli(&["subject", "erase", &erased[0], "--yes"], "").contains(&erased[0]));
    let receipt = vault.cli_json(&["subject", "erase", &erased[1], "--yes"], "");
    assert!(receipt["receipt"].as_str().unwrap().contains(&erased[1]), "{receipt}");
    for json in [false, true] {
        let made = vault.cli_json(&["credential", "create", "tijdelijk", "--role", "auditor"], "");
        let words = ["credential", "revoke", made["id"].as_str().unwrap()];
        let token = vault.cli_json(&["token", "create", id, "--field", "phone", "--destination", "post"], "");
        let token = format!("{}\n", token["token"].as_str().unwrap());
        if json {
            assert_eq!(vault.cli_json(&words, "")["revoked"], made["id"]);
            assert_eq!(vault.cli_json(&["token", "revoke"], &token)["revoked"], true);
        } else {
            vault.cli(&words, "");
            vault.cli(&["token", "revoke"], &token);
        }
    }
    let html = vault.cli(&["subject", "access", id, "--html"], "");
    assert!(html.starts_with("<!doctype html>") || html.starts_with("<!DOCTYPE html>"), "{html:.100}");
    assert!(html.contains("klant1@voorbeeld.example"));
}

#[test]
fn errors_say_what_is_wrong_and_what_to_do() {
    let vault = running(Engine::Sqlite);
    let id = vault.create(1);
    let nobody = "01a20f78-df63-710c-85a5-e9fe5e6c67e4";
    let absent = vault.folder.path().join("absent").display().to_string();
    let here = vault.settings().display().to_string();
    let cases: &[(&[&str], &str, &str)] = &[
        (&["init"], "", "already"),
        (&["subject", "show", "x", "--purpose", "order"], "", "not a customer's id"),
        (&["subject", "show", nobody, "--purpose", "order"], "", "not found"),
        (&["subject", "show", &id, "--purpose", "no_such"], "", "purpose"),
        (&["subject", "show", &id, "--purpose", "newsletter"], "", "consent"),
        (&["subject", "show", &id, "--purpose", "delivery", "--fields", "iban"], "", "field"),
        (&["subject", "show", &id, "--purpose", "order", "--fields", "E-Mail"], "", "field"),
        (&["subject", "find", "--purpose", "order", "--by", "email"], "", "nothing was given"),
        (&["subject", "find", "--purpose", "order", "--by", "iban"], "NL91ABNA0417164300\n", "looked up"),
        (&["subject", "find", "--purpose", "order", "--by", "email"], "geen adres\n", "form"),
        (&["subject", "event", &id, "birthday"], "", "order_completed"),
        (&["subject", "event", &id, "order_completed", "--at", "gisteren"], "", "--at"),
        (&["subject", "erase", nobody, "--yes"], "", "not found"),
        (&["consent", "give", &id, "--purpose", "newsletter", "--source", "form"], "", "text version"),
        (&["consent", "give", &id, "--purpose", "order", "--source", "form", "--text-version", "1"], "", ""),
        (&["token", "create", &id, "--field", "shoe_size"], "", ""),
        (&["token", "resolve", "--purpose", "order"], "kkt_zs2sky3hzgxtdzhyr8xpqny887q831au\n", ""),
        (&["token", "resolve", "--purpose", "order"], "nonsense\n", ""),
        (&["token", "revoke"], "", "nothing was given"),
        (&["credential", "create", "x"], "", "--role"),
        (&["credential", "create", "x", "--operations", "read"], "", "--purposes"),
        (&["credential", "create", "x", "--operations", "fly", "--purposes", "order"], "", "fly"),
        (&["credential", "create", "x", "--operations", "read", "--purposes", "no_such"], "", "purpose"),
        (&["credential", "revoke", nobody], "", "not found"),
        (&["export", "request", "--purpose", "order", "--fields", "birth_date"], "", "field"),
        (&["export", "approve", nobody], "", "not found"),
        (&["export", "run", nobody], "", "not found"),
        (&["audit", "list", "--operation", "fly"], "", "operation"),
        (&["audit", "proof", "999999"], "", "not found"),
        (&["purpose", "set", &absent], "", "cannot read"),
        (&["purpose", "check", &absent], "", "cannot read"),
        (&["import", &absent], "", "cannot read"),
        (&["restore", &absent], "", "cannot read"),
        (&["restore", &here], "", ""),
        (&["backup", &here], "", "exists"),
        (&["key", "backup", &here], "", ""),
        (&["key", "shares", "-k", "4", "-n", "3"], "", ""),
        (&["key", "passphrase"], "kort\nkort\n", "12 characters"),
        (&["key", "passphrase"], "een twee drie vier\neen twee drie vijf\n", "differ"),
        (&["store", "copy", "--to", "mysql://x"], "", "postgres://"),
        (&["store", "copy", "--to", "postgres://a:b@localhost/x"], "", "password"),
    ];
    for (words, input, says) in cases {
        refused(&vault, words, input, says);
    }
    for words in [&["subject"][..], &["fly"], &["subject", "show"], &["key", "rotate", "all"], &["--jsn"]] {
        let output = vault.run(words, "");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn before_there_is_a_vault_every_command_says_how_to_make_one() {
    let vault = Vault::new(Engine::Sqlite);
    let id = "01a20f78-df63-710c-85a5-e9fe5e6c67e4";
    for words in
        [&["status"][..], &["verify"], &["subject", "show", id, "--purpose", "order"], &["key", "list"]]
    {
        refused(&vault, words, "", "no vault");
    }
    assert_eq!(vault.run(&["doctor"], "").status.code(), Some(1), "a machine without a vault has a finding");
}

#[test]
fn exit_code_1_means_that_somebody_should_look() {
    let vault = running(Engine::Sqlite);
    let id = vault.create(1);
    let code = |words: &[&str]| vault.run(words, "").status.code();
    assert_eq!(code(&["subject", "erase", &id]), Some(1), "nobody said yes");
    vault.cli(&["subject", "show", &id, "--purpose", "order"], "");
    let csv = vault.folder.path().join("x.csv").display().to_string();
    fs::write(&csv, "email\nklant5@voorbeeld.example\ngeen adres\n").unwrap();
    assert_eq!(code(&["import", &csv]), Some(1), "nobody said yes");
    assert_eq!(code(&["import", &csv, "--yes"]), Some(1), "a line was refused");
    assert_eq!(code(&["doctor"]), Some(0));
    let keyring = vault.data().join("keyring/keyring");
    fs::set_permissions(&keyring, fs::Permissions::from_mode(0o644)).unwrap();
    let output = vault.run(&["doctor"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("chmod 0600"), "{output:?}");
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let vault = Vault::new(Engine::Sqlite);
    for shell in ["bash", "zsh", "fish"] {
        let text = vault.cli(&["completions", shell], "");
        for word in ["klantkluis", "subject", "credential", "i-am-alone"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
        let file = vault.folder.path().join(shell);
        fs::write(&file, text).unwrap();
        // A shell that is not installed cannot judge its completions.
        if let Ok(output) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let manual = vault.cli(&["man"], "");
    assert!(manual.contains(".TH klantkluis 1"), "{manual:.200}");
    for word in ["subject", "restore", "\\-\\-demo", "\\-\\-mapping"] {
        assert!(manual.contains(word), "the manual misses {word}");
    }
    assert_eq!(vault.run(&["completions", "cmd"], "").status.code(), Some(2));
}

#[test]
fn settings_with_an_unknown_key_are_refused_by_name() {
    let vault = Vault::new(Engine::Sqlite);
    let good = fs::read_to_string(vault.settings()).unwrap();
    vault.cli(&["config", "check"], "");
    let documented = vault.cli(&["config", "show"], "");
    fs::write(vault.settings(), &documented).unwrap();
    vault.cli(&["config", "check"], "");
    for (wrong, says) in [
        (good.replace("listen", "lisen"), "lisen"),
        (format!("{good}\n[htps]\n"), "htps"),
        (format!("colour = 1\n{good}"), "colour"),
        (good.replace("127.0.0.1:", "localhost:"), "listen"),
    ] {
        fs::write(vault.settings(), wrong).unwrap();
        refused(&vault, &["config", "check"], "", says);
        refused(&vault, &["status"], "", says);
        refused(&vault, &["serve"], "", says);
    }
    fs::remove_file(vault.settings()).unwrap();
    refused(&vault, &["config", "check"], "", "cannot read");
}

#[test]
fn a_register_is_checked_and_a_removed_purpose_takes_its_reads_along() {
    let vault = running(Engine::Sqlite);
    let id = vault.create(1);
    let file = vault.folder.path().join("register.toml").display().to_string();
    let source = vault.cli_json(&["purpose", "show"], "")["toml"].as_str().unwrap().to_owned();
    let show = ["subject", "show", &id, "--purpose", "delivery"];
    vault.cli(&show, "");

    let wrong = source
        .replace("keep = \"P5Y\"", "keep = \"five years\"")
        .replace("[purposes.refund]", "[purpose.refund]");
    assert_ne!(wrong, source);
    fs::write(&file, wrong).unwrap();
    let output = vault.run(&["--json", "purpose", "check", &file], "");
    assert_eq!(output.status.code(), Some(1));
    let problems: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!problems["problems"].as_array().unwrap().is_empty(), "{problems}");
    assert_eq!(vault.run(&["purpose", "set", &file], "").status.code(), Some(2));
    vault.cli(&show, "");

    let from = source.find("[purposes.delivery]").unwrap();
    let to = from + 1 + source[from + 1..].find("[purposes.").unwrap();
    fs::write(&file, format!("{}{}", &source[..from], &source[to..])).unwrap();
    let change = vault.cli_json(&["purpose", "set", &file], "");
    assert_eq!(change["removed"], json!(["delivery"]), "{change}");
    refused(&vault, &show, "", "purpose");
    let listed = vault.cli_json(&["purpose", "list"], "");
    assert!(listed.as_array().unwrap().iter().all(|purpose| purpose["id"] != "delivery"), "{listed}");
    let path = format!("/v1/subjects/{id}?purpose=delivery");
    let begun = std::time::Instant::now();
    while vault.client().get(&path).status != 403 {
        assert!(begun.elapsed().as_secs() < 20, "the server goes by the new register within seconds");
    }
}

#[test]
fn a_credential_may_what_its_role_says_until_it_ends() {
    let vault = running(Engine::Sqlite);
    let id = vault.create(1);
    let path = format!("/v1/subjects/{id}?purpose=order&fields=email");
    let make = |words: &[&str]| {
        let mut all = vec!["credential", "create", "naam"];
        all.extend(words);
        let made = vault.cli_json(&all, "");
        let secret = made["secret"].as_str().unwrap().to_owned();
        (made["id"].as_str().unwrap().to_owned(), secret)
    };
    let (support, support_secret) = make(&["--role", "support"]);
    let (_, auditor_secret) = make(&["--role", "auditor", "--days", "30"]);
    refused(&vault, &["credential", "create", "naam", "--role", "owner", "--days", "0"], "", "past");
    let as_one = |secret: &str| vault.client().with_bearer(Some(secret));
    as_one(&support_secret).get(&path).expect(200);
    as_one(&support_secret).get("/v1/credentials").expect(403);
    as_one(&auditor_secret).get(&path).expect(403);
    as_one(&auditor_secret).get("/v1/audit").expect(200);

    let listed = vault.cli(&["--json", "credential", "list"], "");
    for secret in [&support_secret, &auditor_secret] {
        assert!(!listed.contains(secret.as_str()), "a secret is shown once only");
    }
    vault.cli(&["credential", "revoke", &support], "");
    let listed = vault.cli_json(&["credential", "list"], "");
    let revoked = listed.as_array().unwrap().iter().find(|one| one["id"] == support.as_str()).unwrap();
    assert!(revoked["revoked"].is_string(), "{revoked}");
}

#[test]
fn consent_opens_a_purpose_and_withdrawal_closes_it() {
    let vault = running(Engine::Sqlite);
    let id = vault.create(1);
    let read = ["subject", "show", &id, "--purpose", "newsletter"];
    let give = ["consent", "give", &id, "--purpose", "newsletter", "--source", "form", "--text-version", "7"];
    refused(&vault, &read, "", "consent");
    assert_eq!(vault.cli_json(&give, "")["given"], true);
    assert!(vault.cli(&read, "").contains("klant1@voorbeeld.example"));
    let mut withdraw = vec!["consent", "withdraw", &id, "--purpose", "newsletter", "--source", "telephone"];
    assert_eq!(vault.cli_json(&withdraw, "")["given"], false);
    refused(&vault, &read, "", "consent");
    vault.cli(&give, "");
    // An event from before the newest one is on the record and decides nothing.
    withdraw.extend(["--at", "2020-01-01T00:00:00Z"]);
    assert_eq!(vault.cli_json(&withdraw, "")["given"], true);
    vault.cli(&read, "");
    let listed = vault.cli_json(&["consent", "list", &id], "");
    assert_eq!(listed.as_array().unwrap().len(), 4, "{listed}");
    let deciding: Vec<_> = listed.as_array().unwrap().iter().filter(|c| c["decides"] == true).collect();
    assert_eq!(deciding.len(), 1, "{listed}");
    assert_eq!((&deciding[0]["given"], &deciding[0]["text_version"]), (&json!(true), &json!("7")));
}

#[test]
fn tokens_of_two_destinations_cannot_be_joined() {
    on_both(|vault| {
        let id = vault.create(1);
        let make = |field: &str, destination: &str| {
            let words = ["token", "create", &id, "--field", field, "--destination", destination];
            vault.cli_json(&words, "")["token"].as_str().unwrap().to_owned()
        };
        let (one, other) = (make("email", "bezorger"), make("email", "drukker"));
        assert_ne!(one, other);
        let common = one[4..].bytes().zip(other[4..].bytes()).filter(|(a, b)| a == b).count();
        assert!(common < 10, "{one} and {other} look alike");
        assert_eq!(one, make("email", "bezorger"), "a partner gets the same token again");
        for token in [&one, &other] {
            let answer = vault.cli_json(&["token", "resolve", "--purpose", "order"], &format!("{token}\n"));
            assert_eq!(answer, json!({"id": id, "field": "email", "value": "klant1@voorbeeld.example"}));
        }
        refused(vault, &["token", "resolve", "--purpose", "newsletter"], &format!("{one}\n"), "consent");
        vault.cli(&["token", "revoke"], &format!("{one}\n"));
        refused(vault, &["token", "resolve", "--purpose", "order"], &format!("{one}\n"), "");
        vault.cli(&["subject", "erase", &id, "--yes"], "");
        refused(vault, &["token", "resolve", "--purpose", "order"], &format!("{other}\n"), "");
    });
}

#[test]
fn an_export_wants_a_second_person_or_the_word_that_there_is_none() {
    on_both(|vault| {
        let ids: Vec<String> = (1..4).map(|number| vault.create(number)).collect();
        let request = || {
            let words = ["export", "request", "--purpose", "order", "--fields", "email,surname"];
            vault.cli_json(&words, "")["id"].as_str().unwrap().to_owned()
        };
        let job = request();
        refused(vault, &["export", "run", &job], "", "");
        refused(vault, &["export", "approve", &job], "", "second person");
        refused(vault, &["export", "run", &job], "", "");
        let other =
            vault.client().post(&format!("/v1/exports/{job}/approval"), &json!({})).expect(200).json();
        assert_eq!((&other["state"], &other["alone"]), (&json!("approved"), &json!(false)), "{other}");
        let mut found = Vec::new();
        for line in vault.cli(&["export", "run", &job], "").lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let fields: Vec<_> = row["fields"].as_object().unwrap().keys().cloned().collect();
            assert_eq!(fields, ["email", "surname"], "{row}");
            found.push(row["id"].as_str().unwrap().to_owned());
        }
        found.sort();
        assert_eq!(found, ids);

        let alone = request();
        let approved = vault.cli_json(&["export", "approve", &alone, "--i-am-alone"], "");
        assert_eq!(approved["alone"], true, "{approved}");
        assert_eq!(vault.cli(&["export", "run", &alone], "").lines().count(), 3);
        assert_eq!(vault.cli_json(&["export", "show", &alone], "")["rows"], 3);
        let trail = vault.cli_json(&["audit", "list", "--operation", "export_approve"], "");
        let outcomes: Vec<_> = trail.as_array().unwrap().iter().map(|e| e["outcome"].clone()).collect();
        assert_eq!(outcomes, [json!("denied"), json!("ok"), json!("ok")], "{trail}");
        assert!(trail[2]["reason"].as_str().is_some_and(|reason| reason.contains("alone")), "{trail}");
    });
}

#[test]
fn the_audit_list_is_newest_last_and_narrowed_by_what_is_asked() {
    on_both(|vault| {
        let (one, other) = (vault.create(1), vault.create(2));
        for id in [&one, &other, &one] {
            vault.cli(&["subject", "show", id, "--purpose", "order", "--fields", "city"], "");
        }
        let list = |words: &[&str]| {
            let mut all = vec!["audit", "list"];
            all.extend(words);
            vault.cli_json(&all, "").as_array().unwrap().clone()
        };
        let reads = list(&["--subject", &one, "--operation", "read"]);
        assert_eq!(reads.len(), 2, "{reads:?}");
        assert!(reads.iter().all(|e| e["fields"] == json!(["city"]) && e["purpose"] == "order"), "{reads:?}");
        let all = list(&["--limit", "1000"]);
        let numbers: Vec<_> = all.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        let few = list(&["--limit", "2"]);
        assert_eq!(few.len(), 2);
        assert!(few[0]["seq"].as_u64().unwrap() > numbers[numbers.len() / 2], "the newest");
        assert!(list(&["--actor", "nobody-here"]).is_empty());
    });
}

#[test]
fn a_backup_to_stdout_is_a_whole_backup() {
    let mut vault = running(Engine::Sqlite);
    let id = vault.create(1);
    let output = vault.run(&["backup", "-"], "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(b"age-encryption.org/v1\n"));
    let file = vault.folder.path().join("vault.age");
    fs::write(&file, &output.stdout).unwrap();
    fs::write(file.with_extension("cut"), &output.stdout[..output.stdout.len() - 40]).unwrap();
    vault.stop();
    vault.lose_database();
    refused(&vault, &["restore", &file.with_extension("cut").display().to_string()], "", "");
    vault.lose_database();
    let report = vault.cli_json(&["restore", &file.display().to_string()], "");
    assert!(report["rows"].as_u64().unwrap() > 3, "{report}");
    assert!(vault.cli(&["subject", "show", &id, "--purpose", "order"], "").contains("klant1@"));
}

#[test]
fn the_demonstration_has_the_same_thousand_customers_and_loads_them_once() {
    let mut subjects = Vec::new();
    for _ in 0..2 {
        let vault = Vault::new(Engine::Sqlite);
        for start in ["first", "second"] {
            let mut server = vault.spawn(&["serve", "--demo"]);
            let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
            let opened = lines.by_ref().map(|line| line.unwrap()).find(|line| line.contains("https://"));
            assert!(opened.is_some(), "the {start} start says where it is open");
            assert_eq!(vault.cli_json(&["status"], "")["subjects"], 1_000, "after the {start} start");
            let pid = server.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            lines.for_each(drop);
            assert_eq!(server.wait().unwrap().code(), Some(0), "SIGTERM is a good end");
        }
        let found = ["subject", "find", "--purpose", "order", "--limit", "1000"];
        let hits = vault.cli_json(&found, "jansen\n");
        let mut fields: Vec<_> =
            hits.as_array().unwrap().iter().map(|hit| hit["fields"].to_string()).collect();
        fields.sort();
        assert!(fields.len() > 2, "there are Jansens among a thousand");
        subjects.push(fields);
    }
    assert_eq!(subjects[0], subjects[1], "the demonstration is the same every time");
}

#[test]
fn a_vault_sealed_with_a_passphrase_opens_with_that_one_only() {
    let vault = Vault::new(Engine::Sqlite);
    let twice = format!("{PASSPHRASE}\n{PASSPHRASE}\n");
    vault.cli(&["init", "--passphrase"], &twice);
    assert!(!vault.data().join("root.key").exists());
    refused(&vault, &["status"], "een heel andere zin\n", "key");
    refused(&vault, &["status"], "", "nothing was given");
    vault.cli(&["status"], &format!("{PASSPHRASE}\n"));
}
