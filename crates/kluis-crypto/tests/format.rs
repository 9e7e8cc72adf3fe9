//! Frozen answers: what this version stores must be readable by every later one, so these values never change.
//!
//! A failing test here means that existing vaults would no longer open. Give the format a new
//! version byte instead, and keep reading the old one.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU8, Ordering};

use kluis_crypto::*;
use kluis_model::{FieldKind, FieldName, Random, RequestId, RetentionClass, ShopId, SubjectId, TimeMs};

/// Counts instead of being random, so that every output is fixed.
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) {
        for byte in out {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn counting() -> Counting {
    Counting(AtomicU8::new(1))
}

fn keyring() -> Keyring {
    Keyring::generate(ShopId(1), "vault.example", TimeMs(1_795_000_000_000), &counting())
}

fn check(what: &str, bytes: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(hex::encode(bytes), expected, "{what}");
}

#[test]
fn what_a_shop_stores() {
    let keyring = keyring();
    let keys = keyring.shop(ShopId(1)).unwrap();
    let subject = SubjectId::from_bytes([0x11; 16]);
    let class = RetentionClass::Tax;
    let field: FieldName = "email".parse().unwrap();
    let place = DekPlace { shop: ShopId(1), subject, class, dek_gen: 2 };
    let dek = keys.new_dek(&counting());
    let (epoch, wrapped) = keys.wrap_dek(&dek, &place, &counting());
    assert_eq!(epoch, 1);
    check("wrapped data key", &wrapped, WRAPPED);
    let cells = dek.cells();
    let place = CellPlace { shop: ShopId(1), record_type: 1, subject, class, field: &field, version: 3 };
    for (suite, expected) in Suite::ALL.into_iter().zip(CELLS) {
        let cell = cells.seal(suite, &place, 2, b"noor@example.nl", &counting()).unwrap();
        check("cell", &cell, expected);
        assert_eq!(cells.open(&place, &hex::decode(expected).unwrap()).unwrap().expose(), b"noor@example.nl");
    }
    let place = DetailPlace { shop: ShopId(1), subject, request: RequestId::from_bytes([0x22; 16]) };
    check("detail", cells.seal_detail(&place, 2, b"{}", &counting()).unwrap(), DETAIL);
    check("note", keys.seal_note("job", b"1", b"{}", &counting()), NOTE);
    check("unique term", keys.unique_term(FieldKind::EmailAddress, 1, "noor@example.nl").unwrap(), TERM);
    let bucket = keys.bucket_term(FieldKind::Surname, 1, "jansen", 64).unwrap();
    check("bucket term", bucket.to_be_bytes(), BUCKET);
    check("row MAC", keys.row_mac("subject", &[b"a", b"", b"bc"]), ROW_MAC);
    let token = keys.pairwise_token(subject, &field, "mailchimp");
    assert_eq!(token.to_string(), TOKEN);
    check("token hash", keys.token_hash(&token), TOKEN_HASH);
    let credential = CredentialSecret::random(CredentialKind::Connector, &counting());
    assert_eq!(*credential.to_text(), CREDENTIAL);
    check("credential hash", keys.credential_hash(&credential), CREDENTIAL_HASH);
    assert_eq!(keyring.note_signer("node-1").sign("text\n"), SIGNED);
    assert_eq!(keyring.backup_identity().recipient().to_string(), RECIPIENT);
}

#[test]
fn a_keyring_file() {
    let root = RootKey::generate(&counting());
    let keyring = keyring();
    let mut file = KeyringFile::create(&keyring, &root, &counting());
    let passphrase = SecretText::new("correct horse".to_owned());
    file.add_passphrase(&root, &passphrase, Argon2Cost::test(), &counting()).unwrap();
    file.add_key_file(&root, &Secret::from_bytes(&[0x33; 32]), &counting()).unwrap();
    let shares = file.add_shares(&root, 2, 3, &counting()).unwrap();
    check("keyring file", file.to_bytes(), KEYRING_FILE);
    assert_eq!(*shares[2].to_text(), SHARE);
    let stored = KeyringFile::parse(&hex::decode(KEYRING_FILE).unwrap()).unwrap();
    assert!(stored.unlock_passphrase(&passphrase).unwrap().0 == root);
    assert!(stored.unlock_shares(&shares[1..]).unwrap().0 == root);
    let (_, opened) = stored.unlock_key_file(&Secret::from_bytes(&[0x33; 32])).unwrap();
    let term = |keyring: &Keyring| keyring.shop(ShopId(1)).unwrap().unique_term(FieldKind::Phone, 1, "+31");
    assert_eq!(term(&opened), term(&keyring));
}

const WRAPPED: &str = "01010102030405060708090a0b0ccbb46cd9ee062edacb0857271124db5cd91f46e7a11d922e0a954266eefb85e79d8da7b0b4b20783ca2486c6d64aca4b";
const CELLS: [&str; 3] = [
    "010100020102030405060708090a0b0cfa28f59a263380f9bd30d51e24b630f7d4bb47e10e46e4faf5b1e7d3e172bf43",
    "010200020102030405060708090a0b0c395ec8ead7b67b83313ee712193ed0e5fa5702069038fba0747613613fac919a",
    "010300020102030405060708090a0b0c0d0e0f101112131415161718ba2a1b7bae6e16838bccda0bc429606996e75b70af22ae9524a7ff90c2387065",
];
const DETAIL: &str =
    "010100020102030405060708090a0b0cf78a55d27b0d243c2f06eb30aa03dfb1eb14872e03c5b32ea675126d3c698571";
const NOTE: &str =
    "010100000102030405060708090a0b0c34738eeda4bee796d6bd8da3ab32ddd49616eccec90f7911c834deb7701f143d";
const TERM: &str = "e59de9ebf36c0c158940df0dce010429";
const BUCKET: &str = "5103ff8fe0e8382b";
const ROW_MAC: &str = "6e56010de3abde3c3c0ad7cd9d932bb18ef70d658e2571199d22a2579ac5511c";
const TOKEN: &str = "kkt_4sb2xyex80npjq4vsgayv76dtg6406wb";
const TOKEN_HASH: &str = "00e4fef1b68e9c7766dec0d53d02c29533a2bce55ca193693cb7308214636f79";
const CREDENTIAL: &str = "kkc_041061050r3gg28a1c60t3gf208h44rm7skx73ns";
const CREDENTIAL_HASH: &str = "aff8f34edee59950303396bb740a2f7a08ad309ad155bd04b483358fc26b7e24";
const SIGNED: &str = "text\n\n— node-1 hmF0IL6UaGNREBr6OtQdic7l81cUOY9tbBWBb7TKNTSD4ViSBat9oePOv5FFb5yTLufswzaUPW5//Tbw9oHPKTMPpg4=\n";
const RECIPIENT: &str = "age18f2n6are94e8a75mnfxdu0dp4kflrgksczwtvwd350q0mg2vhcjqdj4qga";
const KEYRING_FILE: &str = "6b6c616e746b6c756973206b657972696e670103010102030405060708090a0b0c0d0e0f1000000008000000010000000117f085b847621ae48ca3ac3df214e475312cb9ca3e42fb394db67ab0213420ad1112131415161718191a1b1c51f88d0a626fd85ba9f8e652d010e3019961612cd41b0c3c24f23d6b864190ee77a4995a0899f9945b7dec839ee63e06022144fb00bca173d969b07464d1135ab3cd03b0e4a2285b13bf09a7d4064310d40102030405060708090a0b0ce93e2e3248cd1cce80e88c771378750609e815148973d0c76d606604acb784e55ba5a53436c05de3be15380d3f35a4ff03010203040203a1bd3d5498a1264b28d6c5b6d2fae601bfe9aa696597f61f47858b18b7bb48d445464748494a4b4c4d4e4f501434496c43bc1aacc6d8f1c6b9ecfbe99fb16d28e96f67a2f2d22fd2a169e3c715fd7a4c305debbd25671a8f2cc0df0c19dc35892166f15e95d192c6b1a1299309840a3783d475d514f7bdc7f27e8c140000013d5152535455565758595a5b5c80e33e53c530e02f4af1a2eb7457d84614ad927d6040932f47291218c8380cb446998c3589c9bbf671368d4105f92ccf6137f76eb2ffe4d5a0c3299706c515059e5add13ebe4aebb9d5a5437e0faadcd78b967581c31f2042e7948269042ec2d4573afc4cd78bb3a4d9c0da8f6e76414d006ee1b38ae9b572637e3ef33d3bf508fa05e95769053c6c220ac257a6a0f150ad8a3b14e6fad8f3a560f41a6d30680bfbffc431b16892297f13cc8d8a5335114cfc8e0a67bf0872cb83b641aed892ad63028d9ffa02e71352b660f818034b26f2a67b71b638313effb8eaaab27ec0ab997c43b213eb720fda4f20a607d58dec73bc14851d5d052d2979dede7990641e0d0a31a70155f3c71d3a2cf3218893fef2dd23bcae85c41c6ce54c041f7b119b0634bfbe0625cec40b687e5be77ad6bfc";
const SHARE: &str =
    "kluis-share-01020304-3-6a6c6e70727476787a7c7e40424446484a4c4e50525456585a5c5ee0e2e4e6e804c79c48";
