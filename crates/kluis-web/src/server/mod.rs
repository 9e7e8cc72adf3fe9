//! Starts the listeners over a vault, keeps the certificate fresh, and ends gracefully.

mod authority;
mod certificate;
mod headers;
mod listen;
mod redirect;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kluis_app::App;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::authority::Authority;
pub use self::certificate::CertificateError;
use self::certificate::{Loaded, Shown, load};
use self::headers::SecurityHeaders;
pub(crate) use self::listen::Timing;
use self::listen::{Handler, Signals, TlsListener};
use self::redirect::Redirect;
use crate::options::{CertificateSource, WebOptions};
use crate::state::WebState;

/// How often certificate files are looked at.
const FILES_EVERY: Duration = Duration::from_secs(5);
/// How often it is considered whether the own certificate is due.
const OWN_EVERY: Duration = Duration::from_secs(600);

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
    let source = Source::new(&options);
    let shown = Arc::new(Shown::new(source.load(state.app.now())?, state.certificate.clone()));
    let (stop_tx, stop_rx) = watch::channel(false);
    let (abort_tx, abort_rx) = watch::channel(false);
    let signals = Signals { stop: stop_rx, abort: abort_rx };
    let https_port = https.local_addr().map_or(options.https.port(), |address| address.port());
    let redirecting = http
        .map(|tcp| tokio::spawn(Redirect::new(&options.names, https_port).run(tcp, timing, signals.clone())));
    let app = state.app.clone();
    let keeping = tokio::spawn(keep_fresh(source, shown.clone(), move || app.now(), FILES_EVERY, OWN_EVERY));
    let listener = TlsListener {
        tcp: https,
        tls: Arc::new(tls::config(shown)?),
        connections_max: options.limits.connections_max,
        open: state.connections.clone(),
        handler: handler(state),
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
    keeping.abort();
    if let Some(redirecting) = redirecting {
        let _ = redirecting.await;
    }
    Ok(())
}

/// Answers a request with the API, or the console, and the security headers.
fn handler(state: WebState) -> Handler {
    let headers = Arc::new(SecurityHeaders::new(state.options.hsts_max_age_s));
    let front = Arc::new(crate::api::Front::new(state));
    Arc::new(move |request, peer| {
        let (front, headers) = (front.clone(), headers.clone());
        Box::pin(async move {
            let mut answer = front.answer(request, peer).await;
            headers.add(answer.headers_mut());
            answer
        })
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, WebError> {
    TcpListener::bind(address).await.map_err(|source| WebError::Listen { address, source })
}

/// Where certificates come from, ready to be asked again.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The own authority.
    Own(Authority),
    /// Files of somebody else.
    Files { chain: PathBuf, key: PathBuf },
}

impl Source {
    fn new(options: &WebOptions) -> Self {
        match &options.certificate {
            CertificateSource::Own { folder } => Self::Own(Authority::new(folder, &options.names)),
            CertificateSource::Files { chain, key } => Self::Files { chain: chain.clone(), key: key.clone() },
        }
    }

    fn load(&self, now: kluis_model::TimeMs) -> Result<Loaded, CertificateError> {
        match self {
            Self::Own(authority) => authority.certificate(now),
            Self::Files { chain, key } => load(chain, key, false),
        }
    }

    /// When and how large the files were last written; changes when they do. The own authority has none.
    fn stamp(&self) -> Option<[Option<(SystemTime, u64)>; 2]> {
        let stamp = |file: &PathBuf| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        match self {
            Self::Own(_) => None,
            Self::Files { chain, key } => Some([stamp(chain), stamp(key)]),
        }
    }
}

/// Swaps the certificate when its files change or its time has come; what cannot be read leaves the old one in force.
async fn keep_fresh(
    source: Source,
    shown: Arc<Shown>,
    now: impl Fn() -> kluis_model::TimeMs + Send + 'static,
    files_every: Duration,
    own_every: Duration,
) {
    let every = if matches!(source, Source::Own(_)) { own_every } else { files_every };
    let mut seen = source.stamp();
    loop {
        tokio::time::sleep(every).await;
        let stamp = source.stamp();
        if stamp.is_some() && stamp == seen {
            continue;
        }
        let (asked, at) = (source.clone(), now());
        match tokio::task::spawn_blocking(move || asked.load(at)).await {
            Ok(Ok(loaded)) => {
                shown.swap(loaded);
                seen = stamp;
            }
            // The files may be half written; they are tried again until they fit.
            Ok(Err(error)) => {
                tracing::warn!(%error, "the certificate is not renewed; the old one stays in force")
            }
            Err(error) => tracing::error!(%error, "the certificate is not renewed"),
        }
    }
}
