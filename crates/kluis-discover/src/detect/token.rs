//! Values with letters in them: IBAN, VAT number, postcode, licence plate, document, e-mail address, hardware address, keys.

use kluis_model::checksum::{mod_97, passes_eleven};

use super::class::{is_digit, is_upper, is_word};

/// The longest local part and the longest domain of an address (RFC 5321 §4.5.3.1).
pub(crate) const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 253;
/// The longest IBAN.
const IBAN_MAX: usize = 34;

/// Where what has the form of an IBAN ends, and whether its check digits agree: capitals or small letters, in one piece
/// or in groups of four.
pub(crate) fn iban(text: &[u8], start: usize) -> Option<(usize, bool)> {
    // Most words with letters and digits go no further.
    if !is_digit(*text.get(start + 2)?) || !is_digit(*text.get(start + 3)?) {
        return None;
    }
    let country = [text.get(start)?.to_ascii_uppercase(), text.get(start + 1)?.to_ascii_uppercase()];
    let length = kluis_model::normalise::iban_length(country)?;
    let mut compact = [0; IBAN_MAX];
    let (mut at, mut count, mut mark) = (start, 0, 0);
    while count < length {
        let byte = *text.get(at)?;
        if byte.is_ascii_alphanumeric() {
            compact[count] = byte.to_ascii_uppercase();
            count += 1;
        } else if count % 4 == 0
            && matches!(byte, b' ' | b'-' | b'.')
            && (mark == 0 || mark == byte)
            && text[at - 1] != byte
        {
            mark = byte;
        } else {
            return None;
        }
        at += 1;
    }
    let ends = !text.get(at).copied().is_some_and(is_word);
    ends.then(|| (at, agrees(&compact[..length])))
}

/// Whether the check digits of an IBAN of the right length agree: as `kluis_model::checksum::is_iban`, in steps of many
/// digits.
fn agrees(compact: &[u8]) -> bool {
    let is_dutch_form =
        || compact[4..8].iter().all(u8::is_ascii_uppercase) && compact[8..].iter().all(u8::is_ascii_digit);
    let mut rest = 0u64;
    for byte in compact[4..].iter().chain(&compact[..4]) {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u64::from(byte - b'0'),
            _ => rest * 100 + u64::from(byte - b'A') + 10,
        };
        if rest >= 10_000_000_000_000_000 {
            rest %= 97;
        }
    }
    rest % 97 == 1 && (!compact.starts_with(b"NL") || is_dutch_form())
}

/// What a Dutch VAT number that begins here is, and where it ends: `NL123456789B01`, points allowed.
pub(crate) fn dutch_vat(text: &[u8], start: usize) -> Option<(usize, VatOwner)> {
    if !text.get(start..start + 2)?.eq_ignore_ascii_case(b"NL") {
        return None;
    }
    let mut compact = [0; 14];
    let (mut at, mut count) = (start, 0);
    while count < 14 {
        let byte = *text.get(at)?;
        if byte.is_ascii_alphanumeric() {
            compact[count] = byte.to_ascii_uppercase();
            count += 1;
        } else if count < 2 || !matches!(byte, b'.' | b' ' | b'-') || !is_word(text[at - 1]) {
            return None;
        }
        at += 1;
    }
    let is_form = compact[2..11].iter().all(u8::is_ascii_digit)
        && compact[11] == b'B'
        && compact[12..].iter().all(u8::is_ascii_digit);
    if !is_form || text.get(at).copied().is_some_and(is_word) {
        return None;
    }
    let mut digits = [0; 9];
    digits.iter_mut().zip(&compact[2..11]).for_each(|(to, byte)| *to = byte - b'0');
    match (mod_97(compact.iter().copied()) == 1, passes_eleven(&digits)) {
        (true, _) => Some((at, VatOwner::SoleTrader)),
        (false, true) => Some((at, VatOwner::CompanyOrOldSoleTrader)),
        (false, false) => None,
    }
}

/// Whose a Dutch VAT number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VatOwner {
    /// A sole trader, as given out since 2020: it holds no BSN.
    SoleTrader,
    /// A legal person's RSIN, or a sole trader's BSN: both pass the same test.
    CompanyOrOldSoleTrader,
}

/// Where a Dutch postcode that begins with these four digits ends: two capitals, never SA, SD or SS.
pub(crate) fn postcode(text: &[u8], start: usize) -> Option<usize> {
    let letters = match text.get(start + 4)? {
        b' ' => start + 5,
        _ => start + 4,
    };
    let pair = text.get(letters..letters + 2)?;
    let is_good = (b'1'..=b'9').contains(text.get(start)?)
        && text[start + 1..start + 4].iter().all(u8::is_ascii_digit)
        && pair.iter().all(u8::is_ascii_uppercase)
        && !matches!(pair, b"SA" | b"SD" | b"SS")
        && !text.get(letters + 2).copied().is_some_and(is_word);
    is_good.then_some(letters + 2)
}

/// Where a Dutch licence plate that begins here ends: three groups with dashes, in one of the fourteen series.
pub(crate) fn plate(text: &[u8], start: usize) -> Option<usize> {
    let mut shape = [0u8; 8];
    let mut length = 0;
    let mut at = start;
    while let Some(byte) = text.get(at).filter(|_| length < shape.len()) {
        shape[length] = match byte {
            b'A'..=b'Z' => b'X',
            b'0'..=b'9' => b'9',
            b'-' => b'-',
            _ => break,
        };
        (length, at) = (length + 1, at + 1);
    }
    const SERIES: [&[u8]; 14] = [
        b"XX-99-99",
        b"99-99-XX",
        b"99-XX-99",
        b"XX-99-XX",
        b"XX-XX-99",
        b"99-XX-XX",
        b"99-XXX-9",
        b"9-XXX-99",
        b"XX-999-X",
        b"X-999-XX",
        b"XXX-99-X",
        b"X-99-XXX",
        b"9-XX-999",
        b"999-XX-9",
    ];
    if length < 8
        || !SERIES.contains(&&shape[..])
        || text.get(at).copied().is_some_and(|b| is_word(b) || b == b'-')
    {
        return None;
    }
    let letters = text[start..at].split(|byte| !byte.is_ascii_uppercase()).filter(|part| !part.is_empty());
    // Never given out: words that hurt, and names of parties.
    let is_word_of_plates = |part: &[u8]| {
        !matches!(
            part,
            b"GVD"
                | b"KKK"
                | b"KVT"
                | b"LPF"
                | b"NSB"
                | b"PKK"
                | b"PSV"
                | b"TBS"
                | b"SS"
                | b"SD"
                | b"PVV"
                | b"SGP"
                | b"VVD"
        ) && !part.contains(&b'Q')
    };
    letters.into_iter().all(is_word_of_plates).then_some(at)
}

/// Whether nine characters are the number of a Dutch passport or identity card: two letters, six letters or digits, a
/// digit; never the letter O.
pub(crate) fn is_document(token: &[u8]) -> bool {
    let is_letter = |byte: &u8| is_upper(*byte) && *byte != b'O';
    token.len() == 9
        && token[..2].iter().all(is_letter)
        && token[2..8].iter().all(|byte| is_letter(byte) || is_digit(*byte))
        && is_digit(token[8])
        && token[2..].iter().any(u8::is_ascii_digit)
}

/// Whether a line of a machine-readable zone begins here (ICAO 9303): `P<NLD`, `I<NLD`.
pub(crate) fn mrz(text: &[u8], start: usize) -> Option<usize> {
    let head = text.get(start..start + 5)?;
    let is_head =
        matches!(head[0], b'P' | b'I') && head[1] == b'<' && head[2..].iter().all(u8::is_ascii_uppercase);
    let is_mark = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'<';
    let length = text[start..].iter().take(44).take_while(|byte| is_mark(byte)).count();
    (is_head && length >= 30).then_some(start + length)
}

/// Where the address around an `@` stands: dot-atom, labels of letters, digits and hyphens, a top-level domain of letters.
pub(crate) fn email(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let is_local = |byte: u8| {
        is_word(byte)
            || matches!(
                byte,
                b'.' | b'_' | b'+' | b'-' | b'\'' | b'&' | b'=' | b'/' | b'~' | b'!' | b'#' | b'%'
            )
    };
    let floor = at.saturating_sub(LOCAL_MAX);
    let mut start = at;
    while start > floor && is_local(text[start - 1]) {
        start -= 1;
    }
    // A quote, a slash or a point before an address belongs to what is around it.
    while start < at && !(is_word(text[start]) || text[start] == b'_') {
        start += 1;
    }
    if let Some(inside) = text[start..at].iter().rposition(|byte| matches!(byte, b'/' | b'=' | b'\'' | b'#'))
        && (text[start + inside] != b'\'' || start + inside + 1 == at || is_quoting(text, start))
    {
        start += inside + 1;
    }
    let local = &text[start..at];
    if local.is_empty() || local.ends_with(b".") || local.windows(2).any(|pair| pair == b"..") {
        return None;
    }
    let end = domain_end(text, at + 1)?;
    Some((start, end))
}

fn is_quoting(text: &[u8], start: usize) -> bool {
    start > 0 && text[start - 1] == b'\''
}

fn domain_end(text: &[u8], start: usize) -> Option<usize> {
    let ceiling = text.len().min(start + DOMAIN_MAX);
    let mut end = start;
    while end < ceiling && (is_word(text[end]) || matches!(text[end], b'.' | b'-')) {
        end += 1;
    }
    while end > start && matches!(text[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let domain = &text[start..end];
    let mut labels = domain.rsplit(|byte| *byte == b'.');
    let top = labels.next()?;
    let is_top = top.len() >= 2
        && (top.iter().all(|byte| !is_digit(*byte)) && !top.contains(&b'-') || top.starts_with(b"xn--"));
    let mut count = 0;
    for label in labels {
        if label.is_empty() || label.len() > 63 || label[0] == b'-' || label.ends_with(b"-") {
            return None;
        }
        count += 1;
    }
    (is_top && count > 0).then_some(end)
}

/// Where a hardware address that begins here ends: six pairs with `:` or `-`.
pub(crate) fn mac(text: &[u8], start: usize) -> Option<usize> {
    let mark = *text.get(start + 2).filter(|byte| matches!(byte, b':' | b'-'))?;
    let end = start + 17;
    let piece = text.get(start..end)?;
    let is_form = piece
        .iter()
        .enumerate()
        .all(|(n, byte)| if n % 3 == 2 { *byte == mark } else { byte.is_ascii_hexdigit() });
    let goes_on = text.get(end).is_some_and(|byte| is_word(*byte) || *byte == mark);
    // All digits with dashes would rather be something else.
    let is_telling = mark == b':' || piece.iter().any(u8::is_ascii_alphabetic);
    (is_form && is_telling && !goes_on).then_some(end)
}

/// Where an IPv6 address that begins here ends (RFC 4291): with `::`, or eight groups; never a time.
pub(crate) fn ipv6(text: &[u8], start: usize) -> Option<usize> {
    let length =
        text[start..].iter().take(39).take_while(|byte| byte.is_ascii_hexdigit() || **byte == b':').count();
    let end = start + length;
    if length < 6 || text.get(end).copied().is_some_and(is_word) {
        return None;
    }
    let piece = core::str::from_utf8(&text[start..end]).ok()?.trim_end_matches(':');
    let groups = piece.split(':').filter(|group| !group.is_empty()).count();
    let is_telling = groups >= 3 && (piece.contains("::") || groups == 8);
    (is_telling && piece.parse::<core::net::Ipv6Addr>().is_ok()).then_some(start + piece.len())
}

/// What a hash of a password that begins at a `$` is: `$2y$…`, `$P$…`, `$argon2id$…`, `$6$…`; and where it ends.
pub(crate) fn password_hash(text: &[u8], start: usize) -> Option<usize> {
    const HEADS: [(&[u8], usize); 12] = [
        (b"$2y$", 60),
        (b"$2a$", 60),
        (b"$2b$", 60),
        (b"$P$", 34),
        (b"$H$", 34),
        (b"$argon2id$", 60),
        (b"$argon2i$", 60),
        (b"$6$", 60),
        (b"$5$", 40),
        (b"$wp$2y$", 60),
        (b"$scrypt$", 40),
        (b"$y$", 40),
    ];
    let (head, least) = HEADS.iter().find(|(head, _)| text[start..].starts_with(head))?;
    let is_mark = |byte: &u8| byte.is_ascii_alphanumeric() || b"$./+=,-_".contains(byte);
    let length = text[start..].iter().take(256).take_while(|byte| is_mark(byte)).count();
    (length >= *least && length > head.len()).then_some(start + length)
}

/// Where a key of a known service that begins here ends.
pub(crate) fn api_key(text: &[u8], start: usize) -> Option<usize> {
    // Beginning, and the fewest characters after it.
    const HEADS: [(&[u8], usize); 14] = [
        (b"sk_live_", 20),
        (b"rk_live_", 20),
        (b"whsec_", 24),
        (b"shpat_", 32),
        (b"shpca_", 32),
        (b"shppa_", 32),
        (b"shpss_", 32),
        (b"live_", 28),
        (b"xkeysib-", 60),
        (b"SG.", 40),
        (b"AKIA", 16),
        (b"ghp_", 36),
        (b"glpat-", 20),
        (b"AIza", 35),
    ];
    let is_mark = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if let Some((head, least)) = HEADS.iter().find(|(head, _)| text[start..].starts_with(head)) {
        let rest = text[start + head.len()..].iter().take(200).take_while(|byte| is_mark(byte)).count();
        return (rest >= *least).then_some(start + head.len() + rest);
    }
    mailchimp_key(text, start)
}

/// 32 hexadecimal digits, `-us` and a number.
fn mailchimp_key(text: &[u8], start: usize) -> Option<usize> {
    let hex = text.get(start..start + 32)?;
    let tail = text.get(start + 32..start + 36)?;
    let is_key =
        hex.iter().all(u8::is_ascii_hexdigit) && tail.starts_with(b"-us") && tail[3].is_ascii_digit();
    let more = text[start + 36..].first().is_some_and(u8::is_ascii_digit);
    is_key.then_some(start + 36 + usize::from(more))
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
