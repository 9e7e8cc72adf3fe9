//! CSV records with reused buffers: delimiter sniffing, quoted line ends, named limits.

use std::io;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::error::{ConnectError, RejectReason};
use crate::input::{Input, PREFIX_BYTES};
use crate::reader::Row;
use crate::{COLUMNS_MAX, RECORD_BYTES_MAX};

/// The delimiters that are tried.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many records decide on the delimiter.
const SNIFF_RECORDS: usize = 20;

/// The records of a CSV file, one in memory at a time.
pub(crate) struct CsvRows {
    input: Input,
    core: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    /// The line on which the next byte stands.
    line: u64,
    after_return: bool,
    columns: usize,
}

impl CsvRows {
    /// Reads the heading; `first` is the start of the text, readable as bytes.
    pub(crate) fn new(input: Input, first: &[u8]) -> Result<(Self, Vec<Vec<u8>>), ConnectError> {
        let named = named_delimiter(first);
        let delimiter = named.unwrap_or_else(|| sniff_delimiter(first));
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        let (cells, ends) = (vec![0; 4096], vec![0; 64]);
        let mut rows =
            Self { input, core, cells, ends, count: 0, line: 1, after_return: false, columns: COLUMNS_MAX };
        let mut heading = rows.read_record()?;
        if named.is_some() {
            heading = rows.read_record()?;
        }
        match heading {
            Row::End => return Err(ConnectError::Empty),
            Row::Bad(_, RejectReason::ColumnCount) => return Err(ConnectError::TooManyColumns),
            Row::Bad(..) => return Err(ConnectError::HeaderTooLong),
            Row::Record(_) => {}
        }
        let headers: Vec<Vec<u8>> = (0..rows.count).map(|column| rows.cell(column).to_vec()).collect();
        rows.columns = headers.len();
        Ok((rows, headers))
    }

    /// Reads the next record whose cells are as many as the headings.
    pub(crate) fn next_row(&mut self) -> io::Result<Row> {
        let row = self.read_record()?;
        if let Row::Record(line) = row
            && self.count != self.columns
        {
            let surplus_is_empty = (self.columns..self.count).all(|column| self.cell(column).is_empty());
            if self.count < self.columns || !surplus_is_empty {
                return Ok(Row::Bad(line, RejectReason::ColumnCount));
            }
        }
        Ok(row)
    }

    /// Returns the bytes of a cell of the current record.
    pub(crate) fn cell(&self, column: usize) -> &[u8] {
        if column >= self.count {
            return &[];
        }
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        self.cells.get(start..self.ends[column]).unwrap_or_default()
    }

    pub(crate) const fn bytes_read(&self) -> u64 {
        self.input.bytes_read()
    }

    fn read_record(&mut self) -> io::Result<Row> {
        self.skip_line_ends()?;
        let line = self.line;
        let (mut written, mut ended, mut problem) = (0, 0, None);
        let mut started = false;
        loop {
            let window = self.input.fill()?;
            let at_end = window.is_empty();
            if at_end && !started {
                return Ok(Row::End);
            }
            // A line end at the end of the file: inside quotes it is swallowed as text, which tells them apart.
            let window = if at_end { b"\n".as_slice() } else { window };
            let (cells, ends) = (&mut self.cells[written..], &mut self.ends[ended..]);
            let (result, used, out, end) = self.core.read_record(window, cells, ends);
            self.line += window[..used].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.after_return = used > 0 && window[used - 1] == b'\r';
            started |= used > 0;
            if !at_end {
                self.input.consume(used);
            }
            (written, ended) = (written + out, ended + end);
            match result {
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(Row::End),
                ReadRecordResult::InputEmpty if at_end => {
                    problem.get_or_insert(RejectReason::UnterminatedQuote);
                    break;
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    if !grow(&mut self.cells, RECORD_BYTES_MAX) {
                        problem.get_or_insert(RejectReason::RecordTooLong);
                        written = 0;
                    }
                }
                ReadRecordResult::OutputEndsFull => {
                    if !grow(&mut self.ends, COLUMNS_MAX + 1) {
                        problem.get_or_insert(RejectReason::ColumnCount);
                        ended = 0;
                    }
                }
            }
        }
        self.count = if problem.is_some() { 0 } else { ended };
        if self.count > COLUMNS_MAX {
            problem = Some(RejectReason::ColumnCount);
        }
        Ok(problem.map_or(Row::Record(line), |reason| Row::Bad(line, reason)))
    }

    /// Passes over line ends and empty lines, so that a record's line is the one its first byte stands on.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let Some(&byte) = self.input.fill()?.first() else {
                return Ok(());
            };
            match byte {
                b'\n' => self.line += 1,
                _ if self.after_return => self.line += 1,
                b'\r' => {}
                _ => return Ok(()),
            }
            self.after_return = byte == b'\r';
            if matches!(byte, b'\r' | b'\n') {
                self.input.consume(1);
            }
        }
    }
}

/// Doubles a buffer up to a limit; tells whether it grew.
fn grow<T: Clone + Default>(buffer: &mut Vec<T>, limit: usize) -> bool {
    let length = (buffer.len() * 2).min(limit);
    let grew = length > buffer.len();
    buffer.resize(length.max(buffer.len()), T::default());
    grew
}

/// Returns the delimiter that a first line `sep=;` names, as Excel writes it.
fn named_delimiter(first: &[u8]) -> Option<u8> {
    let (word, rest) = first.split_at_checked(4)?;
    let fits = word.eq_ignore_ascii_case(b"sep=") && matches!(rest, [_, b'\r' | b'\n', ..]);
    rest.first().copied().filter(|delimiter| fits && DELIMITERS.contains(delimiter))
}

/// Chooses the delimiter under which the first records have the most cells, all as many as the heading.
fn sniff_delimiter(first: &[u8]) -> u8 {
    let score = |delimiter: u8| {
        let counts = cell_counts(first, delimiter);
        let columns = counts.first().copied().unwrap_or(0);
        if columns < 2 {
            return 0;
        }
        let same = counts.iter().filter(|count| **count == columns).count();
        // Agreement first, in tenths; then the number of columns.
        (same * 10 / counts.len()) * 10_000 + columns.min(9_999)
    };
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let points = score(delimiter);
        if points > best.0 {
            best = (points, delimiter);
        }
    }
    best.1
}

/// Counts the cells of the first records; a record cut off by the end of the prefix does not count.
fn cell_counts(first: &[u8], delimiter: u8) -> Vec<usize> {
    let mut core = ReaderBuilder::new().delimiter(delimiter).build();
    let whole_file = first.len() < PREFIX_BYTES / 2;
    let (mut rest, mut counts, mut cells) = (first, Vec::new(), 0);
    let mut scratch = [0; 4096];
    let mut ends = [0; 512];
    while counts.len() < SNIFF_RECORDS {
        let (result, used, _, end) = core.read_record(rest, &mut scratch, &mut ends);
        rest = &rest[used..];
        cells += end;
        match result {
            ReadRecordResult::Record => {
                counts.push(cells);
                cells = 0;
            }
            ReadRecordResult::End => break,
            ReadRecordResult::InputEmpty if !whole_file => break,
            ReadRecordResult::InputEmpty
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull => {}
        }
    }
    counts
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::input::Encoding;
    use std::io::Cursor;

    type Read = Result<(u64, Vec<String>), (u64, RejectReason)>;

    fn rows(text: &str) -> Vec<Read> {
        let source = Box::new(Cursor::new(text.as_bytes().to_vec()));
        let input = Input::new(source, Encoding::Utf8, 0).unwrap();
        let (mut rows, header) = CsvRows::new(input, text.as_bytes()).unwrap();
        let mut all = Vec::new();
        loop {
            match rows.next_row().unwrap() {
                Row::End => return all,
                Row::Bad(line, reason) => all.push(Err((line, reason))),
                Row::Record(line) => {
                    let text = |column| String::from_utf8(rows.cell(column).to_vec()).unwrap();
                    all.push(Ok((line, (0..header.len()).map(text).collect())));
                }
            }
        }
    }

    fn record(line: u64, cells: &[&str]) -> Read {
        Ok((line, cells.iter().map(|cell| (*cell).to_owned()).collect()))
    }

    #[test]
    fn delimiters_are_sniffed() {
        for (text, delimiter) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2\n", b';'),
            ("a\tb, c\td\n1\t2\t3", b'\t'),
            ("a|b\n1|2", b'|'),
            ("a;b;c\n\"1,2,3\n4,5\";2;3\n", b';'),
            ("email\nx@y.example\n", b','),
        ] {
            assert_eq!(char::from(sniff_delimiter(text.as_bytes())), char::from(delimiter), "{text}");
        }
        assert_eq!(rows("sep=;\r\na;b\r\n1;2\r\n"), [record(3, &["1", "2"])]);
    }

    #[test]
    fn lines_are_counted_under_every_line_end() {
        for text in [
            "a,b\n1,2\n\n3,\"4\n5\"\n6,7",
            "a,b\r\n1,2\r\n\r\n3,\"4\n5\"\r\n6,7\r\n",
            "a,b\r1,2\r\r3,\"4\n5\"\r6,7",
        ] {
            let expected = [record(2, &["1", "2"]), record(4, &["3", "4\n5"]), record(6, &["6", "7"])];
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bad_records_are_skipped_and_named() {
        let long = "x".repeat(RECORD_BYTES_MAX + 1);
        let text = format!("a,b\n1\n1,2,3\n1,2,,\n\"{long}\",2\n3,4\n5,\"6\n7,8\n");
        assert_eq!(
            rows(&text),
            [
                Err((2, RejectReason::ColumnCount)),
                Err((3, RejectReason::ColumnCount)),
                record(4, &["1", "2"]),
                Err((5, RejectReason::RecordTooLong)),
                record(6, &["3", "4"]),
                Err((7, RejectReason::UnterminatedQuote)),
            ]
        );
        let wide = format!("a,b\n{}\n1,2", ",1".repeat(5_000));
        assert_eq!(rows(&wide), [Err((2, RejectReason::ColumnCount)), record(3, &["1", "2"])]);
    }
}
