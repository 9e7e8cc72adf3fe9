//! HTTPS to a certificate authority: one request per connection, with limits on time and bytes and no redirects.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use kluis_model::TimeMs;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::schedule::{WAIT_MAX, Window};
use super::{AcmeError, shortened};

/// One request from the connection to the last byte.
const REQUEST_WAIT: Duration = Duration::from_secs(30);
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How we call ourselves.
const USER_AGENT_VALUE: &str = concat!("klantkluis/", env!("CARGO_PKG_VERSION"), " (instant-acme)");

/// Tells the time.
pub(crate) type Now = Arc<dyn Fn() -> TimeMs + Send + Sync>;

/// A client that trusts the public roots, or those of one file.
#[derive(Clone)]
pub(crate) struct Https {
    tls: Arc<ClientConfig>,
    now: Now,
    /// The `Retry-After` of the last refusal, which the ACME library does not pass on.
    refused: Arc<Mutex<Option<Duration>>>,
}

/// What a directory offers (RFC 8555 §7.1.1).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Directory {
    /// Where advice on renewal is (RFC 9773 §4).
    pub(crate) renewal_info: Option<String>,
    #[serde(default)]
    pub(crate) meta: Meta,
}

/// The conditions of a directory.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    #[serde(default)]
    pub(crate) external_account_required: bool,
    /// Profiles with their descriptions.
    #[serde(default)]
    pub(crate) profiles: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalInfo {
    suggested_window: Window,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

/// Advice on renewal and when to ask for it again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) window: Window,
    pub(crate) retry_after: Option<Duration>,
}

impl Https {
    pub(crate) fn new(root_file: Option<&Path>, now: Now) -> Result<Self, AcmeError> {
        let mut roots = RootCertStore::empty();
        match root_file {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(file) => {
                let wrong = |what: &dyn std::fmt::Display| {
                    AcmeError::new(format_args!("acme.root_file {}: {what}", file.display()))
                };
                let found = CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))?;
                for root in found {
                    let root = root.map_err(|error| wrong(&error))?;
                    roots.add(root).map_err(|error| wrong(&error))?;
                }
                if roots.is_empty() {
                    return Err(wrong(&"holds no certificate"));
                }
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(AcmeError::new)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls), now, refused: Arc::default() })
    }

    /// What the last refused request asked to wait, if it did; forgets it.
    pub(crate) fn take_retry_after(&self) -> Option<Duration> {
        self.refused.lock().take()
    }

    /// Reads the directory.
    pub(crate) async fn directory(&self, url: &str) -> Result<Directory, AcmeError> {
        Ok(self.get_json(url).await?.0)
    }

    /// Asks when a certificate should be renewed (RFC 9773 §4.1).
    pub(crate) async fn advice(&self, renewal_info: &str, id: &str) -> Result<Advice, AcmeError> {
        let url = format!("{}/{id}", renewal_info.trim_end_matches('/'));
        let (info, retry_after): (RenewalInfo, _) = self.get_json(&url).await?;
        if let Some(why) = info.explanation_url {
            tracing::info!(why = shortened(&why), "the certificate authority explains its advice on renewal");
        }
        Ok(Advice { window: info.suggested_window, retry_after })
    }

    async fn get_json<T: DeserializeOwned>(&self, url: &str) -> Result<(T, Option<Duration>), AcmeError> {
        let request = Request::get(url).body(Full::new(Bytes::new())).map_err(AcmeError::new)?;
        let answer =
            self.ask(request).await.map_err(|error| AcmeError::new(format_args!("{url}: {error}")))?;
        let retry_after = self.retry_after(&answer);
        if answer.status() != StatusCode::OK {
            let text = format!("{url} answers {}", answer.status());
            return Err(AcmeError { retry_after, ..AcmeError::new(text) });
        }
        let value = serde_json::from_slice(answer.body())
            .map_err(|error| AcmeError::new(format_args!("{url} cannot be read: {error}")))?;
        Ok((value, retry_after))
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, std::io::Error> {
        match timeout(REQUEST_WAIT, self.ask_at_leisure(request)).await {
            Ok(answered) => answered,
            Err(_) => Err(std::io::Error::other("no whole answer within 30 s")),
        }
    }

    async fn ask_at_leisure(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, std::io::Error> {
        let other = std::io::Error::other::<Box<dyn std::error::Error + Send + Sync>>;
        let uri = request.uri().clone();
        let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(std::io::Error::other("only https is spoken"));
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|error| other(error.into()))?;
        let tcp = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(443))).await?;
        let tls = TlsConnector::from(self.tls.clone()).connect(name, tcp).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(tls)).await.map_err(|error| other(error.into()))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse::<Uri>().map_err(|error| other(error.into()))?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(authority.as_str()).map_err(|error| other(error.into()))?);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE));
        let answering = async move {
            let answer = sender.send_request(request).await.map_err(|error| other(error.into()))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(other)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        tokio::pin!(answering, connection);
        // The connection moves the bytes; when it ends first, the answer knows whether it is whole.
        tokio::select! {
            answer = &mut answering => return answer,
            _ = &mut connection => {}
        }
        answering.await
    }

    fn retry_after(&self, answer: &Response<Bytes>) -> Option<Duration> {
        parse_retry_after(answer.headers().get(RETRY_AFTER)?.to_str().ok()?, (self.now)())
    }
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            // Invariant: the body is in memory already and its error type has no value.
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let asked = client.ask(Request::from_parts(parts, Full::new(body))).await;
            let mut answer = asked.map_err(|error| instant_acme::Error::Other(error.into()))?;
            let retry_after = client.retry_after(&answer);
            if !answer.status().is_success() {
                *client.refused.lock() = retry_after;
            }
            // The library adds any number of seconds to the present, and panics when that is no moment any more.
            answer.headers_mut().remove(RETRY_AFTER);
            if let Some(wait) = retry_after {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.min(WAIT_MAX).as_secs()));
            }
            Ok(BytesResponse::from(answer.map(Full::new)))
        })
    }
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date in the form of §5.6.7.
fn parse_retry_after(text: &str, now: TimeMs) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    let at: TimeMs = format!("{year}-{month:02}-{day}T{time}Z").parse().ok()?;
    (words.next() == Some("GMT")).then(|| at.since(now))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::io::{Read, Write};

    use super::*;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now: TimeMs = "1999-12-31T23:59:00Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59)),
            ("Fri, 31 Dec 1999 20:00:00 GMT", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("soon", None),
            ("Fri, 31 Dec 1999 23:59:59", None),
            ("Fri, 31 Foo 1999 23:59:59 GMT", None),
            ("Fri, 99 Dec 1999 23:59:59 GMT", None),
        ];
        for (text, seconds) in cases {
            let read = parse_retry_after(text, now).map(|wait| wait.as_secs());
            assert_eq!(read, seconds, "{text}");
        }
    }

    /// An HTTPS server that answers every request with these bytes; gives its port and its root's file.
    fn authority(answers: Vec<Vec<u8>>) -> (u16, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("root.pem"), made.cert.pem()).unwrap();
        let key =
            rustls::pki_types::PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.unwrap())
            .unwrap();
        let config = Arc::new(config);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for answer in answers {
                let (tcp, _) = listener.accept().unwrap();
                let session = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(session, tcp);
                let mut buffer = [0; 4096];
                // A client that is satisfied or disgusted leaves early.
                let _ = stream.read(&mut buffer);
                let _ = stream.write_all(&answer);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        (port, folder)
    }

    fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
    }

    fn https(folder: &tempfile::TempDir) -> Https {
        Https::new(Some(&folder.path().join("root.pem")), Arc::new(|| NOW)).unwrap()
    }

    #[tokio::test]
    async fn advice_is_read_with_its_window_and_pause() {
        let good = r#"{"suggestedWindow":{"start":"2026-12-01T00:00:00Z","end":"2026-12-02T00:00:00.5+00:00"},
            "explanationURL":"https://ca.example/why"}"#;
        let ended = r#"{"suggestedWindow":{"start":"2026-12-01T00:00:00Z"}}"#;
        let (port, folder) = authority(vec![
            answer("200 OK", "retry-after: 3600\r\n", good),
            answer("429 Too Many Requests", "retry-after: 7200\r\n", "{}"),
            answer("200 OK", "", ended),
            answer("200 OK", "", "nonsense"),
            answer("302 Found", "location: https://elsewhere.example/\r\n", ""),
            b"garbage\r\n\r\n".to_vec(),
        ]);
        let client = https(&folder);
        let url = format!("https://localhost:{port}/ari/");
        let advice = client.advice(&url, "a.b").await.unwrap();
        assert_eq!(advice.retry_after, Some(Duration::from_secs(3600)));
        assert_eq!(advice.window.start.to_string(), "2026-12-01T00:00:00.000Z");
        assert_eq!(advice.window.end.to_string(), "2026-12-02T00:00:00.500Z");
        let limited = client.advice(&url, "a.b").await.unwrap_err();
        assert_eq!(limited.retry_after, Some(Duration::from_secs(7200)));
        for _ in 0..4 {
            client.advice(&url, "a.b").await.unwrap_err();
        }
        client.advice(&url, "a.b").await.unwrap_err();
    }

    #[tokio::test]
    async fn a_long_answer_a_strange_root_and_plain_http_are_refused() {
        let long = format!("\"{}\"", "x".repeat(ANSWER_BYTES_MAX + 1));
        let (port, folder) = authority(vec![answer("200 OK", "", &long), answer("200 OK", "", "{}")]);
        let url = format!("https://localhost:{port}/dir");
        let error = https(&folder).directory(&url).await.unwrap_err();
        assert!(error.text.contains("limit"), "{error}");
        let public = Https::new(None, Arc::new(|| NOW)).unwrap();
        public.directory(&url).await.unwrap_err();
        for url in ["http://localhost/dir", "ftp://localhost/", "dir", "", "https://"] {
            https(&folder).directory(url).await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn no_retry_after_reaches_the_library_that_it_cannot_add_to_the_present() {
        let cases = [
            ("18446744073709551615", Some("86400")),
            ("+18446744073709551615", None),
            ("120", Some("120")),
            ("soon", None),
        ];
        let answers = cases.map(|(given, _)| answer("503 Busy", &format!("retry-after: {given}\r\n"), "{}"));
        let (port, folder) = authority(answers.to_vec());
        let client = https(&folder);
        for (given, expected) in cases {
            let request = Request::get(format!("https://localhost:{port}/")).body(BodyWrapper::default());
            let answered = HttpClient::request(&client, request.unwrap()).await.unwrap();
            let passed = answered.parts.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(passed, expected, "{given}");
        }
    }

    #[test]
    fn a_root_file_without_a_root_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("root.pem");
        for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(Https::new(Some(&file), Arc::new(|| NOW)).is_err(), "{text}");
        }
        assert!(Https::new(Some(&folder.path().join("absent")), Arc::new(|| NOW)).is_err());
    }
}
