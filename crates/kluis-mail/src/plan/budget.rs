//! How many look-ups the planned SPF records cost, with the help of the DNS.

use std::collections::HashMap;

use serde::Serialize;

use super::{Plan, PlannedKind};
use crate::dns::{Answer, Answers, Over, Question, RecordKind};
use crate::spf::{self, tree};

/// What a planned record costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Whose record.
    pub domain: String,
    /// Look-ups, of which 10 are allowed (RFC 7208 §4.6.4).
    pub lookups: u32,
    /// Look-ups that find nothing, of which 2 are allowed.
    pub voids: u32,
    /// Includes that have no record.
    pub dead: Vec<String>,
    /// Whether everything was seen.
    pub is_whole: bool,
}

impl Budget {
    /// Whether receivers would stop before the end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lookups > spf::LOOKUPS_MAX || self.voids > spf::VOIDS_MAX
    }
}

/// Counts the look-ups of every planned SPF record, as if the plan were published.
///
/// # Errors
/// The questions whose answers are needed.
pub fn budgets(plan: &Plan, answers: &impl Answers) -> Result<Vec<Budget>, Vec<Question>> {
    let is_spf = |text: &str| matches!(spf::version(text.as_bytes()), Some((spf::Version::Spf1, _)));
    let records: Vec<_> =
        plan.records().filter(|record| record.kind == PlannedKind::Txt && is_spf(&record.value)).collect();
    let planned: HashMap<Question, Answer> = records
        .iter()
        .map(|record| {
            let texts = Answer::Txt(vec![record.value.clone().into_bytes()]);
            (Question::new(&record.name, RecordKind::Txt), texts)
        })
        .collect();
    let overlay = Over { over: &planned, rest: answers };
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for record in records {
        match tree::walk(&record.name, &overlay) {
            Ok(tree) => found.push(budget(&record.name, &tree)),
            Err(questions) => missing.extend(questions),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(missing) }
}

fn budget(domain: &str, tree: &tree::Tree) -> Budget {
    let dead = tree.branches.iter().filter(|branch| !branch.has_record);
    Budget {
        domain: domain.to_owned(),
        lookups: tree.lookups,
        voids: tree.voids,
        dead: dead.map(|branch| branch.domain.clone()).collect(),
        is_whole: tree.is_whole,
    }
}
