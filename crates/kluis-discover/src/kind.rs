//! Kinds of personal data, what they are called, and how much each weighs when it leaks.

use core::fmt;
use core::str::FromStr;

use kluis_model::Lang;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Burgerservicenummer; shops may not process it (UAVG art. 46).
    Bsn,
    /// A VAT number of a sole trader from before 2020, which holds the BSN.
    VatWithBsn,
    /// Number of a passport or identity card.
    IdDocument,
    /// Number of a driving licence.
    DrivingLicence,
    /// A password that can be read, or hashed so weakly that it can be had back (MD5, SHA-1).
    PasswordPlain,
    /// A password hashed by a slow method.
    PasswordHash,
    /// A key or token that opens another system.
    ApiKey,
    /// A special category (GDPR art. 9 and 10).
    Special(Special),
    /// Number of a payment card.
    Card,
    /// Bank account number.
    Iban,
    /// Date of birth.
    BirthDate,
    /// E-mail address.
    Email,
    /// Telephone number.
    Phone,
    /// Postcode with house number: one address.
    Address,
    /// Name of a street, or an address line.
    Street,
    /// House number.
    HouseNumber,
    /// Postcode on its own.
    Postcode,
    /// Town.
    City,
    /// A whole name.
    FullName,
    /// Given name.
    GivenName,
    /// Family name.
    Surname,
    /// Gender, or a form of address that tells it.
    Gender,
    /// Licence plate of a vehicle.
    Plate,
    /// IP address.
    Ip,
    /// Hardware address of a network card.
    Mac,
    /// Number of a mobile device.
    Imei,
    /// A cookie or advertising id.
    CookieId,
    /// VAT identification number.
    Vat,
    /// Number in the company register (KvK); personal for a sole trader.
    Kvk,
    /// Name of a company.
    Company,
    /// Text in which people write what they like.
    FreeText,
}

/// A special category (GDPR art. 9(1)), or data about crimes (art. 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Special {
    /// Health.
    Health,
    /// Religion or belief.
    Religion,
    /// Race or ethnic origin.
    Ethnicity,
    /// Political opinions.
    Politics,
    /// Trade-union membership.
    Union,
    /// Sex life or orientation.
    Sexuality,
    /// Biometric data.
    Biometric,
    /// Crimes and convictions.
    Crime,
}

/// Id, name in Dutch, name in English, weight of one value when it leaks.
type Entry = (Kind, &'static str, &'static str, &'static str, u32);

/// Every kind. The weights are ours: points of damage for one person, from what a thief can do with one value alone.
const KINDS: [Entry; 38] = [
    (Kind::Bsn, "bsn", "burgerservicenummer", "citizen service number (BSN)", 40),
    (Kind::VatWithBsn, "vat_with_bsn", "btw-nummer met BSN erin", "VAT number that holds a BSN", 40),
    (Kind::IdDocument, "id_document", "nummer van paspoort of ID-kaart", "passport or ID card number", 25),
    (Kind::DrivingLicence, "driving_licence", "rijbewijsnummer", "driving licence number", 20),
    (
        Kind::PasswordPlain,
        "password_plain",
        "leesbaar of zwak gehasht wachtwoord",
        "readable or weakly hashed password",
        30,
    ),
    (Kind::PasswordHash, "password_hash", "wachtwoord, goed gehasht", "password, well hashed", 6),
    (Kind::ApiKey, "api_key", "sleutel van een ander systeem", "key of another system", 25),
    (Kind::Special(Special::Health), "health", "gezondheid", "health", 25),
    (Kind::Special(Special::Religion), "religion", "godsdienst", "religion", 25),
    (Kind::Special(Special::Ethnicity), "ethnicity", "afkomst", "ethnic origin", 25),
    (Kind::Special(Special::Politics), "politics", "politieke voorkeur", "political opinion", 25),
    (Kind::Special(Special::Union), "union", "vakbond", "trade union", 20),
    (Kind::Special(Special::Sexuality), "sexuality", "seksuele gerichtheid", "sexual orientation", 30),
    (Kind::Special(Special::Biometric), "biometric", "biometrie", "biometrics", 25),
    (Kind::Special(Special::Crime), "crime", "strafrechtelijk", "crimes", 25),
    (Kind::Card, "card", "nummer van een betaalkaart", "payment card number", 20),
    (Kind::Iban, "iban", "bankrekening (IBAN)", "bank account (IBAN)", 10),
    (Kind::BirthDate, "birth_date", "geboortedatum", "date of birth", 8),
    (Kind::Email, "email", "e-mailadres", "e-mail address", 5),
    (Kind::Phone, "phone", "telefoonnummer", "telephone number", 5),
    (Kind::Address, "address", "postcode met huisnummer", "postcode with house number", 6),
    (Kind::Street, "street", "straat", "street", 2),
    (Kind::HouseNumber, "house_number", "huisnummer", "house number", 2),
    (Kind::Postcode, "postcode", "postcode", "postcode", 2),
    (Kind::City, "city", "plaats", "town", 1),
    (Kind::FullName, "full_name", "naam", "name", 3),
    (Kind::GivenName, "given_name", "voornaam", "given name", 1),
    (Kind::Surname, "surname", "achternaam", "family name", 2),
    (Kind::Gender, "gender", "geslacht of aanhef", "gender or form of address", 1),
    (Kind::Plate, "plate", "kenteken", "licence plate", 4),
    (Kind::Ip, "ip", "IP-adres", "IP address", 2),
    (Kind::Mac, "mac", "hardwareadres", "hardware address", 1),
    (Kind::Imei, "imei", "nummer van een mobiel toestel (IMEI)", "mobile device number (IMEI)", 3),
    (Kind::CookieId, "cookie_id", "cookie- of advertentienummer", "cookie or advertising id", 1),
    (Kind::Vat, "vat", "btw-nummer", "VAT number", 1),
    (Kind::Kvk, "kvk", "KvK-nummer", "company register number", 1),
    (Kind::Company, "company", "bedrijfsnaam", "company name", 1),
    (Kind::FreeText, "free_text", "vrije tekst", "free text", 3),
];

impl Kind {
    /// Every kind, those that weigh most first within each subject.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|entry| entry.0)
    }

    fn entry(self) -> &'static Entry {
        // Invariant: the table names every kind; a test looks.
        KINDS.iter().find(|entry| entry.0 == self).unwrap_or(&KINDS[KINDS.len() - 1])
    }

    /// Its place in the list of kinds.
    pub(crate) fn number(self) -> usize {
        KINDS.iter().position(|entry| entry.0 == self).unwrap_or(KINDS.len() - 1)
    }

    /// The word for programs.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.entry().1
    }

    /// The word for people.
    #[must_use]
    pub fn name(self, lang: Lang) -> &'static str {
        let (_, _, nl, en, _) = *self.entry();
        lang.pick(nl, en)
    }

    /// Points of damage that one value does when it leaks, 1 to 40.
    #[must_use]
    pub fn weight(self) -> u32 {
        self.entry().4
    }

    /// Whether a shop may have it at all only by exception of the law: finding it is critical.
    #[must_use]
    pub fn is_critical(self) -> bool {
        matches!(
            self,
            Self::Bsn
                | Self::VatWithBsn
                | Self::IdDocument
                | Self::DrivingLicence
                | Self::PasswordPlain
                | Self::ApiKey
                | Self::Card
                | Self::Special(_)
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.id())
    }
}

/// A word that names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of personal data")]
pub struct NoSuchKind;

impl FromStr for Kind {
    type Err = NoSuchKind;

    fn from_str(id: &str) -> Result<Self, NoSuchKind> {
        KINDS.iter().find(|entry| entry.1 == id).map(|entry| entry.0).ok_or(NoSuchKind)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let id = <std::borrow::Cow<'_, str>>::deserialize(from)?;
        id.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_once_and_comes_back_from_its_id() {
        let mut ids: Vec<_> = Kind::all().map(Kind::id).collect();
        for kind in Kind::all() {
            assert_eq!(kind.id().parse::<Kind>(), Ok(kind));
            assert!((1..=40).contains(&kind.weight()), "{kind}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), KINDS.len());
        assert_eq!("".parse::<Kind>(), Err(NoSuchKind));
        assert_eq!("Bsn".parse::<Kind>().unwrap_err().to_string(), "not a kind of personal data");
    }
}
