//! The file with mail streams: any text is read or refused with lines that exist, and what is written is read back.
#![no_main]
use kluis_mail::streams::MailSetup;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match MailSetup::read(text) {
        Ok(setup) => {
            assert!((1..=20).contains(&setup.streams.len()));
            assert_eq!(MailSetup::read(&setup.to_toml()).unwrap(), setup);
            let _ = (setup.known(), setup.stream_of("mail.shop.example"));
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
