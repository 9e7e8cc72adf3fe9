//! The table against facts that are written down elsewhere.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use super::*;

fn get(id: u32) -> &'static Suite {
    find(id).unwrap()
}

#[test]
fn the_table_is_whole() {
    let ids: BTreeSet<u32> = NAMES.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids.len(), NAMES.len(), "a number twice");
    assert!(NAMES.is_sorted_by_key(|(id, ..)| *id));
    assert!(NAMES.len() > 380);
    assert_eq!(all().count(), NAMES.len());
    // Only what is meant to is read as encrypting or authenticating nothing.
    for suite in all() {
        let says_null = suite.name.contains("NULL") || suite.name.contains("_SHA256_SHA256");
        let says_null = says_null || suite.name == "TLS_SHA384_SHA384";
        assert_eq!(suite.is_null(), says_null, "{}", suite.name);
        assert_eq!(suite.bits == 0, says_null, "{}", suite.name);
        let is_anon = suite.name.contains("anon") || suite.id == 0;
        assert_eq!(suite.is_anon(), is_anon, "{}", suite.name);
        assert_eq!(suite.kx == Kx::Null, suite.id == 0, "{}", suite.name);
        assert_eq!(suite.is_export, suite.name.contains("EXPORT"), "{}", suite.name);
        assert!(!suite.is_export || suite.bits <= 56, "{}", suite.name);
        let has_mac =
            suite.mac != Mac::Null || suite.id == 0 || suite.is_null() || suite.name.contains("NULL");
        assert!(has_mac, "{}", suite.name);
    }
    assert_eq!(find(0x1A1A), None);
    assert_eq!(name(0x1A1A), "0x1a1a");
    assert_eq!(name(0x1301), "TLS_AES_128_GCM_SHA256");
}

#[test]
fn attributes_of_known_suites() {
    let check = |id: u32, kx, auth, cipher, mode, bits, mac| {
        let s = get(id);
        assert_eq!(
            (s.kx, s.auth, s.cipher, s.mode, s.bits, s.mac),
            (kx, auth, cipher, mode, bits, mac),
            "{}",
            s.name
        );
    };
    check(0x1302, Kx::Any, Auth::Any, Cipher::Aes, Mode::Gcm, 256, Mac::Aead);
    check(0x1303, Kx::Any, Auth::Any, Cipher::Chacha20, Mode::OtherAead, 256, Mac::Aead);
    check(0x1305, Kx::Any, Auth::Any, Cipher::Aes, Mode::Ccm8, 128, Mac::Aead);
    check(0xC02F, Kx::Ecdhe, Auth::Rsa, Cipher::Aes, Mode::Gcm, 128, Mac::Aead);
    check(0xC024, Kx::Ecdhe, Auth::Ecdsa, Cipher::Aes, Mode::Cbc, 256, Mac::Sha384);
    check(0xC0AE, Kx::Ecdhe, Auth::Ecdsa, Cipher::Aes, Mode::Ccm8, 128, Mac::Aead);
    check(0xC0AF, Kx::Ecdhe, Auth::Ecdsa, Cipher::Aes, Mode::Ccm8, 256, Mac::Aead);
    check(0xC09D, Kx::Rsa, Auth::Rsa, Cipher::Aes, Mode::Ccm, 256, Mac::Aead);
    check(0x0004, Kx::Rsa, Auth::Rsa, Cipher::Rc4, Mode::Stream, 128, Mac::Md5);
    check(0x0003, Kx::Rsa, Auth::Rsa, Cipher::Rc4, Mode::Stream, 40, Mac::Md5);
    check(0x000A, Kx::Rsa, Auth::Rsa, Cipher::TripleDes, Mode::Cbc, 112, Mac::Sha1);
    check(0x0016, Kx::Dhe, Auth::Rsa, Cipher::TripleDes, Mode::Cbc, 112, Mac::Sha1);
    check(0x0014, Kx::Dhe, Auth::Rsa, Cipher::Des, Mode::Cbc, 40, Mac::Sha1);
    check(0x0015, Kx::Dhe, Auth::Rsa, Cipher::Des, Mode::Cbc, 56, Mac::Sha1);
    check(0x0017, Kx::Dhe, Auth::Anon, Cipher::Rc4, Mode::Stream, 40, Mac::Md5);
    check(0x0062, Kx::Rsa, Auth::Rsa, Cipher::Des, Mode::Cbc, 56, Mac::Sha1);
    check(0x0061, Kx::Rsa, Auth::Rsa, Cipher::Rc2, Mode::Cbc, 56, Mac::Md5);
    check(0x0006, Kx::Rsa, Auth::Rsa, Cipher::Rc2, Mode::Cbc, 40, Mac::Md5);
    check(0x0007, Kx::Rsa, Auth::Rsa, Cipher::Idea, Mode::Cbc, 128, Mac::Sha1);
    check(0x0096, Kx::Rsa, Auth::Rsa, Cipher::Seed, Mode::Cbc, 128, Mac::Sha1);
    check(0x0031, Kx::Dh, Auth::Rsa, Cipher::Aes, Mode::Cbc, 128, Mac::Sha1);
    check(0x0034, Kx::Dhe, Auth::Anon, Cipher::Aes, Mode::Cbc, 128, Mac::Sha1);
    check(0xC018, Kx::Ecdhe, Auth::Anon, Cipher::Aes, Mode::Cbc, 128, Mac::Sha1);
    check(0xC004, Kx::Ecdh, Auth::Ecdsa, Cipher::Aes, Mode::Cbc, 128, Mac::Sha1);
    check(0x003B, Kx::Rsa, Auth::Rsa, Cipher::Null, Mode::Null, 0, Mac::Sha256);
    check(0x001E, Kx::Krb5, Auth::Krb5, Cipher::Des, Mode::Cbc, 56, Mac::Sha1);
    check(0x0029, Kx::Krb5, Auth::Krb5, Cipher::Des, Mode::Cbc, 40, Mac::Md5);
    check(0x0081, Kx::Gost, Auth::Gost, Cipher::Gost89, Mode::Stream, 256, Mac::Gost);
    check(0xC100, Kx::Gost, Auth::Gost, Cipher::Kuznyechik, Mode::Stream, 256, Mac::Gost);
    check(0xC01E, Kx::Srp, Auth::Rsa, Cipher::Aes, Mode::Cbc, 128, Mac::Sha1);
    check(0xC0AA, Kx::DhePsk, Auth::Shared, Cipher::Aes, Mode::Ccm8, 128, Mac::Aead);
    check(0x00AC, Kx::RsaPsk, Auth::Rsa, Cipher::Aes, Mode::Gcm, 128, Mac::Aead);
    check(0xC060, Kx::Ecdhe, Auth::Rsa, Cipher::Aria, Mode::Gcm, 128, Mac::Aead);
    check(0xC077, Kx::Ecdhe, Auth::Rsa, Cipher::Camellia, Mode::Cbc, 256, Mac::Sha384);
    check(0xCC13, Kx::Ecdhe, Auth::Rsa, Cipher::Chacha20Draft, Mode::OtherAead, 256, Mac::Aead);
    check(0xCCA8, Kx::Ecdhe, Auth::Rsa, Cipher::Chacha20, Mode::OtherAead, 256, Mac::Aead);
    check(0xFEFE, Kx::Rsa, Auth::Rsa, Cipher::Des, Mode::Cbc, 56, Mac::Sha1);
    check(0x010080, Kx::Rsa, Auth::Rsa, Cipher::Rc4, Mode::Stream, 128, Mac::Md5);
    check(0x020080, Kx::Rsa, Auth::Rsa, Cipher::Rc4, Mode::Stream, 40, Mac::Md5);
    check(0x030080, Kx::Rsa, Auth::Rsa, Cipher::Rc2, Mode::Cbc, 128, Mac::Md5);
    check(0x040080, Kx::Rsa, Auth::Rsa, Cipher::Rc2, Mode::Cbc, 40, Mac::Md5);
    check(0x050080, Kx::Rsa, Auth::Rsa, Cipher::Idea, Mode::Cbc, 128, Mac::Md5);
    check(0x060040, Kx::Rsa, Auth::Rsa, Cipher::Des, Mode::Cbc, 56, Mac::Md5);
    check(0x0700C0, Kx::Rsa, Auth::Rsa, Cipher::TripleDes, Mode::Cbc, 112, Mac::Md5);
    check(0x080080, Kx::Rsa, Auth::Rsa, Cipher::Rc4, Mode::Stream, 64, Mac::Md5);
}

#[test]
fn predicates() {
    assert!(
        get(0xC02F).has_forward_secrecy()
            && !get(0x009C).has_forward_secrecy()
            && !get(0xC004).has_forward_secrecy()
    );
    assert!(get(0x1301).has_forward_secrecy() && !get(0x008C).has_forward_secrecy());
    assert!(get(0x009C).uses_rsa_transport() && !get(0xC02F).uses_rsa_transport());
    assert!(get(0x0033).uses_dhe() && !get(0xC013).uses_dhe() && get(0xC013).uses_ecdhe());
    assert!(get(0x0005).is_rc4() && get(0x0009).is_des() && !get(0x000A).is_des() && get(0x000A).is_3des());
    assert!(get(0xC013).is_cbc() && !get(0xC02F).is_cbc() && !get(0x0005).is_cbc() && !get(0x0001).is_cbc());
    assert!(get(0xCCA8).is_aead() && get(0x1305).is_ccm8() && !get(0x1304).is_ccm8());
    assert!(get(0x0700C0).is_ssl2() && !get(0x1301).is_ssl2());
    assert!(
        get(0x008C).needs_shared_secret()
            && get(0xC01E).needs_shared_secret()
            && !get(0xC02F).needs_shared_secret()
    );
    assert!(get(0x0006).is_rc2());
}

/// Appendix B of the guidelines of 2025-05, as internet.nl has it (with the two CCM suites it adds).
#[test]
fn ncsc_classes_are_those_of_appendix_b() {
    let named = |class: Ncsc| -> BTreeSet<&str> {
        all().filter(|suite| suite.ncsc() == class).map(|suite| suite.name).collect()
    };
    assert_eq!(named(Ncsc::Good), BTreeSet::from(["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]));
    let sufficient = BTreeSet::from([
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_128_CCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ]);
    assert_eq!(named(Ncsc::Sufficient), sufficient);
    let mut phase_out = BTreeSet::new();
    for kx in ["ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA"] {
        for cipher in ["CAMELLIA", "ARIA"] {
            phase_out.insert(format!("TLS_{kx}_WITH_{cipher}_256_GCM_SHA384"));
            phase_out.insert(format!("TLS_{kx}_WITH_{cipher}_128_GCM_SHA256"));
            phase_out.insert(format!("TLS_{kx}_WITH_{cipher}_128_CBC_SHA256"));
            let hash = if kx == "DHE_RSA" && cipher == "CAMELLIA" { 256 } else { 384 };
            phase_out.insert(format!("TLS_{kx}_WITH_{cipher}_256_CBC_SHA{hash}"));
        }
        phase_out.insert(format!("TLS_{kx}_WITH_AES_128_CBC_SHA256"));
        phase_out.insert(format!("TLS_{kx}_WITH_AES_256_CBC_SHA{}", if kx == "DHE_RSA" { 256 } else { 384 }));
    }
    for cipher in
        ["CHACHA20_POLY1305_SHA256", "AES_256_GCM_SHA384", "AES_256_CCM", "AES_128_GCM_SHA256", "AES_128_CCM"]
    {
        phase_out.insert(format!("TLS_DHE_RSA_WITH_{cipher}"));
    }
    assert_eq!(named(Ncsc::PhaseOut), phase_out.iter().map(String::as_str).collect());
    assert_eq!(get(0x1305).ncsc(), Ncsc::Insufficient);
    assert_eq!(get(0xCC13).ncsc(), Ncsc::Insufficient);
    assert_eq!(get(0xC013).ncsc(), Ncsc::Insufficient);
    assert_eq!(get(0x009D).ncsc(), Ncsc::Insufficient);
    assert!(Ncsc::Good < Ncsc::Insufficient);
}

#[test]
fn probe_lists_leave_nothing_out() {
    let tls12: Vec<u16> = probe_lists(Protocol::Tls12).concat();
    let unique: BTreeSet<u16> = tls12.iter().copied().collect();
    assert_eq!(unique.len(), tls12.len());
    let expected = all().filter(|suite| !suite.is_tls13 && !suite.is_ssl2()).count();
    assert_eq!(tls12.len(), expected);
    let lists = probe_lists(Protocol::Tls12);
    assert!(lists.iter().all(|list| (1..=PROBE_CHUNK).contains(&list.len())) && lists.len() <= 7);
    // The suites of nearly all web servers are in the first two lists.
    let usual: Vec<u16> = lists[..2].concat();
    assert!(
        [0xC02F, 0xC030, 0xCCA8, 0xC013, 0x009C, 0x002F, 0x0005, 0x000A, 0x0033]
            .iter()
            .all(|id| usual.contains(id))
    );

    let ssl3: Vec<u16> = probe_lists(Protocol::Ssl3).concat();
    assert!(
        ssl3.contains(&0x0005)
            && ssl3.contains(&0xC013)
            && !ssl3.contains(&0xC02F)
            && !ssl3.contains(&0x003C)
    );
    assert!(ssl3.len() < 200);
    assert_eq!(
        tls13(),
        [0x00C6, 0x00C7, 0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x1306, 0x1307, 0xC0B4, 0xC0B5]
    );
    assert_eq!(ssl2().len(), 12);
    assert!(probe_lists(Protocol::Ssl2).is_empty());
}

/// OpenSSL's own list, as `openssl ciphers -V ALL:COMPLEMENTOFALL` of 3.0 prints it for a few.
#[test]
fn openssl_names() {
    let check = |id: u32, name: &str| assert_eq!(get(id).openssl, name);
    check(0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256");
    check(0xC013, "ECDHE-RSA-AES128-SHA");
    check(0x009E, "DHE-RSA-AES128-GCM-SHA256");
    check(0x0067, "DHE-RSA-AES128-SHA256");
    check(0xCCAA, "DHE-RSA-CHACHA20-POLY1305");
    check(0x002F, "AES128-SHA");
    check(0x0034, "ADH-AES128-SHA");
    check(0xC015, "AECDH-NULL-SHA");
    check(0x000A, "DES-CBC3-SHA");
    check(0x1301, "TLS_AES_128_GCM_SHA256");
    check(0x0041, "CAMELLIA128-SHA");
}
