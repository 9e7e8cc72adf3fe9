//! The row of a signing key and the fact of its change: their seals, and the private key inside.

use kluis_crypto::ShopKeys;
use kluis_crypto::mail::MailPrivateKey;
use kluis_mail::dkim::key;
use kluis_mail::dkim::rotation::{Advice, Rotation};
use kluis_store::MailKeyRow;
use serde::{Deserialize, Serialize};

use super::MailKeyAlgorithm;
use crate::AppError;

/// The name of the table in seals.
const TABLE: &str = "mail_key";
/// The label under which private keys are sealed.
const LABEL: &str = "mail-key";
/// The state of a row whose private key is there.
pub(crate) const USABLE: &str = "usable";
/// The state of a row whose private key was destroyed.
pub(crate) const REVOKED: &str = "revoked";

/// A change of keys of one domain and algorithm, as a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyChange {
    /// Which kind of key.
    pub(crate) algorithm: MailKeyAlgorithm,
    /// How far it is.
    pub(crate) rotation: Rotation,
    /// What the last look at the DNS said to do.
    pub(crate) advice: Advice,
}

/// The name of the fact of a change.
pub(crate) fn change_name(domain: &str, algorithm: MailKeyAlgorithm) -> String {
    format!("{domain}/{}", algorithm.word())
}

/// Which key it is, for seals and for the log.
pub(crate) fn key_id(domain: &str, selector: &str) -> String {
    format!("{domain}/{selector}")
}

/// Puts the private key into a row and the seal on it; without one the row is that of a destroyed key.
pub(crate) fn seal(
    keys: &ShopKeys,
    row: &mut MailKeyRow,
    private: Option<&MailPrivateKey>,
    random: &dyn kluis_model::Random,
) {
    let id = key_id(&row.domain, &row.selector);
    row.sealed = private
        .map(|private| keys.seal_note(LABEL, id.as_bytes(), private.expose_pkcs8(), random))
        .unwrap_or_default();
    row.state = if private.is_some() { USABLE } else { REVOKED }.to_owned();
    row.row_mac = with_parts(row, |parts| keys.row_mac(TABLE, parts));
}

/// Opens the private key of a row that nobody changed.
///
/// # Errors
/// `Integrity`; also for a key that was destroyed.
pub(crate) fn open_private(keys: &ShopKeys, row: &MailKeyRow) -> Result<MailPrivateKey, AppError> {
    let broken = || AppError::integrity(format!("{TABLE} {}", key_id(&row.domain, &row.selector)));
    if !is_whole(keys, row) || row.state != USABLE {
        return Err(broken());
    }
    let id = key_id(&row.domain, &row.selector);
    let der = keys.open_note(LABEL, id.as_bytes(), &row.sealed).map_err(|_| broken())?;
    let private = MailPrivateKey::from_der(der.expose()).map_err(|_| broken())?;
    let record = key::record(&private).map_err(|_| broken())?;
    if record == row.public { Ok(private) } else { Err(broken()) }
}

/// Whether nobody changed the row outside this program, and its private key, if it has one, opens and is that of its
/// record.
pub(crate) fn mail_key_agrees(keys: &ShopKeys, row: &MailKeyRow) -> bool {
    match row.state.as_str() {
        USABLE => open_private(keys, row).is_ok(),
        REVOKED => is_whole(keys, row) && row.sealed.is_empty(),
        _ => false,
    }
}

/// Whether the seal of a row agrees.
pub(crate) fn is_whole(keys: &ShopKeys, row: &MailKeyRow) -> bool {
    with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac))
}

fn with_parts<T>(row: &MailKeyRow, take: impl FnOnce(&[&[u8]]) -> T) -> T {
    take(&[
        &row.shop.0.to_be_bytes(),
        row.domain.as_bytes(),
        row.selector.as_bytes(),
        &row.created.0.to_be_bytes(),
        &row.updated.0.to_be_bytes(),
        row.kind.as_bytes(),
        row.state.as_bytes(),
        row.public.as_bytes(),
        &row.sealed,
    ])
}
