//! `purpose`: the purpose register, which decides what is kept and who may read it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use kluis_app::PurposeChange;
use kluis_model::PurposeId;
use kluis_model::register::Register;
use serde_json::json;

use super::{Context, Outcome, Session};
use crate::args::PurposeCommand;
use crate::talk;

/// Most bytes of a register file.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Runs `purpose …`.
pub(crate) async fn run(context: &Context, session: &Session, command: &PurposeCommand) -> Result<Outcome> {
    let app = &session.vault.app;
    match command {
        PurposeCommand::List => list(context, &*app.purposes(&session.actor).await?)?,
        PurposeCommand::Show if context.json => {
            talk::print_json(&json!({ "toml": app.purposes(&session.actor).await?.source() }))?;
        }
        PurposeCommand::Show => talk::print(app.purposes(&session.actor).await?.source().trim_end())?,
        PurposeCommand::Check { file } => return check(context, &read(file)?),
        PurposeCommand::Set { file } => {
            let text = read(file)?;
            if Register::parse(&text).is_err() {
                check(context, &text)?;
                bail!("the register was not changed");
            }
            show_change(context, &app.purpose_set(&session.actor, &text).await?)?;
        }
    }
    Ok(Outcome::Good)
}

fn read(path: &Path) -> Result<String> {
    let size = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > FILE_BYTES_MAX {
        bail!("{} has {size} bytes; a register has at most {FILE_BYTES_MAX}", path.display());
    }
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn check(context: &Context, text: &str) -> Result<Outcome> {
    let problems = Register::parse(text).err().unwrap_or_default();
    if context.json {
        let texts: Vec<_> = problems.iter().map(|problem| problem.text(context.lang)).collect();
        talk::print_json(&json!({ "problems": texts }))?;
    } else if problems.is_empty() {
        talk::print(context.text("in orde", "in order"))?;
    } else {
        for problem in &problems {
            talk::print(problem.text(context.lang))?;
        }
    }
    Ok(Outcome::of_findings(problems.len()))
}

fn show_change(context: &Context, change: &PurposeChange) -> Result<()> {
    if context.json {
        return talk::print_json(change);
    }
    let ids = |ids: &[PurposeId]| ids.iter().map(PurposeId::to_string).collect::<Vec<_>>().join(" ");
    talk::print(format!("{:<24} {}", context.text("versie van kracht", "version in force"), change.version))?;
    talk::print(format!("{:<24} {}", context.text("nieuwe doelen", "new purposes"), ids(&change.added)))?;
    talk::print(format!(
        "{:<24} {}",
        context.text("vervallen doelen", "purposes gone"),
        ids(&change.removed)
    ))?;
    for lost in &change.lost {
        talk::print(format!(
            "{} {} × {}",
            context.text("zonder doel, te verwijderen:", "without a purpose, due for removal:"),
            lost.customers,
            lost.field
        ))?;
    }
    Ok(())
}

fn list(context: &Context, register: &Register) -> Result<()> {
    for purpose in register.purposes() {
        let fields: Vec<_> = purpose.fields.iter().map(|used| used.field.as_str()).collect();
        if context.json {
            continue;
        }
        talk::print(format!(
            "{:<20} {} — {}, {} {} {}",
            purpose.id,
            purpose.name.get(context.lang),
            purpose.basis,
            purpose.retention.keep,
            context.text("na", "after"),
            purpose.retention.start
        ))?;
        talk::print(format!("{:<20} {}", "", fields.join(" ")))?;
    }
    if context.json {
        let all: Vec<_> = register
            .purposes()
            .map(|purpose| {
                json!({
                    "id": purpose.id, "name": purpose.name, "basis": purpose.basis, "law": purpose.law,
                    "class": purpose.class, "start": purpose.retention.start, "keep": purpose.retention.keep,
                    "fields": purpose.fields.iter().map(|used| used.field.as_str()).collect::<Vec<_>>(),
                })
            })
            .collect();
        talk::print_json(&all)?;
    }
    Ok(())
}
