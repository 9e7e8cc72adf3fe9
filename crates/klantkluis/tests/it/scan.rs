//! `scan` as a person uses it: what is found in every form of the report, exit codes, and never a value in the output.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn scan(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_klantkluis")).args(["--lang", "nl"]).args(words).output().unwrap()
}

/// An export with a column of BSNs, and a log with an address of mail.
fn planted(folder: &Path) {
    let mut csv = String::from("klantnr;e-mail;bsn;kleur\n");
    for n in 0..60u32 {
        // Numbers that pass the eleven test.
        let bsn = ["111222333", "123456782", "100000629", "100000666"][n as usize % 4];
        csv.push_str(&format!("{n};kanarie{n}@winkel.example;{bsn};rood\n"));
    }
    fs::write(folder.join("klanten.csv"), csv).unwrap();
    fs::write(folder.join("winkel.log"), "regel\nmail kanarie.log@winkel.example\n").unwrap();
    fs::write(folder.join("beeld.png"), b"\x89PNG\r\n\x1a\n\0\0").unwrap();
}

#[test]
fn every_form_of_the_report_names_the_columns_and_no_value() {
    let folder = tempfile::tempdir().unwrap();
    planted(folder.path());
    let path = folder.path().to_str().unwrap();
    for form in [
        &["scan"][..],
        &["scan", "--html"],
        &["scan", "--md"],
        &["scan", "--csv"],
        &["scan", "--sarif"],
        &["--json", "scan"],
    ] {
        let output = scan(&[form, &[path]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{form:?}");
        for word in ["bsn", "e-mail", "winkel.log", "beeld.png"] {
            assert!(text.to_lowercase().contains(word), "{form:?} lacks {word}: {text}");
        }
        for value in ["kanarie0@", "kanarie.log", "111222333", "123456782"] {
            assert!(!text.contains(value), "{form:?} shows {value}");
        }
    }
}

#[test]
fn exit_codes_tell_findings_from_nothing_and_from_trouble() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "sku;prijs\nA1;12,50\nB2;9,95\n").unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(scan(&["scan", path]).status.code(), Some(0));
    let gone = folder.path().join("weg");
    let output = scan(&["scan", gone.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: "));
    assert_eq!(scan(&["scan", path, "--html", "--md"]).status.code(), Some(2));
}
