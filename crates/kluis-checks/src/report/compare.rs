//! What changed between two reports.

use std::collections::BTreeMap;

use kluis_model::Lang;
use serde::{Deserialize, Serialize};

use super::view::title;
use super::wording::clean;
use crate::finding::{Report, Severity};

/// Rules named at most in each list for people.
const RULES_SHOWN_MAX: usize = 100;

/// What changed between two reports of one domain; findings are named by their rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Difference {
    /// Found before, looked at now and not found.
    pub fixed: Vec<String>,
    /// Not found before, found now.
    pub new: Vec<String>,
    /// Found both times, with the same severity.
    pub same: Vec<String>,
    /// Found both times, more severe now.
    pub worse: Vec<String>,
    /// Found both times, less severe now.
    pub better: Vec<String>,
    /// Found before, but not looked at now: neither fixed nor still there.
    pub unknown: Vec<String>,
    /// Letter of the old grade.
    pub grade_before: String,
    /// Letter of the new grade.
    pub grade_after: String,
    /// Points of the old grade.
    pub score_before: u32,
    /// Points of the new grade.
    pub score_after: u32,
}

impl Difference {
    /// Whether nothing changed but, perhaps, places and dates.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty()
            && self.new.is_empty()
            && self.worse.is_empty()
            && self.better.is_empty()
            && self.grade_before == self.grade_after
            && self.score_before == self.score_after
    }
}

/// Compares two reports; ids stand in the order of the report they come from.
#[must_use]
pub fn compare(old: &Report, new: &Report) -> Difference {
    let before: BTreeMap<&str, Severity> =
        old.findings.iter().map(|f| (f.rule.as_str(), f.severity)).collect();
    let after: BTreeMap<&str, Severity> =
        new.findings.iter().map(|f| (f.rule.as_str(), f.severity)).collect();
    let mut difference = Difference {
        grade_before: old.grade.letter.clone(),
        grade_after: new.grade.letter.clone(),
        score_before: old.grade.score,
        score_after: new.grade.score,
        ..Difference::default()
    };
    for finding in &old.findings {
        if after.contains_key(finding.rule.as_str()) {
            continue;
        }
        let list =
            if new.passed.contains(&finding.rule) { &mut difference.fixed } else { &mut difference.unknown };
        list.push(finding.rule.clone());
    }
    for finding in &new.findings {
        let list = match before.get(finding.rule.as_str()) {
            None => &mut difference.new,
            Some(severity) if finding.severity > *severity => &mut difference.worse,
            Some(severity) if finding.severity < *severity => &mut difference.better,
            Some(_) => &mut difference.same,
        };
        list.push(finding.rule.clone());
    }
    difference
}

/// What changed, in lines for people: the grade first, then what is fixed, new, worse, better and no longer looked at.
#[must_use]
pub fn difference_lines(difference: &Difference, lang: Lang) -> Vec<String> {
    let mut lines = Vec::new();
    let (before, after) = (clean(&difference.grade_before, 2), clean(&difference.grade_after, 2));
    let points = format!("{} → {}", difference.score_before, difference.score_after);
    lines.push(if difference.is_empty() {
        format!("{} ({after}, {})", lang.pick("Niets veranderd", "Nothing changed"), difference.score_after)
    } else {
        format!("{} {before} → {after} ({points})", lang.pick("Cijfer", "Grade"))
    });
    let lists = [
        (lang.pick("Opgelost", "Fixed"), &difference.fixed),
        (lang.pick("Nieuw", "New"), &difference.new),
        (lang.pick("Erger geworden", "Worse"), &difference.worse),
        (lang.pick("Minder erg", "Less severe"), &difference.better),
        (lang.pick("Nu niet bekeken", "Not looked at this time"), &difference.unknown),
    ];
    for (label, rules) in lists {
        lines
            .extend(rules.iter().take(RULES_SHOWN_MAX).map(|rule| format!("{label}: {}", title(rule, lang))));
    }
    lines
}
