//! Dumps of databases: `INSERT INTO … VALUES` (mysqldump, phpMyAdmin, pg_dump --inserts) and `COPY … FROM stdin` (pg_dump).

use std::collections::BTreeMap;

use kluis_discover::{Source, Table};

use crate::Scan;
use crate::input::Input;

/// Tables of a dump at most.
const TABLES_MAX: usize = 5_000;
/// Bytes of a statement's head: name and columns.
const HEAD_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a row; a longer one is skipped and counted.
const ROW_BYTES_MAX: usize = 4 << 20;
/// How often the progress is told, in rows.
const TELL_EVERY: u64 = 20_000;

/// Whether a text begins as a dump does.
pub(crate) fn is_dump(head: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    let has_any = |word: &str| has(word.as_bytes()) || has(word.to_ascii_lowercase().as_bytes());
    let is_commented = head.starts_with(b"--") || head.starts_with(b"/*");
    has_any("INSERT INTO ") && (is_commented || has_any(" VALUES"))
        || has_any("CREATE TABLE ") && has(b"(")
        || has(b"COPY ") && has(b" FROM stdin;")
        || is_commented && (has(b"PostgreSQL database dump") || has(b"MySQL dump") || has(b"MariaDB dump"))
}

/// Reads the dump.
pub(crate) fn read(scan: &mut Scan<'_>, input: &mut Input<'_>, source: &mut Source) {
    let mut dump = Dump {
        scan,
        input,
        tables: BTreeMap::new(),
        columns: BTreeMap::new(),
        rows: 0,
        too_long: 0,
        skipped: 0,
        row: Row::default(),
    };
    dump.run();
    let (too_long, skipped) = (dump.too_long, dump.skipped);
    let tables = core::mem::take(&mut dump.tables);
    source.tables = tables.into_values().map(Table::finish).collect();
    if too_long > 0 {
        scan.unread(
            &source.path,
            format!("{too_long} rows longer than {} MiB were skipped", ROW_BYTES_MAX >> 20),
        );
    }
    if skipped > 0 {
        scan.unread(&source.path, format!("{skipped} tables beyond the first {TABLES_MAX} were not read"));
    }
}

struct Dump<'d, 's, 'i> {
    scan: &'d mut Scan<'s>,
    input: &'d mut Input<'i>,
    tables: BTreeMap<String, Table>,
    /// Columns of tables, from `CREATE TABLE`.
    columns: BTreeMap<String, Vec<String>>,
    rows: u64,
    too_long: u64,
    skipped: u64,
    row: Row,
}

/// The cells of one row.
#[derive(Default)]
struct Row {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    is_too_long: bool,
}

impl Row {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.is_too_long = false;
    }

    fn push(&mut self, byte: u8) {
        if self.bytes.len() < ROW_BYTES_MAX {
            self.bytes.push(byte);
        } else {
            self.is_too_long = true;
        }
    }

    fn end_cell(&mut self) {
        if self.ends.len() <= kluis_discover::COLUMNS_MAX {
            self.ends.push(self.bytes.len());
        }
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let cell = &self.bytes[start..*end];
            start = *end;
            cell
        })
    }
}

impl Dump<'_, '_, '_> {
    fn run(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'-' | b'/' | b'#' => self.comment(),
                _ if byte.is_ascii_alphabetic() => self.statement(),
                _ => self.skip(1),
            }
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.input.fill().first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.input.consume(1);
        Some(byte)
    }

    fn skip(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }

    /// Skips a comment; a single mark is skipped alone.
    fn comment(&mut self) {
        let first = self.take();
        match (first, self.peek()) {
            (Some(b'-'), Some(b'-')) | (Some(b'#'), _) => self.line(),
            (Some(b'/'), Some(b'*')) => {
                self.skip(1);
                let mut before = 0;
                while let Some(byte) = self.take() {
                    if before == b'*' && byte == b'/' {
                        break;
                    }
                    before = byte;
                }
            }
            _ => {}
        }
    }

    /// Skips the rest of a line.
    fn line(&mut self) {
        loop {
            let piece = self.input.fill();
            if piece.is_empty() {
                return;
            }
            match memchr::memchr(b'\n', piece) {
                Some(at) => return self.input.consume(at + 1),
                None => {
                    let length = piece.len();
                    self.input.consume(length);
                }
            }
        }
    }

    /// Reads a statement; its head decides what is done with the rest.
    fn statement(&mut self) {
        let mut head = Vec::new();
        let word = self.word(&mut head);
        match word.as_str() {
            "insert" | "replace" => self.insert(),
            "create" => self.create(),
            "copy" => self.copy(),
            _ => self.skip_statement(),
        }
    }

    /// Reads one word in small letters.
    fn word(&mut self, into: &mut Vec<u8>) -> String {
        into.clear();
        while let Some(byte) = self.peek().filter(u8::is_ascii_alphabetic) {
            if into.len() < 32 {
                into.push(byte.to_ascii_lowercase());
            }
            self.skip(1);
        }
        String::from_utf8_lossy(into).into_owned()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.skip(1);
        }
    }

    /// Skips to the end of a statement, past texts in quotes.
    fn skip_statement(&mut self) {
        while let Some(byte) = self.take() {
            match byte {
                b';' => return,
                b'\'' | b'"' | b'`' => self.quoted(byte, false),
                _ => {}
            }
        }
    }

    /// Reads to the closing quote; into the row when `keeps`.
    fn quoted(&mut self, quote: u8, keeps: bool) {
        while let Some(byte) = self.take() {
            match byte {
                b'\\' if quote == b'\'' => {
                    let Some(next) = self.take() else { return };
                    if keeps {
                        let plain = match next {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b't' => b'\t',
                            b'0' => 0,
                            other => other,
                        };
                        self.row.push(plain);
                    }
                }
                _ if byte == quote => {
                    if self.peek() != Some(quote) {
                        return;
                    }
                    self.skip(1);
                    if keeps {
                        self.row.push(quote);
                    }
                }
                _ if keeps => self.row.push(byte),
                _ => {}
            }
        }
    }

    /// Reads a name, with or without quotes; parts with a point between are one name.
    fn name(&mut self) -> String {
        let mut name = Vec::new();
        self.blanks();
        while let Some(byte) = self.peek() {
            match byte {
                b'`' | b'"' | b'[' => {
                    let end = if byte == b'[' { b']' } else { byte };
                    self.skip(1);
                    while let Some(inner) = self.take().filter(|inner| *inner != end) {
                        if name.len() < 256 {
                            name.push(inner);
                        }
                    }
                }
                _ if byte.is_ascii_alphanumeric()
                    || matches!(byte, b'_' | b'.' | b'$' | b'-')
                    || byte >= 0x80 =>
                {
                    if name.len() < 256 {
                        name.push(byte);
                    }
                    self.skip(1);
                }
                _ => break,
            }
        }
        String::from_utf8_lossy(&name).into_owned()
    }

    /// Reads `(a, b, c)` as names; `None` when no bracket stands there.
    fn name_list(&mut self) -> Option<Vec<String>> {
        self.blanks();
        if self.peek() != Some(b'(') {
            return None;
        }
        self.skip(1);
        let (mut names, mut bytes) = (Vec::new(), 0);
        loop {
            let name = self.name();
            bytes += name.len() + 1;
            if !name.is_empty() && bytes < HEAD_BYTES_MAX {
                names.push(name);
            }
            self.blanks();
            match self.take() {
                Some(b',') => {}
                Some(b')') | None => return Some(names),
                Some(_) => {}
            }
        }
    }

    /// Remembers the columns of a table that is made.
    fn create(&mut self) {
        let mut head = Vec::new();
        self.blanks();
        let mut word = self.word(&mut head);
        while matches!(word.as_str(), "temporary" | "unlogged" | "global" | "local") {
            self.blanks();
            word = self.word(&mut head);
        }
        if word != "table" {
            return self.skip_statement();
        }
        let mut name = self.name();
        if name.eq_ignore_ascii_case("if") {
            // IF NOT EXISTS
            self.name();
            self.name();
            name = self.name();
        }
        let columns = self.definitions();
        if !columns.is_empty() && self.columns.len() < TABLES_MAX {
            self.columns.insert(name, columns);
        }
        self.skip_statement();
    }

    /// Reads the definitions between the brackets of `CREATE TABLE`: the first word of each is a column, or a constraint.
    fn definitions(&mut self) -> Vec<String> {
        self.blanks();
        if self.peek() != Some(b'(') {
            return Vec::new();
        }
        self.skip(1);
        let (mut columns, mut bytes) = (Vec::new(), 0);
        loop {
            self.blanks();
            let is_quoted = matches!(self.peek(), Some(b'`' | b'"' | b'['));
            let name = self.name();
            let lower = name.to_ascii_lowercase();
            let is_constraint = !is_quoted
                && matches!(
                    lower.as_str(),
                    "primary"
                        | "key"
                        | "unique"
                        | "constraint"
                        | "foreign"
                        | "index"
                        | "fulltext"
                        | "check"
                        | "spatial"
                        | "exclude"
                );
            bytes += name.len();
            if !is_constraint
                && !name.is_empty()
                && bytes < HEAD_BYTES_MAX
                && columns.len() < kluis_discover::COLUMNS_MAX
            {
                columns.push(name);
            }
            if !self.skip_definition() {
                return columns;
            }
        }
    }

    /// Skips to the next comma outside of brackets; `false` at the closing bracket or the end.
    fn skip_definition(&mut self) -> bool {
        let mut depth = 0u32;
        while let Some(byte) = self.take() {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => return false,
                b')' => depth -= 1,
                b',' if depth == 0 => return true,
                b'\'' | b'"' | b'`' => self.quoted(byte, false),
                _ => {}
            }
        }
        false
    }

    fn table(&mut self, name: &str, columns: Option<Vec<String>>) -> bool {
        if self.tables.contains_key(name) {
            return true;
        }
        if self.tables.len() >= TABLES_MAX {
            self.skipped += 1;
            return false;
        }
        let columns = columns.or_else(|| self.columns.get(name).cloned()).unwrap_or_default();
        self.tables.insert(name.to_owned(), Table::new(name, &columns, self.scan.options.year));
        true
    }

    fn add_row(&mut self, name: &str) {
        if self.row.is_too_long {
            self.too_long += 1;
        } else if let Some(table) = self.tables.get_mut(name)
            && self.scan.options.rows_max.is_none_or(|most| table.rows() < most)
        {
            table.add(&self.scan.scanner, self.row.cells());
        }
        self.row.clear();
        self.rows += 1;
        if self.rows.is_multiple_of(TELL_EVERY) {
            let bytes = self.input.bytes_read();
            self.scan.step(bytes);
        }
    }

    /// `INSERT INTO name (columns) VALUES (…), (…);`
    fn insert(&mut self) {
        let mut head = Vec::new();
        self.blanks();
        // IGNORE, LOW_PRIORITY and the like stand before INTO.
        for _ in 0..4 {
            let word = self.word(&mut head);
            if word == "into" {
                break;
            }
            if self.peek() == Some(b'_') {
                self.skip(1);
            }
            self.blanks();
        }
        let name = self.name();
        let columns = self.name_list();
        self.blanks();
        let word = self.word(&mut head);
        if !word.starts_with("value") || !self.table(&name, columns) {
            return self.skip_statement();
        }
        loop {
            self.blanks();
            match self.take() {
                Some(b'(') => {
                    self.values();
                    self.add_row(&name);
                }
                Some(b',') => {}
                Some(b';') | None => return,
                Some(b'\'') => self.quoted(b'\'', false),
                Some(_) => {}
            }
        }
    }

    /// Reads the cells of one row up to its closing bracket.
    fn values(&mut self) {
        self.row.clear();
        let mut depth = 0u32;
        while let Some(byte) = self.take() {
            match byte {
                b'\'' => self.quoted(b'\'', true),
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                b',' if depth == 0 => self.row.end_cell(),
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => self.row.push(byte),
            }
        }
        self.row.end_cell();
    }

    /// `COPY name (columns) FROM stdin;` and its lines up to `\.`.
    fn copy(&mut self) {
        let name = self.name();
        let columns = self.name_list();
        let mut words = Vec::new();
        while let Some(byte) = self.peek().filter(|byte| *byte != b';') {
            if words.len() < 200 {
                words.push(byte.to_ascii_lowercase());
            }
            self.skip(1);
        }
        self.line();
        let is_stdin = memchr::memmem::find(&words, b"from stdin").is_some();
        if !is_stdin || !self.table(&name, columns) {
            return;
        }
        self.row.clear();
        loop {
            match self.take() {
                None => return,
                Some(b'\n') => {
                    self.row.end_cell();
                    let is_end = self.row.ends.len() == 1 && self.row.bytes == b"\\.";
                    if is_end {
                        self.row.clear();
                        return;
                    }
                    self.add_row(&name);
                }
                Some(b'\t') => self.row.end_cell(),
                Some(b'\\') => self.escaped(),
                Some(b'\r') if self.peek() == Some(b'\n') => {}
                Some(byte) => self.row.push(byte),
            }
        }
    }

    /// A mark after a backslash in `COPY`; `\N` and `\.` stay as they are.
    fn escaped(&mut self) {
        let Some(next) = self.take() else { return };
        match next {
            b'n' => self.row.push(b'\n'),
            b't' => self.row.push(b'\t'),
            b'r' => self.row.push(b'\r'),
            b'N' | b'.' => {
                self.row.push(b'\\');
                self.row.push(next);
            }
            other => self.row.push(other),
        }
    }
}
