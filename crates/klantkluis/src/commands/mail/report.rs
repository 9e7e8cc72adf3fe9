//! `mail report …`: reports of receivers in the vault: taken in, listed, counted by source, and what could not be read.

use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kluis_app::{
    App, Ingested, MAIL_REPORTS_MAX, QuarantineView, ReportDetail, ReportSource, ReportView, SourceView,
    SourcesView, StreamSources,
};
use kluis_mail::report::{Category, Refusal};
use kluis_model::{Actor, JobId, Lang, TimeMs};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::super::{Context, Outcome, Session};
use super::{clean, count_cells, count_heads};
use crate::args_mail::{MailQuarantineCommand, MailReportCommand};
use crate::talk;
use crate::wire::{self, Hinted};

/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Files that are taken in at once, and up to which size.
const FILES_AT_ONCE: usize = 16;
const SMALL_BYTES: usize = 1 << 20;
/// Files of one folder.
const FOLDER_FILES_MAX: usize = 100_000;
/// Characters of something unreadable that are shown.
const SHOWN_CHARS: usize = 4_000;

/// Runs `mail report …`.
pub(crate) async fn run(context: &Context, session: &Session, command: MailReportCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        MailReportCommand::Ingest { files } => ingest(context, session, &files).await,
        MailReportCommand::List { limit } => {
            let reports = app.mail_reports_list(actor, None, limit.clamp(1, MAIL_REPORTS_MAX)).await?;
            if context.json {
                talk::print_json(&reports)?;
            } else {
                print_list(&reports, context.lang)?;
            }
            Ok(Outcome::Good)
        }
        MailReportCommand::Show { id } => {
            let detail = app.mail_report_rows(actor, report_id(&id, context.lang)?).await?;
            if context.json {
                talk::print_json(&detail)?;
            } else {
                print_detail(&detail, context.lang)?;
            }
            Ok(Outcome::Good)
        }
        MailReportCommand::Sources { days } => {
            let view = app.mail_sources(actor, days).await?;
            if context.json {
                talk::print_json(&view)?;
            } else {
                print_sources(&view, context.lang)?;
            }
            Ok(Outcome::of_findings(odd(&view)))
        }
        MailReportCommand::Export { days } => export(session, days).await,
        MailReportCommand::Quarantine(command) => quarantine(context, session, command).await,
    }
}

/// What came of one file.
struct Taken {
    file: String,
    came: Result<Ingested>,
}

/// Takes files in, several at once, so that they share transactions.
async fn ingest(context: &Context, session: &Session, files: &[PathBuf]) -> Result<Outcome> {
    let mut waiting = VecDeque::from(listed(files, context.lang)?);
    let total = waiting.len() as u64;
    let bar = talk::progress(Some(total), context.text("bestanden", "files"));
    let mut tasks: JoinSet<Taken> = JoinSet::new();
    let mut sum = Ingested::default();
    let (mut kept_apart, mut failed) = (Vec::new(), Vec::new());
    loop {
        let next = waiting.pop_front();
        let read = next.map(|file| (read_file(&file, context.lang), file));
        // A large file goes alone, so that memory holds one of them.
        let is_large =
            read.as_ref().is_some_and(|(bytes, _)| bytes.as_ref().is_ok_and(|b| b.len() > SMALL_BYTES));
        let most = if read.is_none() || is_large { 0 } else { FILES_AT_ONCE - 1 };
        while tasks.len() > most {
            let Some(taken) = tasks.join_next().await else { break };
            let Taken { file, came } = taken.context("a file could not be taken in")?;
            bar.inc(1);
            match came {
                Ok(came) => {
                    sum.new += came.new;
                    sum.known += came.known;
                    sum.tls += came.tls;
                    sum.failure_refused += came.failure_refused;
                    kept_apart.extend(came.quarantined.iter().map(|(id, why)| (file.clone(), *id, *why)));
                }
                Err(error) => failed.push((file, error)),
            }
        }
        let Some((bytes, file)) = read else { break };
        let (app, actor) = (session.vault.app.clone(), session.actor.clone());
        tasks.spawn(async move { take(app, actor, file, bytes).await });
    }
    bar.finish_and_clear();
    kept_apart.sort_by(|one, other| one.0.cmp(&other.0));
    told(context, &sum, &kept_apart, &failed)?;
    match failed.pop() {
        // What was wrong with it decides the hint.
        Some((file, error)) => Err(error.context(file)),
        None => Ok(Outcome::of_findings(kept_apart.len())),
    }
}

async fn take(app: App, actor: Actor, file: PathBuf, bytes: Result<Vec<u8>>) -> Taken {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let came = match bytes {
        Ok(bytes) => {
            app.mail_ingest(&actor, ReportSource::Command, &name, bytes).await.map_err(anyhow::Error::from)
        }
        Err(error) => Err(error),
    };
    Taken { file: file.display().to_string(), came }
}

/// The files that are meant: a folder stands for the files in it, not for those in folders below.
fn listed(files: &[PathBuf], lang: Lang) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let mut skipped = 0_usize;
    for file in files {
        if !file.is_dir() {
            all.push(file.clone());
            continue;
        }
        let entries = fs::read_dir(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut inside = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", file.display()))?;
            // Links are not followed: a folder that others write to may lead anywhere.
            match entry.file_type() {
                Ok(kind) if kind.is_file() => inside.push(entry.path()),
                Ok(kind) if kind.is_dir() => skipped += 1,
                _ => {}
            }
            if inside.len() > FOLDER_FILES_MAX {
                return Err(Hinted::error(
                    format!("{}: > {FOLDER_FILES_MAX}", file.display()),
                    lang.pick("verdeel de bestanden over mappen", "spread the files over folders"),
                ));
            }
        }
        inside.sort();
        all.append(&mut inside);
    }
    if skipped > 0 {
        talk::hint(match lang {
            Lang::Nl => {
                format!("mappen in een map worden niet gelezen ({skipped} overgeslagen): noem ze apart")
            }
            Lang::En => {
                format!("folders inside a folder are not read ({skipped} skipped): name them one by one")
            }
        });
    }
    Ok(all)
}

fn read_file(file: &Path, lang: Lang) -> Result<Vec<u8>> {
    if file != Path::new("-") {
        return wire::read_bounded(file, FILE_BYTES_MAX, lang);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).context("standard input")?;
    anyhow::ensure!(bytes.len() as u64 <= FILE_BYTES_MAX, "at most {FILE_BYTES_MAX} bytes are taken in");
    Ok(bytes)
}

fn told(
    context: &Context,
    sum: &Ingested,
    kept_apart: &[(String, JobId, Refusal)],
    failed: &[(String, anyhow::Error)],
) -> Result<()> {
    let lang = context.lang;
    for (file, id, why) in kept_apart {
        talk::say(format!("! {}: {} ({id})", clean(file), why.message(lang)));
    }
    for (file, error) in failed {
        talk::say(format!("! {}: {}", clean(file), wire::error_text(error, lang)));
    }
    if !kept_apart.is_empty() {
        talk::hint(lang.pick(
            "wat niet te lezen was, is apart bewaard: klantkluis mail report quarantine list",
            "what could not be read is kept apart: klantkluis mail report quarantine list",
        ));
    }
    if sum.failure_refused > 0 {
        talk::say(format!(
            "{} {}",
            sum.failure_refused,
            lang.pick(
                "foutrapporten zijn niet bewaard: er staan persoonsgegevens in (mail.reports.failure_reports)",
                "failure reports were not kept: they hold personal data (mail.reports.failure_reports)"
            )
        ));
    }
    if context.json {
        let apart = |(file, id, why): &(String, JobId, Refusal)| json!({"file": file, "id": id, "why": why.to_string()});
        return talk::print_json(&json!({
            "new": sum.new, "known": sum.known, "tls": sum.tls, "failure_refused": sum.failure_refused,
            "quarantined": kept_apart.iter().map(apart).collect::<Vec<_>>(),
            "failed": failed.iter().map(|(file, _)| file).collect::<Vec<_>>(),
        }));
    }
    talk::print(format!(
        "{} {} ({} TLS) · {} {} · {} {}",
        sum.new,
        lang.pick("nieuw", "new"),
        sum.tls,
        sum.known,
        lang.pick("al bekend", "known already"),
        kept_apart.len(),
        lang.pick("apart bewaard", "kept apart"),
    ))
}

fn print_list(reports: &[ReportView], lang: Lang) -> Result<()> {
    if reports.is_empty() {
        talk::print(lang.pick("Er zijn nog geen rapporten.", "There are no reports yet."))?;
        talk::hint(lang.pick(
            "neem ze in met: klantkluis mail report ingest BESTAND; of laat ze komen: zie [mail.reports] in de instellingen",
            "take them in by: klantkluis mail report ingest FILE; or let them come: see [mail.reports] in the settings",
        ));
        return Ok(());
    }
    let mut table = talk::table([
        lang.pick("kenmerk", "id"),
        lang.pick("soort", "kind"),
        lang.pick("van", "from"),
        lang.pick("over", "about"),
        lang.pick("tot en met", "until"),
        lang.pick("berichten", "messages"),
        lang.pick("in orde", "passed"),
    ]);
    for report in reports {
        table.add_row([
            report.id.to_string(),
            report.kind.word().to_owned(),
            clean(&report.org),
            clean(&report.domain),
            date(report.end_s),
            report.messages.to_string(),
            report.head.tls.map_or(report.head.passed, |tls| tls.successes).to_string(),
        ]);
    }
    talk::print(table.to_string())
}

fn print_detail(detail: &ReportDetail, lang: Lang) -> Result<()> {
    let view = &detail.view;
    talk::print(format!(
        "{} → {} · {} – {} · {} {}",
        clean(&view.org),
        clean(&view.domain),
        date(view.begin_s),
        date(view.end_s),
        view.messages,
        lang.pick("berichten", "messages"),
    ))?;
    for problem in &view.head.problems {
        talk::print(format!("  ! {}", problem.message(lang)))?;
    }
    if view.head.is_folded {
        talk::print(lang.pick(
            "  ! Dit rapport had te veel regels om te bewaren; alleen de aantallen per afzender zijn er nog.",
            "  ! This report had too many rows to keep; only the counts by sender are left.",
        ))?;
    }
    let mut table = talk::table([
        lang.pick("server", "server"),
        lang.pick("naam", "name"),
        lang.pick("wat", "what"),
        lang.pick("afzender", "From"),
        lang.pick("berichten", "messages"),
        "DKIM",
        "SPF",
    ]);
    let mark = |is_so: bool| if is_so { "✓" } else { "✗" };
    for line in &detail.lines {
        table.add_row([
            line.row.source.to_string(),
            clean(line.sender.or(line.ptr.as_deref()).unwrap_or("-")),
            line.category.name(lang).to_owned(),
            clean(&line.row.header_from),
            line.row.count.to_string(),
            mark(line.row.dkim == kluis_mail::report::Evaluated::Pass).to_owned(),
            mark(line.row.spf == kluis_mail::report::Evaluated::Pass).to_owned(),
        ]);
    }
    if !detail.lines.is_empty() {
        talk::print(table.to_string())?;
    }
    for policy in detail.tls_report.iter().flat_map(|report| &report.policies) {
        talk::print(format!("  {} · ✓ {} · ✗ {}", clean(&policy.domain), policy.successes, policy.failures))?;
        for failure in &policy.details {
            let host = failure.receiving_host.as_deref().unwrap_or("-");
            talk::print(format!("    {} × {} ({})", failure.count, clean(&failure.result), clean(host)))?;
        }
    }
    if let Some(failure) = &detail.failure {
        let source = failure.source.map_or_else(|| "-".to_owned(), |source| source.to_string());
        talk::print(format!("  {:?} · {source}", failure.kind))?;
    }
    Ok(())
}

/// Sources that a person should look at: unknown ones, and services that the shop never named.
fn odd(view: &SourcesView) -> usize {
    let sources = view.streams.iter().flat_map(|stream| &stream.sources);
    sources.filter(|source| source.category == Category::Unknown).count()
}

fn print_sources(view: &SourcesView, lang: Lang) -> Result<()> {
    talk::print(format!(
        "{} – {} · {} {} {} {}",
        date(view.first_day.saturating_mul(86_400)),
        date(view.last_day.saturating_mul(86_400)),
        view.reports,
        if view.reports == 1 {
            lang.pick("rapport van", "report of")
        } else {
            lang.pick("rapporten van", "reports of")
        },
        view.reporters.len(),
        if view.reporters.len() == 1 {
            lang.pick("ontvanger", "receiver")
        } else {
            lang.pick("ontvangers", "receivers")
        },
    ))?;
    for stream in &view.streams {
        print_stream(stream, lang)?;
    }
    if view.tls.reports > 0 {
        talk::print(format!(
            "TLS: {} {} · ✓ {} · ✗ {}",
            view.tls.reports,
            lang.pick("rapporten", "reports"),
            view.tls.successes,
            view.tls.failures
        ))?;
    }
    if view.is_cut {
        talk::print(lang.pick(
            "Er zijn meer afzenders dan hier staan; de totalen tellen ze mee.",
            "There are more senders than are listed; the sums hold them.",
        ))?;
    }
    Ok(())
}

fn print_stream(stream: &StreamSources, lang: Lang) -> Result<()> {
    let name = match stream.stream.as_str() {
        "" => lang.pick("(bij geen stroom)", "(of no stream)").to_owned(),
        id => clean(id),
    };
    talk::print(format!(
        "\n{name}: {} {}, {} {}",
        stream.counts.messages,
        lang.pick("berichten", "messages"),
        stream.counts.passed,
        lang.pick("in orde", "passed"),
    ))?;
    if let Some(sent) = stream.sent {
        talk::print(match lang {
            Lang::Nl => format!(
                "  wij verstuurden er {}; ontvangers meldden er {} van ons (verschil {}); {} waren niet van ons",
                sent.signed, sent.reported, sent.difference, sent.others
            ),
            Lang::En => format!(
                "  we sent {}; receivers reported {} of ours (difference {}); {} were not ours",
                sent.signed, sent.reported, sent.difference, sent.others
            ),
        })?;
    }
    for receiver in stream.receivers.iter().filter(|receiver| receiver.reported.is_some()) {
        talk::print(format!(
            "    {}: {} {}, {} {}",
            clean(&receiver.receiver),
            receiver.signed,
            lang.pick("verstuurd", "sent"),
            receiver.reported.unwrap_or_default(),
            lang.pick("gemeld", "reported"),
        ))?;
    }
    if stream.sources.is_empty() {
        return Ok(());
    }
    let heads = [lang.pick("wat", "what"), lang.pick("van", "from")];
    let mut table = talk::table(heads.into_iter().chain(count_heads(lang)));
    for source in &stream.sources {
        let cells = [source.category.name(lang).to_owned(), source_name(source)];
        table.add_row(cells.into_iter().chain(count_cells(&source.counts)));
    }
    talk::print(table.to_string())
}

fn source_name(source: &SourceView) -> String {
    match (&source.sender, &source.name, &source.network) {
        (Some(id), Some(name), _) => format!("{} ({})", clean(name), clean(id)),
        (Some(id), None, _) => clean(id),
        (None, _, Some(network)) => clean(network),
        (None, _, None) => "-".to_owned(),
    }
}

/// Writes the rows of reports as NDJSON to stdout, a report in each line.
async fn export(session: &Session, days: u32) -> Result<Outcome> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut failed = None;
    let read = session
        .vault
        .app
        .mail_rows_since(&session.actor, days, &mut |report| {
            if failed.is_some() {
                return;
            }
            let written = serde_json::to_writer(&mut out, report)
                .map_err(anyhow::Error::from)
                .and_then(|()| out.write_all(b"\n").context("cannot write to stdout"));
            failed = written.err();
        })
        .await?;
    if let Some(error) = failed {
        return Err(error);
    }
    out.flush().context("cannot write to stdout")?;
    talk::say(format!("{} reports, {} rows", read.reports, read.rows));
    Ok(Outcome::Good)
}

async fn quarantine(context: &Context, session: &Session, command: MailQuarantineCommand) -> Result<Outcome> {
    let (app, actor, lang) = (&session.vault.app, &session.actor, context.lang);
    match command {
        MailQuarantineCommand::List => {
            let entries = app.mail_quarantine_list(actor).await?;
            if context.json {
                talk::print_json(&entries)?;
            } else {
                for entry in &entries {
                    print_entry(entry, lang)?;
                }
            }
            return Ok(Outcome::of_findings(entries.len()));
        }
        MailQuarantineCommand::Show { id, save } => {
            let (entry, bytes) = app.mail_quarantine_open(actor, report_id(&id, lang)?).await?;
            if let Some(file) = save {
                wire::write_private(&file, bytes.expose(), 0o600)?;
            }
            let shown: String = String::from_utf8_lossy(bytes.expose()).chars().take(SHOWN_CHARS).collect();
            if context.json {
                let mut value: Value = serde_json::to_value(&entry)?;
                value["text"] = shown.into();
                talk::print_json(&value)?;
            } else {
                print_entry(&entry, lang)?;
                for line in shown.lines() {
                    talk::print(format!("  | {}", clean(line)))?;
                }
            }
        }
        MailQuarantineCommand::Retry { ids } => {
            let mut still = 0;
            for id in chosen(app, actor, &ids, lang).await? {
                let came = app.mail_quarantine_retry(actor, id).await?;
                still += came.quarantined.len();
                let words = match came.quarantined.first() {
                    Some((_, why)) => why.message(lang),
                    None => lang.pick("gelezen", "read").to_owned(),
                };
                talk::say(format!("{id}: {words}"));
            }
            context.done(&json!({ "still": still }), "Opnieuw geprobeerd.", "Tried again.")?;
            return Ok(Outcome::of_findings(still));
        }
        MailQuarantineCommand::Delete { ids } => {
            for id in &ids {
                app.mail_quarantine_delete(actor, report_id(id, lang)?).await?;
            }
            context.done(&json!({ "deleted": ids.len() }), "Weggegooid.", "Thrown away.")?;
        }
    }
    Ok(Outcome::Good)
}

/// The ids that were given, or all.
async fn chosen(app: &App, actor: &Actor, ids: &[String], lang: Lang) -> Result<Vec<JobId>> {
    if ids.is_empty() {
        let entries = app.mail_quarantine_list(actor).await?;
        return Ok(entries.into_iter().map(|entry| entry.id).collect());
    }
    ids.iter().map(|id| report_id(id, lang)).collect()
}

fn print_entry(entry: &QuarantineView, lang: Lang) -> Result<()> {
    let source = match entry.source {
        ReportSource::Command => lang.pick("opdracht", "command"),
        other => other.word(),
    };
    let size = entry.size;
    let why = clean(entry.why.get(lang));
    talk::print(format!("{} {} {source:<8} {size:>9} B  {why}", entry.id, entry.at.date()))
}

fn report_id(text: &str, lang: Lang) -> Result<JobId> {
    text.parse().map_err(|_| {
        Hinted::error(
            format!("{}: {}", clean(text), lang.pick("dit is geen kenmerk", "this is not an id")),
            lang.pick(
                "de kenmerken staan in: klantkluis mail report list",
                "the ids are listed by: klantkluis mail report list",
            ),
        )
    })
}

fn date(seconds: i64) -> String {
    TimeMs(seconds.saturating_mul(1_000)).date()
}
