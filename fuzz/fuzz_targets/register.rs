//! Purpose registers.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = kluis_model::Register::parse(text);
});
