//! Proofs for a stranger: that an entry is in a log, that a log only grew; and the log as C2SP tiles.

use kluis_crypto::merkle::{Hash, consistency_proof, inclusion_proof, leaf_hash};
use kluis_crypto::note::Checkpoint;
use kluis_crypto::tiles::{TILE_WIDTH, encode_entries};
use kluis_model::{Actor, Operation, Outcome};
use serde::Serialize;

use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// Proof that an entry is in a log; everything a stranger needs to check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The log.
    pub log: String,
    /// The entry's number, from 0.
    pub index: u64,
    /// The leaves under the checkpoint.
    pub size: u64,
    /// The entry as it was written; its hash is SHA-256(0x00 ‖ these bytes).
    pub leaf: String,
    /// That hash in hexadecimal.
    pub leaf_hash: String,
    /// The hashes from the leaf to the root (RFC 6962 §2.1.1), in hexadecimal.
    pub hashes: Vec<String>,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    pub checkpoint: String,
    /// The verifier key of its signature (C2SP signed-note).
    pub verifier: String,
}

/// Proof that a log of some size is the beginning of a larger one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsistencyProof {
    /// The log.
    pub log: String,
    /// The smaller size.
    pub from: u64,
    /// The larger size.
    pub to: u64,
    /// The hashes (RFC 6962 §2.1.2), in hexadecimal.
    pub hashes: Vec<String>,
}

impl App {
    /// Proof that entry `seq` is in a log.
    ///
    /// # Errors
    /// `Denied`, `NotFound`, or `Integrity` when the log contradicts itself.
    pub async fn proof(&self, actor: &Actor, log: &str, seq: u64) -> Result<Proof, AppError> {
        let ask = Ask::new(Operation::AuditRead);
        self.allow(actor, &ask).await?;
        let leaf = self.store().leaf(log, seq).await?.ok_or(AppError::NotFound)?;
        let done = Done { count: 1, reason: Some("proof"), ..Done::default() };
        self.write_leaf(actor, &ask, Outcome::Ok, &done).await?;
        let newest = self.store().latest_checkpoint(log).await?;
        let note = match newest.filter(|row| row.size > seq) {
            Some(row) => row.note,
            None => self.checkpoint_log(log).await?,
        };
        let verifiers = self.unsealed()?.keyring.note_verifiers(log);
        let signed = Checkpoint::verify(&note, &verifiers)
            .map_err(|_| AppError::integrity(format!("checkpoints {log} note")))?;
        let hashes = self.log_proof(log, |source| inclusion_proof(seq, signed.size, source)).await?;
        let signer = verifiers.iter().find(|verifier| verifier.verify(&note).is_ok());
        Ok(Proof {
            log: log.to_owned(),
            index: seq,
            size: signed.size,
            leaf_hash: hex(&leaf_hash(&leaf.bytes)),
            leaf: String::from_utf8(leaf.bytes)
                .map_err(|_| AppError::integrity(format!("leaves {log} {seq}")))?,
            hashes: hashes.iter().map(hex).collect(),
            checkpoint: note,
            verifier: signer.map(ToString::to_string).unwrap_or_default(),
        })
    }

    /// Proof that a log with `from` leaves is the beginning of the one with `to` leaves.
    ///
    /// # Errors
    /// `Denied`, or `NotFound` when the sizes are not in the log.
    pub async fn consistency(
        &self,
        actor: &Actor,
        log: &str,
        from: u64,
        to: u64,
    ) -> Result<ConsistencyProof, AppError> {
        self.allow(actor, &Ask::new(Operation::AuditRead)).await?;
        let size = self.store().log_head(log).await?.map_or(0, |head| head.size);
        if from > to || to > size {
            return Err(AppError::NotFound);
        }
        let hashes = self.log_proof(log, |source| consistency_proof(from, to, source)).await?;
        Ok(ConsistencyProof { log: log.to_owned(), from, to, hashes: hashes.iter().map(hex).collect() })
    }

    /// The bytes of a hash tile (C2SP tlog-tiles); hashes only, no entry.
    ///
    /// # Errors
    /// `Denied`, or `NotFound` when the log is not that long.
    pub async fn tile(
        &self,
        actor: &Actor,
        log: &str,
        level: u8,
        index: u64,
        width: u16,
    ) -> Result<Vec<u8>, AppError> {
        self.allow(actor, &Ask::new(Operation::AuditRead)).await?;
        let height = level.checked_mul(8).filter(|height| *height <= 24).ok_or(AppError::NotFound)?;
        let from = index.checked_mul(u64::from(TILE_WIDTH)).ok_or(AppError::NotFound)?;
        let size = self.store().log_head(log).await?.map_or(0, |head| head.size);
        if width == 0 || width > TILE_WIDTH || from.saturating_add(u64::from(width)) > size >> height {
            return Err(AppError::NotFound);
        }
        let hashes = self.store().log_nodes(log, height, from, u32::from(width)).await?;
        if hashes.len() != usize::from(width) {
            return Err(AppError::integrity(format!("log {log} misses nodes of level {height}")));
        }
        Ok(hashes.concat())
    }

    /// The bytes of an entry bundle (C2SP tlog-tiles): up to 256 entries.
    ///
    /// # Errors
    /// `Denied`, or `NotFound` when the log is not that long.
    pub async fn entries_tile(
        &self,
        actor: &Actor,
        log: &str,
        index: u64,
        width: u16,
    ) -> Result<Vec<u8>, AppError> {
        self.allow(actor, &Ask::new(Operation::AuditRead)).await?;
        let from = index.checked_mul(u64::from(TILE_WIDTH)).ok_or(AppError::NotFound)?;
        if width == 0 || width > TILE_WIDTH {
            return Err(AppError::NotFound);
        }
        let leaves = self.store().leaves(log, from, u32::from(width)).await?;
        if leaves.len() != usize::from(width) || leaves[0].seq != from {
            return Err(AppError::NotFound);
        }
        let bytes: Vec<&[u8]> = leaves.iter().map(|leaf| leaf.bytes.as_slice()).collect();
        encode_entries(&bytes).map_err(AppError::internal)
    }
}

fn hex(hash: &Hash) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
