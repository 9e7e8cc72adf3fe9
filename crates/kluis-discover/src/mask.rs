//! Shows what a value looks like without showing it: the only form in which a value leaves a scan.

use crate::Kind;

/// Characters of a masked value.
const CHARS_MAX: usize = 40;

/// The shape of a value, with at most its first two and last two characters where the kind allows it.
///
/// Letters become `x`, digits `9`; the shape is cut at 40 characters. Of an e-mail address the top-level domain
/// stays, of an IBAN the country, of a card the last two digits; of everything else nothing but the shape.
#[must_use]
pub fn mask(kind: Kind, value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let text = text.trim();
    let shape = |text: &str| -> String { text.chars().take(CHARS_MAX).map(shape_of).collect() };
    match kind {
        Kind::Email => match text.rsplit_once('.') {
            Some((before, tld)) if tld.len() <= 6 && tld.bytes().all(|b| b.is_ascii_alphabetic()) => {
                format!("{}.{}", shape(before), tld.to_ascii_lowercase())
            }
            _ => shape(text),
        },
        Kind::Iban if text.is_char_boundary(2) && text.len() > 2 => {
            format!("{}{}", &text[..2].to_ascii_uppercase(), shape(&text[2..]))
        }
        Kind::Card if text.is_ascii() && text.len() > 2 => {
            format!("{}{}", shape(&text[..text.len() - 2]), &text[text.len() - 2..])
        }
        Kind::PasswordPlain | Kind::ApiKey | Kind::FreeText | Kind::Special(_) => {
            format!("({} tekens)", text.chars().count())
        }
        _ => shape(text),
    }
}

fn shape_of(c: char) -> char {
    if c.is_numeric() {
        '9'
    } else if c.is_alphabetic() {
        if c.is_uppercase() { 'X' } else { 'x' }
    } else if c.is_control() {
        ' '
    } else {
        c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_shape_and_nothing_else() {
        let check = |kind, value: &str, expected: &str| {
            assert_eq!(mask(kind, value.as_bytes()), expected);
        };
        check(Kind::Bsn, "123456782", "999999999");
        check(Kind::Email, "jan.jansen@winkel.example", "xxx.xxxxxx@xxxxxx.xxxxxxx");
        check(Kind::Email, "jan@winkel.nl", "xxx@xxxxxx.nl");
        check(Kind::Iban, "NL91 ABNA 0417 1643 00", "NL99 XXXX 9999 9999 99");
        check(Kind::Card, "4111 1111 1111 1111", "9999 9999 9999 9911");
        check(Kind::FullName, "Zoë van 't Hof", "Xxx xxx 'x Xxx");
        check(Kind::Address, "1234\u{7}AB 12", "9999 XX 99");
        check(Kind::PasswordPlain, "geheim", "(6 tekens)");
        check(Kind::Special(crate::Special::Health), "diabetes", "(8 tekens)");
        check(Kind::Phone, "", "");
        assert_eq!(mask(Kind::FullName, "ä".repeat(1_000).as_bytes()).chars().count(), 40);
        assert_eq!(mask(Kind::Surname, b"\xff\xfe"), "\u{fffd}\u{fffd}");
    }
}
