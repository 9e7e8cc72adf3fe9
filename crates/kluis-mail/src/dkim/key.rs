//! Reads a key record of DKIM (RFC 6376 §3.6.1) and writes one.

use std::ops::Range;

use kluis_crypto::mail::{MailKeyProblem, MailPrivateKey, MailPublicKey};

use super::signature::{decode_base64, encode_base64};
use super::tags::{TagError, TagList, without_blanks};

/// Bytes of one string in a TXT record (RFC 1035 §3.3.14).
pub const STRING_BYTES_MAX: usize = 255;
/// Bits under which an RSA key deserves a warning (RFC 8301 §3.2: signers SHOULD use 2048).
pub const RSA_BITS_ADVISED: u32 = 2048;

/// The kind of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// `k=rsa`, or no `k=`.
    #[default]
    Rsa,
    /// `k=ed25519` (RFC 8463 §4.1).
    Ed25519,
}

impl KeyKind {
    /// The word in `k=`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// `k`.
    pub kind: KeyKind,
    /// The key in `p`; `None` when it is empty: revoked.
    pub public: Option<Vec<u8>>,
    /// `h`; `None` allows every hash.
    pub hashes: Option<Vec<String>>,
    /// `s`; `None` allows every service.
    pub services: Option<Vec<String>>,
    /// `t=y`: the domain tries it out; a failure must not count more than no signature.
    pub is_test: bool,
    /// `t=s`: `i=` must be exactly in `d=`.
    pub is_strict: bool,
    /// What is odd about it.
    pub remarks: Vec<KeyRemark>,
}

impl KeyRecord {
    /// Whether mail may be signed with it: `s` holds `*` or `email`.
    #[must_use]
    pub fn is_for_mail(&self) -> bool {
        let is_mail = |word: &String| word == "*" || word.eq_ignore_ascii_case("email");
        self.services.as_ref().is_none_or(|words| words.iter().any(is_mail))
    }

    /// Whether a hash may be used: `h` holds its name.
    #[must_use]
    pub fn allows(&self, hash: &str) -> bool {
        self.hashes.as_ref().is_none_or(|words| words.iter().any(|word| word.eq_ignore_ascii_case(hash)))
    }

    /// Reads the key itself.
    ///
    /// # Errors
    /// When `p` holds no key of its kind; `None` inside when it is revoked.
    pub fn key(&self) -> Result<Option<MailPublicKey>, MailKeyProblem> {
        let Some(public) = &self.public else { return Ok(None) };
        match self.kind {
            KeyKind::Rsa => MailPublicKey::rsa(public),
            KeyKind::Ed25519 => MailPublicKey::ed25519(public),
        }
        .map(Some)
    }
}

/// Something odd about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRemark {
    /// No `v=DKIM1`; allowed, but it should be there.
    NoVersion,
    /// `g=`, which RFC 6376 removed; it is ignored.
    Granularity,
    /// `p` is PKCS#1 instead of `SubjectPublicKeyInfo`; some receivers refuse it.
    Pkcs1,
    /// RSA under [`RSA_BITS_ADVISED`] bits.
    Small,
}

/// Why a record is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// It is no list of tags.
    #[error("{0}")]
    Tags(#[from] TagError),
    /// `v` is not the first tag, or not `DKIM1`.
    #[error("an unknown version")]
    Version,
    /// `k` is unknown.
    #[error("an unknown kind of key")]
    Kind,
    /// There is no `p`.
    #[error("no key")]
    Missing,
    /// `p` is no base64 or no key of its kind.
    #[error("a key that cannot be read")]
    Key {
        /// Bytes of the record.
        span: Range<usize>,
    },
}

/// Reads a record.
///
/// # Errors
/// Why it is no key.
pub fn read(text: &[u8]) -> Result<KeyRecord, KeyProblem> {
    let tags = TagList::read(text)?;
    let mut remarks = Vec::new();
    match tags.value("v") {
        None => remarks.push(KeyRemark::NoVersion),
        Some("DKIM1") if tags.tags()[0].name == "v" => {}
        Some(_) => return Err(KeyProblem::Version),
    }
    let kind = match tags.value("k") {
        None => KeyKind::Rsa,
        Some(word) => [KeyKind::Rsa, KeyKind::Ed25519]
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind.word()))
            .ok_or(KeyProblem::Kind)?,
    };
    let tag = tags.find("p").ok_or(KeyProblem::Missing)?;
    let bad_key = || KeyProblem::Key { span: tag.span.clone() };
    let public = decode_base64(&without_blanks(tag.value)).ok_or_else(bad_key)?;
    let words = |name| {
        tags.value(name).map(|list| list.split(':').map(|word| word.trim_ascii().to_owned()).collect())
    };
    let flags: Vec<String> = words("t").unwrap_or_default();
    if tags.find("g").is_some() {
        remarks.push(KeyRemark::Granularity);
    }
    let mut record = KeyRecord {
        kind,
        public: Some(public).filter(|public| !public.is_empty()),
        hashes: words("h"),
        services: words("s"),
        is_test: flags.iter().any(|flag| flag.eq_ignore_ascii_case("y")),
        is_strict: flags.iter().any(|flag| flag.eq_ignore_ascii_case("s")),
        remarks,
    };
    let key = record.key().map_err(|_| bad_key())?;
    if let Some(key) = key.filter(|_| kind == KeyKind::Rsa) {
        record.remarks.extend(key.is_pkcs1().then_some(KeyRemark::Pkcs1));
        record.remarks.extend((key.bits() < RSA_BITS_ADVISED).then_some(KeyRemark::Small));
    }
    Ok(record)
}

/// Returns the record to publish for a key.
///
/// # Errors
/// When the cipher library cannot write the public key.
pub fn record(key: &MailPrivateKey) -> Result<String, MailKeyProblem> {
    let kind = if key.is_ed25519() { KeyKind::Ed25519 } else { KeyKind::Rsa };
    Ok(format!("v=DKIM1; k={}; p={}", kind.word(), encode_base64(&key.public_record()?)))
}

/// Returns the record that says that a key is no longer valid (RFC 6376 §3.6.1: an empty `p`).
#[must_use]
pub fn revoked(kind: KeyKind) -> String {
    format!("v=DKIM1; k={}; p=", kind.word())
}

/// Splits a record (ASCII) into the strings of a TXT record.
#[must_use]
pub fn strings(record: &str) -> Vec<&str> {
    let mut rest = record;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = (1..=rest.len().min(STRING_BYTES_MAX)).rev().find(|end| rest.is_char_boundary(*end));
        let (string, more) = rest.split_at(end.unwrap_or(rest.len()));
        found.push(string);
        rest = more;
    }
    found
}

/// Returns the line for a zone file in the way of BIND (RFC 1035 §5.1), the name absolute.
#[must_use]
pub fn zone_line(name: &str, record: &str) -> String {
    let quoted = |string: &str| format!("\"{}\"", string.replace('\\', "\\\\").replace('"', "\\\""));
    let strings: Vec<String> = strings(record).into_iter().map(quoted).collect();
    format!("{name}. IN TXT ( {} )", strings.join(" "))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use kluis_crypto::SystemRandom;
    use kluis_crypto::mail::MailKeyKind;

    use super::*;

    #[test]
    fn a_record_of_ours_is_read_back_without_remarks() {
        for kind in [MailKeyKind::Rsa2048, MailKeyKind::Rsa3072, MailKeyKind::Ed25519] {
            let key = MailPrivateKey::generate(kind, &SystemRandom).unwrap();
            let text = record(&key).unwrap();
            let found = read(text.as_bytes()).unwrap();
            assert_eq!(found.public.clone().unwrap(), key.public_record().unwrap());
            assert!(found.remarks.is_empty() && found.is_for_mail() && found.allows("sha256"));
            let strings = strings(&text);
            assert!(strings.iter().all(|string| (1..=255).contains(&string.len())));
            assert_eq!(strings.concat(), text);
            let line = zone_line("s._domainkey.shop.example", &text);
            assert!(line.starts_with("s._domainkey.shop.example. IN TXT ( \"v=DKIM1; k="), "{line}");
            assert_eq!(line.matches('"').count(), 2 * strings.len());
        }
        assert_eq!(read(revoked(KeyKind::Rsa).as_bytes()).unwrap().public, None);
        assert!(strings("").is_empty());
    }

    #[test]
    fn flags_and_lists_are_read() {
        let text = "v=DKIM1; h=sha1:sha256; s=tlsrpt : email; t=y:s:x; g=*; n=note; k=ed25519; \
            p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaa PcHURo=;";
        let found = read(text.as_bytes()).unwrap();
        assert!(found.is_test && found.is_strict && found.is_for_mail() && found.allows("SHA256"));
        assert_eq!(found.remarks, [KeyRemark::Granularity]);
        let found = read(b"p=; s=tlsrpt; h=sha1").unwrap();
        assert!(!found.is_for_mail() && !found.allows("sha256") && found.public.is_none());
        assert_eq!(found.remarks, [KeyRemark::NoVersion]);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (text, wanted) in [
            ("v=DKIM1; k=rsa", KeyProblem::Missing),
            ("v=DKIM2; p=", KeyProblem::Version),
            ("v=dkim1; p=", KeyProblem::Version),
            ("p=; v=DKIM1", KeyProblem::Version),
            ("v=DKIM1; k=dsa; p=", KeyProblem::Kind),
            ("v=DKIM1; k=ed25519-sha256; p=", KeyProblem::Kind),
            ("v=DKIM1; p=AAAA", KeyProblem::Key { span: 9..15 }),
            ("v=DKIM1; p=?", KeyProblem::Key { span: 9..12 }),
            ("v=DKIM1; k=ed25519; p=AAAA", KeyProblem::Key { span: 20..26 }),
        ] {
            assert_eq!(read(text.as_bytes()), Err(wanted), "{text}");
        }
        for text in ["", "v=spf1 -all", "hello", "v=DKIM1; p=; p="] {
            assert!(matches!(
                read(text.as_bytes()),
                Err(KeyProblem::Tags(_) | KeyProblem::Missing | KeyProblem::Version)
            ));
        }
    }
}
