//! Nobody can use an audit to look into a private network: every address is checked when it is connected to.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, RecordType};
use kluis_checks::Evidence;
use kluis_checks::facts::HttpState;
use url::Url;

use crate::collect::audit_with;
use crate::connect::{ConnectError, Gate};
use crate::http::{HttpError, fetch_small};
use crate::testing::dns::{NameServer, Said, answer};
use crate::testing::{HOST, LOCAL, Reply, Server, options};
use crate::{AuditError, AuditOptions, NetworkPolicy, is_public};

/// In these tests 127.0.0.1 is the public network, and 127.0.0.2 is as private as it always was.
fn is_public_or_local(ip: IpAddr) -> bool {
    ip == LOCAL || is_public(ip)
}

async fn run(options: &AuditOptions) -> Result<Evidence, AuditError> {
    audit_with(HOST, options, &|_| {}, is_public_or_local).await
}

fn public_only(mut options: AuditOptions) -> AuditOptions {
    options.network = NetworkPolicy::PublicOnly;
    options
}

#[tokio::test]
async fn private_targets_are_refused_in_every_spelling() {
    let options = public_only(AuditOptions::default());
    for host in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "[::1]",
        "::",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "fd00::1",
        "fe80::1",
    ] {
        let error = crate::audit(host, &options, &|_| {}).await.unwrap_err();
        assert!(matches!(error, AuditError::NotAllowed { .. }), "{host} {error:?}");
    }
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"] {
        let error = crate::audit(host, &options, &|_| {}).await.unwrap_err();
        assert!(matches!(error, AuditError::BadName { .. }), "{host} {error:?}");
    }
    // Also when the name is given an address, or has it from the DNS.
    let error =
        crate::audit(HOST, &public_only(crate::testing::options(None, None)), &|_| {}).await.unwrap_err();
    assert_eq!(error, AuditError::NotAllowed { host: HOST.to_owned(), address: LOCAL });
    let names = NameServer::start(|question, _| {
        let is_a = question.queries[0].query_type == RecordType::A;
        let records = if is_a { vec![("shop.example.", RData::A(A::new(10, 0, 0, 7)))] } else { Vec::new() };
        Said::Message(Box::new(answer(question, records)))
    })
    .await;
    let options = public_only(AuditOptions { dns: Some(names.at), ..AuditOptions::default() });
    let error = crate::audit(HOST, &options, &|_| {}).await.unwrap_err();
    assert_eq!(error, AuditError::NotAllowed { host: HOST.to_owned(), address: [10, 0, 0, 7].into() });
}

#[tokio::test]
async fn redirects_into_private_networks_are_not_followed() {
    let hidden = Server::start([127, 0, 0, 2].into(), None, |_| Reply::html("secret")).await;
    let port = hidden.at.port();
    for (target, why) in [
        (format!("http://127.0.0.2:{port}/"), "not allowed"),
        (format!("http://[::ffff:127.0.0.2]:{port}/"), "not allowed"),
        (format!("http://hidden.example:{port}/"), "not allowed"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "not allowed"),
        ("http://[::ffff:10.0.0.1]/".to_owned(), "not allowed"),
        ("https://[::1]/".to_owned(), "not allowed"),
        ("http://10.0.0.1:80/".to_owned(), "not allowed"),
        // A port that nobody asked for, on the public network.
        ("http://127.0.0.1:1/".to_owned(), "not allowed"),
        ("file:///etc/passwd".to_owned(), ""),
    ] {
        let to = target.clone();
        let server = Server::plain(move |_| Reply::to(&to)).await;
        let mut options = public_only(options(None, Some(&server)));
        options.resolve.push(("hidden.example".to_owned(), [127, 0, 0, 2].into()));
        // The port of the hidden server counts as asked for: only its address stands in the way.
        options.https_port = port;
        let evidence = run(&options).await.unwrap();
        let way = &evidence.web.redirects[0];
        assert_eq!((way.state, way.hops.len()), (HttpState::Open, 1), "{target}");
        let gaps = format!("{:?}", evidence.gaps);
        assert!(gaps.contains(why), "{target} {gaps}");
    }
    assert_eq!(hidden.connections(), 0);
}

#[tokio::test]
async fn what_a_certificate_names_is_fetched_from_the_public_network_only() {
    let hidden = Server::start([127, 0, 0, 2].into(), None, |_| Reply::html("secret")).await;
    let open = Server::plain(|_| Reply::html("list")).await;
    let mut options = public_only(options(Some(&open), Some(&hidden)));
    options.resolve.push(("crl.example".to_owned(), [127, 0, 0, 2].into()));
    let gate = Gate::with_public(&options, None, is_public_or_local);
    let url = |text: String| Url::parse(&text).unwrap();
    let good = fetch_small(&gate, &url(format!("http://{}/x.crl", open.at)), 100).await;
    assert_eq!(good.unwrap(), b"list");
    for text in
        [format!("http://{}/x.crl", hidden.at), format!("http://crl.example:{}/x.crl", hidden.at.port())]
    {
        let error = fetch_small(&gate, &url(text.clone()), 100).await.unwrap_err();
        assert_eq!(error, HttpError::Connect(ConnectError::NotAllowed(hidden.at)), "{text}");
    }
    assert_eq!(hidden.connections(), 0);
}

#[tokio::test]
async fn an_audit_of_a_public_host_never_leads_into_a_private_network() {
    // Somebody audits from their own computer, so any address may be asked for; but a shop on the public network must
    // not send the audit to what only that computer can reach.
    let hidden = Server::start([127, 0, 0, 2].into(), None, |_| Reply::html("secret")).await;
    let to = format!("http://{}/", hidden.at);
    let server = Server::plain(move |_| Reply::to(&to)).await;
    let evidence = run(&options(None, Some(&server))).await.unwrap();
    assert_eq!(evidence.web.redirects[0].hops.len(), 1);
    assert_eq!(hidden.connections(), 0);
    // A host in the private network may lead there.
    let evidence = audit_with(HOST, &options(None, Some(&server)), &|_| {}, is_public).await.unwrap();
    assert_eq!(evidence.web.redirects[0].hops.len(), 2);
    assert!(hidden.connections() > 0);
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_still_asked_at_the_first_one() {
    let hidden = Server::start([127, 0, 0, 2].into(), None, |_| Reply::html("secret")).await;
    let server = Server::plain(|asked| match asked.path.as_str() {
        "/" => Reply::to("/again"),
        _ => Reply::html("ok"),
    })
    .await;
    let count = AtomicU32::new(0);
    let names = NameServer::start(move |question, _| {
        let query = &question.queries[0];
        if query.query_type != RecordType::A || query.name.to_ascii() != "shop.example." {
            return Said::Message(Box::new(answer(question, Vec::new())));
        }
        let last = if count.fetch_add(1, Ordering::Relaxed) == 0 { 1 } else { 2 };
        let address = RData::A(A(Ipv4Addr::new(127, 0, 0, last)));
        Said::Message(Box::new(answer(question, vec![("shop.example.", address)])))
    })
    .await;
    let mut options = public_only(options(None, Some(&server)));
    options.resolve.clear();
    options.dns = Some(names.at);
    options.https_port = hidden.at.port();
    let evidence = run(&options).await.unwrap();
    assert_eq!(evidence.dns.v4, [LOCAL]);
    assert_eq!(evidence.web.redirects[0].hops.len(), 2);
    assert_eq!(hidden.connections(), 0);
    let asked = names.asked();
    let times = asked
        .iter()
        .filter(|q| q.query_type == RecordType::A && q.name.to_ascii() == "shop.example.")
        .count();
    assert_eq!(times, 1);
}
