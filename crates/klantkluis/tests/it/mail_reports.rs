//! `mail report`: reports of real receivers in the vault on both databases, taken in twice, listed by source, kept apart.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Engine, Vault, free_port, on_both};

/// Folders of samples and how many of their files are failure reports.
const FOLDERS: [&str; 5] = ["aggregate", "aggregate_invalid", "extract_report", "smtp_tls", "failure"];

/// The public vectors beside the project, or where `KLUIS_VECTORS` says.
fn samples(folder: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join(std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned()))
        .join("dmarc")
        .join(folder)
}

#[track_caller]
fn json(vault: &Vault, words: &[&str], code: i32) -> Value {
    let mut all = vec!["--json"];
    all.extend(words);
    let output = vault.run(&all, "");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}: {errors}\n{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn samples_of_real_receivers_are_taken_in_once_and_say_who_mails() {
    on_both(|vault| {
        let folders: Vec<String> = FOLDERS.iter().map(|name| samples(name).display().to_string()).collect();
        let mut words = vec!["mail", "report", "ingest"];
        words.extend(folders.iter().map(String::as_str));
        let first = json(vault, &words, 0);
        let new = first["new"].as_u64().unwrap();
        assert!(new >= 24 && first["tls"] == 4 && first["failure_refused"] == 5, "{first}");
        let second = json(vault, &words, 0);
        assert_eq!(
            (&second["new"], &second["quarantined"]),
            (&Value::from(0), &Value::from(Vec::<Value>::new()))
        );
        assert_eq!(second["known"].as_u64(), Some(new + first["known"].as_u64().unwrap()));

        let listed = vault.cli_json(&["mail", "report", "list", "--limit", "500"], "");
        let listed = listed.as_array().unwrap();
        assert_eq!(listed.len() as u64, new);
        let dmarc = listed.iter().filter(|report| report["kind"] == "dmarc");
        let messages: u64 = dmarc.clone().map(|report| report["messages"].as_u64().unwrap()).sum();
        let sources = vault.run(&["--json", "mail", "report", "sources", "--days", "25000"], "");
        let sources: Value = serde_json::from_slice(&sources.stdout).unwrap();
        let shown = sources["streams"].as_array().unwrap().iter();
        assert_eq!(shown.map(|stream| stream["counts"]["messages"].as_u64().unwrap()).sum::<u64>(), messages);
        assert_eq!(sources["reports"].as_u64(), Some(dmarc.count() as u64));
        let said = vault.run(&["mail", "report", "sources", "--days", "25000"], "");
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.contains("Google Workspace (google-workspace)") && said.contains("TLS: 4"), "{said}");

        let fastmail = listed.iter().find(|report| report["org"] == "FastMail Pty Ltd").unwrap();
        let id = fastmail["id"].as_str().unwrap();
        let detail = vault.cli_json(&["mail", "report", "show", id], "");
        assert_eq!(detail["domain"], "indemed.com", "{detail}");
        assert!(vault.cli(&["mail", "report", "show", id], "").contains("104.195.80.20"));
        let exported = vault.cli(&["mail", "report", "export", "--days", "25000"], "");
        assert_eq!(exported.lines().count() as u64, sources["reports"].as_u64().unwrap());
        let rows: usize = exported
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["rows"].as_array().unwrap().len())
            .sum();
        let told: u64 = listed.iter().map(|report| report["rows"].as_u64().unwrap()).sum();
        assert_eq!(rows as u64, told);
        // Looking at rows is on record.
        let log = vault.cli(&["audit", "list", "--operation", "mail_read"], "");
        assert!(log.lines().count() >= 3, "{log}");
        assert!(vault.cli(&["verify"], "").contains("all is well"));
    });
}

#[test]
fn what_cannot_be_read_waits_for_a_person() {
    on_both(|vault| {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        put("1.xml", b"<feedback><!DOCTYPE x [<!ENTITY a 'b'>]>&a;</feedback>");
        put("2.eml", b"Subject: hoi\r\n\r\n\x1b[31mGeheim van Sanne Kanariegeel\r\n");
        fs::copy(samples("extract_report/nice-input.xml"), folder.path().join("3.xml")).unwrap();
        let odd = fs::read_to_string(samples("extract_report/nice-input.xml")).unwrap();
        let odd = odd
            .replace("<org_name>", "<org_name>a\0b&#0;")
            .replace("<domain>", "<domain>\0")
            .replace("<report_id>", "<report_id>\0'); drop table mail_report; --");
        put("5.xml", odd.as_bytes());
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("4.xml")).unwrap();
        let at = folder.path().to_str().unwrap();
        let came = json(vault, &["mail", "report", "ingest", at], 1);
        assert_eq!(
            (&came["new"], came["quarantined"].as_array().unwrap().len()),
            (&Value::from(2), 2),
            "{came}"
        );
        let again = json(vault, &["mail", "report", "ingest", at], 1);
        assert_eq!(again["quarantined"], came["quarantined"], "kept once");
        let kept = json(vault, &["mail", "report", "quarantine", "list"], 1);
        let kept = kept.as_array().unwrap();
        assert_eq!(kept.len(), 2);
        let id = kept.iter().find(|entry| entry["reason"] == "no report is attached").unwrap()["id"]
            .as_str()
            .unwrap();
        let shown = vault.cli(&["mail", "report", "quarantine", "show", id], "");
        assert!(shown.contains("Geheim van Sanne") && !shown.contains('\x1b'), "{shown}");
        let saved = folder.path().join("saved");
        vault.cli(&["mail", "report", "quarantine", "show", id, "--save", saved.to_str().unwrap()], "");
        assert_eq!(fs::read(&saved).unwrap(), fs::read(folder.path().join("2.eml")).unwrap());
        assert_eq!(json(vault, &["mail", "report", "quarantine", "retry"], 1)["still"], 2);
        for entry in kept {
            vault.cli(&["mail", "report", "quarantine", "delete", entry["id"].as_str().unwrap()], "");
        }
        assert_eq!(
            json(vault, &["mail", "report", "quarantine", "list"], 0),
            Value::from(Vec::<Value>::new())
        );
        let wrong = vault.run(&["mail", "report", "quarantine", "show", id], "");
        assert_eq!(wrong.status.code(), Some(2));
        let missing = vault.run(&["mail", "report", "ingest", "/nowhere/r.xml"], "");
        let said = String::from_utf8(missing.stderr).unwrap();
        assert!(missing.status.code() == Some(2) && said.contains("hint:"), "{said}");
        // Nothing of it is to be read in the database or the log.
        vault.stop();
        if vault.engine == Engine::Sqlite {
            for name in ["data.db", "keys.db"] {
                let bytes = fs::read(vault.data().join(name)).unwrap();
                assert!(!bytes.windows(11).any(|window| window == b"Kanariegeel"), "{name}");
            }
        }
        assert!(!fs::read_to_string(vault.log_file()).unwrap().contains("Kanariegeel"));
    });
}

/// A name server with the names of two servers; one of them lies.
struct Names {
    _folder: TempDir,
    port: u16,
    child: Child,
}

impl Drop for Names {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Names {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (at, port) = (folder.path(), free_port());
        let zone = |name: &str, records: &str| {
            let head = "$TTL 60\n@ SOA ns.test. root.test. 1 60 60 60 60\n@ NS ns.test.\n";
            fs::write(at.join(name), format!("{head}{records}")).unwrap();
            format!("zone \"{name}\" {{ type primary; file \"{name}\"; }};\n")
        };
        let zones = [
            zone("100.51.198.in-addr.arpa", "7 PTR out7.mcsv.net.\n8 PTR liar.mcsv.net.\n"),
            zone("mcsv.net", "out7 A 198.51.100.7\nliar A 198.51.100.99\n"),
        ];
        let mut settings = fs::File::create(at.join("named.conf")).unwrap();
        write!(
            settings,
            "options {{ directory \"{}\"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;\n\
             listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; }};\ncontrols {{ }};\n{}",
            at.display(),
            zones.concat()
        )
        .unwrap();
        let child = Command::new("/usr/sbin/named")
            .args(["-g", "-n", "1", "-c", "named.conf"])
            .current_dir(at)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at.join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("named: {error}; ./test installs it"));
        let begun = Instant::now();
        while !fs::read_to_string(at.join("log")).unwrap().contains(" running\n") {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{}",
                fs::read_to_string(at.join("log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { _folder: folder, port, child }
    }
}

#[test]
fn a_server_is_named_by_the_dns_when_its_name_leads_back_to_it() {
    let names = Names::start();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut vault = Vault::new(engine);
        vault.start();
        vault.stop();
        vault.add_settings(&format!("[mail]\ndns = \"127.0.0.1:{}\"\n", names.port));
        let row = |server: &str, count: u32| {
            format!(
                "<record><row><source_ip>{server}</source_ip><count>{count}</count><policy_evaluated><disposition>none\
                 </disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>\
                 winkel.example</header_from></identifiers><auth_results></auth_results></record>"
            )
        };
        let report = format!(
            "<feedback><report_metadata><org_name>a.example</org_name><report_id>1</report_id><date_range>\
             <begin>1700000000</begin><end>1700086399</end></date_range></report_metadata><policy_published>\
             <domain>winkel.example</domain><p>none</p></policy_published>{}{}</feedback>",
            row("198.51.100.7", 40),
            row("198.51.100.8", 2)
        );
        let file = vault.folder.path().join("r.xml");
        fs::write(&file, report).unwrap();
        vault.cli(&["mail", "report", "ingest", file.to_str().unwrap()], "");
        let sources = |vault: &Vault| {
            let view = vault.cli_json(&["mail", "report", "sources", "--days", "25000"], "");
            let sources = view["streams"][0]["sources"].as_array().unwrap().clone();
            sources
                .iter()
                .map(|s| format!("{} {} {}", s["category"], s["sender"], s["counts"]["messages"]))
                .collect::<Vec<_>>()
        };
        assert_eq!(sources(&vault), ["\"misuse\" null 42"]);
        // The job of the server looks the names up.
        vault.start();
        let named = ["\"service\" \"mailchimp\" 40", "\"misuse\" null 2"];
        let begun = Instant::now();
        while sources(&vault) != named {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", sources(&vault));
            std::thread::sleep(Duration::from_millis(100));
        }
        let listed = vault.cli_json(&["mail", "report", "list"], "");
        let detail = vault.cli_json(&["mail", "report", "show", listed[0]["id"].as_str().unwrap()], "");
        let ptr: Vec<&Value> = detail["lines"].as_array().unwrap().iter().map(|line| &line["ptr"]).collect();
        assert_eq!(ptr, [&Value::from("out7.mcsv.net"), &Value::Null]);
        assert!(vault.cli(&["verify"], "").contains("all is well"));
    }
}

/// A folder with 1,000 reports of 20 rows each, 77,000 messages in all.
fn thousand_files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..1_000 {
        let rows: String = (0..20)
            .map(|row| {
                format!(
                    "<record><row><source_ip>198.51.{}.{}</source_ip><count>{}</count><policy_evaluated><disposition>none\
                     </disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row><identifiers><header_from>\
                     winkel.example</header_from></identifiers><auth_results><dkim><domain>winkel.example</domain>\
                     <selector>s1</selector><result>pass</result></dkim><spf><domain>winkel.example</domain><result>pass\
                     </result></spf></auth_results></record>",
                    n % 250,
                    row,
                    row % 7 + 1
                )
            })
            .collect();
        let text = format!(
            "<feedback><report_metadata><org_name>a.example</org_name><report_id>{n}</report_id><date_range>\
             <begin>1700000000</begin><end>1700086399</end></date_range></report_metadata><policy_published>\
             <domain>winkel.example</domain><p>none</p></policy_published>{rows}</feedback>"
        );
        fs::write(folder.path().join(format!("{n}.xml")), text).unwrap();
    }
    folder
}

#[test]
fn a_thousand_reports_with_twenty_thousand_rows_are_taken_in_within_seconds() {
    let folder = thousand_files();
    on_both(|vault| {
        let begun = Instant::now();
        let came = vault.cli_json(&["mail", "report", "ingest", folder.path().to_str().unwrap()], "");
        let took = begun.elapsed();
        assert_eq!((&came["new"], &came["known"]), (&Value::from(1_000), &Value::from(0)), "{came}");
        let begun = Instant::now();
        let sources = vault.cli_json(&["mail", "report", "sources", "--days", "25000"], "");
        writeln!(std::io::stderr(), "{:?}: taken in {took:?}, shown {:?}", vault.engine, begun.elapsed())
            .unwrap();
        assert_eq!(sources["streams"][0]["counts"]["messages"], 77_000);
        assert_eq!(sources["streams"][0]["sources"].as_array().unwrap().len(), 250);
        // Far above what it takes, so that a busy machine does not fail it.
        assert!(took < Duration::from_secs(40), "{took:?}");
    });
}

#[test]
fn a_kill_in_the_middle_loses_and_doubles_no_report() {
    let folder = thousand_files();
    let at = folder.path().to_str().unwrap();
    on_both(|vault| {
        for moment_ms in [60, 150, 300] {
            let mut child = vault.spawn(&["mail", "report", "ingest", at]);
            std::thread::sleep(Duration::from_millis(moment_ms));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let came = vault.cli_json(&["mail", "report", "ingest", at], "");
        assert_eq!(came["new"].as_u64().unwrap() + came["known"].as_u64().unwrap(), 1_000, "{came}");
        let sources = vault.cli_json(&["mail", "report", "sources", "--days", "25000"], "");
        assert_eq!(
            (&sources["reports"], &sources["streams"][0]["counts"]["messages"]),
            (&Value::from(1_000), &Value::from(77_000))
        );
        assert!(vault.cli(&["verify"], "").contains("all is well"));
    });
}
