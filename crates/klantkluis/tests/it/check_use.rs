//! Checks of a shop's HTTPS as people use them: from the command line without a vault, over the API, in the console.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::console::Browser;
use crate::harness::{Engine, Vault, on_both};

/// Longest wait for a check.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Runs `klantkluis check` in a folder of its own, without settings and without a vault.
fn check(home: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .args(["--lang", "en"])
        .args(words)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .output()
        .unwrap()
}

/// The words that check the server of a vault.
fn own(vault: &Vault) -> Vec<String> {
    let words = [
        "check",
        "localhost",
        "--resolve",
        "localhost:127.0.0.1",
        "--dns",
        "127.0.0.1:9",
        "--port",
        &vault.port().to_string(),
        "--http-port",
        &vault.http_port().to_string(),
        "--ca",
        &vault.data().join("tls/ca.pem").display().to_string(),
    ];
    words.map(str::to_owned).to_vec()
}

fn running(engine: Engine) -> Vault {
    let mut vault = Vault::new(engine);
    vault.start();
    vault
}

/// Runs the check of a vault's own server with more words; an error ends the test.
#[track_caller]
fn check_own(vault: &Vault, more: &[&str]) -> (i32, String, String) {
    let words = own(vault);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let output = check(vault.folder.path(), &words);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let code = output.status.code().unwrap();
    assert!([0, 1].contains(&code), "{code}: {stderr}\n{stdout}");
    (code, stdout, stderr)
}

#[test]
fn a_shop_is_checked_without_a_vault_and_the_report_comes_in_every_form() {
    let vault = running(Engine::Sqlite);
    let (code, stdout, _) = check_own(&vault, &["--json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["target"]["host"], "localhost");
    let above_info = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().clone();
        findings.into_iter().filter(|finding| finding["severity"] != "info").collect::<Vec<_>>()
    };
    assert_eq!(code == 1, !above_info(&report).is_empty(), "{stdout}");
    let grave: Vec<_> = above_info(&report)
        .into_iter()
        .filter(|finding| ["critical", "high"].contains(&finding["severity"].as_str().unwrap()))
        .collect();
    assert_eq!(grave, [] as [Value; 0], "the vault's own server has nothing grave");
    let (_, terminal, stderr) = check_own(&vault, &["--all"]);
    assert!(terminal.contains("localhost") && !terminal.contains('\u{1b}'), "{terminal}");
    assert!(stderr.is_empty(), "nobody watches: {stderr}");
    let (_, html, _) = check_own(&vault, &["--html"]);
    assert!(html.starts_with("<!doctype html>") && html.contains("localhost"), "{html}");
    let (_, markdown, _) = check_own(&vault, &["--md", "--only", "tls,certificate"]);
    assert!(markdown.starts_with('#'), "{markdown}");
    let (_, sarif, _) = check_own(&vault, &["--sarif"]);
    assert_eq!(serde_json::from_str::<Value>(&sarif).unwrap()["version"], "2.1.0");
    let names: Vec<_> = fs::read_dir(vault.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "klantkluis-data" || name == ".local"), "{names:?}");
}

#[test]
fn what_was_seen_is_judged_again_without_a_network_and_compared() {
    let vault = running(Engine::Sqlite);
    let path = |name: &str| vault.folder.path().join(name).display().to_string();
    let (_, first, _) = check_own(&vault, &["--json", "--save-evidence", &path("bewijs.json")]);
    fs::write(path("oud.json"), &first).unwrap();
    let mode = fs::metadata(path("bewijs.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let home = vault.folder.path();
    let again = check(home, &["--json", "check", "--evidence", &path("bewijs.json")]);
    assert_eq!(
        serde_json::from_slice::<Value>(&again.stdout).unwrap(),
        serde_json::from_str::<Value>(&first).unwrap()
    );
    let compared =
        check(home, &["--json", "check", "--evidence", &path("bewijs.json"), "--since", &path("oud.json")]);
    let compared: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert_eq!((&compared["difference"]["new"], &compared["difference"]["fixed"]), (&json!([]), &json!([])));
    fs::write(path("oud2.json"), compared.to_string()).unwrap();
    let words = check(home, &["check", "--evidence", &path("bewijs.json"), "--since", &path("oud2.json")]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("Changed since the old report"));
    let other = first.replacen("\"localhost\"", "\"ander.example\"", 1);
    fs::write(path("ander.json"), other).unwrap();
    let refused = check(home, &["check", "--evidence", &path("bewijs.json"), "--since", &path("ander.json")]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let garbage = file("rommel.json", "geen json");
    let empty = file("leeg.json", "");
    let other = file("ander.json", "{\"a\":1}");
    let newer = file("nieuw.json", "{\"format\":999,\"soep\":[1]}");
    let wrong = file("fout.json", "{\"format\":1,\"target\":7}");
    let large = folder.path().join("groot.json");
    fs::File::create(&large).unwrap().set_len(33 * 1024 * 1024).unwrap();
    let large = large.display().to_string();
    let long = format!("{}.example", "a".repeat(300));
    let many: Vec<String> = (0..101).map(|n| format!("w{n}.example")).collect();
    let mut too_many = vec!["check"];
    too_many.extend(many.iter().map(String::as_str));
    let cases: &[(&[&str], &str)] = &[
        (&["check"], "required"),
        (&["check", "geen domein"], "not a domain"),
        (&["check", "winkel.example:8443"], "not a domain"),
        (&["check", "noor@winkel.example"], "not a domain"),
        (&["check", "xn--\u{e9}"], "not a domain"),
        (&["check", &long], "not a domain"),
        (&["check", "a.example", "--only", "soep"], "invalid value"),
        (&["check", "a.example", "--only", "exposed"], "--owner-verified"),
        (&["check", "a.example", "--html", "--md"], "cannot be used"),
        (&["--json", "check", "a.example", "--sarif"], "cannot be used"),
        (&["check", "a.example", "--resolve", "a.example"], "--resolve"),
        (&["check", "a.example", "--pages", "soep=/x"], "--pages"),
        (&["check", "a.example", "--dns", "dns.example"], "--dns"),
        (&["check", "a.example", "--port", "0"], "invalid value"),
        (&["check", "a.example", "--parallel", "101"], "invalid value"),
        (&["check", "a.example", "--ca", &garbage], "no certificate"),
        (&["check", "a.example", "--ca", "/nergens.pem"], "no such file"),
        (&["check", "a.example", "--since", &garbage], "no report"),
        (&["check", "a.example", "--since", &other], "no report"),
        (&["check", "a.example", "--since", &large], "too large"),
        (&["check", "--evidence", &garbage], "no evidence"),
        (&["check", "--evidence", &empty], "no evidence"),
        (&["check", "--evidence", &other], "no evidence"),
        (&["check", "--evidence", &wrong], "no evidence"),
        (&["check", "--evidence", &newer], "newer version"),
        (&["check", "--evidence", &large], "too large"),
        (&["check", "--evidence", "/nergens.json"], "no such file"),
        (&["check", "a.example", "--evidence", &garbage], "cannot be used"),
        (&["check", "a.example", "b.example", "--html"], "about one domain"),
        (&too_many, "too many"),
    ];
    for (words, says) in cases {
        let output = check(folder.path(), words);
        let stderr = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{words:?}");
        assert!(stderr.contains(&says.to_lowercase()), "{words:?} does not say {says}: {stderr}");
        assert!(stderr.contains("hint: ") || stderr.contains("--help"), "{words:?}: {stderr}");
    }
}

#[test]
fn a_domain_that_cannot_be_reached_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let reached = ["--resolve", "winkel.example:127.0.0.1", "--dns", "127.0.0.1:9"];
    let refused = check(
        folder.path(),
        &[&["check", "winkel.example", "--port", &closed, "--http-port", &closed][..], &reached[..]].concat(),
    );
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("refuses connections") && stderr.contains("hint: "), "{stderr}");
    let unknown = check(folder.path(), &["check", "winkel.example", "--dns", "127.0.0.1:9"]);
    let stderr = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(unknown.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("DNS") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn several_domains_give_a_line_each() {
    let vault = running(Engine::Sqlite);
    let mut words = own(&vault);
    words.insert(2, "127.0.0.1".into());
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    let table = check(vault.folder.path(), &all);
    let stdout = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!([Some(0), Some(1)].contains(&table.status.code()), "{}", String::from_utf8_lossy(&table.stderr));
    assert_eq!(stdout.lines().count(), 3, "{stdout}");
    words.insert(3, "nergens.example".into());
    let all: Vec<&str> = ["--json"].into_iter().chain(words.iter().map(String::as_str)).collect();
    let list = check(vault.folder.path(), &all);
    assert_eq!(list.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&list.stderr).into_owned();
    assert!(stderr.contains("1 of 3") && stderr.contains("hint: "), "{stderr}");
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    let domains: Vec<_> =
        list.as_array().unwrap().iter().map(|one| one["domain"].as_str().unwrap()).collect();
    assert_eq!(domains, ["localhost", "127.0.0.1", "nergens.example"]);
    assert!(list[0]["report"]["grade"]["letter"].is_string() && list[2]["error"].is_string());
}

#[test]
fn an_owner_is_told_what_to_publish_and_it_stays_the_same() {
    let vault = running(Engine::Sqlite);
    let told = |home: &Path, data: &[&str]| {
        let mut words = own(&vault);
        words.push("--owner-verified".into());
        let words: Vec<&str> = data.iter().copied().chain(words.iter().map(String::as_str)).collect();
        let output = check(home, &words);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!([Some(0), Some(1)].contains(&output.status.code()), "{stderr}");
        let line = stderr
            .lines()
            .find(|line| line.trim().starts_with("klantkluis-owner="))
            .unwrap_or_else(|| panic!("{stderr}"));
        assert!(
            stderr.contains("TXT") && stderr.contains("/.well-known/") && stderr.contains("hint: "),
            "{stderr}"
        );
        line.trim().to_owned()
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = told(one.path(), &[]);
    assert!(first.len() >= "klantkluis-owner=".len() + 32, "{first}");
    assert_eq!(first, told(one.path(), &[]));
    assert_ne!(first, told(other.path(), &[]), "another computer has another secret");
    let secret = one.path().join(".local/state/klantkluis/check-secret");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let mut words = own(&vault);
    words.push("--owner-verified".into());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let refused = check(one.path(), &words);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("others may read"));
    let data = one.path().join("data").display().to_string();
    told(one.path(), &["--data", &data]);
    assert!(one.path().join("data/check-secret").exists());
}

/// Lets the server of a vault check itself.
fn let_it_check_itself(vault: &mut Vault, more: &str) {
    vault.stop();
    let mut settings = fs::OpenOptions::new().append(true).open(vault.settings()).unwrap();
    let text = format!(
        "\n[check]\nprivate_networks = true\nhttps_port = {}\nhttp_port = {}\nresolve = [\"localhost:127.0.0.1\"]\n\
         dns = \"127.0.0.1:9\"\nca_file = \"{}\"\n{more}\n",
        vault.port(),
        vault.http_port(),
        vault.data().join("tls/ca.pem").display(),
    );
    settings.write_all(text.as_bytes()).unwrap();
    drop(settings);
    vault.start();
}

/// Asks again until a check is over.
#[track_caller]
fn over(client: &Client, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let result = client.get(&format!("/v1/checks/{id}")).expect(200).json();
        if ["done", "failed"].contains(&result["state"].as_str().unwrap()) {
            return result;
        }
        assert!(begun.elapsed() < WAIT_MAX, "the check does not end: {result}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn started(client: &Client, domain: &str) -> String {
    let answer = client.post("/v1/checks", &json!({"domain": domain})).expect(202);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(format!("/v1/checks/{id}").as_str()));
    id
}

#[test]
fn the_api_checks_keeps_compares_and_backs_up() {
    on_both(|vault| {
        let client = vault.client();
        for domain in
            ["localhost", "127.0.0.1", "[::1]", "10.0.0.8", "kassa.local", "0x7f000001", "169.254.169.254"]
        {
            let refused = client.post("/v1/checks", &json!({"domain": domain})).expect(422).json();
            assert_eq!(refused["errors"][0]["field"], "domain", "{domain}: {refused}");
        }
        for (body, status) in [
            (json!({}), 422),
            (json!({"domain": ""}), 422),
            (json!({"domain": "geen domein"}), 422),
            (json!({"domain": "winkel.example:8443"}), 422),
            (json!({"domain": "winkel.example", "parts": []}), 422),
            (json!({"domain": "winkel.example", "parts": ["soep"]}), 422),
            (json!({"domain": "winkel.example", "soep": 1}), 422),
            (json!({"domain": 7}), 422),
        ] {
            client.post("/v1/checks", &body).expect(status);
        }
        let_it_check_itself(vault, "");
        let client = vault.client();
        let first = over(&client, &started(&client, "localhost"));
        assert_eq!(first["state"], "done", "{first}");
        assert!(first["summary"]["grade"].is_string() && first["difference"].is_null());
        let second = over(&client, &started(&client, "LOCALHOST."));
        assert_eq!(second["previous"], first["id"], "{second}");
        assert_eq!(second["difference"]["new"], json!([]));
        let list = client.get("/v1/checks?domain=localhost").expect(200).json();
        assert_eq!(list["checks"].as_array().unwrap().len(), 2);
        let path = format!("/v1/checks/{}/report", second["id"].as_str().unwrap());
        check_forms(&client, &path);
        let failed = over(&client, &started(&client, "winkel.example"));
        assert!(failed["problem"]["text"]["nl"].as_str().unwrap().contains("DNS"), "{failed}");
        client.get(&format!("/v1/checks/{}/report", failed["id"].as_str().unwrap())).expect(409);
        let file = vault.folder.path().join("kluis.age").display().to_string();
        vault.cli(&["backup", &file], "");
        vault.stop();
        vault.lose_database();
        vault.cli(&["restore", &file], "");
        vault.start();
        let client = vault.client();
        let again = client.get(&format!("/v1/checks/{}", second["id"].as_str().unwrap())).expect(200).json();
        assert_eq!(again["report"], second["report"]);
        assert_eq!(vault.cli_json(&["verify"], "")["findings"], json!([]));
    });
}

#[track_caller]
fn check_forms(client: &Client, path: &str) {
    let typed = |answer: &Answer| answer.header("content-type").unwrap().to_owned();
    let html = client.get(path).expect(200);
    assert_eq!(typed(&html), "text/html; charset=utf-8");
    assert!(html.header("content-security-policy").unwrap().starts_with("sandbox;"));
    let markdown = client.get(&format!("{path}?format=markdown")).expect(200);
    assert!(markdown.text().starts_with('#'));
    let sarif = client.ask("GET", path, &[("accept", "application/sarif+json")], b"").expect(200);
    assert_eq!(
        (typed(&sarif).as_str(), &sarif.json()["version"]),
        ("application/sarif+json", &json!("2.1.0"))
    );
    let plain = client.ask("GET", path, &[("accept", "application/json")], b"").expect(200);
    assert_eq!(plain.json()["target"]["host"], "localhost");
    let dutch = client.ask("GET", path, &[("accept-language", "nl")], b"").expect(200);
    assert!(dutch.text().contains("<html lang=\"nl\">"));
    client.get(&format!("{path}?format=pdf")).expect(400);
}

#[test]
fn the_shops_own_domain_is_checked_by_itself_and_its_grade_is_shown() {
    on_both(|vault| {
        let_it_check_itself(vault, "domains = [\"localhost\"]");
        let client = vault.client();
        let begun = Instant::now();
        let check = loop {
            let list = client.get("/v1/checks").expect(200).json();
            match list["checks"].as_array().unwrap().first() {
                Some(check) => break check.clone(),
                None => assert!(begun.elapsed() < WAIT_MAX, "nothing is checked"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        assert_eq!(check["asked_by"], "check");
        let done = over(&client, check["id"].as_str().unwrap());
        let grade = done["summary"]["grade"].as_str().unwrap();
        assert_eq!(client.get("/v1/status").expect(200).json()["check"]["grade"], grade);
        let page =
            client.with_bearer(None).ask("GET", "/", &[("accept-language", "en")], b"").expect(200).text();
        assert!(page.contains(&format!("Last check of the web shop: grade {grade}")), "{page}");
        // On this node a second start knows that the domain was checked today.
        vault.stop();
        vault.start();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(
            vault.client().get("/v1/checks").expect(200).json()["checks"].as_array().unwrap().len(),
            1
        );
    });
}

#[test]
fn a_person_checks_the_shop_in_the_console_without_scripts() {
    on_both(|vault| {
        let_it_check_itself(vault, "");
        let mut browser = Browser::new(vault);
        browser.sign_in(&vault.secret()).expect(303);
        let token = browser.token("/console/checks");
        browser.post("/console/checks", &format!("csrf={token}&domain=geen+domein")).expect(422);
        let asked =
            browser.post("/console/checks", &format!("csrf={token}&domain=localhost&own=yes")).expect(303);
        let page = asked.header("location").unwrap().to_owned();
        let begun = Instant::now();
        let html = loop {
            let html = browser.get(&page).expect(200).text();
            if !html.contains("http-equiv=\"refresh\"") {
                break html;
            }
            assert!(begun.elapsed() < WAIT_MAX, "{html}");
            std::thread::sleep(Duration::from_millis(50));
        };
        for wanted in ["class=\"shields\"", "grade-letter", "klantkluis-owner=", "/file\""] {
            assert!(html.contains(wanted), "{wanted}: {html}");
        }
        let file = browser.get(&format!("{page}/file")).expect(200);
        assert!(file.header("content-disposition").unwrap().contains("https-localhost-"));
        assert!(file.text().starts_with("<!doctype html>"));
        let list = browser.get("/console/checks").expect(200).text();
        assert!(list.contains(&page), "{list}");
        browser.get("/console/checks/nonsense").expect(404);
        browser.get("/console/checks/00000000-0000-7000-8000-000000000000").expect(404);
        browser.get("/console/checks/00000000-0000-7000-8000-000000000000/file").expect(404);
    });
}
