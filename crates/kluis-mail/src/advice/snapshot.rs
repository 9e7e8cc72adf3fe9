//! The DNS of an own domain as far as mail goes, and what changed since the look before: planned, or not.

use std::collections::BTreeMap;

use kluis_model::Text;
use serde::{Deserialize, Serialize};

use super::Light;
use super::gather::{LOOKUPS_TIGHT, SpfBudget, spf_budget};
use super::policy::Published;
use super::record::PolicyStep;
use crate::catalogue;
use crate::dkim::key;
use crate::dmarc::{self, Generation};
use crate::dns::{Answer, Answers, Question, RecordKind, is_within};
use crate::spf;

/// Selectors of a domain that are looked at.
const SELECTORS_MAX: usize = 40;
/// Records of one kind that are kept.
const RECORDS_MAX: usize = 20;
/// Characters of a record that are kept.
const TEXT_CHARS_MAX: usize = 4096;
/// IPv4 addresses that an SPF record may gain before it is worth a word: a growth by half, and at least a /24.
const GROWN_MIN: u64 = 256;

/// What the DNS says about mail of a domain; `None`: it did not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDns {
    /// The domain.
    pub domain: String,
    /// Records that begin with `v=spf1`.
    pub spf: Option<Vec<String>>,
    /// Records at `_dmarc.` that begin with `v=DMARC1`.
    pub dmarc: Option<Vec<String>>,
    /// Without one: the domain whose record holds instead, and what it asks for names below.
    #[serde(default)]
    pub dmarc_above: Option<(String, PolicyStep)>,
    /// Preference and host of exchangers.
    pub mx: Option<Vec<(u16, String)>>,
    /// Records at `_mta-sts.`.
    pub mta_sts: Option<Vec<String>>,
    /// Records at `_smtp._tls.`.
    pub tls_rpt: Option<Vec<String>>,
    /// Keys by selector.
    pub keys: BTreeMap<String, KeyState>,
    /// What SPF costs; `None` when not everything was answered.
    pub budget: Option<SpfBudget>,
}

/// A key in the DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// The DNS did not answer.
    Unanswered,
    /// There is none.
    Gone,
    /// It was revoked (`p=` is empty).
    Revoked,
    /// The record.
    There(String),
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The SPF record is another, or there is one now.
    Spf,
    /// The SPF record is gone.
    SpfGone,
    /// There are several SPF records now, which is an error.
    SpfSeveral,
    /// What the SPF record leads to allows many more addresses.
    SpfGrew,
    /// The SPF record needs more look-ups, 8 or more.
    SpfBudget,
    /// The DMARC record is another, not milder.
    Dmarc,
    /// The DMARC record asks for less than before.
    DmarcMilder,
    /// The DMARC record is gone.
    DmarcGone,
    /// A DKIM key is gone or revoked.
    KeyGone,
    /// A DKIM key is another.
    KeyChanged,
    /// A DKIM key came.
    KeyNew,
    /// An exchanger came whose owner is not known.
    MxUnknown,
    /// The exchangers are others.
    Mx,
    /// The record of MTA-STS is another.
    MtaSts,
    /// The record of TLS reports is another.
    TlsRpt,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsChange {
    /// The domain.
    pub domain: String,
    /// The name of the record.
    pub name: String,
    /// What changed.
    pub kind: ChangeKind,
    /// Whether what is there now is what the plan says.
    pub is_planned: bool,
    /// How pressing; green for planned ones.
    pub light: Light,
    /// What was there.
    pub before: Option<String>,
    /// What is there.
    pub after: Option<String>,
    /// What happened, for people.
    pub text: Text,
    /// What to do about it.
    pub todo: Option<Text>,
}

/// Reads the DNS of a domain with these selectors.
///
/// # Errors
/// The questions whose answers are needed.
pub fn snapshot(
    domain: &str,
    selectors: &[String],
    answers: &impl Answers,
) -> Result<DomainDns, Vec<Question>> {
    let mut missing = Vec::new();
    let mut texts = |name: &str, begins: &str| {
        let question = Question::new(name, RecordKind::Txt);
        match answers.find(&question) {
            None => {
                missing.push(question);
                None
            }
            Some(Answer::Failed) => None,
            Some(answer) => Some(texts_of(answer, begins)),
        }
    };
    let spf = texts(domain, "v=spf1");
    let dmarc = texts(&format!("_dmarc.{domain}"), "v=DMARC1");
    let mta_sts = texts(&format!("_mta-sts.{domain}"), "v=STSv1");
    let tls_rpt = texts(&format!("_smtp._tls.{domain}"), "v=TLSRPTv1");
    let mut keys = BTreeMap::new();
    for selector in selectors.iter().take(SELECTORS_MAX) {
        let state = match texts(&format!("{selector}._domainkey.{domain}"), "") {
            None => KeyState::Unanswered,
            Some(texts) => key_state(&texts),
        };
        keys.insert(selector.clone(), state);
    }
    let dmarc_above = match dmarc::discover(domain, Generation::TreeWalk, answers) {
        Err(question) => {
            missing.push(question);
            None
        }
        Ok((found, _)) => found.filter(|found| found.domain != domain).map(|found| {
            let is_test = found.record.is_test;
            (found.domain, PolicyStep::of(found.record.below(), is_test))
        }),
    };
    let question = Question::new(domain, RecordKind::Mx);
    let mx = match answers.find(&question) {
        None => {
            missing.push(question);
            None
        }
        Some(Answer::Failed) => None,
        Some(Answer::Mx(list)) => {
            let mut list: Vec<(u16, String)> = list
                .iter()
                .take(RECORDS_MAX)
                .map(|(at, host)| (*at, host.trim_end_matches('.').to_lowercase()))
                .collect();
            list.sort();
            Some(list)
        }
        Some(_) => Some(Vec::new()),
    };
    let budget = match spf::tree::walk(domain, answers) {
        Err(questions) => {
            missing.extend(questions);
            None
        }
        Ok(tree) => spf.as_ref().filter(|_| tree.is_whole).map(|records| spf_budget(domain, records, &tree)),
    };
    missing.sort();
    missing.dedup();
    if !missing.is_empty() {
        return Err(missing);
    }
    Ok(DomainDns { domain: domain.to_owned(), spf, dmarc, dmarc_above, mx, mta_sts, tls_rpt, keys, budget })
}

fn texts_of(answer: &Answer, begins: &str) -> Vec<String> {
    let Answer::Txt(texts) = answer else { return Vec::new() };
    let shown = texts.iter().map(|text| shown(text));
    let mut texts: Vec<String> = shown
        .filter(|text| {
            text.trim_start().get(..begins.len()).is_some_and(|head| head.eq_ignore_ascii_case(begins))
        })
        .take(RECORDS_MAX)
        .collect();
    texts.sort();
    texts
}

/// Bytes as text; what is not printable ASCII becomes a question mark.
fn shown(bytes: &[u8]) -> String {
    let one = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '?' };
    bytes.iter().take(TEXT_CHARS_MAX).map(one).collect()
}

fn key_state(texts: &[String]) -> KeyState {
    for text in texts {
        if let Ok(record) = key::read(text.as_bytes()) {
            return if record.public.is_some() { KeyState::There(text.clone()) } else { KeyState::Revoked };
        }
    }
    KeyState::Gone
}

impl DomainDns {
    /// What it says about the policy.
    #[must_use]
    pub fn published(&self) -> Published {
        let Some(texts) = &self.dmarc else { return Published::Unanswered };
        let mut records = texts.iter().filter(|text| dmarc::is_record(text.as_bytes()));
        match (records.next(), records.next()) {
            (Some(_), Some(_)) => Published::Several,
            (Some(text), None) => match dmarc::read(text.as_bytes()) {
                Some(record) => Published::Own(Box::new(record)),
                None => Published::Unreadable,
            },
            (None, _) => match &self.dmarc_above {
                Some((domain, step)) => Published::Above { domain: domain.clone(), step: *step },
                None => Published::Nothing,
            },
        }
    }

    /// Whether a DMARC record holds for the domain; `None` when the DNS did not answer.
    #[must_use]
    pub fn is_covered(&self) -> Option<bool> {
        match self.published() {
            Published::Unanswered => None,
            Published::Nothing | Published::Several | Published::Unreadable => Some(false),
            Published::Above { .. } | Published::Own(_) => Some(true),
        }
    }

    /// The same with what the DNS did not answer filled in from an earlier look, so that a failure is no change.
    #[must_use]
    pub fn or(mut self, before: &Self) -> Self {
        let fill = |now: &mut Option<Vec<String>>, before: &Option<Vec<String>>| {
            if now.is_none() {
                now.clone_from(before);
            }
        };
        fill(&mut self.spf, &before.spf);
        if self.dmarc.is_none() {
            self.dmarc.clone_from(&before.dmarc);
            self.dmarc_above.clone_from(&before.dmarc_above);
        }
        fill(&mut self.mta_sts, &before.mta_sts);
        fill(&mut self.tls_rpt, &before.tls_rpt);
        if self.mx.is_none() {
            self.mx.clone_from(&before.mx);
        }
        if self.budget.is_none() {
            self.budget.clone_from(&before.budget);
        }
        for (selector, state) in &mut self.keys {
            if *state == KeyState::Unanswered
                && let Some(known) = before.keys.get(selector)
            {
                state.clone_from(known);
            }
        }
        self
    }

    /// Whether nothing at all was answered.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.spf.is_none() && self.dmarc.is_none() && self.mx.is_none()
    }

    /// Selectors whose key is gone or revoked.
    pub fn gone(&self) -> impl Iterator<Item = &str> {
        let is_gone = |state: &KeyState| matches!(state, KeyState::Gone | KeyState::Revoked);
        self.keys.iter().filter(move |(_, state)| is_gone(state)).map(|(selector, _)| selector.as_str())
    }
}

/// What changed between two looks at a domain. `is_planned` says whether what now stands at a name is what the plan
/// wants there; `owned` are the domains of the shop.
#[must_use]
pub fn changes(
    before: &DomainDns,
    after: &DomainDns,
    is_planned: &dyn Fn(&str, RecordKind) -> bool,
    owned: &[String],
) -> Vec<DnsChange> {
    let mut found = Changes { domain: &after.domain, is_planned, found: Vec::new() };
    found.spf(before, after);
    found.dmarc(before, after);
    found.keys(before, after);
    found.mx(before, after, owned);
    let domain = &after.domain;
    found.other(ChangeKind::MtaSts, &format!("_mta-sts.{domain}"), (&before.mta_sts, &after.mta_sts));
    found.other(ChangeKind::TlsRpt, &format!("_smtp._tls.{domain}"), (&before.tls_rpt, &after.tls_rpt));
    found.found
}

struct Changes<'a> {
    domain: &'a str,
    is_planned: &'a dyn Fn(&str, RecordKind) -> bool,
    found: Vec<DnsChange>,
}

/// A record before and after.
type Records<'a> = (&'a Option<Vec<String>>, &'a Option<Vec<String>>);

impl Changes<'_> {
    fn push(
        &mut self,
        (kind, name, record): (ChangeKind, &str, RecordKind),
        light: Light,
        (before, after): (Option<String>, Option<String>),
        (text, todo): (Text, Option<Text>),
    ) {
        // What the plan wants is there: nobody needs to do anything.
        let is_planned = (self.is_planned)(name, record);
        self.found.push(DnsChange {
            domain: self.domain.to_owned(),
            name: name.to_owned(),
            kind,
            is_planned,
            light: if is_planned { Light::Green } else { light },
            before,
            after,
            text,
            todo: todo.filter(|_| !is_planned),
        });
    }

    fn spf(&mut self, before: &DomainDns, after: &DomainDns) {
        let domain = self.domain;
        if let (Some(old), Some(new)) = (&before.spf, &after.spf)
            && old != new
        {
            let (kind, light, text) = match new.len() {
                0 => (ChangeKind::SpfGone, Light::Red, spf_text(domain, "is verdwenen", "is gone")),
                1 => (ChangeKind::Spf, Light::Amber, spf_text(domain, "is veranderd", "changed")),
                _ => (
                    ChangeKind::SpfSeveral,
                    Light::Red,
                    spf_text(
                        domain,
                        "staat er nu meer dan eens; daardoor telt het niet",
                        "is there more than once now; so it does not count",
                    ),
                ),
            };
            self.push(
                (kind, domain, RecordKind::Txt),
                light,
                (joined(old), joined(new)),
                (text, Some(put_back())),
            );
        }
        let (Some(old), Some(new)) = (&before.budget, &after.budget) else { return };
        if new.lookups > old.lookups && new.lookups >= LOOKUPS_TIGHT {
            let (was, is) = (old.lookups, new.lookups);
            let light = if is > new.lookups_max { Light::Red } else { Light::Amber };
            let text = Text::new(
                format!("SPF van {domain} kost nu {is} van de 10 zoekacties (eerst {was})."),
                format!("SPF of {domain} now costs {is} of 10 look-ups (before: {was})."),
            );
            let todo = Text::new(
                "Haal weg wie niet meer voor u mailt; boven de 10 telt het hele record niet meer.",
                "Remove who does not mail for you any more; over 10 the whole record does not count.",
            );
            let name = (ChangeKind::SpfBudget, domain, RecordKind::Txt);
            self.push(name, light, (Some(was.to_string()), Some(is.to_string())), (text, Some(todo)));
        }
        let grown = new.v4_addresses.saturating_sub(old.v4_addresses);
        if before.spf == after.spf && grown >= GROWN_MIN && grown.saturating_mul(2) >= old.v4_addresses {
            let (was, is) = (old.v4_addresses.to_string(), new.v4_addresses.to_string());
            let text = Text::new(
                format!("Een dienst in SPF van {domain} laat veel meer adressen toe: van {was} naar {is}."),
                format!("A service in SPF of {domain} allows many more addresses: from {was} to {is}."),
            );
            self.found.push(DnsChange {
                domain: domain.to_owned(),
                name: domain.to_owned(),
                kind: ChangeKind::SpfGrew,
                is_planned: false,
                light: Light::Amber,
                before: Some(was),
                after: Some(is),
                text,
                todo: Some(Text::new(
                    "Kijk met `klantkluis mail spf explain` welke include het is, en of u die dienst nog gebruikt.",
                    "See with `klantkluis mail spf explain` which include it is, and whether you still use that service.",
                )),
            });
        }
    }

    fn dmarc(&mut self, before: &DomainDns, after: &DomainDns) {
        let domain = self.domain;
        let (Some(old), Some(new)) = (&before.dmarc, &after.dmarc) else { return };
        if old == new {
            return;
        }
        let name = format!("_dmarc.{domain}");
        let (kind, light, text) = if new.is_empty() {
            let text = Text::new(
                format!("Het DMARC-record van {domain} is verdwenen."),
                format!("The DMARC record of {domain} is gone."),
            );
            (ChangeKind::DmarcGone, Light::Red, text)
        } else if is_milder(old, new) && !(self.is_planned)(&name, RecordKind::Txt) {
            let text = Text::new(
                format!("Het DMARC-record van {domain} is milder geworden."),
                format!("The DMARC record of {domain} became milder."),
            );
            (ChangeKind::DmarcMilder, Light::Red, text)
        } else {
            let text = Text::new(
                format!("Het DMARC-record van {domain} is veranderd."),
                format!("The DMARC record of {domain} changed."),
            );
            (ChangeKind::Dmarc, Light::Amber, text)
        };
        self.push(
            (kind, &name, RecordKind::Txt),
            light,
            (joined(old), joined(new)),
            (text, Some(put_back())),
        );
    }

    fn keys(&mut self, before: &DomainDns, after: &DomainDns) {
        for (selector, new) in &after.keys {
            let name = format!("{selector}._domainkey.{}", self.domain);
            let old = before.keys.get(selector);
            let (kind, light, nl, en) = match (old, new) {
                (Some(KeyState::There(old)), KeyState::There(new)) if old != new => {
                    (ChangeKind::KeyChanged, Light::Red, "is een andere geworden", "is another now")
                }
                (Some(KeyState::There(_)), KeyState::Gone) => {
                    (ChangeKind::KeyGone, Light::Red, "is verdwenen", "is gone")
                }
                (Some(KeyState::There(_)), KeyState::Revoked) => {
                    (ChangeKind::KeyGone, Light::Red, "is ingetrokken", "was revoked")
                }
                (Some(KeyState::Gone | KeyState::Revoked), KeyState::There(_)) => {
                    (ChangeKind::KeyNew, Light::Green, "staat er nu", "is there now")
                }
                _ => continue,
            };
            let text =
                Text::new(format!("De DKIM-sleutel {name} {nl}."), format!("The DKIM key {name} {en}."));
            let todo = (light == Light::Red).then(put_back);
            let (was, is) = (old.and_then(KeyState::record), new.record());
            self.push((kind, &name, RecordKind::Txt), light, (was, is), (text, todo));
        }
    }

    fn mx(&mut self, before: &DomainDns, after: &DomainDns, owned: &[String]) {
        let domain = self.domain;
        let (Some(old), Some(new)) = (&before.mx, &after.mx) else { return };
        if old == new {
            return;
        }
        let hosts = |list: &[(u16, String)]| {
            let list: Vec<String> = list.iter().map(|(at, host)| format!("{at} {host}")).collect();
            (!list.is_empty()).then(|| list.join(", "))
        };
        let is_known = |host: &str| {
            old.iter().any(|(_, known)| known == host)
                || owned.iter().any(|own| is_within(host, own))
                || catalogue::by_ptr(host).is_some()
                || catalogue::by_spf(host).is_some()
        };
        let strange: Vec<&str> = new
            .iter()
            .map(|(_, host)| host.as_str())
            .filter(|host| !host.is_empty() && !is_known(host))
            .collect();
        let (kind, light, text) = if strange.is_empty() {
            let text = Text::new(
                format!("De mailservers (MX) van {domain} zijn veranderd."),
                format!("The mail servers (MX) of {domain} changed."),
            );
            (ChangeKind::Mx, Light::Amber, text)
        } else {
            let who = strange.join(", ");
            let text = Text::new(
                format!("Mail aan {domain} gaat nu naar een onbekende server: {who}."),
                format!("Mail to {domain} now goes to an unknown server: {who}."),
            );
            (ChangeKind::MxUnknown, Light::Red, text)
        };
        self.push((kind, domain, RecordKind::Mx), light, (hosts(old), hosts(new)), (text, Some(put_back())));
    }

    fn other(&mut self, kind: ChangeKind, name: &str, (old, new): Records<'_>) {
        let (Some(old), Some(new)) = (old, new) else { return };
        if old == new {
            return;
        }
        let light = if new.is_empty() { Light::Amber } else { Light::Green };
        let text =
            Text::new(format!("Het record {name} is veranderd."), format!("The record {name} changed."));
        let todo = (light != Light::Green).then(put_back);
        self.push((kind, name, RecordKind::Txt), light, (joined(old), joined(new)), (text, todo));
    }
}

impl KeyState {
    fn record(&self) -> Option<String> {
        match self {
            Self::There(text) => Some(text.clone()),
            Self::Unanswered | Self::Gone | Self::Revoked => None,
        }
    }
}

/// How much a DMARC record asks: policy of the domain, of names below, of names that do not exist.
fn strength(records: &[String]) -> Option<[PolicyStep; 3]> {
    let [text] = records else { return None };
    let record = dmarc::read(text.as_bytes())?;
    let step = |policy| PolicyStep::of(policy, record.is_test);
    Some([step(record.own()), step(record.below()), step(record.absent())])
}

/// Whether a record asks for less in any of the three.
fn is_milder(old: &[String], new: &[String]) -> bool {
    match (strength(old), strength(new)) {
        (Some(old), Some(new)) => old.iter().zip(&new).any(|(old, new)| new < old),
        // Several records, or one that cannot be read, count for nothing.
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn spf_text(domain: &str, nl: &str, en: &str) -> Text {
    Text::new(format!("Het SPF-record van {domain} {nl}."), format!("The SPF record of {domain} {en}."))
}

fn put_back() -> Text {
    Text::new(
        "Heeft u dit zelf gedaan? Zet het dan in mail.toml. Zo niet: herstel het record en kijk wie bij uw DNS kan.",
        "Did you do this yourself? Then put it into mail.toml. If not: restore the record and see who can change your DNS.",
    )
}

fn joined(records: &[String]) -> Option<String> {
    (!records.is_empty()).then(|| records.join("\n"))
}
