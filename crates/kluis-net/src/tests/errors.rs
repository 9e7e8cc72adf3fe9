//! When there is nothing to audit: a clear error that says what to do.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use kluis_model::Lang;

use crate::testing::dns::{NameServer, Said, answer};
use crate::testing::{HOST, Reply, Server, closed_port, options, run, within};
use crate::{AuditError, AuditOptions};

async fn error_of(options: &AuditOptions) -> AuditError {
    let error = within(15, run(options)).await.unwrap_err();
    for lang in [Lang::Nl, Lang::En] {
        assert!(error.message(lang).len() > 10 && error.hint(lang).len() > 10);
    }
    assert_ne!(error.message(Lang::Nl), error.message(Lang::En));
    assert_ne!(error.hint(Lang::Nl), error.hint(Lang::En));
    error
}

/// Options that ask a name server which says this of every name.
async fn with_dns(
    say: impl Fn(&hickory_proto::op::Message) -> Said + Send + Sync + 'static,
) -> (NameServer, AuditOptions) {
    let names = NameServer::start(move |question, _| say(question)).await;
    let options = AuditOptions { dns: Some(names.at), resolve: Vec::new(), ..options(None, None) };
    (names, options)
}

#[tokio::test]
async fn bad_names_and_options() {
    for host in ["", "https://shop.example/", "shop.example/x", "a b", "shop_1.example"] {
        let error = crate::audit(host, &AuditOptions::default(), &|_| {}).await.unwrap_err();
        assert_eq!(error, AuditError::BadName { name: host.to_owned() });
    }
    let good = options(None, None);
    let page = (kluis_checks::facts::PageKind::Other, "/x".to_owned());
    for bad in [
        AuditOptions { https_port: 0, ..good.clone() },
        AuditOptions { http_port: 0, ..good.clone() },
        AuditOptions { pages: vec![page; 9], ..good.clone() },
        AuditOptions { owner: Some("short".to_owned()), ..good.clone() },
        AuditOptions { owner: Some("with spaces and so on".to_owned()), ..good.clone() },
        AuditOptions { trust_anchor: Some(". IN DNSKEY nonsense".to_owned()), ..good },
    ] {
        assert!(matches!(error_of(&bad).await, AuditError::BadOption { .. }));
    }
}

#[tokio::test]
async fn names_without_address() {
    let (_names, options) = with_dns(|question| {
        let mut message = answer(question, Vec::new());
        message.metadata.response_code = ResponseCode::NXDomain;
        Said::Message(Box::new(message))
    })
    .await;
    assert_eq!(error_of(&options).await, AuditError::NoSuchName { host: HOST.to_owned() });
    let (_names, options) = with_dns(|question| Said::Message(Box::new(answer(question, Vec::new())))).await;
    assert_eq!(error_of(&options).await, AuditError::NoAddress { host: HOST.to_owned() });
}

#[tokio::test]
async fn name_servers_that_do_not_help() {
    let silent = [
        (Said::Nothing, "no answer in time"),
        (Said::Bytes(vec![0; 12]), "no answer in time"),
        (Said::Bytes(b"HTTP/1.1 200 OK".to_vec()), "no answer in time"),
        (Said::Many(vec![vec![1]; 60]), "only wrong answers came"),
    ];
    futures_util::future::join_all(silent.map(|(say, why)| async move {
        let (_names, options) = with_dns(move |_| say.clone()).await;
        let error = error_of(&options).await;
        assert_eq!(error, AuditError::DnsFailed { host: HOST.to_owned(), why: why.to_owned() });
    }))
    .await;
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::FormErr, ResponseCode::NotImp] {
        let (_names, options) = with_dns(move |question| {
            let mut message = answer(question, Vec::new());
            message.metadata.response_code = code;
            Said::Message(Box::new(message))
        })
        .await;
        assert!(matches!(error_of(&options).await, AuditError::DnsFailed { .. }), "{code}");
    }
    // Nobody listens.
    let dns = Some(([127, 0, 0, 1], closed_port()).into());
    let options = AuditOptions { dns, resolve: Vec::new(), ..options(None, None) };
    assert!(matches!(error_of(&options).await, AuditError::DnsFailed { .. }));
}

#[tokio::test]
async fn hosts_that_do_not_answer() {
    let closed = options(None, None);
    let (https_port, http_port) = (closed.https_port, closed.http_port);
    let refused = AuditError::Refused { host: HOST.to_owned(), https_port, http_port };
    assert_eq!(error_of(&closed).await, refused);
    for parts in [vec![kluis_checks::Part::Web], vec![kluis_checks::Part::Tls]] {
        let options = AuditOptions { parts: parts.into_iter().collect(), ..closed.clone() };
        assert_eq!(error_of(&options).await, refused);
    }
}

#[tokio::test]
async fn the_whole_time_is_a_limit() {
    // Both ports take connections and say nothing.
    let (https, http) = (Server::plain(|_| Reply::Silent).await, Server::plain(|_| Reply::Silent).await);
    let mut options = options(Some(&https), Some(&http));
    (options.total, options.step) = (Duration::from_secs(1), Duration::from_secs(30));
    let began = std::time::Instant::now();
    // Whether anything can be said about such a host is the prober's affair; that it ends is not.
    let _ = within(4, run(&options)).await;
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[test]
fn an_audit_that_is_not_polled_is_small() {
    // Its parts are on the heap, so that it fits the stack of whoever starts many of them.
    let options = AuditOptions::default();
    let audit = crate::audit(HOST, &options, &|_| {});
    assert!(size_of_val(&audit) < 1024, "{}", size_of_val(&audit));
    let whole = crate::collect::audit_with(HOST, &options, &|_| {}, crate::is_public);
    assert!(size_of_val(&whole) < 16 * 1024, "{}", size_of_val(&whole));
}
