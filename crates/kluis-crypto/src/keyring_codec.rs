//! The bytes of a keyring inside its sealed file: versioned, big endian, read with bounds and checked as a whole.

use std::collections::BTreeMap;

use kluis_model::{ShopId, TimeMs};
use zeroize::Zeroizing;

use crate::aead::Suite;
use crate::backup::BackupIdentity;
use crate::bytes::Reader;
use crate::keyring::{EarlierKey, Epoch, EpochKey, IndexKey, Keyring, Shop, ShopKeyring, SigningKeys};
use crate::note::key_name;
use crate::secret::Secret;
use crate::slots::KeyringError;

const VERSION: u8 = 1;
/// Bytes of everything that is there once per shop, or once per keyring, at most.
const FIXED_BYTES: usize = 1024;

/// Returns the bytes of a keyring, wiped when dropped.
pub(crate) fn encode(keyring: &Keyring) -> Zeroizing<Vec<u8>> {
    let stored = |shop: &Shop| FIXED_BYTES + shop.stored.epochs.len() * 64 + shop.stored.index.len() * 64;
    let capacity = keyring.shops.values().map(stored).sum::<usize>();
    // Reserved whole, so that growing leaves no copy of a key behind.
    let mut out =
        Zeroizing::new(Vec::with_capacity(FIXED_BYTES + capacity + keyring.signing.earlier.len() * 64));
    out.push(VERSION);
    put_count(&mut out, keyring.log_name.len());
    out.extend_from_slice(keyring.log_name.as_bytes());
    put_count(&mut out, keyring.shops.len());
    for (id, shop) in &keyring.shops {
        out.extend_from_slice(&id.0.to_be_bytes());
        encode_shop(&mut out, &shop.stored);
    }
    out.extend_from_slice(keyring.signing.seed.expose());
    put_time(&mut out, keyring.signing.since);
    put_count(&mut out, keyring.signing.earlier.len());
    for earlier in &keyring.signing.earlier {
        out.extend_from_slice(&earlier.public);
        put_time(&mut out, earlier.since);
        put_time(&mut out, earlier.until);
    }
    out.extend_from_slice(keyring.backup.secret().expose());
    out
}

/// Reads the bytes of a keyring.
pub(crate) fn decode(bytes: &[u8]) -> Result<Keyring, KeyringError> {
    let (version, rest) = bytes.split_first().ok_or(KeyringError::Malformed)?;
    if *version != VERSION {
        return Err(KeyringError::Version);
    }
    let mut reader = Reader::new(rest);
    let keyring = read(&mut reader).ok_or(KeyringError::Malformed)?;
    if reader.left() == 0 { Ok(keyring) } else { Err(KeyringError::Malformed) }
}

fn encode_shop(out: &mut Vec<u8>, shop: &ShopKeyring) {
    out.push(shop.suite.as_u8());
    put_count(out, shop.epochs.len());
    for known in &shop.epochs {
        out.extend_from_slice(&known.epoch.number.to_be_bytes());
        put_time(out, known.epoch.created);
        match (&known.key, known.epoch.destroyed) {
            (Some(key), _) => {
                out.push(1);
                out.extend_from_slice(key.expose());
            }
            (None, destroyed) => {
                out.push(0);
                put_time(out, destroyed.unwrap_or(known.epoch.created));
            }
        }
    }
    put_count(out, shop.index.len());
    for index in &shop.index {
        out.push(index.version);
        out.extend_from_slice(index.key.expose());
    }
    for key in [&shop.row_mac, &shop.tokens, &shop.notes] {
        out.extend_from_slice(key.expose());
    }
}

fn read(reader: &mut Reader<'_>) -> Option<Keyring> {
    let length = count(reader)?;
    let log_name = std::str::from_utf8(reader.take(length)?).ok()?.to_owned();
    if key_name(&log_name) != log_name {
        return None;
    }
    let mut shops = BTreeMap::new();
    for _ in 0..count(reader)? {
        let id = ShopId(reader.i64()?);
        if shops.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return None;
        }
        shops.insert(id, Shop::new(id, read_shop(reader)?));
    }
    let (seed, since) = (secret(reader)?, time(reader)?);
    let mut earlier = Vec::new();
    for _ in 0..count(reader)? {
        earlier.push(EarlierKey { public: reader.array()?, since: time(reader)?, until: time(reader)? });
    }
    let backup = BackupIdentity::from_secret(secret(reader)?);
    Some(Keyring { log_name, shops, signing: SigningKeys { seed, since, earlier }, backup })
}

fn read_shop(reader: &mut Reader<'_>) -> Option<ShopKeyring> {
    let suite = Suite::from_u8(reader.u8()?)?;
    let mut epochs: Vec<EpochKey> = Vec::new();
    for _ in 0..count(reader)? {
        let known = read_epoch(reader)?;
        if known.epoch.number <= epochs.last().map_or(0, |last| last.epoch.number) {
            return None;
        }
        epochs.push(known);
    }
    // The newest epoch always has its key.
    epochs.last()?.key.as_ref()?;
    let mut index: Vec<IndexKey> = Vec::new();
    for _ in 0..count(reader)? {
        let version = reader.u8()?;
        if version == 0 || index.iter().any(|known| known.version == version) {
            return None;
        }
        index.push(IndexKey { version, key: secret(reader)? });
    }
    index.last()?;
    let (row_mac, tokens, notes) = (secret(reader)?, secret(reader)?, secret(reader)?);
    Some(ShopKeyring { suite, epochs, index, row_mac, tokens, notes })
}

fn read_epoch(reader: &mut Reader<'_>) -> Option<EpochKey> {
    let (number, created) = (reader.u32()?, time(reader)?);
    let (key, destroyed) = match reader.u8()? {
        1 => (Some(secret(reader)?), None),
        0 => (None, Some(time(reader)?)),
        _ => return None,
    };
    Some(EpochKey { epoch: Epoch { number, created, destroyed }, key })
}

/// Writes how many follow. Nothing is reserved by this number when read, so it needs no bound of its own.
fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
}

fn count(reader: &mut Reader<'_>) -> Option<usize> {
    usize::try_from(reader.u32()?).ok()
}

fn put_time(out: &mut Vec<u8>, time: TimeMs) {
    out.extend_from_slice(&time.0.to_be_bytes());
}

fn time(reader: &mut Reader<'_>) -> Option<TimeMs> {
    reader.i64().map(TimeMs)
}

fn secret(reader: &mut Reader<'_>) -> Option<Secret<32>> {
    Secret::from_slice(reader.take(32)?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SystemRandom;

    fn example() -> Keyring {
        let rng = &SystemRandom;
        let (one, two) = (ShopId(1), ShopId(2));
        let mut keyring = Keyring::generate(one, "vault.example", TimeMs(5), rng);
        keyring.add_shop(two, TimeMs(6), rng).unwrap();
        keyring.add_epoch(one, TimeMs(7), rng).unwrap();
        keyring.destroy_epoch(one, 1, TimeMs(8)).unwrap();
        keyring.add_index_version(two, rng).unwrap();
        keyring.rotate_signing(TimeMs(9), rng);
        keyring
    }

    #[test]
    fn round_trip_and_no_shorter_or_longer() {
        let bytes = encode(&example());
        assert_eq!(*encode(&decode(&bytes).unwrap()), *bytes);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "cut at {length}");
        }
        assert_eq!(decode(&[bytes.as_slice(), &[0]].concat()).unwrap_err(), KeyringError::Malformed);
        let mut newer = bytes.to_vec();
        newer[0] = 2;
        assert_eq!(decode(&newer).unwrap_err(), KeyringError::Version);
    }

    #[test]
    fn keyrings_that_could_not_work_are_refused() {
        let refused = |change: &dyn Fn(&mut ShopKeyring)| {
            let mut keyring = example();
            let shop = keyring.shops.get_mut(&ShopId(1)).unwrap();
            change(&mut shop.stored);
            assert_eq!(decode(&encode(&keyring)).unwrap_err(), KeyringError::Malformed);
        };
        refused(&|shop| shop.epochs.clear());
        refused(&|shop| shop.epochs[1].key = None);
        refused(&|shop| shop.epochs[1].epoch.number = 1);
        refused(&|shop| shop.epochs[0].epoch.number = 0);
        refused(&|shop| shop.index.clear());
        refused(&|shop| shop.index[0].version = 0);
        refused(&|shop| shop.index.push(shop.index[0].clone()));
        let mut keyring = example();
        keyring.log_name = "two words".to_owned();
        assert_eq!(decode(&encode(&keyring)).unwrap_err(), KeyringError::Malformed);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&[&[VERSION], bytes.as_slice()].concat());
        }

        #[test]
        fn mutated_bytes_are_survived(at in any::<prop::sample::Index>(), value: u8) {
            let mut bytes = encode(&example()).to_vec();
            let at = at.index(bytes.len());
            bytes[at] = value;
            if let Ok(keyring) = decode(&bytes) {
                prop_assert_eq!(encode(&keyring).to_vec(), bytes);
            }
        }
    }
}
