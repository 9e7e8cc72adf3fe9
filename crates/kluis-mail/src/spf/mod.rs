//! SPF (RFC 7208) and, with the same engine, Sender ID (RFC 4406, historic).

pub mod budget;
mod evaluate;
pub mod explain;
pub mod flatten;
mod macros;
mod record;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod tree;

pub use evaluate::{Identity, LOOKUPS_MAX, Query, SpfResult, Step, Trouble, VOIDS_MAX, Verdict, evaluate};
pub use macros::{MacroError, MacroText, Place, Values};
pub use record::{
    Directive, Mechanism, Prefixes, Qualifier, Record, RecordError, RecordProblem, Version, read, version,
};
