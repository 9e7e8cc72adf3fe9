//! Rules about the shop's own certificate: its time, its names, and whether browsers trust it.

use super::shared::{
    A, CADDY_CERTIFICATE, CADDY_UPDATE, NONE, date, days, each, each_as, each_leaf, fixes, is_public, place,
    say,
};
use crate::cert;
use crate::facts::{CertFacts, Evidence, OcspStaple, Revocation, TlsFacts, Trust};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};

/// How to get a certificate that renews itself.
const RENEW: [(Platform, Snippet); 7] = fixes(
    say(
        "Voer `certbot renew` uit en herlaad nginx; laat een timer dat voortaan twee keer per dag doen.",
        "Run `certbot renew` and reload nginx; let a timer do that twice a day from now on.",
    ),
    say(
        "Voer `certbot renew` uit en herlaad Apache; of laat mod_md (`MDomain`) het certificaat regelen.",
        "Run `certbot renew` and reload Apache; or let mod_md (`MDomain`) take care of the certificate.",
    ),
    CADDY_CERTIFICATE,
    Words::new(
        "Vraag uw hoster: “Vernieuw het certificaat van mijn winkel en zet automatisch vernieuwen aan.”",
        "Ask your host: “Renew my shop's certificate and switch on automatic renewal.”",
    ),
);
/// How to get a certificate of an authority that browsers know, for the right names.
const REPLACE: [(Platform, Snippet); 7] = fixes(
    say(
        "Vraag een certificaat aan met alle namen: `certbot --nginx -d winkel.example -d www.winkel.example`.",
        "Request a certificate with all names: `certbot --nginx -d winkel.example -d www.winkel.example`.",
    ),
    say(
        "Vraag een certificaat aan met alle namen: `certbot --apache -d winkel.example -d www.winkel.example`.",
        "Request a certificate with all names: `certbot --apache -d winkel.example -d www.winkel.example`.",
    ),
    CADDY_CERTIFICATE,
    Words::new(
        "Vraag uw hoster: “Zet een geldig certificaat op mijn winkel, voor de naam met en zonder www.”",
        "Ask your host: “Put a valid certificate on my shop, for the name with and without www.”",
    ),
);
const ERROR_PAGE: Words = Words::new(
    "Browsers tonen een waarschuwing over de hele pagina en de meeste klanten keren om. Wie doorklikt, kan een \
     vervalste winkel niet van de uwe onderscheiden.",
    "Browsers show a warning over the whole page and most customers turn back. Whoever clicks on cannot tell a forged \
     shop from yours.",
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "cert-expired",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 5280 §6.1.3; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new("Het certificaat is verlopen", "The certificate has expired"),
        why: ERROR_PAGE,
        fix: Words::new(
            "Vernieuw het certificaat nu en laat het voortaan vanzelf vernieuwen.",
            "Renew the certificate now, and let it renew by itself from now on.",
        ),
        snippets: &RENEW,
        judge: |evidence, notes| {
            each_leaf(evidence, notes, |leaf| {
                (leaf.not_after < evidence.started)
                    .then(|| (Severity::Critical, format!("notAfter {}", date(leaf.not_after))))
            });
        },
    },
    Rule {
        id: "cert-notyet",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 5280 §6.1.3; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new("Het certificaat geldt nog niet", "The certificate is not valid yet"),
        why: ERROR_PAGE,
        fix: Words::new(
            "Zet een certificaat neer dat nu geldt, en controleer de klok van wie het uitgaf.",
            "Put a certificate in place that is valid now, and check the clock of who issued it.",
        ),
        snippets: &RENEW,
        judge: |evidence, notes| {
            each_leaf(evidence, notes, |leaf| {
                (leaf.not_before > evidence.started)
                    .then(|| (Severity::Critical, format!("notBefore {}", date(leaf.not_before))))
            });
        },
    },
    Rule {
        id: "cert-expires-soon",
        protections: A,
        severity: Severity::High,
        part: Part::Certificate,
        source: "NCSC-NL TLS 2025-05 §4.4; RFC 9773",
        title: Words::new("Het certificaat verloopt binnenkort", "The certificate expires soon"),
        why: Words::new(
            "Het had al vernieuwd moeten zijn. Gebeurt dat niet, dan ziet straks elke klant een waarschuwing in \
             plaats van uw winkel.",
            "It should have been renewed by now. If that does not happen, every customer will soon see a warning \
             instead of your shop.",
        ),
        fix: Words::new(
            "Kijk waarom het automatisch vernieuwen niet werkte en vernieuw het nu.",
            "Find out why automatic renewal did not work, and renew it now.",
        ),
        snippets: &RENEW,
        judge: |evidence, notes| each_leaf(evidence, notes, |leaf| expires_soon(evidence, leaf)),
    },
    Rule {
        id: "cert-hostname",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 9525 §6; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new("Het certificaat is voor een andere naam", "The certificate is for another name"),
        why: ERROR_PAGE,
        fix: Words::new(
            "Vraag een certificaat aan waarin precies deze naam staat, met én zonder www.",
            "Request a certificate that has exactly this name, with and without www.",
        ),
        snippets: &REPLACE,
        judge: hostname,
    },
    Rule {
        id: "cert-no-san",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 9525 §2; BR 7.1.2.7.12",
        title: Words::new(
            "Het certificaat heeft geen lijst met namen",
            "The certificate has no list of names",
        ),
        why: Words::new(
            "Browsers kijken sinds 2017 alleen naar de namenlijst (SAN). Zonder die lijst weigeren ze de winkel.",
            "Since 2017 browsers look only at the list of names (SAN). Without it they refuse the shop.",
        ),
        fix: Words::new(
            "Vraag een nieuw certificaat aan met uw namen als “subject alternative name”.",
            "Request a new certificate with your names as “subject alternative name”.",
        ),
        snippets: &REPLACE,
        judge: |evidence, notes| {
            each_leaf(evidence, notes, |leaf| {
                (!leaf.has_san).then(|| (Severity::Critical, format!("no SAN: {}", leaf.subject)))
            });
        },
    },
    Rule {
        id: "cert-selfsigned",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 5280 §6.1; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new(
            "Het certificaat is door uzelf ondertekend (self-signed)",
            "The certificate signed itself",
        ),
        why: ERROR_PAGE,
        fix: Words::new(
            "Gebruik een certificaat van een erkende uitgever, zoals het gratis Let's Encrypt.",
            "Use a certificate of a recognised authority, such as Let's Encrypt, which is free.",
        ),
        snippets: &REPLACE,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| (tls.chain.trust == Trust::SelfSigned).then(|| issued_by(tls)));
        },
    },
    Rule {
        id: "cert-untrusted",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 5280 §6.1; NCSC-NL TLS 2025-05 §4.4",
        title: Words::new(
            "Browsers kennen de uitgever van het certificaat niet",
            "Browsers do not know who issued the certificate",
        ),
        why: ERROR_PAGE,
        fix: Words::new(
            "Gebruik een certificaat van een erkende uitgever, zoals het gratis Let's Encrypt.",
            "Use a certificate of a recognised authority, such as Let's Encrypt, which is free.",
        ),
        snippets: &REPLACE,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| match &tls.chain.trust {
                Trust::UnknownIssuer { issuer } => Some(format!("path ends at {issuer}")),
                _ => None,
            });
        },
    },
    Rule {
        id: "cert-is-ca",
        protections: A,
        severity: Severity::High,
        part: Part::Certificate,
        source: "RFC 5280 §4.2.1.9; BR 7.1.2.7.8",
        title: Words::new(
            "Het certificaat van de winkel mag zelf certificaten uitgeven",
            "The shop's certificate may itself issue certificates",
        ),
        why: Words::new(
            "Wie de sleutel van uw server steelt, kan dan certificaten maken voor elke naam, en wie uw uitgever \
             vertrouwt, gelooft ze.",
            "Whoever steals your server's key can then make certificates for any name, and whoever trusts your authority \
             believes them.",
        ),
        fix: Words::new(
            "Vraag een gewoon servercertificaat aan (CA:FALSE) en zet de sleutel van de uitgever niet op de server.",
            "Request an ordinary server certificate (CA:FALSE), and keep the authority's key off the server.",
        ),
        snippets: &REPLACE,
        judge: |evidence, notes| {
            each_leaf(evidence, notes, |leaf| {
                leaf.is_ca.then(|| (Severity::High, format!("CA:TRUE: {}", leaf.subject)))
            });
        },
    },
    Rule {
        id: "cert-eku",
        protections: A,
        severity: Severity::High,
        part: Part::Certificate,
        source: "RFC 5280 §4.2.1.12; BR 7.1.2.7.10",
        title: Words::new(
            "Het certificaat is niet voor webservers bedoeld",
            "The certificate is not meant for web servers",
        ),
        why: Words::new(
            "Het is uitgegeven voor iets anders, zoals e-mail of een persoon. Browsers weigeren het voor een winkel.",
            "It was issued for something else, such as e-mail or a person. Browsers refuse it for a shop.",
        ),
        fix: Words::new(
            "Vraag een certificaat voor servers aan (serverAuth).",
            "Request a certificate for servers (serverAuth).",
        ),
        snippets: &REPLACE,
        judge: |evidence, notes| {
            each_leaf(evidence, notes, |leaf| {
                (leaf.eku_server == Some(false)).then(|| (Severity::High, "no serverAuth".to_owned()))
            });
        },
    },
    Rule {
        id: "cert-too-long",
        protections: A,
        severity: Severity::Medium,
        part: Part::Certificate,
        source: "BR 6.3.2 (398, 200, 100, 47 days by date of issue)",
        title: Words::new(
            "Het certificaat geldt langer dan is toegestaan",
            "The certificate is valid for longer than is allowed",
        ),
        why: Words::new(
            "Browsers weigeren certificaten die langer gelden dan de regels toestaan. En een gestolen sleutel blijft \
             zo lang bruikbaar.",
            "Browsers refuse certificates that live longer than the rules allow. And a stolen key stays usable for \
             that long.",
        ),
        fix: Words::new(
            "Neem een certificaat van hooguit 90 dagen dat zichzelf vernieuwt.",
            "Take a certificate of at most 90 days that renews itself.",
        ),
        snippets: &RENEW,
        judge: too_long,
    },
    Rule {
        id: "sct",
        protections: A,
        severity: Severity::Medium,
        part: Part::Certificate,
        source: "RFC 6962 §3; Chrome CT policy (2 timestamps up to 180 days, 3 above)",
        title: Words::new(
            "Het certificaat staat niet in genoeg openbare logboeken",
            "The certificate is in too few public logs",
        ),
        why: Words::new(
            "Chrome en Safari weigeren een certificaat zonder bewijs dat het in openbare logboeken staat. Die \
             logboeken laten zien of iemand een certificaat op uw naam liet maken.",
            "Chrome and Safari refuse a certificate without proof that it is in public logs. Those logs show whether \
             somebody had a certificate made in your name.",
        ),
        fix: Words::new(
            "Vraag uw uitgever om een nieuw certificaat; elke erkende uitgever voegt de bewijzen (SCT) vanzelf toe.",
            "Ask your authority for a new certificate; every recognised one adds the proofs (SCTs) by itself.",
        ),
        snippets: &RENEW,
        judge: |evidence, notes| each_as(evidence, notes, |tls| few_scts(evidence, tls)),
    },
    Rule {
        id: "ocsp-no-staple",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Certificate,
        source: "RFC 6066 §8; NCSC-NL TLS 2025-05 §3.4.5",
        title: Words::new(
            "De server stuurt geen bewijs mee dat het certificaat nog geldt",
            "The server sends no proof that the certificate is still good",
        ),
        why: Words::new(
            "De browser moet dan zelf bij de uitgever navragen, die zo leert wie uw winkel bezoekt.",
            "The browser must then ask the authority itself, which so learns who visits your shop.",
        ),
        fix: Words::new(
            "Zet OCSP-stapling aan, of neem een certificaat zonder OCSP (zoals van Let's Encrypt).",
            "Switch on OCSP stapling, or take a certificate without OCSP (such as from Let's Encrypt).",
        ),
        snippets: &STAPLE,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let leaf = tls.chain.leaf().filter(|leaf| !leaf.must_staple && is_public(evidence, tls))?;
                let url = leaf.ocsp_urls.first()?;
                (tls.chain.ocsp_staple == OcspStaple::Absent).then(|| format!("no staple; OCSP at {url}"))
            });
        },
    },
    Rule {
        id: "must-staple-missing",
        protections: A,
        severity: Severity::High,
        part: Part::Certificate,
        source: "RFC 7633 §4; RFC 6066 §8",
        title: Words::new(
            "Het certificaat eist een bewijs dat de server niet meestuurt",
            "The certificate demands a proof that the server does not send",
        ),
        why: Words::new(
            "In het certificaat staat “must-staple”. Browsers die daarop letten (Firefox) openen uw winkel niet.",
            "The certificate says “must-staple”. Browsers that heed it (Firefox) do not open your shop.",
        ),
        fix: Words::new(
            "Zet OCSP-stapling aan, of vraag een certificaat zonder must-staple aan.",
            "Switch on OCSP stapling, or request a certificate without must-staple.",
        ),
        snippets: &STAPLE,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let demands = tls.chain.leaf().is_some_and(|leaf| leaf.must_staple);
                (demands && tls.chain.ocsp_staple == OcspStaple::Absent)
                    .then(|| "must-staple, no staple".to_owned())
            });
        },
    },
    Rule {
        id: "revoked",
        protections: A,
        severity: Severity::Critical,
        part: Part::Certificate,
        source: "RFC 5280 §5; BR 4.9.1",
        title: Words::new("Het certificaat is ingetrokken", "The certificate was revoked"),
        why: Words::new(
            "De uitgever heeft het certificaat ongeldig verklaard, bijvoorbeeld omdat de sleutel gestolen is. \
             Browsers weigeren de winkel.",
            "The authority declared the certificate invalid, for instance because its key was stolen. Browsers \
             refuse the shop.",
        ),
        fix: Words::new(
            "Maak een nieuwe sleutel en vraag daarmee een nieuw certificaat aan. Zoek uit waarom het is ingetrokken.",
            "Make a new key and request a new certificate with it. Find out why the old one was revoked.",
        ),
        snippets: &REPLACE,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| match tls.chain.revocation {
                Revocation::Revoked { at } => Some(format!("revoked {}", date(at))),
                Revocation::Good | Revocation::Unknown => None,
            });
        },
    },
    Rule {
        id: "sni-default",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Certificate,
        source: "RFC 6066 §3",
        title: Words::new(
            "Zonder naam toont de server een ander certificaat",
            "Without a name the server shows another certificate",
        ),
        why: Words::new(
            "Wie alleen het adres kent, ziet het certificaat van een andere site op dezelfde server. Alleen stokoude \
             apparaten en scanners merken dat.",
            "Whoever knows only the address sees the certificate of another site on the same server. Only ancient \
             devices and scanners notice.",
        ),
        fix: Words::new(
            "Niets nodig; of maak van uw winkel de standaardsite van de server.",
            "Nothing needed; or make your shop the server's default site.",
        ),
        snippets: &fixes(
            Snippet::Lines("listen 443 ssl default_server;"),
            say("Zet de VirtualHost van de winkel als eerste.", "Put the shop's VirtualHost first."),
            say(
                "Zet `default_sni winkel.example` in het blok met algemene opties.",
                "Put `default_sni winkel.example` in the block of global options.",
            ),
            Words::new(
                "U hoeft niets te doen: op gedeelde hosting is dit gewoon.",
                "You need not do anything: on shared hosting this is normal.",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let (sha256, names) = tls.other_without_sni.as_ref()?;
                Some(format!("without SNI: {}", named_or(names, sha256)))
            });
        },
    },
];

const STAPLE: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines("ssl_stapling on;\nssl_stapling_verify on;\nresolver 127.0.0.53;"),
    Snippet::Lines(
        "SSLUseStapling on\n# outside <VirtualHost>:\nSSLStaplingCache shmcb:${APACHE_RUN_DIR}/stapling(131072)",
    ),
    CADDY_UPDATE,
    Words::new("Vraag uw hoster: “Zet OCSP-stapling aan.”", "Ask your host: “Switch on OCSP stapling.”"),
);

/// Days left below which every certificate should be in somebody's hands.
const DAYS_LEFT_MIN: i64 = 7;
/// Days of life up to which a certificate is surely renewed by a program.
const LIFE_DAYS_AUTOMATIC: i64 = 100;
/// Names of a certificate that are shown.
const NAMES_SHOWN: usize = 8;
/// Characters of such a name; a DNS name has at most 253.
const NAME_CHARS_SHOWN: usize = 100;

/// Below a third of its life a certificate should have been renewed.
///
/// A program renews at just that moment, so a quarter is left to it before this counts; a certificate for a year is
/// often renewed by hand, in its last month.
fn expires_soon(evidence: &Evidence, leaf: &CertFacts) -> Option<(Severity, String)> {
    let left_ms = leaf.not_after.0.saturating_sub(evidence.started.0);
    let life_ms = leaf.not_after.0.saturating_sub(leaf.not_before.0);
    if left_ms < 0 || leaf.not_before > evidence.started {
        return None;
    }
    let left = days(evidence.started, leaf.not_after);
    let is_below = |part: i64| left_ms < life_ms / part;
    let is_automatic = days(leaf.not_before, leaf.not_after) <= LIFE_DAYS_AUTOMATIC;
    let severity = match () {
        () if leaf.is_short_lived && is_below(3) => Severity::High,
        () if leaf.is_short_lived => return None,
        () if left < DAYS_LEFT_MIN => Severity::High,
        () if is_automatic && is_below(4) => Severity::Medium,
        () if !is_automatic && left < 30 => Severity::Medium,
        () if is_below(3) => Severity::Info,
        () => return None,
    };
    Some((severity, format!("{left} d: notAfter {}", date(leaf.not_after))))
}

fn hostname(evidence: &Evidence, notes: &mut Notes) {
    for endpoint in &evidence.endpoints {
        let chain = &endpoint.tls.chain;
        let Some(leaf) = chain.leaf().filter(|leaf| leaf.is_readable && leaf.has_san) else { continue };
        let matches = chain.matches_host.unwrap_or_else(|| cert::matches(&leaf.names, &endpoint.host));
        if matches {
            continue;
        }
        let near = cert::near_miss(&leaf.names, &endpoint.host).map(|near| format!("; {near}"));
        let names = named_or(&leaf.names, "-");
        notes.seen(place(endpoint), format!("SAN: {names}{}", near.unwrap_or_default()));
    }
}

/// The first names, how many more there are, or something else when there are none.
fn named_or(names: &[String], otherwise: &str) -> String {
    if names.is_empty() {
        return otherwise.to_owned();
    }
    let short = |name: &String| name.chars().take(NAME_CHARS_SHOWN).collect::<String>();
    let shown = names.iter().take(NAMES_SHOWN).map(short).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} +{more}"),
    }
}

fn issued_by(tls: &TlsFacts) -> String {
    tls.chain
        .leaf()
        .map_or_else(|| "self-signed".to_owned(), |leaf| format!("issuer = subject = {}", leaf.issuer))
}

/// The limits bind public authorities; for a private one it is only good to know.
fn too_long(evidence: &Evidence, notes: &mut Notes) {
    each_as(evidence, notes, |tls| {
        let leaf = tls.chain.leaf().filter(|leaf| leaf.is_readable)?;
        let life = i64::from(cert::life_days(leaf.not_before, leaf.not_after));
        let max = i64::from(cert::br_max_days(leaf.not_before));
        let severity = if is_public(evidence, tls) { Severity::Medium } else { Severity::Info };
        (life > max).then(|| {
            let from = date(leaf.not_before);
            (severity, format!("{life} d, issued {from}: at most {max} d"))
        })
    });
}

/// Timestamps of different logs, in the certificate or in TLS; those in a staple are not read.
fn few_scts(evidence: &Evidence, tls: &TlsFacts) -> Option<(Severity, String)> {
    let leaf = tls.chain.leaf().filter(|leaf| leaf.is_readable && is_public(evidence, tls))?;
    let mut logs: Vec<&str> =
        leaf.scts.iter().chain(&tls.chain.scts_tls).map(|sct| sct.log_id.as_str()).collect();
    logs.sort_unstable();
    logs.dedup();
    let wanted = if cert::life_days(leaf.not_before, leaf.not_after) > 180 { 3 } else { 2 };
    let may_be_stapled = tls.chain.ocsp_staple == OcspStaple::Present;
    let severity = if may_be_stapled { Severity::Info } else { Severity::Medium };
    (logs.len() < wanted).then(|| (severity, format!("timestamps of {} logs, wanted {wanted}", logs.len())))
}

#[cfg(test)]
mod tests {
    use kluis_model::TimeMs;

    use super::*;
    use crate::facts::SctFacts;
    use crate::rules::testing::{DAY_MS, STARTED, check, check_seen, check_silent, leaf, tls};

    /// A leaf of `life` days with `left` days to go.
    fn life(evidence: &mut Evidence, life: i64, left: i64) {
        leaf(evidence).not_after = TimeMs(STARTED.0 + left * DAY_MS);
        leaf(evidence).not_before = TimeMs(STARTED.0 + (left - life) * DAY_MS + 1_000);
    }

    #[test]
    fn validity() {
        check("cert-expired", |e| life(e, 90, -1), Severity::Critical);
        check("cert-expired", |e| e.endpoints[1].tls.chain.sent[0].not_after = TimeMs(0), Severity::Critical);
        check("cert-notyet", |e| leaf(e).not_before = TimeMs(STARTED.0 + 1), Severity::Critical);
        check_silent("cert-expired", |e| leaf(e).not_after = STARTED);
        check_silent("cert-notyet", |e| leaf(e).not_before = STARTED);
        for id in ["cert-expired", "cert-notyet", "cert-no-san", "cert-is-ca", "cert-too-long", "sct"] {
            check_silent(id, |e| e.endpoints.iter_mut().for_each(|p| p.tls.chain.sent.clear()));
            check_silent(id, |e| {
                *leaf(e) = CertFacts::default();
                e.endpoints.truncate(1);
            });
        }
    }

    #[test]
    fn expiry_that_comes_near() {
        check("cert-expires-soon", |e| life(e, 90, 6), Severity::High);
        check("cert-expires-soon", |e| life(e, 90, 20), Severity::Medium);
        check("cert-expires-soon", |e| life(e, 90, 28), Severity::Info);
        check("cert-expires-soon", |e| life(e, 398, 29), Severity::Medium);
        check("cert-expires-soon", |e| life(e, 398, 100), Severity::Info);
        check_silent("cert-expires-soon", |e| life(e, 90, 31));
        check_silent("cert-expires-soon", |e| life(e, 90, -1));
        check_silent("cert-expires-soon", |e| leaf(e).not_before = TimeMs(STARTED.0 + 1));
        let short = |e: &mut Evidence, left| {
            leaf(e).is_short_lived = true;
            life(e, 6, left);
        };
        check("cert-expires-soon", |e| short(e, 1), Severity::High);
        check_silent("cert-expires-soon", |e| short(e, 3));
        check_seen("cert-expires-soon", |e| life(e, 90, 6), "6 d: notAfter 2026-11-30");
    }

    #[test]
    fn names() {
        let other = |e: &mut Evidence, names: &[&str]| {
            leaf(e).names = names.iter().map(|name| (*name).to_owned()).collect();
            tls(e).chain.matches_host = None;
        };
        check("cert-hostname", |e| other(e, &["www.winkel.example"]), Severity::Critical);
        check("cert-hostname", |e| other(e, &["*.winkel.example"]), Severity::Critical);
        check("cert-hostname", |e| tls(e).chain.matches_host = Some(false), Severity::Critical);
        check("cert-hostname", |e| other(e, &[]), Severity::Critical);
        check_seen("cert-hostname", |e| other(e, &["www.winkel.example"]), "SAN: www.winkel.example; ");
        check_seen("cert-hostname", |e| other(e, &["a.example"; 20]), "a.example +12");
        check_silent("cert-hostname", |e| other(e, &["andere.example", "winkel.example"]));
        let without = |e: &mut Evidence| {
            other(e, &[]);
            leaf(e).has_san = false;
        };
        check("cert-no-san", without, Severity::Critical);
        check_silent("cert-hostname", without);
    }

    #[test]
    fn trust() {
        let set = |e: &mut Evidence, trust: Trust| tls(e).chain.trust = trust;
        check("cert-selfsigned", |e| set(e, Trust::SelfSigned), Severity::Critical);
        let unknown = || Trust::UnknownIssuer { issuer: "CN=Eigen CA".into() };
        check("cert-untrusted", |e| set(e, unknown()), Severity::Critical);
        check_seen("cert-untrusted", |e| set(e, unknown()), "CN=Eigen CA");
        check_silent("cert-selfsigned", |e| set(e, unknown()));
        check_silent("cert-untrusted", |e| set(e, Trust::SelfSigned));
        check_silent("cert-untrusted", |e| set(e, Trust::Unknown));
    }

    #[test]
    fn uses() {
        check("cert-is-ca", |e| leaf(e).is_ca = true, Severity::High);
        check("cert-eku", |e| leaf(e).eku_server = Some(false), Severity::High);
        check_silent("cert-eku", |e| leaf(e).eku_server = None);
        check_silent("cert-is-ca", |e| tls(e).chain.sent[1].is_ca = true);
    }

    #[test]
    fn life_that_is_too_long() {
        let long = |e: &mut Evidence| life(e, 201, 150);
        check("cert-too-long", long, Severity::Medium);
        check_silent("cert-too-long", |e| life(e, 200, 150));
        let private = |e: &mut Evidence| {
            long(e);
            e.target.has_own_roots = true;
        };
        check("cert-too-long", private, Severity::Info);
        // Issued before 2026-03-15: 398 days are allowed.
        check_silent("cert-too-long", |e| life(e, 398, 100));
        check("cert-too-long", |e| life(e, 399, 100), Severity::Medium);
    }

    #[test]
    fn timestamps() {
        check("sct", |e| leaf(e).scts.truncate(1), Severity::Medium);
        check("sct", |e| leaf(e).scts[1].log_id = "c1".repeat(32), Severity::Medium);
        check("sct", |e| life(e, 181, 150), Severity::Medium);
        let stapled = |e: &mut Evidence| {
            leaf(e).scts.clear();
            tls(e).chain.ocsp_staple = OcspStaple::Present;
        };
        check("sct", stapled, Severity::Info);
        check_silent("sct", |e| {
            leaf(e).scts.truncate(1);
            tls(e).chain.scts_tls = vec![SctFacts { log_id: "c9".repeat(32), ..SctFacts::default() }];
        });
        check_silent("sct", |e| {
            leaf(e).scts.clear();
            e.target.has_own_roots = true;
        });
        check_silent("sct", |e| {
            leaf(e).scts.clear();
            tls(e).chain.trust = Trust::SelfSigned;
        });
    }

    #[test]
    fn revocation() {
        let with_ocsp = |e: &mut Evidence| leaf(e).ocsp_urls = vec!["http://ocsp.example/".into()];
        check("ocsp-no-staple", with_ocsp, Severity::Info);
        check_silent("ocsp-no-staple", |e| {
            with_ocsp(e);
            e.target.has_own_roots = true;
        });
        check_silent("ocsp-no-staple", |e| {
            with_ocsp(e);
            tls(e).chain.ocsp_staple = OcspStaple::Present;
        });
        check("must-staple-missing", |e| leaf(e).must_staple = true, Severity::High);
        check_silent("must-staple-missing", |e| {
            leaf(e).must_staple = true;
            tls(e).chain.ocsp_staple = OcspStaple::Unknown;
        });
        check(
            "revoked",
            |e| tls(e).chain.revocation = Revocation::Revoked { at: STARTED },
            Severity::Critical,
        );
        check_seen(
            "revoked",
            |e| tls(e).chain.revocation = Revocation::Revoked { at: STARTED },
            "2026-11-24",
        );
        check_silent("revoked", |e| tls(e).chain.revocation = Revocation::Unknown);
    }

    #[test]
    fn another_certificate_without_a_name() {
        let other = |e: &mut Evidence| {
            tls(e).other_without_sni = Some(("ff".repeat(32), vec!["host.example".into()]))
        };
        check("sni-default", other, Severity::Info);
        check_seen("sni-default", other, "without SNI: host.example");
        check_silent("sni-default", |e| tls(e).other_without_sni = None);
    }
}
