//! A report as texts in one language, cleaned and bounded: what every format for people is made from.

use kluis_model::Lang;
use serde::Serialize;

use super::wording::{self, Labels, clean};
use crate::finding::{
    Finding, PROOFS_MAX, Part, Platform, Prediction, Protection, Report, Rule, Severity, Snippet, Words,
};
use crate::rules;

/// Proofs of a finding that are shown at once; more are counted, or opened by the reader.
pub(super) const PROOFS_SHOWN: usize = 5;
/// Findings shown at most; a report of this program has one for each rule at most.
const FINDINGS_MAX: usize = 400;
/// Gaps and reasons shown at most, each.
const LINES_MAX: usize = 60;
/// The letter when nothing was measured.
const NO_GRADE: &str = "?";
/// Characters of a place or of something seen.
const PROOF_CHARS_MAX: usize = 300;
/// Characters of other texts from outside.
const TEXT_CHARS_MAX: usize = 200;

/// A report as texts in one language: no text in it holds control or direction characters, all lists and lengths are
/// bounded. It is not escaped: a template does that.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// `nl` or `en`.
    pub lang: &'static str,
    /// Fixed texts.
    pub labels: Labels,
    /// The host, with the port when it is not 443.
    pub host: String,
    /// When it was audited.
    pub at: String,
    /// How long that took.
    pub took: String,
    /// Version of the program.
    pub version: String,
    /// The grade.
    pub grade: GradeView,
    /// Three shields, also for protections that were not looked at.
    pub shields: Vec<ShieldView>,
    /// Three judges; none when only mail was looked at, of which they say nothing.
    pub judges: Vec<JudgeView>,
    /// How many findings there are of each severity above Info, worst first, none left out for being zero.
    pub counts: Vec<CountView>,
    /// Findings above Info, the one that gains most first.
    pub findings: Vec<FindingView>,
    /// Findings that do not count.
    pub notes: Vec<FindingView>,
    /// Rules that looked and found nothing.
    pub passed: Vec<PassedView>,
    /// What could not be measured.
    pub gaps: Vec<GapView>,
    /// What to do first, in a sentence.
    pub first: String,
    /// The words above that.
    pub first_label: &'static str,
    /// The report in one line.
    pub summary: String,
}

/// The grade.
#[derive(Debug, Clone, Serialize)]
pub struct GradeView {
    /// The letter.
    pub letter: String,
    /// 0 to 100.
    pub score: u32,
    /// `green`, `orange`, `red`, `unknown`: a class.
    pub tone: &'static str,
    /// What the letter means, in a sentence.
    pub meaning: String,
    /// What holds it down, in a sentence; empty when nothing does.
    pub capped: String,
}

/// One protection.
#[derive(Debug, Clone, Serialize)]
pub struct ShieldView {
    /// `encryption`, `integrity`, `authentication`.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it promises a customer.
    pub promise: &'static str,
    /// `green`, `orange`, `red`, `unknown`: a class.
    pub colour: &'static str,
    /// The word for it.
    pub word: &'static str,
    /// `3 findings`.
    pub count: String,
    /// Title of the worst finding; empty when there is none.
    pub worst: String,
    /// Where that stands: the anchor of a [`FindingView`]; empty when it is not in the list.
    pub anchor: String,
}

/// One judge.
#[derive(Debug, Clone, Serialize)]
pub struct JudgeView {
    /// Its name.
    pub name: &'static str,
    /// Its grade; empty when too little is known.
    pub grade: String,
    /// Its points.
    pub score: Option<i32>,
    /// What costs points there.
    pub reasons: Vec<String>,
}

/// How many findings of one severity.
#[derive(Debug, Clone, Serialize)]
pub struct CountView {
    /// `critical`, `high`, `medium`, `low`.
    pub id: &'static str,
    /// The word for it.
    pub word: &'static str,
    /// How many.
    pub count: usize,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct FindingView {
    /// Its place in the list, from 1.
    pub number: usize,
    /// Id of the rule.
    pub rule: String,
    /// An id for an HTML element: `f1-` and the rule.
    pub anchor: String,
    /// `info` … `critical`: a class.
    pub severity: &'static str,
    /// The word for it.
    pub severity_word: &'static str,
    /// What is wrong.
    pub title: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// The clauses it comes from.
    pub source: &'static str,
    /// Names of the protections that suffer.
    pub protections: Vec<&'static str>,
    /// Where the rule looks.
    pub part: &'static str,
    /// Points that mending it gains.
    pub gain: u32,
    /// The same as a text; empty for zero.
    pub gain_text: String,
    /// What was seen.
    pub proofs: Vec<ProofView>,
    /// Proofs that were counted but not kept.
    pub proofs_more: u32,
    /// `and 7 more`, counting both proofs beyond the first five and those not kept; empty when there are none.
    pub more: String,
    /// Fixes for each kind of software; those with `is_own` first.
    pub snippets: Vec<SnippetView>,
}

/// Something seen.
#[derive(Debug, Clone, Serialize)]
pub struct ProofView {
    /// Where.
    pub place: String,
    /// What.
    pub seen: String,
}

/// A fix for one kind of software.
#[derive(Debug, Clone, Serialize)]
pub struct SnippetView {
    /// The software's name.
    pub platform: &'static str,
    /// Whether it is the one to show: that of the recognised software, else the first.
    pub is_own: bool,
    /// Lines of a settings file; empty when there are only words.
    pub code: &'static str,
    /// Words; empty when there are lines.
    pub text: &'static str,
}

/// A rule that found nothing.
#[derive(Debug, Clone, Serialize)]
pub struct PassedView {
    /// Its id.
    pub rule: String,
    /// What it looks for.
    pub title: String,
}

/// Something that could not be measured.
#[derive(Debug, Clone, Serialize)]
pub struct GapView {
    /// What, for people.
    pub what: String,
    /// Why.
    pub why: String,
    /// The language of that: known reasons are in the reader's, others in English.
    pub why_lang: &'static str,
}

/// What was checked: HTTPS, unless only mail was looked at.
fn subject(report: &Report, lang: Lang) -> &'static str {
    if is_mail_only(report) {
        lang.pick("E-mailcontrole", "E-mail check")
    } else {
        wording::labels(lang).title
    }
}

/// Whether only mail was looked at.
fn is_mail_only(report: &Report) -> bool {
    let found = report.findings.iter().map(|finding| finding.part);
    let passed = report.passed.iter().filter_map(|id| rules::find(id)).map(|rule| rule.part);
    let mut parts = found.chain(passed).peekable();
    parts.peek().is_some() && parts.all(|part| part == Part::Mail)
}

/// Makes the texts of a report.
pub(super) fn view(report: &Report, lang: Lang) -> View {
    let findings = || report.findings.iter().take(FINDINGS_MAX);
    let numbered = |is_note: bool| {
        findings()
            .filter(move |finding| (finding.severity == Severity::Info) == is_note)
            .enumerate()
            .map(|(index, finding)| finding_view(index + 1, finding, report, lang))
            .collect::<Vec<_>>()
    };
    let problems = numbered(false);
    let port = report.target.https_port;
    let host = clean(&report.target.host, TEXT_CHARS_MAX);
    View {
        lang: lang.pick("nl", "en"),
        labels: labels(report, lang),
        host: if port == 443 { host } else { format!("{host}:{port}") },
        at: wording::moment(report.at, lang),
        took: wording::seconds(report.took_ms, lang),
        version: clean(&report.version, 30),
        grade: grade(report, lang),
        shields: Protection::ALL
            .into_iter()
            .map(|protection| shield(protection, report, &problems, lang))
            .collect(),
        judges: if is_mail_only(report) {
            Vec::new()
        } else {
            vec![
                judge("Mozilla HTTP Observatory", &report.predictions.observatory),
                judge("internet.nl (HTTPS)", &report.predictions.internet_nl),
                judge("SSL Labs", &report.predictions.ssl_labs),
            ]
        },
        counts: counts(report, lang),
        first: first(report, problems.first(), lang),
        first_label: if problems.is_empty() {
            lang.pick("Wat u nu doet", "What to do now")
        } else {
            lang.pick("Begin hiermee", "Start with this")
        },
        findings: problems,
        notes: numbered(true),
        passed: report
            .passed
            .iter()
            .take(FINDINGS_MAX)
            .map(|id| PassedView { rule: clean(id, 60), title: title(id, lang) })
            .collect(),
        gaps: gaps(report, lang),
        summary: summary(report, lang),
    }
}

/// What could not be measured; what has the same reason stands together.
fn gaps(report: &Report, lang: Lang) -> Vec<GapView> {
    let mut gaps: Vec<GapView> = Vec::new();
    for gap in report.gaps.iter().take(LINES_MAX) {
        let (why, of) = wording::reason(&gap.why, lang, TEXT_CHARS_MAX);
        let what = wording::gap(&gap.what, lang);
        match gaps.iter_mut().find(|known| known.why == why) {
            Some(known) if known.what.split(", ").any(|known| known == what) => {}
            Some(known) => known.what = format!("{}, {what}", known.what),
            None => gaps.push(GapView { what, why, why_lang: of.pick("nl", "en") }),
        }
    }
    gaps
}

/// The title of a rule; of a rule that this version does not know, its id.
pub(super) fn title(rule: &str, lang: Lang) -> String {
    rules::find(rule).map_or_else(|| clean(rule, 60), |rule| rule.title.get(lang).to_owned())
}

/// The report in one line.
pub(super) fn summary(report: &Report, lang: Lang) -> String {
    let host = clean(&report.target.host, TEXT_CHARS_MAX);
    let letter = clean(&report.grade.letter, 2);
    if letter == "?" {
        return format!("{host}: {}", lang.pick("er viel niets te meten", "nothing could be measured"));
    }
    let count = u32::try_from(report.problems().count()).unwrap_or(u32::MAX);
    let shields: Vec<String> = report
        .shields
        .iter()
        .take(3)
        .map(|shield| {
            let name = wording::protection(shield.protection).get(lang).to_lowercase();
            format!("{name} {}", wording::colour(Some(shield.colour)).get(lang))
        })
        .collect();
    format!(
        "{host}: {} {letter} ({} {}), {}; {}",
        lang.pick("cijfer", "grade"),
        report.grade.score.min(100),
        lang.pick("van 100", "of 100"),
        wording::findings_text(count, lang),
        shields.join(", ")
    )
}

fn grade(report: &Report, lang: Lang) -> GradeView {
    let letter = clean(&report.grade.letter, 2);
    let (tone, meaning) = match letter.as_str() {
        "A+" => ("green", Words::new("Uitstekend: alles is in orde.", "Excellent: everything is in order.")),
        "A" => ("green", Words::new("Goed: hooguit kleinigheden.", "Good: small things at most.")),
        "B" => ("orange", Words::new("Redelijk: er is werk te doen.", "Fair: there is work to do.")),
        "C" => ("orange", Words::new("Matig: los dit binnenkort op.", "Moderate: mend this soon.")),
        "D" => ("red", Words::new("Onvoldoende: los dit snel op.", "Insufficient: mend this quickly.")),
        "E" => ("red", Words::new("Slecht: los dit deze week op.", "Bad: mend this within the week.")),
        "F" => (
            "red",
            Words::new(
                "Onveilig: gegevens van klanten lopen nu gevaar.",
                "Unsafe: customers' data is at risk now.",
            ),
        ),
        _ => ("unknown", Words::new("Er viel niets te meten.", "Nothing could be measured.")),
    };
    let capped = report.grade.capped_by.as_deref().map_or_else(String::new, |rule| {
        let title = title(rule, lang);
        let letter = &letter;
        match lang {
            Lang::Nl => format!("Hoger dan {letter} kan niet zolang dit speelt: {title}"),
            Lang::En => format!("It cannot be better than {letter} while this is so: {title}"),
        }
    });
    GradeView {
        letter,
        score: report.grade.score.min(100),
        tone,
        meaning: meaning.get(lang).to_owned(),
        capped,
    }
}

fn shield(protection: Protection, report: &Report, findings: &[FindingView], lang: Lang) -> ShieldView {
    let found = report.shields.iter().find(|shield| shield.protection == protection);
    let colour = found.map(|shield| shield.colour);
    let worst = found.and_then(|shield| shield.worst.as_deref());
    ShieldView {
        id: wording::protection_id(protection),
        name: wording::protection(protection).get(lang),
        promise: wording::promise(protection).get(lang),
        colour: wording::colour_id(colour),
        word: wording::colour(colour).get(lang),
        count: found.map_or_else(String::new, |shield| wording::findings_text(shield.findings, lang)),
        worst: worst.map_or_else(String::new, |rule| title(rule, lang)),
        anchor: findings
            .iter()
            .find(|finding| worst == Some(finding.rule.as_str()))
            .map_or_else(String::new, |finding| finding.anchor.clone()),
    }
}

fn judge(name: &'static str, prediction: &Prediction) -> JudgeView {
    JudgeView {
        name,
        grade: clean(&prediction.grade, 8),
        score: prediction.score,
        reasons: prediction
            .reasons
            .iter()
            .take(LINES_MAX)
            .map(|reason| clean(reason, TEXT_CHARS_MAX))
            .collect(),
    }
}

fn counts(report: &Report, lang: Lang) -> Vec<CountView> {
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .map(|severity| CountView {
            id: wording::severity_id(severity),
            word: wording::severity(severity).get(lang),
            count: report.findings.iter().filter(|finding| finding.severity == severity).count(),
        })
        .collect()
}

fn first(report: &Report, finding: Option<&FindingView>, lang: Lang) -> String {
    let Some(finding) = finding else {
        return match report.grade.letter.as_str() {
            "?" => lang.pick(
                "Controleer de naam van het domein en of de winkel bereikbaar is, en probeer het opnieuw.",
                "Check the domain's name and whether the shop can be reached, and try again.",
            ),
            _ => lang.pick(
                "Er is niets te doen. Controleer opnieuw na elke wijziging aan uw winkel of server.",
                "There is nothing to do. Check again after every change to your shop or server.",
            ),
        }
        .to_owned();
    };
    let title = finding.title.trim_end_matches('.');
    let gain = match (finding.gain, lang) {
        (0, _) => String::new(),
        (1, Lang::Nl) => " Dat levert 1 punt op.".to_owned(),
        (1, Lang::En) => " That gains 1 point.".to_owned(),
        (gain, Lang::Nl) => format!(" Dat levert {gain} punten op."),
        (gain, Lang::En) => format!(" That gains {gain} points."),
    };
    format!("{title}. {}{gain}", finding.fix).trim().to_owned()
}

fn finding_view(number: usize, finding: &Finding, report: &Report, lang: Lang) -> FindingView {
    let rule = rules::find(&finding.rule);
    let text = |words: fn(&Rule) -> Words| rule.map_or("", |rule| words(rule).get(lang));
    FindingView {
        number,
        rule: clean(&finding.rule, 60),
        anchor: anchor(if finding.severity == Severity::Info { 'n' } else { 'f' }, number, &finding.rule),
        severity: wording::severity_id(finding.severity),
        severity_word: wording::severity(finding.severity).get(lang),
        title: title(&finding.rule, lang),
        why: text(|rule| rule.why),
        fix: text(|rule| rule.fix),
        source: rule.map_or("", |rule| rule.source),
        protections: Protection::ALL
            .into_iter()
            .filter(|protection| finding.protections.contains(protection))
            .map(|protection| wording::protection(protection).get(lang))
            .collect(),
        part: wording::part(finding.part).get(lang),
        gain: finding.gain,
        gain_text: wording::gain_text(finding.gain, lang),
        proofs: finding
            .proofs
            .iter()
            .take(PROOFS_MAX)
            .map(|proof| ProofView {
                place: clean(&proof.place, PROOF_CHARS_MAX),
                seen: seen(&clean(&proof.seen, PROOF_CHARS_MAX), lang),
            })
            .collect(),
        proofs_more: finding.proofs_more,
        more: wording::more_text(
            finding.proofs.len().saturating_sub(PROOFS_SHOWN) as u64 + u64::from(finding.proofs_more),
            lang,
        ),
        snippets: rule.map_or_else(Vec::new, |rule| snippets(rule, report, lang)),
    }
}

/// The fixed texts, for this report.
fn labels(report: &Report, lang: Lang) -> Labels {
    let mut labels = Labels { title: subject(report, lang), ..wording::labels(lang) };
    if report.grade.letter == NO_GRADE {
        labels.none = lang.pick("Er viel niets te meten.", "Nothing could be measured.");
    }
    labels
}

/// What was seen; a lone hyphen is nothing at all, which deserves a word.
fn seen(text: &str, lang: Lang) -> String {
    let nothing = lang.pick("ontbreekt", "missing");
    match text.strip_suffix('-') {
        Some("") => nothing.to_owned(),
        Some(before) if before.ends_with(": ") => format!("{before}{nothing}"),
        _ => text.to_owned(),
    }
}

/// The fixes of a rule, the one for the recognised software first.
fn snippets(rule: &Rule, report: &Report, lang: Lang) -> Vec<SnippetView> {
    let has = |platform: &Platform| rule.snippets.iter().any(|(own, _)| own == platform);
    let own = report
        .platform
        .into_iter()
        .chain(report.server)
        .find(|platform| has(platform))
        .or_else(|| rule.snippets.first().map(|(first, _)| *first).filter(|_| report.platform.is_none()))
        .or_else(|| [Platform::Apache, Platform::Nginx].into_iter().find(|platform| has(platform)))
        .or_else(|| rule.snippets.first().map(|(first, _)| *first));
    let mut views: Vec<SnippetView> = Platform::ALL
        .into_iter()
        .filter_map(|platform| rule.snippets.iter().find(|(own, _)| *own == platform))
        .map(|(platform, snippet)| SnippetView {
            platform: match (rule.part, snippet) {
                // A record is the same on every server.
                (Part::Dns, Snippet::Lines(_)) => "DNS",
                (Part::Mail, Snippet::Lines(_)) => {
                    lang.pick("Voorbeeld voor winkel.example", "Example for winkel.example")
                }
                _ => platform.name(),
            },
            is_own: Some(*platform) == own,
            code: match snippet {
                Snippet::Lines(lines) => lines.trim_matches('\n'),
                Snippet::Say(_) => "",
            },
            text: match snippet {
                Snippet::Lines(_) => "",
                Snippet::Say(words) => words.get(lang),
            },
        })
        .collect();
    views.sort_by_key(|view| !view.is_own);
    let mut seen = Vec::new();
    views.retain(|view| {
        let is_new = !seen.contains(&(view.platform, view.code, view.text));
        seen.push((view.platform, view.code, view.text));
        is_new
    });
    views
}

/// An id for an HTML element: only letters, digits and dashes, and no other one has it.
fn anchor(list: char, number: usize, rule: &str) -> String {
    let safe = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    format!("{list}{number}-{}", rule.chars().take(60).map(safe).collect::<String>())
}
