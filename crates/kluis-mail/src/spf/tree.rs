//! Walks everything an SPF record leads to: who may send, what every include costs, and what is wrong on the way.
//!
//! Unlike an evaluation it is not about one message: every term counts as if nothing before it matched, so the costs are
//! those of the worst message (RFC 7208 §4.6.4).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use super::macros::MacroText;
use super::record::{self, Mechanism, Prefixes, Qualifier, Record, Version};
use crate::dns::{Answer, Answers, Question, RecordKind};

/// Records that are looked at.
pub const RECORDS_MAX: usize = 60;
/// Networks that are kept; more are only counted.
pub const NETWORKS_MAX: usize = 400;
/// Terms that cost a look-up and are followed; no record needs so many.
const LOOKUPS_FOLLOWED_MAX: u32 = 60;
/// Records inside each other.
const DEPTH_MAX: u32 = 16;
/// Exchangers of one `mx`.
const EXCHANGERS_MAX: usize = 10;
/// Questions asked for at once.
const QUESTIONS_MAX: usize = 64;
/// Problems and places that are kept.
const NOTES_MAX: usize = 60;

/// What a record leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The `all` that ends it, also behind a `redirect`.
    pub all: Option<Qualifier>,
    /// Terms that cost a look-up.
    pub lookups: u32,
    /// Look-ups that find nothing for any client.
    pub voids: u32,
    /// Records that it leads to, in order.
    pub branches: Vec<Branch>,
    /// Networks whose mail passes.
    pub networks: Vec<Network>,
    /// IPv4 addresses whose mail passes, each counted once.
    pub v4_addresses: u64,
    /// Domains whose record uses `ptr`.
    pub ptr_at: Vec<String>,
    /// Whether macros, `exists` or `ptr` decide too.
    pub has_macros: bool,
    /// Whether a term before the last takes mail out (`-ip4:…`), so that the networks alone say too much.
    pub has_exceptions: bool,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Whether everything was seen.
    pub is_whole: bool,
}

/// A record that another leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its domain.
    pub domain: String,
    /// The domain whose record leads to it.
    pub via: String,
    /// Look-ups: one for itself, and everything below.
    pub lookups: u32,
    /// IPv4 addresses that pass by it.
    pub v4_addresses: u64,
    /// Whether it has a record.
    pub has_record: bool,
}

/// A network whose mail passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its address.
    pub address: IpAddr,
    /// Its prefix length.
    pub bits: u8,
    /// The domain whose record says so.
    pub domain: String,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whose record.
    pub domain: String,
    /// What.
    pub what: What,
    /// The term as written.
    pub term: String,
    /// Its first byte in the record.
    pub at: usize,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The record cannot be read.
    #[error("{0}")]
    Record(record::RecordProblem),
    /// A domain that is led to has no record.
    #[error("no record")]
    NoRecord,
    /// A domain has more than one.
    #[error("several records")]
    Several,
    /// A record leads back to itself.
    #[error("leads back to itself")]
    Loop,
}

/// Walks the record of a domain.
///
/// # Errors
/// Questions whose answers are needed, all that are known at this point; ask them, add the answers, and walk again.
/// A question that cannot be asked is best answered with [`Answer::Failed`]; the tree is then not whole.
pub fn walk(domain: &str, answers: &impl Answers) -> Result<Tree, Vec<Question>> {
    let mut walker = Walker {
        answers,
        missing: BTreeSet::new(),
        path: Vec::new(),
        ranges: Vec::new(),
        tree: Tree { is_whole: true, ..Tree::default() },
    };
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    walker.tree.all = match walker.record_of(&domain) {
        Found::One(text) => walker.record(&domain, &text),
        Found::Several => {
            walker.problem(&domain, What::Several, "", 0);
            None
        }
        Found::Nothing | Found::Unknown => None,
    };
    if !walker.missing.is_empty() {
        return Err(walker.missing.into_iter().collect());
    }
    let Walker { mut tree, mut ranges, .. } = walker;
    tree.v4_addresses = count(&mut ranges);
    Ok(tree)
}

enum Found {
    One(Vec<u8>),
    Several,
    Nothing,
    Unknown,
}

struct Walker<'a, A> {
    answers: &'a A,
    missing: BTreeSet<Question>,
    /// Domains whose records are being walked.
    path: Vec<String>,
    /// IPv4 networks, first and last address.
    ranges: Vec<(u32, u32)>,
    tree: Tree,
}

impl<'a, A: Answers> Walker<'a, A> {
    /// The answer; an unknown one is asked for later.
    fn ask(&mut self, name: &str, kind: RecordKind) -> Option<&'a Answer> {
        let question = Question::new(name, kind);
        let found = self.answers.find(&question);
        match found {
            None if self.missing.len() < QUESTIONS_MAX => {
                self.missing.insert(question);
            }
            Some(Answer::Failed) => self.tree.is_whole = false,
            _ => {}
        }
        found
    }

    fn record_of(&mut self, domain: &str) -> Found {
        let texts = match self.ask(domain, RecordKind::Txt) {
            None | Some(Answer::Failed) => return Found::Unknown,
            Some(Answer::Txt(texts)) => texts,
            Some(_) => return Found::Nothing,
        };
        let mut records =
            texts.iter().filter(|text| matches!(record::version(text), Some((Version::Spf1, _))));
        match (records.next(), records.next()) {
            (None, _) => Found::Nothing,
            (Some(text), None) => Found::One(text.clone()),
            (Some(_), Some(_)) => Found::Several,
        }
    }

    /// Walks a record and returns the `all` that ends it.
    fn record(&mut self, domain: &str, text: &[u8]) -> Option<Qualifier> {
        let shown = String::from_utf8_lossy(text).into_owned();
        let record = match record::read(text) {
            Ok(record) => record,
            Err(error) => {
                let term = String::from_utf8_lossy(&text[error.span.clone()]).into_owned();
                self.problem(domain, What::Record(error.problem), &term, error.span.start);
                return None;
            }
        };
        self.path.push(domain.to_owned());
        let all = self.terms(domain, &record, &shown);
        self.path.pop();
        all
    }

    fn terms(&mut self, domain: &str, record: &Record, text: &str) -> Option<Qualifier> {
        for directive in &record.directives {
            let is_pass = directive.qualifier == Qualifier::Pass;
            let term = text.get(directive.span.clone()).unwrap_or_default();
            self.tree.has_exceptions |= !is_pass && directive.mechanism != Mechanism::All;
            match &directive.mechanism {
                // What stands after it never counts.
                Mechanism::All => return Some(directive.qualifier),
                Mechanism::Ip4(net, bits) => self.network(IpAddr::V4(*net), *bits, domain, is_pass),
                Mechanism::Ip6(net, bits) => self.network(IpAddr::V6(*net), *bits, domain, is_pass),
                Mechanism::Include(target) => {
                    if let Some(Qualifier::Pass) = self.branch(target, domain, (term, directive.span.start)) {
                        // Whoever includes a record that lets everybody in lets everybody in.
                        let target = target.literal().unwrap_or_default().to_owned();
                        self.network(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0, &target, is_pass);
                        self.network(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0, &target, is_pass);
                    }
                }
                Mechanism::A(target, prefixes) => {
                    if let Some(name) = self.target(target.as_ref(), domain) {
                        let found = self.addresses(&name);
                        self.void_if(found.as_ref().is_some_and(Vec::is_empty));
                        self.hosts(found.unwrap_or_default(), *prefixes, domain, is_pass);
                    }
                }
                Mechanism::Mx(target, prefixes) => {
                    if let Some(name) = self.target(target.as_ref(), domain) {
                        let found = self.exchangers(&name);
                        self.hosts(found, *prefixes, domain, is_pass);
                    }
                }
                Mechanism::Ptr(_) => {
                    self.tree.lookups = self.tree.lookups.saturating_add(1);
                    self.tree.has_macros = true;
                    if self.tree.ptr_at.len() < NOTES_MAX && !self.tree.ptr_at.iter().any(|at| at == domain) {
                        self.tree.ptr_at.push(domain.to_owned());
                    }
                }
                Mechanism::Exists(_) => {
                    self.tree.lookups = self.tree.lookups.saturating_add(1);
                    self.tree.has_macros = true;
                }
            }
        }
        let (target, span) = record.redirect.as_ref()?;
        let term = text.get(span.clone()).unwrap_or_default();
        self.branch(target, domain, (term, span.start))
    }

    /// The name of an `a` or `mx`, unless it depends on the message or there are too many.
    fn target(&mut self, target: Option<&MacroText>, domain: &str) -> Option<String> {
        if !self.spend() {
            return None;
        }
        let name = target.map_or(Some(domain), MacroText::literal);
        self.tree.has_macros |= name.is_none();
        name.map(str::to_owned)
    }

    /// Follows an `include` or `redirect` and returns the `all` of the record there.
    fn branch(&mut self, target: &MacroText, via: &str, (term, at): (&str, usize)) -> Option<Qualifier> {
        let (lookups, first) = (self.tree.lookups, self.ranges.len());
        if !self.spend() {
            return None;
        }
        let Some(name) = target.literal() else {
            self.tree.has_macros = true;
            return None;
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if self.path.contains(&name) {
            self.problem(via, What::Loop, term, at);
            return None;
        }
        let depth = u32::try_from(self.path.len()).unwrap_or(u32::MAX);
        if self.tree.branches.len() >= RECORDS_MAX || depth >= DEPTH_MAX {
            self.tree.is_whole = false;
            return None;
        }
        let number = self.tree.branches.len();
        let branch = Branch {
            domain: name.clone(),
            via: via.to_owned(),
            lookups: 0,
            v4_addresses: 0,
            has_record: true,
        };
        self.tree.branches.push(branch);
        let all = match self.record_of(&name) {
            Found::One(text) => self.record(&name, &text),
            Found::Several => {
                self.problem(&name, What::Several, term, at);
                None
            }
            Found::Nothing => {
                self.tree.branches[number].has_record = false;
                self.problem(&name, What::NoRecord, term, at);
                None
            }
            Found::Unknown => None,
        };
        let branch = &mut self.tree.branches[number];
        branch.lookups = self.tree.lookups.saturating_sub(lookups);
        branch.v4_addresses = count(&mut self.ranges[first..].to_vec());
        all
    }

    fn spend(&mut self) -> bool {
        self.tree.lookups = self.tree.lookups.saturating_add(1);
        let is_followed = self.tree.lookups <= LOOKUPS_FOLLOWED_MAX;
        self.tree.is_whole &= is_followed;
        is_followed
    }

    fn void_if(&mut self, is_void: bool) {
        self.tree.voids = self.tree.voids.saturating_add(u32::from(is_void));
    }

    /// Both families; `None` when one is unknown.
    fn addresses(&mut self, name: &str) -> Option<Vec<IpAddr>> {
        let (v4, v6) = (self.ask(name, RecordKind::A), self.ask(name, RecordKind::Aaaa));
        let mut found = Vec::new();
        for answer in [v4?, v6?] {
            match answer {
                Answer::A(list) => found.extend(list.iter().copied().map(IpAddr::V4)),
                Answer::Aaaa(list) => found.extend(list.iter().copied().map(IpAddr::V6)),
                Answer::Failed => return None,
                _ => {}
            }
        }
        Some(found)
    }

    fn exchangers(&mut self, name: &str) -> Vec<IpAddr> {
        let list = match self.ask(name, RecordKind::Mx) {
            None | Some(Answer::Failed) => return Vec::new(),
            Some(Answer::Mx(list)) => list.clone(),
            Some(_) => Vec::new(),
        };
        self.void_if(list.is_empty());
        let hosts = list.into_iter().map(|(_, host)| host).filter(|host| !host.is_empty() && host != ".");
        let hosts: Vec<String> = hosts.take(EXCHANGERS_MAX).collect();
        hosts.iter().flat_map(|host| self.addresses(host).unwrap_or_default()).collect()
    }

    fn hosts(&mut self, hosts: Vec<IpAddr>, prefixes: Prefixes, domain: &str, is_pass: bool) {
        for address in hosts {
            let bits = if address.is_ipv4() { prefixes.v4 } else { prefixes.v6 };
            self.network(address, bits, domain, is_pass);
        }
    }

    fn network(&mut self, address: IpAddr, bits: u8, domain: &str, is_pass: bool) {
        if !is_pass {
            return;
        }
        if let IpAddr::V4(v4) = address {
            let rest = u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
            let first = u32::from(v4) & !rest;
            self.ranges.push((first, first | rest));
        }
        let network = Network { address, bits, domain: domain.to_owned() };
        if self.tree.networks.len() < NETWORKS_MAX && !self.tree.networks.contains(&network) {
            self.tree.networks.push(network);
        }
    }

    fn problem(&mut self, domain: &str, what: What, term: &str, at: usize) {
        let problem = Problem { domain: domain.to_owned(), what, term: term.to_owned(), at };
        if self.tree.problems.len() < NOTES_MAX && !self.tree.problems.contains(&problem) {
            self.tree.problems.push(problem);
        }
    }
}

/// Addresses in ranges that may overlap.
fn count(ranges: &mut [(u32, u32)]) -> u64 {
    ranges.sort_unstable();
    let (mut total, mut next) = (0u64, 0u64);
    for (first, last) in ranges {
        let (first, end) = (u64::from(*first).max(next), u64::from(*last) + 1);
        total += end.saturating_sub(first);
        next = next.max(end);
    }
    total
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashMap;

    use super::*;

    /// Walks over a zone of texts; `a.…` names have one address, `mx.…` names one exchanger.
    fn tree(zone: &[(&str, &str)]) -> Tree {
        let mut answers: HashMap<Question, Answer> = HashMap::new();
        for _ in 0..100 {
            let missing = match walk(zone[0].0, &answers) {
                Ok(tree) => return tree,
                Err(missing) => missing,
            };
            assert!(!missing.is_empty() && missing.len() <= QUESTIONS_MAX);
            for question in missing {
                let texts: Vec<Vec<u8>> = zone
                    .iter()
                    .filter(|(name, _)| *name == question.name)
                    .map(|(_, text)| text.as_bytes().to_vec())
                    .collect();
                let answer = match question.kind {
                    RecordKind::Txt if question.name.starts_with("slow") => Answer::Failed,
                    RecordKind::Txt if texts.is_empty() => Answer::NoSuchName,
                    RecordKind::Txt => Answer::Txt(texts),
                    RecordKind::A if question.name.starts_with("a.") => {
                        Answer::A(vec![Ipv4Addr::new(192, 0, 2, 7)])
                    }
                    RecordKind::Mx if question.name.starts_with("mx.") => {
                        Answer::Mx(vec![(1, "a.x.example".into())])
                    }
                    _ => Answer::NoSuchName,
                };
                assert!(answers.insert(question.clone(), answer).is_none(), "asked twice: {question:?}");
            }
        }
        panic!("no end");
    }

    #[test]
    fn costs_and_networks_are_those_of_the_whole_tree() {
        let found = tree(&[
            (
                "x.example",
                "v=spf1 a:a.x.example mx:mx.x.example ip4:192.0.2.0/24 include:y.example ip6:2001:db8::/32 -all",
            ),
            (
                "y.example",
                "v=spf1 ip4:192.0.2.128/25 ip4:198.51.100.0/30 exists:%{i}.y.example include:z.example ?all",
            ),
            ("z.example", "v=spf1 ptr ~all"),
        ]);
        assert_eq!((found.all, found.lookups, found.voids), (Some(Qualifier::Fail), 6, 0));
        assert_eq!(found.v4_addresses, 256 + 4);
        let costs: Vec<_> =
            found.branches.iter().map(|b| (b.domain.as_str(), b.lookups, b.v4_addresses)).collect();
        assert_eq!(costs, [("y.example", 4, 132), ("z.example", 2, 0)]);
        assert!(found.is_whole && found.has_macros && found.problems.is_empty());
        assert_eq!(found.ptr_at, ["z.example"]);
    }

    #[test]
    fn a_redirect_brings_the_end_of_another_record() {
        let zone = [("x.example", "v=spf1 redirect=y.example"), ("y.example", "v=spf1 +all")];
        assert_eq!(tree(&zone).all, Some(Qualifier::Pass));
        let zone = [("x.example", "v=spf1 -all redirect=y.example"), ("y.example", "v=spf1 +all")];
        assert_eq!((tree(&zone).all, tree(&zone).lookups), (Some(Qualifier::Fail), 0));
        assert_eq!(tree(&[("x.example", "v=spf1 mx:mx.x.example")]).all, None);
    }

    #[test]
    fn an_include_that_lets_everybody_in_is_a_network_of_everything() {
        let zone = [("x.example", "v=spf1 include:y.example -all"), ("y.example", "v=spf1 +all")];
        let found = tree(&zone);
        assert_eq!((found.networks.len(), found.networks[0].bits, found.v4_addresses), (2, 0, 1 << 32));
        assert_eq!(found.networks[0].domain, "y.example");
        let zone = [("x.example", "v=spf1 -include:y.example -all"), ("y.example", "v=spf1 +all")];
        assert!(tree(&zone).networks.is_empty());
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let one = |zone: &[(&str, &str)]| {
            let found = tree(zone);
            let problem = found.problems.first().unwrap();
            format!("{} {} {} {}", problem.domain, problem.what, problem.term, problem.at)
        };
        for (zone, expected) in [
            (
                vec![("x.example", "v=spf1 ipv4:1.2.3.4 -all")],
                "x.example an unknown mechanism ipv4:1.2.3.4 7",
            ),
            (vec![("x.example", "v=spf1 include:y.example -all")], "y.example no record include:y.example 7"),
            (
                vec![("x.example", "v=spf1 mx include:X.example. -all")],
                "x.example leads back to itself include:X.example. 10",
            ),
            (vec![("x.example", "v=spf1"), ("x.example", "v=spf1 mx")], "x.example several records  0"),
            (
                vec![("x.example", "v=spf1 include:y.example"), ("y.example", "v=spf1 a:%{q}.example")],
                "y.example not a domain or macro a:%{q}.example 7",
            ),
        ] {
            assert_eq!(one(&zone), expected);
        }
        let found = tree(&[("x.example", "v=spf1 a:gone.example a:lost.example mx:nomx.example -all")]);
        assert_eq!((found.lookups, found.voids), (3, 3));
    }

    #[test]
    fn what_cannot_be_asked_makes_it_less_than_whole() {
        assert!(!tree(&[("x.example", "v=spf1 include:slow.example -all")]).is_whole);
        assert!(tree(&[("x.example", "v=spf1 include:%{d}.example -all")]).has_macros);
    }

    #[test]
    fn giants_are_bounded() {
        let many: String = (0..500).map(|n| format!(" a:a.{n}.example")).collect();
        let found = tree(&[("x.example", &format!("v=spf1{many} -all"))]);
        assert!(!found.is_whole && found.lookups == 500 && found.networks.len() == 1);
        // Each record includes the next one twice.
        let names: Vec<String> = (0..40).map(|n| format!("{n}.example")).collect();
        let texts: Vec<String> =
            (1..=40).map(|n| format!("v=spf1 include:{n}.example include:{n}.example -all")).collect();
        let zone: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
        let found = tree(&zone);
        assert!(!found.is_whole && found.branches.len() <= RECORDS_MAX);
        assert_eq!(
            tree(&[("x.example", "v=spf1 ip4:0.0.0.0/0 ip4:0.0.0.0/1 ip4:1.2.3.4 -all")]).v4_addresses,
            1 << 32
        );
    }

    proptest::proptest! {
        #[test]
        fn any_record_is_walked(words in proptest::collection::vec("[-+~?]?(all|a|mx|ptr|include:[a-c].example|exists:%\\{i\\}.x|redirect=[a-c].example|ip4:[0-9./]{1,12}|ip6:[0-9a-f:/]{1,12}|\\PC{0,6})", 0..12)) {
            let text = format!("v=spf1 {}", words.join(" "));
            let zone = ["x.example", "a.example", "b.example"].map(|name| (name, text.as_str()));
            let found = tree(&zone);
            proptest::prop_assert!(found.branches.len() <= RECORDS_MAX && found.networks.len() <= NETWORKS_MAX);
        }
    }
}
