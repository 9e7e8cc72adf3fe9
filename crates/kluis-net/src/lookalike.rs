//! Looks names that resemble the shop's up in the DNS: only when asked to, slowly, the most dangerous first, and so that
//! it can go on later where it stopped.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use kluis_mail::dns::{Answer, Question};
use kluis_mail::lookalike::{Candidate, Seen, name_servers, see};
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::dns::Dns;
use crate::error::AuditError;
use crate::options::AuditOptions;

/// Questions a second that may be asked at most.
pub const PER_SECOND_MAX: u32 = 200;
/// Names that share one connection to the name servers.
const CHUNK: usize = 100;
/// Questions about one name at most.
const QUESTIONS_OF_ONE: u32 = 8;
/// Names looked up at once.
const AT_ONCE: usize = 8;
/// After so many names in a row without an answer the DNS does not work.
const SILENT_MAX: u32 = 20;

/// How names are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookalikePace {
    /// Questions a second, 1 to [`PER_SECOND_MAX`].
    pub per_second: u32,
    /// The first name to look up; those before it were looked up earlier.
    pub from: usize,
    /// Names to look up at most.
    pub names_max: usize,
}

impl Default for LookalikePace {
    fn default() -> Self {
        Self { per_second: 20, from: 0, names_max: 2_000 }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// Names looked up.
    pub names: usize,
    /// Questions asked.
    pub questions: u64,
    /// Where to go on; the number of names when all were looked up.
    pub next: usize,
    /// Why it ended before the end, when the DNS stopped answering.
    pub stopped: Option<AuditError>,
}

/// Looks names up in their order and hands over what was seen of each.
///
/// # Errors
/// When no name server is known.
pub async fn look_up_names(
    candidates: &[Candidate],
    shop: &str,
    options: &AuditOptions,
    pace: LookalikePace,
    on_seen: &mut (dyn FnMut(&Candidate, Seen) + Send),
) -> Result<LookedUp, AuditError> {
    let per_second = pace.per_second.clamp(1, PER_SECOND_MAX);
    let mut beat = interval(Duration::from_secs(1) / per_second);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let beat = Mutex::new(beat);
    let dns = dns_for(options, CHUNK, per_second)?;
    let (servers, mut questions) = run(&dns, &beat, |answers| name_servers(shop, answers)).await;
    let servers = servers.unwrap_or_default();
    let first = pace.from.min(candidates.len());
    let end = first.saturating_add(pace.names_max).min(candidates.len());
    let mut looked = LookedUp { names: 0, questions: 0, next: first, stopped: None };
    let mut silent = 0;
    for chunk in candidates[first..end].chunks(CHUNK) {
        let dns = dns_for(options, chunk.len(), per_second)?;
        let looks: Vec<_> = chunk.iter().map(|one| look(one, &dns, &beat, &servers)).collect();
        let mut seen = stream::iter(looks).buffered(AT_ONCE);
        while let Some((candidate, seen, asked)) = seen.next().await {
            questions += asked;
            silent = if seen.is_whole || seen.is_there { 0 } else { silent + 1 };
            if silent >= SILENT_MAX {
                let why = "it stopped answering; try again later, and more slowly".to_owned();
                // What was not answered is looked up again the next time.
                looked.next = looked.next.saturating_sub(SILENT_MAX as usize - 1).max(first);
                looked.questions = questions;
                looked.stopped = Some(AuditError::DnsFailed { host: candidate.domain.clone(), why });
                return Ok(looked);
            }
            looked.names += 1;
            looked.next += 1;
            on_seen(candidate, seen);
        }
    }
    looked.questions = questions;
    Ok(looked)
}

/// Looks one name up; also how many questions it took.
async fn look<'a>(
    candidate: &'a Candidate,
    dns: &Dns,
    beat: &Mutex<Interval>,
    servers: &[String],
) -> (&'a Candidate, Seen, u64) {
    let (seen, asked) = run(dns, beat, |answers| see(&candidate.domain, servers, answers)).await;
    (candidate, seen.unwrap_or_default(), asked)
}

/// A connection to the name servers for so many names.
fn dns_for(options: &AuditOptions, names: usize, per_second: u32) -> Result<Dns, AuditError> {
    let questions =
        u32::try_from(names).unwrap_or(u32::MAX).saturating_add(1).saturating_mul(QUESTIONS_OF_ONE);
    let total = Duration::from_secs(u64::from(questions / per_second) * 2 + 120);
    Dns::with_questions(&AuditOptions { total, ..options.clone() }, questions)
}

/// Runs an engine with answers of the DNS, one question a beat; `None` when it never has enough.
async fn run<T>(
    dns: &Dns,
    beat: &Mutex<Interval>,
    engine: impl Fn(&HashMap<Question, Answer>) -> Result<T, Vec<Question>>,
) -> (Option<T>, u64) {
    let mut answers = HashMap::new();
    loop {
        let questions = match engine(&answers) {
            Ok(found) => return (Some(found), answers.len() as u64),
            Err(questions) => questions,
        };
        let known = answers.len();
        for question in questions.into_iter().take(QUESTIONS_OF_ONE as usize) {
            beat.lock().await.tick().await;
            let answer = dns.mail_answer(&question).await;
            answers.insert(question, answer);
        }
        if answers.len() == known {
            return (None, answers.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::time::Instant;

    use hickory_proto::op::ResponseCode;
    use hickory_proto::rr::rdata::{A, MX};
    use hickory_proto::rr::{Name, RData, RecordType};
    use kluis_mail::lookalike::{MxSeen, Options, permute, score};

    use super::*;
    use crate::testing::dns::{NameServer, Said, answer};
    use crate::testing::within;

    /// A name server at which only `w1nkel.example` exists.
    async fn one_name() -> NameServer {
        NameServer::start(|message, _| {
            let query = &message.queries[0];
            if query.name.to_ascii() != "w1nkel.example." {
                let mut message = answer(message, Vec::new());
                message.metadata.response_code = ResponseCode::NXDomain;
                return Said::Message(Box::new(message));
            }
            let records = match query.query_type {
                RecordType::A => vec![("w1nkel.example.", RData::A(A::new(192, 0, 2, 1)))],
                RecordType::MX => {
                    let host = Name::from_ascii("mx.boef.example.").unwrap();
                    vec![("w1nkel.example.", RData::MX(MX::new(10, host)))]
                }
                _ => Vec::new(),
            };
            Said::Message(Box::new(answer(message, records)))
        })
        .await
    }

    #[tokio::test]
    async fn what_exists_is_found_at_the_pace_that_was_asked_for() {
        let names = one_name().await;
        let options = AuditOptions { dns: Some(names.at), ..AuditOptions::default() };
        let mut candidates = permute("winkel.example", &Options { limit: 60, has_unlikely: false });
        candidates.retain(|candidate| candidate.domain != "w1nkel.example");
        let all = permute("winkel.example", &Options::default());
        candidates.extend(all.into_iter().filter(|candidate| candidate.domain == "w1nkel.example"));
        let mut found = Vec::new();
        let mut on_seen = |candidate: &Candidate, seen: Seen| {
            if seen.is_there {
                found.push((candidate.clone(), seen));
            }
        };
        let pace = LookalikePace { per_second: 100, from: 0, names_max: 1000 };
        let begun = Instant::now();
        let looked = within(20, look_up_names(&candidates, "winkel.example", &options, pace, &mut on_seen))
            .await
            .unwrap();
        // One for the shop, one for each name that is not there, six for the one that is; a busy machine asks again.
        let all = candidates.len() as u64;
        assert_eq!((looked.names, looked.next, looked.stopped), (candidates.len(), candidates.len(), None));
        assert!((all + 6..=all + 20).contains(&looked.questions), "{}", looked.questions);
        assert!(begun.elapsed() >= Duration::from_millis(650), "{:?}", begun.elapsed());
        assert_eq!(found.len(), 1);
        assert!(found[0].1.mx == MxSeen::Present && score(&found[0].0, &found[0].1).points >= 70);
        // It goes on where it stopped.
        let pace = LookalikePace { per_second: 200, from: candidates.len() - 1, names_max: 1000 };
        let looked = within(20, look_up_names(&candidates, "winkel.example", &options, pace, &mut |_, _| {}))
            .await
            .unwrap();
        assert_eq!((looked.names, looked.next), (1, candidates.len()));
    }

    #[tokio::test]
    async fn a_dns_that_does_not_answer_is_not_asked_on() {
        let names = NameServer::start(|message, _| {
            let mut message = answer(message, Vec::new());
            message.metadata.response_code = ResponseCode::ServFail;
            Said::Message(Box::new(message))
        })
        .await;
        let options = AuditOptions { dns: Some(names.at), ..AuditOptions::default() };
        let candidates = permute("winkel.example", &Options::default());
        let pace = LookalikePace { per_second: 200, ..LookalikePace::default() };
        let mut on_seen = |_: &Candidate, _: Seen| {};
        let looked = look_up_names(&candidates, "winkel.example", &options, pace, &mut on_seen);
        let looked = within(30, looked).await.unwrap();
        assert!(matches!(looked.stopped, Some(AuditError::DnsFailed { .. })), "{looked:?}");
        assert_eq!(looked.next, 0, "nothing was answered, so it begins again");
    }
}
