//! Numbers of people by their digits: BSN, payment card, IMEI, telephone, date, IPv4; each rule exact, none by form alone.

use kluis_model::checksum::{luhn, passes_eleven};

/// Digits that are looked at together.
const DIGITS_MAX: usize = 24;
/// Groups of digits that are looked at together.
const GROUPS_MAX: usize = 8;

/// Groups of digits with one mark between them, as they stand in a text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Digits {
    /// The digits of all groups, as values 0 to 9.
    digits: [u8; DIGITS_MAX],
    /// Where each group ends: in `digits`, and in the text.
    ends: [(u8, usize); GROUPS_MAX],
    /// The mark before each group; 0 for none, `(` when brackets stand there.
    marks: [u8; GROUPS_MAX],
    groups: usize,
}

impl Digits {
    /// Reads groups from a place where a digit stands.
    pub(crate) fn read(text: &[u8], start: usize) -> Self {
        let mut found = Self::default();
        let (mut at, mut count, mut mark) = (start, 0, 0);
        while found.groups < GROUPS_MAX {
            let group = at;
            while count < DIGITS_MAX && text.get(at).is_some_and(u8::is_ascii_digit) {
                found.digits[count] = text[at] - b'0';
                (at, count) = (at + 1, count + 1);
            }
            if at == group || text.get(at).is_some_and(u8::is_ascii_digit) {
                // Nothing more, or a number longer than any of a person: what was read before it stands.
                break;
            }
            found.marks[found.groups] = mark;
            found.ends[found.groups] = (count as u8, at);
            found.groups += 1;
            match next_group(text, at) {
                Some((next, between)) => (at, mark) = (next, between),
                None => break,
            }
        }
        found
    }

    /// How many groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// The digits of the first so many groups.
    pub(crate) fn of(&self, groups: usize) -> &[u8] {
        let count = groups.checked_sub(1).map_or(0, |last| usize::from(self.ends[last].0));
        &self.digits[..count]
    }

    /// Where the first so many groups end in the text.
    pub(crate) fn end(&self, groups: usize) -> usize {
        groups.checked_sub(1).map_or(0, |last| self.ends[last].1)
    }

    /// How many digits a group has.
    pub(crate) fn length(&self, group: usize) -> usize {
        let before = group.checked_sub(1).map_or(0, |before| self.ends[before].0);
        usize::from(self.ends[group].0 - before)
    }

    /// The mark before a group.
    pub(crate) fn mark(&self, group: usize) -> u8 {
        self.marks[group]
    }

    /// The number that a group is; only of groups with at most nine digits.
    pub(crate) fn value(&self, group: usize) -> u32 {
        let to = usize::from(self.ends[group].0);
        self.digits[to - self.length(group)..to].iter().fold(0, |sum, digit| sum * 10 + u32::from(*digit))
    }

    /// Whether the first groups have these lengths, with one and the same mark between them, one of `marks`.
    pub(crate) fn is_shaped(&self, lengths: &[usize], marks: &[u8]) -> bool {
        self.groups >= lengths.len()
            && lengths.iter().enumerate().all(|(group, length)| self.length(group) == *length)
            && (1..lengths.len())
                .all(|group| self.marks[group] == self.marks[1] && marks.contains(&self.marks[group]))
    }
}

/// Where the next group begins, and what stands between: one of ` .-/`, or brackets.
fn next_group(text: &[u8], at: usize) -> Option<(usize, u8)> {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    match text.get(at)? {
        mark @ (b' ' | b'.' | b'-' | b'/') if digit(at + 1) => Some((at + 1, *mark)),
        b' ' if text.get(at + 1) == Some(&b'(') && digit(at + 2) => Some((at + 2, b'(')),
        b')' if digit(at + 1) => Some((at + 1, b'(')),
        b')' if text.get(at + 1) == Some(&b' ') && digit(at + 2) => Some((at + 2, b'(')),
        b' ' if text.get(at + 1) == Some(&b'-') && text.get(at + 2) == Some(&b' ') && digit(at + 3) => {
            Some((at + 3, b'-'))
        }
        _ => None,
    }
}

/// Whether nine digits, or eight with a zero left out, are a BSN by the eleven test. One in eleven numbers passes: the
/// test alone proves nothing.
pub(crate) fn is_bsn(digits: &[u8]) -> bool {
    match digits.len() {
        9 => passes_eleven(digits),
        8 => {
            let mut nine = [0; 9];
            nine[1..].copy_from_slice(digits);
            passes_eleven(&nine)
        }
        _ => false,
    }
}

/// Whether the first groups are written as a BSN is: nine digits, `1112.22.333` or three times three.
pub(crate) fn bsn_groups(digits: &Digits) -> Option<usize> {
    if digits.length(0) == 9 {
        Some(1)
    } else if digits.is_shaped(&[4, 2, 3], b".") || digits.is_shaped(&[3, 3, 3], b" .-") {
        Some(3)
    } else {
        None
    }
}

/// Whether digits are a number of a payment card: Luhn, and a range that a scheme hands out with that length.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    if !(12..=19).contains(&digits.len()) {
        return false;
    }
    let head = |count: usize| digits[..count].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(*digit));
    let (two, three, four) = (head(2), head(3), head(4));
    let is_range = match digits.len() {
        16 => {
            digits[0] == 4
                || (51..=55).contains(&two)
                || (2221..=2720).contains(&four)
                || four == 6011
                || (644..=659).contains(&three)
                || (3528..=3589).contains(&four)
                || two == 62
                || matches!(two, 50 | 56..=58)
                || three == 630
                || three == 639
        }
        15 => matches!(two, 34 | 37),
        14 => (300..=305).contains(&three) || matches!(two, 36 | 38 | 39),
        19 => digits[0] == 4 || two == 62 || matches!(two, 50 | 56..=58) || three == 639,
        // Visa's thirteen digits are gone and look like an EAN; Maestro's twelve to eighteen need the cells of a column.
        17 | 18 => two == 62 || three == 639,
        _ => false,
    };
    is_range && luhn(digits)
}

/// How many of the first groups are a card: one group, fours, or as American Express and Diners write it.
pub(crate) fn card_groups(digits: &Digits) -> Option<usize> {
    let shapes: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];
    if is_card(digits.of(1)) {
        return Some(1);
    }
    shapes
        .iter()
        .find(|shape| digits.is_shaped(shape, b" -") && is_card(digits.of(shape.len())))
        .map(|shape| shape.len())
}

/// Whether thirteen digits are an EAN by their check digit (GS1).
pub(crate) fn is_ean13(digits: &[u8]) -> bool {
    digits.len() == 13 && {
        let sum: u32 = digits
            .iter()
            .enumerate()
            .map(|(n, digit)| u32::from(*digit) * if n % 2 == 0 { 1 } else { 3 })
            .sum();
        sum.is_multiple_of(10)
    }
}

/// Whether fifteen digits are an IMEI by their check digit.
pub(crate) fn is_imei(digits: &[u8]) -> bool {
    digits.len() == 15 && luhn(digits)
}

/// Whose telephone number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// A mobile or a fixed number of somebody.
    Person,
    /// A number of a company or a service (0800, 0900, 088, 14…).
    Company,
}

/// Dutch area codes of three digits after the zero end here; the others have two.
fn is_area(national: &[u8]) -> bool {
    let two = national[0] * 10 + national[1];
    // Areas with two digits: 010, 013, 015, 020, 023, 024, 026, 030, 033, 035, 036, 038, 040, 043, 045, 046, 050, 053,
    // 055, 058, 070 to 079; those with three begin with the rest of 1, 2, 3, 4 and 5.
    matches!(
        two,
        10 | 13 | 15 | 20 | 23 | 24 | 26 | 30 | 33 | 35 | 36 | 38 | 40 | 43 | 45 | 46 | 50 | 53 | 55 | 58 | 70
            ..=79
    ) || matches!(
        two,
        11 | 16 | 17 | 18 | 22 | 25 | 29 | 31 | 32 | 34 | 41 | 47 | 48 | 49 | 51 | 52 | 54 | 56 | 57 | 59
    )
}

/// Whose number nine digits after the Dutch zero (or `+31`) are; `None` for a number that is not given out
/// (numbering plan as in libphonenumber 9.0.43, region NL).
pub(crate) fn dutch_line(national: &[u8]) -> Option<Line> {
    match national {
        [6, second, ..] if national.len() == 9 => matches!(second, 1..=5 | 8).then_some(Line::Person),
        [8, 5 | 7 | 4 | 8 | 2, ..] if national.len() == 9 => Some(Line::Company),
        [9, 1, ..] if national.len() == 9 => Some(Line::Person),
        [8, 0, 0, ..] => (7..=10).contains(&national.len()).then_some(Line::Company),
        [9, 0, 0 | 6 | 9, ..] => (7..=10).contains(&national.len()).then_some(Line::Company),
        [first, ..] if national.len() == 9 && *first != 0 => is_area(national).then_some(Line::Person),
        _ => None,
    }
}

/// Whose number digits are, and with how many groups; `has_plus` when a `+` stands before them.
pub(crate) fn phone_groups(digits: &Digits, has_plus: bool) -> Option<(usize, Line)> {
    if !has_plus
        && (digits.digits[0] != 0 || digits.groups > 1 && digits.mark(1) == b'.' && digits.length(0) < 2)
    {
        return None;
    }
    for groups in (1..=digits.groups).rev() {
        if (1..groups).any(|group| digits.mark(group) == b'/' && digits.length(0) < 3) {
            continue;
        }
        if let Some(line) = line_of(digits.of(groups), has_plus) {
            return Some((groups, line));
        }
    }
    None
}

/// Whose number digits are, written with `+`, with `00` or as at home.
pub(crate) fn line_of(all: &[u8], has_plus: bool) -> Option<Line> {
    let international = if has_plus {
        Some(all)
    } else {
        all.strip_prefix(&[0, 0]).filter(|rest| rest.first().is_some_and(|digit| *digit != 0))
    };
    match international {
        Some([3, 1, rest @ ..]) => dutch_line(rest.strip_prefix(&[0]).unwrap_or(rest)),
        // Belgium: eight digits, mobile nine; Germany, France, Luxembourg, Great Britain: as long as numbers there are.
        Some([3, 2, rest @ ..]) => {
            let rest = rest.strip_prefix(&[0]).unwrap_or(rest);
            (rest.len() == 8 || rest.len() == 9 && rest[0] == 4).then_some(Line::Person)
        }
        Some([4, 9, rest @ ..]) => (7..=11).contains(&rest.len()).then_some(Line::Person),
        Some([3, 3, rest @ ..]) => {
            let rest = rest.strip_prefix(&[0]).unwrap_or(rest);
            (rest.len() == 9).then_some(Line::Person)
        }
        Some([first, ..]) if has_plus && *first != 0 => (9..=15).contains(&all.len()).then_some(Line::Person),
        Some(_) => None,
        None => all.strip_prefix(&[0]).and_then(dutch_line),
    }
}

/// The date that the first three groups are, as year, month, day: `31-12-1980`, `1/2/80`, `1980-12-31`.
pub(crate) fn date(digits: &Digits) -> Option<(u32, u32, u32)> {
    if digits.groups < 3 || digits.mark(1) != digits.mark(2) || !b"-./".contains(&digits.mark(1)) {
        return None;
    }
    let lengths = [digits.length(0), digits.length(1), digits.length(2)];
    let [first, second, third] = match lengths {
        [1..=4, 1..=2, 1..=4] => [digits.value(0), digits.value(1), digits.value(2)],
        _ => return None,
    };
    let (year, month, day) = match lengths {
        [4, _, 1..=2] => (first, second, third),
        [1..=2, _, 4] => (third, second, first),
        // Two digits of a year: this century up to 29.
        [1..=2, _, 2] => (if third < 30 { 2000 + third } else { 1900 + third }, second, first),
        _ => return None,
    };
    is_day(year, month, day).then_some((year, month, day))
}

/// Whether a day exists, in the years 1900 to 2099.
pub(crate) fn is_day(year: u32, month: u32, day: u32) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1900..2100).contains(&year) && (1..=days).contains(&day)
}

/// The IPv4 address that the first four groups are, when it is not more likely a version number.
pub(crate) fn ipv4(digits: &Digits, text: &[u8], has_context: bool) -> Option<usize> {
    let is_form = digits.groups >= 4 && (1..4).all(|group| digits.mark(group) == b'.');
    if !is_form || digits.groups > 4 && digits.mark(4) == b'.' {
        return None;
    }
    let mut is_large = false;
    for group in 0..4 {
        let length = digits.length(group);
        let first = digits.digits[usize::from(digits.ends[group].0) - length];
        if length > 3 || digits.value(group) > 255 || length > 1 && first == 0 {
            return None;
        }
        is_large |= digits.value(group) > 9;
    }
    let end = digits.end(4);
    let goes_on = text.get(end) == Some(&b'.') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
    (!goes_on && (is_large || has_context)).then_some(end)
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
