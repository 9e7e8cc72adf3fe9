//! Answers of the console: pages with their headers, redirects, cookies, downloads and error pages.

use axum::body::Body;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kluis_app::{AppError, Denial};
use kluis_model::Lang;

use super::texts::Texts;
use super::view::{ErrorView, Frame, View};
use super::visit::{Signed, Visit};

/// What a page may load: our style sheet and our mark, and nothing runs (CSP 3).
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// What a handler gives.
pub(crate) type Answer = Result<Response, Refusal>;

/// An answer that ends a handler early.
pub(crate) struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// Adds cookies to an answer.
pub(crate) trait WithCookie {
    /// The same answer that also sets a cookie.
    fn with_cookie(self, cookie: &str) -> Self;
}

impl WithCookie for Response {
    fn with_cookie(mut self, cookie: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            self.headers_mut().append(header::SET_COOKIE, value);
        }
        self
    }
}

/// A cookie for this host only, over https only, out of reach of scripts; for a while or until the browser closes.
pub(crate) fn cookie(name: &str, value: &str, max_age_s: Option<u32>) -> String {
    let age = max_age_s.map_or_else(String::new, |age| format!("; Max-Age={age}"));
    format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{age}")
}

/// Sends the browser to a path of ours with GET.
pub(crate) fn redirect(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// A file that the browser saves.
pub(crate) fn download(name: &str, media_type: &'static str, body: impl Into<Body>) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'"),
        ),
    ];
    (headers, body.into()).into_response()
}

impl Visit {
    /// The texts in the visitor's language.
    pub(crate) fn texts(&self) -> &Texts {
        self.console.renderer.texts(self.lang)
    }

    /// A page as an answer.
    pub(crate) fn page<V: View>(&self, status: StatusCode, frame: &Frame, view: &V) -> Response {
        let html = match self.console.renderer.page(self.lang, frame, view) {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, template = V::TEMPLATE, "a page cannot be shown");
                return (StatusCode::INTERNAL_SERVER_ERROR, "Klantkluis: storing / error").into_response();
            }
        };
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-store"),
            (header::VARY, "Cookie, Accept-Language"),
        ];
        (status, headers, html).into_response()
    }

    /// The error page for somebody who is not signed in.
    pub(crate) fn fail(&self, error: &AppError) -> Refusal {
        let (status, view) = error_view(error, self.lang, "/");
        let frame = Frame { path: "/console".into(), ..Frame::default() };
        with_wait(self.page(status, &frame, &view), error).into()
    }
}

impl Signed {
    /// A page of the console.
    pub(crate) fn page<V: View>(&self, frame: &Frame, view: &V) -> Response {
        self.visit.page(StatusCode::OK, frame, view)
    }

    /// A page of the console with a form that has to be corrected (RFC 9110 §15.5.21).
    pub(crate) fn again<V: View>(&self, frame: &Frame, view: &V) -> Response {
        self.visit.page(StatusCode::UNPROCESSABLE_ENTITY, frame, view)
    }

    /// The error page inside the console; `back` is where to go on.
    pub(crate) fn fail_at(&self, error: &AppError, back: &str) -> Refusal {
        let (status, view) = error_view(error, self.visit.lang, back);
        let mut frame = self.frame("");
        frame.path = "/console".into();
        with_wait(self.visit.page(status, &frame, &view), error).into()
    }

    /// The error page inside the console, going on at the overview.
    pub(crate) fn fail(&self, error: &AppError) -> Refusal {
        self.fail_at(error, "/console")
    }
}

/// Says how long to wait when a limit is reached.
fn with_wait(mut response: Response, error: &AppError) -> Response {
    if let AppError::Exhausted { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response
}

/// Status and page of an error.
pub(crate) fn error_view(error: &AppError, lang: Lang, back: &str) -> (StatusCode, ErrorView) {
    let (status, kind, text) = match error {
        AppError::Denied { reason: Denial::BudgetExhausted } | AppError::Exhausted { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, "too-many", Some(error.text(lang)))
        }
        AppError::Denied { reason } => (StatusCode::FORBIDDEN, "denied", Some(reason.text(lang).to_owned())),
        AppError::NotFound => (StatusCode::NOT_FOUND, "not-found", None),
        AppError::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", Some(error.text(lang))),
        AppError::Conflict { .. } => (StatusCode::CONFLICT, "conflict", Some(error.text(lang))),
        AppError::Sealed => (StatusCode::SERVICE_UNAVAILABLE, "sealed", None),
        AppError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", None),
        AppError::Integrity { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "integrity", None),
        AppError::WrongKey | AppError::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "broken", None),
    };
    let incident = match error {
        AppError::Internal { incident } => Some(incident.clone()),
        _ => None,
    };
    (status, ErrorView { status: status.as_u16(), kind, text, incident, back: back.to_owned() })
}
