//! From whom and to whom a message goes, as it is sealed in its row.

use kluis_crypto::{PiiBytes, ShopKeys};
use kluis_model::{JobId, Pii, PiiText, Random};
use serde::{Deserialize, Serialize};

use super::{OutgoingRecipient, ReportWish};
use crate::AppError;

/// What the seal of an envelope is for.
const ENVELOPE: &str = "mail-envelope";
/// What the seal of a message is for.
pub(super) const MESSAGE: &str = "mail-message";

/// From whom and to whom.
#[derive(Debug)]
pub struct Envelope {
    /// The sender; empty for the null sender.
    pub mail_from: PiiText,
    /// Whom it has yet to reach.
    pub recipients: Vec<EnvelopeRecipient>,
    /// What was asked about reports.
    pub reports: ReportWish,
    /// Whether it is itself the report of a failure; nothing is reported about it.
    pub is_report: bool,
}

/// A recipient that has yet to be reached.
#[derive(Debug)]
pub struct EnvelopeRecipient {
    /// The address.
    pub address: PiiText,
    /// `NOTIFY=`.
    pub notify: Option<String>,
    /// `ORCPT=`.
    pub original: Option<PiiText>,
    /// What the smarthost said the last time.
    pub last: Option<Answer>,
}

/// What a server said about a recipient.
#[derive(Debug)]
pub struct Answer {
    /// The code, 400 to 599.
    pub code: u16,
    /// Class, subject, detail (RFC 3463).
    pub status: (u16, u16, u16),
    /// Its words; they may name the address.
    pub text: PiiText,
}

impl From<OutgoingRecipient> for EnvelopeRecipient {
    fn from(to: OutgoingRecipient) -> Self {
        Self { address: to.address, notify: to.notify, original: to.original, last: None }
    }
}

/// The form in which an envelope is sealed.
#[derive(Serialize)]
struct Written<'a> {
    from: &'a str,
    to: Vec<WrittenRecipient<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    headers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    report: bool,
}

#[derive(Serialize)]
struct WrittenRecipient<'a> {
    a: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    o: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l: Option<(u16, (u16, u16, u16), &'a str)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    from: PiiText,
    to: Vec<ReadRecipient>,
    #[serde(default)]
    headers: bool,
    #[serde(default)]
    id: Option<PiiText>,
    #[serde(default)]
    report: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadRecipient {
    a: PiiText,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    o: Option<PiiText>,
    #[serde(default)]
    l: Option<(u16, (u16, u16, u16), PiiText)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_false(fact: &bool) -> bool {
    !*fact
}

impl Envelope {
    /// Seals the envelope for the row of a message.
    pub(super) fn seal(&self, keys: &ShopKeys, id: JobId, random: &dyn Random) -> Vec<u8> {
        let form = Written {
            from: self.mail_from.expose(),
            to: self.recipients.iter().map(written).collect(),
            headers: self.reports.is_header_only,
            id: self.reports.envelope_id.as_ref().map(|id| id.expose().as_str()),
            report: self.is_report,
        };
        // Room for everything at once: a buffer that grows leaves unwiped copies behind.
        let bytes = serialized(self.recipients.len() * 1_200 + 1_200, &form);
        keys.seal_note(ENVELOPE, id.as_bytes(), bytes.expose(), random)
    }

    /// Opens the envelope of a row.
    ///
    /// # Errors
    /// `Integrity` when it was changed or belongs to another row.
    pub(super) fn open(keys: &ShopKeys, id: JobId, sealed: &[u8]) -> Result<Self, AppError> {
        let broken = || AppError::integrity(format!("mail_queue {id} envelope"));
        let bytes = keys.open_note(ENVELOPE, id.as_bytes(), sealed).map_err(|_| broken())?;
        let read: Read = serde_json::from_slice(bytes.expose()).map_err(|_| broken())?;
        let recipient = |to: ReadRecipient| EnvelopeRecipient {
            address: to.a,
            notify: to.n,
            original: to.o,
            last: to.l.map(|(code, status, text)| Answer { code, status, text }),
        };
        Ok(Self {
            mail_from: read.from,
            recipients: read.to.into_iter().map(recipient).collect(),
            reports: ReportWish { is_header_only: read.headers, envelope_id: read.id },
            is_report: read.report,
        })
    }
}

fn written(to: &EnvelopeRecipient) -> WrittenRecipient<'_> {
    WrittenRecipient {
        a: to.address.expose(),
        n: to.notify.as_deref(),
        o: to.original.as_ref().map(|original| original.expose().as_str()),
        l: to.last.as_ref().map(|last| (last.code, last.status, last.text.expose().as_str())),
    }
}

/// Writes into a buffer that is wiped.
fn serialized(room: usize, value: &Written<'_>) -> PiiBytes {
    let mut bytes = Vec::with_capacity(room);
    // Invariant: writing numbers and texts to memory cannot fail.
    let _ = serde_json::to_writer(&mut bytes, value);
    Pii::new(bytes)
}
