//! The plain-HTTP listener: answers what an ACME authority asks, and sends all else to the same host over HTTPS.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kluis_net::acme::Challenges;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::listen::{Signals, Timing, next_connection};
use super::stream::Bounded;
use crate::limiter::network;

/// Connections at the same time; each has one short answer.
const CONNECTIONS_MAX: usize = 256;
/// Connections of one address at the same time, so that no one else keeps out an authority that looks at a proof.
const CONNECTIONS_OF_ONE_MAX: usize = 64;
/// The longest time to the end of a request's head: authorities wait some ten seconds for a proof.
const HEAD_WAIT: Duration = Duration::from_secs(5);
/// Most bytes of a request's head.
const READ_BYTES_MAX: usize = 16 * 1024;

/// Where requests are sent on to.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    names: Vec<String>,
    https_port: u16,
    challenges: Arc<Challenges>,
}

impl Redirect {
    /// Sends the hosts of these names, and loopback, to HTTPS on this port.
    pub(crate) fn new(names: &[String], https_port: u16) -> Self {
        let names = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { names, https_port, challenges: Arc::default() }
    }

    /// Answers these challenges too.
    pub(crate) fn with_challenges(self, challenges: Arc<Challenges>) -> Self {
        Self { challenges, ..self }
    }

    /// Answers until the server stops.
    pub(crate) async fn run(self, tcp: TcpListener, timing: Timing, signals: Signals) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let redirect = Arc::new(self);
        let open: Arc<Open> = Arc::default();
        while let Some((stream, peer, slot)) = next_connection(&tcp, &slots, signals.clone()).await {
            let Some(place) = Place::take(&open, network(peer.ip())) else { continue };
            let redirect = redirect.clone();
            tokio::spawn(async move {
                redirect.serve(stream, timing).await;
                drop((slot, place));
            });
        }
    }

    async fn serve(self: Arc<Self>, tcp: TcpStream, timing: Timing) {
        let local = tcp.local_addr().ok();
        let head_wait = timing.head.min(HEAD_WAIT);
        let service = service_fn(move |request| {
            let answer = self.answer(&request, local);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_wait)
            .max_buf_size(READ_BYTES_MAX)
            .keep_alive(false)
            .serve_connection(TokioIo::new(Bounded::new(tcp, timing.write)), service);
        // One request and one small answer: twice the time of a head is plenty.
        let _ = timeout(head_wait * 2, pin!(connection)).await;
    }

    /// The answer to an expected challenge, else 308 to the same host and path over HTTPS; 400 for a host that is not
    /// ours.
    fn answer<B>(&self, request: &Request<B>, local: Option<SocketAddr>) -> Response<Body> {
        if let Some(proof) = self.proof(request) {
            return proof;
        }
        let authority =
            request.uri().authority().map(|authority| authority.as_str()).or_else(|| sole_host(request));
        let host = authority.and_then(host_of).filter(|host| self.is_ours(host, local));
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path } else { "/" };
        let location = host.and_then(|host| {
            let port = if self.https_port == 443 { String::new() } else { format!(":{}", self.https_port) };
            HeaderValue::try_from(format!("https://{host}{port}{path}")).ok()
        });
        let mut answer = Response::new(Body::empty());
        let headers = answer.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        match location {
            Some(location) => {
                headers.insert(header::LOCATION, location);
                *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
            }
            None => *answer.status_mut() = StatusCode::BAD_REQUEST,
        }
        answer
    }

    /// What an ACME authority expects at this path (RFC 8555 §8.3). Who knows the token was told it by the authority.
    fn proof<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let token = request.uri().path().strip_prefix("/.well-known/acme-challenge/")?;
        let expected = self.challenges.answer(token).filter(|_| request.method() == Method::GET)?;
        let mut answer = Response::new(Body::from(expected));
        let headers = answer.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        Some(answer)
    }

    fn is_ours(&self, host: &str, local: Option<SocketAddr>) -> bool {
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let is_this_machine =
            ip.is_some_and(|ip| ip.is_loopback() || local.is_some_and(|local| local.ip() == ip));
        is_this_machine || host == "localhost" || self.names.iter().any(|name| name == host)
    }
}

/// Open connections by address.
type Open = Mutex<HashMap<IpAddr, usize>>;

/// One open connection of an address.
struct Place {
    open: Arc<Open>,
    address: IpAddr,
}

impl Place {
    /// Counts one more, unless there are as many as may be.
    fn take(open: &Arc<Open>, address: IpAddr) -> Option<Self> {
        let mut counts = open.lock();
        let count = counts.entry(address).or_default();
        if *count >= CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        *count += 1;
        Some(Self { open: open.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.open.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// The `Host` of a request that has exactly one.
fn sole_host<B>(request: &Request<B>) -> Option<&str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// The host without its port, in lower case; `None` when it holds anything that no host name has.
fn host_of(authority: &str) -> Option<String> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => host,
        _ => authority,
    };
    let is_v6 = host.starts_with('[') && host.ends_with(']');
    let is_plain =
        |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || (is_v6 && b"[]:".contains(&b));
    (!host.is_empty() && host.bytes().all(is_plain)).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn check(method: &str, uri: &str, host: Option<&str>, expected: Option<&str>) {
        let redirect = Redirect::new(&["Winkel.example".to_owned()], 8443);
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = redirect.answer(&request.body(()).unwrap(), None);
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(location.as_deref(), expected, "{method} {uri} {host:?}");
        let status = if expected.is_some() { 308 } else { 400 };
        assert_eq!(answer.status().as_u16(), status);
    }

    #[test]
    fn our_hosts_are_sent_to_the_same_place_over_https() {
        check("GET", "/a?b=c", Some("winkel.example"), Some("https://winkel.example:8443/a?b=c"));
        check("HEAD", "/", Some("WINKEL.example:8080"), Some("https://winkel.example:8443/"));
        check("POST", "/v1/subjects", Some("localhost"), Some("https://localhost:8443/v1/subjects"));
        check("GET", "/", Some("127.0.0.1:8080"), Some("https://127.0.0.1:8443/"));
        check("GET", "/", Some("[::1]:8080"), Some("https://[::1]:8443/"));
        check(
            "GET",
            "http://winkel.example/x",
            Some("elsewhere.example"),
            Some("https://winkel.example:8443/x"),
        );
        check(
            "GET",
            "//elsewhere.example/",
            Some("localhost"),
            Some("https://localhost:8443//elsewhere.example/"),
        );
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in
            ["elsewhere.example", "", ":80", "winkel.example.evil", "winkel.example@evil", "192.0.2.7", "a b"]
        {
            check("GET", "/", Some(host), None);
        }
        check("GET", "/", None, None);
        check("GET", "http://elsewhere.example/", Some("winkel.example"), None);
    }

    #[test]
    fn the_standard_port_is_left_out() {
        let redirect = Redirect::new(&[], 443);
        let request = Request::builder().uri("/").header("host", "localhost").body(()).unwrap();
        assert_eq!(redirect.answer(&request, None).headers()["location"], "https://localhost/");
    }
}
