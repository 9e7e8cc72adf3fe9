//! The run of one import: a reading thread, two preparing threads, and the committer, each at its own chunk.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kluis_connect::ImportReader;
use kluis_model::audit::Operation;
use kluis_model::{Actor, FieldName, SubjectId};
use kluis_store::{DekRow, StoreError, SubjectRow, Unit};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::ImportOptions;
use super::evaluate::{Evaluated, Record, Verdict, evaluate, record_of};
use super::report::{ImportColumn, ImportProgress, ImportReport, Refusal, Tallies, columns_of};
use crate::guard::{Ask, Done};
use crate::record::Tools;
use crate::record::terms::{self, FieldTerm};
use crate::subject::CHANGE_TRIES;
use crate::{App, AppError};

/// Records of one unit. The index tables are written in random places: the more records share a
/// transaction, the fewer pages are written for each.
const CHUNK_RECORDS: usize = 4_000;
/// After a conflict a unit is halved until it is this small; then its records go one by one.
const SINGLY_RECORDS: usize = 4;
/// Chunks read ahead.
const CHUNKS_AHEAD: usize = 2;
/// Units on their way to the disk: one being written, one ready for when it is done.
const FLIGHTS_MAX: usize = 2;
/// Threads that seal.
const THREADS: usize = 2;

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
}

/// A unit that is being committed.
struct Flight {
    task: JoinHandle<Result<(), StoreError>>,
    terms: HashSet<[u8; 16]>,
    decided: Vec<Decided>,
}

/// One import.
pub(super) struct Run {
    app: App,
    actor: Arc<Actor>,
    options: ImportOptions,
    report: ImportReport,
    progress: ImportProgress,
    tallies: Tallies,
    /// Units on their way, oldest first.
    flights: VecDeque<Flight>,
    /// In a dry run: terms of records seen, since nothing of them is in the database.
    seen: HashSet<[u8; 16]>,
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
            seen: HashSet::new(),
        }
    }

    /// Reads the file to its end.
    pub(super) async fn finish(
        mut self,
        reader: ImportReader,
        progress: &(dyn Fn(ImportProgress) + Sync),
    ) -> Result<ImportReport, AppError> {
        if let Some(rejects) = &mut self.options.rejects {
            writeln!(rejects, "line,field,reason").map_err(rejects_error)?;
        }
        let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
        let (app, shop) = (self.app.clone(), self.actor.shop);
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
        self.land_all().await?;
        progress(self.progress);
        if let Some(rejects) = &mut self.options.rejects {
            rejects.flush().map_err(rejects_error)?;
        }
        let ImportProgress { records, created, updated, unchanged, rejected, .. } = self.progress;
        let mut report = ImportReport { records, created, updated, unchanged, rejected, ..self.report };
        self.tallies.write_to(&mut report);
        Ok(report)
    }

    /// Takes a chunk; records about the same customer wait for each other.
    async fn take_chunk(&mut self, mut records: Vec<Record>) -> Result<(), AppError> {
        while !records.is_empty() {
            let mut terms = HashSet::with_capacity(records.len() * 2);
            let (mut first, mut later) = (Vec::with_capacity(records.len()), Vec::new());
            for record in records {
                if record.terms.iter().any(|(_, _, hash)| terms.contains(hash)) {
                    later.push(record);
                } else {
                    terms.extend(record.terms.iter().map(|(_, _, hash)| *hash));
                    first.push(record);
                }
            }
            if self.flights.iter().any(|flight| !flight.terms.is_disjoint(&terms)) {
                self.land_all().await?;
            }
            let decided = self.decide(first).await?;
            self.take_off(decided, terms).await?;
            records = later;
        }
        Ok(())
    }

    /// Finds who is there, then seals or compares on the blocking threads.
    async fn decide(&mut self, records: Vec<Record>) -> Result<Vec<Decided>, AppError> {
        let records = if self.options.dry_run { self.skip_seen(records) } else { records };
        let works = self.find_known(records).await?;
        let half = works.len().div_ceil(THREADS).max(1);
        let mut tasks = Vec::with_capacity(THREADS);
        let mut works = works.into_iter();
        loop {
            let part: Vec<Work> = works.by_ref().take(half).collect();
            if part.is_empty() {
                break;
            }
            let (app, actor) = (self.app.clone(), Arc::clone(&self.actor));
            tasks.push(tokio::task::spawn_blocking(move || decide_all(&app, &actor, part)));
        }
        let mut decided = Vec::with_capacity(half * THREADS);
        for task in tasks {
            decided.extend(task.await.map_err(AppError::internal)??);
        }
        Ok(decided)
    }

    /// In a dry run a customer met before in the file counts as known.
    fn skip_seen(&mut self, records: Vec<Record>) -> Vec<Record> {
        let (mut fresh, mut repeated) = (Vec::with_capacity(records.len()), 0);
        for record in records {
            if record.terms.iter().any(|(_, _, hash)| self.seen.contains(hash)) {
                repeated += 1;
            } else {
                self.seen.extend(record.terms.iter().map(|(_, _, hash)| *hash));
                fresh.push(record);
            }
        }
        self.progress.unchanged += repeated;
        fresh
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

    /// Counts what needs no write and sends the rest to the committer.
    async fn take_off(&mut self, decided: Vec<Decided>, terms: HashSet<[u8; 16]>) -> Result<(), AppError> {
        let waiting = self.count_unwritten(decided)?;
        if waiting.is_empty() {
            return Ok(());
        }
        let (store, unit) = (self.app.store().clone(), unit_of(&self.app, &self.actor, &waiting));
        while self.flights.len() >= FLIGHTS_MAX {
            self.land().await?;
        }
        let task = tokio::spawn(async move { store.commit(unit).await.map(|_| ()) });
        self.flights.push_back(Flight { task, terms, decided: waiting });
        Ok(())
    }

    async fn land_all(&mut self) -> Result<(), AppError> {
        while !self.flights.is_empty() {
            self.land().await?;
        }
        Ok(())
    }

    /// Counts what needs no write, and in a dry run everything; gives the rest back.
    fn count_unwritten(&mut self, decided: Vec<Decided>) -> Result<Vec<Decided>, AppError> {
        let mut waiting = Vec::with_capacity(decided.len());
        for one in decided {
            let writes = matches!(one.evaluated.verdict, Verdict::Create(_) | Verdict::Update(_));
            if writes && !self.options.dry_run {
                waiting.push(one);
            } else {
                self.count(&one.evaluated)?;
            }
        }
        Ok(waiting)
    }

    /// Waits for the oldest unit on its way and counts it; after a conflict its records are tried again
    /// in ever smaller units.
    async fn land(&mut self) -> Result<(), AppError> {
        let Some(flight) = self.flights.pop_front() else { return Ok(()) };
        match flight.task.await.map_err(AppError::internal)? {
            Ok(()) => self.count_written(&flight.decided).await,
            Err(StoreError::Conflict { .. }) => self.take_parts(halves(flight.decided)).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn count_written(&mut self, decided: &[Decided]) -> Result<(), AppError> {
        let ids: Vec<SubjectId> = decided.iter().filter_map(|one| written_id(&one.evaluated)).collect();
        for one in decided {
            self.count(&one.evaluated)?;
        }
        self.index(&ids).await;
        Ok(())
    }

    async fn take_parts(&mut self, mut parts: Vec<Vec<Record>>) -> Result<(), AppError> {
        while let Some(records) = parts.pop() {
            if records.len() <= SINGLY_RECORDS {
                for record in records {
                    self.take_singly(record).await?;
                }
                continue;
            }
            let decided = self.decide(records).await?;
            let waiting = self.count_unwritten(decided)?;
            if waiting.is_empty() {
                continue;
            }
            let unit = unit_of(&self.app, &self.actor, &waiting);
            match self.app.store().commit(unit).await {
                Ok(_) => self.count_written(&waiting).await?,
                Err(StoreError::Conflict { .. }) => parts.extend(halves(waiting)),
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
            if !matches!(decided.evaluated.verdict, Verdict::Create(_) | Verdict::Update(_)) {
                return self.count(&decided.evaluated);
            }
            let decided = [decided];
            let unit = unit_of(&self.app, &self.actor, &decided);
            let [decided] = decided;
            match self.app.store().commit(unit).await {
                Ok(_) => {
                    self.index(written_id(&decided.evaluated).as_slice()).await;
                    return self.count(&decided.evaluated);
                }
                Err(StoreError::Conflict { what }) => {
                    if let Some(id) = written_id(&decided.evaluated) {
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

    fn count(&mut self, one: &Evaluated) -> Result<(), AppError> {
        match &one.verdict {
            Verdict::Create(_) => self.progress.created += 1,
            Verdict::Update(_) => self.progress.updated += 1,
            Verdict::Unchanged => self.progress.unchanged += 1,
            Verdict::Refused(refusal) => self.refuse(refusal)?,
        }
        for dropped in &one.dropped {
            *self.tallies.dropped.entry((dropped.field.clone(), dropped.reason)).or_default() += 1;
        }
        for (field, problem) in &one.invalid {
            *self.tallies.invalid.entry((field.clone(), problem)).or_default() += 1;
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: &Refusal) -> Result<(), AppError> {
        self.progress.rejected += 1;
        *self.tallies.rejects.entry(refusal.reason).or_default() += 1;
        if let Some(rejects) = &mut self.options.rejects {
            let field = refusal.field.as_deref().unwrap_or_default().replace(['"', '\r', '\n'], " ");
            writeln!(rejects, "{},\"{field}\",{}", refusal.line, refusal.reason).map_err(rejects_error)?;
        }
        Ok(())
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
        decided.push(Decided { record, evaluated });
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
            Verdict::Unchanged | Verdict::Refused(_) => {}
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

fn written_id(one: &Evaluated) -> Option<SubjectId> {
    match &one.verdict {
        Verdict::Create(prepared) => Some(prepared.row.id),
        Verdict::Update(change) => Some(change.row.id),
        Verdict::Unchanged | Verdict::Refused(_) => None,
    }
}

fn rejects_error(error: std::io::Error) -> AppError {
    AppError::Unavailable { what: format!("the file of rejects: {}", error.kind()) }
}
