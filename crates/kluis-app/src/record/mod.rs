//! One customer's row: how it is sealed, changed, checked and opened again.

pub(crate) mod blobs;
pub(crate) mod change;
pub(crate) mod prepare;
pub(crate) mod reveal;
pub(crate) mod stored;
pub(crate) mod terms;

pub(crate) use change::{Change, Edit, prepare_change};
pub(crate) use prepare::{Prepared, Tools, prepare_create, row_digest, verify_row};
pub use reveal::Revealed;
pub(crate) use reveal::{Gate, Refused};
pub(crate) use stored::Stored;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
