//! Tables with delimiters: told by their first lines, read record by record in buffers that do not grow without bound.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use kluis_discover::{COLUMNS_MAX, Source, Table};

use crate::Scan;
use crate::input::Input;

/// Delimiters that are tried.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records that decide.
const SNIFF_RECORDS: usize = 20;
/// Bytes of a record; a longer one is skipped and counted.
const RECORD_BYTES_MAX: usize = 4 << 20;
/// How often the progress is told, in records.
const TELL_EVERY: u64 = 20_000;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    delimiter: u8,
    has_names: bool,
}

/// Tells whether a text is a table: most of its first records have as many cells, two or more.
pub(crate) fn sniff(head: &[u8]) -> Option<Form> {
    let best = DELIMITERS.into_iter().filter_map(|delimiter| {
        let records = records(head, delimiter);
        let columns = records.first()?.len();
        let same = records.iter().filter(|record| record.len() == columns).count();
        // Running text has commas too: short cells in lines of equal length have not.
        let cells = records.iter().map(Vec::len).sum::<usize>().max(1);
        let bytes: usize = records.iter().flatten().map(Vec::len).sum();
        let is_table =
            columns >= 2 && records.len() >= 2 && same * 10 >= records.len() * 8 && bytes / cells < 200;
        is_table.then_some((same * 1_000 / records.len() * 1_000 + columns.min(999), delimiter))
    });
    let (_, delimiter) = best.max()?;
    let records = records(head, delimiter);
    Some(Form { delimiter, has_names: has_names(&records) })
}

/// Whether the first record is of names: none of it is a number, an address of mail or a date, and no cell is empty.
fn has_names(records: &[Vec<Vec<u8>>]) -> bool {
    let Some(first) = records.first() else { return false };
    let is_name = |cell: &Vec<u8>| {
        let letters = cell.iter().filter(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80).count();
        let digits = cell.iter().filter(|byte| byte.is_ascii_digit()).count();
        cell.is_empty() || (letters > digits && !cell.contains(&b'@') && cell.len() <= 100)
    };
    first.iter().all(is_name) && first.iter().filter(|cell| !cell.is_empty()).count() * 2 > first.len()
}

fn records(head: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut core = ReaderBuilder::new().delimiter(delimiter).build();
    let (mut rest, mut found) = (head, Vec::new());
    let (mut cells, mut ends) = (vec![0; head.len() + 64], vec![0; COLUMNS_MAX]);
    while found.len() < SNIFF_RECORDS && !rest.is_empty() {
        let (result, used, _, ended) = core.read_record(rest, &mut cells, &mut ends);
        rest = &rest[used..];
        match result {
            ReadRecordResult::Record => {
                let mut start = 0;
                let record = ends[..ended].iter().map(|end| {
                    let cell = cells[start..*end].to_vec();
                    start = *end;
                    cell
                });
                found.push(record.collect());
            }
            // The last record may be cut off by the end of what is looked at.
            _ => break,
        }
    }
    found
}

/// Reads the table.
pub(crate) fn read(scan: &mut Scan<'_>, input: &mut Input<'_>, form: Form, source: &mut Source) {
    let mut records = Records::new(input, form.delimiter);
    let names = match records.next() {
        Record::Whole if form.has_names => {
            records.cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
        }
        Record::Whole => (1..=records.count()).map(|at| format!("kolom {at}")).collect::<Vec<String>>(),
        Record::TooLong | Record::End => return,
    };
    if let Some(platform) = kluis_discover::schema::export_of(&names) {
        scan.report.platforms.push(platform.to_owned());
    }
    let mut table = Table::new("", &names, scan.options.year);
    if !form.has_names {
        table.add(&scan.scanner, records.cells());
    }
    let (mut too_long, most) = (0u64, scan.options.rows_max.unwrap_or(u64::MAX));
    loop {
        if table.rows() >= most {
            source.is_whole = false;
            break;
        }
        match records.next() {
            Record::Whole => table.add(&scan.scanner, records.cells()),
            Record::TooLong => too_long += 1,
            Record::End => break,
        }
        if table.rows().is_multiple_of(TELL_EVERY) {
            let bytes = records.input.bytes_read();
            scan.step(bytes);
        }
    }
    if too_long > 0 {
        let why = format!(
            "{too_long} records longer than {} MiB were skipped; is a quote missing?",
            RECORD_BYTES_MAX >> 20
        );
        scan.unread(&source.path, why);
    }
    source.tables.push(table.finish());
}

/// What was read.
enum Record {
    Whole,
    TooLong,
    End,
}

/// The records of a table, one in memory at a time.
struct Records<'a, 'b> {
    input: &'a mut Input<'b>,
    core: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    is_over: bool,
    delimiter: u8,
    /// Bytes between cells: the delimiters, when a line was taken as it is.
    gap: usize,
    /// The first record was read, with the mark of byte order that may stand before it.
    is_begun: bool,
}

impl<'a, 'b> Records<'a, 'b> {
    fn new(input: &'a mut Input<'b>, delimiter: u8) -> Self {
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        Self {
            input,
            core,
            cells: vec![0; 64 * 1024],
            ends: vec![0; COLUMNS_MAX + 1],
            count: 0,
            is_over: false,
            delimiter,
            gap: 0,
            is_begun: false,
        }
    }

    fn count(&self) -> usize {
        self.count
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends[..self.count].iter().map(move |end| {
            let cell = &self.cells[start..*end];
            start = *end + self.gap;
            cell
        })
    }

    /// A whole line without quotes, read at once; `None` leaves it to the careful reader.
    fn plain_line(&mut self) -> Option<Record> {
        let window = self.input.fill();
        let end = memchr::memchr(b'\n', window)?;
        let line = window[..end].strip_suffix(b"\r").unwrap_or(&window[..end]);
        if line.is_empty() || memchr::memchr2(b'"', b'\r', line).is_some() {
            return None;
        }
        if self.cells.len() < line.len() {
            self.cells.resize(line.len(), 0);
        }
        self.cells[..line.len()].copy_from_slice(line);
        let ends = memchr::memchr_iter(self.delimiter, line).chain([line.len()]);
        self.count = 0;
        for (n, at) in ends.enumerate() {
            // More cells than are looked at.
            let place = self.ends.get_mut(n)?;
            (*place, self.count) = (at, n + 1);
        }
        self.input.consume(end + 1);
        self.gap = 1;
        Some(Record::Whole)
    }

    fn next(&mut self) -> Record {
        if self.is_begun
            && !self.is_over
            && let Some(record) = self.plain_line()
        {
            return record;
        }
        (self.is_begun, self.gap) = (true, 0);
        let (mut written, mut ended, mut is_too_long) = (0, 0, false);
        while !self.is_over {
            let window = self.input.fill();
            let at_end = window.is_empty();
            let (result, used, out, end) =
                self.core.read_record(window, &mut self.cells[written..], &mut self.ends[ended..]);
            self.input.consume(used);
            (written, ended) = (written + out, ended + end);
            match result {
                ReadRecordResult::Record => {
                    self.count = if is_too_long { 0 } else { ended };
                    return if is_too_long { Record::TooLong } else { Record::Whole };
                }
                ReadRecordResult::End => self.is_over = true,
                ReadRecordResult::InputEmpty => self.is_over = at_end && used == 0 && end == 0 && out == 0,
                ReadRecordResult::OutputFull if self.cells.len() < RECORD_BYTES_MAX => {
                    let length = (self.cells.len() * 2).min(RECORD_BYTES_MAX);
                    self.cells.resize(length, 0);
                }
                ReadRecordResult::OutputFull => (is_too_long, written) = (true, 0),
                ReadRecordResult::OutputEndsFull => (is_too_long, ended) = (true, 0),
            }
        }
        Record::End
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_told_from_text() {
        let check = |text: &str, expected: Option<(u8, bool)>| {
            let form = sniff(text.as_bytes()).map(|form| (form.delimiter, form.has_names));
            assert_eq!(form, expected, "{text:?}");
        };
        check("email;naam\na@b.example;Jan\nc@d.example;Piet\n", Some((b';', true)));
        check("1,a@b.example\n2,c@d.example\n", Some((b',', false)));
        check("a\tb, c\n1\t2\n", Some((b'\t', true)));
        check("naam,plaats\n\"Jan, Piet\",Utrecht\n", Some((b',', true)));
        check("Beste klant,\n\nHartelijk dank, wij sturen het op.\nGroeten\n", None);
        check("een regel", None);
        check("", None);
        check("a,b\n1\n2\n3\n4\n", None);
    }

    use proptest::prelude::*;

    /// Records as the careful reader alone reads them.
    fn careful(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut core = ReaderBuilder::new().delimiter(b',').build();
        let (mut rest, mut found, mut done) = (text, Vec::new(), false);
        let (mut cells, mut ends, mut written, mut ended) = (vec![0; 4_096], vec![0; 512], 0, 0);
        while !done {
            let (result, used, out, end) = core.read_record(rest, &mut cells[written..], &mut ends[ended..]);
            rest = &rest[used..];
            (written, ended) = (written + out, ended + end);
            if matches!(result, ReadRecordResult::Record) {
                let mut start = 0;
                let record = ends[..ended]
                    .iter()
                    .map(|end| cells[core::mem::replace(&mut start, *end)..*end].to_vec());
                found.push(record.collect());
                (written, ended) = (0, 0);
            }
            done = matches!(result, ReadRecordResult::End);
        }
        found
    }

    proptest! {
        #[test]
        fn whole_lines_are_read_as_the_careful_reader_reads_them(text in "[ab,\"\r\n]{0,200}", more in "(a,b\n|,\r\n|\"x\n\",\n){0,20}") {
            let text = format!("{text}\n{more}");
            let mut input = Input::new(text.as_bytes()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let mut records = Records::new(&mut input, b',');
            let mut found = Vec::new();
            while let Record::Whole = records.next() {
                found.push(records.cells().map(<[u8]>::to_vec).collect::<Vec<_>>());
            }
            prop_assert_eq!(found, careful(text.as_bytes()));
        }
    }
}
