//! Index terms, row MACs, hashes and pairwise tokens of one shop.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use kluis_crypto::*;
use kluis_model::{FieldKind, FieldName, IndexUse, ShopId, SubjectId, TimeMs};
use proptest::prelude::*;

const SHOP: ShopId = ShopId(1);
const OTHER: ShopId = ShopId(2);

fn keyring() -> Keyring {
    let mut keyring = Keyring::generate(SHOP, "test", TimeMs(0), &SystemRandom);
    keyring.add_shop(OTHER, TimeMs(0), &SystemRandom).unwrap();
    keyring
}

#[test]
fn terms_differ_by_shop_kind_version_and_value() {
    let mut keyring = keyring();
    assert_eq!(keyring.add_index_version(SHOP, &SystemRandom), Ok(2));
    let (keys, other) = (keyring.shop(SHOP).unwrap(), keyring.shop(OTHER).unwrap());
    assert_eq!((keys.index_versions(), other.index_versions()), (&[1, 2][..], &[1][..]));
    let mut terms = BTreeSet::new();
    for version in [1, 2] {
        for kind in [FieldKind::EmailAddress, FieldKind::Phone, FieldKind::CustomerNumber] {
            for value in ["", "a", "b", "noor@example.nl"] {
                let term = keys.unique_term(kind, version, value).unwrap();
                assert_eq!(keys.unique_term(kind, version, value), Ok(term));
                assert!(terms.insert(term), "{kind} {version} {value}");
            }
        }
    }
    assert!(terms.insert(other.unique_term(FieldKind::EmailAddress, 1, "a").unwrap()));
}

#[test]
fn guessable_kinds_and_dead_versions_are_refused() {
    let keyring = keyring();
    let keys = keyring.shop(SHOP).unwrap();
    for kind in FieldKind::ALL {
        let (unique, bucket) = (keys.unique_term(kind, 1, "x"), keys.bucket_term(kind, 1, "x", 12));
        match index_use(kind) {
            IndexUse::Unique | IndexUse::Exact => {
                assert!(unique.is_ok() && bucket == Err(IndexError::OtherUse(kind)));
            }
            IndexUse::Bucket => assert!(bucket.is_ok() && unique == Err(IndexError::OtherUse(kind))),
            IndexUse::None => {
                assert_eq!(unique, Err(IndexError::Guessable(kind)));
                assert_eq!(bucket, Err(IndexError::Guessable(kind)));
            }
        }
    }
    assert_eq!(index_use(FieldKind::Gender), IndexUse::None);
    for version in [0, 2, 255] {
        let term = keys.unique_term(FieldKind::Phone, version, "x");
        assert_eq!(term, Err(IndexError::NotLive(version)));
        let term = keys.bucket_term(FieldKind::Surname, version, "x", 8);
        assert_eq!(term, Err(IndexError::NotLive(version)));
    }
}

#[test]
fn buckets_are_prefixes_of_each_other() {
    let keyring = keyring();
    let keys = keyring.shop(SHOP).unwrap();
    let bucket = |value: &str, bits| keys.bucket_term(FieldKind::Surname, 1, value, bits).unwrap();
    for value in ["jansen", "devries", ""] {
        let whole = bucket(value, 64);
        assert_eq!(bucket(value, 255), whole);
        assert_eq!(bucket(value, 0), 0);
        for bits in 1..64 {
            assert_eq!(bucket(value, bits), whole >> (64 - bits));
        }
    }
    // 500 values over 16 buckets fill all of them: nothing but chance of 10⁻¹² leaves one empty.
    let hit: BTreeSet<_> = (0..500).map(|n| bucket(&n.to_string(), 4)).collect();
    assert_eq!(hit.len(), 16);
}

#[test]
fn a_row_mac_covers_table_parts_and_their_borders() {
    let keyring = keyring();
    let keys = keyring.shop(SHOP).unwrap();
    let long = [7; 2000];
    let rows: [(&str, &[&[u8]]); 9] = [
        ("subject", &[b"ab", b"c"]),
        ("subject", &[b"a", b"bc"]),
        ("subject", &[b"abc"]),
        ("subject", &[b"ab", b"c", b""]),
        ("subject", &[]),
        ("subjectab", &[b"c"]),
        ("token", &[b"ab", b"c"]),
        ("subject", &[&long]),
        ("subject", &[&long[..1999], &[7]]),
    ];
    for (i, (table, parts)) in rows.iter().enumerate() {
        let mac = keys.row_mac(table, parts);
        for (j, (table, parts)) in rows.iter().enumerate() {
            assert_eq!(keys.row_mac_matches(table, parts, &mac), i == j, "{i} {j}");
        }
        assert!(!keyring.shop(OTHER).unwrap().row_mac_matches(table, parts, &mac));
        assert!(!keys.row_mac_matches(table, parts, &mac[..31]));
        assert!(!keys.row_mac_matches(table, parts, &[]));
    }
}

#[test]
fn hashes_and_pairwise_tokens() {
    let keyring = keyring();
    let (keys, other) = (keyring.shop(SHOP).unwrap(), keyring.shop(OTHER).unwrap());
    let secret = CredentialSecret::random(CredentialKind::Staff, &SystemRandom);
    let again: CredentialSecret = secret.to_text().parse().unwrap();
    assert_eq!(keys.credential_hash(&secret), keys.credential_hash(&again));
    assert_ne!(keys.credential_hash(&secret), other.credential_hash(&secret));
    let token = Token::random(&SystemRandom);
    assert_eq!(keys.token_hash(&token), keys.token_hash(&token.to_string().parse().unwrap()));
    assert_ne!(keys.token_hash(&token), other.token_hash(&token));
    let subject = |n: u8| SubjectId::from_bytes([n; 16]);
    let field = |name: &str| name.parse::<FieldName>().unwrap();
    let pairwise = |s, f: &str, d: &str| keys.pairwise_token(subject(s), &field(f), d);
    let tokens = [
        pairwise(1, "email", "mailchimp"),
        pairwise(2, "email", "mailchimp"),
        pairwise(1, "phone", "mailchimp"),
        pairwise(1, "email", "brevo"),
        pairwise(1, "email", ""),
        other.pairwise_token(subject(1), &field("email"), "mailchimp"),
    ];
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len());
    assert_eq!(tokens[0], pairwise(1, "email", "mailchimp"));
    assert_eq!(format!("{keys:?}"), "ShopKeys(1, ***)");
}

proptest! {
    #[test]
    fn any_key_gives_a_stable_term(key in ".{0,200}") {
        let keyring = Keyring::generate(SHOP, "test", TimeMs(0), &SystemRandom);
        let keys = keyring.shop(SHOP).unwrap();
        let term = keys.unique_term(FieldKind::EmailAddress, 1, &key).unwrap();
        prop_assert_eq!(keys.unique_term(FieldKind::EmailAddress, 1, &key), Ok(term));
        prop_assert_ne!(keys.unique_term(FieldKind::EmailAddress, 1, &format!("{key}x")), Ok(term));
    }
}
