//! Units: as a whole or not at all, each for itself, many at the same time.

use kluis_model::{CredentialId, FieldKind, Operation, RetentionClass, TimeMs};

use super::*;
use crate::{Charge, StoreError, UsageKey};

fn conflict<T>(what: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Conflict { what: what.into() })
}

#[test]
fn a_create_is_there_after_its_answer() {
    on_both(|store| async move {
        let id = subject_id();
        let committed = store.commit(create(id)).await.unwrap();
        assert_eq!((committed.log_size, committed.leaf_seqs), (1, vec![0]));
        let (row, deks) = store.find_subject_keys(SHOP, id).await.unwrap().unwrap();
        assert_eq!(row, subject(id, 1));
        assert_eq!(deks, [dek(id, RetentionClass::Profile), dek(id, RetentionClass::Tax)]);
        assert_eq!(store.find_subject(kluis_model::ShopId(2), id).await.unwrap(), None);
        let committed = store.commit(Unit::new()).await.unwrap();
        assert_eq!((committed.log_size, committed.leaf_seqs), (1, vec![]));
    });
}

#[test]
fn each_conflict_is_named_and_leaves_nothing() {
    on_both(|store| async move {
        let id = subject_id();
        store.commit(create(id)).await.unwrap();
        assert_eq!(store.commit(create(id)).await, conflict("subject"));
        let mut second = Unit::new();
        second.insert_dek(&dek(id, RetentionClass::Tax));
        assert_eq!(store.commit(second).await, conflict("dek"));
        let mut same = Unit::new();
        same.insert_subject(&subject(id, 1));
        assert_eq!(store.commit(same).await, conflict("subject"));

        let other = subject_id();
        let mut clash = create(other);
        let seed = kluis_crypto::sha256(id.as_bytes());
        clash.put_unique_term(
            SHOP,
            FieldKind::EmailAddress,
            1,
            seed[..16].try_into().unwrap(),
            other,
            &name("email"),
        );
        assert_eq!(store.commit(clash).await, conflict("email"));
        assert_eq!(store.find_subject(SHOP, other).await.unwrap(), None);
        assert!(store.page_deks(SHOP, None, 9).await.unwrap().iter().all(|dek| dek.subject == id));
        assert_eq!(store.log_head("node1").await.unwrap().unwrap().size, 1);

        for (expected, version) in [(2, 3), (0, 1)] {
            let mut stale = Unit::new();
            stale.update_subject(&subject(id, version), expected);
            stale.leaf(leaf(Some(id), "a", Operation::Update));
            assert_eq!(store.commit(stale).await, conflict("version"));
        }
        let mut gone = Unit::new();
        gone.delete_subject(SHOP, id, 9);
        assert_eq!(store.commit(gone).await, conflict("version"));
        let mut rewrap = Unit::new();
        rewrap.replace_dek(&DekRow { dek_gen: 2, ..dek(id, RetentionClass::Tax) });
        assert_eq!(store.commit(rewrap).await, conflict("dek"));
        assert_eq!(store.log_head("node1").await.unwrap().unwrap().size, 1);
    });
}

#[test]
fn the_key_of_a_customer_survives_a_second_create_of_the_same_id() {
    on_both(|store| async move {
        let id = subject_id();
        store.commit(create(id)).await.unwrap();
        let mut again = Unit::new();
        again.insert_subject(&subject(id, 1));
        again.insert_dek(&dek(id, RetentionClass::Marketing));
        assert_eq!(store.commit(again).await, conflict("subject"));
        let (_, deks) = store.find_subject_keys(SHOP, id).await.unwrap().unwrap();
        assert!(deks.len() >= 2, "{deks:?}");
        store.commit(create(subject_id())).await.unwrap();
    });
}

#[test]
fn an_update_needs_the_version_it_read() {
    on_both(|store| async move {
        let id = subject_id();
        store.commit(create(id)).await.unwrap();
        let mut update = Unit::new();
        update.update_subject(&subject(id, 2), 1);
        delete_terms(&mut update, id);
        update.put_bucket_term(SHOP, FieldKind::Surname, 1, u64::MAX, id);
        update.put_bucket_term(SHOP, FieldKind::Surname, 1, u64::MAX, id);
        update.replace_dek(&DekRow { epoch: 2, wrapped: vec![1; 61], ..dek(id, RetentionClass::Tax) });
        store.commit(update).await.unwrap();
        assert_eq!(store.find_subject(SHOP, id).await.unwrap(), Some(subject(id, 2)));
        assert_eq!(store.find_bucket(SHOP, FieldKind::Surname, 1, u64::MAX, 5).await.unwrap(), [id]);
        assert_eq!(store.page_terms(SHOP, None, 10).await.unwrap().len(), 1);
        assert_eq!(store.count_deks_of_epoch(SHOP, 2).await.unwrap(), 1);
        assert_eq!(store.page_deks_of_epoch(SHOP, 1, 10).await.unwrap(), [dek(id, RetentionClass::Profile)]);
    });
}

#[test]
fn an_erasure_takes_rows_terms_and_keys() {
    on_both(|store| async move {
        let (id, other) = (subject_id(), subject_id());
        store.commit(create(id)).await.unwrap();
        store.commit(create(other)).await.unwrap();
        let mut erase = Unit::new();
        erase.delete_subject(SHOP, id, 1);
        erase.delete_terms(SHOP, id);
        for class in RetentionClass::ALL {
            erase.destroy_dek(SHOP, id, class);
        }
        erase.may_use_reserve();
        erase.leaf(leaf(Some(id), "a", Operation::Erase));
        store.commit(erase).await.unwrap();
        assert_eq!(store.find_subject_keys(SHOP, id).await.unwrap(), None);
        assert!(store.page_deks(SHOP, None, 9).await.unwrap().iter().all(|dek| dek.subject == other));
        assert!(store.page_terms(SHOP, None, 9).await.unwrap().iter().all(|term| term.subject() == other));
    });
}

#[test]
fn one_of_many_creates_with_one_address_wins_and_the_others_do_not_mind() {
    on_both(|store| async move {
        let term = fresh();
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let id = subject_id();
                    let mut unit = create(id);
                    if n % 2 == 0 {
                        unit.put_unique_term(SHOP, FieldKind::EmailAddress, 1, term, id, &name("email"));
                    }
                    (n % 2 == 0, id, store.commit(unit).await)
                })
            })
            .collect();
        let (mut won, mut lost) = (0, 0);
        for task in tasks {
            let (shared, id, outcome) = task.await.unwrap();
            let found = store.find_subject_keys(SHOP, id).await.unwrap();
            match outcome {
                Ok(_) => {
                    won += usize::from(shared);
                    assert_eq!(found.unwrap().1.len(), 2);
                }
                Err(error) => {
                    assert_eq!(error, StoreError::Conflict { what: "email".into() });
                    assert!(shared && found.is_none());
                    lost += 1;
                }
            }
        }
        assert_eq!((won, lost), (1, 19));
        assert_eq!(store.log_head("node1").await.unwrap().unwrap().size, 21);
        assert_eq!(store.page_deks(SHOP, None, 100).await.unwrap().len(), 42, "no orphan keys");
    });
}

#[test]
fn a_budget_is_never_exceeded_by_reads_at_the_same_time() {
    on_both(|store| async move {
        let credential = CredentialId::from_bytes(fresh());
        let tasks: Vec<_> = (0..30)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut unit = Unit::new();
                    unit.charge(Charge {
                        credential,
                        now: NOW,
                        rows: 1,
                        rows_max: Some(10),
                        subjects: vec![SubjectId::from_bytes([n % 5; 16])],
                        subjects_max: Some(100),
                    });
                    unit.leaf(leaf(None, "c", Operation::Read));
                    store.commit(unit).await
                })
            })
            .collect();
        let mut passed = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => passed += 1,
                Err(StoreError::Budget { retry_after_s }) => assert!((1..=3600).contains(&retry_after_s)),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(passed, 10);
        assert_eq!(store.log_head("node1").await.unwrap().unwrap().size, 10);
        let charge = |day: u8, at: TimeMs| {
            let mut unit = Unit::new();
            unit.charge(Charge {
                credential,
                now: at,
                rows: 1,
                rows_max: Some(10),
                subjects: vec![SubjectId::from_bytes([day; 16])],
                subjects_max: Some(6),
            });
            unit
        };
        let next_hour = TimeMs(NOW.0 + 3_600_000);
        for person in 0..6 {
            store.commit(charge(person, next_hour)).await.unwrap();
        }
        assert!(matches!(store.commit(charge(6, next_hour)).await, Err(StoreError::Budget { .. })));
        store.commit(charge(3, next_hour)).await.unwrap();
        let mut clean = Unit::new();
        clean.delete_budgets_before(TimeMs(NOW.0 + 86_400_000));
        store.commit(clean).await.unwrap();
        store.commit(charge(9, next_hour)).await.unwrap();
    });
}

#[test]
fn a_charge_of_a_unit_that_fails_is_given_back() {
    on_both(|store| async move {
        let credential = CredentialId::from_bytes(fresh());
        let charge = || Charge {
            credential,
            now: NOW,
            rows: 10,
            rows_max: Some(10),
            subjects: Vec::new(),
            subjects_max: None,
        };
        let mut failing = Unit::new();
        failing.charge(charge());
        failing.delete_subject(SHOP, subject_id(), 1);
        assert_eq!(store.commit(failing).await, conflict("version"));
        let mut passing = Unit::new();
        passing.charge(charge());
        store.commit(passing.clone()).await.unwrap();
        assert!(matches!(store.commit(passing).await, Err(StoreError::Budget { .. })));
    });
}

#[test]
fn usage_is_summed() {
    on_both(|store| async move {
        let key = |day| UsageKey {
            shop: SHOP,
            field: name("email"),
            purpose: purpose("order"),
            actor: "a".into(),
            day,
        };
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let store = store.clone();
                let mut unit = Unit::new();
                unit.count_usage(key(100 + n % 2), 3);
                unit.count_usage(key(100), 1);
                tokio::spawn(async move { store.commit(unit).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let usage = store.usage(SHOP, 100).await.unwrap();
        assert_eq!(usage.iter().map(|row| (row.day, row.count)).collect::<Vec<_>>(), [(100, 50), (101, 30)]);
        assert_eq!(store.usage(SHOP, 102).await.unwrap(), []);
    });
}

#[test]
fn a_text_the_database_refuses_fails_alone() {
    on_both(|store| async move {
        let bad = {
            let mut unit = Unit::new();
            unit.insert_job(&JobRow { kind: "a\0b".into(), ..job("new") });
            unit.leaf(leaf(None, "a", Operation::Bulk));
            unit
        };
        let (good, bad) = tokio::join!(store.commit(create(subject_id())), store.commit(bad));
        good.unwrap();
        if store.engine() == crate::Engine::Postgres {
            assert!(matches!(bad, Err(StoreError::Internal(_))), "{bad:?}");
            assert_eq!(store.log_head("node1").await.unwrap().unwrap().size, 1);
        }
        store.commit(create(subject_id())).await.unwrap();
    });
}

#[test]
fn a_closed_store_says_so() {
    on_both(|store| async move {
        store.close().await;
        store.close().await;
        assert!(matches!(store.commit(create(subject_id())).await, Err(StoreError::Unavailable { .. })));
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable { .. })));
    });
}
