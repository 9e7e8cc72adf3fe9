//! Aggregate reports of strangers: never a panic, bounded, and what is kept names nobody.
#![no_main]
use std::collections::HashMap;

use kluis_mail::report::{Fold, Known, Stream, read_aggregate};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(report) = read_aggregate(data) else { return };
    assert!(report.problems.len() <= 100 && report.rows.len() <= data.len() / 20);
    for row in &report.rows {
        assert!(row.dkim_auth.len() <= 20 && row.spf_auth.len() <= 20 && row.reasons.len() <= 20);
        assert!(!row.header_from.contains('@') && row.header_from.len() <= 1_024);
    }
    let known = Known {
        streams: vec![Stream { id: "winkel".to_owned(), domain: "shop.example".to_owned() }],
        ..Known::default()
    };
    let mut fold = Fold::new();
    fold.add(&report, &HashMap::new(), &known);
    let counted =
        fold.groups().values().fold(fold.rest().messages, |sum, counts| sum.saturating_add(counts.messages));
    assert_eq!(counted, report.messages());
});
