//! Mails, mailboxes and archives of strangers: never a panic, within the limits, and a stream gives the same.
#![no_main]
use kluis_mail::report::{Content, Failures, Limits, open, open_stream};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        report_bytes_max: 1 << 20,
        total_bytes_max: 2 << 20,
        entries_max: 50,
        failures: Failures::Summarise,
        ..Limits::default()
    };
    let mut found = 0;
    let opened = open("hint!shop.example!1!2.xml.gz", data, &limits, &mut |one| {
        found += 1;
        assert!(!one.name.contains(['/', '\\', '\0']) && one.name.len() <= 200);
        if let Ok(Content::Failure(summary)) = &one.content {
            assert!(summary.domain.as_ref().is_none_or(|domain| !domain.contains('@')));
        }
    });
    assert_eq!(opened.reports + opened.refused, found);
    assert!(opened.reports <= 60);
    let streamed = open_stream("", &mut &data[..], &limits, &mut |_| {});
    assert!(streamed.is_ok());
});
