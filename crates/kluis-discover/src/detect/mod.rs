//! One pass over bytes that finds personal data: what passes a check, in a form and a context that make it likely.
//!
//! A check digit alone proves little: one in eleven numbers of nine digits is a "BSN". So every hit says how certain it
//! is, and a column is judged by all of its cells, not by hits.

pub(crate) mod cell;
mod class;
mod known;
mod number;
mod person;
mod stream;
mod token;

use crate::words::{self, TOPICS, Topic, Word, Words};
use crate::{Kind, Special};

use self::class::{CLASSES, DIGIT, HIGH, LOWER, MARK, UPPER, WORD, class, is_digit, is_word};
use self::number::{Digits, Line};
use self::token::VatOwner;

pub use self::known::KNOWN_ASKED_MAX;
pub use self::stream::Stream;

/// How near a word must stand to tell what a number is, in bytes.
const NEAR: usize = 60;
/// How near before a number a word must stand that makes it count things, in bytes: with `nr.` or `is` between.
const COUNTED_NEAR: usize = 10;
/// The longest value that is found, in bytes; a block is scanned with so much after it at hand.
pub const REACH: usize = 512;

/// The longest first word of a key of a service.
const KEY_HEAD_MAX: usize = 7;

/// How certain a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// It passes a check that one in eleven or one in ten numbers passes; nothing near says what it is.
    Possible,
    /// Form and context fit.
    Likely,
    /// It passes a strong check, or a weak one beside a word that names it.
    Certain,
}

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// What.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// Past its last byte.
    pub end: usize,
    /// How certain.
    pub certainty: Certainty,
}

/// Finds personal data in text; holds the words, so make one and use it often.
pub struct Scanner {
    words: Words,
    /// Whether the caller knows a name.
    known: Option<Known>,
}

/// Answers whether somebody of this name is known; shops ask their keyed index.
pub type Known = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl core::fmt::Debug for Scanner {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        to.write_str("Scanner")
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// One word as it is read.
#[derive(Clone, Copy)]
struct Token {
    start: usize,
    end: usize,
    /// The classes of its bytes.
    classes: u8,
    hash: u64,
}

/// What a scan remembers of what it passed; places are in the text at hand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Past the last byte of the newest word about each topic.
    seen: [Option<usize>; TOPICS],
    /// The newest word of a special category.
    special: Option<(Special, usize)>,
    /// A hit that what follows may still swallow.
    pending: Option<Hit>,
}

impl Memory {
    /// The same after so many bytes were taken from the front of the text.
    pub(crate) fn shift(&mut self, gone: usize) {
        for seen in &mut self.seen {
            *seen = seen.and_then(|seen| seen.checked_sub(gone));
        }
        self.special = self.special.and_then(|(special, at)| Some((special, at.checked_sub(gone)?)));
        if let Some(hit) = &mut self.pending {
            (hit.start, hit.end) = (hit.start - gone, hit.end - gone);
        }
    }
}

/// A scan over one block.
struct Scan<'a> {
    words: &'a Words,
    text: &'a [u8],
    memory: &'a mut Memory,
    /// A part of the text in which no word of a topic and no town begins.
    clear: (usize, usize),
    hits: &'a mut dyn FnMut(Hit),
}

impl Scanner {
    /// Builds the table of words.
    #[must_use]
    pub fn new() -> Self {
        Self { words: Words::new(), known: None }
    }

    /// The same, with a question about names for the free text in columns; see [`Scanner::scan_known`].
    #[must_use]
    pub fn with_known(known: Known) -> Self {
        Self { words: Words::new(), known: Some(known) }
    }

    /// The table of words.
    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// Finds what is in a text, in order; hits do not overlap.
    pub fn scan(&self, text: &[u8], mut on_hit: impl FnMut(Hit)) {
        self.scan_part(text, 0, text.len(), &mut Memory::default(), &mut on_hit);
    }

    /// Finds what begins between two places of a text. Returns where it stopped, which is past `to` when a value reaches
    /// beyond it.
    pub(crate) fn scan_part(
        &self,
        text: &[u8],
        from: usize,
        to: usize,
        memory: &mut Memory,
        hits: &mut dyn FnMut(Hit),
    ) -> usize {
        let mut scan = Scan { words: &self.words, text, memory, clear: (0, 0), hits };
        let end = scan.run(from, to);
        // A hit may yet turn out to be a piece of an address that ends here.
        if to == text.len() || scan.memory.pending.is_some_and(|hit| hit.end + token::LOCAL_MAX < end) {
            scan.flush();
        }
        end
    }
}

impl Scan<'_> {
    /// Walks over words and marks; everything is dispatched from here.
    fn run(&mut self, from: usize, to: usize) -> usize {
        let text = self.text;
        let mut at = from;
        while at < to {
            let first = class(text[at]);
            if first & WORD != 0 {
                let token = read_token(text, at);
                at = self.token(&token).max(token.end);
            } else if first & MARK != 0 {
                at = self.mark(at).max(at + 1);
            } else {
                at += 1;
            }
        }
        at
    }

    fn flush(&mut self) {
        if let Some(hit) = self.memory.pending.take() {
            (self.hits)(hit);
        }
    }

    /// Reports a hit; one that overlaps the hit before it swallows it. Returns where to go on.
    fn hit(&mut self, kind: Kind, start: usize, end: usize, certainty: Certainty) -> usize {
        if self.memory.pending.is_some_and(|pending| pending.end > start) {
            self.memory.pending = None;
        }
        self.flush();
        self.memory.pending = Some(Hit { kind, start, end, certainty });
        end
    }

    /// Whether a word about a topic stands near: before the value, or after it on the same line.
    fn is_about(&mut self, topic: Topic, start: usize, end: usize) -> bool {
        let seen = self.memory.seen[topic as usize];
        seen.is_some_and(|seen| start.saturating_sub(seen) <= NEAR && self.is_joined(seen, start))
            || self.follows(end, |word| word == Word::About(topic))
    }

    /// Whether a word and a value are on one line, or nothing but the end of a line stands between.
    fn is_joined(&self, word_end: usize, start: usize) -> bool {
        let between = self.text.get(word_end..start).unwrap_or_default();
        !between.contains(&b'\n') || !between.iter().copied().any(is_word)
    }

    /// Whether a word right before a number says that it counts things, nearer than any word about the topic.
    fn is_counted(&self, topic: Topic, start: usize) -> bool {
        let counted = self.memory.seen[Topic::Counter as usize];
        counted.is_some_and(|at| {
            start.saturating_sub(at) <= COUNTED_NEAR
                && self.is_joined(at, start)
                && self.memory.seen[topic as usize].is_none_or(|told| told < at)
        })
    }

    /// Whether a word of some kind follows within reach on the same line.
    fn follows(&mut self, end: usize, is_wanted: impl Fn(Word) -> bool) -> bool {
        let limit = self.text.len().min(end + NEAR);
        let (from, to) = self.clear;
        // What was looked at for the number before is not looked at again.
        let is_near = from <= end && end <= to;
        let (from, mut at) = if is_near { (from, to) } else { (end, end) };
        let (mut is_clear, mut is_found) = (true, false);
        while at < limit && !is_found {
            let byte = self.text[at];
            if byte == b'\n' {
                break;
            }
            if class(byte) & WORD == 0 {
                at += 1;
                continue;
            }
            let token = read_token(self.text, at);
            if let Some(word @ (Word::About(_) | Word::City)) = self.words.find(token.hash) {
                is_clear = false;
                is_found = is_wanted(word);
            }
            at = token.end;
            if is_clear {
                self.clear = (from, at);
            }
        }
        is_found
    }

    /// Looks at a word; returns where to go on.
    fn token(&mut self, token: &Token) -> usize {
        if token.classes == DIGIT {
            return self.digits(token);
        }
        if token.classes & DIGIT != 0 {
            return self.mixed(token);
        }
        if token.classes & UPPER != 0
            && let Some(end) = self.capitals(token)
        {
            return end;
        }
        if token.end - token.start <= KEY_HEAD_MAX
            && matches!(self.text.get(token.end), Some(b'_' | b'-'))
            && let Some(end) = token::api_key(self.text, token.start)
        {
            return self.hit(Kind::ApiKey, token.start, end, Certainty::Certain);
        }
        self.word(token)
    }

    fn word(&mut self, token: &Token) -> usize {
        let Some(word) = self.words.find(token.hash) else { return token.end };
        match word {
            Word::About(topic) => self.memory.seen[topic as usize] = Some(token.end),
            Word::Special(special) => self.special(special, token.start, token.end),
            Word::Phrase => {
                if let Some((special, end)) = self.phrase(token) {
                    self.special(special, token.start, end);
                    return end;
                }
            }
            Word::Title | Word::Given | Word::Surname | Word::Name => {
                if word == Word::Title {
                    self.memory.seen[Topic::Person as usize] = Some(token.end);
                }
                if let Some((end, certainty)) =
                    person::name(self.words, self.text, token.start, token.end, word)
                {
                    return self.hit(Kind::FullName, token.start, end, certainty);
                }
            }
            Word::Infix | Word::City => {}
        }
        token.end
    }

    fn phrase(&self, token: &Token) -> Option<(Special, usize)> {
        let next = token.end + 1;
        if self.text.get(token.end) != Some(&b' ') || !self.text.get(next).copied().is_some_and(is_word) {
            return None;
        }
        let second = read_token(self.text, next);
        words::phrase(&self.text[token.start..token.end], &self.text[next..second.end])
            .map(|special| (special, second.end))
    }

    /// A word of a special category: likely when somebody is spoken of, or when a second one stands near.
    fn special(&mut self, special: Special, start: usize, end: usize) {
        let is_second = self.memory.special.is_some_and(|(before, at)| {
            before == special && start.saturating_sub(at) <= NEAR * 2 && self.is_joined(at, start)
        });
        let is_somebody = self.is_about(Topic::Person, start, end);
        let certainty = if is_second || is_somebody { Certainty::Likely } else { Certainty::Possible };
        self.memory.special = Some((special, end));
        self.hit(Kind::Special(special), start, end, certainty);
    }

    /// Looks at what begins with a capital letter and holds no digit: plates and zones of documents.
    fn capitals(&mut self, token: &Token) -> Option<usize> {
        let next = self.text.get(token.end).copied();
        if next == Some(b'-') && token.end - token.start <= 3 {
            let end = token::plate(self.text, token.start)?;
            return Some(self.plate(token.start, end));
        }
        if next == Some(b'<') {
            let end = token::mrz(self.text, token.start)?;
            return Some(self.hit(Kind::IdDocument, token.start, end, Certainty::Certain));
        }
        if next == Some(b'.') && token.end - token.start == 2 {
            let end = token::api_key(self.text, token.start)?;
            return Some(self.hit(Kind::ApiKey, token.start, end, Certainty::Certain));
        }
        None
    }

    fn plate(&mut self, start: usize, end: usize) -> usize {
        let certainty =
            if self.is_about(Topic::Plate, start, end) { Certainty::Certain } else { Certainty::Possible };
        self.hit(Kind::Plate, start, end, certainty)
    }

    /// Looks at a word of letters and digits.
    fn mixed(&mut self, token: &Token) -> usize {
        let (text, start) = (self.text, token.start);
        let head = (class(text[start]), class(*text.get(start + 1).unwrap_or(&0)));
        if head.0 & (UPPER | LOWER) != 0 && head.1 & (UPPER | LOWER) != 0 {
            match token::iban(text, start) {
                Some((end, true)) => return self.hit(Kind::Iban, start, end, Certainty::Certain),
                // Its form with a wrong check digit: nothing in it is anything else.
                Some((end, false)) => return end,
                None => {}
            }
            if let Some((end, owner)) = token::dutch_vat(text, start) {
                return self.vat(start, end, owner);
            }
            let word = &text[start..token.end];
            if token::is_document(word) && self.is_about(Topic::IdDocument, start, token.end) {
                return self.hit(Kind::IdDocument, start, token.end, Certainty::Certain);
            }
        }
        if head.0 & DIGIT != 0
            && let Some(end) = self.postcode(start)
        {
            return end;
        }
        if text.get(token.end) == Some(&b':')
            && let Some(end) = self.colons(start)
        {
            return end;
        }
        if token.end - start >= 4
            && let Some(end) = token::api_key(text, start)
        {
            return self.hit(Kind::ApiKey, start, end, Certainty::Certain);
        }
        if text.get(token.end) == Some(&b'-')
            && let Some(end) = token::mac(text, start)
        {
            return self.hit(Kind::Mac, start, end, Certainty::Certain);
        }
        token.end
    }

    fn vat(&mut self, start: usize, end: usize, owner: VatOwner) -> usize {
        match owner {
            VatOwner::SoleTrader => self.hit(Kind::Vat, start, end, Certainty::Certain),
            // Until 2020 a sole trader's number was the BSN; a company's number looks the same.
            VatOwner::CompanyOrOldSoleTrader => self.hit(Kind::VatWithBsn, start, end, Certainty::Possible),
        }
    }

    fn colons(&mut self, start: usize) -> Option<usize> {
        if let Some(end) = token::mac(self.text, start) {
            return Some(self.hit(Kind::Mac, start, end, Certainty::Certain));
        }
        let end = token::ipv6(self.text, start)?;
        Some(self.hit(Kind::Ip, start, end, Certainty::Certain))
    }

    /// A Dutch postcode; with a house number or a town near it is an address.
    fn postcode(&mut self, start: usize) -> Option<usize> {
        let end = token::postcode(self.text, start)?;
        let has_number = person::has_house_number(self.text, start, end);
        if has_number {
            return Some(self.hit(Kind::Address, start, end, Certainty::Certain));
        }
        let has_town = self.follows(end, |word| word == Word::City);
        let certainty = match (has_town, self.is_about(Topic::Address, start, end)) {
            (true, true) => Certainty::Certain,
            (false, false) => Certainty::Possible,
            _ => Certainty::Likely,
        };
        Some(self.hit(Kind::Postcode, start, end, certainty))
    }

    /// Looks at a mark: an address of mail around `@`, a number after `+`, a hash after `$`, an IPv6 address at `::`.
    fn mark(&mut self, at: usize) -> usize {
        let text = self.text;
        match text[at] {
            b'@' => {
                if let Some((start, end)) = token::email(text, at) {
                    return self.hit(Kind::Email, start, end, Certainty::Certain);
                }
            }
            b'+' if text.get(at + 1).copied().is_some_and(is_digit) => {
                let digits = Digits::read(text, at + 1);
                if let Some((groups, line)) = number::phone_groups(&digits, true) {
                    return self.phone(at, digits.end(groups), line, true);
                }
            }
            b'$' => {
                if let Some(end) = token::password_hash(text, at) {
                    return self.hit(Kind::PasswordHash, at, end, Certainty::Certain);
                }
            }
            b':' if text.get(at + 1) == Some(&b':') && (at == 0 || !is_word(text[at - 1])) => {
                if let Some(end) = token::ipv6(text, at) {
                    return self.hit(Kind::Ip, at, end, Certainty::Likely);
                }
            }
            _ => {}
        }
        at + 1
    }

    fn phone(&mut self, start: usize, end: usize, line: Line, is_international: bool) -> usize {
        if self.text.get(end).copied().is_some_and(is_word) {
            return end;
        }
        if line == Line::Company {
            // Numbers of companies and services are not personal; what they are made of is nothing else either.
            return end;
        }
        let is_counted = !is_international && self.is_counted(Topic::Phone, start);
        let is_told = is_international || !is_counted && self.is_about(Topic::Phone, start, end);
        let is_mobile = self.text[start..end].starts_with(b"06");
        let certainty = match (is_told, is_mobile) {
            (true, _) => Certainty::Certain,
            (false, true) if !is_counted => Certainty::Likely,
            (false, _) => Certainty::Possible,
        };
        self.hit(Kind::Phone, start, end, certainty)
    }

    /// Looks at digits, together with the groups that follow.
    fn digits(&mut self, token: &Token) -> usize {
        let (text, start) = (self.text, token.start);
        // Digits after a point belong to a number with decimals or to a version.
        if start >= 2 && text[start - 1] == b'.' && is_digit(text[start - 2]) {
            return token.end;
        }
        let digits = Digits::read(text, start);
        if digits.groups() == 0 {
            return token.end;
        }
        if digits.groups() > 1
            && let Some(end) = self.written_numbers(start, &digits)
        {
            return end;
        }
        if digits.length(0) == 4
            && let Some(end) = self.postcode(start)
        {
            return end;
        }
        if digits.length(0) <= 3
            && text.get(token.end) == Some(&b'-')
            && let Some(end) = token::plate(text, start)
        {
            return self.plate(start, end);
        }
        if matches!(text.get(token.end), Some(b':'))
            && let Some(end) = self.colons(start)
        {
            return end;
        }
        if let Some((groups, line)) = number::phone_groups(&digits, false) {
            return self.phone(start, digits.end(groups), line, false);
        }
        if let Some(groups) = number::card_groups(&digits) {
            return self.card(start, &digits, groups);
        }
        self.plain_number(start, &digits).unwrap_or(token.end)
    }

    /// Dates and IPv4 addresses: several groups that are one value.
    fn written_numbers(&mut self, start: usize, digits: &Digits) -> Option<usize> {
        if let Some((year, ..)) = number::date(digits) {
            let end = digits.end(3);
            if year < 2100 && self.is_about(Topic::Birth, start, end) {
                return Some(self.hit(Kind::BirthDate, start, end, Certainty::Certain));
            }
            return Some(end);
        }
        if digits.groups() >= 4 && digits.mark(1) == b'.' {
            let end = digits.end(4);
            let found = number::ipv4(digits, self.text, self.is_about(Topic::Ip, start, end))?;
            return Some(self.hit(Kind::Ip, start, found, Certainty::Likely));
        }
        None
    }

    fn card(&mut self, start: usize, digits: &Digits, groups: usize) -> usize {
        let end = digits.end(groups);
        let is_decimal =
            self.text.get(end) == Some(&b'.') && self.text.get(end + 1).copied().is_some_and(is_digit);
        if is_decimal || self.text.get(end).copied().is_some_and(is_word) {
            return end;
        }
        let certainty = if groups > 1 {
            Certainty::Certain
        } else if self.is_counted(Topic::Card, start) {
            Certainty::Possible
        } else if self.is_about(Topic::Card, start, end) {
            Certainty::Certain
        } else {
            Certainty::Likely
        };
        self.hit(Kind::Card, start, end, certainty)
    }

    /// Numbers that only a word near them can tell: BSN, IMEI, company register, driving licence.
    fn plain_number(&mut self, start: usize, digits: &Digits) -> Option<usize> {
        let goes_on = |end: usize| {
            let next = self.text.get(end).copied();
            let is_decimal = next == Some(b'.') && self.text.get(end + 1).copied().is_some_and(is_digit);
            is_decimal || next.is_some_and(is_word)
        };
        if let Some(groups) = number::bsn_groups(digits)
            && number::is_bsn(digits.of(groups))
            && !goes_on(digits.end(groups))
        {
            let end = digits.end(groups);
            let is_told = !self.is_counted(Topic::Bsn, start) && self.is_about(Topic::Bsn, start, end);
            return Some(self.hit(
                Kind::Bsn,
                start,
                end,
                if is_told { Certainty::Certain } else { Certainty::Possible },
            ));
        }
        let end = digits.end(1);
        let mut is_about = |topic| !self.is_counted(topic, start) && self.is_about(topic, start, end);
        let kind = match digits.length(0) {
            _ if goes_on(end) => return None,
            8 if is_about(Topic::Bsn) && number::is_bsn(digits.of(1)) => Kind::Bsn,
            8 if is_about(Topic::Kvk) => Kind::Kvk,
            10 if is_about(Topic::DrivingLicence) => Kind::DrivingLicence,
            15 if number::is_imei(digits.of(1)) && is_about(Topic::Imei) => Kind::Imei,
            _ => return None,
        };
        Some(self.hit(kind, start, end, Certainty::Certain))
    }
}

/// Reads the word that begins at a place.
#[inline]
fn read_token(text: &[u8], start: usize) -> Token {
    let (mut at, mut classes, mut hash) = (start, 0, words::HASH_START);
    while at < text.len() {
        let byte = text[at];
        let class = CLASSES[usize::from(byte)];
        if class & (DIGIT | UPPER | LOWER | HIGH) == 0 {
            break;
        }
        classes |= class;
        hash = words::hash_byte(hash, byte);
        at += 1;
    }
    Token { start, end: at, classes, hash }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
