//! Whole-product tests: the real program, started as a user would, on SQLite and on PostgreSQL.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod acme;
mod bind;
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
mod mail_advice;
mod mail_dkim;
mod mail_plan;
mod mail_receive;
mod mail_reports;
mod mail_send;
mod mail_tools;
mod partner;
mod pebble;
mod postfix;
mod proof;
mod reliability;
mod scan;
mod scenario;
mod secrecy;
mod shops;
mod smtp_talk;
mod telemetry;
mod threats;
