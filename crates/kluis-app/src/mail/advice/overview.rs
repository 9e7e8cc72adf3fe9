//! The page: streams with their lights, senders over time, misuse, budgets, keys, and the one thing to do next.

use std::collections::BTreeMap;

use kluis_mail::advice::{
    Advice, Digest, DomainDns, Due, Light, NextKind, SourceSeries, SpfBudget, digest, impact, sentence,
    stream_light, streams_seen,
};
use kluis_mail::catalogue;
use kluis_mail::report::{Category, Counts};
use kluis_mail::streams::{KeyUse, MailSetup};
use kluis_model::audit::Operation;
use kluis_model::{Actor, Text, TimeMs};

use super::day::others;
use super::look::is_in_use;
use super::{
    ADVICE_DAYS, DIGEST, Known, MailDigestView, MailIfReject, MailKeyAge, MailMisuseView, MailNextAction,
    MailOverview, MailSenderView, MailStreamView, PolicyFact, SeenChange, advices, day, series,
};
use crate::guard::Ask;
use crate::mail::keys::{MailKeyState, MailKeyTodo, MailKeyView};
use crate::mail::reports::SourcesView;
use crate::{App, AppError};

/// Days that the page shows at most.
const DAYS_MAX: u32 = 400;
/// Senders on the page.
const SENDERS_MAX: usize = 200;
/// Changes on the page.
const CHANGES_MAX: usize = 50;
const DAY_MS: i64 = 86_400_000;

impl App {
    /// Everything that the page shows, over 1 to 400 days, by the last look at the DNS.
    ///
    /// # Errors
    /// Denied, or `Integrity` when somebody changed what is stored.
    pub async fn mail_overview(&self, actor: &Actor, days: u32) -> Result<MailOverview, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        let days = days.clamp(1, DAYS_MAX);
        let sources = self.mail_sources(actor, days.max(ADVICE_DAYS)).await?;
        let keys = self.mail_keys(actor).await?;
        let last_digest = self.fact::<MailDigestView>(DIGEST, day::LAST).await?.map(|fact| fact.value);
        let today = i32::try_from(self.now().day()).unwrap_or(0);
        let span = Span { first: today - i32::try_from(days).unwrap_or(1) + 1, last: today };
        let Some(known) = self.mail_known().await? else {
            return Ok(self.undeclared(&sources, &keys, &span));
        };
        let dns = stored_dns(&known);
        let policies: BTreeMap<String, PolicyFact> =
            known.policies.iter().map(|(domain, fact)| (domain.clone(), fact.value.clone())).collect();
        let advices = advices(&known, &dns, &policies, &sources);
        let changes = changes(&known);
        let recent = day::open_changes(&changes, self.now());
        let lookalikes = self.mail_lookalikes_seen().await?;
        let due = Due {
            advices: &advices,
            changes: &recent,
            budgets: &budgets(&dns),
            gone: &gone(&known.setup, &dns, &keys),
            others: others(&keys, self.mail_quarantine_list(actor).await?.len(), &lookalikes),
        };
        let next = next(&advices, digest(&due).as_ref());
        let all = series(&sources);
        Ok(MailOverview {
            at: self.now(),
            domain: Some(known.setup.domain.clone()),
            days: span.dates(),
            streams: streams_in(&known, &dns, &keys, &sources, &span),
            senders: senders(&all, Some(&known.setup), &span),
            misuse: misuse(&all, &span),
            reporters: reporters(&sources),
            if_reject: if_reject(&all, &known.setup, &span),
            budgets: budgets(&dns),
            keys: keys.iter().map(key_age).collect(),
            lookalikes,
            dns_at: known.dns.values().map(|fact| fact.updated).max(),
            changes,
            digest: last_digest.filter(|digest| !digest.items.is_empty()),
            next,
            advices,
        })
    }

    /// The page while no streams are declared: who mails is shown all the same.
    fn undeclared(&self, sources: &SourcesView, keys: &[MailKeyView], span: &Span) -> MailOverview {
        let all = series(sources);
        MailOverview {
            at: self.now(),
            domain: None,
            days: span.dates(),
            streams: Vec::new(),
            senders: senders(&all, None, span),
            misuse: misuse(&all, span),
            reporters: reporters(sources),
            advices: Vec::new(),
            next: Some(MailNextAction {
                light: Light::Amber,
                text: Text::new(
                    "Geef op wie er voor u mailt: klantkluis mail plan.",
                    "Declare who mails for you: klantkluis mail plan.",
                ),
                why: vec![Text::new(
                    "Zonder die lijst is niet te zeggen welke afzenders de uwe zijn.",
                    "Without that list nobody can say which senders are yours.",
                )],
                record: None,
            }),
            if_reject: MailIfReject { text: Text::new("", ""), lines: Vec::new() },
            budgets: Vec::new(),
            keys: keys.iter().map(key_age).collect(),
            lookalikes: Vec::new(),
            changes: Vec::new(),
            dns_at: None,
            digest: None,
        }
    }
}

/// The days of a page.
pub(super) struct Span {
    pub(super) first: i32,
    pub(super) last: i32,
}

impl Span {
    fn dates(&self) -> Vec<String> {
        (self.first..=self.last).map(|day| TimeMs(i64::from(day) * DAY_MS).date()).collect()
    }

    fn counts(&self, source: &SourceSeries) -> Counts {
        source.series.between(self.first, self.last)
    }

    fn add(&self, to: &mut [u64], source: &SourceSeries) {
        for (day, counts) in source.series.days() {
            let at = usize::try_from(day - self.first).ok();
            if let Some(place) = at.and_then(|at| to.get_mut(at)) {
                *place = place.saturating_add(counts.messages);
            }
        }
    }

    fn empty(&self) -> Vec<u64> {
        vec![0; usize::try_from(self.last - self.first + 1).unwrap_or(0)]
    }
}

pub(super) fn stored_dns(known: &Known) -> BTreeMap<String, DomainDns> {
    known.dns.iter().map(|(domain, fact)| (domain.clone(), fact.value.dns.clone())).collect()
}

pub(super) fn budgets(dns: &BTreeMap<String, DomainDns>) -> Vec<SpfBudget> {
    let mut budgets: Vec<SpfBudget> = dns.values().filter_map(|dns| dns.budget.clone()).collect();
    budgets.sort_by(|a, b| b.lookups.cmp(&a.lookups).then_with(|| a.domain.cmp(&b.domain)));
    budgets
}

/// Keys that streams or the vault use and that are not in the DNS.
pub(super) fn gone(
    setup: &MailSetup,
    dns: &BTreeMap<String, DomainDns>,
    keys: &[MailKeyView],
) -> Vec<KeyUse> {
    let of_streams = setup.streams.iter().flat_map(|stream| stream.keys.iter().cloned());
    let of_vault = keys
        .iter()
        .filter(|key| is_in_use(key))
        .map(|key| KeyUse { domain: key.domain.clone(), selector: key.selector.clone() });
    let is_gone = |key: &KeyUse| {
        dns.get(&key.domain).is_some_and(|dns| dns.gone().any(|selector| selector == key.selector))
    };
    let mut found: Vec<KeyUse> = Vec::new();
    for key in of_streams.chain(of_vault).filter(is_gone) {
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found
}

/// The streams over the last 30 days, for advice.
pub(super) fn streams(
    known: &Known,
    dns: &BTreeMap<String, DomainDns>,
    keys: &[MailKeyView],
    sources: &SourcesView,
    today: i32,
) -> Vec<MailStreamView> {
    streams_in(known, dns, keys, sources, &Span { first: today - 29, last: today })
}

fn streams_in(
    known: &Known,
    dns: &BTreeMap<String, DomainDns>,
    keys: &[MailKeyView],
    sources: &SourcesView,
    span: &Span,
) -> Vec<MailStreamView> {
    let all = series(sources);
    let seen = streams_seen(&known.setup, &all);
    let missing = gone(&known.setup, dns, keys);
    let one = |(declared, seen): (&kluis_mail::streams::MailStream, &kluis_mail::advice::StreamSeen)| {
        // A key of a stream, or one of the vault for its From domain.
        let is_its = |key: &KeyUse| {
            declared.keys.contains(key) || (declared.is_relayed && key.domain == declared.from)
        };
        let its: Vec<KeyUse> = missing.iter().filter(|key| is_its(key)).cloned().collect();
        let is_covered = dns.get(&declared.from).and_then(|dns| dns.is_covered());
        let light = stream_light(seen, known.today, &its, is_covered);
        let own = seen.all();
        let counts = own.between(span.first, span.last);
        let mut per_day = span.empty();
        let source = SourceSeries {
            stream: Some(declared.id.clone()),
            category: Category::Own,
            sender: None,
            network: None,
            series: own,
        };
        span.add(&mut per_day, &source);
        let of_stream = sources.streams.iter().find(|stream| stream.stream == declared.id);
        let share = u128::from(counts.dkim) * 1_000;
        let share = share.checked_div(u128::from(counts.messages));
        MailStreamView {
            id: declared.id.clone(),
            kind: declared.kind,
            from: declared.from.clone(),
            light: light.light,
            reasons: light.reasons,
            counts,
            dkim_per_mille: share.map(|share| u32::try_from(share).unwrap_or(1_000).min(1_000)),
            per_day,
            signed: of_stream
                .filter(|_| declared.is_relayed)
                .map(|stream| stream.sent.map_or(0, |sent| sent.signed)),
        }
    };
    known.setup.streams.iter().zip(&seen).map(one).collect()
}

fn senders(all: &[SourceSeries], setup: Option<&MailSetup>, span: &Span) -> Vec<MailSenderView> {
    let mut found: BTreeMap<String, MailSenderView> = BTreeMap::new();
    for source in all.iter().filter(|source| source.category != Category::Misuse) {
        let counts = span.counts(source);
        if counts.messages == 0 {
            continue;
        }
        let id = source.id();
        let does = source.sender.as_deref().and_then(catalogue::find).map(|sender| {
            Text::new(sender.kind.name(kluis_model::Lang::Nl), sender.kind.name(kluis_model::Lang::En))
        });
        let view = found.entry(id.clone()).or_insert_with(|| MailSenderView {
            id,
            name: source.name(),
            category: source.category,
            does,
            is_declared: setup.is_some_and(|setup| source.is_declared(setup)),
            streams: Vec::new(),
            counts: Counts::default(),
            per_day: span.empty(),
        });
        view.counts += counts;
        span.add(&mut view.per_day, source);
        view.streams.extend(source.stream.clone().filter(|stream| !view.streams.contains(stream)));
    }
    let mut found: Vec<MailSenderView> = found.into_values().collect();
    found.sort_by_key(|view| std::cmp::Reverse(view.counts.messages));
    found.truncate(SENDERS_MAX);
    found
}

fn misuse(all: &[SourceSeries], span: &Span) -> MailMisuseView {
    let mut view = MailMisuseView { counts: Counts::default(), per_day: span.empty() };
    for source in all.iter().filter(|source| source.category == Category::Misuse) {
        view.counts += span.counts(source);
        span.add(&mut view.per_day, source);
    }
    view
}

fn reporters(sources: &SourcesView) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for reporter in &sources.reporters {
        if !names.iter().any(|name| name.eq_ignore_ascii_case(&reporter.org)) {
            names.push(reporter.org.clone());
        }
    }
    names
}

fn if_reject(all: &[SourceSeries], setup: &MailSetup, span: &Span) -> MailIfReject {
    let mut sum = impact();
    all.iter().for_each(|source| sum.add_source(source, span.first, span.last));
    let lines = sum.lines(setup);
    MailIfReject { text: sentence(&lines, setup), lines }
}

fn changes(known: &Known) -> Vec<SeenChange> {
    let mut all: Vec<SeenChange> =
        known.dns.values().flat_map(|fact| fact.value.changes.iter().cloned()).collect();
    all.sort_by_key(|seen| std::cmp::Reverse(seen.at));
    all.truncate(CHANGES_MAX);
    all
}

/// What to do first: the most pressing point of the digest, else a record of its own for a domain.
fn next(advices: &[Advice], digest: Option<&Digest>) -> Option<MailNextAction> {
    if let Some(item) = digest.and_then(|digest| digest.items.first()) {
        let of_advice = item
            .record
            .as_ref()
            .and_then(|record| advices.iter().find(|advice| advice.next.as_ref() == Some(record)));
        let mut why = vec![item.text.clone()];
        why.extend(of_advice.iter().flat_map(|advice| advice.evidence.iter().cloned()));
        let text = item.todo.clone().unwrap_or_else(|| item.text.clone());
        why.retain(|reason| *reason != text);
        return Some(MailNextAction { light: item.light, text, why, record: item.record.clone() });
    }
    let advice = advices
        .iter()
        .find(|advice| advice.next.as_ref().is_some_and(|next| next.kind == NextKind::OwnRecord))?;
    let record = advice.next.clone()?;
    let why = vec![advice.summary.clone()];
    Some(MailNextAction { light: Light::Amber, text: record.text.clone(), why, record: Some(record) })
}

fn key_age(key: &MailKeyView) -> MailKeyAge {
    let light = match (&key.todo, key.state) {
        (MailKeyTodo::Restore { .. }, _) => Light::Red,
        (MailKeyTodo::Publish { .. } | MailKeyTodo::Remove { .. } | MailKeyTodo::Rotate, _) => Light::Amber,
        (_, MailKeyState::Signing) => Light::Green,
        _ => Light::Grey,
    };
    MailKeyAge {
        domain: key.domain.clone(),
        selector: key.selector.clone(),
        kind: key.algorithm.word().to_owned(),
        age_days: key.age_days,
        light,
        advice: key.advice.clone(),
    }
}
