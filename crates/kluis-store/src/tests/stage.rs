//! Units that share a long transaction: one that clashes leaves the others alone, and none is half there.

use kluis_model::{FieldKind, Operation};

use super::log::check_log;
use super::*;
use crate::StoreError;

/// A create that claims the address of another customer as its last step.
fn thief(id: SubjectId, of: SubjectId) -> Unit {
    let mut unit = create(id);
    let seed = kluis_crypto::sha256(of.as_bytes());
    let term = seed[..16].try_into().unwrap();
    unit.put_unique_term(SHOP, FieldKind::EmailAddress, 1, term, id, &name("email"));
    unit
}

fn clash() -> StoreError {
    StoreError::Conflict { what: "email".into() }
}

#[test]
fn a_staged_unit_that_clashes_is_refused_alone() {
    on_both(|store| async move {
        let before = subject_id();
        store.commit(create(before)).await.unwrap();
        let mut staged = Vec::new();
        let mut ids = vec![before];
        for n in 0..20 {
            let (id, refused) = (subject_id(), subject_id());
            staged.push(store.stage(create(id)).await.unwrap());
            // Of somebody in the table, and of somebody whose terms only wait.
            let of = if n % 2 == 0 { before } else { id };
            assert_eq!(store.stage(thief(refused, of)).await.map(|_| ()), Err(clash()));
            assert_eq!(store.commit(thief(refused, before)).await.map(|_| ()), Err(clash()));
            ids.push(id);
        }
        let mut changed = Unit::new();
        changed.update_subject(&subject(before, 2), 1);
        delete_terms(&mut changed, before);
        changed.leaf(leaf(Some(before), "a", Operation::Update));
        staged.push(store.stage(changed).await.unwrap());
        // What was another's is free once it is deleted.
        let heir = subject_id();
        staged.push(store.stage(thief(heir, before)).await.unwrap());
        ids.push(heir);
        store.settle().await.unwrap();
        for unit in staged {
            unit.durable().await.unwrap();
        }
        ids.sort_unstable();
        let page = store.page_subjects(SHOP, None, 100).await.unwrap();
        assert_eq!(page.iter().map(|(row, _)| row.id).collect::<Vec<_>>(), ids);
        assert!(page.iter().all(|(_, deks)| deks.len() == 2));
        assert_eq!(store.page_deks(SHOP, None, 100).await.unwrap().len(), 2 * ids.len());
        let terms = store.page_terms(SHOP, None, 1000).await.unwrap();
        // Five each, none of `before`, and the address that the heir took over.
        assert_eq!(terms.len(), 5 * (ids.len() - 1) + 1);
        assert_eq!(store.counts(SHOP).await.unwrap().leaves, 23);
        check_log(&store, "node1").await;
    });
}

#[test]
fn a_staged_unit_becomes_durable_by_itself() {
    on_both(|store| async move {
        let id = subject_id();
        let staged = store.stage(create(id)).await.unwrap();
        staged.durable().await.unwrap();
        assert!(store.find_subject_keys(SHOP, id).await.unwrap().is_some_and(|(_, deks)| deks.len() == 2));
        let mut staged = Vec::new();
        for _ in 0..50 {
            staged.push(store.stage(create(subject_id())).await.unwrap());
        }
        store.close().await;
        for unit in staged {
            unit.durable().await.unwrap();
        }
        assert!(store.stage(create(subject_id())).await.is_err(), "closed");
    });
}
