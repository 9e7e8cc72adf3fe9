//! Whole-product tests: the real program, started as a user would, on SQLite and on PostgreSQL.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod acme;
mod check;
mod check_hostile;
mod check_own;
mod check_servers;
mod check_use;
mod client;
mod commands;
mod console;
mod harness;
mod hostile;
mod import;
mod keys;
mod mail;
mod partner;
mod pebble;
mod proof;
mod reliability;
mod scenario;
mod secrecy;
mod shops;
mod telemetry;
mod threats;
