//! Replacing a small file whole: written beside it, synced, renamed over it, mode 0600.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces `path` with `bytes` so that after a crash it holds the old or the new bytes, whole.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(path);
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&temporary, path)?;
    sync_folder(path)
}

/// As [`replace_file`], and afterwards overwrites the bytes that `path` held before.
///
/// Best effort: a journalling or copy-on-write file system and a flash disk may keep an older
/// copy. The bytes are sealed; this only makes an old passphrase or share less useful.
pub(crate) fn replace_secret_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let old = OpenOptions::new().write(true).open(path);
    replace_file(path, bytes)?;
    match old {
        Ok(file) => overwrite(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // The new file is in place; an unwritable old one (mode 0400) cannot be overwritten.
        Err(_) => Ok(()),
    }
}

fn overwrite(mut old: File) -> io::Result<()> {
    let mut left = old.metadata()?.len();
    let zeros = [0_u8; 4_096];
    while left > 0 {
        let count = left.min(zeros.len() as u64);
        old.write_all(&zeros[..usize::try_from(count).unwrap_or(zeros.len())])?;
        left -= count;
    }
    old.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        replace_secret_file(&path, b"first").unwrap();
        replace_secret_file(&path, b"second, and longer").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second, and longer");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_old_bytes_are_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        replace_file(&path, b"old secret").unwrap();
        let second_name = dir.path().join("second name of the old file");
        std::fs::hard_link(&path, &second_name).unwrap();
        replace_secret_file(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&second_name).unwrap(), [0; 10]);
    }

    #[test]
    fn a_leftover_of_a_crash_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        std::fs::write(beside(&path), b"half written").unwrap();
        replace_file(&path, b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert!(replace_file(&dir.path().join("no/such/folder"), b"x").is_err());
    }
}
