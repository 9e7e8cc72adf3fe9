//! Lists of tags, signatures and key records of DKIM; the body in pieces gives what the whole gives.
#![no_main]
use kluis_mail::dkim::canon::{BodyCanon, Canon};
use kluis_mail::dkim::key;
use kluis_mail::dkim::signature::{self, Form};
use kluis_mail::dkim::tags::TagList;

fn body(canon: Canon, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut state = BodyCanon::new(canon);
    for piece in pieces {
        state.update(piece, &mut |bytes| out.extend_from_slice(bytes));
    }
    state.finish(&mut |bytes| out.extend_from_slice(bytes));
    out
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(list) = TagList::read(data) {
        for tag in list.tags() {
            let text = &data[tag.span.clone()];
            assert!(text.starts_with(tag.name.as_bytes()) && text.ends_with(tag.value.as_bytes()));
            assert!(tag.value_span.start <= tag.span.end && tag.span.end <= tag.value_span.end);
        }
    }
    for form in [Form::Dkim, Form::ArcMessage, Form::ArcSeal] {
        if let Ok(found) = signature::read(data, form) {
            assert!(found.own.end <= data.len());
            let _ = found.question();
        }
    }
    let _ = key::read(data).map(|record| record.key().unwrap());
    for canon in [Canon::Simple, Canon::Relaxed] {
        let whole = body(canon, &[data]);
        let (a, b) = data.split_at(data.len() / 2);
        let (c, d) = b.split_at(b.len().min(1));
        assert_eq!(body(canon, &[a, c, d]), whole);
        assert_eq!(body(canon, &[&whole]), whole);
    }
});
