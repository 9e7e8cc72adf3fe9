//! Reads a heading that no preset knows: folds it, drops prefixes such as `billing`, and looks it up in Dutch and English.

use kluis_model::StartEvent;

use crate::mapping::Target;
use crate::plan::ColumnReason;

/// Returns a heading in the form in which headings are compared: small letters and digits only, accents folded.
pub(crate) fn key(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(fold).collect()
}

/// Folds the accents that Dutch, German and French headings have.
fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| match c {
        'á' | 'à' | 'ä' | 'â' | 'ã' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ì' | 'ï' | 'î' => 'i',
        'ó' | 'ò' | 'ö' | 'ô' | 'õ' => 'o',
        'ú' | 'ù' | 'ü' | 'û' => 'u',
        'ç' => 'c',
        other => other,
    })
}

/// Words in front of a heading that say whose address it is, with the rank of that address.
const PREFIXES: [(&str, u8); 26] = [
    ("defaultaddress", 0),
    ("addressbilling", 1),
    ("addressshipping", 2),
    ("addressdelivery", 2),
    ("billingaddress", 1),
    ("shippingaddress", 2),
    ("deliveryaddress", 2),
    ("customer", 0),
    ("subscriber", 0),
    ("contact", 0),
    ("klant", 0),
    ("user", 0),
    ("addresses", 0),
    ("address", 0),
    ("billing", 1),
    ("invoice", 1),
    ("payment", 1),
    ("factuur", 1),
    ("mailing", 1),
    ("shipping", 2),
    ("delivery", 2),
    ("bezorg", 2),
    ("aflever", 2),
    ("verzend", 2),
    ("other", 3),
    ("adres", 0),
];

/// Headings whose values no import may take, whatever a mapping says, by parts of their compared form.
const SECRETS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "wachtwoord",
    "userpass",
    "passwordhash",
    "sessiontoken",
    "persistentcart",
    "securekey",
    "rptoken",
    "resetpassword",
    "accesstoken",
    "apikey",
    "authtoken",
    "confirmcode",
];
/// Headings that are secrets only as a whole.
const SECRETS_WHOLE: [&str; 8] = ["pass", "pwd", "token", "salt", "secret", "hash", "pin", "pincode"];
/// Citizen service numbers: a shop may not process them unless a law says so (UAVG art. 46).
const CITIZEN: [&str; 9] = [
    "bsn",
    "burgerservicenummer",
    "sofinummer",
    "sofinr",
    "nationalid",
    "persoonsnummer",
    "socialsecuritynumber",
    "citizenservicenumber",
    "rijksregisternummer",
];
/// Payment cards.
const CARDS: [&str; 6] = ["cardnumber", "cvv", "cvc", "ccnumber", "cclast4", "ccowner"];
/// Traces of a device or a place that a shop's customer file has no use for.
const TRACES: [&str; 21] = [
    "ip",
    "lastip",
    "remoteip",
    "ipaddress",
    "ipadres",
    "customeripaddress",
    "useragent",
    "customeruseragent",
    "latitude",
    "longitude",
    "gmtoff",
    "dstoff",
    "timezone",
    "optinip",
    "confirmip",
    "ipregistrationnewsletter",
    "xforwardedfor",
    "forwardedip",
    "httpreferer",
    "registrationip",
    "kenteken",
];

/// Tells why values under a heading are never taken, if so.
pub(crate) fn forbidden(key: &str) -> Option<ColumnReason> {
    if SECRETS.iter().any(|part| key.contains(part)) || SECRETS_WHOLE.contains(&key) {
        return Some(ColumnReason::Secret);
    }
    if CITIZEN.contains(&key) {
        return Some(ColumnReason::CitizenNumber);
    }
    (CARDS.contains(&key) || key.contains("creditcard")).then_some(ColumnReason::PaymentCard)
}

/// Guesses what a heading holds, with the rank of the address it belongs to.
pub(crate) fn guess(key: &str) -> Result<(Target, u8), ColumnReason> {
    if TRACES.contains(&key) {
        return Err(ColumnReason::Trace);
    }
    if let Some(target) = synonym(key) {
        return Ok((target, 0));
    }
    for (prefix, rank) in PREFIXES {
        if let Some(rest) = key.strip_prefix(prefix)
            && let Some(target) = synonym(rest.trim_start_matches(|c: char| c.is_ascii_digit()))
            // A consent or event under a prefix ("shipping created") is about something else.
            && !matches!(target, Target::ConsentFlag { .. } | Target::Event(_))
        {
            return Ok((target, rank));
        }
    }
    Err(ColumnReason::NoField)
}

/// Looks a compared heading up among the synonyms. Whole words only: "product name" is nobody's name.
fn synonym(key: &str) -> Option<Target> {
    let field = match key {
        "email" | "emailaddress" | "emailadres" | "mail" | "mailadres" | "emailaddresses" => "email",
        "phone" | "phonenumber" | "telephone" | "telephonenumber" | "telefoon" | "telefoonnummer"
        | "telefoonnr" | "tel" | "telnr" | "mobile" | "mobilephone" | "mobilenumber" | "mobiel"
        | "mobielnummer" | "gsm" | "sms" | "phonemobile" | "mobilephonenumber" | "landlinenumber"
        | "whatsapp" => "phone",
        "givenname" | "firstname" | "fname" | "voornaam" | "voornamen" | "roepnaam" => "given_name",
        "initials" | "voorletters" | "voorletter" | "initialen" => "initials",
        "infix" | "tussenvoegsel" | "tussenvoegsels" | "voorvoegsel" | "voorvoegsels" | "surnameprefix" => {
            "infix"
        }
        "company" | "companyname" | "bedrijf" | "bedrijfsnaam" | "organisation" | "organization"
        | "organisatie" | "firma" | "firmanaam" => "company",
        "housenumber" | "housenr" | "houseno" | "streetnumber" | "huisnummer" | "huisnr" => "house_number",
        "housenumbersuffix"
        | "housenumberaddition"
        | "toevoeging"
        | "huisnummertoevoeging"
        | "numberaddition"
        | "toev" => "house_number_suffix",
        "postcode" | "postalcode" | "zip" | "zipcode" | "zippostalcode" | "plz" => "postcode",
        "city" | "town" | "plaats" | "woonplaats" | "stad" | "plaatsnaam" => "city",
        "region" | "state" | "province" | "provincie" | "stateregion" | "regio" | "stateprovince" => "region",
        "customernumber" | "customerid" | "customerno" | "klantnummer" | "klantnr" | "klantid"
        | "debiteurnummer" | "relatienummer" => "customer_number",
        "vatnumber" | "vatid" | "vat" | "taxvat" | "btwnummer" | "btwnr" | "btwid" | "companyvatnumber" => {
            "vat_number"
        }
        "companynumber" | "kvk" | "kvknummer" | "kvknr" | "coc" | "cocnumber" | "companycocnumber"
        | "siret" | "chamberofcommerce" => "company_number",
        "birthdate" | "dateofbirth" | "dob" | "birthday" | "geboortedatum" | "gebdatum" | "verjaardag" => {
            "birth_date"
        }
        "iban" | "rekeningnummer" | "bankaccount" | "ibannummer" => "iban",
        "note" | "notes" | "opmerking" | "opmerkingen" | "notitie" | "notities" | "customernote" | "memo" => {
            "note"
        }
        _ => return synonym_read_otherwise(key),
    };
    Some(Target::field(field))
}

/// The synonyms whose values are taken apart or read as consent or event.
fn synonym_read_otherwise(key: &str) -> Option<Target> {
    Some(match key {
        "name" | "fullname" | "naam" | "volledigenaam" | "volledignaam" => Target::WholeName,
        "surname" | "lastname" | "lname" | "achternaam" | "familyname" | "familienaam" => Target::Surname,
        "middlename" => Target::MiddleName,
        "street" | "streetname" | "streetaddress" | "address" | "address1" | "addressline1" | "straat"
        | "straatnaam" | "adres" | "adresregel1" | "street1" | "line1" => Target::StreetLine,
        "address2" | "addressline2" | "adresregel2" | "street2" | "line2" => Target::SecondLine,
        "country" | "countrycode" | "countryid" | "land" | "landcode" | "countryregion" | "cc" => {
            Target::Country
        }
        "gender" | "sex" | "geslacht" | "salutation" | "aanhef" => Target::Gender,
        "newsletter"
        | "nieuwsbrief"
        | "acceptsmarketing"
        | "acceptsemailmarketing"
        | "optin"
        | "emailoptin"
        | "newsletteroptin"
        | "newslettersubscribed" => Target::newsletter_flag(),
        "createdat" | "datecreated" | "createdate" | "datecreatedgmt" | "dateadded" | "dateadd"
        | "userregistered" | "registered" | "registrationdate" | "signup" | "aangemaakt" | "aangemaaktop"
        | "createddate" => Target::Event(StartEvent::Created),
        "lastorder" | "lastorderdate" | "laatstebestelling" | "lastorderat" => {
            Target::Event(StartEvent::OrderCompleted)
        }
        "lastactive" | "lastlogin" | "lastvisit" | "datelastactive" | "lastactivitydate" | "laatstelogin" => {
            Target::Event(StartEvent::LastActivity)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dutch_and_prefixed_headings_are_understood() {
        let check = |header: &str, expected: Target, rank: u8| {
            assert_eq!(guess(&key(header)), Ok((expected, rank)), "{header}");
        };
        check("E-mailadres", Target::field("email"), 0);
        check("Klant e-mail", Target::field("email"), 0);
        check("billing_postcode", Target::field("postcode"), 1);
        check("shippingPostalCode", Target::field("postcode"), 2);
        check("Bezorg Huisnr.", Target::field("house_number"), 2);
        check("Tussenvoegsel(s)", Target::field("infix"), 0);
        check("Achternaam", Target::Surname, 0);
        check("Naam", Target::WholeName, 0);
        check("addresses.address1", Target::StreetLine, 0);
        check("nieuwsbrief", Target::newsletter_flag(), 0);
        check("BTW-nummer", Target::field("vat_number"), 0);
    }

    #[test]
    fn other_names_are_nobodys_name() {
        for header in [
            "Product name",
            "file_name",
            "Store name",
            "payment_method_title",
            "coupon",
            "Tax name",
            "shipping_method",
            "created_in",
            "x",
            "",
        ] {
            assert_eq!(guess(&key(header)), Err(ColumnReason::NoField), "{header}");
        }
        assert_eq!(guess("latitude"), Err(ColumnReason::Trace));
    }

    #[test]
    fn secrets_are_known() {
        let check = |header: &str, reason: ColumnReason| {
            assert_eq!(forbidden(&key(header)), Some(reason), "{header}")
        };
        for header in [
            "user_pass",
            "Password",
            "password_hash",
            "Wachtwoord",
            "session_tokens",
            "rp_token",
            "secure_key",
            "token",
            "_woocommerce_persistent_cart_1",
        ] {
            check(header, ColumnReason::Secret);
        }
        check("BSN", ColumnReason::CitizenNumber);
        check("nationalId", ColumnReason::CitizenNumber);
        check("Credit Card Number", ColumnReason::PaymentCard);
        for header in ["email", "postcode", "Zip code", "country_code", "passport office street"] {
            assert_eq!(forbidden(&key(header)), None, "{header}");
        }
    }
}
