//! Benchmarks of the vault beside the physical limit of the same run: `cargo run --release -p bench -- all`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the table is the result")]

mod audit;
mod baseline;
mod client;
mod discover;
mod mail;
mod server;

use std::fs::File;
use std::io::BufWriter;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kluis_connect::demo::{Demo, Flavour};
use kluis_model::TimeMs;

use client::Target;
use server::Server;

/// Keep-alive TLS clients.
const CLIENTS: usize = 64;

/// What is measured and how long.
struct Options {
    what: String,
    /// The part of `mail`; empty for all.
    part: String,
    seconds: u64,
    rows: u64,
}

/// One line of the table.
struct Row {
    what: String,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    note: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options()?;
    if options.what == "audit" {
        let lines = tokio::task::spawn_blocking(|| audit::run(&server::binary()?)).await??;
        lines.iter().for_each(|line| println!("{line}"));
        return Ok(());
    }
    if options.what == "discover" {
        let part = options.part.clone();
        let lines = tokio::task::spawn_blocking(move || discover::run(&part)).await??;
        lines.iter().for_each(|line| println!("{line}"));
        return Ok(());
    }
    if options.what == "mail" {
        let part = options.part.clone();
        let lines = tokio::task::spawn_blocking(move || mail::run(&server::binary()?, &part)).await??;
        lines.iter().for_each(|line| println!("{line}"));
        return Ok(());
    }
    let mut rows = Vec::new();
    if ["all", "sqlite"].contains(&options.what.as_str()) {
        rows.extend(baseline::sqlite()?);
        let folder = tempfile::tempdir_in(".")?;
        let server = Server::start(folder.path(), "").await?;
        rows.extend(api("SQLite", &server, &options).await?);
    }
    if ["all", "postgres"].contains(&options.what.as_str()) {
        let cluster = kluis_store::testing::temporary_postgres();
        rows.push(baseline::postgres(&cluster.database_url("baseline"), CLIENTS).await?);
        let folder = tempfile::tempdir_in(".")?;
        let url = cluster.database_url("kluis");
        let server =
            Server::start(folder.path(), &format!("[store]\nengine = \"postgres\"\nurl = \"{url}\"\n"))
                .await?;
        rows.extend(api("PostgreSQL", &server, &options).await?);
    }
    if ["all", "import"].contains(&options.what.as_str()) {
        rows.extend(import(&options).await?);
    }
    ensure!(!rows.is_empty(), "nothing measured: say all, sqlite, postgres, import, audit, mail or discover");
    print_table(&rows);
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options { what: "all".into(), part: String::new(), seconds: 10, rows: 1_000_000 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => options.seconds = words.next().context("--seconds N")?.parse()?,
            "--part" => options.part = words.next().context("--part spf, dkim, reports or relay")?,
            "--rows" => options.rows = words.next().context("--rows N")?.parse()?,
            _ => options.what = word,
        }
    }
    Ok(options)
}

fn print_table(rows: &[Row]) {
    println!("| what | per second | p50 ms | p99 ms | note |");
    println!("|---|---:|---:|---:|---|");
    for row in rows {
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {} |",
            row.what, row.per_second, row.p50_ms, row.p99_ms, row.note
        );
    }
}

/// Creates for some seconds, then reads the created customers for as long.
async fn api(engine: &str, server: &Server, options: &Options) -> Result<Vec<Row>> {
    let target = server.target()?;
    let ids = Arc::new(std::sync::Mutex::new(Vec::new()));
    let next = Arc::new(AtomicU64::new(0));
    let cpu = server.cpu_s()?;
    let creates = {
        let (ids, next) = (ids.clone(), next.clone());
        load(&target, options.seconds, move |_| {
            let (ids, next) = (ids.clone(), next.clone());
            Step {
                method: "POST",
                path: "/v1/subjects".into(),
                body: customer(next.fetch_add(1, Ordering::Relaxed)),
                expect: 201,
                after: Some(Box::new(move |body| {
                    let answer: serde_json::Value = serde_json::from_slice(body)?;
                    let id = answer["id"].as_str().context("id")?.to_owned();
                    ids.lock().map_err(|_| anyhow::anyhow!("lock"))?.push(id);
                    Ok(())
                })),
            }
        })
        .await?
    };
    let create_cpu = server.cpu_s()? - cpu;
    let ids = Arc::new(ids.lock().map_err(|_| anyhow::anyhow!("lock"))?.clone());
    let total = ids.len();
    let cpu = server.cpu_s()?;
    let reads = load(&target, options.seconds, move |n| Step {
        method: "GET",
        path: format!(
            "/v1/subjects/{}?purpose=order&fields=email,phone,given_name,infix,surname,street,house_number,postcode,city",
            ids[(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % total as u64) as usize]
        ),
        body: Vec::new(),
        expect: 200,
        after: None,
    })
    .await?;
    let read_cpu = server.cpu_s()? - cpu;
    let note = |cpu: f64, load: &Load| {
        format!(
            "server CPU {:.0} µs each, peak {} MiB",
            cpu * 1e6 / load.count as f64,
            server.peak_mib().unwrap_or(0)
        )
    };
    Ok(vec![
        creates
            .row(&format!("{engine}: create, 9 fields, {CLIENTS} TLS clients"), note(create_cpu, &creates)),
        reads
            .row(&format!("{engine}: audited read, 9 fields, {CLIENTS} TLS clients"), note(read_cpu, &reads)),
    ])
}

/// The nine-field customer number `n` as JSON.
fn customer(n: u64) -> Vec<u8> {
    serde_json::json!({"fields": {
        "email": format!("klant{n}@voorbeeld.example"),
        "phone": format!("+316{:08}", 10_000_000 + n % 80_000_000),
        "given_name": "Sanne", "infix": "van der", "surname": format!("Berg{}", n % 5000),
        "street": "Dorpsstraat", "house_number": format!("{}", 1 + n % 300),
        "postcode": format!("{}AB", 1000 + n % 8999), "city": "Utrecht",
    }})
    .to_string()
    .into_bytes()
}

type After = Box<dyn FnOnce(&[u8]) -> Result<()> + Send>;

/// One request and what must come back.
struct Step {
    method: &'static str,
    path: String,
    body: Vec<u8>,
    expect: u16,
    after: Option<After>,
}

/// What a load run counted.
struct Load {
    count: u64,
    elapsed: Duration,
    latencies_us: Vec<u32>,
}

impl Load {
    fn row(&self, what: &str, note: String) -> Row {
        let at = |share: f64| {
            let index = ((self.latencies_us.len() - 1) as f64 * share) as usize;
            f64::from(self.latencies_us[index]) / 1e3
        };
        Row {
            what: what.into(),
            per_second: self.count as f64 / self.elapsed.as_secs_f64(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            note,
        }
    }
}

/// Runs steps on all clients until the time is over.
async fn load(
    target: &Target,
    seconds: u64,
    step: impl Fn(u64) -> Step + Send + Sync + 'static,
) -> Result<Load> {
    let step = Arc::new(step);
    let stop = Arc::new(AtomicBool::new(false));
    let numbers = Arc::new(AtomicU64::new(0));
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        connections.push(target.connect().await?);
    }
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for mut connection in connections {
        let (step, stop, numbers) = (step.clone(), stop.clone(), numbers.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let step = step(numbers.fetch_add(1, Ordering::Relaxed));
                let sent = Instant::now();
                let answer = connection.ask(step.method, &step.path, &step.body).await?;
                if answer.status != step.expect {
                    bail!("status {}: {}", answer.status, String::from_utf8_lossy(answer.body));
                }
                latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
                if let Some(after) = step.after {
                    after(answer.body)?;
                }
            }
            Ok::<_, anyhow::Error>(latencies)
        }));
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies_us = Vec::new();
    for task in tasks {
        latencies_us.extend(task.await??);
    }
    let elapsed = begun.elapsed();
    latencies_us.sort_unstable();
    ensure!(!latencies_us.is_empty(), "no request was answered");
    Ok(Load { count: latencies_us.len() as u64, elapsed, latencies_us })
}

/// Imports a generated export with the command line, then starts a server on the result.
async fn import(options: &Options) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir_in(".")?;
    let csv = folder.path().join("customers.csv");
    let now = TimeMs(1_795_000_000_000);
    Demo::new(7, now).write_csv(Flavour::WooCommerce, options.rows, BufWriter::new(File::create(&csv)?))?;
    let settings = server::settings(folder.path(), 1, "")?;
    let run = |words: &[&str]| -> Result<std::process::Child> {
        Ok(Command::new(server::binary()?)
            .arg("--config")
            .arg(&settings)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("run.log"))?)
            .spawn()?)
    };
    ensure!(run(&["init", "--key-file"])?.wait()?.success(), "init failed");
    let path = csv.to_str().context("path")?;
    let begun = Instant::now();
    let mut child = run(&["import", path, "--yes"])?;
    let mut peak = 0;
    let status = loop {
        peak = server::peak_mib(child.id()).unwrap_or(peak).max(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let elapsed = begun.elapsed();
    ensure!(
        status.code().is_some_and(|code| code < 2),
        "import failed: {}",
        std::fs::read_to_string(folder.path().join("run.log"))?
    );
    let server = Server::start(folder.path(), "").await?;
    let plain = |what: String, per_second: f64, note: String| Row {
        what,
        per_second,
        p50_ms: 0.0,
        p99_ms: 0.0,
        note,
    };
    Ok(vec![
        plain(
            format!("import of {} customers (WooCommerce CSV)", options.rows),
            options.rows as f64 / elapsed.as_secs_f64(),
            format!("{:.1} s in all, peak {peak} MiB", elapsed.as_secs_f64()),
        ),
        plain(
            format!("start with {} customers", options.rows),
            1.0 / server.started_in.as_secs_f64(),
            format!("{:.2} s until it serves", server.started_in.as_secs_f64()),
        ),
    ])
}
