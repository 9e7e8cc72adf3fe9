//! Audits as data: evidence that was collected, rules over it, findings, and reports for people and programs.
//!
//! Nothing here connects to anything: `kluis-net` collects an [`Evidence`] with the readers of this crate
//! ([`tls`], [`cert`], [`web`]), [`judge`] runs [`rules::RULES`] over it, and [`report`] shows the [`Report`].
#![forbid(unsafe_code)]

pub mod cert;
pub mod facts;
mod finding;
mod grade;
mod judges;
pub mod report;
pub mod rules;
pub mod tls;
pub mod web;

pub use facts::Evidence;
pub use finding::*;
pub use grade::judge;
