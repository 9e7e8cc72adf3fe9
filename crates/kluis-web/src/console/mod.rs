//! The console for staff: server-rendered pages that work without scripts, in Dutch and English.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kluis_app::ImportJobs;

use crate::options::REPORT_BYTES_MAX;
use crate::state::WebState;

mod answer;
mod check_view;
mod mail_chart;
#[cfg(test)]
mod mail_samples;
mod mail_view;
mod pages;
mod render;
#[cfg(test)]
mod samples;
mod session;
#[cfg(test)]
mod tests;
mod texts;
mod view;
mod visit;
mod words;

use pages::{access, checks, customer, exports, find, home, import, log, mail, public};
use render::Renderer;
use session::Sessions;

/// Bytes of a form; only an import may be larger.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// Bytes around a file in an upload.
const UPLOAD_FRAME_BYTES: usize = 64 * 1024;
/// Random bytes of a session's cookie and of a token.
const TOKEN_BYTES: usize = 32;

/// What every page of the console reaches.
pub(crate) struct Console {
    pub(crate) state: WebState,
    pub(crate) renderer: Renderer,
    pub(crate) sessions: Sessions,
    pub(crate) imports: ImportJobs,
}

impl Console {
    /// A text that nobody can guess: 256 random bits.
    pub(crate) fn token(&self) -> String {
        let mut bytes = [0; TOKEN_BYTES];
        self.state.fill_random(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Bytes of an uploaded file at most.
    pub(crate) fn upload_bytes_max(&self) -> u64 {
        self.state.options.limits.upload_bytes_max as u64
    }
}

/// Every page of the console, and the answer to any other address.
pub(crate) fn routes(state: WebState) -> Router {
    let renderer = match Renderer::new() {
        Ok(renderer) => renderer,
        Err(error) => {
            // The templates are part of the program and a test renders them all, so this does not happen.
            tracing::error!(%error, "the pages of the console cannot be shown");
            return Router::new().fallback(async || StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
    };
    let imports = ImportJobs::new(state.app.clone());
    let upload_max = state.options.limits.upload_bytes_max.saturating_add(UPLOAD_FRAME_BYTES);
    let console = Arc::new(Console { state, renderer, sessions: Sessions::default(), imports });
    public_routes()
        .merge(customer_routes())
        .merge(vault_routes(upload_max))
        .merge(mail_routes())
        .fallback(public::missing)
        .method_not_allowed_fallback(public::wrong_method)
        .layer(from_fn(lang))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(console)
}

fn public_routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/", get(public::status))
        .route("/assets/{name}", get(public::asset))
        .route("/console/sign-in", get(public::sign_in_page).post(public::sign_in))
        .route("/console/sign-out", post(public::sign_out))
}

fn customer_routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/customers", get(find::page).post(find::search))
        .route("/console/customers/{id}", get(customer::page))
        .route("/console/customers/{id}/consents", get(customer::page_of).post(customer::consent))
        .route("/console/customers/{id}/access", get(customer::page_of).post(customer::access))
        .route("/console/customers/{id}/erase", get(customer::erase_page).post(customer::erase))
        .route("/console/customers/{id}/erased", get(customer::erased))
}

fn vault_routes(upload_max: usize) -> Router<Arc<Console>> {
    let upload = post(import::upload).layer(DefaultBodyLimit::max(upload_max));
    Router::new()
        .route("/console", get(home::overview))
        .route("/console/https", get(home::https))
        .route("/console/checks", get(checks::list).post(checks::start))
        .route("/console/checks/{id}", get(checks::page))
        .route("/console/checks/{id}/file", get(checks::file))
        .route("/console/store", get(home::store))
        .route("/console/necessary", get(home::necessary))
        .route("/console/together", get(home::together))
        .route("/console/connectors", get(access::list))
        .route("/console/connectors/new", get(access::new_page).post(access::create))
        .route("/console/connectors/secret", get(access::secret))
        .route("/console/connectors/{id}/revoke", get(access::revoke_page).post(access::revoke))
        .route("/console/audit", get(log::page))
        .route("/console/audit/verify", post(log::verify))
        .route("/console/audit/verified", get(log::verified))
        .route("/console/import", get(import::list).merge(upload))
        .route("/console/import/{id}", get(import::job))
        .route("/console/import/{id}/rejects", get(import::rejects))
        .route("/console/import/{id}/run", get(import::page_of).post(import::run))
        .route("/console/import/{id}/discard", get(import::page_of).post(import::discard))
        .route("/console/exports", get(exports::list).post(exports::request))
        .route("/console/exports/{id}/approve", post(exports::approve))
        .route("/console/exports/{id}/file", post(exports::file))
}

fn mail_routes() -> Router<Arc<Console>> {
    let upload_max = REPORT_BYTES_MAX + UPLOAD_FRAME_BYTES;
    let upload = post(mail::reports::upload).layer(DefaultBodyLimit::max(upload_max));
    Router::new()
        .route("/console/phishing", get(mail::home::page))
        .route("/console/phishing/keys", get(mail::keys::page).post(mail::keys::create))
        .route("/console/phishing/plan", get(mail::plan::page).post(mail::plan::compare))
        .route("/console/phishing/reports", get(mail::reports::list).merge(upload))
        .route("/console/phishing/reports/{id}", get(mail::reports::page))
        .route("/console/phishing/quarantine", get(mail::reports::quarantine))
        .route(
            "/console/phishing/quarantine/{id}/retry",
            get(mail::reports::quarantine_of).post(mail::reports::retry),
        )
        .route(
            "/console/phishing/quarantine/{id}/delete",
            get(mail::reports::quarantine_of).post(mail::reports::delete),
        )
        .route("/console/phishing/senders", get(mail::senders::page_of).post(mail::senders::disown))
        .route("/console/phishing/senders/{*key}", get(mail::senders::page))
        .route("/console/phishing/what-if", get(mail::what_if::page).post(mail::what_if::replay))
        .route("/console/phishing/queue", get(mail::queue::page))
        .route("/console/phishing/queue/{id}/retry", get(mail::queue::page_of).post(mail::queue::retry))
        .route("/console/phishing/queue/{id}/drop", get(mail::queue::page_of).post(mail::queue::drop_one))
        .route("/console/phishing/lookalikes", get(mail::lookalikes::page).post(mail::lookalikes::start))
        .route("/console/phishing/keys/step", get(mail::keys::page_of).post(mail::keys::step))
}

/// Takes a choice of language out of the address.
async fn lang(request: Request, next: Next) -> Response {
    match public::choose_lang(&request) {
        Some(answer) => answer,
        None => next.run(request).await,
    }
}
