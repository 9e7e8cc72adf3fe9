//! Rules about the key exchange: groups, curves, post-quantum, and what it is signed with.

use kluis_model::TimeMs;

use super::shared::{
    APACHE_CIPHERS, CADDY_CIPHERS, CADDY_UPDATE, DA, E, NGINX_CIPHERS, UPDATE_OPENSSL, each, each_as, fixes,
    say,
};
use crate::facts::{Answer, DhFacts, Evidence, KexSignature, Protocol, TlsFacts};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::tls::{Ncsc, groups};

/// 2027-01-01 00:00 UTC: from then on a missing post-quantum group counts.
const PQ_COUNTS_FROM: TimeMs = TimeMs(1_798_761_600_000);

/// ECDHE instead of DHE, which mends every finding about finite-field groups.
const NO_DHE: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines(NGINX_CIPHERS),
    Snippet::Lines(APACHE_CIPHERS),
    CADDY_CIPHERS,
    Words::new(
        "Vraag uw hoster: “Zet DHE uit en gebruik alleen ECDHE.”",
        "Ask your host: “Switch off DHE and use only ECDHE.”",
    ),
);
const NO_DHE_FIX: Words = Words::new(
    "Gebruik alleen suites waarvan de naam met ECDHE begint; een dhparam-bestand is dan niet meer nodig.",
    "Use only suites whose name begins with ECDHE; a dhparam file is then no longer needed.",
);
/// The same for TLS 1.3, where groups and not suites decide.
const NO_DHE_TLS13: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines("ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;\nssl_ecdh_curve X25519:prime256v1:secp384r1;"),
    Snippet::Lines("SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20\nSSLOpenSSLConfCmd Groups X25519:P-256:P-384"),
    CADDY_CIPHERS,
    Words::new(
        "Vraag uw hoster: “Zet DHE uit en gebruik alleen ECDHE, ook bij TLS 1.3.”",
        "Ask your host: “Switch off DHE and use only ECDHE, with TLS 1.3 too.”",
    ),
);
const NO_DHE_TLS13_FIX: Words = Words::new(
    "Gebruik alleen suites waarvan de naam met ECDHE begint, en voor TLS 1.3 alleen krommen (met X25519MLKEM768 \
     vooraan als uw OpenSSL dat kent).",
    "Use only suites whose name begins with ECDHE, and for TLS 1.3 only curves (with X25519MLKEM768 first if your \
     OpenSSL knows it).",
);
/// What the key exchange may be signed with.
const GOOD_HASHES: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines(
        "ssl_conf_command SignatureAlgorithms ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384;",
    ),
    Snippet::Lines(
        "SSLOpenSSLConfCmd SignatureAlgorithms ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384",
    ),
    CADDY_UPDATE,
    Words::new(
        "Vraag uw hoster: “Onderteken de sleuteluitwisseling alleen met SHA-256 of sterker.”",
        "Ask your host: “Sign the key exchange only with SHA-256 or stronger.”",
    ),
);
const GOOD_HASHES_FIX: Words = Words::new(
    "Sta voor handtekeningen alleen SHA-256 en sterker toe, of werk OpenSSL bij.",
    "Allow only SHA-256 and stronger for signatures, or update OpenSSL.",
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "dh-512",
        protections: E,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "CVE-2015-4000 (Logjam); NCSC-NL TLS 2025-05 §3.3.3",
        title: Words::new(
            "Sleuteluitwisseling met een priemgetal onder 1024 bits",
            "Key exchange with a prime below 1024 bits",
        ),
        why: Words::new(
            "Zo'n klein getal is met een paar computers te breken (Logjam). Daarna leest de aanvaller elke \
             verbinding met uw winkel mee.",
            "A few computers break such a small number (Logjam). After that the attacker reads every connection with \
             your shop.",
        ),
        fix: NO_DHE_FIX,
        snippets: &NO_DHE,
        judge: |evidence, notes| dh(evidence, notes, DhKind::Tiny),
    },
    Rule {
        id: "dh-1024",
        protections: E,
        severity: Severity::High,
        part: Part::Tls,
        source: "CVE-2015-4000 (Logjam); RFC 9325 §4.1; NCSC-NL TLS 2025-05 §3.3.3",
        title: Words::new(
            "Sleuteluitwisseling met een priemgetal onder 2048 bits",
            "Key exchange with a prime below 2048 bits",
        ),
        why: Words::new(
            "Een groot land of een rijke misdadiger kan 1024 bits breken, en wel voor alle winkels met hetzelfde \
             getal tegelijk.",
            "A large state or a rich criminal can break 1024 bits, and for all shops with the same number at once.",
        ),
        fix: NO_DHE_FIX,
        snippets: &NO_DHE,
        judge: |evidence, notes| dh(evidence, notes, DhKind::Small),
    },
    Rule {
        id: "dh-2048",
        protections: E,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 7919 §2; NCSC-NL TLS 2025-05 §3.3.3",
        title: Words::new(
            "Sleuteluitwisseling met een groep van 2048 bits",
            "Key exchange with a group of 2048 bits",
        ),
        why: Words::new(
            "Het NCSC noemt 2048 bits onvoldoende voor verkeer dat jaren geheim moet blijven, zoals bestellingen en \
             adressen.",
            "NCSC-NL rates 2048 bits insufficient for traffic that must stay secret for years, such as orders and \
             addresses.",
        ),
        fix: NO_DHE_TLS13_FIX,
        snippets: &NO_DHE_TLS13,
        judge: dh_2048,
    },
    Rule {
        id: "dh-custom",
        protections: E,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 7919 §1; NCSC-NL TLS 2025-05 §3.3.3",
        title: Words::new(
            "Sleuteluitwisseling met een zelfgemaakt priemgetal",
            "Key exchange with a home-made prime",
        ),
        why: Words::new(
            "Van een eigen getal kan niemand nagaan of het veilig is; er kan een achterdeur in zitten.",
            "Nobody can tell whether a number of your own is safe; there may be a back door in it.",
        ),
        fix: NO_DHE_FIX,
        snippets: &NO_DHE,
        judge: |evidence, notes| dh(evidence, notes, DhKind::Custom),
    },
    Rule {
        id: "dh-phase-out",
        protections: E,
        severity: Severity::Low,
        part: Part::Tls,
        source: "RFC 7919; NCSC-NL TLS 2025-05 §3.3.3 (phase out)",
        title: Words::new(
            "Sleuteluitwisseling met DHE is op zijn retour",
            "Key exchange with DHE is on its way out",
        ),
        why: Words::new(
            "DHE is traag en browsers gebruiken het niet meer; het NCSC raadt aan het af te bouwen.",
            "DHE is slow and browsers no longer use it; NCSC-NL advises phasing it out.",
        ),
        fix: NO_DHE_TLS13_FIX,
        snippets: &NO_DHE_TLS13,
        judge: dh_phase_out,
    },
    Rule {
        id: "weak-curve",
        protections: E,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 8422 §5.1.1; NCSC-NL TLS 2025-05 §3.3.3",
        title: Words::new(
            "Sleuteluitwisseling over een zwakke elliptische kromme",
            "Key exchange over a weak elliptic curve",
        ),
        why: Words::new(
            "Deze krommen zijn te klein of te weinig onderzocht. Browsers hebben ze niet nodig.",
            "These curves are too small or too little studied. Browsers do not need them.",
        ),
        fix: Words::new(
            "Sta alleen X25519, P-256 en P-384 toe (met X25519MLKEM768 als uw OpenSSL dat kent).",
            "Allow only X25519, P-256 and P-384 (with X25519MLKEM768 if your OpenSSL knows it).",
        ),
        snippets: &fixes(
            Snippet::Lines("ssl_ecdh_curve X25519:prime256v1:secp384r1;"),
            Snippet::Lines("SSLOpenSSLConfCmd Groups X25519:P-256:P-384"),
            say(
                "Haal de regel `curves` uit het `tls`-blok weg; Caddy kiest dan zelf goede krommen.",
                "Remove the `curves` line from the `tls` block; Caddy then chooses good curves by itself.",
            ),
            Words::new(
                "Vraag uw hoster: “Sta alleen de krommen X25519, P-256 en P-384 toe.”",
                "Ask your host: “Allow only the curves X25519, P-256 and P-384.”",
            ),
        ),
        judge: |evidence, notes| each(evidence, notes, weak_curves),
    },
    Rule {
        id: "pq-missing",
        protections: E,
        severity: Severity::Low,
        part: Part::Tls,
        source: "NCSC-NL TLS 2025-05 §3.3.3 (only hybrid groups are good); draft-ietf-tls-ecdhe-mlkem",
        title: Words::new(
            "Nog niet bestand tegen een kwantumcomputer",
            "Not yet safe from a quantum computer",
        ),
        why: Words::new(
            "Wie verkeer van nu bewaart, kan het later met een kwantumcomputer lezen. Browsers kunnen al een \
             uitwisseling (X25519MLKEM768) die dat voorkomt.",
            "Whoever stores traffic of today may read it later with a quantum computer. Browsers already know an exchange \
             (X25519MLKEM768) that prevents this.",
        ),
        fix: Words::new(
            "Zet X25519MLKEM768 vooraan; daarvoor is TLS 1.3 met OpenSSL 3.5 of nieuwer nodig (of Caddy 2.10).",
            "Put X25519MLKEM768 first; this needs TLS 1.3 with OpenSSL 3.5 or newer (or Caddy 2.10).",
        ),
        snippets: &fixes(
            Snippet::Lines("ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1:secp384r1;"),
            Snippet::Lines("SSLOpenSSLConfCmd Groups X25519MLKEM768:X25519:P-256:P-384"),
            say(
                "Werk bij naar Caddy 2.10 of nieuwer en haal de regel `curves` weg.",
                "Update to Caddy 2.10 or newer and remove the `curves` line.",
            ),
            Words::new(
                "Vraag uw hoster: “Wanneer zet u X25519MLKEM768 (post-kwantum) aan voor mijn winkel?”",
                "Ask your host: “When will you switch on X25519MLKEM768 (post-quantum) for my shop?”",
            ),
        ),
        judge: pq_missing,
    },
    Rule {
        id: "sha1-kex",
        protections: DA,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 9155 §4; NCSC-NL TLS 2025-05 §3.3.5",
        title: Words::new(
            "De sleuteluitwisseling wordt met SHA-1 ondertekend",
            "The key exchange is signed with SHA-1",
        ),
        why: Words::new(
            "Handtekeningen met SHA-1 zijn te vervalsen. Dan bewijst de handtekening niet meer dat uw klant met uw \
             winkel praat.",
            "Signatures with SHA-1 can be forged. The signature then no longer proves that your customer talks to \
             your shop.",
        ),
        fix: GOOD_HASHES_FIX,
        snippets: &GOOD_HASHES,
        judge: |evidence, notes| kex(evidence, notes, "SHA-1", |signature| signature.sha1),
    },
    Rule {
        id: "md5-kex",
        protections: DA,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 9155 §4; CVE-2015-7575 (SLOTH)",
        title: Words::new(
            "De sleuteluitwisseling wordt met MD5 ondertekend",
            "The key exchange is signed with MD5",
        ),
        why: Words::new(
            "MD5 is sinds 2004 gebroken: een aanvaller ertussen kan zich als uw winkel voordoen (SLOTH).",
            "MD5 has been broken since 2004: an attacker in between can pose as your shop (SLOTH).",
        ),
        fix: GOOD_HASHES_FIX,
        snippets: &GOOD_HASHES,
        judge: |evidence, notes| kex(evidence, notes, "MD5", |signature| signature.md5),
    },
    Rule {
        id: "sha224-kex",
        protections: DA,
        // Phased out, yet on by default in every OpenSSL 3: no shop should lose its grade for it.
        severity: Severity::Info,
        part: Part::Tls,
        source: "NCSC-NL TLS 2025-05 §3.3.5 (phase out)",
        title: Words::new(
            "De sleuteluitwisseling wordt met SHA-224 ondertekend",
            "The key exchange is signed with SHA-224",
        ),
        why: Words::new(
            "SHA-224 is niet gebroken, maar kort. Het NCSC raadt aan het af te bouwen.",
            "SHA-224 is not broken, but short. NCSC-NL advises phasing it out.",
        ),
        fix: GOOD_HASHES_FIX,
        snippets: &GOOD_HASHES,
        judge: |evidence, notes| kex(evidence, notes, "SHA-224", |signature| signature.sha224),
    },
    Rule {
        id: "no-ems",
        protections: DA,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 7627 §5.2; NCSC-NL TLS 2025-05 §4.1",
        title: Words::new(
            "TLS 1.2 mist de koppeling van sleutel en verbinding (EMS)",
            "TLS 1.2 lacks the tie between key and connection (EMS)",
        ),
        why: Words::new(
            "Zonder “extended master secret” kan een aanvaller twee verbindingen dezelfde sleutel geven en zo de ene \
             voor de andere laten doorgaan.",
            "Without the extended master secret an attacker can give two connections the same key, and pass one off \
             as the other.",
        ),
        fix: Words::new(
            "Werk OpenSSL bij (1.1.0 of nieuwer doet dit vanzelf), of het apparaat dat de TLS-verbinding afhandelt.",
            "Update OpenSSL (1.1.0 or newer does this by itself), or the device that handles the TLS connection.",
        ),
        snippets: &fixes(
            UPDATE_OPENSSL,
            UPDATE_OPENSSL,
            CADDY_UPDATE,
            Words::new(
                "Vraag uw hoster: “Ondersteun extended master secret (RFC 7627) bij TLS 1.2.”",
                "Ask your host: “Support the extended master secret (RFC 7627) with TLS 1.2.”",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let is_missing = tls.accepts(Protocol::Tls12) && tls.extended_master_secret == Some(false);
                is_missing.then(|| "extended_master_secret not answered".to_owned())
            });
        },
    },
];

/// How good a finite-field group is; each group is exactly one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DhKind {
    /// Below 1024 bits.
    Tiny,
    /// 1024 to 2047 bits.
    Small,
    /// 2048 to 3071 bits, of a known group.
    Medium,
    /// A prime of 2048 bits or more that is in no list, or in none of RFC 7919.
    Custom,
    /// ffdhe3072 and larger.
    PhaseOut,
}

fn dh_kind(group: &DhFacts) -> DhKind {
    let is_ffdhe = group.name.as_deref().is_some_and(|name| name.starts_with("ffdhe"));
    match group.bits {
        ..1024 => DhKind::Tiny,
        1024..2048 => DhKind::Small,
        2048..3072 if group.name.is_some() => DhKind::Medium,
        _ if is_ffdhe => DhKind::PhaseOut,
        _ => DhKind::Custom,
    }
}

/// Groups of one kind, and whether the server gave them although better ones were offered.
fn dh_seen(tls: &TlsFacts, wanted: DhKind) -> Option<String> {
    let mut seen = Vec::new();
    for group in tls.dh.iter().filter(|group| dh_kind(group) == wanted) {
        let name = group.name.as_deref().unwrap_or("own prime");
        let offered = if group.offered_ffdhe { "with" } else { "without" };
        seen.push(format!("{} bits, {name} ({offered} RFC 7919 groups offered)", group.bits));
    }
    (!seen.is_empty()).then(|| seen.join("; "))
}

fn dh(evidence: &Evidence, notes: &mut Notes, wanted: DhKind) {
    each(evidence, notes, |tls| dh_seen(tls, wanted));
}

/// IANA number of ffdhe2048.
const FFDHE2048: u16 = 256;

/// In TLS 1.3 a browser never takes ffdhe2048 as long as a curve is there, so that alone weighs less.
fn dh_2048(evidence: &Evidence, notes: &mut Notes) {
    each_as(evidence, notes, |tls| dh_seen(tls, DhKind::Medium).map(|seen| (Severity::Medium, seen)));
    each_as(evidence, notes, |tls| {
        tls.groups_tls13.contains(&FFDHE2048).then(|| (Severity::Low, "TLS 1.3: ffdhe2048".to_owned()))
    });
}

fn dh_phase_out(evidence: &Evidence, notes: &mut Notes) {
    each_as(evidence, notes, |tls| dh_seen(tls, DhKind::PhaseOut).map(|seen| (Severity::Low, seen)));
    each_as(evidence, notes, |tls| {
        let large = tls.groups_tls13.iter().filter(|id| groups::is_ffdhe(**id) && **id != FFDHE2048);
        let names: Vec<String> = large.map(|id| group_name(*id)).collect();
        (!names.is_empty()).then(|| (Severity::Info, format!("TLS 1.3: {}", names.join(", "))))
    });
}

/// Groups that are shown of one endpoint.
const GROUPS_SHOWN: usize = 20;

/// The name, or the number of a group without one.
fn group_name(id: u16) -> String {
    match groups::name(id) {
        "" => format!("group {id}"),
        name => name.to_owned(),
    }
}

/// Curves that are not good enough. Prime fields and post-quantum groups have their own rules.
fn weak_curves(tls: &TlsFacts) -> Option<String> {
    let both = tls.groups_tls12.iter().chain(&tls.groups_tls13);
    let mut weak: Vec<u16> = both
        .copied()
        .filter(|id| !groups::is_ffdhe(*id) && !groups::is_post_quantum(*id))
        .filter(|id| matches!(groups::ncsc(*id), Ncsc::PhaseOut | Ncsc::Insufficient))
        .collect();
    weak.sort_unstable();
    weak.dedup();
    weak.truncate(GROUPS_SHOWN);
    let names: Vec<String> = weak.into_iter().map(group_name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Only where TLS 1.3 is spoken and its groups were tried; good to know before 2027, low from then on.
fn pq_missing(evidence: &Evidence, notes: &mut Notes) {
    let severity = if evidence.started < PQ_COUNTS_FROM { Severity::Info } else { Severity::Low };
    each_as(evidence, notes, |tls| {
        let is_missing = tls.accepts(Protocol::Tls13)
            && !tls.groups_tls13.is_empty()
            && !tls.groups_tls13.iter().any(|id| groups::is_post_quantum(*id));
        is_missing.then(|| {
            let names: Vec<String> =
                tls.groups_tls13.iter().take(GROUPS_SHOWN).map(|id| group_name(*id)).collect();
            (severity, format!("TLS 1.3: {}", names.join(", ")))
        })
    });
}

fn kex(evidence: &Evidence, notes: &mut Notes, name: &str, answer: fn(&KexSignature) -> Answer) {
    each(evidence, notes, |tls| {
        (answer(&tls.kex_signature) == Answer::Accepted)
            .then(|| format!("ServerKeyExchange signed with {name}"))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{check, check_seen, check_silent, tls};

    fn group(bits: u32, name: Option<&str>) -> DhFacts {
        DhFacts { bits, name: name.map(str::to_owned), ..DhFacts::default() }
    }

    #[test]
    fn every_finite_field_group_is_one_finding() {
        let cases = [
            ("dh-512", group(512, None), Severity::Critical),
            ("dh-512", group(768, Some("java768")), Severity::Critical),
            ("dh-512", group(1023, None), Severity::Critical),
            ("dh-1024", group(1024, Some("modp1024")), Severity::High),
            ("dh-1024", group(2047, None), Severity::High),
            ("dh-2048", group(2048, Some("ffdhe2048")), Severity::Medium),
            ("dh-2048", group(2048, Some("modp2048")), Severity::Medium),
            ("dh-custom", group(2048, None), Severity::Medium),
            ("dh-custom", group(4096, None), Severity::Medium),
            ("dh-custom", group(4096, Some("modp4096")), Severity::Medium),
            ("dh-phase-out", group(3072, Some("ffdhe3072")), Severity::Low),
            ("dh-phase-out", group(8192, Some("ffdhe8192")), Severity::Low),
        ];
        for (id, found, severity) in cases {
            for other in ["dh-512", "dh-1024", "dh-2048", "dh-custom", "dh-phase-out"] {
                if other == id {
                    check(id, |e| tls(e).dh.push(found.clone()), severity);
                } else {
                    check_silent(other, |e| tls(e).dh.push(found.clone()));
                }
            }
        }
        check_seen("dh-512", |e| tls(e).dh.push(group(512, None)), "512 bits, own prime (without RFC 7919");
    }

    #[test]
    fn finite_field_groups_of_tls13() {
        check("dh-2048", |e| tls(e).groups_tls13.push(256), Severity::Low);
        check("dh-phase-out", |e| tls(e).groups_tls13.push(257), Severity::Info);
        check_silent("dh-2048", |e| tls(e).groups_tls13.push(257));
        check_silent("weak-curve", |e| tls(e).groups_tls13.extend([256, 260]));
    }

    #[test]
    fn curves() {
        check("weak-curve", |e| tls(e).groups_tls12.push(21), Severity::Medium);
        check("weak-curve", |e| tls(e).groups_tls12.push(1), Severity::Medium);
        check_seen("weak-curve", |e| tls(e).groups_tls12.push(21), "secp224r1");
        check_silent("weak-curve", |e| tls(e).groups_tls12.extend([29, 30, 23, 24, 25]));
        check_silent("weak-curve", |e| tls(e).groups_tls12.clear());
    }

    #[test]
    fn post_quantum_counts_from_2027() {
        let without = |e: &mut Evidence| tls(e).groups_tls13 = vec![29, 23];
        check("pq-missing", without, Severity::Info);
        let later = |e: &mut Evidence| {
            without(e);
            e.started = PQ_COUNTS_FROM;
        };
        check("pq-missing", later, Severity::Low);
        check_silent("pq-missing", |e| tls(e).groups_tls13 = vec![4587]);
        check_silent("pq-missing", |e| tls(e).groups_tls13.clear());
        check_silent("pq-missing", |e| {
            without(e);
            tls(e).protocols.insert(Protocol::Tls13, Answer::Refused);
        });
    }

    #[test]
    fn signatures_of_the_key_exchange() {
        check("sha1-kex", |e| tls(e).kex_signature.sha1 = Answer::Accepted, Severity::Medium);
        check("sha224-kex", |e| tls(e).kex_signature.sha224 = Answer::Accepted, Severity::Info);
        check("md5-kex", |e| tls(e).kex_signature.md5 = Answer::Accepted, Severity::High);
        for id in ["sha1-kex", "sha224-kex", "md5-kex"] {
            check_silent(id, |e| tls(e).kex_signature = KexSignature::default());
        }
    }

    #[test]
    fn extended_master_secret() {
        check("no-ems", |e| tls(e).extended_master_secret = Some(false), Severity::Medium);
        check_silent("no-ems", |e| tls(e).extended_master_secret = None);
        check_silent("no-ems", |e| {
            tls(e).extended_master_secret = Some(false);
            tls(e).protocols.insert(Protocol::Tls12, Answer::Refused);
        });
    }
}
