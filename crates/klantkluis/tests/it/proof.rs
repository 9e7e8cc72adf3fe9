//! A stranger checks the vault's word with public tools only: signed notes, tiles, and SHA-256 written out here.

use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, HashReader, Tile, TileHashReader, TileReader};

use crate::client::Client;
use crate::harness::{Engine, Vault, customer, on_both};

/// Leaves under one hash tile or in one bundle of entries (C2SP tlog-tiles).
const TILE_WIDTH: u64 = 256;

/// SHA-256 (FIPS 180-4), written out so that nothing of the product is taken on trust.
fn sha256(message: &[u8]) -> [u8; 32] {
    let primes: Vec<u64> = (2_u64..312).filter(|n| (2..*n).all(|divisor| n % divisor != 0)).collect();
    // The first 32 bits of the fractions of roots of primes, by whole numbers so that nothing is rounded.
    let root = |prime: u64, power: u32, shift: u32| -> u32 {
        let wanted = u128::from(prime) << shift;
        let (mut low, mut high) = (0_u128, 1_u128 << 40);
        while low + 1 < high {
            let middle = low.midpoint(high);
            if middle.pow(power) <= wanted { low = middle } else { high = middle }
        }
        u32::try_from(low & 0xffff_ffff).unwrap()
    };
    let mut state: Vec<u32> = primes[..8].iter().map(|prime| root(*prime, 2, 64)).collect();
    let constants: Vec<u32> = primes[..64].iter().map(|prime| root(*prime, 3, 96)).collect();
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - message.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let length_at = padded.len() - 8;
    padded[length_at..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words: Vec<u32> =
            block.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        for t in 16..64 {
            let (a, b) = (words[t - 15], words[t - 2]);
            let small = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let large = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            words.push(words[t - 16].wrapping_add(small).wrapping_add(words[t - 7]).wrapping_add(large));
        }
        let mut v = state.clone();
        for t in 0..64 {
            let sum = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let choice = (v[4] & v[5]) ^ (!v[4] & v[6]);
            let one = v[7].wrapping_add(sum).wrapping_add(choice);
            let one = one.wrapping_add(constants[t]).wrapping_add(words[t]);
            let sum = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let two = sum.wrapping_add((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(one);
            v[0] = one.wrapping_add(two);
        }
        for (known, new) in state.iter_mut().zip(v) {
            *known = known.wrapping_add(new);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>().try_into().unwrap()
}

/// The root of a tree over leaf hashes, as RFC 6962 §2.1 defines it, the slow and plain way.
fn root_of(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(b""),
        [leaf] => *leaf,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            sha256(&[&[1], &root_of(left)[..], &root_of(right)].concat())
        }
    }
}

fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    sha256(&[&[0], entry].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of_hex(text: &str) -> Hash {
    let bytes: Vec<u8> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    Hash(bytes.try_into().unwrap())
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(|hash| hash_of_hex(hash.as_str().unwrap())).collect()
}

#[test]
fn the_plain_sha_256_is_sha_256() {
    // FIPS 180-4 examples, and lengths around the padding.
    assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(hex(&sha256(b"")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    assert_eq!(
        hex(&sha256(long.as_bytes())),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    );
    for length in 0..150 {
        let message = vec![0x61; length];
        assert_eq!(Hash(leaf_hash(&message)), tlog_tiles::record_hash(&message), "{length}");
    }
}

/// Somebody outside with an auditor's credential, the vault's address and its verifier key, written down earlier.
struct Stranger {
    client: Client,
    log: String,
    verifier: String,
}

impl Stranger {
    fn of(vault: &Vault) -> Self {
        let words = ["credential", "create", "accountant", "--role", "auditor"];
        let secret = vault.cli_json(&words, "")["secret"].as_str().unwrap().to_owned();
        let client = vault.client().with_bearer(Some(&secret));
        let key = client.with_bearer(None).get("/v1/audit/key").expect(200).json();
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        Self { client, log: text("log"), verifier: text("verifier") }
    }

    /// The text of a note, if the vault signed it.
    fn open(&self, note: &str) -> Result<String, String> {
        let verifier = StandardVerifier::new(&self.verifier).map_err(|error| error.to_string())?;
        let note = Note::from_bytes(note.as_bytes()).map_err(|error| error.to_string())?;
        let (good, _) =
            note.verify(&VerifierList::new(vec![Box::new(verifier)])).map_err(|error| error.to_string())?;
        assert_eq!(good.len(), 1);
        Ok(String::from_utf8(note.text().to_vec()).unwrap())
    }

    fn checkpoint_in(&self, note: &str) -> Checkpoint {
        let checkpoint = Checkpoint::from_bytes(self.open(note).unwrap().as_bytes()).unwrap();
        assert_eq!(checkpoint.origin(), self.log);
        checkpoint
    }

    /// The checkpoint that anybody may have.
    fn checkpoint(&self) -> (String, Checkpoint) {
        let path = format!("/v1/audit/log/{}/checkpoint", self.log);
        let note = self.client.with_bearer(None).get(&path).expect(200).text();
        let checkpoint = self.checkpoint_in(&note);
        (note, checkpoint)
    }

    /// A checkpoint of now.
    fn fresh(&self, vault: &Vault) -> Checkpoint {
        let note = vault.cli_json(&["audit", "checkpoint"], "")["checkpoint"].as_str().unwrap().to_owned();
        self.checkpoint_in(&note)
    }

    /// Every entry of the log up to a size, out of its bundles.
    fn entries(&self, size: u64) -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let width = (size - index * TILE_WIDTH).min(TILE_WIDTH);
            let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
            let path = format!("/v1/audit/log/{}/tile/entries/{index:03}{partial}", self.log);
            let bundle = self.client.get(&path).expect(200).body;
            let mut rest = &bundle[..];
            for _ in 0..width {
                let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                entries.push(rest[2..2 + length].to_vec());
                rest = &rest[2 + length..];
            }
            assert!(rest.is_empty(), "bytes after the last entry of a bundle");
        }
        entries
    }
}

/// Reads tiles over HTTPS; a tampered one has one bit turned.
struct Tiles<'a> {
    stranger: &'a Stranger,
    tampered: bool,
}

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            // The crate writes the height into the path, C2SP tlog-tiles does not.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let path = format!("/v1/audit/log/{}/{path}", self.stranger.log);
            let mut bytes = self.stranger.client.get(&path).expect(200).body;
            if self.tampered {
                bytes[7] ^= 1;
            }
            bytes
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// Makes as many entries as customers, a few requests long.
fn fill(vault: &Vault, numbers: std::ops::Range<u32>) {
    let lines: String = numbers.clone().map(|number| format!("{}\n", customer(number))).collect();
    let headers = [("content-type", "application/x-ndjson")];
    let answer = vault.client().ask("POST", "/v1/subjects/bulk", &headers, lines.as_bytes()).expect(200);
    assert_eq!(answer.text().matches("\"status\":201").count(), numbers.len());
}

#[test]
fn a_stranger_recomputes_the_whole_log() {
    on_both(|vault| {
        let stranger = Stranger::of(vault);
        fill(vault, 0..600);
        stranger.fresh(vault);
        let (note, checkpoint) = stranger.checkpoint();
        assert!(checkpoint.size() > 600, "{note}");

        let entries = stranger.entries(checkpoint.size());
        let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        assert_eq!(Hash(root_of(&leaves)), *checkpoint.hash(), "the signed root is that of the entries");
        for entry in &entries {
            let entry: Value = serde_json::from_slice(entry).unwrap();
            let text = entry.to_string();
            assert!(entry["operation"].is_string() && entry["time"].is_string(), "{entry}");
            assert!(!text.contains("voorbeeld.example") && !text.contains("anarie"), "{entry}");
        }
        let creates = entries.iter().filter(|e| String::from_utf8_lossy(e).contains("\"create\"")).count();
        let bulk = entries.iter().filter(|e| String::from_utf8_lossy(e).contains("\"bulk\"")).count();
        assert!(creates + bulk >= 600, "{creates} and {bulk}: each customer has an entry");

        tiles_agree(&stranger, &checkpoint, &leaves);
        tampering_is_seen(&stranger, &note, &checkpoint, &entries);
    });
}

/// The tiles hold the same tree; a public reader checks each of them against the root.
fn tiles_agree(stranger: &Stranger, checkpoint: &Checkpoint, leaves: &[[u8; 32]]) {
    let tiles = Tiles { stranger, tampered: false };
    let reader = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &tiles);
    let places = [0, 1, 255, 256, 511, 512, leaves.len() - 1];
    let wanted: Vec<u64> = places.iter().map(|at| tlog_tiles::stored_hash_index(0, *at as u64)).collect();
    let found = reader.read_hashes(&wanted).unwrap();
    for (at, hash) in places.iter().zip(found) {
        assert_eq!(hash, Hash(leaves[*at]), "leaf {at}");
    }
    let tampered = Tiles { stranger, tampered: true };
    let reader = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &tampered);
    assert!(reader.read_hashes(&wanted).is_err(), "a turned bit in a tile is seen");
}

/// What somebody does to the entries of a log.
type Change = fn(&mut Vec<Vec<u8>>);

fn tampering_is_seen(stranger: &Stranger, note: &str, checkpoint: &Checkpoint, entries: &[Vec<u8>]) {
    let root_with = |change: Change| {
        let mut changed = entries.to_vec();
        change(&mut changed);
        Hash(root_of(&changed.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>()))
    };
    let tampered: [Change; 4] = [
        |entries| entries[300][20] ^= 1,
        |entries| entries.swap(10, 11),
        |entries| drop(entries.remove(5)),
        |entries| drop(entries.pop()),
    ];
    for change in tampered {
        assert_ne!(root_with(change), *checkpoint.hash());
    }
    let size = checkpoint.size().to_string();
    let other_size = (checkpoint.size() - 1).to_string();
    assert!(stranger.open(&note.replacen(&size, &other_size, 1)).is_err(), "another size, same signature");
    let signature = note.rfind(' ').unwrap() + 20;
    let mut forged = note.to_owned();
    let letter = if &forged[signature..=signature] == "A" { "B" } else { "A" };
    forged.replace_range(signature..=signature, letter);
    assert!(stranger.open(&forged).is_err(), "another signature");
}

#[test]
fn proofs_hold_for_a_stranger_and_for_nothing_else() {
    on_both(|vault| {
        let stranger = Stranger::of(vault);
        fill(vault, 0..20);
        let old = stranger.fresh(vault);
        fill(vault, 20..300);
        let new = stranger.fresh(vault);
        assert!(new.size() > old.size() + 250);

        let entries = stranger.entries(new.size());
        for seq in [0, 7, old.size() - 1, 255, 256, new.size() - 1] {
            let proof = stranger.client.get(&format!("/v1/audit/proof?seq={seq}")).expect(200).json();
            let signed = stranger.checkpoint_in(proof["checkpoint"].as_str().unwrap());
            let entry = &entries[usize::try_from(seq).unwrap()];
            assert_eq!(proof["leaf"].as_str().unwrap().as_bytes(), entry, "{seq}");
            assert_eq!(proof["verifier"], stranger.verifier);
            let check = |path: &Vec<Hash>, seq: u64, leaf: [u8; 32]| {
                tlog_tiles::check_record(path, signed.size(), *signed.hash(), seq, Hash(leaf))
            };
            let path = hashes(&proof["hashes"]);
            check(&path, seq, leaf_hash(entry)).unwrap();
            let mut forged = entry.clone();
            forged[30] ^= 1;
            assert!(check(&path, seq, leaf_hash(&forged)).is_err(), "another entry");
            assert!(check(&path, seq ^ 1, leaf_hash(entry)).is_err(), "another place");
            let mut short = path.clone();
            short.pop();
            assert!(check(&short, seq, leaf_hash(entry)).is_err(), "a shorter path");
        }

        let (from, to) = (old.size(), new.size());
        let path = format!("/v1/audit/consistency?from={from}&to={to}");
        let proof = hashes(&stranger.client.get(&path).expect(200).json()["hashes"]);
        tlog_tiles::check_tree(&proof, to, *new.hash(), from, *old.hash()).unwrap();
        let mut forged = old.hash().0;
        forged[0] ^= 1;
        assert!(tlog_tiles::check_tree(&proof, to, *new.hash(), from, Hash(forged)).is_err());
        for wrong in ["seq=999999", "seq=-1", "seq=x", "", "seq=0&log=other"] {
            let answer = stranger.client.get(&format!("/v1/audit/proof?{wrong}"));
            assert!([400, 404].contains(&answer.status), "{wrong}: {}", answer.status);
        }
        for wrong in ["from=0&to=999999", "from=9&to=3", "from=1"] {
            let answer = stranger.client.get(&format!("/v1/audit/consistency?{wrong}"));
            assert!([400, 404, 422].contains(&answer.status), "{wrong}: {}", answer.status);
        }
        stranger.client.with_bearer(None).get("/v1/audit/proof?seq=0").expect(401);
    });
}

#[test]
fn an_erasure_receipt_is_signed_and_names_nobody() {
    let mut vault = Vault::new(Engine::Sqlite);
    vault.start();
    let stranger = Stranger::of(&vault);
    let (by_api, by_cli) = (vault.create(1), vault.create(2));
    let answer = vault.client().ask("DELETE", &format!("/v1/subjects/{by_api}"), &[], b"").expect(200).json();
    let erased = vault.cli_json(&["subject", "erase", &by_cli, "--yes"], "");
    for (id, receipt) in [(&by_api, &answer), (&by_cli, &erased)] {
        let note = receipt["receipt"].as_str().unwrap();
        let text = stranger.open(note).unwrap();
        let (title, body) = text.split_once('\n').unwrap();
        assert!(title.contains("erasure receipt"), "{title}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["subject"], **id);
        let erased_at = body["erased_at"].as_str().unwrap();
        assert!(body["backups_unreadable_from"].as_str().unwrap() > erased_at, "{body}");
        assert_eq!(body["kept"], json!([]), "nothing was invoiced");
        for personal in ["voorbeeld.example", "anarie", "Zonnebloem", "0610"] {
            assert!(!note.contains(personal), "{note}");
        }
        assert!(stranger.open(&note.replace(id.as_str(), &"0".repeat(36))).is_err(), "for somebody else");
        assert!(Checkpoint::from_bytes(text.as_bytes()).is_err(), "no receipt passes for a checkpoint");
    }
}
