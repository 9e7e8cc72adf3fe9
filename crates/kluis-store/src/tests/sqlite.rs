//! What only SQLite can do: two processes on one file, a full disk, a newer schema, a clean end.

use std::fs;

use kluis_model::{Operation, RetentionClass};

use super::log::check_log;
use super::*;
use crate::StoreError;

#[test]
fn two_handles_on_one_file_keep_one_log() {
    let place = Place::sqlite();
    block_on(async {
        let (one, two) = (place.open().await, place.open().await);
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let store = if n % 2 == 0 { one.clone() } else { two.clone() };
                tokio::spawn(async move {
                    let id = subject_id();
                    (id, store.commit(create(id)).await.unwrap().leaf_seqs[0])
                })
            })
            .collect();
        let mut seqs = Vec::new();
        for task in tasks {
            let (id, seq) = task.await.unwrap();
            assert_eq!(one.find_subject_keys(SHOP, id).await.unwrap().unwrap().1.len(), 2);
            assert_eq!(two.leaf("node1", seq).await.unwrap().unwrap().subject, Some(id));
            seqs.push(seq);
        }
        seqs.sort_unstable();
        assert_eq!(seqs, (0..200).collect::<Vec<_>>());
        assert_eq!(check_log(&one, "node1").await, 200);
        one.close().await;
        two.close().await;
    });
}

#[test]
fn a_newer_schema_is_refused_and_not_touched() {
    for file in ["data.db", "keys.db"] {
        let place = Place::sqlite();
        block_on(async {
            place.open().await.close().await;
            let path = place.folder.path().join(file);
            rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
            let before = fs::read(&path).unwrap();
            let refused = Store::open(&place.config, "node1").await.map(|_| ());
            assert_eq!(refused, Err(StoreError::SchemaTooNew { found: 99, known: crate::migrate::NEWEST }));
            assert_eq!(before, fs::read(&path).unwrap());
        });
    }
}

#[test]
fn what_is_no_database_is_refused() {
    let place = Place::sqlite();
    fs::write(place.folder.path().join("data.db"), "x".repeat(5000)).unwrap();
    let opened = block_on(Store::open(&place.config, "node1")).map(|_| ());
    assert!(matches!(opened, Err(StoreError::Integrity { .. })), "{opened:?}");
    let missing = sqlite_config(&place.folder.path().join("nowhere"));
    assert!(matches!(
        block_on(Store::open(&missing, "node1")).map(|_| ()),
        Err(StoreError::Unavailable { .. })
    ));
}

#[test]
fn a_clean_end_leaves_no_write_ahead_log_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    block_on(async {
        let store = place.open().await;
        store.commit(create(subject_id())).await.unwrap();
        store.close().await;
    });
    for file in ["data.db", "keys.db"] {
        let path = place.folder.path().join(file);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let wal = fs::metadata(place.folder.path().join(format!("{file}-wal"))).map_or(0, |wal| wal.len());
        assert_eq!(wal, 0, "{file}");
    }
}

#[test]
fn a_destroyed_key_is_in_no_byte_on_disk() {
    let place = Place::sqlite();
    block_on(async {
        let store = place.open().await;
        let id = subject_id();
        let secret = kluis_crypto::sha256(id.as_bytes());
        let mut unit = Unit::new();
        unit.insert_subject(&SubjectRow { cells: secret.to_vec(), ..subject(id, 1) });
        unit.insert_dek(&DekRow { wrapped: secret.to_vec(), ..dek(id, RetentionClass::Profile) });
        store.commit(unit).await.unwrap();
        store.commit(create(subject_id())).await.unwrap();
        let files_with_it = || {
            let files = fs::read_dir(place.folder.path()).unwrap().map(|file| file.unwrap().path());
            files.filter(|path| fs::read(path).unwrap().windows(32).any(|window| window == secret)).count()
        };
        assert!(files_with_it() >= 2);
        let mut unit = Unit::new();
        unit.delete_subject(SHOP, id, 1);
        unit.destroy_dek(SHOP, id, RetentionClass::Profile);
        store.commit(unit).await.unwrap();
        assert_eq!(files_with_it(), 0);
        store.close().await;
    });
}

#[test]
fn orphan_keys_of_a_crash_are_swept_at_the_next_start() {
    let place = Place::sqlite();
    block_on(async {
        let kept = subject_id();
        let store = place.open().await;
        store.commit(create(kept)).await.unwrap();
        // What a crash between the two files leaves.
        let mut orphan = Unit::new();
        orphan.insert_dek(&dek(subject_id(), RetentionClass::Tax));
        store.commit(orphan).await.unwrap();
        store.close().await;
        let store = place.open().await;
        // The writer sweeps before its first commit.
        store.commit(Unit::new()).await.unwrap();
        let deks = store.page_deks(SHOP, None, 10).await.unwrap();
        assert!(deks.len() == 2 && deks.iter().all(|dek| dek.subject == kept), "{deks:?}");
        store.close().await;
    });
}

/// A small file system of its own in memory; unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where mounting is not allowed.
    fn new(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(folder.path());
        mount.output().unwrap().status.success().then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn on_a_full_disk_writes_are_refused_erasure_works_and_it_recovers() {
    let Some(disk) = SmallDisk::new(32) else { return };
    let folder = disk.0.path();
    block_on(async {
        let store = Store::open(&sqlite_config(folder), "node1").await.unwrap();
        let (id, other) = (subject_id(), subject_id());
        store.commit(create(id)).await.unwrap();
        store.commit(create(other)).await.unwrap();
        let filler = folder.join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        while std::io::Write::write(&mut file, &[7; 4096]).is_ok() {}
        let mut refused = false;
        for _ in 0..2000 {
            let mut read = Unit::new();
            read.leaf(leaf(Some(id), "a", Operation::Read));
            match store.commit(read).await {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error, StoreError::Full);
                    refused = true;
                    break;
                }
            }
        }
        assert!(refused);
        for erased in [id, other] {
            let mut erase = Unit::new();
            erase.delete_subject(SHOP, erased, 1);
            delete_terms(&mut erase, erased);
            erase.destroy_dek(SHOP, erased, RetentionClass::Profile);
            erase.destroy_dek(SHOP, erased, RetentionClass::Tax);
            erase.leaf(leaf(Some(erased), "a", Operation::Erase));
            erase.may_use_reserve();
            store.commit(erase).await.unwrap();
            assert_eq!(store.find_subject_keys(SHOP, erased).await.unwrap(), None);
        }
        assert_eq!(store.page_deks(SHOP, None, 9).await.unwrap(), []);
        fs::remove_file(filler).unwrap();
        store.commit(create(subject_id())).await.unwrap();
        check_log(&store, "node1").await;
        store.close().await;
    });
}

#[test]
fn on_a_read_only_disk_opening_is_refused() {
    let Some(disk) = SmallDisk::new(32) else { return };
    block_on(async {
        let config = sqlite_config(disk.0.path());
        Store::open(&config, "node1").await.unwrap().close().await;
        let mount = |how: &str| {
            let status = std::process::Command::new("mount").args(["-o", how]).arg(disk.0.path()).status();
            assert!(status.unwrap().success());
        };
        mount("remount,ro");
        assert_eq!(Store::open(&config, "node1").await.map(|_| ()), Err(StoreError::ReadOnly));
        mount("remount,rw");
        Store::open(&config, "node1").await.unwrap().close().await;
    });
}
