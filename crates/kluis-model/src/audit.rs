//! What an audit log records: one leaf per operation, in one canonical spelling and without personal values.

use serde::Deserialize;

use crate::fields::FieldName;
use crate::ids::{RequestId, ShopId, SubjectId};
use crate::purposes::PurposeId;
use crate::time::TimeMs;
use crate::wire::words;

/// One entry of an audit log. Names, counts and digests only: no personal value ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// When.
    pub time: TimeMs,
    /// In which shop.
    pub shop: ShopId,
    /// What kind of actor.
    pub actor_kind: ActorKind,
    /// The actor's id; at most [`WORD_BYTES_MAX`] bytes are recorded.
    pub actor: String,
    /// For which purpose.
    pub purpose: Option<PurposeId>,
    /// What was done or tried.
    pub operation: Operation,
    /// Which fields.
    pub fields: Vec<FieldName>,
    /// How many subjects or rows.
    pub count: u64,
    /// How it went.
    pub outcome: Outcome,
    /// Why it went so, from a fixed vocabulary; at most [`WORD_BYTES_MAX`] bytes are recorded.
    pub reason: Option<String>,
    /// About whom.
    pub subject: Option<SubjectId>,
    /// In which request.
    pub request: RequestId,
    /// The version of the row that was written.
    pub row_version: Option<u64>,
    /// The digest of the row that was written.
    pub row_digest: Option<[u8; 32]>,
    /// The hash of the encrypted detail.
    pub detail_hash: Option<[u8; 32]>,
}

/// The longest leaf, in bytes: room for every field of the largest register (300 names of 64 bytes), and inside the
/// 65,535 bytes of an entry in a C2SP tile.
pub const LEAF_BYTES_MAX: usize = 32 * 1024;
/// The longest actor id or reason that is recorded, in bytes; more is cut off.
pub const WORD_BYTES_MAX: usize = 256;

/// What kind of actor acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorKind {
    /// A person who works for the shop, by a staff credential.
    Staff,
    /// Another system, by a connector credential.
    Connector,
    /// The person whose data it is.
    Subject,
    /// The vault's own job loop.
    Job,
    /// Whoever runs the command line beside the keyring.
    Local,
}
words!(
    ActorKind,
    "actor kind",
    5,
    [
        (ActorKind::Staff, "staff"),
        (ActorKind::Connector, "connector"),
        (ActorKind::Subject, "subject"),
        (ActorKind::Job, "job"),
        (ActorKind::Local, "local"),
    ]
);

/// What can be granted, done and recorded. The numbers are stable over versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Make a new vault.
    Init = 0,
    /// Put in a new customer.
    Create = 1,
    /// Read one customer for a purpose.
    Read = 2,
    /// Find customers by an indexed value.
    Lookup = 3,
    /// Find customers by name.
    Search = 4,
    /// Change a customer.
    Update = 5,
    /// Forget a customer (GDPR art. 17).
    Erase = 6,
    /// Give a customer everything about them (GDPR art. 15 and 20).
    Access = 7,
    /// Record or read consent (GDPR art. 7).
    Consent = 8,
    /// Record an event that moves a retention period.
    Event = 9,
    /// Import a file.
    Import = 10,
    /// Put in many customers in one request.
    Bulk = 11,
    /// Ask for an export.
    ExportRequest = 12,
    /// Approve an export.
    ExportApprove = 13,
    /// Read a page of an approved export.
    ExportRead = 14,
    /// Make a token for a value.
    TokenCreate = 15,
    /// Turn a token back into its value.
    TokenResolve = 16,
    /// Revoke a token.
    TokenRevoke = 17,
    /// Make a credential.
    CredentialCreate = 18,
    /// List credentials.
    CredentialRead = 19,
    /// Revoke a credential.
    CredentialRevoke = 20,
    /// Read the purpose register.
    PurposeRead = 21,
    /// Change the purpose register.
    PurposeChange = 22,
    /// Read the audit log.
    AuditRead = 23,
    /// Verify database and audit log.
    AuditVerify = 24,
    /// Sign a checkpoint.
    Checkpoint = 25,
    /// List keys, without key material.
    KeyRead = 26,
    /// Change keys.
    KeyChange = 27,
    /// Make a backup.
    Backup = 28,
    /// Restore a backup.
    Restore = 29,
    /// Copy the vault to another database.
    StoreCopy = 30,
    /// Sign in.
    SignIn = 31,
    /// Sign out.
    SignOut = 32,
    /// Read counts and health.
    Status = 33,
    /// Audit a web shop's HTTPS, or read such an audit.
    Check = 34,
    /// Read who mails in the shop's name: reports, advice, keys without their secrets.
    MailRead = 35,
    /// Change what mail depends on: signing keys, reports, the queue.
    MailChange = 36,
    /// Hand in mail to be signed and sent.
    MailSend = 37,
}
words!(
    Operation,
    "operation",
    38,
    [
        (Operation::Init, "init"),
        (Operation::Create, "create"),
        (Operation::Read, "read"),
        (Operation::Lookup, "lookup"),
        (Operation::Search, "search"),
        (Operation::Update, "update"),
        (Operation::Erase, "erase"),
        (Operation::Access, "access"),
        (Operation::Consent, "consent"),
        (Operation::Event, "event"),
        (Operation::Import, "import"),
        (Operation::Bulk, "bulk"),
        (Operation::ExportRequest, "export_request"),
        (Operation::ExportApprove, "export_approve"),
        (Operation::ExportRead, "export_read"),
        (Operation::TokenCreate, "token_create"),
        (Operation::TokenResolve, "token_resolve"),
        (Operation::TokenRevoke, "token_revoke"),
        (Operation::CredentialCreate, "credential_create"),
        (Operation::CredentialRead, "credential_read"),
        (Operation::CredentialRevoke, "credential_revoke"),
        (Operation::PurposeRead, "purpose_read"),
        (Operation::PurposeChange, "purpose_change"),
        (Operation::AuditRead, "audit_read"),
        (Operation::AuditVerify, "audit_verify"),
        (Operation::Checkpoint, "checkpoint"),
        (Operation::KeyRead, "key_read"),
        (Operation::KeyChange, "key_change"),
        (Operation::Backup, "backup"),
        (Operation::Restore, "restore"),
        (Operation::StoreCopy, "store_copy"),
        (Operation::SignIn, "sign_in"),
        (Operation::SignOut, "sign_out"),
        (Operation::Status, "status"),
        (Operation::Check, "check"),
        (Operation::MailRead, "mail_read"),
        (Operation::MailChange, "mail_change"),
        (Operation::MailSend, "mail_send"),
    ]
);

impl Operation {
    /// Returns the stable number of the operation.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Returns the operation with a number.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// How an operation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Done.
    Ok = 0,
    /// Refused.
    Denied = 1,
    /// Tried, without success.
    Failed = 2,
}
words!(
    Outcome,
    "outcome (ok, denied, failed)",
    3,
    [(Outcome::Ok, "ok"), (Outcome::Denied, "denied"), (Outcome::Failed, "failed"),]
);

impl Outcome {
    /// Returns the stable number of the outcome.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Returns the outcome with a number, 0 to 2.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Longer than [`LEAF_BYTES_MAX`].
    #[error("leaf too long")]
    TooLong,
    /// Not a leaf, or a leaf with unknown words or keys.
    #[error("leaf is malformed")]
    Malformed,
    /// A leaf in another spelling than the one [`Leaf::encode`] writes.
    #[error("leaf is not in its canonical spelling")]
    NotCanonical,
}

impl Leaf {
    /// Returns the canonical bytes: JSON without spaces, keys in the order of the struct, what is absent left out,
    /// digests in lower-case hexadecimal.
    ///
    /// The same leaf always gives the same bytes. Times outside the years 0 to 9999 are written as the nearest moment inside.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let names: usize = self.fields.iter().map(|field| field.as_str().len() + 3).sum();
        let mut out = Vec::with_capacity(512 + names + self.actor.len());
        out.extend_from_slice(b"{\"time\":\"");
        push_time(&mut out, self.time);
        out.extend_from_slice(b"\",\"shop\":");
        push_i64(&mut out, self.shop.0);
        push_word(&mut out, "actor_kind", self.actor_kind.id());
        out.extend_from_slice(b",\"actor\":");
        push_text(&mut out, &self.actor);
        if let Some(purpose) = &self.purpose {
            push_word(&mut out, "purpose", purpose.as_str());
        }
        push_word(&mut out, "operation", self.operation.id());
        out.extend_from_slice(b",\"fields\":[");
        for (n, field) in self.fields.iter().enumerate() {
            out.extend_from_slice(if n == 0 { b"\"" } else { b",\"" });
            out.extend_from_slice(field.as_str().as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b"],\"count\":");
        push_u64(&mut out, self.count);
        push_word(&mut out, "outcome", self.outcome.id());
        if let Some(reason) = &self.reason {
            out.extend_from_slice(b",\"reason\":");
            push_text(&mut out, reason);
        }
        if let Some(subject) = self.subject {
            push_bytes(&mut out, "subject", subject.as_bytes(), &[4, 6, 8, 10]);
        }
        push_bytes(&mut out, "request", self.request.as_bytes(), &[4, 6, 8, 10]);
        if let Some(version) = self.row_version {
            out.extend_from_slice(b",\"row_version\":");
            push_u64(&mut out, version);
        }
        if let Some(digest) = &self.row_digest {
            push_bytes(&mut out, "row_digest", digest, &[]);
        }
        if let Some(hash) = &self.detail_hash {
            push_bytes(&mut out, "detail_hash", hash, &[]);
        }
        out.push(b'}');
        out
    }

    /// Reads what [`Leaf::encode`] wrote; any other spelling of the same leaf is refused.
    ///
    /// # Errors
    /// When the bytes are too long, no leaf, or not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > LEAF_BYTES_MAX {
            return Err(LeafError::TooLong);
        }
        let raw: RawLeaf = serde_json::from_slice(bytes).map_err(|_| LeafError::Malformed)?;
        let digest =
            |hex: Option<String>| hex.map(|hex| digest_of(&hex).ok_or(LeafError::Malformed)).transpose();
        let leaf = Self {
            time: raw.time,
            shop: raw.shop,
            actor_kind: raw.actor_kind,
            actor: raw.actor,
            purpose: raw.purpose,
            operation: raw.operation,
            fields: raw.fields,
            count: raw.count,
            outcome: raw.outcome,
            reason: raw.reason,
            subject: raw.subject,
            request: raw.request,
            row_version: raw.row_version,
            row_digest: digest(raw.row_digest)?,
            detail_hash: digest(raw.detail_hash)?,
        };
        if leaf.encode() == bytes { Ok(leaf) } else { Err(LeafError::NotCanonical) }
    }
}

/// A leaf as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLeaf {
    time: TimeMs,
    shop: ShopId,
    actor_kind: ActorKind,
    actor: String,
    purpose: Option<PurposeId>,
    operation: Operation,
    fields: Vec<FieldName>,
    count: u64,
    outcome: Outcome,
    reason: Option<String>,
    subject: Option<SubjectId>,
    request: RequestId,
    row_version: Option<u64>,
    row_digest: Option<String>,
    detail_hash: Option<String>,
}

fn digest_of(hex: &str) -> Option<[u8; 32]> {
    let hex = hex.as_bytes();
    if hex.len() != 64 {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// Adds `,"key":"word"`; the word needs no escaping.
fn push_word(out: &mut Vec<u8>, key: &str, word: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":\"");
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Adds `,"key":"hex"` with hyphens in front of the bytes named.
fn push_bytes(out: &mut Vec<u8>, key: &str, bytes: &[u8], hyphens: &[usize]) {
    push_word(out, key, "");
    out.pop();
    for (n, byte) in bytes.iter().enumerate() {
        if hyphens.contains(&n) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// Adds a JSON string of at most [`WORD_BYTES_MAX`] bytes of text; escapes as RFC 8785 §3.2.2.2 does.
fn push_text(out: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(WORD_BYTES_MAX)];
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn push_u64(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn push_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_u64(out, number.unsigned_abs());
}

/// 0000-01-01T00:00:00.000Z and 9999-12-30T22:00:00.000Z, the moments a leaf can carry.
const TIMES: (i64, i64) = (-62_167_219_200_000, 253_402_207_200_000);

/// Adds the moment as [`TimeMs`] writes it; civil date after H. Hinnant, "chrono-compatible low-level date algorithms".
fn push_time(out: &mut Vec<u8>, time: TimeMs) {
    let ms = time.0.clamp(TIMES.0, TIMES.1);
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000) as u64);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let mut digits = |number: u64, width: u32, after: u8| {
        for place in (0..width).rev() {
            out.push(b'0' + (number / 10_u64.pow(place) % 10) as u8);
        }
        out.push(after);
    };
    digits(year.unsigned_abs(), 4, b'-');
    digits(month.unsigned_abs(), 2, b'-');
    digits(day.unsigned_abs(), 2, b'T');
    digits(of_day / 3_600_000, 2, b':');
    digits(of_day / 60_000 % 60, 2, b':');
    digits(of_day / 1_000 % 60, 2, b'.');
    digits(of_day % 1_000, 3, b'Z');
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full() -> Leaf {
        Leaf {
            time: "2026-11-24T02:37:00.123Z".parse().unwrap(),
            shop: ShopId(1),
            actor_kind: ActorKind::Staff,
            actor: "noor \"de\" \\ \u{1}\té".to_owned(),
            purpose: Some(PurposeId::parse("order").unwrap()),
            operation: Operation::Read,
            fields: vec![FieldName::parse("email").unwrap(), FieldName::parse("custom.size").unwrap()],
            count: 1,
            outcome: Outcome::Ok,
            reason: Some("why".to_owned()),
            subject: Some(SubjectId::from_bytes([0x5a; 16])),
            request: RequestId::from_bytes([7; 16]),
            row_version: Some(u64::MAX),
            row_digest: Some([0xab; 32]),
            detail_hash: Some([0; 32]),
        }
    }

    fn bare() -> Leaf {
        Leaf {
            purpose: None,
            fields: Vec::new(),
            reason: None,
            subject: None,
            row_version: None,
            row_digest: None,
            detail_hash: None,
            actor: "cli".to_owned(),
            ..full()
        }
    }

    #[test]
    fn a_leaf_has_one_spelling() {
        assert_eq!(
            String::from_utf8(bare().encode()).unwrap(),
            "{\"time\":\"2026-11-24T02:37:00.123Z\",\"shop\":1,\"actor_kind\":\"staff\",\"actor\":\"cli\",\
             \"operation\":\"read\",\"fields\":[],\"count\":1,\"outcome\":\"ok\",\
             \"request\":\"07070707-0707-0707-0707-070707070707\"}"
        );
        let json = String::from_utf8(full().encode()).unwrap();
        assert!(json.contains(r#""actor":"noor \"de\" \\ \u0001\té","purpose":"order""#), "{json}");
        assert!(json.contains(r#""fields":["email","custom.size"],"count":1"#), "{json}");
        assert!(json.contains(r#""row_version":18446744073709551615,"row_digest":"abab"#), "{json}");
        for leaf in [full(), bare()] {
            assert_eq!(Leaf::decode(&leaf.encode()).unwrap(), leaf);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let json = String::from_utf8(full().encode()).unwrap();
        let check = |from: &str, to: &str, error: LeafError| {
            assert!(json.contains(from), "{from}");
            assert_eq!(Leaf::decode(json.replacen(from, to, 1).as_bytes()), Err(error), "{from} -> {to}");
        };
        check("\"shop\":1", "\"shop\": 1", LeafError::NotCanonical);
        check("\"shop\":1", "\"shop\":1.0", LeafError::Malformed);
        check("\"shop\":1", "\"shop\":1,\"x\":1", LeafError::Malformed);
        check("\"shop\":1", "\"shop\":1,\"shop\":1", LeafError::Malformed);
        check("\"shop\":1,", "", LeafError::Malformed);
        check("00.123Z", "00.123456Z", LeafError::NotCanonical);
        check("00.123Z", "00.123+00:00", LeafError::NotCanonical);
        check("abab", "ABAB", LeafError::NotCanonical);
        check("abab", "abxx", LeafError::Malformed);
        check("abab", "ab", LeafError::Malformed);
        check("\"read\"", "\"reads\"", LeafError::Malformed);
        check("\"ok\"", "\"OK\"", LeafError::Malformed);
        check("\"order\"", "null", LeafError::NotCanonical);
        check("\\u0001", "\\u0009", LeafError::NotCanonical);
        check("\"email\"", "\"E-mail\"", LeafError::Malformed);
        check("}", "} ", LeafError::NotCanonical);
        check("}", "}{}", LeafError::Malformed);
        check("}", "", LeafError::Malformed);
        let long = format!("{}{json}", " ".repeat(LEAF_BYTES_MAX));
        assert_eq!(Leaf::decode(long.as_bytes()), Err(LeafError::TooLong));
        for nothing in [&b""[..], b"null", b"[]", b"{}", b"\xff"] {
            assert_eq!(Leaf::decode(nothing), Err(LeafError::Malformed));
        }
    }

    #[test]
    fn long_words_are_cut_and_large_leaves_fit() {
        let mut leaf = full();
        leaf.actor = "é".repeat(500);
        leaf.fields =
            (0..300).map(|n| FieldName::parse(&format!("{}{n:03}", "f".repeat(61))).unwrap()).collect();
        let bytes = leaf.encode();
        let read = Leaf::decode(&bytes).unwrap();
        assert_eq!((read.actor.len(), read.fields.len()), (WORD_BYTES_MAX, 300));
    }

    #[test]
    fn numbers_are_stable() {
        for (n, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(operation.as_u8()), n);
            assert_eq!(Operation::from_u8(operation.as_u8()), Some(operation));
            assert_eq!(operation.id().parse::<Operation>().unwrap(), operation);
        }
        assert_eq!(
            (Operation::from_u8(38), Operation::from_u8(255), Outcome::from_u8(3)),
            (None, None, None)
        );
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_u8(outcome.as_u8()), Some(outcome));
        }
        assert!("Read".parse::<Operation>().is_err());
        assert!("root".parse::<ActorKind>().is_err());
    }

    fn leaves() -> impl Strategy<Value = Leaf> {
        let words = (0..35_u8, 0..5_usize, 0..3_usize, ".{0,40}", proptest::option::of(".{0,40}"));
        let numbers = (TIMES.0..=TIMES.1, any::<i64>(), any::<u64>(), proptest::option::of(any::<u64>()));
        let names = (
            proptest::option::of("[a-z][a-z0-9_.]{0,63}"),
            proptest::collection::vec("[a-z][a-z0-9_.]{0,9}", 0..9),
        );
        let bytes = (
            any::<[u8; 16]>(),
            proptest::option::of(any::<[u8; 16]>()),
            proptest::option::of(any::<[u8; 32]>()),
        );
        (words, numbers, names, bytes).prop_map(|(words, numbers, names, bytes)| Leaf {
            time: TimeMs(numbers.0),
            shop: ShopId(numbers.1),
            actor_kind: ActorKind::ALL[words.1],
            actor: words.3,
            purpose: names.0.map(|id| PurposeId::parse(&id).unwrap()),
            operation: Operation::from_u8(words.0).unwrap(),
            fields: names.1.iter().map(|name| FieldName::parse(name).unwrap()).collect(),
            count: numbers.2,
            outcome: Outcome::ALL[words.2],
            reason: words.4,
            subject: bytes.1.map(SubjectId::from_bytes),
            request: RequestId::from_bytes(bytes.0),
            row_version: numbers.3,
            row_digest: bytes.2,
            detail_hash: bytes.2,
        })
    }

    proptest! {
        #[test]
        fn leaves_round_trip(leaf in leaves()) {
            let bytes = leaf.encode();
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
            prop_assert_eq!(Leaf::decode(&bytes).unwrap(), leaf);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(leaf) = Leaf::decode(&bytes) {
                prop_assert_eq!(leaf.encode(), bytes);
            }
        }

        #[test]
        fn times_are_written_as_everywhere(ms in TIMES.0..=TIMES.1) {
            let mut out = Vec::new();
            push_time(&mut out, TimeMs(ms));
            prop_assert_eq!(String::from_utf8(out).unwrap(), TimeMs(ms).to_string());
        }
    }
}
