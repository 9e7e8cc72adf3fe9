//! Reports that mean harm or broke on the way: bounded, a clear refusal, and what is whole is kept.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use kluis_mail::report::{
    Content, Failures, Fold, Found, Known, Limits, Opened, ProblemKind, Refusal, Stream, mails, open,
    open_stream, read_aggregate,
};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

fn check(bytes: &[u8]) -> (Opened, Vec<Found>) {
    check_with(bytes, &Limits { failures: Failures::Summarise, ..Limits::default() })
}

fn check_with(bytes: &[u8], limits: &Limits) -> (Opened, Vec<Found>) {
    let mut all = Vec::new();
    let opened = open("report", bytes, limits, &mut |found| all.push(found));
    (opened, all)
}

fn refusals(bytes: &[u8]) -> Vec<Refusal> {
    check(bytes).1.into_iter().filter_map(|found| found.content.err()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A report with rows from 198.51.100.x.
fn report(rows: usize) -> String {
    let mut text = "<?xml version=\"1.0\"?><feedback><report_metadata><org_name>a.example</org_name>\
        <email>dmarc@a.example</email><report_id>r1</report_id><date_range><begin>1700000000</begin>\
        <end>1700086399</end></date_range></report_metadata><policy_published><domain>shop.example</domain>\
        <p>none</p><pct>100</pct></policy_published>"
        .to_owned();
    for row in 0..rows {
        text.push_str(&format!(
            "<record><row><source_ip>198.51.{}.{}</source_ip><count>{}</count><policy_evaluated>\
             <disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>\
             <identifiers><header_from>shop.example</header_from></identifiers><auth_results><dkim>\
             <domain>shop.example</domain><selector>s1</selector><result>pass</result></dkim><spf>\
             <domain>bounce.example</domain><result>pass</result></spf></auth_results></record>",
            row / 250 % 250,
            row % 250 + 1,
            row % 7 + 1
        ));
    }
    text + "</feedback>"
}

fn mail(kind: &str, name: &str, content: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(content);
    let lines: Vec<&str> =
        body.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "From: dmarc@a.example\r\nSubject: report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=b\"\r\n\r\n\
         --=b\r\nContent-Type: text/plain\r\n\r\n[EXTERNAL] see: attached\r\n--=b\r\nContent-Type: {kind}; name=\"{name}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--=b--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![b' '; 40 << 20];
    assert_eq!(refusals(&gzip(&zeros)), [Refusal::Bomb]);
    assert_eq!(refusals(&zip(&[("a.xml", &zeros)])), [Refusal::Bomb]);
    assert_eq!(refusals(&mail("application/gzip", "a.xml.gz", &gzip(&zeros))), [Refusal::Bomb]);
    // Within the ratio, but too large: incompressible bytes.
    let limits = Limits { report_bytes_max: 4 << 20, total_bytes_max: 6 << 20, ..Limits::default() };
    let mut noise = Vec::new();
    let mut state = 1_u64;
    while noise.len() < 5 << 20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.extend_from_slice(&state.to_le_bytes());
    }
    let refused = |bytes: &[u8]| -> Vec<_> {
        check_with(bytes, &limits).1.into_iter().map(|found| found.content.unwrap_err()).collect()
    };
    assert_eq!(refused(&gzip(&noise)), [Refusal::TooLarge]);
    // Two of 3 MiB are within the limit of each, but not together with a third.
    let three = zip(&[("a", &noise[..3 << 20]), ("b", &noise[..3 << 20]), ("c", &noise[..3 << 20])]);
    assert_eq!(refused(&three).last(), Some(&Refusal::TooLarge));
    let plain = format!("<feedback>{}", " ".repeat(5 << 20));
    assert_eq!(refused(plain.as_bytes()), [Refusal::TooLarge]);
}

#[test]
fn archives_in_archives() {
    let xml = report(1);
    let mut bytes = gzip(xml.as_bytes());
    bytes = zip(&[("r.xml.gz", &bytes)]);
    assert_eq!(check(&mail("application/zip", "r.zip", &bytes)).0, Opened { reports: 1, refused: 0 });
    for _ in 0..3 {
        bytes = zip(&[("deep.zip", &bytes)]);
    }
    assert_eq!(refusals(&bytes), [Refusal::TooDeep]);
    let wide: Vec<(String, Vec<u8>)> = (0..1_100).map(|at| (format!("{at}.xml"), b"<a/>".to_vec())).collect();
    let wide: Vec<(&str, &[u8])> =
        wide.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    assert_eq!(refusals(&zip(&wide)), [Refusal::TooMany]);
    let many = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(5_000);
    let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{many}--b--");
    assert_eq!(refusals(many.as_bytes()), [Refusal::TooMany]);
    let mut nested = String::new();
    for level in 0..50 {
        nested.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
    }
    assert_eq!(refusals(nested.as_bytes()), [Refusal::TooDeep]);
    let mut forwarded = mail("application/gzip", "r.gz", &gzip(xml.as_bytes()));
    assert_eq!(check(&forwarded).0.reports, 1);
    for _ in 0..4 {
        forwarded = [b"Content-Type: message/rfc822\r\n\r\n".to_vec(), forwarded].concat();
    }
    assert_eq!(refusals(&forwarded), [Refusal::TooDeep]);
}

#[test]
fn names_are_only_shown() {
    let xml = report(1);
    let files = [
        ("../../../etc/cron.d/x", xml.as_bytes()),
        ("C:\\windows\\y.xml", xml.as_bytes()),
        ("/z\u{7}.xml", xml.as_bytes()),
    ];
    let names: Vec<String> = check(&zip(&files)).1.into_iter().map(|found| found.name).collect();
    assert_eq!(names, ["x", "y.xml", "z.xml"]);
    let (_, all) = check(&mail("application/xml", "..\\..\\q.xml", xml.as_bytes()));
    assert_eq!(all[0].name, "q.xml");
}

#[test]
fn entities_are_refused_and_never_expanded() {
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE feedback [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]>\
        <feedback><report_metadata><org_name>&b;</org_name></report_metadata></feedback>";
    assert_eq!(refusals(laughs.as_bytes()), [Refusal::Entities]);
    let file =
        "<!DOCTYPE feedback [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><feedback><record/>&x;</feedback>";
    assert_eq!(refusals(file.as_bytes()), [Refusal::Entities]);
    let broken = "<feedback><record/></feedback><!entity x \"y\"><a>";
    assert_eq!(refusals(broken.as_bytes()), [Refusal::Entities]);
    // A document type without entities does no harm, and an entity that is not declared stays as it is.
    let plain = report(1)
        .replace("<feedback>", "<!DOCTYPE feedback><feedback>")
        .replace("a.example</org", "a&b; &amp; &#67;&#x44;</org");
    let read = read_aggregate(plain.as_bytes()).unwrap();
    assert_eq!((read.org.as_str(), read.rows.len()), ("a&b; & CD", 1));
    let kinds: Vec<ProblemKind> = read.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::DocumentType, ProblemKind::UnknownEntity]);
}

#[test]
fn other_things_get_a_clear_refusal() {
    assert_eq!(refusals(b""), [Refusal::Empty]);
    assert_eq!(refusals(b" \r\n "), [Refusal::Empty]);
    assert_eq!(refusals(b"\x89PNG\r\n\x1a\n"), [Refusal::UnknownKind]);
    assert_eq!(refusals(b"<html><body>hello</body></html>"), [Refusal::NotAReport]);
    assert_eq!(refusals(b"{\"a\": 1}"), [Refusal::NotAReport]);
    assert_eq!(refusals(b"{\"policies\": 3}"), [Refusal::NotAReport]);
    assert_eq!(refusals(b"{\"organization-name\": \"x\","), [Refusal::Json { line: 1, column: 26 }]);
    assert_eq!(refusals(&vec![b'['; 1 << 20]), [Refusal::NotAReport]);
    let deep = format!("{{\"policies\": {}", "[".repeat(1 << 20));
    assert!(matches!(refusals(deep.as_bytes())[..], [Refusal::Json { .. } | Refusal::NotAReport]));
    assert_eq!(refusals(b"Subject: hello\r\n\r\nhow are you?"), [Refusal::NothingInside]);
    assert_eq!(refusals(&gzip(b"")), [Refusal::Empty]);
    assert_eq!(refusals(b"\x1f\x8b\x08nonsense"), [Refusal::Damaged]);
    assert_eq!(refusals(b"PK\x03\x04"), [Refusal::Damaged]);
    assert_eq!(refusals(&zip(&[])), [Refusal::NothingInside]);
    let mut locked = zip(&[("r.xml", report(1).as_bytes())]);
    locked[6] |= 1;
    let directory = locked.windows(4).rposition(|mark| mark == b"PK\x01\x02").unwrap();
    locked[directory + 8] |= 1;
    assert_eq!(refusals(&locked), [Refusal::Locked]);
}

#[test]
fn broken_structures_keep_whole_rows() {
    let whole = report(3);
    let kinds = |text: &str| -> (usize, Vec<ProblemKind>) {
        let read = read_aggregate(text.as_bytes()).unwrap();
        (read.rows.len(), read.problems.iter().map(|problem| problem.kind).collect())
    };
    // Prefixes, capitals, junk around, no closing of values and of records.
    let prefixed = whole
        .replace("</", "</ns0:")
        .replace('<', "<ns0:")
        .replace("<ns0:/ns0:", "</ns0:")
        .replace("<ns0:?", "<?");
    assert_eq!(kinds(&prefixed), (3, vec![]));
    assert_eq!(
        kinds(
            &whole
                .replace("source_ip", "Source_IP")
                .replace("<record>", "<RECORD>")
                .replace("</record>", "</Record>")
        ),
        (3, vec![])
    );
    assert_eq!(kinds(&format!("some words {whole} and more")).0, 3);
    assert_eq!(kinds(&whole.replace("</count>", "")).0, 3);
    assert_eq!(kinds(&whole.replace("</record>", "")).0, 2);
    assert_eq!(kinds(&whole.replace("</org_name>", "</wrong>")).0, 3);
    assert_eq!(kinds(&whole.replace("198.51.0.2<", "not an address<")), (2, vec![ProblemKind::BadAddress]));
    assert_eq!(kinds(&whole.replace("<count>2<", "<count>-2<")), (2, vec![ProblemKind::BadCount]));
    assert_eq!(kinds(&whole.replace("<pct>100", "<pct>1000")), (3, vec![ProblemKind::UnknownWord]));
    assert_eq!(kinds(&format!("{whole}{whole}")), (3, vec![ProblemKind::SecondReport]));
    assert_eq!(
        kinds(&whole.replace(
            "<record>",
            "<record><extension><x:y xmlns:x='u'><domain>evil.example</domain></x:y></extension>"
        ))
        .0,
        3
    );
    let deep = format!("<feedback>{}", "<a>".repeat(1_000_000));
    assert!(kinds(&deep).1.contains(&ProblemKind::TooDeep));
    let many_spf = whole.replace(
        "<auth_results>",
        &format!("<auth_results>{}", "<spf><domain>x.example</domain><result>none</result></spf>".repeat(50)),
    );
    let read = read_aggregate(many_spf.as_bytes()).unwrap();
    assert_eq!((read.rows.len(), read.rows[0].spf_auth.len()), (3, 20));
}

#[test]
fn a_report_cut_anywhere_gives_the_rows_before() {
    let whole = report(2);
    let packed = gzip(whole.as_bytes());
    for end in 1..whole.len() {
        if let Ok(read) = read_aggregate(&whole.as_bytes()[..end]) {
            assert_eq!(read.rows.len(), whole[..end].matches("</record>").count(), "{end}");
            assert!(read.problems.iter().any(|problem| problem.kind == ProblemKind::Truncated), "{end}");
        } else {
            assert!(!whole[..end].contains("<feedback>"), "{end}");
        }
    }
    for end in 1..packed.len() {
        let (opened, all) = check(&packed[..end]);
        assert_eq!(opened.reports + opened.refused, 1, "{end}: {all:?}");
        if let Ok(Content::Aggregate(read)) = &all[0].content {
            assert!(read.problems.iter().any(|problem| problem.kind == ProblemKind::Archive), "{end}");
        }
    }
    let zipped = zip(&[("r.xml", whole.as_bytes())]);
    for end in 1..zipped.len() {
        let (opened, _) = check(&zipped[..end]);
        assert_eq!(opened.reports + opened.refused, 1, "{end}");
    }
    // Without its directory a zip is still read.
    let directory = zipped.windows(4).rposition(|mark| mark == b"PK\x01\x02").unwrap();
    assert_eq!(check(&zipped[..directory]).0, Opened { reports: 1, refused: 0 });
}

#[test]
fn mailboxes() {
    let one = mail("application/gzip", "r.xml.gz", &gzip(report(1).as_bytes()));
    let mut mailbox = Vec::new();
    for at in 0..1_500 {
        mailbox.extend_from_slice(
            format!("From dmarc@a.example Tue Apr 30 02:09:{:02} 2019\r\n", at % 60).as_bytes(),
        );
        mailbox.extend_from_slice(&one);
        mailbox.extend_from_slice(b"\r\n");
    }
    let pieces = mails(&mailbox);
    assert_eq!(pieces.len(), 1_500);
    assert!(pieces.iter().all(|piece| check(&mailbox[piece.clone()]).0 == Opened { reports: 1, refused: 0 }));
    assert!(pieces.windows(2).all(|two| two[0].end == two[1].start) && pieces[1_499].end == mailbox.len());
    for whole in [&b""[..], b"  ", &one, b"From a 1:1\n\nFrom here to there", b"x\n\nFrom a 1:1\n"] {
        assert_eq!(mails(whole).len(), 1, "{whole:?}");
    }
    // In memory the limit of parts holds for all, in a stream for each mail.
    assert!(refusals(&mailbox).contains(&Refusal::TooMany));
    let mut reports = 0;
    let opened = open_stream("box", &mut mailbox.as_slice(), &Limits::default(), &mut |found| {
        reports += usize::from(found.content.is_ok());
    })
    .unwrap();
    assert_eq!((opened, reports), (Opened { reports: 1_500, refused: 0 }, 1_500));
    // A mail that is too large costs only itself.
    let limits = Limits { report_bytes_max: 100_000, ..Limits::default() };
    let mut with_giant = b"From a Tue Apr 30 02:09:16 2019\nSubject: x\n\n".to_vec();
    with_giant.extend(vec![b'x'; 1 << 20]);
    with_giant.extend_from_slice(b"\n\n");
    with_giant.extend_from_slice(&mailbox[..one.len() + 60]);
    let mut all = Vec::new();
    open_stream("box", &mut with_giant.as_slice(), &limits, &mut |found| all.push(found.content.err()))
        .unwrap();
    assert_eq!(all, [Some(Refusal::TooLarge), None]);
}

#[test]
fn one_line_of_50_mb() {
    let begin = Instant::now();
    let line = "x".repeat(50 << 20);
    assert_eq!(refusals(line.as_bytes()), [Refusal::UnknownKind]);
    assert_eq!(refusals(format!("Subject: {line}").as_bytes()), [Refusal::NothingInside]);
    assert_eq!(refusals(format!("Subject: a\n\n{line}").as_bytes()), [Refusal::NothingInside]);
    assert_eq!(refusals(format!("<feedback><{line}").as_bytes()).len(), 0);
    let text = report(2).replace("a.example</org", &format!("{line}</org"));
    assert_eq!(read_aggregate(text.as_bytes()).unwrap().rows.len(), 2);
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn twenty_thousand_rows() {
    let packed: Vec<Vec<u8>> = (0..1_000)
        .map(|at| gzip(report(20).replace("<report_id>r1", &format!("<report_id>r{at}")).as_bytes()))
        .collect();
    let known = Known {
        streams: vec![Stream { id: "winkel".to_owned(), domain: "shop.example".to_owned() }],
        ..Known::default()
    };
    let begin = Instant::now();
    let mut fold = Fold::new();
    for bytes in &packed {
        open("r.xml.gz", bytes, &Limits::default(), &mut |found| {
            if let Ok(Content::Aggregate(report)) = found.content {
                fold.add(&report, &HashMap::new(), &known);
            }
        });
    }
    let took = begin.elapsed();
    let messages: u64 = fold.groups().values().map(|counts| counts.messages).sum();
    assert_eq!(
        (fold.reports(), messages, fold.rest().messages),
        (1_000, 1_000 * (0..20).map(|row| row % 7 + 1).sum::<u64>(), 0)
    );
    eprintln!("1,000 gzipped reports, 20,000 rows: {took:?}");
    let begin = Instant::now();
    let large = report(20_000);
    let rows = read_aggregate(large.as_bytes()).unwrap().rows.len();
    eprintln!("one report of {} bytes with {rows} rows: {:?}", large.len(), begin.elapsed());
    assert_eq!(rows, 20_000);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), head in 0_usize..7) {
        let heads: [&[u8]; 7] = [b"", b"\x1f\x8b\x08\0", b"PK\x03\x04", b"<feedback>", b"{", b"From a 1:1\n", b"Content-Type: multipart/mixed; boundary=a\n\n--a\n"];
        let bytes = [heads[head], &bytes].concat();
        let (opened, all) = check(&bytes);
        prop_assert_eq!(usize::try_from(opened.reports + opened.refused).unwrap(), all.len());
        let _ = read_aggregate(&bytes);
    }

    #[test]
    fn damaged_reports_never_panic(at in 0_usize..3_000, with in proptest::collection::vec(any::<u8>(), 0..6), cut in 0_usize..20, kind in 0_u8..4) {
        let text = report(3);
        let mut bytes = match kind {
            0 => text.into_bytes(),
            1 => gzip(text.as_bytes()),
            2 => zip(&[("r.xml", text.as_bytes())]),
            _ => mail("application/gzip", "r.gz", &gzip(text.as_bytes())),
        };
        let at = at % bytes.len();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, with);
        let (opened, all) = check(&bytes);
        prop_assert_eq!(usize::try_from(opened.reports + opened.refused).unwrap(), all.len());
        for found in all {
            if let Ok(Content::Aggregate(report)) = found.content {
                prop_assert!(report.rows.len() <= 3 && report.problems.len() <= 101);
            }
        }
    }

    #[test]
    fn text_like_xml_never_panics(text in "(<[/!?]?[a-z_:<>'\"& ]{0,8}>?|[a-z&;#x0-9 ]{0,6}|<record>|</row>|<!\\[CDATA\\[|<!--|-->|<spf>){0,40}") {
        let _ = read_aggregate(text.as_bytes());
        let _ = read_aggregate(format!("<feedback>{text}</feedback>").as_bytes());
    }
}
