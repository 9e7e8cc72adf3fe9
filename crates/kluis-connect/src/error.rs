//! Why a file cannot be read at all, and why one record of it is refused; never with a value.

use std::fmt;
use std::io;

use kluis_model::Lang;

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text(Lang::En))]
pub enum ConnectError {
    /// The file holds no record, not even a heading.
    Empty,
    /// The file is not text, JSON or XLSX.
    NotText,
    /// The file is an old Excel file (.xls).
    OldExcel,
    /// The file is packed (gzip, zip of files, …).
    Packed,
    /// More than [`crate::COLUMNS_MAX`] columns.
    TooManyColumns,
    /// The heading is longer than a record may be, or its quotes do not close.
    HeaderTooLong,
    /// The JSON is not a list of objects, nor one object a line.
    JsonShape,
    /// No column is known: the file needs a mapping.
    NothingRecognised,
    /// No column named in the mapping is in the file.
    MappingMatchesNothing,
    /// The XLSX file cannot be read: damaged, encrypted, or not a workbook.
    XlsxDamaged,
    /// The XLSX file unpacks to more than is allowed, or is packed suspiciously tightly.
    XlsxTooLarge,
    /// More than [`crate::XLSX_SHEETS_MAX`] sheets, or too many parts.
    XlsxTooManySheets,
    /// Reading failed.
    Read(#[source] io::Error),
}

impl ConnectError {
    /// Returns the stable word for the error.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotText => "not_text",
            Self::OldExcel => "old_excel",
            Self::Packed => "packed",
            Self::TooManyColumns => "too_many_columns",
            Self::HeaderTooLong => "header_too_long",
            Self::JsonShape => "json_shape",
            Self::NothingRecognised => "nothing_recognised",
            Self::MappingMatchesNothing => "mapping_matches_nothing",
            Self::XlsxDamaged => "xlsx_damaged",
            Self::XlsxTooLarge => "xlsx_too_large",
            Self::XlsxTooManySheets => "xlsx_too_many_sheets",
            Self::Read(_) => "read",
        }
    }

    /// Says what is wrong and what to do.
    #[must_use]
    pub const fn text(&self, lang: Lang) -> &'static str {
        let (nl, en) = match self {
            Self::Empty => ("Het bestand is leeg.", "The file is empty."),
            Self::NotText => (
                "Het bestand is geen tekst, JSON of XLSX. Sla het op als CSV (UTF-8) en probeer opnieuw.",
                "The file is not text, JSON or XLSX. Save it as CSV (UTF-8) and try again.",
            ),
            Self::OldExcel => (
                "Dit is een oud Excel-bestand (.xls). Sla het op als .xlsx of CSV.",
                "This is an old Excel file (.xls). Save it as .xlsx or CSV.",
            ),
            Self::Packed => {
                ("Het bestand is ingepakt. Pak het eerst uit.", "The file is packed. Unpack it first.")
            }
            Self::TooManyColumns => (
                "Het bestand heeft meer dan 500 kolommen. Laat de kolommen weg die niet nodig zijn.",
                "The file has more than 500 columns. Leave out the columns that are not needed.",
            ),
            Self::HeaderTooLong => (
                "De regel met kolomkoppen is te lang of heeft een aanhalingsteken dat niet sluit.",
                "The line of headings is too long or has a quote that does not close.",
            ),
            Self::JsonShape => (
                "De JSON is geen lijst van objecten en ook niet één object per regel.",
                "The JSON is not a list of objects, nor one object a line.",
            ),
            Self::NothingRecognised => (
                "Geen kolom is herkend als klantgegeven. Schrijf een mapping-bestand.",
                "No column was recognised as customer data. Write a mapping file.",
            ),
            Self::MappingMatchesNothing => (
                "Geen enkele kolom uit de mapping staat in het bestand.",
                "No column of the mapping is in the file.",
            ),
            Self::XlsxDamaged => (
                "Het XLSX-bestand is beschadigd, versleuteld of geen werkmap. Sla het opnieuw op of gebruik CSV.",
                "The XLSX file is damaged, encrypted or not a workbook. Save it again or use CSV.",
            ),
            Self::XlsxTooLarge => (
                "Het XLSX-bestand is uitgepakt te groot (of verdacht sterk ingepakt). Sla het op als CSV.",
                "The XLSX file is too large when unpacked (or packed suspiciously tightly). Save it as CSV.",
            ),
            Self::XlsxTooManySheets => (
                "De werkmap heeft te veel bladen of onderdelen. Sla het blad met klanten op als CSV.",
                "The workbook has too many sheets or parts. Save the sheet with customers as CSV.",
            ),
            Self::Read(_) => ("Het bestand kon niet worden gelezen.", "The file could not be read."),
        };
        pick(lang, nl, en)
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

pub(crate) const fn pick(lang: Lang, nl: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Nl => nl,
        Lang::En => en,
    }
}

/// A record that was not taken: where and why, without any value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The line of the file on which the record starts, the first being 1; in XLSX the row; in JSON the line.
    pub line: u64,
    /// The column's heading, when one column is to blame.
    pub field: Option<String>,
    /// Why.
    pub reason: RejectReason,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.text(Lang::En);
        match &self.field {
            Some(field) => write!(f, "line {}, {field}: {reason}", self.line),
            None => write!(f, "line {}: {reason}", self.line),
        }
    }
}

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    /// More or fewer cells than headings: values could land in a wrong field.
    ColumnCount,
    /// Longer than [`crate::RECORD_BYTES_MAX`].
    RecordTooLong,
    /// A cell longer than [`crate::CELL_BYTES_MAX`].
    CellTooLong,
    /// Bytes that are no text in the file's encoding.
    Encoding,
    /// A NUL character.
    NulCharacter,
    /// A quote that opens and never closes.
    UnterminatedQuote,
    /// Not JSON.
    MalformedJson,
    /// JSON, but not an object.
    NotAnObject,
    /// JSON nested deeper than [`crate::JSON_DEPTH_MAX`].
    TooDeep,
    /// JSON with more than [`crate::COLUMNS_MAX`] different keys so far.
    TooManyColumns,
    /// A consent column that says neither yes nor no.
    NotAFlag,
    /// A consent time that cannot be read.
    NotATime,
    /// Reading the file failed here; nothing after it was read.
    Read,
}

impl RejectReason {
    /// Returns the stable word for the reason.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::ColumnCount => "column_count",
            Self::RecordTooLong => "record_too_long",
            Self::CellTooLong => "cell_too_long",
            Self::Encoding => "encoding",
            Self::NulCharacter => "nul_character",
            Self::UnterminatedQuote => "unterminated_quote",
            Self::MalformedJson => "malformed_json",
            Self::NotAnObject => "not_an_object",
            Self::TooDeep => "too_deep",
            Self::TooManyColumns => "too_many_columns",
            Self::NotAFlag => "not_a_flag",
            Self::NotATime => "not_a_time",
            Self::Read => "read",
        }
    }

    /// Says what is wrong.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        let (nl, en) = match self {
            Self::ColumnCount => ("ander aantal cellen dan kolomkoppen", "not as many cells as headings"),
            Self::RecordTooLong => ("regel langer dan 1 MiB", "record longer than 1 MiB"),
            Self::CellTooLong => ("cel langer dan 64 KiB", "cell longer than 64 KiB"),
            Self::Encoding => {
                ("tekens die niet bij de codering passen", "characters that do not fit the encoding")
            }
            Self::NulCharacter => ("NUL-teken in de tekst", "NUL character in the text"),
            Self::UnterminatedQuote => ("aanhalingsteken dat niet sluit", "quote that does not close"),
            Self::MalformedJson => ("geen geldige JSON", "not valid JSON"),
            Self::NotAnObject => ("JSON, maar geen object", "JSON, but not an object"),
            Self::TooDeep => ("JSON dieper dan 16 lagen", "JSON deeper than 16 levels"),
            Self::TooManyColumns => ("meer dan 500 verschillende sleutels", "more than 500 different keys"),
            Self::NotAFlag => ("toestemming is geen ja of nee", "consent is neither yes nor no"),
            Self::NotATime => ("tijd van toestemming is niet te lezen", "time of consent cannot be read"),
            Self::Read => ("lezen mislukt; de rest is niet gelezen", "reading failed; the rest was not read"),
        };
        pick(lang, nl, en)
    }
}
