//! `[acme]`: from whom the certificate of this server is ordered, and how the names are proved.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use kluis_net::acme::{AcmeOptions, ExternalAccount, LETS_ENCRYPT, LETS_ENCRYPT_STAGING, Proof};
use serde::Deserialize;

/// Names one certificate may have.
const NAMES_MAX: usize = 100;
/// The longest wait for a DNS record, in seconds.
const DNS_WAIT_S_MAX: u64 = 900;

/// Ordering a certificate by ACME; without a directory nothing is ordered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Acme {
    pub directory: Option<String>,
    pub accept_terms: bool,
    pub contact: Option<String>,
    pub challenge: Challenge,
    pub names: Vec<String>,
    pub profile: Option<String>,
    pub eab_kid: Option<String>,
    pub eab_key_file: Option<PathBuf>,
    pub root_file: Option<PathBuf>,
    pub dns_hook: Option<PathBuf>,
    pub dns_wait_s: u64,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory: None,
            accept_terms: false,
            contact: None,
            challenge: Challenge::Http01,
            names: Vec::new(),
            profile: None,
            eab_kid: None,
            eab_key_file: None,
            root_file: None,
            dns_hook: None,
            dns_wait_s: 60,
        }
    }
}

/// How a name is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Challenge {
    #[serde(rename = "http-01")]
    Http01,
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    #[serde(rename = "dns-01")]
    Dns01,
}

/// What else in the settings the order depends on.
pub(crate) struct Around<'a> {
    /// `https.names`.
    pub names: &'a [String],
    /// Whether plain HTTP is listened to.
    pub has_http: bool,
    /// Whether certificate files are given.
    pub has_files: bool,
    /// The TLS folder.
    pub folder: &'a Path,
}

impl Acme {
    /// What is ordered; `None` when nothing is.
    ///
    /// # Errors
    /// When settings are missing or contradict each other.
    pub(crate) fn options(&self, around: &Around<'_>) -> Result<Option<AcmeOptions>> {
        let directory = match self.directory.as_deref() {
            None => return Ok(None),
            Some("letsencrypt") => LETS_ENCRYPT,
            Some("letsencrypt-staging") => LETS_ENCRYPT_STAGING,
            Some(url) if url.starts_with("https://") => url,
            Some(_) => {
                bail!("acme.directory takes \"letsencrypt\", \"letsencrypt-staging\" or an https address")
            }
        };
        if around.has_files {
            bail!("give acme.directory or https.certificate, not both: one of them makes the certificate");
        }
        if !self.accept_terms {
            bail!(
                "acme.accept_terms = true says that you have read and accept the terms of the certificate authority; \
                 without it nothing is ordered"
            );
        }
        if self.eab_kid.is_some() != self.eab_key_file.is_some() {
            bail!("acme.eab_kid and acme.eab_key_file go together: give both or neither");
        }
        let external_account = self.eab_kid.clone().zip(self.eab_key_file.clone());
        Ok(Some(AcmeOptions {
            directory: directory.to_owned(),
            contact: self.contact()?,
            names: self.names(around.names)?,
            proof: self.proof(around.has_http)?,
            profile: self.profile.clone(),
            external_account: external_account.map(|(kid, key_file)| ExternalAccount { kid, key_file }),
            root_file: self.root_file.clone(),
            folder: around.folder.join("acme"),
        }))
    }

    fn contact(&self) -> Result<Vec<String>> {
        match &self.contact {
            None => Ok(Vec::new()),
            Some(address) if address.contains('@') && !address.contains([' ', '?', ',']) => {
                let bare = address.strip_prefix("mailto:").unwrap_or(address);
                Ok(vec![format!("mailto:{bare}")])
            }
            Some(_) => bail!("acme.contact takes one e-mail address"),
        }
    }

    /// The names of the certificate: those given, else those of the server that others can know.
    fn names(&self, of_server: &[String]) -> Result<Vec<String>> {
        let is_public = |name: &&String| name.contains('.') && name.parse::<std::net::IpAddr>().is_err();
        let given: Vec<String> = match self.names.is_empty() {
            true => of_server.iter().filter(is_public).map(|name| name.to_ascii_lowercase()).collect(),
            false => self.names.iter().map(|name| name.to_ascii_lowercase()).collect(),
        };
        let mut names: Vec<String> = Vec::new();
        for name in given {
            if !is_name(&name) {
                bail!("acme.names: {name} is no host name; write international names as xn--…");
            }
            if name.starts_with("*.") && self.challenge != Challenge::Dns01 {
                bail!("acme.names: the wildcard {name} can only be proved with acme.challenge = \"dns-01\"");
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        match names.len() {
            0 => bail!("acme.names is empty and https.names holds no name that others can know"),
            1..=NAMES_MAX => Ok(names),
            _ => bail!("acme.names takes at most {NAMES_MAX} names"),
        }
    }

    fn proof(&self, has_http: bool) -> Result<Proof> {
        match (self.challenge, &self.dns_hook) {
            (Challenge::Http01, _) if !has_http => {
                bail!("acme.challenge \"http-01\" is answered over plain HTTP: set http.redirect = true")
            }
            (Challenge::Http01, None) => Ok(Proof::Http01),
            (Challenge::TlsAlpn01, None) => Ok(Proof::TlsAlpn01),
            (Challenge::Dns01, Some(hook)) if hook.is_absolute() && self.dns_wait_s <= DNS_WAIT_S_MAX => {
                Ok(Proof::Dns01 { hook: hook.clone(), wait: Duration::from_secs(self.dns_wait_s) })
            }
            (Challenge::Dns01, Some(_)) => {
                bail!("acme.dns_hook takes a whole path and acme.dns_wait_s at most {DNS_WAIT_S_MAX}")
            }
            (Challenge::Dns01, None) => bail!("acme.challenge \"dns-01\" needs acme.dns_hook"),
            (_, Some(_)) => bail!("acme.dns_hook is for acme.challenge = \"dns-01\""),
        }
    }
}

/// Whether a text is a host name, one with a star in the first place, or an address.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host = text.strip_prefix("*.").unwrap_or(text);
    text.parse::<std::net::IpAddr>().is_ok() || (host.len() <= 253 && host.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn options(text: &str, names: &[&str]) -> Result<Option<AcmeOptions>> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let acme: Acme = toml::from_str(text)?;
        let folder = Path::new("/data/tls");
        acme.options(&Around { names: &names, has_http: true, has_files: false, folder })
    }

    #[test]
    fn a_few_lines_are_enough() {
        assert_eq!(options("", &["localhost"]).unwrap(), None);
        let text = "directory = \"letsencrypt\"\naccept_terms = true\ncontact = \"beheer@winkel.example\"";
        let made = options(text, &["Kluis.winkel.example", "localhost", "192.0.2.1"]).unwrap().unwrap();
        assert_eq!(
            (made.names.as_slice(), made.proof),
            (&["kluis.winkel.example".to_owned()][..], Proof::Http01)
        );
        assert_eq!(
            (made.directory.as_str(), made.contact),
            (LETS_ENCRYPT, vec!["mailto:beheer@winkel.example".into()])
        );
        assert_eq!(made.folder, Path::new("/data/tls/acme"));
        let text = "directory = \"https://ca.example/dir\"\naccept_terms = true\nnames = [\"*.winkel.example\"]\n\
                    challenge = \"dns-01\"\ndns_hook = \"/etc/hook\"\ndns_wait_s = 5\neab_kid = \"k\"\neab_key_file = \"f\"";
        let made = options(text, &[]).unwrap().unwrap();
        assert_eq!(made.proof, Proof::Dns01 { hook: "/etc/hook".into(), wait: Duration::from_secs(5) });
        assert!(made.external_account.is_some());
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        let on = "directory = \"letsencrypt\"\naccept_terms = true\n";
        let cases = [
            ("directory = \"letsencrypt\"", "accept_terms"),
            ("directory = \"http://ca.example/\"\naccept_terms = true", "https address"),
            (&format!("{on}eab_kid = \"k\""), "go together"),
            (&format!("{on}contact = \"beheer\""), "e-mail"),
            (&format!("{on}names = [\"*.winkel.example\"]"), "dns-01"),
            (&format!("{on}names = [\"a b\"]"), "no host name"),
            (&format!("{on}names = [\"winkél.example\"]"), "xn--"),
            (&format!("{on}challenge = \"dns-01\""), "dns_hook"),
            (&format!("{on}challenge = \"dns-01\"\ndns_hook = \"hook\""), "whole path"),
            (&format!("{on}dns_hook = \"/etc/hook\""), "dns-01"),
            (&format!("{on}challenge = \"http-02\""), "unknown variant"),
            (&format!("{on}eab_key = \"secret\""), "unknown field"),
        ];
        for (text, says) in cases {
            let error = format!("{:#}", options(text, &["kluis.example"]).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(format!("{:#}", options(on, &["localhost"]).unwrap_err()).contains("names"));
        let acme: Acme = toml::from_str(on).unwrap();
        let names = ["kluis.example".to_owned()];
        let around =
            |has_http, has_files| Around { names: &names, has_http, has_files, folder: Path::new("/") };
        assert!(acme.options(&around(false, false)).unwrap_err().to_string().contains("http.redirect"));
        assert!(acme.options(&around(true, true)).unwrap_err().to_string().contains("https.certificate"));
    }
}
