//! Which groups a server agrees on a key with, in TLS 1.2 and TLS 1.3.

use kluis_checks::facts::Protocol;
use kluis_checks::tls::Hello;
use kluis_checks::tls::groups::{PROBED_TLS12, PROBED_TLS13};
use kluis_checks::tls::suites::{Suite, tls13};

use super::ask::{Miss, Prober, Reply, Weight, random};

/// Curves that are accepted in TLS 1.2, by offering all, taking out the chosen one, and so on. They end up in the notes.
pub(super) async fn list_tls12(prober: &Prober<'_>) {
    let suites = prober.notes().accepted_where(Protocol::Tls12, Suite::uses_ecdhe);
    if suites.is_empty() {
        return;
    }
    let mut offer = PROBED_TLS12.to_vec();
    let result = async {
        while !offer.is_empty() {
            let hello = Hello { groups: offer.clone(), ..prober.hello(Protocol::Tls12, suites.clone()) };
            let Reply::Yes(flight) = prober.answer(&hello, Weight::May).await? else { break };
            let chosen = flight.key_exchange.as_ref().and_then(|exchange| exchange.named_group);
            // An explicit curve, or one that was not offered, would go round for ever.
            let Some(chosen) = chosen.filter(|chosen| offer.contains(chosen)) else {
                return Err(Miss::Odd("a curve that was not offered"));
            };
            offer.retain(|group| *group != chosen);
        }
        Ok::<_, Miss>(())
    };
    let result = result.await;
    prober.or_gap("groups.tls12", result);
}

/// Groups that are accepted in TLS 1.3: with no key share, the server says which group it wants (HelloRetryRequest).
/// They end up in the notes; the first one is what it takes when all are offered.
pub(super) async fn list_tls13(prober: &Prober<'_>, first: Option<u16>) {
    let mut offer: Vec<u16> = PROBED_TLS13.iter().copied().filter(|group| Some(*group) != first).collect();
    let result = async {
        while !offer.is_empty() {
            let Reply::Yes(flight) = prober.answer(&retry_hello(prober, &offer), Weight::May).await? else {
                break;
            };
            let chosen = flight.server_hello.as_ref().and_then(|server| server.group);
            let Some(chosen) = chosen.filter(|chosen| offer.contains(chosen)) else {
                return Err(Miss::Odd("a group that was not offered"));
            };
            offer.retain(|group| *group != chosen);
        }
        Ok::<_, Miss>(())
    };
    let result = result.await;
    prober.or_gap("groups.tls13", result);
}

fn retry_hello(prober: &Prober<'_>, groups: &[u16]) -> Hello {
    Hello {
        sni: prober.sni(),
        suites: tls13(),
        supported_versions: vec![0x0304],
        groups: groups.to_vec(),
        key_shares: Vec::new(),
        ..Hello::modern(random())
    }
}
