//! Epochs destroy, index versions go over without loss, old shares and passphrases stop working.

#![expect(clippy::unwrap_used, reason = "tests")]

use kluis_model::{PiiText, PurposeId, SubjectId};

use crate::testing::{KEY, Vault, create, local};
use crate::{App, AppError, SHOP, SealWith, UnsealWith};

const PHRASE: &str = "paard batterij nietje juist";

async fn found(app: &App, number: u32) -> Vec<SubjectId> {
    let value = PiiText::from(format!("klant{number}@voorbeeld.example"));
    let purpose = PurposeId::parse("order").unwrap();
    let hits = app.lookup(&local(), "email", value, &purpose, None).await.unwrap();
    hits.into_iter().map(|hit| hit.id).collect()
}

async fn assert_whole(app: &App) {
    assert_eq!(app.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

/// Whether a key opens the keyring as it lies on the disk now.
async fn opens(vault: &Vault, with: UnsealWith) -> bool {
    let app = App::open(crate::testing::options(vault.dir.path(), "node9", &vault.clock)).await.unwrap();
    let opened = app.unseal(with).await;
    app.close().await;
    match opened {
        Ok(()) => true,
        Err(AppError::WrongKey) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_wraps_everything_anew_and_destroys_the_old_key() {
    let (mut vault, ids) = Vault::with_customers(30).await;
    let old_keyring = std::fs::read(vault.dir.path().join("keyring")).unwrap();
    let report = vault.app.key_epoch(&local(), &|_| {}).await.unwrap();
    assert_eq!((report.epoch, report.rewrapped, report.destroyed), (2, 30, vec![1]));
    let versions = vault.app.keys(SHOP).unwrap().index_versions().to_vec();
    assert_eq!((report.index_version, versions), (2, vec![2]), "no old backup confirms a guessed address");
    assert_eq!(vault.app.store().count_deks_of_epoch(SHOP, 1).await.unwrap(), 0);
    assert_eq!(found(&vault.app, 3).await, [ids[3]]);
    assert_whole(&vault.app).await;
    let keyring = std::fs::read(vault.dir.path().join("keyring")).unwrap();
    assert_ne!(keyring, old_keyring);
    vault.reopen().await;
    let epochs = vault.app.unsealed().unwrap().keyring.epochs(SHOP);
    assert_eq!(epochs.iter().map(|epoch| epoch.destroyed.is_some()).collect::<Vec<_>>(), [true, false]);
    assert_whole(&vault.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_keyring_file_is_not_taken_up_again() {
    let (vault, ids) = Vault::with_customers(2).await;
    let path = vault.dir.path().join("keyring");
    let older = std::fs::read(&path).unwrap();
    vault.app.key_epoch(&local(), &|_| {}).await.unwrap();
    let newer = std::fs::read(&path).unwrap();
    std::fs::write(&path, &older).unwrap();
    let keys = vault.app.keys_anew(SHOP).unwrap();
    assert_eq!(keys.epoch(), 2, "the destroyed epoch is not back");
    assert_eq!(found(&vault.app, 1).await, [ids[1]]);
    let changed = vault.app.key_epoch(&local(), &|_| {}).await;
    assert!(matches!(changed, Err(AppError::Integrity { .. })), "{changed:?}");
    let changed = vault.app.key_rotate_root(&local(), SealWith::KeyFile([9; 32])).await;
    assert!(matches!(changed, Err(AppError::Integrity { .. })), "{changed:?}");
    assert_eq!(std::fs::read(&path).unwrap(), older, "nothing was built on it");
    std::fs::write(&path, &newer).unwrap();
    vault.app.key_epoch(&local(), &|_| {}).await.unwrap();
    assert_whole(&vault.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_epoch_that_was_cut_short_goes_on() {
    let (vault, _) = Vault::with_customers(3).await;
    let now = vault.app.now();
    vault
        .app
        .change_keyring(|keyring, _, _| Ok(keyring.add_epoch(SHOP, now, &kluis_crypto::SystemRandom)))
        .unwrap()
        .unwrap();
    create(&vault.app, 7).await;
    let report = vault.app.key_epoch(&local(), &|_| {}).await.unwrap();
    assert_eq!((report.epoch, report.rewrapped, report.destroyed), (2, 3, vec![1]));
    let report = vault.app.key_epoch(&local(), &|_| {}).await.unwrap();
    assert_eq!((report.epoch, report.rewrapped, report.destroyed), (3, 4, vec![2]));
    assert_whole(&vault.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_monthly_housekeeping_begins_and_later_destroys() {
    let (vault, _) = Vault::with_customers(2).await;
    let day = std::time::Duration::from_secs(86_400);
    let state = || {
        let epochs = vault.app.unsealed().unwrap().keyring.epochs(SHOP);
        epochs.iter().map(|epoch| epoch.destroyed.is_some()).collect::<Vec<_>>()
    };
    vault.app.keep_epochs(SHOP).await.unwrap();
    assert_eq!(state(), [false]);
    vault.clock.advance(day * 30);
    vault.app.keep_epochs(SHOP).await.unwrap();
    assert_eq!(vault.app.keys(SHOP).unwrap().index_versions(), [2]);
    vault.app.keep_epochs(SHOP).await.unwrap();
    assert_eq!(state(), [false, false]);
    vault.clock.advance(day * 30);
    vault.app.keep_epochs(SHOP).await.unwrap();
    assert_eq!(state(), [true, false, false]);
    assert_whole(&vault.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_key_rotates_and_everybody_stays_findable() {
    let (vault, ids) = Vault::with_customers(25).await;
    let report = vault.app.key_rotate_index(&local(), &|_| {}).await.unwrap();
    assert_eq!((report.version, report.rewritten, report.retired), (2, 25, vec![1]));
    for number in [0, 24] {
        assert_eq!(found(&vault.app, number).await, [ids[number as usize]]);
    }
    let taken = crate::testing::try_create(&vault.app, 5).await;
    assert!(matches!(taken, Err(AppError::Conflict { .. })), "an address is still unique");
    assert_whole(&vault.app).await;
    assert_eq!(vault.app.key_list(&local()).await.unwrap().index_versions, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_the_index_key_that_was_cut_short_goes_on() {
    let (vault, ids) = Vault::with_customers(3).await;
    vault
        .app
        .change_keyring(|keyring, _, _| Ok(keyring.add_index_version(SHOP, &kluis_crypto::SystemRandom)))
        .unwrap()
        .unwrap();
    let both = create(&vault.app, 7).await;
    assert_eq!(found(&vault.app, 1).await, [ids[1]], "found under the old version");
    assert_eq!(found(&vault.app, 7).await, [both], "found under both");
    let report = vault.app.key_rotate_index(&local(), &|_| {}).await.unwrap();
    assert_eq!((report.version, report.rewritten, report.retired), (2, 4, vec![1]));
    assert_eq!((found(&vault.app, 1).await, found(&vault.app, 7).await), (vec![ids[1]], vec![both]));
    assert_whole(&vault.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_open_the_vault_until_others_are_issued() {
    let vault = Vault::new().await;
    let shares = vault.app.key_shares(&local(), 2, 3).await.unwrap();
    assert_eq!(shares.len(), 3);
    assert!(opens(&vault, UnsealWith::Shares(shares[1..].to_vec())).await);
    let few = UnsealWith::Shares(shares[..1].to_vec());
    let app = vault.second("node2").await;
    assert!(matches!(app.unseal(few).await, Err(AppError::Invalid(_))));
    let newer = vault.app.key_shares(&local(), 2, 2).await.unwrap();
    assert!(!opens(&vault, UnsealWith::Shares(shares)).await, "earlier shares are void");
    assert!(opens(&vault, UnsealWith::Shares(newer)).await);
    for (k, n) in [(1, 3), (3, 2), (0, 0), (2, 17)] {
        assert!(
            matches!(vault.app.key_shares(&local(), k, n).await, Err(AppError::Invalid(_))),
            "{k} of {n}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passphrase_and_root_key_are_replaced() {
    let (vault, ids) = Vault::with_customers(1).await;
    let short = vault.app.key_passphrase(&local(), PiiText::from("kort")).await;
    assert!(matches!(short, Err(AppError::Invalid(_))));
    vault.app.key_passphrase(&local(), PiiText::from(PHRASE)).await.unwrap();
    assert!(opens(&vault, UnsealWith::Passphrase(PiiText::from(PHRASE))).await);
    assert!(!opens(&vault, UnsealWith::Passphrase(PiiText::from("paard batterij nietje fout"))).await);
    assert!(opens(&vault, UnsealWith::KeyFile(KEY)).await);
    let copy = vault.dir.path().join("copy of the keyring");
    vault.app.key_backup(&local(), &copy).await.unwrap();
    assert!(matches!(vault.app.key_backup(&local(), &copy).await, Err(AppError::Conflict { .. })));
    vault.app.key_rotate_root(&local(), SealWith::KeyFile([9; 32])).await.unwrap();
    assert!(!opens(&vault, UnsealWith::KeyFile(KEY)).await);
    assert!(!opens(&vault, UnsealWith::Passphrase(PiiText::from(PHRASE))).await);
    assert!(opens(&vault, UnsealWith::KeyFile([9; 32])).await);
    assert_eq!(found(&vault.app, 0).await, [ids[0]], "the running vault goes on");
    vault.app.key_rotate_signing(&local()).await.unwrap();
    assert_whole(&vault.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_one_vault_also_while_keys_change() {
    let (vault, ids) = Vault::with_customers(3).await;
    let second = vault.second("node2").await;
    let theirs = create(&second, 50).await;
    assert_eq!(found(&vault.app, 50).await, [theirs]);
    second.key_epoch(&local(), &|_| {}).await.unwrap();
    vault.app.key_rotate_index(&local(), &|_| {}).await.unwrap();
    for app in [&vault.app, &second] {
        assert_eq!(found(app, 2).await, [ids[2]]);
        assert_eq!(found(app, 50).await, [theirs]);
        assert_whole(app).await;
    }
    create(&vault.app, 60).await;
    create(&second, 61).await;
    let logs = vault.app.logs(&local()).await.unwrap();
    assert_eq!(logs.len(), 2, "each node has its own log");
    second.close().await;
    assert_whole(&vault.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_over_one_postgresql_share_one_vault() {
    let cluster = kluis_store::testing::temporary_postgres();
    let store = kluis_store::StoreConfig::Postgres {
        url: kluis_crypto::SecretText::from(cluster.database_url("kluis")),
        pool: 2,
        tls: kluis_store::PostgresTls::WebRoots,
    };
    let dir = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(kluis_model::FixedClock::new(crate::testing::BEGIN));
    let open =
        |node: &'static str| App::open(crate::testing::options_over(store.clone(), dir.path(), node, &clock));
    let first = open("node1").await.unwrap();
    first.initialise(SealWith::KeyFile(KEY), "Winkel").await.unwrap();
    let second = open("node2").await.unwrap();
    second.unseal(UnsealWith::KeyFile(KEY)).await.unwrap();
    let (ours, theirs) = (create(&first, 1).await, create(&second, 2).await);
    first.key_epoch(&local(), &|_| {}).await.unwrap();
    second.key_rotate_index(&local(), &|_| {}).await.unwrap();
    for app in [&first, &second] {
        assert_eq!((found(app, 1).await, found(app, 2).await), (vec![ours], vec![theirs]));
        assert_whole(app).await;
    }
    second.erase(&local(), ours).await.unwrap();
    second.close().await;
    assert_eq!(found(&first, 1).await, []);
    assert_whole(&first).await;
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_misses_a_new_root_key_goes_on_and_says_so() {
    let (vault, ids) = Vault::with_customers(1).await;
    let second = vault.second("node2").await;
    vault.app.key_rotate_root(&local(), SealWith::KeyFile([9; 32])).await.unwrap();
    tokio::time::sleep(super::EVERYBODY_KNOWS).await;
    assert_eq!(found(&second, 0).await, [ids[0]]);
    let status = second.status(&local()).await.unwrap();
    assert!(status.attention.iter().any(|attention| attention.id == "other_root"), "{:?}", status.attention);
}
