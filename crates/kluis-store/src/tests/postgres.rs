//! What only PostgreSQL can do: lose connections, restart under load, serve several nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::log::check_log;
use super::*;
use crate::StoreError;

#[test]
fn cut_connections_and_a_restart_lose_nothing_and_apply_nothing_twice() {
    let place = Place::postgres();
    block_on(async {
        let store = place.open().await;
        let (acknowledged, unknown) =
            (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(Vec::new())));
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (store, stop) = (store.clone(), Arc::clone(&stop));
                let (acknowledged, unknown) = (Arc::clone(&acknowledged), Arc::clone(&unknown));
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        let id = subject_id();
                        match store.commit(create(id)).await {
                            Ok(committed) => drop(acknowledged.lock().insert(id, committed.leaf_seqs[0])),
                            Err(StoreError::Unavailable { .. }) => unknown.lock().push(id),
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        let cluster = place.postgres.as_ref().unwrap();
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            cluster.cut_connections();
        }
        cluster.restart();
        let before = acknowledged.lock().len();
        while acknowledged.lock().len() < before + 50 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.unwrap();
        }
        let acknowledged = std::mem::take(&mut *acknowledged.lock());
        for (id, seq) in &acknowledged {
            assert_eq!(store.find_subject_keys(SHOP, *id).await.unwrap().unwrap().1.len(), 2);
            assert_eq!(store.leaf("node1", *seq).await.unwrap().unwrap().subject, Some(*id));
        }
        let size = check_log(&store, "node1").await as usize;
        let unknown = unknown.lock().len();
        assert!((acknowledged.len()..=acknowledged.len() + unknown).contains(&size), "{size} leaves");
        assert_eq!(store.counts(SHOP).await.unwrap().subjects as usize, size, "a leaf for each create");
        store.close().await;
    });
}

#[test]
fn nodes_have_a_log_each_and_share_the_rest() {
    let place = Place::postgres();
    block_on(async {
        let (one, two) =
            tokio::join!(Store::open(&place.config, "node1"), Store::open(&place.config, "node2"));
        let (one, two) = (one.unwrap(), two.unwrap());
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let store = if n % 2 == 0 { one.clone() } else { two.clone() };
                let mut unit = create(subject_id());
                unit.set_meta("shared", &[n]);
                tokio::spawn(async move { store.commit(unit).await.unwrap() })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(one.log_names().await.unwrap(), ["node1", "node2"]);
        assert_eq!((check_log(&two, "node1").await, check_log(&one, "node2").await), (50, 50));
        assert_eq!(one.counts(SHOP).await.unwrap().subjects, 100);
        one.close().await;
        two.close().await;
    });
}

#[test]
fn while_the_database_is_away_nothing_is_acknowledged() {
    let place = Place::postgres();
    block_on(async {
        let store = place.open().await;
        store.commit(create(subject_id())).await.unwrap();
        let cluster = place.postgres.as_ref().unwrap();
        cluster.stop();
        let waiting = {
            let store = store.clone();
            tokio::spawn(async move { store.commit(create(subject_id())).await })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished());
        cluster.start();
        waiting.await.unwrap().unwrap();
        assert_eq!(check_log(&store, "node1").await, 2);
        store.close().await;
    });
}

#[test]
fn a_newer_schema_is_refused() {
    let place = Place::postgres();
    block_on(async {
        place.open().await.close().await;
        let url = place.postgres.as_ref().unwrap().database_url("kluis");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("insert into schema_version values (7)").await.unwrap();
        let refused = Store::open(&place.config, "node1").await.map(|_| ());
        assert_eq!(refused, Err(StoreError::SchemaTooNew { found: 7, known: crate::migrate::NEWEST }));
    });
}

#[test]
fn a_wrong_address_is_an_error_without_its_password() {
    let urls = [
        "postgres://u:geheim@127.0.0.1:1/x",
        "nonsense geheim",
        "postgres://u:geheim@127.0.0.1:1/x?sslmode=odd",
    ];
    for url in urls {
        let config =
            StoreConfig::Postgres { url: SecretText::new(url.into()), pool: 1, tls: PostgresTls::WebRoots };
        assert!(!format!("{config:?}").contains("geheim"));
        match block_on(Store::open(&config, "node1")) {
            Err(StoreError::Unavailable { what }) => assert!(!what.contains("geheim"), "{what}"),
            other => panic!("{other:?}"),
        }
    }
    let file = std::path::PathBuf::from("/nowhere/ca.pem");
    let url = SecretText::new("postgres://db.example/x".into());
    let config = StoreConfig::Postgres { url, pool: 1, tls: PostgresTls::CaFile(file) };
    assert!(matches!(block_on(Store::open(&config, "node1")), Err(StoreError::Unavailable { .. })));
}
