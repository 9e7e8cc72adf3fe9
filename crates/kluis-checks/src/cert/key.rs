//! Kinds of public keys and signatures, by their object identifiers.

use x509_parser::prelude::{AlgorithmIdentifier, FromDer, SubjectPublicKeyInfo};
use x509_parser::public_key::RSAPublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;

use crate::facts::{KeyFacts, KeyKind};
use crate::tls::bits_of;

/// Object identifier, name, bits.
const CURVES: [(&str, &str, u32); 15] = [
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.3.132.0.33", "P-224", 224),
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1", 160),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1", 192),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1", 224),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1", 320),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
    ("1.2.156.10197.1.301", "SM2", 256),
    ("1.3.132.0.1", "sect163k1", 163),
];

/// Object identifier, name, hash.
const SIGNATURES: [(&str, &str, &str); 24] = [
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption", "md2"),
    ("1.2.840.113549.1.1.3", "md4WithRSAEncryption", "md4"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption", "md5"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption", "sha1"),
    ("1.3.14.3.2.29", "sha1WithRSASignature", "sha1"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption", "sha224"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption", "sha256"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption", "sha384"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption", "sha512"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1", "sha1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224", "sha224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", "sha256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384", "sha384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512", "sha512"),
    ("1.2.840.10040.4.3", "dsa-with-sha1", "sha1"),
    ("2.16.840.1.101.3.4.3.1", "dsa-with-sha224", "sha224"),
    ("2.16.840.1.101.3.4.3.2", "dsa-with-sha256", "sha256"),
    ("1.3.101.112", "ed25519", "none"),
    ("1.3.101.113", "ed448", "none"),
    ("2.16.840.1.101.3.4.3.17", "ml-dsa-44", "none"),
    ("2.16.840.1.101.3.4.3.18", "ml-dsa-65", "none"),
    ("2.16.840.1.101.3.4.3.19", "ml-dsa-87", "none"),
    ("1.2.156.10197.1.501", "sm2-with-sm3", "sm3"),
    ("1.2.643.7.1.1.3.2", "gost2012-256", "streebog256"),
];

/// Hashes that RSA-PSS names in its parameters.
const HASHES: [(&str, &str); 6] = [
    ("1.2.840.113549.2.5", "md5"),
    ("1.3.14.3.2.26", "sha1"),
    ("2.16.840.1.101.3.4.2.4", "sha224"),
    ("2.16.840.1.101.3.4.2.1", "sha256"),
    ("2.16.840.1.101.3.4.2.2", "sha384"),
    ("2.16.840.1.101.3.4.2.3", "sha512"),
];

/// Characters of an object identifier that are shown.
const ID_CHARS_MAX: usize = 100;

/// Reads a public key.
pub(super) fn read_key(info: &SubjectPublicKeyInfo<'_>) -> KeyFacts {
    let bytes: &[u8] = &info.subject_public_key.data;
    match info.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => read_rsa(bytes),
        "1.2.840.10045.2.1" => read_ec(info, bytes),
        "1.3.101.112" => KeyFacts { kind: KeyKind::Ed25519, bits: 256, ..KeyFacts::default() },
        "1.3.101.113" => KeyFacts { kind: KeyKind::Ed448, bits: 456, ..KeyFacts::default() },
        "1.2.840.10040.4.1" => read_dsa(info),
        _ => KeyFacts { bits: (bytes.len() as u32).saturating_mul(8), ..KeyFacts::default() },
    }
}

/// The name of a signature algorithm, and its hash.
pub(super) fn read_signature(algorithm: &AlgorithmIdentifier<'_>) -> (String, String) {
    let id = short_id(&algorithm.algorithm.to_id_string());
    if let Some((_, name, hash)) = SIGNATURES.iter().find(|(known, ..)| *known == id) {
        return ((*name).to_owned(), (*hash).to_owned());
    }
    if id != "1.2.840.113549.1.1.10" {
        return (id.clone(), id);
    }
    let hash = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(params)) => short_id(&params.hash_algorithm_oid().to_id_string()),
        // No parameters mean SHA-1 (RFC 4055 §3.1).
        _ => "1.3.14.3.2.26".to_owned(),
    };
    let name = HASHES.iter().find(|(known, _)| *known == hash).map(|(_, name)| (*name).to_owned());
    ("rsassaPss".to_owned(), name.unwrap_or(hash))
}

fn short_id(id: &str) -> String {
    id.chars().take(ID_CHARS_MAX).collect()
}

fn read_rsa(bytes: &[u8]) -> KeyFacts {
    let Ok((_, key)) = RSAPublicKey::from_der(bytes) else {
        return KeyFacts { kind: KeyKind::Rsa, ..KeyFacts::default() };
    };
    let exponent = key.exponent.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<u8>>();
    let exponent =
        (exponent.len() <= 8).then(|| exponent.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
    KeyFacts { kind: KeyKind::Rsa, bits: bits_of(key.modulus), exponent, ..KeyFacts::default() }
}

fn read_ec(info: &SubjectPublicKeyInfo<'_>, point: &[u8]) -> KeyFacts {
    let named =
        info.algorithm.parameters.as_ref().filter(|any| any.tag().0 == 6).and_then(|any| any.as_oid().ok());
    let id = named.map(|oid| short_id(&oid.to_id_string()));
    let known = CURVES.iter().find(|(known, ..)| id.as_deref() == Some(known));
    let coordinates = if point.first() == Some(&4) { 2 } else { 1 };
    let guessed = (point.len().saturating_sub(1) / coordinates) as u32 * 8;
    let (curve, bits) = known.map_or((id, guessed), |(_, name, bits)| (Some((*name).to_owned()), *bits));
    KeyFacts { kind: KeyKind::Ec, bits, curve: curve.or(Some("explicit".to_owned())), exponent: None }
}

fn read_dsa(info: &SubjectPublicKeyInfo<'_>) -> KeyFacts {
    // Dss-Parms ::= SEQUENCE { p INTEGER, … }: the first integer is the prime.
    let parameters = info.algorithm.parameters.as_ref().map(|any| any.data);
    let prime = parameters.and_then(|data| x509_parser::der_parser::der::parse_der_integer(data).ok());
    let bits = prime.and_then(|(_, prime)| prime.as_slice().ok().map(bits_of));
    KeyFacts { kind: KeyKind::Dsa, bits: bits.unwrap_or(0), ..KeyFacts::default() }
}
