//! DKIM keys in the vault: made, changed in safe steps, exported, and used to sign ([`SigningKeys`]).
//!
//! Each domain and algorithm has one change of keys, a fact of kind `rotation`: it says which key signs. The private
//! halves are sealed in the rows of the keys and destroyed when a key is revoked.

mod sign;
mod step;
mod stored;
#[cfg(test)]
mod tests;
mod view;

use std::time::Duration;

use kluis_crypto::mail::{MailKeyKind, MailKeyProblem, MailPrivateKey};
use kluis_crypto::{SecretText, sha256};
use kluis_mail::dkim::key;
use kluis_mail::dkim::rotation::{Advice, KeyPlace, Rotation, Stage};
use kluis_mail::dkim::signature::is_domain;
use kluis_model::audit::Operation;
use kluis_model::{Actor, Outcome, TimeMs};
use kluis_store::{MailKeyRow, StoreError, Unit};
use serde::{Deserialize, Serialize};

pub(crate) use self::sign::SignerDesk;
pub use self::sign::{Signed, SigningKeys, SigningProblem};
pub(crate) use self::stored::{KeyChange, mail_key_agrees};
pub use self::view::{MailKeyState, MailKeyTodo, MailKeyView};

use self::stored::{REVOKED, change_name, key_id, open_private};
use crate::guard::{Ask, Done};
use crate::mail::facts::Fact;
use crate::{App, AppError};

/// Keys of a shop at most, with those that were revoked.
pub(crate) const KEYS_MAX: u32 = 500;
/// The kind of the facts about changes of keys.
pub(crate) const ROTATION: &str = "rotation";
/// Seconds that a record or its absence is remembered: what most zones say, at most.
const TTL_S: u64 = 24 * 60 * 60;
/// How long the row of a revoked key is kept, so that its selector is not used again for mail of that time.
const REVOKED_KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Selectors that are tried for one day.
const SELECTORS_MAX: u32 = 100;

/// Which kind of key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailKeyAlgorithm {
    /// RSA with 2048 bits: what every receiver understands.
    Rsa2048,
    /// Ed25519 (RFC 8463): beside RSA, not instead of it.
    Ed25519,
}

impl MailKeyAlgorithm {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Rsa2048, Self::Ed25519];

    /// The word for programs and for the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Ed25519 => "ed25519",
        }
    }

    const fn kind(self) -> MailKeyKind {
        match self {
            Self::Rsa2048 => MailKeyKind::Rsa2048,
            Self::Ed25519 => MailKeyKind::Ed25519,
        }
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailKeyInput {
    /// The domain that signs.
    pub domain: String,
    /// Its selector; `None` makes one of the date.
    pub selector: Option<String>,
    /// Which kind of key.
    pub algorithm: MailKeyAlgorithm,
}

impl App {
    /// Makes a key and begins its change: it signs once its record was seen in the DNS and, when another key signs
    /// already, caches had time to forget that it was not there.
    ///
    /// # Errors
    /// Denied, `Invalid` for what is no domain or selector, `Conflict` when the selector was used before, or a change of
    /// the same domain and algorithm goes on.
    pub async fn mail_key_create(&self, actor: &Actor, input: MailKeyInput) -> Result<MailKeyView, AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let domain = checked_domain(&input.domain)?;
        let name = change_name(&domain, input.algorithm);
        let before = self.fact::<KeyChange>(ROTATION, &name).await?;
        if before.as_ref().is_some_and(|before| before.value.rotation.stage != Stage::Done) {
            return Err(AppError::Conflict { what: "mail_key_change".into() });
        }
        let rows = self.store().mail_keys(actor.shop, KEYS_MAX).await?;
        if rows.len() >= KEYS_MAX as usize {
            return Err(AppError::invalid("domain", "Er zijn te veel sleutels.", "There are too many keys."));
        }
        let now = self.now();
        let selector = match &input.selector {
            Some(text) => checked_selector(text)?,
            None => free_selector(&domain, input.algorithm, now, &rows)?,
        };
        if rows.iter().any(|row| row.domain == domain && row.selector == selector) {
            return Err(AppError::Conflict { what: "selector".into() });
        }
        let private = self.make_private(input.algorithm).await?;
        let record = key::record(&private).map_err(AppError::internal)?;
        let old = before.as_ref().map(|before| before.value.rotation.new.clone());
        let new = KeyPlace { selector: selector.clone(), record: record.clone() };
        let rotation = Rotation::begin(&domain, old, new, TTL_S).map_err(AppError::internal)?;
        let advice =
            Advice::Publish { name: format!("{selector}._domainkey.{domain}"), record: record.clone() };
        let mut row = MailKeyRow {
            shop: actor.shop,
            domain,
            selector,
            created: now,
            updated: now,
            kind: input.algorithm.word().to_owned(),
            state: String::new(),
            public: record,
            sealed: Vec::new(),
            row_mac: [0; 32],
        };
        stored::seal(&keys, &mut row, Some(&private), self.random());
        let change = KeyChange { algorithm: input.algorithm, rotation, advice };
        let mut unit = Unit::new();
        unit.insert_mail_key(&row);
        let changes = self.facts::<KeyChange>(ROTATION).await?;
        for old in rows.iter().filter(|old| is_long_gone(old, &changes, now)) {
            unit.delete_mail_key(old);
        }
        let version = before.map_or(0, |before| before.version);
        self.put_fact(&mut unit, (ROTATION, &name), &change, version)?;
        self.add_ok(&mut unit, actor, &ask, &done("key_made", &row.domain, &row.selector));
        match self.store().commit(unit).await {
            Err(StoreError::Conflict { what }) if what == "mail_fact" => {
                return Err(AppError::Conflict { what: "mail_key_change".into() });
            }
            Err(StoreError::Conflict { .. }) => return Err(AppError::Conflict { what: "selector".into() }),
            other => drop(other?),
        }
        self.inner.mail.signer.clear();
        view::view(&row, std::slice::from_ref(&change), now)
    }

    /// The keys with what to do about each, in the order of their domains. Nothing secret and nothing personal is in it.
    ///
    /// # Errors
    /// Denied, or `Integrity`.
    pub async fn mail_keys(&self, actor: &Actor) -> Result<Vec<MailKeyView>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        self.key_views(actor).await
    }

    /// The private key as PEM (PKCS#8), for signing outside the vault; put on the record before it is given.
    ///
    /// # Errors
    /// Denied, `NotFound`, also for a key that was destroyed, or `Integrity`.
    pub async fn mail_key_export(
        &self,
        actor: &Actor,
        domain: &str,
        selector: &str,
    ) -> Result<SecretText, AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let keys = self.keys(actor.shop)?;
        let (domain, selector) = (checked_domain(domain)?, checked_selector(selector)?);
        let row = self.store().mail_key(actor.shop, &domain, &selector).await?;
        let row = row.filter(|row| row.state != REVOKED).ok_or(AppError::NotFound)?;
        let private = match open_private(&keys, &row) {
            Ok(private) => private,
            Err(error) => return Err(self.audited(actor, &ask, error).await),
        };
        self.write_leaf(actor, &ask, Outcome::Ok, &done("key_exported", &domain, &selector)).await?;
        Ok(private.to_pem())
    }

    async fn key_views(&self, actor: &Actor) -> Result<Vec<MailKeyView>, AppError> {
        let keys = self.keys(actor.shop)?;
        let rows = self.store().mail_keys(actor.shop, KEYS_MAX).await?;
        let changes: Vec<KeyChange> =
            self.facts::<KeyChange>(ROTATION).await?.into_iter().map(|fact| fact.value).collect();
        let now = self.now();
        let one = |row: &MailKeyRow| {
            if !stored::is_whole(&keys, row) {
                return Err(AppError::integrity(format!("mail_key {}", key_id(&row.domain, &row.selector))));
            }
            view::view(row, &changes, now)
        };
        rows.iter().map(one).collect()
    }

    /// Makes a private key beside the runtime: an RSA key takes a good part of a second.
    async fn make_private(&self, algorithm: MailKeyAlgorithm) -> Result<MailPrivateKey, AppError> {
        let random = self.inner.random.clone();
        let made: Result<_, MailKeyProblem> =
            tokio::task::spawn_blocking(move || MailPrivateKey::generate(algorithm.kind(), &*random))
                .await
                .map_err(AppError::internal)?;
        made.map_err(AppError::internal)
    }
}

/// Whether a key was revoked so long ago that nobody asks about it any more, and no change names it.
fn is_long_gone(row: &MailKeyRow, changes: &[Fact<KeyChange>], now: TimeMs) -> bool {
    let is_named = changes.iter().map(|change| &change.value.rotation).any(|rotation| {
        let mut places = rotation.old.iter().chain([&rotation.new]);
        rotation.domain == row.domain && places.any(|place| place.selector == row.selector)
    });
    row.state == REVOKED && !is_named && now.since(row.updated) > REVOKED_KEPT
}

/// The result half of a leaf about a key.
fn done(reason: &'static str, domain: &str, selector: &str) -> Done {
    let detail = Some(sha256(key_id(domain, selector).as_bytes()));
    Done { count: 1, reason: Some(reason), detail, ..Done::default() }
}

fn checked_domain(text: &str) -> Result<String, AppError> {
    let domain = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_good = is_domain(&domain) && domain.contains('.') && domain.parse::<std::net::IpAddr>().is_err();
    if is_good {
        return Ok(domain);
    }
    Err(AppError::invalid(
        "domain",
        "Geef het domein waaruit u mailt, zoals winkel.nl.",
        "Give the domain that you mail from, such as shop.com.",
    ))
}

fn checked_selector(text: &str) -> Result<String, AppError> {
    let selector = text.trim().to_ascii_lowercase();
    if is_domain(&selector) && selector.len() <= 63 {
        return Ok(selector);
    }
    Err(AppError::invalid(
        "selector",
        "Een selector bestaat uit letters, cijfers en streepjes, zoals kk20261124.",
        "A selector has letters, digits and hyphens, such as kk20261124.",
    ))
}

/// A selector of the day that the domain never used.
fn free_selector(
    domain: &str,
    algorithm: MailKeyAlgorithm,
    now: TimeMs,
    rows: &[MailKeyRow],
) -> Result<String, AppError> {
    let letter = match algorithm {
        MailKeyAlgorithm::Rsa2048 => "",
        MailKeyAlgorithm::Ed25519 => "e",
    };
    let day = now.date().replace('-', "");
    let name = |number: u32| match number {
        1 => format!("kk{day}{letter}"),
        number => format!("kk{day}{letter}-{number}"),
    };
    let is_free = |name: &String| !rows.iter().any(|row| row.domain == domain && row.selector == *name);
    (1..=SELECTORS_MAX).map(name).find(is_free).ok_or(AppError::Conflict { what: "selector".into() })
}
