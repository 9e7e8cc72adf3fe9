//! The file `checkpoints` beside the database: signed log heads that a rolled-back database cannot take back.
//!
//! One JSON object per line: `{"log":"…","size":1,"note":"…"}`. A line is appended and synced; a
//! torn last line (the machine stopped while it was written) is skipped when reading. Every line
//! is hostile input to `verify`: its signature decides, not its place.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Name of the file inside the data folder.
pub(crate) const CHECKPOINTS_FILE: &str = "checkpoints";
/// Above this size older lines are thinned out to one in 60.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The newest lines that are never thinned out.
const KEEP_LINES: usize = 10_000;
/// The first line of the note that a restore leaves; what stands before it counts differently, so it is never thinned out.
pub(crate) const RESTORED: &str = "klantkluis restored log 1";
/// A longer line is not a checkpoint.
const LINE_BYTES_MAX: usize = 4_096;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckpointLine {
    /// The name of the log, which is the name of its node.
    pub(crate) log: String,
    /// The number of leaves that the note vouches for.
    pub(crate) size: u64,
    /// The signed note as C2SP writes it.
    pub(crate) note: String,
}

/// The path of the file in a data folder.
pub(crate) fn checkpoints_path(data_dir: &Path) -> PathBuf {
    data_dir.join(CHECKPOINTS_FILE)
}

/// Appends one line and waits until it is on disk; makes the file with mode 0600.
pub(crate) fn append(path: &Path, line: &CheckpointLine) -> io::Result<()> {
    let mut text = serde_json::to_string(line).map_err(io::Error::other)?;
    text.push('\n');
    let mut file = open_append(path)?;
    if !ends_with_newline(&mut file)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    if file.metadata()?.len() > FILE_BYTES_MAX {
        drop(file);
        thin_out(path)?;
    }
    Ok(())
}

/// All readable lines in the order of the file; an absent file is empty.
pub(crate) fn read(path: &Path) -> io::Result<Vec<CheckpointLine>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut lines = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        if line.len() <= LINE_BYTES_MAX {
            lines.extend(serde_json::from_slice::<CheckpointLine>(&line));
        }
    }
    Ok(lines)
}

fn open_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether the file is empty or its last line is whole.
fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0_u8; 1];
    file.seek(SeekFrom::End(-1))?;
    io::Read::read_exact(file, &mut last)?;
    Ok(last == *b"\n")
}

/// Keeps the newest lines and of the older ones every sixtieth and the marks of restores.
fn thin_out(path: &Path) -> io::Result<()> {
    let lines = read(path)?;
    let old = lines.len().saturating_sub(KEEP_LINES);
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        if number >= old || number % 60 == 0 || line.note.starts_with(RESTORED) {
            text.push_str(&serde_json::to_string(line).map_err(io::Error::other)?);
            text.push('\n');
        }
    }
    crate::keys_file::replace_file(path, text.as_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn line(size: u64) -> CheckpointLine {
        CheckpointLine { log: "node".into(), size, note: format!("node\n{size}\n") }
    }

    #[test]
    fn lines_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = checkpoints_path(dir.path());
        assert_eq!(read(&path).unwrap(), vec![]);
        append(&path, &line(1)).unwrap();
        append(&path, &line(2)).unwrap();
        assert_eq!(read(&path).unwrap(), vec![line(1), line(2)]);
    }

    #[test]
    fn a_torn_line_hides_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = checkpoints_path(dir.path());
        append(&path, &line(1)).unwrap();
        let mut file = open_append(&path).unwrap();
        file.write_all(b"{\"log\":\"node\",\"si").unwrap();
        drop(file);
        append(&path, &line(3)).unwrap();
        assert_eq!(read(&path).unwrap(), vec![line(1), line(3)]);
    }

    #[test]
    fn hostile_lines_are_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let path = checkpoints_path(dir.path());
        let long = format!("{{\"log\":\"{}\",\"size\":1,\"note\":\"\"}}", "a".repeat(LINE_BYTES_MAX));
        std::fs::write(&path, format!("\u{0}\n[]\n{{}}\n{long}\nnull\n")).unwrap();
        assert_eq!(read(&path).unwrap(), vec![]);
        std::fs::write(&path, [0xff, 0xfe, b'\n']).unwrap();
        assert_eq!(read(&path).unwrap(), vec![]);
    }

    #[test]
    fn thinning_keeps_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let path = checkpoints_path(dir.path());
        let mut all: Vec<_> = (0..KEEP_LINES as u64 + 120).map(line).collect();
        all[7].note = format!("{RESTORED}\nnode\n7\n");
        let text: String = all.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
        std::fs::write(&path, text).unwrap();
        thin_out(&path).unwrap();
        let sizes: Vec<_> = read(&path).unwrap().iter().map(|line| line.size).collect();
        assert_eq!(sizes.len(), KEEP_LINES + 3);
        assert_eq!(&sizes[..4], &[0, 7, 60, 120]);
        assert_eq!(sizes.last(), Some(&(KEEP_LINES as u64 + 119)));
    }
}
