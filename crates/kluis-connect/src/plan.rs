//! What happens to each column of a file, decided once from its headings.

use std::collections::HashMap;

use kluis_model::Lang;

use crate::error::pick;
use crate::header::{forbidden, guess, key};
use crate::mapping::{Mapping, MappingColumn, Target};
use crate::preset::Preset;

/// Where one column of a file goes, as a person is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnUse {
    /// The heading, or in JSON the path of the key.
    pub header: String,
    /// The field, consent or event it becomes; none when nothing is taken from it.
    pub field: Option<String>,
    /// Why nothing is taken from it.
    pub reason: Option<ColumnReason>,
    /// How many of its values could not be read so far (times of events) and were left out.
    pub unreadable: u64,
}

/// Why nothing is taken from a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnReason {
    /// A password, session or other secret: never taken, also not by a mapping.
    Secret,
    /// A citizen service number (BSN): a shop may not process it (UAVG art. 46); never taken.
    CitizenNumber,
    /// A payment card: never taken.
    PaymentCard,
    /// An IP address, a device or a place: nobody asked for it.
    Trace,
    /// No field fits.
    NoField,
    /// The mapping says so, or does not name it.
    Mapping,
    /// The heading stands in the file twice; the first is used.
    Repeated,
}

impl ColumnReason {
    /// Returns the stable word for the reason.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::CitizenNumber => "citizen_number",
            Self::PaymentCard => "payment_card",
            Self::Trace => "trace",
            Self::NoField => "no_field",
            Self::Mapping => "mapping",
            Self::Repeated => "repeated",
        }
    }

    /// Says why, for people.
    #[must_use]
    pub const fn text(self, lang: Lang) -> &'static str {
        let (nl, en) = match self {
            Self::Secret => ("wachtwoord of ander geheim", "password or other secret"),
            Self::CitizenNumber => (
                "BSN: een winkel mag het niet verwerken",
                "citizen service number: a shop may not process it",
            ),
            Self::PaymentCard => ("betaalkaart", "payment card"),
            Self::Trace => {
                ("spoor van apparaat of plaats, niet nodig", "trace of a device or place, not needed")
            }
            Self::NoField => ("geen gegeven past erbij", "no field fits"),
            Self::Mapping => ("volgens de mapping", "by the mapping"),
            Self::Repeated => ("kolomkop staat er twee keer", "heading stands there twice"),
        };
        pick(lang, nl, en)
    }
}

/// Where values come from and where they go.
pub(crate) struct Plan {
    source: PlanSource,
    columns: Vec<(String, Taken)>,
    seen: HashMap<String, usize>,
    pub(crate) unreadable: Vec<u64>,
    /// The columns that give something, best rank first.
    pub(crate) active: Vec<Active>,
    /// The column by which lines of one order are known to belong together.
    pub(crate) order_column: Option<usize>,
}

/// What a column becomes and its rank, or why it is left.
type Taken = Result<(Target, u8), ColumnReason>;

enum PlanSource {
    Preset(&'static Preset),
    Guess,
    Mapping(HashMap<String, (Target, u8)>),
}

/// One column that gives something.
pub(crate) struct Active {
    pub(crate) column: usize,
    pub(crate) target: Target,
    pub(crate) rank: u8,
    pub(crate) group: Group,
    /// Whether a value makes its name or address the one that is used.
    pub(crate) decides: bool,
}

/// Values that belong together: a street of one address never meets the city of another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Name = 0,
    Address = 1,
    None = 2,
}

impl Plan {
    pub(crate) fn of_preset(preset: Option<&'static Preset>) -> Self {
        Self::new(preset.map_or(PlanSource::Guess, PlanSource::Preset))
    }

    pub(crate) fn of_mapping(mapping: &Mapping) -> Self {
        let targets =
            mapping.columns.iter().map(|column| (key(&column.header), (column.target.clone(), column.rank)));
        Self::new(PlanSource::Mapping(targets.collect()))
    }

    fn new(source: PlanSource) -> Self {
        let (columns, seen, active) = (Vec::new(), HashMap::new(), Vec::new());
        Self { source, columns, seen, unreadable: Vec::new(), active, order_column: None }
    }

    /// Takes in headings beyond those already known.
    pub(crate) fn extend(&mut self, headers: &[String]) {
        if headers.len() <= self.columns.len() {
            return;
        }
        for header in headers.iter().skip(self.columns.len()) {
            let key = key(header);
            let column = self.columns.len();
            let taken = self.decide(&key);
            if let PlanSource::Preset(preset) = &self.source
                && preset.order_key.is_some_and(|order| crate::header::key(order) == key)
            {
                self.order_column.get_or_insert(column);
            }
            let taken = match taken {
                Ok(_) if self.seen.contains_key(&key) => Err(ColumnReason::Repeated),
                other => other,
            };
            if let Ok((target, rank)) = &taken
                && *target != Target::Ignore
            {
                let (group, decides) = target.group();
                self.active.push(Active { column, target: target.clone(), rank: *rank, group, decides });
            }
            self.seen.entry(key).or_insert(column);
            self.columns.push((header.clone(), taken));
            self.unreadable.push(0);
        }
        self.active.sort_by_key(|active| (active.rank, active.column));
    }

    fn decide(&self, key: &str) -> Taken {
        if let Some(reason) = forbidden(key) {
            return Err(reason);
        }
        match &self.source {
            PlanSource::Mapping(targets) => match targets.get(key) {
                Some((Target::Ignore, _)) | None => Err(ColumnReason::Mapping),
                Some(taken) => Ok(taken.clone()),
            },
            PlanSource::Preset(preset) => {
                match preset.columns.iter().find(|known| crate::header::key(known.0) == key) {
                    Some((_, Target::Ignore, _)) => Err(guess(key).err().unwrap_or(ColumnReason::NoField)),
                    Some((_, target, rank)) => Ok((target.clone(), *rank)),
                    None => guess(key).map(|(target, rank)| (target, rank.saturating_add(4))),
                }
            }
            PlanSource::Guess => guess(key),
        }
    }

    /// Tells whether anything by which a person is known is taken.
    pub(crate) fn knows_people(&self) -> bool {
        let known = ["email", "phone", "customer_number", "company", "iban"];
        self.active.iter().any(|active| match &active.target {
            Target::Field(name) => known.contains(&name.as_ref()),
            Target::Surname | Target::WholeName => true,
            _ => false,
        })
    }

    /// Tells whether the mapping's columns gave anything.
    pub(crate) fn takes_something(&self) -> bool {
        !self.active.is_empty()
    }

    pub(crate) fn header(&self, column: usize) -> Option<String> {
        self.columns.get(column).map(|(header, _)| header.clone())
    }

    pub(crate) fn uses(&self) -> Vec<ColumnUse> {
        let uses = self.columns.iter().zip(&self.unreadable).map(|((header, taken), unreadable)| ColumnUse {
            header: header.clone(),
            field: taken.as_ref().ok().map(|(target, _)| target.label()),
            reason: taken.as_ref().err().copied(),
            unreadable: *unreadable,
        });
        uses.collect()
    }

    /// Returns the columns as a mapping file would name them.
    pub(crate) fn mapping_columns(&self) -> Vec<MappingColumn> {
        let columns = self.columns.iter().filter_map(|(header, taken)| {
            let (target, rank) = match taken {
                Ok(taken) => taken.clone(),
                Err(ColumnReason::Repeated) => return None,
                Err(_) => (Target::Ignore, 0),
            };
            Some(MappingColumn { header: header.clone(), target, rank })
        });
        columns.collect()
    }
}

impl Target {
    /// Tells which values the target's value belongs with, and whether it decides which of several is used.
    fn group(&self) -> (Group, bool) {
        match self {
            Self::Field(name) => match name.as_ref() {
                "surname" => (Group::Name, true),
                "given_name" | "initials" | "infix" => (Group::Name, false),
                "street" | "postcode" | "city" => (Group::Address, true),
                "house_number" | "house_number_suffix" | "region" | "country" => (Group::Address, false),
                _ => (Group::None, false),
            },
            Self::WholeName | Self::Surname => (Group::Name, true),
            Self::MiddleName => (Group::Name, false),
            Self::StreetLine | Self::AddressBlock => (Group::Address, true),
            Self::SecondLine | Self::Country => (Group::Address, false),
            _ => (Group::None, false),
        }
    }

    /// Says in one word what a column becomes.
    fn label(&self) -> String {
        match self {
            Self::Field(name) => name.to_string(),
            Self::WholeName => "given_name infix surname".to_owned(),
            Self::Surname => "infix surname".to_owned(),
            Self::MiddleName => "infix".to_owned(),
            Self::StreetLine => "street house_number house_number_suffix".to_owned(),
            Self::SecondLine => "house_number_suffix".to_owned(),
            Self::AddressBlock => "street house_number postcode city country".to_owned(),
            Self::Country => "country".to_owned(),
            Self::Gender => "gender".to_owned(),
            Self::ConsentFlag { purpose, .. }
            | Self::ConsentTime { purpose, .. }
            | Self::ConsentMoment { purpose } => {
                format!("consent:{purpose}")
            }
            Self::Event(event) => format!("event:{}", event.id()),
            Self::Ignore => String::new(),
        }
    }
}
