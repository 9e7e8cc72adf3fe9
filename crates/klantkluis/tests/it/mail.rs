//! `mail verify` and `mail reports`: messages signed by dkimpy, keys served by BIND, reports of real receivers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::bind::Bind;

/// Signs a message; dkimpy is not ours, so that both sides cannot be wrong in the same way.
const SIGN: &str = "import sys, dkim\nfolder = sys.argv[1]\nmessage = open(folder + '/plain.eml', 'rb').read()\n\
                    key = open(folder + '/key.pem', 'rb').read()\n\
                    open(folder + '/signed.eml', 'wb').write(dkim.sign(message, b's1', b'winkel.test', key) + message)\n";

const PLAIN: &str = "From: Winkel <bestelling@winkel.test>\r\nTo: klant@voorbeeld.test\r\nSubject: Uw bestelling\r\n\
                     Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@winkel.test>\r\n\r\nDank u wel.\r\n";

/// A zone in BIND with a shop's mail records, and a message that the shop signed.
struct Zone {
    bind: Bind,
}

#[track_caller]
fn run(program: &str, words: &[&str], folder: &Path) -> Output {
    let output = Command::new(program).args(words).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; ./test installs it"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

impl Zone {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        run("openssl", &["genrsa", "-traditional", "-out", "key.pem", "2048"], at);
        let public = run("openssl", &["rsa", "-in", "key.pem", "-pubout"], at).stdout;
        let public = String::from_utf8(public).unwrap();
        let key: String = public.lines().filter(|line| !line.starts_with('-')).collect();
        fs::write(at.join("plain.eml"), PLAIN).unwrap();
        run("/usr/bin/python3", &["-c", SIGN, at.to_str().unwrap()], at);
        let (first, rest) = key.split_at(200);
        let zone = format!(
            "ns A 127.0.0.1\nwinkel A 192.0.2.1\n\
             winkel TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n_dmarc.winkel TXT \"v=DMARC1; p=reject\"\n\
             s1._domainkey.winkel TXT \"v=DKIM1; k=rsa; p={first}\" \"{rest}\"\n"
        );
        Self { bind: Bind::start_in(folder, &[("test", &zone)]) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.bind.file(name)
    }

    /// Judges a message with the real program: exit code, result, and what is said in Dutch.
    fn verify(&self, name: &str, more: &[&str]) -> (Option<i32>, Value, String) {
        let dns = self.bind.address();
        let ask = |form: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_klantkluis"));
            command.args(form).args(["mail", "verify"]).arg(self.file(name)).args(["--dns", &dns]).args(more);
            command.output().unwrap()
        };
        let json = ask(&["--json"]);
        let words = ask(&["--lang", "nl"]);
        assert_eq!(json.status.code(), words.status.code());
        let result = serde_json::from_slice(&json.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&json.stderr)));
        (json.status.code(), result, String::from_utf8(words.stdout).unwrap())
    }
}

#[test]
fn a_signed_message_is_real_and_a_changed_or_forged_one_is_not() {
    let zone = Zone::start();
    let (code, result, said) = zone.verify("signed.eml", &[]);
    assert_eq!((code, &result["dmarc"]["result"]), (Some(0), &Value::from("pass")), "{result:#}");
    assert!(said.starts_with("✓ Dit bericht komt echt van winkel.test"), "{said}");

    let signed = fs::read_to_string(zone.file("signed.eml")).unwrap();
    fs::write(zone.file("footer.eml"), signed.clone() + "-- \r\nVia de lijst\r\n").unwrap();
    let (code, result, said) = zone.verify("footer.eml", &[]);
    assert_eq!((code, &result["dkim"][0]["result"]), (Some(1), &Value::from("fail")), "{result:#}");
    assert!(said.contains("er is tekst bijgezet, zoals een mailinglijst doet"), "{said}");

    // Somebody else's server, the shop's name, no signature: SPF says no and nothing is aligned.
    let forged = ["--client", "203.0.113.9", "--sender", "bestelling@winkel.test"];
    let (code, result, said) = zone.verify("plain.eml", &forged);
    assert_eq!(
        (code, &result["spf"], &result["dmarc"]["policy"]),
        (Some(1), &"fail".into(), &"reject".into())
    );
    assert!(said.contains("Niets bewijst") && said.contains("weigeren"), "{said}");

    // The shop's own server, unsigned: SPF is enough.
    let own = ["--client", "192.0.2.7", "--sender", "bestelling@winkel.test"];
    assert_eq!(zone.verify("plain.eml", &own).0, Some(0));
}

#[test]
fn what_is_no_message_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("empty.eml", ""),
        ("nobody.eml", "Subject: x\r\n\r\nx\r\n"),
        ("two.eml", "From: a@a.test\r\nFrom: b@b.test\r\n\r\nx\r\n"),
        ("garbage.eml", "dit is geen bericht\u{0}\u{1}"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_klantkluis"));
        let output =
            command.args(["mail", "verify"]).arg(&file).args(["--dns", "127.0.0.1:9"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains("hint: "), "{name}: {said}");
    }
}

/// The public sample reports.
fn samples(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let vectors = std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned());
    let folder = root.join(vectors).join("dmarc").join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn reports(files: &[PathBuf]) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klantkluis"));
    let output = command.args(["--json", "mail", "reports"]).args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}")))
}

#[test]
fn the_sample_reports_are_counted_by_source_and_a_report_that_comes_twice_counts_once() {
    let files = samples("aggregate");
    let (_, once) = reports(&files);
    assert!(once["reports"].as_u64().unwrap() as usize * 10 >= files.len() * 8, "{once:#}");
    assert!(!once["sources"].as_array().unwrap().is_empty());
    let (_, again) = reports(&[files.clone(), files].concat());
    assert_eq!(again["sources"], once["sources"]);
    assert_eq!(
        again["twice"].as_u64().unwrap(),
        once["reports"].as_u64().unwrap() + 2 * once["twice"].as_u64().unwrap()
    );
}

#[test]
fn a_report_that_cannot_be_read_is_named_and_the_others_still_count() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("kapot.xml.gz");
    fs::write(&broken, [0x1f, 0x8b, 8, 0, 1, 2, 3]).unwrap();
    let mut files = samples("aggregate");
    let (_, good) = reports(&files);
    files.push(broken);
    let (code, result) = reports(&files);
    assert_eq!(code, Some(1));
    assert_eq!(result["sources"], good["sources"]);
    assert_eq!(result["refused"].as_array().unwrap().len(), good["refused"].as_array().unwrap().len() + 1);
}
