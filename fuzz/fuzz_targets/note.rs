//! Signed notes and checkpoints of a log.
#![no_main]
use kluis_crypto::note::Checkpoint;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Checkpoint::decode(text);
});
