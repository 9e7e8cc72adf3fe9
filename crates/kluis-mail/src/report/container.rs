//! Opens what reports come in, by content and not by name: mail, mailbox, zip, gzip; every cost is limited.

use std::io::{self, BufRead, Read as _};

use super::zip::Unpacked;
use super::{
    Content, Failures, FileName, Found, Limits, Opened, ProblemKind, Refusal, failure, mime, text, tls, xml,
    zip,
};
use crate::report::aggregate::{AggregateReport, Problem};

/// Multipart mails inside each other.
const MIME_DEPTH_MAX: u8 = 10;
/// Unpacked bytes that are allowed however small the packed ones are.
const UNPACKED_BYTES_FREE: usize = 1 << 20;

/// Opens bytes and hands over the reports inside, one at a time.
///
/// `name_hint` is a file name, to show and for what the report itself leaves out; the content decides what it is.
pub fn open(name_hint: &str, bytes: &[u8], limits: &Limits, on_found: &mut dyn FnMut(Found)) -> Opened {
    let mut opener = Opener::new(limits, on_found);
    opener.item(&Item {
        name: &text::file_name(name_hint),
        bytes,
        depth: 0,
        is_damaged: false,
        is_wanted: true,
    });
    opener.opened
}

/// Like [`open`] from a stream. A mailbox is read mail by mail, so that its size does not matter.
///
/// # Errors
/// When the stream cannot be read.
pub fn open_stream(
    name_hint: &str,
    stream: &mut dyn BufRead,
    limits: &Limits,
    on_found: &mut dyn FnMut(Found),
) -> io::Result<Opened> {
    let name = text::file_name(name_hint);
    let mut opener = Opener::new(limits, on_found);
    if stream.fill_buf()?.starts_with(b"From ") {
        opener.mailbox_stream(&name, stream)?;
        return Ok(opener.opened);
    }
    // A mail carries its report in base64: four bytes for three.
    let bytes_max = limits.report_bytes_max.saturating_mul(2);
    let mut bytes = Vec::new();
    (&mut *stream)
        .take(u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        opener.refuse(&name, Refusal::TooLarge);
    } else {
        opener.item(&Item { name: &name, bytes: &bytes, depth: 0, is_damaged: false, is_wanted: true });
    }
    Ok(opener.opened)
}

/// Where the mails of a mailbox stand, each with its `From ` line; anything else is one piece as a whole.
#[must_use]
pub fn mails(bytes: &[u8]) -> Vec<core::ops::Range<usize>> {
    let is_mailbox = sniff(bytes) == Kind::Mailbox;
    let mut mails = Vec::new();
    let mut start = if is_mailbox { bytes.len() - bytes.trim_ascii_start().len() } else { 0 };
    let lines = memchr::memmem::find_iter(bytes, b"\nFrom ").map(|at| at + 1);
    for at in lines.take_while(|_| is_mailbox) {
        let before = &bytes[start..at];
        if (before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n")) && is_from_line(&bytes[at..]) {
            mails.push(start..at);
            start = at;
        }
    }
    mails.push(start..bytes.len());
    mails
}

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Gzip,
    Zip,
    Xml,
    Json,
    Mailbox,
    Mail,
    Unknown,
}

fn sniff(bytes: &[u8]) -> Kind {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = start.trim_ascii_start();
    match start {
        [] => Kind::Empty,
        [0x1f, 0x8b, ..] => Kind::Gzip,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'<', ..] | [b'<', ..] => Kind::Xml,
        [b'{', ..] | [b'[', ..] => Kind::Json,
        _ if start.starts_with(b"From ") => Kind::Mailbox,
        _ if is_mail(start) => Kind::Mail,
        _ if has_xml(start) => Kind::Xml,
        _ => Kind::Unknown,
    }
}

/// Whether it begins with a header field (RFC 5322 §2.2).
fn is_mail(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(100)];
    let Some(colon) = memchr::memchr(b':', head) else { return false };
    colon > 0 && head[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether XML of a report begins not far behind the start.
fn has_xml(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4_096)];
    memchr::memmem::find(head, b"<?xml").is_some() || memchr::memmem::find(head, b"<feedback").is_some()
}

/// Bytes with a name, somewhere inside.
struct Item<'a> {
    name: &'a str,
    bytes: &'a [u8],
    depth: u8,
    is_damaged: bool,
    /// Whether it must be a report, so that it is told when it is not; else it is one attachment of several.
    is_wanted: bool,
}

struct Opener<'a> {
    limits: &'a Limits,
    on_found: &'a mut dyn FnMut(Found),
    opened: Opened,
    unpacked_bytes: usize,
    entries: u32,
    is_full: bool,
}

impl<'a> Opener<'a> {
    fn new(limits: &'a Limits, on_found: &'a mut dyn FnMut(Found)) -> Self {
        Self { limits, on_found, opened: Opened::default(), unpacked_bytes: 0, entries: 0, is_full: false }
    }

    fn refuse(&mut self, name: &str, refusal: Refusal) {
        self.opened.refused += 1;
        (self.on_found)(Found { name: name.to_owned(), content: Err(refusal) });
    }

    fn give(&mut self, name: &str, content: Content) {
        self.opened.reports += 1;
        (self.on_found)(Found { name: name.to_owned(), content: Ok(content) });
    }

    fn found(&self) -> u32 {
        self.opened.reports + self.opened.refused
    }

    /// Counts one more part or entry; the first that is too many is told, and no more is opened.
    fn is_room(&mut self, name: &str) -> bool {
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.limits.entries_max && !self.is_full {
            self.is_full = true;
            self.refuse(name, Refusal::TooMany);
        }
        !self.is_full
    }

    fn item(&mut self, item: &Item<'_>) {
        let kind = sniff(item.bytes);
        let is_container = matches!(kind, Kind::Gzip | Kind::Zip | Kind::Mail | Kind::Mailbox);
        if is_container && item.depth >= self.limits.depth_max {
            return self.refuse(item.name, Refusal::TooDeep);
        }
        match kind {
            Kind::Empty => self.unwanted(item, Refusal::Empty),
            Kind::Unknown => self.unwanted(item, Refusal::UnknownKind),
            Kind::Gzip => self.gzip(item),
            Kind::Zip => self.zip(item),
            Kind::Mailbox => self.mailbox(item),
            // Text that looks like a mail is one only where a mail can stand: not as an attachment of its own.
            Kind::Mail if item.is_wanted => self.mail(item),
            Kind::Mail => {}
            Kind::Xml | Kind::Json => self.report(item, kind),
        }
    }

    fn unwanted(&mut self, item: &Item<'_>, refusal: Refusal) {
        if item.is_wanted {
            self.refuse(item.name, refusal);
        }
    }

    fn report(&mut self, item: &Item<'_>, kind: Kind) {
        if item.bytes.len() > self.limits.report_bytes_max {
            return self.refuse(item.name, Refusal::TooLarge);
        }
        let content = if kind == Kind::Json {
            tls::read(item.bytes).map(|report| Content::Tls(Box::new(report)))
        } else {
            xml::read(item.bytes).map(|report| Content::Aggregate(Box::new(completed(report, item))))
        };
        match content {
            Ok(content) => self.give(item.name, content),
            Err(refusal @ (Refusal::NotAReport | Refusal::Json { .. })) => self.unwanted(item, refusal),
            Err(refusal) => self.refuse(item.name, refusal),
        }
    }

    /// How many bytes something may unpack to, and why not more.
    fn allowed(&self, packed_bytes: usize) -> (usize, Refusal) {
        let by_ratio = packed_bytes.saturating_mul(self.limits.ratio_max).max(UNPACKED_BYTES_FREE);
        let left = self.limits.total_bytes_max.saturating_sub(self.unpacked_bytes);
        let by_size = self.limits.report_bytes_max.min(left);
        if by_ratio < by_size { (by_ratio, Refusal::Bomb) } else { (by_size, Refusal::TooLarge) }
    }

    fn gzip(&mut self, item: &Item<'_>) {
        let (bytes_max, refusal) = self.allowed(item.bytes.len());
        match gunzip(item.bytes, bytes_max) {
            None => self.refuse(item.name, refusal),
            Some(unpacked) if unpacked.bytes.is_empty() && unpacked.is_damaged => {
                self.refuse(item.name, Refusal::Damaged);
            }
            Some(unpacked) => {
                let name = item
                    .name
                    .len()
                    .checked_sub(3)
                    .filter(|at| item.name.get(*at..).is_some_and(|end| end.eq_ignore_ascii_case(".gz")));
                let name = name.map_or(item.name, |at| &item.name[..at]);
                self.inside(name, item, &unpacked);
            }
        }
    }

    fn inside(&mut self, name: &str, around: &Item<'_>, unpacked: &Unpacked) {
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(unpacked.bytes.len());
        self.item(&Item {
            name,
            bytes: &unpacked.bytes,
            depth: around.depth + 1,
            is_damaged: around.is_damaged || unpacked.is_damaged,
            is_wanted: true,
        });
    }

    fn zip(&mut self, item: &Item<'_>) {
        let room = self.limits.entries_max.saturating_sub(self.entries);
        let (entries, is_damaged) =
            match zip::entries(item.bytes, usize::try_from(room).unwrap_or(usize::MAX)) {
                Ok(found) => found,
                Err(refusal) => return self.refuse(item.name, refusal),
            };
        if entries.is_empty() {
            return self
                .refuse(item.name, if is_damaged { Refusal::Damaged } else { Refusal::NothingInside });
        }
        for entry in entries {
            if !self.is_room(item.name) {
                return;
            }
            let (bytes_max, refusal) = self.allowed(entry.packed_bytes());
            match entry.unpack(bytes_max) {
                Err(refusal) => self.refuse(&entry.name, refusal),
                Ok(None) => {
                    self.refuse(&entry.name, refusal);
                    // One bomb is enough: the rest of such an archive is not worth its cost.
                    return;
                }
                Ok(Some(unpacked)) if unpacked.bytes.is_empty() => self.refuse(&entry.name, Refusal::Damaged),
                Ok(Some(mut unpacked)) => {
                    unpacked.is_damaged |= is_damaged;
                    self.inside(&entry.name, item, &unpacked);
                }
            }
        }
    }

    fn mailbox(&mut self, item: &Item<'_>) {
        for mail in mails(item.bytes) {
            if !self.is_room(item.name) {
                return;
            }
            self.mail(&Item { name: item.name, bytes: &item.bytes[mail], depth: item.depth, ..*item });
        }
    }

    /// A mailbox of any size: one mail at a time in memory, and the limits hold for each mail.
    fn mailbox_stream(&mut self, name: &str, stream: &mut dyn BufRead) -> io::Result<()> {
        let bytes_max = self.limits.report_bytes_max.saturating_mul(2);
        let mut mail = Vec::new();
        let mut is_too_large = false;
        loop {
            let before = mail.len();
            let room = u64::try_from(bytes_max.saturating_sub(before)).unwrap_or(u64::MAX).saturating_add(1);
            let read = (&mut *stream).take(room).read_until(b'\n', &mut mail)?;
            let line = &mail[before..];
            let is_after_blank = mail[..before].ends_with(b"\n\n") || mail[..before].ends_with(b"\n\r\n");
            let is_start = before > 0 && is_after_blank && is_from_line(line);
            if read == 0 || is_start {
                let next = mail.split_off(before);
                if is_too_large {
                    self.refuse(name, Refusal::TooLarge);
                } else {
                    (self.entries, self.unpacked_bytes, self.is_full) = (0, 0, false);
                    self.mail(&Item { name, bytes: &mail, depth: 0, is_damaged: false, is_wanted: true });
                }
                (mail, is_too_large) = (next, false);
                if read == 0 {
                    return Ok(());
                }
            } else if mail.len() > bytes_max {
                is_too_large = true;
                // The end of what was read stays, to see whether the next line begins a mail.
                mail.drain(..mail.len().saturating_sub(3));
            }
        }
    }

    fn mail(&mut self, item: &Item<'_>) {
        if item.depth >= self.limits.depth_max {
            return self.refuse(item.name, Refusal::TooDeep);
        }
        let before = self.found();
        let mut bytes = item.bytes.trim_ascii_start();
        if bytes.starts_with(b"From ") {
            bytes = memchr::memchr(b'\n', bytes).map_or(&[], |end| &bytes[end + 1..]);
        }
        self.part(item, &mime::read(bytes), 0);
        if self.found() == before {
            self.refuse(item.name, Refusal::NothingInside);
        }
    }

    fn part(&mut self, item: &Item<'_>, part: &mime::Part<'_>, mime_depth: u8) {
        if !self.is_room(item.name) {
            return;
        }
        if !part.is_multipart() {
            return self.leaf(item, part);
        }
        if mime_depth >= MIME_DEPTH_MAX {
            return self.refuse(item.name, Refusal::TooDeep);
        }
        let room = self.limits.entries_max.saturating_sub(self.entries);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let parts: Vec<mime::Part<'_>> = part.parts(room).into_iter().map(mime::read).collect();
        if parts.len() > room {
            self.is_full = true;
            return self.refuse(item.name, Refusal::TooMany);
        }
        // Beside a failure report stands the mail of a person: it is not looked at.
        if let Some(report) = parts.iter().find(|part| part.kind == "message/feedback-report") {
            return self.failure(item, || Some(failure::read(&report.content())));
        }
        for inner in &parts {
            self.part(item, inner, mime_depth + 1);
        }
    }

    fn failure(&mut self, item: &Item<'_>, read: impl FnOnce() -> Option<failure::FailureSummary>) {
        match self.limits.failures {
            Failures::Ignore => self.give(item.name, Content::FailureIgnored),
            Failures::Summarise => {
                if let Some(summary) = read() {
                    self.give(item.name, Content::Failure(summary));
                }
            }
        }
    }

    fn leaf(&mut self, item: &Item<'_>, part: &mime::Part<'_>) {
        let content = part.content();
        let name = part.name.as_deref().unwrap_or(item.name);
        match part.kind.as_str() {
            "message/feedback-report" => return self.failure(item, || Some(failure::read(&content))),
            "message/rfc822" => {
                let inner = Item { name, bytes: &content, depth: item.depth + 1, is_wanted: true, ..*item };
                return self.mail(&inner);
            }
            "text/plain" if part.name.is_none() => {
                if let Some(summary) = failure::read_plain(&content) {
                    return self.failure(item, || Some(summary));
                }
            }
            "text/html" if part.name.is_none() => return,
            _ => {}
        }
        let is_wanted = is_report_name(part.name.as_deref().unwrap_or_default())
            || ["gzip", "zip", "tlsrpt"].iter().any(|word| part.kind.contains(word));
        self.item(&Item {
            name,
            bytes: &content,
            depth: item.depth + 1,
            is_damaged: item.is_damaged,
            is_wanted,
        });
    }
}

/// What the report leaves out and its file name tells.
fn completed(mut report: AggregateReport, item: &Item<'_>) -> AggregateReport {
    if item.is_damaged {
        report.problems.push(Problem { kind: ProblemKind::Archive, at: 0 });
    }
    let Some(name) = FileName::read(item.name) else { return report };
    if report.org.is_empty() {
        report.org = name.receiver;
    }
    if report.domain.is_empty() {
        report.domain = name.domain;
    }
    if report.begin_s == 0 && report.end_s == 0 {
        (report.begin_s, report.end_s) = (name.begin_s, name.end_s);
    }
    report
}

fn is_report_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".gz", ".zip", ".xml", ".json"].iter().any(|end| name.ends_with(end))
}

/// `From sender@host Tue Apr 30 02:09:16 2019` (RFC 4155), and not a sentence that begins with the word.
fn is_from_line(line: &[u8]) -> bool {
    let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len()).min(300)];
    line.starts_with(b"From ") && line.contains(&b':') && line.iter().any(u8::is_ascii_digit)
}

/// Unpacks all members of a gzip file (RFC 1952); what follows them is not looked at.
fn gunzip(mut packed: &[u8], bytes_max: usize) -> Option<Unpacked> {
    let mut all = Unpacked { bytes: Vec::new(), is_damaged: false };
    while packed.starts_with(&[0x1f, 0x8b]) {
        let mut member = flate2::bufread::GzDecoder::new(packed);
        let mut unpacked = zip::inflate(&mut member, bytes_max - all.bytes.len())?;
        all.is_damaged = unpacked.is_damaged;
        if all.bytes.is_empty() {
            all.bytes = unpacked.bytes;
        } else {
            all.bytes.append(&mut unpacked.bytes);
        }
        if all.is_damaged {
            break;
        }
        let rest = member.into_inner();
        if rest.len() == packed.len() {
            break;
        }
        packed = rest;
    }
    Some(all)
}
