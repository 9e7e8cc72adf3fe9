//! A table of any cells below any names: shares are shares, and no cell is shown unmasked.
#![no_main]
use kluis_discover::Table;
use kluis_discover::detect::Scanner;
use std::sync::LazyLock;

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

libfuzzer_sys::fuzz_target!(|input: (String, Vec<String>, Vec<Vec<u8>>)| {
    let (name, columns, cells) = input;
    let mut table = Table::new(&name, &columns, 2026);
    for row in cells.chunks(columns.len().max(1)) {
        table.add(&SCANNER, row.iter().map(Vec::as_slice));
    }
    let report = table.finish();
    for column in report.columns {
        let verdict = column.verdict;
        assert!((0.0..=1.0).contains(&verdict.share), "{}", verdict.share);
        assert!(verdict.also.iter().all(|(_, share)| (0.0..=1.0).contains(share)));
        assert!(verdict.distinct <= verdict.filled && verdict.samples.len() <= 3);
    }
});
