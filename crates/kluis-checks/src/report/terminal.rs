//! The report on a terminal: wrapped to its width, with or without colour, never told by colour alone.

use kluis_model::Lang;

use super::view::{self, FindingView, PROOFS_SHOWN, ShieldView, SnippetView, View};
use crate::finding::Report;

/// How a report is drawn on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Whether ANSI colours are used; the words say the same without.
    pub color: bool,
    /// Columns of the terminal; less than 40 counts as 40, more than 110 as 110.
    pub width: usize,
    /// Whether the fixes for every platform, notes in full and passed checks are shown too.
    pub all: bool,
}

impl Default for TerminalOptions {
    fn default() -> Self {
        Self { color: false, width: 80, all: false }
    }
}

/// Columns of one shield of the drawing.
const SHIELD_COLUMNS: usize = 22;
/// Columns before the text of a finding.
const INDENT: usize = 4;
/// Columns of the words before a finding's text: `Waarom`.
const LABEL_COLUMNS: usize = 9;

/// The report for a terminal; ends with a line break.
#[must_use]
pub fn terminal(report: &Report, lang: Lang, options: &TerminalOptions) -> String {
    let view = view::view(report, lang);
    let mut page = Page { out: String::new(), width: options.width.clamp(40, 110), color: options.color };
    head(&mut page, &view);
    shields(&mut page, &view);
    judges(&mut page, &view);
    findings(&mut page, &view, options.all);
    notes(&mut page, &view, options.all);
    gaps(&mut page, &view);
    passed(&mut page, &view, options.all);
    page.title(view.first_label);
    page.wrapped(&view.first, 2, 2);
    page.out
}

/// ANSI styles.
#[derive(Debug, Clone, Copy)]
enum Ink {
    Bold,
    Soft,
    Green,
    Orange,
    Red,
}

/// A page that is being written.
struct Page {
    out: String,
    width: usize,
    color: bool,
}

impl Page {
    fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => "1",
            Ink::Soft => "2",
            Ink::Green => "1;32",
            Ink::Orange => "1;33",
            Ink::Red => "1;31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn title(&mut self, text: &str) {
        let shown = self.ink(Ink::Bold, text);
        self.line("");
        self.line(&shown);
        let rule = "─".repeat(columns(text));
        let rule = self.ink(Ink::Soft, &rule);
        self.line(&rule);
    }

    /// Writes a text in lines that fit, the first after `first` blanks, the others after `rest`.
    fn wrapped(&mut self, text: &str, first: usize, rest: usize) {
        for (index, line) in wrap(text, self.width.saturating_sub(rest)).iter().enumerate() {
            let indent = if index == 0 { first } else { rest };
            self.line(&format!("{}{line}", " ".repeat(indent)));
        }
    }

    /// Writes a label and, beside it, a text.
    fn labelled(&mut self, label: &str, text: &str) {
        let beside = INDENT + LABEL_COLUMNS;
        let lines = wrap(text, self.width.saturating_sub(beside));
        let blank = " ".repeat(LABEL_COLUMNS.saturating_sub(columns(label)).max(1));
        for (index, line) in lines.iter().enumerate() {
            let lead = if index == 0 {
                format!("{}{blank}", self.ink(Ink::Soft, label))
            } else {
                " ".repeat(LABEL_COLUMNS)
            };
            self.line(&format!("{}{lead}{line}", " ".repeat(INDENT)));
        }
    }
}

fn tone(id: &str) -> Ink {
    match id {
        "green" => Ink::Green,
        "orange" | "medium" | "low" => Ink::Orange,
        "red" | "critical" | "high" => Ink::Red,
        _ => Ink::Soft,
    }
}

fn head(page: &mut Page, view: &View) {
    let title = format!("{} · {}", view.labels.title, view.host);
    let title = page.ink(Ink::Bold, &cut(&title, page.width));
    page.line(&title);
    for line in wrap(&format!("{} · {} · Klantkluis {}", view.at, view.took, view.version), page.width) {
        let when = page.ink(Ink::Soft, &line);
        page.line(&when);
    }
    page.line("");
    let grade = page.ink(tone(view.grade.tone), &format!("  {}  ", view.grade.letter));
    let is_known = view.grade.tone != "unknown";
    let points =
        if is_known { format!("{} {}", view.grade.score, view.labels.of_100) } else { String::new() };
    page.line(&format!("  {} [{grade}]  {points}", view.labels.grade));
    page.wrapped(&view.grade.meaning, 2, 2);
    if !view.grade.capped.is_empty() {
        page.wrapped(&view.grade.capped, 2, 2);
    }
}

fn shields(page: &mut Page, view: &View) {
    page.line("");
    if page.width >= SHIELD_COLUMNS * view.shields.len() + 2 {
        drawing(page, &view.shields);
        page.line("");
    }
    for shield in &view.shields {
        let word = page.ink(tone(shield.colour), shield.word);
        let blank = " ".repeat(20_usize.saturating_sub(columns(shield.name)));
        let count = if shield.count.is_empty() { String::new() } else { format!(" · {}", shield.count) };
        let is_narrow = columns(&format!("  {}{blank}{}{count}", shield.name, shield.word)) > page.width;
        if is_narrow {
            page.line(&format!("  {}: {word}", shield.name));
        } else {
            page.line(&format!("  {}{blank}{word}{count}", shield.name));
        }
        if !shield.worst.is_empty() {
            page.wrapped(&format!("{}: {}", view.labels.worst, shield.worst), 4, 4);
        }
    }
}

/// Three shields side by side: the word for the colour, a sign, the name.
fn drawing(page: &mut Page, shields: &[ShieldView]) {
    let sign = |shield: &ShieldView| match shield.colour {
        "green" => "✓",
        "orange" => "!",
        "red" => "✗",
        _ => "?",
    };
    let rows: [&dyn Fn(&ShieldView) -> String; 6] = [
        &|_| "┌──────────────┐".to_owned(),
        &|shield| format!("│{}│", centred(shield.word, 14)),
        &|shield| format!("│{}│", centred(sign(shield), 14)),
        &|_| "╲            ╱".to_owned(),
        &|_| "╲________╱".to_owned(),
        &|shield| shield.name.to_owned(),
    ];
    for (index, row) in rows.iter().enumerate() {
        let mut line = "  ".to_owned();
        for shield in shields {
            let text = centred(&row(shield), SHIELD_COLUMNS);
            let core = text.trim();
            let inked = if index < 5 { page.ink(tone(shield.colour), core) } else { core.to_owned() };
            line.push_str(&text.replacen(core, &inked, 1));
        }
        page.line(&line);
    }
}

fn judges(page: &mut Page, view: &View) {
    if view.judges.is_empty() {
        return;
    }
    page.title(view.labels.judges);
    for judge in &view.judges {
        let blank = " ".repeat(26_usize.saturating_sub(columns(judge.name)));
        if judge.grade.is_empty() {
            let unknown = page.ink(Ink::Soft, view.labels.judge_unknown);
            page.line(&format!("  {}{blank}{unknown}", judge.name));
            continue;
        }
        let grade = page.ink(Ink::Bold, &judge.grade);
        let score = judge.score.filter(|_| !judge.grade.contains('%'));
        let score = score.map_or_else(String::new, |score| format!(" ({score})"));
        page.line(&format!("  {}{blank}{grade}{score}", judge.name));
        if !judge.reasons.is_empty() {
            page.wrapped(&judge.reasons.join(" · "), 4, 4);
        }
    }
    page.wrapped(view.labels.judges_note, 2, 2);
}

fn findings(page: &mut Page, view: &View, all: bool) {
    page.title(view.labels.findings);
    if view.findings.is_empty() {
        page.wrapped(view.labels.none, 2, 2);
        return;
    }
    let counts: Vec<String> = view
        .counts
        .iter()
        .filter(|count| count.count > 0)
        .map(|count| format!("{} {}", count.count, count.word))
        .collect();
    page.wrapped(&format!("{}. {}", counts.join(", "), view.labels.findings_order), 2, 2);
    for item in &view.findings {
        page.line("");
        finding(page, view, item, all);
    }
}

fn finding(page: &mut Page, view: &View, item: &FindingView, all: bool) {
    let number = format!("{:>2}.", item.number);
    let word = item.severity_word.to_uppercase();
    let gain = if item.gain_text.is_empty() { String::new() } else { format!(" ({})", item.gain_text) };
    let title = format!("{word} · {}{gain}", item.title);
    for (index, line) in wrap(&title, page.width.saturating_sub(INDENT)).iter().enumerate() {
        let line = match (index, line.strip_prefix(word.as_str())) {
            (0, Some(rest)) => {
                format!("{number} {}{}", page.ink(tone(item.severity), &word), page.ink(Ink::Bold, rest))
            }
            _ => format!("{}{}", " ".repeat(INDENT), page.ink(Ink::Bold, line)),
        };
        page.line(&line);
    }
    let mut about = item.rule.clone();
    if !item.protections.is_empty() {
        about = format!("{about} · {}", item.protections.join(", ").to_lowercase());
    }
    for line in wrap(&about, page.width.saturating_sub(INDENT)) {
        let line = page.ink(Ink::Soft, &line);
        page.line(&format!("{}{line}", " ".repeat(INDENT)));
    }
    if !item.why.is_empty() {
        page.labelled(view.labels.why, item.why);
    }
    proofs(page, view, item);
    if !item.fix.is_empty() {
        page.labelled(view.labels.fix, item.fix);
    }
    for item in item.snippets.iter().filter(|snippet| snippet.is_own || all) {
        snippet(page, item);
    }
}

fn proofs(page: &mut Page, view: &View, item: &FindingView) {
    for (index, proof) in item.proofs.iter().take(PROOFS_SHOWN).enumerate() {
        let label = if index == 0 { view.labels.seen } else { "" };
        page.labelled(label, &format!("{}: {}", proof.place, proof.seen));
    }
    if !item.more.is_empty() {
        page.labelled("", &item.more);
    }
}

fn snippet(page: &mut Page, snippet: &SnippetView) {
    let name = page.ink(Ink::Soft, &format!("{}:", snippet.platform));
    page.line(&format!("{}{name}", " ".repeat(INDENT)));
    if snippet.code.is_empty() {
        page.wrapped(snippet.text, INDENT + 2, INDENT + 2);
    }
    // Settings are not wrapped: they are there to be copied.
    for line in snippet.code.lines() {
        page.line(&format!("{}{line}", " ".repeat(INDENT + 2)));
    }
}

fn notes(page: &mut Page, view: &View, all: bool) {
    if view.notes.is_empty() {
        return;
    }
    page.title(view.labels.notes);
    page.wrapped(view.labels.notes_note, 2, 2);
    for item in &view.notes {
        if all {
            page.line("");
            finding(page, view, item, all);
        } else {
            page.wrapped(&format!("· {}", item.title), 2, 4);
        }
    }
}

fn gaps(page: &mut Page, view: &View) {
    if view.gaps.is_empty() {
        return;
    }
    page.title(view.labels.gaps);
    page.wrapped(view.labels.gaps_note, 2, 2);
    for gap in &view.gaps {
        page.wrapped(&format!("· {}: {}", gap.what, gap.why), 2, 4);
    }
}

fn passed(page: &mut Page, view: &View, all: bool) {
    if view.passed.is_empty() {
        return;
    }
    page.title(&format!("{} ({})", view.labels.passed, view.passed.len()));
    if all {
        page.wrapped(view.labels.passed_note, 2, 2);
        for passed in &view.passed {
            page.wrapped(&format!("· {} ({})", passed.title, passed.rule), 2, 4);
        }
    } else {
        page.wrapped(view.labels.passed_all, 2, 2);
    }
}

/// Lines of at most `width` columns; a word that is longer is broken.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let wide = columns(word);
        if used > 0 && used + 1 + wide > width {
            lines.push(core::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        if wide <= width {
            line.push_str(word);
            used += wide;
            continue;
        }
        for char in word.chars() {
            let wide = char_columns(char);
            if used + wide > width {
                lines.push(core::mem::take(&mut line));
                used = 0;
            }
            line.push(char);
            used += wide;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Cuts a text to a number of columns.
fn cut(text: &str, width: usize) -> String {
    wrap(text, width).into_iter().next().unwrap_or_default()
}

/// A text in the middle of a number of columns.
fn centred(text: &str, width: usize) -> String {
    let free = width.saturating_sub(columns(text));
    format!("{}{text}{}", " ".repeat(free / 2), " ".repeat(free - free / 2))
}

/// Columns that a text takes.
fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// Columns of a character: two for East Asian wide ones and pictographs, none for combining marks (roughly Unicode
/// annex 11; control characters are gone by now).
fn char_columns(char: char) -> usize {
    match u32::from(char) {
        0x300..=0x36f
        | 0x483..=0x489
        | 0x591..=0x5bd
        | 0x64b..=0x65f
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x20d0..=0x20ff
        | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}
