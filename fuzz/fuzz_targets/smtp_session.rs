//! The server's side of SMTP: any bytes in any pieces give the same talk, whatever is answered, and stay within bounds.
#![no_main]
use kluis_mail::smtp::{Event, LoginRule, Protection, Reply, Session, SessionOptions};

const MESSAGE_BYTES_MAX: usize = 4096;

fn answer(event: &Event, mood: u8) -> Reply {
    let refuses = mood % 5 == 0;
    match event {
        Event::Data if !refuses => Reply::plain(354, "go on"),
        Event::SignIn(_) if !refuses => Reply::new(235, (2, 7, 0), "in"),
        _ if refuses => Reply::new(550, (5, 7, 1), "no"),
        _ => Reply::new(250, (2, 0, 0), "yes"),
    }
}

fn talk(pieces: &[&[u8]], protection: Protection, mood: u8) -> Vec<u8> {
    let mut session = Session::new(SessionOptions {
        hostname: "mx.example".to_owned(),
        protection,
        login: if mood % 2 == 0 { LoginRule::Must } else { LoginRule::Never },
        message_bytes_max: MESSAGE_BYTES_MAX,
        line_bytes_max: 1000,
        recipients_max: 5,
        errors_max: 10,
        offers_dsn: mood % 3 == 0,
    });
    let mut out = Vec::new();
    for piece in pieces {
        session.push(piece);
        while let Some(event) = session.poll() {
            out.extend(session.take_output());
            match &event {
                Event::StartTls => {
                    session.tls_began();
                    continue;
                }
                Event::Message(message) => {
                    assert!(message.len() <= MESSAGE_BYTES_MAX);
                    assert!(!session.recipients().is_empty() && session.recipients().len() <= 5);
                    assert!(!message.contains(&0));
                }
                _ => {}
            }
            session.answer(answer(&event, mood));
        }
        assert!(session.held_bytes() <= 2 * MESSAGE_BYTES_MAX);
        out.extend(session.take_output());
    }
    out
}

libfuzzer_sys::fuzz_target!(|input: (&[u8], u8, u8)| {
    let (bytes, mood, at) = input;
    // Bytes behind STARTTLS are thrown away by how they came, so that only without it pieces cannot matter.
    let protection = match mood % 4 {
        0 => Protection::StartTls,
        1 => Protection::Tls,
        2 => Protection::Loopback { offers_tls: false },
        _ => Protection::None,
    };
    let whole = talk(&[bytes], protection, mood);
    assert!(whole.starts_with(b"220 ") && whole.ends_with(b"\r\n"));
    let (a, b) = bytes.split_at(usize::from(at).min(bytes.len()));
    let parts = talk(&[a, b], protection, mood);
    if protection != Protection::StartTls {
        assert_eq!(parts, whole);
    }
});
