//! What a person sees of the queue and does to it: no address is shown, only providers, counts and codes.

use std::collections::BTreeSet;

use kluis_crypto::sha256;
use kluis_mail::providers::provider_of;
use kluis_model::audit::Operation;
use kluis_model::{Actor, JobId, TimeMs};
use kluis_store::{MailHead, StoreError, Unit};
use serde::Serialize;

use super::envelope::Envelope;
use super::sent_row;
use crate::guard::{Ask, Done};
use crate::{App, AppError, SHOP};

/// Lines of a list.
const LIST_MAX: u32 = 1_000;

/// The queue in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailQueueStatus {
    /// Messages that wait or are being delivered.
    pub waiting: u64,
    /// Messages that are kept back because they were changed in the database.
    pub held: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// When the oldest one was accepted.
    pub oldest: Option<TimeMs>,
    /// By stream.
    pub streams: Vec<MailQueueStream>,
}

/// What waits of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailQueueStream {
    /// The stream.
    pub stream: String,
    /// Messages.
    pub waiting: u64,
    /// When the oldest one was accepted.
    pub oldest: TimeMs,
}

/// A message in the queue, without saying whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailQueueLine {
    /// Its id.
    pub id: JobId,
    /// Its stream.
    pub stream: String,
    /// When it was accepted.
    pub at: TimeMs,
    /// When it is tried next; while it is being delivered, when it is taken from a process that says nothing more.
    pub due: TimeMs,
    /// How often it was tried.
    pub attempts: u32,
    /// Bytes.
    pub bytes: u64,
    /// Whether it is kept back because it was changed in the database.
    pub is_held: bool,
    /// Whether a process delivers it now.
    pub is_being_sent: bool,
    /// Whether it is our report of a failure.
    pub is_report: bool,
    /// The mailbox providers it goes to.
    pub receivers: Vec<String>,
    /// What the smarthost answered the last time: code and enhanced code.
    pub last: Option<String>,
}

impl App {
    /// The queue in short.
    ///
    /// # Errors
    /// `Denied`, or when the database does not answer.
    pub async fn mail_queue_status(&self, actor: &Actor) -> Result<MailQueueStatus, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        self.queue_status().await
    }

    /// The same for those who were allowed to ask.
    pub(crate) async fn queue_status(&self) -> Result<MailQueueStatus, AppError> {
        let depth = self.store().mail_depth(SHOP).await?;
        let sum = |state: &str| depth.iter().filter(|d| d.state == state).map(|d| d.messages).sum();
        Ok(MailQueueStatus {
            waiting: sum("waiting"),
            held: sum("held"),
            bytes: depth.iter().map(|d| d.bytes).sum(),
            oldest: depth.iter().map(|d| d.oldest).min(),
            streams: depth
                .iter()
                .filter(|d| d.state == "waiting")
                .map(|d| MailQueueStream { stream: d.stream.clone(), waiting: d.messages, oldest: d.oldest })
                .collect(),
        })
    }

    /// The oldest messages of the queue, at most 1,000.
    ///
    /// # Errors
    /// `Denied`, or when the database does not answer.
    pub async fn mail_queue_list(&self, actor: &Actor, limit: u32) -> Result<Vec<MailQueueLine>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        let rows = self.store().mail_list(SHOP, limit.clamp(1, LIST_MAX)).await?;
        rows.into_iter().map(|(head, envelope)| self.queue_line(head, &envelope)).collect()
    }

    fn queue_line(&self, head: MailHead, sealed: &[u8]) -> Result<MailQueueLine, AppError> {
        // What cannot be opened is listed all the same: it is there, and a person has to do something about it.
        let envelope = match Envelope::open(&*self.keys(SHOP)?, head.id, sealed) {
            Err(AppError::Sealed) => return Err(AppError::Sealed),
            other => other.ok(),
        };
        let recipients = || envelope.iter().flat_map(|envelope| &envelope.recipients);
        let receivers: BTreeSet<&str> = recipients().map(|to| provider_of(to.address.expose())).collect();
        let last = recipients().find_map(|to| to.last.as_ref()).map(|last| {
            let (class, subject, detail) = last.status;
            format!("{} {class}.{subject}.{detail}", last.code)
        });
        Ok(MailQueueLine {
            id: head.id,
            is_being_sent: !head.lease_by.is_empty() && head.due > self.now(),
            is_held: head.state == "held",
            stream: head.stream,
            at: head.at,
            due: head.due,
            attempts: head.attempts,
            bytes: head.size,
            is_report: envelope.as_ref().is_some_and(|envelope| envelope.is_report),
            receivers: receivers.into_iter().map(str::to_owned).collect(),
            last,
        })
    }

    /// Makes one message due now, also one that is kept back, or all that wait for a later moment.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` when it is being delivered.
    pub async fn mail_queue_retry(&self, actor: &Actor, id: Option<JobId>) -> Result<(), AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let mut unit = Unit::new();
        match id {
            Some(id) => unit.retry_mail(SHOP, id, self.now()),
            None => unit.retry_all_mail(SHOP, self.now()),
        }
        let detail = id.map(|id| sha256(id.as_bytes()));
        self.add_ok(&mut unit, actor, &ask, &Done { reason: Some("queue_retry"), detail, ..Done::default() });
        self.change_queue(unit, id).await?;
        self.mail_look();
        Ok(())
    }

    /// Deletes a message; nobody gets it and its sender is not told.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` when it is being delivered.
    pub async fn mail_queue_drop(&self, actor: &Actor, id: JobId) -> Result<(), AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let head = self.store().mail_head(SHOP, id).await?.ok_or(AppError::NotFound)?;
        let sealed = self.store().mail_envelope(SHOP, id).await?.ok_or(AppError::NotFound)?;
        let line = self.queue_line(head, &sealed)?;
        let mut unit = Unit::new();
        unit.drop_mail(SHOP, id, self.now());
        for receiver in &line.receivers {
            let sent = sent_row(self.now(), &line.stream, receiver, "dropped", 1);
            unit.count_mail_sent(SHOP, self.node(), &sent);
        }
        let done = Done {
            count: 1,
            reason: Some("queue_drop"),
            detail: Some(sha256(id.as_bytes())),
            ..Done::default()
        };
        self.add_ok(&mut unit, actor, &ask, &done);
        self.change_queue(unit, Some(id)).await?;
        self.inner.mail.queue.gone(1);
        Ok(())
    }

    async fn change_queue(&self, unit: Unit, id: Option<JobId>) -> Result<(), AppError> {
        match (self.store().commit(unit).await, id) {
            (Ok(_), _) => Ok(()),
            (Err(StoreError::Conflict { .. }), Some(id)) => {
                let is_there = self.store().mail_head(SHOP, id).await?.is_some();
                Err(if is_there { AppError::Conflict { what: "mail".into() } } else { AppError::NotFound })
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}
