//! The folder of the ACME client: account, certificate, order on its way and state, each written whole or not at all.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kluis_crypto::sha256;
use kluis_model::TimeMs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use super::AcmeError;
use super::schedule::{Life, Window};

/// The key and the chain, in one PEM file.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// A file of this name asks for a renewal now; it is taken away when the renewal begins.
pub const RENEW_FILE: &str = "renew";
/// Most bytes of any file of the folder.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
}

/// What is remembered over a restart. A file that cannot be read counts as nothing remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// From which directory the certificate came.
    pub(crate) directory: Option<String>,
    /// When the certificate was received.
    pub(crate) issued: Option<TimeMs>,
    /// When it is renewed.
    pub(crate) renew_at: Option<TimeMs>,
    /// The window that `renew_at` was drawn from.
    pub(crate) window: Option<Window>,
    /// When advice is asked for next.
    pub(crate) ask_at: Option<TimeMs>,
    /// Failed attempts in a row.
    pub(crate) failures: u32,
    /// Attempts in a row that neither failed nor succeeded, because the program ended.
    pub(crate) unfinished: u32,
    /// No attempt before this.
    pub(crate) wait_until: Option<TimeMs>,
    /// What the last failure said.
    pub(crate) last_error: Option<String>,
    /// When that was.
    pub(crate) last_error_at: Option<TimeMs>,
}

/// An order on its way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) directory: String,
    pub(crate) names: Vec<String>,
    pub(crate) profile: Option<String>,
    pub(crate) url: String,
    /// The key of the certificate to come.
    #[serde(with = "wiped")]
    pub(crate) key_pem: Zeroizing<String>,
}

/// Reads and writes a text that is wiped from memory after use.
mod wiped {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(text: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// What is to be known about the certificate in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) names: Vec<String>,
    pub(crate) life: Life,
    pub(crate) der: CertificateDer<'static>,
}

impl Files {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn make_folder(&self) -> Result<(), AcmeError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| problem(&self.folder, error))
    }

    pub(crate) fn state(&self) -> State {
        self.read_json("state.json").unwrap_or_default()
    }

    pub(crate) fn save_state(&self, state: &State) -> Result<(), AcmeError> {
        self.write_json("state.json", state)
    }

    /// The order on its way, when it is for this directory, these names and this profile.
    pub(crate) fn pending(
        &self,
        directory: &str,
        names: &[String],
        profile: Option<&str>,
    ) -> Option<Pending> {
        let found: Pending = self.read_json("pending.json")?;
        let fits =
            found.directory == directory && found.names == names && found.profile.as_deref() == profile;
        fits.then_some(found)
    }

    pub(crate) fn save_pending(&self, pending: &Pending) -> Result<(), AcmeError> {
        self.write_json("pending.json", pending)
    }

    pub(crate) fn forget_pending(&self) {
        // Absent is as good as removed.
        let _ = fs::remove_file(self.path("pending.json"));
    }

    /// The name of an account's file; each directory has its own account.
    fn account_file(directory: &str) -> String {
        let digest = sha256(directory.as_bytes());
        format!("account-{}.json", hex::encode(&digest[..8]))
    }

    pub(crate) fn account<T: DeserializeOwned>(&self, directory: &str) -> Option<T> {
        self.read_json(&Self::account_file(directory))
    }

    pub(crate) fn save_account(&self, directory: &str, account: &impl Serialize) -> Result<(), AcmeError> {
        self.write_json(&Self::account_file(directory), account)
    }

    pub(crate) fn forget_account(&self, directory: &str) {
        let _ = fs::remove_file(self.path(&Self::account_file(directory)));
    }

    /// Whether somebody asked for a renewal; takes the asking away.
    pub(crate) fn take_request(&self) -> bool {
        fs::remove_file(self.path(RENEW_FILE)).is_ok()
    }

    /// The certificate in the folder, when there is a whole one.
    pub(crate) fn held(&self) -> Option<Held> {
        let pem = Zeroizing::new(self.read(CERTIFICATE_FILE)?);
        inspect(&pem).ok()
    }

    /// Puts key and chain in the place of the old ones, when they are a pair for all the names and not over yet.
    pub(crate) fn install(&self, pem: &str, names: &[String], now: TimeMs) -> Result<Held, AcmeError> {
        if pem.len() as u64 > FILE_BYTES_MAX {
            return Err(AcmeError::dead("the new certificate is too long"));
        }
        let held = inspect(pem.as_bytes())?;
        if let Some(missing) = names.iter().find(|name| !held.names.contains(name)) {
            return Err(AcmeError::dead(format_args!("the new certificate lacks the name {missing}")));
        }
        if held.life.until <= now || held.life.until <= held.life.from {
            return Err(AcmeError::dead("the new certificate is over already"));
        }
        self.write(CERTIFICATE_FILE, pem.as_bytes())?;
        Ok(held)
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let is_small = fs::metadata(&path).is_ok_and(|file| file.len() <= FILE_BYTES_MAX);
        is_small.then(|| fs::read(&path).ok()).flatten()
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = Zeroizing::new(self.read(name)?);
        let parsed = serde_json::from_slice(&bytes);
        if let Err(error) = &parsed {
            tracing::warn!(
                name,
                line = error.line(),
                "a file of the ACME folder cannot be read and is ignored"
            );
        }
        parsed.ok()
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), AcmeError> {
        let bytes = serde_json::to_vec_pretty(value).map(Zeroizing::new).map_err(AcmeError::new)?;
        self.write(name, &bytes)
    }

    /// Writes a file with mode 0600 whole or not at all, also when the machine stops in between.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), AcmeError> {
        let (file, fresh) = (self.path(name), self.path(&format!("{name}.new")));
        // Left behind by a crash.
        let _ = fs::remove_file(&fresh);
        let written = (|| {
            let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            out.write_all(bytes)?;
            out.sync_all()?;
            fs::rename(&fresh, &file)?;
            fs::File::open(&self.folder)?.sync_all()
        })();
        written.map_err(|error| problem(&file, error))
    }
}

/// Reads the key that an authority gave for an account; refuses a file that others may read.
pub(crate) fn read_account_key(file: &Path) -> Result<Zeroizing<Vec<u8>>, AcmeError> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let metadata = fs::metadata(file).map_err(|error| problem(file, error))?;
    // systemd shows a handed-over credential as readable by its group, which stands for the access list there.
    let allowed = if file.starts_with("/run/credentials") { 0o040 } else { 0 };
    if metadata.permissions().mode() & 0o077 & !allowed != 0 {
        return Err(problem(file, "others may read this key; make it yours only: chmod 0400"));
    }
    if metadata.len() > 4096 {
        return Err(problem(file, "is too long for a key"));
    }
    let text = Zeroizing::new(fs::read_to_string(file).map_err(|error| problem(file, error))?);
    let text = text.trim().trim_end_matches('=');
    let key = URL_SAFE_NO_PAD.decode(text).or_else(|_| {
        let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
        STANDARD.decode(padded)
    });
    match key {
        Ok(key) if key.len() >= 16 => Ok(Zeroizing::new(key)),
        _ => Err(problem(file, "holds no key in base64url")),
    }
}

fn problem(file: &Path, what: impl std::fmt::Display) -> AcmeError {
    AcmeError::new(format_args!("{}: {what}", file.display()))
}

/// Reads key and chain, and checks that they belong together.
fn inspect(pem: &[u8]) -> Result<Held, AcmeError> {
    let wrong = |what: &str| AcmeError::dead(format_args!("the new certificate {what}"));
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| wrong("is not PEM"))?;
    let der = chain.first().cloned().ok_or_else(|| wrong("is absent"))?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| wrong("has no key"))?;
    let signer =
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).map_err(|_| wrong("has an odd key"))?;
    CertifiedKey::new(chain, signer).keys_match().map_err(|_| wrong("is for another key"))?;
    let (names, life) = describe(&der).ok_or_else(|| wrong("cannot be read"))?;
    Ok(Held { names, life, der })
}

fn describe(der: &[u8]) -> Option<(Vec<String>, Life)> {
    let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    let ms = |time: x509_parser::time::ASN1Time| TimeMs(time.timestamp().saturating_mul(1000));
    let life = Life { from: ms(parsed.validity().not_before), until: ms(parsed.validity().not_after) };
    let mut names = Vec::new();
    if let Ok(Some(extension)) = parsed.subject_alternative_name() {
        names.extend(extension.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(core::net::IpAddr::from);
                v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(core::net::IpAddr::from))
                    .ok()
                    .map(|address| address.to_string())
            }
            _ => None,
        }));
    }
    Some((names, life))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const NOW: TimeMs = TimeMs(1_795_000_000_000);

    fn pair(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem())
    }

    #[test]
    fn a_pair_is_installed_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(&folder.path().join("acme"));
        files.make_folder().unwrap();
        files.make_folder().unwrap();
        assert_eq!(files.held(), None);
        let names = ["winkel.example".to_owned(), "127.0.0.1".to_owned()];
        let held = files.install(&pair(&["winkel.example", "127.0.0.1"]), &names, NOW).unwrap();
        assert_eq!(files.held(), Some(held.clone()));
        assert_eq!(held.names, names);
        let mode = |name: &str| fs::metadata(files.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode(CERTIFICATE_FILE)), (0o700, 0o600));
    }

    fn certificate_of(pem: &str) -> &str {
        &pem[pem.find("-----BEGIN CERT").unwrap()..]
    }

    #[test]
    fn what_is_no_pair_for_the_names_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        let names = ["winkel.example".to_owned()];
        let first = files.install(&pair(&["winkel.example"]), &names, NOW).unwrap();
        let (one, other) = (pair(&["winkel.example"]), pair(&["winkel.example"]));
        let (_, certificate) = one.split_once("-----BEGIN CERT").unwrap();
        let (key, _) = other.split_once("-----BEGIN CERT").unwrap();
        let mixed = format!("{key}-----BEGIN CERT{certificate}");
        let ended = NOW.plus(std::time::Duration::from_secs(4_000_000_000_000));
        // Longer than what is read again after a restart.
        let long = format!("{one}{}", certificate_of(&one).repeat(600));
        for (pem, now, says) in [
            (long.as_str(), NOW, "too long"),
            ("", NOW, "absent"),
            (key, NOW, "absent"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NOW, "no key"),
            (mixed.as_str(), NOW, "another key"),
            (&pair(&["elsewhere.example"]), NOW, "lacks the name"),
            (one.as_str(), ended, "over"),
        ] {
            let error = files.install(pem, &names, now).unwrap_err();
            assert!(error.text.contains(says), "{says}: {error}");
            assert_eq!(files.held(), Some(first.clone()));
        }
    }

    #[test]
    fn state_and_order_survive_and_broken_ones_count_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        assert_eq!(files.state(), State::default());
        let state = State { failures: 3, wait_until: Some(NOW), ..State::default() };
        files.save_state(&state).unwrap();
        assert_eq!(files.state(), state);
        let names = vec!["a.example".to_owned()];
        let pending = Pending {
            directory: "https://ca.example/".into(),
            names: names.clone(),
            profile: None,
            url: "https://ca.example/order/1".into(),
            key_pem: Zeroizing::new("key".into()),
        };
        files.save_pending(&pending).unwrap();
        assert!(
            files.pending("https://ca.example/", &names, None).is_some_and(|found| found.url == pending.url)
        );
        assert!(files.pending("https://other.example/", &names, None).is_none());
        assert!(files.pending("https://ca.example/", &["b.example".into()], None).is_none());
        assert!(files.pending("https://ca.example/", &names, Some("shortlived")).is_none());
        for broken in ["", "{", "[]", r#"{"failures":-1}"#, r#"{"wait_until":"yesterday"}"#] {
            fs::write(files.path("state.json"), broken).unwrap();
            fs::write(files.path("pending.json"), broken).unwrap();
            assert_eq!(files.state(), State::default(), "{broken}");
            assert!(files.pending("https://ca.example/", &names, None).is_none());
        }
        files.forget_pending();
        assert!(!files.take_request());
        fs::write(files.path(RENEW_FILE), "").unwrap();
        assert!(files.take_request() && !files.take_request());
    }

    #[test]
    fn an_account_key_is_read_from_a_private_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let write = |text: &str, mode: u32| {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        };
        write("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n", 0o400);
        assert_eq!(read_account_key(&file).unwrap().len(), 48);
        write("////+++/AAAAAAAAAAAAAAAAAA==", 0o600);
        assert_eq!(read_account_key(&file).unwrap().len(), 19);
        for (text, mode) in [
            ("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W", 0o644),
            ("", 0o600),
            ("short", 0o600),
            ("not base64 at all, not at all !", 0o600),
            (&"A".repeat(5000), 0o600),
        ] {
            write(text, mode);
            read_account_key(&file).unwrap_err();
        }
        read_account_key(&folder.path().join("absent")).unwrap_err();
    }
}
