//! The plain-HTTP listener: sends every request to the same host over HTTPS and does nothing else.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::listen::{Signals, Timing, next_connection};
use super::stream::Bounded;

/// Connections at the same time; each has one short answer.
const CONNECTIONS_MAX: usize = 256;
/// Most bytes of a request's head.
const READ_BYTES_MAX: usize = 16 * 1024;

/// Where requests are sent on to.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    names: Vec<String>,
    https_port: u16,
}

impl Redirect {
    /// Sends the hosts of these names, and loopback, to HTTPS on this port.
    pub(crate) fn new(names: &[String], https_port: u16) -> Self {
        Self { names: names.iter().map(|name| name.to_ascii_lowercase()).collect(), https_port }
    }

    /// Answers until the server stops.
    pub(crate) async fn run(self, tcp: TcpListener, timing: Timing, signals: Signals) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let redirect = Arc::new(self);
        while let Some((stream, _, slot)) = next_connection(&tcp, &slots, signals.clone()).await {
            let redirect = redirect.clone();
            tokio::spawn(async move {
                redirect.serve(stream, timing).await;
                drop(slot);
            });
        }
    }

    async fn serve(self: Arc<Self>, tcp: TcpStream, timing: Timing) {
        let local = tcp.local_addr().ok();
        let service = service_fn(move |request| {
            let answer = self.answer(&request, local);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timing.head)
            .max_buf_size(READ_BYTES_MAX)
            .keep_alive(false)
            .serve_connection(TokioIo::new(Bounded::new(tcp, timing.write)), service);
        // One request and one small answer: twice the time of a head is plenty.
        let _ = timeout(timing.head * 2, pin!(connection)).await;
    }

    /// 308 to the same host and path over HTTPS; 400 for a host that is not ours.
    fn answer<B>(&self, request: &Request<B>, local: Option<SocketAddr>) -> Response<Body> {
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

    fn is_ours(&self, host: &str, local: Option<SocketAddr>) -> bool {
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let is_this_machine =
            ip.is_some_and(|ip| ip.is_loopback() || local.is_some_and(|local| local.ip() == ip));
        is_this_machine || host == "localhost" || self.names.iter().any(|name| name == host)
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
