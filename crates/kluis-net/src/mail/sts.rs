//! MTA-STS of a domain: the record, and the policy over HTTPS (RFC 8461).

use kluis_checks::facts::{MailFacts, MtaStsPolicy};
use kluis_mail::mta_sts::{self, POLICY_BYTES_MAX};
use url::Url;

use super::Job;
use crate::connect::ConnectError;
use crate::dns::LookupError;
use crate::http::{Answer, Client, HttpError, Request};

impl Job<'_> {
    /// Fills in MTA-STS.
    pub(super) async fn mta_sts(&mut self, facts: &mut MailFacts) {
        let name = format!("_mta-sts.{}", facts.domain);
        facts.mta_sts.texts = self.texts(&name, "mta-sts", mta_sts::is_record).await;
        let texts = facts.mta_sts.texts.as_deref().unwrap_or_default();
        let Some(first) = texts.first() else { return };
        let mut problems = Vec::new();
        if texts.len() > 1 {
            problems.push("several records".to_owned());
        }
        if let Err(problem) = mta_sts::record(first) {
            problems.push(format!("the record has {problem}"));
        }
        match self.policy(&facts.domain).await {
            Ok(Ok(policy)) => facts.mta_sts.policy = Some(policy),
            Ok(Err(problem)) => problems.push(problem),
            Err(why) => self.gap("mta-sts", &why),
        }
        facts.mta_sts.problems = problems;
    }

    /// The policy; or what is wrong with it; or why that is not known.
    async fn policy(&self, domain: &str) -> Result<Result<MtaStsPolicy, String>, String> {
        let port = self.options.mta_sts_port;
        let url = format!("https://mta-sts.{domain}:{port}/.well-known/mta-sts.txt");
        let Ok(url) = Url::parse(&url) else { return Ok(Err("no such address".to_owned())) };
        let request = Request { drain_max: 0, ..Request::small(url, POLICY_BYTES_MAX) };
        let mut client = Client::new(&self.gate);
        match client.get(&request).await {
            Ok(answer) => Ok(read(&answer)),
            Err(error) if is_ours(&error) => Err(error.to_string()),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

/// Whether an error says nothing about the other side.
fn is_ours(error: &HttpError) -> bool {
    matches!(
        error,
        HttpError::Lookup(LookupError::Failed(_) | LookupError::NotAsked)
            | HttpError::Connect(ConnectError::NotAllowed(_) | ConnectError::NoneLeft | ConnectError::Over)
    )
}

fn read(answer: &Answer) -> Result<MtaStsPolicy, String> {
    if answer.is_certificate_good != Some(true) {
        return Err("the certificate is not good".to_owned());
    }
    // A redirect must not be followed (RFC 8461 §3.3).
    if answer.status != 200 {
        return Err(format!("status {}", answer.status));
    }
    if answer.cut.is_some() {
        return Err("the policy did not come whole".to_owned());
    }
    let policy = mta_sts::policy(&answer.body).map_err(|problem| format!("the policy has {problem}"))?;
    Ok(MtaStsPolicy { mode: policy.mode.word().to_owned(), mx: policy.mx, max_age_s: policy.max_age_s })
}
