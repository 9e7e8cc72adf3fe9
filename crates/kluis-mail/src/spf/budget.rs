//! The ten look-ups that a record may cost: who takes how many, and what to do when they are nearly used up.

use std::collections::BTreeMap;

use kluis_model::Text;

use super::evaluate::{LOOKUPS_MAX, VOIDS_MAX};
use super::explain::{Explained, Word};
use super::trace::what_words;
use super::tree::What;
use crate::catalogue::{Kind, Sender};

/// From here on there is hardly room for another service.
pub const LOOKUPS_MANY: u32 = 8;
/// Advices at most; more would not be read.
const ADVICE_MAX: usize = 12;

/// What a record costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Look-ups of the worst message; at most [`LOOKUPS_MAX`] may be.
    pub lookups: u32,
    /// Look-ups that find nothing; at most [`VOIDS_MAX`] may be.
    pub voids: u32,
    /// Whether something in the record, or in one that it leads to, is wrong.
    pub is_wrong: bool,
    /// What each term costs that costs something, the dearest first.
    pub lines: Vec<Line>,
    /// What to do, the most urgent first; empty when nothing must be done.
    pub advice: Vec<Text>,
}

/// What one term costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The term as written.
    pub term: String,
    /// Whose servers it names.
    pub sender: Option<&'static Sender>,
    /// Look-ups, with everything that it leads to.
    pub lookups: u32,
    /// Look-ups that find nothing.
    pub voids: u32,
    /// IPv4 addresses that it lets in.
    pub v4_addresses: u64,
}

impl Budget {
    /// Whether receivers refuse to read the record to its end, or it is wrong.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.is_wrong || self.lookups > LOOKUPS_MAX || self.voids > VOIDS_MAX
    }
}

/// Counts what a record costs.
#[must_use]
pub fn budget(explained: &Explained) -> Budget {
    let mut words: Vec<&Word> = explained.words.iter().filter(|word| !word.is_dead).collect();
    if let [word] = words[..]
        && let Some(next) = &explained.redirect
        && word.target.as_deref() == Some(next.domain.as_str())
    {
        // A record that only refers to another: what that one costs says more.
        words.extend(next.words.iter().filter(|word| !word.is_dead));
    }
    let mut lines: Vec<Line> = words.iter().filter(|word| word.lookups > 0).map(|word| line(word)).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.lookups));
    let (lookups, voids) = (explained.tree.lookups, explained.tree.voids);
    let mut advice = advice(explained, &words, lookups);
    advice.truncate(ADVICE_MAX);
    let is_wrong = !explained.tree.problems.is_empty();
    Budget { lookups, voids, is_wrong, lines, advice }
}

fn line(word: &Word) -> Line {
    Line {
        term: word.text.clone(),
        sender: word.sender,
        lookups: word.lookups,
        voids: word.voids,
        v4_addresses: word.v4_addresses,
    }
}

fn advice(explained: &Explained, words: &[&Word], lookups: u32) -> Vec<Text> {
    let mut found = Vec::new();
    if lookups > LOOKUPS_MAX {
        let over = lookups - LOOKUPS_MAX;
        found.push(Text::new(
            format!("Ontvangers stoppen na {LOOKUPS_MAX} keer opzoeken en dan telt uw record niet. Er moet(en) er {over} weg."),
            format!("Receivers stop after {LOOKUPS_MAX} look-ups and then your record does not count. {over} must go."),
        ));
    }
    if explained.tree.voids > VOIDS_MAX {
        found.push(Text::new(
            format!(
                "Er wordt {} keer gezocht naar iets dat niet bestaat; na {VOIDS_MAX} stoppen ontvangers.",
                explained.tree.voids
            ),
            format!("{} look-ups find nothing; receivers stop after {VOIDS_MAX}.", explained.tree.voids),
        ));
    }
    for problem in &explained.tree.problems {
        let what = what_words(problem.what);
        // The term of a missing record names it; that of a mistake is only a word in it.
        let whose =
            if problem.what == What::NoRecord { String::new() } else { format!(" ({})", problem.domain) };
        found.push(Text::new(
            format!("{}{whose}: {}", problem.term, what.nl),
            format!("{}{whose}: {}", problem.term, what.en),
        ));
    }
    if (LOOKUPS_MANY..=LOOKUPS_MAX).contains(&lookups) {
        found.push(Text::new(
            "Er is bijna geen plaats meer: een nieuwe dienst, of een dienst die zijn lijst uitbreidt, kan er te veel aan zijn.",
            "There is hardly any room left: a new service, or one that extends its list, may be one too many.",
        ));
    }
    for domain in &explained.tree.ptr_at {
        found.push(Text::new(
            format!(
                "Haal ptr weg uit het record van {domain}: het is traag en veel ontvangers slaan het over."
            ),
            format!("Remove ptr from the record of {domain}: it is slow and many receivers skip it."),
        ));
    }
    found.extend(words.iter().filter_map(|word| useless(word)));
    found.extend(twice(explained));
    if lookups >= LOOKUPS_MANY {
        found.extend(words.iter().filter_map(|word| own_return_path(word)));
        found.extend(words.iter().filter_map(|word| as_address(word)));
    }
    if lookups > LOOKUPS_MAX {
        found.push(Text::new(
            format!("Als laatste redmiddel: klantkluis mail spf flatten {}", explained.domain),
            format!("As a last resort: klantkluis mail spf flatten {}", explained.domain),
        ));
    }
    found
}

/// A term that lets nobody in.
fn useless(word: &Word) -> Option<Text> {
    let is_empty = word.voids > 0 && word.networks.is_empty() && word.target.is_none();
    is_empty.then(|| {
        Text::new(
            format!("{} levert geen enkel adres op: haal dit weg.", word.text),
            format!("{} gives no address at all: remove it.", word.text),
        )
    })
}

/// Records that are led to more than once.
fn twice(explained: &Explained) -> Vec<Text> {
    let mut vias: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for branch in &explained.tree.branches {
        vias.entry(&branch.domain).or_default().push(&branch.via);
    }
    let own = explained.domain.as_str();
    let is_double = |(_, vias): &(&str, Vec<&str>)| vias.len() > 1 && vias.contains(&own);
    let text = |(domain, _)| {
        Text::new(
            format!("{domain} zit er al in via een andere lijst: include:{domain} kan weg."),
            format!("{domain} is in already through another list: include:{domain} can go."),
        )
    };
    vias.into_iter().filter(is_double).map(text).collect()
}

/// A service that can use an envelope sender of its own, for which the shop's record does not count.
fn own_return_path(word: &Word) -> Option<Text> {
    let sender = word
        .sender
        .filter(|sender| matches!(sender.kind, Kind::Newsletter | Kind::Relay | Kind::Helpdesk))?;
    let name = sender.name;
    Some(Text::new(
        format!(
            "Vraag {name} om een eigen Return-Path op een subdomein (bijvoorbeeld mail.uwwinkel.nl) met DKIM; dan kan {} weg.",
            word.text
        ),
        format!(
            "Ask {name} for a Return-Path of its own on a subdomain (such as mail.yourshop.nl) with DKIM; then {} can go.",
            word.text
        ),
    ))
}

/// An `a` or `mx` of few addresses, which `ip4` says without a look-up.
fn as_address(word: &Word) -> Option<Text> {
    let is_host = word.target.is_none() && word.lookups == 1 && (1..=4).contains(&word.networks.len());
    is_host.then(|| {
        let terms: Vec<String> = word.networks.iter().map(super::flatten::term).collect();
        let terms = terms.join(" ");
        Text::new(
            format!(
                "Zijn deze servers van u en blijft hun adres gelijk? Schrijf dan {terms} in plaats van {}.",
                word.text
            ),
            format!(
                "Are these servers yours and will their address stay? Then write {terms} instead of {}.",
                word.text
            ),
        )
    })
}
