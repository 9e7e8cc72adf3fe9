//! The milter protocol of a mail server: any bytes in any pieces, bounded, and what is sent is whole frames.
#![no_main]
use kluis_mail::milter::{MilterAnswer, MilterEvent, MilterRules, MilterSession};

const MESSAGE_BYTES_MAX: usize = 64 * 1024;

fn check(bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(4);
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        assert!(length > 0);
        rest = &tail[length..];
    }
}

libfuzzer_sys::fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, mood) = input;
    let mut session = MilterSession::new(MilterRules {
        internal: vec!["192.0.2.0/24".parse().unwrap()],
        own_name: "mx.example".to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX,
    });
    for piece in bytes.chunks(usize::from(mood) + 1) {
        session.feed(piece);
        loop {
            match session.poll() {
                Ok(Some(MilterEvent::Send(sent))) => check(&sent),
                Ok(Some(MilterEvent::Sign)) => {
                    assert!(session.message().len() <= MESSAGE_BYTES_MAX + 1024);
                    let answer = match mood % 3 {
                        0 => MilterAnswer::Signed(b"DKIM-Signature: v=1\r\n"),
                        1 => MilterAnswer::Unsigned,
                        _ => MilterAnswer::Later,
                    };
                    check(&session.answer(answer));
                }
                Ok(Some(MilterEvent::Close)) | Err(_) => return,
                Ok(None) => break,
            }
        }
        assert!(session.recipients().count() <= 1000);
    }
});
