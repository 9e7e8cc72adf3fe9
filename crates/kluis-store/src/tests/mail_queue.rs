//! The relay's queue: claimed by one process at a time, due again when that process is gone, counted by day.

use std::time::{Duration, Instant};

use super::*;
use crate::{MailHead, MailLease, MailQueueRow, MailSentRow, StoreError};

const MINUTE: Duration = Duration::from_secs(60);

fn mail(stream: &str, due: TimeMs) -> MailQueueRow {
    MailQueueRow {
        shop: SHOP,
        head: MailHead {
            id: JobId::from_bytes(fresh()),
            node: "node1".into(),
            stream: stream.into(),
            at: NOW,
            due,
            attempts: 0,
            state: "waiting".into(),
            size: 4_000,
            lease_by: String::new(),
        },
        envelope: vec![21; 200],
        message: vec![22; 4_096],
    }
}

async fn put(store: &Store, row: &MailQueueRow) -> JobId {
    let mut unit = Unit::new();
    unit.insert_mail(row.clone());
    store.commit(unit).await.unwrap();
    row.head.id
}

fn lease<'a>(by: &'a str, now: TimeMs) -> MailLease<'a> {
    MailLease { node: "node1", by, now, until: now.plus(MINUTE * 15) }
}

async fn claim(store: &Store, by: &str, now: TimeMs, limit: u32) -> Vec<JobId> {
    let heads = store.claim_mail(SHOP, "winkel", lease(by, now), limit).await.unwrap();
    heads.into_iter().map(|head| head.id).collect()
}

#[test]
fn a_message_is_claimed_by_one_process_until_its_lease_ends() {
    on_both(|store| async move {
        let first = mail("winkel", NOW);
        let id = put(&store, &first).await;
        let mut again = Unit::new();
        again.insert_mail(first.clone());
        assert_eq!(store.commit(again).await, Err(StoreError::conflict("mail")));
        let later = put(&store, &mail("winkel", NOW.plus(MINUTE))).await;
        put(&store, &mail("nieuws", NOW)).await;
        assert_eq!(store.mail_due(SHOP, NOW).await.unwrap(), ["nieuws", "winkel"]);
        assert_eq!(store.mail_due(SHOP, NOW.minus(MINUTE)).await.unwrap(), [""; 0]);
        assert_eq!(claim(&store, "a", NOW, 9).await, [id]);
        assert_eq!(claim(&store, "b", NOW, 9).await, []);
        assert_eq!(store.mail_content(SHOP, id, "b").await.unwrap(), None, "it is not theirs");
        let content = store.mail_content(SHOP, id, "a").await.unwrap().unwrap();
        assert_eq!(content, (first.envelope, first.message));
        assert_eq!(
            claim(&store, "b", NOW.plus(MINUTE * 15), 1).await,
            [later],
            "the longest due comes first"
        );
        assert_eq!(claim(&store, "b", NOW.plus(MINUTE * 15), 9).await, [id]);
        // The process that lost its lease changes nothing any more.
        let mut unit = Unit::new();
        unit.delete_mail(SHOP, id, "a");
        unit.put_off_mail((SHOP, id), "a", NOW, 7, Vec::new());
        unit.give_back_mail(SHOP, id, "a", NOW);
        unit.hold_mail(SHOP, id, "a");
        store.commit(unit).await.unwrap();
        let head = store.mail_head(SHOP, id).await.unwrap().unwrap();
        assert_eq!((head.lease_by.as_str(), head.attempts, head.state.as_str()), ("b", 0, "waiting"));
        let mut unit = Unit::new();
        unit.delete_mail(SHOP, id, "b");
        store.commit(unit).await.unwrap();
        assert_eq!(store.mail_head(SHOP, id).await.unwrap(), None);
        assert_eq!(store.count_mail(SHOP).await.unwrap(), 2);
    });
}

#[test]
fn a_message_is_put_off_held_retried_and_dropped() {
    on_both(|store| async move {
        let id = put(&store, &mail("winkel", NOW)).await;
        claim(&store, "a", NOW, 1).await;
        let change = async |act: &dyn Fn(&mut Unit)| {
            let mut unit = Unit::new();
            act(&mut unit);
            store.commit(unit).await
        };
        let busy = Err(StoreError::conflict("mail"));
        assert_eq!(change(&|unit| unit.drop_mail(SHOP, id, NOW)).await, busy, "it is being delivered");
        assert_eq!(change(&|unit| unit.retry_mail(SHOP, id, NOW)).await, busy);
        let due = NOW.plus(MINUTE);
        change(&|unit| unit.put_off_mail((SHOP, id), "a", due, 1, vec![9; 30])).await.unwrap();
        assert_eq!(store.mail_envelope(SHOP, id).await.unwrap(), Some(vec![9; 30]));
        assert_eq!(claim(&store, "a", NOW, 1).await, []);
        change(&|unit| unit.retry_all_mail(SHOP, NOW)).await.unwrap();
        assert_eq!(claim(&store, "a", NOW, 1).await, [id]);
        change(&|unit| unit.hold_mail(SHOP, id, "a")).await.unwrap();
        assert_eq!(claim(&store, "a", NOW.plus(MINUTE * 60), 1).await, []);
        let listed = store.mail_list(SHOP, 9).await.unwrap();
        assert_eq!((listed[0].0.state.as_str(), &listed[0].1), ("held", &vec![9; 30]));
        change(&|unit| unit.retry_all_mail(SHOP, NOW)).await.unwrap();
        assert_eq!(claim(&store, "a", NOW, 1).await, [], "what is held is not retried with the others");
        change(&|unit| unit.retry_mail(SHOP, id, NOW)).await.unwrap();
        assert_eq!(claim(&store, "a", NOW, 1).await, [id]);
        change(&|unit| unit.give_back_mail(SHOP, id, "a", NOW)).await.unwrap();
        change(&|unit| unit.drop_mail(SHOP, id, NOW)).await.unwrap();
        assert_eq!(change(&|unit| unit.drop_mail(SHOP, id, NOW)).await, busy);
        assert_eq!(store.mail_depth(SHOP).await.unwrap(), []);
    });
}

#[test]
fn old_messages_and_those_of_a_process_that_ended_are_found() {
    on_both(|store| async move {
        let id = put(&store, &mail("winkel", NOW.plus(MINUTE * 600))).await;
        let held_elsewhere = put(&store, &mail("winkel", NOW)).await;
        assert_eq!(claim(&store, "other", NOW, 9).await, [held_elsewhere]);
        let old = store.claim_old_mail(SHOP, NOW.minus(MINUTE), lease("a", NOW), 9).await.unwrap();
        assert_eq!(old, []);
        let old = store.claim_old_mail(SHOP, NOW, lease("a", NOW), 9).await.unwrap();
        assert_eq!(old.iter().map(|head| head.id).collect::<Vec<_>>(), [id], "not what is being delivered");
        store.release_mail(SHOP, "node2", "new").await.unwrap();
        assert_eq!(claim(&store, "new", NOW, 9).await, []);
        store.release_mail(SHOP, "node1", "a").await.unwrap();
        assert_eq!(claim(&store, "new", NOW, 9).await, [held_elsewhere], "what `a` holds stays with it");
    });
}

#[test]
fn what_was_sent_is_counted_by_day_over_all_nodes() {
    on_both(|store| async move {
        let row = |day: i64, outcome: &str, messages: u64| MailSentRow {
            day,
            stream: "winkel".into(),
            receiver: "gmail.com".into(),
            outcome: outcome.into(),
            messages,
        };
        let mut unit = Unit::new();
        for node in ["node1", "node2"] {
            unit.count_mail_sent(SHOP, node, &row(10, "accepted", 1));
            unit.count_mail_sent(SHOP, node, &row(10, "accepted", 2));
        }
        unit.count_mail_sent(SHOP, "node1", &row(11, "delivered", 1));
        store.commit(unit).await.unwrap();
        assert_eq!(
            store.mail_sent(SHOP, 10, 11).await.unwrap(),
            [row(10, "accepted", 6), row(11, "delivered", 1)]
        );
        assert_eq!(store.mail_sent(ShopId(2), 10, 11).await.unwrap(), []);
        let mut unit = Unit::new();
        unit.delete_mail_sent_before(SHOP, 11);
        store.commit(unit).await.unwrap();
        assert_eq!(store.mail_sent(SHOP, 0, 99).await.unwrap(), [row(11, "delivered", 1)]);
    });
}

#[test]
fn the_depth_counts_by_state_and_stream() {
    on_both(|store| async move {
        for stream in ["winkel", "nieuws", "winkel"] {
            put(&store, &mail(stream, NOW)).await;
        }
        let depth = store.mail_depth(SHOP).await.unwrap();
        let shown: Vec<_> =
            depth.iter().map(|d| (d.stream.as_str(), d.messages, d.bytes, d.oldest)).collect();
        assert_eq!(shown, [("nieuws", 1, 4_000, NOW), ("winkel", 2, 8_000, NOW)]);
    });
}

#[test]
#[ignore = "a measurement"]
fn speed_of_the_queue() {
    for place in [Place::sqlite(), Place::postgres()] {
        block_on(async {
            let store = place.open().await;
            let begun = Instant::now();
            let tasks: Vec<_> = (0..64)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        let mut ids = Vec::new();
                        while begun.elapsed() < Duration::from_secs(4) {
                            let mut row = mail("winkel", NOW);
                            row.head.lease_by = "a".into();
                            let mut unit = Unit::new();
                            ids.push(row.head.id);
                            unit.insert_mail(row);
                            let sent = MailSentRow {
                                day: 1,
                                stream: "winkel".into(),
                                receiver: "gmail.com".into(),
                                outcome: "accepted".into(),
                                messages: 1,
                            };
                            unit.count_mail_sent(SHOP, "node1", &sent);
                            store.commit(unit).await.unwrap();
                        }
                        ids
                    })
                })
                .collect();
            let mut ids = Vec::new();
            for task in tasks {
                ids.extend(task.await.unwrap());
            }
            let put = ids.len() as f64 / begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            for some in ids.chunks(256) {
                let mut unit = Unit::new();
                some.iter().for_each(|id| unit.delete_mail(SHOP, *id, "a"));
                store.commit(unit).await.unwrap();
            }
            let gone = ids.len() as f64 / begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            let left = store.count_mail(SHOP).await.unwrap();
            speed::say(&format!(
                "{} queue: {put:.0} put/s, {gone:.0} deleted/s, {left} left in {:?}",
                store.engine().name(),
                begun.elapsed()
            ));
            store.close().await;
        });
    }
}
