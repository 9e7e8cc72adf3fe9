//! `https://mta-sts.DOMAIN/.well-known/mta-sts.txt` (RFC 8461 §3.3): what servers that mail to the shop must do about TLS.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use kluis_mail::streams::MailSetup;

/// Where it is.
const PATH: &str = "/.well-known/mta-sts.txt";
/// The host before the domain.
const HOST: &str = "mta-sts.";

/// The policy of the shop's main domain, when it is asked for under that domain's own name and the shop declared one.
pub(crate) fn answer<B>(request: &Request<B>, setup: Option<&MailSetup>) -> Option<Response<Body>> {
    if request.uri().path() != PATH || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let setup = setup?;
    let policy = setup.mta_sts.as_ref()?;
    // Under any other name the policy would say something about a domain that asked for nothing.
    if !host(request)?.eq_ignore_ascii_case(&format!("{HOST}{}", setup.domain)) {
        return None;
    }
    let mut answer = Response::new(Body::from(policy.policy_text()));
    *answer.status_mut() = StatusCode::OK;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // Senders keep it as long as it says itself; between them and us nothing needs to (RFC 8461 §3.3).
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Some(answer)
}

/// The host that is asked, without a port and a final dot; nothing when it is not told exactly once.
fn host<B>(request: &Request<B>) -> Option<&str> {
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => {
            let mut hosts = request.headers().get_all(header::HOST).iter();
            let host = hosts.next()?.to_str().ok()?;
            if hosts.next().is_some() {
                return None;
            }
            host
        }
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    Some(host.strip_suffix('.').unwrap_or(host))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use kluis_mail::mta_sts::Mode;
    use kluis_mail::streams::MtaSts;

    fn setup(mta_sts: Option<MtaSts>) -> MailSetup {
        MailSetup { mta_sts, ..MailSetup::new("winkel.example") }
    }

    fn testing() -> Option<MtaSts> {
        Some(MtaSts { mode: Mode::Testing, mx: vec!["mx.winkel.example".into()] })
    }

    fn ask(method: &str, uri: &str, hosts: &[&str], setup: Option<&MailSetup>) -> Option<Response<Body>> {
        let mut request = Request::builder().method(method).uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        answer(&request.body(()).unwrap(), setup)
    }

    #[tokio::test]
    async fn the_policy_stands_under_the_name_of_the_domain() {
        let declared = setup(testing());
        for (uri, hosts) in [
            (PATH, &["mta-sts.winkel.example"][..]),
            (PATH, &["MTA-STS.Winkel.example:8443"]),
            (PATH, &["mta-sts.winkel.example."]),
            ("https://mta-sts.winkel.example/.well-known/mta-sts.txt", &[]),
            ("/.well-known/mta-sts.txt?x=1", &["mta-sts.winkel.example"]),
        ] {
            let found = ask("GET", uri, hosts, Some(&declared)).unwrap();
            assert_eq!(found.headers()["content-type"], "text/plain; charset=utf-8");
            let text = axum::body::to_bytes(found.into_body(), 4_096).await.unwrap();
            let policy = kluis_mail::mta_sts::policy(&text).unwrap();
            assert_eq!(
                (policy.mode, policy.mx.as_slice()),
                (Mode::Testing, &["mx.winkel.example".to_owned()][..])
            );
        }
    }

    #[test]
    fn nothing_is_said_about_other_names_or_without_a_declaration() {
        let declared = setup(testing());
        let good = &["mta-sts.winkel.example"][..];
        for (method, uri, hosts) in [
            ("GET", PATH, &["winkel.example"][..]),
            ("GET", PATH, &["mta-sts.andere.example"]),
            ("GET", PATH, &["mta-sts.winkel.example.evil.example"]),
            ("GET", PATH, &["x.mta-sts.winkel.example"]),
            ("GET", PATH, &["mta-sts.winkel.example", "mta-sts.winkel.example"]),
            ("GET", PATH, &[]),
            ("POST", PATH, good),
            ("GET", "/.well-known/mta-sts.txt/", good),
            ("GET", "/mta-sts.txt", good),
        ] {
            assert!(ask(method, uri, hosts, Some(&declared)).is_none(), "{method} {uri} {hosts:?}");
        }
        assert!(ask("GET", PATH, good, None).is_none());
        assert!(ask("GET", PATH, good, Some(&setup(None))).is_none());
    }
}
