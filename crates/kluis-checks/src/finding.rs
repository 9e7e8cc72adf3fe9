//! What an audit finds: severities, protections, rules, findings, and the report made of them.

use kluis_model::{Lang, TimeMs};
use serde::{Deserialize, Serialize};

use crate::facts::{Evidence, Gap, Target};

/// A text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Dutch.
    pub nl: &'static str,
    /// English.
    pub en: &'static str,
}

impl Words {
    /// Both languages at once.
    #[must_use]
    pub const fn new(nl: &'static str, en: &'static str) -> Self {
        Self { nl, en }
    }

    /// The text in one language.
    #[must_use]
    pub fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Nl => self.nl,
            Lang::En => self.en,
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; never lowers the grade.
    Info,
    /// Worth doing some day.
    Low,
    /// Should be done.
    Medium,
    /// Should be done soon.
    High,
    /// Customers can be read or impersonated now.
    Critical,
}

/// The three protections of HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Nobody on the way can read along.
    Encryption,
    /// Nobody on the way can change anything.
    Integrity,
    /// Visitors talk to the real shop.
    Authentication,
}

impl Protection {
    /// All three, in the order of the article.
    pub const ALL: [Self; 3] = [Self::Encryption, Self::Integrity, Self::Authentication];
}

/// The parts of an audit, which also is where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Protocols, suites, key exchange, bugs.
    Tls,
    /// Certificate and chain.
    Certificate,
    /// CAA, DANE, DNSSEC.
    Dns,
    /// Redirects, headers, cookies, pages.
    Web,
    /// Open files.
    Exposed,
    /// Mail that carries the domain's name: SPF, DKIM, DMARC, and the way to the mail servers.
    Mail,
}

/// Software for which a fix is spelled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// nginx.
    Nginx,
    /// Apache httpd.
    Apache,
    /// Caddy.
    Caddy,
    /// WooCommerce or WordPress.
    Woocommerce,
    /// Magento 2 / Adobe Commerce.
    Magento,
    /// PrestaShop.
    Prestashop,
    /// Shopify, Lightspeed and others that a host runs: what the owner must ask.
    Hosted,
}

impl Platform {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Nginx,
        Self::Apache,
        Self::Caddy,
        Self::Woocommerce,
        Self::Magento,
        Self::Prestashop,
        Self::Hosted,
    ];

    /// The name people know.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "Apache",
            Self::Caddy => "Caddy",
            Self::Woocommerce => "WooCommerce / WordPress",
            Self::Magento => "Magento",
            Self::Prestashop => "PrestaShop",
            Self::Hosted => "Shopify / Lightspeed",
        }
    }
}

/// The smallest change that mends it, for one kind of software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snippet {
    /// Lines of a settings file, the same in every language.
    Lines(&'static str),
    /// Words: which button to press, or what to ask the host.
    Say(Words),
}

/// One check: data, and a function that looks at the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its id, which never changes: `hsts-missing`.
    pub id: &'static str,
    /// Which protections suffer.
    pub protections: &'static [Protection],
    /// How bad it usually is; a judge may say otherwise for what it saw.
    pub severity: Severity,
    /// Where it looks.
    pub part: Part,
    /// The clause it comes from: `RFC 6797 §7.1; NCSC-NL TLS 2025-05 §3.3.1`.
    pub source: &'static str,
    /// What is wrong, in one line.
    pub title: Words,
    /// Why it matters, in a shop owner's words.
    pub why: Words,
    /// What to do.
    pub fix: Words,
    /// The smallest fix for each platform where it differs.
    pub snippets: &'static [(Platform, Snippet)],
    /// Looks, and notes what it sees.
    pub judge: fn(&Evidence, &mut Notes),
}

/// Proofs at most in one finding; more are only counted.
pub const PROOFS_MAX: usize = 20;

/// Where and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// A URL, `host:port`, a record name, a certificate's subject.
    pub place: String,
    /// What was seen there, free of language: a header, a suite's name, a date, a path.
    pub seen: String,
}

/// Collects what one rule's judge sees.
#[derive(Debug, Default)]
pub struct Notes {
    proofs: Vec<Proof>,
    proofs_more: u32,
    severity: Option<Severity>,
}

impl Notes {
    /// Notes something at the rule's own severity.
    pub fn seen(&mut self, place: impl Into<String>, seen: impl Into<String>) {
        let proof = Proof { place: place.into(), seen: seen.into() };
        if self.proofs.contains(&proof) {
            return;
        }
        if self.proofs.len() < PROOFS_MAX {
            self.proofs.push(proof);
        } else {
            self.proofs_more = self.proofs_more.saturating_add(1);
        }
    }

    /// Notes something at another severity; the worst severity noted counts for the finding.
    pub fn seen_as(&mut self, severity: Severity, place: impl Into<String>, seen: impl Into<String>) {
        self.severity = Some(self.severity.map_or(severity, |worst| worst.max(severity)));
        self.seen(place, seen);
    }

    /// The finding, when anything was noted. A note without a severity of its own counts as the rule's only when no
    /// other note named one, so a judge uses either `seen` or `seen_as`, not both.
    #[must_use]
    pub fn into_finding(self, rule: &Rule) -> Option<Finding> {
        if self.proofs.is_empty() {
            return None;
        }
        Some(Finding {
            rule: rule.id.to_owned(),
            severity: self.severity.unwrap_or(rule.severity),
            protections: rule.protections.to_vec(),
            part: rule.part,
            proofs: self.proofs,
            proofs_more: self.proofs_more,
            gain: 0,
        })
    }
}

/// Something that should be mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id of the rule; its texts come from `rules::find`.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Which protections suffer.
    pub protections: Vec<Protection>,
    /// Where the rule looks.
    pub part: Part,
    /// Where and what, at most [`PROOFS_MAX`].
    pub proofs: Vec<Proof>,
    /// Proofs that were left out.
    pub proofs_more: u32,
    /// Points of the grade that mending it gives back.
    pub gain: u32,
}

/// The colour of a shield.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// In order.
    Green,
    /// Should be mended.
    Orange,
    /// Broken.
    Red,
}

/// The state of one protection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shield {
    /// Which one.
    pub protection: Protection,
    /// How it stands.
    pub colour: Colour,
    /// The rule of its worst finding.
    pub worst: Option<String>,
    /// Findings above info.
    pub findings: u32,
}

/// One grade for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grade {
    /// `A+`, `A`, `B`, `C`, `D`, `E`, `F`; `?` when nothing could be looked at.
    pub letter: String,
    /// 0 to 100.
    pub score: u32,
    /// The rule whose cap holds the grade down, when one does.
    pub capped_by: Option<String>,
}

/// What a well-known judge would probably say, from the same facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prediction {
    /// Its grade or percentage: `B+`, `94%`; empty when there is too little to say.
    pub grade: String,
    /// Its points, when it has them.
    pub score: Option<i32>,
    /// What costs points there: test and modifier, such as `content-security-policy -25`.
    pub reasons: Vec<String>,
}

/// What the three well-known judges would probably say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Predictions {
    /// Mozilla HTTP Observatory.
    pub observatory: Prediction,
    /// internet.nl website test, its HTTPS part.
    pub internet_nl: Prediction,
    /// Qualys SSL Labs.
    pub ssl_labs: Prediction,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version of this program.
    pub version: String,
    /// What was audited.
    pub target: Target,
    /// When.
    pub at: TimeMs,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The three shields.
    pub shields: Vec<Shield>,
    /// The grade.
    pub grade: Grade,
    /// Findings, the one whose mending gains most first.
    pub findings: Vec<Finding>,
    /// Rules that looked and found nothing.
    pub passed: Vec<String>,
    /// What others would say.
    pub predictions: Predictions,
    /// What could not be found out.
    pub gaps: Vec<Gap>,
    /// The shop software that was recognised, to show its fix first.
    pub platform: Option<Platform>,
    /// The web server that was recognised, for fixes that the shop software has no say in.
    #[serde(default)]
    pub server: Option<Platform>,
}

impl Report {
    /// Findings above info.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity > Severity::Info)
    }
}
