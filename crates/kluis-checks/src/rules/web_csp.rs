//! Rules about Content-Security-Policy, which says what a page may load and run.

use super::shared::{A, D};
use super::web_shared::{header, high_or, https_pages, policy, short};
use crate::facts::{Evidence, Hop, Page};
use crate::finding::{Notes, Part, Platform, Rule, Severity, Snippet, Words};
use crate::web::csp::{self, Policy};

const SOURCE: &str =
    "CSP Level 3; NCSC-NL webrichtlijn U/PW.03; Observatory content-security-policy; internet.nl CSP";
const CSP: [(Platform, Snippet); 7] = header(
    "add_header Content-Security-Policy \"default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; \
     frame-ancestors 'self'\" always;",
    "Header always set Content-Security-Policy \"default-src 'self'; object-src 'none'; base-uri 'self'; \
     form-action 'self'; frame-ancestors 'self'\"",
    "header Content-Security-Policy \"default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; \
     frame-ancestors 'self'\"",
    Words::new(
        "Vraag: “Welke Content-Security-Policy stuurt u mee, en kan ik bronnen toevoegen of weghalen?”",
        "Ask: “Which Content-Security-Policy do you send, and can I add or remove sources?”",
    ),
);
const SKIMMER: Words = Words::new(
    "Als een aanvaller één regel script in uw winkel krijgt (via een plug-in, een recensie of een ingekocht script), \
     houdt niets dat script tegen: het leest wachtwoorden en kaartgegevens mee terwijl klanten ze intikken.",
    "When an attacker gets one line of script into your shop (through a plug-in, a review or a bought script), \
     nothing stops it: it reads passwords and card data while customers type them.",
);

/// A rule about the policy: they share frame, fix and snippets.
const fn csp_rule(
    id: &'static str,
    severity: Severity,
    title: Words,
    why: Words,
    fix: Words,
    judge: fn(&Evidence, &mut Notes),
) -> Rule {
    Rule {
        id,
        protections: D,
        severity,
        part: Part::Web,
        source: SOURCE,
        title,
        why,
        fix,
        snippets: &CSP,
        judge,
    }
}

pub(crate) const RULES: &[Rule] = &[
    csp_rule(
        "csp-missing",
        Severity::Medium,
        Words::new("Er is geen Content-Security-Policy", "There is no Content-Security-Policy"),
        SKIMMER,
        Words::new(
            "Begin met `Content-Security-Policy-Report-Only`, kijk een week wat er gemeld wordt, en zet het beleid dan \
             aan, eerst op inloggen en afrekenen.",
            "Begin with `Content-Security-Policy-Report-Only`, look at the reports for a week, then enforce the policy, \
             login and checkout first.",
        ),
        |evidence, notes| {
            for (page, hop) in https_pages(evidence) {
                let is_reported = report_only(hop).next().is_some();
                if policy(page, hop).is_empty() && !is_reported {
                    notes.seen_as(high_or(page, Severity::Medium), &hop.url, "-");
                }
            }
        },
    ),
    csp_rule(
        "csp-report-only",
        Severity::Medium,
        Words::new(
            "De Content-Security-Policy meldt alleen en houdt niets tegen",
            "The Content-Security-Policy only reports and stops nothing",
        ),
        SKIMMER,
        Words::new(
            "Klopt het beleid met wat de winkel laadt, stuur het dan als `Content-Security-Policy`.",
            "When the policy fits what the shop loads, send it as `Content-Security-Policy`.",
        ),
        |evidence, notes| {
            for (page, hop) in https_pages(evidence) {
                let reported = report_only(hop).next();
                if let Some(value) = reported.filter(|_| policy(page, hop).is_empty()) {
                    notes.seen_as(high_or(page, Severity::Medium), &hop.url, short(value));
                }
            }
        },
    ),
    csp_rule(
        "csp-no-script-src",
        Severity::Medium,
        Words::new("Het beleid zegt niets over scripts", "The policy says nothing about scripts"),
        SKIMMER,
        Words::new(
            "Voeg `default-src 'self'` of `script-src 'self'` toe.",
            "Add `default-src 'self'` or `script-src 'self'`.",
        ),
        |evidence, notes| {
            each(evidence, notes, |page, policy| {
                policy
                    .effective("script-src")
                    .is_empty()
                    .then(|| (high_or(page, Severity::Medium), names(policy)))
            });
        },
    ),
    csp_rule(
        "csp-unsafe-inline",
        Severity::Medium,
        Words::new(
            "Het beleid laat scripts in de pagina zelf toe ('unsafe-inline')",
            "The policy allows scripts in the page itself ('unsafe-inline')",
        ),
        Words::new(
            "Ingesmokkelde scripts staan bijna altijd in de pagina zelf. Met 'unsafe-inline' doet het beleid daar niets \
             tegen.",
            "Smuggled scripts nearly always stand in the page itself. With 'unsafe-inline' the policy does nothing \
             against them.",
        ),
        Words::new(
            "Geef elk eigen script een nonce of hash ('nonce-…', 'sha256-…') en haal 'unsafe-inline' uit script-src.",
            "Give each script of your own a nonce or hash ('nonce-…', 'sha256-…') and take 'unsafe-inline' out of script-src.",
        ),
        |evidence, notes| {
            each(evidence, notes, |page, policy| {
                let is_so = !policy.effective("script-src").is_empty() && policy.allows_inline_scripts();
                is_so.then(|| (high_or(page, Severity::Medium), "script-src 'unsafe-inline'".to_owned()))
            });
        },
    ),
    csp_rule(
        "csp-unsafe-eval",
        Severity::Low,
        Words::new("Het beleid laat eval toe ('unsafe-eval')", "The policy allows eval ('unsafe-eval')"),
        Words::new(
            "Scripts mogen dan tekst als programma uitvoeren; een fout in één script wordt zo een ingang.",
            "Scripts may then run text as a program; a mistake in one script becomes a way in.",
        ),
        Words::new(
            "Vervang het script dat eval nodig heeft en haal 'unsafe-eval' weg.",
            "Replace the script that needs eval and remove 'unsafe-eval'.",
        ),
        |evidence, notes| {
            each(evidence, notes, |page, policy| {
                let is_so = !policy.effective("script-src").is_empty() && policy.allows_eval();
                let severity =
                    if super::web_shared::is_sensitive(page) { Severity::Medium } else { Severity::Low };
                is_so.then(|| (severity, "script-src 'unsafe-eval'".to_owned()))
            });
        },
    ),
    csp_rule(
        "csp-broad",
        Severity::Medium,
        Words::new("Het beleid laat scripts van overal toe", "The policy allows scripts from everywhere"),
        Words::new(
            "Met `*`, `https:` of `data:` mag ieders script meedraaien. Een aanvaller zet het zijne gewoon op een eigen \
             server.",
            "With `*`, `https:` or `data:` anybody's script may run. An attacker simply puts theirs on a server of their own.",
        ),
        Words::new(
            "Noem elke bron voluit: `https://js.betaaldienst.example`.",
            "Name every source in full: `https://js.payments.example`.",
        ),
        |evidence, notes| {
            each(evidence, notes, |page, policy| {
                let mut broad: Vec<String> =
                    policy.broad_scripts().iter().map(|source| format!("script-src {source}")).collect();
                broad.extend(
                    policy
                        .broad_objects()
                        .iter()
                        .filter(|_| policy.has("object-src"))
                        .map(|s| format!("object-src {s}")),
                );
                (!broad.is_empty()).then(|| (high_or(page, Severity::Medium), broad.join("; ")))
            });
        },
    ),
    csp_rule(
        "csp-insecure-scheme",
        Severity::Medium,
        Words::new("Het beleid laat onversleutelde bronnen toe", "The policy allows unencrypted sources"),
        Words::new(
            "Wat over http binnenkomt, kan onderweg veranderd zijn, ook als de pagina zelf https is.",
            "What comes in over http may have been changed on the way, even when the page itself is https.",
        ),
        Words::new(
            "Maak van elke `http:`-bron een `https:`-bron.",
            "Make every `http:` source an `https:` source.",
        ),
        |evidence, notes| {
            each(evidence, notes, |page, policy| {
                let (active, passive) = (policy.insecure(true), policy.insecure(false));
                if !active.is_empty() {
                    return Some((high_or(page, Severity::Medium), short(&active.join(" "))));
                }
                (!passive.is_empty()).then(|| (Severity::Low, short(&passive.join(" "))))
            });
        },
    ),
    csp_rule(
        "csp-no-base-uri",
        Severity::Low,
        Words::new("Het beleid zegt niets over `<base>`", "The policy says nothing about `<base>`"),
        Words::new(
            "Eén ingesmokkelde `<base>` laat alle relatieve scripts van een andere server komen.",
            "A single smuggled `<base>` makes all relative scripts come from another server.",
        ),
        Words::new("Voeg `base-uri 'self'` toe.", "Add `base-uri 'self'`."),
        |evidence, notes| missing(evidence, notes, "base-uri"),
    ),
    csp_rule(
        "csp-no-form-action",
        Severity::Low,
        Words::new(
            "Het beleid zegt niet waar formulieren heen mogen",
            "The policy does not say where forms may go",
        ),
        Words::new(
            "Met ingesmokkelde HTML kan een formulier de ingevulde gegevens naar een vreemde server sturen, ook zonder \
             script.",
            "With smuggled HTML a form can send what is filled in to a foreign server, even without a script.",
        ),
        Words::new(
            "Voeg `form-action 'self'` toe, met het adres van uw betaaldienst als die nodig is.",
            "Add `form-action 'self'`, with the address of your payment service when it is needed.",
        ),
        |evidence, notes| missing(evidence, notes, "form-action"),
    ),
    csp_rule(
        "csp-no-object-src",
        Severity::Low,
        Words::new("Het beleid laat plug-ins toe", "The policy allows plug-ins"),
        Words::new(
            "Oude plug-ininhoud kan scripts starten buiten script-src om.",
            "Old plug-in content can start scripts past script-src.",
        ),
        Words::new("Voeg `object-src 'none'` toe.", "Add `object-src 'none'`."),
        |evidence, notes| {
            each(evidence, notes, |_, policy| {
                let is_so =
                    policy.effective("object-src").is_empty() && !policy.effective("script-src").is_empty();
                is_so.then(|| (Severity::Low, names(policy)))
            });
        },
    ),
    csp_rule(
        "csp-invalid",
        Severity::Low,
        Words::new(
            "Een deel van het beleid begrijpt geen enkele browser",
            "Parts of the policy are understood by no browser",
        ),
        Words::new(
            "Wat een browser niet begrijpt, slaat hij over. Uw beleid is dan zwakker dan u denkt.",
            "What a browser does not understand it skips. Your policy is then weaker than you think.",
        ),
        Words::new("Verbeter of verwijder de genoemde delen.", "Mend or remove the parts named."),
        |evidence, notes| {
            each(evidence, notes, |_, policy| {
                let invalid = policy.invalid();
                (!invalid.is_empty()).then(|| (Severity::Low, short(&invalid.join("; "))))
            });
        },
    ),
    csp_rule(
        "csp-duplicate",
        Severity::Info,
        Words::new("Een regel staat twee keer in het beleid", "A directive stands twice in the policy"),
        Words::new(
            "Alleen de eerste telt; de tweede doet niets.",
            "Only the first counts; the second does nothing.",
        ),
        Words::new("Voeg beide samen.", "Merge both."),
        |evidence, notes| {
            each(evidence, notes, |_, policy| {
                let duplicates = policy.duplicates();
                (!duplicates.is_empty()).then(|| (Severity::Info, short(&duplicates.join(", "))))
            });
        },
    ),
    csp_rule(
        "csp-unsafe-inline-style",
        Severity::Info,
        Words::new(
            "Het beleid laat stijlen in de pagina zelf toe",
            "The policy allows styles in the page itself",
        ),
        Words::new(
            "Met ingesmokkelde stijlen kan een pagina vervormd worden; het gevaar is klein.",
            "With smuggled styles a page can be disfigured; the danger is small.",
        ),
        Words::new(
            "Verplaats stijlen naar bestanden, of gebruik hashes.",
            "Move styles to files, or use hashes.",
        ),
        |evidence, notes| {
            each(evidence, notes, |_, policy| {
                let is_so = !policy.effective("style-src").is_empty() && policy.allows_inline_styles();
                is_so.then(|| (Severity::Info, "style-src 'unsafe-inline'".to_owned()))
            });
        },
    ),
    Rule {
        id: "clickjacking",
        protections: A,
        severity: Severity::Medium,
        part: Part::Web,
        source: "CSP Level 3 frame-ancestors; RFC 7034; Observatory x-frame-options; internet.nl",
        title: Words::new(
            "Anderen mogen uw winkel in een frame tonen",
            "Others may show your shop in a frame",
        ),
        why: Words::new(
            "Een bedrieger legt uw winkel onzichtbaar over zijn eigen pagina. Uw klant denkt op een spelletje te klikken \
             en drukt op uw bestelknop.",
            "A fraud lays your shop invisibly over a page of their own. Your customer thinks they click in a game and \
             presses your order button.",
        ),
        fix: Words::new(
            "Stuur `Content-Security-Policy: frame-ancestors 'self'` of `X-Frame-Options: SAMEORIGIN`.",
            "Send `Content-Security-Policy: frame-ancestors 'self'` or `X-Frame-Options: SAMEORIGIN`.",
        ),
        snippets: &header(
            "add_header X-Frame-Options SAMEORIGIN always;",
            "Header always set X-Frame-Options SAMEORIGIN",
            "header X-Frame-Options SAMEORIGIN",
            Words::new(
                "Vraag: “Kunt u voorkomen dat mijn winkel in een frame van anderen getoond wordt?”",
                "Ask: “Can you prevent my shop from being shown in frames of others?”",
            ),
        ),
        judge: clickjacking,
    },
];

fn clickjacking(evidence: &Evidence, notes: &mut Notes) {
    use crate::web::headers::{Frames, frames};
    for (_, hop) in https_pages(evidence) {
        // A `<meta>` cannot limit framing (CSP3 §3.3), so only headers count.
        let policies: Vec<&str> = hop.header("content-security-policy").collect();
        let policy = csp::parse(&policies);
        let options: Vec<&str> = hop.header("x-frame-options").collect();
        let is_limited = if policy.has("frame-ancestors") {
            policy.limits_framing()
        } else {
            matches!(frames(&options), Frames::Deny | Frames::SameOrigin)
        };
        if !is_limited {
            let seen = if options.is_empty() {
                "-".to_owned()
            } else {
                format!("x-frame-options: {}", short(&options.join(", ")))
            };
            notes.seen(&hop.url, seen);
        }
    }
}

fn report_only(hop: &Hop) -> impl Iterator<Item = &str> {
    hop.header("content-security-policy-report-only")
}

/// Notes what `look` sees in the policy of every https page that has one.
fn each(evidence: &Evidence, notes: &mut Notes, look: impl Fn(&Page, &Policy) -> Option<(Severity, String)>) {
    for (page, hop) in https_pages(evidence) {
        let policy = policy(page, hop);
        if policy.is_empty() {
            continue;
        }
        if let Some((severity, seen)) = look(page, &policy) {
            notes.seen_as(severity, &hop.url, seen);
        }
    }
}

fn missing(evidence: &Evidence, notes: &mut Notes, name: &str) {
    each(evidence, notes, |_, policy| (!policy.has(name)).then(|| (Severity::Low, format!("{name}: -"))));
}

/// The names of the directives there are.
fn names(policy: &Policy) -> String {
    let names: Vec<&str> =
        policy.parts.iter().flat_map(|part| &part.directives).map(|d| d.name.as_str()).collect();
    short(&names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{self, check, check_silent};

    /// Gives one page another policy: 0 the front page, 3 the checkout.
    fn with(page: usize, value: &'static str) -> impl Fn(&mut Evidence) {
        move |evidence| {
            let hop = &mut evidence.web.pages[page].hops[0];
            hop.headers.retain(|h| h.name != "content-security-policy");
            if !value.is_empty() {
                hop.headers.push(testing::header("content-security-policy", value));
            }
        }
    }

    #[test]
    fn policies_are_judged() {
        check("csp-missing", with(0, ""), Severity::Medium);
        check("csp-missing", with(3, ""), Severity::High);
        check_silent("csp-missing", |e| {
            with(0, "")(e);
            e.web.pages[0].metas.push(testing::header("content-security-policy", "default-src 'self'"));
        });
        check(
            "csp-report-only",
            |e| {
                with(2, "")(e);
                e.web.pages[2].hops[0]
                    .headers
                    .push(testing::header("content-security-policy-report-only", "default-src 'self'"));
            },
            Severity::High,
        );
        check("csp-no-script-src", with(0, "upgrade-insecure-requests"), Severity::Medium);
        check("csp-unsafe-inline", with(3, "default-src 'self' 'unsafe-inline'"), Severity::High);
        check("csp-unsafe-inline", with(0, "script-src 'unsafe-inline'"), Severity::Medium);
        check("csp-unsafe-eval", with(0, "script-src 'self' 'unsafe-eval'"), Severity::Low);
        check("csp-broad", with(0, "script-src https:"), Severity::Medium);
        check("csp-broad", with(2, "default-src 'self'; object-src *"), Severity::High);
        check("csp-insecure-scheme", with(0, "default-src 'self' http://cdn.example"), Severity::Medium);
        check("csp-insecure-scheme", with(0, "default-src 'self'; img-src http:"), Severity::Low);
        check("csp-no-base-uri", with(0, "default-src 'self'"), Severity::Low);
        check("csp-no-form-action", with(0, "default-src 'self'"), Severity::Low);
        check("csp-no-object-src", with(0, "script-src 'self'"), Severity::Low);
        check("csp-invalid", with(0, "default-src self; defaultsrc x"), Severity::Low);
        check("csp-duplicate", with(0, "default-src 'self'; default-src *"), Severity::Info);
        check("csp-unsafe-inline-style", with(0, "style-src 'unsafe-inline'"), Severity::Info);
    }

    #[test]
    fn good_policies_are_left_alone() {
        let strict = "default-src 'self'; script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline' https:; object-src 'none'; \
                      base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
        for rule in RULES {
            check_silent(rule.id, with(0, strict));
        }
        // No policy at all is one finding, not ten.
        for rule in RULES.iter().filter(|rule| rule.id != "csp-missing") {
            check_silent(rule.id, with(0, ""));
        }
    }

    #[test]
    fn frames_are_judged() {
        let frames = |policy: &'static str, options: Option<&'static str>| {
            move |e: &mut Evidence| {
                with(0, policy)(e);
                let hop = &mut e.web.pages[0].hops[0];
                hop.headers.retain(|h| h.name != "x-frame-options");
                hop.headers.extend(options.map(|value| testing::header("x-frame-options", value)));
            }
        };
        check("clickjacking", frames("default-src 'self'", None), Severity::Medium);
        check("clickjacking", frames("frame-ancestors *", Some("DENY")), Severity::Medium);
        check("clickjacking", frames("", Some("ALLOW-FROM https://x.example")), Severity::Medium);
        check_silent("clickjacking", frames("frame-ancestors 'self'", None));
        check_silent("clickjacking", frames("", Some("deny")));
    }
}
