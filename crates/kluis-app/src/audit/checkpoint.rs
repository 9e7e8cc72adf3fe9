//! Signed checkpoints of the logs: made only when the log extends the one signed before, kept in the database and in a file outside it.

use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use kluis_crypto::merkle::{Frontier, Hash, MerkleError, NodeSource, consistency_proof, verify_consistency};
use kluis_crypto::note::{Checkpoint, NoteVerifier, verify_any};
use kluis_model::{Actor, Operation, Outcome, TimeMs};
use kluis_store::CheckpointRow;
use parking_lot::Mutex;

use crate::audit_file::{self, CheckpointLine, RESTORED, checkpoints_path};
use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// The size and root that were signed last, per log.
#[derive(Default)]
pub(crate) struct CheckpointState {
    last: Mutex<HashMap<String, (u64, Hash)>>,
}

impl CheckpointState {
    /// Forgets what was signed, after a restore.
    pub(crate) fn clear(&self) {
        self.last.lock().clear();
    }
}

/// That a log was set back by a restore: checkpoints before it in the file count up to its size only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RestoreMark {
    /// The log.
    pub(crate) log: String,
    /// Its leaves after the restore.
    pub(crate) size: u64,
    /// Its root at that size.
    pub(crate) root: Hash,
}

impl RestoreMark {
    /// The text to sign.
    pub(crate) fn encode(&self, now: TimeMs) -> String {
        let root = BASE64_STANDARD.encode(self.root);
        format!("{RESTORED}\n{}\n{}\n{root}\n{now}\n", self.log, self.size)
    }

    /// Reads a signed text, if it is one.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut lines = text.strip_prefix(RESTORED)?.strip_prefix('\n')?.lines();
        let (log, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = BASE64_STANDARD.decode(root).ok()?.try_into().ok()?;
        Some(Self { log: log.to_owned(), size: size.parse().ok()?, root })
    }
}

/// A signed statement about a log, out of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileCheckpoint {
    /// The log had this root at this size.
    Signed { size: u64, root: Hash },
    /// The line's signature does not hold.
    Forged { size: u64 },
}

/// The statements of the file about one log that count: those after the last restore, and those
/// before it up to the size it went back to.
pub(crate) fn file_checkpoints(
    lines: &[CheckpointLine],
    log: &str,
    verifiers: &[NoteVerifier],
) -> Vec<FileCheckpoint> {
    let mut found: Vec<FileCheckpoint> = Vec::new();
    for line in lines.iter().filter(|line| line.log == log) {
        let Ok((text, _)) = verify_any(&line.note, verifiers) else {
            found.push(FileCheckpoint::Forged { size: line.size });
            continue;
        };
        if let Some(mark) = RestoreMark::decode(text).filter(|mark| mark.log == log) {
            found.retain(|known| matches!(known, FileCheckpoint::Signed { size, .. } if *size <= mark.size));
            found.push(FileCheckpoint::Signed { size: mark.size, root: mark.root });
        } else {
            found.push(match Checkpoint::decode(text) {
                Ok(signed) => FileCheckpoint::Signed { size: signed.size, root: signed.root },
                Err(_) => FileCheckpoint::Forged { size: line.size },
            });
        }
    }
    found
}

impl App {
    /// Signs this node's log as it is now, this entry included, and gives the signed note.
    ///
    /// # Errors
    /// `Denied`, `Sealed`, `Integrity` when the log does not extend what was signed before.
    pub async fn checkpoint(&self, actor: &Actor) -> Result<String, AppError> {
        let ask = Ask::new(Operation::Checkpoint);
        self.allow(actor, &ask).await?;
        self.write_leaf(actor, &ask, Outcome::Ok, &Done::default()).await?;
        self.make_checkpoint().await
    }

    /// The newest signed note of this node's log; anybody may have it.
    ///
    /// # Errors
    /// `NotFound` before the first one.
    pub async fn checkpoint_public(&self) -> Result<String, AppError> {
        self.checkpoint_of(self.node()).await
    }

    /// The newest signed note of a log; anybody may have it.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn checkpoint_of(&self, log: &str) -> Result<String, AppError> {
        let row = self.store().latest_checkpoint(log).await?;
        row.map(|row| row.note).ok_or(AppError::NotFound)
    }

    /// The key with which a stranger checks this node's checkpoints, as C2SP programs read it.
    ///
    /// # Errors
    /// `Sealed`.
    pub fn verifier_key(&self) -> Result<String, AppError> {
        self.verifier_key_of(self.node())
    }

    /// The key with which a stranger checks a log's checkpoints.
    ///
    /// # Errors
    /// `Sealed`.
    pub fn verifier_key_of(&self, log: &str) -> Result<String, AppError> {
        Ok(self.unsealed()?.keyring.note_signer(log).verifier().vkey())
    }

    /// The keys that signed this node's checkpoints and receipts before the present one, newest first.
    ///
    /// # Errors
    /// `Sealed`.
    pub fn earlier_verifier_keys(&self) -> Result<Vec<String>, AppError> {
        let verifiers = self.unsealed()?.keyring.note_verifiers(self.node());
        Ok(verifiers.iter().skip(1).map(kluis_crypto::NoteVerifier::vkey).collect())
    }

    /// Signs this node's log.
    pub(crate) async fn make_checkpoint(&self) -> Result<String, AppError> {
        self.checkpoint_log(self.node()).await
    }

    /// Signs this node's log when it grew since the last time, and the logs of other nodes that
    /// nobody signs any more.
    pub(crate) async fn make_checkpoint_if_grown(&self) -> Result<(), AppError> {
        const OTHERS_AFTER_MS: i64 = 5 * 60_000;
        for log in self.store().log_names().await? {
            let Some(head) = self.store().log_head(&log).await? else { continue };
            let newest = self.store().latest_checkpoint(&log).await?;
            let signed = newest.as_ref().map_or(0, |row| row.size);
            let age_ms = newest.map_or(i64::MAX, |row| self.now().0.saturating_sub(row.time.0));
            if head.size > signed && (log == self.node() || age_ms > OTHERS_AFTER_MS) {
                self.checkpoint_log(&log).await?;
            }
        }
        Ok(())
    }

    /// Signs a log as its head says, unless that contradicts what was signed before.
    pub(crate) async fn checkpoint_log(&self, log: &str) -> Result<String, AppError> {
        let unsealed = self.unsealed()?;
        let head = self.store().log_head(log).await?.ok_or(AppError::NotFound)?;
        let broken = || AppError::integrity(format!("log_head {log} frontier"));
        let frontier = Frontier::decode(&head.frontier).map_err(|_| broken())?;
        if frontier.size() != head.size {
            return Err(broken());
        }
        let (size, root) = (head.size, frontier.root());
        self.check_extends(log, size, root).await?;
        let signer = unsealed.keyring.note_signer(log);
        let note = Checkpoint { origin: signer.name().to_owned(), size, root }.sign(&signer);
        let row = CheckpointRow { log: log.to_owned(), size, time: self.now(), note: note.clone() };
        self.store().insert_checkpoint(&row).await?;
        self.append_to_file(&CheckpointLine { log: log.to_owned(), size, note: note.clone() })?;
        self.inner.checkpoints.last.lock().insert(log.to_owned(), (size, root));
        Ok(note)
    }

    /// Appends a signed line to the file outside the database.
    pub(crate) fn append_to_file(&self, line: &CheckpointLine) -> Result<(), AppError> {
        audit_file::append(&checkpoints_path(&self.inner.data_dir), line)
            .map_err(|error| AppError::Unavailable { what: format!("the checkpoint file: {}", error.kind()) })
    }

    /// Refuses a head that does not extend what was signed last: a log that was cut off, rolled
    /// back or rewritten is never signed again.
    async fn check_extends(&self, log: &str, size: u64, root: Hash) -> Result<(), AppError> {
        let known = self.inner.checkpoints.last.lock().get(log).copied();
        let known = match known {
            Some(known) => Some(known),
            None => self.signed_last(log).await?,
        };
        let Some((old_size, old_root)) = known else { return Ok(()) };
        if old_size > size {
            return Err(AppError::integrity(format!("log {log} has {size} leaves, {old_size} were signed")));
        }
        let proof = self.log_proof(log, |source| consistency_proof(old_size, size, source)).await?;
        verify_consistency((old_size, &old_root), (size, &root), &proof).map_err(|_| {
            AppError::integrity(format!("log {log} contradicts its checkpoint of {old_size} leaves"))
        })
    }

    /// The newest statement with a right signature, in the file or the database.
    async fn signed_last(&self, log: &str) -> Result<Option<(u64, Hash)>, AppError> {
        let verifiers = self.unsealed()?.keyring.note_verifiers(log);
        let lines = audit_file::read(&checkpoints_path(&self.inner.data_dir)).map_err(|error| {
            AppError::Unavailable { what: format!("the checkpoint file: {}", error.kind()) }
        })?;
        // The last right line decides: sizes grow, and a restore sets them back with a line of its own.
        let statement = |line: &CheckpointLine| {
            let (text, _) = verify_any(&line.note, &verifiers).ok()?;
            let mark = RestoreMark::decode(text).filter(|mark| mark.log == log);
            let signed = Checkpoint::decode(text).ok().map(|signed| (signed.size, signed.root));
            mark.map(|mark| (mark.size, mark.root)).or(signed)
        };
        let in_file = lines.iter().rev().filter(|line| line.log == log).find_map(statement);
        let row = self.store().latest_checkpoint(log).await?;
        let in_database = row.and_then(|row| Checkpoint::verify(&row.note, &verifiers).ok());
        let in_database = in_database.map(|signed| (signed.size, signed.root));
        Ok(in_file.into_iter().chain(in_database).max_by_key(|(size, _)| *size))
    }

    /// Runs a proof over the nodes of a log: once to see which it wants, once with them.
    pub(crate) async fn log_proof(
        &self,
        log: &str,
        proof: impl Fn(&mut dyn NodeSource) -> Result<Vec<Hash>, MerkleError> + Send,
    ) -> Result<Vec<Hash>, AppError> {
        let mut wanted = Vec::new();
        let mut ask = |level: u8, index: u64| {
            wanted.push((level, index));
            Some([0; 32])
        };
        proof(&mut ask).map_err(range)?;
        let mut nodes = HashMap::new();
        for (level, index) in wanted {
            if let Some(hash) = self.store().log_node(log, level, index).await? {
                nodes.insert((level, index), hash);
            }
        }
        let mut answer = |level: u8, index: u64| nodes.get(&(level, index)).copied();
        proof(&mut answer).map_err(|error| match error {
            MerkleError::Missing { level, index } => {
                AppError::integrity(format!("log {log} misses node {index} of level {level}"))
            }
            other => range(other),
        })
    }
}

fn range(error: MerkleError) -> AppError {
    match error {
        MerkleError::Range => AppError::NotFound,
        other => AppError::internal(other),
    }
}
