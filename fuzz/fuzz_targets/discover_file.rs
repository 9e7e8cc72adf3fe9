//! Files of any form as they come: CSV, dump, JSON, text, compressed or not; always a report, in bounded time.
#![no_main]
use kluis_scan::{ScanOptions, scan_bytes};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut options = ScanOptions::new(2026);
    options.unpacked_bytes_max = 1 << 20;
    let report = scan_bytes(bytes, &options);
    assert!(report.sources.iter().all(|source| source.texts.iter().all(|text| text.places.len() <= 20)));
    let _ = report.damage();
});
