//! Check digits that numbers of people carry, over bytes and without allocation: what normalising and finding share.

/// Returns the remainder by 97 of digits and capital letters, where A is 10 and Z is 35 (ISO/IEC 7064).
#[must_use]
pub fn mod_97(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.saturating_sub(b'A')) + 10) % 97,
    })
}

/// Tells whether nine digits (values 0 to 9) pass the Dutch eleven test of BSN and RSIN: weights 9 to 2, and the last
/// digit counts as minus one. All zeros do not.
#[must_use]
pub fn passes_eleven(digits: &[u8]) -> bool {
    let [first @ .., last] = digits else { return false };
    let sum: u32 = first.iter().zip((2..=9u32).rev()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    digits.len() == 9 && sum > 0 && sum % 11 == u32::from(*last)
}

/// Tells whether digits (values 0 to 9) pass the Luhn test (ISO/IEC 7812-1). All zeros do not.
#[must_use]
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, digit)| match u32::from(*digit) * (1 + (n as u32 & 1)) {
            two @ 10.. => two - 9,
            one => one,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

/// Tells whether capital letters and digits without spaces are an IBAN: length of its country and mod 97 (ISO 13616).
#[must_use]
pub fn is_iban(compact: &[u8]) -> bool {
    let [a, b, c, d, ..] = compact else { return false };
    let is_form = crate::normalise::iban_length([*a, *b]) == Some(compact.len())
        && c.is_ascii_digit()
        && d.is_ascii_digit()
        && compact.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let is_dutch_form =
        || compact[4..8].iter().all(u8::is_ascii_uppercase) && compact[8..].iter().all(u8::is_ascii_digit);
    is_form
        && (!compact.starts_with(b"NL") || is_dutch_form())
        && mod_97(compact[4..].iter().chain(&compact[..4]).copied()) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn known_numbers_pass_and_near_ones_do_not() {
        for (text, is_good) in [
            ("111222333", true),
            ("123456782", true),
            ("123456783", false),
            ("000000000", false),
            ("", false),
        ] {
            assert_eq!(passes_eleven(&digits(text)), is_good, "{text}");
        }
        assert!(!passes_eleven(&digits("1112223330")) && !passes_eleven(&digits("11122233")));
        for (text, is_good) in
            [("4111111111111111", true), ("4111111111111112", false), ("0000", false), ("18", true)]
        {
            assert_eq!(luhn(&digits(text)), is_good, "{text}");
        }
        for (text, is_good) in [
            ("NL91ABNA0417164300", true),
            ("NL92ABNA0417164300", false),
            ("NL910417164300ABNA", false),
            ("BE68539007547034", true),
            ("BE6853900754703", false),
            ("nl91ABNA0417164300", false),
            ("NL", false),
            ("ZZ91ABNA0417164300", false),
        ] {
            assert_eq!(is_iban(text.as_bytes()), is_good, "{text}");
        }
    }
}
