//! Rules about the project's own files: crate graph, where SQL, HTTP, sockets and ciphers may be, file form.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines a source file may have before it is split by subject.
const FILE_LINES_MAX: usize = 800;
/// Lines ARCHITECTURE.md may have.
const ARCHITECTURE_LINES_MAX: usize = 150;
/// Crates without I/O.
const PURE: [&str; 6] =
    ["kluis-model", "kluis-crypto", "kluis-mail", "kluis-discover", "kluis-checks", "kluis-connect"];
/// Which of our crates a crate may use (DESIGN: wide, not deep).
const MAY_USE: [(&str, &[&str]); 13] = [
    ("kluis-model", &[]),
    ("kluis-crypto", &["kluis-model"]),
    ("kluis-connect", &["kluis-model"]),
    ("kluis-mail", &["kluis-model", "kluis-crypto"]),
    ("kluis-discover", &["kluis-model"]),
    ("kluis-scan", &["kluis-model", "kluis-discover"]),
    ("kluis-checks", &["kluis-model", "kluis-crypto"]),
    ("kluis-net", &["kluis-model", "kluis-crypto", "kluis-mail", "kluis-checks"]),
    ("kluis-store", &["kluis-model", "kluis-crypto"]),
    (
        "kluis-app",
        &[
            "kluis-model",
            "kluis-crypto",
            "kluis-connect",
            "kluis-mail",
            "kluis-checks",
            "kluis-net",
            "kluis-store",
        ],
    ),
    ("kluis-post", &["kluis-model", "kluis-crypto", "kluis-mail", "kluis-net", "kluis-app"]),
    ("kluis-web", &["kluis-model", "kluis-crypto", "kluis-mail", "kluis-checks", "kluis-net", "kluis-app"]),
    (
        "klantkluis",
        &[
            "kluis-model",
            "kluis-crypto",
            "kluis-connect",
            "kluis-mail",
            "kluis-discover",
            "kluis-scan",
            "kluis-checks",
            "kluis-net",
            "kluis-store",
            "kluis-app",
            "kluis-post",
            "kluis-web",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// A file of the project: its path from the root and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    fn is_product_code(&self) -> bool {
        let is_test =
            ["/tests.rs", "_tests.rs", "/tests/", "/testing.rs"].iter().any(|part| self.path.contains(part));
        self.path.starts_with("crates/")
            && self.path.contains("/src/")
            && self.path.ends_with(".rs")
            && !is_test
    }

    /// The text above the unit tests, without comment lines.
    fn code(&self) -> String {
        let above = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        above.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }
}

/// Every file git would commit (tracked, and new ones it does not ignore); without git, every file in the folders.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git", "node_modules", ".venv", "artifacts"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).unwrap().display().to_string();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 30, "the project's files were not found");
    found
}

/// Fails with every offending place at once.
fn check(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn crates_use_only_the_crates_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut offences = Vec::new();
    for source in sources() {
        let Some(name) = source.path.strip_prefix("crates/").and_then(|p| p.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        let Some(may) = allowed.get(name) else {
            offences.push(format!("{name}: not in the crate graph of tests/tidy.rs"));
            continue;
        };
        let dependencies = source.text.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines().filter(|line| line.starts_with("kluis-")) {
            let used = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !may.contains(&used) {
                offences.push(format!("{name} uses {used}"));
            }
        }
    }
    check("a crate may use only what the graph allows", &offences);
}

#[test]
fn pure_crates_do_no_io_and_ask_no_clock() {
    let forbidden =
        ["tokio", "std::net", "std::fs", "SystemTime", "Instant::now", "std::env", "std::process"];
    places_with("pure crates do no I/O", &forbidden, |source| {
        source.crate_name().is_some_and(|name| PURE.contains(&name))
    });
}

#[test]
fn sql_is_only_in_the_store() {
    let forbidden = ["rusqlite", "tokio_postgres", "-- name"];
    // kluis-scan reads the databases of others, read-only.
    places_with("SQL only in kluis-store and kluis-scan", &forbidden, |source| {
        !["kluis-store", "kluis-scan"].iter().any(|name| source.crate_name() == Some(name))
    });
}

#[test]
fn http_types_are_only_in_the_web_crate() {
    places_with("HTTP types only in kluis-web", &["axum"], |source| source.crate_name() != Some("kluis-web"));
    // As a client, hyper speaks for kluis-net.
    places_with("HTTP only in kluis-web and kluis-net", &["hyper"], |source| {
        !["kluis-web", "kluis-net"].iter().any(|name| source.crate_name() == Some(name))
    });
}

#[test]
fn ciphers_and_randomness_are_only_in_the_crypto_crate() {
    let forbidden =
        ["aws_lc_rs::aead", "aws_lc_rs::hmac", "aws_lc_rs::rand", "aes_gcm", "argon2::", "getrandom"];
    places_with("ciphers, HMAC and RNG only in kluis-crypto", &forbidden, |source| {
        source.crate_name() != Some("kluis-crypto")
    });
}

#[test]
fn nothing_connects_outward() {
    let forbidden = ["TcpStream::connect", "UdpSocket", "reqwest", "hyper_util::client"];
    places_with("outgoing connections only in kluis-net", &forbidden, |source| {
        source.crate_name() != Some("kluis-net")
    });
}

/// Checks that no product code of the chosen files mentions one of the words.
fn places_with(rule: &str, words: &[&str], chosen: impl Fn(&Source) -> bool) {
    let mut offences = Vec::new();
    let mut read = 0;
    for source in sources().iter().filter(|s| s.is_product_code() && chosen(s)) {
        read += 1;
        let code = source.code();
        for word in words.iter().filter(|word| code.contains(**word)) {
            offences.push(format!("{}: {word}", source.path));
        }
    }
    assert!(read > 0, "{rule}: no file was read");
    check(rule, &offences);
}

#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    let mut offences = Vec::new();
    for source in sources() {
        let is_root = source.path.ends_with("/src/lib.rs") || source.path.ends_with("/src/main.rs");
        if is_root && !source.text.contains("#![forbid(unsafe_code)]") {
            offences.push(source.path);
        }
    }
    check("crate roots say #![forbid(unsafe_code)]", &offences);
}

#[test]
fn rust_files_say_what_they_are_for_and_stay_short() {
    let mut offences = Vec::new();
    for source in sources().iter().filter(|s| s.path.ends_with(".rs")) {
        if !source.text.starts_with("//! ") {
            offences.push(format!("{}: line one is not //!", source.path));
        }
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            offences.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path));
        }
    }
    check("file form", &offences);
}

#[test]
fn nothing_is_left_unfinished() {
    let words = [["to", "do!("].concat(), ["unimpl", "emented!("].concat(), ["FIX", "ME"].concat()];
    let mut offences = Vec::new();
    for source in sources().iter().filter(|s| s.path.ends_with(".rs")) {
        for word in words.iter().filter(|word| source.text.contains(word.as_str())) {
            offences.push(format!("{}: {word}", source.path));
        }
    }
    check("unfinished work", &offences);
}

#[test]
fn no_machine_path_or_registry_host_is_committed() {
    // Put together here so that this file does not match itself.
    let words = [
        ["/wo", "rk/"].concat(),
        ["/ro", "ot/"].concat(),
        ["registry.npm", "js"].concat(),
        ["/ho", "me/"].concat(),
    ];
    let mut offences = Vec::new();
    for source in sources().iter().filter(|s| s.path != "Cargo.lock") {
        for word in words.iter().filter(|word| source.text.contains(word.as_str())) {
            offences.push(format!("{}: {word}", source.path));
        }
    }
    check("paths of one machine", &offences);
}

#[test]
fn the_documents_exist_and_keep_their_form() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap_or_default();
    let architecture = read("ARCHITECTURE.md");
    let lines = architecture.lines().count();
    assert!((20..=ARCHITECTURE_LINES_MAX).contains(&lines), "ARCHITECTURE.md has {lines} lines");
    let walkthroughs = architecture.matches("\n### Walkthrough").count();
    assert_eq!(walkthroughs, 3, "ARCHITECTURE.md tells three walkthroughs");
    let readme = read("README.md");
    let commands: Vec<&str> =
        readme.split("```sh\n").skip(1).filter_map(|block| block.split("\n```").next()).take(2).collect();
    assert_eq!(commands, ["cargo run --release -- serve", "./test"], "the README's two commands");
    for name in ["CHANGELOG.md", "docs/GLOSSARY.md", "docs/THREAT-MODEL.md", "LICENSE-APACHE", "LICENSE-MIT"]
    {
        assert!(read(name).len() > 400, "{name} is missing or empty");
    }
}

#[test]
fn public_documents_name_only_files_that_exist() {
    let mut offences = Vec::new();
    for name in ["README.md", "ARCHITECTURE.md", "docs/THREAT-MODEL.md"] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = ["crates/", "docs/", "bench/", "packaging/", "tests-browser/", "fuzz/"]
                .iter()
                .any(|folder| quoted.starts_with(folder));
            if is_path && !quoted.contains(['*', '{', ' ']) && !root().join(quoted).exists() {
                offences.push(format!("{name}: {quoted}"));
            }
        }
    }
    check("documents name files that exist", &offences);
}
