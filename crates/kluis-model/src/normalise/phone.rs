//! Telephone numbers in E.164: own compact rules for the Netherlands and its neighbours, length and country code elsewhere.
//!
//! The Dutch number ranges are those of libphonenumber 9.0.43, region NL.

use super::{ValueProblem, is_invisible, too_long};
use crate::fields::Country2;

/// Most digits of a number (E.164 §6.2.1).
const DIGITS_MAX: usize = 15;
/// Most digits that are read: two more for `00` and one for a superfluous trunk zero.
const READ_MAX: usize = DIGITS_MAX + 3;
/// The longest way of writing a number, in bytes.
const RAW_BYTES_MAX: usize = 64;

/// The digits of a number, on the stack.
#[derive(Clone, Copy)]
struct Digits {
    bytes: [u8; READ_MAX],
    len: usize,
}

impl Digits {
    const NONE: Self = Self { bytes: [0; READ_MAX], len: 0 };

    /// Puts a country code and the rest of a number together.
    fn of(code: &[u8], rest: &[u8]) -> Option<Self> {
        let mut digits = Self::NONE;
        code.iter().chain(rest).try_for_each(|byte| digits.push(*byte))?;
        Some(digits)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Returns the number as `+31612345678`.
pub(super) fn normalise(raw: &str, country: Country2) -> Result<String, ValueProblem> {
    let raw = raw.trim_ascii();
    if raw.is_empty() {
        return Err(ValueProblem::Empty);
    }
    if raw.len() > RAW_BYTES_MAX {
        return Err(too_long(RAW_BYTES_MAX));
    }
    let (digits, is_international) = if raw.is_ascii() {
        digits_of(raw)?
    } else {
        // Numbers copied from an address book come wrapped in invisible direction marks.
        let visible: String =
            raw.chars().filter(|c| !is_invisible(*c)).map(|c| if is_gap(c) { ' ' } else { c }).collect();
        digits_of(visible.trim())?
    };
    let number = if is_international {
        international(digits.as_slice())
    } else if let Some(rest) = digits.as_slice().strip_prefix(b"00") {
        international(rest)
    } else {
        national(digits.as_slice(), country)
    };
    let number = number.ok_or(ValueProblem::Malformed)?;
    let mut out = String::with_capacity(1 + number.len);
    out.push('+');
    out.extend(number.as_slice().iter().map(|byte| char::from(*byte)));
    Ok(out)
}

/// Spaces and dashes beyond ASCII.
const fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Takes the digits out of a number as it is written, and tells whether a plus stands in front.
fn digits_of(written: &str) -> Result<(Digits, bool), ValueProblem> {
    let mut digits = Digits::NONE;
    let mut has_plus = false;
    let bytes = written.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => digits.push(*byte).ok_or(ValueProblem::Malformed)?,
            b'+' if digits.len == 0 && !has_plus => has_plus = true,
            // `+31 (0)6 …`: the zero is for callers at home.
            b'(' if (has_plus || digits.as_slice().starts_with(b"00")) && bytes[at..].starts_with(b"(0)") => {
                at += 2
            }
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' => {}
            0..0x20 | 0x7f => return Err(ValueProblem::ControlCharacter),
            _ => return Err(ValueProblem::Malformed),
        }
        at += 1;
    }
    if digits.len == 0 { Err(ValueProblem::Malformed) } else { Ok((digits, has_plus)) }
}

/// Reads a number that starts with its country code.
fn international(digits: &[u8]) -> Option<Digits> {
    let code_len = code_len(digits)?;
    let (code, mut rest) = digits.split_at(code_len);
    if drops_zero(code) {
        rest = rest.strip_prefix(b"0").unwrap_or(rest);
    }
    is_valid(code, rest).then(|| Digits::of(code, rest)).flatten()
}

/// Reads a number as it is dialled within a country.
fn national(digits: &[u8], country: Country2) -> Option<Digits> {
    let (_, code, has_trunk) = *PLANS.iter().find(|(known, ..)| *known == country.as_str())?;
    let code = code.as_bytes();
    let rest = match digits.strip_prefix(b"0") {
        Some(rest) if has_trunk => Some(rest),
        // A spreadsheet ate the zero: only where the rules are exact enough to tell.
        None if has_trunk => (code == b"31").then_some(digits),
        // In North America a 1 is written in front, in Hungary 06.
        _ if code == b"1" => Some(digits.strip_prefix(b"1").unwrap_or(digits)),
        _ if code == b"36" => Some(digits.strip_prefix(b"06").unwrap_or(digits)),
        _ => Some(digits),
    };
    if let Some(rest) = rest.filter(|rest| is_valid(code, rest)) {
        return Digits::of(code, rest);
    }
    // The plus was lost: `31612345678`.
    if digits.starts_with(code) { international(digits) } else { None }
}

/// Tells whether a national number fits its country.
fn is_valid(code: &[u8], rest: &[u8]) -> bool {
    let total = code.len() + rest.len();
    match code {
        b"31" => is_dutch(rest),
        b"32" => is_belgian(rest),
        b"33" => rest.len() == 9 && matches!(rest[0], b'1'..=b'9'),
        b"44" => matches!(rest.len(), 9 | 10) && matches!(rest[0], b'1'..=b'9'),
        b"49" => (6..=12).contains(&rest.len()) && matches!(rest[0], b'1'..=b'9'),
        b"1" => rest.len() == 10 && matches!(rest[0], b'2'..=b'9') && matches!(rest[3], b'2'..=b'9'),
        _ => (7..=DIGITS_MAX).contains(&total) && rest.len() >= 4,
    }
}

/// Tells whether a national significant number is Dutch; fixed numbers by area code.
fn is_dutch(rest: &[u8]) -> bool {
    match rest {
        [b'6', b'1'..=b'5' | b'8', ..] => rest.len() == 9,
        [b'9', b'7', b'0', ..] => rest.len() == 11,
        [b'8', b'0', b'0', ..] | [b'9', b'0', b'0' | b'6' | b'9', ..] => (7..=10).contains(&rest.len()),
        [b'8', b'4' | b'5' | b'7' | b'8', ..] | [b'9', b'1', ..] => rest.len() == 9,
        [a, b, c, ..] if rest.len() == 9 => is_dutch_area(*a, *b, *c),
        _ => false,
    }
}

/// Tells whether three digits start a Dutch fixed number.
fn is_dutch_area(a: u8, b: u8, c: u8) -> bool {
    let one_of = |digits: &[u8]| digits.contains(&c);
    match (a, b) {
        (b'1', b'0' | b'3' | b'5') | (b'2', b'0' | b'3' | b'4' | b'6') => true,
        (b'1', b'1') => one_of(b"134578"),
        (b'1', b'6') => one_of(b"1245678"),
        (b'1', b'7') => one_of(b"24"),
        (b'1', b'8') => one_of(b"0123467"),
        (b'2', b'2') => one_of(b"2346789"),
        (b'2', b'5') => one_of(b"125"),
        (b'2', b'9') => one_of(b"479"),
        (b'3', b'0' | b'3' | b'5' | b'6' | b'8') => true,
        (b'3', b'1') => one_of(b"345678"),
        (b'3', b'2') => one_of(b"01"),
        (b'3', b'4') => one_of(b"12345678"),
        (b'4', b'0' | b'3' | b'5' | b'6') => true,
        (b'4', b'1') => one_of(b"12368"),
        (b'4', b'7') => one_of(b"58"),
        (b'4', b'8') => one_of(b"15678"),
        (b'4', b'9') => one_of(b"23579"),
        (b'5', b'0' | b'3' | b'5' | b'8') => true,
        (b'5', b'1' | b'9') => c != b'0',
        (b'5', b'2') => one_of(b"12345789"),
        (b'5', b'4') => one_of(b"1345678"),
        (b'5', b'6') => one_of(b"126"),
        (b'5', b'7') => one_of(b"0123578"),
        (b'7', _) => true,
        _ => false,
    }
}

/// Tells whether a national significant number is Belgian: 8 digits fixed, 9 digits mobile (`4xx`), 8 or more special.
fn is_belgian(rest: &[u8]) -> bool {
    match rest {
        [b'4', b'5'..=b'9', ..] => rest.len() == 9,
        [b'1'..=b'9', ..] => rest.len() == 8,
        _ => false,
    }
}

/// Tells whether numbers of a country never start with a zero after the country code.
fn drops_zero(code: &[u8]) -> bool {
    PLANS.iter().any(|(_, known, has_trunk)| *has_trunk && known.as_bytes() == code)
}

/// Returns how many digits the country code has (E.164, list of assigned codes).
fn code_len(digits: &[u8]) -> Option<usize> {
    let (a, b) = (digits.first()?, digits.get(1)?);
    let third = |known: &[u8]| digits.get(2).filter(|c| known.contains(c)).map(|_| 3);
    match (a, b) {
        (b'1' | b'7', _) => Some(1),
        (b'2', b'0' | b'7')
        | (b'3', b'0'..=b'4' | b'6' | b'9')
        | (b'4', b'0' | b'1' | b'3'..=b'9')
        | (b'5', b'1'..=b'8')
        | (b'6', b'0'..=b'6')
        | (b'8', b'1' | b'2' | b'4' | b'6')
        | (b'9', b'0'..=b'5' | b'8') => Some(2),
        (b'2', b'1') => third(b"12368"),
        (b'2', b'2'..=b'6') | (b'3', b'5') | (b'5', b'0' | b'9') => third(b"0123456789"),
        (b'2', b'9') => third(b"01789"),
        (b'3', b'7') => third(b"012345678"),
        (b'3', b'8') => third(b"01235679"),
        (b'4', b'2') => third(b"013"),
        (b'6', b'7') => third(b"023456789"),
        (b'6', b'8') => third(b"012356789"),
        (b'6', b'9') => third(b"012"),
        (b'8', b'0') => third(b"08"),
        (b'8', b'5') => third(b"02356"),
        (b'8', b'7') => third(b"08"),
        (b'8', b'8') => third(b"01236"),
        (b'9', b'6') => third(b"012345678"),
        (b'9', b'7') => third(b"012345679"),
        (b'9', b'9') => third(b"234568"),
        _ => None,
    }
}

/// Countries with their calling code and whether a trunk `0` is dialled at home, and dropped from abroad.
const PLANS: [(&str, &str, bool); 62] = [
    ("NL", "31", true),
    ("BE", "32", true),
    ("DE", "49", true),
    ("FR", "33", true),
    ("GB", "44", true),
    ("LU", "352", false),
    ("AT", "43", true),
    ("CH", "41", true),
    ("LI", "423", false),
    ("IE", "353", true),
    ("ES", "34", false),
    ("PT", "351", false),
    ("IT", "39", false),
    ("SM", "378", false),
    ("MT", "356", false),
    ("GR", "30", false),
    ("CY", "357", false),
    ("DK", "45", false),
    ("SE", "46", true),
    ("NO", "47", false),
    ("FI", "358", true),
    ("IS", "354", false),
    ("EE", "372", false),
    ("LV", "371", false),
    ("LT", "370", true),
    ("PL", "48", false),
    ("CZ", "420", false),
    ("SK", "421", true),
    ("HU", "36", false),
    ("SI", "386", true),
    ("HR", "385", true),
    ("RO", "40", true),
    ("BG", "359", true),
    ("RS", "381", true),
    ("BA", "387", true),
    ("ME", "382", true),
    ("MK", "389", true),
    ("AL", "355", true),
    ("UA", "380", true),
    ("MD", "373", true),
    ("TR", "90", true),
    ("MA", "212", true),
    ("IL", "972", true),
    ("AE", "971", true),
    ("IN", "91", true),
    ("ID", "62", true),
    ("CN", "86", true),
    ("JP", "81", true),
    ("KR", "82", true),
    ("HK", "852", false),
    ("SG", "65", false),
    ("AU", "61", true),
    ("NZ", "64", true),
    ("ZA", "27", true),
    ("BR", "55", true),
    ("SR", "597", false),
    ("CW", "599", false),
    ("AW", "297", false),
    ("US", "1", false),
    ("CA", "1", false),
    ("MX", "52", false),
    ("MC", "377", false),
];
