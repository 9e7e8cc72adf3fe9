//! What the DNS and the mail servers say about mail of a domain: SPF, DMARC, DKIM, MTA-STS, TLS reports, BIMI, exchangers.
//!
//! The most important questions come first, so that what a slow or hostile DNS leaves out is the least important. What
//! could not be found out stays `None` in the facts, and is a gap.

mod ask;
mod dkim;
mod dmarc;
mod exchangers;
mod smtp;
mod spf;
mod sts;

use std::collections::HashMap;

use kluis_checks::facts::{Gap, MailFacts};
use kluis_mail::dns::{Answer, Question, RecordKind};

pub(crate) use self::dkim::check_selectors;
pub use self::dkim::dkim_keys;

use self::ask::Lookups;
use crate::connect::Gate;
use crate::dns::Dns;
use crate::error::AuditError;
use crate::options::AuditOptions;

/// Questions for one domain at most, with those for DNSSEC.
const QUESTIONS_MAX: u32 = 150;
/// Connections for one domain at most: exchangers and the policy of MTA-STS.
const CONNECTIONS_MAX: u32 = 4;
/// Characters of a record that are kept.
const TEXT_CHARS_MAX: usize = 4096;
/// Records of one kind that are kept.
const TEXTS_MAX: usize = 20;

/// The domain whose mail a host's is: the host itself, without `www.`; none for addresses and names of one label.
pub(crate) fn domain(host: &str) -> Option<String> {
    let name = host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host);
    let is_name = name.contains('.') && !name.starts_with('[') && name.parse::<std::net::IpAddr>().is_err();
    is_name.then(|| name.to_owned())
}

/// Runs an engine of kluis-mail about a domain with answers of the DNS: at most 130 questions within the options' time; a name that is not
/// answered counts as a failure of the DNS, which the engine judges. `None` when the engine never has enough.
///
/// # Errors
/// When no name server is known, or the time is over.
pub async fn with_dns<T>(
    domain: &str,
    options: &AuditOptions,
    engine: impl Fn(&HashMap<Question, Answer>) -> Result<T, Vec<Question>>,
) -> Result<Option<T>, AuditError> {
    let mut lookups = Lookups::new(Dns::with_questions(options, QUESTIONS_MAX)?);
    tokio::time::timeout(options.total, lookups.run(engine))
        .await
        .map_err(|_| AuditError::DnsFailed { host: domain.to_owned(), why: "no answer in time".to_owned() })
}

/// Collects what can be known within the time of the gate.
pub(crate) async fn collect(
    domain: String,
    (gate, options): (&Gate, &AuditOptions),
    facts: &mut Option<MailFacts>,
    gaps: &mut Vec<Gap>,
) {
    let dns = match Dns::with_questions(options, QUESTIONS_MAX) {
        Ok(dns) => dns,
        Err(error) => return gaps.push(Gap::new("mail", error.to_string())),
    };
    let mut job = Job { lookups: Lookups::new(dns), gate: gate.share(CONNECTIONS_MAX), options, gaps };
    let facts = facts.insert(MailFacts { domain, ..MailFacts::default() });
    job.exchangers(facts).await;
    job.spf(facts).await;
    job.dmarc(facts).await;
    facts.tls_rpt = job
        .texts(&format!("_smtp._tls.{}", facts.domain), "tls-rpt", |text| text.starts_with("v=TLSRPT"))
        .await;
    facts.bimi = job
        .texts(&format!("default._bimi.{}", facts.domain), "bimi", |text| text.starts_with("v=BIMI1"))
        .await;
    job.mta_sts(facts).await;
    job.talk(facts).await;
    job.dane(facts).await;
    job.dkim(facts).await;
    facts.questions = job.lookups.asked();
}

/// The collecting of one domain's mail.
struct Job<'a> {
    lookups: Lookups,
    gate: Gate,
    options: &'a AuditOptions,
    gaps: &'a mut Vec<Gap>,
}

impl Job<'_> {
    /// TXT records of a name that are of a kind; a gap and `None` when they could not be asked.
    async fn texts(
        &mut self,
        name: &str,
        what: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        match self.lookups.get(name, RecordKind::Txt).await {
            Answer::Failed => {
                self.gap(what, &format!("{name}: the DNS did not answer"));
                None
            }
            answer => Some(texts_of(answer, is_wanted)),
        }
    }

    fn gap(&mut self, what: &str, why: &str) {
        self.gaps.push(Gap::new(what, why));
    }
}

/// The texts in an answer that are of a kind, as far as they are kept.
fn texts_of(answer: &Answer, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let Answer::Txt(texts) = answer else { return Vec::new() };
    let texts = texts.iter().map(|text| shown(text)).filter(|text| is_wanted(text.trim_start()));
    texts.take(TEXTS_MAX).collect()
}

/// Bytes as text; every byte that is not printable ASCII becomes one character, so that places stay right.
fn shown(bytes: &[u8]) -> String {
    let one = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '?' };
    bytes.iter().take(TEXT_CHARS_MAX).map(one).collect()
}
