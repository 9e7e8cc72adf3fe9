//! Shop exports to import items: CSV, NDJSON, JSON and XLSX of ten systems or by a mapping file; invented customers.
//!
//! Pure: bytes come in through [`std::io::Read`] and [`std::io::Seek`], items go out. Memory is bounded whatever the
//! file holds; what cannot be read becomes a [`Reject`] with line, column and reason, never a value.
#![forbid(unsafe_code)]

mod csv;
pub mod demo;
mod error;
mod format;
mod header;
mod input;
mod json;
mod mapping;
mod plan;
mod preset;
mod reader;
mod transform;
mod xlsx;

pub use error::{ConnectError, Reject, RejectReason};
pub use format::Format;
pub use input::{Encoding, ReadSeek};
pub use mapping::{Mapping, MappingColumn, MappingError, Target};
pub use plan::{ColumnReason, ColumnUse};
pub use preset::{Shape, ShapeOrigin};
pub use reader::{ImportItem, ImportReader, OpenOptions, RawConsent, open};

/// The most columns a file may have.
pub const COLUMNS_MAX: usize = 500;
/// The longest cell, in bytes of UTF-8.
pub const CELL_BYTES_MAX: usize = 64 * 1024;
/// The longest record, in bytes of UTF-8; a longer one is skipped and rejected.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// The deepest nesting of a JSON record.
pub const JSON_DEPTH_MAX: usize = 16;
/// The largest part of an XLSX file, unpacked, in bytes.
pub const XLSX_PART_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The largest XLSX file, unpacked, in bytes.
pub const XLSX_BYTES_MAX: u64 = 160 * 1024 * 1024;
/// The most worksheets of an XLSX file.
pub const XLSX_SHEETS_MAX: usize = 100;
