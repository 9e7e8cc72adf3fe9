//! Takes texts apart and reads words: names with tussenvoegsels, streets with numbers, countries, genders, yes/no, times.

use kluis_model::TimeMs;

/// Words that stand between given name and surname in any spelling.
const INFIXES: [&str; 32] = [
    "van",
    "de",
    "der",
    "den",
    "het",
    "'t",
    "\u{2019}t",
    "'s",
    "ten",
    "ter",
    "te",
    "op",
    "in",
    "uit",
    "uijt",
    "aan",
    "bij",
    "onder",
    "over",
    "voor",
    "tot",
    "von",
    "vom",
    "zu",
    "zum",
    "zur",
    "v.d.",
    "vd",
    "v/d",
    "v.",
    "d'",
    "des",
];
/// Words that do so only in small letters; with a capital they are also given names ("Ben", "Al").
const INFIXES_SMALL: [&str; 14] =
    ["el", "al", "ben", "bin", "la", "le", "les", "du", "di", "da", "dos", "del", "della", "l'"];
/// Forms of address and titles in front of a name.
const TITLES: [&str; 22] = [
    "dhr", "dhr.", "heer", "mevr", "mevr.", "mw", "mw.", "mevrouw", "mej.", "drs", "drs.", "ing.", "ir.",
    "mr.", "mrs.", "ms.", "dr", "dr.", "prof.", "prof", "fam.", "familie",
];

/// A name taken apart; empty parts are not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NameParts {
    pub(crate) given: String,
    pub(crate) is_initials: bool,
    pub(crate) infix: String,
    pub(crate) surname: String,
}

/// Tells whether a word stands between given name and surname.
fn is_infix(word: &str) -> bool {
    if INFIXES_SMALL.contains(&word) {
        return true;
    }
    word.len() <= 8 && {
        let small = word.to_lowercase();
        INFIXES.contains(&small.as_str())
    }
}

/// Tells whether a text is a tussenvoegsel, `van der`.
pub(crate) fn is_infix_text(text: &str) -> bool {
    text.split_whitespace().all(is_infix) && !text.trim().is_empty()
}

/// Splits `van der Berg` into tussenvoegsel and surname; the surname is never empty.
///
/// In Belgium a tussenvoegsel with a capital is part of the surname, `Van Damme`.
pub(crate) fn split_surname(text: &str, is_belgian: bool) -> (&str, &str) {
    let mut at = 0;
    for word in text.split_whitespace() {
        let start = at + text[at..].find(word).unwrap_or(0);
        let capital = word.starts_with(char::is_uppercase);
        if !is_infix(word) || (is_belgian && capital) {
            return (text[..start].trim(), text[start..].trim());
        }
        at = start + word.len();
    }
    ("", text.trim())
}

/// Splits a whole name: `dhr. J.P. van der Berg`, `Noor Jansen-de Vries`, `Berg, Jan van der`.
pub(crate) fn split_name(text: &str, is_belgian: bool) -> NameParts {
    if let Some((surname, rest)) = text.split_once(',')
        && !surname.trim().is_empty()
        && !rest.trim().is_empty()
    {
        let words: Vec<&str> = rest.split_whitespace().skip_while(is_title).collect();
        let given = words.len() - words.iter().rev().take_while(|word| is_infix(word)).count();
        return parts(&words[..given], &words[given..].join(" "), surname.trim());
    }
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > 2 && words[0].eq_ignore_ascii_case("de") && words[1].eq_ignore_ascii_case("heer") {
        words.drain(..2);
    }
    let titles = words.iter().take_while(|word| is_title(word)).count();
    words.drain(..titles.min(words.len().saturating_sub(1)));
    let Some(last) = words.len().checked_sub(1) else {
        return NameParts::default();
    };
    let double =
        |word: &str| word.rsplit_once('-').is_some_and(|(one, two)| !one.is_empty() && is_infix(two));
    let begins = |n: usize| is_infix(words[n]) || double(words[n]);
    let start = (0..last).find(|n| begins(*n)).unwrap_or(last);
    let rest = words[start..].join(" ");
    let (infix, surname) = split_surname(&rest, is_belgian);
    parts(&words[..start], infix, surname)
}

fn is_title(word: &&str) -> bool {
    word.len() <= 8 && TITLES.contains(&word.to_lowercase().as_str())
}

fn parts(given: &[&str], infix: &str, surname: &str) -> NameParts {
    let is_initials =
        !given.is_empty() && given.iter().all(|word| word.ends_with('.') && !word.starts_with('.'));
    let (infix, surname) = (infix.to_owned(), surname.to_owned());
    NameParts { given: given.join(" "), is_initials, infix, surname }
}

/// A street line taken apart; without a number the whole line is the street.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StreetParts<'a> {
    pub(crate) street: &'a str,
    pub(crate) number: &'a str,
    pub(crate) suffix: String,
}

/// Words that follow a house number besides letters and digits.
const SUFFIX_WORDS: [&str; 15] = [
    "hoog",
    "huis",
    "zwart",
    "rood",
    "links",
    "rechts",
    "boven",
    "beneden",
    "achter",
    "voor",
    "kelder",
    "unit",
    "verd.",
    "etage",
    "souterrain",
];

/// Splits `Dorpsstraat 12 A`, `Plein 1944 3`, `1e Jan Steenstraat 12-2hg`, `10 Downing Street`.
pub(crate) fn split_street(line: &str) -> StreetParts<'_> {
    let line = line.trim();
    let mut places = Vec::new();
    let mut at = 0;
    for word in line.split([' ', '\n', '\r', '\t', ',', '\u{A0}']) {
        if !word.is_empty() {
            places.push((at, word));
        }
        at += word.len() + line[at + word.len()..].chars().next().map_or(0, char::len_utf8);
    }
    for (n, (start, word)) in places.iter().enumerate().skip(1) {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=5).contains(&digits) || word.starts_with('0') {
            continue;
        }
        let year_in_street =
            digits == 4 && places.get(n + 1).is_some_and(|(_, next)| starts_with_digit(next));
        let glued = word[digits..].trim_start_matches(['-', '/', '.']);
        let after = &places[n + 1..];
        let fits = is_suffix(glued) && after.len() <= 3 && after.iter().all(|(_, word)| is_suffix(word));
        if year_in_street || !fits {
            continue;
        }
        let words = after.iter().map(|(_, word)| word.trim_start_matches(['-', '/', '.']));
        let suffix: Vec<&str> = std::iter::once(glued).chain(words).filter(|word| !word.is_empty()).collect();
        let street = line[..*start].trim_end_matches([' ', ',', '\n', '\r', '\t', '\u{A0}']);
        return StreetParts { street, number: &word[..digits], suffix: suffix.join(" ") };
    }
    number_first(line, &places).unwrap_or(StreetParts { street: line, number: "", suffix: String::new() })
}

/// Reads `10 Downing Street` and `12B rue Haute`; `1e Dorpsstraat` starts with an ordinal.
fn number_first<'a>(line: &'a str, places: &[(usize, &'a str)]) -> Option<StreetParts<'a>> {
    let (_, word) = places.first()?;
    let (second, _) = places.get(1)?;
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let letter = &word[digits..];
    let one_letter = letter.len() == 1
        && letter.bytes().all(|b| b.is_ascii_alphabetic() && !b.eq_ignore_ascii_case(&b'e'));
    let fits = (1..=5).contains(&digits) && (letter.is_empty() || one_letter);
    fits.then(|| StreetParts {
        street: line[*second..].trim(),
        number: &word[..digits],
        suffix: letter.to_owned(),
    })
}

fn starts_with_digit(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// Tells whether a word can follow a house number: at most four letters or digits, or a known word.
pub(crate) fn is_suffix(word: &str) -> bool {
    let short = word.len() <= 5 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-/.".contains(&b));
    short || SUFFIX_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Countries of the European Union and around it in English and Dutch; others stay as they are written.
const COUNTRIES: [(&str, &str, &str); 20] = [
    ("NL", "netherlands", "nederland"),
    ("BE", "belgium", "belgië"),
    ("DE", "germany", "duitsland"),
    ("FR", "france", "frankrijk"),
    ("LU", "luxembourg", "luxemburg"),
    ("GB", "united kingdom", "verenigd koninkrijk"),
    ("IE", "ireland", "ierland"),
    ("AT", "austria", "oostenrijk"),
    ("CH", "switzerland", "zwitserland"),
    ("ES", "spain", "spanje"),
    ("PT", "portugal", "portugal"),
    ("IT", "italy", "italië"),
    ("DK", "denmark", "denemarken"),
    ("SE", "sweden", "zweden"),
    ("NO", "norway", "noorwegen"),
    ("FI", "finland", "finland"),
    ("PL", "poland", "polen"),
    ("CZ", "czech republic", "tsjechië"),
    ("US", "united states", "verenigde staten"),
    ("NL", "the netherlands", "holland"),
];

/// Returns the code of a country's name, or the text as it is.
pub(crate) fn country(text: &str) -> &str {
    if text.len() == 2 {
        return COUNTRIES
            .iter()
            .find(|known| known.0.eq_ignore_ascii_case(text))
            .map_or(text, |known| known.0);
    }
    let small = text.to_lowercase();
    COUNTRIES.iter().find(|known| known.1 == small || known.2 == small).map_or(text, |known| known.0)
}

/// Reads a gender as shops write it, also PrestaShop's and Magento's numbers 1 and 2; other texts stay as they are.
pub(crate) fn gender(text: &str) -> Option<&str> {
    Some(match text.to_lowercase().trim_end_matches('.') {
        "1" | "m" | "male" | "man" | "dhr" | "de heer" | "heer" | "mr" | "monsieur" => "male",
        "2" | "f" | "v" | "female" | "vrouw" | "mevr" | "mevrouw" | "mw" | "mrs" | "ms" | "miss"
        | "madame" => "female",
        "o" | "x" | "other" | "anders" | "non-binary" | "non-binair" => "other",
        "0" | "3" | "neutral" | "not specified" | "unknown" | "onbekend" => return None,
        _ => text,
    })
}

/// Reads yes or no; `None` when it says neither.
pub(crate) fn flag(text: &str) -> Option<bool> {
    if text.len() > 20 {
        return None;
    }
    match text.to_lowercase().as_str() {
        "yes" | "ja" | "true" | "1" | "y" | "j" | "x" | "on" | "subscribed" | "opt-in" | "optin" | "waar"
        | "oui" => Some(true),
        "no" | "nee" | "false" | "0" | "2" | "n" | "off" | "unsubscribed" | "opt-out" | "onwaar"
        | "not_subscribed" | "not subscribed" | "non-subscribed" | "pending" | "cleaned" | "non" => {
            Some(false)
        }
        _ => None,
    }
}

/// Reads a moment as exports write it; without an offset it counts as UTC. Zero dates are no moment.
///
/// ISO and Dutch order of day and month; `MM/DD/YYYY` only where the second number cannot be a month.
pub(crate) fn time(text: &str) -> Option<TimeMs> {
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    let cut = text.find(['T', ' ']).unwrap_or(text.len());
    let (date, rest) = text.split_at(cut);
    let day = day_number(date)?;
    let rest = rest.trim_start_matches(['T', ' ']).trim_end_matches(" UTC");
    let zone_at = rest.find(['+', '-', 'Z']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let ms = clock_ms(clock.trim())?;
    let offset = zone_ms(zone.trim())?;
    Some(TimeMs(day * 86_400_000 + ms - offset))
}

/// Returns the days since 1970-01-01 of a date in ISO, Dutch or American order.
fn day_number(date: &str) -> Option<i64> {
    let mut parts = date.split(['-', '/', '.']);
    let [a, b, c] = [parts.next()?, parts.next()?, parts.next()?];
    if parts.next().is_some() || !(1..=2).contains(&b.len()) {
        return None;
    }
    let (first, second) = (a.parse::<i64>().ok()?, b.parse::<i64>().ok()?);
    let third = c.parse::<i64>().ok()?;
    let (year, month, day) = match (a.len(), c.len()) {
        (4, 1..=2) => (first, second, third),
        (1..=2, 4) if second > 12 && date.contains('/') => (third, first, second),
        (1..=2, 4) => (third, second, first),
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || !(1900..=9999).contains(&year) {
        return None;
    }
    // Days from civil, Howard Hinnant: years begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn clock_ms(clock: &str) -> Option<i64> {
    if clock.is_empty() {
        return Some(0);
    }
    let mut parts = clock.split(':');
    let number = |text: Option<&str>, below: i64| -> Option<i64> {
        let number = text.map_or(Some(0), |text| text.parse().ok())?;
        (0..below).contains(&number).then_some(number)
    };
    let hour = number(Some(parts.next()?), 24)?;
    let minute = number(Some(parts.next()?), 60)?;
    let second = number(parts.next().map(|text| text.split('.').next().unwrap_or(text)), 60)?;
    Some(((hour * 60 + minute) * 60 + second) * 1_000)
}

fn zone_ms(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone[1..].replace(':', "");
    let fits = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
    let number: i64 = digits.parse().ok().filter(|_| fits)?;
    let (hours, minutes) = if digits.len() == 4 { (number / 100, number % 100) } else { (number, 0) };
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_taken_apart() {
        let check = |text: &str, given: &str, infix: &str, surname: &str| {
            let name = split_name(text, false);
            assert_eq!(
                (name.given.as_str(), name.infix.as_str(), name.surname.as_str()),
                (given, infix, surname),
                "{text}"
            );
        };
        check("Jan van der Berg", "Jan", "van der", "Berg");
        check("dhr. J.P. van 't Hart", "J.P.", "van 't", "Hart");
        check("De heer Jan Jansen", "Jan", "", "Jansen");
        check("Van der Berg", "", "Van der", "Berg");
        check("Noor Jansen-de Vries", "Noor", "", "Jansen-de Vries");
        check("Berg, Jan van der", "Jan", "van der", "Berg");
        check("Ben Jansen", "Ben", "", "Jansen");
        check("Mohamed el Amrani", "Mohamed", "el", "Amrani");
        check("Anna Maria Smit", "Anna Maria", "", "Smit");
        check("Madonna", "", "", "Madonna");
        check("van de", "", "", "van de");
        check("", "", "", "");
        check("dhr.", "", "", "dhr.");
        assert!(split_name("A.B. de Wit", false).is_initials);
        assert_eq!(split_name("Luc Van Damme", true).surname, "Van Damme");
        assert_eq!(split_surname("Van Damme", true), ("", "Van Damme"));
        assert_eq!(split_surname("in  't Veld", false), ("in  't", "Veld"));
    }

    #[test]
    fn streets_are_taken_apart() {
        let check = |line: &str, street: &str, number: &str, suffix: &str| {
            let parts = split_street(line);
            assert_eq!(
                (parts.street, parts.number, parts.suffix.as_str()),
                (street, number, suffix),
                "{line}"
            );
        };
        check("Dorpsstraat 12", "Dorpsstraat", "12", "");
        check("Dorpsstraat 12 A", "Dorpsstraat", "12", "A");
        check("Dorpsstraat 12A", "Dorpsstraat", "12", "A");
        check("Dorpsstraat 12-2", "Dorpsstraat", "12", "2");
        check("Dorpsstraat 12 2", "Dorpsstraat", "12", "2");
        check("Dorpsstraat 12 3 hoog", "Dorpsstraat", "12", "3 hoog");
        check("Dorpsstraat, 12", "Dorpsstraat", "12", "");
        check("Dorpsstraat\n12\nbis", "Dorpsstraat", "12", "bis");
        check("Plein 1944 3", "Plein 1944", "3", "");
        check("Straat van 24 oktober 5", "Straat van 24 oktober", "5", "");
        check("1e Jan Steenstraat 7 hs", "1e Jan Steenstraat", "7", "hs");
        check("10 Downing Street", "Downing Street", "10", "");
        check("1e Dorpsstraat", "1e Dorpsstraat", "", "");
        check("Postbus", "Postbus", "", "");
        check("12", "12", "", "");
        check("", "", "", "");
    }

    #[test]
    fn words_and_moments_are_read() {
        assert_eq!((country("nl"), country("België"), country("Narnia")), ("NL", "BE", "Narnia"));
        assert_eq!((gender("Mevr."), gender("1"), gender("3")), (Some("female"), Some("male"), None));
        assert_eq!((flag("JA"), flag("no"), flag("perhaps")), (Some(true), Some(false), None));
        let check = |text: &str, expected: &str| {
            assert_eq!(time(text).map(|t| t.to_string()), Some(expected.to_owned()), "{text}")
        };
        check("2024-02-29", "2024-02-29T00:00:00.000Z");
        check("2024-02-29 12:34:56", "2024-02-29T12:34:56.000Z");
        check("2024-02-29 12:34:56 +0100", "2024-02-29T11:34:56.000Z");
        check("2024-02-29T12:34:56.789Z", "2024-02-29T12:34:56.789Z");
        check("2024-02-29T12:34:56.000+0000", "2024-02-29T12:34:56.000Z");
        check("29-02-2024 8:05", "2024-02-29T08:05:00.000Z");
        check("02/29/2024", "2024-02-29T00:00:00.000Z");
        for text in [
            "",
            "0000-00-00 00:00:00",
            "2023-02-29",
            "2024-13-01",
            "24-02-29",
            "yesterday",
            "2024-02-29 25:00",
            "2024-02-29 12:00 +9999",
            "2024-02-29 12:00 -",
            "é",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_them(text in "\\PC{0,40}", belgian: bool) {
            let name = split_name(&text, belgian);
            prop_assert_eq!(name.surname.is_empty(), text.trim().is_empty(), "{:?}", name);
            let street = split_street(&text);
            prop_assert!(street.street.len() <= text.len());
            let _ = (time(&text), country(&text).len(), gender(&text).map(str::len), flag(&text));
        }
    }
}
