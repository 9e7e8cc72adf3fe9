//! The purpose register of a shop: which fields exist, for which purposes, on what basis and for how long.

use std::collections::HashMap;
use std::fmt;

use serde_json::json;

use crate::facts::SubjectFacts;
use crate::fields::{Country2, FieldDef, FieldName, Lang, Text};
use crate::purposes::{ClassSet, LegalBasis, Liveness, Need, Purpose, PurposeId};
use crate::time::TimeMs;

mod read;
#[cfg(test)]
mod tests;

/// The register a new vault starts with: a Dutch web shop.
pub const DEFAULT_REGISTER: &str = include_str!("../purposes.toml");
/// The longest register, in bytes.
pub const REGISTER_BYTES_MAX: usize = 64 * 1024;
/// Most purposes of a register.
pub const PURPOSES_MAX: usize = 200;
/// Most fields of a register.
pub const FIELDS_MAX: usize = 300;
/// Most problems that are reported at once.
pub const PROBLEMS_MAX: usize = 100;

/// A purpose register that has been checked whole: every field a purpose names exists, every basis has what it needs.
#[derive(Clone)]
pub struct Register {
    source: String,
    default_country: Country2,
    fields: Vec<FieldDef>,
    places: HashMap<FieldName, usize>,
    purposes: Vec<Purpose>,
    numbers: HashMap<PurposeId, usize>,
    /// For each field the numbers of the purposes that include it.
    users: Vec<Vec<usize>>,
}

impl Register {
    /// Reads a register and checks it whole.
    ///
    /// # Errors
    /// Everything that is wrong with it, at most [`PROBLEMS_MAX`] problems.
    pub fn parse(toml: &str) -> Result<Self, Vec<RegisterProblem>> {
        let (default_country, fields, purposes) = read::read(toml)?;
        let places: HashMap<_, _> = fields.iter().enumerate().map(|(n, def)| (def.name.clone(), n)).collect();
        let numbers = purposes.iter().enumerate().map(|(n, purpose)| (purpose.id.clone(), n)).collect();
        let mut users = vec![Vec::new(); fields.len()];
        for (number, purpose) in purposes.iter().enumerate() {
            for used in &purpose.fields {
                if let Some(place) = places.get(&used.field) {
                    users[*place].push(number);
                }
            }
        }
        Ok(Self { source: toml.to_owned(), default_country, fields, places, purposes, numbers, users })
    }

    /// Returns the text it was read from, comments and all.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns bytes that are equal for registers that mean the same, whatever their comments and layout; the caller
    /// hashes them to name a version of the register.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let fields = self.fields.iter().map(|def| json!([def.name, def.kind, def.label])).collect::<Vec<_>>();
        let purposes = self.purposes.iter().map(|purpose| {
            let uses = purpose.fields.iter().map(|used| json!([used.field, used.need])).collect::<Vec<_>>();
            let (retention, balancing) = (purpose.retention, &purpose.balancing);
            json!([
                purpose.id,
                purpose.name,
                purpose.basis,
                purpose.law,
                balancing,
                purpose.class,
                uses,
                purpose.recipients,
                [retention.start.id(), &retention.keep.to_string(), retention.action.id()],
            ])
        });
        let whole = json!([1, self.default_country.as_str(), fields, purposes.collect::<Vec<_>>()]);
        whole.to_string().into_bytes()
    }

    /// Returns the country whose rules apply where a record names none.
    #[must_use]
    pub const fn default_country(&self) -> Country2 {
        self.default_country
    }

    /// Finds a field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldDef> {
        self.place(name).map(|place| &self.fields[place])
    }

    /// Returns the fields in the order of the text.
    pub fn fields(&self) -> impl Iterator<Item = &FieldDef> {
        self.fields.iter()
    }

    /// Finds a purpose by its id.
    #[must_use]
    pub fn purpose(&self, id: &PurposeId) -> Option<&Purpose> {
        self.numbers.get(id).map(|number| &self.purposes[*number])
    }

    /// Returns the purposes in the order of the text.
    pub fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.purposes.iter()
    }

    /// Returns the purposes that include a field.
    pub fn purposes_of(&self, field: &FieldName) -> impl Iterator<Item = &Purpose> {
        let users = self.places.get(field).map(|place| self.users[*place].as_slice());
        users.unwrap_or_default().iter().map(|number| &self.purposes[*number])
    }

    /// Returns the classes of the live purposes that include a field.
    #[must_use]
    pub fn live_classes_for(&self, field: &FieldName, facts: &SubjectFacts, now: TimeMs) -> ClassSet {
        let live = self.purposes_of(field).filter(|purpose| purpose.live(facts, now).is_live());
        live.map(|purpose| purpose.class).collect()
    }

    /// Returns the live legal obligations of a subject, each with the moment it ends: what an erasure must leave
    /// (GDPR art. 17(3)(b)).
    #[must_use]
    pub fn protected_by_law(&self, facts: &SubjectFacts, now: TimeMs) -> Vec<(&Purpose, Option<TimeMs>)> {
        let obligations = self.purposes.iter().filter(|purpose| purpose.basis == LegalBasis::LegalObligation);
        obligations
            .filter_map(|purpose| match purpose.live(facts, now) {
                Liveness::Live { until } => Some((purpose, until)),
                _ => None,
            })
            .collect()
    }

    /// Returns the place of a field among [`Register::fields`].
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Returns the field at a place.
    pub(crate) fn def(&self, place: usize) -> &FieldDef {
        &self.fields[place]
    }

    /// Tells whether a purpose includes the field at a place.
    pub(crate) fn is_used(&self, place: usize) -> bool {
        !self.users[place].is_empty()
    }

    /// Returns for each place the classes of the live purposes that include the field; asks each purpose once.
    pub(crate) fn live_classes(&self, facts: &SubjectFacts, now: TimeMs) -> Vec<ClassSet> {
        let mut classes = vec![ClassSet::EMPTY; self.fields.len()];
        let live: Vec<bool> =
            self.purposes.iter().map(|purpose| purpose.live(facts, now).is_live()).collect();
        for (place, users) in self.users.iter().enumerate() {
            for number in users.iter().filter(|number| live[**number]) {
                classes[place] = classes[place].with(self.purposes[*number].class);
            }
        }
        classes
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fields, purposes) = (self.fields.len(), self.purposes.len());
        f.debug_struct("Register")
            .field("fields", &fields)
            .field("purposes", &purposes)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Register {
    fn eq(&self, other: &Self) -> bool {
        self.canonical_bytes() == other.canonical_bytes()
    }
}

/// Something wrong with a register: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterProblem {
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The place in the text, such as `purposes.order.basis`; empty for the whole.
    pub path: String,
    /// What is wrong and what to do.
    pub text: Text,
}

impl RegisterProblem {
    /// Says where and what in a language: `regel 12, purposes.order.basis: …`.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let line = self.line.map(|line| format!("{} {line}", lang.pick("regel", "line")));
        let path = (!self.path.is_empty()).then(|| self.path.clone());
        let place = [line, path].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let text = self.text.get(lang);
        if place.is_empty() { text.to_owned() } else { format!("{place}: {text}") }
    }
}

impl fmt::Display for RegisterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for RegisterProblem {}

impl Purpose {
    /// Returns the fields of one need.
    pub fn fields_of(&self, need: Need) -> impl Iterator<Item = &FieldName> {
        self.fields.iter().filter(move |used| used.need == need).map(|used| &used.field)
    }
}
