//! Rules about forms and personal data in addresses.

use std::collections::BTreeSet;

use super::shared::{A, E, ED, EDA, say};
use super::web_shared::{host_of, in_shop, pages};
use crate::facts::{Evidence, FormFacts};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};

const FORMS: [(Platform, Snippet); 7] = in_shop(
    say(
        "Zet in de HTML van de pagina: `<form method=\"post\" action=\"https://winkel.example/…\">`.",
        "Put into the page's HTML: `<form method=\"post\" action=\"https://shop.example/…\">`.",
    ),
    Words::new(
        "Zet beide siteadressen op https:// en kijk in thema en formulierplug-in naar een vast http-adres.",
        "Set both site addresses to https:// and look in theme and form plug-in for a fixed http address.",
    ),
    Words::new(
        "Zet ‘Use Secure URLs on Storefront’ aan en kijk in eigen templates naar een vast http-adres.",
        "Switch on ‘Use Secure URLs on Storefront’ and look in your own templates for a fixed http address.",
    ),
    Words::new(
        "Zet SSL op alle pagina's aan en kijk in eigen templates naar een vast http-adres.",
        "Enable SSL on all pages and look in your own templates for a fixed http address.",
    ),
    Words::new(
        "Vraag: “Waarom verstuurt dit formulier niet over https, met POST?”",
        "Ask: “Why is this form not sent over https, with POST?”",
    ),
);
const READ_ALONG: Words = Words::new(
    "Wat uw klant invult, gaat leesbaar over de lijn: op een open wifi leest iedereen wachtwoord, adres of kaartnummer \
     mee, en kan het onderweg veranderen.",
    "What your customer fills in goes over the line readable: on an open wifi anybody reads password, address or card \
     number, and can change it on the way.",
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "form-http",
        protections: ED,
        severity: Severity::High,
        part: Part::Web,
        source: "W3C Mixed Content §5; BadSSL mixed-form; GDPR art. 32",
        title: Words::new("Een formulier wordt over http verstuurd", "A form is sent over http"),
        why: READ_ALONG,
        fix: Words::new(
            "Laat het formulier naar een https-adres gaan.",
            "Let the form go to an https address.",
        ),
        snippets: &FORMS,
        judge: |evidence, notes| {
            each_form(evidence, notes, |form| {
                form.action.starts_with("http://").then(|| (critical_or_high(form), form.action.clone()))
            });
        },
    },
    Rule {
        id: "form-formaction",
        protections: ED,
        severity: Severity::High,
        part: Part::Web,
        source: "HTML §4.10.19.6; W3C Mixed Content §5",
        title: Words::new("Een knop verstuurt het formulier over http", "A button sends the form over http"),
        why: READ_ALONG,
        fix: Words::new(
            "Maak van het `formaction` van de knop een https-adres.",
            "Make the button's `formaction` an https address.",
        ),
        snippets: &FORMS,
        judge: |evidence, notes| {
            each_form(evidence, notes, |form| {
                let plain = form.formactions.iter().find(|to| to.starts_with("http://"));
                plain.map(|to| (critical_or_high(form), format!("formaction {to}")))
            });
        },
    },
    Rule {
        id: "login-over-http",
        protections: EDA,
        severity: Severity::Critical,
        part: Part::Web,
        source: "BadSSL http-password, http-credit-card; GDPR art. 32",
        title: Words::new(
            "Een pagina met persoonlijke velden werkt ook over http",
            "A page with personal fields also works over http",
        ),
        why: Words::new(
            "Wie op dezelfde wifi zit, houdt uw klant op de http-versie en leest mee wat hij invult. Het formulier zelf \
             kan dan ook vervalst zijn.",
            "Somebody on the same wifi keeps your customer on the http version and reads what they fill in. The form \
             itself may be forged then, too.",
        ),
        fix: Words::new(
            "Stuur deze pagina over http altijd door naar https, en zet HSTS aan.",
            "Always redirect this page from http to https, and switch on HSTS.",
        ),
        snippets: &FORMS,
        judge: |evidence, notes| {
            for (page, hop) in pages(evidence).filter(|(page, _)| page.is_served_over_http == Some(true)) {
                let kinds: BTreeSet<&str> = page.forms.iter().flat_map(personal).collect();
                if !kinds.is_empty() {
                    let kinds: Vec<&str> = kinds.into_iter().collect();
                    notes.seen(hop.url.replacen("https://", "http://", 1), kinds.join(", "));
                }
            }
        },
    },
    Rule {
        id: "form-get-personal",
        protections: E,
        severity: Severity::High,
        part: Part::Web,
        source: "GDPR art. 5(1)(c) and (f), 32; OWASP ASVS 8.3.1",
        title: Words::new(
            "Een formulier zet persoonlijke gegevens in het webadres",
            "A form puts personal data into the web address",
        ),
        why: Words::new(
            "Webadressen blijven staan in de geschiedenis van de browser, in de logboeken van uw server en bij elke \
             dienst op de volgende pagina.",
            "Web addresses stay in the browser's history, in your server's logs and with every service on the next page.",
        ),
        fix: Words::new(
            "Verstuur dit formulier met `method=\"post\"`.",
            "Send this form with `method=\"post\"`.",
        ),
        snippets: &FORMS,
        judge: |evidence, notes| {
            each_form(evidence, notes, |form| {
                let kinds: BTreeSet<&str> = personal(form).collect();
                if form.method != "get" || kinds.is_empty() || form.action.is_empty() {
                    return None;
                }
                let kinds: Vec<&str> = kinds.into_iter().collect();
                Some((Severity::High, format!("get {}: {}", form.action, kinds.join(", "))))
            });
        },
    },
    Rule {
        id: "pii-in-url",
        protections: E,
        severity: Severity::High,
        part: Part::Web,
        source: "GDPR art. 5(1)(c) and (f), 25, 32",
        title: Words::new(
            "Persoonlijke gegevens staan in webadressen van de winkel",
            "Personal data stands in web addresses of the shop",
        ),
        why: Words::new(
            "Een webadres met een e-mailadres of telefoonnummer erin belandt in de geschiedenis, in logboeken en bij \
             elke dienst die de pagina laadt.",
            "A web address with an e-mail address or phone number in it ends in histories, logs and with every service the \
             page loads.",
        ),
        fix: Words::new(
            "Verwijs naar klanten en bestellingen met een willekeurige code, en stuur gegevens in de inhoud (POST).",
            "Refer to customers and orders by a random code, and send data in the body (POST).",
        ),
        snippets: &[],
        judge: |evidence, notes| {
            for (page, hop) in pages(evidence) {
                if !page.personal_in_url.is_empty() {
                    notes.seen(&hop.url, page.personal_in_url.join(", "));
                }
                for resource in page.resources.iter().filter(|r| !r.is_third_party && !r.personal.is_empty())
                {
                    notes.seen(&hop.url, format!("{}: {}", resource.personal.join(", "), resource.url));
                }
            }
        },
    },
    Rule {
        id: "form-third-party",
        protections: A,
        severity: Severity::Medium,
        part: Part::Web,
        source: "GDPR art. 13(1)(e), 28",
        title: Words::new(
            "Een formulier stuurt gegevens naar een ander bedrijf",
            "A form sends data to another company",
        ),
        why: Words::new(
            "Uw klant denkt het aan u te geven. U hebt met dat bedrijf een verwerkersovereenkomst nodig en moet het in \
             uw privacyverklaring noemen.",
            "Your customer thinks they give it to you. You need a processing agreement with that company and must name \
             it in your privacy statement.",
        ),
        fix: Words::new(
            "Controleer of u dit bedrijf kent en een verwerkersovereenkomst hebt; laat het formulier anders naar uw eigen \
             winkel gaan.",
            "Check that you know this company and have a processing agreement; otherwise let the form go to your own shop.",
        ),
        snippets: &[(
            Platform::Hosted,
            say(
                "Nieuwsbriefformulieren gaan vaak rechtstreeks naar Mailchimp of Klaviyo: leg dat vast in uw register.",
                "Newsletter forms often go straight to Mailchimp or Klaviyo: record that in your register.",
            ),
        )],
        judge: |evidence, notes| {
            each_form(evidence, notes, |form| {
                let kinds: BTreeSet<&str> = personal(form).collect();
                if !form.is_third_party || kinds.is_empty() {
                    return None;
                }
                let kinds: Vec<&str> = kinds.into_iter().collect();
                let targets: Vec<&str> =
                    std::iter::once(&form.action).chain(&form.formactions).map(|to| host_of(to)).collect();
                Some((Severity::Medium, format!("→ {}: {}", targets.join(", "), kinds.join(", "))))
            });
        },
    },
];

/// Kinds of personal data that a form asks.
fn personal(form: &FormFacts) -> impl Iterator<Item = &str> {
    form.fields.iter().filter_map(|field| field.personal.as_deref())
}

fn critical_or_high(form: &FormFacts) -> Severity {
    if personal(form).next().is_some() { Severity::Critical } else { Severity::High }
}

fn each_form(
    evidence: &Evidence,
    notes: &mut Notes,
    look: impl Fn(&FormFacts) -> Option<(Severity, String)>,
) {
    for (page, hop) in pages(evidence) {
        for (severity, seen) in page.forms.iter().filter_map(&look) {
            notes.seen_as(severity, &hop.url, seen);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::rules::testing::{check, check_seen, check_silent};
    use crate::web::{personal_in, read_page};

    fn with(html: &'static str) -> impl Fn(&mut Evidence) {
        move |evidence| {
            let page = &mut evidence.web.pages[2];
            let url = url::Url::parse(&page.hops[0].url).unwrap();
            read_page(html, &url, page);
        }
    }

    #[test]
    fn forms_are_judged() {
        check(
            "form-http",
            with("<form method=post action=http://winkel.example/l><input type=password></form>"),
            Severity::Critical,
        );
        check(
            "form-http",
            with("<form action=http://winkel.example/s><input name=q></form>"),
            Severity::High,
        );
        check(
            "form-formaction",
            with(
                "<form method=post><input type=email><button formaction=http://winkel.example/>x</button></form>",
            ),
            Severity::Critical,
        );
        check("form-get-personal", with("<form><input type=email></form>"), Severity::High);
        check(
            "form-third-party",
            with("<form method=post action=https://list.example/s><input type=email></form>"),
            Severity::Medium,
        );
        check_seen(
            "form-third-party",
            with("<form method=post action=https://list.example/s><input type=email></form>"),
            "→ list.example: email",
        );
        for html in [
            "<form method=post action=/l><input type=password><input type=email></form>",
            "<form><input name=q></form>",
            "<form action=https://search.example/><input name=q></form>",
            "<input type=email>",
            "<form method=dialog><input type=email></form>",
            "<form action='javascript:x()'><input type=email></form>",
        ] {
            for id in ["form-http", "form-formaction", "form-get-personal", "form-third-party"] {
                check_silent(id, with(html));
            }
        }
    }

    #[test]
    fn pages_over_http_are_judged() {
        let over_http = |html: &'static str, state: Option<bool>| {
            move |e: &mut Evidence| {
                with(html)(e);
                e.web.pages[2].is_served_over_http = state;
            }
        };
        let login = "<form method=post><input type=password></form>";
        check("login-over-http", over_http(login, Some(true)), Severity::Critical);
        check_seen(
            "login-over-http",
            over_http(login, Some(true)),
            "http://winkel.example/inloggen: password",
        );
        check_silent("login-over-http", over_http(login, Some(false)));
        check_silent("login-over-http", over_http(login, None));
        check_silent("login-over-http", over_http("<form><input name=q></form>", Some(true)));
    }

    #[test]
    fn personal_data_in_addresses_is_judged() {
        check(
            "pii-in-url",
            |e| {
                e.web.pages[1].personal_in_url = personal_in("https://winkel.example/?email=jan@mail.example")
            },
            Severity::High,
        );
        check("pii-in-url", with("<img src='/px?tel=0612345678'>"), Severity::High);
        check_silent("pii-in-url", with("<img src='/px?id=8712345678906'>"));
        check_silent("pii-in-url", with("<img src='https://px.example/?e=jan@mail.example'>"));
    }
}
