//! Reports that come in by themselves: by SMTP, from the folder and from a Dovecot mailbox; and what the relay refuses.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{Engine, Vault, free_port};
use crate::postfix;
use crate::smtp_talk::{Talk, code, dotted, outer_address};

/// Longest wait for something that happens by itself.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Where the tests have reports sent.
const ADDRESS: &str = "dmarc@rapport.winkel.example";

/// A folder of the public vectors beside the project, or where `KLUIS_VECTORS` says.
fn samples(folder: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let vectors = std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned());
    root.join(vectors).join("dmarc").join(folder)
}

/// A vault that takes reports at a port, on a database.
fn receiving(engine: Engine, more: &str) -> (Vault, u16) {
    let mut vault = Vault::new(engine);
    let port = free_port();
    vault.add_settings(&format!(
        "[mail.reports]\nlisten = \"127.0.0.1:{port}\"\naddresses = [\"{ADDRESS}\"]\n{more}"
    ));
    vault.start();
    (vault, port)
}

/// The ids that reporters gave, and how many reports there are.
fn report_ids(vault: &Vault) -> Vec<String> {
    let listed = vault.cli_json(&["mail", "report", "list", "--limit", "500"], "");
    let mut ids: Vec<String> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["report_id"].as_str().unwrap_or_else(|| panic!("{report}")).to_owned())
        .collect();
    ids.sort();
    ids
}

#[track_caller]
fn wait_for(what: &str, mut is_done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < WAIT_MAX, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An aggregate report with an id.
fn xml(id: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><feedback><report_metadata><org_name>ontvanger.example</org_name>\
         <email>dmarc@ontvanger.example</email><report_id>{id}</report_id><date_range><begin>1764000000</begin>\
         <end>1764086399</end></date_range></report_metadata><policy_published><domain>winkel.example</domain>\
         <p>none</p></policy_published><record><row><source_ip>192.0.2.10</source_ip><count>3</count>\
         <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>\
         <identifiers><header_from>winkel.example</header_from></identifiers><auth_results><spf>\
         <domain>winkel.example</domain><result>pass</result></spf></auth_results></record></feedback>"
    )
}

/// A mail that carries it.
fn eml(id: &str) -> String {
    let body = STANDARD.encode(xml(id));
    let lines: Vec<&str> =
        body.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "From: dmarc@ontvanger.example\nTo: {ADDRESS}\nSubject: Report Domain: winkel.example Report-ID: {id}\n\
         MIME-Version: 1.0\nContent-Type: application/xml; name=\"{id}.xml\"\n\
         Content-Disposition: attachment; filename=\"{id}.xml\"\nContent-Transfer-Encoding: base64\n\n{}\n",
        lines.join("\n")
    )
}

#[test]
fn a_report_that_is_mailed_arrives_in_the_vault() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (mut vault, port) = receiving(engine, "");
        let server = format!("127.0.0.1:{port}");
        let swaks = |to: &str, file: &Path| {
            let attached = format!("@{}", file.display());
            let words = [
                "--server",
                &server,
                "--from",
                "noreply@ontvanger.example",
                "--to",
                to,
                "--attach",
                &attached,
            ];
            Command::new("swaks").args(words).output().unwrap()
        };
        let gzip =
            samples("aggregate").join("fastmail.com!example.com!1516060800!1516147199!102675056.xml.gz");
        let zip = samples("extract_report").join("nice-input.xml.zip");
        for file in [&gzip, &zip, &gzip] {
            let sent = swaks(ADDRESS, file);
            assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
        }
        let sent = swaks("info@rapport.winkel.example", &gzip);
        assert!(!sent.status.success() && String::from_utf8_lossy(&sent.stdout).contains("550 5.1.1"));
        // A mail as a receiver sent it.
        let twilight = fs::read(samples("aggregate").join("twilight.eml")).unwrap();
        let said = Talk::local(port).message("", &[ADDRESS], &String::from_utf8_lossy(&twilight));
        assert_eq!(code(&said), 503, "{said}");
        let mut talk = Talk::local(port);
        talk.say("EHLO ontvanger.example");
        let said = talk.message("", &["DMARC@Rapport.Winkel.example"], &String::from_utf8_lossy(&twilight));
        assert!(said.starts_with("250 2.0.0"), "{said}");
        let listed = vault.cli_json(&["mail", "report", "list"], "");
        let orgs: Vec<&str> =
            listed.as_array().unwrap().iter().map(|one| one["org"].as_str().unwrap()).collect();
        assert_eq!(orgs.len(), 3, "the same report twice is there once: {orgs:?}");
        assert!(orgs.contains(&"FastMail Pty Ltd"), "{orgs:?}");
        vault.stop();
        let log = fs::read_to_string(vault.log_file()).unwrap();
        assert!(!log.contains("noreply@") && !log.contains("dmarc@"), "{log}");
    }
}

#[test]
fn mail_for_others_and_hostile_mail_is_refused() {
    let (vault, port) = receiving(Engine::Sqlite, "");
    let mut talk = Talk::local(port);
    let hello = talk.say("EHLO x.example");
    assert!(hello.contains("STARTTLS") && !hello.contains("AUTH"), "{hello}");
    assert_eq!(code(&talk.say("MAIL FROM:<a@b.example>")), 250);
    for to in [
        "info@winkel.example",
        "dmarc@winkel.example",
        "dmarc@rapport.winkel.example.elders.example",
        "dmarc%rapport.winkel.example@elders.example",
        "elders.example!dmarc@b.example",
        "\"dmarc@rapport.winkel.example\"@elders.example",
        "@rapport.winkel.example:a@b.example",
        "postmaster",
    ] {
        let said = talk.say(&format!("RCPT TO:<{to}>"));
        assert!(code(&said) >= 500, "{to}: {said}");
    }
    assert_eq!(talk.codes(&["DATA", "AUTH PLAIN AGEAYg==", "RCPT TO:<x@y.example>"]), [554, 502, 550]);
    assert_eq!(talk.hear(), "421 4.7.0 Too many errors.\r\n");
    let ready = || {
        let mut talk = Talk::local(port);
        let to = format!("RCPT TO:<{ADDRESS}>");
        assert_eq!(
            talk.codes(&["EHLO x.example", "MAIL FROM:<a@b.example>", &to, "DATA"]),
            [250, 250, 250, 354]
        );
        talk
    };
    // Smuggling: the second message would be from whoever the attacker likes.
    let mut talk = ready();
    talk.send(b"Subject: x\r\n\r\nx\n.\r\nMAIL FROM:<evil@winkel.example>\r\n");
    assert!(talk.hear().starts_with("550 5.6.0"));
    assert_eq!(talk.hear(), "", "the talk is over");
    // Too large: refused at MAIL when announced, at the end when not.
    let mut talk = Talk::local(port);
    assert_eq!(talk.codes(&["EHLO x.example", "MAIL FROM:<a@b.example> SIZE=99999999"]), [250, 552]);
    let mut talk = ready();
    let line = [b'x'; 32_766];
    for _ in 0..900 {
        talk.send(&line);
        talk.send(b"\r\n");
    }
    talk.send(b".\r\n");
    assert!(talk.hear().starts_with("552 5.3.4"));
    // STARTTLS with commands behind it, in the clear.
    let mut talk = Talk::local(port);
    talk.say("EHLO x.example");
    let to = format!("STARTTLS\r\nEHLO y\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<{ADDRESS}>\r\n");
    talk.send(to.as_bytes());
    assert_eq!(talk.hear(), "220 2.0.0 Begin TLS.\r\n");
    assert_eq!(talk.hear(), "", "what follows is no handshake");
    // A failure report holds somebody's mail.
    let failure = fs::read(samples("failure").join("dmarc_ruf_report_linkedin.eml")).unwrap();
    let mut talk = Talk::local(port);
    talk.say("EHLO x.example");
    let said = talk.message("a@b.example", &[ADDRESS], &String::from_utf8_lossy(&failure));
    assert!(said.starts_with("550 5.7.1"), "{said}");
    assert_eq!(report_ids(&vault), Vec::<String>::new());
    // And over TLS everything is as before.
    let mut talk = Talk::local(port);
    talk.say("EHLO x.example");
    let mut talk = talk.start_tls(&vault.data().join("tls/ca.pem"));
    talk.say("EHLO x.example");
    assert!(talk.message("a@b.example", &[ADDRESS], &eml("over-tls")).starts_with("250"));
    assert_eq!(report_ids(&vault), ["over-tls"]);
}

#[test]
fn one_address_gets_few_connections() {
    let (_vault, port) = receiving(Engine::Sqlite, "");
    let open: Vec<Talk> = (0..8).map(|_| Talk::local(port)).collect();
    let mut ninth = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut ninth, &mut text).unwrap();
    assert_eq!(text, "421 4.3.2 Too many connections; try again later.\r\n");
    drop(open);
    wait_for("a place is free again", || {
        let mut tcp = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut first = [0; 3];
        std::io::Read::read_exact(&mut tcp, &mut first).is_ok() && &first == b"220"
    });
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_between_data_and_its_answer() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (mut vault, port) = receiving(engine, "");
        let mut accepted: Vec<String> = Vec::new();
        let mut open: Vec<String> = Vec::new();
        for round in 0..3 {
            // Some reports are answered; then the server dies with the end of a message just sent.
            let mut talk = Talk::local(port);
            talk.say("EHLO ontvanger.example");
            for number in 0..=round * 5 {
                let id = format!("r{round}-{number}");
                let said = talk.message("a@ontvanger.example", &[ADDRESS], &eml(&id));
                assert!(said.starts_with("250"), "{said}");
                accepted.push(id);
            }
            let id = format!("r{round}-open");
            let to = format!("RCPT TO:<{ADDRESS}>");
            assert_eq!(talk.codes(&["MAIL FROM:<a@ontvanger.example>", &to, "DATA"]), [250, 250, 354]);
            talk.send(&dotted(&eml(&id)));
            std::thread::sleep(Duration::from_millis(round * 3));
            vault.kill();
            if talk.hear().starts_with("250") {
                accepted.push(id);
            } else {
                open.push(id);
            }
            vault.start();
        }
        accepted.sort();
        let kept = report_ids(&vault);
        assert!(accepted.iter().all(|id| kept.contains(id)), "{accepted:?} are not all in {kept:?}");
        // Their senders bring the others again, as they must: each is there once.
        let mut talk = Talk::local(port);
        talk.say("EHLO ontvanger.example");
        for id in &open {
            assert!(talk.message("a@ontvanger.example", &[ADDRESS], &eml(id)).starts_with("250"));
        }
        accepted.extend(open);
        accepted.sort();
        assert_eq!(report_ids(&vault), accepted);
        assert!(vault.cli(&["verify"], "").contains("all is well"));
    }
}

#[test]
fn files_in_the_folder_are_read_once_and_moved() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("in");
        fs::create_dir(&inside).unwrap();
        let outside = folder.path().join("buiten.xml");
        fs::write(&outside, xml("buiten")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link.xml")).unwrap();
        fs::write(inside.join("half.xml.tmp"), xml("half")).unwrap();
        let (mut vault, _) = receiving(engine, &format!("folder = \"{}\"\n", inside.display()));
        let sample = "fastmail.com!example.com!1516060800!1516147199!102675056.xml.gz";
        fs::copy(samples("aggregate").join(sample), inside.join(sample)).unwrap();
        fs::write(inside.join("een.xml"), xml("een")).unwrap();
        fs::write(inside.join("onzin.xml"), "<onzin").unwrap();
        let failure = "dmarc_ruf_report_linkedin.eml";
        fs::copy(samples("failure").join(failure), inside.join(failure)).unwrap();
        let done = |name: &str| inside.join("done").join(name).exists();
        wait_for("all are moved", || {
            [sample, "een.xml", "onzin.xml"].iter().all(|name| done(name))
                && inside.join("refused").join(failure).exists()
        });
        assert_eq!(report_ids(&vault), ["102675056", "een"]);
        // Something waits for a person: that is a finding.
        let waiting = vault.run(&["--json", "mail", "report", "quarantine", "list"], "");
        assert_eq!(waiting.status.code(), Some(1));
        let waiting: serde_json::Value = serde_json::from_slice(&waiting.stdout).unwrap();
        assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
        // The same again, and killed while it is read.
        fs::write(inside.join("een.xml"), xml("een")).unwrap();
        fs::write(inside.join("twee.xml"), xml("twee")).unwrap();
        std::thread::sleep(Duration::from_millis(2_100));
        vault.kill();
        vault.start();
        wait_for("all are moved again", || done("een.xml.1") && done("twee.xml"));
        assert_eq!(report_ids(&vault), ["102675056", "een", "twee"]);
        assert!(inside.join("link.xml").exists() && inside.join("half.xml.tmp").exists());
    }
}

/// A Dovecot of its own with one mailbox over TLS.
struct Dovecot {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Dovecot {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        fs::write(at.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(at.join("key.pem"), key.serialize_pem()).unwrap();
        fs::write(at.join("users"), "post:{PLAIN}ge\"heim\\1::::::\n").unwrap();
        for name in ["run", "state", "mail", "mail/cur", "mail/new", "mail/tmp"] {
            fs::create_dir(at.join(name)).unwrap();
        }
        let port = free_port();
        // As root its processes become other users; else everything stays with the user who runs the tests.
        let (user, group) = (whoami("-un"), whoami("-gn"));
        let (login, login_group) = if user == "root" { ("dovenull", "dovenull") } else { (&*user, &*group) };
        let internal = if user == "root" { "dovecot" } else { &*user };
        let owner = if user == "root" { "mail" } else { &*user };
        let config = format!(
            "base_dir = {at}/run\nstate_dir = {at}/state\nlog_path = {at}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
             ssl = required\nssl_cert = <{at}/cert.pem\nssl_key = <{at}/key.pem\nssl_dh =\nauth_mechanisms = plain login\n\
             default_login_user = {login}\ndefault_internal_user = {internal}\ndefault_internal_group = {login_group}\n\
             mail_location = maildir:{at}/mail\nfirst_valid_uid = 0\nmail_uid = {owner}\nmail_gid = {owner}\n\
             passdb {{\n driver = passwd-file\n args = {at}/users\n}}\nuserdb {{\n driver = static\n \
             args = uid={owner} gid={owner} home={at}/mail\n}}\nservice imap-login {{\n chroot =\n inet_listener imap {{\n  port = 0\n }}\n \
             inet_listener imaps {{\n  port = {port}\n ssl = yes\n }}\n}}\nservice anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n",
            at = at.display(),
        );
        fs::write(at.join("dovecot.conf"), config).unwrap();
        let child = Command::new("/usr/sbin/dovecot")
            .arg("-F")
            .arg("-c")
            .arg(at.join("dovecot.conf"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at.join("errors")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("dovecot: {error}; ./test installs it"));
        let mut dovecot = Self { folder, port, child };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = dovecot.child.try_wait().unwrap().is_some();
            assert!(!ended && begun.elapsed() < WAIT_MAX, "Dovecot does not start: {}", dovecot.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        dovecot
    }

    fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("log") + &read("errors")
    }

    /// Puts a message into the mailbox, as a mail server would.
    fn deliver(&self, name: &str, text: &str) {
        let (new, tmp) = (self.mail("new").join(name), self.mail("tmp").join(name));
        fs::write(&tmp, text).unwrap();
        self.own();
        fs::rename(tmp, new).unwrap();
    }

    fn own(&self) {
        if whoami("-un") == "root" {
            let status =
                Command::new("chown").args(["-R", "mail:mail"]).arg(self.folder.path().join("mail")).status();
            assert!(status.unwrap().success());
        }
    }

    fn mail(&self, name: &str) -> PathBuf {
        self.folder.path().join("mail").join(name)
    }

    /// Messages that are marked read (`S` in the name of the file).
    fn read(&self) -> usize {
        let names = fs::read_dir(self.mail("cur")).unwrap().map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| {
                name.to_string_lossy().split_once(":2,").is_some_and(|(_, flags)| flags.contains('S'))
            })
            .count()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        postfix::end(&mut self.child);
    }
}

fn whoami(option: &str) -> String {
    let output = Command::new("id").arg(option).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn reports_are_fetched_from_a_mailbox_and_marked_read_when_they_are_kept() {
    let dovecot = Dovecot::start();
    dovecot.deliver("1.een", &eml("een"));
    let twilight = fs::read_to_string(samples("aggregate").join("twilight.eml")).unwrap();
    dovecot.deliver("2.twilight", &twilight);
    let secrets = tempfile::tempdir().unwrap();
    let password = secrets.path().join("password");
    fs::write(&password, "ge\"heim\\1\n").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o400)).unwrap();
    let settings = |host: &str, authority: &str| {
        format!(
            "imap = \"{host}:{}\"\nimap_user = \"post\"\nimap_password_file = \"{}\"\n{authority}",
            dovecot.port,
            password.display()
        )
    };
    let authority = format!("imap_ca_file = \"{}\"\n", dovecot.folder.path().join("cert.pem").display());
    // A server whose certificate is of nobody we know is not told the password.
    let (mut stranger, _) = receiving(Engine::Sqlite, &settings("localhost", ""));
    let log = stranger.log_file();
    wait_for("it says so", || {
        fs::read_to_string(&log).unwrap().contains("the mailbox with reports could not be read")
    });
    assert_eq!(dovecot.read(), 0);
    assert!(!dovecot.log().contains("Login: user=<post>"));
    stranger.stop();
    let (vault, _) = receiving(Engine::Sqlite, &settings("localhost", &authority));
    let log = vault.log_file();
    let said = || format!("{}\n{}", fs::read_to_string(&log).unwrap(), dovecot.log());
    wait_for(&said(), || dovecot.read() == 2);
    let kept = report_ids(&vault);
    assert!(kept.len() == 2 && kept.contains(&"een".to_owned()), "{kept:?}");
    assert!(!said().contains("heim"), "no password in a log");
}

/// The streams of the tests: one that the relay sends, one that others send.
const STREAMS: &str = "version = 1\ndomain = \"winkel.example\"\n\n[[stream]]\nid = \"winkel\"\nkind = \"shop\"\n\
    from = \"bestelling.winkel.example\"\nrelay = true\n\n[[stream]]\nid = \"nieuws\"\nkind = \"newsletter\"\n\
    from = \"nieuws.winkel.example\"\nservices = [\"spotler\"]\n";

/// A vault whose relay listens on every address of this machine; nothing is behind it.
fn relaying() -> (Vault, u16) {
    let mut vault = Vault::new(Engine::Sqlite);
    let port = free_port();
    let streams = vault.folder.path().join("mail.toml");
    fs::write(&streams, STREAMS).unwrap();
    vault.add_settings(&format!(
        "[mail]\nstreams = \"{}\"\n[mail.relay]\nlisten = \"0.0.0.0:{port}\"\nsmarthost = \"127.0.0.1:{}\"\n\
         smarthost_tls = \"none\"\n",
        streams.display(),
        free_port()
    ));
    vault.start();
    (vault, port)
}

const ORDER: &str = "From: Winkel <hallo@bestelling.winkel.example>\nTo: noor@klant.example\nSubject: Uw bestelling\n\nDank u wel.\n";

#[test]
fn the_relay_lets_nobody_in_without_tls_and_a_credential() {
    let (vault, port) = relaying();
    let outside = SocketAddr::from((outer_address(), port));
    let authority = vault.data().join("tls/ca.pem");
    // From another machine: nothing in the clear.
    let mut talk = Talk::begin(outside);
    let hello = talk.say("EHLO program.example");
    assert!(hello.contains("STARTTLS") && !hello.contains("AUTH"), "{hello}");
    assert_eq!(talk.codes(&["MAIL FROM:<hallo@bestelling.winkel.example>"]), [530]);
    assert!(talk.sign_in("winkel", &vault.secret()).starts_with("538 5.7.11"));
    // Over TLS: a sign-in is wanted, and it must be right.
    let mut talk = talk.start_tls(&authority);
    let hello = talk.say("EHLO program.example");
    assert!(hello.contains("AUTH PLAIN LOGIN") && !hello.contains("STARTTLS"), "{hello}");
    assert_eq!(talk.codes(&["MAIL FROM:<hallo@bestelling.winkel.example>"]), [530]);
    assert!(talk.sign_in("winkel", "geheim").starts_with("535 5.7.8"));
    let other = vault.cli_json(&["credential", "create", "lezer", "--role", "auditor"], "");
    let other = other["secret"].as_str().unwrap();
    assert!(talk.sign_in("lezer", other).contains("lacks the operation mail_send"));
    assert_eq!(talk.codes(&["MAIL FROM:<hallo@bestelling.winkel.example>"]), [530]);
    assert!(talk.sign_in("winkel", &vault.secret()).starts_with("235 2.7.0"));
    let said = talk.message("hallo@bestelling.winkel.example", &["noor@klant.example"], ORDER);
    assert!(said.starts_with("451 4.7.0 No key signs for bestelling.winkel.example yet"), "{said}");
    // Failed sign-ins are on record.
    let made = vault.cli_json(&["credential", "create", "oud", "--role", "owner"], "");
    vault.cli(&["credential", "revoke", made["id"].as_str().unwrap()], "");
    let mut guess = Talk::begin(outside);
    guess.say("EHLO program.example");
    let mut guess = guess.start_tls(&authority);
    guess.say("EHLO program.example");
    for _ in 0..3 {
        assert!(guess.sign_in("winkel", made["secret"].as_str().unwrap()).starts_with("535 5.7.8"));
    }
    assert_eq!(guess.hear(), "421 4.7.0 Too many sign-ins failed.\r\n");
    let log = vault.cli_json(&["audit", "list", "--operation", "sign_in"], "");
    let denied = log.to_string().matches("not_signed_in").count();
    assert!(denied >= 3, "{log}");
    // A credential that is revoked stops working on connections that are open.
    let made = vault.cli_json(&["credential", "create", "tijdelijk", "--role", "owner"], "");
    let mut talk = Talk::begin(outside);
    talk.say("EHLO program.example");
    let mut talk = talk.start_tls(&authority);
    talk.say("EHLO program.example");
    assert!(talk.sign_in("x", made["secret"].as_str().unwrap()).starts_with("235"));
    vault.cli(&["credential", "revoke", made["id"].as_str().unwrap()], "");
    wait_for("it is refused", || {
        // A talk of commands alone is ended after a hundred of them.
        std::thread::sleep(Duration::from_millis(400));
        let said = talk.say("MAIL FROM:<hallo@bestelling.winkel.example>");
        talk.say("RSET");
        said.starts_with("530 5.7.0")
    });
}

#[test]
fn the_relay_takes_mail_of_declared_streams_only() {
    let (mut vault, port) = relaying();
    let mut talk = Talk::local(port);
    talk.say("EHLO program.example");
    let to = ["noor@klant.example"];
    let own = "hallo@bestelling.winkel.example";
    for (from, header, says) in [
        (
            "a@elders.example",
            "hallo@bestelling.winkel.example",
            "550 5.7.1 elders.example belongs to no mail stream",
        ),
        (
            "a@winkel.example",
            "hallo@bestelling.winkel.example",
            "550 5.7.1 winkel.example belongs to no mail stream",
        ),
        (
            "a@nieuws.winkel.example",
            "a@nieuws.winkel.example",
            "550 5.7.1 The stream nieuws is not sent from here",
        ),
        (own, "directie@bank.example", "550 5.7.1 bank.example belongs to no mail stream"),
        (own, "a@nieuws.winkel.example", "550 5.7.1 The stream nieuws is not sent from here"),
        (own, "a@bestelling.winkel.example, b@bank.example", "550 5.7.1 bank.example"),
        ("", "directie@bank.example", "550 5.7.1 bank.example"),
        (own, "onzin", "554 5.6.0"),
        (own, "a@bestelling.winkel.example\nFrom: b@bank.example", "554 5.6.0"),
        (own, "a@bestelling.winkel.example\nSender: b@bank.example", "550 5.7.1 bank.example"),
    ] {
        let said = talk.message(from, &to, &format!("From: {header}\nSubject: x\n\nx\n"));
        assert!(said.starts_with(says), "{from} {header}: {said}");
        talk.say("RSET");
    }
    // Everybody's favourites for open relays.
    let mut talk = Talk::local(port);
    talk.say("EHLO program.example");
    for from in [
        "MAIL FROM:<@bestelling.winkel.example:a@elders.example>",
        "MAIL FROM:a@b.example",
        "MAIL FROM:<a%b@elders.example>",
    ] {
        assert!(code(&talk.say(from)) >= 500, "{from}");
    }
    // A page in a browser on this machine posts to the port.
    let mut browser = Talk::local(port);
    browser.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nEHLO x\r\nMAIL FROM:<hallo@bestelling.winkel.example>\r\n");
    assert!(browser.hear().starts_with("554"));
    assert_eq!(browser.hear(), "");
    // Long lines and lone line ends would break the signature on the way, or worse.
    let mut talk = Talk::local(port);
    talk.say("EHLO program.example");
    let long = format!("{ORDER}{}\n", "x".repeat(999));
    assert!(talk.message(own, &to, &long).starts_with("550 5.6.0 A line"));
    assert!(talk.message(own, &to, ORDER).starts_with("451 4.7.0"));
    // Streams that are declared meanwhile count without a restart.
    let streams = vault.folder.path().join("mail.toml");
    fs::write(&streams, STREAMS.replace("bestelling.", "orders.")).unwrap();
    wait_for("it is read again", || {
        let said = talk.say("MAIL FROM:<hallo@orders.winkel.example>");
        talk.say("RSET");
        std::thread::sleep(Duration::from_millis(200));
        said.starts_with("250")
    });
    assert!(talk.message(own, &to, ORDER).starts_with("550 5.7.1"));
    vault.stop();
    assert!(talk.hear().starts_with("421 4.3.2"), "it says that it stops");
    let log = fs::read_to_string(vault.log_file()).unwrap();
    for private in ["noor@", "hallo@", "klant.example"] {
        assert!(!log.contains(private), "{log}");
    }
}
