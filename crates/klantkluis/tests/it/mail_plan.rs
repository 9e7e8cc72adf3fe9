//! `mail plan`, `mail diff` and `mail lookalike`: the interview through a pipe, and the plan published in BIND.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::bind::Bind;
use crate::harness::on_both;

/// The answers of a shop owner: own relay for orders, Mailchimp, Microsoft 365.
const ANSWERS: &str = "winkel.test\nja\nbestelling.winkel.test\nklantkluis, 192.0.2.10\nja\nnieuws.winkel.test\n\
                       mailchimp\nja\n\nmicrosoft-365\nkluis.winkel.test\n\noudewinkel.test\nmx.winkel.test\n";

fn klantkluis(folder: &Path, words: &[&str], answers: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that asks nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn an_interview_makes_the_file_and_the_plan_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let first = klantkluis(at, &["--lang", "nl", "mail", "plan"], ANSWERS);
    let text = said(&first);
    assert_eq!(first.status.code(), Some(0), "{text}");
    for wanted in [
        "Wat is het domein van uw winkel",
        "→ Mailchimp (nieuwsbrieven)",
        "v=spf1 ip4:192.0.2.10 ~all",
        "v=spf1 include:spf.protection.outlook.com ~all",
        "v=DMARC1; p=none; np=reject; rua=mailto:dmarc@rapport.winkel.test",
        "klantkluis mail dkim keygen bestelling.winkel.test",
        "https://mta-sts.winkel.test/.well-known/mta-sts.txt",
        "Bewaard in mail.toml",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    let file = fs::read_to_string(at.join("mail.toml")).unwrap();
    // The second time it reads the file and asks nothing.
    let again = klantkluis(at, &["--lang", "nl", "mail", "plan"], "");
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    let refused = klantkluis(at, &["mail", "plan", "--write", "mail.toml"], ANSWERS);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("--force"), "{}", said(&refused));
    assert_eq!(fs::read_to_string(at.join("mail.toml")).unwrap(), file);
    let other = ANSWERS.replace("mailchimp", "spotler");
    let forced = klantkluis(at, &["mail", "plan", "--write", "mail.toml", "--force"], &other);
    assert_eq!(forced.status.code(), Some(0), "{}", said(&forced));
    assert!(fs::read_to_string(at.join("mail.toml")).unwrap().contains("spotler"));

    let plan = json(&klantkluis(at, &["--json", "mail", "plan"], ""));
    assert_eq!(plan["domain"], "winkel.test");
    assert_eq!(plan["steps"][0]["subject"], "spf");
}

#[test]
fn what_makes_no_sense_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("kapot.toml"), "domain = \"winkel.test\"\n[[stream]]\nid = \"a\"\nkind = \"x\"\n")
        .unwrap();
    for (words, answers, says) in [
        (&["mail", "plan"][..], "winkel.test\n", "--streams"),
        (&["mail", "plan"], "", "--streams"),
        (&["mail", "plan", "--streams", "kapot.toml"], "", "kapot.toml:4: stream 1.kind"),
        (&["mail", "plan", "--streams", "nergens.toml"], "", "nergens.toml"),
        (&["mail", "diff"], "", "klantkluis mail plan"),
        (&["mail", "lookalike", "geen domein"], "", "winkel.nl"),
        (&["mail", "lookalike", "winkel.test", "--rate", "0"], "", "--rate"),
        (&["mail", "lookalike", "winkel.test", "--rate", "100000"], "", "--rate"),
    ] {
        let output = klantkluis(at, &[&["--lang", "nl"], words].concat(), answers);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{words:?}: {}", said(&output));
    }
    assert!(!at.join("mail.toml").exists(), "half an interview leaves nothing behind");
}

/// Serves lines of the zone `test`, and what services publish.
fn serve(lines: &str) -> Bind {
    let root = "ns.test. A 127.0.0.1\nspf.protection.outlook.com. TXT \"v=spf1 ip4:40.92.0.0/15 -all\"\n";
    Bind::start(&[("test", &format!("ns A 127.0.0.1\n{lines}\n")), (".", root)])
}

#[test]
fn a_published_plan_is_as_planned_and_every_change_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert_eq!(klantkluis(at, &["mail", "plan"], ANSWERS).status.code(), Some(0));
    let lines = String::from_utf8(klantkluis(at, &["mail", "plan", "--bind"], "").stdout).unwrap();
    let good = serve(&lines);
    let output = klantkluis(at, &["--json", "mail", "diff", "--dns", &good.address()], "");
    let result = json(&output);
    assert_eq!(output.status.code(), Some(0), "{result:#}");
    assert_eq!(result["differences"], serde_json::json!([]));
    let spf = result["spf"].as_array().unwrap();
    assert!(
        spf.iter().any(|budget| budget["domain"] == "winkel.test" && budget["lookups"] == 1),
        "{result:#}"
    );
    let words = klantkluis(at, &["--lang", "nl", "mail", "diff", "--dns", &good.address()], "");
    assert!(said(&words).contains("records staan in de DNS zoals gepland"), "{}", said(&words));

    let changed: String = lines
        .lines()
        .filter(|line| !line.starts_with("k3._domainkey"))
        .map(|line| line.replace("ip4:192.0.2.10 ~all", "ip4:192.0.2.10 include:vreemd.test ~all") + "\n")
        .chain(["winkel.test. TXT \"v=spf1 mx -all\"\n".to_owned()])
        .collect();
    let changed = serve(&changed);
    let output = klantkluis(at, &["--json", "mail", "diff", "--dns", &changed.address()], "");
    let result = json(&output);
    assert_eq!(output.status.code(), Some(1), "{result:#}");
    let mut found: Vec<(&str, &str)> = result["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["kind"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("differs", "bestelling.winkel.test"),
            ("extra", "winkel.test"),
            ("missing", "k3._domainkey.nieuws.winkel.test")
        ]
    );
    let words = said(&klantkluis(at, &["--lang", "nl", "mail", "diff", "--dns", &changed.address()], ""));
    assert!(words.contains("include:vreemd.test") && words.contains("ontbreekt: k3._domainkey"), "{words}");
}

/// Where a name stands among those that are made from `winkel.test`.
fn place(folder: &Path, name: &str) -> usize {
    let words = ["--json", "mail", "lookalike", "winkel.test", "--max", "20000"];
    let list = json(&klantkluis(folder, &words, ""));
    list["names"].as_array().unwrap().iter().position(|one| one["domain"] == name).unwrap()
}

#[test]
fn names_that_look_alike_are_listed_and_those_that_exist_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let list = json(&klantkluis(at, &["--json", "mail", "lookalike", "winkel.test", "--max", "50"], ""));
    assert_eq!(list["names"].as_array().unwrap().len(), 50);
    assert!(list["made"].as_u64().unwrap() > 500);

    let bind = serve(
        "winke1 A 192.0.2.9\nwinke1 MX 10 mx.boef.test.\nwinke1 TXT \"v=spf1 a ~all\"\nwinkle TXT \"v=spf1 -all\"",
    );
    let (first, last) = (place(at, "winke1.test"), place(at, "winkle.test"));
    let (from, max) = (first.min(last).to_string(), (first.abs_diff(last) + 1).to_string());
    let dns = bind.address();
    let words = [
        "mail",
        "lookalike",
        "winkel.test",
        "--resolve",
        "--rate",
        "200",
        "--from",
        &from,
        "--max",
        &max,
        "--dns",
        &dns,
    ];
    let output = klantkluis(at, &[&["--json"], &words[..]].concat(), "");
    let result = json(&output);
    assert_eq!(output.status.code(), Some(1), "{result:#}");
    let found = result["found"].as_array().unwrap();
    let of = |name: &str| found.iter().find(|found| found["domain"] == name).unwrap();
    assert!(of("winke1.test")["points"].as_u64().unwrap() >= 80, "{result:#}");
    assert!(of("winkle.test")["points"].as_u64().unwrap() < 30, "{result:#}");
    assert_eq!(found.len(), 2);
    assert_eq!(result["next"], first.max(last) + 1, "it can go on where it stopped");
    let said = said(&klantkluis(at, &[&["--lang", "nl"], &words[..]].concat(), ""));
    assert!(said.contains("winke1.test ✉") && said.contains("--from"), "{said}");
}

#[test]
fn the_vault_remembers_names_and_plans_its_keys() {
    on_both(|vault| {
        let mut bind = serve("winke1 A 192.0.2.9");
        let at = vault.folder.path().to_owned();
        let from = place(&at, "winke1.test").to_string();
        let dns = bind.address();
        let words = [
            "--json",
            "mail",
            "lookalike",
            "winkel.test",
            "--keep",
            "--from",
            &from,
            "--max",
            "3",
            "--rate",
            "100",
            "--dns",
            &dns,
        ];
        let first = vault.run(&words, "");
        let view = json(&first);
        assert_eq!(first.status.code(), Some(0), "of the first look nothing is news: {view:#}");
        assert_eq!(view["found"][0]["domain"], "winke1.test");
        bind.change("test", "ns A 127.0.0.1\n");
        let view = json(&vault.run(&words, ""));
        assert_eq!(view["gone"], serde_json::json!(["winke1.test"]));
        bind.change("test", "ns A 127.0.0.1\nwinke1 MX 10 mx.boef.test.\n");
        let again = vault.run(&words, "");
        assert_eq!(again.status.code(), Some(1));
        assert_eq!(json(&again)["new"], serde_json::json!(["winke1.test"]));

        let file = at.join("mail.toml").display().to_string();
        let written = klantkluis(&at, &["mail", "plan", "--write", &file], ANSWERS);
        assert_eq!(written.status.code(), Some(0), "{}", said(&written));
        vault.cli(&["mail", "dkim", "keygen", "bestelling.winkel.test", "--selector", "kk1"], "");
        let lines = vault.cli(&["mail", "plan", "--keys", "--bind", "--streams", &file], "");
        assert!(
            lines.contains("kk1._domainkey.bestelling.winkel.test. 3600 IN TXT ( \"v=DKIM1; k=rsa; p="),
            "{lines}"
        );
        bind.change("test", &format!("ns A 127.0.0.1\n{lines}"));
        let result = vault.cli_json(&["mail", "diff", "--keys", "--streams", &file, "--dns", &dns], "");
        assert_eq!(result["differences"], serde_json::json!([]));
        vault.cli(&["verify"], "");
    });
}
