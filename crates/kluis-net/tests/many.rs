//! A hundred audits at once stay within the file descriptors and the memory of a small server.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kluis_checks::Part;
use kluis_checks::facts::Reach;
use kluis_net::{AuditError, AuditOptions, ConnectionLimit, audit};

#[expect(dead_code, reason = "the tests inside the crate use all of it")]
#[path = "../src/testing/mod.rs"]
mod testing;

use testing::{Authority, HOST, Reply, Server, options};

/// Audits at once.
const AUDITS: usize = 100;
/// Connections at once, over all audits.
const CONNECTIONS: u32 = 240;

/// Bytes of memory and open files of this process.
fn used() -> (u64, u64) {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    (resident * 4096, std::fs::read_dir("/proc/self/fd").unwrap().count() as u64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_audits_at_once_stay_small() {
    let authority = Authority::new();
    let body = format!("<!doctype html><title>Shop</title><form method=post>{}", "<p>Kaas</p>".repeat(5000));
    // Only TLS 1.3: older versions take more questions, but no more memory.
    let settings = authority.settings_for(&[HOST], &[&rustls::version::TLS13]);
    let https = Server::tls(settings, move |_| Reply::html(&body)).await;
    let http = Server::plain(|_| Reply::to("/")).await;
    let mut options = options(Some(&https), Some(&http));
    options.parts = [Part::Tls, Part::Certificate, Part::Web].into();
    options.limit = Some(ConnectionLimit::new(CONNECTIONS));
    options.roots = vec![authority.root()];
    (options.step, options.total) = (Duration::from_secs(30), Duration::from_secs(120));
    // One to warm up, so that only what many add is measured.
    let one = audit(HOST, &options, &|_| {}).await.unwrap();
    eprintln!("one took {} ms and {} connections", one.took_ms, one.connections);
    let (memory_before, files_before) = used();
    let peak = Arc::new((AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false)));
    let noted = Arc::clone(&peak);
    let watch = std::thread::spawn(move || {
        while !noted.2.load(Ordering::Relaxed) {
            let (memory, files) = used();
            noted.0.fetch_max(memory, Ordering::Relaxed);
            noted.1.fetch_max(files, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AUDITS {
        let options = options.clone();
        tasks.spawn(async move { audit(HOST, &options, &|_| {}).await });
    }
    let mut seen = BTreeSet::new();
    while let Some(evidence) = tasks.join_next().await {
        let evidence = evidence.unwrap().unwrap();
        assert_eq!(evidence.main_endpoint().unwrap().tls.reach, Reach::Tls);
        assert!(evidence.connections <= 60);
        seen.insert(evidence.web.pages.len());
    }
    peak.2.store(true, Ordering::Relaxed);
    watch.join().unwrap();
    let (memory, files) = (peak.0.load(Ordering::Relaxed) - memory_before, peak.1.load(Ordering::Relaxed));
    eprintln!("memory +{} KiB, files {files} (before {files_before})", memory / 1024);
    assert_eq!(seen.len(), 1);
    // Both ends of every connection are in this process, and the server's end closes a little later.
    assert!(files < 1024, "{files} files");
    assert!(memory < 50 * 1024 * 1024, "{} KiB", memory / 1024);
}
