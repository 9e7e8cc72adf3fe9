//! Macro strings of SPF (RFC 7208 §7): read strictly, expanded for one message.

use core::net::IpAddr;
use std::fmt::Write;

/// Bytes an expansion may have.
const EXPANDED_BYTES_MAX: usize = 4096;

/// Where a macro string stands, which decides what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A domain-spec: ends in a macro or a top label (RFC 7208 §7.1).
    Domain,
    /// The value of an unknown modifier.
    Text,
    /// The explanation text, where `c`, `r` and `t` are allowed too, and spaces.
    Explanation,
}

/// Not a macro string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a macro string")]
pub struct MacroError;

/// A macro string that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroText {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Macro(Macro),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Macro {
    /// In lower case.
    letter: u8,
    /// Written in upper case: URL-escaped.
    is_escaped: bool,
    /// The right-most so many parts; 0 is all of them.
    keep: usize,
    is_reversed: bool,
    /// At least one.
    delimiters: Vec<u8>,
}

/// What the letters stand for.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    /// `s`: the sender, `postmaster@…` when it has no local part.
    pub sender: &'a str,
    /// `d`: the domain that is evaluated.
    pub domain: &'a str,
    /// `i`, `c`, `v`.
    pub address: IpAddr,
    /// `h`.
    pub helo: &'a str,
    /// `p`; `unknown` when nobody looked.
    pub validated: &'a str,
    /// `r`: who evaluates.
    pub receiver: &'a str,
    /// `t`: seconds since 1970.
    pub now_s: i64,
}

impl MacroText {
    /// Reads a macro string.
    ///
    /// # Errors
    /// When it breaks the grammar.
    pub fn read(text: &str, place: Place) -> Result<Self, MacroError> {
        let bytes = text.as_bytes();
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte != b'%' {
                let is_allowed =
                    (0x21..0x7f).contains(&byte) || (place == Place::Explanation && byte == b' ');
                if !is_allowed {
                    return Err(MacroError);
                }
                literal.push(char::from(byte));
                at += 1;
                continue;
            }
            match bytes.get(at + 1) {
                Some(b'%') => literal.push('%'),
                Some(b'_') => literal.push(' '),
                Some(b'-') => literal.push_str("%20"),
                Some(b'{') => {
                    let end = text[at..].find('}').ok_or(MacroError)? + at;
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Macro(Macro::read(&bytes[at + 2..end], place)?));
                    at = end + 1;
                    continue;
                }
                _ => return Err(MacroError),
            }
            at += 2;
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        let text = Self { parts };
        if place == Place::Domain && !text.ends_like_a_domain() {
            return Err(MacroError);
        }
        Ok(text)
    }

    /// `domain-end = ( "." toplabel [ "." ] ) / macro-expand`.
    fn ends_like_a_domain(&self) -> bool {
        match self.parts.last() {
            None => false,
            Some(Part::Macro(_)) => true,
            Some(Part::Literal(literal)) => {
                // An escape such as `%%` at the end is a macro-expand too.
                if literal.ends_with(['%', ' ']) || literal.ends_with("%20") {
                    return true;
                }
                let name = literal.strip_suffix('.').unwrap_or(literal);
                let Some((before, top)) = name.rsplit_once('.') else { return false };
                let has_before = !before.is_empty() || self.parts.len() > 1;
                let is_plain = top.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                let has_letter = top.bytes().any(|byte| byte.is_ascii_alphabetic() || byte == b'-');
                has_before
                    && !top.is_empty()
                    && is_plain
                    && has_letter
                    && !top.starts_with('-')
                    && !top.ends_with('-')
            }
        }
    }

    /// Whether the validated name of the address is needed (`%{p}`), which costs look-ups.
    #[must_use]
    pub fn needs_validated(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Macro(found) if found.letter == b'p'))
    }

    /// The text when it holds no macro.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Puts the values in.
    #[must_use]
    pub fn expand(&self, values: &Values<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Macro(found) => found.expand(values, &mut out),
            }
            if out.len() > EXPANDED_BYTES_MAX {
                break;
            }
        }
        out
    }

    /// Puts the values in and cuts labels from the left until a name of at most 253 bytes is left (RFC 7208 §7.3).
    #[must_use]
    pub fn expand_domain(&self, values: &Values<'_>) -> String {
        let mut name = self.expand(values);
        if name.ends_with('.') {
            name.pop();
        }
        while name.len() > 253 {
            match name.find('.') {
                Some(dot) => {
                    name.drain(..=dot);
                }
                None => break,
            }
        }
        name
    }
}

impl Macro {
    fn read(inside: &[u8], place: Place) -> Result<Self, MacroError> {
        let (letter, rest) = inside.split_first().ok_or(MacroError)?;
        let lower = letter.to_ascii_lowercase();
        let is_known =
            b"slodiphv".contains(&lower) || (place == Place::Explanation && b"crt".contains(&lower));
        if !is_known {
            return Err(MacroError);
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let keep = match std::str::from_utf8(&rest[..digits]).map_err(|_| MacroError)? {
            "" => 0,
            number => number.parse::<u64>().ok().filter(|n| *n > 0).ok_or(MacroError)?,
        };
        let mut rest = &rest[digits..];
        let is_reversed = rest.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'r'));
        if is_reversed {
            rest = &rest[1..];
        }
        if !rest.iter().all(|byte| b".-+,/_=".contains(byte)) {
            return Err(MacroError);
        }
        let delimiters = if rest.is_empty() { vec![b'.'] } else { rest.to_vec() };
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        Ok(Self { letter: lower, is_escaped: letter.is_ascii_uppercase(), keep, is_reversed, delimiters })
    }

    fn expand(&self, values: &Values<'_>, out: &mut String) {
        let (local, domain) = values.sender.rsplit_once('@').unwrap_or(("postmaster", values.sender));
        let value = match self.letter {
            b's' => values.sender.to_owned(),
            b'l' => local.to_owned(),
            b'o' => domain.to_owned(),
            b'd' => values.domain.to_owned(),
            b'i' => dotted(values.address),
            b'p' => values.validated.to_owned(),
            b'h' => values.helo.to_owned(),
            b'c' => values.address.to_string(),
            b'r' => values.receiver.to_owned(),
            b't' => values.now_s.to_string(),
            _ => if values.address.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
        };
        let mut labels: Vec<&str> =
            value.split(|c: char| c.is_ascii() && self.delimiters.contains(&(c as u8))).collect();
        if self.is_reversed {
            labels.reverse();
        }
        let from = if self.keep == 0 { 0 } else { labels.len().saturating_sub(self.keep) };
        let joined = labels[from..].join(".");
        if !self.is_escaped {
            out.push_str(&joined);
            return;
        }
        for byte in joined.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// The `i` macro: dotted quad, or the nibbles of an IPv6 address with dots between (RFC 7208 §7.3).
fn dotted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let digits: Vec<String> = nibbles.map(|nibble| format!("{nibble:X}")).collect();
            digits.join(".")
        }
    }
}
