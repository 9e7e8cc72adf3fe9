//! Talks with a server of ours over TCP and TLS: good, with a wrong certificate, broken in the middle, silent.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use kluis_crypto::SecretText;
use kluis_mail::smtp::client::ClientRecipient;
use kluis_mail::smtp::client::Transaction;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::testing::{Authority, within};

const MESSAGE: &[u8] = b"From: a@winkel.example\r\n\r\n.Hallo\r\n";

/// What a test server does.
#[derive(Clone, Default)]
struct Manner {
    starttls: Option<Arc<ServerConfig>>,
    implicit: bool,
    /// Ends the connection instead of answering the n-th line that begins so.
    hangs_up_at: Option<(&'static str, usize)>,
    /// Answers so to a line that begins so.
    answers: Vec<(&'static str, &'static str)>,
}

struct Sink {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let noted = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, noted) = (manner.clone(), noted.clone());
                tokio::spawn(async move {
                    noted.lock().unwrap().push("(connected)".to_owned());
                    let acceptor = manner.starttls.clone().map(TlsAcceptor::from);
                    match acceptor {
                        Some(acceptor) if manner.implicit => {
                            let stream = acceptor.accept(stream).await.ok()?;
                            talk(BufReader::new(stream), &manner, &noted, true).await;
                        }
                        Some(acceptor) => {
                            let stream = talk(BufReader::new(stream), &manner, &noted, true).await?;
                            let stream = acceptor.accept(stream.into_inner()).await.ok()?;
                            talk(BufReader::new(stream), &manner, &noted, false).await;
                        }
                        None => {
                            talk(BufReader::new(stream), &manner, &noted, true).await;
                        }
                    }
                    Some(())
                });
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// Answers until the end, or until a handshake is to come.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    manner: &Manner,
    noted: &Mutex<Vec<String>>,
    greets: bool,
) -> Option<BufReader<S>> {
    if greets {
        stream.write_all(b"220 sink\r\n").await.ok()?;
    }
    let mut is_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        noted.lock().unwrap().push(line.clone());
        let again = |word: &str| noted.lock().unwrap().iter().filter(|line| line.starts_with(word)).count();
        if let Some((word, n)) = manner.hangs_up_at
            && line.starts_with(word)
            && again(word) == n
        {
            return None;
        }
        let own = manner.answers.iter().find(|(word, _)| line.starts_with(word)).map(|(_, answer)| *answer);
        let answer = match (is_data, line.as_str()) {
            (true, ".") => own.unwrap_or("250 2.0.0 queued"),
            (true, _) => continue,
            (false, "STARTTLS") => {
                stream.write_all(b"220 go\r\n").await.ok()?;
                return Some(stream);
            }
            (false, "DATA") => own.unwrap_or("354 go"),
            (false, line) if line.starts_with("EHLO") => {
                if manner.starttls.is_some() && greets && !manner.implicit {
                    "250-sink\r\n250-STARTTLS\r\n250 PIPELINING"
                } else {
                    "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 AUTH PLAIN"
                }
            }
            (false, line) if line.starts_with("AUTH") => own.unwrap_or("235 ok"),
            (false, "QUIT") => "221 bye",
            _ => own.unwrap_or("250 ok"),
        };
        is_data = if line == "DATA" { answer.starts_with('3') } else { is_data && line != "." };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

fn options(port: u16, tls: TlsWish, roots: Vec<CertificateDer<'static>>) -> SmarthostOptions {
    let login = (tls != TlsWish::Never)
        .then(|| ClientLogin { user: "winkel".into(), password: SecretText::new("geheim".into()) });
    SmarthostOptions { host: "localhost".into(), port, tls, hello: "relay.example".into(), login, roots }
}

const ONE: [ClientRecipient<'_>; 1] =
    [ClientRecipient { address: "noor@klant.example", notify: None, original: None }];

fn mail<'a>(recipients: &'a [ClientRecipient<'a>]) -> Transaction<'a> {
    Transaction {
        from: "bounce@winkel.example",
        recipients,
        size: MESSAGE.len(),
        is_8bit: false,
        is_header_only: false,
        envelope_id: None,
    }
}

fn codes(replies: &[kluis_mail::smtp::Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.code).collect()
}

#[tokio::test]
async fn a_connection_is_used_again_and_each_way_of_tls_works() {
    let authority = Authority::new();
    let tls = Arc::new(authority.settings(&["localhost"]));
    for (manner, wish) in [
        (Manner::default(), TlsWish::Never),
        (Manner { starttls: Some(tls.clone()), ..Manner::default() }, TlsWish::Required),
        (Manner { starttls: Some(tls), implicit: true, ..Manner::default() }, TlsWish::Already),
    ] {
        let sink = Sink::start(manner).await;
        let smarthost = Smarthost::new(options(sink.port, wish, vec![authority.root()])).unwrap();
        within(10, async {
            let mut connection = smarthost.connect().await.unwrap();
            for _ in 0..2 {
                let replies = connection.send(&mail(&ONE), MESSAGE).await.unwrap();
                assert_eq!(codes(&replies), [250]);
            }
            connection.quit().await;
        })
        .await;
        let heard = sink.heard();
        assert_eq!(heard.iter().filter(|line| *line == "(connected)").count(), 1, "{wish:?}");
        assert_eq!(heard.iter().filter(|line| *line == "..Hallo").count(), 2, "{heard:?}");
        let signed_in = heard.iter().any(|line| line == "AUTH PLAIN AHdpbmtlbABnZWhlaW0=");
        assert_eq!(signed_in, wish != TlsWish::Never);
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_with_a_wrong_certificate_or_without_tls() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (names, root) in [(&["elders.example"][..], &authority), (&["localhost"][..], &other)] {
        let manner = Manner { starttls: Some(Arc::new(authority.settings(names))), ..Manner::default() };
        let sink = Sink::start(manner).await;
        let smarthost = Smarthost::new(options(sink.port, TlsWish::Required, vec![root.root()])).unwrap();
        let refused = within(10, smarthost.connect()).await;
        assert!(matches!(refused, Err(SmarthostError::Tls(_))), "{refused:?}");
        assert_eq!(sink.heard(), ["(connected)", "EHLO relay.example", "STARTTLS"]);
    }
    let sink = Sink::start(Manner::default()).await;
    let smarthost = Smarthost::new(options(sink.port, TlsWish::Required, vec![authority.root()])).unwrap();
    let refused = within(10, smarthost.connect()).await;
    assert!(matches!(refused, Err(SmarthostError::Talk(ClientError::NoTls))), "{refused:?}");
    assert_eq!(sink.heard(), ["(connected)", "EHLO relay.example"]);
}

#[tokio::test]
async fn in_the_clear_goes_to_this_machine_only() {
    let elsewhere = SmarthostOptions { host: "192.0.2.1".into(), ..options(25, TlsWish::Never, Vec::new()) };
    let refused = within(10, Smarthost::new(elsewhere).unwrap().connect()).await;
    assert!(matches!(refused, Err(SmarthostError::NotLoopback)), "{refused:?}");
    let nobody = Smarthost::new(options(crate::testing::closed_port(), TlsWish::Never, Vec::new())).unwrap();
    let refused = within(10, nobody.connect()).await;
    assert!(matches!(refused, Err(SmarthostError::Connect(_))), "{refused:?}");
    assert!(
        Smarthost::new(SmarthostOptions { host: "a b".into(), ..options(1, TlsWish::Never, Vec::new()) })
            .is_err()
    );
}

#[tokio::test]
async fn an_old_connection_is_told_from_a_message_with_an_unknown_end() {
    // A dot alone comes once a message, and `..Hallo` begins with a dot too.
    for (hangs_up_at, was_begun) in
        [(("MAIL", 2), false), (("RCPT", 2), false), (("..Hallo", 2), true), ((".", 4), true)]
    {
        let sink = Sink::start(Manner { hangs_up_at: Some(hangs_up_at), ..Manner::default() }).await;
        let smarthost = Smarthost::new(options(sink.port, TlsWish::Never, Vec::new())).unwrap();
        within(10, async {
            let mut connection = smarthost.connect().await.unwrap();
            connection.send(&mail(&ONE), MESSAGE).await.unwrap();
            let lost = connection.send(&mail(&ONE), MESSAGE).await.unwrap_err();
            assert_eq!(lost.was_begun, was_begun, "{hangs_up_at:?}: {lost:?}");
            assert!(!connection.is_usable());
        })
        .await;
    }
}

#[tokio::test]
async fn many_recipients_go_in_parts_and_each_has_its_answer() {
    let sink = Sink::start(Manner {
        answers: vec![("RCPT TO:<k7@", "550 5.1.1 nobody"), ("RCPT TO:<k203@", "450 4.2.1 busy")],
        ..Manner::default()
    })
    .await;
    let smarthost = Smarthost::new(options(sink.port, TlsWish::Never, Vec::new())).unwrap();
    let addresses: Vec<String> = (0..250).map(|n| format!("k{n}@klant.example")).collect();
    let recipients: Vec<ClientRecipient<'_>> =
        addresses.iter().map(|address| ClientRecipient { address, notify: None, original: None }).collect();
    let replies = within(10, async {
        smarthost.connect().await.unwrap().send(&mail(&recipients), MESSAGE).await.unwrap()
    })
    .await;
    let codes = codes(&replies);
    assert_eq!((codes.len(), codes[7], codes[203], codes[249]), (250, 550, 450, 250));
    assert_eq!(sink.heard().iter().filter(|line| *line == "DATA").count(), 3);

    // The second part is cut off: the first one has the message and is not sent again.
    let sink = Sink::start(Manner { hangs_up_at: Some(("DATA", 2)), ..Manner::default() }).await;
    let smarthost = Smarthost::new(options(sink.port, TlsWish::Never, Vec::new())).unwrap();
    let replies = within(10, async {
        smarthost.connect().await.unwrap().send(&mail(&recipients), MESSAGE).await.unwrap()
    })
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.code == 250).count(), 100);
    assert_eq!(replies.iter().filter(|reply| reply.code == 451).count(), 150);
}

#[tokio::test]
async fn a_large_message_arrives_whole() {
    let sink = Sink::start(Manner::default()).await;
    let smarthost = Smarthost::new(options(sink.port, TlsWish::Never, Vec::new())).unwrap();
    let message = b".dot and text in a line\r\n".repeat(40_000);
    let replies = within(30, async {
        let mail = Transaction { size: message.len(), ..mail(&ONE) };
        smarthost.connect().await.unwrap().send(&mail, &message).await.unwrap()
    })
    .await;
    assert_eq!(codes(&replies), [250]);
    let heard = sink.heard();
    assert_eq!(heard.iter().filter(|line| *line == "..dot and text in a line").count(), 40_000);
}

#[tokio::test]
async fn a_refusal_at_each_stage_is_an_error_that_names_nobody() {
    for (word, answer) in [("EHLO", "554 5.7.1 noor@klant.example"), ("AUTH", "535 5.7.8 noor@klant.example")]
    {
        let authority = Authority::new();
        let manner = Manner {
            starttls: Some(Arc::new(authority.settings(&["localhost"]))),
            implicit: true,
            answers: vec![(word, answer)],
            ..Manner::default()
        };
        let sink = Sink::start(manner).await;
        let smarthost = Smarthost::new(options(sink.port, TlsWish::Already, vec![authority.root()])).unwrap();
        if let Err(error) = within(10, smarthost.connect()).await {
            assert!(
                error.to_string().contains(&answer[..3]) && !error.to_string().contains("noor"),
                "{error}"
            );
        } else {
            assert_eq!(word, "EHLO", "the sink greets everybody");
        }
    }
}

/// A stream that is neither plain nor TLS yet is an error, not a panic.
#[tokio::test]
async fn the_clear_part_of_the_talk_ends_with_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        // The answer to STARTTLS comes with more behind it.
        stream.write_all(b"220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n250 evil\r\n").await.unwrap();
        let mut rest = String::new();
        BufReader::new(stream).read_line(&mut rest).await.unwrap();
    });
    let smarthost = Smarthost::new(options(port, TlsWish::Required, Vec::new())).unwrap();
    let refused = within(10, smarthost.connect()).await;
    assert!(matches!(refused, Err(SmarthostError::Talk(ClientError::OutOfStep))), "{refused:?}");
    server.await.unwrap();
}
