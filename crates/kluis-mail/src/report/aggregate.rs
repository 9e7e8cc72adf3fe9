//! A DMARC aggregate report as types (RFC 7489 appendix C, RFC 9990): what a receiver saw in the shop's name.

use core::net::IpAddr;

use kluis_model::Lang;

use crate::dmarc::{Alignment, Policy};

/// An aggregate report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AggregateReport {
    /// Who reports; the domain of its mail address when it leaves its name out. The address itself is not kept.
    pub org: String,
    /// The reporter's mark of this report.
    pub report_id: String,
    /// Unix seconds.
    pub begin_s: i64,
    /// Unix seconds.
    pub end_s: i64,
    /// The domain whose policy was used, in lower case.
    pub domain: String,
    /// The policy that the receiver found.
    pub policy: PublishedPolicy,
    /// The software that made it (RFC 9990).
    pub generator: Option<String>,
    /// As written.
    pub version: Option<String>,
    /// Which generation.
    pub schema: Schema,
    /// What was seen; at most 200,000 rows.
    pub rows: Vec<Row>,
    /// What is odd about it, at most 100.
    pub problems: Vec<Problem>,
}

impl AggregateReport {
    /// What makes it the same report when it arrives twice.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            org: self.org.to_lowercase(),
            report_id: self.report_id.clone(),
            domain: self.domain.clone(),
            begin_s: self.begin_s,
            end_s: self.end_s,
        }
    }

    /// All messages.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.count))
    }
}

/// What makes a report the same report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Who reports, in lower case.
    pub org: String,
    /// The reporter's mark.
    pub report_id: String,
    /// The domain.
    pub domain: String,
    /// Unix seconds.
    pub begin_s: i64,
    /// Unix seconds.
    pub end_s: i64,
}

/// Which generation a report is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schema {
    /// RFC 7489 or a draft of it.
    #[default]
    Rfc7489,
    /// RFC 9990 (2026): its namespace, or a field that only it has.
    Rfc9990,
}

/// The policy that the receiver found; what is absent was not told.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PublishedPolicy {
    /// `p`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// `sp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdomains: Option<Policy>,
    /// `np` (RFC 9990).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonexistent: Option<Policy>,
    /// `adkim`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dkim: Option<Alignment>,
    /// `aspf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spf: Option<Alignment>,
    /// `pct` (RFC 7489).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// `fo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_options: Option<String>,
    /// `testing` (RFC 9990): the policy was a rehearsal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_test: Option<bool>,
    /// `discovery_method` (RFC 9990).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
}

/// How the receiver found the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discovery {
    /// By the public suffix list.
    SuffixList,
    /// By the DNS tree walk of RFC 9989.
    TreeWalk,
}

/// Messages from one source with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// The server that delivered them.
    pub source: IpAddr,
    /// How many.
    pub count: u64,
    /// What the receiver did.
    pub disposition: Disposition,
    /// Whether an aligned DKIM signature passed.
    pub dkim: Evaluated,
    /// Whether an aligned SPF passed.
    pub spf: Evaluated,
    /// Why the receiver deviated from the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The domain of the From address.
    pub header_from: String,
    /// The domain of the envelope sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_from: Option<String>,
    /// The domain of the envelope recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_to: Option<String>,
    /// DKIM signatures, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dkim_auth: Vec<DkimAuth>,
    /// SPF checks, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spf_auth: Vec<SpfAuth>,
}

impl Row {
    /// Whether DMARC passed: an aligned DKIM or SPF.
    #[must_use]
    pub fn is_aligned(&self) -> bool {
        self.dkim == Evaluated::Pass || self.spf == Evaluated::Pass
    }
}

/// What the receiver did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Delivered, as DMARC passed (RFC 9990) .
    Pass,
    /// Nothing.
    None,
    /// Treated with suspicion.
    Quarantine,
    /// Refused.
    Reject,
    /// Not told, or an unknown word.
    #[default]
    Unknown,
}

/// Whether something aligned passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evaluated {
    /// Yes.
    Pass,
    /// No.
    Fail,
    /// Not told, or an unknown word.
    #[default]
    Unknown,
}

/// A reason to deviate from the policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reason {
    /// Its kind.
    pub kind: ReasonKind,
    /// What the receiver adds, without addresses, at most 200 bytes.
    pub comment: String,
}

/// Kinds of reasons (RFC 7489 appendix C, RFC 9990).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// The message was forwarded.
    Forwarded,
    /// `pct` left it out.
    SampledOut,
    /// It came through a forwarder that the receiver trusts.
    TrustedForwarder,
    /// It came through a mailing list.
    MailingList,
    /// The receiver's own rules.
    LocalPolicy,
    /// The policy is a rehearsal (RFC 9990).
    TestMode,
    /// Another.
    Other,
}

/// A DKIM signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DkimAuth {
    /// `d=`.
    pub domain: String,
    /// `s=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Its outcome.
    pub result: AuthResult,
}

/// An SPF check.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SpfAuth {
    /// The domain.
    pub domain: String,
    /// Of what.
    pub scope: SpfScope,
    /// Its outcome.
    pub result: AuthResult,
}

/// What an SPF check was about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpfScope {
    /// The envelope sender.
    #[default]
    MailFrom,
    /// The greeting.
    Helo,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthResult {
    /// Nothing to check.
    None,
    /// No opinion.
    Neutral,
    /// Passed.
    Pass,
    /// Failed.
    Fail,
    /// Failed, mildly (SPF).
    SoftFail,
    /// Not accepted by the receiver's rules (DKIM).
    Policy,
    /// A passing error.
    TempError,
    /// A lasting error.
    PermError,
    /// Not told, or an unknown word.
    #[default]
    Unknown,
}

/// Something odd about a report, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// Byte of the XML (as UTF-8).
    pub at: usize,
}

/// Kinds of odd things; none keeps the rest from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The archive around it is damaged; what could be unpacked was read.
    Archive,
    /// It breaks off; the rows before that were read.
    Truncated,
    /// Elements are not closed in order.
    Nesting,
    /// A mark that is not XML.
    Syntax,
    /// Elements too deep inside each other; reading stopped.
    TooDeep,
    /// Text where none belongs.
    StrayText,
    /// Bytes that are not in the declared encoding.
    Encoding,
    /// A document type, which is ignored.
    DocumentType,
    /// An entity that does not exist; kept as written.
    UnknownEntity,
    /// A word that is not known; the value counts as not told.
    UnknownWord,
    /// Words in the wrong case.
    Case,
    /// A row without a readable address; left out.
    BadAddress,
    /// A row without a readable number of messages; left out.
    BadCount,
    /// A row without a From domain.
    NoFrom,
    /// More rows, signatures or checks than are kept.
    TooMany,
    /// A moment that cannot be read, or an end before the beginning.
    BadDate,
    /// The reporter leaves its name out.
    NoOrganization,
    /// No mark of the report.
    NoReportId,
    /// No domain that is reported about.
    NoDomain,
    /// A second report in the same file; not read.
    SecondReport,
}

impl ProblemKind {
    /// What is odd, for a shop owner.
    #[must_use]
    pub fn message(self, lang: Lang) -> &'static str {
        match self {
            Self::Archive => lang.pick(
                "Het archief is beschadigd; gelezen is wat er uit te pakken was.",
                "The archive is damaged; what could be unpacked was read.",
            ),
            Self::Truncated => lang.pick(
                "Het rapport breekt af; de regels daarvoor zijn gelezen.",
                "The report breaks off; the rows before that were read.",
            ),
            Self::Nesting => {
                lang.pick("Onderdelen zijn niet goed afgesloten.", "Elements are not closed properly.")
            }
            Self::Syntax => {
                lang.pick("Er staan tekens die geen XML zijn.", "It holds marks that are not XML.")
            }
            Self::TooDeep => lang.pick(
                "Onderdelen zitten te diep in elkaar; verder is niet gelezen.",
                "Elements are too deep inside each other; reading stopped.",
            ),
            Self::StrayText => lang.pick("Er staat losse tekst tussen.", "There is stray text in between."),
            Self::Encoding => lang.pick("Sommige tekens zijn onleesbaar.", "Some characters are unreadable."),
            Self::DocumentType => {
                lang.pick("Een documenttype is overgeslagen.", "A document type was skipped.")
            }
            Self::UnknownEntity => lang.pick("Een onbekende afkorting (&…;).", "An unknown entity (&…;)."),
            Self::UnknownWord => {
                lang.pick("Een onbekend woord als uitkomst.", "An unknown word as a result.")
            }
            Self::Case => {
                lang.pick("Hoofdletters waar kleine horen.", "Capitals where small letters belong.")
            }
            Self::BadAddress => lang.pick(
                "Een regel zonder leesbaar IP-adres is weggelaten.",
                "A row without a readable IP address was left out.",
            ),
            Self::BadCount => lang.pick(
                "Een regel zonder leesbaar aantal is weggelaten.",
                "A row without a readable count was left out.",
            ),
            Self::NoFrom => lang.pick("Een regel zonder afzenderdomein.", "A row without a From domain."),
            Self::TooMany => lang.pick("Meer regels dan bewaard worden.", "More rows than are kept."),
            Self::BadDate => lang.pick("De periode is onleesbaar.", "The period is unreadable."),
            Self::NoOrganization => lang
                .pick("De afzender van het rapport noemt zich niet.", "The reporter does not name itself."),
            Self::NoReportId => lang.pick("Het rapport heeft geen kenmerk.", "The report has no id."),
            Self::NoDomain => lang.pick("Het domein ontbreekt.", "The domain is missing."),
            Self::SecondReport => lang.pick(
                "Een tweede rapport in hetzelfde bestand is niet gelezen.",
                "A second report in the same file was not read.",
            ),
        }
    }
}
