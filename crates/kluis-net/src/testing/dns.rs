//! Name servers for tests: one that answers as a closure says, and BIND with signed zones.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, Record};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

/// What a name server does with a question.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// Sends this message.
    Message(Box<Message>),
    /// Sends these bytes.
    Bytes(Vec<u8>),
    /// Sends these datagrams, one after the other.
    Many(Vec<Vec<u8>>),
    /// Says nothing.
    Nothing,
}

/// A name server; it ends when dropped.
pub(crate) struct NameServer {
    /// Where it listens, by UDP and TCP.
    pub(crate) at: SocketAddr,
    asked: Arc<Mutex<Vec<Query>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl NameServer {
    /// Answers as `say` says; its second parameter is true for TCP.
    pub(crate) async fn start(say: impl Fn(&Message, bool) -> Said + Send + Sync + 'static) -> Self {
        let (udp, tcp) = both().await;
        let at = udp.local_addr().unwrap();
        let (say, asked) = (Arc::new(say), Arc::new(Mutex::new(Vec::new())));
        let (said, noted) = (Arc::clone(&say), Arc::clone(&asked));
        let by_udp = tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                let message = Message::from_vec(&buffer[..length]).unwrap();
                noted.lock().unwrap().extend(message.queries.first().cloned());
                for bytes in bytes_of(said(&message, false)) {
                    udp.send_to(&bytes, from).await.unwrap();
                }
            }
        });
        let noted = Arc::clone(&asked);
        let by_tcp = tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let Ok(length) = stream.read_u16().await else { continue };
                let mut buffer = vec![0; usize::from(length)];
                stream.read_exact(&mut buffer).await.unwrap();
                let message = Message::from_vec(&buffer).unwrap();
                noted.lock().unwrap().extend(message.queries.first().cloned());
                for bytes in bytes_of(say(&message, true)) {
                    let length = u16::try_from(bytes.len()).unwrap();
                    stream.write_all(&length.to_be_bytes()).await.unwrap();
                    stream.write_all(&bytes).await.unwrap();
                }
            }
        });
        Self { at, asked, tasks: vec![by_udp, by_tcp] }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Query> {
        self.asked.lock().unwrap().clone()
    }
}

async fn both() -> (UdpSocket, TcpListener) {
    for _ in 0..50 {
        let udp = UdpSocket::bind((super::LOCAL, 0)).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

fn bytes_of(said: Said) -> Vec<Vec<u8>> {
    match said {
        Said::Message(message) => vec![message.to_vec().unwrap()],
        Said::Bytes(bytes) => vec![bytes],
        Said::Many(datagrams) => datagrams,
        Said::Nothing => Vec::new(),
    }
}

/// An answer to a question, with records of these names.
pub(crate) fn answer(question: &Message, records: Vec<(&str, RData)>) -> Message {
    let mut message = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    message.add_queries(question.queries.clone());
    for (name, data) in records {
        message.add_answer(Record::from_rdata(Name::from_ascii(name).unwrap(), 60, data));
    }
    message
}

/// The same, with names of any labels.
pub(crate) fn answer_at(question: &Message, records: Vec<(Name, RData)>) -> Message {
    let mut message = answer(question, Vec::new());
    for (name, data) in records {
        message.add_answer(Record::from_rdata(name, 60, data));
    }
    message
}

/// BIND, serving zones made by the test; it ends when dropped.
pub(crate) struct Bind {
    /// Where it listens.
    pub(crate) at: SocketAddr,
    /// The keys of the root, as DNSKEY records.
    pub(crate) anchor: String,
    child: Child,
    _directory: TempDir,
}

impl Drop for Bind {
    fn drop(&mut self) {
        // The process may have ended on its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a zone is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    /// Signed, and known to its parent.
    Signed,
    /// Not signed.
    Unsigned,
    /// Signed, then every 192.0.2.1 in it changed to 192.0.2.66.
    Forged,
}

impl Bind {
    /// Serves `(zone, signing, records)`, children before their parents; the last one is the root.
    pub(crate) async fn start(zones: &[(&str, Signing, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut settings = String::new();
        for (zone, signing, records) in zones {
            let file = make_zone(path, zone, *signing, records);
            settings
                .push_str(&format!("zone \"{zone}\" {{ type primary; file \"{}\"; }};\n", file.display()));
        }
        let anchor = keys(path, ".");
        let (udp, tcp) = both().await;
        let at = udp.local_addr().unwrap();
        let file = path.join("named.conf");
        let head = format!(
            "options {{ directory \"{0}\"; listen-on port {1} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             recursion no; dnssec-validation no; pid-file none; session-keyfile none; }};\ncontrols {{ }};\n",
            path.display(),
            at.port()
        );
        std::fs::write(&file, head + &settings).unwrap();
        drop((udp, tcp));
        let mut command = Command::new("named");
        command.arg("-g").arg("-c").arg(&file).arg("-n").arg("1");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let bind = Self { at, anchor, child, _directory: directory };
        bind.wait().await;
        bind
    }

    /// Waits until it answers.
    async fn wait(&self) {
        let question = {
            let mut message = Message::query();
            message.add_query(Query::query(Name::root(), hickory_proto::rr::RecordType::SOA));
            message.to_vec().unwrap()
        };
        for _ in 0..200 {
            let socket = UdpSocket::bind((super::LOCAL, 0)).await.unwrap();
            socket.connect(self.at).await.unwrap();
            let mut buffer = [0; 512];
            let _ = socket.send(&question).await;
            let heard = tokio::time::timeout(Duration::from_millis(50), socket.recv(&mut buffer)).await;
            if matches!(heard, Ok(Ok(_))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("named does not answer");
    }
}

fn make_zone(path: &Path, zone: &str, signing: Signing, records: &str) -> PathBuf {
    let stem = if zone == "." { "root" } else { zone };
    let file = path.join(format!("{stem}.zone"));
    let text = format!(
        "$TTL 60\n$ORIGIN {0}\n@ IN SOA ns.test. admin.test. 1 3600 600 86400 60\n@ IN NS ns.test.\n{records}\n",
        if zone == "." { ".".to_owned() } else { format!("{zone}.") }
    );
    std::fs::write(&file, text).unwrap();
    if signing == Signing::Unsigned {
        return file;
    }
    for flags in [&["-f", "KSK"][..], &[]] {
        tool(path, "dnssec-keygen", &[&["-q", "-a", "ECDSAP256SHA256"], flags, &[zone]].concat());
    }
    let signed = path.join(format!("{stem}.signed"));
    let (from, to) = (file.display().to_string(), signed.display().to_string());
    tool(path, "dnssec-signzone", &["-q", "-S", "-g", "-o", zone, "-f", &to, &from]);
    if signing == Signing::Forged {
        let text = std::fs::read_to_string(&signed).unwrap();
        assert!(text.contains("192.0.2.1"));
        std::fs::write(&signed, text.replace("192.0.2.1", "192.0.2.66")).unwrap();
    }
    signed
}

fn tool(path: &Path, name: &str, arguments: &[&str]) {
    let output = Command::new(name).current_dir(path).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The public keys of a zone that sign keys.
fn keys(path: &Path, zone: &str) -> String {
    let start = format!("K{zone}+");
    let mut text = String::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&start) && name.ends_with(".key") {
            let key = std::fs::read_to_string(entry.path()).unwrap();
            for line in key.lines().filter(|line| line.contains("DNSKEY 257")) {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}
