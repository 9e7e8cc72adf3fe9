//! Backups come back whole, damaged ones not at all, and erased people never.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Cursor;
use std::sync::Arc;

use kluis_model::{FixedClock, PiiText, PurposeId, SubjectId};
use kluis_store::StoreConfig;
use kluis_store::testing::temporary_postgres;

use crate::testing::{BEGIN, KEY, Vault, create, local, options, options_over};
use crate::{App, AppError, SealWith, UnsealWith};

async fn backup(app: &App) -> Vec<u8> {
    let mut bytes = Vec::new();
    app.backup(&local(), &mut bytes, &|_| {}).await.unwrap();
    bytes
}

/// The vault after its database was lost; keyring, checkpoints and erasures are still there.
async fn without_database(vault: &mut Vault) {
    vault.app.close().await;
    for name in ["data.db", "keys.db"] {
        std::fs::remove_file(vault.dir.path().join(name)).unwrap();
    }
    vault.app = vault.second("node1").await;
}

async fn email(app: &App, id: SubjectId) -> Result<String, AppError> {
    let purpose = PurposeId::parse("order").unwrap();
    let fields = [kluis_model::FieldName::parse("email").unwrap()];
    let read = app.read(&local(), id, &purpose, Some(&fields)).await?;
    Ok(read.fields.into_iter().map(|(_, value)| value.into_exposed()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_brings_back_all_but_the_erased() {
    let (mut vault, ids) = Vault::with_customers(5).await;
    let before = vault.app.erase(&local(), ids[0]).await.unwrap();
    let bytes = backup(&vault.app).await;
    vault.app.erase(&local(), ids[1]).await.unwrap();
    create(&vault.app, 9).await;
    without_database(&mut vault).await;
    assert!(!vault.app.is_initialised().await.unwrap());
    let report = vault.app.restore(&local(), Cursor::new(&bytes), &|_| {}).await.unwrap();
    assert_eq!((report.customers, report.erased_again, report.lines_ignored), (4, 1, 0));
    assert!(before.receipt.contains(&ids[0].to_string()));
    for gone in [ids[0], ids[1]] {
        assert!(matches!(email(&vault.app, gone).await, Err(AppError::NotFound)));
    }
    assert_eq!(email(&vault.app, ids[2]).await.unwrap(), "klant2@voorbeeld.example");
    let verified = vault.app.verify(&local(), &|_| {}).await.unwrap();
    assert_eq!(verified.findings, [], "after the restore");
    vault.reopen().await;
    let verified = vault.app.verify(&local(), &|_| {}).await.unwrap();
    assert_eq!(verified.findings, [], "after the next start");
    let again = vault.app.restore(&local(), Cursor::new(&bytes), &|_| {}).await;
    assert!(matches!(again, Err(AppError::Conflict { .. })), "never over something");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_foreign_backup_changes_nothing() {
    let (mut vault, _) = Vault::with_customers(3).await;
    let bytes = backup(&vault.app).await;
    let other = backup(&Vault::new().await.app).await;
    without_database(&mut vault).await;
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let longer = [bytes.as_slice(), b"more"].concat();
    let cut = &bytes[..bytes.len() - 1];
    let half = &bytes[..bytes.len() / 2];
    let cases: [&[u8]; 8] =
        [&flipped, &longer, cut, half, &other, b"", b"klantkluis backup 1\n", b"age-encryption.org/v1\n"];
    for (number, case) in cases.into_iter().enumerate() {
        let refused = vault.app.restore(&local(), Cursor::new(case), &|_| {}).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "case {number}: {refused:?}");
        assert!(!vault.app.is_initialised().await.unwrap(), "case {number}");
    }
    vault.app.restore(&local(), Cursor::new(&bytes), &|_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_somebody_else_encrypted_to_the_vault_is_refused() {
    let (mut vault, _) = Vault::with_customers(1).await;
    let unsealed = vault.app.unsealed().unwrap();
    let recipient = unsealed.keyring.backup_identity().recipient();
    let other = Vault::new().await;
    let header = super::Header { made: BEGIN, shop: crate::SHOP, node: "x".into(), epoch: 1 };
    let writer = kluis_crypto::backup::encrypt_writer(&recipient, Vec::new()).unwrap();
    let writing = super::Writing::begin(writer, &header).unwrap();
    let forged = writing.end(&other.app.keys(crate::SHOP).unwrap()).unwrap().finish().unwrap();
    without_database(&mut vault).await;
    let refused = vault.app.restore(&local(), Cursor::new(forged), &|_| {}).await;
    assert!(matches!(refused, Err(AppError::Invalid(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_epoch_is_destroyed_a_backup_is_unreadable() {
    let (mut vault, ids) = Vault::with_customers(3).await;
    let bytes = backup(&vault.app).await;
    let report = vault.app.key_epoch(&local(), &|_| {}).await.unwrap();
    assert_eq!((report.epoch, report.destroyed.as_slice()), (2, [1].as_slice()));
    assert_eq!(email(&vault.app, ids[2]).await.unwrap(), "klant2@voorbeeld.example");
    let newer = backup(&vault.app).await;
    without_database(&mut vault).await;
    let refused = vault.app.restore(&local(), Cursor::new(&bytes), &|_| {}).await;
    assert!(matches!(refused, Err(AppError::Invalid(_))), "{refused:?}");
    vault.app.restore(&local(), Cursor::new(&newer), &|_| {}).await.unwrap();
    assert_eq!(email(&vault.app, ids[2]).await.unwrap(), "klant2@voorbeeld.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_cut_short_is_finished_at_the_next_unsealing() {
    let (mut vault, ids) = Vault::with_customers(2).await;
    let bytes = backup(&vault.app).await;
    vault.app.erase(&local(), ids[1]).await.unwrap();
    without_database(&mut vault).await;
    let mut input = Cursor::new(&bytes);
    vault.app.load_backup(&mut input, 0, &|_| {}).await.unwrap();
    vault.app.close().await;
    vault.app = vault.second("node1").await;
    assert!(matches!(email(&vault.app, ids[1]).await, Err(AppError::NotFound)));
    assert_eq!(email(&vault.app, ids[0]).await.unwrap(), "klant0@voorbeeld.example");
    assert_eq!(vault.app.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_moves_to_postgresql_and_back_without_loss() {
    let cluster = temporary_postgres();
    let (vault, ids) = Vault::with_customers(20).await;
    vault.app.erase(&local(), ids[3]).await.unwrap();
    let postgres = StoreConfig::Postgres {
        url: kluis_crypto::SecretText::from(cluster.database_url("kluis")),
        pool: 2,
        tls: kluis_store::PostgresTls::WebRoots,
    };
    let copied = vault.app.copy_to(&local(), &postgres, &|_| {}).await.unwrap();
    assert_eq!((copied.customers, copied.engine), (19, "PostgreSQL"));
    vault.app.close().await;
    let clock = Arc::clone(&vault.clock);
    let moved = App::open(options_over(postgres.clone(), vault.dir.path(), "node1", &clock)).await.unwrap();
    moved.unseal(UnsealWith::KeyFile(KEY)).await.unwrap();
    assert_eq!(email(&moved, ids[7]).await.unwrap(), "klant7@voorbeeld.example");
    assert_eq!(moved.verify(&local(), &|_| {}).await.unwrap().findings, []);
    create(&moved, 99).await;
    let twice = moved.copy_to(&local(), &postgres, &|_| {}).await;
    assert!(matches!(twice, Err(AppError::Conflict { .. })), "{twice:?}");
    let back = StoreConfig::Sqlite {
        data: vault.dir.path().join("back.db"),
        keys: vault.dir.path().join("back-keys.db"),
        readers: 2,
    };
    moved.copy_to(&local(), &back, &|_| {}).await.unwrap();
    moved.close().await;
    let back = App::open(options_over(back, vault.dir.path(), "node1", &clock)).await.unwrap();
    back.unseal(UnsealWith::KeyFile(KEY)).await.unwrap();
    assert_eq!(back.verify(&local(), &|_| {}).await.unwrap().findings, []);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn hostile_plaintext_is_refused_without_harm(
        head in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        rest in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        with_head: bool,
    ) {
        let keyring = kluis_crypto::Keyring::generate(crate::SHOP, "node", BEGIN, &kluis_crypto::SystemRandom);
        let keys = keyring.shop(crate::SHOP).unwrap();
        let mut bytes = head;
        if with_head {
            let header = super::Header { made: BEGIN, shop: crate::SHOP, node: "x".into(), epoch: 1 };
            bytes = super::Writing::begin(Vec::new(), &header).unwrap().into_output();
        }
        bytes.extend(rest);
        if let Ok(mut reading) = super::Reading::begin(bytes.as_slice()) {
            while let Ok(Some(_)) = reading.next_row() {}
            proptest::prop_assert!(reading.check_end(&keys).is_err());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_is_made_once_and_a_keyring_never_overwritten() {
    let vault = Vault::new().await;
    let clock = Arc::new(FixedClock::new(BEGIN));
    let again = vault.app.initialise(SealWith::KeyFile(KEY), "Winkel").await;
    assert!(matches!(again, Err(AppError::Conflict { .. })));
    vault.app.close().await;
    for name in ["data.db", "keys.db"] {
        std::fs::remove_file(vault.dir.path().join(name)).unwrap();
    }
    let app = App::open(options(vault.dir.path(), "node1", &clock)).await.unwrap();
    assert!(!app.is_initialised().await.unwrap());
    let again =
        app.initialise(SealWith::Passphrase(PiiText::from("een lange zin om te onthouden")), "Winkel").await;
    assert!(matches!(&again, Err(AppError::Conflict { what }) if what == "keyring"), "{again:?}");
}
