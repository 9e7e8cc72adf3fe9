//! What kinds of personal data exist, what a field is called, and the two languages it is shown in.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::{UnknownWord, parse_from, words};

/// A kind of personal data: decides how a value is written, compared and weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FieldKind {
    /// An e-mail address.
    EmailAddress = 1,
    /// A telephone number.
    Phone = 2,
    /// A given name.
    GivenName = 3,
    /// Initials, `J.P.`.
    Initials = 4,
    /// A tussenvoegsel, `van der`.
    Infix = 5,
    /// A family name.
    Surname = 6,
    /// A whole name in one text.
    FullName = 7,
    /// `female`, `male` or `other`.
    Gender = 8,
    /// A date of birth.
    BirthDate = 9,
    /// The name of a company.
    Company = 10,
    /// A number in a company register (KvK, KBO).
    CompanyNumber = 11,
    /// A VAT identification number.
    VatNumber = 12,
    /// An International Bank Account Number.
    Iban = 13,
    /// A street name, or a whole address line where the number was not split off.
    Street = 14,
    /// A house number, with its suffix where that was not split off.
    HouseNumber = 15,
    /// What follows a house number: `A`, `2`, `bis`, `hs`.
    HouseNumberSuffix = 16,
    /// A postal code.
    Postcode = 17,
    /// A town or city.
    City = 18,
    /// A province, state or region.
    Region = 19,
    /// A country, ISO 3166-1 alpha-2.
    Country = 20,
    /// The shop's own number of a customer.
    CustomerNumber = 21,
    /// An IP address, version 4 or 6.
    IpAddress = 22,
    /// Text without a form.
    FreeText = 23,
    /// A shop's own short field.
    Custom = 24,
}

words!(
    FieldKind,
    "field kind",
    24,
    [
        (FieldKind::EmailAddress, "email_address"),
        (FieldKind::Phone, "phone"),
        (FieldKind::GivenName, "given_name"),
        (FieldKind::Initials, "initials"),
        (FieldKind::Infix, "infix"),
        (FieldKind::Surname, "surname"),
        (FieldKind::FullName, "full_name"),
        (FieldKind::Gender, "gender"),
        (FieldKind::BirthDate, "birth_date"),
        (FieldKind::Company, "company"),
        (FieldKind::CompanyNumber, "company_number"),
        (FieldKind::VatNumber, "vat_number"),
        (FieldKind::Iban, "iban"),
        (FieldKind::Street, "street"),
        (FieldKind::HouseNumber, "house_number"),
        (FieldKind::HouseNumberSuffix, "house_number_suffix"),
        (FieldKind::Postcode, "postcode"),
        (FieldKind::City, "city"),
        (FieldKind::Region, "region"),
        (FieldKind::Country, "country"),
        (FieldKind::CustomerNumber, "customer_number"),
        (FieldKind::IpAddress, "ip_address"),
        (FieldKind::FreeText, "free_text"),
        (FieldKind::Custom, "custom"),
    ]
);

/// How values of a kind are found back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexUse {
    /// Not indexed.
    None,
    /// One subject per value: a full-width blind index term under a unique constraint.
    Unique,
    /// Full-width blind index term; several subjects may share it (a household's phone).
    Exact,
    /// Truncated blind index term: candidates are decrypted and checked.
    Bucket,
}

impl FieldKind {
    /// Returns the stable number of the kind, 1 to 24.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind with a number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Returns how much one value of this kind adds to the harm of a breach, 1 (a country) to 9 (a bank account).
    ///
    /// A relative scale of our own for the exposure score; ENISA's data classes are its model.
    #[must_use]
    pub const fn weight(self) -> u8 {
        match self {
            Self::Iban => 9,
            Self::BirthDate => 8,
            Self::FreeText => 7,
            Self::EmailAddress | Self::Phone | Self::VatNumber => 6,
            Self::Surname | Self::FullName | Self::Street | Self::HouseNumber => 5,
            Self::Gender | Self::Postcode | Self::IpAddress | Self::Custom => 4,
            Self::CustomerNumber | Self::GivenName | Self::CompanyNumber => 3,
            Self::Initials | Self::City | Self::Company | Self::HouseNumberSuffix => 2,
            Self::Infix | Self::Region | Self::Country => 1,
        }
    }

    /// Returns how values of this kind are found back; a kind with an index has a match key when normalised.
    #[must_use]
    pub const fn index_use(self) -> IndexUse {
        match self {
            Self::EmailAddress | Self::CustomerNumber => IndexUse::Unique,
            Self::Phone => IndexUse::Exact,
            Self::Postcode | Self::BirthDate | Self::Surname => IndexUse::Bucket,
            _ => IndexUse::None,
        }
    }
}

/// The longest name of a field or purpose, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Tells whether a text is a name: `[a-z][a-z0-9_.]{0,63}`.
pub(crate) fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fits = (1..=NAME_BYTES_MAX).contains(&bytes.len()) && bytes[0].is_ascii_lowercase();
    fits && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
}

/// Gives a shared name type its parsing, comparing and serde; a macro because two types need the same seven impls.
macro_rules! name_type {
    ($type:ident, $expected:literal) => {
        impl $type {
            /// Reads a name: a small letter, then at most 63 small letters, digits, `_` or `.`.
            ///
            /// # Errors
            /// When the text is not such a name.
            pub fn parse(text: &str) -> Result<Self, UnknownWord> {
                text.parse()
            }

            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $type {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let expected = $expected;
                if crate::fields::is_name(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(UnknownWord { expected })
                }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                self.0.as_ref() == other
            }
        }
        impl PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                self.0.as_ref() == *other
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                parse_from(from)
            }
        }
    };
}
pub(crate) use name_type;

/// The name of a field: `[a-z][a-z0-9_.]{0,63}`, cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(Arc<str>);
name_type!(FieldName, "field name ([a-z][a-z0-9_.]*, at most 64)");

/// A field as the register declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDef {
    /// Its name.
    pub name: FieldName,
    /// Its kind.
    pub kind: FieldKind,
    /// What people see.
    pub label: Text,
}

/// A language of the interface; Dutch first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Lang {
    /// Dutch.
    #[default]
    Nl,
    /// English.
    En,
}
words!(Lang, "language (nl, en)", 2, [(Lang::Nl, "nl"), (Lang::En, "en")]);

impl Lang {
    /// Returns the name of a month, 1 to 12.
    #[must_use]
    pub const fn month(self, number: usize) -> Option<&'static str> {
        const NL: [&str; 12] = [
            "januari",
            "februari",
            "maart",
            "april",
            "mei",
            "juni",
            "juli",
            "augustus",
            "september",
            "oktober",
            "november",
            "december",
        ];
        const EN: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        if number == 0 || number > 12 {
            return None;
        }
        Some(match self {
            Self::Nl => NL[number - 1],
            Self::En => EN[number - 1],
        })
    }

    /// Returns the one of two texts that is in this language.
    #[must_use]
    pub const fn pick<'a>(self, nl: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Nl => nl,
            Self::En => en,
        }
    }

    /// Writes a number with points between thousands in Dutch, commas in English.
    #[must_use]
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut out = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                out.push_str(self.pick(".", ","));
            }
            out.push(digit);
        }
        out
    }
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// In Dutch.
    pub nl: String,
    /// In English.
    pub en: String,
}

impl Text {
    /// Makes a text from its two languages.
    #[must_use]
    pub fn new(nl: impl Into<String>, en: impl Into<String>) -> Self {
        Self { nl: nl.into(), en: en.into() }
    }

    /// Returns the text in a language.
    #[must_use]
    pub fn get(&self, lang: Lang) -> &str {
        lang.pick(&self.nl, &self.en)
    }
}

/// A country by its ISO 3166-1 alpha-2 code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country2([u8; 2]);

impl Country2 {
    /// The Netherlands, the default.
    pub const NL: Self = Self(*b"NL");
    /// Belgium.
    pub const BE: Self = Self(*b"BE");
    /// Germany.
    pub const DE: Self = Self(*b"DE");

    /// Makes a country of two letters without asking whether it exists; for tables of known codes.
    pub(crate) const fn from_letters(letters: [u8; 2]) -> Self {
        Self(letters)
    }

    /// Returns the two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("NL")
    }
}

impl Default for Country2 {
    fn default() -> Self {
        Self::NL
    }
}

impl fmt::Display for Country2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_words_and_numbers() {
        for (n, kind) in FieldKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), n + 1);
            assert_eq!(FieldKind::from_code(kind.code()), Some(kind));
            assert_eq!(kind.id().parse::<FieldKind>().unwrap(), kind);
            assert!((1..=9).contains(&kind.weight()));
        }
        assert_eq!((FieldKind::from_code(0), FieldKind::from_code(25)), (None, None));
        assert!("Phone".parse::<FieldKind>().is_err());
        assert!("bsn".parse::<FieldKind>().is_err());
    }

    #[test]
    fn names_have_one_grammar() {
        for good in ["a", "email", "custom.shoe_size", "x2", &"a".repeat(64)] {
            assert_eq!(FieldName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Email", "2x", "_a", ".a", "a-b", "a b", "é", "a\n", &"a".repeat(65)] {
            assert!(FieldName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_travel_as_json_strings() {
        let name = FieldName::parse("email").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"email\"");
        assert_eq!(serde_json::from_str::<FieldName>("\"email\"").unwrap(), name);
        assert!(serde_json::from_str::<FieldName>("\"E-mail\"").is_err());
        assert!(serde_json::from_str::<FieldName>("1").is_err());
        assert!(serde_json::from_str::<FieldKind>("\"nothing\"").is_err());
    }

    #[test]
    fn texts_answer_in_both_languages() {
        let text = Text::new("doel", "purpose");
        assert_eq!((text.get(Lang::Nl), text.get(Lang::En)), ("doel", "purpose"));
        assert!("de".parse::<Lang>().is_err());
    }
}
