//! Where audits of this node go on: a few at a time, each followed step by step, each with a bound on its time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kluis_checks::Report;
use kluis_model::audit::Operation;
use kluis_model::{JobId, Lang, Outcome, Period, ShopId, Text};
use kluis_net::{AuditError, AuditOptions, AuditStep, ConnectionLimit, NetworkPolicy};
use kluis_store::{CheckRunRow, Unit};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::stored::{Asked, Ended, REPORT_BYTES_MAX, owner_token, sealed, summary};
use super::{CheckDomain, CheckProblem, CheckState, CheckStep};
use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// Audits at once on one node.
const AT_ONCE: usize = 2;
/// Connections of all audits of one node at once.
const CONNECTIONS_MAX: u32 = 24;
/// What an audit may take beyond its own bound before it is given up.
const GRACE: Duration = Duration::from_secs(15);
/// A run that another node began so long ago was cut off.
const LOST_AFTER: Duration = Duration::from_secs(15 * 60);
/// Runs that are kept of one domain.
const KEPT_OF_DOMAIN: u32 = 100;
/// Runs that are kept of one shop.
const KEPT_OF_SHOP: u32 = 2_000;

/// How audits are done, and which by themselves.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Domains that are audited again and again: the shop's own, the most important one first.
    pub domains: Vec<CheckDomain>,
    /// How often.
    pub every: Period,
    /// Whether names and addresses of private networks may be audited.
    pub private_networks: bool,
    /// Audits that people may ask for in an hour.
    pub per_hour: u32,
    /// Ports, roots, name server and addresses; parts, owner and network are set for each audit.
    pub audit: AuditOptions,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            every: Period::days(1),
            private_networks: false,
            per_hour: 30,
            audit: AuditOptions::default(),
        }
    }
}

/// The audits of this process.
pub(crate) struct Desk {
    settings: RwLock<Arc<CheckSettings>>,
    asking: tokio::sync::Mutex<()>,
    places: Arc<Semaphore>,
    limit: ConnectionLimit,
    live: Arc<Mutex<HashMap<JobId, Live>>>,
}

/// An audit of this process that is not over.
#[derive(Default)]
struct Live {
    step: Option<CheckStep>,
    task: Option<AbortHandle>,
}

/// Keeps a run among those of this process until it is dropped.
pub(crate) struct Place {
    id: JobId,
    live: Arc<Mutex<HashMap<JobId, Live>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.live.lock().remove(&self.id);
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            settings: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            limit: ConnectionLimit::new(CONNECTIONS_MAX),
            live: Arc::default(),
        }
    }
}

impl Desk {
    /// The settings in force.
    pub(crate) fn settings(&self) -> Arc<CheckSettings> {
        self.settings.read().clone()
    }

    /// Waits until nobody else of this process asks for an audit, and keeps others out until it is dropped.
    pub(crate) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.asking.lock().await
    }

    /// How far an audit of this process is.
    pub(crate) fn step(&self, id: JobId) -> Option<CheckStep> {
        self.live.lock().get(&id).and_then(|live| live.step)
    }

    /// Ends what goes on; the rows say so at the next start.
    pub(crate) fn stop(&self) {
        for live in self.live.lock().values() {
            if let Some(task) = &live.task {
                task.abort();
            }
        }
    }

    /// Takes a run among those of this process.
    pub(crate) fn enter(&self, id: JobId) -> Place {
        self.live.lock().insert(id, Live::default());
        Place { id, live: self.live.clone() }
    }

    /// Does an audit in the background.
    pub(crate) fn spawn(&self, app: App, row: CheckRunRow, asked: Asked, place: Place) {
        let id = row.id;
        let task = tokio::spawn(async move {
            let _place = place;
            if let Err(error) = app.check_run(row, &asked).await {
                tracing::warn!(%error, check = %id, "a check could not be put on record");
            }
        });
        if let Some(live) = self.live.lock().get_mut(&id) {
            live.task = Some(task.abort_handle());
        }
    }

    /// The options of one audit.
    fn options(&self, asked: &Asked, owner: String) -> AuditOptions {
        let settings = self.settings();
        let network = if settings.private_networks { NetworkPolicy::Any } else { NetworkPolicy::PublicOnly };
        AuditOptions {
            parts: asked.parts.clone(),
            network,
            owner: asked.owner_verified.then_some(owner),
            limit: Some(self.limit.clone()),
            ..settings.audit.clone()
        }
    }
}

impl App {
    /// Puts the settings of audits in force, for audits that begin from now on.
    pub fn set_check_settings(&self, settings: CheckSettings) {
        *self.inner.checks.settings.write() = Arc::new(settings);
    }

    /// Does an audit when its turn has come, and keeps what came of it.
    async fn check_run(&self, mut row: CheckRunRow, asked: &Asked) -> Result<(), AppError> {
        // Invariant: the semaphore is never closed.
        let Ok(_turn) = self.inner.checks.places.clone().acquire_owned().await else { return Ok(()) };
        self.check_moves(&mut row, CheckState::Running, &Ended::NotYet {}, b"", Unit::new()).await?;
        let (state, ended, report) = match self.check_audit(&row, asked).await {
            Ok(report) => match serde_json::to_vec(&report) {
                Ok(bytes) if bytes.len() <= REPORT_BYTES_MAX => {
                    (CheckState::Done, Ended::Summary(summary(&report)), bytes)
                }
                _ => (CheckState::Failed, Ended::Problem(too_large()), Vec::new()),
            },
            Err(problem) => (CheckState::Failed, Ended::Problem(problem), Vec::new()),
        };
        let actor = self.job_actor("check");
        let mut unit = Unit::new();
        let reason = if state == CheckState::Done { "done" } else { "failed" };
        let outcome = if state == CheckState::Done { Outcome::Ok } else { Outcome::Failed };
        let done = Done { count: 1, reason: Some(reason), ..Done::default() };
        self.add_leaf(&mut unit, &actor, &Ask::new(Operation::Check), outcome, &done);
        let domain = row.domain.clone();
        self.check_moves(&mut row, state, &ended, &report, unit).await?;
        let mut trim = Unit::new();
        trim.trim_check_runs(row.shop, &domain, KEPT_OF_DOMAIN, KEPT_OF_SHOP);
        self.store().commit(trim).await?;
        Ok(())
    }

    /// Collects the evidence and judges it.
    async fn check_audit(&self, row: &CheckRunRow, asked: &Asked) -> Result<Report, CheckProblem> {
        let keys = self.keys(row.shop).map_err(|_| interrupted())?;
        let desk = &self.inner.checks;
        let options = desk.options(asked, owner_token(&keys, &row.domain));
        drop(keys);
        let (live, id) = (desk.live.clone(), row.id);
        let progress = move |step: AuditStep| {
            if let Some(live) = live.lock().get_mut(&id) {
                live.step = Some(CheckStep { part: step.part, done: step.done, total: step.total });
            }
        };
        let bound = options.total + GRACE;
        let audit = kluis_net::audit(&row.domain, &options, &progress);
        let evidence = match tokio::time::timeout(bound, audit).await {
            Ok(Ok(evidence)) => evidence,
            Ok(Err(error)) => {
                return Err(CheckProblem { text: both(|lang| error.message(lang)), hint: hint(&error) });
            }
            Err(_) => return Err(too_slow()),
        };
        tokio::task::spawn_blocking(move || kluis_checks::judge(&evidence)).await.map_err(|error| {
            tracing::error!(%error, "an audit could not be judged");
            interrupted()
        })
    }

    /// Brings a run into another state.
    async fn check_moves(
        &self,
        row: &mut CheckRunRow,
        state: CheckState,
        ended: &Ended,
        report: &[u8],
        mut unit: Unit,
    ) -> Result<(), AppError> {
        let keys = self.keys(row.shop)?;
        let before = std::mem::replace(&mut row.state, state.id().to_owned());
        row.summary = serde_json::to_string(ended).map_err(AppError::internal)?;
        row.updated = self.now();
        sealed(&keys, row, report);
        unit.update_check_run(row, report, &before);
        self.store().commit(unit).await?;
        Ok(())
    }

    /// Marks runs as failed that nobody does any more: of this node from before its start, of others after a while.
    pub(crate) async fn sweep_checks(&self, shop: ShopId) -> Result<(), AppError> {
        for mut row in self.store().busy_check_runs(shop).await? {
            let is_lost = if row.node == self.node() {
                !self.inner.checks.live.lock().contains_key(&row.id)
            } else {
                self.now().since(row.updated) > LOST_AFTER
            };
            if !is_lost {
                continue;
            }
            let ended = Ended::Problem(interrupted());
            match self.check_moves(&mut row, CheckState::Failed, &ended, b"", Unit::new()).await {
                // Somebody else was quicker.
                Ok(()) | Err(AppError::Conflict { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

fn both(text: impl Fn(Lang) -> String) -> Text {
    Text::new(text(Lang::Nl), text(Lang::En))
}

/// What to do about an audit that failed on a server, where nobody types options.
fn hint(error: &AuditError) -> Text {
    match error {
        AuditError::NoSuchName { .. } | AuditError::NoAddress { .. } => Text::new(
            "Controleer de spelling, en vraag de beheerder van het domein of het goed in de DNS staat.",
            "Check the spelling, and ask whoever runs the domain whether the DNS is right.",
        ),
        AuditError::DnsFailed { .. } => Text::new(
            "Controleer of deze server internet heeft en welke naamserver hij vraagt (check.dns), en probeer het later \
             nog eens.",
            "Check whether this server has internet and which name server it asks (check.dns), and try again later.",
        ),
        AuditError::NotAllowed { .. } => Text::new(
            "Deze server controleert alleen winkels op het openbare internet (zie check.private_networks).",
            "This server checks shops on the public internet only (see check.private_networks).",
        ),
        AuditError::Refused { .. } => Text::new(
            "Laat de webserver starten en de firewall poort 443 en 80 toelaten.",
            "Have the web server started, and the firewall allow ports 443 and 80.",
        ),
        _ => both(|lang| error.hint(lang).to_owned()),
    }
}

fn interrupted() -> CheckProblem {
    CheckProblem {
        text: Text::new("De controle is onderbroken.", "The check was interrupted."),
        hint: Text::new("Start hem opnieuw.", "Start it again."),
    }
}

fn too_slow() -> CheckProblem {
    CheckProblem {
        text: Text::new("De controle duurde te lang.", "The check took too long."),
        hint: Text::new(
            "Probeer het op een rustiger moment opnieuw.",
            "Try again at a moment when the site is less busy.",
        ),
    }
}

fn too_large() -> CheckProblem {
    CheckProblem {
        text: Text::new("Het rapport is te groot om te bewaren.", "The report is too large to keep."),
        hint: Text::new(
            "Controleer minder delen tegelijk, of gebruik: klantkluis check.",
            "Check fewer parts at once, or use: klantkluis check.",
        ),
    }
}
