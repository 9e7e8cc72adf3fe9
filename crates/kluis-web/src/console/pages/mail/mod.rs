//! Mail in the shop's name: who sends it, which of it is the shop's own, and what keeps the rest out.

pub(crate) mod home;
pub(crate) mod keys;
pub(crate) mod lookalikes;
pub(crate) mod plan;
pub(crate) mod queue;
pub(crate) mod reports;
pub(crate) mod senders;
pub(crate) mod what_if;

use kluis_app::MailLookalikeView;
use kluis_mail::advice::{ALIGNED_PER_MILLE_MIN, Light, PolicyStep};
use kluis_model::Lang;

use crate::console::mail_view::LookalikeRow;
use crate::console::texts::Texts;
use crate::console::view::Choice;
use crate::console::words::number;

/// Where errors of these pages go on.
pub(crate) const BACK: &str = "/console/phishing";
/// The periods that can be chosen, in days.
const PERIODS: [u32; 3] = [7, 30, 90];
/// The usual period.
const DAYS: u32 = 30;

/// Kinds of senders as they stand in a bar, from the bottom: what is the shop's own, then what is not.
const CATEGORIES: [&str; 5] = ["own", "service", "forwarder", "unknown", "misuse"];

/// A light as the page names it.
fn tone(light: Light) -> &'static str {
    match light {
        Light::Grey => "plain",
        Light::Green => "ok",
        Light::Amber => "warn",
        Light::Red => "bad",
    }
}

/// The word of a step of a policy, for texts.
fn step_word(step: PolicyStep) -> &'static str {
    match step {
        PolicyStep::None => "none",
        PolicyStep::TestQuarantine => "test-quarantine",
        PolicyStep::Quarantine => "quarantine",
        PolicyStep::TestReject => "test-reject",
        PolicyStep::Reject => "reject",
    }
}

/// The colour of a score of a name that looks like the shop's.
fn points_tone(points: u8) -> &'static str {
    match points {
        70.. => "bad",
        30.. => "warn",
        _ => "plain",
    }
}

/// A name that looks like the shop's, as a row.
fn lookalike(name: &MailLookalikeView, lang: Lang) -> LookalikeRow {
    LookalikeRow {
        domain: name.domain.clone(),
        shown: (name.unicode != name.domain).then(|| name.unicode.clone()),
        points: i64::from(name.points),
        tone: points_tone(name.points),
        reasons: name.reasons.iter().map(|reason| reason.get(lang).to_owned()).collect(),
        is_new: name.is_new,
    }
}

/// A text that begins with a capital.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}

/// A text as a sentence: with a capital and a full stop.
fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{}{end}", capital(text))
}

/// The days that were asked for, when they are one of the periods.
fn days(asked: &str) -> u32 {
    asked.parse().ok().filter(|days| PERIODS.contains(days)).unwrap_or(DAYS)
}

/// The periods as choices.
fn periods(texts: &Texts, chosen: u32) -> Vec<Choice> {
    let choice = |days: u32| Choice {
        id: days.to_string(),
        label: texts.with("mail-days", "n", i64::from(days)),
        chosen: days == chosen,
    };
    PERIODS.map(choice).to_vec()
}

/// A share in per cent with one digit, rounded down, so that 100 % is all of it.
fn share(part: u64, whole: u64, lang: Lang) -> String {
    let tenths = per_mille(part, whole);
    let (percent, rest) = (tenths / 10, tenths % 10);
    match (rest, lang) {
        (0, Lang::Nl) => format!("{percent} %"),
        (0, Lang::En) => format!("{percent}%"),
        (_, Lang::Nl) => format!("{percent},{rest} %"),
        (_, Lang::En) => format!("{percent}.{rest}%"),
    }
}

/// Of a thousand so many, rounded down.
fn per_mille(part: u64, whole: u64) -> u64 {
    let tenths = u128::from(part.min(whole)) * 1_000 / u128::from(whole.max(1));
    u64::try_from(tenths).unwrap_or(1_000)
}

/// The colour of a share that proved to be the shop's.
fn share_tone(part: u64, whole: u64) -> &'static str {
    match per_mille(part, whole) {
        _ if whole == 0 => "plain",
        ALIGNED_PER_MILLE_MIN.. => "ok",
        900.. => "warn",
        _ => "bad",
    }
}

/// A sentence about what was compared with the relay's own counts.
fn reconciled(texts: &Texts, signed: u64, reported: u64, others: u64) -> String {
    let mut args = fluent_bundle::FluentArgs::new();
    args.set("signed", number(signed));
    args.set("reported", texts.number(number(reported)));
    let mut text = texts.find("mail-reconciled", Some(&args)).unwrap_or_default();
    let after = match reported.cmp(&signed) {
        core::cmp::Ordering::Less => Some("mail-reconciled-less"),
        core::cmp::Ordering::Equal => None,
        core::cmp::Ordering::Greater => Some("mail-reconciled-more"),
    };
    if let Some(key) = after {
        text.push(' ');
        text.push_str(&texts.get(key));
    }
    if others > 0 {
        text.push(' ');
        text.push_str(&texts.with("mail-reconciled-others", "n", number(others)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_rounded_up_to_all() {
        for (part, whole, nl, en) in [
            (9_999, 10_000, "99,9 %", "99.9%"),
            (10_000, 10_000, "100 %", "100%"),
            (0, 0, "0 %", "0%"),
            (1, 3, "33,3 %", "33.3%"),
            (9, 3, "100 %", "100%"),
            (u64::MAX, u64::MAX, "100 %", "100%"),
        ] {
            assert_eq!(
                (share(part, whole, Lang::Nl).as_str(), share(part, whole, Lang::En).as_str()),
                (nl, en)
            );
        }
        assert_eq!(share_tone(0, 0), "plain");
        assert_eq!((share_tone(995, 1_000), share_tone(994, 1_000), share_tone(1, 2)), ("ok", "warn", "bad"));
    }

    #[test]
    fn only_the_periods_that_are_offered_are_taken() {
        for asked in ["", "0", "-1", "31", "9999999999", "x", "30"] {
            assert_eq!(days(asked), 30, "{asked}");
        }
        assert_eq!((days("7"), days("90")), (7, 90));
    }

    #[test]
    fn what_was_sent_and_what_was_seen_stand_in_one_sentence() {
        let texts = Texts::new(Lang::Nl);
        let said = reconciled(&texts, 1_204, 1_198, 312);
        assert!(said.starts_with("Wij ondertekenden 1.204 mails, ontvangers meldden er 1.198."), "{said}");
        assert!(said.ends_with("Nog 312 mails met deze naam kwamen niet van ons."), "{said}");
        assert_eq!(reconciled(&texts, 5, 5, 0), "Wij ondertekenden 5 mails, ontvangers meldden er 5.");
        assert!(reconciled(&Texts::new(Lang::En), 1, 2, 1).contains("more than we sent"));
    }
}
