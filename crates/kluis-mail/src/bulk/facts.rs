//! What one message shows of how it was sent, as far as its header, its body and the DNS tell.

use core::net::IpAddr;
use std::collections::BTreeSet;

use super::Mark;
use crate::dkim::{self, DkimResult};
use crate::dmarc::{self, Authenticated, Generation};
use crate::dns::{Answer, Answers, Question, RecordKind, reverse_name};
use crate::message::{Field, Message, mailboxes};
use crate::report::mime::{self, Part};
use crate::spf::{self, Identity, Query, SpfResult};
use crate::unsubscribe::Unsubscribe;

/// Fields that may stand once (RFC 5322 §3.6).
const ONCE: &[&str] =
    &["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References"];
/// Bytes of a line without its end (RFC 5322 §2.1.1).
const LINE_BYTES_MAX: usize = 998;
/// Parts of a message that are read, and how deep they may be inside each other.
const PARTS_MAX: usize = 50;
const DEPTH_MAX: u32 = 8;
/// Bytes of all texts that are searched.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Names of an address that are followed.
const NAMES_MAX: usize = 3;
/// Words by which a reader finds out how to unsubscribe, in lower case.
const WORDS: &[&str] = &[
    "uitschrij",
    "afmeld",
    "meld je af",
    "meld u af",
    "unsubscribe",
    "opt-out",
    "opt out",
    "abmeld",
    "abbestell",
    "désinscri",
    "se désabonner",
    "désabonn",
    "voorkeuren wijzigen",
    "manage preferences",
];

/// What the message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A newsletter or offer: readers must be able to unsubscribe.
    Newsletter,
    /// Mail about an order or account, which nobody unsubscribes from.
    Order,
}

/// How the message came, when somebody knows.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// The address of the server that delivered it.
    pub client: Option<IpAddr>,
    /// The envelope sender.
    pub sender: Option<String>,
}

/// The From field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// One field, one domain, in lower case.
    One(String),
    /// None.
    Missing,
    /// More than one field, or addresses of more than one domain.
    Several,
    /// It holds no address.
    Unreadable,
}

/// The name of the server that delivered the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverse {
    /// It has a name that leads back to it.
    Good(String),
    /// It has a name that leads elsewhere.
    Elsewhere(String),
    /// It has no name.
    Missing,
    /// The DNS did not answer.
    Unknown,
}

/// Whether readers of the text are told how to unsubscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// Yes.
    Found,
    /// No.
    Missing,
    /// There is no text.
    NoText,
}

/// Everything the rules look at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What the message is for.
    pub purpose: Purpose,
    /// Its From.
    pub from: From,
    /// Fields that stand more than once and may not.
    pub doubled: Vec<&'static str>,
    /// Fields that should be there and are not, or cannot be right.
    pub missing: Vec<&'static str>,
    /// A field with bytes that are not ASCII.
    pub not_ascii: Option<String>,
    /// Bytes of the longest line, when it is too long.
    pub long_line: Option<usize>,
    /// Ways to unsubscribe.
    pub unsubscribe: Unsubscribe,
    /// Whether the text tells how.
    pub words: Words,
    /// The address of the server that delivered it.
    pub client: Option<IpAddr>,
    /// The domain of the envelope sender.
    pub envelope_domain: Option<String>,
    /// Whether it was delivered over TLS.
    pub is_tls: Option<bool>,
    /// Signatures; `None`: nobody asked the DNS.
    pub dkim: Option<dkim::Report>,
    /// The result of SPF.
    pub spf: Option<SpfResult>,
    /// DMARC by RFC 9989, and by RFC 7489.
    pub dmarc: Option<Box<[dmarc::Verdict; 2]>>,
    /// The name of the server.
    pub reverse: Option<Reverse>,
    /// Whether the From domain has a mail server.
    pub can_receive: Option<bool>,
}

impl Facts {
    /// The From domain, when there is one.
    #[must_use]
    pub fn author(&self) -> Option<&str> {
        match &self.from {
            From::One(domain) => Some(domain),
            _ => None,
        }
    }

    /// Signatures that pass.
    pub(super) fn passed(&self) -> Option<impl Iterator<Item = &dkim::Check>> {
        self.dkim.as_ref().map(|report| report.checks.iter().filter(|check| check.result == DkimResult::Pass))
    }

    /// Good when something holds, unknown when nobody looked.
    pub(super) fn mark(value: Option<bool>) -> Mark {
        value.map_or(Mark::Unknown, |is_good| if is_good { Mark::Good } else { Mark::Bad })
    }
}

/// Looks at a message whose lines end with CRLF; without `answers` only at what the message itself shows.
///
/// # Errors
/// Questions whose answers are needed.
pub fn collect(
    message: &Message<'_>,
    whole: &[u8],
    (purpose, envelope, now_s): (Purpose, &Envelope, i64),
    answers: Option<&impl Answers>,
) -> Result<Facts, Vec<Question>> {
    let client = envelope.client.or_else(|| client(message));
    let sender = envelope.sender.clone().or_else(|| return_path(message));
    let envelope_domain = sender
        .as_deref()
        .map(|sender| sender.rsplit_once('@').map_or(sender, |(_, domain)| domain).to_ascii_lowercase());
    let mut facts = Facts {
        purpose,
        from: from(message),
        doubled: ONCE.iter().copied().filter(|name| message.named(name).count() > 1).collect(),
        missing: missing(message),
        not_ascii: message
            .fields()
            .iter()
            .find(|field| !field.raw().is_ascii())
            .map(|field| field.name().to_owned()),
        long_line: long_line(whole),
        unsubscribe: Unsubscribe::read(message),
        words: words(whole),
        client,
        envelope_domain: envelope_domain.filter(|domain| !domain.is_empty()),
        is_tls: is_tls(message, client),
        dkim: None,
        spf: None,
        dmarc: None,
        reverse: None,
        can_receive: None,
    };
    if let Some(answers) = answers {
        ask(&mut facts, message, (sender.as_deref(), now_s), answers)?;
    }
    Ok(facts)
}

/// What the DNS tells about it.
fn ask(
    facts: &mut Facts,
    message: &Message<'_>,
    (sender, now_s): (Option<&str>, i64),
    answers: &impl Answers,
) -> Result<(), Vec<Question>> {
    let missing: Vec<Question> =
        dkim::questions(message).into_iter().filter(|question| answers.find(question).is_none()).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let one = |question| vec![question];
    let report = dkim::verify(message, now_s, answers).map_err(one)?;
    if let (Some(address), Some(sender), Some(domain)) = (facts.client, sender, &facts.envelope_domain) {
        let query =
            Query { address, sender, helo: domain, identity: Identity::Spf, receiver: "localhost", now_s };
        facts.spf = Some(spf::evaluate(&query, answers).map_err(one)?.result);
    }
    if let Some(author) = facts.author().map(str::to_owned) {
        let spf = facts.envelope_domain.as_deref().filter(|_| facts.spf == Some(SpfResult::Pass));
        let passed = report.passed();
        let authenticated = Authenticated { author: &author, spf, dkim: &passed };
        let by = |generation| dmarc::evaluate(&authenticated, generation, answers).map_err(one);
        let verdicts = [by(Generation::TreeWalk)?, by(Generation::SuffixList)?];
        // A record that nobody could ask for is not a record that does not exist.
        let is_silent = |name: &String| {
            let question = Question::new(&format!("_dmarc.{name}"), RecordKind::Txt);
            answers.find(&question) == Some(&Answer::Failed)
        };
        let is_sure = verdicts[0].found.is_some() || !dmarc::walk(&author).iter().any(is_silent);
        facts.dmarc = is_sure.then(|| Box::new(verdicts));
        facts.can_receive = can_receive(&author, answers)?;
    }
    if let Some(client) = facts.client {
        facts.reverse = Some(reverse(client, answers)?);
    }
    facts.dkim = Some(report);
    Ok(())
}

fn from(message: &Message<'_>) -> From {
    let mut fields = message.named("From");
    let (first, second) = (fields.next(), fields.next());
    let Some(field) = first else { return From::Missing };
    if second.is_some() {
        return From::Several;
    }
    let Ok(boxes) = mailboxes(field.value()) else { return From::Unreadable };
    let domains: BTreeSet<String> = boxes.iter().map(|mailbox| mailbox.domain.to_ascii_lowercase()).collect();
    let mut domains = domains.into_iter();
    match (domains.next(), domains.next()) {
        (Some(domain), None) => From::One(domain),
        (Some(_), Some(_)) => From::Several,
        (None, _) => From::Unreadable,
    }
}

/// Fields that every message should have: Date and Message-ID, the latter with its form (RFC 5322 §3.6.4).
fn missing(message: &Message<'_>) -> Vec<&'static str> {
    let text = |name| message.named(name).next().map(Field::text);
    let is_id = |id: &String| {
        let inner = id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or_default();
        inner.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
            && !inner.contains([' ', '<', '>'])
    };
    // `24 Nov 2026 12:00:00 +0100`, perhaps behind a day's name: a number, a month, a year, a time.
    let is_date = |date: &String| {
        let rest = date.split_once(',').map_or(date.as_str(), |(_, rest)| rest);
        let words: Vec<&str> = rest.split_whitespace().collect();
        words.len() >= 4
            && words[0].parse::<u8>().is_ok_and(|day| (1..=31).contains(&day))
            && words[1].len() == 3
            && words[2].parse::<u16>().is_ok_and(|year| year >= 1970)
            && words[3].contains(':')
    };
    let mut missing = Vec::new();
    missing.extend((!text("Date").is_some_and(|date| is_date(&date))).then_some("Date"));
    missing.extend((!text("Message-ID").is_some_and(|id| is_id(&id))).then_some("Message-ID"));
    missing
}

fn long_line(whole: &[u8]) -> Option<usize> {
    let (mut from, mut longest) = (0, 0);
    for at in memchr::memchr_iter(b'\n', whole) {
        longest = longest.max(at.saturating_sub(from).saturating_sub(1));
        from = at + 1;
    }
    longest = longest.max(whole.len() - from);
    Some(longest).filter(|longest| *longest > LINE_BYTES_MAX)
}

/// The envelope sender that the receiver noted.
fn return_path(message: &Message<'_>) -> Option<String> {
    let text = message.named("Return-Path").next()?.text();
    let inner = text.strip_prefix('<')?.strip_suffix('>')?;
    (!inner.is_empty() && inner.contains('@')).then(|| inner.to_owned())
}

/// The address of the server that delivered it: as the receiver noted for SPF, else in its uppermost Received.
fn client(message: &Message<'_>) -> Option<IpAddr> {
    let noted = message.named("Received-SPF").next().and_then(|field| {
        let text = field.text();
        let at = text.find("client-ip=")? + "client-ip=".len();
        let end = text[at..].find([';', ' ']).map_or(text.len(), |end| at + end);
        text[at..end].trim_matches('"').parse().ok()
    });
    noted.or_else(|| {
        message.named("Received").filter(|field| begins_with_from(field)).find_map(|field| {
            let text = field.text();
            let address = text.split('[').skip(1).find_map(|rest| {
                let inner = rest.split(']').next()?;
                inner.strip_prefix("IPv6:").unwrap_or(inner).parse::<IpAddr>().ok()
            });
            address.filter(|address| is_outside(*address))
        })
    })
}

fn begins_with_from(field: &Field<'_>) -> bool {
    field.text().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("from "))
}

/// Whether an address can be somebody else's: a receiver's own servers pass mail on to each other by private ones.
fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}

/// Whether the step from the sender's server to the receiver was over TLS, as the receiver noted (RFC 3848).
fn is_tls(message: &Message<'_>, client: Option<IpAddr>) -> Option<bool> {
    let mut received = message.named("Received").filter(|field| begins_with_from(field)).map(Field::text);
    let text = match client.map(|client| client.to_string()) {
        Some(client) => received.find(|text| text.contains(&client))?,
        None => received.next()?,
    };
    let text = text.to_ascii_lowercase();
    let is_tls = ["with esmtps", "with lmtps", "with utf8smtps", "version=tls", "tlsv1", "(tls"]
        .iter()
        .any(|mark| text.contains(mark));
    let is_plain = ["with esmtp", "with smtp"].iter().any(|mark| text.contains(mark));
    if is_tls { Some(true) } else { is_plain.then_some(false) }
}

/// Whether the text tells how to unsubscribe.
fn words(whole: &[u8]) -> Words {
    let mut room = TEXT_BYTES_MAX;
    let mut parts = vec![(mime::read(whole), 0)];
    let (mut seen, mut has_text) = (0, false);
    while let Some((part, depth)) = parts.pop() {
        seen += 1;
        if part.is_multipart() {
            if depth < DEPTH_MAX && seen < PARTS_MAX {
                parts.extend(
                    part.parts(PARTS_MAX)
                        .into_iter()
                        .take(PARTS_MAX)
                        .map(|inner| (mime::read(inner), depth + 1)),
                );
            }
            continue;
        }
        if !part.kind.starts_with("text/") || parts.len() > PARTS_MAX * 4 {
            continue;
        }
        has_text = true;
        if has_word(&part, &mut room) {
            return Words::Found;
        }
    }
    if has_text { Words::Missing } else { Words::NoText }
}

fn has_word(part: &Part<'_>, room: &mut usize) -> bool {
    let content = part.content();
    let taken = content.len().min(*room);
    *room -= taken;
    let text = String::from_utf8_lossy(&content[..taken])
        .to_lowercase()
        .replace("&eacute;", "é")
        .replace("&nbsp;", " ");
    WORDS.iter().any(|word| text.contains(word))
}

fn reverse(client: IpAddr, answers: &impl Answers) -> Result<Reverse, Vec<Question>> {
    let client = client.to_canonical();
    let question = Question::new(&reverse_name(client), RecordKind::Ptr);
    let names = match answers.find(&question) {
        None => return Err(vec![question]),
        Some(Answer::Failed) => return Ok(Reverse::Unknown),
        Some(Answer::Ptr(names)) if !names.is_empty() => names,
        Some(_) => return Ok(Reverse::Missing),
    };
    let kind = if client.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
    let mut is_sure = true;
    for name in names.iter().take(NAMES_MAX) {
        let question = Question::new(name, kind);
        let leads_back = match answers.find(&question) {
            None => return Err(vec![question]),
            Some(Answer::A(list)) => list.iter().any(|found| IpAddr::V4(*found) == client),
            Some(Answer::Aaaa(list)) => list.iter().any(|found| IpAddr::V6(*found) == client),
            Some(Answer::Failed) => {
                is_sure = false;
                false
            }
            Some(_) => false,
        };
        if leads_back {
            return Ok(Reverse::Good(name.trim_end_matches('.').to_owned()));
        }
    }
    let first = names.first().map(|name| name.trim_end_matches('.').to_owned()).unwrap_or_default();
    Ok(if is_sure { Reverse::Elsewhere(first) } else { Reverse::Unknown })
}

/// Whether a domain takes mail: an exchanger that is not the null one (RFC 7505), else an address (RFC 5321 §5.1).
fn can_receive(domain: &str, answers: &impl Answers) -> Result<Option<bool>, Vec<Question>> {
    let ask = |kind| answers.ask(domain, kind).map_err(|question| vec![question]);
    match ask(RecordKind::Mx)? {
        Answer::Mx(list) if !list.is_empty() => {
            return Ok(Some(list.iter().any(|(_, host)| !host.trim_end_matches('.').is_empty())));
        }
        Answer::Failed => return Ok(None),
        _ => {}
    }
    let (v4, v6) = (ask(RecordKind::A)?, ask(RecordKind::Aaaa)?);
    let is_unknown = *v4 == Answer::Failed || *v6 == Answer::Failed;
    let has = !v4.is_void() && *v4 != Answer::Failed || !v6.is_void() && *v6 != Answer::Failed;
    Ok(if has { Some(true) } else { (!is_unknown).then_some(false) })
}
