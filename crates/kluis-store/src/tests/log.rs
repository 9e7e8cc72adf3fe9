//! The audit log: its Merkle tree, its order, and finding entries.

use kluis_crypto::merkle::{Frontier, leaf_hash};
use kluis_model::{Operation, Outcome, TimeMs};

use super::*;
use crate::{CheckpointRow, LeafQuery};

/// Checks that the leaves of a log give its stored frontier; returns their number.
pub(crate) async fn check_log(store: &Store, log: &str) -> u64 {
    let head = store.log_head(log).await.unwrap().unwrap();
    let mut frontier = Frontier::new();
    loop {
        let leaves = store.leaves(log, frontier.size(), 1000).await.unwrap();
        if leaves.is_empty() {
            break;
        }
        for leaf in leaves {
            assert_eq!(leaf.seq, frontier.size(), "no gap");
            frontier.push(leaf_hash(&leaf.bytes));
        }
    }
    assert_eq!(frontier.encode(), head.frontier);
    assert_eq!(frontier.size(), head.size);
    assert_eq!(store.count_leaves_beyond(log).await.unwrap(), 0);
    head.size
}

#[test]
fn the_tree_of_the_leaves_is_the_stored_one() {
    on_both(|store| async move {
        for count in [1_u32, 299, 500] {
            let mut unit = Unit::new();
            (0..count).for_each(|_| unit.leaf(leaf(None, "a", Operation::Read)));
            let committed = store.commit(unit).await.unwrap();
            assert_eq!(committed.leaf_seqs.len() as u32, count);
            assert_eq!(committed.leaf_seqs.last(), Some(&(committed.log_size - 1)));
        }
        assert_eq!(check_log(&store, "node1").await, 800);
        let mut frontier = Frontier::new();
        let mut nodes = std::collections::HashMap::new();
        for leaf in store.leaves("node1", 0, 1000).await.unwrap() {
            frontier.push_recording(leaf_hash(&leaf.bytes), &mut |level, index, hash| {
                nodes.insert((level, index), *hash);
            });
        }
        for level in 0..11 {
            for index in [0, 1, 2, 3, 99] {
                let expected = nodes.get(&(level, index)).copied();
                assert_eq!(store.log_node("node1", level, index).await.unwrap(), expected, "{level} {index}");
            }
        }
        assert_eq!(store.log_nodes("node1", 8, 1, 9).await.unwrap().len(), 2);
        assert!(store.log_nodes("node1", 7, 0, 1).await.is_err());
        assert_eq!(store.log_node("node1", 63, u64::MAX).await.unwrap(), None);
        assert_eq!(store.log_node("nowhere", 0, 0).await.unwrap(), None);
        assert_eq!(store.leaf("node1", 799).await.unwrap().unwrap().seq, 799);
        assert_eq!(store.leaf("node1", 800).await.unwrap(), None);
        assert_eq!(store.log_names().await.unwrap(), ["node1"]);
        assert_eq!(store.counts(SHOP).await.unwrap().leaves, 800);
    });
}

#[test]
fn entries_are_found_newest_first_and_page_by_page() {
    on_both(|store| async move {
        let (id, other) = (subject_id(), subject_id());
        let mut unit = Unit::new();
        for n in 0..20_u8 {
            let mut draft = leaf(
                Some(if n % 4 == 0 { id } else { other }),
                if n % 2 == 0 { "even" } else { "odd" },
                Operation::Read,
            );
            draft.time = TimeMs(NOW.0 + i64::from(n / 3));
            draft.outcome = if n % 5 == 0 { Outcome::Denied } else { Outcome::Ok };
            draft.detail = (n == 7).then(|| vec![1, 2]);
            unit.leaf(draft);
        }
        unit.leaf(leaf(None, "odd", Operation::Erase));
        store.commit(unit).await.unwrap();
        let all = LeafQuery {
            shop: SHOP,
            subject: None,
            actor: None,
            operation: None,
            outcome: None,
            before: None,
            limit: 100,
        };
        let count = |query: LeafQuery| {
            let store = &store;
            async move { store.find_leaves(query).await.unwrap().len() }
        };
        assert_eq!(count(all.clone()).await, 21);
        assert_eq!(count(LeafQuery { subject: Some(id), ..all.clone() }).await, 5);
        assert_eq!(count(LeafQuery { actor: Some("even".into()), ..all.clone() }).await, 10);
        assert_eq!(count(LeafQuery { subject: Some(id), actor: Some("odd".into()), ..all.clone() }).await, 0);
        assert_eq!(count(LeafQuery { operation: Some(Operation::Erase), ..all.clone() }).await, 1);
        assert_eq!(count(LeafQuery { outcome: Some(Outcome::Denied), ..all.clone() }).await, 4);
        assert_eq!(count(LeafQuery { shop: kluis_model::ShopId(2), ..all.clone() }).await, 0);
        assert_eq!(count(LeafQuery { before: Some((NOW, i64::MIN)), ..all.clone() }).await, 0);
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.find_leaves(LeafQuery { before, limit: 4, ..all.clone() }).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.time, last.place));
            seen.extend(page.iter().map(|leaf| (leaf.time, leaf.seq)));
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!((seen.len(), &seen), (21, &sorted));
        assert_eq!(store.leaf("node1", 7).await.unwrap().unwrap().detail, Some(vec![1, 2]));
    });
}

#[test]
fn checkpoints_are_kept_by_size() {
    on_both(|store| async move {
        let row =
            |size: u64| CheckpointRow { log: "node1".into(), size, time: NOW, note: format!("note {size}") };
        assert_eq!(store.latest_checkpoint("node1").await.unwrap(), None);
        for size in [5, 2, 5] {
            store.insert_checkpoint(&row(size)).await.unwrap();
        }
        assert_eq!(store.latest_checkpoint("node1").await.unwrap(), Some(row(5)));
        assert_eq!(store.checkpoints("node1").await.unwrap(), [row(2), row(5)]);
    });
}
