//! What the DNS says about a host: addresses, aliases, DNSSEC, CAA, TLSA, HTTPS records, the sibling name.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::dnssec::{DnssecSummary, Proof, TrustAnchors};
use hickory_proto::op::{DnsRequestOptions, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::svcb::{SVCB, SvcParamValue};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::Hosts;
use hickory_resolver::net::dnssec::DnssecDnsHandle;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError};
use kluis_checks::facts::{CaaRecord, DnsFacts, DnssecState, Gap, TlsaRecord};
use kluis_mail::dns::{Answer as MailAnswer, Question as MailQuestion, RecordKind};
use tokio::time::{Instant, timeout_at};

use crate::dns_ask::{Asker, QUESTIONS_MAX};
use crate::error::AuditError;
use crate::guard::NetworkPolicy;
use crate::options::AuditOptions;

/// Addresses of each family at most.
const ADDRESSES_MAX: usize = 16;
/// Aliases followed at most.
const ALIASES_MAX: usize = 8;
/// Records of other kinds at most.
const RECORDS_MAX: usize = 50;
/// Labels climbed at most for CAA.
const CLIMB_MAX: usize = 12;
/// Validations that are remembered.
const VALIDATIONS_MAX: usize = 500;
/// Time for the validation of one answer.
const VALIDATION: Duration = Duration::from_secs(10);

/// Why a name could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupError {
    /// The name does not exist.
    #[error("no such name")]
    NoSuchName,
    /// The name has no address.
    #[error("the name has no address")]
    NoAddress,
    /// No name server answered usefully.
    #[error("the DNS did not answer: {0}")]
    Failed(String),
    /// No name server may be asked.
    #[error("no name server was asked")]
    NotAsked,
}

/// Addresses of a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// A records.
    pub(crate) v4: Vec<IpAddr>,
    /// AAAA records.
    pub(crate) v6: Vec<IpAddr>,
    /// Names it is an alias of, in order.
    pub(crate) aliases: Vec<String>,
    /// Which address family could not be asked, and why.
    pub(crate) missing: Option<String>,
}

impl Addresses {
    /// All, IPv4 first, at most eight.
    pub(crate) fn all(&self) -> Vec<IpAddr> {
        self.v4.iter().chain(&self.v6).copied().take(8).collect()
    }
}

/// The DNS, asked for one audit; clones share everything.
#[derive(Clone)]
pub(crate) struct Dns {
    asker: Asker,
    validating: DnssecDnsHandle<Asker>,
    anchored: Arc<[Name]>,
    hosts: Option<Arc<Hosts>>,
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns")
            .field("asker", &self.asker)
            .field("anchored", &self.anchored)
            .finish_non_exhaustive()
    }
}

impl Dns {
    /// Asks the server of the options, or those of the system, until the audit's time is over.
    pub(crate) fn new(options: &AuditOptions) -> Result<Self, AuditError> {
        Self::with_questions(options, QUESTIONS_MAX)
    }

    /// The same with at most so many questions.
    pub(crate) fn with_questions(options: &AuditOptions, questions_max: u32) -> Result<Self, AuditError> {
        let servers = options.dns.map_or_else(system_servers, |server| vec![server]);
        let asker = Asker::new(servers, Instant::now() + options.total, questions_max);
        let (anchors, anchored) = match &options.trust_anchor {
            None => (TrustAnchors::default(), vec![Name::root()]),
            Some(text) => {
                let anchors = TrustAnchors::from_str(text)
                    .map_err(|error| AuditError::BadOption { why: format!("trust anchor: {error}") })?;
                (anchors, owners(text))
            }
        };
        // The file of hosts is for the one at whose computer this runs, not for those who ask a server.
        let has_hosts = options.network == NetworkPolicy::Any && options.dns.is_none();
        let hosts = has_hosts.then(|| Hosts::from_system().ok().map(Arc::new)).flatten();
        let validating = DnssecDnsHandle::with_trust_anchor(asker.clone(), Arc::new(anchors))
            .validation_cache_size(VALIDATIONS_MAX);
        Ok(Self { asker, validating, anchored: anchored.into(), hosts })
    }

    /// Addresses of a name, following aliases.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Addresses, LookupError> {
        let name = name_of(host)?;
        if let Some(found) = self.in_hosts(&name) {
            return Ok(found);
        }
        let (v4, v6) =
            tokio::join!(self.records(&name, RecordType::A), self.records(&name, RecordType::AAAA));
        let mut found = Addresses::default();
        let mut failure = None;
        for (answer, family) in [(v4, "A"), (v6, "AAAA")] {
            match answer {
                Ok(records) => take_addresses(&records, &name, &mut found),
                Err(error) => failure = Some((family, error)),
            }
        }
        let is_empty = found.v4.is_empty() && found.v6.is_empty();
        match failure {
            Some((_, error)) if is_empty => Err(error),
            None if is_empty => Err(LookupError::NoAddress),
            failure => {
                found.missing = failure
                    .filter(|(_, error)| *error != LookupError::NoSuchName)
                    .map(|(family, error)| format!("{family}: {error}"));
                Ok(found)
            }
        }
    }

    /// TXT records of a name, each as one text; none when it cannot be asked.
    pub(crate) async fn texts(&self, name: &str) -> Vec<String> {
        let Ok(name) = name_of(name) else { return Vec::new() };
        let records = self.records(&name, RecordType::TXT).await.unwrap_or_default();
        let texts = records.iter().filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        });
        texts.take(RECORDS_MAX).collect()
    }

    /// The answer to a question about mail; aliases are followed, and a name that cannot be one does not exist.
    pub(crate) async fn mail_answer(&self, asked: &MailQuestion) -> MailAnswer {
        let kind = match asked.kind {
            RecordKind::A => RecordType::A,
            RecordKind::Aaaa => RecordType::AAAA,
            RecordKind::Mx => RecordType::MX,
            RecordKind::Ptr => RecordType::PTR,
            RecordKind::Cname => return self.alias(&asked.name).await,
            RecordKind::Ns => RecordType::NS,
            RecordKind::Txt => RecordType::TXT,
        };
        let records = match self.named(&asked.name, kind).await {
            Ok(records) => records,
            Err(LookupError::NoSuchName) => return MailAnswer::NoSuchName,
            Err(_) => return MailAnswer::Failed,
        };
        let data = records.into_iter().map(|record| record.data).take(RECORDS_MAX);
        match asked.kind {
            RecordKind::A => MailAnswer::A(data.filter_map(|data| Some(as_a(&data)?.0)).collect()),
            RecordKind::Aaaa => MailAnswer::Aaaa(data.filter_map(|data| Some(as_aaaa(&data)?.0)).collect()),
            RecordKind::Mx => MailAnswer::Mx(data.filter_map(|data| as_mx(&data)).collect()),
            RecordKind::Ptr | RecordKind::Cname | RecordKind::Ns => {
                MailAnswer::Ptr(data.filter_map(|data| as_ptr(&data)).collect())
            }
            RecordKind::Txt => MailAnswer::Txt(data.filter_map(|data| as_txt(&data)).collect()),
        }
    }

    /// What a name is an alias of; the alias itself is not followed.
    async fn alias(&self, name: &str) -> MailAnswer {
        let Some(name) = any_name(name) else { return MailAnswer::NoSuchName };
        let Ok(answer) = self.asker.ask(question(&name, RecordType::CNAME)).await else {
            return MailAnswer::Failed;
        };
        let targets: Vec<String> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::CNAME(target) if record.name == name => Some(any_text(&target.0)),
                _ => None,
            })
            .collect();
        match answer.metadata.response_code {
            ResponseCode::NXDomain if targets.is_empty() => MailAnswer::NoSuchName,
            _ => MailAnswer::Ptr(targets),
        }
    }

    /// TXT records of a name, and the name it is an alias of.
    pub(crate) async fn texts_behind(
        &self,
        name: &str,
    ) -> Result<(Vec<Vec<u8>>, Option<String>), LookupError> {
        let records = self.named(name, RecordType::TXT).await?;
        let alias = records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) => Some(text_of(&target.0)),
            _ => None,
        });
        let texts = records.iter().filter_map(|record| as_txt(&record.data));
        Ok((texts.take(RECORDS_MAX).collect(), alias))
    }

    /// TLSA records of a name.
    pub(crate) async fn tlsa(&self, name: &str) -> Result<Vec<TlsaRecord>, LookupError> {
        match self.named(name, RecordType::TLSA).await {
            Ok(records) => Ok(records.iter().filter_map(tlsa).take(RECORDS_MAX).collect()),
            Err(LookupError::NoSuchName) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Whether the records of a kind at a name are signed; unknown when there are none or it cannot be told.
    pub(crate) async fn signed(&self, name: &str, kind: RecordType) -> DnssecState {
        let Some(name) = any_name(name) else { return DnssecState::Unknown };
        if !self.is_anchored(&name) || !self.passes_signatures().await {
            return DnssecState::Unknown;
        }
        self.state(&name, kind).await.unwrap_or_default().0
    }

    /// The records at a name that need not be a host's: labels of any bytes.
    async fn named(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, LookupError> {
        let name = any_name(name).ok_or(LookupError::NoSuchName)?;
        self.records(&name, kind).await
    }

    /// Everything about a host but its addresses, which are given; for HTTPS on this port.
    pub(crate) async fn examine(&self, host: &str, port: u16, facts: &mut DnsFacts, gaps: &mut Vec<Gap>) {
        let Ok(name) = name_of(host) else { return };
        facts.was_asked = true;
        let passes = self.passes_signatures().await;
        if !passes {
            gaps.push(Gap::new("dnssec", "the name server leaves DNSSEC signatures out of its answers"));
        } else if !self.is_anchored(&name) {
            gaps.push(Gap::new("dnssec", "the trust anchor is for other names"));
        } else {
            let (state, why) = self.state_of_host(&name).await;
            facts.dnssec = state;
            gaps.extend(why.map(|why| Gap::new("dnssec", &why)));
        }
        self.examine_caa(&name, facts, gaps).await;
        let tlsa_name = Name::from_ascii(format!("_{port}._tcp.{name}")).ok();
        if let Some(tlsa_name) = tlsa_name {
            match self.records(&tlsa_name, RecordType::TLSA).await {
                Ok(records) => facts.tlsa = records.iter().filter_map(tlsa).take(RECORDS_MAX).collect(),
                Err(LookupError::NoSuchName) => {}
                Err(error) => gaps.push(Gap::new("tlsa", error.to_string())),
            }
            if !facts.tlsa.is_empty() && passes && self.is_anchored(&name) {
                facts.tlsa_dnssec = self.state(&tlsa_name, RecordType::TLSA).await.unwrap_or_default().0;
            }
        }
        self.examine_https(&name, port, facts).await;
    }

    /// CAA, climbing (RFC 8659 §3).
    async fn examine_caa(&self, host: &Name, facts: &mut DnsFacts, gaps: &mut Vec<Gap>) {
        let mut name = host.clone();
        for _ in 0..CLIMB_MAX {
            if name.is_root() {
                break;
            }
            match self.records(&name, RecordType::CAA).await {
                Ok(records) => {
                    let found: Vec<CaaRecord> = records.iter().filter_map(caa).take(RECORDS_MAX).collect();
                    if !found.is_empty() {
                        facts.caa_at = Some(text_of(&name));
                        facts.caa = Some(found);
                        return;
                    }
                }
                Err(LookupError::NoSuchName) => {}
                Err(error) => {
                    gaps.push(Gap::new("caa", format!("{}: {error}", text_of(&name))));
                    return;
                }
            }
            name = name.base_name();
        }
        facts.caa = Some(Vec::new());
    }

    /// HTTPS records (RFC 9460 §9), following the alias form.
    async fn examine_https(&self, host: &Name, port: u16, facts: &mut DnsFacts) {
        let mut name = if port == 443 {
            host.clone()
        } else {
            match Name::from_ascii(format!("_{port}._https.{host}")) {
                Ok(name) => name,
                Err(_) => return,
            }
        };
        for _ in 0..ALIASES_MAX {
            let Ok(records) = self.records(&name, RecordType::HTTPS).await else { return };
            let mut found: Vec<&SVCB> = records
                .iter()
                .filter_map(|record| match &record.data {
                    RData::HTTPS(https) => Some(&https.0),
                    _ => None,
                })
                .take(RECORDS_MAX)
                .collect();
            found.sort_by_key(|svcb| svcb.svc_priority);
            let Some(first) = found.first() else { return };
            if first.svc_priority != 0 {
                for svcb in found {
                    take_svcb(svcb, facts);
                }
                return;
            }
            if first.target_name.is_root() {
                return;
            }
            name = first.target_name.clone();
        }
    }

    /// The signatures over the addresses of a host, and if that cannot be told, why.
    async fn state_of_host(&self, name: &Name) -> (DnssecState, Option<String>) {
        let mut states = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            states.extend(self.state(name, kind).await);
        }
        worst(states)
    }

    /// Validates the records at a name: each alias on the way, then the records themselves; nothing when there are
    /// none. Asked one by one, since the validation of an answer that is an alias and a proof of absence is no use.
    async fn state(&self, name: &Name, kind: RecordType) -> Option<(DnssecState, Option<String>)> {
        let records = self.records(name, kind).await.ok().filter(|records| !records.is_empty())?;
        let mut at = name.clone();
        let mut states = Vec::new();
        for record in &records {
            if let RData::CNAME(target) = &record.data {
                states.push(self.state_of_answer(&at, RecordType::CNAME).await);
                at = target.0.clone();
            }
        }
        states.push(self.state_of_answer(&at, kind).await);
        Some(worst(states))
    }

    /// Validates one answer.
    async fn state_of_answer(&self, name: &Name, kind: RecordType) -> (DnssecState, Option<String>) {
        let failures = self.asker.failures();
        let mut options = DnsRequestOptions::default();
        options.edns_set_dnssec_ok = true;
        let lookup = self.validating.lookup(Query::query(name.clone(), kind), options).first_answer();
        let end = self.asker.end().min(Instant::now() + VALIDATION);
        let state = match timeout_at(end, lookup).await {
            Err(_) => return (DnssecState::Unknown, Some("validation took too long".to_owned())),
            Ok(Ok(answer)) => summary(&answer.answers),
            Ok(Err(NetError::Dns(DnsError::Nsec { response, .. })))
                if is_wildcard_proven(name, &response) =>
            {
                DnssecState::Secure
            }
            Ok(Err(NetError::Dns(DnsError::Nsec { proof, .. }))) => match proof {
                Proof::Secure => DnssecState::Secure,
                Proof::Insecure => DnssecState::Insecure,
                Proof::Bogus => DnssecState::Bogus,
                Proof::Indeterminate => DnssecState::Unknown,
            },
            Ok(Err(error)) => return (DnssecState::Unknown, Some(short(&error))),
        };
        if state != DnssecState::Bogus {
            return (state, None);
        }
        // A missing answer on the way looks like a missing signature: then it cannot be told.
        let why = if self.asker.failures() > failures {
            "a name server did not answer while signatures were checked"
        } else if self.asker.checks(question(name, kind)).await {
            "signatures look wrong, but the name server finds them good"
        } else {
            return (state, None);
        };
        (DnssecState::Unknown, Some(why.to_owned()))
    }

    /// Whether the name server hands on signatures at all.
    async fn passes_signatures(&self) -> bool {
        let Some(anchor) = self.anchored.first() else { return false };
        let answer = self.asker.ask(question(anchor, RecordType::DNSKEY)).await;
        answer
            .is_ok_and(|answer| answer.answers.iter().any(|record| record.record_type() == RecordType::RRSIG))
    }

    fn is_anchored(&self, name: &Name) -> bool {
        self.anchored.iter().any(|zone| zone.zone_of(name))
    }

    /// The records at a name, following aliases also where the server stops half-way; aliases are among them.
    async fn records(&self, name: &Name, kind: RecordType) -> Result<Vec<Record>, LookupError> {
        let mut all: Vec<Record> = Vec::new();
        let mut at = name.clone();
        for _ in 0..ALIASES_MAX {
            let answer =
                self.asker.ask(question(&at, kind)).await.map_err(|e| LookupError::Failed(short(&e)))?;
            let code = answer.metadata.response_code;
            let records =
                answer.answers.into_iter().filter(|record| record.record_type() != RecordType::RRSIG);
            let records: Vec<Record> = records.collect();
            let end = end_of_chain(&records, &at);
            let is_there = records.iter().any(|record| record.record_type() == kind && record.name == end);
            all.extend(records);
            if is_there {
                return Ok(chain(all, name, kind));
            }
            if code == ResponseCode::NXDomain {
                return Err(LookupError::NoSuchName);
            }
            if end == at {
                break;
            }
            at = end;
        }
        Ok(Vec::new())
    }

    fn in_hosts(&self, name: &Name) -> Option<Addresses> {
        let hosts = self.hosts.as_ref()?;
        let mut found = Addresses::default();
        for kind in [RecordType::A, RecordType::AAAA] {
            if let Some(lookup) = hosts.lookup_static_host(&Query::query(name.clone(), kind)) {
                take_addresses(lookup.answers(), name, &mut found);
            }
        }
        (!found.all().is_empty()).then_some(found)
    }
}

/// The sibling of a host: with `www.`, or without.
pub(crate) fn sibling(host: &str) -> Option<String> {
    match host.strip_prefix("www.") {
        Some(bare) if bare.contains('.') => Some(bare.to_owned()),
        Some(_) => None,
        None if host.contains('.') && host.len() + 4 <= 253 => Some(format!("www.{host}")),
        None => None,
    }
}

/// The registrable domain of a host (public suffix list), or the host itself.
pub(crate) fn domain(host: &str) -> String {
    psl::domain_str(host).unwrap_or(host).to_owned()
}

fn system_servers() -> Vec<SocketAddr> {
    let Ok((config, _)) = hickory_resolver::system_conf::read_system_conf() else { return Vec::new() };
    config.name_servers.iter().map(|server| SocketAddr::new(server.ip, 53)).collect()
}

/// The owners of the records in a text of DNSKEY records.
fn owners(text: &str) -> Vec<Name> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(';'));
    lines.filter_map(|line| Name::from_ascii(line.split_whitespace().next()?).ok()).collect()
}

fn question(name: &Name, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(name.clone(), kind));
    message
}

fn name_of(host: &str) -> Result<Name, LookupError> {
    let mut name = Name::from_ascii(host).map_err(|_| LookupError::NoSuchName)?;
    name.set_fqdn(true);
    Ok(name)
}

fn as_a(data: &RData) -> Option<&A> {
    if let RData::A(a) = data { Some(a) } else { None }
}

fn as_aaaa(data: &RData) -> Option<&AAAA> {
    if let RData::AAAA(aaaa) = data { Some(aaaa) } else { None }
}

fn as_mx(data: &RData) -> Option<(u16, String)> {
    if let RData::MX(mx) = data { Some((mx.preference, any_text(&mx.exchange))) } else { None }
}

/// The name in a record of names.
fn as_ptr(data: &RData) -> Option<String> {
    match data {
        RData::PTR(ptr) => Some(any_text(&ptr.0)),
        RData::NS(ns) => Some(any_text(&ns.0)),
        _ => None,
    }
}

fn as_txt(data: &RData) -> Option<Vec<u8>> {
    if let RData::TXT(txt) = data { Some(txt.txt_data.concat()) } else { None }
}

/// A name of labels of any bytes, as SPF macros make them.
fn any_name(text: &str) -> Option<Name> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut name = Name::from_labels(text.split('.').map(str::as_bytes)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// The opposite of [`any_name`]: labels as they are; a label that cannot be told from two keeps its escapes.
fn any_text(name: &Name) -> String {
    let labels: Option<Vec<&str>> = name
        .iter()
        .map(|label| std::str::from_utf8(label).ok().filter(|label| label.is_ascii() && !label.contains('.')))
        .collect();
    labels.map_or_else(|| text_of(name), |labels| labels.join(".").to_ascii_lowercase())
}

fn text_of(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// Where the aliases of an answer lead from a name.
fn end_of_chain(records: &[Record], name: &Name) -> Name {
    let mut at = name.clone();
    for _ in 0..ALIASES_MAX {
        let next = records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == at => Some(target.0.clone()),
            _ => None,
        });
        match next {
            Some(next) if next != at => at = next,
            _ => break,
        }
    }
    at
}

/// Only the records on the way from the name: its aliases in order, then the records of the kind at their end. Anything
/// else that a server adds is not an answer.
fn chain(records: Vec<Record>, name: &Name, kind: RecordType) -> Vec<Record> {
    let mut at = name.clone();
    let mut way = Vec::new();
    for _ in 0..ALIASES_MAX {
        let alias = records.iter().find(|r| r.name == at && matches!(r.data, RData::CNAME(_)));
        let Some(alias) = alias else { break };
        if let RData::CNAME(target) = &alias.data {
            at = target.0.clone();
        }
        way.push(alias.clone());
    }
    way.extend(records.into_iter().filter(|record| record.name == at && record.record_type() == kind));
    way
}

fn take_addresses(records: &[Record], name: &Name, found: &mut Addresses) {
    let mut aliases = Vec::new();
    for record in records {
        match &record.data {
            RData::A(a) if found.v4.len() < ADDRESSES_MAX => found.v4.push(a.0.into()),
            RData::AAAA(aaaa) if found.v6.len() < ADDRESSES_MAX => found.v6.push(aaaa.0.into()),
            RData::CNAME(target) if record.name != target.0 && target.0 != *name => {
                aliases.push(text_of(&target.0))
            }
            _ => {}
        }
    }
    if found.aliases.is_empty() {
        found.aliases = aliases;
    }
}

fn caa(record: &Record) -> Option<CaaRecord> {
    let RData::CAA(caa) = &record.data else { return None };
    let mut value = String::new();
    for byte in caa.value.iter().take(2048) {
        match byte {
            0x20..=0x7e => value.push(char::from(*byte)),
            _ => value.push_str(&format!("\\x{byte:02x}")),
        }
    }
    Some(CaaRecord { is_critical: caa.issuer_critical, tag: caa.tag.to_ascii_lowercase(), value })
}

fn tlsa(record: &Record) -> Option<TlsaRecord> {
    let RData::TLSA(tlsa) = &record.data else { return None };
    let data = &tlsa.cert_data[..tlsa.cert_data.len().min(4096)];
    Some(TlsaRecord {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching: tlsa.matching.into(),
        data: hex::encode(data),
    })
}

fn take_svcb(svcb: &SVCB, facts: &mut DnsFacts) {
    for (_, value) in &svcb.svc_params {
        match value {
            SvcParamValue::Alpn(alpn) => {
                for id in &alpn.0 {
                    if facts.https_alpn.len() < RECORDS_MAX && !facts.https_alpn.contains(id) {
                        facts.https_alpn.push(id.clone());
                    }
                }
            }
            SvcParamValue::EchConfigList(_) => facts.has_ech = true,
            _ => {}
        }
    }
}

/// Whether a good answer that was made from a wildcard is proven to be the right one by an NSEC record (RFC 4035
/// §5.3.4): it covers the name, and shows that no name closer to it than the wildcard's parent exists. hickory-net 0.26
/// refuses this when the record's owner is the wildcard itself.
fn is_wildcard_proven(name: &Name, answer: &Message) -> bool {
    let signature = answer.answers.iter().find_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) if record.name == *name && record.proof == Proof::Secure => {
            Some(rrsig.input().num_labels)
        }
        _ => None,
    });
    let Some(labels) = signature.filter(|labels| *labels < name.num_labels()) else { return false };
    if summary(&answer.answers) != DnssecState::Secure {
        return false;
    }
    let parent = name.trim_to(usize::from(labels));
    answer.authorities.iter().filter(|record| record.proof == Proof::Secure).any(|record| {
        let RData::DNSSEC(DNSSECRData::NSEC(nsec)) = &record.data else { return false };
        let (owner, next) = (&record.name, nsec.next_domain_name());
        let is_covered = owner < name && (name < next || (next <= owner && next.zone_of(name)));
        // Names that are there on either side must not share more with this one than the wildcard's parent.
        let is_closer = |other: &Name| {
            let closer = name.trim_to(usize::from(labels) + 1);
            closer.zone_of(other)
        };
        is_covered && parent.zone_of(owner) && !is_closer(owner) && !is_closer(next)
    })
}

/// The worst of several states; what is certain counts more than what is not.
fn worst(states: Vec<(DnssecState, Option<String>)>) -> (DnssecState, Option<String>) {
    let rank = |state: DnssecState| match state {
        DnssecState::Bogus => 3,
        DnssecState::Unknown => 2,
        DnssecState::Insecure => 1,
        DnssecState::Secure => 0,
    };
    states.into_iter().max_by_key(|(state, _)| rank(*state)).unwrap_or_default()
}

fn summary(records: &[Record]) -> DnssecState {
    // Aliases made of a DNAME carry no signature of their own (RFC 6672 §5.3.1).
    let has_dname = records.iter().any(|record| record.record_type() == RecordType::DNAME);
    let signed = records.iter().filter(|record| !(has_dname && record.record_type() == RecordType::CNAME));
    match DnssecSummary::from_records(signed) {
        DnssecSummary::Secure => DnssecState::Secure,
        DnssecSummary::Bogus => DnssecState::Bogus,
        DnssecSummary::Insecure => DnssecState::Insecure,
    }
}

fn short(error: &NetError) -> String {
    match error {
        NetError::Timeout => "no answer in time".to_owned(),
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the name server says {code}"),
        NetError::Io(error) => error.kind().to_string(),
        NetError::Message(text) => (*text).to_owned(),
        _ => "the answer cannot be read".to_owned(),
    }
}
