//! Certificates of other makers, of our own making, and cut by hand: good and absurd.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;
use crate::facts::{KeyFacts, KeyKind};

/// Made with Python's cryptography 48: every extension that is read here.
const FULL: &str = "\
    308203983082033fa00302010202127f00112233445566778899aabbccddeeff00300a06082a8648ce3d040303301f310b300906035504\
    0613024e4c3110300e06035504030c0754657374204341301e170d3236303430313030303030305a170d3236303632393233353935395a\
    303b310b3009060355040613024e4c31153013060355040a0c0c53686f702c2022422e562e223115301306035504030c0c73686f702e65\
    78616d706c653076301006072a8648ce3d020106052b81040022036200047ae9e1db1160794c70c1ef071be5191f6c66240f4608fbe8a4\
    4ecd36c3ed5db97500f2e4d84e3fb45850fd6f4303302bd8ac21444cd80d241538d8034b399a0dee3636eb5cb00b9499d061a571db0f14\
    bb47ed79453948ed63f3a6ccbbf6e74fa38202203082021c300c0603551d130101ff04023000301d0603551d250416301406082b060105\
    0507030106082b0601050507030230600603551d1104593057820c53686f702e4578616d706c65820e2a2e73686f702e6578616d706c65\
    8704c0000207871020010db8000000000000000000000007810b6140622e6578616d706c65861268747470733a2f2f782e6578616d706c\
    652f307506082b0601050507010104693067302006082b060105050730018614687474703a2f2f6f6373702e6578616d706c652f302306\
    082b060105050730028617687474703a2f2f63612e6578616d706c652f692e637274301e06082b0601050507300286126c6461703a2f2f\
    63612e6578616d706c652f30470603551d1f0440303e301da01ba0198617687474703a2f2f63612e6578616d706c652f312e63726c301d\
    a01ba0198617687474703a2f2f63612e6578616d706c652f322e63726c301106082b0601050507011804053003020105301d0603551d0e\
    04160414000102030405060708090a0b0c0d0e0f10111213301f0603551d230418301680141415161718191a1b1c1d1e1f202122232425\
    26273078060a2b06010401d679020402046a04680066003100000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d\
    1e1f0000019ab697e8000000040300020102003100aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0000\
    019ab697e8010000040300020102300a06082a8648ce3d040303034700304402203f4adfc107bcd0a414c70a4f9b3244995b915eb19676\
    436e6f25a2cb99f6b30c022064235e933230e55fe14e1d3ccf86f06caee95256b5dfd551598110bacb0f63bf";

/// One DER element.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        short @ 0..=0x7F => out.push(short as u8),
        long => out.extend_from_slice(&[0x83, (long >> 16) as u8, (long >> 8) as u8, long as u8]),
    }
    out.extend_from_slice(content);
    out
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// An algorithm identifier of an encoded object identifier, with NULL as parameters.
fn algorithm(oid: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(6, oid), &[5, 0]])
}

/// A certificate cut by hand. Every part is DER and can be replaced.
struct Cut {
    serial: Vec<u8>,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    not_before: Vec<u8>,
    not_after: Vec<u8>,
    subject: Vec<u8>,
    key: Vec<u8>,
    extensions: Vec<Vec<u8>>,
}

const SHA256_RSA: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11];
const RSA: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
const EC: [u8; 7] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];

impl Cut {
    fn new() -> Self {
        Self {
            serial: tlv(2, &[1]),
            signature: algorithm(&SHA256_RSA),
            issuer: name(&[(&[0x55, 4, 3], 12, b"shop.example")]),
            not_before: tlv(23, b"260101000000Z"),
            not_after: tlv(23, b"260331235959Z"),
            subject: name(&[(&[0x55, 4, 3], 12, b"shop.example")]),
            key: rsa_key(&[&[0, 0xC0], &[1; 255][..]].concat(), &[1, 0, 1]),
            extensions: Vec::new(),
        }
    }

    fn der(&self) -> Vec<u8> {
        let validity = sequence(&[&self.not_before, &self.not_after]);
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            list => tlv(0xA3, &tlv(0x30, &list.concat())),
        };
        let version = tlv(0xA0, &[2, 1, 2]);
        let tbs = sequence(&[
            &version,
            &self.serial,
            &self.signature,
            &self.issuer,
            &validity,
            &self.subject,
            &self.key,
            &extensions,
        ]);
        sequence(&[&tbs, &self.signature, &tlv(3, &[0, 1, 2, 3])])
    }

    fn read(&self) -> CertFacts {
        read(&self.der())
    }
}

/// A name of one attribute in each part: object identifier, tag, bytes.
fn name(attributes: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(oid, tag, value)| tlv(0x31, &sequence(&[&tlv(6, oid), &tlv(*tag, value)])))
        .collect();
    tlv(0x30, &parts.concat())
}

fn key_info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    sequence(&[algorithm, &tlv(3, &[&[0], key].concat())])
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    key_info(&algorithm(&RSA), &sequence(&[&tlv(2, modulus), &tlv(2, exponent)]))
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(6, oid), &tlv(4, value)])
}

fn san(names: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1D, 17], &tlv(0x30, names))
}

fn at(text: &str) -> TimeMs {
    TimeMs(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

#[test]
fn everything_is_read() {
    let der = hex::decode(FULL).unwrap();
    let facts = read(&der);
    let strings = |list: &[&str]| -> Vec<String> { list.iter().map(|text| (*text).to_owned()).collect() };
    let ids = ["000102030405060708090a0b0c0d0e0f10111213", "1415161718191a1b1c1d1e1f2021222324252627"];
    let log = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let expected = CertFacts {
        is_readable: true,
        sha256: "97f08dd3d23945b6c556df1f19253ec2bc7e03e4473ae490076e3880d9b724c0".to_owned(),
        spki_sha256: "849931cd087194633d2bf5116a9ecbcbe766f9ee4d7b8fb18cf6775eb5809fbe".to_owned(),
        subject: "CN=shop.example,O=Shop\\, \\\"B.V.\\\",C=NL".to_owned(),
        issuer: "CN=Test CA,C=NL".to_owned(),
        serial: "7f00112233445566778899aabbccddeeff00".to_owned(),
        names: strings(&["shop.example", "*.shop.example", "192.0.2.7", "2001:db8::7"]),
        has_san: true,
        not_before: at("2026-04-01T00:00:00Z"),
        not_after: at("2026-06-29T23:59:59Z"),
        key: KeyFacts { kind: KeyKind::Ec, bits: 384, curve: Some("P-384".to_owned()), exponent: None },
        signature_hash: "sha384".to_owned(),
        signature: "ecdsa-with-SHA384".to_owned(),
        is_ca: false,
        is_self_issued: false,
        eku_server: Some(true),
        ski: Some(ids[0].to_owned()),
        aki: Some(ids[1].to_owned()),
        scts: vec![
            SctFacts { log_id: log.to_owned(), at: at("2025-11-24T16:00:00Z") },
            SctFacts { log_id: "aa".repeat(32), at: at("2025-11-24T16:00:00.001Z") },
        ],
        ocsp_urls: strings(&["http://ocsp.example/"]),
        crl_urls: strings(&["http://ca.example/1.crl", "http://ca.example/2.crl"]),
        issuer_urls: strings(&["http://ca.example/i.crt"]),
        must_staple: true,
        is_short_lived: false,
    };
    assert_eq!(facts, expected);
    assert_eq!(life_days(facts.not_before, facts.not_after), 90);
    assert!(covers(&der, "a.shop.example") && covers(&der, "2001:db8::7") && !covers(&der, "b.example"));
}

#[test]
fn cut_anywhere_it_is_unreadable() {
    let der = hex::decode(FULL).unwrap();
    for cut in 0..der.len() {
        let facts = read(&der[..cut]);
        assert!(!facts.is_readable, "{cut}");
        assert_eq!(facts, CertFacts { sha256: hex::encode(sha256(&der[..cut])), ..CertFacts::default() });
    }
    assert!(!read(&[&der[..], &[0]].concat()).is_readable, "something after it");
    assert!(!covers(&der[1..], "shop.example"));
}

#[test]
fn a_chain_of_our_own() {
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let mut params = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let (ca, leaf) = (read(ca.der()), read(leaf.der()));
    assert!(ca.is_readable && ca.is_ca && ca.is_self_issued && ca.names.is_empty() && !ca.has_san);
    assert!(leaf.is_readable && !leaf.is_ca && leaf.aki == ca.ski && leaf.aki.is_some());
    assert_eq!((leaf.key.bits, leaf.key.curve.as_deref(), leaf.eku_server), (256, Some("P-256"), None));
    assert_eq!((leaf.names, leaf.has_san), (vec!["shop.example".to_owned()], true));
    assert_eq!(leaf.signature_hash, "sha256");
}

#[test]
fn the_same_name_is_self_issued_unless_the_keys_differ() {
    let ski = |id: u8| extension(&[0x55, 0x1D, 14], &tlv(4, &[id; 20]));
    let aki = |id: u8| extension(&[0x55, 0x1D, 35], &tlv(0x30, &tlv(0x80, &[id; 20])));
    let check = |extensions: Vec<Vec<u8>>, expected: bool| {
        assert_eq!(Cut { extensions, ..Cut::new() }.read().is_self_issued, expected);
    };
    check(vec![], true);
    check(vec![ski(1)], true);
    check(vec![aki(1)], true);
    check(vec![ski(1), aki(1)], true);
    check(vec![ski(1), aki(2)], false);
    let issuer = name(&[(&[0x55, 4, 3], 12, b"Other CA")]);
    assert!(!Cut { issuer, ..Cut::new() }.read().is_self_issued);
}

#[test]
fn keys() {
    let check = |key: Vec<u8>, kind, bits, curve: Option<&str>, exponent| {
        let facts = Cut { key, ..Cut::new() }.read();
        assert!(facts.is_readable);
        assert_eq!(facts.key, KeyFacts { kind, bits, curve: curve.map(str::to_owned), exponent });
    };
    let big = |bytes: usize| [&[0], &vec![0xC0; bytes][..]].concat();
    check(rsa_key(&big(256), &[1, 0, 1]), KeyKind::Rsa, 2048, None, Some(65_537));
    check(rsa_key(&big(128), &[3]), KeyKind::Rsa, 1024, None, Some(3));
    check(rsa_key(&[0x7F; 64], &[1]), KeyKind::Rsa, 511, None, Some(1));
    check(rsa_key(&big(2048), &[9; 9]), KeyKind::Rsa, 16_384, None, None);
    check(rsa_key(&[0], &[0]), KeyKind::Rsa, 0, None, Some(0));
    check(key_info(&algorithm(&RSA), &[1, 2, 3]), KeyKind::Rsa, 0, None, None);
    let pss = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10];
    let numbers = sequence(&[&tlv(2, &big(384)), &tlv(2, &[1, 0, 1])]);
    check(key_info(&sequence(&[&tlv(6, &pss)]), &numbers), KeyKind::Rsa, 3072, None, Some(65_537));
    let ec = |curve: &[u8], point: &[u8]| key_info(&sequence(&[&tlv(6, &EC), curve]), point);
    let point = |bytes: usize| [&[4], &vec![1; bytes][..]].concat();
    check(ec(&tlv(6, &[0x2B, 0x81, 4, 0, 33]), &point(56)), KeyKind::Ec, 224, Some("P-224"), None);
    check(ec(&tlv(6, &[0x2B, 0x81, 4, 0, 35]), &point(132)), KeyKind::Ec, 521, Some("P-521"), None);
    check(ec(&tlv(6, &[0x2B, 0x81, 4, 0, 99]), &point(64)), KeyKind::Ec, 256, Some("1.3.132.0.99"), None);
    check(ec(&tlv(6, &[0x2B, 0x81, 4, 0, 99]), &[2; 33]), KeyKind::Ec, 256, Some("1.3.132.0.99"), None);
    check(ec(&tlv(0x30, &[2, 1, 1]), &point(40)), KeyKind::Ec, 160, Some("explicit"), None);
    check(ec(&[], &[]), KeyKind::Ec, 0, Some("explicit"), None);
    check(key_info(&sequence(&[&tlv(6, &[0x2B, 0x65, 0x70])]), &[1; 32]), KeyKind::Ed25519, 256, None, None);
    check(key_info(&sequence(&[&tlv(6, &[0x2B, 0x65, 0x71])]), &[1; 57]), KeyKind::Ed448, 456, None, None);
    check(key_info(&sequence(&[&tlv(6, &[0x2B, 0x65, 0x6E])]), &[1; 32]), KeyKind::Other, 256, None, None);
    let dsa = [0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 1];
    let parameters = sequence(&[&tlv(2, &big(128)), &tlv(2, &[7; 20]), &tlv(2, &[2])]);
    let info = sequence(&[&tlv(6, &dsa), &parameters]);
    check(key_info(&info, &tlv(2, &[5])), KeyKind::Dsa, 1024, None, None);
    check(key_info(&sequence(&[&tlv(6, &dsa)]), &tlv(2, &[5])), KeyKind::Dsa, 0, None, None);
}

#[test]
fn signatures() {
    let check = |signature: Vec<u8>, name: &str, hash: &str| {
        let facts = Cut { signature, ..Cut::new() }.read();
        assert_eq!((facts.signature.as_str(), facts.signature_hash.as_str()), (name, hash));
    };
    let rsa = |last: u8| algorithm(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, last]);
    check(rsa(4), "md5WithRSAEncryption", "md5");
    check(rsa(5), "sha1WithRSAEncryption", "sha1");
    check(rsa(13), "sha512WithRSAEncryption", "sha512");
    check(algorithm(&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1]), "ecdsa-with-SHA1", "sha1");
    check(algorithm(&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 4]), "ecdsa-with-SHA512", "sha512");
    check(sequence(&[&tlv(6, &[0x2B, 0x65, 0x70])]), "ed25519", "none");
    check(algorithm(&[0x2B, 1, 2]), "1.3.1.2", "1.3.1.2");
    let pss = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10];
    let sha384 = algorithm(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2]);
    check(sequence(&[&tlv(6, &pss), &sequence(&[&tlv(0xA0, &sha384)])]), "rsassaPss", "sha384");
    check(sequence(&[&tlv(6, &pss), &sequence(&[])]), "rsassaPss", "sha1");
    check(sequence(&[&tlv(6, &pss)]), "rsassaPss", "sha1");
}

#[test]
fn absurd_numbers_and_dates() {
    let facts = Cut { serial: tlv(2, &[0x7F; 5000]), ..Cut::new() }.read();
    assert_eq!((facts.is_readable, facts.serial.len()), (true, 2 * SERIAL_BYTES_MAX));
    assert_eq!(Cut { serial: tlv(2, &[0xFF, 0xFE]), ..Cut::new() }.read().serial, "fffe");
    assert_eq!(Cut { serial: tlv(2, &[0]), ..Cut::new() }.read().serial, "00");
    let dates = |from: Vec<u8>, to: Vec<u8>| {
        let facts = Cut { not_before: from, not_after: to, ..Cut::new() }.read();
        facts.is_readable.then_some((facts.not_before, facts.not_after))
    };
    let (utc, long) = (|text: &str| tlv(23, text.as_bytes()), |text: &str| tlv(24, text.as_bytes()));
    let forever = TimeMs(253_402_300_799_000);
    let found = dates(utc("500101000000Z"), long("99991231235959Z"));
    assert_eq!(found, Some((at("1950-01-01T00:00:00Z"), forever)));
    assert_eq!(life_days(at("1950-01-01T00:00:00Z"), forever), 2_940_202);
    let backwards = dates(utc("260331235959Z"), utc("260101000000Z")).unwrap();
    assert_eq!(life_days(backwards.0, backwards.1), 0);
    assert!(dates(long("00000101000000Z"), long("00010101000000Z")).is_none_or(|(from, _)| from.0 < 0));
    for bad in ["", "Z", "261301000000Z", "260230000000Z", "2601010000", "26010100000\0Z", "-60101000000Z"] {
        assert_eq!(dates(utc(bad), utc("260101000000Z")), None, "{bad:?}");
    }
}

#[test]
fn names_of_people_who_want_to_confuse() {
    let cn = [0x55, 4, 3];
    let subject =
        |attributes: &[(&[u8], u8, &[u8])]| Cut { subject: name(attributes), ..Cut::new() }.read().subject;
    assert_eq!(subject(&[(&cn, 12, "a\u{1b}[2J\u{202e}b\0".as_bytes())]), "CN=a\u{FFFD}[2J\u{FFFD}b\u{FFFD}");
    assert_eq!(subject(&[(&cn, 12, &[0xFF, 0xFE])]), "CN=\u{FFFD}\u{FFFD}");
    assert_eq!(subject(&[(&cn, 30, &[0, b'B', 0, 0xFC])]), "CN=B\u{fc}");
    assert_eq!(subject(&[(&cn, 20, &[0xFC])]), "CN=\u{fc}");
    assert_eq!(subject(&[(&cn, 28, &[0, 0, 0, b'x', 0xFF, 0, 0, 0])]), "CN=x\u{FFFD}");
    assert_eq!(subject(&[(&cn, 2, &[5])]), "CN=#05");
    assert_eq!(subject(&[(&[0x2A, 3], 12, b"x")]), "1.2.3=x");
    assert_eq!(subject(&[(&[0x55, 4, 6], 19, b"NL"), (&cn, 12, b" x ")]), "CN=\\ x\\ ,C=NL");
    assert_eq!(subject(&[]), "");
    let long = subject(&[(&cn, 12, "\u{e9}".repeat(5000).as_bytes())]);
    assert_eq!(long.chars().count(), text::TEXT_CHARS_MAX);
    assert!(long.ends_with('\u{2026}'));
    let many: Vec<(&[u8], u8, &[u8])> = vec![(&cn, 12, b"x"); 2000];
    assert_eq!(subject(&many).chars().count(), text::TEXT_CHARS_MAX);
}

#[test]
fn ten_thousand_names() {
    let names: Vec<u8> = (0..10_000).flat_map(|n| tlv(0x82, format!("{n}.ex").as_bytes())).collect();
    let der = Cut { extensions: vec![san(&names)], ..Cut::new() }.der();
    assert!(der.len() < CERT_BYTES_MAX);
    let facts = read(&der);
    assert_eq!((facts.names.len(), facts.names[199].as_str()), (NAMES_MAX, "199.ex"));
    assert!(covers(&der, "9999.ex") && !covers(&der, "10000.ex") && !matches(&facts.names, "9999.ex"));
    let names: Vec<u8> =
        (0..10_000).flat_map(|n| tlv(0x82, format!("{n}.shop.example").as_bytes())).collect();
    let facts = Cut { extensions: vec![san(&names)], ..Cut::new() }.read();
    assert_eq!((facts.is_readable, facts.names.len()), (false, 0), "too long altogether");
}

#[test]
fn names_that_are_no_names_are_left_out() {
    let names = [
        tlv(0x82, b""),
        tlv(0x82, b"shop.example\0.attacker.test"),
        tlv(0x82, b"a b"),
        tlv(0x82, "b\u{fc}cher.example".as_bytes()),
        tlv(0x82, &[b'a'; 254]),
        tlv(0x87, &[1, 2, 3]),
        tlv(0x87, &[0; 17]),
        tlv(0x81, b"a@b.example"),
        tlv(0x82, b"GOOD.example"),
    ];
    let cut = Cut { extensions: vec![san(&names.concat())], ..Cut::new() };
    assert_eq!(cut.read().names, ["good.example"]);
    assert!(!covers(&cut.der(), "shop.example"));
    let none = Cut { extensions: vec![san(&[])], ..Cut::new() }.read();
    assert!(none.is_readable && none.has_san && none.names.is_empty());
    let broken = Cut { extensions: vec![extension(&[0x55, 0x1D, 17], &[0x30, 5, 1])], ..Cut::new() }.read();
    assert!(broken.is_readable && broken.has_san && broken.names.is_empty());
}

#[test]
fn extensions_that_are_broken_or_doubled() {
    let eku = [0x55, 0x1D, 37];
    let server = tlv(0x30, &tlv(6, &[0x2B, 6, 1, 5, 5, 7, 3, 1]));
    let client = tlv(0x30, &tlv(6, &[0x2B, 6, 1, 5, 5, 7, 3, 2]));
    let any = tlv(0x30, &tlv(6, &[0x55, 0x1D, 37, 0]));
    let check = |value: &[u8], expected| {
        let facts = Cut { extensions: vec![extension(&eku, value)], ..Cut::new() }.read();
        assert_eq!((facts.is_readable, facts.eku_server), (true, Some(expected)));
    };
    check(&server, true);
    check(&any, true);
    check(&client, false);
    check(&[1, 2, 3], false);
    let feature = [0x2B, 6, 1, 5, 5, 7, 1, 24];
    let check = |value: &[u8], expected: bool| {
        let facts = Cut { extensions: vec![extension(&feature, value)], ..Cut::new() }.read();
        assert_eq!(facts.must_staple, expected, "{value:?}");
    };
    check(&[0x30, 3, 2, 1, 5], true);
    check(&[0x30, 6, 2, 1, 17, 2, 1, 5], true);
    check(&[0x30, 3, 2, 1, 17], false);
    check(&[0x30, 4, 2, 2, 0, 5], false);
    check(&[0x30, 3, 2, 9, 5], false);
    check(&[0x30, 0], false);
    check(&[], false);
    let key_id = extension(&[0x55, 0x1D, 14], &tlv(4, &[7; 500]));
    let facts = Cut { extensions: vec![key_id], ..Cut::new() }.read();
    assert_eq!(facts.ski.unwrap().len(), 2 * KEY_ID_BYTES_MAX);
}

#[test]
fn urls_are_bounded_and_only_of_the_web() {
    let uri = |text: &[u8]| tlv(0x30, &tlv(0xA0, &tlv(0xA0, &tlv(0x86, text))));
    let long = [b"http://".to_vec(), vec![b'a'; 600]].concat();
    let mut points: Vec<Vec<u8>> =
        vec![uri(b"ldap://x/"), uri(&long), uri(b"http://a b/"), uri(b"file:///etc/passwd")];
    points.push(uri(b"http://same.example/"));
    points.extend((0..10).map(|n| uri(format!("HTTP://{n}.example/").as_bytes())));
    points.push(uri(b"http://same.example/"));
    let value = tlv(0x30, &points.concat());
    let facts = Cut { extensions: vec![extension(&[0x55, 0x1D, 31], &value)], ..Cut::new() }.read();
    assert_eq!(facts.crl_urls.len(), URLS_MAX);
    assert_eq!(facts.crl_urls[..2], ["http://same.example/", "HTTP://0.example/"]);
}

#[test]
fn timestamp_lists() {
    let sct = |version: u8, at: u64| {
        let mut body = vec![version];
        body.extend_from_slice(&[9; 32]);
        body.extend_from_slice(&at.to_be_bytes());
        body.extend_from_slice(&[0, 0, 4, 3, 0, 1, 1]);
        [&(body.len() as u16).to_be_bytes()[..], &body].concat()
    };
    let list = |parts: &[Vec<u8>]| {
        let body = parts.concat();
        [&(body.len() as u16).to_be_bytes()[..], &body].concat()
    };
    let found = read_sct_list(&list(&[sct(0, 5), sct(1, 6), vec![0, 3, 0, 1, 2], sct(0, u64::MAX)]));
    assert_eq!(found.iter().map(|sct| sct.at.0).collect::<Vec<_>>(), [5, i64::MAX]);
    assert_eq!(found[0].log_id, "09".repeat(32));
    assert_eq!(read_sct_list(&list(&vec![sct(0, 1); 100])).len(), SCTS_MAX);
    let whole = list(&[sct(0, 5), sct(0, 6)]);
    assert_eq!(read_sct_list(&whole[..whole.len() - 1]).len(), 0, "the list is cut");
    assert_eq!(read_sct_list(&[]).len(), 0);
    assert_eq!(read_sct_list(&[0, 2, 0, 9]).len(), 0);
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let facts = read(&bytes);
        prop_assert_eq!(facts.sha256.len(), 64);
        let _ = (read_sct_list(&bytes), covers(&bytes, "shop.example"), has_feature(&bytes, 5));
    }

    #[test]
    fn damage_never_panics_and_stays_bounded(
        spots in proptest::collection::vec((0..924_usize, any::<u8>()), 1..4),
    ) {
        let mut der = hex::decode(FULL).unwrap();
        for (at, byte) in spots {
            der[at] = byte;
        }
        let facts = read(&der);
        prop_assert!(facts.names.len() <= NAMES_MAX && facts.subject.chars().count() <= text::TEXT_CHARS_MAX);
        prop_assert!(facts.names.iter().all(|name| name.len() <= NAME_BYTES_MAX && name.is_ascii()));
        prop_assert!(serde_json::to_string(&facts).is_ok());
        let _ = (covers(&der, "shop.example"), near_miss(&facts.names, "x.shop.example"));
        let _ = (life_days(facts.not_before, facts.not_after), br_max_days(facts.not_before));
    }

    #[test]
    fn a_near_miss_is_never_a_match(
        names in proptest::collection::vec("[a*.w-]{0,12}", 0..5),
        host in "[a*.w-]{0,12}",
    ) {
        if near_miss(&names, &host).is_some() {
            prop_assert!(!matches(&names, &host));
        }
    }
}
