//! What the state machine of a policy says, in Dutch and English.

use kluis_model::{Lang, Text};

use super::policy::{
    BACK_DAYS, Blocker, Criterion, DomainSeen, Lost, NextKind, NextRecord, Published, REPORTERS_MIN,
    StreamSeen, Window,
};
use super::record::{PolicyStep, record_text};
use super::words::{both, counted, date, list, percent};
use crate::dmarc::Record;
use crate::report::Counts;
use crate::streams::StreamKind;

/// Names in one sentence.
pub(super) const NAMES_MAX: usize = 3;

/// One and many, in Dutch and in English.
struct Noun {
    nl: (&'static str, &'static str),
    en: (&'static str, &'static str),
}

impl Noun {
    fn of(&self, lang: Lang) -> (&'static str, &'static str) {
        match lang {
            Lang::Nl => self.nl,
            Lang::En => self.en,
        }
    }
}

const DAYS: Noun = Noun { nl: ("1 dag", "dagen"), en: ("1 day", "days") };
const MESSAGES: Noun = Noun { nl: ("1 bericht", "berichten"), en: ("1 message", "messages") };
const RECEIVERS: Noun = Noun { nl: ("1 ontvanger", "ontvangers"), en: ("1 receiver", "receivers") };

pub(super) fn without_record(seen: &DomainSeen) -> Text {
    let name = &seen.domain;
    match &seen.published {
        Published::Several => Text::new(
            format!("{name} heeft meer dan één DMARC-record; daardoor telt geen enkel record."),
            format!("{name} has more than one DMARC record; therefore none of them counts."),
        ),
        Published::Unreadable => Text::new(
            format!("Het DMARC-record van {name} is onleesbaar en telt daarom niet."),
            format!("The DMARC record of {name} cannot be read and therefore does not count."),
        ),
        Published::Above { domain, step } => Text::new(
            format!("{name} heeft geen eigen DMARC-record; dat van {domain} geldt: {}.", step.name(Lang::Nl)),
            format!(
                "{name} has no DMARC record of its own; that of {domain} holds: {}.",
                step.name(Lang::En)
            ),
        ),
        Published::Nothing => Text::new(
            format!("{name} heeft geen DMARC-record; iedereen kan ongemerkt in uw naam mailen."),
            format!("{name} has no DMARC record; anybody can mail in your name unnoticed."),
        ),
        Published::Unanswered | Published::Own(_) => Text::new(
            format!("De DNS gaf geen antwoord over {name}."),
            format!("The DNS did not answer about {name}."),
        ),
    }
}

pub(super) fn too_few_days(stage: PolicyStep, have: i32, need: i32) -> Text {
    let more = u64::try_from(need - have).unwrap_or(0);
    both(|lang| {
        let (step, days) = (stage.name(lang), counted(more, DAYS.of(lang), lang));
        match lang {
            Lang::Nl => format!("Nog {days} met rapporten nodig bij {step} ({have} van {need})."),
            Lang::En => format!("{days} more with reports are needed at {step} ({have} of {need})."),
        }
    })
}

pub(super) fn stale(last: i32) -> Text {
    let day = date(last);
    Text::new(
        format!("Sinds {day} kwam er geen rapport meer binnen; kijk of het rapportadres nog werkt."),
        format!("No report came in since {day}; see whether the report address still works."),
    )
}

pub(super) fn too_few_reporters(have: u32) -> Text {
    both(|lang| {
        let who = counted(u64::from(have), RECEIVERS.of(lang), lang);
        match lang {
            Lang::Nl => format!("Rapporten komen nu van {who}; wacht tot het er {REPORTERS_MIN} zijn."),
            Lang::En => format!("Reports come from {who} now; wait until there are {REPORTERS_MIN}."),
        }
    })
}

pub(super) fn unseen(stream: &StreamSeen, forwarded: u64) -> Text {
    let StreamSeen { id, from, .. } = stream;
    if forwarded > 0 {
        return both(|lang| {
            let all = counted(forwarded, MESSAGES.of(lang), lang);
            match lang {
                Lang::Nl => format!(
                    "Stroom {id} ({from}) is alleen gezien van servers die u niet noemde ({all} met uw handtekening): noem de dienst of de servers in mail.toml."
                ),
                Lang::En => format!(
                    "Stream {id} ({from}) was seen only from servers that you did not name ({all} with your signature): name the service or the servers in mail.toml."
                ),
            }
        });
    }
    Text::new(
        format!(
            "Stroom {id} ({from}) is nog niet in rapporten gezien; verstuur er iets mee, of haal hem uit mail.toml."
        ),
        format!(
            "Stream {id} ({from}) was not seen in reports yet; send something by it, or take it out of mail.toml."
        ),
    )
}

/// Who of a stream does not sign, worst first.
pub(super) fn unsigned(stream: &StreamSeen, window: &Window, counts: Counts, criterion: Criterion) -> Text {
    let mut bad: Vec<(u64, &Text)> = stream
        .senders
        .iter()
        .map(|sender| (window.counts(&sender.series), &sender.name))
        .filter(|(counts, _)| counts.dkim < counts.messages)
        .map(|(counts, name)| (counts.messages - counts.dkim, name))
        .collect();
    bad.sort_by_key(|(missing, _)| core::cmp::Reverse(*missing));
    let id = &stream.id;
    both(|lang| {
        let share = percent(counts.dkim, counts.messages, lang);
        let missing = counts.messages.saturating_sub(counts.dkim);
        let (missing, messages) = (lang.number(missing), counted(missing, MESSAGES.of(lang), lang));
        let who = list(&names(&bad, lang), NAMES_MAX, lang);
        match (lang, criterion) {
            (Lang::Nl, Criterion::AlwaysSigned) => format!(
                "Stroom {id}: {messages} zonder DKIM-handtekening van uw domein ({who}); voor p=reject moet elk \
                 bericht er een dragen."
            ),
            (Lang::En, Criterion::AlwaysSigned) => format!(
                "Stream {id}: {messages} without a DKIM signature of your domain ({who}); p=reject needs one on \
                 every message."
            ),
            (Lang::Nl, _) => format!(
                "Stroom {id}: {share} draagt een DKIM-handtekening van uw domein, 99,5 % is nodig ({who}: {missing} zonder)."
            ),
            (Lang::En, _) => format!(
                "Stream {id}: {share} carries a DKIM signature of your domain, 99.5% is needed ({who}: {missing} without)."
            ),
        }
    })
}

/// Why a policy goes back; `bad` of how many messages.
pub(super) fn going_back(id: &str, stage: PolicyStep, (bad, all): (u64, u64), lost: Lost) -> Text {
    both(|lang| {
        let (bad, all, step) = (lang.number(bad), lang.number(all), stage.name(lang));
        match (lang, lost) {
            (Lang::Nl, Lost::Failed) => format!(
                "Van stroom {id} mislukten {bad} van de {all} berichten van de laatste {BACK_DAYS} dagen; bij {step} gaat \
                 uw eigen mail verloren."
            ),
            (Lang::En, Lost::Failed) => format!(
                "Of stream {id}, {bad} of {all} messages of the last {BACK_DAYS} days failed; with {step} your own mail \
                 gets lost."
            ),
            (Lang::Nl, Lost::Unsigned) => format!(
                "Van stroom {id} misten {bad} van de {all} berichten van de laatste {BACK_DAYS} dagen uw \
                 DKIM-handtekening; bij {step} gaat doorgestuurde mail verloren."
            ),
            (Lang::En, Lost::Unsigned) => format!(
                "Of stream {id}, {bad} of {all} messages of the last {BACK_DAYS} days lacked your DKIM signature; with \
                 {step}, forwarded mail gets lost."
            ),
        }
    })
}

pub(super) fn names(of: &[(u64, &Text)], lang: Lang) -> Vec<String> {
    of.iter().map(|(_, name)| name.get(lang).to_owned()).collect()
}

pub(super) fn no_people(seen: &DomainSeen, stage: PolicyStep) -> Blocker {
    let office = seen.streams.iter().find(|stream| stream.kind == StreamKind::Office);
    let id = office.map(|stream| stream.id.clone());
    let name = &seen.domain;
    let text = if stage > PolicyStep::Quarantine {
        Text::new(
            format!(
                "Met {name} mailen ook mensen. Bij p=reject kan hun post aan mailinglijsten verdwijnen; RFC 9989 raadt \
                 p=quarantine aan."
            ),
            format!(
                "People mail with {name} too. With p=reject their posts to mailing lists may vanish; RFC 9989 advises \
                 p=quarantine."
            ),
        )
    } else {
        Text::new(
            format!(
                "{name} blijft op p=quarantine: er mailen mensen mee, en hun post aan mailinglijsten zou bij p=reject \
                 verdwijnen (RFC 9989 §7.4)."
            ),
            format!(
                "{name} stays at p=quarantine: people mail with it, and their posts to mailing lists would vanish with \
                 p=reject (RFC 9989 §7.4)."
            ),
        )
    };
    Blocker { criterion: Criterion::NoPeople, stream: id, text }
}

/// What was seen, whatever follows from it.
pub(super) fn evidence(seen: &DomainSeen) -> Vec<Text> {
    let window = Window::of(seen);
    let mut found = Vec::new();
    if let Some(since) = seen.since {
        let days = window.ends.map_or(0, |(first, last)| u64::try_from(last - first + 1).unwrap_or(0));
        found.push(both(|lang| {
            let (day, days) = (date(since), counted(days, DAYS.of(lang), lang));
            match lang {
                Lang::Nl => format!("Dit beleid geldt sinds {day}; de rapporten beslaan {days}."),
                Lang::En => format!("This policy has held since {day}; the reports cover {days}."),
            }
        }));
    }
    for stream in &seen.streams {
        let counts = window.counts(&stream.all());
        let forwarded = window.counts(&stream.forwarded).messages;
        let id = &stream.id;
        found.push(both(|lang| {
            let all = counted(counts.messages, MESSAGES.of(lang), lang);
            let share = percent(counts.dkim, counts.messages, lang);
            let passed = percent(counts.passed, counts.messages, lang);
            match lang {
                _ if counts.messages == 0 && forwarded > 0 => {
                    let all = counted(forwarded, MESSAGES.of(lang), lang);
                    let by = lang.pick(
                        "alleen van servers die u niet noemde",
                        "only from servers that you did not name",
                    );
                    format!("{id}: {all}, {by}")
                }
                _ if counts.messages == 0 => {
                    format!("{id}: {}", lang.pick("geen berichten gezien", "no messages seen"))
                }
                Lang::Nl => format!("{id}: {all}, {share} met DKIM, {passed} geslaagd voor DMARC"),
                Lang::En => format!("{id}: {all}, {share} with DKIM, {passed} passed DMARC"),
            }
        }));
    }
    found.push(both(|lang| {
        let who = counted(u64::from(seen.reporters), RECEIVERS.of(lang), lang);
        format!("{} {who}.", lang.pick("Rapporten kwamen van", "Reports came from"))
    }));
    found
}

/// That every condition of the next step is met.
pub(super) fn ready(seen: &DomainSeen, stage: PolicyStep, target: PolicyStep) -> Text {
    both(|lang| {
        let (domain, now, then) = (&seen.domain, stage.name(lang), target.name(lang));
        match lang {
            Lang::Nl => {
                format!("{domain} staat op {now} en kan verder: alle voorwaarden voor {then} zijn vervuld.")
            }
            Lang::En => format!("{domain} is at {now} and can go on: every condition for {then} is met."),
        }
    })
}

/// The record for a step.
pub(super) fn next(
    seen: &DomainSeen,
    before: Option<&Record>,
    kind: NextKind,
    step: PolicyStep,
) -> NextRecord {
    let name = format!("_dmarc.{}", seen.domain);
    let value = record_text(before, step, seen.report_address.as_deref());
    let words = step.words();
    let text = match kind {
        NextKind::Publish => Text::new(
            format!(
                "Publiceer een DMARC-record voor {} ({words}): dan komen er rapporten, en er verandert verder niets.",
                seen.domain
            ),
            format!(
                "Publish a DMARC record for {} ({words}): then reports come in, and nothing else changes.",
                seen.domain
            ),
        ),
        NextKind::Repair => Text::new(
            format!("Vervang wat er op {name} staat door dit ene record."),
            format!("Replace what stands at {name} by this one record."),
        ),
        NextKind::OwnRecord => Text::new(
            format!(
                "Geef {} een eigen DMARC-record ({words}); het beleid blijft gelijk, en u kunt het apart strenger maken.",
                seen.domain
            ),
            format!(
                "Give {} a DMARC record of its own ({words}); the policy stays the same, and you can make it stricter apart.",
                seen.domain
            ),
        ),
        NextKind::Rehearse => Text::new(
            format!(
                "Oefen {} voor {}: zet het record op {words}. Ontvangers die t=y kennen, doen nog één stap milder (ook voor sp en np); oudere ontvangers passen het beleid al toe.",
                step.policy().word(),
                seen.domain
            ),
            format!(
                "Rehearse {} for {}: set the record to {words}. Receivers that know t=y still act one step milder (for sp and np too); older receivers apply the policy already.",
                step.policy().word(),
                seen.domain
            ),
        ),
        NextKind::StepUp => Text::new(
            format!("Zet het record van {} op {words}.", seen.domain),
            format!("Set the record of {} to {words}.", seen.domain),
        ),
        NextKind::StepBack => Text::new(
            format!("Zet {} terug naar {words} tot de oorzaak is verholpen.", seen.domain),
            format!("Set {} back to {words} until the cause is repaired.", seen.domain),
        ),
    };
    NextRecord { kind, name, record_type: "TXT".to_owned(), value, step, text }
}
