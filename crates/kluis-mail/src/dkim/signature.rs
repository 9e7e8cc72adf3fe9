//! Reads a DKIM-Signature field (RFC 6376 §3.5), and with the same code the two signed fields of ARC (RFC 8617 §4.1).

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};

use super::canon::Canon;
use super::tags::{TagError, TagList, TagProblem, without_blanks};
use crate::dns::{Question, RecordKind, is_within};
use crate::message::lone_line_end;

/// Names in `h=` that are read.
const NAMES_MAX: usize = 500;
/// Base64 as mail writes it: padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Which field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// DKIM-Signature.
    Dkim,
    /// ARC-Message-Signature.
    ArcMessage,
    /// ARC-Seal: no `h=`, no `bh=`.
    ArcSeal,
}

/// How a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA over SHA-256.
    RsaSha256,
    /// RSA over SHA-1, which counts for nothing (RFC 8301 §3.1).
    RsaSha1,
    /// Ed25519 over SHA-256 (RFC 8463).
    Ed25519Sha256,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::RsaSha256, Self::RsaSha1, Self::Ed25519Sha256];

    /// The word in `a=`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::RsaSha1 => "rsa-sha1",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }
}

/// A signature that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `a=`.
    pub algorithm: Algorithm,
    /// The first word of `c=`, for the header.
    pub header: Canon,
    /// The second word of `c=`, for the body.
    pub body: Canon,
    /// `d=`, in lower case.
    pub domain: String,
    /// `s=`, in lower case.
    pub selector: String,
    /// `i=` as written; `@d` when absent. The instance of ARC is in `instance`.
    pub identity: String,
    /// `i=` of ARC, 1 to 50; 0 for DKIM.
    pub instance: u32,
    /// `h=` in order.
    pub names: Vec<String>,
    /// `bh=`.
    pub body_hash: Vec<u8>,
    /// `b=`.
    pub signature: Vec<u8>,
    /// `l=`: bytes of the canonical body that are signed.
    pub length: Option<u64>,
    /// `t=`, seconds since 1970.
    pub signed_s: Option<u64>,
    /// `x=`, seconds since 1970.
    pub expires_s: Option<u64>,
    /// `cv=` of a seal, in lower case.
    pub chain: Option<String>,
    /// The value of `b=` in the value of the field, which the signature does not cover.
    pub own: Range<usize>,
}

impl Signature {
    /// Where its key is (RFC 6376 §3.6.2.1).
    #[must_use]
    pub fn question(&self) -> Question {
        Question::new(&format!("{}._domainkey.{}", self.selector, self.domain), RecordKind::Txt)
    }
}

/// Why a field is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// It is no list of tags.
    #[error("{0}")]
    Tags(#[from] TagError),
    /// A tag that must be there is not.
    #[error("no tag {0}=")]
    Missing(&'static str),
    /// A tag with a value that it cannot have.
    #[error("a bad value of {name}= at byte {}", span.start)]
    Value {
        /// Which.
        name: &'static str,
        /// Bytes of the value of the field.
        span: Range<usize>,
    },
    /// `v=` is not 1.
    #[error("an unknown version")]
    Version,
    /// `a=` is unknown.
    #[error("an unknown algorithm")]
    Algorithm,
    /// `h=` does not hold From (RFC 6376 §5.4).
    #[error("From is not signed")]
    FromNotSigned,
    /// `i=` is not within `d=` (RFC 6376 §3.5).
    #[error("i= is not within d=")]
    Identity,
    /// `x=` is not after `t=`.
    #[error("it expires before it was made")]
    Expiry,
    /// `q=` does not hold `dns/txt`.
    #[error("its key is not in the DNS")]
    Query,
    /// A tag that this field must not have.
    #[error("the tag {0}= must not be here")]
    Forbidden(&'static str),
}

/// Reads the value of a field.
///
/// # Errors
/// Why it is no signature; such a signature is as good as none.
pub fn read(value: &[u8], form: Form) -> Result<Signature, SignatureProblem> {
    if let Some(at) = lone_line_end(value) {
        // `b=` does not cover itself, so that nothing else would notice.
        return Err(TagError { problem: TagProblem::Character, span: at..at + 1 }.into());
    }
    let tags = TagList::read(value)?;
    let reader = Reader { tags: &tags };
    match (form, tags.value("v")) {
        (Form::Dkim, None) => return Err(SignatureProblem::Missing("v")),
        (Form::Dkim, Some("1")) | (_, None) => {}
        (Form::Dkim, Some(_)) => return Err(SignatureProblem::Version),
        // ARC fields have no version (RFC 8617 §4.1.2); one in a message signature is ignored.
        (Form::ArcMessage, Some(_)) => {}
        (Form::ArcSeal, Some(_)) => return Err(SignatureProblem::Forbidden("v")),
    }
    let word = reader.needed("a")?;
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.word().eq_ignore_ascii_case(word));
    let algorithm = algorithm.ok_or(SignatureProblem::Algorithm)?;
    let domain = reader.name("d", 2)?;
    let selector = reader.name("s", 1)?;
    let signature = reader.base64("b")?;
    // Invariant: `b=` was just read.
    let own = tags.find("b").map(|tag| tag.value_span.clone()).unwrap_or_default();
    let signed_s = reader.number("t", 12)?;
    let mut found = Signature {
        algorithm,
        header: Canon::Relaxed,
        body: Canon::Relaxed,
        identity: format!("@{domain}"),
        domain,
        selector,
        instance: 0,
        names: Vec::new(),
        body_hash: Vec::new(),
        signature,
        length: None,
        signed_s,
        expires_s: None,
        chain: None,
        own,
    };
    match form {
        Form::Dkim => reader.identity(&mut found)?,
        Form::ArcMessage | Form::ArcSeal => found.instance = reader.instance()?,
    }
    if form == Form::ArcSeal {
        reader.seal(&mut found)?;
    } else {
        reader.content(&mut found)?;
    }
    Ok(found)
}

struct Reader<'a> {
    tags: &'a TagList<'a>,
}

impl<'a> Reader<'a> {
    fn needed(&self, name: &'static str) -> Result<&'a str, SignatureProblem> {
        self.tags.value(name).ok_or(SignatureProblem::Missing(name))
    }

    fn bad(&self, name: &'static str) -> SignatureProblem {
        let span = self.tags.find(name).map(|tag| tag.span.clone()).unwrap_or_default();
        SignatureProblem::Value { name, span }
    }

    /// `c=`, `h=`, `bh=`, `l=`, `x=`, `q=`: what a signature over content has.
    fn content(&self, found: &mut Signature) -> Result<(), SignatureProblem> {
        (found.header, found.body) = self.canons()?;
        found.names = self.names()?;
        found.body_hash = self.base64("bh")?;
        found.length = self.number("l", 76)?;
        found.expires_s = self.number("x", 12)?;
        let is_backwards = found.expires_s.zip(found.signed_s).is_some_and(|(x, t)| x <= t);
        if is_backwards {
            return Err(SignatureProblem::Expiry);
        }
        let asks_dns =
            |words: &str| words.split(':').any(|word| word.trim_ascii().eq_ignore_ascii_case("dns/txt"));
        if !self.tags.value("q").is_none_or(asks_dns) {
            return Err(SignatureProblem::Query);
        }
        Ok(())
    }

    fn seal(&self, found: &mut Signature) -> Result<(), SignatureProblem> {
        for name in ["h", "bh"] {
            if self.tags.find(name).is_some() {
                return Err(SignatureProblem::Forbidden(name));
            }
        }
        found.chain = Some(self.needed("cv")?.to_ascii_lowercase());
        Ok(())
    }

    fn canons(&self) -> Result<(Canon, Canon), SignatureProblem> {
        let Some(words) = self.tags.value("c") else { return Ok((Canon::Simple, Canon::Simple)) };
        let read = |word: &str| {
            [Canon::Simple, Canon::Relaxed].into_iter().find(|canon| word.eq_ignore_ascii_case(canon.word()))
        };
        let (header, body) = words.split_once('/').map_or((words, "simple"), |pair| pair);
        read(header).zip(read(body)).ok_or_else(|| self.bad("c"))
    }

    fn names(&self) -> Result<Vec<String>, SignatureProblem> {
        let list = self.needed("h")?;
        let names: Vec<String> =
            list.split(':').take(NAMES_MAX + 1).map(|name| name.trim_ascii().to_owned()).collect();
        let is_name = |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if names.len() > NAMES_MAX || !names.iter().all(is_name) {
            return Err(self.bad("h"));
        }
        if !names.iter().any(|name| name.eq_ignore_ascii_case("from")) {
            return Err(SignatureProblem::FromNotSigned);
        }
        Ok(names)
    }

    fn base64(&self, name: &'static str) -> Result<Vec<u8>, SignatureProblem> {
        let value = without_blanks(self.needed(name)?);
        BASE64.decode(value).ok().filter(|bytes| !bytes.is_empty()).ok_or_else(|| self.bad(name))
    }

    fn number(&self, name: &'static str, digits_max: usize) -> Result<Option<u64>, SignatureProblem> {
        let Some(value) = self.tags.value(name) else { return Ok(None) };
        let is_number = (1..=digits_max).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
        // More than fits is more than any body or time has.
        is_number.then(|| Some(value.parse().unwrap_or(u64::MAX))).ok_or_else(|| self.bad(name))
    }

    /// A domain name of at least so many labels.
    fn name(&self, name: &'static str, labels_min: usize) -> Result<String, SignatureProblem> {
        let value = self.needed(name)?.to_ascii_lowercase();
        let is_good = is_domain(&value) && value.split('.').count() >= labels_min;
        if is_good { Ok(value) } else { Err(self.bad(name)) }
    }

    fn identity(&self, found: &mut Signature) -> Result<(), SignatureProblem> {
        let Some(value) = self.tags.value("i") else { return Ok(()) };
        let (_, domain) = value.rsplit_once('@').ok_or_else(|| self.bad("i"))?;
        if !is_within(domain, &found.domain) {
            return Err(SignatureProblem::Identity);
        }
        value.clone_into(&mut found.identity);
        Ok(())
    }

    fn instance(&self) -> Result<u32, SignatureProblem> {
        self.needed("i")?;
        let number = self.number("i", 2)?.and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| (1..=super::super::arc::SETS_MAX).contains(number))
            .ok_or_else(|| self.bad("i"))
    }
}

/// Decodes base64 whose padding may be missing.
pub(crate) fn decode_base64(letters: &str) -> Option<Vec<u8>> {
    BASE64.decode(letters).ok()
}

/// Encodes base64 with padding.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    general_purpose::STANDARD.encode(bytes)
}

/// Whether a text is a name in the DNS made of letters, digits, `-` and `_`: a domain or a selector.
#[must_use]
pub fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const GOOD: &str = "v=1; a=rsa-sha256; c=relaxed; d=Shop.example; s=a.b; i=x@mail.shop.example; h=to : From;\r\n \
        bh=AAAA; b=AA\r\n AA; t=5; x=9; l=3; q=dns/txt; new=tag";

    #[test]
    fn a_signature_is_read() {
        let found = read(GOOD.as_bytes(), Form::Dkim).unwrap();
        assert_eq!((found.header, found.body), (Canon::Relaxed, Canon::Simple));
        assert_eq!(found.question().name, "a.b._domainkey.shop.example");
        assert_eq!(found.names, ["to", "From"]);
        assert_eq!((found.signed_s, found.expires_s, found.length), (Some(5), Some(9), Some(3)));
        assert_eq!(&GOOD[found.own], "AA\r\n AA");
        let short = "v=1;a=ed25519-sha256;d=a.example;s=x;h=from;bh=AA==;b=AA";
        let found = read(short.as_bytes(), Form::Dkim).unwrap();
        assert_eq!(
            (found.header, found.body, found.identity.as_str()),
            (Canon::Simple, Canon::Simple, "@a.example")
        );
    }

    #[test]
    fn every_broken_tag_is_refused() {
        let value = |name| SignatureProblem::Value { name, span: 0..0 };
        for (from, to, wanted) in [
            ("v=1; ", "", SignatureProblem::Missing("v")),
            ("v=1", "v=2", SignatureProblem::Version),
            ("v=1", "v=1.0", SignatureProblem::Version),
            ("rsa-sha256", "rsa-sha512", SignatureProblem::Algorithm),
            ("a=rsa-sha256; ", "", SignatureProblem::Missing("a")),
            ("c=relaxed", "c=loose", value("c")),
            ("c=relaxed", "c=relaxed/relaxed/simple", value("c")),
            ("d=Shop.example", "d=legitimate.example(.attacker.example", value("d")),
            ("d=Shop.example", "d=example", value("d")),
            ("d=Shop.example", "d=shop..example", value("d")),
            ("d=Shop.example", "d=caf\u{e9}.example", value("d")),
            ("d=Shop.example; ", "", SignatureProblem::Missing("d")),
            ("s=a.b", "s=", value("s")),
            ("s=a.b", "s=a b", value("s")),
            ("i=x@mail.shop.example", "i=x@othershop.example", SignatureProblem::Identity),
            ("i=x@mail.shop.example", "i=x", value("i")),
            ("h=to : From", "h=to", SignatureProblem::FromNotSigned),
            ("h=to : From", "h=to::From", value("h")),
            ("h=to : From", "h=", value("h")),
            ("bh=AAAA", "bh=A", value("bh")),
            ("bh=AAAA", "bh=", value("bh")),
            ("bh=AAAA; ", "", SignatureProblem::Missing("bh")),
            ("b=AA\r\n AA", "b=*", value("b")),
            ("t=5", "t=-5", value("t")),
            ("t=5", "t=1234567890123", value("t")),
            ("x=9", "x=5", SignatureProblem::Expiry),
            ("x=9", "x=soon", value("x")),
            ("l=3", "l=", value("l")),
            ("q=dns/txt", "q=dns/mx", SignatureProblem::Query),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let text = GOOD.replacen(from, to, 1);
            let mut problem = read(text.as_bytes(), Form::Dkim).unwrap_err();
            if let SignatureProblem::Value { span, .. } = &mut problem {
                assert!(text[std::mem::replace(span, 0..0)].starts_with(to.get(..2).unwrap()), "{to}");
            }
            assert_eq!(problem, wanted, "{to}");
        }
        assert!(matches!(read(b"v=1; v=1", Form::Dkim), Err(SignatureProblem::Tags(_))));
        let lone = GOOD.replace("AA\r\n AA", "AA\t\n AA");
        assert!(matches!(read(lone.as_bytes(), Form::Dkim), Err(SignatureProblem::Tags(_))));
        let many = GOOD.replace("to : From", &"from:".repeat(NAMES_MAX + 1));
        assert!(matches!(read(many.as_bytes(), Form::Dkim), Err(SignatureProblem::Value { name: "h", .. })));
    }

    #[test]
    fn fields_of_arc_have_their_own_tags() {
        let seal = "i=2; a=rsa-sha256; cv=Pass; d=a.example; s=x; b=AAAA";
        let found = read(seal.as_bytes(), Form::ArcSeal).unwrap();
        assert_eq!((found.instance, found.chain.as_deref()), (2, Some("pass")));
        let message = "i=1; a=rsa-sha256; c=relaxed/relaxed; d=a.example; s=x; h=from; bh=AAAA; b=AAAA";
        assert_eq!(read(message.as_bytes(), Form::ArcMessage).unwrap().instance, 1);
        for (bad, form, wanted) in [
            (format!("{seal}; h=from"), Form::ArcSeal, SignatureProblem::Forbidden("h")),
            (format!("{seal}; v=1"), Form::ArcSeal, SignatureProblem::Forbidden("v")),
            (seal.replace("cv=Pass; ", ""), Form::ArcSeal, SignatureProblem::Missing("cv")),
            (seal.replace("i=2; ", ""), Form::ArcSeal, SignatureProblem::Missing("i")),
            (seal.replace("i=2", "i=0"), Form::ArcSeal, SignatureProblem::Value { name: "i", span: 0..3 }),
            (seal.replace("i=2", "i=51"), Form::ArcSeal, SignatureProblem::Value { name: "i", span: 0..4 }),
            (message.replace("h=from; ", ""), Form::ArcMessage, SignatureProblem::Missing("h")),
        ] {
            assert_eq!(read(bad.as_bytes(), form), Err(wanted), "{bad}");
        }
    }
}
