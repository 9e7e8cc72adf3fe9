//! The page "Wie mailt er in uw naam?": lights, the one thing to do, who sent how much, misuse, and how well it is locked.

use axum::extract::Query;
use kluis_app::{
    AppError, MailKeyAge, MailNextAction, MailOverview, MailSenderView, MailStreamView, SeenChange, SentView,
    SourcesView,
};
use kluis_mail::advice::{Advice, Light as Signal, NextRecord, PolicyStep, SpfBudget, SpfInclude};
use kluis_mail::catalogue;
use kluis_mail::report::Category;
use kluis_mail::streams::StreamKind;
use kluis_model::{FieldKind, FieldName, Lang, Operation};
use serde::Deserialize;

use super::{
    BACK, CATEGORIES, capital, days, lookalike, periods, reconciled, sentence, share, share_tone, step_word,
    tone,
};
use crate::console::answer::{Answer, Refusal};
use crate::console::mail_chart::{Bars, spark};
use crate::console::mail_view::{
    Budget, ChangeRow, KeyRow, Light, LookalikeRow, MailView, Misuse, NextAction, PolicyCard, RecordView,
    SenderRow, StreamCard, VaultPart,
};
use crate::console::texts::Texts;
use crate::console::visit::Signed;
use crate::console::words::{Words, number};

/// Senders in the list; each has a page of its own.
const SENDERS_MAX: usize = 25;
/// Names that look like the shop's on this page; all are on their own.
const LOOKALIKES_MAX: usize = 5;
/// Changes of the DNS that are shown.
const CHANGES_MAX: usize = 8;
/// Days over which reads of e-mail addresses are counted.
const READS_DAYS: u32 = 30;

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    pub(super) days: String,
}

/// `GET /console/phishing`
pub(crate) async fn page(signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let days = days(&asked.days);
    let app = &signed.visit.console.state.app;
    let fail = |error: AppError| signed.fail(&error);
    let overview = app.mail_overview(&signed.actor, days).await.map_err(fail)?;
    let is_relayed = overview.streams.iter().any(|stream| stream.signed.is_some());
    let sources = match is_relayed {
        true => Some(app.mail_sources(&signed.actor, days).await.map_err(fail)?),
        false => None,
    };
    let quarantine = app.mail_quarantine_list(&signed.actor).await.map_err(fail)?;
    let view = MailView {
        periods: periods(signed.visit.texts(), days),
        days: i64::from(days),
        quarantine: number(quarantine.len() as u64),
        vault: vault_part(&signed).await?,
        ..view(&overview, sources.as_ref(), signed.visit.texts())
    };
    Ok(signed.page(&signed.frame("phishing"), &view))
}

/// What the page shows of an overview.
fn view(overview: &MailOverview, sources: Option<&SourcesView>, texts: &Texts) -> MailView {
    let lang = texts.lang();
    let zone = overview.domain.as_deref().unwrap_or_default();
    let stream = |stream: &MailStreamView| {
        let sent = sources.and_then(|sources| sent(sources, &stream.id));
        stream_card(stream, sent, texts)
    };
    let lookalikes: Vec<LookalikeRow> = overview.lookalikes.iter().map(|row| lookalike(row, lang)).collect();
    MailView {
        domain: overview.domain.clone(),
        light: light(overview, texts),
        next: overview.next.as_ref().map(|next| next_action(next, zone, lang)),
        if_reject: Some(overview.if_reject.text.get(lang)).filter(|text| !text.is_empty()).map(sentence),
        streams: overview.streams.iter().map(stream).collect(),
        chart: chart(overview),
        senders: overview.senders.iter().take(SENDERS_MAX).map(|sender| sender_row(sender, lang)).collect(),
        senders_more: number(overview.senders.len().saturating_sub(SENDERS_MAX) as u64),
        misuse: misuse(overview),
        budgets: overview.budgets.iter().map(budget).collect(),
        keys: overview.keys.iter().map(|key| key_row(key, lang)).collect(),
        lookalikes_total: number(lookalikes.len() as u64),
        lookalikes: lookalikes.into_iter().take(LOOKALIKES_MAX).collect(),
        policies: overview.advices.iter().map(|advice| policy(advice, lang)).collect(),
        changes: overview.changes.iter().take(CHANGES_MAX).map(|seen| change(seen, lang)).collect(),
        dns_at: overview.dns_at.map(|at| at.0),
        reporters: overview.reporters.clone(),
        ..MailView::default()
    }
}

/// The light of the whole: that of the worst stream, or of what has to be done.
fn light(overview: &MailOverview, texts: &Texts) -> Light {
    let lang = texts.lang();
    let worst = overview.streams.iter().max_by_key(|stream| stream.light);
    let next = overview.next.as_ref().map(|next| next.light);
    let all = worst.map(|stream| stream.light).max(next).unwrap_or(Signal::Grey);
    let said = |stream: &MailStreamView| {
        let name = texts.get(&format!("mail-stream-{}", kind_word(stream.kind)));
        stream.reasons.first().map(|reason| format!("{name}: {}", reason.get(lang)))
    };
    let of_stream = worst.filter(|stream| stream.light == all && all > Signal::Green).and_then(said);
    let is_strict = !overview.advices.is_empty()
        && overview.advices.iter().all(|advice| advice.stage.is_some_and(|stage| stage == advice.goal));
    let text = match all {
        Signal::Grey => texts.get("mail-light-unknown"),
        Signal::Green if is_strict => texts.get("mail-all-well"),
        Signal::Green => texts.get("mail-all-quiet"),
        Signal::Amber => of_stream.unwrap_or_else(|| texts.get("mail-all-soon")),
        Signal::Red => of_stream.unwrap_or_else(|| texts.get("mail-all-now")),
    };
    Light { tone: tone(all), text }
}

fn next_action(next: &MailNextAction, zone: &str, lang: Lang) -> NextAction {
    let record = |record: &NextRecord| {
        RecordView::new("next".into(), zone, &record.record_type, &record.name, &record.value)
    };
    NextAction {
        title: next.text.get(lang).to_owned(),
        why: next.why.iter().map(|why| why.get(lang).to_owned()).collect(),
        record: next.record.as_ref().map(record),
    }
}

fn stream_card(stream: &MailStreamView, sent: Option<SentView>, texts: &Texts) -> StreamCard {
    let lang = texts.lang();
    let mut reasons = stream.reasons.iter().map(|reason| reason.get(lang).to_owned());
    StreamCard {
        id: stream.id.clone(),
        kind: kind_word(stream.kind),
        domain: stream.from.clone(),
        light: Light { tone: tone(stream.light), text: reasons.next().unwrap_or_default() },
        messages: number(stream.counts.messages),
        signed_share: (stream.counts.messages > 0)
            .then(|| share(stream.counts.dkim, stream.counts.messages, lang)),
        reconciled: sent.map(|sent| reconciled(texts, sent.signed, sent.reported, sent.others)),
        facts: reasons.collect(),
    }
}

fn sent(sources: &SourcesView, stream: &str) -> Option<SentView> {
    sources.streams.iter().find(|of| of.stream == stream).and_then(|of| of.sent)
}

fn sender_row(sender: &MailSenderView, lang: Lang) -> SenderRow {
    let counts = &sender.counts;
    SenderRow {
        key: sender.id.clone(),
        name: capital(sender.name.get(lang)),
        kind: sender.does.as_ref().map(|does| capital(does.get(lang))),
        category: sender.category.word(),
        is_declared: sender.is_declared,
        messages: number(counts.messages),
        passed_share: share(counts.passed, counts.messages, lang),
        tone: share_tone(counts.passed, counts.messages),
        streams: sender.streams.iter().filter(|stream| !stream.is_empty()).cloned().collect(),
        spark: spark(&sender.per_day),
    }
}

/// The number of the first day of an overview's series.
fn first_day(overview: &MailOverview) -> i32 {
    let days = i64::try_from(overview.days.len()).unwrap_or(i64::MAX);
    i32::try_from(overview.at.day() - days + 1).unwrap_or(0)
}

fn chart(overview: &MailOverview) -> Option<Bars> {
    let of_day = |n: usize| {
        let mut counts = vec![0_u64; CATEGORIES.len()];
        let mut add = |category: Category, per_day: &[u64]| {
            let place = CATEGORIES.iter().position(|word| *word == category.word());
            if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                *count = count.saturating_add(per_day.get(n).copied().unwrap_or(0));
            }
        };
        overview.senders.iter().for_each(|sender| add(sender.category, &sender.per_day));
        add(Category::Misuse, &overview.misuse.per_day);
        counts
    };
    let days: Vec<(i32, Vec<u64>)> =
        (0..overview.days.len()).zip(first_day(overview)..).map(|(n, day)| (day, of_day(n))).collect();
    Bars::draw("mails", &CATEGORIES, &days)
}

fn misuse(overview: &MailOverview) -> Misuse {
    let counts = &overview.misuse.counts;
    let stopped = counts.rejected.saturating_add(counts.quarantined);
    let per_day = overview.misuse.per_day.iter().zip(first_day(overview)..);
    let days: Vec<(i32, Vec<u64>)> = per_day.map(|(count, day)| (day, vec![*count])).collect();
    Misuse {
        messages: number(counts.messages),
        rejected: number(counts.rejected),
        quarantined: number(counts.quarantined),
        delivered: number(counts.messages.saturating_sub(stopped)),
        chart: Bars::draw("fake", &[Category::Misuse.word()], &days),
    }
}

fn budget(budget: &SpfBudget) -> Budget {
    let part = |include: &SpfInclude| {
        let sender = include.sender.as_deref().and_then(catalogue::find);
        let name = sender.map_or_else(|| include.domain.clone(), |sender| sender.name.to_owned());
        (name, i64::from(include.lookups))
    };
    let parts = budget.includes.iter().map(part).collect();
    Budget {
        // An error in the record counts too.
        tone: tone(budget.light),
        is_absent: budget.records.is_empty(),
        ..Budget::new(budget.domain.clone(), i64::from(budget.lookups), i64::from(budget.lookups_max), parts)
    }
}

fn key_row(key: &MailKeyAge, lang: Lang) -> KeyRow {
    KeyRow {
        domain: key.domain.clone(),
        selector: key.selector.clone(),
        kind: key.kind.clone(),
        created: 0,
        age_days: i64::from(key.age_days),
        state: String::new(),
        tone: tone(key.light),
        advice: key.advice.get(lang).to_owned(),
        record: None,
    }
}

fn policy(advice: &Advice, lang: Lang) -> PolicyCard {
    PolicyCard {
        domain: advice.domain.clone(),
        tone: tone(advice.light),
        stage: advice.stage.map(step_word),
        summary: advice.summary.get(lang).to_owned(),
        done: match advice.stage {
            None => 0,
            Some(PolicyStep::None | PolicyStep::TestQuarantine) => 1,
            Some(PolicyStep::Quarantine | PolicyStep::TestReject) => 2,
            Some(PolicyStep::Reject) => 3,
        },
        evidence: advice.evidence.iter().map(|text| text.get(lang).to_owned()).collect(),
        blockers: advice.blockers.iter().map(|blocker| blocker.text.get(lang).to_owned()).collect(),
    }
}

fn change(seen: &SeenChange, lang: Lang) -> ChangeRow {
    ChangeRow { at: seen.at.0, tone: tone(seen.change.light), text: seen.change.text.get(lang).to_owned() }
}

fn kind_word(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::Shop => "shop",
        StreamKind::Newsletter => "newsletter",
        StreamKind::Office => "office",
    }
}

/// Who may read e-mail addresses, and how often they were read.
async fn vault_part(signed: &Signed) -> Result<VaultPart, Refusal> {
    let app = &signed.visit.console.state.app;
    let register = app.register();
    let words = Words { register: &register, texts: signed.visit.texts() };
    let is_email = |name: &FieldName| {
        register.field(name.as_str()).is_some_and(|def| def.kind == FieldKind::EmailAddress)
    };
    let mut part = VaultPart { days: i64::from(READS_DAYS), ..VaultPart::default() };
    if signed.actor.grant.allows_operation(Operation::Status) {
        let lines = app.usage(&signed.actor, READS_DAYS).await.map_err(|error| signed.fail(&error))?;
        part.reads = number(lines.iter().filter(|line| is_email(&line.field)).map(|line| line.count).sum());
    }
    if signed.actor.grant.allows_operation(Operation::CredentialRead) {
        let all = app.credentials(&signed.actor).await.map_err(|error| signed.fail_at(&error, BACK))?;
        let emails: Vec<&FieldName> =
            register.fields().map(|def| &def.name).filter(|name| is_email(name)).collect();
        let reads = |grant: &kluis_model::Grant| {
            let reads = [Operation::Read, Operation::Lookup, Operation::Search, Operation::ExportRead];
            reads.into_iter().any(|operation| grant.allows_operation(operation))
                && emails.iter().any(|name| {
                    let whole = grant.mask(name).is_none() && grant.allows_field(name);
                    whole && register.purposes_of(name).any(|purpose| grant.allows_purpose(&purpose.id))
                })
        };
        let now = app.now();
        let working = all.iter().filter(|one| one.works(now) && reads(&one.grant));
        part.readers = working.map(|one| words.credential(one, &signed.actor, now)).collect();
    }
    Ok(part)
}
