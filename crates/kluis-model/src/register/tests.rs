//! What a register must say, and what is said about one that does not.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::facts::ConsentState;
use crate::fields::FieldKind;
use crate::purposes::{RetentionClass, StartEvent};

const SMALL: &str = r#"default_country = "BE"
[fields]
email = { kind = "email_address", nl = "E-mail", en = "E-mail" }
"custom.size" = { kind = "custom", nl = "Maat", en = "Size" }
[purposes.order]
name = { nl = "Bestelling", en = "Order" }
basis = "contract"
law = "AVG art. 6(1)(b)"
class = "profile"
required = ["email"]
optional = ["custom.size"]
recipients = ["Vervoerder"]
retention = { start = "order_completed", keep = "P2Y", action = "delete" }
"#;

fn id(text: &str) -> PurposeId {
    PurposeId::parse(text).unwrap()
}

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

#[test]
fn the_default_register_is_that_of_a_dutch_web_shop() {
    let register = Register::parse(DEFAULT_REGISTER).unwrap();
    assert_eq!(register.default_country(), Country2::NL);
    for purpose in [
        "order",
        "customer_service",
        "invoice",
        "newsletter",
        "similar_products",
        "account",
        "fraud_prevention",
        "delivery",
    ] {
        let purpose = register.purpose(&id(purpose)).unwrap();
        assert!(!purpose.law.is_empty() && purpose.name.nl != purpose.name.en);
    }
    let order = [
        "email",
        "phone",
        "given_name",
        "infix",
        "surname",
        "company",
        "street",
        "house_number",
        "house_number_suffix",
        "postcode",
        "city",
        "region",
        "country",
        "customer_number",
    ];
    for purpose in ["order", "customer_service"] {
        for field in order {
            assert!(register.purpose(&id(purpose)).unwrap().includes(&name(field)), "{purpose} {field}");
        }
    }
    assert!(register.purpose(&id("customer_service")).unwrap().includes(&name("note")));
    let newsletter = register.purpose(&id("newsletter")).unwrap();
    assert!(newsletter.includes(&name("email")) && newsletter.includes(&name("given_name")));
    for never in ["phone", "surname", "street", "birth_date", "iban"] {
        assert!(!newsletter.includes(&name(never)), "{never}");
    }
    for field in ["initials", "vat_number", "company_number", "birth_date", "gender", "iban", "note"] {
        assert!(register.field(field).is_some(), "{field}");
    }
    assert_eq!(register.field("phone").unwrap().kind, FieldKind::Phone);
    assert_eq!(register.purposes_of(&name("birth_date")).count(), 0);
    assert_eq!(register.fields().next().unwrap().name, "email");
    assert_eq!(register.purposes().next().unwrap().id, "order");
    assert!(register.field("bsn").is_none() && register.purpose(&id("marketing")).is_none());
}

#[test]
fn liveness_follows_the_facts() {
    let register = Register::parse(DEFAULT_REGISTER).unwrap();
    let now: TimeMs = "2026-11-24T00:00:00Z".parse().unwrap();
    let mut facts = SubjectFacts::new(now);
    let classes =
        |facts: &SubjectFacts, field: &str, at: TimeMs| register.live_classes_for(&name(field), facts, at);
    let profile = ClassSet::EMPTY.with(RetentionClass::Profile);
    assert_eq!(classes(&facts, "email", now), profile);
    assert_eq!(classes(&facts, "birth_date", now), ClassSet::EMPTY);
    assert_eq!(classes(&facts, "nothing", now), ClassSet::EMPTY);
    assert!(register.protected_by_law(&facts, now).is_empty());

    facts.apply_event(StartEvent::InvoiceYearEnd, now);
    let (invoice, until) = register.protected_by_law(&facts, now)[0];
    assert_eq!(
        (invoice.id.as_str(), until.unwrap().to_string().as_str()),
        ("invoice", "2033-12-31T23:00:00.000Z")
    );
    assert_eq!(classes(&facts, "surname", now), profile.with(RetentionClass::Tax));
    assert_eq!(classes(&facts, "email", now), profile, "an e-mail address is no part of the administration");

    facts.consents.insert(id("newsletter"), ConsentState { given: true, at: now, number: 1 });
    assert_eq!(classes(&facts, "email", now), profile.with(RetentionClass::Marketing));
    facts.consents.insert(id("newsletter"), ConsentState { given: false, at: now, number: 2 });
    assert_eq!(classes(&facts, "email", now), profile);
    facts.apply_event(StartEvent::OrderCompleted, now);
    assert_eq!(
        classes(&facts, "email", now),
        profile.with(RetentionClass::Marketing),
        "soft opt-in by the order"
    );

    let later: TimeMs = "2033-06-01T00:00:00Z".parse().unwrap();
    assert_eq!(classes(&facts, "email", later), ClassSet::EMPTY);
    assert_eq!(classes(&facts, "surname", later), ClassSet::EMPTY.with(RetentionClass::Tax));
    let live = register.live_classes(&facts, later);
    for (place, field) in register.fields().enumerate() {
        assert_eq!(live[place], classes(&facts, field.name.as_str(), later), "{:?}", field.name);
    }
}

#[test]
fn a_small_register_is_read() {
    let register = Register::parse(SMALL).unwrap();
    assert_eq!((register.source(), register.default_country()), (SMALL, Country2::BE));
    let order = register.purpose(&id("order")).unwrap();
    assert_eq!(order.fields_of(Need::Required).collect::<Vec<_>>(), [&name("email")]);
    assert_eq!(order.fields_of(Need::Optional).collect::<Vec<_>>(), [&name("custom.size")]);
    assert_eq!(order.recipients, ["Vervoerder"]);
    let remarked = Register::parse(&format!("# note\nversion = 1\n{SMALL}")).unwrap();
    assert_eq!(remarked, register, "comments do not make another register");
    let other = Register::parse(&SMALL.replace("P2Y", "P3Y")).unwrap();
    assert_ne!(other.canonical_bytes(), register.canonical_bytes());
}

/// Checks that a change to the small register gives a problem at a line and path, in other words in each language.
fn refused(from: &str, to: &str, line: u32, path: &str) {
    assert!(SMALL.contains(from), "{from}");
    let problems = Register::parse(&SMALL.replacen(from, to, 1)).unwrap_err();
    let found = problems.iter().find(|problem| problem.line == Some(line) && problem.path == path);
    let problem = found.unwrap_or_else(|| panic!("{from} -> {to}: {problems:?}"));
    assert_ne!(problem.text.nl, problem.text.en);
    assert!(problem.text(Lang::Nl).starts_with(&format!("regel {line}")), "{problem}");
    assert!(problem.to_string().starts_with(&format!("line {line}")), "{problem}");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    refused("default_country = \"BE\"", "default_country = \"be\"", 1, "default_country");
    refused("default_country = \"BE\"", "default_country = \"QQ\"", 1, "default_country");
    refused("default_country = \"BE\"", "default_country = 31", 1, "default_country");
    refused("default_country = \"BE\"", "version = 2", 1, "version");
    refused("default_country", "default_land", 1, "default_land");
    refused("[fields]", "[fields", 2, "");
    refused("kind = \"email_address\"", "kind = \"e-mail\"", 3, "fields.email.kind");
    refused("kind = \"email_address\", ", "", 3, "fields.email.kind");
    refused("en = \"E-mail\"", "de = \"E-Mail\"", 3, "fields.email.de");
    refused("en = \"E-mail\"", "en = \"\"", 3, "fields.email.en");
    refused("en = \"E-mail\"", "en = \"a\\u0000b\"", 3, "fields.email.en");
    refused("email = {", "Email = {", 3, "fields.Email");
    refused("\"custom.size\" = {", "custom.size = {", 4, "fields.custom.size");
    refused("\"custom.size\" = {", "email = {", 4, "");
    refused("[purposes.order]", "[purposes.Order]", 5, "purposes.Order");
    refused("[purposes.order]", "[purposes]\norder = 1\n[purposes.other]", 6, "purposes.order");
    refused("name = { nl = \"Bestelling\", en = \"Order\" }", "name = \"Order\"", 6, "purposes.order.name");
    refused("basis = \"contract\"", "basis = \"because\"", 7, "purposes.order.basis");
    refused("basis = \"contract\"", "basis = \"legitimate_interest\"", 5, "purposes.order.balancing");
    refused("basis = \"contract\"", "basis = \"consent\"", 5, "purposes.order.class");
    refused("law = \"AVG art. 6(1)(b)\"\n", "", 5, "purposes.order.law");
    refused("class = \"profile\"", "class = \"tax\"", 5, "purposes.order.class");
    refused("class = \"profile\"", "class = \"gold\"", 9, "purposes.order.class");
    refused("[\"email\"]", "[\"emial\"]", 10, "purposes.order.required");
    refused("[\"email\"]", "[\"email\", \"email\"]", 10, "purposes.order.required");
    refused("[\"email\"]", "[\"E-mail\"]", 10, "purposes.order.required");
    refused("[\"email\"]", "[1]", 10, "purposes.order.required");
    refused("[\"email\"]", "\"email\"", 10, "purposes.order.required");
    refused("[\"custom.size\"]", "[\"email\"]", 11, "purposes.order.optional");
    refused("[\"Vervoerder\"]", "[\"\"]", 12, "purposes.order.recipients");
    refused("start = \"order_completed\"", "start = \"birth\"", 13, "purposes.order.retention.start");
    refused(
        "start = \"order_completed\"",
        "start = \"consent_withdrawn\"",
        5,
        "purposes.order.retention.start",
    );
    refused("\"P2Y\"", "\"2 jaar\"", 13, "purposes.order.retention.keep");
    refused("\"P2Y\"", "\"P0D\"", 5, "purposes.order.retention.keep");
    refused("action = \"delete\"", "action = \"sell\"", 13, "purposes.order.retention.action");
    refused(
        "action = \"delete\"",
        "action = \"delete\", legal_hold = true",
        13,
        "purposes.order.retention.legal_hold",
    );
    refused("required = [\"email\"]\noptional = [\"custom.size\"]\n", "", 5, "purposes.order");
}

#[test]
fn limits_hold() {
    let problems = |toml: &str| Register::parse(toml).unwrap_err();
    let long = format!("{SMALL}#{}", "x".repeat(REGISTER_BYTES_MAX));
    assert_eq!(problems(&long).len(), 1);
    let fields: String = (0..=FIELDS_MAX)
        .map(|n| format!("f{n} = {{ kind = \"custom\", nl = \"a\", en = \"b\" }}\n"))
        .collect();
    assert!(
        problems(&SMALL.replace("[fields]\n", &format!("[fields]\n{fields}")))
            .iter()
            .any(|p| p.path == "fields")
    );
    let purposes: String = (0..=PURPOSES_MAX).map(|n| format!("[purposes.p{n}]\nname = 1\n")).collect();
    assert!(problems(&format!("{SMALL}{purposes}")).iter().any(|p| p.path == "purposes"));
    let many: String = (0..500).map(|n| format!("unknown_{n} = 1\n")).collect();
    assert_eq!(problems(&format!("{many}{SMALL}")).len(), PROBLEMS_MAX);
    for nothing in
        ["", "[fields]", "[purposes]", "fields = 1", "\u{0}", "[[purposes]]", "fields = []\npurposes = []"]
    {
        assert!(!problems(nothing).is_empty(), "{nothing:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "[a-z\\[\\]=\"{}., \\n0-9#é]{0,200}") {
        let _ = Register::parse(&text);
    }

    #[test]
    fn any_damage_is_answered(at in 0..SMALL.len(), with in ".{0,3}") {
        let damaged = format!("{}{with}{}", &SMALL[..at], &SMALL[at + 1..]);
        if let Err(problems) = Register::parse(&damaged) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|p| !p.text(Lang::Nl).is_empty()));
        }
    }
}
