//! Finds personal data in bytes and columns, without I/O: detectors with exact rules, masked samples, no guess by one hit.
#![forbid(unsafe_code)]

mod column;
pub mod detect;
mod header;
mod kind;
mod mask;
pub mod render;
mod report;
pub mod schema;
mod sketch;
mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod words;

pub use column::{Column, Reason, Verdict};
pub use header::Header;
pub use kind::{Kind, Special};
pub use mask::mask;
pub use report::{Damage, PLACES_MAX, Place, ScanReport, Source, TextFinding, Unread};
pub use table::{COLUMNS_MAX, ColumnReport, Table, TableReport};
