//! DMARC: does mail that says it is from a domain really come from it, and what does the domain ask if not.
//!
//! RFC 9989 (2026, tree walk) and RFC 7489 (public suffix list) stand side by side; [`evaluate`] takes the generation.

mod discover;
mod record;

pub use discover::{At, Found, Generation, at, discover, organizational_domain, walk};
pub use record::{Alignment, Policy, Psd, Record, Remark, RemarkKind, ReportAddress, is_record, read};

use crate::dns::{Answer, Answers, Question, RecordKind};

/// Signatures that are looked at.
const SIGNATURES_MAX: usize = 16;

/// What was authenticated about a message.
#[derive(Debug, Clone, Copy)]
pub struct Authenticated<'a> {
    /// The domain of the From address.
    pub author: &'a str,
    /// The domain that SPF passed for.
    pub spf: Option<&'a str>,
    /// The domains (`d=`) of DKIM signatures that passed.
    pub dkim: &'a [&'a str],
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The domain has no record.
    NoRecord,
    /// Something aligned passed.
    Pass,
    /// Nothing aligned passed.
    Fail,
}

/// The verdict with what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Pass or fail.
    pub outcome: Outcome,
    /// The record and where it was found.
    pub found: Option<Found>,
    /// The organizational domain of the author.
    pub organization: String,
    /// Whether an aligned SPF passed.
    pub is_spf_aligned: bool,
    /// Whether an aligned DKIM signature passed.
    pub is_dkim_aligned: bool,
    /// What the domain asks for a message that fails, after `sp`, `np` and `t`.
    pub policy: Policy,
    /// Whether the author domain does not exist (decides about `np`).
    pub is_nonexistent: bool,
}

/// Judges a message.
///
/// # Errors
/// The question whose answer is needed; ask it, add the answer, and evaluate again.
pub fn evaluate(
    message: &Authenticated<'_>,
    generation: Generation,
    answers: &impl Answers,
) -> Result<Verdict, Question> {
    let author = message.author.trim_end_matches('.').to_ascii_lowercase();
    let (found, organization) = discover(&author, generation, answers)?;
    let (dkim_mode, spf_mode) =
        found.as_ref().map_or_else(Default::default, |found| (found.record.dkim, found.record.spf));
    let aligned = |domain: &str, mode: Alignment| -> Result<bool, Question> {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        if domain == author {
            return Ok(true);
        }
        Ok(mode == Alignment::Relaxed && organizational_domain(&domain, generation, answers)? == organization)
    };
    let is_spf_aligned = match message.spf {
        Some(domain) => aligned(domain, spf_mode)?,
        None => false,
    };
    let mut is_dkim_aligned = false;
    for domain in message.dkim.iter().take(SIGNATURES_MAX) {
        is_dkim_aligned |= aligned(domain, dkim_mode)?;
    }
    let mut is_nonexistent = false;
    let policy = match &found {
        None => Policy::None,
        Some(found) if found.domain == author => found.record.own(),
        Some(found) => {
            is_nonexistent = generation == Generation::TreeWalk && !exists(&author, answers)?;
            if is_nonexistent { found.record.absent() } else { found.record.below() }
        }
    };
    let is_test =
        generation == Generation::TreeWalk && found.as_ref().is_some_and(|found| found.record.is_test);
    let policy = if is_test { policy.in_test() } else { policy };
    let outcome = match (&found, is_spf_aligned || is_dkim_aligned) {
        (None, _) => Outcome::NoRecord,
        (Some(_), true) => Outcome::Pass,
        (Some(_), false) => Outcome::Fail,
    };
    Ok(Verdict { outcome, found, organization, is_spf_aligned, is_dkim_aligned, policy, is_nonexistent })
}

/// Whether a name exists: it has an address or an exchanger, or at least does not say NXDOMAIN (RFC 9989 §3.2.13).
fn exists(name: &str, answers: &impl Answers) -> Result<bool, Question> {
    for kind in [RecordKind::A, RecordKind::Aaaa, RecordKind::Mx] {
        let question = Question::new(name, kind);
        match answers.find(&question) {
            None => return Err(question),
            Some(Answer::NoSuchName) => return Ok(false),
            Some(Answer::Failed) => return Ok(true),
            Some(answer) if !answer.is_void() => return Ok(true),
            Some(_) => {}
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
