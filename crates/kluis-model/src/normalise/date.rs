//! Dates of birth as `YYYY-MM-DD`, from the spellings that shops and people in the Netherlands use.

use super::{ValueProblem, line};

/// The years a date of birth may lie in. There is no clock here: whether it lies in the future the caller can ask.
const YEARS: std::ops::RangeInclusive<u16> = 1900..=2099;

/// The first letters of the months in Dutch, English and German; enough to tell them apart.
const MONTHS: [(&str, u16); 19] = [
    ("jan", 1),
    ("feb", 2),
    ("maart", 3),
    ("mrt", 3),
    ("mar", 3),
    ("mär", 3),
    ("apr", 4),
    ("mei", 5),
    ("may", 5),
    ("mai", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("okt", 10),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
];

/// Returns the date. Day before month, as everywhere but in the United States; a year of two digits is refused.
pub(super) fn normalise(raw: &str) -> Result<String, ValueProblem> {
    let line = line(raw, 64)?;
    let date = without_time(&line);
    let [year, month, day] = parts(date).ok_or(ValueProblem::Malformed)?;
    if year == 0 && month == 0 && day == 0 {
        // What MySQL keeps for "no date".
        return Err(ValueProblem::Empty);
    }
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return Err(ValueProblem::OutOfRange),
    };
    if !YEARS.contains(&year) || !(1..=days).contains(&day) {
        return Err(ValueProblem::OutOfRange);
    }
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

/// Cuts a time of day off: `1984-05-03T00:00:00Z`, `03-05-1984 00:00`.
fn without_time(line: &str) -> &str {
    let is_time = |rest: &str| {
        rest.len() >= 5 && rest.as_bytes()[2] == b':' && rest.as_bytes()[..2].iter().all(u8::is_ascii_digit)
    };
    match line
        .char_indices()
        .find(|(at, c)| matches!(c, 'T' | ' ') && line.get(at + 1..).is_some_and(is_time))
    {
        Some((at, _)) => &line[..at],
        None => line,
    }
}

/// Returns year, month and day.
fn parts(date: &str) -> Option<[u16; 3]> {
    if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some([number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?]);
    }
    let mut pieces = date.split(['-', '/', '.', ' ', ',']).filter(|piece| !piece.is_empty());
    let (a, b, c) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if pieces.next().is_some() {
        return None;
    }
    let [year, month, day] = if a.len() == 4 {
        [number(a)?, number(b)?, number(c)?]
    } else if c.len() != 4 {
        return None;
    } else if let Some(month) = month_named(a) {
        [number(c)?, month, number(b)?]
    } else {
        [number(c)?, month_named(b).or_else(|| number(b))?, number(a)?]
    };
    Some([year, month, day])
}

fn number(digits: &str) -> Option<u16> {
    let fits = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

fn month_named(word: &str) -> Option<u16> {
    let word = word.to_lowercase();
    let is_word = word.chars().all(char::is_alphabetic);
    MONTHS.iter().find(|(start, _)| is_word && word.starts_with(start)).map(|(_, month)| *month)
}
