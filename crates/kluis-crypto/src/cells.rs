//! Sealed cells: one personal value under its subject's data key, bound to its place, its length hidden in buckets.
//!
//! Layout: `version(1) suite(1) dek_gen(2) nonce(12 or 24) ciphertext tag(16)`. The plaintext is
//! padded with 0x80 and zeroes (ISO/IEC 7816-4) to 16, 32 or 64 bytes, above that to a multiple
//! of 64. The associated data holds every part of the place behind its own length.

use std::sync::OnceLock;

use kluis_model::{FieldName, Pii, Random, RequestId, RetentionClass, ShopId, SubjectId};
use thiserror::Error;
use zeroize::Zeroize;

use crate::aead::{AeadKey, NONCE_BYTES_MAX, Suite, TAG_BYTES};
use crate::bytes::{Reader, Stack};
use crate::digest::subkey;
use crate::secret::Secret;

/// Longest plaintext of one cell or audit detail: 64 KiB.
pub const CELL_BYTES_MAX: usize = 64 * 1024;

/// Bytes of personal data that are wiped when dropped.
pub type PiiBytes = Pii<Vec<u8>>;

const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 4;
const AAD_BYTES: usize = 192;

/// Where a cell belongs. A cell opens at exactly this place and nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct CellPlace<'a> {
    /// The shop whose cell it is.
    pub shop: ShopId,
    /// What kind of record the cell is part of; 1 is the subject itself.
    pub record_type: u8,
    /// The person.
    pub subject: SubjectId,
    /// The retention class of this copy.
    pub class: RetentionClass,
    /// The field.
    pub field: &'a FieldName,
    /// The field's version, so that an older value cannot be put back.
    pub version: u64,
}

/// Where an encrypted audit detail belongs: one request about one subject.
#[derive(Debug, Clone, Copy)]
pub struct DetailPlace {
    /// The shop.
    pub shop: ShopId,
    /// The person whose details they are.
    pub subject: SubjectId,
    /// The request that the audit leaf names.
    pub request: RequestId,
}

/// What a cell says about itself before its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellHead {
    /// The cipher.
    pub suite: Suite,
    /// The generation of the data key.
    pub dek_gen: u16,
}

impl CellHead {
    /// Reads the head of a sealed cell, to know which data key generation opens it. Not yet authenticated.
    pub fn read(cell: &[u8]) -> Result<Self, OpenError> {
        let mut reader = Reader::new(cell);
        let format = reader.u8().ok_or(OpenError::Malformed)?;
        if format != FORMAT {
            return Err(OpenError::Unknown);
        }
        let suite = reader.u8().ok_or(OpenError::Malformed)?;
        let suite = Suite::from_u8(suite).ok_or(OpenError::Unknown)?;
        let dek_gen = reader.u16().ok_or(OpenError::Malformed)?;
        Ok(Self { suite, dek_gen })
    }
}

/// Why a cell does not open or cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Too short, too long or not padded to a bucket.
    #[error("the sealed cell is malformed")]
    Malformed,
    /// A format or cipher this program does not know.
    #[error("the sealed cell has an unknown format; a newer version wrote it")]
    Unknown,
    /// Changed, sealed under another key, or moved from another place.
    #[error("the sealed cell was changed or moved, or its key is another")]
    Refused,
    /// The value to seal is longer than [`CELL_BYTES_MAX`].
    #[error("the value is longer than 65536 bytes")]
    TooLong,
}

/// The keys for the cells of one data key; derived on first use, one HKDF per suite.
pub struct DekCells {
    dek: Secret<32>,
    suites: [OnceLock<AeadKey>; 3],
    detail: OnceLock<AeadKey>,
}

impl DekCells {
    /// Returns the cell keys of `dek`.
    pub(crate) fn new(dek: Secret<32>) -> Self {
        Self { dek, suites: Default::default(), detail: OnceLock::new() }
    }

    /// Returns `plaintext` sealed for `place`, at most [`CELL_BYTES_MAX`] bytes.
    pub fn seal(
        &self,
        suite: Suite,
        place: &CellPlace<'_>,
        dek_gen: u16,
        plaintext: &[u8],
        rng: &dyn Random,
    ) -> Result<Vec<u8>, OpenError> {
        let mut out = Vec::new();
        self.seal_into(CellHead { suite, dek_gen }, place, plaintext, rng, &mut out)?;
        Ok(out)
    }

    /// Appends `plaintext` sealed for `place` to `out`; on an error `out` is unchanged.
    pub fn seal_into(
        &self,
        head: CellHead,
        place: &CellPlace<'_>,
        plaintext: &[u8],
        rng: &dyn Random,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        fits(plaintext)?;
        let aad = cell_aad(head, place);
        seal_padded(self.suite_key(head.suite), head, aad.as_slice(), plaintext, (rng, out));
        Ok(())
    }

    /// Returns the value of `cell` if it was sealed for `place` under this key.
    pub fn open(&self, place: &CellPlace<'_>, cell: &[u8]) -> Result<PiiBytes, OpenError> {
        let mut out = Vec::new();
        self.open_into(place, cell, &mut out)?;
        Ok(Pii::new(out))
    }

    /// Appends the value of `cell` to `out`, which the caller wipes; on an error `out` is unchanged.
    pub fn open_into(&self, place: &CellPlace<'_>, cell: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let head = CellHead::read(cell)?;
        not_longer(head, cell)?;
        open_padded(self.suite_key(head.suite), head, cell_aad(head, place).as_slice(), cell, out)
    }

    /// Returns an audit detail sealed under the subject's audit subkey.
    pub fn seal_detail(
        &self,
        place: &DetailPlace,
        dek_gen: u16,
        plaintext: &[u8],
        rng: &dyn Random,
    ) -> Result<Vec<u8>, OpenError> {
        fits(plaintext)?;
        let head = CellHead { suite: Suite::Aes256GcmSiv, dek_gen };
        let mut out = Vec::new();
        let aad = detail_aad(head, place);
        seal_padded(self.detail_key(), head, aad.as_slice(), plaintext, (rng, &mut out));
        Ok(out)
    }

    /// Returns the audit detail in `sealed` if it was sealed for `place` under this key.
    pub fn open_detail(&self, place: &DetailPlace, sealed: &[u8]) -> Result<PiiBytes, OpenError> {
        let head = CellHead::read(sealed)?;
        if head.suite != Suite::Aes256GcmSiv {
            return Err(OpenError::Unknown);
        }
        not_longer(head, sealed)?;
        let mut out = Vec::new();
        let aad = detail_aad(head, place);
        open_padded(self.detail_key(), head, aad.as_slice(), sealed, &mut out)?;
        Ok(Pii::new(out))
    }

    fn suite_key(&self, suite: Suite) -> &AeadKey {
        self.suites[usize::from(suite.as_u8()) - 1].get_or_init(|| {
            let label: &[&[u8]] = &[b"klantkluis cells 1", &[suite.as_u8()]];
            AeadKey::new(suite, &subkey(self.dek.expose(), label))
        })
    }

    fn detail_key(&self) -> &AeadKey {
        self.detail.get_or_init(|| {
            AeadKey::new(Suite::Aes256GcmSiv, &subkey(self.dek.expose(), &[b"klantkluis audit 1"]))
        })
    }
}

impl std::fmt::Debug for DekCells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DekCells(***)")
    }
}

/// Checks the length of a value to seal.
fn fits(plaintext: &[u8]) -> Result<(), OpenError> {
    if plaintext.len() > CELL_BYTES_MAX { Err(OpenError::TooLong) } else { Ok(()) }
}

/// Checks that a cell is not longer than the longest value makes it.
fn not_longer(head: CellHead, cell: &[u8]) -> Result<(), OpenError> {
    let longest = HEAD_BYTES + head.suite.nonce_bytes() + bucket(CELL_BYTES_MAX) + TAG_BYTES;
    if cell.len() > longest { Err(OpenError::Malformed) } else { Ok(()) }
}

/// Returns the length to which a value of `length` bytes is padded; one byte marks its end.
fn bucket(length: usize) -> usize {
    match length + 1 {
        0..=16 => 16,
        17..=32 => 32,
        more => more.next_multiple_of(64),
    }
}

fn cell_aad(head: CellHead, place: &CellPlace<'_>) -> Stack<AAD_BYTES> {
    let mut aad = Stack::new();
    aad.put_part(b"cell");
    aad.put_part(&place.shop.0.to_be_bytes());
    aad.put_part(&[place.record_type]);
    aad.put_part(place.subject.as_bytes());
    aad.put_part(&[place.class.as_u8()]);
    aad.put_part(place.field.as_str().as_bytes());
    aad.put_part(&place.version.to_be_bytes());
    put_head(&mut aad, head);
    aad
}

fn detail_aad(head: CellHead, place: &DetailPlace) -> Stack<AAD_BYTES> {
    let mut aad = Stack::new();
    aad.put_part(b"detail");
    aad.put_part(&place.shop.0.to_be_bytes());
    aad.put_part(place.subject.as_bytes());
    aad.put_part(place.request.as_bytes());
    put_head(&mut aad, head);
    aad
}

fn put_head(aad: &mut Stack<AAD_BYTES>, head: CellHead) {
    aad.put_part(&[FORMAT]);
    aad.put_part(&[head.suite.as_u8()]);
    aad.put_part(&head.dek_gen.to_be_bytes());
}

/// Appends head, nonce, padded ciphertext and tag to `out`.
pub(crate) fn seal_padded(
    key: &AeadKey,
    head: CellHead,
    aad: &[u8],
    plaintext: &[u8],
    (rng, out): (&dyn Random, &mut Vec<u8>),
) {
    let mut nonce = [0; NONCE_BYTES_MAX];
    let nonce = &mut nonce[..head.suite.nonce_bytes()];
    rng.fill(nonce);
    let padded = bucket(plaintext.len());
    // Reserved before any plaintext is written, so that growing leaves no copy of it behind.
    out.reserve(HEAD_BYTES + nonce.len() + padded + TAG_BYTES);
    out.extend_from_slice(&[FORMAT, head.suite.as_u8()]);
    out.extend_from_slice(&head.dek_gen.to_be_bytes());
    out.extend_from_slice(nonce);
    let start = out.len();
    out.extend_from_slice(plaintext);
    out.push(0x80);
    out.resize(start + padded, 0);
    let tag = key.seal(nonce, aad, &mut out[start..]);
    out.extend_from_slice(&tag);
}

/// Appends the unpadded value of `cell`, whose head is `head`, to `out`.
pub(crate) fn open_padded(
    key: &AeadKey,
    head: CellHead,
    aad: &[u8],
    cell: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), OpenError> {
    let nonce_bytes = head.suite.nonce_bytes();
    let body = cell.get(HEAD_BYTES..).ok_or(OpenError::Malformed)?;
    let (nonce, rest) = body.split_at_checked(nonce_bytes).ok_or(OpenError::Malformed)?;
    let padded = rest.len().checked_sub(TAG_BYTES).ok_or(OpenError::Malformed)?;
    if padded == 0 || bucket(padded - 1) != padded {
        return Err(OpenError::Malformed);
    }
    let start = out.len();
    out.resize(start + padded, 0);
    let opened = key.open(nonce, aad, rest.split_at(padded), &mut out[start..]);
    // The padding is looked at only after the tag was checked, so it tells an attacker nothing.
    let end = out[start..].iter().rposition(|byte| *byte != 0);
    let end = end.filter(|end| opened.is_ok() && out[start + end] == 0x80);
    if end.is_none() {
        out[start..].zeroize();
    }
    out.truncate(start + end.unwrap_or(0));
    if end.is_some() { Ok(()) } else { Err(OpenError::Refused) }
}
