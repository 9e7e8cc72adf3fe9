//! How the key exchange of TLS 1.2 is done: finite-field groups, and the hash under its signature.

use kluis_checks::facts::{Answer, KexSignature, Protocol};
use kluis_checks::tls::Hello;
use kluis_checks::tls::groups::{FFDHE, PROBED_TLS12};
use kluis_checks::tls::suites::Suite;

use super::ask::{Prober, Reply, Weight};

/// Signature schemes of TLS 1.2 with hashes that are too weak: SHA-224, SHA-1, MD5, each for RSA, DSA and ECDSA.
const WEAK_SCHEMES: [u16; 8] = [0x0301, 0x0303, 0x0302, 0x0201, 0x0203, 0x0202, 0x0101, 0x0103];

/// Asks for DHE twice, with and without the groups of RFC 7919: some servers have another group for clients that do
/// not know those. What comes ends up in the notes.
pub(super) async fn dh(prober: &Prober<'_>, protocol: Protocol) {
    let suites = prober.notes().accepted_where(protocol, Suite::uses_dhe);
    if suites.is_empty() {
        return;
    }
    let ask = |groups: Vec<u16>| {
        let hello = Hello { groups, ..prober.hello(protocol, suites.clone()) };
        async move { prober.answer(&hello, Weight::Must).await }
    };
    let with = FFDHE.iter().chain(&PROBED_TLS12).copied().collect();
    let (with, without) = tokio::join!(ask(with), ask(PROBED_TLS12.to_vec()));
    prober.or_gap("dh", with);
    prober.or_gap("dh", without);
}

/// Offers only weak hashes, takes out the one that was used, and so on. A server that signs with a better hash all the
/// same refuses them.
pub(super) async fn signature(prober: &Prober<'_>) -> KexSignature {
    let mut out = KexSignature::default();
    let suites = prober.notes().accepted_where(Protocol::Tls12, |suite| {
        (suite.uses_dhe() || suite.uses_ecdhe()) && !suite.is_anon() && !suite.needs_shared_secret()
    });
    if suites.is_empty() {
        return out;
    }
    let mut offer = WEAK_SCHEMES.to_vec();
    while !offer.is_empty() {
        let hello =
            Hello { signature_algorithms: offer.clone(), ..prober.hello(Protocol::Tls12, suites.clone()) };
        let reply = prober.answer(&hello, Weight::Should).await;
        let Some(reply) = prober.or_gap("kex_signature", reply) else {
            return out;
        };
        let Reply::Yes(flight) = reply else { break };
        let scheme = flight.key_exchange.as_ref().and_then(|exchange| exchange.signature_scheme);
        let Some(scheme) = scheme.filter(|scheme| offer.contains(scheme)) else { break };
        *answer(&mut out, scheme) = Answer::Accepted;
        offer.retain(|other| other >> 8 != scheme >> 8);
    }
    for scheme in offer {
        *answer(&mut out, scheme) = Answer::Refused;
    }
    out
}

/// The answer for the hash of a scheme.
fn answer(out: &mut KexSignature, scheme: u16) -> &mut Answer {
    match scheme >> 8 {
        3 => &mut out.sha224,
        2 => &mut out.sha1,
        _ => &mut out.md5,
    }
}
