//! What an evaluation did, as a tree with words: which steps led to the result, and what a result or an error means.

use core::net::IpAddr;

use kluis_model::Text;

use super::evaluate::{self, Identity, LOOKUPS_MAX, Query, SpfResult, Step, Trouble, VOIDS_MAX, Verdict};
use super::record::RecordProblem;
use super::tree::{self, Network, What};
use crate::catalogue::{self, Sender};
use crate::dns::{Answers, Question, RecordKind};
use crate::report::Network as Net;

/// A step with the steps that it took inside another record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// The step.
    pub step: &'a Step,
    /// Steps in the record that it leads to, in order.
    pub below: Vec<Self>,
}

/// Returns the steps as a tree: an evaluation notes what is inside an include before the include itself.
#[must_use]
pub fn nodes(trace: &[Step]) -> Vec<Node<'_>> {
    let mut levels: Vec<Vec<Node<'_>>> = vec![Vec::new()];
    for step in trace {
        let depth = usize::try_from(step.depth).unwrap_or(0);
        levels.resize_with(levels.len().max(depth + 2), Vec::new);
        let below = std::mem::take(&mut levels[depth + 1]);
        levels[depth].push(Node { step, below });
    }
    // A trace that was cut off has steps without the step above them.
    levels.into_iter().flatten().collect()
}

/// Returns the steps that matched, from the domain's own record inwards; empty when nothing did.
#[must_use]
pub fn path(trace: &[Step]) -> Vec<&Step> {
    let mut found = Vec::new();
    let mut level = nodes(trace);
    while let Some(node) = level.into_iter().rev().find(|node| node.step.outcome == "match") {
        found.push(node.step);
        level = node.below;
    }
    found
}

/// Who an address is for a domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Who {
    /// What receivers find for mail of this address.
    pub verdict: Verdict,
    /// Every network of the record and all it leads to that holds the address.
    pub networks: Vec<Network>,
    /// Whose servers these are, by the record that names them or else by the catalogue's networks.
    pub sender: Option<&'static Sender>,
}

/// Says which part of a domain's record lets an address in.
///
/// # Errors
/// Questions whose answers are needed.
pub fn who(address: IpAddr, domain: &str, answers: &impl Answers) -> Result<Who, Vec<Question>> {
    let address = address.to_canonical();
    let query = Query {
        address,
        sender: domain,
        helo: domain,
        identity: Identity::Spf,
        receiver: "localhost",
        now_s: 0,
    };
    let verdict = evaluate::evaluate(&query, answers).map_err(|question| vec![question])?;
    let tree = tree::walk(domain, answers)?;
    let holds = |network: &Network| Net::new(network.address, network.bits).contains(address);
    let networks: Vec<Network> = tree.networks.into_iter().filter(holds).collect();
    let named = networks.iter().rev().find_map(|network| catalogue::by_spf(&network.domain));
    Ok(Who { verdict, sender: named.or_else(|| catalogue::by_network(address)), networks })
}

/// What a result means for a shop's mail.
#[must_use]
pub fn result_words(result: SpfResult) -> Text {
    match result {
        SpfResult::Pass => {
            Text::new("dit adres mag namens het domein mailen", "this address may mail for the domain")
        }
        SpfResult::Fail => Text::new(
            "dit adres mag niet namens het domein mailen; ontvangers mogen weigeren",
            "this address may not mail for the domain; receivers may refuse it",
        ),
        SpfResult::SoftFail => Text::new(
            "dit adres hoort er waarschijnlijk niet bij; ontvangers zijn wantrouwig",
            "this address probably does not belong; receivers are wary",
        ),
        SpfResult::Neutral => Text::new(
            "het domein zegt niets over dit adres; dat beschermt niemand",
            "the domain says nothing about this address; that protects nobody",
        ),
        SpfResult::None => Text::new("het domein heeft geen SPF-record", "the domain has no SPF record"),
        SpfResult::TempError => Text::new(
            "de DNS gaf geen antwoord; ontvangers proberen het later opnieuw",
            "the DNS did not answer; receivers try again later",
        ),
        SpfResult::PermError => Text::new(
            "het record is fout; voor ontvangers telt het niet en is niets van u bewezen",
            "the record is wrong; for receivers it does not count and nothing of yours is proven",
        ),
    }
}

/// What came of a step.
#[must_use]
pub fn outcome_words(outcome: &'static str) -> Text {
    match outcome {
        "match" => Text::new("ja", "yes"),
        "no match" => Text::new("nee", "no"),
        "redirect" => Text::new("verder hiermee", "on with this one"),
        "temporary error" => Text::new("geen antwoord van de DNS", "no answer of the DNS"),
        _ => Text::new("fout", "error"),
    }
}

/// Why a result is an error.
#[must_use]
pub fn trouble_words(trouble: &Trouble) -> Text {
    match trouble {
        Trouble::Record { domain, error } => {
            let what = problem_words(error.problem);
            let at = error.span.start + 1;
            Text::new(
                format!("in het record van {domain} staat een fout bij teken {at}: {}", what.nl),
                format!("the record of {domain} has a mistake at character {at}: {}", what.en),
            )
        }
        Trouble::Several { domain } => Text::new(
            format!("{domain} heeft meer dan één SPF-record; dan telt er geen"),
            format!("{domain} has more than one SPF record, so none counts"),
        ),
        Trouble::Lookups => Text::new(
            format!("meer dan {LOOKUPS_MAX} keer opzoeken; ontvangers stoppen dan"),
            format!("more than {LOOKUPS_MAX} look-ups; receivers stop there"),
        ),
        Trouble::Voids => Text::new(
            format!("meer dan {VOIDS_MAX} keer gezocht naar iets dat niet bestaat; ontvangers stoppen dan"),
            format!("more than {VOIDS_MAX} look-ups of what does not exist; receivers stop there"),
        ),
        Trouble::Exchangers { domain } => Text::new(
            format!("{domain} heeft meer dan 10 mailservers; dan mag mx niet gebruikt worden"),
            format!("{domain} has more than 10 mail servers; mx may not be used then"),
        ),
        Trouble::Missing { domain } => Text::new(
            format!("{domain} heeft geen SPF-record, maar er wordt wel naar verwezen"),
            format!("{domain} has no SPF record, but it is referred to"),
        ),
        Trouble::Dns(question) => Text::new(
            format!("de DNS gaf geen antwoord over {}", question.name),
            format!("the DNS gave no answer about {}", question.name),
        ),
    }
}

/// What is wrong with a term.
#[must_use]
pub fn problem_words(problem: RecordProblem) -> Text {
    let nl = match problem {
        RecordProblem::Version => "het begint niet met v=spf1",
        RecordProblem::Character => "een teken dat er niet in mag staan",
        RecordProblem::TooLong => "het is te lang",
        RecordProblem::UnknownMechanism => "een woord dat niet bestaat",
        RecordProblem::Value => "er ontbreekt iets achter het woord, of er staat te veel",
        RecordProblem::Address => "dit is geen IP-adres",
        RecordProblem::Prefix => "het getal achter de schuine streep kan niet",
        RecordProblem::Domain => "dit is geen domeinnaam",
        RecordProblem::Twice => "dit mag er maar één keer staan",
    };
    Text::new(nl, problem.to_string())
}

/// What is wrong in a record or one it leads to.
#[must_use]
pub fn what_words(what: What) -> Text {
    match what {
        What::Record(problem) => problem_words(problem),
        What::NoRecord => Text::new(
            "daar staat geen SPF-record; ontvangers melden een fout zodra ze hier aankomen",
            "there is no SPF record there; receivers report an error as soon as they get here",
        ),
        What::Several => Text::new(
            "daar staan meer SPF-records; dan telt er geen",
            "there are several SPF records there, so none counts",
        ),
        What::Loop => Text::new("dit verwijst naar zichzelf", "this refers to itself"),
    }
}

/// Asks for the record of a domain, for engines that need it before anything else.
pub(super) fn texts<'a>(domain: &str, answers: &'a impl Answers) -> Result<&'a [Vec<u8>], Vec<Question>> {
    let question = Question::new(domain, RecordKind::Txt);
    match answers.find(&question) {
        None => Err(vec![question]),
        Some(crate::dns::Answer::Txt(texts)) => Ok(texts),
        Some(_) => Ok(&[]),
    }
}
