//! Chains that lead to trust, and those that do not; missing issuers and revocation lists come from a server here.

use std::io::{Read, Write};
use std::sync::Arc;

use kluis_checks::facts::{ChainFacts, Revocation, Trust};
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CustomExtension, KeyIdMethod, RevocationReason,
    RevokedCertParams, SerialNumber,
};

use super::fake::serve;
use super::*;
use crate::trust::examine;

/// Serves one body by plain HTTP under every path.
fn web(body: Arc<std::sync::Mutex<Vec<u8>>>) -> SocketAddr {
    serve(move |stream, _| {
        let _ = stream.read(&mut [0; 4096]);
        let body = body.lock().unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    })
}

async fn judge(
    chain: &[CertificateDer<'static>],
    roots: &[CertificateDer<'static>],
) -> (ChainFacts, Vec<Gap>) {
    let chain: Vec<Vec<u8>> = chain.iter().map(|der| der.to_vec()).collect();
    let mut gaps = Vec::new();
    let gate = gate(|_| {});
    let facts = examine(&gate, (HOST, &chain), &Roots::new(roots), now(), &mut gaps).await;
    (facts, gaps)
}

fn intermediate(
    name: &str,
    by: &Issuer<'static, KeyPair>,
) -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let der = params.signed_by(&key, by).unwrap().der().clone();
    (der, Issuer::new(params, key))
}

fn sign(params: CertificateParams, by: &Issuer<'static, KeyPair>) -> CertificateDer<'static> {
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().clone()
}

/// Authority information access: where the issuer's certificate is (RFC 5280 §4.2.2.1).
fn issuer_at(url: &str) -> CustomExtension {
    let length = |count: usize| u8::try_from(count).unwrap();
    let place = [[0x06, 8, 0x2B, 6, 1, 5, 5, 7, 0x30, 2, 0x86, length(url.len())].as_slice(), url.as_bytes()]
        .concat();
    let description = [[0x30, length(place.len())].as_slice(), &place].concat();
    let all = [[0x30, length(description.len())].as_slice(), &description].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], all)
}

#[tokio::test]
async fn whole_chains_are_trusted_in_any_order() {
    let (root, by) = authority("root");
    let (middle, middle_by) = intermediate("middle", &by);
    let leaf = sign(leaf_of(HOST), &middle_by);
    let (stranger, _) = authority("stranger");
    for (chain, path) in [
        (vec![leaf.clone(), middle.clone()], vec![0, 1]),
        (vec![leaf.clone(), middle.clone(), root.clone()], vec![0, 1]),
        (vec![leaf.clone(), root.clone(), stranger, middle.clone()], vec![0, 3]),
    ] {
        let (facts, gaps) = judge(&chain, std::slice::from_ref(&root)).await;
        assert_eq!((facts.trust, facts.path, gaps), (Trust::Trusted, path, vec![]));
        assert_eq!(facts.matches_host, Some(true));
        assert_eq!(facts.sent.len(), chain.len());
    }
    let (facts, _) = judge(&[leaf, middle], &[]).await;
    assert!(
        matches!(&facts.trust, Trust::UnknownIssuer { issuer } if issuer.contains("root")),
        "{:?}",
        facts.trust
    );
    assert_eq!(facts.path, [0, 1]);
}

#[tokio::test]
async fn what_is_wrong_with_a_chain_is_named() {
    let (root, by) = authority("root");
    let trusted = std::slice::from_ref(&root);
    let key = KeyPair::generate().unwrap();
    let own = leaf_of(HOST).self_signed(&key).unwrap().der().clone();
    assert_eq!(judge(&[own], trusted).await.0.trust, Trust::SelfSigned);
    let mut ca = leaf_of(HOST);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = ca.self_signed(&key).unwrap().der().clone();
    assert_eq!(judge(&[own], trusted).await.0.trust, Trust::SelfSigned);
    assert!(matches!(judge(&[sign(ca, &by)], trusted).await.0.trust, Trust::Invalid { .. }));

    let mut old = leaf_of(HOST);
    old.not_after = (SystemTime::now() - Duration::from_secs(60)).into();
    assert_eq!(judge(&[sign(old, &by)], trusted).await.0.trust, Trust::Expired);
    let mut young = leaf_of(HOST);
    young.not_before = (SystemTime::now() + Duration::from_secs(600)).into();
    assert_eq!(judge(&[sign(young, &by)], trusted).await.0.trust, Trust::Expired);

    let other = judge(&[sign(leaf_of("else.example"), &by)], trusted).await.0;
    assert_eq!((other.trust, other.matches_host), (Trust::Trusted, Some(false)));

    // Another root of the same name did not sign it.
    let (_, impostor) = authority("root");
    assert_ne!(judge(&[sign(leaf_of(HOST), &impostor)], trusted).await.0.trust, Trust::Trusted);
    let mut bent = sign(leaf_of(HOST), &by).to_vec();
    *bent.last_mut().unwrap() ^= 1;
    assert_ne!(judge(&[bent.into()], trusted).await.0.trust, Trust::Trusted);
    let garbage = judge(&[vec![0x30, 3, 1, 2, 3].into()], trusted).await.0;
    assert!(matches!(garbage.trust, Trust::Invalid { .. }));
    assert_eq!(garbage.matches_host, None);
    assert_eq!(judge(&[], trusted).await.0, ChainFacts::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_issuer_is_fetched_and_named() {
    let (root, by) = authority("root");
    let (middle, middle_by) = intermediate("middle", &by);
    let body = Arc::new(std::sync::Mutex::new(middle.to_vec()));
    let address = web(Arc::clone(&body));
    let mut params = leaf_of(HOST);
    params.custom_extensions.push(issuer_at(&format!("http://{address}/ca.cer")));
    let leaf = sign(params, &middle_by);
    let (facts, gaps) = judge(std::slice::from_ref(&leaf), std::slice::from_ref(&root)).await;
    assert!(
        matches!(&facts.trust, Trust::Incomplete { missing } if missing.contains("middle")),
        "{:?}",
        facts.trust
    );
    assert_eq!((facts.path, gaps), (vec![0], vec![]));
    // What is fetched must be the issuer, and must lead somewhere.
    for wrong in [b"<html>not here</html>".to_vec(), root.to_vec(), vec![0; 70_000], leaf.to_vec()] {
        *body.lock().unwrap() = wrong;
        let (facts, _) = judge(std::slice::from_ref(&leaf), std::slice::from_ref(&root)).await;
        assert!(matches!(facts.trust, Trust::UnknownIssuer { .. }), "{:?}", facts.trust);
    }
    *body.lock().unwrap() = middle.to_vec();
    let (facts, _) = judge(std::slice::from_ref(&leaf), &[]).await;
    assert!(matches!(facts.trust, Trust::UnknownIssuer { .. }), "{:?}", facts.trust);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_lists_count_only_when_they_are_signed_and_current() {
    let (root, by) = authority("root");
    let (_, stranger) = authority("root");
    let body = Arc::new(std::sync::Mutex::new(Vec::new()));
    let address = web(Arc::clone(&body));
    let mut params = leaf_of(HOST);
    params.serial_number = Some(SerialNumber::from(vec![0x00, 0xC3, 5, 7]));
    params.crl_distribution_points =
        vec![CrlDistributionPoint { uris: vec![format!("http://{address}/list.crl")] }];
    let leaf = sign(params, &by);
    let list = |serial: u8, next_update: i64, by: &Issuer<'static, KeyPair>| {
        let moment = |days: i64| {
            (SystemTime::now() + Duration::from_secs(86_400 * 400)
                - Duration::from_secs(u64::try_from((400 - days) * 86_400).unwrap()))
            .into()
        };
        CertificateRevocationListParams {
            this_update: moment(-3),
            next_update: moment(next_update),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(vec![0x00, 0xC3, 5, serial]),
                revocation_time: moment(-2),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(by)
        .unwrap()
        .der()
        .to_vec()
    };
    let state = async |bytes: Vec<u8>| {
        *body.lock().unwrap() = bytes;
        let (facts, gaps) = judge(std::slice::from_ref(&leaf), std::slice::from_ref(&root)).await;
        assert_eq!(facts.trust, Trust::Trusted);
        (facts.revocation, gaps.len())
    };
    assert_eq!(state(list(8, 5, &by)).await, (Revocation::Good, 0));
    let (Revocation::Revoked { at }, 0) = state(list(7, 5, &by)).await else { panic!("revoked") };
    assert!((now().0 - at.0 - 2 * 86_400_000).abs() < 60_000, "{at:?}");
    assert_eq!(state(list(7, 5, &stranger)).await, (Revocation::Unknown, 1), "signed by another");
    assert_eq!(state(list(7, -1, &by)).await, (Revocation::Unknown, 1), "out of date");
    assert_eq!(state(b"nonsense".to_vec()).await, (Revocation::Unknown, 1));
    assert_eq!(state(Vec::new()).await, (Revocation::Unknown, 1));
}
