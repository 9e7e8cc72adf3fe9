//! Files, bodies and connections made to hurt: a clear refusal, bounded memory, and others are served meanwhile.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::harness::{Engine, Vault, customer};

/// How much memory anything hostile may cost.
const GROWTH_KIB_MAX: u64 = 100 * 1024;
/// Longest time for anything hostile, on two busy cores.
const WORK_MAX: Duration = Duration::from_secs(30);
const NDJSON: [(&str, &str); 1] = [("content-type", "application/x-ndjson")];

fn running() -> Vault {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    vault
}

/// The most memory a process ever held, while it lives.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Runs a command and watches its memory.
fn measured(vault: &Vault, words: &[&str]) -> (Output, u64) {
    let (begun, mut peak) = (Instant::now(), 0);
    let mut child = vault.spawn(words);
    drop(child.stdin.take());
    while child.try_wait().unwrap().is_none() {
        peak = peak_kib(child.id()).unwrap_or(0).max(peak);
        if begun.elapsed() > WORK_MAX {
            child.kill().unwrap();
            panic!("{words:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (child.wait_with_output().unwrap(), peak)
}

/// A workbook whose one sheet has these bytes.
fn workbook(sheet: &[u8]) -> Vec<u8> {
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let link = |kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/{kind}\" \
             Target=\"{target}\"/></Relationships>"
        )
    };
    let book = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/>\
         </sheets></workbook>"
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("_rels/.rels", link("officeDocument", "xl/workbook.xml").as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", link("worksheet", "worksheets/sheet1.xml").as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A sheet of rows of inline texts.
fn sheet(prolog: &str, rows: &str) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let text = format!("{prolog}<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
    text.into_bytes()
}

fn cell(place: &str, text: &str) -> String {
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// The workbook with the length of its sheet, in its own directory, made small: a lie.
fn lying(mut book: Vec<u8>) -> Vec<u8> {
    let name = b"xl/worksheets/sheet1.xml";
    let entry = (0..book.len() - 46)
        .rev()
        .find(|at| book[*at..].starts_with(b"PK\x01\x02") && book[at + 46..].starts_with(name));
    let at = entry.unwrap() + 24;
    book[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
    book
}

fn utf16(text: &str) -> Vec<u8> {
    [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat()
}

/// Hostile files with the words that the refusal must hold; `None` is for a file of which the good lines are read.
fn files() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let columns = (0..600).map(|n| format!("kolom{n}")).collect::<Vec<_>>().join(",");
    let long = "x".repeat(10 * 1024 * 1024);
    let good = "email,achternaam\nklant1@voorbeeld.example,Kanariegeel\n";
    let head = format!("<row r=\"1\">{}</row>", cell("A1", "email"));
    let far = format!("{head}<row r=\"1048576\">{}</row>", cell("XFD1048576", "klant1@voorbeeld.example"));
    let bomb = workbook(&sheet("", &format!("{head}{}", " ".repeat(80 * 1024 * 1024))));
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let laughs = format!("<!DOCTYPE x [<!ENTITY l0 \"ha\">{laughs}]>");
    let laughs = sheet(&laughs, &format!("{head}<row r=\"2\">{}</row>", cell("A2", "&l9;")));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        ("leeg.csv", Vec::new(), Some("empty")),
        (
            "ruis.csv",
            (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
            Some(""),
        ),
        ("nul.csv", vec![0; 1024 * 1024], Some("")),
        ("kolommen.csv", format!("{columns}\n1\n").into_bytes(), Some("500")),
        ("kop.csv", format!("email,{long}\na,b\n").into_bytes(), Some("head")),
        ("halve-aanhaling.csv", format!("email,\"achternaam\n{long}").into_bytes(), Some("head")),
        ("klanten.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), Some("unpack")),
        ("oud.xls", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), vec![0; 4096]].concat(), Some(".xlsx")),
        ("diep.json", deep.into_bytes(), Some("")),
        ("zip.xlsx", b"PK\x03\x04 and then nothing".to_vec(), Some("")),
        ("bom.xlsx", bomb.clone(), Some("large")),
        ("leugen.xlsx", lying(bomb), Some("")),
        ("ver.xlsx", workbook(&sheet("", &far)), None),
        ("lachen.xlsx", workbook(&laughs), None),
        ("nul-teken.csv", format!("{good}klant2@voor\0beeld.example,B\n").into_bytes(), None),
        ("lange-regel.csv", format!("{good}klant2@voorbeeld.example,{long}\n").into_bytes(), None),
        (
            "lange-regel.ndjson",
            format!("{{\"email\":\"klant1@voorbeeld.example\"}}\n{{\"email\":\"{long}\"}}\n").into_bytes(),
            None,
        ),
        (
            "half.csv",
            {
                let mut bytes = utf16(good);
                bytes.extend([0x00, 0xd8, 0x41]);
                bytes
            },
            None,
        ),
        ("scheef.csv", format!("{good}a,b,c,d\nx\n").into_bytes(), None),
    ]
}

#[test]
fn hostile_files_are_refused_clearly_and_cheaply() {
    let vault = running();
    let write = |name: &str, bytes: &[u8]| {
        let path = vault.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let plain = write("gewoon.csv", b"email,achternaam\nklant7@voorbeeld.example,Kanariegeel\n");
    let (output, usual) = measured(&vault, &["import", &plain, "--yes"]);
    assert!(output.status.success() && usual > 1_000, "{usual}: {output:?}");
    let mut wrong = Vec::new();
    for (name, bytes, says) in files() {
        let path = write(name, &bytes);
        drop(bytes);
        let (output, peak) = measured(&vault, &["import", &path, "--yes"]);
        let stderr = String::from_utf8_lossy(&output.stderr).to_lowercase();
        let shown = format!("{:.300}", String::from_utf8_lossy(&output.stdout));
        let as_expected = match (says, output.status.code()) {
            (Some(says), Some(2)) => {
                stderr.contains("error: ") && stderr.contains("hint: ") && stderr.contains(says)
            }
            (None, Some(1)) => fs::metadata(format!("{path}.rejects.csv")).is_ok_and(|file| file.len() > 10),
            (None, Some(2)) => stderr.contains("error: ") && stderr.contains("hint: "),
            _ => false,
        };
        if !as_expected || stderr.contains("panicked") {
            wrong.push(format!("{name}: {:?} {:.600}\n{shown}", output.status.code(), stderr));
        }
        if peak > usual + GROWTH_KIB_MAX {
            wrong.push(format!("{name}: {peak} KiB instead of about {usual}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(vault.cli_json(&["verify"], "")["findings"], json!([]));
    vault.create(3);
}

#[test]
fn hostile_lines_in_bulk_get_an_answer_each_and_cost_no_memory() {
    let vault = running();
    let client = vault.client();
    vault.create(1);
    let bulk = |lines: &[u8]| client.try_ask("POST", "/v1/subjects/bulk", &NDJSON, lines);
    let good = |number: u32| format!("{}\n", customer(number));
    // A warm-up of everything that a server does for the first time.
    let lines: String = (100..1_100).map(good).collect();
    assert_eq!(bulk(lines.as_bytes()).unwrap().text().matches("\"status\":201").count(), 1_000);
    let before = peak_kib(vault.pid()).unwrap();

    let long = format!("{{\"fields\":{{\"note\":\"{}\"}}}}\n", "x".repeat(10 * 1024 * 1024));
    let deep = format!("{}1{}\n", "[".repeat(30_000), "]".repeat(30_000));
    let fields: String = (0..600).map(|n| format!("\"custom.f{n}\":\"x\",")).collect();
    let many = format!("{{\"fields\":{{{fields}\"email\":\"klant5@voorbeeld.example\"}}}}\n");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a line of 10 MB", long.clone().into_bytes()),
        ("many lines of 10 MB", long.repeat(6).into_bytes()),
        ("no line at all", vec![b' '; 10 * 1024 * 1024]),
        ("NULs", vec![0; 1024 * 1024]),
        ("NUL in a value", b"{\"fields\":{\"city\":\"a\\u0000b\"}}\n".to_vec()),
        ("UTF-16", utf16(&good(3))),
        (
            "half a character",
            b"{\"fields\":{\"city\":\"\\ud800\"}}\n{\"fields\":{\"city\":\"\xc3\"}}\n".to_vec(),
        ),
        ("too deep", deep.into_bytes()),
        ("600 fields", many.into_bytes()),
        ("numbers", b"1\n".repeat(20_000)),
        ("a zip", workbook(&sheet("", ""))),
    ];
    for (what, lines) in cases {
        let begun = Instant::now();
        // Who sends much too much may find the connection closed before the answer is read.
        if let Ok(answer) = bulk(&lines) {
            let text = answer.text();
            assert!(!text.contains("\"status\":201"), "{what}: {text:.300}");
            assert!((200..500).contains(&answer.status), "{what}: {} {text:.300}", answer.status);
            let told = text.lines().filter(|line| !line.is_empty()).count();
            assert!(told > 0 && text.contains("\"title\":"), "{what}: says nothing: {text:.300}");
        }
        assert!(begun.elapsed() < WORK_MAX, "{what} takes {:?}", begun.elapsed());
        client.get("/healthz").expect(200);
    }
    let mixed = format!("{}nonsense\n{}{}", good(2_000), good(1), good(2_001));
    let answer = bulk(mixed.as_bytes()).unwrap().expect(200).text();
    let statuses: Vec<Value> =
        answer.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone()).collect();
    assert_eq!(statuses, [json!(201), json!(400), json!(409), json!(201)], "{answer}");
    for packed in ["gzip", "br"] {
        let headers = [NDJSON[0], ("content-encoding", packed)];
        let answer = client.ask("POST", "/v1/subjects/bulk", &headers, b"\x1f\x8b\x08\0\0\0\0\0");
        assert!(!answer.text().contains("201"), "{packed} is not read as plain");
    }
    let after = peak_kib(vault.pid()).unwrap();
    assert!(after < before + GROWTH_KIB_MAX, "{before} KiB grew to {after} KiB");
    assert_eq!(vault.cli_json(&["verify"], "")["findings"], json!([]));
}

#[test]
fn idle_and_dripping_clients_do_not_keep_others_waiting() {
    let vault = running();
    let client = vault.client();
    let id = vault.create(1);
    let before = peak_kib(vault.pid()).unwrap();
    let silent: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", vault.port())).unwrap()).collect();
    let mut open = Vec::new();
    for number in 0..130 {
        let mut stream = client.connect().unwrap();
        let said: &[u8] = match number % 13 {
            0 => b"POST /v1/subjects HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n\r\n{",
            1 => b"GET /healthz HTTP/1.1\r\nhost: lo",
            2 => b"POST /v1/subjects/bulk HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{",
            _ => b"",
        };
        if said.is_empty() {
            // The handshake, and then nothing.
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock).unwrap();
            }
        } else {
            stream.write_all(said).unwrap();
        }
        open.push(stream);
    }
    let begun = Instant::now();
    for number in 0..20 {
        client.get(&format!("/v1/subjects/{id}?purpose=order&fields=email")).expect(200);
        client.post("/v1/subjects", &customer(100 + number)).expect(201);
        for stream in open.iter_mut().step_by(13) {
            // Drip by drip; the server may have had enough.
            let _ = stream.write_all(b" ");
        }
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "40 requests beside 230 idle connections took {took:?}");
    let connections = client.get("/metrics").expect(200).text();
    let line =
        connections.lines().find_map(|line| line.strip_prefix("kluis_connections ")).unwrap().to_owned();
    assert!(line.parse::<u32>().unwrap() > 200, "the connections were open all the time: {line}");
    let after = peak_kib(vault.pid()).unwrap();
    assert!(after < before + GROWTH_KIB_MAX, "{before} KiB grew to {after} KiB");
    drop(silent);
}

#[test]
fn who_sends_a_line_that_is_too_long_reads_why() {
    let vault = running();
    let client = vault.client();
    let long = format!("{{\"fields\":{{\"note\":\"{}\"}}}}\n", "x".repeat(10 * 1024 * 1024));
    for _ in 0..5 {
        let lines = format!("{}\n{long}", customer(1));
        let answer = client.try_ask("POST", "/v1/subjects/bulk", &NDJSON, lines.as_bytes());
        let text = match answer {
            Ok(answer) => answer.text(),
            Err(error) => panic!("the answer is lost, because the rest of the body is not read: {error}"),
        };
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((&last["line"], &last["status"]), (&json!(2), &json!(413)), "{text}");
    }
}

/// Says something over plain TCP and gives all that comes back.
fn plainly(port: u16, said: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(WORK_MAX)).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A server that throws the rest away may reset the connection after its answer.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn plain_http_leads_to_https_on_the_same_host_and_gives_nothing_else() {
    let vault = running();
    let id = vault.create(1);
    let secret = vault.secret();
    let (http, https) = (vault.http_port(), vault.port());
    let ask = |head: &str, host: &str, body: &str| {
        let length = body.len();
        plainly(
            http,
            &format!(
                "{head} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {secret}\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        )
    };
    let path = format!("/v1/subjects/{id}?purpose=order");
    let new = customer(9).to_string();
    for (method, path, body) in [
        ("GET", "/", ""),
        ("GET", path.as_str(), ""),
        ("GET", "/healthz", ""),
        ("GET", "/metrics", ""),
        ("GET", "/console/sign-in", ""),
        ("POST", "/v1/subjects", new.as_str()),
        ("DELETE", path.as_str(), ""),
        ("GET", "/.well-known/acme-challenge/x", ""),
    ] {
        let answer = ask(&format!("{method} {path}"), &format!("localhost:{http}"), body);
        assert!(answer.starts_with("HTTP/1.1 308 "), "{method} {path}: {answer}");
        let to = format!("location: https://localhost:{https}{path}\r\n");
        assert!(answer.to_lowercase().contains(&to.to_lowercase()), "{method} {path}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
        assert!(!answer.contains("voorbeeld") && !answer.to_lowercase().contains("set-cookie"), "{answer}");
    }
    for host in ["evil.example", "localhost.evil.example", "localhost@evil.example", ""] {
        let answer = ask("GET /", host, "");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
        assert!(!answer.contains("evil"), "{answer}");
    }
    let split = plainly(http, "GET /\r\nlocation: https://evil.example/ HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(!split.contains("evil.example/"), "{split}");
    for said in ["GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "\0\0\0\0", "SSH-2.0-x\r\n"] {
        let answer = plainly(https, said);
        assert!(
            !answer.contains("HTTP/") && !answer.contains("html"),
            "plain words on the TLS port: {answer}"
        );
    }
    vault.client().get(&path).expect(200);
    let count = vault.client().get("/v1/status").expect(200).json()["subjects"].clone();
    assert_eq!(count, 1, "nothing was created or erased over plain HTTP");
}
