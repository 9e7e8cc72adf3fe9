//! Where the certificate comes from, and the watch that swaps it, follows the partners and tells how things stand.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kluis_model::TimeMs;
use kluis_net::acme::{CERTIFICATE_FILE, Progress};
use tokio::sync::Notify;

use super::authority::Authority;
use super::certificate::{CertificateError, Loaded, Shown, load};
use super::hsts::Hsts;
use super::partners::Partners;
use super::report::CertificateReport;
use super::tls::Settings;
use crate::options::{CertificateSource, WebOptions};
use crate::state::{Renewal, WebState};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is considered whether the own certificate is due.
const OWN_EVERY: Duration = Duration::from_secs(600);

/// Where certificates come from, ready to be asked again.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The own authority.
    Own(Authority),
    /// Files of somebody else.
    Files { chain: PathBuf, key: PathBuf },
    /// The file that the ACME client writes, and the own authority until there is one.
    Acme { file: PathBuf, own: Authority },
}

/// When and how large two files were last written; changes when they do.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Source {
    pub(crate) fn new(options: &WebOptions) -> Self {
        let own = || Authority::new(&options.tls_folder, &options.names);
        match &options.certificate {
            CertificateSource::Own => Self::Own(own()),
            CertificateSource::Files { chain, key } => Self::Files { chain: chain.clone(), key: key.clone() },
            CertificateSource::Acme(acme) => {
                Self::Acme { file: acme.folder.join(CERTIFICATE_FILE), own: own() }
            }
        }
    }

    pub(crate) fn load(&self, now: TimeMs) -> Result<Loaded, CertificateError> {
        match self {
            Self::Own(authority) => authority.certificate(now),
            Self::Files { chain, key } => load(chain, key, false),
            Self::Acme { file, own } if !file.exists() => own.certificate(now),
            Self::Acme { file, own } => load(file, file, false).or_else(|error| {
                tracing::warn!(%error, "the ordered certificate is of no use; our own authority serves");
                own.certificate(now)
            }),
        }
    }

    fn stamp(&self) -> Stamp {
        let stamp = |file: &PathBuf| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        match self {
            Self::Own(_) => [None, None],
            Self::Files { chain, key } => [stamp(chain), stamp(key)],
            Self::Acme { file, .. } => [stamp(file), None],
        }
    }
}

/// How often the watch looks at what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Every {
    pub(crate) look: Duration,
    pub(crate) own: Duration,
}

impl Default for Every {
    fn default() -> Self {
        Self { look: LOOK_EVERY, own: OWN_EVERY }
    }
}

/// Keeps what the listeners show up to date; what cannot be read leaves the old in force.
pub(crate) struct Watch {
    source: Source,
    shown: Arc<Shown>,
    seen: Stamp,
    loaded: Instant,
    failed: Option<(String, TimeMs)>,
}

impl Watch {
    pub(crate) fn new(source: Source, shown: Arc<Shown>) -> Self {
        let seen = source.stamp();
        Self { source, shown, seen, loaded: Instant::now(), failed: None }
    }

    /// Swaps the certificate when its files changed or its time has come.
    pub(crate) async fn look(&mut self, now: TimeMs, own_every: Duration) {
        let stamp = self.source.stamp();
        let is_own_due = self.shown.state().is_local && self.loaded.elapsed() >= own_every;
        if stamp == self.seen && !is_own_due {
            return;
        }
        let source = self.source.clone();
        match tokio::task::spawn_blocking(move || source.load(now)).await {
            Ok(Ok(loaded)) => {
                self.shown.swap(loaded);
                (self.seen, self.loaded, self.failed) = (stamp, Instant::now(), None);
            }
            // The files may be half written; they are tried again until they fit.
            Ok(Err(error)) => {
                let text = error.to_string();
                if self.failed.as_ref().is_none_or(|(known, _)| *known != text) {
                    tracing::warn!(%error, "the certificate is not renewed; the old one stays in force");
                    self.failed = Some((text, now));
                }
            }
            Err(error) => tracing::error!(%error, "the certificate is not renewed"),
        }
    }

    /// Why the files are not taken, if they are not.
    fn failed(&self) -> Option<(String, TimeMs)> {
        self.failed.clone()
    }
}

/// The watch with all that follows from what it sees.
pub(crate) struct Care {
    pub(crate) watch: Watch,
    pub(crate) state: WebState,
    pub(crate) hsts: Arc<Hsts>,
    pub(crate) settings: Arc<Settings>,
    /// Rung when there is something new to look at.
    pub(crate) bell: Arc<Notify>,
    /// How the ACME client stands, where there is one.
    pub(crate) progress: Arc<parking_lot::RwLock<Option<Progress>>>,
}

impl Care {
    /// Looks after everything for ever.
    pub(crate) async fn run(mut self, every: Every) {
        let partners = Partners::new(&self.state.options.tls_folder);
        let mut partners_seen = None;
        let mut told = None;
        loop {
            let now = self.state.app.now();
            self.watch.look(now, every.own).await;
            self.hsts.refresh(self.watch.shown.state().is_local, now);
            self.follow(&partners, &mut partners_seen, now);
            self.tell(&mut told);
            tokio::select! {
                () = tokio::time::sleep(every.look) => {}
                () = self.bell.notified() => {}
            }
        }
    }

    /// Asks for the certificates of partners when there are some.
    fn follow(&self, partners: &Partners, seen: &mut Option<(SystemTime, u64)>, now: TimeMs) {
        let stamp = partners.stamp();
        if stamp == *seen {
            return;
        }
        let trusted = partners
            .authority(now)
            .map_err(|error| error.to_string())
            .and_then(|authority| self.settings.trust(authority.as_ref()).map_err(|error| error.to_string()));
        if let Err(error) = trusted {
            tracing::error!(error, "the list of partners is not taken; the old one stays in force");
        }
        *seen = stamp;
    }

    /// Tells how things stand: in the state, and in the file that commands read.
    fn tell(&self, told: &mut Option<CertificateReport>) {
        let options = &self.state.options;
        *self.state.renewal.write() = renewal(self.progress.read().as_ref(), self.watch.failed());
        let shown = self.watch.shown.state();
        let report = CertificateReport::new(&options.certificate, &shown, &self.state.renewal.read());
        if told.as_ref() == Some(&report) {
            return;
        }
        match write_report(&report, &options.tls_folder) {
            Ok(()) => *told = Some(report),
            Err(error) => tracing::warn!(%error, "how the certificate stands cannot be written"),
        }
    }
}

fn write_report(report: &CertificateReport, folder: &Path) -> Result<(), CertificateError> {
    super::authority::make_folder(folder)?;
    report.write(folder)
}

fn renewal(progress: Option<&Progress>, failed: Option<(String, TimeMs)>) -> Renewal {
    let Some(progress) = progress else { return Renewal { failed, ..Renewal::default() } };
    let last = progress.last_error.clone().zip(progress.last_error_at);
    Renewal { next: progress.next_renewal, next_try: progress.next_try, failed: failed.or(last) }
}
