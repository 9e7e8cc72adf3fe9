//! Explains an SPF record word for word: what each term lets in, what it costs, and whose servers it names.

use core::net::IpAddr;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use kluis_model::Text;

use super::macros::MacroText;
use super::record::{self, Mechanism, Qualifier, Record, RecordError, Version};
use super::trace;
use super::tree::{self, Network, Tree};
use crate::catalogue::{self, Sender};
use crate::dns::{Answer, Answers, Over, Question, RecordKind};

/// Records behind `redirect` that are explained too.
const REDIRECTS_MAX: usize = 5;

/// A domain's record, explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The domain.
    pub domain: String,
    /// Its SPF records; there should be one.
    pub records: Vec<String>,
    /// Why the record cannot be read, and where.
    pub error: Option<RecordError>,
    /// Its words in order.
    pub words: Vec<Word>,
    /// Everything that it leads to.
    pub tree: Tree,
    /// The record behind `redirect`, when it has one.
    pub redirect: Option<Box<Self>>,
}

/// One term of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// As written.
    pub text: String,
    /// Bytes of the record.
    pub span: Range<usize>,
    /// What it means.
    pub meaning: Text,
    /// The domain of an `include` or `redirect`, in lower case, when it is no macro.
    pub target: Option<String>,
    /// Look-ups, with everything that it leads to.
    pub lookups: u32,
    /// Look-ups that find nothing for any client.
    pub voids: u32,
    /// IPv4 addresses that it lets in.
    pub v4_addresses: u64,
    /// Networks that it lets in, at most [`tree::NETWORKS_MAX`].
    pub networks: Vec<Network>,
    /// Whose servers it names.
    pub sender: Option<&'static Sender>,
    /// Whether it stands behind `all`, where nothing is read any more.
    pub is_dead: bool,
}

/// Explains the record of a domain.
///
/// # Errors
/// Questions whose answers are needed; see [`tree::walk`].
pub fn explain(domain: &str, answers: &impl Answers) -> Result<Explained, Vec<Question>> {
    one(&domain.trim_end_matches('.').to_ascii_lowercase(), answers, REDIRECTS_MAX)
}

fn one(domain: &str, answers: &impl Answers, redirects: usize) -> Result<Explained, Vec<Question>> {
    let tree = tree::walk(domain, answers)?;
    let is_spf = |text: &&Vec<u8>| matches!(record::version(text), Some((Version::Spf1, _)));
    let texts: Vec<&Vec<u8>> = trace::texts(domain, answers)?.iter().filter(is_spf).collect();
    let records = texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    let mut found = Explained {
        domain: domain.to_owned(),
        records,
        error: None,
        words: Vec::new(),
        tree,
        redirect: None,
    };
    let [text] = texts[..] else { return Ok(found) };
    let record = match record::read(text) {
        Ok(record) => record,
        Err(error) => {
            found.error = Some(error);
            return Ok(found);
        }
    };
    let mut missing = BTreeSet::new();
    for (term, span) in terms(&String::from_utf8_lossy(text)) {
        match word(domain, &record, (term, span), answers) {
            Ok(word) => found.words.push(word),
            Err(questions) => missing.extend(questions),
        }
    }
    if !missing.is_empty() {
        return Err(missing.into_iter().collect());
    }
    let all = record.directives.iter().find(|directive| directive.mechanism == Mechanism::All);
    for word in &mut found.words {
        // `redirect` does not count beside `all` either (RFC 7208 §6.1), wherever it stands.
        let is_after = all.is_some_and(|all| word.span.start > all.span.start);
        let is_redirect = record.redirect.as_ref().is_some_and(|(_, span)| *span == word.span);
        word.is_dead = (is_after || (is_redirect && all.is_some())) && !word.text.starts_with("exp=");
    }
    let next = record.redirect.as_ref().filter(|_| all.is_none() && redirects > 0);
    if let Some(next) = next.and_then(|(target, _)| name(target)).filter(|next| next != domain) {
        found.redirect = Some(Box::new(one(&next, answers, redirects - 1)?));
    }
    Ok(found)
}

/// Words after the version, with their places.
fn terms(text: &str) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    for term in text.split(' ') {
        found.push((term, at..at + term.len()));
        at += term.len() + 1;
    }
    found.into_iter().skip(1).filter(|(term, _)| !term.is_empty()).collect()
}

fn word(
    domain: &str,
    record: &Record,
    (text, span): (&str, Range<usize>),
    answers: &impl Answers,
) -> Result<Word, Vec<Question>> {
    let directive = record.directives.iter().find(|directive| directive.span == span);
    let is =
        |modifier: &Option<(MacroText, Range<usize>)>| modifier.as_ref().is_some_and(|(_, at)| *at == span);
    let (meaning, target) = match (directive, &record.redirect, &record.explanation) {
        (Some(directive), ..) => {
            let target = match &directive.mechanism {
                Mechanism::Include(target) => name(target),
                _ => None,
            };
            (mechanism_words(&directive.mechanism, directive.qualifier, domain), target)
        }
        (None, Some((target, _)), _) if is(&record.redirect) => {
            let shown = shown(target);
            let meaning = Text::new(
                format!("verder geldt de lijst van {shown}"),
                format!("apart from that, the list of {shown} counts"),
            );
            (meaning, name(target))
        }
        (None, _, Some((target, _))) if is(&record.explanation) => {
            let shown = shown(target);
            let meaning = Text::new(
                format!("de uitleg bij een weigering staat op {shown}"),
                format!("the explanation of a refusal stands at {shown}"),
            );
            (meaning, None)
        }
        _ => (
            Text::new("onbekend; ontvangers slaan dit woord over", "unknown; receivers skip this word"),
            None,
        ),
    };
    let alone = alone(domain, &format!("v=spf1 {text}"));
    let alone = Over { over: &alone, rest: answers };
    let tree = tree::walk(domain, &alone)?;
    Ok(Word {
        text: text.to_owned(),
        span,
        meaning,
        sender: target.as_deref().and_then(catalogue::by_spf),
        target,
        lookups: tree.lookups,
        voids: tree.voids,
        v4_addresses: tree.v4_addresses,
        networks: tree.networks,
        is_dead: false,
    })
}

/// Answers in which a domain has this record only, to be laid over the others: a part of it is looked at alone.
pub(super) fn alone(domain: &str, record: &str) -> HashMap<Question, Answer> {
    let answer = Answer::Txt(vec![record.as_bytes().to_vec()]);
    HashMap::from([(Question::new(domain, RecordKind::Txt), answer)])
}

/// The domain of a target that is no macro, in lower case.
pub(super) fn name(target: &MacroText) -> Option<String> {
    target.literal().map(|name| name.trim_end_matches('.').to_ascii_lowercase())
}

fn shown(target: &MacroText) -> String {
    name(target).unwrap_or_else(|| "…".to_owned())
}

/// What a mechanism with its qualifier means.
fn mechanism_words(mechanism: &Mechanism, qualifier: Qualifier, domain: &str) -> Text {
    let or_own = |target: &Option<MacroText>| target.as_ref().map_or_else(|| domain.to_owned(), shown);
    let who = match mechanism {
        Mechanism::All => return all_words(qualifier),
        Mechanism::Ip4(net, bits) => network_words(IpAddr::V4(*net), *bits, 32),
        Mechanism::Ip6(net, bits) => network_words(IpAddr::V6(*net), *bits, 128),
        Mechanism::Include(target) => {
            let at = shown(target);
            match catalogue::by_spf(&at) {
                Some(sender) => {
                    let name = sender.name;
                    Text::new(format!("de servers van {name}"), format!("the servers of {name}"))
                }
                None => Text::new(
                    format!("de servers in de lijst van {at}"),
                    format!("the servers in the list of {at}"),
                ),
            }
        }
        Mechanism::A(target, _) => {
            let at = or_own(target);
            Text::new(format!("de server waar {at} op staat"), format!("the server that {at} is on"))
        }
        Mechanism::Mx(target, _) => {
            let at = or_own(target);
            Text::new(
                format!("de servers die mail voor {at} aannemen"),
                format!("the servers that take mail for {at}"),
            )
        }
        Mechanism::Ptr(target) => {
            let at = or_own(target);
            Text::new(
                format!("servers met een naam onder {at} (traag en afgeraden: haal dit weg)"),
                format!("servers with a name below {at} (slow and advised against: remove it)"),
            )
        }
        Mechanism::Exists(target) => {
            let at = shown(target);
            Text::new(
                format!("adressen waar {at} per bericht ja op zegt"),
                format!("addresses that {at} says yes to for each message"),
            )
        }
    };
    let (nl, en) = match qualifier {
        Qualifier::Pass => ("toegestaan", "allowed"),
        Qualifier::Fail => ("NIET toegestaan", "NOT allowed"),
        Qualifier::SoftFail => ("verdacht", "suspect"),
        Qualifier::Neutral => ("geen oordeel", "no judgement"),
    };
    Text::new(format!("{}: {nl}", who.nl), format!("{}: {en}", who.en))
}

fn all_words(qualifier: Qualifier) -> Text {
    match qualifier {
        Qualifier::Fail => Text::new(
            "alle andere adressen mogen NIET namens u mailen",
            "all other addresses may NOT mail for you",
        ),
        Qualifier::SoftFail => Text::new(
            "alle andere adressen zijn verdacht; met DMARC erbij is dat streng genoeg",
            "all other addresses are suspect; together with DMARC that is strict enough",
        ),
        Qualifier::Neutral => Text::new(
            "over alle andere adressen zegt u niets; dat beschermt u niet",
            "you say nothing about all other addresses; that does not protect you",
        ),
        Qualifier::Pass => Text::new(
            "IEDEREEN mag namens u mailen; haal dit weg en zet er -all neer",
            "ANYBODY may mail for you; remove this and write -all",
        ),
    }
}

fn network_words(address: IpAddr, bits: u8, all: u8) -> Text {
    match all - bits.min(all) {
        0 => Text::new(format!("het adres {address}"), format!("the address {address}")),
        // IPv4: a number says more than a prefix.
        rest if all == 32 => {
            let count = 1_u64 << rest;
            Text::new(
                format!("de {count} adressen {address}/{bits}"),
                format!("the {count} addresses {address}/{bits}"),
            )
        }
        _ => Text::new(format!("het netwerk {address}/{bits}"), format!("the network {address}/{bits}")),
    }
}
