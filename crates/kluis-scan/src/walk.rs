//! Which files are read: those named, and those in folders, in the order of their names; links are not followed.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kluis_discover::Unread;

/// Files of one scan at most.
const FILES_MAX: usize = 1_000_000;
/// Folders inside of each other at most.
const DEPTH_MAX: usize = 64;

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileToRead {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// Lists the files; what is none, or cannot be looked into, is noted.
pub(crate) fn files(paths: &[PathBuf], unread: &mut Vec<Unread>) -> Vec<FileToRead> {
    let mut walk = Walk { found: Vec::new(), seen: HashSet::new(), unread };
    for path in paths {
        // A path that somebody names may be a link; those inside of folders are not followed.
        match fs::metadata(path) {
            Ok(metadata) => walk.entry(path, &metadata, 0),
            Err(error) => walk.note(path, error.to_string()),
        }
    }
    walk.found
}

struct Walk<'a> {
    found: Vec<FileToRead>,
    seen: HashSet<(u64, u64)>,
    unread: &'a mut Vec<Unread>,
}

impl Walk<'_> {
    fn note(&mut self, path: &Path, why: impl Into<String>) {
        self.unread.push(Unread { path: path.display().to_string(), why: why.into() });
    }

    fn entry(&mut self, path: &Path, metadata: &fs::Metadata, depth: usize) {
        if metadata.is_dir() {
            return self.folder(path, depth);
        }
        if metadata.is_symlink() {
            return self.note(path, "a link is not followed; name its target to have it read");
        }
        if !metadata.is_file() {
            return self.note(path, "not a file");
        }
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        if self.found.len() >= FILES_MAX {
            return self.note(path, format!("more than {FILES_MAX} files; scan a part of the folder"));
        }
        self.found.push(FileToRead { path: path.to_owned(), bytes: metadata.len() });
    }

    fn folder(&mut self, path: &Path, depth: usize) {
        if depth >= DEPTH_MAX {
            return self.note(path, "too many folders inside of each other");
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.note(path, error.to_string()),
        };
        let mut inside = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => inside.push(entry.path()),
                Err(error) => self.note(path, error.to_string()),
            }
        }
        inside.sort();
        for path in inside {
            match fs::symlink_metadata(&path) {
                Ok(metadata) => self.entry(&path, &metadata, depth + 1),
                Err(error) => self.note(&path, error.to_string()),
            }
        }
    }
}
