//! Mail that comes in by itself: the submission relay, the milter, and reports by SMTP, from a folder and by IMAP.
#![forbid(unsafe_code)]

mod deliver;
mod folder;
mod imap_poll;
mod listen;
mod milter;
mod options;
mod receive;
mod relay;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use kluis_app::{App, Ingested, SHOP};
use kluis_crypto::SystemRandom;
use kluis_model::{Actor, RequestId};
use rustls::ServerConfig;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::listen::{Desk, Front};
use crate::receive::Reception;
use crate::relay::Relay;

pub use options::{
    DeliverOptions, ImapOptions, Login, MilterListen, MilterOptions, PostOptions, RelayOptions,
    ReportListener, ReportSources, ServerAddress, SmarthostTls,
};

/// TLS sessions that can be resumed without a full handshake.
const TLS_SESSIONS_MAX: usize = 1024;

/// Why mail did not start.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for mail: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The socket or folder cannot be used.
    #[error("cannot use {path} for mail: {source}")]
    Path {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS for mail: {0}")]
    Tls(#[from] rustls::Error),
    /// The smarthost's name is none, or TLS cannot be set up.
    #[error("mail.relay.smarthost: {0}")]
    Smarthost(kluis_net::smtp_out::SmarthostError),
}

/// What was started; stop it before the vault is closed.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Takes no new connections, finishes the messages that are being taken or handed over, and returns; within 20
    /// seconds.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Starts what the options name.
///
/// # Errors
/// When an address, socket or folder cannot be used. What was started before is ended then.
pub async fn start(app: App, options: PostOptions) -> Result<Running, PostError> {
    let (stop, stopped) = watch::channel(false);
    let mut running = Running { stop, tasks: Vec::new() };
    match begin(app, options, stopped, &mut running.tasks).await {
        Ok(()) => Ok(running),
        Err(error) => {
            running.stop().await;
            Err(error)
        }
    }
}

async fn begin(
    app: App,
    options: PostOptions,
    stopped: watch::Receiver<bool>,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<(), PostError> {
    let PostOptions { hostname, tls, relay, milter, reports, deliver } = options;
    let tls = tls.map(server_config).transpose()?;
    if let Some(deliver) = deliver {
        tasks.push(deliver::start(app.clone(), deliver, &hostname, stopped.clone())?);
    }
    if let Some(relay) = relay {
        let desk = Desk::Relay(Relay::new(app.clone(), hostname.clone(), &relay));
        let bounds = Relay::bounds(&relay);
        let front = Front { desk, tls: tls.clone(), bounds, stopped: stopped.clone() };
        tasks.push(listen::start(front, relay.listen).await?);
    }
    if let Some(milter) = milter {
        tasks.push(milter::start(app.clone(), milter, hostname.clone(), stopped.clone()).await?);
    }
    if let Some(smtp) = reports.smtp {
        let desk = Desk::Reception(Reception::new(app.clone(), hostname, &smtp));
        let bounds = Reception::bounds(&smtp);
        let front = Front { desk, tls, bounds, stopped: stopped.clone() };
        tasks.push(listen::start(front, smtp.listen).await?);
    }
    if let Some(folder) = reports.folder {
        tasks.push(folder::start(app.clone(), folder, stopped.clone()).await?);
    }
    if let Some(imap) = reports.imap {
        tasks.push(imap_poll::start(app, imap, stopped));
    }
    Ok(())
}

/// TLS 1.2 and 1.3 as the web server speaks it, without protocol names: mail has none.
fn server_config(certificates: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, PostError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.ignore_client_order = true;
    config.max_early_data_size = 0;
    config.session_storage = ServerSessionMemoryCache::new(TLS_SESSIONS_MAX);
    Ok(Arc::new(config))
}

/// Who takes in reports.
fn post_actor(app: &App) -> Actor {
    Actor::job("mail", SHOP, request_id(app))
}

fn request_id(app: &App) -> RequestId {
    RequestId::generate(app.now(), &SystemRandom)
}

/// Whether nothing of it was kept, because it was failure reports only.
fn is_only_failures(found: &Ingested) -> bool {
    found.failure_refused > 0 && found.new == 0 && found.known == 0 && found.quarantined.is_empty()
}
