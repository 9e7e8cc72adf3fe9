//! Counts answers by the class of their status, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

/// Answers since the start.
#[derive(Debug, Default)]
pub(crate) struct Traffic([AtomicU64; 5]);

impl Traffic {
    /// Counts an answer.
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.0.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts of 1xx to 5xx.
    pub(crate) fn counts(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.0[class].load(Ordering::Relaxed))
    }
}
