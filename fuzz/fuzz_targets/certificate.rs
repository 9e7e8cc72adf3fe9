//! Certificates and lists of timestamps: never a panic, and what is read is bounded and can be saved.
#![no_main]
use kluis_checks::cert;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let facts = cert::read(data);
    assert!(facts.is_readable || facts.names.is_empty());
    assert!(facts.names.len() <= cert::NAMES_MAX && facts.scts.len() <= cert::SCTS_MAX);
    assert!(facts.subject.chars().count() <= 300 && facts.issuer.chars().count() <= 300);
    let _ = cert::life_days(facts.not_before, facts.not_after);
    let _ = cert::br_max_days(facts.not_before);
    for name in &facts.names {
        // What stands in the certificate is for itself, unless it is a wildcard or no host name at all.
        assert!(!cert::matches(std::slice::from_ref(name), name) || cert::covers(data, name));
    }
    let _ = cert::near_miss(&facts.names, "www.shop.example");
    assert!(cert::read_sct_list(data).len() <= cert::SCTS_MAX);
});
