//! What an audit is asked to do, and what it tells on the way.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kluis_checks::Part;
use kluis_checks::facts::PageKind;
use rustls::pki_types::CertificateDer;

use crate::connect::ConnectionLimit;
use crate::guard::NetworkPolicy;

/// How an audit is done. The defaults are gentle: 60 connections for the host and its sibling together, one minute.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// What is looked at; all but [`Part::Exposed`] need no permission. `Exposed` needs a proof of ownership too.
    pub parts: BTreeSet<Part>,
    /// Addresses to use for names instead of the DNS's, as `--resolve`.
    pub resolve: Vec<(String, IpAddr)>,
    /// The port of HTTPS.
    pub https_port: u16,
    /// The port of plain HTTP.
    pub http_port: u16,
    /// The port of mail servers (tests have others).
    pub smtp_port: u16,
    /// The port at which a policy of MTA-STS is fetched (tests have others).
    pub mta_sts_port: u16,
    /// DKIM selectors to look for besides common ones, at most 20.
    pub selectors: Vec<String>,
    /// Paths of pages to read instead of guessed ones, at most 8.
    pub pages: Vec<(PageKind, String)>,
    /// Roots that are trusted besides the public ones.
    pub roots: Vec<CertificateDer<'static>>,
    /// The name server to ask; without it those of the system.
    pub dns: Option<SocketAddr>,
    /// The DNSSEC trust anchor as DNSKEY records in text, instead of the root's.
    pub trust_anchor: Option<String>,
    /// Which networks may be connected to.
    pub network: NetworkPolicy,
    /// Connections at most to the audited host, all together.
    pub connections_max: u32,
    /// Time for everything; what is not known by then becomes a gap.
    pub total: Duration,
    /// Time for one connection, and for one answer to begin.
    pub step: Duration,
    /// The token of `klantkluis-owner=<token>` that the owner was told to publish.
    pub owner: Option<String>,
    /// `User-Agent` of every request.
    pub user_agent: String,
    /// Bounds the connections of all audits that share it.
    pub limit: Option<ConnectionLimit>,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            parts: [Part::Tls, Part::Certificate, Part::Dns, Part::Web, Part::Exposed, Part::Mail].into(),
            resolve: Vec::new(),
            https_port: 443,
            http_port: 80,
            smtp_port: 25,
            mta_sts_port: 443,
            selectors: Vec::new(),
            pages: Vec::new(),
            roots: Vec::new(),
            dns: None,
            trust_anchor: None,
            network: NetworkPolicy::Any,
            connections_max: 60,
            total: Duration::from_secs(60),
            step: Duration::from_secs(5),
            owner: None,
            user_agent: concat!(
                "Klantkluis-check/",
                env!("CARGO_PKG_VERSION"),
                " (an HTTPS audit that somebody asked for; it reads a few pages)"
            )
            .to_owned(),
            limit: None,
        }
    }
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditStep {
    /// The part at work.
    pub part: Part,
    /// What it does now, as a short id: `dns`, `tls`, `redirects`, `pages`, `cors`, `security.txt`, `exposed`, `mail`.
    pub what: &'static str,
    /// Steps done of this part.
    pub done: u32,
    /// Steps of this part.
    pub total: u32,
}
