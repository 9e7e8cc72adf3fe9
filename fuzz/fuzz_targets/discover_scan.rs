//! The scanner: hits are in order, pieces of any size change nothing, and a known name is found only where one is.
#![no_main]
use kluis_discover::detect::{Scanner, Stream};
use std::sync::LazyLock;

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

libfuzzer_sys::fuzz_target!(|input: (&[u8], u16)| {
    let (bytes, size) = input;
    let mut last = 0;
    SCANNER.scan(bytes, |hit| {
        assert!(hit.start >= last && hit.end > hit.start && hit.end <= bytes.len());
        last = hit.end;
        let shown = kluis_discover::mask(hit.kind, &bytes[hit.start..hit.end]);
        assert!(shown.chars().count() <= 64);
    });
    last = 0;
    SCANNER.scan_known(bytes, &|name| name.len() % 3 == 0, |hit| {
        assert!(hit.start >= last && hit.end <= bytes.len());
        last = hit.end;
    });
    let mut place = 0;
    let mut stream = Stream::new(&SCANNER);
    for piece in bytes.chunks(usize::from(size).max(1)) {
        stream.feed(piece, |at, hit, value| {
            assert!(at >= place && value.len() == hit.end - hit.start);
            place = at + value.len() as u64;
        });
    }
    stream.finish(|at, _, value| assert!(at >= place && at + value.len() as u64 <= bytes.len() as u64));
});
