//! Rules and the files around them: the list in docs/CHECKS.md, tests that make each rule fire, snippets for nginx.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kluis_checks::rules;
use kluis_checks::{Part, Platform, Snippet};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

#[test]
fn the_list_of_checks_is_up_to_date() {
    let expected = rules::table_markdown();
    let text = fs::read_to_string(root().join("docs/CHECKS.md")).unwrap_or_default();
    let table = text.find("## ").map_or("", |start| &text[start..]);
    assert!(
        table == expected,
        "docs/CHECKS.md is not up to date; from its first `## ` on it must be:\n\n{expected}"
    );
}

/// The unit tests of the rules, without white space, so that how they are wrapped does not matter.
fn unit_tests() -> String {
    let mut found = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let is_all_tests = path.ends_with("tests.rs");
            let tests =
                if is_all_tests { Some(text.as_str()) } else { text.split_once("\nmod tests").map(|t| t.1) };
            found.extend(tests.unwrap_or_default().chars().filter(|c| !c.is_whitespace()));
        }
    }
    found
}

/// `check` fails when the rule does not fire, so a rule that is given to it has fired.
#[test]
fn every_rule_is_made_to_fire_by_a_test() {
    let tests = unit_tests();
    let fires = |id: &str| {
        let call = format!("(\"{id}\",");
        tests.match_indices(&call).any(|(at, _)| !tests[..at].ends_with("check_silent"))
    };
    let never: Vec<&str> = rules::all().map(|rule| rule.id).filter(|id| !fires(id)).collect();
    assert!(never.is_empty(), "no test makes these rules fire: {never:?}");
}

/// What nginx says against these lines in a `server` block; `./test` installs nginx.
fn nginx_fault(folder: &Path, lines: &str) -> Result<(), String> {
    let pem = folder.join("both.pem").display().to_string();
    let lines = lines.replace("/etc/letsencrypt/live/winkel.example/fullchain.pem", &pem);
    let own =
        if lines.contains("ssl_certificate ") { String::new() } else { format!("ssl_certificate {pem};") };
    let listen = if lines.contains("listen 443 ssl;\nlisten") { "" } else { "listen 127.0.0.1:44443 ssl;" };
    let settings = format!(
        "pid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n access_log off;\n server {{\n {listen}\n \
         server_name winkel.example;\n {own}\n ssl_certificate_key {pem};\n{lines}\n }}\n}}\n",
        folder = folder.display()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, settings).unwrap();
    let output = Command::new("/usr/sbin/nginx")
        .arg("-t")
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Binding the ports of the shop is not what is tested here.
    if output.status.success() || said.contains("syntax is ok") { Ok(()) } else { Err(said) }
}

#[test]
fn nginx_understands_the_lines_for_it() {
    let folder = std::env::temp_dir().join(format!("kluis-checks-nginx-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let issued = rcgen::generate_simple_self_signed(vec!["winkel.example".to_owned()]).unwrap();
    fs::write(folder.join("both.pem"), issued.cert.pem() + &issued.signing_key.serialize_pem()).unwrap();
    let nonsense = nginx_fault(&folder, "ssl_no_such_setting on;");
    assert!(nonsense.is_err(), "nginx takes anything");
    let mut faults = Vec::new();
    let mut tried = 0;
    for rule in rules::all().filter(|rule| matches!(rule.part, Part::Tls | Part::Certificate)) {
        for (_, snippet) in rule.snippets.iter().filter(|(platform, _)| *platform == Platform::Nginx) {
            let Snippet::Lines(lines) = snippet else { continue };
            // Post-quantum groups need OpenSSL 3.5, which not every machine has.
            let lines = lines.replace("X25519MLKEM768:", "");
            match nginx_fault(&folder, &lines) {
                Err(said) => faults.push(format!(
                    "{}: {lines}
{said}",
                    rule.id
                )),
                Ok(()) => tried += 1,
            }
        }
    }
    fs::remove_dir_all(&folder).unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(tried > 20, "only {tried} fixes for nginx were tried");
}
