//! The file `erasures` beside the keyring: the signed receipt of every erasure, for a restore to replay.
//!
//! A backup from before an erasure still holds the person. What was erased must therefore be
//! known outside the database: one signed receipt per line as JSON `{"receipt":"…"}`. A receipt
//! holds random ids, times and purposes only. Lines without a right signature are not replayed,
//! so that nobody who can write this file can erase people by way of a restore.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kluis_crypto::note::NoteVerifier;
use kluis_crypto::receipt::{self, ErasureReceipt};
use kluis_model::{SubjectId, TimeMs};
use kluis_store::ErasureRow;
use serde::{Deserialize, Serialize};

use crate::{App, AppError, SHOP};

/// The file's name, beside the keyring.
const ERASURES_FILE: &str = "erasures";
/// A longer line is no receipt.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Erasures looked at in one go.
const PAGE: u32 = 1_000;

#[derive(Serialize, Deserialize)]
struct Line {
    receipt: String,
}

/// A receipt of the file whose signature is right.
#[derive(Debug, Clone)]
pub(crate) struct SignedErasure {
    /// What it says.
    pub(crate) receipt: ErasureReceipt,
    /// The signed note.
    pub(crate) note: String,
}

/// The path of the file.
pub(crate) fn erasures_path(keyring: &Path) -> PathBuf {
    keyring.with_file_name(ERASURES_FILE)
}

/// Appends the receipt of an erasure to the file beside a keyring and waits until it is on disk.
pub(crate) fn append(keyring: &Path, erasure: &ErasureRow) -> io::Result<()> {
    append_receipt(&erasures_path(keyring), &erasure.receipt)
}

/// Appends one receipt; makes the file with mode 0600.
fn append_receipt(path: &Path, note: &str) -> io::Result<()> {
    let mut text = serde_json::to_string(&Line { receipt: note.to_owned() }).map_err(io::Error::other)?;
    text.push('\n');
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if is_torn(&mut file)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// Whether the last line was cut short by a crash.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0_u8; 1];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The receipts with a right signature in the order of the file, and how many lines had none.
pub(crate) fn read(path: &Path, verifiers: &[NoteVerifier]) -> io::Result<(Vec<SignedErasure>, u64)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let (mut found, mut ignored) = (Vec::new(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok((found, ignored));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let note = serde_json::from_slice::<Line>(&line).ok().map(|line| line.receipt);
        match note.and_then(|note| {
            receipt::verify(&note, verifiers).ok().map(|receipt| SignedErasure { receipt, note })
        }) {
            Some(erasure) => found.push(erasure),
            None => ignored += 1,
        }
    }
}

impl App {
    /// The erasures of the file, and how many lines were not signed by this vault.
    pub(crate) fn noted_erasures(&self) -> Result<(Vec<SignedErasure>, u64), AppError> {
        let unsealed = self.unsealed()?;
        let verifiers = unsealed.keyring.note_verifiers(unsealed.keyring.log_name());
        read(&erasures_path(&self.inner.keyring_path), &verifiers).map_err(|error| unavailable(&error))
    }

    /// Notes every erasure of the database that the file does not have; gives how many those were.
    pub(crate) async fn note_missing_erasures(&self) -> Result<u64, AppError> {
        let noted = self.noted_erasures()?.0;
        let known: BTreeSet<(SubjectId, TimeMs)> =
            noted.iter().map(|erasure| (erasure.receipt.subject, erasure.receipt.erased_at)).collect();
        let (mut after, mut added) = (None, 0);
        loop {
            let page = self.store().page_erasures(SHOP, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(added) };
            after = Some(last.subject);
            for row in page.iter().filter(|row| !known.contains(&(row.subject, row.at))) {
                append(&self.inner.keyring_path, row).map_err(|error| unavailable(&error))?;
                added += 1;
            }
        }
    }
}

fn unavailable(error: &io::Error) -> AppError {
    AppError::Unavailable { what: format!("the file of erasures: {}", error.kind()) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kluis_crypto::{Keyring, SystemRandom};
    use kluis_model::ClassSet;

    use super::*;

    fn example(keyring: &Keyring, number: u8) -> String {
        let receipt = ErasureReceipt {
            shop: SHOP,
            subject: SubjectId::from_bytes([number; 16]),
            erased_at: TimeMs(5),
            classes: ClassSet::ALL,
            kept: Vec::new(),
            backups_unreadable_from: TimeMs(9),
            epoch: 1,
        };
        receipt::sign(keyring, &receipt)
    }

    #[test]
    fn only_receipts_signed_by_this_vault_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = erasures_path(&dir.path().join("keyring"));
        let ours = Keyring::generate(SHOP, "node", TimeMs(0), &SystemRandom);
        let other = Keyring::generate(SHOP, "node", TimeMs(0), &SystemRandom);
        let verifiers = ours.note_verifiers(ours.log_name());
        assert!(read(&path, &verifiers).unwrap().0.is_empty());
        append_receipt(&path, &example(&ours, 1)).unwrap();
        append_receipt(&path, &example(&other, 2)).unwrap();
        append_receipt(&path, &example(&ours, 3).replace("0303", "0404")).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{}\nnull\n\xff\xfe\n{\"receipt\":\"to").unwrap();
        append_receipt(&path, &example(&ours, 5)).unwrap();
        let (found, ignored) = read(&path, &verifiers).unwrap();
        let subjects: Vec<_> = found.iter().map(|erasure| erasure.receipt.subject.as_bytes()[0]).collect();
        assert_eq!((subjects, ignored), (vec![1, 5], 6));
    }
}
