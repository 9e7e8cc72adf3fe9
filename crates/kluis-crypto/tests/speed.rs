//! How long the hot paths take; run with `cargo test --release -p kluis-crypto --test speed -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::hint::black_box;
use std::time::Instant;

use kluis_crypto::*;
use kluis_model::{FieldKind, FieldName, RetentionClass, ShopId, SubjectId, TimeMs};

fn time(what: &str, mut work: impl FnMut()) {
    const ROUNDS: u32 = 200_000;
    for _ in 0..ROUNDS / 10 {
        work();
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    let each = start.elapsed().as_nanos() / u128::from(ROUNDS);
    eprintln!("{what:<40} {each:>6} ns");
}

#[test]
#[ignore = "a measurement, not a check"]
fn hot_paths() {
    let rng = BufferedRandom::new(&SystemRandom);
    let keyring = Keyring::generate(ShopId(1), "speed", TimeMs(0), &SystemRandom);
    let keys = keyring.shop(ShopId(1)).unwrap();
    let subject = SubjectId::from_bytes([1; 16]);
    let class = RetentionClass::Profile;
    let field: FieldName = "email".parse().unwrap();
    let dek_place = DekPlace { shop: ShopId(1), subject, class, dek_gen: 1 };
    let dek = keys.new_dek(&SystemRandom);
    let cells = dek.cells();
    let place = CellPlace { shop: ShopId(1), record_type: 1, subject, class, field: &field, version: 1 };
    for suite in Suite::ALL {
        let cell = cells.seal(suite, &place, 1, b"noor@example.nl", &rng).unwrap();
        let mut out = Vec::with_capacity(256);
        let head = CellHead { suite, dek_gen: 1 };
        time(&format!("seal {suite:?}"), || {
            out.clear();
            cells.seal_into(head, &place, b"noor@example.nl", &rng, &mut out).unwrap();
        });
        time(&format!("open {suite:?}"), || {
            out.clear();
            cells.open_into(&place, &cell, &mut out).unwrap();
        });
    }
    let (epoch, wrapped) = keys.wrap_dek(&dek, &dek_place, &rng);
    time("wrap a data key", || drop(black_box(keys.wrap_dek(&dek, &dek_place, &rng))));
    time("unwrap a data key", || drop(black_box(keys.unwrap_dek(&dek_place, epoch, &wrapped))));
    time("expand a data key and open one cell", || {
        let cells = keys.unwrap_dek(&dek_place, epoch, &wrapped).unwrap().cells();
        let head = CellHead { suite: Suite::default(), dek_gen: 1 };
        let mut out = Vec::with_capacity(96);
        cells.seal_into(head, &place, b"noor@example.nl", &rng, &mut out).unwrap();
        black_box(out);
    });
    time("index term", || {
        black_box(keys.unique_term(FieldKind::EmailAddress, 1, "noor@example.nl")).unwrap();
    });
    let row = [7; 900];
    time("row MAC of 1 KB", || {
        black_box(keys.row_mac("subject", &[&row[..16], &row[..8], &row[..8], &row[..100], &row]));
    });
    time("leaf hash of 300 bytes", || {
        black_box(merkle::leaf_hash(&row[..300]));
    });
    let signer = keyring.note_signer("node-1");
    let checkpoint = note::Checkpoint { origin: "node-1".to_owned(), size: 1, root: [0; 32] };
    time("sign a checkpoint", || drop(black_box(checkpoint.sign(&signer))));
}
