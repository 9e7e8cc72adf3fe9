//! The log as files (C2SP tlog-tiles): paths of tiles and entry bundles, their bytes, and proofs out of tile-level nodes.

use thiserror::Error;

use crate::merkle::{Hash, MerkleError, NodeSource, TREE_SIZE_MAX, node_hash};

/// Height of a tile: it holds up to 2⁸ hashes.
pub const TILE_HEIGHT: u8 = 8;
/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Highest tile level of a tree of [`TREE_SIZE_MAX`] leaves.
pub const TILE_LEVEL_MAX: u8 = 7;
/// Longest path that is looked at, in bytes.
const PATH_BYTES_MAX: usize = 64;
/// Highest index of a tile: that of the last leaf's tile in the largest tree.
const INDEX_MAX: u64 = (TREE_SIZE_MAX - 1) >> TILE_HEIGHT;

/// Why a path or bundle is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TileError {
    /// The path is not that of a tile.
    #[error("not a tile path: expected tile/<level>/<number> or tile/entries/<number>")]
    Path,
    /// An entry is longer than 65535 bytes, or there are more than 256.
    #[error("the entries do not fit into a bundle")]
    Entries,
    /// The bytes end early or late.
    #[error("the entry bundle is malformed")]
    Bundle,
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes of the subtrees of height 8 × the level.
    Hashes {
        /// 0 to [`TILE_LEVEL_MAX`].
        level: u8,
    },
    /// The leaves themselves.
    Entries,
}

/// One tile: which, and how wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: TileKind,
    /// Its place at its level.
    pub index: u64,
    /// 1 to [`TILE_WIDTH`]; less than that is a partial tile.
    pub width: u16,
}

impl Tile {
    /// Returns the widest tile at this place in a tree of `size` leaves, or `None` when there is none.
    pub fn of_size(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let level = match kind {
            TileKind::Hashes { level } if level <= TILE_LEVEL_MAX => level,
            TileKind::Hashes { .. } => return None,
            TileKind::Entries => 0,
        };
        let nodes = size >> (TILE_HEIGHT * level);
        let first = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = nodes.checked_sub(first)?.min(u64::from(TILE_WIDTH)) as u16;
        (width > 0).then_some(Self { kind, index, width })
    }

    /// Returns the path, `tile/0/x001/234.p/5`.
    pub fn path(&self) -> String {
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let what = match self.kind {
            TileKind::Hashes { level } => level.to_string(),
            TileKind::Entries => "entries".to_owned(),
        };
        let partial = if self.width < TILE_WIDTH { format!(".p/{}", self.width) } else { String::new() };
        format!("tile/{what}/{number}{partial}")
    }

    /// Reads a path; exactly the spelling of [`Tile::path`].
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let wrong = TileError::Path;
        if path.len() > PATH_BYTES_MAX {
            return Err(wrong);
        }
        let (what, rest) = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(wrong)?;
        let kind = match what {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes { level: level.parse().map_err(|_| wrong)? },
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().map_err(|_| wrong)?),
            None => (rest, TILE_WIDTH),
        };
        let mut index: u64 = 0;
        for group in number.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let value: u64 = digits.parse().map_err(|_| wrong)?;
            index = index.checked_mul(1000).and_then(|index| index.checked_add(value)).ok_or(wrong)?;
        }
        let tile = Self { kind, index, width };
        let level_fits = !matches!(kind, TileKind::Hashes { level } if level > TILE_LEVEL_MAX);
        let fits = level_fits && index <= INDEX_MAX && (1..=TILE_WIDTH).contains(&width);
        // One spelling only: what is written back must be what was read.
        if fits && tile.path() == path { Ok(tile) } else { Err(wrong) }
    }

    /// Returns the bytes of a hash tile: its nodes' hashes one after the other; empty for entries.
    ///
    /// # Errors
    /// When `source` misses a node.
    pub fn hashes(&self, source: &mut dyn NodeSource) -> Result<Vec<u8>, MerkleError> {
        let TileKind::Hashes { level } = self.kind else { return Ok(Vec::new()) };
        if level > TILE_LEVEL_MAX || self.index > INDEX_MAX {
            return Err(MerkleError::Range);
        }
        let level = level * TILE_HEIGHT;
        let first = self.index * u64::from(TILE_WIDTH);
        let mut out = Vec::with_capacity(usize::from(self.width) * 32);
        for index in first..first + u64::from(self.width.min(TILE_WIDTH)) {
            let hash = source.node(level, index).ok_or(MerkleError::Missing { level, index })?;
            out.extend_from_slice(&hash);
        }
        Ok(out)
    }
}

/// Returns the bundle of up to 256 leaves: each behind its length in two bytes.
///
/// # Errors
/// When there are more, or one is longer than 65535 bytes.
pub fn encode_entries<T: AsRef<[u8]>>(leaves: &[T]) -> Result<Vec<u8>, TileError> {
    if leaves.len() > usize::from(TILE_WIDTH) {
        return Err(TileError::Entries);
    }
    let mut out = Vec::with_capacity(leaves.iter().map(|leaf| leaf.as_ref().len() + 2).sum());
    for leaf in leaves {
        let length = u16::try_from(leaf.as_ref().len()).map_err(|_| TileError::Entries)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(leaf.as_ref());
    }
    Ok(out)
}

/// Returns the `width` leaves of a bundle.
///
/// # Errors
/// When the bytes hold fewer or more.
pub fn decode_entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let mut rest = bundle;
    let mut leaves = Vec::with_capacity(usize::from(width.min(TILE_WIDTH)));
    for _ in 0..width {
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(TileError::Bundle)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (leaf, tail) = tail.split_at_checked(length).ok_or(TileError::Bundle)?;
        leaves.push(leaf);
        rest = tail;
    }
    if rest.is_empty() { Ok(leaves) } else { Err(TileError::Bundle) }
}

/// Gives proofs every node out of those at levels 0, 8, 16, …, which is all that tiles hold.
///
/// A node in between costs at most 128 look-ups and 127 hashes.
pub struct TileNodes<S>(pub S);

impl<S: NodeSource> NodeSource for TileNodes<S> {
    fn node(&mut self, level: u8, index: u64) -> Option<Hash> {
        let within = level % TILE_HEIGHT;
        if within == 0 {
            return self.0.node(level, index);
        }
        let first = index.checked_mul(1 << within)?;
        let last = first.checked_add(1 << within)?;
        let mut hashes: Vec<Hash> = Vec::with_capacity(1 << within);
        for below in first..last {
            hashes.push(self.0.node(level - within, below)?);
        }
        while hashes.len() > 1 {
            hashes = hashes.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        hashes.pop()
    }
}
