//! Names that look like the shop's: looked up on request, and what changed since the last time.

use std::collections::{BTreeMap, BTreeSet};

use kluis_mail::lookalike::{self, Candidate, Options, Seen, permute, score};
use kluis_model::audit::Operation;
use kluis_model::{Actor, Lang, Text, TimeMs};
use kluis_net::{AuditError, AuditOptions, LookalikePace, look_up_names};
use kluis_store::Unit;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::advice::MailLookalikeView;
use crate::guard::{Ask, Done};
use crate::{App, AppError};

/// Facts about names that look like the shop's, one for each domain.
const LOOKALIKE: &str = "lookalike";
/// Names that exist and are kept, the worst ones.
const KEPT_MAX: usize = 500;
/// Domains that are looked up at once by a node.
const RUNNING_MAX: usize = 2;

/// What is known about names that look like one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookalikeView {
    /// The shop's domain.
    pub domain: String,
    /// When names were looked up last.
    pub at: TimeMs,
    /// Names that were made.
    pub total: u64,
    /// Names that were looked up, from the first one on.
    pub tried: u64,
    /// Those that exist, the worst first, at most 500.
    pub found: Vec<LookalikeFound>,
    /// Names that were not there the time before.
    pub new: BTreeSet<String>,
    /// Names that were there the time before and are not any more.
    pub gone: BTreeSet<String>,
}

/// A name that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookalikeFound {
    /// The name and how it was made.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// What the DNS says about it.
    pub seen: Seen,
    /// 1 to 100.
    pub points: u8,
    /// Why, the weightiest first.
    pub reasons: Vec<Text>,
    /// When it was seen first.
    pub since: TimeMs,
}

/// A look that goes on at this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookalikeProgress {
    /// Names looked up so far.
    pub done: u64,
    /// Names to look up.
    pub total: u64,
    /// Why it stopped, when it did.
    pub problem: Option<Text>,
}

/// Looks of this process, by domain.
#[derive(Default)]
pub(crate) struct LookalikeDesk {
    running: Mutex<BTreeMap<String, LookalikeProgress>>,
}

/// Takes a look out of those that go on, however it ends.
struct Running<'a> {
    desk: &'a LookalikeDesk,
    domain: String,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = self.desk.running.lock();
        // One that failed stays until the next, so that people see why.
        if running.get(&self.domain).is_some_and(|progress| progress.problem.is_none()) {
            running.remove(&self.domain);
        }
    }
}

impl LookalikeDesk {
    fn enter(&self, domain: &str, total: u64) -> Result<Running<'_>, AppError> {
        let mut running = self.running.lock();
        running.retain(|known, progress| progress.problem.is_none() || known != domain);
        let busy = running.values().filter(|progress| progress.problem.is_none()).count();
        if running.contains_key(domain) || busy >= RUNNING_MAX {
            return Err(AppError::invalid(
                "domain",
                "Er wordt al gezocht; wacht tot dat klaar is.",
                "Names are being looked up already; wait until that is done.",
            ));
        }
        running.insert(domain.to_owned(), LookalikeProgress { done: 0, total, problem: None });
        Ok(Running { desk: self, domain: domain.to_owned() })
    }

    fn step(&self, domain: &str) {
        if let Some(progress) = self.running.lock().get_mut(domain) {
            progress.done += 1;
        }
    }

    fn fail(&self, domain: &str, problem: Text) {
        if let Some(progress) = self.running.lock().get_mut(domain) {
            progress.problem = Some(problem);
        }
    }
}

impl App {
    /// Looks names up that resemble a domain of the shop, puts what exists on record and says what changed. It takes as
    /// long as the pace says: 2,000 names at 20 questions a second take under two minutes and more for those that exist.
    ///
    /// # Errors
    /// Denied, `Invalid` for a domain that is none or while a look goes on, and when the DNS does not answer.
    pub async fn lookalike_scan(
        &self,
        actor: &Actor,
        domain: &str,
        pace: LookalikePace,
    ) -> Result<LookalikeView, AppError> {
        let ask = Ask::new(Operation::MailChange);
        self.allow(actor, &ask).await?;
        let domain = registered(domain)?;
        let candidates = permute(&domain, &Options::default());
        let first = pace.from.min(candidates.len());
        let end = first.saturating_add(pace.names_max).min(candidates.len());
        let _running = self.inner.mail.lookalikes.enter(&domain, (end - first) as u64)?;
        let options: AuditOptions = self.mail_settings().dns.clone();
        let mut seen: Vec<(Candidate, Seen)> = Vec::new();
        let mut on_seen = |candidate: &Candidate, one: Seen| {
            self.inner.mail.lookalikes.step(&domain);
            if one.is_there || !one.is_whole {
                seen.push((candidate.clone(), one));
            }
        };
        let looked = look_up_names(&candidates, &domain, &options, pace, &mut on_seen).await;
        let stopped = |error: &AuditError| {
            let text = Text::new(error.message(Lang::Nl), error.message(Lang::En));
            self.inner.mail.lookalikes.fail(&domain, text.clone());
            AppError::invalid("dns", &text.nl, &text.en)
        };
        let looked = looked.map_err(|error| stopped(&error))?;
        if let Some(error) = &looked.stopped {
            let error = stopped(error);
            // What was answered before is kept.
            if looked.next <= first {
                return Err(error);
            }
        }
        let tried: BTreeSet<&str> =
            candidates[first..looked.next].iter().map(|candidate| candidate.domain.as_str()).collect();
        let before = self.fact::<LookalikeView>(LOOKALIKE, &domain).await?;
        let (old, version) = before.map_or((None, 0), |fact| (Some(fact.value), fact.version));
        let mut view = merged(&domain, old, seen, &tried, self.now());
        view.total = candidates.len() as u64;
        view.tried = view.tried.max(looked.next as u64);
        let mut unit = Unit::new();
        self.put_fact(&mut unit, (LOOKALIKE, &domain), &view, version)?;
        let done = Done { count: looked.names as u64, reason: Some("lookalikes"), ..Done::default() };
        self.add_ok(&mut unit, actor, &ask, &done);
        self.store().commit(unit).await?;
        Ok(view)
    }

    /// Begins a look in the background; [`App::lookalikes_running`] follows it.
    ///
    /// # Errors
    /// Denied, or `Invalid` for a domain that is none or while a look goes on.
    pub async fn lookalike_start(
        &self,
        actor: &Actor,
        domain: &str,
        pace: LookalikePace,
    ) -> Result<(), AppError> {
        self.allow(actor, &Ask::new(Operation::MailChange)).await?;
        let domain = registered(domain)?;
        // Whether there is room is known at once; the look itself takes it again.
        drop(self.inner.mail.lookalikes.enter(&domain, 0)?);
        let (app, actor) = (self.clone(), actor.clone());
        tokio::spawn(async move {
            if let Err(error) = app.lookalike_scan(&actor, &domain, pace).await {
                tracing::warn!(%error, "names that look like the shop's could not be looked up");
            }
        });
        Ok(())
    }

    /// What is known about names that look like the shop's domains.
    ///
    /// # Errors
    /// Denied, or `Integrity`.
    pub async fn lookalikes(&self, actor: &Actor) -> Result<Vec<LookalikeView>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        self.lookalike_facts().await
    }

    /// Looks that go on at this node, or failed since it started, by domain.
    ///
    /// # Errors
    /// Denied.
    pub async fn lookalikes_running(
        &self,
        actor: &Actor,
    ) -> Result<BTreeMap<String, LookalikeProgress>, AppError> {
        self.allow(actor, &Ask::new(Operation::MailRead)).await?;
        Ok(self.inner.mail.lookalikes.running.lock().clone())
    }

    async fn lookalike_facts(&self) -> Result<Vec<LookalikeView>, AppError> {
        Ok(self.facts::<LookalikeView>(LOOKALIKE).await?.into_iter().map(|fact| fact.value).collect())
    }

    /// All names that exist, the worst first, for the overview.
    pub(super) async fn mail_lookalikes_seen(&self) -> Result<Vec<MailLookalikeView>, AppError> {
        let views = self.lookalike_facts().await?;
        let mut rows: Vec<MailLookalikeView> = Vec::new();
        for view in views {
            rows.extend(view.found.iter().map(|found| MailLookalikeView {
                domain: found.candidate.domain.clone(),
                unicode: found.candidate.unicode.clone(),
                points: found.points,
                reasons: found.reasons.clone(),
                is_new: view.new.contains(&found.candidate.domain),
            }));
        }
        rows.sort_by(|one, other| other.points.cmp(&one.points).then_with(|| one.domain.cmp(&other.domain)));
        Ok(rows)
    }
}

/// The shop's registered domain.
fn registered(domain: &str) -> Result<String, AppError> {
    lookalike::registered(domain).ok_or_else(|| {
        AppError::invalid("domain", "Geef een domein zoals winkel.nl.", "Give a domain such as shop.nl.")
    })
}

/// What is known after a look: what was seen now, and of names that were not tried or not answered what was known.
fn merged(
    domain: &str,
    old: Option<LookalikeView>,
    seen: Vec<(Candidate, Seen)>,
    tried: &BTreeSet<&str>,
    now: TimeMs,
) -> LookalikeView {
    let is_first = old.is_none();
    let known: BTreeMap<String, LookalikeFound> = old
        .iter()
        .flat_map(|view| &view.found)
        .map(|found| (found.candidate.domain.clone(), found.clone()))
        .collect();
    let mut found: BTreeMap<String, LookalikeFound> = BTreeMap::new();
    let mut unanswered: BTreeSet<String> = BTreeSet::new();
    for (candidate, seen) in seen {
        if !seen.is_there {
            unanswered.insert(candidate.domain);
            continue;
        }
        let judged = score(&candidate, &seen);
        let since = known.get(&candidate.domain).map_or(now, |found| found.since);
        let name = candidate.domain.clone();
        let (points, reasons) = (judged.points, judged.reasons);
        found.insert(name, LookalikeFound { candidate, seen, points, reasons, since });
    }
    for (name, before) in &known {
        if !tried.contains(name.as_str()) || unanswered.contains(name) {
            found.entry(name.clone()).or_insert_with(|| before.clone());
        }
    }
    // Of the first look nothing is news, and names that nobody tried before are none either.
    let reached = old.as_ref().map_or(0, |view| view.tried);
    let is_news = |name: &String| !is_first && !known.contains_key(name);
    let new = found.keys().filter(|name| is_news(name)).cloned().collect();
    let gone = known.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    let mut found: Vec<LookalikeFound> = found.into_values().collect();
    found.sort_by(|one, other| {
        other.points.cmp(&one.points).then_with(|| one.candidate.domain.cmp(&other.candidate.domain))
    });
    found.truncate(KEPT_MAX);
    LookalikeView { domain: domain.to_owned(), at: now, total: 0, tried: reached, found, new, gone }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use kluis_mail::lookalike::MxSeen;

    use super::*;

    fn candidate(name: &str) -> Candidate {
        let all = permute("winkel.example", &Options::default());
        all.into_iter().find(|candidate| candidate.domain == name).unwrap()
    }

    fn there(mx: MxSeen) -> Seen {
        Seen { is_there: true, is_whole: true, mx, ..Seen::default() }
    }

    #[test]
    fn a_look_tells_what_is_new_and_what_is_gone() {
        let tried: BTreeSet<&str> = ["winkel.com", "winkel.be", "winkel.nl"].into();
        let seen = vec![
            (candidate("winkel.com"), there(MxSeen::Present)),
            (candidate("winkel.be"), there(MxSeen::Absent)),
        ];
        let first = merged("winkel.example", None, seen, &tried, TimeMs(1));
        assert!(first.new.is_empty() && first.gone.is_empty());
        assert_eq!(first.found[0].candidate.domain, "winkel.com", "the one that takes mail is worse");

        // `com` is gone, `be` gives no answer, `nl` is new, and what was not tried stays.
        let silent = Seen::default();
        let seen = vec![(candidate("winkel.be"), silent), (candidate("winkel.nl"), there(MxSeen::Present))];
        let second = merged("winkel.example", Some(first.clone()), seen, &tried, TimeMs(2));
        let names: BTreeSet<&str> =
            second.found.iter().map(|found| found.candidate.domain.as_str()).collect();
        assert_eq!(names, ["winkel.be", "winkel.nl"].into());
        assert_eq!(
            (second.new, second.gone),
            (["winkel.nl".to_owned()].into(), ["winkel.com".to_owned()].into())
        );
        assert_eq!(second.found.iter().map(|found| found.since.0).collect::<Vec<_>>(), [2, 1]);

        let untried = merged("winkel.example", Some(first.clone()), Vec::new(), &BTreeSet::new(), TimeMs(3));
        assert_eq!((untried.found, untried.gone), (first.found, BTreeSet::new()));
        let json = serde_json::to_string(&second.found).unwrap();
        assert_eq!(serde_json::from_str::<Vec<LookalikeFound>>(&json).unwrap(), second.found);
    }

    #[test]
    fn one_look_at_a_domain_at_a_time_and_a_failure_is_shown_until_the_next() {
        let desk = LookalikeDesk::default();
        let running = desk.enter("a.example", 10).unwrap();
        assert!(desk.enter("a.example", 10).is_err());
        desk.step("a.example");
        assert_eq!(desk.running.lock()["a.example"].done, 1);
        let other = desk.enter("b.example", 1).unwrap();
        assert!(desk.enter("c.example", 1).is_err(), "two at once");
        drop(running);
        desk.fail("b.example", Text::new("x", "x"));
        drop(other);
        assert_eq!(desk.running.lock().len(), 1);
        drop(desk.enter("b.example", 1).unwrap());
        assert!(desk.running.lock().is_empty());
    }
}
