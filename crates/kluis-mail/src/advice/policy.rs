//! The policy of a domain as a state machine: none, quarantine, reject, each after a rehearsal and only on evidence.
//!
//! A domain goes one step on when every [`Criterion`] holds for the mail that its record governs, and one policy back when
//! mail of the shop fails. Only days after the present record was published count, so that the same data never moves it
//! twice.

use std::collections::BTreeMap;

use kluis_model::{Lang, Text};
use serde::{Deserialize, Serialize};

use super::Light;
use super::policy_text::{
    NAMES_MAX, evidence, going_back, names, next, no_people, ready, stale, too_few_days, too_few_reporters,
    unseen, unsigned, without_record,
};
use super::record::PolicyStep;
use super::words::{both, list};
use crate::dmarc::{Policy, Record};
use crate::report::Counts;
use crate::streams::StreamKind;

/// Days with reports before a policy may become stricter (RFC 9989 §7.4 asks for a month at each).
pub const DAYS_AT_POLICY_MIN: i32 = 30;
/// Days of a rehearsal.
pub const DAYS_AT_REHEARSAL_MIN: i32 = 7;
/// Receivers that must have reported.
pub const REPORTERS_MIN: u32 = 3;
/// Of 1,000 messages of each stream, how many must carry an aligned signature.
pub const ALIGNED_PER_MILLE_MIN: u64 = 995;
/// Of 1,000 messages, how many may be of senders that nobody explained.
const UNRESOLVED_PER_MILLE_MAX: u64 = 1;
/// Under this share of messages that pass, the policy goes back.
const BACK_PER_MILLE: u64 = 980;
/// Days that are looked at for going back.
pub(super) const BACK_DAYS: i32 = 7;
/// Messages of a stream in those days without which a share says nothing.
const BACK_MESSAGES_MIN: u64 = 20;
/// Days without any report after which nothing is known any more.
const STALE_DAYS: i32 = 7;
/// Days over which shares are taken at most: what was repaired before is forgotten.
const WINDOW_DAYS: i32 = 30;

/// Messages by day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    days: BTreeMap<i32, Counts>,
}

impl Series {
    /// Adds messages of a day.
    pub fn add(&mut self, day: i32, counts: Counts) {
        *self.days.entry(day).or_default() += counts;
    }

    /// Adds another series.
    pub fn add_all(&mut self, other: &Self) {
        for (day, counts) in &other.days {
            self.add(*day, *counts);
        }
    }

    /// All messages of these days, both included.
    #[must_use]
    pub fn between(&self, from: i32, to: i32) -> Counts {
        let mut sum = Counts::default();
        if from <= to {
            self.days.range(from..=to).for_each(|(_, counts)| sum += *counts);
        }
        sum
    }

    /// The first and the last of these days with messages.
    #[must_use]
    pub fn ends(&self, from: i32, to: i32) -> Option<(i32, i32)> {
        if from > to {
            return None;
        }
        let mut days =
            self.days.range(from..=to).filter(|(_, counts)| counts.messages > 0).map(|(day, _)| *day);
        let first = days.next()?;
        Some((first, days.next_back().unwrap_or(first)))
    }

    /// The days with messages, in order.
    pub fn days(&self) -> impl Iterator<Item = (i32, Counts)> {
        self.days.iter().map(|(day, counts)| (*day, *counts))
    }
}

/// A stream and its own mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSeen {
    /// Its short name.
    pub id: String,
    /// What it is for.
    pub kind: StreamKind,
    /// The domain of its From addresses.
    pub from: String,
    /// The shop's servers and the services it named.
    pub senders: Vec<SenderSeen>,
    /// Its signed messages from servers that nobody named; receivers' reports cannot tell whether somebody forwarded
    /// them or a service signs for the shop.
    pub forwarded: Series,
}

/// A sender of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderSeen {
    /// Its name.
    pub name: Text,
    /// Its messages.
    pub series: Series,
    /// Whether others send by it too ([`crate::catalogue::Kind::is_shared`]), so that its mail that fails may be theirs.
    pub is_shared: bool,
}

impl StreamSeen {
    /// Messages of all its senders.
    #[must_use]
    pub fn all(&self) -> Series {
        let mut all = Series::default();
        self.senders.iter().for_each(|sender| all.add_all(&sender.series));
        all
    }
}

/// A sender that may be genuine and that nobody explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Its name.
    pub name: Text,
    /// Its messages.
    pub series: Series,
}

/// What the DNS says about a domain's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The DNS did not answer.
    Unanswered,
    /// No record, here or above.
    Nothing,
    /// Several records, which all count for nothing (RFC 9989 §4.7).
    Several,
    /// A record that must be ignored: it holds neither a policy nor an address for reports.
    Unreadable,
    /// None here; one above holds.
    Above {
        /// Where it stands.
        domain: String,
        /// What it asks for this domain.
        step: PolicyStep,
    },
    /// One.
    Own(Box<Record>),
}

/// Everything that decides about a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSeen {
    /// The domain.
    pub domain: String,
    /// Its record.
    pub published: Published,
    /// The day on which this policy was seen first; `None`: just now.
    pub since: Option<i32>,
    /// Today.
    pub today: i32,
    /// The streams that its record governs.
    pub streams: Vec<StreamSeen>,
    /// Senders that nobody explained.
    pub unresolved: Vec<Unresolved>,
    /// Receivers that reported since.
    pub reporters: u32,
    /// Where reports go.
    pub report_address: Option<String>,
}

/// What must hold before a policy gets stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The DNS answers.
    Dns,
    /// There is a record of its own.
    Record,
    /// The record says where reports go.
    Reports,
    /// Reports still come.
    Fresh,
    /// Enough days at this step.
    Days,
    /// Every declared stream was seen.
    Seen,
    /// At least 99.5 % of each stream carries an aligned signature.
    Signed,
    /// At most 0.1 % comes from senders that nobody explained.
    Explained,
    /// At least three receivers reported.
    Reporters,
    /// For `p=reject`: every message carries an aligned signature (RFC 9989 §7.4).
    AlwaysSigned,
    /// For `p=reject`: nobody writes to mailing lists (RFC 9989 §7.4).
    NoPeople,
}

/// A criterion that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// Which.
    pub criterion: Criterion,
    /// The stream it is about.
    pub stream: Option<String>,
    /// What is missing, for people.
    pub text: Text,
}

/// Why a record should be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextKind {
    /// There is none.
    Publish,
    /// There are several, or it says not where reports go.
    Repair,
    /// So that the domain can take its own steps; its policy stays as it is.
    OwnRecord,
    /// A stricter policy is rehearsed.
    Rehearse,
    /// A stricter policy.
    StepUp,
    /// Mail of the shop fails.
    StepBack,
}

/// A record to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRecord {
    /// Why.
    pub kind: NextKind,
    /// The name, without a last dot.
    pub name: String,
    /// `TXT`.
    pub record_type: String,
    /// The whole text; it replaces what is there.
    pub value: String,
    /// The step that it publishes.
    pub step: PolicyStep,
    /// What to do, for people.
    pub text: Text,
}

/// What to do about the policy of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The domain.
    pub domain: String,
    /// Its light.
    pub light: Light,
    /// Where it is; `None` without a record.
    pub stage: Option<PolicyStep>,
    /// How far it may go.
    pub goal: PolicyStep,
    /// Where it stands, one sentence.
    pub summary: Text,
    /// The record to publish now, if any.
    pub next: Option<NextRecord>,
    /// What was seen.
    pub evidence: Vec<Text>,
    /// What is missing for the next step.
    pub blockers: Vec<Blocker>,
}

/// Decides what to do about a domain.
#[must_use]
pub fn advise(seen: &DomainSeen) -> Advice {
    match &seen.published {
        Published::Own(record) => own(seen, record),
        Published::Unanswered => simple(seen, Light::Grey, None, Criterion::Dns, None),
        Published::Nothing => {
            let next = next(seen, None, NextKind::Publish, PolicyStep::None);
            simple(seen, Light::Red, None, Criterion::Record, Some(next))
        }
        Published::Several | Published::Unreadable => {
            let next = next(seen, None, NextKind::Repair, PolicyStep::None);
            simple(seen, Light::Red, None, Criterion::Record, Some(next))
        }
        Published::Above { step, .. } => above(seen, *step),
    }
}

/// A domain that the record of another one governs.
fn above(seen: &DomainSeen, step: PolicyStep) -> Advice {
    if let Some((back, why)) = step_back(seen, step, &Window::of(seen)) {
        let next = next(seen, None, NextKind::StepBack, back);
        let advice = simple(seen, Light::Red, Some(step), Criterion::Record, Some(next));
        return Advice { summary: why, ..advice };
    }
    let next = next(seen, None, NextKind::OwnRecord, step);
    simple(seen, Light::Amber, Some(step), Criterion::Record, Some(next))
}

/// A domain without a usable record of its own.
fn simple(
    seen: &DomainSeen,
    light: Light,
    stage: Option<PolicyStep>,
    criterion: Criterion,
    next: Option<NextRecord>,
) -> Advice {
    let text = without_record(seen);
    Advice {
        domain: seen.domain.clone(),
        light,
        stage,
        goal: goal(seen),
        summary: text.clone(),
        next,
        evidence: evidence(seen),
        blockers: vec![Blocker { criterion, stream: None, text }],
    }
}

/// How far a domain may go.
fn goal(seen: &DomainSeen) -> PolicyStep {
    let has_people = seen.streams.iter().any(|stream| stream.kind == StreamKind::Office);
    if has_people { PolicyStep::Quarantine } else { PolicyStep::Reject }
}

/// The step of a record. With `pct` under 100, receivers of RFC 7489 apply it to a part only: a rehearsal too.
#[must_use]
pub fn step_of(record: &Record) -> PolicyStep {
    PolicyStep::of(record.own(), record.is_test || record.percent.is_some_and(|percent| percent < 100))
}

fn own(seen: &DomainSeen, record: &Record) -> Advice {
    let stage = step_of(record);
    let window = Window::of(seen);
    let goal = goal(seen);
    let mut advice = Advice {
        domain: seen.domain.clone(),
        light: Light::Green,
        stage: Some(stage),
        goal,
        summary: Text::new("", ""),
        next: None,
        evidence: evidence(seen),
        blockers: Vec::new(),
    };
    if let Some((back, why)) = step_back(seen, stage, &window) {
        let next = next(seen, Some(record), NextKind::StepBack, back);
        advice.light = Light::Red;
        advice.summary = why;
        advice.next = Some(next);
        return advice;
    }
    if record.aggregate.is_empty() {
        let text = Text::new(
            format!("Het DMARC-record van {} zegt niet waar rapporten heen moeten (rua).", seen.domain),
            format!("The DMARC record of {} does not say where reports go (rua).", seen.domain),
        );
        advice.blockers.push(Blocker { criterion: Criterion::Reports, stream: None, text });
        advice.next =
            seen.report_address.is_some().then(|| next(seen, Some(record), NextKind::Repair, stage));
    }
    let Some(target) = stage.next().filter(|target| target.policy() <= goal.policy()) else {
        return at_goal(advice, seen, stage);
    };
    advice.blockers.extend(blockers(seen, stage, target, &window));
    if advice.blockers.is_empty() {
        let kind = if target.is_test() { NextKind::Rehearse } else { NextKind::StepUp };
        advice.summary = ready(seen, stage, target);
        advice.next = Some(next(seen, Some(record), kind, target));
        advice.light = Light::Amber;
        return advice;
    }
    waiting(advice, seen, stage, target, &window)
}

/// Nothing stricter is to come.
fn at_goal(mut advice: Advice, seen: &DomainSeen, stage: PolicyStep) -> Advice {
    advice.summary = both(|lang| {
        let (domain, words) = (&seen.domain, lang.pick("is beschermd", "is protected"));
        format!("{domain} {words} ({}).", stage.name(lang))
    });
    if advice.goal == PolicyStep::Quarantine {
        let blocker = no_people(seen, stage);
        advice.evidence.push(blocker.text.clone());
        if stage > PolicyStep::Quarantine {
            advice.blockers.push(blocker);
            advice.light = Light::Amber;
        }
    }
    if !advice.blockers.is_empty() {
        advice.light = Light::Amber;
    }
    advice
}

/// Something is missing: a person must act, or only time must pass.
fn waiting(
    mut advice: Advice,
    seen: &DomainSeen,
    stage: PolicyStep,
    target: PolicyStep,
    window: &Window,
) -> Advice {
    let only_time = advice
        .blockers
        .iter()
        .all(|blocker| matches!(blocker.criterion, Criterion::Days | Criterion::Reporters));
    advice.summary = both(|lang| {
        let (domain, now, then) = (&seen.domain, stage.name(lang), target.name(lang));
        match (lang, only_time) {
            (Lang::Nl, true) => {
                format!("{domain} staat op {now}; {then} kan zodra er genoeg rapporten zijn.")
            }
            (Lang::En, true) => {
                format!("{domain} is at {now}; {then} can follow once there are enough reports.")
            }
            (Lang::Nl, false) => format!("{domain} staat op {now}; voor {then} moet er nog iets gebeuren."),
            (Lang::En, false) => format!("{domain} is at {now}; before {then} something must be done."),
        }
    });
    advice.light = match (window.has_data, only_time && stage.policy() > Policy::None) {
        (false, _) if advice.next.is_none() => Light::Grey,
        (true, true) => Light::Green,
        _ => Light::Amber,
    };
    advice
}

/// The days that count.
pub(super) struct Window {
    /// The first day at this step.
    begin: i32,
    /// The first day for shares.
    from: i32,
    today: i32,
    /// First and last day with mail at this step.
    pub(super) ends: Option<(i32, i32)>,
    has_data: bool,
}

impl Window {
    pub(super) fn of(seen: &DomainSeen) -> Self {
        // The day of the change saw both policies.
        let begin = seen.since.unwrap_or(seen.today).saturating_add(1);
        let today = seen.today;
        let mut all = Series::default();
        seen.streams.iter().for_each(|stream| all.add_all(&stream.all()));
        seen.unresolved.iter().for_each(|sender| all.add_all(&sender.series));
        let ends = all.ends(begin, today);
        let from = begin.max(today.saturating_sub(WINDOW_DAYS));
        Self {
            begin,
            from,
            today,
            ends,
            has_data: seen.streams.is_empty() || all.ends(i32::MIN, today).is_some(),
        }
    }

    pub(super) fn counts(&self, series: &Series) -> Counts {
        series.between(self.from, self.today)
    }
}

/// Whether at least so many of 1,000 do; true of nothing.
pub(super) fn is_share(part: u64, of: u64, per_mille: u64) -> bool {
    u128::from(part) * 1_000 >= u128::from(of) * u128::from(per_mille)
}

/// The policy to go back to, and why.
fn step_back(seen: &DomainSeen, stage: PolicyStep, window: &Window) -> Option<(PolicyStep, Text)> {
    let back = stage.back()?;
    let from = window.begin.max(window.today.saturating_sub(BACK_DAYS - 1));
    for stream in &seen.streams {
        let counts = surely_own(stream, from, window.today);
        if counts.messages < BACK_MESSAGES_MIN {
            continue;
        }
        let is_failing = !is_share(counts.passed, counts.messages, BACK_PER_MILLE);
        let is_unsigned =
            stage.policy() == Policy::Reject && !is_share(counts.dkim, counts.messages, BACK_PER_MILLE);
        if is_failing || is_unsigned {
            let good = if is_failing { counts.passed } else { counts.dkim };
            let bad = (counts.messages.saturating_sub(good), counts.messages);
            let what = if is_failing { Lost::Failed } else { Lost::Unsigned };
            return Some((back, going_back(&stream.id, stage, bad, what)));
        }
    }
    None
}

/// What a policy harms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// Mail fails.
    Failed,
    /// Mail passes by SPF only.
    Unsigned,
}

/// The mail of a stream that is the shop's for sure. By a provider that many use, somebody else may send in the shop's
/// name; else anybody with a mailbox there could talk the shop out of its policy. Such mail counts only while all of it
/// fails.
fn surely_own(stream: &StreamSeen, from: i32, to: i32) -> Counts {
    let mut sum = Counts::default();
    for sender in &stream.senders {
        let mut counts = sender.series.between(from, to);
        if sender.is_shared && counts.passed > 0 {
            counts.messages = counts.passed;
        }
        sum += counts;
    }
    sum
}

/// Everything that keeps a domain from its next step.
fn blockers(seen: &DomainSeen, stage: PolicyStep, target: PolicyStep, window: &Window) -> Vec<Blocker> {
    let mut found = Vec::new();
    let mut block = |criterion, stream: Option<&str>, text| {
        found.push(Blocker { criterion, stream: stream.map(str::to_owned), text });
    };
    let need = if stage.is_test() { DAYS_AT_REHEARSAL_MIN } else { DAYS_AT_POLICY_MIN };
    // A domain that sends nothing has no reports to wait for.
    let have = if seen.streams.is_empty() {
        window.today.saturating_sub(window.begin).saturating_add(1).max(0)
    } else {
        window.ends.map_or(0, |(first, last)| last - first + 1)
    };
    if have < need {
        block(Criterion::Days, None, too_few_days(stage, have, need));
    }
    if let Some((_, last)) = window.ends.filter(|_| !seen.streams.is_empty())
        && window.today - last > STALE_DAYS
    {
        block(Criterion::Fresh, None, stale(last));
    }
    if seen.reporters < REPORTERS_MIN && !seen.streams.is_empty() {
        block(Criterion::Reporters, None, too_few_reporters(seen.reporters));
    }
    for stream in &seen.streams {
        let counts = window.counts(&stream.all());
        let id = Some(stream.id.as_str());
        if counts.messages == 0 {
            block(Criterion::Seen, id, unseen(stream, window.counts(&stream.forwarded).messages));
        } else if !is_share(counts.dkim, counts.messages, ALIGNED_PER_MILLE_MIN) {
            block(Criterion::Signed, id, unsigned(stream, window, counts, Criterion::Signed));
        } else if target.policy() == Policy::Reject && counts.dkim < counts.messages {
            block(Criterion::AlwaysSigned, id, unsigned(stream, window, counts, Criterion::AlwaysSigned));
        }
    }
    if let Some(text) = unexplained(seen, window) {
        block(Criterion::Explained, None, text);
    }
    if target.policy() == Policy::Reject
        && seen.streams.iter().any(|stream| stream.kind == StreamKind::Office)
    {
        let blocker = no_people(seen, stage);
        block(Criterion::NoPeople, blocker.stream.as_deref(), blocker.text);
    }
    found
}

/// Senders that nobody explained, when they are too many.
fn unexplained(seen: &DomainSeen, window: &Window) -> Option<Text> {
    let mut senders: Vec<(u64, &Text)> = seen
        .unresolved
        .iter()
        .map(|sender| (window.counts(&sender.series).messages, &sender.name))
        .filter(|(messages, _)| *messages > 0)
        .collect();
    let unknown = senders.iter().fold(0_u64, |sum, (messages, _)| sum.saturating_add(*messages));
    let own = seen
        .streams
        .iter()
        .fold(0_u64, |sum, stream| sum.saturating_add(window.counts(&stream.all()).messages));
    let all = own.saturating_add(unknown);
    if unknown == 0 || u128::from(unknown) * 1_000 <= u128::from(all) * u128::from(UNRESOLVED_PER_MILLE_MAX) {
        return None;
    }
    senders.sort_by_key(|(messages, _)| core::cmp::Reverse(*messages));
    Some(both(|lang| {
        let (count, who) = (lang.number(unknown), list(&names(&senders, lang), NAMES_MAX, lang));
        match lang {
            Lang::Nl => format!(
                "{count} berichten van afzenders die u niet heeft opgegeven: {who}. Zet ze in mail.toml, of zeg dat ze niet \
                 van u zijn."
            ),
            Lang::En => format!(
                "{count} messages of senders that you did not declare: {who}. Put them into mail.toml, or say that they are \
                 not yours."
            ),
        }
    }))
}
