//! Hostile and broken files: a clear error or reject, never a value in it, never a panic, memory within limits.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use kluis_connect::{ConnectError, ImportItem, Mapping, OpenOptions, Reject, RejectReason, open};
use kluis_model::Lang;

fn all(bytes: &[u8]) -> Vec<Result<ImportItem, Reject>> {
    open(Box::new(Cursor::new(bytes.to_vec())), "x.csv", &OpenOptions::default()).unwrap().collect()
}

/// Lines of the items taken, and line with reason of those refused.
fn check(bytes: &[u8], taken: &[u64], refused: &[(u64, RejectReason)]) {
    let (mut lines, mut reasons) = (Vec::new(), Vec::new());
    for result in all(bytes) {
        match result {
            Ok(item) => lines.push(item.line),
            Err(reject) => {
                let shown = format!("{reject} {reject:?} {}", reject.reason.text(Lang::Nl));
                assert!(!shown.contains("geheim"), "{shown}");
                reasons.push((reject.line, reject.reason));
            }
        }
    }
    assert_eq!((lines.as_slice(), reasons.as_slice()), (taken, refused));
}

fn check_error(bytes: &[u8], id: &str) {
    let error = open(Box::new(Cursor::new(bytes.to_vec())), "x.csv", &OpenOptions::default()).err().unwrap();
    assert_eq!(error.id(), id, "{error}");
    assert!(!error.text(Lang::Nl).is_empty() && !error.to_string().contains("geheim"));
}

#[test]
fn broken_records_are_refused_one_by_one() {
    check(b"email,phone\na@b.example,geheim\0\nc@d.example,1\n", &[3], &[(2, RejectReason::NulCharacter)]);
    check("email,naam\na@b.example,Zo\u{eb}\n".as_bytes(), &[2], &[]);
    check(
        b"\xEF\xBB\xBFemail,naam\na@b.example,Zo\xC3\xAB\nc@d.example,geheim\xFF\xC3\ne@f.example,x\n",
        &[2, 4],
        &[(3, RejectReason::Encoding)],
    );
    check(b"email,newsletter\na@b.example,geheim\nb@c.example,ja\n", &[3], &[(2, RejectReason::NotAFlag)]);
    check(b"email,naam\na@b.example,\"geheim\nb@c.example,x\n", &[], &[(2, RejectReason::UnterminatedQuote)]);
    check(b"email,naam\na@b.example,\"geheim", &[], &[(2, RejectReason::UnterminatedQuote)]);
    check(
        b"email,naam\na@b.example,x,geheim\nb@c.example\n",
        &[],
        &[(2, RejectReason::ColumnCount), (3, RejectReason::ColumnCount)],
    );
    let cell = format!("email,naam\na@b.example,{}\nb@c.example,x\n", "g".repeat(70_000));
    check(cell.as_bytes(), &[3], &[(2, RejectReason::CellTooLong)]);
    let mailchimp = "Email Address,MEMBER_RATING,LEID,EUID,OPTIN_TIME\na@b.example,2,1,1,geheim\nb@c.example,2,1,1,2020-01-01 00:00:00\n";
    check(mailchimp.as_bytes(), &[3], &[(2, RejectReason::NotATime)]);
}

#[test]
fn a_long_line_does_not_stop_the_import() {
    let mut bytes = b"email,naam\na@b.example,x\n".to_vec();
    bytes.resize(bytes.len() + 10_000_000, b'y');
    bytes.extend_from_slice(b"\nb@c.example,z\n");
    check(&bytes, &[2, 4], &[(3, RejectReason::RecordTooLong)]);
    let mut one_line = b"email".to_vec();
    one_line.resize(10_000_000, b'y');
    check_error(&one_line, "header_too_long");
}

/// An import runs on a thread of its own.
#[test]
fn a_reader_can_be_sent_and_shows_nothing() {
    fn is_send<T: Send>(_: &T) {}
    let reader =
        open(Box::new(Cursor::new(b"email,naam\ngeheim,x".to_vec())), "x", &OpenOptions::default()).unwrap();
    is_send(&reader);
    assert!(!format!("{reader:?}").contains("geheim"));
}

#[test]
fn broken_utf_16_is_refused() {
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let mut bytes = b"\xFF\xFE".to_vec();
    bytes.extend(utf16("email;naam\na@b.example;x\nb@c.example;geheim"));
    bytes.extend_from_slice(&[0x00, 0xD8]);
    bytes.extend(utf16("\nc@d.example;y"));
    check(&bytes, &[2, 4], &[(3, RejectReason::Encoding)]);
    bytes.push(b'z');
    check(&bytes, &[2], &[(3, RejectReason::Encoding), (4, RejectReason::Encoding)]);
}

#[test]
fn hostile_json_is_refused() {
    let deep = format!(
        "{{\"email\":\"a@b.example\"}}\n{{\"a\":{}\n{{\"email\":\"b@c.example\"}}\n",
        "[".repeat(100_000)
    );
    check(deep.as_bytes(), &[1, 3], &[(2, RejectReason::TooDeep)]);
    let list = format!(
        "[{{\"email\":\"a@b.example\"}},\n{{\"a\":{}{}}},\n{{\"email\":\"\\ud800\"}}]",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    check(list.as_bytes(), &[1], &[(2, RejectReason::TooDeep), (3, RejectReason::MalformedJson)]);
    check(
        b"{\"email\":\"a@b.example\"}\n[1]\nnope\n",
        &[1],
        &[(2, RejectReason::NotAnObject), (3, RejectReason::MalformedJson)],
    );
    check_error(b"[1,2,3]", "json_shape");
    check_error(b"[]", "empty");
    check_error(b"{\"a\":", "json_shape");
    check_error(b"{\"product\":\"geheim\"}", "nothing_recognised");
    let wide: Vec<String> = (0..600).map(|n| format!("\"k{n}\":1")).collect();
    check_error(format!("{{{}}}", wide.join(",")).as_bytes(), "too_many_columns");
}

#[test]
fn files_that_are_no_export_are_refused() {
    check_error(b"", "empty");
    check_error(b"\n\n\r\n", "empty");
    check_error(b"\0\0\0\0\0\0\0\0", "not_text");
    check_error(b"%PDF-1.7", "not_text");
    check_error(b"\x1F\x8B\x08\0", "packed");
    check_error(b"product,price\nx,1\n", "nothing_recognised");
    check_error(b"geheim@b.example,Noor\nx@y.example,Jan\n", "nothing_recognised");
    check_error(format!("email{}\n", ",x".repeat(599)).as_bytes(), "too_many_columns");
    check_error(format!("email{}\n", ",x".repeat(100_000)).as_bytes(), "too_many_columns");
    check_error(b"email,\"naam\nx,y\n", "header_too_long");
    let mapping =
        Mapping::parse("version=1\nname=\"x\"\nsource=\"y\"\n[[column]]\nheader=\"mail\"\nfield=\"email\"\n")
            .unwrap();
    let options = OpenOptions { mapping: Some(mapping) };
    let error = open(Box::new(Cursor::new(b"email\nx\n".to_vec())), "x.csv", &options).err().unwrap();
    assert_eq!(error.id(), "mapping_matches_nothing");
}

/// A disk that fails after some bytes.
struct Failing(Cursor<Vec<u8>>, u64);

impl Read for Failing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.position() >= self.1 {
            return Err(io::Error::other("disk"));
        }
        let length = into.len().min(1_000);
        self.0.read(&mut into[..length])
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_failing_disk_is_said_and_ends_the_import() {
    let text = format!("email\n{}", "a@b.example\n".repeat(20_000));
    let failing = |at| Box::new(Failing(Cursor::new(text.clone().into_bytes()), at));
    let error = open(failing(3_000), "x.csv", &OpenOptions::default()).err();
    assert!(matches!(error, Some(ConnectError::Read(_))));
    let results: Vec<_> = open(failing(100_000), "x.csv", &OpenOptions::default()).unwrap().collect();
    let last = results.last().unwrap().as_ref().err().map(|reject| reject.reason);
    assert_eq!(last, Some(RejectReason::Read));
    assert!(results.len() > 5_000 && results[..results.len() - 1].iter().all(Result::is_ok));
}

/// A heading, then one endless cell.
struct Endless(u64);

const ENDLESS_BYTES: u64 = 200_000_000;

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let head: &[u8] = b"email,naam\na@b.example,\"";
        let at = usize::try_from(self.0).unwrap();
        let length = if at < head.len() {
            let length = into.len().min(head.len() - at);
            into[..length].copy_from_slice(&head[at..at + length]);
            length
        } else {
            let length = into.len().min(usize::try_from(ENDLESS_BYTES.saturating_sub(self.0)).unwrap());
            into[..length].fill(b'y');
            length
        };
        self.0 += length as u64;
        Ok(length)
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if let SeekFrom::Start(at) = to {
            self.0 = at;
        }
        Ok(self.0)
    }
}

/// The most memory this process ever held, in KiB; none where the system does not tell.
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn an_endless_cell_does_not_fill_the_memory() {
    let before = memory_kib();
    let results: Vec<_> = open(Box::new(Endless(0)), "x.csv", &OpenOptions::default()).unwrap().collect();
    let reasons: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(|reject| reject.reason)).collect();
    assert_eq!(reasons, [Some(RejectReason::RecordTooLong)]);
    if let (Some(before), Some(after)) = (before, memory_kib()) {
        // The other tests of this file run beside this one and hold up to 20 MB each.
        assert!(after - before < 120_000, "{before} KiB before, {after} KiB after");
    }
}
