//! Which suites a server accepts in one version, and who decides between them.
//!
//! A server names one suite for each hello. First every class of suites is asked for once (a chosen suite takes its
//! whole class out), which finds what is wrong with few connections; then the classes that were found are listed one by
//! one as far as connections last.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use kluis_checks::facts::{CipherOrder, Protocol};
use kluis_checks::tls::groups::{FFDHE, PROBED_TLS12, PROBED_TLS13};
use kluis_checks::tls::suites::{Cipher, PROBE_CHUNK, Suite, find, probe_lists, tls13};
use kluis_checks::tls::{Hello, Ncsc};

use super::ask::{Miss, Prober, Reply, Weight, random};
use super::notes::protocol as protocol_of;

/// Kinds of suites that findings tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Null,
    Anon,
    Export,
    Rc4,
    Des,
    TripleDes,
    Shared,
    Ccm8,
    Static,
    DheCbc,
    DheAead,
    EcdheCbc,
    EcdheAead,
    Other,
}

fn class(id: u16) -> Class {
    let Some(suite) = find(u32::from(id)) else { return Class::Other };
    match suite {
        _ if suite.needs_shared_secret() => Class::Shared,
        _ if suite.is_null() => Class::Null,
        _ if suite.is_anon() => Class::Anon,
        _ if suite.is_export => Class::Export,
        _ if suite.is_rc4() => Class::Rc4,
        _ if suite.is_des() || suite.is_rc2() || suite.cipher == Cipher::Idea => Class::Des,
        _ if suite.is_3des() => Class::TripleDes,
        _ if !suite.has_forward_secrecy() => Class::Static,
        _ if suite.is_ccm8() => Class::Ccm8,
        _ if suite.uses_dhe() && suite.is_aead() => Class::DheAead,
        _ if suite.uses_dhe() => Class::DheCbc,
        _ if suite.uses_ecdhe() && suite.is_aead() => Class::EcdheAead,
        _ if suite.uses_ecdhe() => Class::EcdheCbc,
        _ => Class::Other,
    }
}

/// Finds at least one suite of every class that is accepted in a version up to TLS 1.2.
pub(super) async fn classes(prober: &Prober<'_>, protocol: Protocol) {
    let seen: BTreeSet<Class> = prober.notes().accepted(protocol).into_iter().map(class).collect();
    let lists = probe_lists(protocol);
    let asked = lists.into_iter().enumerate().map(|(number, list)| {
        let weight = match (protocol, number) {
            (Protocol::Tls12, 0) => Weight::Must,
            (Protocol::Tls12, _) | (_, 0) => Weight::Should,
            _ => Weight::May,
        };
        let offer = weak_first(list.into_iter().filter(|id| !seen.contains(&class(*id))));
        remove(prober, protocol, offer, weight, |chosen, other| class(chosen) == class(other))
    });
    for (_, result) in join_all(asked).await {
        prober.or_gap(&what("suites", protocol), result);
    }
}

/// Lists all suites of the classes that were found, and who decides between them.
pub(super) async fn list(prober: &Prober<'_>, protocol: Protocol) -> CipherOrder {
    let found: BTreeSet<Class> = prober.notes().accepted(protocol).into_iter().map(class).collect();
    let members: Vec<u16> =
        probe_lists(protocol).into_iter().flatten().filter(|id| found.contains(&class(*id))).collect();
    let chunks = members.chunks(PROBE_CHUNK).map(|chunk| {
        let offer = weak_first(chunk.iter().copied());
        remove(prober, protocol, offer, Weight::May, |chosen, other| chosen == other)
    });
    let mut listed = join_all(chunks).await;
    let is_complete = listed.iter().all(|(_, result)| result.is_ok());
    for (_, result) in &listed {
        prober.or_gap(&what("suites", protocol), result.clone());
    }
    listed.retain(|(chosen, _)| !chosen.is_empty());
    let sequence = match listed.as_slice() {
        [(chosen, _)] if is_complete => chosen.clone(),
        _ => Vec::new(),
    };
    order(prober, protocol, sequence).await
}

/// The suites of TLS 1.3 and their order.
pub(super) async fn list_tls13(prober: &Prober<'_>) -> CipherOrder {
    let offer = weak_first(tls13().into_iter());
    let (chosen, result) =
        remove(prober, Protocol::Tls13, offer, Weight::Should, |chosen, other| chosen == other).await;
    let sequence = if result.is_ok() { chosen } else { Vec::new() };
    prober.or_gap("suites.tls13", result);
    order(prober, Protocol::Tls13, sequence).await
}

/// Offers everything, takes out what `goes_with` the chosen suite, and repeats until the server declines.
async fn remove(
    prober: &Prober<'_>,
    protocol: Protocol,
    mut offer: Vec<u16>,
    weight: Weight,
    goes_with: impl Fn(u16, u16) -> bool,
) -> (Vec<u16>, Result<(), Miss>) {
    let mut chosen = Vec::new();
    while !offer.is_empty() {
        match choose(prober, protocol, offer.clone(), weight).await {
            Ok(Some(id)) => {
                chosen.push(id);
                offer.retain(|other| !goes_with(id, *other));
            }
            Ok(None) => break,
            Err(miss) => return (chosen, Err(miss)),
        }
    }
    (chosen, Ok(()))
}

/// The suite that the server chooses; always one of those offered.
async fn choose(
    prober: &Prober<'_>,
    protocol: Protocol,
    offer: Vec<u16>,
    weight: Weight,
) -> Result<Option<u16>, Miss> {
    match prober.answer(&hello(prober, protocol, offer), weight).await? {
        Reply::No(_) => Ok(None),
        Reply::Yes(flight) => {
            let server = flight.server_hello.unwrap_or_default();
            Ok((protocol_of(server.version) == Some(protocol)).then_some(server.suite))
        }
    }
}

/// A hello of one version. FFDHE groups go along, so that TLS 1.2 servers that insist on them use DHE.
fn hello(prober: &Prober<'_>, protocol: Protocol, offer: Vec<u16>) -> Hello {
    if protocol == Protocol::Tls13 {
        return Hello {
            sni: prober.sni(),
            suites: offer,
            supported_versions: vec![0x0304],
            groups: PROBED_TLS13.to_vec(),
            key_shares: Vec::new(),
            ..Hello::modern(random())
        };
    }
    let mut hello = prober.hello(protocol, offer);
    hello.groups = PROBED_TLS12.iter().chain(&FFDHE).copied().collect();
    hello
}

/// Who decides: offers the accepted suites best first and worst first.
///
/// `sequence` is the order in which the server chose when all were offered worst first, empty when that is not known.
pub(super) async fn order(prober: &Prober<'_>, protocol: Protocol, sequence: Vec<u16>) -> CipherOrder {
    let weak = weak_first(prober.notes().accepted(protocol).into_iter());
    let mut strong = weak.clone();
    strong.reverse();
    strong.truncate(PROBE_CHUNK);
    if strong.len() < 2 {
        return CipherOrder { is_by_server: None, preferred: strong.into_iter().map(u32::from).collect() };
    }
    let mut weak = strong.clone();
    weak.reverse();
    let best_first = choose(prober, protocol, strong.clone(), Weight::Should).await;
    let worst_first = match sequence.first() {
        Some(first) if sequence.len() == strong.len() => Ok(Some(*first)),
        _ => choose(prober, protocol, weak.clone(), Weight::Should).await,
    };
    let chosen = prober.or_gap(&what("order", protocol), best_first.and_then(|b| Ok((b, worst_first?))));
    let Some((Some(best), Some(worst))) = chosen else {
        return CipherOrder::default();
    };
    // A server that follows the client takes the first both times. One that prefers ChaCha20 for clients that put it
    // first takes two different suites, but still decides.
    if Some(&best) == strong.first() && Some(&worst) == weak.first() {
        return CipherOrder { is_by_server: Some(false), preferred: Vec::new() };
    }
    let preferred = if sequence.len() == strong.len() { sequence } else { vec![worst] };
    CipherOrder { is_by_server: Some(true), preferred: preferred.into_iter().map(u32::from).collect() }
}

/// Worst first: NCSC's judgement, then the strength of the cipher.
fn weak_first(ids: impl Iterator<Item = u16>) -> Vec<u16> {
    let worth = |id: &u16| {
        let suite: Option<&Suite> = find(u32::from(*id));
        let level = suite.map_or(Ncsc::Insufficient, |suite| suite.ncsc());
        let is_fresh = suite.is_some_and(|suite| suite.has_forward_secrecy() && !suite.is_anon());
        let is_chacha = suite.is_some_and(|suite| suite.cipher == Cipher::Chacha20);
        (std::cmp::Reverse(level), is_fresh, suite.map_or(0, |suite| suite.bits), !is_chacha, *id)
    };
    let mut ids: Vec<u16> = ids.collect();
    ids.sort_by_key(worth);
    ids.dedup();
    ids
}

fn what(part: &str, protocol: Protocol) -> String {
    format!("{part}.{}", protocol.name().to_lowercase().replace([' ', '.'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_tell_apart_what_findings_tell_apart() {
        let expected = [
            (0x0001, Class::Null),
            (0x0034, Class::Anon),
            (0x0003, Class::Export),
            (0x0005, Class::Rc4),
            (0x0009, Class::Des),
            (0x000A, Class::TripleDes),
            (0x008C, Class::Shared),
            (0xC0AE, Class::Ccm8),
            (0x002F, Class::Static),
            (0x0033, Class::DheCbc),
            (0x009E, Class::DheAead),
            (0xC013, Class::EcdheCbc),
            (0xC02F, Class::EcdheAead),
        ];
        for (id, expected) in expected {
            assert_eq!(class(id), expected, "{id:04x}");
        }
    }

    #[test]
    fn worst_comes_first() {
        let sorted = weak_first([0xC030, 0x0005, 0xC02F, 0x002F, 0x0001, 0xC013].into_iter());
        assert_eq!(sorted.first(), Some(&0x0001));
        assert_eq!(sorted.last(), Some(&0xC030));
        let place = |id: u16| sorted.iter().position(|other| *other == id);
        assert!(place(0x0005) < place(0xC02F) && place(0x002F) < place(0xC013));
    }
}
