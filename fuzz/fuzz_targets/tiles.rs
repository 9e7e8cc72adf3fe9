//! Tile paths and entry bundles of a log.
#![no_main]
use kluis_crypto::tiles;

libfuzzer_sys::fuzz_target!(|data: (u16, &[u8])| {
    let _ = tiles::decode_entries(data.1, data.0);
    if let Ok(text) = std::str::from_utf8(data.1) {
        let _ = tiles::Tile::parse(text);
    }
});
