//! Reads an SPF record strictly (RFC 7208 §4.5, §12), with the place of every term and of the first mistake.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::macros::{MacroText, Place};

/// Bytes of a record that are read.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Terms of a record that are read.
const TERMS_MAX: usize = 512;

/// Which kind of record: `v=spf1`, or Sender ID's `spf2.0/…` (RFC 4406 §3.1, historic).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `v=spf1`.
    Spf1,
    /// `spf2.0/mfrom`, `spf2.0/pra`, `spf2.0/mfrom,pra`.
    SenderId {
        /// For the envelope sender.
        mfrom: bool,
        /// For the purported responsible address.
        pra: bool,
    },
}

/// What a match means (RFC 7208 §4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`.
    Pass,
    /// `-`.
    Fail,
    /// `~`.
    SoftFail,
    /// `?`.
    Neutral,
}

/// Prefix lengths of `a` and `mx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefixes {
    /// IPv4, 0 to 32.
    pub v4: u8,
    /// IPv6, 0 to 128.
    pub v6: u8,
}

/// A mechanism (RFC 7208 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mechanism {
    /// `all`.
    All,
    /// `include:domain`.
    Include(MacroText),
    /// `a`, `a:domain/24//64`.
    A(Option<MacroText>, Prefixes),
    /// `mx`, `mx:domain/24//64`.
    Mx(Option<MacroText>, Prefixes),
    /// `ptr`, `ptr:domain`; do not use (RFC 7208 §5.5).
    Ptr(Option<MacroText>),
    /// `ip4:net/24`.
    Ip4(Ipv4Addr, u8),
    /// `ip6:net/64`.
    Ip6(Ipv6Addr, u8),
    /// `exists:domain`.
    Exists(MacroText),
}

/// A mechanism with its qualifier and place in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// What a match means.
    pub qualifier: Qualifier,
    /// What matches.
    pub mechanism: Mechanism,
    /// Bytes of the record.
    pub span: Range<usize>,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its version and scopes.
    pub version: Version,
    /// Its mechanisms, in order.
    pub directives: Vec<Directive>,
    /// `redirect=`.
    pub redirect: Option<(MacroText, Range<usize>)>,
    /// `exp=`.
    pub explanation: Option<(MacroText, Range<usize>)>,
    /// Names of modifiers that are not known and are ignored (RFC 7208 §6).
    pub unknown_modifiers: Vec<String>,
}

/// Why a record cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {}", span.start)]
pub struct RecordError {
    /// What is wrong.
    pub problem: RecordProblem,
    /// Bytes of the record.
    pub span: Range<usize>,
}

/// What can be wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordProblem {
    /// It does not begin with a version.
    #[error("no version")]
    Version,
    /// A byte that is not printable ASCII.
    #[error("a character that cannot stand in a record")]
    Character,
    /// More bytes or terms than are read.
    #[error("too long")]
    TooLong,
    /// A mechanism that does not exist.
    #[error("an unknown mechanism")]
    UnknownMechanism,
    /// A mechanism that must have a value has none, or one that must not has one.
    #[error("a missing or superfluous value")]
    Value,
    /// Not an address.
    #[error("not an address")]
    Address,
    /// Not a prefix length.
    #[error("not a prefix length")]
    Prefix,
    /// A domain that is none, or a macro that is none.
    #[error("not a domain or macro")]
    Domain,
    /// A modifier that may stand once stands twice.
    #[error("a modifier that stands twice")]
    Twice,
}

/// Whether a TXT record is an SPF record at all, and of which version (RFC 7208 §4.5: the version is followed by a
/// space or the end).
#[must_use]
pub fn version(text: &[u8]) -> Option<(Version, usize)> {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let word = text[..end].to_ascii_lowercase();
    if word == b"v=spf1" {
        return Some((Version::Spf1, end));
    }
    let scopes = word.strip_prefix(b"spf2.")?;
    let slash = scopes.iter().position(|byte| *byte == b'/')?;
    let minor = &scopes[..slash];
    if minor.is_empty() || !minor.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (mut mfrom, mut pra) = (false, false);
    for scope in scopes[slash + 1..].split(|byte| *byte == b',') {
        match scope {
            b"mfrom" => mfrom = true,
            b"pra" => pra = true,
            // A scope of another document is ignored (RFC 4406 §3.1.1).
            _ if !scope.is_empty() => {}
            _ => return None,
        }
    }
    Some((Version::SenderId { mfrom, pra }, end))
}

/// Reads a record.
///
/// # Errors
/// The first mistake; a record with a mistake anywhere is of no use (RFC 7208 §4.6).
pub fn read(text: &[u8]) -> Result<Record, RecordError> {
    let error = |problem, span| Err(RecordError { problem, span });
    if text.len() > RECORD_BYTES_MAX {
        return error(RecordProblem::TooLong, 0..text.len());
    }
    let Some((version, begin)) = version(text) else {
        return error(RecordProblem::Version, 0..text.len().min(6));
    };
    if let Some(at) = text.iter().position(|byte| !(0x20..0x7f).contains(byte)) {
        return error(RecordProblem::Character, at..at + 1);
    }
    // Invariant: all bytes are ASCII.
    let text = std::str::from_utf8(text).unwrap_or_default();
    let mut record = Record {
        version,
        directives: Vec::new(),
        redirect: None,
        explanation: None,
        unknown_modifiers: Vec::new(),
    };
    let mut terms = 0;
    let mut at = begin;
    for word in text[begin..].split(' ') {
        let span = at..at + word.len();
        at = span.end + 1;
        if word.is_empty() {
            continue;
        }
        terms += 1;
        if terms > TERMS_MAX {
            return error(RecordProblem::TooLong, span);
        }
        term(&mut record, word, span.clone()).map_err(|problem| RecordError { problem, span })?;
    }
    Ok(record)
}

/// Reads one term into the record.
fn term(record: &mut Record, word: &str, span: Range<usize>) -> Result<(), RecordProblem> {
    let name_end =
        word.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(word.len());
    let begins_with_letter = word.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins_with_letter && word[name_end..].starts_with('=') {
        return modifier(record, &word[..name_end], &word[name_end + 1..], span);
    }
    let (qualifier, rest) = match word.as_bytes()[0] {
        b'+' => (Qualifier::Pass, &word[1..]),
        b'-' => (Qualifier::Fail, &word[1..]),
        b'~' => (Qualifier::SoftFail, &word[1..]),
        b'?' => (Qualifier::Neutral, &word[1..]),
        _ => (Qualifier::Pass, word),
    };
    let mechanism = mechanism(rest)?;
    record.directives.push(Directive { qualifier, mechanism, span });
    Ok(())
}

fn modifier(record: &mut Record, name: &str, value: &str, span: Range<usize>) -> Result<(), RecordProblem> {
    let place = match name.to_ascii_lowercase().as_str() {
        "redirect" => &mut record.redirect,
        "exp" => &mut record.explanation,
        _ => {
            // Its value must still be a macro string (RFC 7208 §6).
            MacroText::read(value, Place::Text).map_err(|_| RecordProblem::Domain)?;
            record.unknown_modifiers.push(name.to_owned());
            return Ok(());
        }
    };
    if place.is_some() {
        return Err(RecordProblem::Twice);
    }
    *place = Some((domain(value)?, span));
    Ok(())
}

fn mechanism(word: &str) -> Result<Mechanism, RecordProblem> {
    let name_end = word.find([':', '/']).unwrap_or(word.len());
    let (name, rest) = word.split_at(name_end);
    let value = rest.strip_prefix(':');
    match name.to_ascii_lowercase().as_str() {
        "all" if rest.is_empty() => Ok(Mechanism::All),
        "all" => Err(RecordProblem::Value),
        "include" => Ok(Mechanism::Include(domain(value.ok_or(RecordProblem::Value)?)?)),
        "exists" => Ok(Mechanism::Exists(domain(value.ok_or(RecordProblem::Value)?)?)),
        "a" => with_prefixes(rest).map(|(domain, prefixes)| Mechanism::A(domain, prefixes)),
        "mx" => with_prefixes(rest).map(|(domain, prefixes)| Mechanism::Mx(domain, prefixes)),
        "ptr" if rest.is_empty() => Ok(Mechanism::Ptr(None)),
        "ptr" => Ok(Mechanism::Ptr(Some(domain(value.ok_or(RecordProblem::Value)?)?))),
        "ip4" => {
            let (address, prefix) = network(value.ok_or(RecordProblem::Value)?, 32)?;
            address.parse().map(|address| Mechanism::Ip4(address, prefix)).map_err(|_| RecordProblem::Address)
        }
        "ip6" => {
            let (address, prefix) = network(value.ok_or(RecordProblem::Value)?, 128)?;
            address.parse().map(|address| Mechanism::Ip6(address, prefix)).map_err(|_| RecordProblem::Address)
        }
        _ => Err(RecordProblem::UnknownMechanism),
    }
}

/// `[":" domain-spec] [ip4-cidr] ["/" ip6-cidr]`.
fn with_prefixes(rest: &str) -> Result<(Option<MacroText>, Prefixes), RecordProblem> {
    let (rest, v6) = match rest.rsplit_once("//") {
        Some((before, digits)) if is_digits(digits) => (before, prefix(digits, 128)?),
        _ => (rest, 128),
    };
    let (rest, v4) = match rest.rsplit_once('/') {
        // A slash inside a macro is a delimiter, and what follows it is not only digits.
        Some((before, digits)) if is_digits(digits) => (before, prefix(digits, 32)?),
        _ => (rest, 32),
    };
    let prefixes = Prefixes { v4, v6 };
    match rest.strip_prefix(':') {
        Some(name) => Ok((Some(domain(name)?), prefixes)),
        None if rest.is_empty() => Ok((None, prefixes)),
        None => Err(RecordProblem::Prefix),
    }
}

fn network(value: &str, bits: u8) -> Result<(&str, u8), RecordProblem> {
    match value.split_once('/') {
        Some((address, digits)) => Ok((address, prefix(digits, bits)?)),
        None => Ok((value, bits)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `0`, or digits that do not begin with `0` (RFC 7208 §5.6).
fn prefix(digits: &str, bits: u8) -> Result<u8, RecordProblem> {
    let is_plain = is_digits(digits) && (digits == "0" || !digits.starts_with('0'));
    let number = digits.parse().ok().filter(|number| is_plain && *number <= bits);
    number.ok_or(RecordProblem::Prefix)
}

fn domain(value: &str) -> Result<MacroText, RecordProblem> {
    MacroText::read(value, Place::Domain).map_err(|_| RecordProblem::Domain)
}
