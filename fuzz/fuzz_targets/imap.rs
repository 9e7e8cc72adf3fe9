//! Answers of a mailbox: the same in any pieces, and within the bounds.
#![no_main]
use kluis_mail::imap::{ImapEvent, ImapReader, UIDS_MAX, quoted};

const LITERAL_BYTES_MAX: usize = 1024;

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<ImapEvent> {
    let mut reader = ImapReader::new(LITERAL_BYTES_MAX);
    let mut events = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            let Ok(answer) = reader.read() else { return events };
            let Some(answer) = answer else { break };
            let Ok(event) = answer.event() else { return events };
            match &event {
                ImapEvent::Search(uids) => assert!(uids.len() <= UIDS_MAX),
                ImapEvent::Fetch(fetch) => {
                    assert!(fetch.body.as_ref().is_none_or(|body| body.len() <= LITERAL_BYTES_MAX));
                }
                _ => {}
            }
            events.push(event);
        }
    }
    events
}

libfuzzer_sys::fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, size) = input;
    let whole = read(std::iter::once(bytes));
    assert_eq!(read(bytes.chunks(usize::from(size) + 1)), whole);
    let text = String::from_utf8_lossy(bytes);
    if let Some(quoted) = quoted(&text) {
        assert!(quoted.starts_with('"') && quoted.ends_with('"') && !quoted.contains(['\r', '\n']));
    }
});
