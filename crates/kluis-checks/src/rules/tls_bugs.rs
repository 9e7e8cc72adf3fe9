//! Rules about renegotiation, compression, 0-RTT, client certificates, and bugs of TLS libraries.

use super::shared::{
    APACHE_CIPHERS, CADDY_UPDATE, D, DA, E, EA, NGINX_CIPHERS, NONE, UPDATE_OPENSSL, each, each_as, fixes,
    say,
};
use crate::facts::{Bug, ClientCertificate, EarlyData, Evidence};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};

/// Bugs of old libraries: nothing but an update helps.
const UPDATE: [(Platform, Snippet); 7] = fixes(
    UPDATE_OPENSSL,
    UPDATE_OPENSSL,
    CADDY_UPDATE,
    Words::new(
        "Vraag uw hoster vandaag nog: “Werk de TLS-software van mijn server bij en vervang daarna het certificaat.”",
        "Ask your host today: “Update my server's TLS software, then replace the certificate.”",
    ),
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "reneg-insecure",
        protections: DA,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 5746 §3.6; CVE-2009-3555; NCSC-NL TLS 2025-05 §3.4.2",
        title: Words::new(
            "Heronderhandelen (renegotiation) is niet beveiligd",
            "Renegotiation is not protected",
        ),
        why: Words::new(
            "Een aanvaller kan iets vóór het verzoek van uw klant plakken, zoals een bestelling op diens naam.",
            "An attacker can put something in front of your customer's request, such as an order in their name.",
        ),
        fix: Words::new(
            "Werk de TLS-software bij; alles van na 2010 kan veilig heronderhandelen (RFC 5746).",
            "Update the TLS software; everything made after 2010 can renegotiate safely (RFC 5746).",
        ),
        snippets: &fixes(
            UPDATE_OPENSSL,
            Snippet::Lines("SSLInsecureRenegotiation off"),
            CADDY_UPDATE,
            Words::new(
                "Vraag uw hoster: “Ondersteun veilig heronderhandelen (RFC 5746).”",
                "Ask your host: “Support secure renegotiation (RFC 5746).”",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                (tls.secure_renegotiation == Some(false))
                    .then(|| "renegotiation_info not answered".to_owned())
            });
        },
    },
    Rule {
        id: "reneg-client",
        protections: D,
        severity: Severity::Low,
        part: Part::Tls,
        source: "CVE-2011-1473; NCSC-NL TLS 2025-05 §3.4.2",
        title: Words::new(
            "Bezoekers kunnen zonder grens heronderhandelen",
            "Visitors can renegotiate without limit",
        ),
        why: Words::new(
            "Heronderhandelen kost de server veel meer dan de bezoeker. Eén computer kan zo uw winkel platleggen.",
            "Renegotiation costs the server far more than the visitor. A single computer can bring your shop down.",
        ),
        fix: Words::new(
            "Sta heronderhandelen door bezoekers niet toe; TLS 1.3 kent het niet meer.",
            "Do not let visitors renegotiate; TLS 1.3 no longer has it.",
        ),
        snippets: &NO_RENEGOTIATION,
        judge: |evidence, notes| renegotiations(evidence, notes, RENEGOTIATIONS_MAX + 1, u32::MAX),
    },
    Rule {
        id: "reneg-client-limited",
        protections: D,
        severity: Severity::Info,
        part: Part::Tls,
        source: "NCSC-NL TLS 2025-05 §3.4.2",
        title: Words::new(
            "Bezoekers kunnen een paar keer heronderhandelen",
            "Visitors can renegotiate a few times",
        ),
        why: Words::new(
            "De server houdt na hooguit tien keer op. Dat mag, maar nodig is het niet.",
            "The server stops after ten times at most. That is allowed, but there is no need for it.",
        ),
        fix: Words::new("Zet heronderhandelen door bezoekers uit.", "Switch off renegotiation by visitors."),
        snippets: &NO_RENEGOTIATION,
        judge: |evidence, notes| renegotiations(evidence, notes, 1, RENEGOTIATIONS_MAX),
    },
    Rule {
        id: "compression",
        protections: E,
        severity: Severity::High,
        part: Part::Tls,
        source: "RFC 9325 §3.3; CVE-2012-4929 (CRIME); NCSC-NL TLS 2025-05 §3.4.1",
        title: Words::new("TLS-compressie staat aan", "TLS compression is switched on"),
        why: Words::new(
            "Aan de lengte van wat samengeperst is, kan een aanvaller de sessiecookie van uw klant raden (CRIME).",
            "From the length of what was compressed an attacker can guess your customer's session cookie (CRIME).",
        ),
        fix: Words::new("Zet TLS-compressie uit.", "Switch off TLS compression."),
        snippets: &fixes(
            Snippet::Lines("ssl_conf_command Options -Compression;"),
            Snippet::Lines("SSLCompression off"),
            CADDY_UPDATE,
            Words::new(
                "Vraag uw hoster: “Zet TLS-compressie uit.”",
                "Ask your host: “Switch off TLS compression.”",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                (tls.compression == Some(true)).then(|| "DEFLATE accepted".to_owned())
            });
        },
    },
    Rule {
        id: "0rtt",
        protections: D,
        severity: Severity::Medium,
        part: Part::Tls,
        source: "RFC 8446 §8 and E.5; RFC 8470; NCSC-NL TLS 2025-05 §3.4.4",
        title: Words::new("De server accepteert 0-RTT (early data)", "The server accepts 0-RTT"),
        why: Words::new(
            "Wat een browser met 0-RTT stuurt, kan een aanvaller opnieuw afspelen: een bestelling of betaling kan zo \
             twee keer binnenkomen.",
            "What a browser sends with 0-RTT an attacker can play again: an order or a payment may come in twice.",
        ),
        fix: Words::new(
            "Zet 0-RTT (early data) uit, of laat de winkel zulke verzoeken met 425 Too Early afwijzen.",
            "Switch off 0-RTT (early data), or let the shop answer such requests with 425 Too Early.",
        ),
        snippets: &fixes(
            Snippet::Lines("ssl_early_data off;"),
            say(
                "Apache kent geen 0-RTT; zet het uit in de proxy of het CDN ervoor.",
                "Apache has no 0-RTT; switch it off in the proxy or CDN in front of it.",
            ),
            say(
                "Caddy neemt over TCP geen 0-RTT aan; zet het uit in de proxy of het CDN ervoor.",
                "Caddy accepts no 0-RTT over TCP; switch it off in the proxy or CDN in front of it.",
            ),
            Words::new(
                "Vraag uw hoster of CDN: “Zet 0-RTT (early data) uit.” Bij Cloudflare heet het “0-RTT Connection \
                 Resumption”.",
                "Ask your host or CDN: “Switch off 0-RTT (early data).” Cloudflare calls it “0-RTT Connection \
                 Resumption”.",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| {
                (tls.early_data == EarlyData::Accepted).then(|| "early data accepted and answered".to_owned())
            });
        },
    },
    Rule {
        id: "heartbleed",
        protections: EA,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "CVE-2014-0160; RFC 6520 §4",
        title: Words::new(
            "De server lekt zijn geheugen (Heartbleed)",
            "The server leaks its memory (Heartbleed)",
        ),
        why: Words::new(
            "Iedereen kan op afstand stukken geheugen opvragen: wachtwoorden, bestellingen en de geheime sleutel van \
             uw certificaat. Ga ervan uit dat dit al gebeurd is.",
            "Anyone can fetch pieces of memory from afar: passwords, orders and the secret key of your certificate. \
             Assume that this has happened already.",
        ),
        fix: Words::new(
            "Werk OpenSSL bij, vervang sleutel en certificaat, laat klanten een nieuw wachtwoord kiezen, en beoordeel \
             of u een datalek moet melden.",
            "Update OpenSSL, replace key and certificate, have customers choose new passwords, and judge whether you \
             must report a data breach.",
        ),
        snippets: &UPDATE,
        judge: |evidence, notes| bug(evidence, notes, Bug::Heartbleed, "heartbeat answered with memory"),
    },
    Rule {
        id: "ccs",
        protections: EA,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "CVE-2014-0224",
        title: Words::new(
            "Een aanvaller kan de sleutel opdringen (CCS-injectie)",
            "An attacker can force the key (CCS injection)",
        ),
        why: Words::new(
            "Oude OpenSSL laat zich te vroeg omschakelen. Wie ertussen zit, kent dan de sleutel en leest en wijzigt \
             alles.",
            "Old OpenSSL lets itself be switched over too early. Whoever sits in between then knows the key, and reads \
             and changes everything.",
        ),
        fix: Words::new("Werk OpenSSL bij.", "Update OpenSSL."),
        snippets: &UPDATE,
        judge: |evidence, notes| bug(evidence, notes, Bug::Ccs, "early ChangeCipherSpec accepted"),
    },
    Rule {
        id: "ticketbleed",
        protections: EA,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "CVE-2016-9244",
        title: Words::new(
            "De loadbalancer lekt geheugen (Ticketbleed)",
            "The load balancer leaks memory (Ticketbleed)",
        ),
        why: Words::new(
            "Met elk verzoek geeft het apparaat 31 bytes geheugen prijs, waaronder sessies van andere klanten.",
            "With every request the device gives away 31 bytes of memory, sessions of other customers among them.",
        ),
        fix: Words::new(
            "Werk het apparaat (F5 BIG-IP) bij, of zet sessietickets uit.",
            "Update the device (F5 BIG-IP), or switch off session tickets.",
        ),
        snippets: &fixes(
            Snippet::Lines("ssl_session_tickets off;"),
            Snippet::Lines("SSLSessionTickets off"),
            CADDY_UPDATE,
            Words::new(
                "Vraag uw hoster vandaag nog: “Onze loadbalancer is kwetsbaar voor Ticketbleed; werk hem bij.”",
                "Ask your host today: “Our load balancer is open to Ticketbleed; please update it.”",
            ),
        ),
        judge: |evidence, notes| bug(evidence, notes, Bug::Ticketbleed, "session id padded with memory"),
    },
    Rule {
        id: "robot",
        protections: EA,
        severity: Severity::Critical,
        part: Part::Tls,
        source: "CVE-2017-13099; RFC 5246 §7.4.7.1; NCSC-NL TLS 2025-05 §3.3.3",
        title: Words::new(
            "De server helpt bij het ontcijferen (ROBOT)",
            "The server helps with decrypting (ROBOT)",
        ),
        why: Words::new(
            "Aan zijn foutmeldingen kan een aanvaller aflezen wat er versleuteld was. Opgenomen verkeer is zo te \
             ontcijferen.",
            "From its error messages an attacker can read what was encrypted. Recorded traffic can be decrypted this \
             way.",
        ),
        fix: Words::new(
            "Zet RSA-sleuteluitwisseling uit (gebruik alleen ECDHE) en werk de TLS-software bij.",
            "Switch off RSA key exchange (use only ECDHE) and update the TLS software.",
        ),
        snippets: &fixes(
            Snippet::Lines(NGINX_CIPHERS),
            Snippet::Lines(APACHE_CIPHERS),
            CADDY_UPDATE,
            Words::new(
                "Vraag uw hoster vandaag nog: “Zet RSA-sleuteluitwisseling uit; de server is kwetsbaar voor ROBOT.”",
                "Ask your host today: “Switch off RSA key exchange; the server is open to ROBOT.”",
            ),
        ),
        judge: |evidence, notes| bug(evidence, notes, Bug::Robot, "answers differ with the RSA padding"),
    },
    Rule {
        id: "client-cert-required",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Tls,
        source: "RFC 8446 §4.3.2",
        title: Words::new(
            "De server vraagt bezoekers om een certificaat",
            "The server asks visitors for a certificate",
        ),
        why: Words::new(
            "Voor een koppeling met een partner is dat goed. Voor klanten niet: hun browser toont een venster, of \
             komt niet verder.",
            "For a connection with a partner this is good. For customers it is not: their browser shows a window, or \
             gets no further.",
        ),
        fix: Words::new(
            "Vraag alleen op het adres voor partners om een certificaat.",
            "Ask for a certificate only at the address for partners.",
        ),
        snippets: &fixes(
            Snippet::Lines("ssl_verify_client off;"),
            Snippet::Lines("SSLVerifyClient none"),
            say(
                "Haal `client_auth` uit het `tls`-blok van de winkel weg.",
                "Remove `client_auth` from the shop's `tls` block.",
            ),
            Words::new(
                "Vraag uw hoster: “Vraag bezoekers van mijn winkel niet om een certificaat.”",
                "Ask your host: “Do not ask visitors of my shop for a certificate.”",
            ),
        ),
        judge: |evidence, notes| {
            each(evidence, notes, |tls| match tls.client_certificate {
                ClientCertificate::Required => Some("CertificateRequest; required".to_owned()),
                ClientCertificate::Requested => Some("CertificateRequest; optional".to_owned()),
                ClientCertificate::None | ClientCertificate::Unknown => None,
            });
        },
    },
];

/// Renegotiations on one connection that NCSC-NL 2025-05 §3.4.2 still calls limited.
const RENEGOTIATIONS_MAX: u32 = 10;

const NO_RENEGOTIATION: [(Platform, Snippet); 7] = fixes(
    Snippet::Lines("ssl_conf_command Options NoRenegotiation;"),
    Snippet::Lines("SSLOpenSSLConfCmd Options NoRenegotiation"),
    CADDY_UPDATE,
    Words::new(
        "Vraag uw hoster: “Sta heronderhandelen door bezoekers (client-initiated renegotiation) niet toe.”",
        "Ask your host: “Do not allow client-initiated renegotiation.”",
    ),
);

fn renegotiations(evidence: &Evidence, notes: &mut Notes, from: u32, to: u32) {
    each(evidence, notes, |tls| {
        let count = tls.client_renegotiations.filter(|count| (from..=to).contains(count))?;
        Some(format!("{count} renegotiations by the client on one connection"))
    });
}

fn bug(evidence: &Evidence, notes: &mut Notes, wanted: Bug, seen: &str) {
    each_as(evidence, notes, |tls| {
        (tls.bugs.get(&wanted) == Some(&true)).then(|| (Severity::Critical, seen.to_owned()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{check, check_silent, tls};

    #[test]
    fn renegotiation() {
        check("reneg-insecure", |e| tls(e).secure_renegotiation = Some(false), Severity::High);
        check_silent("reneg-insecure", |e| tls(e).secure_renegotiation = None);
        check("reneg-client", |e| tls(e).client_renegotiations = Some(11), Severity::Low);
        check("reneg-client-limited", |e| tls(e).client_renegotiations = Some(10), Severity::Info);
        check("reneg-client-limited", |e| tls(e).client_renegotiations = Some(1), Severity::Info);
        check_silent("reneg-client", |e| tls(e).client_renegotiations = Some(10));
        check_silent("reneg-client-limited", |e| tls(e).client_renegotiations = Some(11));
        check_silent("reneg-client-limited", |e| tls(e).client_renegotiations = Some(0));
        check_silent("reneg-client", |e| tls(e).client_renegotiations = None);
    }

    #[test]
    fn compression_and_early_data() {
        check("compression", |e| tls(e).compression = Some(true), Severity::High);
        check_silent("compression", |e| tls(e).compression = None);
        check("0rtt", |e| tls(e).early_data = EarlyData::Accepted, Severity::Medium);
        for other in [EarlyData::TooEarly, EarlyData::Refused, EarlyData::Unknown] {
            check_silent("0rtt", |e| tls(e).early_data = other);
        }
    }

    fn has(e: &mut Evidence, bug: Bug) {
        tls(e).bugs.insert(bug, true);
    }

    #[test]
    fn bugs_with_a_name() {
        check("heartbleed", |e| has(e, Bug::Heartbleed), Severity::Critical);
        check("ccs", |e| has(e, Bug::Ccs), Severity::Critical);
        check("ticketbleed", |e| has(e, Bug::Ticketbleed), Severity::Critical);
        check("robot", |e| has(e, Bug::Robot), Severity::Critical);
        for id in ["heartbleed", "ccs", "ticketbleed", "robot"] {
            check_silent(id, |e| tls(e).bugs.clear());
        }
        check_silent("robot", |e| has(e, Bug::Ccs));
    }

    #[test]
    fn client_certificates() {
        let set = |e: &mut Evidence, asked| tls(e).client_certificate = asked;
        check("client-cert-required", |e| set(e, ClientCertificate::Required), Severity::Info);
        check("client-cert-required", |e| set(e, ClientCertificate::Requested), Severity::Info);
        check_silent("client-cert-required", |e| set(e, ClientCertificate::Unknown));
    }
}
