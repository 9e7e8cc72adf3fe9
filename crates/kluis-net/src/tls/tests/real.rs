//! Real servers: nginx, OpenSSL and GnuTLS in good and bad shape.

use kluis_checks::facts::{
    Answer, Bug, ClientCertificate, EarlyData, Gap, OcspStaple, Protocol, Reach, TlsFacts, Trust,
};
use kluis_checks::tls::suites::Suite;

use super::*;

/// What Mozilla calls intermediate, without DHE.
const MODERN: &str = "ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers off;\n\
     ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305;\n\
     ssl_session_timeout 1d; ssl_session_cache shared:SSL:1m;";

#[tokio::test]
async fn a_modern_nginx_is_described_completely_with_few_connections() {
    let server = Server::nginx(MODERN, "");
    let gate = gate(|_| {});
    let (facts, gaps) = probe(&gate, HOST, server.address(), Depth::Full, &Pki::get().roots(), now()).await;
    assert_eq!(gaps, Vec::<Gap>::new());
    assert_eq!(facts.reach, Reach::Tls);
    let accepted: Vec<Protocol> = Protocol::ALL.into_iter().filter(|p| facts.accepts(*p)).collect();
    assert_eq!(accepted, [Protocol::Tls12, Protocol::Tls13]);
    assert_eq!(facts.protocols.len(), 6);
    let ids: Vec<u32> = facts.suites.iter().map(|suite| suite.id).collect();
    assert_eq!(ids, [0xC02F, 0xC030, 0xCCA8, 0x1301, 0x1302, 0x1303]);
    assert_eq!(facts.order[&Protocol::Tls12].is_by_server, Some(false));
    assert_eq!(facts.dh, []);
    assert_eq!(facts.groups_tls12, [23, 24, 25, 29, 30]);
    assert!(facts.groups_tls13.starts_with(&[23, 24, 25, 29, 30]), "{:?}", facts.groups_tls13);
    assert_eq!(facts.group_preferred, Some(29));
    assert_eq!(facts.kex_signature.md5, Answer::Refused);
    assert_eq!(facts.extended_master_secret, Some(true));
    assert_eq!(facts.secure_renegotiation, Some(true));
    assert_eq!(facts.client_renegotiations, Some(0));
    assert_eq!(facts.compression, Some(false));
    assert_eq!((facts.fallback_scsv, facts.tls13_intolerant), (None, Some(false)));
    assert_eq!(facts.early_data, EarlyData::Refused);
    assert_eq!(facts.resumption.works, Some(true));
    assert_eq!(facts.resumption.ticket_lifetime_s, Some(86_400));
    assert!(facts.bugs.is_empty());
    assert_eq!(facts.client_certificate, ClientCertificate::None);
    assert_eq!(facts.alpn, ["h2", "http/1.1"]);
    assert_eq!(facts.chain.trust, Trust::Trusted);
    assert_eq!((facts.chain.matches_host, facts.chain.path.clone()), (Some(true), vec![0]));
    assert_eq!(facts.chain.ocsp_staple, OcspStaple::Absent);
    assert_eq!(facts.other_without_sni, None);
    assert!(facts.connections <= 45, "{} connections", facts.connections);
    assert_eq!(facts.connections, gate.connections());
}

#[tokio::test]
async fn in_short_only_versions_and_certificate_are_looked_at() {
    let server = Server::nginx(MODERN, "");
    let gate = gate(|_| {});
    let (facts, gaps) = probe(&gate, HOST, server.address(), Depth::Short, &Pki::get().roots(), now()).await;
    assert_eq!(gaps, []);
    assert!(facts.connections <= 8, "{} connections", facts.connections);
    assert!(
        facts.accepts(Protocol::Tls12) && facts.accepts(Protocol::Tls13) && !facts.accepts(Protocol::Tls10)
    );
    assert_eq!(facts.chain.trust, Trust::Trusted);
    assert!(facts.client_renegotiations.is_none() && facts.order.is_empty());
}

#[tokio::test]
async fn when_connections_run_out_lists_are_cut_and_gaps_say_so() {
    let server = Server::openssl(&["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    for connections_max in [1, 5, 12, 25, 45] {
        let gate = gate(|options| options.connections_max = connections_max);
        let (facts, gaps) =
            probe(&gate, HOST, server.address(), Depth::Full, &Pki::get().roots(), now()).await;
        assert!(facts.connections <= connections_max);
        assert!(!gaps.is_empty());
        assert_eq!(facts.reach, Reach::Tls);
        let known = facts.protocols.values().filter(|answer| **answer != Answer::Unknown).count();
        assert!(known == 6 || connections_max < 12, "{connections_max}: {:?}", facts.protocols);
        // What was not asked is unknown, never refused.
        assert!(facts.protocols.get(&Protocol::Tls10) != Some(&Answer::Refused));
        if connections_max == 45 {
            assert!(has(&facts, Protocol::Tls12, Suite::is_null), "{:?}", facts.suites);
            assert!(has(&facts, Protocol::Tls12, Suite::is_anon));
        }
    }
}

#[tokio::test]
async fn everything_that_openssl_can_do_wrong_is_seen() {
    let all = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
    let server = Server::openssl(&["-cipher", all, "-serverpref", "-groups", "X25519:P-256:P-224"]);
    let (facts, gaps) = look(server.address()).await;
    assert_eq!(gaps, []);
    for protocol in [Protocol::Tls10, Protocol::Tls11, Protocol::Tls12] {
        assert!(facts.accepts(protocol), "{protocol}");
        assert!(has(&facts, protocol, Suite::is_null) && has(&facts, protocol, Suite::is_anon), "{protocol}");
        assert!(has(&facts, protocol, Suite::uses_rsa_transport) && has(&facts, protocol, Suite::is_cbc));
        assert_eq!(facts.order[&protocol].is_by_server, Some(true));
    }
    assert!(!facts.accepts(Protocol::Ssl3) && !facts.accepts(Protocol::Ssl2));
    assert!(has(&facts, Protocol::Tls12, Suite::is_ccm8) && has(&facts, Protocol::Tls12, Suite::uses_dhe));
    assert!(!has(&facts, Protocol::Tls12, |suite| suite.is_export));
    assert!(facts.suites.iter().filter(|suite| suite.protocol == Protocol::Tls12).count() > 60);
    assert_eq!(facts.kex_signature.sha1, Answer::Accepted);
    assert_eq!(facts.kex_signature.sha224, Answer::Accepted);
    assert_eq!(facts.kex_signature.md5, Answer::Refused);
    assert_eq!(facts.fallback_scsv, Some(true));
    assert_eq!(facts.client_renegotiations, Some(0));
    assert!(!facts.dh.is_empty() && facts.dh.iter().any(|dh| !dh.offered_ffdhe));
    assert_eq!(facts.groups_tls12, [21, 23, 29]);
}

#[tokio::test]
async fn a_server_that_prefers_the_worse_is_seen() {
    let server =
        Server::openssl(&["-tls1_2", "-serverpref", "-cipher", "AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384"]);
    let (facts, _) = look(server.address()).await;
    let order = &facts.order[&Protocol::Tls12];
    assert_eq!(order.is_by_server, Some(true));
    assert_eq!(order.preferred, [0x002F, 0xC030]);
    let server = Server::openssl(&["-tls1_2", "-cipher", "AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384"]);
    let (facts, _) = look(server.address()).await;
    assert_eq!(facts.order[&Protocol::Tls12].is_by_server, Some(false));
    assert!(facts.order[&Protocol::Tls12].preferred.is_empty());
}

#[tokio::test]
async fn a_server_of_2014_has_no_bugs_when_it_was_patched() {
    let server = Server::openssl(&["-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0", "-no_ticket"]);
    let (facts, gaps) = look(server.address()).await;
    assert_eq!(gaps, []);
    assert_eq!(facts.bugs, [(Bug::Heartbleed, false), (Bug::Ccs, false), (Bug::Robot, false)].into());
    assert_eq!(facts.tls13_intolerant, Some(false));
    assert_eq!(facts.fallback_scsv, None);
    let server = Server::openssl(&["-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0"]);
    let (facts, _) = look(server.address()).await;
    assert_eq!(facts.bugs.get(&Bug::Ticketbleed), Some(&false));
}

#[tokio::test]
async fn early_data_is_seen() {
    let early = |lines: &str| Server::nginx(&format!("{MODERN} ssl_early_data on; {lines}"), "");
    assert_eq!(look(early("").address()).await.0.early_data, EarlyData::Accepted);
    let too_early = early("if ($ssl_early_data) { return 425; }");
    assert_eq!(look(too_early.address()).await.0.early_data, EarlyData::TooEarly);
    let only13 = Server::openssl(&["-tls1_3"]);
    let (facts, gaps) = look(only13.address()).await;
    assert_eq!(gaps, []);
    assert_eq!((facts.early_data, facts.resumption.works), (EarlyData::Refused, Some(true)));
    assert_eq!(facts.client_renegotiations, None);
    assert!(!facts.accepts(Protocol::Tls12) && facts.accepts(Protocol::Tls13));
    assert_eq!(facts.chain.trust, Trust::Trusted);
}

#[tokio::test]
async fn client_certificates_are_asked_for_or_needed() {
    let state = async |args: &[&str]| look(Server::openssl(args).address()).await.0.client_certificate;
    assert_eq!(state(&["-verify", "1"]).await, ClientCertificate::Requested);
    assert_eq!(state(&["-Verify", "1"]).await, ClientCertificate::Required);
    assert_eq!(state(&["-Verify", "1", "-tls1_2"]).await, ClientCertificate::Required);
    assert_eq!(state(&["-verify", "1", "-tls1_2"]).await, ClientCertificate::Requested);
    assert_eq!(state(&["-tls1_2"]).await, ClientCertificate::None);
}

#[tokio::test]
async fn another_certificate_without_the_name_is_seen() {
    let other = "server { listen 127.0.0.1:{port} ssl http2 default_server; server_name other.example;\n\
                 ssl_certificate {pki}/other.pem; ssl_certificate_key {pki}/other.key; }";
    for protocols in ["TLSv1.2 TLSv1.3", "TLSv1.3"] {
        let server = Server::nginx(
            &format!("ssl_protocols {protocols};"),
            &format!("ssl_protocols {protocols}; {other}"),
        );
        let (facts, _) = look(server.address()).await;
        let (_, names) = facts.other_without_sni.clone().unwrap();
        assert_eq!(names, ["other.example"]);
        assert_eq!(facts.chain.leaf().unwrap().names, [HOST]);
        assert_eq!(facts.alpn, ["h2", "http/1.1"]);
    }
}

#[tokio::test]
async fn gnutls_shows_its_two_diffie_hellman_groups() {
    let folder = tempfile::tempdir().unwrap();
    let params = folder.path().join("dh.pem").to_str().unwrap().to_owned();
    run("openssl", &["dhparam", "-out", &params, "512"]);
    let server = Server::gnutls(
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA:+RSA:%NO_SESSION_HASH",
        &["--dhparams", &params],
    );
    let (facts, gaps) = look(server.address()).await;
    // A browser cannot talk to it at all: no suite in common.
    assert_eq!(gaps.iter().map(|gap| gap.what.as_str()).collect::<Vec<_>>(), ["handshake"]);
    assert!(facts.dh.iter().any(|dh| dh.offered_ffdhe && dh.bits >= 2048), "{:?}", facts.dh);
    assert!(facts.dh.iter().any(|dh| !dh.offered_ffdhe && dh.bits == 512), "{:?}", facts.dh);
    assert_eq!(facts.extended_master_secret, Some(false));
    assert!(facts.groups_tls12.is_empty());
}

#[tokio::test]
async fn gnutls_without_safe_renegotiation_is_seen() {
    let server = Server::gnutls(
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:%DISABLE_SAFE_RENEGOTIATION",
        &[],
    );
    let (facts, gaps) = look(server.address()).await;
    assert_eq!(facts.secure_renegotiation, Some(false), "{gaps:?}");
    assert_eq!(facts.bugs.get(&Bug::Heartbleed), Some(&false));
    let good = Server::gnutls("NORMAL", &[]);
    let (facts, _) = look(good.address()).await;
    assert_eq!(facts.secure_renegotiation, Some(true));
    assert!(facts.accepts(Protocol::Tls13));
    let known: &TlsFacts = &facts;
    assert!(has(known, Protocol::Tls13, Suite::is_aead));
}

#[tokio::test]
async fn renegotiations_that_a_client_starts_are_counted() {
    // With -www it sleeps a second before each.
    let server = Server::start(
        "openssl",
        &[
            "s_server",
            "-accept",
            "127.0.0.1:{port}",
            "-cert",
            "{pki}/cert.pem",
            "-key",
            "{pki}/key.pem",
            "-client_renegotiation",
        ],
        &[],
    );
    let (facts, gaps) = look(server.address()).await;
    assert_eq!(facts.client_renegotiations, Some(11), "{gaps:?}");
}
