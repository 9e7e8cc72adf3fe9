//! Prints what the pure work of an import costs; by hand: `cargo test --release -p kluis-model -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use kluis_model::{
    ActorKind, Country2, DEFAULT_REGISTER, FieldKind, FieldName, Leaf, Operation, Outcome, PiiText,
    PurposeId, Register, RequestId, ShopId, StartEvent, SubjectFacts, SubjectId, TimeMs, minimise,
    name_tokens, normalise,
};

const NOW: TimeMs = TimeMs(1_795_000_000_000);

fn measure<T>(what: &str, mut work: impl FnMut() -> T) {
    const TIMES: u32 = 200_000;
    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(work());
    }
    let line = format!("{what:44} {:6} ns\n", begun.elapsed().as_nanos() / u128::from(TIMES));
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
#[ignore = "a measurement"]
fn costs() {
    for (kind, raw) in [
        (FieldKind::EmailAddress, "Noor.deVries77@voorbeeld.example"),
        (FieldKind::Phone, "06-12345678"),
        (FieldKind::Phone, "+31 6 12345678"),
        (FieldKind::GivenName, "Noor"),
        (FieldKind::GivenName, "Renée"),
        (FieldKind::Surname, "de Vries"),
        (FieldKind::Surname, "Müller"),
        (FieldKind::Street, "Zonnebloemlaan"),
        (FieldKind::HouseNumber, "12"),
        (FieldKind::Postcode, "1234 ab"),
        (FieldKind::Country, "NL"),
        (FieldKind::Country, "Nederland"),
    ] {
        measure(&format!("{kind} {raw}"), || normalise(kind, black_box(raw), Country2::NL).unwrap());
    }
    measure("name_tokens", || name_tokens(black_box("Noor van der Berg")));
    whole_records();
    leaves();
}

fn whole_records() {
    let register = Register::parse(DEFAULT_REGISTER).unwrap();
    let mut facts = SubjectFacts::new(NOW);
    facts.apply_event(StartEvent::OrderCompleted, NOW);
    facts.apply_event(StartEvent::InvoiceYearEnd, NOW);
    let record = [
        ("email", "Noor.deVries77@voorbeeld.example"),
        ("phone", "06-12345678"),
        ("given_name", "Noor"),
        ("infix", "van der"),
        ("surname", "Kanariegeel"),
        ("street", "Zonnebloemlaan"),
        ("house_number", "12"),
        ("postcode", "1234 ab"),
        ("city", "Wijkdorp"),
        ("country", "NL"),
        ("birth_date", "1984-05-03"),
    ];
    let raw =
        || record.iter().map(|(name, value)| ((*name).to_owned(), PiiText::from(*value))).collect::<Vec<_>>();
    measure("making the raw record", raw);
    measure("making and minimising it", || minimise(&register, &facts, raw(), NOW));
    measure("facts encode", || facts.encode());
    let encoded = facts.encode();
    measure("facts decode", || SubjectFacts::decode(&encoded).unwrap());
}

fn leaves() {
    let leaf = Leaf {
        time: NOW,
        shop: ShopId(1),
        actor_kind: ActorKind::Staff,
        actor: "0190d4c2-7b1e-7000-8000-000000000000".to_owned(),
        purpose: Some(PurposeId::parse("order").unwrap()),
        operation: Operation::Import,
        fields: [
            "email",
            "phone",
            "given_name",
            "infix",
            "surname",
            "street",
            "house_number",
            "postcode",
            "city",
        ]
        .map(|name| FieldName::parse(name).unwrap())
        .to_vec(),
        count: 1,
        outcome: Outcome::Ok,
        reason: None,
        subject: Some(SubjectId::from_bytes([1; 16])),
        request: RequestId::from_bytes([2; 16]),
        row_version: Some(1),
        row_digest: Some([3; 32]),
        detail_hash: None,
    };
    let bytes = leaf.encode();
    measure("leaf encode", || leaf.encode());
    measure("leaf decode", || Leaf::decode(&bytes).unwrap());
}
