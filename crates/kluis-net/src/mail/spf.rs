//! SPF of a domain: its records, and everything they lead to.

use kluis_checks::facts::{MailFacts, SpfAll, SpfFacts, SpfInclude, SpfNetwork, SpfProblem};
use kluis_mail::dns::{Answer, RecordKind};
use kluis_mail::spf::tree::{self, Problem, Tree, What};
use kluis_mail::spf::{Qualifier, version};

use super::{Job, TEXT_CHARS_MAX, texts_of};

impl Job<'_> {
    /// Fills in SPF.
    pub(super) async fn spf(&mut self, facts: &mut MailFacts) {
        let domain = facts.domain.clone();
        let answer = self.lookups.get(&domain, RecordKind::Txt).await;
        if *answer == Answer::Failed {
            return self.gap("spf", "the DNS did not answer");
        }
        let is_record = |text: &str| version(text.as_bytes()).is_some();
        let texts = texts_of(answer, is_record);
        // What begins like a record but is none is a mistake, not something else.
        let near = texts_of(answer, |text| {
            text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("v=spf")) && !is_record(text)
        });
        let Some(tree) = self.lookups.run(|answers| tree::walk(&domain, answers)).await else { return };
        facts.spf = of_tree(&domain, tree);
        facts.spf.texts = Some(texts);
        let near = near.into_iter().next().map(|text| SpfProblem {
            domain,
            what: "no version".to_owned(),
            text,
            at: 0,
        });
        facts.spf.problem = facts.spf.problem.take().or(near);
        if !facts.spf.is_whole {
            self.gap("spf.include", "not everything that the record leads to could be looked up");
        }
    }
}

fn of_tree(domain: &str, tree: Tree) -> SpfFacts {
    let is_own =
        |problem: &&Problem| problem.domain == domain && matches!(problem.what, What::Record(_) | What::Loop);
    let problem = tree.problems.iter().find(is_own).map(of_problem);
    // Several records at the domain itself have a rule of their own.
    let below = tree.problems.iter().filter(|problem| problem.domain != domain || problem.what == What::Loop);
    SpfFacts {
        texts: None,
        problems_below: below.map(of_problem).filter(|below| Some(below) != problem.as_ref()).collect(),
        problem,
        all: tree.all.map(of_qualifier),
        ptr_at: tree.ptr_at,
        lookups: tree.lookups,
        voids: tree.voids,
        includes: tree
            .branches
            .into_iter()
            .map(|branch| SpfInclude {
                domain: branch.domain,
                via: branch.via,
                lookups: branch.lookups,
                v4_addresses: branch.v4_addresses,
                has_record: branch.has_record,
            })
            .collect(),
        networks: tree
            .networks
            .into_iter()
            .map(|network| SpfNetwork {
                address: network.address,
                bits: network.bits,
                domain: network.domain,
            })
            .collect(),
        v4_addresses: tree.v4_addresses,
        is_whole: tree.is_whole,
        has_macros: tree.has_macros,
    }
}

fn of_problem(problem: &Problem) -> SpfProblem {
    SpfProblem {
        domain: problem.domain.clone(),
        what: problem.what.to_string(),
        text: problem.term.chars().take(TEXT_CHARS_MAX).collect(),
        at: u32::try_from(problem.at).unwrap_or(u32::MAX),
    }
}

fn of_qualifier(qualifier: Qualifier) -> SpfAll {
    match qualifier {
        Qualifier::Pass => SpfAll::Pass,
        Qualifier::Fail => SpfAll::Fail,
        Qualifier::SoftFail => SpfAll::SoftFail,
        Qualifier::Neutral => SpfAll::Neutral,
    }
}
