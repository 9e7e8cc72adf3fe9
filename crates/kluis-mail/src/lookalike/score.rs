//! What the DNS says about a name that looks like the shop's, and how worrying that is.

use kluis_model::Text;
use serde::{Deserialize, Serialize};

use super::{Candidate, Kind};
use crate::dmarc;
use crate::dns::{Answer, Answers, Question, RecordKind};
use crate::spf::{self, Mechanism, Qualifier};

/// Name servers of a name that are kept.
const NAME_SERVERS_MAX: usize = 12;

/// What the DNS says about a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// Whether the name is registered: it has records or name servers.
    pub is_there: bool,
    /// Whether it has an address: a website, perhaps.
    pub has_address: bool,
    /// Whether it takes mail.
    pub mx: MxSeen,
    /// Whether it sends mail.
    pub spf: SpfSeen,
    /// Whether it has a policy of DMARC.
    pub has_dmarc: bool,
    /// Its name servers.
    pub name_servers: Vec<String>,
    /// Whether they are those of the shop.
    pub shares_name_servers: bool,
    /// Whether every question was answered.
    pub is_whole: bool,
}

/// Whether a name takes mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MxSeen {
    /// It does not say.
    #[default]
    Absent,
    /// It says that it does not (RFC 7505).
    Refused,
    /// It has a server for it.
    Present,
}

/// Whether a name says who may send for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpfSeen {
    /// It does not say.
    #[default]
    Absent,
    /// It says that nobody may.
    Nobody,
    /// It says that somebody may.
    Somebody,
}

/// How worrying a name is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// 0: it does not exist; 100: it is ready for fraud.
    pub points: u8,
    /// Why, the weightiest first.
    pub reasons: Vec<Text>,
}

/// The name servers of a domain, in order.
///
/// # Errors
/// The question whose answer is needed.
pub fn name_servers(domain: &str, answers: &impl Answers) -> Result<Vec<String>, Vec<Question>> {
    Ok(match answers.ask(domain, RecordKind::Ns).map_err(|question| vec![question])? {
        Answer::Ptr(names) => {
            let mut names: Vec<String> =
                names.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
            names.sort();
            names.truncate(NAME_SERVERS_MAX);
            names
        }
        _ => Vec::new(),
    })
}

/// Collects what the DNS says about a name; one question for a name that is not there.
///
/// # Errors
/// The questions whose answers are needed at this point.
pub fn see(domain: &str, shop_servers: &[String], answers: &impl Answers) -> Result<Seen, Vec<Question>> {
    let mut seen = Seen { is_whole: true, ..Seen::default() };
    match answers.ask(domain, RecordKind::A).map_err(|question| vec![question])? {
        Answer::NoSuchName => return Ok(seen),
        Answer::A(list) => seen.has_address = !list.is_empty(),
        answer => seen.is_whole &= *answer != Answer::Failed,
    }
    let questions = [
        Question::new(domain, RecordKind::Ns),
        Question::new(domain, RecordKind::Mx),
        Question::new(domain, RecordKind::Txt),
        Question::new(&format!("_dmarc.{domain}"), RecordKind::Txt),
        Question::new(domain, RecordKind::Aaaa),
    ];
    let missing: Vec<Question> =
        questions.iter().filter(|question| answers.find(question).is_none()).cloned().collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    seen.is_whole &= questions.iter().all(|question| answers.find(question) != Some(&Answer::Failed));
    seen.name_servers = name_servers(domain, answers)?;
    seen.shares_name_servers = !seen.name_servers.is_empty() && seen.name_servers == shop_servers;
    if let Answer::Mx(list) = answers.ask(domain, RecordKind::Mx).map_err(|question| vec![question])? {
        let is_refused = list.iter().all(|(_, host)| host.is_empty() || host == ".");
        seen.mx = match (list.is_empty(), is_refused) {
            (true, _) => MxSeen::Absent,
            (false, true) => MxSeen::Refused,
            (false, false) => MxSeen::Present,
        };
    }
    if let Answer::Txt(texts) = answers.ask(domain, RecordKind::Txt).map_err(|question| vec![question])? {
        seen.spf = texts
            .iter()
            .filter(|text| spf::version(text).is_some())
            .map(|text| sends(text))
            .next()
            .unwrap_or_default();
    }
    if let Answer::Txt(texts) =
        answers.ask(&format!("_dmarc.{domain}"), RecordKind::Txt).map_err(|question| vec![question])?
    {
        seen.has_dmarc = texts.iter().any(|text| dmarc::is_record(text));
    }
    if let Answer::Aaaa(list) = answers.ask(domain, RecordKind::Aaaa).map_err(|question| vec![question])? {
        seen.has_address |= !list.is_empty();
    }
    seen.is_there = seen.has_address
        || seen.mx != MxSeen::Absent
        || seen.spf != SpfSeen::Absent
        || seen.has_dmarc
        || !seen.name_servers.is_empty();
    Ok(seen)
}

/// Whether a record lets anybody send.
fn sends(text: &[u8]) -> SpfSeen {
    let Ok(record) = spf::read(text) else { return SpfSeen::Somebody };
    let is_closed = record.redirect.is_none()
        && record
            .directives
            .iter()
            .all(|directive| directive.mechanism == Mechanism::All && directive.qualifier == Qualifier::Fail);
    if is_closed && !record.directives.is_empty() { SpfSeen::Nobody } else { SpfSeen::Somebody }
}

/// Judges a name: how much it looks like the shop's, and whether it is ready to send and receive mail.
#[must_use]
pub fn score(candidate: &Candidate, seen: &Seen) -> Score {
    if !seen.is_there {
        return Score { points: 0, reasons: Vec::new() };
    }
    let mut parts: Vec<(i32, Text)> = Vec::new();
    let mut add = |points: i32, nl: &str, en: &str| parts.push((points, Text::new(nl, en)));
    if let Some(kind) = candidate.kinds.first() {
        let (nl, en) = (kind.name(kluis_model::Lang::Nl), kind.name(kluis_model::Lang::En));
        add(resemblance(*kind), &format!("lijkt op uw naam: {nl}"), &format!("looks like your name: {en}"));
    }
    match seen.mx {
        MxSeen::Present => add(
            30,
            "kan mail ontvangen: antwoorden van uw klanten",
            "can receive mail: answers of your customers",
        ),
        MxSeen::Refused => {
            add(-10, "zegt zelf dat hij geen mail ontvangt", "says itself that it takes no mail")
        }
        MxSeen::Absent => {}
    }
    match seen.spf {
        SpfSeen::Somebody => add(15, "is ingesteld om mail te versturen", "is set up to send mail"),
        SpfSeen::Nobody => {
            add(-15, "zegt zelf dat hij nooit mail verstuurt", "says itself that it never sends mail")
        }
        SpfSeen::Absent => {}
    }
    if seen.has_address {
        add(15, "heeft een adres: misschien een website", "has an address: a website perhaps");
    }
    if seen.has_dmarc && seen.spf != SpfSeen::Nobody {
        add(
            5,
            "heeft een DMARC-record: iemand heeft moeite gedaan",
            "has a DMARC record: somebody took trouble",
        );
    }
    if seen.shares_name_servers {
        add(
            -20,
            "staat bij dezelfde naamservers als uw winkel: misschien is hij van u",
            "is at the same name servers as your shop: perhaps it is yours",
        );
    }
    let total: i32 = parts.iter().map(|(points, _)| points).sum();
    parts.sort_by_key(|(points, _)| -points.abs());
    Score {
        points: u8::try_from(total.clamp(1, 100)).unwrap_or(100),
        reasons: parts.into_iter().map(|(_, text)| text).collect(),
    }
}

/// How easily people mistake a name of this kind for the shop's.
fn resemblance(kind: Kind) -> i32 {
    match kind {
        Kind::Homoglyph => 35,
        Kind::Word | Kind::Hyphen | Kind::Subdomain => 30,
        Kind::Tld => 25,
        Kind::Transposition | Kind::Omission | Kind::Repetition | Kind::Sound => 20,
        Kind::Keyboard | Kind::Vowel | Kind::Insertion => 15,
        Kind::BitFlip => 10,
    }
}
