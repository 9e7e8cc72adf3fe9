//! What anybody may see: the status page, the look of the console, and signing in and out.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kluis_app::{AppError, Denial};
use kluis_model::{ActorKind, Lang, Operation, PiiText};
use serde::Deserialize;

use crate::console::Console;
use crate::console::answer::{Answer, WithCookie, cookie, redirect};
use crate::console::check_view::tone_of;
use crate::console::render::{CSS, MARK, css_name};
use crate::console::session::{ABSOLUTE_HOURS, IDLE_MINUTES};
use crate::console::view::{ErrorView, FieldError, LastCheck, SignInView, StatusView};
use crate::console::visit::{
    FORM_COOKIE, Form, LANG_COOKIE, Posted, SESSION_COOKIE, Visit, is_same, is_same_origin,
};
use crate::console::words::{certificate, public_counts};

/// Longest credential that is looked at.
const CREDENTIAL_BYTES_MAX: usize = 200;
/// Seconds for which a language is remembered: a year.
const LANG_S: u32 = 31_536_000;
/// How long a browser may keep an asset whose name changes with its content.
const KEEP_FOREVER: &str = "public, max-age=31536000, immutable";

/// `GET /`
pub(crate) async fn status(visit: Visit) -> Answer {
    let console = &visit.console;
    let app = &console.state.app;
    let status = app.public_status().await.map_err(|error| visit.fail(&error))?;
    let view = StatusView {
        sealed: status.sealed,
        counts: status.counts.as_ref().map(public_counts),
        certificate: certificate(&console.state.certificate.read(), app.now()),
        checkpoint_at: status.checkpoint_at.map(|at| at.0),
        check: status.check.map(|(grade, at)| LastCheck {
            id: String::new(),
            domain: String::new(),
            tone: tone_of(&grade),
            grade,
            at: at.0,
        }),
        watches_mail: app.mail_settings().setup.is_some(),
    };
    Ok(visit.page(StatusCode::OK, &visit.frame(), &view))
}

/// `GET /assets/{name}`
pub(crate) async fn asset(visit: Visit, Path(name): Path<String>) -> Response {
    let (kind, keep, body) = match name.as_str() {
        name if name == css_name() => ("text/css; charset=utf-8", KEEP_FOREVER, CSS),
        "mark.svg" => ("image/svg+xml", "public, max-age=86400", MARK),
        _ => return missing(visit).await,
    };
    // The mark carries its own two colours; nothing else may load or run.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, keep),
            (header::CONTENT_SECURITY_POLICY, policy),
        ],
        body,
    )
        .into_response()
}

/// Any other address.
pub(crate) async fn missing(visit: Visit) -> Response {
    nothing(&visit, StatusCode::NOT_FOUND)
}

/// An address that is there, asked for in a way it does not answer.
pub(crate) async fn wrong_method(visit: Visit) -> Response {
    nothing(&visit, StatusCode::METHOD_NOT_ALLOWED)
}

fn nothing(visit: &Visit, status: StatusCode) -> Response {
    let (kind, back) = ("not-found", "/console".to_owned());
    let view = ErrorView { status: status.as_u16(), kind, text: None, incident: None, back };
    let mut frame = visit.frame();
    frame.path = "/".into();
    visit.page(status, &frame, &view)
}

/// Sets the language of `?lang=` and goes to the same page without it.
pub(crate) fn choose_lang(request: &Request) -> Option<Response> {
    let query = request.uri().query().filter(|_| request.method() == axum::http::Method::GET)?;
    let code = query.split('&').rev().find_map(|pair| pair.strip_prefix("lang="))?;
    let lang: Lang = code.parse().ok()?;
    let to = crate::console::visit::shown_path(request.uri());
    Some(redirect(&to).with_cookie(&cookie(LANG_COOKIE, lang.id(), Some(LANG_S))))
}

/// What the address of the sign-in page may say.
#[derive(Deserialize)]
pub(crate) struct SignInQuery {
    ended: Option<String>,
}

/// `GET /console/sign-in`
pub(crate) async fn sign_in_page(visit: Visit, Query(query): Query<SignInQuery>) -> Response {
    if visit.session().is_ok_and(|session| session.is_some()) {
        return redirect("/console");
    }
    let ended = match query.ended.as_deref() {
        Some("idle") => Some("idle"),
        Some("absolute") => Some("absolute"),
        _ => None,
    };
    sign_in_form(&visit, StatusCode::OK, SignInView { ended, ..SignInView::default() })
}

/// The form with a fresh token that only this browser has.
fn sign_in_form(visit: &Visit, status: StatusCode, view: SignInView) -> Response {
    let token = visit.console.token();
    let mut frame = visit.frame();
    frame.path = "/console/sign-in".into();
    frame.csrf = token.clone();
    let view = SignInView { idle_minutes: IDLE_MINUTES, absolute_hours: ABSOLUTE_HOURS, ..view };
    visit.page(status, &frame, &view).with_cookie(&cookie(FORM_COOKIE, &token, Some(3_600)))
}

fn refused(visit: &Visit, status: StatusCode, key: &str) -> Response {
    let error = FieldError { field: "credential".into(), message: visit.texts().get(key) };
    sign_in_form(visit, status, SignInView { errors: vec![error], ..SignInView::default() })
}

/// `POST /console/sign-in`
pub(crate) async fn sign_in(State(console): State<Arc<Console>>, visit: Visit, request: Request) -> Answer {
    let from_here = is_same_origin(request.headers(), request.uri());
    let form = Form::read(request, &console).await;
    let Some(form) = form.filter(|form| from_here && is_own_form(&visit, form)) else {
        return Ok(refused(&visit, StatusCode::FORBIDDEN, "sign-in-form"));
    };
    let now = console.state.app.now();
    if let Some(Err(wait_s)) = visit.peer.map(|peer| console.state.limiter.may_try(peer, now)) {
        let view = SignInView { wait_minutes: Some(i64::from(wait_s.div_ceil(60))), ..SignInView::default() };
        let mut answer = sign_in_form(&visit, StatusCode::TOO_MANY_REQUESTS, view);
        answer.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
        return Ok(answer);
    }
    let secret = PiiText::from(form.get("credential"));
    if secret.expose().is_empty() {
        return Ok(refused(&visit, StatusCode::UNPROCESSABLE_ENTITY, "sign-in-empty"));
    }
    try_credential(&visit, secret).await
}

/// Whether the form was made for this browser: its token is that of the cookie.
fn is_own_form(visit: &Visit, form: &Form) -> bool {
    visit.cookies.get(FORM_COOKIE).is_some_and(|token| is_same(form.get("csrf"), token))
}

/// Opens a session for the person behind a credential; every refusal looks the same.
async fn try_credential(visit: &Visit, secret: PiiText) -> Answer {
    let console = &visit.console;
    let app = &console.state.app;
    let shown = if secret.expose().len() > CREDENTIAL_BYTES_MAX { "" } else { secret.expose() };
    let denied = AppError::Denied { reason: Denial::NotSignedIn };
    let found = match app.authenticate(shown, visit.request).await {
        // A connector's secret opens the API, not the console.
        Ok(actor) if actor.kind != ActorKind::Staff => Err(denied),
        other => other,
    };
    match found {
        Ok(actor) => {
            app.signed(&actor, Operation::SignIn).await.map_err(|error| visit.fail(&error))?;
            if let Some(old) = visit.cookies.get(SESSION_COOKIE) {
                console.sessions.close(old);
            }
            let token = console.token();
            console.sessions.open(token.clone(), console.token(), secret, app.now());
            let answer = redirect("/console").with_cookie(&cookie(SESSION_COOKIE, &token, None));
            Ok(answer.with_cookie(&cookie(FORM_COOKIE, "", Some(0))))
        }
        Err(AppError::Denied { .. }) => {
            // The limiter also bounds how many failures go on the record, so that nobody can fill the log.
            let is_recorded = visit.peer.is_none_or(|peer| console.state.limiter.failed(peer, app.now()));
            if is_recorded {
                app.sign_in_failed(visit.request).await.map_err(|error| visit.fail(&error))?;
            }
            Ok(refused(visit, StatusCode::UNPROCESSABLE_ENTITY, "sign-in-error"))
        }
        Err(error) => Err(visit.fail(&error)),
    }
}

/// `POST /console/sign-out`
pub(crate) async fn sign_out(Posted { signed, .. }: Posted) -> Answer {
    let visit = &signed.visit;
    if let Some(cookie) = visit.cookies.get(SESSION_COOKIE) {
        visit.console.sessions.close(cookie);
    }
    // The session is over whether or not the log can be written at this moment.
    if let Err(error) = visit.console.state.app.signed(&signed.actor, Operation::SignOut).await {
        tracing::warn!(%error, "signing out was not logged");
    }
    Ok(redirect("/").with_cookie(&cookie(SESSION_COOKIE, "", Some(0))))
}
