//! Hellos, read back by an independent reader written for the tests.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::super::wire::Cursor;
use super::*;

/// What a server gets to see.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    record_versions: Vec<u16>,
    legacy_version: u16,
    random: Vec<u8>,
    session_id: Vec<u8>,
    suites: Vec<u16>,
    compression: Vec<u8>,
    extensions: Option<Vec<(u16, Vec<u8>)>>,
}

impl Seen {
    fn extension(&self, kind: u16) -> Option<&[u8]> {
        let mut found = self.extensions.iter().flatten().filter(|(id, _)| *id == kind);
        let first = found.next().map(|(_, body)| body.as_slice());
        assert!(found.next().is_none(), "extension {kind} twice");
        first
    }
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

fn see(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let (mut records, mut handshake) = (Cursor::new(bytes), Vec::new());
    while !records.is_empty() {
        assert_eq!(records.u8(), Some(22));
        seen.record_versions.push(records.u16().unwrap());
        let body = records.bytes16().unwrap();
        assert!(!body.is_empty() && body.len() <= RECORD_BYTES_MAX);
        handshake.extend_from_slice(body);
    }
    let mut cursor = Cursor::new(&handshake);
    assert_eq!(cursor.u8(), Some(1));
    let mut body = Cursor::new(cursor.bytes24().unwrap());
    assert!(cursor.is_empty());
    seen.legacy_version = body.u16().unwrap();
    seen.random = body.take(32).unwrap().to_vec();
    seen.session_id = body.bytes8().unwrap().to_vec();
    seen.suites = numbers(body.bytes16().unwrap());
    seen.compression = body.bytes8().unwrap().to_vec();
    if !body.is_empty() {
        let mut list = Cursor::new(body.bytes16().unwrap());
        let extensions = seen.extensions.get_or_insert_default();
        while !list.is_empty() {
            extensions.push((list.u16().unwrap(), list.bytes16().unwrap().to_vec()));
        }
    }
    assert!(body.is_empty());
    seen
}

#[test]
fn a_modern_hello_has_what_it_says() {
    let mut hello = Hello::modern([7; 32]);
    hello.sni = Some("shop.example".to_owned());
    hello.alpn = vec!["h2".to_owned(), "http/1.1".to_owned()];
    hello.session_ticket = Some(vec![1, 2]);
    hello.heartbeat = true;
    let seen = see(&hello.to_records());
    assert_eq!(seen.record_versions, [0x0301]);
    assert_eq!((seen.legacy_version, seen.random.as_slice()), (0x0303, &[7; 32][..]));
    assert_eq!((seen.session_id.len(), seen.compression.as_slice()), (32, &[0][..]));
    assert_eq!(seen.suites, hello.suites);
    assert_eq!(seen.extension(0).unwrap(), b"\0\x0f\0\0\x0cshop.example");
    assert_eq!(seen.extension(16).unwrap(), b"\0\x0c\x02h2\x08http/1.1");
    assert_eq!(seen.extension(23).unwrap(), b"");
    assert_eq!(seen.extension(0xFF01).unwrap(), [0]);
    assert_eq!(seen.extension(35).unwrap(), [1, 2]);
    assert_eq!(seen.extension(15).unwrap(), [1]);
    assert_eq!(seen.extension(5).unwrap(), [1, 0, 0, 0, 0]);
    assert_eq!(seen.extension(18).unwrap(), b"");
    assert_eq!(seen.extension(11).unwrap(), [1, 0]);
    assert_eq!(seen.extension(10).unwrap()[..4], [0, 10, 0x11, 0xEC]);
    assert_eq!(seen.extension(43).unwrap(), [4, 3, 4, 3, 3]);
    assert_eq!(seen.extension(45).unwrap(), [1, 1]);
    assert_eq!(seen.extension(51).unwrap()[..6], [0, 36, 0, 29, 0, 32]);
    assert_eq!(numbers(&seen.extension(13).unwrap()[2..]), SIGNATURE_ALGORITHMS);
}

#[test]
fn without_shares_the_extension_is_empty() {
    let mut hello = Hello::modern([7; 32]);
    hello.key_shares.clear();
    assert_eq!(see(&hello.to_records()).extension(51), Some(&[0, 0][..]));
    hello.supported_versions = vec![0x0303];
    assert_eq!(see(&hello.to_records()).extension(51), None);
}

#[test]
fn sslv3_has_no_extensions() {
    let mut hello = Hello::legacy(0x0300, vec![0x0005, 0x000A], [1; 32]);
    hello.sni = Some("shop.example".to_owned());
    let seen = see(&hello.to_records());
    assert_eq!((seen.extensions, seen.record_versions, seen.legacy_version), (None, vec![0x0300], 0x0300));
    let hex = format!("160300002f0100002b0300{}0000040005000a0100", "01".repeat(32));
    assert_eq!(hex::encode(hello.to_records()), hex);
    let seen = see(&Hello::legacy(0x0302, vec![0x0005], [1; 32]).to_records());
    assert_eq!((seen.record_versions.as_slice(), seen.legacy_version), (&[0x0301][..], 0x0302));
    assert!(seen.extension(13).is_none() && seen.extension(43).is_none() && seen.extension(10).is_some());
    assert!(see(&Hello::legacy(0x0303, vec![5], [1; 32]).to_records()).extension(13).is_some());
}

#[test]
fn addresses_are_no_server_names() {
    let check = |name: &str, is_sent: bool| {
        let hello = Hello { sni: Some(name.to_owned()), ..Hello::modern([0; 32]) };
        assert_eq!(see(&hello.to_records()).extension(0).is_some(), is_sent, "{name}");
    };
    check("shop.example", true);
    check("xn--bcher-kva.example", true);
    check("192.0.2.1", false);
    check("2001:db8::1", false);
    check("[2001:db8::1]", false);
    check("bücher.example", false);
    check("", false);
    check(&"a".repeat(254), false);
}

#[test]
fn no_message_is_of_a_size_that_makes_old_servers_hang() {
    for count in 0..400 {
        let hello = Hello::legacy(0x0303, vec![0xC02F; count], [1; 32]);
        let bytes = hello.handshake().len();
        assert!(!(256..512).contains(&bytes), "{count} suites: {bytes}");
        see(&hello.to_records());
    }
}

#[test]
fn long_hellos_take_several_records() {
    let hello = Hello { session_ticket: Some(vec![7; 40_000]), ..Hello::modern([1; 32]) };
    let seen = see(&hello.to_records());
    assert_eq!(seen.record_versions, [0x0301; 3]);
    assert_eq!(seen.extension(35).unwrap().len(), 40_000);
}

#[test]
fn ssl2_offers_every_kind() {
    let bytes = ssl2([5; 16]);
    assert_eq!(usize::from(u16::from_be_bytes([bytes[0] & 0x7F, bytes[1]])) + 2, bytes.len());
    assert_eq!(bytes[0] & 0x80, 0x80);
    assert_eq!(bytes[2..5], [1, 0, 2]);
    let kinds = usize::from(u16::from_be_bytes([bytes[5], bytes[6]]));
    assert_eq!((kinds % 3, &bytes[7..11]), (0, &[0, 0, 0, 16][..]));
    assert_eq!(bytes[bytes.len() - 16..], [5; 16]);
    assert_eq!(bytes.len(), 11 + kinds + 16);
    assert!(bytes[11..11 + kinds].chunks(3).any(|kind| kind == [7, 0, 0xC0]));
}

proptest! {
    #[test]
    fn any_hello_reads_back(
        suites in proptest::collection::vec(any::<u16>(), 0..300),
        groups in proptest::collection::vec(any::<u16>(), 0..50),
        versions in proptest::collection::vec(any::<u16>(), 0..200),
        shares in proptest::collection::vec((any::<u16>(), proptest::collection::vec(any::<u8>(), 0..2000)), 0..4),
        session_id in proptest::collection::vec(any::<u8>(), 0..64),
        flags in any::<[bool; 6]>(),
    ) {
        let hello = Hello {
            suites, groups, supported_versions: versions, key_shares: shares, session_id,
            extended_master_secret: flags[0], status_request: flags[1], sct: flags[2], heartbeat: flags[3],
            psk_modes: flags[4], has_extensions: flags[5], ..Hello::modern([3; 32])
        };
        let seen = see(&hello.to_records());
        prop_assert_eq!(&seen.suites, &hello.suites);
        prop_assert_eq!(&seen.session_id[..], &hello.session_id[..hello.session_id.len().min(32)]);
        prop_assert_eq!(seen.extensions.is_some(), hello.has_extensions);
        if hello.has_extensions {
            prop_assert_eq!(seen.extension(23).is_some(), flags[0]);
            prop_assert_eq!(seen.extension(5).is_some(), flags[1]);
            let groups = seen.extension(10).map(|list| numbers(&list[2..])).unwrap_or_default();
            prop_assert_eq!(groups, hello.groups);
            let versions = seen.extension(43).map(|list| numbers(&list[1..])).unwrap_or_default();
            prop_assert_eq!(&versions[..], &hello.supported_versions[..hello.supported_versions.len().min(127)]);
        }
    }
}
