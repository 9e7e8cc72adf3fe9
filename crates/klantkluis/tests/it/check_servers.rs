//! The audit against servers of other makers: OpenSSL, GnuTLS, stunnel; each fault fires on the one that has it, and not
//! on its neighbour that has not.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use serde_json::Value;

use crate::shops::{Certificate, HOST, Shop, findings};

const RSA: Certificate =
    Certificate { key: &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"], ..Certificate::GOOD };

/// Parts that a bare TLS server has.
const TLS: [&str; 4] = ["--only", "tls", "--only", "certificate"];

/// An openssl server over the shop's certificate.
const S_SERVER: [&str; 9] =
    ["s_server", "-accept", "127.0.0.1:@https@", "-cert", "chain.pem", "-key", "key.pem", "-www", "-quiet"];

fn openssl(words: &[&str], certificate: Certificate) -> Shop {
    let mut all = S_SERVER.to_vec();
    all.extend(words);
    Shop::program("openssl", &all, certificate)
}

fn gnutls(priority: &str, certificate: Certificate) -> Shop {
    let words = [
        "--http",
        "--quiet",
        "--port",
        "@https@",
        "--x509certfile",
        "chain.pem",
        "--x509keyfile",
        "key.pem",
        "--priority",
        priority,
    ];
    Shop::program("gnutls-serv", &words, certificate)
}

/// The audit names every rule of `fires` and none of `silent`.
#[track_caller]
fn check(shop: &Shop, fires: &[&str], silent: &[&str]) -> Value {
    let report = shop.report(&TLS);
    let found: Vec<String> = findings(&report).into_iter().map(|(rule, _)| rule).collect();
    let missed: Vec<_> = fires.iter().filter(|rule| !found.iter().any(|id| id == *rule)).collect();
    let wrong: Vec<_> = silent.iter().filter(|rule| found.iter().any(|id| id == *rule)).collect();
    assert!(
        missed.is_empty() && wrong.is_empty(),
        "missed {missed:?}, wrong {wrong:?}, found {found:?}, {:#}",
        report["gaps"]
    );
    report
}

const OLD_SUITES: [&str; 10] =
    ["null", "anon", "export", "des", "rc4", "3des", "tls10", "tls11", "ssl2", "ssl3"];

#[test]
fn a_modern_openssl_server_has_no_old_protocol_suite_or_bug() {
    let mut silent = OLD_SUITES.to_vec();
    silent.extend([
        "no-tls12",
        "no-tls13",
        "no-pfs",
        "reneg-insecure",
        "compression",
        "no-ems",
        "heartbleed",
        "ccs",
    ]);
    silent.extend([
        "ticketbleed",
        "robot",
        "sha1-kex",
        "0rtt",
        "tls13-intolerant",
        "cert-hostname",
        "cert-untrusted",
    ]);
    check(&openssl(&["-cipher", "ECDHE+AESGCM"], Certificate::GOOD), &[], &silent);
}

#[test]
fn an_openssl_server_with_only_tls12_and_rsa_key_transport_is_told() {
    let shop = openssl(&["-tls1_2", "-cipher", "AES256-SHA:@SECLEVEL=0"], RSA);
    check(
        &shop,
        &["no-tls13", "no-pfs", "no-aead"],
        &["tls10", "tls11", "null", "anon", "3des", "no-ems", "cert-untrusted"],
    );
}

#[test]
fn an_openssl_server_with_old_protocols_and_open_suites_is_told() {
    let shop = openssl(&["-cipher", "ALL:eNULL:@SECLEVEL=0", "-serverpref"], RSA);
    check(&shop, &["null", "anon", "no-pfs"], &["no-tls13", "no-tls12", "no-aead"]);
    let shop = openssl(&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], RSA);
    check(&shop, &["tls10", "no-tls12", "no-aead"], &["tls11", "ssl3"]);
}

#[test]
fn a_gnutls_server_with_rc4_and_3des_is_told_and_one_without_is_not() {
    let old = gnutls("NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+3DES-CBC:+ARCFOUR-128:+SHA1:+MD5:%COMPAT", RSA);
    check(&old, &["rc4", "3des", "tls10", "tls11", "no-pfs"], &["null", "anon", "export", "des", "no-tls13"]);
    let new = gnutls("SECURE256:-VERS-ALL:+VERS-TLS1.3", RSA);
    let mut silent = OLD_SUITES.to_vec();
    silent.extend(["no-pfs", "no-tls13", "no-ems", "reneg-insecure"]);
    check(&new, &[], &silent);
}

#[test]
fn stunnel_in_front_of_a_shop_is_audited_like_any_server() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("stunnel.conf");
    // The service behind it never answers: that is the web layer's business, not TLS's.
    let text = "foreground = yes\nsyslog = no\npid =\nsslVersionMax = TLSv1.2\n[https]\naccept = 127.0.0.1:@https@\n\
                connect = 127.0.0.1:9\ncert = @folder@/chain.pem\nkey = @folder@/key.pem\n";
    fs::write(&settings, text).unwrap();
    let shop = Shop::program_with_settings("stunnel4", &settings, Certificate::GOOD);
    check(&shop, &["no-tls13"], &["tls10", "tls11", "no-pfs", "cert-hostname", "cert-untrusted"]);
}

/// A certificate made as somebody would by mistake.
struct Mistake {
    from: (i32, u8, u8),
    until: (i32, u8, u8),
    name: &'static str,
}

/// Replaces a shop's certificate files before an openssl server starts: signed by the shop's own authority.
fn openssl_with(mistake: &Mistake) -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let mut leaf = CertificateParams::new(vec![mistake.name.to_owned()]).unwrap();
    let day = |(year, month, day)| date_time_ymd(year, month, day);
    (leaf.not_before, leaf.not_after) = (day(mistake.from), day(mistake.until));
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &ca).unwrap();
    fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
    fs::write(folder.path().join("chain.pem"), leaf.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    Shop::program_in(folder, "openssl", &S_SERVER)
}

#[test]
fn mistakes_in_certificates_are_told_apart() {
    let expired = openssl_with(&Mistake { from: (2024, 1, 1), until: (2024, 3, 1), name: HOST });
    check(&expired, &["cert-expired"], &["cert-hostname", "cert-notyet", "cert-selfsigned"]);
    let early = openssl_with(&Mistake { from: (2090, 1, 1), until: (2090, 3, 1), name: HOST });
    check(&early, &["cert-notyet"], &["cert-expired", "cert-hostname"]);
    let other = openssl_with(&Mistake { from: (2024, 1, 1), until: (2090, 1, 1), name: "anders.test" });
    check(&other, &["cert-hostname"], &["cert-expired", "cert-notyet", "cert-untrusted"]);
    let own = openssl(&[], Certificate { is_self_signed: true, ..Certificate::GOOD });
    check(&own, &["cert-selfsigned"], &["cert-expired", "cert-hostname"]);
}

#[test]
fn an_authority_that_nobody_knows_is_told() {
    let shop = openssl(&[], Certificate::GOOD);
    // Without `--ca` the shop's authority is one that no browser knows.
    fs::write(shop.authority(), fs::read(openssl(&[], Certificate::GOOD).authority()).unwrap()).unwrap();
    check(&shop, &["cert-untrusted"], &["cert-expired", "cert-hostname", "cert-selfsigned"]);
}

#[test]
fn what_cannot_be_audited_is_said_with_what_to_do_and_exit_code_2() {
    let shop = openssl(&[], Certificate::GOOD);
    let program = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_klantkluis"))
            .arg("check")
            .args(words)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap(), output.stdout)
    };
    let closed = crate::harness::free_port().to_string();
    let https = shop.https.to_string();
    let cases: [&[&str]; 5] = [
        &[HOST, "--resolve", "winkel.test:127.0.0.1", "--port", &closed, "--http-port", &closed],
        &["bestaat-niet.invalid", "--dns", "127.0.0.1:9"],
        &["geen naam"],
        &["-x"],
        &[HOST, "--port", &https, "--evidence", "bestaat-niet.json"],
    ];
    for words in cases {
        let (code, said, printed) = program(words);
        assert_eq!(code, Some(2), "{words:?}: {said}");
        assert!(said.lines().count() >= 2 && printed.is_empty(), "{words:?}: {said}");
    }
}
