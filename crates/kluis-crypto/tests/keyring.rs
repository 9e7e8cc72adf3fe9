//! The keyring file and its slots; epochs, index versions and signing keys in use.
#![expect(clippy::unwrap_used, reason = "tests")]

use kluis_crypto::*;
use kluis_model::{FieldKind, RetentionClass, ShopId, SubjectId, TimeMs};
use proptest::prelude::*;

const SHOP: ShopId = ShopId(1);
const RNG: &SystemRandom = &SystemRandom;

fn text(text: &str) -> SecretText {
    SecretText::from(text.to_owned())
}

fn pass() -> SecretText {
    text("vier woorden op een briefje")
}

struct Vault {
    keyring: Keyring,
    root: RootKey,
    key: Secret<32>,
    shares: Vec<Share>,
    file: KeyringFile,
}

/// A file with a slot of every kind, three of five shares.
fn vault() -> Vault {
    let keyring = Keyring::generate(SHOP, "vault.example", TimeMs(1000), RNG);
    let root = RootKey::generate(RNG);
    let mut file = KeyringFile::create(&keyring, &root, RNG);
    let key = Secret::random(RNG);
    file.add_passphrase(&root, &pass(), Argon2Cost::test(), RNG).unwrap();
    let shares = file.add_shares(&root, 3, 5, RNG).unwrap();
    file.add_key_file(&root, &key, RNG).unwrap();
    Vault { keyring, root, key, shares, file }
}

fn reparse(file: &KeyringFile) -> KeyringFile {
    KeyringFile::parse(&file.to_bytes()).unwrap()
}

/// Whether two keyrings hold the same keys, as far as their outputs show.
fn same(one: &Keyring, other: &Keyring) -> bool {
    let prints = |keyring: &Keyring| {
        let keys = keyring.shop(SHOP).unwrap();
        let term = keys.unique_term(FieldKind::EmailAddress, keys.index_versions()[0], "a").unwrap();
        let token = keys.pairwise_token(SubjectId::from_bytes([1; 16]), &"email".parse().unwrap(), "x");
        (
            (keyring.epochs(SHOP), keys.suite(), keyring.log_name().to_owned(), keyring.signing_since()),
            (term, keys.index_versions().to_vec(), keys.row_mac("t", &[]), token),
            (keyring.note_verifiers("log"), keyring.backup_identity().recipient()),
        )
    };
    let sealed = one.shop(SHOP).unwrap().seal_note("a", b"b", b"c", RNG);
    prints(one) == prints(other) && other.shop(SHOP).unwrap().open_note("a", b"b", &sealed).is_ok()
}

fn place() -> DekPlace {
    DekPlace { shop: SHOP, subject: SubjectId::from_bytes([3; 16]), class: RetentionClass::Tax, dek_gen: 1 }
}

#[test]
fn every_slot_opens_the_same_keyring() {
    let v = vault();
    let file = reparse(&v.file);
    let opened = [
        file.unlock_passphrase(&pass()).unwrap(),
        file.unlock_key_file(&v.key).unwrap(),
        file.unlock_shares(&v.shares[1..4]).unwrap(),
    ];
    for (root, keyring) in opened {
        assert!(root == v.root && same(&v.keyring, &keyring));
    }
    assert!(same(&v.keyring, &file.unlock_root(&v.root).unwrap()));
    let kinds: Vec<_> = file.slots().iter().map(SlotDescription::kind).collect();
    assert_eq!(kinds, SlotKind::ALL);
    let set = v.shares[0].set();
    assert_eq!(file.slots()[2], SlotDescription::Shares { set, needed: 3, issued: 5 });
    let shown = format!("{file:?} {:?} {:?}", v.root, v.keyring);
    assert!(shown.contains("RootKey(***) Keyring(1 shops, ***)"), "{shown}");
}

/// The one test with the real cost.
#[test]
fn the_default_cost_opens() {
    let mut v = vault();
    v.file.add_passphrase(&v.root, &pass(), Argon2Cost::default(), RNG).unwrap();
    let file = reparse(&v.file);
    assert_eq!(file.slots()[0], SlotDescription::Passphrase { cost: Argon2Cost::default() });
    assert!(file.unlock_passphrase(&pass()).is_ok());
}

#[test]
fn wrong_secrets_are_refused() {
    let v = vault();
    for wrong in
        ["", "vier woorden op een briefj", "vier woorden op een briefje ", "Vier woorden op een briefje"]
    {
        assert_eq!(v.file.unlock_passphrase(&text(wrong)).unwrap_err(), KeyringError::WrongPassphrase);
    }
    let other = Secret::random(RNG);
    assert_eq!(v.file.unlock_key_file(&other).unwrap_err(), KeyringError::WrongKeyFile);
    assert_eq!(v.file.unlock_root(&RootKey::generate(RNG)).unwrap_err(), KeyringError::WrongRoot);
    let bare = KeyringFile::create(&v.keyring, &v.root, RNG);
    let missing = |kind| KeyringError::NoSlot(kind);
    assert_eq!(bare.unlock_passphrase(&pass()).unwrap_err(), missing(SlotKind::Passphrase));
    assert_eq!(bare.unlock_key_file(&v.key).unwrap_err(), missing(SlotKind::KeyFile));
    assert_eq!(bare.unlock_shares(&v.shares).unwrap_err(), missing(SlotKind::Shares));
    // A file without a slot is not one to store.
    assert_eq!(KeyringFile::parse(&bare.to_bytes()).unwrap_err(), KeyringError::Malformed);
}

#[test]
fn shares_are_counted_and_belong_to_one_set() {
    let mut v = vault();
    let copy = |share: &Share| share.to_text().parse::<Share>().unwrap();
    let too_few = |given| KeyringError::TooFewShares { needed: 3, given };
    assert_eq!(v.file.unlock_shares(&[]).unwrap_err(), too_few(0));
    assert_eq!(v.file.unlock_shares(&v.shares[..2]).unwrap_err(), too_few(2));
    let repeated = [copy(&v.shares[0]), copy(&v.shares[0]), copy(&v.shares[1])];
    assert_eq!(v.file.unlock_shares(&repeated).unwrap_err(), too_few(2));
    assert!(v.file.unlock_shares(&v.shares).is_ok());
    let again = v.file.add_shares(&v.root, 2, 3, RNG).unwrap();
    assert_eq!(v.file.unlock_shares(&v.shares).unwrap_err(), KeyringError::OtherShareSet);
    let mixed = [copy(&again[0]), copy(&v.shares[1])];
    assert_eq!(v.file.unlock_shares(&mixed).unwrap_err(), KeyringError::OtherShareSet);
    assert!(v.file.unlock_shares(&again[1..]).is_ok());
    for (needed, issued) in [(0, 0), (1, 1), (1, 5), (3, 2), (2, 17), (255, 255)] {
        let refused = v.file.add_shares(&v.root, needed, issued, RNG).unwrap_err();
        assert_eq!(refused, KeyringError::ShareCount);
    }
    assert!(v.file.unlock_shares(&again).is_ok());
}

#[test]
fn a_replaced_or_removed_slot_opens_no_more() {
    let mut v = vault();
    v.file.add_passphrase(&v.root, &text("new"), Argon2Cost::test(), RNG).unwrap();
    assert_eq!(v.file.unlock_passphrase(&pass()).unwrap_err(), KeyringError::WrongPassphrase);
    assert!(v.file.unlock_passphrase(&text("new")).is_ok());
    let stranger = RootKey::generate(RNG);
    let refused = v.file.remove_slot(SlotKind::KeyFile, &stranger, RNG).unwrap_err();
    assert_eq!(refused, KeyringError::WrongRoot);
    v.file.remove_slot(SlotKind::KeyFile, &v.root, RNG).unwrap();
    v.file.remove_slot(SlotKind::Shares, &v.root, RNG).unwrap();
    let gone = v.file.remove_slot(SlotKind::Shares, &v.root, RNG).unwrap_err();
    assert_eq!(gone, KeyringError::NoSlot(SlotKind::Shares));
    let last = v.file.remove_slot(SlotKind::Passphrase, &v.root, RNG).unwrap_err();
    assert_eq!(last, KeyringError::LastSlot);
    assert!(reparse(&v.file).unlock_passphrase(&text("new")).is_ok());
}

#[test]
fn another_root_key_changes_nothing() {
    let mut v = vault();
    let stranger = RootKey::generate(RNG);
    let wrong = Err(KeyringError::WrongRoot);
    let before = v.file.to_bytes();
    assert_eq!(v.file.update(&v.keyring, &stranger, RNG), wrong);
    assert_eq!(v.file.add_passphrase(&stranger, &pass(), Argon2Cost::test(), RNG), wrong);
    assert_eq!(v.file.add_key_file(&stranger, &v.key, RNG), wrong);
    assert_eq!(v.file.add_shares(&stranger, 2, 2, RNG).unwrap_err(), KeyringError::WrongRoot);
    assert_eq!(v.file.to_bytes(), before);
}

#[test]
fn a_new_root_key_shuts_out_the_old_one() {
    let mut v = vault();
    let new = RootKey::generate(RNG);
    let before = v.file.to_bytes();
    let none = v.file.rotate_root(&v.keyring, &new, &SlotSecrets::default(), RNG);
    assert_eq!(none.unwrap_err(), KeyringError::LastSlot);
    let bad = SlotSecrets { key_file: Some(&v.key), shares: Some((1, 1)), ..SlotSecrets::default() };
    assert_eq!(v.file.rotate_root(&v.keyring, &new, &bad, RNG).unwrap_err(), KeyringError::ShareCount);
    assert_eq!(v.file.to_bytes(), before);
    let passphrase = pass();
    let passphrase = Some((&passphrase, Argon2Cost::test()));
    let secrets = SlotSecrets { passphrase, shares: Some((2, 2)), key_file: None };
    let shares = v.file.rotate_root(&v.keyring, &new, &secrets, RNG).unwrap();
    let file = reparse(&v.file);
    assert_eq!(file.unlock_root(&v.root).unwrap_err(), KeyringError::WrongRoot);
    assert_eq!(file.unlock_key_file(&v.key).unwrap_err(), KeyringError::NoSlot(SlotKind::KeyFile));
    assert_eq!(file.unlock_shares(&v.shares).unwrap_err(), KeyringError::OtherShareSet);
    let (root, keyring) = file.unlock_shares(&shares).unwrap();
    assert!(root == new && same(&v.keyring, &keyring));
    assert!(file.unlock_passphrase(&pass()).unwrap().0 == new);
}

/// Whichever byte is changed, no slot gives out keys any more: the other slots, too, are bound to the seal.
#[test]
fn every_changed_byte_shuts_the_file() {
    let v = vault();
    let bytes = v.file.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(file) = KeyringFile::parse(&changed) else { continue };
        // A changed Argon2 cost may still be allowed; keep the test quick.
        let heavy = |slot: &SlotDescription| matches!(slot, SlotDescription::Passphrase { cost } if cost.memory_kib() > 1024);
        if !file.slots().iter().any(heavy) {
            assert!(file.unlock_passphrase(&pass()).is_err(), "byte {at} by passphrase");
        }
        assert!(file.unlock_key_file(&v.key).is_err(), "byte {at} by key file");
        assert!(file.unlock_shares(&v.shares).is_err(), "byte {at} by shares");
        assert!(file.unlock_root(&v.root).is_err(), "byte {at} by root key");
    }
    for length in 0..bytes.len() {
        assert!(KeyringFile::parse(&bytes[..length]).is_err(), "cut at {length}");
    }
    assert!(KeyringFile::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
}

/// Parts of two files of one root key do not make a third.
#[test]
fn a_slot_of_an_earlier_file_cannot_be_put_back() {
    let mut v = vault();
    for kind in [SlotKind::KeyFile, SlotKind::Shares] {
        v.file.remove_slot(kind, &v.root, RNG).unwrap();
    }
    let old = v.file.to_bytes();
    v.file.add_passphrase(&v.root, &text("new"), Argon2Cost::test(), RNG).unwrap();
    let new = v.file.to_bytes();
    assert_eq!(old.len(), new.len());
    let slot_end = 18 + 2 + 1 + 16 + 12 + 92;
    let mixed = [&old[..slot_end], &new[slot_end..]].concat();
    let file = KeyringFile::parse(&mixed).unwrap();
    assert_eq!(file.unlock_passphrase(&pass()).unwrap_err(), KeyringError::Changed);
}

#[test]
fn hostile_files_are_refused() {
    let bytes = vault().file.to_bytes();
    let with = |at: usize, value: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + value.len()].copy_from_slice(value);
        KeyringFile::parse(&changed).unwrap_err()
    };
    assert_eq!(with(0, b"K"), KeyringError::Malformed);
    assert_eq!(with(18, &[2]), KeyringError::Version);
    for count in [0, 1, 2, 4, 255] {
        assert_eq!(with(19, &[count]), KeyringError::Malformed);
    }
    for kind in [0, 2, 3, 4, 255] {
        assert!(matches!(with(20, &[kind]), KeyringError::Malformed | KeyringError::Cost));
    }
    let cost = 20 + 1 + 16;
    for (memory, passes, lanes) in
        [(u32::MAX, 1, 1), (1 << 21, 3, 4), (8, 1 << 20, 1), (64, 1, 17), (0, 0, 0)]
    {
        let stored = [memory, passes, lanes].map(u32::to_be_bytes).concat();
        assert_eq!(with(cost, &stored), KeyringError::Cost);
    }
    // One slot of a kind, in the order of kinds: the passphrase's ends at 141, the key file's at 234.
    let (passphrase, key_file, shares) = (&bytes[20..141], &bytes[141..234], &bytes[234..333]);
    for slots in
        [[key_file, passphrase, shares], [passphrase, shares, key_file], [passphrase, passphrase, shares]]
    {
        let moved = [&bytes[..20], &slots.concat(), &bytes[333..]].concat();
        assert_eq!(KeyringFile::parse(&moved).unwrap_err(), KeyringError::Malformed);
    }
    let same = [&bytes[..20], passphrase, key_file, shares, &bytes[333..]].concat();
    assert!(KeyringFile::parse(&same).is_ok());
    assert_eq!(KeyringFile::parse(&vec![0; KEYRING_BYTES_MAX + 1]).unwrap_err(), KeyringError::Malformed);
    assert_eq!(KeyringFile::parse(&[]).unwrap_err(), KeyringError::Malformed);
}

#[test]
fn changes_survive_storage() {
    let mut v = vault();
    let later = TimeMs(2000);
    v.keyring.add_epoch(SHOP, later, RNG).unwrap();
    v.keyring.add_epoch(SHOP, later, RNG).unwrap();
    v.keyring.destroy_epoch(SHOP, 1, later).unwrap();
    v.keyring.add_index_version(SHOP, RNG).unwrap();
    v.keyring.add_index_version(SHOP, RNG).unwrap();
    v.keyring.retire_index_version(SHOP, 1).unwrap();
    v.keyring.rotate_signing(later, RNG);
    v.keyring.set_suite(SHOP, Suite::XChaCha20Poly1305).unwrap();
    v.keyring.add_shop(ShopId(7), later, RNG).unwrap();
    v.file.update(&v.keyring, &v.root, RNG).unwrap();
    let (_, keyring) = reparse(&v.file).unlock_key_file(&v.key).unwrap();
    assert!(same(&v.keyring, &keyring));
    assert_eq!(keyring.shop_ids(), [SHOP, ShopId(7)]);
    assert_eq!(keyring.shop(SHOP).unwrap().suite(), Suite::XChaCha20Poly1305);
    assert_eq!(keyring.shop(SHOP).unwrap().index_versions(), [2, 3]);
    assert_eq!(keyring.note_verifiers("log").len(), 2);
    assert!(keyring.shop(ShopId(8)).is_none() && keyring.epochs(ShopId(8)).is_empty());
}

#[test]
fn a_destroyed_epoch_opens_nothing_for_ever() {
    let mut keyring = Keyring::generate(SHOP, "test", TimeMs(0), RNG);
    let old = keyring.shop(SHOP).unwrap();
    let dek = old.new_dek(RNG);
    let (first, wrapped) = old.wrap_dek(&dek, &place(), RNG);
    assert_eq!(keyring.destroy_epoch(SHOP, 1, TimeMs(1)), Err(KeyringChangeError::NewestEpoch));
    assert_eq!(keyring.add_epoch(SHOP, TimeMs(1), RNG), Ok(2));
    let keys = keyring.shop(SHOP).unwrap();
    let opened = keys.unwrap_dek(&place(), first, &wrapped).unwrap();
    let (second, rewrapped) = keys.wrap_dek(&opened, &place(), RNG);
    assert_eq!((first, second, keys.epoch()), (1, 2, 2));
    // A wrap of one epoch does not pass for one of another.
    assert_eq!(keys.unwrap_dek(&place(), 2, &wrapped).unwrap_err(), WrapError::Corrupt);
    keyring.destroy_epoch(SHOP, 1, TimeMs(2)).unwrap();
    let keys = keyring.shop(SHOP).unwrap();
    assert_eq!(keys.unwrap_dek(&place(), 1, &wrapped).unwrap_err(), WrapError::EpochDestroyed);
    assert!(keys.unwrap_dek(&place(), 2, &rewrapped).is_ok());
    let destroyed = Some(TimeMs(2));
    assert_eq!(
        keyring.epochs(SHOP),
        [
            Epoch { number: 1, created: TimeMs(0), destroyed },
            Epoch { number: 2, created: TimeMs(1), destroyed: None }
        ]
    );
    let refused = |keyring: &mut Keyring, number| keyring.destroy_epoch(SHOP, number, TimeMs(3)).unwrap_err();
    assert_eq!(refused(&mut keyring, 1), KeyringChangeError::Destroyed);
    assert_eq!(refused(&mut keyring, 2), KeyringChangeError::NewestEpoch);
    assert_eq!(refused(&mut keyring, 3), KeyringChangeError::UnknownEpoch);
    assert_eq!(keyring.add_epoch(ShopId(9), TimeMs(3), RNG), Err(KeyringChangeError::UnknownShop));
}

#[test]
fn centuries_of_epochs_stay_small() {
    let mut v = vault();
    for number in 2..1000 {
        assert_eq!(v.keyring.add_epoch(SHOP, TimeMs(number.into()), RNG), Ok(number));
        v.keyring.destroy_epoch(SHOP, number - 1, TimeMs(number.into())).unwrap();
    }
    assert_eq!(v.keyring.epochs(SHOP).len(), 257);
    v.file.update(&v.keyring, &v.root, RNG).unwrap();
    assert!(v.file.to_bytes().len() < 16 * 1024);
    let (_, keyring) = reparse(&v.file).unlock_key_file(&v.key).unwrap();
    let keys = keyring.shop(SHOP).unwrap();
    assert_eq!(keys.unwrap_dek(&place(), 5, &[]).unwrap_err(), WrapError::EpochDestroyed);
    assert_eq!(keys.epoch(), 999);
}

#[test]
fn the_receipts_date_lies_after_the_epochs_end() {
    let mut keyring = Keyring::generate(SHOP, "test", TimeMs(0), RNG);
    let from = |keyring: &Keyring, now| keyring.backups_unreadable_from(SHOP, TimeMs(now)).unwrap().0;
    assert_eq!(from(&keyring, 5), EPOCH_PERIOD_MS + EPOCH_KEEP_MS);
    // The next epoch is overdue: the count begins now.
    assert_eq!(from(&keyring, EPOCH_PERIOD_MS + 5), EPOCH_PERIOD_MS + 5 + EPOCH_KEEP_MS);
    keyring.add_epoch(SHOP, TimeMs(100), RNG).unwrap();
    assert_eq!(from(&keyring, 100), 100 + EPOCH_PERIOD_MS + EPOCH_KEEP_MS);
    assert_eq!(from(&keyring, i64::MAX), i64::MAX);
    assert_eq!(keyring.backups_unreadable_from(ShopId(2), TimeMs(0)), None);
}

#[test]
fn index_versions_come_and_go() {
    let mut keyring = Keyring::generate(SHOP, "test", TimeMs(0), RNG);
    assert_eq!(keyring.retire_index_version(SHOP, 1), Err(KeyringChangeError::NewestIndexVersion));
    for expected in 2..=255 {
        assert_eq!(keyring.add_index_version(SHOP, RNG), Ok(expected));
    }
    // All 255 numbers are live.
    assert_eq!(keyring.add_index_version(SHOP, RNG), Err(KeyringChangeError::UnknownIndexVersion));
    assert_eq!(keyring.retire_index_version(SHOP, 255), Err(KeyringChangeError::NewestIndexVersion));
    assert_eq!(keyring.retire_index_version(SHOP, 0), Err(KeyringChangeError::UnknownIndexVersion));
    keyring.retire_index_version(SHOP, 3).unwrap();
    assert_eq!(keyring.retire_index_version(SHOP, 3), Err(KeyringChangeError::UnknownIndexVersion));
    assert_eq!(keyring.add_index_version(SHOP, RNG), Ok(3));
    assert_eq!(keyring.shop(SHOP).unwrap().index_versions().last(), Some(&3));
    assert_eq!(keyring.add_shop(SHOP, TimeMs(0), RNG), Err(KeyringChangeError::ShopExists));
}

#[test]
fn earlier_signing_keys_still_verify() {
    let mut keyring = Keyring::generate(SHOP, "test", TimeMs(0), RNG);
    let mut notes = vec![keyring.note_signer("node-1").sign("0\n")];
    for turn in 1..4 {
        keyring.rotate_signing(TimeMs(turn), RNG);
        notes.push(keyring.note_signer("node-1").sign(&format!("{turn}\n")));
    }
    let verifiers = keyring.note_verifiers("node-1");
    assert_eq!(verifiers.len(), 4);
    for (turn, note) in notes.iter().enumerate() {
        let (text, by) = note::verify_any(note, &verifiers).unwrap();
        assert_eq!((text, by), (format!("{turn}\n").as_str(), &verifiers[3 - turn]));
        assert_eq!(verifiers[0].verify(note).is_ok(), turn == 3);
        let other_log = keyring.note_verifiers("node-2");
        assert_eq!(note::verify_any(note, &other_log).unwrap_err(), NoteError::UnknownKey);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(KeyringFile::parse(&bytes).is_err());
        let likely = [b"klantkluis keyring\x01".as_slice(), &bytes].concat();
        let _ = KeyringFile::parse(&likely);
    }

    #[test]
    fn mutated_files_give_no_keys(at in any::<prop::sample::Index>(), value: u8, cut in any::<prop::sample::Index>(), grow in 0usize..40) {
        let v = vault();
        let mut bytes = v.file.to_bytes();
        let before = bytes.clone();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if grow > 20 {
            bytes.truncate(cut.index(before.len()));
        } else if grow > 10 {
            bytes.splice(at..at, std::iter::repeat_n(value, grow));
        }
        prop_assume!(bytes != before);
        if let Ok(file) = KeyringFile::parse(&bytes) {
            prop_assert!(file.unlock_key_file(&v.key).is_err());
            prop_assert!(file.unlock_shares(&v.shares).is_err());
        }
    }
}
