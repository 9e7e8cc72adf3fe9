//! `mail spf`, `mail senderid`, `mail bulk-check`, `mail check` and `mail dkim selectors`, asking a real BIND.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::bind::Bind;

/// A shop with an office suite, a newsletter service and a server of its own.
const SHOP: &str = "ns A 127.0.0.1\n\
    winkel A 192.0.2.80\nwinkel MX 10 mx.winkel\nmx.winkel A 192.0.2.25\n\
    winkel TXT \"v=spf1 mx include:spf.kantoor.test. include:servers.mcsv.net -all\"\n\
    spf.kantoor TXT \"v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 \" \"include:meer.kantoor.test -all\"\n\
    meer.kantoor TXT \"v=spf1 ip4:203.0.113.0/28 ~all\"\n\
    fout TXT \"v=spf1 ipv4:192.0.2.1 -all\"\n\
    dubbel TXT \"v=spf1 -all\"\ndubbel TXT \"v=spf1 mx -all\"\n\
    duur TXT \"v=spf1 a:w1.test a:w2.test a:w3.test a:w4.test mx:winkel.test a:w5.test a:w6.test a:w7.test a:w8.test a:w9.test include:spf.kantoor.test -all\"\n\
    w1 A 192.0.2.1\nw2 A 192.0.2.2\nw3 A 192.0.2.3\nw4 A 192.0.2.4\nw5 A 192.0.2.5\nw6 A 192.0.2.6\nw7 A 192.0.2.7\nw8 A 192.0.2.8\nw9 A 192.0.2.9\n\
    macro TXT \"v=spf1 exists:%{l}.%{i}.lijst.test -all exp=uitleg.test\"\n\
    anna.192.0.2.7.lijst A 127.0.0.2\nuitleg TXT \"%{i} hoort niet bij %{d}\"\n\
    oud TXT \"v=spf1 mx -all\"\noud TXT \"spf2.0/pra mx -all\"\noud MX 10 mx.winkel\n\
    _dmarc.winkel TXT \"v=DMARC1; p=none\"\n25.2.0.192.omgekeerd A 127.0.0.1\n";
const NEWS: &str = "servers TXT \"v=spf1 ip4:205.201.128.0/20 ?all\"\n";
const REVERSE: &str = "25 PTR mx.winkel.test.\n";

const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// The name server with the shop's zones.
fn dns() -> Bind {
    let shop =
        format!("{SHOP}s1._domainkey.winkel TXT \"{KEY}\"\nk1._domainkey.winkel CNAME dkim.mcsv.net.\n");
    let news = format!("{NEWS}dkim TXT \"{KEY}\"\n");
    Bind::start(&[("test", &shop), ("mcsv.net", &news), ("2.0.192.in-addr.arpa", REVERSE)])
}

/// What a command gave: its code, stdout, stderr.
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(words: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_klantkluis")).args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// In Dutch for people, and as JSON; both must end the same.
fn both(bind: &Bind, words: &[&str]) -> (Option<i32>, String, Value) {
    let dns = bind.address();
    let words = [&["mail"], words, &["--dns", &dns]].concat();
    let said = run(&[&["--lang", "nl"], &words[..]].concat());
    let json = run(&[&["--json"], &words[..]].concat());
    assert_eq!(said.code, json.code, "{words:?}: {}{}", said.err, json.err);
    let value =
        serde_json::from_str(&json.out).unwrap_or_else(|e| panic!("{words:?} {e}: {}{}", json.out, json.err));
    (said.code, said.out, value)
}

#[test]
fn an_address_is_judged_and_found_in_the_record() {
    let bind = dns();
    let (code, said, value) = both(&bind, &["spf", "eval", "winkel.test", "--ip", "203.0.113.5"]);
    assert_eq!(
        (code, &value["result"], &value["lookups"]),
        (Some(0), &"pass".into(), &3.into()),
        "{value:#}"
    );
    assert!(said.starts_with("✓ 203.0.113.5 voor winkel.test: pass"), "{said}");
    assert!(
        said.contains("    mx → nee\n") && said.contains("            ip4:203.0.113.0/28 → ja\n"),
        "{said}"
    );

    let (code, said, value) = both(&bind, &["spf", "who", "203.0.113.5", "winkel.test"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        value["path"],
        serde_json::json!(["include:spf.kantoor.test.", "include:meer.kantoor.test", "ip4:203.0.113.0/28"])
    );
    assert!(said.contains("door include:spf.kantoor.test."), "{said}");
    let (_, said, value) = both(&bind, &["spf", "who", "205.201.128.9", "winkel.test"]);
    assert!(
        said.contains("dit is een server van Mailchimp (nieuwsbrieven)") && value["service"] == "mailchimp",
        "{said}"
    );
    let (code, said, value) = both(&bind, &["spf", "who", "8.8.8.8", "winkel.test"]);
    assert_eq!((code, &value["result"]), (Some(1), &"fail".into()), "{said}");

    let anna = ["spf", "eval", "macro.test", "--ip", "192.0.2.7", "--sender", "anna@macro.test"];
    assert_eq!(both(&bind, &anna).0, Some(0));
    let (code, said, value) = both(&bind, &["spf", "eval", "macro.test", "--ip", "192.0.2.8"]);
    assert_eq!((code, &value["explanation"]), (Some(1), &"192.0.2.8 hoort niet bij macro.test".into()));
    assert!(said.contains("het domein zegt: 192.0.2.8 hoort niet bij macro.test"), "{said}");
    let (code, _, value) = both(&bind, &["spf", "eval", "fout.test", "--ip", "192.0.2.8"]);
    assert_eq!((code, &value["result"]), (Some(1), &"permerror".into()));
    assert_eq!(both(&bind, &["spf", "eval", "winkel.test", "--ip", "192.0.2.25", "--helo"]).0, Some(0));
}

#[test]
fn a_record_is_explained_and_counted() {
    let bind = dns();
    let (code, said, value) = both(&bind, &["spf", "explain", "winkel.test"]);
    assert_eq!(
        (code, &value["lookups"], &value["v4_addresses"]),
        (Some(0), &4.into(), &(1 + 256 + 16 + 4096).into()),
        "{value:#}"
    );
    for wanted in [
        "  include:servers.mcsv.net\n      de servers van Mailchimp: toegestaan · 1 opzoeking · 4.096 adressen\n",
        "  -all\n      alle andere adressen mogen NIET namens u mailen\n",
        "4 opzoekingen van 10 · 4.369 adressen (IPv4) mogen namens u mailen",
        "  2001:db8::/32          spf.kantoor.test\n",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let (code, said, value) = both(&bind, &["spf", "explain", "fout.test"]);
    assert_eq!((code, &value["error"]["at"]), (Some(1), &7.into()), "{said}");
    assert!(said.contains("fout bij teken 8") && said.contains("         ^^^^^^^^^^^^^^\n"), "{said}");
    let (code, said, _) = both(&bind, &["spf", "explain", "dubbel.test"]);
    assert!(code == Some(1) && said.contains("dubbel.test 2 SPF-records"), "{said}");
    let (code, said, _) = both(&bind, &["spf", "explain", "niets.test"]);
    assert!(code == Some(1) && said.contains("heeft geen SPF-record"), "{said}");

    let (code, said, _) = both(&bind, &["spf", "budget", "winkel.test"]);
    assert!(code == Some(0) && said.starts_with("✓ winkel.test  ████░░░░░░ 4 van 10"), "{said}");
    let (code, said, value) = both(&bind, &["spf", "budget", "duur.test"]);
    assert_eq!((code, &value["lookups"]), (Some(1), &12.into()), "{said}");
    for wanted in [
        "✗ duur.test",
        "Er moet(en) er 2 weg",
        "Schrijf dan ip4:192.0.2.1 in plaats van a:w1.test",
        "klantkluis mail spf flatten duur.test",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_flat_record_is_proposed_checked_and_renewed() {
    let mut bind = dns();
    let file = bind.file("plat.json");
    let file = file.to_str().unwrap().to_owned();
    let (code, said, value) =
        both(&bind, &["spf", "flatten", "duur.test", "--keep", "spf.kantoor.test", "--save", &file]);
    assert_eq!(
        (code, &value["lookups_before"], &value["lookups_after"]),
        (Some(0), &12.into(), &2.into()),
        "{said}"
    );
    assert!(
        said.starts_with("! Een plat record veroudert") && said.contains("12 opzoekingen → 2 opzoekingen"),
        "{said}"
    );
    let record = value["records"][0]["text"].as_str().unwrap();
    assert_eq!(
        record,
        "v=spf1 include:spf.kantoor.test ip4:192.0.2.1 ip4:192.0.2.2/31 ip4:192.0.2.4/30 ip4:192.0.2.8/31 ip4:192.0.2.25 -all"
    );

    let check = ["spf", "flatten", "duur.test", "--check", &file];
    let (code, said, _) = both(&bind, &check);
    assert!(code == Some(0) && said.starts_with("✓ niets veranderd"), "{said}");

    // The flat record is published, and one server moves.
    let old = SHOP.lines().find(|line| line.trim_start().starts_with("duur ")).unwrap();
    let zone =
        SHOP.replace(old, &format!("duur TXT \"{record}\"")).replace("w9 A 192.0.2.9", "w9 A 192.0.2.99");
    bind.change("test", &zone);
    let (code, said, value) = both(&bind, &check);
    assert_eq!((code, &value["changes"][0]["added"][0]), (Some(1), &"192.0.2.99/32".into()), "{said}");
    assert!(
        said.contains("erbij (mail van hier faalt nu): 192.0.2.99/32") && said.contains("weg (een ander"),
        "{said}"
    );
    let (code, _, value) = both(&bind, &["spf", "flatten", "duur.test", "--renew", &file]);
    assert!(
        code == Some(0) && value["records"][0]["text"].as_str().unwrap().contains("ip4:192.0.2.99"),
        "{value:#}"
    );
    assert!(value["records"][0]["text"].as_str().unwrap().contains("include:spf.kantoor.test"), "{value:#}");
    assert_eq!(both(&bind, &check).0, Some(0));
}

#[test]
fn remains_of_sender_id_are_found_and_its_address_is_explained() {
    let bind = dns();
    let (code, said, value) = both(&bind, &["senderid", "check", "oud.test"]);
    assert_eq!((code, value["facts"].as_array().unwrap().len()), (Some(1), 2), "{said}");
    assert!(said.contains("spf2.0/pra mx -all") && said.contains("opgeheven"), "{said}");
    assert_eq!(both(&bind, &["senderid", "check", "winkel.test"]).0, Some(0));

    let file = bind.file("bericht.eml");
    fs::write(&file, "Resent-From: Jan <jan@oud.test>\nFrom: x@y.test\n\nx\n").unwrap();
    let message = ["senderid", "check", "--message", file.to_str().unwrap(), "--client", "192.0.2.25"];
    let (code, said, value) = both(&bind, &message);
    assert_eq!(
        (code, &value["field"], &value["result"]),
        (Some(0), &"Resent-From".into(), &"pass".into()),
        "{said}"
    );
    assert!(said.contains("jan@oud.test") && said.contains("doorgezonden"), "{said}");
}

const NEWSLETTER: &str = "Return-Path: <terug@winkel.test>\n\
    Received: from mx.winkel.test (mx.winkel.test [192.0.2.25]) by mx.post.test with ESMTPS id 1\n\
    From: Winkel <nieuws@winkel.test>\nTo: klant@post.test\nSubject: Aanbieding\n\
    Date: Tue, 24 Nov 2026 12:00:00 +0100\nMessage-ID: <1@winkel.test>\n\
    List-Unsubscribe: <https://winkel.test/uit?e=klant@post.test>\n\nHallo! Afmelden kan onderaan.\n";

#[test]
fn a_newsletter_is_held_against_the_rules_of_receivers() {
    let bind = dns();
    let file = bind.file("nieuws.eml");
    fs::write(&file, NEWSLETTER).unwrap();
    let file = file.to_str().unwrap();
    let (code, said, value) = both(&bind, &["bulk-check", file]);
    assert_eq!(code, Some(1), "{said}");
    let marks = |mark: &str| -> Vec<String> {
        let rules = value["rules"].as_array().unwrap().iter();
        rules
            .filter(|rule| rule["result"] == mark)
            .map(|rule| rule["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        marks("fail"),
        ["dkim", "unsubscribe-one-click", "unsubscribe-signed", "unsubscribe-private"],
        "{said}"
    );
    assert!(marks("unknown").is_empty(), "{said}");
    for wanted in [
        "Bericht van: winkel.test",
        "✗ Gmail",
        "✗ Outlook/Hotmail 1 regel niet in orde",
        "List-Unsubscribe-Post ontbreekt",
        "✓ de server mag dit versturen (SPF) (winkel.test: pass)",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let (_, _, value) = both(&bind, &["bulk-check", file, "--order-mail"]);
    let rules = value["rules"].as_array().unwrap();
    assert!(
        rules.iter().all(|rule| !rule["rule"].as_str().unwrap().starts_with("unsubscribe")
            || rule["result"] == "not_needed")
    );
    // Without the DNS what it knows is unknown; nothing is asked, so it needs no name server.
    let offline = run(&["--json", "mail", "bulk-check", file, "--offline"]);
    let value: Value = serde_json::from_str(&offline.out).unwrap();
    let spf = value["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "spf").unwrap();
    assert_eq!((offline.code, &spf["result"]), (Some(1), &"unknown".into()));
}

#[test]
fn selectors_are_found_with_the_service_behind_them_and_the_check_is_that_of_mail() {
    let bind = dns();
    let (code, said, value) = both(&bind, &["dkim", "selectors", "winkel.test", "--selector", "geheim"]);
    assert_eq!((code, value["keys"].as_array().unwrap().len()), (Some(0), 2), "{said}");
    assert!(
        said.contains("✓ s1._domainkey.winkel.test: Ed25519") && said.contains("beheerd door Mailchimp"),
        "{said}"
    );
    let (code, said, _) = both(&bind, &["dkim", "selectors", "oud.test"]);
    assert!(code == Some(1) && said.contains("geen DKIM-sleutel gevonden bij oud.test"), "{said}");

    let (code, _, value) = both(&bind, &["check", "fout.test"]);
    let rules: Vec<&str> =
        value["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
    assert!(code == Some(1) && rules.contains(&"spf-syntax"), "{rules:?}");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    let bind = dns();
    let dns = bind.address();
    let wrong = bind.file("fout.json");
    fs::write(&wrong, "{\"domain\": \"winkel.test\"}").unwrap();
    let wrong = wrong.to_str().unwrap();
    for words in [
        &["spf", "explain", "winkel"][..],
        &["spf", "explain", "192.0.2.1"],
        &["spf", "eval", "winkel.test", "--ip", "192.0.2.1", "--sender", "a@ander.test"],
        &["spf", "flatten", "niets.test"],
        &["spf", "flatten", "dubbel.test"],
        &["spf", "flatten", "fout.test"],
        &["spf", "flatten", "macro.test"],
        &["spf", "flatten", "winkel.test", "--keep", "ander.test"],
        &["spf", "flatten", "winkel.test", "--check", wrong],
        &["spf", "flatten", "winkel.test", "--check", "/nergens.json"],
        &["senderid", "check", "--message", "/nergens.eml"],
        &["bulk-check", "/nergens.eml"],
        &["dkim", "selectors", "winkel.test", "--selector", "a b"],
    ] {
        let result = run(&[&["--lang", "nl", "mail"], words, &["--dns", &dns]].concat());
        assert!(
            result.code == Some(2) && result.err.contains("hint: ") && result.out.is_empty(),
            "{words:?}: {}{}",
            result.out,
            result.err
        );
    }
    // A name server that does not answer is no record that does not exist.
    drop(bind);
    for words in [
        &["spf", "explain", "winkel.test"][..],
        &["spf", "who", "192.0.2.1", "winkel.test"],
        &["dkim", "selectors", "winkel.test"],
    ] {
        let result = run(&[&["--lang", "nl", "mail"], words, &["--dns", &dns]].concat());
        assert!(
            result.code == Some(2) && result.err.contains("antwoord"),
            "{words:?}: {}{}",
            result.out,
            result.err
        );
    }
}

#[test]
fn the_name_server_of_the_settings_is_asked_and_a_missing_record_is_no_disagreement() {
    let bind = dns();
    let settings = bind.file("klantkluis.toml");
    let at = |text: String| fs::write(&settings, text).unwrap();
    let file = settings.to_str().unwrap();
    at(format!("[mail]\ndns = \"{}\"\n", bind.address()));
    let said = run(&["--lang", "nl", "--config", file, "mail", "dmarc", "show", "winkel.test"]);
    assert!(said.out.contains("beleid voor winkel.test: none"), "{}{}", said.out, said.err);
    at(format!("[check]\ndns = \"{}\"\n", bind.address()));
    let said = run(&["--lang", "nl", "--config", file, "mail", "spf", "who", "192.0.2.25", "winkel.test"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    // One that is named on the command line goes before.
    at("[mail]\ndns = \"127.0.0.1:1\"\n".to_owned());
    let words =
        ["--lang", "nl", "--config", file, "mail", "dmarc", "show", "w1.test", "--dns", &bind.address()];
    let said = run(&words);
    assert!(said.code == Some(1) && said.out.contains("geen record"), "{}{}", said.out, said.err);
    assert!(!said.out.contains("niet eens") && said.out.contains("Begin met _dmarc.w1.test"), "{}", said.out);
    at("[mail]\ndns = 1\n".to_owned());
    let said = run(&["--lang", "nl", "--config", file, "mail", "spf", "budget", "winkel.test"]);
    assert!(said.code == Some(2) && said.err.contains("config show --config /dev/null"), "{}", said.err);
}

#[test]
fn a_question_without_a_vault_is_answered_in_dutch_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let said = run(&["--lang", "nl", "--config", "/dev/null", "--data", data, "mail", "queue", "status"]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    assert!(
        said.err.contains("er is nog geen kluis") && said.err.contains("klantkluis init"),
        "{}",
        said.err
    );
    assert!(!fs::exists(data).unwrap());
    let said = run(&["--lang", "nl", "mail", "verify", "/nergens/bericht.eml"]);
    assert!(said.code == Some(2) && said.err.contains("dit bestand is er niet"), "{}", said.err);
}
