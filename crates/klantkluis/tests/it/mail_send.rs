//! From the relay to a receiver that is not ours: Postfix with OpenDKIM, OpenDMARC and policyd-spf, its DNS from BIND.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::bind::Bind;
use crate::harness::{Engine, Vault, free_port};
use crate::postfix::{self, Postfix, PostfixOptions, in_namespace};
use crate::smtp_talk::{Talk, code};

/// Longest wait for something that happens by itself.
const WAIT_MAX: Duration = Duration::from_secs(60);
const SENDER: &str = "bestelling@winkel.test";
/// Parts of messages and addresses that may be nowhere but in the messages themselves.
const CANARIES: [&str; 4] = ["kanariegeel", "Zonnebloemlaan", "bestelling@winkel.test", "klant.test"];

/// Who receives: a mail server with everything that judges mail, and the DNS of the shop.
struct Receiver {
    #[expect(dead_code, reason = "it answers as long as it is there")]
    dns: OnPort53,
    options: PostfixOptions,
    postfix: Postfix,
    judges: Vec<Child>,
    folder: tempfile::TempDir,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.judges.iter_mut().for_each(postfix::end);
    }
}

impl Receiver {
    /// Believes a shop whose zone holds these lines besides SPF and DMARC.
    fn start(key_lines: &str) -> Self {
        let zone = format!(
            "ns A 127.0.0.1\nwinkel A 127.0.0.1\nwinkel TXT \"v=spf1 ip4:127.0.0.1 -all\"\n\
             _dmarc.winkel TXT \"v=DMARC1; p=reject; adkim=s; aspf=s\"\nklant A 127.0.0.1\n{key_lines}\n"
        );
        let dns = OnPort53::start(&[("test", &zone)]);
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        let write = |name: &str, text: String| {
            let path = at.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let resolv_conf = write("resolv.conf", format!("nameserver {}\n", dns.address));
        // Nobody is internal: everything is judged, also what comes from loopback.
        let nobody = write("nobody", "192.0.2.255\n".to_owned());
        let (dkim, dmarc) = (free_port(), free_port());
        // OpenDKIM has a resolver of its own, which keeps away from loopback and from `test` until it is told.
        let resolver = write(
            "unbound.conf",
            format!(
                "server:\n  do-not-query-localhost: no\n  module-config: \"iterator\"\n  local-zone: \"test.\" nodefault\n\
                 forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{}\n",
                dns.bind.port
            ),
        );
        let opendkim = write(
            "opendkim.conf",
            format!(
                "Mode v\nSocket inet:{dkim}@127.0.0.1\nSyslog no\nAuthservID ontvanger.test\nAlwaysAddARHeader yes\n\
                 InternalHosts {nobody}\nExternalIgnoreList {nobody}\nRequireSafeKeys no\nPidFile {at}/opendkim.pid\n\
                 UserID root\nResolverConfiguration {}\n",
                resolver.display(),
                nobody = nobody.display(),
                at = at.display(),
            ),
        );
        let opendmarc = write(
            "opendmarc.conf",
            format!(
                "Socket inet:{dmarc}@127.0.0.1\nSyslog no\nAuthservID ontvanger.test\nTrustedAuthservIDs ontvanger.test\n\
                 RejectFailures true\nIgnoreHosts {nobody}\nPidFile {at}/opendmarc.pid\nUserID root\n",
                nobody = nobody.display(),
                at = at.display(),
            ),
        );
        let spf = write(
            "policyd-spf.conf",
            "debugLevel = 1\nHELO_reject = False\nMail_From_reject = False\nPermError_reject = False\nHeader_Type = AR\n\
             Authserv_Id = ontvanger.test\nskip_addresses = 192.0.2.255/32\n"
                .to_owned(),
        );
        certificate(at);
        let judge = |program: &str, config: &Path, port: u16| {
            let log = fs::File::create(at.join(format!("{port}.log"))).unwrap();
            let child = in_namespace(program, Some(&resolv_conf))
                .arg("-f")
                .arg(if program.ends_with("opendkim") { "-x" } else { "-c" })
                .arg(config)
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap_or_else(|error| panic!("{program}: {error}; ./test installs it"));
            wait_for(program, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
            child
        };
        let judges = vec![
            judge("/usr/sbin/opendkim", &opendkim, dkim),
            judge("/usr/sbin/opendmarc", &opendmarc, dmarc),
        ];
        let options = PostfixOptions {
            hostname: "ontvanger.test".into(),
            domains: vec!["klant.test".into(), "winkel.test".into()],
            milters: vec![format!("inet:127.0.0.1:{dkim}"), format!("inet:127.0.0.1:{dmarc}")],
            policy: Some("unix:private/policyd-spf".into()),
            tls: Some(at.to_path_buf()),
            main: String::new(),
            master: format!(
                "policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf {}\n",
                spf.display()
            ),
            resolv_conf: Some(resolv_conf),
            port: None,
        };
        let postfix = Postfix::start(&options);
        Self { dns, options, postfix, judges, folder }
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

/// BIND for programs that know no other port than 53: questions to an address of loopback are passed on to it.
struct OnPort53 {
    address: IpAddr,
    bind: Bind,
    is_over: Arc<AtomicBool>,
}

impl Drop for OnPort53 {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl OnPort53 {
    fn start(zones: &[(&str, &str)]) -> Self {
        let bind = Bind::start(zones);
        // The port of BIND is its own, so the address is too.
        let [high, low] = bind.port.to_be_bytes();
        let address = IpAddr::from([127, 53, high, low]);
        let socket =
            UdpSocket::bind((address, 53)).unwrap_or_else(|e| panic!("port 53: {e}; the tests run as root"));
        let inner = UdpSocket::bind("127.0.0.1:0").unwrap();
        inner.connect(("127.0.0.1", bind.port)).unwrap();
        for one in [&socket, &inner] {
            one.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while !over.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let question = buffer[..length].to_vec();
                // A question that has no answer is asked again.
                let _ = inner.send(&question);
                while let Ok(length) = inner.recv(&mut buffer) {
                    // A late answer to an earlier question is passed over.
                    if buffer[..2] == question[..2] {
                        let _ = socket.send_to(&buffer[..length], from);
                        break;
                    }
                }
            }
        });
        Self { address, bind, is_over }
    }
}

/// A certificate of its own authority for `localhost`.
fn certificate(at: &Path) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    fs::write(at.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(at.join("key.pem"), key.serialize_pem()).unwrap();
}

#[track_caller]
fn wait_for(what: &str, mut is_done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < WAIT_MAX, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A vault whose relay signs for winkel.test and hands over to a port.
struct Shop {
    vault: Vault,
    /// Where the relay listens.
    port: u16,
}

/// Settings of a shop that hands its mail to a smarthost over STARTTLS, or in the clear on this machine.
fn settings(vault: &Vault, relay: u16, smarthost: u16, authority: Option<&Path>) {
    let streams = vault.folder.path().join("mail.toml");
    let text = "version = 1\ndomain = \"winkel.test\"\n\n[[stream]]\nid = \"winkel\"\nkind = \"shop\"\nfrom = \"winkel.test\"\nrelay = true\n";
    fs::write(&streams, text).unwrap();
    let tls = authority.map_or("smarthost_tls = \"none\"\n".to_owned(), |file| {
        format!("smarthost_tls = \"starttls\"\nsmarthost_ca_file = \"{}\"\n", file.display())
    });
    vault.add_settings(&format!(
        "[mail]\nstreams = \"{}\"\nhostname = \"relay.winkel.test\"\n[mail.relay]\nlisten = \"127.0.0.1:{relay}\"\n\
         smarthost = \"localhost:{smarthost}\"\n{tls}",
        streams.display()
    ));
}

/// Makes both kinds of keys, publishes them in a name server and lets them sign; gives their lines.
fn add_keys(vault: &Vault) -> String {
    let mut lines = String::new();
    for kind in [&[][..], &["--ed25519", "--selector", "ed"]] {
        let made = vault.cli_json(&[&["mail", "dkim", "keygen", "winkel.test"], kind].concat(), "");
        lines.push_str(made["zone_line"].as_str().unwrap());
        lines.push('\n');
    }
    let dns = Bind::start(&[("test", &format!("ns A 127.0.0.1\n{lines}"))]);
    vault.cli_json(&["mail", "dkim", "rotate", "winkel.test", "--dns", &dns.address()], "");
    let found = vault.cli_json(&["mail", "dkim", "list"], "");
    assert!(found.as_array().unwrap().iter().all(|key| key["state"] == "signing"), "{found:#}");
    lines
}

impl Shop {
    /// A shop whose mail goes to a receiver that believes its keys.
    fn with_receiver(engine: Engine) -> (Self, Receiver) {
        let mut vault = Vault::new(engine);
        vault.start();
        let receiver = Receiver::start(&add_keys(&vault));
        vault.stop();
        let port = free_port();
        settings(&vault, port, receiver.postfix.port, Some(&receiver.authority()));
        vault.start();
        (Self { vault, port }, receiver)
    }

    /// Signs in over TLS.
    #[track_caller]
    fn talk(&self) -> Talk {
        let mut talk = Talk::local(self.port);
        assert_eq!(code(&talk.say("EHLO kassa.winkel.test")), 250);
        let mut talk = talk.start_tls(&self.vault.data().join("tls/ca.pem"));
        assert_eq!(code(&talk.say("EHLO kassa.winkel.test")), 250);
        let said = talk.sign_in("winkel", &self.vault.secret());
        assert_eq!(code(&said), 235, "{said}");
        talk
    }

    fn waiting(&self) -> u64 {
        self.vault.cli_json(&["mail", "queue", "status"], "")["waiting"].as_u64().unwrap()
    }
}

fn order(n: usize) -> String {
    format!(
        "From: Winkel <{SENDER}>\nTo: noor.kanariegeel@klant.test\nSubject: Uw bestelling {n}\n\
         Date: Tue, 24 Nov 2026 12:00:00 +0000\n\nNaar Zonnebloemlaan 12.\n.punt\n\nNummer {n}\n\n"
    )
}

fn swaks(port: u16, from: &str, words: &[&str]) -> Output {
    let server = format!("127.0.0.1:{port}");
    let own =
        ["--server", &server, "--from", from, "--to", "noor.kanariegeel@klant.test", "--helo", "winkel.test"];
    Command::new("swaks")
        .args(own)
        .args(words)
        .output()
        .unwrap_or_else(|e| panic!("swaks: {e}; ./test installs it"))
}

/// The results that a receiver wrote above a message.
fn results(message: &str) -> String {
    let (head, _) = message.split_once("\n\n").unwrap();
    let unfolded = head.replace("\n\t", " ").replace("\n ", " ");
    unfolded
        .lines()
        .filter(|line| line.starts_with("Authentication-Results: ontvanger.test"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn mail_through_the_relay_is_believed_and_forged_mail_is_refused() {
    let (mut shop, receiver) = Shop::with_receiver(Engine::Sqlite);
    let said = shop.talk().message(SENDER, &["noor.kanariegeel@klant.test"], &order(1));
    assert!(said.starts_with("250 2.0.0"), "{said}");
    let arrived = receiver.postfix.wait_for(1).remove(0);
    let judged = results(&arrived);
    assert_eq!(judged.matches("dkim=pass").count(), 2, "{arrived}");
    for result in ["spf=pass", "dmarc=pass", "header.d=winkel.test", "(p=reject"] {
        assert!(judged.contains(result), "{result}: {judged}\n{arrived}\n{}", receiver.postfix.log());
    }
    assert!(arrived.contains("Naar Zonnebloemlaan 12.\n.punt\n"), "{arrived}");
    assert!(!arrived.contains("kassa.winkel.test"), "the program that handed it in is nobody's business");

    // The same name from elsewhere: wrong address, no signature.
    let body = ["--body", "Betaal hier", "--h-From", SENDER, "--local-interface", "127.0.0.9"];
    let forged = swaks(receiver.postfix.port, SENDER, &body);
    let said = String::from_utf8_lossy(&forged.stdout).into_owned();
    assert!(!forged.status.success() && said.contains("550 5.7.1"), "{said}\n{}", receiver.postfix.log());
    // A signature of the shop under another text, as somebody who kept an old mail could send it.
    let (head, _) =
        arrived.split_once("DKIM-Signature:").map(|(_, rest)| rest.split_once("\n\n").unwrap()).unwrap();
    let file = receiver.folder.path().join("forged.eml");
    fs::write(&file, format!("DKIM-Signature:{head}\n\nBetaal hier\n")).unwrap();
    let data = format!("@{}", file.display());
    let forged = swaks(receiver.postfix.port, SENDER, &["--local-interface", "127.0.0.9", "--data", &data]);
    assert!(
        !forged.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&forged.stdout),
        receiver.postfix.log()
    );
    assert_eq!(receiver.postfix.count(), 1);

    let sent = shop.vault.cli_json(&["mail", "queue", "status"], "");
    assert_eq!((&sent["waiting"], &sent["held"]), (&0.into(), &0.into()), "{sent}");
    shop.vault.stop();
    says_nothing(&shop.vault);
}

/// Looks for canaries in everything that the vault wrote.
#[track_caller]
fn says_nothing(vault: &Vault) {
    let mut folders = vec![vault.folder.path().to_path_buf()];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            looked += 1;
            let bytes = fs::read(&path).unwrap();
            for canary in CANARIES {
                let found = memchr::memmem::find(&bytes, canary.as_bytes());
                assert_eq!(found, None, "{canary} in {}", path.display());
            }
        }
    }
    assert!(looked > 5, "{looked}");
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_in_the_middle() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        killed_in_the_middle(engine);
    }
}

fn killed_in_the_middle(engine: Engine) {
    const MAILS: usize = 500;
    let mut vault = Vault::new(engine);
    vault.start();
    add_keys(&vault);
    vault.stop();
    let options = PostfixOptions {
        domains: vec!["klant.test".into(), "winkel.test".into()],
        ..PostfixOptions::default()
    };
    let receiver = Postfix::start(&options);
    let port = free_port();
    settings(&vault, port, receiver.port, None);
    vault.start();
    let mut shop = Shop { vault, port };
    let accepted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let accepted = &accepted;
            scope.spawn(move || {
                for n in (worker..MAILS).step_by(8) {
                    hand_in(port, n);
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for part in [MAILS / 4, MAILS / 2] {
            wait_for("mail is accepted", || accepted.load(Ordering::Relaxed) >= part);
            shop.vault.kill();
            shop.vault.start();
        }
    });
    wait_for("the queue is empty", || shop.waiting() == 0);
    // What Postfix took it has stored, or stores soon.
    wait_for("everything is stored", || numbers(&receiver).len() == MAILS);
    let numbers = numbers(&receiver);
    let twice: usize = numbers.values().map(|times| times - 1).sum();
    // In flight at each of the two ends: what eight programs and eight connections had, and what was handed over and not
    // written down yet.
    assert!(twice <= 300, "{engine:?}: {twice} arrived more than once");
    shop.vault.cli(&["verify"], "");
    shop.vault.stop();
    says_nothing(&shop.vault);
}

/// Hands a mail in and tries again until it is accepted, as a shop's program does.
fn hand_in(port: u16, n: usize) {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < WAIT_MAX, "mail {n} is not accepted");
        let text = order(n);
        let tried = std::panic::catch_unwind(|| {
            let mut talk = Talk::local(port);
            talk.say("EHLO kassa.winkel.test");
            talk.message(SENDER, &["noor.kanariegeel@klant.test"], &text)
        });
        if tried.is_ok_and(|said| said.starts_with("250")) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The numbers of the mails that arrived, and how often.
fn numbers(receiver: &Postfix) -> BTreeMap<String, usize> {
    let mut numbers = BTreeMap::new();
    for message in receiver.messages() {
        let number = message.lines().find_map(|line| line.strip_prefix("Nummer ")).unwrap().to_owned();
        *numbers.entry(number).or_default() += 1;
    }
    numbers
}

#[test]
fn a_receiver_that_is_away_gets_its_mail_later_and_a_refusal_is_reported() {
    let (mut shop, mut receiver) = Shop::with_receiver(Engine::Sqlite);
    receiver.postfix.stop();
    for n in 0..5 {
        let said = shop.talk().message(SENDER, &["noor.kanariegeel@klant.test"], &order(n));
        assert!(said.starts_with("250"), "{said}");
    }
    assert_eq!(shop.waiting(), 5);
    let listed = shop.vault.cli(&["mail", "queue", "list"], "");
    assert!(
        listed.lines().count() == 5 && listed.contains("overig") && !listed.contains("kanariegeel"),
        "{listed}"
    );
    shop.vault.stop();
    shop.vault.start();
    receiver.postfix.start_again(&receiver.options);
    receiver.postfix.wait_for(5);
    wait_for("the queue is empty", || shop.waiting() == 0);

    // To a domain that the smarthost does not take: the sender hears of it, in a mail that is believed too.
    let said = shop.talk().message(SENDER, &["noor.kanariegeel@elders.test"], &order(9));
    assert!(said.starts_with("250"), "{said}");
    let report =
        receiver.postfix.wait_for(6).into_iter().find(|mail| mail.contains("MAILER-DAEMON")).unwrap();
    for part in
        ["Final-Recipient: rfc822; noor.kanariegeel@elders.test\n", "Action: failed\n", "Status: 5.7.1\n"]
    {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(results(&report).contains("dmarc=pass"), "{report}");
    wait_for("the queue is empty", || shop.waiting() == 0);
    let metrics = shop.vault.client().get("/metrics").expect(200);
    let metrics = String::from_utf8(metrics.body).unwrap();
    for line in ["kluis_mail_queue 0", "kluis_mail_failed_total 1", "kluis_mail_delivered_total 6"] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    shop.vault.stop();
    says_nothing(&shop.vault);
}

#[test]
fn the_queue_is_looked_at_and_changed_from_the_command_line() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    add_keys(&vault);
    vault.stop();
    let (port, nobody) = (free_port(), free_port());
    settings(&vault, port, nobody, None);
    vault.start();
    for n in 0..2 {
        hand_in(port, n);
    }
    let queue = |words: &[&str]| vault.cli_json(&[&["mail", "queue"], words].concat(), "");
    wait_for("the smarthost is found to be away", || {
        queue(&["list"]).as_array().unwrap().iter().all(|line| line["is_being_sent"] == false)
    });
    let listed = queue(&["list"]);
    let id = |n: usize| listed[n]["id"].as_str().unwrap().to_owned();
    assert_eq!((&listed[0]["stream"], &listed[0]["receivers"][0]), (&"winkel".into(), &"overig".into()));
    assert_eq!(queue(&["status"])["streams"][0]["waiting"], 2);
    let said = vault.cli(&["mail", "queue", "status"], "");
    assert!(said.starts_with("2 messages wait, ") && said.contains("\n  winkel: 2 ("), "{said}");
    let nl = Command::new(env!("CARGO_BIN_EXE_klantkluis"))
        .arg("--config")
        .arg(vault.settings())
        .args(["--lang", "nl", "mail", "queue", "list", "--limit", "1"])
        .output()
        .unwrap();
    let nl = String::from_utf8(nl.stdout).unwrap();
    assert!(nl.contains(&id(0)) && nl.ends_with(": aan de beurt\n") && nl.lines().count() == 1, "{nl}");

    let refused = |words: &[&str], says: &str| {
        let output = vault.run(&[&["mail", "queue"], words].concat(), "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    };
    refused(&["drop", "noor@klant.test"], "hint: see the ids with: klantkluis mail queue list");
    refused(&["drop"], "ID");
    refused(&["retry", "0193e2a0-0000-7000-8000-000000000000"], "does not wait");
    assert_eq!(queue(&["retry"])["retried"], "all");
    wait_for("it can be thrown away", || vault.run(&["mail", "queue", "drop", &id(0)], "").status.success());
    refused(&["drop", &id(0)], "does not wait");
    wait_for("it can be tried again", || vault.run(&["mail", "queue", "retry", &id(1)], "").status.success());
    assert_eq!(queue(&["status"])["waiting"], 1);
    wait_for("it can be thrown away", || vault.run(&["mail", "queue", "drop", &id(1)], "").status.success());
    assert_eq!(vault.cli(&["mail", "queue", "list"], ""), "No mail waits.\n");
    let audited = vault.cli_json(&["audit", "list", "--operation", "mail_change"], "").to_string();
    assert_eq!(audited.matches("queue_drop").count(), 2, "{audited}");
    vault.stop();
    says_nothing(&vault);
}

#[test]
fn the_relay_passes_nothing_on_for_strangers() {
    let (mut shop, receiver) = Shop::with_receiver(Engine::Sqlite);
    // Not the shop's domain, on either side of the talk.
    for (from, header) in [
        ("kwaad@elders.test", "kwaad@elders.test"),
        (SENDER, "kwaad@elders.test"),
        ("kwaad@elders.test", SENDER),
        ("kwaad@winkel.test.elders.test", "kwaad@winkel.test.elders.test"),
        ("", "kwaad@elders.test"),
    ] {
        let text = format!("From: <{header}>\nSubject: x\n\nx\n");
        let said = shop.talk().message(from, &["noor.kanariegeel@klant.test"], &text);
        assert!(code(&said) >= 500, "{from} {header}: {said}");
    }
    let two = format!("From: <{SENDER}>, <kwaad@elders.test>\nSubject: x\n\nx\n");
    assert!(code(&shop.talk().message(SENDER, &["noor.kanariegeel@klant.test"], &two)) >= 500);
    let twice = format!("From: <{SENDER}>\nFrom: <kwaad@elders.test>\nSubject: x\n\nx\n");
    assert!(code(&shop.talk().message(SENDER, &["noor.kanariegeel@klant.test"], &twice)) >= 500);
    // Two messages in one, for a server that reads line ends differently.
    let mut talk = shop.talk();
    for line in [
        format!("MAIL FROM:<{SENDER}>"),
        "RCPT TO:<noor.kanariegeel@klant.test>".to_owned(),
        "DATA".to_owned(),
    ] {
        assert!(code(&talk.say(&line)) < 400);
    }
    talk.send(format!("From: <{SENDER}>\r\n\r\nx\n.\r\nMAIL FROM:<kwaad@elders.test>\r\n.\r\n").as_bytes());
    assert!(code(&talk.hear()) >= 500);
    assert_eq!((shop.waiting(), receiver.postfix.count()), (0, 0));
    shop.vault.stop();
}
