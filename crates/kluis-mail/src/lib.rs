//! Mail authentication without I/O: SPF, Sender ID, DKIM, DMARC, ARC, reports, plans, lookalikes, SMTP and milter as state machines.
#![forbid(unsafe_code)]
pub mod advice;
pub mod arc;
pub mod bounce;
pub mod bulk;
pub mod catalogue;
pub mod dkim;
pub mod dmarc;
pub mod dns;
pub mod imap;
pub mod lookalike;
pub mod message;
pub mod milter;
pub mod mta_sts;
pub mod plan;
pub mod providers;
pub mod report;
pub mod sender_id;
pub mod smtp;
pub mod spf;
pub mod streams;
pub mod unsubscribe;
