//! Runs of audits: one at a time for each domain, newest first, and only the newest are kept.

use super::*;
use crate::StoreError;

fn unit_of(run: &CheckRunRow) -> Unit {
    let mut unit = Unit::new();
    unit.insert_check_run(run);
    unit
}

/// Queues a run and ends it with a report.
async fn finished(store: &Store, domain: &str) -> CheckRunRow {
    let run = CheckRunRow { domain: domain.into(), ..check_run("queued") };
    store.commit(unit_of(&run)).await.unwrap();
    let done = CheckRunRow { state: "done".into(), summary: "{\"grade\":\"A\"}".into(), ..run };
    let mut unit = Unit::new();
    unit.update_check_run(&done, b"report", "queued");
    store.commit(unit).await.unwrap();
    done
}

#[test]
fn a_domain_is_checked_once_at_a_time() {
    on_both(|store| async move {
        let run = check_run("queued");
        store.commit(unit_of(&run)).await.unwrap();
        let again = store.commit(unit_of(&check_run("queued"))).await;
        assert_eq!(again, Err(StoreError::conflict("domain")));
        assert!(store.commit(unit_of(&check_run("running"))).await.is_err());
        store
            .commit(unit_of(&CheckRunRow { domain: "ander.example".into(), ..check_run("queued") }))
            .await
            .unwrap();
        assert_eq!(store.busy_check_runs(SHOP).await.unwrap().len(), 2);
        let running = CheckRunRow { state: "running".into(), ..run };
        let mut unit = Unit::new();
        unit.update_check_run(&running, b"", "queued");
        store.commit(unit.clone()).await.unwrap();
        assert_eq!(store.commit(unit).await, Err(StoreError::conflict("check")), "it is no longer queued");
        let failed = CheckRunRow { state: "failed".into(), ..running };
        let mut unit = Unit::new();
        unit.update_check_run(&failed, b"", "running");
        store.commit(unit).await.unwrap();
        store.commit(unit_of(&check_run("queued"))).await.unwrap();
    });
}

#[test]
fn runs_come_back_newest_first_with_what_they_found() {
    on_both(|store| async move {
        let (first, second) = (finished(&store, "a.example").await, finished(&store, "a.example").await);
        let other = finished(&store, "b.example").await;
        assert_eq!(store.check_run(SHOP, first.id).await.unwrap(), Some((first.clone(), b"report".to_vec())));
        assert_eq!(store.check_run(ShopId(2), first.id).await.unwrap(), None);
        assert_eq!(store.check_runs(SHOP, 9).await.unwrap(), [other.clone(), second.clone(), first.clone()]);
        assert_eq!(store.check_runs_of(SHOP, "a.example", 9).await.unwrap(), [second.clone(), first.clone()]);
        assert_eq!(store.check_runs_of(SHOP, "a.exampl", 9).await.unwrap(), []);
        let before = store.check_run_before(SHOP, "a.example", second.id).await.unwrap();
        assert_eq!(before.unwrap().0, first);
        assert_eq!(store.check_run_before(SHOP, "a.example", first.id).await.unwrap(), None);
        assert_eq!(store.check_run_before(SHOP, "b.example", other.id).await.unwrap(), None);
        let mut paged = Vec::new();
        while let Some((run, _)) =
            store.page_check_runs(SHOP, paged.last().map(|run: &CheckRunRow| run.id), 1).await.unwrap().pop()
        {
            paged.push(run);
        }
        assert_eq!(paged, [first, second, other]);
    });
}

#[test]
fn only_the_newest_are_kept() {
    on_both(|store| async move {
        let mut runs = Vec::new();
        for domain in ["a.example", "a.example", "b.example", "a.example", "b.example"] {
            runs.push(finished(&store, domain).await);
        }
        let trim = async |of_domain, of_shop| {
            let mut unit = Unit::new();
            unit.trim_check_runs(SHOP, "a.example", of_domain, of_shop);
            store.commit(unit).await.unwrap();
            store.check_runs(SHOP, 9).await.unwrap()
        };
        assert_eq!(trim(3, 5).await.len(), 5);
        let left = trim(1, 5).await;
        assert_eq!(left, [runs[4].clone(), runs[3].clone(), runs[2].clone()]);
        assert_eq!(trim(1, 2).await, [runs[4].clone(), runs[3].clone()]);
    });
}

#[test]
fn a_store_of_the_first_schema_is_brought_up_to_this_one() {
    for place in [Place::sqlite(), Place::postgres()] {
        block_on(async {
            let store = place.open().await;
            let id = subject_id();
            store.commit(create(id)).await.unwrap();
            store.close().await;
            as_first_schema(&place).await;
            let store = place.open().await;
            assert_eq!(store.schema_version().await.unwrap(), crate::migrate::NEWEST);
            assert!(store.find_subject_keys(SHOP, id).await.unwrap().is_some(), "what was there stays");
            finished(&store, "a.example").await;
            store.close().await;
        });
    }
}

/// What drops every table that a later migration than the first made.
fn without_later_tables() -> String {
    let later = crate::migrate::MIGRATIONS.iter().skip(1).flat_map(|migration| migration.postgres.lines());
    let tables = later.filter_map(|line| line.strip_prefix("create table ")?.strip_suffix(" ("));
    tables.map(|table| format!("drop table {table}")).collect::<Vec<_>>().join("; ")
}

/// Takes away what came after the first schema.
async fn as_first_schema(place: &Place) {
    match &place.postgres {
        None => {
            let open = |file: &str| rusqlite::Connection::open(place.folder.path().join(file)).unwrap();
            let back = format!("{}; pragma user_version = 1", without_later_tables());
            open("data.db").execute_batch(&back).unwrap();
            open("keys.db").execute_batch("pragma user_version = 1").unwrap();
        }
        Some(postgres) => {
            let url = postgres.database_url("kluis");
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            let back = format!("{}; delete from schema_version where version > 1", without_later_tables());
            client.batch_execute(&back).await.unwrap();
        }
    }
}
