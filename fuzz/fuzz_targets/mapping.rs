//! Mapping files: what is read can be written and read again.
#![no_main]
use kluis_connect::Mapping;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(mapping) = Mapping::parse(text) {
        let written = mapping.to_toml();
        let again = Mapping::parse(&written).expect("what we wrote, we read");
        assert_eq!(again.to_toml(), written);
    }
});
