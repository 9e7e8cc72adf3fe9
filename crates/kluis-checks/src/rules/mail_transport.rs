//! Rules about the way to the mail servers: exchangers, STARTTLS, MTA-STS, DANE, reports about TLS, and BIMI.

use core::net::IpAddr;

use super::dns::{Fit, fit};
use super::mail_shared::{is_enforced, mail, mailing, place_of, record, short};
use super::shared::{A, E, EA, EDA, NONE};
use crate::facts::{DnssecState, Evidence, MailFacts, MxFacts, TlsaRecord};
use crate::finding::{Notes, Part, Rule, Severity, Words};

const ASK_PROVIDER: Words = Words::new(
    "Vraag uw mailprovider: “Ondersteunt u STARTTLS, MTA-STS en DANE voor ons domein? Welke records moeten we plaatsen?”",
    "Ask your mail provider: “Do you support STARTTLS, MTA-STS and DANE for our domain? Which records must we publish?”",
);
const STS: &str = "_mta-sts.winkel.example. 3600 IN TXT \"v=STSv1; id=20261124\"\n\
     ; https://mta-sts.winkel.example/.well-known/mta-sts.txt :\n\
     ; version: STSv1\n; mode: enforce\n; mx: mx.winkel.example\n; max_age: 604800";
const TLSA: &str = "_25._tcp.mx.winkel.example. 3600 IN TLSA 3 1 1 <SHA-256 of the public key>";
const MX: &str = "winkel.example. 3600 IN MX 10 mx.winkel.example.";

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "mx-missing",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 5321 §5.1; RFC 7505",
        title: Words::new("Het domein noemt geen mailserver (MX)", "The domain names no mail server (MX)"),
        why: Words::new(
            "Er wordt wel namens het domein gemaild, maar antwoorden en foutmeldingen gaan naar de webserver of verloren.",
            "Mail is sent in the domain's name, but answers and error messages go to the web server or get lost.",
        ),
        fix: Words::new(
            "Publiceer een MX-record; neemt u geen mail aan, zet dan `MX 0 .` neer.",
            "Publish an MX record; if you take no mail, publish `MX 0 .`.",
        ),
        snippets: &record(MX, ASK_PROVIDER),
        judge: |evidence, notes| {
            let Some(mail) = mailing(evidence) else { return };
            if mail.mx.as_ref().is_some_and(Vec::is_empty) {
                notes.seen(&mail.domain, "no MX record");
            }
        },
    },
    Rule {
        id: "mx-broken",
        protections: A,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 5321 §5.1; RFC 1035 §3.3.9; RFC 7505 §3",
        title: Words::new(
            "Een mailserver (MX) bestaat niet of is verkeerd opgegeven",
            "A mail server (MX) does not exist or is given wrongly",
        ),
        why: Words::new(
            "Mail van klanten komt te laat of niet aan. Is de naam vrij te registreren, dan kan een ander uw mail ontvangen.",
            "Customers' mail arrives late or never. If the name can be registered, somebody else can receive your mail.",
        ),
        fix: Words::new(
            "Verwijder de verkeerde MX, of verbeter de naam. Een adres in cijfers mag niet.",
            "Remove the wrong MX, or correct the name. An address in numbers is not allowed.",
        ),
        snippets: &record(MX, ASK_PROVIDER),
        judge: mx_broken,
    },
    Rule {
        id: "mx-cname",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 2181 §10.3; RFC 5321 §5.1",
        title: Words::new(
            "Een mailserver (MX) is een alias (CNAME), wat niet mag",
            "A mail server (MX) is an alias (CNAME), which is not allowed",
        ),
        why: Words::new("Sommige verzenders bezorgen dan niet.", "Some senders then do not deliver."),
        fix: Words::new(
            "Zet in het MX-record de naam waar de alias naar verwijst.",
            "Put the name that the alias points to in the MX record.",
        ),
        snippets: &record(MX, ASK_PROVIDER),
        judge: |evidence, notes| {
            for mx in exchangers(evidence) {
                if let Some(alias) = &mx.alias {
                    notes.seen(short(&mx.host), format!("CNAME {}", short(alias)));
                }
            }
        },
    },
    Rule {
        id: "mx-no-starttls",
        protections: EDA,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 3207; NCSC-NL TLS 2025-05; internet.nl (STARTTLS available)",
        title: Words::new(
            "Een mailserver neemt mail alleen onversleuteld aan",
            "A mail server takes mail only unencrypted",
        ),
        why: Words::new(
            "Mail van klanten, met hun gegevens erin, is onderweg voor iedereen leesbaar.",
            "Customers' mail, with their data in it, can be read by anybody on the way.",
        ),
        fix: Words::new(
            "Zet STARTTLS aan op de mailserver, met een geldig certificaat.",
            "Switch on STARTTLS on the mail server, with a valid certificate.",
        ),
        snippets: &record("; postfix main.cf:\nsmtpd_tls_security_level = may", ASK_PROVIDER),
        judge: |evidence, notes| {
            for mx in exchangers(evidence).filter(|mx| mx.smtp.starttls == Some(false)) {
                notes.seen(place_of(mx), "no STARTTLS");
            }
        },
    },
    Rule {
        id: "mx-tls-broken",
        protections: EDA,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 8996; RFC 9325 §3.1.1; NCSC-NL TLS 2025-05 §3.3.1",
        title: Words::new(
            "Versleuteld bezorgen mislukt bij een mailserver",
            "Encrypted delivery fails with a mail server",
        ),
        why: Words::new(
            "De server biedt versleuteling aan, maar geen versie van nu. Verzenders vallen terug op onversleuteld, of geven op.",
            "The server offers encryption, but no version of today. Senders fall back to unencrypted, or give up.",
        ),
        fix: Words::new(
            "Zet TLS 1.2 en TLS 1.3 aan op de mailserver.",
            "Switch on TLS 1.2 and TLS 1.3 on the mail server.",
        ),
        snippets: &record("; postfix main.cf:\nsmtpd_tls_protocols = >=TLSv1.2", ASK_PROVIDER),
        judge: |evidence, notes| {
            for mx in exchangers(evidence) {
                if let Some(problem) = &mx.smtp.tls_problem {
                    notes.seen(place_of(mx), short(problem));
                }
            }
        },
    },
    Rule {
        id: "mx-cert",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 8461 §4.1; RFC 7817; internet.nl (certificate of the mail server)",
        title: Words::new(
            "Het certificaat van een mailserver klopt niet",
            "The certificate of a mail server is not right",
        ),
        why: Words::new(
            "Gewone verzenders letten er niet op, maar wie uw MTA-STS-beleid volgt, bezorgt dan niet.",
            "Ordinary senders do not care, but those that follow your MTA-STS policy then do not deliver.",
        ),
        fix: Words::new(
            "Gebruik een certificaat van een erkende uitgever op de naam uit het MX-record.",
            "Use a certificate of a trusted authority for the name in the MX record.",
        ),
        snippets: &record(
            "; postfix main.cf:\nsmtpd_tls_chain_files = /etc/letsencrypt/live/mx.winkel.example/privkey.pem, /etc/letsencrypt/live/mx.winkel.example/fullchain.pem",
            ASK_PROVIDER,
        ),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            let severity = if is_sts_enforced(mail) { Severity::High } else { Severity::Low };
            for mx in exchangers(evidence).filter(|mx| mx.smtp.is_certificate_good == Some(false)) {
                let names = mx
                    .smtp
                    .chain
                    .leaf()
                    .map(|leaf| leaf.names.iter().take(4).map(|n| short(n)).collect::<Vec<_>>());
                let names = names
                    .filter(|names| !names.is_empty())
                    .map_or("no name".to_owned(), |names| names.join(", "));
                notes.seen_as(
                    severity,
                    place_of(mx),
                    format!("not trusted for this name; it is for {names}"),
                );
            }
        },
    },
    Rule {
        id: "mx-dane-wrong",
        protections: A,
        severity: Severity::High,
        part: Part::Mail,
        source: "RFC 7672 §3.1; RFC 7671 §5",
        title: Words::new(
            "Het certificaat in de DNS (DANE) is niet dat van de mailserver",
            "The certificate in the DNS (DANE) is not the mail server's",
        ),
        why: Words::new(
            "Providers die DANE controleren, zoals veel Nederlandse, bezorgen uw mail dan niet.",
            "Providers that check DANE, as many Dutch ones do, then do not deliver your mail.",
        ),
        fix: Words::new(
            "Werk het TLSA-record bij vóór het certificaat wisselt, of houd dezelfde sleutel.",
            "Update the TLSA record before the certificate changes, or keep the same key.",
        ),
        snippets: &record(TLSA, ASK_PROVIDER),
        judge: dane_wrong,
    },
    Rule {
        id: "mx-dane-unsigned",
        protections: A,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 7672 §2.2; RFC 7671 §2",
        title: Words::new(
            "DANE van de mailserver telt niet zonder DNSSEC",
            "DANE of the mail server does not count without DNSSEC",
        ),
        why: Words::new(
            "Verzenders negeren een TLSA-record dat niet ondertekend is.",
            "Senders ignore a TLSA record that is not signed.",
        ),
        fix: Words::new(
            "Zet DNSSEC aan voor het domein van de mailserver, of haal het record weg.",
            "Switch on DNSSEC for the mail server's domain, or remove the record.",
        ),
        snippets: &record(TLSA, ASK_PROVIDER),
        judge: |evidence, notes| {
            for mx in exchangers(evidence) {
                let has_records = mx.tlsa.as_ref().is_some_and(|records| !records.is_empty());
                if has_records && mx.tlsa_dnssec == DnssecState::Insecure {
                    notes.seen(tlsa_name(mx), "insecure");
                }
            }
        },
    },
    Rule {
        id: "mx-dane-missing",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Mail,
        source: "RFC 7672; Forum Standaardisatie (STARTTLS and DANE)",
        title: Words::new("De mailserver heeft geen DANE-record", "The mail server has no DANE record"),
        why: Words::new(
            "Met DANE weet een verzender zeker dat hij versleuteld met uw echte mailserver praat. MTA-STS doet bijna hetzelfde.",
            "With DANE a sender is sure to talk encrypted with your real mail server. MTA-STS does nearly the same.",
        ),
        fix: Words::new(
            "Vraag uw mailprovider of hij DANE ondersteunt.",
            "Ask your mail provider whether it supports DANE.",
        ),
        snippets: &record(TLSA, ASK_PROVIDER),
        judge: |evidence, notes| {
            for mx in exchangers(evidence).filter(|mx| mx.tlsa.as_ref().is_some_and(Vec::is_empty)) {
                notes.seen(tlsa_name(mx), "no TLSA record");
            }
        },
    },
    Rule {
        id: "mta-sts-missing",
        protections: EA,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 8461 §3.1",
        title: Words::new(
            "Verzenders worden niet gevraagd om altijd te versleutelen (MTA-STS)",
            "Senders are not asked to always encrypt (MTA-STS)",
        ),
        why: Words::new(
            "Zonder MTA-STS of DANE kan iemand onderweg de versleuteling uitzetten en mail van klanten meelezen.",
            "Without MTA-STS or DANE somebody on the way can switch encryption off and read customers' mail.",
        ),
        fix: Words::new(
            "Publiceer een MTA-STS-beleid: een klein bestand op uw website en een record.",
            "Publish an MTA-STS policy: a small file on your website, and a record.",
        ),
        snippets: &record(STS, ASK_PROVIDER),
        judge: |evidence, notes| {
            let Some(mail) = receiving(evidence) else { return };
            if mail.mta_sts.texts.as_ref().is_some_and(Vec::is_empty) && !has_dane(mail) {
                notes.seen(format!("_mta-sts.{}", mail.domain), "no TXT record that begins with v=STSv1");
            }
        },
    },
    Rule {
        id: "mta-sts-broken",
        protections: EA,
        severity: Severity::Medium,
        part: Part::Mail,
        source: "RFC 8461 §3.2, §3.3 and §4",
        title: Words::new("Uw MTA-STS-beleid werkt niet", "Your MTA-STS policy does not work"),
        why: Words::new(
            "Verzenders kunnen het beleid niet ophalen of het past niet bij uw mailservers. Dan beschermt het niet, of komt \
             mail niet aan.",
            "Senders cannot fetch the policy, or it does not fit your mail servers. Then it does not protect, or mail does \
             not arrive.",
        ),
        fix: Words::new(
            "Herstel het bestand en noem elke mailserver; verander daarna de `id` in het record.",
            "Repair the file and name every mail server; then change the `id` in the record.",
        ),
        snippets: &record(STS, ASK_PROVIDER),
        judge: sts_broken,
    },
    Rule {
        id: "mta-sts-testing",
        protections: EA,
        severity: Severity::Info,
        part: Part::Mail,
        source: "RFC 8461 §5",
        title: Words::new("Uw MTA-STS-beleid staat nog op proef", "Your MTA-STS policy is still in testing"),
        why: Words::new(
            "In de proefstand melden verzenders fouten, maar bezorgen ze toch onversleuteld.",
            "In testing, senders report faults but still deliver unencrypted.",
        ),
        fix: Words::new(
            "Zet `mode: enforce` als de rapporten (TLS-RPT) schoon zijn.",
            "Set `mode: enforce` once the reports (TLS-RPT) are clean.",
        ),
        snippets: &record(STS, ASK_PROVIDER),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            if let Some(policy) = mail.mta_sts.policy.as_ref().filter(|policy| policy.mode != "enforce") {
                notes.seen(sts_url(mail), format!("mode: {}", short(&policy.mode)));
            }
        },
    },
    Rule {
        id: "tls-rpt-missing",
        protections: E,
        severity: Severity::Info,
        part: Part::Mail,
        source: "RFC 8460 §3",
        title: Words::new(
            "U krijgt geen rapporten over mislukte versleuteling (TLS-RPT)",
            "You get no reports about failed encryption (TLS-RPT)",
        ),
        why: Words::new(
            "Zonder rapport merkt u niet dat verzenders uw mailserver niet veilig bereiken.",
            "Without a report you do not notice that senders cannot reach your mail server safely.",
        ),
        fix: Words::new(
            "Publiceer een TLS-RPT-record met een adres dat u leest of laat lezen.",
            "Publish a TLS-RPT record with an address that you read, or have read.",
        ),
        snippets: &record(
            "_smtp._tls.winkel.example. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:tls@winkel.example\"",
            ASK_PROVIDER,
        ),
        judge: |evidence, notes| {
            let Some(mail) = receiving(evidence) else { return };
            if mail.tls_rpt.as_ref().is_some_and(Vec::is_empty) {
                notes
                    .seen(format!("_smtp._tls.{}", mail.domain), "no TXT record that begins with v=TLSRPTv1");
            }
        },
    },
    Rule {
        id: "tls-rpt-broken",
        protections: E,
        severity: Severity::Low,
        part: Part::Mail,
        source: "RFC 8460 §3",
        title: Words::new(
            "Het record voor TLS-rapporten klopt niet",
            "The record for TLS reports is not right",
        ),
        why: Words::new(
            "Er mag één record staan, met een adres. Nu sturen verzenders niets.",
            "There may be one record, with an address. As it is, senders send nothing.",
        ),
        fix: Words::new(
            "Houd één record over met `rua=mailto:` of `rua=https:`.",
            "Keep one record with `rua=mailto:` or `rua=https:`.",
        ),
        snippets: &record(
            "_smtp._tls.winkel.example. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:tls@winkel.example\"",
            ASK_PROVIDER,
        ),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            let texts = mail.tls_rpt.as_deref().unwrap_or_default();
            let is_good = |text: &String| {
                let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                text.contains(";rua=mailto:") || text.contains(";rua=https://")
            };
            if texts.len() > 1 || !texts.iter().all(is_good) {
                texts.iter().for_each(|text| notes.seen(format!("_smtp._tls.{}", mail.domain), short(text)));
            }
        },
    },
    Rule {
        id: "bimi",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Mail,
        source: "draft-brand-indicators-for-message-identification (not a standard)",
        title: Words::new(
            "Uw merkbeeld in de mail (BIMI) wordt niet getoond",
            "Your brand image in mail (BIMI) is not shown",
        ),
        why: Words::new(
            "Mailprogramma's tonen het beeld alleen als DMARC op quarantine of reject staat.",
            "Mail programs show the image only when DMARC says quarantine or reject.",
        ),
        fix: Words::new(
            "Maak eerst DMARC streng. Gmail wil daarna nog een betaald merkcertificaat.",
            "Make DMARC strict first. Gmail then also wants a paid mark certificate.",
        ),
        snippets: &record(
            "default._bimi.winkel.example. 3600 IN TXT \"v=BIMI1; l=https://winkel.example/merk.svg\"",
            ASK_PROVIDER,
        ),
        judge: |evidence, notes| {
            let Some(mail) = mail(evidence) else { return };
            let texts = mail.bimi.iter().flatten();
            if mail.dmarc.is_known && !is_enforced(mail) {
                texts.for_each(|text| notes.seen(format!("default._bimi.{}", mail.domain), short(text)));
            }
        },
    },
];

/// The mail facts of a domain that takes mail.
fn receiving(evidence: &Evidence) -> Option<&MailFacts> {
    mail(evidence).filter(|mail| !mail.has_null_mx && mail.mx.as_ref().is_some_and(|list| !list.is_empty()))
}

fn exchangers(evidence: &Evidence) -> impl Iterator<Item = &MxFacts> {
    mail(evidence).into_iter().flat_map(|mail| mail.mx.iter().flatten())
}

fn mx_broken(evidence: &Evidence, notes: &mut Notes) {
    let Some(mail) = mail(evidence) else { return };
    for mx in exchangers(evidence) {
        if mx.host.parse::<IpAddr>().is_ok() {
            notes.seen(
                &mail.domain,
                format!("MX {} {}: an address, not a name", mx.preference, short(&mx.host)),
            );
        } else if mx.addresses.as_ref().is_some_and(Vec::is_empty) {
            notes.seen(&mail.domain, format!("MX {} {}: no address", mx.preference, short(&mx.host)));
        }
    }
    if mail.has_null_mx && exchangers(evidence).next().is_some() {
        notes.seen(&mail.domain, "MX 0 . beside other exchangers");
    }
}

fn dane_wrong(evidence: &Evidence, notes: &mut Notes) {
    for mx in exchangers(evidence).filter(|mx| mx.tlsa_dnssec == DnssecState::Secure) {
        let records = mx.tlsa.as_deref().unwrap_or_default();
        // Usages 0 and 1 are not for mail (RFC 7672 §3.1.3): they fit nothing.
        let is_no =
            |record: &TlsaRecord| matches!(record.usage, 0 | 1) || fit(record, &mx.smtp.chain) == Fit::No;
        if !records.is_empty() && mx.smtp.chain.leaf().is_some() && records.iter().all(is_no) {
            notes.seen(tlsa_name(mx), "no record fits the certificate of the server");
        }
    }
}

fn sts_broken(evidence: &Evidence, notes: &mut Notes) {
    let Some(mail) = mail(evidence) else { return };
    for problem in &mail.mta_sts.problems {
        notes.seen(sts_url(mail), short(problem));
    }
    let Some(policy) = mail.mta_sts.policy.as_ref().filter(|policy| policy.mode != "none") else { return };
    for mx in exchangers(evidence) {
        if !policy.mx.iter().any(|pattern| is_matched(pattern, &mx.host)) {
            notes.seen(sts_url(mail), format!("does not name {}", short(&mx.host)));
        }
    }
}

/// Whether a pattern of a policy is for an exchanger: the name, or `*.` for exactly one label (RFC 8461 §4.1).
fn is_matched(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.trim_end_matches('.'), host.trim_end_matches('.'));
    match pattern.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

fn is_sts_enforced(mail: &MailFacts) -> bool {
    mail.mta_sts.policy.as_ref().is_some_and(|policy| policy.mode == "enforce")
}

/// Whether every exchanger has signed TLSA records.
fn has_dane(mail: &MailFacts) -> bool {
    let is_signed = |mx: &MxFacts| {
        mx.tlsa_dnssec == DnssecState::Secure && mx.tlsa.as_ref().is_some_and(|records| !records.is_empty())
    };
    mail.mx.as_ref().is_some_and(|list| !list.is_empty() && list.iter().all(is_signed))
}

fn sts_url(mail: &MailFacts) -> String {
    format!("https://mta-sts.{}/.well-known/mta-sts.txt", mail.domain)
}

fn tlsa_name(mx: &MxFacts) -> String {
    format!("_25._tcp.{}", short(&mx.host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::MailPolicy;
    use crate::rules::testing::{check, check_seen, check_silent};
    use crate::rules::testing_mail::mail as of;

    fn mx(e: &mut Evidence) -> &mut MxFacts {
        &mut of(e).mx.get_or_insert_default()[0]
    }

    #[test]
    fn nothing_is_said_when_nobody_looked_or_nothing_is_known() {
        for rule in RULES {
            check_silent(rule.id, |e| e.mail = None);
            check_silent(rule.id, |e| {
                let domain = of(e).domain.clone();
                e.mail = Some(MailFacts { domain, ..MailFacts::default() });
            });
        }
    }

    #[test]
    fn exchangers_that_are_wrong() {
        check("mx-missing", |e| of(e).mx = Some(Vec::new()), Severity::Low);
        check_silent("mx-missing", |e| {
            of(e).mx = Some(Vec::new());
            of(e).has_null_mx = true;
        });
        check("mx-broken", |e| mx(e).host = "192.0.2.25".into(), Severity::Medium);
        check("mx-broken", |e| mx(e).addresses = Some(Vec::new()), Severity::Medium);
        check("mx-broken", |e| of(e).has_null_mx = true, Severity::Medium);
        check_silent("mx-broken", |e| mx(e).addresses = None);
        check("mx-cname", |e| mx(e).alias = Some("mail.host.example".into()), Severity::Low);
        check_silent("mx-cname", |_| {});
    }

    #[test]
    fn talks_that_are_not_safe() {
        check("mx-no-starttls", |e| mx(e).smtp.starttls = Some(false), Severity::High);
        check_silent("mx-no-starttls", |e| mx(e).smtp.starttls = None);
        check(
            "mx-tls-broken",
            |e| mx(e).smtp.tls_problem = Some("protocol version".into()),
            Severity::Medium,
        );
        check_silent("mx-tls-broken", |_| {});
        check("mx-cert", |e| mx(e).smtp.is_certificate_good = Some(false), Severity::High);
        check(
            "mx-cert",
            |e| {
                mx(e).smtp.is_certificate_good = Some(false);
                of(e).mta_sts.policy = None;
            },
            Severity::Low,
        );
        check_seen("mx-cert", |e| mx(e).smtp.is_certificate_good = Some(false), "it is for winkel.example");
        check_silent("mx-cert", |e| mx(e).smtp.is_certificate_good = None);
    }

    #[test]
    fn dane_of_exchangers() {
        let data = |e: &mut Evidence, usage, data: String| {
            mx(e).tlsa = Some(vec![TlsaRecord { usage, selector: 1, matching: 1, data }]);
        };
        check("mx-dane-wrong", |e| data(e, 3, "ee".repeat(32)), Severity::High);
        check(
            "mx-dane-wrong",
            |e| {
                let right = mx(e).smtp.chain.sent[0].spki_sha256.clone();
                data(e, 1, right);
            },
            Severity::High,
        );
        check_silent("mx-dane-wrong", |e| {
            data(e, 3, "ee".repeat(32));
            mx(e).tlsa_dnssec = DnssecState::Insecure;
        });
        check_silent("mx-dane-wrong", |e| mx(e).smtp.chain.sent.clear());
        check("mx-dane-unsigned", |e| mx(e).tlsa_dnssec = DnssecState::Insecure, Severity::Low);
        check_silent("mx-dane-unsigned", |_| {});
        check("mx-dane-missing", |e| mx(e).tlsa = Some(Vec::new()), Severity::Info);
        check_silent("mx-dane-missing", |e| mx(e).tlsa = None);
    }

    #[test]
    fn policies_for_the_way() {
        let none = |e: &mut Evidence| {
            of(e).mta_sts.texts = Some(Vec::new());
            of(e).mta_sts.policy = None;
        };
        check(
            "mta-sts-missing",
            |e| {
                none(e);
                mx(e).tlsa_dnssec = DnssecState::Insecure;
            },
            Severity::Low,
        );
        // DANE does the same.
        check_silent("mta-sts-missing", none);
        check("mta-sts-broken", |e| of(e).mta_sts.problems = vec!["status 404".into()], Severity::Medium);
        check("mta-sts-broken", |e| mx(e).host = "mx2.winkel.example".into(), Severity::Medium);
        let patterns = |e: &mut Evidence, pattern: &str| {
            of(e).mta_sts.policy.get_or_insert_default().mx = vec![pattern.into()];
        };
        check_silent("mta-sts-broken", |e| patterns(e, "*.winkel.example"));
        check("mta-sts-broken", |e| patterns(e, "*.example"), Severity::Medium);
        check(
            "mta-sts-testing",
            |e| of(e).mta_sts.policy.get_or_insert_default().mode = "testing".into(),
            Severity::Info,
        );
        check_silent("mta-sts-testing", |_| {});
    }

    #[test]
    fn reports_and_images() {
        let reports = |e: &mut Evidence, texts: &[&str]| {
            of(e).tls_rpt = Some(texts.iter().map(|text| (*text).to_owned()).collect());
        };
        check("tls-rpt-missing", |e| reports(e, &[]), Severity::Info);
        check_silent("tls-rpt-missing", |_| {});
        check("tls-rpt-broken", |e| reports(e, &["v=TLSRPTv1"]), Severity::Low);
        check("tls-rpt-broken", |e| reports(e, &["v=TLSRPTv1; rua=tls@winkel.example"]), Severity::Low);
        check("tls-rpt-broken", |e| reports(e, &["v=TLSRPTv1;rua=mailto:a@b.example"; 2]), Severity::Low);
        check_silent("tls-rpt-broken", |e| reports(e, &["v=TLSRPTv1; rua = https://a.example/x"]));
        check(
            "bimi",
            |e| {
                let dmarc = &mut of(e).dmarc;
                dmarc
                    .now
                    .iter_mut()
                    .chain(&mut dmarc.before)
                    .for_each(|found| found.policy = MailPolicy::None);
            },
            Severity::Info,
        );
        check_silent("bimi", |_| {});
    }
}
