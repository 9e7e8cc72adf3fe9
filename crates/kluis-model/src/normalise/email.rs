//! E-mail addresses: lower case, NFC, the domain as IDNA A-labels; no dots or plus tags taken out.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{ValueProblem, is_invisible, too_long};

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// Returns the canonical address. Dot-atoms only: no quoted local part, no address literal, no comment.
pub(super) fn normalise(raw: &str) -> Result<String, ValueProblem> {
    let raw = raw.trim_ascii();
    if raw.is_empty() {
        return Err(ValueProblem::Empty);
    }
    if raw.len() > 4 * ADDRESS_BYTES_MAX {
        return Err(too_long(ADDRESS_BYTES_MAX));
    }
    if raw.is_ascii() {
        let mut address = raw.to_owned();
        address.make_ascii_lowercase();
        if !address.contains("xn--") {
            check(&address)?;
            return Ok(address);
        }
    }
    let visible: String = raw.chars().filter(|c| !is_invisible(*c)).collect();
    let visible = visible.trim();
    if visible.is_empty() {
        return Err(ValueProblem::Empty);
    }
    if visible.contains(char::is_control) {
        return Err(ValueProblem::ControlCharacter);
    }
    let (local, domain) = visible.rsplit_once('@').ok_or(ValueProblem::Malformed)?;
    let mut address: String = local.nfc().flat_map(char::to_lowercase).nfc().collect();
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| ValueProblem::Malformed)?;
    address.push('@');
    address.push_str(&domain);
    check(&address)?;
    Ok(address)
}

/// Checks a lower-cased address.
fn check(address: &str) -> Result<(), ValueProblem> {
    if address.len() > ADDRESS_BYTES_MAX {
        return Err(too_long(ADDRESS_BYTES_MAX));
    }
    if address.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(ValueProblem::ControlCharacter);
    }
    let (local, domain) = address.rsplit_once('@').ok_or(ValueProblem::Malformed)?;
    if is_local(local) && is_domain(domain.as_bytes()) { Ok(()) } else { Err(ValueProblem::Malformed) }
}

/// Tells whether a text is a dot-atom (RFC 5322 §3.2.3), with letters beyond ASCII (RFC 6532).
fn is_local(local: &str) -> bool {
    if local.len() > LOCAL_BYTES_MAX || local.ends_with('.') {
        return false;
    }
    let mut after_dot = true;
    let fine = if local.is_ascii() {
        local.bytes().all(|byte| {
            let is_dot = byte == b'.';
            let fine = if is_dot { !after_dot } else { is_atom(byte) };
            after_dot = is_dot;
            fine
        })
    } else {
        local.chars().all(|c| {
            let is_dot = c == '.';
            let fine = match u8::try_from(c) {
                Ok(b'.') => !after_dot,
                Ok(byte) if byte.is_ascii() => is_atom(byte),
                _ => c.is_alphanumeric() || (!after_dot && is_combining_mark(c)),
            };
            after_dot = is_dot;
            fine
        })
    };
    fine && !local.is_empty()
}

const fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

/// Tells whether bytes are at least two labels of letters, digits and inner hyphens, the last of letters (RFC 1035 §2.3.1).
fn is_domain(domain: &[u8]) -> bool {
    let (mut labels, mut start) = (0, 0);
    for end in 0..=domain.len() {
        match domain.get(end) {
            Some(b'a'..=b'z' | b'0'..=b'9' | b'-') => continue,
            Some(b'.') | None => {}
            Some(_) => return false,
        }
        let label = &domain[start..end];
        let fits = (1..=63).contains(&label.len()) && label[0] != b'-' && label[label.len() - 1] != b'-';
        if !fits {
            return false;
        }
        if end == domain.len() {
            let letters = label.len() >= 2 && label.iter().all(u8::is_ascii_lowercase);
            return labels > 0 && (letters || label.starts_with(b"xn--"));
        }
        labels += 1;
        start = end + 1;
    }
    false
}
