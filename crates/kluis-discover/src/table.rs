//! The columns of one table, with the trick of shop software that keeps names in one column and values in the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::detect::Scanner;
use crate::{Column, Kind, Verdict, header};

/// Columns of a table that are looked at.
pub const COLUMNS_MAX: usize = 1_000;
/// Different names in a column of names; what comes after is judged together.
const KEYS_MAX: usize = 300;
/// Bytes of such a name.
const KEY_BYTES_MAX: usize = 80;

/// A table while its rows are counted; memory does not grow with their number.
#[derive(Debug)]
pub struct Table {
    name: String,
    year: u32,
    columns: Vec<(String, Column)>,
    /// Where names and values of `meta_key`/`meta_value` tables stand.
    keyed: Option<(usize, usize)>,
    by_key: BTreeMap<String, Column>,
    rows: u64,
    uneven: u64,
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableReport {
    /// Its name; empty for a file with only one.
    pub name: String,
    /// Rows that were read.
    pub rows: u64,
    /// Rows with more or fewer cells than the header.
    pub uneven: u64,
    /// About how many people it is about.
    pub people: u64,
    /// Columns with something of people in them.
    pub columns: Vec<ColumnReport>,
    /// Columns without.
    pub others: u32,
}

/// A column with something of people in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Its name; `value[key]` where names stand in a column of their own.
    pub name: String,
    /// What it holds.
    pub verdict: Verdict,
    /// Points of damage when it leaks: people times weight.
    pub damage: u64,
}

impl Table {
    /// Begins a table; `year` is the present one.
    #[must_use]
    pub fn new(name: &str, columns: &[String], year: u32) -> Self {
        let is_of_things = header::is_of_things(name, columns);
        let column = |name: &str| {
            let column = Column::new(name, year);
            if is_of_things { column.of_thing() } else { column }
        };
        let named = columns.iter().take(COLUMNS_MAX);
        let find = |words: &[&str]| {
            columns.iter().position(|name| words.contains(&name.to_ascii_lowercase().as_str()))
        };
        let keyed = find(&["meta_key", "attribute_code", "option_name", "field_name", "key"]).zip(find(&[
            "meta_value",
            "value",
            "option_value",
            "field_value",
        ]));
        Self {
            name: name.to_owned(),
            year,
            columns: named.map(|name| (name.clone(), column(name))).collect(),
            keyed,
            by_key: BTreeMap::new(),
            rows: 0,
            uneven: 0,
        }
    }

    /// Takes columns that were counted one by one, as of records without a header.
    #[must_use]
    pub fn of_columns(name: &str, columns: Vec<(String, Column)>, rows: u64) -> Self {
        Self {
            name: name.to_owned(),
            year: 0,
            columns,
            keyed: None,
            by_key: BTreeMap::new(),
            rows,
            uneven: 0,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts a row.
    pub fn add<'r>(&mut self, scanner: &Scanner, cells: impl IntoIterator<Item = &'r [u8]>) {
        self.rows += 1;
        let (mut count, mut key, mut value) = (0, None, None);
        for (at, cell) in cells.into_iter().enumerate() {
            count = at + 1;
            let is_value = self.keyed.is_some_and(|(_, place)| place == at);
            if is_value {
                value = Some(cell);
            } else if let Some((_, column)) = self.columns.get_mut(at) {
                column.add(scanner, cell);
            }
            if self.keyed.is_some_and(|(place, _)| place == at) {
                key = Some(cell);
            }
        }
        self.uneven += u64::from(count != self.columns.len());
        if let Some((key, value)) = key.zip(value) {
            self.add_keyed(scanner, key, value);
        }
    }

    fn add_keyed(&mut self, scanner: &Scanner, key: &[u8], value: &[u8]) {
        let key = String::from_utf8_lossy(&key[..key.len().min(KEY_BYTES_MAX)]).into_owned();
        let key = if self.by_key.len() < KEYS_MAX || self.by_key.contains_key(&key) {
            key
        } else {
            "…".to_owned()
        };
        let year = self.year;
        self.by_key.entry(key).or_insert_with_key(|key| Column::new(key, year)).add(scanner, value);
    }

    /// Says what the table holds.
    #[must_use]
    pub fn finish(self) -> TableReport {
        let value_name = self.keyed.and_then(|(_, at)| self.columns.get(at)).map(|(name, _)| name.clone());
        let plain = self.columns.iter().map(|(name, column)| (name.clone(), column.decide()));
        let keyed = self.by_key.iter().map(|(key, column)| {
            (format!("{}[{key}]", value_name.as_deref().unwrap_or("value")), column.decide())
        });
        let (told, others): (Vec<_>, Vec<_>) =
            plain.chain(keyed).partition(|(_, verdict)| verdict.kind.is_some() || !verdict.also.is_empty());
        let people = people(&told, self.rows);
        let columns = told
            .into_iter()
            .map(|(name, verdict)| ColumnReport { damage: damage(&verdict, people), name, verdict })
            .collect();
        Self::report(self.name, self.rows, self.uneven, people, columns, others.len())
    }

    fn report(
        name: String,
        rows: u64,
        uneven: u64,
        people: u64,
        columns: Vec<ColumnReport>,
        others: usize,
    ) -> TableReport {
        TableReport { name, rows, uneven, people, columns, others: u32::try_from(others).unwrap_or(u32::MAX) }
    }
}

/// About how many people: different addresses of mail, else telephone numbers, else names, else rows.
fn people(columns: &[(String, Verdict)], rows: u64) -> u64 {
    let of = |kind: Kind| {
        let columns = columns.iter().filter(|(_, verdict)| verdict.kind == Some(kind));
        columns.map(|(_, verdict)| u64::from(verdict.distinct)).max()
    };
    let is_told = columns.iter().any(|(_, verdict)| verdict.kind.is_some());
    let identities = [Kind::Email, Kind::Bsn, Kind::Iban, Kind::Phone, Kind::FullName];
    identities.into_iter().find_map(of).unwrap_or(if is_told { rows } else { 0 })
}

fn damage(verdict: &Verdict, people: u64) -> u64 {
    let cells = |share: f64| (f64::from(verdict.filled) * share).round() as u64;
    let most = if people == 0 { u64::MAX } else { people };
    let main = verdict.kind.map_or(0, |kind| cells(verdict.share).min(most) * u64::from(kind.weight()));
    let also = verdict.also.iter().map(|(kind, share)| cells(*share).min(most) * u64::from(kind.weight()));
    main + also.sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_table_is_told_by_column_and_counted_by_person() {
        let scanner = Scanner::new();
        let mut table = Table::new("klanten", &names(&["id", "email", "kleur"]), 2026);
        for n in 0..200u32 {
            let (id, email) = (n.to_string(), format!("k{}@winkel.example", n % 100));
            table.add(&scanner, [id.as_bytes(), email.as_bytes(), b"rood".as_slice()]);
        }
        table.add(&scanner, [b"1".as_slice()]);
        let report = table.finish();
        assert_eq!((report.rows, report.uneven, report.others, report.columns.len()), (201, 1, 2, 1));
        assert!((90..=110).contains(&report.people), "{}", report.people);
        assert_eq!(report.columns[0].verdict.kind, Some(Kind::Email));
        assert_eq!(report.columns[0].damage, report.people * 5);
    }

    #[test]
    fn names_in_a_column_of_their_own_are_columns() {
        let scanner = Scanner::new();
        let mut table =
            Table::new("wp_usermeta", &names(&["umeta_id", "user_id", "meta_key", "meta_value"]), 2026);
        for n in 0..50u32 {
            let id = n.to_string();
            let (mail, city) = (format!("k{n}@winkel.example"), "Utrecht".to_owned());
            for (key, value) in [("billing_email", &mail), ("billing_city", &city), ("wp_capabilities", &id)]
            {
                table.add(&scanner, [id.as_bytes(), id.as_bytes(), key.as_bytes(), value.as_bytes()]);
            }
        }
        let report = table.finish();
        let found: Vec<_> = report.columns.iter().map(|c| (c.name.as_str(), c.verdict.kind)).collect();
        assert_eq!(
            found,
            [
                ("meta_value[billing_city]", Some(Kind::City)),
                ("meta_value[billing_email]", Some(Kind::Email))
            ]
        );
    }

    #[test]
    fn a_table_without_people_has_no_damage() {
        let scanner = Scanner::new();
        let mut table = Table::new("", &names(&["sku", "prijs"]), 2026);
        (0..100).for_each(|n| table.add(&scanner, [format!("SKU-{n}").as_bytes(), b"12,50".as_slice()]));
        let report = table.finish();
        assert_eq!((report.columns.len(), report.people, report.others), (0, 0, 2));
    }
}
