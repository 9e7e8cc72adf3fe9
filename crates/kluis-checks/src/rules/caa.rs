//! Rules about CAA records: who may issue certificates for the shop.

use super::dns::is_asked;
use super::shared::{A, NONE, fixes_alike, is_public};
use crate::facts::{CaaRecord, Evidence};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};

/// The record that most shops need.
const RECORD: [(Platform, Snippet); 7] = fixes_alike(
    Snippet::Lines("winkel.example. IN CAA 0 issue \"letsencrypt.org\""),
    Words::new(
        "Vraag uw hoster welke uitgever uw certificaten maakt, en zet die bij uw DNS-beheerder in een CAA-record.",
        "Ask your host which authority makes your certificates, and put that one in a CAA record at your DNS operator.",
    ),
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "caa-missing",
        protections: A,
        severity: Severity::Low,
        part: Part::Dns,
        source: "RFC 8659 §3; internet.nl (CAA)",
        title: Words::new(
            "Elke uitgever mag certificaten voor de winkel maken",
            "Any authority may issue certificates for the shop",
        ),
        why: Words::new(
            "Zonder CAA-record mag elke uitgever ter wereld een certificaat op uw naam maken, ook een slordige. Met \
             één regel in de DNS sluit u die uit.",
            "Without a CAA record every authority in the world may make a certificate in your name, careless ones \
             too. One line in the DNS shuts them out.",
        ),
        fix: Words::new(
            "Zet in een CAA-record welke uitgever certificaten voor uw domein mag maken.",
            "Say in a CAA record which authority may make certificates for your domain.",
        ),
        snippets: &RECORD,
        judge: |evidence, notes| {
            if is_asked(evidence) && evidence.dns.caa.as_ref().is_some_and(Vec::is_empty) {
                notes.seen_as(severity(evidence, Severity::Low), &evidence.target.host, "no CAA record");
            }
        },
    },
    Rule {
        id: "caa-syntax",
        protections: A,
        severity: Severity::Low,
        part: Part::Dns,
        source: "RFC 8659 §4; RFC 8657 §3 and §4",
        title: Words::new("Een CAA-record is verkeerd geschreven", "A CAA record is written wrongly"),
        why: Words::new(
            "Een uitgever die het record niet kan lezen, weigert een certificaat te maken, of negeert uw wens.",
            "An authority that cannot read the record refuses to make a certificate, or ignores your wish.",
        ),
        fix: Words::new(
            "Schrijf het record als `0 issue \"naam-van-de-uitgever\"`.",
            "Write the record as `0 issue \"name-of-the-authority\"`.",
        ),
        snippets: &RECORD,
        judge: |evidence, notes| {
            for record in records(evidence) {
                if let Some(fault) = syntax_fault(record) {
                    notes.seen_as(
                        severity(evidence, Severity::Low),
                        at(evidence),
                        format!("{}: {fault}", text(record)),
                    );
                }
            }
        },
    },
    Rule {
        id: "caa-unknown-critical",
        protections: A,
        severity: Severity::Medium,
        part: Part::Dns,
        source: "RFC 8659 §4.1 and §4.5",
        title: Words::new("Een CAA-record houdt elke uitgever tegen", "A CAA record stops every authority"),
        why: Words::new(
            "Het record is als verplicht gemerkt, maar geen uitgever kent het. Dan mag niemand een certificaat maken, \
             en mislukt de volgende vernieuwing.",
            "The record is marked as binding, but no authority knows it. Then nobody may make a certificate, and the \
             next renewal fails.",
        ),
        fix: Words::new(
            "Verbeter de naam van het record, of zet het getal vooraan op 0.",
            "Correct the record's name, or set the number in front to 0.",
        ),
        snippets: &RECORD,
        judge: |evidence, notes| {
            for record in records(evidence) {
                if record.is_critical && !is_known(&record.tag) {
                    notes.seen_as(severity(evidence, Severity::Medium), at(evidence), text(record));
                }
            }
        },
    },
    Rule {
        id: "caa-no-issue",
        protections: A,
        severity: Severity::Low,
        part: Part::Dns,
        source: "RFC 8659 §4.2 and §4.3",
        title: Words::new(
            "De CAA-records laten gewone certificaten vrij",
            "The CAA records leave ordinary certificates free",
        ),
        why: Words::new(
            "Er zijn CAA-records, maar geen met `issue`. Elke uitgever mag dus nog steeds een certificaat maken.",
            "There are CAA records, but none with `issue`. So every authority may still make a certificate.",
        ),
        fix: Words::new("Voeg een record met `issue` toe.", "Add a record with `issue`."),
        snippets: &RECORD,
        judge: |evidence, notes| {
            let all: Vec<&CaaRecord> = records(evidence).collect();
            if !all.is_empty() && !all.iter().any(|record| is_tag(record, "issue")) {
                let seen = all.iter().take(4).map(|record| text(record)).collect::<Vec<_>>().join("; ");
                notes.seen_as(severity(evidence, Severity::Low), at(evidence), seen);
            }
        },
    },
    Rule {
        id: "caa-excludes-issuer",
        protections: A,
        severity: Severity::Medium,
        part: Part::Dns,
        source: "RFC 8659 §3 and §4.2",
        title: Words::new(
            "De uitgever van het certificaat staat niet in de CAA-records",
            "The certificate's authority is not in the CAA records",
        ),
        why: Words::new(
            "De uitgever die uw certificaat maakte, mag het volgens de DNS niet meer vernieuwen. Over enige tijd \
             verloopt het en ziet elke klant een waarschuwing.",
            "The authority that made your certificate may no longer renew it, says the DNS. In some time it expires, \
             and every customer sees a warning.",
        ),
        fix: Words::new(
            "Zet uw uitgever in een CAA-record met `issue`, of stap over op de uitgever die er staat.",
            "Put your authority in a CAA record with `issue`, or move to the authority that is there.",
        ),
        snippets: &RECORD,
        judge: excludes_issuer,
    },
    Rule {
        id: "caa-no-account",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Dns,
        source: "RFC 8657 §3",
        title: Words::new(
            "Elke klant van uw uitgever kan een certificaat aanvragen",
            "Every client of your authority can request a certificate",
        ),
        why: Words::new(
            "Met `accounturi` in het CAA-record kan alleen uw eigen account bij de uitgever een certificaat krijgen, \
             ook als iemand even uw verkeer omleidt.",
            "With `accounturi` in the CAA record only your own account at the authority gets a certificate, even when \
             somebody diverts your traffic for a moment.",
        ),
        fix: Words::new(
            "Niets nodig. Wie meer zekerheid wil: voeg `accounturi` en `validationmethods` toe.",
            "Nothing needed. For more certainty: add `accounturi` and `validationmethods`.",
        ),
        snippets: &fixes_alike(
            Snippet::Lines(
                "winkel.example. IN CAA 0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234\"",
            ),
            Words::new("U hoeft niets te doen.", "You need not do anything."),
        ),
        judge: |evidence, notes| {
            let issue: Vec<&CaaRecord> = records(evidence)
                .filter(|record| is_tag(record, "issue") && !issuer(record).is_empty())
                .collect();
            if !issue.is_empty() && !issue.iter().any(|record| record.value.contains("accounturi=")) {
                notes.seen(at(evidence), text(issue[0]));
            }
        },
    },
];

/// Organisations in issuer names, and the names they answer to in CAA records. Only those of which this is sure.
const ISSUERS: [(&str, &[&str]); 5] = [
    ("O=Let's Encrypt", &["letsencrypt.org"]),
    ("O=Google Trust Services", &["pki.goog"]),
    ("O=GlobalSign", &["globalsign.com"]),
    ("O=Sectigo", &["sectigo.com", "comodoca.com", "comodo.com", "usertrust.com", "trust-provider.com"]),
    ("O=Amazon", &["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"]),
];
/// Property tags of RFC 8659, RFC 9495, and the CA/Browser Forum.
const TAGS: [&str; 7] =
    ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];
/// IANA's ACME validation methods; `ca-…` is free for authorities (RFC 8657 §4).
const METHODS: [&str; 8] = [
    "http-01",
    "dns-01",
    "tls-alpn-01",
    "email-reply-00",
    "tkauth-01",
    "onion-csr-01",
    "bp-nodeid-00",
    "dns-account-01",
];

/// The rule's severity; no more than `Info` when the shop has an authority of its own.
fn severity(evidence: &Evidence, usual: Severity) -> Severity {
    if evidence.target.has_own_roots { Severity::Info } else { usual }
}

fn records(evidence: &Evidence) -> impl Iterator<Item = &CaaRecord> {
    evidence.dns.caa.iter().flatten().filter(|_| is_asked(evidence))
}

fn at(evidence: &Evidence) -> &str {
    evidence.dns.caa_at.as_deref().unwrap_or(&evidence.target.host)
}

/// Characters of a record's value that are shown.
const VALUE_CHARS_SHOWN: usize = 120;

/// The record as in a zone file, its value at most [`VALUE_CHARS_SHOWN`].
fn text(record: &CaaRecord) -> String {
    let value: String = record.value.chars().take(VALUE_CHARS_SHOWN).collect();
    let tag: String = record.tag.chars().take(VALUE_CHARS_SHOWN).collect();
    format!("{} {tag} \"{value}\"", if record.is_critical { 128 } else { 0 })
}

fn is_tag(record: &CaaRecord, tag: &str) -> bool {
    record.tag.eq_ignore_ascii_case(tag)
}

fn is_known(tag: &str) -> bool {
    TAGS.iter().any(|known| known.eq_ignore_ascii_case(tag))
}

/// The issuer's domain name, before any parameters; empty when nobody may issue.
fn issuer(record: &CaaRecord) -> &str {
    record.value.split(';').next().unwrap_or_default().trim_matches([' ', '\t'])
}

/// Fires when the issuer of a public certificate is known and none of the `issue` records names it.
fn excludes_issuer(evidence: &Evidence, notes: &mut Notes) {
    let allowed: Vec<&str> = records(evidence).filter(|record| is_tag(record, "issue")).map(issuer).collect();
    if allowed.is_empty() {
        return;
    }
    for endpoint in evidence.endpoints.iter().filter(|e| e.host == evidence.target.host) {
        let Some(leaf) = endpoint.tls.chain.leaf().filter(|_| is_public(evidence, &endpoint.tls)) else {
            continue;
        };
        let known = ISSUERS.iter().find(|(organisation, _)| leaf.issuer.contains(organisation));
        let is_named =
            |names: &[&str]| allowed.iter().any(|a| names.iter().any(|name| name.eq_ignore_ascii_case(a)));
        let is_excluded = match known {
            Some((_, names)) => !is_named(names),
            None => allowed.iter().all(|name| name.is_empty()),
        };
        if is_excluded {
            let shown = |name: &&str| {
                format!("issue \"{}\"", name.chars().take(VALUE_CHARS_SHOWN).collect::<String>())
            };
            let list = allowed.iter().take(4).map(shown).collect::<Vec<_>>().join(", ");
            notes.seen(at(evidence), format!("{list}; issuer {}", leaf.issuer));
        }
    }
}

/// What is wrong with a record's form; `None` when nothing is, or when it is unknown and may be ignored.
fn syntax_fault(record: &CaaRecord) -> Option<&'static str> {
    if record.tag.is_empty() || !record.tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Some("tag is not letters and digits");
    }
    match record.tag.to_ascii_lowercase().as_str() {
        "issue" | "issuewild" | "issuemail" | "issuevmc" => issue_fault(&record.value),
        "iodef" => (!is_report_url(&record.value)).then_some("neither mailto: nor http(s): URL"),
        "contactemail" => (!is_mail(&record.value)).then_some("no e-mail address"),
        "contactphone" => (!is_phone(&record.value)).then_some("no phone number"),
        _ => None,
    }
}

/// The grammar of RFC 8659 §4.2: `[issuer] [";" [tag=value *(";" tag=value)]]`.
fn issue_fault(value: &str) -> Option<&'static str> {
    let trim = |part: &'_ str| part.trim_matches([' ', '\t']).to_owned();
    let (name, parameters) = value.split_once(';').map_or((value, None), |(name, rest)| (name, Some(rest)));
    let name = trim(name);
    if !name.is_empty() && !name.split('.').all(is_label) {
        return Some("issuer is not a domain name");
    }
    let parameters = parameters.map(trim).filter(|rest| !rest.is_empty())?;
    for parameter in parameters.split(';') {
        let Some((tag, value)) = parameter.split_once('=') else {
            return Some("parameter is not tag=value");
        };
        let (tag, value) = (trim(tag), trim(value));
        if !is_label(&tag) {
            return Some("parameter tag is not letters, digits and hyphens");
        }
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some("parameter value has spaces or other forbidden bytes");
        }
        if tag.eq_ignore_ascii_case("validationmethods") && !value.split(',').all(is_method) {
            return Some("unknown validation method");
        }
        if tag.eq_ignore_ascii_case("accounturi") && !value.contains(':') {
            return Some("accounturi is not a URI");
        }
    }
    None
}

fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !label.is_empty() && label.bytes().all(is_inner) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_method(method: &str) -> bool {
    METHODS.contains(&method) || method.strip_prefix("ca-").is_some_and(is_label)
}

fn is_report_url(value: &str) -> bool {
    let Ok(url) = url::Url::parse(value) else { return false };
    match url.scheme() {
        "http" | "https" => url.has_host(),
        "mailto" => is_mail(url.path()),
        _ => false,
    }
}

fn is_mail(value: &str) -> bool {
    value.split_once('@').is_some_and(|(user, host)| {
        let is_user = !user.is_empty()
            && user.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
        is_user && host.contains('.') && host.split('.').all(|label| is_label(label) || !label.is_ascii())
    })
}

fn is_phone(value: &str) -> bool {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let rest = value.strip_prefix('+').unwrap_or(value);
    (4..=20).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || " -.()".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Trust;
    use crate::rules::testing::{check, check_seen, check_silent, leaf, tls};

    fn record(tag: &str, value: &str) -> CaaRecord {
        CaaRecord { is_critical: false, tag: tag.into(), value: value.into() }
    }

    fn set(e: &mut Evidence, records: &[(&str, &str)]) {
        e.dns.caa = Some(records.iter().map(|(tag, value)| record(tag, value)).collect());
    }

    #[test]
    fn no_records() {
        check("caa-missing", |e| set(e, &[]), Severity::Low);
        check_silent("caa-missing", |e| e.dns.caa = None);
        let private = |e: &mut Evidence| {
            set(e, &[]);
            e.target.has_own_roots = true;
        };
        check("caa-missing", private, Severity::Info);
        for id in ["caa-missing", "caa-syntax", "caa-no-issue", "caa-unknown-critical", "caa-excludes-issuer"]
        {
            check_silent(id, |e| {
                set(e, &[]);
                e.dns.was_asked = false;
            });
            check_silent(id, |e| {
                set(e, &[("iodef", "?"), ("foo", "")]);
                e.target.host = "192.0.2.10".into();
            });
        }
    }

    #[test]
    fn records_in_good_form() {
        let good = [
            ("issue", "letsencrypt.org"),
            ("ISSUE", "letsencrypt.org"),
            ("issue", ";"),
            ("issue", ""),
            ("issue", "  ca.example  "),
            ("issue", "ca.example;"),
            ("issue", "ca.example; account=230123"),
            ("issue", "ca.example; a=1; b=2"),
            ("issue", "ca.example; policy="),
            ("issue", "letsencrypt.org; validationmethods=http-01,dns-01,ca-eigen"),
            ("issuewild", ";"),
            ("issuemail", "ca.example"),
            ("iodef", "mailto:beheer@winkel.example"),
            ("iodef", "https://winkel.example/caa"),
            ("contactemail", "beheer@winkel.example"),
            ("contactphone", "+31 20 555 01 00"),
            ("eigentag", "\\x00"),
        ];
        for one in good {
            check_silent("caa-syntax", |e| set(e, &[one]));
        }
    }

    #[test]
    fn records_in_bad_form() {
        let bad = [
            ("", "letsencrypt.org"),
            ("is sue", "letsencrypt.org"),
            ("issue-wild", "letsencrypt.org"),
            ("issue", "lets encrypt.org"),
            ("issue", "letsencrypt.org."),
            ("issue", ".org"),
            ("issue", "-ca.example"),
            ("issue", "ca_1.example"),
            ("issue", "https://letsencrypt.org"),
            ("issue", "ca.example; account"),
            ("issue", "ca.example; account=1;"),
            ("issue", "ca.example; a=1 b=2"),
            ("issue", "ca.example; =1"),
            ("issue", "ca.example; -a=1"),
            ("issue", "ca.example;; a=1"),
            ("issue", "ca.example; a=é"),
            ("issue", "ca.example; validationmethods=http-02"),
            ("issue", "ca.example; validationmethods=http-01,"),
            ("issue", "ca.example; validationmethods=ca-"),
            ("issue", "ca.example; accounturi=1234"),
            ("issuewild", "*.example"),
            ("issuemail", "ca example"),
            ("iodef", "beheer@winkel.example"),
            ("iodef", "mailto:winkel.example"),
            ("iodef", "ftp://winkel.example/"),
            ("iodef", "https://"),
            ("iodef", ""),
            ("contactemail", "mailto:beheer@winkel.example"),
            ("contactemail", "beheer@"),
            ("contactphone", "bel ons"),
            ("contactphone", ""),
        ];
        for one in bad {
            check("caa-syntax", |e| set(e, &[one]), Severity::Low);
        }
        check_seen(
            "caa-syntax",
            |e| set(e, &[("issue", "ca example")]),
            "0 issue \"ca example\": issuer is not",
        );
    }

    #[test]
    fn binding_records_that_nobody_knows() {
        let critical = |e: &mut Evidence, tag: &str| {
            e.dns.caa = Some(vec![CaaRecord { is_critical: true, tag: tag.into(), value: "x".into() }]);
        };
        check("caa-unknown-critical", |e| critical(e, "tbs"), Severity::Medium);
        check_silent("caa-unknown-critical", |e| critical(e, "ISSUE"));
        check_silent("caa-unknown-critical", |e| set(e, &[("tbs", "x")]));
    }

    #[test]
    fn records_without_issue() {
        check("caa-no-issue", |e| set(e, &[("issuewild", "letsencrypt.org")]), Severity::Low);
        check("caa-no-issue", |e| set(e, &[("isue", "letsencrypt.org")]), Severity::Low);
        check_silent("caa-no-issue", |e| set(e, &[]));
        check("caa-no-account", |e| set(e, &[("issue", "letsencrypt.org")]), Severity::Info);
        check_silent("caa-no-account", |e| set(e, &[("issue", ";")]));
    }

    #[test]
    fn an_issuer_that_may_not_renew() {
        check("caa-excludes-issuer", |e| set(e, &[("issue", "digicert.com")]), Severity::Medium);
        check("caa-excludes-issuer", |e| set(e, &[("issue", ";")]), Severity::Medium);
        check_silent("caa-excludes-issuer", |e| {
            set(e, &[("issue", "digicert.com"), ("issue", "LetsEncrypt.org; validationmethods=http-01")]);
        });
        check_silent("caa-excludes-issuer", |e| set(e, &[("issuewild", "digicert.com")]));
        check_silent("caa-excludes-issuer", |e| {
            set(e, &[("issue", "andere.example")]);
            for endpoint in &mut e.endpoints {
                endpoint.tls.chain.sent[0].issuer = "CN=R1,O=Onbekend".into();
            }
        });
        check_silent("caa-excludes-issuer", |e| {
            set(e, &[("issue", "digicert.com")]);
            e.target.has_own_roots = true;
        });
        check_silent("caa-excludes-issuer", |e| {
            set(e, &[("issue", "digicert.com")]);
            leaf(e).issuer = "CN=Eigen".into();
            tls(e).chain.trust = Trust::SelfSigned;
            e.endpoints.truncate(1);
        });
    }
}
