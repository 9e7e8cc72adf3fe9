//! The one error of every use case, by kind, with a text for people in Dutch and English.

use kluis_crypto::SystemRandom;
use kluis_model::{Lang, Random, Text};
use kluis_store::StoreError;

/// What is unavailable when the quarantine of mail reports is full.
pub(crate) const NO_ROOM_FOR_REPORTS: &str = "there is no more room for mail reports that cannot be read";

/// Why a use case did not do what was asked; never holds a personal value.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The actor may not do this; the refusal is in the audit log.
    #[error("denied: {}", reason.id())]
    Denied {
        /// Why, from a fixed vocabulary.
        reason: Denial,
    },
    /// There is no such thing in this shop.
    #[error("not found")]
    NotFound,
    /// The input is wrong; one entry per wrong field.
    #[error("invalid input in {} field(s)", .0.len())]
    Invalid(Vec<FieldProblem>),
    /// Somebody else was first: a taken e-mail address, a stale version, a repeated request.
    #[error("conflict: {what}")]
    Conflict {
        /// The field or thing that collides, for example `email` or `version`.
        what: String,
    },
    /// A budget of the credential is used up.
    #[error("budget exhausted, retry after {retry_after_s} s")]
    Exhausted {
        /// Seconds until the budget has room again.
        retry_after_s: u32,
    },
    /// The keys are not in memory.
    #[error("the vault is sealed")]
    Sealed,
    /// The passphrase, key file or shares do not open the keyring.
    #[error("the key does not open the keyring")]
    WrongKey,
    /// What is stored does not agree with its seal: somebody changed the database.
    #[error("integrity: {what}")]
    Integrity {
        /// The table, row and column that do not agree; no personal data.
        what: String,
    },
    /// The database cannot be reached or written at this moment.
    #[error("unavailable: {what}")]
    Unavailable {
        /// What is unavailable; no personal data.
        what: String,
    },
    /// A fault of the program or the machine; the log holds the details under this number.
    #[error("internal error, incident {incident}")]
    Internal {
        /// The number to look for in the log.
        incident: String,
    },
}

/// One wrong input field with what to do about it, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field as the caller named it.
    pub field: String,
    /// What is wrong and what to do.
    pub message: Text,
}

impl FieldProblem {
    /// A problem with one text per language.
    #[must_use]
    pub fn new(field: impl Into<String>, nl: impl Into<String>, en: impl Into<String>) -> Self {
        let message = Text { nl: nl.into(), en: en.into() };
        Self { field: field.into(), message }
    }
}

/// Why an actor was refused; the id goes into the audit leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denial {
    /// The grant does not include the operation.
    OperationNotGranted,
    /// The grant does not include the purpose.
    PurposeNotGranted,
    /// The grant does not include a field.
    FieldNotGranted,
    /// The register has no such purpose.
    UnknownPurpose,
    /// The purpose does not include a field.
    FieldNotInPurpose,
    /// The purpose is not live for this customer (not started, or its term is over).
    PurposeNotLive,
    /// The customer has not given consent, or has withdrawn it.
    NoConsent,
    /// The credential is unknown, revoked or expired, or the session has ended.
    NotSignedIn,
    /// The credential is bound to a client certificate that was not shown.
    CertificateNeeded,
    /// The same person may not both ask and approve.
    SecondPersonNeeded,
    /// The budget of the credential is used up.
    BudgetExhausted,
}

impl Denial {
    /// The word for the audit leaf and for programs.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::OperationNotGranted => "operation_not_granted",
            Self::PurposeNotGranted => "purpose_not_granted",
            Self::FieldNotGranted => "field_not_granted",
            Self::UnknownPurpose => "unknown_purpose",
            Self::FieldNotInPurpose => "field_not_in_purpose",
            Self::PurposeNotLive => "purpose_not_live",
            Self::NoConsent => "no_consent",
            Self::NotSignedIn => "not_signed_in",
            Self::CertificateNeeded => "certificate_needed",
            Self::SecondPersonNeeded => "second_person_needed",
            Self::BudgetExhausted => "budget_exhausted",
        }
    }

    /// The reason for people.
    #[must_use]
    pub fn text(self, lang: Lang) -> &'static str {
        let (nl, en) = match self {
            Self::OperationNotGranted => {
                ("Deze toegang mag deze handeling niet uitvoeren.", "This access may not do this operation.")
            }
            Self::PurposeNotGranted => {
                ("Deze toegang geldt niet voor dit doel.", "This access does not cover this purpose.")
            }
            Self::FieldNotGranted => {
                ("Deze toegang geldt niet voor dit veld.", "This access does not cover this field.")
            }
            Self::UnknownPurpose => {
                ("Dit doel staat niet in het doelregister.", "This purpose is not in the purpose register.")
            }
            Self::FieldNotInPurpose => {
                ("Dit veld hoort niet bij dit doel.", "This field does not belong to this purpose.")
            }
            Self::PurposeNotLive => (
                "Dit doel geldt nu niet voor deze klant.",
                "This purpose does not apply to this customer now.",
            ),
            Self::NoConsent => (
                "Deze klant heeft geen toestemming gegeven voor dit doel.",
                "This customer has not given consent for this purpose.",
            ),
            Self::NotSignedIn => {
                ("Deze toegang is onbekend of verlopen.", "This access is unknown or has ended.")
            }
            Self::CertificateNeeded => (
                "Deze toegang werkt alleen samen met het certificaat van de partner.",
                "This access works only together with the partner's certificate.",
            ),
            Self::SecondPersonNeeded => {
                ("Een tweede persoon moet dit goedkeuren.", "A second person has to approve this.")
            }
            Self::BudgetExhausted => {
                ("De grens van deze toegangssleutel is bereikt.", "The budget of this access is used up.")
            }
        };
        match lang {
            Lang::Nl => nl,
            Lang::En => en,
        }
    }
}

impl AppError {
    /// A refusal.
    pub(crate) fn denied(reason: Denial) -> Self {
        Self::Denied { reason }
    }

    /// Wrong input in one field.
    pub(crate) fn invalid(field: &str, nl: &str, en: &str) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, nl, en)])
    }

    /// A fault of ours: logs `what` under a new incident number and returns that number.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        let mut number = [0_u8; 4];
        SystemRandom.fill(&mut number);
        let incident = format!("{:08x}", u32::from_be_bytes(number));
        tracing::error!(incident, "{what}");
        Self::Internal { incident }
    }

    /// A mismatch between stored bytes and their seal; logged, because it means tampering or a
    /// broken disk.
    pub(crate) fn integrity(what: impl Into<String>) -> Self {
        let what = what.into();
        tracing::error!(what, "stored data does not agree with its seal");
        Self::Integrity { what }
    }

    /// The error for people: what is wrong and what to do.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let (nl, en) = match self {
            Self::Denied { reason } => return reason.text(lang).to_owned(),
            Self::NotFound => ("Niet gevonden.".into(), "Not found.".into()),
            Self::Invalid(problems) => {
                let lines: Vec<_> = problems
                    .iter()
                    .map(|problem| format!("{}: {}", problem.field, problem.message.get(lang)))
                    .collect();
                return lines.join("\n");
            }
            Self::Conflict { what } => (
                format!("Dit botst met iets dat er al is ({what})."),
                format!("This collides with something that is already there ({what})."),
            ),
            Self::Exhausted { retry_after_s } => (
                format!("De grens is bereikt; probeer het over {retry_after_s} s opnieuw."),
                format!("The budget is used up; try again in {retry_after_s} s."),
            ),
            Self::Sealed => ("De kluis is verzegeld.".into(), "The vault is sealed.".into()),
            Self::WrongKey => {
                ("Deze sleutel opent de kluis niet.".into(), "This key does not open the vault.".into())
            }
            Self::Integrity { .. } => (
                "De opgeslagen gegevens kloppen niet met hun zegel; er wordt niets getoond.".into(),
                "The stored data does not agree with its seal; nothing is shown.".into(),
            ),
            Self::Unavailable { what } => (
                format!("De opslag is nu niet bereikbaar ({what})."),
                format!("The storage cannot be reached now ({what})."),
            ),
            Self::Internal { incident } => (
                format!("Er ging iets mis. Storingsnummer {incident}."),
                format!("Something went wrong. Incident {incident}."),
            ),
        };
        match lang {
            Lang::Nl => nl,
            Lang::En => en,
        }
    }

    /// Whether only what cannot be read as a mail report finds no room; reports are still taken in.
    #[must_use]
    pub fn is_no_room_for_reports(&self) -> bool {
        matches!(self, Self::Unavailable { what } if what == NO_ROOM_FOR_REPORTS)
    }

    /// What somebody at the command line can do about it, when there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Denied { reason } => match reason {
                Denial::UnknownPurpose => "list the purposes with: klantkluis purpose list",
                Denial::FieldNotInPurpose => "see which fields a purpose has with: klantkluis purpose list",
                Denial::PurposeNotLive => "record what starts it with: klantkluis subject event",
                Denial::NoConsent => "see the consents with: klantkluis consent list",
                Denial::SecondPersonNeeded => {
                    "let somebody else approve it; who is alone says so with --i-am-alone"
                }
                Denial::CertificateNeeded => {
                    "see the partners and their certificates with: klantkluis partner list"
                }
                Denial::NotSignedIn => "make a new credential with: klantkluis credential create",
                _ => return None,
            },
            Self::Conflict { what } => match what.as_str() {
                "vault" => "there is a vault here already; start it with: klantkluis serve",
                "keyring" => {
                    "the database is empty but a keyring is there: bring back a backup with klantkluis restore, \
                     or move the keyring away to begin anew"
                }
                "store" => "restore and copy want an empty database; give another data folder or database",
                "version" => "somebody changed it meanwhile; read it again",
                _ => return None,
            },
            Self::Exhausted { retry_after_s } => return Some(format!("try again in {retry_after_s} s")),
            Self::Sealed => "unseal the vault first",
            Self::WrongKey => {
                "check the passphrase, the key file (keyring.key_file in klantkluis.toml) or the shares; \
                 after re-issuing, earlier shares no longer open it"
            }
            Self::Integrity { .. } => "look what else was changed with: klantkluis verify",
            Self::Unavailable { what } if what.contains("keyring") => {
                "put the keyring file back from its own backup; without it the data cannot be read"
            }
            _ if self.is_no_room_for_reports() => {
                "look at what could not be read and throw away what is of no use: klantkluis mail report quarantine list"
            }
            Self::Unavailable { .. } => "look at the machine with: klantkluis doctor",
            Self::NotFound | Self::Invalid(_) | Self::Internal { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { what } => Self::Conflict { what: what.to_string() },
            StoreError::Integrity { .. } => Self::integrity(error.to_string()),
            StoreError::Unavailable { .. } | StoreError::Full | StoreError::ReadOnly => {
                Self::Unavailable { what: error.to_string() }
            }
            StoreError::Budget { retry_after_s } => Self::Exhausted { retry_after_s },
            StoreError::NotEmpty => Self::Conflict { what: "store".into() },
            StoreError::SchemaTooNew { .. } | StoreError::Internal(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_text_in_both_languages_and_hints_where_one_helps() {
        let errors = [
            AppError::denied(Denial::UnknownPurpose),
            AppError::NotFound,
            AppError::invalid("email", "fout", "wrong"),
            AppError::Conflict { what: "keyring".into() },
            AppError::Exhausted { retry_after_s: 5 },
            AppError::Sealed,
            AppError::WrongKey,
            AppError::Integrity { what: "subjects".into() },
            AppError::Unavailable { what: "the keyring file is missing".into() },
            AppError::Internal { incident: "1".into() },
        ];
        for error in &errors {
            assert!(error.text(Lang::Nl).len() > 3 && error.text(Lang::En).len() > 3, "{error}");
        }
        let without_hint = errors.iter().filter(|error| error.hint().is_none()).count();
        assert_eq!(without_hint, 3);
    }

    #[test]
    fn store_errors_keep_their_kind() {
        let kind = |error: StoreError| AppError::from(error);
        assert!(matches!(kind(StoreError::Full), AppError::Unavailable { .. }));
        assert!(matches!(kind(StoreError::ReadOnly), AppError::Unavailable { .. }));
        assert!(matches!(
            kind(StoreError::Budget { retry_after_s: 9 }),
            AppError::Exhausted { retry_after_s: 9 }
        ));
        assert!(matches!(kind(StoreError::NotEmpty), AppError::Conflict { .. }));
        assert!(matches!(kind(StoreError::Internal("x".into())), AppError::Internal { .. }));
    }
}
