//! `mail queue`: what waits for the smarthost, without saying whose it is; try again, throw away.

use std::fmt::Write as _;

use anyhow::Result;
use kluis_app::{AppError, MailQueueLine, MailQueueStatus};
use kluis_model::{JobId, Lang, TimeMs};
use serde_json::json;

use super::super::{Context, Outcome, Session};
use crate::args_mail::MailQueueCommand;
use crate::talk;
use crate::wire::Hinted;

/// Runs `mail queue …`.
pub(crate) async fn run(context: &Context, session: &Session, command: MailQueueCommand) -> Result<Outcome> {
    let (app, actor) = (&session.vault.app, &session.actor);
    match command {
        MailQueueCommand::Status => {
            let status = app.mail_queue_status(actor).await?;
            if context.json {
                talk::print_json(&status)?;
            } else {
                talk::print(status_words(&status, app.now(), context.lang))?;
            }
            Ok(Outcome::of_findings(usize::try_from(status.held).unwrap_or(usize::MAX)))
        }
        MailQueueCommand::List { limit } => {
            let lines = app.mail_queue_list(actor, limit).await?;
            if context.json {
                talk::print_json(&lines)?;
            } else if lines.is_empty() {
                talk::print(context.text("Er wacht geen mail.", "No mail waits."))?;
            } else {
                for line in &lines {
                    talk::print(line_words(line, app.now(), context.lang))?;
                }
            }
            Ok(Outcome::of_findings(lines.iter().filter(|line| line.is_held).count()))
        }
        MailQueueCommand::Retry { ids } => {
            let ids = read_ids(&ids, context.lang)?;
            if ids.is_empty() {
                app.mail_queue_retry(actor, None).await?;
            }
            for id in &ids {
                app.mail_queue_retry(actor, Some(*id))
                    .await
                    .map_err(|error| explained(error, *id, context.lang))?;
            }
            context.done(
                &json!({ "retried": if ids.is_empty() { json!("all") } else { json!(ids) } }),
                "De server probeert dit binnen enkele seconden opnieuw.",
                "The server tries this again within seconds.",
            )?;
            Ok(Outcome::Good)
        }
        MailQueueCommand::Drop { ids } => {
            let ids = read_ids(&ids, context.lang)?;
            for id in &ids {
                app.mail_queue_drop(actor, *id).await.map_err(|error| explained(error, *id, context.lang))?;
            }
            context.done(
                &json!({ "dropped": ids }),
                "Weggegooid: niemand krijgt dit bericht, en de afzender krijgt geen melding.",
                "Thrown away: nobody gets this message, and its sender is not told.",
            )?;
            Ok(Outcome::Good)
        }
    }
}

/// A message that is not there any more was sent or thrown away.
fn explained(error: AppError, id: JobId, lang: Lang) -> anyhow::Error {
    if !matches!(error, AppError::NotFound) {
        return error.into();
    }
    Hinted::error(
        format!(
            "{id}: {}",
            lang.pick("dit bericht wacht niet (meer)", "this message does not wait (any more)")
        ),
        lang.pick(
            "zie wat er wacht met: klantkluis mail queue list",
            "see what waits by: klantkluis mail queue list",
        ),
    )
}

fn read_ids(texts: &[String], lang: Lang) -> Result<Vec<JobId>> {
    let read = |text: &String| {
        text.parse().map_err(|_| {
            Hinted::error(
                lang.pick("dit is geen nummer van een bericht", "this is not the id of a message"),
                lang.pick(
                    "zie de nummers met: klantkluis mail queue list",
                    "see the ids with: klantkluis mail queue list",
                ),
            )
        })
    };
    texts.iter().map(read).collect()
}

fn status_words(status: &MailQueueStatus, now: TimeMs, lang: Lang) -> String {
    let mut text = match (status.waiting, lang) {
        (0, Lang::Nl) => "Er wacht geen mail.".to_owned(),
        (0, Lang::En) => "No mail waits.".to_owned(),
        (1, Lang::Nl) => "1 bericht wacht".to_owned(),
        (1, Lang::En) => "1 message waits".to_owned(),
        (many, Lang::Nl) => format!("{many} berichten wachten"),
        (many, Lang::En) => format!("{many} messages wait"),
    };
    if let Some(oldest) = status.oldest.filter(|_| status.waiting > 0) {
        let (size, age) = (bytes(status.bytes), age(now, oldest, lang));
        let _ = match lang {
            Lang::Nl => write!(text, ", samen {size}; het oudste sinds {age}."),
            Lang::En => write!(text, ", {size} together; the oldest for {age}."),
        };
    }
    for stream in &status.streams {
        let _ = write!(text, "\n  {}: {} ({})", stream.stream, stream.waiting, age(now, stream.oldest, lang));
    }
    if status.held > 0 {
        let _ = match lang {
            Lang::Nl => write!(
                text,
                "\n{} worden niet verstuurd: hun inhoud klopt niet meer met hun zegel. Iemand heeft de database veranderd.",
                status.held
            ),
            Lang::En => write!(
                text,
                "\n{} are not sent: they no longer agree with their seal. Somebody changed the database.",
                status.held
            ),
        };
    }
    text
}

fn line_words(line: &MailQueueLine, now: TimeMs, lang: Lang) -> String {
    let state = match (line.is_held, line.is_being_sent, lang) {
        (true, _, Lang::Nl) => "vastgehouden: klopt niet met zijn zegel".to_owned(),
        (true, _, Lang::En) => "kept back: does not agree with its seal".to_owned(),
        (_, true, Lang::Nl) => "wordt nu verzonden".to_owned(),
        (_, true, Lang::En) => "being sent now".to_owned(),
        (_, _, Lang::Nl) if line.due <= now => "aan de beurt".to_owned(),
        (_, _, Lang::En) if line.due <= now => "due".to_owned(),
        (_, _, Lang::Nl) => format!("opnieuw over {}", age(line.due, now, lang)),
        (_, _, Lang::En) => format!("again in {}", age(line.due, now, lang)),
    };
    let tried = match (line.attempts, lang) {
        (0, _) => String::new(),
        (1, Lang::Nl) => ", 1 keer geprobeerd".to_owned(),
        (1, Lang::En) => ", tried once".to_owned(),
        (many, Lang::Nl) => format!(", {many} keer geprobeerd"),
        (many, Lang::En) => format!(", tried {many} times"),
    };
    let last = line.last.as_ref().map_or_else(String::new, |last| format!(" ({last})"));
    let report = match (line.is_report, lang) {
        (false, _) => "",
        (true, Lang::Nl) => ", melding dat iets niet is bezorgd",
        (true, Lang::En) => ", a report of a failure",
    };
    format!(
        "{}  {}  {}  {}  {}{report}: {state}{tried}{last}",
        line.id,
        age(now, line.at, lang),
        line.stream,
        line.receivers.join(", "),
        bytes(line.bytes),
    )
}

/// How long ago something was, in the largest unit that fits.
fn age(now: TimeMs, at: TimeMs, lang: Lang) -> String {
    let seconds = now.since(at).as_secs();
    let (number, nl, en) = match seconds {
        0..120 => (seconds, "s", "s"),
        120..7_200 => (seconds / 60, "min", "min"),
        7_200..172_800 => (seconds / 3_600, "uur", "h"),
        _ => (seconds / 86_400, "dagen", "days"),
    };
    format!("{number} {}", lang.pick(nl, en))
}

fn bytes(many: u64) -> String {
    match many {
        0..1_024 => format!("{many} B"),
        1_024..1_048_576 => format!("{} KiB", many.div_ceil(1_024)),
        _ => format!("{} MiB", many.div_ceil(1_048_576)),
    }
}
