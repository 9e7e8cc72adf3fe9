//! `init`: makes the data folder, the sealed keyring, the database, the register and the first credential.

use std::path::PathBuf;

use anyhow::{Result, bail};
use kluis_app::{App, FirstCredential, SealWith};
use serde_json::json;

use super::{Context, Outcome};
use crate::args::InitArgs;
use crate::{talk, wire};

/// Shortest passphrase, in characters.
const PASSPHRASE_CHARS_MIN: usize = 12;
/// Name of the file with the first credential when nobody sits at the terminal.
const FIRST_CREDENTIAL_FILE: &str = "first-credential";

/// Makes a vault, unless there is one.
pub(crate) async fn run(context: &Context, args: &InitArgs) -> Result<Outcome> {
    let app = wire::open(&context.config).await?;
    if app.is_initialised().await? {
        bail!("there is a vault in {} already", context.config.data.folder.display());
    }
    let way = match (args.passphrase, args.key_file) {
        (true, _) => Way::Passphrase,
        (_, true) => Way::KeyFile,
        _ => Way::usual(),
    };
    let made = make(context, &app, way).await?;
    app.close().await;
    if context.json {
        talk::print_json(
            &json!({ "folder": context.config.data.folder, "first_credential_file": made.file }),
        )?;
    } else {
        talk::hint(context.text("start met: klantkluis serve", "start with: klantkluis serve"));
    }
    Ok(Outcome::Good)
}

/// How the keyring is sealed at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Passphrase,
    KeyFile,
}

impl Way {
    /// A passphrase when a person can type one, else a key file.
    pub(crate) fn usual() -> Self {
        if talk::interactive() { Self::Passphrase } else { Self::KeyFile }
    }
}

/// Where the first credential was left, if not on the screen.
pub(crate) struct Made {
    pub file: Option<PathBuf>,
}

/// Makes the vault and shows the first credential once.
pub(crate) async fn make(context: &Context, app: &App, way: Way) -> Result<Made> {
    let seal = match way {
        Way::Passphrase => SealWith::Passphrase(new_passphrase(context)?),
        Way::KeyFile => SealWith::KeyFile(key_file(context)?),
    };
    talk::say(context.text("De kluis wordt gemaakt…", "Making the vault…"));
    let first = app.initialise(seal, &context.config.shop.name).await?;
    show_first_credential(context, &first)
}

/// Asks for a new passphrase twice.
pub(crate) fn new_passphrase(context: &Context) -> Result<kluis_model::PiiText> {
    talk::say(context.text(
        "Kies een wachtwoordzin. Zonder deze zin zijn de gegevens door niemand te lezen; bewaar hem goed.",
        "Choose a passphrase. Without it nobody can read the data; keep it safe.",
    ));
    let first = talk::ask_secret(
        context.text("Wachtwoordzin (12 tekens of meer)", "Passphrase (12 characters or more)"),
    )?;
    if first.expose().chars().count() < PASSPHRASE_CHARS_MIN {
        bail!(
            "the passphrase is too short: at least {PASSPHRASE_CHARS_MIN} characters, for example four words"
        );
    }
    let again = talk::ask_secret(context.text("Nog een keer", "Once more"))?;
    if first != again {
        bail!("the two passphrases differ; nothing was changed");
    }
    Ok(first)
}

/// Makes the key file, or takes the one that is there (handed over by systemd, or left by a start that was cut short).
fn key_file(context: &Context) -> Result<[u8; wire::KEY_FILE_BYTES]> {
    let path = context.config.key_file();
    if path.exists() {
        return wire::read_key_file(&path);
    }
    let key = wire::write_key_file(&path)?;
    talk::say(format!("{} {}", context.text("Sleutelbestand:", "Key file:"), path.display()));
    talk::hint(context.text(
        "wie dit bestand en de sleutelbos heeft, kan alles lezen; bewaar een kopie apart, het liefst op een andere schijf",
        "who has this file and the keyring can read everything; keep a copy apart, preferably on another disk",
    ));
    Ok(key)
}

fn show_first_credential(context: &Context, first: &FirstCredential) -> Result<Made> {
    if talk::interactive() {
        talk::say(context.text(
            "\nEerste toegangssleutel (eigenaar). Hij wordt maar één keer getoond; bewaar hem in een wachtwoordkluis:\n",
            "\nFirst credential (owner). It is shown only once; keep it in a password manager:\n",
        ));
        talk::say(format!("    {}\n", first.secret.expose()));
        return Ok(Made { file: None });
    }
    let path = context.config.data.folder.join(FIRST_CREDENTIAL_FILE);
    wire::write_private(&path, first.secret.expose().as_bytes(), 0o400)?;
    talk::say(format!(
        "{} {}",
        context.text(
            "Eerste toegangssleutel (eigenaar), in een bestand met modus 0400:",
            "First credential (owner), in a file with mode 0400:"
        ),
        path.display()
    ));
    talk::hint(context.text(
        "lees hem, bewaar hem goed en verwijder het bestand",
        "read it, keep it safe and delete the file",
    ));
    Ok(Made { file: Some(path) })
}
