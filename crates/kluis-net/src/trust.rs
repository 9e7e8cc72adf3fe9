//! Whether a chain leads to a root that browsers trust: with what the server sends, and with what it forgot to send.

use std::time::Duration;

use kluis_checks::cert;
use kluis_checks::facts::{CertFacts, ChainFacts, Gap, Revocation, Trust};
use kluis_model::TimeMs;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use url::Url;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage,
    RevocationCheckDepth, RevocationOptionsBuilder,
};

use crate::connect::Gate;
use crate::http::fetch_small;

/// Certificates of a chain that are looked at.
pub(crate) const CERTIFICATES_MAX: usize = 12;
/// Certificates that are fetched to complete a chain.
const FETCHES_MAX: usize = 3;
/// Bytes of a fetched certificate.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// Revocation lists that are tried.
const LISTS_MAX: usize = 2;
/// Bytes of a revocation list.
const LIST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The roots that end a path: those of Mozilla, and the ones of `--ca`.
#[derive(Debug, Clone)]
pub(crate) struct Roots(Vec<TrustAnchor<'static>>);

impl Roots {
    /// The public roots and `extra` ones; an extra one that cannot be read is left out.
    pub(crate) fn new(extra: &[CertificateDer<'static>]) -> Self {
        let own =
            extra.iter().filter_map(|der| webpki::anchor_from_trusted_cert(der).ok().map(|a| a.to_owned()));
        Self(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().chain(own).collect())
    }
}

/// Describes a chain as it was sent, leaf first: certificates, path, trust, revocation.
///
/// Fetches at most [`FETCHES_MAX`] certificates that the server forgot, and the leaf's revocation list.
pub(crate) async fn examine(
    gate: &Gate,
    (host, chain): (&str, &[Vec<u8>]),
    roots: &Roots,
    now: TimeMs,
    gaps: &mut Vec<Gap>,
) -> ChainFacts {
    let chain: Vec<CertificateDer<'_>> =
        chain.iter().take(CERTIFICATES_MAX).map(|der| CertificateDer::from(der.as_slice())).collect();
    let sent: Vec<CertFacts> = chain.iter().map(|der| cert::read(der)).collect();
    let (Some(leaf), Some(leaf_der)) = (sent.first(), chain.first()) else {
        return ChainFacts::default();
    };
    let builder = Builder { leaf: leaf_der, roots, time: unix(now) };
    let mut facts = ChainFacts {
        matches_host: leaf.is_readable.then(|| cert::covers(leaf_der, host)),
        trust: Trust::Trusted,
        ..ChainFacts::default()
    };
    let mut known: Vec<CertificateDer<'_>> = chain[1..].to_vec();
    let built = match builder.path(&known, None) {
        Err(Error::UnknownIssuer) if !leaf.is_self_issued => {
            complete(gate, &builder, &sent, &mut known, gaps).await
        }
        other => other.map(|path| (path, None)),
    };
    match built {
        Ok((path, missing)) => {
            facts.path = indexes(&chain, &path);
            if let Some(missing) = missing {
                facts.trust = Trust::Incomplete { missing };
            }
            facts.revocation = revocation(gate, &builder, leaf, &known, gaps).await;
        }
        Err(error) => {
            facts.path = walk(&sent);
            facts.trust = distrust(&error, &sent, &facts.path);
        }
    }
    facts.sent = sent;
    facts
}

/// Builds paths from one leaf at one moment.
struct Builder<'a> {
    leaf: &'a CertificateDer<'a>,
    roots: &'a Roots,
    time: UnixTime,
}

impl Builder<'_> {
    /// The certificates between the leaf and a root. With a list, the leaf must be on it as not revoked.
    fn path(
        &self,
        known: &[CertificateDer<'_>],
        list: Option<&CertRevocationList<'_>>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let leaf = EndEntityCert::try_from(self.leaf)?;
        let lists: Vec<&CertRevocationList<'_>> = list.into_iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let path = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.roots.0,
            known,
            self.time,
            KeyUsage::server_auth(),
            revocation,
            None,
        )?;
        Ok(path.intermediate_certificates().map(|cert| cert.der().to_vec()).collect())
    }
}

type Built = (Vec<Vec<u8>>, Option<String>);

/// Fetches the issuers that were not sent until there is a path; they are added to `known`.
async fn complete(
    gate: &Gate,
    builder: &Builder<'_>,
    sent: &[CertFacts],
    known: &mut Vec<CertificateDer<'_>>,
    gaps: &mut Vec<Gap>,
) -> Result<Built, Error> {
    let mut last = walk(sent).last().and_then(|index| sent.get(*index as usize)).cloned().unwrap_or_default();
    let mut missing = None;
    for _ in 0..FETCHES_MAX {
        if last.is_self_issued {
            break;
        }
        let Some(der) = fetch_issuer(gate, &last, gaps).await else {
            break;
        };
        let facts = cert::read(&der);
        if !facts.is_readable || facts.subject != last.issuer {
            break;
        }
        missing.get_or_insert_with(|| facts.subject.clone());
        known.push(CertificateDer::from(der));
        match builder.path(known, None) {
            Err(Error::UnknownIssuer) => last = facts,
            other => return other.map(|path| (path, missing)),
        }
    }
    Err(Error::UnknownIssuer)
}

async fn fetch_issuer(gate: &Gate, subject: &CertFacts, gaps: &mut Vec<Gap>) -> Option<Vec<u8>> {
    let url = Url::parse(subject.issuer_urls.first()?).ok()?;
    match fetch_small(gate, &url, CERTIFICATE_BYTES_MAX).await {
        Ok(der) => Some(der),
        Err(error) => {
            gaps.push(Gap::new(
                "chain.issuer",
                format!("the issuer's certificate could not be fetched: {error}"),
            ));
            None
        }
    }
}

/// Looks the leaf up in its revocation list, whose signature is checked with the path.
async fn revocation(
    gate: &Gate,
    builder: &Builder<'_>,
    leaf: &CertFacts,
    known: &[CertificateDer<'_>],
    gaps: &mut Vec<Gap>,
) -> Revocation {
    if leaf.is_short_lived {
        return Revocation::Unknown;
    }
    let mut why = None;
    for url in leaf.crl_urls.iter().filter_map(|url| Url::parse(url).ok()).take(LISTS_MAX) {
        let bytes = match fetch_small(gate, &url, LIST_BYTES_MAX).await {
            Ok(bytes) => bytes,
            Err(error) => {
                why = Some(format!("the revocation list could not be fetched: {error}"));
                continue;
            }
        };
        match look_up(builder, leaf, known, &bytes) {
            Ok(found) => return found,
            Err(error) => why = Some(format!("the revocation list cannot be used: {error}")),
        }
    }
    gaps.extend(why.map(|why| Gap::new("revocation", &why)));
    Revocation::Unknown
}

fn look_up(
    builder: &Builder<'_>,
    leaf: &CertFacts,
    known: &[CertificateDer<'_>],
    bytes: &[u8],
) -> Result<Revocation, Error> {
    let list = CertRevocationList::Borrowed(BorrowedCertRevocationList::from_der(bytes)?);
    match builder.path(known, Some(&list)) {
        Ok(_) => Ok(Revocation::Good),
        Err(Error::CertRevoked) => {
            let serial = hex::decode(&leaf.serial).unwrap_or_default();
            let entry = list.find_serial(&serial)?;
            let at = entry.map_or(0, |entry| entry.revocation_date.as_secs().saturating_mul(1000));
            Ok(Revocation::Revoked { at: TimeMs(i64::try_from(at).unwrap_or(i64::MAX)) })
        }
        Err(error) => Err(error),
    }
}

/// What a failed path means in words that the rules know.
fn distrust(error: &Error, sent: &[CertFacts], walked: &[u32]) -> Trust {
    let leaf = sent.first().cloned().unwrap_or_default();
    match error {
        _ if !leaf.is_readable => Trust::Invalid { why: "the certificate cannot be read".to_owned() },
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => Trust::Expired,
        Error::UnknownIssuer | Error::CaUsedAsEndEntity if leaf.is_self_issued => Trust::SelfSigned,
        Error::UnknownIssuer => {
            let last = walked.last().and_then(|index| sent.get(*index as usize));
            Trust::UnknownIssuer { issuer: last.map(|last| last.issuer.clone()).unwrap_or_default() }
        }
        other => Trust::Invalid { why: other.to_string() },
    }
}

/// Follows issuer names through what was sent, leaf first, without checking anything; at most each certificate once.
fn walk(sent: &[CertFacts]) -> Vec<u32> {
    let mut path = vec![0_u32];
    let mut current = sent.first();
    while let Some(here) = current.filter(|here| !here.is_self_issued) {
        let next = sent.iter().enumerate().skip(1).find(|(index, candidate)| {
            let is_new = !path.iter().any(|seen| *seen as usize == *index);
            let keys_fit = here.aki.is_none() || candidate.ski.is_none() || here.aki == candidate.ski;
            is_new && candidate.is_readable && candidate.subject == here.issuer && keys_fit
        });
        // At most CERTIFICATES_MAX, so the number fits.
        path.extend(next.and_then(|(index, _)| u32::try_from(index).ok()));
        current = next.map(|(_, candidate)| candidate);
    }
    path
}

/// Where the certificates of a path stand in what was sent; fetched ones stand nowhere.
fn indexes(chain: &[CertificateDer<'_>], path: &[Vec<u8>]) -> Vec<u32> {
    let between = path.iter().filter_map(|der| chain.iter().position(|sent| sent.as_ref() == der.as_slice()));
    std::iter::once(0).chain(between.filter_map(|index| u32::try_from(index).ok())).collect()
}

fn unix(now: TimeMs) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(now.0).unwrap_or(0)))
}
