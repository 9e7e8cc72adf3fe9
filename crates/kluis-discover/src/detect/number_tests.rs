//! Known numbers, near misses and traps of every number of people.

use super::*;

fn read(text: &str) -> Digits {
    Digits::read(text.as_bytes(), 0)
}

fn values(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect()
}

#[test]
fn groups_are_read_with_their_marks() {
    let check = |text: &str, lengths: &[usize], marks: &[u8]| {
        let digits = read(text);
        let found: Vec<usize> = (0..digits.groups()).map(|group| digits.length(group)).collect();
        let found_marks: Vec<u8> = (0..digits.groups()).map(|group| digits.mark(group)).collect();
        assert_eq!((found.as_slice(), &found_marks[1..]), (lengths, marks), "{text}");
    };
    check("12", &[2], b"");
    check("06-12 34.56/78", &[2, 2, 2, 2, 2], b"- ./");
    check("31 (0)6 12", &[2, 1, 1, 2], b"(( ");
    check("06 - 12", &[2, 2], b"-");
    check("12--34", &[2], b"");
    check("12  34", &[2], b"");
    check("1 2 3 4 5 6 7 8 9", &[1; 8], b"       ");
    check("12, 34", &[2], b"");
}

#[test]
fn numbers_that_are_too_long_are_nobodys() {
    assert_eq!(read(&"1".repeat(25)).groups(), 0);
    let digits = read(&format!("12 {}", "1".repeat(40)));
    assert_eq!((digits.groups(), digits.of(1)), (1, &[1, 2][..]));
    assert_eq!(digits.of(0), &[] as &[u8]);
}

#[test]
fn a_bsn_passes_the_eleven_test_and_stands_in_its_form() {
    for (text, groups) in [
        ("111222333", Some(1)),
        ("1112.22.333", Some(3)),
        ("111 222 333", Some(3)),
        ("111-222-333", Some(3)),
        ("111-222 333", None),
        ("1112-22-333", None),
        ("11 12 22 333", None),
    ] {
        assert_eq!(bsn_groups(&read(text)), groups, "{text}");
        assert!(is_bsn(&values(text)), "{text}");
    }
    for text in ["111222334", "000000000", "1112223330", "1112223"] {
        assert!(!is_bsn(&values(text)), "{text}");
    }
    assert!(is_bsn(&values("10000008")), "eight digits: a zero was left out");
}

#[test]
fn a_card_has_a_range_a_length_and_luhn() {
    for text in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "2221000000000009",
        "2720990000000007",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
    ] {
        let digits = read(text);
        let groups = card_groups(&digits);
        assert_eq!(groups.map(|groups| digits.end(groups)), Some(text.len()), "{text}");
    }
    for text in [
        "4111111111111112",
        "4111 1111 1111 1112",
        "4111-1111 1111-1111",
        "1234567812345670",
        "2220000000000000",
        "8711111111117",
        "0000000000000000",
        "41111111111111111",
    ] {
        assert_eq!(card_groups(&read(text)), None, "{text}");
    }
}

#[test]
fn an_ean_is_no_card() {
    assert!(is_ean13(&values("8710400311140")) && !is_ean13(&values("8710400311141")));
    assert!(!is_card(&values("4006381333931")), "an EAN that begins as a Visa card does");
}

#[test]
fn dutch_numbers_are_told_from_other_digits() {
    let check = |text: &str, has_plus: bool, expected: Option<(usize, Line)>| {
        let digits = read(text);
        let found = phone_groups(&digits, has_plus).map(|(groups, line)| (digits.end(groups), line));
        assert_eq!(found, expected, "{text}");
    };
    let person = |text: &str| Some((text.len(), Line::Person));
    for text in [
        "0612345678",
        "06-12345678",
        "06 12 34 56 78",
        "0031612345678",
        "020-1234567",
        "0113 123456",
        "070 12 34 567",
    ] {
        check(text, false, person(text));
    }
    for text in [
        "31612345678",
        "31 6 12345678",
        "31 (0)6 12345678",
        "3225551234",
        "32470123456",
        "491711234567",
        "33612345678",
    ] {
        check(text, true, person(text));
    }
    for text in ["0800-1234", "0900 1234567", "088-1234567", "085 1234567"] {
        let found = phone_groups(&read(text), false);
        assert_eq!(found.map(|(_, line)| line), Some(Line::Company), "{text}");
    }
    for text in ["0712345", "0667890123", "0000000000", "12345678", "612345678", "0999123456", "06123456789"]
    {
        check(text, false, None);
    }
    for text in ["3112345", "0612345678", "12345678", "1234567890123456"] {
        check(text, true, None);
    }
}

#[test]
fn days_must_exist() {
    for (text, expected) in [
        ("31-12-1980", Some((1980, 12, 31))),
        ("1/2/80", Some((1980, 2, 1))),
        ("1980-12-31", Some((1980, 12, 31))),
        ("29.02.2000", Some((2000, 2, 29))),
        ("29.02.1900", None),
        ("31-04-1980", None),
        ("1980-13-01", None),
        ("12-12", None),
        ("31-12/1980", None),
        ("31 12 1980", None),
        ("1-1-1", None),
        ("00-01-2000", None),
        ("2100-01-01", None),
    ] {
        assert_eq!(date(&read(text)), expected, "{text}");
    }
}

#[test]
fn an_address_is_told_from_a_version() {
    let check = |text: &str, has_context: bool, expected: bool| {
        assert_eq!(ipv4(&read(text), text.as_bytes(), has_context).is_some(), expected, "{text}");
    };
    check("192.0.2.1", false, true);
    check("2.4.1.0", false, false);
    check("2.4.1.0", true, true);
    for text in ["256.1.1.1", "192.0.2.01", "192.0.2", "192.0.2.1.5", "1922.0.2.1", "192-0-2-1"] {
        check(text, true, false);
    }
    assert!(is_imei(&values("490154203237518")) && !is_imei(&values("490154203237519")));
}
