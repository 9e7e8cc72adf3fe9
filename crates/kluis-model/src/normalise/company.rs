//! Numbers in company registers: KvK in the Netherlands, KBO in Belgium, letters and digits elsewhere.

use super::{ValueProblem, compact};
use crate::checksum::mod_97;
use crate::fields::Country2;

/// Returns the canonical number: 8 digits for KvK (no check digits), 10 for KBO (mod 97).
pub(super) fn number(raw: &str, country: Country2) -> Result<String, ValueProblem> {
    let number = compact(raw, b".-/:", 32)?;
    match country.as_str() {
        "NL" => {
            let digits = ["KVK", "COC"].iter().find_map(|word| number.strip_prefix(word)).unwrap_or(&number);
            // A spreadsheet eats the zero in front.
            let digits = if digits.len() == 7 { format!("0{digits}") } else { digits.to_owned() };
            let fits = digits.len() == 8 && is_digits(&digits) && digits != "00000000";
            if fits { Ok(digits) } else { Err(ValueProblem::Malformed) }
        }
        "BE" => {
            let digits =
                ["KBO", "BCE", "BE"].iter().find_map(|word| number.strip_prefix(word)).unwrap_or(&number);
            belgian(digits)
        }
        _ if number.bytes().any(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(ValueProblem::Malformed),
    }
}

/// Returns the ten digits of a Belgian enterprise number; the last two are 97 less the rest of the others by 97.
pub(super) fn belgian(digits: &str) -> Result<String, ValueProblem> {
    let digits = if digits.len() == 9 { format!("0{digits}") } else { digits.to_owned() };
    if digits.len() != 10 || !is_digits(&digits) || !digits.starts_with(['0', '1']) {
        return Err(ValueProblem::Malformed);
    }
    let check = digits[8..].parse::<u32>().map_err(|_| ValueProblem::Malformed)?;
    if 97 - mod_97(digits.bytes().take(8)) == check { Ok(digits) } else { Err(ValueProblem::Checksum) }
}

pub(super) fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
