//! Rows of a dump: one spelling for each.
#![no_main]
use kluis_store::DumpRow;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(row) = DumpRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
});
