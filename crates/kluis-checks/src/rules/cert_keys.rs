//! Rules about the keys and signatures of the certificates a server sends, roots excepted.

use super::shared::{A, CADDY_CERTIFICATE, DA, Place, each_cert, fixes, say};
use crate::facts::{CertFacts, Evidence, KeyKind};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};

/// How to get a certificate with a good key.
const NEW_KEY: [(Platform, Snippet); 7] = fixes(
    say(
        "Vraag een certificaat met een nieuwe sleutel aan: `certbot --nginx --key-type ecdsa -d winkel.example`.",
        "Request a certificate with a new key: `certbot --nginx --key-type ecdsa -d winkel.example`.",
    ),
    say(
        "Vraag een certificaat met een nieuwe sleutel aan: `certbot --apache --key-type ecdsa -d winkel.example`.",
        "Request a certificate with a new key: `certbot --apache --key-type ecdsa -d winkel.example`.",
    ),
    CADDY_CERTIFICATE,
    Words::new(
        "Vraag uw hoster: “Zet een nieuw certificaat op mijn winkel, met een ECDSA-sleutel (P-256).”",
        "Ask your host: “Put a new certificate on my shop, with an ECDSA key (P-256).”",
    ),
);
const NEW_KEY_FIX: Words = Words::new(
    "Maak een nieuwe sleutel (ECDSA P-256, of RSA van 3072 bits of meer) en vraag daarmee een certificaat aan.",
    "Make a new key (ECDSA P-256, or RSA of 3072 bits or more) and request a certificate with it.",
);
const FORGERY: Words = Words::new(
    "De handtekening onder het certificaat is te vervalsen. Dan kan een ander een certificaat op uw naam maken. \
     Browsers weigeren het.",
    "The signature under the certificate can be forged. Then somebody else can make a certificate in your name. \
     Browsers refuse it.",
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "rsa-small",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "BR 6.1.5; NCSC-NL TLS 2025-05 §3.3.2",
        title: Words::new("De RSA-sleutel is korter dan 2048 bits", "The RSA key is shorter than 2048 bits"),
        why: Words::new(
            "Een sleutel van 1024 bits of minder is met veel rekenkracht te achterhalen. Wie dat doet, kan zich als uw winkel voordoen.",
            "With much computing power a key of 1024 bits or less can be worked out. Whoever does so can pose as your shop.",
        ),
        fix: NEW_KEY_FIX,
        snippets: &NEW_KEY,
        judge: |evidence, notes| {
            rsa_bits(evidence, notes, 0..2_048, |_| Severity::Critical);
        },
    },
    Rule {
        id: "rsa-2048",
        protections: A,
        severity: Severity::Low,
        part: Part::Certificate,
        source: "NCSC-NL TLS 2025-05 §3.3.2 (2048 to 3071 bits: phase out)",
        title: Words::new("De RSA-sleutel is korter dan 3072 bits", "The RSA key is shorter than 3072 bits"),
        why: Words::new(
            "Nu nog veilig, maar het NCSC raadt aan 2048 bits af te bouwen. Een ECDSA-sleutel is sterker én sneller.",
            "Safe for now, but NCSC-NL advises phasing out 2048 bits. An ECDSA key is stronger and faster.",
        ),
        fix: NEW_KEY_FIX,
        snippets: &NEW_KEY,
        // The shop chooses its own key, but not that of its authority.
        judge: |evidence, notes| {
            rsa_bits(evidence, notes, 2_048..3_072, |place| match place {
                Place::Leaf => Severity::Low,
                Place::Intermediate => Severity::Info,
            });
        },
    },
    Rule {
        id: "rsa-exponent",
        protections: A,
        severity: Severity::Medium,
        part: Part::Certificate,
        source: "BR 6.1.6; NIST SP 800-89 §5.3.3",
        title: Words::new(
            "De RSA-sleutel heeft een ongewoon kleine exponent",
            "The RSA key has an unusually small exponent",
        ),
        why: Words::new(
            "Met zo'n exponent zijn handtekeningen makkelijker te vervalsen zodra ergens een foutje zit.",
            "With such an exponent signatures are easier to forge as soon as there is a small mistake somewhere.",
        ),
        fix: NEW_KEY_FIX,
        snippets: &NEW_KEY,
        judge: |evidence, notes| each_cert(evidence, notes, |cert, _| small_exponent(cert)),
    },
    Rule {
        id: "p224",
        protections: A,
        severity: Severity::Medium,
        part: Part::Certificate,
        source: "BR 6.1.5 (P-256, P-384, P-521); NCSC-NL TLS 2025-05 §3.3.2",
        title: Words::new(
            "De sleutel ligt op een kleine of ongewone kromme",
            "The key is on a small or unusual curve",
        ),
        why: Words::new(
            "P-224 en kleiner zijn te kort; andere krommen kennen browsers niet, en die weigeren dan de winkel.",
            "P-224 and smaller are too short; other curves browsers do not know, and then they refuse the shop.",
        ),
        fix: NEW_KEY_FIX,
        snippets: &NEW_KEY,
        judge: |evidence, notes| each_cert(evidence, notes, |cert, _| unusual_curve(cert)),
    },
    Rule {
        id: "dsa",
        protections: A,
        severity: Severity::High,
        part: Part::Certificate,
        source: "RFC 9325 §4.1; BR 6.1.5; NCSC-NL TLS 2025-05 §3.3.2",
        title: Words::new("Het certificaat heeft een DSA-sleutel", "The certificate has a DSA key"),
        why: Words::new(
            "Browsers kennen DSA niet meer en weigeren de winkel. Eén slecht toevalsgetal verraadt bovendien de \
             sleutel.",
            "Browsers no longer know DSA and refuse the shop. And a single bad random number gives the key away.",
        ),
        fix: NEW_KEY_FIX,
        snippets: &NEW_KEY,
        judge: |evidence, notes| {
            each_cert(evidence, notes, |cert, _| {
                (cert.key.kind == KeyKind::Dsa)
                    .then(|| (Severity::High, format!("DSA {} bits", cert.key.bits)))
            });
        },
    },
    Rule {
        id: "sig-sha1",
        protections: DA,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "BR 7.1.3.2; NCSC-NL TLS 2025-05 §3.3.5",
        title: Words::new("Een certificaat is met SHA-1 ondertekend", "A certificate is signed with SHA-1"),
        why: FORGERY,
        fix: Words::new(
            "Vraag een nieuw certificaat aan; elke uitgever tekent nu met SHA-256 of sterker.",
            "Request a new certificate; every authority now signs with SHA-256 or stronger.",
        ),
        snippets: &NEW_KEY,
        judge: |evidence, notes| signed_with(evidence, notes, &["sha1"]),
    },
    Rule {
        id: "sig-md5",
        protections: DA,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 6151 §2; BR 7.1.3.2; NCSC-NL TLS 2025-05 §3.3.5",
        title: Words::new("Een certificaat is met MD5 ondertekend", "A certificate is signed with MD5"),
        why: FORGERY,
        fix: Words::new(
            "Vraag vandaag nog een nieuw certificaat aan; vervalsen met MD5 is al in 2008 gedaan.",
            "Request a new certificate today; forging with MD5 was done as early as 2008.",
        ),
        snippets: &NEW_KEY,
        judge: |evidence, notes| signed_with(evidence, notes, &["md5", "md2", "md4"]),
    },
    Rule {
        id: "sig-sha224",
        protections: DA,
        severity: Severity::Low,
        part: Part::Certificate,
        source: "NCSC-NL TLS 2025-05 §3.3.5 (phase out)",
        title: Words::new(
            "Een certificaat is met SHA-224 ondertekend",
            "A certificate is signed with SHA-224",
        ),
        why: Words::new(
            "SHA-224 is niet gebroken, maar kort. Het NCSC raadt aan het af te bouwen.",
            "SHA-224 is not broken, but short. NCSC-NL advises phasing it out.",
        ),
        fix: Words::new(
            "Vraag bij de volgende vernieuwing een certificaat met SHA-256 aan.",
            "At the next renewal, request a certificate with SHA-256.",
        ),
        snippets: &NEW_KEY,
        judge: |evidence, notes| {
            each_cert(evidence, notes, |cert, _| {
                (cert.signature_hash == "sha224").then(|| (Severity::Low, signature(cert)))
            });
        },
    },
];

/// The smallest public exponent that BR 6.1.6 recommends.
const EXPONENT_MIN: u64 = 65_537;
/// Curves that browsers accept in certificates (BR 6.1.5).
const CURVES: [&str; 3] = ["P-256", "P-384", "P-521"];

fn rsa_bits(
    evidence: &Evidence,
    notes: &mut Notes,
    range: core::ops::Range<u32>,
    severity: fn(Place) -> Severity,
) {
    each_cert(evidence, notes, |cert, place| {
        let is_in = cert.key.kind == KeyKind::Rsa && range.contains(&cert.key.bits);
        is_in.then(|| (severity(place), format!("RSA {} bits", cert.key.bits)))
    });
}

/// An exponent that is even or below 3 is no exponent at all (BR 6.1.6).
fn small_exponent(cert: &CertFacts) -> Option<(Severity, String)> {
    let exponent = cert.key.exponent.filter(|_| cert.key.kind == KeyKind::Rsa)?;
    let severity = match exponent {
        e if e < 3 || e % 2 == 0 => Severity::High,
        e if e < EXPONENT_MIN => Severity::Medium,
        _ => return None,
    };
    Some((severity, format!("exponent {exponent}")))
}

fn unusual_curve(cert: &CertFacts) -> Option<(Severity, String)> {
    let curve = cert.key.curve.as_deref().filter(|_| cert.key.kind == KeyKind::Ec)?;
    let severity = if cert.key.bits < 224 { Severity::High } else { Severity::Medium };
    (!CURVES.contains(&curve)).then(|| (severity, format!("{curve}, {} bits", cert.key.bits)))
}

fn signed_with(evidence: &Evidence, notes: &mut Notes, hashes: &[&str]) {
    each_cert(evidence, notes, |cert, _| {
        hashes.contains(&cert.signature_hash.as_str()).then(|| (Severity::Critical, signature(cert)))
    });
}

fn signature(cert: &CertFacts) -> String {
    if cert.signature.is_empty() { cert.signature_hash.clone() } else { cert.signature.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::KeyFacts;
    use crate::rules::testing::{check, check_seen, check_silent, leaf, tls};

    fn rsa(bits: u32, exponent: u64) -> KeyFacts {
        KeyFacts { kind: KeyKind::Rsa, bits, curve: None, exponent: Some(exponent) }
    }

    fn ec(bits: u32, curve: &str) -> KeyFacts {
        KeyFacts { kind: KeyKind::Ec, bits, curve: Some(curve.into()), exponent: None }
    }

    #[test]
    fn rsa_keys() {
        check("rsa-small", |e| leaf(e).key = rsa(1_024, 65_537), Severity::Critical);
        check("rsa-small", |e| tls(e).chain.sent[1].key = rsa(2_047, 65_537), Severity::Critical);
        check_silent("rsa-small", |e| leaf(e).key = rsa(2_048, 65_537));
        check("rsa-2048", |e| leaf(e).key = rsa(2_048, 65_537), Severity::Low);
        check("rsa-2048", |e| leaf(e).key = rsa(3_071, 65_537), Severity::Low);
        check("rsa-2048", |e| tls(e).chain.sent[1].key = rsa(2_048, 65_537), Severity::Info);
        check_silent("rsa-2048", |e| leaf(e).key = rsa(3_072, 65_537));
        check_silent("rsa-2048", |e| leaf(e).key = rsa(1_024, 65_537));
        check_seen("rsa-small", |e| leaf(e).key = rsa(512, 3), "CN=winkel.example: RSA 512 bits");
        check("rsa-exponent", |e| leaf(e).key = rsa(4_096, 3), Severity::Medium);
        check("rsa-exponent", |e| leaf(e).key = rsa(4_096, 1), Severity::High);
        check("rsa-exponent", |e| leaf(e).key = rsa(4_096, 65_538), Severity::High);
        check_silent("rsa-exponent", |e| leaf(e).key = rsa(4_096, 65_537));
        check_silent("rsa-exponent", |e| leaf(e).key.exponent = Some(3));
    }

    #[test]
    fn other_keys() {
        check("p224", |e| leaf(e).key = ec(224, "P-224"), Severity::Medium);
        check("p224", |e| leaf(e).key = ec(256, "1.3.132.0.10"), Severity::Medium);
        check("p224", |e| leaf(e).key = ec(160, "1.3.132.0.8"), Severity::High);
        for curve in CURVES {
            check_silent("p224", |e| leaf(e).key = ec(256, curve));
        }
        check_silent("p224", |e| leaf(e).key = rsa(2_048, 65_537));
        let dsa = KeyFacts { kind: KeyKind::Dsa, bits: 1_024, ..KeyFacts::default() };
        check("dsa", |e| leaf(e).key = dsa.clone(), Severity::High);
        check_silent("dsa", |e| leaf(e).key.kind = KeyKind::Ed25519);
    }

    #[test]
    fn signatures() {
        let hash = |cert: &mut CertFacts, hash: &str| cert.signature_hash = hash.to_owned();
        check("sig-sha1", |e| hash(leaf(e), "sha1"), Severity::Critical);
        check("sig-sha1", |e| hash(&mut tls(e).chain.sent[1], "sha1"), Severity::Critical);
        check("sig-md5", |e| hash(leaf(e), "md5"), Severity::Critical);
        check("sig-sha224", |e| hash(leaf(e), "sha224"), Severity::Low);
        for id in ["sig-sha1", "sig-md5", "sig-sha224"] {
            check_silent(id, |e| hash(leaf(e), "sha256"));
            check_silent(id, |e| hash(leaf(e), "none"));
        }
        // How a root signed itself does not matter.
        check_silent("sig-sha1", |e| {
            hash(&mut tls(e).chain.sent[1], "sha1");
            tls(e).chain.sent[1].is_self_issued = true;
        });
    }
}
