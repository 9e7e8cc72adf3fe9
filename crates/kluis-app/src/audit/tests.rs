//! A stranger with the verifier key can check that an entry is in the log and that the log only grew.

#![expect(clippy::unwrap_used, reason = "tests")]

use kluis_crypto::merkle::{Hash, leaf_hash, verify_consistency, verify_inclusion};
use kluis_crypto::note::{Checkpoint, NoteVerifier};
use kluis_model::{Operation, Outcome};

use super::AuditQuery;
use crate::guard::{Ask, Done};
use crate::testing::{Vault, local};
use crate::{App, AppError};

fn unhex(text: &str) -> Hash {
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).unwrap();
    }
    hash
}

async fn grow(app: &App, count: usize) {
    for _ in 0..count {
        app.write_leaf(&local(), &Ask::new(Operation::Status), Outcome::Ok, &Done::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_hold_for_a_stranger() {
    let vault = Vault::new().await;
    let first = Checkpoint::decode(
        &vault.app.make_checkpoint().await.unwrap().split("\n\n").next().unwrap().to_owned().add_newline(),
    )
    .unwrap();
    grow(&vault.app, 300).await;
    let verifier: NoteVerifier = vault.app.verifier_key().unwrap().parse().unwrap();
    let note = vault.app.checkpoint(&local()).await.unwrap();
    assert_eq!(vault.app.checkpoint_public().await.unwrap(), note);
    let signed = Checkpoint::verify(&note, std::slice::from_ref(&verifier)).unwrap();
    for seq in [0, 1, 255, 256, signed.size - 1] {
        let proof = vault.app.proof(&local(), "node1", seq).await.unwrap();
        assert_eq!(proof.verifier, verifier.vkey());
        let known = Checkpoint::verify(&proof.checkpoint, std::slice::from_ref(&verifier)).unwrap();
        let hashes: Vec<Hash> = proof.hashes.iter().map(|hash| unhex(hash)).collect();
        let leaf = leaf_hash(proof.leaf.as_bytes());
        verify_inclusion(&leaf, (seq, known.size), &hashes, &known.root).unwrap();
    }
    let grown = vault.app.consistency(&local(), "node1", first.size, signed.size).await.unwrap();
    let hashes: Vec<Hash> = grown.hashes.iter().map(|hash| unhex(hash)).collect();
    verify_consistency((first.size, &first.root), (signed.size, &signed.root), &hashes).unwrap();
    let beyond = vault.app.proof(&local(), "node1", 1_000_000).await;
    assert!(matches!(beyond, Err(AppError::NotFound)));
    assert!(matches!(vault.app.proof(&local(), "nobody", 0).await, Err(AppError::NotFound)));
    assert!(matches!(vault.app.consistency(&local(), "node1", 5, 4).await, Err(AppError::NotFound)));
}

trait AddNewline {
    fn add_newline(self) -> String;
}

impl AddNewline for String {
    fn add_newline(mut self) -> String {
        self.push('\n');
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_hold_the_same_hashes() {
    let vault = Vault::new().await;
    grow(&vault.app, 300).await;
    let leaves = vault.app.tile(&local(), "node1", 0, 0, 256).await.unwrap();
    let above = vault.app.tile(&local(), "node1", 1, 0, 1).await.unwrap();
    let mut hashes: Vec<Hash> = leaves.as_chunks::<32>().0.to_vec();
    while hashes.len() > 1 {
        hashes =
            hashes.as_chunks::<2>().0.iter().map(|[a, b]| kluis_crypto::merkle::node_hash(a, b)).collect();
    }
    assert_eq!(hashes[0].as_slice(), above.as_slice());
    let bundle = vault.app.entries_tile(&local(), "node1", 0, 256).await.unwrap();
    let entries = kluis_crypto::tiles::decode_entries(&bundle, 256).unwrap();
    assert_eq!(leaf_hash(entries[9]), leaves.as_chunks::<32>().0[9]);
    for (level, index, width) in
        [(0, 0, 0), (0, 0, 257), (0, 2, 1), (1, 0, 2), (1, 1, 1), (9, 0, 1), (255, 0, 1)]
    {
        let tile = vault.app.tile(&local(), "node1", level, index, width).await;
        assert!(matches!(tile, Err(AppError::NotFound)), "{level} {index} {width}");
    }
    assert!(vault.app.entries_tile(&local(), "node1", 1, 256).await.is_err());
    assert!(vault.app.entries_tile(&local(), "node1", u64::MAX, 256).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_pages_backwards_without_a_gap() {
    let vault = Vault::new().await;
    grow(&vault.app, 25).await;
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let query = AuditQuery {
            operation: Some(Operation::Status),
            before: before.clone(),
            limit: 10,
            ..AuditQuery::default()
        };
        let page = vault.app.audit_list(&local(), query).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor.clone());
        seen.extend(page.iter().map(|entry| entry.seq));
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|a, b| a > b));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_an_earlier_signature_is_not_signed() {
    let mut vault = Vault::new().await;
    grow(&vault.app, 20).await;
    vault.app.make_checkpoint().await.unwrap();
    vault.app.close().await;
    let data = rusqlite::Connection::open(vault.dir.path().join("data.db")).unwrap();
    data.execute_batch("update log_head set frontier = cast(substr(frontier, 1, 8) || randomblob(length(frontier) - 8) as blob)").unwrap();
    drop(data);
    vault.app = vault.second("node1").await;
    grow(&vault.app, 1).await;
    let signed = vault.app.make_checkpoint().await;
    assert!(matches!(signed, Err(AppError::Integrity { .. })), "{signed:?}");
}
