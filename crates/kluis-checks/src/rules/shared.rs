//! What the rules about TLS, certificates and the DNS share: walking the endpoints, and the frames of their fixes.

use kluis_model::TimeMs;

use crate::facts::{CertFacts, Endpoint, Evidence, TlsFacts, Trust};
use crate::finding::{Notes, Platform, Protection, Severity, Snippet, Words};

/// Encryption.
pub(crate) const E: &[Protection] = &[Protection::Encryption];
/// Integrity.
pub(crate) const D: &[Protection] = &[Protection::Integrity];
/// Authentication.
pub(crate) const A: &[Protection] = &[Protection::Authentication];
/// Encryption and integrity.
pub(crate) const ED: &[Protection] = &[Protection::Encryption, Protection::Integrity];
/// Encryption and authentication.
pub(crate) const EA: &[Protection] = &[Protection::Encryption, Protection::Authentication];
/// Integrity and authentication.
pub(crate) const DA: &[Protection] = &[Protection::Integrity, Protection::Authentication];
/// All three.
pub(crate) const EDA: &[Protection] = &Protection::ALL;
/// None: for what is good to know only.
pub(crate) const NONE: &[Protection] = &[];

/// Good suites of TLS 1.2 for nginx, in a good order (NCSC-NL TLS 2025-05 appendix B).
pub(crate) const NGINX_CIPHERS: &str = "ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
     ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
     ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;";
/// The same for Apache.
pub(crate) const APACHE_CIPHERS: &str = "SSLCipherSuite ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
     ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
     ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
/// Caddy has no bad suites; only its good ones can be chosen.
pub(crate) const CADDY_CIPHERS: Snippet = say(
    "Haal de regel `ciphers` uit het `tls`-blok weg; Caddy kiest dan zelf alleen goede versleuteling.",
    "Remove the `ciphers` line from the `tls` block; Caddy then chooses good ciphers by itself.",
);
/// Caddy has no bad versions in the releases of today.
pub(crate) const CADDY_UPDATE: Snippet = say(
    "Werk Caddy bij naar de nieuwste versie; die kent deze fout niet.",
    "Update Caddy to the newest version; it does not have this fault.",
);
/// What a library must be updated for.
pub(crate) const UPDATE_OPENSSL: Snippet = say(
    "Werk het systeem bij (OpenSSL 3 of nieuwer) en herstart daarna de webserver.",
    "Update the system (OpenSSL 3 or newer), then restart the web server.",
);
/// Caddy takes care of certificates by itself.
pub(crate) const CADDY_CERTIFICATE: Snippet = say(
    "Haal een eigen `tls`-regel met bestanden weg; Caddy regelt en vernieuwt het certificaat dan zelf.",
    "Remove a `tls` line with files of your own; Caddy then gets and renews the certificate by itself.",
);

/// A fix in words.
pub(crate) const fn say(nl: &'static str, en: &'static str) -> Snippet {
    Snippet::Say(Words::new(nl, en))
}

/// Fixes for who has a server of their own, and for everybody else what to ask the host.
pub(crate) const fn fixes(
    nginx: Snippet,
    apache: Snippet,
    caddy: Snippet,
    ask: Words,
) -> [(Platform, Snippet); 7] {
    [
        (Platform::Nginx, nginx),
        (Platform::Apache, apache),
        (Platform::Caddy, caddy),
        (Platform::Woocommerce, Snippet::Say(ask)),
        (Platform::Magento, Snippet::Say(ask)),
        (Platform::Prestashop, Snippet::Say(ask)),
        (Platform::Hosted, Snippet::Say(ask)),
    ]
}

/// The same fix on every server of one's own, such as a record in the DNS, and what to ask the host.
pub(crate) const fn fixes_alike(own: Snippet, ask: Words) -> [(Platform, Snippet); 7] {
    fixes(own, own, own, ask)
}

/// Where an endpoint is: `winkel.example:443 (192.0.2.10)`.
pub(crate) fn place(endpoint: &Endpoint) -> String {
    let address = endpoint.address.to_string();
    if endpoint.host.is_empty() || endpoint.host == address {
        return format!("{address}:{}", endpoint.port);
    }
    format!("{}:{} ({address})", endpoint.host, endpoint.port)
}

/// Notes for every endpoint what `look` sees in its TLS, at the rule's severity.
pub(crate) fn each(evidence: &Evidence, notes: &mut Notes, look: impl Fn(&TlsFacts) -> Option<String>) {
    for endpoint in &evidence.endpoints {
        if let Some(seen) = look(&endpoint.tls) {
            notes.seen(place(endpoint), seen);
        }
    }
}

/// Notes for every endpoint what `look` sees in its TLS, at the severity that it says.
pub(crate) fn each_as(
    evidence: &Evidence,
    notes: &mut Notes,
    look: impl Fn(&TlsFacts) -> Option<(Severity, String)>,
) {
    for endpoint in &evidence.endpoints {
        if let Some((severity, seen)) = look(&endpoint.tls) {
            notes.seen_as(severity, place(endpoint), seen);
        }
    }
}

/// Notes for every endpoint with a readable leaf certificate what `look` sees in it, at the severity that it says.
pub(crate) fn each_leaf(
    evidence: &Evidence,
    notes: &mut Notes,
    look: impl Fn(&CertFacts) -> Option<(Severity, String)>,
) {
    each_as(evidence, notes, |tls| tls.chain.leaf().filter(|leaf| leaf.is_readable).and_then(&look));
}

/// Notes what `look` sees in every readable certificate sent, except roots; it is told whether it is the leaf.
pub(crate) fn each_cert(
    evidence: &Evidence,
    notes: &mut Notes,
    look: impl Fn(&CertFacts, Place) -> Option<(Severity, String)>,
) {
    for endpoint in &evidence.endpoints {
        for (index, cert) in endpoint.tls.chain.sent.iter().enumerate() {
            let position = if index == 0 { Place::Leaf } else { Place::Intermediate };
            if !cert.is_readable || (position == Place::Intermediate && cert.is_self_issued) {
                continue;
            }
            if let Some((severity, seen)) = look(cert, position) {
                notes.seen_as(severity, place(endpoint), format!("{}: {seen}", cert.subject));
            }
        }
    }
}

/// Where in the chain a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The server's own.
    Leaf,
    /// Of an authority, but no root.
    Intermediate,
}

/// Whether the rules for public authorities hold for this chain.
pub(crate) fn is_public(evidence: &Evidence, tls: &TlsFacts) -> bool {
    !evidence.target.has_own_roots && matches!(tls.chain.trust, Trust::Trusted | Trust::Incomplete { .. })
}

/// A day as `2026-11-24` (UTC).
pub(crate) fn date(at: TimeMs) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// Whole days between two moments, rounded down; negative when `to` is before `from`.
pub(crate) fn days(from: TimeMs, to: TimeMs) -> i64 {
    to.0.saturating_sub(from.0).div_euclid(86_400_000)
}
