//! Shows a report to people (terminal, HTML, Markdown) and to programs (SARIF), and compares two of them.
//!
//! Everything a site sent is hostile text: it is cleaned of control, direction and invisible characters and cut to a
//! bounded length before any format sees it, and each format escapes what is left for its own language.

mod compare;
mod html;
mod markdown;
mod sarif;
mod terminal;
mod view;
mod wording;

#[cfg(test)]
mod tests;

use kluis_model::Lang;

use crate::finding::Report;

pub use self::compare::{Difference, compare, difference_lines};
pub use self::html::{STYLE, html};
pub use self::markdown::markdown;
pub use self::sarif::sarif;
pub use self::terminal::{TerminalOptions, terminal};
pub use self::view::{
    CountView, FindingView, GapView, GradeView, JudgeView, PassedView, ProofView, ShieldView, SnippetView,
    View,
};
pub use self::wording::{Labels, is_hostile};

/// A report as texts in one language, cleaned and bounded but not escaped: for the templates of the console.
#[must_use]
pub fn fragment_context(report: &Report, lang: Lang) -> View {
    view::view(report, lang)
}

/// The report in one line: `winkel.example: grade C (61 of 100), 4 findings; encryption green, …`.
#[must_use]
pub fn summary_line(report: &Report, lang: Lang) -> String {
    view::summary(report, lang)
}

/// The title of a rule in one language; of a rule that this version does not know, its id.
#[must_use]
pub fn rule_title(rule: &str, lang: Lang) -> String {
    view::title(rule, lang)
}
