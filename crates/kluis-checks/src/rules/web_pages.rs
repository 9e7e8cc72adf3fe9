//! Rules about what pages load: scripts of others, mixed content, trackers.

use std::collections::{BTreeMap, BTreeSet};

use super::shared::{D, E, ED, NONE, say};
use super::web_shared::{
    every, high_or, host_of, https_pages, in_shop, is_sensitive, name_of, pages, policy,
};
use crate::facts::{Evidence, Page, PageKind, ResourceFacts, ResourceKind};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::web::trackers;

const SRI: [(Platform, Snippet); 7] = in_shop(
    say(
        "Zet in de HTML: `<script src=\"https://cdn.example/lib.js\" integrity=\"sha384-…\" crossorigin=\"anonymous\">`.",
        "Put into the HTML: `<script src=\"https://cdn.example/lib.js\" integrity=\"sha384-…\" crossorigin=\"anonymous\">`.",
    ),
    Words::new(
        "Zet het script als bestand in uw eigen thema, of voeg `integrity` toe met het filter script_loader_tag.",
        "Put the script as a file in your own theme, or add `integrity` with the filter script_loader_tag.",
    ),
    Words::new(
        "Magento 2.4.7 en nieuwer zet SRI zelf op betaalpagina's; zet scripts van anderen als bestand in het thema.",
        "Magento 2.4.7 and newer sets SRI on payment pages by itself; put scripts of others as a file in the theme.",
    ),
    Words::new(
        "Zet het script als bestand in het thema en laad het met registerJavascript.",
        "Put the script as a file in the theme and load it with registerJavascript.",
    ),
    Words::new(
        "Haal apps weg die u niet gebruikt; elke app laadt scripts van een ander.",
        "Remove apps that you do not use; each app loads scripts of somebody else.",
    ),
);
const MIXED: [(Platform, Snippet); 7] = every([
    Snippet::Lines("add_header Content-Security-Policy \"upgrade-insecure-requests\" always;"),
    Snippet::Lines("Header always set Content-Security-Policy \"upgrade-insecure-requests\""),
    Snippet::Lines("header Content-Security-Policy \"upgrade-insecure-requests\""),
    say(
        "Vervang http:// door https:// in de database, bijvoorbeeld met `wp search-replace 'http://winkel.example' \
         'https://winkel.example'`.",
        "Replace http:// by https:// in the database, for instance with `wp search-replace 'http://shop.example' \
         'https://shop.example'`.",
    ),
    say(
        "Zet Base URL, Static en Media op https://, leeg de cache, en zoek http:// in CMS-blokken.",
        "Set Base URL, Static and Media to https://, flush the cache, and look for http:// in CMS blocks.",
    ),
    say(
        "Zet SSL op alle pagina's aan en zoek http:// in thema en CMS-pagina's.",
        "Enable SSL on all pages and look for http:// in theme and CMS pages.",
    ),
    say(
        "Zoek http:// in uw eigen teksten, plaatjes en apps in het beheer.",
        "Look for http:// in your own texts, pictures and apps in the admin.",
    ),
]);
const TRACKERS: [(Platform, Snippet); 7] = in_shop(
    say(
        "Laad meetscripts pas nadat de bezoeker ja heeft gezegd, en nooit op inloggen en afrekenen.",
        "Load measuring scripts only after the visitor said yes, and never on login and checkout.",
    ),
    Words::new(
        "Laat een cookieplug-in (bijvoorbeeld Complianz of CookieYes) scripts tegenhouden tot er toestemming is.",
        "Let a cookie plug-in (for instance Complianz or CookieYes) hold scripts back until there is consent.",
    ),
    Words::new(
        "Zet ‘Cookie Restriction Mode’ aan en koppel de tagmanager aan de toestemming.",
        "Switch on ‘Cookie Restriction Mode’ and tie the tag manager to the consent.",
    ),
    Words::new(
        "Gebruik een toestemmingsmodule die scripts tegenhoudt, niet alleen een balk toont.",
        "Use a consent module that holds scripts back, not one that only shows a bar.",
    ),
    Words::new(
        "Shopify: Instellingen › Klantprivacy › cookiebanner, met ‘alleen na toestemming’. Lightspeed: zet de tracking-app \
         achter de cookiemelding.",
        "Shopify: Settings › Customer privacy › cookie banner, with ‘only after consent’. Lightspeed: put the tracking \
         app behind the cookie notice.",
    ),
);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "sri-missing",
        protections: D,
        severity: Severity::Medium,
        part: Part::Web,
        source: "W3C Subresource Integrity; Observatory subresource-integrity; PCI DSS 4.0.1 §6.4.3",
        title: Words::new(
            "Scripts van anderen worden niet gecontroleerd",
            "Scripts of others are not verified",
        ),
        why: Words::new(
            "Wordt de leverancier van zo'n script gehackt, dan draait de aanvaller meteen mee in uw winkel en leest hij \
             wat klanten invullen.",
            "When the supplier of such a script is hacked, the attacker runs in your shop at once and reads what \
             customers fill in.",
        ),
        fix: Words::new(
            "Zet het script op uw eigen server, of geef het een `integrity`-vingerafdruk. Laat op inloggen en afrekenen \
             alleen scripts toe die daar echt nodig zijn.",
            "Put the script on your own server, or give it an `integrity` fingerprint. On login and checkout allow only \
             scripts that are really needed there.",
        ),
        snippets: &SRI,
        judge: |evidence, notes| {
            let mut told = BTreeSet::new();
            for (page, hop) in https_pages(evidence) {
                let scripts =
                    foreign_scripts(page).filter(|r| r.integrity.is_none() && r.url.starts_with("https://"));
                let severity = if is_sensitive(page) { Severity::Medium } else { Severity::Low };
                for script in scripts.filter(|script| told.insert((severity, script.url.as_str()))) {
                    notes.seen_as(severity, &hop.url, &script.url);
                }
            }
        },
    },
    Rule {
        id: "script-protocol-relative",
        protections: D,
        severity: Severity::Low,
        part: Part::Web,
        source: "Observatory subresource-integrity",
        title: Words::new(
            "Een script wordt met `//` geladen in plaats van https://",
            "A script is loaded with `//` instead of https://",
        ),
        why: Words::new(
            "Wordt de pagina ooit over http bekeken of opgeslagen, dan komt ook het script onversleuteld.",
            "When the page is ever viewed over http or saved, the script comes unencrypted too.",
        ),
        fix: Words::new("Schrijf https:// voluit.", "Write https:// in full."),
        snippets: &[],
        judge: |evidence, notes| {
            for (page, hop) in https_pages(evidence) {
                for script in foreign_scripts(page).filter(|script| script.is_protocol_relative) {
                    notes.seen(&hop.url, &script.url);
                }
            }
        },
    },
    Rule {
        id: "mixed-active",
        protections: ED,
        severity: Severity::High,
        part: Part::Web,
        source: "W3C Mixed Content; NCSC-NL webrichtlijn U/WA.05",
        title: Words::new(
            "De pagina laadt scripts, stijlen of frames over http",
            "The page loads scripts, styles or frames over http",
        ),
        why: Words::new(
            "Wie onderweg zo'n bestand verandert, bestuurt de hele pagina, ook al staat er een slotje. Moderne browsers \
             blokkeren het, en dan is een stuk van uw winkel stuk.",
            "Who changes such a file on the way controls the whole page, lock or no lock. Modern browsers block it, and \
             then a piece of your shop is broken.",
        ),
        fix: Words::new("Laad alles over https.", "Load everything over https."),
        snippets: &MIXED,
        judge: |evidence, notes| {
            mixed(evidence, notes, Severity::High, |kind| kind.is_active() || kind == ResourceKind::Other)
        },
    },
    Rule {
        id: "mixed-passive",
        protections: ED,
        severity: Severity::Medium,
        part: Part::Web,
        source: "W3C Mixed Content; Observatory",
        title: Words::new(
            "De pagina laadt beeld of geluid over http",
            "The page loads images or sound over http",
        ),
        why: Words::new(
            "Meelezers zien aan de plaatjes wat uw klant bekijkt, kunnen ze vervangen, en het slotje verdwijnt.",
            "Listeners see from the pictures what your customer looks at, can replace them, and the lock disappears.",
        ),
        fix: Words::new("Laad alles over https.", "Load everything over https."),
        snippets: &MIXED,
        judge: |evidence, notes| {
            mixed(evidence, notes, Severity::Medium, |kind| {
                matches!(kind, ResourceKind::Image | ResourceKind::Media)
            });
        },
    },
    Rule {
        id: "tracker",
        protections: E,
        severity: Severity::Medium,
        part: Part::Web,
        source: "Telecommunicatiewet art. 11.7a; GDPR art. 6, 7",
        title: Words::new(
            "Volgdiensten laden voordat de klant iets kiest",
            "Trackers load before the customer chooses",
        ),
        why: Words::new(
            "Deze diensten zien wie uw klanten zijn en wat ze bekijken, zonder dat ze ja zeiden. Op inloggen en \
             afrekenen kunnen hun scripts bovendien alles meelezen.",
            "These services see who your customers are and what they look at, without their yes. On login and checkout \
             their scripts can read everything besides.",
        ),
        fix: Words::new(
            "Haal weg wat u niet gebruikt; laad de rest pas na toestemming, en niet op inloggen en afrekenen.",
            "Remove what you do not use; load the rest only after consent, and not on login and checkout.",
        ),
        snippets: &TRACKERS,
        judge: tracker,
    },
    Rule {
        id: "tracker-pii",
        protections: E,
        severity: Severity::Critical,
        part: Part::Web,
        source: "GDPR art. 5(1)(c) and (f), 28, 32",
        title: Words::new(
            "Gegevens van klanten gaan in een webadres naar anderen",
            "Customer data goes to others in a web address",
        ),
        why: Words::new(
            "Een e-mailadres of telefoonnummer in het webadres van een plaatje of script komt in de logboeken van een ander \
             bedrijf. Dat is een datalek dat u moet kunnen uitleggen.",
            "An e-mail address or phone number in the address of a picture or script ends in the logs of another company. \
             That is a data breach that you must be able to explain.",
        ),
        fix: Words::new(
            "Zoek de koppeling die dit webadres maakt en haal de gegevens eruit; ook versleuteld (hash) blijft het een \
             persoonsgegeven.",
            "Find the integration that makes this address and take the data out; hashed it still is personal data.",
        ),
        snippets: &TRACKERS,
        judge: |evidence, notes| {
            for (page, hop) in pages(evidence) {
                for resource in page.resources.iter().filter(|r| r.is_third_party && !r.personal.is_empty()) {
                    notes.seen(&hop.url, format!("{}: {}", resource.personal.join(", "), resource.url));
                }
            }
        },
    },
    Rule {
        id: "third-party",
        protections: NONE,
        severity: Severity::Info,
        part: Part::Web,
        source: "GDPR art. 13(1)(e), 28, 30",
        title: Words::new("Deze bedrijven zien uw bezoekers ook", "These companies see your visitors too"),
        why: Words::new(
            "Elk bedrijf waarvan uw pagina iets laadt, krijgt het IP-adres van uw klant. Ze horen in uw \
             verwerkersregister en privacyverklaring.",
            "Every company your page loads something from gets your customer's IP address. They belong in your register \
             of processors and privacy statement.",
        ),
        fix: Words::new(
            "Loop de lijst na: kent u elk bedrijf, hebt u er een overeenkomst mee, en is het nog nodig?",
            "Go through the list: do you know every company, do you have an agreement, and is it still needed?",
        ),
        snippets: &[],
        judge: |evidence, notes| {
            let mut hosts: BTreeMap<&str, (BTreeSet<PageKind>, BTreeSet<&'static str>)> = BTreeMap::new();
            for (page, _) in pages(evidence) {
                for resource in page.resources.iter().filter(|r| r.is_third_party) {
                    let (kinds, uses) = hosts.entry(host_of(&resource.url)).or_default();
                    kinds.insert(page.kind);
                    uses.insert(use_name(resource.kind));
                }
            }
            for (host, (kinds, uses)) in hosts {
                let kinds: Vec<&str> = kinds.into_iter().map(page_name).collect();
                let uses: Vec<&str> = uses.into_iter().collect();
                notes.seen(host, format!("{} ({})", uses.join(", "), kinds.join(", ")));
            }
        },
    },
];

/// Scripts of others that run, each as it stands in the page.
fn foreign_scripts(page: &Page) -> impl Iterator<Item = &ResourceFacts> {
    page.resources.iter().filter(|r| {
        let runs = r.place.starts_with("script") || r.place == "importmap";
        r.kind == ResourceKind::Script && r.is_third_party && runs
    })
}

/// Whether only a connection is opened, without loading anything.
fn is_hint(resource: &ResourceFacts) -> bool {
    resource.place.contains("preconnect") || resource.place.contains("dns-prefetch")
}

fn mixed(evidence: &Evidence, notes: &mut Notes, severity: Severity, is: impl Fn(ResourceKind) -> bool) {
    for (page, hop) in https_pages(evidence) {
        // The browser asks over https instead, so only old ones and saved pages suffer.
        let is_upgraded = policy(page, hop).upgrades_insecure();
        let severity = if is_upgraded { Severity::Low } else { severity };
        let resources =
            page.resources.iter().filter(|r| r.url.starts_with("http://") && is(r.kind) && !is_hint(r));
        for resource in resources {
            notes.seen_as(severity, &hop.url, format!("{}: {}", resource.place, resource.url));
        }
    }
}

fn tracker(evidence: &Evidence, notes: &mut Notes) {
    let mut told = BTreeSet::new();
    for (page, hop) in pages(evidence) {
        for resource in page.resources.iter().filter(|r| r.is_third_party && !is_hint(r)) {
            let Some(owner) = trackers::find(name_of(&resource.url)) else { continue };
            let reads_along = matches!(resource.kind, ResourceKind::Script);
            let severity = if reads_along { high_or(page, Severity::Medium) } else { Severity::Medium };
            if told.insert((hop.url.as_str(), owner)) {
                notes.seen_as(severity, &hop.url, format!("{owner}: {}", resource.url));
            }
        }
    }
}

fn use_name(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Script => "script",
        ResourceKind::Style => "style",
        ResourceKind::Frame => "frame",
        ResourceKind::Object => "object",
        ResourceKind::Font => "font",
        ResourceKind::Image => "image",
        ResourceKind::Media => "media",
        ResourceKind::Other => "other",
    }
}

fn page_name(kind: PageKind) -> &'static str {
    match kind {
        PageKind::Home => "home",
        PageKind::Product => "product",
        PageKind::Login => "login",
        PageKind::Checkout => "checkout",
        PageKind::Contact => "contact",
        PageKind::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::rules::testing::{self, check, check_seen, check_silent};
    use crate::web::read_page;

    /// Gives one page of the faultless shop other contents.
    fn with(index: usize, html: &'static str) -> impl Fn(&mut Evidence) {
        move |evidence| {
            let page = &mut evidence.web.pages[index];
            let url = url::Url::parse(&page.hops[0].url).unwrap();
            read_page(html, &url, page);
        }
    }

    #[test]
    fn scripts_of_others_are_judged() {
        check("sri-missing", with(0, "<script src=https://cdn.example/a.js></script>"), Severity::Low);
        check("sri-missing", with(3, "<script src=https://cdn.example/a.js></script>"), Severity::Medium);
        check("script-protocol-relative", with(0, "<script src=//cdn.example/a.js></script>"), Severity::Low);
        for html in [
            "<script src=https://cdn.example/a.js integrity=sha384-x></script>",
            "<script src=https://static.winkel.example/a.js></script>",
            "<script>1</script><link rel=stylesheet href=https://cdn.example/a.css>",
            "<link rel=preload as=script href=https://cdn.example/a.js>",
        ] {
            check_silent("sri-missing", with(0, html));
            check_silent("script-protocol-relative", with(0, html));
        }
    }

    #[test]
    fn mixed_content_is_judged() {
        check("mixed-active", with(0, "<script src=http://cdn.example/a.js></script>"), Severity::High);
        check("mixed-active", with(0, "<iframe src=http://f.example></iframe>"), Severity::High);
        check(
            "mixed-active",
            with(0, "<base href=http://winkel.example/><link rel=stylesheet href=a.css>"),
            Severity::High,
        );
        check("mixed-passive", with(0, "<img srcset='http://i.example/a.png 2x'>"), Severity::Medium);
        check(
            "mixed-passive",
            with(0, "<p style='background:url(http://i.example/a.png)'>"),
            Severity::Medium,
        );
        check(
            "mixed-passive",
            |e| {
                with(0, "<video poster=http://i.example/a.png></video>")(e);
                e.web.pages[0].hops[0]
                    .headers
                    .push(testing::header("content-security-policy", "upgrade-insecure-requests"));
            },
            Severity::Low,
        );
        for html in [
            "<a href=http://x.example>x</a>",
            "<link rel=canonical href=http://winkel.example/>",
            "<link rel=preconnect href=http://i.example>",
            "<img src=//i.example/a.png>",
            "<p>http://x.example</p>",
        ] {
            check_silent("mixed-active", with(0, html));
            check_silent("mixed-passive", with(0, html));
        }
        check_silent("mixed-active", |e| {
            with(0, "<script src=http://cdn.example/a.js></script>")(e);
            e.web.pages[0].hops[0].url = "http://winkel.example/".to_owned();
        });
    }

    #[test]
    fn trackers_are_judged() {
        check(
            "tracker",
            with(0, "<script src=https://www.googletagmanager.com/gtm.js?id=1></script>"),
            Severity::Medium,
        );
        check("tracker", with(3, "<script src=https://connect.facebook.net/x.js></script>"), Severity::High);
        check(
            "tracker",
            with(3, "<noscript><img src='https://www.facebook.com/tr?id=1'></noscript>"),
            Severity::Medium,
        );
        check(
            "tracker-pii",
            with(3, "<img src='https://px.example/?e=jan%40mail.example'>"),
            Severity::Critical,
        );
        check_seen(
            "tracker-pii",
            with(3, "<img src='https://px.example/?e=jan%40mail.example'>"),
            "email: https://px.example/?e=*",
        );
        check("third-party", with(0, "<img src=https://cdn.example/a.png>"), Severity::Info);
        check_seen(
            "third-party",
            with(3, "<img src=https://cdn.example/a.png>"),
            "cdn.example: image (checkout)",
        );
        for html in [
            "<img src=/a.png>",
            "<link rel=dns-prefetch href=https://www.google-analytics.com>",
            "<a href=https://www.facebook.com/winkel>f</a>",
        ] {
            check_silent("tracker", with(0, html));
            check_silent("tracker-pii", with(0, html));
        }
        check_silent("third-party", with(0, "<img src=https://static.winkel.example/a.png>"));
        check_silent("tracker-pii", with(0, "<img src='https://cdn.example/logo@2x.png'>"));
    }
}
