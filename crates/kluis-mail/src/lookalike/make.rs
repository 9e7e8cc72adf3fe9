//! Makes names from a domain, one family after another, each name once.

use std::collections::{BTreeSet, HashMap};

use super::alphabets::{ASCII_ALIKE, Idn, KEY_ROWS, LATIN_ALIKE, SCRIPT_ALIKE, SOUNDS, TLDS, WORDS, idn};
use super::{Candidate, Kind};
use crate::streams::read_domain;

/// Vowels that are mistaken for each other.
const VOWELS: &[char] = &['a', 'e', 'i', 'o', 'u', 'y'];
/// Endings that words beside the name are tried with, besides the shop's own.
const WORD_TLDS: [&str; 5] = ["nl", "com", "shop", "online", "eu"];
/// The longest label.
const LABEL_BYTES_MAX: usize = 63;

/// A domain taken apart.
pub(super) struct Base {
    /// Its A-labels, as registered.
    pub(super) domain: String,
    /// The label in front of the ending, as people see it.
    label: Vec<char>,
    /// The ending, such as `nl` or `co.uk`.
    tld: String,
}

impl Base {
    pub(super) fn read(domain: &str) -> Option<Self> {
        let name = read_domain(domain)?;
        let domain = psl::domain_str(&name)?.to_owned();
        let (label, tld) = domain.split_once('.')?;
        let (shown, result) = idna::domain_to_unicode(label);
        let label = if result.is_ok() { shown } else { label.to_owned() };
        Some(Self { label: label.chars().collect(), tld: tld.to_owned(), domain })
    }

    fn label(&self) -> String {
        self.label.iter().collect()
    }
}

/// All names, in the order in which they are made: of every kind the most used first.
pub(super) fn all(base: &Base) -> Vec<Candidate> {
    let mut made = Made { base, found: HashMap::new() };
    endings(&mut made);
    words(&mut made);
    alike(&mut made);
    other_letters(&mut made);
    hyphens(&mut made);
    inside(&mut made);
    mistakes(&mut made);
    sounds(&mut made);
    keyboard(&mut made);
    vowels(&mut made);
    insertions(&mut made);
    bits(&mut made);
    let mut found: Vec<(usize, Candidate)> = made.found.into_values().collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

struct Made<'a> {
    base: &'a Base,
    /// By domain, with the order in which they were made.
    found: HashMap<String, (usize, Candidate)>,
}

impl Made<'_> {
    /// Adds a label with the shop's ending.
    fn label(&mut self, label: &str, kind: Kind) {
        let tld = self.base.tld.clone();
        self.name(label, &tld, kind);
    }

    /// Adds a name, if it is one.
    fn name(&mut self, label: &str, tld: &str, kind: Kind) {
        let Some(domain) = read_domain(&format!("{label}.{tld}")) else { return };
        // The registered part must be what was meant: an ending inside the label would make another name of it.
        let is_itself = domain == self.base.domain || psl::suffix_str(&domain) == Some(domain.as_str());
        let label = domain.split('.').next().unwrap_or_default();
        if is_itself || label.len() > LABEL_BYTES_MAX {
            return;
        }
        let (shown, result) = idna::domain_to_unicode(&domain);
        let unicode = if result.is_ok() { shown } else { domain.clone() };
        let is_likely = is_likely(&unicode, tld);
        let candidate = Candidate { domain: domain.clone(), unicode, kinds: BTreeSet::new(), is_likely };
        let number = self.found.len();
        self.found.entry(domain).or_insert((number, candidate)).1.kinds.insert(kind);
    }
}

/// Whether a registry could allow the label: at least two letters, no hyphens at the third and fourth place (RFC 5891
/// §4.2.3.1), and letters of one script that it takes.
fn is_likely(unicode: &str, tld: &str) -> bool {
    let label = unicode.split('.').next().unwrap_or_default();
    if label.chars().count() < 2 || label.chars().skip(2).take(2).eq("--".chars()) {
        return false;
    }
    if label.is_ascii() {
        return true;
    }
    let letters = || label.chars().filter(|c| !c.is_ascii_digit() && *c != '-');
    let is_latin = letters().all(|c| c.is_ascii() || ('\u{df}'..='\u{24f}').contains(&c));
    let is_cyrillic = letters().all(|c| ('\u{400}'..='\u{52f}').contains(&c));
    let is_greek = letters().all(|c| ('\u{370}'..='\u{3ff}').contains(&c));
    match idn(tld) {
        Idn::Plain => false,
        Idn::Latin => is_latin,
        Idn::OneScript => is_latin || is_cyrillic || is_greek,
    }
}

fn endings(made: &mut Made<'_>) {
    let label = made.base.label();
    for tld in TLDS {
        made.name(&label, tld, Kind::Tld);
    }
}

fn words(made: &mut Made<'_>) {
    let (label, own) = (made.base.label(), made.base.tld.clone());
    for word in WORDS {
        let forms = [
            format!("{label}-{word}"),
            format!("{label}{word}"),
            format!("{word}-{label}"),
            format!("{word}{label}"),
        ];
        for form in &forms {
            made.name(form, &own, Kind::Word);
            for tld in WORD_TLDS {
                made.name(form, tld, Kind::Word);
            }
        }
    }
}

/// One place, or all of them, replaced by what looks alike in plain letters; under the own ending and `com`.
fn alike(made: &mut Made<'_>) {
    let label = made.base.label();
    let own = made.base.tld.clone();
    for (from, all) in ASCII_ALIKE {
        for to in *all {
            for (at, _) in label.match_indices(from) {
                let form = format!("{}{to}{}", &label[..at], &label[at + from.len()..]);
                for tld in [own.as_str(), "com", "nl"] {
                    made.name(&form, tld, Kind::Homoglyph);
                }
            }
            made.name(&label.replace(from, to), &own, Kind::Homoglyph);
        }
    }
}

/// Letters with marks and letters of other scripts: one place, and the whole label in another script.
fn other_letters(made: &mut Made<'_>) {
    let label = made.base.label.clone();
    let own = made.base.tld.clone();
    let replaced = |at: usize, with: char| -> String {
        label.iter().enumerate().map(|(number, c)| if number == at { with } else { *c }).collect()
    };
    for (at, letter) in label.iter().enumerate() {
        let marked = LATIN_ALIKE.iter().find(|(plain, _)| plain == letter).map_or("", |(_, marked)| marked);
        let others = SCRIPT_ALIKE.iter().find(|(plain, ..)| plain == letter);
        let others = others.into_iter().flat_map(|(_, cyrillic, greek)| [*cyrillic, *greek]).flatten();
        for with in marked.chars().chain(others) {
            for tld in [own.as_str(), "com"] {
                made.name(&replaced(at, with), tld, Kind::Homoglyph);
            }
        }
    }
    for pick in
        [|row: &(char, Option<char>, Option<char>)| row.1, |row: &(char, Option<char>, Option<char>)| row.2]
    {
        let whole: Option<String> = label
            .iter()
            .map(|letter| match letter {
                '0'..='9' | '-' => Some(*letter),
                _ => SCRIPT_ALIKE.iter().find(|row| row.0 == *letter).and_then(pick),
            })
            .collect();
        for tld in [own.as_str(), "com", "net", "org", "shop"] {
            if let Some(whole) = &whole {
                made.name(whole, tld, Kind::Homoglyph);
            }
        }
    }
}

fn hyphens(made: &mut Made<'_>) {
    let label = made.base.label.clone();
    let own = made.base.tld.clone();
    for at in 1..label.len() {
        let form: String = label[..at].iter().chain(&['-']).chain(&label[at..]).collect();
        for tld in [own.as_str(), "com"] {
            made.name(&form, tld, Kind::Hyphen);
        }
    }
    let without: String = label.iter().filter(|c| **c != '-').collect();
    made.label(&without, Kind::Hyphen);
    for (at, _) in label.iter().enumerate().filter(|(_, c)| **c == '-') {
        let form: String = label[..at].iter().chain(&label[at + 1..]).collect();
        made.label(&form, Kind::Hyphen);
    }
}

/// The ending or `www` as part of the name, and domains in front of which the whole name can stand.
fn inside(made: &mut Made<'_>) {
    let (label, own) = (made.base.label(), made.base.tld.clone());
    let flat = own.replace('.', "-");
    for form in [format!("www{label}"), format!("www-{label}"), format!("ww{label}"), format!("wwww{label}")]
    {
        for tld in [own.as_str(), "com"] {
            made.name(&form, tld, Kind::Subdomain);
        }
    }
    for tld in TLDS.iter().take(40) {
        made.name(&format!("{label}{flat}"), tld, Kind::Subdomain);
        made.name(&format!("{label}-{flat}"), tld, Kind::Subdomain);
    }
    // `winkel.nl-betaling.com`: the registered name is what stands behind the dot.
    for word in WORDS.iter().take(20) {
        for tld in ["com", "info", "online", "shop", "net"] {
            made.name(&format!("{flat}-{word}"), tld, Kind::Subdomain);
        }
    }
    // `win.kel.nl`: a dot too many.
    for at in 1..made.base.label.len() {
        let rest: String = made.base.label[at..].iter().collect();
        if rest.chars().count() >= 3 {
            made.label(&rest, Kind::Subdomain);
        }
    }
}

fn mistakes(made: &mut Made<'_>) {
    let label = made.base.label.clone();
    let own = made.base.tld.clone();
    for at in 0..label.len() {
        let without: String = label[..at].iter().chain(&label[at + 1..]).collect();
        let is_double = at + 1 < label.len() && label[at] == label[at + 1];
        made.label(&without, if is_double { Kind::Repetition } else { Kind::Omission });
        made.name(&without, "com", Kind::Omission);
        let twice: String = label[..=at].iter().chain(&label[at..]).collect();
        made.label(&twice, Kind::Repetition);
        if at + 1 < label.len() && label[at] != label[at + 1] {
            let mut swapped = label.clone();
            swapped.swap(at, at + 1);
            let swapped: String = swapped.iter().collect();
            for tld in [own.as_str(), "com"] {
                made.name(&swapped, tld, Kind::Transposition);
            }
        }
    }
}

fn sounds(made: &mut Made<'_>) {
    let label = made.base.label();
    for (one, other) in SOUNDS {
        for (from, to) in [(one, other), (other, one)] {
            for (at, _) in label.match_indices(from) {
                made.label(&format!("{}{to}{}", &label[..at], &label[at + from.len()..]), Kind::Sound);
            }
        }
    }
}

/// The keys that touch a key.
fn neighbours(key: char) -> Vec<char> {
    let place = KEY_ROWS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.find(key)?)));
    let Some((row, at)) = place else { return Vec::new() };
    let in_row = |row: usize, at: Option<usize>| {
        KEY_ROWS.get(row).zip(at).and_then(|(keys, at)| keys.as_bytes().get(at)).map(|key| char::from(*key))
    };
    let up = row.checked_sub(1);
    [
        in_row(row, at.checked_sub(1)),
        in_row(row, Some(at + 1)),
        up.and_then(|row| in_row(row, Some(at))),
        up.and_then(|row| in_row(row, Some(at + 1))),
        in_row(row + 1, Some(at)),
        in_row(row + 1, at.checked_sub(1)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn keyboard(made: &mut Made<'_>) {
    let label = made.base.label.clone();
    for (at, key) in label.iter().enumerate() {
        for near in neighbours(*key) {
            let form = |skip: usize, before: &[char], after: &[char]| -> String {
                label[..at]
                    .iter()
                    .chain(before)
                    .chain(&label[at + skip..=at])
                    .chain(after)
                    .chain(&label[at + 1..])
                    .collect()
            };
            made.label(&form(1, &[near], &[]), Kind::Keyboard);
            made.label(&form(0, &[near], &[]), Kind::Keyboard);
            made.label(&form(0, &[], &[near]), Kind::Keyboard);
        }
    }
}

fn vowels(made: &mut Made<'_>) {
    let label = made.base.label.clone();
    for (at, letter) in label.iter().enumerate().filter(|(_, letter)| VOWELS.contains(letter)) {
        for other in VOWELS.iter().filter(|other| *other != letter) {
            let form: String = label[..at].iter().chain([other]).chain(&label[at + 1..]).collect();
            made.label(&form, Kind::Vowel);
        }
    }
}

/// Any letter at any place; of a long name only at its ends, where people look.
fn insertions(made: &mut Made<'_>) {
    let label = made.base.label.clone();
    let places = |at: &usize| label.len() <= 20 || *at <= 1 || *at + 1 >= label.len();
    for at in (0..=label.len()).filter(places) {
        for letter in 'a'..='z' {
            let form: String = label[..at].iter().chain([&letter]).chain(&label[at..]).collect();
            made.label(&form, Kind::Insertion);
        }
    }
}

fn bits(made: &mut Made<'_>) {
    let label = made.base.label.clone();
    for (at, letter) in label.iter().enumerate() {
        let Ok(byte) = u8::try_from(*letter) else { continue };
        for bit in 0..7 {
            let other = byte ^ (1 << bit);
            if !(other.is_ascii_lowercase() || other.is_ascii_digit() || other == b'-') {
                continue;
            }
            let form: String =
                label[..at].iter().chain([&char::from(other)]).chain(&label[at + 1..]).collect();
            made.label(&form, Kind::BitFlip);
        }
    }
}
