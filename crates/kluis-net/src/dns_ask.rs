//! Questions to name servers: UDP, then TCP when the answer is cut, with limits on time, number and size.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use hickory_proto::op::{DnsRequest, DnsResponse, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{LowerName, RecordType};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::DnsHandle;
use hickory_resolver::net::{DnsError, NetError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Questions of one audit at most.
pub(crate) const QUESTIONS_MAX: u32 = 160;
/// Name servers asked at most.
const SERVERS_MAX: usize = 3;
/// Tries for each of them.
const TRIES: u32 = 2;
/// Time for one try.
const TRY: Duration = Duration::from_millis(1500);
/// Sockets open at once.
const SOCKETS: usize = 2;
/// Bytes of UDP that are asked for (DNS flag day 2020) and read at most.
const UDP_BYTES: u16 = 1232;
const UDP_BYTES_MAX: usize = 4096;
/// Records of one answer at most; an answer with more is refused.
const RECORDS_MAX: usize = 400;
/// Answers up to this size are remembered for the rest of the audit.
const REMEMBERED_BYTES_MAX: usize = 8 * 1024;
/// Wrong datagrams that are skipped while waiting for the right one.
const STRAYS_MAX: u32 = 50;

/// Asks name servers and remembers their answers for one audit; clones share everything. Checking is disabled in every
/// question (RFC 4035 §3.2.2), so that a validating resolver shows wrong signatures instead of hiding them.
#[derive(Debug, Clone)]
pub(crate) struct Asker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    servers: Vec<SocketAddr>,
    end: Instant,
    questions_left: AtomicU32,
    failures: AtomicU32,
    sockets: Semaphore,
    remembered: Mutex<HashMap<(LowerName, RecordType), Message>>,
}

impl Asker {
    /// Asks these servers, until then, at most so many questions.
    pub(crate) fn new(mut servers: Vec<SocketAddr>, end: Instant, questions_max: u32) -> Self {
        servers.truncate(SERVERS_MAX);
        Self(Arc::new(Inner {
            servers,
            end,
            questions_left: AtomicU32::new(questions_max),
            failures: AtomicU32::new(0),
            sockets: Semaphore::new(SOCKETS),
            remembered: Mutex::default(),
        }))
    }

    /// Questions that got no useful answer so far.
    pub(crate) fn failures(&self) -> u32 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// When asking ends.
    pub(crate) fn end(&self) -> Instant {
        self.0.end
    }

    /// The answer: only with the codes "no error" and "no such name"; others are failures of the server.
    pub(crate) async fn ask(&self, mut message: Message) -> Result<Message, NetError> {
        let query = message.queries.first().cloned().ok_or(NetError::Message("no question"))?;
        let key = (LowerName::from(&query.name), query.query_type);
        if let Some(known) = self.remembered().get(&key) {
            return Ok(known.clone());
        }
        message.metadata.recursion_desired = true;
        message.metadata.checking_disabled = true;
        message.edns.get_or_insert_default().set_dnssec_ok(true).set_max_payload(UDP_BYTES);
        match self.ask_servers(message, &query).await {
            Ok((answer, bytes)) => {
                if bytes <= REMEMBERED_BYTES_MAX {
                    self.remembered().insert(key, answer.clone());
                }
                Ok(answer)
            }
            Err(error) => {
                self.0.failures.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Whether a name server that checks signatures itself finds those of the answer good. That is only its word.
    pub(crate) async fn checks(&self, mut message: Message) -> bool {
        let Some(query) = message.queries.first().cloned() else { return false };
        message.metadata.recursion_desired = true;
        message.metadata.authentic_data = true;
        message.edns.get_or_insert_default().set_dnssec_ok(true).set_max_payload(UDP_BYTES);
        self.ask_servers(message, &query).await.is_ok_and(|(answer, _)| answer.metadata.authentic_data)
    }

    async fn ask_servers(&self, mut message: Message, query: &Query) -> Result<(Message, usize), NetError> {
        self.0
            .questions_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_err(|_| NetError::Message("too many questions"))?;
        let mut last = NetError::Message("there is no name server to ask");
        for turn in 0..TRIES {
            for server in &self.0.servers {
                match self.ask_once(*server, &message, query).await {
                    Ok((answer, bytes)) => match answer.metadata.response_code {
                        ResponseCode::NoError | ResponseCode::NXDomain => return Ok((answer, bytes)),
                        // A server that does not know EDNS (RFC 6891 §7) is asked without on the second turn.
                        code @ (ResponseCode::FormErr | ResponseCode::NotImp) if turn == 0 => {
                            message.edns = None;
                            last = DnsError::ResponseCode(code).into();
                        }
                        code => last = DnsError::ResponseCode(code).into(),
                    },
                    Err(error) => last = error,
                }
                if Instant::now() >= self.0.end {
                    return Err(NetError::Timeout);
                }
            }
        }
        Err(last)
    }

    async fn ask_once(
        &self,
        server: SocketAddr,
        message: &Message,
        query: &Query,
    ) -> Result<(Message, usize), NetError> {
        // Invariant: the semaphore is never closed; if it were, asking would only be less gentle.
        let _permit = self.0.sockets.acquire().await;
        let end = self.0.end.min(Instant::now() + TRY);
        let bytes = message.to_vec()?;
        let exchange = async {
            let (answer, length) = by_udp(server, &bytes, message.metadata.id, query).await?;
            if answer.metadata.truncation {
                by_tcp(server, &bytes, message.metadata.id, query).await
            } else {
                Ok((answer, length))
            }
        };
        let (answer, length) = timeout_at(end, exchange).await.map_err(|_| NetError::Timeout)??;
        if answer.answers.len() + answer.authorities.len() + answer.additionals.len() > RECORDS_MAX {
            return Err(NetError::Message("the answer has too many records"));
        }
        Ok((answer, length))
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<(LowerName, RecordType), Message>> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DnsHandle for Asker {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let asker = self.clone();
        stream::once(async move {
            let (message, _) = request.into_parts();
            Ok(DnsResponse::from_message(asker.ask(message).await?)?)
        })
        .boxed()
    }
}

async fn by_udp(
    server: SocketAddr,
    bytes: &[u8],
    id: u16,
    query: &Query,
) -> Result<(Message, usize), NetError> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // The system picks a random port; a connected socket takes datagrams of the server only.
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut buffer = vec![0; UDP_BYTES_MAX];
    for _ in 0..STRAYS_MAX {
        let length = socket.recv(&mut buffer).await?;
        if let Some(answer) = read(&buffer[..length], id, query) {
            return Ok((answer, length));
        }
    }
    Err(NetError::Message("only wrong answers came"))
}

async fn by_tcp(
    server: SocketAddr,
    bytes: &[u8],
    id: u16,
    query: &Query,
) -> Result<(Message, usize), NetError> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(bytes.len()).map_err(|_| NetError::Message("the question is too long"))?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let length = stream.read_u16().await?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await?;
    let answer = read(&buffer, id, query).filter(|answer| !answer.metadata.truncation);
    Ok((answer.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?, buffer.len()))
}

/// The message, if it is an answer to this question. A cut answer may be unreadable beyond its header.
fn read(bytes: &[u8], id: u16, query: &Query) -> Option<Message> {
    let message = match Message::from_vec(bytes) {
        Ok(message) => message,
        Err(_) => cut_message(bytes, query)?,
    };
    let is_ours = message.metadata.id == id && message.metadata.message_type == MessageType::Response;
    let asked = message.queries.first();
    // A server that could not read the question may leave it out.
    let is_answer = match asked {
        Some(asked) => asked.name == query.name && asked.query_type == query.query_type,
        None => !matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain),
    };
    (is_ours && is_answer).then_some(message)
}

fn cut_message(bytes: &[u8], query: &Query) -> Option<Message> {
    let [a, b, flags, _, ..] = *bytes else { return None };
    // QR and TC of RFC 1035 §4.1.1.
    if flags & 0x82 != 0x82 {
        return None;
    }
    let mut message = Message::response(u16::from_be_bytes([a, b]), hickory_proto::op::OpCode::Query);
    message.metadata.truncation = true;
    message.add_query(query.clone());
    Some(message)
}
