//! Opens an export and gives its customers one by one: what to store, what was consented to, what happened.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::io;

use kluis_model::{PiiText, StartEvent, TimeMs};

use crate::csv::CsvRows;
use crate::error::{ConnectError, Reject, RejectReason};
use crate::format::Format;
use crate::input::{Encoding, Input, ReadSeek, read_prefix, readable};
use crate::json::JsonRows;
use crate::mapping::{Mapping, Target};
use crate::plan::{Active, ColumnUse, Group, Plan};
use crate::preset::{Preset, Shape, ShapeOrigin, recognise};
use crate::transform::{self, NameParts};
use crate::xlsx::SheetRows;
use crate::{CELL_BYTES_MAX, COLUMNS_MAX};

/// How many broken records at the start of a JSON file are passed over in search of a first good one.
const JSON_FIRST_BAD_MAX: usize = 100;
/// The longest heading that is kept, in characters.
const HEADER_CHARS_MAX: usize = 200;

/// How to open a file.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// What each column becomes; without it the file is recognised by its headings.
    pub mapping: Option<Mapping>,
}

/// One customer of a file, not yet normalised nor minimised.
#[derive(Debug)]
pub struct ImportItem {
    /// The line (row, record) it came from.
    pub line: u64,
    /// Values by field name, each field once, none empty.
    pub fields: Vec<(String, PiiText)>,
    /// What the file says about consent.
    pub consents: Vec<RawConsent>,
    /// What happened, with its time.
    pub events: Vec<(StartEvent, TimeMs)>,
}

/// What a file says about one consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawConsent {
    /// The purpose, such as `newsletter`.
    pub purpose: String,
    /// Given or withdrawn.
    ///
    /// A plain no of an opt-in column is `false` without a time: who never consented has nothing to withdraw, and the
    /// importer may pass it over for them; who did consent is no longer to be mailed.
    pub given: bool,
    /// When, if the file says so.
    pub at: Option<TimeMs>,
    /// Where it is from: `import:shopify`.
    pub source: String,
}

/// What came of reading one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// A record that starts on this line; its cells can be asked for.
    Record(u64),
    /// A record that cannot be taken.
    Bad(u64, RejectReason),
    /// The end of the file.
    End,
}

enum Rows {
    Csv(Box<CsvRows>),
    Json(Box<JsonRows>),
    Sheet(SheetRows),
}

impl Rows {
    fn next_row(&mut self, encoding: &mut Encoding) -> io::Result<Row> {
        match self {
            Self::Csv(rows) => rows.next_row(),
            Self::Json(rows) => rows.next_row(encoding),
            Self::Sheet(rows) => Ok(rows.next_row()),
        }
    }

    fn cell(&self, column: usize) -> &[u8] {
        match self {
            Self::Csv(rows) => rows.cell(column),
            Self::Json(rows) => rows.cell(column),
            Self::Sheet(rows) => rows.cell(column),
        }
        .trim_ascii()
    }
}

/// The customers of a file, read as they are asked for; memory does not grow with the file (XLSX: with the sheet).
pub struct ImportReader {
    rows: Rows,
    plan: Plan,
    format: Format,
    encoding: Encoding,
    shape: Shape,
    source: String,
    strip_apostrophe: bool,
    waiting: VecDeque<Row>,
    order: Vec<u8>,
    skipped: u64,
    ended: bool,
}

/// Opens an export. `name` is the file's name; it only breaks ties.
///
/// # Errors
/// When the file is not an export that can be read, or nothing in it is known.
pub fn open(
    mut source: Box<dyn ReadSeek + Send>,
    name: &str,
    options: &OpenOptions,
) -> Result<ImportReader, ConnectError> {
    let prefix = read_prefix(&mut *source)?;
    let format = Format::sniff(&prefix, name)?;
    let (mut encoding, bom_bytes) = match format {
        Format::Xlsx => (Encoding::Utf8, 0),
        _ => Encoding::sniff(&prefix),
    };
    let mut waiting = VecDeque::new();
    let (rows, headers) = match format {
        Format::Xlsx => {
            let (rows, headers) = SheetRows::new(source)?;
            (Rows::Sheet(rows), decode_headers(&headers, &mut encoding)?)
        }
        Format::Csv => {
            let first = readable(&prefix, encoding, bom_bytes);
            let input = Input::new(source, encoding, bom_bytes)?;
            let (rows, headers) = CsvRows::new(input, &first)?;
            (Rows::Csv(Box::new(rows)), decode_headers(&headers, &mut encoding)?)
        }
        Format::Ndjson | Format::Json => {
            let input = Input::new(source, encoding, bom_bytes)?;
            let mut rows = JsonRows::new(input, format == Format::Ndjson);
            waiting = first_json_rows(&mut rows, &mut encoding)?;
            let headers = rows.headers().to_vec();
            (Rows::Json(Box::new(rows)), headers)
        }
    };
    let understood = understand(&headers, options.mapping.as_ref())?;
    let (plan, shape, source, strip_apostrophe) = understood;
    let (order, skipped, ended) = (Vec::new(), 0, false);
    Ok(ImportReader {
        rows,
        plan,
        format,
        encoding,
        shape,
        source,
        strip_apostrophe,
        waiting,
        order,
        skipped,
        ended,
    })
}

/// Decides what each column becomes.
fn understand(
    headers: &[String],
    mapping: Option<&Mapping>,
) -> Result<(Plan, Shape, String, bool), ConnectError> {
    if let Some(mapping) = mapping {
        let mut plan = Plan::of_mapping(mapping);
        plan.extend(headers);
        let shape =
            Shape { id: "mapping".to_owned(), name: mapping.name.clone(), origin: ShapeOrigin::Mapping };
        return if plan.takes_something() {
            Ok((plan, shape, mapping.source.clone(), mapping.strip_apostrophe))
        } else {
            Err(ConnectError::MappingMatchesNothing)
        };
    }
    let preset: Option<&'static Preset> = recognise(headers);
    let mut plan = Plan::of_preset(preset);
    plan.extend(headers);
    if !plan.knows_people() {
        return Err(ConnectError::NothingRecognised);
    }
    let shape = match preset {
        Some(preset) => {
            Shape { id: preset.id.to_owned(), name: preset.name.to_owned(), origin: ShapeOrigin::Preset }
        }
        None => Shape {
            id: "guessed".to_owned(),
            name: "Guessed from its headings".to_owned(),
            origin: ShapeOrigin::Guessed,
        },
    };
    let source = format!("import:{}", shape.id);
    Ok((plan, shape, source, preset.is_some_and(|preset| preset.strip_apostrophe)))
}

fn decode_headers(headers: &[Vec<u8>], encoding: &mut Encoding) -> Result<Vec<String>, ConnectError> {
    if headers.len() > COLUMNS_MAX {
        return Err(ConnectError::TooManyColumns);
    }
    let decode = |header: &Vec<u8>| {
        let text = encoding.decode(header).map_err(|_| ConnectError::NotText)?;
        if text.contains('\0') {
            return Err(ConnectError::NotText);
        }
        Ok(text.trim().chars().take(HEADER_CHARS_MAX).collect())
    };
    headers.iter().map(decode).collect()
}

/// Reads up to the first good record, whose keys tell what kind of file it is.
fn first_json_rows(rows: &mut JsonRows, encoding: &mut Encoding) -> Result<VecDeque<Row>, ConnectError> {
    let mut waiting = VecDeque::new();
    while waiting.len() < JSON_FIRST_BAD_MAX {
        match rows.next_row(encoding)? {
            Row::End if waiting.is_empty() => return Err(ConnectError::Empty),
            Row::End => return Err(ConnectError::JsonShape),
            Row::Bad(_, RejectReason::TooManyColumns) if waiting.is_empty() => {
                return Err(ConnectError::TooManyColumns);
            }
            bad @ Row::Bad(..) => waiting.push_back(bad),
            good @ Row::Record(_) => {
                waiting.push_back(good);
                return Ok(waiting);
            }
        }
    }
    Err(ConnectError::JsonShape)
}

impl ImportReader {
    /// Returns what kind of export the file was taken for.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Returns the format of the file.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Returns the encoding of the file, as far as it is known by now.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns where each column goes; in JSON more keys may come later.
    #[must_use]
    pub fn columns(&self) -> Vec<ColumnUse> {
        self.plan.uses()
    }

    /// Returns how many bytes of the file are behind us, for a progress bar.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        match &self.rows {
            Rows::Csv(rows) => rows.bytes_read(),
            Rows::Json(rows) => rows.bytes_read(),
            Rows::Sheet(rows) => rows.bytes_read(),
        }
    }

    /// Returns how many records held nobody: empty ones, and further lines of the same order.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Returns the mapping in use, to print, edit and give back.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        Mapping {
            name: self.shape.name.clone(),
            source: self.source.clone(),
            strip_apostrophe: self.strip_apostrophe,
            columns: self.plan.mapping_columns(),
        }
    }

    fn reject(&self, line: u64, column: Option<usize>, reason: RejectReason) -> Reject {
        Reject { line, field: column.and_then(|column| self.plan.header(column)), reason }
    }

    /// Reads the current record; `None` when it holds nobody.
    fn take(&mut self, line: u64) -> Result<Option<ImportItem>, Reject> {
        let ranks = self.ranks();
        if self.is_continuation(ranks) {
            return Ok(None);
        }
        let mut item = Building::new(self.is_belgian(ranks), self.plan.active.len());
        for place in 0..self.plan.active.len() {
            let active = &self.plan.active[place];
            if active.group != Group::None && active.rank != ranks[active.group as usize] {
                continue;
            }
            let bytes = self.rows.cell(active.column);
            if bytes.is_empty() {
                continue;
            }
            let column = active.column;
            let text = text_of(bytes, &mut self.encoding, self.strip_apostrophe);
            let text = text.map_err(|reason| Reject { line, field: self.plan.header(column), reason })?;
            match item.put(&active.target, &text) {
                Ok(()) => {}
                Err(Unread::Event) => self.plan.unreadable[column] += 1,
                Err(Unread::Consent(reason)) => return Err(self.reject(line, Some(column), reason)),
            }
        }
        Ok(item.finish(line, &self.source))
    }

    /// Returns the rank of the name and of the address that this record uses: the best one that is filled.
    fn ranks(&self) -> [u8; 2] {
        let (mut filled, mut decided) = ([u8::MAX; 2], [u8::MAX; 2]);
        for Active { column, rank, group, decides, .. } in &self.plan.active {
            let place = *group as usize;
            // Ranks ascend: once a name or address is decided, no later column can be better.
            if *group == Group::None || *rank >= decided[place] || self.rows.cell(*column).is_empty() {
                continue;
            }
            filled[place] = filled[place].min(*rank);
            if *decides {
                decided[place] = *rank;
            }
        }
        let pick = |n: usize| if decided[n] == u8::MAX { filled[n] } else { decided[n] };
        [pick(0), pick(1)]
    }

    /// Tells whether the record is another line of the order before it, without a name or address of its own.
    fn is_continuation(&mut self, ranks: [u8; 2]) -> bool {
        let Some(column) = self.plan.order_column else {
            return false;
        };
        let order = self.rows.cell(column);
        let same = !order.is_empty() && order == self.order;
        if !same {
            self.order.clear();
            self.order.extend_from_slice(order);
        }
        same && ranks == [u8::MAX; 2]
    }

    fn is_belgian(&self, ranks: [u8; 2]) -> bool {
        let used = |active: &&Active| active.target == Target::Country && active.rank == ranks[1];
        let country = self.plan.active.iter().find(used).map(|active| self.rows.cell(active.column));
        country.is_some_and(|text| {
            text.eq_ignore_ascii_case(b"BE")
                || text.eq_ignore_ascii_case(b"Belgium")
                || text.starts_with(b"Belgi\xC3")
                || text == b"Belgi\xEB"
        })
    }
}

impl fmt::Debug for ImportReader {
    /// Shows what was recognised, nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportReader")
            .field("shape", &self.shape.id)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Iterator for ImportReader {
    type Item = Result<ImportItem, Reject>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let row = match self.waiting.pop_front() {
                Some(row) => Ok(row),
                None => self.rows.next_row(&mut self.encoding),
            };
            match row {
                Err(_) => {
                    self.ended = true;
                    return Some(Err(Reject { line: 0, field: None, reason: RejectReason::Read }));
                }
                Ok(Row::End) => self.ended = true,
                Ok(Row::Bad(line, reason)) => return Some(Err(Reject { line, field: None, reason })),
                Ok(Row::Record(line)) => {
                    if let Rows::Json(rows) = &self.rows {
                        self.plan.extend(rows.headers());
                    }
                    match self.take(line) {
                        Ok(None) => self.skipped += 1,
                        Ok(Some(item)) => return Some(Ok(item)),
                        Err(reject) => return Some(Err(reject)),
                    }
                }
            }
        }
        None
    }
}

/// Returns the text of a cell that is not empty.
fn text_of<'a>(bytes: &'a [u8], encoding: &mut Encoding, strip: bool) -> Result<Cow<'a, str>, RejectReason> {
    if bytes.len() > CELL_BYTES_MAX {
        return Err(RejectReason::CellTooLong);
    }
    // Only in front of a digit or sign: the city is 's-Hertogenbosch, the surname 't Hart.
    let bytes = match bytes {
        [b'\'', rest @ ..] if strip && matches!(rest, [b'0'..=b'9' | b'+' | b'=' | b'@', ..]) => rest,
        _ => bytes,
    };
    if bytes.contains(&0) {
        return Err(RejectReason::NulCharacter);
    }
    encoding.decode(bytes)
}

/// A value that could not be read.
enum Unread {
    /// The time of an event: left out and counted.
    Event,
    /// Of a consent: the record is refused, for a consent must not be lost or made up.
    Consent(RejectReason),
}

/// A customer being put together.
struct Building {
    fields: Vec<(String, PiiText)>,
    consents: Vec<Consent>,
    events: Vec<(StartEvent, TimeMs)>,
    second_line: Option<PiiText>,
    is_belgian: bool,
}

/// What the columns say about one purpose.
#[derive(Default)]
struct Consent {
    purpose: String,
    flag: Option<bool>,
    given: Option<TimeMs>,
    withdrawn: Option<TimeMs>,
    moment: Option<TimeMs>,
}

impl Building {
    fn new(is_belgian: bool, columns: usize) -> Self {
        let fields = Vec::with_capacity(columns.min(24) + 2);
        Self { fields, consents: Vec::new(), events: Vec::new(), second_line: None, is_belgian }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|(known, _)| known == name)
    }

    /// Sets a field unless it has a value or the new one is empty.
    fn set(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() && self.place(name).is_none() {
            self.fields.push((name.to_owned(), PiiText::from(value)));
        }
    }

    fn put(&mut self, target: &Target, text: &str) -> Result<(), Unread> {
        match target {
            Target::Field(name) => self.set(name, text),
            Target::Surname => {
                let (infix, surname) = transform::split_surname(text, self.is_belgian);
                // An infix column of its own comes first or after: never both.
                self.set("surname", surname);
                self.set("infix", infix);
            }
            Target::WholeName => self.put_name(transform::split_name(text, self.is_belgian)),
            Target::MiddleName if transform::is_infix_text(text) => self.set("infix", text),
            Target::MiddleName => self.join("given_name", " ", text),
            Target::StreetLine => self.put_street(text),
            Target::SecondLine => self.second_line = Some(PiiText::from(text)),
            Target::AddressBlock => self.put_address(text),
            Target::Country => self.set("country", transform::country(text)),
            Target::Gender => {
                if let Some(gender) = transform::gender(text) {
                    self.set("gender", gender);
                }
            }
            Target::Event(event) => match transform::time(text) {
                Some(at) => self.events.push((*event, at)),
                None if text.starts_with("0000-00-00") => {}
                None => return Err(Unread::Event),
            },
            Target::ConsentFlag { .. } | Target::ConsentTime { .. } | Target::ConsentMoment { .. } => {
                return self.put_consent(target, text);
            }
            Target::Ignore => {}
        }
        Ok(())
    }

    fn put_name(&mut self, name: NameParts) {
        self.set("surname", &name.surname);
        self.set("infix", &name.infix);
        self.set(if name.is_initials { "initials" } else { "given_name" }, &name.given);
    }

    fn put_street(&mut self, line: &str) {
        if self.place("street").is_some() {
            return;
        }
        let parts = transform::split_street(line);
        self.set("street", parts.street);
        self.set("house_number", parts.number);
        if !parts.number.is_empty() {
            self.set("house_number_suffix", &parts.suffix);
        }
    }

    /// Reads `street  line 2  city  region  postcode  country`, two spaces between the parts.
    fn put_address(&mut self, text: &str) {
        let parts: Vec<&str> = text.split("  ").collect();
        let [street, second, city, region, postcode, country] = parts[..] else {
            // Parts are missing and which ones cannot be told: the street at least comes first.
            self.put_street(parts.first().copied().unwrap_or_default());
            return;
        };
        self.put_street(street);
        if !second.trim().is_empty() {
            self.second_line = Some(PiiText::from(second.trim()));
        }
        self.set("city", city);
        self.set("region", region);
        self.set("postcode", postcode);
        self.set("country", transform::country(country.trim()));
    }

    fn put_consent(&mut self, target: &Target, text: &str) -> Result<(), Unread> {
        let (Target::ConsentFlag { purpose, .. }
        | Target::ConsentTime { purpose, .. }
        | Target::ConsentMoment { purpose }) = target
        else {
            return Ok(());
        };
        let place = self.consents.iter().position(|known| known.purpose == *purpose).unwrap_or_else(|| {
            self.consents.push(Consent { purpose: purpose.to_string(), ..Consent::default() });
            self.consents.len() - 1
        });
        let consent = &mut self.consents[place];
        match target {
            Target::ConsentFlag { opt_in, .. } => {
                let yes = transform::flag(text).ok_or(Unread::Consent(RejectReason::NotAFlag))?;
                if *opt_in || yes {
                    // Of two columns that disagree, the no counts.
                    consent.flag = Some(consent.flag.unwrap_or(true) && yes == *opt_in);
                }
            }
            _ if text.starts_with("0000-00-00") => {}
            Target::ConsentTime { given, .. } => {
                let at = transform::time(text).ok_or(Unread::Consent(RejectReason::NotATime))?;
                let known = if *given { &mut consent.given } else { &mut consent.withdrawn };
                *known = Some(known.map_or(at, |known| known.max(at)));
            }
            _ => consent.moment = Some(transform::time(text).ok_or(Unread::Consent(RejectReason::NotATime))?),
        }
        Ok(())
    }

    fn join(&mut self, name: &str, between: &str, text: &str) {
        match self.place(name) {
            Some(place) => {
                let joined = format!("{}{between}{text}", self.fields[place].1.expose());
                self.fields[place].1 = PiiText::from(joined);
            }
            None => self.set(name, text),
        }
    }

    /// Puts a second address line where it belongs: suffix, number with suffix, or more of the street.
    fn put_second_line(&mut self) {
        let Some(line) = self.second_line.take() else {
            return;
        };
        let line = line.expose().as_str();
        let has_number = self.place("house_number").is_some();
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_suffix = words.len() <= 3 && words.iter().all(|word| transform::is_suffix(word));
        if has_number && is_suffix && self.place("house_number_suffix").is_none() {
            self.set("house_number_suffix", line);
            return;
        }
        let numbered = format!("x {line}");
        let parts = transform::split_street(&numbered);
        if !has_number && parts.street == "x" {
            self.set("house_number", parts.number);
            self.set("house_number_suffix", &parts.suffix);
            return;
        }
        self.join("street", ", ", line);
    }

    fn finish(mut self, line: u64, source: &str) -> Option<ImportItem> {
        self.put_second_line();
        if self.fields.is_empty() {
            return None;
        }
        let mut consents = Vec::with_capacity(self.consents.len());
        for consent in self.consents {
            let mut add = |given, at| {
                let (purpose, source) = (consent.purpose.clone(), source.to_owned());
                consents.push(RawConsent { purpose, given, at, source });
            };
            if let Some(at) = consent.given {
                add(true, Some(at));
            }
            if let Some(at) = consent.withdrawn {
                add(false, Some(at));
            }
            match consent.flag {
                Some(true) if consent.given.is_none() => add(true, consent.moment),
                Some(false) if consent.withdrawn.is_none() => add(false, None),
                _ => {}
            }
        }
        Some(ImportItem { line, fields: self.fields, consents, events: self.events })
    }
}
