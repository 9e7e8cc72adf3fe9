//! Content-Security-Policy: any text can be read and asked.
#![no_main]
use kluis_checks::web::csp;

libfuzzer_sys::fuzz_target!(|data: &str| {
    let values: Vec<&str> = data.lines().collect();
    let policy = csp::parse(&values);
    let _ =
        (policy.allows_inline_styles(), policy.allows_eval(), policy.limits_framing(), policy.insecure(true));
    let _ = (policy.invalid(), policy.duplicates(), policy.hosts_without_scheme(), policy.broad_objects());
    // A further strict policy only ever forbids more.
    let mut stricter = values.clone();
    stricter.insert(0, "script-src 'none'");
    let stricter = csp::parse(&stricter);
    assert!(!stricter.allows_inline_scripts() && stricter.broad_scripts().is_empty());
});
