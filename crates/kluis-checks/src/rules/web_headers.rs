//! Rules about other response headers, sharing with foreign origins, and security.txt.

use std::collections::BTreeSet;

use super::shared::{A, D, E, EA, NONE};
use super::web_shared::{header, host_of, https_pages, short, values};
use crate::facts::{CorsFacts, Evidence, SecurityTxt};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::web::headers::{Referrer, is_nosniff, referrer, token};
use crate::web::security_txt::problems;

const REFERRER: [(Platform, Snippet); 7] = header(
    "add_header Referrer-Policy strict-origin-when-cross-origin always;",
    "Header always set Referrer-Policy strict-origin-when-cross-origin",
    "header Referrer-Policy strict-origin-when-cross-origin",
    Words::new(
        "Vraag: “Welke Referrer-Policy stuurt mijn winkel?”",
        "Ask: “Which Referrer-Policy does my shop send?”",
    ),
);
const SECURITY_TXT: [(Platform, Snippet); 7] = header(
    "location = /.well-known/security.txt { default_type \"text/plain; charset=utf-8\"; root /var/www/html; }",
    "<Files security.txt>\n  ForceType 'text/plain; charset=utf-8'\n</Files>",
    "handle /.well-known/security.txt {\n  header Content-Type \"text/plain; charset=utf-8\"\n  root * /var/www/html\n  file_server\n}",
    Words::new(
        "Vraag: “Kan ik een bestand /.well-known/security.txt op mijn domein zetten?”",
        "Ask: “Can I put a file /.well-known/security.txt on my domain?”",
    ),
);
const SECURITY_TXT_WHY: Words = Words::new(
    "Wie een lek in uw winkel vindt, wil het u graag melden. Zonder goed adres blijft het liggen, of staat het op \
     internet voor u het weet.",
    "Who finds a hole in your shop would like to tell you. Without a good address it stays as it is, or is on the \
     internet before you know.",
);
const SECURITY_TXT_FIX: Words = Words::new(
    "Zet /.well-known/security.txt neer met `Contact: mailto:…` en een `Expires:` die binnen een jaar ligt, als \
     text/plain in utf-8, en vernieuw het op tijd.",
    "Put up /.well-known/security.txt with `Contact: mailto:…` and an `Expires:` within a year, as text/plain in utf-8, \
     and renew it in time.",
);

/// A rule about security.txt, which share everything but the fault.
const fn security_txt_rule(
    id: &'static str,
    severity: Severity,
    title: Words,
    judge: fn(&Evidence, &mut Notes),
) -> Rule {
    Rule {
        id,
        protections: A,
        severity,
        part: Part::Web,
        source: "RFC 9116; internet.nl security.txt",
        title,
        why: SECURITY_TXT_WHY,
        fix: SECURITY_TXT_FIX,
        snippets: &SECURITY_TXT,
        judge,
    }
}

/// A rule about isolation from other sites: good to have, and a fault only when it is written wrongly.
const fn isolation_rule(
    id: &'static str,
    source: &'static str,
    title: Words,
    fix: Words,
    judge: fn(&Evidence, &mut Notes),
) -> Rule {
    Rule {
        id,
        protections: A,
        severity: Severity::Info,
        part: Part::Web,
        source,
        title,
        why: Words::new(
            "Met deze header houdt de browser uw pagina's uit het geheugen van andere sites. Een pluspunt, geen gebrek; een \
             onleesbare waarde doet niets.",
            "With this header the browser keeps your pages out of the memory of other sites. A bonus, not a defect; a \
             value that cannot be read does nothing.",
        ),
        fix,
        snippets: &[],
        judge,
    }
}

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "nosniff",
        protections: D,
        severity: Severity::Low,
        part: Part::Web,
        source: "Fetch §3.5; Observatory x-content-type-options; internet.nl",
        title: Words::new("Browsers mogen het soort bestand raden", "Browsers may guess the kind of a file"),
        why: Words::new(
            "Een geüpload plaatje of tekstbestand kan dan als script gaan draaien.",
            "An uploaded picture or text file may then run as a script.",
        ),
        fix: Words::new(
            "Stuur `X-Content-Type-Options: nosniff`.",
            "Send `X-Content-Type-Options: nosniff`.",
        ),
        snippets: &header(
            "add_header X-Content-Type-Options nosniff always;",
            "Header always set X-Content-Type-Options nosniff",
            "header X-Content-Type-Options nosniff",
            Words::new(
                "Vraag: “Kunt u X-Content-Type-Options: nosniff meesturen?”",
                "Ask: “Can you send X-Content-Type-Options: nosniff?”",
            ),
        ),
        judge: |evidence, notes| {
            for (_, hop) in https_pages(evidence) {
                let values = values(hop, "x-content-type-options");
                if !is_nosniff(&values) {
                    notes.seen(
                        &hop.url,
                        if values.is_empty() { "-".to_owned() } else { short(&values.join(", ")) },
                    );
                }
            }
        },
    },
    Rule {
        id: "referrer-unsafe",
        protections: E,
        severity: Severity::Medium,
        part: Part::Web,
        source: "Referrer Policy §3; Observatory referrer-policy; GDPR art. 32",
        title: Words::new(
            "Andere sites krijgen het hele webadres van uw pagina's te zien",
            "Other sites get to see the whole address of your pages",
        ),
        why: Words::new(
            "In adressen staan zoekwoorden, bestelnummers en soms e-mailadressen. Elke dienst waarvan u iets laadt, \
             krijgt ze zo mee.",
            "Addresses hold search words, order numbers and sometimes e-mail addresses. Every service you load something \
             from gets them this way.",
        ),
        fix: Words::new(
            "Stuur `Referrer-Policy: strict-origin-when-cross-origin` of strenger.",
            "Send `Referrer-Policy: strict-origin-when-cross-origin` or stricter.",
        ),
        snippets: &REFERRER,
        judge: |evidence, notes| {
            each_referrer(evidence, |url, read, written| {
                if matches!(read, Referrer::Everything | Referrer::Invalid) {
                    notes.seen(url, format!("referrer-policy: {}", short(written)));
                }
            });
        },
    },
    Rule {
        id: "referrer-missing",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Web,
        source: "Referrer Policy §3; internet.nl Referrer-Policy",
        title: Words::new("Er is geen Referrer-Policy", "There is no Referrer-Policy"),
        why: Words::new(
            "Browsers van nu sturen dan alleen de naam van uw winkel mee, oudere het hele adres.",
            "Browsers of today then send only the name of your shop, older ones the whole address.",
        ),
        fix: Words::new(
            "Stuur `Referrer-Policy: strict-origin-when-cross-origin`.",
            "Send `Referrer-Policy: strict-origin-when-cross-origin`.",
        ),
        snippets: &REFERRER,
        judge: |evidence, notes| {
            each_referrer(evidence, |url, read, _| {
                if read == Referrer::Absent {
                    notes.seen(url, "-");
                }
            });
        },
    },
    Rule {
        id: "cors-credentials",
        protections: EA,
        severity: Severity::High,
        part: Part::Web,
        source: "Fetch §3.3.3; Observatory cross-origin-resource-sharing",
        title: Words::new(
            "Elke vreemde site mag gegevens van ingelogde klanten lezen",
            "Any foreign site may read data of signed-in customers",
        ),
        why: Words::new(
            "Bezoekt een ingelogde klant een kwaadaardige pagina, dan kan die pagina uit naam van de klant uw winkel \
             uitlezen: adressen, bestellingen, gegevens.",
            "When a signed-in customer visits a malicious page, that page can read your shop in the customer's name: \
             addresses, orders, data.",
        ),
        fix: Words::new(
            "Stuur de `Origin` niet zomaar terug. Noem in `Access-Control-Allow-Origin` alleen eigen adressen, of haal \
             `Access-Control-Allow-Credentials` weg.",
            "Do not echo the `Origin`. Name only addresses of your own in `Access-Control-Allow-Origin`, or remove \
             `Access-Control-Allow-Credentials`.",
        ),
        snippets: &[
            (
                Platform::Nginx,
                Snippet::Lines("# weg / remove:\nadd_header Access-Control-Allow-Origin $http_origin;"),
            ),
            (Platform::Apache, Snippet::Lines("Header always unset Access-Control-Allow-Credentials")),
        ],
        judge: |evidence, notes| cors(evidence, notes, |answer| answer.allows_credentials),
    },
    Rule {
        id: "cors-reflected",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Web,
        source: "Fetch §3.3.3",
        title: Words::new(
            "De winkel stuurt elke vreemde herkomst terug, maar zonder inloggegevens",
            "The shop echoes foreign origins, without credentials",
        ),
        why: Words::new(
            "Nu leest niemand er iets mee; komt er ooit `Allow-Credentials` bij, dan wel.",
            "Nobody can read anything with it now; they can when `Allow-Credentials` is ever added.",
        ),
        fix: Words::new("Schrijf `*`, of noem de eigen adressen.", "Write `*`, or name your own addresses."),
        snippets: &[],
        judge: |evidence, notes| cors(evidence, notes, |answer| !answer.allows_credentials),
    },
    isolation_rule(
        "corp",
        "Fetch §3.7; Observatory cross-origin-resource-policy",
        Words::new(
            "Cross-Origin-Resource-Policy ontbreekt of klopt niet",
            "Cross-Origin-Resource-Policy is missing or wrong",
        ),
        Words::new(
            "Stuur `same-origin`; controleer of andere sites die uw plaatjes mogen tonen dat dan nog kunnen.",
            "Send `same-origin`; check that other sites that may show your pictures still can.",
        ),
        |evidence, notes| {
            isolation(
                evidence,
                notes,
                "cross-origin-resource-policy",
                &["same-origin", "same-site", "cross-origin"],
            );
        },
    ),
    isolation_rule(
        "coop",
        "HTML §7.1.3; Observatory cross-origin-opener-policy",
        Words::new(
            "Cross-Origin-Opener-Policy ontbreekt of klopt niet",
            "Cross-Origin-Opener-Policy is missing or wrong",
        ),
        Words::new(
            "Stuur `same-origin`; controleer of betalen en inloggen in een apart venster dan nog werkt.",
            "Send `same-origin`; check that paying and signing in in a separate window still work.",
        ),
        |evidence, notes| {
            let known = ["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"];
            isolation(evidence, notes, "cross-origin-opener-policy", &known);
        },
    ),
    isolation_rule(
        "coep",
        "HTML §7.1.4; Observatory cross-origin-embedder-policy",
        Words::new(
            "Cross-Origin-Embedder-Policy ontbreekt of klopt niet",
            "Cross-Origin-Embedder-Policy is missing or wrong",
        ),
        Words::new(
            "Stuur `credentialless`; controleer of betalen, kaarten en filmpjes van anderen dan nog werken.",
            "Send `credentialless`; check that payment, maps and films of others still work.",
        ),
        |evidence, notes| {
            let known = ["require-corp", "credentialless", "unsafe-none"];
            isolation(evidence, notes, "cross-origin-embedder-policy", &known);
        },
    ),
    security_txt_rule(
        "securitytxt-missing",
        Severity::Low,
        Words::new("Er is geen security.txt", "There is no security.txt"),
        |evidence, notes| {
            if evidence.web.security_txt.as_ref().is_some_and(|file| file.url.is_none()) {
                notes.seen(format!("https://{}/.well-known/security.txt", evidence.target.host), "-");
            }
        },
    ),
    security_txt_rule(
        "securitytxt-expired",
        Severity::Low,
        Words::new("security.txt is verlopen", "security.txt has expired"),
        |evidence, notes| security_txt(evidence, notes, |code| code == "expired"),
    ),
    security_txt_rule(
        "securitytxt-content-type",
        Severity::Low,
        Words::new("security.txt heeft het verkeerde type", "security.txt has the wrong type"),
        |evidence, notes| {
            if let Some((file, url)) = found(evidence)
                && problems(file, evidence.started)
                    .iter()
                    .any(|code| matches!(*code, "invalid_media" | "invalid_charset"))
            {
                notes.seen(url, format!("content-type: {}", short(&file.content_type)));
            }
        },
    ),
    security_txt_rule(
        "securitytxt-location",
        Severity::Low,
        Words::new("security.txt staat op de verkeerde plek", "security.txt is in the wrong place"),
        |evidence, notes| {
            security_txt(evidence, notes, |code| matches!(code, "location" | "invalid_uri_scheme"))
        },
    ),
    security_txt_rule(
        "securitytxt-syntax",
        Severity::Low,
        Words::new("security.txt heeft fouten", "security.txt has mistakes"),
        |evidence, notes| {
            let others = [
                "expired",
                "invalid_media",
                "invalid_charset",
                "location",
                "invalid_uri_scheme",
                "long_expiry",
            ];
            security_txt(evidence, notes, |code| !others.contains(&code));
        },
    ),
    security_txt_rule(
        "securitytxt-long-expiry",
        Severity::Info,
        Words::new(
            "security.txt verloopt pas over meer dan een jaar",
            "security.txt expires only after more than a year",
        ),
        |evidence, notes| security_txt(evidence, notes, |code| code == "long_expiry"),
    ),
];

/// Tells the referrer policy of every https page: of headers, then of metas.
fn each_referrer(evidence: &Evidence, mut tell: impl FnMut(&str, Referrer, &str)) {
    for (page, hop) in https_pages(evidence) {
        let metas =
            page.metas.iter().filter(|meta| meta.name == "referrer-policy").map(|meta| meta.value.as_str());
        let written: Vec<&str> = hop.header("referrer-policy").chain(metas).collect();
        tell(&hop.url, referrer(&written), &written.join(", "));
    }
}

/// Notes answers that let the foreign origin in; `*` never goes with credentials (Fetch §4.10).
fn cors(evidence: &Evidence, notes: &mut Notes, is: impl Fn(&CorsFacts) -> bool) {
    for answer in &evidence.web.cors {
        let is_let_in = answer.allow_origin.as_deref().is_some_and(|allowed| allowed.trim() == answer.origin);
        if is_let_in && is(answer) {
            let credentials =
                if answer.allows_credentials { "; access-control-allow-credentials: true" } else { "" };
            notes.seen(
                format!("{} https://{}/", answer.method, evidence.target.host),
                format!("origin: {0} → access-control-allow-origin: {0}{credentials}", answer.origin),
            );
        }
    }
}

fn isolation(evidence: &Evidence, notes: &mut Notes, name: &str, known: &[&str]) {
    let mut hosts = BTreeSet::new();
    for (_, hop) in https_pages(evidence) {
        let written = hop.header(name).next();
        match written {
            Some(value) if token(value).is_some_and(|word| known.contains(&word)) => {}
            Some(value) => notes.seen_as(Severity::Low, &hop.url, format!("{name}: {}", short(value))),
            // Once for a host is enough for what is only a bonus.
            None if hosts.insert(host_of(&hop.url)) => notes.seen_as(Severity::Info, &hop.url, "-"),
            None => {}
        }
    }
}

fn found(evidence: &Evidence) -> Option<(&SecurityTxt, &str)> {
    let file = evidence.web.security_txt.as_ref()?;
    Some((file, file.url.as_deref()?))
}

fn security_txt(evidence: &Evidence, notes: &mut Notes, is: impl Fn(&str) -> bool) {
    let Some((file, url)) = found(evidence) else { return };
    for code in problems(file, evidence.started).into_iter().filter(|code| is(code)) {
        notes.seen(url, code);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use kluis_model::TimeMs;

    use super::*;
    use crate::rules::testing::{self, check, check_silent};

    fn with(name: &'static str, value: Option<&'static str>) -> impl Fn(&mut Evidence) {
        move |evidence| {
            let hop = &mut evidence.web.pages[0].hops[0];
            hop.headers.retain(|h| h.name != name);
            hop.headers.extend(value.map(|value| testing::header(name, value)));
        }
    }

    #[test]
    fn headers_are_judged() {
        check("nosniff", with("x-content-type-options", None), Severity::Low);
        check("nosniff", with("x-content-type-options", Some("no")), Severity::Low);
        check("referrer-unsafe", with("referrer-policy", Some("unsafe-url")), Severity::Medium);
        check("referrer-unsafe", with("referrer-policy", Some("bogus")), Severity::Medium);
        check("referrer-missing", with("referrer-policy", None), Severity::Info);
        check_silent("referrer-unsafe", with("referrer-policy", None));
        check_silent("referrer-missing", |e| {
            with("referrer-policy", None)(e);
            e.web.pages[0].metas.push(testing::header("referrer-policy", "no-referrer"));
        });
        for (id, name, weak) in [
            ("corp", "cross-origin-resource-policy", "cross-origin"),
            ("coop", "cross-origin-opener-policy", "unsafe-none"),
            ("coep", "cross-origin-embedder-policy", "credentialless; report-to=\"x\""),
        ] {
            check(id, with(name, None), Severity::Info);
            check(id, with(name, Some("\"same-origin\"")), Severity::Low);
            check_silent(id, with(name, Some(weak)));
        }
    }

    #[test]
    fn foreign_origins_are_judged() {
        let with = |origin: &'static str, allowed: Option<&'static str>, credentials: bool| {
            move |e: &mut Evidence| {
                e.web.cors.push(CorsFacts {
                    method: "GET".to_owned(),
                    origin: origin.to_owned(),
                    allow_origin: allowed.map(str::to_owned),
                    allows_credentials: credentials,
                });
            }
        };
        check(
            "cors-credentials",
            with("https://evil.example", Some("https://evil.example"), true),
            Severity::High,
        );
        check("cors-credentials", with("null", Some("null"), true), Severity::High);
        check("cors-reflected", with("null", Some("null"), false), Severity::Info);
        for id in ["cors-credentials", "cors-reflected"] {
            check_silent(id, with("https://evil.example", Some("*"), true));
            check_silent(id, with("https://evil.example", Some("https://winkel.example"), true));
            check_silent(id, with("https://evil.example", None, true));
        }
    }

    #[test]
    fn security_txt_is_judged() {
        fn file(e: &mut Evidence) -> &mut SecurityTxt {
            e.web.security_txt.as_mut().unwrap()
        }
        check("securitytxt-missing", |e| file(e).url = None, Severity::Low);
        check("securitytxt-expired", |e| file(e).expires = Some(TimeMs(e.started.0 - 1)), Severity::Low);
        check("securitytxt-content-type", |e| file(e).content_type = "text/html".to_owned(), Severity::Low);
        check("securitytxt-location", |e| file(e).is_top_level = true, Severity::Low);
        check("securitytxt-syntax", |e| file(e).fields.clear(), Severity::Low);
        check("securitytxt-syntax", |e| file(e).bad_lines = 3, Severity::Low);
        check(
            "securitytxt-long-expiry",
            |e| file(e).expires = Some(TimeMs(e.started.0 + 800 * testing::DAY_MS)),
            Severity::Info,
        );
        for rule in RULES.iter().filter(|rule| rule.id.starts_with("securitytxt")) {
            check_silent(rule.id, |e| e.web.security_txt = None);
        }
    }
}
