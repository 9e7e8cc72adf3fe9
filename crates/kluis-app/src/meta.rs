//! Small facts about the vault in the store's `meta` table, each under a MAC: the shop's name, the purpose register.

use kluis_crypto::ShopKeys;

use crate::AppError;

/// That the database holds a vault, and the shop's name.
pub(crate) const VAULT: &str = "vault";
/// The purpose register in force.
pub(crate) const REGISTER: &str = "register";
/// When a backup was made last, in ms; a reminder only, so without a MAC.
pub(crate) const BACKUP_AT: &str = "backup_at";
/// When the vault was verified last, in ms, and how many findings there were; a reminder only.
pub(crate) const VERIFIED: &str = "verified";
/// That a restore is under way; empty or absent when it is not.
pub(crate) const RESTORING: &str = "restoring";
/// The name under which these values are MACed.
const TABLE: &str = "meta";

/// A text and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Counts changes, from 1.
    pub(crate) version: u64,
    /// The text.
    pub(crate) text: String,
}

/// The bytes to store: MAC (32), version (8, big endian), text.
pub(crate) fn seal(keys: &ShopKeys, key: &str, value: &Sealed) -> Vec<u8> {
    let version = value.version.to_be_bytes();
    let mac = keys.row_mac(TABLE, &[key.as_bytes(), &version, value.text.as_bytes()]);
    [&mac[..], &version, value.text.as_bytes()].concat()
}

/// The text of stored bytes.
///
/// # Errors
/// `Integrity` when somebody without the keys wrote them.
pub(crate) fn open(keys: &ShopKeys, key: &str, bytes: &[u8]) -> Result<Sealed, AppError> {
    let broken = || AppError::integrity(format!("meta {key}"));
    let (mac, rest) = bytes.split_at_checked(32).ok_or_else(broken)?;
    let (version, text) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
    if !keys.row_mac_matches(TABLE, &[key.as_bytes(), version, text], mac) {
        return Err(broken());
    }
    let text = String::from_utf8(text.to_vec()).map_err(|_| broken())?;
    Ok(Sealed { version: u64::from_be_bytes(*version), text })
}
