//! The Observatory's own reading of Content-Security-Policy, which differs from what browsers do.
//!
//! It joins several policies source by source, calls a repeated directive invalid, and lets `frame-ancestors` in a
//! `<meta>` count for framing. Approximation: sources of two policies match when they are equal, paths are not compared.

use std::collections::BTreeMap;

use super::observatory::metas;
use super::values;
use crate::facts::{Hop, Page};

/// Bytes of policies that are read.
const BYTES_MAX: usize = 64 * 1024;
/// The shortest policy it takes, in characters.
const SHORTEST: usize = 6;
const BROAD: [&str; 8] =
    ["ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"];

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Csp {
    /// Points.
    pub(super) modifier: i32,
    /// Whether a policy that could be read has `frame-ancestors`.
    pub(super) has_frame_ancestors: bool,
}

type Directives = BTreeMap<String, Vec<String>>;

/// Judges the policies of the headers and the `<meta>` elements.
pub(super) fn judge(hop: &Hop, page: &Page) -> Csp {
    let headers = split(&values(hop, "content-security-policy"));
    let metas: Vec<String> =
        metas(page, "content-security-policy").iter().map(|m| short(m).to_owned()).collect();
    let all: Vec<String> = headers.iter().chain(&metas).cloned().collect();
    let refused = Csp { modifier: -25, has_frame_ancestors: false };
    let Some((csp, has_duplicates)) = parse(&all) else {
        return refused;
    };
    let in_header = parse(&headers).map_or(0, |(csp, _)| csp.len());
    let in_meta = parse(&metas).map_or(0, |(csp, _)| {
        csp.keys()
            .filter(|name| !["frame-ancestors", "report-uri", "sandbox"].contains(&name.as_str()))
            .count()
    });
    if in_header + in_meta == 0 {
        return refused;
    }
    let modifier = modifier(&csp, hop.url.starts_with("https:"));
    // A policy that is fine but repeats report-uri is told to mend that, for no points.
    let modifier = if has_duplicates && modifier > 0 { 0 } else { modifier };
    Csp { modifier, has_frame_ancestors: csp.contains_key("frame-ancestors") }
}

/// Header values cut at commas.
fn split(values: &[&str]) -> Vec<String> {
    values
        .iter()
        .flat_map(|value| short(value).split(','))
        .map(|part| part.trim().to_owned())
        .take(50)
        .collect()
}

fn short(value: &str) -> &str {
    let mut end = value.len().min(BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

/// Directives of all policies together, and whether report-uri or report-to came twice; `None` when it calls them
/// invalid.
fn parse(policies: &[String]) -> Option<(Directives, bool)> {
    let mut joined = Directives::new();
    let mut has_duplicates = false;
    for (index, policy) in policies.iter().enumerate() {
        let policy = policy.replace(['\r', '\n'], "");
        if policy.trim().chars().count() < SHORTEST {
            return None;
        }
        let mut seen: Vec<String> = Vec::new();
        for entry in policy.split(';') {
            let mut words = entry.split_whitespace().map(str::to_lowercase);
            let Some(name) = words.next() else { continue };
            let mut sources: Vec<String> = words.collect();
            if seen.contains(&name) {
                if name != "report-uri" && name != "report-to" {
                    return None;
                }
                has_duplicates = true;
            }
            if sources.is_empty() && name.ends_with("-src") {
                sources.push("'none'".to_owned());
            }
            if index > 0 {
                let before = joined.get(&name);
                sources.retain(|source| before.is_some_and(|before| before.contains(source)));
            }
            seen.push(name.clone());
            joined.insert(name, sources);
        }
    }
    for sources in joined.values_mut().filter(|sources| sources.is_empty()) {
        sources.push("'none'".to_owned());
    }
    Some((joined, has_duplicates))
}

fn is_broad(source: &str) -> bool {
    BROAD.contains(&source)
}

fn is_broad_or_inline(source: &str) -> bool {
    is_broad(source) || source == "'unsafe-inline'" || source == "data:"
}

fn has_nonce_or_hash(sources: &[String]) -> bool {
    let starts = ["'sha256-", "'sha384-", "'sha512-", "'nonce-"];
    sources.iter().any(|source| starts.iter().any(|start| source.starts_with(start)))
}

/// The first of its findings in its own order.
fn modifier(csp: &Directives, is_https: bool) -> i32 {
    let any = vec!["*".to_owned()];
    let of = |name: &str| csp.get(name).or_else(|| csp.get("default-src")).unwrap_or(&any).clone();
    let (objects, mut scripts, mut styles) = (of("object-src"), of("script-src"), of("style-src"));
    for sources in [&mut scripts, &mut styles] {
        if has_nonce_or_hash(sources) {
            sources.retain(|source| source != "'unsafe-inline'");
        }
    }
    if scripts.iter().any(|source| source == "'strict-dynamic'") {
        if !has_nonce_or_hash(&scripts) {
            return -25;
        }
        scripts.retain(|source| {
            !BROAD.iter().any(|broad| source.starts_with(broad))
                && source != "'self'"
                && source != "'unsafe-inline'"
        });
    }
    if scripts.iter().any(|source| is_broad_or_inline(source))
        || objects.iter().any(|source| is_broad(source))
    {
        return -20;
    }
    let is_plain = |source: &String| is_https && (source.starts_with("http:") || source.starts_with("ftp:"));
    let is_active = |name: &str| !matches!(name, "img-src" | "media-src" | "script-src");
    let mut active = csp.iter().filter(|(name, _)| is_active(name)).flat_map(|(_, sources)| sources);
    if active.any(is_plain) || scripts.iter().any(is_plain) {
        return -20;
    }
    if scripts.iter().chain(&styles).any(|source| source == "'unsafe-eval'") {
        return -10;
    }
    let none = Vec::new();
    let passive = |name: &str| csp.get(name).or_else(|| csp.get("default-src")).unwrap_or(&none);
    if passive("img-src").iter().chain(passive("media-src")).any(is_plain) {
        return -10;
    }
    if styles.iter().any(|source| is_broad_or_inline(source)) {
        return 0;
    }
    let is_none = csp.get("default-src").is_some_and(|sources| sources.as_slice() == ["'none'"]);
    if is_none { 10 } else { 5 }
}
