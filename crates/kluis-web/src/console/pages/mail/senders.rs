//! One sender: what it is, what to do about it, and how much it sent in the shop's name.

use axum::extract::{Path, Query};
use kluis_app::{AppError, Says, SourceView, SourcesView};
use kluis_mail::advice::{ALIGNED_PER_MILLE_MIN, Series, SourceSeries};
use kluis_mail::catalogue;
use kluis_mail::report::{Category, Counts};
use kluis_model::{Lang, Operation};

use super::home::Asked;
use super::{BACK, capital, days, per_mille, periods, share, share_tone};
use crate::console::answer::{Answer, redirect};
use crate::console::mail_chart::{Bars, spark};
use crate::console::mail_view::{SenderRow, SenderStream, SenderView};
use crate::console::texts::Texts;
use crate::console::visit::{Posted, Signed};
use crate::console::words::number;

/// `GET /console/phishing/senders/{key}`
pub(crate) async fn page(Path(key): Path<String>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let days = days(&asked.days);
    let app = &signed.visit.console.state.app;
    let sources = app.mail_sources(&signed.actor, days).await;
    let sources = sources.map_err(|error| signed.fail_at(&error, BACK))?;
    let texts = signed.visit.texts();
    let Some(view) = view(&sources, &key, texts) else {
        return Err(signed.fail_at(&AppError::NotFound, BACK));
    };
    let may_disown = view.may_disown && signed.actor.grant.allows_operation(Operation::MailChange);
    let view = SenderView { periods: periods(texts, days), days: i64::from(days), may_disown, ..view };
    Ok(signed.page(&signed.frame("phishing"), &view))
}

/// `GET` of an address that takes a form.
pub(crate) async fn page_of() -> Answer {
    Ok(redirect(BACK))
}

/// `POST /console/phishing/senders`: says that a sender is not the shop's, or takes that back.
pub(crate) async fn disown(Posted { signed, form }: Posted) -> Answer {
    let ours = if form.get("ours") == "no" { Says::NotOurs } else { Says::Nothing };
    let done = signed.visit.console.state.app.mail_not_ours(&signed.actor, form.get("sender"), ours).await;
    done.map_err(|error| signed.fail_at(&error, BACK))?;
    signed.session.desk.lock().notice = Some("notice-mail-disowned");
    Ok(redirect(BACK))
}

/// A source by the name that links have for it.
fn series_of(source: &SourceView) -> SourceSeries {
    SourceSeries {
        stream: None,
        category: source.category,
        sender: source.sender.clone(),
        network: source.network.clone(),
        series: Series::default(),
    }
}

/// What the page shows; nothing when nobody of that name sent anything, unless the catalogue knows it.
fn view(sources: &SourcesView, key: &str, texts: &Texts) -> Option<SenderView> {
    let lang = texts.lang();
    let mut found: Option<SourceView> = None;
    let mut streams = Vec::new();
    let first = i32::try_from(sources.first_day).ok()?;
    let length = usize::try_from(sources.last_day - sources.first_day + 1).ok()?.min(400);
    let mut per_day = vec![Counts::default(); length];
    for stream in &sources.streams {
        for source in stream.sources.iter().filter(|source| series_of(source).id() == key) {
            streams.push(of_stream(&stream.stream, &source.counts));
            for day in &source.days {
                let place = usize::try_from(day.day - sources.first_day).ok();
                if let Some(counts) = place.and_then(|place| per_day.get_mut(place)) {
                    *counts += day.counts;
                }
            }
            match &mut found {
                Some(found) => found.counts += source.counts,
                None => found = Some(source.clone()),
            }
        }
    }
    let source = found.or_else(|| silent(key))?;
    let days: Vec<(i32, Vec<u64>)> = per_day
        .iter()
        .zip(first..)
        .map(|(counts, day)| (day, vec![counts.passed, counts.messages.saturating_sub(counts.passed)]))
        .collect();
    let names: Vec<String> = streams.iter().map(|row: &SenderStream| row.stream.clone()).collect();
    let totals: Vec<u64> = per_day.iter().map(|counts| counts.messages).collect();
    Some(SenderView {
        sender: row(key, &source, names, &totals, lang),
        periods: Vec::new(),
        days: 0,
        chart: Bars::draw("sender", &["passed", "failed"], &days),
        streams,
        advice: vec![texts.get(advice(&source))],
        may_disown: matches!(source.category, Category::Unknown | Category::Service) && !source.is_declared,
    })
}

/// A service of the catalogue that sent nothing.
fn silent(key: &str) -> Option<SourceView> {
    let is_misuse = key == Category::Misuse.word();
    let sender = catalogue::find(key);
    (is_misuse || sender.is_some()).then(|| SourceView {
        category: if is_misuse { Category::Misuse } else { Category::Service },
        sender: sender.map(|sender| sender.id.to_owned()),
        name: None,
        is_declared: true,
        network: None,
        counts: Counts::default(),
        days: Vec::new(),
    })
}

fn row(key: &str, source: &SourceView, streams: Vec<String>, totals: &[u64], lang: Lang) -> SenderRow {
    let sender = source.sender.as_deref().and_then(catalogue::find);
    SenderRow {
        key: key.to_owned(),
        name: capital(series_of(source).name().get(lang)),
        kind: sender.map(|sender| capital(sender.kind.name(lang))),
        category: source.category.word(),
        is_declared: source.is_declared,
        messages: number(source.counts.messages),
        passed_share: share(source.counts.passed, source.counts.messages, lang),
        tone: share_tone(source.counts.passed, source.counts.messages),
        streams,
        spark: spark(totals),
    }
}

fn of_stream(stream: &str, counts: &Counts) -> SenderStream {
    SenderStream {
        stream: stream.to_owned(),
        messages: number(counts.messages),
        passed: number(counts.passed),
        dkim: number(counts.dkim),
        spf: number(counts.spf),
        quarantined: number(counts.quarantined),
        rejected: number(counts.rejected),
    }
}

/// The key of what to do about a sender.
fn advice(source: &SourceView) -> &'static str {
    let counts = &source.counts;
    let is_good = counts.messages == 0 || per_mille(counts.passed, counts.messages) >= ALIGNED_PER_MILLE_MIN;
    match (source.category, source.is_declared, is_good) {
        (Category::Own, _, true) => "mail-advice-own",
        (Category::Own, _, false) => "mail-advice-own-failed",
        (Category::Service, false, _) => "mail-advice-service-undeclared",
        (Category::Service, true, true) => "mail-advice-service",
        (Category::Service, true, false) => "mail-advice-service-failed",
        (Category::Forwarder, _, _) => "mail-advice-forwarder",
        (Category::Unknown, _, _) => "mail-advice-unknown",
        (Category::Misuse, _, _) => "mail-advice-misuse",
    }
}
