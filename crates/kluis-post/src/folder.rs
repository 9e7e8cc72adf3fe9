//! The drop folder: whatever is put there is read as reports, and moved away once that is durable.
//!
//! Names that end in `.tmp` or `.part` or begin with a dot, links, and files that changed a moment ago are left alone.
//! What was taken in goes to `done`, what cannot be to `refused`; nothing is ever deleted.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kluis_app::{App, AppError, ReportSource};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{PostError, post_actor};

/// How often the folder is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How long it is left alone after something could not be taken in.
const AFTER_TROUBLE: Duration = Duration::from_secs(30);
/// A file that changed more recently may still be written.
const SETTLED: Duration = Duration::from_secs(2);
/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Files of one look.
const FILES_MAX: usize = 1_000;
/// Entries of the folder that are looked at; more than that is another kind of folder.
const ENTRIES_MAX: usize = 100_000;
/// Files of one name in a folder of those that were read.
const SAME_NAME_MAX: u32 = 10_000;
/// Where files go that were taken in.
const DONE: &str = "done";
/// Where files go that cannot be taken in.
const REFUSED: &str = "refused";

/// Watches the folder until told to stop.
///
/// # Errors
/// When the folder is not there, or `done` and `refused` cannot be made in it.
pub(crate) async fn start(
    app: App,
    folder: PathBuf,
    stopped: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, PostError> {
    for place in [DONE, REFUSED] {
        let path = folder.join(place);
        make_folder(&path).map_err(|source| PostError::Path { path, source })?;
    }
    Ok(tokio::spawn(watch_folder(app, folder, stopped)))
}

async fn watch_folder(app: App, folder: PathBuf, mut stopped: watch::Receiver<bool>) {
    loop {
        let pause = match look(&app, &folder, &stopped).await {
            Ok(()) => EVERY,
            Err(why) => {
                tracing::warn!(why, "the folder with reports waits");
                AFTER_TROUBLE
            }
        };
        tokio::select! {
            _ = stopped.wait_for(|is| *is) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Takes in what is there; stops at the first trouble that may pass. A file that finds no room stays where it is, and
/// the next one is looked at.
async fn look(app: &App, folder: &Path, stopped: &watch::Receiver<bool>) -> Result<(), String> {
    if !app.is_unsealed() {
        return Ok(());
    }
    let here = folder.to_owned();
    let names = blocking(move || settled_files(&here, SystemTime::now())).await?;
    let mut no_room = None;
    for name in names {
        if *stopped.borrow() {
            return Ok(());
        }
        let path = folder.join(&name);
        let read = blocking(move || read_file(&path)).await?;
        let place = match &read {
            FileRead::Gone => continue,
            FileRead::TooLarge(_) => REFUSED,
            FileRead::Whole(bytes, _) => match take(app, &name, bytes.clone()).await {
                Ok(true) => DONE,
                Ok(false) => REFUSED,
                Err(error) if error.is_no_room_for_reports() => {
                    no_room = Some(error.to_string());
                    continue;
                }
                Err(error) => return Err(error.to_string()),
            },
        };
        let (folder, stamp) = (folder.to_owned(), read.stamp());
        blocking(move || move_away(&folder, &name, place, stamp)).await?;
    }
    no_room.map_or(Ok(()), Err)
}

/// Whether it could be taken in.
async fn take(app: &App, name: &str, bytes: Vec<u8>) -> Result<bool, AppError> {
    match app.mail_ingest(&post_actor(app), ReportSource::Folder, name, bytes).await {
        Ok(found) => Ok(!crate::is_only_failures(&found)),
        Err(AppError::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// What a file was when it was read, to notice another in its place.
type Stamp = (u64, u64, u64, i64, i64);

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
}

enum FileRead {
    /// It is not there any more, or is something else now.
    Gone,
    TooLarge(Stamp),
    Whole(Vec<u8>, Stamp),
}

impl FileRead {
    fn stamp(&self) -> Stamp {
        match self {
            Self::Gone => Stamp::default(),
            Self::TooLarge(stamp) | Self::Whole(_, stamp) => *stamp,
        }
    }
}

/// Names of files that nobody writes any more, the oldest first; names that are no UTF-8 are left alone.
fn settled_files(folder: &Path, now: SystemTime) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.take(ENTRIES_MAX) {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_hidden = name.starts_with('.') || [".tmp", ".part"].iter().any(|end| name.ends_with(end));
        // Of a link this tells about the link itself.
        let Ok(metadata) = entry.metadata() else { continue };
        let changed = metadata.modified()?;
        let is_settled = now.duration_since(changed).is_ok_and(|age| age >= SETTLED);
        if !is_hidden && metadata.is_file() && is_settled {
            found.push((changed, name));
        }
    }
    found.sort_unstable();
    found.truncate(FILES_MAX);
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

/// Reads a file, and nothing that a link leads to.
fn read_file(path: &Path) -> io::Result<FileRead> {
    let Some(listed) = fs::symlink_metadata(path).ok().filter(Metadata::is_file) else {
        return Ok(FileRead::Gone);
    };
    let file = File::open(path)?;
    let opened = file.metadata()?;
    if stamp(&opened) != stamp(&listed) {
        return Ok(FileRead::Gone);
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(match bytes.len() as u64 {
        read if read > FILE_BYTES_MAX => FileRead::TooLarge(stamp(&opened)),
        // It grew meanwhile: it is looked at again.
        read if read != opened.size() => FileRead::Gone,
        _ => FileRead::Whole(bytes, stamp(&opened)),
    })
}

/// Moves a file that was read, under its name or with a number behind it; another file in its place stays.
fn move_away(folder: &Path, name: &str, place: &str, was: Stamp) -> io::Result<()> {
    let from = folder.join(name);
    if fs::symlink_metadata(&from).ok().map(|metadata| stamp(&metadata)) != Some(was) {
        return Ok(());
    }
    let place = folder.join(place);
    make_folder(&place)?;
    for number in 0..SAME_NAME_MAX {
        let to = if number == 0 { place.join(name) } else { place.join(format!("{name}.{number}")) };
        if fs::symlink_metadata(&to).is_err() {
            return fs::rename(&from, &to);
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is full of {name}", place.display())))
}

/// Makes a folder, unless it is there; a link in its place is an error.
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder")),
        Err(_) => fs::create_dir(path),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_settled_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("buiten.xml"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(inside.join("map")).unwrap();
        fs::write(&outside, "x").unwrap();
        for name in ["b.xml", "a.xml.gz", "c.tmp", ".d.xml", "e.part"] {
            fs::write(inside.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(&outside, inside.join("link.xml")).unwrap();
        let now = SystemTime::now();
        assert_eq!(settled_files(&inside, now).unwrap(), Vec::<String>::new(), "they may still be written");
        let mut later = settled_files(&inside, now + SETTLED * 2).unwrap();
        later.sort();
        assert_eq!(later, ["a.xml.gz", "b.xml"]);
        assert!(matches!(read_file(&inside.join("link.xml")).unwrap(), FileRead::Gone));
        assert!(matches!(read_file(&inside.join("weg.xml")).unwrap(), FileRead::Gone));
        assert!(
            matches!(read_file(&inside.join("b.xml")).unwrap(), FileRead::Whole(bytes, _) if bytes == b"b.xml")
        );
        assert!(settled_files(&folder.path().join("nergens"), now).is_err());
    }

    #[test]
    fn a_file_is_moved_unless_it_became_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        for round in 0..3 {
            fs::write(&path, "x".repeat(round + 1)).unwrap();
            let was = read_file(&path).unwrap().stamp();
            move_away(folder.path(), "a.xml", DONE, was).unwrap();
            assert!(!path.exists());
        }
        for (name, bytes) in [("a.xml", 1), ("a.xml.1", 2), ("a.xml.2", 3)] {
            assert_eq!(fs::read(folder.path().join(DONE).join(name)).unwrap().len(), bytes);
        }
        fs::write(&path, "een").unwrap();
        let was = read_file(&path).unwrap().stamp();
        fs::write(&path, "twee").unwrap();
        move_away(folder.path(), "a.xml", DONE, was).unwrap();
        assert!(path.exists(), "it was not read yet");
        std::os::unix::fs::symlink(folder.path(), folder.path().join(REFUSED)).unwrap();
        let was = read_file(&path).unwrap().stamp();
        assert!(move_away(folder.path(), "a.xml", REFUSED, was).is_err(), "never out of the folder");
    }
}
