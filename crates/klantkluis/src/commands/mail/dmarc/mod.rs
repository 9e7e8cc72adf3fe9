//! `mail dmarc`: what a domain asks, what to do next, what a stricter policy would do.

mod show;

use anyhow::Result;
use kluis_app::{MailAdviceView, MailDigestView, MailStreamView, Says, SimulateInput, SimulateView};
use kluis_mail::advice::{Advice, ImpactLine, Light, NextRecord, PolicyStep};
use kluis_mail::dmarc::Policy;
use kluis_model::Lang;
use serde_json::json;

use super::super::{Context, Outcome, Session};
use super::clean;
use crate::args_mail_dmarc::{DmarcCommand, DmarcSimulateArgs, PolicyArg};
use crate::talk;

pub(super) use show::run as show;

/// Runs a command that needs the vault.
pub(super) async fn run(context: &Context, session: &Session, command: DmarcCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        // It ran without a vault.
        DmarcCommand::Show(_) => Ok(Outcome::Good),
        DmarcCommand::Advise => {
            let view = app.mail_advise(actor).await?;
            if context.json {
                talk::print_json(&view)?;
            } else {
                print_advice(&view, context.lang)?;
            }
            Ok(Outcome::of_findings(view.advices.iter().filter(|advice| advice.next.is_some()).count()))
        }
        DmarcCommand::Simulate(args) => {
            let view = app.mail_simulate(actor, input(args)).await?;
            if context.json {
                talk::print_json(&view)?;
            } else {
                print_simulation(&view, context.lang)?;
            }
            let lost = view.lines.iter().filter(|line| line.is_declared && hit(line) > 0);
            Ok(Outcome::of_findings(lost.count()))
        }
        DmarcCommand::Watch => {
            let view = app.mail_day(actor).await?;
            if context.json {
                talk::print_json(&view)?;
            } else {
                print_digest(view.as_ref(), context.lang)?;
            }
            Ok(Outcome::of_findings(view.map_or(0, |view| view.items.len())))
        }
        DmarcCommand::NotOurs(args) => {
            let says = if args.undo { Says::Nothing } else { Says::NotOurs };
            app.mail_not_ours(actor, &args.source, says).await?;
            context.done(
                &json!({"source": args.source, "is_ours": !args.undo}),
                "Genoteerd; klantkluis mail dmarc advise houdt er rekening mee.",
                "Noted; klantkluis mail dmarc advise takes it into account.",
            )?;
            Ok(Outcome::Good)
        }
    }
}

fn input(args: DmarcSimulateArgs) -> SimulateInput {
    let policy = match args.policy {
        PolicyArg::None => Policy::None,
        PolicyArg::Quarantine => Policy::Quarantine,
        PolicyArg::Reject => Policy::Reject,
    };
    SimulateInput {
        domain: args.domain,
        policy: PolicyStep::of(policy, false),
        record: args.record,
        spf: args.spf,
        days: args.days,
    }
}

fn mark(light: Light) -> &'static str {
    match light {
        Light::Grey => "·",
        Light::Green => "✓",
        Light::Amber => "!",
        Light::Red => "✗",
    }
}

fn print_advice(view: &MailAdviceView, lang: Lang) -> Result<()> {
    if !view.is_fresh {
        talk::say(lang.pick(
            "De DNS gaf geen antwoord; dit gaat uit van wat er het laatst stond.",
            "The DNS did not answer; this takes what was there last.",
        ));
    }
    for advice in &view.advices {
        print_one(advice, lang)?;
    }
    talk::print(lang.pick("Mailstromen", "Mail streams"))?;
    for stream in &view.streams {
        print_stream(stream, lang)?;
    }
    Ok(())
}

fn print_one(advice: &Advice, lang: Lang) -> Result<()> {
    talk::print(format!("{} {}", mark(advice.light), clean(advice.summary.get(lang))))?;
    for text in &advice.evidence {
        talk::print(format!("    {}", clean(text.get(lang))))?;
    }
    let missing = advice.blockers.iter().filter(|blocker| blocker.text != advice.summary);
    for blocker in missing {
        talk::print(format!("  - {}", clean(blocker.text.get(lang))))?;
    }
    if let Some(next) = &advice.next {
        print_record(next, lang)?;
    }
    talk::print("")
}

fn print_record(next: &NextRecord, lang: Lang) -> Result<()> {
    talk::print(format!("  → {}", clean(next.text.get(lang))))?;
    talk::print(format!("    {} {}", clean(&next.name), next.record_type))?;
    talk::print(format!("    {}", clean_long(&next.value)))
}

/// A record whole; it may be longer than other texts.
fn clean_long(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c)).take(4_096).collect()
}

fn print_stream(stream: &MailStreamView, lang: Lang) -> Result<()> {
    let messages = lang.number(stream.counts.messages);
    talk::print(format!(
        "{} {} ({}): {messages} {}",
        mark(stream.light),
        stream.id,
        stream.from,
        lang.pick("berichten in 30 dagen", "messages in 30 days")
    ))?;
    for reason in &stream.reasons {
        talk::print(format!("    {}", clean(reason.get(lang))))?;
    }
    Ok(())
}

fn hit(line: &ImpactLine) -> u64 {
    line.replayed.quarantined.saturating_add(line.replayed.rejected)
}

fn print_simulation(view: &SimulateView, lang: Lang) -> Result<()> {
    talk::print(format!("{}  {}", clean(&view.domain), clean_long(&view.record)))?;
    talk::print(format!(
        "{} {} · {} {}",
        view.days,
        lang.pick("dagen", "days"),
        lang.number(view.messages),
        lang.pick("berichten", "messages")
    ))?;
    if view.messages == 0 {
        talk::print(lang.pick(
            "Over deze dagen zijn er geen rapporten, dus er valt niets door te rekenen.",
            "There are no reports about these days, so there is nothing to replay.",
        ))?;
        return Ok(());
    }
    talk::print(format!(
        "{} {}",
        lang.pick("U zou verliezen:", "You would lose:"),
        clean(view.text.get(lang))
    ))?;
    let mut table = talk::table([
        lang.pick("stroom", "stream"),
        lang.pick("wat", "what"),
        lang.pick("van", "from"),
        lang.pick("berichten", "messages"),
        lang.pick("in orde", "passed"),
        lang.pick("ongewenst", "junk"),
        lang.pick("geweigerd", "refused"),
        lang.pick("waarom", "why"),
    ]);
    for line in &view.lines {
        table.add_row([
            line.stream.clone().unwrap_or_else(|| "-".to_owned()),
            line.category.name(lang).to_owned(),
            clean(line.name.get(lang)),
            lang.number(line.replayed.messages),
            lang.number(line.replayed.passed),
            lang.number(line.replayed.quarantined),
            lang.number(line.replayed.rejected),
            line.why.map(|why| why.words(lang)).unwrap_or_default().to_owned(),
        ]);
    }
    talk::print(table.to_string())?;
    if !view.by_suffix_list.is_empty() {
        talk::print(lang.pick(
            "Ontvangers met de oude standaard (RFC 7489) zouden anders oordelen over:",
            "Receivers with the old standard (RFC 7489) would judge differently about:",
        ))?;
        for line in &view.by_suffix_list {
            let hit = lang.number(hit(line));
            talk::print(format!("  {}: {hit}", clean(line.name.get(lang))))?;
        }
    }
    for remark in &view.remarks {
        talk::print(format!("  {}", clean(remark.get(lang))))?;
    }
    Ok(())
}

fn print_digest(view: Option<&MailDigestView>, lang: Lang) -> Result<()> {
    let Some(view) = view else {
        return talk::print(lang.pick("Er hoeft niets te gebeuren.", "Nothing needs to be done."));
    };
    for item in &view.items {
        talk::print(format!("{} {}", mark(item.light), clean(item.text.get(lang))))?;
        match (&item.record, &item.todo) {
            (Some(record), _) => print_record(record, lang)?,
            (None, Some(todo)) => talk::print(format!("  → {}", clean(todo.get(lang))))?,
            (None, None) => {}
        }
    }
    Ok(())
}
