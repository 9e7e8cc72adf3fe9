//! XLSX workbooks: counted while unpacking before calamine sees them, then kept as one text with cell positions.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{Data, DataRef, Reader, Sheet, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use crate::error::ConnectError;
use crate::input::{ReadSeek, read_some};
use crate::reader::Row;
use crate::{COLUMNS_MAX, XLSX_BYTES_MAX, XLSX_PART_BYTES_MAX, XLSX_SHEETS_MAX};

/// The most parts a workbook may have: sheets, styles, drawings, pictures.
const PARTS_MAX: usize = 2_000;
/// How tightly a part above [`RATIO_FROM_BYTES`] may be packed; sheets of repeated text reach about 60.
const RATIO_MAX: u64 = 250;
/// Parts smaller than this may be packed as tightly as deflate can.
const RATIO_FROM_BYTES: u64 = 1024 * 1024;
/// The most XML tags of a part that is kept in memory as a list (shared strings, styles).
const TAGS_MAX: u64 = 6_000_000;
/// The most text that the cells of a sheet may add up to, shared texts counted at every use.
const TEXT_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The rows of a worksheet.
pub(crate) struct SheetRows {
    texts: String,
    cells: Vec<Cell>,
    at: usize,
    current: std::ops::Range<usize>,
    file_bytes: u64,
}

/// Where a cell stands and where its text starts; the text ends where that of the next cell starts.
#[derive(Clone, Copy)]
struct Cell {
    row: u32,
    column: u16,
    start: u32,
}

impl SheetRows {
    /// Reads the first visible worksheet that is not empty.
    pub(crate) fn new(mut source: Box<dyn ReadSeek + Send>) -> Result<(Self, Vec<Vec<u8>>), ConnectError> {
        let file_bytes = source.seek(SeekFrom::End(0))?;
        check_parts(&mut source)?;
        source.seek(SeekFrom::Start(0))?;
        // calamine reads bytes of strangers; should it ever panic on them, that is a damaged file, not our end.
        let read = catch_unwind(AssertUnwindSafe(|| read_workbook(BufReader::new(source))));
        let (texts, cells) = read.unwrap_or(Err(ConnectError::XlsxDamaged))?;
        let mut rows = Self { texts, cells, at: 0, current: 0..0, file_bytes };
        if let Row::End = rows.next_row() {
            return Err(ConnectError::Empty);
        }
        let columns = rows.cells[rows.current.clone()].last().map_or(0, |cell| usize::from(cell.column) + 1);
        let headers = (0..columns).map(|column| rows.cell(column).to_vec()).collect();
        Ok((rows, headers))
    }

    /// Goes to the next row that has a cell.
    pub(crate) fn next_row(&mut self) -> Row {
        let Some(first) = self.cells.get(self.at) else {
            return Row::End;
        };
        let row = first.row;
        let length = self.cells[self.at..].iter().take_while(|cell| cell.row == row).count();
        self.current = self.at..self.at + length;
        self.at += length;
        Row::Record(u64::from(row) + 1)
    }

    /// Returns the text of a cell of the current row.
    pub(crate) fn cell(&self, column: usize) -> &[u8] {
        let row = &self.cells[self.current.clone()];
        let Ok(place) = row.binary_search_by_key(&column, |cell| usize::from(cell.column)) else {
            return &[];
        };
        let place = self.current.start + place;
        let end = self.cells.get(place + 1).map_or(self.texts.len(), |next| next.start as usize);
        self.texts.as_bytes().get(self.cells[place].start as usize..end).unwrap_or_default()
    }

    /// Returns how much of the file is behind us, by the share of its cells.
    pub(crate) fn bytes_read(&self) -> u64 {
        let share = u128::from(self.file_bytes) * self.at as u128 / self.cells.len().max(1) as u128;
        u64::try_from(share).unwrap_or(self.file_bytes)
    }
}

/// Unpacks every part into nothing, counting.
fn check_parts(source: &mut (dyn ReadSeek + Send)) -> Result<(), ConnectError> {
    source.seek(SeekFrom::Start(0))?;
    let mut archive = ZipArchive::new(BufReader::new(source)).map_err(|_| ConnectError::XlsxDamaged)?;
    if archive.len() > PARTS_MAX {
        return Err(ConnectError::XlsxTooManySheets);
    }
    let mut scratch = vec![0; 64 * 1024];
    let mut total = 0;
    for number in 0..archive.len() {
        let mut part = archive.by_index(number).map_err(|_| ConnectError::XlsxDamaged)?;
        let packed = part.compressed_size().max(1);
        let streamed = part.name().is_ok_and(|name| name.starts_with("xl/worksheets/"));
        let (mut bytes, mut tags) = (0_u64, 0_u64);
        loop {
            let read = read_some(&mut part, &mut scratch).map_err(|_| ConnectError::XlsxDamaged)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            total += read as u64;
            if !streamed {
                tags += scratch[..read].iter().filter(|byte| **byte == b'<').count() as u64;
            }
            let tight = bytes > RATIO_FROM_BYTES && bytes / packed > RATIO_MAX;
            if bytes > XLSX_PART_BYTES_MAX || total > XLSX_BYTES_MAX || tags > TAGS_MAX || tight {
                return Err(ConnectError::XlsxTooLarge);
            }
        }
    }
    Ok(())
}

fn read_workbook<R: Read + Seek>(source: R) -> Result<(String, Vec<Cell>), ConnectError> {
    let mut book: Xlsx<R> = Xlsx::new(source).map_err(|_| ConnectError::XlsxDamaged)?;
    let sheets: Vec<Sheet> = book.sheets_metadata().to_vec();
    if sheets.len() > XLSX_SHEETS_MAX {
        return Err(ConnectError::XlsxTooManySheets);
    }
    let shown = |sheet: &&Sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible;
    for sheet in sheets.iter().filter(shown) {
        let (texts, cells) = read_sheet(&mut book, &sheet.name)?;
        if !cells.is_empty() {
            return Ok((texts, cells));
        }
    }
    Err(ConnectError::Empty)
}

fn read_sheet<R: Read + Seek>(book: &mut Xlsx<R>, name: &str) -> Result<(String, Vec<Cell>), ConnectError> {
    let mut reader = book.worksheet_cells_reader(name).map_err(|_| ConnectError::XlsxDamaged)?;
    let (mut texts, mut cells) = (String::new(), Vec::new());
    while let Some(cell) = reader.next_cell().map_err(|_| ConnectError::XlsxDamaged)? {
        let (row, column) = cell.get_position();
        let start = texts.len();
        push_text(&mut texts, cell.get_value());
        if texts.len() == start {
            continue;
        }
        if texts.len() > TEXT_BYTES_MAX {
            return Err(ConnectError::XlsxTooLarge);
        }
        let column = u16::try_from(column).ok().filter(|column| usize::from(*column) < COLUMNS_MAX);
        let column = column.ok_or(ConnectError::TooManyColumns)?;
        let start = u32::try_from(start).map_err(|_| ConnectError::XlsxTooLarge)?;
        if cells.last().is_some_and(|last: &Cell| (last.row, last.column) >= (row, column)) {
            return Err(ConnectError::XlsxDamaged);
        }
        cells.push(Cell { row, column, start });
    }
    Ok((texts, cells))
}

/// Writes a cell as a CSV export would have it: whole numbers without decimals, dates as ISO 8601.
fn push_text(texts: &mut String, value: &DataRef<'_>) {
    match value {
        DataRef::SharedString(text) => texts.push_str(text),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            texts.push_str(text)
        }
        DataRef::Bool(value) => texts.push_str(if *value { "true" } else { "false" }),
        DataRef::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            texts.push_str(&format!("{year:04}-{month:02}-{day:02}"));
            if (hour, minute, second) != (0, 0, 0) {
                texts.push_str(&format!("T{hour:02}:{minute:02}:{second:02}"));
            }
        }
        DataRef::Error(_) | DataRef::Empty => {}
        other => texts.push_str(&Data::from(other.clone()).to_string()),
    }
}
