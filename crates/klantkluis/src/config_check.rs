//! The `[check]` settings: which domains of the shop the server checks by itself, and how.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kluis_app::{CheckDomain, CheckSettings};
use kluis_model::{Lang, Period};
use kluis_net::AuditOptions;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;

use crate::wire::Hinted;

/// Most domains that are checked by themselves.
const DOMAINS_MAX: usize = 20;
/// Most checks that people may ask for in an hour.
const PER_HOUR_MAX: u32 = 1_000;
/// The name server's usual port.
const DNS_PORT: u16 = 53;
/// Most bytes of a file with roots.
const ROOTS_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Checks of the shop's HTTPS by this server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Check {
    pub domains: Vec<String>,
    pub every: String,
    pub private_networks: bool,
    pub per_hour: u32,
    pub https_port: u16,
    pub http_port: u16,
    pub resolve: Vec<String>,
    pub dns: Option<String>,
    pub ca_file: Option<PathBuf>,
}

impl Default for Check {
    fn default() -> Self {
        let usual = CheckSettings::default();
        Self {
            domains: Vec::new(),
            every: usual.every.to_string(),
            private_networks: usual.private_networks,
            per_hour: usual.per_hour,
            https_port: usual.audit.https_port,
            http_port: usual.audit.http_port,
            resolve: Vec::new(),
            dns: None,
            ca_file: None,
        }
    }
}

impl Check {
    /// Checks that the settings make sense, without reading a file.
    ///
    /// # Errors
    /// Which setting does not, and why.
    pub(crate) fn check(&self) -> Result<()> {
        let settings = self.without_roots()?;
        let private = settings.domains.iter().find(|domain| domain.is_private());
        if let Some(domain) = private.filter(|_| !self.private_networks) {
            bail!(
                "check.domains names {domain}, which is not on the public internet; see check.private_networks"
            );
        }
        Ok(())
    }

    /// What the server is told.
    ///
    /// # Errors
    /// When a setting makes no sense or the file with roots cannot be read.
    pub(crate) fn settings(&self) -> Result<CheckSettings> {
        let mut settings = self.without_roots()?;
        if let Some(file) = &self.ca_file {
            settings.audit.roots = read_roots(file, Lang::En).context("check.ca_file")?;
        }
        Ok(settings)
    }

    fn without_roots(&self) -> Result<CheckSettings> {
        if self.domains.len() > DOMAINS_MAX {
            bail!("check.domains takes at most {DOMAINS_MAX} domains");
        }
        let mut domains = Vec::new();
        for text in &self.domains {
            match CheckDomain::parse(text) {
                Ok(domain) => domains.push(domain),
                Err(why) => bail!("check.domains: {text:?}: {}", why.en),
            }
        }
        let every: Period = self.every.parse().map_err(|why| anyhow::anyhow!("check.every: {why}"))?;
        if every.is_zero() {
            bail!("check.every takes a day or more, such as \"P1D\" or \"P1W\"");
        }
        if !(1..=PER_HOUR_MAX).contains(&self.per_hour) {
            bail!("check.per_hour takes 1 to {PER_HOUR_MAX}");
        }
        if self.https_port == 0 || self.http_port == 0 {
            bail!("check.https_port and check.http_port take 1 to 65535");
        }
        let resolve = self.resolve.iter().map(|text| resolve(text).context("check.resolve"));
        let dns = self.dns.as_deref().map(|text| name_server(text).context("check.dns")).transpose()?;
        let audit = AuditOptions {
            resolve: resolve.collect::<Result<_>>()?,
            https_port: self.https_port,
            http_port: self.http_port,
            dns,
            ..AuditOptions::default()
        };
        Ok(CheckSettings {
            domains,
            every,
            private_networks: self.private_networks,
            per_hour: self.per_hour,
            audit,
        })
    }
}

/// `winkel.example:192.0.2.1`; an IPv6 address may stand in brackets.
///
/// # Errors
/// When it is something else.
pub(crate) fn resolve(text: &str) -> Result<(String, IpAddr)> {
    let parsed = text.split_once(':').and_then(|(host, address)| {
        let domain = CheckDomain::parse(host).ok()?;
        let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        Some((domain.as_str().to_owned(), address.parse().ok()?))
    });
    parsed.with_context(|| format!("a name gets an address as shop.example:192.0.2.1, not as {text:?}"))
}

/// `9.9.9.9`, `[::1]:5353`.
///
/// # Errors
/// When it is something else.
pub(crate) fn name_server(text: &str) -> Result<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, DNS_PORT));
    }
    text.parse()
        .with_context(|| format!("a name server is an address, 9.9.9.9 or 127.0.0.1:5353, not {text:?}"))
}

/// Reads certificates that are trusted besides the public ones.
///
/// # Errors
/// When the file cannot be read, is too large, or holds none.
pub(crate) fn read_roots(path: &Path, lang: Lang) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = crate::wire::read_bounded(path, ROOTS_BYTES_MAX, lang)?;
    let roots: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().unwrap_or_default();
    if roots.is_empty() {
        let why = lang.pick("hier staat geen certificaat in", "there is no certificate in this file");
        return Err(Hinted::error(
            format!("{}: {why}", path.display()),
            lang.pick("geef een bestand in PEM-vorm", "give a file in PEM form"),
        ));
    }
    Ok(roots)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_name_servers_are_read_strictly() {
        assert_eq!(resolve("Winkel.example:192.0.2.1").unwrap().0, "winkel.example");
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(resolve("a.example:[2001:db8::1]").unwrap().1, v6);
        assert_eq!(resolve("a.example:2001:db8::1").unwrap().1, v6);
        for wrong in [
            "",
            "a.example",
            "a.example:",
            ":1.2.3.4",
            "a.example:b.example",
            "a b:1.2.3.4",
            "a.example:1.2.3.4:443",
        ] {
            assert!(resolve(wrong).is_err(), "{wrong}");
        }
        assert_eq!(name_server("9.9.9.9").unwrap().port(), 53);
        assert_eq!(name_server("[::1]:5353").unwrap().port(), 5353);
        for wrong in ["", "dns.example", "1.2.3.4:", "1.2.3.4:70000"] {
            assert!(name_server(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let many = format!("domains = [{}]", "\"a.example\",".repeat(21));
        for (text, says) in [
            ("domains = [\"geen domein\"]", "check.domains"),
            ("domains = [\"localhost\"]", "private_networks"),
            ("domains = [\"10.0.0.1\"]", "private_networks"),
            (many.as_str(), "at most 20"),
            ("every = \"P0D\"", "check.every"),
            ("every = \"PT1H\"", "check.every"),
            ("every = \"daily\"", "check.every"),
            ("per_hour = 0", "check.per_hour"),
            ("per_hour = 1001", "check.per_hour"),
            ("https_port = 0", "check.https_port"),
            ("resolve = [\"a.example\"]", "check.resolve"),
            ("dns = \"dns.example\"", "check.dns"),
        ] {
            let check: Check = toml::from_str(text).unwrap();
            let error = format!("{:#}", check.check().unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
        let own: Check = toml::from_str(
            "domains = [\"localhost\"]\nprivate_networks = true\nresolve = [\"localhost:127.0.0.1\"]",
        )
        .unwrap();
        own.check().unwrap();
        let absent: Check = toml::from_str("ca_file = \"/nergens/ca.pem\"").unwrap();
        assert!(absent.check().is_ok() && absent.settings().is_err());
    }
}
