//! Sealed cells, audit details, wrapped data keys and notes: they open where they were sealed and nowhere else.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use kluis_crypto::*;
use kluis_model::{FieldName, RequestId, RetentionClass, ShopId, SubjectId, TimeMs};
use proptest::prelude::*;

const SHOP: ShopId = ShopId(1);

fn keys() -> Arc<ShopKeys> {
    Keyring::generate(SHOP, "test", TimeMs(0), &SystemRandom).shop(SHOP).unwrap()
}

fn subject(number: u8) -> SubjectId {
    SubjectId::from_bytes([number; 16])
}

fn field(name: &str) -> FieldName {
    name.parse().unwrap()
}

/// Every place that differs in one part from the first, which stands first itself.
fn places<'a>(email: &'a FieldName, phone: &'a FieldName, long: &'a FieldName) -> Vec<CellPlace<'a>> {
    let class = RetentionClass::Profile;
    let first =
        CellPlace { shop: SHOP, record_type: 1, subject: subject(1), class, field: email, version: 1 };
    vec![
        first,
        CellPlace { shop: ShopId(2), ..first },
        CellPlace { shop: ShopId(-1), ..first },
        CellPlace { record_type: 2, ..first },
        CellPlace { subject: subject(2), ..first },
        CellPlace { class: RetentionClass::Tax, ..first },
        CellPlace { class: RetentionClass::Marketing, ..first },
        CellPlace { field: phone, ..first },
        CellPlace { field: long, ..first },
        CellPlace { version: 2, ..first },
        CellPlace { version: u64::MAX, ..first },
    ]
}

#[test]
fn a_cell_opens_at_its_own_place_only() {
    let dek = keys().new_dek(&SystemRandom).cells();
    let (email, phone, long) = (field("email"), field("phone"), field(&"e".repeat(64)));
    let places = places(&email, &phone, &long);
    for suite in Suite::ALL {
        let seal = |place| dek.seal(suite, place, 7, b"noor@example.nl", &SystemRandom).unwrap();
        let cells: Vec<_> = places.iter().map(seal).collect();
        for (i, cell) in cells.iter().enumerate() {
            assert_eq!(CellHead::read(cell), Ok(CellHead { suite, dek_gen: 7 }));
            for (j, place) in places.iter().enumerate() {
                let opened = dek.open(place, cell);
                if i == j {
                    assert_eq!(opened.unwrap().expose(), b"noor@example.nl");
                } else {
                    assert_eq!(opened, Err(OpenError::Refused), "{suite:?}: cell {i} at place {j}");
                }
            }
        }
    }
}

#[test]
fn another_data_key_opens_nothing() {
    let keys = keys();
    let (one, two) = (keys.new_dek(&SystemRandom).cells(), keys.new_dek(&SystemRandom).cells());
    let email = field("email");
    let place = places(&email, &email, &email)[0];
    let cell = one.seal(Suite::default(), &place, 1, b"x", &SystemRandom).unwrap();
    assert_eq!(two.open(&place, &cell), Err(OpenError::Refused));
    let detail_place =
        DetailPlace { shop: SHOP, subject: subject(1), request: RequestId::from_bytes([0; 16]) };
    let detail = one.seal_detail(&detail_place, 1, b"x", &SystemRandom).unwrap();
    assert_eq!(two.open_detail(&detail_place, &detail), Err(OpenError::Refused));
    // A cell is no detail and a detail no cell, although both are under one data key.
    assert_eq!(one.open_detail(&detail_place, &cell), Err(OpenError::Refused));
    assert_eq!(one.open(&place, &detail), Err(OpenError::Refused));
}

#[test]
fn lengths_hide_in_buckets() {
    let dek = keys().new_dek(&SystemRandom).cells();
    let email = field("email");
    let place = places(&email, &email, &email)[0];
    let sealed = |length: usize| {
        let value = vec![b'a'; length];
        let cell = dek.seal(Suite::Aes256GcmSiv, &place, 1, &value, &SystemRandom).unwrap();
        assert_eq!(*dek.open(&place, &cell).unwrap().expose(), value);
        cell.len() - 4 - 12 - 16
    };
    for (length, padded) in [
        (0, 16),
        (1, 16),
        (15, 16),
        (16, 32),
        (31, 32),
        (32, 64),
        (63, 64),
        (64, 128),
        (127, 128),
        (128, 192),
    ] {
        assert_eq!(sealed(length), padded, "{length}");
    }
    assert_eq!(sealed(CELL_BYTES_MAX), CELL_BYTES_MAX + 64);
    let long = vec![0; CELL_BYTES_MAX + 1];
    let seal = dek.seal(Suite::Aes256GcmSiv, &place, 1, &long, &SystemRandom);
    assert_eq!(seal, Err(OpenError::TooLong));
    let mut out = vec![1, 2, 3];
    let head = CellHead { suite: Suite::Aes256Gcm, dek_gen: 1 };
    assert_eq!(dek.seal_into(head, &place, &long, &SystemRandom, &mut out), Err(OpenError::TooLong));
    assert_eq!(dek.open_into(&place, &[1, 1, 0, 1, 5], &mut out), Err(OpenError::Malformed));
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn every_changed_byte_and_every_length_is_refused() {
    let dek = keys().new_dek(&SystemRandom).cells();
    let email = field("email");
    let place = places(&email, &email, &email)[0];
    for suite in Suite::ALL {
        let cell = dek.seal(suite, &place, 1, b"value", &SystemRandom).unwrap();
        for at in 0..cell.len() {
            for bit in 0..8 {
                let mut changed = cell.clone();
                changed[at] ^= 1 << bit;
                assert!(dek.open(&place, &changed).is_err(), "{suite:?}: byte {at} bit {bit}");
            }
            assert!(dek.open(&place, &cell[..at]).is_err());
            assert!(dek.open(&place, &cell[at + 1..]).is_err());
        }
        assert!(dek.open(&place, &[cell.as_slice(), &[0]].concat()).is_err());
        assert!(dek.open(&place, &[cell.as_slice(), &[0; 16]].concat()).is_err());
    }
    assert_eq!(CellHead::read(&[2, 1, 0, 0]), Err(OpenError::Unknown));
    assert_eq!(CellHead::read(&[1, 9, 0, 0]), Err(OpenError::Unknown));
    assert_eq!(CellHead::read(&[1, 1, 0]), Err(OpenError::Malformed));
    assert_eq!(CellHead::read(&[]), Err(OpenError::Malformed));
    assert_eq!(dek.open(&place, &vec![1; 200_000]), Err(OpenError::Malformed));
}

#[test]
fn details_open_for_their_own_request_only() {
    let dek = keys().new_dek(&SystemRandom).cells();
    let first = DetailPlace { shop: SHOP, subject: subject(1), request: RequestId::from_bytes([1; 16]) };
    let sealed = dek.seal_detail(&first, 3, b"{}", &SystemRandom).unwrap();
    assert_eq!(dek.open_detail(&first, &sealed).unwrap().expose(), b"{}");
    for other in [
        DetailPlace { shop: ShopId(2), ..first },
        DetailPlace { subject: subject(2), ..first },
        DetailPlace { request: RequestId::from_bytes([2; 16]), ..first },
    ] {
        assert_eq!(dek.open_detail(&other, &sealed), Err(OpenError::Refused));
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(dek.open_detail(&first, &changed).is_err(), "byte {at}");
    }
}

fn dek_places() -> Vec<DekPlace> {
    let first = DekPlace { shop: SHOP, subject: subject(1), class: RetentionClass::Profile, dek_gen: 1 };
    vec![
        first,
        DekPlace { shop: ShopId(2), ..first },
        DekPlace { subject: subject(2), ..first },
        DekPlace { class: RetentionClass::Tax, ..first },
        DekPlace { dek_gen: 2, ..first },
        DekPlace { dek_gen: 256, ..first },
    ]
}

/// Whether two data keys are the same one, as far as a caller can see.
fn same(one: &Dek, other: &Dek) -> bool {
    let email = field("email");
    let place = places(&email, &email, &email)[0];
    let cell = one.cells().seal(Suite::default(), &place, 1, b"probe", &SystemRandom).unwrap();
    other.cells().open(&place, &cell).is_ok()
}

#[test]
fn a_wrapped_key_opens_at_its_own_place_only() {
    let keys = keys();
    let places = dek_places();
    let dek = keys.new_dek(&SystemRandom);
    let wrapped: Vec<_> = places.iter().map(|place| keys.wrap_dek(&dek, place, &SystemRandom)).collect();
    for (i, (epoch, wrapped)) in wrapped.iter().enumerate() {
        assert_eq!(*epoch, 1);
        for (j, place) in places.iter().enumerate() {
            match keys.unwrap_dek(place, *epoch, wrapped) {
                Ok(opened) => assert!(i == j && same(&opened, &dek)),
                Err(problem) => assert!(i != j && problem == WrapError::Corrupt, "{i} at {j}"),
            }
        }
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 0x10;
            assert_eq!(keys.unwrap_dek(&places[i], 1, &changed).unwrap_err(), WrapError::Corrupt);
            assert_eq!(keys.unwrap_dek(&places[i], 1, &wrapped[..at]).unwrap_err(), WrapError::Corrupt);
        }
    }
    for epoch in [0, 2, u32::MAX] {
        assert_eq!(keys.unwrap_dek(&places[0], epoch, &wrapped[0].1).unwrap_err(), WrapError::Corrupt);
    }
    assert_eq!(format!("{dek:?} {:?}", dek.cells()), "Dek(***) DekCells(***)");
}

#[test]
fn notes_open_for_their_own_label_and_id_only() {
    let keys = keys();
    for length in [0, 1, 100, 70_000, 1 << 20] {
        let text = vec![7; length];
        let sealed = keys.seal_note("job", b"1", &text, &SystemRandom);
        assert_eq!(*keys.open_note("job", b"1", &sealed).unwrap().expose(), text);
    }
    let sealed = keys.seal_note("job", b"1", b"parameters", &SystemRandom);
    for (label, id) in [("job", &b"2"[..]), ("jo", b"b1"), ("consent", b"1"), ("", b""), ("job1", b"")] {
        assert_eq!(keys.open_note(label, id, &sealed), Err(OpenError::Refused));
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(keys.open_note("job", b"1", &changed).is_err());
        assert!(keys.open_note("job", b"1", &sealed[..at]).is_err());
    }
    let mut keyring = Keyring::generate(SHOP, "test", TimeMs(0), &SystemRandom);
    assert!(keyring.shop(SHOP).unwrap().open_note("job", b"1", &sealed).is_err());
    keyring.add_shop(ShopId(2), TimeMs(0), &SystemRandom).unwrap();
    let sealed = keyring.shop(SHOP).unwrap().seal_note("job", b"1", b"x", &SystemRandom);
    assert!(keyring.shop(ShopId(2)).unwrap().open_note("job", b"1", &sealed).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_round_trips(value in prop::collection::vec(any::<u8>(), 0..400), version: u64, dek_gen: u16, suite in 0usize..3) {
        let dek = keys().new_dek(&SystemRandom).cells();
        let name = field("custom.note");
        let class = RetentionClass::Profile;
        let place = CellPlace { shop: SHOP, record_type: 1, subject: subject(9), class, field: &name, version };
        let cell = dek.seal(Suite::ALL[suite], &place, dek_gen, &value, &SystemRandom).unwrap();
        let opened = dek.open(&place, &cell).unwrap();
        prop_assert_eq!(opened.expose(), &value);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), head in 0u8..4) {
        let keys = keys();
        let dek = keys.new_dek(&SystemRandom).cells();
        let name = field("email");
        let place = places(&name, &name, &name)[0];
        let likely = [&[1, head, 0, 1], bytes.as_slice()].concat();
        for bytes in [bytes, likely] {
            prop_assert!(dek.open(&place, &bytes).is_err());
            prop_assert!(keys.open_note("job", b"", &bytes).is_err());
            prop_assert!(keys.unwrap_dek(&dek_places()[0], 1, &bytes).is_err());
        }
    }
}
