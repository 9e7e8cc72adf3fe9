//! DKIM: read, check and make signatures (RFC 6376, 8301, 8463), explain what broke them, and change keys safely.

pub mod canon;
mod explain;
pub mod key;
pub mod rotation;
mod sign;
pub mod signature;
pub mod tags;
mod verify;

pub use explain::Change;
pub use sign::{OVERSIGNED, SignError, Signer, sign};
pub use verify::{
    Check, DkimResult, KEYS_TRIED_MAX, KeyFacts, Reason, Report, SIGNATURES_MAX, Warning, questions, verify,
};

pub(crate) use verify::{find_key, header_digest};

#[cfg(test)]
mod tests;
