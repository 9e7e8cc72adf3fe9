//! Known values, near misses and traps of every value with letters.

use super::*;

/// What a detector finds at the beginning of a text.
fn check(find: fn(&[u8], usize) -> Option<usize>, good: &[&str], bad: &[&str]) {
    for text in good {
        let (value, rest) = text.split_once('|').unwrap_or((text, ""));
        let whole = format!("{value}{rest}");
        assert_eq!(find(whole.as_bytes(), 0), Some(value.len()), "{text}");
    }
    for text in bad {
        assert_eq!(find(text.as_bytes(), 0), None, "{text}");
    }
}

#[test]
fn ibans() {
    check(
        |text, start| iban(text, start).filter(|(_, agrees)| *agrees).map(|(end, _)| end),
        &[
            "NL91ABNA0417164300",
            "NL91 ABNA 0417 1643 00| bij",
            "nl91abna0417164300",
            "BE68-5390-0754-7034",
            "DE89370400440532013000|,",
        ],
        &[
            "NL92ABNA0417164300",
            "NL91ABNA04171643001",
            "NL91 ABN A0417164300",
            "NL91 ABNA-0417 1643 00",
            "NL91",
            "XX91ABNA0417164300",
            "",
        ],
    );
}

#[test]
fn dutch_vat_numbers_tell_whose_they_are() {
    let owner = |text: &str| dutch_vat(text.as_bytes(), 0).map(|(_, owner)| owner);
    assert_eq!(owner("NL000099998B57"), Some(VatOwner::SoleTrader));
    assert_eq!(owner("NL111222333B01"), Some(VatOwner::CompanyOrOldSoleTrader));
    assert_eq!(owner("NL1112.22.333.B01"), Some(VatOwner::CompanyOrOldSoleTrader));
    for text in [
        "NL111222334B01",
        "NL111222333C01",
        "NL111222333B0",
        "NL111222333B011",
        "BE111222333B01",
        "NL",
        "NL..111222333B01",
    ] {
        assert_eq!(owner(text), None, "{text}");
    }
}

#[test]
fn postcodes() {
    check(
        postcode,
        &["1234AB", "1234 AB| Ons Dorp", "9999 ZZ"],
        &["0123AB", "1234 ab", "1024 SD", "1234 SA", "1234 ABC", "1234  AB", "4000 XL5", "123 AB", "1234"],
    );
}

#[test]
fn plates() {
    check(
        plate,
        &["GB-123-X", "12-ABC-3", "1-ABC-23", "AB-12-CD| ", "99-XX-99"],
        &[
            "GB123X",
            "12-PSV-3",
            "1-1-1-1",
            "AB-CD-EF",
            "12-34-56",
            "GB-123-X-1",
            "GB-123-XY",
            "AQ-123-X",
            "gb-123-x",
            "AB-12-SS",
        ],
    );
}

#[test]
fn documents_and_their_zones() {
    assert!(is_document(b"NW1234567") && is_document(b"SPECI2014"));
    for token in ["NO1234567", "NW123456A", "NW12345678", "1W1234567", "ABCDEFGH1x", ""] {
        assert!(!is_document(token.as_bytes()), "{token}");
    }
    assert_eq!(mrz(b"P<NLDDE<BRUIJN<<WILLEKE<LISELOTTE<<<<<<<<<<<", 0), Some(44));
    assert!(mrz(b"P<NLD", 0).is_none() && mrz(b"Q<NLDDE<BRUIJN<<WILLEKE<LISELOTTE<<<", 0).is_none());
}

#[test]
fn addresses_of_mail() {
    let found = |text: &str| {
        let at = text.find('@').unwrap_or(0);
        email(text.as_bytes(), at).map(|(start, end)| text[start..end].to_owned())
    };
    for text in [
        "jan@winkel.example",
        "o'neill@winkel.example",
        "jan.de-vries+nieuws@sub.winkel.example",
        "zoë@winkel.example",
        "a@bücher.example",
    ] {
        assert_eq!(found(text).as_deref(), Some(text));
    }
    assert_eq!(found("<jan@winkel.example>.").as_deref(), Some("jan@winkel.example"));
    assert_eq!(found("('jan@winkel.example','").as_deref(), Some("jan@winkel.example"));
    assert_eq!(found("mailto=jan@winkel.example").as_deref(), Some("jan@winkel.example"));
    assert_eq!(found("https://u/jan@winkel.example").as_deref(), Some("jan@winkel.example"));
    for text in [
        "@winkel.example",
        "jan@",
        "jan@winkel",
        "jan.@winkel.example",
        "j..an@winkel.example",
        "jan@-a.example",
        "jan@1.2.3.4",
        "foo@2x.9",
    ] {
        assert_eq!(found(text), None, "{text}");
    }
}

#[test]
fn addresses_of_machines() {
    check(
        mac,
        &["00:1a:2B:3c:4d:5e", "00-1A-2B-3C-4D-5E| "],
        &["00:1a:2b:3c:4d", "00:1a:2b:3c:4d:5e:6f", "01-02-03-04-05-06", "00:1a-2b:3c:4d:5e", "0:1:2"],
    );
    check(
        ipv6,
        &["2001:db8::1:2", "fe80:0:0:0:1:2:3:4", "2001:db8:1::5| x"],
        &["12:30:45", "::", "10:20", "2001:db8:::1", "12:30:45:10", "a::b"],
    );
}

#[test]
fn passwords_and_keys() {
    let bcrypt = format!("$2y$10${}", "a".repeat(53));
    check(
        password_hash,
        &[&bcrypt, &format!("$P$B{}", "b".repeat(30))],
        &["$2y$10$short", "$5", "$100.00", "$x$abcdefghijklmnopqrstuvwxyz0123456789"],
    );
    let key = |head: &str, count: usize| format!("{head}{}", "a1".repeat(count / 2));
    check(
        api_key,
        &[
            &key("sk_live_", 24),
            &key("shpat_", 32),
            &key("AKIA", 16),
            &format!("{}-us12", "0123456789abcdef".repeat(2)),
        ],
        &["sk_live_", "sk_test_abc", "live_wire", "AKIAB", &"0123456789abcdef".repeat(2)],
    );
}

#[test]
fn the_quick_test_of_an_iban_is_that_of_the_model() {
    let mut dice = crate::testing::Dice::new(1);
    for _ in 0..2_000 {
        let text: String = crate::testing::identifiers::iban(&mut dice).split(' ').collect();
        let mut bytes = text.into_bytes();
        assert!(agrees(&bytes));
        let at = 4 + dice.below(bytes.len() as u64 - 4) as usize;
        bytes[at] = b"0123456789AZ"[dice.below(12) as usize];
        assert_eq!(agrees(&bytes), kluis_model::checksum::is_iban(&bytes), "{bytes:?}");
    }
}
