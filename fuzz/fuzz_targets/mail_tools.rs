//! A message held against the rules for newsletters, and an SPF record explained, counted and written flat.
#![no_main]
use std::collections::HashMap;

use kluis_mail::bulk::{self, Envelope, Purpose};
use kluis_mail::dns::{Answer, Question};
use kluis_mail::message::{Message, with_crlf};
use kluis_mail::spf::budget::budget;
use kluis_mail::spf::explain::explain;
use kluis_mail::spf::flatten::{Wish, again, changes, flatten};
use kluis_mail::spf::trace::{nodes, path, who};

/// Every name has these answers, so that records lead anywhere and round.
struct Zone(HashMap<Question, Answer>, Vec<u8>);

impl Zone {
    fn run<T>(
        &mut self,
        engine: impl Fn(&HashMap<Question, Answer>) -> Result<T, Vec<Question>>,
    ) -> Option<T> {
        for _ in 0..100 {
            match engine(&self.0) {
                Ok(found) => return Some(found),
                Err(questions) => {
                    for question in questions {
                        let kind = question.name.len() % 7;
                        let answer = match kind {
                            0 => Answer::Failed,
                            1 => Answer::NoSuchName,
                            _ => Answer::Txt(vec![self.1.clone()]),
                        };
                        assert!(self.0.insert(question, answer).is_none());
                    }
                }
            }
        }
        None
    }
}

libfuzzer_sys::fuzz_target!(|input: (&[u8], Vec<u8>)| {
    let (bytes, record) = input;
    let mut zone = Zone(HashMap::new(), [b"v=spf1 ", &record[..]].concat());
    if let Some(found) = zone.run(|answers| explain("x.example", answers)) {
        let _ = budget(&found);
    }
    let wish = Wish { keep: &[], now_s: 0, lifetime_s: 1 };
    if let Some(Ok(flat)) = zone.run(|answers| flatten("x.example", &wish, answers)) {
        assert!(flat.records.iter().all(|record| kluis_mail::spf::read(record.text.as_bytes()).is_ok()));
        assert!(zone.run(|answers| changes(&flat, answers)).is_none_or(|changes| changes.is_empty()));
        let _ = zone.run(|answers| again(&flat, &wish, answers));
    }
    if let Some(found) = zone.run(|answers| who("192.0.2.1".parse().unwrap(), "x.example", answers)) {
        let _ = (nodes(&found.verdict.trace), path(&found.verdict.trace));
    }
    let file = with_crlf(bytes);
    let Ok(message) = Message::read(&file) else { return };
    let rest = (Purpose::Newsletter, &Envelope::default(), 0);
    let offline = bulk::collect(&message, &file, rest, None::<&HashMap<Question, Answer>>).unwrap();
    let _ = bulk::judge(&offline);
    if let Some(facts) = zone.run(|answers| bulk::collect(&message, &file, rest, Some(answers))) {
        assert_eq!(bulk::judge(&facts).len(), bulk::RULES.len());
        assert!(facts.unsubscribe.problems.len() <= 12);
    }
});
