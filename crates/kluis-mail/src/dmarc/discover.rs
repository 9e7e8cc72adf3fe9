//! Finds the record and the organizational domain: by the tree walk of RFC 9989 §4.10, or by the public suffix list of
//! RFC 7489 §3.2, side by side.

use super::record::{self, Psd, Record};
use crate::dns::{Answer, Answers, Question, RecordKind};

/// Queries of one tree walk (RFC 9989 §4.10).
const QUERIES_MAX: usize = 8;

/// Which generation of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// RFC 9989: tree walk.
    TreeWalk,
    /// RFC 7489: public suffix list.
    SuffixList,
}

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The name without `_dmarc.`.
    pub domain: String,
    /// The record.
    pub record: Record,
}

/// What the DNS says at one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// No record.
    Nothing,
    /// Several records, which all count for nothing.
    Several,
    /// The DNS did not answer.
    Failed,
    /// One.
    One(Box<Record>),
}

/// The record at `_dmarc.` of a name.
///
/// # Errors
/// The question whose answer is needed.
pub fn at(name: &str, answers: &impl Answers) -> Result<At, Question> {
    let question = Question::new(&format!("_dmarc.{name}"), RecordKind::Txt);
    let texts = match answers.find(&question) {
        None => return Err(question),
        Some(Answer::Failed) => return Ok(At::Failed),
        Some(Answer::Txt(texts)) => texts,
        Some(_) => return Ok(At::Nothing),
    };
    let mut records = texts.iter().filter(|text| record::is_record(text));
    match (records.next(), records.next()) {
        (None, _) => Ok(At::Nothing),
        (Some(_), Some(_)) => Ok(At::Several),
        (Some(text), None) => Ok(record::read(text).map_or(At::Nothing, |record| At::One(Box::new(record)))),
    }
}

/// The names of a tree walk from a domain, the domain first (RFC 9989 §4.10: with more than eight labels, the walk
/// jumps to the last seven).
#[must_use]
pub fn walk(domain: &str) -> Vec<String> {
    let labels: Vec<&str> = domain.trim_end_matches('.').split('.').collect();
    let mut names = vec![labels.join(".")];
    let from = if labels.len() > QUERIES_MAX { labels.len() - (QUERIES_MAX - 1) } else { 1 };
    names.extend((from..labels.len()).map(|at| labels[at..].join(".")));
    names.truncate(QUERIES_MAX);
    names
}

/// The organizational domain of a domain.
///
/// # Errors
/// The question whose answer is needed (tree walk only).
pub fn organizational_domain(
    domain: &str,
    generation: Generation,
    answers: &impl Answers,
) -> Result<String, Question> {
    match generation {
        Generation::SuffixList => Ok(by_suffix_list(domain)),
        Generation::TreeWalk => Ok(by_walk(domain, answers)?.0),
    }
}

/// The record that holds for an author domain, and its organizational domain.
///
/// # Errors
/// The question whose answer is needed.
pub fn discover(
    author: &str,
    generation: Generation,
    answers: &impl Answers,
) -> Result<(Option<Found>, String), Question> {
    let author = author.trim_end_matches('.').to_ascii_lowercase();
    let own = at(&author, answers)?;
    let organization = match generation {
        Generation::SuffixList => by_suffix_list(&author),
        Generation::TreeWalk => by_walk(&author, answers)?.0,
    };
    if let At::One(record) = own {
        return Ok((Some(Found { domain: author, record: *record }), organization));
    }
    if organization != author
        && let At::One(record) = at(&organization, answers)?
    {
        return Ok((Some(Found { domain: organization.clone(), record: *record }), organization));
    }
    if generation == Generation::TreeWalk {
        // No record at the organizational domain: a public suffix operator's may hold (RFC 9989 §4.10.1).
        if let Some(found) = by_walk(&author, answers)?.1 {
            return Ok((Some(found), organization));
        }
    }
    Ok((None, organization))
}

/// The organizational domain by the tree walk (RFC 9989 §4.10.2), and the record of a public suffix above it.
fn by_walk(domain: &str, answers: &impl Answers) -> Result<(String, Option<Found>), Question> {
    let names = walk(domain);
    let mut found: Vec<(usize, Box<Record>)> = Vec::new();
    for (number, name) in names.iter().enumerate() {
        if let At::One(record) = at(name, answers)? {
            let psd = record.psd;
            found.push((number, record));
            if psd == Psd::No || (psd == Psd::Yes && number > 0) {
                break;
            }
        }
    }
    let Some((number, record)) = found.last() else { return Ok((names[0].clone(), None)) };
    match record.psd {
        Psd::Yes if *number > 0 => {
            let labels: Vec<&str> = domain.split('.').collect();
            let suffix_labels = names[*number].split('.').count();
            let organization = labels[labels.len() - suffix_labels - 1..].join(".");
            let above = Found { domain: names[*number].clone(), record: (**record).clone() };
            Ok((organization, Some(above)))
        }
        _ => Ok((names[*number].clone(), None)),
    }
}

/// The registrable domain (public suffix list), or the domain itself when it is a suffix.
fn by_suffix_list(domain: &str) -> String {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    psl::domain_str(&domain).map_or(domain.clone(), str::to_owned)
}
