//! Finds out what was changed after signing, by undoing what programs on the way are known to do and trying again.

use std::borrow::Cow;

use kluis_crypto::mail::{MailHashKind, MailPublicKey};

use super::canon::{self, BodyHash, Canon};
use super::signature::{Algorithm, Signature};
use super::verify::header_digest;
use crate::message::{Field, lone_line_end, with_crlf};

/// Bytes of a body that is rewritten to try.
const REWRITTEN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Last line ends after which a footer is looked for.
const LINES_TRIED_MAX: usize = 20_000;
/// Bytes of a body in which an inserted block is looked for.
const INSERTED_BODY_BYTES_MAX: usize = 256 * 1024;
/// Lines of an inserted block.
const INSERTED_LINES_MAX: usize = 60;
/// MIME boundaries before which an inserted block is looked for.
const BOUNDARIES_MAX: usize = 8;
/// Bytes of a header that is explained.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Signatures that are tried for one header.
const TRIES_MAX: usize = 200;
/// Fields that are left out to try.
const DROPPED_MAX: usize = 12;

/// What was changed after signing; every one is proven: undone, the signature matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Blanks in the body, or blank lines.
    BodyBlanks,
    /// The line ends of the body.
    BodyLineEnds,
    /// Text was added at the end of the body.
    BodyFooter {
        /// Its bytes.
        bytes: usize,
    },
    /// Text was added inside the body: a banner at its beginning, or a footer inside a part.
    BodyInserted {
        /// Where, in bytes of the body.
        at: usize,
        /// Its bytes.
        bytes: usize,
    },
    /// Lines that began with `From ` begin with `>From `: a mailbox file did it.
    BodyFromQuoted,
    /// Dots at the beginning of lines were doubled or halved: a broken SMTP program did it.
    BodyDots,
    /// Blanks or folding in the header.
    HeaderBlanks,
    /// A field was added that the signer had signed as absent, or as being there once less.
    FieldAdded {
        /// Its name.
        name: String,
    },
    /// A tag was put into the subject.
    SubjectTagged {
        /// The tag, such as `[list]`.
        tag: String,
    },
    /// The sender was replaced, as mailing lists do because of DMARC; the original is in another field.
    FromReplaced {
        /// The name of that field.
        original: String,
    },
}

/// Explains why the body does not match; `None` when nothing known explains it.
pub(super) fn body(body: &[u8], signature: &Signature) -> Option<Change> {
    let start = |canon| {
        let kind = match signature.algorithm {
            Algorithm::RsaSha1 => MailHashKind::Sha1,
            Algorithm::RsaSha256 | Algorithm::Ed25519Sha256 => MailHashKind::Sha256,
        };
        BodyHash::new(canon, kind, signature.length)
    };
    let tries = Bodies { body, wanted: &signature.body_hash, start: start(signature.body) };
    if tries.matches(start(signature.body.other()), &[body]) {
        return Some(Change::BodyBlanks);
    }
    tries.rewritten().or_else(|| {
        // What stands after `l=` bytes is not signed, so that a footer explains nothing.
        if signature.length.is_some() {
            return None;
        }
        tries.footer().or_else(|| tries.inserted())
    })
}

struct Bodies<'a> {
    body: &'a [u8],
    wanted: &'a [u8],
    start: BodyHash,
}

impl Bodies<'_> {
    fn matches(&self, mut hash: BodyHash, pieces: &[&[u8]]) -> bool {
        pieces.iter().for_each(|piece| hash.update(piece));
        hash.finish().digest.as_ref() == self.wanted
    }

    fn rewritten(&self) -> Option<Change> {
        let body = self.body;
        if body.len() > REWRITTEN_BYTES_MAX {
            return None;
        }
        let is_match = |body: &[u8]| self.matches(self.start.clone(), &[body]);
        if lone_line_end(body).is_some() && is_match(&with_crlf(body)) {
            return Some(Change::BodyLineEnds);
        }
        if is_match(&body.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<u8>>()) {
            return Some(Change::BodyLineEnds);
        }
        if replace_at_line(body, b">From ", b"From ").is_some_and(|body| is_match(&body)) {
            return Some(Change::BodyFromQuoted);
        }
        let dots = [(&b".."[..], &b"."[..]), (b".", b"..")];
        let is_dots =
            dots.iter().any(|(from, to)| replace_at_line(body, from, to).is_some_and(|body| is_match(&body)));
        is_dots.then_some(Change::BodyDots)
    }

    /// Tries the end of every line as the end of the body.
    fn footer(&self) -> Option<Change> {
        let ends: Vec<usize> = memchr::memmem::find_iter(self.body, b"\r\n").map(|at| at + 2).collect();
        let mut hash = self.start.clone();
        let mut from = 0;
        let mut found = None;
        for end in ends.iter().copied().skip(ends.len().saturating_sub(LINES_TRIED_MAX)) {
            hash.update(&self.body[from..end]);
            from = end;
            if end < self.body.len() && self.matches(hash.clone(), &[]) {
                // The blank lines after it are no footer: the last such end counts.
                found = Some(Change::BodyFooter { bytes: self.body.len() - end });
            } else if found.is_some() {
                break;
            }
        }
        found
    }

    /// Tries to leave out lines at the beginning, or before a line that looks like the end of a MIME part.
    fn inserted(&self) -> Option<Change> {
        let body = self.body;
        if body.len() > INSERTED_BODY_BYTES_MAX {
            return None;
        }
        let mut begins = vec![0];
        begins
            .extend(memchr::memmem::find_iter(body, b"\r\n").map(|at| at + 2).filter(|at| *at < body.len()));
        for end in begins.iter().skip(1).take(INSERTED_LINES_MAX) {
            if self.matches(self.start.clone(), &[&body[*end..]]) {
                return Some(Change::BodyInserted { at: 0, bytes: *end });
            }
        }
        let boundaries = (0..begins.len()).rev().filter(|line| body[begins[*line]..].starts_with(b"--"));
        for line in boundaries.take(BOUNDARIES_MAX) {
            let end = begins[line];
            let first = line.saturating_sub(INSERTED_LINES_MAX);
            let mut hash = self.start.clone();
            let mut from = 0;
            for at in &begins[first..line] {
                hash.update(&body[from..*at]);
                from = *at;
                if self.matches(hash.clone(), &[&body[end..]]) {
                    return Some(Change::BodyInserted { at: *at, bytes: end - at });
                }
            }
        }
        None
    }
}

/// Replaces what lines begin with; `None` when no line does.
fn replace_at_line(body: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut is_found) = (Vec::with_capacity(body.len()), body, false);
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, more) = rest.split_at(end);
        match line.strip_prefix(from) {
            Some(tail) => {
                is_found = true;
                out.extend_from_slice(to);
                out.extend_from_slice(tail);
            }
            None => out.extend_from_slice(line),
        }
        rest = more;
    }
    is_found.then_some(out)
}

/// Explains why the header does not match; empty when nothing known explains it.
pub(super) fn header(
    others: &[Field<'_>],
    own: &Field<'_>,
    signature: &Signature,
    key: &MailPublicKey,
) -> Vec<Change> {
    if others.iter().map(|field| field.raw().len()).sum::<usize>() > HEADER_BYTES_MAX {
        return Vec::new();
    }
    let is_match = |fields: &[Field<'_>], canon| {
        key.verify(&header_digest(fields, own, signature, canon), &signature.signature)
    };
    if signature.header == Canon::Simple {
        // Most fields are written with one blank after the colon and none that relaxed would take away.
        let raws: Vec<Vec<u8>> = others.iter().map(plain).collect();
        let fields: Vec<Field<'_>> = raws.iter().filter_map(|raw| Field::read(raw)).collect();
        if is_match(&fields, Canon::Simple) {
            return vec![Change::HeaderBlanks];
        }
    }
    let plans = plans(&edits(others, signature));
    for plan in plans.iter().take(TRIES_MAX) {
        let texts: Vec<(usize, Option<Cow<'_, [u8]>>)> =
            plan.iter().map(|edit| (edit.at, edit.raw.as_deref().map(Cow::Borrowed))).collect();
        let fields: Vec<Field<'_>> = others
            .iter()
            .enumerate()
            .filter_map(|(at, field)| match texts.iter().find(|(edited, _)| *edited == at) {
                None => Some(*field),
                Some((_, raw)) => raw.as_deref().and_then(Field::read),
            })
            .collect();
        if is_match(&fields, signature.header) {
            return plan.iter().map(|edit| edit.change.clone()).collect();
        }
    }
    Vec::new()
}

/// A field on one line with single blanks.
fn plain(field: &Field<'_>) -> Vec<u8> {
    let mut raw = [field.name().as_bytes(), b": "].concat();
    canon::relaxed_value(field.value(), &mut |bytes| raw.extend_from_slice(bytes));
    raw.extend_from_slice(b"\r\n");
    raw
}

/// One thing to undo: a field that is left out, or written otherwise.
#[derive(Clone)]
struct Edit {
    at: usize,
    raw: Option<Vec<u8>>,
    change: Change,
}

/// What could have been done to each field that is signed: alternatives per field.
fn edits(others: &[Field<'_>], signature: &Signature) -> Vec<Vec<Edit>> {
    let mut found: Vec<Vec<Edit>> = Vec::new();
    let lowest = |name: &str| others.iter().rposition(|field| field.is(name));
    if let Some(at) = lowest("Subject") {
        let field = &others[at];
        let edit = |(tag, value): (String, Vec<u8>)| {
            let raw = [&field.raw()[..field.value_begin()], &value, b"\r\n"].concat();
            Edit { at, raw: Some(raw), change: Change::SubjectTagged { tag } }
        };
        found.push(untagged(field.value()).into_iter().map(edit).collect());
    }
    if let Some(at) = lowest("From") {
        let field = &others[at];
        let names = ["X-Original-From", "Original-From", "X-MailFrom-Original", "Reply-To", "Cc"];
        let sources = names.iter().filter_map(|name| others.iter().rfind(|other| other.is(name)));
        let edit = |source: &Field<'_>| {
            let raw = [&field.raw()[..field.value_begin()], source.value(), b"\r\n"].concat();
            Edit { at, raw: Some(raw), change: Change::FromReplaced { original: source.name().to_owned() } }
        };
        found.push(sources.map(edit).collect());
    }
    let is_signed = |field: &Field<'_>| signature.names.iter().any(|name| field.is(name));
    let dropped = others.iter().enumerate().filter(|(_, field)| is_signed(field) && !field.is("From"));
    found.extend(dropped.take(DROPPED_MAX).map(|(at, field)| {
        vec![Edit { at, raw: None, change: Change::FieldAdded { name: field.name().to_owned() } }]
    }));
    found
}

/// Combinations of edits, those with the fewest first, one edit a field.
fn plans(edits: &[Vec<Edit>]) -> Vec<Vec<Edit>> {
    let mut all: Vec<Vec<Edit>> = Vec::new();
    let mut last: Vec<(usize, Vec<Edit>)> = vec![(0, Vec::new())];
    for _ in 0..3 {
        let mut next = Vec::new();
        for (from, plan) in &last {
            for (group, alternatives) in edits.iter().enumerate().skip(*from) {
                for edit in alternatives.iter().filter(|edit| plan.iter().all(|other| other.at != edit.at)) {
                    let mut longer = plan.clone();
                    longer.push(edit.clone());
                    next.push((group + 1, longer));
                }
            }
            if all.len() + next.len() > TRIES_MAX {
                break;
            }
        }
        all.extend(next.iter().map(|(_, plan)| plan.clone()));
        last = next;
    }
    all
}

/// Subjects without a tag such as `[list]`, `{Spam?}`, `***SPAM***` or `EXTERN:`, which may follow `Re:`.
fn untagged(value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let first = value.len() - value.trim_ascii_start().len();
    let mut begins = vec![first];
    // After `Re: ` and the like.
    if let Some(colon) = value[first..].iter().take(8).position(|byte| *byte == b':') {
        let after = first + colon + 1;
        begins.push(after + value[after..].len() - value[after..].trim_ascii_start().len());
    }
    for begin in begins {
        let rest = &value[begin..];
        let end = match rest.first() {
            Some(b'[') => rest.iter().position(|byte| *byte == b']').map(|at| at + 1),
            Some(b'{') => rest.iter().position(|byte| *byte == b'}').map(|at| at + 1),
            Some(b'*') => rest
                .iter()
                .skip_while(|byte| **byte == b'*')
                .position(|byte| *byte == b'*')
                .map(|at| at + rest.iter().take_while(|byte| **byte == b'*').count())
                .map(|at| at + rest[at..].iter().take_while(|byte| **byte == b'*').count()),
            _ => rest.iter().take(20).position(|byte| *byte == b':').map(|at| at + 1),
        };
        let Some(end) = end else { continue };
        let tail = &rest[end..];
        let blanks = tail.len() - tail.trim_ascii_start().len();
        let tag = String::from_utf8_lossy(&rest[..end]).into_owned();
        // The blank between the tag and the text came with the tag, or stood before the text.
        for cut in [blanks, 0] {
            let text = [&value[..begin], &tail[cut..]].concat();
            if !found.iter().any(|(_, known)| *known == text) {
                found.push((tag.clone(), text));
            }
        }
    }
    found
}
