//! Rules about cipher suites: broken ones, old ones, and who chooses.

use std::collections::BTreeMap;

use super::shared::{A, APACHE_CIPHERS, CADDY_CIPHERS, D, E, ED, NGINX_CIPHERS, each, fixes, place};
use crate::facts::{CipherOrder, Evidence, Protocol, TlsFacts};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::tls::Ncsc;
use crate::tls::suites::{self, Suite};

/// The line that leaves only good suites, which mends nearly every finding of this file.
const GOOD_SUITES: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines(NGINX_CIPHERS),
    Snippet::Lines(APACHE_CIPHERS),
    CADDY_CIPHERS,
    Words::new(
        "Vraag uw hoster: “Sta alleen versleuteling toe die het NCSC goed of voldoende noemt (ECDHE met AES-GCM of \
         ChaCha20).”",
        "Ask your host: “Allow only ciphers that NCSC-NL rates good or sufficient (ECDHE with AES-GCM or ChaCha20).”",
    ),
);
const FIX: Words = Words::new(
    "Sta alleen ECDHE met AES-GCM of ChaCha20 toe. Alle browsers sinds 2015 kunnen dat.",
    "Allow only ECDHE with AES-GCM or ChaCha20. Every browser since 2015 can do that.",
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "null",
        protections: E,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "RFC 9325 §4.1; NCSC-NL TLS 2025-05 §3.3.4",
        title: Words::new(
            "De server staat verbindingen zonder versleuteling toe",
            "The server allows connections without encryption",
        ),
        why: Words::new(
            "Met een NULL-suite reist alles leesbaar over het net, terwijl er wel “https” staat.",
            "With a NULL suite everything travels in the clear, although it says “https”.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| kind(evidence, notes, Kind::Null),
    },
    Rule {
        id: "anon",
        protections: A,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "RFC 9325 §4.1; NCSC-NL TLS 2025-05 §3.3.2",
        title: Words::new(
            "De server staat verbindingen zonder certificaat toe",
            "The server allows connections without a certificate",
        ),
        why: Words::new(
            "Bij een anonieme suite bewijst niemand wie hij is: een aanvaller ertussen kan zich als uw winkel voordoen.",
            "With an anonymous suite nobody proves who they are: an attacker in between can pose as your shop.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| kind(evidence, notes, Kind::Anon),
    },
    Rule {
        id: "export",
        protections: E,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "RFC 9325 §4.1; CVE-2015-0204 (FREAK), CVE-2015-4000 (Logjam)",
        title: Words::new(
            "Opzettelijk zwakke export-versleuteling staat aan",
            "Deliberately weak export encryption is switched on",
        ),
        why: Words::new(
            "Deze versleuteling van 40 of 56 bits kan een gewone computer breken. Een aanvaller kan verbindingen ernaar \
             terugdringen en alles lezen.",
            "An ordinary computer can break this encryption of 40 or 56 bits. An attacker can push connections back to \
             it and read everything.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| kind(evidence, notes, Kind::Export),
    },
    Rule {
        id: "des",
        protections: E,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 5469; NCSC-NL TLS 2025-05 §3.3.4",
        title: Words::new("Versleuteling met DES staat aan", "Encryption with DES is switched on"),
        why: Words::new(
            "DES heeft een sleutel van 56 bits. Die is met gehuurde rekenkracht binnen een dag te raden.",
            "DES has a key of 56 bits. With rented computers it is guessed within a day.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| kind(evidence, notes, Kind::Des),
    },
    Rule {
        id: "rc4",
        protections: E,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 7465 §2; NCSC-NL TLS 2025-05 §3.3.4",
        title: Words::new("Versleuteling met RC4 staat aan", "Encryption with RC4 is switched on"),
        why: Words::new(
            "RC4 lekt beetje bij beetje wat steeds terugkomt, zoals de sessiecookie van een ingelogde klant.",
            "RC4 leaks bit by bit what comes back all the time, such as the session cookie of a signed-in customer.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| kind(evidence, notes, Kind::Rc4),
    },
    Rule {
        id: "3des",
        protections: E,
        severity: Severity::High,
        part: Part::Tls,
        source: "CVE-2016-2183 (Sweet32); NCSC-NL TLS 2025-05 §3.3.4",
        title: Words::new("Versleuteling met 3DES staat aan", "Encryption with 3DES is switched on"),
        why: Words::new(
            "3DES werkt met kleine blokken. Op een lange verbinding (Sweet32) herhalen die zich en komt een \
             sessiecookie bloot te liggen.",
            "3DES works with small blocks. On a long connection (Sweet32) they repeat, and a session cookie shows.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| kind(evidence, notes, Kind::TripleDes),
    },
    Rule {
        id: "no-aead",
        protections: ED,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 9325 §4.2; NCSC-NL TLS 2025-05 §3.3.4",
        title: Words::new(
            "De server kent alleen oude versleuteling (CBC)",
            "The server knows only old encryption (CBC)",
        ),
        why: Words::new(
            "Zonder AES-GCM of ChaCha20 moet elke klant het doen met een bouwwijze die steeds opnieuw is gekraakt \
             (BEAST, Lucky13, POODLE).",
            "Without AES-GCM or ChaCha20 every customer is left with a construction that was broken again and again \
             (BEAST, Lucky13, POODLE).",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let mut accepted = known(tls).peekable();
                (accepted.peek().is_some() && !accepted.any(|(_, suite)| suite.is_aead()))
                    .then(|| "no AES-GCM, no ChaCha20-Poly1305".to_owned())
            });
        },
    },
    Rule {
        id: "cbc",
        protections: ED,
        severity: Severity::Low,
        part: Part::Tls,
        source: "RFC 9325 §4.2; NCSC-NL TLS 2025-05 §3.3.4 and appendix B",
        title: Words::new(
            "Oude versleuteling (CBC) staat nog aan",
            "Old encryption (CBC) is still switched on",
        ),
        why: Words::new(
            "Browsers van nu gebruiken het niet meer, maar een aanvaller kan oude apparaten ernaar terugdringen.",
            "Browsers of today no longer use it, but an attacker can push old devices back to it.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| {
            note_suites(evidence, notes, |tls, suite| {
                kind_of(suite) == Kind::Cbc && known(tls).any(|(_, other)| other.is_aead())
            });
        },
    },
    Rule {
        id: "no-pfs",
        protections: E,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 9325 §4.1 and §7.3; NCSC-NL TLS 2025-05 §3.3.3",
        title: Words::new(
            "Opgenomen verkeer is later te ontcijferen",
            "Recorded traffic can be decrypted later",
        ),
        why: Words::new(
            "Bij deze suites hangt alles aan één sleutel. Wie verkeer bewaart en later de sleutel van de server \
             steelt, leest alle bestellingen van vroeger.",
            "With these suites everything hangs on one key. Whoever stores traffic and steals the server's key later \
             reads all orders of the past.",
        ),
        fix: Words::new(
            "Sta alleen suites toe waarvan de naam met ECDHE begint.",
            "Allow only suites whose name begins with ECDHE.",
        ),
        snippets: &GOOD_SUITES,
        judge: |evidence, notes| {
            note_suites(evidence, notes, |_, suite| {
                !suite.has_forward_secrecy()
                    && !matches!(kind_of(suite), Kind::Null | Kind::Anon | Kind::Export)
            });
        },
    },
    Rule {
        id: "ccm8",
        protections: D,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 6655; NCSC-NL TLS 2025-05 §3.3.4 and appendix B",
        title: Words::new(
            "Versleuteling met een te korte controle (CCM_8)",
            "Encryption with a check that is too short (CCM_8)",
        ),
        why: Words::new(
            "De controle of er onderweg iets is veranderd, is hier half zo lang als normaal. Dit is voor sensoren \
             bedacht, niet voor winkels.",
            "The check whether something was changed on the way is half as long here as usual. This was made for \
             sensors, not for shops.",
        ),
        fix: FIX,
        snippets: &fixes(
            Snippet::Lines(
                "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;\nssl_conf_command Ciphersuites \
                 TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256;",
            ),
            Snippet::Lines(
                "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20\nSSLCipherSuite TLSv1.3 \
                 TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
            ),
            CADDY_CIPHERS,
            Words::new(
                "Vraag uw hoster: “Zet CCM_8-suites uit.”",
                "Ask your host: “Switch off CCM_8 suites.”",
            ),
        ),
        judge: |evidence, notes| kind(evidence, notes, Kind::Ccm8),
    },
    Rule {
        id: "suite-other",
        protections: E,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "NCSC-NL TLS 2025-05 appendix B",
        title: Words::new(
            "Versleuteling die geen enkele richtlijn goedkeurt",
            "Encryption that no guideline calls good",
        ),
        why: Words::new(
            "Deze suites worden weinig gebruikt en weinig onderzocht. Browsers hebben ze niet nodig; ze geven een \
             aanvaller alleen meer kansen.",
            "These suites are little used and little studied. Browsers do not need them; they only give an attacker \
             more to try.",
        ),
        fix: FIX,
        snippets: &GOOD_SUITES,
        judge: other,
    },
    Rule {
        id: "cipher-order",
        protections: E,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "NCSC-NL TLS 2025-05 §2 and §3",
        title: Words::new(
            "De server geeft zwakkere versleuteling voorrang",
            "The server lets weaker encryption go first",
        ),
        why: Words::new(
            "Server en browser kunnen beter, maar kiezen toch het zwakkere. Zo krijgt uw klant minder bescherming \
             dan mogelijk is.",
            "Server and browser could do better and yet choose the weaker. So your customer gets less protection \
             than is possible.",
        ),
        fix: Words::new(
            "Laat alleen goede suites toe; dan doet de volgorde er niet toe. Of laat de server kiezen, de beste eerst.",
            "Allow only good suites; then the order does not matter. Or let the server choose, the best one first.",
        ),
        snippets: &fixes(
            Snippet::Lines("ssl_prefer_server_ciphers on;"),
            Snippet::Lines("SSLHonorCipherOrder on"),
            CADDY_CIPHERS,
            Words::new(
                "Vraag uw hoster: “Laat de server de versleuteling kiezen, de beste eerst.”",
                "Ask your host: “Let the server choose the cipher, the best one first.”",
            ),
        ),
        judge: order,
    },
];

/// What is wrong with a suite; the first that fits, so that one suite is one finding (forward secrecy apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Anon,
    Export,
    Des,
    Rc4,
    TripleDes,
    Ccm8,
    Cbc,
    Other,
}

fn kind_of(suite: &Suite) -> Kind {
    match suite {
        s if s.is_null() => Kind::Null,
        s if s.is_anon() => Kind::Anon,
        s if s.is_export => Kind::Export,
        s if s.is_des() => Kind::Des,
        s if s.is_rc4() => Kind::Rc4,
        s if s.is_3des() => Kind::TripleDes,
        s if s.is_ccm8() => Kind::Ccm8,
        s if s.is_cbc() => Kind::Cbc,
        _ => Kind::Other,
    }
}

/// The accepted suites that are known, but those of SSL 2.0: that has its own rule.
fn known(tls: &TlsFacts) -> impl Iterator<Item = (Protocol, &'static Suite)> {
    let newer = tls.suites.iter().filter(|accepted| accepted.protocol != Protocol::Ssl2);
    newer.filter_map(|accepted| suites::find(accepted.id).map(|suite| (accepted.protocol, suite)))
}

/// Notes every accepted suite that `is_bad`, once for each endpoint, with the versions in which it is accepted.
fn note_suites(evidence: &Evidence, notes: &mut Notes, is_bad: impl Fn(&TlsFacts, &Suite) -> bool) {
    for endpoint in &evidence.endpoints {
        for (name, versions) in grouped(&endpoint.tls, |suite| is_bad(&endpoint.tls, suite)) {
            notes.seen(place(endpoint), format!("{name} ({versions})"));
        }
    }
}

/// Suites by name, with the versions in which they are accepted.
fn grouped(tls: &TlsFacts, is_wanted: impl Fn(&Suite) -> bool) -> BTreeMap<&'static str, String> {
    let mut found: BTreeMap<&'static str, String> = BTreeMap::new();
    for (protocol, suite) in known(tls).filter(|(_, suite)| is_wanted(suite)) {
        let versions = found.entry(suite.name).or_default();
        if !versions.is_empty() {
            versions.push_str(", ");
        }
        versions.push_str(protocol.name());
    }
    found
}

fn kind(evidence: &Evidence, notes: &mut Notes, wanted: Kind) {
    note_suites(evidence, notes, |_, suite| kind_of(suite) == wanted);
}

/// Suites that are on none of the lists and that no other rule names; those to be phased out are less bad.
fn other(evidence: &Evidence, notes: &mut Notes) {
    for endpoint in &evidence.endpoints {
        let rated = |wanted: Ncsc| {
            grouped(&endpoint.tls, |suite| {
                kind_of(suite) == Kind::Other
                    && suite.has_forward_secrecy()
                    && !suite.uses_dhe()
                    && suite.ncsc() == wanted
            })
        };
        for (level, severity) in [(Ncsc::Insufficient, Severity::Medium), (Ncsc::PhaseOut, Severity::Low)] {
            for (name, versions) in rated(level) {
                notes.seen_as(severity, place(endpoint), format!("{name} ({versions})"));
            }
        }
    }
}

/// Whether a suite is good enough that the order among its kind does not matter.
fn is_enough(suite: &Suite) -> bool {
    matches!(suite.ncsc(), Ncsc::Good | Ncsc::Sufficient)
}

/// Fires for a version that has suites of both kinds when the server takes a worse one first, or leaves the choice to
/// the visitor.
fn order(evidence: &Evidence, notes: &mut Notes) {
    for endpoint in &evidence.endpoints {
        for (protocol, order) in &endpoint.tls.order {
            let accepted: Vec<&Suite> =
                known(&endpoint.tls).filter(|(p, _)| p == protocol).map(|(_, suite)| suite).collect();
            let has_both = accepted.iter().any(|s| is_enough(s)) && accepted.iter().any(|s| !is_enough(s));
            if has_both && let Some(seen) = order_fault(order, &accepted) {
                notes.seen(place(endpoint), format!("{protocol}: {seen}"));
            }
        }
    }
}

fn order_fault(order: &CipherOrder, accepted: &[&Suite]) -> Option<String> {
    if order.is_by_server == Some(false) {
        return Some("the visitor's first is taken".to_owned());
    }
    let preferred: Vec<&Suite> = order.preferred.iter().filter_map(|id| suites::find(*id)).collect();
    let worse = preferred.iter().position(|suite| !is_enough(suite))?;
    // When only the first choice is known, any good suite that is accepted comes after it.
    let rest = if preferred.len() == 1 { accepted } else { &preferred[worse..] };
    let better = rest.iter().find(|suite| is_enough(suite))?;
    (order.is_by_server == Some(true)).then(|| format!("{} before {}", preferred[worse].name, better.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::SuiteFacts;
    use crate::rules::testing::{check, check_seen, check_silent, tls};

    fn accept(evidence: &mut Evidence, ids: &[u32]) {
        let more = ids.iter().map(|id| SuiteFacts { protocol: Protocol::Tls12, id: *id });
        tls(evidence).suites.extend(more);
    }

    #[test]
    fn broken_suites() {
        check("null", |e| accept(e, &[0x003b]), Severity::Critical);
        check("anon", |e| accept(e, &[0x0034]), Severity::Critical);
        check("export", |e| accept(e, &[0x0003]), Severity::Critical);
        check("des", |e| accept(e, &[0x0009]), Severity::High);
        check("rc4", |e| accept(e, &[0xc011]), Severity::High);
        check("3des", |e| accept(e, &[0xc012]), Severity::High);
        check("ccm8", |e| accept(e, &[0xc0ae]), Severity::Medium);
        let ccm8 = SuiteFacts { protocol: Protocol::Tls13, id: 0x1305 };
        check("ccm8", |e| tls(e).suites.push(ccm8), Severity::Medium);
    }

    #[test]
    fn one_suite_is_one_finding() {
        // TLS_RSA_EXPORT_WITH_DES40_CBC_SHA, TLS_DH_anon_WITH_RC4_128_MD5, TLS_RSA_WITH_NULL_SHA256.
        for id in ["des", "rc4", "3des", "cbc", "ccm8", "suite-other", "no-pfs"] {
            check_silent(id, |e| accept(e, &[0x0008, 0x0018, 0x003b]));
        }
        check_silent("export", |e| accept(e, &[0x0018]));
        check_silent("anon", |e| accept(e, &[0x0008]));
        check_silent("null", |e| accept(e, &[0x0008, 0xfefe]));
    }

    #[test]
    fn versions_of_a_suite_stand_together() {
        let two = |e: &mut Evidence| {
            accept(e, &[0xc011]);
            tls(e).suites.push(SuiteFacts { protocol: Protocol::Tls10, id: 0xc011 });
        };
        check_seen("rc4", two, "TLS_ECDHE_RSA_WITH_RC4_128_SHA (TLS 1.2, TLS 1.0)");
        // Kinds of SSL 2.0 are part of the finding about that version.
        check_silent("rc4", |e| tls(e).suites.push(SuiteFacts { protocol: Protocol::Ssl2, id: 0x01_0080 }));
    }

    #[test]
    fn old_suites() {
        let only = |e: &mut Evidence, ids: &[u32]| {
            tls(e).suites.clear();
            accept(e, ids);
        };
        check("no-aead", |e| only(e, &[0xc013, 0xc014]), Severity::Medium);
        check_silent("no-aead", |e| tls(e).suites.clear());
        check_silent("no-aead", |e| accept(e, &[0xc013]));
        check("cbc", |e| accept(e, &[0xc013]), Severity::Low);
        check_silent("cbc", |e| only(e, &[0xc013, 0xc014]));
        check_silent("cbc", |e| accept(e, &[0xc012]));
        check("no-pfs", |e| accept(e, &[0x009c]), Severity::High);
        check("no-pfs", |e| accept(e, &[0x002f]), Severity::High);
        check_silent("no-pfs", |e| accept(e, &[0xc013, 0x009e]));
    }

    #[test]
    fn suites_on_no_list() {
        // TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256 is to be phased out, TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256 is unlisted.
        check("suite-other", |e| accept(e, &[0xc060]), Severity::Low);
        check("suite-other", |e| accept(e, &[0xd001]), Severity::Medium);
        check_silent("suite-other", |e| accept(e, &[0xc02f, 0xcca8, 0x009e]));
    }

    #[test]
    fn order_of_suites() {
        let with = |e: &mut Evidence, is_by_server, preferred: &[u32]| {
            accept(e, &[0xc02f, 0xc013]);
            let order = CipherOrder { is_by_server, preferred: preferred.to_vec() };
            tls(e).order.insert(Protocol::Tls12, order);
        };
        check("cipher-order", |e| with(e, Some(true), &[0xc013, 0xc02f]), Severity::Medium);
        check_seen(
            "cipher-order",
            |e| with(e, Some(true), &[0xc013, 0xc02f]),
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA before TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        );
        check("cipher-order", |e| with(e, Some(false), &[]), Severity::Medium);
        check("cipher-order", |e| with(e, Some(true), &[0xc013]), Severity::Medium);
        check_silent("cipher-order", |e| with(e, Some(true), &[0xc02f]));
        check_silent("cipher-order", |e| with(e, Some(true), &[0xc02f, 0xc013]));
        check_silent("cipher-order", |e| with(e, None, &[0xc013, 0xc02f]));
        // With good suites alone the visitor may choose.
        check_silent("cipher-order", |e| {
            tls(e)
                .order
                .insert(Protocol::Tls12, CipherOrder { is_by_server: Some(false), preferred: vec![] });
        });
    }
}
