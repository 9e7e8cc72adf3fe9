//! What a verification can find, in words for people.

use kluis_model::Text;
use serde::{Serialize, Serializer};

/// Findings that are listed; more are counted.
const LISTED_MAX: usize = 1_000;

/// One thing that does not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// Where: a table and the random id of its row, a log and a number; no personal data.
    pub place: String,
    /// What it means, in Dutch and English.
    pub text: Text,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// An entry is missing in a log.
    LeafMissing,
    /// An entry is not in the form in which entries are written.
    LeafMalformed,
    /// The columns beside an entry say something else than the entry.
    LeafColumns,
    /// Entries stand beyond the end of the log.
    LeafBeyond,
    /// The log's head or frontier is not that of its entries.
    HeadWrong,
    /// A stored node of the tree is not that of its entries.
    NodeWrong,
    /// A checkpoint is not signed by this vault.
    CheckpointForged,
    /// The log had another content when it was signed.
    CheckpointWrong,
    /// The log is shorter than what was signed.
    LogShortened,
    /// A row was changed by somebody without the keys.
    RowChanged,
    /// A row cannot be read at all.
    RowUnreadable,
    /// A row is older than the log says.
    RowRolledBack,
    /// A row is in no log.
    RowUnknown,
    /// A row that the log knows is gone.
    RowMissing,
    /// A row of an erased customer is there again.
    RowOfErased,
    /// An index entry is missing.
    TermMissing,
    /// An index entry points to the wrong customer or to nobody.
    TermForeign,
    /// A data key does not open.
    KeyBroken,
    /// A data key is missing: what it sealed is lost.
    KeyMissing,
    /// A data key of something erased is there.
    KeyOfErased,
    /// The row of an erasure is missing or its receipt is not signed by this vault.
    ErasureWrong,
    /// A credential was changed, put in, taken out or set back.
    CredentialWrong,
    /// A consent was changed, put in or taken out.
    ConsentWrong,
    /// A token was changed.
    TokenWrong,
    /// A check of a shop's HTTPS was changed.
    CheckWrong,
    /// A signing key, report or fact about mail was changed, put in or taken out.
    MailWrong,
    /// The purpose register or the vault's own row is not what was put in force last.
    RegisterWrong,
}

impl FindingKind {
    /// The word for programs.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::LeafMissing => "leaf_missing",
            Self::LeafMalformed => "leaf_malformed",
            Self::LeafColumns => "leaf_columns",
            Self::LeafBeyond => "leaf_beyond",
            Self::HeadWrong => "head_wrong",
            Self::NodeWrong => "node_wrong",
            Self::CheckpointForged => "checkpoint_forged",
            Self::CheckpointWrong => "checkpoint_wrong",
            Self::LogShortened => "log_shortened",
            Self::RowChanged => "row_changed",
            Self::RowUnreadable => "row_unreadable",
            Self::RowRolledBack => "row_rolled_back",
            Self::RowUnknown => "row_unknown",
            Self::RowMissing => "row_missing",
            Self::RowOfErased => "row_of_erased",
            Self::TermMissing => "term_missing",
            Self::TermForeign => "term_foreign",
            Self::KeyBroken => "key_broken",
            Self::KeyMissing => "key_missing",
            Self::KeyOfErased => "key_of_erased",
            Self::ErasureWrong => "erasure_wrong",
            Self::CredentialWrong => "credential_wrong",
            Self::ConsentWrong => "consent_wrong",
            Self::TokenWrong => "token_wrong",
            Self::CheckWrong => "check_wrong",
            Self::MailWrong => "mail_wrong",
            Self::RegisterWrong => "register_wrong",
        }
    }

    /// What it means, in Dutch and English.
    const fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::LeafMissing => ("Een regel van het logboek ontbreekt.", "An entry of the log is missing."),
            Self::LeafMalformed => (
                "Een regel van het logboek is onleesbaar gemaakt.",
                "An entry of the log is not in its form.",
            ),
            Self::LeafColumns => (
                "De kolommen naast een regel zeggen iets anders dan de regel.",
                "The columns beside an entry say something else than the entry.",
            ),
            Self::LeafBeyond => (
                "Er staan regels voorbij het einde van het logboek; het is afgekapt.",
                "Entries stand beyond the end of the log; it was cut off.",
            ),
            Self::HeadWrong => (
                "De kop van het logboek hoort niet bij de regels.",
                "The log's head is not that of its entries.",
            ),
            Self::NodeWrong => (
                "Een knoop van de boom hoort niet bij de regels.",
                "A node of the tree is not that of its entries.",
            ),
            Self::CheckpointForged => (
                "Een controlepunt is niet door deze kluis ondertekend.",
                "A checkpoint is not signed by this vault.",
            ),
            Self::CheckpointWrong => (
                "Het logboek had een andere inhoud toen dit controlepunt werd ondertekend.",
                "The log had another content when this checkpoint was signed.",
            ),
            Self::LogShortened => (
                "Het logboek is korter dan wat eerder is ondertekend: afgekapt of teruggezet.",
                "The log is shorter than what was signed before: cut off or rolled back.",
            ),
            Self::RowChanged => {
                ("Een klant is buiten de kluis om gewijzigd.", "A customer was changed outside the vault.")
            }
            Self::RowUnreadable => (
                "Een rij is onleesbaar; de rest van die tabel is niet nagekeken.",
                "A row cannot be read; the rest of its table was not checked.",
            ),
            Self::RowRolledBack => (
                "Een klant is teruggezet naar een oudere stand dan het logboek kent.",
                "A customer was set back to an older state than the log knows.",
            ),
            Self::RowUnknown => ("Een klant staat in geen enkel logboek.", "A customer is in no log."),
            Self::RowMissing => (
                "Een klant is verdwenen zonder gewist te zijn.",
                "A customer is gone without having been erased.",
            ),
            Self::RowOfErased => ("Een gewiste klant is er weer.", "An erased customer is there again."),
            Self::TermMissing => {
                ("Een klant is niet meer vindbaar.", "An index entry of a customer is missing.")
            }
            Self::TermForeign => (
                "Een zoekingang wijst naar de verkeerde klant.",
                "An index entry points to the wrong customer.",
            ),
            Self::KeyBroken => ("Een sleutel van een klant past niet.", "A customer's key does not open."),
            Self::KeyMissing => (
                "Een sleutel van een klant ontbreekt.",
                "A customer's key is missing; what it sealed is lost.",
            ),
            Self::KeyOfErased => {
                ("Een vernietigde sleutel is er weer.", "A key that was destroyed is there again.")
            }
            Self::ErasureWrong => (
                "Een wissing ontbreekt of het bewijs ervan is niet van deze kluis.",
                "An erasure is missing or its receipt is not of this vault.",
            ),
            Self::CredentialWrong => (
                "Een toegang is buiten de kluis om gewijzigd, toegevoegd, verwijderd of hersteld.",
                "A credential was changed, put in, taken out or set back outside the vault.",
            ),
            Self::ConsentWrong => (
                "Een toestemming is buiten de kluis om gewijzigd.",
                "A consent was changed outside the vault.",
            ),
            Self::TokenWrong => {
                ("Een token is buiten de kluis om gewijzigd.", "A token was changed outside the vault.")
            }
            Self::CheckWrong => (
                "Een controle van de webwinkel is buiten de kluis om gewijzigd.",
                "A check of the shop was changed outside the vault.",
            ),
            Self::MailWrong => (
                "Een sleutel, rapport of stand van de mail is buiten de kluis om gewijzigd, toegevoegd of verwijderd.",
                "A key, report or state of mail was changed, put in or taken out outside the vault.",
            ),
            Self::RegisterWrong => (
                "Het doelregister of de kluisregel is niet wat het laatst is vastgesteld.",
                "The purpose register or the vault's own row is not what was put in force last.",
            ),
        }
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.id())
    }
}

/// The findings so far, each once.
#[derive(Default)]
pub(crate) struct Findings {
    listed: Vec<Finding>,
    more: u64,
}

impl Findings {
    /// Adds a finding unless it is there.
    pub(crate) fn add(&mut self, kind: FindingKind, place: impl Into<String>) {
        let (nl, en) = kind.meaning();
        let finding = Finding { kind, place: place.into(), text: Text::new(nl, en) };
        if self.listed.len() >= LISTED_MAX {
            self.more += 1;
        } else if !self.listed.contains(&finding) {
            self.listed.push(finding);
        }
    }

    /// The listed findings and how many more there were.
    pub(crate) fn into_parts(self) -> (Vec<Finding>, u64) {
        (self.listed, self.more)
    }
}
