//! The only HTTP server of Klantkluis: TLS listener, route table, JSON API and console.
#![forbid(unsafe_code)]

mod api;
mod console;
mod mail_plan;
mod options;
mod server;
mod state;
#[cfg(test)]
mod testing;

pub(crate) use kluis_app::limiter;
pub use options::{CertificateSource, HstsOptions, Limits, SharedCertificate, WebOptions};
pub use server::{
    CertificateError, CertificateReport, NewPartner, Partner, Partners, WebError, is_partner_name, serve,
};

/// Reads bytes as API bodies; for the fuzz target only.
#[cfg(fuzzing)]
pub fn fuzz_api_bodies(bytes: &[u8]) {
    api::read_any(bytes);
}
