//! The one error of the store; it never carries a stored value.

use std::borrow::Cow;

use thiserror::Error;

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Something was not as the unit expected: a version, a free unique term, a state. Nothing of the unit was applied.
    #[error("conflict: {what}")]
    Conflict {
        /// The name of the field or table the expectation was about.
        what: Cow<'static, str>,
    },
    /// The credential's budget is used up. Nothing of the unit was applied.
    #[error("the budget is used up; try again in {retry_after_s} s")]
    Budget {
        /// Seconds until the window ends.
        retry_after_s: u32,
    },
    /// A stored row is not what it can be.
    #[error("damaged row in {table}, column {column}")]
    Integrity {
        /// The table.
        table: &'static str,
        /// The row's key where it is known; ids only, never personal data.
        row: String,
        /// The column.
        column: &'static str,
    },
    /// The database does not answer, or did not in time.
    #[error("the database is not available: {what}")]
    Unavailable {
        /// What was tried and why it failed.
        what: String,
    },
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The database can only be read.
    #[error("the database can only be read")]
    ReadOnly,
    /// A newer version of the program wrote this database.
    #[error("the database has schema {found}; this program knows up to {known}")]
    SchemaTooNew {
        /// The version found.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The store to load into holds something already.
    #[error("the store is not empty")]
    NotEmpty,
    /// A mistake in the program.
    #[error("internal store error: {0}")]
    Internal(String),
}

impl StoreError {
    /// Makes an [`StoreError::Unavailable`].
    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into() }
    }

    /// Makes an [`StoreError::Conflict`].
    pub(crate) fn conflict(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict { what: what.into() }
    }
}
