//! Every error of the API as problem details (RFC 9457), without a personal value in it.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use kluis_app::AppError;
use kluis_model::{Lang, RequestId};
use serde_json::{Map, Value, json};

/// Media type of problem details.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No such path, or no such thing.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed {
        /// The methods it takes, as `Allow` says them.
        allow: String,
    },
    /// No credential, or one that does not work.
    Unauthorized {
        /// Whether a credential was shown.
        was_shown: bool,
    },
    /// A credential that works only together with a client certificate, which was not shown.
    CertificateNeeded,
    /// The request cannot be read: path, query, header or JSON syntax.
    BadRequest(Cow<'static, str>),
    /// The body is not of the media type that the path takes.
    MediaType {
        /// What it takes.
        expected: &'static str,
    },
    /// The body has more bytes than are taken.
    TooLarge {
        /// How many are taken.
        bytes_max: usize,
    },
    /// The body did not arrive in time.
    Slow,
    /// The JSON is well-formed but not what the path takes, or a value has the wrong form.
    Unprocessable(Cow<'static, str>),
    /// A change without `If-Match`.
    PreconditionRequired,
    /// `If-Match` names another version than the stored one.
    PreconditionFailed,
    /// Too many requests of this credential or failures from this address.
    TooMany {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// The answer did not come in time.
    Timeout,
    /// What the use case says.
    App(AppError),
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

/// A problem in parts.
struct Parts {
    status: StatusCode,
    kind: &'static str,
    title: Cow<'static, str>,
    detail: Option<Cow<'static, str>>,
    retry_after_s: Option<u32>,
    more: Map<String, Value>,
}

impl Parts {
    fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        Self {
            status,
            kind,
            title: Cow::Borrowed(title),
            detail: None,
            retry_after_s: None,
            more: Map::new(),
        }
    }

    fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.more.insert(key.to_owned(), value);
        self
    }
}

impl Problem {
    /// The answer to a request that went wrong.
    pub(crate) fn answer(&self, lang: Lang, request: RequestId) -> Response<Body> {
        let parts = self.parts(lang);
        let mut answer = Response::new(Body::from(self.document(lang, request).to_string()));
        *answer.status_mut() = parts.status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = parts.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            Self::Unauthorized { was_shown: false } => {
                let challenge = HeaderValue::from_static("Bearer realm=\"klantkluis\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::Unauthorized { was_shown: true } | Self::CertificateNeeded => {
                let challenge =
                    HeaderValue::from_static("Bearer realm=\"klantkluis\", error=\"invalid_token\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::MethodNotAllowed { allow } => {
                if let Ok(allow) = HeaderValue::from_str(allow) {
                    headers.insert(header::ALLOW, allow);
                }
            }
            Self::TooLarge { .. } | Self::Slow => {
                // The rest of the body is not read, so nothing can follow it.
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        answer
    }

    /// The problem as JSON.
    pub(crate) fn document(&self, lang: Lang, request: RequestId) -> Value {
        let parts = self.parts(lang);
        let mut document = Map::new();
        document.insert("type".into(), json!(format!("urn:klantkluis:problem:{}", parts.kind)));
        document.insert("title".into(), json!(parts.title));
        document.insert("status".into(), json!(parts.status.as_u16()));
        document.insert("instance".into(), json!(format!("urn:uuid:{request}")));
        document.extend(parts.detail.map(|detail| ("detail".to_owned(), json!(detail))));
        document.extend(parts.more);
        Value::Object(document)
    }

    fn parts(&self, lang: Lang) -> Parts {
        use StatusCode as S;
        match self {
            Self::NotFound => Parts::new(S::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed { allow } => {
                Parts::new(S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
                    .detail(format!("This path takes {allow}."))
            }
            Self::Unauthorized { was_shown } => {
                let detail = if *was_shown {
                    "The credential is unknown, revoked or expired."
                } else {
                    "Send a credential: Authorization: Bearer kkc_…"
                };
                Parts::new(S::UNAUTHORIZED, "not-signed-in", "A valid credential is needed").detail(detail)
            }
            Self::CertificateNeeded => {
                Parts::new(S::UNAUTHORIZED, "certificate-needed", "A client certificate is needed").detail(
                    "This credential is bound to a client certificate. Show it, with its key, in the TLS handshake.",
                )
            }
            Self::BadRequest(detail) => {
                Parts::new(S::BAD_REQUEST, "bad-request", "The request cannot be read").detail(detail.clone())
            }
            Self::MediaType { expected } => {
                Parts::new(S::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body is of another media type")
                    .detail(format!("Send Content-Type: {expected}."))
            }
            Self::TooLarge { bytes_max } => {
                Parts::new(S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
                    .detail(format!("At most {bytes_max} bytes are taken."))
            }
            Self::Slow => Parts::new(S::REQUEST_TIMEOUT, "slow", "The body did not arrive in time"),
            Self::Unprocessable(detail) => {
                Parts::new(S::UNPROCESSABLE_ENTITY, "invalid", "The input is not valid")
                    .detail(detail.clone())
            }
            Self::PreconditionRequired => {
                Parts::new(S::PRECONDITION_REQUIRED, "if-match-needed", "A change needs If-Match")
                    .detail("Read first, then send its ETag as If-Match.")
            }
            Self::PreconditionFailed => {
                Parts::new(S::PRECONDITION_FAILED, "stale-version", "Somebody changed it meanwhile")
                    .detail("Read it again and repeat the change.")
            }
            Self::TooMany { retry_after_s } => {
                Parts::new(S::TOO_MANY_REQUESTS, "too-many", "Too many requests").retry_after(*retry_after_s)
            }
            Self::Timeout => Parts::new(S::SERVICE_UNAVAILABLE, "timeout", "The answer did not come in time")
                .retry_after(5),
            Self::App(error) => app_parts(error, lang),
        }
    }
}

fn app_parts(error: &AppError, lang: Lang) -> Parts {
    use StatusCode as S;
    let (status, kind, title) = match error {
        AppError::Denied { .. } => (S::FORBIDDEN, "denied", "Not allowed"),
        AppError::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
        AppError::Invalid(_) => (S::UNPROCESSABLE_ENTITY, "invalid", "The input is not valid"),
        AppError::Conflict { .. } => (S::CONFLICT, "conflict", "It collides with something that is there"),
        AppError::Exhausted { .. } => (S::TOO_MANY_REQUESTS, "budget", "The budget is used up"),
        AppError::Sealed => (S::SERVICE_UNAVAILABLE, "sealed", "The vault is sealed"),
        AppError::Unavailable { .. } => {
            (S::SERVICE_UNAVAILABLE, "unavailable", "The storage cannot be used now")
        }
        AppError::Integrity { .. } => (S::INTERNAL_SERVER_ERROR, "integrity", "The stored data was changed"),
        _ => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong"),
    };
    let parts = Parts::new(status, kind, title).detail(error.text(lang));
    match error {
        AppError::Denied { reason } => parts.with("reason", json!(reason.id())),
        AppError::Invalid(problems) => {
            let errors = problems.iter().map(|p| json!({"field": p.field, "message": p.message.get(lang)}));
            parts.with("errors", errors.collect())
        }
        AppError::Conflict { what } => parts.with("what", json!(what)),
        AppError::Exhausted { retry_after_s } => parts.retry_after(*retry_after_s),
        AppError::Unavailable { .. } => {
            // What is unavailable is the operator's business: it is in the log.
            Parts { detail: None, ..parts }.retry_after(5)
        }
        AppError::Internal { incident } => {
            let text = format!("Incident {incident}.");
            parts.detail(text).with("incident", json!(incident))
        }
        _ => parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluis_app::{Denial, FieldProblem};

    #[test]
    fn each_error_has_its_status_and_says_no_more_than_it_should() {
        let request = RequestId::from_bytes([7; 16]);
        let unavailable = AppError::Unavailable { what: "database host db.internal is down".into() };
        let cases: Vec<(Problem, u16)> = vec![
            (Problem::NotFound, 404),
            (Problem::MethodNotAllowed { allow: "GET, POST".into() }, 405),
            (Problem::Unauthorized { was_shown: false }, 401),
            (Problem::CertificateNeeded, 401),
            (Problem::BadRequest("x".into()), 400),
            (Problem::MediaType { expected: "application/json" }, 415),
            (Problem::TooLarge { bytes_max: 7 }, 413),
            (Problem::Slow, 408),
            (Problem::PreconditionRequired, 428),
            (Problem::PreconditionFailed, 412),
            (Problem::TooMany { retry_after_s: 7 }, 429),
            (Problem::App(AppError::Denied { reason: Denial::NoConsent }), 403),
            (Problem::App(AppError::Invalid(vec![FieldProblem::new("email", "fout", "wrong")])), 422),
            (Problem::App(AppError::Conflict { what: "email".into() }), 409),
            (Problem::App(AppError::Exhausted { retry_after_s: 9 }), 429),
            (Problem::App(AppError::Sealed), 503),
            (Problem::App(unavailable), 503),
            (Problem::App(AppError::Internal { incident: "0badcafe".into() }), 500),
        ];
        for (problem, status) in cases {
            let answer = problem.answer(Lang::En, request);
            assert_eq!(answer.status().as_u16(), status, "{problem:?}");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
            assert_eq!(
                status == 429 || status == 503,
                answer.headers().contains_key(header::RETRY_AFTER)
                    || matches!(problem, Problem::App(AppError::Sealed))
            );
            let detail = problem.parts(Lang::En).detail.unwrap_or_default();
            assert!(!detail.contains("db.internal"), "{detail}");
        }
    }
}
