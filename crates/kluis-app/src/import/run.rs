//! The run of one import: a reading thread, preparing threads and the store's writer, each at its own chunk.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kluis_connect::ImportReader;
use kluis_model::audit::Operation;
use kluis_model::{Actor, FieldName, SubjectId};
use kluis_store::{DekRow, Staged, StoreError, SubjectRow, Unit};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::ImportOptions;
use super::evaluate::{Evaluated, Record, Verdict, evaluate, record_of};
use super::report::{ImportColumn, ImportProgress, ImportReport, Refusal, Tallies, columns_of};
use super::seen::Seen;
use crate::guard::{Ask, Done};
use crate::record::Tools;
use crate::record::terms::{self, FieldTerm};
use crate::subject::CHANGE_TRIES;
use crate::{App, AppError};

/// Records of one unit; the store lets many units share a transaction.
const CHUNK_RECORDS: usize = 500;
/// After a conflict a unit is halved until it is this small; then its records go one by one.
const SINGLY_RECORDS: usize = 4;
/// Chunks read ahead.
const CHUNKS_AHEAD: usize = 2;
/// Chunks on their way to the store: two being sealed, the others being written.
const FLIGHTS_MAX: usize = 4;
/// Units that need not be durable yet; an error of the disk shows that much later.
const STAGED_MAX: usize = 512;
/// Records about customers whom the file named before that wait at most: each time everything else is settled first.
const REPEATS_MAX: usize = 4_000;

/// A chunk as the reading thread gives it.
enum Read {
    Chunk {
        records: Vec<Record>,
        refusals: Vec<Refusal>,
        bytes_read: u64,
    },
    /// The end of the file.
    End {
        columns: Vec<ImportColumn>,
    },
    /// The keys went away.
    Failed(AppError),
}

/// A record with the customer it belongs to.
struct Work {
    record: Record,
    stored: Option<(SubjectRow, Vec<DekRow>)>,
    /// Its customer number is one customer's and its e-mail address another's.
    is_ambiguous: bool,
}

/// What was decided about a record; the record is kept for a second try.
struct Decided {
    record: Record,
    evaluated: Evaluated,
    /// Who is written.
    written: Option<SubjectId>,
}

impl Decided {
    /// Without the sealed rows, once they are in a unit.
    fn lean(mut self) -> Self {
        self.evaluated.verdict = match self.evaluated.verdict {
            Verdict::Create(_) => Verdict::Created,
            Verdict::Update(_) => Verdict::Updated,
            other => other,
        };
        self
    }
}

/// A chunk whose unit the store has taken, or not.
struct Landed {
    decided: Vec<Decided>,
    /// `None` when nothing was to be written.
    staged: Option<Result<Staged, StoreError>>,
}

/// One import.
pub(super) struct Run {
    app: App,
    actor: Arc<Actor>,
    options: ImportOptions,
    report: ImportReport,
    progress: ImportProgress,
    tallies: Tallies,
    /// Chunks on their way, oldest first.
    flights: VecDeque<JoinHandle<Result<Landed, AppError>>>,
    /// Units that hold but need not be durable yet, with their customers, for the name index.
    staged: VecDeque<(Staged, Vec<SubjectId>)>,
    /// The terms of all records so far.
    seen: Seen,
    /// Records about customers whom the file named before.
    repeats: Vec<Record>,
    /// The vault was empty and nobody else writes: whoever is not in `seen` is not in the database.
    is_fresh: bool,
    /// The rejects file has its heading.
    is_listing: bool,
}

impl Run {
    pub(super) fn new(app: &App, actor: &Actor, options: ImportOptions, report: ImportReport) -> Self {
        Self {
            app: app.clone(),
            actor: Arc::new(actor.clone()),
            report: ImportReport { dry_run: options.dry_run, ..report },
            options,
            progress: ImportProgress::default(),
            tallies: Tallies::default(),
            flights: VecDeque::with_capacity(FLIGHTS_MAX),
            staged: VecDeque::new(),
            seen: Seen::new(),
            repeats: Vec::new(),
            is_fresh: false,
            is_listing: false,
        }
    }

    /// Reads the file to its end.
    pub(super) async fn finish(
        mut self,
        reader: ImportReader,
        progress: &(dyn Fn(ImportProgress) + Sync),
    ) -> Result<ImportReport, AppError> {
        let (app, shop) = (self.app.clone(), self.actor.shop);
        self.is_fresh = app.store().page_subjects(shop, None, 1).await?.is_empty();
        let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
        let reading = tokio::task::spawn_blocking(move || read_file(&app, shop, reader, &sender));
        while let Some(read) = chunks.recv().await {
            if self.options.cancel.load(Ordering::Relaxed) {
                self.report.cancelled = true;
                break;
            }
            match read {
                Read::Chunk { records, refusals, bytes_read } => {
                    self.progress.bytes_read = bytes_read;
                    self.progress.records += (records.len() + refusals.len()) as u64;
                    for refusal in refusals {
                        self.refuse(&refusal)?;
                    }
                    self.take_chunk(records).await?;
                    progress(self.progress);
                }
                Read::End { columns } => self.report.columns = columns,
                Read::Failed(error) => return Err(error),
            }
        }
        drop(chunks);
        reading.await.map_err(AppError::internal)?;
        self.take_repeats().await?;
        progress(self.progress);
        if let Some(rejects) = &mut self.options.rejects {
            rejects.flush().map_err(rejects_error)?;
        }
        let ImportProgress { records, created, updated, unchanged, rejected, .. } = self.progress;
        let mut report = ImportReport { records, created, updated, unchanged, rejected, ..self.report };
        self.tallies.write_to(&mut report);
        Ok(report)
    }

    /// Takes a chunk; records about somebody whom the file named before wait for the others.
    async fn take_chunk(&mut self, records: Vec<Record>) -> Result<(), AppError> {
        let mut fresh = Vec::with_capacity(records.len());
        for record in records {
            let mut is_known = false;
            for (_, _, hash) in &record.terms {
                is_known |= self.seen.insert(hash);
            }
            match (is_known, self.options.dry_run) {
                (false, _) => fresh.push(record),
                (true, false) => self.repeats.push(record),
                // What it would change is not in the database to compare with.
                (true, true) => self.progress.unchanged += 1,
            }
        }
        self.launch(fresh).await?;
        if self.seen.is_full() {
            self.take_repeats().await?;
            // Everything is durable now: the database knows whom the file named. A dry run, which writes nothing,
            // counts somebody who is named again after more than a million others as new.
            (self.seen, self.is_fresh) = (Seen::new(), false);
        } else if self.repeats.len() >= REPEATS_MAX {
            self.take_repeats().await?;
        }
        Ok(())
    }

    /// Takes the records about customers whom the file named before, in their order.
    async fn take_repeats(&mut self) -> Result<(), AppError> {
        self.settle().await?;
        let mut records = std::mem::take(&mut self.repeats);
        let was_fresh = std::mem::replace(&mut self.is_fresh, false);
        while !records.is_empty() {
            let mut terms = HashSet::with_capacity(records.len() * 2);
            let (mut first, mut later) = (Vec::with_capacity(records.len()), Vec::new());
            for record in records {
                let is_new = record.terms.iter().fold(true, |new, (_, _, hash)| terms.insert(*hash) && new);
                if is_new { first.push(record) } else { later.push(record) }
            }
            while !first.is_empty() {
                let rest = first.split_off(first.len().min(CHUNK_RECORDS));
                self.launch(first).await?;
                first = rest;
            }
            self.settle().await?;
            records = later;
        }
        self.is_fresh = was_fresh;
        Ok(())
    }

    /// Finds who is there, then lets a blocking thread seal or compare and hand the unit to the store.
    async fn launch(&mut self, records: Vec<Record>) -> Result<(), AppError> {
        if records.is_empty() {
            return Ok(());
        }
        let works = if self.is_fresh {
            let work = |record| Work { record, stored: None, is_ambiguous: false };
            records.into_iter().map(work).collect()
        } else {
            self.find_known(records).await?
        };
        while self.flights.len() >= FLIGHTS_MAX {
            self.land().await?;
        }
        let (app, actor, dry_run) = (self.app.clone(), Arc::clone(&self.actor), self.options.dry_run);
        let task = tokio::spawn(async move {
            let store = app.store().clone();
            let deciding = tokio::task::spawn_blocking(move || {
                let decided = decide_all(&app, &actor, works)?;
                let unit = if dry_run { Unit::new() } else { unit_of(&app, &actor, &decided) };
                Ok::<_, AppError>((decided.into_iter().map(Decided::lean).collect(), unit))
            });
            let (decided, unit) = deciding.await.map_err(AppError::internal)??;
            let staged = if unit.is_empty() { None } else { Some(store.stage(unit).await) };
            Ok(Landed { decided, staged })
        });
        self.flights.push_back(task);
        Ok(())
    }

    async fn find_known(&mut self, records: Vec<Record>) -> Result<Vec<Work>, AppError> {
        let shop = self.actor.shop;
        let all: Vec<_> = records.iter().flat_map(|record| record.terms.iter().copied()).collect();
        let mut owners = self.app.store().find_unique_many(shop, &all).await?.into_iter();
        let mut matches = Vec::with_capacity(records.len());
        for record in records {
            let (mut owner, mut is_ambiguous) = (None, false);
            for id in owners.by_ref().take(record.terms.len()).flatten() {
                is_ambiguous |= owner.replace(id).is_some_and(|other| other != id);
            }
            matches.push((record, owner.filter(|_| !is_ambiguous), is_ambiguous));
        }
        let mut ids: Vec<SubjectId> = matches.iter().filter_map(|(_, id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut rows: HashMap<SubjectId, (SubjectRow, Vec<DekRow>)> = HashMap::with_capacity(ids.len());
        if !ids.is_empty() {
            let found = self.app.store().find_subjects_keys(shop, &ids).await?;
            rows.extend(found.into_iter().map(|(row, deks)| (row.id, (row, deks))));
        }
        let work = |(record, id, is_ambiguous): (Record, Option<SubjectId>, bool)| Work {
            record,
            is_ambiguous,
            // Two records of one chunk may name one customer by different terms: the second gets
            // nobody here, clashes, and is looked at again by itself.
            stored: id.and_then(|id| rows.remove(&id)),
        };
        Ok(matches.into_iter().map(work).collect())
    }

    /// Waits for the oldest chunk on its way and counts it; after a conflict its records are tried again
    /// in ever smaller units.
    async fn land(&mut self) -> Result<(), AppError> {
        let Some(flight) = self.flights.pop_front() else { return Ok(()) };
        let Landed { decided, staged } = flight.await.map_err(AppError::internal)??;
        match staged.transpose() {
            Ok(staged) => {
                let ids = self.count_all(&decided)?;
                if let Some(staged) = staged {
                    self.staged.push_back((staged, ids));
                }
                while self.staged.len() > STAGED_MAX {
                    self.settle_one().await?;
                }
                Ok(())
            }
            Err(StoreError::Conflict { .. }) => {
                // Somebody else writes at the same time.
                self.is_fresh = false;
                let (waiting, others): (Vec<_>, Vec<_>) =
                    decided.into_iter().partition(|one| one.written.is_some());
                self.count_all(&others)?;
                self.app.store().settle().await?;
                self.take_parts(halves(waiting)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until everything on its way is durable.
    async fn settle(&mut self) -> Result<(), AppError> {
        while !self.flights.is_empty() {
            self.land().await?;
        }
        self.app.store().settle().await?;
        while !self.staged.is_empty() {
            self.settle_one().await?;
        }
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), AppError> {
        let Some((staged, ids)) = self.staged.pop_front() else { return Ok(()) };
        staged.durable().await?;
        self.index(&ids).await;
        Ok(())
    }

    /// Counts records and names the customers that were written.
    fn count_all(&mut self, decided: &[Decided]) -> Result<Vec<SubjectId>, AppError> {
        for one in decided {
            self.count(one.record.item.line, &one.evaluated)?;
        }
        Ok(decided.iter().filter_map(|one| one.written).collect())
    }

    async fn take_parts(&mut self, mut parts: Vec<Vec<Record>>) -> Result<(), AppError> {
        while let Some(records) = parts.pop() {
            if records.len() <= SINGLY_RECORDS {
                for record in records {
                    self.take_singly(record).await?;
                }
                continue;
            }
            let works = self.find_known(records).await?;
            let (app, actor) = (self.app.clone(), Arc::clone(&self.actor));
            let deciding = tokio::task::spawn_blocking(move || {
                let decided = decide_all(&app, &actor, works)?;
                let unit = unit_of(&app, &actor, &decided);
                Ok::<_, AppError>((decided.into_iter().map(Decided::lean).collect::<Vec<_>>(), unit))
            });
            let (decided, unit) = deciding.await.map_err(AppError::internal)??;
            let written =
                if unit.is_empty() { Ok(()) } else { self.app.store().commit(unit).await.map(drop) };
            match written {
                Ok(()) => {
                    let ids = self.count_all(&decided)?;
                    self.index(&ids).await;
                }
                Err(StoreError::Conflict { .. }) => {
                    let (waiting, others): (Vec<_>, Vec<_>) =
                        decided.into_iter().partition(|one| one.written.is_some());
                    self.count_all(&others)?;
                    parts.extend(halves(waiting));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes one record from the beginning, as often as somebody else is in the way.
    async fn take_singly(&mut self, record: Record) -> Result<(), AppError> {
        let line = record.item.line;
        let mut record = Some(record);
        for _ in 0..CHANGE_TRIES {
            let Some(one) = record.take() else { break };
            let works = self.find_known(vec![one]).await?;
            let (app, actor) = (self.app.clone(), Arc::clone(&self.actor));
            let task = tokio::task::spawn_blocking(move || decide_all(&app, &actor, works));
            let Some(decided) = task.await.map_err(AppError::internal)??.pop() else { break };
            let unit = unit_of(&self.app, &self.actor, std::slice::from_ref(&decided));
            let decided = decided.lean();
            if decided.written.is_none() {
                return self.count(decided.record.item.line, &decided.evaluated);
            }
            match self.app.store().commit(unit).await {
                Ok(_) => {
                    self.index(decided.written.as_slice()).await;
                    return self.count(decided.record.item.line, &decided.evaluated);
                }
                Err(StoreError::Conflict { what }) => {
                    if let Some(id) = decided.written {
                        self.app.clear_way(&self.actor, id, &what).await?;
                    }
                    record = Some(decided.record);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.refuse(&Refusal { line, field: None, reason: "conflict" })
    }

    async fn index(&mut self, ids: &[SubjectId]) {
        if let Err(error) = self.app.index_ids(self.actor.shop, ids).await {
            tracing::debug!(%error, "the name index takes imported customers later");
        }
    }

    fn count(&mut self, line: u64, one: &Evaluated) -> Result<(), AppError> {
        match &one.verdict {
            Verdict::Create(_) | Verdict::Created => self.progress.created += 1,
            Verdict::Update(_) | Verdict::Updated => self.progress.updated += 1,
            Verdict::Unchanged => self.progress.unchanged += 1,
            Verdict::Refused(refusal) => self.refuse(refusal)?,
        }
        for dropped in &one.dropped {
            *self.tallies.dropped.entry((dropped.field.clone(), dropped.reason)).or_default() += 1;
        }
        for (field, problem) in &one.invalid {
            *self.tallies.invalid.entry((field.clone(), problem)).or_default() += 1;
            self.list(line, field, problem)?;
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: &Refusal) -> Result<(), AppError> {
        self.progress.rejected += 1;
        *self.tallies.rejects.entry(refusal.reason).or_default() += 1;
        self.list(refusal.line, refusal.field.as_deref().unwrap_or_default(), refusal.reason)
    }

    /// Writes a line of the rejects file, its heading before the first; a field may be a heading of the file read.
    fn list(&mut self, line: u64, field: &str, reason: &str) -> Result<(), AppError> {
        let Some(rejects) = &mut self.options.rejects else { return Ok(()) };
        if !std::mem::replace(&mut self.is_listing, true) {
            writeln!(rejects, "line,field,reason").map_err(rejects_error)?;
        }
        // A heading that a spreadsheet would take for a formula is shown as text.
        let formula = if field.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
        let field = field.replace(['"', '\r', '\n'], " ");
        writeln!(rejects, "{line},\"{formula}{field}\",{reason}").map_err(rejects_error)
    }
}

/// Reads the file chunk by chunk until its end or until nobody listens any more.
fn read_file(app: &App, shop: kluis_model::ShopId, mut reader: ImportReader, sender: &mpsc::Sender<Read>) {
    loop {
        let chunk = read_chunk(app, shop, &mut reader);
        let ended = match &chunk {
            Ok(Read::Chunk { records, refusals, .. }) => records.len() + refusals.len() < CHUNK_RECORDS,
            _ => true,
        };
        if sender.blocking_send(chunk.unwrap_or_else(Read::Failed)).is_err() {
            return;
        }
        if ended {
            break;
        }
    }
    // Nobody listens any more after a cancel.
    let _ = sender.blocking_send(Read::End { columns: columns_of(&reader) });
}

fn read_chunk(app: &App, shop: kluis_model::ShopId, reader: &mut ImportReader) -> Result<Read, AppError> {
    let (keys, register) = (app.keys(shop)?, app.register());
    let mut records = Vec::with_capacity(CHUNK_RECORDS);
    let mut refusals = Vec::new();
    while records.len() + refusals.len() < CHUNK_RECORDS {
        match reader.next() {
            Some(Ok(item)) => match record_of(&keys, &register, item) {
                Ok(record) => records.push(record),
                Err(refusal) => refusals.push(refusal),
            },
            Some(Err(reject)) => refusals.push(reject.into()),
            None => break,
        }
    }
    Ok(Read::Chunk { records, refusals, bytes_read: reader.bytes_read() })
}

/// Decides about records on one thread.
fn decide_all(app: &App, actor: &Actor, works: Vec<Work>) -> Result<Vec<Decided>, AppError> {
    let (keys, register, now) = (app.keys(actor.shop)?, app.register(), app.now());
    let tools = Tools { keys: &keys, register: &register, random: app.random(), now };
    let mut decided = Vec::with_capacity(works.len());
    for Work { record, stored, is_ambiguous } in works {
        let evaluated = match stored {
            None if is_ambiguous => refused(&record, "ambiguous"),
            None => evaluate(&tools, &record, None)?,
            Some((row, deks)) => {
                let known = app.checked(row, deks).and_then(|loaded| {
                    evaluate(&Tools { keys: &loaded.keys, ..tools }, &record, Some(&loaded.stored))
                });
                match known {
                    // Somebody changed the row; that is logged, and no reason to keep the others out.
                    Err(AppError::Integrity { .. }) => refused(&record, "integrity"),
                    other => other?,
                }
            }
        };
        let written = match &evaluated.verdict {
            Verdict::Create(prepared) => Some(prepared.row.id),
            Verdict::Update(change) => Some(change.row.id),
            _ => None,
        };
        decided.push(Decided { record, evaluated, written });
    }
    Ok(decided)
}

/// One unit with these customers and their leaves; index entries in the order of their tables.
fn unit_of(app: &App, actor: &Actor, decided: &[Decided]) -> Unit {
    let mut unit = Unit::new();
    let mut entries: Vec<(&FieldTerm, SubjectId)> = Vec::with_capacity(decided.len() * 4);
    for Decided { evaluated, .. } in decided {
        let fields: &[FieldName] = &evaluated.fields;
        let ask = Ask::new(Operation::Import).fields(fields);
        match &evaluated.verdict {
            Verdict::Create(prepared) => {
                let id = prepared.row.id;
                prepared.add_rows_to(&mut unit);
                entries.extend(prepared.terms.iter().map(|entry| (entry, id)));
                let done = Done { reason: Some("created"), ..Done::wrote(1, prepared.digest) };
                app.add_ok(&mut unit, actor, &ask.about(id), &done);
            }
            Verdict::Update(change) => {
                let id = change.row.id;
                change.add_to(&mut unit);
                app.enqueue_shred_of(&mut unit, actor.shop, id, change.destroyed);
                let done = Done { reason: Some("updated"), ..Done::wrote(change.row.version, change.digest) };
                app.add_ok(&mut unit, actor, &ask.about(id), &done);
            }
            _ => {}
        }
    }
    entries.sort_unstable_by_key(|(entry, _)| entry.term);
    for (entry, id) in entries {
        terms::put(&mut unit, actor.shop, id, entry);
    }
    unit
}

fn halves(decided: Vec<Decided>) -> Vec<Vec<Record>> {
    let mut first: Vec<Record> = decided.into_iter().map(|one| one.record).collect();
    let second = first.split_off(first.len() / 2);
    vec![second, first]
}

fn refused(record: &Record, reason: &'static str) -> Evaluated {
    let refusal = Refusal { line: record.item.line, field: None, reason };
    let verdict = Verdict::Refused(refusal);
    Evaluated { verdict, fields: Vec::new(), dropped: Vec::new(), invalid: Vec::new() }
}

fn rejects_error(error: std::io::Error) -> AppError {
    AppError::Unavailable { what: format!("the file of rejects: {}", error.kind()) }
}
