//! Notes and tables that the scanner's rules were never tried on while they were written: what a shop may expect.
//!
//! When a fault here is repaired, move the line or table to the others and write a new one, or the figure means nothing.

use super::tables::{Make, Spec, TableSpec, plain};
use crate::{Kind, Special};

/// Notes.
pub(super) const LINES: &[&str] = &[
    "Hoi, wil je het geld storten op {iban}? Groet, {name}",
    "Mijn nieuwe nummer: {phone}. Oude nummer vervalt.",
    "{name}, {street} {number}, {address} {city}, tel. {phone}",
    "Doorgestuurd van {email} aan de administratie",
    "Volgens salarisadministratie bsn-nr {bsn}",
    "ID-bewijs nr {document} geldig t/m 2031",
    "Auto met nummerbord {=plate} stond voor de deur",
    "Klant ({email}) vraagt om creditnota",
    "Geb. {born}, dus korting 65+",
    "Pasnummer {card} werd geweigerd",
    "incasso {iban} gestorneerd",
    "BTW-id {vat} gecontroleerd in VIES",
    "Heeft een {health}-hulpmiddel besteld voor haar man",
    "Spreek in op {phone}, vraag naar {name}",
    "Bezorger: bij {family} op nummer {number} afgegeven",
    "aanmelding nieuwsbrief {email} vanaf {ip}",
    "Inkooporder {-bsn} en pakbon {-bsn} kwijt",
    "RMA {-card} aangemaakt",
    "pakbon {-bsn} gescand op 12-11-2026",
    "IMEI van de retour: {imei}",
    "GTIN-code {-ean} klopt niet met doos {-ean}",
    "Jan Steen tentoonstelling, kaarten uitverkocht",
    "firmware 10.2.31.4 geplaatst op de kassa",
    "Nieuwe voorraad: 2500 GB schijven, 4711 XL shirts",
    "PIN-bon 123456 terminal 40011223",
    "ruilen maat 38 voor maat 40, kleur rood",
    "omzet week 47: 12.345,67",
];

const N: Option<Kind> = None;

/// Tables.
pub(super) const TABLES: &[TableSpec] = &[
    plain("kassa", "bonnen.csv", HELD_RECEIPTS),
    plain("afspraken", "afspraken.csv", HELD_VISITS),
    plain("crm", "relaties.csv", HELD_RELATIONS),
    plain("retouren", "rma.csv", HELD_RETURNS),
];

const HELD_RECEIPTS: &[Spec] = &[
    ("bonnr", Make::Order, N),
    ("kassier", Make::Given, Some(Kind::GivenName)),
    ("tijdstip", Make::Created, N),
    ("artikel", Make::Person, N),
    ("betaalwijze", Make::Word(&["pin", "contant"]), N),
    ("pinpas", Make::Card, Some(Kind::Card)),
    ("spaarkaart", Make::LongNumber, N),
    ("klant_mail", Make::Email, Some(Kind::Email)),
];
const HELD_VISITS: &[Spec] = &[
    ("datum", Make::Day, N),
    ("wie", Make::Name, Some(Kind::FullName)),
    ("nummer", Make::Phone, Some(Kind::Phone)),
    ("geb.datum", Make::BornDutch, Some(Kind::BirthDate)),
    ("kenteken auto", Make::Plate, Some(Kind::Plate)),
    ("wat", Make::Product, N),
    ("bijzonderheden", Make::Note, Some(Kind::FreeText)),
    ("allergie?", Make::Allergy, Some(Kind::Special(Special::Health))),
];
const HELD_RELATIONS: &[Spec] = &[
    ("relatiecode", Make::Seq(12_345_678), N),
    ("contact_voornaam", Make::Given, Some(Kind::GivenName)),
    ("contact_achternaam", Make::Family, Some(Kind::Surname)),
    ("bezoekadres", Make::Line, Some(Kind::Street)),
    ("pc", Make::Postcode, Some(Kind::Postcode)),
    ("plaatsnaam", Make::City, Some(Kind::City)),
    ("tel_mobiel", Make::Phone, Some(Kind::Phone)),
    ("bankrek", Make::Iban, Some(Kind::Iban)),
    ("btwnr", Make::Vat, Some(Kind::Vat)),
    ("kvknr", Make::Kvk, Some(Kind::Kvk)),
    ("sexe", Make::Title, Some(Kind::Gender)),
    ("accountmanager", Make::Word(&["Sanne", "Kees"]), Some(Kind::GivenName)),
    ("laatste_ip", Make::Ip, Some(Kind::Ip)),
    ("memo", Make::Note, Some(Kind::FreeText)),
];
const HELD_RETURNS: &[Spec] = &[
    ("rma", Make::Order, N),
    ("ordernr", Make::Order, N),
    ("eancode", Make::Ean, N),
    ("omschr", Make::Product, N),
    ("reden", Make::Word(&["te klein", "defect"]), N),
    ("retourlabel", Make::Track, N),
    ("tegenrek", Make::Iban, Some(Kind::Iban)),
    ("tnv", Make::Name, Some(Kind::FullName)),
    ("aangemaakt", Make::Created, N),
];
