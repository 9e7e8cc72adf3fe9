//! Rules about cookies.

use super::shared::{EA, NONE};
use super::web_shared::every;
use crate::facts::{Cookie, Evidence};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::web::cookies::{SameSite, is_csrf, is_session, prefix_problem, same_site};
use crate::web::hsts::{self, HstsState};

const COOKIES: [(Platform, Snippet); 7] = every([
    Snippet::Lines("proxy_cookie_flags ~ secure httponly samesite=lax;"),
    Snippet::Lines("Header always edit Set-Cookie ^(.*)$ \"$1; Secure; HttpOnly; SameSite=Lax\""),
    super::shared::say(
        "Caddy verandert cookies niet; zet de kenmerken in de winkelsoftware of in php.ini (session.cookie_secure).",
        "Caddy does not change cookies; set the attributes in the shop software or in php.ini (session.cookie_secure).",
    ),
    super::shared::say(
        "Zet in wp-config.php `define('FORCE_SSL_ADMIN', true);` en in php.ini session.cookie_secure=1, \
         session.cookie_httponly=1, session.cookie_samesite=Lax.",
        "Put `define('FORCE_SSL_ADMIN', true);` in wp-config.php and session.cookie_secure=1, \
         session.cookie_httponly=1, session.cookie_samesite=Lax in php.ini.",
    ),
    super::shared::say(
        "Stores › Configuration › Web › Default Cookie Settings: ‘Use HTTP Only’ op Yes; met een Base URL op https zet \
         Magento zelf Secure.",
        "Stores › Configuration › Web › Default Cookie Settings: ‘Use HTTP Only’ to Yes; with an https Base URL Magento \
         sets Secure by itself.",
    ),
    super::shared::say(
        "Geavanceerde instellingen › Beheer: ‘Cookie SameSite’ op Lax, en SSL op alle pagina's aan.",
        "Advanced Parameters › Administration: ‘Cookie SameSite’ to Lax, and SSL on for all pages.",
    ),
    super::shared::say(
        "Vraag: “Hebben de sessiecookies van mijn winkel Secure, HttpOnly en SameSite?”",
        "Ask: “Do the session cookies of my shop have Secure, HttpOnly and SameSite?”",
    ),
]);
const SOURCE: &str = "RFC 6265bis §4.1.2; Observatory cookies; OWASP ASVS 3.4";

/// A rule about cookies, which share frame and snippets.
const fn cookie_rule(
    id: &'static str,
    severity: Severity,
    title: Words,
    why: Words,
    fix: Words,
    judge: fn(&Evidence, &mut Notes),
) -> Rule {
    let protections = match severity {
        Severity::Info => NONE,
        _ => EA,
    };
    Rule {
        id,
        protections,
        severity,
        part: Part::Web,
        source: SOURCE,
        title,
        why,
        fix,
        snippets: &COOKIES,
        judge,
    }
}

pub(crate) const RULES: &[Rule] = &[
    cookie_rule(
        "cookie-insecure",
        Severity::High,
        Words::new(
            "Cookies gaan ook onversleuteld over de lijn",
            "Cookies also go over the line unencrypted",
        ),
        Words::new(
            "Zonder Secure stuurt de browser de cookie ook over http mee. Wie meeluistert, neemt de cookie van uw klant \
             over en is dan ingelogd als die klant.",
            "Without Secure the browser also sends the cookie over http. Who listens in takes the cookie of your \
             customer and is then signed in as that customer.",
        ),
        Words::new("Geef elke cookie het kenmerk Secure.", "Give every cookie the attribute Secure."),
        |evidence, notes| {
            let has_hsts = has_hsts(evidence);
            each(evidence, notes, |cookie| {
                let severity = match (is_session(&cookie.name), has_hsts) {
                    (true, false) => Severity::High,
                    (true, true) | (false, false) => Severity::Medium,
                    (false, true) => Severity::Low,
                };
                (!cookie.is_secure).then(|| (severity, "Secure: -".to_owned()))
            });
        },
    ),
    cookie_rule(
        "cookie-no-httponly",
        Severity::High,
        Words::new("Scripts kunnen de sessiecookie lezen", "Scripts can read the session cookie"),
        Words::new(
            "Eén ingesmokkeld script leest de cookie en stuurt die weg; daarmee is de aanvaller ingelogd als uw klant.",
            "A single smuggled script reads the cookie and sends it away; with it the attacker is signed in as your customer.",
        ),
        Words::new(
            "Geef sessiecookies het kenmerk HttpOnly.",
            "Give session cookies the attribute HttpOnly.",
        ),
        |evidence, notes| {
            each(evidence, notes, |cookie| {
                let is_so = is_session(&cookie.name) && !cookie.is_http_only;
                is_so.then(|| (Severity::High, "HttpOnly: -".to_owned()))
            });
        },
    ),
    cookie_rule(
        "cookie-no-samesite",
        Severity::Low,
        Words::new("De sessiecookie heeft geen SameSite", "The session cookie has no SameSite"),
        Words::new(
            "Zonder SameSite sturen oudere browsers de cookie mee met verzoeken van vreemde sites. Zo'n site kan dan uit \
             naam van uw klant bestellen of zijn adres veranderen.",
            "Without SameSite older browsers send the cookie along with requests from foreign sites. Such a site can then \
             order or change the address in your customer's name.",
        ),
        Words::new(
            "Zet SameSite=Lax, of Strict waar het kan.",
            "Set SameSite=Lax, or Strict where possible.",
        ),
        |evidence, notes| {
            each(evidence, notes, |cookie| {
                let matters = is_session(&cookie.name) || is_csrf(&cookie.name);
                (matters && same_site(cookie) == SameSite::Absent)
                    .then(|| (Severity::Low, "SameSite: -".to_owned()))
            });
        },
    ),
    cookie_rule(
        "cookie-samesite-invalid",
        Severity::Medium,
        Words::new("SameSite heeft een waarde die niet bestaat", "SameSite has a value that does not exist"),
        Words::new(
            "Browsers negeren de waarde en doen alsof er niets staat.",
            "Browsers ignore the value and act as if there were none.",
        ),
        Words::new("Schrijf Strict, Lax of None.", "Write Strict, Lax or None."),
        |evidence, notes| {
            each(evidence, notes, |cookie| {
                let severity = if is_session(&cookie.name) { Severity::Medium } else { Severity::Low };
                let written = cookie.same_site.as_deref().unwrap_or_default();
                (same_site(cookie) == SameSite::Invalid).then(|| (severity, format!("SameSite={written}")))
            });
        },
    ),
    cookie_rule(
        "cookie-samesite-none-insecure",
        Severity::Medium,
        Words::new(
            "SameSite=None zonder Secure: browsers gooien de cookie weg",
            "SameSite=None without Secure: browsers drop the cookie",
        ),
        Words::new(
            "Klanten verliezen hun mandje of raken uitgelogd, zonder dat iemand begrijpt waarom.",
            "Customers lose their basket or get signed out, and nobody understands why.",
        ),
        Words::new("Zet Secure erbij, of maak er SameSite=Lax van.", "Add Secure, or make it SameSite=Lax."),
        |evidence, notes| {
            each(evidence, notes, |cookie| {
                let is_so = same_site(cookie) == SameSite::None && !cookie.is_secure;
                is_so.then(|| (Severity::Medium, "SameSite=None; Secure: -".to_owned()))
            });
        },
    ),
    cookie_rule(
        "cookie-prefix",
        Severity::Medium,
        Words::new(
            "De naam van een cookie belooft meer dan hij doet",
            "The name of a cookie promises more than it does",
        ),
        Words::new(
            "Een cookie die met __Host- of __Secure- begint maar niet aan de regels voldoet, weigeren browsers.",
            "A cookie that begins with __Host- or __Secure- but does not keep the rules is refused by browsers.",
        ),
        Words::new(
            "__Secure- vraagt Secure over https; __Host- vraagt daarbij Path=/ en geen Domain.",
            "__Secure- asks for Secure over https; __Host- also asks for Path=/ and no Domain.",
        ),
        |evidence, notes| {
            each(evidence, notes, |cookie| {
                prefix_problem(cookie).map(|problem| (Severity::Medium, format!("≠ {problem}")))
            });
        },
    ),
    cookie_rule(
        "cookie-no-prefix",
        Severity::Info,
        Words::new("De sessiecookie heeft geen voorvoegsel", "The session cookie has no prefix"),
        Words::new(
            "Met __Host- voor de naam kan een gekraakt subdomein uw klanten geen valse sessie geven. Een extra, geen \
             gebrek.",
            "With __Host- before the name a cracked subdomain cannot give your customers a false session. An extra, not a \
             defect.",
        ),
        Words::new(
            "Noem de cookie __Host-…, als de winkelsoftware dat toestaat.",
            "Call the cookie __Host-…, when the shop software allows it.",
        ),
        |evidence, notes| {
            each(evidence, notes, |cookie| {
                let is_so = is_session(&cookie.name) && !cookie.name.starts_with("__");
                is_so.then(|| (Severity::Info, "__Host-: -".to_owned()))
            });
        },
    ),
];

/// Notes what `look` sees in every cookie.
fn each(evidence: &Evidence, notes: &mut Notes, look: impl Fn(&Cookie) -> Option<(Severity, String)>) {
    for cookie in &evidence.web.cookies {
        if let Some((severity, seen)) = look(cookie) {
            let name = if cookie.name.is_empty() { "\"\"" } else { &cookie.name };
            notes.seen_as(severity, &cookie.set_by, format!("{name}; {seen}"));
        }
    }
}

/// Whether the front page tells browsers to use https only, which keeps most cookies off the line.
fn has_hsts(evidence: &Evidence) -> bool {
    let hop = evidence.web.pages.first().and_then(|page| page.last());
    hop.is_some_and(|hop| {
        let values: Vec<&str> = hop.header("strict-transport-security").collect();
        hop.url.starts_with("https://") && hsts::parse(&values).state == HstsState::On
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{check, check_silent};
    use crate::web::read_cookie;

    fn with(raw: &'static str) -> impl Fn(&mut Evidence) {
        move |evidence| evidence.web.cookies.extend(read_cookie(raw, "https://winkel.example/"))
    }

    #[test]
    fn cookies_are_judged() {
        check("cookie-insecure", with("PHPSESSID=x; HttpOnly; SameSite=Lax"), Severity::Medium);
        check("cookie-insecure", with("lang=nl"), Severity::Low);
        let without_hsts = |raw: &'static str| {
            move |e: &mut Evidence| {
                e.web.pages[0].hops[0].headers.retain(|h| h.name != "strict-transport-security");
                with(raw)(e);
            }
        };
        check("cookie-insecure", without_hsts("PHPSESSID=x"), Severity::High);
        check("cookie-insecure", without_hsts("lang=nl"), Severity::Medium);
        check("cookie-no-httponly", with("frontend=x; Secure; SameSite=Lax"), Severity::High);
        check("cookie-no-samesite", with("PHPSESSID=x; Secure; HttpOnly"), Severity::Low);
        check("cookie-no-samesite", with("XSRF-TOKEN=x; Secure"), Severity::Low);
        check("cookie-samesite-invalid", with("PHPSESSID=x; Secure; SameSite=Laks"), Severity::Medium);
        check("cookie-samesite-invalid", with("lang=x; Secure; SameSite=1"), Severity::Low);
        check("cookie-samesite-none-insecure", with("a=x; SameSite=None"), Severity::Medium);
        check("cookie-prefix", with("__Host-a=x; Secure; Path=/x"), Severity::Medium);
        check("cookie-no-prefix", with("PHPSESSID=x; Secure; HttpOnly; SameSite=Lax"), Severity::Info);
    }

    #[test]
    fn good_cookies_are_left_alone() {
        for rule in RULES {
            check_silent(rule.id, with("__Host-PHPSESSID=x; Path=/; Secure; HttpOnly; SameSite=Lax"));
            check_silent(rule.id, with("lang=nl; Secure"));
            check_silent(rule.id, with("form_key=x; Secure; SameSite=Strict"));
            check_silent(rule.id, |e| e.web.cookies.clear());
        }
    }
}
