//! Every kind of row comes back as it was written; every statement prepares on both databases.

use kluis_model::{ClassSet, CredentialId, FieldKind, RetentionClass, TimeMs};

use super::*;
use crate::sql::{self, Sql};
use crate::{ChangedSubject, TermRow};
use crate::{ErasureRow, StoreError};

#[test]
fn every_statement_is_listed_and_named() {
    let sources = [
        include_str!("../sql.rs"),
        include_str!("../mail/facts.rs"),
        include_str!("../mail/keys.rs"),
        include_str!("../mail/quarantine.rs"),
        include_str!("../mail/queue.rs"),
        include_str!("../mail/reports.rs"),
    ];
    let written: usize = sources.iter().map(|source| source.matches(": Sql =").count()).sum();
    let all = sql::all();
    assert_eq!(written, all.len(), "list each statement in ALL");
    let mut names: Vec<_> = all.iter().map(Sql::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len());
    for statement in &all {
        assert!(
            statement.text.starts_with("-- ")
                && statement.name().bytes().all(|b| b == b'_' || b.is_ascii_lowercase())
        );
    }
}

#[test]
fn every_statement_prepares_on_sqlite() {
    let place = Place::sqlite();
    block_on(async { place.open().await.close().await });
    let open = |name: &str| rusqlite::Connection::open(place.folder.path().join(name)).unwrap();
    let (data, keys) = (open("data.db"), open("keys.db"));
    let prepare = |is_keys: bool, text: &str| {
        let connection = if is_keys { &keys } else { &data };
        connection.prepare(&text.replace('$', "?")).map(|_| ()).unwrap();
    };
    sql::all().iter().for_each(|statement| prepare(statement.keys, statement.text));
    for table in crate::dump::TABLES {
        prepare(table.keys, &table.select());
        prepare(table.keys, &table.probe());
        prepare(table.keys, table.insert());
    }
}

#[test]
fn every_statement_prepares_on_postgresql() {
    let place = Place::postgres();
    block_on(async {
        place.open().await.close().await;
        let url = place.postgres.as_ref().unwrap().database_url("kluis");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let texts = sql::all().into_iter().map(|statement| statement.text.to_owned());
        let generated = crate::dump::TABLES.iter().flat_map(|table| {
            [table.select(), table.probe(), table.insert().to_owned(), table.insert_many().to_owned()]
        });
        for text in texts.chain(generated) {
            let statement = client.prepare(&text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
            for column in statement.columns() {
                assert!(["int8", "text", "bytea"].contains(&column.type_().name()), "{text}: {column:?}");
            }
        }
    });
}

#[test]
fn rows_of_people_come_back() {
    on_both(|store| async move {
        let (id, other) = (subject_id(), subject_id());
        let mut unit = create(id);
        unit.insert_consent(&consent(id, 1, true));
        unit.insert_consent(&consent(id, 2, false));
        unit.insert_token(&token(id, 1));
        unit.insert_token(&TokenRow { destination: Some("partner".into()), ..token(id, 2) });
        store.commit(unit).await.unwrap();
        store.commit(create(other)).await.unwrap();
        assert_eq!(store.consents(SHOP, id).await.unwrap(), [consent(id, 1, true), consent(id, 2, false)]);
        assert_eq!(store.token_by_hash(SHOP, [1; 32]).await.unwrap(), Some(token(id, 1)));
        assert_eq!(store.tokens_of(SHOP, id).await.unwrap().len(), 2);
        let mut again = Unit::new();
        again.insert_consent(&consent(id, 2, true));
        assert!(matches!(store.commit(again).await, Err(StoreError::Conflict { .. })));
        let mut revoke = Unit::new();
        revoke.revoke_token(SHOP, [1; 32]);
        store.commit(revoke.clone()).await.unwrap();
        assert!(matches!(store.commit(revoke).await, Err(StoreError::Conflict { .. })));
        let mut delete = Unit::new();
        delete.delete_tokens(SHOP, id);
        delete.delete_consents(SHOP, id);
        store.commit(delete).await.unwrap();
        assert_eq!(store.tokens_of(SHOP, id).await.unwrap(), []);
        assert_eq!(store.consents(SHOP, id).await.unwrap(), []);

        let page = store.page_subjects(SHOP, None, 1).await.unwrap();
        assert_eq!((page.len(), page[0].0.id, page[0].1.len()), (1, id, 2));
        let page = store.page_subjects(SHOP, Some(id), 10).await.unwrap();
        assert_eq!((page.len(), page[0].0.id, page[0].1.len()), (1, other, 2));
        assert_eq!(store.page_subjects(SHOP, Some(other), 10).await.unwrap(), []);
        assert_eq!(store.page_deks(SHOP, None, 1).await.unwrap().len(), 2);
        let terms = store.page_terms(SHOP, None, 20).await.unwrap();
        assert_eq!(terms.iter().filter(|term| term.subject() == id).count(), 5);
        let mut paged = Vec::new();
        while let Some(term) = store.page_terms(SHOP, paged.last(), 1).await.unwrap().pop() {
            paged.push(term);
        }
        assert_eq!((paged.len(), &paged), (10, &terms));
        let mut asked = terms.clone();
        if let Some(TermRow::Unique { subject, .. }) = asked.first_mut() {
            *subject = subject_id();
        }
        assert_eq!(store.present_terms(SHOP, &asked).await.unwrap(), terms[1..]);
        assert_eq!(store.changed_subjects(SHOP, NOW, 10).await.unwrap().len(), 2);
        assert_eq!(store.changed_subjects(SHOP, TimeMs(NOW.0 + 2), 10).await.unwrap(), []);
        let many = store.find_subjects_keys(SHOP, &[other, subject_id(), id]).await.unwrap();
        assert_eq!(many.iter().map(|(row, _)| row.id).collect::<Vec<_>>(), [other, id]);
        let seed = kluis_crypto::sha256(id.as_bytes());
        let term = seed[..16].try_into().unwrap();
        let email = FieldKind::EmailAddress;
        assert_eq!(store.find_unique(SHOP, email, 1, term).await.unwrap(), Some(id));
        let asked = [(email, 2, term), (email, 1, [0; 16]), (email, 1, term)];
        assert_eq!(store.find_unique_many(SHOP, &asked).await.unwrap(), [None, None, Some(id)]);
        let mut retire = Unit::new();
        retire.delete_unique_term(SHOP, email, 1, term, other);
        store.commit(retire).await.unwrap();
        assert_eq!(store.find_unique(SHOP, email, 1, term).await.unwrap(), Some(id));
        let mut retire = Unit::new();
        retire.delete_terms_of_version(SHOP, 1);
        store.commit(retire).await.unwrap();
        assert_eq!(store.page_terms(SHOP, None, 9).await.unwrap(), []);
    });
}

#[test]
fn erasures_are_completed_over_the_same_row() {
    on_both(|store| async move {
        let row = ErasureRow {
            shop: SHOP,
            subject: subject_id(),
            at: NOW,
            classes: ClassSet::EMPTY.with(RetentionClass::Profile).with(RetentionClass::Marketing),
            receipt: "receipt".into(),
            backups_until: NOW,
            epoch: 3,
            complete: false,
        };
        let mut unit = Unit::new();
        unit.insert_erasure(&row);
        store.commit(unit).await.unwrap();
        let erased = ChangedSubject { id: row.subject, version: 0, at: NOW };
        assert_eq!(store.changed_subjects(SHOP, NOW, 9).await.unwrap(), [erased], "being erased is a change");
        assert_eq!(store.incomplete_erasures().await.unwrap(), std::slice::from_ref(&row));
        let complete = ErasureRow { complete: true, ..row.clone() };
        let mut unit = Unit::new();
        unit.insert_erasure(&complete);
        store.commit(unit).await.unwrap();
        assert_eq!(store.incomplete_erasures().await.unwrap(), []);
        assert_eq!(store.erasure(SHOP, row.subject).await.unwrap(), Some(complete.clone()));
        assert_eq!(store.page_erasures(SHOP, None, 5).await.unwrap(), [complete]);
        assert_eq!(store.page_erasures(SHOP, Some(row.subject), 5).await.unwrap(), []);
        assert_eq!(store.counts(SHOP).await.unwrap().erased, 1);
    });
}

#[test]
fn credentials_jobs_and_answers_come_back() {
    on_both(|store| async move {
        let id = CredentialId::from_bytes(fresh());
        let mut unit = Unit::new();
        unit.insert_credential(&credential(id, 1));
        unit.put_idempotency(&idempotency(1));
        unit.set_meta("name", b"shop");
        unit.set_meta("name", b"other shop");
        let first = job("new");
        unit.insert_job(&first);
        store.commit(unit.clone()).await.unwrap();
        assert!(matches!(store.commit(unit).await, Err(StoreError::Conflict { .. })));
        let mut answer = Unit::new();
        answer.put_idempotency(&idempotency(1));
        assert_eq!(store.commit(answer).await, Err(StoreError::Conflict { what: "idempotency_key".into() }));
        assert_eq!(store.credential_by_hash(SHOP, [1; 32]).await.unwrap(), Some(credential(id, 1)));
        assert_eq!(store.idempotency(SHOP, "c1", [1; 32]).await.unwrap(), Some(idempotency(1)));
        assert_eq!(store.idempotency(SHOP, "c2", [1; 32]).await.unwrap(), None);
        assert_eq!(store.meta("name").await.unwrap().as_deref(), Some(&b"other shop"[..]));
        assert_eq!(store.meta("nothing").await.unwrap(), None);

        let narrower = CredentialRow { grant: "{}".into(), row_mac: [9; 32], ..credential(id, 1) };
        let mut unit = Unit::new();
        unit.set_credential_grant(&narrower, [99; 32]);
        assert_eq!(store.commit(unit).await, Err(StoreError::Conflict { what: "credential".into() }));
        let mut unit = Unit::new();
        unit.set_credential_grant(&narrower, credential(id, 1).row_mac);
        store.commit(unit).await.unwrap();
        assert_eq!(store.credential(SHOP, id).await.unwrap(), Some(narrower.clone()));

        let revoked = CredentialRow { revoked: Some(TimeMs(6)), row_mac: [1; 32], ..narrower.clone() };
        let mut unit = Unit::new();
        unit.revoke_credential(&revoked, credential(id, 1).row_mac);
        assert_eq!(store.commit(unit).await, Err(StoreError::Conflict { what: "credential".into() }));

        let mut unit = Unit::new();
        unit.touch_credential(id, TimeMs(5));
        unit.revoke_credential(&revoked, narrower.row_mac);
        let running = JobRow { state: "running".into(), updated: TimeMs(7), ..first.clone() };
        unit.update_job(&running, "new");
        unit.delete_idempotency_before(TimeMs(NOW.0 + 1));
        store.commit(unit.clone()).await.unwrap();
        assert_eq!(store.commit(unit).await, Err(StoreError::Conflict { what: "credential".into() }));
        let revoked = store.credential(SHOP, id).await.unwrap().unwrap();
        assert_eq!((revoked.last_used, revoked.revoked), (Some(TimeMs(5)), Some(TimeMs(6))));
        assert_eq!(store.credentials(SHOP).await.unwrap(), [revoked]);
        assert_eq!(store.job(SHOP, first.id).await.unwrap(), Some(running.clone()));
        assert_eq!(store.jobs(SHOP, "export", 5).await.unwrap(), [running]);
        assert_eq!(store.idempotency(SHOP, "c1", [1; 32]).await.unwrap(), None);
        let mut unit = Unit::new();
        unit.delete_job(first.id);
        store.commit(unit).await.unwrap();
        assert_eq!(store.job(SHOP, first.id).await.unwrap(), None);
        assert_eq!(store.counts(SHOP).await.unwrap().credentials, 0);
        assert_eq!(store.schema_version().await.unwrap(), crate::migrate::NEWEST);
    });
}

#[test]
fn work_is_claimed_once() {
    on_both(|store| async move {
        let mut unit = Unit::new();
        for _ in 0..30 {
            unit.enqueue(&outbox("shred", NOW));
        }
        unit.enqueue(&outbox("shred", TimeMs(NOW.0 + 1)));
        unit.enqueue(&outbox("mail", NOW));
        store.commit(unit).await.unwrap();
        assert_eq!(store.outbox_depth().await.unwrap(), 32);
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.claim_outbox(&["shred"], NOW, 1000, &format!("node{n}"), 7).await.unwrap()
                })
            })
            .collect();
        let mut claimed = Vec::new();
        for task in tasks {
            claimed.extend(task.await.unwrap().into_iter().map(|row| row.id));
        }
        // A node that waited for another's lease may come back with less.
        claimed.extend(
            store.claim_outbox(&["shred"], NOW, 1000, "last", 100).await.unwrap().iter().map(|row| row.id),
        );
        claimed.sort_unstable();
        let count = claimed.len();
        claimed.dedup();
        assert_eq!((claimed.len(), count), (30, 30));

        assert_eq!(store.claim_outbox(&["shred"], NOW, 1000, "late", 9).await.unwrap(), []);
        let later = TimeMs(NOW.0 + 2000);
        let again = store.claim_outbox(&["shred", "mail"], later, 1000, "me", 100).await.unwrap();
        assert_eq!(again.len(), 32);
        let mut wrong = Unit::new();
        wrong.complete_outbox(again[0].id, "node1");
        assert_eq!(store.commit(wrong).await, Err(StoreError::Conflict { what: "outbox".into() }));
        let mut done = Unit::new();
        again.iter().for_each(|row| done.complete_outbox(row.id, "me"));
        store.commit(done).await.unwrap();
        assert_eq!(store.outbox_depth().await.unwrap(), 0);
    });
}
