//! Mail authentication: SPF.
#![forbid(unsafe_code)]
pub mod arc;
pub mod catalogue;
pub mod dkim;
pub mod dmarc;
pub mod dns;
pub mod message;
pub mod mta_sts;
pub mod report;
pub mod sender_id;
pub mod spf;
