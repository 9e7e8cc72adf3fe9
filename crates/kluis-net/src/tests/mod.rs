//! Audits of servers that the tests start, good ones and hostile ones.
#![expect(clippy::unwrap_used, reason = "tests")]

mod dns;
mod errors;
mod http;
mod mail;
mod mail_servers;
mod spf_suite;
mod ssrf;
mod web;
