//! The name index in RAM of one shop: distinct folded name tokens with the customers that bear them.
//!
//! Nothing of it is written to disk. Tokens are wiped when the index is dropped, which happens on
//! sealing. One million customers with three to four tokens each take about 60 MB.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use kluis_model::SubjectId;
use zeroize::Zeroize;

/// Bytes kept of one token; longer name parts are cut on both sides of the comparison.
const TOKEN_BYTES: usize = 23;
/// Characters of the longest token.
const TOKEN_CHARS: usize = TOKEN_BYTES;
/// Query tokens regarded; a longer query is cut.
const QUERY_TOKENS_MAX: usize = 8;
/// The score of equality; prefix, substring and typo matches score less.
const SCORE_EQUAL: u8 = 100;

/// One folded name part, inline.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Token {
    len: u8,
    bytes: [u8; TOKEN_BYTES],
}

impl Token {
    fn new(text: &str) -> Self {
        let mut end = text.len().min(TOKEN_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        // At most 23, see above.
        Self { len: u8::try_from(end).unwrap_or(0), bytes }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }
}

/// Distinct tokens by number, found by text; every copy is wiped on growth and on drop.
#[derive(Default)]
struct Tokens {
    list: Vec<Token>,
    /// Open addressing: token number plus one, zero is free; a power of two long.
    slots: Vec<u32>,
}

impl Tokens {
    fn slot_of(&self, token: &Token) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = usize::try_from(token.hash() & mask as u64).unwrap_or(0);
        loop {
            match self.slots[slot] {
                0 => return slot,
                number if self.list[number as usize - 1] == *token => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// The number of the token, added when new.
    fn intern(&mut self, text: &str) -> u32 {
        if (self.list.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let token = Token::new(text);
        let slot = self.slot_of(&token);
        if self.slots[slot] == 0 {
            self.list.push(token);
            self.slots[slot] = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        }
        self.slots[slot] - 1
    }

    fn grow(&mut self) {
        let capacity = (self.list.len() * 2).max(512);
        let mut list = Vec::with_capacity(capacity);
        list.extend_from_slice(&self.list);
        self.wipe();
        self.list = list;
        self.slots = vec![0; (capacity * 2).next_power_of_two()];
        for number in 0..self.list.len() {
            let slot = self.slot_of(&self.list[number]);
            self.slots[slot] = u32::try_from(number + 1).unwrap_or(u32::MAX);
        }
    }

    fn wipe(&mut self) {
        for token in &mut self.list {
            token.bytes.zeroize();
            token.len = 0;
        }
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Names of one shop's customers by token.
#[derive(Default)]
pub(crate) struct NameIndex {
    tokens: Tokens,
    /// Per token the documents that bear it, ascending.
    postings: Vec<Vec<u32>>,
    /// The customer of each document; an update makes a new document and buries the old one.
    documents: Vec<SubjectId>,
    /// Documents that were replaced or removed.
    dead: Vec<bool>,
    dead_count: usize,
    /// The first documents are in order of id and found by bisection…
    sorted: usize,
    /// …the others through this map.
    newer: HashMap<SubjectId, u32>,
}

impl NameIndex {
    /// Customers in the index.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.documents.len() - self.dead_count
    }

    /// Puts a customer with these tokens in, in place of what was known of them; no tokens means
    /// removal.
    pub(crate) fn put(&mut self, subject: SubjectId, tokens: &[String]) {
        self.remove(subject);
        if tokens.is_empty() {
            return;
        }
        let Ok(document) = u32::try_from(self.documents.len()) else { return };
        let follows = self.documents.last().is_none_or(|last| *last < subject);
        if follows && self.newer.is_empty() {
            self.sorted += 1;
        } else {
            self.newer.insert(subject, document);
        }
        self.documents.push(subject);
        self.dead.push(false);
        for text in tokens {
            let number = self.tokens.intern(text) as usize;
            if number >= self.postings.len() {
                self.postings.resize_with(number + 1, Vec::new);
            }
            if self.postings[number].last() != Some(&document) {
                self.postings[number].push(document);
            }
        }
    }

    /// Takes a customer out.
    pub(crate) fn remove(&mut self, subject: SubjectId) {
        let Some(document) = self.find_document(subject) else { return };
        if !self.dead[document] {
            self.dead[document] = true;
            self.dead_count += 1;
        }
        self.newer.remove(&subject);
        if self.dead_count > 10_000 && self.dead_count * 4 > self.documents.len() {
            self.compact();
        }
    }

    /// Whether the customer is in.
    #[cfg(test)]
    pub(crate) fn contains(&self, subject: SubjectId) -> bool {
        self.find_document(subject).is_some_and(|document| !self.dead[document])
    }

    /// Gives back memory that growth reserved; for after the first build.
    pub(crate) fn shrink(&mut self) {
        for list in &mut self.postings {
            list.shrink_to_fit();
        }
        self.postings.shrink_to_fit();
        self.documents.shrink_to_fit();
        self.dead.shrink_to_fit();
    }

    /// The customers that bear all query tokens (equal, as prefix, as part or with a typo), best
    /// first, at most `limit`.
    pub(crate) fn find(&self, query: &[String], limit: usize) -> Vec<(SubjectId, u16)> {
        if query.is_empty() || self.documents.is_empty() {
            return Vec::new();
        }
        let mut sums = vec![0_u16; self.documents.len()];
        let mut scores = vec![0_u8; self.documents.len()];
        for (place, text) in query.iter().take(QUERY_TOKENS_MAX).enumerate() {
            scores.fill(0);
            self.score_token(text, &mut scores);
            for (sum, score) in sums.iter_mut().zip(&scores) {
                let lost = *score == 0 || (place > 0 && *sum == 0);
                *sum = if lost { 0 } else { *sum + u16::from(*score) };
            }
        }
        let mut hits: Vec<_> = sums
            .iter()
            .enumerate()
            .filter(|(document, sum)| **sum > 0 && !self.dead[*document])
            .map(|(document, sum)| (self.documents[document], *sum))
            .collect();
        hits.sort_unstable_by(|(a_id, a), (b_id, b)| b.cmp(a).then(a_id.cmp(b_id)));
        hits.truncate(limit);
        hits
    }

    fn score_token(&self, text: &str, scores: &mut [u8]) {
        let query = Query::new(text);
        for (token, documents) in self.tokens.list.iter().zip(&self.postings) {
            let score = query.score(token.text());
            if score > 0 {
                for document in documents {
                    let best = &mut scores[*document as usize];
                    *best = (*best).max(score);
                }
            }
        }
    }

    fn find_document(&self, subject: SubjectId) -> Option<usize> {
        if let Some(document) = self.newer.get(&subject) {
            return Some(*document as usize);
        }
        self.documents[..self.sorted].binary_search(&subject).ok()
    }

    /// Drops buried documents and numbers the others anew.
    fn compact(&mut self) {
        let mut numbers = Vec::with_capacity(self.documents.len());
        let mut next = 0_u32;
        for dead in &self.dead {
            numbers.push(next);
            next += u32::from(!dead);
        }
        for list in &mut self.postings {
            list.retain(|document| !self.dead[*document as usize]);
            for document in list.iter_mut() {
                *document = numbers[*document as usize];
            }
        }
        for document in self.newer.values_mut() {
            *document = numbers[*document as usize];
        }
        self.sorted = self.dead[..self.sorted].iter().filter(|dead| !**dead).count();
        let dead = std::mem::take(&mut self.dead);
        let mut place = 0;
        self.documents.retain(|_| {
            place += 1;
            !dead[place - 1]
        });
        self.dead = vec![false; self.documents.len()];
        self.dead_count = 0;
    }
}

/// One query token with what is needed to compare it with many tokens.
struct Query {
    text: String,
    chars: Vec<char>,
    /// Edits allowed: none below three characters, one up to five, two above.
    edits_max: usize,
}

impl Query {
    fn new(text: &str) -> Self {
        let text = Token::new(text).text().to_owned();
        let chars: Vec<char> = text.chars().collect();
        let edits_max = match chars.len() {
            0..=2 => 0,
            3..=5 => 1,
            _ => 2,
        };
        Self { text, chars, edits_max }
    }

    /// How well a token answers, 0 for not at all.
    fn score(&self, token: &str) -> u8 {
        if token == self.text {
            return SCORE_EQUAL;
        }
        if self.text.is_empty() {
            return 0;
        }
        if token.starts_with(&self.text) {
            return 80;
        }
        if self.chars.len() >= 3 && token.contains(&self.text) {
            return 50;
        }
        match edits(&self.chars, token, self.edits_max) {
            Some(1) => 40,
            Some(2) => 25,
            _ => 0,
        }
    }
}

/// The Damerau-Levenshtein distance (optimal string alignment) when it is at most `most`.
fn edits(query: &[char], token: &str, most: usize) -> Option<usize> {
    if most == 0 || token.len() + most < query.len() {
        return None;
    }
    let mut other = ['\0'; TOKEN_CHARS];
    let mut length = 0;
    for letter in token.chars().take(TOKEN_CHARS) {
        other[length] = letter;
        length += 1;
    }
    if length > query.len() + most || length + most < query.len() {
        return None;
    }
    let mut before = [0_usize; TOKEN_CHARS + 1];
    let mut above: [usize; TOKEN_CHARS + 1] = std::array::from_fn(|place| place);
    for (row, letter) in query.iter().enumerate() {
        let mut line = [0_usize; TOKEN_CHARS + 1];
        line[0] = row + 1;
        let mut least = line[0];
        for column in 0..length {
            let cost = usize::from(*letter != other[column]);
            let mut best = (above[column] + cost).min(above[column + 1] + 1).min(line[column] + 1);
            let swapped =
                row > 0 && column > 0 && *letter == other[column - 1] && query[row - 1] == other[column];
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            line[column + 1] = best;
            least = least.min(best);
        }
        if least > most {
            return None;
        }
        before = above;
        above = line;
    }
    Some(above[length]).filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use kluis_model::TimeMs;
    use proptest::prelude::*;

    use super::*;

    fn id(number: u32) -> SubjectId {
        let mut random = [0; 10];
        random[..4].copy_from_slice(&number.to_be_bytes());
        SubjectId::from_parts(TimeMs(1_000), random)
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn index() -> NameIndex {
        let mut index = NameIndex::default();
        let names = ["jan van den berg", "janine bergsma", "piet jansen", "sofie vandenberghe"];
        for (number, name) in (0_u32..).zip(names) {
            index.put(id(number), &words(name));
        }
        index
    }

    fn found(index: &NameIndex, query: &str) -> Vec<SubjectId> {
        index.find(&words(query), 10).into_iter().map(|(subject, _)| subject).collect()
    }

    #[test]
    fn equality_beats_prefix_beats_part_beats_typo() {
        let index = index();
        assert_eq!(found(&index, "jan"), [id(0), id(1), id(2)]);
        assert_eq!(found(&index, "berg"), [id(0), id(1), id(3)]);
        assert_eq!(found(&index, "piet jansn"), [id(2)]);
        assert_eq!(found(&index, "jnaine"), [id(1)], "a swapped pair is one edit");
    }

    #[test]
    fn every_token_must_match_and_short_tokens_take_no_typos() {
        let index = index();
        assert_eq!(found(&index, "jan bergsma"), [id(1)]);
        for query in ["jan kees", "xx", "pt", "vandenbxxxhe", ""] {
            assert!(found(&index, query).is_empty(), "{query}");
        }
    }

    #[test]
    fn an_update_replaces_and_a_removal_removes() {
        let mut index = index();
        index.put(id(1), &words("els de boer"));
        assert_eq!(found(&index, "bergsma"), []);
        assert_eq!(found(&index, "boer"), [id(1)]);
        index.remove(id(1));
        index.remove(id(99));
        assert_eq!(found(&index, "boer"), []);
        assert_eq!(index.len(), 3);
        assert!(!index.contains(id(1)) && index.contains(id(0)));
    }

    #[test]
    fn compaction_keeps_what_is_alive() {
        let mut index = NameIndex::default();
        for number in 0..1_000 {
            index.put(id(number), &[format!("naam{number}"), "allen".to_owned()]);
        }
        for number in (0..1_000).filter(|number| number % 3 != 0) {
            index.remove(id(number));
        }
        index.put(id(3), &words("nieuw allen"));
        index.compact();
        index.shrink();
        assert_eq!(index.len(), 334);
        assert_eq!(index.find(&words("allen"), 1_000).len(), 334);
        assert_eq!(found(&index, "nieuw"), [id(3)]);
        assert_eq!(found(&index, "naam999")[0], id(999), "before those with a typo");
        index.remove(id(999));
        assert!(!index.contains(id(999)));
    }

    fn slow_distance(a: &[char], b: &[char]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for row in 0..=a.len() {
            for column in 0..=b.len() {
                table[row][column] = if row == 0 || column == 0 {
                    row + column
                } else {
                    let cost = usize::from(a[row - 1] != b[column - 1]);
                    let mut best = (table[row - 1][column - 1] + cost)
                        .min(table[row - 1][column] + 1)
                        .min(table[row][column - 1] + 1);
                    if row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1] {
                        best = best.min(table[row - 2][column - 2] + 1);
                    }
                    best
                };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn bounded_distance_agrees_with_the_plain_one(a in "[abcé]{1,8}", b in "[abcé]{1,8}", most in 1_usize..3) {
            let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let plain = slow_distance(&left, &right);
            prop_assert_eq!(edits(&left, &b, most), Some(plain).filter(|plain| *plain <= most));
        }

        #[test]
        fn a_token_is_cut_on_a_character_border(text in "\\PC{0,40}") {
            let token = Token::new(&text);
            prop_assert!(text.starts_with(token.text()));
            prop_assert!(token.text().len() <= TOKEN_BYTES);
        }
    }
}
