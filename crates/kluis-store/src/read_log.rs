//! Reading the audit logs: heads, leaves, hashes of complete subtrees, checkpoints.

use kluis_crypto::merkle::{Hash, leaf_hash, node_hash};

use crate::read::{all, count, first};
use crate::rows::{CheckpointRow, LeafQuery, LeafRow, LogHead, outcome_number};
use crate::value::{Columns, Value};
use crate::{Store, StoreError, Unit, sql};

/// The heights of subtrees whose hashes are stored.
pub(crate) const STORED_LEVELS: [u8; 3] = [8, 16, 24];

impl Store {
    /// Names the logs.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn log_names(&self) -> Result<Vec<String>, StoreError> {
        all(self.rows(sql::LOG_NAMES, Vec::new()).await?, |row| Columns::of("log_head", row).text("log"))
    }

    /// Finds how far a log is.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn log_head(&self, log: &str) -> Result<Option<LogHead>, StoreError> {
        first(self.rows(sql::FIND_LOG_HEAD, vec![log.into()]).await?, |row| {
            let mut row = Columns::of("log_head", row);
            Ok(LogHead { size: row.number("size")?, frontier: row.bytes("frontier")? })
        })
    }

    /// Returns the leaves of a log in order, from `from_seq` on.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn leaves(&self, log: &str, from_seq: u64, limit: u32) -> Result<Vec<LeafRow>, StoreError> {
        let values = vec![log.into(), from_seq.into(), limit.into()];
        all(self.rows(sql::LEAVES, values).await?, LeafRow::read)
    }

    /// Finds one leaf.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn leaf(&self, log: &str, seq: u64) -> Result<Option<LeafRow>, StoreError> {
        let leaf = self.leaves(log, seq, 1).await?.pop();
        Ok(leaf.filter(|leaf| leaf.seq == seq))
    }

    /// Finds leaves of all logs, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn find_leaves(&self, query: LeafQuery) -> Result<Vec<LeafRow>, StoreError> {
        let (time, place) = query.before.map_or((i64::MAX, i64::MAX), |(time, place)| (time.0, place));
        // −1 stands for any.
        let operation = query.operation.map_or(-1, |operation| i64::from(operation.as_u8()));
        let outcome = query.outcome.map_or(-1, outcome_number);
        let mut values: Vec<Value> = vec![
            query.shop.into(),
            time.into(),
            place.into(),
            operation.into(),
            outcome.into(),
            query.limit.into(),
        ];
        let sql = match (query.subject, query.actor) {
            (Some(subject), None) => {
                values.push(subject.into());
                sql::LEAVES_OF_SUBJECT
            }
            (None, Some(actor)) => {
                values.push(actor.into());
                sql::LEAVES_OF_ACTOR
            }
            (Some(subject), Some(actor)) => {
                values.push(subject.into());
                values.push(actor.into());
                sql::LEAVES_OF_SUBJECT_AND_ACTOR
            }
            (None, None) => sql::NEWEST_LEAVES,
        };
        all(self.rows(sql, values).await?, LeafRow::read)
    }

    /// Finds the hash of a complete subtree of any height, from the nearest stored level below.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn log_node(&self, log: &str, level: u8, index: u64) -> Result<Option<Hash>, StoreError> {
        if level > 62 || index.checked_shl(u32::from(level)).is_none_or(|first| first >> level != index) {
            return Ok(None);
        }
        let base = (level / 8 * 8).min(24);
        let (from, wanted) = (index << (level - base), 1_u64 << (level - base));
        let mut hashes = self.log_nodes(log, base, from, u32::try_from(wanted).unwrap_or(u32::MAX)).await?;
        if hashes.len() as u64 != wanted {
            return Ok(None);
        }
        while hashes.len() > 1 {
            hashes = hashes.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        Ok(hashes.pop())
    }

    /// Returns the hashes of complete subtrees of height 0, 8, 16 or 24, from index `from` on, without a gap.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged; for another height.
    pub async fn log_nodes(
        &self,
        log: &str,
        level: u8,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Hash>, StoreError> {
        let mut hashes = Vec::new();
        if level == 0 {
            for (n, leaf) in self.leaves(log, from, limit).await?.iter().enumerate() {
                if leaf.seq != from + n as u64 {
                    break;
                }
                hashes.push(leaf_hash(&leaf.bytes));
            }
            return Ok(hashes);
        }
        if !STORED_LEVELS.contains(&level) {
            return Err(StoreError::Internal(format!("hashes of level {level} are not stored")));
        }
        let values = vec![log.into(), level.into(), from.into(), limit.into()];
        for (n, row) in self.rows(sql::LOG_NODES, values).await?.into_iter().enumerate() {
            let mut row = Columns::of("log_node", row);
            if row.number::<u64>("idx")? != from + n as u64 {
                break;
            }
            hashes.push(row.array("hash")?);
        }
        Ok(hashes)
    }

    /// Counts the leaves whose place lies beyond the head of their log; more than none is damage.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_leaves_beyond(&self, log: &str) -> Result<u64, StoreError> {
        count(self.rows(sql::COUNT_LEAVES_BEYOND, vec![log.into()]).await?)
    }

    /// Adds a signed checkpoint; the same one again changes nothing.
    ///
    /// # Errors
    /// As of [`Store::commit`].
    pub async fn insert_checkpoint(&self, row: &CheckpointRow) -> Result<(), StoreError> {
        let mut unit = Unit::new();
        unit.insert_checkpoint(row);
        self.commit(unit).await.map(|_| ())
    }

    /// Finds the largest checkpoint of a log.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn latest_checkpoint(&self, log: &str) -> Result<Option<CheckpointRow>, StoreError> {
        first(self.rows(sql::LATEST_CHECKPOINT, vec![log.into()]).await?, CheckpointRow::read)
    }

    /// Returns the checkpoints of a log, smallest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn checkpoints(&self, log: &str) -> Result<Vec<CheckpointRow>, StoreError> {
        all(self.rows(sql::CHECKPOINTS, vec![log.into()]).await?, CheckpointRow::read)
    }
}
