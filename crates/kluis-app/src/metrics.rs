//! What happened since the start, in counts, as Prometheus text: operations by outcome, gauges of the store; nothing about a person.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use kluis_model::{Actor, Operation, Outcome, TimeMs};
use serde::Serialize;

use crate::guard::Ask;
use crate::{App, AppError};

const OPERATIONS: usize = Operation::ALL.len();
const OUTCOMES: usize = Outcome::ALL.len();

/// Counters since the start of this process.
pub(crate) struct Metrics {
    operations: [[AtomicU64; OUTCOMES]; OPERATIONS],
    refused_sign_ins: AtomicU64,
    /// When something did not agree with its seal last; 0 for never.
    integrity_failed: AtomicI64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            operations: [const { [const { AtomicU64::new(0) }; OUTCOMES] }; OPERATIONS],
            refused_sign_ins: AtomicU64::new(0),
            integrity_failed: AtomicI64::new(0),
        }
    }
}

impl Metrics {
    /// Counts one audited operation.
    pub(crate) fn count(&self, operation: Operation, outcome: Outcome) {
        let (row, column) = (usize::from(operation.as_u8()), usize::from(outcome.as_u8()));
        if let Some(counter) = self.operations.get(row).and_then(|row| row.get(column)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Remembers that something did not agree with its seal.
    pub(crate) fn note_integrity(&self, now: TimeMs) {
        self.integrity_failed.store(now.0, Ordering::Relaxed);
    }

    /// When something did not agree with its seal last, in this process.
    pub(crate) fn integrity_failed(&self) -> Option<TimeMs> {
        Some(TimeMs(self.integrity_failed.load(Ordering::Relaxed))).filter(|at| at.0 != 0)
    }

    /// Counts a secret that signed nobody in.
    pub(crate) fn count_refused_sign_in(&self) {
        self.refused_sign_ins.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counters and gauges at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct MetricsSnapshot {
    /// Audited operations of this process that happened at all: operation, outcome, count.
    pub operations: Vec<(Operation, Outcome, u64)>,
    /// Secrets that signed nobody in.
    pub refused_sign_ins: u64,
    /// Customers in the vault.
    pub subjects: u64,
    /// Erased customers.
    pub erased: u64,
    /// Leaves in all logs.
    pub leaves: u64,
    /// Credentials that are not revoked.
    pub credentials: u64,
    /// Work waiting.
    pub outbox: u64,
    /// The newest key epoch; 0 while sealed.
    pub epoch: u32,
    /// Unix seconds of this node's newest checkpoint; 0 without one.
    pub checkpoint_s: i64,
    /// Whether the keys are not in memory.
    pub sealed: bool,
}

impl App {
    /// The counters and gauges; the front end asks for the `status` operation.
    ///
    /// # Errors
    /// `Denied`, or when the database does not answer.
    pub async fn metrics(&self, actor: &Actor) -> Result<MetricsSnapshot, AppError> {
        self.allow(actor, &Ask::new(Operation::Status)).await?;
        let counters = &self.inner.metrics;
        let mut operations = Vec::new();
        for operation in Operation::ALL {
            for outcome in Outcome::ALL {
                let counter =
                    &counters.operations[usize::from(operation.as_u8())][usize::from(outcome.as_u8())];
                let count = counter.load(Ordering::Relaxed);
                if count > 0 {
                    operations.push((operation, outcome, count));
                }
            }
        }
        let counts = self.recent_counts(actor.shop).await?;
        let checkpoint = self.store().latest_checkpoint(self.node()).await?;
        Ok(MetricsSnapshot {
            operations,
            refused_sign_ins: counters.refused_sign_ins.load(Ordering::Relaxed),
            subjects: counts.subjects,
            erased: counts.erased,
            leaves: counts.leaves,
            credentials: counts.credentials,
            outbox: self.store().outbox_depth().await?,
            epoch: self.keys(actor.shop).map_or(0, |keys| keys.epoch()),
            checkpoint_s: checkpoint.map_or(0, |row| row.time.0 / 1_000),
            sealed: !self.is_unsealed(),
        })
    }
}

impl MetricsSnapshot {
    /// The Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        let mut text = String::with_capacity(4_096);
        text.push_str("# HELP kluis_operations_total Audited operations of this process.\n");
        text.push_str("# TYPE kluis_operations_total counter\n");
        for (operation, outcome, count) in &self.operations {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "kluis_operations_total{{operation=\"{operation}\",outcome=\"{outcome}\"}} {count}"
            );
        }
        let counters =
            [("kluis_refused_sign_ins_total", "Secrets that signed nobody in.", self.refused_sign_ins)];
        for (name, help, value) in counters {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        let checkpoint_s = self.checkpoint_s.max(0).cast_unsigned();
        let gauges = [
            ("kluis_subjects", "Customers in the vault.", self.subjects),
            ("kluis_erased", "Erased customers.", self.erased),
            ("kluis_audit_leaves", "Entries in all audit logs.", self.leaves),
            ("kluis_credentials", "Credentials that are not revoked.", self.credentials),
            ("kluis_outbox", "Work waiting.", self.outbox),
            ("kluis_key_epoch", "The newest key epoch, 0 while sealed.", u64::from(self.epoch)),
            ("kluis_checkpoint_timestamp_seconds", "Time of this node's newest checkpoint.", checkpoint_s),
            ("kluis_sealed", "1 while the keys are not in memory.", u64::from(self.sealed)),
        ];
        for (name, help, value) in gauges {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::testing::{Vault, local};

    #[tokio::test(flavor = "multi_thread")]
    async fn the_text_counts_and_names_nobody() {
        let (vault, ids) = Vault::with_customers(2).await;
        let _ = vault.app.authenticate("wrong", local().request).await;
        let text = vault.app.metrics(&local()).await.unwrap().to_prometheus();
        for line in [
            "kluis_operations_total{operation=\"create\",outcome=\"ok\"} 2",
            "kluis_refused_sign_ins_total 1",
            "kluis_subjects 2",
            "kluis_sealed 0",
            "kluis_key_epoch 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(!text.contains("tester") && !text.contains(&ids[0].to_string()));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (_, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
