//! A sealed temporary stream that can be read at any place, for uploaded exports that must not lie about in the clear.
//!
//! Layout: `salt(32)`, then chunks of 64 KiB plaintext and a tag of 16, the last one shorter or
//! equal. AES-256-GCM under a key of this stream only; nonce and associated data hold the chunk's
//! number and whether it is the last, so chunks cannot be moved, left out or cut off.

use std::io::{self, Read, Seek, SeekFrom, Write};

use kluis_model::Random;
use zeroize::{Zeroize, Zeroizing};

use crate::aead::{AeadKey, Suite, TAG_BYTES};
use crate::digest::subkey;
use crate::secret::Secret;

/// Plaintext bytes of a full chunk.
pub const SPOOL_CHUNK_BYTES: usize = 64 * 1024;
const SALT_BYTES: usize = 32;
const SEALED_CHUNK_BYTES: usize = SPOOL_CHUNK_BYTES + TAG_BYTES;

/// The key of a spool; lives in memory only, so what was spooled is unreadable after a restart.
#[derive(Clone)]
pub struct SpoolKey(Secret<32>);

impl SpoolKey {
    /// Returns a fresh key.
    pub fn random(rng: &dyn Random) -> Self {
        Self(Secret::random(rng))
    }

    fn stream(&self, salt: &[u8; SALT_BYTES]) -> AeadKey {
        let key = subkey(self.0.expose(), &[b"klantkluis spool 1", salt]);
        AeadKey::new(Suite::Aes256Gcm, &key)
    }
}

impl std::fmt::Debug for SpoolKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpoolKey(***)")
    }
}

/// Seals what is written. Without [`SpoolWriter::finish`] the stream is refused when read.
pub struct SpoolWriter<W: Write> {
    output: W,
    key: AeadKey,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> SpoolWriter<W> {
    /// Starts a stream; each has a salt and so a key of its own.
    ///
    /// # Errors
    /// When `output` fails.
    pub fn new(key: &SpoolKey, mut output: W, rng: &dyn Random) -> io::Result<Self> {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        output.write_all(&salt)?;
        let chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        Ok(Self { output, key: key.stream(&salt), number: 0, chunk })
    }

    /// Seals the last chunk and returns the output.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal_chunk(End::Last)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn seal_chunk(&mut self, end: End) -> io::Result<()> {
        let place = place(self.number, end);
        let tag = self.key.seal(&place, &place, &mut self.chunk);
        self.output.write_all(&self.chunk)?;
        self.output.write_all(&tag)?;
        self.chunk.clear();
        self.number += 1;
        Ok(())
    }
}

impl<W: Write> Write for SpoolWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until more comes: only then is it known not to be the last.
        if self.chunk.len() == SPOOL_CHUNK_BYTES && !bytes.is_empty() {
            self.seal_chunk(End::More)?;
        }
        let room = SPOOL_CHUNK_BYTES - self.chunk.len();
        let taken = bytes.len().min(room);
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Passes on whole chunks only; the last one is written by [`SpoolWriter::finish`].
    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Reads a sealed stream at any place. A changed, moved or missing chunk is an `InvalidData` error.
pub struct SpoolReader<R: Read + Seek> {
    input: R,
    key: AeadKey,
    /// Plaintext bytes in all.
    length: u64,
    at: u64,
    /// The chunk in memory, if any, and its plaintext.
    number: Option<u64>,
    chunk: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
}

impl<R: Read + Seek> SpoolReader<R> {
    /// Opens a stream and checks its last chunk, so that a cut-off stream is refused at once.
    ///
    /// # Errors
    /// When `input` fails, or it is not a whole stream under this key.
    pub fn new(key: &SpoolKey, mut input: R) -> io::Result<Self> {
        let total = input.seek(SeekFrom::End(0))?;
        let body = total.checked_sub(SALT_BYTES as u64).ok_or_else(refused)?;
        let chunks = body.div_ceil(SEALED_CHUNK_BYTES as u64);
        let length = body.checked_sub(chunks * TAG_BYTES as u64).ok_or_else(refused)?;
        let last = chunks.checked_sub(1).ok_or_else(refused)?;
        // Only a stream of nothing has an empty chunk.
        if length.div_ceil(SPOOL_CHUNK_BYTES as u64).max(1) != chunks {
            return Err(refused());
        }
        let mut salt = [0; SALT_BYTES];
        input.seek(SeekFrom::Start(0))?;
        input.read_exact(&mut salt)?;
        let (chunk, sealed) = (Zeroizing::new(Vec::new()), Vec::new());
        let key = key.stream(&salt);
        let mut reader = Self { input, key, length, at: 0, number: None, chunk, sealed };
        reader.load(last)?;
        Ok(reader)
    }

    /// Returns the number of plaintext bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Brings chunk `number`, which exists, into memory.
    fn load(&mut self, number: u64) -> io::Result<()> {
        if self.number == Some(number) {
            return Ok(());
        }
        self.number = None;
        let from = number * SPOOL_CHUNK_BYTES as u64;
        let plain = (self.length - from).min(SPOOL_CHUNK_BYTES as u64) as usize;
        self.sealed.resize(plain + TAG_BYTES, 0);
        self.input.seek(SeekFrom::Start(SALT_BYTES as u64 + number * SEALED_CHUNK_BYTES as u64))?;
        self.input.read_exact(&mut self.sealed)?;
        let end = if from + plain as u64 == self.length { End::Last } else { End::More };
        let place = place(number, end);
        self.chunk.zeroize();
        self.chunk.resize(plain, 0);
        let opened = self.key.open(&place, &place, self.sealed.split_at(plain), &mut self.chunk);
        opened.map_err(|_| refused())?;
        self.number = Some(number);
        Ok(())
    }
}

impl<R: Read + Seek> Read for SpoolReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.at >= self.length {
            return Ok(0);
        }
        self.load(self.at / SPOOL_CHUNK_BYTES as u64)?;
        let within = (self.at % SPOOL_CHUNK_BYTES as u64) as usize;
        let rest = self.chunk.get(within..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for SpoolReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "seek outside the stream");
        self.at = target.ok_or_else(wrong)?;
        Ok(self.at)
    }
}

/// Whether a chunk is the last one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    More,
    Last,
}

/// Returns the nonce and associated data of a chunk: its number and whether it is the last.
fn place(number: u64, end: End) -> [u8; 12] {
    let mut place = [0; 12];
    place[..8].copy_from_slice(&number.to_be_bytes());
    place[11] = u8::from(end == End::Last);
    place
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the spooled file was changed or is not whole")
}
