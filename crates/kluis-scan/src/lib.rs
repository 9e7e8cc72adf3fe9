//! Reads files and folders of any usual form in bounded memory and says what personal data is in them, masked.
//!
//! What could not be read stands in the report with its reason; nothing is left out silently, and no value leaves a scan.
#![forbid(unsafe_code)]

mod csv;
mod input;
mod json;
mod open;
mod sql;
mod sqlite;
mod text;
mod walk;

use std::path::{Path, PathBuf};

use kluis_discover::detect::Scanner;
use kluis_discover::{ScanReport, Source, Unread};

/// How a scan is done.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The present year, for dates of birth.
    pub year: u32,
    /// Bytes that come out of one compressed file at most.
    pub unpacked_bytes_max: u64,
    /// Archives inside of archives at most.
    pub depth_max: u32,
    /// Rows of a table that are read; `None`: all.
    pub rows_max: Option<u64>,
}

impl ScanOptions {
    /// The usual ones.
    #[must_use]
    pub fn new(year: u32) -> Self {
        Self { year, unpacked_bytes_max: 64 << 30, depth_max: 3, rows_max: None }
    }
}

/// How far a scan is.
#[derive(Debug, Clone, Copy)]
pub struct ScanStep<'a> {
    /// The file that is read.
    pub path: &'a Path,
    /// Bytes that were read of all files.
    pub done: u64,
    /// Bytes of all files.
    pub total: u64,
}

/// A scan under way.
pub(crate) struct Scan<'a> {
    pub(crate) options: &'a ScanOptions,
    pub(crate) scanner: Scanner,
    pub(crate) report: ScanReport,
    pub(crate) progress: &'a mut dyn FnMut(ScanStep<'_>),
    /// The file that is read, and bytes before it.
    pub(crate) path: PathBuf,
    pub(crate) before: u64,
    pub(crate) total: u64,
}

/// Scans files and folders; links are not followed, and a file is read once.
///
/// Memory stays below 100 MB whatever the files; nothing is written anywhere.
pub fn scan(paths: &[PathBuf], options: &ScanOptions, progress: &mut dyn FnMut(ScanStep<'_>)) -> ScanReport {
    let mut report = ScanReport::default();
    let files = walk::files(paths, &mut report.unread);
    let total = files.iter().map(|file| file.bytes).sum();
    let mut scan =
        Scan { options, scanner: Scanner::new(), report, progress, path: PathBuf::new(), before: 0, total };
    for file in files {
        scan.path.clone_from(&file.path);
        scan.step(0);
        open::file(&mut scan, &file);
        scan.before += file.bytes;
    }
    scan.finish()
}

/// Scans bytes as if they were a file, for the fuzz target.
#[cfg(fuzzing)]
pub fn scan_bytes(bytes: &[u8], options: &ScanOptions) -> ScanReport {
    let mut quiet = |_: ScanStep<'_>| {};
    let mut scan = Scan {
        options,
        scanner: Scanner::new(),
        report: ScanReport::default(),
        progress: &mut quiet,
        path: PathBuf::new(),
        before: 0,
        total: bytes.len() as u64,
    };
    open::stream(&mut scan, "bytes", bytes, 0);
    scan.finish()
}

impl Scan<'_> {
    /// Tells how far it is within the present file.
    pub(crate) fn step(&mut self, bytes: u64) {
        let step = ScanStep { path: &self.path, done: self.before + bytes, total: self.total };
        (self.progress)(step);
    }

    /// Notes something that could not be read.
    pub(crate) fn unread(&mut self, path: &str, why: impl Into<String>) {
        self.report.unread.push(Unread { path: path.to_owned(), why: why.into() });
    }

    /// Notes what was read.
    pub(crate) fn source(&mut self, source: Source) {
        self.report.sources.push(source);
    }

    fn finish(mut self) -> ScanReport {
        let tables: Vec<&str> = self
            .report
            .sources
            .iter()
            .flat_map(|source| source.tables.iter().map(|table| table.name.as_str()))
            .collect();
        let platform = kluis_discover::schema::platform_of(&tables).map(str::to_owned);
        self.report.platforms.extend(platform);
        self.report.platforms.sort();
        self.report.platforms.dedup();
        self.report
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
