//! Names of servers: looked up backwards and confirmed forwards, a few at a time, remembered for a day.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use kluis_mail::dns::{Answer, Question, RecordKind, reverse_name};
use kluis_mail::report::{Evidence, Known, Row, classify};
use kluis_model::TimeMs;
use kluis_net::AuditOptions;
use parking_lot::Mutex;

/// Servers of one report whose names are looked up: those with most messages.
const OF_REPORT_MAX: usize = 40;
/// Servers looked up together; a resolver that fails for some of them spoils no more than these.
const TOGETHER: usize = 8;
/// Names of one server that are confirmed.
const NAMES_MAX: usize = 3;
/// Bytes of a name (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;
/// Time for one look-up of a few servers.
const TIME: Duration = Duration::from_secs(10);
/// Servers that are remembered.
const REMEMBERED_MAX: usize = 20_000;
/// For how long.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// How long nothing is asked after the DNS did not answer at all.
const SILENCE: Duration = Duration::from_secs(1_800);

/// Names that this process looked up.
#[derive(Default)]
pub(crate) struct Names {
    known: Mutex<HashMap<IpAddr, (Option<String>, TimeMs)>>,
    /// When the DNS did not answer at all.
    silent_at: Mutex<Option<TimeMs>>,
}

/// About how many of the servers the DNS answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Answered {
    /// All of them.
    #[default]
    All,
    /// Some of them.
    Some,
    /// None: no name server can be reached.
    Nothing,
}

/// What came of looking names up.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Confirmed names.
    pub(super) names: BTreeMap<IpAddr, String>,
    /// About how many the DNS answered.
    pub(super) answered: Answered,
}

/// The servers of a report whose names could tell more, those with most messages first.
pub(super) fn wanted(rows: &[Row], names: &BTreeMap<IpAddr, String>, known: &Known) -> Vec<IpAddr> {
    let mut messages: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| !names.contains_key(&row.source)) {
        let who = classify(row, None, known);
        if who.sender.is_none() && who.evidence != Evidence::OwnNetwork {
            let sum = messages.entry(row.source).or_default();
            *sum = sum.saturating_add(row.count);
        }
    }
    let mut servers: Vec<(IpAddr, u64)> = messages.into_iter().collect();
    servers.sort_by_key(|(_, messages)| std::cmp::Reverse(*messages));
    servers.into_iter().map(|(server, _)| server).take(OF_REPORT_MAX).collect()
}

impl Names {
    /// Whether the DNS did not answer at all a while ago.
    pub(super) fn is_silent(&self, now: TimeMs) -> bool {
        self.silent_at.lock().is_some_and(|at| now.since(at) < SILENCE)
    }

    /// Looks names up that are not remembered.
    pub(super) async fn look_up(&self, servers: Vec<IpAddr>, options: &AuditOptions, now: TimeMs) -> Found {
        let mut found = Found::default();
        let asked = self.remembered(servers, now, &mut found.names);
        let options = AuditOptions { total: TIME, ..options.clone() };
        let (mut answered, mut failed) = (0, 0);
        for some in asked.chunks(TOGETHER) {
            let answers = kluis_net::with_dns("", &options, |answers| confirm(some, answers)).await;
            let confirmed = match answers {
                Ok(Some(confirmed)) => confirmed,
                // Nobody to ask, or no answer in time.
                _ => vec![Confirmed::Failed; some.len()],
            };
            let failures = confirmed.iter().filter(|one| **one == Confirmed::Failed).count();
            (answered, failed) = (answered + some.len() - failures, failed + failures);
            self.remember(some, confirmed, now, &mut found.names);
            if answered == 0 {
                // The rest would wait for nothing.
                *self.silent_at.lock() = Some(now);
                return Found { answered: Answered::Nothing, ..found };
            }
        }
        if failed > 0 {
            found.answered = Answered::Some;
        }
        found
    }

    /// Takes remembered names; gives the servers that are not remembered.
    fn remembered(
        &self,
        servers: Vec<IpAddr>,
        now: TimeMs,
        names: &mut BTreeMap<IpAddr, String>,
    ) -> Vec<IpAddr> {
        let mut known = self.known.lock();
        known.retain(|_, (_, at)| now.since(*at) < REMEMBERED);
        let is_new = |server: &IpAddr| match known.get(server) {
            Some((name, _)) => {
                names.extend(name.clone().map(|name| (*server, name)));
                false
            }
            None => true,
        };
        servers.into_iter().filter(is_new).collect()
    }

    fn remember(
        &self,
        servers: &[IpAddr],
        confirmed: Vec<Confirmed>,
        now: TimeMs,
        names: &mut BTreeMap<IpAddr, String>,
    ) {
        let mut known = self.known.lock();
        for (server, confirmed) in servers.iter().zip(confirmed) {
            let Confirmed::Answered(name) = confirmed else { continue };
            if known.len() < REMEMBERED_MAX {
                known.insert(*server, (name.clone(), now));
            }
            names.extend(name.map(|name| (*server, name)));
        }
    }
}

/// What the DNS says about one server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Confirmed {
    /// Its name, if it has one that leads back to it.
    Answered(Option<String>),
    /// It did not answer.
    Failed,
}

/// Names of servers that lead back to them, or what must be asked first.
fn confirm(servers: &[IpAddr], answers: &HashMap<Question, Answer>) -> Result<Vec<Confirmed>, Vec<Question>> {
    let mut missing = BTreeSet::new();
    let one = |server: &IpAddr| -> Confirmed {
        let backwards = Question::new(&reverse_name(*server), RecordKind::Ptr);
        let names = match answers.get(&backwards) {
            Some(Answer::Ptr(names)) => names,
            Some(Answer::Failed) => return Confirmed::Failed,
            Some(_) => return Confirmed::Answered(None),
            None => {
                missing.insert(backwards);
                return Confirmed::Failed;
            }
        };
        let mut is_failed = false;
        for name in names.iter().take(NAMES_MAX).filter(|name| is_host(name)) {
            let kind = if server.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
            let forwards = Question::new(name, kind);
            match (answers.get(&forwards), server) {
                (Some(Answer::A(found)), IpAddr::V4(server)) if found.contains(server) => {
                    return Confirmed::Answered(Some(forwards.name));
                }
                (Some(Answer::Aaaa(found)), IpAddr::V6(server)) if found.contains(server) => {
                    return Confirmed::Answered(Some(forwards.name));
                }
                (Some(Answer::Failed), _) => is_failed = true,
                (Some(_), _) => {}
                (None, _) => drop(missing.insert(forwards)),
            }
        }
        if is_failed { Confirmed::Failed } else { Confirmed::Answered(None) }
    };
    let confirmed: Vec<Confirmed> = servers.iter().map(one).collect();
    if missing.is_empty() { Ok(confirmed) } else { Err(missing.into_iter().collect()) }
}

/// Whether a text can be the name of a server; the DNS may hold anything.
fn is_host(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let is_fit = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.contains('.') && name.bytes().all(is_fit)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn names_of_addresses() {
        assert_eq!(reverse_name(ip("192.0.2.7")), "7.2.0.192.in-addr.arpa");
        let six = reverse_name(ip("2001:db8::1"));
        assert_eq!(six, format!("1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(23)));
    }

    #[test]
    fn a_name_counts_only_when_it_leads_back() {
        let servers = [ip("192.0.2.7"), ip("2001:db8::1"), ip("192.0.2.8"), ip("192.0.2.9")];
        let mut answers = HashMap::new();
        let asked = confirm(&servers, &answers).unwrap_err();
        assert_eq!(asked.len(), 4);
        let ptr = |names: &[&str]| Answer::Ptr(names.iter().map(|name| (*name).to_owned()).collect());
        let mut say = |name: &str, kind, answer| answers.insert(Question::new(name, kind), answer);
        say(&reverse_name(servers[0]), RecordKind::Ptr, ptr(&["Liar.example.", "out.mail.example."]));
        say(&reverse_name(servers[1]), RecordKind::Ptr, ptr(&["six.example", "a b", "", "x"]));
        say(&reverse_name(servers[2]), RecordKind::Ptr, Answer::NoSuchName);
        say(&reverse_name(servers[3]), RecordKind::Ptr, Answer::Failed);
        say("liar.example", RecordKind::A, Answer::A(vec!["203.0.113.1".parse().unwrap()]));
        say("out.mail.example", RecordKind::A, Answer::A(vec!["192.0.2.7".parse().unwrap()]));
        assert_eq!(
            confirm(&servers, &answers).unwrap_err(),
            [Question::new("six.example", RecordKind::Aaaa)]
        );
        answers.insert(Question::new("six.example", RecordKind::Aaaa), Answer::Failed);
        let confirmed = confirm(&servers, &answers).unwrap();
        assert_eq!(
            confirmed,
            [
                Confirmed::Answered(Some("out.mail.example".into())),
                Confirmed::Failed,
                Confirmed::Answered(None),
                Confirmed::Failed
            ]
        );
    }
}
