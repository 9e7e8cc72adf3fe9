//! Brings each kind of value to one canonical form, so that equal things are stored, compared and indexed equally.
//!
//! Every rule is idempotent: a canonical value normalises to itself. No regular expressions; ASCII takes a fast path.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::fields::{Country2, FieldKind, Lang};
use crate::pii::PiiText;

mod address;
mod company;
mod country;
mod date;
mod email;
mod iban;
mod ip;
mod name;
mod phone;
mod postcode;
mod vat;

pub use country::country_of;
pub use iban::iban_length;
pub use name::{NAME_TOKENS_MAX, name_tokens};

/// The version of these rules; it goes up when a value would get another canonical form or match key.
pub const NORMALISE_VERSION: u8 = 1;
/// The longest value of every kind but free text, in bytes.
pub const VALUE_BYTES_MAX: usize = 512;
/// The longest free text, in bytes.
pub const FREE_TEXT_BYTES_MAX: usize = 16 * 1024;

/// A value in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// The canonical value: what is stored.
    pub value: PiiText,
    /// What is indexed; present for every kind with an index.
    pub match_key: Option<PiiText>,
}

impl Normalised {
    /// A value of a kind without an index.
    fn plain(value: impl Into<String>) -> Self {
        Self { value: PiiText::new(value.into()), match_key: None }
    }

    /// A value that is its own match key.
    fn keyed(value: impl Into<String>) -> Self {
        let value = PiiText::new(value.into());
        Self { match_key: Some(value.clone()), value }
    }
}

/// Why a value is not acceptable. Never carries the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum ValueProblem {
    /// There is nothing in it.
    #[error("empty")]
    Empty,
    /// Longer than its kind may be.
    #[error("longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: u32,
    },
    /// A control character in it.
    #[error("control character")]
    ControlCharacter,
    /// Not of the form of its kind.
    #[error("not of the right form")]
    Malformed,
    /// The right form, but its check digits do not fit.
    #[error("check digits do not fit")]
    Checksum,
    /// Not a country that is known.
    #[error("unknown country")]
    UnknownCountry,
    /// A date that cannot be.
    #[error("out of range")]
    OutOfRange,
    /// The same field twice in one record.
    #[error("field given twice")]
    Duplicate,
}

impl ValueProblem {
    /// Returns the written word, stable over versions.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too_long",
            Self::ControlCharacter => "control_character",
            Self::Malformed => "malformed",
            Self::Checksum => "checksum",
            Self::UnknownCountry => "unknown_country",
            Self::OutOfRange => "out_of_range",
            Self::Duplicate => "duplicate",
        }
    }

    /// Says what is wrong.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Empty => lang.pick("Er staat niets in.", "There is nothing in it."),
            Self::TooLong { .. } => lang.pick("De waarde is te lang.", "The value is too long."),
            Self::ControlCharacter => {
                lang.pick("Er staan stuurtekens in de waarde.", "There are control characters in the value.")
            }
            Self::Malformed => lang.pick(
                "De waarde heeft niet de vorm die bij dit gegeven hoort.",
                "The value does not have the form that this field needs.",
            ),
            Self::Checksum => lang.pick(
                "Het controlegetal klopt niet; waarschijnlijk een tikfout.",
                "The check digits do not fit; probably a typing error.",
            ),
            Self::UnknownCountry => lang.pick(
                "Dit land is niet bekend; gebruik een code van twee letters, zoals NL.",
                "This country is not known; use a code of two letters, such as NL.",
            ),
            Self::OutOfRange => lang.pick("Deze datum kan niet.", "This date cannot be."),
            Self::Duplicate => lang.pick("Dit gegeven staat er twee keer.", "This field is there twice."),
        }
    }
}

/// Brings a value to its canonical form. `country` decides how a national phone number, postcode, company or VAT
/// number is read.
///
/// # Errors
/// What is wrong with the value.
pub fn normalise(kind: FieldKind, raw: &str, country: Country2) -> Result<Normalised, ValueProblem> {
    match kind {
        FieldKind::EmailAddress => email::normalise(raw).map(Normalised::keyed),
        FieldKind::Phone => phone::normalise(raw, country).map(Normalised::keyed),
        FieldKind::GivenName | FieldKind::Infix | FieldKind::FullName => {
            name::normalise(raw).map(Normalised::plain)
        }
        FieldKind::Surname => {
            let value = name::normalise(raw)?;
            let match_key = name::surname_key(&value);
            Ok(Normalised { value: PiiText::new(value), match_key: Some(PiiText::new(match_key)) })
        }
        FieldKind::Initials => name::initials(raw).map(Normalised::plain),
        FieldKind::Gender => name::gender(raw).map(Normalised::plain),
        FieldKind::BirthDate => date::normalise(raw).map(Normalised::keyed),
        FieldKind::Company | FieldKind::Street | FieldKind::City | FieldKind::Region => {
            name::normalise(raw).map(Normalised::plain)
        }
        FieldKind::CompanyNumber => company::number(raw, country).map(Normalised::plain),
        FieldKind::VatNumber => vat::normalise(raw, country).map(Normalised::plain),
        FieldKind::Iban => iban::normalise(raw).map(Normalised::plain),
        FieldKind::HouseNumber => address::house_number(raw).map(Normalised::plain),
        FieldKind::HouseNumberSuffix => address::suffix(raw).map(Normalised::plain),
        FieldKind::Postcode => {
            let value = postcode::normalise(raw, country)?;
            let match_key = postcode::key(&value);
            Ok(Normalised { value: PiiText::new(value), match_key: Some(PiiText::new(match_key)) })
        }
        FieldKind::Country => country::normalise(raw).map(|country| Normalised::plain(country.as_str())),
        FieldKind::CustomerNumber => {
            let value = line(raw, VALUE_BYTES_MAX)?.into_owned();
            let match_key = folded_key(&value);
            Ok(Normalised { value: PiiText::new(value), match_key: Some(PiiText::new(match_key)) })
        }
        FieldKind::IpAddress => ip::normalise(raw).map(Normalised::plain),
        FieldKind::FreeText => text(raw).map(Normalised::plain),
        FieldKind::Custom => line(raw, VALUE_BYTES_MAX).map(Normalised::plain),
    }
}

/// Returns what a value is looked up by: the match key of an indexed kind, else its canonical form.
///
/// Whoever looks up may not know the record's country: a postcode that the country refuses is taken as it is written.
///
/// # Errors
/// What is wrong with the value.
pub fn match_key(kind: FieldKind, raw: &str, country: Country2) -> Result<PiiText, ValueProblem> {
    match normalise(kind, raw, country) {
        Ok(normal) => Ok(normal.match_key.unwrap_or(normal.value)),
        Err(ValueProblem::Malformed) if kind == FieldKind::Postcode => {
            postcode::anywhere(raw).map(|value| PiiText::new(postcode::key(&value)))
        }
        Err(problem) => Err(problem),
    }
}

/// A number of the shop's own as it is compared: `kl-0042` is `KL-0042`.
fn folded_key(value: &str) -> String {
    if value.is_ascii() {
        value.to_ascii_lowercase()
    } else {
        value.nfkc().flat_map(char::to_lowercase).nfc().collect()
    }
}

/// What goes along invisibly when a value is copied from an address book or a web page.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

const fn too_long(bytes_max: usize) -> ValueProblem {
    ValueProblem::TooLong { bytes_max: bytes_max as u32 }
}

/// Returns one line of text: NFC, without invisible characters, white space collapsed to single spaces and trimmed.
fn line(raw: &str, bytes_max: usize) -> Result<Cow<'_, str>, ValueProblem> {
    if raw.len() > 4 * bytes_max {
        return Err(too_long(bytes_max));
    }
    let trimmed = raw.trim_ascii();
    let bytes = trimmed.as_bytes();
    let mut after_space = false;
    let is_plain = bytes.iter().all(|byte| {
        let is_space = *byte == b' ';
        let fine = matches!(byte, b' '..=b'~') && !(is_space && after_space);
        after_space = is_space;
        fine
    });
    let line = if is_plain { Cow::Borrowed(trimmed) } else { Cow::Owned(line_of_any(trimmed)?) };
    if line.is_empty() {
        return Err(ValueProblem::Empty);
    }
    if line.len() > bytes_max { Err(too_long(bytes_max)) } else { Ok(line) }
}

fn line_of_any(raw: &str) -> Result<String, ValueProblem> {
    let mut out = String::with_capacity(raw.len() + 8);
    let mut gap = false;
    for c in raw.nfc() {
        if is_invisible(c) {
            continue;
        }
        if c.is_whitespace() {
            gap = !out.is_empty();
            continue;
        }
        if c.is_control() {
            return Err(ValueProblem::ControlCharacter);
        }
        if std::mem::take(&mut gap) {
            out.push(' ');
        }
        out.push(c);
    }
    // What was left out may have kept two characters apart that compose.
    if unicode_normalization::is_nfc(&out) { Ok(out) } else { Ok(out.nfc().collect()) }
}

/// Returns free text: NFC, lines ended by `\n`, no control characters but tabs, trimmed.
fn text(raw: &str) -> Result<String, ValueProblem> {
    if raw.len() > 2 * FREE_TEXT_BYTES_MAX {
        return Err(too_long(FREE_TEXT_BYTES_MAX));
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\n' | '\t' => out.push(c),
            _ if is_invisible(c) => {}
            _ if c.is_control() => return Err(ValueProblem::ControlCharacter),
            _ => out.push(c),
        }
    }
    if !unicode_normalization::is_nfc(&out) {
        out = out.nfc().collect();
    }
    let trimmed = out.trim();
    if trimmed.is_empty() {
        return Err(ValueProblem::Empty);
    }
    if trimmed.len() > FREE_TEXT_BYTES_MAX {
        return Err(too_long(FREE_TEXT_BYTES_MAX));
    }
    Ok(if trimmed.len() == out.len() { out } else { trimmed.to_owned() })
}

/// Returns letters and digits in upper case without the separators people write between them.
fn compact(raw: &str, separators: &[u8], bytes_max: usize) -> Result<String, ValueProblem> {
    let line = line(raw, 4 * bytes_max)?;
    let mut out = String::with_capacity(line.len().min(bytes_max));
    for byte in line.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' => out.push(char::from(byte)),
            b'a'..=b'z' => out.push(char::from(byte.to_ascii_uppercase())),
            b' ' => {}
            _ if separators.contains(&byte) => {}
            _ => return Err(ValueProblem::Malformed),
        }
    }
    if out.is_empty() {
        return Err(ValueProblem::Empty);
    }
    if out.len() > bytes_max { Err(ValueProblem::Malformed) } else { Ok(out) }
}

#[cfg(test)]
mod tests;
