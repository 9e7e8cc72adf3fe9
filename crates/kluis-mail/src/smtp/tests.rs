//! Talks with the server's side of SMTP: what clients do, what attackers try, and that splitting changes nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// A recipient that the tests refuse.
const NOBODY: &str = "niemand@winkel.example";
/// The secret that the tests accept.
const SECRET: &str = "goed";

fn options(protection: Protection, login: LoginRule) -> SessionOptions {
    SessionOptions {
        hostname: "post.winkel.example".into(),
        protection,
        login,
        message_bytes_max: 2000,
        line_bytes_max: 1000,
        recipients_max: 3,
        errors_max: 10,
        offers_dsn: false,
    }
}

fn usual() -> SessionOptions {
    options(Protection::StartTls, LoginRule::Never)
}

/// A session with what it said and what happened.
struct Talk {
    session: Session,
    said: String,
    events: Vec<String>,
}

impl Talk {
    fn new(options: SessionOptions) -> Self {
        let mut talk = Self { session: Session::new(options), said: String::new(), events: Vec::new() };
        talk.poll();
        talk
    }

    /// Pushes bytes and gives what the server said to them.
    fn say(&mut self, bytes: &[u8]) -> String {
        let before = self.said.len();
        self.session.push(bytes);
        self.poll();
        self.said[before..].to_owned()
    }

    /// The codes of the replies to lines, each said alone.
    fn codes(&mut self, lines: &[&str]) -> Vec<u16> {
        lines
            .iter()
            .map(|line| {
                let said = self.say(format!("{line}\r\n").as_bytes());
                let last = said.lines().last().unwrap_or_else(|| panic!("no answer to {line}"));
                last[..3].parse().unwrap()
            })
            .collect()
    }

    fn poll(&mut self) {
        while let Some(event) = self.session.poll() {
            match event {
                Event::StartTls => {
                    self.events.push("tls".into());
                    self.hear();
                    self.session.tls_began();
                }
                Event::SignIn(sign_in) => {
                    self.events.push(format!("sign in {}", sign_in.user.expose()));
                    self.session.answer(match sign_in.secret.expose() == SECRET {
                        true => Reply::new(235, (2, 7, 0), "Ok"),
                        false => Reply::new(535, (5, 7, 8), "No"),
                    });
                }
                Event::Sender(sender) => {
                    self.events.push(format!("from {}", sender.address.as_ref().map_or("", Address::expose)));
                    self.session.answer(Reply::new(250, (2, 1, 0), "Ok"));
                }
                Event::Recipient(recipient) => {
                    let text = recipient.address.as_ref().map_or("postmaster", Address::expose);
                    self.events.push(format!("to {text}"));
                    self.session.answer(match text == NOBODY {
                        true => Reply::new(550, (5, 1, 1), "No"),
                        false => Reply::new(250, (2, 1, 5), "Ok"),
                    });
                }
                Event::Data => {
                    self.events.push("data".into());
                    self.session.answer(Reply::plain(354, "Go on"));
                }
                Event::Message(message) => {
                    let to = self.session.recipients().iter().filter_map(|to| to.address.as_ref());
                    let to = to.map(Address::expose).collect::<Vec<_>>().join(",");
                    self.events.push(format!("message to {to}: {}", String::from_utf8_lossy(&message)));
                    self.session.answer(Reply::new(250, (2, 0, 0), "Kept"));
                }
            }
        }
        self.hear();
    }

    fn hear(&mut self) {
        self.said.push_str(&String::from_utf8(self.session.take_output()).unwrap());
    }
}

#[test]
fn a_message_is_taken() {
    let mut talk = Talk::new(usual());
    assert_eq!(talk.said, "220 post.winkel.example ESMTP Klantkluis\r\n");
    assert_eq!(
        talk.say(b"EHLO client.example\r\n"),
        "250-post.winkel.example\r\n250-PIPELINING\r\n250-SIZE 2000\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n\
         250-CHUNKING\r\n250 STARTTLS\r\n"
    );
    let codes =
        talk.codes(&["MAIL FROM:<a@b.example> SIZE=20 BODY=8BITMIME", "RCPT TO:<c@winkel.example>", "DATA"]);
    assert_eq!(codes, [250, 250, 354]);
    assert_eq!(talk.say(b"Subject: x\r\n\r\n..y\r\n.\r\n"), "250 2.0.0 Kept\r\n");
    assert_eq!(talk.codes(&["QUIT"]), [221]);
    assert!(talk.session.is_closed());
    assert_eq!(
        talk.events,
        [
            "from a@b.example",
            "to c@winkel.example",
            "data",
            "message to c@winkel.example: Subject: x\r\n\r\n.y\r\n"
        ]
    );
}

#[test]
fn commands_that_were_sent_ahead_are_answered_in_order() {
    let mut talk = Talk::new(usual());
    let said = talk.say(
        b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<niemand@winkel.example>\r\nRCPT TO:<c@winkel.example>\r\nDATA\r\n\
          x\r\n.\r\nMAIL FROM:<d@b.example>\r\nRSET\r\nNOOP\r\nQUIT\r\n",
    );
    let codes: Vec<&str> =
        said.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "550", "250", "354", "250", "250", "250", "250", "221"]);
    assert_eq!(talk.say(b"NOOP\r\n"), "", "nothing is said after QUIT");
}

#[test]
fn the_order_of_commands_is_kept() {
    let mut talk = Talk::new(usual());
    assert_eq!(
        talk.codes(&["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "BDAT 0 LAST"]),
        [503; 4]
    );
    assert_eq!(talk.codes(&["HELO c", "DATA", "MAIL FROM:<a@b.example>", "DATA"]), [250, 503, 250, 554]);
    assert_eq!(
        talk.codes(&["MAIL FROM:<a@b.example>", "RCPT TO:<niemand@winkel.example>", "DATA"]),
        [503, 550, 554]
    );
    // A new EHLO forgets the message.
    assert_eq!(talk.codes(&["EHLO c", "RCPT TO:<c@d.example>"]), [250, 503]);
    let mut talk = Talk::new(usual());
    assert_eq!(talk.codes(&["EHLO c", "MAIL FROM:<a@b.example> SIZE=2001"]), [250, 552]);
    assert_eq!(talk.codes(&["VRFY a", "EXPN a", "HELP", "AUTH PLAIN AGEAYg=="]), [252, 502, 214, 502]);
}

#[test]
fn the_postmaster_is_asked_for() {
    let mut talk = Talk::new(usual());
    talk.codes(&["EHLO c", "MAIL FROM:<>", "RCPT TO:<Postmaster>", "DATA"]);
    assert_eq!(talk.say(b"x\r\n.\r\n"), "250 2.0.0 Kept\r\n");
    assert_eq!(talk.events[1], "to postmaster");
}

#[test]
fn reports_of_delivery_are_offered_or_refused() {
    let lines = ["EHLO c", "MAIL FROM:<a@b.example> ENVID=1", "RCPT TO:<c@winkel.example> NOTIFY=NEVER"];
    let mut with = Talk::new(SessionOptions { offers_dsn: true, ..usual() });
    assert_eq!(with.codes(&lines), [250, 250, 250]);
    assert!(with.said.contains("250-DSN\r\n"));
    let mut without = Talk::new(usual());
    assert_eq!(without.codes(&lines), [250, 555, 503]);
    assert_eq!(without.codes(&["MAIL FROM:<a@b.example>", lines[2]]), [250, 555]);
    assert!(!without.said.contains("DSN\r\n"));
}

#[test]
fn too_many_recipients_are_put_off_and_too_many_mistakes_end_the_talk() {
    let mut talk = Talk::new(usual());
    let to = "RCPT TO:<c@winkel.example>";
    assert_eq!(
        talk.codes(&["EHLO c", "MAIL FROM:<>", to, to, to, to, to]),
        [250, 250, 250, 250, 250, 452, 452]
    );
    let wrong = "RCPT TO:<niemand@winkel.example>";
    let mut talk = Talk::new(usual());
    talk.codes(&["EHLO c", "MAIL FROM:<>"]);
    let said = talk.say(format!("{wrong}\r\n").repeat(12).as_bytes());
    assert_eq!(said.lines().count(), 12, "11 refusals and the end");
    assert!(said.ends_with("421 4.7.0 Too many errors.\r\n") && talk.session.is_closed());
    let mut talk = Talk::new(usual());
    let said = talk.say(&b"NOOP\r\n".repeat(200));
    assert_eq!((said.lines().count(), talk.session.is_closed()), (101, true));
}

#[test]
fn lines_are_bounded_and_end_with_cr_lf() {
    let mut talk = Talk::new(usual());
    for _ in 0..3 {
        assert_eq!(talk.say(&[b'x'; 1500]), "");
    }
    assert!(talk.say(b"\r\nNOOP\r\n").starts_with("500 5.5.2 This line is too long.\r\n250"));
    assert_eq!(talk.codes(&[&"x".repeat(2100), &"N".repeat(2000)]), [500, 500]);
    assert!(talk.say(b"NOOP\n").starts_with("500 5.5.2 A line ends with CR LF."));
    assert!(talk.say(b"NO\rOP\r\n").starts_with("501"));
    assert!(talk.say(b"NO\0OP\r\n").starts_with("501"));
}

#[test]
fn a_browser_or_a_tls_client_is_sent_away_at_once() {
    for bytes in [
        &b"POST / HTTP/1.1\r\nHost: localhost:2525\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.example>\r\n"[..],
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x00\n\r\n",
        b"EHLO x\r\nCONNECT elders.example:25 HTTP/1.1\r\n",
    ] {
        let mut talk = Talk::new(options(Protection::Loopback { offers_tls: false }, LoginRule::May));
        talk.say(bytes);
        assert!(talk.session.is_closed() && talk.events.is_empty(), "{bytes:?}");
    }
}

#[test]
fn what_came_before_tls_is_thrown_away() {
    let mut talk = Talk::new(usual());
    talk.codes(&["EHLO c", "MAIL FROM:<a@b.example>"]);
    // The injection of CVE-2011-0411: commands in the same packet as STARTTLS.
    let said =
        talk.say(b"STARTTLS\r\nEHLO x\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<c@winkel.example>\r\n");
    assert_eq!(said, "220 2.0.0 Begin TLS.\r\n");
    assert_eq!(talk.events, ["from a@b.example", "tls"]);
    assert!(talk.session.sender().is_none() && talk.session.is_protected());
    assert_eq!(talk.codes(&["MAIL FROM:<a@b.example>"]), [503], "EHLO is wanted anew");
    let said = talk.say(b"EHLO c\r\n");
    assert!(!said.contains("STARTTLS"), "{said}");
    assert_eq!(talk.codes(&["STARTTLS"]), [503]);
    let mut without = Talk::new(options(Protection::None, LoginRule::Never));
    assert_eq!(without.codes(&["EHLO c", "STARTTLS"]), [250, 502]);
    assert!(!without.said.contains("STARTTLS"));
}

#[test]
fn nobody_signs_in_in_the_clear() {
    // AGEAZ29lZA==: NUL a NUL goed.
    let mut talk = Talk::new(options(Protection::StartTls, LoginRule::Must));
    let said = talk.say(b"EHLO c\r\n");
    assert!(!said.contains("AUTH"), "{said}");
    assert_eq!(talk.codes(&["AUTH PLAIN AGEAZ29lZA==", "MAIL FROM:<a@b.example>"]), [538, 530]);
    talk.say(b"STARTTLS\r\n");
    let said = talk.say(b"EHLO c\r\n");
    assert!(said.contains("250 AUTH PLAIN LOGIN"), "{said}");
    assert_eq!(talk.codes(&["MAIL FROM:<a@b.example>", "AUTH PLAIN AGEAZ29lZA=="]), [530, 235]);
    assert_eq!(talk.codes(&["AUTH PLAIN AGEAZ29lZA==", "MAIL FROM:<a@b.example>"]), [503, 250]);
    let mut none = Talk::new(options(Protection::None, LoginRule::Must));
    assert_eq!(
        none.codes(&["EHLO c", "AUTH PLAIN AGEAZ29lZA==", "MAIL FROM:<a@b.example>"]),
        [250, 538, 530]
    );
}

#[test]
fn both_ways_of_signing_in_work_and_wrong_ones_do_not() {
    let may = || Talk::new(options(Protection::Loopback { offers_tls: true }, LoginRule::May));
    let mut talk = may();
    assert_eq!(talk.codes(&["EHLO c", "AUTH PLAIN", "AGEAZ29lZA=="]), [250, 334, 235]);
    let mut talk = may();
    assert_eq!(talk.codes(&["EHLO c", "AUTH LOGIN", "YQ==", "Z29lZA=="]), [250, 334, 334, 235]);
    let mut talk = may();
    assert_eq!(talk.codes(&["EHLO c", "AUTH LOGIN YQ==", "Z29lZA=="]), [250, 334, 235]);
    let mut talk = may();
    // YQBhAGdvZWQ=: a NUL a NUL goed; YgBhAGdvZWQ=: on behalf of b; AGEA: an empty secret.
    assert_eq!(talk.codes(&["EHLO c", "AUTH PLAIN YgBhAGdvZWQ=", "AUTH PLAIN AGEA"]), [250, 501, 501]);
    assert_eq!(talk.codes(&["AUTH PLAIN !!", "AUTH PLAIN", "*", "AUTH PLAIN ="]), [501, 334, 501, 501]);
    assert_eq!(talk.codes(&["AUTH PLAIN YQBhAGdvZWQ="]), [235]);
    let mut talk = may();
    assert_eq!(
        talk.codes(&["EHLO c", "AUTH PLAIN AGEAZm91dA==", "AUTH PLAIN AGEAZm91dA=="]),
        [250, 535, 535]
    );
    assert!(talk.say(b"AUTH PLAIN AGEAZm91dA==\r\n").ends_with("421 4.7.0 Too many sign-ins failed.\r\n"));
    assert!(talk.session.is_closed());
    let debug = format!("{:?}", SignIn { user: "noor".into(), secret: "geheim".to_owned().into() });
    assert_eq!(debug, "SignIn(***)");
}

#[test]
fn smuggled_commands_are_never_heard() {
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r.\r", "\r\n.\r"] {
        let mut talk = Talk::new(usual());
        talk.codes(&["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<c@winkel.example>", "DATA"]);
        let said = talk.say(
            format!("Subject: x\r\n\r\ny{end}MAIL FROM:<evil@b.example>\r\nRCPT TO:<c@winkel.example>\r\nDATA\r\nz\r\n.\r\n")
                .as_bytes(),
        );
        assert!(said.starts_with("550 5.6.0") && said.lines().count() == 1, "{end:?}: {said}");
        assert!(talk.session.is_closed());
        assert_eq!(talk.events.len(), 3, "{end:?}: {:?}", talk.events);
    }
}

#[test]
fn messages_that_are_wrong_are_refused_and_the_talk_goes_on() {
    for (message, says) in [
        ("x\0y\r\n".to_owned(), "550 5.6.0"),
        (format!("{}\r\n", "x".repeat(999)), "550 5.6.0"),
        ("x\r\n".repeat(700), "552 5.3.4"),
    ] {
        let mut talk = Talk::new(usual());
        talk.codes(&["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<c@winkel.example>", "DATA"]);
        assert!(talk.say(format!("{message}.\r\n").as_bytes()).starts_with(says), "{says}");
        assert_eq!(talk.codes(&["MAIL FROM:<a@b.example>"]), [250]);
        assert!(!talk.events.iter().any(|event| event.starts_with("message")));
    }
}

#[test]
fn a_message_comes_in_chunks() {
    let mut talk = Talk::new(usual());
    let said = talk.say(
        b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@winkel.example>\r\nBDAT 6\r\na\r\n.\r\nBDAT 3\r\nb\r\nBDAT 3 LAST\r\nQUI\
          QUIT\r\n",
    );
    let tail: Vec<&str> = said.lines().rev().take(4).collect();
    assert_eq!(
        tail,
        ["221 2.0.0 Tot ziens.", "250 2.0.0 Kept", "250 2.0.0 3 octets taken.", "250 2.0.0 6 octets taken."]
    );
    assert_eq!(talk.events.last().unwrap(), "message to c@winkel.example: a\r\n.\r\nb\r\nQUI\r\n");
}

#[test]
fn a_chunk_that_is_refused_is_not_read_as_commands() {
    let evil = "MAIL FROM:<evil@b.example>\r\n";
    let octets = evil.len();
    for (before, code) in [
        (vec!["EHLO c"], "503"),
        (vec!["EHLO c", "MAIL FROM:<a@b.example>"], "554"),
        (vec!["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<niemand@winkel.example>"], "554"),
    ] {
        let mut talk = Talk::new(usual());
        talk.codes(&before);
        let events = talk.events.len();
        let said = talk.say(format!("BDAT {octets} LAST\r\n{evil}NOOP\r\n").as_bytes());
        assert!(said.starts_with(code) && said.ends_with("250 2.0.0 Ok.\r\n"), "{said}");
        assert_eq!(talk.events.len(), events);
    }
    let ready = ["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<c@winkel.example>"];
    let mut talk = Talk::new(usual());
    talk.codes(&ready);
    assert!(talk.say(b"BDAT 2001 LAST\r\n").is_empty());
    assert!(talk.say(&[b'x'; 2001]).starts_with("552 5.3.4"));
    assert_eq!(talk.codes(&["BDAT 0 LAST", "DATA", "RSET"]), [503, 503, 250]);
    let mut talk = Talk::new(usual());
    talk.codes(&ready);
    assert!(talk.say(b"BDAT 3\r\na\nb").starts_with("550 5.6.0"));
    assert!(talk.say(b"BDAT 3 LAST\r\nabc").starts_with("503"));
    let mut talk = Talk::new(usual());
    talk.codes(&ready);
    assert!(talk.say(b"BDAT 3\r\nabc").starts_with("250"));
    assert_eq!(talk.codes(&["DATA", "RCPT TO:<d@winkel.example>", "BDAT 999999999"]), [503, 503, 552]);
    assert!(talk.session.is_closed(), "nobody waits for that");
}

#[test]
fn a_message_can_be_let_go_and_a_talk_be_ended() {
    let mut talk = Talk::new(usual());
    talk.codes(&["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<c@winkel.example>", "DATA"]);
    talk.say(&b"x\r\n".repeat(100));
    assert!(talk.session.held_bytes() >= 300 && talk.session.is_reading() && !talk.session.is_idle());
    talk.session.drop_message();
    assert_eq!(talk.session.held_bytes(), 0);
    assert!(talk.say(b"x\r\n.\r\n").starts_with("452 4.3.1"));
    assert!(talk.session.is_idle());
    talk.session.close(&Reply::new(421, (4, 3, 2), "Stopping."));
    assert_eq!(talk.say(b"NOOP\r\n"), "421 4.3.2 Stopping.\r\n");
    assert!(talk.session.is_closed() && talk.session.poll().is_none());
}

/// Parts of talks, good and bad, in any order.
fn talks() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop_oneof![
        Just(&b"EHLO c\r\n"[..]),
        Just(&b"MAIL FROM:<a@b.example>\r\n"[..]),
        Just(&b"MAIL FROM:<a@b.example> SIZE=99999\r\n"[..]),
        Just(&b"RCPT TO:<c@winkel.example>\r\n"[..]),
        Just(&b"RCPT TO:<niemand@winkel.example>\r\n"[..]),
        Just(&b"DATA\r\n"[..]),
        Just(&b"Subject: x\r\n\r\ntekst\r\n.\r\n"[..]),
        Just(&b".\r\n"[..]),
        Just(&b"a\nb\r\n"[..]),
        Just(&b"\n.\n"[..]),
        Just(&b"BDAT 5\r\nab\r\nc"[..]),
        Just(&b"BDAT 2 LAST\r\nxy"[..]),
        Just(&b"BDAT 9 LAST\r\n"[..]),
        Just(&b"AUTH PLAIN AGEAZ29lZA==\r\n"[..]),
        Just(&b"AUTH LOGIN\r\nYQ==\r\nZ29lZA==\r\n"[..]),
        Just(&b"RSET\r\n"[..]),
        Just(&b"NOOP\n"[..]),
        Just(&b"\0\xff\r"[..]),
        Just(&[b'x'; 700][..]),
        Just(&b"QUIT\r\n"[..]),
    ];
    proptest::collection::vec(lines, 0..40).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn splitting_the_input_changes_nothing(bytes in talks(), cuts in proptest::collection::vec(0_usize..3000, 0..30)) {
        let begin = || Talk::new(options(Protection::Loopback { offers_tls: false }, LoginRule::May));
        let mut whole = begin();
        whole.say(&bytes);
        let mut parts = begin();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            parts.say(&bytes[pair[0]..pair[1]]);
        }
        prop_assert_eq!(&parts.events, &whole.events);
        prop_assert_eq!(&parts.said, &whole.said);
        prop_assert_eq!(parts.session.is_closed(), whole.session.is_closed());
    }

    #[test]
    fn no_bytes_are_too_strange(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..8)) {
        let mut talk = Talk::new(usual());
        for piece in pieces {
            talk.say(&piece);
            prop_assert!(talk.session.held_bytes() <= 8192);
        }
    }
}
