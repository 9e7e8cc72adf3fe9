//! Examines the TLS of one address: raw hellos for what a server would do, normal handshakes for what visitors get.
//!
//! Independent questions run at the same time; the gate bounds connections. First what no finding can do without, then
//! what completes lists: when connections run out, the least important questions become gaps.

mod ask;
mod bugs;
mod groups;
mod kex;
mod normal;
mod notes;
mod session;
mod suites;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kluis_checks::cert;
use kluis_checks::facts::{
    Answer, Bug, CipherOrder, ClientCertificate, Gap, OcspStaple, Protocol, Reach, Resumption, TlsFacts,
};
use kluis_model::TimeMs;
use tokio::time::Instant;

use self::ask::{Miss, Prober};
use self::normal::Normal;
use self::notes::Notes;
use crate::connect::Gate;
use crate::trust::{self, Roots};

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Everything.
    Full,
    /// Versions and certificate.
    Short,
}

/// Examines one address; about 40 connections to a modern server in full, 8 in short.
///
/// Bounded by the gate: connections, time of each step, time of all. Hostile answers cost at most a flight of
/// [`kluis_checks::tls::flight::FLIGHT_BYTES_MAX`] bytes of memory for each of the connections that are open.
pub(crate) async fn probe(
    gate: &Gate,
    host: &str,
    address: SocketAddr,
    depth: Depth,
    roots: &Roots,
    now: TimeMs,
) -> (TlsFacts, Vec<Gap>) {
    let begun = Instant::now();
    let prober = Prober::new(gate, host, address);
    let contact = versions::contact(&prober).await;
    let mut facts = TlsFacts { reach: contact.reach.clone(), ..TlsFacts::default() };
    let mut found = Found::default();
    if facts.reach == Reach::Tls {
        found = examine(&prober, contact, depth, &mut facts).await;
    }
    let (connections, mut gaps, mut notes) = prober.finish();
    let chain = std::mem::take(&mut found.normal.chain);
    let chain = if chain.is_empty() { notes.chains.pop_last().map_or(chain, |(_, raw)| raw) } else { chain };
    facts.chain = trust::examine(gate, (host, &chain), roots, now, &mut gaps).await;
    fill(&mut facts, found, notes);
    facts.connections = connections;
    facts.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    (facts, gaps)
}

/// What the tracks bring home besides notes.
#[derive(Default)]
struct Found {
    normal: Normal,
    group: Option<u16>,
}

async fn examine(
    prober: &Prober<'_>,
    contact: versions::Contact,
    depth: Depth,
    facts: &mut TlsFacts,
) -> Found {
    let is_full = depth == Depth::Full;
    let tls13 = async {
        match contact.tls13 {
            Answer::Accepted => (Answer::Accepted, contact.group),
            Answer::Refused => (Answer::Refused, None),
            Answer::Unknown => {
                let asked = versions::tls13_alone(prober).await;
                prober.or_gap("tls13", asked).unwrap_or_default()
            }
        }
    };
    let (ssl2, ssl3, tls10, tls11, tls12, (tls13, group), normal) = tokio::join!(
        versions::ssl2(prober),
        versions::old(prober, Protocol::Ssl3),
        versions::old(prober, Protocol::Tls10),
        versions::old(prober, Protocol::Tls11),
        versions::tls12(prober),
        tls13,
        normal::visit(prober, is_full),
    );
    let tls12 = prober.or_gap("tls12", tls12).unwrap_or_default();
    facts.protocols = [(Protocol::Tls12, tls12), (Protocol::Tls13, tls13)].into();
    facts.protocols.insert(Protocol::Ssl2, prober.or_gap("ssl2", ssl2).unwrap_or_default());
    let old = [
        (Protocol::Ssl3, "ssl3", ssl3),
        (Protocol::Tls10, "tls10", tls10),
        (Protocol::Tls11, "tls11", tls11),
    ];
    for (protocol, what, answer) in old {
        let answer = match answer {
            // A server that read the long list of TLS 1.2 read this one too.
            Ok(None) if tls12 == Answer::Accepted => Ok(Answer::Refused),
            Ok(None) => versions::in_short_lists(prober, protocol).await,
            Ok(Some(answer)) => Ok(answer),
            Err(miss) => Err(miss),
        };
        facts.protocols.insert(protocol, prober.or_gap(what, answer).unwrap_or_default());
    }
    let mut found = Found { normal: prober.or_gap("handshake", normal).unwrap_or_default(), group };
    if is_full {
        in_full(prober, &contact, facts, &mut found).await;
    }
    found
}

/// Everything that needs to know the versions.
async fn in_full(prober: &Prober<'_>, contact: &versions::Contact, facts: &mut TlsFacts, found: &mut Found) {
    let accepted: Vec<Protocol> =
        Protocol::ALL.into_iter().filter(|protocol| facts.accepts(*protocol)).collect();
    let old: Vec<Protocol> =
        accepted.iter().copied().filter(|p| (Protocol::Ssl3..=Protocol::Tls12).contains(p)).collect();
    let has_tls13 = accepted.contains(&Protocol::Tls13);
    let best = old.last().copied();
    if let Some(best) = best {
        suites::classes(prober, best).await;
    }
    let (downgrade, bugs, signature, intolerant, ()) = tokio::join!(
        downgrade(prober, &old),
        bugs(prober, best.filter(|_| !has_tls13)),
        kex::signature(prober),
        intolerant(prober, contact, facts.best().filter(|_| !has_tls13)),
        async {
            if let Some(best) = best {
                kex::dh(prober, best).await;
            }
        },
    );
    (facts.fallback_scsv, facts.bugs, facts.kex_signature) = (downgrade, bugs, signature);
    facts.tls13_intolerant = if has_tls13 { Some(false) } else { intolerant };
    // A server with old versions uses up its connections on their suites: what it prefers in the newest is asked before.
    let preference = match best {
        Some(best) if old.len() > 1 => Some((best, suites::order(prober, best, Vec::new()).await)),
        _ => None,
    };
    // What is left for older versions is enough to say that they are spoken.
    for protocol in old.iter().rev().skip(1) {
        suites::classes(prober, *protocol).await;
    }
    let (orders, (), (), session, nameless, http2) = tokio::join!(
        orders(prober, &accepted),
        groups::list_tls12(prober),
        async {
            if has_tls13 {
                groups::list_tls13(prober, found.group).await;
            }
        },
        session::look(prober),
        nameless(prober, best, has_tls13),
        async {
            !old.contains(&Protocol::Tls12) && has_tls13 && normal::speaks_http2(prober).await == Ok(true)
        },
    );
    facts.order = orders;
    if let Some((best, early)) = preference {
        let late = facts.order.entry(best).or_default();
        if late.is_by_server.is_none() {
            *late = early;
        }
    }
    facts.other_without_sni = prober.or_gap("sni", nameless).and_then(|leaf| {
        let named = best.and_then(|best| prober.notes().chains.get(&best).cloned());
        other(&named.unwrap_or_else(|| found.normal.chain.clone()), &leaf)
    });
    if http2 {
        found.normal.alpn.push("h2".to_owned());
    }
    if let Some(seen) = prober.or_gap("renegotiation", session).flatten() {
        facts.client_renegotiations = seen.renegotiations;
        facts.resumption.ticket_lifetime_s = seen.ticket.as_ref().map(|(lifetime, _)| *lifetime);
        if let Some((_, ticket)) = seen.ticket.filter(|_| !has_tls13) {
            let asked = bugs::ticketbleed(prober, &ticket).await;
            facts.bugs.extend(prober.or_gap("ticketbleed", asked).map(|has_it| (Bug::Ticketbleed, has_it)));
        }
    }
}

async fn orders(prober: &Prober<'_>, accepted: &[Protocol]) -> BTreeMap<Protocol, CipherOrder> {
    let mut out = BTreeMap::new();
    for protocol in accepted.iter().rev().filter(|protocol| **protocol != Protocol::Ssl2) {
        let order = match protocol {
            Protocol::Tls13 => suites::list_tls13(prober).await,
            older => suites::list(prober, *older).await,
        };
        out.insert(*protocol, order);
    }
    out
}

/// Whether a downgrade is noticed. TLS 1.2 beside 1.3 alone needs no suite for it: RFC 8446 §4.1.3 has its own mark.
async fn downgrade(prober: &Prober<'_>, old: &[Protocol]) -> Option<bool> {
    let lower = old.iter().rev().nth(1)?;
    prober.or_gap("fallback", versions::fallback(prober, *lower).await)
}

async fn intolerant(
    prober: &Prober<'_>,
    contact: &versions::Contact,
    best: Option<Protocol>,
) -> Option<bool> {
    if contact.is_tolerant {
        return Some(false);
    }
    let best = best.filter(|best| *best >= Protocol::Tls10)?;
    prober.or_gap("tls13_intolerant", versions::intolerant(prober, best).await)
}

async fn bugs(prober: &Prober<'_>, version: Option<Protocol>) -> BTreeMap<Bug, bool> {
    let Some(version) = version else {
        // TLS 1.3 came years after these were mended.
        return BTreeMap::new();
    };
    let (heartbleed, ccs, robot) = tokio::join!(
        bugs::heartbleed(prober, version),
        bugs::early_ccs(prober, version),
        bugs::robot(prober, version),
    );
    let asked = [
        (Bug::Heartbleed, "heartbleed", heartbleed.map(Some)),
        (Bug::Ccs, "ccs", ccs.map(Some)),
        (Bug::Robot, "robot", robot),
    ];
    let known =
        asked.into_iter().filter_map(|(bug, what, answer)| Some((bug, prober.or_gap(what, answer)??)));
    known.collect()
}

async fn nameless(prober: &Prober<'_>, best: Option<Protocol>, has_tls13: bool) -> Result<Vec<u8>, Miss> {
    match best.filter(|best| *best > Protocol::Ssl3) {
        _ if prober.sni().is_none() => Ok(Vec::new()),
        Some(best) => versions::nameless(prober, best).await,
        None if has_tls13 => normal::nameless(prober).await,
        None => Ok(Vec::new()),
    }
}

/// The leaf shown without a name, when it is another one than with it.
fn other(named: &[Vec<u8>], nameless: &[u8]) -> Option<(String, Vec<String>)> {
    let is_other = !nameless.is_empty() && named.first().is_some_and(|leaf| leaf != nameless);
    is_other.then(|| cert::read(nameless)).map(|leaf| (leaf.sha256, leaf.names))
}

/// Puts what was noted in its places.
fn fill(facts: &mut TlsFacts, found: Found, notes: Notes) {
    facts.suites = notes
        .suites
        .iter()
        .map(|(protocol, id)| kluis_checks::facts::SuiteFacts { protocol: *protocol, id: *id })
        .collect();
    facts.dh = notes.dh;
    facts.groups_tls12 = notes.groups_tls12.into_iter().collect();
    facts.groups_tls13 = notes.groups_tls13.into_iter().collect();
    facts.group_preferred = found.group;
    facts.extended_master_secret = notes.extended_master_secret;
    facts.secure_renegotiation = notes.secure_renegotiation;
    facts.compression = notes.compression;
    facts.alpn = notes.alpn.into_iter().chain(found.normal.alpn).collect();
    facts.alpn.sort();
    facts.alpn.dedup();
    facts.early_data = found.normal.early_data;
    facts.resumption = Resumption { works: found.normal.resumed, ..facts.resumption };
    facts.client_certificate = match (found.normal.client_certificate, notes.certificate_request) {
        (ClientCertificate::Unknown, Some(true)) => ClientCertificate::Requested,
        (ClientCertificate::Unknown, Some(false)) => ClientCertificate::None,
        (known, _) => known,
    };
    facts.chain.ocsp_staple = match (found.normal.has_staple, notes.ocsp) {
        (true, _) | (_, Some(true)) => OcspStaple::Present,
        (false, None) if facts.chain.sent.is_empty() => OcspStaple::Unknown,
        (false, _) => OcspStaple::Absent,
    };
    facts.chain.scts_tls = notes.scts;
}
