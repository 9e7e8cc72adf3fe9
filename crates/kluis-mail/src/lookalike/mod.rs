//! Names that look like the shop's: made from typing mistakes, letters that look or sound alike, other endings and words
//! that swindlers put beside a name; and how worrying one is, from what the DNS says about it.
//!
//! Nothing here asks anybody: [`permute`] makes names, [`see`] says which questions tell about one, [`score`] judges.

mod alphabets;
mod make;
mod score;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kluis_model::Lang;
use serde::{Deserialize, Serialize};

pub use score::{MxSeen, Score, Seen, SpfSeen, name_servers, score, see};

/// Names that are made at most.
pub const CANDIDATES_MAX: usize = 20_000;

/// How names are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Names at most, the most dangerous ones first.
    pub limit: usize,
    /// Whether names that a registry would refuse are made too.
    pub has_unlikely: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { limit: CANDIDATES_MAX, has_unlikely: false }
    }
}

/// A name that looks like the shop's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The domain, as A-labels in lower case.
    pub domain: String,
    /// As people see it.
    pub unicode: String,
    /// How it was made; the most dangerous first.
    pub kinds: BTreeSet<Kind>,
    /// Whether a registry could allow it.
    pub is_likely: bool,
}

/// How a name is made from the shop's, the most dangerous first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Another ending.
    Tld,
    /// A word before or after it.
    Word,
    /// A letter that looks like another.
    Homoglyph,
    /// A hyphen more or less.
    Hyphen,
    /// The ending or `www` as part of the name, or the name in front of another domain.
    Subdomain,
    /// Two letters swapped.
    Transposition,
    /// A letter left out.
    Omission,
    /// A letter twice, or once where it is twice.
    Repetition,
    /// Letters that sound the same: `ij` and `y`, `c` and `k`.
    Sound,
    /// The key beside the right one.
    Keyboard,
    /// Another vowel.
    Vowel,
    /// A letter too many.
    Insertion,
    /// One bit that fell over in memory or on the line.
    BitFlip,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Tld,
        Self::Word,
        Self::Homoglyph,
        Self::Hyphen,
        Self::Subdomain,
        Self::Transposition,
        Self::Omission,
        Self::Repetition,
        Self::Sound,
        Self::Keyboard,
        Self::Vowel,
        Self::Insertion,
        Self::BitFlip,
    ];

    /// How many names of this kind go in one turn.
    fn share(self) -> usize {
        match self {
            Self::Word => 10,
            Self::Tld | Self::Homoglyph => 6,
            Self::Hyphen | Self::Subdomain | Self::Transposition | Self::Omission => 3,
            Self::Repetition | Self::Sound | Self::Keyboard | Self::Vowel => 2,
            Self::Insertion | Self::BitFlip => 1,
        }
    }

    /// The words for people.
    #[must_use]
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Tld => lang.pick("ander einde", "another ending"),
            Self::Word => lang.pick("woord erbij", "a word added"),
            Self::Homoglyph => lang.pick("letter die erop lijkt", "a letter that looks alike"),
            Self::Hyphen => lang.pick("streepje", "hyphen"),
            Self::Subdomain => lang.pick("naam in een ander domein", "the name inside another domain"),
            Self::Transposition => lang.pick("letters verwisseld", "letters swapped"),
            Self::Omission => lang.pick("letter vergeten", "a letter left out"),
            Self::Repetition => lang.pick("letter dubbel", "a letter twice"),
            Self::Sound => lang.pick("klinkt hetzelfde", "sounds the same"),
            Self::Keyboard => lang.pick("toets ernaast", "the key beside it"),
            Self::Vowel => lang.pick("andere klinker", "another vowel"),
            Self::Insertion => lang.pick("letter te veel", "a letter too many"),
            Self::BitFlip => lang.pick("bitfout", "bit error"),
        }
    }
}

/// The registered domain that names are made from, as A-labels; `None` when the text is no domain.
#[must_use]
pub fn registered(domain: &str) -> Option<String> {
    make::Base::read(domain).map(|base| base.domain)
}

/// Makes names that look like a domain, each once, the most dangerous first; never the domain itself. A name below a
/// registered domain counts as that domain. Nothing when the text is no domain.
#[must_use]
pub fn permute(domain: &str, options: &Options) -> Vec<Candidate> {
    let Some(base) = make::Base::read(domain) else { return Vec::new() };
    let mut found: Vec<Candidate> = make::all(&base);
    found.retain(|candidate| candidate.is_likely || options.has_unlikely);
    let mut met: BTreeMap<Option<Kind>, usize> = BTreeMap::new();
    found.sort_by_cached_key(|candidate| {
        // The kinds take turns, so that a short run meets the best of each.
        let kind = candidate.kinds.first().copied();
        let number = met.entry(kind).or_default();
        *number += 1;
        (!candidate.is_likely, *number / kind.map_or(1, Kind::share), kind, *number)
    });
    found.truncate(options.limit.min(CANDIDATES_MAX));
    found
}
