//! Heads of sealed cells.
#![no_main]
use kluis_crypto::CellHead;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = CellHead::read(data);
});
