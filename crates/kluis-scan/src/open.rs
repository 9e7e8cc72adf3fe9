//! Tells what a file is by its bytes and has it read: compressed, archive, database, dump, table, list, text.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use kluis_discover::Source;
use zip::ZipArchive;

use crate::input::{Input, is_binary};
use crate::walk::FileToRead;
use crate::{Scan, csv, json, sql, sqlite, text};

/// How much more may come out of a compressed file than is in it.
const RATIO_MAX: u64 = 1_100;
/// Bytes from which the ratio counts.
const RATIO_FROM_BYTES: u64 = 10 << 20;
/// Members of an archive at most.
const MEMBERS_MAX: usize = 100_000;

/// Reads one file.
pub(crate) fn file(scan: &mut Scan<'_>, file: &FileToRead) {
    let path = file.path.display().to_string();
    if file.bytes == 0 {
        return;
    }
    let opened = match File::open(&file.path) {
        Ok(opened) => opened,
        Err(error) => return scan.unread(&path, format!("cannot be read: {error}")),
    };
    if let Err(error) = one_file(scan, &path, opened, file) {
        scan.unread(&path, format!("cannot be read: {error}"));
    }
}

fn one_file(scan: &mut Scan<'_>, path: &str, mut opened: File, file: &FileToRead) -> io::Result<()> {
    let mut magic = [0; 16];
    let length = read_full(&mut opened, &mut magic)?;
    opened.seek(SeekFrom::Start(0))?;
    match &magic[..length] {
        head if head.starts_with(b"SQLite format 3\0") => sqlite::file(scan, path, file),
        head if head.starts_with(b"PK\x03\x04") => archive(scan, path, opened, 0),
        _ => stream(scan, path, opened, 0),
    }
    Ok(())
}

fn read_full(source: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < into.len() {
        match source.read(&mut into[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

/// Reads a stream of any form but those that need to go back and forth.
pub(crate) fn stream(scan: &mut Scan<'_>, path: &str, source: impl Read, depth: u32) {
    let input = match Input::new(source) {
        Ok(input) => input,
        Err(error) => return scan.unread(path, format!("cannot be read: {error}")),
    };
    let head = input.head();
    if head.is_empty() {
        return;
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        if depth >= scan.options.depth_max {
            return scan.unread(path, "compressed too many times over");
        }
        let limit = Limit::new(MultiGzDecoder::new(Counted::new(input)), scan.options.unpacked_bytes_max);
        return stream(scan, path, limit, depth + 1);
    }
    if head.starts_with(b"PK\x03\x04") {
        return scan.unread(path, "an archive inside of an archive; unpack it and scan it again");
    }
    if head.starts_with(b"SQLite format 3\0") {
        return scan.unread(path, "a SQLite database inside of an archive; unpack it and scan it again");
    }
    if is_binary(head) {
        return scan.unread(
            path,
            "not a text and of no known form; convert it to CSV, or to a dump, to have it read",
        );
    }
    text_form(scan, path, input);
}

/// Reads text: a dump, JSON, a table with delimiters, or anything else as running text.
fn text_form(scan: &mut Scan<'_>, path: &str, mut input: Input<'_>) {
    input.decode();
    let head = input.head();
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    let mut source = Source {
        path: path.to_owned(),
        form: String::new(),
        bytes: 0,
        is_whole: true,
        tables: Vec::new(),
        texts: Vec::new(),
    };
    source.form = if sql::is_dump(head) {
        sql::read(scan, &mut input, &mut source);
        "sql"
    } else if matches!(first, Some(b'{' | b'[')) && json::is_json(head) {
        json::read(scan, &mut input, &mut source);
        "json"
    } else if let Some(form) = csv::sniff(head) {
        csv::read(scan, &mut input, form, &mut source);
        "csv"
    } else {
        text::read(scan, &mut input, &mut source);
        "text"
    }
    .to_owned();
    source.bytes = input.bytes_read();
    if let Some(trouble) = input.trouble() {
        source.is_whole = false;
        let why = format!(
            "reading stopped after {} bytes: {trouble}; what came before it was scanned",
            input.bytes_read()
        );
        scan.unread(path, why);
    }
    scan.source(source);
}

/// Reads the members of a ZIP archive, in order; a workbook is one.
fn archive(scan: &mut Scan<'_>, path: &str, opened: File, depth: u32) {
    let mut archive = match ZipArchive::new(BufReader::new(opened)) {
        Ok(archive) => archive,
        Err(error) => return scan.unread(path, format!("the archive is damaged: {error}")),
    };
    if archive.len() > MEMBERS_MAX {
        return scan.unread(path, format!("an archive with more than {MEMBERS_MAX} files; unpack it"));
    }
    let mut left = scan.options.unpacked_bytes_max;
    for at in 0..archive.len() {
        let member = match archive.by_index(at) {
            Ok(member) => member,
            Err(error) => {
                scan.unread(path, format!("file {} of the archive: {error}", at + 1));
                continue;
            }
        };
        if member.is_dir() {
            continue;
        }
        let name = member.name().map_or_else(|_| format!("#{}", at + 1), |name| shown(&name));
        let inside = format!("{path}!{name}");
        let packed = member.compressed_size();
        let mut limit = Limit::new(member, left);
        limit.packed = Some(packed);
        let counted = std::rc::Rc::new(std::cell::Cell::new(0));
        limit.counter = Some(counted.clone());
        stream(scan, &inside, limit, depth + 1);
        left = left.saturating_sub(counted.get());
    }
}

/// A name inside of an archive without what could steer a terminal, at most 200 characters.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Bytes that come out of something compressed, up to a bound and a ratio.
struct Limit<R> {
    source: R,
    left: u64,
    out: u64,
    packed: Option<u64>,
    counter: Option<std::rc::Rc<std::cell::Cell<u64>>>,
}

impl<R: Read> Limit<R> {
    fn new(source: R, left: u64) -> Self {
        Self { source, left, out: 0, packed: None, counter: None }
    }
}

impl<R: Read> Read for Limit<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.out += read as u64;
        if let Some(counter) = &self.counter {
            counter.set(self.out);
        }
        let is_bomb = self
            .packed
            .is_some_and(|packed| self.out > RATIO_FROM_BYTES && self.out / packed.max(1) > RATIO_MAX);
        if self.out > self.left || is_bomb {
            return Err(io::Error::other("more comes out of it than is read"));
        }
        Ok(read)
    }
}

/// Gives the decoder what the input has.
struct Counted<'a>(Input<'a>);

impl<'a> Counted<'a> {
    fn new(input: Input<'a>) -> Self {
        Self(input)
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}
