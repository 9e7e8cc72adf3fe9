//! DMARC of a domain: the walk, what both generations of the standard make of it, and who gets the reports.

use kluis_checks::facts::{
    DmarcAt, DmarcFacts, DmarcFound, DmarcOddity, DmarcRemark, DmarcReports, MailFacts, MailPolicy,
};
use kluis_mail::dmarc::{self, Found, Generation, Policy, Record, RemarkKind};
use kluis_mail::dns::{Answer, Question, RecordKind};

use super::{Job, shown, texts_of};
use crate::dns::domain as organization_of;

/// Places for reports that are looked at.
const REPORTS_MAX: usize = 20;
/// Other organizations that are asked whether they take reports.
const ASKED_MAX: usize = 5;

impl Job<'_> {
    /// Fills in DMARC.
    pub(super) async fn dmarc(&mut self, facts: &mut MailFacts) {
        let domain = facts.domain.clone();
        let names = dmarc::walk(&domain);
        let question = |name: &String| Question::new(&format!("_dmarc.{name}"), RecordKind::Txt);
        self.lookups.look_up(names.iter().map(question).collect()).await;
        let found = &mut facts.dmarc;
        found.walk = names.iter().map(|name| self.at(name)).collect();
        // A top-level domain that does not answer has no record to speak of.
        found.is_known =
            found.walk.iter().zip(&names).all(|(at, name)| at.texts.is_some() || !name.contains('.'));
        if !found.is_known {
            self.gap("dmarc", "the DNS did not answer");
        }
        let now = self.found(&domain, Generation::TreeWalk).await;
        let before = self.found(&domain, Generation::SuffixList).await;
        let record = now.as_ref().or(before.as_ref()).map(|(found, _)| found.clone());
        let of = |found: &(Found, String), generation| of_found(found, &domain, generation);
        found.now = now.as_ref().map(|found| of(found, Generation::TreeWalk));
        found.before = before.as_ref().map(|found| of(found, Generation::SuffixList));
        if let Some(record) = record {
            self.remarks(&record, found);
            found.reports = self.reports(&record).await;
        }
    }

    fn at(&self, name: &str) -> DmarcAt {
        let question = Question::new(&format!("_dmarc.{name}"), RecordKind::Txt);
        let answer = self.lookups.answers().get(&question).unwrap_or(&Answer::Failed);
        let begins = |text: &str| {
            let start: String = text.chars().filter(|c| !c.is_whitespace()).take(7).collect();
            start.eq_ignore_ascii_case("v=dmarc")
        };
        let texts = texts_of(answer, begins);
        let records: Vec<&Vec<u8>> = match answer {
            Answer::Txt(texts) => texts.iter().filter(|text| dmarc::is_record(text)).collect(),
            _ => Vec::new(),
        };
        DmarcAt {
            name: question.name,
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            is_ignored: matches!(records.as_slice(), [one] if dmarc::read(one).is_none()),
            texts: (*answer != Answer::Failed).then_some(texts),
        }
    }

    async fn found(&mut self, domain: &str, generation: Generation) -> Option<(Found, String)> {
        let run = self
            .lookups
            .run(|answers| dmarc::discover(domain, generation, answers).map_err(|question| vec![question]));
        let (found, organization) = run.await?;
        Some((found?, organization))
    }

    /// What is odd about the record, with its place in the text.
    fn remarks(&self, found: &Found, facts: &mut DmarcFacts) {
        let question = Question::new(&format!("_dmarc.{}", found.domain), RecordKind::Txt);
        let Some(Answer::Txt(texts)) = self.lookups.answers().get(&question) else { return };
        let text =
            texts.iter().find(|text| dmarc::is_record(text)).map(|text| shown(text)).unwrap_or_default();
        facts.remarks = found
            .record
            .remarks
            .iter()
            .map(|remark| DmarcRemark {
                kind: of_kind(remark.kind),
                text: text.get(remark.span.clone()).unwrap_or_default().trim().to_owned(),
                at: u32::try_from(remark.span.start).unwrap_or(u32::MAX),
            })
            .collect();
    }

    /// Where reports go, and whether another organization says that it takes them (RFC 7489 §7.1).
    async fn reports(&mut self, found: &Found) -> Vec<DmarcReports> {
        let mut reports = places(&found.record, &organization_of(&found.domain));
        let name = |report: &DmarcReports| format!("{}._report._dmarc.{}", found.domain, report.domain);
        let external: Vec<String> = reports.iter().filter(|report| report.is_external).map(name).collect();
        let questions = external.iter().take(ASKED_MAX).map(|name| Question::new(name, RecordKind::Txt));
        self.lookups.look_up(questions.collect()).await;
        for report in reports.iter_mut().filter(|report| report.is_external) {
            let question = Question::new(&name(report), RecordKind::Txt);
            report.is_authorised = match self.lookups.answers().get(&question) {
                None | Some(Answer::Failed) => None,
                Some(answer) => Some(!texts_of(answer, |text| text.starts_with("v=DMARC1")).is_empty()),
            };
        }
        reports
    }
}

/// The domains of a record's report addresses, each once.
fn places(record: &Record, organization: &str) -> Vec<DmarcReports> {
    let aggregate = record.aggregate.iter().map(|address| (address, true));
    let failure = record.failure.iter().map(|address| (address, false));
    let mut places: Vec<DmarcReports> = Vec::new();
    for (address, is_aggregate) in aggregate.chain(failure) {
        let uri = address.uri.to_ascii_lowercase();
        let Some((_, domain)) = uri.strip_prefix("mailto:").and_then(|rest| rest.rsplit_once('@')) else {
            continue;
        };
        let domain = domain.split(['?', '!']).next().unwrap_or_default().trim_end_matches('.').to_owned();
        let is_external = organization_of(&domain) != organization;
        let place = DmarcReports { domain, is_aggregate, is_external, is_authorised: None };
        if !places.contains(&place) && places.len() < REPORTS_MAX {
            places.push(place);
        }
    }
    places
}

fn of_found((found, organization): &(Found, String), author: &str, generation: Generation) -> DmarcFound {
    let record = &found.record;
    let policy = if found.domain == author { record.own() } else { record.below() };
    let is_test = record.is_test && generation == Generation::TreeWalk;
    DmarcFound {
        domain: found.domain.clone(),
        organization: organization.clone(),
        policy: of_policy(if is_test { policy.in_test() } else { policy }),
        own: of_policy(record.own()),
        below: of_policy(record.below()),
        absent: of_policy(record.absent()),
        is_test,
        percent: record.percent,
    }
}

fn of_policy(policy: Policy) -> MailPolicy {
    match policy {
        Policy::None => MailPolicy::None,
        Policy::Quarantine => MailPolicy::Quarantine,
        Policy::Reject => MailPolicy::Reject,
    }
}

fn of_kind(kind: RemarkKind) -> DmarcOddity {
    match kind {
        RemarkKind::UnknownTag => DmarcOddity::UnknownTag,
        RemarkKind::RemovedTag | RemarkKind::RemovedSize => DmarcOddity::Removed,
        RemarkKind::BadValue => DmarcOddity::BadValue,
        RemarkKind::Twice => DmarcOddity::Twice,
        RemarkKind::BadAddress => DmarcOddity::BadAddress,
        RemarkKind::PolicyNotSecond => DmarcOddity::PolicyNotSecond,
        RemarkKind::Syntax => DmarcOddity::Syntax,
    }
}
