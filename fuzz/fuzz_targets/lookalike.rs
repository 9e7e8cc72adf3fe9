//! Names that look like any text: bounded, each once, names that can be asked, and never the name itself.
#![no_main]
use std::collections::BTreeSet;

use kluis_mail::lookalike::{Options, permute, registered};

libfuzzer_sys::fuzz_target!(|input: (&str, bool)| {
    let (domain, has_unlikely) = input;
    let found = permute(domain, &Options { limit: 5000, has_unlikely });
    assert!(found.len() <= 5000);
    let own = registered(domain);
    assert_eq!(own.is_none(), found.is_empty());
    let mut seen = BTreeSet::new();
    for candidate in &found {
        assert!(Some(&candidate.domain) != own.as_ref() && !candidate.kinds.is_empty());
        assert!(candidate.domain.is_ascii() && candidate.domain.len() <= 253);
        assert!(seen.insert(&candidate.domain), "{}", candidate.domain);
    }
});
