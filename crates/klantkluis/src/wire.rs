//! Opens the vault as the settings say: folders, keyring, unsealing, and who acts from the command line.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use kluis_app::{App, AppError, AppOptions, UnsealWith};
use kluis_crypto::SystemRandom;
use kluis_model::{Actor, Clock, Lang, PiiText, Random, RequestId, ShopId, TimeMs};
use kluis_net::AuditError;

use crate::config::{Config, UnsealMethod};
use crate::talk;

/// Bytes of a key file.
pub(crate) const KEY_FILE_BYTES: usize = 32;

/// The wall clock; the only one in the program.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimeMs {
        let now = jiff::Timestamp::now();
        TimeMs(now.as_millisecond())
    }
}

/// What a command works with.
pub(crate) struct Vault {
    pub app: App,
}

/// Opens the database and the sealed keyring; nothing is readable yet.
///
/// # Errors
/// When the data folder cannot be made or the database not be opened.
pub(crate) async fn open(config: &Config) -> Result<App> {
    make_private_folder(&config.data.folder)?;
    let keyring = config.keyring_file();
    if let Some(parent) = keyring.parent() {
        make_private_folder(parent)?;
    }
    let options = AppOptions {
        store: config.store_config()?,
        keyring,
        data_dir: config.data.folder.clone(),
        node: config.node.name.clone(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    Ok(App::open(options).await?)
}

/// Opens the vault and unseals it.
///
/// # Errors
/// When there is no vault yet, or the key does not fit.
pub(crate) async fn open_unsealed(config: &Config) -> Result<Vault> {
    // A question to a vault that is not there leaves nothing behind.
    if !config.data.folder.exists() && !config.keyring_file().exists() {
        bail!(NotInitialised(config.data.folder.clone()));
    }
    let app = open(config).await?;
    if !app.is_initialised().await? {
        bail!(NotInitialised(config.data.folder.clone()));
    }
    unseal(&app, config).await?;
    Ok(Vault { app })
}

/// Unseals by the way the settings name.
///
/// # Errors
/// When the key does not fit or nobody is there to type it.
pub(crate) async fn unseal(app: &App, config: &Config) -> Result<()> {
    let key_file = config.key_file();
    let method = match config.keyring.unseal {
        UnsealMethod::Auto if key_file.exists() => UnsealMethod::KeyFile,
        UnsealMethod::Auto => UnsealMethod::Passphrase,
        named => named,
    };
    let with = match method {
        UnsealMethod::KeyFile => UnsealWith::KeyFile(read_key_file(&key_file)?),
        UnsealMethod::Shares => UnsealWith::Shares(ask_shares()?),
        UnsealMethod::Passphrase | UnsealMethod::Auto => {
            UnsealWith::Passphrase(talk::ask_secret("Wachtwoordzin van de kluis / passphrase of the vault")?)
        }
    };
    app.unseal(with).await?;
    Ok(())
}

/// Asks for shares until an empty line.
fn ask_shares() -> Result<Vec<PiiText>> {
    let mut shares = Vec::new();
    talk::say(
        "Geef de delen, een per regel; een lege regel is het einde. / Give the shares, one per line; an empty line ends.",
    );
    while shares.len() < 16 {
        match talk::ask_secret(&format!("{}", shares.len() + 1)) {
            Ok(share) => shares.push(share),
            Err(_) => break,
        }
    }
    Ok(shares)
}

/// Reads the key file and insists that only its owner can.
pub(crate) fn read_key_file(path: &Path) -> Result<[u8; KEY_FILE_BYTES]> {
    let metadata =
        fs::metadata(path).with_context(|| format!("cannot read the key file {}", path.display()))?;
    if others_may_read(path, &metadata) {
        bail!("others may read the key file {}; make it yours only: chmod 0400 {0}", path.display());
    }
    if metadata.size() != KEY_FILE_BYTES as u64 {
        bail!("the key file {} has {} bytes instead of {KEY_FILE_BYTES}", path.display(), metadata.size());
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read the key file {}", path.display()))?;
    bytes.try_into().ok().context("the key file changed while it was read")
}

/// Whether somebody besides its owner can read the file. systemd shows a credential that it hands over to a dynamic
/// user as group-readable, since the group bits stand for the access list's mask there.
pub(crate) fn others_may_read(path: &Path, metadata: &fs::Metadata) -> bool {
    let allowed = if path.starts_with("/run/credentials") { 0o040 } else { 0 };
    metadata.permissions().mode() & 0o077 & !allowed != 0
}

/// Makes a new key file with mode 0400; one that exists is never overwritten.
///
/// # Errors
/// When it exists or cannot be written.
pub(crate) fn write_key_file(path: &Path) -> Result<[u8; KEY_FILE_BYTES]> {
    let mut key = [0_u8; KEY_FILE_BYTES];
    SystemRandom.fill(&mut key);
    write_private(path, &key, 0o400)?;
    Ok(key)
}

/// Writes a new file with the mode and syncs it; one that exists is never overwritten.
///
/// # Errors
/// When it exists or cannot be written.
pub(crate) fn write_private(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    use std::io::Write;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))
}

pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Who acts from the command line: the person logged in on the server.
pub(crate) fn local_actor() -> Actor {
    let mut bytes = [0_u8; 10];
    SystemRandom.fill(&mut bytes);
    let request = RequestId::from_parts(SystemClock.now(), bytes);
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_graphic()))
        .unwrap_or_else(|| "unknown".into());
    Actor::local(&name, ShopId(1), request)
}

/// Something that a person gave makes no sense, and what to do about it.
#[derive(Debug)]
pub(crate) struct Hinted {
    text: String,
    hint: String,
}

impl Hinted {
    /// An error with its hint.
    pub(crate) fn error(text: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { text: text.into(), hint: hint.into() }.into()
    }
}

impl std::fmt::Display for Hinted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Hinted {}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// When it cannot be read or is larger.
pub(crate) fn read_bounded(path: &Path, bytes_max: u64, lang: Lang) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let why = lang.pick("dit bestand is er niet", "there is no such file");
            let hint = lang.pick("kijk of naam en map kloppen", "look whether name and folder are right");
            return Err(Hinted::error(format!("{}: {why}", path.display()), hint));
        }
        opened => opened
            .with_context(|| format!("{} {}", lang.pick("niet te lezen:", "cannot read"), path.display()))?,
    };
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} {}", lang.pick("niet te lezen:", "cannot read"), path.display()))?;
    if bytes.len() as u64 > bytes_max {
        let why = lang.pick("het bestand is te groot", "the file is too large");
        let most = lang.pick("er worden hoogstens zoveel bytes gelezen", "at most so many bytes are read");
        return Err(Hinted::error(format!("{}: {why}", path.display()), format!("{most}: {bytes_max}")));
    }
    Ok(bytes)
}

/// There is no vault in the folder yet.
#[derive(Debug)]
pub(crate) struct NotInitialised(PathBuf);

impl std::fmt::Display for NotInitialised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no vault in {} yet", self.0.display())
    }
}

impl std::error::Error for NotInitialised {}

impl NotInitialised {
    fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::Nl => format!("er is nog geen kluis in {}", self.0.display()),
            Lang::En => self.to_string(),
        }
    }
}

/// The settings file says something that cannot be; holds its name.
#[derive(Debug)]
pub(crate) struct BadSettings(pub PathBuf);

impl std::fmt::Display for BadSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "in {}", self.0.display())
    }
}

impl std::error::Error for BadSettings {}

/// What is wrong, in the language of this run as far as the use cases have a text for it.
pub(crate) fn error_text(error: &anyhow::Error, lang: Lang) -> String {
    let told = |cause: &(dyn std::error::Error + 'static)| {
        let of_app = cause.downcast_ref::<AppError>().map(|error| error.text(lang));
        let of_audit = || cause.downcast_ref::<AuditError>().map(|error| error.message(lang));
        let of_vault = || cause.downcast_ref::<NotInitialised>().map(|error| error.text(lang));
        of_app.or_else(of_audit).or_else(of_vault).unwrap_or_else(|| cause.to_string())
    };
    error.chain().map(told).collect::<Vec<_>>().join(": ")
}

/// What the person can do about an error; there is always something.
pub(crate) fn hint_for(error: &anyhow::Error, lang: Lang) -> String {
    if error.downcast_ref::<NotInitialised>().is_some() {
        let hint = lang.pick(
            "maak er een met: klantkluis init   (of: klantkluis serve)",
            "make one with: klantkluis init   (or: klantkluis serve)",
        );
        return hint.into();
    }
    if let Some(hinted) = error.downcast_ref::<Hinted>() {
        return hinted.hint.clone();
    }
    if error.downcast_ref::<BadSettings>().is_some() {
        let hint = lang.pick(
            "alle instellingen met hun vorm: klantkluis config show --config /dev/null",
            "every setting with its form: klantkluis config show --config /dev/null",
        );
        return hint.into();
    }
    if let Some(audit) = error.downcast_ref::<AuditError>() {
        return audit.hint(lang).to_owned();
    }
    let app = error.chain().find_map(|cause| cause.downcast_ref::<AppError>());
    if let Some(hint) = app.and_then(AppError::hint) {
        return hint;
    }
    let (nl, en) = match app {
        Some(AppError::Invalid(_)) => {
            ("verbeter wat er genoemd is en probeer het opnieuw", "correct what is named and try again")
        }
        Some(AppError::NotFound) => (
            "zoek eerst wat er is: klantkluis subject find, credential list, audit list",
            "look first what there is: klantkluis subject find, credential list, audit list",
        ),
        Some(AppError::Internal { .. }) => (
            "kijk of machine en kluis in orde zijn: klantkluis doctor",
            "look whether machine and vault are in order: klantkluis doctor",
        ),
        _ => (
            "wat een opdracht wil weten, staat in: klantkluis OPDRACHT --help",
            "what a command takes is shown by: klantkluis COMMAND --help",
        ),
    };
    lang.pick(nl, en).into()
}
