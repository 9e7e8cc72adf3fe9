//! The JSON API: finds the route of a request, lets nobody through who may not, and answers errors as problems.

mod audit;
mod body;
mod bulk;
mod call;
mod checks;
mod credentials;
mod exports;
mod json;
mod mail;
mod openapi;
mod problem;
mod route;
mod routes;
mod schemas;
mod subjects;
#[cfg(test)]
mod tests;
mod tokens;
mod traffic;
mod vault;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header, request};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Incoming;
use kluis_app::{AppError, Denial, IDEMPOTENCY_KEY_BYTES_MAX, IdempotencyKey};
use kluis_crypto::{CredentialSecret, sha256};
use kluis_model::{Actor, RequestId};
use tokio::time::timeout;
use tower::Service;

#[cfg(fuzzing)]
pub(crate) use subjects::read_any;

use self::call::{Call, lang_of};
use self::problem::Problem;
use self::route::{Access, Answered, Found, Params, Route, Table, Takes, Verb};
pub(crate) use self::traffic::Traffic;
use crate::options::REPORT_BYTES_MAX;
use crate::state::{Caller, Peer, WebState};

/// Longest time until a handler has its answer; what is streamed after that has its own bounds.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Most bytes of a refused body that are read and thrown away.
const REFUSED_BYTES_MAX: usize = 256 * 1024;

/// A request that may go on: its route, where the parameters stand in its path, and who asks.
type Admitted = (&'static Route, Params, Option<Actor>);

/// Takes every request of the HTTPS listener: the API itself, all else the console.
pub(crate) struct Front {
    state: Arc<WebState>,
    table: Table,
    console: axum::Router,
}

impl Front {
    /// A front over the vault.
    pub(crate) fn new(state: WebState) -> Self {
        let console = crate::console::routes(state.clone());
        Self { state: Arc::new(state), table: Table::new(routes::ROUTES), console }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request<Incoming>, caller: Caller) -> Response<Body> {
        let id = self.state.new_request_id();
        let path = request.uri().path();
        let is_api = path.starts_with("/v1/") || matches!(path, "/v1" | "/healthz" | "/metrics");
        let answer = if is_api {
            self.api(request, caller, id).await
        } else {
            self.console(request, caller, id).await
        };
        self.state.traffic.count(answer.status());
        answer
    }

    async fn console(&self, request: Request<Incoming>, caller: Caller, id: RequestId) -> Response<Body> {
        let mut request = request.map(|incoming| body::paced(Body::new(incoming)));
        request.extensions_mut().insert(id);
        request.extensions_mut().insert(Peer(caller.address));
        let mut console = self.console.clone();
        match console.call(request).await {
            Ok(answer) => answer,
            Err(never) => never.into_response(),
        }
    }

    async fn api(&self, request: Request<Incoming>, caller: Caller, id: RequestId) -> Response<Body> {
        let (parts, incoming) = request.into_parts();
        let lang = lang_of(&parts.headers);
        let mut body = Body::new(incoming);
        match self.admit(&parts, caller, id).await {
            Ok((route, params, actor)) => {
                let state = self.state.clone();
                let call =
                    Call { state, route, parts, bytes: Bytes::new(), body, params, request: id, actor };
                handle(call).await.unwrap_or_else(|problem| problem.answer(lang, id))
            }
            Err(problem) => {
                let is_read = body::discard(&mut body, REFUSED_BYTES_MAX).await;
                let mut answer = problem.answer(lang, id);
                if !is_read {
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                answer
            }
        }
    }

    /// Finds the route and lets the actor through, or not, before anything is read.
    async fn admit(
        &self,
        parts: &request::Parts,
        caller: Caller,
        id: RequestId,
    ) -> Result<Admitted, Problem> {
        let (route, params) = match self.table.find(&parts.method, parts.uri.path()) {
            Found::Route(route, params) => (route, params),
            Found::OtherMethods(allow) => return Err(Problem::MethodNotAllowed { allow }),
            Found::Nothing => return Err(Problem::NotFound),
        };
        let Access::Operation(operation) = route.access else { return Ok((route, params, None)) };
        let actor = self.authenticate(parts, caller, id).await?;
        // A refusal about a customer is on that customer's record.
        let is_about = route.path.starts_with("/v1/subjects/{id}");
        let subject = if is_about { params.get(parts.uri.path(), 0).parse().ok() } else { None };
        self.state.app.authorise(&actor, operation, subject).await?;
        Ok((route, params, Some(actor)))
    }

    /// The actor behind the bearer credential (RFC 6750 §2.1).
    async fn authenticate(
        &self,
        parts: &request::Parts,
        caller: Caller,
        id: RequestId,
    ) -> Result<Actor, Problem> {
        let secret = bearer(parts).ok_or(Problem::Unauthorized { was_shown: false })?;
        let now = self.state.app.now();
        let shown = caller.certificate.filter(|shown| now < shown.until).map(|shown| shown.thumbprint);
        let error = match self.state.app.authenticate_with(secret, shown.as_ref(), id).await {
            Ok(actor) => {
                if let Some(credential) = actor.credential {
                    let asked = self.state.limiter.request(credential, self.state.app.now());
                    asked.map_err(|retry_after_s| Problem::TooMany { retry_after_s })?;
                }
                return Ok(actor);
            }
            Err(error) => error,
        };
        let peer = caller.address.ip();
        let missing = match error {
            AppError::Denied { reason: Denial::NotSignedIn } => false,
            AppError::Denied { reason: Denial::CertificateNeeded } => true,
            other => return Err(other.into()),
        };
        // A text that cannot be a credential guesses nothing; it is neither counted nor put on the record.
        if secret.parse::<CredentialSecret>().is_ok() {
            let tried = self.state.limiter.may_try(peer, now);
            tried.map_err(|retry_after_s| Problem::TooMany { retry_after_s })?;
            if self.state.limiter.failed(peer, now) {
                match missing {
                    true => self.state.app.certificate_missing(secret, id).await?,
                    false => self.state.app.sign_in_failed(id).await?,
                }
            }
        }
        Err(if missing { Problem::CertificateNeeded } else { Problem::Unauthorized { was_shown: true } })
    }
}

fn bearer(parts: &request::Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim()).filter(|secret| !secret.is_empty())
}

/// Reads the body and runs the handler. A change goes on when its asker goes away: what it began it finishes.
async fn handle(mut call: Call) -> Answered {
    read_body(&mut call).await?;
    let (route, id) = (call.route, call.request);
    let handling = (route.handler)(call);
    let answered = if route.verb == Verb::Get {
        timeout(ANSWER_WAIT, AssertUnwindSafe(handling).catch_unwind())
            .await
            .map_err(|_| Problem::Timeout)?
            .ok()
    } else {
        timeout(ANSWER_WAIT, tokio::spawn(handling)).await.map_err(|_| Problem::Timeout)?.ok()
    };
    answered.unwrap_or_else(|| {
        tracing::error!(incident = %id, path = route.path, "a handler panicked");
        Err(Problem::App(AppError::Internal { incident: id.to_string() }))
    })
}

/// Reads the whole body of a route that takes one; lines are left to their handler.
async fn read_body(call: &mut Call) -> Result<(), Problem> {
    if matches!(call.route.takes, Takes::Nothing) {
        body::discard(&mut call.body, REFUSED_BYTES_MAX).await;
        return Ok(());
    }
    if let Err(problem) = body::require_type(&call.parts.headers, call.route.takes.media_types()) {
        body::discard(&mut call.body, REFUSED_BYTES_MAX).await;
        return Err(problem);
    }
    if !matches!(call.route.takes, Takes::Lines(_)) {
        let body = std::mem::take(&mut call.body);
        let bytes_max = match call.route.takes {
            Takes::Reports(_) => REPORT_BYTES_MAX,
            _ => call.state.options.limits.body_bytes_max,
        };
        call.bytes = body::whole(body, bytes_max).await?;
    }
    Ok(())
}

/// The idempotency key of a request with the digest of its body.
fn idempotency_key(call: &Call) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = call.header("idempotency-key")? else { return Ok(None) };
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
        let text = format!("Idempotency-Key takes 1 to {IDEMPOTENCY_KEY_BYTES_MAX} characters.");
        return Err(Problem::BadRequest(text.into()));
    }
    Ok(Some(IdempotencyKey { key: key.to_owned(), digest: sha256(&call.bytes) }))
}

/// The version of a customer as an entity tag.
fn etag(version: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{version}\"")).ok()
}
