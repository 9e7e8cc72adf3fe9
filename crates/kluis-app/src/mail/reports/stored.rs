//! The row of a report: what is folded out of it, its seal, and how it is read back.

use core::net::IpAddr;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use kluis_crypto::{ShopKeys, sha256, sha256_parts};
use kluis_mail::catalogue;
use kluis_mail::report::{
    AggregateReport, Category, Counts, FailureSummary, Fold, Known, Row, Stream, TlsReport,
};
use kluis_model::{JobId, Random, ShopId, TimeMs};
use kluis_store::{MailReportRow, MailSourceRow};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::views::{ReportHead, ReportKind, ReportSource, TlsSessions, network_text};
use crate::mail::MailSettings;
use crate::{AppError, SHOP};

/// The name of the table in seals.
const TABLE: &str = "mail_report";
/// The label under which rows are sealed.
const ROWS: &str = "mail-report";
/// Bytes of rows as JSON that are kept of one report; of a larger one only the counts by source are.
pub(super) const ROWS_BYTES_MAX: usize = 8 << 20;
/// Bytes of rows that are kept in a day of reports that strangers sent; of later ones only the counts by source are.
pub(super) const STRANGERS_ROWS_DAY_MAX: u64 = 1 << 30;
/// Sources of one report that are counted apart; with more, the networks are left out.
const SOURCES_MAX: usize = 2_000;
/// Messages of one source of one report at most: anybody can send a report, and sums of sums must not overflow.
const MESSAGES_MAX: u64 = 1_000_000_000_000;

/// What is kept of a report beside its head.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Body {
    /// Rows, and confirmed names of their servers.
    Dmarc { rows: Vec<Row>, names: BTreeMap<IpAddr, String> },
    /// About TLS.
    Tls(Box<TlsReport>),
    /// A message that failed.
    Failure(FailureSummary),
}

/// A row ready to be written.
#[derive(Debug)]
pub(super) struct Draft {
    /// The row.
    pub(super) row: MailReportRow,
    /// Its sealed body.
    pub(super) sealed: Vec<u8>,
    /// Its sources.
    pub(super) sources: Vec<MailSourceRow>,
}

/// By what sources are named: the shop's streams and the catalogue of this program.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    known: Option<Known>,
    print: [u8; 16],
}

impl Naming {
    /// The naming of these settings.
    pub(super) fn of(settings: &MailSettings) -> Self {
        let known = settings.setup.as_ref().map(|setup| setup.known());
        Self { print: fingerprint(known.as_ref()), known }
    }

    /// A mark that changes when something may be named differently.
    pub(super) fn print(&self) -> [u8; 16] {
        self.print
    }

    /// What is known about the shop's mail; while nobody declared streams, each reported domain is one.
    pub(super) fn known(&self, domain: &str) -> Cow<'_, Known> {
        match &self.known {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(Known {
                streams: vec![Stream { id: domain.to_owned(), domain: domain.to_owned() }],
                ..Known::default()
            }),
        }
    }

    /// Ids of the declared streams in their order.
    pub(super) fn streams(&self) -> impl Iterator<Item = &str> {
        self.known.iter().flat_map(|known| &known.streams).map(|stream| stream.id.as_str())
    }

    /// Whether the shop named a service itself.
    pub(super) fn is_declared(&self, sender: &str) -> bool {
        self.known.as_ref().is_some_and(|known| known.services.iter().any(|id| id == sender))
    }
}

fn fingerprint(known: Option<&Known>) -> [u8; 16] {
    static CATALOGUE: LazyLock<[u8; 32]> = LazyLock::new(|| {
        let texts: Vec<String> = catalogue::all().iter().map(|sender| format!("{sender:?}")).collect();
        let parts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        sha256_parts(&parts)
    });
    let mut parts = vec![CATALOGUE.to_vec()];
    if let Some(known) = known {
        let streams = known.streams.iter().flat_map(|stream| [&stream.id, &stream.domain]);
        parts.extend(streams.map(|text| text.clone().into_bytes()));
        parts.extend(known.networks.iter().map(|network| network.to_string().into_bytes()));
        parts.extend(known.services.iter().map(|id| id.clone().into_bytes()));
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let mut print = [0; 16];
    print.copy_from_slice(&sha256_parts(&parts)[..16]);
    print
}

/// What every new row needs.
pub(super) struct Desk<'a> {
    /// The keys of the shop.
    pub(super) keys: &'a ShopKeys,
    /// By what sources are named.
    pub(super) naming: &'a Naming,
    /// The randomness.
    pub(super) random: &'a dyn Random,
    /// When it came in.
    pub(super) now: TimeMs,
    /// How it came in.
    pub(super) source: ReportSource,
    /// What strangers filled today, when it comes from one.
    pub(super) strangers: Option<&'a StrangersDay>,
}

/// A day and the bytes of rows that were kept of strangers' reports in it.
#[derive(Debug, Default)]
pub(crate) struct StrangersDay(Mutex<(i64, u64)>);

impl StrangersDay {
    /// Takes so many bytes, when there is room for them.
    pub(super) fn take(&self, bytes: usize, now: TimeMs) -> bool {
        let mut day = self.0.lock();
        if day.0 != now.day() {
            *day = (now.day(), 0);
        }
        let sum = day.1.saturating_add(bytes as u64);
        let is_room = sum <= STRANGERS_ROWS_DAY_MAX;
        if is_room {
            day.1 = sum;
        }
        is_room
    }
}

impl Desk<'_> {
    /// The row of a DMARC report.
    pub(super) fn dmarc(&self, report: AggregateReport) -> Result<Draft, AppError> {
        let key = report.key();
        let names = HashMap::new();
        let sources = sources_of(&report, &names, self.naming);
        let passed = sources.iter().fold(0, |sum, source| source.passed.saturating_add(sum));
        let mut problems = Vec::new();
        for problem in &report.problems {
            if !problems.contains(&problem.kind) {
                problems.push(problem.kind);
            }
        }
        let head = ReportHead {
            report_id: report.report_id,
            source: Some(self.source),
            policy: report.policy,
            schema: report.schema,
            generator: report.generator,
            problems,
            rows: u32::try_from(report.rows.len()).unwrap_or(u32::MAX),
            passed,
            is_folded: false,
            tls: None,
        };
        let messages = sources.iter().fold(0, |sum, source| source.messages.saturating_add(sum));
        let row = Blank {
            key: key_digest(ReportKind::Dmarc, &key),
            kind: ReportKind::Dmarc,
            org: report.org,
            domain: report.domain,
            begin_s: report.begin_s,
            end_s: report.end_s,
            messages,
        };
        self.draft(row, head, Body::Dmarc { rows: report.rows, names: BTreeMap::new() }, sources)
    }

    /// The row of a TLS report.
    pub(super) fn tls(&self, report: TlsReport) -> Result<Draft, AppError> {
        let key = report.key();
        let sum = |of: fn(&kluis_mail::report::TlsPolicy) -> u64| {
            report.policies.iter().map(of).fold(0, u64::saturating_add).min(MESSAGES_MAX)
        };
        let (successes, failures) = (sum(|policy| policy.successes), sum(|policy| policy.failures));
        let head = ReportHead {
            report_id: report.report_id.clone(),
            source: Some(self.source),
            tls: Some(TlsSessions { reports: 1, successes, failures }),
            ..ReportHead::default()
        };
        let row = Blank {
            key: key_digest(ReportKind::Tls, &key),
            kind: ReportKind::Tls,
            org: report.org.clone(),
            domain: key.domain,
            begin_s: report.begin_s,
            end_s: report.end_s,
            messages: successes.saturating_add(failures),
        };
        self.draft(row, head, Body::Tls(Box::new(report)), Vec::new())
    }

    /// The row of a failure report; `digest` is that of its bytes and `n` its place among them.
    pub(super) fn failure(
        &self,
        summary: FailureSummary,
        digest: &[u8; 32],
        n: u32,
    ) -> Result<Draft, AppError> {
        let moment = summary.reported_s.unwrap_or_else(|| self.now.0.div_euclid(1_000));
        let row = Blank {
            key: sha256_parts(&[ReportKind::Failure.word().as_bytes(), digest, &n.to_be_bytes()]),
            kind: ReportKind::Failure,
            org: String::new(),
            domain: summary.domain.clone().unwrap_or_default(),
            begin_s: moment,
            end_s: moment,
            messages: 1,
        };
        let head = ReportHead { source: Some(self.source), ..ReportHead::default() };
        self.draft(row, head, Body::Failure(summary), Vec::new())
    }

    fn draft(
        &self,
        blank: Blank,
        mut head: ReportHead,
        body: Body,
        sources: Vec<MailSourceRow>,
    ) -> Result<Draft, AppError> {
        let mut row = MailReportRow {
            shop: SHOP,
            id: JobId::generate(self.now, self.random),
            key: blank.key,
            kind: blank.kind.word().to_owned(),
            org: storable(blank.org),
            domain: storable(blank.domain),
            begin_s: blank.begin_s,
            end_s: blank.end_s,
            received: self.now,
            messages: blank.messages,
            classified: self.naming.print(),
            named: 0,
            head: String::new(),
            rows_hash: [0; 32],
            sources_hash: [0; 32],
            row_mac: [0; 32],
        };
        let mut json = Bounded(Vec::new());
        let is_kept = match serde_json::to_writer(&mut json, &body) {
            Ok(()) => self.strangers.is_none_or(|day| day.take(json.0.len(), self.now)),
            Err(error) if error.is_io() => false,
            Err(error) => return Err(AppError::internal(error)),
        };
        if !is_kept {
            head.is_folded = true;
            let empty = Body::Dmarc { rows: Vec::new(), names: BTreeMap::new() };
            json = Bounded(serde_json::to_vec(&empty).map_err(AppError::internal)?);
        }
        let json = json.0;
        if head.is_folded || blank.kind != ReportKind::Dmarc {
            // Nothing is left to look names up for.
            row.named = self.now.0.max(1);
        }
        row.head = serde_json::to_string(&head).map_err(AppError::internal)?;
        let sealed = self.keys.seal_note(ROWS, row.id.as_bytes(), &json, self.random);
        seal(self.keys, &mut row, &sealed, &sources);
        Ok(Draft { row, sealed, sources })
    }
}

/// At most [`ROWS_BYTES_MAX`] bytes; with more, writing fails before they are in memory.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > ROWS_BYTES_MAX {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What differs between kinds of reports.
struct Blank {
    key: [u8; 32],
    kind: ReportKind,
    org: String,
    domain: String,
    begin_s: i64,
    end_s: i64,
    messages: u64,
}

/// A text that every database takes: PostgreSQL has no zero characters.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

fn key_digest(kind: ReportKind, key: &kluis_mail::report::Key) -> [u8; 32] {
    sha256_parts(&[
        kind.word().as_bytes(),
        key.org.as_bytes(),
        key.report_id.as_bytes(),
        key.domain.as_bytes(),
        &key.begin_s.to_be_bytes(),
        &key.end_s.to_be_bytes(),
    ])
}

/// Counts a report by source.
pub(super) fn sources_of(
    report: &AggregateReport,
    names: &HashMap<IpAddr, String>,
    naming: &Naming,
) -> Vec<MailSourceRow> {
    let known = naming.known(&report.domain);
    let mut fold = Fold::new();
    fold.add(report, names, &known);
    let groups = fold.groups();
    let with_networks = groups.len() <= SOURCES_MAX;
    let mut counted: BTreeMap<(i64, String, &'static str, &'static str, String), Counts> = BTreeMap::new();
    let mut day = 0;
    for (key, counts) in groups {
        day = i64::from(key.day);
        let stream = key.stream.and_then(|at| known.streams.get(at)).map(|stream| stream.id.clone());
        let network = if with_networks { network_text(key.network) } else { String::new() };
        let key = (
            day,
            storable(stream.unwrap_or_default()),
            key.category.word(),
            key.sender.unwrap_or_default(),
            network,
        );
        *counted.entry(key).or_default() += counts;
    }
    if fold.rest().messages > 0 {
        let key = (day, String::new(), Category::Unknown.word(), "", String::new());
        *counted.entry(key).or_default() += fold.rest();
    }
    let row = |(n, ((day, stream, category, sender, network), counts)): (usize, (_, Counts))| MailSourceRow {
        n: u32::try_from(n).unwrap_or(u32::MAX),
        day,
        stream,
        category: str::to_owned(category),
        sender: str::to_owned(sender),
        network,
        messages: counts.messages.min(MESSAGES_MAX),
        passed: counts.passed.min(MESSAGES_MAX),
        dkim: counts.dkim.min(MESSAGES_MAX),
        spf: counts.spf.min(MESSAGES_MAX),
        quarantined: counts.quarantined.min(MESSAGES_MAX),
        rejected: counts.rejected.min(MESSAGES_MAX),
        overridden: counts.overridden.min(MESSAGES_MAX),
    };
    counted.into_iter().enumerate().map(row).collect()
}

/// Puts the seal on a row, its sealed body and its sources.
fn seal(keys: &ShopKeys, row: &mut MailReportRow, sealed: &[u8], sources: &[MailSourceRow]) {
    row.rows_hash = sha256(sealed);
    row.sources_hash = sources_digest(sources);
    row.row_mac = with_parts(row, |parts| keys.row_mac(TABLE, parts));
}

/// Whether nobody changed the row outside this program.
pub(crate) fn is_whole(keys: &ShopKeys, row: &MailReportRow) -> bool {
    with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac))
}

/// Whether nobody changed the row, its rows or its sources outside this program.
pub(crate) fn mail_report_agrees(
    keys: &ShopKeys,
    row: &MailReportRow,
    sealed: &[u8],
    sources: &[MailSourceRow],
) -> bool {
    is_whole(keys, row) && sha256(sealed) == row.rows_hash && sources_digest(sources) == row.sources_hash
}

/// Reads the head of a row whose seal agrees.
///
/// # Errors
/// `Integrity`.
pub(super) fn head(keys: &ShopKeys, row: &MailReportRow) -> Result<(ReportKind, ReportHead), AppError> {
    let broken = |column: &str| AppError::integrity(format!("{TABLE} {} {column}", row.id));
    if !is_whole(keys, row) {
        return Err(broken("row_mac"));
    }
    let kind = ReportKind::ALL.into_iter().find(|kind| kind.word() == row.kind);
    let head = serde_json::from_str(&row.head).map_err(|_| broken("head"))?;
    Ok((kind.ok_or_else(|| broken("kind"))?, head))
}

/// Reads the body of a row whose seal agrees.
///
/// # Errors
/// `Integrity`.
pub(super) fn body(keys: &ShopKeys, row: &MailReportRow, sealed: &[u8]) -> Result<Body, AppError> {
    let broken = || AppError::integrity(format!("{TABLE} {} rows", row.id));
    if !is_whole(keys, row) || sha256(sealed) != row.rows_hash {
        return Err(broken());
    }
    let json = keys.open_note(ROWS, row.id.as_bytes(), sealed).map_err(|_| broken())?;
    serde_json::from_slice(json.expose()).map_err(|_| broken())
}

/// Names the sources of a DMARC report anew, with the names of its servers.
pub(super) fn named_anew(
    desk: (&ShopKeys, &Naming, &dyn Random),
    old: &MailReportRow,
    rows: Vec<Row>,
    names: BTreeMap<IpAddr, String>,
    named: i64,
) -> Result<Draft, AppError> {
    let (keys, naming, random) = desk;
    let lookup: HashMap<IpAddr, String> = names.iter().map(|(ip, name)| (*ip, name.clone())).collect();
    let report = AggregateReport {
        domain: old.domain.clone(),
        begin_s: old.begin_s,
        end_s: old.end_s,
        rows,
        ..AggregateReport::default()
    };
    let sources = sources_of(&report, &lookup, naming);
    let body = Body::Dmarc { rows: report.rows, names };
    let json = serde_json::to_vec(&body).map_err(AppError::internal)?;
    let sealed = keys.seal_note(ROWS, old.id.as_bytes(), &json, random);
    let mut row = MailReportRow { classified: naming.print(), named, ..old.clone() };
    seal(keys, &mut row, &sealed, &sources);
    Ok(Draft { row, sealed, sources })
}

/// A row whose sources stay as they are, marked as named by this naming.
pub(super) fn marked(
    keys: &ShopKeys,
    naming: &Naming,
    old: &MailReportRow,
    sealed: &[u8],
    sources: Vec<MailSourceRow>,
) -> Draft {
    let mut row = MailReportRow { classified: naming.print(), ..old.clone() };
    seal(keys, &mut row, sealed, &sources);
    Draft { row, sealed: sealed.to_vec(), sources }
}

fn sources_digest(sources: &[MailSourceRow]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(sources.len() * 128);
    for source in sources {
        bytes.extend_from_slice(&source.n.to_be_bytes());
        bytes.extend_from_slice(&source.day.to_be_bytes());
        for text in [&source.stream, &source.category, &source.sender, &source.network] {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        let counts = [
            source.messages,
            source.passed,
            source.dkim,
            source.spf,
            source.quarantined,
            source.rejected,
            source.overridden,
        ];
        counts.iter().for_each(|count| bytes.extend_from_slice(&count.to_be_bytes()));
    }
    sha256(&bytes)
}

fn with_parts<T>(row: &MailReportRow, take: impl FnOnce(&[&[u8]]) -> T) -> T {
    let ShopId(shop) = row.shop;
    take(&[
        &shop.to_be_bytes(),
        row.id.as_bytes(),
        &row.key,
        row.kind.as_bytes(),
        row.org.as_bytes(),
        row.domain.as_bytes(),
        &row.begin_s.to_be_bytes(),
        &row.end_s.to_be_bytes(),
        &row.received.0.to_be_bytes(),
        &row.messages.to_be_bytes(),
        &row.classified,
        &row.named.to_be_bytes(),
        row.head.as_bytes(),
        &row.rows_hash,
        &row.sources_hash,
    ])
}
