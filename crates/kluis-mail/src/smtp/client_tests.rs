//! Talks with servers that are willing, unwilling, slow, old or hostile.

use proptest::prelude::*;

use super::*;

const ALL: &str =
    "250-post\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000\r\n250-DSN\r\n250 AUTH LOGIN PLAIN\r\n";

fn options(tls: TlsWish, login: bool) -> ClientOptions {
    let login =
        login.then(|| ClientLogin { user: "winkel".into(), password: SecretText::new("geheim".into()) });
    ClientOptions { hello: "relay.example".into(), tls, login }
}

fn sent(client: &mut Client) -> String {
    String::from_utf8(client.take_output().into_exposed()).unwrap()
}

fn events(client: &mut Client) -> Vec<Event> {
    std::iter::from_fn(|| client.event()).collect()
}

/// A client that is ready, on a server that offers `hello`.
fn ready(hello: &str) -> Client {
    let mut client = Client::new(options(TlsWish::Never, false));
    client.feed(b"220 post ESMTP\r\n").unwrap();
    assert_eq!(sent(&mut client), "EHLO relay.example\r\n");
    client.feed(hello.as_bytes()).unwrap();
    assert_eq!(events(&mut client), [Event::Ready]);
    client
}

const TWO: [ClientRecipient<'_>; 2] = [
    ClientRecipient { address: "a@b.example", notify: None, original: None },
    ClientRecipient { address: "c@d.example", notify: Some("NEVER"), original: Some("rfc822;c@d.example") },
];

fn mail<'a>(recipients: &'a [ClientRecipient<'a>]) -> Transaction<'a> {
    Transaction {
        from: "bounce@winkel.example",
        recipients,
        size: 500,
        is_8bit: true,
        is_header_only: true,
        envelope_id: Some("QQ314159"),
    }
}

fn codes(events: &[Event]) -> Vec<u16> {
    match events {
        [Event::Done(replies), ..] => replies.iter().map(|reply| reply.code).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_takes_two_round_trips_with_pipelining() {
    let mut client = ready(ALL);
    client.begin(&mail(&TWO)).unwrap();
    assert_eq!(
        sent(&mut client),
        "MAIL FROM:<bounce@winkel.example> SIZE=500 BODY=8BITMIME RET=HDRS ENVID=QQ314159\r\n\
         RCPT TO:<a@b.example>\r\nRCPT TO:<c@d.example> NOTIFY=NEVER ORCPT=rfc822;c@d.example\r\nDATA\r\n"
    );
    assert_eq!(client.begin(&mail(&TWO)), Err(ClientError::NotNow));
    client.feed(b"250 ok\r\n250 ok\r\n550 5.1.1 nobody\r\n354 go\r\n").unwrap();
    assert_eq!((events(&mut client), client.waits_for()), (vec![Event::Data], Wait::Nothing));
    client.data_sent();
    assert_eq!(client.waits_for(), Wait::End);
    client.feed(b"250 2.0.0 queued\r\n").unwrap();
    assert_eq!(codes(&events(&mut client)), [250, 550]);
    client.begin(&mail(&TWO)).unwrap();
    assert!(sent(&mut client).starts_with("MAIL FROM"), "the connection is used again");
}

#[test]
fn without_pipelining_one_command_goes_at_a_time() {
    let mut client = ready("250-post\r\n250 8BITMIME\r\n");
    client.begin(&mail(&TWO)).unwrap();
    for (command, answer) in [
        ("MAIL FROM:<bounce@winkel.example> BODY=8BITMIME\r\n", "250 ok\r\n"),
        ("RCPT TO:<a@b.example>\r\n", "450 4.2.1 busy\r\n"),
        ("RCPT TO:<c@d.example>\r\n", "250 ok\r\n"),
        ("DATA\r\n", "354 go\r\n"),
    ] {
        assert_eq!(sent(&mut client), command);
        client.feed(answer.as_bytes()).unwrap();
    }
    assert_eq!(events(&mut client), [Event::Data]);
    client.data_sent();
    client.feed(b"250 ok\r\n").unwrap();
    assert_eq!(codes(&events(&mut client)), [450, 250]);
}

#[test]
fn when_nobody_is_taken_nothing_is_sent() {
    // Known in time: no DATA.
    let mut client = ready("250-post\r\n250 8BITMIME\r\n");
    client.begin(&mail(&TWO)).unwrap();
    client.feed(b"250 ok\r\n").unwrap();
    client.feed(b"550 no\r\n").unwrap();
    let _ = sent(&mut client);
    client.feed(b"551 no\r\n").unwrap();
    assert_eq!(sent(&mut client), "RSET\r\n");
    client.feed(b"250 ok\r\n").unwrap();
    assert_eq!(codes(&events(&mut client)), [550, 551]);
    // Too late, and the server wants the message all the same: it gets an empty one for nobody.
    let mut client = ready(ALL);
    client.begin(&mail(&TWO)).unwrap();
    let _ = sent(&mut client);
    client.feed(b"250 ok\r\n550 no\r\n451 no\r\n354 go\r\n").unwrap();
    assert_eq!(sent(&mut client), ".\r\n");
    client.feed(b"554 no recipients\r\n").unwrap();
    assert_eq!(codes(&events(&mut client)), [550, 451]);
    // Too late, and it does not.
    let mut client = ready(ALL);
    client.begin(&mail(&TWO)).unwrap();
    client.feed(b"250 ok\r\n550 no\r\n451 no\r\n503 no\r\n250 reset\r\n").unwrap();
    assert_eq!(codes(&events(&mut client)), [550, 451]);
}

#[test]
fn a_refused_sender_or_message_is_refused_for_everybody() {
    for (hello, answers) in
        [(ALL, "550 5.7.1 no\r\n503 x\r\n503 x\r\n503 x\r\n"), ("250-p\r\n250 8BITMIME\r\n", "550 no\r\n")]
    {
        let mut client = ready(hello);
        client.begin(&mail(&TWO)).unwrap();
        client.feed(answers.as_bytes()).unwrap();
        assert_eq!(codes(&events(&mut client)), [550, 550]);
        assert!(!sent(&mut client).contains("RSET"), "nothing was begun");
    }
    let mut client = ready(ALL);
    client.begin(&mail(&TWO)).unwrap();
    client.feed(b"250 ok\r\n250 ok\r\n250 ok\r\n452 4.3.1 full\r\n").unwrap();
    assert!(sent(&mut client).ends_with("RSET\r\n"));
    client.feed(b"250 ok\r\n").unwrap();
    assert_eq!(codes(&events(&mut client)), [452, 452]);
    let mut client = ready(ALL);
    client.begin(&mail(&TWO)).unwrap();
    client.feed(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n").unwrap();
    client.data_sent();
    client.feed(b"554 5.7.1 spam\r\n").unwrap();
    assert_eq!(codes(&events(&mut client)[1..]), [554, 554]);
}

#[test]
fn a_message_that_the_server_cannot_take_is_not_begun() {
    let mut client = ready(ALL);
    client.begin(&Transaction { size: 1_001, ..mail(&TWO) }).unwrap();
    assert_eq!(codes(&events(&mut client)), [552, 552]);
    let mut client = ready("250 post\r\n");
    client.begin(&mail(&TWO)).unwrap();
    assert_eq!((codes(&events(&mut client)), sent(&mut client).as_str()), (vec![554, 554], ""));
    assert_eq!(client.begin(&mail(&[])), Err(ClientError::NotNow));
}

#[test]
fn tls_comes_before_everything_and_nothing_is_smuggled_in() {
    let mut client = Client::new(options(TlsWish::Required, true));
    client.feed(b"220 post\r\n250-post\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n").unwrap();
    assert_eq!(sent(&mut client), "EHLO relay.example\r\nSTARTTLS\r\n");
    client.feed(b"220 go\r\n").unwrap();
    assert_eq!(events(&mut client), [Event::StartTls]);
    client.tls_started();
    assert_eq!((sent(&mut client).as_str(), client.offers()), ("EHLO relay.example\r\n", Offers::default()));
    client.feed(ALL.as_bytes()).unwrap();
    assert_eq!(sent(&mut client), "AUTH PLAIN AHdpbmtlbABnZWhlaW0=\r\n");
    client.feed(b"235 welcome\r\n").unwrap();
    assert_eq!(events(&mut client), [Event::Ready]);

    let mut client = Client::new(options(TlsWish::Required, false));
    client.feed(b"220 post\r\n250 STARTTLS\r\n").unwrap_err();
    let mut client = Client::new(options(TlsWish::Required, true));
    assert_eq!(client.feed(b"220 post\r\n250-p\r\n250 AUTH PLAIN\r\n"), Err(ClientError::NoTls));
    assert_eq!(sent(&mut client), "EHLO relay.example\r\n", "no password in the clear");
    let mut client = Client::new(options(TlsWish::Required, false));
    let injected = client.feed(b"220 post\r\n250-p\r\n250 STARTTLS\r\n220 go\r\n250 evil\r\n");
    assert_eq!(injected, Err(ClientError::OutOfStep));
    let mut client = Client::new(options(TlsWish::Required, false));
    let refused = client.feed(b"220 post\r\n250-p\r\n250 STARTTLS\r\n454 not now\r\n");
    assert!(matches!(refused, Err(ClientError::Refused { stage: Stage::StartTls, .. })), "{refused:?}");
}

#[test]
fn signing_in_works_both_ways_or_is_refused() {
    let mut client = Client::new(options(TlsWish::Already, true));
    client.feed(b"220 post\r\n250-p\r\n250 AUTH=LOGIN\r\n").unwrap();
    for (line, answer) in [
        ("EHLO relay.example\r\nAUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"),
        ("d2lua2Vs\r\n", "334 UGFzc3dvcmQ6\r\n"),
        ("Z2VoZWlt\r\n", "235 ok\r\n"),
    ] {
        assert_eq!(sent(&mut client), line);
        client.feed(answer.as_bytes()).unwrap();
    }
    assert_eq!(events(&mut client), [Event::Ready]);
    let refuse = |talk: &str| Client::new(options(TlsWish::Already, true)).feed(talk.as_bytes()).unwrap_err();
    assert_eq!(refuse("220 p\r\n250-p\r\n250 AUTH CRAM-MD5\r\n"), ClientError::NoLogin);
    let login = refuse("220 p\r\n250-p\r\n250 AUTH PLAIN\r\n535 5.7.8 no\r\n");
    assert!(matches!(login, ClientError::Refused { stage: Stage::Login, .. }), "{login:?}");
    assert!(!format!("{:?}", options(TlsWish::Already, true)).contains("geheim"));
}

#[test]
fn a_server_that_ends_the_talk_is_heard_at_any_moment() {
    let mut client = ready(ALL);
    client.feed(b"421 too idle\r\n").unwrap();
    assert_eq!(events(&mut client), [Event::Closed]);
    assert_eq!(client.begin(&mail(&TWO)), Err(ClientError::NotNow));
    let mut client = ready(ALL);
    client.begin(&mail(&TWO)).unwrap();
    client.feed(b"250 ok\r\n550 no\r\n421 4.3.2 down\r\n").unwrap();
    let said = events(&mut client);
    assert_eq!((codes(&said), said.last()), (vec![550, 421], Some(&Event::Closed)));
    for unwilling in ["554 no\r\n", "421 busy\r\n"] {
        let error = Client::new(options(TlsWish::Never, false)).feed(unwilling.as_bytes()).unwrap_err();
        assert!(matches!(error, ClientError::Refused { stage: Stage::Greeting, .. }), "{error:?}");
    }
    let mut client = ready(ALL);
    assert_eq!(client.feed(b"250 what\r\n"), Err(ClientError::OutOfStep));
    assert!(matches!(ready(ALL).feed(b"HTTP/1.1 200 OK\r\n"), Err(ClientError::Reply(_))));
}

fn dot(message: &[u8]) -> Vec<u8> {
    dotted(message).flatten().copied().collect()
}

#[test]
fn dots_are_doubled_at_the_beginning_of_lines_only() {
    for (message, wire) in [
        ("", "\r\n.\r\n"),
        ("a\r\n", "a\r\n.\r\n"),
        ("a", "a\r\n.\r\n"),
        (".\r\n", "..\r\n.\r\n"),
        ("a.b\r\n.c\r\n..\r\n", "a.b\r\n..c\r\n...\r\n.\r\n"),
        ("a\r\n.", "a\r\n..\r\n.\r\n"),
        ("\r\n.\r\n", "\r\n..\r\n.\r\n"),
    ] {
        assert_eq!(String::from_utf8(dot(message.as_bytes())).unwrap(), wire, "{message:?}");
    }
}

proptest! {
    #[test]
    fn what_a_server_undots_is_the_message(lines in proptest::collection::vec("[.a]{0,4}", 0..9)) {
        let message: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        let wire = String::from_utf8(dot(message.as_bytes())).unwrap();
        let mut back = String::new();
        for line in wire.split_inclusive("\r\n") {
            if line == ".\r\n" {
                break;
            }
            back.push_str(line.strip_prefix('.').unwrap_or(line));
        }
        let expected = if message.is_empty() { "\r\n".to_owned() } else { message };
        prop_assert_eq!(back, expected);
        prop_assert!(wire.ends_with("\r\n.\r\n"));
        prop_assert_eq!(wire.matches("\r\n.\r\n").count(), 1);
    }

    #[test]
    fn no_server_is_too_strange(talk in "([2-5][0-9][0-9][ -][ -~]{0,12}\r\n){0,12}", split in 1_usize..9) {
        let mut client = Client::new(options(TlsWish::Never, true));
        for piece in talk.as_bytes().chunks(split) {
            if client.feed(piece).is_err() {
                break;
            }
            if events(&mut client).contains(&Event::Ready) {
                client.begin(&mail(&TWO)).unwrap();
            }
        }
        prop_assert!(client.take_output().expose().len() < 4_096);
    }

    #[test]
    fn a_talk_in_pieces_ends_the_same(split in 1_usize..40, codes in proptest::collection::vec(prop::sample::select(vec![250_u16, 450, 550, 354]), 4)) {
        let talk: String = codes.iter().map(|code| format!("{code} x\r\n")).collect();
        let run = |split: usize| {
            let mut client = ready(ALL);
            client.begin(&mail(&TWO)).unwrap();
            let mut said = Vec::new();
            for piece in talk.as_bytes().chunks(split) {
                if client.feed(piece).is_err() {
                    break;
                }
                said.extend(events(&mut client));
            }
            (said, client.take_output().into_exposed())
        };
        prop_assert_eq!(run(split), run(talk.len()));
    }
}
