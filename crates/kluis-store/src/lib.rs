//! The only SQL of Klantkluis: SQLite or PostgreSQL, migrations, the committer, the audit log's leaves, outbox leases.
//!
//! A use case builds a [`Unit`] (a write is data) and hands it to [`Store::commit`], which answers after the write is
//! durable. Many units share one database transaction (group commit). Everything else on [`Store`] reads.
#![forbid(unsafe_code)]

mod batch;
mod checks;
mod config;
mod dump;
mod error;
mod mail;
mod migrate;
mod postgres;
mod read;
mod read_access;
mod read_log;
mod rows;
mod rows_access;
mod sql;
mod sqlite;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod unit;
mod value;

#[cfg(test)]
mod tests;

pub use checks::CheckRunRow;
pub use config::{Engine, PostgresTls, StoreConfig};
pub use dump::{DumpProblem, DumpRow, DumpStream, Loader};
pub use error::StoreError;
pub use mail::*;
pub use rows::{
    ChangedSubject, CheckpointRow, ConsentRow, Counts, DekRow, ErasureRow, LeafQuery, LeafRow, LogHead,
    OutboxRow, SubjectRow, TermRow, UsageRow,
};
pub use rows_access::{CredentialRow, IdempotencyRow, JobRow, TokenRow};
pub use store::{Committed, Staged, Store};
pub use unit::{Charge, LeafDraft, Unit, UsageKey};
pub use value::Value;
