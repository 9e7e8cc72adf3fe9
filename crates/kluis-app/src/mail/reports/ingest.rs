//! Taking reports in: read in a thread of their own, each written as one unit, what cannot be read kept apart.

use std::ops::Range;
use std::sync::Arc;

use kluis_crypto::{PiiBytes, sha256};
use kluis_mail::report::{Content, Failures, Found, Limits, Refusal, mails, open};
use kluis_model::{Actor, Operation};
use kluis_store::{StoreError, Unit};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::stored::{Desk, Draft, Naming};
use super::views::{Ingested, ReportKind, ReportSource};
use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// Bytes that are taken in at once.
const INGEST_BYTES_MAX: usize = 256 << 20;
/// Units under way at once: so many share one transaction.
const AT_ONCE: usize = 32;
/// Sealed bytes of units under way at once.
const BYTES_AT_ONCE: usize = 16 << 20;
/// Reports that strangers may send in a day.
const STRANGERS_DAY_MAX: u64 = 20_000;

/// Mails of one mailbox that find no room in the quarantine before the rest of it is left.
const NO_ROOM_MAX: usize = 1_000;

/// What the thread that reads hands over.
enum Read {
    Report(Box<Draft>),
    FailureIgnored,
    Refused(Refusal),
    Broken(AppError),
}

impl App {
    /// Takes in whatever reports come in (mail, mailbox, zip, gzip, XML, JSON); answers once all of it is durable. The
    /// same report again changes nothing, so whoever brings it may bring it again after any error.
    ///
    /// # Errors
    /// Denied; `Unavailable` when the database does not answer or there is no room for more that cannot be read: keep
    /// the bytes and bring them again; `Invalid` for more bytes than are taken at once.
    pub async fn mail_ingest(
        &self,
        actor: &Actor,
        source: ReportSource,
        name_hint: &str,
        bytes: impl Into<Vec<u8>> + Send,
    ) -> Result<Ingested, AppError> {
        let bytes = Arc::new(PiiBytes::new(bytes.into()));
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        self.keys(actor.shop)?;
        if bytes.expose().len() > INGEST_BYTES_MAX {
            return Err(AppError::invalid(
                "file",
                "Dit bestand is groter dan 256 MiB; knip het in stukken.",
                "This file is larger than 256 MiB; split it.",
            ));
        }
        self.room_for_strangers(actor, source).await?;
        let work = Work {
            app: self.clone(),
            actor: actor.clone(),
            source,
            name: name_hint.to_owned(),
            naming: Arc::new(Naming::of(&self.mail_settings())),
            limits: self.report_limits(),
            bytes,
        };
        work.run().await
    }

    fn report_limits(&self) -> Limits {
        let may_summarise = self.mail_settings().failure_reports;
        let failures = if may_summarise { Failures::Summarise } else { Failures::Ignore };
        Limits { failures, ..Limits::default() }
    }

    /// Refuses more reports than all receivers of the world send a shop in a day.
    async fn room_for_strangers(&self, actor: &Actor, source: ReportSource) -> Result<(), AppError> {
        if !source.is_of_strangers() {
            return Ok(());
        }
        let day_ago = self.now().minus(std::time::Duration::from_secs(86_400));
        if self.store().count_mail_reports_received(actor.shop, day_ago).await? < STRANGERS_DAY_MAX {
            return Ok(());
        }
        Err(AppError::Unavailable {
            what: format!("more than {STRANGERS_DAY_MAX} mail reports came in within a day"),
        })
    }
}

/// The bytes and what is needed to take them in.
struct Work {
    app: App,
    actor: Actor,
    source: ReportSource,
    name: String,
    naming: Arc<Naming>,
    limits: Limits,
    bytes: Arc<PiiBytes>,
}

/// Units under way.
#[derive(Default)]
struct Flight {
    units: JoinSet<Result<Option<ReportKind>, AppError>>,
    bytes: usize,
    done: Ingested,
}

impl Work {
    async fn run(self) -> Result<Ingested, AppError> {
        let (mut flight, mut no_room) = (Flight::default(), Vec::new());
        for mail in self.pieces() {
            let Some(refusal) = self.one(mail.clone(), &mut flight).await? else { continue };
            let bytes = &self.bytes.expose()[mail];
            match self.app.quarantine(&self.actor, self.source, refusal, bytes).await {
                Ok(id) => flight.done.quarantined.push((id, refusal)),
                // What finds no room holds up nothing but itself.
                Err(error) if error.is_no_room_for_reports() && no_room.len() < NO_ROOM_MAX => {
                    no_room.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        flight.land(0).await?;
        no_room.pop().map_or(Ok(flight.done), Err)
    }

    /// A mailbox is taken mail by mail, so that one bad mail keeps nothing but itself apart. What a stranger sent is one
    /// mail whatever it looks like, or it would fill the quarantine alone.
    fn pieces(&self) -> Vec<Range<usize>> {
        let bytes = self.bytes.expose();
        if self.source.is_of_strangers() { std::iter::once(0..bytes.len()).collect() } else { mails(bytes) }
    }

    /// Takes one mail or file in; gives why it must be kept apart, if it must.
    async fn one(&self, range: Range<usize>, flight: &mut Flight) -> Result<Option<Refusal>, AppError> {
        let (send, mut found) = mpsc::channel(1);
        let reader = self.reader(range)?;
        // A dropped receiver means that nobody waits for the answer any more.
        let turn = self.app.inner.mail.reports.readers.clone().acquire_owned().await;
        let turn = turn.map_err(AppError::internal)?;
        let reading = tokio::task::spawn_blocking(move || {
            // Until the reading ends, also when nobody waits for it any more.
            let _turn = turn;
            reader.read(&|read| drop(send.blocking_send(read)));
        });
        let mut refused = None;
        while let Some(read) = found.recv().await {
            match read {
                Read::Report(draft) => {
                    flight.make_room(draft.sealed.len()).await?;
                    let (app, actor) = (self.app.clone(), self.actor.clone());
                    flight.units.spawn(async move { app.keep_report(&actor, *draft).await });
                }
                Read::FailureIgnored => flight.done.failure_refused += 1,
                Read::Refused(refusal) => refused = refused.or(Some(refusal)),
                Read::Broken(error) => return Err(error),
            }
        }
        if let Err(error) = reading.await {
            // Whatever it is that a reader stumbles over, a person can look at it.
            tracing::error!(%error, "a report could not be read to its end");
            refused = refused.or(Some(Refusal::Damaged));
        }
        Ok(refused)
    }

    fn reader(&self, range: Range<usize>) -> Result<Reader, AppError> {
        Ok(Reader {
            keys: self.app.keys(self.actor.shop)?,
            app: self.app.clone(),
            bytes: self.bytes.clone(),
            naming: self.naming.clone(),
            limits: self.limits.clone(),
            name: self.name.clone(),
            source: self.source,
            range,
        })
    }
}

impl Flight {
    /// Waits until one more unit of so many bytes may go.
    async fn make_room(&mut self, bytes: usize) -> Result<(), AppError> {
        if self.bytes.saturating_add(bytes) > BYTES_AT_ONCE {
            self.land(0).await?;
        }
        self.land(AT_ONCE - 1).await?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Waits until at most so many units are under way.
    async fn land(&mut self, most: usize) -> Result<(), AppError> {
        while self.units.len() > most {
            let Some(ended) = self.units.join_next().await else { break };
            match ended.map_err(AppError::internal)?? {
                Some(kind) => {
                    self.done.new += 1;
                    self.done.tls += u32::from(kind == ReportKind::Tls);
                }
                None => self.done.known += 1,
            }
        }
        if self.units.is_empty() {
            self.bytes = 0;
        }
        Ok(())
    }
}

/// Reads bytes and makes rows of them; all of it costs time and none of it waits.
struct Reader {
    app: App,
    keys: Arc<kluis_crypto::ShopKeys>,
    bytes: Arc<PiiBytes>,
    naming: Arc<Naming>,
    limits: Limits,
    name: String,
    source: ReportSource,
    range: Range<usize>,
}

impl Reader {
    fn read(&self, hand_over: &dyn Fn(Read)) {
        let bytes = &self.bytes.expose()[self.range.clone()];
        let desk = Desk {
            keys: &self.keys,
            naming: &self.naming,
            random: self.app.random(),
            now: self.app.now(),
            source: self.source,
            strangers: self.source.is_of_strangers().then_some(&self.app.inner.mail.reports.strangers),
        };
        let mut failures = 0;
        open(&self.name, bytes, &self.limits, &mut |found: Found| {
            let draft = match found.content {
                Ok(Content::Aggregate(report)) => desk.dmarc(*report),
                Ok(Content::Tls(report)) => desk.tls(*report),
                Ok(Content::Failure(summary)) => {
                    failures += 1;
                    desk.failure(summary, &sha256(bytes), failures)
                }
                Ok(Content::FailureIgnored) => return hand_over(Read::FailureIgnored),
                Err(refusal) => return hand_over(Read::Refused(refusal)),
            };
            hand_over(draft.map_or_else(Read::Broken, |draft| Read::Report(Box::new(draft))));
        });
    }
}

impl App {
    /// Writes a report unless it is there; gives its kind when it is new.
    async fn keep_report(&self, actor: &Actor, draft: Draft) -> Result<Option<ReportKind>, AppError> {
        let Draft { row, sealed, sources } = draft;
        if self.store().mail_report_with_key(actor.shop, row.key).await?.is_some() {
            return Ok(None);
        }
        let mut unit = Unit::new();
        unit.insert_mail_report(&row, &sealed, &sources);
        let done = Done { count: 1, reason: Some("report"), detail: Some(row.key), ..Done::default() };
        self.add_ok(&mut unit, actor, &Ask::new(Operation::MailChange), &done);
        match self.store().commit(unit).await {
            Ok(_) => Ok(ReportKind::ALL.into_iter().find(|kind| kind.word() == row.kind)),
            // Somebody else took the same report in at the same moment.
            Err(StoreError::Conflict { what }) if what == "mail_report" => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
