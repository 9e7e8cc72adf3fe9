//! JSON: lines of objects, or one list of them, each read by itself; keys inside of keys become `a.b`.

use std::collections::HashMap;

use kluis_discover::{COLUMNS_MAX, Column, Source, Table};
use serde_json::Value;

use crate::Scan;
use crate::input::Input;

/// Bytes of one object; a longer one is skipped and counted.
const OBJECT_BYTES_MAX: usize = 8 << 20;
/// How deep keys are followed.
const DEPTH_MAX: usize = 16;
/// How often the progress is told, in objects.
const TELL_EVERY: u64 = 5_000;

/// Whether a text that begins with a bracket is JSON.
pub(crate) fn is_json(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let next = head.get(1..).unwrap_or_default().trim_ascii_start().first();
    match head.first() {
        Some(b'{') => matches!(next, Some(b'"' | b'}')),
        Some(b'[') => matches!(next, Some(b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9')),
        _ => false,
    }
}

/// Reads objects at whatever depth of lists; a single object counts as one row.
pub(crate) fn read(scan: &mut Scan<'_>, input: &mut Input<'_>, source: &mut Source) {
    let mut rows = Rows { names: Vec::new(), places: HashMap::new(), columns: Vec::new(), count: 0 };
    let (mut object, mut bad, mut too_long) = (Vec::new(), 0u64, 0u64);
    let mut state = State::default();
    loop {
        let piece = input.fill();
        if piece.is_empty() {
            break;
        }
        let length = piece.len();
        for byte in piece {
            if !state.step(*byte) {
                continue;
            }
            if object.len() < OBJECT_BYTES_MAX {
                object.push(*byte);
            } else {
                state.is_too_long = true;
            }
            if state.depth == 0 {
                if state.is_too_long {
                    too_long += 1;
                } else {
                    bad += u64::from(!rows.add(scan, &object));
                }
                state.is_too_long = false;
                object.clear();
            }
        }
        input.consume(length);
        if rows.count.is_multiple_of(TELL_EVERY) {
            scan.step(input.bytes_read());
        }
    }
    if bad > 0 {
        scan.unread(&source.path, format!("{bad} objects are not valid JSON"));
    }
    if too_long > 0 {
        scan.unread(
            &source.path,
            format!("{too_long} objects longer than {} MiB were skipped", OBJECT_BYTES_MAX >> 20),
        );
    }
    if state.depth > 0 {
        source.is_whole = false;
        scan.unread(&source.path, "the last object is cut off");
    }
    source
        .tables
        .push(Table::of_columns("", rows.names.into_iter().zip(rows.columns).collect(), rows.count).finish());
}

/// Where objects begin and end; lists around them are passed over.
#[derive(Default)]
struct State {
    depth: u32,
    in_text: bool,
    is_escaped: bool,
    is_too_long: bool,
}

impl State {
    /// Takes a byte; tells whether it is part of an object.
    fn step(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return self.depth > 0;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' => self.depth += 1,
            b'}' if self.depth > 0 => {
                self.depth -= 1;
                return true;
            }
            _ => {}
        }
        self.depth > 0
    }
}

/// Columns as they come up.
struct Rows {
    names: Vec<String>,
    places: HashMap<String, usize>,
    columns: Vec<Column>,
    count: u64,
}

impl Rows {
    fn add(&mut self, scan: &Scan<'_>, object: &[u8]) -> bool {
        let text = String::from_utf8_lossy(object);
        let Ok(value) = serde_json::from_str::<Value>(&text) else { return false };
        self.count += 1;
        let mut path = String::new();
        self.value(scan, &mut path, &value, 0);
        true
    }

    fn value(&mut self, scan: &Scan<'_>, path: &mut String, value: &Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let length = path.len();
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                    self.value(scan, path, value, depth + 1);
                    path.truncate(length);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.value(scan, path, value, depth + 1)),
            Value::String(text) => self.cell(scan, path, text.as_bytes()),
            Value::Number(number) => self.cell(scan, path, number.to_string().as_bytes()),
            Value::Null | Value::Bool(_) => self.cell(scan, path, b""),
        }
    }

    fn cell(&mut self, scan: &Scan<'_>, path: &str, cell: &[u8]) {
        let at = match self.places.get(path) {
            Some(at) => *at,
            None if self.columns.len() >= COLUMNS_MAX => return,
            None => {
                let last = path.rsplit('.').next().unwrap_or(path);
                self.columns.push(Column::new(last, scan.options.year));
                self.names.push(path.to_owned());
                self.places.insert(path.to_owned(), self.columns.len() - 1);
                self.columns.len() - 1
            }
        };
        self.columns[at].add(&scan.scanner, cell);
    }
}
