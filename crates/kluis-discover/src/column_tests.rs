//! Columns that hold something, columns that only look like it, and columns that lie about their name.

use super::*;

fn column(name: &str, cells: impl IntoIterator<Item = String>) -> Verdict {
    let scanner = Scanner::new();
    let mut column = Column::new(name, 2026);
    cells.into_iter().for_each(|cell| column.add(&scanner, cell.as_bytes()));
    column.decide()
}

#[track_caller]
fn check(name: &str, cells: impl IntoIterator<Item = String>, expected: Option<Kind>) {
    let verdict = column(name, cells);
    assert_eq!(verdict.kind, expected, "{name}: {verdict:?}");
}

/// Numbers of nine digits that pass the eleven test.
fn bsns(count: usize) -> impl Iterator<Item = String> {
    (0u32..)
        .map(|n| 100_000_000 + (n * 7_919) % 800_000_000)
        .filter(|n| {
            let digits: Vec<u8> = n.to_string().bytes().map(|byte| byte - b'0').collect();
            kluis_model::checksum::passes_eleven(&digits)
        })
        .map(|n| n.to_string())
        .take(count)
}

fn texts(words: &[&str], count: usize) -> Vec<String> {
    words.iter().cycle().take(count).map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_bsn_column_is_found_by_its_checks_whatever_its_name() {
    check("x", bsns(20), Some(Kind::Bsn));
    check("bsn", bsns(2), Some(Kind::Bsn));
    check("bsn", (0..50).map(|n| (100_000_000 + n * 13).to_string()), None);
    let verdict = column("burgerservicenummer", bsns(500));
    assert_eq!((verdict.certainty, verdict.samples[0].as_str()), (Certainty::Certain, "999999999"));
}

#[test]
fn numbers_that_only_count_are_nobodys() {
    check("ordernummer", (0..2_000).map(|n| (200_000_000 + n).to_string()), None);
    check("order_id", (0..2_000).map(|n| (200_000_000 + n * 37).to_string()), None);
    check("", (0..2_000).map(|n| (200_000_000u64 + n * 7_919 % 700_000_000).to_string()), None);
    check("ean", (0..500u64).map(|n| ean(871_000_000_000 + n * 31)), None);
    check("artikelnummer", (0..500u64).map(|n| format!("SKU-{n:06}")), None);
    check("barcode", (0..500u64).map(|n| (4_000_000_000_000_000 + n * 77).to_string()), None);
    check("totaal", (0..500).map(|n| format!("{n},50")), None);
    check("besteld_op", (0..500).map(|n| format!("2025-{:02}-{:02} 12:00:00", n % 12 + 1, n % 28 + 1)), None);
}

fn ean(twelve: u64) -> String {
    let digits: Vec<u64> = twelve.to_string().bytes().map(|byte| u64::from(byte - b'0')).collect();
    let sum: u64 = digits.iter().enumerate().map(|(n, digit)| digit * if n % 2 == 0 { 1 } else { 3 }).sum();
    format!("{twelve}{}", (10 - sum % 10) % 10)
}

#[test]
fn usual_columns_are_known() {
    check("a", (0..50).map(|n| format!("klant{n}@winkel.example")), Some(Kind::Email));
    check("b", (0..50).map(|n| format!("06{:08}", 12_345_678 + n * 9)), Some(Kind::Phone));
    check(
        "c",
        texts(&["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"], 9),
        Some(Kind::Card),
    );
    check("d", texts(&["NL91ABNA0417164300", "BE68539007547034"], 10), Some(Kind::Iban));
    check("e", (0..50).map(|n| format!("{} AB", 1_000 + n)), Some(Kind::Postcode));
    check("f", (0..50).map(|n| format!("192.0.2.{n}")), Some(Kind::Ip));
    check("g", texts(&["Jan", "Fatima", "Willem", "Xylo", "Zoë", "Piet"], 60), Some(Kind::GivenName));
    check("h", texts(&["de Vries", "Jansen", "Bakker", "Qwirrel", "van den Berg"], 60), Some(Kind::Surname));
    check("i", texts(&["Utrecht", "Amsterdam", "Ons Dorp", "Zwolle"], 60), Some(Kind::City));
    check("j", (0..60).map(|n| format!("Dorpsstraat {n}")), Some(Kind::Street));
    check("geboortedatum", (0..60).map(|n| format!("{}-03-12", 1950 + n)), Some(Kind::BirthDate));
    check("k", (0..60).map(|n| format!("{}-03-12", 1950 + n)), Some(Kind::BirthDate));
    check("aanhef", texts(&["dhr.", "mevr."], 30), Some(Kind::Gender));
    check("huisnummer", (1..60).map(|n| n.to_string()), Some(Kind::HouseNumber));
    check(
        "opmerking",
        texts(&["graag bij de buren afgeven", "bel voor levering aan"], 20),
        Some(Kind::FreeText),
    );
    check("kvk_nummer", (0..30).map(|n| (12_345_678 + n).to_string()), Some(Kind::Kvk));
    check("first_name", texts(&["Xbala", "Ngozi", "Oluwaseun"], 30), Some(Kind::GivenName));
}

#[test]
fn passwords_are_told_by_how_they_are_kept() {
    check("user_pass", (0..9).map(|n| format!("$2y$10${}{n}", "a".repeat(52))), Some(Kind::PasswordHash));
    check("password", (0..9).map(|n| format!("{n}{}", "a".repeat(31))), Some(Kind::PasswordPlain));
    check("wachtwoord", texts(&["geheim", "welkom01"], 9), Some(Kind::PasswordPlain));
    check("etag", (0..9).map(|n| format!("{n}{}", "a".repeat(31))), None);
}

#[test]
fn names_that_lie_decide_nothing() {
    check("product_name", texts(&["Roos", "Iris", "Jan", "Fiets"], 40), None);
    check("email_template", texts(&["welkom", "bevestiging"], 40), None);
    check("city", (0..60).map(|n| (n * 7).to_string()), None);
    check("maat", texts(&["m", "x", "s", "l"], 40), None);
    check("kleur", texts(&["Wit", "Zwart", "Groen", "Blauw", "Rood"], 50), None);
    check("leeg", texts(&[""], 50), None);
}

#[test]
fn a_part_of_a_column_is_told_with_its_share() {
    let cells =
        (0..100).map(|n| if n % 10 == 0 { format!("k{n}@winkel.example") } else { format!("nr {n}") });
    let verdict = column("referentie", cells);
    assert_eq!((verdict.kind, verdict.also.as_slice()), (None, &[(Kind::Email, 0.1)][..]));
    let notes = (0..50).map(|n| format!("graag bellen op 06-123456{:02} als er niemand is", n % 100));
    let verdict = column("opmerking", notes);
    assert_eq!((verdict.kind, verdict.also[0].0), (Some(Kind::FreeText), Kind::Phone));
    assert_eq!(verdict.samples[0].chars().next(), Some('('), "texts are never shown");
}

#[test]
fn nothing_is_decided_without_cells_and_one_value_proves_little() {
    check("bsn", Vec::new(), None);
    check("x", bsns(1), None);
    check("x", bsns(2), None);
    check("x", texts(&["4111111111111111"], 1), None);
}

#[test]
fn different_values_are_counted() {
    let about = |count: u32| column("x", (0..count).map(|n| format!("waarde {n}"))).distinct;
    assert_eq!((about(0), about(1)), (0, 1));
    assert!((90..=110).contains(&about(100)) && (1_800..=2_200).contains(&about(2_000)), "{}", about(2_000));
}
