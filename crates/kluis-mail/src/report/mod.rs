//! Reports of receivers about mail in the shop's name: read from whatever they come in, counted per source, replayed.
//!
//! [`open`] takes a mail, mailbox, zip, gzip, XML or JSON and gives the reports inside, one at a time, within
//! [`Limits`]. What cannot be read comes out as a [`Refusal`], so that the bytes can be kept for a person to look at.

mod aggregate;
mod container;
mod failure;
mod file_name;
mod fold;
pub(crate) mod mime;
mod reporters;
mod simulate;
mod sources;
#[cfg(test)]
mod tests;
mod text;
mod tls;
mod xml;
mod zip;

pub use aggregate::{
    AggregateReport, AuthResult, Discovery, Disposition, DkimAuth, Evaluated, Key, Problem, ProblemKind,
    PublishedPolicy, Reason, ReasonKind, Row, Schema, SpfAuth, SpfScope,
};
pub use container::{mails, open, open_stream};
pub use failure::{AuthFailure, FailureKind, FailureSummary};
pub use file_name::FileName;
pub use fold::{Counts, Fold, FoldKey};
pub use reporters::provider_of_reporter;
pub use simulate::{Proposed, Replayed, SourceOutcome, SpfAnswer, simulate};
pub use sources::{Category, Classified, Evidence, Known, Network, NetworkError, Stream, classify};
pub use tls::{TlsFailure, TlsPolicy, TlsPolicyKind, TlsReport};
pub use xml::{read as read_aggregate, read_with as read_aggregate_with};

use kluis_model::Lang;

/// Whether failure reports, which hold personal data, may be summarised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Failures {
    /// They are recognised and nothing of them is kept.
    #[default]
    Ignore,
    /// Kind, source, domain and time are kept; never an address or a text.
    Summarise,
}

/// What one call of [`open`] may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one report or container after unpacking: 64 MiB.
    pub report_bytes_max: usize,
    /// Bytes that are unpacked in all: 256 MiB.
    pub total_bytes_max: usize,
    /// Parts of mails and entries of archives in all: 1,000.
    pub entries_max: u32,
    /// Containers inside each other (mailbox, mail, zip, gzip): 4.
    pub depth_max: u8,
    /// Unpacked bytes for each packed byte: 200; the first MiB is always allowed.
    pub ratio_max: usize,
    /// What happens with failure reports: nothing is kept.
    pub failures: Failures,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            report_bytes_max: 64 << 20,
            total_bytes_max: 256 << 20,
            entries_max: 1_000,
            depth_max: 4,
            ratio_max: 200,
            failures: Failures::Ignore,
        }
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A DMARC aggregate report (RFC 7489, RFC 9990).
    Aggregate(Box<AggregateReport>),
    /// A report about TLS between mail servers (RFC 8460).
    Tls(Box<TlsReport>),
    /// A failure report (RFC 6591, RFC 9991), summarised.
    Failure(FailureSummary),
    /// A failure report of which nothing is kept ([`Failures::Ignore`]).
    FailureIgnored,
}

/// Something that was found, read or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The last part of its file name, to show; never a path to write to.
    pub name: String,
    /// The report, or why it cannot be read.
    pub content: Result<Content, Refusal>,
}

/// How much [`open`] found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Opened {
    /// Reports that were read.
    pub reports: u32,
    /// Things that could not be read: keep the bytes for a person.
    pub refused: u32,
}

/// Why something cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No bytes.
    #[error("it is empty")]
    Empty,
    /// None of the kinds that are read.
    #[error("not a mail, mailbox, zip, gzip, XML or JSON")]
    UnknownKind,
    /// XML or JSON without a report.
    #[error("it holds no report")]
    NotAReport,
    /// A mail or archive without anything that could be a report.
    #[error("no report is attached")]
    NothingInside,
    /// More bytes than [`Limits::report_bytes_max`] or [`Limits::total_bytes_max`].
    #[error("too large")]
    TooLarge,
    /// Packed tighter than [`Limits::ratio_max`]: a decompression bomb.
    #[error("it unpacks to far more than a report is")]
    Bomb,
    /// More than [`Limits::entries_max`].
    #[error("too many parts")]
    TooMany,
    /// Deeper than [`Limits::depth_max`].
    #[error("archives inside archives, too deep")]
    TooDeep,
    /// The archive cannot be unpacked.
    #[error("the archive is damaged")]
    Damaged,
    /// The archive needs a password, or a method that is not read.
    #[error("the archive is encrypted or packed in a way that is not read")]
    Locked,
    /// The XML declares entities, which reports never need and attacks do.
    #[error("the XML declares entities")]
    Entities,
    /// The JSON breaks off or is wrong.
    #[error("the JSON is wrong at line {line}, column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
}

impl Refusal {
    /// The refusal whose text in data (its `Display`) this is.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        const ALL: [Refusal; 11] = [
            Refusal::Empty,
            Refusal::UnknownKind,
            Refusal::NotAReport,
            Refusal::NothingInside,
            Refusal::TooLarge,
            Refusal::Bomb,
            Refusal::TooMany,
            Refusal::TooDeep,
            Refusal::Damaged,
            Refusal::Locked,
            Refusal::Entities,
        ];
        let json = || {
            let place = text.strip_prefix("the JSON is wrong at line ")?;
            let (line, column) = place.split_once(", column ")?;
            Some(Self::Json { line: line.parse().ok()?, column: column.parse().ok()? })
        };
        ALL.into_iter().find(|refusal| refusal.to_string() == text).or_else(json)
    }

    /// What is wrong, for a shop owner.
    #[must_use]
    pub fn message(self, lang: Lang) -> String {
        let text = match self {
            Self::Empty => lang.pick("Het bestand is leeg.", "The file is empty."),
            Self::UnknownKind => lang.pick(
                "Dit is geen e-mail, mailbox, zip, gzip, XML of JSON.",
                "This is not a mail, mailbox, zip, gzip, XML or JSON.",
            ),
            Self::NotAReport => lang.pick("Er staat geen rapport in.", "It holds no report."),
            Self::NothingInside => lang.pick("Er zit geen rapport bij.", "No report is attached."),
            Self::TooLarge => lang.pick("Het is te groot om te lezen.", "It is too large to read."),
            Self::Bomb => lang.pick(
                "Uitgepakt is het veel groter dan een rapport kan zijn; het is niet verder uitgepakt.",
                "Unpacked it is far larger than a report can be; unpacking stopped.",
            ),
            Self::TooMany => lang.pick("Er zitten te veel onderdelen in.", "It has too many parts."),
            Self::TooDeep => {
                lang.pick("Archieven in archieven, te diep.", "Archives inside archives, too deep.")
            }
            Self::Damaged => {
                lang.pick("Het archief is beschadigd of afgebroken.", "The archive is damaged or breaks off.")
            }
            Self::Locked => lang.pick(
                "Het archief is versleuteld of op een onbekende manier ingepakt.",
                "The archive is encrypted or packed in an unknown way.",
            ),
            Self::Entities => lang.pick(
                "De XML bevat eigen definities (entiteiten). Een echt rapport heeft die nooit; het is niet gelezen.",
                "The XML holds definitions of its own (entities). A real report never does; it was not read.",
            ),
            Self::Json { line, column } => {
                return match lang {
                    Lang::Nl => format!("De JSON klopt niet op regel {line}, teken {column}."),
                    Lang::En => format!("The JSON is wrong at line {line}, column {column}."),
                };
            }
        };
        text.to_owned()
    }
}
