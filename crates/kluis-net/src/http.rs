//! A gentle HTTP/1.1 client: own connections, no redirects, no cookies sent, limits on everything that comes back.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use kluis_checks::facts::{Header, Hop};
use rustls::pki_types::ServerName;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::connect::{ConnectError, Gate};
use crate::dns::LookupError;

/// Bytes of a page that are read at most, after decompression.
pub const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of all headers together at most.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an unwanted body that are read so that the connection can be used again: cheaper for both than a new one.
const DRAIN_BYTES_MAX: usize = 256 * 1024;
/// Headers at most.
const HEADERS_MAX: usize = 200;
/// Bytes of a header's value that are kept at most.
const VALUE_BYTES_MAX: usize = 8 * 1024;
/// Connections kept open for the next request at most.
const KEPT_MAX: usize = 3;
/// Addresses tried at most for one request.
const TRIED_MAX: usize = 2;
/// Slow answers after which a client asks nothing more: a server that drips must not fill the time of the audit.
const SLOW_MAX: u32 = 2;
/// Time for an unwanted body to come, so that the connection can be used again.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// What is said of an answer that did not come in time.
const SLOWLY: &str = "it came too slowly";
/// An answer may take so many steps in all.
const ANSWER_STEPS: u32 = 2;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `GET` or `OPTIONS`.
    pub(crate) method: Method,
    /// What is asked.
    pub(crate) url: Url,
    /// The address to ask it from, instead of looking the host up.
    pub(crate) address: Option<IpAddr>,
    /// More headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Bytes of the body that are kept at most; 0 keeps none.
    pub(crate) bytes_max: usize,
    /// Bytes of an unwanted body (status 300 and above) that are thrown away so that the connection can be kept.
    pub(crate) drain_max: usize,
    /// Whether compression is offered.
    pub(crate) offers_compression: bool,
}

impl Request {
    /// Asks for a page.
    pub(crate) fn page(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            address: None,
            headers: vec![("accept", "text/html,application/xhtml+xml,*/*;q=0.8".to_owned())],
            bytes_max: PAGE_BYTES_MAX,
            drain_max: DRAIN_BYTES_MAX,
            offers_compression: true,
        }
    }

    /// Asks for the headers of something, and throws away a short body.
    pub(crate) fn head_of(url: Url) -> Self {
        Self { bytes_max: 0, ..Self::page(url) }
    }

    /// Asks for a small file.
    pub(crate) fn small(url: Url, bytes_max: usize) -> Self {
        Self {
            headers: vec![("accept", "*/*".to_owned())],
            bytes_max,
            offers_compression: false,
            ..Self::page(url)
        }
    }
}

/// An answer, its body read as far as asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// Headers but cookies, at most 200.
    pub(crate) headers: Vec<Header>,
    /// `Set-Cookie` as it came.
    pub(crate) set_cookies: Vec<String>,
    /// The body, decompressed.
    pub(crate) body: Vec<u8>,
    /// Whether there was more body than was read, and why no more was read.
    pub(crate) cut: Option<&'static str>,
    /// `Content-Encoding`.
    pub(crate) encoding: Option<String>,
    /// For https: whether the certificate was trusted and for this host.
    pub(crate) is_certificate_good: Option<bool>,
}

impl Answer {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Where it leads, when it is a redirect.
    pub(crate) fn location(&self, base: &Url) -> Option<Url> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let url = base.join(self.header("location")?.trim()).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    }

    /// The answer as evidence, with masked URLs.
    pub(crate) fn hop(&self, url: &Url) -> Hop {
        Hop {
            url: kluis_checks::web::mask_url(url.as_str()),
            status: self.status,
            location: self.location(url).map(|to| kluis_checks::web::mask_url(to.as_str())),
            headers: self.headers.iter().map(masked).collect(),
            is_certificate_good: self.is_certificate_good,
        }
    }
}

/// A header as evidence: what leads somewhere may name a person or a session, as the URL itself may.
fn masked(header: &Header) -> Header {
    let is_address = matches!(header.name.as_str(), "location" | "content-location" | "refresh");
    let value = if is_address { kluis_checks::web::mask_url(&header.value) } else { header.value.clone() };
    Header { name: header.name.clone(), value }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// The URL is not http or https, or has no usable host.
    #[error("not a URL that can be asked")]
    BadUrl,
    /// The host could not be looked up.
    #[error("the host could not be looked up: {0}")]
    Lookup(#[from] LookupError),
    /// No connection.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// The TLS handshake failed.
    #[error("TLS handshake failed: {0}")]
    Tls(String),
    /// Connected, but no answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// Headers over the limits.
    #[error("more than {HEADERS_MAX} headers or {HEAD_BYTES_MAX} bytes of them")]
    HeadersTooBig,
    /// Earlier answers came so slowly that nothing more is asked.
    #[error("not asked: earlier answers came too slowly")]
    TooSlow,
    /// The connection ended before the answer did.
    #[error("the connection was closed without an answer")]
    Closed,
    /// The answer is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
}

impl HttpError {
    /// Whether no browser would get an answer either. TLS that we cannot speak, a browser may.
    pub(crate) fn is_servers_fault(&self) -> bool {
        match self {
            Self::TimedOut | Self::HeadersTooBig | Self::Closed | Self::NotHttp => true,
            Self::Tls(why) => why.contains("corrupt message"),
            Self::BadUrl | Self::Lookup(_) | Self::Connect(_) | Self::TooSlow => false,
        }
    }
}

/// Fetches a small file by a plain GET: certificates of issuers, revocation lists. Only a complete 200 counts.
pub(crate) async fn fetch_small(gate: &Gate, url: &Url, bytes_max: usize) -> Result<Vec<u8>, HttpError> {
    let mut client = Client::new(gate);
    let answer = client.get(&Request::small(url.clone(), bytes_max)).await?;
    if answer.status != 200 || answer.cut.is_some() {
        return Err(HttpError::Closed);
    }
    Ok(answer.body)
}

/// Asks, and keeps connections open for the next question.
#[derive(Debug)]
pub(crate) struct Client {
    gate: Gate,
    kept: BTreeMap<Key, Kept>,
    /// Answers that came too slowly.
    slow: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    is_tls: bool,
    host: String,
    port: u16,
    address: Option<IpAddr>,
}

#[derive(Debug)]
struct Kept {
    sender: SendRequest<Empty<Bytes>>,
    task: JoinHandle<()>,
    is_certificate_good: Option<bool>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// A client whose connections go through this gate.
    pub(crate) fn new(gate: &Gate) -> Self {
        Self { gate: gate.clone(), kept: BTreeMap::new(), slow: 0 }
    }

    /// Asks once; never follows a redirect. Takes at most [`ANSWER_STEPS`] steps after the connection stands.
    /// After [`SLOW_MAX`] answers that did not come in time it asks nothing more.
    pub(crate) async fn get(&mut self, request: &Request) -> Result<Answer, HttpError> {
        if self.slow >= SLOW_MAX {
            return Err(HttpError::TooSlow);
        }
        let answer = self.ask(request).await;
        self.slow += u32::from(match &answer {
            Ok(answer) => answer.cut == Some(SLOWLY),
            Err(error) => *error == HttpError::TimedOut,
        });
        answer
    }

    async fn ask(&mut self, request: &Request) -> Result<Answer, HttpError> {
        let key = key_of(request)?;
        if let Some(mut kept) = self.kept.remove(&key) {
            match self.exchange(&mut kept, &key, request).await {
                Ok(answer) => return Ok(self.keep(key, kept, answer)),
                // The server may have closed it meanwhile: then the question is asked again on a new one.
                Err(HttpError::Closed) => {}
                Err(error) => return Err(error),
            }
        }
        let mut kept = self.open(&key).await?;
        let answer = self.exchange(&mut kept, &key, request).await?;
        Ok(self.keep(key, kept, answer))
    }

    fn keep(&mut self, key: Key, kept: Kept, (answer, is_whole): (Answer, bool)) -> Answer {
        if is_whole && !kept.sender.is_closed() {
            while self.kept.len() >= KEPT_MAX {
                self.kept.pop_first();
            }
            self.kept.insert(key, kept);
        }
        answer
    }

    async fn open(&mut self, key: &Key) -> Result<Kept, HttpError> {
        let addresses = match key.address {
            Some(address) => vec![address],
            None => self.gate.addresses(&key.host).await?,
        };
        // Room for the new one is made first, so that kept connections never hold up others.
        while self.kept.len() >= KEPT_MAX {
            self.kept.pop_first();
        }
        let mut last = HttpError::Lookup(LookupError::NoAddress);
        for address in addresses.into_iter().take(TRIED_MAX) {
            match self.gate.connect(SocketAddr::new(address, key.port)).await {
                Ok(stream) => return self.handshake(key, stream).await,
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    async fn handshake(&self, key: &Key, stream: crate::connect::Stream) -> Result<Kept, HttpError> {
        let end = Instant::now() + self.gate.step();
        if !key.is_tls {
            let (sender, task) = start(stream).await?;
            return Ok(Kept { sender, task, is_certificate_good: None });
        }
        let host = key.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| HttpError::BadUrl)?;
        let connected = timeout_at(end, self.gate.trusted().connect(name, stream)).await;
        let (stream, is_good) = connected.map_err(|_| HttpError::TimedOut)?.map_err(HttpError::Tls)?;
        let (sender, task) = start(stream).await?;
        Ok(Kept { sender, task, is_certificate_good: Some(is_good) })
    }

    /// Sends one request and reads its answer; also tells whether the connection can be used again.
    async fn exchange(
        &self,
        kept: &mut Kept,
        key: &Key,
        request: &Request,
    ) -> Result<(Answer, bool), HttpError> {
        let end = Instant::now() + self.gate.step();
        let message = self.message(key, request)?;
        let sent = async {
            kept.sender.ready().await?;
            kept.sender.send_request(message).await
        };
        let response =
            timeout_at(end, sent).await.map_err(|_| HttpError::TimedOut)?.map_err(|e| from_hyper(&e))?;
        let mut answer = head(&response);
        answer.is_certificate_good = kept.is_certificate_good;
        let end = Instant::now() + (self.gate.step() * ANSWER_STEPS).min(self.gate.left());
        let is_whole = read_body(response, request, &mut answer, self.gate.step(), end).await;
        Ok((answer, is_whole))
    }

    fn message(&self, key: &Key, request: &Request) -> Result<hyper::Request<Empty<Bytes>>, HttpError> {
        let url = &request.url;
        let is_usual = key.port == if key.is_tls { 443 } else { 80 };
        let host = if is_usual { key.host.clone() } else { format!("{}:{}", key.host, key.port) };
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut builder = hyper::Request::builder()
            .method(request.method.clone())
            .uri(target)
            .header("host", host)
            .header("user-agent", self.gate.user_agent())
            .header("accept-language", "nl,en;q=0.8");
        if request.offers_compression {
            builder = builder.header("accept-encoding", "gzip, deflate");
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        builder.body(Empty::new()).map_err(|_| HttpError::BadUrl)
    }
}

fn key_of(request: &Request) -> Result<Key, HttpError> {
    let is_tls = match request.url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(HttpError::BadUrl),
    };
    let host = request.url.host_str().filter(|host| !host.is_empty()).ok_or(HttpError::BadUrl)?;
    let port = request.url.port_or_known_default().ok_or(HttpError::BadUrl)?;
    Ok(Key { is_tls, host: host.to_ascii_lowercase(), port, address: request.address })
}

async fn start<S>(stream: S) -> Result<(SendRequest<Empty<Bytes>>, JoinHandle<()>), HttpError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| from_hyper(&error))?;
    let task = tokio::spawn(async move {
        // Its errors reach the one who waits for the answer.
        let _ = connection.await;
    });
    Ok((sender, task))
}

fn from_hyper(error: &hyper::Error) -> HttpError {
    if error.is_parse_too_large() {
        HttpError::HeadersTooBig
    } else if error.is_parse() {
        HttpError::NotHttp
    } else {
        HttpError::Closed
    }
}

fn head(response: &Response<Incoming>) -> Answer {
    let mut answer = Answer { status: response.status().as_u16(), ..Answer::default() };
    for (name, value) in response.headers() {
        let bytes = value.as_bytes();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(VALUE_BYTES_MAX)]).into_owned();
        if name == hyper::header::SET_COOKIE {
            answer.set_cookies.push(text);
        } else {
            answer.headers.push(Header { name: name.as_str().to_owned(), value: text });
        }
    }
    answer.encoding = answer.header("content-encoding").map(|value| value.trim().to_ascii_lowercase());
    answer
}

/// Reads the body into the answer; tells whether all of it came, so that the connection can be used again.
async fn read_body(
    response: Response<Incoming>,
    request: &Request,
    answer: &mut Answer,
    idle: Duration,
    end: Instant,
) -> bool {
    let mut body = response.into_body();
    // Of a redirect nothing is kept, of an error page what is asked; the rest of both is thrown away, if it is short.
    let kept_max = if matches!(answer.status, 300..=399) { 0 } else { request.bytes_max };
    let read_max =
        if answer.status < 300 && kept_max > 0 { kept_max } else { kept_max.max(request.drain_max) };
    // What is only thrown away is not waited for long.
    let end = if kept_max == 0 { end.min(Instant::now() + DRAIN_TIME) } else { end };
    let mut sink = Sink::new(answer.encoding.as_deref(), kept_max);
    let mut raw_bytes = 0usize;
    let is_whole = loop {
        let frame = match timeout_at(end.min(Instant::now() + idle), body.frame()).await {
            Err(_) => {
                answer.cut = (kept_max > 0).then_some(SLOWLY);
                break false;
            }
            Ok(None) => break true,
            Ok(Some(Err(_))) => {
                answer.cut = Some("the connection broke");
                break false;
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        raw_bytes = raw_bytes.saturating_add(data.len());
        if kept_max > 0
            && let Err(why) = sink.take(&data)
        {
            answer.cut = answer.cut.or(Some(why));
        }
        if raw_bytes > read_max || (sink.is_full() && read_max == kept_max) {
            answer.cut = answer.cut.or(Some("it is too long"));
            break false;
        }
    };
    let (bytes, damage) = sink.end();
    answer.body = bytes;
    answer.cut = answer.cut.or(damage.filter(|_| kept_max > 0));
    is_whole
}

/// Keeps the first bytes of what is written to it, and fails when there are more.
#[derive(Debug)]
struct Capped {
    bytes: Vec<u8>,
    bytes_max: usize,
    is_full: bool,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.bytes_max - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decompresses into a capped buffer, so that a small answer cannot become a big one.
#[derive(Debug)]
enum Sink {
    Plain(Capped),
    Gzip(Box<MultiGzDecoder<Capped>>),
    /// RFC 9110 §8.4.1.2 means zlib; some servers send it bare. Told apart by the first byte.
    Deflate(Option<Capped>),
    Zlib(Box<ZlibDecoder<Capped>>),
    Bare(Box<DeflateDecoder<Capped>>),
    /// An encoding that was not offered.
    Unknown,
}

impl Sink {
    fn new(encoding: Option<&str>, bytes_max: usize) -> Self {
        let capped = Capped { bytes: Vec::new(), bytes_max, is_full: false };
        match encoding {
            None | Some("" | "identity") => Self::Plain(capped),
            Some("gzip" | "x-gzip") => Self::Gzip(Box::new(MultiGzDecoder::new(capped))),
            Some("deflate") => Self::Deflate(Some(capped)),
            Some(_) => Self::Unknown,
        }
    }

    fn take(&mut self, data: &[u8]) -> Result<(), &'static str> {
        if let Self::Deflate(capped) = self {
            let (Some(first), Some(capped)) = (data.first(), capped.take()) else { return Ok(()) };
            *self = if first & 0x0f == 8 {
                Self::Zlib(Box::new(ZlibDecoder::new(capped)))
            } else {
                Self::Bare(Box::new(DeflateDecoder::new(capped)))
            };
        }
        let result = match self {
            Self::Plain(capped) => capped.write_all(data),
            Self::Gzip(decoder) => decoder.write_all(data),
            Self::Zlib(decoder) => decoder.write_all(data),
            Self::Bare(decoder) => decoder.write_all(data),
            Self::Deflate(_) => Ok(()),
            Self::Unknown => return Err("it is compressed in a way that was not offered"),
        };
        if result.is_err() && !self.is_full() { Err("its compression is damaged") } else { Ok(()) }
    }

    fn capped(&self) -> Option<&Capped> {
        match self {
            Self::Plain(capped) => Some(capped),
            Self::Gzip(decoder) => Some(decoder.get_ref()),
            Self::Zlib(decoder) => Some(decoder.get_ref()),
            Self::Bare(decoder) => Some(decoder.get_ref()),
            Self::Deflate(_) | Self::Unknown => None,
        }
    }

    fn is_full(&self) -> bool {
        self.capped().is_some_and(|capped| capped.is_full)
    }

    fn end(mut self) -> (Vec<u8>, Option<&'static str>) {
        let is_damaged = !self.is_full()
            && match &mut self {
                Self::Gzip(decoder) => decoder.try_finish().is_err(),
                Self::Zlib(decoder) => decoder.try_finish().is_err(),
                Self::Bare(decoder) => decoder.try_finish().is_err(),
                Self::Plain(_) | Self::Deflate(_) | Self::Unknown => false,
            };
        let why = is_damaged.then_some("its compression is damaged");
        let bytes = match self {
            Self::Plain(mut capped) => std::mem::take(&mut capped.bytes),
            Self::Gzip(mut decoder) => std::mem::take(&mut decoder.get_mut().bytes),
            Self::Zlib(mut decoder) => std::mem::take(&mut decoder.get_mut().bytes),
            Self::Bare(mut decoder) => std::mem::take(&mut decoder.get_mut().bytes),
            Self::Deflate(_) | Self::Unknown => Vec::new(),
        };
        (bytes, why)
    }
}
