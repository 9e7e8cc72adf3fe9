//! The relay's queue: what was accepted is kept, sealed, until the smarthost has it; and counts of what was sent.
//!
//! A message is one row: its envelope and its text are sealed for its id, the columns beside them say when it is due and
//! to which stream it belongs, and never to whom it goes. There is no audit leaf for each message: the log would tell
//! for ever when mail was sent, and the queue forgets a message once it is handed over. What remains are counts by day,
//! stream, mailbox provider and outcome, written in the same unit. What a person does to the queue has its leaf.
//!
//! What this node accepted is also kept in memory, as sealed as in the database, and delivered from there ([`desk`]). The
//! row says which process has it, for a quarter of an hour; when that process ends, the row is due again.

mod deliver;
mod desk;
mod envelope;
mod manage;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use kluis_crypto::PiiBytes;
use kluis_mail::message::lone_line_end;
use kluis_mail::providers::provider_of;
use kluis_model::audit::Operation;
use kluis_model::{Actor, JobId, PiiText, TimeMs};
use kluis_store::{MailHead, MailQueueRow, MailSentRow, Unit};

pub use self::deliver::{ClaimedMail, MailOutcome, QueuedMail, RecipientOutcome};
pub(crate) use self::desk::QueueDesk;
pub use self::envelope::{Answer, Envelope, EnvelopeRecipient};
pub use self::manage::{MailQueueLine, MailQueueStatus, MailQueueStream};

use self::desk::Held;
use crate::guard::Ask;
use crate::{App, AppError, SHOP};

/// Recipients of one message.
pub const MAIL_RECIPIENTS_MAX: usize = 1_000;
/// Bytes of one message, whatever the settings say.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of an address.
const ADDRESS_BYTES_MAX: usize = 320;
/// Bytes of a word of the envelope: `NOTIFY=`, `ORCPT=`, `ENVID=`.
const WORD_BYTES_MAX: usize = 500;
/// Bytes of the name of a stream.
const STREAM_BYTES_MAX: usize = 64;
/// Seconds after which somebody who met a full queue tries again.
const FULL_S: u32 = 60;

/// A message to be sent, as it was accepted: signed, its envelope checked by whoever took it.
#[derive(Debug)]
pub struct Outgoing {
    /// The stream it belongs to.
    pub stream: String,
    /// The envelope sender without angle brackets; empty for the null sender.
    pub mail_from: PiiText,
    /// Whom it goes to, 1 to [`MAIL_RECIPIENTS_MAX`].
    pub recipients: Vec<OutgoingRecipient>,
    /// The message with its signatures, lines ending in CRLF and nothing else.
    pub message: PiiBytes,
    /// When it was accepted.
    pub at: TimeMs,
    /// What was asked about reports of delivery (RFC 3461); `Default` when nothing was.
    pub reports: ReportWish,
}

/// One recipient of a message. `PiiText::into` makes one without wishes.
#[derive(Debug)]
pub struct OutgoingRecipient {
    /// The address without angle brackets.
    pub address: PiiText,
    /// `NOTIFY=` as it was given, in upper case; `None`: failures are reported.
    pub notify: Option<String>,
    /// `ORCPT=` as it was given, still in xtext.
    pub original: Option<PiiText>,
}

/// What was asked about reports of delivery, for the message as a whole.
#[derive(Debug, Default)]
pub struct ReportWish {
    /// `RET=HDRS`: a report holds the header of the message only.
    pub is_header_only: bool,
    /// `ENVID=` as it was given, still in xtext.
    pub envelope_id: Option<PiiText>,
}

impl From<PiiText> for OutgoingRecipient {
    fn from(address: PiiText) -> Self {
        Self { address, notify: None, original: None }
    }
}

impl App {
    /// Takes a message into the queue; answers once it is durable.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a message that cannot be sent; `Exhausted` when the queue is full (452: try again);
    /// `Unavailable` when the database does not answer (451).
    pub async fn mail_enqueue(&self, actor: &Actor, mail: Outgoing) -> Result<JobId, AppError> {
        self.allow(actor, &Ask::new(Operation::MailSend)).await?;
        check(&mail)?;
        if self.mail_queue_is_full().await? {
            return Err(AppError::Exhausted { retry_after_s: FULL_S });
        }
        let envelope = Envelope {
            mail_from: mail.mail_from,
            recipients: mail.recipients.into_iter().map(EnvelopeRecipient::from).collect(),
            reports: mail.reports,
            is_report: false,
        };
        let mut unit = Unit::new();
        let new = self.mail_add(&mut unit, mail.stream, mail.at, &envelope, mail.message.expose())?;
        drop((envelope, mail.message));
        self.store().commit(unit).await?;
        let id = new.id;
        self.mail_added(vec![new]);
        Ok(id)
    }

    /// Adds a message to a unit, and its count; what it gives is to be told to `mail_added` once the unit is durable.
    fn mail_add(
        &self,
        unit: &mut Unit,
        stream: String,
        at: TimeMs,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<NewMail, AppError> {
        let keys = self.keys(SHOP)?;
        let now = self.now();
        let id = JobId::generate(now, self.random());
        let sealed = envelope.seal(&keys, id, self.random());
        let text = keys.seal_note(envelope::MESSAGE, id.as_bytes(), message, self.random());
        let desk = &self.inner.mail.queue;
        let room = desk.room(sealed.len() + text.len());
        let until = now.plus(desk::LEASE);
        let head = MailHead {
            id,
            node: self.node().to_owned(),
            stream,
            at,
            due: if room.is_some() { until } else { now },
            attempts: 0,
            state: "waiting".to_owned(),
            size: message.len() as u64,
            lease_by: if room.is_some() { desk.lease_by(self.random()).to_owned() } else { String::new() },
        };
        let providers: BTreeSet<&str> =
            envelope.recipients.iter().map(|to| provider_of(to.address.expose())).collect();
        for receiver in providers {
            let sent = sent_row(at, &head.stream, receiver, "accepted", 1);
            unit.count_mail_sent(SHOP, self.node(), &sent);
        }
        let held = room.map(|room| Held {
            id,
            stream: head.stream.clone(),
            at,
            until,
            envelope: sealed.clone(),
            message: text.clone(),
            room,
        });
        unit.insert_mail(MailQueueRow { shop: SHOP, head, envelope: sealed, message: text });
        Ok(NewMail { id, held })
    }

    /// Makes messages whose unit is durable known to whoever delivers.
    fn mail_added(&self, new: Vec<NewMail>) {
        self.inner.mail.queue.added(new.into_iter().map(|new| new.held));
    }

    /// Whether no more messages fit; counted anew every ten seconds by one of those who ask.
    async fn mail_queue_is_full(&self) -> Result<bool, AppError> {
        let desk = &self.inner.mail.queue;
        if desk.is_count_due(self.now()) {
            desk.set_depth(self.store().count_mail(SHOP).await?);
        }
        Ok(desk.depth() >= self.mail_settings().queue_messages_max)
    }
}

/// A message on its way into the queue.
struct NewMail {
    id: JobId,
    /// What is kept in memory when its unit is durable; dropped, it gives its room back.
    held: Option<Held>,
}

/// A line of the counts.
fn sent_row(at: TimeMs, stream: &str, receiver: &str, outcome: &str, messages: u64) -> MailSentRow {
    MailSentRow {
        day: at.day(),
        stream: stream.to_owned(),
        receiver: receiver.to_owned(),
        outcome: outcome.to_owned(),
        messages,
    }
}

/// Refuses what would break the talk with the smarthost: an address or word that ends a line, a lone CR or LF.
fn check(mail: &Outgoing) -> Result<(), AppError> {
    let wrong =
        |field: &str| AppError::invalid(field, "Dit kan niet worden verzonden.", "This cannot be sent.");
    if mail.stream.is_empty() || mail.stream.len() > STREAM_BYTES_MAX {
        return Err(wrong("stream"));
    }
    if !mail.mail_from.expose().is_empty() && !is_address(mail.mail_from.expose()) {
        return Err(wrong("mail_from"));
    }
    let are_words = |to: &OutgoingRecipient| {
        to.notify.as_deref().is_none_or(is_word) && to.original.as_ref().is_none_or(|o| is_word(o.expose()))
    };
    let are_good = mail.recipients.iter().all(|to| is_address(to.address.expose()) && are_words(to));
    if mail.recipients.is_empty() || mail.recipients.len() > MAIL_RECIPIENTS_MAX || !are_good {
        return Err(wrong("recipients"));
    }
    if !mail.reports.envelope_id.as_ref().is_none_or(|id| is_word(id.expose())) {
        return Err(wrong("reports"));
    }
    let message = mail.message.expose();
    let is_good = !message.is_empty() && message.len() <= MESSAGE_BYTES_MAX;
    if !is_good || lone_line_end(message).is_some() || message.contains(&0) {
        return Err(wrong("message"));
    }
    Ok(())
}

/// Printable ASCII with an `@`; a quoted local part may have blanks, angle brackets never.
fn is_address(text: &str) -> bool {
    let is_quoted = text.starts_with('"');
    let is_fine = |byte: u8| match byte {
        b' ' => is_quoted,
        b'<' | b'>' => false,
        _ => byte.is_ascii_graphic(),
    };
    text.len() <= ADDRESS_BYTES_MAX && text.contains('@') && text.bytes().all(is_fine)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= WORD_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}
