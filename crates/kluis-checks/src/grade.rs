//! Marks the findings: three shields, one grade with caps, and what mending each finding would gain.
//!
//! # How the grade comes about
//!
//! Every finding above Info takes a share of what is left of 100 points: Critical 40 %, High 12 %, Medium 5 %, Low 2 %.
//! The worst finding also sets a ceiling, and what is left counts as a share of that ceiling:
//!
//! | worst finding | ceiling | best letter |
//! |---|---|---|
//! | Critical | 24 | F |
//! | High | 69 | C |
//! | Medium | 84 | B |
//! | Low, or the conditions of A+ do not hold | 95 | A |
//! | none, and the conditions of A+ hold | 100 | A+ |
//!
//! Conditions of A+: TLS, certificate and web layer were looked at, nothing above Info was found, and the front page has
//! HSTS for at least a year; when only mail was looked at, nothing above Info is enough. Findings about mail count only
//! when mail was looked at, so a check of HTTPS alone has the grade it always had. Letters: 100 A+, from 85 A, 70 B, 55 C, 40 D, 25 E, less F. Because the points are a share
//! of the ceiling, two critical findings are worse than one and mending either of them gains something.
//!
//! The gain of a finding is the score without it minus the score with it, everything else unchanged. Findings stand in
//! the order of gain, then severity, then id. A shield is red when a finding of its protection is Critical or High,
//! orange when one is Medium or Low, else green; a protection that nothing was looked at for has no shield.

use crate::facts::{Evidence, Gap, Reach};
use crate::finding::{Colour, Finding, Grade, Notes, Part, Protection, Report, Rule, Severity, Shield};
use crate::web::{hsts, platform};
use crate::{judges, rules};

/// Points in millionths, so that only whole numbers are used.
const FULL: u64 = 100_000_000;

/// Runs every rule over the evidence and marks what they find. The same evidence always gives the same report.
#[must_use]
pub fn judge(evidence: &Evidence) -> Report {
    judge_by(evidence, rules::all())
}

/// Judges by the given rules.
fn judge_by<'a>(evidence: &Evidence, rules: impl Iterator<Item = &'a Rule>) -> Report {
    let looked = Looked::at(evidence);
    let mut findings = Vec::new();
    let mut passed = Vec::new();
    let mut seen = [false; 3];
    for rule in rules {
        let mut notes = Notes::default();
        (rule.judge)(evidence, &mut notes);
        let finding = notes.into_finding(rule);
        let was_looked = looked.has(rule.part) && !has_gap(&evidence.gaps, rule);
        if finding.is_some() || was_looked {
            for (index, protection) in Protection::ALL.iter().enumerate() {
                seen[index] |= rule.protections.contains(protection);
            }
        }
        match finding {
            Some(finding) => findings.push(finding),
            None if was_looked => passed.push(rule.id.to_owned()),
            None => {}
        }
    }
    let is_something = seen.contains(&true) || !findings.is_empty();
    let may_be_best = if looked.is_mail_only() {
        true
    } else {
        looked.tls && looked.certificate && looked.web && has_long_hsts(evidence)
    };
    let grade = mark(&mut findings, is_something, may_be_best);
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: evidence.target.clone(),
        at: evidence.started,
        took_ms: evidence.took_ms,
        shields: Protection::ALL
            .into_iter()
            .zip(seen)
            .filter(|(_, seen)| *seen)
            .map(|(protection, _)| shield(protection, &findings))
            .collect(),
        grade,
        findings,
        passed,
        predictions: judges::predict(evidence),
        gaps: evidence.gaps.clone(),
        platform: evidence.web.platform.as_deref().and_then(platform::shop_software),
        server: evidence.web.server.as_deref().and_then(platform::web_server),
    }
}

/// Which parts of an audit the evidence has anything of.
struct Looked {
    tls: bool,
    certificate: bool,
    dns: bool,
    web: bool,
    exposed: bool,
    mail: bool,
}

impl Looked {
    fn at(evidence: &Evidence) -> Self {
        let tls = evidence.main_endpoint().map(|endpoint| &endpoint.tls);
        Self {
            tls: tls.is_some_and(|tls| tls.reach == Reach::Tls && !tls.protocols.is_empty()),
            certificate: tls.is_some_and(|tls| !tls.chain.sent.is_empty()),
            dns: evidence.dns.was_asked,
            web: evidence.web.pages.iter().any(|page| page.last().is_some()),
            exposed: evidence.web.exposed_looked == Some(true),
            mail: evidence.mail.is_some(),
        }
    }

    /// Whether mail was looked at and nothing of HTTPS was.
    fn is_mail_only(&self) -> bool {
        self.mail && !(self.tls || self.certificate || self.web || self.exposed)
    }

    fn has(&self, part: Part) -> bool {
        match part {
            Part::Tls => self.tls,
            Part::Certificate => self.certificate,
            Part::Dns => self.dns,
            Part::Web => self.web,
            Part::Exposed => self.exposed,
            Part::Mail => self.mail,
        }
    }
}

/// Which rules cannot tell when something could not be measured: the first part of a gap's id, and what the ids of the
/// rules begin with.
const COVERED: &[(&str, &[&str])] = &[
    ("addresses", &["endpoints-differ", "ipv6"]),
    ("tlsa", &["dane"]),
    (
        "suites",
        &[
            "null",
            "anon",
            "export",
            "des",
            "rc4",
            "3des",
            "cbc",
            "ccm8",
            "no-aead",
            "no-pfs",
            "suite-other",
            "cipher-order",
        ],
    ),
    ("order", &["cipher-order"]),
    ("ssl2", &["ssl2"]),
    ("ssl3", &["ssl3", "poodle"]),
    ("tls12", &["no-tls12"]),
    ("tls13", &["no-tls13", "pq-missing"]),
    ("tls13_intolerant", &["tls13-intolerant"]),
    ("groups", &["weak-curve", "pq-missing"]),
    ("kex_signature", &["sha1-kex", "sha224-kex", "md5-kex"]),
    ("fallback", &["no-scsv"]),
    ("renegotiation", &["reneg-client"]),
    ("resumption", &["no-resumption", "ticket-lifetime", "0rtt"]),
    ("handshake", &["no-resumption", "ticket-lifetime", "0rtt", "ocsp-no-staple", "must-staple"]),
    ("revocation", &["revoked"]),
    ("security", &["securitytxt", "security-txt"]),
    ("redirects", &["no-redirect", "redirect"]),
    ("owner", &["exposed"]),
    ("smtp", &["mx-no-starttls", "mx-tls", "mx-cert", "mx-dane"]),
    ("mx", &["mail-silent"]),
    ("spf", &["mail-silent"]),
    ("dmarc", &["mail-silent"]),
];

/// Whether a gap covers a rule: the gap is the rule's part, or the rule itself, or what the rule's id begins with
/// (`dnssec` covers `dnssec-bogus`; so does `dnssec.chain`), or the table above says so.
fn has_gap(gaps: &[Gap], rule: &Rule) -> bool {
    let part = match rule.part {
        Part::Tls => "tls",
        Part::Certificate => "certificate",
        Part::Dns => "dns",
        Part::Web => "web",
        Part::Exposed => "exposed",
        Part::Mail => "mail",
    };
    let begins = |start: &str| {
        let rest = rule.id.strip_prefix(start);
        !start.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    gaps.iter().any(|gap| {
        let what = gap.what.split('.').next().unwrap_or_default();
        let covered = COVERED.iter().filter(|(id, _)| *id == what).flat_map(|(_, starts)| *starts);
        gap.what == part || begins(what) || covered.into_iter().any(|start| begins(start))
    })
}

/// Fills in the gains, puts the findings in order and marks the whole.
fn mark(findings: &mut [Finding], is_something: bool, may_be_best: bool) -> Grade {
    if !is_something {
        return Grade { letter: "?".to_owned(), score: 0, capped_by: None };
    }
    let mut counts = Counts::default();
    for finding in findings.iter() {
        counts.add(finding.severity);
    }
    let score = counts.score(may_be_best);
    for finding in findings.iter_mut() {
        finding.gain = counts.without(finding.severity).score(may_be_best).saturating_sub(score);
    }
    findings.sort_by(|a, b| {
        b.gain.cmp(&a.gain).then(b.severity.cmp(&a.severity)).then_with(|| a.rule.cmp(&b.rule))
    });
    let free = letter(u32::try_from(counts.left() / (FULL / 100)).unwrap_or(0));
    let worst = worst(findings.iter());
    let is_capped = rank(free) < rank(letter(score));
    Grade {
        letter: letter(score).to_owned(),
        score,
        capped_by: worst.filter(|_| is_capped).map(|finding| finding.rule.clone()),
    }
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    critical: u32,
    high: u32,
    medium: u32,
    low: u32,
}

impl Counts {
    fn of(&mut self, severity: Severity) -> Option<&mut u32> {
        match severity {
            Severity::Critical => Some(&mut self.critical),
            Severity::High => Some(&mut self.high),
            Severity::Medium => Some(&mut self.medium),
            Severity::Low => Some(&mut self.low),
            Severity::Info => None,
        }
    }

    fn add(&mut self, severity: Severity) {
        if let Some(count) = self.of(severity) {
            *count = count.saturating_add(1);
        }
    }

    fn without(mut self, severity: Severity) -> Self {
        if let Some(count) = self.of(severity) {
            *count = count.saturating_sub(1);
        }
        self
    }

    /// What is left of [`FULL`] after every finding took its share.
    fn left(self) -> u64 {
        let shares = [(self.critical, 60), (self.high, 88), (self.medium, 95), (self.low, 98)];
        shares
            .into_iter()
            .fold(FULL, |left, (count, keeps)| (0..count.min(1000)).fold(left, |left, _| left * keeps / 100))
    }

    fn ceiling(self, may_be_best: bool) -> u64 {
        match self {
            Self { critical: 1.., .. } => 24,
            Self { high: 1.., .. } => 69,
            Self { medium: 1.., .. } => 84,
            Self { low: 0, .. } if may_be_best => 100,
            Self { .. } => 95,
        }
    }

    /// The score, 0 to 100, rounded to the nearest.
    fn score(self, may_be_best: bool) -> u32 {
        let score = (self.left() * self.ceiling(may_be_best) + FULL / 2) / FULL;
        u32::try_from(score).unwrap_or(0)
    }
}

/// The letter of a score.
fn letter(score: u32) -> &'static str {
    match score {
        100.. => "A+",
        85..100 => "A",
        70..85 => "B",
        55..70 => "C",
        40..55 => "D",
        25..40 => "E",
        0..25 => "F",
    }
}

/// 0 for the best letter.
fn rank(letter: &str) -> usize {
    ["A+", "A", "B", "C", "D", "E", "F"].iter().position(|known| *known == letter).unwrap_or(7)
}

/// The finding with the highest severity above Info; of equals the first.
fn worst<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<&'a Finding> {
    findings.filter(|finding| finding.severity > Severity::Info).fold(
        None,
        |worst: Option<&Finding>, finding| match worst {
            Some(worst) if worst.severity >= finding.severity => Some(worst),
            _ => Some(finding),
        },
    )
}

/// The state of one protection.
fn shield(protection: Protection, findings: &[Finding]) -> Shield {
    let own = || findings.iter().filter(move |finding| finding.protections.contains(&protection));
    let worst = worst(own());
    let count = own().filter(|finding| finding.severity > Severity::Info).count();
    Shield {
        protection,
        colour: match worst.map(|finding| finding.severity) {
            Some(Severity::Critical | Severity::High) => Colour::Red,
            Some(Severity::Medium | Severity::Low) => Colour::Orange,
            Some(Severity::Info) | None => Colour::Green,
        },
        worst: worst.map(|finding| finding.rule.clone()),
        findings: u32::try_from(count).unwrap_or(u32::MAX),
    }
}

/// Whether the front page has valid HSTS for a year or more.
fn has_long_hsts(evidence: &Evidence) -> bool {
    judges::secure_answer(evidence).is_some_and(|hop| {
        let values: Vec<&str> = hop.header("strict-transport-security").collect();
        let read = hsts::parse(&values);
        read.state == hsts::HstsState::On && read.max_age_seconds >= hsts::YEAR_SECONDS
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Words;
    use crate::rules::testing::{good_evidence, home, tls};
    use crate::rules::testing_mail::mail;

    const TEXT: Words = Words::new("nl", "en");

    const fn rule(id: &'static str, severity: Severity, judge: fn(&Evidence, &mut Notes)) -> Rule {
        Rule {
            id,
            protections: &[Protection::Encryption],
            severity,
            part: Part::Web,
            source: "",
            title: TEXT,
            why: TEXT,
            fix: TEXT,
            snippets: &[],
            judge,
        }
    }

    fn fires(_: &Evidence, notes: &mut Notes) {
        notes.seen("https://winkel.example/", "x");
    }

    fn is_silent(_: &Evidence, _: &mut Notes) {}

    const CRITICAL: Rule = rule("a-critical", Severity::Critical, fires);
    const CRITICAL_TOO: Rule = rule("b-critical", Severity::Critical, fires);
    const HIGH: Rule = rule("c-high", Severity::High, fires);
    const MEDIUM: Rule = rule("d-medium", Severity::Medium, fires);
    const MEDIUM_TOO: Rule = rule("a-medium", Severity::Medium, fires);
    const LOW: Rule = rule("e-low", Severity::Low, fires);
    const INFO: Rule = rule("f-info", Severity::Info, fires);
    const SILENT: Rule = rule("g-silent", Severity::High, is_silent);

    fn report(rules: &[Rule]) -> Report {
        judge_by(&good_evidence(), rules.iter())
    }

    fn check(expected: (&str, u32), capped_by: Option<&str>, rules: &[Rule]) {
        let grade = report(rules).grade;
        assert_eq!(
            (grade.letter.as_str(), grade.score, grade.capped_by.as_deref()),
            (expected.0, expected.1, capped_by)
        );
    }

    #[test]
    fn the_worst_finding_caps_the_grade() {
        check(("A+", 100), None, &[SILENT]);
        check(("A+", 100), None, &[SILENT, INFO]);
        check(("A", 93), None, &[LOW]);
        check(("B", 80), Some("d-medium"), &[MEDIUM]);
        check(("B", 78), Some("d-medium"), &[MEDIUM, LOW, INFO]);
        check(("C", 61), Some("c-high"), &[HIGH]);
        check(("C", 58), Some("c-high"), &[HIGH, MEDIUM]);
        check(("F", 14), Some("a-critical"), &[CRITICAL]);
        check(("F", 8), Some("a-critical"), &[HIGH, CRITICAL_TOO, CRITICAL]);
        assert_eq!(report(&[]).grade.letter, "?");
    }

    #[test]
    fn the_best_grade_needs_a_year_of_hsts_and_every_main_part() {
        let graded = |change: &dyn Fn(&mut Evidence)| {
            let mut evidence = good_evidence();
            change(&mut evidence);
            judge_by(&evidence, [SILENT].iter()).grade
        };
        let with_hsts = |value: &'static str| {
            graded(&|evidence| {
                for header in &mut home(evidence).hops[0].headers {
                    if header.name == "strict-transport-security" {
                        header.value = value.into();
                    }
                }
            })
        };
        assert_eq!(with_hsts("max-age=31536000").letter, "A+");
        for short in ["max-age=31535999", "max-age=0", "", "max-age=x", "max-age=31536000; max-age=31536000"]
        {
            let grade = with_hsts(short);
            assert_eq!((grade.letter.as_str(), grade.score, grade.capped_by), ("A", 95, None), "{short}");
        }
        assert_eq!(graded(&|evidence| tls(evidence).chain.sent.clear()).letter, "A");
        assert_eq!(graded(&|evidence| evidence.endpoints.clear()).letter, "A");
    }

    #[test]
    fn nothing_to_look_at_has_no_grade_and_no_shields() {
        let report = judge_by(&Evidence::default(), [SILENT].iter());
        assert_eq!((report.grade.letter.as_str(), report.grade.score), ("?", 0));
        assert!(report.shields.is_empty() && report.passed.is_empty() && report.findings.is_empty());
    }

    #[test]
    fn the_gain_is_the_score_without_the_finding_minus_the_score() {
        let all = [CRITICAL, HIGH, MEDIUM, LOW, INFO];
        let whole = report(&all);
        for finding in &whole.findings {
            let others: Vec<Rule> = all.iter().filter(|rule| rule.id != finding.rule).copied().collect();
            let without = report(&others).grade.score;
            assert_eq!(finding.gain, without - whole.grade.score, "{}", finding.rule);
        }
        assert_eq!(whole.findings.iter().find(|f| f.rule == "f-info").map(|f| f.gain), Some(0));
        // Mending one of two critical findings gains something too.
        assert!(report(&[CRITICAL, CRITICAL_TOO]).findings.iter().all(|finding| finding.gain > 0));
    }

    #[test]
    fn findings_stand_by_gain_then_severity_then_id() {
        let rules = [INFO, LOW, MEDIUM, HIGH, MEDIUM_TOO, CRITICAL_TOO];
        let order: Vec<String> = report(&rules).findings.into_iter().map(|finding| finding.rule).collect();
        assert_eq!(order, ["b-critical", "c-high", "a-medium", "d-medium", "e-low", "f-info"]);
    }

    #[test]
    fn shields_have_their_own_worst_finding() {
        let integrity = Rule { protections: &[Protection::Integrity], ..LOW };
        let authentication = Rule { protections: &[Protection::Authentication], ..SILENT };
        let shields = report(&[HIGH, MEDIUM, integrity, authentication]).shields;
        let told: Vec<_> =
            shields.iter().map(|shield| (shield.colour, shield.worst.as_deref(), shield.findings)).collect();
        assert_eq!(
            told,
            [(Colour::Red, Some("c-high"), 2), (Colour::Orange, Some("e-low"), 1), (Colour::Green, None, 0)]
        );
        assert_eq!(report(&[INFO]).shields.len(), 1, "what nobody looked at has no shield");
    }

    #[test]
    fn a_rule_passed_only_when_its_part_was_looked_at() {
        assert_eq!(report(&[SILENT, HIGH]).passed, ["g-silent"]);
        let passed = |change: &dyn Fn(&mut Evidence), rule: Rule| {
            let mut evidence = good_evidence();
            change(&mut evidence);
            !judge_by(&evidence, [rule].iter()).passed.is_empty()
        };
        let gap = |what: &'static str| {
            move |evidence: &mut Evidence| evidence.gaps.push(Gap { what: what.into(), ..Gap::default() })
        };
        let dns = Rule { part: Part::Dns, id: "dnssec-bogus", ..SILENT };
        assert!(passed(&|_| {}, dns));
        assert!(!passed(&|evidence| evidence.dns.was_asked = false, dns));
        for covering in ["dns", "dnssec", "dnssec.chain", "dnssec-bogus"] {
            assert!(!passed(&gap(covering), dns), "{covering}");
        }
        for other in ["", "web", "caa", "dnss", "page.checkout"] {
            assert!(passed(&gap(other), dns), "{other}");
        }
        let sha1 = Rule { part: Part::Tls, id: "sha1-kex", ..SILENT };
        assert!(!passed(&gap("kex_signature"), sha1) && passed(&gap("suites.tls12"), sha1));
        let rc4 = Rule { part: Part::Tls, id: "rc4", ..SILENT };
        assert!(!passed(&gap("suites.tls12"), rc4) && !passed(&gap("tls"), rc4));
        assert!(!passed(&|evidence| evidence.web.pages.clear(), SILENT));
        let exposed = Rule { part: Part::Exposed, ..SILENT };
        assert!(!passed(&|_| {}, exposed), "open files are not looked for without proof of ownership");
        assert!(passed(&|evidence| evidence.web.exposed_looked = Some(true), exposed));
        assert!(!passed(&|evidence| evidence.web.exposed_looked = Some(false), exposed));
        let of_tls = Rule { part: Part::Tls, ..SILENT };
        assert!(!passed(&|evidence| tls(evidence).reach = Reach::Refused, of_tls));
    }

    #[test]
    fn mail_counts_only_when_it_was_looked_at() {
        let graded = |change: &dyn Fn(&mut Evidence)| {
            let mut evidence = good_evidence();
            change(&mut evidence);
            judge(&evidence)
        };
        let all_mail = |report: &Report| {
            let of_mail = |id: &&String| rules::find(id).is_some_and(|rule| rule.part == Part::Mail);
            report.passed.iter().filter(of_mail).count()
        };
        let whole = graded(&|_| {});
        assert_eq!((whole.grade.letter.as_str(), all_mail(&whole) > 30), ("A+", true));
        let https = graded(&|evidence| evidence.mail = None);
        assert_eq!((https.grade.clone(), all_mail(&https)), (whole.grade, 0));
        // Bad mail lowers the grade of a check that looked at mail, and no other.
        let bad = |evidence: &mut Evidence| mail(evidence).spf.all = Some(crate::facts::SpfAll::Pass);
        assert_eq!(graded(&bad).grade.letter, "F");
        let without = |evidence: &mut Evidence| {
            bad(evidence);
            evidence.mail = None;
        };
        assert_eq!(graded(&without).grade, https.grade);
        let alone = |evidence: &mut Evidence| {
            evidence.endpoints.clear();
            evidence.web = Default::default();
        };
        assert_eq!(graded(&alone).grade.letter, "A+");
        assert_eq!(
            graded(&|evidence| {
                alone(evidence);
                mail(evidence).tls_rpt = Some(vec!["v=TLSRPTv1".into()]);
            })
            .grade
            .letter,
            "A"
        );
        for (gap, rule) in [
            ("mail", "spf-missing"),
            ("spf", "spf-missing"),
            ("smtp", "mx-no-starttls"),
            ("mx", "mx-missing"),
            ("mta-sts", "mta-sts-broken"),
        ] {
            let report = graded(&|evidence| evidence.gaps.push(Gap { what: gap.into(), ..Gap::default() }));
            assert!(!report.passed.iter().any(|id| id == rule), "{gap}");
        }
    }

    #[test]
    fn the_same_evidence_gives_the_same_report() {
        let evidence = good_evidence();
        let first = judge(&evidence);
        for _ in 0..3 {
            assert_eq!(judge(&evidence), first);
        }
        let json = serde_json::to_string(&first).unwrap_or_default();
        assert_eq!(serde_json::from_str::<Report>(&json).ok(), Some(first));
    }
}
