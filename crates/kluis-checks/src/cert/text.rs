//! Distinguished names as text (RFC 4514), safe to show: bounded, no control characters, no bidirectional tricks.

use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

/// Characters of a name that are shown.
pub(super) const TEXT_CHARS_MAX: usize = 300;

/// RFC 4514 §2.3, and other attributes that certificates have, by the names that tools show.
const ATTRIBUTES: [(&str, &str); 18] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.42", "GN"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
];

/// The name as text, most specific part first, at most [`TEXT_CHARS_MAX`] characters (`…` when it was longer).
pub(super) fn rfc4514(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let rdns: Vec<_> = name.iter_rdn().collect();
    for rdn in rdns.iter().rev() {
        for (index, attribute) in rdn.iter().enumerate() {
            if out.len() > 4 * TEXT_CHARS_MAX {
                break;
            }
            if !out.is_empty() {
                out.push(if index == 0 { ',' } else { '+' });
            }
            put_attribute(attribute, &mut out);
        }
    }
    match out.char_indices().nth(TEXT_CHARS_MAX) {
        Some(_) => out.chars().take(TEXT_CHARS_MAX - 1).chain(['…']).collect(),
        None => out,
    }
}

fn put_attribute(attribute: &AttributeTypeAndValue<'_>, out: &mut String) {
    let id = attribute.attr_type().to_id_string();
    match ATTRIBUTES.iter().find(|(known, _)| *known == id) {
        Some((_, name)) => out.push_str(name),
        None => out.extend(id.chars().take(TEXT_CHARS_MAX)),
    }
    out.push('=');
    match decode(attribute) {
        Some(value) => put_escaped(&value, out),
        None => {
            let bytes = attribute.as_slice();
            out.push('#');
            out.push_str(&hex::encode(&bytes[..bytes.len().min(TEXT_CHARS_MAX)]));
        }
    }
}

/// The value as text: UTF-8 and its subsets, Latin-1 for T61, UTF-16 for BMP, UTF-32 for universal strings.
fn decode(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.as_slice();
    let bytes = &bytes[..bytes.len().min(4 * TEXT_CHARS_MAX)];
    match attribute.attr_value().tag().0 {
        12 | 18 | 19 | 22 | 26 => Some(String::from_utf8_lossy(bytes).into_owned()),
        20 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        28 => Some(
            bytes
                .chunks_exact(4)
                .map(|b| char::from_u32(u32::from_be_bytes([b[0], b[1], b[2], b[3]])).unwrap_or('\u{FFFD}'))
                .collect(),
        ),
        30 => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect();
            Some(String::from_utf16_lossy(&units))
        }
        _ => None,
    }
}

fn put_escaped(value: &str, out: &mut String) {
    let count = value.chars().count();
    for (index, char) in value.chars().enumerate().take(TEXT_CHARS_MAX) {
        let is_edge_space = char == ' ' && (index == 0 || index + 1 == count);
        match char {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => out.extend(['\\', char]),
            '#' if index == 0 => out.push_str("\\#"),
            ' ' if is_edge_space => out.push_str("\\ "),
            _ if is_unsafe(char) => out.push('\u{FFFD}'),
            _ => out.push(char),
        }
    }
}

/// Whether the character could change how a terminal or page shows what is around it.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped() {
        let check = |value: &str, expected: &str| {
            let mut out = String::new();
            put_escaped(value, &mut out);
            assert_eq!(out, expected);
        };
        check("Shop B.V.", "Shop B.V.");
        check("a,b+c\"d\\e<f>g;h=i", "a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=i");
        check("#1", "\\#1");
        check(" x ", "\\ x\\ ");
        check("a\u{1b}[31m\u{202e}b\r\n", "a\u{FFFD}[31m\u{FFFD}b\u{FFFD}\u{FFFD}");
        check("Bücher", "Bücher");
    }
}
