//! JSON records, one at a time: lines of NDJSON, or the objects of a list; nested keys become `a.b`.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::ops::Range;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::error::RejectReason;
use crate::input::{Encoding, Input};
use crate::reader::Row;
use crate::{COLUMNS_MAX, JSON_DEPTH_MAX, RECORD_BYTES_MAX};

/// The records of a JSON or NDJSON file. Columns are the keys, in the order in which they were first seen.
pub(crate) struct JsonRows {
    input: Input,
    by_line: bool,
    record: Vec<u8>,
    line: u64,
    flat: Flat,
}

/// A record as columns and texts; the columns stay, the texts are of the current record.
#[derive(Default)]
struct Flat {
    columns: HashMap<String, usize>,
    names: Vec<String>,
    texts: String,
    cells: Vec<Range<usize>>,
    path: String,
    problem: Option<RejectReason>,
}

impl JsonRows {
    pub(crate) fn new(input: Input, by_line: bool) -> Self {
        Self { input, by_line, record: Vec::new(), line: 1, flat: Flat::default() }
    }

    /// Returns the keys known so far; more may come with every record.
    pub(crate) fn headers(&self) -> &[String] {
        &self.flat.names
    }

    /// Returns the text of a cell of the current record.
    pub(crate) fn cell(&self, column: usize) -> &[u8] {
        let range = self.flat.cells.get(column).cloned().unwrap_or_default();
        self.flat.texts.as_bytes().get(range).unwrap_or_default()
    }

    pub(crate) const fn bytes_read(&self) -> u64 {
        self.input.bytes_read()
    }

    /// Reads the next object.
    pub(crate) fn next_row(&mut self, encoding: &mut Encoding) -> io::Result<Row> {
        let line = match if self.by_line { self.take_line()? } else { self.take_object()? } {
            Row::Record(line) => line,
            other => return Ok(other),
        };
        let Ok(text) = encoding.decode(&self.record) else {
            return Ok(Row::Bad(line, RejectReason::Encoding));
        };
        if text.trim_start().as_bytes().first() != Some(&b'{') {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            let reason = if is_json { RejectReason::NotAnObject } else { RejectReason::MalformedJson };
            return Ok(Row::Bad(line, reason));
        }
        self.flat.clear();
        let mut json = serde_json::Deserializer::from_str(&text);
        let read = Value { flat: &mut self.flat, depth: 1 }.deserialize(&mut json).and_then(|()| json.end());
        let reason = self.flat.problem.take().or(read.is_err().then_some(RejectReason::MalformedJson));
        Ok(reason.map_or(Row::Record(line), |reason| Row::Bad(line, reason)))
    }

    /// Puts the next line that is not blank into `record`.
    fn take_line(&mut self) -> io::Result<Row> {
        loop {
            self.record.clear();
            let (line, mut too_long, mut ended) = (self.line, false, false);
            loop {
                let window = self.input.fill()?;
                if window.is_empty() {
                    ended = true;
                    break;
                }
                let end = window.iter().position(|byte| *byte == b'\n');
                let part = &window[..end.unwrap_or(window.len())];
                too_long |= self.record.len() + part.len() > RECORD_BYTES_MAX;
                if !too_long {
                    self.record.extend_from_slice(part);
                }
                let used = part.len() + usize::from(end.is_some());
                self.input.consume(used);
                if end.is_some() {
                    self.line += 1;
                    break;
                }
            }
            if too_long {
                return Ok(Row::Bad(line, RejectReason::RecordTooLong));
            }
            if !self.record.trim_ascii().is_empty() {
                return Ok(Row::Record(line));
            }
            if ended {
                return Ok(Row::End);
            }
        }
    }

    /// Puts the next `{…}` of a list into `record`; other things between commas are refused one by one.
    fn take_object(&mut self) -> io::Result<Row> {
        self.record.clear();
        let mut scan = Scan { start: 0, depth: 0, state: ScanState::Between, problem: None };
        loop {
            let window = self.input.fill()?;
            if window.is_empty() {
                return Ok(match scan.state {
                    ScanState::Between => Row::End,
                    ScanState::Other => Row::Bad(scan.start, RejectReason::NotAnObject),
                    _ => Row::Bad(scan.start, scan.problem.unwrap_or(RejectReason::MalformedJson)),
                });
            }
            let mut used = 0;
            let mut done = None;
            for byte in window {
                if scan.state == ScanState::Other && matches!(byte, b',' | b'[' | b']' | b'{' | b'\n') {
                    done = Some(Row::Bad(scan.start, RejectReason::NotAnObject));
                    break;
                }
                used += 1;
                let closed = scan.take(*byte, self.line, &mut self.record);
                self.line += u64::from(*byte == b'\n');
                if closed {
                    done = Some(scan.problem.map_or(Row::Record(scan.start), |p| Row::Bad(scan.start, p)));
                    break;
                }
            }
            self.input.consume(used);
            if let Some(row) = done {
                return Ok(row);
            }
        }
    }
}

/// Where in a list of objects the scanner stands.
struct Scan {
    start: u64,
    depth: usize,
    state: ScanState,
    problem: Option<RejectReason>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ScanState {
    Between,
    Other,
    Object,
    Text,
    Escape,
}

impl Scan {
    /// Takes one byte; tells whether it closed the object.
    fn take(&mut self, byte: u8, line: u64, record: &mut Vec<u8>) -> bool {
        use ScanState::{Between, Escape, Object, Other, Text};
        match (self.state, byte) {
            (Between, b'{') => (self.state, self.depth, self.start) = (Object, 1, line),
            (Between, b',' | b'[' | b']' | b' ' | b'\t' | b'\r' | b'\n') => return false,
            (Between, _) => {
                (self.state, self.start) = (Other, line);
                return false;
            }
            (Other, _) => return false,
            (Object, b'"') => self.state = Text,
            (Object, b'{' | b'[') => {
                self.depth += 1;
                if self.depth > JSON_DEPTH_MAX {
                    self.problem.get_or_insert(RejectReason::TooDeep);
                }
            }
            (Object, b'}' | b']') => self.depth -= 1,
            (Text, b'\\') => self.state = Escape,
            (Text, b'"') | (Escape, _) => self.state = if self.state == Escape { Text } else { Object },
            (Object | Text, _) => {}
        }
        if record.len() == RECORD_BYTES_MAX {
            self.problem.get_or_insert(RejectReason::RecordTooLong);
        }
        if self.problem.is_none() {
            record.push(byte);
        }
        self.depth == 0
    }
}

impl Flat {
    fn clear(&mut self) {
        self.texts.clear();
        self.path.clear();
        self.problem = None;
        self.cells.fill(0..0);
    }

    /// Puts a text under the current path; a second text under the same path is joined with a comma.
    fn put(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let column = match self.columns.get(&self.path) {
            Some(column) => *column,
            None if self.names.len() == COLUMNS_MAX => {
                self.problem.get_or_insert(RejectReason::TooManyColumns);
                return;
            }
            None => {
                let column = self.names.len();
                self.columns.insert(self.path.clone(), column);
                self.names.push(self.path.clone());
                self.cells.push(0..0);
                column
            }
        };
        let before = self.cells[column].clone();
        let start = self.texts.len();
        if !before.is_empty() {
            // Joining copies what is there: a long list in one record must not make that quadratic.
            if self.texts.len() + before.len() > 4 * RECORD_BYTES_MAX {
                self.problem.get_or_insert(RejectReason::RecordTooLong);
                return;
            }
            self.texts.extend_from_within(before);
            self.texts.push_str(", ");
        }
        self.texts.push_str(text);
        self.cells[column] = start..self.texts.len();
    }
}

/// One JSON value, put into columns under the current path.
struct Value<'a> {
    flat: &'a mut Flat,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl Value<'_> {
    fn too_deep<E: Error>(&mut self) -> Result<(), E> {
        if self.depth > JSON_DEPTH_MAX {
            self.flat.problem.get_or_insert(RejectReason::TooDeep);
            return Err(E::custom("too deep"));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.flat.put(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.flat.put(&value.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.flat.put(&value.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.flat.put(&value.to_string());
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.flat.put(value);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.too_deep()?;
        while list.next_element_seed(Value { flat: self.flat, depth: self.depth + 1 })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.too_deep()?;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            let length = self.flat.path.len();
            if length > 0 {
                self.flat.path.push('.');
            }
            self.flat.path.push_str(&key);
            map.next_value_seed(Value { flat: self.flat, depth: self.depth + 1 })?;
            self.flat.path.truncate(length);
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn rows(text: &str, by_line: bool) -> Vec<Result<(u64, String), (u64, RejectReason)>> {
        let input = Input::new(Box::new(Cursor::new(text.as_bytes().to_vec())), Encoding::Utf8, 0).unwrap();
        let mut rows = JsonRows::new(input, by_line);
        let mut all = Vec::new();
        loop {
            match rows.next_row(&mut Encoding::Utf8).unwrap() {
                Row::End => return all,
                Row::Bad(line, reason) => all.push(Err((line, reason))),
                Row::Record(line) => {
                    let cell = |n| String::from_utf8(rows.cell(n).to_vec()).unwrap();
                    let cells: Vec<String> = rows
                        .headers()
                        .iter()
                        .enumerate()
                        .map(|(n, name)| format!("{name}={}", cell(n)))
                        .collect();
                    all.push(Ok((line, cells.join(" "))));
                }
            }
        }
    }

    #[test]
    fn nested_keys_become_columns() {
        let text = "{\"a\":1,\"b\":{\"c\":\"x\",\"d\":[true,null,\"y\"]}}\n\n{\"b\":{\"c\":2.5},\"e\":-1}";
        assert_eq!(
            rows(text, true),
            [Ok((1, "a=1 b.c=x b.d=true, y".to_owned())), Ok((3, "a= b.c=2.5 b.d= e=-1".to_owned()))]
        );
        let list = "[\n {\"a\":\"}\\\"\"},\n {\"a\":\n  2}\n]\n";
        assert_eq!(rows(list, false), [Ok((2, "a=}\"".to_owned())), Ok((3, "a=2".to_owned()))]);
    }

    #[test]
    fn bad_records_are_skipped_and_named() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(RECORD_BYTES_MAX));
        let text = format!("{{\"a\":\n7\n{deep}\n{long}\n{{\"a\":\"\\ud800\"}}\n{{\"a\":1}}");
        assert_eq!(
            rows(&text, true),
            [
                Err((1, RejectReason::MalformedJson)),
                Err((2, RejectReason::NotAnObject)),
                Err((3, RejectReason::TooDeep)),
                Err((4, RejectReason::RecordTooLong)),
                Err((5, RejectReason::MalformedJson)),
                Ok((6, "a=1".to_owned())),
            ]
        );
        let list = format!("[7,\n{deep},\n{long},\n{{\"a\":1}},{{\"a\":\"");
        assert_eq!(
            rows(&list, false),
            [
                Err((1, RejectReason::NotAnObject)),
                Err((2, RejectReason::TooDeep)),
                Err((3, RejectReason::RecordTooLong)),
                Ok((4, "a=1".to_owned())),
                Err((4, RejectReason::MalformedJson)),
            ]
        );
    }

    #[test]
    fn more_keys_than_allowed_are_refused() {
        let pairs: Vec<String> = (0..600).map(|n| format!("\"k{n}\":1")).collect();
        assert_eq!(rows(&format!("{{{}}}", pairs.join(",")), true), [Err((1, RejectReason::TooManyColumns))]);
    }
}
