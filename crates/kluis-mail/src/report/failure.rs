//! Failure reports (RFC 6591, RFC 9991) reduced to what names nobody: kind, source, domain, time.

use core::net::IpAddr;

use super::mime;
use super::text;

/// Bytes of a plain text that are looked at for a report without the machine-readable part.
const PLAIN_BYTES_MAX: usize = 4_096;

/// What a failure report says without anybody's address, subject or text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FailureSummary {
    /// What it complains about.
    pub kind: FailureKind,
    /// The server that delivered the message.
    pub source: Option<IpAddr>,
    /// The domain in whose name it was.
    pub domain: Option<String>,
    /// When it arrived, Unix seconds.
    pub reported_s: Option<i64>,
}

/// What a report complains about (RFC 5965 `Feedback-Type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An authentication that failed.
    Authentication(AuthFailure),
    /// Somebody called it spam.
    Abuse,
    /// Another.
    Other,
}

/// What failed (RFC 6591 `Auth-Failure`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthFailure {
    /// DMARC.
    Dmarc,
    /// DKIM: signature, body hash, revoked key, or ADSP.
    Dkim,
    /// SPF.
    Spf,
    /// Not told.
    Unknown,
}

/// Reads a `message/feedback-report` part.
pub(super) fn read(content: &[u8]) -> FailureSummary {
    let content = content.trim_ascii_start();
    let wanted = ["feedback-type", "auth-failure", "source-ip", "reported-domain", "arrival-date"];
    let ([kind, failed, source, domain, arrived], _) = mime::header(content, wanted);
    let word = |value: Option<String>| value.unwrap_or_default().trim().to_ascii_lowercase();
    let kind = match word(kind).as_str() {
        "auth-failure" => FailureKind::Authentication(match word(failed).as_str() {
            "dmarc" => AuthFailure::Dmarc,
            "spf" => AuthFailure::Spf,
            "dkim" | "signature" | "bodyhash" | "revoked" | "adsp" => AuthFailure::Dkim,
            _ => AuthFailure::Unknown,
        }),
        "abuse" => FailureKind::Abuse,
        _ => FailureKind::Other,
    };
    FailureSummary {
        kind,
        source: source.as_deref().and_then(text::address),
        domain: domain.map(|domain| text::domain(&domain)).filter(|domain| !domain.is_empty()),
        reported_s: arrived.as_deref().and_then(text::rfc5322),
    }
}

/// Reads the text that some servers send instead (`Sender Domain:`, `Sender IP Address:`), `None` when it is another.
pub(super) fn read_plain(content: &[u8]) -> Option<FailureSummary> {
    let content = String::from_utf8_lossy(&content[..content.len().min(PLAIN_BYTES_MAX)]);
    let value = |wanted: &str| {
        content.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let domain = text::domain(&value("sender domain")?);
    let source = text::address(&value("sender ip address")?);
    if domain.is_empty() {
        return None;
    }
    Some(FailureSummary {
        kind: FailureKind::Authentication(AuthFailure::Dmarc),
        source,
        domain: Some(domain),
        reported_s: value("received date").as_deref().and_then(text::rfc5322),
    })
}
