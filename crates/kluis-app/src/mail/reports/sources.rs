//! Who mails in the shop's name: sources by stream and day, who reported, and how that fits what our own relay sent.

use std::collections::BTreeMap;

use kluis_mail::catalogue;
use kluis_mail::report::{Category, Counts, provider_of_reporter};
use kluis_model::{Actor, Operation};
use kluis_store::MailSourceRow;

use super::stored::Naming;
use super::views::{
    ByDay, DayCounts, ReceiverView, ReportHead, ReportKind, ReporterView, SentView, SourceKey, SourceView,
    SourcesView, StreamSources, TlsSessions,
};
use crate::guard::Ask;
use crate::{App, AppError};

/// Sums by day and source that are read at most.
const SUMS_MAX: u32 = 200_000;
/// Sources that are listed of one stream.
const SOURCES_MAX: usize = 500;
/// Reporters that are listed.
const REPORTERS_MAX: u32 = 200;
/// TLS reports that are summed up.
const TLS_MAX: u32 = 20_000;
/// What the relay counts when it takes a message on.
const ACCEPTED: &str = "accepted";

impl App {
    /// Who mailed in the shop's name in the last so many days (at most 25,000), today included.
    ///
    /// Anybody can send reports, so this is what receivers and whoever claims to be one say; what the relay sent is
    /// beside it. No address and no row is shown, so reading it is not put on record.
    ///
    /// # Errors
    /// Denied, `Sealed`, or when the database does not answer.
    pub async fn mail_sources(&self, actor: &Actor, days: u32) -> Result<SourcesView, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        self.keys(actor.shop)?;
        let (shop, store) = (actor.shop, self.store());
        let (first_day, last_day) = (self.first_day(days), self.now().day());
        let since_s = first_day.saturating_mul(86_400);
        let naming = Naming::of(&self.mail_settings());
        let sums = store.sum_mail_sources(shop, (first_day, last_day), SUMS_MAX).await?;
        let mut is_cut = sums.len() >= SUMS_MAX as usize;
        let mut streams = Streams::new(&naming);
        sums.into_iter().try_for_each(|sum| streams.add(sum))?;
        for sent in store.mail_sent(shop, first_day, last_day).await? {
            if sent.outcome == ACCEPTED {
                streams.sent(&sent.stream, sent.receiver, sent.messages);
            }
        }
        if streams.has_sent() {
            for seen in store.sum_mail_reported(shop, (first_day, last_day), SUMS_MAX).await? {
                if let Some(provider) = provider_of_reporter(&seen.org) {
                    streams.reported(&seen.stream, category(&seen.category)?, provider, seen.messages);
                }
            }
        }
        let reporters = store.mail_reporters(shop, since_s, REPORTERS_MAX).await?;
        let mut tls = TlsSessions::default();
        for head in store.mail_tls_heads(shop, since_s, TLS_MAX).await? {
            let head: ReportHead =
                serde_json::from_str(&head).map_err(|_| AppError::integrity("mail_report head"))?;
            let sessions = head.tls.unwrap_or_default();
            tls.reports += 1;
            tls.successes = tls.successes.saturating_add(sessions.successes);
            tls.failures = tls.failures.saturating_add(sessions.failures);
        }
        let reports = store.count_mail_reports(shop, ReportKind::Dmarc.word(), since_s).await?;
        let streams = streams.finish(&naming, &mut is_cut);
        Ok(SourcesView {
            first_day,
            last_day,
            reports,
            streams,
            reporters: reporters.into_iter().map(reporter).collect(),
            tls,
            is_cut,
        })
    }
}

fn reporter(row: kluis_store::MailReporterRow) -> ReporterView {
    ReporterView {
        org: row.org,
        domain: row.domain,
        reports: row.reports,
        messages: row.messages,
        last_s: row.last_s,
    }
}

/// Sums by stream while they are made.
#[derive(Default)]
struct Streams {
    /// By place: the declared ones in their order, then others by name, the empty name last.
    streams: BTreeMap<(usize, bool, String), Sums>,
    order: Vec<String>,
}

#[derive(Default)]
struct Sums {
    sources: BTreeMap<SourceKey, ByDay>,
    /// By mailbox provider: what was sent there, and what it reported.
    receivers: BTreeMap<String, (u64, Option<u64>)>,
}

impl Streams {
    fn new(naming: &Naming) -> Self {
        let order: Vec<String> = naming.streams().map(str::to_owned).collect();
        let mut streams = Self { streams: BTreeMap::new(), order };
        // A declared stream without mail is told too.
        for id in streams.order.clone() {
            streams.of(&id);
        }
        streams
    }

    fn of(&mut self, stream: &str) -> &mut Sums {
        let place = self.order.iter().position(|id| id == stream).unwrap_or(usize::MAX);
        self.streams.entry((place, stream.is_empty(), stream.to_owned())).or_default()
    }

    fn add(&mut self, row: MailSourceRow) -> Result<(), AppError> {
        let category = category(&row.category)?;
        let counts = counts(&row);
        let some = |text: String| (!text.is_empty()).then_some(text);
        let days = self.of(&row.stream).sources.entry((category, some(row.sender), some(row.network)));
        *days.or_default().entry(row.day).or_default() += counts;
        Ok(())
    }

    fn sent(&mut self, stream: &str, receiver: String, messages: u64) {
        let (signed, _) = self.of(stream).receivers.entry(receiver).or_default();
        *signed = signed.saturating_add(messages);
    }

    fn has_sent(&self) -> bool {
        self.streams.values().any(|sums| !sums.receivers.is_empty())
    }

    /// What a provider saw; a provider that reports and saw nothing of ours counts as zero.
    fn reported(&mut self, stream: &str, category: Category, provider: &str, messages: u64) {
        let Some((_, reported)) = self.of(stream).receivers.get_mut(provider) else { return };
        let ours = if is_ours(category) { messages } else { 0 };
        *reported = Some(reported.unwrap_or(0).saturating_add(ours));
    }

    fn finish(self, naming: &Naming, is_cut: &mut bool) -> Vec<StreamSources> {
        let streams = self.streams.into_iter();
        streams.map(|((_, _, id), sums)| sums.finish(id, naming, is_cut)).collect()
    }
}

impl Sums {
    fn finish(self, stream: String, naming: &Naming, is_cut: &mut bool) -> StreamSources {
        let (mut total, mut total_days) = (Counts::default(), ByDay::new());
        let (mut ours, mut others) = (0_u64, 0_u64);
        let mut sources = Vec::with_capacity(self.sources.len());
        for ((category, sender, network), days) in self.sources {
            let mut counts = Counts::default();
            for (day, of_day) in &days {
                counts += *of_day;
                *total_days.entry(*day).or_default() += *of_day;
            }
            total += counts;
            let side = if is_ours(category) { &mut ours } else { &mut others };
            *side = side.saturating_add(counts.messages);
            let known = sender.as_deref().and_then(catalogue::find);
            sources.push(SourceView {
                category,
                is_declared: sender.as_deref().is_some_and(|id| naming.is_declared(id)),
                name: known.map(|known| known.name.to_owned()),
                sender,
                network,
                counts,
                days: day_counts(days),
            });
        }
        sources.sort_by_key(|source| std::cmp::Reverse(source.counts.messages));
        *is_cut |= sources.len() > SOURCES_MAX;
        sources.truncate(SOURCES_MAX);
        let signed = self.receivers.values().fold(0_u64, |sum, (signed, _)| sum.saturating_add(*signed));
        let sent = (!self.receivers.is_empty()).then(|| SentView {
            signed,
            reported: ours,
            difference: i64::try_from(signed)
                .unwrap_or(i64::MAX)
                .saturating_sub(i64::try_from(ours).unwrap_or(i64::MAX)),
            others,
        });
        let receiver = |(receiver, (signed, reported))| ReceiverView { receiver, signed, reported };
        let mut receivers: Vec<ReceiverView> = self.receivers.into_iter().map(receiver).collect();
        receivers.sort_by_key(|receiver| std::cmp::Reverse(receiver.signed));
        StreamSources { stream, counts: total, days: day_counts(total_days), sources, sent, receivers }
    }
}

/// Whether it was our own mail. What a forwarder passes on carries our signature: it was ours.
fn is_ours(category: Category) -> bool {
    matches!(category, Category::Own | Category::Forwarder)
}

fn day_counts(days: ByDay) -> Vec<DayCounts> {
    days.into_iter().map(|(day, counts)| DayCounts { day, counts }).collect()
}

fn category(word: &str) -> Result<Category, AppError> {
    const ALL: [Category; 5] =
        [Category::Own, Category::Service, Category::Forwarder, Category::Unknown, Category::Misuse];
    let found = ALL.into_iter().find(|category| category.word() == word);
    found.ok_or_else(|| AppError::integrity("mail_source category"))
}

fn counts(row: &MailSourceRow) -> Counts {
    Counts {
        messages: row.messages,
        passed: row.passed,
        dkim: row.dkim,
        spf: row.spf,
        quarantined: row.quarantined,
        rejected: row.rejected,
        overridden: row.overridden,
    }
}
