//! Rules about the DNS: signatures, DANE, IPv6 and encrypted hellos.

use core::net::IpAddr;

use super::shared::{A, DA, E, NONE, fixes_alike, place, say};
use crate::facts::{ChainFacts, DnssecState, Evidence, TlsaRecord};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};

/// How a zone is signed.
const SIGN_ZONE: [(Platform, Snippet); 7] = fixes_alike(
    say(
        "Onderteken de zone bij uw DNS-beheerder en geef de sleutel (DS) door aan uw registrar.",
        "Sign the zone at your DNS operator and pass the key (DS) on to your registrar.",
    ),
    Words::new(
        "Vraag uw registrar: “Zet DNSSEC aan voor mijn domeinnaam.”",
        "Ask your registrar: “Switch on DNSSEC for my domain name.”",
    ),
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "dnssec-missing",
        protections: DA,
        severity: Severity::Medium,
        part: Part::Dns,
        source: "RFC 4033; RFC 9364; Forum Standaardisatie (required for governments)",
        title: Words::new(
            "De domeinnaam is niet ondertekend (DNSSEC)",
            "The domain name is not signed (DNSSEC)",
        ),
        why: Words::new(
            "Zonder handtekening kan een aanvaller het adres van uw winkel vervalsen en klanten naar een kopie sturen.",
            "Without a signature an attacker can forge your shop's address and send customers to a copy.",
        ),
        fix: Words::new(
            "Zet DNSSEC aan bij wie uw domeinnaam beheert. Bij de meeste Nederlandse registrars is dat één vinkje.",
            "Switch on DNSSEC where your domain name is managed. With most registrars it is a single tick box.",
        ),
        snippets: &SIGN_ZONE,
        judge: |evidence, notes| {
            if is_asked(evidence) && evidence.dns.dnssec == DnssecState::Insecure {
                notes.seen(domain(evidence), "insecure: no DS record");
            }
        },
    },
    Rule {
        id: "dnssec-bogus",
        protections: DA,
        severity: Severity::High,
        part: Part::Dns,
        source: "RFC 4035 §5; RFC 9364; BR 3.2.2.8.1",
        title: Words::new(
            "De handtekeningen van de domeinnaam kloppen niet",
            "The domain name's signatures are wrong",
        ),
        why: Words::new(
            "Providers die handtekeningen controleren, vinden uw winkel niet meer: hun klanten zien een foutmelding. En \
             uitgevers mogen uw certificaat zo niet vernieuwen.",
            "Providers that check signatures no longer find your shop: their customers see an error. And authorities \
             may not renew your certificate this way.",
        ),
        fix: Words::new(
            "Laat de zone opnieuw ondertekenen, of laat de DS bij de registrar verwijderen totdat dat is gebeurd.",
            "Have the zone signed again, or have the DS removed at the registrar until that is done.",
        ),
        snippets: &fixes_alike(
            say(
                "Controleer of de DS bij de registrar bij de sleutel in de zone past en of handtekeningen niet verlopen zijn.",
                "Check that the DS at the registrar fits the key in the zone, and that signatures have not expired.",
            ),
            Words::new(
                "Vraag uw registrar vandaag nog: “DNSSEC van mijn domein is stuk (bogus); herstel de DS of de zone.”",
                "Ask your registrar today: “DNSSEC of my domain is broken (bogus); repair the DS or the zone.”",
            ),
        ),
        judge: |evidence, notes| {
            if !is_asked(evidence) {
                return;
            }
            if evidence.dns.dnssec == DnssecState::Bogus {
                notes.seen(domain(evidence), "bogus");
            }
            if evidence.dns.tlsa_dnssec == DnssecState::Bogus {
                notes.seen(tlsa_name(evidence), "bogus");
            }
        },
    },
    Rule {
        id: "dane-wrong",
        protections: A,
        severity: Severity::Medium,
        part: Part::Dns,
        source: "RFC 6698 §2.1; RFC 7671 §5",
        title: Words::new(
            "Het certificaat in de DNS (DANE) is niet dat van de server",
            "The certificate in the DNS (DANE) is not the server's",
        ),
        why: Words::new(
            "Wie DANE controleert, denkt dat uw winkel is nagemaakt, en weigert. Meestal is het certificaat vernieuwd \
             zonder de DNS bij te werken.",
            "Whoever checks DANE believes that your shop was forged, and refuses. Usually the certificate was renewed \
             without updating the DNS.",
        ),
        fix: Words::new(
            "Werk het TLSA-record bij, of verwijder het. Houd bij vernieuwen dezelfde sleutel, dan blijft het kloppen.",
            "Update the TLSA record, or remove it. Keep the same key when renewing, then it stays right.",
        ),
        snippets: &fixes_alike(
            Snippet::Lines("_443._tcp.winkel.example. IN TLSA 3 1 1 <SHA-256 of the public key>"),
            Words::new(
                "Vraag uw DNS-beheerder: “Verwijder het TLSA-record van mijn winkel of werk het bij.”",
                "Ask your DNS operator: “Remove my shop's TLSA record, or update it.”",
            ),
        ),
        judge: dane_wrong,
    },
    Rule {
        id: "dane-unsigned",
        protections: A,
        severity: Severity::Low,
        part: Part::Dns,
        source: "RFC 6698 §4.1; RFC 7671 §2",
        title: Words::new(
            "DANE-records zonder DNSSEC beschermen niemand",
            "DANE records without DNSSEC protect nobody",
        ),
        why: Words::new(
            "Een TLSA-record telt alleen als de domeinnaam ondertekend is. Nu negeert iedereen het.",
            "A TLSA record counts only when the domain name is signed. As it is, everybody ignores it.",
        ),
        fix: Words::new(
            "Zet DNSSEC aan, of verwijder het record.",
            "Switch on DNSSEC, or remove the record.",
        ),
        snippets: &SIGN_ZONE,
        judge: |evidence, notes| {
            let dns = &evidence.dns;
            if is_asked(evidence) && !dns.tlsa.is_empty() && dns.tlsa_dnssec == DnssecState::Insecure {
                notes.seen(tlsa_name(evidence), format!("{}; insecure", tlsa_text(&dns.tlsa)));
            }
        },
    },
    Rule {
        id: "dane-missing",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Dns,
        source: "RFC 6698; internet.nl (DANE existence, information only)",
        title: Words::new("Geen DANE-record voor de winkel", "No DANE record for the shop"),
        why: Words::new(
            "Met DANE staat in de ondertekende DNS welk certificaat bij uw winkel hoort. Browsers kijken er nog niet \
             naar; voor e-mail is het wel belangrijk.",
            "With DANE the signed DNS says which certificate belongs to your shop. Browsers do not look at it yet; \
             for e-mail it does matter.",
        ),
        fix: Words::new(
            "Niets nodig. Wie het wil: publiceer een TLSA-record van de sleutel.",
            "Nothing needed. If you want it: publish a TLSA record of the key.",
        ),
        snippets: &fixes_alike(
            Snippet::Lines("_443._tcp.winkel.example. IN TLSA 3 1 1 <SHA-256 of the public key>"),
            Words::new("U hoeft niets te doen.", "You need not do anything."),
        ),
        judge: |evidence, notes| {
            let dns = &evidence.dns;
            if is_asked(evidence) && dns.dnssec == DnssecState::Secure && dns.tlsa.is_empty() {
                notes.seen(tlsa_name(evidence), "no TLSA record");
            }
        },
    },
    Rule {
        id: "dane-no-rollover",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Dns,
        source: "RFC 7671 §8.1; internet.nl (DANE rollover scheme)",
        title: Words::new(
            "Er is maar één DANE-record, zonder reserve",
            "There is only one DANE record, without a spare",
        ),
        why: Words::new(
            "Bij een nieuwe sleutel klopt het record even niet en weigert wie DANE controleert.",
            "With a new key the record is wrong for a while, and whoever checks DANE refuses.",
        ),
        fix: Words::new(
            "Zet ook de volgende sleutel, of die van de uitgever, in de DNS.",
            "Put the next key, or the authority's, in the DNS as well.",
        ),
        snippets: &fixes_alike(
            Snippet::Lines(
                "_443._tcp.winkel.example. IN TLSA 3 1 1 <SHA-256 of the key now>\n\
                 _443._tcp.winkel.example. IN TLSA 3 1 1 <SHA-256 of the next key>",
            ),
            Words::new("U hoeft niets te doen.", "You need not do anything."),
        ),
        judge: |evidence, notes| {
            let dns = &evidence.dns;
            let is_single = dns.tlsa.len() == 1 && dns.tlsa_dnssec == DnssecState::Secure;
            if is_asked(evidence) && is_single {
                notes.seen(tlsa_name(evidence), tlsa_text(&dns.tlsa));
            }
        },
    },
    Rule {
        id: "ipv6-missing",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Dns,
        source: "RFC 8200; Forum Standaardisatie (IPv6)",
        title: Words::new("De winkel heeft geen IPv6-adres", "The shop has no IPv6 address"),
        why: Words::new(
            "Steeds meer klanten, vooral op telefoons, hebben alleen nog IPv6 en gaan via een omweg naar uw winkel.",
            "More and more customers, on phones above all, have only IPv6 and reach your shop by a detour.",
        ),
        fix: Words::new(
            "Vraag uw hoster om een IPv6-adres en zet het als AAAA-record in de DNS.",
            "Ask your host for an IPv6 address, and put it in the DNS as an AAAA record.",
        ),
        snippets: &fixes_alike(
            Snippet::Lines("winkel.example. IN AAAA 2001:db8::10"),
            Words::new(
                "Vraag uw hoster: “Geef mijn winkel een IPv6-adres.”",
                "Ask your host: “Give my shop an IPv6 address.”",
            ),
        ),
        judge: |evidence, notes| {
            if is_asked(evidence) && evidence.dns.v6.is_empty() && !evidence.dns.v4.is_empty() {
                notes.seen(&evidence.target.host, "no AAAA record");
            }
        },
    },
    Rule {
        id: "ech-missing",
        protections: E,
        severity: Severity::Info,
        part: Part::Dns,
        source: "RFC 9849; RFC 9460 §9",
        title: Words::new(
            "De naam van de winkel reist nog leesbaar mee",
            "The shop's name still travels in the clear",
        ),
        why: Words::new(
            "Bij het verbinden noemt de browser de naam van uw winkel onversleuteld. Met ECH kan alleen de server die \
             lezen.",
            "When it connects, the browser says the name of your shop unencrypted. With ECH only the server can read \
             it.",
        ),
        fix: Words::new(
            "Niets nodig. Een CDN of een nieuwe webserver kan ECH aanzetten (HTTPS-record met `ech`).",
            "Nothing needed. A CDN or a new web server can switch on ECH (an HTTPS record with `ech`).",
        ),
        snippets: &fixes_alike(
            say(
                "Zet ECH aan in uw CDN; gewone webservers kunnen het nog zelden.",
                "Switch on ECH in your CDN; ordinary web servers seldom have it yet.",
            ),
            Words::new("U hoeft niets te doen.", "You need not do anything."),
        ),
        judge: |evidence, notes| {
            if is_asked(evidence) && !evidence.dns.has_ech {
                notes.seen(&evidence.target.host, "no ech in the HTTPS record");
            }
        },
    },
];

/// Whether a name server was asked about a name of the public DNS.
pub(super) fn is_asked(evidence: &Evidence) -> bool {
    let host = evidence.target.host.as_str();
    let is_local = host == "localhost" || host.ends_with(".localhost");
    evidence.dns.was_asked && !is_local && host.parse::<IpAddr>().is_err()
}

fn domain(evidence: &Evidence) -> &str {
    if evidence.dns.domain.is_empty() { &evidence.target.host } else { &evidence.dns.domain }
}

fn tlsa_name(evidence: &Evidence) -> String {
    format!("_443._tcp.{}", evidence.target.host)
}

/// `TLSA 3 1 1 aabbccdd…`, separated by `; `, at most four.
fn tlsa_text(records: &[TlsaRecord]) -> String {
    let text = |record: &TlsaRecord| {
        let start: String = record.data.chars().take(16).collect();
        format!("TLSA {} {} {} {start}…", record.usage, record.selector, record.matching)
    };
    records.iter().take(4).map(text).collect::<Vec<_>>().join("; ")
}

/// Whether a record is for a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    No,
    /// The evidence has only SHA-256, and no roots.
    Unknown,
}

pub(super) fn fit(record: &TlsaRecord, chain: &ChainFacts) -> Fit {
    let is_leaf_only = matches!(record.usage, 1 | 3);
    if record.usage > 3 || record.selector > 1 || record.matching > 2 {
        return Fit::No;
    }
    if record.matching != 1 {
        return Fit::Unknown;
    }
    let candidates = chain.sent.iter().take(if is_leaf_only { 1 } else { usize::MAX });
    let mut hashes =
        candidates.map(|cert| if record.selector == 1 { &cert.spki_sha256 } else { &cert.sha256 });
    match hashes.any(|hash| hash.eq_ignore_ascii_case(&record.data)) {
        true => Fit::Yes,
        // A trusted root (usage 0) need not be sent; an anchor of one's own (usage 2) must be (RFC 7671 §5.2.2).
        false if record.usage == 0 => Fit::Unknown,
        false => Fit::No,
    }
}

/// Fires for an address of the host whose chain fits none of the signed records.
fn dane_wrong(evidence: &Evidence, notes: &mut Notes) {
    let dns = &evidence.dns;
    if !is_asked(evidence) || dns.tlsa_dnssec != DnssecState::Secure || dns.tlsa.is_empty() {
        return;
    }
    let of_host = evidence.endpoints.iter().filter(|e| e.host == evidence.target.host && e.port == 443);
    for endpoint in of_host {
        let chain = &endpoint.tls.chain;
        let Some(leaf) = chain.leaf() else { continue };
        if dns.tlsa.iter().all(|record| fit(record, chain) == Fit::No) {
            let key: String = leaf.spki_sha256.chars().take(16).collect();
            notes.seen(place(endpoint), format!("{}; key of the server {key}…", tlsa_text(&dns.tlsa)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{check, check_seen, check_silent};

    const ALL: [&str; 8] = [
        "dnssec-missing",
        "dnssec-bogus",
        "dane-wrong",
        "dane-unsigned",
        "dane-missing",
        "dane-no-rollover",
        "ipv6-missing",
        "ech-missing",
    ];

    fn worst(e: &mut Evidence) {
        e.dns.dnssec = DnssecState::Bogus;
        e.dns.tlsa_dnssec = DnssecState::Bogus;
        e.dns.v6.clear();
        e.dns.has_ech = false;
    }

    #[test]
    fn nothing_is_said_about_what_is_not_in_the_dns() {
        for id in ALL {
            check_silent(id, |e| {
                worst(e);
                e.dns.was_asked = false;
            });
            for host in ["192.0.2.10", "2001:db8::10", "localhost", "winkel.localhost"] {
                check_silent(id, |e| {
                    worst(e);
                    e.target.host = host.into();
                });
            }
        }
    }

    #[test]
    fn signatures() {
        check("dnssec-missing", |e| e.dns.dnssec = DnssecState::Insecure, Severity::Medium);
        check_silent("dnssec-missing", |e| e.dns.dnssec = DnssecState::Unknown);
        check_silent("dnssec-missing", worst);
        check("dnssec-bogus", |e| e.dns.dnssec = DnssecState::Bogus, Severity::High);
        check("dnssec-bogus", |e| e.dns.tlsa_dnssec = DnssecState::Bogus, Severity::High);
        check_silent("dnssec-bogus", |e| e.dns.dnssec = DnssecState::Insecure);
    }

    fn record(usage: u8, selector: u8, matching: u8, data: &str) -> TlsaRecord {
        TlsaRecord { usage, selector, matching, data: data.into() }
    }

    #[test]
    fn dane_that_is_wrong() {
        let other = || "ee".repeat(32);
        let set = |e: &mut Evidence, record| e.dns.tlsa = vec![record];
        check("dane-wrong", |e| set(e, record(3, 1, 1, &other())), Severity::Medium);
        check("dane-wrong", |e| set(e, record(2, 0, 1, &other())), Severity::Medium);
        check("dane-wrong", |e| set(e, record(4, 1, 1, &other())), Severity::Medium);
        // The intermediate's key is no leaf's.
        check("dane-wrong", |e| set(e, record(3, 1, 1, &"dd44".repeat(16))), Severity::Medium);
        check("dane-wrong", |e| e.endpoints[1].tls.chain.sent[0].spki_sha256 = other(), Severity::Medium);
        check_seen("dane-wrong", |e| set(e, record(3, 1, 1, &other())), "key of the server aa11aa11");
        check_silent("dane-wrong", |e| set(e, record(2, 1, 1, &"DD44".repeat(16))));
        check_silent("dane-wrong", |e| set(e, record(3, 0, 1, &"01".repeat(32))));
        check_silent("dane-wrong", |e| set(e, record(3, 1, 2, &"ee".repeat(64))));
        check_silent("dane-wrong", |e| set(e, record(0, 1, 1, &other())));
        check_silent("dane-wrong", |e| e.endpoints.iter_mut().for_each(|p| p.tls.chain.sent.clear()));
        check_silent("dane-wrong", |e| {
            set(e, record(3, 1, 1, &other()));
            e.dns.tlsa_dnssec = DnssecState::Insecure;
        });
    }

    #[test]
    fn dane_that_does_nothing() {
        check("dane-unsigned", |e| e.dns.tlsa_dnssec = DnssecState::Insecure, Severity::Low);
        check_silent("dane-unsigned", |e| {
            e.dns.tlsa_dnssec = DnssecState::Insecure;
            e.dns.tlsa.clear();
        });
        check("dane-missing", |e| e.dns.tlsa.clear(), Severity::Info);
        check_silent("dane-missing", |e| {
            e.dns.tlsa.clear();
            e.dns.dnssec = DnssecState::Insecure;
        });
        check("dane-no-rollover", |e| e.dns.tlsa.truncate(1), Severity::Info);
        check_silent("dane-no-rollover", |e| e.dns.tlsa.clear());
    }

    #[test]
    fn addresses_and_hellos() {
        check("ipv6-missing", |e| e.dns.v6.clear(), Severity::Info);
        check_silent("ipv6-missing", |e| {
            e.dns.v6.clear();
            e.dns.v4.clear();
        });
        check("ech-missing", |e| e.dns.has_ech = false, Severity::Info);
        check_silent("ech-missing", |e| e.dns.has_ech = true);
    }
}
