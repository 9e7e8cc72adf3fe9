//! Predicts the grade of Mozilla's HTTP Observatory: its 12 tests and modifiers (algorithm version 4, as of 2026).
//!
//! Approximations: nobody is taken to be in the HSTS preload list; cookies are those that were seen on the way to the
//! front page, so cookies of other paths and of robots.txt do not count; a `SameSite` that stands twice in one cookie is
//! judged by the value that was kept; the front page is read as our reader reads HTML, not as theirs does.

use super::observatory_csp::{self as csp, Csp};
use super::{front_page, host_of, values};
use crate::facts::{Cookie, Evidence, Hop, HttpState, Page, Redirects, ResourceFacts, ResourceKind};
use crate::finding::Prediction;

/// Points below which nothing extra is given.
const EXTRA_FROM: i32 = 90;
/// Six months as the Observatory counts them, in seconds.
const SIX_MONTHS: u64 = 15_552_000;

/// The prediction; empty when the front page was not read.
pub(crate) fn predict(evidence: &Evidence) -> Prediction {
    let Some(tests) = modifiers(evidence) else {
        return Prediction::default();
    };
    let lost: i32 = tests.iter().map(|(_, modifier)| (*modifier).min(0)).sum();
    let extra: i32 = tests.iter().map(|(_, modifier)| (*modifier).max(0)).sum();
    let base = 100 + lost;
    let score = if base >= EXTRA_FROM { base + extra } else { base }.max(0);
    let reasons = tests.iter().filter(|(_, modifier)| *modifier < 0);
    Prediction {
        grade: grade(score).to_owned(),
        score: Some(score),
        reasons: reasons.map(|(test, modifier)| format!("{test} {modifier}")).collect(),
    }
}

/// The 12 tests with the points that each adds; `None` when the front page was not read.
pub(super) fn modifiers(evidence: &Evidence) -> Option<[(&'static str, i32); 12]> {
    let page = front_page(evidence)?;
    let last = page.last()?;
    let csp = csp::judge(last, page);
    let hsts = hsts(last);
    Some([
        ("content-security-policy", csp.modifier),
        ("cookies", cookies(evidence, page, hsts == 0)),
        ("cross-origin-embedder-policy", isolation(last, "cross-origin-embedder-policy", &EMBEDDER)),
        ("cross-origin-opener-policy", isolation(last, "cross-origin-opener-policy", &OPENER)),
        ("cross-origin-resource-policy", resource_policy(last, page)),
        ("cross-origin-resource-sharing", sharing(evidence)),
        ("redirection", redirection(evidence)),
        ("referrer-policy", referrer(last, page)),
        ("strict-transport-security", hsts),
        ("subresource-integrity", scripts(last, page)),
        ("x-content-type-options", sniffing(last)),
        ("x-frame-options", frames(last, &csp)),
    ])
}

/// The grade of a score, in steps of five.
pub(super) fn grade(score: i32) -> &'static str {
    match (score - score % 5).min(100) {
        100 => "A+",
        90 | 95 => "A",
        85 => "A-",
        80 => "B+",
        70 | 75 => "B",
        65 => "B-",
        60 => "C+",
        50 | 55 => "C",
        45 => "C-",
        40 => "D+",
        30 | 35 => "D",
        25 => "D-",
        _ => "F",
    }
}

/// Values that give ten points.
const EMBEDDER: [&str; 2] = ["require-corp", "credentialless"];
const OPENER: [&str; 3] = ["same-origin", "same-origin-allow-popups", "noopener-allow-popups"];

fn isolation(hop: &Hop, name: &str, good: &[&str]) -> i32 {
    match values(hop, name).as_slice() {
        [] => 0,
        [value] => match crate::web::headers::token(value.trim()) {
            Some(token) if good.contains(&token) => 10,
            Some("unsafe-none") => 0,
            _ => -5,
        },
        _ => -5,
    }
}

fn resource_policy(hop: &Hop, page: &Page) -> i32 {
    let mut policy = values(hop, "cross-origin-resource-policy").join(", ");
    if policy.is_empty() {
        policy = metas(page, "cross-origin-resource-policy").last().copied().unwrap_or_default().to_owned();
    }
    match policy.trim().to_ascii_lowercase().as_str() {
        "" | "cross-origin" => 0,
        "same-site" | "same-origin" => 10,
        _ => -5,
    }
}

/// `<meta http-equiv>` contents of a name.
pub(super) fn metas<'a>(page: &'a Page, name: &str) -> Vec<&'a str> {
    let own = page.metas.iter().filter(|meta| meta.name.eq_ignore_ascii_case(name));
    own.map(|meta| meta.value.as_str()).collect()
}

/// Only the answer to OPTIONS counts there.
fn sharing(evidence: &Evidence) -> i32 {
    let is_open = evidence.web.cors.iter().any(|cors| {
        cors.method == "OPTIONS"
            && cors.origin != "null"
            && cors.allows_credentials
            && cors.allow_origin.as_deref() == Some(cors.origin.as_str())
    });
    if is_open { -50 } else { 0 }
}

fn redirection(evidence: &Evidence) -> i32 {
    let from_http = |way: &&Redirects| {
        way.from.starts_with("http:") && host_of(&way.from).as_deref() == Some(evidence.target.host.as_str())
    };
    let Some(way) = evidence.web.redirects.iter().find(from_http) else {
        return 0;
    };
    let urls: Vec<&str> = way.hops.iter().map(|hop| hop.url.as_str()).collect();
    let [first, rest @ ..] = urls.as_slice() else {
        return 0;
    };
    if way.state != HttpState::Open {
        return 0;
    }
    match (rest.first(), rest.last()) {
        _ if way.hops.iter().any(|hop| hop.is_certificate_good == Some(false)) => -20,
        (None, _) | (_, None) => -20,
        (_, Some(last)) if way.is_endless || !last.starts_with("https:") => -20,
        (Some(second), _) if second.starts_with("http:") => -10,
        (Some(second), _) if host_of(first) != host_of(second) => -5,
        _ => 0,
    }
}

fn referrer(hop: &Hop, page: &Page) -> i32 {
    const GOOD: [&str; 4] =
        ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"];
    const BAD: [&str; 4] = ["origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"];
    let mut given = values(hop, "referrer-policy");
    given.extend(metas(page, "referrer-policy"));
    if given.is_empty() {
        return 0;
    }
    let mut words =
        given.iter().flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase());
    match words.rfind(|word| GOOD.contains(&word.as_str()) || BAD.contains(&word.as_str())) {
        Some(word) if GOOD.contains(&word.as_str()) => 5,
        _ => -5,
    }
}

/// Reads the header as the Observatory does: only the first one, `max-age=` without blanks; what follows that is not a
/// number counts as long enough, and zero as too short.
fn hsts(hop: &Hop) -> i32 {
    if !hop.url.starts_with("https:") || hop.is_certificate_good == Some(false) {
        return -20;
    }
    let given = values(hop, "strict-transport-security");
    let Some(header) = given.first().filter(|header| !header.contains(',')) else {
        return -20;
    };
    let header = header.to_ascii_lowercase();
    let Some(age) = header.split(';').filter_map(|part| part.trim().strip_prefix("max-age=")).next_back()
    else {
        return -20;
    };
    let age = age.trim_start();
    let digits: String = age.chars().take_while(char::is_ascii_digit).take(18).collect();
    match digits.parse::<u64>() {
        Ok(seconds) if seconds < SIX_MONTHS => -10,
        Err(_) if age.starts_with('-') => -10,
        _ => 0,
    }
}

fn sniffing(hop: &Hop) -> i32 {
    match values(hop, "x-content-type-options").first() {
        Some(value) if value.trim().eq_ignore_ascii_case("nosniff") => 0,
        _ => -5,
    }
}

fn frames(hop: &Hop, csp: &Csp) -> i32 {
    if csp.has_frame_ancestors {
        return 5;
    }
    let given = values(hop, "x-frame-options");
    match given.first().map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        Some("deny" | "sameorigin") => 5,
        Some(value) if value.starts_with("allow-from") => 0,
        _ => -20,
    }
}

/// Cookies set on the way to the front page.
fn cookies(evidence: &Evidence, page: &Page, has_hsts: bool) -> i32 {
    let from_http = evidence.web.redirects.iter().flat_map(|way| &way.hops);
    let places: Vec<&str> = page.hops.iter().chain(from_http).map(|hop| hop.url.as_str()).collect();
    let on_the_way = |cookie: &&Cookie| cookie.set_by.is_empty() || places.contains(&cookie.set_by.as_str());
    let seen: Vec<&Cookie> = evidence
        .web
        .cookies
        .iter()
        .filter(on_the_way)
        .filter(|cookie| cookie.name != "heroku-session-affinity")
        .collect();
    let worst = seen.iter().map(|cookie| cookie_modifier(cookie, has_hsts)).min().unwrap_or(0);
    if worst == 0 && !seen.is_empty() && seen.iter().all(|cookie| cookie.same_site.is_some()) {
        5
    } else {
        worst
    }
}

fn cookie_modifier(cookie: &Cookie, has_hsts: bool) -> i32 {
    let name = cookie.name.to_ascii_lowercase();
    let is_session = name.contains("login") || name.contains("sess");
    let same_site = cookie.same_site.as_deref().map(|value| value.trim().to_ascii_lowercase());
    let mut worst = match same_site.as_deref() {
        Some("lax" | "strict") => 0,
        Some("none") if cookie.is_secure => 0,
        Some(_) => -20,
        None if name.contains("csrf") => -20,
        None => 0,
    };
    if !cookie.is_secure {
        worst = worst.min(match (is_session, has_hsts) {
            (true, true) => -10,
            (true, false) => -40,
            (false, true) => -5,
            (false, false) => -20,
        });
    }
    if is_session && !cookie.is_http_only { worst.min(-30) } else { worst }
}

fn scripts(hop: &Hop, page: &Page) -> i32 {
    let kind = values(hop, "content-type")
        .first()
        .map(|value| value.split(';').next().unwrap_or("").trim().to_owned());
    if kind.is_some_and(|kind| {
        !kind.is_empty() && !["text/html", "application/xhtml+xml"].contains(&kind.as_str())
    }) {
        return 0;
    }
    let is_script = |item: &&ResourceFacts| item.kind == ResourceKind::Script && item.place == "script src";
    let mut worst: Option<i32> = None;
    let mut has_own_integrity = false;
    let mut has_foreign = false;
    for script in page.resources.iter().filter(is_script) {
        let is_secure = script.url.starts_with("https:") && !script.is_protocol_relative;
        let is_own = !script.is_third_party && !script.is_protocol_relative;
        let modifier = match (is_own, script.integrity.is_some(), is_secure) {
            (true, has_integrity, is_secure) => {
                has_own_integrity |= has_integrity && is_secure;
                continue;
            }
            (false, true, true) => 5,
            (false, true, false) => -20,
            (false, false, true) => -5,
            (false, false, false) => -50,
        };
        has_foreign = true;
        worst = Some(worst.map_or(modifier, |worst| worst.min(modifier)));
    }
    match worst {
        Some(worst) if has_foreign => worst,
        _ if has_own_integrity => 5,
        _ => 0,
    }
}
