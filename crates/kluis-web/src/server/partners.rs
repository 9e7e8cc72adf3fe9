//! The authority for partners: client certificates for connected systems, and the list of who got one.
//!
//! In `partners/` of the TLS folder: `ca.pem` and `ca-key.pem`, made for the first partner, and `partners.json`. The
//! list only says whom to ask for certificates and whom they were given to; what counts is the binding in the grant of
//! the credential, which is sealed in the vault.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kluis_crypto::{SystemRandom, sha256};
use kluis_model::{CredentialId, Random, Thumbprint, TimeMs};
use rcgen::{
    CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::authority::{AUTHORITY_LIFE, SKEW, authority_params, make_folder, since_1970, write};
use super::certificate::{CertificateError, describe, load};

/// Certificates in the list at most.
const PARTNERS_MAX: usize = 10_000;
/// Most bytes of the list.
const LIST_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Most characters of a partner's name.
const NAME_CHARS_MAX: usize = 64;
/// The longest life of a partner's certificate, in days.
const DAYS_MAX: u32 = 1_000;

/// The partners of a vault.
#[derive(Debug, Clone)]
pub struct Partners {
    folder: PathBuf,
}

/// One certificate of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// What people call it; also the name in its certificate.
    pub name: String,
    /// The credential that works only together with the certificate.
    pub credential: CredentialId,
    /// Which certificate.
    pub thumbprint: Thumbprint,
    /// When it was made.
    pub created: TimeMs,
    /// Until when it is valid.
    pub until: TimeMs,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<TimeMs>,
}

impl Partner {
    /// Whether its certificate is taken at a moment.
    #[must_use]
    pub fn works(&self, now: TimeMs) -> bool {
        self.revoked.is_none() && now < self.until
    }
}

/// A certificate just made; the key is kept nowhere else.
pub struct NewPartner {
    /// What goes into the list.
    pub partner: Partner,
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// Its key in PEM.
    pub key_pem: Zeroizing<String>,
}

/// Whether a name can be a partner's: 1 to 64 letters, digits, hyphens, underscores and points, not a point first.
#[must_use]
pub fn is_partner_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('.')
}

impl Partners {
    /// The partners whose authority and list are in this TLS folder.
    #[must_use]
    pub fn new(tls_folder: &Path) -> Self {
        Self { folder: tls_folder.join("partners") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Every certificate that was given out, oldest first.
    ///
    /// # Errors
    /// When the list is there but cannot be read: it was damaged.
    pub fn list(&self) -> Result<Vec<Partner>, CertificateError> {
        let file = self.path("partners.json");
        let size = match fs::metadata(&file) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(CertificateError::new(&file, error)),
        };
        if size > LIST_BYTES_MAX {
            return Err(CertificateError::new(&file, "is too long"));
        }
        let bytes = fs::read(&file).map_err(|error| CertificateError::new(&file, error))?;
        serde_json::from_slice(&bytes).map_err(|error| CertificateError::new(&file, error))
    }

    /// Makes a certificate for a partner, and the authority when this is the first; [`Partners::remember`] lists it.
    ///
    /// # Errors
    /// When the name or the number of days cannot be, or the authority cannot be read or written.
    pub fn issue(
        &self,
        name: &str,
        credential: CredentialId,
        days: u32,
        now: TimeMs,
    ) -> Result<NewPartner, CertificateError> {
        if !is_partner_name(name) || !(1..=DAYS_MAX).contains(&days) {
            return Err(CertificateError::new(
                &self.folder,
                "a name of 1 to 64 letters and 1 to 1000 days are taken",
            ));
        }
        make_folder(&self.folder)?;
        let _alone = self.lock()?;
        if !self.path("ca.pem").exists() && !self.path("ca-key.pem").exists() {
            self.make_authority(now)?;
        }
        let (issuer, authority_until) = self.issuer()?;
        let until = now.plus(Duration::from_secs(u64::from(days) * 86_400)).min(authority_until);
        let problem = |error: rcgen::Error| CertificateError::new(&self.folder, error);
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(1970, 1, 1) + since_1970(now.minus(SKEW));
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970(until);
        let key = KeyPair::generate().map_err(problem)?;
        let certificate = params.signed_by(&key, &issuer).map_err(problem)?;
        let partner = Partner {
            name: name.to_owned(),
            credential,
            thumbprint: Thumbprint(sha256(certificate.der())),
            created: now,
            until,
            revoked: None,
        };
        Ok(NewPartner {
            partner,
            certificate_pem: certificate.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Adds a certificate to the list; the server asks for certificates from then on.
    ///
    /// # Errors
    /// When the list cannot be read or written, or is full.
    pub fn remember(&self, partner: &Partner) -> Result<(), CertificateError> {
        self.change(|all| all.push(partner.clone()))
    }

    /// Takes a certificate off the list that was never bound to its credential.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn forget(&self, thumbprint: Thumbprint) -> Result<(), CertificateError> {
        self.change(|all| all.retain(|partner| partner.thumbprint != thumbprint))
    }

    /// Marks every certificate of a name as revoked and gives the credentials they were bound to, each once.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn revoke(&self, name: &str, now: TimeMs) -> Result<Vec<CredentialId>, CertificateError> {
        let mut credentials = Vec::new();
        self.change(|all| {
            for partner in all.iter_mut().filter(|partner| partner.name == name) {
                partner.revoked.get_or_insert(now);
                if !credentials.contains(&partner.credential) {
                    credentials.push(partner.credential);
                }
            }
        })?;
        Ok(credentials)
    }

    /// The authority whose certificates the listener asks for; `None` when there is nobody to ask.
    pub(crate) fn authority(&self, now: TimeMs) -> Result<Option<CertificateDer<'static>>, CertificateError> {
        if !self.list()?.iter().any(|partner| partner.works(now)) {
            return Ok(None);
        }
        let file = self.path("ca.pem");
        CertificateDer::from_pem_file(&file).map(Some).map_err(|error| CertificateError::new(&file, error))
    }

    /// What tells one state of the list from the next.
    pub(crate) fn stamp(&self) -> Option<(SystemTime, u64)> {
        let found = fs::metadata(self.path("partners.json")).ok()?;
        Some((found.modified().ok()?, found.len()))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Partner>)) -> Result<(), CertificateError> {
        let file = self.path("partners.json");
        make_folder(&self.folder)?;
        let _alone = self.lock()?;
        let mut all = self.list()?;
        change(&mut all);
        if all.len() > PARTNERS_MAX {
            return Err(CertificateError::new(&file, "holds as many partners as it may"));
        }
        let bytes = serde_json::to_vec_pretty(&all).map_err(|error| CertificateError::new(&file, error))?;
        write(&file, &bytes, 0o600)
    }

    /// Keeps other commands out until the file is closed.
    fn lock(&self) -> Result<fs::File, CertificateError> {
        let path = self.path("lock");
        let problem = |error| CertificateError::new(&path, error);
        let file = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(problem)?;
        file.lock().map_err(problem)?;
        Ok(file)
    }

    fn make_authority(&self, now: TimeMs) -> Result<(), CertificateError> {
        let file = self.path("ca.pem");
        let problem = |error: rcgen::Error| CertificateError::new(&file, error);
        let mut number = [0; 4];
        SystemRandom.fill(&mut number);
        let mut params = authority_params(&format!("Klantkluis partners {:08x}", u32::from_be_bytes(number)));
        params.not_before = date_time_ymd(1970, 1, 1) + since_1970(now.minus(SKEW));
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970(now.plus(AUTHORITY_LIFE));
        let key = KeyPair::generate().map_err(problem)?;
        let key_pem = Zeroizing::new(key.serialize_pem());
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(problem)?;
        write(&self.path("ca-key.pem"), key_pem.as_bytes(), 0o600)?;
        write(&file, issuer.pem().as_bytes(), 0o644)
    }

    /// The authority with its key, and until when it is valid. A broken one is an error: partners rely on it.
    fn issuer(&self) -> Result<(Issuer<'static, KeyPair>, TimeMs), CertificateError> {
        let (file, key_file) = (self.path("ca.pem"), self.path("ca-key.pem"));
        let loaded = load(&file, &key_file, true)?;
        let key_pem = Zeroizing::new(
            fs::read_to_string(&key_file).map_err(|error| CertificateError::new(&key_file, error))?,
        );
        let key = KeyPair::from_pem(&key_pem).map_err(|error| CertificateError::new(&key_file, error))?;
        let der = loaded.certified.cert.first().ok_or_else(|| CertificateError::new(&file, "is empty"))?;
        let state = describe(der, true).map_err(|what| CertificateError::new(&file, what))?;
        Ok((Issuer::new(authority_params(&state.issuer), key), state.not_after))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn id(number: u8) -> CredentialId {
        CredentialId::from_bytes([number; 16])
    }

    #[test]
    fn a_partner_is_listed_until_revoked_or_over() {
        let folder = tempfile::tempdir().unwrap();
        let partners = Partners::new(folder.path());
        assert_eq!((partners.list().unwrap(), partners.authority(NOW).unwrap()), (Vec::new(), None));
        let made = partners.issue("boekhouder", id(1), 365, NOW).unwrap();
        assert_eq!(partners.authority(NOW).unwrap(), None, "made but not listed yet");
        partners.remember(&made.partner).unwrap();
        let authority = partners.authority(NOW).unwrap().unwrap();
        assert_eq!(partners.authority(NOW.plus(DAY * 365)).unwrap(), None, "its certificate is over");
        let next = partners.issue("boekhouder", id(1), 30, NOW).unwrap();
        partners.remember(&next.partner).unwrap();
        assert_eq!(partners.authority(NOW).unwrap().unwrap(), authority, "the same authority");
        assert_eq!(partners.revoke("niemand", NOW).unwrap(), []);
        assert_eq!(partners.revoke("boekhouder", NOW).unwrap(), [id(1)]);
        assert_eq!(partners.authority(NOW).unwrap(), None);
        partners.forget(next.partner.thumbprint).unwrap();
        assert_eq!(partners.list().unwrap(), [Partner { revoked: Some(NOW), ..made.partner }]);
        let mode = |name| fs::metadata(partners.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("ca-key.pem"), mode("partners.json"), mode("")), (0o600, 0o600, 0o700));
    }

    #[test]
    fn a_certificate_is_for_clients_and_ends_with_its_authority() {
        let folder = tempfile::tempdir().unwrap();
        let partners = Partners::new(folder.path());
        partners.issue("eerst", id(1), 1, NOW).unwrap();
        let late = NOW.plus(DAY * 3600);
        let made = partners.issue("laat", id(1), 1000, late).unwrap();
        assert_eq!(made.partner.until.since(NOW), AUTHORITY_LIFE);
        let der = CertificateDer::from_pem_slice(made.certificate_pem.as_bytes()).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        assert!(parsed.extended_key_usage().unwrap().unwrap().value.client_auth);
        assert!(!parsed.extended_key_usage().unwrap().unwrap().value.server_auth);
        assert!(!parsed.is_ca());
        assert_eq!(made.partner.thumbprint, Thumbprint(sha256(&der)));
    }

    #[test]
    fn odd_names_days_and_damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let partners = Partners::new(folder.path());
        for name in ["", ".", "../x", "a/b", "a b", "é", "a\n", &"a".repeat(65)] {
            assert!(!is_partner_name(name), "{name}");
            assert!(partners.issue(name, id(1), 1, NOW).is_err(), "{name}");
        }
        assert!(is_partner_name("Mail-partner_2.nl"));
        for days in [0, 1001, u32::MAX] {
            assert!(partners.issue("a", id(1), days, NOW).is_err(), "{days}");
        }
        let made = partners.issue("a", id(1), 1, NOW).unwrap();
        for broken in ["", "{}", "[{}]", r#"[{"name":"a"}]"#] {
            fs::write(partners.path("partners.json"), broken).unwrap();
            assert!(partners.list().is_err() && partners.authority(NOW).is_err(), "{broken}");
            assert!(partners.remember(&made.partner).is_err());
        }
        fs::write(partners.path("ca-key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(partners.issue("a", id(1), 1, NOW).is_err());
    }
}
