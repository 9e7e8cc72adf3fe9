//! The relay of the real program: signed messages a second, each durable before it is taken, at 64 connections, handed on
//! to a smarthost that is a sink of ours.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::Line;
use crate::CLIENTS;
use crate::server::{self, Server};

/// How long messages are handed in.
const RUN: Duration = Duration::from_secs(10);
/// Longest wait for the last of them at the smarthost.
const DRAIN_MAX: Duration = Duration::from_secs(120);
/// Bytes of one reply line.
const LINE_BYTES_MAX: usize = 4096;
/// Bytes of the body: an order mail in plain text.
const BODY_BYTES: usize = 2_000;

pub(super) fn run(program: &Path) -> Result<Vec<Line>> {
    tokio::runtime::Handle::current().block_on(measure(program))
}

async fn measure(program: &Path) -> Result<Vec<Line>> {
    let sink = Sink::start().await?;
    let folder = tempfile::tempdir_in(".")?;
    let relay = free_port()?;
    let settings = settings(folder.path(), relay, sink.port)?;
    make_key(program, folder.path(), &settings)?;
    let server = Server::start(folder.path(), &settings).await?;
    let target = server.target()?;
    let mut lines = Vec::new();
    for (who, tls) in [("loopback", None), ("TLS and sign-in", Some(&target))] {
        let (before, cpu) = (sink.count(), server.cpu_s()?);
        let begun = Instant::now();
        let mut taken = load(relay, tls).await.with_context(|| {
            format!("{who}: {}", fs::read_to_string(folder.path().join("server.log")).unwrap_or_default())
        })?;
        let took = begun.elapsed().as_secs_f64();
        let cpu = server.cpu_s()? - cpu;
        taken.sort_unstable();
        let count = taken.len() as u64;
        while sink.count() < before + count {
            ensure!(
                begun.elapsed() < DRAIN_MAX,
                "{} of {count} messages reached the smarthost",
                sink.count() - before
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let arrived = begun.elapsed().as_secs_f64();
        let at = |share: f64| f64::from(taken[((taken.len() - 1) as f64 * share) as usize]) / 1e3;
        lines.push(Line::rate(
            "relay: signed (RSA-2048), durable, 64 connections",
            format!("klantkluis, {who}"),
            count as f64 / took,
            format!(
                "p50 {:.1} ms, p99 {:.1} ms; all {count} at the smarthost after {arrived:.1} s ({:.0}/s); server CPU {:.0} µs each, peak {} MiB",
                at(0.5), at(0.99), count as f64 / arrived, cpu * 1e6 / count as f64, server.peak_mib()?
            ),
        ));
    }
    ensure!(sink.unsigned.load(Ordering::Relaxed) == 0, "messages without a signature reached the smarthost");
    Ok(lines)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The settings of mail: one stream that the relay sends.
fn settings(folder: &Path, relay: u16, smarthost: u16) -> Result<String> {
    let streams = folder.join("mail.toml");
    fs::write(
        &streams,
        "version = 1\ndomain = \"winkel.test\"\n\n[[stream]]\nid = \"winkel\"\nkind = \"shop\"\nfrom = \"winkel.test\"\nrelay = true\n",
    )?;
    Ok(format!(
        "[mail]\nstreams = \"{}\"\nhostname = \"relay.winkel.test\"\n[mail.relay]\nlisten = \"127.0.0.1:{relay}\"\n\
         smarthost = \"localhost:{smarthost}\"\nsmarthost_tls = \"none\"\n",
        streams.display()
    ))
}

/// Makes the vault and a key, and lets a name server say that it is published.
fn make_key(program: &Path, folder: &Path, settings: &str) -> Result<()> {
    let file = server::settings(folder, free_port()?, settings)?;
    let call = |words: &[&str]| -> Result<Vec<u8>> {
        let output =
            Command::new(program).arg("--config").arg(&file).args(words).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    call(&["init", "--key-file"])?;
    let made: Value = serde_json::from_slice(&call(&["--json", "mail", "dkim", "keygen", "winkel.test"])?)?;
    let dns = Named::start(folder, made["zone_line"].as_str().context("zone_line")?)?;
    call(&["mail", "dkim", "rotate", "winkel.test", "--dns", &format!("127.0.0.1:{}", dns.port)])?;
    let keys: Value = serde_json::from_slice(&call(&["--json", "mail", "dkim", "list"])?)?;
    ensure!(keys[0]["state"] == "signing", "{keys}");
    Ok(())
}

/// Debian's BIND with the shop's zone.
struct Named {
    port: u16,
    child: Child,
}

impl Drop for Named {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Named {
    fn start(folder: &Path, record: &str) -> Result<Self> {
        let at = fs::canonicalize(folder)?;
        let port = free_port()?;
        let head = "$TTL 60\n@ SOA ns.test. root.test. 1 60 60 60 60\n@ NS ns.test.\nns A 127.0.0.1\n";
        fs::write(at.join("test.zone"), format!("{head}{record}\n"))?;
        let settings = format!(
            "options {{ directory \"{}\"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;\n\
             listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; }};\ncontrols {{ }};\n\
             zone \"test\" {{ type primary; file \"test.zone\"; }};\n",
            at.display()
        );
        fs::write(at.join("named.conf"), settings)?;
        let log = at.join("named.log");
        let child = Command::new("/usr/sbin/named")
            .args(["-g", "-n", "1", "-c", "named.conf"])
            .current_dir(&at)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .context("/usr/sbin/named; apt-get install bind9")?;
        let named = Self { port, child };
        let begun = Instant::now();
        while !fs::read_to_string(&log)?.contains(" running\n") {
            ensure!(begun.elapsed() < Duration::from_secs(20), "named: {}", fs::read_to_string(&log)?);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(named)
    }
}

/// A smarthost that takes everything and keeps nothing.
struct Sink {
    port: u16,
    taken: Arc<AtomicU64>,
    unsigned: Arc<AtomicU64>,
}

impl Sink {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (taken, unsigned) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = (taken.clone(), unsigned.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (taken, unsigned) = counts.clone();
                // A connection that breaks shows in the counts.
                tokio::spawn(async move { serve(stream, &taken, &unsigned).await.ok() });
            }
        });
        Ok(Self { port, taken, unsigned })
    }

    fn count(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

async fn serve(stream: TcpStream, taken: &AtomicU64, unsigned: &AtomicU64) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    let mut out = b"220 sink ESMTP\r\n".to_vec();
    let mut line = Vec::new();
    loop {
        // Commands sent ahead are answered together.
        if stream.buffer().is_empty() {
            stream.get_mut().write_all(&out).await?;
            out.clear();
        }
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_slice() {
            b"EHLO" => {
                out.extend_from_slice(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 30000000\r\n")
            }
            b"DATA" => {
                out.extend_from_slice(b"354 go on\r\n");
                stream.get_mut().write_all(&out).await?;
                out.clear();
                let mut is_signed = false;
                loop {
                    line.clear();
                    ensure!(stream.read_until(b'\n', &mut line).await? > 0, "a message without an end");
                    is_signed |= line.starts_with(b"DKIM-Signature:");
                    if line == b".\r\n" {
                        break;
                    }
                }
                taken.fetch_add(1, Ordering::Relaxed);
                unsigned.fetch_add(u64::from(!is_signed), Ordering::Relaxed);
                out.extend_from_slice(b"250 2.0.0 taken\r\n");
            }
            b"QUIT" => {
                stream.get_mut().write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => out.extend_from_slice(b"250 2.0.0 ok\r\n"),
        }
    }
}

/// Hands in messages on all connections until the time is over; microseconds that each took.
async fn load(port: u16, tls: Option<&crate::client::Target>) -> Result<Vec<u32>> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client::connect(port, tls).await?);
    }
    let begun = Instant::now();
    let numbers = Arc::new(AtomicU64::new(0));
    let tasks = clients.into_iter().map(|mut client| {
        let numbers = numbers.clone();
        tokio::spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < RUN {
                let sent = Instant::now();
                client.hand_in(numbers.fetch_add(1, Ordering::Relaxed)).await?;
                took.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Ok::<_, anyhow::Error>(took)
        })
    });
    let mut took = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        took.extend(task.await??);
    }
    Ok(took)
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// A program of the shop.
struct Client {
    stream: Box<dyn Both>,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(port: u16, tls: Option<&crate::client::Target>) -> Result<Self> {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
        tcp.set_nodelay(true)?;
        let mut client = Self { stream: Box::new(tcp), buffer: Vec::new() };
        client.expect(220).await?;
        client.say(b"EHLO kassa.winkel.test\r\n", &[250]).await?;
        if let Some(target) = tls {
            client.say(b"STARTTLS\r\n", &[220]).await?;
            client.stream = Box::new(target.wrap(client.stream).await?);
            client.say(b"EHLO kassa.winkel.test\r\n", &[250]).await?;
            client.say(b"AUTH LOGIN\r\n", &[334]).await?;
            client.say(format!("{}\r\n", base64(b"kassa")).as_bytes(), &[334]).await?;
            client.say(format!("{}\r\n", base64(target.bearer.as_bytes())).as_bytes(), &[235]).await?;
        }
        Ok(client)
    }

    /// One message: the envelope in one go, as mail programs do.
    async fn hand_in(&mut self, number: u64) -> Result<()> {
        let envelope =
            format!("MAIL FROM:<bestelling@winkel.test>\r\nRCPT TO:<klant{number}@post.example>\r\nDATA\r\n");
        self.say(envelope.as_bytes(), &[250, 250, 354]).await?;
        let mut message = format!(
            "From: Winkel <bestelling@winkel.test>\r\nTo: klant{number}@post.example\r\nSubject: Uw bestelling {number}\r\n\
             Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@winkel.test>\r\n\r\n"
        );
        while message.len() < BODY_BYTES {
            message.push_str("Dank u wel voor uw bestelling; wij pakken haar vandaag nog in.\r\n");
        }
        message.push_str(".\r\n");
        self.say(message.as_bytes(), &[250]).await
    }

    async fn say(&mut self, bytes: &[u8], codes: &[u16]) -> Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        for code in codes {
            self.expect(*code).await?;
        }
        Ok(())
    }

    /// Reads one reply, which may have several lines.
    async fn expect(&mut self, code: u16) -> Result<()> {
        loop {
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                ensure!(self.buffer.len() < LINE_BYTES_MAX, "a reply without an end");
                ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the relay closed the connection");
                continue;
            };
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let text = String::from_utf8_lossy(&line);
            if text.get(..3) != Some(code.to_string().as_str()) {
                bail!("{code} was expected: {text}");
            }
            if text.get(3..4) != Some("-") {
                return Ok(());
            }
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
