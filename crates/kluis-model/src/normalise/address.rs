//! House numbers and what follows them.

use super::{ValueProblem, line};

/// The longest house number or suffix, in bytes.
const NUMBER_BYTES_MAX: usize = 32;

/// Returns a house number, with its suffix where that was not split off: `12`, `12 A`, `12-14`. It has a digit.
pub(super) fn house_number(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, NUMBER_BYTES_MAX)?;
    if line.contains(|c: char| c.is_ascii_digit()) {
        Ok(line.into_owned())
    } else {
        Err(ValueProblem::Malformed)
    }
}

/// Returns what follows a house number, without the separator in front: `-A` is `A`, `/2` is `2`.
pub(super) fn suffix(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, NUMBER_BYTES_MAX)?;
    let rest = line.trim_start_matches(['-', '/', ' ', '.', ',']);
    if rest.contains(char::is_alphanumeric) { Ok(rest.to_owned()) } else { Err(ValueProblem::Empty) }
}
