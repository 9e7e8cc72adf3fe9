//! Notes, mails and log lines with planted values whose places are known, and with what only looks like them.

use super::people::{self, Dice, Person};
use crate::{Kind, Special};

/// A text with what was planted in it.
#[derive(Debug, Clone, Default)]
pub struct LabelledText {
    /// The text.
    pub text: String,
    /// What was planted.
    pub planted: Vec<Planted>,
}

/// A value that was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// Past its last byte.
    pub end: usize,
    /// Whether a word near it says what it is, or its own form does.
    pub is_told: bool,
}

/// Lines with places for values: `{=x}` is a value that nothing near it tells, `{-x}` only looks like one.
const LINES: &[&str] = &[
    "Klant gaf BSN {bsn} door aan de telefoon, niet nodig voor de bestelling.",
    "burgerservicenummer: {bsn}",
    "kopie ID ontvangen, sofinummer {bsn}, in dossier gedaan",
    "nummer op het formulier is {=bsn}",
    "terugbetalen op {iban} t.n.v. {name}",
    "IBAN {iban}",
    "Rekening: {iban}.",
    "betaald met creditcard {card}, geldig tot 04/29",
    "kaart {card}",
    "Graag bellen op {phone} als er niemand thuis is.",
    "tel: {phone}",
    "bereikbaar via {phone} of {email}",
    "mobiel {phone}",
    "Mail van {email}: waar blijft mijn pakket?",
    "From: {name} <{email}>",
    "To: \"Winkel\" <{email}>",
    "factuur sturen naar {email}.",
    "Bezorgen op {street} {number}, {address} {city}",
    "adres klopt niet, moet zijn {street} {number}, {address} {city}",
    "mevrouw {family} belde over de levering",
    "dhr. {family} wil ruilen",
    "{name} heeft twee keer betaald",
    "Besproken met {name}, akkoord",
    "geboortedatum {born}, dus oud genoeg",
    "Klant geboren op {born}",
    "kenteken {plate} voor de dakdrager",
    "btw-nummer {vat}",
    "btw nr. {=oldvat} van de eenmanszaak",
    "kvk {kvk}, wil op rekening kopen",
    "paspoort {document} gezien",
    "imei {imei} van de telefoon is geblokkeerd",
    "rijbewijs {licence} gecontroleerd bij huur",
    "klant heeft {health} en kan niet tillen",
    "mevrouw is {health2}, graag voor 1 mei leveren",
    "{ip} - - [25/Nov/2026:10:11:12 +0100] \"GET /winkel/{-product} HTTP/1.1\" 200 512",
    "remote {ip} GET /account 200",
    "inlog mislukt voor {email} van ip {ip}",
    "sleutel {apikey} staat in de code",
    "wachtwoord is opgeslagen als {hash}",
    // Nothing of people in these.
    "bestelling {-bsn} verzonden",
    "Order {-bsn} is geannuleerd, order {-bsn} blijft staan",
    "ordernummer: {-bsn}",
    "factuurnummer {-bsn} betaald",
    "artikel {-ean} niet op voorraad",
    "EAN {-ean}",
    "sku {-sku} vervangen door {-sku}",
    "trackingnummer {-card}",
    "zending {-card} is onderweg",
    "track en trace 3S{-sku}",
    "bedrag 1.234,56 euro, korting 12.50",
    "totaal 111222333.50",
    "versie 2.4.1.0 van de plugin, PHP 8.3.12",
    "{-product} is uitverkocht",
    "{-product} retour, krasje op de poot",
    "verzonden op 12-11-2026 om 10:11:12",
    "leverdatum 2026-12-01, besteld 2026-11-25",
    "geheugenkaart 1024 SD en 2048 SS",
    "afspraak om 12:30:45, Foo::Bar in regel 12",
    "rekening {-iban} klopt niet volgens de bank",
    "commit 5f4dcc3b5aa765d61d8327deb882cf99 teruggedraaid",
    "serienummer {-imei} van de machine",
    "klantenservice 0800-1234, of 088 1234567",
    "pallet van 120 x 80 x 15, 240 kg",
    "btw 21% over 99,95",
    "De fiets van de Utrechtse winkel staat klaar",
    "koekjes zonder suiker, geschikt voor diabetes",
    "nieuwe collectie in Amsterdam en Utrecht",
];

/// Writes so many lines.
pub fn text(dice: &mut Dice, lines: usize) -> LabelledText {
    text_of(dice, lines, LINES)
}

/// Writes so many lines of some kinds.
pub(super) fn text_of(dice: &mut Dice, lines: usize, templates: &[&'static str]) -> LabelledText {
    let mut made = LabelledText::default();
    for _ in 0..lines {
        let template = dice.pick(templates);
        let person = Person::invent(dice);
        line(&mut made, dice, &person, template);
        made.text.push('\n');
        // Most notes stand apart.
        if dice.percent(70) {
            made.text.push_str("---- volgende notitie ---- volgende notitie ---- volgende notitie ----\n");
        }
    }
    made
}

fn line(made: &mut LabelledText, dice: &mut Dice, person: &Person, template: &str) {
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        made.text.push_str(&rest[..open]);
        let close = rest[open..].find('}').map_or(rest.len(), |at| open + at);
        let name = &rest[open + 1..close];
        let (is_told, is_planted) = (!name.starts_with('='), !name.starts_with('-'));
        let (kind, value) = if is_planted {
            value(dice, person, name.trim_start_matches('='))
        } else {
            (None, likeness(dice, name))
        };
        let start = made.text.len();
        made.text.push_str(&value);
        if let Some(kind) = kind {
            made.planted.push(Planted { kind, start, end: made.text.len(), is_told });
        }
        rest = &rest[close + 1..];
    }
    made.text.push_str(rest);
}

/// A value by the name of its place.
fn value(dice: &mut Dice, person: &Person, name: &str) -> (Option<Kind>, String) {
    let health = Kind::Special(Special::Health);
    let (kind, value) = match name {
        "bsn" => (Kind::Bsn, people::bsn(dice)),
        "iban" => (Kind::Iban, people::iban(dice)),
        "card" => (Kind::Card, people::card(dice)),
        "phone" => (Kind::Phone, person.phone.clone()),
        "email" => (Kind::Email, person.email.clone()),
        "address" => (Kind::Address, person.postcode.clone()),
        "name" => (Kind::FullName, person.name()),
        "family" => (Kind::FullName, person.family()),
        "born" => {
            let (year, month, day) = person.born;
            (Kind::BirthDate, format!("{day:02}-{month:02}-{year}"))
        }
        "plate" => (Kind::Plate, people::plate(dice)),
        "vat" => (Kind::Vat, people::vat(dice)),
        "oldvat" => (Kind::VatWithBsn, people::vat_with_bsn(dice)),
        "kvk" => (Kind::Kvk, (10_000_000 + dice.below(89_999_999)).to_string()),
        "document" => (Kind::IdDocument, people::document(dice)),
        "imei" => (Kind::Imei, people::imei(dice)),
        "licence" => (Kind::DrivingLicence, (3_000_000_000 + dice.below(2_999_999_999)).to_string()),
        "health" => (health, dice.pick(&["diabetes", "astma", "reuma", "epilepsie"]).to_owned()),
        "health2" => (health, dice.pick(&["zwanger", "allergisch", "ziek"]).to_owned()),
        "ip" => (Kind::Ip, person.ip.clone()),
        "apikey" => (Kind::ApiKey, format!("sk_live_{:016x}{:016x}", dice.roll(), dice.roll())),
        "hash" => (Kind::PasswordHash, format!("$2y$10${}", hash_text(dice, 53))),
        "street" => return (None, person.street.clone()),
        "number" => return (None, person.number.clone()),
        "city" => return (None, person.city.clone()),
        _ => return (None, name.to_owned()),
    };
    (Some(kind), value)
}

/// What only looks like a value.
fn likeness(dice: &mut Dice, name: &str) -> String {
    match name {
        "-bsn" => people::order_like_bsn(dice),
        "-card" => people::track_like_card(dice),
        "-iban" => people::false_iban(dice),
        "-imei" => people::imei(dice),
        "-ean" => people::ean(dice),
        "-product" => people::product(dice),
        _ => sku(dice),
    }
}

fn sku(dice: &mut Dice) -> String {
    format!("{}{:07}", dice.pick(&["AB-", "FTS", "XK-"]), dice.below(10_000_000))
}

/// Letters and digits as in a hash.
pub(super) fn hash_text(dice: &mut Dice, length: usize) -> String {
    const MARKS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";
    (0..length).map(|_| char::from(MARKS[dice.below(64) as usize])).collect()
}
