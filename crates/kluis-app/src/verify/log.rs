//! The first pass: every log's tree rebuilt from its leaves and compared with all that was ever said about it.

use kluis_crypto::merkle::{Frontier, Hash, leaf_hash};
use kluis_crypto::note::{Checkpoint, NoteVerifier};
use kluis_model::audit::Leaf;
use kluis_store::LeafRow;

use super::{Check, FindingKind};
use crate::audit::{FileCheckpoint, file_checkpoints};
use crate::audit_file::{self, checkpoints_path};
use crate::{AppError, Step};

/// Leaves read in one go.
const PAGE: u32 = 4_096;
/// Heights of the subtrees whose hashes are stored.
const STORED_LEVELS: [u8; 3] = [8, 16, 24];

/// How far one log was read.
pub(crate) struct LogCheck {
    log: String,
    /// The tree of the leaves read so far.
    frontier: Frontier,
    /// Signed roots by size, ascending; those at or below the frontier's size are done.
    signed: Vec<(u64, Hash, &'static str)>,
    signed_done: usize,
    /// A leaf is missing or the tree is wrong already: what follows is a consequence.
    broken: bool,
}

/// A node of the tree that became complete, at one of the stored heights.
struct Node {
    level: u8,
    index: u64,
    hash: Hash,
}

impl Check<'_> {
    /// Reads all logs from the beginning.
    pub(crate) async fn read_logs(&mut self) -> Result<(), AppError> {
        let lines = audit_file::read(&checkpoints_path(&self.app.inner.data_dir)).map_err(|error| {
            AppError::Unavailable { what: format!("the checkpoint file: {}", error.kind()) }
        })?;
        let mut names = self.app.store().log_names().await?;
        for line in &lines {
            if !names.contains(&line.log) {
                names.push(line.log.clone());
            }
        }
        let keyring = self.app.unsealed()?;
        for log in names {
            let verifiers = keyring.keyring.note_verifiers(&log);
            let signed = self.signed_roots(&log, &lines, &verifiers).await?;
            self.logs.push(LogCheck {
                log,
                frontier: Frontier::new(),
                signed,
                signed_done: 0,
                broken: false,
            });
        }
        self.report.logs = self.logs.len() as u64;
        self.read_on().await?;
        for place in 0..self.logs.len() {
            self.end_of_log(place).await?;
        }
        Ok(())
    }

    /// Reads what was appended to the logs since, and the logs of nodes that are new.
    pub(crate) async fn read_on(&mut self) -> Result<(), AppError> {
        for log in self.app.store().log_names().await? {
            if !self.logs.iter().any(|known| known.log == log) {
                let frontier = Frontier::new();
                self.logs.push(LogCheck { log, frontier, signed: Vec::new(), signed_done: 0, broken: false });
            }
        }
        for place in 0..self.logs.len() {
            let mut log = self.logs.swap_remove(place);
            let read = self.read_log(&mut log).await;
            self.logs.push(log);
            let last = self.logs.len() - 1;
            self.logs.swap(place, last);
            read?;
        }
        Ok(())
    }

    /// The roots that were signed of a log; forged ones are findings at once.
    async fn signed_roots(
        &mut self,
        log: &str,
        lines: &[audit_file::CheckpointLine],
        verifiers: &[NoteVerifier],
    ) -> Result<Vec<(u64, Hash, &'static str)>, AppError> {
        let mut signed = Vec::new();
        for known in file_checkpoints(lines, log, verifiers) {
            self.report.checkpoints += 1;
            match known {
                FileCheckpoint::Signed { size, root } => signed.push((size, root, "file")),
                FileCheckpoint::Forged { size } => {
                    self.findings.add(
                        FindingKind::CheckpointForged,
                        format!("checkpoint file, log {log}, size {size}"),
                    );
                }
            }
        }
        for row in self.app.store().checkpoints(log).await? {
            self.report.checkpoints += 1;
            match Checkpoint::verify(&row.note, verifiers) {
                Ok(known) if known.size == row.size => signed.push((known.size, known.root, "database")),
                _ => {
                    let place = format!("checkpoints, log {log}, size {}", row.size);
                    self.findings.add(FindingKind::CheckpointForged, place);
                }
            }
        }
        signed.sort_unstable_by_key(|(size, _, _)| *size);
        Ok(signed)
    }

    /// Reads a log from where it was left to its present end.
    async fn read_log(&mut self, check: &mut LogCheck) -> Result<(), AppError> {
        let Some(head) = self.app.store().log_head(&check.log).await? else { return Ok(()) };
        while check.frontier.size() < head.size && !check.broken {
            let left = u32::try_from(head.size - check.frontier.size()).unwrap_or(u32::MAX);
            let rows = self.app.store().leaves(&check.log, check.frontier.size(), left.min(PAGE)).await;
            let rows = match rows {
                Ok(rows) => rows,
                Err(kluis_store::StoreError::Integrity { row, .. }) => {
                    self.findings.add(FindingKind::LeafColumns, format!("leaves, {row}"));
                    check.broken = true;
                    break;
                }
                Err(other) => return Err(other.into()),
            };
            if rows.is_empty() {
                self.missing(check, check.frontier.size());
                break;
            }
            let nodes = self.take_leaves(check, &rows);
            self.compare_nodes(&check.log, &nodes).await?;
            self.report.leaves += rows.len() as u64;
            (self.progress)(Step { what: "leaves", done: check.frontier.size(), total: Some(head.size) });
        }
        if !check.broken && head.frontier != check.frontier.encode() {
            self.findings
                .add(FindingKind::HeadWrong, format!("log_head, log {}, size {}", check.log, head.size));
            check.broken = true;
        }
        Ok(())
    }

    fn missing(&mut self, check: &mut LogCheck, seq: u64) {
        self.findings.add(FindingKind::LeafMissing, format!("leaves, log {}, entry {seq}", check.log));
        check.broken = true;
    }

    /// Adds leaves to the tree and the replay; gives the nodes that became complete.
    fn take_leaves(&mut self, check: &mut LogCheck, rows: &[LeafRow]) -> Vec<Node> {
        let mut nodes = Vec::new();
        self.compare_signed(check);
        for row in rows {
            let seq = check.frontier.size();
            if row.seq != seq {
                self.missing(check, seq);
                return nodes;
            }
            match Leaf::decode(&row.bytes) {
                Ok(leaf) => {
                    if !columns_agree(row, &leaf) {
                        self.findings
                            .add(FindingKind::LeafColumns, format!("leaves, log {}, entry {seq}", check.log));
                    }
                    self.replay.apply(&leaf);
                }
                Err(_) => {
                    self.findings
                        .add(FindingKind::LeafMalformed, format!("leaves, log {}, entry {seq}", check.log));
                }
            }
            check.frontier.push_recording(leaf_hash(&row.bytes), &mut |level, index, hash| {
                if STORED_LEVELS.contains(&level) {
                    nodes.push(Node { level, index, hash: *hash });
                }
            });
            self.compare_signed(check);
        }
        nodes
    }

    /// Compares the tree with what was signed at exactly this size.
    fn compare_signed(&mut self, check: &mut LogCheck) {
        let size = check.frontier.size();
        while let Some((signed, root, place)) = check.signed.get(check.signed_done).copied() {
            if signed > size {
                return;
            }
            if signed == size && root != check.frontier.root() {
                let place = format!("{place}, log {}, size {size}", check.log);
                self.findings.add(FindingKind::CheckpointWrong, place);
            }
            check.signed_done += 1;
        }
    }

    async fn compare_nodes(&mut self, log: &str, nodes: &[Node]) -> Result<(), AppError> {
        for level in STORED_LEVELS {
            let of_level: Vec<&Node> = nodes.iter().filter(|node| node.level == level).collect();
            let Some(first) = of_level.first().map(|node| node.index) else { continue };
            let limit = u32::try_from(of_level.len()).unwrap_or(u32::MAX);
            let stored = self.app.store().log_nodes(log, level, first, limit).await?;
            for (place, node) in of_level.iter().enumerate() {
                if stored.get(place) != Some(&node.hash) {
                    let place = format!("log_node, log {log}, level {level}, index {}", node.index);
                    self.findings.add(FindingKind::NodeWrong, place);
                }
            }
        }
        Ok(())
    }

    /// What can be said only at the end: signed sizes that the log does not reach, leaves beyond it.
    async fn end_of_log(&mut self, place: usize) -> Result<(), AppError> {
        let check = &self.logs[place];
        let size = check.frontier.size();
        let largest = check.signed.last().filter(|(signed, _, _)| *signed > size);
        if let (Some((signed, _, _)), false) = (largest, check.broken) {
            let place = format!("log {}, {size} entries, {signed} were signed", check.log);
            self.findings.add(FindingKind::LogShortened, place);
        }
        let beyond = self.app.store().count_leaves_beyond(&check.log).await?;
        if beyond > 0 {
            self.findings
                .add(FindingKind::LeafBeyond, format!("leaves, log {}, {beyond} entries", check.log));
        }
        Ok(())
    }
}

/// Whether the columns beside a leaf, by which it is found, say what the leaf says.
fn columns_agree(row: &LeafRow, leaf: &Leaf) -> bool {
    row.time == leaf.time
        && row.shop == leaf.shop
        && row.subject == leaf.subject
        && row.actor == leaf.actor
        && row.operation == leaf.operation
        && row.outcome == leaf.outcome
}
