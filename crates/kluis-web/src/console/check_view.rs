//! What the pages about checks of a shop's HTTPS show.

use kluis_checks::report::View as ReportView;
use serde::Serialize;

use super::view::{FieldError, View};

/// `/console/checks`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ChecksView {
    /// The domain in the form.
    pub(crate) domain: String,
    /// Whether the form says that the domain is the shop's own.
    pub(crate) is_own: bool,
    /// Problems with the form.
    pub(crate) errors: Vec<FieldError>,
    /// Checks, newest first.
    pub(crate) checks: Vec<CheckRow>,
}

/// A check in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CheckRow {
    /// Its id.
    pub(crate) id: String,
    /// The audited host.
    pub(crate) domain: String,
    /// Unix ms when it was asked for.
    pub(crate) at: i64,
    /// `queued`, `running`, `done` or `failed`.
    pub(crate) state: &'static str,
    /// Letter of the grade.
    pub(crate) grade: Option<String>,
    /// `green`, `orange` or `red`.
    pub(crate) tone: &'static str,
    /// 0 to 100.
    pub(crate) score: i64,
    /// Findings above info.
    pub(crate) findings: i64,
    /// Whether it is the one whose page this is.
    pub(crate) is_this: bool,
}

/// `/console/checks/{id}`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CheckPage {
    /// Its id.
    pub(crate) id: String,
    /// The audited host.
    pub(crate) domain: String,
    /// Unix ms when it was asked for.
    pub(crate) at: i64,
    /// `queued`, `running`, `done` or `failed`.
    pub(crate) state: &'static str,
    /// The part at work.
    pub(crate) part: Option<String>,
    /// How far that part is.
    pub(crate) percent: Option<i64>,
    /// Why it failed.
    pub(crate) problem: Option<String>,
    /// What to do about that.
    pub(crate) hint: Option<String>,
    /// What to publish so that it is believed that the domain is the shop's own.
    pub(crate) owner: Option<Publish>,
    /// The report.
    pub(crate) report: Option<ReportView>,
    /// What changed since the check before, a line each.
    pub(crate) changes: Vec<String>,
    /// Unix ms of the check before.
    pub(crate) previous_at: Option<i64>,
    /// Its page.
    pub(crate) previous: Option<String>,
    /// Checks of this domain, newest first.
    pub(crate) history: Vec<CheckRow>,
    /// Their grades over time, when there are at least two.
    pub(crate) chart: Option<Chart>,
}

/// What an owner publishes, in one of two places.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Publish {
    /// The text.
    pub(crate) text: String,
    /// Name of the TXT record.
    pub(crate) record: String,
    /// Address of the file.
    pub(crate) file: String,
}

/// Points over time, drawn in a box of 100 by 100 with some room around it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Chart {
    /// `x,y x,y …` for a line.
    pub(crate) line: String,
    /// Each point.
    pub(crate) points: Vec<Point>,
    /// Points of the first check shown.
    pub(crate) first: i64,
    /// Points of the last check shown.
    pub(crate) last: i64,
}

/// A point of the chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Point {
    /// From the left, 0 to 600.
    pub(crate) x: i64,
    /// From the top, 0 to 100.
    pub(crate) y: i64,
    /// `green`, `orange` or `red`.
    pub(crate) tone: &'static str,
}

impl View for ChecksView {
    const TEMPLATE: &'static str = "checks.html";
}
impl View for CheckPage {
    const TEMPLATE: &'static str = "check.html";
}

/// Most points of a chart.
const POINTS_MAX: usize = 30;
/// Width of a chart in its own units.
const WIDTH: i64 = 600;

impl Chart {
    /// The chart of finished checks, which come newest first; nothing for fewer than two.
    pub(crate) fn of(history: &[CheckRow]) -> Option<Self> {
        let mut done: Vec<&CheckRow> =
            history.iter().filter(|row| row.grade.is_some()).take(POINTS_MAX).collect();
        done.reverse();
        let (first, last) = (done.first()?, done.last()?);
        let steps = i64::try_from(done.len()).ok()? - 1;
        if steps < 1 {
            return None;
        }
        let point = |(row, n): (&&CheckRow, i64)| Point {
            x: n * WIDTH / steps,
            y: 100 - row.score.clamp(0, 100),
            tone: row.tone,
        };
        let points: Vec<Point> = done.iter().zip(0..).map(point).collect();
        let line: Vec<String> = points.iter().map(|point| format!("{},{}", point.x, point.y)).collect();
        Some(Self { line: line.join(" "), points, first: first.score, last: last.score })
    }
}

/// The colour of a grade, as the report has it.
pub(crate) fn tone_of(grade: &str) -> &'static str {
    match grade.as_bytes().first() {
        Some(b'A') => "green",
        Some(b'B' | b'C') => "orange",
        _ => "red",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn row(score: i64, grade: Option<&str>) -> CheckRow {
        CheckRow {
            id: String::new(),
            domain: String::new(),
            at: 0,
            state: "done",
            grade: grade.map(str::to_owned),
            tone: "green",
            score,
            findings: 0,
            is_this: false,
        }
    }

    #[test]
    fn a_chart_runs_from_the_oldest_to_the_newest_and_needs_two() {
        assert_eq!(Chart::of(&[]), None);
        assert_eq!(Chart::of(&[row(90, Some("A")), row(0, None)]), None);
        let chart = Chart::of(&[row(90, Some("A")), row(0, None), row(40, Some("D")), row(100, Some("A+"))]);
        let chart = chart.unwrap();
        assert_eq!(chart.line, "0,0 300,60 600,10");
        assert_eq!((chart.first, chart.last), (100, 90));
        let many: Vec<CheckRow> = (0..200).map(|n| row(n * 7 - 50, Some("B"))).collect();
        let chart = Chart::of(&many).unwrap();
        assert_eq!(chart.points.len(), POINTS_MAX);
        assert!(chart.points.iter().all(|p| (0..=100).contains(&p.y) && (0..=WIDTH).contains(&p.x)));
    }

    #[test]
    fn grades_have_the_colours_of_the_report() {
        for (grade, tone) in
            [("A+", "green"), ("A", "green"), ("B", "orange"), ("C", "orange"), ("D", "red"), ("", "red")]
        {
            assert_eq!(tone_of(grade), tone, "{grade}");
        }
    }
}
