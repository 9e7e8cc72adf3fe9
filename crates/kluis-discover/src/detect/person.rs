//! Names and house numbers in running text: given name, tussenvoegsels, family name; a number beside a postcode.

use super::class::{HIGH, UPPER, class, is_digit, is_word};
use super::{Certainty, read_token};
use crate::words::{Word, Words};

/// Words of one name at most.
const NAME_WORDS_MAX: usize = 6;

/// Where a name that begins with this word ends, and how certain it is one.
///
/// A title or a given name, then tussenvoegsels, then a word with a capital. Two words of the lists, or a title before a
/// capital, make it likely; a given name before any capital is only possible.
pub(super) fn name(
    words: &Words,
    text: &[u8],
    start: usize,
    end: usize,
    first: Word,
) -> Option<(usize, Certainty)> {
    if first != Word::Title && !is_capital(text, start) {
        return None;
    }
    let (mut at, mut last, mut known, mut has_infix) = (end, end, 0, false);
    let mut has_family = false;
    for _ in 0..NAME_WORDS_MAX {
        let Some(next) = next_word(text, at) else { break };
        let token = read_token(text, next);
        let word = words.find(token.hash);
        match word {
            Some(Word::Infix) => has_infix = true,
            _ if !is_capital(text, next) || token.end - next < 2 && text.get(token.end) != Some(&b'.') => {
                break;
            }
            Some(Word::Surname | Word::Name) => (known, has_family, last) = (known + 1, true, token.end),
            Some(Word::Given) => (known, last) = (known + 1, token.end),
            // A town after a name is not a part of it.
            Some(Word::City) if !has_infix => break,
            _ => (has_family, last) = (true, token.end),
        }
        at = token.end;
        if has_family && word != Some(Word::Infix) && token.end - next > 1 {
            break;
        }
    }
    if last == end {
        return None;
    }
    let is_listed = known > 0 || has_infix && has_family;
    match first {
        Word::Title => Some((last, Certainty::Likely)),
        Word::Given | Word::Name if is_listed && has_family => Some((last, Certainty::Likely)),
        Word::Given if has_family => Some((last, Certainty::Possible)),
        _ => None,
    }
}

fn is_capital(text: &[u8], at: usize) -> bool {
    class(text[at]) & (UPPER | HIGH) != 0
}

/// Where the next word of a name begins: after a space, an initial's point, or both.
pub(super) fn next_word(text: &[u8], at: usize) -> Option<usize> {
    let mut next = at;
    if text.get(next) == Some(&b'.') {
        next += 1;
    }
    match text.get(next) {
        Some(b' ') => next += 1,
        Some(b'-') if next == at => next += 1,
        _ if next > at => {}
        _ => return None,
    }
    if text.get(next) == Some(&b'\'') {
        next += 1;
    }
    text.get(next).copied().filter(|byte| is_word(*byte) && !is_digit(*byte)).map(|_| next)
}

/// Whether a house number stands right before or after a postcode: `12`, `12a`, `12-3`, `12 bis`, in the next cell too.
pub(super) fn has_house_number(text: &[u8], start: usize, end: usize) -> bool {
    before(text, start) || after(text, end)
}

fn before(text: &[u8], start: usize) -> bool {
    let mut at = start;
    while at > 0
        && start - at < 4
        && matches!(text[at - 1], b' ' | b',' | b';' | b'\t' | b'"' | b'\n' | b'\r')
    {
        at -= 1;
    }
    if at == start {
        return false;
    }
    let stop = at;
    while at > 0 && stop - at < 8 && (is_word(text[at - 1]) || text[at - 1] == b'-') {
        at -= 1;
    }
    // `12 bis` and `12 a` have another word behind the number.
    if text[at..stop].iter().all(u8::is_ascii_alphabetic)
        && (1..=4).contains(&(stop - at))
        && at > 0
        && text[at - 1] == b' '
    {
        at -= 1;
        while at > 0 && stop - at < 12 && is_digit(text[at - 1]) {
            at -= 1;
        }
    }
    let piece = &text[at..stop];
    // A street's name before the number, or a cell of its own.
    is_house_number(piece) && at >= 1 && matches!(text[at - 1], b' ' | b',' | b';' | b'\t' | b'"')
}

fn after(text: &[u8], end: usize) -> bool {
    let gap = text[end..]
        .iter()
        .take(3)
        .take_while(|byte| matches!(byte, b' ' | b',' | b';' | b'\t' | b'"'))
        .count();
    let start = end + gap;
    let length = text[start.min(text.len())..]
        .iter()
        .take(8)
        .take_while(|byte| is_word(**byte) || **byte == b'-')
        .count();
    gap > 0 && is_house_number(&text[start..start + length])
}

fn is_house_number(piece: &[u8]) -> bool {
    let digits = piece.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &piece[digits..];
    (1..=5).contains(&digits)
        && piece[0] != b'0'
        && (rest.is_empty()
            || rest.len() <= 3 && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            || rest.len() <= 5 && rest[0] == b' ' && rest[1..].iter().all(u8::is_ascii_alphabetic))
}
