//! Predicts the grade of Qualys SSL Labs: its rating guide 2009r (16 May 2025), with the caps and warnings as they are
//! known from implementations of it.
//!
//! Approximations: which suites old browsers would get is not simulated; anything that SSL Labs tests and we do not
//! (Zombie POODLE, GOLDENDOODLE, Sleeping POODLE, OpenSSL padding oracle, Ticketbleed variants) counts as absent; keys
//! of intermediates are not weighed; HSTS is that of the front page. `T` means not trusted, `M` another name.

use super::secure_answer;
use crate::facts::{Evidence, KeyKind, Protocol, Revocation, TlsFacts, Trust};
use crate::finding::Prediction;
use crate::tls::groups;
use crate::tls::suites::{self, Suite};
use crate::web::hsts;

/// Seconds of HSTS that `A+` asks: 180 days.
const HSTS_SECONDS_MIN: u64 = 15_552_000;

/// Grades, best first; the place in it is the rank.
const GRADES: [&str; 10] = ["A+", "A", "A-", "B", "C", "D", "E", "F", "M", "T"];

/// The prediction; empty when the suites of the main address are not known.
pub(crate) fn predict(evidence: &Evidence) -> Prediction {
    let Some(tls) = evidence.main_endpoint().map(|endpoint| &endpoint.tls) else {
        return Prediction::default();
    };
    let known: Vec<&Suite> = tls.suites.iter().filter_map(|facts| suites::find(facts.id)).collect();
    let Some(score) = score(tls, &known) else {
        return Prediction::default();
    };
    let by_score = match score {
        80.. => "A",
        65..80 => "B",
        50..65 => "C",
        35..50 => "D",
        20..35 => "E",
        _ => "F",
    };
    let mut caps = Caps(Vec::new());
    protocol_caps(tls, &mut caps);
    suite_caps(tls, &known, &mut caps);
    key_caps(tls, &mut caps);
    certificate_caps(evidence, tls, &mut caps);
    warnings(evidence, tls, &mut caps);
    caps.0.sort_by_key(|(grade, _)| core::cmp::Reverse(rank(grade)));
    let worst = caps.0.first().map_or("A+", |(grade, _)| grade);
    let grade = match rank(worst).max(rank(by_score)) {
        rank if rank <= 1 && caps.0.is_empty() => "A+",
        rank => GRADES.get(rank).copied().unwrap_or("F"),
    };
    Prediction {
        grade: grade.to_owned(),
        score: i32::try_from(score).ok(),
        reasons: caps.0.into_iter().map(|(grade, why)| format!("{why} → {grade}")).collect(),
    }
}

fn rank(grade: &str) -> usize {
    GRADES.iter().position(|known| *known == grade).unwrap_or(7)
}

/// What holds the grade down: the best grade that is still possible, and why.
struct Caps(Vec<(&'static str, &'static str)>);

impl Caps {
    fn add(&mut self, is: bool, grade: &'static str, why: &'static str) {
        if is {
            self.0.push((grade, why));
        }
    }
}

/// 30 % protocols, 30 % key exchange, 40 % cipher strength; 0 when one of them is 0 (rating guide, "Methodology
/// overview").
fn score(tls: &TlsFacts, known: &[&Suite]) -> Option<u32> {
    let of = |protocol| match protocol {
        Protocol::Tls13 | Protocol::Tls12 => 100,
        Protocol::Tls11 => 95,
        Protocol::Tls10 => 90,
        Protocol::Ssl3 => 80,
        Protocol::Ssl2 => 0,
    };
    let protocol = (of(tls.best()?) + of(tls.worst()?)) / 2;
    let strength = |bits: u16| match bits {
        256.. => 100,
        128..256 => 80,
        1..128 => 20,
        0 => 0,
    };
    let bits = || known.iter().map(|suite| strength(suite.bits));
    let cipher = (bits().max()? + bits().min()?) / 2;
    let exchange = key_exchange(tls);
    let is_zero = [protocol, cipher, exchange].contains(&0);
    Some(if is_zero { 0 } else { (protocol * 3 + exchange * 3 + cipher * 4) / 10 })
}

/// Points of the weakest of certificate key, finite-field groups and curves.
fn key_exchange(tls: &TlsFacts) -> u32 {
    let finite = |bits: u32| match bits {
        0..512 => 20,
        512..1024 => 40,
        1024..2048 => 80,
        2048..4096 => 90,
        4096.. => 100,
    };
    let curve = |bits: u32| match bits {
        0..110 => 20,
        110..123 => 40,
        123..163 => 80,
        163..225 => 90,
        225.. => 100,
    };
    let certificate = tls.chain.leaf().map(|leaf| match leaf.key.kind {
        KeyKind::Rsa | KeyKind::Dsa => finite(leaf.key.bits),
        KeyKind::Ec => curve(leaf.key.bits),
        KeyKind::Ed25519 | KeyKind::Ed448 | KeyKind::Other => 100,
    });
    let dh = tls.dh.iter().map(|group| finite(group.bits));
    let named = tls.groups_tls12.iter().chain(&tls.groups_tls13).filter_map(|id| {
        let bits = u32::from(groups::bits(*id)?);
        Some(if groups::is_ffdhe(*id) { finite(bits) } else { curve(bits) })
    });
    certificate.into_iter().chain(dh).chain(named).min().unwrap_or(100)
}

fn protocol_caps(tls: &TlsFacts, caps: &mut Caps) {
    let best = tls.best();
    caps.add(tls.accepts(Protocol::Ssl2), "F", "SSLv2");
    caps.add(tls.accepts(Protocol::Ssl3), if best == Some(Protocol::Ssl3) { "F" } else { "B" }, "SSLv3");
    caps.add(tls.accepts(Protocol::Tls10), "B", "TLS 1.0");
    caps.add(tls.accepts(Protocol::Tls11), "B", "TLS 1.1");
    caps.add(best < Some(Protocol::Tls12), "C", "no TLS 1.2");
    caps.add(tls.compression == Some(true), "C", "compression (CRIME)");
    for (bug, is_present) in &tls.bugs {
        let name = match bug {
            crate::facts::Bug::Heartbleed => "Heartbleed",
            crate::facts::Bug::Ccs => "CCS injection",
            crate::facts::Bug::Ticketbleed => "Ticketbleed",
            crate::facts::Bug::Robot => "ROBOT",
        };
        caps.add(*is_present, "F", name);
    }
}

fn suite_caps(tls: &TlsFacts, known: &[&Suite], caps: &mut Caps) {
    let with = |is: &dyn Fn(&Suite) -> bool, from: Protocol| {
        tls.suites
            .iter()
            .filter(|facts| facts.protocol >= from)
            .filter_map(|facts| suites::find(facts.id))
            .any(is)
    };
    let any = |is: &dyn Fn(&Suite) -> bool| with(is, Protocol::Ssl2);
    caps.add(any(&Suite::is_null), "F", "no encryption");
    caps.add(any(&Suite::is_anon), "F", "anonymous");
    caps.add(any(&|suite| suite.is_export), "F", "export suites");
    caps.add(
        any(&|suite| suite.bits < 112 && !suite.is_null() && !suite.is_export),
        "F",
        "less than 112 bits",
    );
    let rc4 = if with(&Suite::is_rc4, Protocol::Tls11) { "C" } else { "B" };
    caps.add(any(&Suite::is_rc4), rc4, "RC4");
    caps.add(any(&Suite::is_3des), "C", "3DES");
    let is_poodle =
        tls.suites.iter().filter(|facts| facts.protocol == Protocol::Ssl3).filter_map(|f| suites::find(f.id));
    caps.add(is_poodle.into_iter().any(Suite::is_cbc), "C", "POODLE");
    caps.add(!known.iter().any(|suite| suite.is_aead()), "B", "no AEAD");
    caps.add(!known.iter().any(|suite| suite.has_forward_secrecy()), "B", "no forward secrecy");
}

fn key_caps(tls: &TlsFacts, caps: &mut Caps) {
    let dh = tls.dh.iter().map(|group| group.bits).min().unwrap_or(u32::MAX);
    let key = tls.chain.leaf().map(|leaf| &leaf.key).filter(|key| key.kind == KeyKind::Rsa);
    let rsa = key.map_or(u32::MAX, |key| key.bits);
    caps.add(dh.min(rsa) < 1024, "F", "key exchange below 1024 bits");
    caps.add((1024..2048).contains(&dh.min(rsa)), "B", "key exchange below 2048 bits");
}

fn certificate_caps(evidence: &Evidence, tls: &TlsFacts, caps: &mut Caps) {
    let chain = &tls.chain;
    let is_public = !evidence.target.has_own_roots;
    match &chain.trust {
        Trust::Unknown => {}
        Trust::Trusted => caps.add(!is_public, "T", "not a public authority"),
        Trust::Incomplete { .. } => caps.add(true, "B", "chain incomplete"),
        Trust::SelfSigned => caps.add(true, "T", "self-signed"),
        Trust::UnknownIssuer { .. } => caps.add(true, "T", "not trusted"),
        Trust::Expired => caps.add(true, "T", "expired"),
        Trust::Invalid { .. } => caps.add(true, "T", "chain invalid"),
    }
    caps.add(chain.matches_host == Some(false), "M", "another name");
    caps.add(matches!(chain.revocation, Revocation::Revoked { .. }), "T", "revoked");
    let signed = |hash: &str| {
        chain.sent.iter().enumerate().any(|(index, cert)| {
            (index == 0 || !cert.is_self_issued) && cert.signature_hash.eq_ignore_ascii_case(hash)
        })
    };
    caps.add(signed("sha1"), "T", "SHA-1 signature");
    caps.add(signed("md5") || signed("md2"), "F", "MD5 signature");
}

/// What keeps from A+ (A) or from A (A-).
fn warnings(evidence: &Evidence, tls: &TlsFacts, caps: &mut Caps) {
    caps.add(!tls.accepts(Protocol::Tls13), "A-", "no TLS 1.3");
    caps.add(tls.secure_renegotiation == Some(false), "A-", "no secure renegotiation");
    caps.add(tls.fallback_scsv == Some(false), "A-", "no downgrade protection");
    let long = secure_answer(evidence).map(|hop| {
        let values: Vec<&str> = hop.header("strict-transport-security").collect();
        let read = hsts::parse(&values);
        read.state == hsts::HstsState::On && read.max_age_seconds >= HSTS_SECONDS_MIN
    });
    caps.add(long == Some(false), "A", "no long HSTS");
    caps.add(long.is_none(), "A", "HSTS not looked at");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Answer, Bug, DhFacts, SuiteFacts};
    use crate::rules::testing::{good_evidence, home, leaf, tls};

    /// Checks the grade of the faultless shop after a change.
    fn check(expected: &str, change: impl FnOnce(&mut Evidence)) {
        let mut evidence = good_evidence();
        change(&mut evidence);
        let prediction = predict(&evidence);
        assert_eq!(prediction.grade, expected, "{prediction:?}");
    }

    fn accept(evidence: &mut Evidence, protocol: Protocol, suites: &[u32]) {
        tls(evidence).protocols.insert(protocol, Answer::Accepted);
        tls(evidence).suites.extend(suites.iter().map(|id| SuiteFacts { protocol, id: *id }));
    }

    #[test]
    fn a_modern_server_gets_the_best_grade_and_warnings_hold_it_back() {
        check("A+", |_| {});
        check("A", |evidence| {
            home(evidence).hops[0].headers.retain(|header| header.name != "strict-transport-security");
        });
        check("A", |evidence| evidence.web.pages.clear());
        check("A-", |evidence| {
            tls(evidence).protocols.insert(Protocol::Tls13, Answer::Refused);
            tls(evidence).suites.retain(|facts| facts.protocol != Protocol::Tls13);
        });
        check("A-", |evidence| tls(evidence).secure_renegotiation = Some(false));
        check("A-", |evidence| tls(evidence).fallback_scsv = Some(false));
    }

    #[test]
    fn old_versions_and_suites_cap_the_grade() {
        check("B", |evidence| accept(evidence, Protocol::Tls10, &[0xc013]));
        check("B", |evidence| accept(evidence, Protocol::Tls11, &[0xc013]));
        check("B", |evidence| accept(evidence, Protocol::Tls10, &[0x0005]));
        check("C", |evidence| accept(evidence, Protocol::Tls12, &[0x0005]));
        check("C", |evidence| accept(evidence, Protocol::Tls12, &[0x000a]));
        check("C", |evidence| accept(evidence, Protocol::Ssl3, &[0x002f]));
        check("B", |evidence| accept(evidence, Protocol::Ssl3, &[0x0005]));
        check("F", |evidence| accept(evidence, Protocol::Ssl2, &[]));
        check("F", |evidence| accept(evidence, Protocol::Tls10, &[0x0003]));
        check("F", |evidence| accept(evidence, Protocol::Tls12, &[0x0002]));
        check("F", |evidence| accept(evidence, Protocol::Tls12, &[0x0034]));
        check("F", |evidence| accept(evidence, Protocol::Tls10, &[0x0009]));
        // Neither authenticated encryption nor forward secrecy.
        check("B", |evidence| {
            tls(evidence).protocols.insert(Protocol::Tls13, Answer::Refused);
            tls(evidence).suites = vec![SuiteFacts { protocol: Protocol::Tls12, id: 0x0035 }];
        });
    }

    #[test]
    fn weak_keys_bugs_and_certificates_cap_the_grade() {
        let dh = |bits| DhFacts { bits, ..DhFacts::default() };
        check("F", |evidence| tls(evidence).dh = vec![dh(768)]);
        check("B", |evidence| tls(evidence).dh = vec![dh(1024)]);
        check("A+", |evidence| tls(evidence).dh = vec![dh(2048)]);
        check("C", |evidence| tls(evidence).compression = Some(true));
        check("F", |evidence| {
            tls(evidence).bugs.insert(Bug::Heartbleed, true);
        });
        check("T", |evidence| tls(evidence).chain.trust = Trust::SelfSigned);
        check("T", |evidence| tls(evidence).chain.trust = Trust::Expired);
        check("B", |evidence| tls(evidence).chain.trust = Trust::Incomplete { missing: "CN=E7".into() });
        check("M", |evidence| tls(evidence).chain.matches_host = Some(false));
        check("T", |evidence| leaf(evidence).signature_hash = "sha1".into());
        check("F", |evidence| leaf(evidence).signature_hash = "md5".into());
        check("T", |evidence| evidence.target.has_own_roots = true);
        check("T", |evidence| {
            tls(evidence).chain.revocation = Revocation::Revoked { at: kluis_model::TimeMs(0) };
        });
    }

    #[test]
    fn the_score_follows_the_guide_and_needs_suites() {
        let mut evidence = good_evidence();
        // Protocol 100, key exchange 100, cipher (100 + 80) / 2 = 90: 30 + 30 + 36.
        assert_eq!(predict(&evidence).score, Some(96));
        tls(&mut evidence).dh = vec![DhFacts { bits: 2048, ..DhFacts::default() }];
        assert_eq!(predict(&evidence).score, Some(93));
        tls(&mut evidence).suites.clear();
        assert_eq!(predict(&evidence), Prediction::default());
        evidence.endpoints.clear();
        assert_eq!(predict(&evidence), Prediction::default());
    }
}
