//! The units of an import share one long transaction: their index terms wait until its end and go in sorted.
//!
//! The index tables are written in random places. A term that comes alone dirties a page of its own; half a million
//! terms in the order of the table write each page once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio::sync::oneshot;

use super::connection::{Db, meaning};
use super::writer::{Writer, run_step};
use crate::batch::LogTip;
use crate::unit::Step;
use crate::value::Value;
use crate::{StoreError, Unit, sql};

/// Most index terms that wait; about 30 MiB.
const TERMS_MAX: usize = 400_000;
/// Longest time that the transaction keeps other processes from writing.
const OPEN_MAX: Duration = Duration::from_secs(3);
/// How long the transaction stays open without a unit.
pub(super) const IDLE_MAX: Duration = Duration::from_millis(60);
/// Pause after a transaction, for writers of other processes: they look every few ms, see `open::BUSY_STEP`.
const GIVE_WAY: Duration = Duration::from_millis(8);

/// Where a unique term stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct UniqueKey {
    shop: i64,
    kind: i16,
    version: i16,
    term: [u8; 16],
}

/// A shared term with its customer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bucket {
    shop: i64,
    kind: i16,
    version: i16,
    bucket: i64,
    subject: [u8; 16],
}

/// What a unit of the transaction waits for.
type Durable = oneshot::Sender<Result<(), StoreError>>;

/// An open transaction of staged units.
pub(super) struct Bulk {
    begun: Instant,
    tip: Option<LogTip>,
    unique: HashMap<UniqueKey, [u8; 16]>,
    buckets: Vec<Bucket>,
    waiting: Vec<Durable>,
}

impl Bulk {
    fn is_full(&self) -> bool {
        self.unique.len() + self.buckets.len() >= TERMS_MAX || self.begun.elapsed() >= OPEN_MAX
    }
}

/// Tells whether a unit only adds rows and leaves: what a shared transaction can take back alone.
pub(super) fn can_be_staged(unit: &Unit) -> bool {
    let adds = |step: &Step| step.sql.fills.is_some();
    unit.destroyed.is_empty()
        && unit.usage.is_empty()
        && unit.charges.is_empty()
        && !unit.reserve
        && unit.steps.iter().all(adds)
}

impl Writer<'_> {
    /// Takes a unit into the open transaction, or begins one; a conflict refuses this unit alone.
    pub(super) fn stage(&mut self, unit: &Unit, durable: Durable) -> Result<(), StoreError> {
        let mut bulk = match self.bulk.take() {
            Some(bulk) => bulk,
            None => self.begin_bulk().inspect_err(|_| self.give_up())?,
        };
        match self.stage_in(&mut bulk, unit) {
            Ok(None) => {
                bulk.waiting.push(durable);
                let is_full = bulk.is_full();
                self.bulk = Some(bulk);
                if is_full {
                    self.finish_bulk();
                }
                Ok(())
            }
            Ok(Some(conflict)) => {
                self.bulk = Some(bulk);
                Err(conflict)
            }
            Err(error) => {
                self.give_up();
                answer(bulk.waiting, &Err(error.clone()));
                Err(error)
            }
        }
    }

    fn give_up(&mut self) {
        self.data.roll_back();
        self.keys.roll_back();
    }

    fn begin_bulk(&mut self) -> Result<Bulk, StoreError> {
        let failed = |error: rusqlite::Error| meaning(&error);
        self.data.run("begin immediate").map_err(failed)?;
        self.keys.run("begin immediate").map_err(failed)?;
        // Nobody else writes now, so the head need not be locked; a page that is left alone until the end of a long
        // transaction is not written twice.
        let log: Value = self.node.as_str().into();
        let rows = self.data.query(&sql::FIND_LOG_TIP, &[log]).map_err(failed)?;
        let tip = rows.into_iter().next().map(LogTip::read).transpose()?;
        Ok(Bulk {
            begun: Instant::now(),
            tip,
            unique: HashMap::new(),
            buckets: Vec::new(),
            waiting: Vec::new(),
        })
    }

    /// Applies one unit under a savepoint of both files; returns its conflict when it was taken back.
    fn stage_in(&mut self, bulk: &mut Bulk, unit: &Unit) -> Result<Option<StoreError>, StoreError> {
        let failed = |error: rusqlite::Error| meaning(&error);
        if bulk.tip.is_none() && !unit.leaves.is_empty() {
            bulk.tip = self.lock_log(std::slice::from_ref(unit))?;
        }
        let tip = bulk.tip.clone();
        let (buckets, mut uniques) = (bulk.buckets.len(), Vec::with_capacity(unit.steps.len() / 4));
        for db in [&mut self.data, &mut self.keys] {
            db.run("savepoint staged").map_err(failed)?;
        }
        let mut conflict = None;
        for step in &unit.steps {
            conflict = if step.sql.text == sql::INSERT_UNIQUE_TERM.text {
                put_unique(&mut self.data, bulk, step, &mut uniques)?
            } else if step.sql.text == sql::INSERT_BUCKET_TERM.text {
                bulk.buckets.push(bucket_of(step)?);
                None
            } else {
                let db = if step.sql.keys { &mut self.keys } else { &mut self.data };
                run_step(db, step).map_err(failed)?
            };
            if conflict.is_some() {
                break;
            }
        }
        if conflict.is_some() {
            bulk.buckets.truncate(buckets);
            for key in &uniques {
                bulk.unique.remove(key);
            }
            bulk.tip = tip;
            for db in [&mut self.data, &mut self.keys] {
                db.run("rollback to staged").map_err(failed)?;
            }
        } else if let Some(tip) = &mut bulk.tip {
            for draft in &unit.leaves {
                tip.append(draft);
            }
            let (leaves, nodes) = tip.take_writes();
            for values in leaves {
                self.data.execute(&sql::INSERT_LEAF, &values).map_err(failed)?;
            }
            for values in nodes {
                self.data.execute(&sql::INSERT_LOG_NODE, &values).map_err(failed)?;
            }
        }
        for db in [&mut self.data, &mut self.keys] {
            db.run("release staged").map_err(failed)?;
        }
        Ok(conflict)
    }

    /// Adds the terms that wait, commits and answers; nothing when no transaction is open.
    pub(super) fn finish_bulk(&mut self) {
        let Some(bulk) = self.bulk.take() else { return };
        let waiting = self.commit_bulk(bulk);
        self.give_up();
        let (waiting, outcome) = waiting;
        answer(waiting, &outcome);
        self.pass_now();
        std::thread::sleep(GIVE_WAY);
    }

    fn commit_bulk(&mut self, bulk: Bulk) -> (Vec<Durable>, Result<(), StoreError>) {
        let Bulk { tip, unique, buckets, waiting, .. } = bulk;
        let outcome = put_terms(&mut self.data, unique, buckets).and_then(|()| {
            let mut all = || {
                if let Some(tip) = &tip {
                    self.data.execute(&sql::ADVANCE_LOG_HEAD, &tip.head_now(&self.node))?;
                }
                // Keys first: a row without its key would be lost, a key without a row is swept.
                self.keys.run("commit")?;
                self.data.run("commit")
            };
            all().map_err(|error: rusqlite::Error| meaning(&error))
        });
        (waiting, outcome)
    }
}

fn answer(waiting: Vec<Durable>, outcome: &Result<(), StoreError>) {
    for waiting in waiting {
        // Nobody waits any more when the import was dropped.
        let _ = waiting.send(outcome.clone());
    }
}

/// Claims a unique term for the end of the transaction; a conflict when it is taken in the table or waits already.
fn put_unique(
    data: &mut Db<'_>,
    bulk: &mut Bulk,
    step: &Step,
    added: &mut Vec<UniqueKey>,
) -> Result<Option<StoreError>, StoreError> {
    let [shop, kind, version, term, subject] = step.values.as_slice() else { return Err(misshapen()) };
    let key =
        UniqueKey { shop: int(shop)?, kind: small(kind)?, version: small(version)?, term: bytes(term)? };
    let Entry::Vacant(place) = bulk.unique.entry(key) else { return Ok(Some(step.conflict())) };
    if data.exists(&sql::FIND_UNIQUE, &step.values[..4]).map_err(|error| meaning(&error))? {
        return Ok(Some(step.conflict()));
    }
    place.insert(bytes(subject)?);
    added.push(key);
    Ok(None)
}

fn bucket_of(step: &Step) -> Result<Bucket, StoreError> {
    let [shop, kind, version, bucket, subject] = step.values.as_slice() else { return Err(misshapen()) };
    Ok(Bucket {
        shop: int(shop)?,
        kind: small(kind)?,
        version: small(version)?,
        bucket: int(bucket)?,
        subject: bytes(subject)?,
    })
}

/// Adds terms in the order of their tables.
fn put_terms(
    data: &mut Db<'_>,
    unique: HashMap<UniqueKey, [u8; 16]>,
    mut buckets: Vec<Bucket>,
) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| meaning(&error);
    let integer = |number: i64| ToSqlOutput::Borrowed(ValueRef::Integer(number));
    let mut unique: Vec<_> = unique.into_iter().collect();
    unique.sort_unstable();
    for (UniqueKey { shop, kind, version, term }, subject) in &unique {
        let values = [
            integer(*shop),
            integer(i64::from(*kind)),
            integer(i64::from(*version)),
            ToSqlOutput::Borrowed(ValueRef::Blob(term)),
            ToSqlOutput::Borrowed(ValueRef::Blob(subject)),
        ];
        if data.execute_text(sql::INSERT_UNIQUE_TERM.text, &values).map_err(failed)? != 1 {
            return Err(StoreError::Internal("a unique term was taken under the writer's lock".into()));
        }
    }
    drop(unique);
    buckets.sort_unstable();
    for Bucket { shop, kind, version, bucket, subject } in &buckets {
        let values = [
            integer(*shop),
            integer(i64::from(*kind)),
            integer(i64::from(*version)),
            integer(*bucket),
            ToSqlOutput::Borrowed(ValueRef::Blob(subject)),
        ];
        data.execute_text(sql::INSERT_BUCKET_TERM.text, &values).map_err(failed)?;
    }
    Ok(())
}

fn misshapen() -> StoreError {
    StoreError::Internal("an index term of another shape".into())
}

fn int(value: &Value) -> Result<i64, StoreError> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => Err(misshapen()),
    }
}

fn small(value: &Value) -> Result<i16, StoreError> {
    int(value).and_then(|number| i16::try_from(number).map_err(|_| misshapen()))
}

fn bytes(value: &Value) -> Result<[u8; 16], StoreError> {
    match value {
        Value::Bytes(bytes) => bytes.as_slice().try_into().map_err(|_| misshapen()),
        _ => Err(misshapen()),
    }
}
