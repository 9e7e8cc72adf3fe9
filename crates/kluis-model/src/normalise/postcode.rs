//! Postcodes: `1234AB` for the Netherlands, exact forms for its neighbours, upper case and single spaces elsewhere.

use super::{ValueProblem, line};
use crate::fields::Country2;

/// The longest postcode, in bytes.
const POSTCODE_BYTES_MAX: usize = 16;

/// Returns the canonical postcode of a country.
pub(super) fn normalise(raw: &str, country: Country2) -> Result<String, ValueProblem> {
    match country.as_str() {
        "NL" => dutch(raw),
        "BE" => digits(raw, "B", 4),
        "LU" => digits(raw, "L", 4),
        "CH" | "AT" | "DK" | "NO" => digits(raw, country.as_str(), 4),
        "DE" => digits(raw, "D", 5),
        "FR" | "ES" | "IT" => digits(raw, country.as_str(), 5),
        "GB" => british(raw),
        _ => anywhere(raw),
    }
}

/// Returns what a postcode is compared by: its letters and digits.
pub(super) fn key(value: &str) -> String {
    value.bytes().filter(u8::is_ascii_alphanumeric).map(char::from).collect()
}

/// `[1-9][0-9]{3} ?[A-Z]{2}` with an optional `NL-` in front; the letters SA, SD and SS are not given out.
fn dutch(raw: &str) -> Result<String, ValueProblem> {
    let mut code = [0_u8; 8];
    let len = squeeze(raw, &mut code)?;
    let code = code[..len].strip_prefix(b"NL").unwrap_or(&code[..len]);
    let [a @ b'1'..=b'9', b, c, d, e @ b'A'..=b'Z', f @ b'A'..=b'Z'] = code else {
        return Err(ValueProblem::Malformed);
    };
    let is_digits = [b, c, d].iter().all(|byte| byte.is_ascii_digit());
    if !is_digits || (*e == b'S' && matches!(f, b'A' | b'D' | b'S')) {
        return Err(ValueProblem::Malformed);
    }
    Ok([a, b, c, d, e, f].into_iter().map(|byte| char::from(*byte)).collect())
}

/// A number of so many digits, with the country's prefix or without.
fn digits(raw: &str, prefix: &str, count: usize) -> Result<String, ValueProblem> {
    let mut code = [0_u8; 8];
    let len = squeeze(raw, &mut code)?;
    let code = &code[..len];
    let code = code.strip_prefix(prefix.as_bytes()).unwrap_or(code);
    let fits =
        code.len() == count && code.iter().all(u8::is_ascii_digit) && code.iter().any(|byte| *byte != b'0');
    if fits { Ok(code.iter().map(|byte| char::from(*byte)).collect()) } else { Err(ValueProblem::Malformed) }
}

/// Outward and inward code with one space between them: `SW1A 1AA`.
fn british(raw: &str) -> Result<String, ValueProblem> {
    let mut code = [0_u8; 8];
    let len = squeeze(raw, &mut code)?;
    let [outward @ .., a, b, c] = &code[..len] else { return Err(ValueProblem::Malformed) };
    let is_outward = (2..=4).contains(&outward.len()) && outward[0].is_ascii_uppercase();
    if !is_outward || !a.is_ascii_digit() || !b.is_ascii_uppercase() || !c.is_ascii_uppercase() {
        return Err(ValueProblem::Malformed);
    }
    let mut out: String = outward.iter().map(|byte| char::from(*byte)).collect();
    out.push(' ');
    out.extend([a, b, c].into_iter().map(|byte| char::from(*byte)));
    Ok(out)
}

/// Puts the letters and digits of a code in `out`, upper case, and returns how many there are.
fn squeeze(raw: &str, out: &mut [u8; 8]) -> Result<usize, ValueProblem> {
    let line = line(raw, super::VALUE_BYTES_MAX)?;
    let mut len = 0;
    for byte in line.bytes() {
        match byte {
            b' ' | b'-' | b'.' => continue,
            _ if byte.is_ascii_alphanumeric() => {}
            _ => return Err(ValueProblem::Malformed),
        }
        *out.get_mut(len).ok_or(ValueProblem::Malformed)? = byte.to_ascii_uppercase();
        len += 1;
    }
    if len == 0 { Err(ValueProblem::Malformed) } else { Ok(len) }
}

/// Any country's postcode: letters, digits, spaces and hyphens in upper case, with a digit or letter at each end.
pub(super) fn anywhere(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, super::VALUE_BYTES_MAX)?;
    let out = line.to_ascii_uppercase();
    let known = out.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-'));
    let ends = out.starts_with(|c: char| c.is_ascii_alphanumeric())
        && out.ends_with(|c: char| c.is_ascii_alphanumeric());
    if known && ends && out.len() <= POSTCODE_BYTES_MAX { Ok(out) } else { Err(ValueProblem::Malformed) }
}
