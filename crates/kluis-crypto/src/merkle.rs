//! The Merkle tree of the audit log: RFC 6962 §2.1 hashes, a frontier to append to, proofs and their checks.
//!
//! A node is named by `(level, index)`: the complete subtree over leaves
//! `index << level .. (index + 1) << level`. Level 0 are the leaf hashes.

use thiserror::Error;

use crate::digest::{Sha256, sha256};

/// A leaf, node or root hash (SHA-256).
pub type Hash = [u8; 32];

/// Most leaves a tree may have here; index arithmetic stays within 64 bits.
pub const TREE_SIZE_MAX: u64 = 1 << 62;

/// Why hashes do not prove what they should, or a proof cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MerkleError {
    /// The index is not in the tree, or the smaller tree is larger than the larger one.
    #[error("the entry or tree size lies outside the tree")]
    Range,
    /// The proof has the wrong number of hashes for these sizes.
    #[error("the proof has the wrong length")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the signed root")]
    Mismatch,
    /// A node's hash is not available from the source.
    #[error("the log misses the hash of node {index} at level {level}")]
    Missing {
        /// Height of the missing subtree.
        level: u8,
        /// Place of the subtree at that height.
        index: u64,
    },
    /// The bytes of a frontier do not fit its size.
    #[error("the stored frontier is malformed")]
    Frontier,
}

/// Returns the hash of a leaf: SHA-256(0x00 ‖ data), RFC 6962 §2.1.
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(&[0]);
    hash.update(data);
    hash.finish()
}

/// Returns the hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// Returns the root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(b"")
}

/// The hashes of the complete subtrees a tree of some size consists of, largest first.
///
/// That is all a log must remember to append: at most 62 hashes (2 KiB).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

impl Frontier {
    /// Returns the frontier of the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_recording(leaf, &mut |_, _, _| {});
    }

    /// Appends a leaf and reports every node that became complete, from the leaf upwards.
    ///
    /// Storing what is reported gives a [`NodeSource`] for every tree size up to this one.
    pub fn push_recording(&mut self, leaf: Hash, record: &mut dyn FnMut(u8, u64, &Hash)) {
        let index = self.size;
        let mut hash = leaf;
        record(0, index, &hash);
        for level in 1..=index.trailing_ones() as u8 {
            // Invariant: a frontier has one node per set bit of its size.
            let Some(left) = self.nodes.pop() else { break };
            hash = node_hash(&left, &hash);
            record(level, index >> level, &hash);
        }
        self.nodes.push(hash);
        self.size += 1;
    }

    /// Returns the root hash.
    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev();
        let Some(smallest) = nodes.next() else { return empty_root() };
        nodes.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// Returns the bytes to store: the size (8, big endian) and one hash per set bit of it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 32 * self.nodes.len());
        out.extend_from_slice(&self.size.to_be_bytes());
        for node in &self.nodes {
            out.extend_from_slice(node);
        }
        out
    }

    /// Parses the bytes of [`Frontier::encode`]; anything else is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, MerkleError> {
        let (size, hashes) = bytes.split_first_chunk::<8>().ok_or(MerkleError::Frontier)?;
        let size = u64::from_be_bytes(*size);
        if size > TREE_SIZE_MAX || hashes.len() != 32 * size.count_ones() as usize {
            return Err(MerkleError::Frontier);
        }
        let nodes = hashes.as_chunks::<32>().0.to_vec();
        Ok(Self { size, nodes })
    }

    /// Returns the frontier of the first `size` leaves of a log whose nodes `source` knows.
    pub fn load(size: u64, source: &mut dyn NodeSource) -> Result<Self, MerkleError> {
        if size > TREE_SIZE_MAX {
            return Err(MerkleError::Range);
        }
        let nodes = subtrees(0, size).map(|(level, index)| get(source, level, index));
        Ok(Self { size, nodes: nodes.collect::<Result<_, _>>()? })
    }
}

/// Where proofs get the hashes of complete subtrees from.
pub trait NodeSource {
    /// Returns the hash of a complete subtree, or `None` when it is not there.
    fn node(&mut self, level: u8, index: u64) -> Option<Hash>;
}

impl<F: FnMut(u8, u64) -> Option<Hash>> NodeSource for F {
    fn node(&mut self, level: u8, index: u64) -> Option<Hash> {
        self(level, index)
    }
}

/// Returns the hashes that prove leaf `index` to be in the tree of `size` leaves, RFC 9162 §2.1.3.1.
pub fn inclusion_proof(index: u64, size: u64, source: &mut dyn NodeSource) -> Result<Vec<Hash>, MerkleError> {
    if index >= size || size > TREE_SIZE_MAX {
        return Err(MerkleError::Range);
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + largest_power_below(high - low);
        if index < middle {
            path.push((middle, high));
            high = middle;
        } else {
            path.push((low, middle));
            low = middle;
        }
    }
    path.iter().rev().map(|(low, high)| range_hash(*low, *high, source)).collect()
}

/// Returns the hashes that prove the tree of `old` leaves to be a prefix of that of `new` leaves.
///
/// RFC 9162 §2.1.4.1; empty for `old` = 0 and for equal sizes.
pub fn consistency_proof(old: u64, new: u64, source: &mut dyn NodeSource) -> Result<Vec<Hash>, MerkleError> {
    if old > new || new > TREE_SIZE_MAX {
        return Err(MerkleError::Range);
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut low, mut high) = (0, new);
    let mut path = Vec::new();
    while high > old {
        let middle = low + largest_power_below(high - low);
        if old <= middle {
            path.push((middle, high));
            high = middle;
        } else {
            path.push((low, middle));
            low = middle;
        }
    }
    // The old tree's own last subtree is known to the verifier only when it is the whole old tree.
    if low > 0 {
        path.push((low, high));
    }
    path.iter().rev().map(|(low, high)| range_hash(*low, *high, source)).collect()
}

/// Checks that `leaf` is entry `index` of the tree of `size` leaves with root `root`, RFC 9162 §2.1.3.2.
pub fn verify_inclusion(
    leaf: &Hash,
    (index, size): (u64, u64),
    proof: &[Hash],
    root: &Hash,
) -> Result<(), MerkleError> {
    if index >= size || size > TREE_SIZE_MAX {
        return Err(MerkleError::Range);
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(MerkleError::Length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            let climb = if place & 1 == 1 { 0 } else { place.trailing_zeros().min(63) };
            (place, last) = (place >> climb, last >> climb);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last != 0 {
        return Err(MerkleError::Length);
    }
    if hash == *root { Ok(()) } else { Err(MerkleError::Mismatch) }
}

/// Checks that the tree `old` = (size, root) is a prefix of the tree `new`, RFC 9162 §2.1.4.2.
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> Result<(), MerkleError> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size || new_size > TREE_SIZE_MAX {
        return Err(MerkleError::Range);
    }
    if old_size == 0 || old_size == new_size {
        let expected = if old_size == 0 { &empty_root() } else { new_root };
        return match (proof.is_empty(), old_root == expected) {
            (false, _) => Err(MerkleError::Length),
            (true, false) => Err(MerkleError::Mismatch),
            (true, true) => Ok(()),
        };
    }
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(MerkleError::Length)?
    };
    let climb = (old_size - 1).trailing_ones();
    let (mut place, mut last) = ((old_size - 1) >> climb, (new_size - 1) >> climb);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(MerkleError::Length);
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            let climb = if place & 1 == 1 { 0 } else { place.trailing_zeros().min(63) };
            (place, last) = (place >> climb, last >> climb);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last != 0 {
        return Err(MerkleError::Length);
    }
    if old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(MerkleError::Mismatch) }
}

/// Returns the hash over leaves `low..high`, where `low` is a multiple of the range's largest subtree.
fn range_hash(low: u64, high: u64, source: &mut dyn NodeSource) -> Result<Hash, MerkleError> {
    let frontier: Vec<_> = subtrees(low, high).collect();
    let mut hash = None;
    for (level, index) in frontier.into_iter().rev() {
        let left = get(source, level, index)?;
        hash = Some(hash.map_or(left, |right| node_hash(&left, &right)));
    }
    Ok(hash.unwrap_or_else(empty_root))
}

/// Names the complete subtrees that leaves `low..high` consist of, largest first.
fn subtrees(low: u64, high: u64) -> impl Iterator<Item = (u8, u64)> {
    let mut at = low;
    std::iter::from_fn(move || {
        let level = (high - at).checked_ilog2()?;
        let node = (level as u8, at >> level);
        at += 1 << level;
        Some(node)
    })
}

fn get(source: &mut dyn NodeSource, level: u8, index: u64) -> Result<Hash, MerkleError> {
    source.node(level, index).ok_or(MerkleError::Missing { level, index })
}

/// Returns the largest power of two smaller than `count`, which is at least 2 (RFC 6962 §2.1's k).
fn largest_power_below(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}
