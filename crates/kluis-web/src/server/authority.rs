//! The vault's own small certificate authority, so that a first start has HTTPS without anybody else.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kluis_crypto::SystemRandom;
use kluis_model::{Random, TimeMs};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::certificate::{CertificateError, Loaded, describe, load};
use crate::state::CertificateState;

/// How long the authority itself is valid.
pub(super) const AUTHORITY_LIFE: Duration = Duration::from_secs(3650 * 86_400);
/// How long a server certificate is valid.
const SERVER_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// How far a certificate begins in the past, for clients whose clock is slow.
pub(super) const SKEW: Duration = Duration::from_secs(3600);

/// The folder of the authority and the names its certificate is for.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    folder: PathBuf,
    names: Vec<String>,
}

impl Authority {
    /// An authority in a folder, for these names and this machine's own.
    pub(crate) fn new(folder: &Path, names: &[String]) -> Self {
        let mut all: Vec<String> = Vec::new();
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        for name in names.iter().map(|name| name.to_ascii_lowercase()).chain(own) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        Self { folder: folder.to_path_buf(), names: all }
    }

    /// The certificate to show at this moment; makes the authority or a new certificate when it is time.
    pub(crate) fn certificate(&self, now: TimeMs) -> Result<Loaded, CertificateError> {
        make_folder(&self.folder)?;
        if !self.path("ca.pem").exists() && !self.path("ca-key.pem").exists() {
            self.make_authority(now)?;
        }
        let authority = self.authority()?;
        let present = load(&self.path("server.pem"), &self.path("server-key.pem"), true);
        match present {
            Ok(loaded) if self.still_fits(&loaded.state, &authority.state, now) => Ok(loaded),
            _ => self.make_server(&authority, now),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn make_authority(&self, now: TimeMs) -> Result<(), CertificateError> {
        let file = self.path("ca.pem");
        let problem = |error: rcgen::Error| CertificateError::new(&file, error);
        let mut number = [0; 4];
        SystemRandom.fill(&mut number);
        let mut params =
            authority_params(&format!("Klantkluis authority {:08x}", u32::from_be_bytes(number)));
        params.not_before = date_time_ymd(1970, 1, 1) + since_1970(now.minus(SKEW));
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970(now.plus(AUTHORITY_LIFE));
        let key = KeyPair::generate().map_err(problem)?;
        let key_pem = zeroize::Zeroizing::new(key.serialize_pem());
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(problem)?;
        write(&self.path("ca-key.pem"), key_pem.as_bytes(), 0o600)?;
        write(&file, issuer.pem().as_bytes(), 0o644)
    }

    /// Reads the authority. A broken one is an error: people may already trust it, so it is never replaced silently.
    fn authority(&self) -> Result<OpenAuthority, CertificateError> {
        let (file, key_file) = (self.path("ca.pem"), self.path("ca-key.pem"));
        let loaded = load(&file, &key_file, true)?;
        let key_pem = zeroize::Zeroizing::new(
            fs::read_to_string(&key_file).map_err(|error| CertificateError::new(&key_file, error))?,
        );
        let key = KeyPair::from_pem(&key_pem).map_err(|error| CertificateError::new(&key_file, error))?;
        let der =
            CertificateDer::from_pem_file(&file).map_err(|error| CertificateError::new(&file, error))?;
        let state = describe(&der, true).map_err(|what| CertificateError::new(&file, what))?;
        let issuer = Issuer::new(authority_params(&loaded.state.issuer), key);
        Ok(OpenAuthority { issuer, state })
    }

    fn make_server(&self, authority: &OpenAuthority, now: TimeMs) -> Result<Loaded, CertificateError> {
        let (file, key_file) = (self.path("server.pem"), self.path("server-key.pem"));
        let problem = |error: rcgen::Error| CertificateError::new(&file, error);
        let mut params = CertificateParams::new(self.names.clone()).map_err(problem)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.names[0].as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(1970, 1, 1) + since_1970(now.minus(SKEW));
        params.not_after =
            date_time_ymd(1970, 1, 1) + since_1970(now.plus(SERVER_LIFE).min(authority.state.not_after));
        let key = KeyPair::generate().map_err(problem)?;
        let certificate = params.signed_by(&key, &authority.issuer).map_err(problem)?;
        let key_pem = zeroize::Zeroizing::new(key.serialize_pem());
        // A crash between the two leaves a pair that does not match, which is made again.
        write(&key_file, key_pem.as_bytes(), 0o600)?;
        write(&file, certificate.pem().as_bytes(), 0o644)?;
        load(&file, &key_file, true)
    }

    /// Whether a certificate is for all the names, of this authority, and not past two thirds of its life.
    fn still_fits(&self, server: &CertificateState, authority: &CertificateState, now: TimeMs) -> bool {
        let life_ms = server.not_after.0.saturating_sub(server.not_before.0);
        let renew_at = server.not_before.0.saturating_add(life_ms / 3 * 2);
        self.names.iter().all(|name| server.names.contains(name))
            && server.issuer == authority.issuer
            && server.not_before <= now
            && now.0 < renew_at
    }
}

/// The authority with its key.
struct OpenAuthority {
    issuer: Issuer<'static, KeyPair>,
    state: CertificateState,
}

/// What an authority's certificate says of itself.
pub(super) fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Makes a folder that is ours alone.
pub(super) fn make_folder(folder: &Path) -> Result<(), CertificateError> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let problem = |error| CertificateError::new(folder, error);
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(problem)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(problem)
}

/// How long after 1970 a moment is; earlier counts as 1970.
pub(super) fn since_1970(at: TimeMs) -> Duration {
    Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

/// Writes a file whole or not at all.
pub(super) fn write(file: &Path, bytes: &[u8], mode: u32) -> Result<(), CertificateError> {
    use std::os::unix::fs::OpenOptionsExt;
    let problem = |error| CertificateError::new(file, error);
    let fresh = file.with_extension("new");
    // Left behind by a crash.
    let _ = fs::remove_file(&fresh);
    let mut out =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh).map_err(problem)?;
    out.write_all(bytes).map_err(problem)?;
    out.sync_all().map_err(problem)?;
    fs::rename(&fresh, file).map_err(problem)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn the_first_start_makes_an_authority_and_the_second_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(&folder.path().join("tls"), &["Kluis.example".to_owned()]);
        let first = authority.certificate(NOW).unwrap();
        assert_eq!(first.state.names, ["kluis.example", "localhost", "127.0.0.1", "::1"]);
        assert!(first.state.is_local && first.state.issuer.starts_with("Klantkluis authority "));
        assert_eq!(first.state.not_after.since(NOW), SERVER_LIFE);
        let second = authority.certificate(NOW.plus(DAY)).unwrap();
        assert_eq!(first.certified.cert, second.certified.cert);
        let mode = |name| fs::metadata(authority.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("ca-key.pem"), mode("server-key.pem")), (0o600, 0o600));
        assert_eq!(fs::metadata(&authority.folder).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_or_for_other_names_by_the_same_authority() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), &["localhost".to_owned()]);
        let first = authority.certificate(NOW).unwrap();
        let kept = authority.certificate(NOW.plus(DAY * 59)).unwrap();
        assert_eq!(kept.certified.cert, first.certified.cert);
        let renewed = authority.certificate(NOW.plus(DAY * 60)).unwrap();
        assert_ne!(renewed.certified.cert, first.certified.cert);
        assert_eq!(renewed.state.issuer, first.state.issuer);
        let other = Authority::new(folder.path(), &["shop.example".to_owned()]);
        let named = other.certificate(NOW.plus(DAY * 60)).unwrap();
        assert_eq!(
            (named.state.names[0].as_str(), &named.state.issuer),
            ("shop.example", &first.state.issuer)
        );
    }

    #[test]
    fn a_torn_server_pair_is_made_again_and_a_broken_authority_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), &["localhost".to_owned()]);
        authority.certificate(NOW).unwrap();
        let other_key = KeyPair::generate().unwrap().serialize_pem();
        fs::write(authority.path("server-key.pem"), &other_key).unwrap();
        authority.certificate(NOW).unwrap();
        for (name, content) in
            [("ca-key.pem", other_key.as_str()), ("ca.pem", "nonsense"), ("ca-key.pem", "")]
        {
            let before = fs::read(authority.path(name)).unwrap();
            fs::write(authority.path(name), content).unwrap();
            authority.certificate(NOW).unwrap_err();
            fs::write(authority.path(name), before).unwrap();
        }
        fs::remove_file(authority.path("ca-key.pem")).unwrap();
        authority.certificate(NOW).unwrap_err();
    }

    #[test]
    fn names_that_cannot_stand_in_a_certificate_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), &["klüis.example".to_owned()]);
        authority.certificate(NOW).unwrap_err();
    }
}
