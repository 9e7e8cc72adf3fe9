//! Rules about reaching the shop over HTTPS, and about the versions of TLS it speaks.

use super::shared::{A, CADDY_UPDATE, D, E, ED, EDA, NONE, UPDATE_OPENSSL, date, each, fixes, place, say};
use crate::facts::{Answer, Endpoint, Evidence, Protocol, Reach, TlsFacts};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::tls::suites;

/// The lines that leave only the two versions of today.
const VERSIONS: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines("ssl_protocols TLSv1.2 TLSv1.3;"),
    Snippet::Lines("SSLProtocol -all +TLSv1.2 +TLSv1.3"),
    say(
        "Haal de regel `protocols` uit het `tls`-blok weg; Caddy laat dan alleen TLS 1.2 en 1.3 toe.",
        "Remove the `protocols` line from the `tls` block; Caddy then allows only TLS 1.2 and 1.3.",
    ),
    Words::new(
        "Vraag uw hoster: “Laat voor mijn winkel alleen TLS 1.2 en TLS 1.3 toe.”",
        "Ask your host: “Allow only TLS 1.2 and TLS 1.3 for my shop.”",
    ),
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "not-reachable",
        protections: EDA,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 9110 §4.2.2",
        title: Words::new("De winkel is niet via HTTPS te bereiken", "The shop cannot be reached over HTTPS"),
        why: Words::new(
            "Zonder HTTPS reist alles open over het internet: wachtwoorden, adressen en bestellingen. Reageert maar \
             één van uw adressen niet, dan wacht een deel van uw klanten vergeefs.",
            "Without HTTPS everything travels in the open: passwords, addresses and orders. When only one of your \
             addresses fails, some of your customers wait in vain.",
        ),
        fix: Words::new(
            "Zorg dat de webserver op poort 443 luistert, op elk adres dat in de DNS staat, en dat de firewall die \
             poort doorlaat. Haal een adres dat niet meer bestaat uit de DNS.",
            "Make the web server listen on port 443 on every address in the DNS, and let the firewall pass that \
             port. Remove an address that no longer exists from the DNS.",
        ),
        snippets: &fixes(
            Snippet::Lines("listen 443 ssl;\nlisten [::]:443 ssl;"),
            Snippet::Lines("Listen 443"),
            say(
                "Noem de winkel in het Caddyfile bij haar naam, zonder `http://` ervoor.",
                "Name the shop in the Caddyfile by its host name, without `http://` in front.",
            ),
            Words::new(
                "Vraag uw hoster: “Zet HTTPS (poort 443) aan voor mijn domein, op alle IPv4- en IPv6-adressen.”",
                "Ask your host: “Turn on HTTPS (port 443) for my domain, on every IPv4 and IPv6 address.”",
            ),
        ),
        judge: not_reachable,
    },
    Rule {
        id: "not-tls",
        protections: EDA,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "RFC 9110 §4.2.2; RFC 8446 §4",
        title: Words::new(
            "Op de HTTPS-poort antwoordt iets dat geen TLS is",
            "The HTTPS port answers without TLS",
        ),
        why: Words::new(
            "Browsers kunnen de winkel zo niet veilig openen. Wie het toch probeert, krijgt een foutmelding of praat \
             onversleuteld.",
            "Browsers cannot open the shop safely this way. Whoever tries gets an error or talks unencrypted.",
        ),
        fix: Words::new(
            "Zet TLS aan op poort 443; meestal ontbreekt één woord in de instellingen van de webserver.",
            "Turn on TLS on port 443; usually one word is missing in the web server's settings.",
        ),
        snippets: &fixes(
            Snippet::Lines("listen 443 ssl;"),
            Snippet::Lines("SSLEngine on"),
            say(
                "Noem de winkel in het Caddyfile bij haar naam, zonder `http://` en zonder `:443`.",
                "Name the shop in the Caddyfile by its host name, without `http://` and without `:443`.",
            ),
            Words::new(
                "Vraag uw hoster: “Poort 443 van mijn winkel spreekt geen TLS; zet HTTPS aan.”",
                "Ask your host: “Port 443 of my shop does not speak TLS; turn on HTTPS.”",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| match &tls.reach {
                Reach::NotTls { looks_like } => Some(format!("{looks_like}, not TLS")),
                _ => None,
            });
        },
    },
    Rule {
        id: "ssl2",
        protections: EDA,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "RFC 6176 §3; NCSC-NL TLS 2025-05 §3.3.1; CVE-2016-0800 (DROWN)",
        title: Words::new("SSL 2.0 staat aan", "SSL 2.0 is switched on"),
        why: Words::new(
            "Met SSL 2.0 (uit 1995) kan een aanvaller ook moderne verbindingen met hetzelfde certificaat ontcijferen \
             (DROWN). Wachtwoorden en bestellingen van uw klanten liggen dan open.",
            "With SSL 2.0 (from 1995) an attacker can decrypt even modern connections made with the same certificate \
             (DROWN). Your customers' passwords and orders then lie open.",
        ),
        fix: Words::new("Sta alleen TLS 1.2 en TLS 1.3 toe.", "Allow only TLS 1.2 and TLS 1.3."),
        snippets: &VERSIONS,
        judge: |evidence, notes| accepted(evidence, notes, Protocol::Ssl2),
    },
    Rule {
        id: "ssl3",
        protections: ED,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "RFC 7568 §3; NCSC-NL TLS 2025-05 §3.3.1",
        title: Words::new("SSL 3.0 staat aan", "SSL 3.0 is switched on"),
        why: Words::new(
            "SSL 3.0 is gebroken. Wie op dezelfde wifi zit, kan een oude browser ertoe dwingen en dan meelezen en \
             wijzigen.",
            "SSL 3.0 is broken. Someone on the same wifi can force an old browser to use it, and then read and \
             change what is sent.",
        ),
        fix: Words::new("Sta alleen TLS 1.2 en TLS 1.3 toe.", "Allow only TLS 1.2 and TLS 1.3."),
        snippets: &VERSIONS,
        judge: |evidence, notes| accepted(evidence, notes, Protocol::Ssl3),
    },
    Rule {
        id: "poodle",
        protections: ED,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "CVE-2014-3566; RFC 7568 §4.1; NCSC-NL TLS 2025-05 §3.3.1",
        title: Words::new("De POODLE-aanval werkt op deze winkel", "The POODLE attack works on this shop"),
        why: Words::new(
            "SSL 3.0 met CBC verraadt letter voor letter de sessiecookie. Daarmee zit een aanvaller in het account \
             van uw klant.",
            "SSL 3.0 with CBC gives the session cookie away letter by letter. With it an attacker is in your \
             customer's account.",
        ),
        fix: Words::new("Zet SSL 3.0 uit.", "Switch SSL 3.0 off."),
        snippets: &VERSIONS,
        judge: |evidence, notes| each(evidence, notes, poodle),
    },
    Rule {
        id: "tls10",
        protections: ED,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 8996 §4; NCSC-NL TLS 2025-05 §3.3.1",
        title: Words::new("TLS 1.0 staat nog aan", "TLS 1.0 is still switched on"),
        why: Words::new(
            "TLS 1.0 (1999) heeft bekende zwakheden en geen enkele browser van nu heeft het nodig. Zolang het aan \
             staat, kan een aanvaller oude apparaten ernaar terugdringen. Betaalbedrijven (PCI DSS) verbieden het.",
            "TLS 1.0 (1999) has known weaknesses and no browser of today needs it. As long as it is on, an attacker \
             can push old devices back to it. Payment companies (PCI DSS) forbid it.",
        ),
        fix: Words::new("Sta alleen TLS 1.2 en TLS 1.3 toe.", "Allow only TLS 1.2 and TLS 1.3."),
        snippets: &VERSIONS,
        judge: |evidence, notes| accepted(evidence, notes, Protocol::Tls10),
    },
    Rule {
        id: "tls11",
        protections: ED,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 8996 §5; NCSC-NL TLS 2025-05 §3.3.1",
        title: Words::new("TLS 1.1 staat nog aan", "TLS 1.1 is still switched on"),
        why: Words::new(
            "TLS 1.1 (2006) leunt op SHA-1 en is afgeschreven. Geen browser van nu heeft het nodig; een aanvaller \
             wel.",
            "TLS 1.1 (2006) leans on SHA-1 and is retired. No browser of today needs it; an attacker does.",
        ),
        fix: Words::new("Sta alleen TLS 1.2 en TLS 1.3 toe.", "Allow only TLS 1.2 and TLS 1.3."),
        snippets: &VERSIONS,
        judge: |evidence, notes| accepted(evidence, notes, Protocol::Tls11),
    },
    Rule {
        id: "no-tls12",
        protections: E,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "RFC 9325 §3.1.1; NCSC-NL TLS 2025-05 §3.3.1",
        title: Words::new("De winkel spreekt geen TLS 1.2 of nieuwer", "The shop speaks no TLS 1.2 or newer"),
        why: Words::new(
            "Browsers van nu weigeren zo'n verbinding: uw klanten zien een foutmelding in plaats van uw winkel.",
            "Browsers of today refuse such a connection: your customers see an error instead of your shop.",
        ),
        fix: Words::new(
            "Werk de webserver bij en zet TLS 1.2 en TLS 1.3 aan.",
            "Update the web server and switch on TLS 1.2 and TLS 1.3.",
        ),
        snippets: &VERSIONS,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| match tls.best() {
                Some(best) => (best < Protocol::Tls12).then(|| format!("newest: {best}")),
                None => {
                    let is_refused = |protocol| tls.protocols.get(&protocol) == Some(&Answer::Refused);
                    let is_none = is_refused(Protocol::Tls12) && is_refused(Protocol::Tls13);
                    is_none.then(|| "every version is refused".to_owned())
                }
            });
        },
    },
    Rule {
        id: "no-tls13",
        protections: E,
        severity: Severity::Low,
        part: Part::Tls,
        source: "RFC 8446; NCSC-NL TLS 2025-05 §3.3.1",
        title: Words::new("TLS 1.3 ontbreekt", "TLS 1.3 is missing"),
        why: Words::new(
            "TLS 1.3 is sneller, laat oude zwakheden weg en is nodig voor versleuteling die ook tegen een \
             kwantumcomputer standhoudt.",
            "TLS 1.3 is faster, leaves old weaknesses out, and is needed for encryption that withstands a quantum \
             computer too.",
        ),
        fix: Words::new(
            "Zet TLS 1.3 aan naast TLS 1.2; daarvoor is OpenSSL 1.1.1 of nieuwer nodig.",
            "Switch on TLS 1.3 beside TLS 1.2; this needs OpenSSL 1.1.1 or newer.",
        ),
        snippets: &VERSIONS,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let is_refused = tls.protocols.get(&Protocol::Tls13) == Some(&Answer::Refused);
                (is_refused && tls.accepts(Protocol::Tls12)).then(|| "TLS 1.3 refused".to_owned())
            });
        },
    },
    Rule {
        id: "tls13-intolerant",
        protections: A,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 8446 §4.1.2",
        title: Words::new(
            "De server breekt af als een browser TLS 1.3 aanbiedt",
            "The server breaks off when a browser offers TLS 1.3",
        ),
        why: Words::new(
            "Elke browser van nu biedt TLS 1.3 aan. Een server die dan ophangt, is voor veel klanten onbereikbaar.",
            "Every browser of today offers TLS 1.3. A server that then hangs up cannot be reached by many customers.",
        ),
        fix: Words::new(
            "Werk de webserver bij, of het apparaat ervoor (firewall, loadbalancer): dat begrijpt het aanbod niet.",
            "Update the web server, or the device in front of it (firewall, load balancer): it misreads the offer.",
        ),
        snippets: &fixes(
            UPDATE_OPENSSL,
            UPDATE_OPENSSL,
            CADDY_UPDATE,
            Words::new(
                "Vraag uw hoster: “Uw server verbreekt verbindingen waarin TLS 1.3 wordt aangeboden; werk hem bij.”",
                "Ask your host: “Your server drops connections that offer TLS 1.3; please update it.”",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                (tls.tls13_intolerant == Some(true))
                    .then(|| "hello with TLS 1.3: closed; without: accepted".to_owned())
            });
        },
    },
    Rule {
        id: "no-scsv",
        protections: D,
        severity: Severity::Low,
        part: Part::Tls,
        source: "RFC 7507 §3",
        title: Words::new(
            "Terugdringen naar een oude TLS-versie valt niet op",
            "Pushing back to an old TLS version goes unnoticed",
        ),
        why: Words::new(
            "De server kent meer oude versies en merkt niet dat een aanvaller de browser naar de zwakste terugduwt.",
            "The server speaks several old versions and does not notice an attacker pushing the browser back to the \
             weakest one.",
        ),
        fix: Words::new(
            "Zet de versies onder TLS 1.2 uit, of werk OpenSSL bij.",
            "Switch off the versions below TLS 1.2, or update OpenSSL.",
        ),
        snippets: &VERSIONS,
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let old = Protocol::ALL.iter().filter(|p| **p > Protocol::Ssl2 && **p < Protocol::Tls13);
                let has_several = old.filter(|p| tls.accepts(**p)).count() > 1;
                (has_several && tls.fallback_scsv == Some(false))
                    .then(|| "TLS_FALLBACK_SCSV ignored".to_owned())
            });
        },
    },
    Rule {
        id: "endpoints-differ",
        protections: A,
        severity: Severity::Low,
        part: Part::Tls,
        source: "internet.nl: every address counts; NCSC-NL TLS 2025-05 §2",
        title: Words::new(
            "De adressen van de winkel zijn niet gelijk ingesteld",
            "The shop's addresses are not set up alike",
        ),
        why: Words::new(
            "Niet elke klant krijgt dezelfde server. Een vergeten tweede adres (vaak IPv6) houdt oude instellingen of \
             een oud certificaat, en dat merkt u zelf niet.",
            "Not every customer gets the same server. A forgotten second address (often IPv6) keeps old settings or \
             an old certificate, and you do not notice it yourself.",
        ),
        fix: Words::new(
            "Geef elk adres dezelfde TLS-instellingen en hetzelfde certificaat.",
            "Give every address the same TLS settings and the same certificate.",
        ),
        snippets: &fixes(
            Snippet::Lines("listen 443 ssl;\nlisten [::]:443 ssl;"),
            Snippet::Lines("<VirtualHost *:443 [::]:443>"),
            say(
                "Haal `bind` uit het Caddyfile weg, of noem er alle adressen.",
                "Remove `bind` from the Caddyfile, or name every address there.",
            ),
            Words::new(
                "Vraag uw hoster: “Geef alle adressen van mijn domein dezelfde instellingen en hetzelfde certificaat.”",
                "Ask your host: “Give all addresses of my domain the same settings and the same certificate.”",
            ),
        ),
        judge: endpoints_differ,
    },
    Rule {
        id: "no-resumption",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Tls,
        source: "RFC 8446 §2.2",
        title: Words::new("Verbindingen worden niet hervat", "Connections are not resumed"),
        why: Words::new(
            "Elke nieuwe verbinding doet het volledige begin opnieuw. Dat is veilig, maar op een telefoon trager.",
            "Every new connection does the full beginning again. This is safe, but slower on a phone.",
        ),
        fix: Words::new(
            "Zet een sessiecache aan; nodig is het niet.",
            "Switch on a session cache; there is no need to.",
        ),
        snippets: &fixes(
            Snippet::Lines("ssl_session_cache shared:SSL:10m;"),
            Snippet::Lines("SSLSessionCache shmcb:${APACHE_RUN_DIR}/ssl_scache(512000)"),
            CADDY_UPDATE,
            Words::new(
                "U hoeft niets te doen; uw hoster kan sessiehervatting aanzetten.",
                "You need not do anything; your host can switch on session resumption.",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                (tls.resumption.works == Some(false)).then(|| "second handshake was a full one".to_owned())
            });
        },
    },
    Rule {
        id: "ticket-lifetime",
        protections: E,
        severity: Severity::Info,
        part: Part::Tls,
        source: "RFC 8446 §4.6.1 (7 days at most)",
        title: Words::new(
            "Sessietickets blijven langer dan een week geldig",
            "Session tickets stay valid for more than a week",
        ),
        why: Words::new(
            "Wie de ticketsleutel van de server steelt, kan hervatte verbindingen lezen zolang tickets gelden.",
            "Whoever steals the server's ticket key can read resumed connections for as long as tickets live.",
        ),
        fix: Words::new("Beperk de geldigheid tot een dag.", "Limit their life to a day."),
        snippets: &fixes(
            Snippet::Lines("ssl_session_timeout 1d;"),
            Snippet::Lines("SSLSessionCacheTimeout 86400"),
            CADDY_UPDATE,
            Words::new(
                "Vraag uw hoster: “Beperk de levensduur van TLS-sessietickets tot een dag.”",
                "Ask your host: “Limit the life of TLS session tickets to a day.”",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                let lifetime_s = tls.resumption.ticket_lifetime_s.filter(|s| *s > TICKET_LIFETIME_S_MAX)?;
                Some(format!("ticket lifetime {lifetime_s} s"))
            });
        },
    },
];

/// The longest life of a ticket that RFC 8446 §4.6.1 allows.
const TICKET_LIFETIME_S_MAX: u32 = 604_800;

fn accepted(evidence: &Evidence, notes: &mut Notes, protocol: Protocol) {
    each(evidence, notes, |tls| tls.accepts(protocol).then(|| format!("{protocol} accepted")));
}

fn poodle(tls: &TlsFacts) -> Option<String> {
    if !tls.accepts(Protocol::Ssl3) {
        return None;
    }
    let mut of_ssl3 = tls.suites.iter().filter(|s| s.protocol == Protocol::Ssl3);
    of_ssl3.find_map(|s| suites::find(s.id).filter(|s| s.is_cbc())).map(|s| format!("SSLv3 with {}", s.name))
}

/// Critical when no address speaks TLS. No way to an IPv6 address is the auditor's own network, not the shop's fault.
fn not_reachable(evidence: &Evidence, notes: &mut Notes) {
    let is_none_there = !evidence.endpoints.iter().any(|endpoint| endpoint.tls.reach == Reach::Tls);
    let severity = if is_none_there { Severity::Critical } else { Severity::High };
    for endpoint in &evidence.endpoints {
        let seen = match endpoint.tls.reach {
            Reach::Refused => "connection refused",
            Reach::TimedOut => "no answer in time",
            Reach::Unreachable if endpoint.address.is_ipv4() => "unreachable",
            _ => continue,
        };
        notes.seen_as(severity, place(endpoint), seen);
    }
}

/// Compares every address with the first of the same host: versions of which both are sure, and the certificate.
///
/// Another certificate alone is only good to know: each server of a cluster may have its own.
fn endpoints_differ(evidence: &Evidence, notes: &mut Notes) {
    let speaking: Vec<&Endpoint> = evidence.endpoints.iter().filter(|e| e.tls.reach == Reach::Tls).collect();
    for (index, other) in speaking.iter().enumerate() {
        let is_same_host = |first: &&&Endpoint| first.host == other.host && first.port == other.port;
        let Some(first) = speaking.iter().take(index).find(is_same_host) else { continue };
        for protocol in Protocol::ALL {
            let answer = |e: &Endpoint| e.tls.protocols.get(&protocol).copied().unwrap_or_default();
            let (here, there) = (answer(other), answer(first));
            if here != there && here != Answer::Unknown && there != Answer::Unknown {
                let word = |a| if a == Answer::Accepted { "accepted" } else { "refused" };
                let seen = format!("{protocol} {}; {}: {}", word(here), first.address, word(there));
                notes.seen_as(Severity::Low, place(other), seen);
            }
        }
        if let (Some(here), Some(there)) = (other.tls.chain.leaf(), first.tls.chain.leaf())
            && here.sha256 != there.sha256
        {
            let until = |at| date(at);
            let seen = format!(
                "certificate {} until {}; {}: until {}",
                here.serial,
                until(here.not_after),
                first.address,
                until(there.not_after)
            );
            notes.seen_as(Severity::Info, place(other), seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::SuiteFacts;
    use crate::rules::testing::{check, check_seen, check_silent, tls};

    fn accept(tls: &mut TlsFacts, protocol: Protocol) {
        tls.protocols.insert(protocol, Answer::Accepted);
    }

    fn refuse(tls: &mut TlsFacts, protocol: Protocol) {
        tls.protocols.insert(protocol, Answer::Refused);
    }

    #[test]
    fn shops_that_cannot_be_reached() {
        let set = |e: &mut Evidence, reach: &Reach| {
            e.endpoints.iter_mut().for_each(|p| p.tls.reach = reach.clone())
        };
        check("not-reachable", |e| set(e, &Reach::Refused), Severity::Critical);
        check("not-reachable", |e| set(e, &Reach::TimedOut), Severity::Critical);
        check("not-reachable", |e| e.endpoints[1].tls.reach = Reach::Refused, Severity::High);
        check("not-reachable", |e| tls(e).reach = Reach::Unreachable, Severity::High);
        // The auditor's own network may have no IPv6.
        check_silent("not-reachable", |e| e.endpoints[1].tls.reach = Reach::Unreachable);
        check_silent("not-reachable", |e| set(e, &Reach::Unknown));
        let http = || Reach::NotTls { looks_like: "http".into() };
        check("not-tls", |e| tls(e).reach = http(), Severity::Critical);
        check_seen("not-tls", |e| tls(e).reach = http(), "http, not TLS");
        check_silent("not-tls", |e| tls(e).reach = Reach::Refused);
        check_silent("not-reachable", |e| set(e, &http()));
    }

    #[test]
    fn old_versions() {
        check("ssl2", |e| accept(tls(e), Protocol::Ssl2), Severity::Critical);
        check("ssl3", |e| accept(tls(e), Protocol::Ssl3), Severity::Critical);
        check("tls10", |e| accept(tls(e), Protocol::Tls10), Severity::High);
        check("tls11", |e| accept(tls(e), Protocol::Tls11), Severity::High);
        // The worst endpoint counts, whichever it is.
        check("tls10", |e| accept(&mut e.endpoints[1].tls, Protocol::Tls10), Severity::High);
        check_seen("tls10", |e| accept(&mut e.endpoints[1].tls, Protocol::Tls10), "2001:db8::10");
        for id in ["ssl2", "ssl3", "tls10", "tls11"] {
            check_silent(id, |e| tls(e).protocols.clear());
            check_silent(id, |e| e.endpoints.clear());
        }
    }

    #[test]
    fn poodle_needs_cbc() {
        let with = |e: &mut Evidence, id| {
            accept(tls(e), Protocol::Ssl3);
            tls(e).suites.push(SuiteFacts { protocol: Protocol::Ssl3, id });
        };
        check("poodle", |e| with(e, 0x002f), Severity::Critical);
        check_silent("poodle", |e| with(e, 0x0005));
        check_silent("poodle", |e| tls(e).suites.push(SuiteFacts { protocol: Protocol::Tls10, id: 0x002f }));
    }

    #[test]
    fn new_versions() {
        let only_old = |e: &mut Evidence| {
            refuse(tls(e), Protocol::Tls12);
            refuse(tls(e), Protocol::Tls13);
            accept(tls(e), Protocol::Tls11);
        };
        check("no-tls12", only_old, Severity::Critical);
        check_silent("no-tls12", |e| refuse(tls(e), Protocol::Tls12));
        check_silent("no-tls12", |e| tls(e).protocols.clear());
        let refuse_all = |e: &mut Evidence| Protocol::ALL.into_iter().for_each(|p| refuse(tls(e), p));
        check("no-tls12", refuse_all, Severity::Critical);
        check("no-tls13", |e| refuse(tls(e), Protocol::Tls13), Severity::Low);
        check_silent("no-tls13", only_old);
        check_silent("no-tls13", |e| {
            tls(e).protocols.insert(Protocol::Tls13, Answer::Unknown);
        });
        check("tls13-intolerant", |e| tls(e).tls13_intolerant = Some(true), Severity::High);
        check_silent("tls13-intolerant", |e| tls(e).tls13_intolerant = None);
    }

    #[test]
    fn downgrades() {
        check(
            "no-scsv",
            |e| {
                accept(tls(e), Protocol::Tls11);
                tls(e).fallback_scsv = Some(false);
            },
            Severity::Low,
        );
        // With TLS 1.2 as the only old version the server's random gives a downgrade away (RFC 8446 §4.1.3).
        check_silent("no-scsv", |e| tls(e).fallback_scsv = Some(false));
        check_silent("no-scsv", |e| accept(tls(e), Protocol::Tls11));
    }

    #[test]
    fn addresses_that_differ() {
        check("endpoints-differ", |e| accept(&mut e.endpoints[1].tls, Protocol::Tls10), Severity::Low);
        check("endpoints-differ", |e| refuse(&mut e.endpoints[1].tls, Protocol::Tls13), Severity::Low);
        check(
            "endpoints-differ",
            |e| e.endpoints[1].tls.chain.sent[0].sha256 = "ff".repeat(32),
            Severity::Info,
        );
        check_silent("endpoints-differ", |e| e.endpoints[1].tls.protocols.clear());
        check_silent("endpoints-differ", |e| {
            e.endpoints[1].host = "www.winkel.example".into();
            accept(&mut e.endpoints[1].tls, Protocol::Tls10);
        });
        check_silent("endpoints-differ", |e| e.endpoints.truncate(1));
    }

    #[test]
    fn resumption() {
        check("no-resumption", |e| tls(e).resumption.works = Some(false), Severity::Info);
        check_silent("no-resumption", |e| tls(e).resumption.works = None);
        check("ticket-lifetime", |e| tls(e).resumption.ticket_lifetime_s = Some(604_801), Severity::Info);
        check_silent("ticket-lifetime", |e| tls(e).resumption.ticket_lifetime_s = Some(604_800));
        check_silent("ticket-lifetime", |e| tls(e).resumption.ticket_lifetime_s = None);
    }
}
