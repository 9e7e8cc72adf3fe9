//! Finds the entries of a zip file (APPNOTE 6.3) in memory; of one that breaks off, those that are there.

use std::io::Read as _;

use super::Refusal;
use super::text;

/// The end of central directory record may be followed by a comment of at most 65,535 bytes.
const TAIL_BYTES: usize = 22 + 65_535;

/// A file inside.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Its name without folders, to show.
    pub(super) name: String,
    method: u16,
    is_encrypted: bool,
    data: &'a [u8],
    checksum: Option<u32>,
}

/// What came out.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// Whether it broke off or its checksum is wrong.
    pub(super) is_damaged: bool,
}

/// The files inside, at most so many, and whether the archive is damaged; folders and empty files are left out.
pub(super) fn entries(bytes: &[u8], entries_max: usize) -> Result<(Vec<Entry<'_>>, bool), Refusal> {
    let (list, is_damaged) = match directory(bytes, entries_max)? {
        Some(list) if !list.is_empty() => (list, false),
        Some(_) | None => (in_order(bytes, entries_max)?, true),
    };
    let is_empty_archive = list.is_empty() && bytes.starts_with(b"PK\x05\x06");
    Ok((list, is_damaged && !is_empty_archive))
}

/// Reads a stream to its end or to `bytes_max`; `None` when there is more.
pub(super) fn inflate(mut stream: impl std::io::Read, bytes_max: usize) -> Option<Unpacked> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let is_damaged = stream.by_ref().take(limit).read_to_end(&mut bytes).is_err();
    (bytes.len() <= bytes_max).then_some(Unpacked { bytes, is_damaged })
}

impl Entry<'_> {
    /// Packed bytes.
    pub(super) fn packed_bytes(&self) -> usize {
        self.data.len()
    }

    /// Unpacks it; `None` when that gives more than `bytes_max`.
    pub(super) fn unpack(&self, bytes_max: usize) -> Result<Option<Unpacked>, Refusal> {
        if self.is_encrypted {
            return Err(Refusal::Locked);
        }
        let unpacked = match self.method {
            0 => inflate(self.data, bytes_max),
            8 => inflate(flate2::bufread::DeflateDecoder::new(self.data), bytes_max),
            _ => return Err(Refusal::Locked),
        };
        Ok(unpacked.map(|mut unpacked| {
            if let Some(checksum) = self.checksum {
                let mut crc = flate2::Crc::new();
                crc.update(&unpacked.bytes);
                unpacked.is_damaged |= crc.sum() != checksum;
            }
            unpacked
        }))
    }
}

/// The entries of the central directory, or `None` when there is no whole one.
fn directory(bytes: &[u8], entries_max: usize) -> Result<Option<Vec<Entry<'_>>>, Refusal> {
    let tail = bytes.len().saturating_sub(TAIL_BYTES);
    let Some(end) = memchr::memmem::rfind(&bytes[tail..], b"PK\x05\x06").map(|at| tail + at) else {
        return Ok(None);
    };
    let (Some(size), Some(offset)) = (u32_at(bytes, end + 12), u32_at(bytes, end + 16)) else {
        return Ok(None);
    };
    // Bytes before the archive shift all offsets.
    let Some(start) = end.checked_sub(size) else { return Ok(None) };
    let Some(shift) = start.checked_sub(offset) else { return Ok(None) };
    let mut list = Vec::new();
    let mut at = start;
    while bytes.get(at..at + 4) == Some(b"PK\x01\x02") && at < end {
        let Some((entry, next)) = central(bytes, at, shift) else { return Ok(None) };
        at = next;
        if let Some(entry) = entry {
            if list.len() >= entries_max {
                return Err(Refusal::TooMany);
            }
            list.push(entry);
        }
    }
    Ok(Some(list))
}

/// One entry of the central directory and where the next begins; no entry for a folder.
fn central(bytes: &[u8], at: usize, shift: usize) -> Option<(Option<Entry<'_>>, usize)> {
    let [flags, method] = [u16_at(bytes, at + 8)?, u16_at(bytes, at + 10)?];
    let checksum = u32_at(bytes, at + 16)?;
    let size = u32_at(bytes, at + 20)?;
    let [name, extra, comment] = [28, 30, 32].map(|field| u16_at(bytes, at + field).map(usize::from));
    let (name, next) = (name?, at + 46 + name? + extra? + comment?);
    let name = bytes.get(at + 46..at + 46 + name)?;
    let local = u32_at(bytes, at + 42)?.checked_add(shift)?;
    if bytes.get(local..local + 4) != Some(b"PK\x03\x04") {
        return None;
    }
    let data = local + 30 + usize::from(u16_at(bytes, local + 26)?) + usize::from(u16_at(bytes, local + 28)?);
    let data = bytes.get(data..data.checked_add(size)?)?;
    let checksum = u32::try_from(checksum).ok();
    Some((entry(name, flags, method, data, checksum), next))
}

/// The entries by their local headers, for an archive that breaks off.
fn in_order(bytes: &[u8], entries_max: usize) -> Result<Vec<Entry<'_>>, Refusal> {
    let mut list = Vec::new();
    let mut at = 0;
    while bytes.get(at..at + 4) == Some(b"PK\x03\x04") {
        let Some((entry, next)) = local(bytes, at) else { break };
        if let Some(entry) = entry {
            if list.len() >= entries_max {
                return Err(Refusal::TooMany);
            }
            list.push(entry);
        }
        at = next;
    }
    Ok(list)
}

fn local(bytes: &[u8], at: usize) -> Option<(Option<Entry<'_>>, usize)> {
    let [flags, method] = [u16_at(bytes, at + 6)?, u16_at(bytes, at + 8)?];
    let size = u32_at(bytes, at + 18)?;
    let name = usize::from(u16_at(bytes, at + 26)?);
    let start = at + 30 + name + usize::from(u16_at(bytes, at + 28)?);
    let name = bytes.get(at + 30..at + 30 + name)?;
    let rest = bytes.get(start..)?;
    // With bit 3 the size stands behind the data: the packed stream itself tells where it ends.
    let length = if flags & 8 != 0 && size == 0 { rest.len() } else { size.min(rest.len()) };
    Some((entry(name, flags, method, &rest[..length], None), start + length))
}

fn entry<'a>(
    name: &[u8],
    flags: u16,
    method: u16,
    data: &'a [u8],
    checksum: Option<u32>,
) -> Option<Entry<'a>> {
    let name = String::from_utf8_lossy(name);
    let is_skipped = name.ends_with('/') || name.starts_with("__MACOSX/") || data.is_empty();
    (!is_skipped).then(|| Entry {
        name: text::file_name(&name),
        method,
        is_encrypted: flags & 1 != 0,
        data,
        checksum,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes([field[0], field[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes([field[0], field[1], field[2], field[3]])).ok()
}
