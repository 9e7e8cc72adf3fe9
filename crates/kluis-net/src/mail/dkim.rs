//! DKIM keys of a domain: under the selectors that are given, and those that services commonly use.

use futures_util::future::join_all;
use kluis_checks::facts::{DkimFacts, DkimKey, MailFacts};
use kluis_mail::dkim::key::{self, KeyProblem};
use kluis_mail::dns::{Answer, Question, RecordKind};

use super::Job;
use super::ask::Lookups;
use crate::dns::{Dns, LookupError};
use crate::error::AuditError;
use crate::options::AuditOptions;

/// Selectors that may be given.
const SELECTORS_MAX: usize = 20;
/// A name that nobody uses: when it has a key, every name has.
const NOBODY: &str = "kluis-bestaat-niet";
/// The common ones that are tried even where the DNS says that there is nothing below `_domainkey`, since some name
/// servers say so wrongly (RFC 8020).
const FIRST: usize = 8;
/// Selectors that mail services commonly use, the most common ones first.
const COMMON: &[&str] = &[
    "default",
    "selector1",
    "selector2",
    "google",
    "k1",
    "s1",
    "mail",
    "dkim", // Microsoft 365, Google, Mailchimp …
    "s2",
    "k2",
    "k3",
    "key1",
    "key2",
    "selector",
    "dkim1",
    "dkim2",
    "smtp",
    "mta",
    "email",
    "m1",
    "mx",
    "sig1",
    "s1024",
    "s2048",
    "20230601",
    "protonmail",
    "protonmail2",
    "protonmail3",
    "fm1",
    "fm2",
    "fm3",
    "zoho",
    "zmail",
    "mandrill",
    "mailjet",
    "mailgun",
    "pic",
    "krs",
    "pm",
    "sendgrid",
    "brevo",
    "brevo1",
    "brevo2",
    "sib",
    "sm",
    "kl",
    "kl2",
    "dk",
    "cm",
    "spotler",
    "mailplus",
    "copernica",
    "deployteq",
    "webpower",
    "laposta",
    "ml",
    "transip-a",
    "transip-b",
    "transip-c",
    "x",
    "lightspeed",
    "strato-dkim-0002",
    "hostnet",
    "everlytickey1",
];

/// Whether a text can be a selector: labels of letters, digits, hyphens and underscores (RFC 6376 §3.1).
fn is_selector(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    text.len() <= 120 && text.split('.').all(is_label)
}

/// Looks for the keys of a domain under the options' selectors, which are also tried where nothing else would be, and
/// under those that services commonly use; at most 130 questions within the options' time.
///
/// # Errors
/// When a selector is none, no name server is known, or the time is over.
pub async fn dkim_keys(domain: &str, options: &AuditOptions) -> Result<DkimFacts, AuditError> {
    check_selectors(&options.selectors)?;
    let mut lookups = Lookups::new(Dns::with_questions(options, super::QUESTIONS_MAX)?);
    tokio::time::timeout(options.total, find(&mut lookups, domain, &options.selectors))
        .await
        .map_err(|_| AuditError::DnsFailed { host: domain.to_owned(), why: "no answer in time".to_owned() })
}

/// Whether selectors that were given can be asked for.
pub(crate) fn check_selectors(selectors: &[String]) -> Result<(), AuditError> {
    let bad = |why: &str| Err(AuditError::BadOption { why: why.to_owned() });
    if selectors.len() > SELECTORS_MAX {
        return bad("at most 20 selectors can be given");
    }
    if !selectors.iter().all(|selector| is_selector(selector)) {
        return bad("a selector has letters, digits, hyphens, underscores and dots");
    }
    Ok(())
}

impl Job<'_> {
    /// Fills in DKIM.
    pub(super) async fn dkim(&mut self, facts: &mut MailFacts) {
        facts.dkim = find(&mut self.lookups, &facts.domain, &self.options.selectors).await;
        if !facts.dkim.is_whole {
            self.gap("dkim", "not every selector got an answer");
        }
    }
}

/// The keys under the selectors that are given, and common ones.
async fn find(lookups: &mut Lookups, domain: &str, given: &[String]) -> DkimFacts {
    let mut selectors: Vec<String> = given.iter().map(|given| given.to_ascii_lowercase()).collect();
    selectors.dedup();
    let given = selectors.len();
    for common in COMMON {
        if !selectors.iter().any(|known| known == common) {
            selectors.push((*common).to_owned());
        }
    }
    let parent = Question::new(&format!("_domainkey.{domain}"), RecordKind::Txt);
    lookups.look_up(vec![parent.clone()]).await;
    let is_empty = lookups.answers().get(&parent) == Some(&Answer::NoSuchName);
    let first = given + FIRST;
    let mut found =
        DkimFacts { given: u32::try_from(given).unwrap_or(0), is_whole: true, ..DkimFacts::default() };
    try_all(lookups, domain, &selectors[..first.min(selectors.len())], &mut found).await;
    let is_worth = !is_empty || !found.keys.is_empty();
    if is_worth {
        let mut nobody = DkimFacts { is_whole: true, ..DkimFacts::default() };
        try_all(lookups, domain, &[NOBODY.to_owned()], &mut nobody).await;
        found.has_wildcard = !nobody.keys.is_empty();
    }
    if found.has_wildcard {
        // Only what is given can be believed.
        found.keys.retain(|key| selectors[..given].contains(&key.selector));
    } else if is_worth {
        try_all(lookups, domain, &selectors[first.min(selectors.len())..], &mut found).await;
    }
    // What is not there below an empty name need not be looked for.
    found.looked_for = selectors;
    found
}

/// Looks for the keys under some selectors.
async fn try_all(lookups: &mut Lookups, domain: &str, selectors: &[String], found: &mut DkimFacts) {
    let mut asked = Vec::new();
    for selector in selectors {
        if lookups.spend() {
            asked.push((selector, format!("{selector}._domainkey.{domain}")));
        } else {
            found.is_whole = false;
        }
    }
    // A few at a time, so that a DNS that fails is noticed early.
    for some in asked.chunks(FIRST) {
        let dns = lookups.dns();
        let answers = join_all(some.iter().map(|(_, name)| dns.texts_behind(name))).await;
        for ((selector, _), answer) in some.iter().zip(answers) {
            match answer {
                Ok((texts, alias)) => found.keys.extend(key_of(selector, &texts, alias)),
                Err(LookupError::NoSuchName) => {}
                Err(_) => {
                    found.is_whole = false;
                    lookups.failed();
                }
            }
        }
        if !found.is_whole {
            return;
        }
    }
}

/// The key among the texts of a name, when there is one.
fn key_of(selector: &str, texts: &[Vec<u8>], alias: Option<String>) -> Option<DkimKey> {
    let mut key = DkimKey { selector: selector.to_owned(), alias, ..DkimKey::default() };
    let is_key = |text: &&Vec<u8>| {
        let text: String = super::shown(text).chars().filter(|c| !c.is_whitespace()).collect();
        text.starts_with("v=DKIM1") || text.starts_with("p=") || text.contains(";p=")
    };
    let mut records = texts.iter().filter(is_key);
    let text = records.next()?;
    if records.next().is_some() {
        key.problem = Some("several records".to_owned());
        return Some(key);
    }
    match key::read(text) {
        Ok(record) => {
            key.kind = record.kind.word().to_owned();
            key.is_test = record.is_test;
            key.is_revoked = record.public.is_none();
            key.is_sha1_only = record.allows("sha1") && !record.allows("sha256");
            match record.key() {
                Ok(Some(public)) => key.bits = public.bits(),
                Ok(None) => {}
                Err(problem) => key.problem = Some(problem.to_string()),
            }
        }
        Err(KeyProblem::Version) => return None,
        Err(problem) => key.problem = Some(problem.to_string()),
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_selectors_are_unique_and_good() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(COMMON.iter().all(|selector| is_selector(selector) && seen.insert(*selector)));
        assert!(COMMON.len() >= 60, "{}", COMMON.len());
        for bad in ["", ".", "a..b", "a b", "a/b", "*", "é", &"a".repeat(64)] {
            assert!(!is_selector(bad), "{bad}");
        }
    }

    #[test]
    fn only_key_records_are_keys() {
        let one = |text: &str| key_of("s", &[text.as_bytes().to_vec()], None);
        for other in ["", "v=spf1 -all", "hallo", "v=DMARC1; p=none", "google-site-verification=p=1"] {
            assert_eq!(one(other), None, "{other}");
        }
        let revoked = one("v=DKIM1; p=");
        assert!(revoked.as_ref().is_some_and(|key| key.is_revoked && key.problem.is_none()), "{revoked:?}");
        for broken in
            ["v=DKIM1; k=rsa; p=!!!", "v=DKIM1; k=soep; p=AAAA", "v=DKIM1", "v=DKIM1; p=AAAA; p=AAAA"]
        {
            let key = one(broken);
            assert!(key.is_some_and(|key| key.problem.is_some()), "{broken}");
        }
        let two = [b"v=DKIM1; p=".to_vec(), b"v=DKIM1; p=".to_vec()];
        assert!(key_of("s", &two, None).is_some_and(|key| key.problem.is_some()));
    }
}
