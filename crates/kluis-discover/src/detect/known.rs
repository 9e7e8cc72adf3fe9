//! Names that the caller knows, in running text: "Jan de Vries" in a note is certain when Jan de Vries is a customer.

use super::person::next_word;
use super::{Certainty, Hit, Scanner, Token, read_token};
use crate::Kind;
use crate::words::{Word, Words};

use super::class::{DIGIT, HIGH, UPPER, WORD, class};

/// Words of a name at most.
const NAME_WORDS_MAX: usize = 6;
/// Bytes of a name at most.
const NAME_BYTES_MAX: usize = 80;
/// Questions for one text at most; each costs the caller a keyed hash.
pub const KNOWN_ASKED_MAX: u32 = 20_000;

impl Scanner {
    /// Finds what [`Scanner::scan`] finds, and every name that `known` says is one, as certain.
    ///
    /// `known` is asked for two to six words with a capital or from the list of given names in front, and for what follows a
    /// form of address; longest first, as written. It should fold case and accents itself. At most 20 000 questions a text.
    pub fn scan_known(&self, text: &[u8], known: &dyn Fn(&str) -> bool, mut on_hit: impl FnMut(Hit)) {
        let mut hits = Vec::new();
        self.scan(text, |hit| hits.push(hit));
        let is_free = |start: usize, end: usize| {
            let from = hits.partition_point(|hit| hit.end <= start);
            hits[from..].iter().take_while(|hit| hit.start < end).all(|hit| hit.kind == Kind::FullName)
        };
        let mut names = names(self.words(), text, known);
        names.retain(|(start, end)| is_free(*start, *end));
        let mut names = names.into_iter().peekable();
        let named = |start, end| Hit { kind: Kind::FullName, start, end, certainty: Certainty::Certain };
        let mut last = 0;
        for hit in hits {
            while let Some((start, end)) = names.next_if(|(start, _)| *start < hit.end) {
                last = end;
                on_hit(named(start, end));
            }
            // What a known name covers is told already.
            if hit.start >= last {
                on_hit(hit);
            }
        }
        names.for_each(|(start, end)| on_hit(named(start, end)));
    }

    /// Finds names with the caller's question when there is one.
    pub(crate) fn scan_all(&self, text: &[u8], on_hit: impl FnMut(Hit)) {
        match &self.known {
            Some(known) => self.scan_known(text, &**known, on_hit),
            None => self.scan(text, on_hit),
        }
    }
}

/// Places of known names, in order.
fn names(words: &Words, text: &[u8], known: &dyn Fn(&str) -> bool) -> Vec<(usize, usize)> {
    let (mut found, mut at, mut asked) = (Vec::new(), 0, 0);
    while at < text.len() && asked < KNOWN_ASKED_MAX {
        if class(text[at]) & WORD == 0 {
            at += 1;
            continue;
        }
        let token = read_token(text, at);
        match name(words, text, &token, known, &mut asked) {
            Some((start, end)) => {
                found.push((start, end));
                at = end;
            }
            None => at = token.end,
        }
    }
    found
}

/// The longest known name that begins with a word.
fn name(
    words: &Words,
    text: &[u8],
    first: &Token,
    known: &dyn Fn(&str) -> bool,
    asked: &mut u32,
) -> Option<(usize, usize)> {
    let word = words.find(first.hash);
    let is_title = word == Some(Word::Title);
    let is_start = is_title
        || class(text[first.start]) & (UPPER | HIGH) != 0
        || matches!(word, Some(Word::Given | Word::Name));
    if !is_start || first.classes & DIGIT != 0 {
        return None;
    }
    let (mut ends, mut count, mut begin) = ([0; NAME_WORDS_MAX], 0, first.start);
    let mut at = first.end;
    if !is_title {
        (ends[0], count) = (first.end, 1);
    }
    while count < NAME_WORDS_MAX {
        let Some(next) = next_word(text, at) else { break };
        let token = read_token(text, next);
        if token.end - begin > NAME_BYTES_MAX || token.classes & DIGIT != 0 {
            break;
        }
        if is_title && count == 0 {
            begin = next;
        }
        (ends[count], count, at) = (token.end, count + 1, token.end);
    }
    let least = if is_title { 1 } else { 2 };
    for end in ends[..count].iter().skip(least - 1).rev() {
        if *asked >= KNOWN_ASKED_MAX {
            return None;
        }
        *asked += 1;
        if core::str::from_utf8(&text[begin..*end]).is_ok_and(known) {
            return Some((begin, *end));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let customers = ["jan de vries", "qwirrel xylo", "anne-fleur van 't hof", "zoë özkan", "bouzidi"];
        let known = |name: &str| customers.contains(&name.to_lowercase().as_str());
        let mut found = Vec::new();
        let mut last = 0;
        Scanner::new().scan_known(text.as_bytes(), &known, |hit| {
            assert!(hit.start >= last && hit.end <= text.len(), "{text}");
            last = hit.end;
            if hit.kind == Kind::FullName && hit.certainty == Certainty::Certain {
                found.push(&text[hit.start..hit.end]);
            }
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn customers_are_found_by_name() {
        check("pakket van Jan de Vries ligt bij de buren", &["Jan de Vries"]);
        check("gebeld met jan de vries en Qwirrel Xylo.", &["jan de vries", "Qwirrel Xylo"]);
        check("Anne-Fleur van 't Hof, Zoë Özkan", &["Anne-Fleur van 't Hof", "Zoë Özkan"]);
        check("mevrouw Bouzidi wil ruilen", &["Bouzidi"]);
        check("Beste Jan de Vries", &["Jan de Vries"]);
    }

    #[test]
    fn strangers_and_pieces_of_names_are_not() {
        for text in [
            "",
            "Jan",
            "de vries",
            "Jan Jansen",
            "Bouzidi",
            "jan 12 de vries",
            "Jan\nde Vries",
            "Qwirrel, Xylo",
            "jan.de.vries@winkel.example",
            "Jan de Vriesland",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn other_values_stay_and_questions_are_bounded() {
        let text = "Jan de Vries, jan@winkel.example, bsn 111222333";
        let mut kinds = Vec::new();
        Scanner::new()
            .scan_known(text.as_bytes(), &|name| name == "Jan de Vries", |hit| kinds.push(hit.kind));
        assert_eq!(kinds, [Kind::FullName, Kind::Email, Kind::Bsn]);
        let asked = core::cell::Cell::new(0);
        let many = "Aa Bb Cc Dd ".repeat(20_000);
        let known = |_: &str| {
            asked.set(asked.get() + 1);
            false
        };
        Scanner::new().scan_known(many.as_bytes(), &known, |_| {});
        assert_eq!(asked.get(), KNOWN_ASKED_MAX);
    }

    #[test]
    fn columns_of_notes_use_the_question_too() {
        let scanner = Scanner::with_known(Box::new(|name| name == "Qwirrel Xylo"));
        let mut column = crate::Column::new("opmerking", 2026);
        for _ in 0..20 {
            column.add(&scanner, b"graag bezorgen bij Qwirrel Xylo of de buren");
        }
        assert_eq!(column.decide().also, [(Kind::FullName, 1.0)]);
    }
}
