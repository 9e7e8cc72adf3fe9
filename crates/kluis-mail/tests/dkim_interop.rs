//! DKIM in both directions against dkimpy (Debian python3-dkim, python3-nacl) and OpenDKIM (opendkim, opendkim-tools).
//! A program that is missing is a failure.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use kluis_crypto::SystemRandom;
use kluis_crypto::mail::{MailKeyKind, MailPrivateKey};
use kluis_mail::dkim::{DkimResult, Reason, Report, Signer, key, sign, verify};
use kluis_mail::dns::{Answer, Question, RecordKind};
use kluis_mail::message::Message;
use tempfile::TempDir;

const DOMAIN: &str = "winkel.example";
/// In the past: both programs refuse a signature from the future.
const NOW_S: u64 = 1_700_000_000;
const HEADER: &str = "From: \"Winkel, de\" <winkel@winkel.example>\r\nTo: klant@klant.example,\r\n\tiemand@klant.example\r\n\
    Subject: =?utf-8?q?Uw_bestelling?=   met  \r\n  blanks \r\nDate: Tue, 24 Nov 2026 10:00:00 +0100\r\n\
    Message-ID: <1@winkel.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nX-Empty:\r\n";

/// Bodies that canonicalisation can get wrong.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("plain", b"Beste klant,\r\n\r\nBedankt.\r\n".to_vec()),
        ("empty", b"".to_vec()),
        ("blank-lines-only", b"\r\n\r\n\r\n".to_vec()),
        ("blanks-only", b" \t \r\n\t\r\n".to_vec()),
        ("blank-end", b"text\r\n\r\n\r\n\r\n".to_vec()),
        ("white-end", b"text \t \r\n \r\n\t\r\n  \t\r\n\r\n".to_vec()),
        ("no-final-line-end", b"text\r\nlast".to_vec()),
        ("leading", b"\r\n\r\n  two  \t blanks\ttab \r\n".to_vec()),
        ("dots", b".\r\n..x\r\n.x\r\n".to_vec()),
        ("from-line", b"x\r\n\r\nFrom here on\r\n".to_vec()),
        ("utf-8", "Caf\u{e9} \u{20ac} 12,50\r\n".as_bytes().to_vec()),
        ("latin-1", b"Caf\xe9 \x80\xff\xfe\r\n".to_vec()),
        ("long-line", [&b"start ".repeat(40_000)[..], b"\r\nend\r\n"].concat()),
        ("long-blanks", [b"a", &b" \t".repeat(2_000)[..], b"b\r\n", &b" ".repeat(3_000), b"\r\n"].concat()),
        ("many-lines", b"line with words\r\n\r\n".repeat(5_000)),
    ]
}

fn message(body: &[u8]) -> Vec<u8> {
    [HEADER.as_bytes(), b"\r\n", body].concat()
}

/// Runs a Debian program and gives what it printed.
fn run(program: &str, package: &str, arguments: &[&str], input: &[u8]) -> Output {
    let system = format!("/usr/sbin/{program}");
    let started = [program, system.as_str()].into_iter().find_map(|program| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()
    });
    let mut child =
        started.unwrap_or_else(|| panic!("{program} is missing: install the Debian package {package}"));
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// `verify`: one line for each `.eml` of a folder with the result of each signature. `sign`: signs each `.msg` in every
/// way and writes `.eml` files.
const DKIMPY: &str = r#"
import sys, os, json, dkim
mode, folder = sys.argv[1:3]
dns = json.load(open(os.path.join(folder, "dns.json")))
def txt(name, timeout=5):
    return dns.get(name.decode().rstrip("."), "").encode()
for name in sorted(os.listdir(folder)):
    path = os.path.join(folder, name)
    if mode == "verify" and name.endswith(".eml"):
        data = open(path, "rb").read()
        count = len([1 for x, y in dkim.DKIM(data).headers if x.lower() == b"dkim-signature"])
        found = []
        for number in range(count):
            try:
                found.append("pass" if dkim.DKIM(data).verify(idx=number, dnsfunc=txt) else "fail")
            except Exception as error:
                found.append("error:" + type(error).__name__)
        print(name[:-4], *found)
    if mode == "sign" and name.endswith(".msg"):
        data = open(path, "rb").read()
        rsa = open(os.path.join(folder, "rsa.pem"), "rb").read()
        seed = open(os.path.join(folder, "ed25519.b64"), "rb").read()
        ways = [(h, b, a, l) for h in ("simple", "relaxed") for b in ("simple", "relaxed")
                for a in ("rsa-sha256", "ed25519-sha256") for l in (False, True)]
        for h, b, a, l in ways:
            selector, key = (b"rsa", rsa) if a.startswith("rsa") else (b"ed", seed)
            field = dkim.sign(data, selector, b"winkel.example", key, canonicalize=(h.encode(), b.encode()),
                              signature_algorithm=a.encode(), length=l)
            out = "%s.%s.%s.%s.%s.eml" % (name[:-4], h, b, a, l)
            open(os.path.join(folder, out), "wb").write(field + data)
"#;

fn dkimpy(mode: &str, folder: &Path) -> String {
    let has_dkimpy = |python: &str| {
        let output = Command::new(python).args(["-c", "import dkim, nacl"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let python = ["/usr/bin/python3", "python3"].into_iter().find(|python| has_dkimpy(python));
    let python = python.unwrap_or_else(|| panic!("dkimpy is missing: install python3-dkim and python3-nacl"));
    let output = run(python, "python3-dkim", &["-c", DKIMPY, mode, folder.to_str().unwrap()], b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Keys, and the zone they are published in.
struct Shop {
    rsa: MailPrivateKey,
    ed25519: MailPrivateKey,
    records: BTreeMap<String, String>,
    folder: TempDir,
}

impl Shop {
    fn new() -> Self {
        let rsa = MailPrivateKey::generate(MailKeyKind::Rsa2048, &SystemRandom).unwrap();
        let ed25519 = MailPrivateKey::generate(MailKeyKind::Ed25519, &SystemRandom).unwrap();
        let place = |selector: &str| format!("{selector}._domainkey.{DOMAIN}");
        let records = BTreeMap::from([
            (place("rsa"), key::record(&rsa).unwrap()),
            (place("ed"), key::record(&ed25519).unwrap()),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let shop = Self { rsa, ed25519, records, folder };
        shop.write("dns.json", serde_json::to_string(&shop.records).unwrap().as_bytes());
        let zone: String = shop.records.iter().map(|(name, record)| format!("{name} {record}\n")).collect();
        shop.write("dns.txt", zone.as_bytes());
        shop.write("rsa.pem", shop.rsa.to_pem().expose().as_bytes());
        // dkimpy wants the bare seed, which is the end of the document.
        use base64::Engine;
        let seed = base64::engine::general_purpose::STANDARD.encode(&shop.ed25519.expose_pkcs8()[16..]);
        shop.write("ed25519.b64", seed.as_bytes());
        shop
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn sign(&self, bytes: &[u8], is_double: bool) -> Vec<u8> {
        let signer =
            |selector, key| Signer { domain: DOMAIN, selector, key, identity: None, lifetime_s: None };
        let both = [signer("rsa", &self.rsa), signer("ed", &self.ed25519)];
        let signers = if is_double { &both[..] } else { &both[..1] };
        [sign(&Message::read(bytes).unwrap(), signers, NOW_S).unwrap(), bytes.to_vec()].concat()
    }

    fn verify(&self, bytes: &[u8]) -> Report {
        let one = |(name, record): (&String, &String)| {
            (Question::new(name, RecordKind::Txt), Answer::Txt(vec![record.clone().into_bytes()]))
        };
        let answers: HashMap<Question, Answer> = self.records.iter().map(one).collect();
        verify(&Message::read(bytes).unwrap(), NOW_S as i64, &answers).unwrap()
    }

    /// What OpenDKIM says about files: name to whether it succeeds.
    fn opendkim_verify(&self, names: &[String]) -> BTreeMap<String, bool> {
        let configuration = format!("Mode v\nTestDNSData file:{}\n", self.path("dns.txt"));
        self.write("verify.conf", configuration.as_bytes());
        let files: Vec<String> = names.iter().map(|name| self.path(name)).collect();
        let output =
            run("opendkim", "opendkim", &["-x", &self.path("verify.conf"), "-t", &files.join(",")], b"");
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        let of = |name: &String| {
            let path = format!("{}: verification", self.path(name));
            let line = printed.lines().find(|line| line.contains(&path));
            let line = line.unwrap_or_else(|| panic!("OpenDKIM says nothing about {name}: {printed}"));
            (name.clone(), line.contains(" succeeded"))
        };
        names.iter().map(of).collect()
    }
}

/// One byte of the body, or of the subject when there is no body to speak of, is another.
fn damaged(signed: &[u8]) -> Vec<u8> {
    let mut bytes = signed.to_vec();
    let at = signed.windows(9).position(|window| window == b"bestellin").unwrap();
    bytes[at] = b'B';
    bytes
}

#[test]
fn dkimpy_accepts_what_we_sign_and_refuses_it_damaged() {
    let shop = Shop::new();
    let mut wanted = BTreeMap::new();
    for (name, body) in bodies() {
        let signed = shop.sign(&message(&body), true);
        shop.write(&format!("{name}.eml"), &signed);
        shop.write(&format!("{name}-damaged.eml"), &damaged(&signed));
        shop.write(&format!("{name}-longer.eml"), &[&signed[..], b"x"].concat());
        wanted.insert(name.to_owned(), "pass pass");
        wanted.insert(format!("{name}-damaged"), "fail fail");
        wanted.insert(format!("{name}-longer"), "fail fail");
    }
    let printed = dkimpy("verify", shop.folder.path());
    let found: BTreeMap<String, &str> = printed
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, all)| (name.to_owned(), all))
        .collect();
    for (name, wanted) in &wanted {
        let found = found[name].replace("error:ValidationError", "fail");
        assert_eq!(&found, wanted, "{name}");
    }
}

#[test]
fn opendkim_accepts_what_we_sign_and_refuses_it_damaged() {
    let shop = Shop::new();
    let mut names = Vec::new();
    for (name, body) in bodies() {
        let mut signed = shop.sign(&message(&body), false);
        if !signed.ends_with(b"\r\n") {
            // OpenDKIM refuses a body that does not end with a line end; on its way SMTP adds one.
            signed.extend_from_slice(b"\r\n");
        }
        shop.write(&format!("{name}.eml"), &signed);
        shop.write(&format!("{name}-damaged.eml"), &damaged(&signed));
        names.extend([format!("{name}.eml"), format!("{name}-damaged.eml")]);
    }
    for (name, is_pass) in shop.opendkim_verify(&names) {
        assert_eq!(is_pass, !name.contains("-damaged"), "{name}");
    }
}

#[test]
fn we_accept_what_dkimpy_signs_and_refuse_it_damaged() {
    let shop = Shop::new();
    for (name, body) in bodies() {
        shop.write(&format!("{name}.msg"), &message(&body));
    }
    dkimpy("sign", shop.folder.path());
    let mut count = 0;
    for entry in fs::read_dir(shop.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "eml") {
            continue;
        }
        count += 1;
        let bytes = fs::read(&path).unwrap();
        let check = shop.verify(&bytes).checks.remove(0);
        assert_eq!((check.result, &check.reason), (DkimResult::Pass, &None), "{}", path.display());
        let check = shop.verify(&damaged(&bytes)).checks.remove(0);
        assert_eq!(check.reason, Some(Reason::HeaderChanged), "{}", path.display());
    }
    assert_eq!(count, bodies().len() * 16);
}

#[test]
fn we_accept_what_opendkim_signs() {
    let shop = Shop::new();
    for canons in ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"] {
        let configuration = format!(
            "Mode s\nDomain {DOMAIN}\nSelector rsa\nKeyFile {}\nCanonicalization {canons}\n\
             SignatureAlgorithm rsa-sha256\nInternalHosts 0.0.0.0/0\nRequireSafeKeys no\n",
            shop.path("rsa.pem")
        );
        shop.write("sign.conf", configuration.as_bytes());
        // OpenDKIM does not sign a body that does not end with a line end.
        for (name, body) in bodies().into_iter().filter(|(name, _)| *name != "no-final-line-end") {
            let bytes = message(&body);
            shop.write("one.msg", &bytes);
            let arguments = ["-x", &shop.path("sign.conf"), "-t", &shop.path("one.msg"), "-v", "-v"];
            let output = run("opendkim", "opendkim", &arguments, b"");
            let printed = String::from_utf8(output.stdout).unwrap();
            let field = printed
                .split_once("hname='DKIM-Signature' hvalue='")
                .and_then(|(_, rest)| rest.rsplit_once('\''))
                .unwrap_or_else(|| panic!("OpenDKIM does not sign {name}: {printed}"))
                .0
                .replace('\n', "\r\n");
            let signed = [format!("DKIM-Signature: {field}\r\n").as_bytes(), &bytes].concat();
            let check = shop.verify(&signed).checks.remove(0);
            assert_eq!((check.result, &check.reason), (DkimResult::Pass, &None), "{name} {canons} {field}");
        }
    }
}

/// opendkim-testmsg signs with SHA-1: it must match, and must not count.
#[test]
fn what_opendkim_signs_with_sha_1_matches_and_is_too_old() {
    let shop = Shop::new();
    for (name, body) in bodies() {
        let arguments = ["-C", "-d", DOMAIN, "-k", &shop.path("rsa.pem"), "-s", "rsa"];
        let output = run("opendkim-testmsg", "opendkim-tools", &arguments, &message(&body));
        let check = shop.verify(&output.stdout).checks.remove(0);
        assert_eq!((check.result, check.reason), (DkimResult::Policy, Some(Reason::OldHash)), "{name}");
    }
}
