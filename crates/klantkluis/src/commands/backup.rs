//! `backup` and `restore`.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Context, Outcome, Session};
use crate::args::{BackupArgs, RestoreArgs};
use crate::{talk, wire};

/// Writes a backup; the file appears under its name only when it is whole and on disk.
pub(crate) async fn backup(context: &Context, session: &Session, args: &BackupArgs) -> Result<Outcome> {
    let bar = talk::progress(None, context.text("rijen", "rows"));
    let (app, actor) = (&session.vault.app, &session.actor);
    let report = if args.file.as_os_str() == "-" {
        app.backup(actor, BufWriter::new(std::io::stdout()), &talk::follow(&bar)).await?
    } else {
        if args.file.exists() {
            bail!("{} exists; a backup never overwrites a file", args.file.display());
        }
        let partial = partial_name(&args.file);
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)
            .with_context(|| format!("cannot make {}", partial.display()))?;
        let report = app.backup(actor, BufWriter::new(file), &talk::follow(&bar)).await?;
        File::open(&partial).and_then(|file| file.sync_all()).context("cannot sync the backup")?;
        fs::rename(&partial, &args.file).with_context(|| format!("cannot make {}", args.file.display()))?;
        report
    };
    bar.finish_and_clear();
    if args.file.as_os_str() != "-" {
        if context.json {
            talk::print_json(&report)?;
        } else {
            talk::say(format!("{} {}", report.rows, context.text("rijen bewaard.", "rows backed up.")));
        }
    }
    talk::hint(context.text(
        "zonder de sleutelbos is de back-up onleesbaar; bewaar die apart: klantkluis key backup BESTAND",
        "without the keyring the backup is unreadable; keep that apart: klantkluis key backup FILE",
    ));
    std::io::stdout().flush().context("cannot write to stdout")?;
    Ok(Outcome::Good)
}

fn partial_name(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Reads a backup into an empty database; the keyring is there already.
pub(crate) async fn restore(context: &Context, args: &RestoreArgs) -> Result<Outcome> {
    let file = File::open(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    if !context.config.keyring_file().exists() {
        bail!(
            "there is no keyring at {}; put its copy there first (made with: klantkluis key backup)",
            context.config.keyring_file().display()
        );
    }
    let app = wire::open(&context.config).await?;
    let bar = talk::progress(None, context.text("rijen", "rows"));
    wire::unseal(&app, &context.config).await?;
    let result = app.restore(&wire::local_actor(), BufReader::new(file), &talk::follow(&bar)).await;
    bar.finish_and_clear();
    app.close().await;
    let report = result?;
    if context.json {
        talk::print_json(&report)?;
    } else {
        talk::print(format!("{:<26} {}", context.text("rijen teruggezet", "rows restored"), report.rows))?;
        talk::print(format!(
            "{:<26} {}",
            context.text("wissingen overgedaan", "erasures repeated"),
            report.erased_again
        ))?;
    }
    talk::hint(
        context.text("ga na of alles klopt: klantkluis verify", "check that all is well: klantkluis verify"),
    );
    Ok(Outcome::Good)
}
