//! For whoever hands the queue to the smarthost: claim messages, open them, say what became of each recipient.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kluis_crypto::PiiBytes;
use kluis_mail::bounce::{Bounce, BounceKind, BouncedRecipient};
use kluis_mail::providers::provider_of;
use kluis_model::{JobId, PiiText, TimeMs};
use kluis_store::{MailLease, Unit};

use super::desk::{Held, LEASE, may_begin};
use super::envelope::{Answer, Envelope, EnvelopeRecipient, MESSAGE};
use super::{NewMail, OutgoingRecipient, ReportWish, sent_row};
use crate::mail::SigningKeys;
use crate::{App, AppError, SHOP};

/// After which time a message is tried again, by how often it was tried; the last one for all later tries.
const RETRY_AFTER: [Duration; 6] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(4 * 3_600),
];
/// Claimed in one go of one stream.
const CLAIM_MAX: u32 = 256;

/// A message that this process may deliver.
pub struct ClaimedMail {
    /// Its id.
    pub id: JobId,
    stream: String,
    at: TimeMs,
    attempts: u32,
    until: TimeMs,
    /// Its content, sealed, when it is in memory.
    held: Option<Held>,
}

impl std::fmt::Debug for ClaimedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClaimedMail({})", self.id)
    }
}

/// A message that is being delivered.
#[derive(Debug)]
pub struct QueuedMail {
    /// Its id.
    pub id: JobId,
    /// Its stream.
    pub stream: String,
    /// When it was accepted.
    pub at: TimeMs,
    /// How often it was tried before.
    pub attempts: u32,
    /// From whom and to whom.
    pub envelope: Envelope,
    /// The message.
    pub message: PiiBytes,
    /// When its lease ends.
    until: TimeMs,
}

/// What became of one recipient.
#[derive(Debug)]
pub enum RecipientOutcome {
    /// The smarthost has the message for it.
    Delivered,
    /// Not now.
    Deferred(Answer),
    /// Never.
    Failed(Answer),
}

/// What became of a message.
#[derive(Debug)]
pub struct MailOutcome {
    /// The message.
    pub mail: QueuedMail,
    /// Who answered: the host name of the smarthost.
    pub server: String,
    /// Whether it sends reports of delivery itself (RFC 3461); of failures that it tells at once we report all the same.
    pub reports: bool,
    /// One for each recipient, in order.
    pub recipients: Vec<RecipientOutcome>,
}

/// A recipient, what the smarthost answered about it, and its enhanced status (RFC 3463).
type Told<'a> = (&'a EnvelopeRecipient, PiiText, (u16, u16, u16));

impl App {
    /// Begins to deliver in this process: what its predecessor had claimed is due again, and what is accepted from here
    /// on is kept in memory. `hostname` is who reports failures; a message is given up after `keep`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mail_deliver_begin(&self, hostname: &str, keep: Duration) -> Result<(), AppError> {
        let desk = &self.inner.mail.queue;
        *desk.keep.lock() = (hostname.to_owned(), keep);
        self.store().release_mail(SHOP, self.node(), desk.lease_by(self.random())).await?;
        desk.delivers.store(true, Ordering::Release);
        desk.look_again();
        Ok(())
    }

    /// Ends delivering in this process: what it had not begun is due at once for others.
    ///
    /// # Errors
    /// When the database does not answer; then it is due when its lease ends.
    pub async fn mail_deliver_end(&self) -> Result<(), AppError> {
        let desk = &self.inner.mail.queue;
        desk.delivers.store(false, Ordering::Release);
        let ids = desk.clear().into_iter().map(|held| (held.id, held.at));
        self.mail_give_back(&ids.collect::<Vec<_>>()).await
    }

    /// The smarthost is away: nothing more is kept in memory, and what was is nobody's, so that people can look at it,
    /// try it again or throw it away.
    ///
    /// # Errors
    /// When the database does not answer; then it is due when its lease ends.
    pub async fn mail_deliver_pause(&self) -> Result<(), AppError> {
        self.mail_deliver_end().await
    }

    /// The smarthost is back: what is accepted from here on is kept in memory again.
    pub fn mail_deliver_resume(&self) {
        self.inner.mail.queue.delivers.store(true, Ordering::Release);
        self.mail_look();
    }

    /// Waits until there may be something to deliver, at most so long.
    pub async fn mail_wait(&self, at_most: Duration) {
        self.inner.mail.queue.wait(at_most).await;
    }

    /// Claims messages to deliver: from memory, and once a second what is due in the database; streams take turns.
    ///
    /// # Errors
    /// `Sealed`, or when the database does not answer.
    pub async fn mail_claim(&self, limit: usize) -> Result<Vec<ClaimedMail>, AppError> {
        self.keys(SHOP)?;
        let desk = &self.inner.mail.queue;
        let mut claimed = Vec::new();
        if desk.is_look_due() {
            // Half of the places: what is new does not wait for a long past, nor the other way round.
            claimed = self.mail_claim_due(limit.div_ceil(2)).await?;
        }
        let from_memory = desk.take(limit - claimed.len().min(limit), self.now());
        claimed.extend(from_memory.into_iter().map(|held| ClaimedMail {
            id: held.id,
            stream: held.stream.clone(),
            at: held.at,
            attempts: 0,
            until: held.until,
            held: Some(held),
        }));
        Ok(claimed)
    }

    async fn mail_claim_due(&self, limit: usize) -> Result<Vec<ClaimedMail>, AppError> {
        let desk = &self.inner.mail.queue;
        let streams = self.store().mail_due(SHOP, self.now()).await?;
        let mut claimed = Vec::new();
        for (n, stream) in streams.iter().enumerate() {
            let share = (limit - claimed.len().min(limit)).div_ceil(streams.len() - n);
            let share = u32::try_from(share).unwrap_or(CLAIM_MAX).min(CLAIM_MAX);
            let lease = self.mail_lease();
            let heads = self.store().claim_mail(SHOP, stream, lease, share).await?;
            if heads.len() as u64 == u64::from(share) {
                desk.look_again();
            }
            claimed.extend(heads.into_iter().map(ClaimedMail::from_row));
        }
        Ok(claimed)
    }

    /// Claims messages that were accepted too long ago, due or not, to be given up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mail_claim_expired(&self) -> Result<Vec<ClaimedMail>, AppError> {
        let until = self.now().minus(self.mail_keep());
        let heads = self.store().claim_old_mail(SHOP, until, self.mail_lease(), CLAIM_MAX).await?;
        Ok(heads.into_iter().map(ClaimedMail::from_row).collect())
    }

    fn mail_lease(&self) -> MailLease<'_> {
        let (now, by) = (self.now(), self.inner.mail.queue.lease_by(self.random()));
        MailLease { node: self.node(), by, now, until: now.plus(LEASE) }
    }

    fn mail_keep(&self) -> Duration {
        self.inner.mail.queue.keep.lock().1
    }

    /// Whether a message is too old to be tried.
    #[must_use]
    pub fn mail_is_expired(&self, mail: &QueuedMail) -> bool {
        // The id, for which the message is sealed, says when it was made; the column beside it can be changed, so that a
        // row of long ago that somebody put back is not sent.
        self.now().since(mail.at.min(mail.id.time())) >= self.mail_keep()
    }

    /// Whether what is left of a message's lease is enough to begin a delivery; else somebody else may have it by then.
    #[must_use]
    pub fn mail_may_begin(&self, mail: &QueuedMail) -> bool {
        may_begin(mail.until, self.now())
    }

    /// Opens a claimed message; `None` when somebody else has it by now, or when it was changed in the database: then it
    /// is kept back for a person to look at.
    ///
    /// # Errors
    /// `Sealed`, or when the database does not answer.
    pub async fn mail_open(&self, claimed: ClaimedMail) -> Result<Option<QueuedMail>, AppError> {
        if !may_begin(claimed.until, self.now()) {
            return Ok(None);
        }
        let ClaimedMail { id, stream, at, attempts, until, held } = claimed;
        let keys = self.keys(SHOP)?;
        let lease_by = self.inner.mail.queue.lease_by(self.random());
        let content = match held {
            Some(held) => Some((held.envelope, held.message)),
            None => self.store().mail_content(SHOP, id, lease_by).await?,
        };
        let Some((envelope, message)) = content else { return Ok(None) };
        let opened = Envelope::open(&keys, id, &envelope).and_then(|envelope| {
            let message = keys.open_note(MESSAGE, id.as_bytes(), &message);
            let broken = |_| AppError::integrity(format!("mail_queue {id} message"));
            Ok((envelope, message.map_err(broken)?))
        });
        match opened {
            Ok((envelope, message)) => {
                Ok(Some(QueuedMail { id, stream, at, attempts, envelope, message, until }))
            }
            Err(_) => {
                self.inner.metrics.note_integrity(self.now());
                let mut unit = Unit::new();
                unit.hold_mail(SHOP, id, lease_by);
                self.store().commit(unit).await?;
                Ok(None)
            }
        }
    }

    /// Gives messages back that were not tried; each is due at its moment.
    ///
    /// # Errors
    /// When the database does not answer; then they are due when their lease ends.
    pub async fn mail_give_back(&self, mails: &[(JobId, TimeMs)]) -> Result<(), AppError> {
        let lease_by = self.inner.mail.queue.lease_by(self.random());
        for some in mails.chunks(256) {
            let mut unit = Unit::new();
            some.iter().for_each(|(id, due)| unit.give_back_mail(SHOP, *id, lease_by, *due));
            self.store().commit(unit).await?;
        }
        Ok(())
    }

    /// Writes down what became of messages, all in one unit: done ones leave the queue, others wait for their next turn,
    /// and senders hear of failures by a message that goes into the queue with it.
    ///
    /// # Errors
    /// When the database does not answer: nothing was written, and it has to be asked again.
    pub async fn mail_settle(&self, outcomes: &[MailOutcome]) -> Result<(), AppError> {
        let signer = match outcomes.iter().any(MailOutcome::may_be_reported) {
            // Without a key a report goes unsigned; it is read by the sender's own mailbox.
            true => self.mail_signer().await.ok(),
            false => None,
        };
        let mut settling = Settling { unit: Unit::new(), counts: BTreeMap::new(), new: Vec::new(), gone: 0 };
        for outcome in outcomes {
            self.settle_one(outcome, signer.as_deref(), &mut settling)?;
        }
        let now = self.now();
        for ((stream, receiver, outcome), messages) in &settling.counts {
            let row = sent_row(now, stream, receiver, outcome, *messages);
            settling.unit.count_mail_sent(SHOP, self.node(), &row);
        }
        self.store().commit(settling.unit).await?;
        let desk = &self.inner.mail.queue;
        desk.gone(settling.gone);
        self.mail_added(settling.new);
        for recipient in outcomes.iter().flat_map(|outcome| &outcome.recipients) {
            let counter = match recipient {
                RecipientOutcome::Delivered => &desk.counters.delivered,
                RecipientOutcome::Deferred(_) => &desk.counters.deferred,
                RecipientOutcome::Failed(_) => &desk.counters.failed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn settle_one(
        &self,
        outcome: &MailOutcome,
        signer: Option<&SigningKeys>,
        settling: &mut Settling,
    ) -> Result<(), AppError> {
        let mail = &outcome.mail;
        let lease_by = self.inner.mail.queue.lease_by(self.random());
        let is_expired = self.mail_is_expired(mail);
        let (mut failed, mut relayed, mut left) = (Vec::new(), Vec::new(), Vec::new());
        let mut counted: Vec<(&str, &'static str)> = Vec::new();
        for (to, became) in mail.envelope.recipients.iter().zip(&outcome.recipients) {
            let word = match became {
                RecipientOutcome::Delivered => {
                    if !outcome.reports && to.wants("SUCCESS") {
                        relayed.push((to, "250 ok".into(), (2, 0, 0)));
                    }
                    "delivered"
                }
                RecipientOutcome::Failed(answer) => {
                    failed.push((to, answer.words(), answer.status));
                    "failed"
                }
                // RFC 3463 §3.5: delivery time expired.
                RecipientOutcome::Deferred(answer) if is_expired => {
                    failed.push((to, answer.words(), (5, 4, 7)));
                    "expired"
                }
                RecipientOutcome::Deferred(answer) => {
                    left.push((to, answer));
                    continue;
                }
            };
            let line = (provider_of(to.address.expose()), word);
            if !counted.contains(&line) {
                counted.push(line);
            }
        }
        for (receiver, word) in counted {
            *settling.counts.entry((mail.stream.clone(), receiver, word)).or_default() += 1;
        }
        failed.retain(|(to, ..)| to.wants("FAILURE"));
        self.report(outcome, (BounceKind::Failed, &failed), signer, settling)?;
        self.report(outcome, (BounceKind::Relayed, &relayed), signer, settling)?;
        if left.is_empty() {
            settling.unit.delete_mail(SHOP, mail.id, lease_by);
            settling.gone += 1;
            return Ok(());
        }
        let envelope = Envelope {
            mail_from: copy(&mail.envelope.mail_from),
            recipients: left.into_iter().map(|(to, answer)| to.again(answer)).collect(),
            reports: ReportWish {
                is_header_only: mail.envelope.reports.is_header_only,
                envelope_id: mail.envelope.reports.envelope_id.as_ref().map(copy),
            },
            is_report: mail.envelope.is_report,
        };
        let sealed = envelope.seal(&*self.keys(SHOP)?, mail.id, self.random());
        let due = self.now().plus(retry_after(mail.attempts, mail.id));
        settling.unit.put_off_mail((SHOP, mail.id), lease_by, due, mail.attempts + 1, sealed);
        Ok(())
    }

    /// Adds a message that tells the sender what became of some recipients; never about a report itself.
    fn report(
        &self,
        outcome: &MailOutcome,
        (kind, told): (BounceKind, &[Told<'_>]),
        signer: Option<&SigningKeys>,
        settling: &mut Settling,
    ) -> Result<(), AppError> {
        let mail = &outcome.mail;
        let sender = mail.envelope.mail_from.expose();
        let Some((_, domain)) = sender.rsplit_once('@') else { return Ok(()) };
        if told.is_empty() || mail.envelope.is_report {
            return Ok(());
        }
        let recipients: Vec<BouncedRecipient<'_>> = told
            .iter()
            .map(|(to, answer, status)| BouncedRecipient {
                address: to.address.expose(),
                original: to.original.as_ref().map(|original| original.expose().as_str()),
                status: *status,
                server: &outcome.server,
                answer: answer.expose(),
            })
            .collect();
        let hostname = self.inner.mail.queue.keep.lock().0.clone();
        let id = JobId::generate(self.now(), self.random()).to_string().replace('-', "");
        let bounce = Bounce {
            kind,
            hostname: &hostname,
            from_domain: domain,
            to: sender,
            id: &id,
            arrived: mail.at,
            now: self.now(),
            envelope_id: mail.envelope.reports.envelope_id.as_ref().map(|id| id.expose().as_str()),
            recipients: &recipients,
            original: mail.message.expose(),
            // What went on needs no copy of its text (RFC 3461 §6.2).
            is_header_only: mail.envelope.reports.is_header_only || kind == BounceKind::Relayed,
        };
        let unsigned = PiiBytes::new(bounce.write());
        let fields = signer.and_then(|keys| keys.sign(unsigned.expose(), self.now()).ok());
        let mut message = Vec::with_capacity(unsigned.expose().len() + 4_096);
        message.extend(fields.iter().flat_map(|signed| &signed.fields));
        message.extend_from_slice(unsigned.expose());
        let message = PiiBytes::new(message);
        let to = OutgoingRecipient { notify: Some("NEVER".into()), ..copy(&mail.envelope.mail_from).into() };
        let envelope = Envelope {
            mail_from: PiiText::new(String::new()),
            recipients: vec![to.into()],
            reports: ReportWish::default(),
            is_report: true,
        };
        let stream = mail.stream.clone();
        let new = self.mail_add(&mut settling.unit, stream, self.now(), &envelope, message.expose())?;
        settling.new.push(new);
        Ok(())
    }

    /// A node that delivers looks at the queue now.
    pub(super) fn mail_look(&self) {
        self.inner.mail.queue.look_again();
        self.inner.mail.queue.wake();
    }
}

/// What is collected while outcomes are written down.
struct Settling {
    unit: Unit,
    /// By stream, provider and outcome.
    counts: BTreeMap<(String, &'static str, &'static str), u64>,
    new: Vec<NewMail>,
    /// Messages that leave the queue.
    gone: u64,
}

impl ClaimedMail {
    fn from_row(head: kluis_store::MailHead) -> Self {
        let kluis_store::MailHead { id, stream, at, due, attempts, .. } = head;
        Self { id, stream, at, attempts, until: due, held: None }
    }

    /// When it was accepted, which is also when it is due when it is given back untried.
    #[must_use]
    pub fn accepted(&self) -> TimeMs {
        self.at
    }
}

impl MailOutcome {
    /// Whether its sender may have to hear of it.
    fn may_be_reported(&self) -> bool {
        let is_delivered = |became: &RecipientOutcome| matches!(became, RecipientOutcome::Delivered);
        let wants = |to: &EnvelopeRecipient| !self.reports && to.wants("SUCCESS");
        !self.recipients.iter().all(is_delivered) || self.mail.envelope.recipients.iter().any(wants)
    }

    /// Wipes the text of a message when nobody needs it any more.
    pub fn forget_message(&mut self) {
        if !self.may_be_reported() {
            self.mail.message = PiiBytes::new(Vec::new());
        }
    }
}

impl Answer {
    /// Code and text, as a report shows them.
    fn words(&self) -> PiiText {
        PiiText::new(format!("{} {}", self.code, self.text.expose()))
    }
}

impl EnvelopeRecipient {
    /// Whether the sender asked to hear of this: `FAILURE`, which is also what no wish means, or `SUCCESS`.
    fn wants(&self, what: &str) -> bool {
        match &self.notify {
            None => what == "FAILURE",
            Some(notify) => notify.split(',').any(|word| word.trim() == what),
        }
    }

    fn again(&self, answer: &Answer) -> Self {
        Self {
            address: copy(&self.address),
            notify: self.notify.clone(),
            original: self.original.as_ref().map(copy),
            last: Some(Answer { code: answer.code, status: answer.status, text: copy(&answer.text) }),
        }
    }
}

fn copy(text: &PiiText) -> PiiText {
    PiiText::new(text.expose().clone())
}

/// How long a message waits: a little different for each, so that they do not all come at once.
fn retry_after(attempts: u32, id: JobId) -> Duration {
    let at = usize::try_from(attempts).unwrap_or(usize::MAX).min(RETRY_AFTER.len() - 1);
    let spread = u32::from(id.as_bytes()[15] % 20);
    RETRY_AFTER[at] + RETRY_AFTER[at] * spread / 200
}
