//! How well the invented shop is found: limits that may not be undercut, and the tables of docs/DISCOVERY.md.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;

use kluis_discover::Kind;
use kluis_discover::testing::{Set, column_faults, markdown, measure_columns, measure_text};

const SEED: u64 = 2026;
const LINES: usize = 20_000;
const CUSTOMERS: u64 = 400;

/// Kinds with a check digit.
const CHECKED: [Kind; 6] = [Kind::Bsn, Kind::Iban, Kind::Card, Kind::Vat, Kind::Imei, Kind::Email];

#[test]
fn kinds_with_check_digits_are_found_in_text() {
    let scores = measure_text(Set::Known, SEED, LINES);
    for kind in CHECKED {
        let score = scores[&kind];
        assert!(score.told >= 100, "{kind}: {score:?}");
        assert!(score.precision() >= 0.98 && score.recall() >= 0.98, "{kind}: {score:?}");
    }
    let bare = scores[&Kind::Bsn];
    assert!(bare.bare >= 100 && bare.bare_found >= bare.bare * 9 / 10, "{bare:?}");
}

#[test]
fn every_column_is_what_it_is() {
    for (seed, customers) in [(SEED, CUSTOMERS), (7, 60), (99, 2_000)] {
        assert_eq!(
            column_faults(Set::Known, seed, customers),
            Vec::<String>::new(),
            "seed {seed}, {customers} customers"
        );
    }
}

#[test]
fn no_number_of_a_thing_is_a_number_of_a_person() {
    for seed in 0..20 {
        for (name, truth, decided) in measure_columns(Set::Known, seed, 120) {
            let is_worse = matches!(decided, Some(Kind::Bsn | Kind::Card | Kind::Iban | Kind::VatWithBsn));
            assert!(!is_worse || truth == decided, "seed {seed}: {name} is called {decided:?}");
        }
    }
}

/// What was never tuned for keeps a lower limit; the tables of the document tell how much it is.
#[test]
fn what_was_held_out_is_mostly_found() {
    let scores = measure_text(Set::HeldOut, SEED, LINES / 4);
    for kind in CHECKED {
        let score = scores[&kind];
        assert!(score.recall() >= 0.9, "{kind}: {score:?}");
        // A number behind `RMA` that passes Luhn and a range of cards is called a card: the document tells.
        assert!(score.precision() >= 0.9 || kind == Kind::Card, "{kind}: {score:?}");
    }
    let columns = measure_columns(Set::HeldOut, SEED, CUSTOMERS);
    let is_worse = |kind| matches!(kind, Some(Kind::Bsn | Kind::Card | Kind::Iban));
    let worse: Vec<_> =
        columns.iter().filter(|(_, truth, decided)| is_worse(*decided) && truth != decided).collect();
    assert!(worse.is_empty(), "{worse:?}");
    let right = columns.iter().filter(|(_, truth, decided)| truth == decided).count();
    assert!(right * 10 >= columns.len() * 7, "{right} of {}", columns.len());
}

#[test]
fn the_tables_of_the_document_are_up_to_date() {
    let expected = markdown(SEED, LINES, CUSTOMERS);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let text = fs::read_to_string(root.join("docs/DISCOVERY.md")).unwrap_or_default();
    let start = text.find("## Running text").unwrap_or(text.len());
    let table = &text[start..];
    assert!(
        table == expected,
        "docs/DISCOVERY.md is not up to date; from `## Running text` on it must be:\n\n{expected}"
    );
}
