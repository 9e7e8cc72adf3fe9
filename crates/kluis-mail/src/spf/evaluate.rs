//! Evaluates SPF for one message (RFC 7208 §4), with a trace; asks for DNS answers and never looks anything up.

use core::net::IpAddr;

use super::macros::{MacroText, Place, Values};
use super::record::{self, Directive, Mechanism, Prefixes, Qualifier, Record, RecordError, Version};
use crate::dns::{Answer, Answers, Question, RecordKind, is_within, reverse_name};

/// Terms that cost a look-up, over all records of one evaluation (RFC 7208 §4.6.4).
pub const LOOKUPS_MAX: u32 = 10;
/// Look-ups that may find nothing (RFC 7208 §4.6.4).
pub const VOIDS_MAX: u32 = 2;
/// Exchangers of one `mx`, and names of one `ptr` that are looked at (RFC 7208 §4.6.4).
const NAMES_MAX: usize = 10;
/// Steps kept in a trace.
const STEPS_MAX: usize = 512;

/// The result (RFC 7208 §2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpfResult {
    /// No record.
    None,
    /// The domain says nothing.
    Neutral,
    /// The address may send for the domain.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// The DNS did not answer.
    TempError,
    /// The record is wrong.
    PermError,
}

impl SpfResult {
    /// The word of RFC 8601 §2.7.2.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

impl From<Qualifier> for SpfResult {
    fn from(qualifier: Qualifier) -> Self {
        match qualifier {
            Qualifier::Pass => Self::Pass,
            Qualifier::Fail => Self::Fail,
            Qualifier::SoftFail => Self::SoftFail,
            Qualifier::Neutral => Self::Neutral,
        }
    }
}

/// Which identity is checked, which decides the records that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// HELO or MAIL FROM by RFC 7208: `v=spf1` only.
    Spf,
    /// Sender ID, envelope sender (RFC 4406): `spf2.0/mfrom` before `v=spf1`.
    SenderIdMfrom,
    /// Sender ID, purported responsible address (RFC 4406): `spf2.0/pra` before `v=spf1`.
    SenderIdPra,
}

/// The message that is judged.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// The address of the client.
    pub address: IpAddr,
    /// MAIL FROM, without angle brackets; empty for a bounce, and then HELO counts.
    pub sender: &'a str,
    /// HELO or EHLO.
    pub helo: &'a str,
    /// Which identity.
    pub identity: Identity,
    /// Our own name, for explanations.
    pub receiver: &'a str,
    /// Now, in seconds since 1970, for explanations.
    pub now_s: i64,
}

/// One step of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How deep in includes.
    pub depth: u32,
    /// The domain whose record it is in.
    pub domain: String,
    /// The term as written; empty for the record itself.
    pub term: String,
    /// What came of it: `match`, `no match`, `void`, or an error.
    pub outcome: &'static str,
    /// Look-ups so far.
    pub lookups: u32,
    /// Void look-ups so far.
    pub voids: u32,
}

/// Why a result is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A record cannot be read.
    Record {
        /// Whose.
        domain: String,
        /// Where and why.
        error: RecordError,
    },
    /// More than one record.
    Several {
        /// Where.
        domain: String,
    },
    /// More look-ups than allowed.
    Lookups,
    /// More void look-ups than allowed.
    Voids,
    /// More exchangers than allowed.
    Exchangers {
        /// Whose.
        domain: String,
    },
    /// An `include` or `redirect` leads to a domain without a record.
    Missing {
        /// Which.
        domain: String,
    },
    /// The DNS did not answer.
    Dns(Question),
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The result.
    pub result: SpfResult,
    /// The domain's explanation of a fail, when it gives one (RFC 7208 §6.2).
    pub explanation: Option<String>,
    /// Terms that cost a look-up.
    pub lookups: u32,
    /// Look-ups that found nothing.
    pub voids: u32,
    /// Why it is an error.
    pub trouble: Option<Trouble>,
    /// Every step.
    pub trace: Vec<Step>,
}

/// Judges a message with the answers that are known.
///
/// # Errors
/// The question whose answer is needed; ask it, add the answer, and evaluate again.
pub fn evaluate(query: &Query<'_>, answers: &impl Answers) -> Result<Verdict, Question> {
    let sender = match query.sender.rsplit_once('@') {
        None if query.sender.is_empty() => format!("postmaster@{}", query.helo),
        None => format!("postmaster@{}", query.sender),
        Some(("", domain)) => format!("postmaster@{domain}"),
        Some(_) => query.sender.to_owned(),
    };
    let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
    let address = query.address.to_canonical();
    let mut run =
        Run { query, answers, address, sender, lookups: 0, voids: 0, trouble: None, trace: Vec::new() };
    let (result, explanation) = match run.host(&domain, 0) {
        Ok(found) => found,
        Err(Stop::Ask(question)) => return Err(question),
        Err(Stop::Temporary) => (SpfResult::TempError, None),
        Err(Stop::Permanent) => (SpfResult::PermError, None),
    };
    let Run { lookups, voids, trouble, trace, .. } = run;
    Ok(Verdict { result, explanation, lookups, voids, trouble, trace })
}

enum Stop {
    Ask(Question),
    Temporary,
    Permanent,
}

struct Run<'a, A> {
    query: &'a Query<'a>,
    answers: &'a A,
    address: IpAddr,
    sender: String,
    lookups: u32,
    voids: u32,
    trouble: Option<Trouble>,
    trace: Vec<Step>,
}

type Found = (SpfResult, Option<String>);

impl<'a, A: Answers> Run<'a, A> {
    /// `check_host()` of RFC 7208 §4.
    fn host(&mut self, domain: &str, depth: u32) -> Result<Found, Stop> {
        if !is_host_name(domain) {
            return Ok((SpfResult::None, None));
        }
        let Some(text) = self.record_of(domain)? else { return Ok((SpfResult::None, None)) };
        let record = record::read(&text)
            .map_err(|error| self.wrong(Trouble::Record { domain: domain.to_owned(), error }))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        for directive in &record.directives {
            let is_match = self.matches(directive, domain, depth);
            self.note(
                depth,
                domain,
                &text[directive.span.clone()],
                match &is_match {
                    Ok(true) => "match",
                    Ok(false) => "no match",
                    Err(Stop::Temporary) => "temporary error",
                    Err(_) => "error",
                },
            );
            if is_match? {
                let result = SpfResult::from(directive.qualifier);
                let explanation = self.explanation(result, &record, domain, depth)?;
                return Ok((result, explanation));
            }
        }
        let Some((target, span)) = &record.redirect else { return Ok((SpfResult::Neutral, None)) };
        self.spend()?;
        let target = self.name(target, domain)?;
        self.note(depth, domain, &text[span.clone()], "redirect");
        match self.host(&target, depth)? {
            (SpfResult::None, _) => Err(self.wrong(Trouble::Missing { domain: target })),
            found => Ok(found),
        }
    }

    /// The one record of a domain that counts.
    fn record_of(&mut self, domain: &str) -> Result<Option<Vec<u8>>, Stop> {
        let texts = match self.ask(domain, RecordKind::Txt)? {
            Answer::Txt(texts) => texts.clone(),
            Answer::Failed => return Err(self.unanswered(domain, RecordKind::Txt)),
            _ => return Ok(None),
        };
        let rank = |version: Version| match (self.query.identity, version) {
            (Identity::Spf, Version::Spf1) => Some(1),
            (Identity::Spf, Version::SenderId { .. }) => None,
            (_, Version::Spf1) => Some(2),
            (Identity::SenderIdMfrom, Version::SenderId { mfrom, .. }) => mfrom.then_some(1),
            (Identity::SenderIdPra, Version::SenderId { pra, .. }) => pra.then_some(1),
        };
        let mut ranked: Vec<(u8, Vec<u8>)> =
            texts.into_iter().filter_map(|text| Some((rank(record::version(&text)?.0)?, text))).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let Some(best) = ranked.first().map(|(rank, _)| *rank) else { return Ok(None) };
        if ranked.iter().filter(|(rank, _)| *rank == best).count() > 1 {
            return Err(self.wrong(Trouble::Several { domain: domain.to_owned() }));
        }
        Ok(ranked.into_iter().next().map(|(_, text)| text))
    }

    fn matches(&mut self, directive: &Directive, domain: &str, depth: u32) -> Result<bool, Stop> {
        match &directive.mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(net, bits) => Ok(in_network(self.address, IpAddr::V4(*net), *bits)),
            Mechanism::Ip6(net, bits) => Ok(in_network(self.address, IpAddr::V6(*net), *bits)),
            Mechanism::Include(target) => {
                self.spend()?;
                let target = self.name(target, domain)?;
                match self.host(&target, depth + 1)?.0 {
                    SpfResult::Pass => Ok(true),
                    SpfResult::None => Err(self.wrong(Trouble::Missing { domain: target })),
                    _ => Ok(false),
                }
            }
            Mechanism::A(target, prefixes) => {
                self.spend()?;
                let name = self.target(target.as_ref(), domain)?;
                self.address_matches(&name, *prefixes, true)
            }
            Mechanism::Mx(target, prefixes) => {
                self.spend()?;
                let name = self.target(target.as_ref(), domain)?;
                self.exchanger_matches(&name, *prefixes)
            }
            Mechanism::Ptr(target) => {
                self.spend()?;
                let name = self.target(target.as_ref(), domain)?;
                let names = self.validated_names(true)?;
                Ok(names.iter().any(|found| is_within(found, &name)))
            }
            Mechanism::Exists(target) => {
                self.spend()?;
                let name = self.name(target, domain)?;
                match self.ask(&name, RecordKind::A)? {
                    Answer::A(list) if !list.is_empty() => Ok(true),
                    Answer::Failed => Err(self.unanswered(&name, RecordKind::A)),
                    _ => self.void().map(|()| false),
                }
            }
        }
    }

    fn address_matches(&mut self, name: &str, prefixes: Prefixes, counts_void: bool) -> Result<bool, Stop> {
        let kind = if self.address.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
        let address = self.address;
        let answer = self.ask(name, kind)?;
        let found = match answer {
            Answer::A(list) => list.iter().any(|net| in_network(address, IpAddr::V4(*net), prefixes.v4)),
            Answer::Aaaa(list) => list.iter().any(|net| in_network(address, IpAddr::V6(*net), prefixes.v6)),
            Answer::Failed => return Err(self.unanswered(name, kind)),
            _ => false,
        };
        if counts_void && answer.is_void() {
            self.void()?;
        }
        Ok(found)
    }

    fn exchanger_matches(&mut self, name: &str, prefixes: Prefixes) -> Result<bool, Stop> {
        let mut exchangers = match self.ask(name, RecordKind::Mx)? {
            Answer::Mx(list) => list.clone(),
            Answer::Failed => return Err(self.unanswered(name, RecordKind::Mx)),
            _ => Vec::new(),
        };
        if exchangers.is_empty() {
            self.void()?;
        }
        exchangers.sort();
        if exchangers.len() > NAMES_MAX {
            return Err(self.wrong(Trouble::Exchangers { domain: name.to_owned() }));
        }
        for (_, host) in exchangers {
            if self.address_matches(&host, prefixes, false)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names of the address that lead back to it (RFC 7208 §5.5).
    fn validated_names(&mut self, counts_void: bool) -> Result<Vec<String>, Stop> {
        let reverse = reverse_name(self.address);
        let answer = self.ask(&reverse, RecordKind::Ptr)?;
        let names = match answer {
            Answer::Ptr(list) => list.clone(),
            _ => Vec::new(),
        };
        if counts_void && answer.is_void() {
            self.void()?;
        }
        let mut validated = Vec::new();
        let kind = if self.address.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
        for name in names.into_iter().take(NAMES_MAX) {
            let leads_back = match self.ask(&name, kind)? {
                Answer::A(list) => list.iter().any(|found| IpAddr::V4(*found) == self.address),
                Answer::Aaaa(list) => list.iter().any(|found| IpAddr::V6(*found) == self.address),
                // A name that is not answered is skipped (RFC 7208 §5.5).
                _ => false,
            };
            if leads_back {
                validated.push(name.trim_end_matches('.').to_owned());
            }
        }
        Ok(validated)
    }

    /// The explanation of a fail (RFC 7208 §6.2); anything wrong with it means that there is none.
    fn explanation(
        &mut self,
        result: SpfResult,
        record: &Record,
        domain: &str,
        depth: u32,
    ) -> Result<Option<String>, Stop> {
        let Some((target, _)) =
            record.explanation.as_ref().filter(|_| result == SpfResult::Fail && depth == 0)
        else {
            return Ok(None);
        };
        let name = self.name(target, domain)?;
        let texts = match self.ask(&name, RecordKind::Txt)? {
            Answer::Txt(texts) if texts.len() == 1 => texts.clone(),
            _ => return Ok(None),
        };
        let text = texts.into_iter().next().and_then(|text| String::from_utf8(text).ok());
        let text = text.and_then(|text| MacroText::read(&text, Place::Explanation).ok());
        let Some(text) = text else { return Ok(None) };
        let validated = if text.needs_validated() { self.validated(domain)? } else { "unknown".to_owned() };
        Ok(Some(text.expand(&self.values(domain, &validated))))
    }

    fn target(&mut self, target: Option<&MacroText>, domain: &str) -> Result<String, Stop> {
        target.map_or_else(|| Ok(domain.to_owned()), |target| self.name(target, domain))
    }

    fn name(&mut self, target: &MacroText, domain: &str) -> Result<String, Stop> {
        let validated = if target.needs_validated() { self.validated(domain)? } else { "unknown".to_owned() };
        Ok(target.expand_domain(&self.values(domain, &validated)))
    }

    /// `%{p}`: the domain itself, else a name within it, else any (RFC 7208 §7.3).
    fn validated(&mut self, domain: &str) -> Result<String, Stop> {
        let names = self.validated_names(false)?;
        let exact = names.iter().find(|name| name.eq_ignore_ascii_case(domain));
        let within = exact.or_else(|| names.iter().find(|name| is_within(name, domain)));
        Ok(within.or(names.first()).map_or_else(|| "unknown".to_owned(), Clone::clone))
    }

    fn values<'b>(&'b self, domain: &'b str, validated: &'b str) -> Values<'b> {
        Values {
            sender: &self.sender,
            domain,
            address: self.address,
            helo: self.query.helo,
            validated,
            receiver: self.query.receiver,
            now_s: self.query.now_s,
        }
    }

    /// The answer; a name that cannot be one is known not to exist.
    fn ask(&self, name: &str, kind: RecordKind) -> Result<&'a Answer, Stop> {
        const NONE: Answer = Answer::NoSuchName;
        static NO_SUCH_NAME: Answer = NONE;
        if !is_dns_name(name) {
            return Ok(&NO_SUCH_NAME);
        }
        let question = Question::new(name, kind);
        self.answers.find(&question).ok_or(Stop::Ask(question))
    }

    fn spend(&mut self) -> Result<(), Stop> {
        self.lookups += 1;
        if self.lookups > LOOKUPS_MAX { Err(self.wrong(Trouble::Lookups)) } else { Ok(()) }
    }

    fn void(&mut self) -> Result<(), Stop> {
        self.voids += 1;
        if self.voids > VOIDS_MAX { Err(self.wrong(Trouble::Voids)) } else { Ok(()) }
    }

    fn wrong(&mut self, trouble: Trouble) -> Stop {
        self.trouble = Some(trouble);
        Stop::Permanent
    }

    fn unanswered(&mut self, name: &str, kind: RecordKind) -> Stop {
        self.trouble = Some(Trouble::Dns(Question::new(name, kind)));
        Stop::Temporary
    }

    fn note(&mut self, depth: u32, domain: &str, term: &str, outcome: &'static str) {
        if self.trace.len() < STEPS_MAX {
            let (lookups, voids) = (self.lookups, self.voids);
            self.trace.push(Step {
                depth,
                domain: domain.to_owned(),
                term: term.to_owned(),
                outcome,
                lookups,
                voids,
            });
        }
    }
}

/// Whether a name can be asked: at most 253 bytes in labels of 1 to 63.
fn is_dns_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    !name.is_empty() && name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

/// Whether a domain can have a record at all (RFC 7208 §4.3): a multi-label name.
fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    is_dns_name(name) && name.contains('.') && !name.starts_with('[')
}

fn in_network(address: IpAddr, net: IpAddr, bits: u8) -> bool {
    match (address, net) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            bits == 0 || (u32::from(a) ^ u32::from(b)) >> (32 - u32::from(bits.min(32))) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            bits == 0 || (u128::from(a) ^ u128::from(b)) >> (128 - u32::from(bits.min(128))) == 0
        }
        _ => false,
    }
}
