//! What an import did, in counts and names; never a value.

use std::collections::BTreeMap;

use kluis_connect::{ImportReader, Reject};
use kluis_model::minimise::DropReason;
use serde::{Deserialize, Serialize};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportProgress {
    /// Records read.
    pub records: u64,
    /// Bytes of the file read.
    pub bytes_read: u64,
    /// Customers put in.
    pub created: u64,
    /// Customers changed.
    pub updated: u64,
    /// Records that say nothing new.
    pub unchanged: u64,
    /// Records refused.
    pub rejected: u64,
}

/// What an import did, or in a dry run would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportReport {
    /// The id of the recognised shape, such as `woocommerce`.
    pub shape: String,
    /// What people call it.
    pub shape_name: String,
    /// Whether the shape is a preset, a mapping or guessed.
    pub origin: String,
    /// What became of each column.
    pub columns: Vec<ImportColumn>,
    /// Records read, refused ones included.
    pub records: u64,
    /// Customers put in.
    pub created: u64,
    /// Customers changed.
    pub updated: u64,
    /// Records that say nothing new.
    pub unchanged: u64,
    /// Records refused.
    pub rejected: u64,
    /// Values not stored for want of a live purpose, by field and reason.
    pub dropped: Vec<DroppedCount>,
    /// Values not stored because they are malformed, by field and problem; the rest of their record is.
    pub invalid: Vec<InvalidCount>,
    /// Refused records by reason.
    pub rejects: Vec<RejectCount>,
    /// Nothing was written.
    pub dry_run: bool,
    /// Stopped before the end of the file.
    pub cancelled: bool,
}

/// What became of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportColumn {
    /// The heading.
    pub header: String,
    /// The field, consent or event it becomes.
    pub field: Option<String>,
    /// The id of the reason why nothing is taken from it.
    pub reason: Option<String>,
}

/// Values of one field that were dropped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedCount {
    /// The field.
    pub field: String,
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub count: u64,
}

/// Malformed values of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidCount {
    /// The field.
    pub field: String,
    /// The id of the problem.
    pub problem: String,
    /// How many.
    pub count: u64,
}

/// Records refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectCount {
    /// The id of the reason.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// A record that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) line: u64,
    pub(crate) field: Option<String>,
    pub(crate) reason: &'static str,
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self { line: reject.line, field: reject.field, reason: reject.reason.id() }
    }
}

/// The report of a file of which only the headings were read.
pub(crate) fn opened(reader: &ImportReader) -> ImportReport {
    let shape = reader.shape();
    ImportReport {
        shape: shape.id.clone(),
        shape_name: shape.name.clone(),
        origin: shape.origin.id().to_owned(),
        columns: columns_of(reader),
        ..ImportReport::default()
    }
}

/// What becomes of each column, as far as read.
pub(crate) fn columns_of(reader: &ImportReader) -> Vec<ImportColumn> {
    let column = |column: kluis_connect::ColumnUse| ImportColumn {
        header: column.header,
        field: column.field,
        reason: column.reason.map(|reason| reason.id().to_owned()),
    };
    reader.columns().into_iter().map(column).collect()
}

/// Counts by name, kept sorted.
#[derive(Default)]
pub(crate) struct Tallies {
    pub(crate) dropped: BTreeMap<(String, DropReason), u64>,
    pub(crate) invalid: BTreeMap<(String, &'static str), u64>,
    pub(crate) rejects: BTreeMap<&'static str, u64>,
}

impl Tallies {
    /// Writes the counts into a report.
    pub(crate) fn write_to(&self, report: &mut ImportReport) {
        let dropped = |((field, reason), count): (&(String, DropReason), &u64)| DroppedCount {
            field: field.clone(),
            reason: *reason,
            count: *count,
        };
        let invalid = |((field, problem), count): (&(String, &'static str), &u64)| InvalidCount {
            field: field.clone(),
            problem: (*problem).to_owned(),
            count: *count,
        };
        report.dropped = self.dropped.iter().map(dropped).collect();
        report.invalid = self.invalid.iter().map(invalid).collect();
        report.rejects = self
            .rejects
            .iter()
            .map(|(reason, count)| RejectCount { reason: (*reason).to_owned(), count: *count })
            .collect();
    }
}
