//! `key`: rotate keys, start a new epoch, issue shares, change the passphrase, back up the keyring.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kluis_app::{EpochReport, KeyList, SealWith};
use kluis_crypto::SystemRandom;
use kluis_model::Random;
use serde_json::json;

use super::{Context, Outcome, Session, init};
use crate::args::{KeyCommand, KeyKind};
use crate::{talk, wire};

/// A running server has noticed a new root key after this; only then may the next change of keys follow.
const EVERYBODY_KNOWS: Duration = Duration::from_secs(3);

/// Runs `key …`.
pub(crate) async fn run(context: &Context, session: &Session, command: &KeyCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        KeyCommand::Rotate { which } => rotate(context, session, *which).await?,
        KeyCommand::Epoch => {
            let bar = talk::progress(None, context.text("sleutels", "keys"));
            let report = app.key_epoch(actor, &talk::follow(&bar)).await?;
            bar.finish_and_clear();
            show_epoch(context, &report)?;
        }
        KeyCommand::Shares { k, n, folder } => shares(context, session, *k, *n, folder.as_deref()).await?,
        KeyCommand::Passphrase => {
            app.key_passphrase(actor, init::new_passphrase(context)?).await?;
            context.done(
                &json!({ "changed": "passphrase" }),
                "De nieuwe wachtwoordzin geldt vanaf nu.",
                "The new passphrase is in force from now on.",
            )?;
        }
        KeyCommand::Backup { file } => backup(context, session, file).await?,
        KeyCommand::List => show_list(context, &app.key_list(actor).await?)?,
    }
    Ok(Outcome::Good)
}

fn show_epoch(context: &Context, report: &EpochReport) -> Result<()> {
    if context.json {
        return talk::print_json(report);
    }
    talk::print(format!("{:<28} {}", context.text("sleutelperiode", "key epoch"), report.epoch))?;
    let what = context.text("opnieuw verpakte sleutels", "keys wrapped anew");
    talk::print(format!("{what:<28} {}", report.rewrapped))?;
    let what = context.text("vernietigde sleutelperioden", "epochs destroyed");
    talk::print(format!("{what:<28} {}", report.destroyed.len()))?;
    talk::hint(context.text(
        "oude kopieën van de sleutelbos bevatten de vernietigde sleutels nog; maak een nieuwe (klantkluis key backup) en vernietig de oude",
        "old copies of the keyring still hold the destroyed keys; make a new one (klantkluis key backup) and destroy the old ones",
    ));
    Ok(())
}

fn show_list(context: &Context, list: &KeyList) -> Result<()> {
    if context.json {
        return talk::print_json(list);
    }
    for slot in &list.slots {
        talk::print(format!(
            "{:<22} {} ({})",
            context.text("opent met", "opens with"),
            slot.kind,
            slot.detail
        ))?;
    }
    for epoch in &list.epochs {
        let state = match epoch.destroyed {
            Some(at) => format!("{} {at}", context.text("vernietigd", "destroyed")),
            None => context.text("in gebruik", "in use").to_owned(),
        };
        let what = context.text("sleutelperiode", "key epoch");
        talk::print(format!("{what:<22} {} {} {state}", epoch.number, epoch.created))?;
    }
    let versions: Vec<_> = list.index_versions.iter().map(u8::to_string).collect();
    talk::print(format!("{:<22} {}", context.text("indexversies", "index versions"), versions.join(" ")))?;
    talk::print(format!("{:<22} {}", context.text("versleuteling", "encryption"), list.suite))?;
    talk::print(format!("{:<22} {}", context.text("controlesleutel", "verifier key"), list.verifier))
}

async fn rotate(context: &Context, session: &Session, which: KeyKind) -> Result<()> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match which {
        KeyKind::Signing => app.key_rotate_signing(actor).await?,
        KeyKind::Index => {
            let bar = talk::progress(None, context.text("klanten", "customers"));
            app.key_rotate_index(actor, &talk::follow(&bar)).await?;
            bar.finish_and_clear();
        }
        KeyKind::Root => {
            rotate_root(context, session).await?;
            tokio::time::sleep(EVERYBODY_KNOWS).await;
            talk::hint(context.text(
                "een server die met een wachtwoordzin of delen is geopend, moet nu opnieuw worden gestart; deel ook de delen opnieuw uit",
                "a server that was opened with a passphrase or shares must be restarted now; issue shares anew, too",
            ));
        }
    }
    let which = match which {
        KeyKind::Root => "root",
        KeyKind::Index => "index",
        KeyKind::Signing => "signing",
    };
    context.done(
        &json!({ "rotated": which }),
        "De nieuwe sleutel geldt vanaf nu.",
        "The new key is in force from now on.",
    )
}

/// A new root key under a new key file or passphrase, whichever the vault has; shares must be issued anew.
async fn rotate_root(context: &Context, session: &Session) -> Result<()> {
    let (app, actor) = (&session.vault.app, &session.actor);
    let path = context.config.key_file();
    if !path.exists() {
        return Ok(app.key_rotate_root(actor, SealWith::Passphrase(init::new_passphrase(context)?)).await?);
    }
    let mut key = [0_u8; wire::KEY_FILE_BYTES];
    SystemRandom.fill(&mut key);
    // The new key is on disk beside the old one before the keyring needs it: a crash in between loses neither.
    let fresh = path.with_extension("new");
    if fresh.exists() {
        bail!(
            "{} is left over from a rotation that was cut short; if `klantkluis status` works, delete it",
            fresh.display()
        );
    }
    wire::write_private(&fresh, &key, 0o400)?;
    app.key_rotate_root(actor, SealWith::KeyFile(key)).await?;
    fs::rename(&fresh, &path).with_context(|| {
        format!("the keyring is sealed with {}; move it to {} by hand", fresh.display(), path.display())
    })
}

async fn shares(context: &Context, session: &Session, k: u8, n: u8, folder: Option<&Path>) -> Result<()> {
    if let Some(folder) = folder {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let shares = session.vault.app.key_shares(&session.actor, k, n).await?;
    let mut files = Vec::new();
    for (number, share) in shares.iter().enumerate() {
        match folder {
            Some(folder) => {
                let file = folder.join(format!("share-{}", number + 1));
                wire::write_private(&file, share.expose().as_bytes(), 0o400)?;
                files.push(file);
            }
            None if context.json => {}
            None => talk::print(share.expose())?,
        }
    }
    if context.json {
        let shown: Vec<&str> = match folder {
            Some(_) => Vec::new(),
            None => shares.iter().map(|share| share.expose().as_str()).collect(),
        };
        talk::print_json(&json!({ "files": files, "shares": shown }))?;
    }
    talk::hint(context.text(
        "geef elk deel aan een andere persoon; eerdere delen werken niet meer. Zet keyring.unseal op \"shares\" om er bij het starten om te vragen",
        "give each share to another person; earlier shares no longer work. Set keyring.unseal to \"shares\" to be asked for them at the start",
    ));
    Ok(())
}

async fn backup(context: &Context, session: &Session, file: &Path) -> Result<()> {
    session.vault.app.key_backup(&session.actor, file).await?;
    if context.json {
        return talk::print_json(&json!({ "file": file }));
    }
    talk::say(context.text(
        "De sleutelbos is gekopieerd, nog steeds verzegeld. Bewaar hem niet bij de back-ups van de database.",
        "The keyring was copied, still sealed. Do not keep it with the backups of the database.",
    ));
    Ok(())
}
