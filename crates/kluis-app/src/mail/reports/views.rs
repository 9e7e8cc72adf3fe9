//! What people and programs see of reports: sources with their counts by day, reports, rows, and what could not be read.

use core::net::IpAddr;
use std::collections::{BTreeMap, HashMap};

use kluis_mail::report::{
    Category, Counts, FailureSummary, Network, ProblemKind, PublishedPolicy, Refusal, Row, Schema, TlsReport,
};
use kluis_model::{JobId, Text, TimeMs};
use serde::{Deserialize, Serialize};

/// How a report came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportSource {
    /// To the listener for reports.
    Smtp,
    /// Into the drop folder.
    Folder,
    /// From a mailbox.
    Imap,
    /// Over the API or the console.
    Api,
    /// By the command line.
    Command,
}

impl ReportSource {
    const ALL: [Self; 5] = [Self::Smtp, Self::Folder, Self::Imap, Self::Api, Self::Command];

    /// Whether anybody on the internet can send something this way.
    pub(super) const fn is_of_strangers(self) -> bool {
        matches!(self, Self::Smtp | Self::Imap)
    }

    /// The word in data.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Folder => "folder",
            Self::Imap => "imap",
            Self::Api => "api",
            Self::Command => "command",
        }
    }

    /// The source with a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }
}

/// What came of bytes that were taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Reports that were not there before, of every kind.
    pub new: u32,
    /// Reports that were there already.
    pub known: u32,
    /// Of the new ones: about TLS.
    pub tls: u32,
    /// What could not be read is kept apart under these ids; several times the same bytes are kept once.
    pub quarantined: Vec<(JobId, Refusal)>,
    /// Failure reports of which nothing was kept, as the settings say (RFC 9991: they hold personal data).
    pub failure_refused: u32,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Who mailed in the domain's name (RFC 9990).
    Dmarc,
    /// How servers spoke TLS (RFC 8460).
    Tls,
    /// One message that failed (RFC 9991), without what it says about people.
    Failure,
}

impl ReportKind {
    pub(crate) const ALL: [Self; 3] = [Self::Dmarc, Self::Tls, Self::Failure];

    /// The word in data.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dmarc => "dmarc",
            Self::Tls => "tls",
            Self::Failure => "failure",
        }
    }
}

/// Who mailed in the shop's name over some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourcesView {
    /// The first day, in days since 1970-01-01 UTC; a report counts on the day in the middle of its period.
    pub first_day: i64,
    /// The last day: today.
    pub last_day: i64,
    /// DMARC reports whose period ends in these days.
    pub reports: u64,
    /// The streams in the order in which they were declared; then From domains of no stream, under an empty id.
    pub streams: Vec<StreamSources>,
    /// Who reported, with most messages first, at most 200.
    pub reporters: Vec<ReporterView>,
    /// Sessions of TLS reports.
    pub tls: TlsSessions,
    /// Whether there were more sources than are listed; the sums hold all of them.
    pub is_cut: bool,
}

/// The sources of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamSources {
    /// The id of the stream, or the domain while nobody declared streams; empty for From domains of no stream.
    pub stream: String,
    /// All messages.
    pub counts: Counts,
    /// By day, only days with messages, oldest first.
    pub days: Vec<DayCounts>,
    /// Its sources, most messages first, at most 500.
    pub sources: Vec<SourceView>,
    /// Compared with what our own relay sent; `None` when it never sent for this stream in these days.
    pub sent: Option<SentView>,
    /// The same by mailbox provider, most messages first; empty when nothing was sent.
    pub receivers: Vec<ReceiverView>,
}

/// A source of mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceView {
    /// What it is to the shop.
    pub category: Category,
    /// The service's id in the catalogue.
    pub sender: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// Whether the shop named this service itself.
    pub is_declared: bool,
    /// The neighbourhood (/24 of IPv4, /48 of IPv6) of a source without a name; not told for forwarders and misuse.
    pub network: Option<String>,
    /// All messages.
    pub counts: Counts,
    /// By day, only days with messages, oldest first.
    pub days: Vec<DayCounts>,
}

/// Messages of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DayCounts {
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// The messages.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What our own relay sent beside what receivers reported about our own mail.
///
/// Not every receiver reports, so `reported` is at most as large as `signed`; much smaller means that few receivers
/// report, larger means that somebody else sends with our keys or from our servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SentView {
    /// Messages that our relay signed and took on for these days.
    pub signed: u64,
    /// Messages of the stream that receivers ascribe to us, or to us by way of a forwarder.
    pub reported: u64,
    /// `signed` less `reported`.
    pub difference: i64,
    /// Messages of the stream that are not ours.
    pub others: u64,
}

/// What our own relay sent to a mailbox provider beside what that provider reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiverView {
    /// The provider, by one of its domains; `overig` for all that are not counted apart.
    pub receiver: String,
    /// Messages that our relay signed and took on.
    pub signed: u64,
    /// Messages of the stream that the provider ascribes to us; `None` when it sent no report.
    pub reported: Option<u64>,
}

/// Who reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReporterView {
    /// Its name as it wrote it.
    pub org: String,
    /// About which domain.
    pub domain: String,
    /// Reports.
    pub reports: u64,
    /// Messages in them.
    pub messages: u64,
    /// The end of its newest period, Unix seconds.
    pub last_s: i64,
}

/// Sessions in reports about TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSessions {
    /// Reports.
    pub reports: u64,
    /// Went well.
    pub successes: u64,
    /// Failed.
    pub failures: u64,
}

/// A report in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportView {
    /// Its id.
    pub id: JobId,
    /// What it is about.
    pub kind: ReportKind,
    /// Who reports, as it wrote its name.
    pub org: String,
    /// The domain.
    pub domain: String,
    /// The period, Unix seconds.
    pub begin_s: i64,
    /// The period, Unix seconds.
    pub end_s: i64,
    /// When it came in.
    pub received: TimeMs,
    /// Messages; sessions of a TLS report.
    pub messages: u64,
    /// More about it.
    #[serde(flatten)]
    pub head: ReportHead,
}

/// What else is known of a report without its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportHead {
    /// The reporter's mark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub report_id: String,
    /// How it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ReportSource>,
    /// The policy that the receiver found.
    #[serde(default)]
    pub policy: PublishedPolicy,
    /// Which generation.
    #[serde(default)]
    pub schema: Schema,
    /// The software that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// What is odd about it, each kind once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ProblemKind>,
    /// Rows.
    #[serde(default)]
    pub rows: u32,
    /// Messages that passed DMARC.
    #[serde(default)]
    pub passed: u64,
    /// Whether its rows were too many to keep, so that only the counts by source are there.
    #[serde(default)]
    pub is_folded: bool,
    /// Sessions of a TLS report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSessions>,
}

/// A report with everything that was kept of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportDetail {
    /// The report.
    #[serde(flatten)]
    pub view: ReportView,
    /// Its rows, most messages first, with who it was.
    pub lines: Vec<RowView>,
    /// A TLS report.
    pub tls_report: Option<TlsReport>,
    /// A failure report.
    pub failure: Option<FailureSummary>,
}

/// A row and who it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowView {
    /// The row.
    #[serde(flatten)]
    pub row: Row,
    /// The stream; empty for a From domain of none.
    pub stream: String,
    /// What the source is to the shop.
    pub category: Category,
    /// The service's id in the catalogue.
    pub sender: Option<&'static str>,
    /// The confirmed name of the server.
    pub ptr: Option<String>,
}

/// The rows of one stored DMARC report, as they were reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRows {
    /// Its id.
    pub id: JobId,
    /// Who reports.
    pub org: String,
    /// The domain whose policy was used.
    pub domain: String,
    /// The period, Unix seconds.
    pub begin_s: i64,
    /// The period, Unix seconds.
    pub end_s: i64,
    /// The policy that the receiver found.
    pub policy: PublishedPolicy,
    /// The rows.
    pub rows: Vec<Row>,
    /// Confirmed names of the servers, as far as they were looked up.
    pub names: HashMap<IpAddr, String>,
}

/// How much [`crate::App::mail_rows_since`] gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RowsRead {
    /// Reports.
    pub reports: u64,
    /// Rows.
    pub rows: u64,
    /// Reports whose rows were too many to keep: they are not among the rows.
    pub folded: u64,
}

/// Something that could not be read and waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineView {
    /// Its id.
    pub id: JobId,
    /// When it came in.
    pub at: TimeMs,
    /// How it came in.
    pub source: ReportSource,
    /// Why it cannot be read, in short, for programs.
    pub reason: String,
    /// Why it cannot be read, for people.
    #[serde(skip)]
    pub why: Text,
    /// Bytes.
    pub size: u64,
}

/// A source of mail over all its days, as it is counted together.
pub(crate) type SourceKey = (Category, Option<String>, Option<String>);

/// Counts by day while they are summed up.
pub(crate) type ByDay = BTreeMap<i64, Counts>;

/// The text of a network; kept as text, since nobody computes with it.
pub(crate) fn network_text(network: Option<Network>) -> String {
    network.map(|network| network.to_string()).unwrap_or_default()
}
