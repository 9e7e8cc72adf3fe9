//! Backup streams and sealed spools: whole, cut off, changed, made for others.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

use kluis_crypto::backup::{BackupError, BackupIdentity, BackupRecipient, decrypt_reader, encrypt_writer};
use kluis_crypto::spool::{SPOOL_CHUNK_BYTES, SpoolKey, SpoolReader, SpoolWriter};
use kluis_crypto::*;
use proptest::prelude::*;

const RNG: &SystemRandom = &SystemRandom;
const CHUNK: usize = SPOOL_CHUNK_BYTES;

fn plain(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n / 7 % 251) as u8).collect()
}

fn back_up(recipient: &BackupRecipient, plain: &[u8]) -> Vec<u8> {
    let mut writer = encrypt_writer(recipient, Vec::new()).unwrap();
    for piece in plain.chunks(10_007) {
        writer.write_all(piece).unwrap();
    }
    writer.flush().unwrap();
    writer.finish().unwrap()
}

fn restore(identity: &BackupIdentity, backup: &[u8]) -> Result<Vec<u8>, String> {
    let mut reader = decrypt_reader(identity, backup).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    reader.read_to_end(&mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

#[test]
fn backups_round_trip_here_and_with_age() {
    let identity = BackupIdentity::generate(RNG);
    let recipient: BackupRecipient = identity.recipient().to_string().parse().unwrap();
    assert_eq!(recipient, identity.recipient());
    let age: age::x25519::Identity = identity.to_text().parse().unwrap();
    assert_eq!(age.to_public().to_string(), recipient.to_string());
    for length in [0, 1, 65_535, 65_536, 65_537, 300_000] {
        let backup = back_up(&recipient, &plain(length));
        assert_eq!(restore(&identity, &backup).unwrap(), plain(length));
        assert_eq!(age::decrypt(&age, &backup).unwrap(), plain(length));
    }
    let theirs = age::encrypt(&age.to_public(), b"by age").unwrap();
    assert_eq!(restore(&identity, &theirs).unwrap(), b"by age");
    assert_eq!(format!("{identity:?}"), "BackupIdentity(***)");
}

#[test]
fn what_is_no_whole_backup_of_ours_is_refused() {
    let identity = BackupIdentity::generate(RNG);
    let backup = back_up(&identity.recipient(), &plain(70_000));
    let other = decrypt_reader(&BackupIdentity::generate(RNG), backup.as_slice());
    assert!(matches!(other, Err(BackupError::OtherVault)));
    let endless = std::iter::repeat_n(b"-> X25519 aaaa\n".as_slice(), 100_000).collect::<Vec<_>>().concat();
    let header = [b"age-encryption.org/v1\n".as_slice(), &endless].concat();
    for bad in [b"".as_slice(), b"x", b"age-encryption.org/v2\n", &header, &backup[1..], &backup[..100]] {
        assert!(matches!(decrypt_reader(&identity, bad), Err(BackupError::Format)));
    }
    for at in (0..backup.len()).step_by(997).chain(0..300).chain(backup.len() - 20..backup.len()) {
        let mut changed = backup.clone();
        changed[at] ^= 1;
        assert!(restore(&identity, &changed).is_err(), "byte {at}");
    }
    for length in [backup.len() - 1, backup.len() - 4500, backup.len() - 4516, 65_000] {
        assert!(restore(&identity, &backup[..length]).is_err(), "cut at {length}");
    }
    let mut unfinished = encrypt_writer(&identity.recipient(), Vec::new()).unwrap();
    unfinished.write_all(&plain(10)).unwrap();
    drop(unfinished);
    for text in ["", "age1", "age1xxxx", &"a".repeat(1000), "AGE-SECRET-KEY-1"] {
        assert!(matches!(text.parse::<BackupRecipient>(), Err(BackupError::Recipient)), "{text}");
    }
}

#[test]
fn a_failing_source_is_not_called_a_bad_backup() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk"))
        }
    }
    let identity = BackupIdentity::generate(RNG);
    assert!(matches!(decrypt_reader(&identity, Broken), Err(BackupError::Read(_))));
}

fn spool(key: &SpoolKey, plain: &[u8]) -> Vec<u8> {
    let mut writer = SpoolWriter::new(key, Vec::new(), RNG).unwrap();
    for piece in plain.chunks(40_000) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

fn read_all(key: &SpoolKey, sealed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    SpoolReader::new(key, Cursor::new(sealed))?.read_to_end(&mut out)?;
    Ok(out)
}

#[test]
fn spools_round_trip_and_seek() {
    let key = SpoolKey::random(RNG);
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let plain = plain(length);
        let sealed = spool(&key, &plain);
        assert_eq!(sealed.len(), 32 + length + 16 * length.div_ceil(CHUNK).max(1));
        assert_eq!(read_all(&key, &sealed).unwrap(), plain);
        let mut reader = SpoolReader::new(&key, Cursor::new(&sealed)).unwrap();
        assert_eq!(reader.length(), length as u64);
        for at in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, length, length + 100] {
            assert_eq!(reader.seek(SeekFrom::Start(at as u64)).unwrap(), at as u64);
            let mut out = Vec::new();
            reader.read_to_end(&mut out).unwrap();
            assert_eq!(out, plain.get(at..).unwrap_or_default(), "{length} from {at}");
        }
        assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), length as u64);
        assert!(reader.seek(SeekFrom::End(-(length as i64) - 1)).is_err());
        assert!(reader.seek(SeekFrom::Current(i64::MIN)).is_err());
        assert_eq!(reader.stream_position().unwrap(), length as u64);
        reader.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
        assert!(reader.seek(SeekFrom::Current(1)).is_err());
    }
}

#[test]
fn changed_moved_and_cut_chunks_are_refused() {
    let key = SpoolKey::random(RNG);
    let sealed = spool(&key, &plain(3 * CHUNK + 100));
    let refused = |bytes: &[u8]| {
        let error = read_all(&key, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    };
    for at in [0, 31, 32, 33, 32 + CHUNK, 32 + CHUNK + 15, 32 + 2 * CHUNK + 40, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 0x80;
        refused(&changed);
    }
    let chunk = CHUNK + 16;
    for length in (0..sealed.len()).step_by(9973).chain([32, 48, 32 + chunk, 32 + 2 * chunk, 32 + 3 * chunk])
    {
        refused(&sealed[..length]);
    }
    let (head, body) = sealed.split_at(32);
    let (a, b, c, d) =
        (&body[..chunk], &body[chunk..2 * chunk], &body[2 * chunk..3 * chunk], &body[3 * chunk..]);
    refused(&[head, b, a, c, d].concat());
    refused(&[head, a, c, d].concat());
    refused(&[head, a, b, c, d, d].concat());
    refused(&[head, a, a, b, c, d].concat());
    refused(&[head, a, b, c].concat());
    let other = spool(&key, &plain(3 * CHUNK + 100));
    refused(&[head, &other[32..]].concat());
    refused(&[&other[..32], body].concat());
    assert!(read_all(&SpoolKey::random(RNG), &sealed).is_err());
    let mut unfinished = Vec::new();
    let mut writer = SpoolWriter::new(&key, &mut unfinished, RNG).unwrap();
    writer.write_all(&plain(2 * CHUNK + 1)).unwrap();
    writer.flush().unwrap();
    drop(writer);
    refused(&unfinished);
    assert_eq!(format!("{key:?}"), "SpoolKey(***)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_spool_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read_all(&SpoolKey::random(RNG), &bytes).is_err());
    }

    #[test]
    fn any_seeks_read_what_is_there(length in 0usize..200_000, seeks in prop::collection::vec((0usize..220_000, 0usize..70_000), 0..8)) {
        let key = SpoolKey::random(RNG);
        let plain = plain(length);
        let sealed = spool(&key, &plain);
        let mut reader = SpoolReader::new(&key, Cursor::new(&sealed)).unwrap();
        for (at, count) in seeks {
            reader.seek(SeekFrom::Start(at as u64)).unwrap();
            let mut out = Vec::new();
            reader.by_ref().take(count as u64).read_to_end(&mut out).unwrap();
            let expected = plain.get(at..length.min(at + count)).unwrap_or_default();
            prop_assert_eq!(out, expected);
        }
    }

    #[test]
    fn any_backup_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let identity = BackupIdentity::generate(RNG);
        prop_assert!(restore(&identity, &bytes).is_err());
        let likely = [b"age-encryption.org/v1\n-> X25519 ".as_slice(), &bytes].concat();
        prop_assert!(restore(&identity, &likely).is_err());
    }
}
