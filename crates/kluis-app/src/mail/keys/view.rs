//! What people see of a signing key: where it is in its life and the one thing to do about it.

use kluis_mail::dkim::key;
use kluis_mail::dkim::rotation::{Advice, Stage};
use kluis_model::{Text, TimeMs};
use kluis_store::MailKeyRow;
use serde::Serialize;

use super::MailKeyAlgorithm;
use super::stored::{KeyChange, REVOKED, key_id};
use crate::AppError;

/// Days after which a key that signs should be changed.
const AGE_DAYS_MAX: u32 = 365;

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKeyState {
    /// Its record is not in the DNS yet.
    Publish,
    /// Its record was seen; caches must forget that it was not there.
    Waiting,
    /// Mail is signed with it.
    Signing,
    /// It signs no more; its record stays for mail that is under way.
    Kept,
    /// Its record must be revoked.
    ToRevoke,
    /// It is no longer valid and its private key is destroyed.
    Revoked,
}

impl MailKeyState {
    /// What it means, in a few words.
    #[must_use]
    pub fn text(self) -> Text {
        let (nl, en) = match self {
            Self::Publish => ("moet nog in de DNS", "not in the DNS yet"),
            Self::Waiting => {
                ("in de DNS; wacht tot iedereen hem kent", "in the DNS; waits until everybody knows it")
            }
            Self::Signing => ("ondertekent", "signs"),
            Self::Kept => {
                ("ondertekent niet meer; record blijft nog staan", "signs no more; its record stays for now")
            }
            Self::ToRevoke => ("moet ingetrokken worden", "must be revoked"),
            Self::Revoked => ("ingetrokken", "revoked"),
        };
        Text::new(nl, en)
    }
}

/// The one thing to do about a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum MailKeyTodo {
    /// Nothing.
    Nothing,
    /// Publish a TXT record, in place of what stands there.
    Publish {
        /// Its name.
        name: String,
        /// Its text.
        record: String,
    },
    /// Take away what stands at a name besides this key.
    Remove {
        /// The name.
        name: String,
    },
    /// Publish a record again that is gone.
    Restore {
        /// Its name.
        name: String,
        /// Its text.
        record: String,
    },
    /// Leave everything as it is until a time.
    Wait {
        /// The time.
        until: TimeMs,
    },
    /// Nothing; the DNS did not answer and is asked again.
    AskLater,
    /// Begin a change: the key is old.
    Rotate,
}

/// A signing key as people see it, without its private half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailKeyView {
    /// The domain that signs.
    pub domain: String,
    /// The selector.
    pub selector: String,
    /// Which kind of key.
    pub algorithm: MailKeyAlgorithm,
    /// When it was made.
    pub created: TimeMs,
    /// Days since then.
    pub age_days: u32,
    /// Where it is in its life.
    pub state: MailKeyState,
    /// The same in words.
    pub state_text: Text,
    /// The name of its record in the DNS.
    pub name: String,
    /// The text of its TXT record while it is valid.
    pub record: String,
    /// The same as a line for a zone file of BIND.
    pub zone_line: String,
    /// What to do.
    pub todo: MailKeyTodo,
    /// The same in words.
    pub advice: Text,
}

/// A row with what its change says about it.
///
/// # Errors
/// `Integrity` for a row of no known kind.
pub(super) fn view(row: &MailKeyRow, changes: &[KeyChange], now: TimeMs) -> Result<MailKeyView, AppError> {
    let algorithm = MailKeyAlgorithm::ALL.into_iter().find(|algorithm| algorithm.word() == row.kind);
    let algorithm = algorithm
        .ok_or_else(|| AppError::integrity(format!("mail_key {}", key_id(&row.domain, &row.selector))))?;
    let change =
        changes.iter().find(|change| change.algorithm == algorithm && change.rotation.domain == row.domain);
    let state = state(row, change);
    let age_days = u32::try_from(now.since(row.created).as_secs() / 86_400).unwrap_or(u32::MAX);
    let name = format!("{}._domainkey.{}", row.selector, row.domain);
    let todo = todo(state, &name, change, age_days);
    let advice = advice(&todo, state, row);
    Ok(MailKeyView {
        domain: row.domain.clone(),
        selector: row.selector.clone(),
        algorithm,
        created: row.created,
        age_days,
        state,
        state_text: state.text(),
        zone_line: key::zone_line(&name, &row.public),
        name,
        record: row.public.clone(),
        todo,
        advice,
    })
}

fn state(row: &MailKeyRow, change: Option<&KeyChange>) -> MailKeyState {
    let Some(rotation) = change.map(|change| &change.rotation).filter(|_| row.state != REVOKED) else {
        return MailKeyState::Revoked;
    };
    let is_new = rotation.new.selector == row.selector;
    let is_old = rotation.old.as_ref().is_some_and(|old| old.selector == row.selector);
    match (rotation.stage, is_new, is_old) {
        (Stage::Publish, true, _) => MailKeyState::Publish,
        (Stage::Wait { .. }, true, _) => MailKeyState::Waiting,
        (Stage::Keep { .. } | Stage::Revoke | Stage::Done, true, _)
        | (Stage::Publish | Stage::Wait { .. }, _, true) => MailKeyState::Signing,
        (Stage::Keep { .. }, _, true) => MailKeyState::Kept,
        (Stage::Revoke, _, true) => MailKeyState::ToRevoke,
        _ => MailKeyState::Revoked,
    }
}

/// What the last look at the DNS says about this key: a record by its name, waiting about the key that waits.
fn todo(state: MailKeyState, own_name: &str, change: Option<&KeyChange>, age_days: u32) -> MailKeyTodo {
    let is_calm = change.is_some_and(|change| change.rotation.stage == Stage::Done);
    let idle = || match state {
        MailKeyState::Signing if is_calm && age_days > AGE_DAYS_MAX => MailKeyTodo::Rotate,
        _ => MailKeyTodo::Nothing,
    };
    let is_moving = matches!(state, MailKeyState::Waiting | MailKeyState::Kept | MailKeyState::ToRevoke)
        || state == MailKeyState::Publish;
    let Some(change) = change else { return idle() };
    match &change.advice {
        Advice::Publish { name, record } if name == own_name => {
            MailKeyTodo::Publish { name: name.clone(), record: record.clone() }
        }
        Advice::Remove { name } if name == own_name => MailKeyTodo::Remove { name: name.clone() },
        Advice::Restore { name, record } if name == own_name => {
            MailKeyTodo::Restore { name: name.clone(), record: record.clone() }
        }
        Advice::Wait { until_s } if is_moving => {
            let until_ms = i64::try_from(*until_s).unwrap_or(i64::MAX).saturating_mul(1_000);
            MailKeyTodo::Wait { until: TimeMs(until_ms) }
        }
        Advice::AskLater if is_moving || is_calm && state == MailKeyState::Signing => MailKeyTodo::AskLater,
        _ => idle(),
    }
}

fn advice(todo: &MailKeyTodo, state: MailKeyState, row: &MailKeyRow) -> Text {
    let domain = &row.domain;
    match todo {
        MailKeyTodo::Nothing if state == MailKeyState::Signing => Text::new(
            "Niets te doen: mail wordt hiermee ondertekend.",
            "Nothing to do: mail is signed with it.",
        ),
        MailKeyTodo::Nothing => Text::new("Niets te doen.", "Nothing to do."),
        MailKeyTodo::Publish { .. } if state == MailKeyState::ToRevoke => Text::new(
            "Zet bij uw DNS-beheerder dit record in de plaats van het oude: het trekt de sleutel in. Weghalen mag ook.",
            "Put this record in place of the old one in your DNS: it revokes the key. You may also remove it.",
        ),
        MailKeyTodo::Publish { .. } => Text::new(
            "Zet dit TXT-record in de DNS van uw domein. Daarna gaat het vanzelf verder.",
            "Publish this TXT record in the DNS of your domain. The rest goes by itself.",
        ),
        MailKeyTodo::Remove { .. } => Text::new(
            "Op deze plaats in de DNS staat iets anders, of meer dan één record. Laat er alleen het record van deze \
             sleutel staan.",
            "Something else stands at this place in the DNS, or several records. Leave only the record of this key.",
        ),
        MailKeyTodo::Restore { .. } => Text::new(
            "Het record van deze sleutel is weg uit de DNS. Zet het terug, anders wordt uw mail niet herkend.",
            "The record of this key is gone from the DNS. Put it back, or your mail is not recognised.",
        ),
        MailKeyTodo::Wait { until } if state == MailKeyState::Kept => Text::new(
            format!("Laat het record staan tot {}: er is nog mail onderweg.", until.date()),
            format!("Leave the record until {}: some mail is still under way.", until.date()),
        ),
        MailKeyTodo::Wait { until } => Text::new(
            format!("Laat het record staan. De sleutel gaat ondertekenen vanaf {}.", until.date()),
            format!("Leave the record. The key begins to sign on {}.", until.date()),
        ),
        MailKeyTodo::AskLater => Text::new(
            "De DNS gaf geen antwoord; over een uur wordt het opnieuw gevraagd.",
            "The DNS did not answer; it is asked again in an hour.",
        ),
        MailKeyTodo::Rotate => Text::new(
            format!(
                "De sleutel is ouder dan een jaar. Maak een nieuwe: klantkluis mail dkim rotate {domain}"
            ),
            format!("The key is older than a year. Make a new one: klantkluis mail dkim rotate {domain}"),
        ),
    }
}
