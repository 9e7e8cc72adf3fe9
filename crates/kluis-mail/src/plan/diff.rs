//! Compares a plan with what is published: by what records mean, not by how they are written.

use std::collections::BTreeSet;

use kluis_model::Text;
use serde::Serialize;

use super::{Plan, PlannedKind, PlannedRecord, Subject};
use crate::dkim::key;
use crate::dmarc::{self, Policy};
use crate::dns::{Answer, Answers, Question, RecordKind};
use crate::mta_sts;
use crate::spf::{self, Mechanism, Qualifier};

/// Characters of a published text that are shown.
const SHOWN_CHARS_MAX: usize = 1000;
/// Published texts of one name that are shown.
const SHOWN_MAX: usize = 10;

/// Something that is not as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What kind.
    pub kind: DifferenceKind,
    /// At which name.
    pub name: String,
    /// The kind of record.
    pub record: PlannedKind,
    /// What is planned.
    pub planned: String,
    /// What is published.
    pub published: Vec<String>,
    /// What that means and what to do.
    pub text: Text,
}

/// Kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Nothing is published.
    Missing,
    /// Something else is published.
    Differs,
    /// There is something besides.
    Extra,
    /// The DNS did not answer.
    Unanswered,
}

/// Compares. A record that asks for more than the plan (`p=reject` where `none` is planned, `-all` for `~all`) is no
/// difference: nobody should go back for the plan's sake.
///
/// # Errors
/// The questions whose answers are needed, all that are known at this point.
pub fn diff(plan: &Plan, answers: &impl Answers) -> Result<Vec<Difference>, Vec<Question>> {
    let mut missing = BTreeSet::new();
    let mut found = Vec::new();
    let unfinished = plan.steps.iter().filter(|step| step.subject == Subject::Spf && !step.todo.is_empty());
    let unfinished: Vec<&PlannedRecord> = unfinished.flat_map(|step| &step.records).collect();
    for record in plan.records() {
        let beside: Vec<&PlannedRecord> =
            plan.records().filter(|other| other.name == record.name && *other != record).collect();
        match one(record, &beside, answers) {
            Ok(difference) => found.extend(difference.map(|difference| {
                if difference.kind == DifferenceKind::Missing && unfinished.contains(&record) {
                    not_yet(difference)
                } else {
                    difference
                }
            })),
            Err(question) => {
                missing.insert(question);
            }
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(missing.into_iter().collect()) }
}

/// What a text is for, so that only texts of one kind are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Spf,
    Dmarc,
    Key,
    Sts,
    Tls,
    Other,
}

fn use_of(name: &str, text: &str) -> Use {
    if matches!(spf::version(text.as_bytes()), Some((spf::Version::Spf1, _))) {
        Use::Spf
    } else if name.contains("._domainkey.") {
        Use::Key
    } else if dmarc::is_record(text.as_bytes()) {
        Use::Dmarc
    } else if mta_sts::is_record(text) {
        Use::Sts
    } else if text.starts_with("v=TLSRPTv1") {
        Use::Tls
    } else {
        Use::Other
    }
}

/// Compares one record; `beside` is what is planned at the same name too.
fn one(
    record: &PlannedRecord,
    beside: &[&PlannedRecord],
    answers: &impl Answers,
) -> Result<Option<Difference>, Question> {
    match record.kind {
        PlannedKind::Txt => texts(record, beside, answers),
        PlannedKind::Cname => alias(record, answers),
        PlannedKind::Mx => exchanger(record, beside, answers),
    }
}

fn texts(
    record: &PlannedRecord,
    beside: &[&PlannedRecord],
    answers: &impl Answers,
) -> Result<Option<Difference>, Question> {
    let list = match answers.ask(&record.name, RecordKind::Txt)? {
        Answer::Failed => return Ok(Some(unanswered(record))),
        Answer::Txt(list) => list.as_slice(),
        _ => &[],
    };
    let wanted = use_of(&record.name, &record.value);
    let published: Vec<String> = list
        .iter()
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .filter(|text| use_of(&record.name, text) == wanted)
        .filter(|text| !beside.iter().any(|other| other.value == *text))
        .collect();
    let is_alone = !matches!(wanted, Use::Other);
    let equal = published.iter().position(|text| is_same(wanted, &record.value, text));
    Ok(match (equal, published.len()) {
        (Some(_), 1) => None,
        (Some(_), _) if !is_alone => None,
        (Some(at), _) => {
            let others = published.into_iter().enumerate().filter(|(number, _)| *number != at);
            Some(extra(record, others.map(|(_, text)| text).collect()))
        }
        (None, 0) => Some(nothing(record)),
        (None, _) if !is_alone => Some(nothing(record)),
        (None, _) => {
            let text = changes(wanted, &record.value, &published);
            Some(difference(DifferenceKind::Differs, record, published, text))
        }
    })
}

fn alias(record: &PlannedRecord, answers: &impl Answers) -> Result<Option<Difference>, Question> {
    let names = match answers.ask(&record.name, RecordKind::Cname)? {
        Answer::Failed => return Ok(Some(unanswered(record))),
        Answer::Ptr(names) => names.clone(),
        _ => Vec::new(),
    };
    if names.iter().any(|name| name.trim_end_matches('.').eq_ignore_ascii_case(&record.value)) {
        return Ok(None);
    }
    if names.is_empty() {
        // Some providers copy what stands behind an alias.
        let here = answers.ask(&record.name, RecordKind::Txt)?;
        let there = answers.ask(&record.value, RecordKind::Txt)?;
        let is_copy = !here.is_void() && *here != Answer::Failed && here == there;
        return Ok((!is_copy).then(|| nothing(record)));
    }
    let text = Text::new(
        "De alias wijst naar een andere naam; vervang hem.",
        "The alias points to another name; replace it.",
    );
    Ok(Some(difference(DifferenceKind::Differs, record, names, text)))
}

fn exchanger(
    record: &PlannedRecord,
    beside: &[&PlannedRecord],
    answers: &impl Answers,
) -> Result<Option<Difference>, Question> {
    let list = match answers.ask(&record.name, RecordKind::Mx)? {
        Answer::Failed => return Ok(Some(unanswered(record))),
        Answer::Mx(list) => list.as_slice(),
        _ => &[],
    };
    let host_of = |record: &PlannedRecord| {
        record.value.split_once(' ').map_or(String::new(), |(_, host)| host.to_ascii_lowercase())
    };
    let is_host = |name: &str, record: &PlannedRecord| {
        name.trim_end_matches('.').to_ascii_lowercase() == host_of(record)
    };
    let list: Vec<&(u16, String)> = list
        .iter()
        .filter(|(_, name)| is_host(name, record) || !beside.iter().any(|other| is_host(name, other)))
        .collect();
    let others = list.iter().filter(|(_, name)| !is_host(name, record));
    let others: Vec<String> = others.map(|(preference, name)| format!("{preference} {name}")).collect();
    Ok(match (list.len(), others.len()) {
        (0, _) => Some(nothing(record)),
        (_, 0) => None,
        (all, other) if other < all => Some(extra(record, others)),
        _ => {
            let text = Text::new(
                "De mail gaat naar een andere server; vervang het record.",
                "The mail goes to another server; replace the record.",
            );
            Some(difference(DifferenceKind::Differs, record, others, text))
        }
    })
}

fn is_same(wanted: Use, planned: &str, published: &str) -> bool {
    match wanted {
        Use::Spf => spf_changes(planned, published).is_some_and(|changes| changes.is_none()),
        Use::Dmarc => dmarc_changes(planned, published).is_some_and(|changes| changes.is_empty()),
        Use::Key => is_same_key(planned, published),
        Use::Sts => mta_sts::record(published).is_ok() && sts_id(planned) == sts_id(published),
        Use::Tls => report_addresses(planned) == report_addresses(published),
        Use::Other => planned == published,
    }
}

fn changes(wanted: Use, planned: &str, published: &[String]) -> Text {
    if published.len() > 1 && wanted != Use::Other {
        return Text::new(
            "Er staan er meer dan één, en dan telt geen ervan; laat alleen het geplande staan.",
            "There are several, so none of them counts; keep only the planned one.",
        );
    }
    let replace = |nl: &str, en: &str| {
        Text::new(format!("{nl} Vervang het record."), format!("{en} Replace the record."))
    };
    let first = published.first().map(String::as_str).unwrap_or_default();
    match wanted {
        Use::Spf => match spf_changes(planned, first).flatten() {
            Some(text) => text,
            None => replace("Het record is fout.", "The record is wrong."),
        },
        Use::Dmarc => match dmarc_changes(planned, first) {
            Some(tags) if !tags.is_empty() => {
                let tags = tags.join(", ");
                replace(&format!("Anders dan gepland: {tags}."), &format!("Not as planned: {tags}."))
            }
            _ => replace("Het record is fout.", "The record is wrong."),
        },
        Use::Key => match key::read(first.as_bytes()) {
            Ok(read) if read.public.is_none() => {
                replace("De sleutel is ingetrokken.", "The key was revoked.")
            }
            Ok(read) if read.is_test => {
                replace("De sleutel staat op proef (t=y).", "The key is on trial (t=y).")
            }
            Ok(_) => replace("Er staat een andere sleutel.", "Another key is there."),
            Err(_) => replace("De sleutel is onleesbaar.", "The key cannot be read."),
        },
        Use::Sts => replace(
            "Het record hoort bij een andere versie van het beleid.",
            "The record belongs to another version of the policy.",
        ),
        Use::Tls => replace("De rapporten gaan ergens anders heen.", "The reports go elsewhere."),
        Use::Other => replace("De tekst is anders.", "The text is another."),
    }
}

/// What differs between two SPF records; `None` outside when the published one cannot be read.
fn spf_changes(planned: &str, published: &str) -> Option<Option<Text>> {
    let read = |text: &str| spf::read(text.to_ascii_lowercase().as_bytes()).ok();
    let (planned, record) = (read(planned)?, read(published)?);
    let shown = published.to_ascii_lowercase();
    let of = |record: &spf::Record, other: &spf::Record, text: &dyn Fn(&spf::Directive) -> String| {
        let differs = record.directives.iter().filter(|directive| {
            directive.mechanism != Mechanism::All
                && !other
                    .directives
                    .iter()
                    .any(|one| one.mechanism == directive.mechanism && one.qualifier == directive.qualifier)
        });
        differs.map(text).collect::<Vec<String>>().join(", ")
    };
    let all = |record: &spf::Record| {
        let all = record.directives.iter().find(|directive| directive.mechanism == Mechanism::All);
        all.map(|directive| directive.qualifier)
    };
    let lacks = of(&planned, &record, &|directive| words(&directive.mechanism));
    let more =
        of(&record, &planned, &|directive| shown.get(directive.span.clone()).unwrap_or_default().to_owned());
    let is_end_good = match (all(&planned), all(&record)) {
        (wanted, found) if wanted == found => true,
        (Some(Qualifier::SoftFail), Some(Qualifier::Fail)) => true,
        _ => false,
    };
    // What stands behind an `all` never counts, and a refusal in front of what is allowed changes the meaning.
    let is_order_good = record
        .directives
        .iter()
        .rev()
        .skip(1)
        .all(|directive| directive.mechanism != Mechanism::All && directive.qualifier == Qualifier::Pass);
    let (mut nl, mut en) = (Vec::new(), Vec::new());
    if !lacks.is_empty() {
        nl.push(format!("Er ontbreekt: {lacks}."));
        en.push(format!("Missing: {lacks}."));
    }
    if !more.is_empty() {
        nl.push(format!("Er staat meer in dan gepland: {more}. Verstuurt die voor u, zet hem dan in mail.toml; haal hem anders weg."));
        en.push(format!(
            "It holds more than planned: {more}. If that sends for you, put it in mail.toml; else remove it."
        ));
    }
    if record.redirect.is_some() {
        nl.push("Het verwijst door (redirect); vervang het record.".to_owned());
        en.push("It redirects; replace the record.".to_owned());
    } else if !is_end_good {
        nl.push("Het einde (all) is anders dan gepland.".to_owned());
        en.push("Its end (all) is not as planned.".to_owned());
    } else if !is_order_good {
        nl.push("De volgorde is anders dan gepland; vervang het record.".to_owned());
        en.push("Its order is not as planned; replace the record.".to_owned());
    }
    if nl.is_empty() {
        return Some(None);
    }
    Some(Some(Text::new(nl.join(" "), en.join(" "))))
}

/// A mechanism of a planned record as it is written.
fn words(mechanism: &Mechanism) -> String {
    match mechanism {
        Mechanism::Include(name) => format!("include:{}", name.literal().unwrap_or("…")),
        Mechanism::Ip4(address, bits) => format!("ip4:{address}/{bits}"),
        Mechanism::Ip6(address, bits) => format!("ip6:{address}/{bits}"),
        Mechanism::A(name, _) => {
            format!("a:{}", name.as_ref().and_then(|name| name.literal()).unwrap_or("…"))
        }
        Mechanism::Mx(name, _) => {
            format!("mx:{}", name.as_ref().and_then(|name| name.literal()).unwrap_or("…"))
        }
        Mechanism::Exists(_) => "exists".to_owned(),
        Mechanism::Ptr(_) => "ptr".to_owned(),
        Mechanism::All => "all".to_owned(),
    }
}

/// Tags that are weaker or other than planned; `None` when the published record cannot be read.
fn dmarc_changes(planned: &str, published: &str) -> Option<Vec<String>> {
    // The record that lets reports of another domain in has neither a policy nor an address.
    let bare = |text: &str| text.trim().trim_end_matches(';').trim().eq_ignore_ascii_case("v=DMARC1");
    if bare(planned) {
        return dmarc::is_record(published.as_bytes()).then(Vec::new);
    }
    let (planned, record) = (dmarc::read(planned.as_bytes())?, dmarc::read(published.as_bytes())?);
    let weaker = |wanted: Policy, found: Policy| found < wanted;
    let addresses = |record: &dmarc::Record| -> BTreeSet<String> {
        record.aggregate.iter().map(|address| address.uri.to_ascii_lowercase()).collect()
    };
    let tags = [
        ("p", weaker(planned.own(), record.own())),
        ("sp", weaker(planned.below(), record.below())),
        ("np", weaker(planned.absent(), record.absent())),
        ("t", record.is_test && !planned.is_test),
        ("adkim", planned.dkim != record.dkim),
        ("aspf", planned.spf != record.spf),
        ("rua", !addresses(&planned).is_subset(&addresses(&record))),
        ("ruf", !record.failure.is_empty()),
        ("pct", record.percent.is_some_and(|percent| percent < 100)),
    ];
    Some(tags.into_iter().filter(|(_, differs)| *differs).map(|(tag, _)| tag.to_owned()).collect())
}

fn is_same_key(planned: &str, published: &str) -> bool {
    match (key::read(planned.as_bytes()), key::read(published.as_bytes())) {
        (Ok(planned), Ok(published)) => {
            planned.kind == published.kind
                && planned.public == published.public
                && published.is_for_mail()
                && published.is_test == planned.is_test
                && published.hashes == planned.hashes
        }
        _ => planned == published,
    }
}

/// The `id` of a record of MTA-STS.
fn sts_id(text: &str) -> Option<&str> {
    text.split(';').find_map(|tag| tag.trim().strip_prefix("id=")).map(str::trim)
}

/// Where a record of TLS reports sends them.
fn report_addresses(text: &str) -> BTreeSet<String> {
    let addresses = text.split(';').find_map(|tag| tag.trim().strip_prefix("rua=")).unwrap_or_default();
    addresses.split(',').map(|address| address.trim().to_ascii_lowercase()).collect()
}

fn nothing(record: &PlannedRecord) -> Difference {
    let text = Text::new("Dit record staat nog niet in de DNS.", "This record is not in the DNS yet.");
    difference(DifferenceKind::Missing, record, Vec::new(), text)
}

/// A list of senders that is not complete must not be published because a comparison says that it is missing.
fn not_yet(difference: Difference) -> Difference {
    let text = Text::new(
        "Nog niet publiceren: deze lijst is niet af. Wat er nog moet, zegt: klantkluis mail plan.",
        "Do not publish this yet: the list is not complete. What is left to do is said by: klantkluis mail plan.",
    );
    Difference { text, ..difference }
}

fn extra(record: &PlannedRecord, others: Vec<String>) -> Difference {
    let text = match record.kind {
        PlannedKind::Mx => Text::new(
            "Er staat nog een server bij; rapporten die daar aankomen, raakt u kwijt.",
            "There is another server; reports that arrive there are lost.",
        ),
        _ => Text::new(
            "Er staat nog zo'n record bij, en dan telt geen van beide; haal het andere weg.",
            "There is another record like it, so neither counts; remove the other one.",
        ),
    };
    difference(DifferenceKind::Extra, record, others, text)
}

fn unanswered(record: &PlannedRecord) -> Difference {
    let text = Text::new(
        "De DNS gaf geen antwoord; probeer het later nog eens.",
        "The DNS did not answer; try again later.",
    );
    difference(DifferenceKind::Unanswered, record, Vec::new(), text)
}

fn difference(
    kind: DifferenceKind,
    record: &PlannedRecord,
    published: Vec<String>,
    text: Text,
) -> Difference {
    let shown = |text: String| text.chars().take(SHOWN_CHARS_MAX).collect::<String>();
    Difference {
        kind,
        name: record.name.clone(),
        record: record.kind,
        planned: record.value.clone(),
        published: published.into_iter().take(SHOWN_MAX).map(shown).collect(),
        text,
    }
}
