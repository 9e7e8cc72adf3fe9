//! What each kind accepts, in which form, and what it refuses.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::fields::IndexUse;
use ValueProblem as P;

const FR: Country2 = Country2::from_letters(*b"FR");
const GB: Country2 = Country2::from_letters(*b"GB");
const US: Country2 = Country2::from_letters(*b"US");

fn of(kind: FieldKind, raw: &str, country: Country2) -> Result<String, P> {
    normalise(kind, raw, country).map(|normal| normal.value.into_exposed())
}

fn good(kind: FieldKind, country: Country2, pairs: &[(&str, &str)]) {
    for (raw, canonical) in pairs {
        assert_eq!(of(kind, raw, country).as_deref(), Ok(*canonical), "{kind} {raw:?}");
        assert_eq!(of(kind, canonical, country).as_deref(), Ok(*canonical), "{kind} {canonical:?} again");
    }
}

fn bad(kind: FieldKind, country: Country2, problem: P, raws: &[&str]) {
    for raw in raws {
        assert_eq!(of(kind, raw, country), Err(problem), "{kind} {raw:?}");
    }
}

#[test]
fn email_addresses() {
    let kind = FieldKind::EmailAddress;
    good(
        kind,
        Country2::NL,
        &[
            ("noor@example.nl", "noor@example.nl"),
            ("  Noor.de.Vries+Shop@Example.NL ", "noor.de.vries+shop@example.nl"),
            ("o'brien@example.co.uk", "o'brien@example.co.uk"),
            ("!#$%&'*+-/=?^_`{|}~@example.nl", "!#$%&'*+-/=?^_`{|}~@example.nl"),
            ("info@bücher.example", "info@xn--bcher-kva.example"),
            ("INFO@XN--BCHER-KVA.example", "info@xn--bcher-kva.example"),
            ("René@exämple.nl", "rené@xn--exmple-cua.nl"),
            ("rene\u{301}@example.nl", "rené@example.nl"),
            ("\u{202a}noor@example.nl\u{202c}", "noor@example.nl"),
            ("\u{feff}noor@example.nl\u{a0}", "noor@example.nl"),
            ("a@b.xn--p1ai", "a@b.xn--p1ai"),
            ("klant77@voorbeeld.example", "klant77@voorbeeld.example"),
        ],
    );
    bad(kind, Country2::NL, P::Empty, &["", "   ", "\u{200b}", "\t\r\n"]);
    bad(
        kind,
        Country2::NL,
        P::ControlCharacter,
        &["a\u{0}b@example.nl", "a@exam\nple.nl", "é\u{7}@example.nl"],
    );
    bad(
        kind,
        Country2::NL,
        P::Malformed,
        &[
            "noor",
            "@example.nl",
            "noor@",
            "noor@example",
            "noor@.nl",
            "noor@example.",
            "noor@example..nl",
            "a b@example.nl",
            ".a@example.nl",
            "a.@example.nl",
            "a..b@example.nl",
            "a@b@example.nl",
            "\"a b\"@example.nl",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@-example.nl",
            "a@example-.nl",
            "a@exa_mple.nl",
            "a@example.n",
            "a@example.n1",
            "a,b@example.nl",
            "a@example.nl, b@example.nl",
            "<a@example.nl>",
            "mailto:a@example.nl;",
            "a(b)@example.nl",
            "é é@example.nl",
            "a@xn--a.nl",
            "a@xn--.nl",
            "\u{301}a@example.nl",
            "é.@example.nl",
        ],
    );
    let long_local = format!("{}@example.nl", "a".repeat(65));
    let long_label = format!("a@{}.nl", "b".repeat(64));
    bad(kind, Country2::NL, P::Malformed, &[&long_local, &long_label]);
    let long = format!("a@{}nl", "bcdefghij.".repeat(26));
    bad(kind, Country2::NL, P::TooLong { bytes_max: 254 }, &[&long, &"x".repeat(5_000)]);
}

#[test]
fn dutch_phone_numbers() {
    let kind = FieldKind::Phone;
    good(
        kind,
        Country2::NL,
        &[
            ("06-12345678", "+31612345678"),
            ("06 12 34 56 78", "+31612345678"),
            ("0612345678", "+31612345678"),
            ("612345678", "+31612345678"),
            ("+31612345678", "+31612345678"),
            ("+31 (0)6 12345678", "+31612345678"),
            ("+31 06 12345678", "+31612345678"),
            ("0031612345678", "+31612345678"),
            ("0031 (0)6-12345678", "+31612345678"),
            ("31612345678", "+31612345678"),
            ("(020) 123 45 67", "+31201234567"),
            ("0592.123456", "+31592123456"),
            ("0165-123456", "+31165123456"),
            ("0182-123456", "+31182123456"),
            ("0228-123456", "+31228123456"),
            ("0412-123456", "+31412123456"),
            ("0528-123456", "+31528123456"),
            ("0572-123456", "+31572123456"),
            ("085/1234567", "+31851234567"),
            ("097012345678", "+3197012345678"),
            ("0800-1234", "+318001234"),
            ("\u{202a}+31\u{a0}6\u{2011}12345678\u{202c}", "+31612345678"),
            ("+49 30 123456", "+4930123456"),
            ("+49 (0)30 123456", "+4930123456"),
            ("+32 470 12 34 56", "+32470123456"),
            ("+1 212 555 0123", "+12125550123"),
            ("+39 06 1234 5678", "+390612345678"),
            ("00597 412345", "+597412345"),
        ],
    );
    bad(kind, Country2::NL, P::Empty, &["", "  "]);
    bad(kind, Country2::NL, P::ControlCharacter, &["06\u{0}12345678", "06\t12345678"]);
    bad(kind, Country2::NL, P::TooLong { bytes_max: 64 }, &[&"0".repeat(65)]);
    bad(
        kind,
        Country2::NL,
        P::Malformed,
        &[
            "geen",
            "+",
            "06",
            "06-1234567",
            "06-123456789",
            "0712345678901",
            "06-72345678",
            "0000000000",
            "0212345678",
            "14020",
            "112",
            "06-1234567x",
            "+31+612345678",
            "06+12345678",
            "+31 6 1234567",
            "+0612345678",
            "+999123456",
            "+31 (0)(0)6 123",
            "+1 012 555 0123",
            "+1 212 155 0123",
            "06 12345678 toestel 5",
            "1234567890123456789",
            "٠٦١٢٣٤٥٦٧٨",
            "+32 470 12 34",
            "+33 0 12 34",
            "+44 12",
            "+49 12345",
            "+2101234567x",
        ],
    );
}

#[test]
fn phone_numbers_of_other_countries() {
    let kind = FieldKind::Phone;
    good(kind, Country2::BE, &[("0470 12 34 56", "+32470123456"), ("02 123 45 67", "+3221234567")]);
    good(kind, Country2::DE, &[("030 / 123456", "+4930123456"), ("0151 23456789", "+4915123456789")]);
    good(kind, FR, &[("01 23 45 67 89", "+33123456789")]);
    good(kind, GB, &[("020 7946 0123", "+442079460123")]);
    good(kind, US, &[("(212) 555-0123", "+12125550123"), ("1-212-555-0123", "+12125550123")]);
    good(kind, Country2::from_letters(*b"HU"), &[("06 20 123 4567", "+36201234567")]);
    good(kind, Country2::from_letters(*b"IT"), &[("06 1234 5678", "+390612345678")]);
    bad(kind, Country2::BE, P::Malformed, &["0470 12 34 5", "470123456", "06-12345678"]);
    bad(kind, FR, P::Malformed, &["00 12 34 56 78", "1 23 45 67 89", "01 23 45 67 8"]);
    bad(kind, Country2::from_letters(*b"AQ"), P::Malformed, &["0612345678"]);
}

#[test]
fn postcodes() {
    let kind = FieldKind::Postcode;
    good(
        kind,
        Country2::NL,
        &[
            ("1234AB", "1234AB"),
            ("1234 ab", "1234AB"),
            (" 1234  AB ", "1234AB"),
            ("NL-1234 AB", "1234AB"),
            ("1234\u{a0}AB", "1234AB"),
        ],
    );
    bad(kind, Country2::NL, P::Empty, &["", " "]);
    bad(
        kind,
        Country2::NL,
        P::Malformed,
        &[
            "0234AB",
            "1234",
            "1234A",
            "1234ABC",
            "1024 SD",
            "1024 SA",
            "1024 SS",
            "12345",
            "AB1234",
            "123AAB",
            "1234 A1",
            "1234_AB",
            "12 34 5A B6",
            "１２３４AB",
            "--",
            "1234AB1234AB",
        ],
    );
    good(kind, Country2::BE, &[("B-2000", "2000"), ("2000", "2000")]);
    bad(kind, Country2::BE, P::Malformed, &["200", "20000", "0000", "D-2000", "2000 AB"]);
    good(kind, Country2::DE, &[("10115", "10115"), ("D-01067", "01067")]);
    bad(kind, Country2::DE, P::Malformed, &["1011", "101155", "1011A"]);
    good(kind, GB, &[("sw1a1aa", "SW1A 1AA"), ("M1 1AE", "M1 1AE")]);
    bad(kind, GB, P::Malformed, &["SW1A", "1234AB", "SW1A 1A1", "11 1AA"]);
    good(kind, US, &[("94103-1234", "94103-1234")]);
    bad(kind, US, P::Malformed, &["-", "94103_", "94103-12345678901234", "é"]);
    let key = |raw: &str| match_key(kind, raw, Country2::NL).map(PiiText::into_exposed);
    assert_eq!(key("1234 ab").as_deref(), Ok("1234AB"));
    assert_eq!(key("SW1A 1AA").as_deref(), Ok("SW1A1AA"), "another country's postcode is found all the same");
    assert_eq!(key("!"), Err(P::Malformed));
}

#[test]
fn names() {
    good(
        FieldKind::GivenName,
        Country2::NL,
        &[
            ("  Noor  ", "Noor"),
            ("Anne  Fleur", "Anne Fleur"),
            ("Rene\u{301}e", "Renée"),
            ("Noor\tde\nVries", "Noor de Vries"),
            ("\u{200e}Noor", "Noor"),
            ("'t Hooft", "'t Hooft"),
            ("王", "王"),
        ],
    );
    for kind in [FieldKind::GivenName, FieldKind::Surname, FieldKind::Company, FieldKind::City] {
        bad(kind, Country2::NL, P::Empty, &["", " ", "-", "...", "\u{200b}\u{feff}", "–"]);
        bad(
            kind,
            Country2::NL,
            P::ControlCharacter,
            &["a\u{0}b", "\u{1b}[31mNoor", "Noor\u{7f}", "é\u{85}\u{1}"],
        );
        let long = "x".repeat(513);
        bad(
            kind,
            Country2::NL,
            P::TooLong { bytes_max: 512 },
            &[&long, &"é".repeat(257), &" x".repeat(3_000)],
        );
    }
    good(
        FieldKind::Initials,
        Country2::NL,
        &[
            ("jp", "J.P."),
            ("JP", "J.P."),
            ("J. P.", "J.P."),
            ("J.P", "J.P."),
            ("Th.J.", "Th.J."),
            ("j.-p.", "J.P."),
            ("IJ.", "IJ."),
            ("É", "É."),
            ("aΣ", "A.Σ."),
            ("Chr", "Chr."),
        ],
    );
    bad(FieldKind::Initials, Country2::NL, P::Malformed, &["J2", "J;P", "<b>"]);
    bad(FieldKind::Initials, Country2::NL, P::Empty, &["", ".", "- -"]);
    good(
        FieldKind::Gender,
        Country2::NL,
        &[("V", "female"), ("Dhr.", "male"), ("M", "male"), ("x", "other"), ("2", "female")],
    );
    bad(FieldKind::Gender, Country2::NL, P::Empty, &["", "0", "onbekend"]);
    bad(FieldKind::Gender, Country2::NL, P::Malformed, &["4", "ja", "femalee"]);
}

#[test]
fn names_are_found_by_their_tokens() {
    let check = |text: &str, tokens: &[&str]| assert_eq!(name_tokens(text), tokens, "{text}");
    check("Noor van der Berg", &["noor", "van", "der", "berg"]);
    check("VAN DEN BERG-JANSEN", &["van", "den", "berg", "jansen"]);
    check("'t Hooft", &["t", "hooft"]);
    check("d’Artagnan", &["d", "artagnan"]);
    check("Renée Müller", &["renee", "muller"]);
    check("Ĳsbrand IJssel", &["ijsbrand", "ijssel"]);
    check("Weiß Øre Łuk Æ", &["weiss", "ore", "luk", "ae"]);
    check("İpek", &["ipek"]);
    check("", &[]);
    check("- . '", &[]);
    assert_eq!(name_tokens(&"a ".repeat(100)).len(), NAME_TOKENS_MAX);
    assert_eq!(name_tokens(&"a".repeat(100))[0].len(), 64);

    let key = |raw: &str| match_key(FieldKind::Surname, raw, Country2::NL).unwrap().into_exposed();
    for same in ["Vries", "de Vries", "De VRIÉS", "van de Vries"] {
        assert_eq!(key(same), "vries", "{same}");
    }
    assert_eq!(
        (key("Berg-Jansen"), key("van"), key("Van Der"), key("王")),
        ("berg jansen".to_owned(), "van".to_owned(), "van der".to_owned(), "王".to_owned())
    );
}

#[test]
fn addresses_and_countries() {
    good(FieldKind::HouseNumber, Country2::NL, &[("12", "12"), (" 12 a", "12 a"), ("12-14", "12-14")]);
    bad(FieldKind::HouseNumber, Country2::NL, P::Malformed, &["a", "bis", "-", "½"]);
    bad(FieldKind::HouseNumber, Country2::NL, P::TooLong { bytes_max: 32 }, &[&"1".repeat(33)]);
    good(
        FieldKind::HouseNumberSuffix,
        Country2::NL,
        &[("-A", "A"), ("/ 2", "2"), ("bis", "bis"), ("hs", "hs")],
    );
    bad(FieldKind::HouseNumberSuffix, Country2::NL, P::Empty, &["", "-", " / "]);
    good(
        FieldKind::Country,
        Country2::NL,
        &[
            ("nl", "NL"),
            ("NLD", "NL"),
            ("Nederland", "NL"),
            ("the netherlands", "NL"),
            ("België", "BE"),
            ("BELGIE", "BE"),
            ("Duitsland", "DE"),
            ("Deutschland", "DE"),
            ("Verenigd Koninkrijk", "GB"),
            ("UK", "GB"),
            ("United States", "US"),
            ("Curaçao", "CW"),
            ("Côte d’Ivoire", "CI"),
            ("ZW", "ZW"),
        ],
    );
    bad(FieldKind::Country, Country2::NL, P::Empty, &["", " "]);
    bad(
        FieldKind::Country,
        Country2::NL,
        P::UnknownCountry,
        &["XX", "ZZ", "QQQ", "Atlantis", "N", "31", "-", "Neder"],
    );
    assert!(country::is_sorted());
}

#[test]
fn birth_dates() {
    let kind = FieldKind::BirthDate;
    good(
        kind,
        Country2::NL,
        &[
            ("1984-05-03", "1984-05-03"),
            ("03-05-1984", "1984-05-03"),
            ("3/5/1984", "1984-05-03"),
            ("3.5.1984", "1984-05-03"),
            ("19840503", "1984-05-03"),
            ("3 mei 1984", "1984-05-03"),
            ("3 May 1984", "1984-05-03"),
            ("May 3, 1984", "1984-05-03"),
            ("1 maart 2000", "2000-03-01"),
            ("31 okt. 1999", "1999-10-31"),
            ("24. Dezember 1970", "1970-12-24"),
            ("1984-05-03 00:00:00", "1984-05-03"),
            ("1984-05-03T00:00:00.000Z", "1984-05-03"),
            ("29-02-2000", "2000-02-29"),
            ("1984/5/3", "1984-05-03"),
        ],
    );
    bad(kind, Country2::NL, P::Empty, &["", "0000-00-00", "00-00-0000", "0000-00-00 00:00:00"]);
    bad(
        kind,
        Country2::NL,
        P::OutOfRange,
        &[
            "29-02-1900",
            "29-02-2023",
            "31-04-1984",
            "32-01-1984",
            "00-01-1984",
            "05-13-1984",
            "1899-12-31",
            "2100-01-01",
            "1984-00-01",
            "9999-12-31",
        ],
    );
    bad(
        kind,
        Country2::NL,
        P::Malformed,
        &[
            "03-05-84",
            "84-05-03",
            "1984",
            "mei 1984",
            "3 foo 1984",
            "3 me 1984",
            "1984-05",
            "1984-05-03-01",
            "198405031",
            "é-é-éé",
            "3 de 1984",
            "morgen",
            "1984-05-03Tmorgen",
            "+3-5-1984",
            "-3-5-19 84",
        ],
    );
}

#[test]
fn numbers_with_check_digits() {
    good(
        FieldKind::Iban,
        Country2::NL,
        &[
            ("NL91 ABNA 0417 1643 00", "NL91ABNA0417164300"),
            ("nl91abna0417164300", "NL91ABNA0417164300"),
            ("BE68 5390 0754 7034", "BE68539007547034"),
            ("DE89370400440532013000", "DE89370400440532013000"),
            ("GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
        ],
    );
    bad(
        FieldKind::Iban,
        Country2::NL,
        P::Checksum,
        &["NL92ABNA0417164300", "NL91ABNA0417164301", "BE68539007547035"],
    );
    bad(
        FieldKind::Iban,
        Country2::NL,
        P::Malformed,
        &[
            "NL91ABNA041716430",
            "NL91ABNA04171643000",
            "NL91",
            "NL",
            "XX91ABNA0417164300",
            "417164300",
            "NL9AABNA0417164300",
            "NL91ABNA04171643O0",
            "NL91ABNA0417164300!",
            "NL91 ABNA 0417 1643 é",
        ],
    );
    bad(FieldKind::Iban, Country2::NL, P::Empty, &["", "--"]);
    good(
        FieldKind::CompanyNumber,
        Country2::NL,
        &[("12345678", "12345678"), ("KvK: 1234 5678", "12345678"), ("1234567", "01234567")],
    );
    bad(
        FieldKind::CompanyNumber,
        Country2::NL,
        P::Malformed,
        &["123456", "123456789", "00000000", "1234567A", "KvK", "123456789012"],
    );
    good(
        FieldKind::CompanyNumber,
        Country2::BE,
        &[("0403.170.701", "0403170701"), ("BE 403.170.701", "0403170701")],
    );
    bad(FieldKind::CompanyNumber, Country2::BE, P::Checksum, &["0403.170.702"]);
    bad(FieldKind::CompanyNumber, Country2::BE, P::Malformed, &["2403.170.701", "0403"]);
    bad(FieldKind::CompanyNumber, Country2::DE, P::Malformed, &["HRB", "HRB 12_3"]);
}

#[test]
fn vat_numbers() {
    let kind = FieldKind::VatNumber;
    good(
        kind,
        Country2::NL,
        &[
            ("NL 0044.95.445.B01", "NL004495445B01"),
            ("004495445B01", "NL004495445B01"),
            ("NL000099998B57", "NL000099998B57"),
            ("BE 0403.170.701", "BE0403170701"),
            ("BE403170701", "BE0403170701"),
            ("DE136695976", "DE136695976"),
            ("LU 15027442", "LU15027442"),
            ("IT 00743110157", "IT00743110157"),
            ("PL 8567346215", "PL8567346215"),
            ("DK 13585628", "DK13585628"),
            ("FI 20774740", "FI20774740"),
            ("PT 501964843", "PT501964843"),
            ("CHE-107.787.577 MWST", "CHE107787577"),
            ("FR40303265045", "FR40303265045"),
        ],
    );
    good(kind, Country2::BE, &[("0403170701", "BE0403170701")]);
    bad(
        kind,
        Country2::NL,
        P::Checksum,
        &[
            "NL004495446B01",
            "NL123456789B90",
            "BE0403170702",
            "DE136695978",
            "LU15027443",
            "IT00743110158",
            "PL8567346216",
            "DK13585627",
            "FI20774741",
            "PT501964842",
            "IT00000000000",
        ],
    );
    bad(
        kind,
        Country2::NL,
        P::Malformed,
        &[
            "NL004495445",
            "NL004495445A01",
            "NL00449544XB01",
            "NL004495445B0X",
            "B01",
            "XX123456789",
            "DE12345678",
            "DE1234567890",
            "NL004495445B011",
            "BE3403170701",
            "é",
            "CHE12345678",
        ],
    );
    bad(kind, US, P::Malformed, &["123456789"]);
}

#[test]
fn other_kinds() {
    good(
        FieldKind::IpAddress,
        Country2::NL,
        &[("192.0.2.1", "192.0.2.1"), ("2001:DB8:0:0::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1")],
    );
    bad(
        FieldKind::IpAddress,
        Country2::NL,
        P::Malformed,
        &["192.0.2", "192.0.2.256", "192.0.02.1", "[::1]", "::1/64", "1:2", "a.b.c.d"],
    );
    good(
        FieldKind::FreeText,
        Country2::NL,
        &[("  belt liever\r\nniet\r ", "belt liever\nniet"), ("tab\there", "tab\there"), ("e\u{301}", "é")],
    );
    bad(FieldKind::FreeText, Country2::NL, P::Empty, &["", " \n ", "\u{feff}"]);
    bad(FieldKind::FreeText, Country2::NL, P::ControlCharacter, &["a\u{0}", "\u{1b}[2J"]);
    bad(
        FieldKind::FreeText,
        Country2::NL,
        P::TooLong { bytes_max: 16_384 },
        &[&"x".repeat(16_385), &"x".repeat(40_000)],
    );
    good(FieldKind::Custom, Country2::NL, &[(" 42 ", "42"), ("-", "-")]);
    bad(FieldKind::Custom, Country2::NL, P::TooLong { bytes_max: 512 }, &[&"x".repeat(513)]);
    let key = |raw: &str| match_key(FieldKind::CustomerNumber, raw, Country2::NL).unwrap().into_exposed();
    assert_eq!((key("KL-0042"), key(" kl-0042 ")), ("kl-0042".to_owned(), "kl-0042".to_owned()));
}

#[test]
fn problems_have_words_and_texts() {
    for problem in [
        P::Empty,
        P::TooLong { bytes_max: 1 },
        P::ControlCharacter,
        P::Malformed,
        P::Checksum,
        P::UnknownCountry,
        P::OutOfRange,
        P::Duplicate,
    ] {
        assert!(problem.id().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert_ne!(problem.text(Lang::Nl), problem.text(Lang::En));
        assert!(!problem.to_string().is_empty());
    }
}

/// Texts near enough to each kind that some are accepted.
fn raws() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "[a-zA-Zéß\u{301}ĳİΣ.' -]{0,30}",
        "[A-Za-z0-9.é]{1,12}@[a-zé0-9-]{1,8}\\.(nl|com|xn--p1ai|bücher)",
        "(\\+|00|0)?[0-9 ()./-]{4,18}",
        "[1-9][0-9]{3} ?[A-Za-z]{2}",
        "(NL|BE|DE|CHE|)[0-9]{8,10}(B[0-9]{2})?",
        "[0-9]{1,4}[-/. ][0-9]{1,2}[-/. ][0-9]{1,4}",
        "[ \\t\u{a0}\u{200b}\u{2000}a-c\u{301}\u{feff}]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn canonical_values_stay_as_they_are(raw in raws(), kind in 1..=24_u8, country in 0..6_usize) {
        let kind = FieldKind::from_code(kind).unwrap();
        let country = [Country2::NL, Country2::BE, Country2::DE, FR, GB, US][country];
        if let Ok(once) = normalise(kind, &raw, country) {
            let twice = normalise(kind, once.value.expose(), country);
            prop_assert_eq!(twice.as_ref().map(|n| n.value.expose()), Ok(once.value.expose()), "{}", kind);
            prop_assert_eq!(&twice.unwrap().match_key, &once.match_key);
            prop_assert_eq!(once.match_key.is_some(), kind.index_use() != IndexUse::None);
            prop_assert!(!once.value.expose().is_empty());
            let bytes_max = if kind == FieldKind::FreeText { FREE_TEXT_BYTES_MAX } else { VALUE_BYTES_MAX };
            prop_assert!(once.value.expose().len() <= bytes_max);
            let found = match_key(kind, &raw, country).unwrap();
            prop_assert_eq!(&found, once.match_key.as_ref().unwrap_or(&once.value));
        }
    }

    #[test]
    fn tokens_of_tokens_are_the_tokens(text in "[A-Za-zéßĳİŁøﬁΣ' .-]{0,60}") {
        let tokens = name_tokens(&text);
        prop_assert_eq!(name_tokens(&tokens.join(" ")), tokens);
    }
}
