//! Rules about the certificates that a server sends along with its own.

use super::shared::{A, CADDY_CERTIFICATE, NONE, date, each, each_as, fixes};
use crate::facts::{CertFacts, Evidence, TlsFacts, Trust};
use crate::finding::{Part, Platform, Rule, Severity, Snippet, Words};

/// The file that certbot and others write with the whole chain in the right order.
const FULL_CHAIN: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines("ssl_certificate /etc/letsencrypt/live/winkel.example/fullchain.pem;"),
    Snippet::Lines("SSLCertificateFile /etc/letsencrypt/live/winkel.example/fullchain.pem"),
    CADDY_CERTIFICATE,
    Words::new(
        "Vraag uw hoster: “Stuur bij het certificaat van mijn winkel de juiste tussencertificaten mee, in de juiste \
         volgorde.”",
        "Ask your host: “Send the right intermediate certificates with my shop's certificate, in the right order.”",
    ),
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "chain-incomplete",
        protections: A,
        severity: Severity::High,
        part: Part::Certificate,
        source: "RFC 8446 §4.4.2; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new(
            "De server stuurt een tussencertificaat niet mee",
            "The server leaves out an intermediate certificate",
        ),
        why: Words::new(
            "Uw eigen browser heeft het ontbrekende stuk misschien al, een telefoon of betaaldienst niet. Die klanten \
             zien een foutmelding.",
            "Your own browser may have the missing piece already; a phone or payment service does not. Those \
             customers see an error.",
        ),
        fix: Words::new(
            "Gebruik het bestand met de hele keten (fullchain.pem) in plaats van alleen het certificaat (cert.pem).",
            "Use the file with the whole chain (fullchain.pem) instead of the certificate alone (cert.pem).",
        ),
        snippets: &FULL_CHAIN,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| match &tls.chain.trust {
                Trust::Incomplete { missing } => Some(format!("missing: {missing}")),
                _ => None,
            });
        },
    },
    Rule {
        id: "chain-order",
        protections: A,
        severity: Severity::Low,
        part: Part::Certificate,
        source: "RFC 5246 §7.4.2; RFC 8446 §4.4.2",
        title: Words::new(
            "De certificaten staan in de verkeerde volgorde",
            "The certificates are in the wrong order",
        ),
        why: Words::new(
            "Browsers zoeken het zelf wel uit; kassa's, apps en koppelingen soms niet, en die weigeren dan.",
            "Browsers sort it out themselves; tills, apps and integrations sometimes do not, and then refuse.",
        ),
        fix: Words::new(
            "Zet eerst het eigen certificaat in het bestand, dan wie dat tekende, en zo verder. Haal wat er niet bij \
             hoort weg.",
            "Put your own certificate first in the file, then the one that signed it, and so on. Remove what does not \
             belong.",
        ),
        snippets: &FULL_CHAIN,
        judge: |evidence, notes| each(evidence, notes, wrong_order),
    },
    Rule {
        id: "chain-expired",
        protections: A,
        severity: Severity::High,
        part: Part::Certificate,
        source: "RFC 5280 §6.1.3; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new("Een tussencertificaat is verlopen", "An intermediate certificate has expired"),
        why: Words::new(
            "Uw eigen certificaat geldt nog, maar de schakel naar de uitgever niet. Apparaten die geen andere weg \
             weten, weigeren de winkel.",
            "Your own certificate is still valid, but the link to its authority is not. Devices that know no other \
             way refuse the shop.",
        ),
        fix: Words::new(
            "Vervang de verlopen schakel: haal de huidige keten bij uw uitgever of vernieuw het certificaat.",
            "Replace the expired link: fetch the current chain from your authority, or renew the certificate.",
        ),
        snippets: &FULL_CHAIN,
        judge: |evidence, notes| each_as(evidence, notes, |tls| expired_link(evidence, tls)),
    },
    Rule {
        id: "chain-has-root",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Certificate,
        source: "RFC 8446 §4.4.2",
        title: Words::new(
            "De server stuurt het rootcertificaat mee",
            "The server sends the root certificate along",
        ),
        why: Words::new(
            "Browsers hebben dat al. Het maakt elke verbinding een kilobyte groter en verder niets uit.",
            "Browsers have it already. It makes every connection a kilobyte larger and does no other harm.",
        ),
        fix: Words::new(
            "Haal het laatste certificaat uit het ketenbestand weg.",
            "Remove the last certificate from the chain file.",
        ),
        snippets: &FULL_CHAIN,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let root =
                    tls.chain.sent.iter().skip(1).find(|cert| cert.is_readable && cert.is_self_issued)?;
                Some(root.subject.clone())
            });
        },
    },
    Rule {
        id: "chain-invalid",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 5280 §6.1; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new("De keten van certificaten klopt niet", "The chain of certificates is not valid"),
        why: Words::new(
            "Een handtekening of een beperking in de keten klopt niet. Browsers weigeren de winkel, en terecht: zo \
             ziet een vervalsing eruit.",
            "A signature or a restriction in the chain is wrong. Browsers refuse the shop, and rightly so: this is \
             what a forgery looks like.",
        ),
        fix: Words::new(
            "Vraag een nieuw certificaat aan en zet de keten neer precies zoals u die krijgt.",
            "Request a new certificate, and put the chain in place exactly as you get it.",
        ),
        snippets: &FULL_CHAIN,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                if let Trust::Invalid { why } = &tls.chain.trust {
                    return Some(if why.is_empty() { "invalid".to_owned() } else { why.clone() });
                }
                let broken = tls.chain.sent.iter().position(|cert| !cert.is_readable)?;
                Some(format!("certificate {broken} is not readable"))
            });
        },
    },
];

/// The path must be what was sent, in that order; only after its end may other certificates follow.
fn wrong_order(tls: &TlsFacts) -> Option<String> {
    let path = &tls.chain.path;
    let is_straight = path.iter().zip(0_u32..).all(|(index, place)| *index == place);
    (!is_straight).then(|| {
        let order: Vec<String> = path.iter().map(ToString::to_string).collect();
        format!("path: {} of {} sent", order.join(" → "), tls.chain.sent.len())
    })
}

/// High when no valid path is left; low when another path goes round the expired certificate, which stands in the
/// way of older devices only.
fn expired_link(evidence: &Evidence, tls: &TlsFacts) -> Option<(Severity, String)> {
    let is_expired = |cert: &CertFacts| cert.is_readable && cert.not_after < evidence.started;
    let leaf = tls.chain.leaf().filter(|leaf| leaf.is_readable)?;
    let link = tls.chain.sent.iter().skip(1).find(|cert| is_expired(cert) && !cert.is_self_issued);
    let seen = |cert: &CertFacts| format!("{}: notAfter {}", cert.subject, date(cert.not_after));
    match (&tls.chain.trust, link) {
        _ if is_expired(leaf) || leaf.not_before > evidence.started => None,
        (Trust::Expired, Some(link)) => Some((Severity::High, seen(link))),
        (Trust::Expired, None) => Some((Severity::High, "expired outside the certificates sent".to_owned())),
        (_, Some(link)) => Some((Severity::Low, seen(link))),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use kluis_model::TimeMs;

    use super::*;
    use crate::rules::testing::{STARTED, check, check_seen, check_silent, leaf, tls};

    #[test]
    fn a_missing_link() {
        let set = |e: &mut Evidence| tls(e).chain.trust = Trust::Incomplete { missing: "CN=E7".into() };
        check("chain-incomplete", set, Severity::High);
        check_seen("chain-incomplete", set, "missing: CN=E7");
        check_silent("chain-incomplete", |e| tls(e).chain.trust = Trust::SelfSigned);
    }

    #[test]
    fn order() {
        let path = |e: &mut Evidence, path: &[u32]| tls(e).chain.path = path.to_vec();
        check("chain-order", |e| path(e, &[0, 2, 1]), Severity::Low);
        check("chain-order", |e| path(e, &[0, 2]), Severity::Low);
        check_seen("chain-order", |e| path(e, &[0, 2, 1]), "path: 0 → 2 → 1 of 2 sent");
        check_silent("chain-order", |e| path(e, &[0, 1]));
        check_silent("chain-order", |e| path(e, &[0]));
        check_silent("chain-order", |e| path(e, &[]));
    }

    #[test]
    fn expired_links() {
        let old = |e: &mut Evidence| tls(e).chain.sent[1].not_after = TimeMs(STARTED.0 - 1);
        check("chain-expired", old, Severity::Low);
        let broken = |e: &mut Evidence| {
            old(e);
            tls(e).chain.trust = Trust::Expired;
        };
        check("chain-expired", broken, Severity::High);
        check("chain-expired", |e| tls(e).chain.trust = Trust::Expired, Severity::High);
        check_silent("chain-expired", |e| {
            broken(e);
            leaf(e).not_after = TimeMs(STARTED.0 - 1);
        });
        // An expired root is not the server's to replace; it should not be sent at all.
        check_silent("chain-expired", |e| {
            old(e);
            tls(e).chain.sent[1].is_self_issued = true;
        });
    }

    #[test]
    fn the_root() {
        check("chain-has-root", |e| tls(e).chain.sent[1].is_self_issued = true, Severity::Info);
        check_silent("chain-has-root", |e| leaf(e).is_self_issued = true);
    }

    #[test]
    fn chains_that_are_no_chains() {
        let invalid = |e: &mut Evidence| tls(e).chain.trust = Trust::Invalid { why: "BadSignature".into() };
        check("chain-invalid", invalid, Severity::Critical);
        check_seen("chain-invalid", invalid, "BadSignature");
        check(
            "chain-invalid",
            |e| tls(e).chain.trust = Trust::Invalid { why: String::new() },
            Severity::Critical,
        );
        check("chain-invalid", |e| tls(e).chain.sent[1].is_readable = false, Severity::Critical);
        check_silent("chain-invalid", |e| tls(e).chain.sent.clear());
    }
}
