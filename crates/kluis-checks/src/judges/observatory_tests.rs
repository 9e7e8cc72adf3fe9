//! Tests of the Observatory prediction against its published modifiers, one changed fact at a time.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::observatory::{grade, modifiers, predict};
use crate::facts::{Cookie, CorsFacts, Evidence, Hop, HttpState, Page, ResourceFacts, ResourceKind};
use crate::rules::testing::{HOST, good_evidence, header, home};

/// The points that one test gives the faultless shop after a change.
fn points(test: &str, change: impl FnOnce(&mut Evidence)) -> i32 {
    let mut evidence = good_evidence();
    change(&mut evidence);
    let all = modifiers(&evidence).unwrap();
    all.iter().find(|(name, _)| *name == test).unwrap().1
}

fn last(evidence: &mut Evidence) -> &mut Hop {
    home(evidence).hops.last_mut().unwrap()
}

/// Puts the values of a header in place of what the shop sends.
fn set(evidence: &mut Evidence, name: &str, values: &[&str]) {
    let hop = last(evidence);
    hop.headers.retain(|header| header.name != name);
    hop.headers.extend(values.iter().map(|value| header(name, value)));
}

/// Checks the points of one header's values.
fn check(test: &str, values: &[&str], expected: i32) {
    assert_eq!(points(test, |evidence| set(evidence, test, values)), expected, "{test}: {values:?}");
}

#[test]
fn policies_give_the_published_points() {
    let csp = "content-security-policy";
    check(csp, &["default-src 'none'"], 10);
    check(csp, &["default-src 'none'; script-src 'self'; object-src 'none'"], 10);
    check(csp, &["default-src 'self'"], 5);
    check(csp, &["default-src 'self'; script-src 'unsafe-inline' 'nonce-abc123'"], 5);
    check(csp, &["default-src 'self'; script-src 'strict-dynamic' 'nonce-abc123' https:"], 5);
    check(csp, &["default-src 'self'; style-src 'unsafe-inline'"], 0);
    check(csp, &["default-src 'none'; report-uri /a; report-uri /b"], 0);
    check(csp, &["default-src 'self'; img-src http:"], -10);
    check(csp, &["default-src 'self'; script-src 'self' 'unsafe-eval'"], -10);
    check(csp, &["default-src 'self'; script-src 'self' 'unsafe-inline'"], -20);
    check(csp, &["default-src 'self'; script-src https:"], -20);
    check(csp, &["default-src 'self'; script-src data:"], -20);
    check(csp, &["default-src *"], -20);
    check(csp, &["frame-ancestors 'none'"], -20);
    check(csp, &["default-src 'self'; connect-src http://api.example"], -20);
    check(csp, &["default-src 'self'; default-src 'none'"], -25);
    check(csp, &["default-src 'self'; script-src 'strict-dynamic'"], -25);
    check(csp, &["abc"], -25);
    check(csp, &["default-src 'self',"], -25);
    check(csp, &[], -25);
    // A second policy that allows less makes the whole stricter; one with other hosts leaves nothing.
    check(csp, &["default-src 'self' https:", "default-src 'self'"], 5);
    check(csp, &["default-src 'self', script-src 'none'"], 5);
}

#[test]
fn a_policy_in_a_meta_element_counts_but_not_for_what_only_headers_can_say() {
    let csp = "content-security-policy";
    let with_meta = |content: &'static str| {
        move |evidence: &mut Evidence| {
            set(evidence, csp, &[]);
            set(evidence, "x-frame-options", &[]);
            home(evidence).metas = vec![header(csp, content)];
        }
    };
    assert_eq!(points(csp, with_meta("default-src 'none'")), 10);
    assert_eq!(points(csp, with_meta("frame-ancestors 'none'")), -25);
    assert_eq!(points("x-frame-options", with_meta("default-src 'none'; frame-ancestors 'none'")), 5);
    assert_eq!(points("x-frame-options", with_meta("default-src 'none'")), -20);
    let report_only = |evidence: &mut Evidence| {
        set(evidence, csp, &[]);
        set(evidence, "content-security-policy-report-only", &["default-src 'none'"]);
    };
    assert_eq!(points(csp, report_only), -25);
}

#[test]
fn headers_give_the_published_points() {
    let hsts = "strict-transport-security";
    check(hsts, &["max-age=15552000"], 0);
    check(hsts, &["max-age=15551999"], -10);
    check(hsts, &["max-age=0"], -10);
    check(hsts, &["max-age=\"31536000\""], 0);
    check(hsts, &["includeSubDomains"], -20);
    check(hsts, &["max-age=31536000, max-age=31536000"], -20);
    check(hsts, &[], -20);
    check("x-content-type-options", &["nosniff"], 0);
    check("x-content-type-options", &["NoSniff "], 0);
    check("x-content-type-options", &["nosniff, nosniff"], -5);
    check("x-content-type-options", &[], -5);
    check("referrer-policy", &["no-referrer"], 5);
    check("referrer-policy", &["unsafe-url, strict-origin"], 5);
    check("referrer-policy", &["strict-origin, unsafe-url"], -5);
    check("referrer-policy", &["origin"], -5);
    check("referrer-policy", &["nonsense"], -5);
    check("referrer-policy", &[], 0);
    check("cross-origin-resource-policy", &["same-site"], 10);
    check("cross-origin-resource-policy", &["cross-origin"], 0);
    check("cross-origin-resource-policy", &["same-origin", "same-origin"], -5);
    check("cross-origin-resource-policy", &[], 0);
    check("cross-origin-opener-policy", &["noopener-allow-popups"], 10);
    check("cross-origin-opener-policy", &["same-origin; report-to=\"x\""], 10);
    check("cross-origin-opener-policy", &["unsafe-none"], 0);
    check("cross-origin-opener-policy", &["\"same-origin\""], -5);
    check("cross-origin-embedder-policy", &["credentialless"], 10);
    check("cross-origin-embedder-policy", &["require-corp", "require-corp"], -5);
    check("cross-origin-embedder-policy", &[], 0);
}

#[test]
fn framing_gives_the_published_points() {
    let frames = |values: &'static [&'static str]| {
        move |evidence: &mut Evidence| {
            set(evidence, "content-security-policy", &["default-src 'self'"]);
            set(evidence, "x-frame-options", values);
        }
    };
    assert_eq!(points("x-frame-options", frames(&["SAMEORIGIN"])), 5);
    assert_eq!(points("x-frame-options", frames(&["ALLOW-FROM https://a.example"])), 0);
    assert_eq!(points("x-frame-options", frames(&["allowall"])), -20);
    assert_eq!(points("x-frame-options", frames(&[])), -20);
}

#[test]
fn cookies_give_the_published_points() {
    let cookie = |name: &str, is_secure: bool, is_http_only: bool, same_site: Option<&str>| Cookie {
        name: name.into(),
        set_by: format!("https://{HOST}/"),
        is_secure,
        is_http_only,
        same_site: same_site.map(str::to_owned),
        ..Cookie::default()
    };
    let with = |cookies: Vec<Cookie>, has_hsts: bool| {
        points("cookies", |evidence| {
            evidence.web.cookies = cookies;
            if !has_hsts {
                set(evidence, "strict-transport-security", &[]);
            }
        })
    };
    assert_eq!(with(vec![], true), 0);
    assert_eq!(with(vec![cookie("sess", true, true, Some("Lax"))], true), 5);
    assert_eq!(with(vec![cookie("a", true, false, None)], true), 0);
    assert_eq!(with(vec![cookie("a", false, false, Some("Lax"))], true), -5);
    assert_eq!(with(vec![cookie("PHPSESSID", false, true, Some("Lax"))], true), -10);
    assert_eq!(with(vec![cookie("a", false, false, Some("Lax"))], false), -20);
    assert_eq!(with(vec![cookie("a", true, false, Some("sometimes"))], true), -20);
    assert_eq!(with(vec![cookie("a", false, false, Some("None"))], true), -20);
    assert_eq!(with(vec![cookie("csrftoken", true, false, None)], true), -20);
    assert_eq!(with(vec![cookie("session", true, false, Some("Lax"))], true), -30);
    assert_eq!(with(vec![cookie("login", false, true, Some("Lax"))], false), -40);
    let elsewhere = Cookie { set_by: format!("https://{HOST}/login"), ..cookie("login", false, false, None) };
    assert_eq!(with(vec![elsewhere], true), 0, "cookies of other pages do not count");
}

#[test]
fn redirects_give_the_published_points() {
    let way = |urls: &'static [&'static str]| {
        move |evidence: &mut Evidence| {
            let way = evidence.web.redirects.iter_mut().find(|way| way.from.starts_with("http:")).unwrap();
            way.state = HttpState::Open;
            way.hops =
                urls.iter().map(|url| Hop { url: (*url).into(), status: 301, ..Hop::default() }).collect();
        }
    };
    let points = |change: &dyn Fn(&mut Evidence)| points("redirection", change);
    assert_eq!(points(&way(&["http://winkel.example/", "https://winkel.example/"])), 0);
    assert_eq!(points(&way(&["http://winkel.example/"])), -20);
    assert_eq!(points(&way(&["http://winkel.example/", "http://www.winkel.example/"])), -20);
    let late = ["http://winkel.example/", "http://www.winkel.example/", "https://www.winkel.example/"];
    assert_eq!(points(&way(&["http://winkel.example/", "https://www.winkel.example/"])), -5);
    assert_eq!(
        points(&|evidence| {
            way(&[])(evidence);
            let own = evidence.web.redirects.iter_mut().find(|way| way.from.starts_with("http:")).unwrap();
            own.hops = late.iter().map(|url| Hop { url: (*url).into(), ..Hop::default() }).collect();
        }),
        -10
    );
    assert_eq!(
        points(&|evidence| {
            way(&["http://winkel.example/", "https://winkel.example/"])(evidence);
            for way in &mut evidence.web.redirects {
                way.hops.last_mut().unwrap().is_certificate_good = Some(false);
            }
        }),
        -20
    );
    assert_eq!(
        points(&|evidence| evidence.web.redirects.iter_mut().for_each(|way| way.state = HttpState::Closed)),
        0
    );
}

#[test]
fn scripts_give_the_published_points() {
    let script = |url: &str, is_third_party: bool, integrity: Option<&str>| ResourceFacts {
        kind: ResourceKind::Script,
        url: url.into(),
        place: "script src".into(),
        is_third_party,
        integrity: integrity.map(str::to_owned),
        ..ResourceFacts::default()
    };
    let with = |resources: Vec<ResourceFacts>| {
        points("subresource-integrity", |evidence| home(evidence).resources = resources)
    };
    assert_eq!(with(vec![]), 0);
    assert_eq!(with(vec![script("https://winkel.example/a.js", false, None)]), 0);
    assert_eq!(with(vec![script("https://winkel.example/a.js", false, Some("sha384"))]), 5);
    assert_eq!(with(vec![script("https://cdn.example/a.js", true, Some("sha384"))]), 5);
    assert_eq!(with(vec![script("https://cdn.example/a.js", true, None)]), -5);
    assert_eq!(with(vec![script("http://cdn.example/a.js", true, Some("sha384"))]), -20);
    assert_eq!(with(vec![script("http://cdn.example/a.js", true, None)]), -50);
    let relative =
        ResourceFacts { is_protocol_relative: true, ..script("https://winkel.example/a.js", false, None) };
    assert_eq!(with(vec![relative]), -50);
    let mixed = vec![
        script("https://cdn.example/a.js", true, Some("sha384")),
        script("https://cdn.example/b.js", true, None),
    ];
    assert_eq!(with(mixed), -5, "the worst script counts");
    let not_html = points("subresource-integrity", |evidence| {
        home(evidence).resources = vec![script("http://cdn.example/a.js", true, None)];
        set(evidence, "content-type", &["application/json"]);
    });
    assert_eq!(not_html, 0);
}

#[test]
fn sharing_counts_only_in_the_answer_to_options() {
    let cors = |method: &'static str, allow: &'static str, allows_credentials: bool| {
        points("cross-origin-resource-sharing", |evidence| {
            evidence.web.cors = vec![CorsFacts {
                method: method.into(),
                origin: "https://elders.example".into(),
                allow_origin: Some(allow.into()),
                allows_credentials,
            }];
        })
    };
    assert_eq!(cors("OPTIONS", "https://elders.example", true), -50);
    assert_eq!(cors("OPTIONS", "https://elders.example", false), 0);
    assert_eq!(cors("OPTIONS", "*", true), 0);
    assert_eq!(cors("GET", "https://elders.example", true), 0);
}

#[test]
fn extra_points_count_only_from_90_and_the_grades_are_in_steps_of_five() {
    let mut evidence = good_evidence();
    let good = predict(&evidence);
    assert_eq!(good.grade, "A+");
    assert!(good.reasons.is_empty() && good.score > Some(100), "{good:?}");
    set(&mut evidence, "x-content-type-options", &[]);
    assert!(predict(&evidence).score > Some(100), "95 is enough for extra points");
    set(&mut evidence, "strict-transport-security", &[]);
    let worse = predict(&evidence);
    assert_eq!((worse.grade.as_str(), worse.score), ("B", Some(75)));
    assert_eq!(worse.reasons, ["strict-transport-security -20", "x-content-type-options -5"]);
    for (score, letter) in [(145, "A+"), (99, "A"), (89, "A-"), (80, "B+"), (74, "B"), (65, "B-"), (64, "C+")]
    {
        assert_eq!(grade(score), letter, "{score}");
    }
    for (score, letter) in [(50, "C"), (45, "C-"), (40, "D+"), (30, "D"), (25, "D-"), (24, "F"), (0, "F")] {
        assert_eq!(grade(score), letter, "{score}");
    }
}

#[test]
fn without_a_front_page_there_is_no_prediction() {
    let mut evidence = good_evidence();
    evidence.web.pages.clear();
    assert_eq!(predict(&evidence), crate::finding::Prediction::default());
    evidence.web.pages.push(Page::default());
    assert_eq!(predict(&evidence).grade, "");
}
