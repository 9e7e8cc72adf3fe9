//! Tests of the policy reader.
#![expect(clippy::unwrap_used, reason = "tests")]
use proptest::prelude::*;

use super::*;

fn one(text: &str) -> Policy {
    parse(&[text])
}

#[test]
fn a_strict_policy_forbids() {
    let policy = one("default-src 'none'; script-src 'self' https://cdn.example; style-src 'self'; \
                      frame-ancestors 'none'; base-uri 'self'; form-action 'self'; upgrade-insecure-requests");
    assert!(policy.is_default_none() && policy.limits_framing() && policy.upgrades_insecure());
    assert!(!policy.allows_inline_scripts() && !policy.allows_inline_styles() && !policy.allows_eval());
    assert_eq!(policy.broad_scripts(), [""; 0]);
    assert_eq!(policy.missing(&["base-uri", "form-action", "img-src"]), ["img-src"]);
    assert_eq!(policy.invalid(), [""; 0]);
}

#[test]
fn no_policy_allows_everything() {
    for values in [&[][..], &[""][..], &[" ; ;, ,"][..]] {
        let policy = parse(values);
        assert!(policy.is_empty() && policy.allows_inline_scripts() && policy.allows_eval());
        assert!(!policy.limits_framing() && !policy.upgrades_insecure());
    }
}

#[test]
fn unsafe_inline_is_switched_off_by_nonces() {
    assert!(one("script-src 'unsafe-inline'").allows_inline_scripts());
    assert!(one("default-src 'self' 'UNSAFE-INLINE'").allows_inline_scripts());
    assert!(one("img-src 'self'").allows_inline_scripts());
    for off in [
        "script-src 'unsafe-inline' 'nonce-abc123=='",
        "script-src 'unsafe-inline' 'sha256-B2yPHKaXnvFWtRChIbabYmUBFZdVfKKXHbWtWidDVF8='",
        "script-src 'unsafe-inline' 'strict-dynamic' 'nonce-x'",
        "script-src 'self'; default-src 'unsafe-inline'",
        "script-src",
    ] {
        assert!(!one(off).allows_inline_scripts(), "{off}");
    }
}

#[test]
fn several_policies_hold_together() {
    let policy = parse(&["script-src 'self' 'unsafe-inline'", "script-src *"]);
    assert!(!policy.allows_inline_scripts());
    assert_eq!(policy.broad_scripts(), [""; 0]);
    let joined = one("script-src 'unsafe-inline', script-src 'self'");
    assert_eq!(joined.parts.len(), 2);
    assert!(!joined.allows_inline_scripts());
    assert_eq!(parse(&["script-src *", "default-src https:"]).broad_scripts(), ["*", "https:"]);
}

#[test]
fn broad_sources_are_named() {
    for (text, broad) in [
        ("script-src *", vec!["*"]),
        ("script-src https: data:", vec!["data:", "https:"]),
        ("default-src https://*", vec!["https://*"]),
        ("script-src HTTPS: blob:", vec!["blob:", "https:"]),
        ("script-src 'strict-dynamic' 'nonce-a' https:", vec![]),
        ("script-src https://*.cdn.example", vec![]),
        ("img-src *", vec![]),
    ] {
        assert_eq!(one(text).broad_scripts(), broad, "{text}");
    }
    assert_eq!(one("object-src data:").broad_objects(), ["data:"]);
}

#[test]
fn duplicates_and_errors_are_named() {
    let policy =
        one("script-src 'self'; SCRIPT-SRC *; scriptsrc x; img-src 'selff' http//x https://a/?b 'none");
    assert_eq!(policy.duplicates(), ["script-src"]);
    assert_eq!(policy.broad_scripts(), [""; 0]);
    assert_eq!(policy.invalid(), ["scriptsrc", "img-src 'selff'", "img-src https://a/?b", "img-src 'none"]);
    assert_eq!(one("default-src 'none' 'self'").invalid(), ["default-src 'none' + …"]);
    for bad in [
        "'nonce-'",
        "'nonce-a b'",
        "'sha256-'",
        "'sha1-abc='",
        "http://",
        "a..b",
        "https://[::1",
        "shop.example:99999999",
        "é.example",
        "*shop.example",
        "1:",
        "'self",
        "self'",
        "''",
    ] {
        assert!(!one(&format!("script-src {bad}")).invalid().is_empty(), "{bad}");
    }
}

#[test]
fn hosts_are_read() {
    let policy = one("script-src https://*.cdn.example:8443/js/ cdn.example *:* ws://x.example");
    let sources = &policy.parts[0].directives[0].sources;
    let Source::Host(host) = &sources[0] else { panic!("a host") };
    assert_eq!(host.scheme.as_deref(), Some("https"));
    assert_eq!((host.host.as_str(), host.port.as_deref()), ("*.cdn.example", Some("8443")));
    assert_eq!(host.path.as_deref(), Some("/js/"));
    assert_eq!(policy.hosts_without_scheme(), ["cdn.example"]);
    assert_eq!(policy.insecure(true), ["ws://x.example"]);
    assert_eq!(one("img-src http:").insecure(false), ["http:"]);
    assert_eq!(one("img-src http:").insecure(true), [""; 0]);
}

#[test]
fn fallbacks_follow_the_standard() {
    let policy = one("default-src 'none'; child-src 'self'; script-src 'unsafe-eval'");
    let of = |name: &str| policy.parts[0].effective(name).unwrap().to_vec();
    assert_eq!(of("frame-src"), [Source::Own]);
    assert_eq!(of("worker-src"), [Source::Own]);
    assert_eq!(of("script-src-elem"), [Source::UnsafeEval]);
    assert_eq!(of("img-src"), [Source::None]);
    assert_eq!(policy.parts[0].effective("base-uri"), None);
    assert!(!one("frame-ancestors *").limits_framing());
    assert!(!one("frame-ancestors https:").limits_framing());
    assert!(!one("default-src 'none'").limits_framing());
    assert!(one("frame-ancestors https://partner.example").limits_framing());
}

#[test]
fn giants_are_bounded() {
    let giant = "script-src x;".repeat(100_000);
    let policy = one(&giant);
    assert!(policy.parts[0].directives.len() <= DIRECTIVES_MAX);
    let giant = format!("script-src {}", "x.example ".repeat(1_000_000));
    assert!(one(&giant).parts[0].directives[0].values.len() <= SOURCES_MAX);
    assert!(one(&",a b".repeat(100_000)).parts.len() <= POLICIES_MAX);
}

proptest! {
    #[test]
    fn any_text_is_read(values in proptest::collection::vec("\\PC{0,120}", 0..4)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let policy = parse(&values);
        let _ = (policy.allows_inline_scripts(), policy.broad_scripts(), policy.insecure(true), policy.limits_framing());
        prop_assert_eq!(policy.is_empty(), policy.parts.is_empty());
    }

    #[test]
    fn words_of_policies_are_read(
        text in "((default|script|img)-src|frame-ancestors|x)( ('(none|self|unsafe-inline|nonce-a)'|https:|\\*|a.example)){0,4}(; ?script-src \\*|, img-src x)?"
    ) {
        prop_assert!(!one(&text).is_empty());
    }
}
