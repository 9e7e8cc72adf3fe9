//! Predicts the HTTPS part of the website test of internet.nl: 15 subtests that can fail, 10, 5, 2 or 0 points each; the
//! percentage is what was got of what could be got, and of several addresses the worst counts.
//!
//! Approximations: addresses that were examined in short count for version and certificate only; subtests whose facts
//! are not known are left out of both sums; HTTP compression, client renegotiation, CAA, DANE and OCSP stapling cost
//! nothing there and are left out too. DNSSEC, IPv6 and RPKI are other parts of that test.

use super::{front_page, host_of};
use crate::facts::{
    Answer, EarlyData, Endpoint, Evidence, HttpState, KeyFacts, KeyKind, Protocol, Reach, Redirects,
    TlsFacts, Trust,
};
use crate::finding::Prediction;
use crate::tls::suites::{self, Suite};
use crate::tls::{Ncsc, groups};
use crate::web::hsts;

/// Points of a subtest that passed.
const FULL: i32 = 10;
/// Points of one that passed in part.
const PARTIAL: i32 = 2;

/// The prediction; empty when the front page or the suites were not looked at.
pub(crate) fn predict(evidence: &Evidence) -> Prediction {
    let Some(main) = evidence.main_endpoint() else {
        return Prediction::default();
    };
    if matches!(main.tls.reach, Reach::Refused | Reach::NotTls { .. }) {
        return Prediction {
            grade: "0%".to_owned(),
            score: Some(0),
            reasons: vec!["https_exists 0".to_owned()],
        };
    }
    if front_page(evidence).is_none() || main.tls.suites.is_empty() {
        return Prediction::default();
    }
    let known = known(evidence, &main.tls);
    let got: i32 = known.iter().map(|(_, points)| points).sum();
    let all = FULL * i32::try_from(known.len()).unwrap_or(1).max(1);
    let percent = (got * 100 + all / 2) / all;
    Prediction {
        grade: format!("{percent}%"),
        score: Some(percent),
        reasons: known
            .iter()
            .filter(|(_, points)| *points < FULL)
            .map(|(test, points)| format!("{test} {points}/{FULL}"))
            .collect(),
    }
}

/// Every subtest whose facts are known, with its points.
fn known(evidence: &Evidence, tls: &TlsFacts) -> Vec<(&'static str, i32)> {
    let worst = |points: &dyn Fn(&TlsFacts) -> Option<i32>| {
        let tried = evidence.endpoints.iter().filter(|endpoint: &&Endpoint| endpoint.tls.reach == Reach::Tls);
        tried.filter_map(|endpoint| points(&endpoint.tls)).min()
    };
    let full_if = |is: Option<bool>| is.map(|is| if is { FULL } else { 0 });
    let accepted: Vec<&Suite> = tls.suites.iter().filter_map(|facts| suites::find(facts.id)).collect();
    let old = tls.protocols.iter().any(|(p, a)| *p <= Protocol::Tls12 && *a == Answer::Accepted);
    let tests = [
        ("https_forced", forced(evidence)),
        ("https_hsts", strict(evidence)),
        ("fs_params", Some(exchange(tls))),
        ("tls_ciphers", full_if(Some(accepted.iter().all(|suite| suite.ncsc() < Ncsc::Insufficient)))),
        ("tls_cipher_order", Some(order(tls))),
        ("tls_version", worst(&version)),
        ("tls_compression", full_if(tls.compression.map(|is| !is))),
        ("renegotiation_secure", if old { full_if(tls.secure_renegotiation) } else { Some(FULL) }),
        ("cert_trust", worst(&|tls| full_if(trusted(tls)))),
        ("cert_pubkey", worst(&|tls| full_if(keys_fit(tls)))),
        ("cert_signature", worst(&|tls| full_if(signatures_fit(tls)))),
        ("cert_hostmatch", worst(&|tls| full_if(tls.chain.matches_host))),
        ("zero_rtt", zero_rtt(tls)),
        ("kex_hash_func", if tls.accepts(Protocol::Tls12) { kex_hash(tls) } else { Some(FULL) }),
        ("extended_master_secret", if old { full_if(tls.extended_master_secret) } else { Some(FULL) }),
    ];
    tests.into_iter().filter_map(|(test, points)| Some((test, points?))).collect()
}

/// Whether plain HTTP is closed or leads to HTTPS on the same host at once.
fn forced(evidence: &Evidence) -> Option<i32> {
    let own = Some(evidence.target.host.as_str());
    let from_http = |way: &&Redirects| way.from.starts_with("http:") && host_of(&way.from).as_deref() == own;
    let way = evidence.web.redirects.iter().find(from_http)?;
    match way.state {
        HttpState::Unknown => None,
        HttpState::Closed => Some(FULL),
        HttpState::Broken => Some(0),
        HttpState::Open => {
            let location = way.hops.first().and_then(|hop| hop.location.as_deref()).unwrap_or_default();
            let is_good = location.starts_with("https:") && host_of(location).as_deref() == own;
            Some(if is_good { FULL } else { 0 })
        }
    }
}

/// HSTS of the first answer over HTTPS.
fn strict(evidence: &Evidence) -> Option<i32> {
    let hop = front_page(evidence)?.hops.iter().find(|hop| hop.url.starts_with("https:"))?;
    let values: Vec<&str> = hop.header("strict-transport-security").collect();
    let read = hsts::parse(&values);
    Some(match read.state {
        hsts::HstsState::On if read.max_age_seconds >= hsts::YEAR_SECONDS => FULL,
        hsts::HstsState::On => PARTIAL,
        hsts::HstsState::Missing | hsts::HstsState::Invalid | hsts::HstsState::Off => 0,
    })
}

/// Curves and finite-field groups.
fn exchange(tls: &TlsFacts) -> i32 {
    let mut named = tls.groups_tls12.iter().chain(&tls.groups_tls13);
    let bad_group = named.any(|id| groups::ncsc(*id) == Ncsc::Insufficient);
    let bad_prime = tls.dh.iter().any(|dh| groups::ncsc_prime(dh.name.as_deref()) == Ncsc::Insufficient);
    if bad_group || bad_prime { 0 } else { FULL }
}

/// Whether nothing to be phased out is chosen while something better is there.
fn order(tls: &TlsFacts) -> i32 {
    for protocol in Protocol::ALL {
        let offered: Vec<u32> =
            tls.suites.iter().filter(|facts| facts.protocol == protocol).map(|facts| facts.id).collect();
        let is_old = |id: &u32| suites::find(*id).is_none_or(|suite| suite.ncsc() > Ncsc::Sufficient);
        if !offered.iter().any(is_old) || offered.iter().all(is_old) {
            continue;
        }
        let order = tls.order.get(&protocol);
        if order.and_then(|order| order.is_by_server) == Some(false) {
            return 0;
        }
        let preferred = order.map_or(offered.as_slice(), |order| order.preferred.as_slice());
        let first_old = preferred.iter().position(is_old);
        let last_new = preferred.iter().rposition(|id| !is_old(id));
        if first_old < last_new && first_old.is_some() {
            return 0;
        }
    }
    FULL
}

fn version(tls: &TlsFacts) -> Option<i32> {
    if tls.protocols.is_empty() {
        return None;
    }
    let is_old = Protocol::ALL.into_iter().any(|p| p < Protocol::Tls12 && tls.accepts(p));
    Some(if is_old { 0 } else { FULL })
}

fn trusted(tls: &TlsFacts) -> Option<bool> {
    match tls.chain.trust {
        Trust::Unknown => None,
        Trust::Trusted => Some(true),
        _ => Some(false),
    }
}

/// Keys of the leaf and of every intermediate that was sent.
fn keys_fit(tls: &TlsFacts) -> Option<bool> {
    let fits = |key: &KeyFacts| match key.kind {
        KeyKind::Rsa => key.bits >= 2048,
        KeyKind::Ec => key.bits >= 224,
        KeyKind::Ed25519 | KeyKind::Ed448 => true,
        KeyKind::Dsa | KeyKind::Other => false,
    };
    looked_at(tls)?.map(|cert| fits(&cert.key)).reduce(|all, fits| all && fits)
}

fn signatures_fit(tls: &TlsFacts) -> Option<bool> {
    let fits = |hash: &str| !["md2", "md5", "sha1"].contains(&hash);
    looked_at(tls)?.map(|cert| fits(&cert.signature_hash)).reduce(|all, fits| all && fits)
}

/// The certificates that are judged: all that could be read, but no roots.
fn looked_at(tls: &TlsFacts) -> Option<impl Iterator<Item = &crate::facts::CertFacts>> {
    tls.chain.leaf()?;
    let sent = tls.chain.sent.iter().enumerate();
    Some(
        sent.filter(|(at, cert)| cert.is_readable && (*at == 0 || !cert.is_self_issued))
            .map(|(_, cert)| cert),
    )
}

fn zero_rtt(tls: &TlsFacts) -> Option<i32> {
    match tls.early_data {
        EarlyData::Unknown if tls.accepts(Protocol::Tls13) => None,
        EarlyData::Unknown | EarlyData::Refused | EarlyData::TooEarly => Some(FULL),
        EarlyData::Accepted => Some(0),
    }
}

fn kex_hash(tls: &TlsFacts) -> Option<i32> {
    let signature = tls.kex_signature;
    match (signature.sha1, signature.md5) {
        (Answer::Accepted, _) | (_, Answer::Accepted) => Some(0),
        (Answer::Refused, _) => Some(FULL),
        (Answer::Unknown, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{CipherOrder, DhFacts, Revocation, SuiteFacts};
    use crate::rules::testing::{good_evidence, home, leaf, tls};

    /// Checks what the faultless shop loses after a change.
    fn check(expected: &[&str], change: impl FnOnce(&mut Evidence)) {
        let mut evidence = good_evidence();
        change(&mut evidence);
        let prediction = predict(&evidence);
        assert_eq!(prediction.reasons, expected, "{prediction:?}");
    }

    #[test]
    fn the_faultless_shop_gets_everything() {
        let prediction = predict(&good_evidence());
        assert_eq!(prediction.grade, "100%", "{prediction:?}");
        assert!(prediction.reasons.is_empty());
        check(&[], |evidence| tls(evidence).chain.revocation = Revocation::Unknown);
    }

    #[test]
    fn each_subtest_costs_its_points() {
        check(&["https_hsts 2/10"], |evidence| {
            for header in &mut home(evidence).hops[0].headers {
                if header.name == "strict-transport-security" {
                    header.value = "max-age=3600".into();
                }
            }
        });
        check(&["https_hsts 0/10"], |evidence| {
            home(evidence).hops[0].headers.retain(|header| header.name != "strict-transport-security");
        });
        check(&["https_forced 0/10"], |evidence| {
            for way in &mut evidence.web.redirects {
                way.hops[0].location = Some("https://elders.example/".into());
            }
        });
        check(&[], |evidence| {
            evidence.web.redirects.iter_mut().for_each(|way| way.state = HttpState::Closed);
        });
        check(&["fs_params 0/10"], |evidence| {
            tls(evidence).dh =
                vec![DhFacts { bits: 2048, name: Some("ffdhe2048".into()), ..DhFacts::default() }];
        });
        check(&[], |evidence| {
            tls(evidence).dh =
                vec![DhFacts { bits: 3072, name: Some("ffdhe3072".into()), ..DhFacts::default() }];
        });
        check(&["tls_version 0/10"], |evidence| {
            // Seen at the address that was examined in short: the worst address counts.
            evidence.endpoints[1].tls.protocols.insert(Protocol::Tls10, Answer::Accepted);
        });
        check(&["tls_compression 0/10"], |evidence| tls(evidence).compression = Some(true));
        check(&["renegotiation_secure 0/10"], |evidence| tls(evidence).secure_renegotiation = Some(false));
        check(&["cert_trust 0/10"], |evidence| evidence.endpoints[1].tls.chain.trust = Trust::SelfSigned);
        check(&["cert_pubkey 0/10"], |evidence| {
            leaf(evidence).key = KeyFacts { kind: KeyKind::Rsa, bits: 1024, ..KeyFacts::default() };
        });
        check(&["cert_signature 0/10"], |evidence| leaf(evidence).signature_hash = "sha1".into());
        check(&["cert_hostmatch 0/10"], |evidence| tls(evidence).chain.matches_host = Some(false));
        check(&["zero_rtt 0/10"], |evidence| tls(evidence).early_data = EarlyData::Accepted);
        check(&[], |evidence| tls(evidence).early_data = EarlyData::TooEarly);
        check(&["kex_hash_func 0/10"], |evidence| tls(evidence).kex_signature.sha1 = Answer::Accepted);
        check(&["extended_master_secret 0/10"], |evidence| {
            tls(evidence).extended_master_secret = Some(false)
        });
        check(&["tls_ciphers 0/10"], |evidence| {
            // Last in the list, so that the order stays right.
            tls(evidence).suites.push(SuiteFacts { protocol: Protocol::Tls12, id: 0x002f });
            if let Some(order) = tls(evidence).order.get_mut(&Protocol::Tls12) {
                order.preferred.push(0x002f);
            }
        });
        check(&["tls_cipher_order 0/10"], |evidence| {
            // ECDHE-ECDSA-AES128-SHA256 is to be phased out and must not come first.
            tls(evidence).suites.push(SuiteFacts { protocol: Protocol::Tls12, id: 0xc023 });
            tls(evidence).order.insert(
                Protocol::Tls12,
                CipherOrder { is_by_server: Some(true), preferred: vec![0xc023, 0xc02c, 0xcca9, 0xc02b] },
            );
        });
        check(&["tls_cipher_order 0/10"], |evidence| {
            tls(evidence).suites.push(SuiteFacts { protocol: Protocol::Tls12, id: 0xc023 });
            tls(evidence).order.insert(
                Protocol::Tls12,
                CipherOrder { is_by_server: Some(false), preferred: vec![0xc02c, 0xc023] },
            );
        });
    }

    #[test]
    fn the_percentage_is_rounded_and_unknown_facts_are_left_out() {
        let mut evidence = good_evidence();
        tls(&mut evidence).compression = Some(true);
        assert_eq!(predict(&evidence).grade, "93%");
        tls(&mut evidence).secure_renegotiation = None;
        // 130 of 140.
        assert_eq!(predict(&evidence).score, Some(93));
        evidence.web.pages.clear();
        assert_eq!(predict(&evidence), Prediction::default());
        evidence.endpoints[0].tls.reach = Reach::Refused;
        assert_eq!(predict(&evidence).grade, "0%");
        evidence.endpoints.clear();
        assert_eq!(predict(&evidence), Prediction::default());
    }
}
