//! The certificate that is shown: read from PEM files, described for people, and swapped without dropping a connection.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kluis_crypto::sha256;
use kluis_model::{Thumbprint, TimeMs};
use kluis_net::acme::{ACME_TLS, Challenges};
use parking_lot::RwLock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use crate::state::{CertificateState, ShownCertificate};

/// Most bytes of a certificate or key file.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A certificate with its key that could be shown, and what people may know about it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) state: CertificateState,
}

/// Why files are no certificate.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", file.display())]
pub struct CertificateError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl CertificateError {
    /// A problem with a file.
    pub(crate) fn new(file: &Path, what: impl fmt::Display) -> Self {
        Self { file: file.to_path_buf(), what: what.to_string() }
    }
}

/// Shows whichever certificate is in force, or the proof that an ACME authority asks for.
#[derive(Debug)]
pub(crate) struct Shown {
    certified: RwLock<Arc<CertifiedKey>>,
    state: Arc<RwLock<CertificateState>>,
    challenges: Arc<Challenges>,
}

impl Shown {
    /// Begins with a certificate; `state` tells people about the one in force.
    pub(crate) fn new(
        loaded: Loaded,
        state: Arc<RwLock<CertificateState>>,
        challenges: Arc<Challenges>,
    ) -> Self {
        *state.write() = loaded.state;
        Self { certified: RwLock::new(loaded.certified), state, challenges }
    }

    /// What people may know about the one in force.
    pub(crate) fn state(&self) -> CertificateState {
        self.state.read().clone()
    }

    /// Puts another certificate in force for every handshake from now on.
    pub(crate) fn swap(&self, loaded: Loaded) {
        *self.certified.write() = loaded.certified;
        *self.state.write() = loaded.state;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // RFC 8737 §3: such a client offers this protocol alone, and gets the proof or nothing.
        if hello
            .alpn()
            .is_some_and(|mut offered| offered.next() == Some(ACME_TLS) && offered.next().is_none())
        {
            return self.challenges.certificate(hello.server_name()?);
        }
        Some(self.certified.read().clone())
    }
}

/// Reads a chain and its key and checks that they belong together.
pub(crate) fn load(chain: &Path, key: &Path, is_local: bool) -> Result<Loaded, CertificateError> {
    let chain_pem = read(chain)?;
    let key_pem = zeroize::Zeroizing::new(read(key)?);
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateError::new(chain, "is not a PEM certificate"))?;
    let first = certificates.first().ok_or_else(|| CertificateError::new(chain, "holds no certificate"))?;
    let state = describe(first, is_local).map_err(|what| CertificateError::new(chain, what))?;
    let private = PrivateKeyDer::from_pem_slice(&key_pem)
        .map_err(|_| CertificateError::new(key, "holds no private key in PEM"))?;
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private)
        .map_err(|_| CertificateError::new(key, "the private key is of a kind that is not supported"))?;
    let certified = CertifiedKey::new(certificates, signer);
    certified
        .keys_match()
        .map_err(|_| CertificateError::new(key, "the private key does not belong to the certificate"))?;
    Ok(Loaded { certified: Arc::new(certified), state })
}

fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    let problem = |error| CertificateError::new(file, error);
    let size = std::fs::metadata(file).map_err(problem)?.len();
    if size > FILE_BYTES_MAX {
        return Err(CertificateError::new(
            file,
            format_args!("has {size} bytes; at most {FILE_BYTES_MAX} are read"),
        ));
    }
    std::fs::read(file).map_err(problem)
}

/// What is to be known about a client certificate.
pub(crate) fn shown_certificate(der: &CertificateDer<'_>) -> Option<ShownCertificate> {
    let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    let until = TimeMs(parsed.validity().not_after.timestamp().saturating_mul(1000));
    Some(ShownCertificate { thumbprint: Thumbprint(sha256(der)), until })
}

/// What people may know about a certificate.
pub(crate) fn describe(der: &[u8], is_local: bool) -> Result<CertificateState, &'static str> {
    let (_, parsed) = x509_parser::parse_x509_certificate(der).map_err(|_| "is not a certificate")?;
    let ms = |time: x509_parser::time::ASN1Time| TimeMs(time.timestamp().saturating_mul(1000));
    let issuer = parsed.issuer();
    let named =
        issuer.iter_common_name().chain(issuer.iter_organization()).find_map(|part| part.as_str().ok());
    Ok(CertificateState {
        names: names(&parsed),
        issuer: named.unwrap_or("?").to_owned(),
        not_before: ms(parsed.validity().not_before),
        not_after: ms(parsed.validity().not_after),
        is_local,
    })
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |general: &GeneralName<'_>| match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}
