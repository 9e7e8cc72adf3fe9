//! DKIM keys from the vault to the receiver: made, published in BIND, changed, used by hand and by a real Postfix through
//! the milter; dkimpy, which is not ours, verifies.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::bind::Bind;
use crate::harness::{Engine, Vault, free_port, on_both};
use crate::postfix::{Postfix, PostfixOptions};

/// Verifies every signature of the message on stdin by asking the name server at a port.
const VERIFY: &str = "
import json, sys, dkim, dns.resolver
asker = dns.resolver.Resolver(configure=False)
asker.nameservers, asker.port = ['127.0.0.1'], int(sys.argv[1])
def find(name, timeout=5):
    try:
        return b''.join(asker.resolve(name.decode() if isinstance(name, bytes) else name, 'TXT')[0].strings)
    except Exception:
        return None
message = dkim.DKIM(sys.stdin.buffer.read())
count = sum(1 for name, _ in message.headers if name.lower() == b'dkim-signature')
found = []
for n in range(count):
    try:
        good = message.verify(idx=n, dnsfunc=find)
    except dkim.DKIMException:
        good = False
    found.append([message.selector.decode(), bool(good)])
print(json.dumps(found))
";

/// Signs the message on stdin with a key in a file.
const SIGN: &str = "
import sys, dkim
message = sys.stdin.buffer.read()
field = dkim.sign(message, sys.argv[1].encode(), b'winkel.test', open(sys.argv[2], 'rb').read())
sys.stdout.buffer.write(field + message)
";

const MESSAGE: &str = "From: Winkel <bestelling@winkel.test>\r\nTo: klant@klant.test\r\nSubject: Uw bestelling: caf\u{e9}\r\n\
                       \tin twee regels\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@winkel.test>\r\n\r\n\
                       Dank u wel.  \r\n.punt\r\n \r\nGro\u{eb}ten\r\n\r\n\r\n";

#[track_caller]
fn python(program: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("/usr/bin/python3");
    command.arg("-c").arg(program).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("python3: {error}; ./test installs it"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// The selectors that signed a message, and whether each holds by dkimpy.
#[track_caller]
fn verify(dns: &Bind, message: &[u8]) -> Value {
    serde_json::from_slice(&python(VERIFY, &[&dns.port.to_string()], message)).unwrap()
}

/// The shop's part of the DNS: records by name, as lines that the program gave.
struct Zone {
    dns: Bind,
    lines: Vec<(String, String)>,
}

impl Zone {
    fn new() -> Self {
        Self { dns: Bind::start(&[("test", "ns A 127.0.0.1\n")]), lines: Vec::new() }
    }

    /// Puts a line in place of what stands at its name.
    fn publish(&mut self, line: &str) {
        let (name, _) = line.split_once(' ').unwrap();
        self.lines.retain(|(known, _)| known != name);
        self.lines.push((name.to_owned(), line.to_owned()));
        let lines: String = self.lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        self.dns.change("test", &format!("ns A 127.0.0.1\n{lines}"));
    }

    /// Begins or goes on with a change; gives state and action of each key of its kind by selector.
    #[track_caller]
    fn rotate(&self, vault: &Vault, more: &[&str]) -> Vec<(String, String, Value)> {
        let address = self.dns.address();
        let words = [&["mail", "dkim", "rotate", "winkel.test", "--dns", &address], more].concat();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let keys = vault.cli_json(&words, "");
        let keys = keys.as_array().unwrap().iter();
        keys.map(|key| (text(&key["selector"]), text(&key["state"]), key["todo"].clone())).collect()
    }

    /// Makes a key, publishes it and lets it sign; gives its selector.
    #[track_caller]
    fn add_key(&mut self, vault: &Vault, more: &[&str]) -> String {
        let made = vault.cli_json(&[&["mail", "dkim", "keygen", "winkel.test"], more].concat(), "");
        assert_eq!(made["state"], "publish");
        self.publish(made["zone_line"].as_str().unwrap());
        let kind = if more.contains(&"--ed25519") { &["--ed25519"][..] } else { &[] };
        let found = self.rotate(vault, kind);
        let selector = made["selector"].as_str().unwrap().to_owned();
        let own = found.iter().find(|(known, ..)| *known == selector).unwrap();
        assert_eq!((own.1.as_str(), &own.2["action"]), ("signing", &"nothing".into()));
        selector
    }

    /// Has a message signed and verified; gives the selectors.
    #[track_caller]
    fn signs(&self, vault: &Vault) -> Vec<String> {
        let file = vault.folder.path().join("bericht.eml");
        fs::write(&file, MESSAGE).unwrap();
        let output = vault.run(&["mail", "dkim", "sign", file.to_str().unwrap()], "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.ends_with(MESSAGE.as_bytes()));
        let found = verify(&self.dns, &output.stdout);
        let found = found.as_array().unwrap().iter();
        let one = |one: &Value| {
            assert_eq!(one[1], true, "{}", String::from_utf8_lossy(&output.stdout));
            one[0].as_str().unwrap().to_owned()
        };
        found.map(one).collect()
    }
}

#[test]
fn keys_are_made_published_changed_and_verified_by_others() {
    on_both(|vault| {
        let mut zone = Zone::new();
        let first = zone.add_key(vault, &[]);
        assert_eq!(zone.signs(vault).join(" "), first);
        let second = zone.add_key(vault, &["--ed25519", "--selector", "ed"]);
        assert_eq!((second.as_str(), zone.signs(vault)), ("ed", vec![first.clone(), second.clone()]));

        // A change: the new key waits, the old one goes on signing.
        let begun = zone.rotate(vault, &["--selector", "nieuw"]);
        assert_eq!(begun[1].1, "publish");
        let line = format!("{} TXT \"iets anders\"", "nieuw._domainkey.winkel.test.");
        zone.publish(&line);
        assert_eq!(zone.rotate(vault, &["--now"])[1].2["action"], "remove");
        let keys = vault.cli_json(&["mail", "dkim", "list"], "");
        let new = keys.as_array().unwrap().iter().find(|key| key["selector"] == "nieuw").unwrap();
        zone.publish(new["zone_line"].as_str().unwrap());
        let found = zone.rotate(vault, &[]);
        assert_eq!((found[0].1.as_str(), found[1].1.as_str()), ("signing", "waiting"));
        assert_eq!(found[1].2["action"], "wait");
        assert_eq!(zone.signs(vault), [first.clone(), second.clone()]);

        // Without the waiting, since nobody can wait for three days here.
        let found = zone.rotate(vault, &["--now"]);
        assert_eq!((found[0].1.as_str(), found[1].1.as_str()), ("kept", "signing"));
        assert_eq!(zone.signs(vault), ["nieuw".to_owned(), second.clone()]);
        let found = zone.rotate(vault, &["--now"]);
        assert_eq!((found[0].1.as_str(), &found[0].2["action"]), ("to_revoke", &"publish".into()));
        let name = found[0].2["name"].as_str().unwrap();
        zone.publish(&format!("{name}. TXT \"{}\"", found[0].2["record"].as_str().unwrap()));
        assert_eq!(zone.rotate(vault, &["--now"])[0].1, "revoked");
        assert_eq!(zone.signs(vault), ["nieuw".to_owned(), second]);

        let gone = vault.run(&["mail", "dkim", "export", "winkel.test", &first], "");
        assert_eq!(gone.status.code(), Some(2), "its private half is destroyed");
        let pem = vault.cli(&["mail", "dkim", "export", "winkel.test", "nieuw"], "");
        let file = vault.folder.path().join("nieuw.pem");
        fs::write(&file, pem).unwrap();
        let signed = python(SIGN, &["nieuw", file.to_str().unwrap()], MESSAGE.as_bytes());
        assert_eq!(verify(&zone.dns, &signed), json!([["nieuw", true]]));
        vault.cli(&["verify"], "");
    });
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let check = |words: &[&str], input: &str, says: &str| {
        let output = vault.run(words, input);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(says) && said.contains("hint: "), "{words:?}: {said}");
    };
    check(&["mail", "dkim", "keygen", "winkel"], "", "such as shop.com");
    check(&["mail", "dkim", "keygen", "winkel.test", "--selector", "a b"], "", "selector");
    check(
        &["mail", "dkim", "rotate", "winkel.test", "--dns", "127.0.0.1:9"],
        "",
        "mail dkim keygen winkel.test",
    );
    check(&["mail", "dkim", "rotate", "winkel.test", "--dns", "nergens"], "", "--dns");
    check(&["mail", "dkim", "sign", "-"], MESSAGE, "winkel.test");
    check(&["mail", "dkim", "sign", "-"], "Subject: x\r\n\r\nx\r\n", "From");
    check(&["mail", "dkim", "export", "winkel.test", "s1"], "", "There is no key with this selector");
    vault.cli(&["mail", "dkim", "keygen", "winkel.test"], "");
    vault.cli(&["mail", "dkim", "keygen", "x.test", "--selector", "s1"], "");
    check(&["mail", "dkim", "keygen", "winkel.test"], "", "still going on");
    check(&["mail", "dkim", "keygen", "x.test", "--selector", "s1", "--ed25519"], "", "used before");
    // The DNS does not answer: the key stays where it is, and the advice says so.
    let keys = vault.cli_json(&["mail", "dkim", "rotate", "winkel.test", "--dns", "127.0.0.1:9"], "");
    assert_eq!((&keys[0]["state"], &keys[0]["todo"]["action"]), (&"publish".into(), &"ask_later".into()));
}

/// A client of Postfix that may say who it is (XCLIENT).
struct Smtp {
    stream: BufReader<TcpStream>,
}

impl Smtp {
    fn connect(port: u16, claims: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut smtp = Self { stream: BufReader::new(stream) };
        smtp.reply();
        smtp.say("EHLO klant.test");
        smtp.say(&format!("XCLIENT {claims}"));
        smtp.say("EHLO klant.test");
        smtp
    }

    fn reply(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the server hung up after {text}");
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            text.push_str(&line);
            if is_last {
                return text;
            }
        }
    }

    fn say(&mut self, line: &str) -> String {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// Hands in a message; the last answer.
    fn send(&mut self, message: &str) -> String {
        for line in ["MAIL FROM:<bounce@winkel.test> BODY=8BITMIME", "RCPT TO:<klant@klant.test>", "DATA"] {
            let reply = self.say(line);
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        let message = message.replace("\r\n.", "\r\n..");
        self.say(&format!("{message}."))
    }
}

/// Postfix that asks the milter of a vault; whoever connects may say from where.
fn postfix(vault: &Vault, milter: &str) -> Postfix {
    let sasl = vault.folder.path().join("sasl");
    fs::create_dir(&sasl).unwrap();
    let none = sasl.join("none").display().to_string();
    let smtpd =
        format!("pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\nsasldb_path: {none}\n");
    fs::write(sasl.join("smtpd.conf"), smtpd).unwrap();
    Postfix::start(&PostfixOptions {
        hostname: "mx.winkel.test".into(),
        domains: vec!["klant.test".into()],
        milters: vec![milter.to_owned()],
        main: format!(
            "smtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = cyrus\n\
             cyrus_sasl_config_path = {}\nmynetworks = 192.0.2.0/24\n",
            sasl.display()
        ),
        ..PostfixOptions::default()
    })
}

/// A vault whose milter listens, with one key of each kind in use.
fn vault_with_milter(listen: &str) -> (Vault, Zone, [String; 2]) {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.add_settings(&format!(
        "[mail]\nhostname = \"kluis.winkel.test\"\n[mail.milter]\nlisten = \"{listen}\"\ninternal = [\"192.0.2.0/24\"]\n"
    ));
    vault.start();
    let mut zone = Zone::new();
    let keys = [zone.add_key(&vault, &[]), zone.add_key(&vault, &["--ed25519"])];
    (vault, zone, keys)
}

/// The message that arrived last.
#[track_caller]
fn newest(postfix: &Postfix, subject: &str) -> String {
    let messages = postfix.wait_for(postfix.count().max(1));
    messages.into_iter().find(|message| message.contains(subject)).unwrap()
}

#[test]
fn a_postfix_gets_signatures_for_the_shops_mail_and_for_nobody_elses() {
    let milter = free_port();
    let (mut vault, zone, keys) = vault_with_milter(&format!("127.0.0.1:{milter}"));
    let postfix = postfix(&vault, &format!("inet:127.0.0.1:{milter}"));
    let mut sent = 0;
    let mut send = |claims: &str, message: &str| {
        let reply = Smtp::connect(postfix.port, claims).send(message);
        assert!(reply.starts_with("250 "), "{claims}: {reply}\n{}\n{}", postfix.log(), server_log(&vault));
        sent += 1;
        postfix.wait_for(sent);
        newest(&postfix, message.lines().find(|line| line.starts_with("Message-ID")).unwrap())
    };
    let message = |id: &str, from: &str| {
        let text = MESSAGE.replace("<1@", &format!("<{id}@")).replace("bestelling@winkel.test", from);
        format!("Authentication-Results: elders.test; dkim=pass\r\n{text}")
    };
    let signed = json!([[keys[0], true], [keys[1], true]]);

    // The shop's network, a subdomain, and a person who signed in from elsewhere.
    for (id, claims, from) in [
        ("net", "ADDR=192.0.2.7", "bestelling@winkel.test"),
        ("sub", "ADDR=192.0.2.7", "nieuws@nieuws.winkel.test"),
        ("login", "ADDR=203.0.113.9 LOGIN=noor", "noor@winkel.test"),
    ] {
        let arrived = send(claims, &message(id, from));
        assert_eq!(verify(&zone.dns, arrived.as_bytes()), signed, "{arrived}");
        assert!(arrived.contains("Authentication-Results: elders.test;"));
        let changed = arrived.replace("Dank u wel", "Betaal nu");
        assert_eq!(verify(&zone.dns, changed.as_bytes()), json!([[keys[0], false], [keys[1], false]]));
    }

    // The shop's network in somebody else's name.
    let arrived = send("ADDR=192.0.2.7", &message("other", "a@elders.test"));
    assert!(!arrived.contains("DKIM-Signature"), "{arrived}");

    // From outside in the shop's name, with results that claim to be ours.
    let forged = "Authentication-Results: mx.winkel.test; dkim=pass\r\nAuthentication-Results: Kluis.winkel.test;\r\n\tspf=pass\r\n";
    let forged = format!("{forged}{}", message("forged", "bestelling@winkel.test"));
    let arrived = send("ADDR=203.0.113.9", &forged);
    assert!(!arrived.contains("DKIM-Signature"), "{arrived}");
    assert!(!arrived.contains("mx.winkel.test; dkim") && !arrived.contains("Kluis.winkel.test"), "{arrived}");
    assert!(arrived.contains("Authentication-Results: elders.test;"), "{arrived}");

    // Several messages on one connection: each on its own.
    let mut smtp = Smtp::connect(postfix.port, "ADDR=192.0.2.7");
    for id in ["a", "b", "c"] {
        let reply = smtp.send(&message(id, "bestelling@winkel.test"));
        assert!(reply.starts_with("250 "), "{reply}");
    }
    let arrived = postfix.wait_for(8);
    assert_eq!(arrived.iter().filter(|message| message.contains("DKIM-Signature")).count(), 6);

    // Without the server mail must come again later, and nothing passes unsigned.
    vault.stop();
    let reply =
        Smtp::connect(postfix.port, "ADDR=192.0.2.7").send(&message("later", "bestelling@winkel.test"));
    assert!(reply.starts_with('4'), "{reply}");
    vault.start();
    let reply =
        Smtp::connect(postfix.port, "ADDR=192.0.2.7").send(&message("later", "bestelling@winkel.test"));
    assert!(reply.starts_with("250 "), "{reply}");
    postfix.wait_for(9);
    assert_eq!(verify(&zone.dns, newest(&postfix, "<later@").as_bytes()), signed);
    for word in ["bestelling@", "klant@", "noor", "203.0.113"] {
        assert!(!server_log(&vault).contains(word), "{word} is in the log");
    }
}

#[test]
fn a_postfix_asks_by_a_socket_in_the_file_system_too() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("milter.sock");
    let (vault, zone, keys) = vault_with_milter(&format!("unix:{}", socket.display()));
    // As whoever installs both does: the folder and the socket's file belong to Postfix's group.
    for path in [folder.path(), &socket] {
        assert!(Command::new("chgrp").arg("postfix").arg(path).status().unwrap().success());
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o750);
    fs::set_permissions(folder.path(), mode).unwrap();
    let postfix = postfix(&vault, &format!("unix:{}", socket.display()));
    let reply = Smtp::connect(postfix.port, "ADDR=192.0.2.7").send(MESSAGE);
    assert!(reply.starts_with("250 "), "{reply}\n{}", postfix.log());
    let arrived = postfix.wait_for(1);
    assert_eq!(verify(&zone.dns, arrived[0].as_bytes()), json!([[keys[0], true], [keys[1], true]]));
}

fn server_log(vault: &Vault) -> String {
    fs::read_to_string(vault.log_file()).unwrap()
}
