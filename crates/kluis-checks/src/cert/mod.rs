//! Reads certificates as they come from servers, absurd ones too, into [`CertFacts`]; and judges names and lifetimes.

mod key;
mod life;
mod name;
mod text;

use core::net::{Ipv4Addr, Ipv6Addr};

use kluis_crypto::sha256;
use kluis_model::TimeMs;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::{FromDer, X509Certificate};

pub use self::life::{br_max_days, is_short_lived, life_days};
pub use self::name::{matches, near_miss};
use crate::facts::{CertFacts, SctFacts};
use crate::tls::wire::Cursor;

/// Bytes of a certificate at most; a longer one counts as unreadable.
pub const CERT_BYTES_MAX: usize = 100 * 1024;
/// Names kept of one certificate; [`covers`] looks at all of them.
pub const NAMES_MAX: usize = 200;
/// Timestamps kept of one list.
pub const SCTS_MAX: usize = 20;
/// URLs kept of each kind.
const URLS_MAX: usize = 5;
/// Bytes of a URL; longer ones are left out.
const URL_BYTES_MAX: usize = 500;
/// Bytes of a name (RFC 1035 §2.3.4); longer ones are left out.
const NAME_BYTES_MAX: usize = 253;
/// Bytes of a serial number that are shown. RFC 5280 §4.1.2.2 allows 20.
const SERIAL_BYTES_MAX: usize = 64;
/// Bytes of a key identifier that are shown.
const KEY_ID_BYTES_MAX: usize = 64;

/// Object identifiers of extensions and access methods that are read here.
mod oid {
    pub(super) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
    pub(super) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
    pub(super) const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
    pub(super) const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
    pub(super) const OCSP: &str = "1.3.6.1.5.5.7.48.1";
    pub(super) const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
}

/// Reads a certificate. What cannot be read has `is_readable` false and nothing else but its hash.
#[must_use]
pub fn read(der: &[u8]) -> CertFacts {
    let sha256 = hex::encode(sha256(der));
    match parse(der) {
        Some(certificate) => CertFacts { is_readable: true, sha256, ..facts(&certificate) },
        None => CertFacts { sha256, ..CertFacts::default() },
    }
}

/// Whether the certificate is for this host, looking at every name however many there are.
#[must_use]
pub fn covers(der: &[u8], host: &str) -> bool {
    let Some(certificate) = parse(der) else { return false };
    let names = certificate.iter_extensions().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names.flatten().filter_map(name_text).any(|name| matches(std::slice::from_ref(&name), host))
}

/// Reads a list of certificate timestamps (RFC 6962 §3.3), as it is in TLS extension 18 and, wrapped once more, in
/// certificates. At most [`SCTS_MAX`]; stops at what cannot be read.
#[must_use]
pub fn read_sct_list(bytes: &[u8]) -> Vec<SctFacts> {
    let mut out = Vec::new();
    let Some(list) = Cursor::new(bytes).bytes16() else { return out };
    let mut list = Cursor::new(list);
    while let Some(sct) = list.bytes16() {
        let mut sct = Cursor::new(sct);
        let (Some(0), Some(log), Some(at)) = (sct.u8(), sct.take(32), sct.u64()) else { continue };
        if out.len() == SCTS_MAX {
            break;
        }
        out.push(SctFacts { log_id: hex::encode(log), at: TimeMs(i64::try_from(at).unwrap_or(i64::MAX)) });
    }
    out
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    if der.len() > CERT_BYTES_MAX {
        return None;
    }
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

fn facts(certificate: &X509Certificate<'_>) -> CertFacts {
    let serial = certificate.raw_serial();
    let (not_before, not_after) = (certificate.validity().not_before, certificate.validity().not_after);
    let (signature, signature_hash) = key::read_signature(&certificate.signature_algorithm);
    let mut out = CertFacts {
        spki_sha256: hex::encode(sha256(certificate.public_key().raw)),
        subject: text::rfc4514(certificate.subject()),
        issuer: text::rfc4514(certificate.issuer()),
        serial: hex::encode(&serial[..serial.len().min(SERIAL_BYTES_MAX)]),
        not_before: TimeMs(not_before.timestamp().saturating_mul(1000)),
        not_after: TimeMs(not_after.timestamp().saturating_mul(1000)),
        key: key::read_key(certificate.public_key()),
        signature_hash,
        signature,
        ..CertFacts::default()
    };
    for extension in certificate.iter_extensions() {
        read_extension(extension, &mut out);
    }
    let is_contradicted = matches!((&out.ski, &out.aki), (Some(ski), Some(aki)) if ski != aki);
    let is_same_name = certificate.subject().as_raw() == certificate.issuer().as_raw();
    out.is_self_issued = is_same_name && !is_contradicted;
    out.is_short_lived = is_short_lived(out.not_before, out.not_after);
    out
}

fn read_extension(extension: &X509Extension<'_>, out: &mut CertFacts) {
    match extension.oid.to_id_string().as_str() {
        oid::SUBJECT_ALT_NAME => out.has_san = true,
        oid::EXTENDED_KEY_USAGE => out.eku_server = Some(false),
        oid::SCT_LIST => out.scts = octets(extension.value).map(read_sct_list).unwrap_or_default(),
        oid::TLS_FEATURE => out.must_staple = has_feature(extension.value, 5),
        _ => {}
    }
    match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => {
            let texts = names.general_names.iter().filter_map(name_text);
            let room = NAMES_MAX.saturating_sub(out.names.len());
            out.names.extend(texts.take(room));
        }
        ParsedExtension::BasicConstraints(constraints) => out.is_ca = constraints.ca,
        ParsedExtension::ExtendedKeyUsage(usage) => out.eku_server = Some(usage.server_auth || usage.any),
        ParsedExtension::SubjectKeyIdentifier(id) => out.ski = Some(key_id(id.0)),
        ParsedExtension::AuthorityKeyIdentifier(id) => {
            out.aki = id.key_identifier.as_ref().map(|id| key_id(id.0));
        }
        ParsedExtension::AuthorityInfoAccess(access) => {
            for description in access.iter() {
                match description.access_method.to_id_string().as_str() {
                    oid::OCSP => keep_url(&description.access_location, &mut out.ocsp_urls),
                    oid::CA_ISSUERS => keep_url(&description.access_location, &mut out.issuer_urls),
                    _ => {}
                }
            }
        }
        ParsedExtension::CRLDistributionPoints(points) => {
            for point in points.iter() {
                if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                    names.iter().for_each(|name| keep_url(name, &mut out.crl_urls));
                }
            }
        }
        _ => {}
    }
}

fn key_id(bytes: &[u8]) -> String {
    hex::encode(&bytes[..bytes.len().min(KEY_ID_BYTES_MAX)])
}

/// A DNS name or address as text; `None` for other kinds and for what cannot be a name.
fn name_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => {
            let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
            (is_name && name.bytes().all(|byte| byte.is_ascii_graphic())).then(|| name.to_ascii_lowercase())
        }
        GeneralName::IPAddress(bytes) => {
            if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                return Some(Ipv4Addr::from(v4).to_string());
            }
            <[u8; 16]>::try_from(*bytes).ok().map(|v6| Ipv6Addr::from(v6).to_string())
        }
        _ => None,
    }
}

fn keep_url(name: &GeneralName<'_>, urls: &mut Vec<String>) {
    let GeneralName::URI(url) = name else { return };
    let is_url = url.len() <= URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic());
    let is_http = ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if is_url && is_http && urls.len() < URLS_MAX && !urls.iter().any(|known| known == url) {
        urls.push((*url).to_owned());
    }
}

/// The content of a DER OCTET STRING that is all of `der`.
fn octets(der: &[u8]) -> Option<&[u8]> {
    content(der, 0x04)
}

/// Whether a TLS feature extension (RFC 7633: a sequence of integers) has this number.
fn has_feature(der: &[u8], feature: u8) -> bool {
    let Some(mut rest) = content(der, 0x30) else { return false };
    while let [0x02, length, tail @ ..] = rest {
        let Some((number, tail)) = tail.split_at_checked(usize::from(*length)) else { return false };
        if number == [feature] {
            return true;
        }
        rest = tail;
    }
    false
}

/// The content of one DER element with this tag that is all of `der`.
fn content(der: &[u8], tag: u8) -> Option<&[u8]> {
    let mut cursor = Cursor::new(der);
    cursor.u8().filter(|found| *found == tag)?;
    let count = match cursor.u8()? {
        0x81 => usize::from(cursor.u8()?),
        0x82 => usize::from(cursor.u16()?),
        0x83 => cursor.u24()?,
        short => Some(usize::from(short)).filter(|count| *count < 0x80)?,
    };
    let content = cursor.take(count)?;
    cursor.is_empty().then_some(content)
}

#[cfg(test)]
mod tests;
