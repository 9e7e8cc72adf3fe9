//! `store`: the database's schema, and moving the vault to another database.

use std::path::PathBuf;

use anyhow::{Result, bail};
use kluis_store::StoreConfig;
use serde_json::json;

use super::{Context, Outcome};
use crate::args::StoreCommand;
use crate::config::{self, StoreSettings};
use crate::{talk, wire};

/// Runs `store …`.
pub(crate) async fn run(context: &Context, command: StoreCommand) -> Result<Outcome> {
    match command {
        StoreCommand::Migrate => migrate(context).await,
        StoreCommand::Copy { to, password_file } => copy(context, &to, password_file).await,
    }
}

/// Opening a store brings its schema up to date; this does only that and says so.
async fn migrate(context: &Context) -> Result<Outcome> {
    let app = wire::open(&context.config).await?;
    let version = app.schema_version().await?;
    app.close().await;
    if context.json {
        talk::print_json(&json!({ "schema_version": version }))?;
    } else {
        talk::print(format!("{} {version}", context.text("schemaversie", "schema version")))?;
    }
    Ok(Outcome::Good)
}

async fn copy(context: &Context, to: &str, password_file: Option<PathBuf>) -> Result<Outcome> {
    let target = target(context, to, password_file)?;
    let session = context.session().await?;
    let bar = talk::progress(None, context.text("rijen", "rows"));
    let report = session.vault.app.copy_to(&session.actor, &target, &talk::follow(&bar)).await;
    bar.finish_and_clear();
    session.close().await;
    let report = report?;
    if context.json {
        talk::print_json(&report)?;
    } else {
        talk::say(format!("{} {}", report.rows, context.text("rijen gekopieerd.", "rows copied.")));
    }
    talk::hint(context.text(
        "zet nu [store] in klantkluis.toml op de nieuwe database, en ga na of alles klopt: klantkluis verify",
        "now point [store] in klantkluis.toml at the new database, and check that all is well: klantkluis verify",
    ));
    Ok(Outcome::Good)
}

fn target(context: &Context, to: &str, password_file: Option<PathBuf>) -> Result<StoreConfig> {
    if let Some(folder) = to.strip_prefix("sqlite:") {
        let folder = PathBuf::from(folder);
        wire::make_private_folder(&folder)?;
        return Ok(StoreConfig::Sqlite {
            data: folder.join("data.db"),
            keys: folder.join("keys.db"),
            readers: context.config.store.readers,
        });
    }
    if !to.starts_with("postgres://") && !to.starts_with("postgresql://") {
        bail!("--to takes sqlite:FOLDER or postgres://user@host/database");
    }
    let settings = StoreSettings { password_file, ..context.config.store.clone() };
    config::postgres_config(to, &settings)
}
