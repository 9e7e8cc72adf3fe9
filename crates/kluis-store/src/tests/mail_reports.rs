//! Reports of receivers: once each, with their sources, summed by day; what could not be read; what is forgotten.

use super::*;
use crate::{MailFactRow, MailQuarantineRow, MailReportRow, MailSourceRow, StoreError};

/// A report of a day whose key is a number.
pub(super) fn report(key: u8, end_s: i64) -> MailReportRow {
    MailReportRow {
        shop: SHOP,
        id: JobId::from_parts(NOW, fresh()[..10].try_into().unwrap()),
        key: [key; 32],
        kind: "dmarc".into(),
        org: "ontvanger.example".into(),
        domain: "winkel.example".into(),
        begin_s: end_s - 86_399,
        end_s,
        received: NOW,
        messages: 10,
        classified: [1; 16],
        named: 0,
        head: "{}".into(),
        rows_hash: [2; 32],
        sources_hash: [3; 32],
        row_mac: [key; 32],
    }
}

pub(super) fn source(n: u32, day: i64, network: &str, messages: u64) -> MailSourceRow {
    MailSourceRow {
        n,
        day,
        stream: "winkel".into(),
        category: "own".into(),
        network: network.into(),
        messages,
        passed: messages / 2,
        dkim: 3,
        ..MailSourceRow::default()
    }
}

pub(super) fn unreadable(digest: u8, at: i64) -> MailQuarantineRow {
    MailQuarantineRow {
        shop: SHOP,
        id: JobId::from_parts(TimeMs(at), fresh()[..10].try_into().unwrap()),
        at: TimeMs(at),
        source: "smtp".into(),
        reason: "it is empty".into(),
        size: 40,
        digest: [digest; 32],
    }
}

pub(super) fn fact(kind: &str, name: &str, version: u64) -> MailFactRow {
    MailFactRow {
        shop: SHOP,
        kind: kind.into(),
        name: name.into(),
        updated: NOW,
        version,
        value: "{}".into(),
        row_mac: [5; 32],
    }
}

async fn put(store: &Store, row: &MailReportRow, sources: &[MailSourceRow]) -> Result<(), StoreError> {
    let mut unit = Unit::new();
    unit.insert_mail_report(row, b"rows", sources);
    unit.leaf(leaf(None, "mail", Operation::MailChange));
    store.commit(unit).await.map(|_| ())
}

#[test]
fn a_report_is_taken_in_once() {
    on_both(|store| async move {
        let row = report(1, 1_000_000);
        let sources = [source(0, 11, "192.0.2.0/24", 7), source(1, 11, "", 3)];
        put(&store, &row, &sources).await.unwrap();
        let again = MailReportRow { id: JobId::from_bytes(fresh()), ..row.clone() };
        assert_eq!(put(&store, &again, &sources).await, Err(StoreError::conflict("mail_report")));
        // Of two at the same moment one wins, and the other leaves nothing behind.
        let (one, two) = (report(2, 1), MailReportRow { id: report(2, 1).id, ..report(2, 1) });
        let (first, second) = tokio::join!(put(&store, &one, &sources), put(&store, &two, &sources));
        assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
        assert_eq!(store.mail_report_with_key(SHOP, [1; 32]).await.unwrap(), Some(row.id));
        assert_eq!(store.mail_report_with_key(ShopId(2), [1; 32]).await.unwrap(), None);
        assert_eq!(store.mail_report(SHOP, row.id).await.unwrap(), Some((row.clone(), b"rows".to_vec())));
        assert_eq!(store.mail_report(SHOP, again.id).await.unwrap(), None);
        assert_eq!(store.mail_sources_of(SHOP, row.id).await.unwrap(), sources);
        assert_eq!(store.stray_mail_sources(SHOP).await.unwrap(), 0);
        assert_eq!(store.count_mail_reports(SHOP, "dmarc", 2).await.unwrap(), 1);
        assert_eq!(store.count_mail_reports_received(SHOP, NOW).await.unwrap(), 2);
        assert_eq!(store.count_mail_reports_received(SHOP, TimeMs(NOW.0 + 1)).await.unwrap(), 0);
    });
}

#[test]
fn sources_are_named_anew_only_by_who_saw_the_last_state() {
    on_both(|store| async move {
        let row = report(1, 1_000_000);
        put(&store, &row, &[source(0, 11, "192.0.2.0/24", 7)]).await.unwrap();
        let unseen = |print: u8| store.mail_reports_otherwise_classified(SHOP, [print; 16], None, 9);
        assert_eq!(unseen(1).await.unwrap(), []);
        assert_eq!(unseen(2).await.unwrap(), [row.id]);
        assert_eq!(store.unnamed_mail_reports(SHOP, None, 9).await.unwrap(), [row.id]);
        assert_eq!(store.unnamed_mail_reports(SHOP, Some(row.id), 9).await.unwrap(), []);
        let anew = MailReportRow { classified: [2; 16], named: 5, row_mac: [9; 32], ..row.clone() };
        let sources = [source(0, 11, "", 4), source(1, 11, "x", 3)];
        let mut unit = Unit::new();
        unit.update_mail_report(&anew, b"more", &sources, row.row_mac);
        store.commit(unit.clone()).await.unwrap();
        assert_eq!(store.commit(unit).await, Err(StoreError::conflict("mail_report")));
        assert_eq!(store.mail_report(SHOP, row.id).await.unwrap(), Some((anew, b"more".to_vec())));
        assert_eq!(store.mail_sources_of(SHOP, row.id).await.unwrap(), sources);
        assert_eq!((unseen(2).await.unwrap(), unseen(1).await.unwrap()), (vec![], vec![row.id]));
        assert_eq!(store.unnamed_mail_reports(SHOP, None, 9).await.unwrap(), []);
    });
}

#[test]
fn sources_are_summed_by_day_and_large_counts_do_not_break_the_sums() {
    on_both(|store| async move {
        let most = 1_000_000_000_000;
        for key in 1..=3 {
            let sources = [source(0, 10 + i64::from(key), "a", 5), source(1, 20, "b", most)];
            put(&store, &report(key, 100), &sources).await.unwrap();
        }
        let sums = store.sum_mail_sources(SHOP, (12, 20), 9).await.unwrap();
        let seen: Vec<_> =
            sums.iter().map(|sum| (sum.n, sum.day, sum.network.as_str(), sum.messages)).collect();
        assert_eq!(seen, [(0, 12, "a", 5), (0, 13, "a", 5), (0, 20, "b", 3 * most)]);
        assert_eq!((sums[2].passed, sums[2].dkim, sums[2].spf), (3 * most / 2, 9, 0));
        assert_eq!(store.sum_mail_sources(SHOP, (12, 20), 1).await.unwrap().len(), 1);
        assert_eq!(store.sum_mail_sources(ShopId(2), (0, 99), 9).await.unwrap(), []);
    });
}

#[test]
fn reports_are_found_by_age_and_end_of_their_period() {
    on_both(|store| async move {
        let rows: Vec<MailReportRow> = [500, -7, 300, 400]
            .iter()
            .enumerate()
            .map(|(n, end_s)| {
                let at = TimeMs(NOW.0 + n as i64 * 1_000);
                MailReportRow { id: JobId::from_parts(at, [0; 10]), received: at, ..report(n as u8, *end_s) }
            })
            .collect();
        for row in &rows {
            put(&store, row, &[]).await.unwrap();
        }
        let ids = |found: &[MailReportRow]| found.iter().map(|row| row.id).collect::<Vec<_>>();
        let newest = store.newest_mail_reports(SHOP, None, 2).await.unwrap();
        assert_eq!(ids(&newest), [rows[3].id, rows[2].id]);
        let before = store.newest_mail_reports(SHOP, Some(rows[2].id), 9).await.unwrap();
        assert_eq!(ids(&before), [rows[1].id, rows[0].id]);
        let mut ended = Vec::new();
        let mut after = (i64::MIN, JobId::from_bytes([0; 16]));
        while let Some((row, _)) = store.ended_mail_reports(SHOP, "dmarc", after, 1).await.unwrap().pop() {
            after = (row.end_s, row.id);
            ended.push(row);
        }
        assert_eq!(ids(&ended), [rows[1].id, rows[2].id, rows[3].id, rows[0].id]);
        assert_eq!(store.page_mail_reports(SHOP, Some(rows[0].id), 9).await.unwrap().len(), 3);
        let reporters = store.mail_reporters(SHOP, 300, 9).await.unwrap();
        assert_eq!(reporters.len(), 1);
        assert_eq!((reporters[0].reports, reporters[0].messages, reporters[0].last_s), (3, 30, 500));
        let old = store.mail_reports_before(SHOP, TimeMs(NOW.0 + 2_000), 9).await.unwrap();
        assert_eq!(old, [rows[0].id, rows[1].id]);
        let mut unit = Unit::new();
        old.iter().for_each(|id| unit.delete_mail_report(SHOP, *id));
        store.commit(unit).await.unwrap();
        assert_eq!(ids(&store.newest_mail_reports(SHOP, None, 9).await.unwrap()), [rows[3].id, rows[2].id]);
    });
}

#[test]
fn what_cannot_be_read_is_kept_once() {
    on_both(|store| async move {
        let put = async |row: &MailQuarantineRow| {
            let mut unit = Unit::new();
            unit.insert_mail_quarantine(row, b"sealed");
            store.commit(unit).await.map(|_| ())
        };
        assert_eq!(store.mail_quarantine_size(SHOP).await.unwrap(), (0, 0));
        let (old, new) = (unreadable(1, 5_000), unreadable(2, 9_000));
        put(&old).await.unwrap();
        put(&new).await.unwrap();
        assert_eq!(put(&unreadable(1, 7_000)).await, Err(StoreError::conflict("mail_quarantine")));
        assert_eq!(store.mail_quarantine_size(SHOP).await.unwrap(), (2, 80));
        assert_eq!(store.mail_quarantines(SHOP, 9).await.unwrap(), [new.clone(), old.clone()]);
        assert_eq!(
            store.mail_quarantine(SHOP, old.id).await.unwrap(),
            Some((old.clone(), b"sealed".to_vec()))
        );
        assert_eq!(store.mail_quarantine_with_digest(SHOP, [2; 32]).await.unwrap(), Some(new.id));
        assert_eq!(store.mail_quarantine_before(SHOP, TimeMs(9_000), 9).await.unwrap(), [old.id]);
        let mut unit = Unit::new();
        unit.delete_mail_quarantine(SHOP, old.id);
        store.commit(unit.clone()).await.unwrap();
        assert_eq!(store.commit(unit).await, Err(StoreError::conflict("mail_quarantine")), "it is gone");
    });
}

#[test]
fn facts_are_replaced_by_who_saw_the_last_version_and_paged_over_all_kinds() {
    on_both(|store| async move {
        let put = async |row: &MailFactRow| {
            let mut unit = Unit::new();
            unit.put_mail_fact(row);
            store.commit(unit).await.map(|_| ())
        };
        for (kind, name) in [("dns", "b.example"), ("digest", "z"), ("dns", "a.example")] {
            put(&fact(kind, name, 1)).await.unwrap();
        }
        assert_eq!(put(&fact("dns", "a.example", 1)).await, Err(StoreError::conflict("mail_fact")));
        put(&fact("dns", "a.example", 2)).await.unwrap();
        assert_eq!(put(&fact("dns", "a.example", 2)).await, Err(StoreError::conflict("mail_fact")));
        let mut paged: Vec<MailFactRow> = Vec::new();
        while let Some(row) = store.page_mail_facts(SHOP, paged.last(), 1).await.unwrap().pop() {
            paged.push(row);
        }
        assert_eq!(paged, [fact("digest", "z", 1), fact("dns", "a.example", 2), fact("dns", "b.example", 1)]);
        let mut unit = Unit::new();
        unit.delete_mail_fact(SHOP, "dns", "a.example");
        store.commit(unit).await.unwrap();
        assert_eq!(store.mail_facts(SHOP, "dns", 9).await.unwrap(), [fact("dns", "b.example", 1)]);
        assert_eq!(store.mail_fact(SHOP, "dns", "a.example").await.unwrap(), None);
    });
}
