//! Rules about the way to the shop: redirects to https, HSTS, compression, and what headers tell about software.

use std::collections::BTreeSet;

use super::shared::{A, E, EDA, NONE, say};
use super::web_shared::{every, header, host_of, https_pages, name_of, pages, short, values};
use crate::facts::{Evidence, Hop, HttpState, Redirects};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::web::headers::version_banners;
use crate::web::hsts::{self, Hsts, HstsState, SIX_MONTHS_SECONDS, YEAR_SECONDS};

const REDIRECT: [(Platform, Snippet); 7] = every([
    Snippet::Lines("server { listen 80; listen [::]:80; return 308 https://$host$request_uri; }"),
    Snippet::Lines("<VirtualHost *:80>\n  Redirect permanent / https://winkel.example/\n</VirtualHost>"),
    say(
        "Caddy stuurt vanzelf door; haal `auto_https off` en adressen met http:// weg.",
        "Caddy redirects by itself; remove `auto_https off` and addresses with http://.",
    ),
    say(
        "Zet bij Instellingen › Algemeen beide adressen op https://, en laat de server alles van http doorsturen.",
        "Under Settings › General set both addresses to https://, and let the server redirect all of http.",
    ),
    say(
        "Stores › Configuration › Web: zet Base URL (ook Secure) op https:// en ‘Use Secure URLs’ op Yes.",
        "Stores › Configuration › Web: set Base URL (also Secure) to https:// and ‘Use Secure URLs’ to Yes.",
    ),
    say(
        "Winkelinstellingen › Algemeen: zet ‘SSL inschakelen’ en ‘SSL op alle pagina's’ aan.",
        "Shop Parameters › General: switch on ‘Enable SSL’ and ‘Enable SSL on all pages’.",
    ),
    say(
        "Vraag de klantenservice: “Stuurt u elk http-adres van mijn winkel meteen door naar https op dezelfde naam?”",
        "Ask support: “Do you redirect every http address of my shop straight to https on the same name?”",
    ),
]);
const HSTS: [(Platform, Snippet); 7] = header(
    "add_header Strict-Transport-Security \"max-age=31536000; includeSubDomains\" always;",
    "Header always set Strict-Transport-Security \"max-age=31536000; includeSubDomains\"",
    "header Strict-Transport-Security \"max-age=31536000; includeSubDomains\"",
    Words::new(
        "Vraag: “Zet HSTS aan voor mijn domein, met een looptijd van een jaar.”",
        "Ask: “Switch on HSTS for my domain, with a lifetime of one year.”",
    ),
);
const HSTS_WHY: Words = Words::new(
    "Zonder HSTS probeert een browser soms nog http. Wie op dezelfde wifi zit, kan uw klant dan op een nagemaakte, \
     onversleutelde winkel houden en alles meelezen.",
    "Without HSTS a browser sometimes still tries http. Somebody on the same wifi can then keep your customer on a \
     copied, unencrypted shop and read everything.",
);
const HSTS_FIX: Words = Words::new(
    "Stuur bij elk https-antwoord één keer `Strict-Transport-Security: max-age=31536000; includeSubDomains`. Begin \
     met een korte tijd en controleer eerst of elk subdomein https heeft.",
    "Send `Strict-Transport-Security: max-age=31536000; includeSubDomains` once with every https answer. Begin with a \
     short time, and check first that every subdomain has https.",
);
const BANNER: [(Platform, Snippet); 7] = header(
    "server_tokens off;\nproxy_hide_header X-Powered-By; fastcgi_hide_header X-Powered-By;",
    "ServerTokens Prod\nHeader always unset X-Powered-By",
    "header -Server\nheader -X-Powered-By",
    Words::new(
        "Dit regelt het platform; vraag: “Kunt u versienummers uit de headers van de antwoorden halen?”",
        "The platform does this; ask: “Can you remove version numbers from the response headers?”",
    ),
);

/// A rule about HSTS, which differ in little.
const fn hsts_rule(
    id: &'static str,
    severity: Severity,
    source: &'static str,
    title: Words,
    judge: fn(&Evidence, &mut Notes),
) -> Rule {
    Rule {
        id,
        protections: EDA,
        severity,
        part: Part::Web,
        source,
        title,
        why: HSTS_WHY,
        fix: HSTS_FIX,
        snippets: &HSTS,
        judge,
    }
}

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "no-redirect",
        protections: EDA,
        severity: Severity::High,
        part: Part::Web,
        source: "NCSC-NL webrichtlijn U/WA.05; internet.nl https-redirect; Observatory redirection",
        title: Words::new(
            "De winkel is ook zonder versleuteling te bezoeken",
            "The shop can be visited without encryption",
        ),
        why: Words::new(
            "Wie het adres intikt of een oude link volgt, krijgt de winkel over http. Iedereen op de weg ertussen kan \
             meelezen en de pagina veranderen, ook het rekeningnummer waarop klanten betalen.",
            "Who types the address or follows an old link gets the shop over http. Anybody on the way can read along \
             and change the page, also the account that customers pay to.",
        ),
        fix: Words::new(
            "Stuur elk http-adres door (308 of 301) naar https op dezelfde naam, en serveer over http niets anders.",
            "Redirect every http address (308 or 301) to https on the same name, and serve nothing else over http.",
        ),
        snippets: &REDIRECT,
        judge: no_redirect,
    },
    Rule {
        id: "redirect-http-first",
        protections: EDA,
        severity: Severity::Medium,
        part: Part::Web,
        source: "Observatory redirection-not-to-https-on-initial-redirection; internet.nl https-redirect",
        title: Words::new("De eerste doorverwijzing blijft op http", "The first redirect stays on http"),
        why: Words::new(
            "Uw klant komt wel op https uit, maar pas na een tweede onversleuteld antwoord. Elk zo'n antwoord is een \
             kans om hem naar een valse winkel te sturen, en HSTS van de eerste naam werkt dan niet.",
            "Your customer does end on https, but only after a second unencrypted answer. Each of them is a chance to \
             send them to a false shop, and HSTS of the first name does not work.",
        ),
        fix: Words::new(
            "Laat het eerste http-antwoord meteen naar https op dezelfde naam gaan; wissel daarna pas van naam.",
            "Let the first http answer go straight to https on the same name; change the name only after that.",
        ),
        snippets: &REDIRECT,
        judge: |evidence, notes| {
            for (way, first) in open_http(evidence) {
                let stays = first.location.as_deref().is_some_and(|to| to.starts_with("http://"));
                if stays && last(way).is_some_and(|hop| hop.url.starts_with("https://")) {
                    notes.seen(
                        &first.url,
                        format!("{} → {}", first.status, first.location.as_deref().unwrap_or_default()),
                    );
                }
            }
        },
    },
    Rule {
        id: "redirect-offhost",
        protections: EDA,
        severity: Severity::Low,
        part: Part::Web,
        source: "RFC 6797 §7.2; hstspreload.org; Observatory redirection-off-host-from-http",
        title: Words::new(
            "http stuurt naar https op een andere naam",
            "http redirects to https on another name",
        ),
        why: Words::new(
            "De browser leert zo nooit dat de naam die de klant intikte alleen over https mag. De volgende keer begint \
             het bezoek weer onversleuteld.",
            "The browser never learns that the name the customer typed is for https only. The next visit begins \
             unencrypted again.",
        ),
        fix: Words::new(
            "Stuur eerst naar https op dezelfde naam (met HSTS), en pas vandaar naar de andere naam.",
            "Redirect to https on the same name first (with HSTS), and from there to the other name.",
        ),
        snippets: &REDIRECT,
        judge: |evidence, notes| {
            for (_, first) in open_http(evidence) {
                let Some(to) = first.location.as_deref().filter(|to| to.starts_with("https://")) else {
                    continue;
                };
                if name_of(to) != name_of(&first.url) {
                    notes.seen(&first.url, format!("{} → {to}", first.status));
                }
            }
        },
    },
    Rule {
        id: "redirect-temporary",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Web,
        source: "RFC 9110 §15.4",
        title: Words::new(
            "Naar https gaat een tijdelijke doorverwijzing",
            "The redirect to https is a temporary one",
        ),
        why: Words::new(
            "Browsers en zoekmachines onthouden een tijdelijke doorverwijzing niet en vragen steeds opnieuw over http.",
            "Browsers and search engines do not remember a temporary redirect and ask over http again and again.",
        ),
        fix: Words::new(
            "Gebruik 308 of 301 in plaats van 302 of 307.",
            "Use 308 or 301 instead of 302 or 307.",
        ),
        snippets: &REDIRECT,
        judge: |evidence, notes| {
            for (_, first) in open_http(evidence) {
                let to = first.location.as_deref().filter(|to| to.starts_with("https://"));
                if let Some(to) = to.filter(|_| matches!(first.status, 302 | 303 | 307)) {
                    notes.seen(&first.url, format!("{} → {to}", first.status));
                }
            }
        },
    },
    Rule {
        id: "redirect-endless",
        protections: A,
        severity: Severity::Medium,
        part: Part::Web,
        source: "RFC 9110 §15.4",
        title: Words::new(
            "De doorverwijzing gaat rond en komt nergens uit",
            "The redirect goes round and leads nowhere",
        ),
        why: Words::new(
            "Klanten zien een foutmelding in plaats van de winkel.",
            "Customers see an error instead of the shop.",
        ),
        fix: Words::new(
            "Kies één adres voor de winkel en laat alle andere daar in één stap naartoe gaan; kijk ook naar de stand \
             ‘Flexible’ van een proxy zoals Cloudflare.",
            "Choose one address for the shop and let all others go there in one step; look at the ‘Flexible’ mode of a \
             proxy such as Cloudflare too.",
        ),
        snippets: &[],
        judge: |evidence, notes| {
            for way in evidence.web.redirects.iter().filter(|way| way.is_endless) {
                notes.seen(&way.from, format!("{}×", way.hops.len()));
            }
        },
    },
    Rule {
        id: "no-page",
        protections: A,
        severity: Severity::High,
        part: Part::Web,
        source: "RFC 9112 §3 and §5; RFC 9110 §15",
        title: Words::new(
            "De winkel geeft over https geen leesbare pagina",
            "The shop gives no readable page over https",
        ),
        why: Words::new(
            "Klanten zien een foutmelding in plaats van de winkel, en wat er op de pagina's mis is, blijft onbekend.",
            "Customers see an error instead of the shop, and what is wrong on its pages stays unknown.",
        ),
        fix: Words::new(
            "Open de winkel in een browser en kijk in het logboek van de webserver wat er misgaat.",
            "Open the shop in a browser and look in the web server's log for what goes wrong.",
        ),
        snippets: &[],
        judge: |evidence, notes| {
            if let Some(error) = &evidence.web.home_error {
                notes.seen(format!("https://{}/", evidence.target.host), error.clone());
            }
        },
    },
    Rule {
        id: "redirect-downgrade",
        protections: EDA,
        severity: Severity::High,
        part: Part::Web,
        source: "Observatory redirection; RFC 6797 §2.3.1",
        title: Words::new(
            "Een https-adres stuurt terug naar http",
            "An https address redirects back to http",
        ),
        why: Words::new(
            "De klant zat veilig en wordt eruit gehaald: wat hij daarna invult, gaat onversleuteld over de lijn.",
            "The customer was safe and is taken out of it: what they fill in next goes over the line unencrypted.",
        ),
        fix: Words::new(
            "Zoek het http-adres in de instellingen van de winkel en in herschrijfregels, en maak er https van.",
            "Find the http address in the shop's settings and rewrite rules, and make it https.",
        ),
        snippets: &REDIRECT,
        judge: |evidence, notes| {
            for hop in all_hops(evidence).filter(|hop| hop.url.starts_with("https://")) {
                if let Some(to) = hop.location.as_deref().filter(|to| to.starts_with("http://")) {
                    notes.seen(&hop.url, format!("{} → {to}", hop.status));
                }
            }
        },
    },
    Rule {
        id: "redirect-bad-certificate",
        protections: A,
        severity: Severity::High,
        part: Part::Web,
        source: "Observatory redirection-invalid-cert; hstspreload.org",
        title: Words::new(
            "Een naam onderweg heeft geen goed certificaat",
            "A name on the way has no good certificate",
        ),
        why: Words::new(
            "Wie via die naam komt, bijvoorbeeld met of zonder www, ziet een waarschuwing in plaats van de winkel.",
            "Who comes by that name, for instance with or without www, sees a warning instead of the shop.",
        ),
        fix: Words::new("Zet die naam ook op het certificaat.", "Put that name on the certificate too."),
        snippets: &[],
        judge: |evidence, notes| {
            for hop in evidence.web.redirects.iter().flat_map(|way| &way.hops) {
                if hop.is_certificate_good == Some(false) && name_of(&hop.url) != evidence.target.host {
                    notes.seen(&hop.url, "certificate");
                }
            }
        },
    },
    hsts_rule(
        "hsts-missing",
        Severity::High,
        "RFC 6797 §7.1; NCSC-NL webrichtlijn U/WA.05; Observatory strict-transport-security",
        Words::new("HSTS ontbreekt", "HSTS is missing"),
        |evidence, notes| {
            hsts(evidence, notes, |read| (read.state == HstsState::Missing).then(|| "-".to_owned()))
        },
    ),
    hsts_rule(
        "hsts-invalid",
        Severity::High,
        "RFC 6797 §6.1",
        Words::new(
            "De HSTS-header is onleesbaar en telt niet",
            "The HSTS header cannot be read and does not count",
        ),
        |evidence, notes| hsts_raw(evidence, notes, |read| read.state == HstsState::Invalid),
    ),
    hsts_rule(
        "hsts-off",
        Severity::High,
        "RFC 6797 §6.1.1; hstspreload.org max_age.zero",
        Words::new("HSTS staat uit: max-age=0", "HSTS is switched off: max-age=0"),
        |evidence, notes| hsts_raw(evidence, notes, |read| read.state == HstsState::Off),
    ),
    hsts_rule(
        "hsts-short",
        Severity::Medium,
        "internet.nl https-hsts (31536000 s); Observatory (15552000 s)",
        Words::new("HSTS geldt korter dan een jaar", "HSTS lasts less than a year"),
        |evidence, notes| {
            for (hop, read) in hsts_hops(evidence).filter(|(_, read)| read.state == HstsState::On) {
                if read.max_age_seconds < YEAR_SECONDS {
                    let is_half = read.max_age_seconds >= SIX_MONTHS_SECONDS;
                    let severity = if is_half { Severity::Low } else { Severity::Medium };
                    notes.seen_as(severity, &hop.url, format!("max-age={}", read.max_age_seconds));
                }
            }
        },
    ),
    hsts_rule(
        "hsts-duplicate",
        Severity::Low,
        "RFC 6797 §7.1, §8.1; hstspreload.org",
        Words::new("HSTS wordt twee keer gestuurd", "HSTS is sent twice"),
        |evidence, notes| hsts_raw(evidence, notes, |read| read.is_set_twice),
    ),
    hsts_rule(
        "hsts-no-subdomains",
        Severity::Info,
        "RFC 6797 §6.1.2",
        Words::new("HSTS geldt niet voor subdomeinen", "HSTS does not hold for subdomains"),
        |evidence, notes| {
            hsts_raw(evidence, notes, |read| read.state == HstsState::On && !read.include_subdomains);
        },
    ),
    hsts_rule(
        "hsts-over-http",
        Severity::Info,
        "RFC 6797 §7.2",
        Words::new(
            "HSTS wordt ook over http gestuurd, waar browsers het negeren",
            "HSTS is also sent over http, where browsers ignore it",
        ),
        |evidence, notes| {
            for hop in all_hops(evidence).filter(|hop| hop.url.starts_with("http://")) {
                if let Some(value) = hop.header("strict-transport-security").next() {
                    notes.seen(&hop.url, short(value));
                }
            }
        },
    ),
    Rule {
        id: "version-banner",
        protections: E,
        severity: Severity::Low,
        part: Part::Web,
        source: "OWASP Secure Headers Project; NCSC-NL webrichtlijn U/PW.03",
        title: Words::new(
            "De server vertelt welke versies er draaien",
            "The server tells which versions run",
        ),
        why: Words::new(
            "Bij een nieuw lek zoeken aanvallers automatisch naar precies die versie. Zonder nummer staat uw winkel \
             niet bovenaan hun lijst.",
            "When a new hole is known, attackers automatically look for exactly that version. Without a number your \
             shop is not at the top of their list.",
        ),
        fix: Words::new(
            "Haal versienummers uit de headers van de antwoorden.",
            "Remove version numbers from the response headers.",
        ),
        snippets: &BANNER,
        judge: |evidence, notes| {
            let mut told = BTreeSet::new();
            for hop in all_hops(evidence) {
                for (name, value) in version_banners(&hop.headers) {
                    if told.insert((host_of(&hop.url), name, value)) {
                        notes.seen(&hop.url, format!("{name}: {}", short(value)));
                    }
                }
            }
        },
    },
    Rule {
        id: "http-compression",
        protections: E,
        severity: Severity::Info,
        part: Part::Web,
        source: "NCSC-NL TLS 2025-05 §3.4.1; BREACH",
        title: Words::new("Pagina's worden gecomprimeerd verstuurd", "Pages are sent compressed"),
        why: Words::new(
            "Uit de lengte van gecomprimeerde pagina's kan een aanvaller met veel pogingen een geheim op de pagina \
             raden, als hij zelf tekst op dezelfde pagina kan krijgen. Het is lastig, maar het kan.",
            "From the length of compressed pages an attacker can guess a secret in the page with many tries, when they \
             get text of their own into the same page. It is hard, but it can be done.",
        ),
        fix: Words::new(
            "Zet compressie uit voor pagina's waar een geheim of gegevens van de klant op staan (account, afrekenen), \
             of verander het geheim bij elk antwoord. Plaatjes, stijlen en scripts mogen gecomprimeerd blijven.",
            "Switch compression off for pages with a secret or data of the customer (account, checkout), or change the \
             secret with every answer. Images, styles and scripts may stay compressed.",
        ),
        snippets: &[
            (Platform::Nginx, Snippet::Lines("location ~ ^/(account|checkout) { gzip off; }")),
            (Platform::Apache, Snippet::Lines("SetEnvIf Request_URI \"^/(account|checkout)\" no-gzip")),
        ],
        judge: |evidence, notes| {
            for (page, hop) in https_pages(evidence) {
                if let Some(encoding) = page.encoding.as_deref().filter(|e| !e.is_empty() && *e != "identity")
                {
                    let severity = if page.has_secret_in_body { Severity::Low } else { Severity::Info };
                    notes.seen_as(severity, &hop.url, encoding);
                }
            }
        },
    },
    Rule {
        id: "h3-missing",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Web,
        source: "RFC 9114; RFC 7838",
        title: Words::new("HTTP/3 wordt niet aangeboden", "HTTP/3 is not offered"),
        why: Words::new(
            "HTTP/3 versleutelt meer van de verbinding en is sneller op mobiele netwerken. Het hoeft niet.",
            "HTTP/3 encrypts more of the connection and is faster on mobile networks. It is optional.",
        ),
        fix: Words::new(
            "Zet HTTP/3 aan als uw webserver het kan.",
            "Switch on HTTP/3 when your web server can do it.",
        ),
        snippets: &[
            (
                Platform::Nginx,
                Snippet::Lines(
                    "listen 443 quic reuseport;\nadd_header Alt-Svc 'h3=\":443\"; ma=86400' always;",
                ),
            ),
            (
                Platform::Caddy,
                say(
                    "Caddy biedt HTTP/3 vanzelf aan; open UDP-poort 443.",
                    "Caddy offers HTTP/3 by itself; open UDP port 443.",
                ),
            ),
        ],
        judge: |evidence, notes| {
            let Some((_, hop)) = https_pages(evidence).next() else { return };
            let is_offered = hop.header("alt-svc").any(|value| value.contains("h3"))
                || evidence.dns.https_alpn.iter().any(|alpn| alpn.starts_with("h3"));
            if !is_offered {
                notes.seen(&hop.url, "Alt-Svc: -");
            }
        },
    },
];

fn no_redirect(evidence: &Evidence, notes: &mut Notes) {
    for (way, _) in open_http(evidence) {
        let Some(hop) = last(way).filter(|hop| hop.url.starts_with("http://") && !way.is_endless) else {
            continue;
        };
        // An error page over http shows no shop, but the visitor does not get to https either.
        let severity = if hop.status < 400 { Severity::High } else { Severity::Medium };
        notes.seen_as(severity, &hop.url, hop.status.to_string());
    }
    for (_, hop) in pages(evidence).filter(|(_, hop)| hop.url.starts_with("http://") && hop.status < 400) {
        notes.seen_as(Severity::High, &hop.url, hop.status.to_string());
    }
}

/// Ways that begin on http and were answered, with their first answer.
fn open_http(evidence: &Evidence) -> impl Iterator<Item = (&Redirects, &Hop)> {
    let ways = evidence.web.redirects.iter();
    ways.filter(|way| way.from.starts_with("http://") && way.state == HttpState::Open)
        .filter_map(|way| way.hops.first().map(|first| (way, first)))
}

fn last(way: &Redirects) -> Option<&Hop> {
    way.hops.last()
}

fn all_hops(evidence: &Evidence) -> impl Iterator<Item = &Hop> {
    let ways = evidence.web.redirects.iter().flat_map(|way| &way.hops);
    ways.chain(evidence.web.pages.iter().flat_map(|page| &page.hops))
}

/// First https answers of every way and of the front page, each URL once, when browsers would heed HSTS there: not for
/// addresses (RFC 6797 §8.1.1), not under a bad certificate of another name. A bad certificate of the shop itself will be
/// mended, and then the header matters.
fn hsts_hops(evidence: &Evidence) -> impl Iterator<Item = (&Hop, Hsts)> {
    let ways = evidence.web.redirects.iter().map(|way| &way.hops);
    let front = evidence.web.pages.iter().take(1).map(|page| &page.hops);
    let mut seen = BTreeSet::new();
    ways.chain(front)
        .filter_map(|hops| hops.iter().find(|hop| hop.url.starts_with("https://")))
        .filter(|hop| {
            let name = name_of(&hop.url);
            !is_address(name) && (hop.is_certificate_good != Some(false) || name == evidence.target.host)
        })
        .filter(move |hop| seen.insert(hop.url.as_str()))
        .map(|hop| (hop, hsts::parse(&values(hop, "strict-transport-security"))))
}

fn is_address(name: &str) -> bool {
    name.starts_with('[') || name.parse::<core::net::IpAddr>().is_ok()
}

fn hsts(evidence: &Evidence, notes: &mut Notes, look: impl Fn(&Hsts) -> Option<String>) {
    for (hop, read) in hsts_hops(evidence) {
        if let Some(seen) = look(&read) {
            notes.seen(&hop.url, seen);
        }
    }
}

/// Notes the header itself where `is` holds.
fn hsts_raw(evidence: &Evidence, notes: &mut Notes, is: impl Fn(&Hsts) -> bool) {
    for (hop, _) in hsts_hops(evidence).filter(|(_, read)| is(read)) {
        notes.seen(&hop.url, short(&values(hop, "strict-transport-security").join(" | ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{self, check, check_silent};

    fn set(hops: &mut [Hop], name: &str, value: Option<&str>) {
        for hop in hops.iter_mut().filter(|hop| hop.url.starts_with("https://")) {
            hop.headers.retain(|h| h.name != name);
            hop.headers.extend(value.map(|value| testing::header(name, value)));
        }
    }

    fn set_hsts(evidence: &mut Evidence, value: Option<&str>) {
        for way in &mut evidence.web.redirects {
            set(&mut way.hops, "strict-transport-security", value);
        }
        set(&mut evidence.web.pages[0].hops, "strict-transport-security", value);
    }

    #[test]
    fn redirects_are_judged() {
        let stay = |status| {
            move |evidence: &mut Evidence| {
                let way = &mut evidence.web.redirects[0];
                way.hops.truncate(1);
                way.hops[0].location = None;
                way.hops[0].status = status;
            }
        };
        check("no-redirect", stay(200), Severity::High);
        check("no-redirect", stay(404), Severity::Medium);
        check(
            "no-redirect",
            |e| e.web.pages[1].hops[0].url = "http://winkel.example/p".to_owned(),
            Severity::High,
        );
        check_silent("no-redirect", |e| e.web.redirects[0].state = HttpState::Closed);
        check(
            "redirect-http-first",
            |e| e.web.redirects[0].hops[0].location = Some("http://www.winkel.example/".to_owned()),
            Severity::Medium,
        );
        check(
            "redirect-offhost",
            |e| e.web.redirects[0].hops[0].location = Some("https://www.winkel.example/".to_owned()),
            Severity::Low,
        );
        check_silent("redirect-offhost", |e| {
            e.web.redirects[0].hops[0].location = Some("https://winkel.example:8443/".to_owned())
        });
        check("redirect-temporary", |e| e.web.redirects[0].hops[0].status = 302, Severity::Info);
        check("no-page", |e| e.web.home_error = Some("the answer is not HTTP".into()), Severity::High);
        check("redirect-endless", |e| e.web.redirects[0].is_endless = true, Severity::Medium);
        check(
            "redirect-downgrade",
            |e| e.web.pages[0].hops[0].location = Some("http://winkel.example/".to_owned()),
            Severity::High,
        );
        let bad = |index: usize| {
            move |e: &mut Evidence| e.web.redirects[index].hops[1].is_certificate_good = Some(false)
        };
        check("redirect-bad-certificate", bad(1), Severity::High);
        check_silent("redirect-bad-certificate", bad(0));
    }

    #[test]
    fn hsts_is_judged() {
        let with = |value: Option<&'static str>| move |e: &mut Evidence| set_hsts(e, value);
        check("hsts-missing", with(None), Severity::High);
        check("hsts-invalid", with(Some("max-age")), Severity::High);
        check("hsts-off", with(Some("max-age=0")), Severity::High);
        check("hsts-short", with(Some("max-age=300")), Severity::Medium);
        check("hsts-short", with(Some("max-age=15552000")), Severity::Low);
        check("hsts-duplicate", with(Some("max-age=31536000, max-age=31536000")), Severity::Low);
        check("hsts-no-subdomains", with(Some("max-age=31536000")), Severity::Info);
        check(
            "hsts-over-http",
            |e| {
                e.web.redirects[0].hops[0]
                    .headers
                    .push(testing::header("strict-transport-security", "max-age=1"))
            },
            Severity::Info,
        );
        for id in
            ["hsts-missing", "hsts-invalid", "hsts-off", "hsts-short", "hsts-duplicate", "hsts-over-http"]
        {
            check_silent(id, with(Some("max-age=\"31536000\"")));
        }
        check_silent("hsts-short", with(Some("max-age=0")));
        check_silent("hsts-missing", |e| {
            set_hsts(e, None);
            e.web.redirects.clear();
            e.web.pages[0].hops[0].url = "https://192.0.2.10/".to_owned();
        });
    }

    #[test]
    fn banners_compression_and_h3() {
        check(
            "version-banner",
            |e| e.web.pages[0].hops[0].headers.push(testing::header("server", "nginx/1.18.0")),
            Severity::Low,
        );
        check_silent("version-banner", |e| {
            e.web.pages[0].hops[0].headers.push(testing::header("server", "nginx"))
        });
        check("http-compression", |e| e.web.pages[0].encoding = Some("gzip".to_owned()), Severity::Info);
        check(
            "http-compression",
            |e| {
                e.web.pages[2].encoding = Some("br".to_owned());
                e.web.pages[2].has_secret_in_body = true;
            },
            Severity::Low,
        );
        check_silent("http-compression", |e| e.web.pages[0].encoding = Some("identity".to_owned()));
        check("h3-missing", |e| e.dns.https_alpn.clear(), Severity::Info);
        check_silent("h3-missing", |e| e.dns.https_alpn = vec!["h3".to_owned()]);
    }
}
