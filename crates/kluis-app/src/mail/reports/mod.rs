//! Reports of receivers: taken in once, counted by source, kept apart when they cannot be read.
//!
//! A report is one row whose rows are sealed JSON, and one row for each of its sources, which the views sum up. Sources
//! are named by the shop's streams and the catalogue; when these change, the job names them anew from the rows.

mod ingest;
mod names;
mod quarantine;
mod read;
mod sources;
mod stored;
#[cfg(test)]
mod tests;
mod upkeep;
mod views;

pub use self::read::MAIL_REPORTS_MAX;
pub(crate) use self::stored::mail_report_agrees;
pub use self::views::*;

/// Mails and files that are read at once: a small one may unpack to hundreds of megabytes of rows.
const READ_AT_ONCE: usize = 2;

/// The reports of this process.
pub(crate) struct ReportsDesk {
    /// Who reads; others wait for their turn.
    readers: std::sync::Arc<tokio::sync::Semaphore>,
    /// Held while the room for what cannot be read is looked at.
    alone: tokio::sync::Mutex<()>,
    /// What strangers filled today.
    strangers: stored::StrangersDay,
    /// Names of servers.
    names: names::Names,
    /// The day before which counts of what was sent were forgotten last.
    sent_forgotten: std::sync::atomic::AtomicI64,
}

impl Default for ReportsDesk {
    fn default() -> Self {
        Self {
            readers: std::sync::Arc::new(tokio::sync::Semaphore::new(READ_AT_ONCE)),
            alone: tokio::sync::Mutex::default(),
            strangers: stored::StrangersDay::default(),
            names: names::Names::default(),
            sent_forgotten: std::sync::atomic::AtomicI64::default(),
        }
    }
}
