//! A message with DKIM and ARC: any bytes are read and checked against any key, and what comes out of the file reader
//! has no lone line end.
#![no_main]
use std::collections::HashMap;

use kluis_mail::dns::{Answer, Answers, Question};
use kluis_mail::message::{Message, lone_line_end, mailboxes, uris, with_crlf};
use kluis_mail::{arc, dkim, sender_id};

struct Same(HashMap<u8, Answer>);

impl Answers for Same {
    fn find(&self, question: &Question) -> Option<&Answer> {
        self.0.get(&(question.name.len() as u8 % 3))
    }
}

libfuzzer_sys::fuzz_target!(|input: (&[u8], Vec<u8>)| {
    let (bytes, record) = input;
    let answers = [Answer::Txt(vec![record]), Answer::NoSuchName, Answer::Failed];
    let answers = Same((0..).zip(answers).collect());
    let file = with_crlf(bytes);
    assert_eq!(lone_line_end(&file), None);
    for text in [bytes, &file] {
        let Ok(message) = Message::read(text) else { continue };
        let _ = dkim::questions(&message);
        let report = dkim::verify(&message, 1_800_000_000, &answers).unwrap();
        assert!(report.checks.len() <= dkim::SIGNATURES_MAX);
        let _ = (arc::evaluate(&message, &answers).unwrap(), sender_id::pra(&message));
        for field in message.fields() {
            let _ = (mailboxes(field.value()), uris(field.value()), field.text());
        }
    }
});
