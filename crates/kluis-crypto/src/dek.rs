//! Data keys: one per subject and retention class, wrapped under the shop's key epoch.

use kluis_model::{Random, RetentionClass, ShopId, SubjectId};

use crate::aead::{AeadKey, TAG_BYTES};
use crate::bytes::Stack;
use crate::cells::DekCells;
use crate::secret::Secret;

/// Bytes of a wrapped data key: version, suite, nonce, key, tag.
pub(crate) const WRAPPED_BYTES: usize = 2 + NONCE_BYTES + 32 + TAG_BYTES;
const NONCE_BYTES: usize = 12;
const FORMAT: u8 = 1;
const SUITE: u8 = crate::aead::Suite::Aes256GcmSiv.as_u8();

/// The data key of one subject and class. Destroying its wrapped form erases what it sealed.
#[derive(Clone)]
pub struct Dek(pub(crate) Secret<32>);

impl Dek {
    /// Returns the keys for the cells and audit details under this data key.
    pub fn cells(&self) -> DekCells {
        DekCells::new(self.0.clone())
    }
}

impl std::fmt::Debug for Dek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dek(***)")
    }
}

/// Whose data key it is; a wrapped key opens at exactly this place and epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DekPlace {
    /// The shop.
    pub shop: ShopId,
    /// The person.
    pub subject: SubjectId,
    /// The retention class.
    pub class: RetentionClass,
    /// The generation: 1 for the first key, higher after a re-seal.
    pub dek_gen: u16,
}

/// Returns `dek` wrapped under `kek` for `place` and `epoch`.
pub(crate) fn wrap(
    kek: &AeadKey,
    dek: &Dek,
    place: &DekPlace,
    epoch: u32,
    rng: &dyn Random,
) -> [u8; WRAPPED_BYTES] {
    let mut out = [0; WRAPPED_BYTES];
    let (head, rest) = out.split_at_mut(2);
    let (nonce, rest) = rest.split_at_mut(NONCE_BYTES);
    let (key, tag) = rest.split_at_mut(32);
    head.copy_from_slice(&[FORMAT, SUITE]);
    rng.fill(nonce);
    key.copy_from_slice(dek.0.expose());
    tag.copy_from_slice(&kek.seal(nonce, aad(place, epoch).as_slice(), key));
    out
}

/// Returns the data key in `wrapped`, or `None` when it is malformed, changed or moved.
pub(crate) fn unwrap(kek: &AeadKey, place: &DekPlace, epoch: u32, wrapped: &[u8]) -> Option<Dek> {
    let body = wrapped.strip_prefix(&[FORMAT, SUITE])?;
    let (nonce, body) = body.split_at_checked(NONCE_BYTES)?;
    let (key, tag) = body.split_at_checked(32)?;
    let mut out = Secret::zeroed();
    let aad = aad(place, epoch);
    let opened = kek.open(nonce, aad.as_slice(), (key, tag), &mut out.expose_mut()[..]);
    opened.ok().map(|()| Dek(out))
}

fn aad(place: &DekPlace, epoch: u32) -> Stack<96> {
    let mut aad = Stack::new();
    aad.put_part(b"dek");
    aad.put_part(&place.shop.0.to_be_bytes());
    aad.put_part(place.subject.as_bytes());
    aad.put_part(&[place.class.as_u8()]);
    aad.put_part(&place.dek_gen.to_be_bytes());
    aad.put_part(&epoch.to_be_bytes());
    aad.put_part(&[FORMAT]);
    aad.put_part(&[SUITE]);
    aad
}
