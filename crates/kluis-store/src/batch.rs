//! What both databases do with a batch of units, as pure bookkeeping: budgets, the log's tip, summed counters, answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kluis_crypto::merkle::{Frontier, Hash, leaf_hash};
use kluis_model::{CredentialId, SubjectId, TimeMs};
use tokio::sync::oneshot;

use crate::read_log::STORED_LEVELS;
use crate::rows::{leaf_place, outcome_number};
use crate::store::Values;
use crate::unit::UsageKey;
use crate::value::{Columns, Value};
use crate::{Charge, Committed, LeafDraft, StoreError, Unit};

/// Most units in one transaction.
pub(crate) const UNITS_MAX: usize = 256;
/// Most bytes of values in one transaction; one unit may be larger.
pub(crate) const BYTES_MAX: usize = 8 * 1024 * 1024;

/// What became of a unit.
pub(crate) type Answer = Result<Committed, StoreError>;

/// A unit and who waits for its answer.
pub(crate) struct Waiting {
    pub(crate) unit: Unit,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// Gives every unit of a batch the same error.
pub(crate) fn refuse(batch: Vec<Waiting>, error: &StoreError) {
    for waiting in batch {
        // Nobody waits any more when the request was dropped.
        let _ = waiting.answer.send(Err(error.clone()));
    }
}

/// A budget counter: whose, 0 for the hour or 1 for the day, and the window's first millisecond.
pub(crate) type BudgetKey = (CredentialId, u8, i64);

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const HOUR: u8 = 0;
const DAY: u8 = 1;

fn window(now: TimeMs, length_ms: i64) -> i64 {
    now.0 - now.0.rem_euclid(length_ms)
}

fn seconds_left(now: TimeMs, length_ms: i64) -> u32 {
    let left_ms = length_ms - now.0.rem_euclid(length_ms);
    u32::try_from(left_ms.div_euclid(1000) + 1).unwrap_or(u32::MAX)
}

/// The budget counters that a batch touches, as they stand while the batch goes on.
#[derive(Default)]
pub(crate) struct Budgets {
    used: HashMap<BudgetKey, i64>,
    /// Distinct customers of the day; true when the row is there or will be.
    seen: HashMap<(CredentialId, i64, SubjectId), bool>,
    changed: BTreeSet<BudgetKey>,
    added: BTreeSet<(CredentialId, i64, SubjectId)>,
}

/// What a unit's charges changed, to take it back.
#[derive(Default)]
pub(crate) struct Charged {
    used: Vec<(BudgetKey, i64)>,
    subjects: Vec<(CredentialId, i64, SubjectId)>,
}

impl Budgets {
    /// Names the counters and customers that the units need to know, in one order for all nodes.
    pub(crate) fn needs<'a>(
        units: impl Iterator<Item = &'a Unit>,
    ) -> (Vec<BudgetKey>, Vec<(CredentialId, i64, SubjectId)>) {
        let (mut keys, mut subjects) = (BTreeSet::new(), BTreeSet::new());
        for charge in units.flat_map(|unit| &unit.charges) {
            if charge.rows_max.is_some() {
                keys.insert((charge.credential, HOUR, window(charge.now, HOUR_MS)));
            }
            if charge.subjects_max.is_some() {
                let day = window(charge.now, DAY_MS);
                keys.insert((charge.credential, DAY, day));
                subjects.extend(charge.subjects.iter().map(|subject| (charge.credential, day, *subject)));
            }
        }
        (keys.into_iter().collect(), subjects.into_iter().collect())
    }

    pub(crate) fn know_used(&mut self, key: BudgetKey, used: i64) {
        self.used.insert(key, used);
    }

    pub(crate) fn know_seen(&mut self, key: (CredentialId, i64, SubjectId), seen: bool) {
        self.seen.insert(key, seen);
    }

    /// Charges all of a unit's charges, or none and says why.
    pub(crate) fn charge(&mut self, charges: &[Charge]) -> Result<Charged, StoreError> {
        let mut charged = Charged::default();
        for charge in charges {
            if let Err(retry_after_s) = self.charge_one(charge, &mut charged) {
                self.take_back(charged);
                return Err(StoreError::Budget { retry_after_s });
            }
        }
        Ok(charged)
    }

    fn charge_one(&mut self, charge: &Charge, charged: &mut Charged) -> Result<(), u32> {
        if let Some(most) = charge.rows_max {
            let key = (charge.credential, HOUR, window(charge.now, HOUR_MS));
            let fits = self.add(key, i64::from(charge.rows), i64::from(most), charged);
            fits.ok_or_else(|| seconds_left(charge.now, HOUR_MS))?;
        }
        if let Some(most) = charge.subjects_max {
            let day = window(charge.now, DAY_MS);
            let fresh: BTreeSet<_> = charge
                .subjects
                .iter()
                .map(|subject| (charge.credential, day, *subject))
                .filter(|key| !self.seen.get(key).copied().unwrap_or(false))
                .collect();
            let count = i64::try_from(fresh.len()).unwrap_or(i64::MAX);
            let fits = self.add((charge.credential, DAY, day), count, i64::from(most), charged);
            fits.ok_or_else(|| seconds_left(charge.now, DAY_MS))?;
            for key in fresh {
                self.seen.insert(key, true);
                self.added.insert(key);
                charged.subjects.push(key);
            }
        }
        Ok(())
    }

    fn add(&mut self, key: BudgetKey, count: i64, most: i64, charged: &mut Charged) -> Option<()> {
        let used = self.used.entry(key).or_default();
        // A charge of nothing passes also when the budget is used up.
        if count > 0 && *used + count > most {
            return None;
        }
        *used += count;
        self.changed.insert(key);
        charged.used.push((key, count));
        Some(())
    }

    /// Undoes the charges of a unit that failed.
    pub(crate) fn take_back(&mut self, charged: Charged) {
        for (key, count) in charged.used {
            *self.used.entry(key).or_default() -= count;
        }
        for key in charged.subjects {
            self.seen.insert(key, false);
            self.added.remove(&key);
        }
    }

    /// Returns the values of `SET_BUDGET` and `INSERT_BUDGET_SUBJECT`.
    pub(crate) fn writes(&self) -> (Vec<Values>, Vec<Values>) {
        let set = |key: &BudgetKey| {
            let used = self.used.get(key).copied().unwrap_or_default();
            vec![key.0.into(), key.1.into(), key.2.into(), used.into()]
        };
        let add = |key: &(CredentialId, i64, SubjectId)| vec![key.0.into(), key.1.into(), key.2.into()];
        (self.changed.iter().map(set).collect(), self.added.iter().map(add).collect())
    }
}

/// Sums the usage counters of units, in one order for all nodes; gives the values of `ADD_USAGE`.
pub(crate) fn usage_writes<'a>(units: impl Iterator<Item = &'a Unit>) -> Vec<Values> {
    let mut sums: BTreeMap<&UsageKey, u64> = BTreeMap::new();
    for (key, count) in units.flat_map(|unit| &unit.usage) {
        *sums.entry(key).or_default() += count;
    }
    let values = |(key, count): (&UsageKey, u64)| {
        vec![
            key.shop.into(),
            key.field.as_str().into(),
            key.purpose.as_str().into(),
            (&key.actor).into(),
            key.day.into(),
            count.into(),
        ]
    };
    sums.into_iter().map(values).collect()
}

/// The end of a log while a batch appends to it.
#[derive(Clone)]
pub(crate) struct LogTip {
    number: i64,
    frontier: Frontier,
    nodes: Vec<(u8, u64, Hash)>,
    leaves: Vec<Values>,
}

impl LogTip {
    /// Reads the answer of `LOCK_LOG_HEAD`.
    pub(crate) fn read(values: Values) -> Result<Self, StoreError> {
        let mut row = Columns::of("log_head", values);
        let (number, size): (i64, u64) = (row.number("number")?, row.number("size")?);
        let frontier = Frontier::decode(&row.bytes("frontier")?).map_err(|_| row.damaged("frontier"))?;
        if frontier.size() != size || !(1..1 << 15).contains(&number) {
            return Err(row.damaged("size"));
        }
        Ok(Self { number, frontier, nodes: Vec::new(), leaves: Vec::new() })
    }

    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Appends a leaf and returns its place in the log.
    pub(crate) fn append(&mut self, draft: &LeafDraft) -> u64 {
        let seq = self.frontier.size();
        let nodes = &mut self.nodes;
        self.frontier.push_recording(leaf_hash(&draft.bytes), &mut |level, index, hash| {
            if STORED_LEVELS.contains(&level) {
                nodes.push((level, index, *hash));
            }
        });
        self.leaves.push(vec![
            leaf_place(self.number, seq).into(),
            draft.shop.into(),
            draft.time.into(),
            draft.subject.into(),
            (&draft.actor).into(),
            draft.operation.as_u8().into(),
            outcome_number(draft.outcome).into(),
            (&draft.bytes).into(),
            draft.detail.as_ref().into(),
        ]);
        seq
    }

    /// Returns the values of `INSERT_LEAF`.
    pub(crate) fn leaf_writes(&self) -> &[Values] {
        &self.leaves
    }

    /// Takes the values of `INSERT_LEAF` and `INSERT_LOG_NODE` away, to be written before the rest.
    pub(crate) fn take_writes(&mut self) -> (Vec<Values>, Vec<Values>) {
        let nodes = self.node_writes();
        self.nodes.clear();
        (std::mem::take(&mut self.leaves), nodes)
    }

    /// Returns the values of `INSERT_LOG_NODE`.
    pub(crate) fn node_writes(&self) -> Vec<Values> {
        let values = |(level, index, hash): &(u8, u64, Hash)| {
            vec![Value::Int(self.number), (*level).into(), (*index).into(), (*hash).into()]
        };
        self.nodes.iter().map(values).collect()
    }

    /// Returns the values of `ADVANCE_LOG_HEAD`; `None` when nothing was appended.
    pub(crate) fn head_write(&self, log: &str) -> Option<Values> {
        (!self.leaves.is_empty()).then(|| self.head_now(log))
    }

    /// Returns the values of `ADVANCE_LOG_HEAD`.
    pub(crate) fn head_now(&self, log: &str) -> Values {
        vec![log.into(), self.frontier.size().into(), self.frontier.encode().into()]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn charge(rows: u32, subjects: &[u8], rows_max: u32, subjects_max: u32) -> Charge {
        Charge {
            credential: CredentialId::from_bytes([1; 16]),
            now: TimeMs(DAY_MS + 1_000),
            rows,
            rows_max: Some(rows_max),
            subjects: subjects.iter().map(|n| SubjectId::from_bytes([*n; 16])).collect(),
            subjects_max: Some(subjects_max),
        }
    }

    #[test]
    fn a_budget_is_used_up_and_says_until_when() {
        let mut budgets = Budgets::default();
        budgets.charge(&[charge(6, &[1, 2, 2], 10, 3)]).unwrap();
        let refused = budgets.charge(&[charge(5, &[1], 10, 3)]).err();
        assert_eq!(refused, Some(StoreError::Budget { retry_after_s: 3_600 }));
        let refused = budgets.charge(&[charge(1, &[3, 4], 10, 3)]).err();
        assert_eq!(refused, Some(StoreError::Budget { retry_after_s: 86_400 }));
        budgets.charge(&[charge(4, &[1, 2, 3], 10, 3)]).unwrap();
        budgets.charge(&[charge(0, &[3], 10, 3)]).unwrap();
        assert!(budgets.charge(&[charge(1, &[], 10, 3)]).is_err());
    }

    #[test]
    fn a_refused_or_failed_unit_costs_nothing() {
        let mut budgets = Budgets::default();
        let charged = budgets.charge(&[charge(9, &[1, 2], 10, 3)]).unwrap();
        budgets.take_back(charged);
        assert!(budgets.charge(&[charge(5, &[1], 10, 3), charge(6, &[2], 10, 3)]).is_err());
        budgets.charge(&[charge(10, &[3, 4, 5], 10, 3)]).unwrap();
        let (set, added) = budgets.writes();
        assert_eq!(set.iter().map(|row| row[3].clone()).collect::<Vec<_>>(), [Value::Int(10), Value::Int(3)]);
        assert_eq!(added.len(), 3);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let mut unit = Unit::new();
        unit.charge(Charge { rows_max: None, subjects_max: None, ..charge(5, &[1], 0, 0) });
        assert_eq!(Budgets::needs([&unit].into_iter()), (Vec::new(), Vec::new()));
        let mut budgets = Budgets::default();
        budgets.charge(&unit.charges).unwrap();
        assert!(budgets.writes().0.is_empty());
    }

    #[test]
    fn a_damaged_log_head_is_refused() {
        let frontier = Frontier::new().encode();
        let head = |number: i64, size: i64, frontier: &[u8]| {
            LogTip::read(vec![number.into(), size.into(), frontier.into()]).map(|tip| tip.size())
        };
        assert_eq!(head(1, 0, &frontier), Ok(0));
        assert!(head(1, 1, &frontier).is_err());
        assert!(head(0, 0, &frontier).is_err());
        assert!(head(1 << 15, 0, &frontier).is_err());
        assert!(head(1, -1, &frontier).is_err());
        assert!(head(1, 0, &frontier[1..]).is_err());
    }
}
