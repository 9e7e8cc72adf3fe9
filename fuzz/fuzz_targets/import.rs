//! Customer exports of any kind: never a panic, never endless.
#![no_main]
use std::io::Cursor;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for name in ["export.csv", "export.ndjson", "export.json", "export.xlsx"] {
        let source = Box::new(Cursor::new(data.to_vec()));
        if let Ok(reader) = kluis_connect::open(source, name, &kluis_connect::OpenOptions::default()) {
            // Every record takes at least a byte of input, so the reader must end by itself.
            assert!(reader.count() <= data.len() * 64 + 64);
        }
    }
});
