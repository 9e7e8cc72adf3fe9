//! The only HTTP server of Klantkluis: TLS listener, route table, JSON API and console.
#![forbid(unsafe_code)]

mod api;
mod console;
mod limiter;
mod options;
mod server;
mod state;
#[cfg(test)]
mod testing;

pub use options::{CertificateSource, Limits, WebOptions};
pub use server::{CertificateError, WebError, serve};
