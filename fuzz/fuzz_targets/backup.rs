//! Backup streams.
#![no_main]
use std::io::Read;
use std::sync::OnceLock;

use kluis_crypto::{BackupIdentity, SystemRandom, backup};

static IDENTITY: OnceLock<BackupIdentity> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let identity = IDENTITY.get_or_init(|| BackupIdentity::generate(&SystemRandom));
    if let Ok(mut reader) = backup::decrypt_reader(identity, data) {
        let _ = reader.read_to_end(&mut Vec::new());
    }
});
