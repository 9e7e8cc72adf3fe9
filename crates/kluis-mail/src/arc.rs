//! Evaluates an ARC chain (RFC 8617 §5.2) as information: what forwarders say that they saw. ARC is on its way to
//! historic; nothing here seals, and a chain proves only what its sealers are worth.

use kluis_crypto::mail::{MailHash, MailHashKind};

use crate::dkim::canon::{self, BodyHash, Canon};
use crate::dkim::signature::{self, Algorithm, Form, Signature, SignatureProblem};
use crate::dkim::{Reason, find_key, header_digest};
use crate::dns::{Answers, Question};
use crate::message::{Field, Message};

/// Sets of one message (RFC 8617 §4.2.1).
pub const SETS_MAX: u32 = 50;
/// Message signatures under the newest that are checked too.
const OLDER_MAX: usize = 4;

/// The state of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainResult {
    /// There is no ARC.
    None,
    /// Every seal holds, and the newest message signature.
    Pass,
    /// Something does not hold.
    Fail,
    /// The DNS did not answer, so that nobody knows.
    TempError,
}

impl ChainResult {
    /// The word of RFC 8601 §2.7 and RFC 8617 §8.3.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::TempError => "temperror",
        }
    }
}

/// Why a chain fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainProblem {
    /// A field without an instance from 1 to 50, or one that cannot be read.
    Malformed {
        /// The name of the field.
        name: &'static str,
        /// Why, when it is a signature.
        problem: Option<SignatureProblem>,
    },
    /// A set lacks a field or has one twice, or a number is left out.
    Structure {
        /// Which set.
        instance: u32,
    },
    /// `cv=` is not what it must be at this place.
    ChainValue {
        /// Which set.
        instance: u32,
        /// What it says.
        value: String,
    },
    /// A message signature covers a seal (RFC 8617 §4.1.2).
    CoversSeal {
        /// Which set.
        instance: u32,
    },
    /// There is no usable key.
    Key {
        /// Which set.
        instance: u32,
        /// Why not.
        reason: Reason,
    },
    /// The newest message signature does not match: the message was changed after the last forwarder.
    MessageChanged {
        /// Which set.
        instance: u32,
    },
    /// A seal does not match.
    SealBroken {
        /// Which set.
        instance: u32,
    },
}

/// One forwarder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its number, from 1 for the first forwarder.
    pub instance: u32,
    /// Who sealed it (`d=`).
    pub domain: String,
    /// The selector of the seal.
    pub selector: String,
    /// What it says that it saw, from ARC-Authentication-Results, without the instance.
    pub results: String,
    /// Whether its message signature still matches; `None` when it was not checked.
    pub is_message_intact: Option<bool>,
}

/// A chain, evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its state.
    pub result: ChainResult,
    /// Why it fails.
    pub problem: Option<ChainProblem>,
    /// The forwarders, first to last; empty when the fields make no sets.
    pub sets: Vec<Set>,
    /// The lowest set from which on the message is unchanged.
    pub oldest_intact: Option<u32>,
}

struct Link<'a> {
    results: Field<'a>,
    message: (usize, Field<'a>, Signature),
    seal: (Field<'a>, Signature),
}

const RESULTS: &str = "ARC-Authentication-Results";
const MESSAGE: &str = "ARC-Message-Signature";
const SEAL: &str = "ARC-Seal";

/// Evaluates the chain of a message.
///
/// # Errors
/// The question whose answer is needed; nothing is hashed before all answers are there.
pub fn evaluate(message: &Message<'_>, answers: &impl Answers) -> Result<Chain, Question> {
    let mut chain = Chain { result: ChainResult::Fail, problem: None, sets: Vec::new(), oldest_intact: None };
    let links = match links(message) {
        Ok(links) if links.is_empty() => return Ok(Chain { result: ChainResult::None, ..chain }),
        Ok(links) => links,
        Err(problem) => return Ok(Chain { problem: Some(problem), ..chain }),
    };
    chain.sets = links.iter().zip(1..).map(|(link, instance)| set(link, instance)).collect();
    if let Some(problem) = chain_values(&links) {
        return Ok(Chain { problem: Some(problem), ..chain });
    }
    for signature in links.iter().flat_map(|link| [&link.seal.1, &link.message.2]) {
        let question = signature.question();
        if answers.find(&question).is_none() {
            return Err(question);
        }
    }
    let outcome = messages(message, &links, answers, &mut chain).and_then(|()| seals(&links, answers));
    match outcome {
        Ok(()) => chain.result = ChainResult::Pass,
        Err(problem) => {
            if matches!(problem, ChainProblem::Key { reason: Reason::Unanswered(_), .. }) {
                chain.result = ChainResult::TempError;
            }
            chain.problem = Some(problem);
        }
    }
    Ok(chain)
}

/// Sorts the fields into sets numbered from 1 without a gap (RFC 8617 §5.2 step 3).
fn links<'a>(message: &Message<'a>) -> Result<Vec<Link<'a>>, ChainProblem> {
    let mut results: Vec<(u32, Field<'a>)> = Vec::new();
    let mut messages: Vec<(u32, (usize, Field<'a>, Signature))> = Vec::new();
    let mut seals: Vec<(u32, (Field<'a>, Signature))> = Vec::new();
    let read = |field: &Field<'_>, form, name| {
        signature::read(field.value(), form)
            .map_err(|problem| ChainProblem::Malformed { name, problem: Some(problem) })
    };
    let found = message.fields().iter().enumerate();
    for (at, field) in found.filter(|(_, field)| [RESULTS, MESSAGE, SEAL].iter().any(|name| field.is(name))) {
        let most = results.len().max(messages.len()).max(seals.len());
        if most > SETS_MAX as usize {
            return Err(ChainProblem::Structure { instance: SETS_MAX + 1 });
        }
        if field.is(RESULTS) {
            let instance = instance(field).map(|(instance, _)| instance);
            results.push((instance.ok_or(ChainProblem::Malformed { name: RESULTS, problem: None })?, *field));
        } else if field.is(MESSAGE) {
            let signature = read(field, Form::ArcMessage, MESSAGE)?;
            messages.push((signature.instance, (at, *field, signature)));
        } else {
            let signature = read(field, Form::ArcSeal, SEAL)?;
            seals.push((signature.instance, (*field, signature)));
        }
    }
    results.sort_by_key(|(instance, _)| *instance);
    messages.sort_by_key(|(instance, _)| *instance);
    seals.sort_by_key(|(instance, _)| *instance);
    let count = results.len().max(messages.len()).max(seals.len());
    let (mut results, mut messages, mut seals) =
        (results.into_iter(), messages.into_iter(), seals.into_iter());
    (1..)
        .take(count)
        .map(|wanted| {
            let numbered = (results.next(), messages.next(), seals.next());
            let (Some((a, results)), Some((b, message)), Some((c, seal))) = numbered else {
                return Err(ChainProblem::Structure { instance: wanted });
            };
            if [a, b, c] != [wanted; 3] {
                return Err(ChainProblem::Structure { instance: wanted });
            }
            Ok(Link { results, message, seal })
        })
        .collect()
}

/// `i=N;` at the beginning of ARC-Authentication-Results, and what follows it.
fn instance(field: &Field<'_>) -> Option<(u32, String)> {
    let text = field.text();
    let (first, rest) = text.split_once(';')?;
    let number = first.trim().strip_prefix(['i', 'I'])?.trim_start().strip_prefix('=')?.trim();
    let number = number.parse().ok().filter(|number| (1..=SETS_MAX).contains(number))?;
    Some((number, rest.trim().to_owned()))
}

fn set(link: &Link<'_>, number: u32) -> Set {
    Set {
        instance: number,
        domain: link.seal.1.domain.clone(),
        selector: link.seal.1.selector.clone(),
        results: instance(&link.results).map(|(_, rest)| rest).unwrap_or_default(),
        is_message_intact: None,
    }
}

/// The first forwarder says `none`, every later one `pass`; a `fail` ends it (RFC 8617 §5.2 steps 2 and 3).
fn chain_values(links: &[Link<'_>]) -> Option<ChainProblem> {
    for (link, instance) in links.iter().zip(1..) {
        let value = link.seal.1.chain.clone().unwrap_or_default();
        let wanted = if instance == 1 { "none" } else { "pass" };
        if value != wanted {
            return Some(ChainProblem::ChainValue { instance, value });
        }
        if link.message.2.names.iter().any(|name| name.eq_ignore_ascii_case(SEAL)) {
            return Some(ChainProblem::CoversSeal { instance });
        }
    }
    None
}

/// Checks the newest message signature, which must hold, and some older ones, which tell who changed the message.
fn messages(
    message: &Message<'_>,
    links: &[Link<'_>],
    answers: &impl Answers,
    chain: &mut Chain,
) -> Result<(), ChainProblem> {
    for (place, link) in links.iter().enumerate().rev().take(1 + OLDER_MAX) {
        let instance = link.seal.1.instance;
        let is_newest = place + 1 == links.len();
        let outcome = is_intact(message, link, instance, answers);
        chain.sets[place].is_message_intact = outcome.as_ref().ok().copied();
        match outcome {
            Ok(true) => chain.oldest_intact = Some(instance),
            Ok(false) if is_newest => return Err(ChainProblem::MessageChanged { instance }),
            Err(problem) if is_newest => return Err(problem),
            Ok(false) | Err(_) => return Ok(()),
        }
    }
    Ok(())
}

fn is_intact(
    message: &Message<'_>,
    link: &Link<'_>,
    instance: u32,
    answers: &impl Answers,
) -> Result<bool, ChainProblem> {
    let (at, own, signature) = &link.message;
    let key = key(signature, instance, answers)?;
    let mut others = message.fields().to_vec();
    others.remove(*at);
    if !key.verify(&header_digest(&others, own, signature, signature.header), &signature.signature) {
        return Ok(false);
    }
    let mut body = BodyHash::new(signature.body, MailHashKind::Sha256, signature.length);
    body.update(message.body());
    let body = body.finish();
    let is_long_enough = signature.length.is_none_or(|length| length <= body.bytes);
    Ok(is_long_enough && body.digest.as_ref() == signature.body_hash)
}

/// Checks every seal over all sets up to its own, the newest first (RFC 8617 §5.1.1).
fn seals(links: &[Link<'_>], answers: &impl Answers) -> Result<(), ChainProblem> {
    // The hash after each set, so that fifty sets are read once and not fifty times.
    let mut hash = MailHash::new(MailHashKind::Sha256);
    let mut digests = Vec::new();
    for link in links {
        let mut whole =
            |field: &Field<'_>| canon::field(Canon::Relaxed, field, &mut |bytes| hash.update(bytes));
        whole(&link.results);
        whole(&link.message.1);
        let (seal, signature) = &link.seal;
        let mut open = hash.clone();
        canon::field_without(Canon::Relaxed, seal, &signature.own, &mut |bytes| open.update(bytes));
        digests.push(open.finish());
        canon::field(Canon::Relaxed, seal, &mut |bytes| hash.update(bytes));
    }
    for (link, digest) in links.iter().zip(&digests).rev() {
        let signature = &link.seal.1;
        let instance = signature.instance;
        let key = key(signature, instance, answers)?;
        if !key.verify(digest, &signature.signature) {
            return Err(ChainProblem::SealBroken { instance });
        }
    }
    Ok(())
}

fn key(
    signature: &Signature,
    instance: u32,
    answers: &impl Answers,
) -> Result<kluis_crypto::mail::MailPublicKey, ChainProblem> {
    let wrong = |reason| ChainProblem::Key { instance, reason };
    if signature.algorithm == Algorithm::RsaSha1 {
        return Err(wrong(Reason::OldHash));
    }
    let question = signature.question();
    // Invariant: `evaluate` asked for every key before.
    let answer = answers.find(&question).ok_or_else(|| wrong(Reason::Unanswered(question)))?;
    let (_, key) = find_key(signature, answer, &mut Vec::new()).map_err(wrong)?;
    if key.bits() < kluis_crypto::mail::RSA_BITS_MIN && signature.algorithm == Algorithm::RsaSha256 {
        return Err(wrong(Reason::SmallKey { bits: key.bits() }));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashMap;

    use kluis_crypto::SystemRandom;
    use kluis_crypto::mail::{MailKeyKind, MailPrivateKey};

    use super::*;
    use crate::dkim::key;
    use crate::dkim::signature::encode_base64;
    use crate::dns::{Answer, RecordKind};

    const START: &str = "From: a@x.example\r\nSubject: hello\r\n\r\nbody\r\n";

    struct Forwarder {
        key: MailPrivateKey,
        answers: HashMap<Question, Answer>,
    }

    impl Forwarder {
        fn new() -> Self {
            let key = MailPrivateKey::generate(MailKeyKind::Ed25519, &SystemRandom).unwrap();
            let question = Question::new("s._domainkey.list.example", RecordKind::Txt);
            let record = key::record(&key).unwrap().into_bytes();
            Self { key, answers: HashMap::from([(question, Answer::Txt(vec![record]))]) }
        }

        fn sign(&self, text: &[u8]) -> String {
            let mut hash = MailHash::new(MailHashKind::Sha256);
            hash.update(text);
            encode_base64(&self.key.sign(&hash.finish()).unwrap())
        }

        /// Puts a set before a message; only for messages whose fields are their own relaxed form with a blank.
        fn seal(&self, message: &str, instance: u32, chain: &str) -> String {
            let (header, body) = message.split_once("\r\n\r\n").unwrap();
            let mut hash = BodyHash::new(Canon::Relaxed, MailHashKind::Sha256, None);
            hash.update(body.as_bytes());
            let body_hash = encode_base64(hash.finish().digest.as_ref());
            let tags = format!("i={instance}; a=ed25519-sha256; d=list.example; s=s;");
            let own =
                format!("arc-message-signature:{tags} c=relaxed/relaxed; h=from:subject; bh={body_hash}; b=");
            let line = |name: &str| {
                header.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
            };
            let signed = format!("from:{}\r\nsubject:{}\r\n{own}", line("From:"), line("Subject:"));
            let signature = self.sign(signed.as_bytes());
            let results = format!("arc-authentication-results:i={instance}; list.example; dkim=pass");
            let seal = format!("arc-seal:{tags} cv={chain}; b=");
            let mut older: Vec<&str> = header.lines().filter(|line| line.starts_with("arc-")).collect();
            // The sets stand newest first, each as results, message, seal.
            older = older.chunks(3).rev().flatten().copied().collect();
            let older: String = older.into_iter().map(|line| format!("{line}\r\n")).collect();
            let sealed = self.sign(format!("{older}{results}\r\n{own}{signature}\r\n{seal}").as_bytes());
            format!("{results}\r\n{own}{signature}\r\n{seal}{sealed}\r\n{message}")
        }

        fn evaluate(&self, text: &str) -> Chain {
            evaluate(&Message::read(text.as_bytes()).unwrap(), &self.answers).unwrap()
        }
    }

    #[test]
    fn a_chain_passes_and_says_who_changed_the_message() {
        let forwarder = Forwarder::new();
        assert_eq!(forwarder.evaluate(START).result, ChainResult::None);
        let one = forwarder.seal(START, 1, "none");
        let chain = forwarder.evaluate(&one);
        assert_eq!((chain.result, chain.problem, chain.oldest_intact), (ChainResult::Pass, None, Some(1)));
        assert_eq!(chain.sets[0].results, "list.example; dkim=pass");
        let tagged = one.replace("hello", "[list] hello");
        let two = forwarder.seal(&tagged, 2, "pass");
        let chain = forwarder.evaluate(&two);
        assert_eq!((chain.result, chain.oldest_intact), (ChainResult::Pass, Some(2)));
        assert_eq!(chain.sets[0].is_message_intact, Some(false));
        let three = forwarder.seal(&two, 3, "pass");
        assert_eq!(forwarder.evaluate(&three).oldest_intact, Some(2));
    }

    #[test]
    fn a_broken_chain_fails_with_its_reason() {
        let forwarder = Forwarder::new();
        let one = forwarder.seal(START, 1, "none");
        let two = forwarder.seal(&one, 2, "pass");
        let check = |text: &str, wanted: &dyn Fn(&ChainProblem) -> bool| {
            let chain = forwarder.evaluate(text);
            assert_eq!(chain.result, ChainResult::Fail);
            assert!(chain.problem.as_ref().is_some_and(wanted), "{:?}\n{text}", chain.problem);
        };
        check(&two.replace("body\r\n", "bodx\r\n"), &|p| {
            matches!(p, ChainProblem::MessageChanged { instance: 2 })
        });
        check(&two.replace("hello", "hullo"), &|p| matches!(p, ChainProblem::MessageChanged { instance: 2 }));
        check(&two.replacen("i=1; list.example; dkim=pass", "i=1; list.example; dkim=fail", 1), &|p| {
            matches!(p, ChainProblem::SealBroken { instance: 2 })
        });
        check(&two.replace("i=1;", "i=3;"), &|p| matches!(p, ChainProblem::Structure { instance: 1 }));
        check(&one.replace("i=1;", "i=2;"), &|p| matches!(p, ChainProblem::Structure { instance: 1 }));
        check(&one.replace("arc-seal:", "x-seal:"), &|p| {
            matches!(p, ChainProblem::Structure { instance: 1 })
        });
        check(&format!("arc-authentication-results:i=1; x\r\n{one}"), &|p| {
            matches!(p, ChainProblem::Structure { instance: 2 })
        });
        check(&one.replace("cv=none", "cv=pass"), &|p| {
            matches!(p, ChainProblem::ChainValue { instance: 1, .. })
        });
        check(&two.replace("cv=pass", "cv=fail"), &|p| {
            matches!(p, ChainProblem::ChainValue { instance: 2, .. })
        });
        check(&two.replace("cv=pass", "cv=none"), &|p| {
            matches!(p, ChainProblem::ChainValue { instance: 2, .. })
        });
        check(&one.replace("h=from", "h=arc-seal:from"), &|p| {
            matches!(p, ChainProblem::CoversSeal { instance: 1 })
        });
        check(&one.replace("results:i=1;", "results:"), &|p| matches!(p, ChainProblem::Malformed { .. }));
        check(&one.replace("cv=none;", "cv=none; h=from;"), &|p| matches!(p, ChainProblem::Malformed { .. }));
        check(&one.replace("d=list.example", "d=list"), &|p| matches!(p, ChainProblem::Malformed { .. }));
        let many: String = (1..=51).map(|_| "arc-authentication-results:i=1; x\r\n").collect();
        check(&format!("{many}{START}"), &|p| matches!(p, ChainProblem::Structure { .. }));
        let far: String = (0..200).map(|_| "arc-authentication-results:i=1; x\r\n").collect();
        check(&format!("{far}{START}"), &|p| matches!(p, ChainProblem::Structure { instance: 51 }));
    }

    #[test]
    fn keys_are_asked_for_and_must_be_there() {
        let mut forwarder = Forwarder::new();
        let one = forwarder.seal(START, 1, "none");
        let message = Message::read(one.as_bytes()).unwrap();
        let question = Question::new("s._domainkey.list.example", RecordKind::Txt);
        assert_eq!(evaluate(&message, &HashMap::<Question, Answer>::new()), Err(question.clone()));
        forwarder.answers.insert(question.clone(), Answer::Failed);
        assert_eq!(forwarder.evaluate(&one).result, ChainResult::TempError);
        for (answer, wanted) in [
            (Answer::NoSuchName, Reason::NoKey(question.clone())),
            (Answer::Txt(vec![b"v=DKIM1; k=ed25519; p=".to_vec()]), Reason::Revoked),
        ] {
            forwarder.answers.insert(question.clone(), answer);
            let chain = forwarder.evaluate(&one);
            assert_eq!(chain.problem, Some(ChainProblem::Key { instance: 1, reason: wanted }));
        }
    }
}
