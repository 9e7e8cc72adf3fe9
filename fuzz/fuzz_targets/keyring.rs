//! Keyring files and shares.
#![no_main]
use kluis_crypto::{KeyringFile, Secret, Share};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(file) = KeyringFile::parse(data) {
        let _ = file.unlock_key_file(&Secret::from_bytes(&[7; 32]));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Share::parse_lines(text);
    }
});
