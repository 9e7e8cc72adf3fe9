//! Crockford base32 in lower case, for tokens and credentials a person may have to type.

/// Digits and letters without i, l, o and u (Crockford's alphabet).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Returns `bytes` in base32; five bytes give eight characters. Callers pass multiples of five.
pub(crate) fn encode(bytes: &[u8]) -> String {
    debug_assert!(bytes.len().is_multiple_of(5));
    let mut out = String::with_capacity(bytes.len() / 5 * 8);
    for group in bytes.chunks_exact(5) {
        let bits = group.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            out.push(char::from(ALPHABET[(bits >> (5 * place) & 31) as usize]));
        }
    }
    out
}

/// Writes the bytes of `text` to `out` and returns whether `text` is exactly that long and valid.
///
/// Upper case is accepted, as are i and l for 1 and o for 0, because people mistype those.
pub(crate) fn decode(text: &str, out: &mut [u8]) -> bool {
    debug_assert!(out.len().is_multiple_of(5));
    if text.len() != out.len() / 5 * 8 {
        return false;
    }
    for (characters, group) in text.as_bytes().chunks_exact(8).zip(out.chunks_exact_mut(5)) {
        let mut bits = 0u64;
        for character in characters {
            let Some(value) = value(*character) else { return false };
            bits = bits << 5 | u64::from(value);
        }
        group.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    true
}

/// Returns the value of one character.
fn value(character: u8) -> Option<u8> {
    let folded = match character.to_ascii_lowercase() {
        b'i' | b'l' => b'1',
        b'o' => b'0',
        other => other,
    };
    ALPHABET.iter().position(|letter| *letter == folded).map(|place| place as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(encode(&[0; 5]), "00000000");
        assert_eq!(encode(&[0xff; 5]), "zzzzzzzz");
        assert_eq!(encode(b"klant"), "ddp62vkm");
    }

    #[test]
    fn hostile_text_is_refused() {
        let mut out = [0; 5];
        for text in ["", "0000000", "000000000", "0000000u", "0000000-", "000000é", "       0"] {
            assert!(!decode(text, &mut out), "{text}");
        }
        assert!(decode("oOiIlL10", &mut out));
        assert_eq!(encode(&out), "00111110");
    }

    proptest! {
        #[test]
        fn round_trip(bytes in any::<[u8; 20]>()) {
            let mut out = [0; 20];
            prop_assert!(decode(&encode(&bytes).to_uppercase(), &mut out));
            prop_assert_eq!(out, bytes);
        }
    }
}
