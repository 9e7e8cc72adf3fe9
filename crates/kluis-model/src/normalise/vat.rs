//! VAT numbers of the European Union and its neighbours: form by country, check digits where they are public.

use super::company::{belgian, is_digits};
use super::{ValueProblem, compact};
use crate::checksum::{luhn, mod_97, passes_eleven};
use crate::fields::Country2;

/// How many characters follow the country's letters, and whether all are digits.
const FORMS: [(&str, &[usize], bool); 30] = [
    ("AT", &[9], false),
    ("BE", &[10], true),
    ("BG", &[9, 10], true),
    ("CHE", &[9], true),
    ("CY", &[9], false),
    ("CZ", &[8, 9, 10], true),
    ("DE", &[9], true),
    ("DK", &[8], true),
    ("EE", &[9], true),
    ("EL", &[9], true),
    ("ES", &[9], false),
    ("FI", &[8], true),
    ("FR", &[11], false),
    ("GB", &[9, 12], true),
    ("HR", &[11], true),
    ("HU", &[8], true),
    ("IE", &[8, 9], false),
    ("IT", &[11], true),
    ("LT", &[9, 12], true),
    ("LU", &[8], true),
    ("LV", &[11], true),
    ("MT", &[8], true),
    ("NL", &[12], false),
    ("PL", &[10], true),
    ("PT", &[9], true),
    ("RO", &[2, 3, 4, 5, 6, 7, 8, 9, 10], true),
    ("SE", &[12], true),
    ("SI", &[8], true),
    ("SK", &[10], true),
    ("XI", &[9, 12], true),
];

/// Returns the number with its country's letters: `NL123456789B01`. Where they are missing the record's country's are
/// put in front.
pub(super) fn normalise(raw: &str, country: Country2) -> Result<String, ValueProblem> {
    let mut number = compact(raw, b".-/", 20)?;
    if number.starts_with(|c: char| c.is_ascii_digit()) || form_of(&number).is_none() {
        number.insert_str(0, letters_of(country));
    }
    if number.starts_with("BE") && number.len() == 11 {
        number.insert(2, '0');
    }
    let (letters, lengths, only_digits) = form_of(&number).ok_or(ValueProblem::Malformed)?;
    let number =
        if letters == "CHE" { number.trim_end_matches(char::is_alphabetic).to_owned() } else { number };
    let rest = number.get(letters.len()..).unwrap_or_default();
    if !lengths.contains(&rest.len()) || (only_digits && !is_digits(rest)) {
        return Err(ValueProblem::Malformed);
    }
    check(letters, rest, &number)?;
    Ok(number)
}

fn form_of(number: &str) -> Option<(&'static str, &'static [usize], bool)> {
    FORMS.into_iter().find(|(letters, ..)| number.starts_with(letters))
}

fn letters_of(country: Country2) -> &'static str {
    match country.as_str() {
        "GR" => "EL",
        "CH" => "CHE",
        code => FORMS.iter().find(|(letters, ..)| *letters == code).map_or("", |(letters, ..)| letters),
    }
}

/// Checks the check digits of the countries whose rule is public and certain.
fn check(letters: &str, rest: &str, number: &str) -> Result<(), ValueProblem> {
    let plain: Vec<u8> = rest.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    let digits: Vec<u32> = plain.iter().map(|digit| u32::from(*digit)).collect();
    let fits = match letters {
        "NL" => {
            let form = rest.as_bytes()[9] == b'B' && is_digits(&rest[..9]) && is_digits(&rest[10..]);
            if !form {
                return Err(ValueProblem::Malformed);
            }
            // Sole traders since 2020: mod 97 over the whole. Companies: the eleven test of the RSIN.
            mod_97(number.bytes()) == 1 || passes_eleven(&plain[..9])
        }
        "BE" => return belgian(rest).map(|_| ()),
        "DE" => iso_7064_mod_11_10(&digits),
        "LU" => digits.iter().take(6).fold(0, |n, d| n * 10 + d) % 89 == digits[6] * 10 + digits[7],
        "IT" => luhn(&plain),
        "PL" => weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digits[9],
        "DK" => weighted(&digits, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11),
        "FI" => (11 - weighted(&digits, &[7, 9, 10, 5, 8, 4, 2]) % 11) % 11 == digits[7],
        "PT" => {
            let check = 11 - weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            digits[8] == if check > 9 { 0 } else { check }
        }
        _ => true,
    };
    if fits { Ok(()) } else { Err(ValueProblem::Checksum) }
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

fn iso_7064_mod_11_10(digits: &[u32]) -> bool {
    let product = digits[..8].iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        2 * (if sum == 0 { 10 } else { sum }) % 11
    });
    (11 - product) % 10 == digits[8]
}
