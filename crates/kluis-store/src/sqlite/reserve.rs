//! Space kept free beside the data, so that an erasure succeeds on a full disk.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes kept free.
const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// How often a reserve that is not whole is filled up.
const RETRY: Duration = Duration::from_secs(1);

/// The file `reserve` beside data.db.
pub(crate) struct Reserve {
    path: PathBuf,
    whole: bool,
    tried: Option<Instant>,
}

impl Reserve {
    /// Finds the reserve beside a database and fills it up.
    pub(crate) fn beside(data: &Path) -> Self {
        let mut reserve = Self { path: data.with_file_name("reserve"), whole: false, tried: None };
        reserve.fill();
        reserve
    }

    /// Gives the space free.
    pub(crate) fn release(&mut self) {
        // It may be gone already.
        let _ = fs::remove_file(&self.path);
        self.whole = false;
        self.tried = Some(Instant::now());
    }

    /// Fills the reserve up with what space there is, at most once a second.
    pub(crate) fn fill_now_and_then(&mut self) {
        if !self.whole && self.tried.is_none_or(|at| at.elapsed() >= RETRY) {
            self.fill();
        }
    }

    /// Fills the reserve up with what space there is.
    pub(crate) fn fill(&mut self) {
        self.tried = Some(Instant::now());
        self.whole = self.try_fill().is_ok();
    }

    fn try_fill(&self) -> std::io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        let mut size = file.metadata()?.len();
        let block = [0; 64 * 1024];
        while size < RESERVE_BYTES {
            // Written, not only announced: a sparse file keeps nothing free.
            let next = block.len().min(usize::try_from(RESERVE_BYTES - size).unwrap_or(block.len()));
            size += file.write(&block[..next])? as u64;
        }
        file.sync_all()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn it_is_filled_released_and_filled_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data.db");
        let size = || fs::metadata(folder.path().join("reserve")).map_or(0, |file| file.len());
        let mut reserve = Reserve::beside(&data);
        assert_eq!(size(), RESERVE_BYTES);
        reserve.release();
        reserve.release();
        reserve.fill_now_and_then();
        assert_eq!(size(), 0, "not at once");
        reserve.fill();
        assert_eq!(size(), RESERVE_BYTES);
    }
}
