//! `mail lookalike`: names that look like the shop's, and on request which of them exist and how worrying they are.

use std::collections::BTreeSet;

use anyhow::Result;
use kluis_mail::lookalike::{self, Candidate, MxSeen, Options, Score, Seen};
use kluis_model::Lang;
use kluis_net::LookalikePace;
use serde_json::json;

use super::super::{Context, Outcome, Session};
use super::{ask, clean};
use crate::args_mail::MailLookalikeArgs;
use crate::talk;

/// Points from which a name deserves attention.
const WORRYING: u8 = 60;

/// Lists names, and looks them up when that is asked for.
pub(crate) async fn run(is_json: bool, lang: Lang, args: &MailLookalikeArgs) -> Result<Outcome> {
    let domain = shop(&args.domain, lang)?;
    let options = Options { has_unlikely: args.all, ..Options::default() };
    let names = lookalike::permute(&domain, &options);
    if !args.resolve {
        list(is_json, lang, args, &names)?;
        return Ok(Outcome::Good);
    }
    let audit = ask::options(&args.dns)?;
    let bar = talk::progress((args.max.min(names.len()) as u64).into(), lang.pick("namen", "names"));
    let mut found: Vec<(Candidate, Seen, Score)> = Vec::new();
    let mut on_seen = |candidate: &Candidate, seen: Seen| {
        bar.inc(1);
        if seen.is_there {
            let score = lookalike::score(candidate, &seen);
            found.push((candidate.clone(), seen, score));
        }
    };
    let looked = kluis_net::look_up_names(&names, &domain, &audit, pace(args), &mut on_seen).await?;
    bar.finish_and_clear();
    found.sort_by(|one, other| {
        other.2.points.cmp(&one.2.points).then_with(|| one.0.domain.cmp(&other.0.domain))
    });
    if let (Some(error), true) = (&looked.stopped, found.is_empty()) {
        return Err(error.clone().into());
    }
    let rows: Vec<Row<'_>> = found
        .iter()
        .map(|(candidate, seen, score)| Row {
            candidate,
            seen,
            points: score.points,
            reasons: &score.reasons,
            is_new: false,
        })
        .collect();
    if is_json {
        talk::print_json(&json!({
            "domain": domain, "made": names.len(), "tried": looked.names, "questions": looked.questions,
            "next": (looked.next < names.len()).then_some(looked.next),
            "found": rows.iter().map(Row::json).collect::<Vec<_>>(),
        }))?;
    } else {
        print_rows(&rows, lang)?;
        talk::print(format!(
            "{} {} {} {} {}",
            found.len(),
            lang.pick("van de", "of"),
            looked.names,
            lang.pick("namen bestaan;", "names exist;"),
            number_left(looked.next, names.len(), lang)
        ))?;
        hint(&rows, lang);
    }
    if let Some(error) = &looked.stopped {
        talk::say(format!("! {}", error.message(lang)));
    }
    Ok(Outcome::of_findings(rows.iter().filter(|row| row.points >= WORRYING).count()))
}

/// Looks names up and keeps what exists in the vault, with what changed.
pub(crate) async fn run_and_keep(
    context: &Context,
    session: &Session,
    args: &MailLookalikeArgs,
) -> Result<Outcome> {
    let lang = context.lang;
    let domain = shop(&args.domain, lang)?;
    super::set_mail_settings(context, session, args.dns.dns.as_deref())?;
    talk::say(
        lang.pick("Namen worden opgezocht; dit kan even duren…", "Looking names up; this can take a while…"),
    );
    let view = session.vault.app.lookalike_scan(&session.actor, &domain, pace(args)).await?;
    let rows: Vec<Row<'_>> = view
        .found
        .iter()
        .map(|found| Row {
            candidate: &found.candidate,
            seen: &found.seen,
            points: found.points,
            reasons: &found.reasons,
            is_new: view.new.contains(&found.candidate.domain),
        })
        .collect();
    if context.json {
        talk::print_json(&view)?;
    } else {
        print_rows(&rows, lang)?;
        talk::print(changes(&view.new, &view.gone, lang))?;
        hint(&rows, lang);
    }
    Ok(Outcome::of_findings(view.new.len()))
}

fn shop(domain: &str, lang: Lang) -> Result<String> {
    let domain = ask::domain(domain, lang)?;
    Ok(lookalike::registered(&domain).unwrap_or(domain))
}

fn pace(args: &MailLookalikeArgs) -> LookalikePace {
    LookalikePace { per_second: args.rate, from: args.from, names_max: args.max }
}

/// A name that exists.
struct Row<'a> {
    candidate: &'a Candidate,
    seen: &'a Seen,
    points: u8,
    reasons: &'a [kluis_model::Text],
    is_new: bool,
}

impl Row<'_> {
    fn json(&self) -> serde_json::Value {
        json!({
            "domain": self.candidate.domain, "unicode": self.candidate.unicode, "kinds": self.candidate.kinds,
            "points": self.points, "reasons": self.reasons, "seen": self.seen,
        })
    }
}

fn list(is_json: bool, lang: Lang, args: &MailLookalikeArgs, names: &[Candidate]) -> Result<()> {
    let end = args.from.saturating_add(args.max).min(names.len());
    let shown = names.get(args.from..end).unwrap_or_default();
    if is_json {
        return talk::print_json(&json!({ "made": names.len(), "names": shown }));
    }
    for candidate in shown {
        let kinds: Vec<&str> = candidate.kinds.iter().map(|kind| kind.name(lang)).collect();
        talk::print(format!("{:<34} {}", shown_name(candidate), kinds.join(", ")))?;
    }
    talk::say(format!(
        "{} {} {} {}",
        shown.len(),
        lang.pick("van de", "of"),
        names.len(),
        lang.pick("namen, de gevaarlijkste eerst.", "names, the most dangerous first.")
    ));
    talk::hint(lang.pick(
        "kijk welke er bestaan met --resolve (dat stelt rustig vragen aan uw naamserver)",
        "see which exist with --resolve (that asks your name server questions, slowly)",
    ));
    Ok(())
}

/// The name as it is registered, and as it looks when that is another.
fn shown_name(candidate: &Candidate) -> String {
    if candidate.domain == candidate.unicode {
        return candidate.domain.clone();
    }
    format!("{} ({})", clean(&candidate.unicode), candidate.domain)
}

fn print_rows(rows: &[Row<'_>], lang: Lang) -> Result<()> {
    for row in rows {
        let mark = if row.points >= WORRYING { "✗" } else { "·" };
        let new = if row.is_new { lang.pick(" NIEUW", " NEW") } else { "" };
        let mail = if row.seen.mx == MxSeen::Present { " ✉" } else { "" };
        talk::print(format!("{mark} {:>3} {}{mail}{new}", row.points, shown_name(row.candidate)))?;
        let reasons: Vec<&str> = row.reasons.iter().map(|reason| reason.get(lang)).collect();
        talk::print(format!("      {}", reasons.join("; ")))?;
    }
    Ok(())
}

fn changes(new: &BTreeSet<String>, gone: &BTreeSet<String>, lang: Lang) -> String {
    let list = |names: &BTreeSet<String>| match names.len() {
        0 => lang.pick("geen", "none").to_owned(),
        _ => names.iter().take(20).cloned().collect::<Vec<_>>().join(", "),
    };
    format!(
        "{} {} · {} {}",
        lang.pick("Nieuw sinds de vorige keer:", "New since the last time:"),
        list(new),
        lang.pick("verdwenen:", "gone:"),
        list(gone)
    )
}

fn number_left(next: usize, all: usize, lang: Lang) -> String {
    if next >= all {
        return lang.pick("alles is bekeken.", "everything was looked at.").to_owned();
    }
    format!(
        "{} {}. {} --from {next}",
        all - next,
        lang.pick("nog niet bekeken", "not looked at yet"),
        lang.pick("Ga verder met", "Go on with")
    )
}

fn hint(rows: &[Row<'_>], lang: Lang) {
    if rows.iter().any(|row| row.points >= WORRYING) {
        talk::hint(lang.pick(
            "is een naam niet van u? Meld misbruik bij de registry (.nl: SIDN) en bij de hoster, en waarschuw uw klanten als er mail mee komt",
            "is a name not yours? Report abuse to the registry (.nl: SIDN) and the host, and warn your customers when mail comes with it",
        ));
    }
}
