//! Replays the rows of stored reports under records that are not published yet.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use kluis_mail::advice::{DomainDns, Impact, Published, impact, record_text, sentence};
use kluis_mail::dmarc::{self, Generation, Policy, Record};
use kluis_mail::dns::{Answer, Answers, Over, Question, RecordKind, is_within};
use kluis_mail::report::{Known as KnownSources, Proposed, Row, simulate};
use kluis_mail::spf::{self, SpfResult};
use kluis_mail::streams::MailSetup;
use kluis_model::audit::Operation;
use kluis_model::{Actor, Text};

use super::overview::stored_dns;
use super::{Known, SimulateInput, SimulateView, no_streams};
use crate::guard::Ask;
use crate::mail::reports::ReportRows;
use crate::{App, AppError};

/// Days of reports at most.
const DAYS_MAX: u32 = 400;
/// Own names whose place in the tree is looked up.
const NAMES_MAX: usize = 60;
/// Servers that a new SPF record is evaluated for.
const SERVERS_MAX: usize = 20_000;
/// Bytes of a record.
const RECORD_BYTES_MAX: usize = 4096;

/// What a replay needs of the rows before it can begin.
#[derive(Default)]
struct Needs {
    /// Own names in the rows: authors, signatures, envelopes.
    names: BTreeSet<String>,
    /// Servers that used an envelope domain with the new SPF record.
    servers: BTreeSet<IpAddr>,
    is_cut: bool,
}

/// What the DNS said, for a replay.
#[derive(Default)]
struct Looked {
    /// Organizational domains by the tree walk; `None`: the DNS did not answer.
    organizations: Option<HashMap<String, String>>,
    /// Own names that do not exist.
    nonexistent: BTreeSet<String>,
    /// What the new SPF record says about servers.
    spf: HashMap<IpAddr, bool>,
}

impl App {
    /// Replays the rows of the last days under a proposed DMARC record, and SPF record if given.
    ///
    /// Rows tell domains and outcomes, not messages: the answer is an estimate.
    ///
    /// # Errors
    /// Denied, `Invalid` for a record that cannot be read or while no streams are declared, or `Integrity`.
    pub async fn mail_simulate(&self, actor: &Actor, input: SimulateInput) -> Result<SimulateView, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        let known = self.mail_known().await?.ok_or_else(no_streams)?;
        let mut replay = Replay::new(&input, &known)?;
        replay.dns = match stored_dns(&known) {
            // Before the first daily look.
            dns if dns.is_empty() => self.look(&known.setup, &[]).await,
            dns => dns,
        };
        let days = input.days.clamp(1, DAYS_MAX);
        let mut needs = Needs::default();
        // Nobody is shown a row of this first reading.
        self.reports_ended(actor, days, &mut |report| replay.note(report, &mut needs)).await?;
        let looked = self.look_for_replay(&replay, &needs).await;
        let (mut by_walk, mut by_list) = (impact(), impact());
        let read = self
            .mail_rows_since(actor, days, &mut |report| {
                replay.run(report, &looked, true, &mut by_walk);
                replay.run(report, &looked, false, &mut by_list);
            })
            .await?;
        let setup = &known.setup;
        let lines = by_walk.lines(setup);
        let others = by_list.lines(setup).into_iter().filter(|line| !lines.contains(line)).collect();
        Ok(SimulateView {
            domain: replay.domain.clone(),
            record: replay.text.clone(),
            days,
            rows: read.rows,
            messages: by_walk.messages(),
            text: sentence(&lines, setup),
            lines,
            by_suffix_list: others,
            remarks: replay.remarks(read.folded, &needs, &looked),
        })
    }

    /// Asks the DNS about the names and servers in the rows, as if the proposed records were published.
    async fn look_for_replay(&self, replay: &Replay<'_>, needs: &Needs) -> Looked {
        let options = self.look_options();
        let now_s = self.now().0.div_euclid(1_000);
        let names = kluis_net::with_dns(&replay.domain, &options, |answers| {
            replay.places(needs, &Over { over: &replay.over, rest: answers })
        });
        let mut looked = Looked::default();
        if let Ok(Some((organizations, nonexistent))) = names.await {
            looked.organizations = Some(organizations);
            looked.nonexistent = nonexistent;
        }
        if !needs.servers.is_empty() {
            let servers = kluis_net::with_dns(&replay.domain, &options, |answers| {
                replay.servers(needs, &Over { over: &replay.over, rest: answers }, now_s)
            });
            if let Ok(Some(spf)) = servers.await {
                looked.spf = spf;
            }
        }
        looked
    }
}

/// Answers with the proposed records in place of those that are published.
type Proposal<'a> = Over<'a, HashMap<Question, Answer>, HashMap<Question, Answer>>;

/// A replay that was asked for, with everything read and checked.
struct Replay<'a> {
    setup: &'a MailSetup,
    /// What own domains publish.
    dns: BTreeMap<String, DomainDns>,
    sources: KnownSources,
    streams: Vec<String>,
    /// The domain of the records.
    domain: String,
    /// Whether only mail that this record governs is replayed; else all mail of the shop.
    is_one: bool,
    text: String,
    record: Record,
    has_spf: bool,
    over: HashMap<Question, Answer>,
}

impl<'a> Replay<'a> {
    fn new(input: &SimulateInput, known: &'a Known) -> Result<Self, AppError> {
        let setup: &MailSetup = &known.setup;
        let domain =
            input.domain.as_deref().unwrap_or(&setup.domain).trim_end_matches('.').to_ascii_lowercase();
        let is_own = |own: &str| is_within(&domain, own);
        if !is_own(&setup.domain) && !setup.streams.iter().any(|stream| is_own(&stream.from)) {
            return Err(AppError::invalid(
                "domain",
                "Dit domein hoort niet bij uw mailstromen.",
                "This domain does not belong to your mail streams.",
            ));
        }
        let text = match &input.record {
            Some(text) => text.trim().to_owned(),
            None => record_text(None, input.policy, setup.report_address.as_deref()),
        };
        let record = Some(text.as_str())
            .filter(|text| text.len() <= RECORD_BYTES_MAX)
            .and_then(|text| dmarc::read(text.as_bytes()))
            .ok_or_else(|| {
                AppError::invalid(
                    "record",
                    "Dit is geen DMARC-record, zoals v=DMARC1; p=reject.",
                    "This is no DMARC record, such as v=DMARC1; p=reject.",
                )
            })?;
        let mut over = HashMap::new();
        let name = Question::new(&format!("_dmarc.{domain}"), RecordKind::Txt);
        over.insert(name, Answer::Txt(vec![text.clone().into_bytes()]));
        if let Some(spf) = &input.spf {
            let spf = spf.trim();
            if spf.len() > RECORD_BYTES_MAX {
                return Err(AppError::invalid("spf", "Het record is te lang.", "The record is too long."));
            }
            if let Err(error) = spf::read(spf.as_bytes()) {
                return Err(AppError::invalid(
                    "spf",
                    &format!("Dit is geen SPF-record (teken {}): {}.", error.span.start + 1, error.problem),
                    &format!(
                        "This is no SPF record (character {}): {}.",
                        error.span.start + 1,
                        error.problem
                    ),
                ));
            }
            over.insert(Question::new(&domain, RecordKind::Txt), Answer::Txt(vec![spf.as_bytes().to_vec()]));
        }
        let sources = setup.known();
        Ok(Self {
            streams: sources.streams.iter().map(|stream| stream.id.clone()).collect(),
            sources,
            is_one: input.domain.is_some(),
            has_spf: input.spf.is_some(),
            setup,
            dns: BTreeMap::new(),
            domain,
            text,
            record,
            over,
        })
    }

    /// Whether mail from a domain is replayed. A domain below with a record of its own is not governed by this one.
    fn governs(&self, from: &str) -> bool {
        if !self.is_one {
            return self.root(from).is_some();
        }
        if from == self.domain {
            return true;
        }
        let has_own = |(own, dns): (&String, &DomainDns)| {
            own != &self.domain
                && is_within(own, &self.domain)
                && is_within(from, own)
                && matches!(dns.published(), Published::Own(_))
        };
        is_within(from, &self.domain) && !self.dns.iter().any(has_own)
    }

    /// The domain whose record is replaced for a From domain.
    fn root(&self, from: &str) -> Option<&str> {
        if is_within(from, &self.domain) {
            return Some(&self.domain);
        }
        let mut own = self.setup.streams.iter().map(|stream| stream.from.as_str());
        own.find(|own| is_within(from, own))
    }

    /// Notes what the DNS must be asked about.
    fn note(&self, report: &ReportRows, needs: &mut Needs) {
        for row in report.rows.iter().filter(|row| self.governs(&row.header_from)) {
            let Some(root) = self.root(&row.header_from) else { continue };
            let organization = psl_domain(root);
            let signed = row.dkim_auth.iter().map(|auth| auth.domain.as_str());
            let sent = row.spf_auth.iter().map(|auth| auth.domain.as_str());
            for name in std::iter::once(row.header_from.as_str()).chain(signed).chain(sent) {
                if !is_within(name, organization) || needs.names.contains(name) {
                    continue;
                }
                if needs.names.len() >= NAMES_MAX {
                    needs.is_cut = true;
                    continue;
                }
                needs.names.insert(name.to_owned());
            }
            let uses = self.has_spf && row.spf_auth.iter().any(|auth| auth.domain == self.domain);
            if uses && needs.servers.len() < SERVERS_MAX {
                needs.servers.insert(row.source);
            } else if uses && !needs.servers.contains(&row.source) {
                needs.is_cut = true;
            }
        }
    }

    /// Organizational domains of the names, and which of them do not exist.
    #[expect(clippy::type_complexity, reason = "two results of one look")]
    fn places(
        &self,
        needs: &Needs,
        answers: &Proposal<'_>,
    ) -> Result<(HashMap<String, String>, BTreeSet<String>), Vec<Question>> {
        let mut missing = Vec::new();
        let (mut organizations, mut nonexistent) = (HashMap::new(), BTreeSet::new());
        for name in &needs.names {
            match dmarc::organizational_domain(name, Generation::TreeWalk, answers) {
                Ok(organization) => drop(organizations.insert(name.clone(), organization)),
                Err(question) => missing.push(question),
            }
            // Only `np` asks whether a name exists.
            if self.record.absent() != self.record.below() {
                match exists(name, answers) {
                    Ok(true) => {}
                    Ok(false) => drop(nonexistent.insert(name.clone())),
                    Err(question) => missing.push(question),
                }
            }
        }
        missing.sort();
        missing.dedup();
        if missing.is_empty() { Ok((organizations, nonexistent)) } else { Err(missing) }
    }

    /// What the new SPF record says about each server.
    fn servers(
        &self,
        needs: &Needs,
        answers: &Proposal<'_>,
        now_s: i64,
    ) -> Result<HashMap<IpAddr, bool>, Vec<Question>> {
        let sender = format!("postmaster@{}", self.domain);
        let mut missing = BTreeSet::new();
        let mut found = HashMap::new();
        for address in &needs.servers {
            let query = spf::Query {
                address: *address,
                sender: &sender,
                helo: &self.domain,
                identity: spf::Identity::Spf,
                receiver: "localhost",
                now_s,
            };
            match spf::evaluate(&query, answers) {
                Ok(verdict) => drop(found.insert(*address, verdict.result == SpfResult::Pass)),
                Err(question) => drop(missing.insert(question)),
            }
        }
        if missing.is_empty() { Ok(found) } else { Err(missing.into_iter().collect()) }
    }

    /// Replays the rows of a report.
    fn run(&self, report: &ReportRows, looked: &Looked, is_walk: bool, sum: &mut Impact) {
        let mut roots: HashMap<&str, Vec<&Row>> = HashMap::new();
        for row in report.rows.iter().filter(|row| self.governs(&row.header_from)) {
            if let Some(root) = self.root(&row.header_from) {
                roots.entry(root).or_default().push(row);
            }
        }
        let organization = |name: &str| {
            let found = looked.organizations.as_ref().and_then(|known| known.get(name));
            found.map_or_else(|| psl_domain(name).to_owned(), Clone::clone)
        };
        let told = |address: IpAddr, domain: &str| {
            if domain == self.domain { looked.spf.get(&address).copied() } else { None }
        };
        for (domain, rows) in roots {
            let proposed = Proposed {
                domain,
                record: &self.record,
                spf: self.has_spf.then_some(&told),
                is_nonexistent: &|name| looked.nonexistent.contains(name),
                organization: (is_walk && looked.organizations.is_some()).then_some(&organization),
            };
            sum.add(&simulate(rows, &proposed, &self.sources, &report.names), &self.streams);
        }
    }

    fn remarks(&self, folded: u64, needs: &Needs, looked: &Looked) -> Vec<Text> {
        let mut remarks = vec![Text::new(
            "Een schatting: rapporten noemen domeinen en aantallen, geen losse berichten.",
            "An estimate: reports name domains and counts, not single messages.",
        )];
        if looked.organizations.is_none() {
            remarks.push(Text::new(
                "De DNS gaf geen antwoord; er is gerekend met de lijst van openbare achtervoegsels (RFC 7489).",
                "The DNS did not answer; the public suffix list (RFC 7489) was used.",
            ));
        }
        if folded > 0 {
            remarks.push(Text::new(
                format!(
                    "{folded} rapporten waren te groot om regel voor regel te bewaren en tellen niet mee."
                ),
                format!("{folded} reports were too large to be kept row by row and do not count."),
            ));
        }
        if needs.is_cut {
            remarks.push(Text::new(
                "Er zijn meer namen of servers dan er worden nagevraagd; de rest telt zoals gerapporteerd.",
                "There are more names or servers than are asked about; the rest counts as reported.",
            ));
        }
        if self.record.is_test && self.record.own() > Policy::None {
            remarks.push(Text::new(
                "Met t=y doen ontvangers die RFC 9989 kennen één stap milder; oudere ontvangers niet.",
                "With t=y, receivers that know RFC 9989 act one step milder; older receivers do not.",
            ));
        }
        remarks
    }
}

/// The registered domain (public suffix list), or the name itself.
fn psl_domain(name: &str) -> &str {
    let nothing: HashMap<Question, Answer> = HashMap::new();
    let found = dmarc::organizational_domain(name, Generation::SuffixList, &nothing);
    // The suffix list asks nothing, and its answer is the end of the name.
    found.ok().and_then(|found| name.get(name.len().checked_sub(found.len())?..)).unwrap_or(name)
}

/// Whether a name exists (RFC 9989 §3.2.13).
fn exists(name: &str, answers: &impl Answers) -> Result<bool, Question> {
    for kind in [RecordKind::A, RecordKind::Aaaa, RecordKind::Mx] {
        let question = Question::new(name, kind);
        match answers.find(&question) {
            None => return Err(question),
            Some(Answer::NoSuchName) => return Ok(false),
            Some(Answer::Failed) => return Ok(true),
            Some(answer) if !answer.is_void() => return Ok(true),
            Some(_) => {}
        }
    }
    Ok(false)
}
