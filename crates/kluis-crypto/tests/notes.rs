//! Signed notes, checkpoints, tiles and receipts, against the independent crates `signed_note` and `tlog_tiles`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use kluis_crypto::merkle::{self, Frontier, Hash, MerkleError, NodeSource};
use kluis_crypto::note::{self, Checkpoint, NoteError, key_name, verify_any};
use kluis_crypto::receipt::{self, ErasureReceipt, Kept, ReceiptError};
use kluis_crypto::tiles::{self, Tile, TileError, TileKind, TileNodes};
use kluis_crypto::*;
use kluis_model::{ClassSet, RetentionClass, ShopId, SubjectId, TimeMs};
use proptest::prelude::*;
use signed_note::{Note, Signer, StandardSigner, StandardVerifier, VerifierList};

const RNG: &SystemRandom = &SystemRandom;

/// The key pair and note of the Go package golang.org/x/mod/sumdb/note, whose format C2SP took over.
const PETER_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn signer(name: &str) -> NoteSigner {
    NoteSigner::new(name, &Secret::random(RNG))
}

#[test]
fn the_published_note_verifies() {
    let verifier: NoteVerifier = PETER_VKEY.parse().unwrap();
    assert_eq!(verifier.vkey(), PETER_VKEY);
    let text = verifier.verify(PETER_NOTE).unwrap();
    assert!(text.starts_with("If you think") && text.ends_with("problem is.\n"));
    let changed = PETER_NOTE.replace("your problem is", "my problem is");
    assert_eq!(verifier.verify(&changed), Err(NoteError::Signature));
}

#[test]
fn another_program_reads_our_notes_and_we_read_its() {
    let ours = signer("vault.example/log");
    let theirs = StandardVerifier::new(&ours.verifier().vkey()).unwrap();
    for text in ["one line\n", "two\nlines\n", "with\n\na gap\n", "ends in a gap\n\n", "é — 漢\n"] {
        let note = ours.sign(text);
        let parsed = Note::from_bytes(note.as_bytes()).unwrap();
        assert_eq!(parsed.text(), text.as_bytes());
        let (good, unknown) = parsed.verify(&VerifierList::new(vec![Box::new(theirs.clone())])).unwrap();
        assert_eq!((good.len(), unknown.len()), (1, 0));
        assert_eq!(ours.verifier().verify(&note), Ok(text));
    }
    // RFC 8032 §7.1 test 1's seed, as a signer key of the other program.
    let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let secret = Secret::from_slice(&seed).unwrap();
    let ours = NoteSigner::new("rfc8032", &secret);
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(hex::encode(ours.verifier().public()), public);
    let key = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [&[1], seed.as_slice()].concat());
    let skey = format!("PRIVATE+KEY+rfc8032+{:08x}+{key}", ours.verifier().id());
    let theirs = StandardSigner::new(&skey).unwrap();
    assert_eq!(theirs.key_id(), ours.verifier().id());
    let mut note = Note::new(b"text\n", &[]).unwrap();
    note.add_sigs(&[&theirs]).unwrap();
    let note = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(note, ours.sign("text\n"));
    assert_eq!(ours.verifier().verify(&note), Ok("text\n"));
}

#[test]
fn one_of_several_signatures_is_enough_but_a_wrong_one_is_not() {
    let (one, two, three) = (signer("one"), signer("two"), signer("three"));
    let line = |note: &str| note.rsplit_once("\n\n").unwrap().1.to_owned();
    let both = one.sign("text\n") + &line(&two.sign("text\n"));
    for verifier in [one.verifier(), two.verifier()] {
        assert_eq!(verifier.verify(&both), Ok("text\n"));
    }
    assert_eq!(three.verifier().verify(&both), Err(NoteError::UnknownKey));
    let forged = one.sign("text\n") + &line(&two.sign("other\n"));
    assert_eq!(one.verifier().verify(&forged), Ok("text\n"));
    assert_eq!(two.verifier().verify(&forged), Err(NoteError::Signature));
    let known = [three.verifier(), two.verifier()];
    assert_eq!(verify_any(&forged, &known).unwrap_err(), NoteError::Signature);
    assert_eq!(verify_any(&both, &known).unwrap().1, &two.verifier());
    assert_eq!(verify_any(&both, &[]).unwrap_err(), NoteError::UnknownKey);
    // The same name with another key is another verifier.
    assert_eq!(signer("one").verifier().verify(&both), Err(NoteError::UnknownKey));
}

#[test]
fn hostile_notes_and_keys_are_refused() {
    let ours = signer("log");
    let (note, verifier) = (ours.sign("text\n"), ours.verifier());
    let long = format!("{}\n", "a".repeat(note::NOTE_BYTES_MAX));
    let many = format!("text\n\n{}", format!("{}\n", note.lines().last().unwrap()).repeat(101));
    for bad in [
        "",
        "\n",
        "\n\n",
        "text",
        "text\n",
        "text\n\n",
        "text\n\n\u{2014} log\n",
        "text\n\n\u{2014} log AAAA\n",
        "text\n\n- log AAAAAAAA\n",
        "text\n\n\u{2014} l+g AAAAAAAA\n",
        "text\n\n\u{2014}  AAAAAAAA\n",
        "text\n\n\u{2014} log AAAAAAA!\n",
        note.trim_end(),
        &note.replace('\n', "\r\n"),
        &note.replace("text", "te\u{0}xt"),
        &long,
        &many,
    ] {
        assert_eq!(verifier.verify(bad), Err(NoteError::Malformed), "{}", bad.get(..40).unwrap_or(bad));
        assert!(verify_any(bad, &[]).is_err());
    }
    let vkey = verifier.vkey();
    let (name, rest) = vkey.split_once('+').unwrap();
    let (id, key) = rest.split_once('+').unwrap();
    let huge = format!("{}+{rest}", "a".repeat(5000));
    for bad in [
        "",
        "++",
        name,
        &format!("{name}+{id}"),
        &format!("+{rest}"),
        &format!("other+{rest}"),
        &format!("two words+{rest}"),
        &format!("{name}+0{id}+{key}"),
        &format!("{name}+{}+{key}", &id[1..]),
        &format!("{name}+{id}+{}", &key[4..]),
        &format!("{name}+{id}+{key}AAAA"),
        &format!("{name}+{id}+Ag{}", &key[2..]),
        &huge,
    ] {
        assert_eq!(bad.parse::<NoteVerifier>(), Err(NoteError::VerifierKey), "{bad}");
    }
    assert_eq!(format!(" {vkey}\n").parse(), Ok(verifier));
}

#[test]
fn what_a_note_cannot_hold_is_replaced() {
    let ours = signer("a b+c\nd");
    assert_eq!((ours.name(), key_name("")), ("a-b-c-d", "klantkluis".to_owned()));
    assert_eq!(key_name(&"é".repeat(200)).len(), note::KEY_NAME_BYTES_MAX);
    assert_eq!(ours.verifier().verify(&ours.sign("no\tnewline\0")), Ok("no\u{fffd}newline\u{fffd}\n"));
    let checkpoint = Checkpoint { origin: "a\nb".to_owned(), size: 1, root: [1; 32] };
    assert_eq!(Checkpoint::decode(&checkpoint.encode()).unwrap().origin, "a\u{fffd}b");
    assert!(!format!("{ours:?}").contains("key"));
}

#[test]
fn checkpoints_agree_with_the_other_program() {
    let ours = signer("vault.example");
    for size in [0, 1, 255, u64::MAX] {
        let root = sha256(&size.to_be_bytes());
        let checkpoint = Checkpoint { origin: "vault.example".to_owned(), size, root };
        let hash = tlog_tiles::Hash(root);
        let theirs = tlog_tiles::Checkpoint::new("vault.example", size, hash, "").unwrap();
        assert_eq!(checkpoint.encode().as_bytes(), theirs.to_bytes());
        assert_eq!(tlog_tiles::Checkpoint::from_bytes(checkpoint.encode().as_bytes()).unwrap(), theirs);
        let note = checkpoint.sign(&ours);
        assert_eq!(Checkpoint::verify(&note, &[ours.verifier()]), Ok(checkpoint));
        assert_eq!(Checkpoint::verify(&note, &[signer("x").verifier()]), Err(NoteError::UnknownKey));
    }
    let good = Checkpoint { origin: "o".to_owned(), size: 10, root: [9; 32] }.encode();
    for bad in [
        "",
        "\n\n\n",
        "o\n10\n",
        good.trim_end(),
        &good[1..],
        &good.replace("10", "010"),
        &good.replace("10", "+10"),
        &good.replace("10", "-1"),
        &good.replace("10", "18446744073709551616"),
        &good.replace('=', ""),
        &good.replace("CQk", "Q"),
        &format!("{good}extension\n"),
        &format!("{good}\n"),
    ] {
        assert_eq!(Checkpoint::decode(bad), Err(NoteError::Checkpoint), "{bad}");
    }
    let receipt_like = ours.sign("klantkluis erasure receipt 1\n{}\n");
    assert_eq!(Checkpoint::verify(&receipt_like, &[ours.verifier()]), Err(NoteError::Checkpoint));
}

fn nodes(size: u64) -> (BTreeMap<(u8, u64), Hash>, Frontier) {
    let mut nodes = BTreeMap::new();
    let mut frontier = Frontier::new();
    for leaf in 0..size {
        let leaf = merkle::leaf_hash(&leaf.to_be_bytes());
        frontier.push_recording(leaf, &mut |level, index, hash| {
            nodes.insert((level, index), *hash);
        });
    }
    (nodes, frontier)
}

#[test]
fn tile_paths_agree_with_the_other_program() {
    for index in [0, 1, 255, 999, 1000, 1_234_067, 999_999_999_999, (1 << 54) - 1] {
        for width in [1, 7, 255, 256] {
            for level in 0..=tiles::TILE_LEVEL_MAX {
                let tile = Tile { kind: TileKind::Hashes { level }, index, width };
                let theirs = tlog_tiles::Tile::new(8, level, index, width.into(), false).path();
                // The other program writes the height, as Go does; C2SP leaves out the fixed 8.
                assert_eq!(tile.path(), theirs.replacen("tile/8/", "tile/", 1));
                assert_eq!(Tile::parse(&tile.path()), Ok(tile));
            }
            let tile = Tile { kind: TileKind::Entries, index, width };
            assert_eq!(Tile::parse(&tile.path()), Ok(tile));
        }
    }
    let entries = Tile { kind: TileKind::Entries, index: 1_234_067, width: 5 };
    assert_eq!(entries.path(), "tile/entries/x001/x234/067.p/5");
    for bad in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/255/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/data/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x001/000/",
        "tile/0//000",
        "tile/0/+01",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.P/1",
        "/tile/0/000",
        "tile/0/../000",
        "tile/0/é",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/entries/000 ",
    ] {
        assert_eq!(Tile::parse(bad), Err(TileError::Path), "{bad}");
    }
}

#[test]
fn tiles_hold_what_the_tree_holds() {
    let (nodes, frontier) = nodes(70_000);
    let mut stored = |level: u8, index| {
        assert!(level.is_multiple_of(8), "only tile-level nodes are stored");
        nodes.get(&(level, index)).copied()
    };
    for theirs in tlog_tiles::Tile::new_tiles(8, 0, 70_000) {
        let (kind, index) = (TileKind::Hashes { level: theirs.level() }, theirs.level_index());
        let tile = Tile::of_size(kind, index, 70_000).unwrap();
        assert_eq!(u32::from(tile.width), theirs.width());
        let bytes = tile.hashes(&mut stored).unwrap();
        assert_eq!(bytes.len(), usize::from(tile.width) * 32);
        assert_eq!(bytes[..32], nodes[&(theirs.level() * 8, index * 256)]);
        let after = Tile::of_size(kind, index + 1, 70_000);
        assert_eq!(
            after.is_some(),
            tile.width == 256 && nodes.contains_key(&(theirs.level() * 8, (index + 1) * 256))
        );
    }
    assert_eq!(Tile::of_size(TileKind::Entries, 273, 70_000).unwrap().width, 112);
    assert_eq!(Tile::of_size(TileKind::Entries, 274, 70_000), None);
    assert_eq!(Tile::of_size(TileKind::Entries, 0, 0), None);
    assert_eq!(Tile::of_size(TileKind::Entries, u64::MAX, u64::MAX), None);
    assert_eq!(Tile::of_size(TileKind::Hashes { level: 8 }, 0, u64::MAX), None);
    let missing = Tile { kind: TileKind::Hashes { level: 0 }, index: 273, width: 113 };
    let expected = MerkleError::Missing { level: 0, index: 70_000 };
    assert_eq!(missing.hashes(&mut stored), Err(expected));
    let outside = Tile { kind: TileKind::Hashes { level: 31 }, index: u64::MAX, width: 1 };
    assert_eq!(outside.hashes(&mut stored), Err(MerkleError::Range));
    // Proofs from tile-level nodes are those from all nodes.
    let mut all = |level, index| nodes.get(&(level, index)).copied();
    let mut few = TileNodes(stored);
    for index in [0, 255, 256, 65_535, 65_536, 69_999] {
        let proof = merkle::inclusion_proof(index, 70_000, &mut few).unwrap();
        assert_eq!(proof, merkle::inclusion_proof(index, 70_000, &mut all).unwrap());
        let leaf = nodes[&(0, index)];
        assert_eq!(merkle::verify_inclusion(&leaf, (index, 70_000), &proof, &frontier.root()), Ok(()));
        let proof = merkle::consistency_proof(index, 70_000, &mut few);
        assert_eq!(proof, merkle::consistency_proof(index, 70_000, &mut all));
    }
    assert_eq!(few.node(3, u64::MAX), None);
}

/// The other program checks our tiles against our checkpoint and proves a record with them.
#[test]
fn the_other_program_accepts_our_tiles() {
    struct Files(BTreeMap<(u8, u64), Hash>, u64);
    impl tlog_tiles::TileReader for Files {
        fn height(&self) -> u8 {
            8
        }
        fn read_tiles(&self, wanted: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
            let read = |tile: &tlog_tiles::Tile| {
                let kind = TileKind::Hashes { level: tile.level() };
                let width = u16::try_from(tile.width()).unwrap();
                let tile = Tile { kind, index: tile.level_index(), width };
                assert!(width <= Tile::of_size(kind, tile.index, self.1).unwrap().width);
                tile.hashes(&mut |level, index| self.0.get(&(level, index)).copied()).unwrap()
            };
            Ok(wanted.iter().map(read).collect())
        }
        fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
    }
    let size = 600;
    let (nodes, frontier) = nodes(size);
    let files = Files(nodes, size);
    let root = tlog_tiles::Hash(frontier.root());
    let reader = tlog_tiles::TileHashReader::new(size, root, &files);
    for index in [0, 299, 599] {
        let theirs = tlog_tiles::prove_record(size, index, &reader).unwrap();
        let mut source = |level, index| files.0.get(&(level, index)).copied();
        let ours = merkle::inclusion_proof(index, size, &mut source).unwrap();
        assert_eq!(theirs.iter().map(|hash| hash.0).collect::<Vec<_>>(), ours);
        let leaf = tlog_tiles::record_hash(&index.to_be_bytes());
        tlog_tiles::check_record(&theirs, size, root, index, leaf).unwrap();
    }
}

#[test]
fn entry_bundles() {
    let leaves: Vec<Vec<u8>> = (0..256).map(|n| vec![7; n]).collect();
    for width in [0, 1, 2, 255, 256] {
        let bundle = tiles::encode_entries(&leaves[..width]).unwrap();
        assert_eq!(tiles::decode_entries(&bundle, width as u16).unwrap(), leaves[..width]);
        assert_eq!(tiles::decode_entries(&bundle, width as u16 + 1), Err(TileError::Bundle));
        assert_eq!(
            tiles::decode_entries(&[&bundle[..], &[0]].concat(), width as u16),
            Err(TileError::Bundle)
        );
        if width > 1 {
            assert_eq!(tiles::decode_entries(&bundle, width as u16 - 1), Err(TileError::Bundle));
            assert_eq!(
                tiles::decode_entries(&bundle[..bundle.len() - 1], width as u16),
                Err(TileError::Bundle)
            );
        }
    }
    assert_eq!(tiles::encode_entries(&[b"ab".as_slice(), b""]).unwrap(), [0, 2, b'a', b'b', 0, 0]);
    assert_eq!(tiles::encode_entries(&[vec![0; 65_536]]), Err(TileError::Entries));
    assert_eq!(tiles::encode_entries(&vec![b""; 257]), Err(TileError::Entries));
    assert!(tiles::encode_entries(&[vec![0; 65_535]]).is_ok());
}

fn example_receipt() -> ErasureReceipt {
    ErasureReceipt {
        shop: ShopId(1),
        subject: SubjectId::from_bytes([5; 16]),
        erased_at: TimeMs(1_795_000_000_123),
        classes: ClassSet::EMPTY.with(RetentionClass::Profile).with(RetentionClass::Marketing),
        kept: vec![
            Kept { purpose: "invoice".parse().unwrap(), until: Some(TimeMs(1_900_000_000_000)) },
            Kept { purpose: "dispute".parse().unwrap(), until: None },
        ],
        backups_unreadable_from: TimeMs(1_800_000_000_000),
        epoch: 12,
    }
}

#[test]
fn receipts_round_trip_and_tampering_shows() {
    let mut keyring = Keyring::generate(ShopId(1), "vault.example", TimeMs(0), RNG);
    let receipt = example_receipt();
    let note = receipt::sign(&keyring, &receipt);
    assert!(note.starts_with("klantkluis erasure receipt 1\n{\"shop\":1,"), "{note}");
    assert!(note.contains("\"classes\":[\"profile\",\"marketing\"]"), "{note}");
    let verifiers = keyring.note_verifiers(keyring.log_name());
    assert_eq!(receipt::verify(&note, &verifiers), Ok(receipt.clone()));
    let changed = note.replace("\"epoch\":12", "\"epoch\":13");
    assert_eq!(receipt::verify(&changed, &verifiers), Err(ReceiptError::Note(NoteError::Signature)));
    let signer = keyring.note_signer("vault.example");
    for text in ["", "{}\n", "klantkluis erasure receipt 1\n{}\n", "klantkluis erasure receipt 2\n{}\n"] {
        assert_eq!(receipt::verify(&signer.sign(text), &verifiers), Err(ReceiptError::Format), "{text}");
    }
    let checkpoint = Checkpoint { origin: "vault.example".to_owned(), size: 1, root: [0; 32] }.sign(&signer);
    assert_eq!(receipt::verify(&checkpoint, &verifiers), Err(ReceiptError::Format));
    keyring.rotate_signing(TimeMs(1), RNG);
    assert_eq!(receipt::verify(&note, &keyring.note_verifiers("vault.example")), Ok(receipt));
    let stranger = Keyring::generate(ShopId(1), "vault.example", TimeMs(0), RNG);
    let refused = receipt::verify(&note, &stranger.note_verifiers("vault.example"));
    assert_eq!(refused, Err(ReceiptError::Note(NoteError::UnknownKey)));
}

proptest! {
    #[test]
    fn any_text_signs_and_verifies(text in "\\PC{0,60}(\n\\PC{0,20}){0,4}", log in ".{0,40}") {
        let ours = signer(&log);
        let note = ours.sign(&text);
        let signed = ours.verifier().verify(&note).unwrap();
        prop_assert!(signed.trim_end_matches('\n').eq(text.trim_end_matches('\n')));
        let theirs = StandardVerifier::new(&ours.verifier().vkey()).unwrap();
        let parsed = Note::from_bytes(note.as_bytes()).unwrap();
        prop_assert!(parsed.verify(&VerifierList::new(vec![Box::new(theirs)])).is_ok());
        prop_assert_eq!(ours.verifier().vkey().parse::<NoteVerifier>(), Ok(ours.verifier()));
    }

    #[test]
    fn any_text_is_survived(text in "(\\PC|\n|\u{2014} |\\+){0,200}") {
        let verifier: NoteVerifier = PETER_VKEY.parse().unwrap();
        prop_assert!(verifier.verify(&text).is_err());
        prop_assert!(text.parse::<NoteVerifier>().is_err());
        let _ = Checkpoint::decode(&text);
        prop_assert!(Tile::parse(&text).is_err());
        prop_assert!(receipt::verify(&text, &[verifier]).is_err());
    }

    #[test]
    fn any_tile_like_path_is_survived(path in "tile/([0-9]{1,3}|entries)/(x?[0-9]{3}/){0,7}[0-9]{1,4}(\\.p/[0-9]{1,4})?") {
        if let Ok(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.path(), path);
        }
    }

    #[test]
    fn mutated_notes_are_refused(at in any::<prop::sample::Index>(), with in "[ -~\n]") {
        let mut note = PETER_NOTE.to_owned();
        let at = at.index(note.len());
        prop_assume!(note.is_char_boundary(at) && note.is_char_boundary(at + 1));
        prop_assume!(note[at..=at] != with);
        note.replace_range(at..=at, &with);
        let verifier: NoteVerifier = PETER_VKEY.parse().unwrap();
        prop_assert!(verifier.verify(&note).is_err());
    }

    #[test]
    fn any_bundle_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), width: u16) {
        if let Ok(leaves) = tiles::decode_entries(&bytes, width) {
            prop_assert_eq!(leaves.len(), usize::from(width));
        }
    }
}
