//! The light of a stream: what receivers saw of its mail in the last days, and what is missing in the DNS.

use kluis_model::{Lang, Text};
use serde::Serialize;

use super::Light;
use super::policy::{ALIGNED_PER_MILLE_MIN, SenderSeen, StreamSeen, is_share};
use super::words::{both, percent};
use crate::report::Counts;
use crate::streams::KeyUse;

/// Under this share of messages that pass, the stream is in trouble.
const PASSED_PER_MILLE_BAD: u64 = 950;
/// Days that a light looks back.
const LIGHT_DAYS: i32 = 30;

/// The light with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamLight {
    /// The light.
    pub light: Light,
    /// Why, most important first; also one when all is well.
    pub reasons: Vec<Text>,
    /// Messages of the last 30 days.
    pub counts: Counts,
    /// Of 1,000 of them, how many carried an aligned signature.
    pub dkim_per_mille: Option<u32>,
}

/// Judges a stream; `gone` are keys of it that the DNS does not hold any more, `is_covered` whether a DMARC record holds
/// for it (`None`: not known).
#[must_use]
pub fn stream_light(
    stream: &StreamSeen,
    today: i32,
    gone: &[KeyUse],
    is_covered: Option<bool>,
) -> StreamLight {
    let from = today.saturating_sub(LIGHT_DAYS - 1);
    let counts = stream.all().between(from, today);
    let mut found: Vec<(Light, Text)> = gone.iter().map(|key| (Light::Red, key_gone(key))).collect();
    for SenderSeen { name, series, .. } in &stream.senders {
        let of = series.between(from, today);
        if !is_share(of.passed, of.messages, ALIGNED_PER_MILLE_MIN) {
            let is_bad = !is_share(counts.passed, counts.messages, PASSED_PER_MILLE_BAD);
            found.push((if is_bad { Light::Red } else { Light::Amber }, failing(name, of)));
        } else if !is_share(of.dkim, of.messages, ALIGNED_PER_MILLE_MIN) {
            found.push((Light::Amber, unsigned(name, of)));
        }
    }
    if is_covered == Some(false) {
        let from = &stream.from;
        found.push((
            Light::Amber,
            Text::new(
                format!("Voor {from} geldt geen DMARC-record."),
                format!("No DMARC record holds for {from}."),
            ),
        ));
    }
    found.sort_by_key(|(light, _)| core::cmp::Reverse(*light));
    let worst = found.first().map(|(light, _)| *light);
    let mut reasons: Vec<Text> = found.into_iter().map(|(_, text)| text).collect();
    let light = match (worst, counts.messages) {
        (Some(worst), _) => worst,
        (None, 0) => {
            reasons.push(match stream.forwarded.between(from, today).messages {
                0 => Text::new(
                    "Nog geen rapporten over deze stroom in de laatste 30 dagen.",
                    "No reports about this stream in the last 30 days yet.",
                ),
                count => only_forwarded(count),
            });
            Light::Grey
        }
        (None, _) => {
            reasons.push(well(counts));
            Light::Green
        }
    };
    let per_mille = u128::from(counts.dkim) * 1_000;
    let dkim_per_mille = per_mille.checked_div(u128::from(counts.messages));
    StreamLight {
        light,
        reasons,
        counts,
        dkim_per_mille: dkim_per_mille.map(|share| u32::try_from(share).unwrap_or(1_000).min(1_000)),
    }
}

fn key_gone(key: &KeyUse) -> Text {
    let name = format!("{}._domainkey.{}", key.selector, key.domain);
    Text::new(
        format!(
            "De DKIM-sleutel {name} staat niet meer in de DNS: handtekeningen kunnen niet worden nagekeken."
        ),
        format!("The DKIM key {name} is not in the DNS any more: signatures cannot be checked."),
    )
}

fn failing(name: &Text, counts: Counts) -> Text {
    both(|lang| {
        let name = name.get(lang);
        let (bad, all) =
            (lang.number(counts.messages - counts.passed.min(counts.messages)), lang.number(counts.messages));
        match lang {
            Lang::Nl => format!(
                "{name}: {bad} van {all} berichten zijn niet als de uwe te herkennen (DKIM en SPF ontbreken)."
            ),
            Lang::En => format!(
                "{name}: {bad} of {all} messages cannot be recognised as yours (DKIM and SPF are missing)."
            ),
        }
    })
}

fn unsigned(name: &Text, counts: Counts) -> Text {
    both(|lang| {
        let name = name.get(lang);
        let share = percent(counts.dkim, counts.messages, lang);
        match lang {
            Lang::Nl => format!(
                "{name}: {share} draagt uw DKIM-handtekening; de rest slaagt alleen door SPF en gaat bij doorsturen verloren."
            ),
            Lang::En => format!(
                "{name}: {share} carries your DKIM signature; the rest passes by SPF only and gets lost when forwarded."
            ),
        }
    })
}

fn only_forwarded(count: u64) -> Text {
    both(|lang| {
        let all = lang.number(count);
        match lang {
            Lang::Nl => format!(
                "Alleen gezien van servers die u niet noemde: {all} berichten met uw handtekening. Verstuurt een dienst deze mail, noem die dan in mail.toml."
            ),
            Lang::En => format!(
                "Seen only from servers that you did not name: {all} messages with your signature. If a service sends this mail, name it in mail.toml."
            ),
        }
    })
}

fn well(counts: Counts) -> Text {
    both(|lang| {
        let all = lang.number(counts.messages);
        match lang {
            Lang::Nl => format!("{all} berichten in 30 dagen, alle goed te herkennen."),
            Lang::En => format!("{all} messages in 30 days, all well recognisable."),
        }
    })
}
