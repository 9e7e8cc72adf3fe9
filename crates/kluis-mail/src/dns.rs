//! Questions to the DNS and their answers, as data: the engines ask, somebody else looks up.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::HashMap;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Mail exchangers.
    Mx,
    /// Names of an address.
    Ptr,
    /// What a name is an alias of.
    Cname,
    /// Name servers of a zone.
    Ns,
    /// Texts.
    Txt,
}

/// A question: a name in lower case without its last dot, and a kind of record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: RecordKind,
}

impl Question {
    /// Asks for records of a kind at a name, in whatever case and with or without a last dot.
    #[must_use]
    pub fn new(name: &str, kind: RecordKind) -> Self {
        Self { name: name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(), kind }
    }
}

/// What came back; an empty list says that the name has no such record (NODATA).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Addresses.
    A(Vec<Ipv4Addr>),
    /// Addresses.
    Aaaa(Vec<Ipv6Addr>),
    /// Preference and host.
    Mx(Vec<(u16, String)>),
    /// Names: of an address, behind an alias, of name servers.
    Ptr(Vec<String>),
    /// Texts, the strings of each record joined without anything between (RFC 7208 §3.3).
    Txt(Vec<Vec<u8>>),
    /// The name does not exist (RCODE 3).
    NoSuchName,
    /// No answer in time, or a server failure.
    Failed,
}

impl Answer {
    /// Whether it says that there is nothing: a void lookup (RFC 7208 §4.6.4).
    #[must_use]
    pub fn is_void(&self) -> bool {
        match self {
            Self::A(list) => list.is_empty(),
            Self::Aaaa(list) => list.is_empty(),
            Self::Mx(list) => list.is_empty(),
            Self::Ptr(list) => list.is_empty(),
            Self::Txt(list) => list.is_empty(),
            Self::NoSuchName => true,
            Self::Failed => false,
        }
    }
}

/// Answers that are known already.
pub trait Answers {
    /// The answer, or `None` when the question must be asked first.
    fn find(&self, question: &Question) -> Option<&Answer>;

    /// The answer about a name.
    ///
    /// # Errors
    /// The question, when it must be asked first.
    fn ask(&self, name: &str, kind: RecordKind) -> Result<&Answer, Question> {
        let question = Question::new(name, kind);
        self.find(&question).ok_or(question)
    }
}

impl<S: std::hash::BuildHasher> Answers for HashMap<Question, Answer, S> {
    fn find(&self, question: &Question) -> Option<&Answer> {
        self.get(question)
    }
}

/// Answers with others laid over them: the DNS as it would be.
#[derive(Debug, Clone, Copy)]
pub struct Over<'a, O, A> {
    /// What comes first.
    pub over: &'a O,
    /// What answers the rest.
    pub rest: &'a A,
}

impl<O: Answers, A: Answers> Answers for Over<'_, O, A> {
    fn find(&self, question: &Question) -> Option<&Answer> {
        self.over.find(question).or_else(|| self.rest.find(question))
    }
}

/// The name under which the names of an address are (RFC 1035 §3.5, RFC 3596 §2.5).
#[must_use]
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let digits: Vec<String> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
    }
}

/// Whether a name is another or below it, in whatever case and with or without a last dot of the upper one; nothing is
/// below the root here.
#[must_use]
pub fn is_within(name: &str, above: &str) -> bool {
    let (name, above) = (name.as_bytes(), above.trim_end_matches('.').as_bytes());
    let Some(start) = name.len().checked_sub(above.len()).filter(|_| !above.is_empty()) else { return false };
    name[start..].eq_ignore_ascii_case(above) && (start == 0 || name[start - 1] == b'.')
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_name_is_within_itself_and_what_is_above_it() {
        for (name, above) in
            [("a.example", "a.example"), ("b.A.example", "a.Example"), ("b.a.example", "example.")]
        {
            assert!(is_within(name, above), "{name} {above}");
        }
        for (name, above) in [
            ("ba.example", "a.example"),
            ("example", "a.example"),
            ("a.example", ""),
            ("", "example"),
            ("é", "\u{a9}"),
        ] {
            assert!(!is_within(name, above), "{name} {above}");
        }
    }
}
