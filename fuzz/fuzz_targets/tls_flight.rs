//! What TLS servers answer: never a panic, bounded, and the same however it comes in pieces.
#![no_main]
use kluis_checks::tls::Reader;
use kluis_checks::tls::flight::{CERTIFICATES_MAX, FLIGHT_BYTES_MAX};

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (size, bytes) = (usize::from(data.0).max(1), data.1);
    let mut whole = Reader::new();
    let expected = whole.push(bytes);
    let mut pieces = Reader::new();
    let mut result = Ok(());
    for piece in bytes.chunks(size) {
        result = result.and(pieces.push(piece));
    }
    assert_eq!(result, expected);
    assert_eq!(pieces.flight(), whole.flight());
    let flight = whole.flight();
    assert!(flight.certificates.len() <= CERTIFICATES_MAX);
    assert!(flight.transcript.len() <= FLIGHT_BYTES_MAX);
    if let Some(hello) = &flight.server_hello {
        let _ = (hello.alpn(), hello.has(51));
    }
});
