//! The audit of shops: a good nginx has no finding, a deliberately bad one is told every planted fault.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::shops::{Certificate, Shop, findings};

/// A page with a title and a body.
fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"nl\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/stijl.css\"></head><body><nav><a href=\"/\">Home</a> \
         <a href=\"/product/kanarie.html\">Kanarie</a> <a href=\"/inloggen.html\">Inloggen</a> \
         <a href=\"/winkelwagen.html\">Winkelwagen</a> <a href=\"/contact.html\">Contact</a></nav>{body}</body></html>"
    )
}

const GOOD_SERVERS: &str = r#"
server { listen 127.0.0.1:@http@; server_name winkel.test www.winkel.test; return 308 https://$host:@https@$request_uri; }
server {
  listen 127.0.0.1:@https@ ssl http2; server_name winkel.test www.winkel.test; root @folder@/site; index index.html;
  ssl_certificate @folder@/chain.pem; ssl_certificate_key @folder@/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1:secp384r1; ssl_prefer_server_ciphers on;
  ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256;
  ssl_session_timeout 1d; ssl_session_cache shared:s:1m; ssl_session_tickets off;
  add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload" always;
  add_header Content-Security-Policy "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" always;
  add_header X-Content-Type-Options nosniff always; add_header Referrer-Policy no-referrer always; add_header X-Frame-Options DENY always;
  add_header Cross-Origin-Opener-Policy same-origin always; add_header Cross-Origin-Resource-Policy same-origin always;
  location = /inloggen.html { add_header Set-Cookie "__Host-sessie=abc; Path=/; Secure; HttpOnly; SameSite=Lax" always;
    add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload" always;
    add_header Content-Security-Policy "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" always;
    add_header X-Content-Type-Options nosniff always; add_header Referrer-Policy no-referrer always; add_header X-Frame-Options DENY always;
    add_header Cross-Origin-Opener-Policy same-origin always; add_header Cross-Origin-Resource-Policy same-origin always; }
}
"#;

const SECURITY_TXT: &str =
    "Contact: mailto:beveiliging@winkel.test\nExpires: 2027-03-01T00:00:00Z\nPreferred-Languages: nl, en\n";

fn good_files() -> Vec<(&'static str, String)> {
    // A year has at most 366 days: an expiry half a year from now is always near enough and far enough.
    let soon = jiff::Timestamp::now() + Duration::from_secs(180 * 86_400);
    let security =
        SECURITY_TXT.replace("2027-03-01T00:00:00Z", &soon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    vec![
        ("index.html", page("Winkel", "<h1>Vogels</h1><img src=\"/vogel.png\" alt=\"vogel\">")),
        (
            "product/kanarie.html",
            page(
                "Kanarie",
                "<h1>Kanarie</h1><form method=\"post\" action=\"/winkelwagen.html\"><button>In winkelwagen</button></form>",
            ),
        ),
        (
            "inloggen.html",
            page(
                "Inloggen",
                "<form method=\"post\" action=\"/inloggen.html\"><label>E-mail <input name=\"email\" type=\"email\" autocomplete=\"username\"></label><label>Wachtwoord <input name=\"password\" type=\"password\" autocomplete=\"current-password\"></label><button>Inloggen</button></form>",
            ),
        ),
        (
            "winkelwagen.html",
            page(
                "Winkelwagen",
                "<form method=\"post\" action=\"/winkelwagen.html\"><label>Naam <input name=\"naam\" autocomplete=\"name\"></label><button>Afrekenen</button></form>",
            ),
        ),
        (
            "contact.html",
            page(
                "Contact",
                "<form method=\"post\" action=\"/contact.html\"><label>E-mail <input name=\"email\" type=\"email\"></label><textarea name=\"vraag\"></textarea><button>Stuur</button></form>",
            ),
        ),
        ("stijl.css", "body{font-family:sans-serif;background:#fff}".to_owned()),
        ("vogel.png", "\u{89}PNG".to_owned()),
        (".well-known/security.txt", security),
    ]
}

fn start(servers: &str, files: &[(&str, String)], certificate: Certificate) -> Shop {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Shop::nginx(servers, &files, certificate)
}

/// Findings above info, without those that a Debian nginx cannot mend: OpenSSL 3.0 knows no hybrid group.
fn problems(report: &Value) -> Vec<(String, String)> {
    let is_problem = |(rule, severity): &(String, String)| severity != "info" && rule != "pq-missing";
    findings(report).into_iter().filter(is_problem).collect()
}

#[test]
fn a_good_shop_has_no_finding_and_is_audited_within_five_seconds() {
    let shop = start(GOOD_SERVERS, &good_files(), Certificate::GOOD);
    let begun = Instant::now();
    let report = shop.report(&[]);
    let took = begun.elapsed();
    assert_eq!(problems(&report), [], "{report:#}");
    assert_eq!(report["grade"]["letter"].as_str().unwrap().trim_end_matches('+'), "A");
    for shield in report["shields"].as_array().unwrap() {
        assert_eq!(shield["colour"], "green");
    }
    // A bound against hanging, not a measurement: bench/ measures.
    assert!(took < Duration::from_secs(30), "{took:?}");
}

const BAD_SERVERS: &str = r#"
server { listen 127.0.0.1:@http@; server_name winkel.test www.winkel.test; root @folder@/site; index index.html; }
server {
  listen 127.0.0.1:@https@ ssl; server_name winkel.test www.winkel.test; root @folder@/site; index index.html; autoindex on;
  ssl_certificate @folder@/chain.pem; ssl_certificate_key @folder@/key.pem; ssl_dhparam @folder@/site/dh.txt;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_prefer_server_ciphers on;
  ssl_ciphers AES128-SHA:NULL-SHA:AECDH-AES128-SHA:DHE-RSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0;
  add_header Set-Cookie "PHPSESSID=1234567890; Path=/" always;
  add_header X-Powered-By "PHP/5.6.40" always;
  add_header Access-Control-Allow-Origin $http_origin always; add_header Access-Control-Allow-Credentials true always;
}
"#;

/// A prime of 1024 bits, made with `openssl dhparam` for this test and known nowhere.
const DH_1024: &str = "-----BEGIN DH PARAMETERS-----\nMIGHAoGBANgfIy5D2HFOqCmslH2vGBqsltvERL8wfWY8V8OaXaS2XEAsV9wNX84P\nPpeu79+u8akJlOKB61yTpSzccvx8DgNdfMcH+J2vaKZkYczoCeZbFFKYmWL8tGZ1\n7smO3KgLJEWayJBUhxd17MYw3pX+QETkkkQSn+2in0VzUd+gS1SnAgEC\n-----END DH PARAMETERS-----\n";

/// What was planted, and the rule that must name it.
const PLANTED: &[(&str, &str)] = &[
    ("ssl_protocols TLSv1", "tls10"),
    ("ssl_protocols TLSv1.1", "tls11"),
    ("no TLSv1.3", "no-tls13"),
    ("NULL-SHA", "null"),
    ("AECDH-AES128-SHA", "anon"),
    ("AES128-SHA has no forward secrecy", "no-pfs"),
    ("CBC with SHA-1", "cbc"),
    ("AES128-SHA stands first", "cipher-order"),
    ("a prime of 1024 bits", "dh-1024"),
    ("an RSA key of 1024 bits", "rsa-small"),
    ("a signature with SHA-1", "sig-sha1"),
    ("valid for 400 days", "cert-too-long"),
    ("a leaf that may be an authority", "cert-is-ca"),
    ("port 80 serves the shop", "no-redirect"),
    ("no Strict-Transport-Security", "hsts-missing"),
    ("no Content-Security-Policy", "csp-missing"),
    ("anybody may frame it", "clickjacking"),
    ("no nosniff", "nosniff"),
    ("any origin with credentials", "cors-credentials"),
    ("PHPSESSID without Secure", "cookie-insecure"),
    ("PHPSESSID without HttpOnly", "cookie-no-httponly"),
    ("a script over http", "mixed-active"),
    ("an image over http", "mixed-passive"),
    ("a script of somebody else without integrity", "sri-missing"),
    ("a form that posts over http", "form-http"),
    ("a sign-in page over http", "login-over-http"),
    ("a GET form with an e-mail address", "form-get-personal"),
    ("a form to another company", "form-third-party"),
    ("a tracker with an e-mail address in its URL", "tracker-pii"),
    ("X-Powered-By with a version", "version-banner"),
    ("no security.txt", "securitytxt-missing"),
    ("a repository", "exposed-git"),
    ("settings with a password", "exposed-env"),
    ("a database dump", "exposed-dump"),
    ("a folder's listing", "dir-listing"),
];

fn bad_files() -> Vec<(&'static str, String)> {
    let home = page(
        "Slechte winkel",
        "<script src=\"http://cdn.voorbeeld.test/a.js\"></script><script src=\"https://cdn.voorbeeld.test/b.js\"></script>\
         <img src=\"http://plaatjes.voorbeeld.test/a.png\" alt=\"\">\
         <img src=\"https://www.facebook.com/tr?id=1&ev=Lead&email=klant%40voorbeeld.example\" alt=\"\">\
         <form action=\"/zoek.html\" method=\"get\"><label>E-mail <input name=\"email\" type=\"email\"></label><button>Aanmelden</button></form>",
    );
    vec![
        ("index.html", home),
        ("product/kanarie.html", page("Kanarie", "<h1>Kanarie</h1>")),
        (
            "inloggen.html",
            page(
                "Inloggen",
                "<form method=\"post\" action=\"http://winkel.test/inloggen.html\"><input name=\"email\" type=\"email\"><input name=\"password\" type=\"password\"></form>",
            ),
        ),
        (
            "winkelwagen.html",
            page(
                "Winkelwagen",
                "<form method=\"post\" action=\"https://betalen.ander.test/\"><input name=\"naam\" autocomplete=\"name\"></form>",
            ),
        ),
        ("contact.html", page("Contact", "<h1>Contact</h1>")),
        ("stijl.css", "body{color:#000}".to_owned()),
        ("dh.txt", DH_1024.to_owned()),
        (".git/HEAD", "ref: refs/heads/main\n".to_owned()),
        (".env", "APP_ENV=production\nDB_PASSWORD=verzonnen\n".to_owned()),
        ("dump.sql", "-- MySQL dump 10.19  Distrib 10.11\n--\nCREATE TABLE a (b int);\n".to_owned()),
        ("backup/a.txt", "oud\n".to_owned()),
    ]
}

const BAD: Certificate = Certificate {
    key: &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    hash: "-sha1",
    days: "400",
    extensions: "basicConstraints = critical,CA:TRUE",
    ..Certificate::GOOD
};

/// The same shop once its owner has shown that it is theirs, so that open files are looked for.
fn start_bad() -> Shop {
    let shop = start(BAD_SERVERS, &bad_files(), BAD);
    let asked = shop.check(&["--owner-verified", "--only", "exposed"]);
    let said = String::from_utf8(asked.stderr).unwrap();
    let token = said
        .split(|c: char| c.is_whitespace() || c == '"')
        .find(|word| word.starts_with("klantkluis-owner="));
    let token = token.unwrap_or_else(|| panic!("no proof is asked for: {said}"));
    let folder = shop.folder.path().join("site/.well-known");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("klantkluis-owner.txt"), format!("{token}\n")).unwrap();
    shop
}

#[test]
fn a_bad_shop_is_told_every_planted_fault() {
    let shop = start_bad();
    let report = shop.report(&["--owner-verified"]);
    let found = findings(&report);
    let missed: Vec<_> = PLANTED.iter().filter(|(_, rule)| !found.iter().any(|(id, _)| id == rule)).collect();
    assert!(missed.is_empty(), "missed {missed:?}\nfound {found:?}\ngaps {:#}", report["gaps"]);
    assert_eq!(report["grade"]["letter"], "F");
    let first = report["findings"][0]["severity"].as_str().unwrap();
    assert_eq!(first, "critical", "the worst comes first");
}

#[test]
fn open_files_are_looked_for_only_after_proof_of_ownership() {
    let shop = start(BAD_SERVERS, &bad_files(), BAD);
    for words in [&[][..], &["--owner-verified"]] {
        let report = shop.report(words);
        let found = findings(&report);
        assert!(!found.iter().any(|(id, _)| id.starts_with("exposed") || id == "dir-listing"), "{found:?}");
    }
}
