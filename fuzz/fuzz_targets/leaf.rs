//! Audit leaves: one spelling for each leaf.
#![no_main]
use kluis_model::Leaf;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(leaf) = Leaf::decode(data) {
        assert_eq!(leaf.encode(), data);
    }
});
