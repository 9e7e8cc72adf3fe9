//! `mail dmarc`: thirty invented days of reports and a real BIND say what to do for shop, newsletter and misuse.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bind::Bind;
use crate::harness::{Engine, Vault};

const SETUP: &str = r#"
version = 1
domain = "winkel.test"
report_address = "dmarc@rapport.winkel.test"
[[stream]]
id = "winkel"
kind = "shop"
from = "winkel.test"
relay = true
servers = ["192.0.2.10"]
[[stream]]
id = "nieuws"
kind = "newsletter"
from = "nieuws.winkel.test"
services = ["spotler"]
"#;
const RECORDS: &str = "ns A 127.0.0.1\nwinkel TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\nwinkel MX 10 mx.winkel\n\
    mx.winkel A 192.0.2.25\nnieuws.winkel TXT \"v=spf1 -all\"\n\
    _dmarc.winkel TXT \"v=DMARC1; p=none; np=reject; rua=mailto:dmarc@rapport.winkel.test\"\n\
    _dmarc.nieuws.winkel TXT \"v=DMARC1; p=none; rua=mailto:dmarc@rapport.winkel.test\"\n";
const LOST: &str =
    "0 bestellingen, 12 nieuwsbrieven (Spotler, DKIM ontbreekt); 75 vervalste berichten tegengehouden";

/// A report about one day: server, messages, From, the aligned signature if any, the envelope's domain.
fn report(org: &str, domain: &str, day: i64, row: (&str, u64, &str, bool, &str)) -> String {
    let (source, count, from, is_signed, envelope) = row;
    let is_own = envelope == from;
    let word = |is_so: bool| if is_so { "pass" } else { "fail" };
    let spf = if is_own && !is_signed { "fail" } else { "pass" };
    let signature = if is_signed {
        format!("<dkim><domain>{from}</domain><selector>s1</selector><result>pass</result></dkim>")
    } else {
        String::new()
    };
    format!(
        "<feedback><report_metadata><org_name>{org}</org_name><report_id>{org}-{day}</report_id><date_range>\
         <begin>{}</begin><end>{}</end></date_range></report_metadata><policy_published><domain>{domain}</domain>\
         <p>none</p></policy_published><record><row><source_ip>{source}</source_ip><count>{count}</count>\
         <policy_evaluated><disposition>none</disposition><dkim>{}</dkim><spf>{}</spf></policy_evaluated></row>\
         <identifiers><header_from>{from}</header_from></identifiers><auth_results>{signature}<spf>\
         <domain>{envelope}</domain><result>{spf}</result></spf></auth_results></record></feedback>",
        day * 86_400,
        day * 86_400 + 86_399,
        word(is_signed),
        word(is_own && spf == "pass"),
    )
}

/// Reports of 35 days: 40 orders a day, three newsletters every eight days without DKIM, three days of misuse.
fn month(folder: &Path) {
    let today = jiff::Timestamp::now().as_second().div_euclid(86_400);
    let shop = ("192.0.2.10", 40, "winkel.test", true, "winkel.test");
    let news = ("198.51.100.7", 3, "nieuws.winkel.test", false, "bounce.mailplus.nl");
    let forged = ("203.0.113.9", 25, "winkel.test", false, "winkel.test");
    let write = |name: String, text: String| fs::write(folder.join(name), text).unwrap();
    for ago in 1..=35 {
        write(format!("s{ago}.xml"), report("google.com", "winkel.test", today - ago, shop));
    }
    for (at, org) in ["Enterprise Outlook", "Yahoo", "kpn.com"].iter().enumerate() {
        let day = today - 2 - i64::try_from(at).unwrap();
        write(format!("m{at}.xml"), report(org, "winkel.test", day, forged));
    }
    for ago in [1, 9, 17, 25] {
        write(format!("n{ago}.xml"), report("google.com", "nieuws.winkel.test", today - ago, news));
    }
}

/// Runs a command with `--json`: its exit code and result.
#[track_caller]
fn json(vault: &Vault, words: &[&str]) -> (Option<i32>, Value) {
    let output = vault.run(&[&["--json"], words].concat(), "");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{words:?} {e}: {}{text}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), value)
}

/// What a command says in Dutch.
#[track_caller]
fn said(vault: &Vault, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .arg("--config")
        .arg(vault.settings())
        .args(["--lang", "nl"])
        .args(words)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn rejected(view: &Value, stream: Option<&str>, source: &str) -> u64 {
    let lines = view["lines"].as_array().unwrap();
    let of = lines.iter().filter(|line| line["stream"].as_str() == stream && line["source"] == source);
    of.map(|line| line["rejected"].as_u64().unwrap()).sum()
}

/// Waits until the server's daily job looked at the DNS.
fn looked_by_itself(vault: &Vault) {
    let begun = Instant::now();
    loop {
        let view = vault.client().get("/v1/mail/overview?days=30").expect(200).json();
        if view["dns_at"].is_string() {
            assert_eq!(view["budgets"][0]["light"], "green", "{view:#}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{view:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn try_on(engine: Engine) {
    let mut bind = Bind::start(&[("test", RECORDS)]);
    let mut vault = Vault::new(engine);
    let streams = vault.folder.path().join("mail.toml");
    fs::write(&streams, SETUP).unwrap();
    vault.add_settings(&format!(
        "[mail]\nstreams = \"{}\"\ndns = \"{}\"\n",
        streams.display(),
        bind.address()
    ));
    vault.start();
    looked_by_itself(&vault);
    let reports = vault.folder.path().join("reports");
    fs::create_dir(&reports).unwrap();
    month(&reports);
    vault.cli(&["mail", "report", "ingest", &reports.display().to_string()], "");

    let (code, view) = json(&vault, &["mail", "dmarc", "simulate", "--policy", "reject", "--days", "30"]);
    assert_eq!((code, view["text"]["nl"].as_str()), (Some(1), Some(LOST)), "{view:#}");
    let own = "own-192.0.2.0/24";
    assert_eq!(
        (rejected(&view, Some("winkel"), own), rejected(&view, Some("nieuws"), "spotler")),
        (0, 12),
        "{view:#}"
    );
    assert_eq!(rejected(&view, Some("winkel"), "misuse"), 75);
    let words = said(&vault, &["mail", "dmarc", "simulate"]);
    assert!(words.contains(LOST) && words.contains("Spotler") && words.contains("misbruik"), "{words}");

    let (code, view) = json(&vault, &["mail", "dmarc", "advise"]);
    assert_eq!(code, Some(1));
    let of = |domain: &str| {
        view["advices"].as_array().unwrap().iter().find(|one| one["domain"] == domain).unwrap()
    };
    let (shop, news) = (of("winkel.test"), of("nieuws.winkel.test"));
    assert_eq!((&shop["stage"], &shop["next"]["kind"]), (&"none".into(), &"rehearse".into()), "{view:#}");
    assert_eq!(
        shop["next"]["value"],
        "v=DMARC1; p=quarantine; t=y; np=reject; rua=mailto:dmarc@rapport.winkel.test"
    );
    let missing: Vec<&str> =
        news["blockers"].as_array().unwrap().iter().map(|one| one["criterion"].as_str().unwrap()).collect();
    assert_eq!((missing, &news["next"]), (vec!["days", "reporters", "signed"], &Value::Null), "{news:#}");
    let words = said(&vault, &["mail", "dmarc", "advise"]);
    assert!(
        words.contains("_dmarc.winkel.test TXT\n") && words.contains("✗ nieuws (nieuws.winkel.test)"),
        "{words}"
    );

    let (code, view) = json(&vault, &["mail", "dmarc", "watch"]);
    assert_eq!((code, view["items"].as_array().unwrap().len()), (Some(1), 1), "{view:#}");
    // Somebody takes the SPF record away.
    bind.change(
        "test",
        &RECORDS.replace("winkel TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\nwinkel MX", "winkel MX"),
    );
    let words = said(&vault, &["mail", "dmarc", "watch"]);
    assert!(words.starts_with("✗ Het SPF-record van winkel.test is verdwenen.\n"), "{words}");
    let (code, status) = json(&vault, &["status"]);
    let attention = status["attention"].as_array().unwrap().iter().filter(|one| one["id"] == "mail");
    let tones: Vec<&str> = attention.map(|one| one["tone"].as_str().unwrap()).collect();
    assert_eq!((code, tones), (Some(1), vec!["bad", "warn"]));
    vault.cli(&["verify"], "");
}

#[test]
fn thirty_days_of_reports_say_what_to_do_on_sqlite() {
    try_on(Engine::Sqlite);
}

#[test]
fn thirty_days_of_reports_say_what_to_do_on_postgresql() {
    try_on(Engine::Postgres);
}

#[test]
fn a_record_is_shown_by_both_standards() {
    let more = "los.winkel A 192.0.2.1\n_dmarc.afdeling.winkel TXT \"v=DMARC1; p=reject; psd=n; pct=50; rua=mailto:a@elders.test,mailto:b@mag.test\"\n\
        afdeling.winkel.test._report._dmarc.mag TXT \"v=DMARC1\"\ntwee A 192.0.2.1\n\
        _dmarc.twee TXT \"v=DMARC1; p=none\"\n_dmarc.twee TXT \"v=DMARC1; p=reject\"\n";
    let bind = Bind::start(&[("test", &format!("{RECORDS}{more}"))]);
    let dns = bind.address();
    let show = |domain: &str| {
        let run = |form: &[&str]| {
            let words = [form, &["mail", "dmarc", "show", domain, "--dns", &dns]].concat();
            Command::new(env!("CARGO_BIN_EXE_klantkluis")).args(words).output().unwrap()
        };
        let (json, words) = (run(&["--json"]), run(&["--lang", "nl"]));
        assert_eq!(json.status.code(), words.status.code(), "{}", String::from_utf8_lossy(&words.stderr));
        let value: Value = serde_json::from_slice(&json.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&json.stderr)));
        (json.status.code(), value, String::from_utf8(words.stdout).unwrap())
    };
    let (code, value, words) = show("winkel.test");
    assert_eq!(
        (code, &value["differ"], &value["rfc9989"]["policy"]),
        (Some(0), &false.into(), &"none".into()),
        "{words}"
    );
    assert!(words.contains("np=reject: namen die niet bestaan: weigeren"), "{words}");
    // Below it, the record of the shop holds by both.
    let (_, value, _) = show("los.winkel.test");
    assert_eq!(
        (&value["rfc9989"]["found_at"], &value["rfc7489"]["found_at"]),
        (&"winkel.test".into(), &"winkel.test".into())
    );
    // A department that is an organization of its own, which the old standard does not know.
    let (code, value, words) = show("afdeling.winkel.test");
    assert_eq!((code, &value["differ"]), (Some(1), &true.into()), "{words}");
    assert_eq!(
        (&value["rfc9989"]["organization"], &value["rfc7489"]["organization"]),
        (&"afdeling.winkel.test".into(), &"winkel.test".into())
    );
    assert_eq!(
        (&value["reports"][0]["is_authorised"], &value["reports"][1]["is_authorised"]),
        (&false.into(), &true.into())
    );
    assert!(
        words.contains("De standaarden zijn het niet eens")
            && words.contains("pct=50")
            && words.contains("✗ rua: mailto:a@elders.test"),
        "{words}"
    );
    let (code, value, words) = show("twee.test");
    assert_eq!((code, value["records"].as_array().unwrap().len()), (Some(1), 2));
    assert!(words.contains("2 DMARC-records") && words.contains("geen record"), "{words}");
    let down = Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .args(["mail", "dmarc", "show", "winkel.test", "--dns", "127.0.0.1:9"])
        .output()
        .unwrap();
    assert_eq!(down.status.code(), Some(2), "{}", String::from_utf8_lossy(&down.stdout));
}
