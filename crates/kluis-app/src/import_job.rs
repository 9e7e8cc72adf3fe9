//! Imports that people follow in the console: the uploaded file is sealed while it comes in, looked at in a dry run, and imported when somebody says so.
//!
//! The file lies in the data folder under a key that is only in memory, and its name is gone from
//! the folder before the first byte is written: whatever happens to the process, nobody can read
//! it afterwards, and the disk has its room back. Jobs are kept in memory and end with it; the
//! import itself is idempotent, so a cut-off one is simply started again.

use std::fs::{File, OpenOptions, create_dir_all, remove_file};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kluis_connect::{ConnectError, ImportReader, OpenOptions as ConnectOptions};
use kluis_crypto::spool::{SpoolKey, SpoolReader, SpoolWriter};
use kluis_model::audit::Operation;
use kluis_model::{Actor, JobId, Lang, Text, TimeMs};
use parking_lot::Mutex;

use crate::guard::Ask;
use crate::{App, AppError, ImportOptions, ImportProgress, ImportReport};

/// Files that may lie sealed at the same time.
const FILES_MAX: usize = 4;
/// Jobs in the list; the oldest finished ones are forgotten.
const JOBS_MAX: usize = 50;
/// Bytes of the list of refused lines that are kept.
const REJECTS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a looked-at file waits for a decision before it is destroyed.
const DECISION_WAIT: Duration = Duration::from_secs(3_600);
/// Folder of the sealed files in the data folder.
const FOLDER: &str = "spool";

/// Where an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportState {
    /// The dry run goes on.
    Checking,
    /// The dry run is done; somebody has to decide.
    Checked,
    /// The import goes on.
    Running,
    /// The import is done.
    Done,
    /// It could not be finished.
    Failed,
    /// Somebody threw the file away, or nobody decided in time.
    Cancelled,
}

impl ImportState {
    /// The word for programs.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Checked => "checked",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An import as people see it; no personal data.
#[derive(Debug, Clone)]
pub struct ImportJobView {
    /// Its id.
    pub id: JobId,
    /// When the file was there.
    pub at: TimeMs,
    /// Where it is.
    pub state: ImportState,
    /// How far the present run is.
    pub progress: ImportProgress,
    /// Bytes of the file.
    pub bytes: u64,
    /// What the dry run or the import says, once it is done.
    pub report: Option<ImportReport>,
    /// Why it failed.
    pub problem: Option<Text>,
}

/// The imports of this process; clones share them.
#[derive(Clone)]
pub struct ImportJobs {
    app: App,
    files: Arc<AtomicUsize>,
    jobs: Arc<Mutex<Vec<Arc<Job>>>>,
}

struct Job {
    id: JobId,
    at: TimeMs,
    cancel: Arc<AtomicBool>,
    rejects: Rejects,
    live: Mutex<Live>,
}

/// What changes while a job goes on.
struct Live {
    state: ImportState,
    progress: ImportProgress,
    bytes: u64,
    report: Option<ImportReport>,
    problem: Option<Text>,
    spool: Option<Arc<Spool>>,
}

/// A sealed file without a name; gone when dropped.
struct Spool {
    file: File,
    key: SpoolKey,
    name: String,
    _slot: Slot,
}

/// One of the few places for a file; free again when dropped.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(files: &Arc<AtomicUsize>) -> Option<Self> {
        let room = |taken| (taken < FILES_MAX).then_some(taken + 1);
        files.fetch_update(Ordering::SeqCst, Ordering::SeqCst, room).ok()?;
        Some(Self(files.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A file that is coming in.
pub struct ImportUpload {
    jobs: ImportJobs,
    actor: Actor,
    key: SpoolKey,
    writer: SpoolWriter<File>,
    name: String,
    bytes: u64,
    bytes_max: u64,
    slot: Slot,
}

impl ImportUpload {
    /// Takes the next bytes of the file and seals them.
    ///
    /// # Errors
    /// `Invalid` when the file is larger than it may be, `Unavailable` when the disk does not take it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), AppError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(AppError::invalid("file", "Het bestand is te groot.", "The file is too large."));
        }
        self.writer.write_all(bytes).map_err(disk)
    }

    /// Ends the file and starts the dry run; gives the job under which both can be followed.
    ///
    /// # Errors
    /// `Invalid` for an empty file, `Unavailable` when the disk does not take it.
    pub fn finish(self) -> Result<JobId, AppError> {
        if self.bytes == 0 {
            return Err(AppError::invalid("file", "Het bestand is leeg.", "The file is empty."));
        }
        let file = self.writer.finish().map_err(disk)?;
        let spool = Spool { file, key: self.key, name: self.name, _slot: self.slot };
        let now = self.jobs.app.now();
        let job = Arc::new(Job {
            id: JobId::generate(now, self.jobs.app.random()),
            at: now,
            cancel: Arc::default(),
            rejects: Rejects::default(),
            live: Mutex::new(Live {
                state: ImportState::Checking,
                progress: ImportProgress::default(),
                bytes: self.bytes,
                report: None,
                problem: None,
                spool: Some(Arc::new(spool)),
            }),
        });
        self.jobs.add(job.clone());
        let (jobs, actor, id) = (self.jobs, self.actor, job.id);
        tokio::spawn(async move {
            if jobs.follow(actor, job.clone(), Run::Dry).await {
                tokio::time::sleep(DECISION_WAIT).await;
                job.throw_away();
            }
        });
        Ok(id)
    }
}

/// Which run of a job.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Dry,
    Real,
}

impl ImportJobs {
    /// The imports over a vault, none yet.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { app, files: Arc::default(), jobs: Arc::default() }
    }

    /// Begins to take a file of at most `bytes_max` bytes; its name only says of what form it is.
    ///
    /// # Errors
    /// Denied, `Conflict` when too many files wait already, `Unavailable` when the disk does not take it.
    pub async fn upload(&self, actor: &Actor, name: &str, bytes_max: u64) -> Result<ImportUpload, AppError> {
        self.app.allow(actor, &Ask::new(Operation::Import)).await?;
        let slot = Slot::take(&self.files);
        let slot = slot.ok_or_else(|| AppError::Conflict { what: "imports".into() })?;
        let key = SpoolKey::random(self.app.random());
        let file = self.nameless_file().map_err(disk)?;
        let writer = SpoolWriter::new(&key, file, self.app.random()).map_err(disk)?;
        let (jobs, actor, name) = (self.clone(), actor.clone(), name.to_owned());
        Ok(ImportUpload { jobs, actor, key, writer, name, bytes: 0, bytes_max, slot })
    }

    /// A file that nobody else can open, and that is gone when it is closed.
    fn nameless_file(&self) -> io::Result<File> {
        let folder = self.app.data_dir().join(FOLDER);
        create_dir_all(&folder)?;
        let path = folder.join(JobId::generate(self.app.now(), self.app.random()).to_string());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        remove_file(&path)?;
        Ok(file)
    }

    /// The imports since the start, newest first.
    ///
    /// # Errors
    /// Denied.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<ImportJobView>, AppError> {
        self.app.allow(actor, &Ask::new(Operation::Import)).await?;
        Ok(self.jobs.lock().iter().rev().map(|job| job.view()).collect())
    }

    /// One import.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn view(&self, actor: &Actor, id: JobId) -> Result<ImportJobView, AppError> {
        self.app.allow(actor, &Ask::new(Operation::Import)).await?;
        Ok(self.find(id)?.view())
    }

    /// The refused lines of an import as CSV: line, field, reason; never a value.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn rejects(&self, actor: &Actor, id: JobId) -> Result<Vec<u8>, AppError> {
        self.app.allow(actor, &Ask::new(Operation::Import)).await?;
        Ok(self.find(id)?.rejects.0.lock().clone())
    }

    /// Starts the import of a file that was looked at.
    ///
    /// # Errors
    /// Denied, `NotFound`, or `Conflict` when it does not wait for a decision.
    pub async fn run(&self, actor: &Actor, id: JobId) -> Result<(), AppError> {
        self.app.allow(actor, &Ask::new(Operation::Import)).await?;
        let job = self.find(id)?;
        {
            let mut live = job.live.lock();
            if live.state != ImportState::Checked {
                return Err(AppError::Conflict { what: "import".into() });
            }
            live.state = ImportState::Running;
            live.progress = ImportProgress::default();
        }
        job.rejects.0.lock().clear();
        let (jobs, actor) = (self.clone(), actor.clone());
        tokio::spawn(async move { jobs.follow(actor, job, Run::Real).await });
        Ok(())
    }

    /// Throws a file away that waits for a decision, or stops the run after the chunk at hand.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn discard(&self, actor: &Actor, id: JobId) -> Result<(), AppError> {
        self.app.allow(actor, &Ask::new(Operation::Import)).await?;
        let job = self.find(id)?;
        job.cancel.store(true, Ordering::SeqCst);
        job.throw_away();
        Ok(())
    }

    fn find(&self, id: JobId) -> Result<Arc<Job>, AppError> {
        self.jobs.lock().iter().find(|job| job.id == id).cloned().ok_or(AppError::NotFound)
    }

    fn add(&self, job: Arc<Job>) {
        let mut jobs = self.jobs.lock();
        if jobs.len() >= JOBS_MAX
            && let Some(oldest) = jobs.iter().position(|job| job.live.lock().spool.is_none())
        {
            jobs.remove(oldest);
        }
        jobs.push(job);
    }

    /// Runs a job on a thread of its own, because reading the file blocks; tells whether a decision is waited for now.
    async fn follow(&self, actor: Actor, job: Arc<Job>, run: Run) -> bool {
        let (jobs, followed, runtime) = (self.clone(), job.clone(), tokio::runtime::Handle::current());
        let going = tokio::task::spawn_blocking(move || runtime.block_on(jobs.go(&actor, &followed, run)));
        match going.await {
            Ok(waits) => waits,
            Err(error) => {
                job.fail(&AppError::internal(error));
                false
            }
        }
    }

    /// Reads the file to its end; tells whether a decision is waited for now.
    async fn go(&self, actor: &Actor, job: &Arc<Job>, run: Run) -> bool {
        let result = self.import(actor, job, run).await;
        let report = match result {
            Ok(report) => report,
            Err(error) => {
                job.fail(&error);
                return false;
            }
        };
        let mut live = job.live.lock();
        live.state = match (report.cancelled, run) {
            (true, _) => ImportState::Cancelled,
            (false, Run::Dry) => ImportState::Checked,
            (false, Run::Real) => ImportState::Done,
        };
        live.report = Some(report);
        if live.state != ImportState::Checked {
            live.spool = None;
        }
        live.state == ImportState::Checked
    }

    async fn import(&self, actor: &Actor, job: &Arc<Job>, run: Run) -> Result<ImportReport, AppError> {
        let spool = job.live.lock().spool.clone().ok_or(AppError::NotFound)?;
        let reader = spool.open()?;
        let options = ImportOptions {
            dry_run: run == Run::Dry,
            rejects: Some(Box::new(job.rejects.clone())),
            cancel: job.cancel.clone(),
        };
        let progress = |step: ImportProgress| job.live.lock().progress = step;
        self.app.import(actor, reader, options, &progress).await
    }
}

impl Job {
    fn view(&self) -> ImportJobView {
        let live = self.live.lock();
        ImportJobView {
            id: self.id,
            at: self.at,
            state: live.state,
            progress: live.progress,
            bytes: live.bytes,
            report: live.report.clone(),
            problem: live.problem.clone(),
        }
    }

    fn fail(&self, error: &AppError) {
        let mut live = self.live.lock();
        live.state = ImportState::Failed;
        live.problem = Some(Text::new(error.text(Lang::Nl), error.text(Lang::En)));
        live.spool = None;
    }

    /// Destroys a file that waits for a decision.
    fn throw_away(&self) {
        let mut live = self.live.lock();
        if live.state == ImportState::Checked {
            live.state = ImportState::Cancelled;
            live.spool = None;
        }
    }
}

impl Spool {
    /// Reads the file from its beginning.
    fn open(&self) -> Result<ImportReader, AppError> {
        let file = self.file.try_clone().map_err(disk)?;
        let reader = SpoolReader::new(&self.key, file).map_err(disk)?;
        let opened = kluis_connect::open(Box::new(reader), &self.name, &ConnectOptions::default());
        opened.map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &ConnectError) -> AppError {
    AppError::invalid("file", error.text(Lang::Nl), error.text(Lang::En))
}

fn disk(error: io::Error) -> AppError {
    AppError::Unavailable { what: format!("import file: {}", error.kind()) }
}

/// The list of refused lines; what does not fit is left out.
#[derive(Clone, Default)]
struct Rejects(Arc<Mutex<Vec<u8>>>);

impl Write for Rejects {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock();
        if all.len() + bytes.len() <= REJECTS_BYTES_MAX {
            all.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{Vault, local};
    use kluis_model::{Grant, Role};

    const CSV: &[u8] = b"email,first_name,last_name\r\nnoor@zeegroen.example,Noor,Zeegroen\r\nkort\r\n";

    async fn send(jobs: &ImportJobs, name: &str, bytes: &[u8], bytes_max: u64) -> Result<JobId, AppError> {
        let mut upload = jobs.upload(&local(), name, bytes_max).await?;
        for part in bytes.chunks(7) {
            upload.write(part)?;
        }
        upload.finish()
    }

    async fn until(jobs: &ImportJobs, id: JobId, state: ImportState) -> ImportJobView {
        for _ in 0..2_000 {
            let view = jobs.view(&local(), id).await.unwrap();
            if view.state == state {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {state:?}: {:?}", jobs.view(&local(), id).await);
    }

    #[tokio::test]
    async fn a_file_is_looked_at_first_and_imported_when_somebody_says_so() {
        let vault = Vault::new().await;
        let jobs = ImportJobs::new(vault.app.clone());
        let id = send(&jobs, "klanten.csv", CSV, 1_000).await.unwrap();
        let checked = until(&jobs, id, ImportState::Checked).await.report.unwrap();
        assert_eq!((checked.created, checked.rejected, checked.dry_run), (1, 1, true));
        let rejects = String::from_utf8(jobs.rejects(&local(), id).await.unwrap()).unwrap();
        assert!(!rejects.is_empty() && !rejects.contains("zeegroen"), "{rejects}");
        jobs.run(&local(), id).await.unwrap();
        let done = until(&jobs, id, ImportState::Done).await.report.unwrap();
        assert_eq!((done.created, done.rejected, done.dry_run), (1, 1, false));
        assert!(matches!(jobs.run(&local(), id).await, Err(AppError::Conflict { .. })));
        let again = send(&jobs, "klanten.csv", CSV, 1_000).await.unwrap();
        let again = until(&jobs, again, ImportState::Checked).await.report.unwrap();
        assert_eq!((again.created, again.unchanged), (0, 1));
        assert_eq!(jobs.list(&local()).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_cannot_be_imported_says_why_and_leaves_nothing() {
        let vault = Vault::new().await;
        let jobs = ImportJobs::new(vault.app.clone());
        for (name, bytes, bytes_max) in [("a.csv", CSV, 10), ("a.csv", &b""[..], 10)] {
            assert!(matches!(send(&jobs, name, bytes, bytes_max).await, Err(AppError::Invalid(_))));
        }
        for (name, bytes) in [
            ("a.xlsx", &b"PK\x03\x04nonsense"[..]),
            ("a.csv", b"\0\0\0\0"),
            ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ] {
            let id = send(&jobs, name, bytes, 100).await.unwrap();
            assert!(until(&jobs, id, ImportState::Failed).await.problem.is_some(), "{name}");
        }
        assert_eq!(jobs.files.load(Ordering::SeqCst), 0, "every place is free again");
        assert_eq!(std::fs::read_dir(vault.dir.path().join(FOLDER)).unwrap().count(), 0);
        assert!(matches!(jobs.view(&local(), JobId::from_bytes([0; 16])).await, Err(AppError::NotFound)));
    }

    #[tokio::test]
    async fn files_that_wait_are_few_and_can_be_thrown_away() {
        let vault = Vault::new().await;
        let jobs = ImportJobs::new(vault.app.clone());
        let mut ids = Vec::new();
        for _ in 0..FILES_MAX {
            let id = send(&jobs, "a.csv", CSV, 1_000).await.unwrap();
            until(&jobs, id, ImportState::Checked).await;
            ids.push(id);
        }
        assert!(matches!(send(&jobs, "a.csv", CSV, 1_000).await, Err(AppError::Conflict { .. })));
        jobs.discard(&local(), ids[0]).await.unwrap();
        until(&jobs, ids[0], ImportState::Cancelled).await;
        assert!(matches!(jobs.run(&local(), ids[0]).await, Err(AppError::Conflict { .. })));
        send(&jobs, "a.csv", CSV, 1_000).await.unwrap();
    }

    #[tokio::test]
    async fn who_may_not_import_may_do_nothing_here() {
        let vault = Vault::new().await;
        let jobs = ImportJobs::new(vault.app.clone());
        let id = send(&jobs, "a.csv", CSV, 1_000).await.unwrap();
        until(&jobs, id, ImportState::Checked).await;
        let auditor = Actor { grant: Arc::new(Grant::of_role(Role::Auditor)), ..local() };
        let is_denied = |error: Option<AppError>| matches!(error, Some(AppError::Denied { .. }));
        assert!(is_denied(jobs.upload(&auditor, "a.csv", 10).await.err()));
        assert!(is_denied(jobs.list(&auditor).await.err()));
        assert!(is_denied(jobs.view(&auditor, id).await.err()));
        assert!(is_denied(jobs.rejects(&auditor, id).await.err()));
        assert!(is_denied(jobs.run(&auditor, id).await.err()));
        assert!(is_denied(jobs.discard(&auditor, id).await.err()));
    }

    #[tokio::test]
    async fn the_file_on_disk_is_unreadable_while_it_waits() {
        let vault = Vault::new().await;
        let jobs = ImportJobs::new(vault.app.clone());
        let id = send(&jobs, "a.csv", CSV, 1_000).await.unwrap();
        until(&jobs, id, ImportState::Checked).await;
        let spool = jobs.find(id).unwrap().live.lock().spool.clone().unwrap();
        let mut file = spool.file.try_clone().unwrap();
        let mut bytes = Vec::new();
        io::Seek::seek(&mut file, io::SeekFrom::Start(0)).unwrap();
        io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        assert!(bytes.len() > CSV.len());
        assert!(!bytes.windows(8).any(|window| window == b"zeegroen"));
    }
}
