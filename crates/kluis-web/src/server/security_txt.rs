//! `/.well-known/security.txt` (RFC 9116): whom to tell about a weakness.

use std::fmt::Write;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use kluis_model::TimeMs;

use crate::options::WebOptions;

/// Where it is (RFC 9116 §3).
const PATH: &str = "/.well-known/security.txt";
/// How long what it says may be believed; less than a year is recommended (§2.5.5).
const BELIEVED: Duration = Duration::from_secs(180 * 86_400);

/// The answer, when it is asked for and there is somebody to tell.
pub(crate) fn answer(
    method: &Method,
    path: &str,
    options: &WebOptions,
    now: TimeMs,
) -> Option<Response<Body>> {
    if path != PATH || !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let text = text(options.security_contact.as_deref()?, options, now);
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = StatusCode::OK;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Some(answer)
}

fn text(contact: &str, options: &WebOptions, now: TimeMs) -> String {
    let mut text = format!("Contact: {contact}\n");
    // Whole days: the file is the same all day.
    let expires = now.plus(BELIEVED).date();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "Expires: {expires}T00:00:00Z");
    let _ = writeln!(text, "Preferred-Languages: nl, en");
    let port = match options.https.port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    for name in &options.names {
        let _ = writeln!(text, "Canonical: https://{name}{port}{PATH}");
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::Server;

    #[tokio::test]
    async fn it_says_whom_to_tell_until_when() {
        let server = Server::start().await;
        let found = server.ask(None, "GET", PATH, &[], b"").await.expect(200);
        assert_eq!(found.header("content-type"), Some("text/plain; charset=utf-8"));
        let text = found.text();
        assert!(text.starts_with("Contact: mailto:veilig@winkel.example\n"), "{text}");
        assert!(text.contains("\nCanonical: https://localhost:"), "{text}");
        let expires = text.lines().find_map(|line| line.strip_prefix("Expires: ")).unwrap();
        let expires: TimeMs = expires.parse().unwrap();
        let days = expires.since(server.app.now()).as_secs() / 86_400;
        assert!((178..=180).contains(&days), "{days}");
        server.ask(None, "POST", PATH, &[], b"").await.expect(404);
        server.ask(None, "GET", "/.well-known/other.txt", &[], b"").await.expect(404);
    }
}
