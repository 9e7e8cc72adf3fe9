//! The plaintext inside a backup: a first line, a header, rows behind their lengths, and an end that vouches for all of it.
//!
//! ```text
//! "klantkluis backup 1\n"  length(4) header JSON  (length(4) row)…  0(4)  length(4) end JSON
//! ```
//! The end holds the number of rows per table, SHA-256 over everything before it, and a MAC of
//! that digest under the vault's key: anybody can encrypt to a vault, only it can make a backup.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use kluis_crypto::{Sha256, ShopKeys};
use kluis_model::{ShopId, TimeMs};
use kluis_store::DumpRow;
use serde::{Deserialize, Serialize};

use crate::AppError;

const MAGIC: &[u8; 20] = b"klantkluis backup 1\n";
/// Longest header or end.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longest row.
const ROW_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The name under which the digest is MACed.
const TABLE: &str = "backup";

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// When it was made.
    pub(super) made: TimeMs,
    /// Of which shop.
    pub(super) shop: ShopId,
    /// By which node.
    pub(super) node: String,
    /// The newest key epoch then.
    pub(super) epoch: u32,
}

/// What stands behind the last row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    rows: u64,
    tables: BTreeMap<String, u64>,
    digest: [u8; 32],
    mac: [u8; 32],
}

/// Rows so far.
#[derive(Default)]
struct Counts {
    rows: u64,
    tables: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, table: &str) {
        self.rows += 1;
        match self.tables.get_mut(table) {
            Some(count) => *count += 1,
            None => {
                self.tables.insert(table.to_owned(), 1);
            }
        }
    }

    fn of(&self, table: &str) -> u64 {
        self.tables.get(table).copied().unwrap_or(0)
    }
}

/// A backup being written.
pub(super) struct Writing<W> {
    output: W,
    hash: Sha256,
    counts: Counts,
}

impl<W: Write> Writing<W> {
    pub(super) fn begin(output: W, header: &Header) -> io::Result<Self> {
        let mut writing = Self { output, hash: Sha256::new(), counts: Counts::default() };
        writing.put(MAGIC)?;
        writing.part(&serde_json::to_vec(header).map_err(io::Error::other)?)?;
        Ok(writing)
    }

    pub(super) fn row(&mut self, row: &DumpRow) -> io::Result<()> {
        self.counts.add(row.table);
        self.part(&row.encode())
    }

    pub(super) fn rows(&self) -> u64 {
        self.counts.rows
    }

    pub(super) fn rows_of(&self, table: &str) -> u64 {
        self.counts.of(table)
    }

    pub(super) fn end(mut self, keys: &ShopKeys) -> io::Result<W> {
        self.put(&[0; 4])?;
        let digest = self.hash.clone().finish();
        let mac = keys.row_mac(TABLE, &[&digest]);
        let end =
            End { rows: self.counts.rows, tables: std::mem::take(&mut self.counts.tables), digest, mac };
        self.part(&serde_json::to_vec(&end).map_err(io::Error::other)?)?;
        Ok(self.output)
    }

    /// What was written so far, for tests of broken backups.
    #[cfg(test)]
    pub(super) fn into_output(self) -> W {
        self.output
    }

    fn part(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.put(&length.to_be_bytes())?;
        self.put(bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.output.write_all(bytes)
    }
}

/// A backup being read; nothing of it is to be believed before [`Reading::check_end`].
pub(super) struct Reading<R> {
    input: R,
    hash: Sha256,
    counts: Counts,
    header: Header,
    at_end: bool,
}

impl<R: Read> Reading<R> {
    pub(super) fn begin(input: R) -> Result<Self, AppError> {
        let header = Header { made: TimeMs(0), shop: ShopId(0), node: String::new(), epoch: 0 };
        let mut reading =
            Self { input, hash: Sha256::new(), counts: Counts::default(), header, at_end: false };
        let mut magic = [0; MAGIC.len()];
        reading.take(&mut magic)?;
        if magic != *MAGIC {
            return Err(damaged());
        }
        let bytes = reading.part(HEAD_BYTES_MAX)?.ok_or_else(damaged)?;
        reading.header = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        Ok(reading)
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn rows(&self) -> u64 {
        self.counts.rows
    }

    pub(super) fn rows_of(&self, table: &str) -> u64 {
        self.counts.of(table)
    }

    pub(super) fn next_row(&mut self) -> Result<Option<DumpRow>, AppError> {
        if self.at_end {
            return Ok(None);
        }
        let Some(bytes) = self.part(ROW_BYTES_MAX)? else {
            self.at_end = true;
            return Ok(None);
        };
        let row = DumpRow::decode(&bytes).map_err(|_| damaged())?;
        self.counts.add(row.table);
        Ok(Some(row))
    }

    /// Checks the end, and that the stream really ends there.
    pub(super) fn check_end(&mut self, keys: &ShopKeys) -> Result<(), AppError> {
        if !self.at_end {
            return Err(damaged());
        }
        let digest = self.hash.clone().finish();
        let bytes = self.part(HEAD_BYTES_MAX)?.ok_or_else(damaged)?;
        let end: End = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let agrees = end.rows == self.counts.rows && end.tables == self.counts.tables && end.digest == digest;
        let mut more = [0; 1];
        let is_last = self.input.read(&mut more).is_ok_and(|count| count == 0);
        if agrees && is_last && keys.row_mac_matches(TABLE, &[&digest], &end.mac) {
            Ok(())
        } else {
            Err(damaged())
        }
    }

    /// The next part, or `None` for an empty one.
    fn part(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, AppError> {
        let mut length = [0; 4];
        self.take(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 {
            return Ok(None);
        }
        if length > bytes_max {
            return Err(damaged());
        }
        // Grown while it is read: a hostile length reserves nothing.
        let mut bytes = Vec::new();
        (&mut self.input).take(length as u64).read_to_end(&mut bytes).map_err(|_| damaged())?;
        if bytes.len() != length {
            return Err(damaged());
        }
        self.hash.update(&bytes);
        Ok(Some(bytes))
    }

    fn take(&mut self, out: &mut [u8]) -> Result<(), AppError> {
        self.input.read_exact(out).map_err(|_| damaged())?;
        self.hash.update(out);
        Ok(())
    }
}

/// The backup is not whole or not one.
pub(super) fn damaged() -> AppError {
    AppError::invalid(
        "backup",
        "Dit is geen hele back-up van deze kluis: beschadigd, afgekapt of door iemand anders gemaakt.",
        "This is not a whole backup of this vault: damaged, cut off or made by somebody else.",
    )
}
