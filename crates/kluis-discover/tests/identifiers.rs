//! Every identifier, right and nearly right: what is right is found whole, what is off by one digit never is.

use kluis_discover::detect::{Certainty, Hit, Scanner};
use kluis_discover::testing::{Dice, Person, identifiers as make};
use kluis_discover::{Column, Kind};
use proptest::prelude::*;

fn hits(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    Scanner::new().scan(text.as_bytes(), |hit| hits.push(hit));
    hits
}

/// The value is found whole and certain behind the word, and nothing else is.
#[track_caller]
fn whole(word: &str, value: &str, kind: Kind) {
    let text = format!("{word} {value}, verder niets");
    let expected =
        Hit { kind, start: word.len() + 1, end: word.len() + 1 + value.len(), certainty: Certainty::Certain };
    assert_eq!(hits(&text), [expected], "{text}");
}

/// Changes the digit at `place` among the digits of a value into another one.
fn off_by_one_digit(value: &str, place: usize, by: u8) -> String {
    let digits: Vec<usize> =
        value.bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()).map(|(n, _)| n).collect();
    let at = digits[place % digits.len()];
    let mut bytes = value.as_bytes().to_vec();
    bytes[at] = b'0' + (bytes[at] - b'0' + 1 + by % 9) % 10;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_absent(text: &str, kind: Kind) -> bool {
    hits(text).iter().all(|hit| hit.kind != kind)
}

fn decided(name: &str, cells: impl IntoIterator<Item = String>) -> Option<Kind> {
    let scanner = Scanner::new();
    let mut column = Column::new(name, 2026);
    cells.into_iter().for_each(|cell| column.add(&scanner, cell.as_bytes()));
    column.decide().kind
}

proptest! {
    #[test]
    fn right_values_are_found_whole(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        whole("bsn", &make::bsn(&mut dice), Kind::Bsn);
        whole("creditcard", &make::card(&mut dice), Kind::Card);
        whole("rekening", &make::iban(&mut dice), Kind::Iban);
        whole("imei", &make::imei(&mut dice), Kind::Imei);
        whole("btw", &make::vat(&mut dice), Kind::Vat);
        whole("tel", &make::phone(&mut dice), Kind::Phone);
        whole("kenteken", &make::plate(&mut dice), Kind::Plate);
        whole("paspoort", &make::document(&mut dice), Kind::IdDocument);
        let person = Person::invent(&mut dice);
        whole("mail", &person.email, Kind::Email);
        let ip = hits(&format!("ip {}, verder niets", person.ip));
        prop_assert!(ip.len() == 1 && ip[0].kind == Kind::Ip && ip[0].end == 3 + person.ip.len(), "{}", person.ip);
    }

    #[test]
    fn one_wrong_digit_is_never_found(seed in any::<u64>(), place in 0usize..40, by in 0u8..9) {
        let mut dice = Dice::new(seed);
        let bsn = off_by_one_digit(&make::bsn(&mut dice), place, by);
        prop_assert!(is_absent(&format!("bsn {bsn}"), Kind::Bsn), "{}", bsn);
        let card = off_by_one_digit(&make::card(&mut dice), place, by);
        prop_assert!(is_absent(&format!("creditcard {card}"), Kind::Card), "{}", card);
        let iban = off_by_one_digit(&make::iban(&mut dice), place, by);
        prop_assert!(is_absent(&format!("iban {iban}"), Kind::Iban), "{}", iban);
        let imei = off_by_one_digit(&make::imei(&mut dice), place, by);
        prop_assert!(is_absent(&format!("imei {imei}"), Kind::Imei), "{}", imei);
    }

    #[test]
    fn numbers_of_things_are_at_most_possible(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let values = [
            ("ordernummer", make::order_like_bsn(&mut dice)),
            ("ean", make::ean(&mut dice)),
            ("trackingnummer", make::order_like_bsn(&mut dice)),
            ("rekening", make::false_iban(&mut dice)),
            ("serienummer", make::imei(&mut dice)),
            ("product", make::product(&mut dice)),
        ];
        for (word, value) in values {
            let text = format!("{word} {value} op voorraad");
            prop_assert!(hits(&text).iter().all(|hit| hit.certainty == Certainty::Possible), "{}", text);
        }
    }

    #[test]
    fn addresses_of_mail_need_every_part(local in "[a-z]{1,12}", label in "[a-z]{2,12}") {
        for text in [
            format!("{local}@"),
            format!("@{label}.example"),
            format!("{local}@{label}"),
            format!("{local}@.{label}.example"),
            format!("{local}.@{label}.example"),
            format!("{local}@{label}..example"),
            format!("{local}@-{label}.example"),
            format!("{local}@{label}.1"),
        ] {
            prop_assert!(is_absent(&text, Kind::Email), "{}", text);
        }
    }

    #[test]
    fn columns_of_numbers_that_count_are_nobodys(
        start in 100_000_000u64..900_000_000,
        step in 1u64..50,
        count in 1u64..300,
        name in prop::sample::select(vec!["", "kolom 1", "ordernummer", "nummer", "referentie"]),
    ) {
        let nine = (0..count).map(|n| (start + n * step).to_string());
        let kind = decided(name, nine);
        prop_assert!(!matches!(kind, Some(Kind::Bsn | Kind::Card)), "{name} {start} {step} {count}: {kind:?}");
        let sixteen = (0..count).map(|n| (4_000_000_000_000_000 + start + n * step).to_string());
        let kind = decided(name, sixteen);
        prop_assert!(!matches!(kind, Some(Kind::Bsn | Kind::Card)), "{name} {start} {step} {count}: {kind:?}");
    }

    #[test]
    fn columns_of_articles_are_nobodys(seed in any::<u64>(), count in 1usize..300) {
        let mut dice = Dice::new(seed);
        for name in ["", "ean", "barcode"] {
            let kind = decided(name, (0..count).map(|_| make::ean(&mut dice)));
            prop_assert_eq!(kind, None, "{}", name);
        }
    }

    #[test]
    fn columns_of_people_are_found_from_a_few_cells(seed in any::<u64>(), count in 12usize..60) {
        let mut dice = Dice::new(seed);
        let kind = decided("x", (0..count).map(|_| make::bsn(&mut dice)));
        prop_assert_eq!(kind, Some(Kind::Bsn));
        let kind = decided("x", (0..count).map(|_| make::card(&mut dice)));
        prop_assert_eq!(kind, Some(Kind::Card));
        let kind = decided("x", (0..count).map(|_| make::iban(&mut dice)));
        prop_assert_eq!(kind, Some(Kind::Iban));
        let kind = decided("x", (0..count).map(|_| make::vat(&mut dice)));
        prop_assert_eq!(kind, Some(Kind::Vat));
    }
}
