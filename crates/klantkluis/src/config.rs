//! `klantkluis.toml`: every setting with its default, read once into types that cannot be wrong.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kluis_app::MailSettings;
use kluis_net::acme::AcmeOptions;
use kluis_store::{PostgresTls, StoreConfig};
use serde::Deserialize;

use crate::config_acme::{Acme, Around};
use crate::config_check::Check;
use crate::config_mail::Mail;

/// Most bytes a configuration file may have.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// The documented file that `klantkluis config show` prints; a test holds it equal to the defaults below.
pub(crate) const DOCUMENTED: &str = include_str!("../klantkluis.toml");

/// All settings of one node. Unknown keys are refused.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub shop: Shop,
    pub data: Data,
    pub keyring: Keyring,
    pub store: StoreSettings,
    pub https: Https,
    pub http: Http,
    pub acme: Acme,
    pub check: Check,
    pub mail: Mail,
    pub limits: Limits,
    pub node: Node,
    pub log: Log,
}

/// Who the shop is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shop {
    pub name: String,
}

impl Default for Shop {
    fn default() -> Self {
        Self { name: "Mijn webwinkel".into() }
    }
}

/// Where this node keeps its files.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Data {
    pub folder: PathBuf,
}

impl Default for Data {
    fn default() -> Self {
        Self { folder: PathBuf::from("klantkluis-data") }
    }
}

/// The sealed keyring and how it is opened at the start.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keyring {
    pub file: Option<PathBuf>,
    pub unseal: UnsealMethod,
    pub key_file: Option<PathBuf>,
}

/// How the root key is had at the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnsealMethod {
    /// The key file when there is one, else a passphrase prompt.
    #[default]
    Auto,
    Passphrase,
    KeyFile,
    Shares,
}

/// Which database.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSettings {
    pub engine: Engine,
    pub readers: usize,
    pub url: String,
    pub password_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub connections: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            engine: Engine::Sqlite,
            readers: 4,
            url: String::new(),
            password_file: None,
            ca_file: None,
            connections: 8,
        }
    }
}

/// The two kinds of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The HTTPS listener and its certificate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Https {
    pub listen: SocketAddr,
    pub names: Vec<String>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub hsts_max_age_s: u64,
    pub hsts_ramp: bool,
    pub hsts_include_subdomains: bool,
    pub hsts_preload: bool,
    pub security_contact: Option<String>,
}

impl Default for Https {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            names: vec!["localhost".into()],
            certificate: None,
            key: None,
            hsts_max_age_s: 31_536_000,
            hsts_ramp: true,
            hsts_include_subdomains: false,
            hsts_preload: false,
            security_contact: None,
        }
    }
}

/// The plain HTTP listener, which only redirects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub listen: SocketAddr,
    pub redirect: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), redirect: true }
    }
}

/// Bounds on what comes in from outside.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub connections_max: usize,
    pub body_bytes_max: usize,
    pub upload_bytes_max: usize,
    pub requests_per_minute: u32,
}

impl Default for Limits {
    /// What the server itself takes as usual.
    fn default() -> Self {
        let usual = kluis_web::Limits::default();
        Self {
            connections_max: usual.connections_max,
            body_bytes_max: usual.body_bytes_max,
            upload_bytes_max: usual.upload_bytes_max,
            requests_per_minute: usual.requests_per_minute,
        }
    }
}

/// This node among others over one database.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Node {
    pub name: String,
}

impl Default for Node {
    fn default() -> Self {
        Self { name: "node1".into() }
    }
}

/// What is written to stderr while serving.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub format: LogFormat,
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".into() }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads the named file, or `./klantkluis.toml`, or `/etc/klantkluis/klantkluis.toml`, or takes the defaults.
    ///
    /// # Errors
    /// When a named file is absent, too large, or says something that is not understood.
    pub(crate) fn load(named: Option<&Path>) -> Result<(Self, Option<PathBuf>)> {
        let usual = [PathBuf::from("klantkluis.toml"), PathBuf::from("/etc/klantkluis/klantkluis.toml")];
        let found = match named {
            Some(path) => Some(path.to_path_buf()),
            None => usual.into_iter().find(|path| path.exists()),
        };
        let Some(path) = found else {
            return Ok((Self::default(), None));
        };
        let size = fs::metadata(&path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?
            .len();
        if size > FILE_BYTES_MAX {
            bail!("{} has {size} bytes; at most {FILE_BYTES_MAX} are read", path.display());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let config = Self::parse(&text).with_context(|| crate::wire::BadSettings(path.clone()))?;
        Ok((config, Some(path)))
    }

    /// Reads the text of a configuration file and checks that its settings go together.
    ///
    /// # Errors
    /// On a key that does not exist, a value of the wrong form, or settings that contradict each other.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if self.https.certificate.is_some() != self.https.key.is_some() {
            bail!("https.certificate and https.key go together: give both or neither");
        }
        self.https.check_hsts()?;
        if self.https.security_contact.as_deref().is_some_and(|contact| !is_contact(contact)) {
            bail!(
                "https.security_contact takes an address such as \"mailto:veilig@winkel.example\" or \"https://…\""
            );
        }
        self.acme_options()?;
        if self.https.names.is_empty() {
            bail!("https.names is empty: name at least the host that people type, such as \"localhost\"");
        }
        if self.store.engine == Engine::Postgres && self.store.url.is_empty() {
            bail!(
                "store.engine is \"postgres\" but store.url is empty, for example \"postgres://kluis@db.example/kluis\""
            );
        }
        if self.store.url.contains(':') && has_password(&self.store.url) {
            bail!("store.url holds a password; put it in a file and name that file in store.password_file");
        }
        if self.node.name.is_empty() || !self.node.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            bail!("node.name takes letters, digits and hyphens");
        }
        if !(1..=64).contains(&self.store.readers) || !(1..=256).contains(&self.store.connections) {
            bail!("store.readers takes 1 to 64 and store.connections 1 to 256");
        }
        self.check.check()?;
        self.mail.check()
    }

    /// The sealed keyring's file.
    pub(crate) fn keyring_file(&self) -> PathBuf {
        let usual = || self.data.folder.join("keyring").join("keyring");
        self.keyring.file.clone().unwrap_or_else(usual)
    }

    /// The folder of certificates and authorities.
    pub(crate) fn tls_folder(&self) -> PathBuf {
        self.data.folder.join("tls")
    }

    /// What is ordered by ACME; `None` when nothing is.
    ///
    /// # Errors
    /// When settings are missing or contradict each other.
    pub(crate) fn acme_options(&self) -> Result<Option<AcmeOptions>> {
        self.acme.options(&Around {
            names: &self.https.names,
            has_http: self.http.redirect,
            has_files: self.https.certificate.is_some(),
            folder: &self.tls_folder(),
        })
    }

    /// What the use cases of mail are told.
    ///
    /// # Errors
    /// When the file with streams, or one with roots, cannot be read.
    pub(crate) fn mail_settings(&self) -> Result<MailSettings> {
        self.mail.settings(&self.data.folder, self.check.settings()?.audit)
    }

    /// The key file that opens the keyring without a person.
    pub(crate) fn key_file(&self) -> PathBuf {
        let usual = || self.data.folder.join("root.key");
        self.keyring.key_file.clone().unwrap_or_else(usual)
    }

    /// What the store is opened with.
    ///
    /// # Errors
    /// When the password file cannot be read.
    pub(crate) fn store_config(&self) -> Result<StoreConfig> {
        match self.store.engine {
            Engine::Sqlite => Ok(StoreConfig::Sqlite {
                data: self.data.folder.join("data.db"),
                keys: self.data.folder.join("keys.db"),
                readers: self.store.readers,
            }),
            Engine::Postgres => postgres_config(&self.store.url, &self.store),
        }
    }
}

/// The store of a PostgreSQL address, with the password and CA files that the settings name.
///
/// # Errors
/// When a named file cannot be read or the address holds a password.
pub(crate) fn postgres_config(url: &str, settings: &StoreSettings) -> Result<StoreConfig> {
    if has_password(url) {
        bail!(
            "a password does not belong in an address; put it in a file and name the file (store.password_file or --password-file)"
        );
    }
    let password = match &settings.password_file {
        Some(file) => Some(
            fs::read_to_string(file)
                .with_context(|| format!("cannot read the password file {}", file.display()))?,
        ),
        None => None,
    };
    let mut address = url.to_owned();
    if let Some(password) = password {
        address = with_password(url, password.trim_end_matches(['\r', '\n']))?;
    }
    let tls = match &settings.ca_file {
        Some(file) => PostgresTls::CaFile(file.clone()),
        None => PostgresTls::WebRoots,
    };
    Ok(StoreConfig::Postgres { url: address.into(), pool: settings.connections, tls })
}

impl Https {
    /// RFC 6797 and the conditions of the preload list, from which a name does not come off for months.
    fn check_hsts(&self) -> Result<()> {
        if self.hsts_preload && !(self.hsts_include_subdomains && self.hsts_max_age_s >= 31_536_000) {
            bail!("https.hsts_preload wants hsts_include_subdomains = true and hsts_max_age_s of a year");
        }
        Ok(())
    }
}

/// Whether a text can stand in security.txt as a contact (RFC 9116 §2.5.3).
fn is_contact(text: &str) -> bool {
    let known = ["mailto:", "https://", "tel:"].iter().any(|scheme| text.starts_with(scheme));
    known && text.len() <= 500 && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether the address carries a password (`user:password@host`).
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
        || url.contains("password=")
}

/// The address with the password after the user, percent-encoded.
fn with_password(url: &str, password: &str) -> Result<String> {
    let parts = url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?)));
    let Some((scheme, (user, rest))) = parts else {
        bail!(
            "a password file is given but the address names no user, for example postgres://kluis@db.example/kluis"
        );
    };
    let mut encoded = String::new();
    for byte in password.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(format!("{scheme}://{user}:{encoded}@{rest}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn documented_file_says_the_defaults() {
        assert_eq!(Config::parse(DOCUMENTED).unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_documented() {
        let debug = format!("{:#?}", Config::default());
        for line in debug.lines().filter_map(|line| line.trim().split_once(": ")) {
            assert!(DOCUMENTED.contains(line.0), "{} is not in klantkluis.toml", line.0);
        }
    }

    #[test]
    fn unknown_and_contradicting_settings_are_refused() {
        let refused = [
            ("[https]\nlisen = \"127.0.0.1:1\"", "unknown field"),
            ("[htps]", "unknown field"),
            ("[https]\nlisten = \"localhost\"", "listen"),
            ("[https]\ncertificate = \"a.pem\"", "go together"),
            ("[https]\nnames = []", "names is empty"),
            ("[https]\nhsts_preload = true", "hsts_include_subdomains"),
            ("[https]\nsecurity_contact = \"veilig@winkel.example\"", "mailto:"),
            ("[https]\nsecurity_contact = \"mailto:a\\nExpires: never\"", "mailto:"),
            ("[acme]\ndirectory = \"letsencrypt\"", "accept_terms"),
            ("[acme]\ndirectory = \"letsencrypt\"\naccept_terms = true", "acme.names"),
            ("[store]\nengine = \"mysql\"", "unknown variant"),
            ("[store]\nengine = \"postgres\"", "url is empty"),
            ("[store]\nengine = \"postgres\"\nurl = \"postgres://a:b@h/d\"", "password"),
            ("[node]\nname = \"a b\"", "node.name"),
            ("[store]\nreaders = 0", "store.readers"),
            ("[check]\ndomain = []", "unknown field"),
            ("[check]\ndomains = [\"localhost\"]", "private_networks"),
            ("[mail.relay]\nlisten = \"127.0.0.1:2525\"", "mail.relay.smarthost"),
            ("x", "expected"),
        ];
        for (text, says) in refused {
            let error = format!("{:#}", Config::parse(text).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_goes_into_the_address_encoded() {
        let address = with_password("postgres://kluis@db.example:5432/kluis", "a@b:/%").unwrap();
        assert_eq!(address, "postgres://kluis:a%40b%3A%2F%25@db.example:5432/kluis");
        assert!(has_password(&address));
        assert!(!has_password("postgres://kluis@db.example:5432/kluis"));
        assert!(with_password("postgres://db.example/kluis", "x").is_err());
    }
}
