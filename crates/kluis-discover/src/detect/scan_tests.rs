//! What a scan finds in texts, what it must leave alone, and that pieces change nothing.

use proptest::prelude::*;

use super::*;

fn scan(text: &str) -> Vec<(Kind, &str, Certainty)> {
    let mut found = Vec::new();
    Scanner::new().scan(text.as_bytes(), |hit| {
        found.push((hit.kind, &text[hit.start..hit.end], hit.certainty));
    });
    found
}

#[track_caller]
fn check(text: &str, expected: &[(Kind, &str, Certainty)]) {
    assert_eq!(scan(text), expected, "{text}");
}

use Certainty::{Certain, Likely, Possible};

#[test]
fn numbers_are_certain_only_beside_a_word() {
    check("BSN: 111222333.", &[(Kind::Bsn, "111222333", Certain)]);
    check("111222333 is zijn bsn", &[(Kind::Bsn, "111222333", Certain)]);
    check("order 111222333 verzonden", &[(Kind::Bsn, "111222333", Possible)]);
    check("burgerservicenummer 1112.22.333", &[(Kind::Bsn, "1112.22.333", Certain)]);
    check("order 111222334", &[]);
    check("bedrag 111222333.50", &[]);
    check("kvk 12345678", &[(Kind::Kvk, "12345678", Certain)]);
    check("artikel 12345678", &[]);
    check("rijbewijs 1234567890", &[(Kind::DrivingLicence, "1234567890", Certain)]);
    check("imei 490154203237518", &[(Kind::Imei, "490154203237518", Certain)]);
    check("paspoort NW1234567", &[(Kind::IdDocument, "NW1234567", Certain)]);
    check("artikel NW1234567", &[]);
}

#[test]
fn numbers_that_count_things_are_only_possible() {
    check("trackingnummer 4111111111111111", &[(Kind::Card, "4111111111111111", Possible)]);
    check("order nr. 4111111111111111", &[(Kind::Card, "4111111111111111", Possible)]);
    check("bestelling betaald met 4111111111111111", &[(Kind::Card, "4111111111111111", Likely)]);
    check("bsn onbekend, order 111222333", &[(Kind::Bsn, "111222333", Possible)]);
    check("order van klant met bsn 111222333", &[(Kind::Bsn, "111222333", Certain)]);
    check("artikelnummer 0612345678", &[(Kind::Phone, "0612345678", Possible)]);
    check("serienummer 490154203237518 (imei)", &[]);
    check("bsn:\n111222333", &[(Kind::Bsn, "111222333", Certain)]);
    check("bsn gevraagd\nnummer 111222333", &[(Kind::Bsn, "111222333", Possible)]);
    check("Dorpsstraat 12 bis, 1234 AB Utrecht", &[(Kind::Address, "1234 AB", Certain)]);
}

#[test]
fn cards_and_accounts() {
    check("betaald met 4111 1111 1111 1111", &[(Kind::Card, "4111 1111 1111 1111", Certain)]);
    check("creditcard 4111111111111111", &[(Kind::Card, "4111111111111111", Certain)]);
    check("4111111111111111", &[(Kind::Card, "4111111111111111", Likely)]);
    check("4111111111111111.25", &[]);
    check("ean 8710400311140", &[]);
    check("rekening NL91 ABNA 0417 1643 00 t.n.v.", &[(Kind::Iban, "NL91 ABNA 0417 1643 00", Certain)]);
    check("NL92 ABNA 0417 1643 00", &[]);
    check("btw NL111222333B01", &[(Kind::VatWithBsn, "NL111222333B01", Possible)]);
    check("btw NL000099998B57", &[(Kind::Vat, "NL000099998B57", Certain)]);
}

#[test]
fn ways_to_reach_somebody() {
    check(
        "mail jan@winkel.example of bel 06-12345678",
        &[(Kind::Email, "jan@winkel.example", Certain), (Kind::Phone, "06-12345678", Certain)],
    );
    check("06 12 34 56 78", &[(Kind::Phone, "06 12 34 56 78", Likely)]);
    check("+31 (0)6 12345678", &[(Kind::Phone, "+31 (0)6 12345678", Certain)]);
    check("klantenservice 0800-1234 of 088 1234567", &[]);
    check("piet123456782@winkel.example", &[(Kind::Email, "piet123456782@winkel.example", Certain)]);
    check("111222333@winkel.example", &[(Kind::Email, "111222333@winkel.example", Certain)]);
    check("0201234567", &[(Kind::Phone, "0201234567", Possible)]);
}

#[test]
fn places_and_machines() {
    check("Dorpsstraat 12, 1234 AB Utrecht", &[(Kind::Address, "1234 AB", Certain)]);
    check("1234AB,12,Utrecht", &[(Kind::Address, "1234AB", Certain)]);
    check("model 4000 XL", &[(Kind::Postcode, "4000 XL", Possible)]);
    check("1024 SD kaart", &[]);
    check("bezorgen in 1234 AB Utrecht", &[(Kind::Postcode, "1234 AB", Likely)]);
    check("van 203.0.113.7", &[(Kind::Ip, "203.0.113.7", Likely)]);
    check("versie 2.4.1.0", &[]);
    check("ip 2.4.1.0", &[(Kind::Ip, "2.4.1.0", Likely)]);
    check("2001:db8::1:2 om 12:30:45", &[(Kind::Ip, "2001:db8::1:2", Certain)]);
    check("00:1a:2b:3c:4d:5e", &[(Kind::Mac, "00:1a:2b:3c:4d:5e", Certain)]);
    check("kenteken GB-123-X", &[(Kind::Plate, "GB-123-X", Certain)]);
    check("12-ABC-3", &[(Kind::Plate, "12-ABC-3", Possible)]);
}

#[test]
fn people_by_name_and_birth() {
    check("Jan de Vries belde", &[(Kind::FullName, "Jan de Vries", Likely)]);
    check("mevrouw Özkan", &[(Kind::FullName, "mevrouw Özkan", Likely)]);
    check("dhr. J. Pietersma", &[(Kind::FullName, "dhr. J. Pietersma", Likely)]);
    check("Jan Fietsenmaker", &[(Kind::FullName, "Jan Fietsenmaker", Possible)]);
    check("jan de vries", &[]);
    check("De fiets van de Utrechtse winkel", &[]);
    check("geboren op 31-12-1980", &[(Kind::BirthDate, "31-12-1980", Certain)]);
    check("besteld op 31-12-2020 om 12:00", &[]);
}

#[test]
fn special_categories_need_somebody() {
    let health = Kind::Special(Special::Health);
    check("mevrouw heeft diabetes", &[(health, "diabetes", Likely)]);
    check("koekjes zonder suiker voor diabetes", &[(health, "diabetes", Possible)]);
    check("allergie en astma", &[(health, "allergie", Possible), (health, "astma", Likely)]);
    check("seksuele voorkeur", &[(Kind::Special(Special::Sexuality), "seksuele voorkeur", Possible)]);
    check("seksuele voorlichting", &[]);
}

#[test]
fn secrets() {
    let bcrypt = format!("$2y$10${}", "a".repeat(53));
    check(&format!("'{bcrypt}',"), &[(Kind::PasswordHash, bcrypt.as_str(), Certain)]);
    let key = format!("shpat_{}", "a1".repeat(16));
    check(&format!("token={key}"), &[(Kind::ApiKey, key.as_str(), Certain)]);
    check("kost $20 of $2y", &[]);
}

const PIECES: [&str; 16] = [
    "bsn 111222333 ",
    "jan@winkel.example ",
    "4111 1111 1111 1111 ",
    "NL91 ABNA 0417 1643 00 ",
    "06-12345678, ",
    "fiets ",
    "\n",
    "Jan de Vries ",
    "1234 AB 12 ",
    "kenteken GB-123-X ",
    "+31 6 12345678 ",
    "2001:db8::1:2 ",
    "31-12-1980 ",
    "ordernr 99887766 ",
    "é",
    ";",
];

fn hits_of(pieces: &[&[u8]]) -> Vec<(u64, Kind, Certainty)> {
    let scanner = Scanner::new();
    let (mut stream, mut found) = (Stream::new(&scanner), Vec::new());
    for piece in pieces {
        stream.feed(piece, |at, hit, _| found.push((at, hit.kind, hit.certainty)));
    }
    stream.finish(|at, hit, _| found.push((at, hit.kind, hit.certainty)));
    found
}

proptest! {
    #[test]
    fn pieces_change_nothing(parts in prop::collection::vec(0..PIECES.len(), 0..300), size in 1usize..700) {
        let text: String = parts.iter().map(|part| PIECES[*part]).collect();
        let whole = hits_of(&[text.as_bytes()]);
        let cut: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        prop_assert_eq!(hits_of(&cut), whole);
    }

    #[test]
    fn any_bytes_are_read_and_hits_are_in_order(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut last = 0;
        Scanner::new().scan(&bytes, |hit| {
            assert!(hit.start >= last && hit.end > hit.start && hit.end <= bytes.len());
            last = hit.end;
        });
    }

    #[test]
    fn any_text_of_marks_is_read(text in "[0-9A-Za-z@$+:. \\-/()<,]{0,400}") {
        let mut last = 0;
        Scanner::new().scan(text.as_bytes(), |hit| {
            assert!(hit.start >= last && hit.end <= text.len());
            last = hit.end;
        });
    }
}
