//! The mail exchangers of a domain: names, addresses, TLSA records, and a short talk with the first ones.

use std::net::SocketAddr;

use hickory_proto::rr::RecordType;
use kluis_checks::facts::{MailFacts, MxFacts, SmtpFacts};
use kluis_mail::dns::{Answer, RecordKind};

use super::{Job, smtp};
use crate::connect::ConnectError;
use crate::dns::LookupError;

/// Exchangers that are named.
const NAMED_MAX: usize = 20;
/// Exchangers whose addresses and TLSA records are looked up.
const LOOKED_UP_MAX: usize = 4;
/// Exchangers that are talked to.
const TALKED_MAX: usize = 2;

impl Job<'_> {
    /// Fills in the exchangers and their addresses.
    pub(super) async fn exchangers(&mut self, facts: &mut MailFacts) {
        let domain = facts.domain.clone();
        let mut list = match self.lookups.get(&domain, RecordKind::Mx).await {
            Answer::Failed => return self.gap("mx", "the DNS did not answer"),
            Answer::Mx(list) => list.clone(),
            _ => Vec::new(),
        };
        list.sort();
        facts.has_null_mx = list.iter().any(|(_, host)| host.is_empty() || host == ".");
        list.retain(|(_, host)| !host.is_empty() && host != ".");
        let mut found = Vec::new();
        for (number, (preference, host)) in list.into_iter().take(NAMED_MAX).enumerate() {
            let mut mx = MxFacts { preference, host, ..MxFacts::default() };
            if number < LOOKED_UP_MAX && self.lookups.spend() && self.lookups.spend() {
                self.addresses(&mut mx).await;
            }
            found.push(mx);
        }
        if !found.is_empty() {
            facts.mx_dnssec = self.lookups.dns().signed(&domain, RecordType::MX).await;
        }
        facts.mx = Some(found);
    }

    async fn addresses(&mut self, mx: &mut MxFacts) {
        if mx.host.parse::<std::net::IpAddr>().is_ok() {
            return;
        }
        let given = self.gate.pinned(&mx.host);
        if !given.is_empty() {
            mx.addresses = Some(given);
            return;
        }
        match self.lookups.dns().addresses(&mx.host).await {
            Ok(found) => {
                mx.alias = found.aliases.first().cloned();
                mx.addresses = Some(found.all());
            }
            Err(LookupError::NoSuchName | LookupError::NoAddress) => mx.addresses = Some(Vec::new()),
            Err(error) => {
                self.lookups.failed();
                self.gap("mx", &format!("{}: {error}", mx.host));
            }
        }
    }

    /// TLSA records of the exchangers.
    pub(super) async fn dane(&mut self, facts: &mut MailFacts) {
        for mx in facts.mx.iter_mut().flatten().take(LOOKED_UP_MAX) {
            if mx.addresses.as_ref().is_none_or(Vec::is_empty) || !self.lookups.spend() {
                continue;
            }
            let name = format!("_25._tcp.{}", mx.host);
            match self.lookups.dns().tlsa(&name).await {
                Ok(records) => {
                    if !records.is_empty() {
                        mx.tlsa_dnssec = self.lookups.dns().signed(&name, RecordType::TLSA).await;
                    }
                    mx.tlsa = Some(records);
                }
                Err(error) => {
                    self.lookups.failed();
                    self.gap("mx.tlsa", &format!("{name}: {error}"));
                }
            }
        }
    }

    /// Talks to the first exchangers. From many networks port 25 cannot be reached; that says nothing about the server.
    pub(super) async fn talk(&mut self, facts: &mut MailFacts) {
        for mx in facts.mx.iter_mut().flatten().take(TALKED_MAX) {
            let Some(ip) = mx.addresses.iter().flatten().next().copied() else { continue };
            let address = SocketAddr::new(ip, self.options.smtp_port);
            self.gate.allow_exchanger(address);
            let stream = match self.gate.connect(address).await {
                Ok(stream) => stream,
                Err(error) => {
                    let more = match error {
                        ConnectError::TimedOut | ConnectError::Refused | ConnectError::Unreachable => {
                            " (many networks block mail)"
                        }
                        _ => "",
                    };
                    self.gap("smtp", &format!("{}: {error}{more}", mx.host));
                    continue;
                }
            };
            let mut said = SmtpFacts { address: Some(ip), ..SmtpFacts::default() };
            if let Err(problem) = smtp::talk(&self.gate, &mx.host, stream, &mut said).await {
                self.gap("smtp", &format!("{}: {problem}", mx.host));
            }
            mx.smtp = said;
        }
    }
}
