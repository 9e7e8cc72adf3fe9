//! Real answers, the same answers in pieces, and what no server should send.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::super::captures::{ALERT, ANON, DH_ANON, ECDHE, RETRY, TLS10, TLS13};
use super::super::hello::record;
use super::*;

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn read(bytes: &[u8]) -> Flight {
    let mut reader = Reader::new();
    reader.push(bytes).unwrap();
    assert!(!reader.is_in_the_middle());
    reader.into_flight()
}

fn fails(bytes: &[u8]) -> (FlightError, Flight) {
    let mut reader = Reader::new();
    let error = reader.push(bytes).unwrap_err();
    assert_eq!(reader.push(&[]), Err(error), "an error stays");
    (error, reader.into_flight())
}

/// A handshake message in one record.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    record(22, 0x0303, &head(kind, body))
}

fn head(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out[0] = kind;
    out.extend_from_slice(body);
    out
}

/// A ServerHello with this suite and these extensions.
fn hello(version: u16, suite: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend_from_slice(&[7; 32]);
    body.push(0);
    body.extend_from_slice(&suite.to_be_bytes());
    body.push(0);
    if !extensions.is_empty() {
        body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
        body.extend_from_slice(extensions);
    }
    message(2, &body)
}

#[test]
fn tls13_goes_on_encrypted() {
    let flight = read(&unhex(TLS13));
    let hello = flight.server_hello.as_ref().unwrap();
    assert_eq!((hello.version, hello.legacy_version), (0x0304, 0x0303));
    assert_eq!((hello.suite, hello.group, hello.is_retry), (0x1301, Some(29), false));
    assert_eq!(hello.session_id, [7; 32]);
    assert_eq!(hello.alpn(), None);
    assert!(flight.change_cipher_spec && flight.is_complete() && !flight.is_done);
    assert_eq!(flight.application_data_records, 1);
    assert_eq!(
        (flight.encrypted.len(), flight.encrypted[0].kind, flight.encrypted[0].body.len()),
        (1, 23, 23)
    );
    assert_eq!(flight.transcript.len(), 122);
    assert_eq!(flight.alert, None);
}

#[test]
fn retry_names_the_group() {
    let flight = read(&unhex(RETRY));
    let hello = flight.server_hello.unwrap();
    assert!(hello.is_retry && hello.has(51) && hello.has(43) && !hello.has(0));
    assert_eq!((hello.version, hello.suite, hello.group), (0x0304, 0x1301, Some(29)));
    assert_eq!(hello.extension(51).unwrap(), [0, 29]);
}

#[test]
fn tls12_says_everything_in_the_clear() {
    let flight = read(&unhex(ECDHE));
    let hello = flight.server_hello.as_ref().unwrap();
    assert_eq!((hello.version, hello.suite, hello.compression), (0x0303, 0xC009, 0));
    assert_eq!(hello.alpn().as_deref(), Some("http/1.1"));
    assert!(hello.has(0xFF01) && hello.has(23) && hello.has(35) && hello.has(5));
    assert_eq!(flight.certificates.len(), 1);
    assert_eq!(crate::cert::read(&flight.certificates[0]).names, ["shop.example"]);
    assert_eq!(flight.ocsp_response.as_deref(), Some(&[0x30, 3, 0x0A, 1, 1][..]));
    let kx = flight.key_exchange.as_ref().unwrap();
    assert_eq!((kx.named_group, kx.signature_scheme), (Some(29), Some(0x0403)));
    assert_eq!((kx.params.len(), kx.public_point.len(), kx.signature[0]), (36, 32, 0x30));
    assert!(kx.dh.is_none() && !kx.is_explicit_curve);
    assert!(flight.certificate_request && flight.is_done && flight.is_complete());
    assert_eq!(flight.transcript.len(), 84 + 425 + 13 + 116 + 52 + 4);
}

#[test]
fn old_and_anonymous_key_exchanges() {
    let flight = read(&unhex(TLS10));
    let kx = flight.key_exchange.unwrap();
    assert_eq!(flight.server_hello.unwrap().version, 0x0301);
    assert_eq!((kx.named_group, kx.signature_scheme, kx.signature[0]), (Some(29), None, 0x30));

    let flight = read(&unhex(ANON));
    let kx = flight.key_exchange.unwrap();
    assert_eq!(flight.server_hello.unwrap().suite, 0xC018);
    assert_eq!((kx.named_group, kx.signature.len(), flight.certificates.len()), (Some(29), 0, 0));

    let flight = read(&unhex(DH_ANON));
    let dh = flight.key_exchange.unwrap().dh.unwrap();
    assert_eq!((dh.bits(), dh.generator.as_slice(), dh.public.len()), (1024, &[2][..], 128));
    assert_eq!(crate::tls::groups::known_prime(&dh.prime), Some("modp1024"));
}

#[test]
fn alerts() {
    let flight = read(&unhex(ALERT));
    assert_eq!(flight.alert, Some(Alert { level: 2, code: 40 }));
    assert!(flight.is_complete());
    // A warning (unrecognized_name) before the ServerHello, then a fatal one; the fatal one counts.
    let mut bytes = record(21, 0x0303, &[1, 112]);
    let flight = read(&bytes);
    assert_eq!((flight.alert, flight.is_complete()), (Some(Alert { level: 1, code: 112 }), false));
    bytes.extend_from_slice(&hello(0x0303, 0x002F, &[]));
    bytes.extend_from_slice(&record(21, 0x0303, &[2]));
    bytes.extend_from_slice(&record(21, 0x0303, &[70, 2, 40]));
    let flight = read(&bytes);
    assert_eq!(flight.alert, Some(Alert { level: 2, code: 70 }));
    assert!(flight.server_hello.is_some());
    // An encrypted alert is longer.
    let flight = read(&record(21, 0x0303, &[9; 26]));
    assert_eq!((flight.alert, flight.encrypted.len()), (None, 1));
}

#[test]
fn messages_in_any_records() {
    let whole = unhex(ECDHE);
    let expected = read(&whole);
    // All messages in one record, then one byte in each record.
    for size in [16_384, 1, 7] {
        let bytes: Vec<u8> = expected.transcript.chunks(size).flat_map(|c| record(22, 0x0303, c)).collect();
        assert_eq!(read(&bytes), expected, "records of {size}");
    }
}

#[test]
fn after_change_cipher_spec_all_is_encrypted() {
    let mut bytes = hello(0x0303, 0xC02F, &[]);
    bytes.extend_from_slice(&message(4, &[0, 0, 0x1C, 0x20, 0, 3, 1, 2, 3]));
    bytes.extend_from_slice(&record(20, 0x0303, &[1]));
    bytes.extend_from_slice(&record(22, 0x0303, &[0xAA; 40]));
    let flight = read(&bytes);
    assert_eq!(flight.ticket, Some((7200, vec![1, 2, 3])));
    assert_eq!(flight.encrypted, [Encrypted { kind: 22, body: vec![0xAA; 40] }]);
    assert!(flight.change_cipher_spec && flight.is_complete());
}

#[test]
fn the_next_flight_starts_empty_but_knows_the_state() {
    let mut reader = Reader::new();
    reader.push(&unhex(RETRY)).unwrap();
    reader.next_flight();
    assert!(reader.flight().is_empty());
    reader.push(&unhex(TLS13)).unwrap();
    assert!(!reader.flight().server_hello.as_ref().unwrap().is_retry);

    let mut reader = Reader::new();
    let mut bytes = hello(0x0303, 0xC02F, &[]);
    bytes.extend_from_slice(&record(20, 0x0303, &[1]));
    reader.push(&bytes).unwrap();
    reader.next_flight();
    reader.push(&record(22, 0x0303, &[0; 40])).unwrap();
    assert_eq!(reader.flight().encrypted.len(), 1);
    // The limit starts anew.
    for _ in 0..20 {
        reader.next_flight();
        reader.push(&record(23, 0x0303, &[0; 16_000])).unwrap();
    }
}

#[test]
fn heartbeats_and_hello_requests() {
    let mut bytes = unhex(ECDHE);
    bytes.extend_from_slice(&record(24, 0x0303, &[2, 0, 1, 65]));
    bytes.extend_from_slice(&record(24, 0x0303, &[66; 30]));
    bytes.extend_from_slice(&message(0, &[]));
    let flight = read(&bytes);
    assert_eq!(flight.heartbeat.unwrap().len(), 34);
    assert_eq!(flight.hello_requests, 1);
    assert_eq!(flight.transcript, read(&unhex(ECDHE)).transcript);
}

#[test]
fn ssl2_hellos_and_errors() {
    let mut body = vec![4, 0, 1, 0, 2, 0, 3, 0, 6, 0, 2, 0x30, 1, 0, 1, 0, 0x80, 7, 0, 0xC0, 9, 9];
    body.splice(0..0, [0x80, body.len() as u8]);
    body.extend_from_slice(b"whatever comes after it");
    let flight = read(&body);
    let ssl2 = flight.ssl2.clone().unwrap();
    assert_eq!(
        (ssl2.version, ssl2.certificate.as_slice(), ssl2.kinds.as_slice()),
        (2, &[0x30, 1, 0][..], &[0x010080, 0x0700C0][..])
    );
    assert_eq!(ssl2.connection_id, [9, 9]);
    assert!(flight.is_complete());
    let flight = read(&[0x80, 3, 0, 0, 1]);
    assert_eq!((flight.ssl2_error, flight.not_tls), (Some(1), None));
    // Lengths that lie, another version.
    assert_eq!(read(&[0x80, 5, 4, 0, 1, 0, 2]).not_tls, Some("garbage"));
    assert_eq!(read(&[0x80, 11, 4, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0]).not_tls, Some("garbage"));
    assert_eq!(read(&[0x80, 11, 4, 0, 1, 0, 2, 0xFF, 0, 0, 0, 0, 0]).not_tls, Some("garbage"));
    assert_eq!(read(&[0x80, 1, 0, 0, 0]).not_tls, Some("garbage"));
    assert_eq!(read(&[0x80, 0, 4, 0, 0]).not_tls, Some("garbage"));
    // Any bytes that could be the beginning of a long SSLv2 error are none: an error has three bytes.
    assert_eq!(read(&[0xf7, 0x13, 0, 0x99, 0xf7]).not_tls, Some("garbage"));
}

#[test]
fn other_protocols_are_recognised() {
    let check = |bytes: &[u8], expected| {
        let flight = read(bytes);
        assert_eq!((flight.not_tls, flight.is_complete()), (Some(expected), true));
    };
    check(b"HTTP/1.1 400 Bad Request\r\n", "http");
    check(b"<html><head>", "http");
    check(b"<!DOCTYPE html>", "http");
    check(b"SSH-2.0-OpenSSH_9.2\r\n", "ssh");
    check(b"220 mail.example ESMTP\r\n", "smtp");
    check(b"220-mail.example\r\n", "smtp");
    check(b"+OK ready\r\n", "pop3");
    check(b"* OK ready\r\n", "imap");
    check(b"hello world", "garbage");
    check(&[0; 100], "garbage");
    check(&[22, 3, 1, 0xFF, 0xFF], "garbage");
    check(&[22, 4, 1, 0, 1], "garbage");
    check(&[25, 3, 1, 0, 1], "garbage");
    check(&vec![0xFF; 1_000_000], "garbage");
    // Too little to tell.
    let mut reader = Reader::new();
    reader.push(b"HTTP").unwrap();
    assert!(reader.flight().is_empty() && reader.is_in_the_middle());
}

#[test]
fn what_cannot_be_read_is_named() {
    let check = |bytes: &[u8], message| {
        let expected = FlightError::Malformed { message };
        assert_eq!(fails(bytes).0, expected, "{}", hex::encode(bytes));
    };
    check(&message(2, &[]), "ServerHello");
    check(&message(2, &[3, 3]), "ServerHello");
    check(&message(2, &[3; 34]), "ServerHello");
    let good = hello(0x0303, 0xC02F, &[0, 23, 0, 0]);
    assert!(read(&good).server_hello.unwrap().has(23));
    check(&hello(0x0303, 0xC02F, &[0, 23, 0, 1]), "ServerHello");
    check(&hello(0x0303, 0xC02F, &[0, 23, 0]), "ServerHello");
    check(&hello(0x0303, 0xC02F, &[0, 43, 0, 1, 3]), "ServerHello");
    check(&message(11, &[]), "Certificate");
    check(&message(11, &[0, 0, 1]), "Certificate");
    check(&message(11, &[0, 0, 4, 0, 0, 9, 1]), "Certificate");
    check(&message(11, &[0, 0, 0, 1]), "Certificate");
    check(&message(22, &[2, 0, 0, 0]), "CertificateStatus");
    check(&message(22, &[1, 0, 0, 9]), "CertificateStatus");
    check(&message(4, &[0, 0, 0]), "NewSessionTicket");
    check(&message(4, &[0, 0, 0, 0, 0, 9]), "NewSessionTicket");
    let mut bytes = hello(0x0303, 0xC02F, &[]);
    bytes.extend_from_slice(&message(12, &[3, 0, 29]));
    check(&bytes, "ServerKeyExchange");
    assert!(fails(&bytes).1.server_hello.is_some(), "what came before is kept");
    // A key exchange without a hello, or for a suite without one, means nothing.
    assert_eq!(read(&message(12, &[3, 0, 29])).key_exchange, None);
}

#[test]
fn session_ids_are_bounded() {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.push(33);
    body.extend_from_slice(&[1; 33]);
    body.extend_from_slice(&[0, 0x2F, 0]);
    assert_eq!(fails(&message(2, &body)).0, FlightError::Malformed { message: "ServerHello" });
}

#[test]
fn certificates_are_counted() {
    let mut list = Vec::new();
    for index in 0..20_u8 {
        list.extend_from_slice(&[0, 0, 1, index]);
    }
    let mut body = vec![0, 0, list.len() as u8];
    body.extend_from_slice(&list);
    let flight = read(&message(11, &body));
    assert_eq!((flight.certificates.len(), flight.certificates_more), (CERTIFICATES_MAX, 8));
    assert_eq!(flight.certificates[11], [11]);
    assert_eq!(read(&message(11, &[0, 0, 0])).certificates.len(), 0);
}

#[test]
fn limits_hold() {
    let long = record(22, 0x0303, &[11, 0x02, 0, 1]);
    assert_eq!(fails(&long).0, FlightError::MessageTooLong { bytes: 0x02_0001 });
    let mut bytes = unhex(TLS13);
    bytes.extend_from_slice(&[22, 3, 3, 0x48, 1]);
    assert_eq!(fails(&bytes).0, FlightError::BadRecord { kind: 22 });
    let mut bytes = unhex(TLS13);
    bytes.extend_from_slice(b"HTTP/1.1 200");
    assert_eq!(fails(&bytes).0, FlightError::BadRecord { kind: b'H' });
    // Endless warnings, endless empty records: the limit of bytes ends it, quickly.
    for piece in [record(21, 0x0303, &[1, 90]), record(22, 0x0303, &[]), record(24, 0x0303, &[0; 100])] {
        let mut reader = Reader::new();
        let count = (0..FLIGHT_BYTES_MAX).take_while(|_| reader.push(&piece).is_ok()).count();
        assert_eq!(count, FLIGHT_BYTES_MAX / piece.len());
        assert_eq!(reader.push(&[1]), Err(FlightError::TooLong));
    }
    // A message that is never finished, one byte a record.
    let mut reader = Reader::new();
    reader.push(&record(22, 0x0303, &[11, 1, 0xFF, 0xFF])).unwrap();
    while reader.push(&record(22, 0x0303, &[0])).is_ok() {}
    assert!(reader.flight().is_empty());
}

proptest! {
    #[test]
    fn any_fragmentation_gives_the_same(
        which in 0..7_usize,
        cuts in proptest::collection::vec(0..800_usize, 0..20),
    ) {
        let bytes = unhex([TLS13, RETRY, ECDHE, DH_ANON, TLS10, ANON, ALERT][which]);
        let expected = read(&bytes);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut reader = Reader::new();
        for pair in cuts.windows(2) {
            reader.push(&bytes[pair[0]..pair[1]]).unwrap();
        }
        prop_assert_eq!(reader.flight(), &expected);
    }

    /// Also for bytes that are wrong somewhere: the same flight and the same error, however they come.
    #[test]
    fn damage_reads_the_same_in_pieces(
        which in 0..7_usize,
        at in 0..800_usize,
        bits in 1..=255_u8,
        size in 1..60_usize,
    ) {
        let mut bytes = unhex([TLS13, RETRY, ECDHE, DH_ANON, TLS10, ANON, ALERT][which]);
        let index = at % bytes.len();
        bytes[index] ^= bits;
        let mut whole = Reader::new();
        let expected = whole.push(&bytes);
        let mut pieces = Reader::new();
        let mut result = Ok(());
        for piece in bytes.chunks(size) {
            result = result.and(pieces.push(piece));
        }
        prop_assert_eq!(pieces.flight(), whole.flight());
        prop_assert_eq!(result, expected);
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut reader = Reader::new();
        let _ = reader.push(&bytes);
        prop_assert!(reader.flight().encrypted.len() <= bytes.len());
    }

    #[test]
    fn garbage_in_messages_never_panics(
        kind in prop_oneof![Just(2_u8), Just(4), Just(11), Just(12), Just(22), any::<u8>()],
        suite in any::<u16>(),
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut bytes = hello(0x0303, suite, &[]);
        bytes.extend_from_slice(&message(kind, &body));
        let mut reader = Reader::new();
        let _ = reader.push(&bytes);
        prop_assert!(reader.flight().server_hello.is_some());
    }
}

/// Every cut into two pieces, for every capture.
#[test]
fn every_cut_gives_the_same() {
    for capture in [TLS13, RETRY, ECDHE, DH_ANON, TLS10, ANON, ALERT] {
        let bytes = unhex(capture);
        let expected = read(&bytes);
        for cut in 0..=bytes.len() {
            let mut reader = Reader::new();
            reader.push(&bytes[..cut]).unwrap();
            reader.push(&bytes[cut..]).unwrap();
            assert_eq!(reader.flight(), &expected, "cut at {cut}");
        }
    }
}
