//! The committer for PostgreSQL: many units in one transaction; after a cut connection it finds out what became of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kluis_crypto::merkle::Frontier;
use tokio::time::Instant;

use super::connection::{Connection, Connector, Trouble};
use super::flight::{self, Send, columns, gather};
use crate::batch::{Answer, Budgets, LogTip, Waiting, refuse, usage_writes};
use crate::dump::table_named;
use crate::store::{Query, Values};
use crate::value::Value;
use crate::{Committed, StoreError, Unit, sql};

/// How long a commit keeps trying while the database is away.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the outcome of a commit is asked for before nobody waits any more.
const SETTLE: Duration = Duration::from_secs(45);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the mark of a process that is gone is kept.
const WRITER_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why an attempt did not end in an answer.
enum Failure {
    /// A unit failed: apply the batch again with a savepoint for each unit.
    Expectation,
    /// It was certainly not applied.
    NotApplied(Trouble),
    /// The commit was sent and its answer was lost; these are the answers if it was applied.
    Unknown(Vec<Answer>),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::NotApplied(trouble)
    }
}

/// Applies batches one after another on its own connection.
pub(crate) struct Committer {
    connector: Arc<Connector>,
    connection: Option<Connection>,
    node: String,
    /// Names this process in the table `writer`.
    id: [u8; 16],
    batch: i64,
    /// Whether this process's row in `writer` is there.
    marked: bool,
}

impl Committer {
    pub(crate) fn new(connector: Arc<Connector>, node: &str, id: [u8; 16]) -> Self {
        Self { connector, connection: None, node: node.to_owned(), id, batch: 0, marked: false }
    }

    /// Applies a batch and answers every unit.
    pub(crate) async fn commit(&mut self, batch: Vec<Waiting>) {
        match self.apply(&batch).await {
            Ok(answers) => {
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    // Nobody waits any more when the request was dropped.
                    let _ = waiting.answer.send(answer);
                }
            }
            Err(error) => refuse(batch, &error),
        }
    }

    /// Tries until the batch is applied, or certainly not, or the patience is over.
    async fn apply(&mut self, batch: &[Waiting]) -> Result<Vec<Answer>, StoreError> {
        let units: Vec<&Unit> = batch.iter().map(|waiting| &waiting.unit).collect();
        let begun = Instant::now();
        let mut careful = false;
        loop {
            self.batch += 1;
            let failure = match self.attempt(&units, careful).await {
                Ok(answers) => return Ok(answers),
                Err(failure) => failure,
            };
            let trouble = match failure {
                Failure::Expectation => {
                    careful = true;
                    self.roll_back().await;
                    continue;
                }
                Failure::Unknown(answers) => {
                    self.connection = None;
                    if self.was_applied().await? {
                        return Ok(answers);
                    }
                    continue;
                }
                Failure::NotApplied(trouble) => trouble,
            };
            match trouble {
                Trouble::Store(error) => {
                    self.roll_back().await;
                    return Err(error);
                }
                Trouble::Yielded => self.roll_back().await,
                Trouble::Lost(_) => self.connection = None,
            }
            if begun.elapsed() > PATIENCE {
                return Err(trouble.into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn roll_back(&mut self) {
        if let Some(connection) = &self.connection
            && connection.batch("rollback").await.is_err()
        {
            self.connection = None;
        }
    }

    /// Finds out whether the batch whose answer was lost was committed.
    async fn was_applied(&mut self) -> Result<bool, StoreError> {
        let begun = Instant::now();
        let own = self.id;
        loop {
            let asked = match self.connect().await {
                Ok(connection) => {
                    // Waits for the lock that the lost transaction holds while it is still going on.
                    connection.query_all(&[(sql::SETTLED_WRITER, vec![own.into()])]).await
                }
                Err(trouble) => Err(trouble),
            };
            match asked {
                Ok(answers) => {
                    let stored = answers.first().and_then(|rows| rows.first()).and_then(|row| row.first());
                    return Ok(stored == Some(&Value::Int(self.batch)));
                }
                Err(_) if begun.elapsed() < SETTLE => {
                    self.connection = None;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(_) => {
                    self.connection = None;
                    return Err(StoreError::unavailable(
                        "the connection was lost while a commit was on its way",
                    ));
                }
            }
        }
    }

    /// This committer's connection, made anew when it broke; this process's mark is there.
    async fn connect(&mut self) -> Result<&Connection, Trouble> {
        if self.connection.as_ref().is_none_or(Connection::is_closed) {
            let connection = self.connector.connect().await?;
            if !self.marked {
                // The first time: the row must be there before any outcome can be asked for.
                let now = now_ms();
                let old = now - i64::try_from(WRITER_KEPT.as_millis()).unwrap_or(i64::MAX);
                connection
                    .query_all(&[
                        (sql::DELETE_WRITERS_BEFORE, vec![old.into()]),
                        (sql::MARK_WRITER, vec![self.id.into(), 0_i64.into(), now.into()]),
                    ])
                    .await?;
                self.marked = true;
            }
            self.connection = Some(connection);
        }
        self.connection.as_ref().ok_or_else(|| Trouble::Lost("no connection".into()))
    }

    /// Applies the batch in one transaction.
    async fn attempt(&mut self, units: &[&Unit], careful: bool) -> Result<Vec<Answer>, Failure> {
        let (node, id, batch) = (self.node.clone(), self.id, self.batch);
        let connection = self.connect().await?;
        let (mut budgets, mut tip) = begin(connection, units, &node, (id, batch)).await?;
        let mut errors: Vec<Option<StoreError>> = vec![None; units.len()];
        let mut committed = vec![Committed::default(); units.len()];
        let destroyed: Vec<Vec<Values>> = units.iter().map(|unit| destroy_values(unit)).collect();
        let mut plain = Vec::new();
        for (n, unit) in units.iter().enumerate() {
            let charged = match budgets.charge(&unit.charges) {
                Ok(charged) => charged,
                Err(error) => {
                    errors[n] = Some(error);
                    continue;
                }
            };
            if !careful {
                plain.push(n);
            } else if let Some(error) = write_alone(connection, unit, &destroyed[n]).await? {
                budgets.take_back(charged);
                errors[n] = Some(error);
                continue;
            }
            if let Some(tip) = &mut tip {
                committed[n].leaf_seqs = unit.leaves.iter().map(|draft| tip.append(draft)).collect();
            }
        }
        let mut sends = gather(plain.iter().flat_map(|n| &units[*n].steps));
        for values in plain.iter().flat_map(|n| &destroyed[*n]) {
            sends.push(Send::one(sql::DESTROY_DEK.text, values));
        }
        let applied = units.iter().zip(&errors).filter(|(_, error)| error.is_none());
        let sums = Sums::new(&budgets, usage_writes(applied.map(|(unit, _)| *unit)), tip.as_ref(), &node);
        sends.extend(sums.sends(tip.as_ref()));
        let changed = match connection.send_all(&sends).await {
            Ok(changed) => changed,
            // One unit that the database refuses must not fail the others.
            Err(Trouble::Store(StoreError::Internal(_))) if !careful => return Err(Failure::Expectation),
            Err(trouble) => return Err(trouble.into()),
        };
        if !sends.iter().zip(&changed).all(|(send, changed)| send.holds(*changed)) {
            return Err(Failure::Expectation);
        }
        let log_size = tip.map_or(0, |tip| tip.size());
        let answers = committed.into_iter().zip(errors).map(|(mut committed, error)| {
            committed.log_size = log_size;
            error.map_or(Ok(committed), Err)
        });
        let answers: Vec<Answer> = answers.collect();
        match connection.batch("commit").await {
            Ok(()) => Ok(answers),
            Err(Trouble::Lost(_)) => Err(Failure::Unknown(answers)),
            Err(trouble) => Err(trouble.into()),
        }
    }
}

/// Begins the transaction, marks it, locks and reads the log head and the budgets.
async fn begin(
    connection: &Connection,
    units: &[&Unit],
    node: &str,
    (id, batch): ([u8; 16], i64),
) -> Result<(Budgets, Option<LogTip>), Trouble> {
    let (keys, subjects) = Budgets::needs(units.iter().copied());
    let lock_head: Query = (sql::LOCK_LOG_HEAD, vec![node.into()]);
    let mut queries: Vec<Query> = vec![
        (sql::BEGIN, Vec::new()),
        (sql::MARK_WRITER, vec![id.into(), batch.into(), now_ms().into()]),
        lock_head.clone(),
    ];
    let budget =
        |key: &crate::batch::BudgetKey| (sql::LOCK_BUDGET, vec![key.0.into(), key.1.into(), key.2.into()]);
    queries.extend(keys.iter().map(budget));
    queries.extend(
        subjects.iter().map(|key| (sql::FIND_BUDGET_SUBJECT, vec![key.0.into(), key.1.into(), key.2.into()])),
    );
    let mut answers = connection.query_all(&queries).await?.into_iter().skip(2);
    let mut head = answers.next().unwrap_or_default();
    let mut budgets = Budgets::default();
    for key in keys {
        let rows = answers.next().unwrap_or_default();
        if let Some(Value::Int(used)) = rows.first().and_then(|row| row.first()) {
            budgets.know_used(key, *used);
        }
    }
    for key in subjects {
        budgets.know_seen(key, !answers.next().unwrap_or_default().is_empty());
    }
    if head.is_empty() && units.iter().any(|unit| !unit.leaves.is_empty()) {
        let make: Query = (sql::INSERT_LOG_HEAD, vec![node.into(), Frontier::new().encode().into()]);
        head = connection.query_all(&[make, lock_head]).await?.pop().unwrap_or_default();
        if head.is_empty() {
            // Another node took the number at the same moment.
            return Err(Trouble::Yielded);
        }
    }
    let tip = head.pop().map(LogTip::read).transpose().map_err(Trouble::Store)?;
    Ok((budgets, tip))
}

/// Writes one unit under a savepoint; returns its error when it was rolled back alone.
async fn write_alone(
    connection: &Connection,
    unit: &Unit,
    destroyed: &[Values],
) -> Result<Option<StoreError>, Trouble> {
    if unit.steps.is_empty() && destroyed.is_empty() {
        return Ok(None);
    }
    connection.batch("savepoint unit").await?;
    let mut sends: Vec<_> = unit.steps.iter().map(flight::single).collect();
    sends.extend(destroyed.iter().map(|values| Send::one(sql::DESTROY_DEK.text, values)));
    let error = match connection.send_all(&sends).await {
        Ok(changed) => {
            let failed = unit.steps.iter().zip(&sends).zip(&changed).find(|((_, send), n)| !send.holds(**n));
            failed.map(|((step, _), _)| step.conflict())
        }
        Err(Trouble::Store(error @ StoreError::Internal(_))) => Some(error),
        Err(trouble) => return Err(trouble),
    };
    connection
        .batch(if error.is_some() { "rollback to savepoint unit" } else { "release savepoint unit" })
        .await?;
    Ok(error)
}

fn destroy_values(unit: &Unit) -> Vec<Values> {
    let values = |(shop, subject, class): &(_, _, kluis_model::RetentionClass)| {
        vec![Value::from(*shop), Value::from(*subject), class.as_u8().into()]
    };
    unit.destroyed.iter().map(values).collect()
}

/// What a batch writes once: counters and the end of the log.
struct Sums(Vec<(sql::Sql, Values)>);

impl Sums {
    fn new(budgets: &Budgets, usage: Vec<Values>, tip: Option<&LogTip>, node: &str) -> Self {
        let (set, added) = budgets.writes();
        let mut writes: Vec<(sql::Sql, Values)> = Vec::new();
        writes.extend(set.into_iter().map(|values| (sql::SET_BUDGET, values)));
        writes.extend(added.into_iter().map(|values| (sql::INSERT_BUDGET_SUBJECT, values)));
        writes.extend(usage.into_iter().map(|values| (sql::ADD_USAGE, values)));
        if let Some(tip) = tip {
            writes.extend(tip.node_writes().into_iter().map(|values| (sql::INSERT_LOG_NODE, values)));
            writes.extend(tip.head_write(node).map(|values| (sql::ADVANCE_LOG_HEAD, values)));
        }
        Self(writes)
    }

    fn sends<'a>(&'a self, tip: Option<&'a LogTip>) -> Vec<Send<'a>> {
        let mut sends: Vec<_> = self.0.iter().map(|(sql, values)| Send::one(sql.text, values)).collect();
        let leaves = tip.map_or(&[][..], LogTip::leaf_writes);
        match (leaves, table_named("leaf")) {
            ([], _) => {}
            ([_, _, ..], Some(table)) => {
                let rows: Vec<&[Value]> = leaves.iter().map(Vec::as_slice).collect();
                sends.push(Send::many(table.insert_many(), columns(&rows)));
            }
            _ => sends.extend(leaves.iter().map(|values| Send::one(sql::INSERT_LEAF.text, values))),
        }
        sends
    }
}

/// The time for the mark of this process, which only the clean-up of old marks reads.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
