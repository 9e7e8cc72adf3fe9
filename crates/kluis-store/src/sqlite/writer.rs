//! The writing thread: many units in one transaction, one sync, then every answer.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kluis_crypto::merkle::Frontier;
use tokio::sync::{mpsc, oneshot};

use super::bulk::{Bulk, IDLE_MAX, can_be_staged};
use super::checkpoint::{Checkpointer, truncate_log};
use super::connection::{Db, meaning, query_all};
use super::open::{Connections, with_patience};
use super::reserve::Reserve;
use super::{Durable, Request};
use crate::batch::{Answer, BYTES_MAX, Budgets, LogTip, UNITS_MAX, Waiting, usage_writes};
use crate::dump::{DumpRow, table_named};
use crate::store::{Query, Values};
use crate::unit::{Expect, Step};
use crate::value::Value;
use crate::{Committed, StoreError, Unit, sql};

/// How long a shred waits for readers before the log is truncated later.
const SHRED_WAIT: Duration = Duration::from_millis(100);

/// How long the end waits for readers of other processes.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// Newest keys that are looked through for orphans at the start; more while there are some.
const SWEPT_KEYS: i64 = 4096;
/// How often an open transaction looks for the next unit.
const LOOK: Duration = Duration::from_millis(1);

/// What the writer has to know.
pub(crate) struct Settings {
    pub(crate) node: String,
    pub(crate) data: PathBuf,
    pub(crate) checkpointer: Checkpointer,
}

/// Why a batch was not applied.
enum Failure {
    /// A unit's expectation failed: apply the batch again with a savepoint for each unit.
    Expectation,
    /// The database failed.
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(meaning(&error))
    }
}

/// Serves requests until it is told to stop or nobody can ask any more.
pub(crate) fn run(connections: &Connections, mut requests: mpsc::Receiver<Request>, settings: Settings) {
    let mut writer = Writer {
        data: Db::new(&connections.data),
        keys: Db::new(&connections.keys),
        reserve: Reserve::beside(&settings.data),
        node: settings.node,
        checkpointer: Some(settings.checkpointer),
        made_keys: Vec::new(),
        bulk: None,
    };
    loop {
        match writer.sweep() {
            Ok(0) => break,
            Ok(swept) => tracing::info!(swept, "keys of customers that were never written are destroyed"),
            Err(error) => {
                tracing::warn!(%error, "orphan keys were not looked for");
                break;
            }
        }
    }
    while let Some(request) = next_request(&mut writer, &mut requests) {
        let mut next = Some(request);
        while let Some(request) = next.take() {
            if !matches!(request, Request::Stage(..)) {
                writer.finish_bulk();
            }
            match request {
                Request::Stage(unit, answer) => {
                    writer.take(unit, answer);
                    // The pass of the checkpoint thread is asked for when the transaction ends.
                    continue;
                }
                Request::Settle(answer) => {
                    let _ = answer.send(());
                }
                Request::Unit(first) => {
                    let (batch, other) = drain(first, &mut requests);
                    next = other;
                    writer.commit(batch);
                }
                Request::Change(queries, answer) => {
                    let _ = answer.send(writer.change(&queries));
                }
                Request::Load(rows, answer) => {
                    let _ = answer.send(writer.load(&rows));
                }
                Request::Stop(answer) => {
                    writer.end();
                    // Requests after this one find the channel closed.
                    drop(requests);
                    drop(writer);
                    let _ = answer.send(());
                    return;
                }
            }
        }
        if writer.bulk.is_none() {
            writer.between_batches();
        }
    }
    writer.finish_bulk();
    writer.end();
}

/// Waits for the next request; an open transaction that gets none is finished meanwhile.
fn next_request(writer: &mut Writer<'_>, requests: &mut mpsc::Receiver<Request>) -> Option<Request> {
    let begun = Instant::now();
    while writer.bulk.is_some() {
        match requests.try_recv() {
            Ok(request) => return Some(request),
            Err(mpsc::error::TryRecvError::Empty) if begun.elapsed() < IDLE_MAX => std::thread::sleep(LOOK),
            Err(_) => writer.finish_bulk(),
        }
    }
    requests.blocking_recv()
}

/// Takes the units that wait, up to the limits of a batch, and the first request that is none.
fn drain(first: Waiting, requests: &mut mpsc::Receiver<Request>) -> (Vec<Waiting>, Option<Request>) {
    let mut bytes = first.unit.bytes;
    let mut batch = vec![first];
    while batch.len() < UNITS_MAX && bytes < BYTES_MAX {
        match requests.try_recv() {
            Ok(Request::Unit(waiting)) => {
                bytes += waiting.unit.bytes;
                batch.push(waiting);
            }
            Ok(other) => return (batch, Some(other)),
            Err(_) => break,
        }
    }
    (batch, None)
}

pub(super) struct Writer<'c> {
    pub(super) data: Db<'c>,
    pub(super) keys: Db<'c>,
    reserve: Reserve,
    pub(super) node: String,
    /// The open transaction of staged units.
    pub(super) bulk: Option<Bulk>,
    checkpointer: Option<Checkpointer>,
    /// For each unit of the batch, whether its keys were written.
    made_keys: Vec<bool>,
}

impl Writer<'_> {
    /// Stages a unit, or applies it at once when it is of another kind.
    fn take(&mut self, mut unit: Unit, answer: oneshot::Sender<(Result<Durable, StoreError>, Unit)>) {
        let (durable, outcome) = oneshot::channel();
        let staged = if can_be_staged(&unit) {
            self.stage(&unit, durable)
        } else {
            let unit = std::mem::take(&mut unit);
            self.finish_bulk();
            let (alone, mut applied) = oneshot::channel();
            self.commit(vec![Waiting { unit, answer: alone }]);
            self.between_batches();
            let applied = applied.try_recv().unwrap_or_else(|_| Err(super::closed()));
            applied.map(|_| drop(durable.send(Ok(()))))
        };
        // Nobody waits any more when the import was dropped.
        // The unit goes back: freeing its many values is not this thread's work.
        let _ = answer.send((staged.map(|()| outcome), unit));
    }

    /// Applies a batch and answers every unit.
    fn commit(&mut self, batch: Vec<Waiting>) {
        let (units, waiters): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.unit, waiting.answer)).unzip();
        let mut answers = self.apply_all(&units);
        if answers.contains(&Err(StoreError::Full)) {
            self.use_reserve(&units, &mut answers);
        }
        for (waiter, answer) in waiters.into_iter().zip(answers) {
            // Nobody waits any more when the request was dropped.
            let _ = waiter.send(answer);
        }
    }

    /// Gives the reserve free and applies the units that may use it.
    fn use_reserve(&mut self, units: &[Unit], answers: &mut [Answer]) {
        let entitled: Vec<usize> =
            (0..units.len()).filter(|n| units[*n].reserve && answers[*n] == Err(StoreError::Full)).collect();
        if entitled.is_empty() {
            return;
        }
        self.reserve.release();
        for n in entitled {
            if let Some(answer) = self.apply_all(std::slice::from_ref(&units[n])).pop() {
                answers[n] = answer;
            }
        }
        self.truncate_logs(SHRED_WAIT);
        self.reserve.fill();
    }

    /// Applies units in one transaction and destroys keys after it; an answer each.
    fn apply_all(&mut self, units: &[Unit]) -> Vec<Answer> {
        let mut answers: Vec<Option<StoreError>> = units.iter().map(|_| None).collect();
        let applied = self.apply(units, &mut answers);
        self.data.roll_back();
        self.keys.roll_back();
        let committed = match applied {
            Ok(committed) => committed,
            Err(error) => {
                let failed = vec![Some(error.clone()); units.len()];
                if let Err(error) = self.after_commit(units, &failed) {
                    tracing::warn!(%error, "keys of customers that were not made remain until the next start");
                }
                return units.iter().map(|_| Err(error.clone())).collect();
            }
        };
        let destroyed = self.after_commit(units, &answers);
        let answer = |(committed, error): (Committed, Option<StoreError>)| error.map_or(Ok(committed), Err);
        let mut answers: Vec<Answer> = committed.into_iter().zip(answers).map(answer).collect();
        if let Err(error) = destroyed {
            // The rest of the unit stands; whoever asked has to know that the key does too.
            for (unit, answer) in units.iter().zip(&mut answers) {
                if !unit.destroyed.is_empty() && answer.is_ok() {
                    *answer = Err(error.clone());
                }
            }
        }
        answers
    }

    /// Writes keys, then rows; leaves the errors of single units in `errors`.
    fn apply(
        &mut self,
        units: &[Unit],
        errors: &mut [Option<StoreError>],
    ) -> Result<Vec<Committed>, StoreError> {
        let failed = |error: rusqlite::Error| meaning(&error);
        // The lock on the data comes first: nobody sweeps keys whose rows are still to come.
        self.data.run("begin immediate").map_err(failed)?;
        self.write_keys(units, errors).map_err(failed)?;
        self.data.run("savepoint batch").map_err(failed)?;
        let committed = match self.write_rows(units, errors, Savepoints::None) {
            Ok(committed) => committed,
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Expectation) => {
                self.data.run("rollback to batch").map_err(failed)?;
                // Who was refused because of a unit that fails now gets another chance.
                for error in errors.iter_mut() {
                    error.take_if(|error| matches!(error, StoreError::Budget { .. }));
                }
                match self.write_rows(units, errors, Savepoints::EachUnit) {
                    Ok(committed) => committed,
                    Err(Failure::Store(error)) => return Err(error),
                    Err(Failure::Expectation) => {
                        return Err(StoreError::Internal("an expectation outside of units".into()));
                    }
                }
            }
        };
        self.data.run("commit").map_err(failed)?;
        Ok(committed)
    }

    /// Writes the new and re-wrapped keys of the units and syncs them.
    fn write_keys(&mut self, units: &[Unit], errors: &mut [Option<StoreError>]) -> rusqlite::Result<()> {
        self.made_keys = vec![false; units.len()];
        let touches_keys = |unit: &Unit| unit.steps.iter().any(|step| step.sql.keys);
        if !units.iter().any(touches_keys) {
            return Ok(());
        }
        self.keys.run("begin immediate")?;
        let mut made = vec![false; units.len()];
        for (n, (unit, error)) in units.iter().zip(errors).enumerate() {
            if !touches_keys(unit) {
                continue;
            }
            made[n] = true;
            self.keys.run("savepoint unit")?;
            for step in unit.steps.iter().filter(|step| step.sql.keys) {
                if let Some(conflict) = run_step(&mut self.keys, step)? {
                    // PostgreSQL, where the row comes first, would name the row.
                    let is_create = !orphans_of(unit).is_empty();
                    *error = Some(if is_create { StoreError::conflict("subject") } else { conflict });
                    made[n] = false;
                    self.keys.run("rollback to unit")?;
                    break;
                }
            }
            self.keys.run("release unit")?;
        }
        self.keys.run("commit")?;
        self.made_keys = made;
        Ok(())
    }

    /// Writes everything but keys into the open transaction.
    fn write_rows(
        &mut self,
        units: &[Unit],
        errors: &mut [Option<StoreError>],
        savepoints: Savepoints,
    ) -> Result<Vec<Committed>, Failure> {
        let mut budgets = self.know_budgets(units)?;
        let mut tip = self.lock_log(units).map_err(Failure::Store)?;
        let mut committed = vec![Committed::default(); units.len()];
        for (n, unit) in units.iter().enumerate() {
            if errors[n].is_some() {
                continue;
            }
            let charged = match budgets.charge(&unit.charges) {
                Ok(charged) => charged,
                Err(error) => {
                    // A later attempt starts from the same counters, so the answer stands.
                    errors[n] = Some(error);
                    continue;
                }
            };
            if let Some(conflict) = self.write_unit(unit, savepoints)? {
                errors[n] = Some(conflict);
                budgets.take_back(charged);
                continue;
            }
            if let Some(tip) = &mut tip {
                committed[n].leaf_seqs = unit.leaves.iter().map(|draft| tip.append(draft)).collect();
            }
        }
        let applied = units.iter().zip(errors.iter()).filter(|(_, error)| error.is_none());
        self.write_sums(&budgets, usage_writes(applied.map(|(unit, _)| unit)), tip.as_ref())?;
        let log_size = tip.map_or(0, |tip| tip.size());
        committed.iter_mut().for_each(|committed| committed.log_size = log_size);
        Ok(committed)
    }

    /// Writes the rows of one unit; returns its conflict when it was rolled back alone.
    fn write_unit(&mut self, unit: &Unit, savepoints: Savepoints) -> Result<Option<StoreError>, Failure> {
        let alone = savepoints == Savepoints::EachUnit;
        if alone {
            self.data.run("savepoint unit")?;
        }
        let mut conflict = None;
        for step in unit.steps.iter().filter(|step| !step.sql.keys) {
            conflict = run_step(&mut self.data, step)?;
            if conflict.is_some() {
                break;
            }
        }
        match (alone, conflict.is_some()) {
            (false, true) => return Err(Failure::Expectation),
            (true, true) => self.data.run("rollback to unit")?,
            _ => {}
        }
        if alone {
            self.data.run("release unit")?;
        }
        Ok(conflict)
    }

    fn know_budgets(&mut self, units: &[Unit]) -> rusqlite::Result<Budgets> {
        let mut budgets = Budgets::default();
        let (keys, subjects) = Budgets::needs(units.iter());
        for key in keys {
            let rows = self.data.query(&sql::LOCK_BUDGET, &[key.0.into(), key.1.into(), key.2.into()])?;
            budgets.know_used(key, used_of(&rows));
        }
        for key in subjects {
            let values = [key.0.into(), key.1.into(), key.2.into()];
            budgets.know_seen(key, !self.data.query(&sql::FIND_BUDGET_SUBJECT, &values)?.is_empty());
        }
        Ok(budgets)
    }

    /// Reads this node's log head; makes it when the first leaf is to come.
    pub(super) fn lock_log(&mut self, units: &[Unit]) -> Result<Option<LogTip>, StoreError> {
        let failed = |error: rusqlite::Error| meaning(&error);
        let log: Value = self.node.as_str().into();
        let mut rows = self.data.query(&sql::LOCK_LOG_HEAD, std::slice::from_ref(&log)).map_err(failed)?;
        if rows.is_empty() && units.iter().any(|unit| !unit.leaves.is_empty()) {
            let first = [log.clone(), Frontier::new().encode().into()];
            self.data.execute(&sql::INSERT_LOG_HEAD, &first).map_err(failed)?;
            rows = self.data.query(&sql::LOCK_LOG_HEAD, &[log]).map_err(failed)?;
        }
        rows.pop().map(LogTip::read).transpose()
    }

    fn write_sums(
        &mut self,
        budgets: &Budgets,
        usage: Vec<Values>,
        tip: Option<&LogTip>,
    ) -> rusqlite::Result<()> {
        let (set, added) = budgets.writes();
        let mut writes: Vec<(sql::Sql, Values)> = Vec::new();
        writes.extend(set.into_iter().map(|values| (sql::SET_BUDGET, values)));
        writes.extend(added.into_iter().map(|values| (sql::INSERT_BUDGET_SUBJECT, values)));
        writes.extend(usage.into_iter().map(|values| (sql::ADD_USAGE, values)));
        if let Some(tip) = tip {
            for values in tip.leaf_writes() {
                self.data.execute(&sql::INSERT_LEAF, values)?;
            }
            writes.extend(tip.node_writes().into_iter().map(|values| (sql::INSERT_LOG_NODE, values)));
            writes.extend(tip.head_write(&self.node).map(|values| (sql::ADVANCE_LOG_HEAD, values)));
        }
        for (sql, values) in &writes {
            self.data.execute(sql, values)?;
        }
        Ok(())
    }

    /// Destroys the keys of applied units and those that units which failed had made for new customers.
    fn after_commit(&mut self, units: &[Unit], errors: &[Option<StoreError>]) -> Result<(), StoreError> {
        let mut shredded: Vec<Values> = Vec::new();
        for (n, (unit, error)) in units.iter().zip(errors).enumerate() {
            match error {
                None => shredded.extend(unit.destroyed.iter().map(|(shop, subject, class)| {
                    vec![(*shop).into(), (*subject).into(), class.as_u8().into()]
                })),
                Some(_) if self.made_keys.get(n).copied().unwrap_or(false) => {
                    for key in orphans_of(unit) {
                        let subject = self.data.query(&sql::FIND_SUBJECT, &key[..2]);
                        if subject.map_err(|error| meaning(&error))?.is_empty() {
                            shredded.push(key);
                        }
                    }
                }
                Some(_) => {}
            }
        }
        if shredded.is_empty() {
            return Ok(());
        }
        let is_shred =
            units.iter().zip(errors).any(|(unit, error)| error.is_none() && !unit.destroyed.is_empty());
        let outcome = self.destroy(&shredded).or_else(|error| {
            self.keys.roll_back();
            if error != StoreError::Full {
                return Err(error);
            }
            self.reserve.release();
            self.destroy(&shredded)
        });
        self.keys.roll_back();
        if is_shred {
            self.truncate_logs(SHRED_WAIT);
        }
        outcome
    }

    fn destroy(&mut self, shredded: &[Values]) -> Result<(), StoreError> {
        let mut all = || {
            self.keys.run("begin immediate")?;
            for values in shredded {
                self.keys.execute(&sql::DESTROY_DEK, values)?;
            }
            self.keys.run("commit")
        };
        all().map_err(|error: rusqlite::Error| meaning(&error))
    }

    /// Moves the write-ahead logs into the files and cuts them to nothing, so that no old page remains in them.
    ///
    /// When readers need them for longer than `wait` the checkpoint thread does it as soon as they are done.
    fn truncate_logs(&mut self, wait: Duration) {
        let mut done = true;
        for connection in [self.data.connection, self.keys.connection] {
            done &= with_patience(wait, || truncate_log(connection));
        }
        if let Some(checkpointer) = self.checkpointer.as_ref().filter(|_| !done) {
            checkpointer.truncate_soon();
        }
    }

    fn end(&mut self) {
        self.checkpointer = None;
        self.truncate_logs(LAST_WAIT);
    }

    /// After a long transaction: the log is moved while the next one runs.
    pub(super) fn pass_now(&mut self) {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.pass_now();
        }
        self.reserve.fill_now_and_then();
    }

    fn between_batches(&mut self) {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.pass_soon();
        }
        self.reserve.fill_now_and_then();
    }

    /// Runs queries in one transaction.
    fn change(&mut self, queries: &[Query]) -> Result<Vec<Vec<Values>>, StoreError> {
        self.data.run("begin immediate").map_err(|error| meaning(&error))?;
        let answers = query_all(&mut self.data, &mut self.keys, queries);
        let answers =
            answers.and_then(|rows| self.data.run("commit").map(|()| rows).map_err(|e| meaning(&e)));
        self.data.roll_back();
        answers
    }

    /// Adds rows of a dump in one transaction of each file.
    fn load(&mut self, rows: &[DumpRow]) -> Result<(), StoreError> {
        let mut all = || {
            self.data.run("begin immediate")?;
            self.keys.run("begin immediate")?;
            for row in rows {
                let Some(table) = table_named(row.table) else { continue };
                let db = if table.keys { &mut self.keys } else { &mut self.data };
                db.execute_text(table.insert(), &row.values)?;
            }
            self.keys.run("commit")?;
            self.data.run("commit")
        };
        let outcome = all().map_err(|error: rusqlite::Error| meaning(&error));
        self.data.roll_back();
        self.keys.roll_back();
        outcome
    }

    /// Destroys the newest keys whose customer never came: a crash between the two files leaves them. Says how many.
    fn sweep(&mut self) -> Result<usize, StoreError> {
        let mut all = || {
            self.data.run("begin immediate")?;
            let mut orphans = Vec::new();
            for key in self.keys.query(&sql::NEWEST_DEK_SUBJECTS, &[SWEPT_KEYS.into()])? {
                if self.data.query(&sql::FIND_SUBJECT, &key[..2])?.is_empty()
                    && self.data.query(&sql::FIND_ERASURE, &key[..2])?.is_empty()
                {
                    orphans.push(key);
                }
            }
            Ok(orphans)
        };
        let orphans: Result<Vec<Values>, rusqlite::Error> = all();
        let outcome = match orphans {
            Ok(orphans) if orphans.is_empty() => Ok(0),
            Ok(orphans) => self.destroy(&orphans).map(|()| orphans.len()),
            Err(error) => Err(meaning(&error)),
        };
        self.keys.roll_back();
        self.data.roll_back();
        outcome
    }
}

/// Whether each unit can be rolled back alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Savepoints {
    None,
    EachUnit,
}

/// Runs a step; a conflict when it did not change what it had to.
pub(super) fn run_step(db: &mut Db<'_>, step: &Step) -> rusqlite::Result<Option<StoreError>> {
    let changed = db.execute(&step.sql, &step.values)?;
    match &step.expect {
        Expect::One(_) if changed != 1 => Ok(Some(step.conflict())),
        _ => Ok(None),
    }
}

/// Returns the keys a failed unit made for a customer that is not there: nobody else can know their ids.
fn orphans_of(unit: &Unit) -> Vec<Values> {
    let made: Vec<(&Value, &Value)> = unit
        .steps
        .iter()
        .filter(|step| step.sql.text == sql::INSERT_SUBJECT.text)
        .filter_map(|step| step.values.first().zip(step.values.get(1)))
        .collect();
    let orphans =
        unit.steps.iter().filter(|step| step.sql.text == sql::INSERT_DEK.text).filter(|step| {
            step.values.first().zip(step.values.get(1)).is_some_and(|key| made.contains(&key))
        });
    orphans.map(|step| step.values.iter().take(3).cloned().collect()).collect()
}

fn used_of(rows: &[Values]) -> i64 {
    match rows.first().and_then(|row| row.first()) {
        Some(Value::Int(used)) => *used,
        _ => 0,
    }
}
