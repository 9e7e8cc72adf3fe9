//! Reports of real receivers and of the RFCs (the parsedmarc samples, RFC 8460, RFC 9990): every file and what it says.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kluis_mail::dmarc::{Alignment, Policy};
use kluis_mail::report::{
    AggregateReport, AuthFailure, AuthResult, Content, Discovery, Disposition, Evaluated, FailureKind,
    Failures, Found, Limits, ProblemKind, ReasonKind, Refusal, Schema, SpfScope, TlsPolicyKind, open,
    open_stream,
};

/// The public vectors beside the project, or where `KLUIS_VECTORS` says.
fn vectors() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join(std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned())).join("dmarc")
}

fn opened(path: &str) -> Vec<Found> {
    let path = vectors().join(path);
    let name = path.file_name().unwrap().to_str().unwrap();
    let bytes = fs::read(&path).unwrap();
    let limits = Limits { failures: Failures::Summarise, ..Limits::default() };
    let mut all = Vec::new();
    let counted = open(name, &bytes, &limits, &mut |found| all.push(found));
    assert_eq!(usize::try_from(counted.reports + counted.refused).unwrap(), all.len(), "{name}");
    // From a stream comes the same.
    let mut streamed = Vec::new();
    open_stream(name, &mut bytes.as_slice(), &limits, &mut |found| streamed.push(found)).unwrap();
    assert_eq!(streamed, all, "{name}");
    all
}

fn aggregate(path: &str) -> AggregateReport {
    let mut all = opened(&format!("aggregate/{path}"));
    assert_eq!(all.len(), 1, "{path}: {all:?}");
    match all.remove(0).content {
        Ok(Content::Aggregate(report)) => *report,
        other => panic!("{path}: {other:?}"),
    }
}

fn problems(report: &AggregateReport) -> Vec<ProblemKind> {
    report.problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn every_aggregate_sample_is_a_plausible_report() {
    let mut count = 0;
    for entry in fs::read_dir(vectors().join("aggregate")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let report = aggregate(&name);
        assert!(!report.org.is_empty() && !report.org.contains('@'), "{name}: {report:?}");
        assert!(!report.report_id.is_empty() && report.domain.contains('.'), "{name}");
        assert!(report.begin_s > 300_000_000 && report.end_s >= report.begin_s, "{name}");
        assert!(report.policy.policy.is_some(), "{name}");
        assert!(!report.rows.is_empty() && report.messages() > 0, "{name}");
        for row in &report.rows {
            assert!(row.count > 0 && !row.header_from.is_empty(), "{name}: {row:?}");
            assert!(row.disposition != Disposition::Unknown, "{name}: {row:?}");
            assert!(row.dkim != Evaluated::Unknown && row.spf != Evaluated::Unknown, "{name}: {row:?}");
        }
        count += 1;
    }
    assert!(count >= 18, "{count}");
}

#[test]
fn rfc_9990_has_all_its_fields() {
    let report = aggregate("rfc9990-example.net!example.com!1700000000!1700086399.xml");
    assert_eq!(report.schema, Schema::Rfc9990);
    assert_eq!((report.org.as_str(), report.report_id.as_str()), ("example.net", "dmarcbis-test-report-001"));
    assert_eq!((report.begin_s, report.end_s), (1_700_000_000, 1_700_086_399));
    assert_eq!(report.version.as_deref(), Some("2.0"));
    let policy = &report.policy;
    assert_eq!(policy.policy, Some(Policy::Reject));
    assert_eq!(policy.subdomains, Some(Policy::Quarantine));
    assert_eq!(policy.nonexistent, Some(Policy::Reject));
    assert_eq!((policy.dkim, policy.spf), (Some(Alignment::Strict), Some(Alignment::Strict)));
    assert_eq!(
        (policy.is_test, policy.discovery, policy.percent),
        (Some(true), Some(Discovery::TreeWalk), None)
    );
    assert_eq!(policy.failure_options.as_deref(), Some("1"));
    assert_eq!(report.rows.len(), 2);
    let [good, bad] = &report.rows[..] else { panic!() };
    assert_eq!((good.source.to_string().as_str(), good.count), ("198.51.100.1", 5));
    assert_eq!(good.dkim_auth[0].selector.as_deref(), Some("selector1"));
    assert_eq!(good.spf_auth[0].scope, SpfScope::MailFrom);
    assert!(good.is_aligned() && good.envelope_to.is_none());
    assert_eq!((bad.disposition, bad.count), (Disposition::Reject, 2));
    assert_eq!(bad.reasons[0].kind, ReasonKind::Other);
    assert_eq!(bad.reasons[0].comment, "sender not authorized");
    assert_eq!(bad.envelope_from.as_deref(), Some("spoofed.example.com"));
    assert!(bad.dkim_auth.is_empty() && !bad.is_aligned() && report.problems.is_empty());

    let sample = aggregate("rfc9990-sample.xml");
    assert_eq!(sample.schema, Schema::Rfc9990);
    assert_eq!(sample.generator.as_deref(), Some("Example DMARC Aggregate Reporter v1.2"));
    assert_eq!((sample.org.as_str(), sample.begin_s), ("Sample Reporter", 302_832_000));
    assert_eq!((sample.rows[0].disposition, sample.rows[0].count), (Disposition::Pass, 123));
    assert_eq!(sample.rows[0].spf_auth[0].result, AuthResult::Fail);
    assert_eq!((sample.policy.is_test, sample.policy.dkim), (Some(false), None));
}

#[test]
fn old_and_odd_reports() {
    let old = aggregate("old_draft_from_wiki.xml");
    assert_eq!((old.org.as_str(), old.version.as_deref(), old.schema), ("acme.com", None, Schema::Rfc7489));
    assert_eq!((old.rows[0].source.to_string().as_str(), old.rows[0].count), ("72.150.241.94", 2));
    assert_eq!((old.rows[0].dkim, old.rows[0].spf), (Evaluated::Fail, Evaluated::Pass));

    // The XSD is opened before the report and never closed.
    let ikea = aggregate("ikea.com!example.de!1538690400!1538776800.xml");
    assert_eq!((ikea.org.as_str(), ikea.domain.as_str()), ("ikea.com", "example.de"));
    assert_eq!(
        (ikea.rows[0].spf_auth[0].scope, ikea.rows[0].spf_auth[0].result),
        (SpfScope::Helo, AuthResult::None)
    );
    assert_eq!(problems(&ikea), [ProblemKind::Nesting]);

    // `11` stands between two elements.
    let stray = aggregate("example.net!example.com!1529366400!1529452799.xml");
    assert_eq!(problems(&stray), [ProblemKind::StrayText]);
    assert_eq!(stray.policy.percent, Some(100));
    assert!(stray.rows[0].dkim_auth.is_empty() && stray.rows[0].spf_auth.is_empty());

    // The name is empty: the domain of the address stands in, and not the address.
    let nameless = aggregate("!example.com!1538204542!1538463818.xml");
    assert_eq!(nameless.org, "accurateplastics.com");
    assert_eq!(problems(&nameless), [ProblemKind::NoOrganization]);
    assert_eq!(nameless.key().report_id, "example.com:1538463741");
    assert_eq!(nameless.policy.subdomains, Some(Policy::Reject));

    let empty_reason = aggregate("empty_reason.xml");
    assert!(empty_reason.rows[0].reasons.is_empty() && empty_reason.problems.is_empty());
    assert_eq!(empty_reason.rows[0].envelope_to.as_deref(), Some("example.net"));

    let outlook = aggregate("protection.outlook.com!example.com!1711756800!1711843200.xml");
    assert_eq!(
        (outlook.org.as_str(), outlook.rows[0].envelope_to.as_deref()),
        ("Outlook.com", Some("hotmail.com"))
    );
    assert!(outlook.problems.is_empty());

    let two = aggregate("usssa.com!example.com!1538784000!1538870399.xml");
    assert_eq!((two.rows.len(), two.rows[0].envelope_from.as_deref()), (2, None));

    let large = aggregate("!large-example.com!1711897200!1711983600.xml");
    assert_eq!(
        large.rows.len(),
        fs::read_to_string(vectors().join("aggregate/!large-example.com!1711897200!1711983600.xml"))
            .unwrap()
            .matches("<record>")
            .count()
    );
    assert_eq!(large.rows.last().unwrap().source.to_string(), "12.20.129.254");
}

#[test]
fn damaged_texts_are_read_as_far_as_they_go() {
    let bytes = aggregate("invalid_utf_8.xml");
    assert_eq!(bytes.rows[0].header_from, "bad_byte\u{fffd}");
    assert!(problems(&bytes).contains(&ProblemKind::Encoding));

    // `<bad-xml@bad-xml.net>` is no element, `bad<xml.net` is no tag.
    let xml = aggregate("invalid_xml.xml");
    assert_eq!((xml.org.as_str(), xml.rows.len()), ("veeam.com", 1));
    assert_eq!(xml.rows[0].header_from, "bad<xml.net");
    assert_eq!(xml.rows[0].source.to_string(), "199.230.200.36");
    assert_eq!(xml.report_id, "sonexushealth.com:1530233361");
    let problems = problems(&xml);
    assert!(
        problems.contains(&ProblemKind::Nesting) && problems.contains(&ProblemKind::Syntax),
        "{problems:?}"
    );
}

#[test]
fn archives_and_mails() {
    let zip = aggregate("estadocuenta1.infonacot.gob.mx!example.com!1536853302!1536939702!2940.xml.zip");
    assert_eq!((zip.org.as_str(), zip.report_id.as_str()), ("XYZ Corporation", "2940"));
    assert_eq!(zip.rows[0].envelope_to.as_deref(), Some("estadocuenta1.infonacot.gob.mx"));
    let gzip = aggregate("fastmail.com!example.com!1516060800!1516147199!102675056.xml.gz");
    assert_eq!((gzip.org.as_str(), gzip.domain.as_str()), ("FastMail Pty Ltd", "indemed.com"));
    assert_eq!(gzip.rows[0].spf_auth[0].result, AuthResult::SoftFail);
    // Mimecast ends its gzip with an empty line.
    let mimecast = aggregate("mimecast-weird-gzip.eml");
    assert_eq!((mimecast.org.as_str(), mimecast.domain.as_str()), ("Mimecast", "ab.id.au"));
    assert_eq!(mimecast.rows[0].dkim_auth[0].selector.as_deref(), Some("selector1"));
    assert!(mimecast.problems.is_empty());
    // A virus scanner added a text part behind the report.
    let twilight = aggregate("twilight.eml");
    assert_eq!((twilight.domain.as_str(), twilight.policy.dkim), ("twlnet.com", Some(Alignment::Strict)));
    let google =
        aggregate("Report domain- borschow.com Submitter- google.com Report-ID- 949348866075514174.eml");
    assert_eq!((google.org.as_str(), google.report_id.as_str()), ("google.com", "949348866075514174"));
    assert_eq!((google.rows[0].disposition, google.rows[0].count), (Disposition::Reject, 1));
}

#[test]
fn capitals_are_read() {
    let all = opened("aggregate_invalid/report_with_upper_cased_pass.xml");
    let [Found { content: Ok(Content::Aggregate(report)), .. }] = &all[..] else { panic!("{all:?}") };
    assert_eq!(report.org, "example.com");
    let row = &report.rows[0];
    assert_eq!((row.disposition, row.dkim, row.spf), (Disposition::None, Evaluated::Pass, Evaluated::Pass));
    assert_eq!((row.dkim_auth[0].result, row.spf_auth[0].result), (AuthResult::Pass, AuthResult::Pass));
    assert!(problems(report).iter().all(|kind| *kind == ProblemKind::Case) && !report.problems.is_empty());
}

#[test]
fn the_same_report_in_three_wrappings() {
    let read = |name: &str| {
        let mut all = opened(&format!("extract_report/{name}"));
        assert_eq!(all.len(), 1);
        match all.remove(0).content {
            Ok(Content::Aggregate(report)) => *report,
            other => panic!("{other:?}"),
        }
    };
    let plain = read("nice-input.xml");
    assert_eq!(read("nice-input.xml.gz"), plain);
    assert_eq!(read("nice-input.xml.zip"), plain);
    assert_eq!((plain.org.as_str(), plain.policy.nonexistent), ("google.com", Some(Policy::None)));
    // Two signatures: the shop's own and the service's.
    let twice = &plain.rows[1];
    let domains: Vec<&str> = twice.dkim_auth.iter().map(|auth| auth.domain.as_str()).collect();
    assert_eq!(domains, ["example.com", "amazonses.com"]);
    let changed = read("changed-input.xml");
    assert_eq!(changed.org, "fred.com");
    assert_ne!(changed.key(), plain.key());
    assert_eq!(changed.rows, plain.rows);
}

#[test]
fn failure_reports_name_nobody() {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(vectors().join("failure")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let all = opened(&format!("failure/{name}"));
        let [Found { content: Ok(Content::Failure(summary)), .. }] = &all[..] else {
            panic!("{name}: {all:?}")
        };
        assert!(!format!("{summary:?}").contains('@'));
        found.insert(name[..5].to_owned(), summary.clone());
        // Nothing of it unless it is asked for.
        let bytes = fs::read(vectors().join("failure").join(&name)).unwrap();
        let mut all = Vec::new();
        open("", &bytes, &Limits::default(), &mut |found| all.push(found.content));
        assert_eq!(all, [Ok(Content::FailureIgnored)]);
    }
    let linkedin = &found["dmarc"];
    assert_eq!(linkedin.kind, FailureKind::Authentication(AuthFailure::Dmarc));
    assert_eq!(
        (linkedin.source.unwrap().to_string().as_str(), linkedin.domain.as_deref()),
        ("10.10.10.10", Some("example.com"))
    );
    assert_eq!(linkedin.reported_s, Some(1_556_590_140));
    let netease = &found["[Nete"];
    assert_eq!(netease.kind, FailureKind::Authentication(AuthFailure::Unknown));
    assert_eq!(
        (netease.source.unwrap().to_string().as_str(), netease.domain.as_deref()),
        ("167.89.69.24", Some("cardinal.com"))
    );
    let exim = &found["exim_"];
    assert_eq!(
        (exim.source.unwrap().to_string().as_str(), exim.domain.as_deref()),
        ("203.0.113.68", Some("example.com"))
    );
    assert_eq!(exim.reported_s, Some(1_744_060_569));
}

#[test]
fn tls_reports() {
    let read = |name: &str| {
        let mut all = opened(&format!("smtp_tls/{name}"));
        assert_eq!(all.len(), 1, "{all:?}");
        match all.remove(0).content {
            Ok(Content::Tls(report)) => *report,
            other => panic!("{other:?}"),
        }
    };
    let rfc = read("rfc8460.json");
    assert_eq!((rfc.org.as_str(), rfc.begin_s, rfc.end_s), ("Company-X", 1_459_468_800, 1_459_555_199));
    let policy = &rfc.policies[0];
    assert_eq!((policy.kind, policy.successes, policy.failures), (TlsPolicyKind::Sts, 5_326, 303));
    assert_eq!(policy.mx_hosts, ["*.mail.company-y.example"]);
    assert_eq!(policy.lines.len(), 4);
    assert_eq!(policy.details.iter().map(|failure| failure.count).sum::<u64>(), 303);
    assert_eq!(policy.details[0].result, "certificate-expired");
    assert_eq!(policy.details[2].reason.as_deref(), Some("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"));
    let mail_ru = read("mail.ru.json");
    assert_eq!((mail_ru.org.as_str(), mail_ru.policies[0].details.len()), ("Mail.ru", 2));
    assert_eq!(mail_ru.key().domain, "example.com");
    assert_eq!(read("smtp_tls.json").policies[0].failures, 3);
    let google = read("google.com_smtp_tls_report.eml");
    assert_eq!(google.policies[0].domain, "cardinalhealth.ca");
    assert_eq!(google.report_id, "2024-09-03T00:00:00Z_cardinalhealth.ca");
}

#[test]
fn an_empty_file_is_refused() {
    let all = opened("empty.xml");
    assert_eq!(all, [Found { name: "empty.xml".to_owned(), content: Err(Refusal::Empty) }]);
}
