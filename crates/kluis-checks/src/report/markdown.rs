//! The report as Markdown (CommonMark), for issue trackers and hosts.

use std::fmt::Write as _;

use kluis_model::Lang;

use super::view::{self, FindingView, SnippetView, View};
use super::wording;
use crate::finding::Report;

/// The report as Markdown; nothing in it is HTML or a link, whatever the site sent.
#[must_use]
pub fn markdown(report: &Report, lang: Lang) -> String {
    let view = view::view(report, lang);
    let mut out = String::new();
    let labels = &view.labels;
    // Writing to a String cannot fail, so the results below are dropped.
    let _ = writeln!(out, "# {}: {}\n", labels.title, text(&view.host));
    let _ = writeln!(out, "{} · {} · Klantkluis {}\n", text(&view.at), view.took, text(&view.version));
    let _ = writeln!(
        out,
        "**{} {}** · {} {} · {}\n",
        labels.grade,
        text(&view.grade.letter),
        view.grade.score,
        labels.of_100,
        text(&view.grade.meaning)
    );
    if !view.grade.capped.is_empty() {
        let _ = writeln!(out, "{}\n", text(&view.grade.capped));
    }
    let _ = writeln!(out, "**{}:** {}\n", view.first_label, prose(&view.first));
    overview(&mut out, &view);
    let _ = writeln!(out, "## {}\n", labels.findings);
    if view.findings.is_empty() {
        let _ = writeln!(out, "{}\n", labels.none);
    } else {
        let _ = writeln!(out, "{}\n", labels.findings_order);
    }
    for item in &view.findings {
        finding(&mut out, &view, item, lang);
    }
    rest(&mut out, &view);
    out
}

fn overview(out: &mut String, view: &View) {
    let labels = &view.labels;
    let _ = writeln!(out, "## {}\n", labels.shields);
    for shield in &view.shields {
        let _ = write!(out, "- **{}:** {}", shield.name, shield.word);
        if !shield.count.is_empty() {
            let _ = write!(out, ", {}", shield.count);
        }
        if !shield.worst.is_empty() {
            let _ = write!(out, ". {}: {}", labels.worst, text(&shield.worst));
        }
        out.push('\n');
    }
    if view.judges.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {}\n", labels.judges);
    for judge in &view.judges {
        let grade = if judge.grade.is_empty() { labels.judge_unknown } else { &judge.grade };
        let _ = write!(out, "- **{}:** {}", text(judge.name), text(grade));
        if !judge.reasons.is_empty() {
            let reasons: Vec<String> = judge.reasons.iter().map(|reason| code(reason)).collect();
            let _ = write!(out, " ({})", reasons.join(", "));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "\n{}\n", labels.judges_note);
}

fn finding(out: &mut String, view: &View, item: &FindingView, lang: Lang) {
    let labels = &view.labels;
    let _ = writeln!(out, "### {}. {}: {}\n", item.number, item.severity_word, prose(&item.title));
    let mut about = vec![code(&item.rule)];
    about.extend((!item.protections.is_empty()).then(|| item.protections.join(", ")));
    if !item.gain_text.is_empty() {
        about.push(item.gain_text.clone());
    }
    let _ = writeln!(out, "{}\n", about.join(" · "));
    if !item.why.is_empty() {
        let _ = writeln!(out, "**{}:** {}\n", labels.why, prose(item.why));
    }
    let _ = writeln!(out, "**{}:**\n", labels.seen);
    for proof in &item.proofs {
        let _ = writeln!(out, "- {}: {}", code(&proof.place), code(&proof.seen));
    }
    let more = wording::more_text(u64::from(item.proofs_more), lang);
    if !more.is_empty() {
        let _ = writeln!(out, "- {more}");
    }
    out.push('\n');
    if !item.fix.is_empty() {
        let _ = writeln!(out, "**{}:** {}\n", labels.fix, prose(item.fix));
    }
    for item in &item.snippets {
        snippet(out, item);
    }
    if !item.source.is_empty() {
        let _ = writeln!(out, "{}: {}\n", labels.source, text(item.source));
    }
}

fn snippet(out: &mut String, snippet: &SnippetView) {
    if snippet.code.is_empty() {
        let _ = writeln!(out, "{}: {}\n", snippet.platform, prose(snippet.text));
    } else {
        let _ = writeln!(out, "{}:\n\n````text\n{}\n````\n", snippet.platform, snippet.code);
    }
}

fn rest(out: &mut String, view: &View) {
    let labels = &view.labels;
    if !view.notes.is_empty() {
        let _ = writeln!(out, "## {}\n\n{}\n", labels.notes, labels.notes_note);
        for note in &view.notes {
            let seen: Vec<String> = note
                .proofs
                .iter()
                .take(3)
                .map(|proof| code(&format!("{}: {}", proof.place, proof.seen)))
                .collect();
            let _ = writeln!(out, "- {} ({})", prose(&note.title), seen.join(", "));
        }
        out.push('\n');
    }
    if !view.gaps.is_empty() {
        let _ = writeln!(out, "## {}\n\n{}\n", labels.gaps, labels.gaps_note);
        for gap in &view.gaps {
            let _ = writeln!(out, "- {}: {}", text(&gap.what), text(&gap.why));
        }
        out.push('\n');
    }
    if !view.passed.is_empty() {
        let passed: Vec<String> = view.passed.iter().map(|passed| code(&passed.rule)).collect();
        let _ = writeln!(out, "## {} ({})\n\n{}", labels.passed, passed.len(), passed.join(", "));
    }
}

/// A text with every sign that means something to Markdown escaped; `<`, `>` and `&` become entities, and what would
/// become a link by itself does not.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '@' => {
                out.push('\\');
                out.push(char);
            }
            char => out.push(char),
        }
    }
    out.replace("://", "\\://").replace("www.", "www\\.")
}

/// A text in which what stands between backticks is code.
fn prose(words: &str) -> String {
    let pairs = words.matches('`').count() / 2;
    let parts = words.splitn(pairs * 2 + 1, '`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { code(part) } else { text(part) }).collect()
}

/// A text as code when it holds nothing that could end the code or be taken for HTML; escaped text else.
fn code(content: &str) -> String {
    if content.trim().is_empty() || content.contains(['`', '<', '>', '&']) {
        text(content)
    } else {
        format!("`{}`", content.trim())
    }
}
