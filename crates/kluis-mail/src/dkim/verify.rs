//! Checks the DKIM signatures of a message (RFC 6376 §6) with the DNS answers that are known.

use kluis_crypto::mail::{MailDigest, MailHash, MailHashKind, MailPublicKey, RSA_BITS_MIN};

use super::canon::{self, BodyDigest, BodyHash, Canon};
use super::explain::{self, Change};
use super::key::{self, KeyKind, KeyProblem, KeyRecord, KeyRemark, RSA_BITS_ADVISED};
use super::signature::{self, Algorithm, Form, Signature, SignatureProblem};
use crate::dns::{Answer, Answers, Question};
use crate::message::{Field, Message};

/// Signatures of one message that are looked at.
pub const SIGNATURES_MAX: usize = 16;
/// Records at the place of a key that are tried.
pub const KEYS_TRIED_MAX: usize = 4;
/// Broken signatures of one message that are explained.
const EXPLAINED_MAX: usize = 4;
/// Seconds a clock may be wrong.
const CLOCK_SLACK_S: u64 = 300;
/// Fields a reader believes: when such a field is there and not signed, it says nothing.
const BELIEVED: &[&str] = &["Subject", "To", "Cc", "Date", "Reply-To", "Sender", "Content-Type"];

/// The result of a signature (RFC 8601 §2.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DkimResult {
    /// The domain signed this message, and it is unchanged.
    Pass,
    /// The message is not what was signed.
    Fail,
    /// It may match, but it is too weak or too odd to count.
    Policy,
    /// It is no signature that can be read.
    Neutral,
    /// The DNS did not answer.
    TempError,
    /// There is no key for it, or none that fits.
    PermError,
}

impl DkimResult {
    /// The word of RFC 8601 §2.7.1.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Policy => "policy",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// Why a signature does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It cannot be read.
    Malformed(SignatureProblem),
    /// The DNS did not answer.
    Unanswered(Question),
    /// There is no record at the place of the key.
    NoKey(Question),
    /// The record at the place of the key cannot be read.
    BadKey(KeyProblem),
    /// The key was revoked.
    Revoked,
    /// The key is of another kind than the signature.
    OtherKind,
    /// The key is not for mail (`s=`).
    NotForMail,
    /// The key is not for this hash (`h=`).
    HashNotAllowed,
    /// The key wants `i=` exactly in `d=` (`t=s`).
    IdentityNotExact,
    /// The body is not what was signed.
    BodyChanged,
    /// The body is shorter than `l=` says.
    BodyShorter,
    /// The header is not what was signed, or the signature is not of this key.
    HeaderChanged,
    /// Neither the body nor the header is what was signed.
    BothChanged,
    /// It matches, but its time is over.
    Expired {
        /// `x=`.
        at_s: u64,
    },
    /// It matches with SHA-1, which anybody with money can forge (RFC 8301 §3.1).
    OldHash,
    /// The RSA key is too small to mean anything (RFC 8301 §3.2); it was not tried.
    SmallKey {
        /// Its size.
        bits: u32,
    },
    /// It matches, but the message has more than one From, so that readers may see one that is not signed.
    SeveralFrom,
}

/// What is worth knowing about a signature whatever its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// RSA under 2048 bits.
    ShortKey {
        /// Its size.
        bits: u32,
    },
    /// The key record says that the domain is only trying (`t=y`).
    TestMode,
    /// The end of the body is not signed (`l=`): anybody can add to it.
    PartOfBody {
        /// Bytes after what is signed.
        unsigned: u64,
    },
    /// A field that readers believe is there and not signed.
    NotSigned(String),
    /// It was made in the future.
    FromFuture {
        /// `t=`.
        at_s: u64,
    },
    /// More than one record stands at the place of the key.
    SeveralKeys,
    /// The key record is written as PKCS#1, which some receivers refuse.
    Pkcs1Key,
}

/// The key that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its kind.
    pub kind: KeyKind,
    /// Bits of RSA; 256 for Ed25519.
    pub bits: u32,
}

/// One signature, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which field of the message it is, from 0.
    pub field: usize,
    /// What it says, when it can be read.
    pub signature: Option<Signature>,
    /// The result.
    pub result: DkimResult,
    /// Why it does not pass.
    pub reason: Option<Reason>,
    /// What else is worth knowing.
    pub warnings: Vec<Warning>,
    /// What seems to have been changed after signing; empty when nothing that we know of explains it.
    pub changes: Vec<Change>,
    /// The key.
    pub key: Option<KeyFacts>,
}

/// All signatures of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// From top to bottom, at most [`SIGNATURES_MAX`].
    pub checks: Vec<Check>,
    /// Signatures that were not looked at.
    pub skipped: usize,
}

impl Report {
    /// Returns the domains (`d=`) of signatures that pass, for DMARC.
    #[must_use]
    pub fn passed(&self) -> Vec<&str> {
        let passed = self.checks.iter().filter(|check| check.result == DkimResult::Pass);
        passed
            .filter_map(|check| check.signature.as_ref().map(|signature| signature.domain.as_str()))
            .collect()
    }
}

/// Returns where the keys of all signatures are, so that they can be asked at the same time.
#[must_use]
pub fn questions(message: &Message<'_>) -> Vec<Question> {
    let mut found: Vec<Question> = Vec::new();
    for field in message.named("DKIM-Signature").take(SIGNATURES_MAX) {
        let question = signature::read(field.value(), Form::Dkim).ok().map(|signature| signature.question());
        found.extend(question.filter(|question| !found.contains(question)));
    }
    found
}

/// Checks every signature; `now_s` is the time in seconds since 1970.
///
/// # Errors
/// The question whose answer is needed; nothing is hashed before all answers are there.
pub fn verify(message: &Message<'_>, now_s: i64, answers: &impl Answers) -> Result<Report, Question> {
    let mut report = Report::default();
    let mut readable = Vec::new();
    for (place, field) in message.fields().iter().enumerate().filter(|(_, field)| field.is("DKIM-Signature"))
    {
        if report.checks.len() == SIGNATURES_MAX {
            report.skipped += 1;
            continue;
        }
        let signature = signature::read(field.value(), Form::Dkim);
        let answer = match &signature {
            Ok(signature) => {
                let question = signature.question();
                Some(answers.find(&question).ok_or(question)?)
            }
            Err(_) => None,
        };
        let (signature, reason) = match signature {
            Ok(signature) => (Some(signature), None),
            Err(problem) => (None, Some(Reason::Malformed(problem))),
        };
        readable.extend(answer.map(|answer| (report.checks.len(), answer)));
        report.checks.push(Check {
            field: place,
            signature,
            result: DkimResult::Neutral,
            reason,
            warnings: Vec::new(),
            changes: Vec::new(),
            key: None,
        });
    }
    let now_s = u64::try_from(now_s).unwrap_or(0);
    let mut run = Run { message, now_s, bodies: Vec::new(), explained: 0 };
    for (number, answer) in readable {
        run.judge(&mut report.checks[number], answer);
    }
    Ok(report)
}

/// What a hash of the body depends on: `c=`, `a=` and `l=`.
type BodyKind = (Canon, MailHashKind, Option<u64>);

struct Run<'a> {
    message: &'a Message<'a>,
    now_s: u64,
    /// Hashes of the body that were made already.
    bodies: Vec<(BodyKind, BodyDigest)>,
    explained: usize,
}

impl Run<'_> {
    fn judge(&mut self, check: &mut Check, answer: &Answer) {
        // Invariant: only signatures that were read are judged.
        let Some(signature) = &check.signature else { return };
        let (record, key) = match find_key(signature, answer, &mut check.warnings) {
            Ok(found) => found,
            Err(reason) => {
                let is_temporary = matches!(reason, Reason::Unanswered(_));
                check.result = if is_temporary { DkimResult::TempError } else { DkimResult::PermError };
                check.reason = Some(reason);
                return;
            }
        };
        check.key = Some(KeyFacts { kind: record.kind, bits: key.bits() });
        let own = &self.message.fields()[check.field];
        let mut others = self.message.fields().to_vec();
        others.remove(check.field);
        let body = self.body(signature);
        let verified = Verified {
            body: body.digest.as_ref() == signature.body_hash,
            header: key
                .verify(&header_digest(&others, own, signature, signature.header), &signature.signature),
        };
        let body_bytes = body.bytes;
        self.warn(signature, &record, &key, body_bytes, &mut check.warnings);
        (check.result, check.reason) = self.result(signature, &key, verified, body_bytes);
        if check.result == DkimResult::Fail && self.explained < EXPLAINED_MAX {
            self.explained += 1;
            if !verified.body {
                check.changes.extend(explain::body(self.message.body(), signature));
            }
            if !verified.header {
                check.changes.extend(explain::header(&others, own, signature, &key));
            }
        }
    }

    fn result(
        &self,
        signature: &Signature,
        key: &MailPublicKey,
        verified: Verified,
        body_bytes: u64,
    ) -> (DkimResult, Option<Reason>) {
        let is_rsa = signature.algorithm != Algorithm::Ed25519Sha256;
        if is_rsa && key.bits() < RSA_BITS_MIN {
            return (DkimResult::Policy, Some(Reason::SmallKey { bits: key.bits() }));
        }
        if signature.length.is_some_and(|length| length > body_bytes) {
            return (DkimResult::Fail, Some(Reason::BodyShorter));
        }
        match (verified.body, verified.header) {
            (true, true) => {}
            (false, true) => return (DkimResult::Fail, Some(Reason::BodyChanged)),
            (true, false) => return (DkimResult::Fail, Some(Reason::HeaderChanged)),
            (false, false) => return (DkimResult::Fail, Some(Reason::BothChanged)),
        }
        if signature.algorithm == Algorithm::RsaSha1 {
            return (DkimResult::Policy, Some(Reason::OldHash));
        }
        if let Some(at_s) = signature.expires_s.filter(|at_s| *at_s < self.now_s) {
            return (DkimResult::Fail, Some(Reason::Expired { at_s }));
        }
        if self.message.named("From").count() > 1 {
            return (DkimResult::Policy, Some(Reason::SeveralFrom));
        }
        (DkimResult::Pass, None)
    }

    fn warn(
        &self,
        signature: &Signature,
        record: &KeyRecord,
        key: &MailPublicKey,
        body_bytes: u64,
        warnings: &mut Vec<Warning>,
    ) {
        if record.kind == KeyKind::Rsa && key.bits() < RSA_BITS_ADVISED {
            warnings.push(Warning::ShortKey { bits: key.bits() });
        }
        warnings.extend(record.is_test.then_some(Warning::TestMode));
        warnings.extend(record.remarks.contains(&KeyRemark::Pkcs1).then_some(Warning::Pkcs1Key));
        if let Some(unsigned) =
            signature.length.and_then(|length| body_bytes.checked_sub(length)).filter(|n| *n > 0)
        {
            warnings.push(Warning::PartOfBody { unsigned });
        }
        if let Some(at_s) = signature.signed_s.filter(|at_s| *at_s > self.now_s.saturating_add(CLOCK_SLACK_S))
        {
            warnings.push(Warning::FromFuture { at_s });
        }
        for name in BELIEVED {
            let signed = signature.names.iter().filter(|signed| signed.eq_ignore_ascii_case(name)).count();
            if self.message.named(name).count() > signed {
                warnings.push(Warning::NotSigned((*name).to_owned()));
            }
        }
    }

    /// The hash of the body; signatures of the same kind share it.
    fn body(&mut self, signature: &Signature) -> &BodyDigest {
        let wanted = (signature.body, hash_kind(signature), signature.length);
        let place = self.bodies.iter().position(|(known, _)| *known == wanted).unwrap_or_else(|| {
            let mut hash = BodyHash::new(wanted.0, wanted.1, wanted.2);
            hash.update(self.message.body());
            self.bodies.push((wanted, hash.finish()));
            self.bodies.len() - 1
        });
        &self.bodies[place].1
    }
}

/// Which halves of a signature match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verified {
    /// The hash of the body.
    pub(crate) body: bool,
    /// The signature over the header.
    pub(crate) header: bool,
}

/// Finds the key of a signature in an answer.
pub(crate) fn find_key(
    signature: &Signature,
    answer: &Answer,
    warnings: &mut Vec<Warning>,
) -> Result<(KeyRecord, MailPublicKey), Reason> {
    let texts = match answer {
        Answer::Txt(texts) if !texts.is_empty() => texts,
        Answer::Failed => return Err(Reason::Unanswered(signature.question())),
        _ => return Err(Reason::NoKey(signature.question())),
    };
    if texts.len() > 1 {
        warnings.push(Warning::SeveralKeys);
    }
    // More than one record is not allowed, and what then happens not defined (RFC 6376 §3.6.2.2): the first that can
    // be read counts.
    let mut problem = None;
    for text in texts.iter().take(KEYS_TRIED_MAX) {
        match key::read(text) {
            Ok(record) => return check_key(signature, record),
            Err(found) => problem = problem.or(Some(found)),
        }
    }
    Err(Reason::BadKey(problem.unwrap_or(KeyProblem::Missing)))
}

/// Whether a record is a key for a signature (RFC 6376 §6.1.2).
fn check_key(signature: &Signature, record: KeyRecord) -> Result<(KeyRecord, MailPublicKey), Reason> {
    let key = record.key().map_err(|_| Reason::BadKey(KeyProblem::Missing))?.ok_or(Reason::Revoked)?;
    let (kind, hash) = match signature.algorithm {
        Algorithm::RsaSha256 => (KeyKind::Rsa, "sha256"),
        Algorithm::RsaSha1 => (KeyKind::Rsa, "sha1"),
        Algorithm::Ed25519Sha256 => (KeyKind::Ed25519, "sha256"),
    };
    if record.kind != kind {
        return Err(Reason::OtherKind);
    }
    if !record.is_for_mail() {
        return Err(Reason::NotForMail);
    }
    if !record.allows(hash) {
        return Err(Reason::HashNotAllowed);
    }
    let identity = signature.identity.rsplit_once('@').map_or("", |(_, domain)| domain);
    if record.is_strict && !identity.eq_ignore_ascii_case(&signature.domain) {
        return Err(Reason::IdentityNotExact);
    }
    Ok((record, key))
}

/// The hash of a signature.
fn hash_kind(signature: &Signature) -> MailHashKind {
    match signature.algorithm {
        Algorithm::RsaSha1 => MailHashKind::Sha1,
        Algorithm::RsaSha256 | Algorithm::Ed25519Sha256 => MailHashKind::Sha256,
    }
}

/// Hashes the signed fields, each name taking the lowest field that is left, and then the signature field without its
/// `b=` (RFC 6376 §3.7, §5.4.2). `others` are all fields but the signature itself.
pub(crate) fn header_digest(
    others: &[Field<'_>],
    own: &Field<'_>,
    signature: &Signature,
    canon: Canon,
) -> MailDigest {
    let mut text = Vec::with_capacity(4096);
    let mut is_taken = vec![false; others.len()];
    for name in &signature.names {
        let found = (0..others.len()).rev().find(|at| !is_taken[*at] && others[*at].is(name));
        if let Some(at) = found {
            is_taken[at] = true;
            canon::field(canon, &others[at], &mut |bytes| text.extend_from_slice(bytes));
        }
    }
    canon::field_without(canon, own, &signature.own, &mut |bytes| text.extend_from_slice(bytes));
    let mut hash = MailHash::new(hash_kind(signature));
    hash.update(&text);
    hash.finish()
}
