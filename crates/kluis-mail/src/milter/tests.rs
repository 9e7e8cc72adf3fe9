//! Sessions as Postfix holds them, hostile frames, and whatever bytes.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// Everything that Postfix 3.7 offers.
const OFFERED: u32 = 0x1f_ffff;

fn rules() -> MilterRules {
    let network = "192.0.2.0/24".parse().unwrap();
    MilterRules { internal: vec![network], own_name: "Mail.winkel.test".into(), message_bytes_max: 100_000 }
}

fn frame(letter: u8, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, letter, &[data]);
    out
}

fn offer(version: u32, actions: u32, steps: u32) -> Vec<u8> {
    frame(b'O', [version.to_be_bytes(), actions.to_be_bytes(), steps.to_be_bytes()].as_flattened())
}

fn connect(address: &str) -> Vec<u8> {
    let family = if address.contains(':') { '6' } else { '4' };
    let prefix = if family == '6' { "IPv6:" } else { "" };
    frame(b'C', format!("klant.test\0{family}\0\u{19}{prefix}{address}\0").as_bytes())
}

fn header(name: &str, value: &str) -> Vec<u8> {
    frame(b'L', format!("{name}\0{value}\0").as_bytes())
}

/// What a session does with frames: letters it sends, `!` for signing, `.` for closing.
struct Talk {
    session: MilterSession,
    said: Vec<u8>,
    letters: String,
}

impl Talk {
    fn new(steps: u32) -> Self {
        let mut talk =
            Self { session: MilterSession::new(rules()), said: Vec::new(), letters: String::new() };
        talk.hear(&offer(6, 0x1ff, steps));
        assert_eq!(talk.letters, "O");
        talk.letters.clear();
        talk
    }

    /// In pieces of three bytes, so that frames are always cut.
    fn hear(&mut self, bytes: &[u8]) {
        self.try_hear(bytes).unwrap();
    }

    fn try_hear(&mut self, bytes: &[u8]) -> Result<(), MilterError> {
        for piece in bytes.chunks(3) {
            self.session.feed(piece);
            while let Some(event) = self.session.poll()? {
                match event {
                    MilterEvent::Send(bytes) => self.note(&bytes),
                    MilterEvent::Sign => self.letters.push('!'),
                    MilterEvent::Close => self.letters.push('.'),
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, answer: MilterAnswer<'_>) {
        let bytes = self.session.answer(answer);
        self.note(&bytes);
    }

    fn note(&mut self, bytes: &[u8]) {
        self.said = bytes.to_vec();
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            self.letters.push(char::from(rest[4]));
            rest = &rest[4 + length..];
        }
    }

    /// Sends a message of two body pieces up to its end.
    fn message(&mut self, results: &str) {
        self.hear(&frame(b'M', b"<a@winkel.test>\0"));
        self.hear(&frame(b'R', b"<b@voorbeeld.test>\0"));
        self.hear(&header("From", " a@winkel.test"));
        self.hear(&header("Subject", " een\n twee"));
        if !results.is_empty() {
            self.hear(&header("authentication-results", results));
        }
        self.hear(&frame(b'N', b""));
        if self.session.mail.is_some() {
            self.hear(&frame(b'B', b"een\r\n"));
            self.hear(&frame(b'B', b"twee\r\n"));
            self.hear(&frame(b'E', b""));
        }
    }
}

fn macros(of: u8, list: &str) -> Vec<u8> {
    frame(b'D', &[&[of], list.as_bytes()].concat())
}

#[test]
fn mail_of_the_shop_is_signed_and_others_mail_is_not() {
    for (address, list, is_signed) in [
        ("192.0.2.7", "", true),
        ("::ffff:192.0.2.7", "", true),
        ("203.0.113.9", "", false),
        ("127.0.0.1", "", false),
        ("203.0.113.9", "{auth_type}\0PLAIN\0{auth_authen}\0noor\0", true),
        ("203.0.113.9", "{auth_authen}\0\0", false),
        ("203.0.113.9", "i\0A1\0{auth_authen", false),
        ("no address", "", false),
    ] {
        let mut talk = Talk::new(OFFERED);
        talk.hear(&macros(b'C', "j\0mx.winkel.test\0{daemon_name}\0smtpd\0"));
        talk.hear(&connect(address));
        talk.hear(&macros(b'M', list));
        talk.message("");
        assert_eq!(talk.letters, if is_signed { "ccc!" } else { "a" }, "{address} {list}");
        if is_signed {
            let wanted = b"From: a@winkel.test\r\nSubject: een\r\n twee\r\n\r\neen\r\ntwee\r\n";
            assert_eq!(talk.session.message(), wanted);
            assert_eq!(talk.session.recipients().collect::<Vec<_>>(), [b"<b@voorbeeld.test>"]);
            talk.answer(MilterAnswer::Signed(
                b"DKIM-Signature: v=1;\r\n\tb=A\r\nDKIM-Signature: v=1; b=B\r\n",
            ));
            let added = |value: &str| frame(b'i', format!("\0\0\0\0DKIM-Signature\0{value}\0").as_bytes());
            let wanted = [added(" v=1; b=B"), added(" v=1;\n\tb=A"), frame(b'c', b"")].concat();
            assert_eq!(talk.said, wanted);
        }
    }
}

#[test]
fn mail_that_begins_here_by_the_name_of_its_daemon_or_by_a_local_socket_is_the_shops() {
    for (connect, name, is_signed) in [
        (connect("203.0.113.9"), "ORIGINATING", true),
        (connect("203.0.113.9"), "originating", false),
        (frame(b'C', b"localhost\0L\0\0/run/x\0"), "x", true),
        (frame(b'C', b"unknown\0U"), "x", false),
    ] {
        let mut talk = Talk::new(OFFERED);
        talk.hear(&macros(b'C', &format!("{{daemon_name}}\0{name}\0")));
        talk.hear(&connect);
        talk.message("");
        assert_eq!(talk.letters.contains('!'), is_signed, "{name}");
    }
}

#[test]
fn without_networks_only_this_machine_is_the_shops() {
    for (address, is) in [("127.0.0.1", true), ("::1", true), ("10.0.0.1", false), ("192.0.2.7", false)] {
        let mut session = MilterSession::new(MilterRules { internal: Vec::new(), ..rules() });
        session.feed(&[offer(6, 0x1ff, OFFERED), connect(address), frame(b'M', b"<>\0")].concat());
        while session.poll().unwrap().is_some() {}
        assert_eq!(session.mail.unwrap().is_ours, is, "{address}");
    }
}

#[test]
fn signing_in_counts_for_one_message_only() {
    let mut talk = Talk::new(OFFERED);
    talk.hear(&connect("203.0.113.9"));
    talk.hear(&macros(b'M', "{auth_authen}\0noor\0"));
    talk.message("");
    talk.answer(MilterAnswer::Unsigned);
    assert_eq!(talk.letters, "ccc!c");
    talk.letters.clear();
    talk.hear(&macros(b'M', "i\0A2\0"));
    talk.message("");
    assert_eq!(talk.letters, "a");
    talk.letters.clear();
    talk.message("");
    assert_eq!(talk.letters, "a", "a server that sends no macros");
    talk.letters.clear();
    // Another client on the same connection.
    talk.hear(&frame(b'A', b""));
    talk.hear(&macros(b'C', "{daemon_name}\0ORIGINATING\0"));
    talk.hear(&frame(b'K', b""));
    talk.hear(&connect("203.0.113.9"));
    talk.message("");
    assert_eq!(talk.letters, "a");
    talk.hear(&frame(b'Q', b""));
    assert_eq!(talk.letters, "a.");
}

#[test]
fn results_that_claim_to_be_ours_are_taken_away() {
    for (value, is_forged) in [
        (" mail.winkel.test; spf=pass", true),
        (" MX.Winkel.test;\n\tdkim=pass", true),
        ("(a (b) \\) c) mail.winkel.test 1; none", true),
        (" \"mail.winkel.\\test\"; spf=pass", true),
        (" mail.winkel.test.; spf=pass", true),
        (" mail.winkel.test/1; spf=pass", true),
        (" mail.winkel.test(x); spf=pass", true),
        (" mx.elders.test; spf=pass", false),
        (" xmail.winkel.test; spf=pass", false),
        (" ; mail.winkel.test", false),
        ("", false),
        (" \"mail.winkel.test", true),
        ("((((", false),
    ] {
        let mut talk = Talk::new(OFFERED);
        talk.hear(&macros(b'C', "j\0mx.winkel.test\0"));
        talk.hear(&connect("203.0.113.9"));
        talk.message(if value.is_empty() { " " } else { value });
        // After the header nothing of the body is wanted.
        assert_eq!(talk.letters, if is_forged { "cssmc" } else { "a" }, "{value}");
        if is_forged {
            let taken = frame(b'm', b"\0\0\0\x01Authentication-Results\0\0");
            assert_eq!(talk.said, [taken, frame(b'c', b"")].concat());
        }
    }
    let mut talk = Talk::new(OFFERED);
    talk.hear(&connect("192.0.2.7"));
    talk.hear(&frame(b'M', b"<>\0"));
    for value in [" mail.winkel.test; a=b", " elders.test; a=b", " mail.winkel.test; c=d"] {
        talk.hear(&header("Authentication-Results", value));
    }
    talk.hear(&[frame(b'N', b""), frame(b'E', b"x\r\n")].concat());
    assert!(talk.session.message().ends_with(b"\r\n\r\nx\r\n"));
    talk.answer(MilterAnswer::Signed(b"DKIM-Signature: x\r\n"));
    assert_eq!(talk.letters, "c!mmic");
    assert_eq!(talk.said[4..9], [b'm', 0, 0, 0, 3], "the last one first");
}

#[test]
fn an_older_server_that_wants_every_answer_gets_them() {
    let mut talk = Talk::new(0);
    talk.hear(&connect("192.0.2.7"));
    talk.hear(&frame(b'H', b"klant.test\0"));
    talk.hear(&frame(b'M', b"<>\0"));
    talk.hear(&frame(b'R', b"<a@b.test>\0"));
    talk.hear(&frame(b'T', b""));
    talk.hear(&header("From", "a@winkel.test"));
    talk.hear(&[frame(b'N', b""), frame(b'B', b"x\r\n"), frame(b'E', b"")].concat());
    assert_eq!(talk.letters, "cccccccc!");
    assert_eq!(talk.session.message(), b"From: a@winkel.test\r\n\r\nx\r\n");
    talk.answer(MilterAnswer::Signed(b"DKIM-Signature: v=1\r\n"));
    assert_eq!(talk.said, [frame(b'i', b"\0\0\0\0DKIM-Signature\0v=1\0"), frame(b'c', b"")].concat());
    talk.letters.clear();
    talk.hear(&connect("203.0.113.9"));
    talk.hear(&[frame(b'M', b"<>\0"), header("Authentication-Results", "mail.winkel.test; x")].concat());
    talk.hear(&[frame(b'N', b""), frame(b'B', b"x"), frame(b'E', b"")].concat());
    assert_eq!(talk.letters, "cccccmc", "no skipping either");
}

#[test]
fn without_keys_it_must_come_again_and_what_is_too_large_is_refused() {
    let mut talk = Talk::new(OFFERED);
    talk.hear(&connect("192.0.2.7"));
    talk.message("");
    talk.answer(MilterAnswer::Later);
    assert_eq!(talk.letters, "ccc!t");
    talk.letters.clear();
    talk.hear(&[frame(b'M', b"<>\0"), frame(b'N', b"")].concat());
    let piece = frame(b'B', &[b'x'; 60_000]);
    talk.hear(&piece);
    talk.hear(&piece);
    talk.hear(&piece);
    assert_eq!(talk.session.mail.as_ref().unwrap().bytes.capacity(), 0, "nothing of it is kept");
    talk.hear(&frame(b'E', b""));
    assert_eq!(talk.letters, "ccssy");
    assert!(talk.said.ends_with(b"552 5.3.4 Message too large to be signed\0"));
    talk.letters.clear();
    talk.hear(&frame(b'M', b"<>\0"));
    for _ in 0..=FIELDS_MAX {
        talk.hear(&header("X", ""));
    }
    talk.hear(&[frame(b'N', b""), frame(b'E', b"")].concat());
    assert_eq!(talk.letters, "cy");
}

#[test]
fn without_room_it_must_come_again_and_the_next_message_is_whole() {
    let mut talk = Talk::new(OFFERED);
    talk.hear(&connect("192.0.2.7"));
    talk.session.give_up();
    talk.hear(&[frame(b'M', b"<>\0"), header("From", " a@winkel.test"), frame(b'N', b"")].concat());
    talk.hear(&frame(b'B', &[b'x'; 50_000]));
    assert!(talk.session.held_bytes() >= 50_000 && !talk.session.is_between_messages());
    talk.session.give_up();
    assert_eq!(talk.session.held_bytes(), 0);
    talk.hear(&[frame(b'B', b"x"), frame(b'E', b"")].concat());
    assert_eq!(talk.letters, "ccst");
    assert!(talk.session.is_between_messages());
    talk.letters.clear();
    talk.message("");
    assert_eq!(talk.letters, "ccc!");
}

#[test]
fn what_is_not_this_protocol_ends_the_session() {
    let good = offer(6, 0x1ff, OFFERED);
    for (bytes, wanted) in [
        (b"GET / HTTP/1.1\r\n".to_vec(), MilterError::Length),
        (b"\0\0\0\0".to_vec(), MilterError::Length),
        (b"\xff\xff\xff\xff".to_vec(), MilterError::Length),
        (0x0010_0001_u32.to_be_bytes().to_vec(), MilterError::Length),
        (frame(b'Z', b""), MilterError::Unknown { letter: b'Z' }),
        (frame(0, b""), MilterError::Unknown { letter: 0 }),
        (frame(b'O', b"\0\0\0\x06\0\0\x01\xff\0\0\0"), MilterError::Frame { letter: b'O' }),
        (offer(1, 0x1ff, OFFERED), MilterError::Unable),
        (offer(6, 0x01, OFFERED), MilterError::Unable),
        (connect("127.0.0.1"), MilterError::Order),
        (frame(b'M', b"<>\0"), MilterError::Order),
        ([good.clone(), good.clone()].concat(), MilterError::Order),
        ([good.clone(), frame(b'D', b"")].concat(), MilterError::Frame { letter: b'D' }),
        ([good.clone(), frame(b'C', b"name")].concat(), MilterError::Frame { letter: b'C' }),
        ([good.clone(), frame(b'C', b"name\0")].concat(), MilterError::Frame { letter: b'C' }),
        ([good.clone(), frame(b'C', b"name\0X")].concat(), MilterError::Frame { letter: b'C' }),
        ([good.clone(), frame(b'C', b"name\x004\0")].concat(), MilterError::Frame { letter: b'C' }),
        ([good.clone(), frame(b'C', b"n\x004\0\0\xff\xff\0")].concat(), MilterError::Frame { letter: b'C' }),
        ([good.clone(), frame(b'C', b"n\x004\0\x19192.0.2.1")].concat(), MilterError::Frame { letter: b'C' }),
        ([good.clone(), header("From", "x")].concat(), MilterError::Order),
        ([good.clone(), frame(b'N', b"")].concat(), MilterError::Order),
        ([good.clone(), frame(b'B', b"x")].concat(), MilterError::Order),
        ([good.clone(), frame(b'E', b"")].concat(), MilterError::Order),
        ([good.clone(), frame(b'R', b"<a@b.test>\0")].concat(), MilterError::Order),
        ([good.clone(), frame(b'M', b"\0"), frame(b'B', b"x")].concat(), MilterError::Order),
        ([good.clone(), frame(b'M', b"\0"), frame(b'R', b"x")].concat(), MilterError::Frame { letter: b'R' }),
        (
            [good.clone(), frame(b'M', b"\0"), frame(b'L', b"x\0")].concat(),
            MilterError::Frame { letter: b'L' },
        ),
        (
            [good.clone(), frame(b'M', b"\0"), frame(b'L', b"x\0y\0z")].concat(),
            MilterError::Frame { letter: b'L' },
        ),
        (
            [good.clone(), connect("192.0.2.1"), frame(b'M', b"\0"), frame(b'N', b""), frame(b'N', b"")]
                .concat(),
            MilterError::Order,
        ),
        (
            [good, connect("192.0.2.1"), frame(b'M', b"\0"), frame(b'N', b""), header("a", "b")].concat(),
            MilterError::Order,
        ),
    ] {
        let mut session = MilterSession::new(rules());
        session.feed(&bytes);
        let mut ended = session.poll();
        while let Ok(Some(_)) = ended {
            ended = session.poll();
        }
        assert_eq!(ended, Err(wanted), "{bytes:?}");
    }
}

#[test]
fn a_large_offer_of_macros_and_forged_results_stays_bounded() {
    let mut talk = Talk::new(OFFERED);
    let list = "x\0y\0".repeat(50_000) + "{auth_authen}\0noor\0";
    talk.session.feed(&macros(b'M', &list));
    assert_eq!(talk.session.poll(), Ok(None));
    talk.hear(&frame(b'M', b"<>\0"));
    for _ in 0..500 {
        talk.hear(&header("Authentication-Results", " mail.winkel.test; x"));
    }
    talk.hear(&[frame(b'N', b""), frame(b'E', b"")].concat());
    assert_eq!(talk.letters.matches('m').count(), FORGED_MAX);
}

/// Bytes that are often frames in a good order.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(offer(6, 0x1ff, OFFERED)),
        Just(connect("192.0.2.7")),
        Just(macros(b'M', "{auth_authen}\0x\0")),
        Just(frame(b'M', b"<>\0")),
        Just(header("Authentication-Results", " mail.winkel.test;")),
        Just(frame(b'N', b"")),
        Just(frame(b'E', b"x")),
        (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(letter, data)| frame(letter, &data)),
        proptest::collection::vec(any::<u8>(), 0..9),
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_end_or_are_understood_however_they_are_cut(bytes in conversation(), cut in 1_usize..30) {
        let run = |cut: usize| {
            let mut session = MilterSession::new(rules());
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                session.feed(piece);
                loop {
                    match session.poll() {
                        Ok(None) => break,
                        Ok(Some(MilterEvent::Sign)) => {
                            let answer = session.answer(MilterAnswer::Later);
                            seen.push(format!("{answer:?}"));
                        }
                        Ok(Some(event)) => seen.push(format!("{event:?}")),
                        Err(error) => {
                            seen.push(error.to_string());
                            return seen;
                        }
                    }
                }
            }
            seen
        };
        prop_assert_eq!(run(cut), run(bytes.len().max(1)));
    }
}
