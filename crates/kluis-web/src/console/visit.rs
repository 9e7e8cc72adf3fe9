//! Who visits a page: language, session, actor; and what a form must prove before it counts.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::{Form as FormBody, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use kluis_app::{AppError, Denial};
use kluis_model::{Actor, Lang, RequestId};

use super::Console;
use super::answer::{Refusal, WithCookie, cookie, redirect};
use super::session::{Ended, Session};
use super::view::{ErrorView, Frame, Staff};
use crate::state::Peer;

/// The cookie of a session; `__Host-` binds it to this host, https and the whole site (RFC 6265bis §4.1.3.2).
pub(crate) const SESSION_COOKIE: &str = "__Host-klantkluis";
/// The cookie that ties the sign-in form to this browser before there is a session.
pub(crate) const FORM_COOKIE: &str = "__Host-klantkluis-form";
/// The cookie of the language.
pub(crate) const LANG_COOKIE: &str = "__Host-klantkluis-lang";
/// Longest path and query that is shown back in links.
const PATH_BYTES_MAX: usize = 1_024;

/// Anybody who asks for a page.
pub(crate) struct Visit {
    pub(crate) console: Arc<Console>,
    pub(crate) lang: Lang,
    /// Path and query without `lang`.
    pub(crate) path: String,
    pub(crate) cookies: Cookies,
    pub(crate) request: RequestId,
    pub(crate) peer: Option<IpAddr>,
}

/// A signed-in person, asked for again on every request.
pub(crate) struct Signed {
    pub(crate) visit: Visit,
    pub(crate) session: Arc<Session>,
    pub(crate) actor: Actor,
}

/// A form that a signed-in person sent from a page of this console.
pub(crate) struct Posted {
    pub(crate) signed: Signed,
    pub(crate) form: Form,
}

/// The fields of a form.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the body of a request as a form.
    pub(crate) async fn read(request: Request, console: &Arc<Console>) -> Option<Self> {
        FormBody::<Vec<(String, String)>>::from_request(request, console)
            .await
            .ok()
            .map(|FormBody(fields)| Self(fields))
    }

    /// A field without the blanks around it; empty when absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// Every name and value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every value of a field that may stand there more than once.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Arc<Console>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Infallible> {
        let cookies = Cookies::read(&parts.headers);
        let known = cookies.get(LANG_COOKIE).and_then(|code| code.parse().ok());
        Ok(Self {
            lang: known.unwrap_or_else(|| asked_lang(&parts.headers)),
            path: if parts.method == Method::GET {
                shown_path(&parts.uri)
            } else {
                parts.uri.path().to_owned()
            },
            cookies,
            request: parts.extensions.get().copied().unwrap_or_else(|| console.state.new_request_id()),
            peer: parts.extensions.get::<Peer>().map(|peer| peer.0.ip()),
            console: console.clone(),
        })
    }
}

impl FromRequestParts<Arc<Console>> for Signed {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Refusal> {
        // Invariant: reading a visit never fails.
        let Ok(visit) = parts.extract_with_state::<Visit, _>(console).await;
        visit.signed().await
    }
}

impl FromRequest<Arc<Console>> for Posted {
    type Rejection = Refusal;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let signed = parts.extract_with_state::<Signed, _>(console).await?;
        if !is_same_origin(&parts.headers, &parts.uri) {
            return Err(signed.visit.wrong_form());
        }
        let form = Form::read(Request::from_parts(parts, body), console).await;
        match form {
            Some(form) if is_same(form.get("csrf"), &signed.session.csrf) => Ok(Self { signed, form }),
            _ => Err(signed.visit.wrong_form()),
        }
    }
}

impl Visit {
    /// The present session, when there is one; `Err` says why it is over.
    pub(crate) fn session(&self) -> Result<Option<Arc<Session>>, Ended> {
        match self.cookies.get(SESSION_COOKIE) {
            Some(cookie) => self.console.sessions.find(cookie, self.console.state.app.now()),
            None => Ok(None),
        }
    }

    /// The signed-in person, or the way to the sign-in page.
    async fn signed(self) -> Result<Signed, Refusal> {
        let session = match self.session() {
            Ok(Some(session)) => session,
            Ok(None) => return Err(redirect("/console/sign-in").into()),
            Err(ended) => {
                let to = format!("/console/sign-in?ended={}", ended.id());
                return Err(redirect(&to).with_cookie(&cookie(SESSION_COOKIE, "", Some(0))).into());
            }
        };
        let app = &self.console.state.app;
        match app.authenticate(session.secret.expose(), self.request).await {
            Ok(actor) => Ok(Signed { visit: self, session, actor }),
            Err(AppError::Denied { reason: Denial::NotSignedIn }) => {
                if let Some(cookie) = self.cookies.get(SESSION_COOKIE) {
                    self.console.sessions.close(cookie);
                }
                Err(redirect("/console/sign-in").with_cookie(&cookie(SESSION_COOKIE, "", Some(0))).into())
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// What stands around a page that nobody has to be signed in for.
    pub(crate) fn frame(&self) -> Frame {
        Frame { path: self.path.clone(), ..Frame::default() }
    }

    /// The page for a form that proves nothing.
    pub(crate) fn wrong_form(&self) -> Refusal {
        let frame = Frame { path: "/console".into(), ..Frame::default() };
        let view = ErrorView {
            status: StatusCode::FORBIDDEN.as_u16(),
            kind: "form",
            text: None,
            incident: None,
            back: "/console".into(),
        };
        self.page(StatusCode::FORBIDDEN, &frame, &view).into()
    }
}

impl Signed {
    /// What stands around a page of the console at a place in the menu; takes the message that waits.
    pub(crate) fn frame(&self, place: &'static str) -> Frame {
        let notice = self.session.desk.lock().notice.take();
        Frame {
            path: self.visit.path.clone(),
            place,
            staff: Some(Staff { name: self.actor.name.clone() }),
            csrf: self.session.csrf.clone(),
            notice: notice.map(|key| super::view::Notice { tone: "ok", text: self.visit.texts().get(key) }),
            refresh_s: None,
        }
    }
}

/// The cookies of a request.
pub(crate) struct Cookies(Vec<(String, String)>);

impl Cookies {
    fn read(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        Self(pairs.take(64).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A cookie's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// Whether a form was sent from a page of this very site.
///
/// A browser says so in `Sec-Fetch-Site` or in `Origin`; where it says neither (a program), the token alone decides.
pub(crate) fn is_same_origin(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = text("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let host = uri.authority().map(|authority| authority.as_str()).or_else(|| text("host"));
    match (text("origin"), host) {
        (None, _) => true,
        // A page without referrer sends no origin either; then the browser's own word above counts.
        (Some("null"), _) => site.is_some(),
        (Some(origin), Some(host)) => origin.eq_ignore_ascii_case(&format!("https://{host}")),
        (Some(_), None) => false,
    }
}

/// Compares two secrets in a time that depends on their length only.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    one.len() == other.len()
        && !one.is_empty()
        && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// The first language of ours that the browser asks for; Dutch when it asks for neither.
fn asked_lang(headers: &HeaderMap) -> Lang {
    let asked =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut codes = asked.split(',').filter_map(|part| part.trim().get(..2));
    codes.find_map(|code| code.to_ascii_lowercase().parse().ok()).unwrap_or_default()
}

/// Path and query without `lang`, for links back to this page.
pub(crate) fn shown_path(uri: &Uri) -> String {
    let path = uri.path();
    if path.starts_with("//") || path.contains('\\') || path.len() > PATH_BYTES_MAX {
        return "/".into();
    }
    let query = uri.query().unwrap_or_default();
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang=")).collect();
    if kept.is_empty() || query.len() > PATH_BYTES_MAX {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn forms_count_from_this_origin_only() {
        let uri: Uri = "/console/sign-out".parse().unwrap();
        let own = ("host", "localhost:8443");
        let good: [&[(&str, &str)]; 5] = [
            &[own],
            &[own, ("origin", "https://localhost:8443")],
            &[own, ("sec-fetch-site", "same-origin")],
            &[own, ("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[own, ("sec-fetch-site", "same-origin"), ("origin", "https://LOCALHOST:8443")],
        ];
        for pairs in good {
            assert!(is_same_origin(&headers(pairs), &uri), "{pairs:?}");
        }
        let bad: [&[(&str, &str)]; 9] = [
            &[own, ("origin", "https://evil.example")],
            &[own, ("origin", "http://localhost:8443")],
            &[own, ("origin", "https://localhost:8444")],
            &[own, ("origin", "https://localhost")],
            &[own, ("origin", "null")],
            &[own, ("sec-fetch-site", "cross-site")],
            &[own, ("sec-fetch-site", "same-site"), ("origin", "https://localhost:8443")],
            &[own, ("sec-fetch-site", "none")],
            &[("origin", "https://localhost:8443")],
        ];
        for pairs in bad {
            assert!(!is_same_origin(&headers(pairs), &uri), "{pairs:?}");
        }
        let absolute: Uri = "https://kluis.example/console".parse().unwrap();
        assert!(
            is_same_origin(&headers(&[("origin", "https://kluis.example")]), &absolute),
            "HTTP/2 has no Host"
        );
        assert!(!is_same_origin(&headers(&[("origin", "https://kluis.example.evil")]), &absolute));
    }

    #[test]
    fn secrets_are_the_same_or_not() {
        assert!(is_same("abc", "abc"));
        for (one, other) in [("abc", "abd"), ("abc", "ab"), ("", "abc"), ("", ""), ("ABC", "abc")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_language_is_the_first_of_ours_that_is_asked_for() {
        let cases = [
            ("nl", Lang::Nl),
            ("nl-BE,en;q=0.5", Lang::Nl),
            ("en-US,nl;q=0.9", Lang::En),
            ("fr, EN;q=0.8", Lang::En),
            ("fr", Lang::Nl),
            ("", Lang::Nl),
            ("x", Lang::Nl),
        ];
        for (asked, lang) in cases {
            assert_eq!(asked_lang(&headers(&[("accept-language", asked)])), lang, "{asked}");
        }
    }

    #[test]
    fn links_back_keep_the_query_but_not_the_language_and_never_leave_the_site() {
        let cases = [
            ("/console?lang=nl", "/console"),
            ("/console/customers/x?purpose=order&lang=en", "/console/customers/x?purpose=order"),
            ("/console?lang=nl&a=1&lang=en", "/console?a=1"),
            ("//evil.example/x?lang=nl", "/"),
            ("/\\evil.example/x?lang=nl", "/"),
        ];
        for (uri, path) in cases {
            assert_eq!(shown_path(&uri.parse().unwrap()), path, "{uri}");
        }
    }

    #[test]
    fn cookies_are_read_by_name() {
        let found = Cookies::read(&headers(&[("cookie", "a=1; __Host-klantkluis=x=y;b=; nonsense")]));
        assert_eq!(found.get(SESSION_COOKIE), Some("x=y"));
        assert_eq!((found.get("b"), found.get("c"), found.get("nonsense")), (None, None, None));
    }
}
