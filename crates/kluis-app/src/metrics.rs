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
    /// The relay's queue and what this process did with it.
    pub mail: MailMetrics,
}

/// The relay in counts.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct MailMetrics {
    /// Messages taken into the queue by this process.
    pub accepted: u64,
    /// Recipients that the smarthost took a message for.
    pub delivered: u64,
    /// Times that a recipient was put off.
    pub deferred: u64,
    /// Recipients that were refused for good.
    pub failed: u64,
    /// Messages that wait, of all nodes.
    pub waiting: u64,
    /// Messages that are kept back for a person to look at.
    pub held: u64,
    /// Bytes of the messages in the queue.
    pub bytes: u64,
    /// Seconds that the oldest message waits.
    pub oldest_s: u64,
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
            mail: self.mail_metrics().await?,
        })
    }

    async fn mail_metrics(&self) -> Result<MailMetrics, AppError> {
        let counters = &self.inner.mail.queue.counters;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let queue = self.queue_status().await?;
        Ok(MailMetrics {
            accepted: of(&counters.accepted),
            delivered: of(&counters.delivered),
            deferred: of(&counters.deferred),
            failed: of(&counters.failed),
            waiting: queue.waiting,
            held: queue.held,
            bytes: queue.bytes,
            oldest_s: queue.oldest.map_or(0, |at| self.now().since(at).as_secs()),
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
        let mail = &self.mail;
        let counters = [
            ("kluis_refused_sign_ins_total", "Secrets that signed nobody in.", self.refused_sign_ins),
            ("kluis_mail_accepted_total", "Messages taken into the mail queue.", mail.accepted),
            ("kluis_mail_delivered_total", "Recipients that the smarthost took mail for.", mail.delivered),
            ("kluis_mail_deferred_total", "Times that a recipient was put off.", mail.deferred),
            ("kluis_mail_failed_total", "Recipients that were refused for good.", mail.failed),
        ];
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
            ("kluis_mail_queue", "Messages that wait for the smarthost.", mail.waiting),
            ("kluis_mail_queue_held", "Messages kept back for a person to look at.", mail.held),
            ("kluis_mail_queue_bytes", "Bytes of the messages in the queue.", mail.bytes),
            ("kluis_mail_queue_oldest_seconds", "Age of the oldest message in the queue.", mail.oldest_s),
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
            "kluis_mail_queue 0",
            "kluis_mail_delivered_total 0",
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
