//! Certificates from Pebble: three kinds of proof, known accounts, renewal under load, failures, a crash, advice on renewal.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::client::{self, Client};
use crate::harness::{Engine as Database, Vault, free_port};
use crate::pebble::{ACCOUNT_KEY, Manner, Pebble, settings, until};

const NAME: &str = "winkel.example";

/// What the server says about its certificate.
fn report(vault: &Vault) -> Value {
    let bytes = fs::read(vault.data().join("tls/certificate.json")).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn state(vault: &Vault) -> Value {
    let bytes = fs::read(vault.data().join("tls/acme/state.json")).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// The ordered certificate.
fn ordered(vault: &Vault) -> Vec<u8> {
    let pem = fs::read(vault.data().join("tls/acme/certificate.pem")).unwrap_or_default();
    CertificateDer::from_pem_slice(&pem).map(|der| der.to_vec()).unwrap_or_default()
}

/// The certificate that a new connection is shown, when it is of this client's authorities.
fn shown(client: &Client) -> Option<Vec<u8>> {
    let mut stream = client.stranger().connect().ok()?;
    stream.conn.complete_io(&mut stream.sock).ok()?;
    Some(stream.conn.peer_certificates()?.first()?.to_vec())
}

#[track_caller]
fn wait_until_served(vault: &Vault, client: &Client) -> Vec<u8> {
    until("the ordered certificate is served", || {
        let now = ordered(vault);
        !now.is_empty() && shown(client) == Some(now)
    });
    ordered(vault)
}

/// A vault that orders from Pebble by one kind of proof, and a client that trusts what Pebble issues only.
fn obtain(manner: &Manner, names: &[&str], more: impl Fn(&Pebble) -> String) -> (Vault, Pebble, Client) {
    let mut vault = Vault::new(Database::Sqlite);
    let pebble = Pebble::beside(&vault, manner);
    vault.add_settings(&pebble.settings(names, &more(&pebble)));
    vault.start();
    let client = Client::named(NAME, vault.port(), &[&pebble.issuer_root()], None);
    wait_until_served(&vault, &client);
    (vault, pebble, client)
}

#[test]
fn http_01_gives_a_certificate_for_several_names_that_a_restart_keeps() {
    let names = [NAME, "www.winkel.example"];
    let (mut vault, pebble, client) = obtain(&Manner::default(), &names, |_| String::new());
    client.ask("GET", "/healthz", &[], b"").expect(200);
    let www = Client::named("www.winkel.example", vault.port(), &[&pebble.issuer_root()], None);
    www.get("/healthz").expect(200);
    until("the report names it", || {
        report(&vault)["source"] == "acme" && report(&vault)["is_local"] == false
    });
    let said = vault.cli_json(&["certificate", "show"], "");
    assert_eq!((&said["names"], &said["last_error"]), (&json!(names), &Value::Null));
    assert!(said["next_renewal"].as_str().unwrap() < said["not_after"].as_str().unwrap());
    let status = vault.cli_json(&["status"], "");
    assert_eq!(status["certificate"]["issuer"], said["issuer"]);
    let metrics = client.with_bearer(Some(&vault.secret())).get("/metrics").expect(200).text();
    assert!(metrics.contains("\nkluis_certificate_renewal_failed 0"), "{metrics}");
    assert!(metrics.contains("\nkluis_certificate_local 0"), "{metrics}");
    let mut plain = TcpStream::connect(("127.0.0.1", vault.http_port())).unwrap();
    plain.write_all(b"GET /.well-known/acme-challenge/x HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut head = String::new();
    plain.read_to_string(&mut head).unwrap();
    assert!(head.starts_with("HTTP/1.1 308"), "{head}");
    let first = ordered(&vault);
    vault.stop();
    vault.start_beside_another_authority();
    assert_eq!(wait_until_served(&vault, &client), first);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((ordered(&vault), pebble.orders()), (first, 1), "a restart orders nothing");
    for file in ["certificate.pem", "state.json"] {
        use std::os::unix::fs::PermissionsExt;
        let path = vault.data().join("tls/acme").join(file);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    assert!(!vault.data().join("tls/acme/pending.json").exists());
}

#[test]
fn tls_alpn_01_gives_a_certificate() {
    let (_vault, _pebble, client) =
        obtain(&Manner::default(), &[NAME], |_| "challenge = \"tls-alpn-01\"".to_owned());
    client.get("/healthz").expect(200);
}

#[test]
fn dns_01_gives_a_certificate_for_a_wildcard_and_takes_its_records_away() {
    let (vault, pebble, client) = obtain(&Manner::default(), &[NAME, "*.winkel.example"], |pebble| {
        format!("challenge = \"dns-01\"\ndns_hook = \"{}\"\ndns_wait_s = 0", pebble.dns_hook().display())
    });
    client.get("/healthz").expect(200);
    let any = Client::named("iets.winkel.example", vault.port(), &[&pebble.issuer_root()], None);
    any.get("/healthz").expect(200);
    let called = fs::read_to_string(pebble.folder.path().join("hook.log")).unwrap();
    let count = |word: &str| called.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((count("add "), count("remove ")), (2, 2), "{called}");
}

#[test]
fn an_account_that_must_be_known_is_bound_by_a_key_from_a_private_file() {
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), ACCOUNT_KEY).unwrap();
    let manner = Manner { knows_accounts: true, ..Manner::default() };
    let (vault, pebble, client) = obtain(&manner, &[NAME], |_| {
        format!("eab_kid = \"kid-1\"\neab_key_file = \"{}\"", key.path().display())
    });
    client.get("/healthz").expect(200);
    assert!(!fs::read_to_string(vault.log_file()).unwrap().contains(ACCOUNT_KEY));
    // Without the binding nothing is registered, and the reason says what to set.
    let mut other = Vault::new(Database::Sqlite);
    other.add_settings(&pebble.settings(&[NAME], ""));
    other.start();
    until("the refusal is told", || {
        report(&other)["last_error"].as_str().is_some_and(|error| error.contains("acme.eab_kid"))
    });
}

#[test]
fn the_certificate_is_replaced_twice_under_load_and_no_request_fails() {
    let (vault, _pebble, client) = obtain(&Manner::default(), &[NAME], |_| String::new());
    let (done, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..8)
        .map(|number| {
            let (client, done, asked) = (client.clone(), done.clone(), asked.clone());
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    if number % 2 == 0 {
                        client.get("/healthz").expect(200);
                        asked.fetch_add(1, Ordering::Relaxed);
                    } else {
                        keep_asking(&client, &done, &asked);
                    }
                }
            })
        })
        .collect();
    let mut seen = vec![ordered(&vault)];
    for _ in 0..2 {
        vault.cli(&["certificate", "renew"], "");
        until("another certificate is ordered", || !seen.contains(&ordered(&vault)));
        seen.push(wait_until_served(&vault, &client));
    }
    std::thread::sleep(Duration::from_millis(500));
    done.store(true, Ordering::Relaxed);
    for thread in load {
        thread.join().unwrap();
    }
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked > 200, "only {asked} requests");
    eprintln!("{asked} requests over two replacements, none failed");
}

/// Asks over one connection until the load is over; it must not be closed by the server.
fn keep_asking(client: &Client, done: &AtomicBool, asked: &AtomicUsize) {
    let mut stream = client.connect().unwrap();
    let mut buffer = [0; 4096];
    while !done.load(Ordering::Relaxed) {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: winkel.example\r\n\r\n").unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"}") {
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "the connection was closed");
            got.extend_from_slice(&buffer[..n]);
        }
        assert!(got.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&got));
        asked.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_refused_renewal_waits_keeps_the_old_certificate_and_asks_for_attention() {
    let (mut vault, pebble, client) = obtain(&Manner::default(), &[NAME], |_| String::new());
    let first = ordered(&vault);
    pebble.tell_dns("set-default-ipv4", "{\"ip\":\"127.0.0.2\"}");
    vault.cli(&["certificate", "renew"], "");
    until("the failure is told", || report(&vault)["last_error"].is_string());
    let said = report(&vault);
    assert!(said["last_error"].as_str().unwrap().contains(NAME), "{said}");
    let orders = pebble.orders();
    assert_eq!(shown(&client).as_ref(), Some(&first));
    let status = vault.cli_json(&["status"], "");
    let attention = status["attention"].as_array().unwrap();
    assert!(attention.iter().any(|one| one["id"] == "certificate_not_renewed"), "{status}");
    // It waits minutes, and a restart does not make it forget that.
    let until_when = state(&vault)["wait_until"].as_str().unwrap().to_owned();
    vault.stop();
    vault.start_beside_another_authority();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((pebble.orders(), state(&vault)["failures"].as_u64()), (orders, Some(1)));
    assert_eq!(state(&vault)["wait_until"], until_when.as_str());
    assert_eq!(shown(&client), Some(first.clone()));
    // Once the cause is gone a person need not wait.
    pebble.tell_dns("set-default-ipv4", "{\"ip\":\"127.0.0.1\"}");
    vault.cli(&["certificate", "renew"], "");
    until("another certificate is ordered", || ordered(&vault) != first);
    wait_until_served(&vault, &client);
    until("the failure is forgotten", || report(&vault)["last_error"].is_null());
}

#[test]
fn until_the_first_certificate_comes_our_own_authority_serves() {
    let mut vault = Vault::new(Database::Sqlite);
    let pebble = Pebble::beside(&vault, &Manner::default());
    pebble.tell_dns("set-default-ipv4", "{\"ip\":\"127.0.0.2\"}");
    vault.add_settings(&pebble.settings(&[NAME], ""));
    vault.start();
    until("the failure is told", || report(&vault)["last_error"].is_string());
    vault.client().get("/healthz").expect(200);
    assert_eq!(report(&vault)["is_local"], true);
    let metrics = vault.client().get("/metrics").expect(200).text();
    assert!(metrics.contains("\nkluis_certificate_renewal_failed 1"), "{metrics}");
}

#[test]
fn an_order_that_a_crash_left_half_way_is_taken_up_again() {
    let mut vault = Vault::new(Database::Sqlite);
    let pebble = Pebble::beside(&vault, &Manner { slow_s: 5, ..Manner::default() });
    vault.add_settings(&pebble.settings(&[NAME], ""));
    let pending = vault.data().join("tls/acme/pending.json");
    vault.start();
    until("an order is on its way", || pending.exists());
    let order: Value = serde_json::from_slice(&fs::read(&pending).unwrap()).unwrap();
    vault.kill();
    assert!(ordered(&vault).is_empty(), "it was killed too late");
    vault.start();
    let client = Client::named(NAME, vault.port(), &[&pebble.issuer_root()], None);
    wait_until_served(&vault, &client);
    assert_eq!(pebble.orders(), 1, "{order}");
}

/// What the mock that advises on renewal remembers.
#[derive(Default)]
struct Advice {
    /// From when until when it would like a renewal.
    window: Mutex<(String, String)>,
    /// About which certificates it was asked.
    asked: Mutex<Vec<String>>,
    /// Which certificates orders said they replace.
    replaced: Mutex<Vec<String>>,
}

#[test]
fn advice_on_renewal_is_followed_and_the_order_says_what_it_replaces() {
    let mut vault = Vault::new(Database::Sqlite);
    let pebble = Pebble::beside(&vault, &Manner::default());
    let advice = Arc::new(Advice::default());
    let day = |days: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string();
    *advice.window.lock().unwrap() = (day(2), day(3));
    let port = advise(&pebble, advice.clone());
    vault.add_settings(&settings(port, &pebble.root(), &[NAME], ""));
    vault.start();
    let client = Client::named(NAME, vault.port(), &[&pebble.issuer_root()], None);
    let first = wait_until_served(&vault, &client);
    until("the advised moment is told", || {
        let at = report(&vault)["next_renewal"].as_str().unwrap_or_default().to_owned();
        (day(1)..day(4)).contains(&at)
    });
    let id = advice.asked.lock().unwrap()[0].clone();
    let (key, serial) = id.split_once('.').unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(key).unwrap().len(), 20);
    let serial = URL_SAFE_NO_PAD.decode(serial).unwrap();
    assert!(first.windows(serial.len()).any(|window| window == serial));
    // The next day the authority wants it gone.
    vault.stop();
    let file = vault.data().join("tls/acme/state.json");
    let mut remembered = state(&vault);
    remembered["issued"] = json!(day(-1));
    remembered["ask_at"] = Value::Null;
    fs::write(&file, remembered.to_string()).unwrap();
    *advice.window.lock().unwrap() = (day(-2), day(-1));
    vault.start_beside_another_authority();
    until("another certificate is ordered", || ordered(&vault) != first);
    wait_until_served(&vault, &client);
    assert_eq!(*advice.replaced.lock().unwrap(), [id]);
    // It goes on saying "now": that makes no loop.
    until("it was asked about the new one", || advice.asked.lock().unwrap().len() >= 3);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(pebble.orders(), 2);
}

/// A server before Pebble that advises on renewal, which Pebble 2.4 does not; gives its port.
fn advise(pebble: &Pebble, advice: Arc<Advice>) -> u16 {
    let port = free_port();
    let root = CertificateDer::from_pem_file(pebble.root()).unwrap();
    let key = PrivateKeyDer::from_pem_file(pebble.folder.path().join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![root], key)
        .unwrap();
    let (config, behind, root) = (Arc::new(config), pebble.port, pebble.root());
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let session = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(session, tcp.unwrap());
            let (advice, root) = (advice.clone(), root.clone());
            std::thread::spawn(move || {
                let Some((head, body)) = read_request(&mut stream) else { return };
                let answer = answer(&head, &body, port, behind, &root, &advice);
                let _ = stream.write_all(&answer);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    port
}

fn read_request(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let (mut got, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        got.extend_from_slice(&buffer[..n]);
        let Some(end) = got.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(got[..end + 4].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if got.len() >= end + 4 + length.unwrap_or(0) {
            return Some((head, got[end + 4..].to_vec()));
        }
    }
}

/// Answers about renewal itself; passes all else on, and adds what Pebble does not say.
fn answer(head: &str, body: &[u8], port: u16, behind: u16, root: &Path, advice: &Advice) -> Vec<u8> {
    let path = head.split(' ').nth(1).unwrap();
    if let Some(id) = path.strip_prefix("/ari/") {
        advice.asked.lock().unwrap().push(id.to_owned());
        let (start, end) = advice.window.lock().unwrap().clone();
        let told = json!({ "suggestedWindow": { "start": start, "end": end } }).to_string();
        let length = told.len();
        return format!("HTTP/1.1 200 OK\r\nretry-after: 60\r\ncontent-length: {length}\r\n\r\n{told}")
            .into_bytes();
    }
    let mut stream = Client::new(behind, root, None).connect().unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let got = client::parse(&bytes).unwrap();
    let mut told = got.body.clone();
    if let Ok(mut document) = serde_json::from_slice::<Value>(&told)
        && document.is_object()
    {
        if path == "/dir" {
            document["renewalInfo"] = json!(format!("https://localhost:{port}/ari"));
        }
        if let Some(id) = replaces(body).filter(|_| document.get("finalize").is_some()) {
            advice.replaced.lock().unwrap().push(id.clone());
            document["replaces"] = json!(id);
        }
        told = document.to_string().into_bytes();
    }
    let kept = got.head.lines().filter(|line| {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        name != "content-length" && name != "transfer-encoding"
    });
    let head: Vec<&str> = kept.collect();
    let mut answer = format!("{}\r\ncontent-length: {}\r\n\r\n", head.join("\r\n"), told.len()).into_bytes();
    answer.extend(told);
    answer
}

/// Which certificate the order in a signed request says it replaces.
fn replaces(body: &[u8]) -> Option<String> {
    let signed: Value = serde_json::from_slice(body).ok()?;
    let payload = URL_SAFE_NO_PAD.decode(signed["payload"].as_str()?).ok()?;
    let order: Value = serde_json::from_slice(&payload).ok()?;
    order["replaces"].as_str().map(str::to_owned)
}
