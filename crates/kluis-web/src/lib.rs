//! The only HTTP server of Klantkluis: TLS listener, route table, JSON API and console.
#![forbid(unsafe_code)]

pub mod api;
pub mod console;
pub mod server;
