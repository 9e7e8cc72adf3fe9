//! Reports about TLS between mail servers (RFC 8460), read tolerantly and with bounded lists.

use core::fmt;
use core::marker::PhantomData;
use core::net::IpAddr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::aggregate::Key;
use super::{Refusal, text};

/// Policies, failures or texts that are kept of one list.
const LIST_MAX: usize = 1_000;
/// Failures that are kept of a report.
const FAILURES_MAX: usize = 10_000;
/// Bytes of a text that are kept.
const TEXT_BYTES_MAX: usize = 255;

/// A report.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TlsReport {
    /// Who reports.
    pub org: String,
    /// Its mark of this report.
    pub report_id: String,
    /// Unix seconds.
    pub begin_s: i64,
    /// Unix seconds.
    pub end_s: i64,
    /// What was seen, by policy.
    pub policies: Vec<TlsPolicy>,
    /// Whether lists were longer than is kept.
    pub is_cut: bool,
}

impl TlsReport {
    /// What makes it the same report when it arrives twice; the domain is that of the first policy.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            org: self.org.to_lowercase(),
            report_id: self.report_id.clone(),
            domain: self.policies.first().map(|policy| policy.domain.clone()).unwrap_or_default(),
            begin_s: self.begin_s,
            end_s: self.end_s,
        }
    }
}

/// What was seen under one policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TlsPolicy {
    /// Its kind.
    pub kind: TlsPolicyKind,
    /// The domain.
    pub domain: String,
    /// The policy as lines.
    pub lines: Vec<String>,
    /// Mail servers it names.
    pub mx_hosts: Vec<String>,
    /// Sessions that went well.
    pub successes: u64,
    /// Sessions that failed.
    pub failures: u64,
    /// How they failed.
    pub details: Vec<TlsFailure>,
}

/// Kinds of policies (RFC 8460 §4.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsPolicyKind {
    /// MTA-STS (RFC 8461).
    Sts,
    /// DANE (RFC 7672).
    Tlsa,
    /// None was found.
    NotFound,
    /// An unknown word.
    #[default]
    Unknown,
}

/// How sessions failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TlsFailure {
    /// The word of RFC 8460 §4.3, e.g. `certificate-expired`.
    pub result: String,
    /// How many sessions.
    pub count: u64,
    /// The sending server.
    pub sending: Option<IpAddr>,
    /// The receiving server's name.
    pub receiving_host: Option<String>,
    /// The receiving server's address.
    pub receiving: Option<IpAddr>,
    /// What the sender adds.
    pub reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Wire {
    #[serde(deserialize_with = "word")]
    organization_name: String,
    date_range: WireRange,
    #[serde(deserialize_with = "word")]
    report_id: String,
    #[serde(deserialize_with = "list")]
    policies: List<WirePolicies>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WireRange {
    #[serde(deserialize_with = "word")]
    start_datetime: String,
    #[serde(deserialize_with = "word")]
    end_datetime: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WirePolicies {
    policy: WirePolicy,
    summary: WireSummary,
    #[serde(deserialize_with = "list")]
    failure_details: List<WireFailure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WirePolicy {
    #[serde(deserialize_with = "word")]
    policy_type: String,
    #[serde(deserialize_with = "words")]
    policy_string: Vec<String>,
    #[serde(deserialize_with = "word")]
    policy_domain: String,
    #[serde(deserialize_with = "words")]
    mx_host: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WireSummary {
    // RFC 8460 §4.4 names them `…-session-count`; both forms are sent.
    #[serde(deserialize_with = "number", alias = "total-successful-sessions")]
    total_successful_session_count: u64,
    #[serde(deserialize_with = "number", alias = "total-failure-sessions")]
    total_failure_session_count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WireFailure {
    #[serde(deserialize_with = "word")]
    result_type: String,
    #[serde(deserialize_with = "word")]
    sending_mta_ip: String,
    #[serde(deserialize_with = "word")]
    receiving_mx_hostname: String,
    #[serde(deserialize_with = "word")]
    receiving_ip: String,
    #[serde(deserialize_with = "number")]
    failed_session_count: u64,
    #[serde(deserialize_with = "word")]
    failure_reason_code: String,
}

/// A list that stops keeping at [`LIST_MAX`].
#[derive(Debug)]
struct List<T> {
    kept: Vec<T>,
    is_cut: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), is_cut: false }
    }
}

/// Reads a report.
///
/// # Errors
/// When the JSON is wrong or is another document.
pub(super) fn read(bytes: &[u8]) -> Result<TlsReport, Refusal> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('[') {
        return Err(Refusal::NotAReport);
    }
    let wire: Wire = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Refusal::NotAReport,
        _ => Refusal::Json { line: error.line(), column: error.column() },
    })?;
    if wire.policies.kept.is_empty() && wire.organization_name.is_empty() {
        return Err(Refusal::NotAReport);
    }
    let mut report = TlsReport {
        org: text::note(&wire.organization_name, TEXT_BYTES_MAX),
        report_id: wire.report_id,
        begin_s: text::moment(&wire.date_range.start_datetime).unwrap_or(0),
        end_s: text::moment(&wire.date_range.end_datetime).unwrap_or(0),
        policies: Vec::new(),
        is_cut: wire.policies.is_cut,
    };
    let mut room = FAILURES_MAX;
    for policy in wire.policies.kept {
        report.is_cut |= policy.failure_details.is_cut || policy.failure_details.kept.len() > room;
        let details: Vec<TlsFailure> =
            policy.failure_details.kept.into_iter().take(room).map(failure).collect();
        room -= details.len();
        report.policies.push(TlsPolicy {
            kind: match policy.policy.policy_type.to_ascii_lowercase().as_str() {
                "sts" => TlsPolicyKind::Sts,
                "tlsa" => TlsPolicyKind::Tlsa,
                "no-policy-found" => TlsPolicyKind::NotFound,
                _ => TlsPolicyKind::Unknown,
            },
            domain: text::domain(&policy.policy.policy_domain),
            lines: policy.policy.policy_string,
            mx_hosts: policy.policy.mx_host,
            successes: policy.summary.total_successful_session_count,
            failures: policy.summary.total_failure_session_count,
            details,
        });
    }
    Ok(report)
}

fn failure(wire: WireFailure) -> TlsFailure {
    let some = |text: String| (!text.is_empty()).then_some(text);
    TlsFailure {
        result: wire.result_type.to_ascii_lowercase(),
        count: wire.failed_session_count,
        sending: text::address(&wire.sending_mta_ip),
        receiving_host: some(text::domain(&wire.receiving_mx_hostname)),
        receiving: text::address(&wire.receiving_ip),
        reason: some(text::note(&wire.failure_reason_code, TEXT_BYTES_MAX)),
    }
}

/// A text, number or nothing, as a text.
struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = String;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a text or a number")
    }

    fn visit_str<E>(self, value: &str) -> Result<String, E> {
        Ok(text::cut(value.trim(), TEXT_BYTES_MAX).to_owned())
    }

    fn visit_u64<E>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }
}

fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_any(WordVisitor)
}

/// A number, also as a text; what is no number is 0.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Ok(word(from)?.parse().unwrap_or(0))
}

/// A list of texts, or one text.
struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a text or a list of texts")
    }

    fn visit_str<E>(self, value: &str) -> Result<Vec<String>, E> {
        Ok(vec![text::cut(value.trim(), TEXT_BYTES_MAX).to_owned()])
    }

    fn visit_unit<E>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<String>, A::Error> {
        let mut kept = Vec::new();
        while let Some(Word(word)) = from.next_element()? {
            if kept.len() < 100 {
                kept.push(word);
            }
        }
        Ok(kept)
    }
}

#[derive(Deserialize)]
struct Word(#[serde(deserialize_with = "word")] String);

fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_any(WordsVisitor)
}

/// A list, one element without a list, or nothing.
struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<List<T>, A::Error> {
        Ok(List { kept: vec![T::deserialize(MapAccessDeserializer::new(from))?], is_cut: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<List<T>, A::Error> {
        let mut list = List::default();
        while list.kept.len() < LIST_MAX {
            match from.next_element()? {
                Some(element) => list.kept.push(element),
                None => return Ok(list),
            }
        }
        while from.next_element::<IgnoredAny>()?.is_some() {
            list.is_cut = true;
        }
        Ok(list)
    }
}

fn list<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<List<T>, D::Error> {
    from.deserialize_any(ListVisitor(PhantomData))
}
