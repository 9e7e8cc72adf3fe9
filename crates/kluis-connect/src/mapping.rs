//! The mapping file: which column of an export becomes what, in TOML, to print, edit and give back.
//!
//! ```toml
//! version = 1
//! name = "Our old shop"            # what reports call this kind of file
//! source = "import:old-shop"       # on record with every consent
//! strip_apostrophe = false         # Shopify writes 'ids and '+31… with an apostrophe
//!
//! [[column]]
//! header = "E-mail"                # as in the file; capitals, spaces and accents do not matter
//! field = "email"                  # any field of the purpose register, also custom.*
//!
//! [[column]]
//! header = "Naam"
//! split = "name"                   # name | surname | middle_name | street | second_line | address_block
//! rank = 0                         # of several names or addresses the lowest rank with a value is used
//!
//! [[column]]
//! header = "Land"
//! field = "country"
//! read = "country"                 # country: names to codes; gender: 1/2, M/V, dhr/mevr to words
//!
//! [[column]]
//! header = "Nieuwsbrief"
//! consent = "newsletter"           # a purpose
//! read = "yes"                     # yes: opted in; no: opted out; given_at, withdrawn_at: a time; at: time of the yes
//!
//! [[column]]
//! header = "Laatste bestelling"
//! event = "order_completed"        # created, last_activity, order_completed, invoice_year_end, …
//!
//! [[column]]
//! header = "Wachtwoord"
//! ignore = true
//! ```

use std::borrow::Cow;
use std::collections::HashSet;

use kluis_model::{FieldName, PurposeId, StartEvent};
use serde::{Deserialize, Serialize};

use crate::COLUMNS_MAX;
use crate::header::key;

/// The longest mapping file, in bytes.
const MAPPING_BYTES_MAX: usize = 256 * 1024;

/// Which column becomes what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// What reports call this kind of file.
    pub name: String,
    /// What is on record as the source of consents.
    pub source: String,
    /// Whether a leading apostrophe in front of a digit or sign is taken off.
    pub strip_apostrophe: bool,
    /// The columns.
    pub columns: Vec<MappingColumn>,
}

/// What one column becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingColumn {
    /// Its heading.
    pub header: String,
    /// What it becomes.
    pub target: Target,
    /// Of several names or addresses, the lowest rank with a value is used.
    pub rank: u8,
}

/// What a column's values become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A field, as it is.
    Field(Cow<'static, str>),
    /// A whole name: given name or initials, tussenvoegsel, surname.
    WholeName,
    /// A surname with its tussenvoegsel.
    Surname,
    /// A middle name: a tussenvoegsel, or more given names.
    MiddleName,
    /// Street, house number and suffix in one.
    StreetLine,
    /// A second address line: a suffix, a number, or more of the street.
    SecondLine,
    /// A whole address with two spaces between its parts, as Mailchimp writes it.
    AddressBlock,
    /// A country, by code or name.
    Country,
    /// A gender, by word, letter, form of address or number.
    Gender,
    /// Yes or no to a purpose.
    ConsentFlag {
        /// The purpose.
        purpose: Cow<'static, str>,
        /// True: yes gives and no withdraws. False: yes withdraws (an opt-out) and no says nothing.
        opt_in: bool,
    },
    /// The moment at which consent was given or withdrawn; empty says nothing.
    ConsentTime {
        /// The purpose.
        purpose: Cow<'static, str>,
        /// Whether it was given.
        given: bool,
    },
    /// The moment that belongs to the yes of a [`Target::ConsentFlag`].
    ConsentMoment {
        /// The purpose.
        purpose: Cow<'static, str>,
    },
    /// The moment of an event.
    Event(StartEvent),
    /// Nothing.
    Ignore,
}

impl Target {
    pub(crate) const fn field(name: &'static str) -> Self {
        Self::Field(Cow::Borrowed(name))
    }

    pub(crate) const fn newsletter_flag() -> Self {
        Self::ConsentFlag { purpose: Cow::Borrowed("newsletter"), opt_in: true }
    }
}

/// What is wrong with a mapping file; says where, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Longer than 256 KiB or more than 500 columns.
    #[error("the mapping is too long: at most 256 KiB and 500 columns")]
    TooLong,
    /// Not TOML, or with an unknown key.
    #[error("the mapping is not valid: {0}")]
    Toml(String),
    /// A column that cannot be understood; the number counts `[[column]]` from 1.
    #[error("column {number} of the mapping: {what}")]
    Column {
        /// Which `[[column]]`, from 1.
        number: usize,
        /// What is wrong and what is allowed.
        what: &'static str,
    },
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    version: u32,
    name: String,
    source: String,
    #[serde(default)]
    strip_apostrophe: bool,
    #[serde(default)]
    column: Vec<ColumnEntry>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ColumnEntry {
    header: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ignore: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    rank: u8,
}

fn is_zero(rank: &u8) -> bool {
    *rank == 0
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// When it is too long, not TOML, has an unknown key, or a column says not exactly one thing.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        if text.len() > MAPPING_BYTES_MAX {
            return Err(MappingError::TooLong);
        }
        let file: MappingFile =
            toml::from_str(text).map_err(|error| MappingError::Toml(toml_text(&error, text)))?;
        if file.version != 1 {
            return Err(MappingError::Toml("version must be 1".to_owned()));
        }
        let fits = |text: &str| (1..=64).contains(&text.chars().count()) && !text.contains(char::is_control);
        if !fits(&file.name) || !fits(&file.source) {
            return Err(MappingError::Toml("name and source must have 1 to 64 characters".to_owned()));
        }
        if file.column.len() > COLUMNS_MAX {
            return Err(MappingError::TooLong);
        }
        let mut seen = HashSet::new();
        let mut columns = Vec::with_capacity(file.column.len());
        for (n, entry) in file.column.into_iter().enumerate() {
            let wrong = |what| MappingError::Column { number: n + 1, what };
            if !seen.insert(key(&entry.header)) {
                return Err(wrong("its header stands there twice"));
            }
            let target = entry.target().map_err(wrong)?;
            columns.push(MappingColumn { header: entry.header, target, rank: entry.rank });
        }
        let (name, source, strip_apostrophe) = (file.name, file.source, file.strip_apostrophe);
        Ok(Self { name, source, strip_apostrophe, columns })
    }

    /// Writes the mapping as a file that [`Mapping::parse`] reads back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let column = self.columns.iter().map(ColumnEntry::of).collect();
        let (name, source) = (self.name.clone(), self.source.clone());
        let file = MappingFile { version: 1, name, source, strip_apostrophe: self.strip_apostrophe, column };
        // Invariant: texts, numbers and flags in one table and one list of tables are always TOML.
        toml::to_string(&file).unwrap_or_default()
    }
}

/// Says where a mapping is not TOML; the message of the parser quotes only the file's own keys.
fn toml_text(error: &toml::de::Error, text: &str) -> String {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    line.map_or_else(|| error.message().to_owned(), |line| format!("line {line}: {}", error.message()))
}

impl ColumnEntry {
    fn target(&self) -> Result<Target, &'static str> {
        let said = [
            self.field.is_some(),
            self.split.is_some(),
            self.consent.is_some(),
            self.event.is_some(),
            self.ignore,
        ];
        if said.into_iter().filter(|said| *said).count() != 1 {
            return Err("say exactly one of field, split, consent, event, ignore");
        }
        let read = self.read.as_deref();
        if let Some(field) = &self.field {
            FieldName::parse(field)
                .map_err(|_| "field must be a field name: small letters, digits, _ and .")?;
            return match read {
                None => Ok(Target::Field(Cow::Owned(field.clone()))),
                Some("country") if field == "country" => Ok(Target::Country),
                Some("gender") if field == "gender" => Ok(Target::Gender),
                Some(_) => Err("read of a field must be country (for country) or gender (for gender)"),
            };
        }
        if let Some(purpose) = &self.consent {
            PurposeId::parse(purpose)
                .map_err(|_| "consent must be a purpose: small letters, digits, _ and .")?;
            return consent_target(purpose.clone(), read);
        }
        if read.is_some() {
            return Err("read goes with field or consent only");
        }
        if let Some(event) = &self.event {
            return event
                .parse()
                .map(Target::Event)
                .map_err(|_| "event must be a start event, such as order_completed");
        }
        match self.split.as_deref() {
            None => Ok(Target::Ignore),
            Some("name") => Ok(Target::WholeName),
            Some("surname") => Ok(Target::Surname),
            Some("middle_name") => Ok(Target::MiddleName),
            Some("street") => Ok(Target::StreetLine),
            Some("second_line") => Ok(Target::SecondLine),
            Some("address_block") => Ok(Target::AddressBlock),
            Some(_) => Err("split must be name, surname, middle_name, street, second_line or address_block"),
        }
    }

    fn of(column: &MappingColumn) -> Self {
        let mut entry = Self { header: column.header.clone(), rank: column.rank, ..Self::default() };
        let mut consent = |purpose: &str, read: &str| {
            (entry.consent, entry.read) = (Some(purpose.to_owned()), Some(read.to_owned()));
        };
        match &column.target {
            Target::ConsentFlag { purpose, opt_in } => consent(purpose, if *opt_in { "yes" } else { "no" }),
            Target::ConsentTime { purpose, given } => {
                consent(purpose, if *given { "given_at" } else { "withdrawn_at" })
            }
            Target::ConsentMoment { purpose } => consent(purpose, "at"),
            Target::Field(name) => entry.field = Some(name.to_string()),
            Target::Country => {
                (entry.field, entry.read) = (Some("country".to_owned()), Some("country".to_owned()))
            }
            Target::Gender => {
                (entry.field, entry.read) = (Some("gender".to_owned()), Some("gender".to_owned()))
            }
            Target::WholeName => entry.split = Some("name".to_owned()),
            Target::Surname => entry.split = Some("surname".to_owned()),
            Target::MiddleName => entry.split = Some("middle_name".to_owned()),
            Target::StreetLine => entry.split = Some("street".to_owned()),
            Target::SecondLine => entry.split = Some("second_line".to_owned()),
            Target::AddressBlock => entry.split = Some("address_block".to_owned()),
            Target::Event(event) => entry.event = Some(event.id().to_owned()),
            Target::Ignore => entry.ignore = true,
        }
        entry
    }
}

fn consent_target(purpose: String, read: Option<&str>) -> Result<Target, &'static str> {
    let purpose = Cow::Owned(purpose);
    match read {
        None | Some("yes") => Ok(Target::ConsentFlag { purpose, opt_in: true }),
        Some("no") => Ok(Target::ConsentFlag { purpose, opt_in: false }),
        Some("given_at") => Ok(Target::ConsentTime { purpose, given: true }),
        Some("withdrawn_at") => Ok(Target::ConsentTime { purpose, given: false }),
        Some("at") => Ok(Target::ConsentMoment { purpose }),
        Some(_) => Err("read of a consent must be yes, no, given_at, withdrawn_at or at"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "version = 1\nname = \"Oud\"\nsource = \"import:oud\"\n";

    /// The example in this file's documentation is the truth.
    #[test]
    fn the_documented_example_is_read() {
        let text = include_str!("mapping.rs");
        let example = text.split("//! ```toml\n").nth(1).unwrap().split("//! ```").next().unwrap();
        let example: String = example.lines().map(|l| format!("{}\n", l.trim_start_matches("//!"))).collect();
        let mapping = Mapping::parse(&example).unwrap();
        assert_eq!(mapping.columns.len(), 6);
        assert_eq!(mapping.columns[3].target, Target::newsletter_flag());
        assert_eq!(Mapping::parse(&mapping.to_toml()), Ok(mapping));
    }

    #[test]
    fn wrong_mappings_are_refused() {
        for column in [
            "",
            "field = \"email\"\nignore = true",
            "field = \"E-mail\"",
            "field = \"email\"\nread = \"country\"",
            "split = \"half\"",
            "split = \"name\"\nread = \"yes\"",
            "consent = \"Nieuwsbrief\"",
            "consent = \"newsletter\"\nread = \"perhaps\"",
            "event = \"birth\"",
            "field = \"email\"\nunknown = 1",
            "field = \"email\"\nrank = -1",
            "field = \"email\"\n[[column]]\nheader = \"X-\"\nfield = \"phone\"",
        ] {
            let text = format!("{HEAD}[[column]]\nheader = \"x\"\n{column}\n");
            assert!(Mapping::parse(&text).is_err(), "{column}");
        }
        for text in [
            "",
            "version = 2\nname=\"x\"\nsource=\"y\"",
            "version = 1\nname=\"\"\nsource=\"y\"",
            "version = 1",
            "x = [",
        ] {
            assert!(Mapping::parse(text).is_err(), "{text}");
        }
        let long = format!("{HEAD}#{}", "x".repeat(MAPPING_BYTES_MAX));
        assert_eq!(Mapping::parse(&long), Err(MappingError::TooLong));
        let message = Mapping::parse(&format!("{HEAD}colum = 1\n")).unwrap_err().to_string();
        assert!(message.contains("line 4"), "{message}");
    }

    fn any_target() -> impl Strategy<Value = Target> {
        let purpose = "[a-z][a-z_.]{0,9}".prop_map(Cow::Owned);
        prop_oneof![
            "[a-z][a-z_.]{0,9}".prop_map(|name| Target::Field(Cow::Owned(name))),
            Just(Target::WholeName),
            Just(Target::Surname),
            Just(Target::MiddleName),
            Just(Target::StreetLine),
            Just(Target::SecondLine),
            Just(Target::AddressBlock),
            Just(Target::Country),
            Just(Target::Gender),
            Just(Target::Ignore),
            Just(Target::Event(StartEvent::OrderCompleted)),
            (purpose.clone(), any::<bool>())
                .prop_map(|(purpose, opt_in)| Target::ConsentFlag { purpose, opt_in }),
            (purpose.clone(), any::<bool>())
                .prop_map(|(purpose, given)| Target::ConsentTime { purpose, given }),
            purpose.prop_map(|purpose| Target::ConsentMoment { purpose }),
        ]
    }

    proptest! {
        #[test]
        fn mappings_round_trip(targets in proptest::collection::vec((any_target(), any::<u8>(), "\\PC{0,8}"), 0..20)) {
            let columns = targets.into_iter().enumerate().map(|(n, (target, rank, header))| {
                MappingColumn { header: format!("{header}{n}x{n}"), target, rank }
            });
            let mut seen = HashSet::new();
            let columns: Vec<_> = columns.filter(|column| seen.insert(key(&column.header))).collect();
            let mapping = Mapping { name: "n".into(), source: "s".into(), strip_apostrophe: true, columns };
            prop_assert_eq!(Mapping::parse(&mapping.to_toml()), Ok(mapping));
        }
    }
}
