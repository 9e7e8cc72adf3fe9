//! A subject's facts: one spelling for each.
#![no_main]
use kluis_model::SubjectFacts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(facts) = SubjectFacts::decode(data) {
        assert_eq!(facts.encode(), data);
    }
});
