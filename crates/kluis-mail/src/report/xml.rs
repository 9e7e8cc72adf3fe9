//! Reads aggregate reports tolerantly: any namespace, case and order, missing ends, wrong bytes; what is whole counts.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Refusal;
use super::aggregate::{
    AggregateReport, AuthResult, Discovery, Disposition, DkimAuth, Evaluated, Problem, ProblemKind, Reason,
    ReasonKind, Row, Schema, SpfAuth, SpfScope,
};
use super::text::{self, Decoded};
use crate::dmarc::{Alignment, Policy};

/// Rows that are kept of one report.
const ROWS_MAX: usize = 200_000;
/// Problems that are told of one report.
const PROBLEMS_MAX: usize = 100;
/// Problems of one kind that are told.
const SAME_PROBLEMS_MAX: u8 = 5;
/// Elements inside each other.
const DEPTH_MAX: usize = 64;
/// Signatures, checks and reasons that are kept of one row.
const LIST_MAX: usize = 20;
/// Bytes of a value that are looked at.
const VALUE_BYTES_MAX: usize = 1_024;
/// Times that reading goes on behind something that is not XML.
const RESTARTS_MAX: usize = 16;

/// Reads an aggregate report.
///
/// # Errors
/// When it holds no report at all, or declares entities.
pub fn read(bytes: &[u8]) -> Result<AggregateReport, Refusal> {
    let mut rows = Vec::new();
    let mut report = read_with(bytes, &mut |row| rows.push(row))?;
    report.rows = rows;
    Ok(report)
}

/// Reads an aggregate report and hands its rows over one by one; the report that is returned has none.
///
/// # Errors
/// When it holds no report at all, or declares entities.
pub fn read_with(bytes: &[u8], on_row: &mut dyn FnMut(Row)) -> Result<AggregateReport, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Empty);
    }
    let (text, decoded) = text::decode_xml(bytes);
    let mut reading = Reading::new(on_row);
    if decoded == Decoded::Replaced {
        reading.problem(ProblemKind::Encoding, text.find('\u{fffd}').unwrap_or(0));
    }
    reading.document(&text)?;
    reading.finish(text.len())
}

/// Elements that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Feedback,
    Metadata,
    DateRange,
    Published,
    Record,
    Row,
    PolicyEvaluated,
    Reason,
    Identifiers,
    AuthResults,
    Dkim,
    Spf,
    Version,
    OrgName,
    Email,
    ReportId,
    Begin,
    End,
    Generator,
    Domain,
    Adkim,
    Aspf,
    P,
    Sp,
    Np,
    Pct,
    Fo,
    Testing,
    DiscoveryMethod,
    SourceIp,
    Count,
    Disposition,
    Type,
    Comment,
    HeaderFrom,
    EnvelopeFrom,
    EnvelopeTo,
    Selector,
    Result,
    Scope,
    Unknown,
}

impl Tag {
    /// By the name behind a prefix, in any case, `-` like `_`.
    fn read(name: &str) -> Self {
        let local = name.rsplit(':').next().unwrap_or(name).as_bytes();
        let mut buffer = [0_u8; 20];
        if local.len() > buffer.len() {
            return Self::Unknown;
        }
        for (to, from) in buffer.iter_mut().zip(local) {
            *to = if *from == b'-' { b'_' } else { from.to_ascii_lowercase() };
        }
        match &buffer[..local.len()] {
            b"feedback" => Self::Feedback,
            b"report_metadata" => Self::Metadata,
            b"date_range" => Self::DateRange,
            b"policy_published" => Self::Published,
            b"record" => Self::Record,
            b"row" => Self::Row,
            b"policy_evaluated" => Self::PolicyEvaluated,
            b"reason" => Self::Reason,
            b"identifiers" | b"identities" => Self::Identifiers,
            b"auth_results" => Self::AuthResults,
            b"dkim" => Self::Dkim,
            b"spf" => Self::Spf,
            b"version" => Self::Version,
            b"org_name" => Self::OrgName,
            b"email" => Self::Email,
            b"report_id" => Self::ReportId,
            b"begin" => Self::Begin,
            b"end" => Self::End,
            b"generator" => Self::Generator,
            b"domain" => Self::Domain,
            b"adkim" => Self::Adkim,
            b"aspf" => Self::Aspf,
            b"p" => Self::P,
            b"sp" => Self::Sp,
            b"np" => Self::Np,
            b"pct" => Self::Pct,
            b"fo" => Self::Fo,
            b"testing" => Self::Testing,
            b"discovery_method" => Self::DiscoveryMethod,
            b"source_ip" => Self::SourceIp,
            b"count" => Self::Count,
            b"disposition" => Self::Disposition,
            b"type" => Self::Type,
            b"comment" => Self::Comment,
            b"header_from" => Self::HeaderFrom,
            b"envelope_from" => Self::EnvelopeFrom,
            b"envelope_to" => Self::EnvelopeTo,
            b"selector" => Self::Selector,
            b"result" => Self::Result,
            b"scope" => Self::Scope,
            _ => Self::Unknown,
        }
    }

    fn is_container(self) -> bool {
        matches!(
            self,
            Self::Feedback
                | Self::Metadata
                | Self::DateRange
                | Self::Published
                | Self::Record
                | Self::Row
                | Self::PolicyEvaluated
                | Self::Reason
                | Self::Identifiers
                | Self::AuthResults
        )
    }
}

/// A row while it is read.
#[derive(Debug, Default)]
struct Draft {
    source: Option<core::net::IpAddr>,
    count: Option<u64>,
    disposition: Disposition,
    dkim: Evaluated,
    spf: Evaluated,
    reasons: Vec<Reason>,
    reason: Option<Reason>,
    header_from: String,
    envelope_from: Option<String>,
    envelope_to: Option<String>,
    dkim_auth: Vec<DkimAuth>,
    spf_auth: Vec<SpfAuth>,
}

/// Where reading is.
struct Reading<'a> {
    report: AggregateReport,
    on_row: &'a mut dyn FnMut(Row),
    rows: usize,
    told: [u8; 32],
    stack: Vec<Tag>,
    draft: Option<Draft>,
    value: String,
    contact: String,
    is_report: bool,
    is_closed: bool,
    is_stopped: bool,
}

impl<'a> Reading<'a> {
    fn new(on_row: &'a mut dyn FnMut(Row)) -> Self {
        Self {
            report: AggregateReport::default(),
            on_row,
            rows: 0,
            told: [0; 32],
            stack: Vec::with_capacity(16),
            draft: None,
            value: String::new(),
            contact: String::new(),
            is_report: false,
            is_closed: false,
            is_stopped: false,
        }
    }

    fn problem(&mut self, kind: ProblemKind, at: usize) {
        let Some(told) = self.told.get_mut(kind as usize) else { return };
        if *told < SAME_PROBLEMS_MAX && self.report.problems.len() < PROBLEMS_MAX {
            *told += 1;
            self.report.problems.push(Problem { kind, at });
        }
    }

    /// Reads all events; behind something that is not XML it goes on a few times.
    fn document(&mut self, text: &str) -> Result<(), Refusal> {
        let mut from = 0;
        for _ in 0..=RESTARTS_MAX {
            match self.events(text, from)? {
                Some(failed_at) => {
                    let step = text[failed_at..].chars().next().map_or(1, char::len_utf8);
                    from = failed_at + step;
                    if from >= text.len() {
                        break;
                    }
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Reads events from a byte on; gives the byte of a mark that is not XML.
    fn events(&mut self, text: &str, from: usize) -> Result<Option<usize>, Refusal> {
        let mut reader = Reader::from_str(&text[from..]);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        loop {
            let at = from + usize::try_from(reader.buffer_position()).unwrap_or(0);
            match reader.read_event() {
                Ok(Event::Start(tag)) => self.tag(&tag, at, tag.name().as_ref(), tag.attributes_raw()),
                Ok(Event::Empty(tag)) => {
                    let tag_name = Tag::read(tag.name().as_ref());
                    self.start(tag_name, at, tag.attributes_raw());
                    self.end(tag_name, at);
                }
                Ok(Event::End(tag)) => self.end(Tag::read(tag.name().as_ref()), at),
                Ok(Event::Text(text)) => self.text(&text.into_inner(), at),
                Ok(Event::CData(text)) => self.text(&text.into_inner(), at),
                Ok(Event::GeneralRef(name)) => self.entity(&name.into_inner(), at),
                Ok(Event::DocType(content)) => {
                    let content = content.into_inner();
                    if memchr::memmem::find(content.to_ascii_uppercase().as_bytes(), b"<!ENTITY").is_some() {
                        return Err(Refusal::Entities);
                    }
                    self.problem(ProblemKind::DocumentType, at);
                }
                Ok(Event::Eof) => return Ok(None),
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
                Err(_) => {
                    let failed = from + usize::try_from(reader.error_position()).unwrap_or(0);
                    let failed = failed.clamp(from, text.len().saturating_sub(1));
                    let failed =
                        (failed..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
                    let rest = &text[failed..];
                    if rest.get(..8).is_some_and(|mark| mark.eq_ignore_ascii_case("<!ENTITY")) {
                        return Err(Refusal::Entities);
                    }
                    if !rest.contains('>') {
                        return Ok(None);
                    }
                    self.problem(ProblemKind::Syntax, failed);
                    return Ok(Some(failed));
                }
            }
            if self.is_stopped {
                return Ok(None);
            }
        }
    }

    /// An opening tag. A `<` inside says that the first one was text: `bad<xml.example</header_from>`.
    fn tag(&mut self, whole: &str, at: usize, name: &str, attributes: &str) {
        let Some(inner) = whole.rfind('<') else {
            self.start(Tag::read(name), at, attributes);
            return;
        };
        if attributes.contains(['"', '\'']) && !name.contains('<') {
            self.start(Tag::read(name), at, attributes);
            return;
        }
        self.problem(ProblemKind::Syntax, at);
        self.text("<", at);
        self.text(&whole[..inner], at);
        let rest = &whole[inner + 1..];
        let name = |text: &str| Tag::read(text.split_ascii_whitespace().next().unwrap_or_default());
        match rest.strip_prefix('/') {
            Some(end) => self.end(name(end), at),
            None => self.start(name(rest), at, ""),
        }
    }

    fn start(&mut self, tag: Tag, at: usize, attributes: &str) {
        // A value whose end is missing counts when the next element begins.
        self.settle(at);
        if self.stack.len() >= DEPTH_MAX {
            self.problem(ProblemKind::TooDeep, at);
            self.is_stopped = true;
            return;
        }
        match tag {
            Tag::Feedback if self.is_closed => {
                self.problem(ProblemKind::SecondReport, at);
                self.is_stopped = true;
                return;
            }
            Tag::Feedback => {
                self.is_report = true;
                if attributes.contains("dmarc-2.0") {
                    self.report.schema = Schema::Rfc9990;
                }
            }
            Tag::Metadata => self.is_report = true,
            Tag::Record => {
                self.is_report = true;
                if self.draft.is_some() {
                    self.problem(ProblemKind::Nesting, at);
                    self.record(at);
                    while self.stack.last().is_some_and(|tag| *tag != Tag::Feedback) {
                        self.stack.pop();
                    }
                }
                self.draft = Some(Draft::default());
            }
            Tag::Reason => {
                if let Some(draft) = &mut self.draft {
                    draft.keep_reason();
                }
            }
            Tag::Dkim if self.is_inside(Tag::AuthResults) => self.add_auth(at, true),
            Tag::Spf if self.is_inside(Tag::AuthResults) => self.add_auth(at, false),
            _ => {}
        }
        self.stack.push(tag);
    }

    fn add_auth(&mut self, at: usize, is_dkim: bool) {
        let Some(draft) = &mut self.draft else { return };
        let is_full = if is_dkim { draft.dkim_auth.len() } else { draft.spf_auth.len() } >= LIST_MAX;
        if is_full {
            self.problem(ProblemKind::TooMany, at);
        } else if is_dkim {
            draft.dkim_auth.push(DkimAuth::default());
        } else {
            draft.spf_auth.push(SpfAuth::default());
        }
    }

    fn is_inside(&self, tag: Tag) -> bool {
        self.stack.contains(&tag)
    }

    fn end(&mut self, tag: Tag, at: usize) {
        self.settle(at);
        let Some(depth) = self.stack.iter().rposition(|open| *open == tag) else {
            self.problem(ProblemKind::Nesting, at);
            return;
        };
        if depth + 1 != self.stack.len() {
            self.problem(ProblemKind::Nesting, at);
        }
        self.stack.truncate(depth);
        match tag {
            Tag::Record => self.record(at),
            Tag::Feedback => self.is_closed = true,
            _ => {}
        }
    }

    fn text(&mut self, text: &str, at: usize) {
        if self.value.is_empty() {
            let text = text.trim_start();
            if text.is_empty() {
                return;
            }
            let is_stray = self.is_report
                && !self.is_closed
                && self.stack.last().is_some_and(|tag| tag.is_container() || self.is_auth(*tag));
            if is_stray {
                self.problem(ProblemKind::StrayText, at);
            }
        }
        let room = VALUE_BYTES_MAX.saturating_sub(self.value.len());
        self.value.push_str(text::cut(text, room));
    }

    /// Whether it is a `dkim` or `spf` with elements of its own.
    fn is_auth(&self, tag: Tag) -> bool {
        matches!(tag, Tag::Dkim | Tag::Spf) && self.is_inside(Tag::AuthResults)
    }

    /// `&amp;` and its like; entities of a document type do not exist here.
    fn entity(&mut self, name: &str, at: usize) {
        let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        });
        let mut buffer = [0; 4];
        let known = match name {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "apos" => "'",
            _ => number.and_then(char::from_u32).map_or("", |c| &*c.encode_utf8(&mut buffer)),
        };
        if known.is_empty() {
            self.problem(ProblemKind::UnknownEntity, at);
            let written = format!("&{};", text::cut(name, 64));
            self.text(&written, at);
        } else {
            self.text(known, at);
        }
    }

    /// Gives the value that was read to the innermost element.
    fn settle(&mut self, at: usize) {
        if self.value.is_empty() {
            return;
        }
        let value = std::mem::take(&mut self.value);
        if let Some(tag) = self.stack.last().copied() {
            self.assign(tag, value.trim_end(), at);
        }
        self.value = value;
        self.value.clear();
    }

    fn assign(&mut self, tag: Tag, value: &str, at: usize) {
        if value.is_empty() {
            return;
        }
        match tag {
            Tag::Version => self.report.version = Some(text::note(value, 32)),
            Tag::OrgName => self.report.org = text::note(value, 200),
            Tag::Email => self.contact = text::domain(value),
            Tag::ReportId => text::cut(value, 255).clone_into(&mut self.report.report_id),
            Tag::Generator => {
                self.report.schema = Schema::Rfc9990;
                self.report.generator = Some(text::note(value, 100));
            }
            Tag::Begin | Tag::End => match text::moment(value) {
                Some(moment) if tag == Tag::Begin => self.report.begin_s = moment,
                Some(moment) => self.report.end_s = moment,
                None => self.problem(ProblemKind::BadDate, at),
            },
            _ if self.draft.is_some() => self.assign_row(tag, value, at),
            _ => self.assign_policy(tag, value, at),
        }
    }

    fn assign_policy(&mut self, tag: Tag, value: &str, at: usize) {
        let policy = &mut self.report.policy;
        let mut is_known = true;
        match tag {
            Tag::Domain if self.report.domain.is_empty() => self.report.domain = text::domain(value),
            Tag::P => (policy.policy, is_known) = known(read_policy(value)),
            Tag::Sp => (policy.subdomains, is_known) = known(read_policy(value)),
            Tag::Np => {
                self.report.schema = Schema::Rfc9990;
                (policy.nonexistent, is_known) = known(read_policy(value));
            }
            Tag::Adkim => (policy.dkim, is_known) = known(read_alignment(value)),
            Tag::Aspf => (policy.spf, is_known) = known(read_alignment(value)),
            Tag::Pct => {
                (policy.percent, is_known) =
                    known(value.parse::<u8>().ok().filter(|percent| *percent <= 100));
            }
            Tag::Fo => policy.failure_options = Some(text::note(value, 32)),
            Tag::Testing => {
                self.report.schema = Schema::Rfc9990;
                policy.is_test = Some(value.eq_ignore_ascii_case("y"));
            }
            Tag::DiscoveryMethod => {
                self.report.schema = Schema::Rfc9990;
                (policy.discovery, is_known) = known(match value.to_ascii_lowercase().as_str() {
                    "psl" => Some(Discovery::SuffixList),
                    "treewalk" => Some(Discovery::TreeWalk),
                    _ => None,
                });
            }
            _ => {}
        }
        if !is_known {
            self.problem(ProblemKind::UnknownWord, at);
        }
    }

    fn assign_row(&mut self, tag: Tag, value: &str, at: usize) {
        let is_auth = self.is_inside(Tag::AuthResults);
        let is_signature =
            self.stack.iter().rev().find(|tag| matches!(tag, Tag::Dkim | Tag::Spf)) == Some(&Tag::Dkim);
        let is_reason = self.is_inside(Tag::Reason);
        let Some(draft) = &mut self.draft else { return };
        let mut problem = None;
        match tag {
            Tag::SourceIp => draft.source = text::address(value),
            Tag::Count => draft.count = value.parse().ok(),
            Tag::Disposition => (draft.disposition, problem) = read_disposition(value),
            Tag::Dkim if !is_auth => (draft.dkim, problem) = read_evaluated(value),
            Tag::Spf if !is_auth => (draft.spf, problem) = read_evaluated(value),
            Tag::Type if is_reason => draft.reason_mut().kind = read_reason(value),
            Tag::Comment if is_reason => draft.reason_mut().comment = text::note(value, 200),
            Tag::HeaderFrom => draft.header_from = text::domain(value),
            Tag::EnvelopeFrom => draft.envelope_from = Some(text::domain(value)),
            Tag::EnvelopeTo => draft.envelope_to = Some(text::domain(value)),
            _ if is_auth && is_signature => problem = draft.assign_dkim(tag, value),
            _ if is_auth => problem = draft.assign_spf(tag, value),
            _ => {}
        }
        if let Some(kind) = problem {
            self.problem(kind, at);
        }
    }

    /// A record is whole: it becomes a row, or a problem.
    fn record(&mut self, at: usize) {
        let Some(mut draft) = self.draft.take() else { return };
        draft.keep_reason();
        draft.dkim_auth.retain(|auth| *auth != DkimAuth::default());
        draft.spf_auth.retain(|auth| *auth != SpfAuth::default());
        let Some(source) = draft.source else { return self.problem(ProblemKind::BadAddress, at) };
        let Some(count) = draft.count else { return self.problem(ProblemKind::BadCount, at) };
        if draft.header_from.is_empty() {
            self.problem(ProblemKind::NoFrom, at);
        }
        if self.rows >= ROWS_MAX {
            return self.problem(ProblemKind::TooMany, at);
        }
        self.rows += 1;
        (self.on_row)(Row {
            source,
            count,
            disposition: draft.disposition,
            dkim: draft.dkim,
            spf: draft.spf,
            reasons: draft.reasons,
            header_from: draft.header_from,
            envelope_from: draft.envelope_from,
            envelope_to: draft.envelope_to,
            dkim_auth: draft.dkim_auth,
            spf_auth: draft.spf_auth,
        });
    }

    fn finish(mut self, end: usize) -> Result<AggregateReport, Refusal> {
        if !self.is_report {
            return Err(Refusal::NotAReport);
        }
        if !self.is_closed && !self.is_stopped {
            self.problem(ProblemKind::Truncated, end);
        } else if !self.stack.is_empty() && !self.is_stopped {
            self.problem(ProblemKind::Nesting, end);
        }
        if self.report.org.is_empty() {
            self.problem(ProblemKind::NoOrganization, 0);
            self.report.org = std::mem::take(&mut self.contact);
        }
        Ok(self.checked())
    }

    fn checked(mut self) -> AggregateReport {
        if self.report.report_id.is_empty() {
            self.problem(ProblemKind::NoReportId, 0);
        }
        if self.report.domain.is_empty() {
            self.problem(ProblemKind::NoDomain, 0);
        }
        if self.report.begin_s <= 0 || self.report.end_s < self.report.begin_s {
            self.problem(ProblemKind::BadDate, 0);
        }
        self.report
    }
}

impl Draft {
    fn reason_mut(&mut self) -> &mut Reason {
        self.reason.get_or_insert_with(|| Reason { kind: ReasonKind::Other, comment: String::new() })
    }

    /// Keeps a reason that says something.
    fn keep_reason(&mut self) {
        if let Some(reason) = self.reason.take()
            && self.reasons.len() < LIST_MAX
        {
            self.reasons.push(reason);
        }
    }

    fn assign_dkim(&mut self, tag: Tag, value: &str) -> Option<ProblemKind> {
        let auth = self.dkim_auth.last_mut()?;
        match tag {
            Tag::Domain => auth.domain = text::domain(value),
            Tag::Selector => auth.selector = Some(text::domain(value)),
            Tag::Result => {
                let (result, problem) = read_result(value);
                auth.result = result;
                return problem;
            }
            _ => {}
        }
        None
    }

    fn assign_spf(&mut self, tag: Tag, value: &str) -> Option<ProblemKind> {
        let auth = self.spf_auth.last_mut()?;
        match tag {
            Tag::Domain => auth.domain = text::domain(value),
            Tag::Scope if value.eq_ignore_ascii_case("helo") => auth.scope = SpfScope::Helo,
            Tag::Result => {
                let (result, problem) = read_result(value);
                auth.result = result;
                return problem;
            }
            _ => {}
        }
        None
    }
}

/// The value, and whether it is known.
fn known<T>(value: Option<T>) -> (Option<T>, bool) {
    let is_known = value.is_some();
    (value, is_known)
}

fn read_policy(word: &str) -> Option<Policy> {
    [Policy::None, Policy::Quarantine, Policy::Reject]
        .into_iter()
        .find(|policy| word.eq_ignore_ascii_case(policy.word()))
}

fn read_alignment(word: &str) -> Option<Alignment> {
    match word.as_bytes().first()? {
        b'r' | b'R' => Some(Alignment::Relaxed),
        b's' | b'S' => Some(Alignment::Strict),
        _ => None,
    }
}

/// A word from a list in any case; another case and an unknown word are problems.
fn word<T: Copy + Default>(value: &str, words: &[(&str, T)]) -> (T, Option<ProblemKind>) {
    match words.iter().find(|(word, _)| value.eq_ignore_ascii_case(word)) {
        Some((word, meaning)) if *word == value => (*meaning, None),
        Some((_, meaning)) => (*meaning, Some(ProblemKind::Case)),
        None => (T::default(), Some(ProblemKind::UnknownWord)),
    }
}

fn read_disposition(value: &str) -> (Disposition, Option<ProblemKind>) {
    word(
        value,
        &[
            ("none", Disposition::None),
            ("reject", Disposition::Reject),
            ("quarantine", Disposition::Quarantine),
            ("pass", Disposition::Pass),
        ],
    )
}

fn read_evaluated(value: &str) -> (Evaluated, Option<ProblemKind>) {
    word(value, &[("pass", Evaluated::Pass), ("fail", Evaluated::Fail)])
}

/// Results of DKIM and SPF, with words that old software writes.
fn read_result(value: &str) -> (AuthResult, Option<ProblemKind>) {
    word(
        value,
        &[
            ("pass", AuthResult::Pass),
            ("fail", AuthResult::Fail),
            ("none", AuthResult::None),
            ("softfail", AuthResult::SoftFail),
            ("neutral", AuthResult::Neutral),
            ("temperror", AuthResult::TempError),
            ("permerror", AuthResult::PermError),
            ("policy", AuthResult::Policy),
            ("hardfail", AuthResult::Fail),
            ("invalid", AuthResult::PermError),
            ("error", AuthResult::TempError),
            ("unknown", AuthResult::Unknown),
        ],
    )
}

fn read_reason(value: &str) -> ReasonKind {
    match value.to_ascii_lowercase().as_str() {
        "forwarded" => ReasonKind::Forwarded,
        "sampled_out" => ReasonKind::SampledOut,
        "trusted_forwarder" => ReasonKind::TrustedForwarder,
        "mailing_list" => ReasonKind::MailingList,
        "local_policy" => ReasonKind::LocalPolicy,
        "policy_test_mode" => ReasonKind::TestMode,
        _ => ReasonKind::Other,
    }
}
