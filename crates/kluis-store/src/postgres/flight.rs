//! Statements on their way to PostgreSQL: many at once, rows for one table gathered into one statement.

use crate::dump::table_named;
use crate::unit::{Expect, Step};
use crate::value::Value;

/// The values of a statement.
pub(crate) enum Parameters<'a> {
    /// One value a parameter.
    One(&'a [Value]),
    /// An array of values a parameter.
    Many(Vec<Vec<&'a Value>>),
}

/// A statement to be sent and how many rows it must change.
pub(crate) struct Send<'a> {
    pub(crate) text: &'static str,
    pub(crate) parameters: Parameters<'a>,
    expected: Option<u64>,
}

impl<'a> Send<'a> {
    pub(crate) fn one(text: &'static str, values: &'a [Value]) -> Self {
        Self { text, parameters: Parameters::One(values), expected: None }
    }

    pub(crate) fn many(text: &'static str, columns: Vec<Vec<&'a Value>>) -> Self {
        Self { text, parameters: Parameters::Many(columns), expected: None }
    }

    /// Tells whether the number of changed rows is what must be.
    pub(crate) fn holds(&self, changed: u64) -> bool {
        self.expected.is_none_or(|expected| expected == changed)
    }
}

/// Gathers steps: rows that fill the same table go together until a step of another kind comes.
///
/// Steps that only add rows, with nothing else between them, can change places: no statement reads what another wrote.
pub(crate) fn gather<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<Send<'a>> {
    let mut sends = Vec::new();
    let mut open: Vec<(&'static str, Vec<&'a Step>)> = Vec::new();
    for step in steps {
        match step.sql.fills {
            Some(table) => match open.iter_mut().find(|(name, _)| *name == table) {
                Some((_, rows)) => rows.push(step),
                None => open.push((table, vec![step])),
            },
            None => {
                sends.extend(open.drain(..).map(|(table, rows)| fill(table, &rows)));
                sends.push(single(step));
            }
        }
    }
    sends.extend(open.drain(..).map(|(table, rows)| fill(table, &rows)));
    sends
}

/// Makes the statement for one step.
pub(crate) fn single(step: &Step) -> Send<'_> {
    let expected = matches!(step.expect, Expect::One(_)).then_some(1);
    Send { expected, ..Send::one(step.sql.text, &step.values) }
}

fn fill<'a>(table: &'static str, steps: &[&'a Step]) -> Send<'a> {
    let rows: Vec<&'a [Value]> = steps.iter().map(|step| step.values.as_slice()).collect();
    match (steps, table_named(table)) {
        ([step], _) | ([step, ..], None) => single(step),
        ([], _) => Send::one(crate::sql::PING.text, &[]),
        ([first, ..], Some(table)) => {
            let expected = matches!(first.expect, Expect::One(_)).then_some(steps.len() as u64);
            Send { expected, ..Send::many(table.insert_many(), columns(&rows)) }
        }
    }
}

/// Turns rows into columns.
pub(crate) fn columns<'a>(rows: &[&'a [Value]]) -> Vec<Vec<&'a Value>> {
    let width = rows.first().map_or(0, |row| row.len());
    (0..width).map(|n| rows.iter().map(|row| &row[n]).collect()).collect()
}
