//! Tests of every format: what it looks like in both languages, and that nothing hostile comes through any of them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::collections::BTreeSet;

use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use kluis_model::Lang;
use serde_json::Value;

use super::*;
use crate::facts::*;
use crate::finding::{Colour, Finding, Grade, Part, Prediction, Proof, Protection, Severity, Shield};
use crate::rules::testing::{good_evidence, header, home, leaf, tls};
use crate::{judge, rules};

const PLAIN: TerminalOptions = TerminalOptions { color: false, width: 80, all: false };
const LANGS: [Lang; 2] = [Lang::Nl, Lang::En];
/// Everything that some format could trip over.
const HOSTILE: &str = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)>\u{1b}[31m\u{1b}]0;x\u{7}\
     \u{9b}31m\u{202e}gnp\u{2066}\u{200b}\u{0}\"'`}}{{7*7}}{% raw %}[x](javascript:alert(3))\n# kop\n```\r\n<!--";

/// A shop with a fault of nearly every kind.
fn bad_evidence() -> Evidence {
    let mut evidence = good_evidence();
    for protocol in [Protocol::Ssl3, Protocol::Tls10, Protocol::Tls11] {
        tls(&mut evidence).protocols.insert(protocol, Answer::Accepted);
        tls(&mut evidence).suites.extend([0x0005, 0x000a, 0x002f].map(|id| SuiteFacts { protocol, id }));
    }
    tls(&mut evidence).compression = Some(true);
    tls(&mut evidence).kex_signature.sha1 = Answer::Accepted;
    tls(&mut evidence).extended_master_secret = Some(false);
    tls(&mut evidence).groups_tls13 = vec![29];
    leaf(&mut evidence).not_after = kluis_model::TimeMs(evidence.started.0 + 2 * 86_400_000);
    evidence.dns.caa = Some(Vec::new());
    evidence.dns.dnssec = DnssecState::Insecure;
    let page = home(&mut evidence);
    page.hops[0].headers = vec![
        header("content-type", "text/html"),
        header("server", "nginx/1.18.0 (Ubuntu)"),
        header("x-powered-by", "PHP/7.4.3"),
    ];
    page.resources = (0..30)
        .map(|number| ResourceFacts {
            kind: ResourceKind::Script,
            url: format!("http://cdn.example/js/een-heel-lange-naam-van-een-bestand/{number}.js?v=*"),
            place: "script src".into(),
            is_third_party: true,
            ..ResourceFacts::default()
        })
        .collect();
    page.forms = vec![FormFacts {
        method: "post".into(),
        action: "http://winkel.example/login".into(),
        fields: vec![FieldFacts {
            name: "wachtwoord".into(),
            kind: "password".into(),
            personal: Some("password".into()),
            ..FieldFacts::default()
        }],
        ..FormFacts::default()
    }];
    page.is_served_over_http = Some(true);
    evidence.web.cookies = vec![Cookie {
        name: "PHPSESSID".into(),
        set_by: "https://winkel.example/".into(),
        value_bytes: 26,
        ..Cookie::default()
    }];
    evidence.web.owner = OwnerProof::Dns;
    evidence.web.exposed_looked = Some(true);
    evidence.web.exposed = vec![Exposed {
        kind: ExposedKind::Dump,
        path: "/winkel.sql".into(),
        signature: "-- MySQL dump".into(),
        bytes: Some(4_200_000),
    }];
    evidence.web.platform = Some("woocommerce".into());
    evidence.web.server = Some("nginx".into());
    evidence.gaps = vec![Gap { what: "page.checkout".into(), why: "no link to a checkout was found".into() }];
    evidence.took_ms = 3_240;
    evidence
}

/// A report with every field that can hold text filled with the same text.
fn filled(text: &str) -> Report {
    let mut report = judge(&good_evidence());
    let finding = |rule: &str, severity| Finding {
        rule: rule.into(),
        severity,
        protections: vec![Protection::Encryption],
        part: Part::Web,
        proofs: vec![Proof { place: text.into(), seen: text.into() }; 7],
        proofs_more: 3,
        gain: 4,
    };
    let known = rules::all().next().map_or("none", |rule| rule.id);
    report.findings =
        vec![finding(text, Severity::High), finding(known, Severity::Medium), finding(known, Severity::Info)];
    report.version = text.into();
    report.target.host = text.into();
    report.grade = Grade { letter: text.into(), score: u32::MAX, capped_by: Some(text.into()) };
    report.shields = vec![Shield {
        protection: Protection::Integrity,
        colour: Colour::Red,
        worst: Some(text.into()),
        findings: 1,
    }];
    report.passed = vec![text.into()];
    report.gaps = vec![Gap { what: text.into(), why: text.into() }];
    let prediction = Prediction { grade: text.into(), score: Some(i32::MIN), reasons: vec![text.into()] };
    report.predictions.observatory = prediction.clone();
    report.predictions.internet_nl = prediction.clone();
    report.predictions.ssl_labs = prediction;
    report
}

/// The hand-made report whose head is shown line by line.
fn small() -> Report {
    let mut report = judge(&good_evidence());
    report.took_ms = 3_240;
    report.version = "0.1.0".into();
    report.grade = Grade { letter: "C".into(), score: 61, capped_by: Some("old-rule".into()) };
    report.shields = [(Protection::Encryption, Colour::Red), (Protection::Integrity, Colour::Orange)]
        .map(|(protection, colour)| Shield {
            protection,
            colour,
            worst: Some("old-rule".into()),
            findings: 1,
        })
        .to_vec();
    report.findings = vec![Finding {
        rule: "old-rule".into(),
        severity: Severity::High,
        protections: vec![Protection::Encryption, Protection::Integrity],
        part: Part::Tls,
        proofs: (0..7)
            .map(|n| Proof { place: "winkel.example:443".into(), seen: format!("iets {n}") })
            .collect(),
        proofs_more: 2,
        gain: 39,
    }];
    report.predictions.observatory = Prediction {
        grade: "B".into(),
        score: Some(75),
        reasons: vec!["strict-transport-security -20".into(), "x-content-type-options -5".into()],
    };
    report.predictions.internet_nl = Prediction { grade: "93%".into(), score: Some(93), reasons: Vec::new() };
    report.predictions.ssl_labs = Prediction::default();
    report.passed = vec!["a".into(), "b".into()];
    report.gaps = vec![Gap { what: "dnssec".into(), why: "the name server does not answer".into() }];
    report
}

#[test]
fn the_terminal_shows_shields_grade_findings_and_what_to_do_first_in_dutch() {
    let expected = "\
HTTPS-controle · winkel.example
24 november 2026, 12:00 UTC · 3,2 s · Klantkluis 0.1.0

  Cijfer [  C  ]  61 van 100 punten
  Matig: los dit binnenkort op.
  Hoger dan C kan niet zolang dit speelt: old-rule

     ┌──────────────┐      ┌──────────────┐      ┌──────────────┐
     │     rood     │      │    oranje    │      │ niet bekeken │
     │      ✗       │      │      !       │      │      ?       │
      ╲            ╱        ╲            ╱        ╲            ╱
        ╲________╱            ╲________╱            ╲________╱
      Versleuteling      Gegevensintegriteit      Authenticatie

  Versleuteling       rood · 1 bevinding
    Ergste: old-rule
  Gegevensintegriteit oranje · 1 bevinding
    Ergste: old-rule
  Authenticatie       niet bekeken

Wat andere tests waarschijnlijk zeggen
──────────────────────────────────────
  Mozilla HTTP Observatory  B (75)
    strict-transport-security -20 · x-content-type-options -5
  internet.nl (HTTPS)       93%
  SSL Labs                  te weinig gemeten
  Voorspeld uit dezelfde metingen; de echte test kan iets afwijken.

Wat u kunt verbeteren
─────────────────────
  1 hoog. Bovenaan staat wat het meest oplevert.

 1. HOOG · old-rule (+39 punten)
    old-rule · versleuteling, gegevensintegriteit
    Gezien   winkel.example:443: iets 0
             winkel.example:443: iets 1
             winkel.example:443: iets 2
             winkel.example:443: iets 3
             winkel.example:443: iets 4
             en nog 4

Wat niet te meten was
─────────────────────
  Hierover zegt dit rapport niets, goed noch slecht.
  · DNSSEC-handtekeningen: the name server does not answer

Gecontroleerd en in orde (2)
────────────────────────────
  Met --all ziet u welke dat zijn.

Begin hiermee
─────────────
  old-rule. Dat levert 39 punten op.
";
    let shown = terminal(&small(), Lang::Nl, &PLAIN);
    assert_eq!(shown, expected, "\n{shown}");
}

#[test]
fn what_is_absent_has_a_word_and_known_reasons_are_in_dutch() {
    let mut report = small();
    report.findings[0].proofs = ["-", "PHPSESSID; Secure: -", "a-"]
        .map(|seen| Proof { place: "https://winkel.example/".into(), seen: seen.into() })
        .to_vec();
    report.gaps = ["no answer in time", "soep"]
        .map(|why| Gap { what: "suites.tls10".into(), why: why.into() })
        .to_vec();
    let nl = fragment_context(&report, Lang::Nl);
    let seen: Vec<&str> = nl.findings[0].proofs.iter().map(|proof| proof.seen.as_str()).collect();
    assert_eq!(seen, ["ontbreekt", "PHPSESSID; Secure: ontbreekt", "a-"]);
    let gaps: Vec<(&str, &str)> = nl.gaps.iter().map(|gap| (gap.why.as_str(), gap.why_lang)).collect();
    assert_eq!(gaps, [("er kwam niet op tijd antwoord", "nl"), ("soep", "en")]);
    assert!(nl.gaps[0].what.contains("TLS 1.0"), "{:?}", nl.gaps);
    report.gaps = ["tls10", "tls11", "tls11"]
        .map(|what| Gap { what: format!("order.{what}"), why: "no answer in time".into() })
        .to_vec();
    let together = fragment_context(&report, Lang::En).gaps;
    assert_eq!(together.len(), 1);
    assert_eq!(together[0].what, "order of cipher suites (TLS 1.0), order of cipher suites (TLS 1.1)");
    let en = fragment_context(&report, Lang::En);
    assert_eq!((en.findings[0].proofs[0].seen.as_str(), en.gaps[0].why_lang), ("missing", "en"));
    report.grade.letter = "?".into();
    report.findings.clear();
    let shown = terminal(&report, Lang::En, &PLAIN);
    assert!(!shown.contains("of 100 points") && shown.contains("Nothing could be measured."), "{shown}");
}

#[test]
fn the_terminal_speaks_english_too() {
    let shown = terminal(&small(), Lang::En, &PLAIN);
    for words in [
        "HTTPS check · winkel.example",
        "24 November 2026, 12:00 UTC · 3.2 s",
        "  Grade [  C  ]  61 of 100 points",
        "  Moderate: mend this soon.",
        "│     red      │      │    orange    │      │not looked at │",
        "What other tests will probably say",
        "SSL Labs                  too little measured",
        " 1. HIGH · old-rule (+39 points)",
        "and 4 more",
        "DNSSEC signatures: the name server does not answer",
        "Start with this",
        "  old-rule. That gains 39 points.",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
}

#[test]
fn lines_fit_every_width_but_settings_are_never_wrapped() {
    let report = judge(&bad_evidence());
    let view = fragment_context(&report, Lang::Nl);
    let settings: BTreeSet<String> = view
        .findings
        .iter()
        .chain(&view.notes)
        .flat_map(|finding| &finding.snippets)
        .flat_map(|snippet| snippet.code.lines())
        .map(|line| line.trim().to_owned())
        .collect();
    for width in [0, 40, 64, 80, 110, 10_000] {
        for all in [false, true] {
            let shown = terminal(&report, Lang::Nl, &TerminalOptions { color: false, width, all });
            let most = width.clamp(40, 110);
            for line in shown.lines() {
                let fits = line.chars().count() <= most || settings.contains(line.trim());
                assert!(fits, "{width}: {line}");
            }
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let report = judge(&bad_evidence());
    let plain = terminal(&report, Lang::Nl, &PLAIN);
    let coloured = terminal(&report, Lang::Nl, &TerminalOptions { color: true, ..PLAIN });
    assert!(coloured.contains('\u{1b}') && !plain.contains('\u{1b}'));
    assert_eq!(without_ansi(&coloured), plain);
    for word in ["rood", "KRITIEK"] {
        assert!(plain.contains(word), "{word}");
    }
}

/// Takes out the styles that the terminal report uses, and only those.
fn without_ansi(text: &str) -> String {
    let mut out = text.to_owned();
    for code in ["1", "2", "1;32", "1;33", "1;31", "0"] {
        out = out.replace(&format!("\u{1b}[{code}m"), "");
    }
    out
}

#[test]
fn every_finding_is_in_every_format_with_its_texts() {
    let report = judge(&bad_evidence());
    assert!(
        report.problems().count() >= 10,
        "the bad shop has too few findings: {}",
        report.problems().count()
    );
    assert_eq!(report.grade.letter, "F");
    for lang in LANGS {
        let view = fragment_context(&report, lang);
        assert_eq!(view.findings.len() + view.notes.len(), report.findings.len());
        let page = text_of(&html(&report, lang));
        let shown = squeezed(&terminal(&report, lang, &TerminalOptions { width: 110, all: true, ..PLAIN }));
        let marked = markdown(&report, lang);
        let dashboard = sarif(&report, lang).to_string();
        for finding in &view.findings {
            assert!(!finding.why.is_empty() && !finding.fix.is_empty(), "{}", finding.rule);
            for words in [finding.title.as_str(), finding.why, finding.fix] {
                assert!(squeezed(&page).contains(&squeezed(&words.replace('`', ""))), "html: {words}");
                assert!(shown.contains(&squeezed(words)), "terminal: {words}");
            }
            assert!(marked.contains(&format!("`{}`", finding.rule)), "markdown: {}", finding.rule);
            assert!(dashboard.contains(&finding.rule), "sarif: {}", finding.rule);
        }
        assert!(shown.contains(&squeezed(&view.first)), "{}", view.first);
    }
}

#[test]
fn a_check_of_mail_alone_says_so() {
    let mut report = judge(&bad_evidence());
    assert!(terminal(&report, Lang::En, &PLAIN).contains("HTTPS check"));
    report.findings.retain(|finding| finding.part == Part::Mail);
    report.passed.retain(|id| id.starts_with("spf-"));
    let shown = terminal(&report, Lang::En, &PLAIN);
    assert!(shown.contains("E-mail check") && !shown.contains("HTTPS check"), "{shown}");
    assert!(html(&report, Lang::Nl).contains("E-mailcontrole"));
    // Judges of websites say nothing about mail.
    for shown in [shown, html(&report, Lang::En), markdown(&report, Lang::En)] {
        assert!(
            !shown.contains("Mozilla HTTP Observatory") && !shown.contains("other tests will"),
            "{shown}"
        );
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn the_recognised_software_comes_first() {
    let mut report = judge(&bad_evidence());
    let own = |report: &Report| -> BTreeSet<&'static str> {
        let view = fragment_context(report, Lang::Nl);
        let all = view.findings.into_iter().filter(|finding| !finding.snippets.is_empty());
        all.map(|finding| finding.snippets.iter().find(|snippet| snippet.is_own).unwrap().platform).collect()
    };
    report.platform = None;
    report.server = Some(crate::Platform::Caddy);
    assert!(own(&report).contains("Caddy"));
    report.platform = Some(crate::Platform::Hosted);
    assert!(own(&report).contains("Shopify / Lightspeed"));
    report.server = None;
    report.platform = None;
    let view = fragment_context(&report, Lang::Nl);
    for finding in view.findings.iter().filter(|finding| !finding.snippets.is_empty()) {
        assert_eq!(finding.snippets.iter().filter(|snippet| snippet.is_own).count(), 1, "{}", finding.rule);
        assert!(finding.snippets[0].is_own);
    }
}

/// Names and values.
type Attributes = Vec<(String, String)>;

/// Everything the tokenizer sees: tags with attributes, and the text outside style sheets.
#[derive(Default)]
struct Seen {
    tags: RefCell<Vec<(String, Attributes)>>,
    ends: RefCell<Vec<String>>,
    text: RefCell<String>,
    errors: RefCell<Vec<String>>,
    in_style: RefCell<bool>,
}

impl TokenSink for Seen {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => {
                let name = tag.name.to_string();
                if tag.kind == html5ever::tokenizer::StartTag {
                    *self.in_style.borrow_mut() = name == "style";
                    let attributes =
                        tag.attrs.iter().map(|a| (a.name.local.to_string(), a.value.to_string())).collect();
                    if name == "style" {
                        self.tags.borrow_mut().push((name, attributes));
                        return TokenSinkResult::RawData(html5ever::tokenizer::states::RawKind::Rawtext);
                    }
                    self.tags.borrow_mut().push((name, attributes));
                } else {
                    *self.in_style.borrow_mut() = false;
                    self.ends.borrow_mut().push(name);
                }
            }
            Token::CharacterTokens(text) if !*self.in_style.borrow() => {
                self.text.borrow_mut().push_str(&text)
            }
            Token::ParseError(error) => self.errors.borrow_mut().push(error.into_owned()),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn tokens(page: &str) -> Seen {
    let input = BufferQueue::default();
    input.push_back(page.into());
    let tokenizer =
        Tokenizer::new(Seen::default(), TokenizerOpts { exact_errors: true, ..TokenizerOpts::default() });
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

fn text_of(page: &str) -> String {
    tokens(page).text.into_inner()
}

/// Checks that a page is well formed, loads nothing, runs nothing, and returns its tags.
fn check_page(page: &str) -> BTreeSet<String> {
    const ALLOWED: [&str; 44] = [
        "html", "head", "meta", "title", "style", "body", "div", "header", "main", "section", "footer", "h1",
        "h2", "h3", "p", "span", "strong", "small", "code", "pre", "ul", "ol", "li", "dl", "dt", "dd",
        "details", "summary", "svg", "path", "circle", "rect", "a", "time", "em", "b", "i", "table", "tr",
        "td", "th", "tbody", "thead", "nav",
    ];
    let seen = tokens(page);
    assert_eq!(*seen.errors.borrow(), Vec::<String>::new());
    let mut ids = BTreeSet::new();
    for (name, attributes) in seen.tags.borrow().iter() {
        assert!(ALLOWED.contains(&name.as_str()), "<{name}>");
        for (attribute, value) in attributes {
            assert!(
                !attribute.starts_with("on") && attribute != "style" && attribute != "src",
                "{name} {attribute}"
            );
            if attribute == "href" {
                assert!(value.starts_with('#'), "{value}");
            }
            if attribute == "id" {
                assert!(ids.insert(value.clone()), "id {value} stands twice");
            }
        }
    }
    for (name, attributes) in seen.tags.borrow().iter() {
        for (attribute, value) in attributes {
            if attribute == "href" || (attribute == "aria-labelledby" && name == "section") {
                assert!(ids.contains(value.trim_start_matches('#')), "{attribute} leads nowhere: {value}");
            }
        }
    }
    let void = ["meta", "path", "circle", "rect"];
    for name in ALLOWED.iter().filter(|name| !void.contains(name)) {
        let opened = seen.tags.borrow().iter().filter(|(tag, _)| tag == name).count();
        let closed = seen.ends.borrow().iter().filter(|tag| tag == name).count();
        assert_eq!(opened, closed, "<{name}>");
    }
    for words in ["url(", "@import", "http://", "https://"] {
        assert!(!STYLE.contains(words), "the style sheet loads something: {words}");
    }
    seen.tags.into_inner().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn the_page_is_well_formed_loads_nothing_and_says_its_language() {
    for evidence in [good_evidence(), bad_evidence(), Evidence::default()] {
        let report = judge(&evidence);
        for lang in LANGS {
            let page = html(&report, lang);
            let tags = check_page(&page);
            assert!(tags.contains("h1") && tags.contains("main"));
            assert!(page.starts_with("<!doctype html>\n<html lang=\""), "{}", &page[..60]);
            assert!(page.contains(lang.pick("lang=\"nl\"", "lang=\"en\"")));
            assert!(page.contains("default-src 'none'"));
            assert!(page.len() < 600_000, "{} bytes", page.len());
        }
    }
    let good = html(&judge(&good_evidence()), Lang::Nl);
    assert!(good.contains("groen") && good.contains("Er is niets te doen"));
}

#[test]
fn hostile_texts_come_through_no_format() {
    let filled = filled(HOSTILE);
    let replaced = judge(&hostile_evidence());
    assert!(
        replaced
            .findings
            .iter()
            .any(|f| f.proofs.iter().any(|p| p.seen.contains("<script") || p.place.contains("<script")))
    );
    for report in [&filled, &replaced] {
        for lang in LANGS {
            check_page(&html(report, lang));
            harmless("html", &html(report, lang));
            let shown = terminal(report, lang, &TerminalOptions { all: true, ..PLAIN });
            harmless("terminal", &shown);
            let coloured = terminal(report, lang, &TerminalOptions { color: true, all: true, width: 100 });
            harmless("terminal in colour", &without_ansi(&coloured));
            let marked = markdown(report, lang);
            harmless("markdown", &marked);
            check_markdown(&marked);
            let dashboard = sarif(report, lang);
            strings(&dashboard, &mut |text| harmless("sarif", text));
            harmless("summary", &summary_line(report, lang));
            let difference = compare(report, &judge(&good_evidence()));
            difference_lines(&difference, lang).iter().for_each(|line| harmless("difference", line));
        }
    }
}

fn harmless(format: &str, text: &str) {
    let bad = text.chars().find(|char| *char != '\n' && super::wording::is_hostile(*char));
    assert_eq!(bad, None, "{format}");
}

/// Checks that no raw HTML and no link stands outside code blocks.
fn check_markdown(text: &str) {
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("````") {
            in_block = !in_block;
            continue;
        }
        if !in_block {
            assert!(!line.contains('<') && !line.replace("\\]", "").contains("]("), "{line}");
        }
    }
    assert!(!in_block);
}

fn strings(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => {
            // Help texts have line breaks of their own.
            look(text);
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, look)),
        Value::Object(members) => members.values().for_each(|item| strings(item, look)),
        _ => {}
    }
}

/// The bad shop with every text that may be any text made hostile.
fn hostile_evidence() -> Evidence {
    let mut value = serde_json::to_value(bad_evidence()).unwrap();
    let mut paths = Vec::new();
    collect("", &value, &mut paths);
    assert!(paths.len() > 200, "{}", paths.len());
    for path in paths {
        let before = value.pointer(&path).unwrap().clone();
        // What decides whether a rule looks at all keeps its beginning.
        let text = before.as_str().unwrap();
        *value.pointer_mut(&path).unwrap() = Value::String(format!("{text}{HOSTILE}"));
        if serde_json::from_value::<Evidence>(value.clone()).is_err() {
            *value.pointer_mut(&path).unwrap() = before;
        }
    }
    serde_json::from_value(value).unwrap()
}

fn collect(path: &str, value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::String(_) => paths.push(path.to_owned()),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| collect(&format!("{path}/{index}"), item, paths));
        }
        Value::Object(members) => members.iter().for_each(|(name, item)| {
            collect(&format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), item, paths);
        }),
        _ => {}
    }
}

#[test]
fn a_megabyte_in_every_field_stays_small() {
    let report = filled(&"<b>é\u{202e}".repeat(150_000));
    for lang in LANGS {
        assert!(html(&report, lang).len() < 200_000);
        assert!(terminal(&report, lang, &PLAIN).len() < 60_000);
        assert!(markdown(&report, lang).len() < 150_000);
        assert!(summary_line(&report, lang).len() < 1_000);
        let results = sarif(&report, lang)["runs"][0]["results"].to_string().len();
        assert!(results < 200_000, "{results}");
    }
}

#[test]
fn sarif_has_the_shape_of_version_2_1_0() {
    let report = judge(&bad_evidence());
    let log = sarif(&report, Lang::En);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let known = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(known.len(), rules::all().count());
    for rule in known {
        assert!(rule["help"]["text"].as_str().unwrap().len() > 20, "{rule}");
        assert!(rule["shortDescription"]["text"].is_string());
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len());
    let mut prints = BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(known[index]["id"], result["ruleId"]);
        let level = result["level"].as_str().unwrap();
        assert!(["none", "note", "warning", "error"].contains(&level));
        assert_eq!(result["kind"] == "informational", level == "none", "SARIF 3.27.9");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        for location in result["locations"].as_array().unwrap() {
            let uri = location["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            assert!(url::Url::parse(uri).is_ok(), "{uri}");
        }
        let print = result["partialFingerprints"]["klantkluisFinding/v1"].as_str().unwrap();
        assert!(prints.insert(print.to_owned()), "two results have one fingerprint");
    }
    let again = sarif(&judge(&bad_evidence()), Lang::Nl);
    for (one, other) in results.iter().zip(again["runs"][0]["results"].as_array().unwrap()) {
        assert_eq!(one["partialFingerprints"], other["partialFingerprints"]);
    }
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(), 1);
}

#[test]
fn two_reports_are_compared_by_rule() {
    let (bad, good) = (judge(&bad_evidence()), judge(&good_evidence()));
    let same = compare(&bad, &bad);
    assert!(same.is_empty() && same.same.len() == bad.findings.len());
    assert_eq!(difference_lines(&same, Lang::Nl).len(), 1);
    let better = compare(&bad, &good);
    assert!(!better.fixed.is_empty() && better.new.is_empty(), "{better:?}");
    let mut without_dns = good_evidence();
    without_dns.dns = DnsFacts::default();
    let unknown = compare(&bad, &judge(&without_dns)).unknown;
    assert!(unknown.iter().any(|rule| rule == "dnssec-missing"), "not looked at is not fixed: {unknown:?}");
    assert_eq!(
        (better.grade_before.as_str(), better.grade_after.as_str()),
        ("F", good.grade.letter.as_str())
    );
    let worse = compare(&good, &bad);
    assert!(!worse.new.is_empty() && worse.fixed.is_empty());
    let mut milder = bad.clone();
    milder.findings[0].severity = Severity::Low;
    let changed = compare(&bad, &milder);
    assert_eq!(changed.better, [bad.findings[0].rule.clone()]);
    assert_eq!(compare(&milder, &bad).worse, [bad.findings[0].rule.clone()]);
    let json = serde_json::to_string(&better).unwrap();
    assert_eq!(serde_json::from_str::<Difference>(&json).unwrap(), better);
    let lines = difference_lines(&better, Lang::En).join("\n");
    assert!(lines.starts_with("Grade F → ") && lines.contains("Fixed: "), "{lines}");
}

#[test]
fn the_summary_is_one_line() {
    let line = summary_line(&small(), Lang::Nl);
    assert_eq!(
        line,
        "winkel.example: cijfer C (61 van 100), 1 bevinding; versleuteling rood, gegevensintegriteit oranje"
    );
    let nothing = summary_line(&judge(&Evidence::default()), Lang::En);
    assert_eq!(nothing, ": nothing could be measured");
}

#[test]
fn gaps_are_named_for_people() {
    for (what, nl, en) in [
        ("page.checkout", "pagina (afrekenen)", "page (checkout)"),
        ("suites.tls12", "versleutelmethoden (TLS 1.2)", "cipher suites (TLS 1.2)"),
        ("security.txt", "security.txt", "security.txt"),
        ("dnssec", "DNSSEC-handtekeningen", "DNSSEC signatures"),
        ("page.\u{1b}x", "pagina (\u{fffd}x)", "page (\u{fffd}x)"),
        ("something.new", "something.new", "something.new"),
    ] {
        assert_eq!((wording::gap(what, Lang::Nl).as_str(), wording::gap(what, Lang::En).as_str()), (nl, en));
    }
}

#[test]
fn texts_from_outside_are_cleaned_and_cut() {
    for (given, expected) in [
        ("gewoon ĳs €", "gewoon ĳs €"),
        ("a\nb\tc\r\nd", "a b c  d"),
        ("\u{1b}[31mrood", "\u{fffd}[31mrood"),
        ("\u{202e}gnp.exe\u{200f}", "\u{fffd}gnp.exe\u{fffd}"),
        ("\u{0}\u{9b}\u{7f}\u{feff}\u{e0041}", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        ("0123456789abcdef", "0123456789ab…"),
    ] {
        assert_eq!(wording::clean(given, 12), expected, "{given:?}");
    }
}

/// Renders the two example reports; built with `KLANTKLUIS_EXAMPLES` set to a folder, it writes them there to be looked
/// at.
#[test]
fn the_example_reports_can_be_looked_at() {
    for (name, evidence) in [("good", good_evidence()), ("bad", bad_evidence())] {
        let report = judge(&evidence);
        for lang in LANGS {
            assert!(html(&report, lang).len() > 10_000, "{name}: the page is nearly empty");
            let Some(folder) = option_env!("KLANTKLUIS_EXAMPLES") else { continue };
            let folder = std::path::Path::new(folder);
            let code = lang.pick("nl", "en");
            std::fs::write(folder.join(format!("{name}.{code}.html")), html(&report, lang)).unwrap();
            std::fs::write(folder.join(format!("{name}.{code}.md")), markdown(&report, lang)).unwrap();
            let options = TerminalOptions { color: true, ..PLAIN };
            std::fs::write(folder.join(format!("{name}.{code}.txt")), terminal(&report, lang, &options))
                .unwrap();
        }
    }
}
