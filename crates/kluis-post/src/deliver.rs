//! Hands the queue to the smarthost: several connections, each used again; a smarthost that is away is not asked all the time.
//!
//! One task claims, several send, one writes down what came of it, many at a time. Nothing that is logged here names a
//! person: ids, codes and the host of the smarthost only.

use std::sync::Arc;
use std::time::Duration;

use kluis_app::{Answer, App, AppError, ClaimedMail, MailOutcome, QueuedMail, RecipientOutcome};
use kluis_mail::smtp::Reply;
use kluis_mail::smtp::client::{ClientLogin, ClientRecipient, TlsWish, Transaction};
use kluis_model::PiiText;
use kluis_net::smtp_out::{Smarthost, SmarthostConnection, SmarthostError, SmarthostOptions};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::{DeliverOptions, PostError, SmarthostTls};

/// How often the queue is looked at when nobody says that there is something new.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A connection without work is ended after this.
const IDLE: Duration = Duration::from_secs(20);
/// How often messages are looked for that are too old.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// Outcomes that are written down in one unit.
const OUTCOMES_MAX: usize = 256;
/// Pause before the database is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// Pauses before a smarthost that does not answer is tried again.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];
/// What is said of a message that was never refused.
const GIVEN_UP: &str = "the smarthost did not take it in time";
/// How long the end waits for messages that are being handed over.
const LAST: Duration = Duration::from_secs(12);

/// Starts delivering; the task ends soon after `stopped` turns true.
pub(crate) fn start(
    app: App,
    options: DeliverOptions,
    hostname: &str,
    stopped: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, PostError> {
    let days = Duration::from_secs(u64::from(options.queue_days) * 86_400);
    let connections = options.connections_max.clamp(1, 64);
    let smarthost = Smarthost::new(SmarthostOptions {
        host: options.smarthost.host,
        port: options.smarthost.port,
        tls: match options.tls {
            SmarthostTls::StartTls => TlsWish::Required,
            SmarthostTls::Tls => TlsWish::Already,
            SmarthostTls::None => TlsWish::Never,
        },
        hello: hostname.to_owned(),
        login: options.login.map(|login| ClientLogin { user: login.user, password: login.password }),
        roots: options.roots,
    })
    .map_err(PostError::Smarthost)?;
    let desk = Arc::new(Desk { app, smarthost, breaker: Mutex::default(), stopped });
    let hostname = hostname.to_owned();
    Ok(tokio::spawn(async move { desk.run(&hostname, days, connections).await }))
}

/// What all tasks share.
struct Desk {
    app: App,
    smarthost: Smarthost,
    breaker: Mutex<Breaker>,
    stopped: watch::Receiver<bool>,
}

/// Whether the smarthost answers.
#[derive(Default)]
struct Breaker {
    failures: usize,
    /// Not before this.
    until: Option<Instant>,
}

impl Desk {
    fn is_stopped(&self) -> bool {
        // An error means that whoever could stop us is gone.
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    /// Waits until told to stop.
    async fn stop(&self) {
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }

    /// Waits so long, or until told to stop.
    async fn pause(&self, at_most: Duration) {
        tokio::select! {
            () = self.stop() => {}
            () = sleep(at_most) => {}
        }
    }

    async fn run(self: Arc<Self>, hostname: &str, days: Duration, connections: usize) {
        while let Err(error) = self.app.mail_deliver_begin(hostname, days).await {
            tracing::warn!(%error, "the mail queue cannot be read; it is tried again");
            self.pause(PAUSE * 5).await;
            if self.is_stopped() {
                return;
            }
        }
        let (claimed, to_send) = mpsc::channel(connections);
        let (done, outcomes) = mpsc::channel(OUTCOMES_MAX);
        let to_send = Arc::new(tokio::sync::Mutex::new(to_send));
        let mut senders = JoinSet::new();
        for _ in 0..connections {
            senders.spawn(Arc::clone(&self).send(Arc::clone(&to_send), done.clone()));
        }
        let expirer = tokio::spawn(Arc::clone(&self).expire(done));
        let writer = tokio::spawn(Arc::clone(&self).write_down(outcomes));
        self.claim(&claimed).await;
        drop(claimed);
        let end = Instant::now() + LAST;
        let all = async { while senders.join_next().await.is_some() {} };
        // What is not handed over by then may arrive twice: its end is not known.
        let _ = tokio::time::timeout_at(end, all).await;
        senders.shutdown().await;
        let _ = expirer.await;
        let _ = timeout(LAST / 2, writer).await;
        if let Err(error) = self.app.mail_deliver_end().await {
            tracing::warn!(%error, "mail that was not begun is due in a quarter of an hour");
        }
    }

    /// Claims messages as fast as they are sent.
    async fn claim(&self, claimed: &mpsc::Sender<ClaimedMail>) {
        let mut is_failing = false;
        while !self.is_stopped() {
            let Some(limit) = self.may_claim() else {
                self.pause(PAUSES[0]).await;
                continue;
            };
            let found = match self.app.mail_claim(limit).await {
                Ok(found) => found,
                Err(error) => {
                    if !is_failing && !matches!(error, AppError::Sealed) {
                        tracing::warn!(%error, "the mail queue cannot be read; it is tried again");
                    }
                    is_failing = true;
                    self.pause(PAUSE).await;
                    continue;
                }
            };
            is_failing = false;
            if found.is_empty() {
                tokio::select! {
                    () = self.stop() => {}
                    () = self.app.mail_wait(LOOK_EVERY) => {}
                }
                continue;
            }
            self.pass_on(found, claimed).await;
        }
    }

    /// How many may be claimed: one to try with when the smarthost was away, none while it is not tried.
    fn may_claim(&self) -> Option<usize> {
        let breaker = self.breaker.lock();
        let is_open = breaker.until.is_some_and(|until| until > Instant::now());
        (!is_open).then_some(if breaker.failures > 0 { 1 } else { OUTCOMES_MAX })
    }

    /// Passes claimed messages on to those who send; what is left when told to stop is given back.
    async fn pass_on(&self, found: Vec<ClaimedMail>, claimed: &mpsc::Sender<ClaimedMail>) {
        let mut left = Vec::new();
        for mail in found {
            if self.is_stopped() {
                left.push((mail.id, mail.accepted()));
                continue;
            }
            let place = (mail.id, mail.accepted());
            tokio::select! {
                sent = claimed.send(mail) => if sent.is_err() { left.push(place) },
                () = self.stop() => left.push(place),
            }
        }
        self.give_back(&left).await;
    }

    async fn give_back(&self, mails: &[(kluis_model::JobId, kluis_model::TimeMs)]) {
        if !mails.is_empty()
            && let Err(error) = self.app.mail_give_back(mails).await
        {
            tracing::warn!(%error, "mail that was not begun is due in a quarter of an hour");
        }
    }

    /// Sends messages over one connection.
    async fn send(
        self: Arc<Self>,
        to_send: Arc<tokio::sync::Mutex<mpsc::Receiver<ClaimedMail>>>,
        done: mpsc::Sender<MailOutcome>,
    ) {
        let mut connection: Option<SmarthostConnection> = None;
        loop {
            let next = async { to_send.lock().await.recv().await };
            let next = match timeout(IDLE, next).await {
                Ok(next) => next,
                Err(_) => {
                    if let Some(idle) = connection.take() {
                        idle.quit().await;
                    }
                    continue;
                }
            };
            let Some(claimed) = next else { break };
            let place = (claimed.id, claimed.accepted());
            connection = match self.connected(connection.take()).await {
                Some(connection) => Some(connection),
                None => {
                    self.give_back(&[place]).await;
                    continue;
                }
            };
            match self.app.mail_open(claimed).await {
                Ok(Some(mail)) => {
                    if let Some(outcome) = self.hand_over(mail, &mut connection).await
                        && done.send(outcome).await.is_err()
                    {
                        break;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    if !matches!(error, AppError::Sealed) {
                        tracing::warn!(%error, "mail cannot be read; it is due again in a quarter of an hour");
                    }
                    self.pause(PAUSE).await;
                }
            }
        }
        if let Some(last) = connection {
            last.quit().await;
        }
    }

    /// A connection that can be used; `None` when told to stop, or while the smarthost is away.
    async fn connected(&self, old: Option<SmarthostConnection>) -> Option<SmarthostConnection> {
        if let Some(old) = old.filter(SmarthostConnection::is_usable) {
            return Some(old);
        }
        if self.is_stopped() || self.may_claim().is_none() {
            return None;
        }
        let connected = tokio::select! {
            () = self.stop() => return None,
            connected = self.smarthost.connect() => connected,
        };
        match connected {
            Ok(connection) => {
                self.answers();
                Some(connection)
            }
            Err(error) => {
                // Also later: what was being accepted meanwhile came into memory after the first time.
                if self.is_away(&error)
                    && let Err(error) = self.app.mail_deliver_pause().await
                {
                    tracing::warn!(%error, "mail that was not begun is due in a quarter of an hour");
                }
                None
            }
        }
    }

    fn answers(&self) {
        let before = std::mem::take(&mut *self.breaker.lock());
        if before.failures > 0 {
            tracing::info!(host = self.smarthost.host(), "the smarthost answers again");
            self.app.mail_deliver_resume();
        }
    }

    /// Notes that the smarthost does not answer, and says whether it is left alone for a while only now.
    fn is_away(&self, error: &SmarthostError) -> bool {
        let mut breaker = self.breaker.lock();
        // Several who find out at the same time are one failure.
        if breaker.until.is_some_and(|until| until > Instant::now()) {
            return false;
        }
        breaker.until = Some(Instant::now() + PAUSES[breaker.failures.min(PAUSES.len() - 1)]);
        breaker.failures += 1;
        if breaker.failures == 1 {
            tracing::warn!(host = self.smarthost.host(), %error, "mail waits: no talk with the smarthost");
        }
        true
    }

    /// Hands one message over; a connection that was merely old is replaced once. `None` when that cannot be done now, or
    /// took so long that somebody else has the message.
    async fn hand_over(
        &self,
        mail: QueuedMail,
        connection: &mut Option<SmarthostConnection>,
    ) -> Option<MailOutcome> {
        let is_expired = self.app.mail_is_expired(&mail);
        let mut again = 1;
        let replies = loop {
            if is_expired {
                break Err(GIVEN_UP);
            }
            let Some(open) = connection.as_mut() else {
                self.give_back(&[(mail.id, mail.at)]).await;
                return None;
            };
            match transmit(open, &mail).await {
                Ok(replies) => break Ok((replies, open.reports())),
                Err(lost) => {
                    *connection = None;
                    if lost.was_begun || again == 0 {
                        tracing::info!(mail = %mail.id, error = %lost, "mail was not handed over; it is tried again");
                        break Err("the connection with the smarthost was lost");
                    }
                    again -= 1;
                    *connection = self.connected(None).await;
                    // The smarthost may have been away for longer than the lease: then the message is due for everybody.
                    if !self.app.mail_may_begin(&mail) {
                        return None;
                    }
                }
            }
        };
        Some(self.outcome(mail, replies))
    }

    fn outcome(
        &self,
        mut mail: QueuedMail,
        replies: Result<(Vec<Reply>, bool), &'static str>,
    ) -> MailOutcome {
        let reports = replies.as_ref().is_ok_and(|(_, reports)| *reports);
        let recipients: Vec<RecipientOutcome> = match replies {
            Ok((replies, _)) => replies.iter().map(became).collect(),
            Err(why) => {
                let recipients = mail.envelope.recipients.iter_mut();
                recipients
                    .map(|to| RecipientOutcome::Deferred(to.last.take().unwrap_or_else(|| lost(why))))
                    .collect()
            }
        };
        let mut outcome = MailOutcome { mail, server: self.smarthost.host().to_owned(), reports, recipients };
        outcome.forget_message();
        outcome
    }

    /// Gives up what is too old, also while the smarthost is away.
    async fn expire(self: Arc<Self>, done: mpsc::Sender<MailOutcome>) {
        while !self.is_stopped() {
            let found = self.app.mail_claim_expired().await.unwrap_or_default();
            let is_empty = found.is_empty();
            for claimed in found {
                let Ok(Some(mail)) = self.app.mail_open(claimed).await else { continue };
                if done.send(self.outcome(mail, Err(GIVEN_UP))).await.is_err() {
                    return;
                }
            }
            if is_empty {
                self.pause(EXPIRE_EVERY).await;
            }
        }
    }

    /// Writes down what came of messages, as many at once as there are.
    async fn write_down(self: Arc<Self>, mut outcomes: mpsc::Receiver<MailOutcome>) {
        let mut some = Vec::new();
        let mut is_failing = false;
        while outcomes.recv_many(&mut some, OUTCOMES_MAX).await > 0 {
            while let Err(error) = self.app.mail_settle(&some).await {
                if !is_failing {
                    tracing::warn!(%error, "what was sent cannot be written down; it is tried again");
                }
                is_failing = true;
                if self.is_stopped() {
                    // They were sent; without the note they are sent again.
                    return;
                }
                self.pause(PAUSE).await;
            }
            is_failing = false;
            some.clear();
        }
    }
}

/// Sends one message.
async fn transmit(
    connection: &mut SmarthostConnection,
    mail: &QueuedMail,
) -> Result<Vec<Reply>, kluis_net::smtp_out::SendError> {
    let recipients: Vec<ClientRecipient<'_>> = mail
        .envelope
        .recipients
        .iter()
        .map(|to| ClientRecipient {
            address: to.address.expose(),
            notify: to.notify.as_deref(),
            original: to.original.as_ref().map(|original| original.expose().as_str()),
        })
        .collect();
    let message = mail.message.expose();
    let transaction = Transaction {
        from: mail.envelope.mail_from.expose(),
        recipients: &recipients,
        size: message.len(),
        is_8bit: !message.is_ascii(),
        is_header_only: mail.envelope.reports.is_header_only,
        envelope_id: mail.envelope.reports.envelope_id.as_ref().map(|id| id.expose().as_str()),
    };
    connection.send(&transaction, message).await
}

/// What a reply means for a recipient.
fn became(reply: &Reply) -> RecipientOutcome {
    let class = if reply.is_permanent() { 5 } else { 4 };
    let status = reply.enhanced.filter(|(given, ..)| *given == class).unwrap_or((class, 0, 0));
    let answer = || Answer { code: reply.code, status, text: PiiText::new(reply.text.clone().into_owned()) };
    match reply.code {
        200..300 => RecipientOutcome::Delivered,
        500.. => RecipientOutcome::Failed(answer()),
        _ => RecipientOutcome::Deferred(answer()),
    }
}

/// The answer that the smarthost did not give.
fn lost(why: &str) -> Answer {
    Answer { code: 451, status: (4, 4, 2), text: PiiText::new(why.to_owned()) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
#[path = "deliver_tests.rs"]
mod tests;
