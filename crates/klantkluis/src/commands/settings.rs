//! `config check` and `config show`.

use anyhow::Result;
use serde_json::json;

use super::{Context, Outcome};
use crate::args::ConfigCommand;
use crate::config;
use crate::talk;

/// Checks the settings (they were read before this is reached) or prints all of them with their defaults.
pub(crate) fn run(context: &Context, command: &ConfigCommand) -> Result<Outcome> {
    match command {
        ConfigCommand::Show if context.json => talk::print_json(&json!({ "toml": config::DOCUMENTED }))?,
        ConfigCommand::Show => talk::print(config::DOCUMENTED.trim_end())?,
        ConfigCommand::Check => check(context)?,
    }
    Ok(Outcome::Good)
}

fn check(context: &Context) -> Result<()> {
    // Also reads the password file, when one is named.
    context.config.store_config()?;
    let file = context.config_file.as_ref().map(|file| file.display().to_string());
    if context.json {
        return talk::print_json(&json!({ "file": file, "ok": true }));
    }
    talk::print(match file {
        Some(file) => format!("{file}: {}", context.text("in orde", "in order")),
        None => context
            .text(
                "geen instellingenbestand: alles heeft de standaardwaarde",
                "no settings file: everything has its default",
            )
            .into(),
    })
}
