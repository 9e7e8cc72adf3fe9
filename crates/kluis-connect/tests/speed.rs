//! How fast exports are read and invented customers made; run with `--release -- --ignored --nocapture`.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::io::Cursor;
use std::time::Instant;

use kluis_connect::demo::{Demo, Flavour};
use kluis_connect::{OpenOptions, open};
use kluis_model::TimeMs;

const NOW: TimeMs = TimeMs(1_795_000_000_000);

#[test]
#[ignore = "a measurement, meaningful in a release build only"]
fn speed() {
    let rows = 400_000;
    let demo = Demo::new(1, NOW);
    let start = Instant::now();
    let mut total = 0;
    for n in 0..rows {
        total += demo.customer(n).fields.len();
    }
    println!("customer(n)    {:>9.0}/s ({total} fields)", rows as f64 / start.elapsed().as_secs_f64());
    for flavour in Flavour::ALL {
        let mut bytes = Vec::new();
        let start = Instant::now();
        demo.write_csv(flavour, rows, &mut bytes).unwrap();
        let written = start.elapsed().as_secs_f64();
        let size = bytes.len() as f64;
        let start = Instant::now();
        let reader = open(Box::new(Cursor::new(bytes)), "x.csv", &OpenOptions::default()).unwrap();
        let count = reader.filter(Result::is_ok).count();
        let read = start.elapsed().as_secs_f64();
        assert_eq!(count as u64, rows);
        println!(
            "{:<12} written {:>9.0} rows/s, read {:>9.0} rows/s, {:>5.0} MB/s",
            flavour.id(),
            rows as f64 / written,
            rows as f64 / read,
            size / read / 1e6
        );
    }
    let mut lines = String::new();
    for n in 0..rows {
        let pairs = demo.customer(n).fields;
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("\"{name}\":\"{}\"", value.expose())).collect();
        lines.push_str(&format!("{{{}}}\n", pairs.join(",")));
    }
    let start = Instant::now();
    let reader =
        open(Box::new(Cursor::new(lines.into_bytes())), "x.ndjson", &OpenOptions::default()).unwrap();
    assert_eq!(reader.filter(Result::is_ok).count() as u64, rows);
    println!("ndjson       read {:>9.0} rows/s", rows as f64 / start.elapsed().as_secs_f64());
}
