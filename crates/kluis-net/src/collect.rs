//! An audit: looks the host up, examines TLS and the web at the same time, and puts together what was seen.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kluis_checks::facts::{
    DnsFacts, EVIDENCE_FORMAT, Endpoint, Gap, HttpState, MailFacts, OwnerProof, Reach, Target, TlsFacts,
    WebFacts,
};
use kluis_checks::{Evidence, Part};
use kluis_model::TimeMs;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use crate::connect::{Gate, pinned};
use crate::dns::{self, Dns, LookupError};
use crate::error::AuditError;
use crate::guard::{NetworkPolicy, is_public};
use crate::http::Client;
use crate::options::{AuditOptions, AuditStep};
use crate::pages::Reader;
use crate::redirects::redirects;
use crate::trust::Roots;
use crate::{exposed, mail, owner, target, tls};

/// Addresses examined at most; the first in full.
const ENDPOINTS_MAX: usize = 4;
/// Connections for each address that is examined in short.
const SHORT_CONNECTIONS: u32 = 8;
/// Connections of the web part at most.
const WEB_CONNECTIONS: u32 = 20;
/// Connections that the TLS part leaves for it: a server that keeps connections open needs fewer.
const WEB_CONNECTIONS_KEPT: u32 = 14;
/// Connections kept for open files.
const EXPOSED_CONNECTIONS: u32 = 6;
/// Time that a part gets to come to its end after the total is over.
const GRACE: Duration = Duration::from_millis(500);

/// Tells how far an audit is.
pub(crate) type Progress<'a> = &'a (dyn Fn(AuditStep) + Send + Sync);

/// Audits one host and returns what was seen.
///
/// Takes at most `options.total` (and half a second) once it began; what was not known by then is a gap in the evidence.
/// An error means that there is nothing to judge: a wrong name, no address, nothing that answers.
pub async fn audit(
    host: &str,
    options: &AuditOptions,
    progress: &(dyn Fn(AuditStep) + Send + Sync),
) -> Result<Evidence, AuditError> {
    Box::pin(audit_with(host, options, progress, is_public)).await
}

/// The same, with another idea of what is public; tests have no public addresses.
pub(crate) async fn audit_with(
    host: &str,
    options: &AuditOptions,
    progress: Progress<'_>,
    is_public: fn(IpAddr) -> bool,
) -> Result<Evidence, AuditError> {
    let host = target::read(host)?;
    check_options(options)?;
    let _entered = match &options.limit {
        Some(limit) => limit.enter().await,
        None => None,
    };
    let (started, began) = (now(), Instant::now());
    let name = host.to_string();
    let dns = Dns::new(options)?;
    let gate = Gate::with_public(options, Some(dns.clone()), is_public);
    let mut evidence = Evidence {
        format: EVIDENCE_FORMAT,
        target: Target {
            host: name.trim_matches(['[', ']']).to_owned(),
            https_port: options.https_port,
            http_port: options.http_port,
            has_own_roots: !options.roots.is_empty(),
        },
        started,
        ..Evidence::default()
    };
    tell(progress, Part::Dns, "dns", 0, 1);
    let asks_dns = matches!(host, Host::Domain(_))
        && (options.dns.is_some() || pinned(&options.resolve, &name).is_empty());
    let addresses = match find_addresses(&host, &gate, &dns, &mut evidence).await {
        // A domain may have mail and no website.
        Err(AuditError::NoAddress { .. } | AuditError::NotAllowed { .. }) if is_by_name_only(options) => {
            Vec::new()
        }
        found => found?,
    };
    gate.own(&addresses);
    let mut job = Job { name, addresses, gate, dns, options, progress, asks_dns };
    job.find_sibling(&mut evidence).await;
    job.run(&mut evidence).await;
    evidence.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    evidence.connections = job.gate.connections();
    match job.failure(&evidence) {
        Some(error) => Err(error),
        None => Ok(evidence),
    }
}

/// One audit.
struct Job<'a> {
    /// The host as it stands in URLs.
    name: String,
    addresses: Vec<IpAddr>,
    gate: Gate,
    dns: Dns,
    options: &'a AuditOptions,
    progress: Progress<'a>,
    asks_dns: bool,
}

impl Job<'_> {
    fn wants(&self, part: Part) -> bool {
        self.options.parts.contains(&part)
    }

    fn wants_tls(&self) -> bool {
        self.wants(Part::Tls) || self.wants(Part::Certificate)
    }

    fn wants_exposed(&self) -> bool {
        self.wants(Part::Exposed) && self.options.owner.is_some()
    }

    /// The sibling name and its addresses, which share the budget of the host.
    async fn find_sibling(&mut self, evidence: &mut Evidence) {
        if self.addresses.iter().any(|ip| ip.to_string() == evidence.target.host) {
            return;
        }
        let Some(sibling) = dns::sibling(&self.name) else { return };
        let mut found = pinned(&self.options.resolve, &sibling);
        if found.is_empty() && self.asks_dns {
            found = self.dns.addresses(&sibling).await.map(|found| found.all()).unwrap_or_default();
        }
        if !found.is_empty() {
            self.gate.own(&found);
            evidence.dns.sibling = Some((sibling, found));
        }
    }

    /// DNS, TLS of the first address and web at the same time; then the other addresses with the connections that are
    /// left, then open files.
    async fn run(&self, evidence: &mut Evidence) {
        let end = self.gate.deadline() + GRACE;
        let sibling = evidence.dns.sibling.as_ref().map(|(name, _)| name.clone());
        let (mut dns_gaps, mut web_gaps, mut mail_gaps) = (Vec::new(), Vec::new(), Vec::new());
        let web_gate = self.gate.share(WEB_CONNECTIONS);
        let mut client = Client::new(&web_gate);
        let chosen = if self.wants_tls() { choose(&self.addresses) } else { Vec::new() };
        let kept = if self.wants(Part::Web) { WEB_CONNECTIONS_KEPT } else { 0 };
        let (dns, (mut endpoints, mut tls_gaps), web, mail) = tokio::join!(
            timeout_at(end, Box::pin(self.dns(&mut evidence.dns, &mut dns_gaps))),
            Box::pin(self.endpoints(&chosen, 0..1, kept)),
            timeout_at(end, Box::pin(self.web(&mut client, sibling, &mut evidence.web, &mut web_gaps))),
            timeout_at(end, Box::pin(self.mail(&mut evidence.mail, &mut mail_gaps))),
        );
        drop(client);
        let kept = if self.wants_exposed() { EXPOSED_CONNECTIONS } else { 0 };
        let (more, mut more_gaps) = Box::pin(self.endpoints(&chosen, 1..chosen.len(), kept)).await;
        endpoints.extend(more);
        evidence.endpoints = endpoints;
        for gaps in [&mut dns_gaps, &mut tls_gaps, &mut more_gaps, &mut web_gaps, &mut mail_gaps] {
            evidence.gaps.append(gaps);
        }
        for (what, is_over) in [("dns", dns.is_err()), ("web", web.is_err()), ("mail", mail.is_err())] {
            if is_over {
                evidence.gaps.push(Gap::new(what, "the time of the audit is over"));
            }
        }
        if self.wants_tls() && self.addresses.len() > chosen.len() {
            let more = self.addresses.len() - chosen.len();
            evidence.gaps.push(Gap::new("addresses", format!("{more} more addresses were not examined")));
        }
        if self.wants_exposed() {
            let mut gaps = Vec::new();
            let looked = timeout_at(end, Box::pin(self.exposed(&mut evidence.web, &mut gaps))).await;
            evidence.gaps.append(&mut gaps);
            if looked.is_err() {
                evidence.gaps.push(Gap::new("exposed", "the time of the audit is over"));
            }
        }
    }

    async fn dns(&self, facts: &mut DnsFacts, gaps: &mut Vec<Gap>) {
        if self.wants(Part::Dns) && self.asks_dns {
            self.dns.examine(&self.name, self.options.https_port, facts, gaps).await;
        }
        tell(self.progress, Part::Dns, "dns", 1, 1);
    }

    /// Mail of the domain; of an address there is none, and without a name server nothing can be said.
    async fn mail(&self, facts: &mut Option<MailFacts>, gaps: &mut Vec<Gap>) {
        if !self.wants(Part::Mail) {
            return;
        }
        tell(self.progress, Part::Mail, "mail", 0, 1);
        match mail::domain(&self.name) {
            Some(domain) if self.asks_dns => {
                mail::collect(domain, (&self.gate, self.options), facts, gaps).await;
            }
            Some(_) => gaps.push(Gap::new("mail", "no name server was asked about the domain")),
            // An address or a name of one machine has no mail to look at, which is a gap only when nothing else was asked.
            None if self.options.parts.len() == 1 => gaps.push(Gap::new("mail", "this is not a domain")),
            None => {}
        }
        tell(self.progress, Part::Mail, "mail", 1, 1);
    }

    /// TLS of some of the chosen addresses: the very first in full, others in short, as long as so many connections are
    /// kept for other parts.
    async fn endpoints(
        &self,
        chosen: &[IpAddr],
        range: Range<usize>,
        kept: u32,
    ) -> (Vec<Endpoint>, Vec<Gap>) {
        let (mut endpoints, mut gaps) = (Vec::new(), Vec::new());
        let end = self.gate.deadline() + GRACE;
        let roots = Roots::new(&self.options.roots);
        let total = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
        for (done, ip) in (0u32..).zip(chosen).skip(range.start).take(range.len()) {
            tell(self.progress, Part::Tls, "tls", done, total);
            let is_first = done == 0;
            let depth = if is_first && self.wants(Part::Tls) { tls::Depth::Full } else { tls::Depth::Short };
            let left = self.gate.connections_left().saturating_sub(kept);
            if !is_first && left < SHORT_CONNECTIONS {
                gaps.push(Gap::new(
                    "addresses",
                    format!("{ip} was not examined: enough connections were made"),
                ));
                continue;
            }
            let gate = self.gate.share(if is_first { left } else { SHORT_CONNECTIONS });
            let address = SocketAddr::new(*ip, self.options.https_port);
            let host = self.name.trim_matches(['[', ']']);
            let probed =
                timeout_at(end, Box::pin(tls::probe(&gate, host, address, depth, &roots, now()))).await;
            let (facts, more) = probed.unwrap_or_else(|_| {
                (TlsFacts::default(), vec![Gap::new("tls", "the time of the audit is over")])
            });
            gaps.extend(more);
            endpoints.push(Endpoint {
                host: host.to_owned(),
                address: *ip,
                port: self.options.https_port,
                is_full: depth == tls::Depth::Full,
                tls: facts,
            });
            tell(self.progress, Part::Tls, "tls", done + 1, total);
        }
        (endpoints, gaps)
    }

    async fn web(
        &self,
        client: &mut Client,
        sibling: Option<String>,
        facts: &mut WebFacts,
        gaps: &mut Vec<Gap>,
    ) {
        if !self.wants(Part::Web) {
            return;
        }
        let step = |what, done| tell(self.progress, Part::Web, what, done, 5);
        step("redirects", 0);
        let mut starts = vec![("http", self.name.clone(), self.options.http_port)];
        if let Some(sibling) = sibling {
            starts.push(("http", sibling.clone(), self.options.http_port));
            starts.push(("https", sibling, self.options.https_port));
        }
        for (scheme, host, port) in starts {
            if let Some(url) = url_of(scheme, &host, port) {
                let way = redirects(client, url, &mut facts.cookies, gaps).await;
                facts.redirects.push(way);
            }
        }
        step("pages", 1);
        let is_open = facts.redirects.first().is_some_and(|way| way.state == HttpState::Open);
        let mut reader = Reader::new(client, facts, gaps, self.options.http_port);
        let mut home = match url_of("https", &self.name, self.options.https_port) {
            Some(url) => reader.home(url).await,
            None => None,
        };
        // A shop without HTTPS has pages all the same, and what they ask is worth knowing.
        if home.is_none()
            && reader.facts.pages.is_empty()
            && is_open
            && let Some(url) = url_of("http", &self.name, self.options.http_port)
        {
            home = reader.home(url).await;
        }
        let Some((home, links)) = home else { return };
        step("pages", 2);
        if self.options.pages.is_empty() {
            reader.guessed(links).await;
        } else {
            reader.given(&home, &self.options.pages).await;
        }
        step("cors", 3);
        reader.robots(&home).await;
        reader.cors(&home).await;
        step("security.txt", 4);
        if let Some(origin) = url_of("https", &self.name, self.options.https_port) {
            reader.security_txt(&origin).await;
        }
        step("web", 5);
    }

    async fn exposed(&self, facts: &mut WebFacts, gaps: &mut Vec<Gap>) {
        let (Some(token), Some(origin)) =
            (&self.options.owner, url_of("https", &self.name, self.options.https_port))
        else {
            return;
        };
        tell(self.progress, Part::Exposed, "owner", 0, 2);
        let mut client = Client::new(&self.gate);
        let dns = self.asks_dns.then_some(&self.dns);
        let found = owner::find(&self.name, token, (&origin, &self.addresses), dns, &mut client).await;
        facts.owner = found.proof;
        let Some(address) = found.address.filter(|_| found.proof != OwnerProof::Missing) else {
            gaps.push(Gap::new("exposed", found.why));
            return;
        };
        tell(self.progress, Part::Exposed, "exposed", 1, 2);
        exposed::look(&self.name, (&origin, address), &salt(), &mut client, facts, gaps).await;
        tell(self.progress, Part::Exposed, "exposed", 2, 2);
    }

    /// Why there is nothing to judge: neither TLS nor HTTP answers.
    fn failure(&self, evidence: &Evidence) -> Option<AuditError> {
        if !self.wants_tls() && !self.wants(Part::Web) {
            return None;
        }
        let is_tls = evidence.endpoints.iter().any(|endpoint| endpoint.tls.reach == Reach::Tls);
        let is_web = evidence.web.redirects.iter().any(|way| way.state == HttpState::Open)
            || evidence.web.pages.iter().any(|page| !page.hops.is_empty());
        if is_tls || is_web {
            return None;
        }
        let host = evidence.target.host.clone();
        let reach = evidence
            .endpoints
            .iter()
            .map(|endpoint| &endpoint.tls.reach)
            .find(|reach| **reach != Reach::Unknown);
        let web = evidence.web.redirects.first().map(|way| way.state);
        match reach {
            Some(Reach::NotTls { looks_like }) => Some(AuditError::NotTls {
                host,
                port: self.options.https_port,
                looks_like: looks_like.clone(),
            }),
            Some(Reach::Refused) => Some(self.refused(host)),
            Some(Reach::TimedOut) => Some(AuditError::TimedOut { host }),
            Some(Reach::Unreachable) => Some(AuditError::Unreachable { host }),
            _ if web == Some(HttpState::Closed) => Some(self.refused(host)),
            _ => Some(AuditError::TimedOut { host }),
        }
    }

    fn refused(&self, host: String) -> AuditError {
        AuditError::Refused { host, https_port: self.options.https_port, http_port: self.options.http_port }
    }
}

/// The addresses of the host, without those that may not be connected to.
async fn find_addresses(
    host: &Host<String>,
    gate: &Gate,
    dns: &Dns,
    evidence: &mut Evidence,
) -> Result<Vec<IpAddr>, AuditError> {
    let name = evidence.target.host.clone();
    let mut found = match host {
        Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
        Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
        Host::Domain(host) => {
            evidence.dns.domain = dns::domain(host);
            let given = gate.pinned(host);
            if given.is_empty() {
                let found = dns.addresses(host).await.map_err(|error| from_lookup(error, &name))?;
                (evidence.dns.v4, evidence.dns.v6) = (found.v4.clone(), found.v6.clone());
                evidence.dns.aliases = found.aliases;
                evidence.gaps.extend(found.missing.map(|why| Gap::new("dns.addresses", &why)));
                found.v4.into_iter().chain(found.v6).collect()
            } else {
                evidence.dns.v4 = given.iter().copied().filter(IpAddr::is_ipv4).collect();
                evidence.dns.v6 = given.iter().copied().filter(IpAddr::is_ipv6).collect();
                given
            }
        }
    };
    if gate.policy() == NetworkPolicy::PublicOnly {
        let refused = found.iter().copied().find(|ip| !gate.is_public(*ip));
        found.retain(|ip| gate.is_public(*ip));
        match refused {
            Some(address) if found.is_empty() => return Err(AuditError::NotAllowed { host: name, address }),
            Some(address) => {
                evidence.gaps.push(Gap::new("addresses", format!("{address} is not on the public network")))
            }
            None => {}
        }
    }
    Ok(found)
}

fn from_lookup(error: LookupError, host: &str) -> AuditError {
    let host = host.to_owned();
    match error {
        LookupError::NoSuchName => AuditError::NoSuchName { host },
        LookupError::NoAddress => AuditError::NoAddress { host },
        LookupError::Failed(why) => AuditError::DnsFailed { host, why },
        LookupError::NotAsked => AuditError::DnsFailed { host, why: "no name server is known".to_owned() },
    }
}

/// Whether only the DNS and mail are looked at, which need no address of the host.
fn is_by_name_only(options: &AuditOptions) -> bool {
    options.parts.iter().all(|part| matches!(part, Part::Dns | Part::Mail))
}

/// Which addresses are examined: the first one, then both families in turn.
fn choose(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|ip| ip.is_ipv4());
    let mut chosen = Vec::new();
    for at in 0..v4.len().max(v6.len()) {
        chosen.extend(v4.get(at));
        chosen.extend(v6.get(at));
    }
    chosen.truncate(ENDPOINTS_MAX);
    chosen
}

fn check_options(options: &AuditOptions) -> Result<(), AuditError> {
    let bad = |why: &str| Err(AuditError::BadOption { why: why.to_owned() });
    if options.pages.len() > crate::pages::PAGES_MAX {
        return bad("at most 8 pages can be given");
    }
    mail::check_selectors(&options.selectors)?;
    if options.https_port == 0 || options.http_port == 0 {
        return bad("port 0 does not exist");
    }
    match &options.owner {
        Some(token) if token.len() < owner::TOKEN_CHARS_MIN => bad("the owner's token is too short"),
        Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            bad("the owner's token has odd characters")
        }
        _ => Ok(()),
    }
}

fn url_of(scheme: &str, host: &str, port: u16) -> Option<Url> {
    Url::parse(&format!("{scheme}://{host}:{port}/")).ok()
}

/// Eight random characters, for paths that surely do not exist.
fn salt() -> String {
    let mut bytes = [0; 8];
    // Without randomness the paths are still unlikely to exist.
    let _ = rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    hex::encode(bytes)
}

fn now() -> TimeMs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

fn tell(progress: Progress<'_>, part: Part, what: &'static str, done: u32, total: u32) {
    progress(AuditStep { part, what, done, total });
}
