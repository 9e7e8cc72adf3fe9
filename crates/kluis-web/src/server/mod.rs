//! Starts the listeners over a vault, keeps the certificate fresh, and ends gracefully.

mod authority;
mod certificate;
mod headers;
mod hsts;
mod listen;
mod mta_sts;
mod partners;
mod redirect;
mod report;
mod security_txt;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use kluis_app::App;
use kluis_net::acme::{AcmeError, Challenges, Keeper, Proof};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

pub use self::certificate::CertificateError;
use self::certificate::Shown;
use self::hsts::Hsts;
pub(crate) use self::listen::Timing;
use self::listen::{Handler, Signals, TlsListener};
pub use self::partners::{NewPartner, Partner, Partners, is_partner_name};
use self::redirect::Redirect;
pub use self::report::CertificateReport;
use self::source::{Care, Every, Source, Watch};
use self::tls::{Proofs, Settings};
use crate::options::{CertificateSource, WebOptions};
use crate::state::WebState;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// There is no certificate to show.
    #[error("no certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The ACME client cannot be set up.
    #[error("ACME: {0}")]
    Acme(#[from] AcmeError),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The pages of the console do not compile.
    #[error("console: {0}")]
    Console(String),
}

/// Serves the vault until `stop` is done, then finishes what runs and returns.
///
/// # Errors
/// When an address cannot be listened on or there is no certificate.
pub async fn serve(app: App, options: WebOptions, stop: impl Future<Output = ()>) -> Result<(), WebError> {
    let https = bind(options.https).await?;
    let http = match options.http {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    run(WebState::new(app, Arc::new(options)), https, http, Timing::default(), stop).await
}

/// Serves on listeners that are already bound.
pub(crate) async fn run(
    state: WebState,
    https: TcpListener,
    http: Option<TcpListener>,
    timing: Timing,
    stop: impl Future<Output = ()>,
) -> Result<(), WebError> {
    let options = state.options.clone();
    let challenges = Arc::new(Challenges::default());
    let source = Source::new(&options);
    let first = source.load(state.app.now())?;
    let shown = Arc::new(Shown::new(first, state.certificate.clone(), challenges.clone()));
    if let Some(share) = &options.shared_certificate {
        share.share(shown.clone());
    }
    let settings = Arc::new(Settings::new(shown.clone(), proofs(&options))?);
    let hsts = Arc::new(Hsts::open(options.hsts.clone(), &options.tls_folder));
    hsts.refresh(shown.state().is_local, state.app.now());
    let care = Care {
        watch: Watch::new(source, shown),
        state: state.clone(),
        hsts: hsts.clone(),
        settings: settings.clone(),
        bell: Arc::default(),
        progress: Arc::default(),
    };
    let mut keeping = vec![];
    if let CertificateSource::Acme(acme) = &options.certificate {
        let app = state.app.clone();
        let keeper = Keeper::open((**acme).clone(), challenges.clone(), Arc::new(move || app.now()))?;
        keeping.push(tokio::spawn(order(keeper, care.progress.clone(), care.bell.clone())));
    }
    keeping.push(tokio::spawn(care.run(Every::default())));
    let (stop_tx, stop_rx) = watch::channel(false);
    let (abort_tx, abort_rx) = watch::channel(false);
    let signals = Signals { stop: stop_rx, abort: abort_rx };
    let https_port = https.local_addr().map_or(options.https.port(), |address| address.port());
    let redirect = Redirect::new(&options.names, https_port).with_challenges(challenges);
    let redirecting = http.map(|tcp| tokio::spawn(redirect.run(tcp, timing, signals.clone())));
    let listener = TlsListener {
        tcp: https,
        tls: settings,
        connections_max: options.limits.connections_max,
        open: state.connections.clone(),
        handler: handler(state, hsts),
        timing,
    };
    let mut listening = tokio::spawn(listener.run(signals));
    tokio::select! {
        () = stop => {}
        _ = &mut listening => tracing::error!("the listener ended by itself"),
    }
    let _ = stop_tx.send(true);
    if !listening.is_finished() {
        let _ = listening.await;
    }
    let _ = abort_tx.send(true);
    keeping.iter().for_each(tokio::task::JoinHandle::abort);
    if let Some(redirecting) = redirecting {
        let _ = redirecting.await;
    }
    Ok(())
}

/// The proofs that the TLS listener gives.
fn proofs(options: &WebOptions) -> Proofs {
    match &options.certificate {
        CertificateSource::Acme(acme) if acme.proof == Proof::TlsAlpn01 => Proofs::TlsAlpn,
        _ => Proofs::None,
    }
}

/// Lets the ACME client work, and rings when it got on.
async fn order(
    keeper: Keeper,
    progress: Arc<parking_lot::RwLock<Option<kluis_net::acme::Progress>>>,
    bell: Arc<Notify>,
) {
    keeper
        .run(move |now| {
            *progress.write() = Some(now.clone());
            bell.notify_one();
        })
        .await;
}

/// Answers a request with the API, or the console, and the security headers.
fn handler(state: WebState, hsts: Arc<Hsts>) -> Handler {
    let front = Arc::new(crate::api::Front::new(state.clone()));
    Arc::new(move |request, caller| {
        let (front, hsts, state) = (front.clone(), hsts.clone(), state.clone());
        Box::pin(async move {
            let (method, path) = (request.method(), request.uri().path());
            let known = security_txt::answer(method, path, &state.options, state.app.now())
                .or_else(|| mta_sts::answer(&request, state.app.mail_settings().setup.as_deref()));
            let mut answer = match known {
                Some(answer) => answer,
                None => front.answer(request, caller).await,
            };
            headers::add(answer.headers_mut(), hsts.value());
            answer
        })
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, WebError> {
    TcpListener::bind(address).await.map_err(|source| WebError::Listen { address, source })
}
