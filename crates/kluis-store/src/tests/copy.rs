//! Dump and load: between both databases nothing is lost; a store that is not empty or half loaded is refused.

use kluis_model::{CredentialId, Operation};
use proptest::prelude::*;

use super::*;
use crate::{
    Charge, CheckRunRow, DumpProblem, DumpRow, ErasureRow, MailFactRow, MailKeyRow, MailReportRow,
    MailSentRow, StoreError, UsageKey, Value,
};

/// A unit that puts something into every table.
fn everything(n: u8, payload: &[u8], text: &str) -> Unit {
    let id = subject_id();
    let mut unit = create(id);
    unit.insert_consent(&ConsentRow {
        source: text.into(),
        proof: payload.to_vec(),
        ..consent(id, 1, n.is_multiple_of(2))
    });
    unit.insert_erasure(&ErasureRow {
        shop: SHOP,
        subject: id,
        at: NOW,
        classes: kluis_model::ClassSet::ALL,
        receipt: text.into(),
        backups_until: NOW,
        epoch: 1,
        complete: true,
    });
    let credential_id = CredentialId::from_bytes(fresh());
    unit.insert_credential(&CredentialRow {
        secret_hash: kluis_crypto::sha256(&fresh()),
        ..credential(credential_id, 0)
    });
    unit.insert_token(&TokenRow { hash: kluis_crypto::sha256(&fresh()), ..token(id, 0) });
    unit.insert_job(&JobRow { params: payload.to_vec(), ..job("new") });
    unit.put_idempotency(&IdempotencyRow { key_hash: kluis_crypto::sha256(&fresh()), ..idempotency(0) });
    let run = CheckRunRow { domain: format!("winkel{n}.example"), ..check_run("queued") };
    unit.insert_check_run(&run);
    unit.update_check_run(&CheckRunRow { state: "done".into(), ..run }, payload, "queued");
    unit.enqueue(&outbox("shred", NOW));
    unit.set_meta(&format!("key {n}"), payload);
    let (field, purpose) = (name("email"), purpose("order"));
    unit.count_usage(UsageKey { shop: SHOP, field, purpose, actor: "a".into(), day: i64::from(n) }, 3);
    unit.charge(Charge {
        credential: credential_id,
        now: NOW,
        rows: 2,
        rows_max: Some(1000),
        subjects: vec![id],
        subjects_max: Some(1000),
    });
    unit.leaf(LeafDraft { detail: Some(payload.to_vec()), ..leaf(None, "a", Operation::Init) });
    unit.insert_checkpoint(&crate::CheckpointRow {
        log: "node1".into(),
        size: u64::from(n),
        time: NOW,
        note: text.into(),
    });
    everything_of_mail(&mut unit, n, payload, text);
    unit
}

/// Puts something into every table of mail that a dump has.
fn everything_of_mail(unit: &mut Unit, n: u8, payload: &[u8], text: &str) {
    let name = format!("winkel{n}.example");
    unit.insert_mail_key(&MailKeyRow { sealed: payload.to_vec(), ..super::mail_keys::key(&name, "s1") });
    let sent = MailSentRow {
        day: i64::from(n),
        stream: text.into(),
        receiver: "overig".into(),
        outcome: "accepted".into(),
        messages: 5,
    };
    unit.count_mail_sent(SHOP, "node1", &sent);
    let report = MailReportRow { org: text.into(), ..super::mail_reports::report(n, -7) };
    unit.insert_mail_report(&report, payload, &[super::mail_reports::source(0, 11, text, 7)]);
    unit.insert_mail_quarantine(&super::mail_reports::unreadable(n, 5_000), payload);
    unit.put_mail_fact(&MailFactRow { value: text.into(), ..super::mail_reports::fact("dns", &name, 1) });
}

async fn rows_of(store: &Store) -> Vec<DumpRow> {
    let mut rows = Vec::new();
    store
        .dump(|row| {
            rows.push(DumpRow::decode(&row.encode()).map_err(|problem| problem.to_string())?);
            Ok(())
        })
        .await
        .unwrap();
    rows
}

#[test]
fn nothing_is_lost_between_the_databases() {
    let (sqlite, postgres, back) = (Place::sqlite(), Place::postgres(), Place::sqlite());
    block_on(async {
        let store = sqlite.open().await;
        for n in 0..4 {
            store.commit(everything(n, &[n; 70], "tekst é")).await.unwrap();
        }
        let mut many = Unit::new();
        (0..2500).for_each(|_| many.leaf(leaf(None, "a", Operation::Read)));
        store.commit(many).await.unwrap();
        let rows = rows_of(&store).await;
        for table in crate::dump::TABLES {
            assert!(rows.iter().any(|row| row.table == table.name), "{} is empty", table.name);
        }
        let moved = postgres.open().await;
        assert_eq!(moved.load(rows.iter().cloned().map(Ok)).await.unwrap(), rows.len() as u64);
        let again = rows_of(&moved).await;
        assert_eq!(rows.len(), again.len());
        assert!(rows == again, "PostgreSQL gives back what SQLite gave");
        super::log::check_log(&moved, "node1").await;
        moved.commit(create(subject_id())).await.unwrap();
        let third = back.open().await;
        let mut stream = moved.dump_stream().await.unwrap();
        let mut loader = third.loader().await.unwrap();
        while let Some(chunk) = stream.next().await.unwrap() {
            loader.push(chunk).await.unwrap();
        }
        loader.finish().await.unwrap();
        assert!(rows_of(&moved).await == rows_of(&third).await);
        third.close().await;
        back.open().await.commit(create(subject_id())).await.unwrap();
        moved.close().await;
    });
}

#[test]
fn a_dump_is_one_moment_while_writes_go_on() {
    on_both(|store| async move {
        for _ in 0..20 {
            store.commit(create(subject_id())).await.unwrap();
        }
        let mut stream = store.dump_stream().await.unwrap();
        let first = stream.next().await.unwrap().unwrap();
        for _ in 0..20 {
            store.commit(create(subject_id())).await.unwrap();
        }
        let mut rows = first;
        while let Some(chunk) = stream.next().await.unwrap() {
            rows.extend(chunk);
        }
        let count = |table: &str| rows.iter().filter(|row| row.table == table).count();
        let (subjects, leaves) = (count("subject"), count("leaf"));
        assert!(subjects >= 20 && subjects == leaves, "{subjects} {leaves}");
        assert!(count("dek") >= 2 * subjects);
    });
}

#[test]
fn a_full_or_half_loaded_store_is_refused() {
    for place in [Place::sqlite(), Place::postgres()] {
        block_on(async {
            let store = place.open().await;
            assert!(store.is_empty().await.unwrap());
            let good = DumpRow { table: "meta", values: vec!["a".into(), vec![1_u8].into()] };
            let broken = store.load([Ok(good), Err("cut".to_owned())]).await;
            assert_eq!(broken, Err(StoreError::Unavailable { what: "cut".into() }));
            assert_eq!(store.load([]).await, Err(StoreError::NotEmpty));
            store.close().await;
            let reopened = Store::open(&place.config, "node1").await;
            assert!(matches!(reopened, Err(StoreError::Unavailable { .. })));
        });
    }
    on_both(|store| async move {
        store.commit(create(subject_id())).await.unwrap();
        assert_eq!(store.load([]).await, Err(StoreError::NotEmpty));
    });
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    on_both(|store| async move {
        let wrong = [
            DumpRow { table: "meta", values: vec!["a".into()] },
            DumpRow { table: "meta", values: vec![1_i64.into(), vec![1_u8].into()] },
            DumpRow { table: "writer", values: vec![] },
        ];
        let mut loader = store.loader().await.unwrap();
        for row in wrong {
            assert!(matches!(loader.push(vec![row]).await, Err(StoreError::Internal(_))));
        }
    });
}

fn any_value(kind: &'static str) -> BoxedStrategy<Value> {
    match kind {
        "int" => any::<i64>().prop_map(Value::Int).boxed(),
        "text" => "\\PC{0,40}".prop_map(Value::Text).boxed(),
        _ => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Value::Bytes).boxed(),
    }
}

proptest! {
    #[test]
    fn rows_travel_as_bytes(
        key in any_value("text"), value in any_value("bytes"), size in any_value("int"), cut in 0_usize..60,
    ) {
        let rows = [
            DumpRow { table: "meta", values: vec![key.clone(), value] },
            DumpRow { table: "checkpoint", values: vec![key.clone(), size.clone(), Value::Null, key] },
        ];
        for row in rows {
            let bytes = row.encode();
            prop_assert_eq!(DumpRow::decode(&bytes), Ok(row));
            let cut = &bytes[..cut.min(bytes.len() - 1)];
            prop_assert!(DumpRow::decode(cut).is_err());
            let mut longer = bytes.clone();
            longer.push(0);
            prop_assert_eq!(DumpRow::decode(&longer), Err(DumpProblem::Length));
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(row) = DumpRow::decode(&bytes) {
            prop_assert_eq!(row.encode(), bytes);
        }
    }
}

#[test]
fn any_row_survives_both_databases() {
    use proptest::test_runner::{Config, TestRunner};
    let values = (proptest::collection::vec(any::<u8>(), 0..300), "[^\\x00]{0,60}");
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let postgres = temporary_postgres();
    let number = std::cell::Cell::new(0);
    let outcome = runner.run(&values, |(payload, text)| {
        number.set(number.get() + 1);
        let (from, to) = (Place::sqlite(), postgres.database_url(&format!("case{}", number.get())));
        block_on(async {
            let store = from.open().await;
            store.commit(everything(1, &payload, &text)).await.unwrap();
            let config =
                StoreConfig::Postgres { url: SecretText::new(to), pool: 1, tls: PostgresTls::WebRoots };
            let moved = Store::open(&config, "node2").await.unwrap();
            let rows = rows_of(&store).await;
            moved.load(rows.iter().cloned().map(Ok)).await.unwrap();
            assert!(rows == rows_of(&moved).await);
            moved.close().await;
        });
        Ok(())
    });
    outcome.unwrap();
}
