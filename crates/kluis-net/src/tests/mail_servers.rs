//! Mail servers and zones for the tests of mail.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, MX, TXT};
use hickory_proto::rr::{Name, RData, RecordType};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::testing::dns::{NameServer, Said, answer_at};

/// How a mail server behaves.
#[derive(Clone)]
pub(super) enum Manner {
    /// Offers STARTTLS and means it.
    Safe(Arc<ServerConfig>),
    /// Offers no STARTTLS.
    Plain,
    /// Offers STARTTLS, then sends garbage instead of a handshake.
    Garbage,
    /// Sends these bytes first and then nothing.
    First(&'static [u8]),
    /// Sends lines without end.
    Endless,
}

/// A mail server; it ends when dropped.
pub(super) struct MailServer {
    /// Where it listens.
    pub(super) at: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    pub(super) async fn start(ip: IpAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, noted) = (manner.clone(), Arc::clone(&noted));
                tokio::spawn(async move { serve(stream, manner, &noted).await });
            }
        });
        Self { at, heard, task }
    }

    /// The commands that were sent so far.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(mut stream: tokio::net::TcpStream, manner: Manner, noted: &Mutex<Vec<String>>) -> Option<()> {
    match &manner {
        Manner::First(bytes) => {
            stream.write_all(bytes).await.ok()?;
            line(&mut stream).await?;
        }
        Manner::Endless => {
            for _ in 0..100_000 {
                stream.write_all(b"220-still greeting\r\n").await.ok()?;
            }
            return None;
        }
        _ => stream.write_all(b"220-mx.shop.example ESMTP\r\n220 hello\r\n").await.ok()?,
    }
    loop {
        let command = line(&mut stream).await?;
        noted.lock().unwrap().push(command.clone());
        match (command.split(' ').next().unwrap_or_default(), &manner) {
            ("EHLO", Manner::Plain) => stream.write_all(b"250-mx\r\n250 SIZE 1000\r\n").await.ok()?,
            ("EHLO", _) => stream.write_all(b"250-mx\r\n250-SIZE 1000\r\n250 starttls\r\n").await.ok()?,
            ("STARTTLS", Manner::Safe(settings)) => {
                stream.write_all(b"220 go on\r\n").await.ok()?;
                let mut stream = TlsAcceptor::from(Arc::clone(settings)).accept(stream).await.ok()?;
                let command = line(&mut stream).await?;
                noted.lock().unwrap().push(command);
                return Some(());
            }
            ("STARTTLS", _) => {
                stream.write_all(b"220 go on\r\nHTTP/1.1 400 Bad Request\r\n\r\n").await.ok()?
            }
            _ => return None,
        }
    }
}

async fn line(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n") && bytes.len() < 1000 {
        bytes.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Records of a test: a name, `TXT`, `MX`, `A`, `CNAME`, and a text.
pub(super) type Lines<'a> = &'a [(&'a str, &'a str, &'a str)];

/// A name server for a few records; all that is not named does not exist.
pub(super) async fn zone(lines: Lines<'_>) -> NameServer {
    let mut zone: HashMap<String, Vec<RData>> = HashMap::new();
    for (name, kind, text) in lines {
        let data = match *kind {
            "A" => RData::A(A(text.parse().unwrap())),
            "CNAME" => RData::CNAME(CNAME(Name::from_ascii(text).unwrap())),
            "MX" => {
                let (preference, host) = text.split_once(' ').unwrap();
                RData::MX(MX::new(preference.parse().unwrap(), Name::from_ascii(host).unwrap()))
            }
            _ => RData::TXT(TXT::from_bytes(text.as_bytes().chunks(255).collect())),
        };
        zone.entry((*name).to_owned()).or_default().push(data);
    }
    NameServer::start(move |question, is_tcp| say(&zone, question, is_tcp)).await
}

fn say(zone: &HashMap<String, Vec<RData>>, question: &Message, is_tcp: bool) -> Said {
    let asked = &question.queries[0];
    let name = asked.name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
    let Some(records) = zone.get(&name) else {
        let mut message = answer_at(question, Vec::new());
        let is_parent = zone.keys().any(|known| known.ends_with(&format!(".{name}")));
        if !is_parent {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        return Said::Message(Box::new(message));
    };
    let is_wanted = |data: &&RData| [asked.query_type, RecordType::CNAME].contains(&data.record_type());
    let found = records.iter().filter(is_wanted).map(|data| (asked.name.clone(), data.clone()));
    let mut message = answer_at(question, found.collect());
    if !is_tcp && message.to_vec().unwrap().len() > 1232 {
        message = answer_at(question, Vec::new());
        message.metadata.truncation = true;
    }
    Said::Message(Box::new(message))
}
