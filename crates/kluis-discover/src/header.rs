//! What the name of a column says about its values: Dutch and English synonyms, and stems that mean something else.

use crate::{Kind, Special};

/// Words of a header at most.
const WORDS_MAX: usize = 12;

/// Words in front of a name that only say whose it is.
const OWNERS: &str = "billing shipping payment delivery factuur facturatie bezorg aflever verzend verzending customer klant contact \
 default address adres subscriber abonnee member lid user gebruiker account order bestelling invoice owner recipient ontvanger \
 guest gast wp primary work home zakelijk prive the";

/// A name of one or more words, the kind it names, and how sure that is (2: nothing else is called so).
const NAMES: &[(Kind, u8, &[&str])] = &[
    (
        Kind::Bsn,
        2,
        &[
            "bsn",
            "bsnnummer",
            "burgerservicenummer",
            "burger service nummer",
            "sofinummer",
            "sofi nummer",
            "sofinr",
            "persoonsnummer",
            "citizen service number",
            "national id",
        ],
    ),
    (
        Kind::IdDocument,
        2,
        &[
            "paspoort",
            "paspoortnummer",
            "paspoort nummer",
            "passport",
            "passport number",
            "id kaart",
            "identiteitskaart",
            "documentnummer",
            "id document",
            "legitimatienummer",
        ],
    ),
    (
        Kind::DrivingLicence,
        2,
        &["rijbewijs", "rijbewijsnummer", "driving licence", "driver license", "drivers license"],
    ),
    (
        Kind::Iban,
        2,
        &[
            "iban",
            "ibannummer",
            "rekeningnummer",
            "bankrekening",
            "bankrekeningnummer",
            "bank account",
            "bank account number",
            "account iban",
        ],
    ),
    (
        Kind::Card,
        2,
        &[
            "creditcard",
            "credit card",
            "creditcardnummer",
            "card number",
            "cardnumber",
            "cc number",
            "pan",
            "kaartnummer",
        ],
    ),
    (
        Kind::Email,
        2,
        &[
            "email",
            "e mail",
            "mail",
            "emailadres",
            "e mailadres",
            "email address",
            "e mail adres",
            "mailadres",
            "user email",
            "subscriber email",
        ],
    ),
    (
        Kind::Phone,
        2,
        &[
            "telefoon",
            "telefoonnummer",
            "telefoon nummer",
            "tel",
            "tel nr",
            "telnr",
            "mobiel",
            "mobielnummer",
            "mobiele nummer",
            "gsm",
            "phone",
            "phone number",
            "phonenumber",
            "telephone",
            "mobile",
            "mobile phone",
            "phone mobile",
            "sms",
            "whatsapp",
            "landline number",
            "fax",
        ],
    ),
    (
        Kind::GivenName,
        2,
        &["voornaam", "voornamen", "roepnaam", "first name", "firstname", "fname", "given name", "givenname"],
    ),
    (
        Kind::Surname,
        2,
        &[
            "achternaam",
            "familienaam",
            "last name",
            "lastname",
            "lname",
            "surname",
            "family name",
            "geslachtsnaam",
        ],
    ),
    (
        Kind::Surname,
        1,
        &["tussenvoegsel", "tussenvoegsels", "middlename", "middle name", "infix", "voorvoegsel"],
    ),
    (
        Kind::FullName,
        1,
        &[
            "naam",
            "name",
            "volledige naam",
            "full name",
            "fullname",
            "display name",
            "displayname",
            "klantnaam",
            "contactpersoon",
            "author",
            "nickname",
            "tenaamstelling",
            "cc owner",
            "company contact",
            "contact person",
        ],
    ),
    (
        Kind::Street,
        2,
        &[
            "straat",
            "straatnaam",
            "street",
            "street address",
            "address1",
            "address 1",
            "address2",
            "address 2",
            "adresregel",
            "adresregel 1",
            "adresregel 2",
            "address line 1",
            "address line 2",
            "thoroughfare",
        ],
    ),
    (
        Kind::HouseNumber,
        2,
        &[
            "huisnummer",
            "huisnr",
            "huis nr",
            "house number",
            "housenumber",
            "street number",
            "toevoeging",
            "huisnummertoevoeging",
            "huisnummer toevoeging",
            "number extension",
        ],
    ),
    (
        Kind::Postcode,
        2,
        &["postcode", "post code", "zip", "zipcode", "zip code", "postal code", "postalcode", "pc"],
    ),
    (
        Kind::City,
        2,
        &["plaats", "woonplaats", "stad", "city", "town", "gemeente", "vestigingsplaats", "locality"],
    ),
    (
        Kind::BirthDate,
        2,
        &[
            "geboortedatum",
            "geboorte datum",
            "geb datum",
            "gebdatum",
            "dob",
            "birth date",
            "birthdate",
            "birthday",
            "date of birth",
            "verjaardag",
            "customer dob",
        ],
    ),
    (Kind::Gender, 2, &["geslacht", "aanhef", "gender", "sex", "salutation", "id gender", "titel", "prefix"]),
    (
        Kind::Ip,
        2,
        &[
            "ip",
            "ip adres",
            "ipadres",
            "ip address",
            "ipaddress",
            "remote ip",
            "remoteip",
            "client ip",
            "customer ip address",
            "x forwarded for",
            "forwarded ip",
            "optin ip",
            "confirm ip",
            "last ip",
            "user ip",
            "comment author ip",
        ],
    ),
    (Kind::Plate, 2, &["kenteken", "nummerplaat", "license plate", "licence plate"]),
    (
        Kind::Vat,
        2,
        &[
            "btw",
            "btw nummer",
            "btwnummer",
            "btw id",
            "vat",
            "vat id",
            "vat number",
            "taxvat",
            "tax id",
            "company vat number",
        ],
    ),
    (
        Kind::Kvk,
        2,
        &[
            "kvk",
            "kvk nummer",
            "kvknummer",
            "coc number",
            "company coc number",
            "co cnumber",
            "coc",
            "chamber of commerce",
            "siret",
        ],
    ),
    (
        Kind::Company,
        2,
        &[
            "bedrijf",
            "bedrijfsnaam",
            "company",
            "company name",
            "companyname",
            "organisatie",
            "organization",
            "firma",
        ],
    ),
    (
        Kind::PasswordHash,
        1,
        &["wachtwoord", "password", "passwd", "pwd", "pass", "user pass", "password hash", "passwordhash"],
    ),
    (
        Kind::ApiKey,
        1,
        &[
            "api key",
            "apikey",
            "secret",
            "secret key",
            "token",
            "access token",
            "reset token",
            "rp token",
            "session tokens",
            "activation key",
        ],
    ),
    (
        Kind::FreeText,
        2,
        &[
            "opmerking",
            "opmerkingen",
            "notitie",
            "notities",
            "note",
            "notes",
            "comment",
            "comments",
            "customer note",
            "bericht",
            "message",
            "memo",
            "toelichting",
            "beschrijving klant",
            "bijzonderheden",
            "gift message",
            "comment content",
            "vraag",
            "review",
            "detail",
        ],
    ),
    (Kind::Imei, 2, &["imei"]),
    (Kind::Mac, 2, &["mac", "mac adres", "mac address"]),
    (
        Kind::CookieId,
        2,
        &[
            "ga",
            "client id",
            "clientid",
            "cookie id",
            "gclid",
            "fbclid",
            "visitor id",
            "device id",
            "advertising id",
        ],
    ),
    (
        Kind::Special(Special::Health),
        2,
        &[
            "allergie",
            "allergieen",
            "allergieën",
            "gezondheid",
            "medicatie",
            "dieet",
            "allergies",
            "health",
            "diagnose",
            "zorgverzekering",
            "zorgverzekeraar",
        ],
    ),
    (Kind::Special(Special::Religion), 2, &["religie", "geloof", "godsdienst", "religion"]),
    (
        Kind::Special(Special::Ethnicity),
        2,
        &["nationaliteit", "etniciteit", "afkomst", "nationality", "ethnicity", "geboorteland"],
    ),
    (Kind::Special(Special::Sexuality), 2, &["geaardheid", "seksuele voorkeur", "sexual orientation"]),
    (Kind::Special(Special::Politics), 2, &["politieke voorkeur", "partij", "political party"]),
    (Kind::Special(Special::Union), 2, &["vakbond", "vakbondslid"]),
];

/// Words that make a column be about a thing, whatever else stands in its name: names of products, files, methods.
const OTHER: &str = "product file bestand store winkel category categorie attribute template method methode coupon tax belasting created_in \
 sku ean gtin barcode artikel article item option status currency valuta carrier theme plugin module table column class action event \
 hash_algorithm version page pagina url path slug code shop warehouse magazijn brand merk manufacturer supplier leverancier list group groep \
 lineitem vendor depot filiaal afhaalpunt omschrijving description beschrijving kleur color colour maat size model variant \
 tag campaign subject onderwerp region_id country_id template_name server host newsletter domain";

/// Words that name a number which only counts: never a number of a person.
const COUNTERS: &str = "id nr nummer number ordernummer order_id orderid ordernr bestelnummer factuurnummer invoice_number increment ean gtin sku \
 barcode artikelnummer trackingnumber tracking track trace colli referentie reference transaction txn klantnummer customer_id debiteurnummer \
 relatienummer kassabon quantity aantal qty stock voorraad price prijs amount bedrag total totaal";

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The kind it names, and how surely (1 or 2).
    pub names: Option<(Kind, u8)>,
    /// It is about a thing: names of kinds in it do not count.
    pub is_thing: bool,
    /// It is a counter or an amount.
    pub is_counter: bool,
}

impl Header {
    /// Reads the name of a column, in any way of writing: `billing_first_name`, `BillingFirstName`, `Voornaam (factuur)`.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let words = words(name);
        let is_in = |list: &str, word: &str| list.split_ascii_whitespace().any(|entry| entry == word);
        let is_other = words.iter().any(|word| is_in(OTHER, word));
        let mut rest: &[String] = &words;
        let mut names = find(rest);
        while names.is_none() && rest.len() > 1 && is_in(OWNERS, &rest[0]) {
            rest = &rest[1..];
            names = find(rest);
        }
        // `addressBillingNumber`: a number of an address is that of the house.
        let is_of_address =
            words[..words.len() - rest.len()].iter().any(|word| matches!(word.as_str(), "address" | "adres"));
        if names.is_none()
            && is_of_address
            && matches!(rest, [word] if ["number", "nr", "nummer", "extension", "toevoeging"].contains(&word.as_str()))
        {
            names = Some((Kind::HouseNumber, 2));
        }
        // A name at the end, behind words that are nothing else: `extra telefoon`.
        if names.is_none() {
            names = (1..=2.min(words.len())).rev().find_map(|count| find(&words[words.len() - count..]));
            names = names.map(|(kind, _)| (kind, 1));
        }
        let is_counter = names.is_none() && words.last().is_some_and(|word| is_in(COUNTERS, word))
            || words.len() > 1 && is_in(COUNTERS, &words.join("_"));
        // `product email` would be strange; `product name` is not: only weak names yield to a thing.
        let is_thing = is_other
            && names.is_none_or(|(kind, _)| {
                matches!(
                    kind,
                    Kind::FullName
                        | Kind::FreeText
                        | Kind::ApiKey
                        | Kind::Company
                        | Kind::Gender
                        | Kind::Phone
                        | Kind::Email
                        | Kind::City
                )
            });
        Self { names: names.filter(|_| !is_thing), is_thing, is_counter }
    }

    /// The same column in a table about things: no name of a person or a town counts in it.
    pub(crate) fn of_thing(self) -> Self {
        let is_word = |kind| is_of_words(kind) || matches!(kind, Kind::Gender | Kind::FreeText);
        Self { names: self.names.filter(|(kind, _)| !is_word(*kind)), is_thing: true, ..self }
    }
}

/// Whether cells of a kind are told by lists of words, which products share.
pub(crate) fn is_of_words(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Street | Kind::FullName | Kind::GivenName | Kind::Surname | Kind::City | Kind::Company
    )
}

/// Words of tables that are about things: the names in them are of products, carriers, countries.
const THINGS: &str = "product products producten item items term terms category categories categorie carrier carriers catalog attribute \
 attributes tax shipping manufacturer supplier leverancier brand merk coupon currency language zone country countries page cms theme \
 module plugin stock inventory artikel artikelen voorraad magazijn warehouse store lineitem";
/// Words of tables that are about people all the same: `product_review`.
const PEOPLE: &str = "review reviews beoordeling comment comments customer customers klant klanten user users subscriber permissions";
/// Columns that only tables of things have.
const THING_COLUMNS: &str =
    "sku ean gtin barcode artikelnummer artikelnr voorraad stock merk brand prijs price link_rewrite";

/// Whether a table is about things by its name or by two of its columns.
pub(crate) fn is_of_things(table: &str, columns: &[String]) -> bool {
    let is_in = |list: &str, word: &str| list.split_ascii_whitespace().any(|entry| entry == word);
    let table = words(table);
    let headers = || columns.iter().take(crate::COLUMNS_MAX).map(|name| Header::read(name));
    let has_person = headers().any(|header| {
        matches!(
            header.names,
            Some((
                Kind::Email
                    | Kind::Phone
                    | Kind::GivenName
                    | Kind::Surname
                    | Kind::BirthDate
                    | Kind::Postcode,
                _
            ))
        )
    });
    let telling = columns.iter().filter(|name| is_in(THING_COLUMNS, &words(name).join("_"))).count();
    let is_named =
        table.iter().any(|word| is_in(THINGS, word)) && !table.iter().any(|word| is_in(PEOPLE, word));
    !has_person && (is_named || telling >= 2)
}

fn find(words: &[String]) -> Option<(Kind, u8)> {
    let joined = words.join(" ");
    NAMES.iter().find(|(_, _, names)| names.contains(&joined.as_str())).map(|(kind, sure, _)| (*kind, *sure))
}

/// The words of a name, in small letters without accents of capitals; marks and changes of case part them.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut was_small = false;
    // The register writes itself with a capital in the middle.
    let name = name.replace("KvK", "kvk");
    for c in name.trim_start_matches('\u{feff}').chars() {
        let is_edge = !c.is_alphanumeric() || (c.is_uppercase() && was_small);
        if is_edge && !word.is_empty() {
            words.push(core::mem::take(&mut word));
        }
        if words.len() == WORDS_MAX {
            break;
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase() || c.is_numeric();
    }
    if !word.is_empty() && words.len() < WORDS_MAX {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_every_way_of_writing() {
        let check = |name: &str, kind: Kind| {
            assert_eq!(Header::read(name).names.map(|(kind, _)| kind), Some(kind), "{name}");
        };
        for name in [
            "email",
            "E-mail",
            "billing_email",
            "BillingEmail",
            "\u{feff}Email Address",
            "customer_email",
            "subscriber_email",
            "E-mailadres",
        ] {
            check(name, Kind::Email);
        }
        for name in [
            "Voornaam",
            "first_name",
            "billing_first_name",
            "customer_firstname",
            "FNAME",
            "shippingFirstName",
        ] {
            check(name, Kind::GivenName);
        }
        check("Geboortedatum", Kind::BirthDate);
        check("customer_dob", Kind::BirthDate);
        check("Default Address Zip", Kind::Postcode);
        check("Default Address Phone", Kind::Phone);
        check("address_1", Kind::Street);
        check("_customer_ip_address", Kind::Ip);
        check("BSN", Kind::Bsn);
        check("user_pass", Kind::PasswordHash);
        check("companyCoCNumber", Kind::Kvk);
        check("extra telefoon", Kind::Phone);
        check("nationalId", Kind::Bsn);
    }

    #[test]
    fn things_and_counters_are_told_apart() {
        for name in [
            "product_name",
            "file_name",
            "store_name",
            "category name",
            "shipping_method",
            "payment_method_title",
            "attribute_name",
            "theme name",
        ] {
            let header = Header::read(name);
            assert!(header.names.is_none(), "{name}: {header:?}");
        }
        for name in ["order_id", "ordernummer", "EAN", "id", "increment_id", "customer_id", "Totaal"] {
            let header = Header::read(name);
            assert!(header.is_counter && header.names.is_none(), "{name}: {header:?}");
        }
        for name in ["", "x", "kleur", "---", &"a ".repeat(1_000)] {
            assert_eq!(Header::read(name).names, None, "{name}");
        }
    }
}
