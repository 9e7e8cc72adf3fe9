//! The only way out: guarded connections, the DNS, a gentle HTTP client, the TLS prober, and ACME.
//!
//! [`audit`] collects an [`Evidence`](kluis_checks::Evidence) of one domain. Every connection it makes goes through one
//! gate, which counts, times and guards them; every answer is read with a limit on bytes, records, hops and time.
//!
//! Many audits at once: a [`ConnectionLimit`] shared by all of them bounds sockets (each audit holds at most
//! [`AT_ONCE`] connections and four sockets to name servers), so 100 audits stay under 1024 descriptors. An audit holds
//! one page of at most [`PAGE_BYTES_MAX`] at a time, and nothing of it afterwards but facts.
#![forbid(unsafe_code)]

pub mod acme;
mod collect;
mod connect;
mod dns;
mod dns_ask;
mod error;
mod exposed;
mod guard;
mod http;
mod http_tls;
mod imap;
mod lookalike;
mod mail;
mod options;
mod owner;
mod pages;
mod redirects;
pub mod smtp_out;
mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod trust;
mod verified;

pub use collect::audit;
pub use connect::{AT_ONCE, ConnectionLimit};
pub use error::AuditError;
pub use guard::{NetworkPolicy, is_public};
pub use http::PAGE_BYTES_MAX;
pub use imap::{ImapAccount, ImapError, ImapMailbox, ImapMessage};
pub use lookalike::{LookalikePace, LookedUp, PER_SECOND_MAX, look_up_names};
pub use mail::{dkim_keys, with_dns};
pub use options::{AuditOptions, AuditStep};
pub use owner::{OwnerPlaces, owner_places};
