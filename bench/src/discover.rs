//! Finding personal data beside its peers on the same generated file: a whole file, the cells of a table, peak memory, quality.
//!
//! One table, and nothing here decides a test. The peers come from PyPI into `target/bench-venv`: Presidio's recognizers by
//! pattern (its language model is no part of the package) and datafog-core, whose crate depends on one with a licence that
//! we do not take in.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kluis_discover::Kind;
use kluis_discover::detect::{Certainty, Scanner, Stream};
use kluis_discover::testing::{self, Dice, LabelledText, TABLES};
use serde_json::{Value, json};

use crate::server::peak_mib;

/// Bytes of the generated table.
const FILE_BYTES: usize = 100_000_000;
/// Lines of notes for quality.
const NOTES: usize = 4_000;
/// Seconds that a peer may run.
const PEER_SECONDS: &str = "10";
const SCRIPT: &str = include_str!("../peers/discover_peer.py");
/// What every one of the three can find.
const COMMON: [Kind; 5] = [Kind::Email, Kind::Iban, Kind::Card, Kind::Phone, Kind::Ip];

/// Runs everything and returns the table. `scan FILE` is the child process whose memory is measured.
pub(crate) fn run(part: &str) -> Result<Vec<String>> {
    if let Some(file) = part.strip_prefix("scan:") {
        let begun = Instant::now();
        let report =
            kluis_scan::scan(&[PathBuf::from(file)], &kluis_scan::ScanOptions::new(2026), &mut |_| {});
        ensure!(report.sources.len() == 1 && report.unread.is_empty(), "{:?}", report.unread);
        let tables = report.sources[0].tables.iter();
        let columns: usize = tables.map(|table| table.columns.len()).sum();
        return Ok(vec![format!("{} {columns}", begun.elapsed().as_secs_f64())]);
    }
    let folder = tempfile::tempdir_in(".")?;
    let csv = folder.path().join("klanten.csv");
    write_table(&csv)?;
    let notes = testing::text(&mut Dice::new(11), NOTES);
    fs::write(folder.path().join("notes.json"), serde_json::to_vec(&lines_of(&notes))?)?;
    let mut lines = vec!["| what | who | figure | note |".to_owned(), "|---|---|---:|---|".to_owned()];
    lines.extend(own(&csv)?);
    lines.push(quality_line("klantkluis", &own_quality(&notes)));
    for peer in ["presidio", "datafog"] {
        let answer = ask(peer, folder.path())?;
        let name = answer["name"].as_str().unwrap_or(peer).to_owned();
        let rate = answer["bytes_per_second"].as_f64().context("bytes_per_second")?;
        let bytes = answer["bytes"].as_f64().context("bytes")?;
        let note = format!("the first {:.1} MB of the same file, 500 rows a call", bytes / 1e6);
        lines.push(format!("| whole file, one core | {name} | {:.2} MB/s | {note} |", rate / 1e6));
        let score = |kind: &Kind| {
            let of = |at: usize| answer["score"][kind.id()][at].as_u64().unwrap_or(0);
            (*kind, of(0), of(1), of(2))
        };
        lines.push(quality_line(&name, &COMMON.iter().map(score).collect::<Vec<_>>()));
    }
    Ok(lines)
}

/// Addresses that peers take for real ones, of the same length: they refuse names that nobody can register.
fn as_real(text: &str) -> String {
    text.replace(".example", "xxxxx.nl").replace(".test", "xx.de")
}

/// A table of the shop's own list, repeated with new customers until it is large enough.
fn write_table(path: &Path) -> Result<()> {
    let spec = TABLES.iter().find(|spec| spec.name == "klanten.csv").context("klanten.csv")?;
    let mut to = BufWriter::new(File::create(path)?);
    let mut written = 0;
    for seed in 0.. {
        let part = as_real(&testing::csv(spec, seed, 10_000));
        let rows = if seed == 0 { &part } else { part.split_once('\n').context("a header")?.1 };
        to.write_all(rows.as_bytes())?;
        written += rows.len();
        if written > FILE_BYTES {
            break;
        }
    }
    Ok(to.flush()?)
}

fn own(csv: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(csv)?;
    let mega = bytes.len() as f64 / 1e6;
    let scanner = Scanner::new();
    let best = |mut run: Box<dyn FnMut() + '_>| -> Duration {
        (0..3)
            .map(|_| {
                let begun = Instant::now();
                run();
                begun.elapsed()
            })
            .min()
            .unwrap_or_default()
    };
    let mut hits = 0u64;
    let whole = best(Box::new(|| {
        let mut stream = Stream::new(&scanner);
        hits = 0;
        for piece in bytes.chunks(64 << 10) {
            stream.feed(piece, |_, _, _| hits += 1);
        }
        stream.finish(|_, _, _| hits += 1);
    }));
    drop(bytes);
    let (seconds, columns, peak) = child(csv)?;
    Ok(vec![
        format!(
            "| whole file, one core | klantkluis | {:.0} MB/s | {mega:.0} MB, {hits} hits of {} kinds that are looked for |",
            mega / whole.as_secs_f64(),
            Kind::all().count()
        ),
        format!(
            "| cells of a CSV, one core | klantkluis | {:.0} MB/s | reading included, {columns} columns found |",
            mega / seconds
        ),
        format!("| peak memory | klantkluis | {peak} MiB | the same file in a process of its own |"),
    ])
}

/// Seconds, columns and peak memory in MiB of a scan in a process of its own; the fastest of three.
fn child(csv: &Path) -> Result<(f64, u64, u64)> {
    let mut best: Option<(f64, u64, u64)> = None;
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["discover", "--part"])
            .arg(format!("scan:{}", csv.display()))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut peak = 0;
        while child.try_wait()?.is_none() {
            peak = peak_mib(child.id()).unwrap_or(peak).max(peak);
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output()?;
        let text = String::from_utf8(output.stdout)?;
        let (seconds, columns) = text.trim().split_once(' ').context("seconds and columns")?;
        let seconds: f64 = seconds.parse()?;
        if best.is_none_or(|(least, ..)| seconds < least) {
            best = Some((seconds, columns.parse()?, peak));
        }
    }
    best.context("no run")
}

/// The notes line by line, with the places of what was planted, in characters.
fn lines_of(notes: &LabelledText) -> Vec<Value> {
    let (mut start, mut planted, mut lines) = (0, notes.planted.iter().peekable(), Vec::new());
    for line in notes.text.split_inclusive('\n') {
        let end = start + line.len();
        let chars = |byte: usize| notes.text[start..byte].chars().count();
        let mut places = Vec::new();
        while let Some(value) = planted.next_if(|value| value.start < end) {
            places.push(json!([value.kind.id(), chars(value.start), chars(value.end)]));
        }
        lines.push(json!({"text": as_real(line), "planted": places}));
        start = end;
    }
    lines
}

type Quality = (Kind, u64, u64, u64);

/// What is planted, found and wrong of each common kind, line by line as the peers are measured.
fn own_quality(notes: &LabelledText) -> Vec<Quality> {
    let text = as_real(&notes.text);
    let mut hits = Vec::new();
    Scanner::new().scan(text.as_bytes(), |hit| {
        if hit.certainty > Certainty::Possible {
            hits.push(hit);
        }
    });
    let of = |kind: Kind| {
        let planted: Vec<_> = notes.planted.iter().filter(|planted| planted.kind == kind).collect();
        let hits: Vec<_> = hits.iter().filter(|hit| hit.kind == kind).collect();
        let found =
            planted.iter().filter(|p| hits.iter().any(|hit| hit.start < p.end && p.start < hit.end)).count();
        let wrong =
            hits.iter().filter(|hit| !planted.iter().any(|p| hit.start < p.end && p.start < hit.end)).count();
        (kind, planted.len() as u64, found as u64, wrong as u64)
    };
    COMMON.into_iter().map(of).collect()
}

fn quality_line(who: &str, quality: &[Quality]) -> String {
    let words = quality.iter().map(|(kind, planted, found, wrong)| {
        let precision = *found as f64 / (*found + *wrong).max(1) as f64;
        format!("{} {precision:.2}/{:.2}", kind.id(), *found as f64 / (*planted).max(1) as f64)
    });
    let words: Vec<String> = words.collect();
    format!("| precision/recall on {NOTES} notes | {who} | – | {} |", words.join(", "))
}

fn ask(peer: &str, folder: &Path) -> Result<Value> {
    let python = python()?;
    let script = folder.join("peer.py");
    fs::write(&script, SCRIPT)?;
    let output = Command::new(python).arg(&script).arg(peer).arg(folder).arg(PEER_SECONDS).output()?;
    ensure!(output.status.success(), "{peer}: {}", String::from_utf8_lossy(&output.stderr));
    let last = output.stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
    serde_json::from_slice(last).with_context(|| format!("{peer} answered no JSON"))
}

/// The interpreter of the environment, with the peers in it.
fn python() -> Result<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("bench-venv");
    let (python, done) = (venv.join("bin").join("python"), venv.join("done-discover"));
    if done.exists() {
        return Ok(python);
    }
    let call = |command: &mut Command| -> Result<()> {
        let output = command.output().with_context(|| format!("{command:?}"))?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    call(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    call(Command::new(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "presidio-analyzer",
        "datafog-core",
    ]))?;
    fs::write(&done, "")?;
    Ok(python)
}
