//! `[mail]`: the shop's streams, the relay with its smarthost, the milter, and where reports come in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kluis_app::MailSettings;
use kluis_crypto::SecretText;
use kluis_mail::report::Network;
use kluis_mail::streams::MailSetup;
use kluis_model::{Lang, Period};
use kluis_net::AuditOptions;
use kluis_post::{
    DeliverOptions, ImapOptions, Login, MilterListen, MilterOptions, PostOptions, RelayOptions,
    ReportListener, ReportSources, ServerAddress, SmarthostTls,
};
use rustls::pki_types::CertificateDer;
use rustls::server::ResolvesServerCert;
use serde::Deserialize;

use crate::config_check::{name_server, read_roots};
use crate::wire::{Hinted, read_bounded};

/// Most bytes of the file with streams.
const STREAMS_BYTES_MAX: u64 = 256 * 1024;
/// Most bytes of a file with a password.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// The smallest and the largest bound on a message, in bytes.
const MESSAGE_BYTES: std::ops::RangeInclusive<usize> = 65_536..=104_857_600;
/// Bytes of one message to the report address: reports of large receivers have a few MiB at most.
const REPORT_BYTES_MAX: usize = 26_214_400;
/// Report addresses at most.
const ADDRESSES_MAX: usize = 20;
/// Connections for reports, and of one address among them.
const REPORT_CONNECTIONS: (usize, usize) = (64, 8);
/// Connections to the smarthost at once.
const DELIVERY_CONNECTIONS: usize = 8;
/// How often a mailbox is looked at.
const IMAP_EVERY: Duration = Duration::from_secs(300);

/// Mail in the shop's name; everything is off until it is named.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mail {
    pub streams: Option<PathBuf>,
    pub dns: Option<String>,
    pub hostname: Option<String>,
    pub digest_to: Option<String>,
    pub relay: Relay,
    pub milter: Milter,
    pub reports: Reports,
}

/// The submission relay and its smarthost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Relay {
    pub listen: Option<SocketAddr>,
    pub smarthost: Option<String>,
    pub smarthost_tls: SmarthostWay,
    pub smarthost_user: Option<String>,
    pub smarthost_password_file: Option<PathBuf>,
    pub smarthost_ca_file: Option<PathBuf>,
    pub message_bytes_max: usize,
    pub connections_max: usize,
    pub queue_messages_max: u64,
    pub queue_days: u32,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            listen: None,
            smarthost: None,
            smarthost_tls: SmarthostWay::Starttls,
            smarthost_user: None,
            smarthost_password_file: None,
            smarthost_ca_file: None,
            message_bytes_max: 26_214_400,
            connections_max: 256,
            queue_messages_max: 100_000,
            queue_days: 5,
        }
    }
}

/// How the smarthost is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SmarthostWay {
    Starttls,
    #[serde(rename = "tls")]
    Implicit,
    None,
}

/// The milter.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Milter {
    pub listen: Option<String>,
    pub internal: Vec<String>,
}

/// Where reports come in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Reports {
    pub listen: Option<SocketAddr>,
    pub addresses: Vec<String>,
    pub folder: Option<PathBuf>,
    pub imap: Option<String>,
    pub imap_user: Option<String>,
    pub imap_password_file: Option<PathBuf>,
    pub imap_folder: String,
    pub imap_ca_file: Option<PathBuf>,
    pub keep: String,
    pub failure_reports: bool,
}

impl Default for Reports {
    fn default() -> Self {
        let usual = MailSettings::default();
        Self {
            listen: None,
            addresses: Vec::new(),
            folder: None,
            imap: None,
            imap_user: None,
            imap_password_file: None,
            imap_folder: "INBOX".into(),
            imap_ca_file: None,
            keep: usual.reports_kept.to_string(),
            failure_reports: usual.failure_reports,
        }
    }
}

impl Mail {
    /// Checks that the settings make sense, without reading a file.
    ///
    /// # Errors
    /// Which setting does not, and why.
    pub(crate) fn check(&self) -> Result<()> {
        self.dns.as_deref().map(|text| name_server(text).context("mail.dns")).transpose()?;
        if self.hostname.as_deref().is_some_and(|name| !is_host_name(name)) {
            bail!("mail.hostname takes a host name such as \"kluis.winkel.example\"");
        }
        if self.digest_to.as_deref().is_some_and(|to| !is_address(to)) {
            bail!("mail.digest_to takes an e-mail address");
        }
        self.relay.check()?;
        self.milter.options(0)?;
        self.reports.check()
    }

    /// What the use cases are told; `audit` is how checks ask the DNS.
    ///
    /// # Errors
    /// When a setting makes no sense or the file with streams cannot be read.
    pub(crate) fn settings(&self, data: &Path, audit: AuditOptions) -> Result<MailSettings> {
        let mut dns = audit;
        if let Some(text) = &self.dns {
            dns.dns = Some(name_server(text).context("mail.dns")?);
        }
        let file = self.streams_file(data);
        let setup = match self.streams.is_some() || file.exists() {
            true => Some(Arc::new(read_streams(&file, Lang::En)?)),
            false => None,
        };
        Ok(MailSettings {
            setup,
            reports_kept: self.reports.keep()?,
            failure_reports: self.reports.failure_reports,
            dns,
            digest_to: self.digest_to.clone(),
            queue_messages_max: self.relay.queue_messages_max,
        })
    }

    /// The file with streams: the one that is named, else `mail.toml` in the data folder, whether it exists or not.
    pub(crate) fn streams_file(&self, data: &Path) -> PathBuf {
        self.streams.clone().unwrap_or_else(|| data.join("mail.toml"))
    }

    /// Whether anything listens for mail or delivers it.
    pub(crate) fn is_on(&self) -> bool {
        let of_reports = self.reports.listen.is_some() || self.reports.folder.is_some();
        let of_relay = self.relay.listen.is_some() || self.relay.smarthost.is_some();
        of_relay || of_reports || self.reports.imap.is_some() || self.milter.listen.is_some()
    }

    /// What the listeners are started with; `names` are those of the server.
    ///
    /// # Errors
    /// When settings are missing, contradict each other, or name a file that cannot be read.
    pub(crate) fn options(&self, names: &[String], tls: Arc<dyn ResolvesServerCert>) -> Result<PostOptions> {
        let name = || names.iter().find(|name| is_host_name(name)).cloned();
        Ok(PostOptions {
            hostname: self.hostname.clone().or_else(name).unwrap_or_else(|| "localhost".into()),
            tls: Some(tls),
            relay: self.relay.listener(),
            milter: self.milter.options(self.relay.message_bytes_max)?,
            reports: self.reports.sources()?,
            deliver: self.relay.delivery()?,
        })
    }
}

impl Relay {
    fn check(&self) -> Result<()> {
        if !MESSAGE_BYTES.contains(&self.message_bytes_max) {
            let (least, most) = (MESSAGE_BYTES.start(), MESSAGE_BYTES.end());
            bail!("mail.relay.message_bytes_max takes {least} to {most}");
        }
        if !(1..=4096).contains(&self.connections_max) {
            bail!("mail.relay.connections_max takes 1 to 4096");
        }
        if !(1..=10_000_000).contains(&self.queue_messages_max) || !(1..=14).contains(&self.queue_days) {
            bail!("mail.relay.queue_messages_max takes 1 to 10000000 and queue_days 1 to 14");
        }
        if self.listen.is_some() && self.smarthost.is_none() {
            bail!(
                "mail.relay.listen takes mail that goes nowhere: name mail.relay.smarthost, \"smtp.aanbieder.example:587\""
            );
        }
        if self.smarthost_user.is_some() != self.smarthost_password_file.is_some() {
            bail!("mail.relay.smarthost_user and smarthost_password_file go together: give both or neither");
        }
        let Some(smarthost) = self.smarthost()? else { return Ok(()) };
        if self.smarthost_tls == SmarthostWay::None && !smarthost.is_loopback() {
            bail!(
                "mail.relay.smarthost_tls = \"none\" is only for a smarthost on this machine; elsewhere mail goes over TLS"
            );
        }
        Ok(())
    }

    fn smarthost(&self) -> Result<Option<ServerAddress>> {
        let wrong = "mail.relay.smarthost takes a server with its port, \"smtp.aanbieder.example:587\"";
        self.smarthost.as_deref().map(|text| ServerAddress::parse(text).context(wrong)).transpose()
    }

    fn listener(&self) -> Option<RelayOptions> {
        let (message_bytes_max, connections_max) = (self.message_bytes_max, self.connections_max);
        self.listen.map(|listen| RelayOptions { listen, message_bytes_max, connections_max })
    }

    fn delivery(&self) -> Result<Option<DeliverOptions>> {
        let Some(smarthost) = self.smarthost()? else { return Ok(None) };
        let login = match (&self.smarthost_user, &self.smarthost_password_file) {
            (Some(user), Some(file)) => {
                let password = read_password(file).context("mail.relay.smarthost_password_file")?;
                Some(Login { user: user.clone(), password })
            }
            _ => None,
        };
        Ok(Some(DeliverOptions {
            smarthost,
            tls: match self.smarthost_tls {
                SmarthostWay::Starttls => SmarthostTls::StartTls,
                SmarthostWay::Implicit => SmarthostTls::Tls,
                SmarthostWay::None => SmarthostTls::None,
            },
            login,
            roots: roots(self.smarthost_ca_file.as_deref(), "mail.relay.smarthost_ca_file")?,
            queue_days: self.queue_days,
            connections_max: DELIVERY_CONNECTIONS,
        }))
    }
}

impl Milter {
    fn options(&self, message_bytes_max: usize) -> Result<Option<MilterOptions>> {
        let mut internal = Vec::new();
        for text in &self.internal {
            match text.parse::<Network>() {
                Ok(network) => internal.push(network),
                Err(_) => bail!("mail.milter.internal takes networks such as \"192.0.2.0/24\", not {text:?}"),
            }
        }
        let Some(text) = &self.listen else { return Ok(None) };
        let listen = MilterListen::parse(text)
            .context("mail.milter.listen takes \"127.0.0.1:8891\" or \"unix:/a/whole/path\"")?;
        Ok(Some(MilterOptions { listen, internal, message_bytes_max, connections_max: 256 }))
    }
}

impl Reports {
    fn check(&self) -> Result<()> {
        self.keep()?;
        let are_addresses = self.addresses.iter().all(|address| is_address(address));
        if self.addresses.len() > ADDRESSES_MAX || !are_addresses {
            bail!("mail.reports.addresses takes up to {ADDRESSES_MAX} e-mail addresses");
        }
        if self.listen.is_some() && self.addresses.is_empty() {
            bail!("mail.reports.listen takes mail for mail.reports.addresses; name at least one");
        }
        if self.imap.is_some() && (self.imap_user.is_none() || self.imap_password_file.is_none()) {
            bail!("mail.reports.imap needs imap_user and imap_password_file");
        }
        if self.imap_folder.is_empty() || self.imap_folder.len() > 200 {
            bail!("mail.reports.imap_folder takes the name of a folder, such as \"INBOX\"");
        }
        self.imap_server()?;
        Ok(())
    }

    fn keep(&self) -> Result<Period> {
        let keep: Period = self.keep.parse().map_err(|why| anyhow::anyhow!("mail.reports.keep: {why}"))?;
        if keep.is_zero() {
            bail!("mail.reports.keep takes a day or more, such as \"P400D\"");
        }
        Ok(keep)
    }

    fn imap_server(&self) -> Result<Option<ServerAddress>> {
        let wrong = "mail.reports.imap takes a server with its TLS port, \"imap.aanbieder.example:993\"";
        self.imap.as_deref().map(|text| ServerAddress::parse(text).context(wrong)).transpose()
    }

    fn sources(&self) -> Result<ReportSources> {
        let imap = match (self.imap_server()?, &self.imap_user, &self.imap_password_file) {
            (Some(server), Some(user), Some(file)) => Some(ImapOptions {
                server,
                user: user.clone(),
                password: read_password(file).context("mail.reports.imap_password_file")?,
                folder: self.imap_folder.clone(),
                roots: roots(self.imap_ca_file.as_deref(), "mail.reports.imap_ca_file")?,
                every: IMAP_EVERY,
            }),
            _ => None,
        };
        let smtp = self.listen.map(|listen| ReportListener {
            listen,
            addresses: self.addresses.clone(),
            message_bytes_max: REPORT_BYTES_MAX,
            connections_max: REPORT_CONNECTIONS.0,
            connections_per_address_max: REPORT_CONNECTIONS.1,
        });
        Ok(ReportSources { smtp, folder: self.folder.clone(), imap })
    }
}

/// Reads the streams that the shop declared.
///
/// # Errors
/// When the file cannot be read, or what is wrong in which lines.
pub(crate) fn read_streams(file: &Path, lang: Lang) -> Result<MailSetup> {
    let bytes = read_bounded(file, STREAMS_BYTES_MAX, lang)?;
    let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", file.display()))?;
    MailSetup::read(&text).map_err(|problems| {
        let lines = problems.iter().map(|problem| {
            let line = problem.line.map_or(String::new(), |line| format!(":{line}"));
            format!("{}{line}: {}", file.display(), problem.text.get(lang))
        });
        Hinted::error(
            lines.collect::<Vec<_>>().join("\n"),
            lang.pick(
                "verbeter het bestand, of maak een nieuw met: klantkluis mail plan",
                "correct the file, or make a new one with: klantkluis mail plan",
            ),
        )
    })
}

fn roots(file: Option<&Path>, setting: &'static str) -> Result<Vec<CertificateDer<'static>>> {
    file.map_or(Ok(Vec::new()), |file| read_roots(file, Lang::En).context(setting))
}

/// A password is the first line of a file that only its owner can read.
fn read_password(file: &Path) -> Result<SecretText> {
    let metadata = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    if crate::wire::others_may_read(file, &metadata) {
        bail!("others may read {}; make it yours only: chmod 0400 {0}", file.display());
    }
    let bytes = zeroize::Zeroizing::new(read_bounded(file, PASSWORD_BYTES_MAX, Lang::En)?);
    let text = std::str::from_utf8(&bytes).with_context(|| format!("{} is not UTF-8", file.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains(['\r', '\n', '\0']) {
        bail!("{} holds no password on one line", file.display());
    }
    Ok(SecretText::new(password.to_owned()))
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(is_label)
        && text.parse::<std::net::IpAddr>().is_err()
}

fn is_address(text: &str) -> bool {
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        (1..=64).contains(&local.len()) && local.bytes().all(is_local) && is_host_name(domain)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Mail> {
        let mail: Mail = toml::from_str(text)?;
        mail.check()?;
        Ok(mail)
    }

    #[test]
    fn everything_is_off_at_first() {
        let mail = Mail::default();
        mail.check().unwrap();
        assert!(!mail.is_on());
        let settings = mail.settings(Path::new("/nergens"), AuditOptions::default()).unwrap();
        assert!(settings.setup.is_none() && !settings.failure_reports && settings.digest_to.is_none());
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for (text, says) in [
            ("stream = \"a\"", "unknown field"),
            ("dns = \"dns.example\"", "mail.dns"),
            ("hostname = \"kluis\"", "mail.hostname"),
            ("hostname = \"kluis.example\\r\\nX\"", "mail.hostname"),
            ("hostname = \"192.0.2.1\"", "mail.hostname"),
            ("digest_to = \"beheer\"", "mail.digest_to"),
            ("digest_to = \"a@b.example\\r\\nTo: c@d.example\"", "mail.digest_to"),
            ("[relay]\nlisten = \"127.0.0.1:2525\"", "mail.relay.smarthost"),
            ("[relay]\nsmarthost = \"smtp.example\"", "with its port"),
            ("[relay]\nsmarthost = \"smtp.example:25\"\nsmarthost_tls = \"none\"", "on this machine"),
            ("[relay]\nsmarthost = \"smtp.example:25\"\nsmarthost_tls = \"maybe\"", "unknown variant"),
            ("[relay]\nsmarthost = \"smtp.example:25\"\nsmarthost_user = \"u\"", "go together"),
            ("[relay]\nsmarthost_password_file = \"u\"", "go together"),
            ("[relay]\nsmarthost_password = \"u\"", "unknown field"),
            ("[relay]\nmessage_bytes_max = 100", "message_bytes_max"),
            ("[relay]\nconnections_max = 0", "connections_max"),
            ("[relay]\nqueue_messages_max = 0", "queue_messages_max"),
            ("[relay]\nqueue_days = 30", "queue_days"),
            ("[milter]\nlisten = \"localhost:8891\"", "mail.milter.listen"),
            ("[milter]\nlisten = \"unix:m.sock\"", "mail.milter.listen"),
            ("[milter]\ninternal = [\"10.0.0.0/99\"]", "mail.milter.internal"),
            ("[reports]\nlisten = \"0.0.0.0:25\"", "mail.reports.addresses"),
            ("[reports]\naddresses = [\"dmarc\"]", "mail.reports.addresses"),
            ("[reports]\naddresses = [\"dmarc@rapport winkel.example\"]", "mail.reports.addresses"),
            ("[reports]\nimap = \"imap.example:993\"", "imap_user"),
            ("[reports]\nimap = \"imap.example\"\nimap_user = \"u\"\nimap_password_file = \"f\"", "TLS port"),
            ("[reports]\nimap_folder = \"\"", "imap_folder"),
            ("[reports]\nkeep = \"P0D\"", "mail.reports.keep"),
            ("[reports]\nkeep = \"400\"", "mail.reports.keep"),
        ] {
            let error = format!("{:#}", check(text).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_named_is_turned_on() {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("wachtwoord");
        std::fs::write(&password, "geheim\n").unwrap();
        let text = format!(
            "hostname = \"post.winkel.example\"\n[relay]\nlisten = \"127.0.0.1:2525\"\nsmarthost = \"smtp.example:587\"\n\
             smarthost_user = \"winkel\"\nsmarthost_password_file = \"{}\"\n[milter]\nlisten = \"127.0.0.1:8891\"\n\
             [reports]\nlisten = \"127.0.0.1:2526\"\naddresses = [\"dmarc@rapport.winkel.example\"]",
            password.display()
        );
        let mail = check(&text).unwrap();
        assert!(mail.is_on());
        #[derive(Debug)]
        struct Nothing;
        impl ResolvesServerCert for Nothing {
            fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
                None
            }
        }
        let open = format!("{:#}", mail.options(&[], Arc::new(Nothing)).unwrap_err());
        assert!(open.contains("chmod 0400"), "{open}");
        std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        let options = mail.options(&[], Arc::new(Nothing)).unwrap();
        assert_eq!(options.hostname, "post.winkel.example");
        let deliver = options.deliver.unwrap();
        assert_eq!((deliver.tls, deliver.smarthost.port), (SmarthostTls::StartTls, 587));
        assert_eq!(deliver.login.unwrap().password.expose(), "geheim");
        assert_eq!(options.reports.smtp.unwrap().addresses, ["dmarc@rapport.winkel.example"]);
        assert!(options.relay.is_some() && options.milter.is_some() && options.reports.imap.is_none());
    }
}
