//! Measures; run by hand with `--release -- --ignored --nocapture speed`.

use std::io::Write;
use std::time::{Duration, Instant};

use kluis_model::Operation;

use super::*;

const RUN: Duration = Duration::from_secs(4);

pub(super) fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").unwrap();
}

/// Seconds of processor time this process has used.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

async fn measure(store: &Store, what: &str, make: fn() -> Unit) {
    let (begun, processor) = (Instant::now(), processor_s());
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < RUN {
                    let asked = Instant::now();
                    store.commit(make()).await.unwrap();
                    times.push(asked.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    times.sort_unstable();
    let (count, p99) = (times.len(), times[times.len() * 99 / 100]);
    let seconds = begun.elapsed().as_secs_f64();
    let cores = (processor_s() - processor) / seconds;
    let per_second = count as f64 / seconds;
    say(&format!("{} {what}: {per_second:.0}/s, p99 {p99:?}, {cores:.2} cores", store.engine().name()));
}

fn read() -> Unit {
    let mut unit = Unit::new();
    unit.leaf(leaf(Some(subject_id()), "staff-1", Operation::Read));
    unit
}

fn import() -> Unit {
    let mut unit = Unit::new();
    for _ in 0..1000 {
        let mut one = create(subject_id());
        one.leaves.clear();
        unit.bytes += one.bytes;
        unit.steps.extend(one.steps);
    }
    unit.leaf(leaf(None, "staff-1", Operation::Import));
    unit
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    for place in [Place::sqlite(), Place::postgres()] {
        block_on(async {
            let store = place.open().await;
            measure(&store, "leaf-only commits, 64 tasks", read).await;
            measure(&store, "creates, 64 tasks", || create(subject_id())).await;
            for customers in [100_000_u32, 200_000, 300_000] {
                let begun = Instant::now();
                let importers: Vec<_> = (0..4)
                    .map(|_| {
                        let store = store.clone();
                        tokio::spawn(async move {
                            for _ in 0..25 {
                                store.commit(import()).await.unwrap();
                            }
                        })
                    })
                    .collect();
                for importer in importers {
                    importer.await.unwrap();
                }
                let per_second = 100_000.0 / begun.elapsed().as_secs_f64();
                say(&format!("{} import to {customers}: {per_second:.0} customers/s", store.engine().name()));
            }
            let begun = Instant::now();
            let counts = store.counts(SHOP).await.unwrap();
            say(&format!("{} counts {} in {:?}", store.engine().name(), counts.subjects, begun.elapsed()));
            store.close().await;
        });
    }
}
