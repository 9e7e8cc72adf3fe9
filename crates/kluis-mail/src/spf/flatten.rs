//! Writes a record without most of its look-ups: addresses in place of includes. It goes stale, so it has an expiry date
//! and can be checked against what the services publish by then.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use kluis_model::Text;
use serde::{Deserialize, Serialize};

use super::explain::{alone, name};
use super::record::{self, Mechanism, Qualifier, Version};
use super::trace;
use super::tree::{self, NETWORKS_MAX, Network, Tree};
use crate::dns::{Answers, Over, Question};

/// Bytes of one record, so that the answer fits in a UDP packet of 512 bytes (RFC 7208 §3.4).
pub const RECORD_BYTES_MAX: usize = 450;
/// Records that the addresses are spread over; each costs a look-up.
pub const PARTS_MAX: usize = 8;
/// Terms that a saved plan may have.
const TERMS_MAX: usize = 512;

/// A record written flat. Saved as JSON and checked again with [`changes`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flat {
    /// The domain.
    pub domain: String,
    /// The record that it was made from.
    pub source: String,
    /// What to publish: the domain's own record first.
    pub records: Vec<FlatRecord>,
    /// Terms that were replaced, with what they let in.
    pub replaced: Vec<Replaced>,
    /// Terms that stay as they are.
    pub kept: Vec<Kept>,
    /// Look-ups of the source.
    pub lookups_before: u32,
    /// Look-ups of what is proposed.
    pub lookups_after: u32,
    /// When it was made, seconds since 1970.
    pub made_s: i64,
    /// From when on it may not be trusted, seconds since 1970.
    pub expires_s: i64,
}

/// A record to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlatRecord {
    /// Its name.
    pub name: String,
    /// Its text, at most [`RECORD_BYTES_MAX`] bytes unless its kept terms are longer.
    pub text: String,
}

/// A term that was replaced by addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// As written.
    pub term: String,
    /// Look-ups that it cost.
    pub lookups: u32,
    /// Networks that it lets in, such as `192.0.2.0/24`, merged and sorted.
    pub networks: Vec<String>,
}

/// A term that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// As written.
    pub term: String,
    /// Why.
    pub why: Why,
}

/// Why a term is not replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It costs nothing.
    Free,
    /// It was asked to be kept.
    Asked,
    /// It depends on the message (`exists`, `ptr`, a macro).
    Macros,
    /// It takes addresses out again.
    Exceptions,
    /// Not everything behind it could be seen, or something behind it is wrong.
    NotWhole,
    /// It lets everybody in.
    Everybody,
}

impl Why {
    /// The reason for people.
    #[must_use]
    pub fn words(self) -> Text {
        match self {
            Self::Free => Text::new("kost niets", "costs nothing"),
            Self::Asked => Text::new("u wilt het houden", "you want to keep it"),
            Self::Macros => Text::new("hangt van het bericht af", "depends on the message"),
            Self::Exceptions => Text::new("bevat uitzonderingen", "has exceptions"),
            Self::NotWhole => Text::new(
                "niet alles erachter was te zien of in orde",
                "not everything behind it was seen or in order",
            ),
            Self::Everybody => Text::new("laat iedereen toe", "lets everybody in"),
        }
    }
}

/// Why a record cannot be written flat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlatProblem {
    /// There is not exactly one record.
    #[error("{0} SPF records instead of one")]
    Records(usize),
    /// The record cannot be read.
    #[error("{0}")]
    Record(record::RecordError),
    /// A term takes addresses out again, so that the order of all terms matters.
    #[error("{0} is an exception")]
    Exception(String),
    /// Nothing in it costs a look-up that could be saved.
    #[error("nothing to replace")]
    Nothing,
    /// The addresses need more than [`PARTS_MAX`] records.
    #[error("too many networks: {0}")]
    TooLarge(usize),
}

/// How to write it.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Targets of includes that stay, in lower case.
    pub keep: &'a [String],
    /// Now, seconds since 1970.
    pub now_s: i64,
    /// How long it may be trusted, in seconds.
    pub lifetime_s: i64,
}

/// Writes the record of a domain flat.
///
/// # Errors
/// Questions whose answers are needed.
pub fn flatten(
    domain: &str,
    wish: &Wish<'_>,
    answers: &impl Answers,
) -> Result<Result<Flat, FlatProblem>, Vec<Question>> {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let is_spf = |text: &&Vec<u8>| matches!(record::version(text), Some((Version::Spf1, _)));
    let texts: Vec<&Vec<u8>> = trace::texts(&domain, answers)?.iter().filter(is_spf).collect();
    let [text] = texts[..] else { return Ok(Err(FlatProblem::Records(texts.len()))) };
    let parts = match parts(&domain, text, wish.keep, answers)? {
        Ok(parts) => parts,
        Err(problem) => return Ok(Err(problem)),
    };
    if parts.replaced.is_empty() {
        return Ok(Err(FlatProblem::Nothing));
    }
    let networks = merge(parts.networks.iter().copied());
    let Some(records) = records(&domain, &parts, &networks) else {
        return Ok(Err(FlatProblem::TooLarge(networks.len())));
    };
    let lookups_after =
        parts.kept_lookups.saturating_add(u32::try_from(records.len() - 1).unwrap_or(u32::MAX));
    Ok(Ok(Flat {
        source: String::from_utf8_lossy(text).into_owned(),
        lookups_before: parts.lookups,
        lookups_after,
        replaced: parts.replaced,
        kept: parts.kept,
        records,
        domain,
        made_s: wish.now_s,
        expires_s: wish.now_s.saturating_add(wish.lifetime_s),
    }))
}

/// Writes a flat record again, from the record that it was made from and what stands behind that now; what was asked to
/// be kept is kept. The wish's own list is not looked at.
///
/// # Errors
/// Questions whose answers are needed.
pub fn again(
    flat: &Flat,
    wish: &Wish<'_>,
    answers: &impl Answers,
) -> Result<Result<Flat, FlatProblem>, Vec<Question>> {
    let asked = flat.kept.iter().filter(|kept| kept.why == Why::Asked);
    let target =
        |term: &str| term.split_once(':').map(|(_, name)| name.trim_end_matches('.').to_ascii_lowercase());
    let keep: Vec<String> = asked.filter_map(|kept| target(&kept.term)).collect();
    let wish = Wish { keep: &keep, ..*wish };
    let source = alone(&flat.domain, &flat.source);
    flatten(&flat.domain, &wish, &Over { over: &source, rest: answers })
}

/// What changed behind one replaced term since a flat record was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The term.
    pub term: String,
    /// Networks that it lets in now and did not then: their mail fails until the record is written again.
    pub added: Vec<String>,
    /// Networks that it let in then and does not now: strangers may get them.
    pub gone: Vec<String>,
    /// Whether what stands behind it can no longer be replaced by addresses.
    pub is_unclear: bool,
}

/// Compares a flat record with what the services publish now; empty when nothing changed.
///
/// # Errors
/// Questions whose answers are needed.
pub fn changes(flat: &Flat, answers: &impl Answers) -> Result<Vec<Change>, Vec<Question>> {
    let mut changes = Vec::new();
    let mut missing = BTreeSet::new();
    for replaced in flat.replaced.iter().take(TERMS_MAX) {
        let alone = alone(&flat.domain, &format!("v=spf1 {}", replaced.term));
        let alone = Over { over: &alone, rest: answers };
        let tree = match tree::walk(&flat.domain, &alone) {
            Ok(tree) => tree,
            Err(questions) => {
                missing.extend(questions);
                continue;
            }
        };
        let is_unclear = obstacle(&tree).is_some();
        let now: BTreeSet<String> =
            merge(tree.networks.iter().map(|network| (network.address, network.bits)))
                .iter()
                .map(shown)
                .collect();
        let then: BTreeSet<String> = replaced.networks.iter().cloned().collect();
        if is_unclear || now != then {
            changes.push(Change {
                term: replaced.term.clone(),
                added: now.difference(&then).cloned().collect(),
                gone: then.difference(&now).cloned().collect(),
                is_unclear,
            });
        }
    }
    if missing.is_empty() { Ok(changes) } else { Err(missing.into_iter().collect()) }
}

/// The term for a network: `ip4:192.0.2.1`, `ip6:2001:db8::/32`.
#[must_use]
pub fn term(network: &Network) -> String {
    term_of(&(network.address, network.bits))
}

/// An address and its prefix length.
type Net = (IpAddr, u8);

fn term_of((address, bits): &Net) -> String {
    let (name, all) = if address.is_ipv4() { ("ip4", 32) } else { ("ip6", 128) };
    if *bits == all { format!("{name}:{address}") } else { format!("{name}:{address}/{bits}") }
}

fn shown((address, bits): &Net) -> String {
    format!("{address}/{bits}")
}

/// A record taken apart.
struct Parts {
    lookups: u32,
    kept_lookups: u32,
    kept: Vec<Kept>,
    replaced: Vec<Replaced>,
    networks: Vec<Net>,
    /// The last word: `-all`, `redirect=…`, or nothing.
    end: Option<String>,
    /// `exp=…` and what is not known.
    more: Vec<String>,
}

fn parts(
    domain: &str,
    text: &[u8],
    keep: &[String],
    answers: &impl Answers,
) -> Result<Result<Parts, FlatProblem>, Vec<Question>> {
    let record = match record::read(text) {
        Ok(record) => record,
        Err(error) => return Ok(Err(FlatProblem::Record(error))),
    };
    let shown = String::from_utf8_lossy(text).into_owned();
    let mut missing = BTreeSet::new();
    let mut parts = Parts {
        lookups: 0,
        kept_lookups: 0,
        kept: Vec::new(),
        replaced: Vec::new(),
        networks: Vec::new(),
        end: None,
        more: Vec::new(),
    };
    for directive in &record.directives {
        let term = &shown[directive.span.clone()];
        if directive.mechanism == Mechanism::All {
            parts.end = Some(term.to_owned());
            break;
        }
        let asked = match &directive.mechanism {
            Mechanism::Include(target) => {
                name(target).filter(|target| keep.contains(target)).map(|_| Why::Asked)
            }
            Mechanism::Ip4(..) | Mechanism::Ip6(..) => Some(Why::Free),
            _ => None,
        };
        if directive.qualifier != Qualifier::Pass {
            return Ok(Err(FlatProblem::Exception(term.to_owned())));
        }
        let alone = alone(domain, &format!("v=spf1 {term}"));
        match tree::walk(domain, &Over { over: &alone, rest: answers }) {
            Ok(tree) => parts.add(term, &tree, asked),
            Err(questions) => missing.extend(questions),
        }
    }
    if let (None, Some((_, span))) = (&parts.end, &record.redirect) {
        let term = &shown[span.clone()];
        let alone = alone(domain, &format!("v=spf1 {term}"));
        match tree::walk(domain, &Over { over: &alone, rest: answers }) {
            Ok(tree) if obstacle(&tree).is_none() && tree.all.is_some() => {
                let all = match tree.all {
                    Some(Qualifier::Fail) => "-all",
                    Some(Qualifier::SoftFail) => "~all",
                    _ => "?all",
                };
                parts.end = Some(all.to_owned());
                parts.add(term, &tree, None);
            }
            Ok(tree) => {
                parts.end = Some(term.to_owned());
                parts.add(term, &tree, Some(obstacle(&tree).unwrap_or(Why::NotWhole)));
            }
            Err(questions) => missing.extend(questions),
        }
    }
    let spans = record.directives.iter().map(|directive| directive.span.clone());
    let spans: Vec<_> = spans.chain(record.redirect.iter().map(|(_, span)| span.clone())).collect();
    let mut at = 0;
    for word in shown.split(' ') {
        let start = at;
        at += word.len() + 1;
        if start > 0 && !word.is_empty() && !spans.iter().any(|span| span.start == start) {
            parts.more.push(word.to_owned());
        }
    }
    if missing.is_empty() { Ok(Ok(parts)) } else { Err(missing.into_iter().collect()) }
}

impl Parts {
    /// Puts a term where it belongs.
    fn add(&mut self, term: &str, tree: &Tree, asked: Option<Why>) {
        self.lookups = self.lookups.saturating_add(tree.lookups);
        let networks = merge(tree.networks.iter().map(|network| (network.address, network.bits)));
        match asked.or_else(|| obstacle(tree)) {
            Some(why) => {
                self.kept_lookups = self.kept_lookups.saturating_add(tree.lookups);
                self.kept.push(Kept { term: term.to_owned(), why });
            }
            None => {
                self.networks.extend(&networks);
                self.replaced.push(Replaced {
                    term: term.to_owned(),
                    lookups: tree.lookups,
                    networks: networks.iter().map(shown).collect(),
                });
            }
        }
    }
}

/// What keeps a term from being replaced by its addresses.
fn obstacle(tree: &Tree) -> Option<Why> {
    if tree.has_macros {
        return Some(Why::Macros);
    }
    if tree.has_exceptions {
        return Some(Why::Exceptions);
    }
    if !tree.is_whole || !tree.problems.is_empty() || tree.networks.len() >= NETWORKS_MAX {
        return Some(Why::NotWhole);
    }
    tree.networks.iter().any(|network| network.bits == 0).then_some(Why::Everybody)
}

/// The records to publish; `None` when they are too many.
fn records(domain: &str, parts: &Parts, networks: &[Net]) -> Option<Vec<FlatRecord>> {
    let kept =
        parts.kept.iter().map(|kept| kept.term.clone()).filter(|term| Some(term) != parts.end.as_ref());
    let kept: Vec<String> = kept.collect();
    let terms: Vec<String> = networks.iter().map(term_of).collect();
    let whole = |middle: &[String]| {
        let words =
            ["v=spf1".to_owned()].into_iter().chain(kept.iter().cloned()).chain(middle.iter().cloned());
        let words = words.chain(parts.end.clone()).chain(parts.more.iter().cloned());
        words.collect::<Vec<_>>().join(" ")
    };
    let own = |text: String| FlatRecord { name: domain.to_owned(), text };
    if whole(&terms).len() <= RECORD_BYTES_MAX {
        return Some(vec![own(whole(&terms))]);
    }
    // The addresses go into records of their own: a list that says nothing about what it does not name.
    let mut lists: Vec<String> = Vec::new();
    for term in &terms {
        let has_room = |list: &String| list.len() + 1 + term.len() + " ?all".len() <= RECORD_BYTES_MAX;
        match lists.last_mut().filter(|list| has_room(list)) {
            Some(list) => {
                list.push(' ');
                list.push_str(term);
            }
            None => lists.push(format!("v=spf1 {term}")),
        }
    }
    if lists.len() > PARTS_MAX {
        return None;
    }
    let names: Vec<String> = (1..=lists.len()).map(|number| format!("_spf{number}.{domain}")).collect();
    let includes: Vec<String> = names.iter().map(|name| format!("include:{name}")).collect();
    let below =
        names.into_iter().zip(lists).map(|(name, list)| FlatRecord { name, text: format!("{list} ?all") });
    Some(std::iter::once(own(whole(&includes))).chain(below).collect())
}

/// Networks without those inside others, neighbours that make a whole one merged, sorted.
fn merge(networks: impl Iterator<Item = Net>) -> Vec<Net> {
    let mut found: BTreeSet<(u8, u128, u8)> = BTreeSet::new();
    for (address, bits) in networks {
        // Both families as 128 bits, the address at the top, so that one rule does for both.
        let (family, value, all) = match address {
            IpAddr::V4(v4) => (4, u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (6, v6.to_bits(), 128),
        };
        let bits = bits.min(all);
        found.insert((family, value & mask(bits), bits));
    }
    // Sorted by address and then by prefix, a network stands before all inside it.
    let mut merged: Vec<(u8, u128, u8)> = Vec::new();
    for (family, value, bits) in found {
        let is_inside =
            merged.last().is_some_and(|(f, v, b)| *f == family && *b <= bits && value & mask(*b) == *v);
        if is_inside {
            continue;
        }
        merged.push((family, value, bits));
        while let [.., (f, v, b), (family, value, bits)] = merged[..] {
            let is_pair =
                f == family && b == bits && bits > 0 && v & mask(bits - 1) == value & mask(bits - 1);
            if !is_pair {
                break;
            }
            merged.truncate(merged.len() - 2);
            merged.push((f, v, b - 1));
        }
    }
    let back = |(family, value, bits): (u8, u128, u8)| {
        // Invariant: the value of IPv4 has only its 32 upper bits.
        let v4 = || Ipv4Addr::from_bits(u32::try_from(value >> 96).unwrap_or_default());
        (if family == 4 { IpAddr::V4(v4()) } else { IpAddr::V6(Ipv6Addr::from_bits(value)) }, bits)
    };
    merged.into_iter().map(back).collect()
}

/// The first so many bits of 128.
fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0)
}
