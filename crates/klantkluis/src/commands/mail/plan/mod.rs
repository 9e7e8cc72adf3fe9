//! `mail plan`: the DNS records that belong to the shop's mail, from `mail.toml` or from an interview.

mod interview;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kluis_app::{App, MailKeyState, MailKeyView};
use kluis_mail::dns::is_within;
use kluis_mail::plan::{self, Inputs, Plan};
use kluis_mail::streams::{KeyUse, MailSetup};
use kluis_model::{Actor, Lang};
use serde_json::json;

use self::interview::Interview;
use super::super::{Context, Outcome, Session};
use crate::args_mail::{MailPlanArgs, StreamsArg};
use crate::config_mail::read_streams;
use crate::talk;
use crate::wire::{self, Hinted};

/// The file's name.
const FILE: &str = "mail.toml";
/// The file's mode: the server reads it under another name than the person who wrote it.
const MODE: u32 = 0o644;

/// Plans with what stands in `mail.toml`.
pub(crate) fn run(context: &Context, args: &MailPlanArgs) -> Result<Outcome> {
    let (setup, place) = setup(context, args)?;
    show(context, args, &plan::make(&setup, &Inputs::default()), &place)
}

/// Plans with the keys of the vault too.
pub(crate) async fn run_with_keys(
    context: &Context,
    session: &Session,
    args: &MailPlanArgs,
) -> Result<Outcome> {
    let (mut setup, place) = setup(context, args)?;
    let keys = keys(&session.vault.app, &session.actor, &mut setup).await?;
    show(context, args, &plan::make(&setup, &Inputs { keys: &keys, ..Inputs::default() }), &place)
}

/// The records of the vault's keys that must be in the DNS; a relayed stream uses those of its domain also when it does
/// not name them.
pub(super) async fn keys(app: &App, actor: &Actor, setup: &mut MailSetup) -> Result<Vec<(KeyUse, String)>> {
    let is_published =
        |key: &MailKeyView| !matches!(key.state, MailKeyState::ToRevoke | MailKeyState::Revoked);
    let keys = app.mail_keys(actor).await?.into_iter().filter(is_published);
    let mut found = Vec::new();
    for key in keys {
        let used = KeyUse { domain: key.domain, selector: key.selector };
        let is_named = setup.streams.iter().any(|stream| stream.keys.contains(&used));
        let signs = setup.streams.iter_mut().filter(|stream| stream.is_relayed && !is_named);
        for stream in signs.filter(|stream| is_within(&stream.from, &used.domain)).take(1) {
            stream.keys.push(used.clone());
        }
        found.push((used, key.record));
    }
    Ok(found)
}

/// The streams: of the file that was named, of the usual file, or of an interview.
fn setup(context: &Context, args: &MailPlanArgs) -> Result<(MailSetup, PathBuf)> {
    let lang = context.lang;
    if args.write.is_none()
        && let Some(file) = find(context, &args.streams)
    {
        return Ok((read_streams(&file, lang)?, file));
    }
    let file = match &args.write {
        Some(file) => file.clone(),
        None => new_place(context),
    };
    if file.exists() && !args.force {
        return Err(Hinted::error(
            format!("{}: {}", file.display(), lang.pick("bestaat al", "is there already")),
            lang.pick(
                "kies een andere naam, of vervang het bestand met --force",
                "choose another name, or replace the file with --force",
            ),
        ));
    }
    let mut say = |text: &str| talk::say(text);
    let setup = Interview::new(&mut io::stdin().lock(), &mut say, lang).run()?;
    write(&file, &setup.to_toml(), args.force)?;
    talk::say(format!("\n{} {}", lang.pick("Bewaard in", "Kept in"), file.display()));
    Ok((setup, file))
}

/// The file with streams: the one that was named, that of the settings or the data folder, or one that stands here.
fn find(context: &Context, named: &StreamsArg) -> Option<PathBuf> {
    if let Some(file) = &named.streams {
        return Some(file.clone());
    }
    let usual = context.config.mail.streams_file(&context.config.data.folder);
    if usual.exists() || context.config.mail.streams.is_some() {
        return Some(usual);
    }
    Some(PathBuf::from(FILE)).filter(|here| here.exists())
}

/// The streams that must be there.
pub(super) fn existing(context: &Context, named: &StreamsArg) -> Result<MailSetup> {
    let lang = context.lang;
    let file = find(context, named).ok_or_else(|| {
        Hinted::error(
            lang.pick("er is nog geen mail.toml", "there is no mail.toml yet"),
            lang.pick("maak het met: klantkluis mail plan", "make it with: klantkluis mail plan"),
        )
    })?;
    read_streams(&file, lang)
}

/// Where a new file goes: to the data folder when there is one, else here.
fn new_place(context: &Context) -> PathBuf {
    let folder = &context.config.data.folder;
    if folder.is_dir() { folder.join(FILE) } else { PathBuf::from(FILE) }
}

/// Writes the whole file or nothing; there is no secret in it.
fn write(file: &Path, text: &str, may_replace: bool) -> Result<()> {
    if !may_replace {
        return wire::write_private(file, text.as_bytes(), MODE);
    }
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    wire::write_private(&new, text.as_bytes(), MODE)?;
    std::fs::rename(&new, file).with_context(|| format!("cannot write {}", file.display()))
}

fn show(context: &Context, args: &MailPlanArgs, plan: &Plan, file: &Path) -> Result<Outcome> {
    let lang = context.lang;
    if context.json {
        talk::print_json(&json!({ "file": file, "domain": plan.domain, "steps": plan.steps }))?;
    } else if args.bind {
        talk::print(plan::bind(plan).trim_end())?;
        for (step, todo) in plan.steps.iter().flat_map(|step| step.todo.iter().map(move |todo| (step, todo)))
        {
            talk::say(format!("! {}: {}", step.title.get(lang), todo.get(lang)));
        }
    } else {
        talk::print(plan::paste(plan, lang).trim_end())?;
        talk::say("");
        talk::hint(next(lang));
    }
    Ok(Outcome::Good)
}

fn next(lang: Lang) -> &'static str {
    lang.pick(
        "staan de records in de DNS? Vergelijk met: klantkluis mail diff",
        "are the records in the DNS? Compare with: klantkluis mail diff",
    )
}
