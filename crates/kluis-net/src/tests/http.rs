//! The HTTP client against servers that behave badly: bounded in time and memory, and always an answer or a reason.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use url::Url;

use crate::PAGE_BYTES_MAX;
use crate::connect::{ConnectError, Gate};
use crate::http::{Answer, Client, HttpError, Request, fetch_small};
use crate::testing::{Authority, LOCAL, Reply, Server, closed_port, options, within};

/// Asks a server that replies so, with steps of 300 ms.
async fn ask(reply: Reply) -> Result<Answer, HttpError> {
    let server = Server::plain(move |_| reply.clone()).await;
    let mut options = options(None, Some(&server));
    options.step = Duration::from_millis(300);
    let gate = Gate::new(&options, None);
    let url = Url::parse(&format!("http://{}/", server.at)).unwrap();
    within(5, Client::new(&gate).get(&Request::page(url))).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw(text: &str) -> Reply {
    Reply::Close(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_page_comes_with_headers_and_cookies_as_sent() {
    let reply =
        raw("HTTP/1.1 200 OK\r\nX-One: 1\r\nSet-Cookie: a=1; Secure\r\nset-cookie: b=2\r\nX-One: 2\r\n\
         Content-Length: 5\r\n\r\nhello");
    let answer = ask(reply).await.unwrap();
    assert_eq!((answer.status, answer.text().as_ref(), answer.cut), (200, "hello", None));
    assert_eq!(answer.set_cookies, ["a=1; Secure", "b=2"]);
    let ones: Vec<&str> =
        answer.headers.iter().filter(|h| h.name == "x-one").map(|h| h.value.as_str()).collect();
    assert_eq!(ones, ["1", "2"]);
    assert!(!answer.headers.iter().any(|header| header.name == "set-cookie"));
    assert_eq!(answer.is_certificate_good, None);
}

#[tokio::test]
async fn every_compression_that_is_offered_is_undone() {
    let text = "<p>kaas</p>".repeat(100);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(text.as_bytes()).unwrap();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::best());
    bare.write_all(text.as_bytes()).unwrap();
    for (name, body) in [
        ("gzip", gzip(text.as_bytes())),
        ("GZIP", gzip(text.as_bytes())),
        ("x-gzip", gzip(text.as_bytes())),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("identity", text.clone().into_bytes()),
    ] {
        let answer = ask(Reply::new(200, &[("Content-Encoding", name)], body)).await.unwrap();
        assert_eq!((answer.text().as_ref(), answer.cut), (text.as_str(), None), "{name}");
    }
}

#[tokio::test]
async fn bombs_are_cut_at_the_limit() {
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    let answer = ask(Reply::new(200, &[("Content-Encoding", "gzip")], &bomb)).await.unwrap();
    assert_eq!((answer.body.len(), answer.cut), (PAGE_BYTES_MAX, Some("it is too long")));
    // A bomb inside a bomb stays a bomb: only one encoding is undone.
    let answer = ask(Reply::new(200, &[("Content-Encoding", "gzip, gzip")], gzip(&bomb))).await.unwrap();
    assert_eq!((answer.body.len(), answer.cut), (0, Some("it is compressed in a way that was not offered")));
    // A million empty members make a lot of work of few bytes.
    let members = gzip(b"").repeat(100_000);
    let began = Instant::now();
    let answer = ask(Reply::new(200, &[("Content-Encoding", "gzip")], members)).await.unwrap();
    assert!(answer.body.is_empty() && began.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn pages_without_end_are_cut_at_the_limit() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let answer = ask(Reply::Endless(head, vec![b'x'; 65_536])).await.unwrap();
    assert_eq!((answer.body.len(), answer.cut), (PAGE_BYTES_MAX, Some("it is too long")));
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let answer = ask(Reply::Endless(head, b"1\r\nx\r\n".repeat(10_000))).await.unwrap();
    assert!(answer.body.len() <= PAGE_BYTES_MAX && answer.cut.is_some());
}

#[tokio::test]
async fn bad_bodies_are_kept_as_far_as_they_came() {
    // Long enough that every decoder has given something back before the cut.
    let long: String =
        (0_u64..20_000).map(|n| format!("a page {} ", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let good = gzip(long.as_bytes());
    for (why, reply, body) in [
        ("the connection broke", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), "short"),
        (
            "the connection broke",
            raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n"),
            "short",
        ),
        (
            "its compression is damaged",
            Reply::new(200, &[("Content-Encoding", "gzip")], b"not gzip at all"),
            "",
        ),
        ("its compression is damaged", Reply::new(200, &[("Content-Encoding", "deflate")], b"xnot zlib"), ""),
        (
            "its compression is damaged",
            Reply::new(200, &[("Content-Encoding", "gzip")], &good[..good.len() / 2]),
            "a page",
        ),
        (
            "it is compressed in a way that was not offered",
            Reply::new(200, &[("Content-Encoding", "br")], b"x"),
            "",
        ),
    ] {
        let answer = ask(reply).await.unwrap();
        assert_eq!(answer.cut, Some(why));
        // How much of a cut body a decoder gives back differs between decoders.
        assert!(answer.text().starts_with(body), "{body:?} {:?}", answer.text());
    }
}

#[tokio::test]
async fn answers_that_are_not_http_say_so() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(201));
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(70_000));
    for (reply, error) in [
        (raw(""), HttpError::Closed),
        (raw("SSH-2.0-OpenSSH_9.9\r\n"), HttpError::NotHttp),
        (raw("<html>no head</html>\r\n\r\n"), HttpError::NotHttp),
        (raw("HTTP/1.1 2000 OK\r\n\r\n"), HttpError::NotHttp),
        (raw("HTTP/3.9 200 OK\r\n\r\n"), HttpError::NotHttp),
        (raw("HTTP/1.1 200 OK\r\nX-Half: "), HttpError::Closed),
        (raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), HttpError::NotHttp),
        (raw("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello"), HttpError::NotHttp),
        (Reply::Close(vec![0x16, 3, 3, 0, 2, 2, 40]), HttpError::NotHttp),
        (Reply::Close(vec![0xff; 100_000]), HttpError::NotHttp),
        (raw(&many), HttpError::HeadersTooBig),
        (raw(&long), HttpError::HeadersTooBig),
        (Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".to_vec()), HttpError::HeadersTooBig),
        (
            Reply::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), b"yyyyyyyyyyyy".to_vec()),
            HttpError::HeadersTooBig,
        ),
        (Reply::Silent, HttpError::TimedOut),
        (
            Reply::Drip(b"HTTP/1.1 200 OK\r\nX-Slow: yes\r\n\r\n".repeat(20), Duration::from_millis(50)),
            HttpError::TimedOut,
        ),
        (Reply::Endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec()), HttpError::TimedOut),
    ] {
        let text = format!("{reply:?}").chars().take(60).collect::<String>();
        let found = ask(reply).await;
        assert_eq!(found.err(), Some(error), "{text}");
    }
}

#[tokio::test]
async fn a_slow_body_is_cut_and_said_to_be_slow() {
    let page = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &b"x".repeat(1000)].concat();
    let began = Instant::now();
    let answer = ask(Reply::Drip(page, Duration::from_millis(10))).await.unwrap();
    assert_eq!(answer.cut, Some("it came too slowly"));
    assert!(!answer.body.is_empty() && began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn one_connection_serves_many_requests_and_is_made_anew_when_closed() {
    let server = Server::plain(|asked| match asked.path.as_str() {
        "/close" => Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()),
        "/big404" => Reply::new(404, &[], vec![b'x'; 20_000]),
        _ => Reply::html("ok"),
    })
    .await;
    let options = options(None, Some(&server));
    let gate = Gate::new(&options, None);
    let mut client = Client::new(&gate);
    let url = |path: &str| Url::parse(&format!("http://{}{path}", server.at)).unwrap();
    for _ in 0..5 {
        client.get(&Request::page(url("/"))).await.unwrap();
    }
    // An error page that nobody wants is read to its end, so that the connection stays.
    client.get(&Request::small(url("/big404"), 512)).await.unwrap();
    client.get(&Request::page(url("/"))).await.unwrap();
    assert_eq!((server.connections(), gate.connections()), (1, 1));
    client.get(&Request::page(url("/close"))).await.unwrap();
    client.get(&Request::page(url("/"))).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_secret() {
    let server = Server::plain(|_| Reply::new(200, &[("Set-Cookie", "id=1")], "ok")).await;
    let options = options(None, Some(&server));
    let mut client = Client::new(&Gate::new(&options, None));
    let url = Url::parse(&format!("http://user:secret@{}/a%20b?c=d#e", server.at)).unwrap();
    client.get(&Request::page(url.clone())).await.unwrap();
    client.get(&Request::page(url)).await.unwrap();
    let asked = server.asked();
    let second = &asked[1];
    assert_eq!((second.method.as_str(), second.path.as_str()), ("GET", "/a%20b?c=d"));
    assert_eq!(second.header("host"), Some(server.at.to_string().as_str()));
    assert!(second.header("user-agent").unwrap().starts_with("Klantkluis-check/"));
    for absent in ["cookie", "authorization", "referer"] {
        assert_eq!(second.header(absent), None);
    }
    assert!(!second.head.contains("secret"));
}

#[tokio::test]
async fn a_bad_certificate_is_noted_and_the_page_is_read() {
    let authority = Authority::new();
    for (names, is_trusted, is_good) in
        [(["localhost"], true, true), (["localhost"], false, false), (["other.example"], true, false)]
    {
        let server = Server::tls(authority.settings(&names), |_| Reply::html("ok")).await;
        let mut options = options(Some(&server), None);
        options.resolve = vec![("localhost".to_owned(), LOCAL)];
        if is_trusted {
            options.roots = vec![authority.root()];
        }
        let mut client = Client::new(&Gate::new(&options, None));
        let url = Url::parse(&format!("https://localhost:{}/", server.at.port())).unwrap();
        let answer = client.get(&Request::page(url)).await.unwrap();
        assert_eq!((answer.text().as_ref(), answer.is_certificate_good), ("ok", Some(is_good)));
    }
}

#[tokio::test]
async fn https_to_a_server_without_tls_fails_with_a_reason() {
    for reply in [raw("HTTP/1.1 400 Bad Request\r\n\r\n"), raw("")] {
        let server = Server::plain(move |_| reply.clone()).await;
        let mut options = options(Some(&server), None);
        options.step = Duration::from_millis(300);
        let mut client = Client::new(&Gate::new(&options, None));
        let url = Url::parse(&format!("https://{}/", server.at)).unwrap();
        let error = within(3, client.get(&Request::page(url))).await.unwrap_err();
        assert!(matches!(error, HttpError::Tls(_) | HttpError::TimedOut), "{error}");
    }
}

#[tokio::test]
async fn the_budget_and_the_time_end_connections() {
    let server = Server::plain(|_| Reply::Close(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let mut options = options(None, Some(&server));
    options.connections_max = 5;
    let gate = Gate::new(&options, None);
    gate.own(&[LOCAL]);
    let share = gate.share(2);
    assert_eq!((gate.connections_left(), share.connections_left()), (5, 2));
    for _ in 0..2 {
        share.connect(server.at).await.unwrap();
    }
    assert_eq!(share.connect(server.at).await.unwrap_err(), ConnectError::NoneLeft);
    assert_eq!((gate.connections_left(), share.connections_left()), (3, 0));
    for _ in 0..3 {
        gate.connect(server.at).await.unwrap();
    }
    assert_eq!(gate.connect(server.at).await.unwrap_err(), ConnectError::NoneLeft);
    assert_eq!(gate.connections(), 5);

    options.total = Duration::ZERO;
    let gate = Gate::new(&options, None);
    assert_eq!(gate.connect(server.at).await.unwrap_err(), ConnectError::Over);
    let options = crate::AuditOptions::default();
    let closed = (LOCAL, closed_port()).into();
    assert_eq!(Gate::new(&options, None).connect(closed).await.unwrap_err(), ConnectError::Refused);
}

#[tokio::test]
async fn small_files_come_whole_or_not_at_all() {
    let server = Server::plain(|asked| match asked.path.as_str() {
        "/ok" => Reply::new(200, &[], "12345"),
        "/moved" => Reply::to("/ok"),
        "/cut" => Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345".to_vec()),
        _ => Reply::none(),
    })
    .await;
    let gate = Gate::new(&options(None, Some(&server)), None);
    let url = |path: &str| Url::parse(&format!("http://{}{path}", server.at)).unwrap();
    assert_eq!(fetch_small(&gate, &url("/ok"), 5).await.unwrap(), b"12345");
    for (path, bytes_max) in [("/ok", 4), ("/moved", 9), ("/cut", 9), ("/none", 9)] {
        assert!(fetch_small(&gate, &url(path), bytes_max).await.is_err(), "{path}");
    }
    for text in ["ldap://127.0.0.1/x", "file:///etc/passwd", "data:,x"] {
        assert_eq!(fetch_small(&gate, &Url::parse(text).unwrap(), 9).await, Err(HttpError::BadUrl), "{text}");
    }
}
