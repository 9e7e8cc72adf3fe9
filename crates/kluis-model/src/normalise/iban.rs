//! Bank account numbers: length by country and the mod 97 check (ISO 13616, SWIFT registry 101).

use super::{ValueProblem, compact};
use crate::checksum::is_iban;

/// The length of an IBAN in each country, in the order of the codes.
const LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Finds the length of an IBAN of a country, by its two capital letters.
#[must_use]
pub fn iban_length(country: [u8; 2]) -> Option<usize> {
    LENGTHS.binary_search_by(|(code, _)| (*code).cmp(&country)).ok().map(|place| LENGTHS[place].1)
}

/// Returns the number without spaces, in upper case: `NL91ABNA0417164300`.
pub(super) fn normalise(raw: &str) -> Result<String, ValueProblem> {
    let iban = compact(raw, b"-.", 34)?;
    let bytes = iban.as_bytes();
    let [a, b, c, d, ..] = bytes else { return Err(ValueProblem::Malformed) };
    let length = iban_length([*a, *b]).ok_or(ValueProblem::Malformed)?;
    let is_dutch_form =
        || bytes[4..8].iter().all(u8::is_ascii_uppercase) && bytes[8..].iter().all(u8::is_ascii_digit);
    if bytes.len() != length || !c.is_ascii_digit() || !d.is_ascii_digit() {
        return Err(ValueProblem::Malformed);
    }
    if bytes.starts_with(b"NL") && !is_dutch_form() {
        return Err(ValueProblem::Malformed);
    }
    if is_iban(bytes) { Ok(iban) } else { Err(ValueProblem::Checksum) }
}
