//! A database writer without keys can move bytes around; everything moved is refused.

use kluis_crypto::{Keyring, ShopKeys, SystemRandom};
use kluis_model::minimise::minimise;
use kluis_model::register::{DEFAULT_REGISTER, Register};
use kluis_model::{FieldName, PiiText, ShopId, StartEvent, SubjectFacts, SubjectId, TimeMs};
use kluis_store::{DekRow, SubjectRow};
use proptest::prelude::*;

use super::blobs::{CellRef, CellsBlob, cells};
use super::prepare::row_mac;
use super::{Edit, Prepared, Stored, Tools, prepare_change, prepare_create, verify_row};

const NOW: TimeMs = TimeMs(1_790_000_000_000);
const SHOP: ShopId = ShopId(1);

struct Bench {
    keyring: Keyring,
    register: Register,
}

impl Bench {
    fn new() -> Self {
        let keyring = Keyring::generate(SHOP, "node", NOW, &SystemRandom);
        Self { keyring, register: Register::parse(DEFAULT_REGISTER).unwrap() }
    }

    fn keys(&self) -> std::sync::Arc<ShopKeys> {
        self.keyring.shop(SHOP).unwrap()
    }

    fn create(&self, number: u32) -> Prepared {
        let keys = self.keys();
        let tools = Tools { keys: &keys, register: &self.register, random: &SystemRandom, now: NOW };
        let mut facts = SubjectFacts::new(NOW);
        facts.apply_event(StartEvent::InvoiceYearEnd, NOW);
        let raw = [
            ("email", format!("klant{number}@voorbeeld.example")),
            ("surname", "Bakker".into()),
            ("street", "Laan".into()),
            ("house_number", "1".into()),
            ("postcode", "1234AB".into()),
            ("city", "Dorp".into()),
        ];
        let raw = raw.into_iter().map(|(name, value)| (name.to_owned(), PiiText::new(value))).collect();
        let (minimised, _) = minimise(&self.register, &facts, raw, NOW);
        prepare_create(&tools, SubjectId::generate(NOW, &SystemRandom), &facts, minimised.fields(), &[])
            .unwrap()
    }
}

fn opens(keys: &ShopKeys, row: &SubjectRow, deks: &[DekRow], place: usize) -> bool {
    let Ok(stored) = Stored::check(keys, row.clone(), deks.to_vec()) else { return false };
    let Ok(all) = stored.cells() else { return false };
    stored.open(keys, &all[place], &FieldName::parse(all[place].field).unwrap()).is_ok()
}

/// The row with the sealed bytes of one cell put in place of another's.
fn with_cell(row: &SubjectRow, place: usize, sealed: &[u8]) -> SubjectRow {
    let mut blob = CellsBlob::new();
    for (n, cell) in cells(&row.cells).enumerate() {
        let cell = cell.unwrap();
        blob.push(if n == place { CellRef { sealed, ..cell } } else { cell }).unwrap();
    }
    SubjectRow { cells: blob.into_bytes(), ..row.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn swapping_any_two_cells_is_refused(from in 0_usize..11, to in 0_usize..11, same_row: bool) {
        let bench = Bench::new();
        let keys = bench.keys();
        let (one, two) = (bench.create(1), bench.create(2));
        let source = if same_row { &one } else { &two };
        prop_assume!(!same_row || from != to);
        let all: Vec<_> = cells(&source.row.cells).map(Result::unwrap).collect();
        prop_assert_eq!(all.len(), 11, "six fields for the shop, five for the tax law");
        prop_assert!(opens(&keys, &one.row, &one.deks, to));
        let mut moved = with_cell(&one.row, to, all[from].sealed);
        prop_assert!(verify_row(&keys, &moved).is_err(), "the row MAC sees it");
        // Even whoever could make row MACs moves nothing: every cell is bound to its place.
        moved.row_mac = row_mac(&keys, &moved);
        prop_assert!(!opens(&keys, &moved, &one.deks, to));
    }

    #[test]
    fn changing_any_column_is_refused(column in 0_usize..8, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let bench = Bench::new();
        let keys = bench.keys();
        let mut row = bench.create(1).row;
        prop_assert!(verify_row(&keys, &row).is_ok());
        let flip = |bytes: &mut Vec<u8>| {
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
        };
        match column {
            0 => flip(&mut row.facts),
            1 => flip(&mut row.cells),
            2 => flip(&mut row.terms),
            3 => row.version += 1,
            4 => row.created = TimeMs(row.created.0 + 1),
            5 => row.updated = TimeMs(row.updated.0 - 1),
            6 => row.row_mac[at.index(32)] ^= 1 << bit,
            _ => row.id = SubjectId::generate(NOW, &SystemRandom),
        }
        prop_assert!(verify_row(&keys, &row).is_err());
    }
}

#[test]
fn rows_and_keys_of_two_people_do_not_mix() {
    let bench = Bench::new();
    let keys = bench.keys();
    let (one, two) = (bench.create(1), bench.create(2));
    let swapped = SubjectRow { id: two.row.id, ..one.row.clone() };
    assert!(Stored::check(&keys, swapped, one.deks.clone()).is_err());
    assert!(!opens(&keys, &one.row, &two.deks, 0), "another's keys");
    let renamed: Vec<_> = two.deks.iter().map(|dek| DekRow { subject: one.row.id, ..dek.clone() }).collect();
    assert!(!opens(&keys, &one.row, &renamed, 0), "another's keys under this name");
    let other = Bench::new();
    assert!(!opens(&other.keys(), &one.row, &one.deks, 0), "another vault");
}

#[test]
fn an_earlier_value_cannot_be_put_back() {
    let bench = Bench::new();
    let keys = bench.keys();
    let tools = Tools { keys: &keys, register: &bench.register, random: &SystemRandom, now: NOW };
    let one = bench.create(1);
    let stored = Stored::check(&keys, one.row.clone(), one.deks.clone()).unwrap();
    let raw = vec![("city".to_owned(), PiiText::from("Elders"))];
    let (minimised, _) = minimise(&bench.register, &stored.facts, raw, NOW);
    let edit = Edit { set: minimised.fields(), ..Edit::default() };
    let change = prepare_change(&tools, &stored, &stored.facts, &edit).unwrap();
    assert_eq!(change.row.version, 2);
    let find = |row: &SubjectRow| {
        cells(&row.cells).map(Result::unwrap).position(|cell| cell.field == "city").unwrap()
    };
    let (old, new) = (find(&one.row), find(&change.row));
    let before = cells(&one.row.cells).nth(old).unwrap().unwrap().sealed.to_vec();
    let mut back = with_cell(&change.row, new, &before);
    back.row_mac = row_mac(&keys, &back);
    assert!(opens(&keys, &change.row, &one.deks, new));
    assert!(!opens(&keys, &back, &one.deks, new));
}

/// Prints what creating and opening costs; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_create_and_open() {
    let bench = Bench::new();
    let keys = bench.keys();
    let begun = std::time::Instant::now();
    let rounds = 20_000;
    let mut last = None;
    for number in 0..rounds {
        last = Some(bench.create(number));
    }
    let create = begun.elapsed() / rounds;
    let one = last.unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..rounds {
        let stored = Stored::check(&keys, one.row.clone(), one.deks.clone()).unwrap();
        for cell in stored.cells().unwrap() {
            stored.open(&keys, &cell, &bench.register.field(cell.field).unwrap().name).unwrap();
        }
    }
    let open = begun.elapsed() / rounds;
    std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("create {create:?}, open {open:?}\n").as_bytes(),
    )
    .unwrap();
}
