//! 1,000 gzipped reports with 20,000 rows: CPU and memory of the real program, beside parsedmarc offline on the same files.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{Line, peers};

const REPORTS: u32 = 1000;
const ROWS: u32 = 20;

/// Writes the reports as receivers send them.
fn write(folder: &Path) -> Result<()> {
    for number in 0..REPORTS {
        let (begin, receiver) = (1_790_000_000 + number / 20 * 86_400, format!("mx{}.example", number % 20));
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback>\n<report_metadata>\n<org_name>{receiver}</org_name>\n\
             <email>noreply-dmarc@{receiver}</email>\n<report_id>{number}.{begin}</report_id>\n<date_range><begin>{begin}</begin>\
             <end>{}</end></date_range>\n</report_metadata>\n<policy_published><domain>winkel.example</domain><adkim>r</adkim>\
             <aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct></policy_published>\n",
            begin + 86_399
        );
        for row in 0..ROWS {
            let (a, b) = (number % 250, (number + row * 12) % 250);
            let (dkim, spf) =
                (["pass", "pass", "fail"][row as usize % 3], ["pass", "fail"][row as usize % 2]);
            xml.push_str(&format!(
                "<record><row><source_ip>198.51.{a}.{b}</source_ip><count>{}</count><policy_evaluated><disposition>none</disposition>\
                 <dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row><identifiers><header_from>winkel.example</header_from>\
                 </identifiers><auth_results><dkim><domain>winkel.example</domain><selector>s1</selector><result>{dkim}</result></dkim>\
                 <spf><domain>mail{}.nieuws.example</domain><result>{spf}</result></spf></auth_results></record>\n",
                1 + row, row % 5
            ));
        }
        xml.push_str("</feedback>\n");
        let name = format!("{receiver}!winkel.example!{begin}!{}!{number}.xml.gz", begin + 86_399);
        let mut file = GzEncoder::new(File::create(folder.join(name))?, Compression::default());
        file.write_all(xml.as_bytes())?;
        file.finish()?;
    }
    Ok(())
}

pub(super) fn run(program: &Path) -> Result<Vec<Line>> {
    let folder = tempfile::tempdir_in(".")?;
    write(folder.path())?;
    let mut files: Vec<_> =
        fs::read_dir(folder.path())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let used =
        measure(Command::new(program).args(["--json", "mail", "reports"]).args(&files), folder.path())?;
    let result: Value = serde_json::from_slice(&fs::read(folder.path().join("stdout"))?)?;
    let messages = |value: &Value| value["messages"].as_u64().unwrap_or_default();
    let counted: u64 = result["sources"].as_array().context("sources")?.iter().map(messages).sum();
    let wanted = u64::from(REPORTS) * u64::from(ROWS * (ROWS + 1) / 2);
    ensure!(
        result["reports"] == REPORTS
            && counted + result["other_messages"].as_u64().unwrap_or_default() == wanted,
        "not every report or row was counted: {counted} of {wanted}"
    );
    let vault = tempfile::tempdir_in(".")?;
    let settings = crate::server::settings(vault.path(), 0, "")?;
    let own = |words: &[&str]| {
        let mut command = Command::new(program);
        command.arg("--config").arg(&settings).arg("--json").args(words);
        command
    };
    ensure!(own(&["init", "--key-file"]).stdin(Stdio::null()).output()?.status.success(), "init");
    let kept = measure(own(&["mail", "report", "ingest"]).args(&files), folder.path())?;
    let result: Value = serde_json::from_slice(&fs::read(folder.path().join("stdout"))?)?;
    ensure!(result["new"] == REPORTS, "not every report was kept: {result}");
    let peer = peers::run("reports", folder.path())?;
    ensure!(peer["rows"] == REPORTS * ROWS, "{peer}");
    let what = "1,000 gzipped reports, 20,000 rows";
    Ok(vec![
        Line::new(
            what,
            "klantkluis mail reports",
            format!("{:.2} s CPU", used.cpu_s),
            format!(
                "{:.2} s wall, peak {} MiB, process start included, counted by source",
                used.wall_s, used.peak_mib
            ),
        ),
        Line::new(
            what,
            "klantkluis mail report ingest",
            format!("{:.2} s CPU", kept.cpu_s),
            format!(
                "{:.2} s wall, peak {} MiB, each report durable in the vault, sealed start included",
                kept.wall_s, kept.peak_mib
            ),
        ),
        Line::new(
            what,
            "parsedmarc (offline)",
            format!("{:.2} s CPU", peers::number(&peer, "cpu_s")?),
            format!(
                "{:.2} s wall, peak {:.0} MiB, start and imports not counted, parsed only",
                peers::number(&peer, "wall_s")?,
                peers::number(&peer, "peak_mib")?
            ),
        ),
    ])
}

/// What a process used.
struct Used {
    cpu_s: f64,
    wall_s: f64,
    peak_mib: u64,
}

/// Runs a command to its end, its result in the file `stdout`.
fn measure(command: &mut Command, folder: &Path) -> Result<Used> {
    let before = children_cpu_s()?;
    let begun = Instant::now();
    let stdout = File::create(folder.join("stdout"))?;
    let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null()).spawn()?;
    let mut peak_mib = 0;
    while child.try_wait()?.is_none() {
        peak_mib = peak_mib.max(crate::server::peak_mib(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Used { cpu_s: children_cpu_s()? - before, wall_s: begun.elapsed().as_secs_f64(), peak_mib })
}

/// CPU seconds of all children that ended.
fn children_cpu_s() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(13) + ticks(14)) / 100.0)
}
