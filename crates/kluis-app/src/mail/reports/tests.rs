//! Reports as people and the job use them: taken in once, counted by source, named anew, kept apart, forgotten.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kluis_mail::report::{Category, Refusal};
use kluis_mail::streams::MailSetup;
use kluis_model::{Actor, Grant, Operation, Period, Role};
use kluis_store::{MailSentRow, Unit};

use super::*;
use crate::mail::MailSettings;
use crate::testing::{BEGIN, Vault, local};
use crate::verify::FindingKind;
use crate::{App, AppError, AuditQuery, SHOP};

/// A report about a domain by an organisation, with rows (address, messages, DKIM passes).
fn report(org: &str, domain: &str, id: &str, rows: &[(&str, u64, bool)]) -> String {
    // It covers the day before the clock of the tests.
    let end = BEGIN.0 / 1_000 - 3_600;
    let mut text = format!(
        "<?xml version=\"1.0\"?><feedback><report_metadata><org_name>{org}</org_name><email>dmarc@{org}</email>\
         <report_id>{id}</report_id><date_range><begin>{}</begin><end>{end}</end></date_range></report_metadata>\
         <policy_published><domain>{domain}</domain><p>none</p></policy_published>",
        end - 86_399
    );
    for (source, count, is_signed) in rows {
        let (result, signature) = match is_signed {
            true => (
                "pass",
                format!("<dkim><domain>{domain}</domain><selector>s1</selector><result>pass</result></dkim>"),
            ),
            false => ("fail", String::new()),
        };
        text.push_str(&format!(
            "<record><row><source_ip>{source}</source_ip><count>{count}</count><policy_evaluated>\
             <disposition>none</disposition><dkim>{result}</dkim><spf>{result}</spf></policy_evaluated></row>\
             <identifiers><header_from>{domain}</header_from></identifiers><auth_results>{signature}<spf>\
             <domain>{domain}</domain><result>{result}</result></spf></auth_results></record>"
        ));
    }
    text + "</feedback>"
}

fn mail(xml: &str) -> String {
    format!(
        "From: dmarc@ontvanger.example\r\nSubject: report\r\nContent-Type: application/xml; name=\"r.xml\"\r\n\r\n{xml}\r\n"
    )
}

fn mailbox(mails: &[String]) -> String {
    let with_line = |mail: &String| format!("From a@b Tue Apr 30 02:09:16 2019\n{mail}\n\n");
    mails.iter().map(with_line).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Nobody answers questions about names here.
fn without_network() -> MailSettings {
    let dns = kluis_net::AuditOptions {
        dns: Some(SocketAddr::from(([127, 0, 0, 1], 1))),
        ..kluis_net::AuditOptions::default()
    };
    MailSettings { dns, ..MailSettings::default() }
}

/// Streams as somebody writes them down: name and From domain, with servers and services of all of them.
fn setup(streams: &[(&str, &str)], servers: &[&str], services: &[&str]) -> Arc<MailSetup> {
    let mut text = format!("domain = \"{}\"\n", streams[0].1);
    for (id, from) in streams {
        text.push_str(&format!(
            "[[stream]]\nid = \"{id}\"\nkind = \"shop\"\nfrom = \"{from}\"\nrelay = true\nservers = {servers:?}\n\
             services = {services:?}\n"
        ));
    }
    Arc::new(MailSetup::read(&text).unwrap())
}

async fn vault() -> Vault {
    let vault = Vault::new().await;
    vault.app.set_mail_settings(without_network());
    vault
}

async fn take(app: &App, bytes: impl Into<Vec<u8>> + Send) -> Ingested {
    app.mail_ingest(&local(), ReportSource::Command, "r.xml", bytes).await.unwrap()
}

async fn findings(app: &App) -> BTreeSet<FindingKind> {
    let report = app.verify(&local(), &|_| {}).await.unwrap();
    report.findings.into_iter().map(|finding| finding.kind).collect()
}

fn support() -> Actor {
    Actor { grant: Arc::new(Grant::of_role(Role::Support)), ..local() }
}

/// The public vectors beside the project, or where `KLUIS_VECTORS` says.
fn vectors(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let vectors = std::env::var("KLUIS_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned());
    let entries = std::fs::read_dir(root.join(vectors).join("dmarc").join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_taken_in_and_shown() {
    let vault = vault().await;
    let (app, mut sum) = (&vault.app, Ingested::default());
    for _ in 0..2 {
        for folder in ["aggregate", "aggregate_invalid", "extract_report", "smtp_tls", "failure"] {
            for file in vectors(folder) {
                let name = file.file_name().unwrap().to_str().unwrap().to_owned();
                let bytes = std::fs::read(&file).unwrap();
                let came = app.mail_ingest(&local(), ReportSource::Folder, &name, bytes).await.unwrap();
                assert!(came.quarantined.is_empty(), "{name}: {came:?}");
                assert!(came.new + came.known + came.failure_refused > 0, "{name}");
                sum.new += came.new;
                sum.known += came.known;
                sum.tls += came.tls;
                sum.failure_refused += came.failure_refused;
            }
        }
    }
    assert_eq!((sum.tls, sum.failure_refused), (4, 10), "{sum:?}");
    assert!(sum.new >= 24 && sum.known > sum.new, "{sum:?}");
    let listed = app.mail_reports_list(&local(), None, 500).await.unwrap();
    assert_eq!(listed.len(), sum.new as usize);
    for view in &listed {
        let detail = app.mail_report_rows(&local(), view.id).await.unwrap();
        assert_eq!(detail.lines.len(), view.head.rows as usize, "{view:?}");
        assert_eq!(detail.tls_report.is_some(), view.kind == ReportKind::Tls);
        let messages: u64 = detail.lines.iter().map(|line| line.row.count).sum();
        assert!(view.kind != ReportKind::Dmarc || messages == view.messages, "{view:?}");
    }
    let view = app.mail_sources(&local(), 25_000).await.unwrap();
    let dmarc: Vec<_> = listed.iter().filter(|view| view.kind == ReportKind::Dmarc).collect();
    let shown: u64 = view.streams.iter().map(|stream| stream.counts.messages).sum();
    assert_eq!(shown, dmarc.iter().map(|view| view.messages).sum::<u64>());
    assert_eq!((view.reports, view.tls.reports, view.is_cut), (dmarc.len() as u64, 4, false));
    let mut rows = 0;
    let read = app.mail_rows_since(&local(), 25_000, &mut |report| rows += report.rows.len()).await.unwrap();
    assert_eq!((read.reports, read.rows), (view.reports, rows as u64));
    assert_eq!(findings(app).await, BTreeSet::new());
    let empty = vectors("").into_iter().find(|file| file.ends_with("empty.xml")).unwrap();
    let came = take(app, std::fs::read(empty).unwrap()).await;
    assert_eq!(came.quarantined.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_report_counts_once_however_often_it_comes() {
    let mut vault = vault().await;
    let xml: Vec<String> = (0..9)
        .map(|n| report("a.example", "winkel.example", &n.to_string(), &[("192.0.2.1", 10, true)]))
        .collect();
    let mails: Vec<String> = xml.iter().map(|xml| mail(xml)).collect();
    // The program stops after four of nine: the whole mailbox comes again.
    assert_eq!(take(&vault.app, mailbox(&mails[..4])).await.new, 4);
    vault.reopen().await;
    vault.app.set_mail_settings(without_network());
    let came = take(&vault.app, mailbox(&mails)).await;
    assert_eq!((came.new, came.known), (5, 4));
    // As gzip, as XML, and many times at the same moment.
    let bytes = gzip(report("A.Example", "winkel.example", "9", &[("192.0.2.1", 10, true)]).as_bytes());
    let all = (0..8).map(|_| take(&vault.app, bytes.clone()));
    let mut new = 0;
    for came in futures(all).await {
        new += came.new;
    }
    assert_eq!((new, take(&vault.app, xml[3].clone()).await.known), (1, 1));
    let view = vault.app.mail_sources(&local(), 3).await.unwrap();
    assert_eq!((view.reports, view.streams[0].counts.messages), (10, 100));
    assert_eq!(view.streams[0].days.len(), 1);
    assert_eq!(findings(&vault.app).await, BTreeSet::new());
}

/// Runs use cases side by side.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_named_anew_when_the_streams_change_and_compared_with_what_was_sent() {
    let vault = vault().await;
    let app = &vault.app;
    let rows = [("192.0.2.1", 90, true), ("198.51.100.9", 7, true), ("203.0.113.5", 3, false)];
    take(app, report("a.example", "winkel.example", "1", &rows)).await;
    take(app, report("b.example", "nieuws.winkel.example", "2", &[("203.0.113.6", 5, false)])).await;
    let view = app.mail_sources(&local(), 7).await.unwrap();
    let ids: Vec<&str> = view.streams.iter().map(|stream| stream.stream.as_str()).collect();
    assert_eq!(
        ids,
        ["nieuws.winkel.example", "winkel.example"],
        "each domain is a stream until streams are declared"
    );
    let own: u64 = view.streams[1]
        .sources
        .iter()
        .filter(|s| s.category == Category::Own)
        .map(|s| s.counts.messages)
        .sum();
    assert_eq!((own, view.streams[1].sent), (97, None));
    let setup =
        setup(&[("winkel", "winkel.example"), ("nieuws", "nieuws.winkel.example")], &["203.0.113.0/24"], &[]);
    app.set_mail_settings(MailSettings { setup: Some(setup), ..without_network() });
    take(app, report("google.com", "winkel.example", "3", &[("203.0.113.7", 12, true)])).await;
    let mut unit = Unit::new();
    let sent = [
        ("winkel", "gmail.com", "accepted", 100),
        ("winkel", "gmail.com", "delivered", 100),
        ("winkel", "overig", "accepted", 4),
        ("oud", "overig", "accepted", 1),
    ];
    for (stream, receiver, outcome, messages) in sent {
        let row = MailSentRow {
            day: app.now().day(),
            stream: stream.into(),
            receiver: receiver.into(),
            outcome: outcome.into(),
            messages,
        };
        unit.count_mail_sent(SHOP, "node1", &row);
    }
    app.store().commit(unit).await.unwrap();
    assert_eq!(app.name_reports_anew().await.unwrap(), 2);
    assert_eq!(app.name_reports_anew().await.unwrap(), 0, "once is enough");
    let view = app.mail_sources(&local(), 7).await.unwrap();
    let ids: Vec<&str> = view.streams.iter().map(|stream| stream.stream.as_str()).collect();
    assert_eq!(ids, ["winkel", "nieuws", "oud"]);
    let sent = view.streams[0].sent.unwrap();
    assert_eq!((sent.signed, sent.reported, sent.difference, sent.others), (104, 112, -8, 0));
    let receivers: Vec<_> =
        view.streams[0].receivers.iter().map(|r| (r.receiver.as_str(), r.signed, r.reported)).collect();
    assert_eq!(receivers, [("gmail.com", 100, Some(12)), ("overig", 4, None)]);
    assert!(view.streams[1].sources.iter().all(|source| source.category == Category::Own));
    assert_eq!((view.reporters.len(), view.reporters[0].org.as_str()), (3, "a.example"));
    assert_eq!(findings(app).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_kept_apart_and_good_reports_go_on() {
    let vault = vault().await;
    let app = &vault.app;
    let good = report("a.example", "winkel.example", "1", &[("192.0.2.1", 1, true)]);
    let mails =
        [mail(&good), "Subject: hoi\r\n\r\nGeheim van Sanne".to_owned(), mail(&good.replace(">1<", ">2<"))];
    let came = take(app, mailbox(&mails)).await;
    assert_eq!((came.new, came.quarantined.len(), came.quarantined[0].1), (2, 1, Refusal::NothingInside));
    let id = came.quarantined[0].0;
    assert_eq!(take(app, mailbox(&mails)).await.quarantined, [(id, Refusal::NothingInside)], "kept once");
    let listed = app.mail_quarantine_list(&support()).await.unwrap();
    assert_eq!((listed.len(), listed[0].id, listed[0].source), (1, id, ReportSource::Command));
    assert_eq!(listed[0].why.nl, "Er zit geen rapport bij.");
    assert!(matches!(app.mail_quarantine_open(&support(), id).await, Err(AppError::Denied { .. })));
    let (_, bytes) = app.mail_quarantine_open(&local(), id).await.unwrap();
    let text = String::from_utf8(bytes.expose().clone()).unwrap();
    assert!(
        text.ends_with("Geheim van Sanne\n\n") && !text.contains("feedback"),
        "only the one mail: {text}"
    );
    let query = AuditQuery { operation: Some(Operation::MailChange), limit: 9, ..AuditQuery::default() };
    let entries = app.audit_list(&local(), query).await.unwrap();
    assert_eq!(entries[0].reason.as_deref(), Some("quarantine_read"));
    assert_eq!(app.mail_quarantine_retry(&local(), id).await.unwrap().quarantined.len(), 1);
    // Bombs, entities and nonsense are refused with a reason, in no time.
    let begin = Instant::now();
    let bomb = gzip(&vec![b' '; 40 << 20]);
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE feedback [<!ENTITY a \"ha\">]><feedback>&a;</feedback>";
    for (bytes, why) in [
        (bomb, Refusal::Bomb),
        (laughs.as_bytes().to_vec(), Refusal::Entities),
        (b"\x89PNG\r\n\x1a\n".to_vec(), Refusal::UnknownKind),
        (Vec::new(), Refusal::Empty),
    ] {
        let came = take(app, bytes).await;
        assert_eq!(came.quarantined.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [why]);
    }
    assert!(begin.elapsed() < Duration::from_secs(20));
    for entry in app.mail_quarantine_list(&local()).await.unwrap() {
        app.mail_quarantine_delete(&local(), entry.id).await.unwrap();
    }
    assert!(matches!(app.mail_quarantine_delete(&local(), id).await, Err(AppError::NotFound)));
    assert!(matches!(app.mail_quarantine_open(&local(), id).await, Err(AppError::NotFound)));
    assert_eq!(findings(app).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_quarantine_sends_what_cannot_be_read_back_and_takes_reports_in() {
    let vault = vault().await;
    let app = &vault.app;
    let junk: Vec<String> = (0..500).map(|n| format!("Subject: {n}\r\n\r\nhello")).collect();
    assert_eq!(take(app, mailbox(&junk)).await.quarantined.len(), 500);
    let more = app.mail_ingest(&local(), ReportSource::Smtp, "", "Subject: 500\r\n\r\nhello").await;
    let error = more.unwrap_err();
    assert!(matches!(error, AppError::Unavailable { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("quarantine list"));
    let known = app.mail_ingest(&local(), ReportSource::Smtp, "", mailbox(&junk[7..8])).await.unwrap();
    assert_eq!(known.quarantined.len(), 1, "what is kept already needs no room");
    let good = report("a.example", "winkel.example", "1", &[("192.0.2.1", 1, true)]);
    assert_eq!(app.mail_ingest(&local(), ReportSource::Smtp, "", good.clone()).await.unwrap().new, 1);
    // In a mailbox the reports behind what finds no room are taken in all the same.
    let mails =
        ["Subject: 501\r\n\r\nhello".to_owned(), mail(&good.replace("<report_id>1<", "<report_id>2<"))];
    let error = app.mail_ingest(&local(), ReportSource::Folder, "", mailbox(&mails)).await.unwrap_err();
    assert!(error.is_no_room_for_reports());
    assert_eq!(app.mail_reports_list(&local(), None, 9).await.unwrap().len(), 2);
    // After a month what nobody looked at is forgotten; reports stay.
    vault.clock.advance(Duration::from_secs(29 * 86_400));
    assert_eq!(app.forget_reports().await.unwrap(), 0);
    vault.clock.advance(Duration::from_secs(2 * 86_400));
    while app.forget_reports().await.unwrap() > 0 {}
    assert_eq!(app.mail_quarantine_list(&local()).await.unwrap(), []);
    assert_eq!(app.mail_reports_list(&local(), None, 9).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn few_are_read_at_once_and_the_rest_waits_for_its_turn() {
    let vault = vault().await;
    let readers = vault.app.inner.mail.reports.readers.clone();
    let turns = readers.acquire_many(READ_AT_ONCE as u32).await.unwrap();
    let good = report("a.example", "winkel.example", "1", &[("192.0.2.1", 1, true)]);
    let actor = local();
    let taking = vault.app.mail_ingest(&actor, ReportSource::Smtp, "", good);
    tokio::pin!(taking);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut taking).await.is_err());
    drop(turns);
    assert_eq!(taking.await.unwrap().new, 1);
    assert_eq!(readers.available_permits(), READ_AT_ONCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_fill_so_much_of_the_disk_in_a_day_and_are_counted_all_the_same() {
    let vault = vault().await;
    let app = &vault.app;
    let day = &app.inner.mail.reports.strangers;
    assert!(day.take(stored::STRANGERS_ROWS_DAY_MAX as usize - 10, app.now()));
    let good = |id: &str| report("a.example", "winkel.example", id, &[("192.0.2.1", 7, true)]);
    for (source, id) in [(ReportSource::Smtp, "1"), (ReportSource::Command, "2")] {
        assert_eq!(app.mail_ingest(&local(), source, "", good(id)).await.unwrap().new, 1);
    }
    vault.clock.advance(Duration::from_secs(86_400));
    assert_eq!(app.mail_ingest(&local(), ReportSource::Smtp, "", good("3")).await.unwrap().new, 1);
    for report in app.mail_reports_list(&local(), None, 9).await.unwrap() {
        let detail = app.mail_report_rows(&local(), report.id).await.unwrap();
        let is_first = report.head.report_id == "1";
        assert_eq!(
            (report.messages, report.head.is_folded, detail.lines.is_empty()),
            (7, is_first, is_first)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mail_of_a_stranger_takes_one_place_in_the_quarantine() {
    let vault = vault().await;
    let junk: Vec<String> = (0..600).map(|n| format!("Subject: {n}\r\n\r\nhello")).collect();
    let came = vault.app.mail_ingest(&local(), ReportSource::Smtp, "", mailbox(&junk)).await.unwrap();
    assert_eq!(came.quarantined.len(), 1);
    assert_eq!(vault.app.mail_quarantine_list(&local()).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_forgotten_when_their_time_is_over() {
    let vault = vault().await;
    let app = &vault.app;
    app.set_mail_settings(MailSettings { reports_kept: Period::days(60), ..without_network() });
    let one = |id: &str| report("a.example", "winkel.example", id, &[("192.0.2.1", 1, true)]);
    take(app, one("1")).await;
    vault.clock.advance(Duration::from_secs(40 * 86_400));
    take(app, one("2")).await;
    vault.clock.advance(Duration::from_secs(25 * 86_400));
    assert_eq!(app.forget_reports().await.unwrap(), 1);
    let left = app.mail_reports_list(&local(), None, 9).await.unwrap();
    assert_eq!(left.iter().map(|view| view.head.report_id.as_str()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(app.mail_sources(&local(), 90).await.unwrap().streams[0].counts.messages, 1);
    // The same report later is new again: nothing of it is left.
    assert_eq!(take(app, one("1")).await.new, 1);
    assert_eq!(findings(app).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_reports_leave_nothing_of_a_person_behind() {
    let mut vault = vault().await;
    let files = vectors("failure");
    let canary = "Sanne.Kanariegeel@voorbeeld.example";
    let take_all = async |app: &App| {
        let mut sum = (0, 0);
        for file in &files {
            let bytes =
                [format!("X-Original: {canary}\r\n").into_bytes(), std::fs::read(file).unwrap()].concat();
            let came = take(app, bytes).await;
            assert!(came.quarantined.is_empty(), "{file:?}");
            sum = (sum.0 + came.new, sum.1 + came.failure_refused);
        }
        sum
    };
    let count = files.len() as u32;
    assert_eq!(take_all(&vault.app).await, (0, count));
    assert_eq!(vault.app.mail_reports_list(&local(), None, 9).await.unwrap(), []);
    vault.app.set_mail_settings(MailSettings { failure_reports: true, ..without_network() });
    assert_eq!(take_all(&vault.app).await, (count, 0));
    assert_eq!(take_all(&vault.app).await, (0, 0), "and once");
    let listed = vault.app.mail_reports_list(&local(), None, 9).await.unwrap();
    let detail = vault.app.mail_report_rows(&local(), listed[0].id).await.unwrap();
    assert!(detail.failure.is_some() && listed.iter().all(|view| view.kind == ReportKind::Failure));
    vault.app.close().await;
    for name in ["data.db", "keys.db"] {
        let bytes = std::fs::read(vault.dir.path().join(name)).unwrap();
        assert!(!bytes.windows(17).any(|window| window == &canary.as_bytes()[..17]), "{name}");
    }
    vault.reopen().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_outside_is_found() {
    let vault = vault().await;
    let app = &vault.app;
    let rows = [("192.0.2.1", 90, true), ("203.0.113.5", 3, false)];
    take(app, report("a.example", "winkel.example", "1", &rows)).await;
    let mut unit = Unit::new();
    app.put_fact(&mut unit, ("dns", "winkel.example"), &"yesterday", 0).unwrap();
    app.store().commit(unit).await.unwrap();
    assert_eq!(findings(app).await, BTreeSet::new());
    let change = |statement: &str| {
        let data = rusqlite::Connection::open(vault.dir.path().join("data.db")).unwrap();
        assert!(data.execute(statement, []).unwrap() > 0, "{statement}");
    };
    for (there, back) in [
        ("update mail_report set messages = messages + 1", "update mail_report set messages = messages - 1"),
        ("update mail_report set named = named + 1", "update mail_report set named = named - 1"),
        (
            "update mail_report set rows = cast(rows || x'00' as blob)",
            "update mail_report set rows = cast(substr(rows, 1, length(rows) - 1) as blob)",
        ),
        (
            "update mail_source set category = 'own' where category = 'misuse'",
            "update mail_source set category = 'misuse' where messages = 3",
        ),
        ("update mail_source set n = 7 where n = 0", "update mail_source set n = 0 where n = 7"),
        ("update mail_fact set value = '\"today\"'", "update mail_fact set value = '\"yesterday\"'"),
        (
            "update mail_report set id = x'01909090909090909090909090909090'",
            "update mail_report set id = (select report from mail_source limit 1)",
        ),
    ] {
        change(there);
        assert_eq!(findings(app).await, [FindingKind::MailWrong].into(), "{there}");
        change(back);
        assert_eq!(findings(app).await, BTreeSet::new(), "{back}");
    }
    // What is shown is looked at before it is shown.
    let id = app.mail_reports_list(&local(), None, 1).await.unwrap()[0].id;
    change("update mail_report set org = 'b.example'");
    assert!(matches!(app.mail_reports_list(&local(), None, 1).await, Err(AppError::Integrity { .. })));
    assert!(matches!(app.mail_report_rows(&local(), id).await, Err(AppError::Integrity { .. })));
    assert!(matches!(app.mail_rows_since(&local(), 9, &mut |_| {}).await, Err(AppError::Integrity { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_change_mail_takes_nothing_in() {
    let vault = vault().await;
    let app = &vault.app;
    let xml = report("a.example", "winkel.example", "1", &[("192.0.2.1", 1, true)]);
    let denied = app.mail_ingest(&support(), ReportSource::Api, "r.xml", xml.clone()).await;
    assert!(matches!(denied, Err(AppError::Denied { .. })));
    assert_eq!(take(app, xml).await.new, 1);
    let id = app.mail_reports_list(&support(), None, 1).await.unwrap()[0].id;
    app.mail_report_rows(&support(), id).await.unwrap();
    let nobody = Actor {
        grant: Arc::new(Grant { operations: [Operation::Read].into_iter().collect(), ..Grant::all() }),
        ..local()
    };
    assert!(matches!(app.mail_sources(&nobody, 9).await, Err(AppError::Denied { .. })));
    assert!(matches!(app.mail_reports_list(&nobody, None, 9).await, Err(AppError::Denied { .. })));
    assert!(matches!(app.mail_report_rows(&nobody, id).await, Err(AppError::Denied { .. })));
    assert!(matches!(app.mail_rows_since(&nobody, 9, &mut |_| panic!()).await, Err(AppError::Denied { .. })));
    assert!(matches!(app.mail_quarantine_list(&nobody).await, Err(AppError::Denied { .. })));
    app.seal();
    assert!(matches!(app.mail_sources(&local(), 9).await, Err(AppError::Sealed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_dns_is_silent_names_of_servers_wait() {
    let vault = vault().await;
    let app = &vault.app;
    // Every server of the last one is known: nothing is asked.
    for (id, server) in [("1", "203.0.113.5"), ("2", "203.0.113.6"), ("3", "205.201.128.9")] {
        take(app, report("a.example", "winkel.example", id, &[(server, 3, false)])).await;
        vault.clock.advance(Duration::from_millis(1));
    }
    let (_stop, stopped) = tokio::sync::watch::channel(());
    app.reports_upkeep(&stopped).await.unwrap();
    let waiting = app.store().unnamed_mail_reports(SHOP, None, 9).await.unwrap();
    assert_eq!(waiting.len(), 3, "the first silence ends the turn");
    assert!(
        !app.name_servers_of(waiting[0]).await.unwrap() && app.name_servers_of(waiting[2]).await.unwrap()
    );
    let waiting = app.store().unnamed_mail_reports(SHOP, None, 9).await.unwrap();
    assert_eq!(waiting.len(), 2);
    let begin = Instant::now();
    app.reports_upkeep(&stopped).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5), "nobody is asked for a while");
    assert_eq!(findings(app).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_report_keeps_no_other_from_being_named_anew() {
    let vault = vault().await;
    let app = &vault.app;
    for id in ["1", "2", "3"] {
        take(app, report("a.example", "winkel.example", id, &[("203.0.113.5", 3, false)])).await;
    }
    let data = rusqlite::Connection::open(vault.dir.path().join("data.db")).unwrap();
    let damage = "update mail_report set org = 'x' where id = (select min(id) from mail_report)";
    assert_eq!(data.execute(damage, []).unwrap(), 1);
    let setup = setup(&[("winkel", "winkel.example")], &["203.0.113.5"], &[]);
    app.set_mail_settings(MailSettings { setup: Some(setup), ..without_network() });
    assert_eq!(app.name_reports_anew().await.unwrap(), 2);
    assert_eq!(app.name_reports_anew().await.unwrap(), 0);
    assert_eq!(findings(app).await, [FindingKind::MailWrong].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_too_many_to_keep_leave_their_counts() {
    let vault = vault().await;
    let app = &vault.app;
    let rows: Vec<(String, u64, bool)> = (0..40_000)
        .map(|n| (format!("10.{}.{}.{}", n / 10_000, n / 100 % 100, n % 100), 2, n % 2 == 0))
        .collect();
    let rows: Vec<(&str, u64, bool)> =
        rows.iter().map(|(ip, count, ok)| (ip.as_str(), *count, *ok)).collect();
    assert_eq!(take(app, report("a.example", "winkel.example", "1", &rows)).await.new, 1);
    let listed = app.mail_reports_list(&local(), None, 1).await.unwrap();
    assert!(listed[0].head.is_folded && listed[0].head.rows == 40_000 && listed[0].messages == 80_000);
    let setup = setup(&[("winkel", "winkel.example")], &[], &[]);
    app.set_mail_settings(MailSettings { setup: Some(setup), ..without_network() });
    assert_eq!(app.name_reports_anew().await.unwrap(), 1);
    assert_eq!(app.name_reports_anew().await.unwrap(), 0);
    let view = app.mail_sources(&local(), 9).await.unwrap();
    assert_eq!(view.streams.iter().map(|stream| stream.counts.messages).sum::<u64>(), 80_000);
    let read = app.mail_rows_since(&local(), 9, &mut |_| {}).await.unwrap();
    assert_eq!((read.reports, read.rows, read.folded), (1, 0, 1));
    assert_eq!(findings(app).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_reports_are_taken_in_quickly() {
    let vault = vault().await;
    let app = &vault.app;
    let rows: Vec<(String, u64, bool)> =
        (0..20).map(|n| (format!("198.51.100.{n}"), n % 7 + 1, n % 3 != 0)).collect();
    let rows: Vec<(&str, u64, bool)> =
        rows.iter().map(|(ip, count, ok)| (ip.as_str(), *count, *ok)).collect();
    let packed: Vec<Vec<u8>> = (0..1_000)
        .map(|n| gzip(report("a.example", "winkel.example", &n.to_string(), &rows).as_bytes()))
        .collect();
    let begin = Instant::now();
    for some in packed.chunks(16) {
        futures(some.iter().map(|bytes| take(app, bytes.clone()))).await;
    }
    let taken = begin.elapsed();
    let begin = Instant::now();
    for bytes in &packed[..100] {
        assert_eq!(take(app, bytes.clone()).await.known, 1);
    }
    let again = begin.elapsed();
    let begin = Instant::now();
    let view = app.mail_sources(&local(), 9).await.unwrap();
    let shown = begin.elapsed();
    let begin = Instant::now();
    let read = app.mail_rows_since(&local(), 9, &mut |_| {}).await.unwrap();
    let replayed = begin.elapsed();
    assert_eq!((view.reports, read.rows), (1_000, 20_000));
    eprintln!(
        "1,000 reports, 20,000 rows: in {taken:?}; 100 again {again:?}; shown {shown:?}; read {replayed:?}"
    );
    assert!(taken < Duration::from_secs(30), "{taken:?}");
}
