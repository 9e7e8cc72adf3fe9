//! `import`: reads a customer export into the vault, dry run first.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use kluis_app::{ImportOptions, ImportReport};
use kluis_connect::{ImportReader, Mapping, OpenOptions};
use kluis_model::normalise::ValueProblem;

use super::{Context, Outcome, Session};
use crate::args::ImportArgs;
use crate::talk::{self, Confirmed};

/// Most bytes of a mapping file.
const MAPPING_BYTES_MAX: u64 = 256 * 1024;
/// Columns that are named before the rest is counted.
const DROPPED_SHOWN_MAX: usize = 40;

/// Reads the export.
pub(crate) async fn run(context: &Context, session: &Session, args: &ImportArgs) -> Result<Outcome> {
    let mapping = args.mapping.as_deref().map(read_mapping).transpose()?;
    let reader = open(&args.file, mapping.clone())?;
    if args.print_mapping {
        talk::print(reader.mapping().to_toml())?;
        return Ok(Outcome::Good);
    }
    if !context.json {
        show_columns(context, &reader);
    }
    if args.dry_run {
        let options = ImportOptions { dry_run: true, ..ImportOptions::default() };
        return read(context, session, args, reader, options).await;
    }
    if !args.yes && !confirmed(context)? {
        return Ok(Outcome::Findings);
    }
    let rejects = RejectsFile::new(args);
    let options = ImportOptions { rejects: Some(Box::new(rejects.clone())), ..ImportOptions::default() };
    let outcome = read(context, session, args, reader, options).await?;
    if rejects.path.exists() {
        talk::hint(format!(
            "{} {}",
            context.text(
                "geweigerde regels en onbruikbare waarden staan met hun regelnummer in",
                "refused lines and unusable values are listed by line in"
            ),
            rejects.path.display()
        ));
    }
    Ok(outcome)
}

fn open(path: &Path, mapping: Option<Mapping>) -> Result<ImportReader> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let options = OpenOptions { mapping };
    kluis_connect::open(Box::new(BufReader::with_capacity(256 * 1024, file)), &name, &options)
        .with_context(|| format!("cannot read {}", path.display()))
}

fn read_mapping(path: &Path) -> Result<Mapping> {
    let size = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > MAPPING_BYTES_MAX {
        bail!("{} has {size} bytes; a mapping file has at most {MAPPING_BYTES_MAX}", path.display());
    }
    let mut text = String::new();
    File::open(path)
        .and_then(|mut file| file.read_to_string(&mut text))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Mapping::parse(&text).with_context(|| format!("in {}", path.display()))
}

fn show_columns(context: &Context, reader: &ImportReader) {
    talk::say(format!("{} {}", context.text("Herkend als:", "Recognised as:"), reader.shape().name));
    for column in reader.columns() {
        let target = column.field.as_deref().unwrap_or("-");
        let reason =
            column.reason.map(|reason| format!("  ({})", reason.text(context.lang))).unwrap_or_default();
        talk::say(format!("  {:<32} {target}{reason}", column.header));
    }
}

fn confirmed(context: &Context) -> Result<bool> {
    let question = context.text("Deze klanten inlezen?", "Read these customers?");
    if talk::confirm(question)? == Confirmed::Yes {
        return Ok(true);
    }
    talk::hint(context.text(
        "er is niets gewijzigd; geef --yes om zonder vraag in te lezen",
        "nothing was changed; give --yes to read without being asked",
    ));
    Ok(false)
}

async fn read(
    context: &Context,
    session: &Session,
    args: &ImportArgs,
    reader: ImportReader,
    options: ImportOptions,
) -> Result<Outcome> {
    let total = fs::metadata(&args.file).map(|metadata| metadata.len()).ok();
    let bar = talk::progress_bytes(total, context.text("inlezen", "reading"));
    let report = session
        .vault
        .app
        .import(&session.actor, reader, options, &|progress| bar.set_position(progress.bytes_read))
        .await?;
    bar.finish_and_clear();
    if context.json {
        talk::print_json(&report)?;
    } else {
        show_report(context, args, &report)?;
    }
    Ok(if report.rejected == 0 { Outcome::Good } else { Outcome::Findings })
}

fn show_report(context: &Context, args: &ImportArgs, report: &ImportReport) -> Result<()> {
    if args.dry_run {
        talk::print(context.text("Proef; er is niets gewijzigd.", "Dry run; nothing was changed."))?;
    }
    let rows = [
        (context.text("gelezen", "read"), report.records),
        (context.text("nieuw", "new"), report.created),
        (context.text("bijgewerkt", "updated"), report.updated),
        (context.text("ongewijzigd", "unchanged"), report.unchanged),
        (context.text("geweigerd", "refused"), report.rejected),
    ];
    for (what, count) in rows {
        talk::print(format!("{what:<14} {count}"))?;
    }
    for dropped in report.dropped.iter().take(DROPPED_SHOWN_MAX) {
        talk::print(format!(
            "{} {} × {}: {}",
            context.text("niet opgeslagen:", "not stored:"),
            dropped.count,
            dropped.field,
            dropped.reason.text(context.lang)
        ))?;
    }
    for invalid in report.invalid.iter().take(DROPPED_SHOWN_MAX) {
        talk::print(format!(
            "{} {} × {}: {}",
            context.text("niet bruikbaar:", "not usable:"),
            invalid.count,
            invalid.field,
            problem_text(context, &invalid.problem)
        ))?;
    }
    for reject in &report.rejects {
        talk::print(format!(
            "{} {} × {}",
            context.text("geweigerd:", "refused:"),
            reject.count,
            reject.reason
        ))?;
    }
    Ok(())
}

/// What a problem's id means; the id itself when it is not one of a value.
fn problem_text<'a>(context: &Context, id: &'a str) -> &'a str {
    let known = [
        ValueProblem::Empty,
        ValueProblem::ControlCharacter,
        ValueProblem::Malformed,
        ValueProblem::Checksum,
        ValueProblem::UnknownCountry,
        ValueProblem::OutOfRange,
        ValueProblem::Duplicate,
    ];
    known.into_iter().find(|problem| problem.id() == id).map_or(id, |problem| problem.text(context.lang))
}

/// The file for refused lines; made when there is a first one, mode 0600. It names lines and reasons, never values.
#[derive(Clone)]
struct RejectsFile {
    path: PathBuf,
    file: std::sync::Arc<std::sync::Mutex<Option<File>>>,
}

impl RejectsFile {
    fn new(args: &ImportArgs) -> Self {
        let path = args.rejects.clone().unwrap_or_else(|| {
            let mut name = args.file.clone().into_os_string();
            name.push(".rejects.csv");
            PathBuf::from(name)
        });
        Self { path, file: std::sync::Arc::default() }
    }
}

impl Write for RejectsFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut file = self.file.lock().map_err(|_| std::io::Error::other("a writer failed before"))?;
        if file.is_none() {
            let made = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&self.path)?;
            *file = Some(made);
        }
        file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
